/* checkpoint_load.c: a run from a file: everything is checked and made ready first, and then put in
 * place, which cannot fail. */
#include "base/checksum.h"
#include "base/endian.h"
#include "io/checkpoint.h"
#include "io/store_load.h"
#include "optim/average.h"
#include "optim/optimizer.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define VERB "checkpoint_load"

/* What is ready to be put in place. */
typedef struct loading {
    const wg_training *training;
    wg_safetensors *file;
    wg_load_plan plan;
    bool planned;
    wg_restore *restore;
    wg_average *average;
    int64_t key[2], steps, updates;
    double lr, plateau[WG_PLATEAU_NUMBERS], scale[WG_SCALE_NUMBERS];
    int64_t *births, *averaged;
} loading;

static wg_status refuse(const loading *l, wg_status status, const char *what, const char *name) {
    const wg_safetensors *file = l->file;
    return wg_fail(status, VERB ": %s%s%s: \"%.150s\"", file->path != NULL ? file->path : "",
                   file->path != NULL ? ": " : "", what, name);
}

/* What stands behind `prefix` in a name; NULL where it begins otherwise. */
static const char *behind(const char *name, const char *prefix) {
    const size_t length = strlen(prefix);
    return strncmp(name, prefix, length) == 0 ? name + length : NULL;
}

/* ---- The file -------------------------------------------------------------------------------- */

static wg_status check_whole(const loading *l) {
    const wg_safetensors *file = l->file;
    const wg_safetensors_entry *entry = wg_safetensors_entry_named(file, WG_CHECKSUM_NAME);
    const char *format = wg_safetensors_metadata(file, "format");
    const char *version = wg_safetensors_metadata(file, "version");
    if (format == NULL || version == NULL || strcmp(format, WG_CHECKPOINT_FORMAT) != 0 ||
        strcmp(version, WG_CHECKPOINT_VERSION) != 0) {
        return refuse(l, WG_ERROR_FORMAT,
                      "byte 8: no checkpoint of version " WG_CHECKPOINT_VERSION " but of format",
                      format != NULL ? format : "");
    }
    if (entry == NULL || entry->end - entry->begin != WG_CHECKSUM_BYTES ||
        file->data + entry->end != file->size) {
        return refuse(l, WG_ERROR_FORMAT, "byte 8: the file does not end with", WG_CHECKSUM_NAME);
    }
    const size_t at = file->size - WG_CHECKSUM_BYTES;
    const uint32_t saved = (uint32_t)wg_load_little(file->bytes + at, WG_CHECKSUM_BYTES);
    const uint32_t crc = wg_crc32(file->bytes, at);
    return crc == saved ? WG_OK
                        : wg_safetensors_refuse(file, at,
                                                "the checksum is 0x%08x, that of the content "
                                                "0x%08x: a byte before here is damaged",
                                                saved, crc);
}

/* Copies `count` numbers, which must be that many of just that dtype. */
static wg_status take(const loading *l, const char *name, wg_dtype dtype, int64_t count, void *to) {
    const wg_safetensors_entry *entry = wg_safetensors_entry_named(l->file, name);
    if (entry == NULL) {
        return refuse(l, WG_ERROR_ARGUMENT, "the checkpoint lacks", name);
    }
    if (entry->type != wg_safetensors_type_of(dtype) || entry->rank != 1 ||
        entry->shape[0] != count) {
        return refuse(l, WG_ERROR_SHAPE, "the checkpoint has another count or dtype of", name);
    }
    wg_safetensors_copy(l->file, entry, dtype, to);
    return WG_OK;
}

/* ---- The optimizer --------------------------------------------------------------------------- */

/* The slot that a name ("SLOT.NAME") is of, and the parameter's name. */
static int64_t slot_of(const wg_optimizer *optimizer, const char *text, const char **name) {
    for (int64_t slot = 0; slot < wg_optimizer_slots(optimizer); slot++) {
        const char *slot_name = wg_optimizer_slot_name(optimizer, slot);
        *name = slot_name != NULL ? behind(text, slot_name) : NULL;
        if (*name != NULL && **name == '.') {
            ++*name;
            return slot;
        }
    }
    return -1;
}

/* The tensor of the parameter of that name; NULL where there is none. */
static const wg_safetensors_entry *model_of(const loading *l, const char *name) {
    char full[sizeof WG_IN_MODEL + WG_NAME_BYTES];
    const int length = snprintf(full, sizeof full, "%s%s", WG_IN_MODEL, name);
    return length > 0 && (size_t)length < sizeof full ? wg_safetensors_entry_named(l->file, full)
                                                      : NULL;
}

static wg_status restore_slot(loading *l, const wg_safetensors_entry *entry, const char *text) {
    const char *name = NULL;
    const int64_t slot = slot_of(l->training->optimizer, text, &name);
    const wg_safetensors_entry *model = slot >= 0 ? model_of(l, name) : NULL;
    if (model == NULL) {
        return refuse(l, WG_ERROR_ARGUMENT,
                      slot < 0 ? "the optimizer, with its options, keeps no such state"
                               : "the state of a parameter that is not there",
                      entry->name);
    }
    if (model->type != entry->type ||
        !wg_shape_equal(model->rank, model->shape, entry->rank, entry->shape)) {
        return refuse(l, WG_ERROR_SHAPE, "the state has not its parameter's shape and dtype",
                      entry->name);
    }
    wg_array *array = NULL;
    wg_status status = wg_safetensors_read(l->file, entry->name, &array);
    if (status == WG_OK) {
        status = wg_restore_slot(l->restore, name, slot, array->dtype, wg_array_count(array),
                                 array->data);
    }
    wg_array_free(array);
    return status;
}

static wg_status restore_births(loading *l) {
    int64_t count = 0;
    wg_status status = WG_OK;
    for (int64_t i = 0; i < l->file->count; i++) {
        count += behind(l->file->entry[i].name, WG_IN_MODEL) != NULL ? 1 : 0;
    }
    l->births = wg_calloc((size_t)count + 1, sizeof *l->births);
    if (l->births == NULL) {
        return wg_fail(WG_ERROR_MEMORY, VERB ": no memory for %lld numbers", (long long)count);
    }
    status = take(l, WG_STATE_BIRTHS, WG_I64, count, l->births);
    for (int64_t i = 0, k = 0; i < l->file->count && status == WG_OK; i++) {
        const char *name = behind(l->file->entry[i].name, WG_IN_MODEL);
        if (name == NULL) {
            continue;
        }
        if (l->births[k] < WG_BORN_OPEN || l->births[k] > l->steps) {
            status = refuse(l, WG_ERROR_FORMAT, "out of range in " WG_STATE_BIRTHS, name);
        } else if (l->births[k] >= 0) {
            status = wg_restore_birth(l->restore, name, (uint64_t)l->births[k]);
        }
        k++;
    }
    return status;
}

static wg_status restore_scalars(loading *l) {
    wg_status status = WG_OK;
    const wg_optimizer *optimizer = l->training->optimizer;
    for (int64_t i = 0; i < wg_optimizer_scalars(optimizer) && status == WG_OK; i++) {
        const char *name = wg_optimizer_scalar_name(optimizer, i);
        char full[sizeof WG_IN_SCALAR + WG_NAME_BYTES];
        double value = 0;
        (void)snprintf(full, sizeof full, "%s%s", WG_IN_SCALAR, name);
        status = take(l, full, WG_F64, 1, &value);
        status = status == WG_OK ? wg_restore_scalar(l->restore, name, value) : status;
    }
    return status;
}

static wg_status restore_optimizer(loading *l) {
    const char *saved = wg_safetensors_metadata(l->file, "optimizer");
    const wg_optimizer *optimizer = l->training->optimizer;
    const char *rule = optimizer != NULL ? wg_optimizer_rule(optimizer) : "none";
    if (saved == NULL || strcmp(saved, rule) != 0) {
        return wg_fail(WG_ERROR_ARGUMENT,
                       VERB ": the checkpoint's optimizer is %.40s, the run's %s",
                       saved != NULL ? saved : "missing", rule);
    }
    if (optimizer == NULL) {
        return WG_OK;
    }
    l->restore = wg_restore_new(optimizer);
    if (l->restore == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_status status = take(l, WG_STATE_STEPS, WG_I64, 1, &l->steps);
    status = status == WG_OK ? take(l, WG_STATE_LR, WG_F64, 1, &l->lr) : status;
    if (status == WG_OK && (l->steps < 0 || !(l->lr >= 0) || !isfinite(l->lr))) {
        status = refuse(l, WG_ERROR_FORMAT, "out of range", WG_STATE_STEPS " or " WG_STATE_LR);
    }
    status = status == WG_OK ? restore_scalars(l) : status;
    status = status == WG_OK ? restore_births(l) : status;
    for (int64_t i = 0; i < l->file->count && status == WG_OK; i++) {
        const wg_safetensors_entry *entry = &l->file->entry[i];
        const char *text = behind(entry->name, WG_IN_OPTIMIZER);
        status = text != NULL ? restore_slot(l, entry, text) : WG_OK;
    }
    return status;
}

/* ---- The average ----------------------------------------------------------------------------- */

static wg_status put_average(loading *l, const wg_safetensors_entry *entry, const char *name,
                             int64_t updates) {
    wg_param *param = wg_store_named(l->training->store, name);
    if (param == NULL || updates < 0) {
        return refuse(l, WG_ERROR_ARGUMENT, "the average of a parameter that is not there",
                      entry->name);
    }
    if (entry->type != wg_safetensors_type_of(param->value.dtype) ||
        !wg_shape_equal(param->value.rank, param->value.shape, entry->rank, entry->shape)) {
        return refuse(l, WG_ERROR_SHAPE, "the average has not its parameter's shape and dtype",
                      entry->name);
    }
    wg_array *array = NULL;
    wg_status status = wg_safetensors_read(l->file, entry->name, &array);
    if (status == WG_OK) {
        status = wg_average_put(l->average, param, (uint64_t)updates, array->data);
    }
    wg_array_free(array);
    return status;
}

/* A new average beside the run's, so that nothing has changed until all is there. */
static wg_status restore_average(loading *l) {
    const wg_average *average = l->training->average;
    int64_t count = 0;
    if (average == NULL) {
        return WG_OK;
    }
    for (int64_t i = 0; i < l->file->count; i++) {
        count += behind(l->file->entry[i].name, WG_IN_AVERAGE) != NULL ? 1 : 0;
    }
    l->average = wg_average_new(l->training->store, average->options);
    l->averaged = wg_calloc((size_t)count + 1, sizeof *l->averaged);
    if (l->average == NULL || l->averaged == NULL) {
        return wg_fail(WG_ERROR_MEMORY, VERB ": no memory for %lld averages", (long long)count);
    }
    wg_status status = take(l, WG_STATE_UPDATES, WG_I64, 1, &l->updates);
    status = status == WG_OK ? take(l, WG_STATE_AVERAGED, WG_I64, count, l->averaged) : status;
    if (status == WG_OK && l->updates < 0) {
        status = refuse(l, WG_ERROR_FORMAT, "out of range", WG_STATE_UPDATES);
    }
    for (int64_t i = 0, k = 0; i < l->file->count && status == WG_OK; i++) {
        const char *name = behind(l->file->entry[i].name, WG_IN_AVERAGE);
        if (name != NULL) {
            status = put_average(l, &l->file->entry[i], name, l->averaged[k++]);
        }
    }
    return status;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

/* Whether a double is a count up to `most`. */
static bool is_count(double value, double most) {
    return value >= 0 && value <= most && value == floor(value);
}

static wg_status take_numbers(loading *l) {
    const wg_training *training = l->training;
    wg_status status = take(l, WG_STATE_KEY, WG_I64, 2, l->key);
    if (status == WG_OK && training->plateau != NULL) {
        status = take(l, WG_STATE_PLATEAU, WG_F64, WG_PLATEAU_NUMBERS, l->plateau);
        if (status == WG_OK &&
            !(is_count(l->plateau[1], 0x1p53) && is_count(l->plateau[2], 0x1p53))) {
            status = refuse(l, WG_ERROR_FORMAT, "out of range", WG_STATE_PLATEAU);
        }
    }
    if (status == WG_OK && training->scale != NULL) {
        status = take(l, WG_STATE_SCALE, WG_F64, WG_SCALE_NUMBERS, l->scale);
        if (status == WG_OK && !(l->scale[0] > 0 && is_count(l->scale[1], INT_MAX))) {
            status = refuse(l, WG_ERROR_FORMAT, "out of range", WG_STATE_SCALE);
        }
    }
    return status;
}

/* The entry of an extra; NULL and a failure where there is none that fits. */
static const wg_safetensors_entry *extra_of(const loading *l, const wg_extra *extra) {
    for (int64_t i = 0; i < l->file->count; i++) {
        const wg_safetensors_entry *entry = &l->file->entry[i];
        const char *name = behind(entry->name, WG_IN_EXTRA);
        if (name == NULL || strcmp(name, extra->name) != 0) {
            continue;
        }
        if (entry->type != wg_safetensors_type_of(extra->dtype) || entry->rank != 1 ||
            entry->shape[0] != extra->count) {
            (void)refuse(l, WG_ERROR_SHAPE, "the checkpoint has another count or dtype of",
                         entry->name);
            return NULL;
        }
        return entry;
    }
    (void)refuse(l, WG_ERROR_ARGUMENT, "the checkpoint lacks the extra", extra->name);
    return NULL;
}

/* ---- What must not be there ------------------------------------------------------------------ */

static bool is_extra(const wg_training *training, const char *name) {
    for (int i = 0; i < training->extras; i++) {
        if (strcmp(training->extra[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the run has the part that a tensor belongs to. */
static bool is_known(const wg_training *training, const char *name) {
    const struct {
        const char *prefix;
        bool whole; /* the name, and not how it begins */
        bool there;
    } parts[] = {
        {WG_IN_MODEL, false, true},
        {WG_IN_OPTIMIZER, false, training->optimizer != NULL},
        {WG_IN_SCALAR, false, training->optimizer != NULL},
        {WG_STATE_STEPS, true, training->optimizer != NULL},
        {WG_STATE_LR, true, training->optimizer != NULL},
        {WG_STATE_BIRTHS, true, training->optimizer != NULL},
        {WG_IN_AVERAGE, false, training->average != NULL},
        {WG_STATE_UPDATES, true, training->average != NULL},
        {WG_STATE_AVERAGED, true, training->average != NULL},
        {WG_STATE_PLATEAU, true, training->plateau != NULL},
        {WG_STATE_SCALE, true, training->scale != NULL},
        {WG_STATE_KEY, true, true},
        {WG_CHECKSUM_NAME, true, true},
    };
    for (size_t i = 0; i < WG_COUNT_OF(parts); i++) {
        const char *rest = behind(name, parts[i].prefix);
        if (parts[i].there && rest != NULL && (!parts[i].whole || *rest == '\0')) {
            return true;
        }
    }
    const char *extra = behind(name, WG_IN_EXTRA);
    return extra != NULL && is_extra(training, extra);
}

static wg_status check_names(const loading *l) {
    for (int64_t i = 0; i < l->file->count; i++) {
        if (!is_known(l->training, l->file->entry[i].name)) {
            return refuse(l, WG_ERROR_ARGUMENT, "the run has no place for", l->file->entry[i].name);
        }
    }
    return WG_OK;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static wg_status prepare(loading *l) {
    const wg_load_options options = {.prefix = WG_IN_MODEL};
    const wg_training *training = l->training;
    wg_status status = check_whole(l);
    status = status == WG_OK ? check_names(l) : status;
    status = status == WG_OK ? restore_optimizer(l) : status;
    status = status == WG_OK ? take_numbers(l) : status;
    for (int i = 0; i < training->extras && status == WG_OK; i++) {
        status = extra_of(l, &training->extra[i]) != NULL ? WG_OK : wg_last_status();
    }
    if (status == WG_OK) {
        status = wg_load_plan_new(training->store, l->file, &options, &l->plan);
        l->planned = status == WG_OK;
    }
    if (status == WG_OK && l->births != NULL) {
        status = wg_load_plan_decide(&l->plan, l->births);
    }
    return status == WG_OK ? restore_average(l) : status;
}

static void put_average_in_place(wg_average *to, wg_average *from, int64_t updates) {
    const wg_average old = *to;
    to->entries = from->entries;
    to->count = from->count;
    to->updates = (uint64_t)updates;
    from->entries = old.entries;
    from->count = old.count;
}

static void put_in_place(loading *l) {
    const wg_training *training = l->training;
    wg_load_plan_fill(&l->plan);
    l->planned = false;
    training->store->key = (wg_key){{(uint32_t)l->key[0], (uint32_t)l->key[1]}};
    wg_zero_gradients(training->store);
    if (training->optimizer != NULL) {
        wg_restore_commit(training->optimizer, l->restore, (uint64_t)l->steps, l->lr);
        l->restore = NULL;
    }
    if (training->average != NULL) {
        put_average_in_place(training->average, l->average, l->updates);
    }
    if (training->plateau != NULL) {
        training->plateau->best = l->plateau[0];
        training->plateau->bad = (int64_t)l->plateau[1];
        training->plateau->rest = (int64_t)l->plateau[2];
    }
    if (training->scale != NULL) {
        training->scale->scale = l->scale[0];
        training->scale->good = (int)l->scale[1];
    }
    for (int i = 0; i < training->extras; i++) {
        const wg_extra *extra = &training->extra[i];
        wg_safetensors_copy(l->file, extra_of(l, extra), extra->dtype, extra->data);
    }
}

/* Takes the file over. */
static wg_status load(wg_safetensors *file, const wg_training *training) {
    loading l = {.training = training, .file = file};
    const wg_status status = prepare(&l);
    if (status == WG_OK) {
        put_in_place(&l);
    }
    if (l.planned) {
        wg_load_plan_drop(&l.plan);
    }
    wg_restore_free(l.restore);
    wg_average_free(l.average);
    wg_free(l.births);
    wg_free(l.averaged);
    wg_safetensors_close(file);
    return status;
}

/* A header that checkpoints never have is damage. */
static wg_status opened(wg_status status) {
    if (status != WG_ERROR_LIMIT) {
        return status;
    }
    char text[400];
    (void)snprintf(text, sizeof text, "%s", wg_last_message());
    return wg_fail(WG_ERROR_FORMAT, "%s", text);
}

wg_status wg_checkpoint_load(const char *path, const wg_training *training) {
    wg_safetensors *file = NULL;
    wg_status status = wg_training_check(VERB, training);
    status = status == WG_OK ? opened(wg_safetensors_load_as(VERB, path, &file)) : status;
    return status == WG_OK ? load(file, training) : status;
}

wg_status wg_checkpoint_from_bytes(const void *bytes, size_t count, const wg_training *training) {
    wg_safetensors *file = NULL;
    wg_status status = wg_training_check(VERB, training);
    status = status == WG_OK ? opened(wg_safetensors_from_bytes(bytes, count, &file)) : status;
    return status == WG_OK ? load(file, training) : status;
}
