/* scan_typed.h (internal): running folds in the type T for one instruction set; see isa_loops.h.
 *
 * Lines lie side by side, `beside` elements apart, w <= STRIP of them, and their n elements `step`
 * elements apart: columns of rows (beside = 1), or a few rows at a time, so that one addition need
 * not wait for the other. */

#define EACH(count, place, next)                                                                   \
    for (int64_t j = 0; j < (count); j++) {                                                        \
        const int64_t at = k * step + (place);                                                     \
        s[j] = next;                                                                               \
        to[at] = (T)s[j];                                                                          \
    }
/* (One line alone keeps its fold in a register.) */
#define SCAN(name, identity, next)                                                                 \
    static TARGET void LOOP(name)(int64_t n, int64_t step, int64_t w, int64_t beside,              \
                                  const void *first, const void *second, void *result) {           \
        const T *restrict a = first, *restrict b = second;                                         \
        T *restrict to = result;                                                                   \
        (void)b;                                                                                   \
        if (w == 1) {                                                                              \
            double s[1] = {identity};                                                              \
            for (int64_t k = 0; k < n; k++) {                                                      \
                EACH(1, j, next)                                                                   \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        double s[STRIP];                                                                           \
        for (int64_t j = 0; j < w; j++) {                                                          \
            s[j] = identity;                                                                       \
        }                                                                                          \
        for (int64_t k = 0; k < n; k++) {                                                          \
            if (beside == 1) {                                                                     \
                EACH(w, j, next)                                                                   \
            } else if (w == LINES) {                                                               \
                EACH(LINES, j *beside, next)                                                       \
            } else {                                                                               \
                EACH(w, j *beside, next)                                                           \
            }                                                                                      \
        }                                                                                          \
    }
SCAN(scan_sum, 0, s[j] + (double)a[at])
SCAN(scan_prod, 1, s[j] * (double)a[at])
SCAN(scan_linear, 0, (double)a[at] * s[j] + (double)b[at])
#undef SCAN
#undef EACH
