/* test_nest.c: loops of recorded programs are found again, and nests do just what was recorded. */
#include "function/function.h"
#include "function/listing.h"
#include "random_loops.h"
#include "random_program.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

/* A mode's program with the ports that its calls have. */
typedef struct ported {
    const wg_program *program;
    uint32_t in[3], out[2];
    wg_ports ports;
} ported;

static void take(ported *of, const wg_function *fn, wg_function_mode mode) {
    const uint32_t n = fn->value->inputs, m = fn->value->outputs;
    const bool second = mode == WG_MODE_hvp;
    *of = (ported){.program = wg_function_program(fn, mode),
                   .in = {0, n, n + m},
                   .out = {0, m},
                   .ports = {second                ? 3
                             : mode == WG_MODE_vjp ? 2
                                                   : 1,
                             mode == WG_MODE_value || second ? 1 : 2, NULL, NULL}};
    of->ports.in_first = of->in;
    of->ports.out_first = of->out;
    cr_assert_not_null(of->program, "%s", wg_last_message());
}

/* A nest that has had no trouble, not even such as it got over; or NULL. */
static wg_nest *found_at_once(const ported *of, bool relaxed, const char **trouble) {
    (void)wg_fail(WG_ERROR_STATE, "none");
    wg_nest *nest = wg_nest_new(of->program, &of->ports, relaxed, 100000, "nest");
    *trouble = strcmp(wg_last_message(), "none") != 0 ? wg_last_message() : NULL;
    return nest;
}

/* ---- Random programs ------------------------------------------------------------------------- */

enum {
    SEEDS_A_ROW = 250,
    ROWS = 8
};

typedef struct tally {
    long nests, unsettled, loops;
} tally;

static void try_mode(const wg_function *fn, wg_function_mode mode, uint64_t seed, tally *sums) {
    ported of;
    const char *trouble;
    take(&of, fn, mode);
    wg_nest *nest = found_at_once(&of, fn->relaxed, &trouble);
    cr_assert_not_null(nest, "seed %llu: %s", (unsigned long long)seed, wg_last_message());
    /* the library checks its nests; that it ever had to refuse one is a fault of place.c */
    cr_assert(trouble == NULL || strstr(trouble, "have no place") == NULL,
              "seed %llu, mode %d, relaxed %d: %s", (unsigned long long)seed, (int)mode,
              fn->relaxed, trouble);
    sums->nests++;
    sums->unsettled += trouble != NULL;
    for (uint32_t i = 0; i < nest->nodes; i++) {
        sums->loops += nest->node[i].is_loop && !nest->node[i].is_move;
    }
    wg_nest_free(nest);
}

static void try_seed(uint64_t seed, tally *sums) {
    for (int relaxed = 0; relaxed < 2; relaxed++) {
        random_loops loops = random_loops_of(seed, seed % 2 == 1);
        wg_function_options options = wg_function_defaults();
        options.relaxed = relaxed == 1;
        wg_function *fn = wg_function_record(random_loops_play, &loops, loops.inputs, loops.outputs,
                                             NULL, options);
        cr_assert_not_null(fn, "seed %llu: %s", (unsigned long long)seed, wg_last_message());
        try_mode(fn, WG_MODE_value, seed, sums);
        try_mode(fn, WG_MODE_vjp, seed, sums);
        try_mode(fn, WG_MODE_hvp, seed, sums);
        if (loops.outputs == 1) {
            try_mode(fn, WG_MODE_gradient, seed, sums);
        }
        wg_function_free(fn);
    }
}

ParameterizedTestParameters(nest, does_what_was_recorded_with_random_loops) {
    static int rows[ROWS];
    for (int i = 0; i < ROWS; i++) {
        rows[i] = i;
    }
    return cr_make_param_array(int, rows, ROWS);
}

ParameterizedTest(int *row, nest, does_what_was_recorded_with_random_loops) {
    tally sums = {0};
    for (uint64_t seed = 0; seed < SEEDS_A_ROW; seed++) {
        try_seed((uint64_t)*row * SEEDS_A_ROW + seed, &sums);
    }
    /* Loops have to be there for this to prove anything. */
    cr_assert_gt(sums.loops, sums.nests);
    cr_assert_lt(sums.unsettled, sums.nests / 8);
}

/* Straight lines, mostly: fused products, several stores of one value, constants. */
Test(nest, does_what_was_recorded_with_random_operations) {
    tally sums = {0};
    for (uint64_t seed = 0; seed < 600; seed++) {
        random_program *program = random_program_new(seed, RANDOM_SMOOTH, false, 60);
        wg_function_options options = wg_function_defaults();
        options.relaxed = seed % 2 == 1;
        random_playing playing = {.program = program};
        wg_function *fn = wg_function_record(random_program_play, &playing, program->inputs,
                                             program->outputs, NULL, options);
        cr_assert_not_null(fn, "%s", wg_last_message());
        try_mode(fn, WG_MODE_value, seed, &sums);
        try_mode(fn, WG_MODE_vjp, seed, &sums);
        try_mode(fn, WG_MODE_hvp, seed, &sums);
        wg_function_free(fn);
        random_program_free(program);
    }
}

/* ---- The check itself ------------------------------------------------------------------------ */

/* Changes one thing that matters; false where node i has no such thing. */
static bool damage(wg_nest *nest, uint32_t i, int what) {
    wg_nest_node *node = &nest->node[i];
    switch (what) {
    case 0: /* a turn too few */
        node->count -= node->is_loop && !node->is_move ? 1 : 0;
        return node->is_loop && !node->is_move;
    case 1: /* another value */
        node->ref[0].base++;
        return !node->is_loop && node->ref[0].kind != WG_REF_NONE;
    case 2: /* another step */
        node->code ^= 1;
        return !node->is_loop && !node->is_move;
    case 3: /* another output */
        node->ref[1].base++;
        return !node->is_loop && node->code == WG_STEP_STORE;
    case 4: /* another stride */
        node->ref[0].stride[0]++;
        return !node->is_loop && node->ref[0].kind != WG_REF_NONE && node->parent != WG_NO_NODE &&
               nest->node[node->parent].count > 1;
    case 5: /* read from another turn of the site */
        node->use[0].first[0]--;
        return !node->is_loop && node->ref[0].kind == WG_REF_VALUE && node->use[0].first[0] < 0 &&
               nest->node[node->use[0].site].window[0] > 1;
    case 6: /* a value in another's cell */
        node->use[0].site = node->use[0].site == 0 ? 1 : 0;
        return !node->is_loop && node->ref[0].kind == WG_REF_VALUE;
    default: /* a step left out; moves may do one thing twice */
        if (node->next == WG_NO_NODE || node->is_move || nest->node[node->next].is_move) {
            return false;
        }
        node->next = nest->node[node->next].next;
        return true;
    }
}

Test(nest, check_sees_what_is_wrong) {
    long seen = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        random_loops loops = random_loops_of(seed, true);
        wg_function *fn = wg_function_record(random_loops_play, &loops, loops.inputs, loops.outputs,
                                             NULL, wg_function_defaults());
        cr_assert_not_null(fn, "%s", wg_last_message());
        ported of;
        take(&of, fn, WG_MODE_vjp);
        wg_listing listing;
        bool failed;
        cr_assert(wg_listing_begin(&listing, of.program, &of.ports, false, "nest"));
        wg_nest *nest = wg_nest_new(of.program, &of.ports, false, 100000, "nest");
        cr_assert_not_null(nest, "%s", wg_last_message());
        cr_assert(wg_nest_agrees(nest, &listing, &failed));
        for (uint32_t i = 0; i < nest->nodes; i += 1 + nest->nodes / 40) {
            const wg_nest_node whole = nest->node[i];
            for (int what = 0; what < 8; what++) {
                const bool matters =
                    damage(nest, i, what) && memcmp(&whole, &nest->node[i], sizeof whole) != 0;
                if (matters && !wg_nest_agrees(nest, &listing, &failed)) {
                    seen++;
                } else {
                    cr_assert(!matters, "seed %llu, node %u: damage %d is not seen",
                              (unsigned long long)seed, i, what);
                }
                nest->node[i] = whole;
            }
        }
        wg_nest_free(nest);
        wg_listing_end(&listing);
        wg_function_free(fn);
    }
    cr_assert_gt(seen, 1000);
}

/* ---- Loops that are to be found ---------------------------------------------------------------
 */

#define TIMES 1000
#define WIDE 200
#define HIGH 100

/* Runge and Kutta's fourth-order steps of a pendulum with friction (Hairer, Nørsett, Wanner,
 * "Solving ordinary differential equations I", 1993, II.1). */
static void rate(wg_var friction, const wg_var *s, wg_var *d) {
    d[0] = s[1];
    d[1] = wg_neg(wg_add(wg_sin(s[0]), wg_mul(friction, s[1])));
}

static void runge_kutta(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    const double h = 0.01;
    wg_var s[2] = {x[0], x[1]};
    for (int t = 0; t < TIMES; t++) {
        wg_var k[4][2], at[2];
        for (int stage = 0; stage < 4; stage++) {
            for (int i = 0; i < 2; i++) {
                at[i] = stage == 0 ? s[i]
                                   : wg_add(s[i], wg_mul(k[stage - 1][i], stage == 3 ? h : h / 2));
            }
            rate(x[2], at, k[stage]);
        }
        for (int i = 0; i < 2; i++) {
            const wg_var middle = wg_mul(wg_add(k[1][i], k[2][i]), 2);
            s[i] = wg_add(s[i], wg_mul(wg_add(wg_add(k[0][i], middle), k[3][i]), h / 6));
        }
    }
    y[0] = wg_add(wg_square(s[0]), wg_square(s[1]));
}

/* Heat in a rod whose ends stay as they are. */
static void rod(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    static wg_var buffer[2][WIDE];
    for (int i = 0; i < WIDE; i++) {
        buffer[0][i] = buffer[1][i] = x[i];
    }
    for (int t = 0; t < HIGH; t++) {
        const wg_var *u = buffer[t % 2];
        for (int i = 1; i < WIDE - 1; i++) {
            const wg_var bend = wg_add(wg_sub(u[i - 1], wg_mul(u[i], 2)), u[i + 1]);
            buffer[1 - t % 2][i] = wg_add(u[i], wg_mul(bend, 0.2));
        }
    }
    wg_var sum = wg_number(0);
    for (int i = 0; i < WIDE; i++) {
        sum = wg_add(sum, wg_square(buffer[0][i]));
    }
    y[0] = sum;
}

/* Advection around a ring by Lax and Wendroff's scheme, in place: the ends take what the other ends
 * have just become. */
static void ring(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var q[WIDE], flux[WIDE - 1];
    memcpy(q, x, sizeof q);
    for (int t = 0; t < HIGH; t++) {
        for (int i = 0; i < WIDE - 1; i++) {
            const wg_var slope = wg_mul(0.125, wg_sub(q[i], q[i + 1]));
            flux[i] = wg_mul(0.0625, wg_add(wg_add(q[i], q[i + 1]), slope));
        }
        for (int i = 1; i < WIDE - 1; i++) {
            q[i] = wg_add(q[i], wg_sub(flux[i - 1], flux[i]));
        }
        q[0] = q[WIDE - 2];
        q[WIDE - 1] = q[1];
    }
    y[0] = wg_number(0);
    for (int i = 0; i < WIDE; i++) {
        y[0] = wg_add(y[0], wg_square(q[i]));
    }
}

/* Rosenbrock's function. */
static void rosenbrock(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var sum = wg_number(0);
    for (int i = 0; i + 1 < WIDE; i++) {
        const wg_var a = wg_sub(x[i + 1], wg_square(x[i])), b = wg_sub(1, x[i]);
        sum = wg_add(sum, wg_add(wg_mul(wg_square(a), 100), wg_square(b)));
    }
    y[0] = sum;
}

/* |A·B|² of square matrices. */
static void matrices(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    enum {
        N = 20
    };
    wg_var total = wg_number(0);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            wg_var sum = wg_number(0);
            for (int k = 0; k < N; k++) {
                sum = wg_add(sum, wg_mul(x[i * N + k], x[N * N + k * N + j]));
            }
            total = wg_add(total, wg_square(sum));
        }
    }
    y[0] = total;
}

static const struct known {
    const char *name;
    wg_function_body body;
    int inputs;
    uint32_t most; /* nodes */
} known[] = {
    {"Runge-Kutta", runge_kutta, 3, 400}, {"a rod", rod, WIDE, 400},
    {"a ring", ring, WIDE, 400},          {"Rosenbrock", rosenbrock, WIDE, 100},
    {"matrices", matrices, 800, 100},
};

ParameterizedTestParameters(nest, finds_loops) {
    static int rows[WG_COUNT_OF(known)];
    for (int i = 0; i < (int)WG_COUNT_OF(known); i++) {
        rows[i] = i;
    }
    return cr_make_param_array(int, rows, WG_COUNT_OF(known));
}

ParameterizedTest(int *row, nest, finds_loops) {
    const struct known *k = &known[*row];
    for (int relaxed = 0; relaxed < 2; relaxed++) {
        wg_function_options options = wg_function_defaults();
        options.relaxed = relaxed == 1;
        wg_function *fn = wg_function_record(k->body, NULL, k->inputs, 1, NULL, options);
        cr_assert_not_null(fn, "%s", wg_last_message());
        for (int mode = WG_MODE_value; mode <= WG_MODE_gradient; mode++) {
            ported of;
            const char *trouble;
            take(&of, fn, (wg_function_mode)mode);
            wg_nest *nest = found_at_once(&of, options.relaxed, &trouble);
            cr_assert_not_null(nest, "%s: %s", k->name, wg_last_message());
            cr_expect_null(trouble, "%s: %s", k->name, trouble);
            cr_expect_lt(nest->nodes, k->most, "%s, relaxed %d, mode %d: %u nodes", k->name,
                         relaxed, mode, nest->nodes);
            wg_nest_free(nest);
        }
        wg_function_free(fn);
    }
}

/* Inputs that are outputs: a loop of stores must not run from one array into another. */
static void as_they_are(const wg_var *x, wg_var *y, void *context) {
    const int count = *(const int *)context;
    for (int i = 0; i < count; i++) {
        y[i] = x[i];
    }
}

Test(nest, keeps_arrays_apart) {
    int count = 12;
    wg_function *fn =
        wg_function_record(as_they_are, &count, count, count, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    ported of;
    take(&of, fn, WG_MODE_vjp);
    wg_nest *nest = wg_nest_new(of.program, &of.ports, false, 1000, "nest");
    cr_assert_not_null(nest, "%s", wg_last_message());
    for (uint32_t i = 0; i < nest->nodes; i++) {
        const wg_nest_node *node = &nest->node[i];
        if (!node->is_loop) {
            const int64_t turns = node->parent != WG_NO_NODE ? nest->node[node->parent].count : 1;
            const int64_t last = node->ref[0].base + (turns - 1) * node->ref[0].stride[0];
            cr_expect_eq(node->ref[0].base < count, last < count, "%lld to %lld",
                         (long long)node->ref[0].base, (long long)last);
        }
    }
    wg_nest_free(nest);
    wg_function_free(fn);
}

/* ---- Programs without loops -------------------------------------------------------------------
 */

/* Steps that repeat while their operands do not: every stretch looks like a body at first. */
Test(nest, long_programs_take_time_in_proportion) {
    enum {
        N = 400000
    };
    wg_program program = {.inputs = 1, .count = N, .outputs = 1};
    uint64_t state = 1;
    uint32_t first[] = {0}, output = N - 1;
    const wg_ports ports = {1, 1, first, first};
    program.term = calloc(N, sizeof *program.term);
    program.output = &output;
    for (int periods = 0; periods < 3; periods++) {
        static const uint32_t of[] = {1, 1000, N / 10 - 7};
        for (uint32_t i = 0; i < N; i++) {
            const uint64_t k = (i % of[periods]) * UINT64_C(0x9e3779b97f4a7c15) >> 17;
            program.term[i] = (wg_term){i == 0       ? WG_TERM_INPUT
                                        : k % 3 == 0 ? WG_RULE_atan2
                                        : k % 3 == 1 ? WG_RULE_hypot
                                                     : WG_RULE_max,
                                        {0, 0, 0}};
            if (i > 0) {
                program.term[i].at[0] = i - 1;
                program.term[i].at[1] = periods == 2 && i > 1000
                                            ? i - 1 - (uint32_t)(k % 900)
                                            : (uint32_t)random_below(&state, (int)i);
            }
        }
        const double begin = wg_clock();
        wg_nest_free(wg_nest_new(&program, &ports, false, 1000000, "nest"));
        cr_expect_lt(wg_clock() - begin, 30, "%u took %g s", of[periods], wg_clock() - begin);
    }
    free(program.term);
}
