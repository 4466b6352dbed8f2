/* optimizer_loops.h (internal): the loops of optimizer.c for one type and one instruction set:
 * T, ROOT and LOOP(name) are the includer's, TARGET stands before each function. */

TARGET static void LOOP(sgd)(int64_t n, const wg_sgd_numbers *s, const void *gradient,
                             void *weight) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    const T lr = (T)s->lr, decay = (T)s->decay;
    for (int64_t i = 0; i < n && decay == 0; i++) {
        w[i] -= lr * g[i];
    }
    for (int64_t i = 0; i < n && decay != 0; i++) {
        w[i] -= lr * (g[i] + decay * w[i]);
    }
}

/* The same of the gradient column · row, which is never written down. */
TARGET static void LOOP(sgd_outer)(int64_t rows, int64_t columns, const wg_sgd_numbers *s,
                                   const void *column, const void *row, void *weight) {
    const T *restrict v = row;
    const T lr = (T)s->lr, decay = (T)s->decay;
    for (int64_t k = 0; k < rows; k++) {
        T *restrict w = (T *)weight + k * columns;
        const T u = ((const T *)column)[k];
        for (int64_t i = 0; i < columns && decay == 0; i++) {
            w[i] -= lr * (u * v[i]);
        }
        for (int64_t i = 0; i < columns && decay != 0; i++) {
            w[i] -= lr * (u * v[i] + decay * w[i]);
        }
    }
}

TARGET static void LOOP(sgd_momentum)(int64_t n, const wg_sgd_numbers *s, const void *gradient,
                                      void *weight, void *velocity) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    T *restrict v = velocity;
    const T lr = (T)s->lr, decay = (T)s->decay, momentum = (T)s->momentum;
    const T own = (T)s->own, carried = (T)s->carried;
    for (int64_t i = 0; i < n; i++) {
        const T slope = g[i] + decay * w[i];
        v[i] = momentum * v[i] + slope;
        w[i] -= lr * (own * slope + carried * v[i]);
    }
}

TARGET static void LOOP(adam)(int64_t n, const wg_adam_numbers *s, const void *gradient,
                              void *weight, void *mean, void *variance) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    T *restrict m = mean;
    T *restrict v = variance;
    const T decay = (T)s->decay, shrink = (T)s->shrink, step = (T)s->step;
    const T beta2 = (T)s->beta2, root = (T)s->root, epsilon = (T)s->epsilon;
    const T new1 = (T)(1 - s->beta1), new2 = (T)(1 - s->beta2);
    for (int64_t i = 0; i < n; i++) {
        const T slope = g[i] + decay * w[i];
        m[i] += new1 * (slope - m[i]);
        v[i] = beta2 * v[i] + new2 * slope * slope;
        w[i] = shrink * w[i] - step * m[i] / (root * ROOT(v[i]) + epsilon);
    }
}

TARGET static void LOOP(scale)(int64_t n, double factor, void *values) {
    T *restrict x = values;
    const T by = (T)factor;
    for (int64_t i = 0; i < n; i++) {
        x[i] *= by;
    }
}

/* The lanes are the same on every machine, and so is the sum. */
TARGET static double LOOP(sum_squares)(int64_t n, const void *values) {
    const T *restrict x = values;
    double lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            lane[k] += (double)x[i + k] * (double)x[i + k];
        }
    }
    for (; i < n; i++) {
        lane[i % LANES] += (double)x[i] * (double)x[i];
    }
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int k = 0; k < half; k++) {
            lane[k] += lane[k + half];
        }
    }
    return lane[0];
}
