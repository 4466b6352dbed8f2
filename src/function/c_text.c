/* c_text.c: a nest as C statements. */
#include "function/c_text.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

typedef struct wg_writer {
    wg_text *text;
    const wg_nest *nest;
    const wg_c_arrays *arrays;
    const char *prefix;
    bool lanes;
    wg_c_uses *uses;
    bool *at_hand; /* by node: a value in the store that a variable holds as well */
} wg_writer;

static const char counters[WG_NEST_DEPTH] = {'i', 'j', 'k', 'l'};

/* The texts of the steps, as code.h says them. */
static const char *const step_text[] = {
#define WG_STEP_TEXT(name, value) #value,
    WG_STEPS(WG_STEP_TEXT)
#undef WG_STEP_TEXT
};

const char *wg_c_step_text(int step) {
    return step_text[step];
}

bool wg_c_is_arithmetic(int step) {
    return step <= WG_STEP_FUSED_N_SUB;
}

static void indent(const wg_writer *w, uint32_t depth) {
    wg_text_add(w->text, "%*s", (int)(4 * depth + 4), "");
}

/* "3 + 5 * i - j" */
static void affine(const wg_writer *w, int64_t base, const int64_t *stride) {
    bool any = false;
    for (uint32_t l = 0; l < WG_NEST_DEPTH; l++) {
        const int64_t s = stride[l];
        if (s == 0) {
            continue;
        }
        wg_text_add(w->text, any ? (s < 0 ? " - " : " + ") : (s < 0 ? "-" : ""));
        if (s != 1 && s != -1) {
            wg_text_add(w->text, "%lld * ", (long long)(s < 0 ? -s : s));
        }
        wg_text_add(w->text, "%c", counters[l]);
        any = true;
    }
    if (!any) {
        wg_text_add(w->text, "%lld", (long long)base);
    } else if (base != 0) {
        wg_text_add(w->text, base < 0 ? " - %lld" : " + %lld",
                    (long long)(base < 0 ? -base : base));
    }
}

static void element(const wg_writer *w, const wg_ref *ref, const uint32_t *first,
                    const char *const *name) {
    wg_text_add(w->text, "%s[", name[ref->array]);
    affine(w, ref->base - first[ref->array], ref->stride);
    wg_text_add(w->text, "]");
}

static void cell(const wg_writer *w, const wg_spot *spot) {
    wg_text_add(w->text, "work[");
    affine(w, spot->base, spot->stride);
    for (uint32_t m = 0; m < WG_NEST_DEPTH; m++) {
        if (spot->step[m] != 0) {
            wg_text_add(w->text, " + %lld * ((", (long long)spot->step[m]);
            affine(w, spot->first[m], spot->per[m]);
            wg_text_add(w->text, ") & %lld)", (long long)spot->mask[m]);
        }
    }
    wg_text_add(w->text, "]");
}

static void variable(const wg_writer *w, uint32_t site, int64_t back) {
    wg_text_add(w->text, back != 0 ? "v%u_%lld" : "v%u", site, (long long)back);
}

static void place_of(const wg_writer *w, uint32_t site, const wg_spot *spot) {
    if (spot->back >= 0) {
        variable(w, site, spot->back);
    } else {
        cell(w, spot);
    }
}

/* A number as a C literal that reads back to the same bits. */
static void add_number(wg_text *text, double number) {
    char digits[64];
    if (isnan(number)) {
        wg_text_add(text, "(double)NAN");
        return;
    }
    if (isinf(number)) {
        wg_text_add(text, number > 0 ? "(double)INFINITY" : "(-(double)INFINITY)");
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        double back;
        (void)wg_number_general(digits, sizeof digits, precision, number);
        if (wg_number_parse(digits, strlen(digits), &back) && back == number) {
            break;
        }
    }
    const bool whole = strpbrk(digits, ".e") == NULL;
    wg_text_add(text, number < 0 || signbit(number) ? "(%s%s)" : "%s%s", digits, whole ? ".0" : "");
}

static void number(const wg_writer *w, const wg_ref *ref) {
    bool fixed = true;
    for (uint32_t l = 0; l < WG_NEST_DEPTH; l++) {
        fixed = fixed && ref->stride[l] == 0;
    }
    if (fixed) {
        add_number(w->text, w->nest->number[ref->base]);
    } else {
        wg_text_add(w->text, "%s_numbers[", w->prefix);
        affine(w, ref->base, ref->stride);
        wg_text_add(w->text, "]");
    }
}

static void operand(const wg_writer *w, uint32_t user, int k) {
    const wg_nest_node *node = &w->nest->node[user];
    const wg_ref *ref = &node->ref[k];
    switch (ref->kind) {
    case WG_REF_VALUE: {
        const wg_use *use = &node->use[k];
        if (wg_nest_at_hand(w->nest, user, use)) {
            variable(w, use->site, 0);
        } else {
            const wg_spot spot = wg_nest_spot(w->nest, use);
            place_of(w, use->site, &spot);
        }
        break;
    }
    case WG_REF_INPUT:
        element(w, ref, w->arrays->ports.in_first, w->arrays->in);
        break;
    case WG_REF_NUMBER:
        number(w, ref);
        break;
    default:
        break;
    }
}

/* An operand where a vector must stand: a number in every lane. */
static void whole_operand(const wg_writer *w, uint32_t user, int k) {
    const bool spread = w->lanes && w->nest->node[user].ref[k].kind == WG_REF_NUMBER;
    wg_text_add(w->text, spread ? "SPREAD(" : "");
    operand(w, user, k);
    wg_text_add(w->text, spread ? ")" : "");
}

/* f(operands), `arity` of them. */
static void arguments(const wg_writer *w, uint32_t i, int arity) {
    for (int k = 0; k < arity; k++) {
        wg_text_add(w->text, k > 0 ? ", " : "");
        whole_operand(w, i, k);
    }
    wg_text_add(w->text, ")");
}

/* A rule's function, or on lanes the loop that the library hands over. */
static void call(const wg_writer *w, uint32_t i) {
    const int rule = w->nest->node[i].rule, arity = wg_rule_infos[rule].arity;
    if (w->lanes) {
        wg_text_add(w->text, "call_%d(rule[%d], ", arity, wg_c_rule_number(w->uses, rule));
    } else {
        wg_text_add(w->text, "rule_%s(", wg_rule_infos[rule].name);
    }
    arguments(w, i, arity);
}

/* The step's text with operands in the places of a[j], b[j], c[j] and n. */
static void formula(const wg_writer *w, uint32_t i) {
    const char *text = step_text[w->nest->node[i].code];
    while (*text != '\0') {
        const char *end = text + strcspn(text, "abcnW");
        wg_text_bytes(w->text, text, (size_t)(end - text));
        text = end;
        if (*text == '\0') {
            break;
        }
        if (strncmp(text, "WG_", 3) == 0) { /* a macro of the preamble */
            const size_t length = strcspn(text, "(");
            wg_text_bytes(w->text, text, length);
            text += length;
        } else if (*text == 'n') {
            operand(w, i, 3);
            text++;
        } else {
            operand(w, i, *text - 'a');
            text += strlen("a[j]");
        }
    }
}

static void statement(const wg_writer *w, uint32_t i, uint32_t depth) {
    const wg_nest_node *node = &w->nest->node[i];
    indent(w, depth);
    if (node->code == WG_STEP_STORE) {
        element(w, &node->ref[1], w->arrays->ports.out_first, w->arrays->out);
        wg_text_add(w->text, " = ");
        whole_operand(w, i, 0);
    } else if (node->is_move) {
        const wg_spot spot = wg_nest_spot(w->nest, &node->use[1]);
        place_of(w, node->use[1].site, &spot);
        wg_text_add(w->text, " = ");
        whole_operand(w, i, 0);
    } else {
        if (node->cell >= 0) {
            const wg_spot own = wg_nest_own_spot(w->nest, i);
            cell(w, &own);
            wg_text_add(w->text, " = ");
        }
        if (node->cell < 0 || w->at_hand[i]) {
            variable(w, i, 0);
            wg_text_add(w->text, " = ");
        }
        if (node->code == WG_STEP_RULE) {
            call(w, i);
        } else if (w->lanes && !wg_c_is_arithmetic(node->code)) {
            wg_text_add(w->text, "lanes_%d(", node->code);
            arguments(w, i,
                      1 + (node->ref[1].kind != WG_REF_NONE ? 1 : 0) +
                          (node->ref[2].kind != WG_REF_NONE ? 1 : 0));
        } else {
            formula(w, i);
        }
    }
    wg_text_add(w->text, ";\n");
}

/* At a turn's end: variables of turns before move one back. */
static void rotate(const wg_writer *w, uint32_t loop, uint32_t depth) {
    for (uint32_t i = w->nest->node[loop].first_child; i != WG_NO_NODE; i = w->nest->node[i].next) {
        const wg_nest_node *site = &w->nest->node[i];
        if (site->is_loop || site->is_move || site->cell >= 0) {
            continue;
        }
        for (int64_t back = site->window[depth] - 1; back > 0; back--) {
            indent(w, depth + 1);
            variable(w, i, back);
            wg_text_add(w->text, " = ");
            variable(w, i, back - 1);
            wg_text_add(w->text, ";\n");
        }
    }
}

static void statements(const wg_writer *w, uint32_t first, uint32_t depth) {
    for (uint32_t i = first; i != WG_NO_NODE && !w->text->failed; i = w->nest->node[i].next) {
        const wg_nest_node *node = &w->nest->node[i];
        if (!node->is_loop) {
            statement(w, i, depth);
            continue;
        }
        indent(w, depth);
        wg_text_add(w->text, "for (long %c = 0; %c < %lld; %c++) {\n", counters[depth],
                    counters[depth], (long long)node->count, counters[depth]);
        statements(w, node->first_child, depth + 1);
        if (!node->is_move) {
            rotate(w, i, depth);
        }
        indent(w, depth);
        wg_text_add(w->text, "}\n");
    }
}

/* Variables start at 0 because compilers do not see that moves come first. */
static void declarations(const wg_writer *w) {
    for (uint32_t i = 0; i < w->nest->nodes; i++) {
        const wg_nest_node *site = &w->nest->node[i];
        if (site->is_loop || site->is_move || site->code == WG_STEP_STORE ||
            (site->cell >= 0 && !w->at_hand[i])) {
            continue;
        }
        uint32_t loop[WG_NEST_DEPTH];
        const uint32_t depth = wg_nest_loops(w->nest, i, loop);
        const char *zero = w->lanes ? "{0}" : "0";
        wg_text_add(w->text, "    %s v%u = %s", w->lanes ? "lanes" : "double", i, zero);
        for (uint32_t m = 0; m < depth && site->cell < 0; m++) {
            for (int64_t back = 1; back < site->window[m]; back++) {
                wg_text_add(w->text, ", v%u_%lld = %s", i, (long long)back, zero);
            }
        }
        wg_text_add(w->text, ";\n");
    }
}

/* What is called, before anything is written: a rule's number depends on all of them. */
static void note_uses(const wg_nest *nest, bool lanes, wg_c_uses *uses) {
    for (uint32_t i = 0; i < nest->nodes; i++) {
        const wg_nest_node *node = &nest->node[i];
        if (node->is_loop || node->is_move) {
            continue;
        }
        if (node->code == WG_STEP_RULE) {
            uses->rule[node->rule] = true;
        } else if (lanes && node->code < WG_STEP_RULE && !wg_c_is_arithmetic(node->code)) {
            uses->step[node->code] = true;
        }
    }
}

void wg_c_body(wg_text *text, const wg_nest *nest, const wg_c_arrays *arrays, const char *prefix,
               bool lanes, wg_c_uses *uses) {
    const wg_writer w = {.text = text,
                         .nest = nest,
                         .arrays = arrays,
                         .prefix = prefix,
                         .lanes = lanes,
                         .uses = uses,
                         .at_hand = wg_calloc((size_t)nest->nodes + 1, sizeof(bool))};
    note_uses(nest, lanes, uses);
    if (w.at_hand == NULL) {
        text->failed = true;
        return;
    }
    for (uint32_t i = 0; i < nest->nodes; i++) {
        for (int k = 0; k < 3; k++) {
            const wg_nest_node *node = &nest->node[i];
            if (!node->is_loop && node->ref[k].kind == WG_REF_VALUE &&
                wg_nest_at_hand(nest, i, &node->use[k])) {
                w.at_hand[node->use[k].site] = true;
            }
        }
    }
    declarations(&w);
    statements(&w, nest->first, 0);
    wg_free(w.at_hand);
}

void wg_c_numbers(wg_text *text, const wg_nest *nest, const char *prefix) {
    bool needed = false;
    for (uint32_t i = 0; i < nest->nodes && !needed; i++) {
        for (int k = 0; k < WG_REFS; k++) {
            for (uint32_t l = 0; l < WG_NEST_DEPTH; l++) {
                needed = needed || (nest->node[i].ref[k].kind == WG_REF_NUMBER &&
                                    nest->node[i].ref[k].stride[l] != 0);
            }
        }
    }
    if (!needed) {
        return;
    }
    wg_text_add(text, "static const double %s_numbers[] = {", prefix);
    for (uint32_t i = 0; i < nest->numbers; i++) {
        wg_text_add(text, i % 8 == 0 ? "\n    " : " ");
        add_number(text, nest->number[i]);
        wg_text_add(text, ",");
    }
    wg_text_add(text, "\n};\n\n");
}
