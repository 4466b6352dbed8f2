/* simplify.c: what a rule becomes before it is written down: folded constants, and identities.
 *
 * The first group holds in IEEE arithmetic for every operand, signed zeros, infinities and NaN
 * included (but for the payload of a NaN). The second, for relaxed programs, holds for real
 * numbers. */
#include "function/program.h"

#include <math.h>

/* Operand and number of what is being simplified. */
typedef struct wg_look {
    wg_builder *b;
    wg_rule_index rule;
    uint32_t x, y, z;
    bool is_number[3];
    double number[3];
} wg_look;

static bool is_rule(const wg_look *look, uint32_t term, wg_rule_index rule) {
    return look->b->term[term].code == (uint32_t)rule;
}

static uint32_t operand(const wg_look *look, uint32_t term, int k) {
    return look->b->term[term].at[k];
}

/* The number is `value`, and its zero has the sign of value's. */
static bool is(const wg_look *look, int k, double value) {
    return look->is_number[k] && look->number[k] == value &&
           signbit(look->number[k]) == signbit(value);
}

static uint32_t rule1(const wg_look *look, wg_rule_index rule, uint32_t x) {
    return wg_build_rule(look->b, rule, x, 0, 0);
}

static uint32_t rule2(const wg_look *look, wg_rule_index rule, uint32_t x, uint32_t y) {
    return wg_build_rule(look->b, rule, x, y, 0);
}

static uint32_t number(const wg_look *look, double value) {
    return wg_build_constant(look->b, value);
}

/* 1/c where a division by c is a product with it, bit for bit; else 0. */
static double exact_reciprocal(double c) {
    int exponent;
    const double fraction = frexp(c, &exponent);
    const bool power_of_two = fabs(fraction) == 0.5 && exponent > -1000 && exponent < 1000;
    return power_of_two ? 1 / c : 0;
}

static uint32_t exact_sum(const wg_look *look) {
    const uint32_t x = look->x, y = look->y;
    if (look->rule == WG_RULE_add) {
        if (is(look, 0, -0.0)) {
            return y;
        }
        if (is(look, 1, -0.0)) {
            return x;
        }
        if (is_rule(look, y, WG_RULE_neg)) {
            return rule2(look, WG_RULE_sub, x, operand(look, y, 0));
        }
        if (is_rule(look, x, WG_RULE_neg)) {
            return rule2(look, WG_RULE_sub, y, operand(look, x, 0));
        }
        return WG_NO_TERM;
    }
    if (is(look, 1, 0.0)) {
        return x;
    }
    if (is(look, 0, -0.0)) {
        return rule1(look, WG_RULE_neg, y);
    }
    if (is_rule(look, y, WG_RULE_neg)) {
        return rule2(look, WG_RULE_add, x, operand(look, y, 0));
    }
    return WG_NO_TERM;
}

static uint32_t exact_product(const wg_look *look) {
    const uint32_t x = look->x, y = look->y;
    const wg_rule_index rule = look->rule;
    if (is(look, 1, 1)) {
        return x;
    }
    if (is(look, 1, -1)) {
        return rule1(look, WG_RULE_neg, x);
    }
    if (rule == WG_RULE_mul) {
        if (is(look, 0, 1)) {
            return y;
        }
        if (is(look, 0, -1)) {
            return rule1(look, WG_RULE_neg, y);
        }
        if (x == y) {
            return rule1(look, WG_RULE_square, x);
        }
    } else if (look->is_number[1] && exact_reciprocal(look->number[1]) != 0) {
        return rule2(look, WG_RULE_mul, x, number(look, exact_reciprocal(look->number[1])));
    }
    const bool negative_x = is_rule(look, x, WG_RULE_neg),
               negative_y = is_rule(look, y, WG_RULE_neg);
    if (negative_x && negative_y) {
        return rule2(look, rule, operand(look, x, 0), operand(look, y, 0));
    }
    if (negative_x && look->is_number[1]) {
        return rule2(look, rule, operand(look, x, 0), number(look, -look->number[1]));
    }
    if (negative_y && look->is_number[0]) {
        return rule2(look, rule, number(look, -look->number[0]), operand(look, y, 0));
    }
    return WG_NO_TERM;
}

/* azmul(x, y): the first factor is absolute where it is zero. */
static uint32_t exact_azmul(const wg_look *look) {
    if (look->is_number[0]) {
        const double c = look->number[0];
        if (c == 0) {
            return number(look, 0);
        }
        if (c == c) {
            return rule2(look, WG_RULE_mul, look->x, look->y);
        }
    }
    /* Not so with a number behind: 0 · −2 is −0, and azmul(0, −2) is +0. */
    return WG_NO_TERM;
}

static uint32_t exact_other(const wg_look *look) {
    const uint32_t x = look->x, y = look->y, z = look->z;
    switch ((int)look->rule) {
    case WG_RULE_neg:
        return is_rule(look, x, WG_RULE_neg) ? operand(look, x, 0) : WG_NO_TERM;
    case WG_RULE_square:
        return is_rule(look, x, WG_RULE_neg) || is_rule(look, x, WG_RULE_abs)
                   ? rule1(look, WG_RULE_square, operand(look, x, 0))
                   : WG_NO_TERM;
    case WG_RULE_abs:
        if (is_rule(look, x, WG_RULE_neg) || is_rule(look, x, WG_RULE_abs)) {
            return rule1(look, WG_RULE_abs, operand(look, x, 0));
        }
        return is_rule(look, x, WG_RULE_square) ? x : WG_NO_TERM;
    case WG_RULE_cos:
    case WG_RULE_cosh:
        return is_rule(look, x, WG_RULE_neg) ? rule1(look, look->rule, operand(look, x, 0))
                                             : WG_NO_TERM;
    case WG_RULE_pow:
        if (is(look, 1, 1)) {
            return x;
        }
        return look->is_number[1] && look->number[1] == 0 ? number(look, 1) : WG_NO_TERM;
    case WG_RULE_max:
    case WG_RULE_min:
        return x == y ? x : WG_NO_TERM;
    case WG_RULE_where:
        if (look->is_number[0]) {
            return look->number[0] != 0 ? y : z;
        }
        return y == z ? y : WG_NO_TERM;
    default:
        return WG_NO_TERM;
    }
}

/* Integer powers up to this many products are written out. */
#define WG_MOST_POWER 32

static uint32_t relaxed_power(const wg_look *look) {
    const double n = look->number[1];
    if (!look->is_number[1]) {
        return WG_NO_TERM;
    }
    if (n == 0.5) {
        return rule1(look, WG_RULE_sqrt, look->x);
    }
    if (n != floor(n) || fabs(n) > WG_MOST_POWER) {
        return WG_NO_TERM;
    }
    uint32_t result = number(look, 1), power = look->x;
    for (int rest = (int)fabs(n); rest > 0 && look->b->status == WG_OK; rest /= 2) {
        result = rest % 2 != 0 ? rule2(look, WG_RULE_mul, result, power) : result;
        power = rest > 1 ? rule1(look, WG_RULE_square, power) : power;
    }
    return n > 0 ? result : rule2(look, WG_RULE_div, number(look, 1), result);
}

static uint32_t relaxed_product(const wg_look *look) {
    if ((look->is_number[0] && look->number[0] == 0) ||
        (look->is_number[1] && look->number[1] == 0)) {
        return number(look, 0);
    }
    /* −x · y = −(x · y): signs move outwards, where sums take them up. */
    if (is_rule(look, look->x, WG_RULE_neg)) {
        return rule1(look, WG_RULE_neg,
                     rule2(look, WG_RULE_mul, operand(look, look->x, 0), look->y));
    }
    if (is_rule(look, look->y, WG_RULE_neg)) {
        return rule1(look, WG_RULE_neg,
                     rule2(look, WG_RULE_mul, look->x, operand(look, look->y, 0)));
    }
    /* c · (d · x) = (c d) · x, constants first in the operand that holds one. */
    for (int k = 0; k < 2; k++) {
        const uint32_t inner = k == 0 ? look->y : look->x;
        if (!look->is_number[k] || !is_rule(look, inner, WG_RULE_mul)) {
            continue;
        }
        for (int side = 0; side < 2; side++) {
            const wg_term *factor = &look->b->term[operand(look, inner, side)];
            if (factor->code == WG_TERM_CONSTANT) {
                const double c = look->number[k] * wg_term_number(factor);
                return rule2(look, WG_RULE_mul, operand(look, inner, 1 - side), number(look, c));
            }
        }
    }
    return WG_NO_TERM;
}

static uint32_t relaxed_other(const wg_look *look) {
    const uint32_t x = look->x, y = look->y;
    switch ((int)look->rule) {
    case WG_RULE_add:
        if (look->is_number[0] && look->number[0] == 0) {
            return y;
        }
        return look->is_number[1] && look->number[1] == 0 ? x : WG_NO_TERM;
    case WG_RULE_sub:
        if (x == y) {
            return number(look, 0);
        }
        if (look->is_number[0] && look->number[0] == 0) {
            return rule1(look, WG_RULE_neg, y);
        }
        return look->is_number[1] && look->number[1] == 0 ? x : WG_NO_TERM;
    case WG_RULE_neg:
        return is_rule(look, x, WG_RULE_sub)
                   ? rule2(look, WG_RULE_sub, operand(look, x, 1), operand(look, x, 0))
                   : WG_NO_TERM;
    case WG_RULE_mul:
        return relaxed_product(look);
    case WG_RULE_div:
        if (look->is_number[0] && look->number[0] == 0) {
            return number(look, 0);
        }
        return look->is_number[1] && look->number[1] != 0
                   ? rule2(look, WG_RULE_mul, x, number(look, 1 / look->number[1]))
                   : WG_NO_TERM;
    case WG_RULE_azmul:
        return rule2(look, WG_RULE_mul, x, y);
    case WG_RULE_pow:
        return relaxed_power(look);
    default:
        return WG_NO_TERM;
    }
}

static uint32_t exact(const wg_look *look) {
    switch ((int)look->rule) {
    case WG_RULE_add:
    case WG_RULE_sub:
        return exact_sum(look);
    case WG_RULE_mul:
    case WG_RULE_div:
        return exact_product(look);
    case WG_RULE_azmul:
        return exact_azmul(look);
    default:
        return exact_other(look);
    }
}

uint32_t wg_simplify(wg_builder *b, wg_rule_index rule, uint32_t *at) {
    const wg_rule_info *info = &wg_rule_infos[rule];
    wg_look look = {.b = b, .rule = rule, .x = at[0], .y = at[1], .z = at[2]};
    int numbers = 0;
    for (int k = 0; k < info->arity; k++) {
        const wg_term *term = &b->term[at[k]];
        look.is_number[k] = term->code == WG_TERM_CONSTANT;
        look.number[k] = look.is_number[k] ? wg_term_number(term) : 0;
        numbers += look.is_number[k] ? 1 : 0;
    }
    if (numbers == info->arity) {
        b->folded++;
        return number(&look, info->value(look.number[0], look.number[1], look.number[2]));
    }
    uint32_t simpler = exact(&look);
    if (simpler == WG_NO_TERM && b->relaxed) {
        simpler = relaxed_other(&look);
    }
    b->identities += simpler != WG_NO_TERM ? 1 : 0;
    return simpler;
}
