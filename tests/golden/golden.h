/* golden.h: cases that PyTorch computed (tests/golden/generate.py), and how to run an operation on
 * one. A family FAMILY has its cases in data/FAMILY.txt, its calls in calls_FAMILY.c. */
#ifndef WG_TESTS_GOLDEN_H
#define WG_TESTS_GOLDEN_H

#include "wengert.h"

#define GOLDEN_MOST_ARRAYS 48
#define GOLDEN_MOST_ATTRIBUTES 64
#define GOLDEN_MOST_NUMBERS 16

typedef struct golden_array {
    bool given;
    wg_dtype dtype; /* F64 for a float: it is run as f32 too */
    int rank;
    int64_t shape[WG_MAX_RANK];
    int64_t count;
    double *values;
} golden_array;

typedef struct golden_attribute {
    char key[64];
    int count;
    double number[GOLDEN_MOST_NUMBERS];
} golden_attribute;

typedef struct golden_case {
    char name[96], op[64];
    int attributes, inputs, outputs;
    golden_attribute attribute[GOLDEN_MOST_ATTRIBUTES];
    golden_array in[GOLDEN_MOST_ARRAYS];
    golden_array out[GOLDEN_MOST_ARRAYS];
    golden_array seed[GOLDEN_MOST_ARRAYS]; /* dL/d(out) */
    golden_array grad[GOLDEN_MOST_ARRAYS]; /* dL/d(in) */
} golden_case;

/* Fills out[0 .. c->outputs) from in[0 .. c->inputs). */
typedef void golden_run(const golden_case *c, const wg_var *in, wg_var *out);

/* What an error is measured against: each element's own size, or the greatest of its array (where
 * elements are sums whose terms cancel). */
typedef enum golden_scale {
    GOLDEN_ELEMENT,
    GOLDEN_ARRAY
} golden_scale;

typedef struct golden_call {
    const char *op;
    golden_run *run;
    golden_scale scale;
    double value_ulps, gradient_ulps; /* allowed, in units of the type's epsilon times the scale */
} golden_call;

/* An attribute's first number, or all of them as whole numbers (returns how many). */
double golden_number(const golden_case *c, const char *key, double otherwise);
int golden_integer(const golden_case *c, const char *key, int otherwise);
int golden_integers(const golden_case *c, const char *key, int64_t *out);

/* The families: each has `const golden_call golden_calls_FAMILY[]`, ended by a row without op. */
/* clang-format off */
#define GOLDEN_FAMILIES(X) \
    X(attention) \
    X(conv) \
    X(elementwise) \
    X(index) \
    X(linalg) \
    X(loss) \
    X(norm) \
    X(pool) \
    X(product) \
    X(recurrent) \
    X(reduce) \
    X(softmax)
/* clang-format on */

#define GOLDEN_DECLARE(family) extern const golden_call golden_calls_##family[];
GOLDEN_FAMILIES(GOLDEN_DECLARE)

/* NAME(x), NAME(x, y): runs of elementwise verbs. */
#define GOLDEN_UNARY(name)                                                                         \
    static void run_##name(const golden_case *c, const wg_var *in, wg_var *out) {                  \
        (void)c;                                                                                   \
        out[0] = wg_##name(in[0]);                                                                 \
    }
#define GOLDEN_BINARY(name)                                                                        \
    static void run_##name(const golden_case *c, const wg_var *in, wg_var *out) {                  \
        (void)c;                                                                                   \
        out[0] = wg_##name(in[0], in[1]);                                                          \
    }

/* All cases of a family, read once; the count in *count. Fails the test where the file is damaged.
 */
const golden_case *golden_read(const char *family, int *count);
void golden_free(const golden_case *cases, int count);

#endif
