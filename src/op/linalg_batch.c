/* linalg_batch.c: stacks of matrices: their shapes, and a loop over them. */
#include "base/base.h"
#include "base/parallel.h"
#include "kernel/copy.h"
#include "kernel/factor.h"
#include "op/axes.h"
#include "op/linalg.h"

#include <string.h>

#define MOST_JOBS 32    /* each has scratch of its own */
#define JOB_FLOPS 3e4   /* of matrices so small that they go several at a time */
#define OWN_THREADS 4e7 /* flops of one matrix whose products are for all threads */

wg_matrices wg_matrices_of(const wg_view *view) {
    const wg_matrices matrices = {wg_sizes_product(view->shape, 0, view->rank - 2),
                                  view->shape[view->rank - 2], view->shape[view->rank - 1]};
    return matrices;
}

wg_status wg_call_matrices(wg_call *call, int i, bool square, wg_matrices *matrices) {
    const wg_view *x = wg_call_operand(call, i);
    if (x->rank < 2) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "it takes matrices [..., %s], not %s",
                            square ? "n, n" : "m, n", wg_call_shape(call, i));
    }
    *matrices = wg_matrices_of(x);
    if (square && matrices->m != matrices->n) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "it takes square matrices [..., n, n], not %s",
                            wg_call_shape(call, i));
    }
    return WG_OK;
}

wg_status wg_call_result_matrices(wg_call *call, int64_t m, int64_t n) {
    const wg_view *x = wg_call_operand(call, 0);
    int64_t shape[WG_MAX_RANK];
    int rank = x->rank - 2;
    memcpy(shape, x->shape, sizeof shape);
    if (m >= 0) {
        shape[rank++] = m;
    }
    if (n >= 0) {
        shape[rank++] = n;
    }
    return wg_call_result(call, x->dtype, rank, shape);
}

wg_status wg_call_leading(wg_call *call, int i, int i_axes, int j, int j_axes, int *rank,
                          int64_t *shape) {
    const wg_view *a = wg_call_operand(call, i), *b = wg_call_operand(call, j);
    const int ra = a->rank - i_axes, rb = b->rank - j_axes;
    *rank = ra > rb ? ra : rb;
    for (int axis = 0; axis < *rank; axis++) {
        const int x = axis - (*rank - ra), y = axis - (*rank - rb);
        const int64_t sa = x < 0 ? 1 : a->shape[x], sb = y < 0 ? 1 : b->shape[y];
        if (sa != sb && sa != 1 && sb != 1) {
            return wg_call_fail(call, WG_ERROR_SHAPE, "leading axes do not broadcast: %s and %s",
                                wg_call_shape(call, i), wg_call_shape(call, j));
        }
        shape[axis] = sa == 1 ? sb : sa;
    }
    return WG_OK;
}

typedef struct each {
    wg_each_matrix body;
    void *context;
    int64_t count, jobs;
    int64_t *failed; /* (index, what) of each job, index -1: none */
    char *work;
    int64_t work_bytes;
} each;

static void run_job(void *context, int64_t job) {
    const each *all = context;
    const int64_t first = all->count * job / all->jobs, last = all->count * (job + 1) / all->jobs;
    all->failed[2 * job] = -1;
    for (int64_t i = first; i < last; i++) {
        const int64_t what = all->body(all->context, i, all->work + job * all->work_bytes);
        if (what != 0) {
            all->failed[2 * job] = i;
            all->failed[2 * job + 1] = what;
            return;
        }
    }
}

wg_status wg_call_each_matrix(wg_call *call, int64_t count, int64_t work, double flops,
                              wg_each_matrix body, void *context, int64_t *index, int64_t *what) {
    if (count == 0) {
        return WG_OK;
    }
    const bool alone = flops >= OWN_THREADS; /* one after the other, each with all threads */
    const double together = (double)count * flops / JOB_FLOPS;
    int64_t jobs = alone || together <= 1 ? 1
                   : together < MOST_JOBS ? (int64_t)together
                                          : MOST_JOBS;
    jobs = jobs > count ? count : jobs;
    int64_t failed[2 * MOST_JOBS];
    const int64_t size = (int64_t)wg_dtype_size(wg_call_out(call)->dtype);
    each all = {body, context, count, jobs, failed, NULL, (work * size + 63) / 64 * 64};
    if (work > 0) {
        all.work = wg_call_scratch(call, (size_t)(jobs * all.work_bytes));
        if (all.work == NULL) {
            return WG_ERROR_MEMORY;
        }
    }
    wg_parallel(jobs, (double)count * flops >= WG_LINALG_SHARE, run_job, &all);
    for (int64_t job = 0; job < jobs; job++) {
        if (failed[2 * job] < 0) {
            continue;
        }
        *index = failed[2 * job];
        *what = failed[2 * job + 1];
        if (*what == WG_FACTOR_ENDLESS) {
            return wg_call_fail(call, WG_ERROR_ARGUMENT, "matrix %lld of %s did not converge",
                                (long long)*index, wg_call_shape(call, 0));
        }
        return *what > 0 ? WG_ERROR_ARGUMENT
                         : wg_call_fail(call, WG_ERROR_MEMORY, "no memory to pack the matrices");
    }
    return WG_OK;
}

wg_status wg_call_singular(wg_call *call, int i, int64_t index, int64_t pivot) {
    return wg_call_fail(call, WG_ERROR_ARGUMENT,
                        "matrix %lld of %s is singular (pivot %lld is zero)", (long long)index,
                        wg_call_shape(call, i), (long long)pivot);
}

wg_view wg_matrices_stretch(const wg_view *x, int rank, const int64_t *shape) {
    wg_view to = *x;
    to.rank = rank + 2;
    for (int axis = 0; axis < to.rank; axis++) {
        const int own = axis - (to.rank - x->rank);
        to.shape[axis] = axis < rank || own < 0 ? shape[axis] : x->shape[own];
        to.stride[axis] = own < 0 || (axis < rank && x->shape[own] == 1) ? 0 : x->stride[own];
    }
    return to;
}

int64_t wg_matrices_offset(const wg_view *stretched, int64_t index) {
    int64_t offset = 0;
    for (int axis = stretched->rank - 3; axis >= 0; axis--) {
        offset += index % stretched->shape[axis] * stretched->stride[axis];
        index /= stretched->shape[axis];
    }
    return offset;
}

void wg_call_copy_stretched(wg_call *call, int i) {
    const wg_view *out = wg_call_out(call);
    const wg_view from = wg_matrices_stretch(wg_call_operand(call, i), out->rank - 2, out->shape);
    wg_kernel_copy(&from, out);
}

wg_var wg_unit_matrix(wg_tape *tape, wg_dtype dtype, int64_t n) {
    const wg_var unit = wg_constant(tape, dtype, WG_SHAPE(n, n), NULL);
    const wg_view view = wg_view_of(unit);
    for (int64_t i = 0; i < n && view.data != NULL; i++) {
        if (dtype == WG_F32) {
            ((float *)view.data)[i * (n + 1)] = 1;
        } else {
            ((double *)view.data)[i * (n + 1)] = 1;
        }
    }
    return unit;
}

wg_var wg_with_axes(wg_var x, int count, const char *site) {
    wg_view view = wg_view_of(x);
    for (int i = 0; i < count && view.rank < WG_MAX_RANK; i++) {
        view.shape[view.rank++] = 1;
    }
    return wg_reshape_at(x, view.rank, view.shape, site);
}

wg_var wg_without_axis(wg_var x, const char *site) {
    const wg_view view = wg_view_of(x);
    return view.rank > 0 ? wg_reshape_at(x, view.rank - 1, view.shape, site) : x;
}

/* ---- Samples -------------------------------------------------------------------------------- */

/* Each matrix X becomes X Xᵀ + n, somewhat skew: positive definite in its symmetric part. */
void wg_prepare_positive(int operand, const wg_sample_operand *what, double *x) {
    const int64_t n = what->rank >= 2 ? what->shape[what->rank - 1] : 0;
    const int64_t count = n > 0 ? wg_sizes_product(what->shape, 0, what->rank - 2) : 0;
    double own[16];
    for (int64_t c = 0; c < count && operand == 0 && n * n <= 16; c++, x += n * n) {
        memcpy(own, x, (size_t)(n * n) * sizeof *x);
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; j < n; j++) {
                x[i * n + j] = i == j ? (double)n : i < j ? 0.1 : -0.1;
                for (int64_t k = 0; k < n; k++) {
                    x[i * n + j] += own[i * n + k] * own[j * n + k];
                }
            }
        }
    }
}

/* 4 is added along the other diagonal: well-conditioned, but not without exchanges of rows. */
void wg_prepare_pivots(int operand, const wg_sample_operand *what, double *x) {
    const int64_t n = what->rank >= 2 ? what->shape[what->rank - 1] : 0;
    const int64_t count = n > 0 ? wg_sizes_product(what->shape, 0, what->rank - 2) : 0;
    for (int64_t c = 0; c < count && operand == 0; c++, x += n * n) {
        for (int64_t i = 0; i < n; i++) {
            x[i * n + n - 1 - i] += 4;
        }
    }
}

/* 2, 4, 6… are added to the diagonal: eigenvalues and singular values that lie apart. */
void wg_prepare_spread(int operand, const wg_sample_operand *what, double *x) {
    const int64_t m = what->rank >= 2 ? what->shape[what->rank - 2] : 0;
    const int64_t n = what->rank >= 2 ? what->shape[what->rank - 1] : 0;
    const int64_t count = m * n > 0 ? wg_sizes_product(what->shape, 0, what->rank - 2) : 0;
    for (int64_t c = 0; c < count && operand == 0; c++, x += m * n) {
        for (int64_t i = 0; i < m && i < n; i++) {
            x[i * (n + 1)] += 2 * (double)(i + 1);
        }
    }
}
