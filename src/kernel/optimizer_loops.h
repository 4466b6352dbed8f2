/* optimizer_loops.h (internal): the loops of optimizer.c for one type and one instruction set:
 * T, ROOT, ABS and LOOP(name) are the includer's, TARGET stands before each function. The formulas
 * are in optimizer.h. */

#define WG_LOOP_HEAD(name)                                                                         \
    TARGET static void LOOP(name)(int64_t n, const wg_step_numbers *s, const void *gradient,       \
                                  void *weight, void *const *slot)

WG_LOOP_HEAD(sgd) {
    (void)slot;
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
TARGET static void LOOP(sgd_outer)(int64_t rows, int64_t columns, const wg_step_numbers *s,
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

WG_LOOP_HEAD(momentum) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    T *restrict v = slot[0];
    const T lr = (T)s->lr, decay = (T)s->decay, momentum = (T)s->momentum;
    const T take = (T)s->take, own = (T)s->own, carried = (T)s->carried;
    for (int64_t i = 0; i < n; i++) {
        const T slope = g[i] + decay * w[i];
        v[i] = momentum * v[i] + take * slope;
        w[i] -= lr * (own * slope + carried * v[i]);
    }
}

WG_LOOP_HEAD(adam) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    T *restrict m = slot[0];
    T *restrict v = slot[1];
    const T decay = (T)s->decay, shrink = (T)s->shrink, lr = (T)s->lr;
    const T beta2 = (T)s->beta2, root = (T)s->root, epsilon = (T)s->epsilon;
    const T new1 = (T)(1 - s->beta1), new2 = (T)(1 - s->beta2);
    for (int64_t i = 0; i < n; i++) {
        const T slope = g[i] + decay * w[i];
        m[i] += new1 * (slope - m[i]);
        v[i] = beta2 * v[i] + new2 * slope * slope;
        w[i] = shrink * w[i] - lr * m[i] / (root * ROOT(v[i]) + epsilon);
    }
}

WG_LOOP_HEAD(unadapted) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    T *restrict m = slot[0];
    T *restrict v = slot[1];
    const T decay = (T)s->decay, shrink = (T)s->shrink, lr = (T)s->lr, beta2 = (T)s->beta2;
    const T new1 = (T)(1 - s->beta1), new2 = (T)(1 - s->beta2);
    for (int64_t i = 0; i < n; i++) {
        const T slope = g[i] + decay * w[i];
        m[i] += new1 * (slope - m[i]);
        v[i] = beta2 * v[i] + new2 * slope * slope;
        w[i] = shrink * w[i] - lr * m[i];
    }
}

WG_LOOP_HEAD(amsgrad) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    T *restrict m = slot[0];
    T *restrict v = slot[1];
    T *restrict most = slot[2];
    const T decay = (T)s->decay, shrink = (T)s->shrink, lr = (T)s->lr;
    const T beta2 = (T)s->beta2, root = (T)s->root, epsilon = (T)s->epsilon;
    const T new1 = (T)(1 - s->beta1), new2 = (T)(1 - s->beta2);
    for (int64_t i = 0; i < n; i++) {
        const T slope = g[i] + decay * w[i];
        m[i] += new1 * (slope - m[i]);
        v[i] = beta2 * v[i] + new2 * slope * slope;
        most[i] = v[i] <= most[i] ? most[i] : v[i]; /* a NaN goes on */
        w[i] = shrink * w[i] - lr * m[i] / (root * ROOT(most[i]) + epsilon);
    }
}

WG_LOOP_HEAD(nadam) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    T *restrict m = slot[0];
    T *restrict v = slot[1];
    const T decay = (T)s->decay, own = (T)s->own, carried = (T)s->carried;
    const T beta2 = (T)s->beta2, root = (T)s->root, epsilon = (T)s->epsilon;
    const T new1 = (T)(1 - s->beta1), new2 = (T)(1 - s->beta2);
    for (int64_t i = 0; i < n; i++) {
        const T slope = g[i] + decay * w[i];
        m[i] += new1 * (slope - m[i]);
        v[i] = beta2 * v[i] + new2 * slope * slope;
        w[i] -= (own * slope + carried * m[i]) / (root * ROOT(v[i]) + epsilon);
    }
}

WG_LOOP_HEAD(adamax) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    T *restrict m = slot[0];
    T *restrict u = slot[1];
    const T decay = (T)s->decay, lr = (T)s->lr;
    const T beta2 = (T)s->beta2, epsilon = (T)s->epsilon, new1 = (T)(1 - s->beta1);
    for (int64_t i = 0; i < n; i++) {
        const T slope = g[i] + decay * w[i];
        const T old = beta2 * u[i], now = ABS(slope) + epsilon;
        m[i] += new1 * (slope - m[i]);
        u[i] = now <= old ? old : now;
        w[i] -= lr * m[i] / u[i];
    }
}

/* `centered` and `momentum` are constants where this is called, so that no loop asks. */
TARGET static inline void LOOP(rmsprop_with)(int64_t n, const wg_step_numbers *s,
                                             const void *gradient, void *weight, void *const *slot,
                                             bool centered, bool momentum) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    T *restrict v = slot[0];
    T *restrict carried = slot[1];
    T *restrict mean = slot[2];
    const T decay = (T)s->decay, lr = (T)s->lr, keep = (T)s->momentum;
    const T alpha = (T)s->beta2, share = (T)(1 - s->beta2), epsilon = (T)s->epsilon;
    for (int64_t i = 0; i < n; i++) {
        const T slope = g[i] + decay * w[i];
        v[i] = alpha * v[i] + share * slope * slope;
        T square = v[i];
        if (centered) {
            mean[i] += share * (slope - mean[i]);
            square -= mean[i] * mean[i];
            square = square < 0 ? 0 : square; /* by rounding */
        }
        T u = slope / (ROOT(square) + epsilon);
        if (momentum) {
            u = carried[i] = keep * carried[i] + u;
        }
        w[i] -= lr * u;
    }
}

WG_LOOP_HEAD(rmsprop) {
    if (slot[1] == NULL && slot[2] == NULL) {
        LOOP(rmsprop_with)(n, s, gradient, weight, slot, false, false);
    } else if (slot[2] == NULL) {
        LOOP(rmsprop_with)(n, s, gradient, weight, slot, false, true);
    } else if (slot[1] == NULL) {
        LOOP(rmsprop_with)(n, s, gradient, weight, slot, true, false);
    } else {
        LOOP(rmsprop_with)(n, s, gradient, weight, slot, true, true);
    }
}

WG_LOOP_HEAD(adagrad) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    T *restrict sum = slot[0];
    const T decay = (T)s->decay, lr = (T)s->lr, epsilon = (T)s->epsilon;
    for (int64_t i = 0; i < n; i++) {
        const T slope = g[i] + decay * w[i];
        sum[i] += slope * slope;
        w[i] -= lr * slope / (ROOT(sum[i]) + epsilon);
    }
}

WG_LOOP_HEAD(adadelta) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    T *restrict v = slot[0];
    T *restrict moved = slot[1];
    const T decay = (T)s->decay, lr = (T)s->lr, epsilon = (T)s->epsilon;
    const T rho = (T)s->beta2, share = (T)(1 - s->beta2);
    for (int64_t i = 0; i < n; i++) {
        const T slope = g[i] + decay * w[i];
        v[i] = rho * v[i] + share * slope * slope;
        const T u = ROOT(moved[i] + epsilon) / ROOT(v[i] + epsilon) * slope;
        moved[i] = rho * moved[i] + share * u * u;
        w[i] -= lr * u;
    }
}

WG_LOOP_HEAD(lion) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    T *restrict m = slot[0];
    const T shrink = (T)s->shrink, lr = (T)s->lr;
    const T beta1 = (T)s->beta1, new1 = (T)(1 - s->beta1);
    const T beta2 = (T)s->beta2, new2 = (T)(1 - s->beta2);
    for (int64_t i = 0; i < n; i++) {
        const T u = beta1 * m[i] + new1 * g[i];
        const T sign = u > 0 ? (T)1 : u < 0 ? (T)-1 : u; /* a NaN goes on */
        w[i] = shrink * w[i] - lr * sign;
        m[i] = beta2 * m[i] + new2 * g[i];
    }
}

WG_LOOP_HEAD(muon) {
    const T *restrict g = gradient;
    T *restrict w = weight;
    T *restrict m = slot[0];
    const T *restrict u = slot[1];
    const T shrink = (T)s->shrink, lr = (T)s->lr, share = (T)(1 - s->momentum);
    for (int64_t i = 0; i < n; i++) {
        m[i] += share * (g[i] - m[i]);
        w[i] = shrink * w[i] - lr * u[i];
    }
}

TARGET static inline double LOOP(sum_lanes)(double *lane) {
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int k = 0; k < half; k++) {
            lane[k] += lane[k + half];
        }
    }
    return lane[0];
}

/* The moments of LAMB, and sums[0] = Σ w², sums[1] = Σ u². */
TARGET static void LOOP(lamb_moments)(int64_t n, const wg_step_numbers *s, const void *gradient,
                                      const void *weight, void *const *slot, double *sums) {
    const T *restrict g = gradient;
    const T *restrict w = weight;
    T *restrict m = slot[0];
    T *restrict v = slot[1];
    const T decay = (T)s->decay, carried = (T)s->carried, root = (T)s->root;
    const T beta2 = (T)s->beta2, epsilon = (T)s->epsilon;
    const T new1 = (T)(1 - s->beta1), new2 = (T)(1 - s->beta2);
    double squares[LANES] = {0}, updates[LANES] = {0};
    for (int64_t start = 0; start < n; start += LANES) {
        const int64_t some = n - start < LANES ? n - start : LANES;
        for (int64_t k = 0; k < some; k++) {
            const int64_t i = start + k;
            m[i] += new1 * (g[i] - m[i]);
            v[i] = beta2 * v[i] + new2 * g[i] * g[i];
            const T u = carried * m[i] / (root * ROOT(v[i]) + epsilon) + decay * w[i];
            squares[k] += (double)w[i] * (double)w[i];
            updates[k] += (double)u * (double)u;
        }
    }
    sums[0] = LOOP(sum_lanes)(squares);
    sums[1] = LOOP(sum_lanes)(updates);
}

WG_LOOP_HEAD(lamb_move) {
    (void)gradient;
    T *restrict w = weight;
    const T *restrict m = slot[0];
    const T *restrict v = slot[1];
    const T decay = (T)s->decay, carried = (T)s->carried, root = (T)s->root;
    const T epsilon = (T)s->epsilon, lr = (T)s->lr;
    for (int64_t i = 0; i < n; i++) {
        const T u = carried * m[i] / (root * ROOT(v[i]) + epsilon) + decay * w[i];
        w[i] -= lr * u;
    }
}

#undef WG_LOOP_HEAD
