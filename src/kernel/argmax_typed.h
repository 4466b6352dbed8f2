/* argmax_typed.h (internal): argmax and argmin of columns side by side, in the type T for one
 * instruction set; see isa_loops.h. */

/* to[j] = the first of n rows in which column j, j < w <= STRIP, is greatest (least), NaN before
 * all. */
#define COLUMNS(name, beats)                                                                       \
    static TARGET void LOOP(name)(int64_t n, int64_t row, int64_t w, const void *from,             \
                                  int64_t *to) {                                                   \
        const T *restrict x = from;                                                                \
        T best[STRIP];                                                                             \
        COUNTER at[STRIP];                                                                         \
        for (int64_t j = 0; j < w; j++) {                                                          \
            best[j] = x[j];                                                                        \
            at[j] = 0;                                                                             \
        }                                                                                          \
        for (COUNTER i = 1; i < n; i++) {                                                          \
            x += row;                                                                              \
            for (int64_t j = 0; j < w; j++) {                                                      \
                const int takes = (x[j] beats best[j]) | ((x[j] != x[j]) & (best[j] == best[j]));  \
                best[j] = takes != 0 ? x[j] : best[j];                                             \
                at[j] = takes != 0 ? i : at[j];                                                    \
            }                                                                                      \
        }                                                                                          \
        for (int64_t j = 0; j < w; j++) {                                                          \
            to[j] = at[j];                                                                         \
        }                                                                                          \
    }
COLUMNS(argmax, >)
COLUMNS(argmin, <)
#undef COLUMNS
