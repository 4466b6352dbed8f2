/* record.c: from a stretch of scalar tape to a program. */
#include "function/function.h"
#include "tape/tape.h"

#include <math.h>
#include <string.h>

/* ---- Branches -------------------------------------------------------------------------------- */

bool wg_branch_at(wg_var condition, const char *site) {
    wg_tape *tape = condition.tape;
    if (tape == NULL) {
        return condition.as.number != 0;
    }
    if (tape->status != WG_OK || wg_var_refused(tape, condition, 0, "branch", site)) {
        return false;
    }
    if (wg_var_is_array(condition)) {
        wg_tape_fail(tape, WG_ERROR_SHAPE, "branch", site,
                     "an array decides nothing; reduce it (wg_amax, wg_amin), or use wg_where");
        return false;
    }
    const uint32_t index = condition.as.slot.index;
    const bool taken = tape->lane.value[index] != 0;
    if (wg_tape_records(tape) && wg_lane_room(tape, 1, "branch", site)) {
        (void)wg_lane_push(tape, WG_CODE_BRANCH, index, 0, taken ? 1 : 0);
    }
    return taken;
}

/* ---- A walk over the tape -------------------------------------------------------------------- */

typedef struct wg_walk {
    const wg_tape *tape;
    uint64_t first, count; /* of the branches that count; entries of the tape */
    uint8_t *needed;
    uint32_t *term; /* what each entry became */
    int64_t branches, recorded;
} wg_walk;

static void mark(wg_walk *walk) {
    uint32_t at[3];
    for (uint64_t i = walk->count; i-- > 0;) {
        const uint16_t code = walk->tape->lane.opcode[i];
        if (code == WG_CODE_BRANCH && i >= walk->first) {
            walk->branches++;
            walk->needed[walk->tape->lane.operand[i].a] |= 1; /* an input stays one */
        } else if (walk->needed[i] == 1 && code != WG_CODE_AT) {
            for (int k = wg_rules_operands(walk->tape, i, at); k-- > 0;) {
                walk->needed[at[k]] |= 1;
            }
            walk->recorded += code >= WG_CODE_add ? 1 : 0;
        }
    }
}

/* An element of an array: of a leaf it is frozen, of a computed one it hides how it was made. */
static wg_status refuse_element(const wg_walk *walk, uint64_t i) {
    const wg_node *node = wg_node_at(walk->tape, walk->tape->lane.operand[i].a);
    if ((node->flags & WG_NODE_LEAF) != 0) {
        return WG_OK;
    }
    return wg_fail(WG_ERROR_STATE,
                   "function: an output depends on an element of an array that %s made%s%s; only "
                   "scalars can be recorded",
                   node->op != NULL ? node->op->name : "a closed scope",
                   node->site != NULL ? " at " : "", node->site != NULL ? node->site : "");
}

/* The forms with a plain operand. */
static uint32_t build_with_number(wg_builder *b, uint16_t code, uint32_t x, double c) {
    const uint32_t n = wg_build_constant(b, c);
    switch (code) {
    case WG_CODE_ADD_NUMBER:
        return wg_build_rule(b, WG_RULE_add, x, n, 0);
    case WG_CODE_MUL_NUMBER:
        return wg_build_rule(b, WG_RULE_mul, x, n, 0);
    case WG_CODE_DIV_NUMBER:
        return wg_build_rule(b, WG_RULE_div, x, n, 0);
    case WG_CODE_NUMBER_SUB:
        return wg_build_rule(b, WG_RULE_sub, n, x, 0);
    case WG_CODE_NUMBER_DIV:
        return wg_build_rule(b, WG_RULE_div, n, x, 0);
    default: /* WG_CODE_POW_NUMBER */
        return wg_build_rule(b, WG_RULE_pow, x, n, 0);
    }
}

static wg_status build_terms(const wg_walk *walk, wg_builder *b) {
    const wg_lane *lane = &walk->tape->lane;
    for (uint64_t i = 0; i < walk->count && b->status == WG_OK; i++) {
        const uint16_t code = lane->opcode[i];
        uint32_t at[3] = {0, 0, 0};
        if (walk->needed[i] != 1) {
            continue; /* inputs (2) have their terms */
        }
        if (code == WG_CODE_AT && refuse_element(walk, i) != WG_OK) {
            return WG_ERROR_STATE;
        }
        if (code < WG_CODE_add) {
            walk->term[i] = wg_build_constant(b, lane->value[i]);
            continue;
        }
        const wg_rule_info *info = wg_rule_of_code(code);
        const int arity = wg_rules_operands(walk->tape, i, at);
        for (int k = 0; k < arity; k++) {
            at[k] = walk->term[at[k]];
        }
        walk->term[i] = info != NULL ? wg_build_rule(b, info->index, at[0], at[1], at[2])
                                     : build_with_number(b, code, at[0],
                                                         walk->tape->constant[lane->operand[i].b]);
    }
    return WG_OK;
}

static wg_status check(const wg_tape *tape, const wg_var *vars, int count, bool inputs) {
    for (int i = 0; i < count; i++) {
        const wg_var x = vars[i];
        if (x.tape == NULL && !inputs) {
            continue;
        }
        const bool right =
            x.tape == tape && tape != NULL && !wg_var_is_array(x) && wg_lane_holds(tape, x.as.slot);
        if (!right) {
            return wg_fail(WG_ERROR_HANDLE, "function: %s %d is not a living scalar of %s",
                           inputs ? "input" : "output", i,
                           inputs ? "a tape that holds all inputs" : "the inputs' tape");
        }
    }
    return WG_OK;
}

/* Outputs first, then what the branches saw: one program each. */
static wg_status take_outputs(const wg_walk *walk, wg_builder *b, const wg_var *y, int outputs,
                              uint32_t *output, uint8_t *taken) {
    for (int k = 0; k < outputs; k++) {
        output[k] = y[k].tape != NULL ? walk->term[y[k].as.slot.index]
                                      : wg_build_constant(b, y[k].as.number);
    }
    int64_t branch = 0;
    for (uint64_t i = walk->first; i < walk->count && branch < walk->branches; i++) {
        if (walk->tape->lane.opcode[i] == WG_CODE_BRANCH) {
            output[outputs + branch] = walk->term[walk->tape->lane.operand[i].a];
            taken[branch++] = walk->tape->lane.value[i] != 0 ? 1 : 0;
        }
    }
    return b->status;
}

/* Splits one program in two: the outputs, and the conditions that do depend on the inputs. */
static wg_program *part_of(const wg_program *whole, uint32_t first, uint32_t count, bool relaxed) {
    uint32_t *which = wg_calloc((size_t)count + 1, sizeof *which);
    if (which == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "function: no memory for %u outputs", count);
        return NULL;
    }
    for (uint32_t k = 0; k < count; k++) {
        which[k] = first + k;
    }
    wg_program *part = wg_program_pick(whole, count, which, relaxed, "function");
    wg_free(which);
    return part;
}

static wg_function *freeze(wg_walk *walk, wg_builder *b, const wg_var *y, int outputs,
                           wg_function_report *report) {
    const size_t all = (size_t)outputs + (size_t)walk->branches;
    uint32_t *output = wg_calloc(all + 1, sizeof *output);
    uint8_t *taken = wg_calloc((size_t)walk->branches + 1, 1);
    const bool relaxed = b->relaxed;
    wg_program *whole = NULL, *value = NULL, *condition = NULL;
    if (output == NULL || taken == NULL) {
        b->status = WG_ERROR_MEMORY;
    } else if (all > WG_MOST_TERMS) {
        b->status = WG_ERROR_LIMIT;
    }
    if (build_terms(walk, b) != WG_OK) {
        wg_build_abandon(b);
    } else {
        if (b->status == WG_OK) {
            (void)take_outputs(walk, b, y, outputs, output, taken);
        }
        whole = wg_build_finish(b, (uint32_t)all, output, "function");
    }
    wg_free(output);
    if (whole != NULL && walk->branches == 0) {
        value = whole;
    } else if (whole != NULL) {
        value = part_of(whole, 0, (uint32_t)outputs, relaxed);
        condition = part_of(whole, (uint32_t)outputs, (uint32_t)walk->branches, relaxed);
        wg_program_free(whole);
    }
    if (value == NULL || (walk->branches != 0 && condition == NULL)) {
        wg_program_free(value);
        wg_program_free(condition);
        wg_free(taken);
        return NULL;
    }
    report->recorded = walk->recorded;
    report->folded = b->folded;
    report->common = b->common;
    report->identities = b->identities;
    report->dead = b->dead;
    report->branches = walk->branches;
    return wg_function_make(value, condition, taken, relaxed, report);
}

static wg_function *from(const wg_tape *tape, uint64_t first, const wg_var *x, int inputs,
                         const wg_var *y, int outputs, wg_function_options options,
                         wg_function_report *report) {
    wg_walk walk = {.tape = tape, .first = first};
    wg_builder b;
    wg_function *fn = NULL;
    bool twice = false;
    walk.count = tape != NULL ? tape->lane.count : 0;
    walk.needed = wg_calloc((size_t)walk.count + 1, 1);
    walk.term = wg_calloc((size_t)walk.count + 1, sizeof *walk.term);
    if (walk.needed == NULL || walk.term == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "function: no memory to walk over %llu entries",
                      (unsigned long long)walk.count);
    } else {
        for (int i = 0; i < inputs; i++) {
            twice = twice || walk.needed[x[i].as.slot.index] == 2;
            walk.needed[x[i].as.slot.index] = 2;
            walk.term[x[i].as.slot.index] = (uint32_t)i;
        }
        for (int k = 0; k < outputs; k++) {
            if (y[k].tape != NULL) {
                walk.needed[y[k].as.slot.index] |= walk.needed[y[k].as.slot.index] == 2 ? 0 : 1;
            }
        }
        if (twice) {
            (void)wg_fail(WG_ERROR_ARGUMENT, "function: two inputs are the same variable");
        } else {
            mark(&walk);
            wg_build_begin(&b, (uint32_t)inputs, options.relaxed);
            fn = freeze(&walk, &b, y, outputs, report);
        }
    }
    wg_free(walk.needed);
    wg_free(walk.term);
    return fn;
}

/* ---- The two ways in ------------------------------------------------------------------------- */

wg_function_options wg_function_defaults(void) {
    return (wg_function_options){.relaxed = false};
}

wg_function *wg_function_from(const wg_var *x, int inputs, const wg_var *y, int outputs,
                              wg_function_options options) {
    if (inputs < 0 || outputs < 1 || (inputs > 0 && x == NULL) || y == NULL) {
        (void)wg_fail(WG_ERROR_ARGUMENT, "function: %d inputs and %d outputs", inputs, outputs);
        return NULL;
    }
    const wg_tape *tape = inputs > 0 ? x[0].tape : NULL;
    for (int k = 0; k < outputs && inputs == 0 && tape == NULL; k++) {
        tape = y[k].tape;
    }
    if (tape != NULL && tape->status != WG_OK) {
        (void)wg_fail(tape->status, "function: the tape has failed: %s", tape->message);
        return NULL;
    }
    if (check(tape, x, inputs, true) != WG_OK || check(tape, y, outputs, false) != WG_OK) {
        return NULL;
    }
    /* Branches before the first input cannot depend on any. */
    uint64_t first = tape != NULL ? tape->lane.count : 0;
    for (int i = 0; i < inputs; i++) {
        first = x[i].as.slot.index < first ? x[i].as.slot.index : first;
    }
    wg_function_report report = {0};
    return from(tape, first, x, inputs, y, outputs, options, &report);
}

/* Runs the body on a tape of its own; false with wg_last_message where that failed. */
static bool run_body(wg_tape *tape, wg_function_body body, void *context, int inputs, int outputs,
                     const double *at, wg_var *x, wg_var *y) {
    for (int i = 0; i < inputs; i++) {
        x[i] = wg_scalar(tape, at != NULL ? at[i] : 0.5);
    }
    for (int k = 0; k < outputs; k++) {
        y[k] = wg_number((double)NAN); /* an output the body forgets is NaN, not chance */
    }
    if (wg_tape_status(tape) == WG_OK) {
        body(x, y, context);
    }
    if (wg_tape_status(tape) != WG_OK) {
        (void)wg_fail(tape->status, "function_record: %s", tape->message);
        return false;
    }
    /* The inputs too: a body that resets the tape takes them away. */
    return check(tape, x, inputs, true) == WG_OK && check(tape, y, outputs, false) == WG_OK;
}

wg_function *wg_function_record(wg_function_body body, void *context, int inputs, int outputs,
                                const double *at, wg_function_options options) {
    if (body == NULL || inputs < 0 || outputs < 1) {
        (void)wg_fail(WG_ERROR_ARGUMENT, "function_record: %d inputs, %d outputs%s", inputs,
                      outputs, body == NULL ? ", no body" : "");
        return NULL;
    }
    wg_tape *tape = wg_tape_new();
    wg_var *vars = wg_calloc((size_t)inputs + (size_t)outputs, sizeof *vars);
    wg_function *fn = NULL;
    if (tape == NULL || vars == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "function_record: no memory");
    } else if (run_body(tape, body, context, inputs, outputs, at, vars, vars + inputs)) {
        wg_function_report report = {.values_read = tape->values_read};
        fn = from(tape, 0, vars, inputs, vars + inputs, outputs, options, &report);
    }
    wg_free(vars);
    wg_tape_free(tape);
    return fn;
}
