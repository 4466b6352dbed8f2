/* safetensors_write.c: files in the layout of the reference implementation. */
#include "base/endian.h"
#include "base/replace.h"
#include "base/text.h"
#include "data/utf8.h"
#include "io/safetensors.h"

#include <stdlib.h>
#include <string.h>

struct wg_safetensors_item {
    const char *name;
    const wg_view *view;
    const wg_safetensors_type *type;
};

static int by_name(const void *a, const void *b) {
    return strcmp(((const wg_safetensors_item *)a)->name, ((const wg_safetensors_item *)b)->name);
}

/* Types stand in one table, in the order of the format. */
static int by_type(const void *a, const void *b) {
    const wg_safetensors_item *left = a, *right = b;
    return left->type != right->type ? (left->type < right->type ? -1 : 1)
                                     : strcmp(left->name, right->name);
}

static wg_status check_text(const char *verb, const char *what, const char *text) {
    size_t at = 0;
    if (text == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: %s is NULL", verb, what);
    }
    return wg_utf8_is_valid(text, &at)
               ? WG_OK
               : wg_fail(WG_ERROR_ARGUMENT, "%s: %s \"%.80s\" is not UTF-8 from its byte %zu on",
                         verb, what, text, at);
}

static wg_status take_item(wg_safetensors_plan *plan, const wg_named_view *tensor) {
    const wg_status status = check_text(plan->verb, "a tensor's name", tensor->name);
    const wg_view *view = &tensor->view;
    if (status != WG_OK) {
        return status;
    }
    if (strcmp(tensor->name, WG_SAFETENSORS_METADATA) == 0) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: a tensor cannot be called " WG_SAFETENSORS_METADATA,
                       plan->verb);
    }
    if (wg_dtype_size(view->dtype) == 0 || view->rank < 0 || view->rank > WG_MAX_RANK ||
        wg_shape_count(view->rank, view->shape, sizeof(double)) < 0) {
        return wg_fail(WG_ERROR_ARGUMENT,
                       "%s: the dtype, rank or shape of \"%.200s\" is out of range", plan->verb,
                       tensor->name);
    }
    if (view->data == NULL && wg_view_count(view) > 0) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: \"%.200s\" has no data", plan->verb, tensor->name);
    }
    plan->item[plan->count++] =
        (wg_safetensors_item){tensor->name, view, wg_safetensors_type_of(view->dtype)};
    return WG_OK;
}

static wg_status check_metadata(const char *verb, int64_t count, const wg_metadata *metadata) {
    for (int64_t i = 0; i < count; i++) {
        wg_status status = check_text(verb, "a metadata key", metadata[i].key);
        status = status == WG_OK ? check_text(verb, "a metadata text", metadata[i].text) : status;
        if (status != WG_OK) {
            return status;
        }
        for (int64_t k = 0; k < i; k++) { /* they are few */
            if (strcmp(metadata[k].key, metadata[i].key) == 0) {
                return wg_fail(WG_ERROR_ARGUMENT, "%s: the metadata key \"%.200s\" comes twice",
                               verb, metadata[i].key);
            }
        }
    }
    return WG_OK;
}

/* ---- The header ------------------------------------------------------------------------------ */

static void add_item(wg_text *text, const wg_safetensors_item *item, uint64_t begin, uint64_t end) {
    wg_text_json(text, item->name);
    wg_text_add(text, ":{\"dtype\":\"%s\",\"shape\":[", item->type->name);
    for (int axis = 0; axis < item->view->rank; axis++) {
        wg_text_add(text, axis == 0 ? "%lld" : ",%lld", (long long)item->view->shape[axis]);
    }
    wg_text_add(text, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin,
                (unsigned long long)end);
}

static void add_metadata(wg_text *text, int64_t count, const wg_metadata *metadata) {
    wg_text_json(text, WG_SAFETENSORS_METADATA);
    wg_text_add(text, ":{");
    for (int64_t i = 0; i < count; i++) {
        wg_text_bytes(text, ",", i > 0 ? 1 : 0);
        wg_text_json(text, metadata[i].key);
        wg_text_bytes(text, ":", 1);
        wg_text_json(text, metadata[i].text);
    }
    wg_text_bytes(text, "}", 1);
}

static wg_status make_header(wg_safetensors_plan *plan, int64_t metadata_count,
                             const wg_metadata *metadata) {
    wg_text text = {NULL, 0, 0, false};
    uint64_t begin = 0;
    wg_text_add(&text, "%8s{", ""); /* room for the length */
    if (metadata_count > 0) {
        add_metadata(&text, metadata_count, metadata);
    }
    for (int64_t i = 0; i < plan->count; i++) {
        const wg_safetensors_item *item = &plan->item[i];
        const uint64_t bytes =
            (uint64_t)wg_view_count(item->view) * (uint64_t)item->type->element.bytes;
        wg_text_bytes(&text, ",", i > 0 || metadata_count > 0 ? 1 : 0);
        add_item(&text, item, begin, begin + bytes);
        begin += bytes;
    }
    wg_text_bytes(&text, "}", 1);
    while (text.length % 8 != 0 && !text.failed) {
        wg_text_bytes(&text, " ", 1);
    }
    if (text.failed) {
        wg_text_free(&text);
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for the header", plan->verb);
    }
    const uint64_t length = text.length - WG_SAFETENSORS_LENGTH;
    if (length > WG_SAFETENSORS_MOST_HEADER) {
        wg_text_free(&text);
        return wg_fail(WG_ERROR_LIMIT, "%s: a header of %llu bytes; the format allows %llu",
                       plan->verb, (unsigned long long)length,
                       (unsigned long long)WG_SAFETENSORS_MOST_HEADER);
    }
    wg_store_little(text.bytes, WG_SAFETENSORS_LENGTH, length);
    plan->header = text.bytes;
    plan->header_bytes = text.length;
    return WG_OK;
}

wg_status wg_safetensors_plan_new(const char *verb, int64_t count, const wg_named_view *tensors,
                                  int64_t metadata_count, const wg_metadata *metadata,
                                  wg_safetensors_plan *plan) {
    *plan = (wg_safetensors_plan){.verb = verb};
    if (count < 0 || (count > 0 && tensors == NULL) || metadata_count < 0 ||
        (metadata_count > 0 && metadata == NULL)) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: tensors or metadata are missing", verb);
    }
    plan->item = wg_calloc((size_t)count + 1, sizeof *plan->item);
    if (plan->item == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for %lld names", verb, (long long)count);
    }
    wg_status status = check_metadata(verb, metadata_count, metadata);
    for (int64_t i = 0; i < count && status == WG_OK; i++) {
        status = take_item(plan, &tensors[i]);
    }
    if (status == WG_OK) {
        qsort(plan->item, (size_t)count, sizeof *plan->item, by_name);
    }
    for (int64_t i = 1; i < count && status == WG_OK; i++) {
        if (strcmp(plan->item[i - 1].name, plan->item[i].name) == 0) {
            status = wg_fail(WG_ERROR_ARGUMENT, "%s: the name \"%.200s\" comes twice", verb,
                             plan->item[i].name);
        }
    }
    if (status == WG_OK) {
        qsort(plan->item, (size_t)count, sizeof *plan->item, by_type);
        status = make_header(plan, metadata_count, metadata);
    }
    if (status != WG_OK) {
        wg_safetensors_plan_free(plan);
    }
    return status;
}

void wg_safetensors_plan_free(wg_safetensors_plan *plan) {
    wg_free(plan->item);
    wg_free(plan->header);
    *plan = (wg_safetensors_plan){.verb = plan->verb};
}

/* ---- The file -------------------------------------------------------------------------------- */

wg_status wg_safetensors_plan_write(const wg_safetensors_plan *plan, const char *path,
                                    bool checksum) {
    wg_replacement file;
    wg_status status = wg_replace_begin(&file, plan->verb, path);
    if (status != WG_OK) {
        return status;
    }
    status = wg_replace_add(&file, plan->header, plan->header_bytes);
    for (int64_t i = 0; i < plan->count - (checksum ? 1 : 0) && status == WG_OK; i++) {
        status = wg_element_store(plan->verb, plan->item[i].view, wg_replace_add_to, &file);
    }
    if (status == WG_OK && checksum) {
        unsigned char bytes[4];
        wg_store_little(bytes, sizeof bytes, file.crc);
        status = wg_replace_add(&file, bytes, sizeof bytes);
    }
    if (status != WG_OK) {
        wg_replace_drop(&file);
        return status;
    }
    return wg_replace_end(&file);
}

wg_status wg_safetensors_save(const char *path, int64_t count, const wg_named_view *tensors,
                              int64_t metadata_count, const wg_metadata *metadata) {
    wg_safetensors_plan plan;
    wg_status status = wg_safetensors_plan_new("safetensors_save", count, tensors, metadata_count,
                                               metadata, &plan);
    if (status == WG_OK) {
        status = wg_safetensors_plan_write(&plan, path, false);
        wg_safetensors_plan_free(&plan);
    }
    return status;
}
