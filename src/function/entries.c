/* entries.c: sparse derivatives written out: a program whose outputs are the entries of a pattern.
 *
 * Each row (in reverse) or column (forward) passes only the terms between it and its entries, its
 * cone, so that all of them together cost no more than the compressed products: columns that can
 * share a colour have disjoint cones. */
#include "function/sparse.h"

#include <string.h>

/* Edges that derivatives pass, from every term in the direction of the walk: to operands in
 * reverse, to users forward; and the cone walked last. */
typedef struct wg_cones {
    const wg_term *term;
    uint32_t count;    /* terms */
    uint8_t *on_path;  /* depends on the columns' inputs, and an output depends on it */
    uint32_t *start;   /* [count + 1] */
    uint32_t *to;      /* [start[count]] */
    uint32_t *cursor;  /* by term: its next edge in the walk */
    uint32_t *walk_of; /* by term: the walk that saw it last */
    uint32_t *stack, *cone;
    uint32_t length, walk;
} wg_cones;

static void free_cones(wg_cones *c) {
    wg_free(c->on_path);
    wg_free(c->start);
    wg_free(c->to);
    wg_free(c->cursor);
    wg_free(c->walk_of);
    wg_free(c->stack);
    wg_free(c->cone);
}

static bool is_edge(const wg_cones *c, uint32_t i, int k) {
    return c->on_path[i] != 0 && c->on_path[c->term[i].at[k]] != 0 &&
           !wg_partial_is_zero((wg_rule_index)c->term[i].code, k);
}

/* on_path: 1 where a term depends on inputs [0, n), then 2 more where an output needs it. */
static void mark_paths(wg_cones *c, uint32_t n, uint32_t outputs, const uint32_t *output) {
    for (uint32_t i = 0; i < c->count; i++) {
        const int arity = wg_term_arity(&c->term[i]);
        c->on_path[i] = i < n ? 1 : 0;
        for (int k = 0; k < arity; k++) {
            if (!wg_partial_is_zero((wg_rule_index)c->term[i].code, k)) {
                c->on_path[i] |= c->on_path[c->term[i].at[k]];
            }
        }
    }
    for (uint32_t k = 0; k < outputs; k++) {
        c->on_path[output[k]] |= 2;
    }
    for (uint32_t i = c->count; i-- > 0;) {
        const int arity = c->on_path[i] == 3 ? wg_term_arity(&c->term[i]) : 0;
        for (int k = 0; k < arity; k++) {
            if (!wg_partial_is_zero((wg_rule_index)c->term[i].code, k)) {
                c->on_path[c->term[i].at[k]] |= 2;
            }
        }
        c->on_path[i] = c->on_path[i] == 3 ? 1 : 0; /* nothing later comes back to it */
    }
}

/* start and to, by counting. An operand that a term has twice counts twice. */
static bool list_edges(wg_cones *c, bool by_columns) {
    uint64_t edges = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        const int arity = wg_term_arity(&c->term[i]);
        for (int k = 0; k < arity; k++) {
            if (is_edge(c, i, k)) {
                c->start[by_columns ? c->term[i].at[k] : i]++;
                edges++;
            }
        }
    }
    c->to = edges < UINT32_MAX ? wg_calloc((size_t)edges + 1, sizeof *c->to) : NULL;
    uint32_t sum = 0;
    for (uint32_t i = 0; i <= c->count; i++) {
        sum += c->start[i];
        c->start[i] = sum; /* where the next term's begin; filled downwards */
    }
    for (uint32_t i = c->count; i-- > 0 && c->to != NULL;) {
        const int arity = wg_term_arity(&c->term[i]);
        for (int k = arity; k-- > 0;) {
            const uint32_t at = c->term[i].at[k];
            if (is_edge(c, i, k)) {
                c->to[--c->start[by_columns ? at : i]] = by_columns ? i : at;
            }
        }
    }
    return c->to != NULL;
}

static bool begin_cones(wg_cones *c, const wg_term *term, uint32_t count, const wg_entries *what,
                        const uint32_t *output) {
    memset(c, 0, sizeof *c);
    const size_t room = (size_t)count + 2;
    c->term = term;
    c->count = count;
    c->on_path = wg_calloc(room, 1);
    c->start = wg_calloc(room, sizeof *c->start);
    c->cursor = wg_calloc(room, sizeof *c->cursor);
    c->walk_of = wg_calloc(room, sizeof *c->walk_of);
    c->stack = wg_calloc(room, sizeof *c->stack);
    c->cone = wg_calloc(room, sizeof *c->cone);
    if (c->on_path == NULL || c->start == NULL || c->cursor == NULL || c->walk_of == NULL ||
        c->stack == NULL || c->cone == NULL) {
        return false;
    }
    mark_paths(c, (uint32_t)what->pattern->columns, what->p->outputs - what->first, output);
    return list_edges(c, what->by_columns);
}

/* The terms reached from `root` into cone[0, length): each behind all that it leads to, so that
 * read backwards they are in the order in which derivatives are handed on. */
static void walk_cone(wg_cones *c, uint32_t root) {
    uint32_t top = 0;
    c->walk++;
    c->length = 0;
    if (c->on_path[root] == 0) {
        return;
    }
    c->stack[top++] = root;
    c->walk_of[root] = c->walk;
    c->cursor[root] = c->start[root];
    while (top > 0) {
        const uint32_t i = c->stack[top - 1];
        if (c->cursor[i] == c->start[i + 1]) {
            c->cone[c->length++] = i;
            top--;
            continue;
        }
        const uint32_t next = c->to[c->cursor[i]++];
        if (c->walk_of[next] != c->walk) {
            c->walk_of[next] = c->walk;
            c->cursor[next] = c->start[next];
            c->stack[top++] = next;
        }
    }
}

wg_status wg_entries_cost(const wg_entries *what, int64_t most, int64_t *once,
                          int64_t *altogether) {
    const wg_program *p = what->p;
    wg_cones c;
    *once = *altogether = 0;
    const bool ready = begin_cones(&c, p->term, p->count, what, p->output + what->first);
    if (ready) {
        *once = c.start[p->count];
        const int64_t walks = what->by_columns ? what->pattern->columns : what->pattern->rows;
        for (int64_t k = 0; k < walks && *altogether <= most; k++) {
            walk_cone(&c, what->by_columns ? (uint32_t)k : p->output[what->first + k]);
            for (uint32_t i = 0; i < c.length; i++) {
                *altogether += c.start[c.cone[i] + 1] - c.start[c.cone[i]];
            }
        }
    }
    free_cones(&c);
    return ready ? WG_OK
                 : wg_fail(WG_ERROR_MEMORY, "sparse: no memory to look at %u terms", p->count);
}

/* ---- Deriving -------------------------------------------------------------------------------- */

typedef struct wg_writer {
    const wg_entries *what;
    wg_builder b;
    wg_cones cones;       /* of the builder's copy of the program */
    wg_term *term;        /* that copy, which the builder may move */
    uint32_t *map;        /* what p's terms became */
    uint32_t *output;     /* by row, of the copy */
    uint32_t *input;      /* p's inputs are the copy's */
    uint32_t *derivative; /* adjoints or tangents, by term of the copy */
    uint32_t *entry;      /* by entry: the term that it is */
    uint32_t one;
} wg_writer;

static uint32_t or_zero(wg_builder *b, uint32_t term) {
    return term == WG_NO_TERM ? wg_build_constant(b, 0) : term;
}

static void forget_cone(wg_writer *w) {
    for (uint32_t i = 0; i < w->cones.length; i++) {
        w->derivative[w->cones.cone[i]] = WG_NO_TERM;
    }
}

/* Adjoints of one row's cone. */
static void write_row(wg_writer *w, int64_t row) {
    const wg_pattern *pattern = w->what->pattern;
    wg_cones *c = &w->cones;
    const uint32_t y = w->output[row];
    walk_cone(c, y);
    if (c->length > 0) {
        w->derivative[y] = w->one;
    }
    for (uint32_t at = c->length; at-- > 0 && w->b.status == WG_OK;) {
        const uint32_t i = c->cone[at], g = w->derivative[i];
        const int arity = g != WG_NO_TERM ? wg_term_arity(&c->term[i]) : 0;
        for (int k = 0; k < arity; k++) {
            if (is_edge(c, i, k)) {
                uint32_t *to = &w->derivative[c->term[i].at[k]];
                *to = wg_build_sum(&w->b, *to, wg_build_contribution(&w->b, i, k, g));
            }
        }
    }
    for (int64_t e = pattern->row_start[row]; e < pattern->row_start[row + 1]; e++) {
        w->entry[e] = or_zero(&w->b, w->derivative[pattern->column[e]]);
    }
    forget_cone(w);
}

/* Tangents of one column's cone. `transposed` lists the column's rows. */
static void write_column(wg_writer *w, const wg_pattern *transposed, int64_t column) {
    const wg_pattern *pattern = w->what->pattern;
    wg_cones *c = &w->cones;
    walk_cone(c, (uint32_t)column);
    if (c->length > 0) {
        w->derivative[column] = w->one;
    }
    for (uint32_t at = c->length; at-- > 0 && w->b.status == WG_OK;) {
        const uint32_t i = c->cone[at];
        const int arity = wg_term_arity(&c->term[i]);
        for (int k = 0; k < arity; k++) {
            const uint32_t t = is_edge(c, i, k) ? w->derivative[c->term[i].at[k]] : WG_NO_TERM;
            if (t != WG_NO_TERM) {
                w->derivative[i] =
                    wg_build_sum(&w->b, w->derivative[i], wg_build_contribution(&w->b, i, k, t));
            }
        }
    }
    for (int64_t f = transposed->row_start[column]; f < transposed->row_start[column + 1]; f++) {
        const int64_t row = transposed->column[f];
        if (w->what->symmetric && row < column) {
            continue; /* came with the row's own column */
        }
        const uint32_t term = or_zero(&w->b, w->derivative[w->output[row]]);
        w->entry[wg_pattern_find(pattern, row, column)] = term;
        if (w->what->symmetric) {
            w->entry[wg_pattern_find(pattern, column, row)] = term;
        }
    }
    forget_cone(w);
}

/* The builder's copy of the program, its outputs, and the cones there. */
static bool begin_writer(wg_writer *w, const wg_entries *what, bool relaxed) {
    const wg_program *p = what->p;
    memset(w, 0, sizeof *w);
    w->what = what;
    wg_build_begin(&w->b, p->inputs, relaxed);
    w->map = wg_calloc((size_t)p->count + 1, sizeof *w->map);
    w->output = wg_calloc((size_t)p->outputs + 1, sizeof *w->output);
    w->input = wg_calloc((size_t)p->inputs + 1, sizeof *w->input);
    w->entry = wg_calloc((size_t)what->pattern->count + 1, sizeof *w->entry);
    if (w->map == NULL || w->output == NULL || w->input == NULL || w->entry == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < p->inputs; i++) {
        w->input[i] = i;
    }
    wg_build_copy(&w->b, p, w->input, w->map);
    w->one = wg_build_constant(&w->b, 1);
    if (w->b.status != WG_OK) {
        return true; /* reported at the end */
    }
    const uint32_t top = w->b.count, outputs = p->outputs - what->first;
    for (uint32_t k = 0; k < outputs; k++) {
        w->output[k] = w->map[p->output[what->first + k]];
    }
    w->term = wg_alloc(((size_t)top + 1) * sizeof *w->term);
    w->derivative = wg_alloc(((size_t)top + 1) * sizeof *w->derivative);
    if (w->term == NULL || w->derivative == NULL) {
        return false;
    }
    memcpy(w->term, w->b.term, top * sizeof *w->term);
    memset(w->derivative, 0xff, top * sizeof *w->derivative);
    return begin_cones(&w->cones, w->term, top, what, w->output);
}

static bool write_all(wg_writer *w) {
    const wg_pattern *pattern = w->what->pattern;
    if (!w->what->by_columns) {
        for (int64_t row = 0; row < pattern->rows && w->b.status == WG_OK; row++) {
            write_row(w, row);
        }
        return true;
    }
    wg_pattern *transposed = wg_pattern_transpose(pattern);
    for (int64_t j = 0; j < pattern->columns && transposed != NULL && w->b.status == WG_OK; j++) {
        write_column(w, transposed, j);
    }
    wg_pattern_free(transposed);
    return transposed != NULL;
}

wg_program *wg_derive_entries(const wg_entries *what, bool relaxed, const char *name) {
    if (what->pattern->count >= WG_MOST_TERMS) {
        (void)wg_fail(WG_ERROR_LIMIT, "%s: more than %u entries", name, WG_MOST_TERMS);
        return NULL;
    }
    wg_writer w;
    if (!begin_writer(&w, what, relaxed) || (w.b.status == WG_OK && !write_all(&w))) {
        w.b.status = w.b.status == WG_OK ? WG_ERROR_MEMORY : w.b.status;
    }
    wg_program *program = wg_build_finish(&w.b, (uint32_t)what->pattern->count, w.entry, name);
    free_cones(&w.cones);
    wg_free(w.term);
    wg_free(w.map);
    wg_free(w.output);
    wg_free(w.input);
    wg_free(w.derivative);
    wg_free(w.entry);
    return program;
}
