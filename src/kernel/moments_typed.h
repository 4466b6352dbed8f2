/* moments_typed.h (internal): means and sums of squared deviations in the type T for one
 * instruction set; see isa_loops.h. */

static TARGET double LOOP(sum_row)(int64_t n, const T *x) {
    double lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            lane[k] += (double)x[i + k];
        }
    }
    for (; i < n; i++) {
        lane[i % LANES] += (double)x[i];
    }
    return sum_of_lanes(lane);
}

static TARGET double LOOP(squares_row)(int64_t n, const T *x, double mean) {
    double lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            const double d = (double)x[i + k] - mean;
            lane[k] += d * d;
        }
    }
    for (; i < n; i++) {
        const double d = (double)x[i] - mean;
        lane[i % LANES] += d * d;
    }
    return sum_of_lanes(lane);
}

/* n neighbours, block by block, each in two passes while it is in the cache. */
static TARGET moments LOOP(row)(int64_t n, const void *from) {
    const T *x = from;
    moments all = {0, 0, 0};
    for (int64_t i = 0; i < n; i += BLOCK) {
        const int64_t some = n - i < BLOCK ? n - i : BLOCK;
        const double mean = LOOP(sum_row)(some, x + i) / (double)some;
        const moments block = {(double)some, mean, LOOP(squares_row)(some, x + i, mean)};
        all = join(all, block);
    }
    return all;
}

/* The same of w columns of n rows, `row` elements apart. */
static TARGET void LOOP(columns)(int64_t n, int64_t row, int64_t w, const void *from, moments *to) {
    const T *restrict x = from;
    double mean[STRIP], squares[STRIP];
    for (int64_t j = 0; j < w; j++) {
        to[j] = (moments){0, 0, 0};
    }
    for (int64_t i = 0; i < n; i += ROWS) {
        const int64_t some = n - i < ROWS ? n - i : ROWS;
        for (int64_t j = 0; j < w; j++) {
            mean[j] = squares[j] = 0;
        }
        for (int64_t k = i; k < i + some; k++) {
            for (int64_t j = 0; j < w; j++) {
                mean[j] += (double)x[k * row + j];
            }
        }
        for (int64_t j = 0; j < w; j++) {
            mean[j] /= (double)some;
        }
        for (int64_t k = i; k < i + some; k++) {
            for (int64_t j = 0; j < w; j++) {
                const double d = (double)x[k * row + j] - mean[j];
                squares[j] += d * d;
            }
        }
        for (int64_t j = 0; j < w; j++) {
            const moments block = {(double)some, mean[j], squares[j]};
            to[j] = join(to[j], block);
        }
    }
}

static TARGET void LOOP(centre_row)(int64_t n, const void *from, double mean, double factor,
                                    void *result) {
    const T *restrict x = from;
    T *restrict to = result;
    for (int64_t i = 0; i < n; i++) {
        to[i] = (T)(((double)x[i] - mean) * factor);
    }
}

static TARGET void LOOP(centre_columns)(int64_t n, int64_t row, int64_t w, const void *from,
                                        const double *restrict mean, const double *restrict factor,
                                        void *result) {
    const T *restrict x = from;
    T *restrict to = result;
    for (int64_t i = 0; i < n; i++, x += row, to += row) {
        for (int64_t j = 0; j < w; j++) {
            to[j] = (T)(((double)x[j] - mean[j]) * factor[j]);
        }
    }
}
