/* rules_verbs.c: the derivatives of rules.h as verbs on handles, for sweeps that record themselves.
 */
#include "op/rules.h"

#define R_NUM(c) wg_number(c)
#define R_ADD(a, b) (wg_add)(a, b)
#define R_SUB(a, b) (wg_sub)(a, b)
#define R_MUL(a, b) (wg_mul)(a, b)
#define R_DIV(a, b) (wg_div)(a, b)
#define R_NEG(a) (wg_neg)(a)
#define R_U(name, a) (wg_##name)(a)
#define R_B(name, a, b) (wg_##name)(a, b)
#define R_T(name, a, b, c) (wg_##name)(a, b, c)
/* Rounded once like (1 - a)(1 + a), but with a derivative that loses nothing near 0. */
#define R_ONE_MINUS_SQUARE(a) (wg_fma)((wg_neg)(a), a, wg_number(1))

#define WG_VERBS(name, which, derivative)                                                          \
    wg_var wg_partial_##name##_##which(wg_var x, wg_var y, wg_var z, wg_var r);                    \
    wg_var wg_partial_##name##_##which(wg_var x, wg_var y, wg_var z, wg_var r) {                   \
        (void)x, (void)y, (void)z, (void)r;                                                        \
        return derivative;                                                                         \
    }
#define WG_VERBS_U(name, value, dx, ...) WG_VERBS(name, x, dx)
#define WG_VERBS_B(name, value, dx, dy, ...) WG_VERBS(name, x, dx) WG_VERBS(name, y, dy)
#define WG_VERBS_T(name, value, dx, dy, dz, ...)                                                   \
    WG_VERBS(name, x, dx) WG_VERBS(name, y, dy) WG_VERBS(name, z, dz)

WG_RULES_ARITHMETIC(WG_VERBS_B)
WG_RULES_UNARY(WG_VERBS_U)
WG_RULES_BINARY(WG_VERBS_B)
WG_RULES_TERNARY(WG_VERBS_T)

wg_var wg_times(wg_var g, wg_var partial, const wg_rule_info *info) {
    if (partial.tape == NULL && partial.as.number == 1) {
        return g;
    }
    if (partial.tape == NULL && partial.as.number == -1) {
        return (wg_neg)(g);
    }
    if (info == NULL || !wg_rule_picks(info->index)) {
        return (wg_azmul)(g, partial);
    }
    const wg_var product = (wg_azmul)(partial, g);
    if (wg_rule_is_bounded(info->index) || (g.tape == NULL && g.as.number != 0)) {
        return product;
    }
    /* Both zeros are absolute; beside a finite partial g's is so anyway, and a mask of g would take
     * the derivative to g along. */
    return (wg_where)((wg_isfinite)(partial), product, (wg_azmul)(g, partial));
}
