/* pattern.c: which derivatives of a program can be nonzero: the set of inputs that each term
 * depends on, propagated forward (Griewank and Walther, "Evaluating Derivatives", 2nd ed.,
 * section 7.1). */
#include "function/sparse.h"

#include <stdlib.h>
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
        r = 0
    };
    static const bool zero[WG_RULE_COUNT][3] = {WG_RULES_ARITHMETIC(WG_ZERO_B) WG_RULES_UNARY(
        WG_ZERO_U) WG_RULES_BINARY(WG_ZERO_B) WG_RULES_TERNARY(WG_ZERO_T)};
    return zero[rule][which];
}

/* ---- Sets of inputs -------------------------------------------------------------------------- */

/* Unions of at most this many members altogether are written down as they come. Longer ones are
 * kept as "the union of these two", and only the outputs' are ever listed: the running sum of a
 * million terms would else be a million lists of up to a million. */
#define WG_LISTED_MEMBERS ((uint64_t)1 << 27)
#define WG_LEAST_LISTED 64

#define WG_LAZY UINT32_MAX

/* Members pool[at, at + size), sorted; or, where size is WG_LAZY, the union of two sets, whose
 * numbers are the halves of `at`. Set 0 is empty, set j + 1 is {j}. */
typedef struct wg_set {
    uint64_t at;
    uint32_t size;
} wg_set;

typedef struct wg_sets {
    uint32_t *pool;
    uint64_t pooled, pool_room;
    wg_set *set;
    uint32_t count, room;
    uint32_t longest; /* that is listed while propagating */
    bool failed;
    /* Of the walk that lists a lazy set: */
    uint32_t *seen_set, *seen_input, *stack;
    uint32_t walk;
} wg_sets;

static void free_sets(wg_sets *s) {
    wg_free(s->pool);
    wg_free(s->set);
    wg_free(s->seen_set);
    wg_free(s->seen_input);
    wg_free(s->stack);
}

/* Room for `more` members behind the pool's. */
static bool pool_room(wg_sets *s, uint64_t more) {
    if (s->pooled + more <= s->pool_room) {
        return true;
    }
    const uint64_t room = s->pool_room + s->pool_room / 2 + more + 1024;
    uint32_t *grown = wg_realloc(s->pool, (size_t)room * sizeof *grown);
    if (grown == NULL) {
        s->failed = true;
        return false;
    }
    s->pool = grown;
    s->pool_room = room;
    return true;
}

static uint32_t put_set(wg_sets *s, uint64_t at, uint32_t size) {
    if (s->count == s->room) {
        const uint64_t room = (uint64_t)s->room * 2 + 64;
        wg_set *grown = room < UINT32_MAX ? wg_realloc(s->set, (size_t)room * sizeof *grown) : NULL;
        if (grown == NULL) {
            s->failed = true;
            return 0;
        }
        s->set = grown;
        s->room = (uint32_t)room;
    }
    s->set[s->count] = (wg_set){at, size};
    return s->count++;
}

static void begin_sets(wg_sets *s, uint32_t n, uint32_t terms) {
    memset(s, 0, sizeof *s);
    const uint64_t longest = WG_LISTED_MEMBERS / ((uint64_t)terms + 1);
    s->longest = longest < WG_LEAST_LISTED ? WG_LEAST_LISTED : (uint32_t)longest;
    (void)put_set(s, 0, 0);
    for (uint32_t j = 0; j < n && !s->failed && pool_room(s, 1); j++) {
        s->pool[s->pooled] = j;
        (void)put_set(s, s->pooled++, 1);
    }
}

/* Members of both into the pool's free end; their number. */
static uint32_t merge_sets(wg_sets *s, wg_set a, wg_set b) {
    const uint32_t *p = s->pool + a.at, *q = s->pool + b.at;
    const uint32_t *const p_end = p + a.size, *const q_end = q + b.size;
    uint32_t *to = s->pool + s->pooled;
    while (p < p_end && q < q_end) {
        const uint32_t i = *p, j = *q;
        *to++ = i < j ? i : j;
        p += i <= j ? 1 : 0;
        q += j <= i ? 1 : 0;
    }
    while (p < p_end) {
        *to++ = *p++;
    }
    while (q < q_end) {
        *to++ = *q++;
    }
    return (uint32_t)(to - (s->pool + s->pooled));
}

/* The union; a set that is there already where one holds the other. */
static uint32_t unite(wg_sets *s, uint32_t a, uint32_t b) {
    if (a == b || b == 0 || s->failed) {
        return a;
    }
    if (a == 0) {
        return b;
    }
    const wg_set p = s->set[a], q = s->set[b];
    if (p.size <= s->longest && q.size <= s->longest) { /* a lazy one's size is never so small */
        if (!pool_room(s, (uint64_t)p.size + q.size)) {
            return 0;
        }
        const uint32_t size = merge_sets(s, p, q);
        if (size == p.size || size == q.size) {
            return size == p.size ? a : b;
        }
        if (size <= s->longest) {
            const uint32_t fresh = put_set(s, s->pooled, size);
            s->pooled += size;
            return fresh;
        }
    }
    if ((p.size == WG_LAZY && (p.at >> 32 == b || (uint32_t)p.at == b))) {
        return a;
    }
    return put_set(s, (uint64_t)a << 32 | b, WG_LAZY);
}

static int compare_inputs(const void *a, const void *b) {
    const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    return i < j ? -1 : i > j ? 1 : 0;
}

/* Appends what is new of a listed set. */
static bool collect(wg_sets *s, wg_set from) {
    if (!pool_room(s, from.size)) {
        return false;
    }
    for (uint32_t k = 0; k < from.size; k++) {
        const uint32_t j = s->pool[from.at + k];
        if (s->seen_input[j] != s->walk) {
            s->seen_input[j] = s->walk;
            s->pool[s->pooled++] = j;
        }
    }
    return true;
}

/* Makes a lazy set a listed one, so that later walks stop there. */
static bool list(wg_sets *s, uint32_t root, uint32_t n) {
    const uint64_t start = s->pooled;
    uint32_t top = 0;
    s->walk++;
    s->stack[top++] = root;
    s->seen_set[root] = s->walk;
    while (top > 0) {
        const wg_set set = s->set[s->stack[--top]];
        if (set.size != WG_LAZY) {
            if (!collect(s, set)) {
                return false;
            }
            continue;
        }
        const uint32_t part[2] = {(uint32_t)(set.at >> 32), (uint32_t)set.at};
        for (int k = 0; k < 2; k++) {
            if (s->seen_set[part[k]] != s->walk) {
                s->seen_set[part[k]] = s->walk;
                s->stack[top++] = part[k];
            }
        }
    }
    const uint32_t size = (uint32_t)(s->pooled - start);
    if (size > n / 16) { /* reading all marks costs less than to sort */
        s->pooled = start;
        for (uint32_t j = 0; j < n; j++) {
            if (s->seen_input[j] == s->walk) {
                s->pool[s->pooled++] = j;
            }
        }
    } else {
        qsort(s->pool + start, size, sizeof *s->pool, compare_inputs);
    }
    s->set[root] = (wg_set){start, size};
    return true;
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

/* set_of[i]: the set of term i, of those needed. */
static void propagate(wg_sets *s, const wg_program *p, uint32_t n, const uint8_t *needed,
                      uint32_t *set_of) {
    for (uint32_t i = 0; i < p->count && !s->failed; i++) {
        const wg_term *term = &p->term[i];
        const int arity = needed[i] != 0 ? wg_term_arity(term) : 0;
        set_of[i] = i < n ? i + 1 : 0;
        for (int k = 0; k < arity; k++) {
            if (!wg_partial_is_zero((wg_rule_index)term->code, k)) {
                set_of[i] = unite(s, set_of[i], set_of[term->at[k]]);
            }
        }
    }
}

/* Rows out of the outputs' sets. */
static wg_pattern *write_rows(wg_sets *s, const wg_program *p, uint32_t first, uint32_t n,
                              const uint32_t *set_of) {
    int64_t count = 0;
    for (uint32_t k = first; k < p->outputs; k++) {
        const uint32_t set = set_of[p->output[k]];
        if (s->set[set].size == WG_LAZY && !list(s, set, n)) {
            return NULL;
        }
        count += s->set[set].size;
    }
    wg_pattern *pattern = wg_pattern_new(p->outputs - first, n, count);
    for (uint32_t k = first; k < p->outputs && pattern != NULL; k++) {
        const wg_set set = s->set[set_of[p->output[k]]];
        const int64_t row = k - first, start = pattern->row_start[row];
        for (uint32_t e = 0; e < set.size; e++) {
            pattern->column[start + e] = s->pool[set.at + e];
            pattern->row[start + e] = row;
        }
        pattern->row_start[row + 1] = start + set.size;
    }
    return pattern;
}

wg_pattern *wg_program_pattern(const wg_program *p, uint32_t first, uint32_t n, const char *name) {
    wg_sets s;
    begin_sets(&s, n, p->count);
    uint8_t *needed = wg_calloc((size_t)p->count + 1, 1);
    uint32_t *set_of = wg_calloc((size_t)p->count + 1, sizeof *set_of);
    wg_pattern *pattern = NULL;
    if (needed != NULL && set_of != NULL && !s.failed) {
        mark_needed(p, first, needed);
        propagate(&s, p, n, needed, set_of);
        s.seen_set = wg_calloc((size_t)s.count + 1, sizeof *s.seen_set);
        s.seen_input = wg_calloc((size_t)n + 1, sizeof *s.seen_input);
        s.stack = wg_calloc((size_t)s.count + 1, sizeof *s.stack);
        if (!s.failed && s.seen_set != NULL && s.seen_input != NULL && s.stack != NULL) {
            pattern = write_rows(&s, p, first, n, set_of);
        }
    }
    if (pattern == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "%s: no memory for the pattern of %u terms", name, p->count);
    }
    wg_free(needed);
    wg_free(set_of);
    free_sets(&s);
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
