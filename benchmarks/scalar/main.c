/* main.c: nine scalar functions differentiated in reverse by each contender, anew for each
 * gradient. */
#include "scalar.h"

#include <stdlib.h>

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
        bench_print_ratio(r->ratio, r->ratio <= r->bar ? " hit" : " MISS");
        printf(" %8.2f", r->bar);
        bench_print_ratio(r->adolc, r->adolc >= 4 ? " hit" : " MISS");
        bench_print_ratio(r->sacado, "");
        printf(" %8.2f %8.2f\n", r->record, r->sweep);
    }
}

int main(int argc, char **argv) {
    bench_keep_memory();
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

    summary rows[SCALAR_COUNT] = {0};
    for (int i = 0; i < SCALAR_COUNT; i++) {
        scalar_function function = scalar_functions[i];
        if (!bench_wanted(harness, function.name))
            continue;
        double *x = calloc(function.inputs, sizeof *x);
        if (!x)
            return 2;
        scalar_point(i, x);
        function.x = x;

        bench_contender contenders[ROLES] = {
            [PRIMAL] = scalar_primal,
            [BY_HAND] = scalar_by_hand,
            [WENGERT] = scalar_wengert[0],
            [RECORDING] = scalar_wengert[1],
            [SWEEP] = scalar_wengert[2],
            [ADOLC] = BENCH_MISSING("ADOL-C, recording anew"),
            [ADOLC_REPLAY] = BENCH_MISSING("ADOL-C, replaying its tape"),
            [SACADO] = BENCH_MISSING("Sacado Rad"),
        };
#ifdef WG_BENCH_ADOLC
        contenders[ADOLC] = scalar_adolc[0];
        contenders[ADOLC_REPLAY] = scalar_adolc[1];
#endif
#ifdef WG_BENCH_SACADO
        contenders[SACADO] = scalar_sacado[0];
#endif
        for (int k = 0; k < ROLES; k++)
            contenders[k].argument = &function;
        bench_case work = {.name = function.name,
                           .operations = function.operations,
                           .results = function.inputs + 1,
                           .split = function.inputs,
                           .tolerance = 1e-8,
                           .reference = BY_HAND,
                           .base = PRIMAL,
                           .one_thread = true,
                           .contenders = contenders,
                           .count = ROLES};
        bench_figures figures[ROLES];
        bench_case_run(harness, &work, figures);
        free(x);

        summary *r = &rows[i];
        r->present = true;
        r->name = function.name;
        r->operations = function.operations;
        r->bar = 1.3 * function.anchor_adept / function.anchor_primal;
        r->hand = bench_ratio(&figures[BY_HAND], &figures[PRIMAL]);
        r->ratio = bench_ratio(&figures[WENGERT], &figures[PRIMAL]);
        r->adolc = bench_ratio(&figures[ADOLC], &figures[WENGERT]);
        r->sacado = bench_ratio(&figures[SACADO], &figures[WENGERT]);
        r->record = 1e9 * figures[RECORDING].minimum / function.operations;
        r->sweep = 1e9 * figures[SWEEP].minimum / function.operations;
        bench_record(harness, r->name, "wengert_over_primal", r->ratio);
        bench_record(harness, r->name, "bar_over_primal", r->bar);
        bench_record(harness, r->name, "adolc_over_wengert", r->adolc);
        bench_record(harness, r->name, "sacado_over_wengert", r->sacado);
    }
    print_summary(rows);
    return bench_end(harness);
}
