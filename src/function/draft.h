/* draft.h (internal): a program as steps whose operands are still terms. */
#ifndef WG_SRC_FUNCTION_DRAFT_H
#define WG_SRC_FUNCTION_DRAFT_H

#include "function/code.h"

#define WG_NEVER UINT32_MAX

typedef struct wg_draft {
    uint16_t code, rule; /* a step and, for WG_STEP_RULE, which */
    uint32_t out;        /* a term */
    uint32_t at[3];      /* terms; WG_NEVER where there is none */
    uint32_t constant;   /* of _N forms, else WG_NEVER */
} wg_draft;

typedef struct wg_drafts {
    wg_draft *draft;
    uint32_t count;
    uint32_t *first_store; /* by term: 1 + the first output that it is; 0: none */
    uint32_t *next_store;  /* by output: 1 + the next output that is the same term */
} wg_drafts;

/* Fuses products with the sums that take them. False where memory ran out; wg_drafts_end then, too.
 */
bool wg_drafts_begin(wg_drafts *drafts, const wg_program *program, bool relaxed);
void wg_drafts_end(wg_drafts *drafts);

#endif
