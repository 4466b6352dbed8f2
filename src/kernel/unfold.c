#include "kernel/unfold.h"

#include "base/parallel.h"

#include <string.h>

typedef struct folding {
    const wg_blocks *b;
    const void *x;
    void *to;
    int64_t in, places, out;
} folding;

/* The blocks [*from, *to) of an axis whose place k lies within the image; *first is where it lies
 * in block *from. */
static void blocks_with(const wg_blocks *b, int i, int64_t k, int64_t *from, int64_t *to,
                        int64_t *first) {
    const int64_t offset = k * b->dilation[i] - b->padding[i], last = b->in[i] - 1 - offset;
    *from = offset < 0 ? (-offset + b->stride[i] - 1) / b->stride[i] : 0;
    *to = last < 0 ? 0 : last / b->stride[i] + 1;
    *to = *to > b->out[i] ? b->out[i] : *to;
    *first = offset + *from * b->stride[i];
}

/* Calls move(element of the image, element of the columns) for all that lie within. */
#define EACH_PLACE(move)                                                                           \
    const wg_blocks *b = f->b;                                                                     \
    for (int64_t k = 0; k < f->places; k++) {                                                      \
        int64_t from[2], to[2], first[2];                                                          \
        blocks_with(b, 0, k / b->kernel[1], &from[0], &to[0], &first[0]);                          \
        blocks_with(b, 1, k % b->kernel[1], &from[1], &to[1], &first[1]);                          \
        for (int64_t o = from[0]; o < to[0]; o++) {                                                \
            const int64_t row = first[0] + (o - from[0]) * b->stride[0];                           \
            const int64_t line = row * b->in[1] + first[1], s = b->stride[1];                      \
            const int64_t at = k * f->out + o * b->out[1] + from[1], n = to[1] - from[1];          \
            for (int64_t j = 0; s == 1 && j < n; j++) {                                            \
                move(line + j, at + j);                                                            \
            }                                                                                      \
            for (int64_t j = 0; s != 1 && j < n; j++) {                                            \
                move(line + j * s, at + j);                                                        \
            }                                                                                      \
        }                                                                                          \
    }

#define TAKE(i, at) columns[at] = image[i]
#define ADD(i, at) image[i] += columns[at]

#define FOLDS(type)                                                                                \
    static void unfold_##type(void *context, int64_t plane) {                                      \
        const folding *f = context;                                                                \
        const type *restrict image = (const type *)f->x + plane * f->in;                           \
        type *restrict columns = (type *)f->to + plane * f->places * f->out;                       \
        memset(columns, 0, (size_t)(f->places * f->out) * sizeof(type));                           \
        EACH_PLACE(TAKE)                                                                           \
    }                                                                                              \
    static void fold_##type(void *context, int64_t plane) {                                        \
        const folding *f = context;                                                                \
        const type *restrict columns = (const type *)f->x + plane * f->places * f->out;            \
        type *restrict image = (type *)f->to + plane * f->in;                                      \
        memset(image, 0, (size_t)f->in * sizeof(type));                                            \
        EACH_PLACE(ADD)                                                                            \
    }
FOLDS(float)
FOLDS(double)

static void run(const wg_blocks *b, const void *x, void *to,
                void (*plane)(void *context, int64_t plane)) {
    folding f = {b, x, to, b->in[0] * b->in[1], b->kernel[0] * b->kernel[1], b->out[0] * b->out[1]};
    wg_parallel(b->planes, b->planes * f.places * f.out >= WG_SHARE_MEMORY, plane, &f);
}

void wg_kernel_unfold(const wg_blocks *b, wg_dtype dtype, const void *x, void *to) {
    run(b, x, to, dtype == WG_F32 ? unfold_float : unfold_double);
}

void wg_kernel_fold(const wg_blocks *b, wg_dtype dtype, const void *x, void *to) {
    run(b, x, to, dtype == WG_F32 ? fold_float : fold_double);
}
