/* Attention by blocks against softmax(scale q kT + mask) v in verbs. */
#include "wengert/attention.h"
#include "wengert/index.h"

#include "arrays.h"

#include <stdio.h>
#include <stdlib.h>
#if defined(_OPENMP)
#include <omp.h>
#endif

/* Numbers without a pattern in [-1, 1). */
static wg_var rough(wg_tape *tape, wg_dtype dtype, int rank, const int64_t *shape, double phase) {
    int64_t count = 1;
    for (int i = 0; i < rank; i++) {
        count *= shape[i];
    }
    double *values = malloc(((size_t)count + 1) * sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        const double x = sin(phase + 1.7 * (double)i * (double)(i % 31 + 1));
        if (dtype == WG_F32) {
            ((float *)values)[i] = (float)x;
        } else {
            values[i] = x;
        }
    }
    const wg_var x = wg_variable(tape, dtype, rank, shape, values);
    free(values);
    return x;
}

typedef enum mask_kind {
    NO_MASK,
    ADDED,      /* floats [L, S] */
    KEYS_CLOSED /* u8 [heads, 1, S] */
} mask_kind;

/* q [heads, L, D], k [heads / group, S, D], v [heads / group, S, Dv]. */
typedef struct trial {
    int64_t heads, group, queries, keys, depth, width;
    bool causal;
    mask_kind mask;
    int64_t offset;
    double dropout;
} trial;

static const trial trials[] = {
    {1, 1, 1, 1, 1, 1, false, NO_MASK},
    {2, 1, 64, 64, 16, 8, false, NO_MASK},
    {1, 1, 65, 63, 5, 3, false, NO_MASK},
    {1, 1, 63, 129, 7, 9, false, NO_MASK},
    {2, 1, 130, 67, 4, 4, true, NO_MASK},
    {1, 1, 67, 130, 3, 5, true, NO_MASK},
    {1, 1, 128, 128, 8, 8, true, NO_MASK},
    {4, 2, 33, 65, 6, 5, true, NO_MASK},
    {3, 3, 70, 20, 4, 2, false, NO_MASK},
    {1, 1, 70, 66, 3, 2, false, ADDED},
    {2, 1, 66, 70, 3, 2, true, ADDED},
    {3, 1, 10, 100, 5, 4, false, KEYS_CLOSED},
    {2, 2, 66, 129, 5, 4, true, KEYS_CLOSED},
    {1, 1, 40, 40, 70, 33, true, NO_MASK},
    {20, 1, 66, 3, 2, 2, true, NO_MASK},
    {1, 1, 3, 200, 2, 1, true, NO_MASK},
    {2, 1, 5, 75, 4, 3, true, NO_MASK, 70},
    {1, 1, 70, 140, 3, 3, true, NO_MASK, 1},
    {2, 2, 140, 70, 3, 3, true, NO_MASK, 63},
    {1, 1, 66, 200, 2, 3, true, ADDED, 100},
    {1, 1, 1, 90, 5, 4, true, NO_MASK, 89},
    {4, 2, 80, 80, 5, 5, true, KEYS_CLOSED, 7},
    {2, 1, 130, 75, 3, 4, false, NO_MASK, 0, 0.25},
    {4, 2, 100, 100, 3, 3, true, KEYS_CLOSED, 3, 0.5},
    {3, 1, 200, 200, 6, 6, true, NO_MASK},
    {20, 4, 70, 70, 3, 3, false, NO_MASK},
};

typedef struct inputs {
    wg_var q, k, v, mask;
} inputs;

static inputs make(wg_tape *tape, const trial *t, wg_dtype dtype) {
    const int64_t shared = t->heads / t->group;
    inputs in = {.q = rough(tape, dtype, 3, (int64_t[]){t->heads, t->queries, t->depth}, 0),
                 .k = rough(tape, dtype, 3, (int64_t[]){shared, t->keys, t->depth}, 1),
                 .v = rough(tape, dtype, 3, (int64_t[]){shared, t->keys, t->width}, 2),
                 .mask = wg_number(0)};
    if (t->mask == ADDED) {
        const wg_var all = rough(tape, dtype, 2, (int64_t[]){t->queries, t->keys}, 3);
        /* Some closed, and the first query sees nothing. */
        const wg_var rows = rough(tape, dtype, 2, (int64_t[]){t->queries, 1}, 0);
        const wg_var shut = wg_max(wg_gt(all, 0.7), wg_eq(rows, 0));
        in.mask = wg_where(shut, -(double)INFINITY, all);
        double *values = calloc((size_t)wg_count(in.mask), sizeof *values);
        cr_assert_eq(wg_read(in.mask, WG_F64, values, wg_count(in.mask)), WG_OK);
        const wg_var fixed = wg_constant(tape, WG_F64, WG_SHAPE(t->queries, t->keys), values);
        in.mask = wg_cast(fixed, dtype);
        free(values);
    } else if (t->mask == KEYS_CLOSED) {
        uint8_t open[512];
        for (int64_t i = 0; i < t->heads * t->keys; i++) {
            open[i] = i % 3 != 1 && i / t->keys != 1; /* head 1 sees nothing */
        }
        in.mask = wg_constant(tape, WG_U8, WG_SHAPE(t->heads, 1, t->keys), open);
    }
    return in;
}

#define DROPOUT .dropout = t->dropout, .key = {{7, 9}}

static wg_var fused(wg_tape *tape, const trial *t, const inputs *in) {
    (void)tape;
    return wg_attention(in->q, in->k, in->v,
                        (wg_attention_options){
                            .causal = t->causal, .mask = in->mask, .offset = t->offset, DROPOUT});
}

/* The same with heads behind the length, in arrays that lie so. */
static wg_var length_first(wg_tape *tape, const trial *t, const inputs *in) {
    (void)tape;
    const wg_attention_options o = {
        .causal = t->causal, .mask = in->mask, .offset = t->offset, .length_first = true, DROPOUT};
    const wg_var q = wg_contiguous(wg_swapaxes(in->q, 0, 1));
    const wg_var k = wg_swapaxes(in->k, 0, 1), v = wg_contiguous(wg_swapaxes(in->v, 0, 1));
    return wg_swapaxes(wg_attention(q, k, v, o), 0, 1);
}

/* The same of one array that holds all three, where they fit in one. */
static wg_var packed(wg_tape *tape, const trial *t, const inputs *in) {
    if (t->queries != t->keys || t->depth != t->width) {
        return length_first(tape, t, in);
    }
    const wg_attention_options o = {
        .causal = t->causal, .mask = in->mask, .offset = t->offset, DROPOUT};
    const wg_var parts[3] = {in->q, in->k, in->v};
    const wg_var qkv = wg_contiguous(wg_swapaxes(wg_concat(3, parts, 0), 0, 1));
    return wg_swapaxes(wg_attention_packed(qkv, t->heads / t->group, o), 0, 1);
}

/* What dropout leaves of all probabilities, from what it leaves of 1/S each. */
static wg_var left_by_dropout(wg_tape *tape, const trial *t) {
    if (t->dropout == 0) {
        return wg_number(1);
    }
    const wg_var q = wg_zeros(tape, WG_F64, WG_SHAPE(t->heads, t->queries, 1));
    const wg_var k = wg_zeros(tape, WG_F64, WG_SHAPE(t->heads, t->keys, 1));
    const wg_var one = wg_eye(tape, WG_F64, t->keys, t->keys, 0);
    const wg_var v = wg_contiguous(wg_broadcast_to(one, WG_SHAPE(t->heads, t->keys, t->keys)));
    const wg_attention_options o = {DROPOUT};
    const wg_var left = wg_mul(wg_attention(q, k, v, o), t->keys);
    double sum = wg_value(wg_mean(left)); /* about as much as before */
    cr_assert_float_eq(sum, 1, 0.1, "%g", sum);
    return left;
}

/* By the definition; closed scores are -1e30, and their probabilities are zeroed. */
static wg_var defined(wg_tape *tape, const trial *t, const inputs *in) {
    const int64_t shared = t->heads / t->group;
    const wg_var q = wg_reshape(in->q, WG_SHAPE(shared, t->group, t->queries, t->depth));
    const wg_var k = wg_reshape(in->k, WG_SHAPE(shared, 1, t->keys, t->depth));
    const wg_var v = wg_reshape(in->v, WG_SHAPE(shared, 1, t->keys, t->width));
    wg_var s = wg_div(wg_matmul(q, wg_transpose(k)), sqrt((double)t->depth));
    wg_var open = wg_full(tape, WG_F64, 0, NULL, 1);
    s = wg_reshape(s, WG_SHAPE(t->heads, t->queries, t->keys));
    if (t->mask == ADDED) {
        open = wg_gt(in->mask, -(double)INFINITY);
        s = wg_add(s, wg_where(open, in->mask, 0));
    } else if (t->mask == KEYS_CLOSED) {
        open = wg_cast(in->mask, WG_F64);
    }
    if (t->causal) {
        double *rows = calloc((size_t)(t->queries + t->keys), sizeof *rows);
        for (int64_t i = 0; i < t->queries; i++) {
            rows[i] = (double)(i + t->offset);
        }
        for (int64_t i = 0; i < t->keys; i++) {
            rows[t->queries + i] = (double)i;
        }
        const wg_var query = wg_constant(tape, WG_F64, WG_SHAPE(t->queries, 1), rows);
        const wg_var key = wg_constant(tape, WG_F64, WG_SHAPE(1, t->keys), rows + t->queries);
        open = wg_mul(open, wg_le(key, query));
        free(rows);
    }
    wg_var p = wg_mul(wg_softmax(wg_where(open, s, -1e30), -1), open);
    p = wg_mul(p, left_by_dropout(tape, t));
    p = wg_reshape(p, WG_SHAPE(shared, t->group, t->queries, t->keys));
    return wg_reshape(wg_matmul(p, v), WG_SHAPE(t->heads, t->queries, t->width));
}

typedef struct outputs {
    int64_t count[4];
    double *value[4]; /* the result, and the gradients of q, k and v */
} outputs;

static void run(const trial *t, wg_dtype dtype,
                wg_var (*f)(wg_tape *, const trial *, const inputs *), bool recorded,
                outputs *out) {
    wg_tape *tape = wg_tape_new();
    const inputs in = make(tape, t, dtype);
    const wg_var x[3] = {in.q, in.k, in.v};
    const wg_var y = f(tape, t, &in);
    const wg_view view = wg_view_of(y);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    for (int i = 0; i < 4; i++) {
        out->count[i] = wg_count(i == 0 ? y : x[i - 1]);
        out->value[i] = calloc((size_t)out->count[i] + 1, sizeof(double));
    }
    cr_assert_eq(wg_read(y, WG_F64, out->value[0], out->count[0]), WG_OK);
    const wg_var loss = wg_sum(wg_mul(y, rough(tape, dtype, view.rank, view.shape, 5)));
    wg_var g[3];
    cr_assert_eq(recorded ? wg_grad(loss, x, 3, g) : wg_backward(loss), WG_OK, "%s",
                 wg_tape_message(tape));
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(recorded ? wg_read(g[i], WG_F64, out->value[i + 1], out->count[i + 1])
                              : wg_read_adjoint(x[i], WG_F64, out->value[i + 1], out->count[i + 1]),
                     WG_OK);
    }
    wg_tape_free(tape);
}

static void expect_near(const outputs *have, const outputs *want, double tolerance,
                        const char *what) {
    static const char *const names[4] = {"value", "dq", "dk", "dv"};
    for (int k = 0; k < 4; k++) {
        double size = 0;
        for (int64_t i = 0; i < want->count[k]; i++) {
            size = fmax(size, fabs(want->value[k][i]));
        }
        cr_assert_eq(have->count[k], want->count[k]);
        for (int64_t i = 0; i < want->count[k]; i++) {
            cr_assert(fabs(have->value[k][i] - want->value[k][i]) <= tolerance * (size + 1e-3),
                      "%s, %s, element %lld: %.17g, not %.17g", what, names[k], (long long)i,
                      have->value[k][i], want->value[k][i]);
        }
    }
}

static void release(outputs *out) {
    for (int k = 0; k < 4; k++) {
        free(out->value[k]);
    }
}

Test(attention, agrees_with_its_definition_and_its_two_sweeps_with_each_other) {
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
        outputs want;
        run(&trials[i], WG_F64, defined, false, &want);
        for (int how = 0; how < 12; how++) {
            static wg_var (*const layouts[3])(wg_tape *, const trial *,
                                              const inputs *) = {fused, length_first, packed};
            const bool dtype = (how & 1) != 0, recorded = (how & 2) != 0;
            char what[64];
            outputs have;
            snprintf(what, sizeof what, "trial %d, %s%s, layout %d", (int)i, dtype ? "f32" : "f64",
                     recorded ? ", recorded" : "", how / 4);
            run(&trials[i], dtype ? WG_F32 : WG_F64, layouts[how / 4], recorded, &have);
            expect_near(&have, &want, dtype ? 4e-6 : 1e-14, what);
            release(&have);
        }
        release(&want);
    }
}

Test(attention, takes_large_scores_and_one_sided_ones) {
    /* Scores of thousands: the running maximum keeps every exponential finite. */
    wg_tape *tape = wg_tape_new();
    double q[1] = {1000}, k[200], v[200];
    for (int i = 0; i < 200; i++) {
        k[i] = i < 150 ? i : 300 - i;
        v[i] = i;
    }
    for (int dtype = 0; dtype < 2; dtype++) {
        const wg_dtype type = dtype ? WG_F32 : WG_F64;
        const wg_var y = wg_attention(wg_cast(wg_constant(tape, WG_F64, WG_SHAPE(1, 1), q), type),
                                      wg_cast(wg_constant(tape, WG_F64, WG_SHAPE(200, 1), k), type),
                                      wg_cast(wg_constant(tape, WG_F64, WG_SHAPE(200, 1), v), type),
                                      (wg_attention_options){0});
        expect_values(y, (double[]){150}, 0);
    }
    wg_tape_free(tape);
}

Test(attention, rows_that_see_nothing_are_zero_and_nan_stays) {
    wg_tape *tape = wg_tape_new();
    const wg_var x = ramp(tape, WG_F64, 2, (int64_t[]){3, 2});
    const uint8_t open[3][3] = {{0, 0, 0}, {1, 0, 0}, {0, 1, 1}};
    const wg_var mask = wg_constant(tape, WG_U8, WG_SHAPE(3, 3), open);
    const wg_var y = wg_attention(x, x, x, (wg_attention_options){.mask = mask});
    double values[6];
    read_all(y, values);
    cr_assert(values[0] == 0 && values[1] == 0);
    cr_assert_float_eq(values[2], ramp_value(0), 1e-15);
    const double q[2] = {NAN, 1};
    const wg_var n = wg_constant(tape, WG_F64, WG_SHAPE(2, 1), q);
    read_all(wg_attention(n, wg_constant(tape, WG_F64, WG_SHAPE(2, 1), ((double[]){1, 2})),
                          wg_constant(tape, WG_F64, WG_SHAPE(2, 1), ((double[]){1, 2})),
                          (wg_attention_options){0}),
             values);
    cr_assert(isnan(values[0]) && isfinite(values[1]));
    wg_tape_free(tape);
}

Test(attention, of_an_array_to_itself_adds_all_three_gradients) {
    wg_tape *tape = wg_tape_new();
    static double adjoint[2][150 * 2];
    for (int k = 0; k < 2; k++) {
        const wg_var x = rough(tape, WG_F64, 2, (int64_t[]){150, 2}, 0);
        const wg_var y = k == 0 ? wg_attention(x, x, x, (wg_attention_options){0})
                                : wg_attention(wg_mul(x, 1), wg_mul(x, 1), wg_mul(x, 1),
                                               (wg_attention_options){0});
        cr_assert_eq(wg_backward(wg_sum(wg_square(y))), WG_OK);
        cr_assert_eq(wg_read_adjoint(x, WG_F64, adjoint[k], 300), WG_OK);
        wg_tape_reset(tape);
    }
    for (int i = 0; i < 300; i++) {
        cr_assert_float_eq(adjoint[0][i], adjoint[1][i], 1e-13);
    }
    wg_tape_free(tape);
}

Test(attention, heads_may_be_permuted_views) {
    wg_tape *tape = wg_tape_new();
    double want[400], have[400], adjoint[400];
    const int axes[4] = {0, 2, 1, 3};
    for (int k = 0; k < 2; k++) { /* [batch, L, heads, D], as a layer makes it */
        const wg_var x = ramp(tape, WG_F64, 4, (int64_t[]){2, 5, 4, 5});
        const wg_var heads = wg_permute(x, 4, axes);
        const wg_var in = k == 0 ? heads : wg_contiguous(heads);
        const wg_var y = wg_attention(in, in, in, (wg_attention_options){.causal = true});
        read_all(y, k == 0 ? have : want);
        cr_assert_eq(wg_backward(wg_sum(wg_square(wg_permute(y, 4, axes)))), WG_OK);
        if (k == 0) {
            cr_assert_eq(wg_read_adjoint(x, WG_F64, adjoint, 200), WG_OK);
        } else {
            expect_adjoint(x, adjoint, 1e-13);
        }
        wg_tape_reset(tape);
    }
    cr_assert_eq(memcmp(have, want, 200 * sizeof *have), 0);
    wg_tape_free(tape);
}

Test(attention, needs_memory_linear_in_the_sequence) {
    enum {
        L = 4096,
        D = 8
    };
    wg_tape *tape = wg_tape_new();
    const int64_t shape[2] = {L, D};
    const wg_var q = rough(tape, WG_F32, 2, shape, 0), k = rough(tape, WG_F32, 2, shape, 1);
    const wg_var v = rough(tape, WG_F32, 2, shape, 2);
    const wg_var y = wg_attention(q, k, v, (wg_attention_options){.causal = true});
    cr_assert_eq(wg_backward(wg_sum(wg_square(y))), WG_OK, "%s", wg_tape_message(tape));
    const uint64_t peak = wg_tape_usage_of(tape).bytes_peak, square = (uint64_t)L * L * 4;
    cr_assert_lt(peak, square / 16, "%llu bytes at the peak, a matrix of scores has %llu",
                 (unsigned long long)peak, (unsigned long long)square);
    wg_tape_free(tape);
}

static void use_threads(int count) {
#if defined(_OPENMP)
    omp_set_num_threads(count);
#else
    (void)count;
#endif
}

Test(attention, the_number_of_threads_changes_no_bit) {
    static const trial large[] = {{1, 1, 700, 650, 32, 24, true, NO_MASK},
                                  {3, 1, 300, 333, 20, 20, false, NO_MASK},
                                  {40, 2, 100, 100, 16, 16, true, NO_MASK}};
    for (int i = 0; i < 3; i++) {
        outputs out[3];
        for (int k = 0; k < 3; k++) {
            use_threads(k == 0 ? 1 : k == 1 ? 2 : 5);
            run(&large[i], WG_F32, fused, false, &out[k]);
        }
        use_threads(1);
        for (int k = 1; k < 3; k++) {
            for (int part = 0; part < 4; part++) {
                cr_assert_eq(memcmp(out[0].value[part], out[k].value[part],
                                    (size_t)out[0].count[part] * sizeof(double)),
                             0, "%d, part %d", i, part);
            }
        }
        for (int k = 0; k < 3; k++) {
            release(&out[k]);
        }
    }
}

Test(attention, a_mask_may_want_a_gradient) {
    wg_tape *tape = wg_tape_new();
    const wg_var q = ramp(tape, WG_F64, 3, (int64_t[]){2, 3, 2});
    const wg_var mask = wg_variable(tape, WG_F64, WG_SHAPE(4), (double[]){0.1, 0.2, 0.3, 0.4});
    const wg_var k = ramp(tape, WG_F64, 3, (int64_t[]){2, 4, 2});
    const wg_var y = wg_attention(q, k, k, (wg_attention_options){.mask = mask});
    cr_assert_eq(wg_backward(wg_sum(wg_square(y))), WG_OK);
    double g[4], sum = 0;
    cr_assert_eq(wg_read_adjoint(mask, WG_F64, g, 4), WG_OK);
    for (int i = 0; i < 4; i++) {
        sum += g[i];
        cr_assert(g[i] != 0);
    }
    cr_assert_float_eq(sum, 0, 1e-12, "adding a number to all scores changes nothing");
    wg_tape_free(tape);
}

/* Every query sees all keys then. */
Test(attention, the_greatest_offset_is_one_behind_all_keys) {
    for (int how = 0; how < 2; how++) {
        wg_tape *tape = wg_tape_new();
        const wg_var x = ramp(tape, WG_F64, 2, (int64_t[]){70, 3});
        const wg_attention_options late = {.causal = true, .offset = INT64_MAX};
        double y[2][210], g[2][210];
        for (int i = 0; i < 2; i++) {
            const wg_attention_options none = {0};
            const wg_var q = wg_cast(x, how == 1 ? WG_F32 : WG_F64);
            const wg_var z = wg_attention(q, q, q, i == 0 ? late : none);
            cr_assert_eq(wg_read(z, WG_F64, y[i], 210), WG_OK, "%s", wg_tape_message(tape));
            wg_zero_adjoints(tape);
            cr_assert_eq(wg_backward(wg_sum(wg_square(z))), WG_OK, "%s", wg_tape_message(tape));
            cr_assert_eq(wg_read_adjoint(x, WG_F64, g[i], 210), WG_OK);
        }
        for (int i = 0; i < 210; i++) {
            cr_assert_float_eq(y[0][i], y[1][i], how == 1 ? 1e-6 : 1e-14);
            cr_assert_float_eq(g[0][i], g[1][i], fabs(g[1][i]) * (how == 1 ? 1e-5 : 1e-13));
        }
        wg_tape_free(tape);
    }
}

Test(attention, refuses_what_does_not_fit) {
    wg_tape *tape = wg_tape_new();
#define X(...) ramp(tape, WG_F64, WG_SHAPE(__VA_ARGS__))
#define NONE (wg_attention_options){0}
    (void)wg_attention(X(3, 2), X(4, 3), X(4, 2), NONE);
    expect_failure(tape, WG_ERROR_SHAPE,
                   "attention: q [3, 2], k [4, 3] and v [4, 2] are not [..., L, D]");
    (void)wg_attention(X(3, 2), X(4, 2), X(5, 2), NONE);
    expect_failure(tape, WG_ERROR_SHAPE, "v [5, 2]");
    (void)wg_attention(X(3), X(3), X(3), NONE);
    expect_failure(tape, WG_ERROR_SHAPE, "q [3]");
    (void)wg_attention(X(3, 3, 2), X(2, 4, 2), X(2, 4, 2), NONE);
    expect_failure(tape, WG_ERROR_SHAPE, "q [3, 3, 2]");
    (void)wg_attention(X(0, 3, 2), X(2, 4, 2), X(2, 4, 2), NONE);
    expect_failure(tape, WG_ERROR_SHAPE, "q [0, 3, 2]");
    (void)wg_attention(X(2, 1, 3, 2), X(3, 1, 4, 2), X(3, 1, 4, 2), NONE);
    expect_failure(tape, WG_ERROR_SHAPE, "q [2, 1, 3, 2]");
    (void)wg_attention(wg_number(1), X(3, 2), X(3, 2), NONE);
    expect_failure(tape, WG_ERROR_SHAPE, "attention: q is not an array");
    wg_attention_options masked = {.mask = X(4, 4)};
    (void)wg_attention(X(3, 2), X(4, 2), X(4, 2), masked);
    expect_failure(tape, WG_ERROR_SHAPE, "the mask [4, 4] does not broadcast to [..., L, S]");
    masked.mask = wg_constant(tape, WG_I64, WG_SHAPE(3, 4), NULL);
    (void)wg_attention(X(3, 2), X(4, 2), X(4, 2), masked);
    expect_failure(tape, WG_ERROR_DTYPE, "attention: the mask is i64");
    const wg_attention_options early = {.causal = true, .offset = -1};
    (void)wg_attention(X(3, 2), X(4, 2), X(4, 2), early);
    expect_failure(tape, WG_ERROR_ARGUMENT, "attention: the offset -1 is negative");
    const wg_attention_options dropped = {.dropout = 1};
    (void)wg_attention(X(3, 2), X(4, 2), X(4, 2), dropped);
    expect_failure(tape, WG_ERROR_ARGUMENT, "attention: dropout 1 is not in [0, 1)");
    const wg_attention_options behind = {.length_first = true};
    (void)wg_attention(X(3, 2), X(4, 2), X(4, 2), behind);
    expect_failure(tape, WG_ERROR_SHAPE, "v [4, 2] are not [..., L, heads, D], [..., S, heads, D]");
    (void)wg_attention(X(3, 2, 2), X(4, 3, 2), X(4, 3, 2), behind);
    expect_failure(tape, WG_ERROR_SHAPE, "q [3, 2, 2], k [4, 3, 2]");
    (void)wg_attention_packed(X(3, 4, 2), 2, NONE);
    expect_failure(tape, WG_ERROR_SHAPE,
                   "attention: qkv [3, 4, 2] is not [..., L, heads + 2·2, D]");
    (void)wg_attention_packed(X(3, 7, 2), 2, NONE);
    expect_failure(tape, WG_ERROR_SHAPE, "attention: qkv [3, 7, 2] is not");
    (void)wg_attention_packed(X(4, 2), 1, NONE);
    expect_failure(tape, WG_ERROR_SHAPE, "attention: qkv [4, 2] is not");
    (void)wg_attention_packed(X(3, 3, 2), 0, NONE);
    expect_failure(tape, WG_ERROR_ARGUMENT, "attention_packed: 0 heads of keys");
    cr_assert(isnan(wg_attention(wg_number(1), wg_number(1), wg_number(1), NONE).as.number));
    wg_tape_free(tape);
}
