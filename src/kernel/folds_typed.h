/* folds_typed.h (internal): the loops of folds.c in the type T for one instruction set; LOOP(name)
 * names them, TARGET is the attribute, COUNTER a whole number as wide as T.
 *
 * TAKE_KIND(a, x) takes an element x into the partial fold a, WG_FOLD_… joins two such. */

static TARGET double LOOP(row_sum_by)(int64_t n, const T *x, int64_t s, bool square, bool size) {
    double lane[LANES] = {0};
    int64_t i = 0;
#define SUM_LOOP(value)                                                                            \
    for (; s == 1 && i + LANES <= n; i += LANES) {                                                 \
        for (int k = 0; k < LANES; k++) {                                                          \
            const double v = (double)x[i + k];                                                     \
            lane[k] += value;                                                                      \
        }                                                                                          \
    }                                                                                              \
    for (; i < n; i++) {                                                                           \
        const double v = (double)x[i * s];                                                         \
        lane[i % LANES] += value;                                                                  \
    }
    if (square) {
        SUM_LOOP(v * v)
    } else if (size) {
        SUM_LOOP(fabs(v))
    } else {
        SUM_LOOP(v)
    }
#undef SUM_LOOP
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int k = 0; k < half; k++) {
            lane[k] += lane[k + half];
        }
    }
    return lane[0];
}

#define SUM_ROW(name, square, size)                                                                \
    static TARGET double LOOP(row_##name)(int64_t n, const char *from, int64_t step) {             \
        return LOOP(row_sum_by)(n, (const void *)from, step / (int64_t)sizeof(T), square, size);   \
    }
SUM_ROW(SUM, false, false)
SUM_ROW(NORM, true, false)
SUM_ROW(SIZES, false, true)
#undef SUM_ROW

static TARGET double LOOP(row_PROD)(int64_t n, const char *from, int64_t step) {
    const T *x = (const void *)from;
    const int64_t s = step / (int64_t)sizeof *x;
    double lane[LANES];
    int64_t i = 0;
    for (int k = 0; k < LANES; k++) {
        lane[k] = 1;
    }
    for (; s == 1 && i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            lane[k] *= (double)x[i + k];
        }
    }
    for (; i < n; i++) {
        lane[i % LANES] *= (double)x[i * s];
    }
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int k = 0; k < half; k++) {
            lane[k] *= lane[k + half];
        }
    }
    return lane[0];
}

/* NaN are counted beside: a choice that lets them win takes three instructions instead of one. */
#define EXTREME_ROW(KIND, identity, beats)                                                         \
    static TARGET double LOOP(row_##KIND)(int64_t n, const char *from, int64_t step) {             \
        const T *x = (const void *)from;                                                           \
        const int64_t s = step / (int64_t)sizeof *x;                                               \
        T lane[LANES];                                                                             \
        COUNTER nan[LANES] = {0};                                                                  \
        int64_t i = 0;                                                                             \
        for (int k = 0; k < LANES; k++) {                                                          \
            lane[k] = identity;                                                                    \
        }                                                                                          \
        for (; s == 1 && i + LANES <= n; i += LANES) {                                             \
            for (int k = 0; k < LANES; k++) {                                                      \
                lane[k] = x[i + k] beats lane[k] ? x[i + k] : lane[k];                             \
                nan[k] += x[i + k] != x[i + k];                                                    \
            }                                                                                      \
        }                                                                                          \
        for (; i < n; i++) {                                                                       \
            const T v = x[i * s];                                                                  \
            lane[0] = v beats lane[0] ? v : lane[0];                                               \
            nan[0] += v != v;                                                                      \
        }                                                                                          \
        for (int k = 1; k < LANES; k++) {                                                          \
            lane[0] = lane[k] beats lane[0] ? lane[k] : lane[0];                                   \
            nan[0] += nan[k];                                                                      \
        }                                                                                          \
        return nan[0] != 0 ? (double)NAN : (double)lane[0];                                        \
    }
EXTREME_ROW(MAX, -(T)INFINITY, >)
EXTREME_ROW(MIN, (T)INFINITY, <)
#undef EXTREME_ROW

/* Four rows at a time where elements are neighbours: acc is loaded and stored a quarter as often.
 */
#define COLUMNS(KIND)                                                                              \
    static TARGET void LOOP(columns_##KIND)(int64_t n, int64_t rows, const char *from,             \
                                            int64_t step, int64_t row_step,                        \
                                            double *restrict acc) {                                \
        const int64_t s = step / (int64_t)sizeof(T);                                               \
        int64_t i = 0;                                                                             \
        for (; s == 1 && i + 4 <= rows; i += 4) {                                                  \
            const T *restrict a = (const void *)(from + i * row_step);                             \
            const T *restrict b = (const void *)(from + (i + 1) * row_step);                       \
            const T *restrict c = (const void *)(from + (i + 2) * row_step);                       \
            const T *restrict d = (const void *)(from + (i + 3) * row_step);                       \
            for (int64_t j = 0; j < n; j++) {                                                      \
                const double two = TAKE_##KIND(TAKE_##KIND(acc[j], (double)a[j]), (double)b[j]);   \
                acc[j] = TAKE_##KIND(TAKE_##KIND(two, (double)c[j]), (double)d[j]);                \
            }                                                                                      \
        }                                                                                          \
        for (; i < rows; i++) {                                                                    \
            const T *restrict x = (const void *)(from + i * row_step);                             \
            for (int64_t j = 0; j < n; j++) {                                                      \
                acc[j] = TAKE_##KIND(acc[j], (double)x[j * s]);                                    \
            }                                                                                      \
        }                                                                                          \
    }
WG_REDUCTIONS(COLUMNS)
#undef COLUMNS
