/* elementwise.h (internal): the rules of rules.h as loops over buffers and as functions of scalars.
 */
#ifndef WG_SRC_KERNEL_ELEMENTWISE_H
#define WG_SRC_KERNEL_ELEMENTWISE_H

#include "kernel/rules.h"
#include "wengert/op.h"

/* Inputs of a derivative loop: g, x, y, z, r. */
#define WG_LOOP_INPUTS 5

/* out[i] = rule(in[0][i * stride[0]], …) for i < n; strides in elements, out contiguous. Inputs
 * that the rule does not read must still be readable. */
typedef void (*wg_loop)(size_t n, const void *const *in, const ptrdiff_t *stride, void *out);

/* One rule's loops; the second index is 0 for f32 and 1 for f64. */
typedef struct wg_rule_loops {
    wg_loop value[2];
    wg_loop partial[3][2]; /* NULL where the derivative is zero */
} wg_rule_loops;

/* The rules in the order of the tables: arithmetic, unary, binary, ternary. */
typedef enum wg_rule_index {
#define WG_RULE_INDEX(name, ...) WG_RULE_##name,
    WG_RULES_ARITHMETIC(WG_RULE_INDEX)
    WG_RULES_UNARY(WG_RULE_INDEX) WG_RULES_BINARY(WG_RULE_INDEX) WG_RULES_TERNARY(WG_RULE_INDEX)
#undef WG_RULE_INDEX
        WG_RULE_COUNT
} wg_rule_index;

static inline bool wg_rule_picks(wg_rule_index index) {
#define WG_IS_RULE(name) || index == WG_RULE_##name
    return false WG_RULES_THAT_PICK(WG_IS_RULE);
#undef WG_IS_RULE
}

/* Whether the derivatives of a rule that picks are finite whatever its operands. */
static inline bool wg_rule_is_bounded(wg_rule_index index) {
    return index != WG_RULE_azmul && index != WG_RULE_relu; /* relu's of NaN is NaN */
}

/* The loops for the machine this runs on, WG_RULE_COUNT of them. */
const wg_rule_loops *wg_kernel_rule_loops(void);

/* Runs a loop over `count` inputs that broadcast to `out` (contiguous): every input has out's rank
 * and shape, with stride 0 where it is broadcast. Threads share large arrays. */
void wg_kernel_elementwise(wg_loop loop, int count, const wg_view *inputs, const wg_view *out);

/* log |Γ(x)|. */
double wg_math_lgamma(double x);
/* The n-th derivative of digamma at x, n a whole number from 0 (digamma itself); NaN at poles and
 * for other n. Abramowitz & Stegun 6.3.18, 6.4.6, 6.4.11. */
double wg_math_polygamma(double n, double x);
/* j_n(z) / z^n of z = pi x, j_n the spherical Bessel function: sinc for n = 0, and what its
 * derivatives are made of; n as polygamma's. Abramowitz & Stegun 10.1.2, 10.1.19, 10.1.23. */
double wg_math_sinc_order(double n, double x);
/* The inverse of erf: infinite at -1 and 1, NaN beyond. */
double wg_math_erfinv(double x);
/* C definitions that end with a `static double` function of the same name and operands; NULL after
 * the last. */
extern const char *const wg_math_polygamma_text[];
extern const char *const wg_math_sinc_order_text[];
extern const char *const wg_math_erfinv_text[];

#endif
