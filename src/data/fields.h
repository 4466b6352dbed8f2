/* fields.h (internal): rows and fields of CSV text (RFC 4180, with other separators, comments and
 * blanks around fields). */
#ifndef WG_SRC_FIELDS_H
#define WG_SRC_FIELDS_H

#include "base/base.h"

/* Where a reader stands. `verb` and `path` begin its messages. */
typedef struct wg_fields {
    const char *verb, *path;
    const char *text;
    size_t size;
    size_t at;
    char separator;
    char comment; /* lines that start with it are skipped; 0: none */
} wg_fields;

typedef struct wg_field {
    size_t start, length; /* in the text, without quotes around and blanks beside it */
    bool quoted;          /* two quotes in it stand for one */
    bool last;            /* of its row */
} wg_field;

/* Stands before the first row; a byte-order mark is skipped. */
void wg_fields_start(wg_fields *r);

/* Goes over empty lines and comments; whether a row follows. */
bool wg_fields_row(wg_fields *r);

/* The next field of the row. FORMAT for quotes that are not closed, or not at its end. */
wg_status wg_fields_next(wg_fields *r, wg_field *field);

/* FORMAT with line and column (in bytes, from 1) of a place in the text. */
wg_status wg_fields_fail(const wg_fields *r, size_t at, const char *format, ...) WG_PRINTF(3, 4);

/* A field as a number; the blanks within quotes are left out. False where it is none. */
bool wg_field_number(const wg_fields *r, const wg_field *field, double *value);

/* The field's first bytes as a message can show them. Returns `out`. */
char *wg_field_show(const wg_fields *r, const wg_field *field, char out[32]);

#endif
