/* folds.h (internal): what reductions fold rows and columns with, for the machine this runs on. */
#ifndef WG_SRC_KERNEL_FOLDS_H
#define WG_SRC_KERNEL_FOLDS_H

#include "kernel/reduce.h"

/* The loops of one kind of reduction; the index is 0 for f32 and 1 for f64, steps count bytes. */
typedef struct wg_folds {
    double identity;
    /* n elements into one. */
    double (*row[2])(int64_t n, const char *x, int64_t step);
    /* acc[j] with the j-th element of each of `rows` rows, for j < n. */
    void (*columns[2])(int64_t n, int64_t rows, const char *x, int64_t step, int64_t row_step,
                       double *acc);
} wg_folds;

/* The loops of a kind; which instruction set they take is settled by the machine alone. */
const wg_folds *wg_kernel_folds(wg_reduction kind);

/* x folded into a: of two partial folds. NaN wins among extremes. */
#define WG_FOLD_SUM(a, x) ((a) + (x))
#define WG_FOLD_PROD(a, x) ((a) * (x))
#define WG_FOLD_MAX(a, x) ((((x) > (a)) | ((x) != (x))) != 0 ? (x) : (a))
#define WG_FOLD_MIN(a, x) ((((x) < (a)) | ((x) != (x))) != 0 ? (x) : (a))

#endif
