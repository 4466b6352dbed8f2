/* main.c: nine scalar functions differentiated in reverse by each contender, anew for each
 * gradient. */
#include "scalar.h"

#include <stdlib.h>
#include <string.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

typedef struct hand_state {
    const scalar_function *function;
    double *out; /* gradient, then the value */
    volatile double sink;
} hand_state;

static void teardown(void *state) {
    hand_state *s = state;
    free(s->out);
    free(s);
}

static void *setup(const void *argument) {
    hand_state *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->function = argument;
    s->out = calloc(s->function->inputs + 1, sizeof *s->out);
    if (s->out)
        return s;
    teardown(s);
    return NULL;
}

static void run_primal(void *state) {
    hand_state *s = state;
    s->sink = primal_of(s->function->index, s->function->x);
}

static void run_gradient(void *state) {
    hand_state *s = state;
    s->out[s->function->inputs] = gradient_by_hand(s->function->index, s->function->x, s->out);
}

static void result(void *state, double *out) {
    const hand_state *s = state;
    memcpy(out, s->out, (s->function->inputs + 1) * sizeof *out);
}

enum {
    PRIMAL,
    BY_HAND,
    WENGERT,
    RECORDING,
    SWEEP,
    ADOLC,
    ADOLC_REPLAY,
    SACADO,
    ROLES
};

/* One line of the summary at the end. */
typedef struct summary {
    const char *name;
    double operations, bar, hand, ratio, record, sweep, adolc, sacado;
    bool present;
} summary;

static double ratio(const bench_figures *a, const bench_figures *b) {
    return a->present && b->present && !a->wrong && !b->wrong ? a->minimum / b->minimum : 0;
}

static void print_ratio(double value, const char *verdict) {
    if (value > 0)
        printf(" %7.2f%-5s", value, verdict);
    else
        printf(" %7s%-5s", "-", "");
}

static void print_summary(const summary *rows) {
    printf("\nGradient over plain primal, minimum over minimum. Bars: Wengert at most 1.3 × "
           "Adept's ratio as\n"
           "measured elsewhere (README.md), and at least 4 × faster than ADOL-C recording anew.\n\n"
           "%-14s %8s %8s %12s %8s %12s %12s %8s %8s\n",
           "", "by hand", "Adept", "Wengert", "bar", "ADOL-C/W", "Sacado/W", "rec ns", "sweep ns");
    for (int i = 0; i < SCALAR_COUNT; i++) {
        const summary *r = &rows[i];
        if (!r->present)
            continue;
        printf("%-14s %8.2f %8.2f", r->name, r->hand, r->bar / 1.3);
        print_ratio(r->ratio, r->ratio <= r->bar ? " hit" : " MISS");
        printf(" %8.2f", r->bar);
        print_ratio(r->adolc, r->adolc >= 4 ? " hit" : " MISS");
        print_ratio(r->sacado, "");
        printf(" %8.2f %8.2f\n", r->record, r->sweep);
    }
}

int main(int argc, char **argv) {
#if defined(__GLIBC__)
    /* Keep freed memory: rivals that allocate anew for each tape would else pay for fresh pages
     * each time. */
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, 2147483647);
    mallopt(M_TOP_PAD, 64 << 20);
#endif
    int code;
    bench_harness *harness = bench_begin("Scalar reverse mode: nine functions, float64, one thread",
                                         WG_BENCH_FLAGS, argc, argv, &code);
    if (!harness)
        return code;
#ifdef WG_BENCH_ADOLC
    bench_rival(harness, "ADOL-C", scalar_adolc_version());
#endif
#ifdef WG_BENCH_SACADO
    bench_rival(harness, "Sacado Rad", scalar_sacado_version());
#endif

    static const scalar_function functions[] = {
#define FUNCTION(key, count, work, primal_ms, adept_ms)                                            \
    {.name = #key,                                                                                 \
     .index = SCALAR_##key,                                                                        \
     .inputs = count,                                                                              \
     .operations = work,                                                                           \
     .anchor_primal = primal_ms,                                                                   \
     .anchor_adept = adept_ms},
        SCALAR_FUNCTIONS(FUNCTION)
#undef FUNCTION
    };
    summary rows[SCALAR_COUNT] = {0};
    for (int i = 0; i < SCALAR_COUNT; i++) {
        scalar_function function = functions[i];
        if (!bench_wanted(harness, function.name))
            continue;
        double *x = calloc(function.inputs, sizeof *x);
        if (!x)
            return 2;
        scalar_point(i, x);
        function.x = x;

        bench_contender contenders[ROLES] = {
            {.name = "plain primal", .setup = setup, .run = run_primal, .teardown = teardown},
            {.name = "gradient by hand",
             .setup = setup,
             .run = run_gradient,
             .result = result,
             .teardown = teardown},
        };
        int role[ROLES], count = 2;
        memset(role, -1, sizeof role);
        role[PRIMAL] = 0;
        role[BY_HAND] = 1;
        for (int k = 0; k < scalar_wengert_count; k++) {
            role[WENGERT + k] = count;
            contenders[count++] = scalar_wengert[k];
        }
#ifdef WG_BENCH_ADOLC
        for (int k = 0; k < scalar_adolc_count; k++) {
            role[ADOLC + k] = count;
            contenders[count++] = scalar_adolc[k];
        }
#endif
#ifdef WG_BENCH_SACADO
        role[SACADO] = count;
        contenders[count++] = scalar_sacado[0];
#endif
        for (int k = 0; k < count; k++)
            contenders[k].argument = &function;
        bench_case work = {.name = function.name,
                           .operations = function.operations,
                           .results = function.inputs + 1,
                           .split = function.inputs,
                           .tolerance = 1e-8,
                           .reference = 1,
                           .base = 0,
                           .one_thread = true,
                           .contenders = contenders,
                           .count = count};
        bench_figures figures[ROLES + 1];
        bench_case_run(harness, &work, figures);
        free(x);

        const bench_figures none = {0};
        const bench_figures *by_role[ROLES];
        for (int k = 0; k < ROLES; k++)
            by_role[k] = role[k] >= 0 ? &figures[role[k]] : &none;
        summary *r = &rows[i];
        r->present = true;
        r->name = function.name;
        r->operations = function.operations;
        r->bar = 1.3 * function.anchor_adept / function.anchor_primal;
        r->hand = ratio(by_role[BY_HAND], by_role[PRIMAL]);
        r->ratio = ratio(by_role[WENGERT], by_role[PRIMAL]);
        r->adolc = ratio(by_role[ADOLC], by_role[WENGERT]);
        r->sacado = ratio(by_role[SACADO], by_role[WENGERT]);
        r->record = 1e9 * by_role[RECORDING]->minimum / function.operations;
        r->sweep = 1e9 * by_role[SWEEP]->minimum / function.operations;
        bench_record(harness, r->name, "wengert_over_primal", r->ratio);
        bench_record(harness, r->name, "bar_over_primal", r->bar);
        bench_record(harness, r->name, "adolc_over_wengert", r->adolc);
        bench_record(harness, r->name, "sacado_over_wengert", r->sacado);
    }
    print_summary(rows);
    return bench_end(harness);
}
