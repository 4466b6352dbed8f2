/* ode-fit: the parameters of a differential equation, found from what it did.
 *
 * Hares u grow, and are eaten by lynxes v, which die without them (Lotka 1925, Volterra 1926):
 *
 *     u' = a u - b u v        v' = d u v - c v
 *
 * One step of the method of Runge and Kutta is recorded as a function of [u, v, a, b, c, d].
 * wg_checkpointed_loop repeats it from year to year: each loop is one entry of the tape, and the
 * backward sweep runs the steps again for the gradient of the misfit. The method of Broyden,
 * Fletcher, Goldfarb and Shanno, in plain C, goes down it.
 *
 * First the truth is known, and must be found again; then it is the pelts that trappers sold to the
 * Hudson's Bay Company from 1900 to 1920 (in thousands; P. Howard, "Modeling basics", 2009).
 *
 *     ode-fit [--short] */
#include <wengert.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    STATE = 2,
    RATES = 4,
    UNKNOWN = RATES + STATE, /* a, b, c, d and where it starts; found by their logarithms */
    YEARS = 20,
    MOST_STEPS = 200
};

static const double pelts[YEARS + 1][STATE] = {
    {30, 4},     {47.2, 6.1},  {70.2, 9.8},  {77.4, 35.2}, {36.3, 59.4}, {20.6, 41.7},
    {18.1, 19},  {21.4, 13},   {22, 8.3},    {25.4, 9.1},  {27.1, 7.4},  {40.3, 8},
    {57, 12.3},  {76.6, 19.5}, {52.3, 45.7}, {19.5, 51.1}, {11.2, 29.7}, {7.6, 15.8},
    {14.6, 9.7}, {16.2, 10.1}, {24.7, 8.6}};

/* ---- The equation ---------------------------------------------------------------------------- */

/* rate[2] of the state s[2] with p = {a, b, c, d}. */
static void lotka_volterra(const wg_var *s, const wg_var *p, wg_var *rate) {
    rate[0] = wg_mul(s[0], wg_sub(p[0], wg_mul(p[1], s[1])));
    rate[1] = wg_mul(s[1], wg_sub(wg_mul(p[3], s[0]), p[2]));
}

/* y = x + h k */
static void move(const wg_var *x, double h, const wg_var *k, wg_var *y) {
    for (int i = 0; i < STATE; i++) {
        y[i] = wg_add(x[i], wg_mul(h, k[i]));
    }
}

/* One step of length *context of the classical method of fourth order: x = [u, v, a, b, c, d]. */
static void runge_kutta(const wg_var *x, wg_var *y, void *context) {
    const double h = *(const double *)context;
    const wg_var *p = x + STATE;
    wg_var k1[STATE], k2[STATE], k3[STATE], k4[STATE], at[STATE];
    lotka_volterra(x, p, k1);
    move(x, h / 2, k1, at);
    lotka_volterra(at, p, k2);
    move(x, h / 2, k2, at);
    lotka_volterra(at, p, k3);
    move(x, h, k3, at);
    lotka_volterra(at, p, k4);
    for (int i = 0; i < STATE; i++) {
        wg_var inner = wg_mul(2, wg_add(k2[i], k3[i])), outer = wg_add(k1[i], k4[i]);
        y[i] = wg_add(x[i], wg_mul(h / 6, wg_add(inner, outer)));
    }
}

/* ---- The misfit and its gradient ------------------------------------------------------------- */

typedef struct study {
    wg_tape *tape;
    wg_function *step;
    int steps;                         /* a year */
    double h;                          /* their length in years */
    double observed[YEARS + 1][STATE]; /* logarithms */
    long sweeps;
} study;

/* Half the sum of the squared differences of logarithms, and its gradient in the logarithms of the
 * unknowns. */
static wg_status misfit(study *s, const double *logs, double *value, double *gradient) {
    wg_tape *tape = s->tape;
    wg_tape_reset(tape);
    wg_var unknown = wg_variable(tape, WG_F64, WG_SHAPE(UNKNOWN), logs), all = wg_exp(unknown);
    wg_var rates = wg_slice(all, 0, 0, RATES, 1), state = wg_slice(all, 0, RATES, WG_END, 1);
    wg_var sum = wg_number(0);
    for (int year = 0; year <= YEARS; year++) {
        if (year > 0) {
            state = wg_checkpointed_loop(s->step, s->steps, state, rates, (wg_loop_options){0});
        }
        wg_var seen = wg_constant(tape, WG_F64, WG_SHAPE(STATE), s->observed[year]);
        sum = wg_add(sum, wg_mul(0.5, wg_sum(wg_square(wg_sub(wg_log(state), seen)))));
    }
    s->sweeps++;
    *value = wg_value(sum);
    (void)wg_backward(sum);
    return wg_read_adjoint(unknown, WG_F64, gradient, UNKNOWN);
}

/* The same with every operation of every step on the tape, to compare with. */
static wg_status misfit_on_tape(study *s, const double *logs, double *value, double *gradient) {
    wg_var x[UNKNOWN], log_of[UNKNOWN], next[STATE], sum = wg_number(0); /* x: the state first */
    wg_tape_reset(s->tape);
    for (int i = 0; i < UNKNOWN; i++) {
        log_of[i] = wg_scalar(s->tape, logs[i]);
        x[(i + STATE) % UNKNOWN] = wg_exp(log_of[i]);
    }
    for (int year = 0; year <= YEARS; year++) {
        for (int step = 0; step < s->steps && year > 0; step++) {
            runge_kutta(x, next, &s->h);
            memcpy(x, next, sizeof next);
        }
        for (int i = 0; i < STATE; i++) {
            wg_var error = wg_sub(wg_log(x[i]), s->observed[year][i]);
            sum = wg_add(sum, wg_mul(0.5, wg_square(error)));
        }
    }
    *value = wg_value(sum);
    (void)wg_backward(sum);
    for (int i = 0; i < UNKNOWN; i++) {
        gradient[i] = wg_adjoint(log_of[i]);
    }
    return wg_tape_status(s->tape);
}

/* ---- Going down ------------------------------------------------------------------------------ */

static double dot(const double *a, const double *b) {
    double sum = 0;
    for (int i = 0; i < UNKNOWN; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

typedef struct place {
    double x[UNKNOWN], f, g[UNKNOWN];
} place;

/* A step along d that satisfies the weak conditions of Wolfe (1969), by bisection: A. S. Lewis, M.
 * L. Overton, "Nonsmooth optimization via quasi-Newton methods" (2013), algorithm 2.6. */
static wg_status search(study *s, const place *from, const double *d, place *to, bool *found) {
    const double slope = dot(from->g, d);
    double low = 0, high = HUGE_VAL, t = 1;
    wg_status status = WG_OK;
    *found = false;
    for (int i = 0; i < 50 && status == WG_OK && !*found; i++) {
        for (int j = 0; j < UNKNOWN; j++) {
            to->x[j] = from->x[j] + t * d[j];
        }
        status = misfit(s, to->x, &to->f, to->g);
        if (!(to->f <= from->f + 1e-4 * t * slope)) { /* NaN too */
            high = t;
        } else if (dot(to->g, d) < 0.9 * slope) {
            low = t;
        } else {
            *found = true;
        }
        t = *found ? t : high < HUGE_VAL ? (low + high) / 2 : 2 * low;
    }
    return status;
}

/* H becomes the next approximation of the inverse Hessian: (I - r s y') H (I - r y s') + r s s'
 * with r = 1 / s'y (J. Nocedal, S. J. Wright, "Numerical Optimization" (2006), equation 6.17). */
static void update(double H[UNKNOWN][UNKNOWN], const double *s, const double *y) {
    const double r = 1 / dot(s, y);
    double Hy[UNKNOWN];
    for (int i = 0; i < UNKNOWN; i++) {
        Hy[i] = dot(H[i], y);
    }
    const double yHy = dot(y, Hy);
    for (int i = 0; i < UNKNOWN; i++) {
        for (int j = 0; j < UNKNOWN; j++) {
            H[i][j] += r * ((1 + r * yHy) * s[i] * s[j] - Hy[i] * s[j] - s[i] * Hy[j]);
        }
    }
}

/* From x to where the gradient is nothing, or no step leads further down. */
static wg_status minimise(study *s, double *x, double *value, int *steps) {
    double H[UNKNOWN][UNKNOWN] = {{0}}, d[UNKNOWN], shift[UNKNOWN], change[UNKNOWN];
    place here, there;
    bool moves = true;
    memcpy(here.x, x, sizeof here.x);
    wg_status status = misfit(s, here.x, &here.f, here.g);
    for (int i = 0; i < UNKNOWN; i++) { /* the first step has length 0.1 */
        H[i][i] = 0.1 / sqrt(dot(here.g, here.g));
    }
    *steps = 0;
    while (status == WG_OK && moves && *steps < MOST_STEPS && dot(here.g, here.g) > 1e-22) {
        for (int i = 0; i < UNKNOWN; i++) {
            d[i] = -dot(H[i], here.g);
        }
        status = search(s, &here, d, &there, &moves);
        if (status == WG_OK && moves) {
            for (int i = 0; i < UNKNOWN; i++) {
                shift[i] = there.x[i] - here.x[i];
                change[i] = there.g[i] - here.g[i];
            }
            update(H, shift, change); /* by Wolfe's second condition shift'change > 0 */
            here = there;
            ++*steps;
        }
    }
    memcpy(x, here.x, sizeof here.x);
    *value = here.f;
    return status;
}

/* ---- The two studies ------------------------------------------------------------------------- */

static const char *const names[UNKNOWN] = {"a", "b", "c", "d", "hares", "lynxes"};
static const double guess[UNKNOWN] = {0.5, 0.02, 1, 0.02, 30, 4}; /* a year's rates, by eye */

static void take_logs(const double *x, int n, double *logs) {
    for (int i = 0; i < n; i++) {
        logs[i] = log(x[i]);
    }
}

/* The gradient through checkpointed loops against the tape of all operations. */
static wg_status check_gradient(study *s, double *worst) {
    double logs[UNKNOWN], f[2], g[2][UNKNOWN];
    take_logs(guess, UNKNOWN, logs);
    memset(s->observed, 0, sizeof s->observed);
    wg_status status = misfit(s, logs, &f[0], g[0]);
    wg_tape_usage loops = wg_tape_usage_of(s->tape);
    status = status == WG_OK ? misfit_on_tape(s, logs, &f[1], g[1]) : status;
    wg_tape_usage all = wg_tape_usage_of(s->tape);
    for (int i = 0; i < UNKNOWN && status == WG_OK; i++) {
        double error = fabs(g[0][i] - g[1][i]) / sqrt(dot(g[1], g[1]));
        *worst = error <= *worst ? *worst : isnan(error) ? HUGE_VAL : error;
    }
    printf("%d years of %d steps: %llu entries on the tape with loops, %llu without.\n"
           "The gradients differ by %.1e of their length.\n\n",
           YEARS, s->steps, (unsigned long long)(loops.arrays + loops.scalars),
           (unsigned long long)all.scalars, *worst);
    return status;
}

/* Observes a solution that is known, and finds its parameters. */
static wg_status find_known(study *s, double *worst) {
    static const double truth[UNKNOWN] = {0.55, 0.028, 0.84, 0.026, 34, 6};
    double x[UNKNOWN], logs[UNKNOWN], next[STATE], value;
    int steps = 0;
    s->sweeps = 0;
    for (int i = 0; i < UNKNOWN; i++) {
        x[(i + STATE) % UNKNOWN] = truth[i];
    }
    wg_status status = WG_OK;
    for (int year = 0; year <= YEARS && status == WG_OK; year++) {
        for (int step = 0; step < s->steps && year > 0 && status == WG_OK; step++) {
            status = wg_function_value(s->step, 1, x, next);
            memcpy(x, next, sizeof next);
        }
        take_logs(x, STATE, s->observed[year]);
    }
    take_logs(guess, UNKNOWN, logs);
    status = status == WG_OK ? minimise(s, logs, &value, &steps) : status;
    printf("A known solution, found in %d steps and %ld gradients:\n\n  ", steps, s->sweeps);
    for (int i = 0; i < UNKNOWN && status == WG_OK; i++) {
        double error = fabs(exp(logs[i]) / truth[i] - 1);
        *worst = error <= *worst ? *worst : isnan(error) ? HUGE_VAL : error;
        printf("  %s %.7g", names[i], exp(logs[i]));
    }
    printf("\n\nThe greatest relative error is %.1e\n\n", *worst);
    return status;
}

/* Curves and pelts. */
static wg_status draw(const study *s, const double *logs, const char *path) {
    static const char *const curves[STATE] = {"hares, fitted", "lynxes, fitted"};
    static const char *const marks[STATE] = {"hares, pelts sold", "lynxes, pelts sold"};
    wg_plot_options options = {
        .title = "Hares and lynxes", .x_label = "year", .y_label = "pelts, thousands"};
    double x[UNKNOWN], next[STATE];
    wg_plot *plot;
    wg_status status = wg_plot_new(options, &plot);
    for (int i = 0; i < UNKNOWN; i++) {
        x[(i + STATE) % UNKNOWN] = exp(logs[i]);
    }
    for (int step = 0; step <= YEARS * s->steps && status == WG_OK; step++) {
        for (int i = 0; i < STATE && status == WG_OK; i++) {
            status = wg_plot_point(plot, curves[i], 1900 + step * s->h, x[i]);
        }
        status = status == WG_OK ? wg_function_value(s->step, 1, x, next) : status;
        memcpy(x, next, sizeof next);
    }
    for (int k = 0; k <= YEARS * STATE + 1 && status == WG_OK; k++) { /* a cross, then a gap */
        const double t = 1900 + k / STATE, v = pelts[k / STATE][k % STATE];
        const double across[] = {t - 0.15, t + 0.15, NAN, t, t, NAN};
        const double up[] = {v, v, NAN, v - 1, v + 1, NAN};
        status = wg_plot_points(plot, marks[k % STATE], 6, across, up);
    }
    status = status == WG_OK ? wg_plot_write(plot, path) : status;
    wg_plot_free(plot);
    return status;
}

/* The pelts: *error is the root of the mean squared difference of logarithms. */
static wg_status fit_pelts(study *s, double *error) {
    double logs[UNKNOWN], value = NAN;
    int steps = 0;
    for (int year = 0; year <= YEARS; year++) {
        take_logs(pelts[year], STATE, s->observed[year]);
    }
    take_logs(guess, UNKNOWN, logs);
    wg_status status = minimise(s, logs, &value, &steps);
    *error = sqrt(2 * value / ((YEARS + 1) * STATE));
    printf("The pelts, fitted in %d steps with an error of %.3f in logarithms:\n ", steps, *error);
    for (int i = 0; i < UNKNOWN; i++) {
        printf("  %s %.4g", names[i], exp(logs[i]));
    }
    printf("\n\n");
    return status == WG_OK ? draw(s, logs, "ode-fit.svg") : status;
}

int main(int argc, char **argv) {
    const int steps = argc > 1 && strcmp(argv[1], "--short") == 0 ? 50 : 500;
    study s = {.tape = wg_tape_new(), .steps = steps, .h = 1.0 / steps};
    double gradient = 0, known = 0, pelt = HUGE_VAL;
    s.step =
        wg_function_record(runge_kutta, &s.h, STATE + RATES, STATE, NULL, wg_function_defaults());
    wg_status status = s.tape == NULL || s.step == NULL ? WG_ERROR_MEMORY : WG_OK;
    status = status == WG_OK ? check_gradient(&s, &gradient) : status;
    status = status == WG_OK ? find_known(&s, &known) : status;
    status = status == WG_OK ? fit_pelts(&s, &pelt) : status;
    bool held = status == WG_OK && gradient <= 1e-12 && known <= 1e-6 && pelt <= 0.22;
    if (status != WG_OK) {
        fprintf(stderr, "ode-fit: %s: %s\n", wg_status_text(status), wg_last_message());
    }
    printf("%s\n",
           held ? "Gradients agree to 1e-12, the known parameters are found to 1e-6, and the "
                  "pelts to 0.22.\nHares and lynxes are in ode-fit.svg"
                : "FAILED: some number is off.");
    wg_tape_free(s.tape); /* before the function that it points to */
    wg_function_free(s.step);
    return held ? 0 : 1;
}
