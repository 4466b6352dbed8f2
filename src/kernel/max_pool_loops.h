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

static void NAMED(two_by_two)(int64_t n, const void *upper, const void *lower, void *out,
                              uint8_t *restrict place) {
    const T *restrict a = upper, *restrict b = lower;
    T *restrict to = out;
    for (int64_t j = 0; place == NULL && j < n; j++) {
        const T v = a[2 * j], w = a[2 * j + 1], x = b[2 * j], y = b[2 * j + 1];
        const T top = w > v || w != w ? w : v, low = y > x || y != y ? y : x;
        to[j] = low > top || low != low ? low : top;
    }
    for (int64_t j = 0; place != NULL && j < n; j++) {
        const T v = a[2 * j], w = a[2 * j + 1], x = b[2 * j], y = b[2 * j + 1];
        const int right = (w > v) | (w != w), last = (y > x) | (y != y);
        const T top = right ? w : v, low = last ? y : x;
        const int down = (low > top) | (low != low);
        to[j] = down ? low : top;
        place[j] = (uint8_t)(down ? 2 + last : right);
    }
}

static void NAMED(back_two_by_two)(int64_t n, const void *adjoint, const uint8_t *restrict place,
                                   void *upper, void *lower) {
    const T *restrict g = adjoint;
    T *restrict a = upper, *restrict b = lower;
    for (int64_t j = 0; j < n; j++) {
        a[2 * j] = place[j] == 0 ? g[j] : 0;
        a[2 * j + 1] = place[j] == 1 ? g[j] : 0;
    }
    for (int64_t j = 0; j < n; j++) {
        b[2 * j] = place[j] == 2 ? g[j] : 0;
        b[2 * j + 1] = place[j] == 3 ? g[j] : 0;
    }
}

#undef JOIN2
#undef JOIN
#undef NAMED
#undef UPDATE_LOOP
#undef T
