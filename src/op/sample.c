/* sample.c: the next token of a language model: one class a row, of the likely ones. */
#include "op/define.h"

#include "base/parallel.h"
#include "op/axes.h"
#include "op/samples.h"
#include "wengert/distribution.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct sample_state {
    wg_key key;
    wg_sample_options options;
} sample_state;

static wg_status sample_logits_shape(wg_call *call) {
    const wg_sample_options *o = &((const sample_state *)wg_call_state(call))->options;
    const wg_view *x = wg_call_operand(call, 0);
    if (x->rank == 0 || x->shape[x->rank - 1] == 0) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "the logits %s have no classes",
                            wg_call_shape(call, 0));
    }
    if (!(o->temperature >= 0 && isfinite(o->temperature)) || o->top_k < 0 ||
        !(o->top_p >= 0 && o->top_p <= 1)) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT, "temperature %g, top_k %lld, top_p %g",
                            o->temperature, (long long)o->top_k, o->top_p);
    }
    return wg_call_result(call, WG_I64, x->rank - 1, x->shape);
}

/* A class with its logit, and then its probability times the sum of all. */
typedef struct candidate {
    double weight;
    int64_t class;
} candidate;

static int by_weight(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->weight != y->weight) {
        return x->weight > y->weight ? -1 : 1;
    }
    return x->class < y->class ? -1 : 1;
}

typedef struct sampling {
    const sample_state *state;
    const wg_view *logits;
    int64_t classes;
    candidate *candidates; /* of each row */
    int64_t *out;
} sampling;

/* The row's logits; the greatest, or NaN where one is NaN. */
static double read_row(const sampling *s, int64_t row, candidate *c) {
    double most = -INFINITY;
    for (int64_t i = 0; i < s->classes; i++) {
        const int64_t at = row * s->classes + i;
        const double x = s->logits->dtype == WG_F32 ? (double)((const float *)s->logits->data)[at]
                                                    : ((const double *)s->logits->data)[at];
        c[i] = (candidate){x, i};
        most = x > most || x != x ? x : most;
    }
    return most;
}

/* How many of the sorted weights reach the share p of their sum. */
static int64_t nucleus(const candidate *c, int64_t n, double p) {
    double total = 0, sum = 0;
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) {
        total += c[i].weight;
    }
    while (kept < n && (kept == 0 || sum < p * total)) {
        sum += c[kept++].weight;
    }
    return kept;
}

static void sample_row(void *context, int64_t row) {
    const sampling *s = context;
    const wg_sample_options *o = &s->state->options;
    candidate *c = s->candidates + row * s->classes;
    const double most = read_row(s, row, c);
    int64_t n = s->classes, chosen = 0;
    s->out[row] = -1;
    if (!isfinite(most)) {
        return;
    }
    if (o->temperature == 0) {
        while (c[chosen].weight != most) {
            chosen++;
        }
        s->out[row] = chosen;
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        c[i].weight = exp((c[i].weight - most) / o->temperature);
    }
    if ((o->top_k > 0 && o->top_k < n) || (o->top_p > 0 && o->top_p < 1)) {
        qsort(c, (size_t)n, sizeof *c, by_weight);
        n = o->top_k > 0 && o->top_k < n ? o->top_k : n;
        n = o->top_p > 0 && o->top_p < 1 ? nucleus(c, n, o->top_p) : n;
    }
    double total = 0, u = 0;
    for (int64_t i = 0; i < n; i++) {
        total += c[i].weight;
    }
    wg_random_uniform(s->state->key, (uint64_t)row, 1, 0, total, &u);
    int64_t last = 0; /* with any probability, for a sum that rounding left below u */
    for (int64_t i = 0; i < n; i++) {
        if (c[i].weight > 0) {
            last = i;
            if (u < c[i].weight) {
                break;
            }
        }
        u -= c[i].weight;
    }
    s->out[row] = c[last].class;
}

static wg_status sample_forward(wg_call *call) {
    sample_state state = *(const sample_state *)wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    const int64_t rows = wg_sizes_product(x->shape, 0, x->rank - 1), count = wg_view_count(x);
    state.key = wg_key_fold(state.key, 0x7767736d706cu);
    sampling s = {.state = &state,
                  .logits = x,
                  .classes = x->shape[x->rank - 1],
                  .out = wg_call_out(call)->data};
    if (rows == 0) {
        return WG_OK;
    }
    s.candidates = wg_call_scratch(call, (size_t)count * sizeof *s.candidates);
    if (s.candidates == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_parallel(rows, count >= WG_SHARE_COMPUTE, sample_row, &s);
    for (int64_t row = 0; row < rows; row++) {
        if (s.out[row] < 0) {
            return wg_call_fail(call, WG_ERROR_ARGUMENT,
                                "the logits of row %lld are no distribution: NaN, infinite, or all "
                                "-infinity",
                                (long long)row);
        }
    }
    return WG_OK;
}

WG_SAMPLES(sample_logits,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 5)), WG_STATE(sample_state, {{1, 2}}, {1, 3, 0})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4)),
            WG_STATE(sample_state, {{1, 2}}, {0.5, 0, 0.9})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 4)), WG_STATE(sample_state, {{1, 2}}, {0, 0, 0})})
WG_DEFINE_OP(sample_logits, sample_forward, NULL, 0, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_sample_logits_at(wg_var logits, wg_key key, const char *site, wg_sample_options options) {
    sample_state state;
    memset(&state, 0, sizeof state);
    state.key = key;
    state.options.temperature = options.temperature;
    state.options.top_k = options.top_k;
    state.options.top_p = options.top_p;
    return wg_apply(&wg_op_sample_logits, 1, &logits, &state, sizeof state, site);
}
