/* csv.c: matrices of numbers from CSV files, in one pass over the file's bytes. */
#include "base/bytes.h"
#include "base/number.h"
#include "wengert/data.h"

#include <math.h>
#include <string.h>

typedef struct csv_reader {
    const char *path;
    const char *text; /* a zero byte stands at the end */
    size_t size;
    size_t at;
    size_t line_start;
    int64_t line; /* from 1 */
    wg_csv_options options;
    double *values; /* all rows so far */
    size_t count;
    size_t room;
    int64_t rows;
    int64_t columns; /* of the first row */
} csv_reader;

static long long column_at(const csv_reader *r, size_t at) {
    return (long long)(at - r->line_start) + 1;
}

static bool at_line_end(const csv_reader *r) {
    if (r->at >= r->size || r->text[r->at] == '\n') {
        return true;
    }
    return r->text[r->at] == '\r' && (r->at + 1 >= r->size || r->text[r->at + 1] == '\n');
}

static void next_line(csv_reader *r) {
    r->at += r->at < r->size && r->text[r->at] == '\r' ? 1 : 0;
    r->at += r->at < r->size && r->text[r->at] == '\n' ? 1 : 0;
    r->line_start = r->at;
    r->line++;
}

static void skip_line(csv_reader *r) {
    while (!at_line_end(r)) {
        r->at++;
    }
    next_line(r);
}

static void skip_blanks(csv_reader *r) {
    while (r->at < r->size && r->text[r->at] != r->options.separator &&
           (r->text[r->at] == ' ' || r->text[r->at] == '\t')) {
        r->at++;
    }
}

static wg_status push(csv_reader *r, double value) {
    if (r->count == r->room) {
        size_t room = r->room == 0 ? 1024 : 2 * r->room;
        double *values =
            room > SIZE_MAX / sizeof *values ? NULL : wg_realloc(r->values, room * sizeof *values);
        if (values == NULL) {
            return wg_fail(WG_ERROR_MEMORY, "read_csv: %s: no memory for %zu numbers", r->path,
                           room);
        }
        r->values = values;
        r->room = room;
    }
    r->values[r->count++] = value;
    return WG_OK;
}

static wg_status no_number(const csv_reader *r, size_t start, size_t length) {
    char shown[24];
    size_t kept = length < sizeof shown - 1 ? length : sizeof shown - 1;
    for (size_t i = 0; i < kept; i++) {
        char letter = r->text[start + i];
        shown[i] = letter >= ' ' && letter < 0x7F ? letter : '?';
    }
    shown[kept] = '\0';
    return wg_fail(WG_ERROR_FORMAT, "read_csv: %s: line %lld, column %lld: '%s'%s is no number",
                   r->path, (long long)r->line, column_at(r, start), shown,
                   kept < length ? "..." : "");
}

/* Finds where the field's text ends, and stands after it and its closing quote. */
static wg_status find_field(csv_reader *r, size_t *start, size_t *length) {
    bool quoted = r->at < r->size && r->text[r->at] == '"';
    r->at += quoted ? 1 : 0;
    *start = r->at;
    while (!at_line_end(r) && r->text[r->at] != (quoted ? '"' : r->options.separator)) {
        r->at++;
    }
    *length = r->at - *start;
    if (quoted) {
        if (at_line_end(r)) {
            return wg_fail(WG_ERROR_FORMAT,
                           "read_csv: %s: line %lld, column %lld: the quote is not closed", r->path,
                           (long long)r->line, column_at(r, *start) - 1);
        }
        r->at++;
        skip_blanks(r);
        if (!at_line_end(r) && r->text[r->at] != r->options.separator) {
            return wg_fail(WG_ERROR_FORMAT,
                           "read_csv: %s: line %lld, column %lld: text after a closing quote",
                           r->path, (long long)r->line, column_at(r, r->at));
        }
    }
    return WG_OK;
}

static wg_status read_field(csv_reader *r) {
    skip_blanks(r);
    size_t start, length;
    wg_status status = find_field(r, &start, &length);
    if (status != WG_OK) {
        return status;
    }
    while (length > 0 && (r->text[start] == ' ' || r->text[start] == '\t')) {
        start++;
        length--;
    }
    while (length > 0 &&
           (r->text[start + length - 1] == ' ' || r->text[start + length - 1] == '\t')) {
        length--;
    }
    double value = (double)NAN;
    if (length > 0 && !wg_number_parse(r->text + start, length, &value)) {
        return no_number(r, start, length);
    }
    return push(r, value);
}

static wg_status read_row(csv_reader *r) {
    int64_t fields = 0;
    for (;;) {
        wg_status status = read_field(r);
        if (status != WG_OK) {
            return status;
        }
        fields++;
        if (at_line_end(r)) {
            break;
        }
        r->at++; /* the separator */
    }
    if (r->rows > 0 && fields != r->columns) {
        return wg_fail(WG_ERROR_FORMAT,
                       "read_csv: %s: line %lld, column %lld: the row ends after %lld fields, the "
                       "first row has %lld",
                       r->path, (long long)r->line, column_at(r, r->at), (long long)fields,
                       (long long)r->columns);
    }
    r->columns = fields;
    r->rows++;
    next_line(r);
    return WG_OK;
}

static wg_status read_rows(csv_reader *r) {
    if (r->size >= 3 && memcmp(r->text, "\xEF\xBB\xBF", 3) == 0) {
        r->at = r->line_start = 3; /* a byte-order mark is no part of the first field */
    }
    if (r->options.header) {
        skip_line(r);
    }
    while (r->at < r->size) {
        if (at_line_end(r)) {
            next_line(r);
        } else if (r->options.comment != 0 && r->text[r->at] == r->options.comment) {
            skip_line(r);
        } else {
            wg_status status = read_row(r);
            if (status != WG_OK) {
                return status;
            }
        }
    }
    if (r->rows == 0) {
        return wg_fail(WG_ERROR_FORMAT, "read_csv: %s: line %lld, column 1: the file has no rows",
                       r->path, (long long)r->line);
    }
    return WG_OK;
}

/* Characters of a number, of a line or of a quote cannot separate fields. */
static bool separator_fits(char separator) {
    return strchr("+-.0123456789eEnNaAiIfFtTyY\"\n\r", separator) == NULL;
}

wg_status wg_read_csv(const char *path, const wg_csv_options *options, wg_array **out) {
    *out = NULL;
    csv_reader r = {.path = path, .line = 1};
    r.options = options == NULL ? (wg_csv_options){0} : *options;
    if (r.options.separator == 0) {
        r.options.separator = ',';
    }
    if (!separator_fits(r.options.separator)) {
        return wg_fail(WG_ERROR_ARGUMENT, "read_csv: the separator 0x%02x is part of numbers",
                       (unsigned)(unsigned char)r.options.separator);
    }
    unsigned char *bytes = NULL;
    wg_status status = wg_read_bytes("read_csv", path, &bytes, &r.size);
    if (status == WG_OK) {
        r.text = (const char *)bytes;
        status = read_rows(&r);
    }
    if (status == WG_OK) {
        status = wg_array_new(WG_F64, 2, (int64_t[]){r.rows, r.columns}, out);
    }
    if (status == WG_OK) {
        memcpy((*out)->data, r.values, r.count * sizeof *r.values);
    }
    wg_free(r.values);
    wg_free(bytes);
    return status;
}
