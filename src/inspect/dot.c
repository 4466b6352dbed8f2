/* dot.c: the graph of a tape for Graphviz. */
#include "wengert/dot.h"

#include "base/number.h"
#include "base/text.h"
#include "op/rules.h"
#include "tape/tape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_MOST_NODES 2000
/* Arrays of more elements than this are shown by their least, mean and greatest. */
#define MOST_LISTED 6

typedef struct graph {
    wg_text *out;
    const wg_tape *tape;
    const wg_dot_options *options;
} graph;

/* ---- Texts inside a quoted label ------------------------------------------------------------- */

static void put(const graph *g, const char *text) {
    wg_text_put(g->out, text);
}

/* What a user wrote: quotes and backslashes mean themselves, other control characters nothing. */
static void put_escaped(const graph *g, const char *text) {
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            wg_text_letter(g->out, '\\');
            wg_text_letter(g->out, *at);
        } else if (*at == '\n') {
            put(g, "\\n");
        } else {
            wg_text_letter(g->out, (unsigned char)*at < ' ' || *at == 127 ? '?' : *at);
        }
    }
}

/* C leaves open whether a NaN is written with a sign. */
static void put_number(const graph *g, const char *before, double value) {
    char text[32];
    put(g, before);
    put(g, value != value ? "nan" : wg_number_general(text, sizeof text, 6, value));
}

/* The name that the user gave a variable, on a line of its own. */
static void put_name(const graph *g, bool is_array, uint64_t index) {
    for (int i = 0; i < g->options->name_count; i++) {
        wg_var var = g->options->names[i].var;
        if (wg_var_is_array(var) == is_array && var.as.slot.index == index) {
            put_escaped(g, g->options->names[i].name);
            put(g, "\\n");
        }
    }
}

/* ---- Scalars --------------------------------------------------------------------------------- */

static void put_operation(const graph *g, uint64_t index) {
    uint16_t code = g->tape->lane.opcode[index];
    wg_operands at = g->tape->lane.operand[index];
    const wg_rule_info *rule = wg_rule_of_code(code);
    if (rule != NULL) {
        put(g, rule->name);
        return;
    }
    if (code == WG_CODE_LEAF || code == WG_CODE_CONSTANT) {
        put(g, code == WG_CODE_LEAF ? "variable" : "constant");
        return;
    }
    if (code == WG_CODE_AT) {
        put_number(g, "element ", at.b);
        return;
    }
    if (code == WG_CODE_BRANCH) {
        put(g, "branch");
        return;
    }
    double number = g->tape->constant[at.b];
    if (code == WG_CODE_NUMBER_SUB || code == WG_CODE_NUMBER_DIV) {
        put_number(g, "", number);
        put(g, code == WG_CODE_NUMBER_SUB ? " - x" : " / x");
    } else if (code == WG_CODE_ADD_NUMBER) {
        put_number(g, signbit(number) ? "x - " : "x + ", fabs(number));
    } else {
        put_number(g,
                   code == WG_CODE_MUL_NUMBER   ? "x * "
                   : code == WG_CODE_DIV_NUMBER ? "x / "
                                                : "x ^ ",
                   number);
    }
}

/* Leaves have an adjoint after any sweep, intermediates where it was kept. */
static bool has_adjoint(const wg_tape *tape, uint64_t index) {
    uint16_t code = tape->lane.opcode[index];
    return index < tape->lane.adjoint_count && code != WG_CODE_CONSTANT &&
           (code == WG_CODE_LEAF || tape->lane.adjoints_kept);
}

static void write_scalar(const graph *g, uint64_t index) {
    const wg_tape *tape = g->tape;
    uint16_t code = tape->lane.opcode[index];
    unsigned long long name = index;
    if (code == WG_CODE_EXTRA) { /* the third operand of the entry behind it, which shows it */
        return;
    }
    wg_text_add(g->out, "  s%llu [label=\"", name);
    put_name(g, false, index);
    put_operation(g, index);
    if (!g->options->no_values) {
        put_number(g, "\\n", tape->lane.value[index]);
        if (has_adjoint(tape, index)) {
            put_number(g, "\\nadjoint ", tape->lane.adjoint[index]);
        }
    }
    put(g, code == WG_CODE_LEAF       ? "\", style=\"rounded,filled\"];\n"
           : code == WG_CODE_CONSTANT ? "\", style=\"rounded,dashed\"];\n"
                                      : "\"];\n");
    uint32_t operands[3];
    int count = wg_rules_operands(tape, index, operands);
    if (code == WG_CODE_AT) {
        wg_text_add(g->out, "  a%lu -> s%llu;\n", (unsigned long)tape->lane.operand[index].a, name);
        return;
    }
    for (int k = 0; k < count; k++) {
        wg_text_add(g->out, "  s%lu -> s%llu;\n", (unsigned long)operands[k], name);
    }
}

/* ---- Arrays ---------------------------------------------------------------------------------- */

static void put_summary(const graph *g, const wg_view *view, int64_t count) {
    double least = (double)NAN, greatest = (double)NAN, sum = 0;
    int64_t nans = 0;
    for (int64_t i = 0; i < count; i++) {
        double value = wg_view_element(view, i);
        nans += value != value;
        least = fmin(least, value); /* fmin and fmax pass over NaN */
        greatest = fmax(greatest, value);
        sum += value;
    }
    put_number(g, "min ", least);
    put_number(g, ", mean ", sum / (double)count);
    put_number(g, ", max ", greatest);
    if (nans > 0) {
        put_number(g, ", NaN in ", (double)nans);
    }
}

static void put_elements(const graph *g, const char *before, const wg_view *view) {
    int64_t count = wg_view_count(view);
    put(g, before);
    if (count > MOST_LISTED) {
        put_summary(g, view, count);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        put_number(g, i == 0 ? "" : ", ", wg_view_element(view, i));
    }
    put(g, count == 0 ? "empty" : "");
}

static void put_array_values(const graph *g, const wg_node *node) {
    wg_view adjoint = node->view;
    const wg_adjoint_record *record = wg_node_adjoint(node);
    if ((node->flags & WG_NODE_GONE) != 0) {
        put(g, "\\n(given back)");
    } else {
        put_elements(g, "\\n", &node->view);
    }
    if (record != NULL) {
        memcpy(adjoint.stride, record->stride, sizeof adjoint.stride);
        adjoint.data = record->data;
        put_elements(g, "\\nadjoint ", &adjoint);
    } else if (node->sink != NULL && !node->sink->fresh) {
        wg_view_set_contiguous(&adjoint, node->view.dtype, node->view.rank, node->view.shape);
        adjoint.data = node->sink->gradient;
        put_elements(g, "\\ngradient ", &adjoint);
    }
}

static const char *node_kind(const wg_node *node) {
    if (node->op != NULL) {
        return node->op->name;
    }
    if ((node->flags & WG_NODE_LEAF) == 0) {
        return "not recorded"; /* made inside wg_no_grad, or kept by a closed scope */
    }
    return node->sink != NULL                   ? "parameter"
           : (node->flags & WG_NODE_WANTS) != 0 ? "variable"
                                                : "constant";
}

static void write_array(const graph *g, uint64_t index) {
    const wg_node *node = wg_node_at(g->tape, index);
    unsigned long long name = index;
    char shape[192];
    wg_text_add(g->out, "  a%llu [label=\"", name);
    put_name(g, true, index);
    put_escaped(g, node_kind(node));
    for (int k = 0; k < node->count; k++) {
        if (node->operands[k].tape == NULL) {
            wg_text_add(g->out, "\\noperand %d: ", k);
            put_number(g, "", node->operands[k].as.number);
        }
    }
    wg_text_add(g->out, "\\n%s %s", wg_dtype_name(node->view.dtype),
                wg_shape_text(node->view.rank, node->view.shape, shape, sizeof shape));
    if (!g->options->no_values) {
        put_array_values(g, node);
    }
    bool wants = (node->flags & WG_NODE_WANTS) != 0;
    put(g, !wants                              ? "\", style=\"dashed\""
           : (node->flags & WG_NODE_LEAF) != 0 ? "\", style=\"filled\""
                                               : "\"");
    put(g, ", shape=box3d");
    if (node->site != NULL) {
        put(g, ", tooltip=\"");
        put_escaped(g, node->site);
        put(g, "\"");
    }
    put(g, "];\n");
    for (int k = 0; k < node->count; k++) {
        wg_var x = node->operands[k];
        if (x.tape != NULL) {
            wg_text_add(g->out, "  %c%lu -> a%llu;\n", wg_var_is_array(x) ? 'a' : 's',
                        (unsigned long)x.as.slot.index, name);
        }
    }
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void write_graph(const graph *g) {
    const wg_tape *tape = g->tape;
    put(g, "digraph tape {\n"
           "  graph [ordering=in];\n"
           "  node [shape=box, style=rounded, fillcolor=\"#d6e6f5\", fontname=\"sans-serif\", "
           "fontsize=11];\n"
           "  edge [arrowsize=0.6];\n");
    if (tape->status != WG_OK) {
        put(g, "  label=\"");
        put_escaped(g, tape->message);
        put(g, "\";\n");
    }
    uint64_t scalar = 0;
    for (uint64_t i = 0; i < tape->node_count; i++) {
        for (; scalar < wg_node_at(tape, i)->scalars; scalar++) {
            write_scalar(g, scalar);
        }
        write_array(g, i);
    }
    for (; scalar < tape->lane.count; scalar++) {
        write_scalar(g, scalar);
    }
    put(g, "}\n");
}

static wg_status check(const wg_tape *tape, const char *path, const wg_dot_options *options) {
    if (tape == NULL || path == NULL || options->name_count < 0 || options->max_nodes < 0 ||
        (options->name_count > 0 && options->names == NULL)) {
        return wg_fail(WG_ERROR_ARGUMENT,
                       "write_dot: the tape, the path or the names are NULL, or a count is "
                       "negative");
    }
    uint64_t most = options->max_nodes == 0 ? DEFAULT_MOST_NODES : (uint64_t)options->max_nodes;
    if (tape->lane.count + tape->node_count > most) {
        return wg_fail(WG_ERROR_LIMIT,
                       "write_dot: the tape holds %llu scalars and %llu arrays, more than the %llu "
                       "of max_nodes",
                       (unsigned long long)tape->lane.count, (unsigned long long)tape->node_count,
                       (unsigned long long)most);
    }
    for (int i = 0; i < options->name_count; i++) {
        wg_var var = options->names[i].var;
        bool living = var.tape == tape && (wg_var_is_array(var) ? wg_node_of(var) != NULL
                                                                : wg_lane_holds(tape, var.as.slot));
        if (options->names[i].name == NULL || !living) {
            return wg_fail(options->names[i].name == NULL ? WG_ERROR_ARGUMENT : WG_ERROR_HANDLE,
                           "write_dot: name %d (%s) is of no variable that is on the tape now", i,
                           options->names[i].name == NULL ? "NULL" : options->names[i].name);
        }
    }
    return WG_OK;
}

wg_status wg_write_dot(const wg_tape *tape, const char *path, wg_dot_options options) {
    wg_status status = check(tape, path, &options);
    if (status != WG_OK) {
        return status;
    }
    wg_text text = {NULL, 0, 0, false};
    write_graph(&(graph){&text, tape, &options});
    return wg_text_write(&text, "write_dot", path);
}
