/* quantities.h: what can be asked of a function at a point, and the tape's answers: recorded anew
 * at each point and swept backwards, once for first derivatives and twice for second ones. */
#ifndef WG_TESTS_QUANTITIES_H
#define WG_TESTS_QUANTITIES_H

#include "function/function.h"
#include "random_program.h"

/* Per point: name, length in n inputs and m outputs, whether it is a value of the function. The
 * values beside derivatives come from their own programs. */
#define QUANTITIES(X)                                                                              \
    X(value, m, true)                                                                              \
    X(value_with_vjp, m, true)                                                                     \
    X(value_with_jvp, m, true)                                                                     \
    X(value_with_jacobian, m, true)                                                                \
    X(gradient, m == 1 ? n : 0, false)                                                             \
    X(vjp, n, false)                                                                               \
    X(jvp, m, false)                                                                               \
    X(jacobian, m *n, false)                                                                       \
    X(hessian, n *n, false)                                                                        \
    X(hvp, n, false)

typedef enum quantity {
#define QUANTITY(name, length, is_value) Q_##name,
    QUANTITIES(QUANTITY)
#undef QUANTITY
    QUANTITY_COUNT
} quantity;

extern const char *const quantity_names[QUANTITY_COUNT];
extern const bool quantity_is_value[QUANTITY_COUNT];
int quantity_length(quantity q, int n, int m);

/* All quantities of all points. */
typedef struct results {
    double *of[QUANTITY_COUNT];
} results;

/* A program, its recorded forms, and points with directions to try it at. */
typedef struct subject {
    const random_program *program;
    wg_function *strict, *relaxed;
    int points, n, m;
    double *x, *w, *v; /* [points, n], [points, m], [points, n]; representable in f32 */
} subject;

results results_new(const subject *s);
void results_free(results *r);
/* Fills them with what nothing computes, so that what a mode leaves out is seen. */
void results_spoil(const subject *s, results *r);

/* to[q] is where quantity q of point p stands in r. */
void results_at(const subject *s, const results *r, int p, double **to);

/* Fills in everything; perturbation and stream as in random_playing. */
void play_on_tape(const subject *s, double perturbation, uint64_t stream, results *r);

/* Σ aᵢ bᵢ, a zero of either absolute. */
double dot(const double *a, const double *b, int n);

#endif
