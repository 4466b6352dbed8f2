/* dropout.c: N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a
 * simple way to prevent neural networks from overfitting", JMLR 15 (2014); inverted, as everywhere
 * today: the scale is applied in training. */
#include "base/parallel.h"
#include "nn/store.h"

/* Elements of a job; a multiple of 4. */
#define PIECE 4096

/* What the jobs of one mask share. */
typedef struct drawing {
    wg_key key;
    uint64_t least; /* an element stays where its 32 random bits reach this */
    double scale;
    int64_t count;
    const wg_view *mask;
} drawing;

/* Without a branch, which would be guessed wrong half of the time. */
#define DRAW_FOUR(type)                                                                            \
    for (int64_t k = 0; k < 4 && i + k < d->count; k++) {                                          \
        ((type *)d->mask->data)[i + k] = (type)(bits[k] >= d->least) * (type)d->scale;             \
    }

/* Four elements to each block of random bits. */
static void draw(void *context, int64_t job) {
    const drawing *d = context;
    const int64_t end = (job + 1) * PIECE < d->count ? (job + 1) * PIECE : d->count;
    for (int64_t i = job * PIECE; i < end; i += 4) {
        uint32_t bits[4];
        wg_random_bits(d->key, (uint64_t)i / 4, bits);
        if (d->mask->dtype == WG_F32) {
            DRAW_FOUR(float)
        } else {
            DRAW_FOUR(double)
        }
    }
}

wg_var wg_dropout_at(wg_net net, wg_var x, double p, const char *site) {
    wg_tape *tape = net.tape;
    if (tape->status != WG_OK || wg_var_refused(tape, x, 0, "dropout", site)) {
        return wg_poison(tape);
    }
    const char *scope = net.scope != NULL ? net.scope->named.text : "";
    if (!(p >= 0 && p < 1)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "dropout", site,
                     "p = %g in the scope \"%s\" is not in [0, 1)", p, scope);
        return wg_poison(tape);
    }
    const wg_view view = wg_view_of(x);
    if (!wg_is_array(x) || (view.dtype != WG_F32 && view.dtype != WG_F64)) {
        wg_tape_fail(tape, WG_ERROR_DTYPE, "dropout", site,
                     "x in the scope \"%s\" is no array of f32 or f64", scope);
        return wg_poison(tape);
    }
    if (!net.training || p == 0) {
        return x;
    }
    const wg_var mask = wg_constant(tape, view.dtype, view.rank, view.shape, NULL);
    const wg_view into = wg_view_of(mask);
    if (tape->status == WG_OK) {
        drawing all = {.key = wg_key_fold(wg_key_name(net.store->key, scope), net.step),
                       .least = (uint64_t)(p * 0x1p32),
                       .scale = 1 / (1 - p),
                       .count = wg_view_count(&into),
                       .mask = &into};
        wg_parallel((all.count + PIECE - 1) / PIECE, all.count >= WG_SHARE_COMPUTE, draw, &all);
    }
    return wg_mul_at(x, mask, site);
}
