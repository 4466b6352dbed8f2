/* functions.h: the nine functions, written once. This text is included by C for plain doubles, by C
 * for Wengert, and by C++ for each rival; before it the includer says what a number is:
 *
 *   NUM                     the type of a number
 *   FN(name)                the name of a function in this instance
 *   ADD SUB MUL DIV NEG     arithmetic; operands are NUM or plain numbers
 *   MULADD(a, b, c)         a * b + c
 *   SQRT EXP LOG TANH ERF   functions
 *   INC(s, x) SCALE(s, x)   s += x, s *= x, in the way the library's users write it
 *   DEC(s, x)               s -= x
 *
 * There is no include guard on purpose: one file may make several instances. */

/* Speelpenning's product of all inputs. B. Speelpenning, Compiling fast partial derivatives (1980).
 */
static NUM FN(speelpenning)(const NUM *x) {
    NUM y = x[0];
    for (int i = 1; i < SPEELPENNING_INPUTS; i++)
        SCALE(y, x[i]);
    return y;
}

/* Chained Rosenbrock: sum of 100 (x[i+1] - x[i]²)² + (1 - x[i])². */
static NUM FN(rosenbrock_term)(const NUM *x) {
    NUM curve = SUB(x[1], MUL(x[0], x[0]));
    NUM slope = SUB(1.0, x[0]);
    return ADD(MUL(100.0, MUL(curve, curve)), MUL(slope, slope));
}

static NUM FN(rosenbrock)(const NUM *x) {
    NUM y = FN(rosenbrock_term)(x);
    for (int i = 1; i < ROSENBROCK_INPUTS - 1; i++)
        INC(y, FN(rosenbrock_term)(x + i));
    return y;
}

/* Sum of v tanh(w x + b) + log(1 + exp(-(w x + b))) over the terms; inputs w, b, v; x is data. */
static NUM FN(mlp_term)(const NUM *w, int k) {
    NUM z = MULADD(w[0], mlp_data[k], w[1]);
    return MULADD(w[2], TANH(z), LOG(ADD(1.0, EXP(NEG(z)))));
}

static NUM FN(mlp_sum)(const NUM *x) {
    NUM y = FN(mlp_term)(x, 0);
    for (int k = 1; k < MLP_TERMS; k++)
        INC(y, FN(mlp_term)(x + 3 * k, k));
    return y;
}

/* log |det A| by Gaussian elimination without pivoting; A is diagonally dominant, row by row. */
static NUM FN(logdet)(const NUM *x) {
    enum {
        N = LOGDET_SIZE
    };
    NUM a[N * N];
    for (int i = 0; i < N * N; i++)
        a[i] = x[i];
    for (int k = 0; k < N; k++)
        for (int i = k + 1; i < N; i++) {
            NUM m = DIV(a[i * N + k], a[k * N + k]);
            for (int j = k + 1; j < N; j++)
                DEC(a[i * N + j], MUL(m, a[k * N + j]));
        }
    NUM y = LOG(a[0]);
    for (int k = 1; k < N; k++)
        INC(y, LOG(a[k * N + k]));
    return y;
}

static NUM FN(sum_of_squares)(const NUM *q) {
    NUM y = MUL(q[0], q[0]);
    for (int i = 1; i < ADVECTION_CELLS; i++)
        INC(y, MUL(q[i], q[i]));
    return y;
}

/* The advection benchmarks of Adept (R. Hogan, ACM TOMS 40(4), 2014): periodic, one dimension. */
static NUM FN(lax_wendroff)(const NUM *x) {
    enum {
        N = ADVECTION_CELLS
    };
    const double c = ADVECTION_COURANT;
    NUM q[N], flux[N - 1];
    for (int i = 0; i < N; i++)
        q[i] = x[i];
    for (int step = 0; step < ADVECTION_STEPS; step++) {
        for (int i = 0; i < N - 1; i++)
            flux[i] = MUL(0.5 * c, ADD(ADD(q[i], q[i + 1]), MUL(c, SUB(q[i], q[i + 1]))));
        for (int i = 1; i < N - 1; i++)
            INC(q[i], SUB(flux[i - 1], flux[i]));
        q[0] = q[N - 2];
        q[N - 1] = q[1];
    }
    return FN(sum_of_squares)(q);
}

/* Toon's scheme divides by differences of neighbours. Where an extremum passes between two cells
 * they meet, and no arithmetic gives a derivative worth comparing; so the profile (scalar_point)
 * stays clear of that, and moves little. */
static NUM FN(toon)(const NUM *x) {
    enum {
        N = ADVECTION_CELLS
    };
    const double c = TOON_COURANT;
    NUM q[N], flux[N - 1];
    for (int i = 0; i < N; i++)
        q[i] = x[i];
    for (int step = 0; step < ADVECTION_STEPS; step++) {
        for (int i = 0; i < N - 1; i++)
            flux[i] = DIV(MUL(MUL(SUB(EXP(MUL(c, LOG(DIV(q[i], q[i + 1])))), 1.0), q[i]), q[i + 1]),
                          SUB(q[i], q[i + 1]));
        for (int i = 1; i < N - 1; i++)
            INC(q[i], SUB(flux[i - 1], flux[i]));
        q[0] = q[N - 2];
        q[N - 1] = q[1];
    }
    return FN(sum_of_squares)(q);
}

/* Lorenz's system of 1963 by the classical Runge-Kutta method; inputs x, y, z, sigma, rho, beta. */
static void FN(lorenz_rate)(const NUM *p, const NUM *s, NUM *rate) {
    rate[0] = MUL(p[0], SUB(s[1], s[0]));
    rate[1] = SUB(MUL(s[0], SUB(p[1], s[2])), s[1]);
    rate[2] = SUB(MUL(s[0], s[1]), MUL(p[2], s[2]));
}

static NUM FN(lorenz)(const NUM *x) {
    const double h = LORENZ_STEP;
    const NUM *p = x + 3;
    NUM s[3], t[3], k1[3], k2[3], k3[3], k4[3];
    for (int i = 0; i < 3; i++)
        s[i] = x[i];
    for (int step = 0; step < RK4_STEPS; step++) {
        FN(lorenz_rate)(p, s, k1);
        for (int i = 0; i < 3; i++)
            t[i] = MULADD(0.5 * h, k1[i], s[i]);
        FN(lorenz_rate)(p, t, k2);
        for (int i = 0; i < 3; i++)
            t[i] = MULADD(0.5 * h, k2[i], s[i]);
        FN(lorenz_rate)(p, t, k3);
        for (int i = 0; i < 3; i++)
            t[i] = MULADD(h, k3[i], s[i]);
        FN(lorenz_rate)(p, t, k4);
        for (int i = 0; i < 3; i++)
            INC(s[i], MUL(h / 6, ADD(ADD(k1[i], MUL(2.0, ADD(k2[i], k3[i]))), k4[i])));
    }
    return ADD(ADD(s[0], s[1]), s[2]);
}

/* Van der Pol's oscillator by the classical Runge-Kutta method; inputs x, y, mu. */
static void FN(vanderpol_rate)(const NUM *mu, const NUM *s, NUM *rate) {
    rate[0] = s[1];
    rate[1] = SUB(MUL(MUL(mu[0], SUB(1.0, MUL(s[0], s[0]))), s[1]), s[0]);
}

static NUM FN(vanderpol)(const NUM *x) {
    const double h = VANDERPOL_STEP;
    NUM s[2], t[2], k1[2], k2[2], k3[2], k4[2];
    for (int i = 0; i < 2; i++)
        s[i] = x[i];
    for (int step = 0; step < RK4_STEPS; step++) {
        FN(vanderpol_rate)(x + 2, s, k1);
        for (int i = 0; i < 2; i++)
            t[i] = MULADD(0.5 * h, k1[i], s[i]);
        FN(vanderpol_rate)(x + 2, t, k2);
        for (int i = 0; i < 2; i++)
            t[i] = MULADD(0.5 * h, k2[i], s[i]);
        FN(vanderpol_rate)(x + 2, t, k3);
        for (int i = 0; i < 2; i++)
            t[i] = MULADD(h, k3[i], s[i]);
        FN(vanderpol_rate)(x + 2, t, k4);
        for (int i = 0; i < 2; i++)
            INC(s[i], MUL(h / 6, ADD(ADD(k1[i], MUL(2.0, ADD(k2[i], k3[i]))), k4[i])));
    }
    return ADD(s[0], s[1]);
}

/* European calls by Black and Scholes; inputs of an option: spot, strike, time, volatility. */
static NUM FN(normal)(NUM d) {
    return MUL(0.5, ADD(1.0, ERF(MUL(ONE_OVER_SQRT_2, d))));
}

static NUM FN(call)(const NUM *o) {
    NUM deviation = MUL(o[3], SQRT(o[2]));
    NUM drift = MUL(ADD(BLACK_SCHOLES_RATE, MUL(0.5, MUL(o[3], o[3]))), o[2]);
    NUM d1 = DIV(ADD(LOG(DIV(o[0], o[1])), drift), deviation);
    NUM d2 = SUB(d1, deviation);
    NUM present = MUL(o[1], EXP(NEG(MUL(BLACK_SCHOLES_RATE, o[2]))));
    return SUB(MUL(o[0], FN(normal)(d1)), MUL(present, FN(normal)(d2)));
}

static NUM FN(black_scholes)(const NUM *x) {
    NUM y = FN(call)(x);
    for (int i = 1; i < BLACK_SCHOLES_OPTIONS; i++)
        INC(y, FN(call)(x + 4 * i));
    return y;
}
