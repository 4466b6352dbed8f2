/* test_modes.c: every way to evaluate and differentiate a function agrees with every other, on
 * random programs (random_program.h).
 *
 * The tape is the yardstick: recorded anew at each point and swept backwards, once for first
 * derivatives and twice for second ones. What rounding may cost is measured, not guessed: the
 * program is recorded twice more with every operand perturbed by a relative 2⁻³⁰, and what that
 * does to a result, scaled down to an ulp, is its share of ulps.
 *
 * A failure names its seed; WG_SEED=… runs that one alone (with --filter for the test), and lists
 * the program. */
#include "quantities.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GIVES(name) (1u << Q_##name)
#define GIVES_ALL ((1u << QUANTITY_COUNT) - 1)

static double *numbers(size_t length) {
    return calloc(length + 1, sizeof(double));
}

/* ---- The modes ------------------------------------------------------------------------------- */

/* The recorded function at points [first, first + count), by every call it has. */
#define DEFINE_RUN(suffix, type)                                                                   \
    static bool run##suffix(const wg_function *fn, const subject *s, int count, const type *x,     \
                            const type *w, const type *v, type *const *to) {                       \
        wg_status bad = wg_function_value##suffix(fn, count, x, to[Q_value]);                      \
        bad |= wg_function_vjp##suffix(fn, count, x, w, to[Q_value_with_vjp], to[Q_vjp]);          \
        bad |= wg_function_jvp##suffix(fn, count, x, v, to[Q_value_with_jvp], to[Q_jvp]);          \
        bad |=                                                                                     \
            wg_function_jacobian##suffix(fn, count, x, to[Q_value_with_jacobian], to[Q_jacobian]); \
        bad |= wg_function_hessian##suffix(fn, count, x, w, to[Q_hessian]);                        \
        bad |= wg_function_hvp##suffix(fn, count, x, w, v, to[Q_hvp]);                             \
        if (s->m == 1) {                                                                           \
            bad |= wg_function_gradient##suffix(fn, count, x, NULL, to[Q_gradient]);               \
        }                                                                                          \
        return bad == WG_OK;                                                                       \
    }
DEFINE_RUN(, double)
DEFINE_RUN(_f32, float)

static bool one_by_one(const wg_function *fn, const subject *s, results *r) {
    bool fine = true;
    for (int p = 0; p < s->points && fine; p++) {
        double *to[QUANTITY_COUNT];
        results_at(s, r, p, to);
        fine = run(fn, s, 1, s->x + p * s->n, s->w + p * s->m, s->v + p * s->n, to);
    }
    return fine;
}

static bool all_at_once(const wg_function *fn, const subject *s, results *r) {
    return run(fn, s, s->points, s->x, s->w, s->v, r->of);
}

static float *narrowed(const double *from, int count) {
    float *to = calloc((size_t)count + 1, sizeof *to);
    for (int i = 0; i < count; i++) {
        to[i] = (float)from[i];
    }
    return to;
}

static bool all_at_once_f32(const wg_function *fn, const subject *s, results *r) {
    float *to[QUANTITY_COUNT];
    float *x = narrowed(s->x, s->points * s->n), *w = narrowed(s->w, s->points * s->m),
          *v = narrowed(s->v, s->points * s->n);
    for (int q = 0; q < QUANTITY_COUNT; q++) {
        to[q] = narrowed(r->of[q], s->points * quantity_length((quantity)q, s->n, s->m));
    }
    const bool fine = run_f32(fn, s, s->points, x, w, v, to);
    for (int q = 0; q < QUANTITY_COUNT; q++) {
        const int length = s->points * quantity_length((quantity)q, s->n, s->m);
        for (int i = 0; i < length; i++) {
            r->of[q][i] = (double)to[q][i];
        }
        free(to[q]);
    }
    free(x);
    free(w);
    free(v);
    return fine;
}

static bool in_long_double(const wg_function *fn, const subject *s, results *r) {
    (void)fn;
    for (int p = 0; p < s->points; p++) {
        long double y[8], dy[8];
        random_program_reference(s->program, s->x + p * s->n, s->v + p * s->n, y, dy);
        for (int k = 0; k < s->m; k++) {
            r->of[Q_value][p * s->m + k] = (double)y[k];
            r->of[Q_jvp][p * s->m + k] = (double)dy[k];
        }
    }
    return true;
}

typedef enum exactness {
    CLOSE,         /* to rounding, as measured */
    SAME_IN_BLOCK, /* values bit for bit where batches use the same functions */
    SAME           /* values bit for bit */
} exactness;

/* One row a way of evaluating: another one (text in C, a compiled form) is a row more. */
typedef struct mode {
    const char *name;
    unsigned gives; /* what it fills in */
    bool relaxed;   /* it takes the relaxed function */
    exactness values;
    double ulp; /* of its type */
    bool (*play)(const wg_function *fn, const subject *s, results *r);
} mode;

static const mode modes[] = {
    {"one point", GIVES_ALL, false, SAME, DBL_EPSILON, one_by_one},
    {"batch", GIVES_ALL, false, SAME_IN_BLOCK, DBL_EPSILON, all_at_once},
    {"one point, relaxed", GIVES_ALL, true, CLOSE, DBL_EPSILON, one_by_one},
    {"batch, relaxed", GIVES_ALL, true, CLOSE, DBL_EPSILON, all_at_once},
    {"batch in f32", GIVES_ALL, false, CLOSE, FLT_EPSILON, all_at_once_f32},
    {"batch in f32, relaxed", GIVES_ALL, true, CLOSE, FLT_EPSILON, all_at_once_f32},
    {"long double", GIVES(value) | GIVES(jvp), false, CLOSE, DBL_EPSILON, in_long_double},
};

/* ---- Comparing ------------------------------------------------------------------------------- */

#define PERTURBATION 0x1p-30
/* Ulps that a result may be off beside its share of each operand's. */
#define ULPS 200
#define SAMPLES 3

typedef struct tally {
    long compared, skipped; /* quantities of a point, in f32 */
} tally;

static double size_of(const double *of, int length) {
    double most = 0;
    for (int i = 0; i < length; i++) {
        most = fabs(of[i]) > most || of[i] != of[i] ? fabs(of[i]) : most;
    }
    return most;
}

/* What an ulp in every operand does to a quantity at one point; NaN or infinite where those are. */
static double own_share(const subject *s, const results *want, const results *perturbed, quantity q,
                        int p) {
    const int length = quantity_length(q, s->n, s->m), offset = p * length;
    double most = 0;
    for (int k = 0; k < SAMPLES; k++) {
        for (int i = 0; i < length; i++) {
            const double moved = fabs(perturbed[k].of[q][offset + i] - want->of[q][offset + i]);
            most = moved > most || moved != moved ? moved : most;
        }
    }
    return most / PERTURBATION + size_of(want->of[q] + offset, length);
}

/* That, and a part of what happens to the others: terms inside a rule's derivative may cancel. */
static double share(const subject *s, const results *want, const results *perturbed, quantity of,
                    int p) {
    double most = 1;
    for (int q = 0; q < QUANTITY_COUNT; q++) {
        most = fmax(most, own_share(s, want, perturbed, (quantity)q, p));
    }
    return own_share(s, want, perturbed, of, p) + 0.02 * most;
}

static void compare_at(const subject *s, const mode *way, quantity q, int p, const results *want,
                       const results *perturbed, const results *got, tally *sum) {
    const int length = quantity_length(q, s->n, s->m), offset = p * length;
    const double *right = want->of[q] + offset, *is = got->of[q] + offset;
    const bool bits =
        quantity_is_value[q] &&
        (way->values == SAME || (way->values == SAME_IN_BLOCK && random_program_same(s->program)));
    const double slack = bits ? 0 : ULPS * way->ulp * share(s, want, perturbed, q, p);
    const double scale = size_of(right, length);
    /* What leaves a type's range or has no correct digits proves nothing. */
    const bool most = way->ulp > DBL_EPSILON ? scale < 1e30 : scale < 1e200;
    if (!bits && !(slack <= 0.1 * fmax(scale, 0.1) && most)) {
        sum->skipped++;
        return;
    }
    sum->compared++;
    for (int i = 0; i < length; i++) {
        const bool same = memcmp(&is[i], &right[i], sizeof(double)) == 0;
        const bool right_here = bits ? same || (is[i] != is[i] && right[i] != right[i])
                                     : fabs(is[i] - right[i]) <= slack;
        if (!right_here && getenv("WG_SEED") != NULL) {
            random_program_print(s->program);
        }
        cr_assert(right_here,
                  "seed %llu (WG_SEED=%llu runs it alone), %s, point %d: %s[%d] is %.17g, not "
                  "%.17g, which may be off by %.2g",
                  (unsigned long long)s->program->seed, (unsigned long long)s->program->seed,
                  way->name, p, quantity_names[q], i, is[i], right[i], slack);
    }
}

/* ⟨Jv, w⟩ = ⟨v, Jᵀw⟩ and a symmetric Hessian: what every mode owes itself. */
static void check_itself(const subject *s, const mode *way, int p, const results *perturbed,
                         const results *want, const results *got) {
    const int n = s->n, m = s->m;
    const double *h = got->of[Q_hessian] + p * n * n;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            cr_assert(memcmp(&h[i * n + j], &h[j * n + i], sizeof *h) == 0,
                      "seed %llu, %s: the Hessian is not symmetric",
                      (unsigned long long)s->program->seed, way->name);
        }
    }
    const double *dy = got->of[Q_jvp] + p * m, *g = got->of[Q_vjp] + p * n;
    const double left = dot(dy, s->w + p * m, m), right = dot(g, s->v + p * n, n);
    const double slack =
        share(s, want, perturbed, Q_jvp, p) * m + share(s, want, perturbed, Q_vjp, p) * n;
    const double allowed = 2 * ULPS * way->ulp * slack; /* weights are below 2 */
    cr_assert(fabs(left - right) <= allowed || !isfinite(slack),
              "seed %llu, %s: <Jv, w> is %.17g, <v, J'w> is %.17g",
              (unsigned long long)s->program->seed, way->name, left, right);
}

static void check_report(const subject *s) {
    wg_function_report report;
    const unsigned long long seed = s->program->seed;
    cr_assert_eq(wg_function_report_of(s->strict, &report), WG_OK);
    cr_assert_leq(report.operations, report.recorded, "seed %llu", seed);
    cr_assert_leq(report.recorded, 3 * s->program->operations, "seed %llu", seed);
    cr_assert_leq(report.fused, report.operations, "seed %llu", seed);
    cr_assert_leq(report.slots, report.operations + s->n + s->m, "seed %llu", seed);
    cr_assert_geq(report.gradient_operations, report.operations, "seed %llu", seed);
    cr_assert_geq(report.gradient_slots, 1, "seed %llu", seed);
    cr_assert_eq(report.branches + report.values_read, 0, "seed %llu", seed);
}

/* What is recorded by a callback and what is taken from a tape are the same terms. */
static void check_from(const subject *s) {
    wg_tape *tape = wg_tape_new();
    wg_var x[8], y[8];
    for (int i = 0; i < s->n; i++) {
        x[i] = wg_scalar(tape, s->x[i]);
    }
    wg_var before = wg_exp(x[0]);
    for (int i = 1; i < s->n; i++) {
        before = wg_mul(before, x[i]);
    }
    random_playing playing = {.program = s->program};
    random_program_play(x, y, &playing);
    wg_function *fn = wg_function_from(x, s->n, y, s->m, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    const wg_program *a = fn->value, *b = s->strict->value;
    cr_assert(a->count == b->count && a->outputs == b->outputs &&
                  memcmp(a->term, b->term, a->count * sizeof *a->term) == 0 &&
                  memcmp(a->output, b->output, a->outputs * sizeof *a->output) == 0,
              "seed %llu: from a tape the program is another one",
              (unsigned long long)s->program->seed);
    wg_function_free(fn);
    wg_tape_free(tape);
}

/* ---- One program ----------------------------------------------------------------------------- */

static wg_function *record(const random_program *program, bool relaxed) {
    wg_function_options options = wg_function_defaults();
    options.relaxed = relaxed;
    random_playing playing = {.program = program};
    wg_function *fn = wg_function_record(random_program_play, &playing, program->inputs,
                                         program->outputs, NULL, options);
    cr_assert_not_null(fn, "seed %llu: %s", (unsigned long long)program->seed, wg_last_message());
    return fn;
}

static void with_points(subject *s, int points) {
    uint64_t state = s->program->seed + 77;
    s->points = points;
    s->x = numbers((size_t)(points * s->n));
    s->w = numbers((size_t)(points * s->m));
    s->v = numbers((size_t)(points * s->n));
    for (int p = 0; p < points; p++) {
        random_program_point(s->program, (uint64_t)p, s->x + p * s->n);
    }
    for (int i = 0; i < points * s->m; i++) {
        s->w[i] = random_between(&state, -2, 2);
    }
    for (int i = 0; i < points * s->n; i++) {
        s->v[i] = random_between(&state, -2, 2);
    }
}

static void try_program(const random_program *program, int points, tally *sums) {
    subject s = {.program = program, .n = program->inputs, .m = program->outputs};
    s.strict = record(program, false);
    s.relaxed = record(program, true);
    with_points(&s, points);
    results want = results_new(&s), got = results_new(&s), perturbed[SAMPLES];
    play_on_tape(&s, 0, 0, &want);
    for (uint64_t k = 0; k < SAMPLES; k++) {
        perturbed[k] = results_new(&s);
        play_on_tape(&s, PERTURBATION, program->seed + k, &perturbed[k]);
    }
    for (int k = 0; k < (int)WG_COUNT_OF(modes); k++) {
        const mode *way = &modes[k];
        results_spoil(&s, &got);
        const bool fine = way->play(way->relaxed ? s.relaxed : s.strict, &s, &got);
        cr_assert(fine, "seed %llu, %s: %s", (unsigned long long)program->seed, way->name,
                  wg_last_message());
        for (int p = 0; p < points; p++) {
            for (int q = 0; q < QUANTITY_COUNT; q++) {
                if ((way->gives >> q & 1) != 0) {
                    compare_at(&s, way, (quantity)q, p, &want, perturbed, &got, &sums[k]);
                }
            }
            if (way->gives == GIVES_ALL) {
                check_itself(&s, way, p, perturbed, &want, &got);
            }
        }
    }
    check_report(&s);
    check_from(&s);
    results_free(&want);
    results_free(&got);
    for (int k = 0; k < SAMPLES; k++) {
        results_free(&perturbed[k]);
    }
    wg_function_free(s.strict);
    wg_function_free(s.relaxed);
    free(s.x);
    free(s.w);
    free(s.v);
}

/* ---- The tests ------------------------------------------------------------------------------- */

/* A row is a stretch of seeds and what their programs are like. */
static const struct stretch {
    uint64_t first;
    int seeds, least, most; /* operations */
    bool same;
} stretches[] = {
    {10000, 2000, 1, 8, false},    {20000, 2000, 1, 8, true},    {30000, 800, 8, 40, false},
    {40000, 800, 8, 40, true},     {50000, 500, 20, 100, false}, {60000, 500, 20, 100, true},
    {70000, 120, 100, 200, false}, {80000, 120, 100, 200, true}, {90000, 3, 5000, 5000, false},
    {95000, 3, 5000, 5000, true},
};

/* Blocks of one point, of less and more than the lanes come in, and what goes point by point. */
static int points_of(uint64_t seed, int operations) {
    static const int counts[] = {1, 2, 4, 5, 3, 1, 16, 4, 37, 1, 6, 17};
    return operations >= 1000 ? 4 : counts[seed % WG_COUNT_OF(counts)];
}

static void try_seed(const struct stretch *of, uint64_t seed, tally *sums) {
    const int span = of->most - of->least + 1;
    random_program *program = random_program_new(seed, RANDOM_SMOOTH, of->same,
                                                 of->least + (int)(seed * 7919 % (uint64_t)span));
    try_program(program, points_of(seed, program->operations), sums);
    random_program_free(program);
}

ParameterizedTestParameters(modes, agree_on_random_programs) {
    static int rows[WG_COUNT_OF(stretches)];
    for (int i = 0; i < (int)WG_COUNT_OF(stretches); i++) {
        rows[i] = i;
    }
    return cr_make_param_array(int, rows, WG_COUNT_OF(stretches));
}

ParameterizedTest(int *row, modes, agree_on_random_programs) {
    const struct stretch *of = &stretches[*row];
    const char *alone = getenv("WG_SEED");
    tally sums[WG_COUNT_OF(modes)] = {{0, 0}};
    if (alone != NULL) {
        const uint64_t seed = strtoull(alone, NULL, 10);
        if (seed >= of->first && seed - of->first < (uint64_t)of->seeds) {
            try_seed(of, seed, sums);
        }
        return;
    }
    for (uint64_t seed = of->first; seed < of->first + (uint64_t)of->seeds; seed++) {
        try_seed(of, seed, sums);
    }
    /* Too much skipped would prove nothing. */
    for (int k = 0; k < (int)WG_COUNT_OF(modes); k++) {
        const double part = modes[k].ulp > DBL_EPSILON ? 0.5 : 0.05;
        cr_assert_lt((double)sums[k].skipped,
                     part * (double)(sums[k].skipped + sums[k].compared) + 20,
                     "%s: %ld of %ld skipped", modes[k].name, sums[k].skipped,
                     sums[k].skipped + sums[k].compared);
    }
}

/* ---- Programs too large to write Jacobians out ----------------------------------------------- */

enum {
    LONG_INPUTS = 8,
    LONG_STEPS = 140000 /* × 2 operations × 8 rows or columns: more terms than are written out */
};

/* y[k] is where a long chain stands k steps before its end. */
static void play_long(const wg_var *x, wg_var *y, void *context) {
    const int outputs = *(const int *)context;
    wg_var t = x[0];
    for (int i = 1; i <= LONG_STEPS; i++) {
        t = wg_sub(wg_mul(t, x[i % LONG_INPUTS]), x[(i + 3) % LONG_INPUTS]);
        if (LONG_STEPS - i < outputs) {
            y[LONG_STEPS - i] = t;
        }
    }
}

ParameterizedTestParameters(modes, agree_where_jacobians_run_by_direction) {
    static int outputs[] = {LONG_INPUTS, LONG_INPUTS + 1}; /* by rows, by columns */
    return cr_make_param_array(int, outputs, 2);
}

ParameterizedTest(int *outputs, modes, agree_where_jacobians_run_by_direction) {
    enum {
        N = LONG_INPUTS,
        POINTS = 2
    };
    const int m = *outputs;
    double x[POINTS][N], y[POINTS * (N + 1)], again[POINTS * (N + 1)], w[POINTS * (N + 1)],
        g[POINTS][N], hv[POINTS][N], v[POINTS][N];
    double jacobian[POINTS * (N + 1) * N], hessian[POINTS][N][N];
    uint64_t state = 5;
    for (int p = 0; p < POINTS; p++) {
        for (int i = 0; i < N; i++) {
            x[p][i] = random_between(&state, -0.9, 0.9);
            v[p][i] = i == 2 ? 1 : 0;
        }
    }
    wg_function *fn = wg_function_record(play_long, outputs, N, m, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    cr_assert_gt((int64_t)fn->value->count * N, INT64_C(1) << 21);
    cr_assert_eq(wg_function_jacobian(fn, POINTS, x[0], y, jacobian), WG_OK);
    for (int k = 0; k < m; k++) {
        for (int i = 0; i < POINTS * m; i++) {
            w[i] = i % m == k ? 1 : 0;
        }
        cr_assert_eq(wg_function_vjp(fn, POINTS, x[0], w, again, g[0]), WG_OK);
        for (int i = 0; i < POINTS * N; i++) {
            const int p = i / N, j = i % N;
            cr_assert_float_eq(jacobian[(p * m + k) * N + j], g[p][j], 1e-12, "%d %d %d", p, k, j);
            cr_assert_eq(again[p * m + k], y[p * m + k]);
        }
    }
    cr_assert_eq(wg_function_hessian(fn, POINTS, x[0], w, hessian[0][0]), WG_OK);
    cr_assert_eq(wg_function_hvp(fn, POINTS, x[0], w, v[0], hv[0]), WG_OK);
    for (int i = 0; i < POINTS * N; i++) {
        const int p = i / N, j = i % N;
        cr_assert_float_eq(hessian[p][j][2], hv[p][j], 1e-12);
        cr_assert_float_eq(hessian[p][2][j], hv[p][j], 1e-12);
    }
    wg_function_free(fn);
}
