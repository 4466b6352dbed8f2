/* store_load.c: a store's parameters from a file. */
#include "io/store_load.h"

#include "base/glob.h"

#include <stdio.h>
#include <string.h>

/* Names for a message: the first few. */
#define MOST_NAMES 3
typedef struct names_text {
    int64_t count;
    char text[200];
} names_text;

static void note(names_text *names, const char *name) {
    const size_t used = strlen(names->text);
    if (names->count++ < MOST_NAMES) {
        (void)snprintf(names->text + used, sizeof names->text - used, "%s\"%.60s\"",
                       used > 0 ? ", " : "", name);
    }
}

static wg_status refuse(const wg_load_plan *plan, const names_text *names, const char *what) {
    return wg_fail(WG_ERROR_ARGUMENT, "%s: %s%s%lld %s: %s%s", plan->file->verb,
                   plan->file->path != NULL ? plan->file->path : "",
                   plan->file->path != NULL ? ": " : "", (long long)names->count, what, names->text,
                   names->count > MOST_NAMES ? ", ..." : "");
}

/* Whether a parameter can take a tensor. */
static wg_status check(const wg_load_plan *plan, const wg_safetensors_entry *entry,
                       const wg_param *param) {
    const wg_view *value = &param->value;
    if (!wg_shape_equal(entry->rank, entry->shape, value->rank, value->shape)) {
        char is[192], has[192];
        return wg_fail(WG_ERROR_SHAPE,
                       "%s: \"%.100s\" is %s in the file, %s %.100s is %s in the store",
                       plan->file->verb, entry->name,
                       wg_shape_text(entry->rank, entry->shape, has, sizeof has),
                       param->buffer ? "buffer" : "parameter", param->named.text,
                       wg_shape_text(value->rank, value->shape, is, sizeof is));
    }
    return wg_safetensors_check(plan->file, entry, value->dtype);
}

/* The dtype of what is made for a tensor. */
static wg_dtype dtype_for(const wg_safetensors_entry *entry) {
    wg_dtype dtype = WG_F32;
    (void)wg_element_dtype(entry->type->element, &dtype);
    return dtype == WG_U8 ? WG_I64 : dtype == WG_BF16 ? WG_F32 : dtype;
}

static wg_status make(wg_load_plan *plan, const wg_safetensors_entry *entry, const char *name) {
    wg_name full;
    wg_name_start(&full, NULL);
    if (!wg_name_add(&full, name)) {
        return wg_fail(WG_ERROR_LIMIT,
                       "%s: the name of tensor \"%.100s\" is empty or has more than %d characters",
                       plan->file->verb, entry->name, WG_NAME_BYTES - 1);
    }
    const wg_dtype dtype = dtype_for(entry);
    const wg_status status = wg_safetensors_check(plan->file, entry, dtype);
    if (status != WG_OK) {
        return status;
    }
    wg_param *param = wg_param_new(&full, dtype, entry->rank, entry->shape, true);
    if (param == NULL || !wg_store_add(plan->store, param)) {
        if (param != NULL) {
            wg_param_free(param);
        }
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for \"%.100s\"", plan->file->verb, name);
    }
    param->loaded = true;
    plan->filling[plan->count++] = (wg_filling){.entry = entry, .param = param, .made = true};
    plan->report.made++;
    return WG_OK;
}

typedef struct walk {
    const wg_load_options *options;
    const char *prefix;
    size_t prefix_length;
    int64_t tensor, end; /* those with the prefix */
    names_text missing, unexpected;
} walk;

static bool skips(const walk *w, const char *name) {
    return w->options->skip != NULL && wg_glob(w->options->skip, name);
}

/* Tensors with a prefix follow one another, since names are sorted. */
static void find_range(walk *w, wg_load_plan *plan) {
    const wg_safetensors *file = plan->file;
    w->prefix = w->options->prefix != NULL ? w->options->prefix : "";
    w->prefix_length = strlen(w->prefix);
    while (w->tensor < file->count &&
           strncmp(file->entry[w->tensor].name, w->prefix, w->prefix_length) != 0) {
        w->tensor++;
    }
    w->end = w->tensor;
    while (w->end < file->count &&
           strncmp(file->entry[w->end].name, w->prefix, w->prefix_length) == 0) {
        w->end++;
    }
    plan->report.passed = file->count - (w->end - w->tensor);
}

/* What both have is checked, and what only one has is counted: two sorted lists side by side. */
static wg_status compare(wg_load_plan *plan, walk *w) {
    const wg_store *store = plan->store;
    for (int64_t i = 0, t = w->tensor; i < store->count || t < w->end;) {
        const wg_safetensors_entry *entry = t < w->end ? &plan->file->entry[t] : NULL;
        const char *name = entry != NULL ? entry->name + w->prefix_length : NULL;
        wg_param *param = i < store->count ? store->sorted[i] : NULL;
        const int order = entry == NULL ? -1 : param == NULL ? 1 : strcmp(param->named.text, name);
        i += order <= 0 ? 1 : 0;
        t += order >= 0 ? 1 : 0;
        if (skips(w, order <= 0 ? param->named.text : name)) {
            plan->report.passed += order >= 0 ? 1 : 0;
        } else if (order < 0) {
            note(&w->missing, param->named.text);
        } else if (order > 0) {
            note(&w->unexpected, entry->name);
        } else {
            const wg_status status = check(plan, entry, param);
            if (status != WG_OK) {
                return status;
            }
            plan->filling[plan->count++] = (wg_filling){.entry = entry, .param = param};
        }
    }
    plan->report.filled = plan->count;
    plan->report.missing = w->missing.count;
    if (w->missing.count > 0 && !w->options->partial) {
        return refuse(plan, &w->missing, "parameters are missing");
    }
    return w->unexpected.count > 0 && w->options->strict
               ? refuse(plan, &w->unexpected, "tensors are unexpected")
               : WG_OK;
}

static wg_status make_others(wg_load_plan *plan, const walk *w) {
    wg_status status = WG_OK;
    if (w->options->partial) {
        plan->report.passed += w->unexpected.count;
        return WG_OK;
    }
    for (int64_t t = w->tensor; t < w->end && status == WG_OK && w->unexpected.count > 0; t++) {
        const wg_safetensors_entry *entry = &plan->file->entry[t];
        const char *name = entry->name + w->prefix_length;
        if (wg_store_named(plan->store, name) == NULL && !skips(w, name)) {
            status = make(plan, entry, name);
        }
    }
    return status;
}

wg_status wg_load_plan_new(wg_store *store, const wg_safetensors *file,
                           const wg_load_options *options, wg_load_plan *plan) {
    walk w = {.options = options};
    *plan = (wg_load_plan){.store = store, .file = file};
    if (options->strict && options->partial) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: strict and partial exclude each other", file->verb);
    }
    plan->filling = wg_calloc((size_t)file->count + 1, sizeof *plan->filling);
    if (plan->filling == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for %lld names", file->verb,
                       (long long)file->count);
    }
    find_range(&w, plan);
    plan->first = w.tensor;
    wg_status status = compare(plan, &w);
    status = status == WG_OK ? make_others(plan, &w) : status;
    if (status != WG_OK) {
        wg_load_plan_drop(plan);
    }
    return status;
}

static wg_status decide(const wg_load_plan *plan, wg_filling *filling, bool buffer) {
    wg_param *param = filling->param;
    if (!param->loaded) {
        return param->buffer == buffer
                   ? WG_OK
                   : wg_fail(WG_ERROR_ARGUMENT,
                             "%s: \"%.100s\" is a %s in the file, %s in the store",
                             plan->file->verb, filling->entry->name,
                             buffer ? "buffer" : "parameter", buffer ? "a parameter" : "a buffer");
    }
    filling->buffer = buffer;
    filling->parameter = !buffer;
    if (buffer) {
        return WG_OK;
    }
    if (param->value.dtype != WG_F32 && param->value.dtype != WG_F64) {
        return wg_fail(WG_ERROR_DTYPE, "%s: \"%.100s\" is a parameter of %s in the file",
                       plan->file->verb, filling->entry->name, wg_dtype_name(param->value.dtype));
    }
    return wg_param_add_gradient(param)
               ? WG_OK
               : wg_fail(WG_ERROR_MEMORY, "%s: no memory for the gradient of \"%.100s\"",
                         plan->file->verb, filling->entry->name);
}

wg_status wg_load_plan_decide(wg_load_plan *plan, const int64_t *births) {
    wg_status status = WG_OK;
    for (int64_t i = 0; i < plan->count && status == WG_OK; i++) {
        wg_filling *filling = &plan->filling[i];
        const int64_t birth = births[filling->entry - plan->file->entry - plan->first];
        if (birth != WG_BORN_OPEN) {
            status = decide(plan, filling, birth == WG_BORN_BUFFER);
        }
    }
    return status;
}

static void end(wg_load_plan *plan) {
    wg_free(plan->filling);
    plan->filling = NULL;
    plan->count = 0;
}

void wg_load_plan_fill(wg_load_plan *plan) {
    for (int64_t i = 0; i < plan->count; i++) {
        const wg_filling *filling = &plan->filling[i];
        wg_safetensors_copy(plan->file, filling->entry, filling->param->value.dtype,
                            filling->param->value.data);
        if (filling->parameter || filling->buffer) {
            wg_store_decide(plan->store, filling->param, filling->buffer);
        }
    }
    end(plan);
}

void wg_load_plan_drop(wg_load_plan *plan) {
    for (int64_t i = plan->count; i-- > 0;) {
        if (plan->filling[i].made) {
            wg_store_remove(plan->store, plan->filling[i].param);
        }
    }
    end(plan);
}

wg_status wg_store_load(wg_store *store, const char *path, wg_load_options options) {
    wg_safetensors *file = NULL;
    wg_load_plan plan;
    wg_status status = wg_safetensors_open_as("store_load", path, &file);
    if (status != WG_OK) {
        return status;
    }
    status = wg_load_plan_new(store, file, &options, &plan);
    if (status == WG_OK) {
        wg_load_plan_fill(&plan);
        if (options.report != NULL) {
            *options.report = plan.report;
        }
    }
    wg_safetensors_close(file);
    return status;
}
