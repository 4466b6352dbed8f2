#include "kernel/count.h"

#include "base/parallel.h"

#define STRIP 256
/* A row of this many elements is cut into chunks that threads share. */
#define CHUNKED_FROM 262144
#define MOST_CHUNKS 64

#define COUNT(DTYPE, type, text)                                                                   \
    static int64_t row_##DTYPE(int64_t n, const void *from) {                                      \
        const type *x = from;                                                                      \
        int64_t count = 0;                                                                         \
        for (int64_t i = 0; i < n; i++) {                                                          \
            count += x[i] != 0;                                                                    \
        }                                                                                          \
        return count;                                                                              \
    }                                                                                              \
    static void columns_##DTYPE(int64_t n, int64_t row, int64_t w, const void *from,               \
                                int64_t *restrict to) {                                            \
        const type *x = from;                                                                      \
        for (int64_t j = 0; j < w; j++) {                                                          \
            to[j] = 0;                                                                             \
        }                                                                                          \
        for (int64_t i = 0; i < n; i++, x += row) {                                                \
            for (int64_t j = 0; j < w; j++) {                                                      \
                to[j] += x[j] != 0;                                                                \
            }                                                                                      \
        }                                                                                          \
    }
WG_COMPUTED_DTYPES(COUNT)

typedef struct loops {
    int64_t (*row)(int64_t n, const void *x);
    void (*columns)(int64_t n, int64_t row, int64_t w, const void *x, int64_t *to);
} loops;

#define LOOPS(DTYPE, type, text) {row_##DTYPE, columns_##DTYPE},
static const loops all_loops[] = {WG_COMPUTED_DTYPES(LOOPS)};

typedef struct counting {
    const loops *run;
    const wg_planes *planes;
    const char *x;
    int64_t *to;
    int64_t strips, size;
} counting;

typedef struct chunks {
    const counting *all;
    const char *x;
    int64_t count, part[MOST_CHUNKS];
} chunks;

static void count_chunk(void *context, int64_t i) {
    chunks *c = context;
    const int64_t n = c->all->planes->n, low = n * i / c->count;
    c->part[i] = c->all->run->row(n * (i + 1) / c->count - low, c->x + low * c->all->size);
}

static int64_t count_row(const counting *all, const char *x) {
    chunks c = {.all = all, .x = x, .count = MOST_CHUNKS};
    if (all->planes->n < CHUNKED_FROM) {
        return all->run->row(all->planes->n, x);
    }
    wg_parallel(c.count, true, count_chunk, &c);
    for (int64_t i = 1; i < c.count; i++) {
        c.part[0] += c.part[i];
    }
    return c.part[0];
}

static void count_strip(void *context, int64_t i) {
    const counting *c = context;
    const wg_planes *p = c->planes;
    const int64_t plane = i / c->strips, first = i % c->strips * STRIP;
    const char *x = c->x + (plane * p->n * p->inner + first) * c->size;
    int64_t *to = c->to + plane * p->inner + first;
    if (p->inner == 1) {
        *to = count_row(c, x);
    } else {
        c->run->columns(p->n, p->inner, p->inner - first < STRIP ? p->inner - first : STRIP, x, to);
    }
}

void wg_kernel_count_nonzero(const wg_planes *planes, const void *x, int64_t *to) {
    const int64_t results = planes->outer * planes->inner;
    counting c = {.run = &all_loops[planes->dtype],
                  .planes = planes,
                  .x = x,
                  .to = to,
                  .strips = (planes->inner + STRIP - 1) / STRIP,
                  .size = (int64_t)wg_dtype_size(planes->dtype)};
    wg_parallel(planes->outer * c.strips, results > 1 && results * planes->n >= WG_SHARE_MEMORY,
                count_strip, &c);
}
