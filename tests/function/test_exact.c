/* test_exact.c: what strict functions promise to the bit: identities that hold for every operand,
 * random programs of the wildest numbers, and the strong zero of branches not taken. */
#include "function/function.h"
#include "random_program.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool same(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

/* ---- Identities ------------------------------------------------------------------------------ */

/* What src/function/simplify.c makes simpler in every function. */
#define IDENTITIES(X)                                                                              \
    X(0, wg_add(x, -0.0))                                                                          \
    X(0, wg_add(-0.0, x))                                                                          \
    X(1, wg_add(x, wg_neg(y)))                                                                     \
    X(1, wg_add(wg_neg(x), y))                                                                     \
    X(2, wg_add(wg_neg(x), wg_neg(y)))                                                             \
    X(0, wg_sub(x, 0.0))                                                                           \
    X(1, wg_sub(-0.0, x))                                                                          \
    X(1, wg_sub(x, wg_neg(y)))                                                                     \
    X(1, wg_sub(x, x))                                                                             \
    X(1, wg_add(x, x))                                                                             \
    X(0, wg_mul(x, 1))                                                                             \
    X(1, wg_mul(-1, x))                                                                            \
    X(1, wg_mul(x, x))                                                                             \
    X(1, wg_mul(wg_neg(x), wg_neg(y)))                                                             \
    X(1, wg_mul(wg_neg(x), 0.7))                                                                   \
    X(1, wg_mul(-0.0, wg_neg(x)))                                                                  \
    X(2, wg_mul(wg_neg(x), x))                                                                     \
    X(0, wg_div(x, 1))                                                                             \
    X(1, wg_div(x, -1))                                                                            \
    X(1, wg_div(x, 8))                                                                             \
    X(1, wg_div(x, -0x1p900))                                                                      \
    X(1, wg_div(x, 0x1p1020))                                                                      \
    X(1, wg_div(x, 0x1p-1030))                                                                     \
    X(1, wg_div(x, 3))                                                                             \
    X(1, wg_div(x, x))                                                                             \
    X(1, wg_div(x, INFINITY))                                                                      \
    X(1, wg_div(wg_neg(x), wg_neg(y)))                                                             \
    X(1, wg_div(wg_neg(x), 3))                                                                     \
    X(1, wg_div(3, wg_neg(x)))                                                                     \
    X(1, wg_div(0, wg_neg(x)))                                                                     \
    X(0, wg_azmul(0, x))                                                                           \
    X(0, wg_azmul(-0.0, x))                                                                        \
    X(1, wg_azmul(2, x))                                                                           \
    X(1, wg_azmul(-INFINITY, x))                                                                   \
    X(1, wg_azmul(NAN, x))                                                                         \
    X(1, wg_azmul(x, 0))                                                                           \
    X(1, wg_azmul(x, 2))                                                                           \
    X(1, wg_azmul(x, -2))                                                                          \
    X(1, wg_azmul(x, INFINITY))                                                                    \
    X(2, wg_azmul(wg_neg(x), y))                                                                   \
    X(0, wg_neg(wg_neg(x)))                                                                        \
    X(1, wg_square(wg_neg(x)))                                                                     \
    X(1, wg_square(wg_abs(x)))                                                                     \
    X(1, wg_abs(wg_neg(x)))                                                                        \
    X(1, wg_abs(wg_abs(x)))                                                                        \
    X(1, wg_abs(wg_square(x)))                                                                     \
    X(1, wg_cos(wg_neg(x)))                                                                        \
    X(1, wg_cosh(wg_neg(x)))                                                                       \
    X(0, wg_pow(x, 1))                                                                             \
    X(0, wg_pow(x, 0))                                                                             \
    X(0, wg_pow(x, -0.0))                                                                          \
    X(1, wg_pow(x, 2))                                                                             \
    X(1, wg_pow(x, 0.5))                                                                           \
    X(1, wg_pow(x, -3))                                                                            \
    X(0, wg_max(x, x))                                                                             \
    X(0, wg_min(x, x))                                                                             \
    X(0, wg_where(0, x, y))                                                                        \
    X(0, wg_where(NAN, x, y))                                                                      \
    X(0, wg_where(x, y, y))                                                                        \
    X(2, wg_neg(wg_sub(x, y)))                                                                     \
    X(2, wg_mul(wg_mul(x, 3), 0.1))                                                                \
    X(1, wg_mul(x, 0))                                                                             \
    X(1, wg_add(x, 0))                                                                             \
    X(1, wg_sub(0, x))                                                                             \
    X(1, wg_sub(x, -0.0))                                                                          \
    X(2, wg_add(wg_mul(x, y), x))                                                                  \
    X(2, wg_add(wg_mul(x, 3), y))                                                                  \
    X(2, wg_sub(wg_mul(x, y), y))                                                                  \
    X(2, wg_sub(wg_mul(x, 3), y))                                                                  \
    X(2, wg_sub(y, wg_mul(x, y)))                                                                  \
    X(2, wg_add(wg_azmul(x, y), x))                                                                \
    X(2, wg_add(wg_mul(x, y), wg_mul(x, y)))                                                       \
    X(2, wg_add(wg_square(x), y))                                                                  \
    X(1, wg_fma(x, y, x))

static const char *const identities[] = {
#define TEXT(left, expression) #expression,
    IDENTITIES(TEXT)
#undef TEXT
};
static const int operations_left[] = {
#define LEFT(left, expression) left,
    IDENTITIES(LEFT)
#undef LEFT
};

static void play_identity(const wg_var *in, wg_var *out, void *which) {
    const wg_var x = in[0], y = in[1];
    int row = *(const int *)which;
#define TRY(left, expression)                                                                      \
    if (row-- == 0) {                                                                              \
        out[0] = expression;                                                                       \
        return;                                                                                    \
    }
    IDENTITIES(TRY)
#undef TRY
}

static const double specials[] = {
    0.0,      -0.0,    1,      -1,      2,       -0.5, NAN, INFINITY, -INFINITY, DBL_MAX,
    -DBL_MAX, DBL_MIN, 5e-324, -5e-324, -1e-310, 0.1,  3,   1e200,    -1e-200,   0x1p-1022};
#define SPECIALS ((int)WG_COUNT_OF(specials))

/* Values that the verbs give on a tape, for `count` points of `n` inputs. */
static void values_on_tape(wg_function_body body, void *context, int n, int m, int count,
                           const double *x, double *y) {
    wg_tape *tape = wg_tape_new();
    for (int p = 0; p < count; p++) {
        wg_var in[8], out[8];
        wg_tape_reset(tape);
        for (int i = 0; i < n; i++) {
            in[i] = wg_scalar(tape, x[p * n + i]);
        }
        body(in, out, context);
        for (int k = 0; k < m; k++) {
            y[p * m + k] = wg_value(out[k]);
        }
    }
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    wg_tape_free(tape);
}

static bool batches_round_otherwise(const wg_program *program) {
    bool own = false;
    for (uint32_t i = 0; i < program->count; i++) {
        own = own || random_rule_has_own_batches((int)program->term[i].code);
    }
    return own;
}

static bool near(double a, double b) {
    return fabs(a - b) <= 4 * DBL_EPSILON * fabs(b) + 1e-307;
}

ParameterizedTestParameters(exact, identities_hold_for_every_operand) {
    static int rows[WG_COUNT_OF(identities)];
    for (int i = 0; i < (int)WG_COUNT_OF(identities); i++) {
        rows[i] = i;
    }
    return cr_make_param_array(int, rows, WG_COUNT_OF(identities));
}

ParameterizedTest(int *row, exact, identities_hold_for_every_operand) {
    enum {
        COUNT = SPECIALS * SPECIALS
    };
    static double x[COUNT][2], want[COUNT], got[COUNT];
    for (int p = 0; p < COUNT; p++) {
        x[p][0] = specials[p / SPECIALS];
        x[p][1] = specials[p % SPECIALS];
    }
    wg_function *fn = wg_function_record(play_identity, row, 2, 1, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    values_on_tape(play_identity, row, 2, 1, COUNT, x[0], want);
    cr_assert_eq(wg_function_value(fn, COUNT, x[0], got), WG_OK);
    const bool own = batches_round_otherwise(fn->value);
    for (int p = 0; p < COUNT; p++) {
        double alone;
        cr_assert_eq(wg_function_value(fn, 1, x[p], &alone), WG_OK);
        cr_assert((same(got[p], want[p]) || (own && near(got[p], want[p]))) && same(alone, want[p]),
                  "%s at x = %g, y = %g: %g in a batch, %g alone, not %g", identities[*row],
                  x[p][0], x[p][1], got[p], alone, want[p]);
    }
    cr_assert_eq(wg_program_operations(fn->value), operations_left[*row], "%s: %lld operations",
                 identities[*row], (long long)wg_program_operations(fn->value));
    wg_function_free(fn);
}

/* ---- Random programs of any numbers ---------------------------------------------------------- */

static void try_wild(uint64_t seed, bool by_same_functions) {
    enum {
        POINTS = 37
    };
    random_program *p =
        random_program_new(seed, RANDOM_WILD, by_same_functions, 1 + (int)(seed * 7919 % 60));
    random_playing playing = {.program = p};
    const int n = p->inputs, m = p->outputs;
    static double x[POINTS * 8], want[POINTS * 8], got[POINTS * 8], alone[POINTS * 8];
    for (int i = 0; i < POINTS; i++) {
        random_program_point(p, (uint64_t)i, x + i * n);
    }
    wg_function *fn =
        wg_function_record(random_program_play, &playing, n, m, x, wg_function_defaults());
    cr_assert_not_null(fn, "seed %llu: %s", (unsigned long long)seed, wg_last_message());
    values_on_tape(random_program_play, &playing, n, m, POINTS, x, want);
    cr_assert_eq(wg_function_value(fn, POINTS, x, got), WG_OK);
    for (int i = 0; i < POINTS; i++) {
        cr_assert_eq(wg_function_value(fn, 1, x + i * n, alone + i * m), WG_OK);
    }
    for (int i = 0; i < POINTS * m; i++) {
        const bool right = same(alone[i], want[i]) && (!by_same_functions || same(got[i], want[i]));
        if (!right && getenv("WG_SEED") != NULL) {
            random_program_print(p);
        }
        cr_assert(right,
                  "seed %llu (WG_SEED=%llu runs it alone), point %d, y[%d]: %.17g alone, %.17g in "
                  "a batch, %.17g on a tape",
                  (unsigned long long)seed, (unsigned long long)seed, i / m, i % m, alone[i],
                  got[i], want[i]);
    }
    wg_function_free(fn);
    random_program_free(p);
}

static void try_many_wild(uint64_t first, uint64_t count, bool by_same_functions) {
    const char *alone = getenv("WG_SEED");
    if (alone != NULL) {
        try_wild(strtoull(alone, NULL, 10), by_same_functions);
        return;
    }
    for (uint64_t seed = first; seed < first + count; seed++) {
        try_wild(seed, by_same_functions);
    }
}

Test(exact, wild_programs_of_the_functions_that_batches_share) {
    try_many_wild(1, 4000, true);
}

Test(exact, wild_programs_of_all_functions_point_by_point) {
    try_many_wild(1, 4000, false);
}

/* ---- The strong zero ------------------------------------------------------------------------- */

/* At x = 0, y = −1, z = 1 these are infinite, not a number, or have such derivatives … */
#define DANGERS(X)                                                                                 \
    X(wg_log(x))                                                                                   \
    X(wg_log(y))                                                                                   \
    X(wg_sqrt(x))                                                                                  \
    X(wg_sqrt(y))                                                                                  \
    X(wg_div(z, x))                                                                                \
    X(wg_div(x, wg_sub(z, 1)))                                                                     \
    X(wg_pow(x, -1.5))                                                                             \
    X(wg_pow(y, z))                                                                                \
    X(wg_exp(wg_mul(z, 1000)))                                                                     \
    X(wg_acosh(x))                                                                                 \
    X(wg_asin(wg_add(z, 1)))                                                                       \
    X(wg_asin(z))                                                                                  \
    X(wg_atanh(z))                                                                                 \
    X(wg_cbrt(x))                                                                                  \
    X(wg_digamma(x))                                                                               \
    X(wg_lgamma(x))                                                                                \
    X(wg_relu(wg_log(y)))                                                                          \
    X(wg_relu(wg_log(x)))                                                                          \
    X(wg_sign(wg_log(y)))                                                                          \
    X(wg_abs(wg_log(x)))                                                                           \
    X(wg_azmul(y, wg_log(x)))                                                                      \
    X(wg_azmul(wg_log(y), z))                                                                      \
    X(wg_max(wg_log(y), x))                                                                        \
    X(wg_min(wg_log(x), wg_sqrt(y)))                                                               \
    X(wg_clamp(wg_log(y), 0, z))                                                                   \
    X(wg_where(wg_log(y), wg_log(x), z))                                                           \
    X(wg_hypot(wg_log(x), y))                                                                      \
    X(wg_atan2(wg_log(y), x))                                                                      \
    X(wg_fma(wg_log(x), y, wg_sqrt(x)))                                                            \
    X(wg_square(wg_log(y)))                                                                        \
    X(wg_sin(wg_exp(wg_mul(z, 1000))))                                                             \
    X(wg_mul(wg_log(x), x))

/* … and these do not take them. */
#define GUARDS(X)                                                                                  \
    X(wg_where(wg_lt(x, 1), safe, danger))                                                         \
    X(wg_where(wg_gt(x, 1), danger, safe))                                                         \
    X(wg_where(z, safe, danger))                                                                   \
    X(wg_where(x, danger, safe))                                                                   \
    X(wg_where(wg_ge(z, 0), wg_square(safe), wg_mul(danger, z)))                                   \
    X(wg_where(wg_ge(z, 0), wg_mul(safe, z), wg_relu(danger)))                                     \
    X(wg_where(wg_ge(z, 0), wg_mul(safe, z), wg_azmul(danger, danger)))                            \
    X(wg_where(wg_ge(z, 0), safe, wg_where(x, safe, danger)))                                      \
    X(wg_azmul(wg_lt(z, 0), danger))

#define AROUND(X)                                                                                  \
    X(guarded)                                                                                     \
    X(wg_square(guarded))                                                                          \
    X(wg_mul(guarded, z))                                                                          \
    X(wg_mul(wg_sin(guarded), safe))                                                               \
    X(wg_relu(wg_add(guarded, 9)))

typedef struct guard {
    int danger, kind, around;
} guard;

#define COUNT_ONE(...) +1
#define PICK(to, table, row)                                                                       \
    {                                                                                              \
        int at = row;                                                                              \
        table(PICK_##to)                                                                           \
    }
#define PICK_ONE(to, expression)                                                                   \
    if (at-- == 0) {                                                                               \
        to = expression;                                                                           \
    }
#define PICK_danger(expression) PICK_ONE(danger, expression)
#define PICK_guarded(expression) PICK_ONE(guarded, expression)
#define PICK_result(expression) PICK_ONE(result, expression)

static void play_guard(const wg_var *in, wg_var *out, void *context) {
    const guard *which = context;
    const wg_var x = in[0], y = in[1], z = in[2];
    const wg_var safe = wg_add(wg_mul(z, wg_square(y)), wg_sin(x));
    wg_var danger = x, guarded = x, result = x;
    PICK(danger, DANGERS, which->danger)
    PICK(guarded, GUARDS, which->kind)
    PICK(result, AROUND, which->around)
    out[0] = result;
}

static const double guard_point[3] = {0, -1, 1};

/* Value, gradient and Hessian by two sweeps of a tape. */
static void guard_on_tape(guard *which, double *value, double *gradient, double *hessian) {
    wg_tape *tape = wg_tape_new();
    wg_var x[3], y, slope[3];
    for (int i = 0; i < 3; i++) {
        x[i] = wg_scalar(tape, guard_point[i]);
    }
    play_guard(x, &y, which);
    *value = wg_value(y);
    cr_assert_eq(wg_backward_keep(y), WG_OK);
    for (int i = 0; i < 3; i++) {
        gradient[i] = wg_adjoint(x[i]);
    }
    cr_assert_eq(wg_grad(y, x, 3, slope), WG_OK, "%s", wg_tape_message(tape));
    for (int i = 0; i < 3; i++) {
        wg_zero_adjoints(tape);
        cr_assert(same(wg_value(slope[i]), gradient[i]) || wg_value(slope[i]) == gradient[i] ||
                      fabs(wg_value(slope[i]) - gradient[i]) < 1e-14,
                  "guard %d of danger %d in %d: a recording sweep gives %g for [%d], not %g",
                  which->kind, which->danger, which->around, wg_value(slope[i]), i, gradient[i]);
        cr_assert_eq(wg_backward_keep(slope[i]), WG_OK);
        for (int j = 0; j < 3; j++) {
            hessian[3 * i + j] = wg_adjoint(x[j]);
        }
    }
    wg_tape_free(tape);
}

static void check_close(const guard *which, const char *mode, int count, const double *got,
                        const double *want) {
    for (int i = 0; i < count; i++) {
        cr_expect(fabs(got[i] - want[i]) <= 1e-13 * fmax(1, fabs(want[i])),
                  "guard %d of danger %d in %d: %s[%d] is %g, not %g", which->kind, which->danger,
                  which->around, mode, i, got[i], want[i]);
    }
}

ParameterizedTestParameters(exact, branches_not_taken_leave_no_trace) {
    static int rows[0 DANGERS(COUNT_ONE)];
    for (int i = 0; i < (int)WG_COUNT_OF(rows); i++) {
        rows[i] = i;
    }
    return cr_make_param_array(int, rows, WG_COUNT_OF(rows));
}

ParameterizedTest(int *row, exact, branches_not_taken_leave_no_trace) {
    for (int i = 0; i < (0 GUARDS(COUNT_ONE)) * (0 AROUND(COUNT_ONE)); i++) {
        guard which = {*row, i / (0 AROUND(COUNT_ONE)), i % (0 AROUND(COUNT_ONE))};
        const double v[3] = {1, 1, 1}, w = 1;
        double value, y, gradient[3], hessian[9], got[3], second[9], along, dy;
        guard_on_tape(&which, &value, gradient, hessian);
        wg_function *fn =
            wg_function_record(play_guard, &which, 3, 1, guard_point, wg_function_defaults());
        cr_assert_not_null(fn, "%s", wg_last_message());
        cr_assert_eq(wg_function_gradient(fn, 1, guard_point, &y, got), WG_OK);
        check_close(&which, "value", 1, &y, &value);
        check_close(&which, "gradient", 3, got, gradient);
        cr_assert_eq(wg_function_jacobian(fn, 1, guard_point, &y, got), WG_OK);
        check_close(&which, "jacobian", 3, got, gradient);
        cr_assert_eq(wg_function_jvp(fn, 1, guard_point, v, &y, &dy), WG_OK);
        along = gradient[0] + gradient[1] + gradient[2];
        check_close(&which, "jvp", 1, &dy, &along);
        cr_assert_eq(wg_function_hessian(fn, 1, guard_point, &w, second), WG_OK);
        check_close(&which, "hessian", 9, second, hessian);
        wg_function_free(fn);
    }
}
