/* parameter.c: parameters by name: found, or made at first use. */
#include "nn/store.h"

#include <string.h>

bool wg_param_name(const wg_net *net, const char *layer, const char *part, wg_name *name) {
    wg_name_start(name, net->scope != NULL ? &net->scope->named : NULL);
    if ((layer == NULL || wg_name_add(name, layer)) && wg_name_add(name, part)) {
        return true;
    }
    const char *wrong = layer != NULL ? layer : part;
    if (wrong == NULL || wrong[0] == '\0') {
        wg_tape_fail(net->tape, WG_ERROR_ARGUMENT, "parameter", NULL,
                     "a parameter of the scope \"%s\" has an empty name", name->text);
    } else {
        wg_tape_fail(net->tape, WG_ERROR_LIMIT, "parameter", NULL,
                     "the name \"%.200s.%.40s...\" has more than %d characters", name->text, wrong,
                     WG_NAME_BYTES - 1);
    }
    return false;
}

/* A matrix has room for a gradient that is a column times a row. */
static bool add_outer(wg_sink *sink, wg_dtype dtype, int rank, const int64_t *shape) {
    if (rank != 2 || shape[0] == 0 || shape[1] == 0) {
        return true;
    }
    const size_t size = wg_dtype_size(dtype);
    const size_t column = ((size_t)shape[0] * size + 63) / 64 * 64;
    char *memory = wg_alloc(64 + column + (size_t)shape[1] * size);
    if (memory == NULL) {
        return false;
    }
    sink->outer = (wg_outer *)(void *)memory;
    *sink->outer = (wg_outer){
        .rows = shape[0], .columns = shape[1], .column = memory + 64, .row = memory + 64 + column};
    return true;
}

bool wg_param_add_gradient(wg_param *param) {
    const wg_view *value = &param->value;
    if (param->sink.gradient != NULL) {
        return true;
    }
    void *gradient =
        wg_alloc((size_t)param->count * wg_dtype_size(value->dtype) + WG_PARAM_ALIGNMENT);
    if (gradient == NULL || !add_outer(&param->sink, value->dtype, value->rank, value->shape)) {
        wg_free(gradient);
        return false;
    }
    param->sink.gradient = gradient;
    param->sink.fresh = true;
    return true;
}

wg_param *wg_param_new(const wg_name *name, wg_dtype dtype, int rank, const int64_t *shape,
                       bool buffer) {
    wg_param *param = wg_calloc(1, sizeof *param);
    if (param == NULL) {
        return NULL;
    }
    param->count = wg_shape_count(rank, shape, wg_dtype_size(dtype));
    param->buffer = buffer;
    wg_view_set_contiguous(&param->value, dtype, rank, shape);
    /* A line at least: an empty parameter too has an address. */
    param->own = wg_storage_new((size_t)param->count * wg_dtype_size(dtype) + WG_PARAM_ALIGNMENT);
    if (param->own == NULL || !wg_named_as(&param->named, name) ||
        (!buffer && !wg_param_add_gradient(param))) {
        wg_param_free(param);
        return NULL;
    }
    param->value.data = wg_storage_data(param->own);
    return param;
}

/* What is asked for under a name. */
typedef struct wanted {
    wg_dtype dtype;
    int rank;
    const int64_t *shape;
    wg_initializer initializer;
    bool buffer;
} wanted;

static wg_param *make(const wg_net *net, const wg_name *name, const wanted *w) {
    if (!wg_init_allowed(net->tape, name->text, w->rank, w->shape, w->initializer)) {
        return NULL;
    }
    wg_param *param = wg_param_new(name, w->dtype, w->rank, w->shape, w->buffer);
    if (param != NULL &&
        wg_init_fill(net->tape, name->text, wg_key_name(net->store->key, name->text), &param->value,
                     w->initializer) &&
        wg_store_add(net->store, param)) {
        return param;
    }
    if (param != NULL) {
        wg_param_free(param);
    }
    char text[192];
    wg_tape_fail(net->tape, WG_ERROR_MEMORY, "parameter", NULL, "no memory for %s, %s %s",
                 name->text, wg_dtype_name(w->dtype),
                 wg_shape_text(w->rank, w->shape, text, sizeof text));
    return NULL;
}

/* Whether there can be such a thing under any name, one that a file brought among them. */
static bool is_kind(const wg_net *net, const wg_name *name, const wanted *w) {
    if (w->dtype != WG_F32 && w->dtype != WG_F64 && (w->dtype != WG_I64 || !w->buffer)) {
        wg_tape_fail(net->tape, WG_ERROR_DTYPE, "parameter", NULL, "%s is to be %s, not f32 or f64",
                     name->text, wg_dtype_name(w->dtype));
        return false;
    }
    if (w->rank < 0 || w->rank > WG_MAX_RANK) {
        wg_tape_fail(net->tape, WG_ERROR_ARGUMENT, "parameter", NULL, "%s: rank %d is out of range",
                     name->text, w->rank);
        return false;
    }
    return true;
}

static bool is_possible(const wg_net *net, const wg_name *name, const wanted *w) {
    const int64_t count = wg_shape_count(w->rank, w->shape, wg_dtype_size(w->dtype));
    if (count < 0 || count > INT64_MAX / 16) {
        char text[192];
        wg_tape_fail(net->tape, WG_ERROR_LIMIT, "parameter", NULL,
                     "%s: the shape %s has a negative size or too many bytes", name->text,
                     wg_shape_text(w->rank, w->shape, text, sizeof text));
        return false;
    }
    return true;
}

void wg_store_decide(wg_store *store, wg_param *param, bool buffer) {
    if (!buffer) {
        param->buffer = false;
        store->flat[param->value.dtype].stale = true;
    }
    param->loaded = false;
}

/* Whether i64 has the value that a buffer is to begin with. */
static bool is_whole(const wg_net *net, const wg_name *name, const wanted *w) {
    const double value = w->initializer.a;
    if (w->dtype != WG_I64 || (value >= -0x1p63 && value < 0x1p63)) {
        return true;
    }
    wg_tape_fail(net->tape, WG_ERROR_ARGUMENT, "parameter", NULL, "%s: there is no i64 %g",
                 name->text, value);
    return false;
}

/* Makes what a file brought the kind that the network asks for. */
static bool decide(const wg_net *net, wg_param *param, bool buffer) {
    if (!buffer && !wg_param_add_gradient(param)) {
        wg_tape_fail(net->tape, WG_ERROR_MEMORY, "parameter", NULL,
                     "no memory for the gradient of %s", param->named.text);
        return false;
    }
    wg_store_decide(net->store, param, buffer);
    return true;
}

static wg_param *get(const wg_net *net, const wg_name *name, const wanted *w) {
    if (!is_kind(net, name, w)) {
        return NULL;
    }
    wg_named *found = wg_names_find(&net->store->parameters, name);
    if (found == NULL) {
        return is_possible(net, name, w) && is_whole(net, name, w) ? make(net, name, w) : NULL;
    }
    wg_param *param = (wg_param *)(void *)found;
    const wg_view *value = &param->value;
    if (value->dtype != w->dtype || !wg_shape_equal(value->rank, value->shape, w->rank, w->shape)) {
        char is[192], asked[192];
        wg_tape_fail(net->tape, WG_ERROR_SHAPE, "parameter", NULL,
                     "%s is %s %s, asked for as %s %s", name->text, wg_dtype_name(value->dtype),
                     wg_shape_text(value->rank, value->shape, is, sizeof is),
                     wg_dtype_name(w->dtype),
                     wg_shape_text(w->rank, w->shape, asked, sizeof asked));
        return NULL;
    }
    if (param->loaded) {
        return decide(net, param, w->buffer) ? param : NULL;
    }
    if (param->buffer != w->buffer) {
        wg_tape_fail(net->tape, WG_ERROR_STATE, "parameter", NULL, "%s is a %s, asked for as a %s",
                     name->text, param->buffer ? "buffer" : "parameter",
                     w->buffer ? "buffer" : "parameter");
        return NULL;
    }
    return param;
}

wg_param *wg_param_get(const wg_net *net, const wg_name *name, wg_dtype dtype, int rank,
                       const int64_t *shape, wg_initializer initializer) {
    return get(net, name, &(wanted){dtype, rank, shape, initializer, false});
}

wg_param *wg_buffer_get(const wg_net *net, const wg_name *name, wg_dtype dtype, int rank,
                        const int64_t *shape, double value) {
    return get(net, name, &(wanted){dtype, rank, shape, wg_init_constant(value), true});
}

wg_var wg_param_borrow(wg_tape *tape, wg_param *param) {
    return wg_borrow_sink(tape, &param->value,
                          param->buffer || param->frozen ? NULL : &param->sink);
}

wg_var wg_parameter(wg_net net, const char *name, wg_dtype dtype, int rank, const int64_t *shape,
                    wg_initializer initializer) {
    wg_name full;
    if (net.tape->status != WG_OK || !wg_param_name(&net, NULL, name, &full)) {
        return wg_poison(net.tape);
    }
    wg_param *param = wg_param_get(&net, &full, dtype, rank, shape, initializer);
    return param != NULL ? wg_param_borrow(net.tape, param) : wg_poison(net.tape);
}

wg_var wg_buffer(wg_net net, const char *name, wg_dtype dtype, int rank, const int64_t *shape,
                 double value) {
    wg_name full;
    if (net.tape->status != WG_OK || !wg_param_name(&net, NULL, name, &full)) {
        return wg_poison(net.tape);
    }
    wg_param *param = wg_buffer_get(&net, &full, dtype, rank, shape, value);
    return param != NULL ? wg_param_borrow(net.tape, param) : wg_poison(net.tape);
}
