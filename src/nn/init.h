/* init.h (internal): the table of initializers. */
#ifndef WG_SRC_NN_INIT_H
#define WG_SRC_NN_INIT_H

#include "nn/store.h"

/* A parameter to be filled; `view` is contiguous and not empty. */
typedef struct wg_fill {
    wg_key key;
    const wg_view *view;
    int64_t count;
    double fan_in, fan_out;
    wg_initializer init;
} wg_fill;

/* One kind of initializer. */
typedef struct wg_init_row {
    const char *name;
    int least, most; /* axes of the parameter */
    bool (*allows)(const wg_initializer *initializer, const int64_t *shape);
    bool (*fill)(const wg_fill *fill); /* false where memory ran out */
} wg_init_row;

/* By kind. */
extern const wg_init_row wg_init_rows[];

/* ---- fill.c ---- */
bool wg_fill_default(const wg_fill *fill);
bool wg_fill_constant(const wg_fill *fill);
bool wg_fill_uniform(const wg_fill *fill);
bool wg_fill_normal(const wg_fill *fill);
bool wg_fill_glorot_uniform(const wg_fill *fill);
bool wg_fill_glorot_normal(const wg_fill *fill);
bool wg_fill_he_uniform(const wg_fill *fill);
bool wg_fill_he_normal(const wg_fill *fill);
bool wg_fill_truncated(const wg_fill *fill);
bool wg_fill_eye(const wg_fill *fill);
bool wg_fill_dirac(const wg_fill *fill);
bool wg_fill_sparse(const wg_fill *fill);

/* ---- orthogonal.c ---- */
/* The view as a matrix (first axis, all others) with orthonormal rows or columns, times gain. */
bool wg_fill_orthogonal(const wg_fill *fill);

#endif
