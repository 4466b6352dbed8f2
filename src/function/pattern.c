/* pattern.c: which derivatives of a program can be nonzero: the set of inputs that each term
 * depends on, propagated forward (Griewank and Walther, "Evaluating Derivatives", 2nd ed.,
 * section 7.1). */
#include "function/sets.h"
#include "function/sparse.h"

#include <string.h>

/* ---- Patterns as such ------------------------------------------------------------------------ */

void wg_pattern_free(wg_pattern *pattern) {
    if (pattern != NULL) {
        wg_free(pattern->row_start);
        wg_free(pattern->column);
        wg_free(pattern->row);
        wg_free(pattern);
    }
}

wg_pattern *wg_pattern_new(int64_t rows, int64_t columns, int64_t count) {
    wg_pattern *p = wg_calloc(1, sizeof *p);
    if (p == NULL) {
        return NULL;
    }
    p->rows = rows;
    p->columns = columns;
    p->count = count;
    p->row_start = wg_calloc((size_t)rows + 1, sizeof *p->row_start);
    p->column = wg_calloc((size_t)count + 1, sizeof *p->column);
    p->row = wg_calloc((size_t)count + 1, sizeof *p->row);
    if (p->row_start == NULL || p->column == NULL || p->row == NULL) {
        wg_pattern_free(p);
        return NULL;
    }
    return p;
}

wg_pattern *wg_pattern_transpose(const wg_pattern *p) {
    wg_pattern *t = wg_pattern_new(p->columns, p->rows, p->count);
    if (t == NULL) {
        return NULL;
    }
    /* row_start[i + 1] counts, then says where row i goes on, and ends as where row i + 1 starts.
     */
    for (int64_t e = 0; e < p->count; e++) {
        t->row_start[p->column[e] + 1]++;
    }
    int64_t sum = 0;
    for (int64_t i = 0; i < t->rows; i++) {
        const int64_t length = t->row_start[i + 1];
        t->row_start[i + 1] = sum;
        sum += length;
    }
    for (int64_t e = 0; e < p->count; e++) {
        const int64_t to = t->row_start[p->column[e] + 1]++;
        t->column[to] = p->row[e];
        t->row[to] = p->column[e];
    }
    return t;
}

int64_t wg_pattern_find(const wg_pattern *p, int64_t row, int64_t column) {
    int64_t low = p->row_start[row], high = p->row_start[row + 1] - 1;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (p->column[middle] < column) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The union of two sorted lists; `out` may be NULL, where only its length is wanted. */
static int64_t merge(const int64_t *a, int64_t n, const int64_t *b, int64_t m, int64_t *out) {
    int64_t i = 0, j = 0, length = 0;
    while (i < n || j < m) {
        const int64_t next = j == m || (i < n && a[i] < b[j]) ? a[i] : b[j];
        i += i < n && a[i] == next ? 1 : 0;
        j += j < m && b[j] == next ? 1 : 0;
        if (out != NULL) {
            out[length] = next;
        }
        length++;
    }
    return length;
}

static int64_t merge_rows(const wg_pattern *p, const wg_pattern *t, int64_t i, int64_t *out) {
    const int64_t a = p->row_start[i], b = t->row_start[i];
    return merge(p->column + a, p->row_start[i + 1] - a, t->column + b, t->row_start[i + 1] - b,
                 out);
}

wg_pattern *wg_pattern_symmetric(const wg_pattern *p) {
    wg_pattern *t = wg_pattern_transpose(p);
    if (t == NULL) {
        return NULL;
    }
    int64_t count = 0;
    for (int64_t i = 0; i < p->rows; i++) {
        count += merge_rows(p, t, i, NULL);
    }
    wg_pattern *s = wg_pattern_new(p->rows, p->columns, count);
    for (int64_t i = 0; i < p->rows && s != NULL; i++) {
        const int64_t start = s->row_start[i];
        s->row_start[i + 1] = start + merge_rows(p, t, i, s->column + start);
        for (int64_t e = start; e < s->row_start[i + 1]; e++) {
            s->row[e] = i;
        }
    }
    wg_pattern_free(t);
    return s;
}

/* ---- Derivatives that are zero --------------------------------------------------------------- */

/* The rules' derivatives as a question: is this the number 0, whatever the operands? */
#define R_NUM(c) ((c) == 0)
#define R_ADD(a, b) ((a) && (b))
#define R_SUB(a, b) ((a) && (b))
#define R_MUL(a, b) ((a) || (b))
#define R_DIV(a, b) (a)
#define R_NEG(a) (a)
#define R_U(name, a) false
#define R_B(name, a, b) false
#define R_T(name, a, b, c) false
#define R_ONE_MINUS_SQUARE(a) false
#define WG_ZERO_U(name, value, dx, ...) {dx, true, true},
#define WG_ZERO_B(name, value, dx, dy, ...) {dx, dy, true},
#define WG_ZERO_T(name, value, dx, dy, dz, ...) {dx, dy, dz},

bool wg_partial_is_zero(wg_rule_index rule, int which) {
    enum {
        x = 0,
        y = 0,
        z = 0,
        r = 0
    };
    static const bool zero[WG_RULE_COUNT][3] = {WG_RULES_ARITHMETIC(WG_ZERO_B) WG_RULES_UNARY(
        WG_ZERO_U) WG_RULES_BINARY(WG_ZERO_B) WG_RULES_TERNARY(WG_ZERO_T)};
    return zero[rule][which];
}

/* ---- The pattern of a program ---------------------------------------------------------------- */

/* needed[i] of the terms that derivatives of outputs [first, …) pass through. */
static void mark_needed(const wg_program *p, uint32_t first, uint8_t *needed) {
    for (uint32_t k = first; k < p->outputs; k++) {
        needed[p->output[k]] = 1;
    }
    for (uint32_t i = p->count; i-- > p->inputs;) {
        const wg_term *term = &p->term[i];
        const int arity = needed[i] != 0 ? wg_term_arity(term) : 0;
        for (int k = 0; k < arity; k++) {
            needed[term->at[k]] |= !wg_partial_is_zero((wg_rule_index)term->code, k);
        }
    }
}

/* One propagation: the part of the program that counts, and the sets of its terms. */
typedef struct wg_spread {
    const wg_program *p;
    uint32_t first, n; /* outputs [first, …) by inputs [0, n) */
    uint8_t *needed;
    uint32_t *set_of; /* by term */
    wg_sets sets;
} wg_spread;

static void propagate(wg_spread *s) {
    for (uint32_t i = 0; i < s->p->count && !s->sets.failed; i++) {
        const wg_term *term = &s->p->term[i];
        const int arity = s->needed[i] != 0 ? wg_term_arity(term) : 0;
        s->set_of[i] = i < s->n ? i + 1 : 0;
        for (int k = 0; k < arity; k++) {
            if (!wg_partial_is_zero((wg_rule_index)term->code, k)) {
                s->set_of[i] = wg_sets_unite(&s->sets, s->set_of[i], s->set_of[term->at[k]]);
            }
        }
    }
}

/* Rows out of the outputs' sets. */
static wg_pattern *write_rows(wg_spread *s) {
    const wg_program *p = s->p;
    int64_t count = 0;
    wg_sets_close(&s->sets);
    for (uint32_t k = s->first; k < p->outputs && !s->sets.failed; k++) {
        const uint32_t set = s->set_of[p->output[k]];
        if (s->sets.set[set].size == WG_LAZY) {
            wg_sets_list(&s->sets, set);
        }
        count += s->sets.set[set].size;
    }
    wg_pattern *pattern =
        s->sets.failed ? NULL : wg_pattern_new(p->outputs - s->first, s->n, count);
    for (uint32_t k = s->first; k < p->outputs && pattern != NULL; k++) {
        const wg_set set = s->sets.set[s->set_of[p->output[k]]];
        const int64_t row = k - s->first, start = pattern->row_start[row];
        for (uint32_t e = 0; e < set.size; e++) {
            pattern->column[start + e] = s->sets.pool[set.at + e];
            pattern->row[start + e] = row;
        }
        pattern->row_start[row + 1] = start + set.size;
    }
    return pattern;
}

/* ---- The same by bits ------------------------------------------------------------------------ */

/* So many inputs a pass, a bit each: no more than the terms times the inputs whatever the program,
 * where listing one long set after the other may pass most of the terms for every output. */
#define WG_WORDS 4
#define WG_PASS ((uint32_t)WG_WORDS * 64)

typedef struct wg_mask {
    uint64_t word[WG_WORDS];
} wg_mask;

/* Which of inputs [from, from + WG_PASS) each term depends on. */
static void pass_bits(const wg_spread *s, uint32_t from, wg_mask *mask) {
    for (uint32_t i = 0; i < s->p->count; i++) {
        const wg_term *term = &s->p->term[i];
        const int arity = s->needed[i] != 0 ? wg_term_arity(term) : 0;
        wg_mask m = {{0}};
        if (i < s->n && i >= from && i - from < WG_PASS) {
            m.word[(i - from) / 64] = (uint64_t)1 << (i - from) % 64;
        }
        for (int k = 0; k < arity; k++) {
            if (!wg_partial_is_zero((wg_rule_index)term->code, k)) {
                for (int w = 0; w < WG_WORDS; w++) {
                    m.word[w] |= mask[term->at[k]].word[w];
                }
            }
        }
        mask[i] = m;
    }
}

/* Calls for all entries, in passes; within a row by rising column. `pattern` NULL: counts the rows'
 * entries into start[row + 1]; else writes each at start[row]++. */
static void all_passes(const wg_spread *s, wg_mask *mask, wg_pattern *pattern, int64_t *start) {
    for (uint32_t from = 0; from < s->n; from += WG_PASS) {
        pass_bits(s, from, mask);
        const uint32_t most = s->n - from < WG_PASS ? s->n - from : WG_PASS;
        for (int64_t row = 0; row < (int64_t)(s->p->outputs - s->first); row++) {
            const wg_mask *m = &mask[s->p->output[s->first + row]];
            for (uint32_t bit = 0; bit < most; bit++) {
                if ((m->word[bit / 64] >> bit % 64 & 1) == 0) {
                    continue;
                }
                if (pattern == NULL) {
                    start[row + 1]++;
                } else {
                    pattern->row[start[row]] = row;
                    pattern->column[start[row]++] = from + bit;
                }
            }
        }
    }
}

static wg_pattern *write_rows_by_bits(const wg_spread *s) {
    const int64_t rows = s->p->outputs - s->first;
    wg_mask *mask = wg_alloc(((size_t)s->p->count + 1) * sizeof *mask);
    int64_t *start = wg_calloc((size_t)rows + 2, sizeof *start);
    wg_pattern *pattern = NULL;
    if (mask != NULL && start != NULL) {
        all_passes(s, mask, NULL, start);
        for (int64_t row = 0; row < rows; row++) {
            start[row + 1] += start[row];
        }
        pattern = wg_pattern_new(rows, s->n, start[rows]);
    }
    if (pattern != NULL) {
        memcpy(pattern->row_start, start, ((size_t)rows + 1) * sizeof *start);
        all_passes(s, mask, pattern, start);
    }
    wg_free(mask);
    wg_free(start);
    return pattern;
}

/* Whether the passes are fewer steps than listing the outputs' sets can be. */
static bool bits_pay(const wg_spread *s) {
    uint64_t lazy = 0;
    for (uint32_t k = s->first; k < s->p->outputs; k++) {
        lazy += s->sets.set[s->set_of[s->p->output[k]]].size == WG_LAZY ? 1 : 0;
    }
    return (double)lazy * s->sets.lazy > (double)s->p->count * (1.0 + s->n / WG_PASS);
}

wg_pattern *wg_program_pattern(const wg_program *p, uint32_t first, uint32_t n, const char *name) {
    wg_spread s = {.p = p, .first = first, .n = n};
    wg_sets_begin(&s.sets, n, p->count);
    s.needed = wg_calloc((size_t)p->count + 1, 1);
    s.set_of = wg_calloc((size_t)p->count + 1, sizeof *s.set_of);
    wg_pattern *pattern = NULL;
    if (s.needed != NULL && s.set_of != NULL && !s.sets.failed) {
        mark_needed(p, first, s.needed);
        propagate(&s);
        pattern = s.sets.failed ? NULL : bits_pay(&s) ? write_rows_by_bits(&s) : write_rows(&s);
    }
    if (pattern == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "%s: no memory for the pattern of %u terms", name, p->count);
    }
    wg_free(s.needed);
    wg_free(s.set_of);
    wg_sets_free(&s.sets);
    return pattern;
}

wg_status wg_function_jacobian_pattern(const wg_function *fn, wg_pattern **out) {
    if (fn == NULL || out == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "function_jacobian_pattern: %s is NULL",
                       fn == NULL ? "the function" : "the place for the pattern");
    }
    *out = wg_program_pattern(fn->value, 0, fn->value->inputs, "function_jacobian_pattern");
    return *out != NULL ? WG_OK : WG_ERROR_MEMORY;
}

/* The Jacobian's pattern of the gradient. Both halves are the same but where the program does not
 * show that something cancels; what either half has is kept. */
wg_status wg_function_hessian_pattern(const wg_function *fn, wg_pattern **out) {
    const char *const name = "function_hessian_pattern";
    if (fn == NULL || out == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: %s is NULL", name,
                       fn == NULL ? "the function" : "the place for the pattern");
    }
    *out = NULL;
    const wg_program *vjp = wg_function_program(fn, WG_MODE_vjp);
    wg_pattern *half =
        vjp == NULL ? NULL : wg_program_pattern(vjp, fn->value->outputs, fn->value->inputs, name);
    if (half == NULL) {
        return WG_ERROR_MEMORY;
    }
    *out = wg_pattern_symmetric(half);
    wg_pattern_free(half);
    return *out != NULL ? WG_OK : wg_fail(WG_ERROR_MEMORY, "%s: no memory for the pattern", name);
}
