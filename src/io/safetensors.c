/* safetensors.c: safetensors files, mapped and looked at. */
#include "io/safetensors.h"

#include "base/bytes.h"
#include "tape/tape.h"
#include "wengert/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

wg_status wg_safetensors_refuse_as(const wg_safetensors *file, wg_status status, size_t at,
                                   const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const wg_status result =
        wg_refuse_byte(status, file->verb, file->path, NULL, at, format, arguments);
    va_end(arguments);
    return result;
}

void wg_safetensors_close(wg_safetensors *file) {
    if (file != NULL) {
        wg_unmap_file(&file->mapping);
        wg_free(file->path);
        wg_free(file->room);
        wg_free(file->entry);
        wg_free(file->text);
        wg_free(file);
    }
}

/* Takes over the mapping. */
static wg_status open_bytes(wg_safetensors *file, wg_safetensors **out) {
    const wg_status status = wg_safetensors_read_header(file);
    if (status != WG_OK) {
        wg_safetensors_close(file);
        return status;
    }
    *out = file;
    return WG_OK;
}

static wg_status new_file(const char *verb, wg_safetensors **file) {
    *file = wg_calloc(1, sizeof **file);
    if (*file == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for an open file", verb);
    }
    (*file)->verb = verb;
    return WG_OK;
}

static wg_status open_by(wg_status (*get)(const char *, const char *, wg_mapping *),
                         const char *verb, const char *path, wg_safetensors **out) {
    wg_safetensors *file;
    *out = NULL;
    wg_status status = new_file(verb, &file);
    if (status != WG_OK) {
        return status;
    }
    status = get(verb, path, &file->mapping);
    if (status != WG_OK) {
        wg_free(file);
        return status;
    }
    file->bytes = file->mapping.bytes;
    file->size = file->mapping.size;
    file->path = wg_strdup(path);
    if (file->path == NULL) {
        wg_safetensors_close(file);
        return wg_fail(WG_ERROR_MEMORY, "%s: %s: no memory for its name", verb, path);
    }
    return open_bytes(file, out);
}

wg_status wg_safetensors_open_as(const char *verb, const char *path, wg_safetensors **out) {
    return open_by(wg_map_file, verb, path, out);
}

wg_status wg_safetensors_load_as(const char *verb, const char *path, wg_safetensors **out) {
    return open_by(wg_load_file, verb, path, out);
}

wg_status wg_safetensors_open(const char *path, wg_safetensors **out) {
    return wg_safetensors_open_as("safetensors_open", path, out);
}

wg_status wg_safetensors_from_bytes(const void *bytes, size_t count, wg_safetensors **out) {
    wg_safetensors *file;
    *out = NULL;
    if (bytes == NULL && count > 0) {
        return wg_fail(WG_ERROR_ARGUMENT, "safetensors_from_bytes: the bytes are missing");
    }
    const wg_status status = new_file("safetensors_from_bytes", &file);
    if (status != WG_OK) {
        return status;
    }
    file->bytes = bytes;
    file->size = count;
    return open_bytes(file, out);
}

/* ---- What is in it --------------------------------------------------------------------------- */

int64_t wg_safetensors_count(const wg_safetensors *file) {
    return file->count;
}

static void describe(const wg_safetensors *file, const wg_safetensors_entry *entry,
                     wg_tensor *out) {
    const unsigned char *data = file->bytes + file->data + entry->begin;
    *out = (wg_tensor){.name = entry->name,
                       .stored = entry->type->name,
                       .offset = file->data + entry->begin,
                       .bytes = entry->end - entry->begin};
    wg_dtype dtype = WG_U8; /* of elements that no dtype holds */
    (void)wg_element_dtype(entry->type->element, &dtype);
    wg_view_set_contiguous(&out->view, dtype, entry->rank, entry->shape);
    if (wg_element_is_native(entry->type->element) && (uintptr_t)data % wg_dtype_size(dtype) == 0) {
        out->view.data = (void *)(uintptr_t)data; /* views have no const; nobody writes to it */
    }
}

wg_status wg_safetensors_at(const wg_safetensors *file, int64_t index, wg_tensor *out) {
    if (index < 0 || index >= file->count) {
        return wg_fail(WG_ERROR_ARGUMENT,
                       "safetensors_at: there is no tensor %lld, the file has %lld",
                       (long long)index, (long long)file->count);
    }
    describe(file, &file->entry[index], out);
    return WG_OK;
}

static int compare_entry(const void *name, const void *entry) {
    return strcmp(name, ((const wg_safetensors_entry *)entry)->name);
}

static int compare_text(const void *key, const void *text) {
    return strcmp(key, ((const wg_safetensors_text *)text)->key);
}

const wg_safetensors_entry *wg_safetensors_entry_named(const wg_safetensors *file,
                                                       const char *name) {
    return file->count == 0 || name == NULL ? NULL
                                            : bsearch(name, file->entry, (size_t)file->count,
                                                      sizeof *file->entry, compare_entry);
}

static wg_status no_tensor(const char *verb, const char *name) {
    return wg_fail(WG_ERROR_ARGUMENT, "%s: there is no tensor \"%.200s\"", verb,
                   name != NULL ? name : "");
}

wg_status wg_safetensors_find(const wg_safetensors *file, const char *name, wg_tensor *out) {
    const wg_safetensors_entry *entry = wg_safetensors_entry_named(file, name);
    if (entry == NULL) {
        return no_tensor("safetensors_find", name);
    }
    describe(file, entry, out);
    return WG_OK;
}

const char *wg_safetensors_metadata(const wg_safetensors *file, const char *key) {
    const wg_safetensors_text *text =
        file->texts == 0 || key == NULL
            ? NULL
            : bsearch(key, file->text, (size_t)file->texts, sizeof *file->text, compare_text);
    return text != NULL ? text->text : NULL;
}

bool wg_safetensors_metadata_at(const wg_safetensors *file, int64_t index, const char **key,
                                const char **text) {
    if (index < 0 || index >= file->texts) {
        return false;
    }
    *key = file->text[index].key;
    *text = file->text[index].text;
    return true;
}

/* ---- Copies ---------------------------------------------------------------------------------- */

static int64_t elements_of(const wg_safetensors_entry *entry) {
    return (int64_t)((entry->end - entry->begin) / entry->type->element.bytes);
}

wg_status wg_safetensors_check(const wg_safetensors *file, const wg_safetensors_entry *entry,
                               wg_dtype dtype) {
    const wg_element element = entry->type->element;
    if (!wg_element_becomes(element, dtype)) {
        return wg_fail(WG_ERROR_DTYPE, "%s: \"%.200s\" is %s, which does not become %s", file->verb,
                       entry->name, entry->type->name, wg_dtype_name(dtype));
    }
    const size_t start = file->data + (size_t)entry->begin;
    const int64_t wrong =
        wg_element_unfit(element, file->bytes + start, (int64_t)element.bytes, elements_of(entry));
    return wrong < 0 ? WG_OK
                     : wg_safetensors_refuse(
                           file, start + (size_t)wrong * element.bytes,
                           "element %lld of \"%.80s\" %s", (long long)wrong, entry->name,
                           element.kind == WG_ELEMENT_BOOL ? "is a BOOL that is neither 0 nor 1"
                                                           : "is above 2^63 - 1");
}

void wg_safetensors_copy(const wg_safetensors *file, const wg_safetensors_entry *entry,
                         wg_dtype dtype, void *to) {
    wg_element_load(entry->type->element, file->bytes + file->data + entry->begin,
                    (int64_t)entry->type->element.bytes, elements_of(entry), dtype, to);
}

static wg_status own_dtype(const char *verb, const wg_safetensors_entry *entry, wg_dtype *dtype) {
    return wg_element_dtype(entry->type->element, dtype)
               ? WG_OK
               : wg_fail(WG_ERROR_DTYPE, "%s: \"%.200s\" is %s, which no dtype of arrays holds",
                         verb, entry->name, entry->type->name);
}

wg_status wg_safetensors_read(const wg_safetensors *file, const char *name, wg_array **out) {
    *out = NULL;
    const wg_safetensors_entry *entry = wg_safetensors_entry_named(file, name);
    if (entry == NULL) {
        return no_tensor("safetensors_read", name);
    }
    wg_dtype dtype;
    wg_status status = own_dtype("safetensors_read", entry, &dtype);
    status = status == WG_OK ? wg_safetensors_check(file, entry, dtype) : status;
    status = status == WG_OK ? wg_array_new(dtype, entry->rank, entry->shape, out) : status;
    if (status == WG_OK) {
        wg_safetensors_copy(file, entry, dtype, (*out)->data);
    }
    return status;
}

wg_var wg_safetensors_constant(const wg_safetensors *file, wg_tape *tape, const char *name) {
    wg_tensor tensor;
    wg_array *array = NULL;
    if (tape->status != WG_OK) {
        return wg_poison(tape);
    }
    if (wg_safetensors_find(file, name, &tensor) == WG_OK && tensor.view.data != NULL) {
        return wg_borrow(tape, &tensor.view, NULL);
    }
    if (wg_safetensors_read(file, name, &array) != WG_OK) {
        char message[512];
        (void)snprintf(message, sizeof message, "%s", wg_last_message());
        wg_tape_fail(tape, wg_last_status(), "safetensors_constant", NULL, "%s", message);
        return wg_poison(tape);
    }
    const wg_var constant = wg_constant(tape, array->dtype, array->rank, array->shape, array->data);
    wg_array_free(array);
    return constant;
}
