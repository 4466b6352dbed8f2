/* scalar.h: the nine functions as a table, and the contenders that differentiate them. */
#ifndef WG_BENCHMARKS_SCALAR_H
#define WG_BENCHMARKS_SCALAR_H

#include "../harness.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SPEELPENNING_INPUTS = 1000,
    ROSENBROCK_INPUTS = 100000,
    MLP_TERMS = 10000,
    LOGDET_SIZE = 64,
    ADVECTION_CELLS = 100,
    ADVECTION_STEPS = 2000,
    RK4_STEPS = 10000,
    BLACK_SCHOLES_OPTIONS = 10000
};
#define ADVECTION_COURANT 0.125
#define TOON_COURANT 1e-4
#define LORENZ_STEP 5e-4
#define VANDERPOL_STEP 1e-3
#define BLACK_SCHOLES_RATE 0.03
#define ONE_OVER_SQRT_2 0.70710678118654752440

/* name, inputs, operations of one evaluation, and what ANCHORS measured (see README.md): the plain
 * primal and Adept's gradient, in ms (their ratio is all that counts). */
#define SCALAR_FUNCTIONS(X)                                                                        \
    X(speelpenning, SPEELPENNING_INPUTS, SPEELPENNING_INPUTS - 1, .00123, .00849)                  \
    X(rosenbrock, ROSENBROCK_INPUTS, 8.0 * (ROSENBROCK_INPUTS - 1) - 1, .110, 3.47)                \
    X(mlp_sum, 3 * MLP_TERMS, 10.0 * MLP_TERMS - 1, .324, .618)                                    \
    X(logdet, LOGDET_SIZE *LOGDET_SIZE, 172831.0, .014, .895)                                      \
    X(lax_wendroff, ADVECTION_CELLS, 691.0 * ADVECTION_STEPS + 199, .080, 4.82)                    \
    X(toon, ADVECTION_CELLS, 1087.0 * ADVECTION_STEPS + 199, 2.74, 8.52)                           \
    X(lorenz, 6, 68.0 * RK4_STEPS + 2, .195, 2.63)                                                 \
    X(vanderpol, 3, 44.0 * RK4_STEPS + 1, .175, 1.62)                                              \
    X(black_scholes, 4 * BLACK_SCHOLES_OPTIONS, 27.0 * BLACK_SCHOLES_OPTIONS - 1, .359, 1.10)

enum {
#define SCALAR_INDEX(name, inputs, operations, primal, adept) SCALAR_##name,
    SCALAR_FUNCTIONS(SCALAR_INDEX)
#undef SCALAR_INDEX
    SCALAR_COUNT
};

typedef struct scalar_function {
    const char *name;
    int index; /* SCALAR_... */
    size_t inputs;
    double operations, anchor_primal, anchor_adept;
    const double *x;      /* the point */
    const double *second; /* another, at which the gradient by hand is a result too; NULL: none */
} scalar_function;

/* The nine, without their points. */
extern const scalar_function scalar_functions[SCALAR_COUNT];

extern double mlp_data[MLP_TERMS]; /* x of mlp_sum */

/* Fills the point of a function. */
void scalar_point(int index, double *x);
/* Fills points[1..count) with points near points[0], of `inputs` numbers each. */
void scalar_points_near(size_t inputs, long count, double *points);

/* by_hand.c */
double primal_of(int index, const double *x);
double gradient_by_hand(int index, const double *x, double *g);

/* Each contender: `argument` is a const scalar_function *; the result is the gradient and then the
 * value. */
extern const bench_contender scalar_primal, scalar_by_hand;
extern const bench_contender scalar_wengert[];
extern const int scalar_wengert_count;
#ifdef WG_BENCH_ADOLC
extern const bench_contender scalar_adolc[];
extern const int scalar_adolc_count;
const char *scalar_adolc_version(void);
#endif
#ifdef WG_BENCH_SACADO
extern const bench_contender scalar_sacado[];
extern const int scalar_sacado_count;
const char *scalar_sacado_version(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
