/* activations.c: elementwise verbs that are made of others. */
#include "tape/tape.h"
#include "wengert/array.h"
#include "wengert/elementwise.h"

#define WG_PI 3.14159265358979323846264338328

wg_var wg_deg2rad_at(wg_var x, const char *site) {
    return wg_mul_at(x, wg_number(WG_PI / 180), site);
}

wg_var wg_rad2deg_at(wg_var x, const char *site) {
    return wg_mul_at(x, wg_number(180 / WG_PI), site);
}

wg_var wg_relu6_at(wg_var x, const char *site) {
    return wg_hardtanh_at(x, wg_number(0), wg_number(6), site);
}

wg_var wg_tanhshrink_at(wg_var x, const char *site) {
    return wg_sub_at(x, wg_tanh_at(x, site), site);
}

/* A weight [channels] becomes [channels, 1, ...], which broadcasts along axis 1 of x. */
wg_var wg_prelu_at(wg_var x, wg_var y, const char *site) {
    const int rank = wg_rank(x);
    if (rank >= 2 && wg_rank(y) == 1 && wg_size(y, 0) != 1) {
        if (wg_size(y, 0) != wg_size(x, 1)) {
            wg_tape_fail(x.tape, WG_ERROR_SHAPE, "prelu", site,
                         "a weight for %lld channels, but axis 1 of x has size %lld",
                         (long long)wg_size(y, 0), (long long)wg_size(x, 1));
            return wg_poison(x.tape);
        }
        int64_t shape[WG_MAX_RANK] = {wg_size(y, 0)};
        for (int axis = 1; axis < rank - 1; axis++) {
            shape[axis] = 1;
        }
        y = wg_reshape_at(y, rank - 1, shape, site);
    }
    return wg_leaky_relu_at(x, y, site);
}

#define WG_PLAIN_1(name)                                                                           \
    wg_var(wg_##name)(wg_var x) {                                                                  \
        return wg_##name##_at(x, NULL);                                                            \
    }
WG_PLAIN_1(deg2rad)
WG_PLAIN_1(rad2deg)
WG_PLAIN_1(relu6)
WG_PLAIN_1(tanhshrink)

wg_var(wg_prelu)(wg_var x, wg_var y) {
    return wg_prelu_at(x, y, NULL);
}
