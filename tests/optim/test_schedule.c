/* test_schedule.c: learning rates as PyTorch's schedulers have them. */
#include "rules.h"

#include "wengert/schedule.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const uint64_t milestones[] = {90, 21, 5, 21};
static const wg_one_cycle_schedule cycle = {.lr = 0.3, .steps = 120};
static const wg_one_cycle_schedule phases = {.lr = 0.3,
                                             .steps = 120,
                                             .rise = 0.25,
                                             .divisor = 10,
                                             .final_divisor = 100,
                                             .linear = true,
                                             .three_phases = true,
                                             .least_momentum = 0.7,
                                             .momentum = 0.9};

/* The runs of tests/golden/optimizers.py. */
#define RUNS(X)                                                                                    \
    X(constant, wg_schedule_constant((wg_constant_schedule){0.3, 0.5, 6}, t))                      \
    X(linear, wg_schedule_linear((wg_linear_schedule){0.3, 0.25, 0.75, 50}, t))                    \
    X(step, wg_schedule_step((wg_step_schedule){.lr = 0.3, .every = 30}, t))                       \
    X(multistep, wg_schedule_multistep((wg_multistep_schedule){0.3, 0.5, milestones, 4}, t))       \
    X(exponential, wg_schedule_exponential((wg_exponential_schedule){0.3, 0.95}, t))               \
    X(polynomial, wg_schedule_polynomial((wg_polynomial_schedule){0.3, 1.7, 110}, t))              \
    X(cosine, wg_schedule_cosine((wg_cosine_schedule){0.3, 0.01, 70, false, 0}, t))                \
    X(restarts, wg_schedule_cosine((wg_cosine_schedule){0.3, 0.01, 10, true, 2}, t))               \
    X(restarts_even, wg_schedule_cosine((wg_cosine_schedule){0.3, 0, 9, true, 0}, t))              \
    X(one_cycle, wg_schedule_one_cycle(cycle, t))                                                  \
    X(one_cycle_linear, wg_schedule_one_cycle(phases, t))                                          \
    X(warm_up, wg_schedule_warm_up((wg_warm_up){15, 0.1}, t,                                       \
                                   wg_schedule_exponential((wg_exponential_schedule){0.3, 0.95},   \
                                                           wg_schedule_after(t, 15))))

#define CHECK(name, value)                                                                         \
    for (uint64_t t = 0, found = 0; t < 120; t++) {                                                \
        double expected;                                                                           \
        if (golden_row(#name, (int)t, 1, &expected)) {                                             \
            const double lr = value;                                                               \
            cr_assert_float_eq(lr, expected, 1e-14, #name " at %d: %.17g, not %.17g", (int)t, lr,  \
                               expected);                                                          \
            found++;                                                                               \
        }                                                                                          \
        cr_assert(t<119 || found> 20, #name);                                                      \
    }

Test(schedules, are_as_pytorch_s){RUNS(CHECK)}

Test(schedules, one_cycle_moves_the_momentum_the_other_way) {
    for (uint64_t t = 0; t < 120; t++) {
        double expected[2];
        if (golden_row("one_cycle", (int)t, 2, expected)) {
            cr_assert_float_eq(wg_schedule_one_cycle_momentum(cycle, t), expected[1], 1e-14);
        }
        if (golden_row("one_cycle_linear", (int)t, 2, expected)) {
            cr_assert_float_eq(wg_schedule_one_cycle_momentum(phases, t), expected[1], 1e-14);
        }
    }
}

Test(schedules, go_on_behind_their_end) {
    const uint64_t late = UINT64_MAX;
    cr_assert_eq(wg_schedule_constant((wg_constant_schedule){.lr = 2}, late), 2);
    cr_assert_eq(wg_schedule_linear((wg_linear_schedule){2, 0, 0.5, 3}, late), 1);
    cr_assert_eq(wg_schedule_polynomial((wg_polynomial_schedule){.lr = 2, .steps = 3}, late), 0);
    cr_assert_eq(wg_schedule_exponential((wg_exponential_schedule){2, 0.5}, late), 0);
    cr_assert_eq(wg_schedule_one_cycle(cycle, late), wg_schedule_one_cycle(cycle, 119));
    cr_assert(isfinite(wg_schedule_cosine((wg_cosine_schedule){2, 0, 3, true, 3}, late)));
    const wg_cosine_schedule wave = {.lr = 2, .steps = 10};
    const uint64_t periods = UINT64_C(100000000000000000); /* many */
    for (uint64_t t = 0; t <= 20; t++) {
        cr_assert_float_eq(wg_schedule_cosine(wave, periods + t), wg_schedule_cosine(wave, t),
                           1e-15);
    }
    cr_assert_eq(wg_schedule_warm_up((wg_warm_up){0, 0.5}, 0, 2), 2);
    cr_assert_eq(wg_schedule_one_cycle((wg_one_cycle_schedule){.lr = 1, .steps = 1}, 0),
                 1.0 / 25 / 1e4);
}

Test(schedules, are_nan_where_an_option_is_out_of_range) {
    cr_assert(isnan(wg_schedule_constant((wg_constant_schedule){.lr = 1, .factor = 2}, 0)));
    cr_assert(isnan(wg_schedule_constant((wg_constant_schedule){.lr = 0}, 0)));
    cr_assert(isnan(wg_schedule_linear((wg_linear_schedule){1, 0, 1, 0}, 0)));
    cr_assert(isnan(wg_schedule_linear((wg_linear_schedule){1, -1, 1, 5}, 0)));
    cr_assert(isnan(wg_schedule_step((wg_step_schedule){.lr = 1}, 0)));
    cr_assert(isnan(wg_schedule_multistep((wg_multistep_schedule){.lr = 1, .count = 1}, 0)));
    cr_assert(isnan(wg_schedule_exponential((wg_exponential_schedule){.lr = 1}, 0)));
    cr_assert(isnan(wg_schedule_polynomial((wg_polynomial_schedule){.lr = 1}, 0)));
    cr_assert(isnan(wg_schedule_cosine((wg_cosine_schedule){.lr = 1}, 0)));
    cr_assert(isnan(wg_schedule_cosine((wg_cosine_schedule){.lr = 1, .least = -1, .steps = 2}, 0)));
    cr_assert(isnan(wg_schedule_one_cycle((wg_one_cycle_schedule){.lr = 1}, 0)));
    cr_assert(isnan(
        wg_schedule_one_cycle_momentum((wg_one_cycle_schedule){.steps = 9, .momentum = 1}, 0)));
    cr_assert(isnan(wg_schedule_warm_up((wg_warm_up){3, -1}, 0, 1)));
    wg_plateau plateau = wg_plateau_defaults(false);
    plateau.factor = 1;
    cr_assert(isnan(wg_plateau_next(&plateau, 1, 0.3)));
    cr_assert(isnan(wg_plateau_next(NULL, 1, 0.3)));
}

/* ---- Reduce on plateau ----------------------------------------------------------------------- */

static double falling(int t) {
    return 1 + exp(-0.2 * t);
}
static double swinging(int t) {
    return sin(0.2 * t) - 0.5;
}
static double broken(int t) {
    return t % 3 != 0 ? NAN : (double)((40 - t % 40) % 40);
}

static void check_plateau(const char *name, wg_plateau plateau, double (*measure)(int t)) {
    double lr = 0.3, expected;
    int found = 0;
    for (int t = 0; t < 120; t++) {
        lr = wg_plateau_next(&plateau, measure(t), lr);
        if (golden_row(name, t, 1, &expected)) {
            cr_assert_float_eq(lr, expected, 1e-14, "%s at %d: %.17g, not %.17g", name, t, lr,
                               expected);
            found++;
        }
    }
    cr_assert_geq(found, 5);
}

Test(schedules, plateaus_are_as_pytorch_s) {
    wg_plateau plateau = wg_plateau_defaults(false);
    check_plateau("plateau", plateau, falling);
    plateau.factor = 0.7;
    plateau.patience = 2;
    plateau.threshold = 0.05;
    check_plateau("plateau_nan", plateau, broken);
    plateau = wg_plateau_defaults(true);
    plateau.factor = 0.5;
    plateau.patience = 4;
    plateau.threshold = 0.01;
    plateau.absolute = true;
    plateau.cooldown = 3;
    plateau.least = 0.02;
    check_plateau("plateau_greater", plateau, swinging);
}
