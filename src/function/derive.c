/* derive.c: programs of derivatives, out of the rules' own derivatives as builder calls. */
#include "function/program.h"

#include <math.h>
#include <string.h>

/* ---- The vocabulary of rules.h as terms ----------------------------------------------------- */

#define R_NUM(c) wg_build_constant(b, c)
#define R_ADD(p, q) wg_build_rule(b, WG_RULE_add, p, q, 0)
#define R_SUB(p, q) wg_build_rule(b, WG_RULE_sub, p, q, 0)
#define R_MUL(p, q) wg_build_rule(b, WG_RULE_mul, p, q, 0)
#define R_DIV(p, q) wg_build_rule(b, WG_RULE_div, p, q, 0)
#define R_NEG(p) wg_build_rule(b, WG_RULE_neg, p, 0, 0)
#define R_U(name, p) wg_build_rule(b, WG_RULE_##name, p, 0, 0)
#define R_B(name, p, q) wg_build_rule(b, WG_RULE_##name, p, q, 0)
#define R_T(name, p, q, s) wg_build_rule(b, WG_RULE_##name, p, q, s)
/* Rounded once, and its own derivative loses nothing near 0 (as in op/rules_verbs.c). */
#define R_ONE_MINUS_SQUARE(p)                                                                      \
    wg_build_rule(b, WG_RULE_fma, wg_build_rule(b, WG_RULE_neg, p, 0, 0), p, R_NUM(1))

#define WG_TERM(name, which, derivative)                                                           \
    static uint32_t d_##name##_##which(wg_builder *b, uint32_t x, uint32_t y, uint32_t z,          \
                                       uint32_t r) {                                               \
        (void)b, (void)x, (void)y, (void)z, (void)r;                                               \
        return derivative;                                                                         \
    }
#define WG_TERM_U(name, value, dx, ...) WG_TERM(name, x, dx)
#define WG_TERM_B(name, value, dx, dy, ...) WG_TERM(name, x, dx) WG_TERM(name, y, dy)
#define WG_TERM_T(name, value, dx, dy, dz, ...)                                                    \
    WG_TERM(name, x, dx) WG_TERM(name, y, dy) WG_TERM(name, z, dz)
WG_RULES_ARITHMETIC(WG_TERM_B)
WG_RULES_UNARY(WG_TERM_U)
WG_RULES_BINARY(WG_TERM_B)
WG_RULES_TERNARY(WG_TERM_T)

typedef uint32_t (*wg_partial_builder)(wg_builder *b, uint32_t x, uint32_t y, uint32_t z,
                                       uint32_t r);

#define WG_ROW_U(name, ...) {d_##name##_x, NULL, NULL},
#define WG_ROW_B(name, ...) {d_##name##_x, d_##name##_y, NULL},
#define WG_ROW_T(name, ...) {d_##name##_x, d_##name##_y, d_##name##_z},
static const wg_partial_builder partials[WG_RULE_COUNT][3] = {WG_RULES_ARITHMETIC(
    WG_ROW_B) WG_RULES_UNARY(WG_ROW_U) WG_RULES_BINARY(WG_ROW_B) WG_RULES_TERNARY(WG_ROW_T)};

uint32_t wg_build_partial(wg_builder *b, wg_rule_index rule, int which, uint32_t x, uint32_t y,
                          uint32_t z, uint32_t r) {
    return partials[rule][which](b, x, y, z, r);
}

/* ---- One step of a sweep --------------------------------------------------------------------- */

static bool is_truth(const wg_builder *b, uint32_t term) {
    const uint32_t code = b->term[term].code;
    return code == WG_RULE_lt || code == WG_RULE_le || code == WG_RULE_gt || code == WG_RULE_ge ||
           code == WG_RULE_eq || code == WG_RULE_ne;
}

static uint32_t times(wg_builder *b, uint32_t g, uint32_t partial, wg_rule_index rule) {
    const wg_term *term = &b->term[partial];
    /* A finite number makes zero of zero by itself; nobody sees the sign of an adjoint's zero. */
    if (b->status == WG_OK && term->code == WG_TERM_CONSTANT && isfinite(wg_term_number(term))) {
        return wg_build_rule(b, WG_RULE_mul, g, partial, 0);
    }
    if (!wg_rule_picks(rule)) {
        return R_B(azmul, g, partial);
    }
    /* The zero of the derivative is absolute, and where that need not be finite g's zero too. */
    const uint32_t product = R_B(azmul, partial, g);
    return b->relaxed || wg_rule_is_bounded(rule) || is_truth(b, partial)
               ? product
               : R_T(where, g, product, R_NUM(0));
}

/* g times the derivative of term `index` to its operand `which`; WG_NO_TERM where that is zero. */
static uint32_t contribution(wg_builder *b, uint32_t index, int which, uint32_t g) {
    const wg_term term = b->term[index]; /* by value: building moves the list */
    const wg_rule_index rule = (wg_rule_index)term.code;
    if (rule == WG_RULE_div) { /* one division serves both operands */
        const uint32_t y = term.at[1];
        const uint32_t scaled = b->relaxed ? R_DIV(g, y) : times(b, g, R_DIV(R_NUM(1), y), rule);
        return which == 0 ? scaled : times(b, scaled, R_NEG(index), rule);
    }
    const uint32_t partial = partials[rule][which](b, term.at[0], term.at[1], term.at[2], index);
    return wg_build_is_number(b, partial, 0) ? WG_NO_TERM : times(b, g, partial, rule);
}

static uint32_t sum(wg_builder *b, uint32_t a, uint32_t c) {
    return a == WG_NO_TERM ? c : c == WG_NO_TERM ? a : wg_build_rule(b, WG_RULE_add, a, c, 0);
}

/* active[i]: terms [0, top) that depend on inputs [0, n). */
static void mark_active(const wg_builder *b, uint32_t top, uint32_t n, uint8_t *active) {
    for (uint32_t i = 0; i < top; i++) {
        const int arity = wg_term_arity(&b->term[i]);
        active[i] = i < n ? 1 : 0;
        for (int k = 0; k < arity; k++) {
            active[i] |= active[b->term[i].at[k]];
        }
    }
}

/* Adjoints of terms [0, top) out of those of the outputs, which adjoint[] holds. */
static void sweep(wg_builder *b, uint32_t top, const uint8_t *active, uint32_t *adjoint) {
    for (uint32_t i = top; i-- > 0 && b->status == WG_OK;) {
        const uint32_t g = adjoint[i];
        if (g == WG_NO_TERM || active[i] == 0) {
            continue;
        }
        const int arity = wg_term_arity(&b->term[i]);
        for (int k = 0; k < arity; k++) {
            const uint32_t to = b->term[i].at[k];
            if (active[to] != 0) {
                adjoint[to] = sum(b, adjoint[to], contribution(b, i, k, g));
            }
        }
    }
}

/* ---- Whole programs -------------------------------------------------------------------------- */

/* Tables of one derivation. */
typedef struct wg_derivation {
    wg_builder b;
    uint32_t *input;   /* what the source's inputs are */
    uint32_t *map;     /* what its terms are */
    uint32_t *adjoint; /* or tangents, by term of the builder */
    uint32_t *output;
    uint8_t *active;
    const char *name;
} wg_derivation;

/* `more` inputs behind the source's own, room for `outputs`. */
static bool begin(wg_derivation *d, const wg_program *p, uint64_t more, uint64_t outputs,
                  bool relaxed, const char *name) {
    memset(d, 0, sizeof *d);
    d->name = name;
    if (p->inputs + more > WG_MOST_TERMS || outputs > WG_MOST_TERMS) {
        (void)wg_fail(WG_ERROR_LIMIT, "%s: more than %u inputs or outputs", name, WG_MOST_TERMS);
        return false;
    }
    wg_build_begin(&d->b, p->inputs + (uint32_t)more, relaxed);
    d->input = wg_calloc((size_t)p->inputs + 1, sizeof *d->input);
    d->map = wg_calloc((size_t)p->count + 1, sizeof *d->map);
    d->output = wg_calloc((size_t)outputs + 1, sizeof *d->output);
    if (d->input == NULL || d->map == NULL || d->output == NULL) {
        d->b.status = WG_ERROR_MEMORY;
        return true; /* reported at the end */
    }
    for (uint32_t i = 0; i < p->inputs; i++) {
        d->input[i] = i;
    }
    return true;
}

/* The adjoints' tables for the terms there are now. */
static bool tables(wg_derivation *d, uint32_t n) {
    const uint32_t top = d->b.count;
    wg_free(d->adjoint);
    d->adjoint = NULL;
    if (d->b.status == WG_OK) {
        d->adjoint = wg_alloc(((size_t)top + 1) * sizeof *d->adjoint);
        d->active = wg_calloc((size_t)top + 1, 1);
    }
    if (d->adjoint == NULL || d->active == NULL) {
        d->b.status = d->b.status == WG_OK ? WG_ERROR_MEMORY : d->b.status;
        return false;
    }
    memset(d->adjoint, 0xff, (size_t)top * sizeof *d->adjoint);
    mark_active(&d->b, top, n, d->active);
    return true;
}

static wg_program *finish(wg_derivation *d, uint32_t outputs) {
    wg_program *program = wg_build_finish(&d->b, outputs, d->output, d->name);
    wg_free(d->input);
    wg_free(d->map);
    wg_free(d->adjoint);
    wg_free(d->output);
    wg_free(d->active);
    return program;
}

static uint32_t or_zero(wg_builder *b, uint32_t term) {
    return term == WG_NO_TERM ? wg_build_constant(b, 0) : term;
}

/* Outputs y, then the adjoints of the inputs; seeds are inputs from `seeds` on, or 1. */
static wg_program *reverse(const wg_program *p, bool seeded, bool relaxed, const char *name) {
    wg_derivation d;
    if (!begin(&d, p, seeded ? p->outputs : 0, (uint64_t)p->outputs + p->inputs, relaxed, name)) {
        return NULL;
    }
    if (d.b.status == WG_OK) {
        wg_build_copy(&d.b, p, d.input, d.map);
    }
    const uint32_t one = seeded ? 0 : wg_build_constant(&d.b, 1);
    const uint32_t top = d.b.count;
    if (tables(&d, p->inputs)) {
        for (uint32_t k = 0; k < p->outputs; k++) {
            const uint32_t y = d.map[p->output[k]];
            d.output[k] = y;
            d.adjoint[y] = sum(&d.b, d.adjoint[y], seeded ? p->inputs + k : one);
        }
        sweep(&d.b, top, d.active, d.adjoint);
        for (uint32_t i = 0; i < p->inputs; i++) {
            d.output[p->outputs + i] = or_zero(&d.b, d.adjoint[i]);
        }
    }
    return finish(&d, p->outputs + p->inputs);
}

wg_program *wg_derive_vjp(const wg_program *p, bool relaxed) {
    return reverse(p, true, relaxed, "function_vjp");
}

wg_program *wg_derive_gradient(const wg_program *p, bool relaxed) {
    return reverse(p, false, relaxed, "function_gradient");
}

/* Copies p's terms one by one, each with its tangent right behind it, so that neither waits for
 * the other's whole sweep. tangent[i] of p's terms: given for the inputs, made for the rest. */
static void copy_with_tangents(wg_builder *b, const wg_program *p, const uint32_t *input,
                               uint32_t *map, uint32_t *tangent) {
    for (uint32_t i = 0; i < p->count && b->status == WG_OK; i++) {
        const wg_term *term = &p->term[i];
        if (term->code == WG_TERM_INPUT) {
            map[i] = input[term->at[0]];
            continue;
        }
        tangent[i] = WG_NO_TERM;
        if (term->code == WG_TERM_CONSTANT) {
            map[i] = wg_build_constant(b, wg_term_number(term));
            continue;
        }
        const uint32_t x = map[term->at[0]], y = map[term->at[1]], z = map[term->at[2]];
        const wg_rule_index rule = (wg_rule_index)term->code;
        map[i] = wg_build_rule(b, rule, x, y, z);
        const int arity = wg_term_arity(term);
        for (int k = 0; k < arity && b->status == WG_OK; k++) {
            const uint32_t t = tangent[term->at[k]];
            if (t == WG_NO_TERM) {
                continue;
            }
            const uint32_t partial = partials[rule][k](b, x, y, z, map[i]);
            if (!wg_build_is_number(b, partial, 0)) {
                tangent[i] = sum(b, tangent[i], times(b, t, partial, rule));
            }
        }
    }
}

/* Tangents along inputs [n, 2 n) of the first n inputs; outputs [first, p->outputs) with
 * theirs behind those the caller wants for themselves. */
static wg_program *forward(const wg_program *p, uint32_t n, uint32_t first, bool values,
                           bool relaxed, const char *name) {
    const uint32_t derived = p->outputs - first, kept = values ? derived : 0;
    wg_derivation d;
    if (!begin(&d, p, n, (uint64_t)kept + derived, relaxed, name)) {
        return NULL;
    }
    d.adjoint = wg_alloc(((size_t)p->count + 1) * sizeof *d.adjoint);
    if (d.adjoint == NULL) {
        d.b.status = d.b.status == WG_OK ? WG_ERROR_MEMORY : d.b.status;
    }
    if (d.b.status == WG_OK) {
        for (uint32_t i = 0; i < p->inputs; i++) {
            d.adjoint[i] = i < n ? p->inputs + i : WG_NO_TERM;
        }
        copy_with_tangents(&d.b, p, d.input, d.map, d.adjoint);
        for (uint32_t k = 0; k < derived; k++) {
            const uint32_t y = p->output[first + k];
            if (values) {
                d.output[k] = d.map[y];
            }
            d.output[kept + k] = or_zero(&d.b, d.adjoint[y]);
        }
    }
    return finish(&d, kept + derived);
}

wg_program *wg_derive_jvp(const wg_program *p, bool relaxed) {
    return forward(p, p->inputs, 0, true, relaxed, "function_jvp");
}

/* The vector-Jacobian product's program, derived along v: its inputs are x w, then v. */
wg_program *wg_derive_hvp(const wg_program *p, bool relaxed) {
    wg_program *vjp = wg_derive_vjp(p, relaxed);
    wg_program *hvp =
        vjp == NULL ? NULL : forward(vjp, p->inputs, p->outputs, false, relaxed, "function_hvp");
    wg_program_free(vjp);
    return hvp;
}

/* One reverse sweep for each output. */
static void jacobian_rows(wg_derivation *d, const wg_program *p) {
    wg_build_copy(&d->b, p, d->input, d->map);
    const uint32_t one = wg_build_constant(&d->b, 1), top = d->b.count, n = p->inputs;
    if (!tables(d, n)) {
        return;
    }
    for (uint32_t k = 0; k < p->outputs && d->b.status == WG_OK; k++) {
        const uint32_t y = d->map[p->output[k]];
        d->output[k] = y;
        memset(d->adjoint, 0xff, (size_t)top * sizeof *d->adjoint);
        d->adjoint[y] = one;
        sweep(&d->b, y + 1, d->active, d->adjoint);
        for (uint32_t j = 0; j < n; j++) {
            d->output[p->outputs + k * n + j] = or_zero(&d->b, d->adjoint[j]);
        }
    }
}

/* Tangents of all outputs from `first` on, one pass for each of the first n inputs; entry (k, j)
 * goes to output[at + k n + j]. */
static void jacobian_columns(wg_derivation *d, const wg_program *p, uint32_t n, uint32_t first,
                             uint32_t at) {
    d->adjoint = wg_alloc(((size_t)p->count + 1) * sizeof *d->adjoint);
    if (d->adjoint == NULL) {
        d->b.status = WG_ERROR_MEMORY;
        return;
    }
    const uint32_t one = wg_build_constant(&d->b, 1);
    for (uint32_t j = 0; j < n && d->b.status == WG_OK; j++) {
        memset(d->adjoint, 0xff, (size_t)p->inputs * sizeof *d->adjoint);
        d->adjoint[j] = one;
        copy_with_tangents(&d->b, p, d->input, d->map, d->adjoint);
        for (uint32_t k = first; k < p->outputs && d->b.status == WG_OK; k++) {
            d->output[at + (k - first) * n + j] = or_zero(&d->b, d->adjoint[p->output[k]]);
        }
    }
    for (uint32_t k = 0; k < at && d->b.status == WG_OK; k++) {
        d->output[k] = d->map[p->output[k]];
    }
}

wg_program *wg_derive_jacobian(const wg_program *p, bool relaxed) {
    const uint64_t entries = (uint64_t)p->outputs * p->inputs;
    wg_derivation d;
    if (!begin(&d, p, 0, entries + p->outputs, relaxed, "function_jacobian")) {
        return NULL;
    }
    if (d.b.status == WG_OK && p->outputs <= p->inputs) {
        jacobian_rows(&d, p);
    } else if (d.b.status == WG_OK) {
        jacobian_columns(&d, p, p->inputs, 0, p->outputs);
    }
    return finish(&d, (uint32_t)(p->outputs + entries));
}

/* The lower half by columns of the gradient's tangents; the upper half is the same terms. */
wg_program *wg_derive_hessian(const wg_program *p, bool relaxed) {
    wg_program *vjp = wg_derive_vjp(p, relaxed);
    if (vjp == NULL) {
        return NULL;
    }
    const uint32_t n = p->inputs;
    wg_derivation d;
    if (!begin(&d, vjp, 0, (uint64_t)n * n, relaxed, "function_hessian")) {
        wg_program_free(vjp);
        return NULL;
    }
    if (d.b.status == WG_OK) {
        jacobian_columns(&d, vjp, n, p->outputs, 0);
    }
    for (uint32_t i = 0; i < n && d.b.status == WG_OK; i++) {
        for (uint32_t j = i + 1; j < n; j++) {
            d.output[i * n + j] = d.output[j * n + i];
        }
    }
    wg_program_free(vjp);
    return finish(&d, n * n);
}
