/* table_read.c: tables from CSV text: first where all fields are, then what each column is. */
#include "base/bytes.h"
#include "data/fields.h"
#include "data/table.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const usual_missing[] = {"NA", "N/A", "NaN", "nan", "NULL", "null", "None"};

/* Where a field is. */
typedef struct cell {
    size_t start, length;
    bool quoted, missing;
} cell;

typedef struct reader {
    wg_fields fields;
    const wg_table_options *options;
    cell *cells; /* [rows, columns], behind the names */
    size_t count, room;
    int64_t rows;
    int columns;
} reader;

static wg_status no_memory(const reader *r) {
    return wg_fail(WG_ERROR_MEMORY, "read_table: %s: no memory", r->fields.path);
}

/* ---- Texts ----------------------------------------------------------------------------------- */

/* The field's bytes with doubled quotes as one, and a zero byte; `out` has room for them. */
static void spell(const reader *r, const cell *c, char *out) {
    const char *from = r->fields.text + c->start;
    for (size_t i = 0; i < c->length; i++) {
        *out++ = from[i];
        i += c->quoted && from[i] == '"' ? 1 : 0;
    }
    *out = '\0';
}

static bool is_text(const reader *r, const cell *c, const char *text) {
    return strlen(text) == c->length && memcmp(r->fields.text + c->start, text, c->length) == 0;
}

static bool is_missing(const reader *r, const cell *c) {
    const wg_table_options *o = r->options;
    const char *const *texts = o->missing != NULL ? o->missing : usual_missing;
    const int count = o->missing != NULL ? o->missing_count : (int)WG_COUNT_OF(usual_missing);
    bool missing = c->length == 0;
    for (int i = 0; i < count && !missing; i++) {
        missing = is_text(r, c, texts[i]);
    }
    return missing;
}

/* ---- Cells ----------------------------------------------------------------------------------- */

static wg_status push(reader *r, const wg_field *field) {
    if (r->count == r->room) {
        const size_t room = r->room == 0 ? 1024 : 2 * r->room;
        cell *cells =
            room > SIZE_MAX / sizeof *cells ? NULL : wg_realloc(r->cells, room * sizeof *cells);
        if (cells == NULL) {
            return no_memory(r);
        }
        r->cells = cells;
        r->room = room;
    }
    cell new = {field->start, field->length, field->quoted, false};
    new.missing = is_missing(r, &new);
    r->cells[r->count++] = new;
    return memchr(r->fields.text + new.start, '\0', new.length) == NULL
               ? WG_OK
               : wg_fields_fail(&r->fields, new.start, "a zero byte in the field");
}

static wg_status find_row(reader *r, int64_t *fields) {
    wg_field field = {.last = false};
    *fields = 0;
    while (!field.last) {
        wg_status status = wg_fields_next(&r->fields, &field);
        if (status == WG_OK) {
            status = push(r, &field);
        }
        if (status != WG_OK) {
            return status;
        }
        ++*fields;
    }
    if (r->columns > 0 && *fields != r->columns) {
        return wg_fields_fail(&r->fields, field.start + field.length,
                              "the row ends after %lld fields, the first row has %d",
                              (long long)*fields, r->columns);
    }
    if (*fields > INT_MAX / 2) {
        return wg_fail(WG_ERROR_LIMIT, "read_table: %s: %lld columns", r->fields.path,
                       (long long)*fields);
    }
    r->columns = (int)*fields;
    return WG_OK;
}

static wg_status find_cells(reader *r) {
    wg_status status = WG_OK;
    int64_t fields = 0;
    wg_fields_start(&r->fields);
    while (status == WG_OK && wg_fields_row(&r->fields)) {
        status = find_row(r, &fields);
        r->rows++;
    }
    r->rows -= r->options->no_header ? 0 : 1;
    if (status == WG_OK && r->rows < 1) {
        status = wg_fields_fail(&r->fields, r->fields.size, "the file has no rows");
    }
    return status;
}

static const cell *cell_at(const reader *r, int64_t row, int column) {
    const int64_t names = r->options->no_header ? 0 : 1;
    return &r->cells[(row + names) * r->columns + column];
}

/* ---- Columns --------------------------------------------------------------------------------- */

static bool number_of(const reader *r, const cell *c, double *value) {
    const wg_field field = {.start = c->start, .length = c->length};
    return wg_field_number(&r->fields, &field, value);
}

static wg_status no_number(const reader *r, const cell *c) {
    const wg_field field = {.start = c->start, .length = c->length};
    char shown[32];
    return wg_fields_fail(&r->fields, c->start, "%s is no number",
                          wg_field_show(&r->fields, &field, shown));
}

static const wg_column_type *type_of(const reader *r, const char *name) {
    for (int i = 0; i < r->options->type_count; i++) {
        if (strcmp(r->options->types[i].name, name) == 0) {
            return &r->options->types[i];
        }
    }
    return NULL;
}

/* The kind a column shall have: by its name, by the table it shall be like, by its look. */
static wg_column_kind wanted_kind(const reader *r, const char *name) {
    const wg_column_type *type = type_of(r, name);
    const wg_table *like = r->options->like;
    const int model = like == NULL ? -1 : wg_table_find(like, name);
    if (type != NULL) {
        return type->kind;
    }
    return like == NULL ? WG_COLUMN_AUTO : model < 0 ? WG_COLUMN_SKIP : like->columns[model].kind;
}

static bool looks_like_numbers(const reader *r, int column) {
    double value = 0;
    for (int64_t row = 0; row < r->rows; row++) {
        const cell *c = cell_at(r, row, column);
        if (!c->missing && !number_of(r, c, &value)) {
            return false;
        }
    }
    return true;
}

static wg_status read_numbers(const reader *r, int column, wg_column_data *to) {
    for (int64_t row = 0; row < r->rows; row++) {
        const cell *c = cell_at(r, row, column);
        to->values[row] = (double)NAN;
        if (!c->missing && !number_of(r, c, &to->values[row])) {
            return no_number(r, c);
        }
    }
    return WG_OK;
}

static int by_bytes(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Copies the different ones of the texts, which ascend, as the levels. */
static wg_status keep_levels(const reader *r, char **texts, size_t count, wg_column_data *to) {
    size_t different = 0;
    for (size_t i = 0; i < count; i++) {
        different += i == 0 || strcmp(texts[i], texts[i - 1]) != 0 ? 1 : 0;
    }
    if (different > INT_MAX / 2) {
        return wg_fail(WG_ERROR_LIMIT, "read_table: %s: column '%s' has %zu levels", r->fields.path,
                       to->name, different);
    }
    to->levels = wg_calloc(different + 1, sizeof *to->levels);
    for (size_t i = 0; i < count && to->levels != NULL; i++) {
        if (i == 0 || strcmp(texts[i], texts[i - 1]) != 0) {
            char *level = wg_strdup(texts[i]);
            if (level == NULL) {
                return no_memory(r);
            }
            to->levels[to->level_count++] = level;
        }
    }
    return to->levels == NULL ? no_memory(r) : WG_OK;
}

/* The texts of a column, spelled, one behind the other in `room`; missing ones are NULL. */
static void spell_column(const reader *r, int column, char *room, char **texts) {
    for (int64_t row = 0; row < r->rows; row++) {
        const cell *c = cell_at(r, row, column);
        texts[row] = c->missing ? NULL : room;
        if (!c->missing) {
            spell(r, c, room);
            room += strlen(room) + 1;
        }
    }
}

static wg_status number_levels(const reader *r, int column, char **texts, wg_column_data *to) {
    for (int64_t row = 0; row < r->rows; row++) {
        const int level = texts[row] == NULL ? -1 : wg_table_find_level(to, texts[row]);
        if (texts[row] != NULL && level < 0) {
            return wg_fields_fail(&r->fields, cell_at(r, row, column)->start,
                                  "'%.40s' is no level of column '%.40s'", texts[row], to->name);
        }
        to->values[row] = level < 0 ? (double)NAN : level;
    }
    return WG_OK;
}

static wg_status read_categories(const reader *r, int column, wg_column_data *to) {
    const int like = r->options->like == NULL ? -1 : wg_table_find(r->options->like, to->name);
    size_t bytes = 1;
    for (int64_t row = 0; row < r->rows; row++) {
        bytes += cell_at(r, row, column)->length + 1;
    }
    char *room = wg_calloc(bytes, 1);
    char **texts = wg_calloc((size_t)r->rows, 2 * sizeof *texts);
    wg_status status = room == NULL || texts == NULL ? no_memory(r) : WG_OK;
    if (status == WG_OK) {
        char **sorted = texts + r->rows;
        size_t count = 0;
        spell_column(r, column, room, texts);
        if (like >= 0 && r->options->like->columns[like].kind == WG_COLUMN_CATEGORY) {
            const wg_column_data *model = &r->options->like->columns[like];
            status = keep_levels(r, model->levels, (size_t)model->level_count, to);
        } else {
            for (int64_t row = 0; row < r->rows; row++) {
                if (texts[row] != NULL) {
                    sorted[count++] = texts[row];
                }
            }
            qsort(sorted, count, sizeof *sorted, by_bytes);
            status = keep_levels(r, sorted, count, to);
        }
    }
    if (status == WG_OK) {
        status = number_levels(r, column, texts, to);
    }
    wg_free(texts);
    wg_free(room);
    return status;
}

/* The column's name: what the first row says, or its number. */
static char *name_of(const reader *r, int column) {
    const cell *c = &r->cells[column];
    const bool named = !r->options->no_header && c->length > 0;
    char *name = wg_calloc(named ? c->length + 1 : 16, 1);
    if (name != NULL && named) {
        spell(r, c, name);
    } else if (name != NULL) {
        (void)snprintf(name, 16, "%d", column);
    }
    return name;
}

static wg_status read_column(const reader *r, int column, wg_table *table) {
    wg_column_data *to = &table->columns[table->column_count];
    char *name = name_of(r, column);
    if (name == NULL) {
        return no_memory(r);
    }
    if (wg_table_find(table, name) >= 0) {
        wg_free(name);
        return wg_fields_fail(&r->fields, r->cells[column].start, "a second column of this name");
    }
    to->name = name;
    to->kind = wanted_kind(r, name);
    if (to->kind == WG_COLUMN_AUTO) {
        to->kind = looks_like_numbers(r, column) ? WG_COLUMN_NUMBER : WG_COLUMN_CATEGORY;
    }
    table->column_count++; /* what is half made is freed with the table */
    if (to->kind == WG_COLUMN_SKIP) {
        return WG_OK;
    }
    to->values = wg_calloc((size_t)r->rows, sizeof *to->values);
    if (to->values == NULL) {
        return no_memory(r);
    }
    return to->kind == WG_COLUMN_NUMBER ? read_numbers(r, column, to)
                                        : read_categories(r, column, to);
}

/* Whether the file has all columns that the options name. Skipped ones are still there. */
static wg_status check_names(const reader *r, const wg_table *table) {
    const wg_table_options *o = r->options;
    for (int i = 0; i < o->type_count; i++) {
        if (o->types[i].kind != WG_COLUMN_SKIP && wg_table_find(table, o->types[i].name) < 0) {
            return wg_fail(WG_ERROR_ARGUMENT, "read_table: %s: type %d: no column '%.40s'",
                           r->fields.path, i, o->types[i].name);
        }
    }
    for (int c = 0; o->like != NULL && c < o->like->column_count; c++) {
        const char *name = o->like->columns[c].name;
        if (type_of(r, name) == NULL && wg_table_find(table, name) < 0) {
            return wg_fields_fail(&r->fields, 0, "no column '%.40s', which the other table has",
                                  name);
        }
    }
    return WG_OK;
}

/* Closes the gaps that skipped columns leave; until then their names count. */
static void drop_skipped(wg_table *table) {
    int kept = 0;
    for (int c = 0; c < table->column_count; c++) {
        if (table->columns[c].kind == WG_COLUMN_SKIP) {
            wg_free(table->columns[c].name);
        } else {
            table->columns[kept++] = table->columns[c];
        }
    }
    table->column_count = kept;
}

/* Brings the columns of the other table to the front, in its order. */
static void order_like(const wg_table *like, wg_table *table) {
    int placed = 0;
    for (int c = 0; like != NULL && c < like->column_count; c++) {
        const int from = wg_table_find(table, like->columns[c].name);
        if (from >= 0) {
            const wg_column_data moved = table->columns[from];
            memmove(table->columns + placed + 1, table->columns + placed,
                    (size_t)(from - placed) * sizeof moved);
            table->columns[placed++] = moved;
        }
    }
}

static wg_status read_columns(const reader *r, wg_table **out) {
    wg_table *table = wg_calloc(1, sizeof *table);
    if (table == NULL) {
        return no_memory(r);
    }
    table->rows = r->rows;
    table->columns = wg_calloc((size_t)r->columns, sizeof *table->columns);
    wg_status status = table->columns == NULL ? no_memory(r) : WG_OK;
    for (int c = 0; c < r->columns && status == WG_OK; c++) {
        status = read_column(r, c, table);
    }
    if (status == WG_OK) {
        status = check_names(r, table);
    }
    if (status != WG_OK) {
        wg_table_free(table);
        return status;
    }
    drop_skipped(table);
    order_like(r->options->like, table);
    *out = table;
    return WG_OK;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static wg_status check_options(const wg_table_options *o, char separator) {
    if (strchr("\"\n\r", separator) != NULL || separator == o->comment) {
        return wg_fail(WG_ERROR_ARGUMENT, "read_table: 0x%02x cannot separate fields",
                       (unsigned)(unsigned char)separator);
    }
    if (o->type_count < 0 || (o->type_count > 0 && o->types == NULL) || o->missing_count < 0) {
        return wg_fail(WG_ERROR_ARGUMENT, "read_table: %d types, %d texts for what is missing",
                       o->type_count, o->missing_count);
    }
    for (int i = 0; i < o->type_count; i++) {
        const unsigned kind = (unsigned)o->types[i].kind;
        if (o->types[i].name == NULL || kind > WG_COLUMN_SKIP) {
            return wg_fail(WG_ERROR_ARGUMENT, "read_table: type %d is %u for column '%.40s'", i,
                           kind, o->types[i].name == NULL ? "(NULL)" : o->types[i].name);
        }
    }
    for (int i = 0; i < o->missing_count && o->missing != NULL; i++) {
        if (o->missing[i] == NULL) {
            return wg_fail(WG_ERROR_ARGUMENT, "read_table: missing[%d] is no text", i);
        }
    }
    return WG_OK;
}

wg_status wg_table_from_bytes(const char *path, const char *text, size_t size,
                              const wg_table_options *options, wg_table **out) {
    static const wg_table_options usual = {.separator = 0};
    const wg_table_options *o = options == NULL ? &usual : options;
    const char separator = o->separator == 0 ? ',' : o->separator;
    *out = NULL;
    wg_status status = check_options(o, separator);
    reader r = {.fields = {.verb = "read_table",
                           .path = path,
                           .text = text,
                           .size = size,
                           .separator = separator,
                           .comment = o->comment},
                .options = o};
    if (status == WG_OK) {
        status = find_cells(&r);
    }
    if (status == WG_OK) {
        status = read_columns(&r, out);
    }
    wg_free(r.cells);
    return status;
}

wg_status wg_read_table(const char *path, const wg_table_options *options, wg_table **out) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    *out = NULL;
    wg_status status = wg_read_bytes("read_table", path, &bytes, &size);
    if (status == WG_OK) {
        status = wg_table_from_bytes(path, (const char *)bytes, size, options, out);
    }
    wg_free(bytes);
    return status;
}
