/* test_golden.c: every operation against PyTorch: values and gradients, in f64 and f32, with
 * contiguous and with transposed operands. */
#include "golden.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct family {
    const char *name;
    const golden_call *calls;
} family;

#define GOLDEN_ROW(label) {#label, golden_calls_##label},
static const family families[] = {GOLDEN_FAMILIES(GOLDEN_ROW)};

/* Call number `row` of all families, and its family. */
static const golden_call *call_at(int row, const family **of) {
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        for (const golden_call *call = families[i].calls; call->op != NULL; call++) {
            if (row-- == 0) {
                *of = &families[i];
                return call;
            }
        }
    }
    return NULL;
}

/* How a case is run. */
typedef struct variant {
    const char *name;
    wg_dtype dtype;
    bool transposed; /* float operands of rank 2 and more are views with their last axes swapped */
    double epsilon;
} variant;

static const variant variants[] = {
    {"f64", WG_F64, false, DBL_EPSILON},
    {"f64, transposed operands", WG_F64, true, DBL_EPSILON},
    {"f32", WG_F32, false, FLT_EPSILON},
    {"f32, transposed operands", WG_F32, true, FLT_EPSILON},
};

/* The values with the last two axes swapped. */
static void swap_axes(const golden_array *from, int64_t *shape, double *to) {
    const int r = from->rank;
    const int64_t m = from->shape[r - 2], n = from->shape[r - 1];
    memcpy(shape, from->shape, sizeof from->shape);
    shape[r - 2] = n;
    shape[r - 1] = m;
    for (int64_t i = 0; i < from->count; i++) {
        const int64_t plane = i / (m * n), at = i % (m * n);
        to[plane * m * n + at % n * m + at / n] = from->values[i];
    }
}

static wg_var put(wg_tape *tape, const golden_array *from, const variant *how, bool wants) {
    double *values = malloc(((size_t)from->count + 1) * sizeof *values);
    int64_t shape[WG_MAX_RANK];
    const bool swapped = how->transposed && from->dtype == WG_F64 && from->rank >= 2;
    memcpy(values, from->values, (size_t)from->count * sizeof *values);
    memcpy(shape, from->shape, sizeof shape);
    if (swapped) {
        swap_axes(from, shape, values);
    }
    const wg_dtype dtype = from->dtype == WG_F64 ? how->dtype : WG_I64;
    for (int64_t i = 0; i < from->count; i++) {
        if (dtype == WG_F32) {
            ((float *)values)[i] = (float)values[i];
        } else if (dtype == WG_I64) {
            ((int64_t *)values)[i] = (int64_t)values[i];
        }
    }
    const wg_var x = wants ? wg_variable(tape, dtype, from->rank, shape, values)
                           : wg_constant(tape, dtype, from->rank, shape, values);
    free(values);
    return x;
}

static void compare(const golden_case *c, const variant *how, const char *what, int which,
                    const golden_array *want, const double *have, golden_scale scale, double ulps) {
    double greatest = 0;
    for (int64_t i = 0; i < want->count; i++) {
        greatest = isfinite(want->values[i]) ? fmax(greatest, fabs(want->values[i])) : greatest;
    }
    for (int64_t i = 0; i < want->count; i++) {
        const double w = how->dtype == WG_F32 && want->dtype == WG_F64 ? (float)want->values[i]
                                                                       : want->values[i];
        const double unit = how->epsilon * (scale == GOLDEN_ARRAY ? greatest : fabs(w));
        const double error = fabs(have[i] - w);
        const bool same = isnan(w) ? isnan(have[i]) != 0 : have[i] == w || error <= ulps * unit;
        cr_assert(same,
                  "%s, %s: %s %d, element %lld is %.17g, PyTorch has %.17g: %.3g ulps, %g allowed",
                  c->name, how->name, what, which, (long long)i, have[i], w, error / unit, ulps);
    }
}

static void expect_shape(const golden_case *c, int k, wg_var y) {
    const golden_array *want = &c->out[k];
    bool same = wg_rank(y) == want->rank;
    for (int i = 0; i < want->rank && same; i++) {
        same = wg_size(y, i) == want->shape[i];
    }
    cr_assert(same, "%s: output %d has rank %d (PyTorch %d) or another shape", c->name, k,
              wg_rank(y), want->rank);
}

static void check_outputs(const golden_case *c, const golden_call *call, const variant *how,
                          const wg_var *out) {
    for (int k = 0; k < c->outputs; k++) {
        double *have = malloc(((size_t)c->out[k].count + 1) * sizeof *have);
        expect_shape(c, k, out[k]);
        cr_assert_eq(wg_read(out[k], WG_F64, have, c->out[k].count), WG_OK, "%s: %s", c->name,
                     wg_last_message());
        compare(c, how, "output", k, &c->out[k], have, call->scale, call->value_ulps);
        free(have);
    }
}

/* sum over all outputs of sum(seed · output). */
static wg_var total_of(wg_tape *tape, const golden_case *c, const variant *how, const wg_var *out) {
    wg_var total = wg_number(0);
    for (int k = 0; k < c->outputs; k++) {
        if (c->seed[k].given) {
            const variant plain = {how->name, how->dtype, false, 0};
            const wg_var seed = put(tape, &c->seed[k], &plain, false);
            total = wg_add(total, wg_sum(wg_mul(seed, out[k])));
        }
    }
    return total;
}

static void check_gradients(wg_tape *tape, const golden_case *c, const golden_call *call,
                            const variant *how, const wg_var *leaf, const wg_var *out) {
    const wg_var total = total_of(tape, c, how, out);
    if (total.tape == NULL) {
        return;
    }
    cr_assert_eq(wg_backward(total), WG_OK, "%s, %s: %s", c->name, how->name,
                 wg_tape_message(tape));
    for (int i = 0; i < c->inputs; i++) {
        golden_array want = c->grad[i];
        if (!want.given) {
            continue;
        }
        double *have = malloc(((size_t)want.count + 1) * sizeof *have);
        double *turned = malloc(((size_t)want.count + 1) * sizeof *turned);
        if (how->transposed && want.rank >= 2) { /* the leaf is the transposed array */
            int64_t shape[WG_MAX_RANK];
            swap_axes(&want, shape, turned);
            want.values = turned;
        }
        cr_assert_eq(wg_read_adjoint(leaf[i], WG_F64, have, want.count), WG_OK, "%s: %s", c->name,
                     wg_last_message());
        compare(c, how, "gradient of input", i, &want, have, call->scale, call->gradient_ulps);
        free(turned);
        free(have);
    }
}

static void check_case(wg_tape *tape, const golden_case *c, const golden_call *call,
                       const variant *how) {
    wg_var leaf[GOLDEN_MOST_ARRAYS], in[GOLDEN_MOST_ARRAYS], out[GOLDEN_MOST_ARRAYS];
    for (int i = 0; i < c->inputs; i++) {
        leaf[i] = put(tape, &c->in[i], how, c->grad[i].given);
        in[i] = how->transposed && c->in[i].dtype == WG_F64 && c->in[i].rank >= 2
                    ? wg_transpose(leaf[i])
                    : leaf[i];
    }
    call->run(c, in, out);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s, %s: %s", c->name, how->name,
                 wg_tape_message(tape));
    check_outputs(c, call, how, out);
    check_gradients(tape, c, call, how, leaf, out);
    wg_tape_reset(tape);
}

/* Row indices alone: Criterion 2.4.1 moves parameters to another address. */
ParameterizedTestParameters(golden, every_operation) {
    static int rows[1024];
    const family *of = NULL;
    int count = 0;
    while (count < 1024 && call_at(count, &of) != NULL) {
        rows[count] = count;
        count++;
    }
    return cr_make_param_array(int, rows, (size_t)count);
}

ParameterizedTest(int *row, golden, every_operation) {
    const family *of = NULL;
    const golden_call *call = call_at(*row, &of);
    int count, found = 0;
    const golden_case *cases = golden_read(of->name, &count);
    wg_tape *tape = wg_tape_new();
    for (int i = 0; i < count; i++) {
        for (size_t k = 0;
             strcmp(cases[i].op, call->op) == 0 && k < sizeof variants / sizeof *variants; k++) {
            check_case(tape, &cases[i], call, &variants[k]);
            found++;
        }
    }
    cr_assert_gt(found, 0, "data/%s.txt has no case of %s", of->name, call->op);
    wg_tape_free(tape);
    golden_free(cases, count);
}

Test(golden, every_case_has_a_call) {
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        int count;
        const golden_case *cases = golden_read(families[i].name, &count);
        for (int k = 0; k < count; k++) {
            const golden_call *call = families[i].calls;
            while (call->op != NULL && strcmp(call->op, cases[k].op) != 0) {
                call++;
            }
            cr_assert_not_null(call->op, "calls_%s.c does not know %s", families[i].name,
                               cases[k].op);
        }
        golden_free(cases, count);
    }
}
