/* random_program.h: random expression graphs over all rules of kernel/rules.h, as data that can be
 * played in several ways: verbs on a tape, long double with one tangent, or as text.
 *
 * A program depends on its seed and kind alone, so that the seed a failing test prints brings it
 * back. */
#ifndef WG_TESTS_RANDOM_PROGRAM_H
#define WG_TESTS_RANDOM_PROGRAM_H

#include "op/rules.h"
#include "wengert/elementwise.h"

typedef enum random_kind {
    RANDOM_SMOOTH, /* operands stay where values and derivatives are smooth, finite and moderate */
    RANDOM_WILD    /* any operand: kinks, zeros of both signs, infinities, NaN, denormals */
} random_kind;

typedef enum random_source {
    RANDOM_NODE,  /* input or operation `at` */
    RANDOM_PLAIN, /* a plain number */
    RANDOM_FROZEN /* a number put on the tape, which no input goes into */
} random_source;

typedef struct random_operand {
    random_source from;
    int at;        /* nodes: the inputs, then the operations */
    double number; /* representable in f32 where the program is smooth */
} random_operand;

typedef struct random_operation {
    int rule;
    random_operand in[3];
} random_operation;

typedef struct random_program {
    uint64_t seed;
    random_kind kind;
    int inputs, outputs, operations;
    random_operation *operation;
    random_operand *output;
} random_program;

/* At least one and about `most` operations. `same`: no rule whose value in batches is another
 * implementation's than at a single point. */
random_program *random_program_new(uint64_t seed, random_kind kind, bool same, int most);
void random_program_free(random_program *program);

/* Whether batches compute every rule by the function that single points use. */
bool random_program_same(const random_program *program);

/* x[0..inputs) of point `index`: where the program is smooth, or any numbers at all. */
void random_program_point(const random_program *program, uint64_t index, double *x);

/* To stderr, one line an operation that the outputs need. */
void random_program_print(const random_program *program);

/* A small generator of numbers (Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014: splitmix64). */
uint64_t random_bits(uint64_t *state);
int random_below(uint64_t *state, int bound);
double random_between(uint64_t *state, double low, double high); /* representable in f32 */

/* ---- Playing it ------------------------------------------------------------------------------ */

/* Context of random_program_play. A perturbation h > 0 multiplies every node, each time it is an
 * operand, by a number between 1 − h and 1 + h from `stream`: what this does to results shows how
 * much of their accuracy rounding can cost. */
typedef struct random_playing {
    const random_program *program;
    double perturbation;
    uint64_t stream;
} random_playing;

/* A wg_function_body. */
void random_program_play(const wg_var *x, wg_var *y, void *playing);

/* One rule as a verb. */
wg_var random_verb(int rule, const wg_var *in);

/* y and its derivative along v, in long double, from formulas written apart from the library's. */
void random_program_reference(const random_program *program, const double *x, const double *v,
                              long double *y, long double *dy);

/* Whether batches compute the rule by a function of their own, which rounds otherwise than libm. */
bool random_rule_has_own_batches(int rule);

#endif
