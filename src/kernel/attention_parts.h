/* attention_parts.h (internal): the loops of attention that an instruction set provides. */
#ifndef WG_SRC_KERNEL_ATTENTION_PARTS_H
#define WG_SRC_KERNEL_ATTENTION_PARTS_H

#include "kernel/attention.h"

#include <math.h>

/* Rows and columns of a block of scores; a row is a whole number of vectors. */
#define WG_ATTENTION_QUERIES 64
#define WG_ATTENTION_KEYS 64

/* One row of a block: `seen` of its n keys are open to the query. The loops may write up to the end
 * of the row, WG_ATTENTION_KEYS. `mask` is NULL or as long as the row. */
#define WG_ATTENTION_LOOPS(suffix, T)                                                              \
    typedef struct wg_attention_loops_##suffix {                                                   \
        /* s = 2^(s factor + mask log2(e) - top), top raised to the greatest exponent before; the  \
         * sum of the row. */                                                                      \
        double (*open)(int64_t seen, int64_t n, T *s, T factor, const T *mask, T *top);            \
        /* s = the row's probabilities, and ds = s (ds - delta) scale. */                          \
        void (*close)(int64_t seen, int64_t n, T *s, T *ds, T factor, const T *mask,               \
                      const T *kept, T delta, T scale);                                            \
        double (*dot)(int64_t n, const T *x, const T *y);                                          \
        void (*scale)(int64_t n, T factor, T *x);                                                  \
        void (*add)(int64_t n, const T *from, T *to);                                              \
    } wg_attention_loops_##suffix;                                                                 \
    const wg_attention_loops_##suffix *wg_attention_loops_of_##suffix(void);

WG_ATTENTION_LOOPS(f32, float)
WG_ATTENTION_LOOPS(f64, double)

#endif
