/* verbs.c: the elementwise verbs: the quick way of scalars, and the slow way of everything else. */
#include "op/rules.h"

#include <math.h>

#define T double
#define F(name) name
#define WG_TYPED(name) name
#include "kernel/rules_arithmetic.h"

static wg_var push(wg_tape *tape, uint16_t code, uint32_t a, uint32_t b, double value,
                   const char *site) {
    const wg_var entry = wg_lane_push(tape, code, a, b, value);
    if (WG_UNLIKELY(tape->anomaly)) {
        wg_anomaly_site(tape, site);
    }
    return tape->status == WG_OK ? entry : wg_poison(tape);
}

/* The slow way of rule `index`: numbers, arrays, scalars of an older segment, growth, errors. */
static wg_var slow(wg_rule_index index, const wg_var *in, const char *site) {
    const wg_rule_info *info = &wg_rule_infos[index];
    wg_tape *tape = NULL;
    double value[3] = {0, 0, 0};
    for (int i = 0; i < info->arity; i++) {
        if (wg_var_is_array(in[i])) {
            return wg_apply(&wg_rule_ops[index], info->arity, in, NULL, 0, site);
        }
        tape = tape == NULL ? in[i].tape : tape;
    }
    if (tape != NULL && tape->status != WG_OK) {
        return wg_poison(tape);
    }
    for (int i = 0; i < info->arity; i++) {
        if (in[i].tape != NULL && wg_var_refused(tape, in[i], i, info->name, site)) {
            return wg_poison(tape);
        }
        value[i] = in[i].tape == NULL ? in[i].as.number : tape->lane.value[in[i].as.slot.index];
    }
    double result = info->value(value[0], value[1], value[2]);
    if (tape != NULL && tape->anomaly) {
        wg_anomaly_scalar(tape, info->name, info->arity, value, result, site);
    }
    if (tape == NULL || !wg_tape_records(tape)) {
        return wg_number(result);
    }
    /* At most a constant for each operand, a third operand, the entry. */
    if (!wg_lane_room(tape, 5, info->name, site)) {
        return wg_poison(tape);
    }
    uint32_t at[3] = {0, 0, 0};
    for (int i = 0; i < info->arity; i++) {
        wg_var x =
            in[i].tape != NULL ? in[i] : wg_lane_push(tape, WG_CODE_CONSTANT, 0, 0, value[i]);
        at[i] = x.as.slot.index;
    }
    if (info->arity == 3) {
        (void)wg_lane_push(tape, WG_CODE_EXTRA, at[2], 0, value[2]);
    }
    return push(tape, (uint16_t)WG_CODE_OF_RULE(index), at[0], at[1], result, site);
}

/* Records `code` with a plain operand; `tape` has been checked. */
static wg_var with_number(wg_rule_index index, uint16_t code, wg_var x, double number, double value,
                          const char *site) {
    wg_tape *tape = x.tape;
    const char *name = wg_rule_infos[index].name;
    if (!wg_lane_room(tape, 1, name, site)) {
        return wg_poison(tape);
    }
    if (tape->anomaly) {
        const double operands[2] = {tape->lane.value[x.as.slot.index], number};
        wg_anomaly_scalar(tape, name, 2, operands, value, site);
    }
    uint32_t at = wg_constant_at(tape, &tape->lane, number, site);
    if (at == UINT32_MAX) {
        return wg_poison(tape);
    }
    return push(tape, code, x.as.slot.index, at, value, site);
}

/* A living scalar that may be recorded. */
static bool recordable(wg_var x) {
    return x.tape != NULL && !wg_var_is_array(x) && x.tape->status == WG_OK &&
           wg_tape_records(x.tape) && wg_lane_holds(x.tape, x.as.slot);
}

/* Equal operands would break the sweep's load of both adjoints before a store: one is recorded as x
 * + -0, which is x itself, zeros of both signs included. */
static wg_var twice(wg_rule_index index, wg_var x, const char *site) {
    double value = x.tape->lane.value[x.as.slot.index];
    if (index == WG_RULE_mul) {
        return wg_square_at(x, site);
    }
    if (index == WG_RULE_add) {
        return with_number(index, WG_CODE_MUL_NUMBER, x, 2, value + value, site);
    }
    wg_var in[2] = {x, with_number(index, WG_CODE_ADD_NUMBER, x, -0.0, value, site)};
    return slow(index, in, site);
}

static wg_var slow_arithmetic(wg_rule_index index, wg_var x, wg_var y, const char *site) {
    static const uint16_t right[] = {WG_CODE_ADD_NUMBER, WG_CODE_ADD_NUMBER, WG_CODE_MUL_NUMBER,
                                     WG_CODE_DIV_NUMBER};
    static const uint16_t left[] = {WG_CODE_ADD_NUMBER, WG_CODE_NUMBER_SUB, WG_CODE_MUL_NUMBER,
                                    WG_CODE_NUMBER_DIV};
    const wg_rule_info *info = &wg_rule_infos[index];
    if (y.tape == NULL && recordable(x)) {
        double number = y.as.number, value = x.tape->lane.value[x.as.slot.index];
        return with_number(index, right[index], x, index == WG_RULE_sub ? -number : number,
                           info->value(value, number, 0), site);
    }
    if (x.tape == NULL && recordable(y)) {
        double number = x.as.number, value = y.tape->lane.value[y.as.slot.index];
        return with_number(index, left[index], y, number, info->value(number, value, 0), site);
    }
    if (x.tape == y.tape && recordable(x) && recordable(y) && x.as.slot.index == y.as.slot.index) {
        return twice(index, x, site);
    }
    wg_var in[2] = {x, y};
    return slow(index, in, site);
}

/* ---- The verbs ----------------------------------------------------------------------------- */

#define WG_DEFINE_ARITHMETIC(name, ...)                                                            \
    wg_var wg_##name##_slow(wg_var x, wg_var y, const char *site) {                                \
        return slow_arithmetic(WG_RULE_##name, x, y, site);                                        \
    }                                                                                              \
    wg_var wg_##name##_at(wg_var x, wg_var y, const char *site) {                                  \
        return wg_##name##_vv(x, y, site);                                                         \
    }                                                                                              \
    wg_var(wg_##name)(wg_var x, wg_var y) {                                                        \
        return wg_##name##_vv(x, y, NULL);                                                         \
    }

#define WG_DEFINE_U(name, ...)                                                                     \
    wg_var wg_##name##_at(wg_var x, const char *site) {                                            \
        if (x.tape == NULL) {                                                                      \
            return wg_number(wg_v_##name(x.as.number));                                            \
        }                                                                                          \
        wg_lane *lane = &x.tape->lane;                                                             \
        if (WG_LIKELY(wg_one_ready(lane, x))) {                                                    \
            uint32_t a = x.as.slot.index;                                                          \
            return wg_push_inline(x.tape, lane, WG_CODE_OF_RULE(WG_RULE_##name), a, 0,             \
                                  wg_v_##name(lane->value[a]));                                    \
        }                                                                                          \
        return slow(WG_RULE_##name, &x, site);                                                     \
    }                                                                                              \
    wg_var(wg_##name)(wg_var x) {                                                                  \
        return wg_##name##_at(x, NULL);                                                            \
    }

#define WG_DEFINE_B(name, ...)                                                                     \
    static inline wg_var general_##name(wg_var x, wg_var y, const char *site) {                    \
        if (x.tape == y.tape && x.tape != NULL && wg_both_ready(&x.tape->lane, x, y)) {            \
            wg_lane *lane = &x.tape->lane;                                                         \
            uint32_t a = x.as.slot.index, b = y.as.slot.index;                                     \
            return wg_push_inline(x.tape, lane, WG_CODE_OF_RULE(WG_RULE_##name), a, b,             \
                                  wg_v_##name(lane->value[a], lane->value[b]));                    \
        }                                                                                          \
        wg_var in[2] = {x, y};                                                                     \
        return slow(WG_RULE_##name, in, site);                                                     \
    }

#define WG_DEFINE_B_VERBS(name, form)                                                              \
    wg_var wg_##name##_at(wg_var x, wg_var y, const char *site) {                                  \
        return form(x, y, site);                                                                   \
    }                                                                                              \
    wg_var(wg_##name)(wg_var x, wg_var y) {                                                        \
        return form(x, y, NULL);                                                                   \
    }
#define WG_DEFINE_B_GENERAL(name, ...) WG_DEFINE_B_VERBS(name, general_##name)
#define WG_DEFINE_B_SPECIAL(name, ...) WG_DEFINE_B_VERBS(name, special_##name)

#define WG_DEFINE_T(name, ...)                                                                     \
    wg_var wg_##name##_at(wg_var x, wg_var y, wg_var z, const char *site) {                        \
        wg_var in[3] = {x, y, z};                                                                  \
        return slow(WG_RULE_##name, in, site);                                                     \
    }                                                                                              \
    wg_var(wg_##name)(wg_var x, wg_var y, wg_var z) {                                              \
        return wg_##name##_at(x, y, z, NULL);                                                      \
    }

WG_RULES_ARITHMETIC(WG_DEFINE_ARITHMETIC)
WG_RULES_UNARY(WG_DEFINE_U)
WG_RULES_TERNARY(WG_DEFINE_T)
WG_RULES_BINARY(WG_DEFINE_B)

/* Plain exponents: x² needs no pow, and no other plain exponent needs log x. */
static wg_var special_pow(wg_var x, wg_var y, const char *site) {
    if (y.tape == NULL && x.tape != NULL && y.as.number == 2) {
        return wg_square_at(x, site);
    }
    if (y.tape == NULL && recordable(x)) {
        return with_number(WG_RULE_pow, WG_CODE_POW_NUMBER, x, y.as.number,
                           pow(x.tape->lane.value[x.as.slot.index], y.as.number), site);
    }
    return general_pow(x, y, site);
}

WG_RULES_POWER(WG_DEFINE_B_SPECIAL)
WG_RULES_OTHER_BINARY(WG_DEFINE_B_GENERAL)
