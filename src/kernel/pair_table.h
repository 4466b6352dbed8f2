/* pair_table.h (internal): the loops of pair_isa.h as a table. */
#ifndef WG_SRC_KERNEL_PAIR_TABLE_H
#define WG_SRC_KERNEL_PAIR_TABLE_H

#include "kernel/loss.h"

typedef struct wg_pair_loops {
    /* Pairs [from, from + n): values to out[0 ...), slopes to out[from ...). */
    void (*values)(const wg_pairs *pairs, int64_t from, int64_t n, void *out);
    void (*slopes)(const wg_pairs *pairs, int64_t from, int64_t n, const void *g, int64_t g_step,
                   double factor, void *out);
} wg_pair_loops;

typedef struct wg_pair_table {
    const wg_pair_loops *row; /* by wg_pair_loss */
    double (*add_up)(int64_t n, const void *x);
} wg_pair_table;

#endif
