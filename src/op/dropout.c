/* dropout.c: N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a
 * simple way to prevent neural networks from overfitting", JMLR 15 (2014); inverted, as everywhere
 * today: the scale is applied in training. The mask is drawn anew in the chain rule, so that none
 * is kept. */
#include "kernel/random.h"
#include "op/define.h"
#include "op/samples.h"
#include "op/verb.h"
#include "tape/tape.h"
#include "wengert/distribution.h"

#include <math.h>
#include <string.h>

typedef struct dropout_state {
    wg_key key;
    double p, scale;
} dropout_state;

static wg_status dropout_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    return wg_call_result(call, x->dtype, x->rank, x->shape);
}

static wg_status dropout_forward(wg_call *call) {
    const dropout_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    wg_kernel_dropout(state->key, x->dtype, wg_view_count(x), state->p, state->scale, x->data,
                      wg_call_out(call)->data);
    return WG_OK;
}

static wg_var apply(wg_var x, const dropout_state *state, const char *site);

/* Linear in x, by a diagonal matrix. */
static void dropout_chain(wg_call *call, wg_var g) {
    wg_give(call, 0, apply(g, wg_call_state(call), WG_HERE));
}

WG_SAMPLES(dropout, {WG_OPERANDS(WG_FLOATS(-1, 1, 7)), WG_STATE(dropout_state, {{1, 2}}, 0.5, 2)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 90)), WG_STATE(dropout_state, {{3, 4}}, 0.25, 4. / 3)},
           {WG_OPERANDS(WG_FLOAT(-1, 1)), WG_STATE(dropout_state, {{5, 6}}, 0.1, 1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 3)), WG_STATE(dropout_state, {{5, 6}}, 0.1, 1)})
WG_DEFINE_OP(dropout, dropout_forward, dropout_chain, 0, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

static wg_var apply(wg_var x, const dropout_state *state, const char *site) {
    return wg_apply(&wg_op_dropout, 1, &x, state, sizeof *state, site);
}

/* Whether x and p will do. */
static bool checked(wg_var x, double p, const char *name, const char *site) {
    if (!wg_verb_takes(x, name, site)) {
        return false;
    }
    if (!(p >= 0 && p < 1)) {
        (void)wg_verb_fails(x, WG_ERROR_ARGUMENT, name, site, "by p = %g, which is not in [0, 1)",
                            p);
        return false;
    }
    return true;
}

wg_var wg_dropout_keyed_at(wg_var x, wg_key key, double p, const char *site) {
    if (!checked(x, p, "dropout", site)) {
        return wg_verb_nothing(x);
    }
    dropout_state state;
    memset(&state, 0, sizeof state);
    state.key = key;
    state.p = p;
    state.scale = 1 / (1 - p);
    return p == 0 ? x : apply(x, &state, site);
}

wg_var wg_dropout_channels_keyed_at(wg_var x, wg_key key, double p, const char *site) {
    if (!checked(x, p, "dropout_channels", site)) {
        return wg_verb_nothing(x);
    }
    const wg_view view = wg_view_of(x);
    int64_t shape[WG_MAX_RANK];
    if (view.rank < 2 || (view.dtype != WG_F32 && view.dtype != WG_F64)) {
        return wg_verb_fails(x, WG_ERROR_SHAPE, "dropout_channels", site,
                             "is no array [batch, channels, ...] of floats");
    }
    if (p == 0) {
        return x;
    }
    for (int i = 0; i < view.rank; i++) {
        shape[i] = i < 2 ? view.shape[i] : 1;
    }
    const wg_var mask = wg_full(x.tape, view.dtype, view.rank, shape, 1);
    return wg_mul_at(x, wg_dropout_keyed_at(mask, key, p, site), site);
}

/* G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing neural networks" (2017),
 * section 3 and its appendix: what SELU saturates at, and a and b that keep mean 0 and variance 1.
 */
wg_var wg_alpha_dropout_keyed_at(wg_var x, wg_key key, double p, const char *site) {
    static const double saturation = -1.7580993408473766;
    if (!checked(x, p, "alpha_dropout", site)) {
        return wg_verb_nothing(x);
    }
    const wg_view view = wg_view_of(x);
    if (view.dtype != WG_F32 && view.dtype != WG_F64) {
        return wg_verb_fails(x, WG_ERROR_DTYPE, "alpha_dropout", site, "is %s, not f32 or f64",
                             wg_dtype_name(view.dtype));
    }
    if (p == 0) {
        return x;
    }
    const double a = 1 / sqrt((1 - p) * (1 + p * saturation * saturation));
    const wg_var kept =
        wg_bernoulli_at(x.tape, key, wg_number(1 - p), view.dtype, view.rank, view.shape, site);
    const wg_var y =
        wg_where_at(kept, wg_mul_at(x, wg_number(a), site), wg_number(a * saturation), site);
    return wg_add_at(y, wg_number(-a * saturation * p), site);
}
