/* scalar_sweep.c: the backward sweep over scalars: one tight loop over opcodes. */
#include "op/rules.h"

#include <math.h>
#include <string.h>

#define T double
#define F(name) name
#define WG_TYPED(name) name
#include "kernel/rules_arithmetic.h"

/* Both adjoints are loaded before one is stored: the recorder sees to it that a and b differ. What
 * goes to the entry before is handed on in a register; through memory it would wait for the store
 * (up to a third of the sweep in a long chain). */
#define WG_GIVE_BOTH(da, db)                                                                       \
    {                                                                                              \
        double sum_a = adjoint[at.a] + (da), sum_b = adjoint[at.b] + (db);                         \
        adjoint[at.a] = sum_a;                                                                     \
        adjoint[at.b] = sum_b;                                                                     \
        if ((uint64_t)at.a + 1 == i) {                                                             \
            next = sum_a;                                                                          \
            goto handed_on;                                                                        \
        }                                                                                          \
    }

#define WG_GIVE(to, index, derivative)                                                             \
    {                                                                                              \
        const double d = derivative;                                                               \
        adjoint[to] += wg_rule_picks(index) && d == 0 ? 0 : g * d;                                 \
    }

#define WG_CASE_U(name, value_text, dx, ...)                                                       \
    case WG_CODE_RULES + WG_RULE_##name - WG_RULES_KNOWN_TO_HEADER: {                              \
        const double x = value[at.a], r = value[i];                                                \
        (void)x, (void)r;                                                                          \
        WG_GIVE(at.a, WG_RULE_##name, dx)                                                          \
        break;                                                                                     \
    }
#define WG_CASE_B(name, value_text, dx, dy, ...)                                                   \
    case WG_CODE_RULES + WG_RULE_##name - WG_RULES_KNOWN_TO_HEADER: {                              \
        const double x = value[at.a], y = value[at.b], r = value[i];                               \
        (void)x, (void)y, (void)r;                                                                 \
        WG_GIVE(at.a, WG_RULE_##name, dx)                                                          \
        WG_GIVE(at.b, WG_RULE_##name, dy)                                                          \
        break;                                                                                     \
    }
#define WG_CASE_T(name, value_text, dx, dy, dz, ...)                                               \
    case WG_CODE_RULES + WG_RULE_##name - WG_RULES_KNOWN_TO_HEADER: {                              \
        uint32_t c = operand[i - 1].a;                                                             \
        const double x = value[at.a], y = value[at.b], z = value[c], r = value[i];                 \
        (void)x, (void)y, (void)z, (void)r;                                                        \
        WG_GIVE(at.a, WG_RULE_##name, dx)                                                          \
        WG_GIVE(at.b, WG_RULE_##name, dy)                                                          \
        WG_GIVE(c, WG_RULE_##name, dz)                                                             \
        break;                                                                                     \
    }

static void sweep(wg_tape *tape, uint64_t from, uint64_t to) {
    const double *const value = tape->lane.value, *const constant = tape->constant;
    const wg_operands *const operand = tape->lane.operand;
    const uint16_t *const opcode = tape->lane.opcode;
    double *const adjoint = tape->lane.adjoint;
    uint64_t i = to;
    double next;
    while (i-- > from) {
        next = adjoint[i];
    with_adjoint:;
        const double g = next;
        if (g == 0) { /* contributes nothing, whatever the derivative */
            continue;
        }
        const wg_operands at = operand[i];
        const unsigned code = opcode[i];
        /* The commonest by direct branches, which are predicted better than the switch's one
         * indirect jump. */
        if (code == WG_CODE_mul) {
            WG_GIVE_BOTH(g * value[at.b], g * value[at.a])
            continue;
        }
        if (code == WG_CODE_add) {
            WG_GIVE_BOTH(g, g)
            continue;
        }
        if (code == WG_CODE_MUL_NUMBER) {
            adjoint[at.a] += g * constant[at.b];
            continue;
        }
        if (code == WG_CODE_sub) {
            WG_GIVE_BOTH(g, -g)
            continue;
        }
        switch (code) {
        case WG_CODE_div: {
            double scaled = g / value[at.b];
            WG_GIVE_BOTH(scaled, -g * (value[i] / value[at.b]))
            break;
        }
        case WG_CODE_ADD_NUMBER:
            adjoint[at.a] += g;
            break;
        case WG_CODE_DIV_NUMBER:
            adjoint[at.a] += g / constant[at.b];
            break;
        case WG_CODE_NUMBER_SUB:
            adjoint[at.a] -= g;
            break;
        case WG_CODE_NUMBER_DIV:
            adjoint[at.a] -= g * value[i] / value[at.a];
            break;
        case WG_CODE_POW_NUMBER: {
            double c = constant[at.b];
            adjoint[at.a] += c == 0 ? 0 : g * c * pow(value[at.a], c - 1);
            break;
        }
        case WG_CODE_AT:
            wg_sweep_at(tape, at.a, at.b, g);
            break;
            WG_RULES_UNARY(WG_CASE_U)
            WG_RULES_BINARY(WG_CASE_B)
            WG_RULES_TERNARY(WG_CASE_T)
        default: /* leaves, constants, third operands */
            break;
        }
        continue;
    handed_on:
        if (i-- > from) {
            goto with_adjoint;
        }
        return;
    }
}

/* Entries swept before their adjoints, still in the cache, are set to zero. */
#define WG_SWEEP_BLOCK 512

/* Zeros [from, to) but for leaves; `leaf` is the list from the first leaf below `to` on, and so is
 * what it returns for `from`. */
static uint64_t clear(wg_tape *tape, uint64_t from, uint64_t to, uint64_t leaf) {
    for (; leaf > from; leaf = tape->lane.operand[leaf - 1].a) {
        memset(tape->lane.adjoint + leaf, 0, (size_t)(to - leaf) * sizeof(double));
        to = leaf - 1;
    }
    memset(tape->lane.adjoint + from, 0, (size_t)(to - from) * sizeof(double));
    return leaf;
}

void wg_rules_sweep(wg_tape *tape, uint64_t from, uint64_t to, bool keep) {
    if (keep) {
        sweep(tape, from, to);
        return;
    }
    uint64_t leaf = tape->leaf_cursor;
    while (leaf > to) {
        leaf = tape->lane.operand[leaf - 1].a;
    }
    while (to > from) {
        uint64_t block = to - from < WG_SWEEP_BLOCK ? from : to - WG_SWEEP_BLOCK;
        sweep(tape, block, to);
        leaf = clear(tape, block, to, leaf);
        to = block;
    }
    tape->leaf_cursor = leaf; /* the next stretch is older */
}

const char *wg_rules_name(uint16_t code) {
    static const char *const with_number[] = {"add", "mul", "div", "sub", "div", "pow"};
    const wg_rule_info *info = wg_rule_of_code(code);
    const bool has_number = code >= WG_CODE_ADD_NUMBER && code <= WG_CODE_POW_NUMBER;
    return info != NULL ? info->name : has_number ? with_number[code - WG_CODE_ADD_NUMBER] : "leaf";
}

int wg_rules_operands(const wg_tape *tape, uint64_t index, uint32_t *out) {
    uint16_t code = tape->lane.opcode[index];
    wg_operands at = tape->lane.operand[index];
    if (code < WG_CODE_add) {
        return 0;
    }
    const wg_rule_info *info = wg_rule_of_code(code);
    int arity = info != NULL ? info->arity : 1; /* the forms with a plain operand have one */
    out[0] = at.a;
    out[1] = at.b;
    out[2] = arity == 3 ? tape->lane.operand[index - 1].a : 0;
    return arity;
}

/* The derivative of a form with a plain operand, as verbs. */
static wg_var number_partial(const wg_tape *tape, uint64_t index, wg_var x, wg_var r) {
    double c = tape->constant[tape->lane.operand[index].b];
    switch (tape->lane.opcode[index]) {
    case WG_CODE_ADD_NUMBER:
        return wg_number(1);
    case WG_CODE_MUL_NUMBER:
        return wg_number(c);
    case WG_CODE_DIV_NUMBER:
        return wg_number(1 / c);
    case WG_CODE_NUMBER_SUB:
        return wg_number(-1);
    case WG_CODE_NUMBER_DIV:
        return (wg_neg)((wg_div)(r, x));
    default: /* WG_CODE_POW_NUMBER */
        return c == 0 ? wg_number(0) : (wg_mul)(wg_number(c), (wg_pow)(x, wg_number(c - 1)));
    }
}

void wg_rules_chain(wg_tape *tape, uint64_t index, wg_var g) {
    uint16_t code = tape->lane.opcode[index];
    uint32_t at[3];
    int arity = wg_rules_operands(tape, index, at);
    wg_var in[3] = {wg_number(0), wg_number(0), wg_number(0)};
    for (int k = 0; k < arity; k++) {
        in[k] = wg_lane_handle(tape, at[k]);
    }
    wg_var r = wg_lane_handle(tape, index);
    const wg_rule_info *info = wg_rule_of_code(code);
    for (int k = 0; k < arity; k++) {
        if (!wg_grad_wants(tape, in[k])) {
            continue;
        }
        wg_var partial = info != NULL ? info->partial[k](in[0], in[1], in[2], r)
                                      : number_partial(tape, index, in[0], r);
        if (partial.tape != NULL || partial.as.number != 0) {
            const wg_var product = wg_times(g, partial, info);
            if (tape->anomaly) {
                wg_anomaly_partial(tape, index, k, g, product);
            }
            wg_give_recorded(tape, in[k], product);
        }
    }
}
