/* taylor.c: programs of Taylor coefficients. */
#include "wengert/taylor.h"

#include "function/function.h"

#include <string.h>

#define WG_MOST_ORDER 100
/* How many times longer the derivatives that the series need may make the function. */
#define WG_MOST_GROWTH 32

struct wg_taylor {
    wg_program *program;
    wg_code *code;
};

typedef struct wg_series {
    wg_builder closed; /* the function, and the derivatives that its rules need */
    uint32_t *map;     /* what the function's terms are there */
    uint32_t *partial; /* of each term there: three terms, WG_NO_TERM where zero */
    wg_builder b;
    uint32_t *coefficient; /* of term i: [i * (order + 1) + k]; terms of b */
    uint32_t order;
} wg_series;

/* ---- The rules that have recurrences of their own -------------------------------------------- */

static bool has_recurrence(uint32_t code) {
    return code == WG_RULE_add || code == WG_RULE_sub || code == WG_RULE_neg ||
           code == WG_RULE_mul || code == WG_RULE_azmul || code == WG_RULE_square ||
           code == WG_RULE_div || code == WG_RULE_fma || code == WG_RULE_where;
}

static uint32_t at(const wg_series *s, uint32_t term, uint32_t k) {
    return s->coefficient[(size_t)term * (s->order + 1) + k];
}

static uint32_t rule2(wg_series *s, wg_rule_index rule, uint32_t x, uint32_t y) {
    return wg_build_rule(&s->b, rule, x, y, 0);
}

/* Σ a_j c_{k-j}, j from `first` to `last`. */
static uint32_t convolve(wg_series *s, uint32_t a, uint32_t c, uint32_t k, uint32_t first,
                         uint32_t last) {
    uint32_t sum = WG_NO_TERM;
    for (uint32_t j = first; j <= last && j <= k; j++) {
        const uint32_t product = rule2(s, WG_RULE_mul, at(s, a, j), at(s, c, k - j));
        sum = sum == WG_NO_TERM ? product : rule2(s, WG_RULE_add, sum, product);
    }
    return sum == WG_NO_TERM ? wg_build_constant(&s->b, 0) : sum;
}

static uint32_t by_recurrence(wg_series *s, uint32_t i, uint32_t k) {
    const wg_term *term = &s->closed.term[i];
    const uint32_t x = term->at[0], y = term->at[1], z = term->at[2];
    switch ((int)term->code) {
    case WG_RULE_neg:
        return wg_build_rule(&s->b, WG_RULE_neg, at(s, x, k), 0, 0);
    case WG_RULE_square:
        return convolve(s, x, x, k, 0, k);
    case WG_RULE_mul:
    case WG_RULE_azmul:
        return convolve(s, x, y, k, 0, k);
    case WG_RULE_fma:
        return rule2(s, WG_RULE_add, convolve(s, x, y, k, 0, k), at(s, z, k));
    case WG_RULE_where:
        return wg_build_rule(&s->b, WG_RULE_where, at(s, x, 0), at(s, y, k), at(s, z, k));
    case WG_RULE_div: { /* r y = x */
        const uint32_t rest = rule2(s, WG_RULE_sub, at(s, x, k), convolve(s, i, y, k, 0, k - 1));
        return rule2(s, WG_RULE_div, rest, at(s, y, 0));
    }
    default:
        return rule2(s, (wg_rule_index)term->code, at(s, x, k), at(s, y, k));
    }
}

/* x to a constant power c: k x₀ r_k = Σ (c j - (k - j)) x_j r_{k-j}. */
static uint32_t by_power(wg_series *s, uint32_t i, uint32_t k) {
    const uint32_t x = s->closed.term[i].at[0];
    const double c = wg_term_number(&s->closed.term[s->closed.term[i].at[1]]);
    uint32_t sum = wg_build_constant(&s->b, 0);
    for (uint32_t j = 1; j <= k; j++) {
        const uint32_t factor = wg_build_constant(&s->b, (c * j - (double)(k - j)) / k);
        const uint32_t product = rule2(s, WG_RULE_mul, at(s, x, j), at(s, i, k - j));
        sum = rule2(s, WG_RULE_add, sum, rule2(s, WG_RULE_mul, factor, product));
    }
    return rule2(s, WG_RULE_div, sum, at(s, x, 0));
}

/* r′ = Σ d x′: k r_k = Σ over operands Σ j x_j d_{k-j}. */
static uint32_t by_derivative(wg_series *s, uint32_t i, uint32_t k) {
    const wg_term *term = &s->closed.term[i];
    const int arity = wg_term_arity(term);
    uint32_t sum = wg_build_constant(&s->b, 0);
    for (int which = 0; which < arity; which++) {
        const uint32_t d = s->partial[3 * (size_t)i + (size_t)which];
        for (uint32_t j = 1; j <= k && d != WG_NO_TERM; j++) {
            const uint32_t factor = wg_build_constant(&s->b, (double)j / k);
            const uint32_t product =
                rule2(s, WG_RULE_azmul, at(s, term->at[which], j), at(s, d, k - j));
            sum = rule2(s, WG_RULE_add, sum, rule2(s, WG_RULE_mul, factor, product));
        }
    }
    return sum;
}

static bool is_constant_power(const wg_series *s, const wg_term *term) {
    return term->code == WG_RULE_pow && s->closed.term[term->at[1]].code == WG_TERM_CONSTANT;
}

static uint32_t coefficient_of(wg_series *s, uint32_t i, uint32_t k) {
    const wg_term *term = &s->closed.term[i];
    if (term->code == WG_TERM_CONSTANT) {
        return wg_build_constant(&s->b, k == 0 ? wg_term_number(term) : 0);
    }
    if (k == 0) {
        return wg_build_rule(&s->b, (wg_rule_index)term->code, at(s, term->at[0], 0),
                             at(s, term->at[1], 0), at(s, term->at[2], 0));
    }
    if (has_recurrence(term->code)) {
        return by_recurrence(s, i, k);
    }
    return is_constant_power(s, term) ? by_power(s, i, k) : by_derivative(s, i, k);
}

/* ---- The derivatives that rules need --------------------------------------------------------- */

/* The derivative of a term to its operand k; that of a power by r itself, since x to the y - 1
 * would bring x to the y - 2, and so on. */
static uint32_t derivative_of(wg_builder *b, const wg_term *term, uint32_t r, int k) {
    const uint32_t x = term->at[0], y = term->at[1];
    if (term->code != WG_RULE_pow) {
        return wg_build_partial(b, (wg_rule_index)term->code, k, x, y, term->at[2], r);
    }
    const uint32_t factor =
        k == 0 ? wg_build_rule(b, WG_RULE_div, y, x, 0) : wg_build_rule(b, WG_RULE_log, x, 0, 0);
    return wg_build_rule(b, WG_RULE_mul, r, factor, 0);
}

/* The function's terms, and the derivatives of its rules until they close: sin brings cos, and cos
 * brings sin, which is there. */
static wg_status close_derivatives(wg_series *s, const wg_function *fn) {
    const wg_program *p = fn->value;
    const uint64_t most = (uint64_t)WG_MOST_GROWTH * p->count + 1024;
    wg_builder *b = &s->closed;
    s->map = wg_calloc((size_t)p->count + 1, sizeof *s->map);
    s->partial = wg_alloc(((size_t)most + 64) * 3 * sizeof *s->partial);
    if (s->map == NULL || s->partial == NULL || b->status != WG_OK) {
        return WG_ERROR_MEMORY;
    }
    memset(s->partial, 0xff, ((size_t)most + 64) * 3 * sizeof *s->partial);
    for (uint32_t i = 0; i < p->inputs; i++) {
        s->map[i] = i;
    }
    wg_build_copy(b, p, s->map, s->map);
    for (uint32_t i = p->inputs; i < b->count && b->count <= most && b->status == WG_OK; i++) {
        const wg_term term = b->term[i]; /* by value: building moves the list */
        const int arity = wg_term_arity(&term);
        for (int k = 0; k < arity && !has_recurrence(term.code) && !is_constant_power(s, &term);
             k++) {
            const uint32_t d = derivative_of(b, &term, i, k);
            s->partial[3 * (size_t)i + (size_t)k] = wg_build_is_number(b, d, 0) ? WG_NO_TERM : d;
        }
    }
    if (b->status == WG_OK && b->count > most) {
        return wg_fail(WG_ERROR_STATE, "function_taylor: the derivatives of a rule never close "
                                       "(lgamma, digamma, polygamma and sinc have no series)");
    }
    return b->status;
}

/* ---- Programs of coefficients ---------------------------------------------------------------- */

/* Coefficient k of every term, given those before and the inputs' own. */
static void next_coefficients(wg_series *s, uint32_t k) {
    for (uint32_t i = s->closed.inputs; i < s->closed.count && s->b.status == WG_OK; i++) {
        s->coefficient[(size_t)i * (s->order + 1) + k] = coefficient_of(s, i, k);
    }
}

/* All coefficients; `solve`: the outputs are the rates of the first inputs. */
static void make_coefficients(wg_series *s, const wg_program *p, bool solve) {
    const size_t width = (size_t)s->order + 1;
    for (uint32_t i = 0; i < p->inputs; i++) {
        for (uint32_t k = 0; k <= s->order; k++) {
            s->coefficient[i * width + k] = !solve   ? (uint32_t)(i * width + k)
                                            : k == 0 ? i
                                                     : wg_build_constant(&s->b, 0);
        }
    }
    for (uint32_t k = 0; k <= s->order; k++) {
        next_coefficients(s, k);
        for (uint32_t i = 0; i < p->outputs && solve && k < s->order; i++) {
            const uint32_t rate = at(s, s->map[p->output[i]], k);
            s->coefficient[i * width + k + 1] =
                rule2(s, WG_RULE_mul, rate, wg_build_constant(&s->b, 1.0 / ((double)k + 1)));
        }
    }
}

static wg_program *series_program(wg_series *s, const wg_function *fn, bool solve) {
    const wg_program *p = fn->value;
    const size_t width = (size_t)s->order + 1, outputs = p->outputs * width;
    wg_status status = close_derivatives(s, fn);
    s->coefficient = status == WG_OK
                         ? wg_calloc((size_t)s->closed.count * width + 1, sizeof *s->coefficient)
                         : NULL;
    uint32_t *output = wg_calloc(outputs + 1, sizeof *output);
    if (status == WG_ERROR_STATE || s->coefficient == NULL || output == NULL) {
        wg_free(output);
        if (status != WG_ERROR_STATE) {
            (void)wg_fail(WG_ERROR_MEMORY, "function_taylor: no memory for %u terms of order %u",
                          p->count, s->order);
        }
        return NULL;
    }
    wg_build_begin(&s->b, solve ? p->inputs : (uint32_t)(p->inputs * width), fn->relaxed);
    make_coefficients(s, p, solve);
    for (size_t k = 0; k < outputs && s->b.status == WG_OK; k++) {
        const uint32_t from = (uint32_t)(k / width);
        output[k] = at(s, solve ? from : s->map[p->output[from]], (uint32_t)(k % width));
    }
    wg_program *program = wg_build_finish(&s->b, (uint32_t)outputs, output, "function_taylor");
    wg_free(output);
    return program;
}

/* ---- The public calls ------------------------------------------------------------------------ */

static wg_taylor *make(const wg_function *fn, int order, bool solve) {
    if (fn == NULL || order < 0 || order > WG_MOST_ORDER ||
        (solve && fn->value->outputs > fn->value->inputs)) {
        (void)wg_fail(WG_ERROR_ARGUMENT, "function_taylor: %s",
                      fn == NULL ? "the function is NULL"
                      : order < 0 || order > WG_MOST_ORDER
                          ? "the order is not within 0 and 100"
                          : "more rates than inputs to be the state");
        return NULL;
    }
    wg_series s = {.order = (uint32_t)order};
    wg_build_begin(&s.closed, fn->value->inputs, fn->relaxed);
    wg_taylor *taylor = wg_calloc(1, sizeof *taylor);
    if (taylor == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "function_taylor: no memory");
    } else {
        const uint32_t first = 0;
        const wg_ports ports = {1, 1, &first, &first};
        taylor->program = series_program(&s, fn, solve);
        taylor->code = taylor->program != NULL
                           ? wg_code_new(taylor->program, &ports, fn->relaxed, "function_taylor")
                           : NULL;
        if (taylor->code == NULL) {
            wg_taylor_free(taylor);
            taylor = NULL;
        }
    }
    wg_build_abandon(&s.closed);
    wg_build_abandon(&s.b);
    wg_free(s.map);
    wg_free(s.partial);
    wg_free(s.coefficient);
    return taylor;
}

wg_taylor *wg_function_taylor(const wg_function *fn, int order) {
    return make(fn, order, false);
}

wg_taylor *wg_function_taylor_solution(const wg_function *fn, int order) {
    return make(fn, order, true);
}

void wg_taylor_free(wg_taylor *taylor) {
    if (taylor != NULL) {
        wg_program_free(taylor->program);
        wg_code_free(taylor->code);
        wg_free(taylor);
    }
}

wg_status wg_taylor_run(const wg_taylor *taylor, int64_t count, const double *x, double *y) {
    if (taylor == NULL || count < 0 || (count > 0 && (x == NULL || y == NULL))) {
        return wg_fail(WG_ERROR_ARGUMENT, "taylor_run: %s",
                       taylor == NULL ? "the series are NULL"
                       : count < 0    ? "a negative number of points"
                                      : "an array is NULL");
    }
    const wg_port in = {(void *)(uintptr_t)x, taylor->program->inputs, 1};
    const wg_port out = {y, taylor->program->outputs, 1};
    return wg_code_run(taylor->code, WG_F64, count, &in, &out, "taylor_run");
}
