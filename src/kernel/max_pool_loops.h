/* max_pool_loops.h (internal): the loops of max_pool_table.h in the type T. */

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAMED(name) JOIN(name, T)

/* The comparison is of order alone, so that NaN goes through the second test. */
#define UPDATE_LOOP(stride)                                                                        \
    for (int64_t j = 0; j < n; j++) {                                                              \
        const T v = x[j * (stride)];                                                               \
        const int take = (v > best[j]) | (v != v) | (place[j] < 0);                                \
        best[j] = take ? v : best[j];                                                              \
        place[j] = take ? here : place[j];                                                         \
    }

static void NAMED(update)(int64_t n, const void *from, int64_t step, int32_t here, void *greatest,
                          int32_t *restrict place) {
    const T *restrict x = from;
    T *restrict best = greatest;
    if (step == 1) {
        UPDATE_LOOP(1)
    } else if (step == 2) {
        UPDATE_LOOP(2)
    } else {
        UPDATE_LOOP(step)
    }
}

/* Rows are often shorter than a vector (14, 5, 12 windows), and what is left of a loop would run
 * one by one, with branches nobody can foresee. So a row goes by blocks of fixed widths, the last
 * of which overlaps the one before: the same numbers are written twice. */
#define BLOCKS(block)                                                                              \
    do {                                                                                           \
        int64_t j = 0;                                                                             \
        for (; j + 16 <= n; j += 16) {                                                             \
            block(16, j);                                                                          \
        }                                                                                          \
        if (j < n && n >= 16) {                                                                    \
            block(16, n - 16);                                                                     \
        } else if (n >= 8 && n < 16) {                                                             \
            block(8, 0);                                                                           \
            block(8, n - 8);                                                                       \
        } else if (n >= 4 && n < 8) {                                                              \
            block(4, 0);                                                                           \
            block(4, n - 4);                                                                       \
        } else if (n < 4) {                                                                        \
            for (; j < n; j++) {                                                                   \
                block(1, j);                                                                       \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/* Not inlined: gcc unrolls the loops of what it inlines before it would make vectors of them. */
#if defined(__GNUC__)
#define APART __attribute__((noinline))
#else
#define APART
#endif

/* Steps by way of small arrays, and places as numbers of the type T: so gcc makes vectors of it.
 * The selections follow one another because a comparison is of order alone; NaN is asked for
 * behind. */
#define BLOCK(width)                                                                               \
    APART static void NAMED(forward_##width)(const T *restrict a, const T *restrict b,             \
                                             T *restrict to, uint8_t *restrict place) {            \
        T v[width], w[width], x[width], y[width], p[width];                                        \
        for (int i = 0; i < width; i++) {                                                          \
            v[i] = a[2 * i], w[i] = a[2 * i + 1], x[i] = b[2 * i], y[i] = b[2 * i + 1];            \
        }                                                                                          \
        for (int i = 0; i < width; i++) {                                                          \
            T top = w[i] > v[i] ? w[i] : v[i], low = y[i] > x[i] ? y[i] : x[i];                    \
            T right = w[i] > v[i] ? 1 : 0, last = y[i] > x[i] ? 3 : 2;                             \
            top = w[i] != w[i] ? w[i] : top;                                                       \
            right = w[i] != w[i] ? 1 : right;                                                      \
            low = y[i] != y[i] ? y[i] : low;                                                       \
            last = y[i] != y[i] ? 3 : last;                                                        \
            const T most = low > top ? low : top, which = low > top ? last : right;                \
            to[i] = low != low ? low : most;                                                       \
            p[i] = low != low ? last : which;                                                      \
        }                                                                                          \
        for (int i = 0; place != NULL && i < width; i++) {                                         \
            place[i] = (uint8_t)(int32_t)p[i];                                                     \
        }                                                                                          \
    }                                                                                              \
    APART static void NAMED(back_##width)(const T *restrict from, const uint8_t *restrict place,   \
                                          T *restrict a, T *restrict b) {                          \
        T p[width];                                                                                \
        for (int i = 0; i < width; i++) {                                                          \
            p[i] = (T)place[i];                                                                    \
        }                                                                                          \
        for (int i = 0; i < width; i++) {                                                          \
            const T g = from[i];                                                                   \
            a[2 * i] = p[i] == 0 ? g : 0;                                                          \
            a[2 * i + 1] = p[i] == 1 ? g : 0;                                                      \
        }                                                                                          \
        for (int i = 0; i < width; i++) {                                                          \
            const T g = from[i];                                                                   \
            b[2 * i] = p[i] == 2 ? g : 0;                                                          \
            b[2 * i + 1] = p[i] == 3 ? g : 0;                                                      \
        }                                                                                          \
    }
BLOCK(16)
BLOCK(8)
BLOCK(4)
BLOCK(1)

static void NAMED(two_by_two)(int64_t n, const void *upper, const void *lower, void *out,
                              uint8_t *restrict place) {
    const T *a = upper, *b = lower;
    T *to = out;
#define GREATEST(width, at)                                                                        \
    NAMED(forward_##width)                                                                         \
    (a + 2 * (at), b + 2 * (at), to + (at), place == NULL ? NULL : place + (at))
    BLOCKS(GREATEST);
}

static void NAMED(back_two_by_two)(int64_t n, const void *adjoint, const uint8_t *restrict place,
                                   void *upper, void *lower) {
    const T *g = adjoint;
    T *a = upper, *b = lower;
#define BACK(width, at) NAMED(back_##width)(g + (at), place + (at), a + 2 * (at), b + 2 * (at))
    BLOCKS(BACK);
}

#undef APART
#undef BLOCKS
#undef BLOCK
#undef GREATEST
#undef BACK
#undef JOIN2
#undef JOIN
#undef NAMED
#undef UPDATE_LOOP
#undef T
