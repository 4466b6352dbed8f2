/* program.h (internal): a recorded function as a list of terms, and how such lists are built and
 * derived.
 *
 * A term is an input, a constant, or a rule of kernel/rules.h applied to earlier terms, so the list
 * is in an order in which it can be run. Derivatives are programs too: the rules' derivatives,
 * expanded as builder calls. */
#ifndef WG_SRC_FUNCTION_PROGRAM_H
#define WG_SRC_FUNCTION_PROGRAM_H

#include "base/base.h"
#include "kernel/elementwise.h"
#include "op/rules.h"

enum {
    WG_TERM_INPUT = WG_RULE_COUNT, /* at[0]: which */
    WG_TERM_CONSTANT               /* at[0], at[1]: the number's bits, low half first */
};

#define WG_NO_TERM UINT32_MAX
#define WG_MOST_TERMS ((uint32_t)1 << 31)

typedef struct wg_term {
    uint32_t code;  /* a wg_rule_index, WG_TERM_INPUT or WG_TERM_CONSTANT */
    uint32_t at[3]; /* a rule's operands; those it has not are 0 */
} wg_term;

/* Terms [0, inputs) are the inputs, in order, whether they are used or not. */
typedef struct wg_program {
    uint32_t inputs, count, outputs;
    wg_term *term;
    uint32_t *output; /* the terms that are the outputs */
} wg_program;

void wg_program_free(wg_program *program); /* NULL is allowed */

static inline int wg_term_arity(const wg_term *term) {
    return term->code < WG_RULE_COUNT ? wg_rule_infos[term->code].arity : 0;
}
static inline bool wg_term_is_rule(const wg_term *term) {
    return term->code < WG_RULE_COUNT;
}
double wg_term_number(const wg_term *term); /* of a WG_TERM_CONSTANT */
/* Terms that are rules. */
int64_t wg_program_operations(const wg_program *program);

/* ---- Building (build.c) -------------------------------------------------------------------- */

/* A program that grows. Equal terms become one, constants fold, identities simplify. A failure
 * (memory, too many terms) stays until wg_build_finish, which reports it; until then terms of a
 * failed builder are 0. */
typedef struct wg_builder {
    wg_term *term;
    uint32_t inputs, count, capacity;
    uint32_t *table; /* open addressing: term + 1, 0 where free */
    uint32_t table_mask;
    bool relaxed;
    wg_status status;
    int64_t folded, common, identities, dead;
} wg_builder;

/* Begins with terms [0, inputs) as the inputs. */
void wg_build_begin(wg_builder *b, uint32_t inputs, bool relaxed);
uint32_t wg_build_constant(wg_builder *b, double number);
uint32_t wg_build_rule(wg_builder *b, wg_rule_index rule, uint32_t x, uint32_t y, uint32_t z);
bool wg_build_is_number(const wg_builder *b, uint32_t term, double number);
/* Ends: a program of what the outputs need, in the same order; NULL (and wg_last_message) on
 * failure. Frees what the builder holds in any case. A name for messages. */
wg_program *wg_build_finish(wg_builder *b, uint32_t outputs, const uint32_t *output,
                            const char *name);
/* Frees a builder that is not to be finished. */
void wg_build_abandon(wg_builder *b);
/* Appends all of `program` with its inputs as terms input[…]; map[i] (program->count of them) is
 * what term i became. */
void wg_build_copy(wg_builder *b, const wg_program *program, const uint32_t *input, uint32_t *map);
/* One of its terms, whose operands have been copied. */
uint32_t wg_build_again(wg_builder *b, const wg_term *term, const uint32_t *input,
                        const uint32_t *map);
/* Puts the terms into an order in which fewer values are alive at once, where there is one
 * (schedule.c). False where memory ran out. */
bool wg_program_schedule(wg_program *program);
/* A program of `count` of another's outputs (which[…]) and of what they need; the inputs stay. NULL
 * (and wg_last_message) on failure. */
wg_program *wg_program_pick(const wg_program *whole, uint32_t count, const uint32_t *which,
                            bool relaxed, const char *name);
/* What rule(x, y, z) becomes where an identity or folding applies, or WG_NO_TERM (simplify.c). */
uint32_t wg_simplify(wg_builder *b, wg_rule_index rule, uint32_t *at);

/* ---- Deriving (derive.c) ------------------------------------------------------------------- */

/* d rule / d operand `which` as terms; r is the rule's own term. */
uint32_t wg_build_partial(wg_builder *b, wg_rule_index rule, int which, uint32_t x, uint32_t y,
                          uint32_t z, uint32_t r);

/* g times the derivative of term `index` to its operand `which`; WG_NO_TERM where that is zero. */
uint32_t wg_build_contribution(wg_builder *b, uint32_t index, int which, uint32_t g);
/* a + c, where WG_NO_TERM is zero. */
uint32_t wg_build_sum(wg_builder *b, uint32_t a, uint32_t c);

/* All return NULL with wg_last_message on failure. n inputs x, m outputs y of `p`:
 *   vjp       inputs x w       outputs y, Σ w dy/dx
 *   gradient  inputs x         outputs y, dy/dx (m = 1)
 *   jvp       inputs x v       outputs y, dy/dx v
 *   hvp       inputs x w v     outputs Σ w d²y/dx² v
 *   jacobian  inputs x         outputs y, dy/dx row by row
 *   hessian   inputs x w       outputs Σ w d²y/dx² row by row */
wg_program *wg_derive_vjp(const wg_program *p, bool relaxed);
wg_program *wg_derive_gradient(const wg_program *p, bool relaxed);
wg_program *wg_derive_jvp(const wg_program *p, bool relaxed);
wg_program *wg_derive_hvp(const wg_program *p, bool relaxed);
wg_program *wg_derive_jacobian(const wg_program *p, bool relaxed);
wg_program *wg_derive_hessian(const wg_program *p, bool relaxed);

#endif
