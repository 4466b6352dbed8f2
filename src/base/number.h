/* number.h (internal): numbers as text, with a point for the decimals whatever the locale is. */
#ifndef WG_SRC_NUMBER_H
#define WG_SRC_NUMBER_H

#include "base.h"

/* Reads the `length` bytes at `text`, which need no terminator, as one decimal number:
 * [+-] digits [. digits] [e [+-] digits], or inf, infinity, nan in any case. Correctly rounded.
 * False where the bytes are anything else or more than that. */
bool wg_number_parse(const char *text, size_t length, double *value);

/* Writes the number as printf's %.*g (shortest of fixed and scientific) or %.*f. Returns `out`. */
char *wg_number_general(char *out, size_t bytes, int precision, double value);
char *wg_number_fixed(char *out, size_t bytes, int precision, double value);

#endif
