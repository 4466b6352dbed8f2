/* terminal.h (internal): what a FILE can show. */
#ifndef WG_SRC_TERMINAL_H
#define WG_SRC_TERMINAL_H

#include "base/base.h"

#include <stdio.h>

/* A terminal that can redraw a line. */
bool wg_terminal(FILE *out);

/* Columns of the terminal, 80 where it does not say. */
int wg_terminal_width(FILE *out);

/* Whether the environment speaks UTF-8 (LC_ALL, LC_CTYPE, LANG, in this order). */
bool wg_terminal_utf8(void);

/* Whether the user wants no colour (NO_COLOR, https://no-color.org). */
bool wg_terminal_plain(void);

/* The columns that UTF-8 text takes, one for each code point. */
int wg_text_columns(const char *text);

/* The bytes of the longest start of the text that fits the columns. */
size_t wg_text_fit(const char *text, int columns);

#endif
