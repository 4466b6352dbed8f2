/* newton: derivatives through a loop that ends when it has converged.
 *
 * Kepler's equation E - e sin E = M gives the angle E of a planet on an orbit of eccentricity e at
 * the time M. It has no closed solution: Newton's method finds E in a loop whose length depends on
 * the numbers. The tape records whatever the loop does, so that wg_grad differentiates it, and
 * wg_grad of the result once more. The implicit function theorem says what must come out.
 *
 *     newton [--short] */
#include <wengert.h>

#include <math.h>
#include <stdio.h>

enum {
    MOST_STEPS = 50
};

/* One step of Newton's method for f(E) = E - e sin E - M. */
static wg_var newton_step(wg_var E, wg_var M, wg_var e) {
    wg_var f = wg_sub(wg_sub(E, wg_mul(e, wg_sin(E))), M);
    wg_var slope = wg_sub(1, wg_mul(e, wg_cos(E)));
    return wg_sub(E, wg_div(f, slope));
}

/* Solves Kepler's equation for 0 <= M <= pi; *steps says how many steps it took. Numbers give a
 * number, variables a variable.
 *
 * A step at the root makes the first derivative right, whatever it was before, and one more the
 * second: the loop ends when two steps have not moved E. And it is bounded: after an error E is
 * NaN, which is never close to anything. */
static wg_var kepler(wg_var M, wg_var e, int *steps) {
    wg_var E = wg_number(3); /* from above there is no overshooting: f is convex on [0, pi] */
    int still = 0;
    for (*steps = 0; *steps < MOST_STEPS && still < 2; ++*steps) {
        wg_var next = newton_step(E, M, e);
        still += fabs(wg_value(next) - wg_value(E)) <= 1e-9;
        E = next;
    }
    return E;
}

/* E and its derivatives. */
typedef struct solution {
    double E, by_M, by_e, by_MM, by_Me, by_ee;
} solution;

/* The implicit function theorem on E - e sin E = M. */
static solution analytic(double E, double e) {
    double q = 1 - e * cos(E), by_M = 1 / q, by_e = sin(E) / q;
    double q_by_M = e * sin(E) * by_M, q_by_e = e * sin(E) * by_e - cos(E);
    return (solution){
        .E = E,
        .by_M = by_M,
        .by_e = by_e,
        .by_MM = -q_by_M / (q * q),
        .by_Me = -q_by_e / (q * q),
        .by_ee = (cos(E) * by_e * q - sin(E) * q_by_e) / (q * q),
    };
}

/* The derivatives of E, as the tape has them. */
static wg_status differentiate(wg_var E, wg_var M, wg_var e, solution *out) {
    wg_var xs[2] = {M, e}, first[2], second[2], last;
    (void)wg_grad(E, xs, 2, first);
    (void)wg_grad(first[0], xs, 2, second);
    wg_status status = wg_grad(first[1], &e, 1, &last); /* an earlier failure is still there */
    *out = (solution){wg_value(E),         wg_value(first[0]),  wg_value(first[1]),
                      wg_value(second[0]), wg_value(second[1]), wg_value(last)};
    return status;
}

static double relative(double got, double expected) {
    return fabs(got - expected) / fmax(1, fabs(expected));
}

/* The greatest error of the derivatives; NaN counts as infinite. */
static double worst_error(const solution *got, const solution *expected) {
    double errors[] = {
        relative(got->E, expected->E),         relative(got->by_M, expected->by_M),
        relative(got->by_e, expected->by_e),   relative(got->by_MM, expected->by_MM),
        relative(got->by_Me, expected->by_Me), relative(got->by_ee, expected->by_ee),
    };
    double worst = 0;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        worst = errors[i] <= worst ? worst : isnan(errors[i]) ? HUGE_VAL : errors[i];
    }
    return worst;
}

/* Follows one solution step by step. */
static wg_status show_convergence(wg_tape *tape, double M_value, double e_value) {
    int steps;
    double root = wg_value(kepler(wg_number(M_value), wg_number(e_value), &steps));
    solution exact = analytic(root, e_value), got;
    printf("Kepler's equation at M = %g, e = %g: errors after each step\n\n"
           "  step         E     dE/dM  d2E/dM2\n",
           M_value, e_value);
    wg_tape_reset(tape);
    wg_var M = wg_scalar(tape, M_value), e = wg_scalar(tape, e_value), E = wg_number(3);
    for (int step = 1; step <= steps; step++) {
        E = newton_step(E, M, e);
        (void)differentiate(E, M, e, &got);
        printf("  %4d   %.1e   %.1e  %.1e\n", step, fabs(got.E - exact.E),
               fabs(got.by_M - exact.by_M), fabs(got.by_MM - exact.by_MM));
    }
    printf("\n");
    return wg_tape_status(tape);
}

/* Solves at many points; true where all derivatives are right. */
static bool check_orbits(wg_tape *tape) {
    static const double times[] = {0.01, 0.3, 1, 2, 3.1}, shapes[] = {0.05, 0.2, 0.6, 0.9, 0.99};
    double worst = 0;
    printf("     M     e  steps          E       dE/dM       dE/de     d2E/dM2     d2E/dMde"
           "     d2E/de2    error\n");
    for (int i = 0; i < 25; i++) {
        double M_value = times[i / 5], e_value = shapes[i % 5];
        int steps;
        wg_tape_reset(tape);
        wg_var M = wg_scalar(tape, M_value), e = wg_scalar(tape, e_value);
        wg_var E = kepler(M, e, &steps);
        solution got;
        if (differentiate(E, M, e, &got) != WG_OK) {
            fprintf(stderr, "%s\n", wg_tape_message(tape));
            return false;
        }
        solution expected = analytic(got.E, e_value);
        double error = worst_error(&got, &expected);
        printf("%6.2f  %4.2f  %5d %10.6f %11.5g %11.5g %11.5g  %11.5g %11.5g  %.1e\n", M_value,
               e_value, steps, got.E, got.by_M, got.by_e, got.by_MM, got.by_Me, got.by_ee, error);
        worst = fmax(worst, error);
    }
    printf("\nThe greatest error against the implicit function theorem: %.1e\n", worst);
    return worst <= 1e-10;
}

int main(void) { /* --short changes nothing: it is over at once */
    wg_tape *tape = wg_tape_new();
    if (tape == NULL) {
        fprintf(stderr, "no memory for a tape\n");
        return 1;
    }
    bool held = show_convergence(tape, 0.3, 0.6) == WG_OK && check_orbits(tape);
    printf("%s\n", held ? "All derivatives through the loop are right to 1e-10."
                        : "FAILED: some derivative is off by more than 1e-10.");
    wg_tape_free(tape);
    return held ? 0 : 1;
}
