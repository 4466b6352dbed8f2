/* fields.c: rows and fields of CSV text. */
#include "data/fields.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

#define MESSAGE_BYTES 192

/* A byte-order mark is no part of the first field. */
static size_t mark_bytes(const wg_fields *r) {
    return r->size >= 3 && memcmp(r->text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

wg_status wg_fields_fail(const wg_fields *r, size_t at, const char *format, ...) {
    char message[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    long long line = 1;
    size_t start = mark_bytes(r); /* of the line */
    for (size_t i = start; i < at; i++) {
        if (r->text[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    return wg_fail(WG_ERROR_FORMAT, "%s: %s: line %lld, column %lld: %s", r->verb, r->path, line,
                   (long long)(at - start) + 1, message);
}

/* ---- Places ---------------------------------------------------------------------------------- */

static bool at_line_end(const wg_fields *r) {
    if (r->at >= r->size || r->text[r->at] == '\n') {
        return true;
    }
    return r->text[r->at] == '\r' && (r->at + 1 >= r->size || r->text[r->at + 1] == '\n');
}

static void next_line(wg_fields *r) {
    r->at += r->at < r->size && r->text[r->at] == '\r' ? 1 : 0;
    r->at += r->at < r->size && r->text[r->at] == '\n' ? 1 : 0;
}

static bool is_blank(const wg_fields *r, size_t at) {
    return r->text[at] != r->separator && (r->text[at] == ' ' || r->text[at] == '\t');
}

static void skip_blanks(wg_fields *r) {
    while (r->at < r->size && is_blank(r, r->at)) {
        r->at++;
    }
}

void wg_fields_start(wg_fields *r) {
    r->at = mark_bytes(r);
}

bool wg_fields_row(wg_fields *r) {
    while (r->at < r->size) {
        if (r->comment != 0 && r->text[r->at] == r->comment) {
            while (!at_line_end(r)) {
                r->at++;
            }
        } else if (!at_line_end(r)) {
            return true;
        }
        next_line(r);
    }
    return false;
}

/* ---- Fields ---------------------------------------------------------------------------------- */

/* Behind the opening quote; stands behind the closing one afterwards. */
static wg_status find_closing_quote(wg_fields *r, wg_field *field) {
    for (;;) {
        const char *quote = memchr(r->text + r->at, '"', r->size - r->at);
        if (quote == NULL) {
            return wg_fields_fail(r, field->start - 1, "the quote is not closed");
        }
        r->at = (size_t)(quote - r->text) + 1;
        if (r->at >= r->size || r->text[r->at] != '"') {
            break;
        }
        r->at++; /* two quotes: one of the text */
    }
    field->length = r->at - 1 - field->start;
    skip_blanks(r);
    if (!at_line_end(r) && r->text[r->at] != r->separator) {
        return wg_fields_fail(r, r->at, "text after a closing quote");
    }
    return WG_OK;
}

wg_status wg_fields_next(wg_fields *r, wg_field *field) {
    skip_blanks(r);
    field->quoted = r->at < r->size && r->text[r->at] == '"';
    r->at += field->quoted ? 1 : 0;
    field->start = r->at;
    if (field->quoted) {
        wg_status status = find_closing_quote(r, field);
        if (status != WG_OK) {
            return status;
        }
    } else {
        while (!at_line_end(r) && r->text[r->at] != r->separator) {
            r->at++;
        }
        size_t end = r->at;
        while (end > field->start && is_blank(r, end - 1)) {
            end--;
        }
        field->length = end - field->start;
    }
    field->last = at_line_end(r);
    if (field->last) {
        next_line(r);
    } else {
        r->at++; /* the separator */
    }
    return WG_OK;
}

bool wg_field_number(const wg_fields *r, const wg_field *field, double *value) {
    const char *from = r->text + field->start, *end = from + field->length;
    while (from < end && (*from == ' ' || *from == '\t')) {
        from++;
    }
    while (end > from && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    return wg_number_parse(from, (size_t)(end - from), value);
}

char *wg_field_show(const wg_fields *r, const wg_field *field, char out[32]) {
    const size_t most = 23, kept = field->length < most ? field->length : most;
    out[0] = '\'';
    for (size_t i = 0; i < kept; i++) {
        const char letter = r->text[field->start + i];
        out[1 + i] = letter >= ' ' && letter < 0x7F ? letter : '?';
    }
    (void)snprintf(out + 1 + kept, 8, "'%s", kept < field->length ? "..." : "");
    return out;
}
