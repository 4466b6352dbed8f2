/* The schedule of checkpointed loops against the best there is. */
#include "function/revolve.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* Follows the schedule and checks that it does what it says: every step reversed once, newest
 * first, from a state that was there. Returns the steps run forward. */
static int64_t follow(int64_t steps, int64_t checkpoints) {
    int64_t *held = malloc((size_t)checkpoints * sizeof *held);
    int64_t *stored = calloc((size_t)checkpoints, sizeof *stored);
    int64_t at = 0, next = steps, forward = 0, number;
    wg_revolve revolve;
    wg_revolve_begin(&revolve, steps, checkpoints, held);
    for (;;) {
        const wg_revolve_action action = wg_revolve_next(&revolve, &number);
        if (action == WG_REVOLVE_DONE) {
            break;
        }
        switch (action) {
        case WG_REVOLVE_ADVANCE:
            cr_assert(at >= 0 && number > at && number < next);
            forward += number - at;
            at = number;
            break;
        case WG_REVOLVE_STORE:
            cr_assert(number > 0 && number < checkpoints, "checkpoint %lld", (long long)number);
            stored[number] = at;
            break;
        case WG_REVOLVE_RESTORE:
            cr_assert(number >= 0 && number < checkpoints, "checkpoint %lld", (long long)number);
            at = stored[number];
            break;
        default:
            cr_assert(number == next - 1 && at == number, "%lld at %lld", (long long)number,
                      (long long)at);
            next--;
            at = -1;
            break;
        }
    }
    cr_assert_eq(next, 0);
    free(held);
    free(stored);
    return forward;
}

enum {
    MOST_STEPS = 150,
    MOST_CHECKPOINTS = 14
};

/* The fewest, by trying every place for the first checkpoint. */
static int64_t fewest[MOST_STEPS + 1][MOST_CHECKPOINTS + 1];

static void fill_fewest(void) {
    for (int64_t c = 1; c <= MOST_CHECKPOINTS; c++) {
        for (int64_t l = 2; l <= MOST_STEPS; l++) {
            int64_t best = l * (l - 1) / 2;
            for (int64_t k = 1; k < l && c > 1; k++) {
                const int64_t cost = k + fewest[l - k][c - 1] + fewest[k][c];
                best = cost < best ? cost : best;
            }
            fewest[l][c] = best;
        }
    }
}

Test(revolve, repeats_as_few_steps_as_any_schedule_can) {
    fill_fewest();
    for (int64_t c = 1; c <= MOST_CHECKPOINTS; c++) {
        for (int64_t l = 0; l <= MOST_STEPS; l++) {
            const int64_t got = follow(l, c);
            cr_assert_eq(got, fewest[l][c], "%lld steps, %lld checkpoints: %lld, not %lld",
                         (long long)l, (long long)c, (long long)got, (long long)fewest[l][c]);
        }
    }
}

/* r l − (c + r choose c + 1) */
static int64_t formula(int64_t l, int64_t c) {
    int64_t r = 0, reach = 1, repeated = 0; /* (c + r choose c), and of c + 1 with r − 1 */
    while (reach < l) {
        r++;
        repeated += reach; /* (c + r choose c + 1) = Σ over smaller r of (c + s choose c) */
        reach = reach * (c + r) / r;
    }
    return r * l - repeated;
}

Test(revolve, long_loops_agree_with_the_formula) {
    const int64_t steps[] = {1000, 4096, 54321, 100000};
    const int64_t checkpoints[] = {2, 3, 10, 100, 999, 50000, 200000};
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 7; k++) {
            cr_assert_eq(follow(steps[i], checkpoints[k]), formula(steps[i], checkpoints[k]),
                         "%lld steps, %lld checkpoints", (long long)steps[i],
                         (long long)checkpoints[k]);
        }
    }
}

/* The very longest: first actions only, that no product overflows. */
Test(revolve, the_first_distances_of_the_longest_loops) {
    static int64_t held[1000];
    const int64_t checkpoints[] = {2, 3, 7, 1000};
    for (size_t k = 0; k < 4; k++) {
        wg_revolve revolve;
        int64_t number, at = 0;
        wg_revolve_begin(&revolve, WG_MOST_STEPS, checkpoints[k], held);
        while (revolve.live < checkpoints[k]) {
            cr_assert_eq(wg_revolve_next(&revolve, &number), WG_REVOLVE_ADVANCE);
            cr_assert(number > at && number < WG_MOST_STEPS, "%lld", (long long)number);
            at = number;
            cr_assert_eq(wg_revolve_next(&revolve, &number), WG_REVOLVE_STORE);
        }
    }
    wg_revolve revolve = {held, 1, WG_MOST_CHECKPOINTS, 0, WG_MOST_STEPS};
    int64_t number;
    held[0] = 0;
    cr_assert_eq(wg_revolve_next(&revolve, &number), WG_REVOLVE_ADVANCE);
    cr_assert(number > 0 && number < WG_MOST_STEPS, "%lld", (long long)number);
}
