/* c_text.h (internal): programs as C. */
#ifndef WG_SRC_FUNCTION_C_TEXT_H
#define WG_SRC_FUNCTION_C_TEXT_H

#include "function/nest.h"
#include "function/text.h"

/* What a program's inputs and outputs are called: elements [first[k], first[k + 1]) are elements
 * of array name[k]. */
typedef struct wg_c_arrays {
    uint32_t ins, outs;
    uint32_t in_first[3], out_first[2];
    const char *in[3], *out[2];
} wg_c_arrays;

/* Adds the statements of a function's body (declarations, loops) to `text`; notes in `rules` which
 * rules' functions it calls. `work` is the store's name, the table of numbers is
 * "<prefix>_numbers". */
void wg_c_body(wg_text *text, const wg_nest *nest, const wg_c_arrays *arrays, const char *prefix,
               bool *rules);
/* The table of numbers, if a loop reads it with its counter. */
void wg_c_numbers(wg_text *text, const wg_nest *nest, const char *prefix);
/* Includes, macros and the functions of the rules that are set. False where one has no C text. */
bool wg_c_preamble(wg_text *text, const bool *rules, const char **missing);

#endif
