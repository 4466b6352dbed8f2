#include "kernel/sort.h"

#include "base/parallel.h"

#include <string.h>

#define INSERTION_UP_TO 32
/* A heap finds the first entries where they are fewer than this part of all. */
#define HEAP_FRACTION 8
/* Lines are handed out in this many pieces, each with scratch of its own. */
#define MOST_PIECES 16

/* ---- Entries ------------------------------------------------------------------------------- */

/* Keys of up to 32 bits share a word with the index. */
#define E uint64_t
#define NAMED(name) name##_narrow
#define LESS(a, b) ((a) < (b))
#define DIGITS 4
#define DIGIT(e, d) ((e) >> (32 + 8 * (d)) & 255)
#include "kernel/sort_typed.h"

typedef struct wide {
    uint64_t key;
    int64_t index;
} wide;

#define E wide
#define NAMED(name) name##_wide
#define LESS(a, b) ((a).key < (b).key || ((a).key == (b).key && (a).index < (b).index))
#define DIGITS 8
#define DIGIT(e, d) ((e).key >> (8 * (d)) & 255)
#include "kernel/sort_typed.h"

/* ---- Keys: whole numbers that are ordered as the elements are ------------------------------ */

static inline uint32_t key_F32(float x) {
    uint32_t bits;
    x += 0.0f; /* -0 becomes 0 */
    memcpy(&bits, &x, sizeof bits);
    return x != x ? UINT32_MAX : (bits >> 31) != 0 ? ~bits : bits | (uint32_t)1 << 31;
}

static inline uint64_t key_F64(double x) {
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? UINT64_MAX : (bits >> 63) != 0 ? ~bits : bits | (uint64_t)1 << 63;
}

static inline uint64_t key_I64(int64_t x) {
    return (uint64_t)x ^ (uint64_t)1 << 63;
}

static inline uint32_t key_U8(uint8_t x) {
    return x;
}

#define NARROW(DTYPE, type)                                                                        \
    static void entries_##DTYPE(bool descending, int64_t n, int64_t step, const void *from,        \
                                void *to) {                                                        \
        const type *x = from;                                                                      \
        uint64_t *e = to;                                                                          \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const uint32_t key = key_##DTYPE(x[i * step]);                                         \
            e[i] = (uint64_t)(descending ? ~key : key) << 32 | (uint64_t)i;                        \
        }                                                                                          \
    }
NARROW(F32, float)
NARROW(U8, uint8_t)

#define WIDE(DTYPE, type)                                                                          \
    static void entries_##DTYPE(bool descending, int64_t n, int64_t step, const void *from,        \
                                void *to) {                                                        \
        const type *x = from;                                                                      \
        wide *e = to;                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const uint64_t key = key_##DTYPE(x[i * step]);                                         \
            e[i] = (wide){descending ? ~key : key, i};                                             \
        }                                                                                          \
    }
WIDE(F64, double)
WIDE(I64, int64_t)

/* Wide entries of narrow keys, for lines longer than 32 bits count. */
#define LONG(DTYPE, type)                                                                          \
    static void long_entries_##DTYPE(bool descending, int64_t n, int64_t step, const void *from,   \
                                     void *to) {                                                   \
        const type *x = from;                                                                      \
        wide *e = to;                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const uint32_t key = key_##DTYPE(x[i * step]);                                         \
            e[i] = (wide){descending ? ~key : key, i};                                             \
        }                                                                                          \
    }
LONG(F32, float)
LONG(U8, uint8_t)

static bool is_narrow(const wg_planes *planes) {
    return (planes->dtype == WG_F32 || planes->dtype == WG_U8) && planes->n <= UINT32_MAX;
}

/* ---- Lines --------------------------------------------------------------------------------- */

/* The first NaN of a line, or -1. */
static int64_t first_nan(const wg_planes *planes, const void *from) {
    const int64_t n = planes->n, step = planes->inner;
    if (planes->dtype == WG_F32) {
        const float *x = from;
        for (int64_t i = 0; i < n; i++) {
            if (x[i * step] != x[i * step]) {
                return i;
            }
        }
    } else if (planes->dtype == WG_F64) {
        const double *x = from;
        for (int64_t i = 0; i < n; i++) {
            if (x[i * step] != x[i * step]) {
                return i;
            }
        }
    }
    return -1;
}

typedef struct sorting {
    const wg_sorting *how;
    const wg_planes *planes;
    const char *x;
    int64_t *to;
    char *scratch;
    int64_t pieces, size;
} sorting;

static void sort_line(const sorting *s, const void *x, int64_t *to, void *scratch) {
    const wg_planes *p = s->planes;
    const wg_sorting *how = s->how;
    const int64_t n = p->n, step = p->inner, most = how->first + how->count;
    const bool down = how->descending;
    const int64_t nan = how->nan_wins ? first_nan(p, x) : -1;
    if (nan >= 0) {
        for (int64_t k = 0; k < how->count; k++) {
            to[k * step] = nan;
        }
    } else if (is_narrow(p)) {
        uint64_t *e = scratch;
        (p->dtype == WG_F32 ? entries_F32 : entries_U8)(down, n, step, x, e);
        e = selected_narrow(e, e + n, n, most);
        for (int64_t k = 0; k < how->count; k++) {
            to[k * step] = (int64_t)(e[how->first + k] & UINT32_MAX);
        }
    } else {
        static void (*const entries[])(bool, int64_t, int64_t, const void *, void *) = {
            long_entries_F32, entries_F64, entries_I64, long_entries_U8};
        wide *e = scratch;
        entries[p->dtype](down, n, step, x, e);
        e = selected_wide(e, e + n, n, most);
        for (int64_t k = 0; k < how->count; k++) {
            to[k * step] = e[how->first + k].index;
        }
    }
}

static size_t line_bytes(const wg_planes *planes) {
    return 2 * (size_t)planes->n * (is_narrow(planes) ? sizeof(uint64_t) : sizeof(wide));
}

static int64_t pieces_of(const wg_planes *planes) {
    const int64_t lines = planes->outer * planes->inner;
    return lines < MOST_PIECES ? lines : MOST_PIECES;
}

static void sort_piece(void *context, int64_t i) {
    const sorting *s = context;
    const wg_planes *p = s->planes;
    const int64_t lines = p->outer * p->inner;
    for (int64_t line = lines * i / s->pieces; line < lines * (i + 1) / s->pieces; line++) {
        const int64_t plane = line / p->inner, column = line % p->inner;
        sort_line(s, s->x + (plane * p->n * p->inner + column) * s->size,
                  s->to + plane * s->how->count * p->inner + column,
                  s->scratch + (size_t)i * line_bytes(p));
    }
}

void wg_kernel_argsort(const wg_sorting *how, const wg_planes *planes, const void *x, int64_t *to,
                       void *scratch) {
    sorting s = {
        how, planes, x, to, scratch, pieces_of(planes), (int64_t)wg_dtype_size(planes->dtype)};
    if (planes->n > 0 && how->count > 0) {
        wg_parallel(s.pieces, planes->outer * planes->n * planes->inner >= WG_SHARE_COMPUTE,
                    sort_piece, &s);
    }
}

size_t wg_kernel_argsort_scratch(const wg_planes *planes) {
    return (size_t)pieces_of(planes) * line_bytes(planes);
}
