/* by_hand.c: the plain primals, and gradients as one writes them by hand: plain scalar C, no
 * library. They are the reference that every other gradient is compared with. */
#include "scalar.h"

#include <math.h>
#include <string.h>

#define NUM double
#define FN(name) plain_##name
#include "plain.h"

#include "functions.h"

double mlp_data[MLP_TERMS];

static double speelpenning_gradient(const double *x, double *g) {
    double before = 1;
    for (int i = 0; i < SPEELPENNING_INPUTS; i++) {
        g[i] = before;
        before *= x[i];
    }
    double after = 1;
    for (int i = SPEELPENNING_INPUTS - 1; i >= 0; i--) {
        g[i] *= after;
        after *= x[i];
    }
    return before;
}

static double rosenbrock_gradient(const double *x, double *g) {
    double y = 0, carried = 0;
    for (int i = 0; i < ROSENBROCK_INPUTS - 1; i++) {
        const double curve = x[i + 1] - x[i] * x[i], slope = 1 - x[i];
        y += 100 * curve * curve + slope * slope;
        g[i] = carried - 400 * curve * x[i] - 2 * slope;
        carried = 200 * curve;
    }
    g[ROSENBROCK_INPUTS - 1] = carried;
    return y;
}

static double mlp_sum_gradient(const double *x, double *g) {
    double y = 0;
    for (int k = 0; k < MLP_TERMS; k++) {
        const double v = x[3 * k + 2], z = x[3 * k] * mlp_data[k] + x[3 * k + 1];
        const double t = tanh(z), e = exp(-z);
        y += v * t + log(1 + e);
        const double dz = v * (1 - t * t) - e / (1 + e);
        g[3 * k] = dz * mlp_data[k];
        g[3 * k + 1] = dz;
        g[3 * k + 2] = t;
    }
    return y;
}

static double logdet_gradient(const double *x, double *g) {
    enum {
        N = LOGDET_SIZE
    };
    double a[N * N], y = 0;
    memcpy(a, x, sizeof a);
    for (int k = 0; k < N; k++) {
        y += log(a[k * N + k]);
        for (int i = k + 1; i < N; i++) {
            const double m = a[i * N + k] /= a[k * N + k];
            for (int j = k + 1; j < N; j++)
                a[i * N + j] -= m * a[k * N + j];
        }
    }
    memset(g, 0, N * N * sizeof *g);
    for (int k = N - 1; k >= 0; k--) {
        const double pivot = a[k * N + k];
        g[k * N + k] += 1 / pivot;
        for (int i = k + 1; i < N; i++) {
            const double m = a[i * N + k];
            double dm = 0;
            for (int j = k + 1; j < N; j++) {
                dm -= g[i * N + j] * a[k * N + j];
                g[k * N + j] -= g[i * N + j] * m;
            }
            g[i * N + k] = dm / pivot;
            g[k * N + k] -= dm * m / pivot;
        }
    }
    return y;
}

static double lax_wendroff_gradient(const double *x, double *g) {
    enum {
        N = ADVECTION_CELLS
    };
    const double c = ADVECTION_COURANT, left = 0.5 * c * (1 + c), right = 0.5 * c * (1 - c);
    double q[N], flux[N - 1], y = 0;
    memcpy(q, x, sizeof q);
    for (int step = 0; step < ADVECTION_STEPS; step++) {
        for (int i = 0; i < N - 1; i++)
            flux[i] = 0.5 * c * (q[i] + q[i + 1] + c * (q[i] - q[i + 1]));
        for (int i = 1; i < N - 1; i++)
            q[i] += flux[i - 1] - flux[i];
        q[0] = q[N - 2];
        q[N - 1] = q[1];
    }
    for (int i = 0; i < N; i++) {
        y += q[i] * q[i];
        g[i] = 2 * q[i];
    }
    for (int step = 0; step < ADVECTION_STEPS; step++) {
        g[1] += g[N - 1];
        g[N - 2] += g[0];
        g[0] = g[N - 1] = 0;
        for (int i = 0; i < N - 1; i++)
            flux[i] = g[i + 1] - g[i];
        g[0] += left * flux[0];
        for (int i = 1; i < N - 1; i++)
            g[i] += left * flux[i] + right * flux[i - 1];
        g[N - 1] += right * flux[N - 2];
    }
    return y;
}

static double toon_gradient(const double *x, double *g) {
    enum {
        N = ADVECTION_CELLS
    };
    static double by_left[ADVECTION_STEPS][N - 1], by_right[ADVECTION_STEPS][N - 1];
    const double c = TOON_COURANT;
    double q[N], flux[N - 1], y = 0;
    memcpy(q, x, sizeof q);
    for (int step = 0; step < ADVECTION_STEPS; step++) {
        for (int i = 0; i < N - 1; i++) {
            const double a = q[i], b = q[i + 1], e = exp(c * log(a / b)), over = 1 / (a - b);
            const double f = (e - 1) * a * b * over;
            flux[i] = f;
            by_left[step][i] = (c * e * b + (e - 1) * b - f) * over;
            by_right[step][i] = ((e - 1) * a - c * e * a + f) * over;
        }
        for (int i = 1; i < N - 1; i++)
            q[i] += flux[i - 1] - flux[i];
        q[0] = q[N - 2];
        q[N - 1] = q[1];
    }
    for (int i = 0; i < N; i++) {
        y += q[i] * q[i];
        g[i] = 2 * q[i];
    }
    for (int step = ADVECTION_STEPS - 1; step >= 0; step--) {
        g[1] += g[N - 1];
        g[N - 2] += g[0];
        g[0] = g[N - 1] = 0;
        for (int i = 0; i < N - 1; i++)
            flux[i] = g[i + 1] - g[i];
        g[0] += by_left[step][0] * flux[0];
        for (int i = 1; i < N - 1; i++)
            g[i] += by_left[step][i] * flux[i] + by_right[step][i - 1] * flux[i - 1];
        g[N - 1] += by_right[step][N - 2] * flux[N - 2];
    }
    return y;
}

/* Adds the transposed rate's product with k to the adjoints of state and parameters. */
static inline void lorenz_reverse(const double *p, const double *s, const double *k, double *gs,
                                  double *gp) {
    gs[0] += k[1] * (p[1] - s[2]) - k[0] * p[0] + k[2] * s[1];
    gs[1] += k[0] * p[0] - k[1] + k[2] * s[0];
    gs[2] -= k[1] * s[0] + k[2] * p[2];
    gp[0] += k[0] * (s[1] - s[0]);
    gp[1] += k[1] * s[0];
    gp[2] -= k[2] * s[2];
}

static double lorenz_gradient(const double *x, double *g) {
    static double kept[RK4_STEPS][4][3]; /* the states at which the rate is taken */
    static const double weight[4] = {LORENZ_STEP / 6, LORENZ_STEP / 3, LORENZ_STEP / 3,
                                     LORENZ_STEP / 6};
    static const double reach[4] = {0, LORENZ_STEP / 2, LORENZ_STEP / 2, LORENZ_STEP};
    const double *p = x + 3;
    double s[3] = {x[0], x[1], x[2]};
    for (int step = 0; step < RK4_STEPS; step++) {
        double sum[3] = {s[0], s[1], s[2]}, k[3];
        memcpy(kept[step][0], s, sizeof s);
        for (int stage = 0; stage < 4; stage++) {
            plain_lorenz_rate(p, kept[step][stage], k);
            for (int i = 0; i < 3; i++) {
                sum[i] += weight[stage] * k[i];
                if (stage < 3)
                    kept[step][stage + 1][i] = s[i] + reach[stage + 1] * k[i];
            }
        }
        memcpy(s, sum, sizeof s);
    }
    double gs[3] = {1, 1, 1}, gp[3] = {0, 0, 0};
    for (int step = RK4_STEPS - 1; step >= 0; step--) {
        double next[3] = {gs[0], gs[1], gs[2]}, k[3];
        for (int i = 0; i < 3; i++)
            k[i] = weight[3] * gs[i];
        for (int stage = 3; stage >= 0; stage--) {
            double gt[3] = {0, 0, 0};
            lorenz_reverse(p, kept[step][stage], k, gt, gp);
            for (int i = 0; i < 3; i++) {
                next[i] += gt[i];
                if (stage > 0)
                    k[i] = weight[stage - 1] * gs[i] + reach[stage] * gt[i];
            }
        }
        memcpy(gs, next, sizeof gs);
    }
    memcpy(g, gs, sizeof gs);
    memcpy(g + 3, gp, sizeof gp);
    return s[0] + s[1] + s[2];
}

static double vanderpol_gradient(const double *x, double *g) {
    static double kept[RK4_STEPS][4][2];
    static const double weight[4] = {VANDERPOL_STEP / 6, VANDERPOL_STEP / 3, VANDERPOL_STEP / 3,
                                     VANDERPOL_STEP / 6};
    static const double reach[4] = {0, VANDERPOL_STEP / 2, VANDERPOL_STEP / 2, VANDERPOL_STEP};
    const double mu = x[2];
    double s[2] = {x[0], x[1]};
    for (int step = 0; step < RK4_STEPS; step++) {
        double sum[2] = {s[0], s[1]}, k[2];
        memcpy(kept[step][0], s, sizeof s);
        for (int stage = 0; stage < 4; stage++) {
            plain_vanderpol_rate(&mu, kept[step][stage], k);
            for (int i = 0; i < 2; i++) {
                sum[i] += weight[stage] * k[i];
                if (stage < 3)
                    kept[step][stage + 1][i] = s[i] + reach[stage + 1] * k[i];
            }
        }
        memcpy(s, sum, sizeof s);
    }
    double gs[2] = {1, 1}, gmu = 0;
    for (int step = RK4_STEPS - 1; step >= 0; step--) {
        double next[2] = {gs[0], gs[1]}, k[2] = {weight[3] * gs[0], weight[3] * gs[1]};
        for (int stage = 3; stage >= 0; stage--) {
            const double a = kept[step][stage][0], b = kept[step][stage][1];
            const double gt[2] = {-k[1] * (1 + 2 * mu * a * b), k[0] + k[1] * mu * (1 - a * a)};
            gmu += k[1] * (1 - a * a) * b;
            for (int i = 0; i < 2; i++) {
                next[i] += gt[i];
                if (stage > 0)
                    k[i] = weight[stage - 1] * gs[i] + reach[stage] * gt[i];
            }
        }
        memcpy(gs, next, sizeof gs);
    }
    g[0] = gs[0];
    g[1] = gs[1];
    g[2] = gmu;
    return s[0] + s[1];
}

static double black_scholes_gradient(const double *x, double *g) {
    double y = 0;
    for (int i = 0; i < BLACK_SCHOLES_OPTIONS; i++) {
        const double *o = x + 4 * i, root = sqrt(o[2]), deviation = o[3] * root;
        const double d1 =
            (log(o[0] / o[1]) + (BLACK_SCHOLES_RATE + 0.5 * o[3] * o[3]) * o[2]) / deviation;
        const double n1 = plain_normal(d1), n2 = plain_normal(d1 - deviation);
        const double discount = exp(-BLACK_SCHOLES_RATE * o[2]);
        const double vega = o[0] * 0.39894228040143267794 * exp(-0.5 * d1 * d1) * root;
        y += o[0] * n1 - o[1] * discount * n2;
        g[4 * i] = n1;
        g[4 * i + 1] = -discount * n2;
        g[4 * i + 2] = 0.5 * vega * o[3] / o[2] + BLACK_SCHOLES_RATE * o[1] * discount * n2;
        g[4 * i + 3] = vega;
    }
    return y;
}

double primal_of(int index, const double *x) {
    switch (index) {
#define PRIMAL(name, inputs, operations, primal, adept)                                            \
    case SCALAR_##name:                                                                            \
        return plain_##name(x);
        SCALAR_FUNCTIONS(PRIMAL)
    default:
        return NAN;
    }
}

double gradient_by_hand(int index, const double *x, double *g) {
    switch (index) {
#define GRADIENT(name, inputs, operations, primal, adept)                                          \
    case SCALAR_##name:                                                                            \
        return name##_gradient(x, g);
        SCALAR_FUNCTIONS(GRADIENT)
    default:
        return NAN;
    }
}

void scalar_point(int index, double *x) {
    unsigned long long seed = 20240601;
    switch (index) {
    case SCALAR_speelpenning:
        for (int i = 0; i < SPEELPENNING_INPUTS; i++)
            x[i] = 1 + 0.5 * (bench_random(&seed) - 0.5);
        break;
    case SCALAR_rosenbrock:
        for (int i = 0; i < ROSENBROCK_INPUTS; i++)
            x[i] = 2.4 * (bench_random(&seed) - 0.5);
        break;
    case SCALAR_mlp_sum:
        for (int i = 0; i < 3 * MLP_TERMS; i++)
            x[i] = 2 * bench_random(&seed) - 1;
        for (int k = 0; k < MLP_TERMS; k++)
            mlp_data[k] = 4 * bench_random(&seed) - 2;
        break;
    case SCALAR_logdet:
        for (int i = 0; i < LOGDET_SIZE * LOGDET_SIZE; i++)
            x[i] = bench_random(&seed) - 0.5 + (i % (LOGDET_SIZE + 1) == 0 ? LOGDET_SIZE : 0);
        break;
    case SCALAR_lax_wendroff:
        for (int i = 0; i < ADVECTION_CELLS; i++)
            x[i] = 0.5 + 0.5 * sin(i * 2 * 3.14159265358979323846 / (ADVECTION_CELLS - 1.5)) + 1e-4;
        break;
    case SCALAR_toon: /* seven waves, an extremum on a cell */
        for (int i = 0; i < ADVECTION_CELLS; i++)
            x[i] = 1 + 0.5 * sin((i + 0.5) * 2 * 3.14159265358979323846 / 14);
        break;
    case SCALAR_lorenz: {
        const double start[6] = {1.2, 1.3, 1.6, 10, 28, 8.0 / 3};
        memcpy(x, start, sizeof start);
        break;
    }
    case SCALAR_vanderpol: {
        const double start[3] = {2, 0.1, 1.5};
        memcpy(x, start, sizeof start);
        break;
    }
    default:
        for (int i = 0; i < BLACK_SCHOLES_OPTIONS; i++) {
            x[4 * i] = 80 + 40 * bench_random(&seed);
            x[4 * i + 1] = 80 + 40 * bench_random(&seed);
            x[4 * i + 2] = 0.2 + 1.8 * bench_random(&seed);
            x[4 * i + 3] = 0.1 + 0.4 * bench_random(&seed);
        }
    }
}

void scalar_points_near(size_t inputs, long count, double *points) {
    unsigned long long seed = 20240602;
    for (size_t i = inputs; i < inputs * (size_t)count; i++)
        points[i] = points[i % inputs] * (1 + 1e-3 * (bench_random(&seed) - 0.5));
}
