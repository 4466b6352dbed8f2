/* checkpoint_save.c: a run as a file. */
#include "data/utf8.h"
#include "io/checkpoint.h"
#include "io/named.h"
#include "io/store_load.h"
#include "optim/average.h"
#include "optim/optimizer.h"

#include <string.h>

#define VERB "checkpoint_save"

/* Numbers that stand nowhere in memory as they are saved. */
typedef struct numbers {
    int64_t key[2], steps, updates;
    double lr, plateau[WG_PLATEAU_NUMBERS], scale[WG_SCALE_NUMBERS], scalar[WG_OWN_SCALARS];
    int64_t *births, *averaged; /* one for each parameter of the store */
    uint8_t checksum[WG_CHECKSUM_BYTES];
} numbers;

wg_status wg_training_check(const char *verb, const wg_training *training) {
    if (training == NULL || training->store == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: the store is missing", verb);
    }
    if (training->extras < 0 || (training->extras > 0 && training->extra == NULL)) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: the extras are missing", verb);
    }
    if ((training->optimizer != NULL && training->optimizer->store != training->store) ||
        (training->average != NULL && training->average->store != training->store)) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: optimizer or average of another store", verb);
    }
    if (training->average != NULL && training->average->swapped) {
        return wg_fail(WG_ERROR_STATE, "%s: the averages are swapped in: swap them back", verb);
    }
    for (int i = 0; i < training->extras; i++) {
        const wg_extra *extra = &training->extra[i];
        size_t at = 0;
        if (extra->name == NULL || !wg_utf8_is_valid(extra->name, &at) ||
            wg_dtype_size(extra->dtype) == 0 || extra->count < 0 ||
            wg_shape_count(1, &extra->count, sizeof(double)) < 0 ||
            (extra->data == NULL && extra->count > 0)) {
            return wg_fail(
                WG_ERROR_ARGUMENT,
                "%s: extra number %d has no name in UTF-8, no dtype, no count or no data", verb, i);
        }
        for (int k = 0; k < i; k++) { /* they are few */
            if (strcmp(training->extra[k].name, extra->name) == 0) {
                return wg_fail(WG_ERROR_ARGUMENT, "%s: two extras are called \"%.100s\"", verb,
                               extra->name);
            }
        }
    }
    return WG_OK;
}

static wg_status add_vector(wg_named_list *list, const char *name, wg_dtype dtype, int64_t count,
                            const void *data) {
    const wg_view view = wg_view_new(dtype, 1, &count, (void *)(uintptr_t)data);
    return wg_named_add(list, &view, "%s", name);
}

static wg_status add_optimizer(wg_named_list *list, const wg_training *training, numbers *n) {
    const wg_store *store = training->store;
    wg_optimizer *optimizer = training->optimizer;
    wg_status status = wg_optimizer_ready(optimizer, VERB);
    n->steps = (int64_t)wg_steps(optimizer);
    n->lr = wg_lr(optimizer);
    for (int64_t i = 0; i < store->count; i++) {
        wg_param *param = store->sorted[i];
        n->births[i] = param->loaded   ? WG_BORN_OPEN
                       : param->buffer ? WG_BORN_BUFFER
                                       : (int64_t)wg_optimizer_birth(optimizer, param);
        for (int64_t slot = 0; slot < wg_optimizer_slots(optimizer) && status == WG_OK; slot++) {
            wg_view view = param->value;
            view.data = (void *)(uintptr_t)wg_optimizer_slot(optimizer, slot, param);
            if (view.data != NULL) {
                status = wg_named_add(list, &view, WG_IN_OPTIMIZER "%s.%s",
                                      wg_optimizer_slot_name(optimizer, slot), param->named.text);
            }
        }
    }
    for (int64_t i = 0; i < wg_optimizer_scalars(optimizer) && status == WG_OK; i++) {
        n->scalar[i] = wg_optimizer_scalar(optimizer, i);
        const wg_view view = wg_view_new(WG_F64, 1, &(int64_t){1}, &n->scalar[i]);
        status =
            wg_named_add(list, &view, WG_IN_SCALAR "%s", wg_optimizer_scalar_name(optimizer, i));
    }
    status = status == WG_OK ? add_vector(list, WG_STATE_STEPS, WG_I64, 1, &n->steps) : status;
    status = status == WG_OK ? add_vector(list, WG_STATE_LR, WG_F64, 1, &n->lr) : status;
    return status == WG_OK ? add_vector(list, WG_STATE_BIRTHS, WG_I64, store->count, n->births)
                           : status;
}

static wg_status add_average(wg_named_list *list, const wg_average *average, numbers *n) {
    wg_status status = WG_OK;
    int64_t count = 0;
    for (int64_t i = 0; i < average->count && status == WG_OK; i++) {
        const wg_averaged *entry = &average->entries[i];
        wg_view view = entry->param->value;
        if (entry->updates == 0) {
            continue; /* has no average yet */
        }
        view.data = entry->mean;
        n->averaged[count++] = (int64_t)entry->updates;
        status = wg_named_add(list, &view, WG_IN_AVERAGE "%s", entry->param->named.text);
    }
    n->updates = (int64_t)average->updates;
    status = status == WG_OK ? add_vector(list, WG_STATE_UPDATES, WG_I64, 1, &n->updates) : status;
    return status == WG_OK ? add_vector(list, WG_STATE_AVERAGED, WG_I64, count, n->averaged)
                           : status;
}

static wg_status add_numbers(wg_named_list *list, const wg_training *training, numbers *n) {
    const wg_plateau *plateau = training->plateau;
    const wg_loss_scale *scale = training->scale;
    n->key[0] = (int64_t)training->store->key.word[0];
    n->key[1] = (int64_t)training->store->key.word[1];
    wg_status status = add_vector(list, WG_STATE_KEY, WG_I64, 2, n->key);
    if (plateau != NULL && status == WG_OK) {
        n->plateau[0] = plateau->best;
        n->plateau[1] = (double)plateau->bad;
        n->plateau[2] = (double)plateau->rest;
        status = add_vector(list, WG_STATE_PLATEAU, WG_F64, WG_PLATEAU_NUMBERS, n->plateau);
    }
    if (scale != NULL && status == WG_OK) {
        n->scale[0] = scale->scale;
        n->scale[1] = (double)scale->good;
        status = add_vector(list, WG_STATE_SCALE, WG_F64, WG_SCALE_NUMBERS, n->scale);
    }
    for (int i = 0; i < training->extras && status == WG_OK; i++) {
        const wg_extra *extra = &training->extra[i];
        const wg_view view = wg_view_new(extra->dtype, 1, &extra->count, extra->data);
        status = wg_named_add(list, &view, WG_IN_EXTRA "%s", extra->name);
    }
    return status == WG_OK
               ? add_vector(list, WG_CHECKSUM_NAME, WG_U8, WG_CHECKSUM_BYTES, n->checksum)
               : status;
}

static wg_status collect(wg_named_list *list, const wg_training *training, numbers *n) {
    wg_status status = wg_named_store(list, training->store, WG_IN_MODEL);
    if (status == WG_OK && training->optimizer != NULL) {
        status = add_optimizer(list, training, n);
    }
    if (status == WG_OK && training->average != NULL) {
        status = add_average(list, training->average, n);
    }
    return status == WG_OK ? add_numbers(list, training, n) : status;
}

wg_status wg_checkpoint_save(const char *path, const wg_training *training) {
    wg_named_list list = {.verb = VERB};
    numbers n = {.steps = 0};
    wg_status status = wg_training_check(VERB, training);
    if (status != WG_OK) {
        return status;
    }
    const size_t count = (size_t)training->store->count + 1;
    n.births = wg_calloc(count, sizeof *n.births);
    n.averaged = wg_calloc(count, sizeof *n.averaged);
    status = n.births != NULL && n.averaged != NULL
                 ? collect(&list, training, &n)
                 : wg_fail(WG_ERROR_MEMORY, VERB ": no memory for %zu numbers", count);
    const wg_metadata metadata[] = {
        {"format", WG_CHECKPOINT_FORMAT},
        {"version", WG_CHECKPOINT_VERSION},
        {"optimizer",
         training->optimizer != NULL ? wg_optimizer_rule(training->optimizer) : "none"},
    };
    wg_safetensors_plan plan;
    if (status == WG_OK) {
        status = wg_safetensors_plan_new(VERB, list.count, list.view,
                                         (int64_t)WG_COUNT_OF(metadata), metadata, &plan);
        if (status == WG_OK) {
            status = wg_safetensors_plan_write(&plan, path, true);
            wg_safetensors_plan_free(&plan);
        }
    }
    wg_named_free(&list);
    wg_free(n.births);
    wg_free(n.averaged);
    return status;
}
