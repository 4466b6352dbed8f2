/* curve-fit: nonlinear least squares by the method of Levenberg and Marquardt.
 *
 * A model with parameters b and abscissa t is recorded once, as a function of [b..., t]. One call,
 * wg_function_jacobian, then gives its values and derivatives at all observations. Three problems
 * come from NIST's Statistical Reference Datasets (https://www.itl.nist.gov/div898/strd/nls), each
 * with two starting points, and with certified parameters and standard deviations to compare with.
 * A fourth has many observations (200,000; with --short 20,000) and a truth that is known.
 *
 *     curve-fit [--short] */
#include <wengert.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_PARAMETERS = 7,
    MOST_STEPS = 1000,
    POINTS = 200 /* of a drawn curve */
};

/* ---- Models, as anyone would write them ------------------------------------------------------ */

/* b0 (1 - exp(-b1 t)): adsorption, lower difficulty */
static void misra1a(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var t = x[2];
    y[0] = wg_mul(x[0], wg_sub(1, wg_exp(wg_neg(wg_mul(x[1], t)))));
}

/* A ratio of two cubic polynomials: electron mobility, higher difficulty */
static void thurber(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var t = x[7], above = x[3], below = x[6];
    for (int i = 2; i >= 0; i--) {
        above = wg_fma(above, t, x[i]);
        below = wg_fma(below, t, i > 0 ? x[3 + i] : wg_number(1));
    }
    y[0] = wg_div(above, below);
}

/* b0 + b1 exp(-b3 t) + b2 exp(-b4 t): two decays that nearly cancel, average difficulty */
static void mgh17(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var t = x[5], one = wg_mul(x[1], wg_exp(wg_neg(wg_mul(x[3], t)))),
           two = wg_mul(x[2], wg_exp(wg_neg(wg_mul(x[4], t))));
    y[0] = wg_add(x[0], wg_add(one, two));
}

typedef struct problem {
    const char *name;
    wg_function_body model;
    int parameters;
    double start[2][MOST_PARAMETERS], certified[MOST_PARAMETERS], deviation[MOST_PARAMETERS];
    double sum; /* of squared residuals, certified */
    int64_t count;
    const double *t, *y;
} problem;

static const double misra1a_t[] = {77.6,  114.9, 141.1, 190.8, 239.9, 289,   332.8,
                                   378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760};
static const double misra1a_y[] = {10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02,
                                   44.82, 50.76, 55.05, 61.01, 66.4,  75.47, 81.78};
static const double thurber_t[] = {-3.067, -2.981, -2.921, -2.912, -2.84,  -2.797, -2.702, -2.699,
                                   -2.633, -2.481, -2.363, -2.322, -1.501, -1.46,  -1.274, -1.212,
                                   -1.1,   -1.046, -0.915, -0.714, -0.566, -0.545, -0.4,   -0.309,
                                   -0.109, -0.103, 0.01,   0.119,  0.377,  0.79,   0.963,  1.006,
                                   1.115,  1.572,  1.841,  2.047,  2.2};
static const double thurber_y[] = {
    80.574,   84.248,   87.264,   87.195,   89.076,   89.608,   89.868,   90.101,
    92.405,   95.854,   100.696,  101.06,   401.672,  390.724,  567.534,  635.316,
    733.054,  759.087,  894.206,  990.785,  1090.109, 1080.914, 1122.643, 1178.351,
    1260.531, 1273.514, 1288.339, 1327.543, 1353.863, 1414.509, 1425.208, 1421.384,
    1442.962, 1464.35,  1468.705, 1447.894, 1457.628};
static const double mgh17_t[] = {0,   10,  20,  30,  40,  50,  60,  70,  80,  90,  100,
                                 110, 120, 130, 140, 150, 160, 170, 180, 190, 200, 210,
                                 220, 230, 240, 250, 260, 270, 280, 290, 300, 310, 320};
static const double mgh17_y[] = {0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.85,  0.818,
                                 0.784, 0.751, 0.718, 0.685, 0.658, 0.628, 0.603, 0.58,  0.558,
                                 0.538, 0.522, 0.506, 0.49,  0.478, 0.467, 0.457, 0.448, 0.438,
                                 0.431, 0.424, 0.42,  0.414, 0.411, 0.406};

#define OBSERVED(name) .count = sizeof name##_t / sizeof name##_t[0], .t = name##_t, .y = name##_y

static const problem problems[] = {
    {.name = "Misra1a",
     .model = misra1a,
     .parameters = 2,
     .start = {{500, 1e-4}, {250, 5e-4}},
     .certified = {2.3894212918e2, 5.5015643181e-4},
     .deviation = {2.7070075241, 7.2668688436e-6},
     .sum = 1.2455138894e-1,
     OBSERVED(misra1a)},
    {.name = "MGH17",
     .model = mgh17,
     .parameters = 5,
     .start = {{50, 150, -100, 1, 2}, {0.5, 1.5, -1, 0.01, 0.02}},
     .certified = {3.7541005211e-1, 1.9358469127, -1.4646871366, 1.2867534640e-2, 2.2122699662e-2},
     .deviation = {2.0723153551e-3, 2.2031669222e-1, 2.2175707739e-1, 4.4861358114e-4,
                   8.9471996575e-4},
     .sum = 5.4648946975e-5,
     OBSERVED(mgh17)},
    {.name = "Thurber",
     .model = thurber,
     .parameters = 7,
     .start = {{1000, 1000, 400, 40, 0.7, 0.3, 0.03}, {1300, 1500, 500, 75, 1, 0.4, 0.05}},
     .certified = {1.2881396800e3, 1.4910792535e3, 5.8323836877e2, 7.5416644291e1, 9.6629502864e-1,
                   3.9797285797e-1, 4.9727297349e-2},
     .deviation = {4.6647963344, 3.9571156086e1, 2.8698696102e1, 5.5675370270, 3.1333340687e-2,
                   1.4984928198e-2, 6.5842344623e-3},
     .sum = 5.6427082397e3,
     OBSERVED(thurber)},
};

/* ---- Levenberg and Marquardt ----------------------------------------------------------------- */

typedef double matrix[MOST_PARAMETERS][MOST_PARAMETERS];
/* What is known at one set of parameters, from residuals r = model - y and their Jacobian J. */
typedef struct linearisation {
    double sum;                       /* |r|^2 */
    double downhill[MOST_PARAMETERS]; /* -J'r */
    matrix normal;                    /* J'J, its lower half */
} linearisation;

/* The points of the recorded function: [b..., t] in each row. */
static void fill_rows(int n, const double *b, int64_t count, const double *t, double *x) {
    for (int64_t i = 0; i < count; i++) {
        memcpy(x + i * (n + 1), b, (size_t)n * sizeof *b);
        x[i * (n + 1) + n] = t[i];
    }
}

/* One call of the recorded function for all observations. */
static wg_status linearise(const wg_function *fn, const problem *p, const double *b, double *work,
                           linearisation *out) {
    const int n = p->parameters, row = n + 1;
    double *x = work, *jacobian = x + p->count * row, *model = jacobian + p->count * row;
    fill_rows(n, b, p->count, p->t, x);
    wg_status status = wg_function_jacobian(fn, p->count, x, model, jacobian);
    *out = (linearisation){.sum = 0};
    for (int64_t i = 0; i < p->count && status == WG_OK; i++) {
        const double r = model[i] - p->y[i], *J = jacobian + i * row; /* J[n] is by t: not used */
        out->sum += r * r;
        for (int j = 0; j < n; j++) {
            out->downhill[j] -= J[j] * r;
            for (int k = 0; k <= j; k++) {
                out->normal[j][k] += J[j] * J[k];
            }
        }
    }
    return status;
}

/* Solves (A + mu I) h = v by Cholesky's factorization; A's lower half is read. False where that
 * matrix is not positive definite. */
static bool solve_damped(matrix A, int n, double mu, const double *v, double *h) {
    matrix L;
    for (int j = 0; j < n; j++) {
        h[j] = v[j];
        for (int k = 0; k <= j; k++) {
            double sum = A[j][k] + (j == k ? mu : 0);
            for (int i = 0; i < k; i++) {
                sum -= L[j][i] * L[k][i];
            }
            if (j == k && !(sum > 0)) {
                return false;
            }
            L[j][k] = j == k ? sqrt(sum) : sum / L[k][k];
            h[j] -= k < j ? L[j][k] * h[k] : 0;
        }
        h[j] /= L[j][j];
    }
    for (int j = n - 1; j >= 0; j--) {
        for (int k = j + 1; k < n; k++) {
            h[j] -= L[k][j] * h[k];
        }
        h[j] /= L[j][j];
    }
    return true;
}

/* The greatest cosine of the angle between the residuals and a column of J: 0 at a minimum, and the
 * same whatever units the parameters have (More 1978). */
static double steepness(const linearisation *at, int n) {
    double worst = 0;
    for (int j = 0; j < n; j++) {
        double length = sqrt(at->normal[j][j] * at->sum);
        worst = fmax(worst, length > 0 ? fabs(at->downhill[j]) / length : 0);
    }
    return worst;
}

typedef struct fitted {
    double b[MOST_PARAMETERS], deviation[MOST_PARAMETERS], sum;
    int steps;
} fitted;

/* Damping by the gain ratio: D. W. Marquardt (1963) as in K. Madsen, H. B. Nielsen, O. Tingleff,
 * "Methods for non-linear least squares problems" (2004), algorithm 3.16. */
static wg_status fit(const wg_function *fn, const problem *p, const double *start, double *work,
                     fitted *out) {
    const int n = p->parameters;
    double mu = 0, nu = 2, tried[MOST_PARAMETERS] = {0}, h[MOST_PARAMETERS];
    linearisation here, there;
    *out = (fitted){.steps = 0};
    memcpy(out->b, start, (size_t)n * sizeof *start);
    wg_status status = linearise(fn, p, out->b, work, &here);
    for (int j = 0; j < n; j++) {
        mu = fmax(mu, 1e-3 * here.normal[j][j]);
    }
    bool moves = true;
    while (status == WG_OK && moves && out->steps < MOST_STEPS && steepness(&here, n) > 1e-12) {
        double expected = 0, gained = -1;
        out->steps++;
        if (solve_damped(here.normal, n, mu, here.downhill, h)) {
            moves = false;
            for (int j = 0; j < n; j++) {
                tried[j] = out->b[j] + h[j];
                moves = moves || fabs(h[j]) > 1e-14 * fabs(out->b[j]);
                expected += h[j] * (mu * h[j] + here.downhill[j]);
            }
            status = linearise(fn, p, tried, work, &there);
            gained = (here.sum - there.sum) / expected; /* NaN, where the model is, is no gain */
        }
        if (gained > 0) {
            memcpy(out->b, tried, sizeof tried);
            here = there;
            mu *= fmax(1.0 / 3, 1 - pow(2 * gained - 1, 3));
            nu = 2;
        } else {
            mu *= nu;
            nu *= 2;
        }
    }
    out->sum = here.sum;
    for (int j = 0; j < n; j++) { /* the covariance is (J'J)^-1 |r|^2 / (count - n) */
        double unit[MOST_PARAMETERS] = {0};
        unit[j] = 1;
        h[j] = NAN; /* where it has none */
        (void)solve_damped(here.normal, n, 0, unit, h);
        out->deviation[j] = sqrt(h[j] * here.sum / (double)(p->count - n));
    }
    return status;
}

/* ---- The problems ---------------------------------------------------------------------------- */

/* How many decimal digits agree (McCullough 1998), at most the 11 that NIST gives. */
static double digits(double got, double certified) {
    double error = fabs(got - certified) / fabs(certified);
    return error <= 1e-11 ? 11 : error < 1 ? -log10(error) : 0; /* NaN is 0 */
}

static wg_status draw(const wg_function *fn, const problem *p, const double *b, const char *path) {
    double x[POINTS * (MOST_PARAMETERS + 1)], at[POINTS], y[POINTS];
    for (int i = 0; i < POINTS; i++) {
        at[i] = p->t[0] + (p->t[p->count - 1] - p->t[0]) * i / (POINTS - 1);
    }
    fill_rows(p->parameters, b, POINTS, at, x);
    wg_plot *plot;
    wg_plot_options options = {.title = "Electron mobility (NIST StRD, Thurber)",
                               .x_label = "logarithm of the density",
                               .y_label = "mobility"};
    wg_status status = wg_plot_new(options, &plot);
    status = status == WG_OK ? wg_function_value(fn, POINTS, x, y) : status;
    status = status == WG_OK ? wg_plot_points(plot, "fit", POINTS, at, y) : status;
    for (int64_t i = 0; i < p->count && status == WG_OK; i++) { /* a cross, then a gap */
        const double u = p->t[i], v = p->y[i];
        const double across[] = {u - 0.03, u + 0.03, NAN, u, u, NAN};
        const double up[] = {v, v, NAN, v - 15, v + 15, NAN};
        status = wg_plot_points(plot, "observed", 6, across, up);
    }
    status = status == WG_OK ? wg_plot_write(plot, path) : status;
    wg_plot_free(plot);
    return status;
}

/* Fits one problem from both its starting points; *least is the fewest digits that agree. */
static wg_status solve_certified(const problem *p, double *least) {
    double work[3 * 64 * (MOST_PARAMETERS + 1)];
    fitted found = {.steps = 0};
    wg_function *fn = wg_function_record(p->model, NULL, p->parameters + 1, 1, p->start[1],
                                         wg_function_defaults());
    wg_status status = fn != NULL ? WG_OK : WG_ERROR_MEMORY;
    for (int s = 0; s < 2 && status == WG_OK; s++) {
        status = fit(fn, p, p->start[s], work, &found);
        double b = 11, deviation = 11, sum = digits(found.sum, p->sum);
        for (int j = 0; j < p->parameters; j++) {
            b = fmin(b, digits(found.b[j], p->certified[j]));
            deviation = fmin(deviation, digits(found.deviation[j], p->deviation[j]));
        }
        printf("  %-8s %5d  %9lld  %7d  %4d  %16.10e  %10.1f  %5.1f  %4.1f\n", p->name, s + 1,
               (long long)p->count, p->parameters, found.steps, found.sum, b, deviation, sum);
        *least = fmin(*least, fmin(fmin(b, deviation), sum));
    }
    status =
        status == WG_OK && p->model == thurber ? draw(fn, p, found.b, "curve-fit.svg") : status;
    wg_function_free(fn);
    return status;
}

/* ---- Many observations ----------------------------------------------------------------------- */

/* Misra1a's curve with b = {240, 5.5e-4} seen `count` times with normal errors of 0.1. True where
 * the fit is within five of its standard deviations of the truth. */
static bool solve_large(int64_t count) {
    const size_t n = (size_t)count;
    double *t = malloc(n * (2 + 3 + 3 + 1) * sizeof *t), off[2] = {NAN, NAN};
    wg_function *fn = wg_function_record(misra1a, NULL, 3, 1, NULL, wg_function_defaults());
    if (t != NULL && fn != NULL) {
        double *y = t + n, *work = y + n;
        wg_random_uniform(wg_key_new(1), 0, n, 0, 1000, t);
        wg_random_normal(wg_key_new(1), 0, n, 0, 0.1, y);
        for (size_t i = 0; i < n; i++) {
            y[i] += 240 * (1 - exp(-5.5e-4 * t[i]));
        }
        problem p = {.parameters = 2, .start = {{500, 1e-4}}, .count = count, .t = t, .y = y};
        fitted found;
        if (fit(fn, &p, p.start[0], work, &found) == WG_OK) {
            off[0] = (found.b[0] - 240) / found.deviation[0];
            off[1] = (found.b[1] - 5.5e-4) / found.deviation[1];
            printf("\n%lld observations of 240 (1 - exp(-5.5e-4 t)), errors of 0.1, %d steps:\n"
                   "  240 is off by %+.1f standard errors, 5.5e-4 by %+.1f\n",
                   (long long)count, found.steps, off[0], off[1]);
        }
    }
    wg_function_free(fn);
    free(t);
    return fabs(off[0]) <= 5 && fabs(off[1]) <= 5;
}

int main(int argc, char **argv) {
    int64_t many = argc > 1 && strcmp(argv[1], "--short") == 0 ? 20000 : 200000;
    double least = 11;
    wg_status status = WG_OK;
    printf("Digits that agree with the certified values (of 11 that are given):\n\n"
           "  problem  start  observed  unknown  steps   sum of squares  parameters errors  sum\n");
    for (size_t i = 0; i < sizeof problems / sizeof problems[0] && status == WG_OK; i++) {
        status = solve_certified(&problems[i], &least);
    }
    bool held = status == WG_OK && solve_large(many) && least >= 6;
    if (status != WG_OK) {
        fprintf(stderr, "curve-fit: %s\n", wg_last_message());
    }
    printf("\n%s\n", held ? "All fits agree with the certified values to 6 digits and more.\n"
                            "Thurber's data and curve are in curve-fit.svg"
                          : "FAILED: some fit is off.");
    return held ? 0 : 1;
}
