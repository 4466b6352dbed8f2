/* csv.c: matrices of numbers from CSV files. */
#include "data/csv.h"
#include "base/bytes.h"
#include "data/fields.h"
#include "wengert/data.h"

#include <math.h>
#include <string.h>

typedef struct csv_reader {
    wg_fields fields;
    double *values; /* all rows so far */
    size_t count;
    size_t room;
    int64_t rows;
    int64_t columns; /* of the first row */
} csv_reader;

static wg_status push(csv_reader *r, double value) {
    if (r->count == r->room) {
        size_t room = r->room == 0 ? 1024 : 2 * r->room;
        double *values =
            room > SIZE_MAX / sizeof *values ? NULL : wg_realloc(r->values, room * sizeof *values);
        if (values == NULL) {
            return wg_fail(WG_ERROR_MEMORY, "read_csv: %s: no memory for %zu numbers",
                           r->fields.path, room);
        }
        r->values = values;
        r->room = room;
    }
    r->values[r->count++] = value;
    return WG_OK;
}

static wg_status read_field(csv_reader *r, wg_field *field) {
    wg_status status = wg_fields_next(&r->fields, field);
    if (status != WG_OK) {
        return status;
    }
    double value = (double)NAN;
    if (field->length > 0 && !wg_field_number(&r->fields, field, &value)) {
        char shown[32];
        return wg_fields_fail(&r->fields, field->start, "%s is no number",
                              wg_field_show(&r->fields, field, shown));
    }
    return push(r, value);
}

static wg_status read_row(csv_reader *r) {
    wg_field field = {.last = false};
    int64_t fields = 0;
    while (!field.last) {
        wg_status status = read_field(r, &field);
        if (status != WG_OK) {
            return status;
        }
        fields++;
    }
    if (r->rows > 0 && fields != r->columns) {
        return wg_fields_fail(&r->fields, field.start + field.length,
                              "the row ends after %lld fields, the first row has %lld",
                              (long long)fields, (long long)r->columns);
    }
    r->columns = fields;
    r->rows++;
    return WG_OK;
}

static wg_status read_rows(csv_reader *r, bool header) {
    wg_field field = {.last = false};
    wg_status status = WG_OK;
    wg_fields_start(&r->fields);
    header = header && wg_fields_row(&r->fields);
    while (header && !field.last && status == WG_OK) {
        status = wg_fields_next(&r->fields, &field);
    }
    while (status == WG_OK && wg_fields_row(&r->fields)) {
        status = read_row(r);
    }
    if (status == WG_OK && r->rows == 0) {
        status = wg_fields_fail(&r->fields, r->fields.size, "the file has no rows");
    }
    return status;
}

/* Characters of a number, of a line or of a quote cannot separate fields. */
static bool separator_fits(char separator) {
    return strchr("+-.0123456789eEnNaAiIfFtTyY\"\n\r", separator) == NULL;
}

wg_status wg_csv_from_bytes(const char *path, const char *text, size_t size,
                            const wg_csv_options *options, wg_array **out) {
    const wg_csv_options layout = options == NULL ? (wg_csv_options){0} : *options;
    const char separator = layout.separator == 0 ? ',' : layout.separator;
    *out = NULL;
    if (!separator_fits(separator) || separator == layout.comment) {
        return wg_fail(WG_ERROR_ARGUMENT,
                       "read_csv: the separator 0x%02x is part of numbers, or begins comments",
                       (unsigned)(unsigned char)separator);
    }
    csv_reader r = {.fields = {.verb = "read_csv",
                               .path = path,
                               .text = text,
                               .size = size,
                               .separator = separator,
                               .comment = layout.comment}};
    wg_status status = read_rows(&r, layout.header);
    if (status == WG_OK) {
        status = wg_array_new(WG_F64, 2, (int64_t[]){r.rows, r.columns}, out);
    }
    if (status == WG_OK) {
        memcpy((*out)->data, r.values, r.count * sizeof *r.values);
    }
    wg_free(r.values);
    return status;
}

wg_status wg_read_csv(const char *path, const wg_csv_options *options, wg_array **out) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    *out = NULL;
    wg_status status = wg_read_bytes("read_csv", path, &bytes, &size);
    if (status == WG_OK) {
        status = wg_csv_from_bytes(path, (const char *)bytes, size, options, out);
    }
    wg_free(bytes);
    return status;
}
