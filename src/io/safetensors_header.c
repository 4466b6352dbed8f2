/* safetensors_header.c: the header of a safetensors file, of which nothing is believed. */
#include "base/endian.h"
#include "base/grow.h"
#include "io/json.h"
#include "io/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const wg_safetensors_type types[] = {
#define TYPE_ROW(name, kind, bytes) {#name, {WG_ELEMENT_##kind, bytes, false}},
    WG_SAFETENSORS_DTYPES(TYPE_ROW)
#undef TYPE_ROW
};

static const wg_safetensors_type *type_named(const char *name) {
    for (size_t i = 0; i < WG_COUNT_OF(types); i++) {
        if (strcmp(types[i].name, name) == 0) {
            return &types[i];
        }
    }
    return NULL;
}

const wg_safetensors_type *wg_safetensors_type_of(wg_dtype dtype) {
    const wg_element element = wg_element_of(dtype);
    const wg_safetensors_type *type = types;
    while (type->element.kind != element.kind || type->element.bytes != element.bytes) {
        type++;
    }
    return type;
}

static wg_status no_memory(const wg_safetensors *file) {
    return wg_fail(WG_ERROR_MEMORY, "%s: no memory for the header's %zu bytes", file->verb,
                   file->data - WG_SAFETENSORS_LENGTH);
}

/* ---- What it says ---------------------------------------------------------------------------- */

static wg_status take_metadata(wg_safetensors *file, wg_json *json) {
    (void)wg_json_begin(json, '{');
    for (bool first = true; wg_json_more(json, '}', &first);) {
        wg_safetensors_text *texts =
            wg_grown(file->text, file->texts, &file->text_capacity, sizeof *texts);
        if (texts == NULL) {
            return no_memory(file);
        }
        file->text = texts;
        wg_safetensors_text *text = &file->text[file->texts];
        (void)wg_json_peek(json);
        text->at = json->at;
        if (wg_json_key(json, &text->key) && wg_json_string(json, &text->text)) {
            file->texts++;
        }
    }
    return WG_OK;
}

static void take_shape(wg_json *json, wg_safetensors_entry *entry, bool *too_deep) {
    (void)wg_json_begin(json, '[');
    entry->rank = 0;
    for (bool first = true; wg_json_more(json, ']', &first);) {
        uint64_t size = 0;
        (void)wg_json_peek(json);
        const size_t at = json->at;
        if (!wg_json_unsigned(json, &size)) {
            break;
        }
        if (entry->rank == WG_MAX_RANK) {
            *too_deep = true;
            (void)wg_json_refuse(json, at, "\"%.40s\" has more than %d axes", entry->name,
                                 WG_MAX_RANK);
        } else if (size > INT64_MAX) {
            (void)wg_json_refuse(json, at, "a size of \"%.40s\" overflows", entry->name);
        } else {
            entry->shape[entry->rank++] = (int64_t)size;
        }
    }
}

static void take_offsets(wg_json *json, wg_safetensors_entry *entry) {
    (void)wg_json_begin(json, '[');
    entry->offsets_at = json->at - 1;
    bool first = true;
    if (wg_json_more(json, ']', &first) && wg_json_unsigned(json, &entry->begin) &&
        wg_json_more(json, ']', &first) && wg_json_unsigned(json, &entry->end)) {
        (void)wg_json_peek(json);
        const size_t at = json->at;
        if (wg_json_more(json, ']', &first)) {
            (void)wg_json_refuse(json, at, "a third offset");
        }
    } else {
        (void)wg_json_refuse(json, json->at, "\"%.40s\" has fewer than two offsets", entry->name);
    }
}

static void take_type(wg_json *json, wg_safetensors_entry *entry) {
    const char *name = NULL;
    (void)wg_json_peek(json);
    const size_t at = json->at;
    if (wg_json_string(json, &name)) {
        entry->type = type_named(name);
        if (entry->type == NULL) {
            (void)wg_json_refuse(json, at, "\"%.40s\" has the unknown dtype \"%.16s\"", entry->name,
                                 name);
        }
    }
}

/* dtype, shape and data_offsets, each once, in any order. */
static void take_entry(wg_json *json, wg_safetensors_entry *entry, bool *too_deep) {
    static const char *const fields[] = {"dtype", "shape", "data_offsets"};
    bool seen[WG_COUNT_OF(fields)] = {false};
    (void)wg_json_begin(json, '{');
    for (bool first = true; wg_json_more(json, '}', &first);) {
        const char *key = NULL;
        (void)wg_json_peek(json);
        const size_t at = json->at;
        if (!wg_json_key(json, &key)) {
            return;
        }
        size_t field = 0;
        while (field < WG_COUNT_OF(fields) && strcmp(fields[field], key) != 0) {
            field++;
        }
        if (field == WG_COUNT_OF(fields) || seen[field]) {
            (void)wg_json_refuse(
                json, at, "\"%.40s\" has %s \"%.20s\"", entry->name,
                field < WG_COUNT_OF(fields) ? "twice the field" : "the unknown field", key);
            return;
        }
        seen[field] = true;
        if (field == 0) {
            take_type(json, entry);
        } else if (field == 1) {
            take_shape(json, entry, too_deep);
        } else {
            take_offsets(json, entry);
        }
    }
    for (size_t field = 0; field < WG_COUNT_OF(fields); field++) {
        if (!seen[field]) {
            (void)wg_json_refuse(json, entry->at, "\"%.40s\" has no \"%s\"", entry->name,
                                 fields[field]);
        }
    }
}

static wg_status take_header(wg_safetensors *file, wg_json *json, bool *too_deep) {
    bool described = false;
    wg_status status = WG_OK;
    (void)wg_json_begin(json, '{');
    for (bool first = true; status == WG_OK && wg_json_more(json, '}', &first);) {
        wg_safetensors_entry entry = {.rank = 0};
        (void)wg_json_peek(json);
        entry.at = json->at;
        if (!wg_json_key(json, &entry.name)) {
            break;
        }
        if (strcmp(entry.name, WG_SAFETENSORS_METADATA) == 0) {
            status = described ? WG_OK : take_metadata(file, json);
            if (described) {
                (void)wg_json_refuse(json, entry.at, "a second \"" WG_SAFETENSORS_METADATA "\"");
            }
            described = true;
            continue;
        }
        take_entry(json, &entry, too_deep);
        wg_safetensors_entry *entries =
            wg_grown(file->entry, file->count, &file->capacity, sizeof *entries);
        if (entries == NULL) {
            return no_memory(file);
        }
        file->entry = entries;
        file->entry[file->count++] = entry;
    }
    (void)wg_json_end(json);
    return status;
}

/* ---- Whether it can be true ------------------------------------------------------------------ */

static int by_place(const void *a, const void *b) {
    const wg_safetensors_entry *left = a, *right = b;
    return left->begin != right->begin ? (left->begin < right->begin ? -1 : 1)
           : left->end != right->end   ? (left->end < right->end ? -1 : 1)
                                       : 0;
}

/* Equal names in the order of the file, so that the second is the one to blame. */
static int by_name(const void *a, const void *b) {
    const wg_safetensors_entry *left = a, *right = b;
    const int order = strcmp(left->name, right->name);
    return order != 0 ? order : left->at < right->at ? -1 : 1;
}

static int by_key(const void *a, const void *b) {
    const wg_safetensors_text *left = a, *right = b;
    const int order = strcmp(left->key, right->key);
    return order != 0 ? order : left->at < right->at ? -1 : 1;
}

/* The bytes that shape and dtype make, or -1. */
static int64_t bytes_of(const wg_safetensors_entry *entry) {
    const int64_t count = wg_shape_count(entry->rank, entry->shape, sizeof(double));
    return count < 0 ? -1 : count * (int64_t)entry->type->element.bytes;
}

static wg_status check_entry(const wg_safetensors *file, const wg_safetensors_entry *entry,
                             uint64_t expected) {
    const size_t at = WG_SAFETENSORS_LENGTH + entry->offsets_at;
    const uint64_t data = file->size - file->data;
    const int64_t bytes = bytes_of(entry);
    if (bytes < 0) {
        char text[192];
        return wg_safetensors_refuse(file, WG_SAFETENSORS_LENGTH + entry->at,
                                     "\"%.80s\": the shape %s overflows", entry->name,
                                     wg_shape_text(entry->rank, entry->shape, text, sizeof text));
    }
    if (entry->begin > entry->end || entry->end - entry->begin != (uint64_t)bytes) {
        char text[192];
        return wg_safetensors_refuse(
            file, at, "\"%.80s\": the offsets %llu to %llu, and %lld bytes of %s %s", entry->name,
            (unsigned long long)entry->begin, (unsigned long long)entry->end, (long long)bytes,
            entry->type->name, wg_shape_text(entry->rank, entry->shape, text, sizeof text));
    }
    if (entry->end > data) {
        return wg_safetensors_refuse(
            file, file->size,
            "the file ends here, inside \"%.80s\", which ends at byte %llu of %llu", entry->name,
            (unsigned long long)entry->end, (unsigned long long)data);
    }
    if (entry->begin != expected) {
        return wg_safetensors_refuse(file, at, "\"%.80s\" begins at byte %llu of the data, %s %llu",
                                     entry->name, (unsigned long long)entry->begin,
                                     entry->begin < expected ? "inside the tensor that ends at"
                                                             : "a hole behind",
                                     (unsigned long long)expected);
    }
    return WG_OK;
}

/* Every byte of the data belongs to one tensor. */
static wg_status check_places(wg_safetensors *file) {
    uint64_t expected = 0;
    if (file->count > 0) {
        qsort(file->entry, (size_t)file->count, sizeof *file->entry, by_place);
    }
    for (int64_t i = 0; i < file->count; i++) {
        const wg_status status = check_entry(file, &file->entry[i], expected);
        if (status != WG_OK) {
            return status;
        }
        expected = file->entry[i].end;
    }
    const uint64_t data = file->size - file->data;
    if (expected != data) {
        return wg_safetensors_refuse(file, file->data + (size_t)expected,
                                     "%llu bytes left over behind the last tensor",
                                     (unsigned long long)(data - expected));
    }
    return WG_OK;
}

static wg_status check_names(wg_safetensors *file) {
    if (file->count > 0) {
        qsort(file->entry, (size_t)file->count, sizeof *file->entry, by_name);
    }
    for (int64_t i = 1; i < file->count; i++) {
        if (strcmp(file->entry[i - 1].name, file->entry[i].name) == 0) {
            return wg_safetensors_refuse(file, WG_SAFETENSORS_LENGTH + file->entry[i].at,
                                         "\"%.80s\" is there twice", file->entry[i].name);
        }
    }
    if (file->texts > 0) {
        qsort(file->text, (size_t)file->texts, sizeof *file->text, by_key);
    }
    for (int64_t i = 1; i < file->texts; i++) {
        if (strcmp(file->text[i - 1].key, file->text[i].key) == 0) {
            return wg_safetensors_refuse(file, WG_SAFETENSORS_LENGTH + file->text[i].at,
                                         "the metadata key \"%.80s\" is there twice",
                                         file->text[i].key);
        }
    }
    return WG_OK;
}

/* The length of the header, once it is found to be possible. */
static wg_status measure(wg_safetensors *file, size_t *length) {
    uint64_t value = 0;
    if (file->size < WG_SAFETENSORS_LENGTH) {
        return wg_safetensors_refuse(file, file->size,
                                     "the file ends inside the header's 8-byte length");
    }
    value = wg_load_little(file->bytes, WG_SAFETENSORS_LENGTH);
    if (value > WG_SAFETENSORS_MOST_HEADER) {
        return wg_safetensors_refuse(file, 0, "a header of %llu bytes; at most %llu are allowed",
                                     (unsigned long long)value,
                                     (unsigned long long)WG_SAFETENSORS_MOST_HEADER);
    }
    if (value > file->size - WG_SAFETENSORS_LENGTH) {
        return wg_safetensors_refuse(file, file->size,
                                     "the file ends here, inside its header of %llu bytes",
                                     (unsigned long long)value);
    }
    if (value == 0 || file->bytes[WG_SAFETENSORS_LENGTH] != '{') {
        return wg_safetensors_refuse(file, WG_SAFETENSORS_LENGTH,
                                     "the header does not begin with '{'");
    }
    *length = (size_t)value;
    return WG_OK;
}

wg_status wg_safetensors_read_header(wg_safetensors *file) {
    size_t length = 0;
    wg_status status = measure(file, &length);
    if (status != WG_OK) {
        return status;
    }
    file->data = WG_SAFETENSORS_LENGTH + length;
    file->room = wg_alloc(length);
    if (file->room == NULL) {
        return no_memory(file);
    }
    wg_json json = wg_json_new(file->bytes + WG_SAFETENSORS_LENGTH, length, file->room);
    bool too_deep = false;
    status = take_header(file, &json, &too_deep);
    if (status == WG_OK && json.failed) {
        return wg_safetensors_refuse_as(file, too_deep ? WG_ERROR_LIMIT : WG_ERROR_FORMAT,
                                        WG_SAFETENSORS_LENGTH + json.wrong_at, "%s", json.wrong);
    }
    status = status == WG_OK ? check_places(file) : status;
    return status == WG_OK ? check_names(file) : status;
}
