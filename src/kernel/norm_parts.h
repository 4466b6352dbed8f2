/* norm_parts.h (internal): the loops of normalisation that an instruction set provides. */
#ifndef WG_SRC_KERNEL_NORM_PARTS_H
#define WG_SRC_KERNEL_NORM_PARTS_H

#include "kernel/norm.h"

#include <math.h>

/* Columns that are normalised side by side. */
#define WG_NORM_STRIP 128

typedef struct wg_norm_loops {
    double (*sum)(int64_t n, const void *x);
    void (*moments)(int64_t n, const void *x, double centre, double *to);
    void (*pull)(int64_t n, const void *x, const void *g, const void *w, double centre, double *to);
    void (*affine)(int64_t n, const void *x, const double *statistics, const void *w, const void *b,
                   double one_weight, double one_bias, void *y);
    void (*push)(int64_t n, const void *x, const void *g, const void *w, double centre,
                 const double *factors, void *dx, bool add);
    void (*weigh)(int64_t n, const void *x, const void *g, const double *statistics, void *dw,
                  void *db);
    void (*weigh_one)(int64_t n, const void *x, const void *g, const double *statistics, void *dw,
                      void *db);
    void (*flush)(int64_t n, void *from, double *to);
    void (*columns_moments)(int64_t rows, int64_t pitch, int64_t w, const void *x,
                            const double *centre, double *sum, double *square);
    void (*columns_affine)(int64_t rows, int64_t pitch, int64_t w, const void *x,
                           const double *const *numbers, void *y);
    void (*columns_pull)(int64_t rows, int64_t pitch, int64_t w, const void *x, const void *g,
                         const double *centre, double *p, double *q);
    void (*columns_push)(int64_t rows, int64_t pitch, int64_t w, const void *x, const void *g,
                         const double *const *numbers, void *dx, bool add);
} wg_norm_loops;

static inline double wg_norm_rounded(wg_dtype dtype, double x) {
    return dtype == WG_F32 ? (double)(float)x : x;
}

/* Element i of an array that may be missing. */
static inline double wg_norm_element(wg_dtype dtype, const void *base, int64_t i,
                                     double otherwise) {
    return base == NULL      ? otherwise
           : dtype == WG_F32 ? (double)((const float *)base)[i]
                             : ((const double *)base)[i];
}

/* A sum into its place. */
static inline void wg_norm_put(wg_dtype dtype, void *to, int64_t i, double sum, bool add) {
    if (dtype == WG_F32) {
        float *place = (float *)to + i;
        *place = (float)sum + (add ? *place : 0);
    } else {
        double *place = (double *)to + i;
        *place = sum + (add ? *place : 0);
    }
}

/* The loops for this machine. */
const wg_norm_loops *wg_norm_loops_of(wg_dtype dtype);

#endif
