/* store_save.c: a store's parameters as a file. */
#include "io/named.h"
#include "io/safetensors.h"
#include "nn/store.h"

wg_status wg_named_store(wg_named_list *list, const wg_store *store, const char *prefix) {
    wg_status status = WG_OK;
    for (int64_t i = 0; i < store->count && status == WG_OK; i++) {
        const wg_param *param = store->sorted[i];
        status = wg_named_add(list, &param->value, "%s%s", prefix, param->named.text);
    }
    return status;
}

wg_status wg_store_save(wg_store *store, const char *path, const char *prefix) {
    wg_named_list list = {.verb = "store_save"};
    wg_safetensors_plan plan;
    wg_status status = wg_named_store(&list, store, prefix != NULL ? prefix : "");
    status = status == WG_OK
                 ? wg_safetensors_plan_new(list.verb, list.count, list.view, 0, NULL, &plan)
                 : status;
    if (status == WG_OK) {
        status = wg_safetensors_plan_write(&plan, path, false);
        wg_safetensors_plan_free(&plan);
    }
    wg_named_free(&list);
    return status;
}
