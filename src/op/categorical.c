/* categorical.c: classes drawn with the probabilities of a softmax: the place of a uniform number
 * among the running sums (the inverse of the distribution function). */
#include "op/define.h"

#include "base/parallel.h"
#include "op/axes.h"
#include "op/samples.h"
#include "wengert/distribution.h"

#include <math.h>
#include <string.h>

typedef struct categorical_state {
    wg_key key;
    int64_t samples;
} categorical_state;

static wg_status categorical_shape(wg_call *call) {
    const categorical_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    int64_t shape[WG_MAX_RANK];
    if (x->rank == 0 || x->shape[x->rank - 1] == 0) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "the logits %s have no classes",
                            wg_call_shape(call, 0));
    }
    if (state->samples < 0) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT, "%lld samples", (long long)state->samples);
    }
    memcpy(shape, x->shape, (size_t)x->rank * sizeof shape[0]);
    shape[x->rank - 1] = state->samples;
    return wg_call_result(call, WG_I64, x->rank, shape);
}

typedef struct sampling {
    wg_key key;
    wg_dtype dtype;
    int64_t classes, samples;
    const void *logits;
    double *sums; /* of each row */
    int64_t *out;
} sampling;

/* The running sums of exp(logit - greatest); the last class with any probability keeps its sum. */
static void sum_row(const sampling *s, int64_t row, double *sums) {
    double most = -INFINITY, total = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t c = 0; c < s->classes; c++) {
            const int64_t at = row * s->classes + c;
            const double x = s->dtype == WG_F32 ? (double)((const float *)s->logits)[at]
                                                : ((const double *)s->logits)[at];
            if (pass == 0) {
                most = x > most || x != x ? x : most;
            } else {
                total += exp(x - most);
                sums[c] = total;
            }
        }
    }
}

static void sample_row(void *context, int64_t row) {
    const sampling *s = context;
    double *sums = s->sums + row * s->classes;
    sum_row(s, row, sums);
    const double total = sums[s->classes - 1];
    for (int64_t i = row * s->samples; i < (row + 1) * s->samples; i++) {
        double u = 0;
        wg_random_uniform(s->key, (uint64_t)i, 1, 0, total, &u);
        int64_t low = 0, high = s->classes - 1; /* the first sum above u */
        while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            if (sums[middle] > u) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        s->out[i] = total > 0 && total < INFINITY ? low : -1;
    }
}

static wg_status categorical_forward(wg_call *call) {
    const categorical_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    const int64_t rows = wg_sizes_product(x->shape, 0, x->rank - 1);
    sampling s = {.key = wg_key_fold(state->key, 0x776763617465676fu),
                  .dtype = x->dtype,
                  .classes = x->shape[x->rank - 1],
                  .samples = state->samples,
                  .logits = x->data,
                  .out = wg_call_out(call)->data};
    const int64_t count = wg_view_count(x);
    if (rows == 0 || s.samples == 0) {
        return WG_OK;
    }
    s.sums = wg_call_scratch(call, (size_t)count * sizeof *s.sums);
    if (s.sums == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_parallel(rows, count + rows * s.samples >= WG_SHARE_COMPUTE, sample_row, &s);
    for (int64_t row = 0; row < rows; row++) {
        if (s.out[row * s.samples] < 0) {
            return wg_call_fail(call, WG_ERROR_ARGUMENT,
                                "the logits of row %lld are no distribution: NaN, infinite, or all "
                                "-infinity",
                                (long long)row);
        }
    }
    return WG_OK;
}

WG_SAMPLES(categorical,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 5)), WG_STATE(categorical_state, {{1, 2}}, 3)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4)), WG_STATE(categorical_state, {{1, 2}}, 1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 4)), WG_STATE(categorical_state, {{1, 2}}, 2)})
WG_DEFINE_OP(categorical, categorical_forward, NULL, 0, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_categorical_at(wg_var logits, wg_key key, int64_t samples, const char *site) {
    categorical_state state;
    memset(&state, 0, sizeof state);
    state.key = key;
    state.samples = samples;
    return wg_apply(&wg_op_categorical, 1, &logits, &state, sizeof state, site);
}
