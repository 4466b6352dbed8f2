/* dropout.c: N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a
 * simple way to prevent neural networks from overfitting", JMLR 15 (2014); inverted, as everywhere
 * today: the scale is applied in training. */
#include "nn/store.h"

/* Elements from which threads share the drawing. */
#define SHARED_FROM 65536

/* Without a branch, which half of the time would be guessed wrong. */
#define DRAW_BLOCK(type)                                                                           \
    for (int64_t i = 0; i < some; i++) {                                                           \
        ((type *)mask->data)[4 * block + i] = (type)(bits[i] >= least) * (type)scale;              \
    }

/* Four elements to each block of random bits; an element stays where its 32 bits reach `least`. */
static void draw(wg_key key, uint64_t least, double scale, const wg_view *mask) {
    const int64_t count = wg_view_count(mask);
#pragma omp parallel for if (count >= SHARED_FROM)
    for (int64_t block = 0; block < (count + 3) / 4; block++) {
        const int64_t some = count - 4 * block < 4 ? count - 4 * block : 4;
        uint32_t bits[4];
        wg_random_bits(key, (uint64_t)block, bits);
        if (mask->dtype == WG_F32) {
            DRAW_BLOCK(float)
        } else {
            DRAW_BLOCK(double)
        }
    }
}

wg_var wg_dropout(wg_net net, wg_var x, double p) {
    wg_tape *tape = net.tape;
    if (tape->status != WG_OK || wg_var_refused(tape, x, 0, "dropout", NULL)) {
        return wg_poison(tape);
    }
    const char *scope = net.scope != NULL ? net.scope->named.text : "";
    if (!(p >= 0 && p < 1)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "dropout", NULL,
                     "p = %g in the scope \"%s\" is not in [0, 1)", p, scope);
        return wg_poison(tape);
    }
    const wg_view view = wg_view_of(x);
    if (!wg_is_array(x) || (view.dtype != WG_F32 && view.dtype != WG_F64)) {
        wg_tape_fail(tape, WG_ERROR_DTYPE, "dropout", NULL,
                     "x in the scope \"%s\" is no array of f32 or f64", scope);
        return wg_poison(tape);
    }
    if (!net.training || p == 0) {
        return x;
    }
    const wg_var mask = wg_constant(tape, view.dtype, view.rank, view.shape, NULL);
    const wg_view into = wg_view_of(mask);
    if (tape->status == WG_OK) {
        const wg_key key = wg_key_fold(wg_key_name(net.store->key, scope), net.step);
        draw(key, (uint64_t)(p * 0x1p32), 1 / (1 - p), &into);
    }
    return wg_mul_at(x, mask, "dropout");
}
