/* greeks: the sensitivities of option prices, for many options or many paths in one call.
 *
 * First the formula of Black, Scholes and Merton for 100,000 calls (10,000 with --short): one call
 * of wg_function_gradient gives all prices with all first-order Greeks, one of wg_function_hessian
 * all of second order. Closed forms check them.
 *
 * Then a call that is lost where the price falls to a barrier, by Monte Carlo. One path is
 * recorded, with its normal numbers as inputs, and run over all paths. Its derivative in the
 * parameters is the pathwise one (Broadie and Glasserman 1996). It exists because the barrier is
 * smooth: a path that is above it on all dates has still crossed between them with the probability
 * of a Brownian bridge, so that a price counts by its chance of survival, which goes to zero at the
 * barrier, instead of being there or not. The mean is then that of a barrier watched at all times
 * (Andersen and Brotherton- Ratcliffe 1996), which has a closed form (Merton 1973), and that,
 * recorded, has a gradient too.
 *
 *     greeks [--short] */
#include <wengert.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(void) {
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

enum {
    SPOT,
    STRIKE,
    RATE,
    DIVIDEND,
    VOLATILITY,
    EXPIRY,
    CALL_INPUTS,
    BARRIER = DIVIDEND /* barrier options: no dividend, and a barrier in its place */
};

/* The normal distribution, exact in its lower tail. */
static wg_var normal(wg_var x) {
    return wg_mul(0.5, wg_erfc(wg_mul(x, -sqrt(0.5))));
}

static wg_var call_price(wg_var spot, wg_var strike, wg_var rate, wg_var dividend,
                         wg_var volatility, wg_var expiry) {
    wg_var spread = wg_mul(volatility, wg_sqrt(expiry));
    wg_var drift = wg_mul(wg_sub(rate, dividend), expiry);
    wg_var d1 =
        wg_add(wg_div(wg_add(wg_log(wg_div(spot, strike)), drift), spread), wg_mul(0.5, spread));
    wg_var now = wg_mul(spot, wg_exp(wg_neg(wg_mul(dividend, expiry))));
    wg_var pay = wg_mul(strike, wg_exp(wg_neg(wg_mul(rate, expiry))));
    return wg_sub(wg_mul(now, normal(d1)), wg_mul(pay, normal(wg_sub(d1, spread))));
}

static void call_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = call_price(x[SPOT], x[STRIKE], x[RATE], x[DIVIDEND], x[VOLATILITY], x[EXPIRY]);
}

/* What is compared with closed forms. */
enum {
    PRICE,
    DELTA,
    DUAL_DELTA,
    RHO,
    PSI,
    VEGA,
    THETA,
    GAMMA,
    VANNA,
    VOLGA,
    GREEKS
};
static const char *const greek_names[GREEKS] = {"price",        "delta", "strike delta", "rho",
                                                "dividend rho", "vega",  "theta",        "gamma",
                                                "vanna",        "volga"};

/* The closed forms, from any textbook (Hull; Haug 2007). */
static void closed_forms(const double *x, double *out) {
    const double S = x[SPOT], K = x[STRIKE], r = x[RATE], q = x[DIVIDEND], v = x[VOLATILITY],
                 T = x[EXPIRY], root = sqrt(T);
    const double d1 = (log(S / K) + (r - q) * T) / (v * root) + 0.5 * v * root, d2 = d1 - v * root;
    const double N1 = 0.5 * erfc(-d1 * sqrt(0.5)), N2 = 0.5 * erfc(-d2 * sqrt(0.5));
    const double density = exp(-0.5 * d1 * d1) / sqrt(2 * acos(-1));
    const double now = S * exp(-q * T), pay = K * exp(-r * T), vega = now * density * root;
    out[PRICE] = now * N1 - pay * N2;
    out[DELTA] = exp(-q * T) * N1;
    out[DUAL_DELTA] = -exp(-r * T) * N2;
    out[RHO] = T * pay * N2;
    out[PSI] = -T * now * N1;
    out[VEGA] = vega;
    out[THETA] = -now * density * v / (2 * root) + q * now * N1 - r * pay * N2;
    out[GAMMA] = exp(-q * T) * density / (S * v * root);
    out[VANNA] = -exp(-q * T) * density * d2 / v;
    out[VOLGA] = vega * d1 * d2 / v;
}

/* Calls that a desk would quote: within two and a half standard deviations of the money. */
static void draw_calls(int64_t count, double *x) {
    static const double low[] = {80, -2.5, 0, 0, 0.1, 0.1}, high[] = {120, 2.5, 0.06, 0.04, 0.6, 3};
    for (int64_t i = 0; i < count; i++) {
        double *option = x + i * CALL_INPUTS;
        for (int j = 0; j < CALL_INPUTS; j++) {
            wg_random_uniform(wg_key_fold(wg_key_new(1), (uint64_t)j), (uint64_t)i, 1, low[j],
                              high[j], &option[j]);
        }
        option[STRIKE] =
            option[SPOT] * exp(option[STRIKE] * option[VOLATILITY] * sqrt(option[EXPIRY]));
    }
}

/* All Greeks of all calls; *worst is the greatest relative error. */
static wg_status price_calls(int64_t count, double *worst) {
    const size_t n = (size_t)count, inputs = CALL_INPUTS;
    double *x = malloc(n * inputs * sizeof *x), *y = malloc(n * sizeof *y);
    double *gradient = malloc(n * inputs * sizeof *y);
    double *hessian = malloc(n * inputs * inputs * sizeof *y), errors[GREEKS] = {0};
    wg_function *fn =
        wg_function_record(call_body, NULL, CALL_INPUTS, 1, NULL, wg_function_defaults());
    wg_status status = WG_ERROR_MEMORY;
    double start = 0, middle = 0, end = 0;
    if (x != NULL && y != NULL && gradient != NULL && hessian != NULL && fn != NULL) {
        draw_calls(count, x);
        start = seconds();
        status = wg_function_gradient(fn, count, x, y, gradient);
        middle = seconds();
        status = status == WG_OK ? wg_function_hessian(fn, count, x, NULL, hessian) : status;
        end = seconds();
    }
    for (int64_t i = 0; i < count && status == WG_OK; i++) {
        const double *g = gradient + i * CALL_INPUTS, *h = hessian + i * CALL_INPUTS * CALL_INPUTS;
        const double got[GREEKS] = {y[i],
                                    g[SPOT],
                                    g[STRIKE],
                                    g[RATE],
                                    g[DIVIDEND],
                                    g[VOLATILITY],
                                    -g[EXPIRY],
                                    h[SPOT * CALL_INPUTS + SPOT],
                                    h[SPOT * CALL_INPUTS + VOLATILITY],
                                    h[VOLATILITY * CALL_INPUTS + VOLATILITY]};
        double expected[GREEKS];
        closed_forms(x + i * CALL_INPUTS, expected);
        for (int k = 0; k < GREEKS; k++) {
            double error = fabs(got[k] - expected[k]) / fabs(expected[k]);
            errors[k] = error <= errors[k] ? errors[k] : isnan(error) ? HUGE_VAL : error;
        }
    }
    printf("Black, Scholes and Merton: %lld calls. Greatest relative errors:\n", (long long)count);
    for (int k = 0; k < GREEKS; k++) {
        printf("  %-13s%.1e%s", greek_names[k], errors[k], k % 5 == 4 ? "\n" : "");
        *worst = fmax(*worst, errors[k]);
    }
    printf("  %.2f million options a second with 6 first derivatives, %.2f with 21 second ones\n\n",
           1e-6 * (double)count / (middle - start), 1e-6 * (double)count / (end - middle));
    wg_function_free(fn);
    free(hessian);
    free(gradient);
    free(y);
    free(x);
    return status;
}

/* ---- A call that a barrier knocks out -------------------------------------------------------- */

enum {
    DATES = 12,
    PATH_INPUTS = CALL_INPUTS + DATES,
    BATCH = 10000,          /* paths in one call */
    FOUND = 1 + CALL_INPUTS /* the price and its derivatives */
};

/* What one path pays today, counted by its chance of survival. */
static void path_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var step = wg_div(x[EXPIRY], DATES), variance = wg_mul(wg_square(x[VOLATILITY]), step);
    wg_var drift = wg_sub(wg_mul(x[RATE], step), wg_mul(0.5, variance)), spread = wg_sqrt(variance);
    wg_var height = wg_log(wg_div(x[SPOT], x[BARRIER])), survival = wg_number(1);
    for (int i = 0; i < DATES; i++) {
        wg_var next = wg_add(wg_add(height, drift), wg_mul(spread, x[CALL_INPUTS + i]));
        wg_var product = wg_mul(wg_max(height, 0), wg_max(next, 0)); /* 0: it has crossed */
        survival = wg_mul(survival, wg_neg(wg_expm1(wg_div(wg_mul(-2, product), variance))));
        height = next;
    }
    wg_var gain = wg_max(wg_sub(wg_mul(x[BARRIER], wg_exp(height)), x[STRIKE]), 0);
    y[0] = wg_mul(wg_mul(wg_exp(wg_neg(wg_mul(x[RATE], x[EXPIRY]))), gain), survival);
}

/* The closed form where the barrier is below the strike: what a mirrored call costs is taken off.
 */
static void barrier_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var r = x[RATE], v = x[VOLATILITY], mirrored = wg_div(wg_square(x[BARRIER]), x[SPOT]);
    wg_var power = wg_sub(wg_div(wg_mul(2, r), wg_square(v)), 1), zero = wg_number(0);
    wg_var weight = wg_pow(wg_div(x[BARRIER], x[SPOT]), power);
    y[0] = wg_sub(call_price(x[SPOT], x[STRIKE], r, zero, v, x[EXPIRY]),
                  wg_mul(weight, call_price(mirrored, x[STRIKE], r, zero, v, x[EXPIRY])));
}

/* Sums over paths: of the price and its derivatives, their squares, finite differences. */
typedef struct sums {
    double value[FOUND], square[FOUND], difference[FOUND];
    double seconds; /* of the gradients alone */
} sums;

static void set_parameter(double *x, int j, double value) {
    for (int i = 0; i < BATCH; i++) {
        x[i * PATH_INPUTS + j] = value;
    }
}

/* The central difference over the same paths: only the parameter moves, not the luck. */
static wg_status difference(const wg_function *fn, double *x, double *y, int j, double at,
                            double *sum) {
    const double h = 1e-6 * at;
    wg_status status = WG_OK;
    for (int side = -1; side <= 1 && status == WG_OK; side += 2) {
        set_parameter(x, j, at + side * h);
        status = wg_function_value(fn, BATCH, x, y);
        for (int i = 0; i < BATCH && status == WG_OK; i++) {
            *sum += side * y[i] / (2 * h);
        }
    }
    set_parameter(x, j, at);
    return status;
}

/* Runs the paths `first` and following, as many as a batch has. A path's numbers depend on its own
 * number alone. */
static wg_status run_batch(const wg_function *fn, const double *at, int64_t first, double *work,
                           sums *s) {
    double *x = work, *gradient = x + BATCH * PATH_INPUTS, *y = gradient + BATCH * PATH_INPUTS;
    for (int i = 0; i < BATCH; i++) {
        memcpy(x + i * PATH_INPUTS, at, CALL_INPUTS * sizeof *at);
        wg_random_normal(wg_key_new(2), (uint64_t)(first + i) * DATES, DATES, 0, 1,
                         x + i * PATH_INPUTS + CALL_INPUTS);
    }
    s->seconds -= seconds();
    wg_status status = wg_function_gradient(fn, BATCH, x, y, gradient);
    s->seconds += seconds();
    for (int i = 0; i < BATCH && status == WG_OK; i++) {
        for (int k = 0; k < FOUND; k++) {
            double value = k == 0 ? y[i] : gradient[i * PATH_INPUTS + k - 1];
            s->value[k] += value;
            s->square[k] += value * value;
        }
    }
    for (int j = 0; j < CALL_INPUTS && status == WG_OK; j++) {
        status = difference(fn, x, y, j, at[j], &s->difference[1 + j]);
    }
    return status;
}

/* True where all agree. */
static bool compare(const sums *s, double paths, const double *exact) {
    static const char *const names[] = {"price",      "by spot",       "by strike", "by rate",
                                        "by barrier", "by volatility", "by expiry"};
    bool held = true;
    printf("A call of 100 at 100, lost at 90, over %.0f paths of %d dates:\n\n"
           "                 pathwise  standard error  finite difference  closed form  off by\n",
           paths, DATES);
    for (int k = 0; k < FOUND; k++) {
        double mean = s->value[k] / paths, variance = s->square[k] / paths - mean * mean;
        double error = sqrt(variance / paths), off = (mean - exact[k]) / error;
        double moved = k == 0 ? mean : s->difference[k] / paths;
        printf("  %-13s %10.5f  %14.5f  %17.5f  %11.5f  %+5.1f errors\n", names[k], mean, error,
               moved, exact[k], off);
        held = held && fabs(off) <= 4 && fabs(mean - moved) <= 1e-4 * fabs(mean);
    }
    printf("\n  %.2f million paths a second with %d derivatives\n", 1e-6 * paths / s->seconds,
           PATH_INPUTS);
    return held;
}

static wg_status price_barrier(int64_t paths, bool *held) {
    const double at[CALL_INPUTS] = {[SPOT] = 100,   [STRIKE] = 100,      [RATE] = 0.05,
                                    [BARRIER] = 90, [VOLATILITY] = 0.25, [EXPIRY] = 1};
    double exact[FOUND], *work = malloc(BATCH * (2 * PATH_INPUTS + 1) * sizeof *work);
    wg_function_options options = wg_function_defaults();
    wg_function *path = wg_function_record(path_body, NULL, PATH_INPUTS, 1, NULL, options);
    wg_function *formula = wg_function_record(barrier_body, NULL, CALL_INPUTS, 1, at, options);
    sums s = {.seconds = 0};
    wg_status status = WG_ERROR_MEMORY;
    if (work != NULL && path != NULL && formula != NULL) {
        status = wg_function_gradient(formula, 1, at, exact, exact + 1);
    }
    for (int64_t i = 0; i < paths && status == WG_OK; i += BATCH) {
        status = run_batch(path, at, i, work, &s);
    }
    *held = status == WG_OK && compare(&s, (double)paths, exact);
    wg_function_free(formula);
    wg_function_free(path);
    free(work);
    return status;
}

int main(int argc, char **argv) {
    const bool brief = argc > 1 && strcmp(argv[1], "--short") == 0;
    double worst = 0;
    bool held = false;
    wg_status status = price_calls(brief ? 10000 : 100000, &worst);
    status = status == WG_OK ? price_barrier(brief ? 100000 : 1000000, &held) : status;
    if (status != WG_OK) {
        fprintf(stderr, "greeks: %s: %s\n", wg_status_text(status), wg_last_message());
    }
    held = held && worst <= 1e-10;
    printf("%s\n", held ? "All Greeks are right." : "FAILED: some Greek is off.");
    return held ? 0 : 1;
}
