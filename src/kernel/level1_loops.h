/* level1_loops.h (internal): the loops of level1.c for one type and one instruction set: T, ABS
 * and LOOP(name) are the includer's, TARGET stands before each function. */

TARGET static inline double LOOP(lanes_sum)(double *lane) {
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int k = 0; k < half; k++) {
            lane[k] += lane[k + half];
        }
    }
    return lane[0];
}

/* The lanes are the same on every machine, and so is the sum. */
TARGET static double LOOP(dot)(int64_t n, const void *left, const void *right) {
    const T *restrict x = left, *restrict y = right;
    double lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            lane[k] += (double)x[i + k] * (double)y[i + k];
        }
    }
    for (; i < n; i++) {
        lane[i % LANES] += (double)x[i] * (double)y[i];
    }
    return LOOP(lanes_sum)(lane);
}

TARGET static double LOOP(sum_abs)(int64_t n, const void *values, const void *unused) {
    (void)unused;
    const T *restrict x = values;
    double lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            lane[k] += (double)ABS(x[i + k]);
        }
    }
    for (; i < n; i++) {
        lane[i % LANES] += (double)ABS(x[i]);
    }
    return LOOP(lanes_sum)(lane);
}

TARGET static double LOOP(greatest)(int64_t n, const void *values, const void *unused) {
    (void)unused;
    const T *restrict x = values;
    T most = 0;
    for (int64_t i = 0; i < n; i++) {
        const T size = ABS(x[i]);
        most = size <= most || most != most ? most : size; /* a NaN stays */
    }
    return (double)most;
}

TARGET static void LOOP(axpby)(int64_t n, double a, const void *from, double b, void *to) {
    const T *restrict x = from;
    T *restrict y = to;
    const T p = (T)a, q = (T)b;
    for (int64_t i = 0; i < n; i++) {
        y[i] = p * x[i] + q * y[i];
    }
}

TARGET static void LOOP(scale)(int64_t n, double a, const void *unused, double unused_too,
                               void *values) {
    (void)unused;
    (void)unused_too;
    T *restrict x = values;
    const T p = (T)a;
    for (int64_t i = 0; i < n; i++) {
        x[i] *= p;
    }
}

TARGET static void LOOP(lerp)(int64_t n, double a, const void *from, double unused, void *to) {
    (void)unused;
    const T *restrict x = from;
    T *restrict y = to;
    const T p = (T)a;
    for (int64_t i = 0; i < n; i++) {
        y[i] += p * (x[i] - y[i]);
    }
}

TARGET static void LOOP(clamp)(int64_t n, double most, const void *unused, double unused_too,
                               void *values) {
    (void)unused;
    (void)unused_too;
    T *restrict x = values;
    const T high = (T)most;
    for (int64_t i = 0; i < n; i++) {
        const T below = x[i] > high ? high : x[i];
        x[i] = below < -high ? -high : below;
    }
}
