/* test_sweep.c: statements that are multiplied out, and the order of terms, change no result. */
#include "function/function.h"
#include "function/sweep.h"
#include "random_program.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    N = 12
};

/* ---- Statements ------------------------------------------------------------------------------ */

/* A tree of that many operations over leaves of a few inputs, so that leaves come again. */
typedef struct tree {
    uint64_t state;
    int left, inputs; /* operations to go */
    const wg_var *x;
} tree;

static wg_var grow(tree *t, int depth) { /* at most 12 deep */
    if (t->left <= 0 || depth == 12) {
        return t->x[random_below(&t->state, t->inputs)];
    }
    t->left--;
    const int what = random_below(&t->state, 10);
    const wg_var a = grow(t, depth + 1);
    switch (what) {
    case 0:
        return wg_neg(a);
    case 1:
        return wg_sin(a);
    case 2:
        return wg_mul(a, random_between(&t->state, -1.5, 1.5));
    case 3:
        return wg_exp(wg_neg(wg_square(a)));
    case 4:
    case 5:
        return wg_sub(a, grow(t, depth + 1));
    case 6:
        return wg_div(a, wg_add(wg_square(grow(t, depth + 1)), 1.5));
    case 7:
        return wg_add(a, grow(t, depth + 1));
    default:
        return wg_mul(a, grow(t, depth + 1));
    }
}

/* Statements one after another, each over inputs and the results before. */
static void statements(const wg_var *x, wg_var *y, void *context) {
    tree t = {.state = *(const uint64_t *)context};
    static const int sizes[] = {3, 5, 9, 20, 70, 90};
    const int size = sizes[random_below(&t.state, 6)];
    t.inputs = 1 + random_below(&t.state, N);
    wg_var leaves[N];
    memcpy(leaves, x, sizeof leaves);
    t.x = leaves;
    for (int k = 0; k < 4; k++) {
        t.left = size;
        wg_var r = grow(&t, 0);
        for (int more = 0; t.left > 0 && more < 40; more++) {
            r = wg_sub(grow(&t, 0), wg_mul(r, 0.5));
        }
        leaves[random_below(&t.state, t.inputs)] = wg_tanh(r);
    }
    y[0] = wg_number(0);
    for (int i = 0; i < t.inputs; i++) {
        y[0] = wg_sub(leaves[i], y[0]);
    }
}

static void count_plans(const wg_function *fn, long *plans) {
    const wg_program *p = fn->value;
    wg_builder b;
    wg_sweep sweep;
    uint32_t input[N], *map = calloc(p->count + 1, sizeof *map);
    for (uint32_t i = 0; i < N; i++) {
        input[i] = i;
    }
    wg_build_begin(&b, N, true);
    wg_sweep_begin(&sweep, &b, p, input, N, map);
    for (uint32_t i = N; i < p->count; i++) {
        plans[sweep.plan[i]] += sweep.active[i];
    }
    wg_sweep_end(&sweep);
    wg_build_abandon(&b);
    free(map);
}

static wg_function *record(wg_function_body body, void *context, bool relaxed) {
    wg_function_options options = wg_function_defaults();
    options.relaxed = relaxed;
    wg_function *fn = wg_function_record(body, context, N, 1, NULL, options);
    cr_assert_not_null(fn, "%s", wg_last_message());
    return fn;
}

/* Relaxed gradients are strict ones to rounding; sums of the sizes of what is added bound that. */
Test(sweep, multiplies_out_without_changing_gradients) {
    long plans[4] = {0};
    for (uint64_t seed = 0; seed < 1500; seed++) {
        wg_function *strict = record(statements, &seed, false);
        wg_function *relaxed = record(statements, &seed, true);
        double x[N], v[N], y[2], g[2][N], h[2][N];
        uint64_t state = seed;
        for (int i = 0; i < N; i++) {
            x[i] = random_between(&state, -1, 1);
            v[i] = random_between(&state, -1, 1);
        }
        cr_assert_eq(wg_function_gradient(strict, 1, x, &y[0], g[0]), WG_OK);
        cr_assert_eq(wg_function_gradient(relaxed, 1, x, &y[1], g[1]), WG_OK);
        cr_assert_eq(wg_function_hvp(strict, 1, x, NULL, v, h[0]), WG_OK);
        cr_assert_eq(wg_function_hvp(relaxed, 1, x, NULL, v, h[1]), WG_OK);
        double size = 1, second = 1;
        for (int i = 0; i < N; i++) {
            size = fmax(size, fabs(g[0][i]));
            second = fmax(second, fabs(h[0][i]));
        }
        for (int i = 0; i < N; i++) {
            cr_assert_float_eq(g[1][i], g[0][i], 1e-10 * size, "seed %llu: %g, not %g",
                               (unsigned long long)seed, g[1][i], g[0][i]);
            cr_assert_float_eq(h[1][i], h[0][i], 1e-8 * second, "seed %llu: %g, not %g",
                               (unsigned long long)seed, h[1][i], h[0][i]);
        }
        count_plans(relaxed, plans);
        wg_function_free(strict);
        wg_function_free(relaxed);
    }
    cr_expect_gt(plans[WG_SWEEP_PLAIN], 1000);
    cr_expect_gt(plans[WG_SWEEP_INSIDE], 1000);
    cr_expect_gt(plans[WG_SWEEP_EARLY], 100);
    cr_expect_gt(plans[WG_SWEEP_LATE], 100);
}

/* One statement, whose derivatives are known, at the sizes where statements are cut off. */
static const struct edge {
    const char *name;
    int leaves, links;
} edges[] = {
    {"eight leaves", 8, 0},        {"nine leaves", 9, 0},
    {"64 inside", 1, 64},          {"65 inside", 1, 65},
    {"a hundred inside", 1, 100},  {"one leaf again and again", 2, 30},
    {"both at their most", 8, 56}, {"more leaves and links", 9, 70},
};

/* Π over leaves, then through so many links of -0.99·t. */
static void edge_body(const wg_var *x, wg_var *y, void *context) {
    const struct edge *e = context;
    wg_var t = x[0];
    for (int i = 1; i < e->leaves; i++) {
        t = wg_mul(t, x[i]);
    }
    for (int i = 0; i < e->links; i++) {
        t = i % 2 == 0 ? wg_mul(wg_sub(0.25, t), 0.99) : wg_sub(wg_mul(t, 0.5), x[i % e->leaves]);
    }
    y[0] = wg_sin(t);
}

Test(sweep, cuts_statements_off_without_changing_gradients) {
    double x[N], y[2], g[2][N];
    for (int i = 0; i < N; i++) {
        x[i] = 0.7 + 0.05 * i;
    }
    for (size_t k = 0; k < WG_COUNT_OF(edges); k++) {
        struct edge e = edges[k];
        wg_function *strict = record(edge_body, &e, false), *relaxed = record(edge_body, &e, true);
        cr_assert_eq(wg_function_gradient(strict, 1, x, &y[0], g[0]), WG_OK);
        cr_assert_eq(wg_function_gradient(relaxed, 1, x, &y[1], g[1]), WG_OK);
        cr_expect_float_eq(y[0], y[1], 1e-14);
        for (int i = 0; i < N; i++) {
            cr_expect_float_eq(g[1][i], g[0][i], 1e-13 * (1 + fabs(g[0][i])), "%s: %g, not %g",
                               e.name, g[1][i], g[0][i]);
        }
        wg_function_free(strict);
        wg_function_free(relaxed);
    }
}

/* ---- The order of terms -----------------------------------------------------------------------
 */

static double *evaluate(const wg_program *p, const double *x) {
    double *value = calloc(p->count, sizeof *value);
    for (uint32_t i = 0; i < p->count; i++) {
        const wg_term *t = &p->term[i];
        if (wg_term_is_rule(t)) {
            for (int k = 0; k < wg_term_arity(t); k++) {
                cr_assert_lt(t->at[k], i, "an operand comes behind its term");
            }
            value[i] =
                wg_rule_infos[t->code].value(value[t->at[0]], value[t->at[1]], value[t->at[2]]);
        } else {
            value[i] = t->code == WG_TERM_INPUT ? x[t->at[0]] : wg_term_number(t);
        }
    }
    double *outputs = calloc(p->outputs, sizeof *outputs);
    for (uint32_t k = 0; k < p->outputs; k++) {
        outputs[k] = value[p->output[k]];
    }
    free(value);
    return outputs;
}

/* Random terms, of which many are alive at once, some used twice by one term. */
static wg_program *random_terms(uint64_t seed) {
    static const wg_rule_index rules[] = {WG_RULE_add, WG_RULE_mul, WG_RULE_sub, WG_RULE_fma,
                                          WG_RULE_sin};
    wg_builder b;
    uint64_t state = seed;
    const int terms = 50 + random_below(&state, 600), near = 1 + random_below(&state, 80);
    wg_build_begin(&b, 4, false);
    (void)wg_build_constant(&b, 0.375);
    for (int i = 0; i < terms; i++) {
        uint32_t at[3];
        for (int k = 0; k < 3; k++) {
            const int back = random_below(&state, 3) == 0 ? (int)b.count : near;
            at[k] = b.count - 1 -
                    (uint32_t)random_below(&state, back < (int)b.count ? back : (int)b.count);
        }
        (void)wg_build_rule(&b, rules[random_below(&state, 5)], at[0], at[1], at[2]);
    }
    uint32_t output[40];
    for (int k = 0; k < 40; k++) {
        output[k] = b.count - 1 - (uint32_t)random_below(&state, 49);
    }
    wg_program *p = wg_build_finish(&b, 1 + (uint32_t)random_below(&state, 40), output, "terms");
    cr_assert_not_null(p, "%s", wg_last_message());
    return p;
}

Test(schedule, changes_no_result) {
    const double x[4] = {0.5, -0.25, 1.125, 0.75};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        wg_program *p = random_terms(seed);
        double *before = evaluate(p, x);
        cr_assert(wg_program_schedule(p));
        double *after = evaluate(p, x);
        cr_assert_eq(memcmp(before, after, p->outputs * sizeof *before), 0, "seed %llu",
                     (unsigned long long)seed);
        for (uint32_t i = 0; i < p->inputs; i++) {
            cr_assert(p->term[i].code == WG_TERM_INPUT && p->term[i].at[0] == i);
        }
        free(before);
        free(after);
        wg_program_free(p);
    }
}

enum {
    TERMS = 400,
    LINKS = 12
};

/* As in a likelihood: each term of the sum takes the same inputs and a number of its own. */
static void many_terms(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_number(0);
    for (int i = 0; i < TERMS; i++) {
        wg_var t = wg_mul(x[0], 1 + 0.001 * i);
        for (int k = 0; k < LINKS; k++) {
            t = wg_sin(wg_mul(t, x[1]));
        }
        y[0] = wg_add(y[0], t);
    }
}

/* What outlives a term is a value or two, of LINKS: values are summed the other way round. */
Test(schedule, finishes_terms_of_a_sum_one_by_one) {
    const double x[N] = {0.75, 1.25};
    double y, g[N];
    for (int relaxed = 0; relaxed < 2; relaxed++) {
        wg_function *fn = record(many_terms, NULL, relaxed == 1);
        wg_function_report report;
        cr_assert_eq(wg_function_gradient(fn, 1, x, &y, g), WG_OK);
        cr_assert_eq(wg_function_report_of(fn, &report), WG_OK);
        cr_expect_lt(report.gradient_slots, 3 * TERMS, "relaxed %d: %lld slots", relaxed,
                     (long long)report.gradient_slots);
        double sum = 0, want[2] = {0, 0};
        for (int i = 0; i < TERMS; i++) {
            double t = x[0] * (1 + 0.001 * i), d0 = 1 + 0.001 * i, d1 = 0;
            for (int k = 0; k < LINKS; k++) {
                const double slope = cos(t * x[1]);
                d0 = slope * d0 * x[1];
                d1 = slope * (d1 * x[1] + t);
                t = sin(t * x[1]);
            }
            sum += t;
            want[0] += d0;
            want[1] += d1;
        }
        cr_expect_float_eq(y, sum, 1e-11 * fabs(sum));
        cr_expect_float_eq(g[0], want[0], 1e-11 * (1 + fabs(want[0])));
        cr_expect_float_eq(g[1], want[1], 1e-11 * (1 + fabs(want[1])));
        wg_function_free(fn);
    }
}
