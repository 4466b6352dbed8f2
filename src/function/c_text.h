/* c_text.h (internal): programs as C. */
#ifndef WG_SRC_FUNCTION_C_TEXT_H
#define WG_SRC_FUNCTION_C_TEXT_H

#include "base/text.h"
#include "function/nest.h"

/* What the ports of a program are called. */
typedef struct wg_c_arrays {
    wg_ports ports;
    const char *in[3], *out[2];
} wg_c_arrays;

/* What a body calls beside arithmetic. */
typedef struct wg_c_uses {
    bool rule[WG_RULE_COUNT];
    bool step[WG_STEP_RULE]; /* for lanes: steps that are not plain arithmetic */
} wg_c_uses;

/* Adds the statements of a function's body (declarations, loops) to `text`. `lanes`: on vectors of
 * WG_C_LANES points instead of numbers. The table of numbers is "<prefix>_numbers". */
void wg_c_body(wg_text *text, const wg_nest *nest, const wg_c_arrays *arrays, const char *prefix,
               bool lanes, wg_c_uses *uses);
/* The table of numbers, if a loop reads it with its counter. */
void wg_c_numbers(wg_text *text, const wg_nest *nest, const char *prefix);
/* Includes, macros and the functions of the rules that are used. */
void wg_c_preamble(wg_text *text, const wg_c_uses *uses);

/* ---- Lanes: for this process alone ---- */

#define WG_C_LANES 8
/* The number of rule `rule` in the table that functions on lanes are handed. */
int wg_c_rule_number(const wg_c_uses *uses, int rule);
/* The type of lanes, and how steps and rules are called on them. */
void wg_c_lanes_preamble(wg_text *text, const wg_c_uses *uses);
/* As a step's text has it: of a[j], b[j], c[j] and n. */
const char *wg_c_step_text(int step);
/* Whether it is arithmetic that C's operators do on vectors, too. */
bool wg_c_is_arithmetic(int step);

#endif
