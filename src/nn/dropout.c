/* dropout.c: dropout keyed by the store's seed, the scope's name and the step. */
#include "nn/store.h"
#include "wengert/distribution.h"

typedef wg_var drop(wg_var x, wg_key key, double p, const char *site);

static wg_var dropped(wg_net net, wg_var x, double p, drop *how, const char *name,
                      const char *site) {
    wg_tape *tape = net.tape;
    if (tape->status != WG_OK || wg_var_refused(tape, x, 0, name, site)) {
        return wg_poison(tape);
    }
    const char *scope = net.scope != NULL ? net.scope->named.text : "";
    if (!(p >= 0 && p < 1)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, name, site,
                     "p = %g in the scope \"%s\" is not in [0, 1)", p, scope);
        return wg_poison(tape);
    }
    const wg_view view = wg_view_of(x);
    if (!wg_is_array(x) || (view.dtype != WG_F32 && view.dtype != WG_F64)) {
        wg_tape_fail(tape, WG_ERROR_DTYPE, name, site,
                     "x in the scope \"%s\" is no array of f32 or f64", scope);
        return wg_poison(tape);
    }
    if (!net.training || p == 0) {
        return x;
    }
    return how(x, wg_key_fold(wg_key_name(net.store->key, scope), net.step), p, site);
}

wg_var wg_dropout_at(wg_net net, wg_var x, double p, const char *site) {
    return dropped(net, x, p, wg_dropout_keyed_at, "dropout", site);
}

wg_var wg_dropout_channels_at(wg_net net, wg_var x, double p, const char *site) {
    return dropped(net, x, p, wg_dropout_channels_keyed_at, "dropout_channels", site);
}

wg_var wg_alpha_dropout_at(wg_net net, wg_var x, double p, const char *site) {
    return dropped(net, x, p, wg_alpha_dropout_keyed_at, "alpha_dropout", site);
}
