/* softmax_planes.h (internal): the softmax family in the type T, with VALUE(exp) of
 * vector_math.h.
 *
 * Two forms of each: along neighbours (inner = 1), and for up to STRIP columns side by side. */

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAMED(name) JOIN(name, T)

/* ---- Along neighbours ---------------------------------------------------------------------- */

static T NAMED(row_max)(int64_t n, const T *x) {
    T lane[2 * LANES];
    int64_t i = 0;
    for (int k = 0; k < 2 * LANES; k++) {
        lane[k] = -(T)INFINITY;
    }
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        for (int k = 0; k < 2 * LANES; k++) {
            lane[k] = x[i + k] > lane[k] ? x[i + k] : lane[k];
        }
    }
    for (; i < n; i++) {
        lane[0] = x[i] > lane[0] ? x[i] : lane[0];
    }
    for (int k = 1; k < 2 * LANES; k++) {
        lane[0] = lane[k] > lane[0] ? lane[k] : lane[0];
    }
    return lane[0];
}

static double NAMED(add_lanes)(const T *lane) {
    double wide[LANES];
    for (int k = 0; k < LANES; k++) {
        wide[k] = (double)lane[k];
    }
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int k = 0; k < half; k++) {
            wide[k] += wide[k + half];
        }
    }
    return wide[0];
}

/* The sum of g y, or of g alone where y is NULL. Lanes of T take STRIP / LANES terms each before
 * they go into a double. */
static double NAMED(row_dot)(int64_t n, const T *g, const T *y) {
    double sum = 0;
    for (int64_t from = 0; from < n; from += STRIP) {
        const int64_t some = n - from < STRIP ? n - from : STRIP;
        T lane[LANES] = {0};
        int64_t i = from;
        for (; y == NULL && i + LANES <= from + some; i += LANES) {
            for (int k = 0; k < LANES; k++) {
                lane[k] += g[i + k];
            }
        }
        for (; y != NULL && i + LANES <= from + some; i += LANES) {
            for (int k = 0; k < LANES; k++) {
                lane[k] += g[i + k] * y[i + k];
            }
        }
        for (int k = 0; i < from + some; i++, k++) {
            lane[k] += y != NULL ? g[i] * y[i] : g[i];
        }
        sum += NAMED(add_lanes)(lane);
    }
    return sum;
}

/* The sum of exp(x - max); to[i] = exp(x[i] - max) unless `to` is NULL. */
static double NAMED(row_exp_sum)(int64_t n, const T *x, T max, T *to) {
    double sum = 0;
    for (int64_t from = 0; from < n; from += STRIP) {
        const int64_t some = n - from < STRIP ? n - from : STRIP, whole = some - some % LANES;
        const T *const in = x + from;
        T lane[LANES] = {0}, rest[LANES] = {0};
        for (int64_t i = 0; i < whole; i += LANES) {
            T e[LANES];
            for (int k = 0; k < LANES; k++) {
                e[k] = VALUE(exp)(in[i + k] - max);
                lane[k] += e[k];
            }
            if (to != NULL) {
                memcpy(to + from + i, e, sizeof e);
            }
        }
        for (int k = 0; k < some - whole; k++) {
            rest[k] = VALUE(exp)(in[whole + k] - max);
            lane[k] += rest[k];
        }
        if (to != NULL && some > whole) {
            memcpy(to + from + whole, rest, (size_t)(some - whole) * sizeof(T));
        }
        sum += NAMED(add_lanes)(lane);
    }
    return sum;
}

/* What is subtracted before exp: infinities would make NaN of equal infinities. */
static inline T NAMED(finite_or_zero)(T x) {
    return x - x == 0 ? x : 0;
}
static inline T NAMED(no_less_than_finite)(T x) {
    return x < -GREATEST ? -GREATEST : x;
}

/* log(sum of exp(x)): -infinity where all of x is, or there is none. */
static double NAMED(log_sum_exp_row)(int64_t n, const void *x) {
    const T shift = NAMED(finite_or_zero)(NAMED(row_max)(n, x));
    return (double)shift + log(NAMED(row_exp_sum)(n, x, shift, NULL));
}

/* to = g exp(x - r) with one g and one r. */
static void NAMED(exp_share_row)(int64_t n, const T *restrict x, T r, T g, T *restrict to) {
    const T shift = NAMED(no_less_than_finite)(r);
    for (int64_t i = 0; i < n; i++) {
        to[i] = VALUE(exp)(x[i] - shift) * g;
    }
}

static void NAMED(softmax_row)(int64_t n, const T *restrict x, T *restrict to) {
    const T factor = (T)(1 / NAMED(row_exp_sum)(n, x, NAMED(row_max)(n, x), to));
    for (int64_t i = 0; i < n; i++) {
        to[i] *= factor;
    }
}

static void NAMED(log_softmax_row)(int64_t n, const T *restrict x, T *restrict to) {
    const T max = NAMED(row_max)(n, x);
    const T log_sum = (T)log(NAMED(row_exp_sum)(n, x, max, NULL));
    for (int64_t i = 0; i < n; i++) {
        to[i] = x[i] - max - log_sum;
    }
}

static void NAMED(softmax_chain_row)(int64_t n, const T *y, const T *g, T *to) {
    const T sum = (T)NAMED(row_dot)(n, g, y);
    for (int64_t i = 0; i < n; i++) {
        to[i] = y[i] * (g[i] - sum);
    }
}

static void NAMED(log_softmax_chain_row)(int64_t n, const T *y, const T *g, T *to) {
    const T sum = (T)NAMED(row_dot)(n, g, NULL);
    for (int64_t i = 0; i < n; i++) {
        to[i] = g[i] - VALUE(exp)(y[i]) * sum;
    }
}

/* ---- What losses are made of --------------------------------------------------------------- */

static double NAMED(exp_and_sum)(int64_t n, const void *x, void *to, double *sum) {
    const T max = NAMED(row_max)(n, x);
    *sum = NAMED(row_exp_sum)(n, x, max, to);
    return (double)max + log(*sum);
}

static void NAMED(scale_less)(int64_t n, double factor, double share, const void *less, void *to) {
    const T *b = less;
    T *y = to;
    for (int64_t i = 0; b == NULL && i < n; i++) {
        y[i] = y[i] * (T)factor - (T)share;
    }
    for (int64_t i = 0; b != NULL && i < n; i++) {
        y[i] = y[i] * (T)factor - (T)share * b[i];
    }
}

static double NAMED(dot)(int64_t n, const void *a, const void *b) {
    return NAMED(row_dot)(n, a, b);
}

static double NAMED(soft_loss)(int64_t n, double log_sum, const void *from, const void *shares) {
    const T *x = from, *p = shares;
    double lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            lane[k] += p[i + k] == 0 ? 0 : (double)p[i + k] * (log_sum - (double)x[i + k]);
        }
    }
    for (int k = 0; i < n; i++, k++) {
        lane[k] += p[i] == 0 ? 0 : (double)p[i] * (log_sum - (double)x[i]);
    }
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int k = 0; k < half; k++) {
            lane[k] += lane[k + half];
        }
    }
    return lane[0];
}

/* ---- Columns side by side: w of them in n rows, `row` elements apart ------------------------ */

static void NAMED(columns_max)(int64_t n, int64_t row, int64_t w, const T *x, T *max) {
    for (int64_t j = 0; j < w; j++) {
        max[j] = -(T)INFINITY;
    }
    for (int64_t i = 0; i < n; i++, x += row) {
        for (int64_t j = 0; j < w; j++) {
            max[j] = x[j] > max[j] ? x[j] : max[j];
        }
    }
}

/* to = exp(x - max), and the sums over the rows. */
static void NAMED(columns_exp_sum)(int64_t n, int64_t row, int64_t w, const T *x, const T *max,
                                   T *to, double *sum) {
    for (int64_t j = 0; j < w; j++) {
        sum[j] = 0;
    }
    for (int64_t i = 0; i < n; i++, x += row, to += row) {
        for (int64_t j = 0; j < w; j++) {
            to[j] = VALUE(exp)(x[j] - max[j]);
            sum[j] += (double)to[j];
        }
    }
}

static void NAMED(softmax_columns)(int64_t n, int64_t row, int64_t w, const T *restrict x,
                                   T *restrict to) {
    T factor[STRIP] = {0};
    double sum[STRIP];
    NAMED(columns_max)(n, row, w, x, factor);
    NAMED(columns_exp_sum)(n, row, w, x, factor, to, sum);
    for (int64_t j = 0; j < w; j++) {
        factor[j] = (T)(1 / sum[j]);
    }
    for (int64_t i = 0; i < n; i++, to += row) {
        for (int64_t j = 0; j < w; j++) {
            to[j] *= factor[j];
        }
    }
}

static void NAMED(log_softmax_columns)(int64_t n, int64_t row, int64_t w, const T *restrict x,
                                       T *restrict to) {
    T max[STRIP] = {0};
    double sum[STRIP];
    NAMED(columns_max)(n, row, w, x, max);
    NAMED(columns_exp_sum)(n, row, w, x, max, to, sum);
    for (int64_t j = 0; j < w; j++) {
        sum[j] = log(sum[j]);
    }
    for (int64_t i = 0; i < n; i++, x += row, to += row) {
        for (int64_t j = 0; j < w; j++) {
            to[j] = x[j] - max[j] - (T)sum[j];
        }
    }
}

static void NAMED(log_sum_exp_columns)(int64_t n, int64_t row, int64_t w, const T *x, T *to) {
    T shift[STRIP] = {0};
    double sum[STRIP] = {0};
    NAMED(columns_max)(n, row, w, x, shift);
    for (int64_t j = 0; j < w; j++) {
        shift[j] = NAMED(finite_or_zero)(shift[j]);
    }
    for (int64_t i = 0; i < n; i++, x += row) {
        for (int64_t j = 0; j < w; j++) {
            sum[j] += (double)VALUE(exp)(x[j] - shift[j]);
        }
    }
    for (int64_t j = 0; j < w; j++) {
        to[j] = (T)((double)shift[j] + log(sum[j]));
    }
}

static void NAMED(exp_share_columns)(int64_t n, int64_t row, int64_t w, const T *x, const T *r,
                                     const T *g, T *to) {
    for (int64_t i = 0; i < n; i++, x += row, to += row) {
        for (int64_t j = 0; j < w; j++) {
            to[j] = VALUE(exp)(x[j] - NAMED(no_less_than_finite)(r[j])) * g[j];
        }
    }
}

static void NAMED(softmax_chain_columns)(int64_t n, int64_t row, int64_t w, const T *y, const T *g,
                                         T *to) {
    double sum[STRIP] = {0};
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < w; j++) {
            sum[j] += (double)g[i * row + j] * (double)y[i * row + j];
        }
    }
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < w; j++) {
            to[i * row + j] = y[i * row + j] * (g[i * row + j] - (T)sum[j]);
        }
    }
}

static void NAMED(log_softmax_chain_columns)(int64_t n, int64_t row, int64_t w, const T *y,
                                             const T *g, T *to) {
    double sum[STRIP] = {0};
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < w; j++) {
            sum[j] += (double)g[i * row + j];
        }
    }
    for (int64_t i = 0; i < n; i++, y += row, g += row, to += row) {
        for (int64_t j = 0; j < w; j++) {
            to[j] = g[j] - VALUE(exp)(y[j]) * (T)sum[j];
        }
    }
}

/* ---- Planes -------------------------------------------------------------------------------- */

/* `at` is where a strip begins, in all arrays. */
#define STRIP_OF(name, plus_row, plus_columns)                                                     \
    static void NAMED(name)(int64_t n, int64_t row, int64_t w, const void *x, const void *g,       \
                            void *to, int64_t at) {                                                \
        (void)g;                                                                                   \
        if (row == 1) {                                                                            \
            NAMED(name##_row) plus_row;                                                            \
        } else {                                                                                   \
            NAMED(name##_columns) plus_columns;                                                    \
        }                                                                                          \
    }
#define X_AT ((const T *)x + at)
#define G_AT ((const T *)g + at)
#define TO_AT ((T *)to + at)
STRIP_OF(softmax, (n, X_AT, TO_AT), (n, row, w, X_AT, TO_AT))
STRIP_OF(log_softmax, (n, X_AT, TO_AT), (n, row, w, X_AT, TO_AT))
STRIP_OF(softmax_chain, (n, X_AT, G_AT, TO_AT), (n, row, w, X_AT, G_AT, TO_AT))
STRIP_OF(log_softmax_chain, (n, X_AT, G_AT, TO_AT), (n, row, w, X_AT, G_AT, TO_AT))

/* log(sum of exp) of each column: [outer, inner] out of [outer, n, inner]. */
static void NAMED(log_sum_exp)(int64_t n, int64_t row, int64_t w, const void *x, const void *g,
                               void *to, int64_t at) {
    T *result = (T *)to + at / (n * row) * row + at % (n * row);
    (void)g;
    if (row == 1) {
        *result = (T)wg_kernel_log_sum_exp(sizeof(T) == sizeof(float) ? WG_F32 : WG_F64, n, X_AT);
    } else {
        NAMED(log_sum_exp_columns)(n, row, w, X_AT, result);
    }
}

/* g exp(x - r), with r and g, [outer, inner] each, behind two pointers at `g`. */
static void NAMED(exp_share)(int64_t n, int64_t row, int64_t w, const void *x, const void *g,
                             void *to, int64_t at) {
    const T *const *both = g;
    const int64_t own = at / (n * row) * row + at % (n * row);
    if (row == 1) {
        NAMED(exp_share_row)(n, X_AT, both[0][own], both[1][own], TO_AT);
    } else {
        NAMED(exp_share_columns)(n, row, w, X_AT, both[0] + own, both[1] + own, TO_AT);
    }
}

#undef JOIN2
#undef JOIN
#undef NAMED
#undef STRIP_OF
#undef X_AT
#undef G_AT
#undef TO_AT
#undef T
#undef VALUE
#undef GREATEST
