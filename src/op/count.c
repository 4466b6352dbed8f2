/* count.c: any, all, count_nonzero: no gradient. */
#include "kernel/count.h"

#include "op/axes.h"
#include "op/define.h"
#include "op/reduce.h"
#include "op/samples.h"

static wg_status shape_of(wg_call *call, wg_dtype dtype) {
    const wg_status status = wg_reduce_shape(call, true);
    const wg_view out = *wg_call_out(call);
    return status == WG_OK ? wg_call_result(call, dtype, out.rank, out.shape) : status;
}

/* Counts into *counts, of which there are *results, each of *n elements. */
static wg_status count(wg_call *call, int64_t **counts, int64_t *results, int64_t *n) {
    wg_planes planes;
    const void *x = wg_reduce_operand(call, &planes);
    *results = planes.outer * planes.inner;
    *n = planes.n;
    if (x != NULL && *counts == NULL) {
        *counts = wg_call_scratch(call, (size_t)(*results + 1) * sizeof **counts);
    }
    if (x == NULL || *counts == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_kernel_count_nonzero(&planes, x, *counts);
    return WG_OK;
}

static wg_status count_nonzero_shape(wg_call *call) {
    return shape_of(call, WG_I64);
}

static wg_status count_nonzero_forward(wg_call *call) {
    int64_t *counts = wg_call_out(call)->data, results, n;
    return wg_view_count(wg_call_out(call)) == 0 ? WG_OK : count(call, &counts, &results, &n);
}

static wg_status any_shape(wg_call *call) {
    return shape_of(call, WG_U8);
}

static wg_status any_forward(wg_call *call) {
    int64_t *counts = NULL, results, n;
    uint8_t *to = wg_call_out(call)->data;
    const wg_status status = count(call, &counts, &results, &n);
    for (int64_t i = 0; status == WG_OK && i < results; i++) {
        to[i] = counts[i] != 0;
    }
    return status;
}

static wg_status all_shape(wg_call *call) {
    return shape_of(call, WG_U8);
}

static wg_status all_forward(wg_call *call) {
    int64_t *counts = NULL, results, n;
    uint8_t *to = wg_call_out(call)->data;
    const wg_status status = count(call, &counts, &results, &n);
    for (int64_t i = 0; status == WG_OK && i < results; i++) {
        to[i] = counts[i] == n;
    }
    return status;
}

#define COUNTING(label)                                                                            \
    WG_SAMPLES(label, WG_REDUCE_SAMPLES, WG_REDUCE_EMPTY_SAMPLES,                                  \
               {WG_OPERANDS(WG_WHOLES(WG_U8, 2, 2, 3, 2)),                                         \
                WG_STATE(wg_axes, .count = 2, .axis = {0, -1})},                                   \
               {WG_OPERANDS(WG_WHOLES(WG_I64, 2, 5)), WG_STATE(wg_axes, 0)})                       \
    WG_DEFINE_OP(label, label##_forward, NULL, 0, 0)                                               \
    wg_var wg_##label##_at(wg_var x, wg_axes axes, const char *site) {                             \
        if (x.tape == NULL) {                                                                      \
            return wg_number(x.as.number != 0);                                                    \
        }                                                                                          \
        return wg_apply(&wg_op_##label, 1, &x, &axes, sizeof axes, site);                          \
    }
COUNTING(any)
COUNTING(all)
COUNTING(count_nonzero)
