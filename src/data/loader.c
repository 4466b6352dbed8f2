/* loader.c: mini-batches of several arrays, prepared ahead. What a batch holds follows from its
 * number alone; the ring says only when it is made. */
#include "wengert/loader.h"

#include "data/convert.h"
#include "data/ring.h"
#include "data/rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define USUAL_AHEAD 2
#define MOST_AHEAD 1024
#define MESSAGE_BYTES 512

/* A batch, its memory, and how its making went. */
typedef struct slot {
    wg_batch batch;
    wg_array **fields;
    int64_t *rows;
    wg_status status;
    char message[MESSAGE_BYTES];
} slot;

struct wg_loader {
    wg_loader_field *fields;
    int field_count;
    int64_t *row_elements; /* [field_count] */
    wg_loader_options options;
    wg_batches *walk; /* used by who prepares, alone */
    wg_key key;
    int64_t count; /* batches of an epoch */
    int64_t most;  /* rows of the largest of them; 1 at least */
    slot *slots;
    int slot_count;
    wg_ring *ring;
    uint64_t made_epoch; /* of the next batch to be prepared */
    int64_t made_index;
    uint64_t epoch; /* of the next batch to be handed out */
    int64_t index;
};

/* ---- Preparing, in the thread ---------------------------------------------------------------- */

/* Row `row` of a field, where the batch's row i begins. */
static int64_t fill_row(const wg_loader_field *field, int64_t elements, int64_t row, wg_array *to,
                        int64_t i) {
    char *out = (char *)to->data + (size_t)(i * elements) * wg_dtype_size(to->dtype);
    const int64_t first = field->window > 0 ? row * field->stride + field->shift : row * elements;
    return wg_convert(field->from, first, elements, field->scale, field->offset, field->dtype, out);
}

static wg_status fill_field(const wg_loader *loader, int f, const wg_batch *batch, wg_array *to) {
    const wg_loader_field *field = &loader->fields[f];
    const int64_t elements = loader->row_elements[f];
    to->shape[0] = batch->n;
    if (elements == 0) {
        return WG_OK;
    }
    if (field->from == NULL) {
        memset(to->data, 0, (size_t)(batch->n * elements) * wg_dtype_size(to->dtype));
        return WG_OK;
    }
    for (int64_t i = 0; i < batch->n; i++) {
        const int64_t bad = fill_row(field, elements, batch->rows[i], to, i);
        if (bad >= 0) {
            return wg_fail(WG_ERROR_FORMAT,
                           "loader: field %d, row %lld: %s cannot hold %g * %.17g + %g", f,
                           (long long)batch->rows[i], wg_dtype_name(field->dtype), field->scale,
                           wg_convert_read(field->from, bad), field->offset);
        }
    }
    return WG_OK;
}

/* The rows of batch `made_index`; stands before the next one afterwards. */
static void list_rows(wg_loader *loader, slot *to) {
    const int64_t *rows = NULL;
    int64_t n = 0;
    if (loader->made_index == loader->count) {
        loader->made_epoch++;
        loader->made_index = 0;
        wg_batches_epoch(loader->walk, loader->made_epoch);
    }
    (void)wg_batches_next(loader->walk, &rows, &n);
    const int64_t *chosen = loader->options.rows == NULL ? NULL : loader->options.rows->data;
    for (int64_t i = 0; i < n; i++) {
        to->rows[i] = chosen == NULL ? rows[i] : chosen[rows[i]];
    }
    to->batch.epoch = loader->made_epoch;
    to->batch.index = loader->made_index++;
    to->batch.n = n;
    to->batch.key = wg_key_fold(loader->key, to->batch.epoch);
}

static void prepare(void *context, int number) {
    wg_loader *loader = context;
    slot *to = &loader->slots[number];
    list_rows(loader, to);
    to->status = WG_OK;
    for (int f = 0; f < loader->field_count && to->status == WG_OK; f++) {
        to->status = fill_field(loader, f, &to->batch, to->fields[f]);
    }
    const bool filled = to->status == WG_OK;
    if (filled && loader->options.transform != NULL) {
        to->status = loader->options.transform(&to->batch, loader->options.context);
    }
    if (to->status != WG_OK) {
        /* The message is this thread's. */
        (void)snprintf(to->message, sizeof to->message, "%s%s",
                       filled ? "loader: the transform: " : "", wg_last_message());
    }
}

/* ---- Handing out ----------------------------------------------------------------------------- */

wg_status wg_loader_next(wg_loader *loader, const wg_batch **batch) {
    *batch = NULL;
    if (wg_ring_orphaned(loader->ring)) {
        (void)wg_loader_seek(loader, loader->epoch, loader->index); /* where it stands */
    }
    if (loader->index == loader->count) {
        loader->epoch++;
        loader->index = 0;
        return WG_OK;
    }
    loader->index++;
    const slot *next = &loader->slots[wg_ring_take(loader->ring)];
    if (next->status != WG_OK) {
        return wg_fail(next->status, "%s", next->message);
    }
    *batch = &next->batch;
    return WG_OK;
}

wg_status wg_loader_seek(wg_loader *loader, uint64_t epoch, int64_t index) {
    const int64_t *rows = NULL;
    int64_t n = 0;
    if (index < 0 || index > loader->count) {
        return wg_fail(WG_ERROR_ARGUMENT, "loader: batch %lld of %lld", (long long)index,
                       (long long)loader->count);
    }
    wg_ring_stop(loader->ring);
    wg_batches_epoch(loader->walk, epoch);
    for (int64_t i = 0; i < index; i++) {
        (void)wg_batches_next(loader->walk, &rows, &n);
    }
    loader->epoch = loader->made_epoch = epoch;
    loader->index = loader->made_index = index;
    return WG_OK;
}

int64_t wg_loader_count(const wg_loader *loader) {
    return loader->count;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static void free_slot(const wg_loader *loader, slot *old) {
    for (int f = 0; f < loader->field_count && old->fields != NULL; f++) {
        wg_array_free(old->fields[f]);
    }
    wg_free(old->fields);
    wg_free(old->rows);
}

void wg_loader_free(wg_loader *loader) {
    if (loader == NULL) {
        return;
    }
    wg_ring_free(loader->ring); /* first: the thread uses all the rest */
    for (int i = 0; i < loader->slot_count && loader->slots != NULL; i++) {
        free_slot(loader, &loader->slots[i]);
    }
    wg_batches_free(loader->walk);
    wg_free(loader->slots);
    wg_free(loader->row_elements);
    wg_free(loader->fields);
    wg_free(loader);
}

/* How many rows a field has: windows that fit, or rows along axis 0. */
static wg_status rows_of(int f, const wg_loader_field *field, int64_t *out) {
    const wg_array *from = field->from;
    if (field->window > 0) {
        const int64_t left = from->shape[0] - field->shift; /* each of these alone may be huge */
        *out = left < field->window ? 0 : (left - field->window) / field->stride + 1;
        return WG_OK;
    }
    *out = from->shape[0];
    return from->rank > 0 ? WG_OK
                          : wg_fail(WG_ERROR_SHAPE, "loader: field %d has no rows: rank 0", f);
}

static wg_status check_field(int f, wg_loader_field *field) {
    const wg_array *from = field->from;
    field->scale = field->scale == 0 ? 1 : field->scale;
    field->stride = field->stride == 0 ? field->window : field->stride;
    if (wg_dtype_size(field->dtype) == 0) {
        return wg_fail(WG_ERROR_DTYPE, "loader: field %d has no dtype", f);
    }
    if (field->window < 0 || field->stride < 0 || field->shift < 0) {
        return wg_fail(WG_ERROR_ARGUMENT,
                       "loader: field %d: a window of %lld, %lld apart from %lld", f,
                       (long long)field->window, (long long)field->stride, (long long)field->shift);
    }
    if (!isfinite(field->scale) || !isfinite(field->offset)) {
        return wg_fail(WG_ERROR_ARGUMENT, "loader: field %d: values as %g * value + %g", f,
                       field->scale, field->offset);
    }
    if (field->window > 0 && (from == NULL || from->rank != 1)) {
        return wg_fail(WG_ERROR_SHAPE, "loader: field %d: windows of what is no vector", f);
    }
    bool fits = from != NULL || (field->row_rank >= 0 && field->row_rank < WG_MAX_RANK);
    for (int axis = 0; axis < field->row_rank && from == NULL && fits; axis++) {
        fits = field->row_shape[axis] >= 0;
    }
    if (!fits) {
        return wg_fail(WG_ERROR_ARGUMENT, "loader: field %d: no shape of a row: rank %d", f,
                       field->row_rank);
    }
    return WG_OK;
}

/* The number of rows all fields have; -1 where none says. */
static wg_status count_rows(wg_loader *loader, int64_t *out) {
    int64_t windows = INT64_MAX, plain = -1;
    for (int f = 0; f < loader->field_count; f++) {
        wg_loader_field *field = &loader->fields[f];
        int64_t rows = 0;
        wg_status status = check_field(f, field);
        if (status == WG_OK && field->from != NULL) {
            status = rows_of(f, field, &rows);
        }
        if (status != WG_OK) {
            return status;
        }
        if (field->window > 0) {
            windows = rows < windows ? rows : windows;
        } else if (field->from != NULL) {
            if (plain >= 0 && rows != plain) {
                return wg_fail(WG_ERROR_SHAPE, "loader: field %d has %lld rows, others %lld", f,
                               (long long)rows, (long long)plain);
            }
            plain = rows;
        }
    }
    if (plain >= 0 && windows != INT64_MAX && windows != plain) {
        return wg_fail(WG_ERROR_SHAPE, "loader: %lld rows and %lld windows", (long long)plain,
                       (long long)windows);
    }
    *out = plain >= 0 ? plain : windows != INT64_MAX ? windows : -1;
    return WG_OK;
}

/* Against the rows chosen, and their number. */
static wg_status choose_rows(wg_loader *loader, int64_t *count) {
    const wg_array *rows = loader->options.rows;
    wg_status status = count_rows(loader, count);
    if (status != WG_OK || rows == NULL) {
        return status != WG_OK || *count >= 0
                   ? status
                   : wg_fail(WG_ERROR_ARGUMENT, "loader: nothing says how many rows there are");
    }
    status = wg_check_row_list("loader", rows, *count < 0 ? INT64_MAX : *count);
    if (status != WG_OK) {
        return status;
    }
    *count = rows->shape[0];
    return WG_OK;
}

/* The shape of a field of a full batch. */
static wg_status field_shape(const wg_loader *loader, int f, int *rank, int64_t *shape) {
    const wg_loader_field *field = &loader->fields[f];
    shape[0] = loader->most;
    if (field->window > 0) {
        *rank = 2;
        shape[1] = field->window;
        return WG_OK;
    }
    *rank = field->from == NULL ? field->row_rank + 1 : field->from->rank;
    for (int axis = 1; axis < *rank; axis++) {
        shape[axis] = field->from == NULL ? field->row_shape[axis - 1] : field->from->shape[axis];
    }
    return WG_OK;
}

static wg_status fill_slot(wg_loader *loader, slot *new) {
    new->fields = wg_calloc((size_t)loader->field_count, sizeof(wg_array *));
    new->rows = wg_calloc((size_t)loader->most, sizeof *new->rows);
    if (new->fields == NULL || new->rows == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "loader: no memory for batches of %lld rows",
                       (long long)loader->most);
    }
    for (int f = 0; f < loader->field_count; f++) {
        int rank = 0;
        int64_t shape[WG_MAX_RANK] = {0};
        wg_status status = field_shape(loader, f, &rank, shape);
        if (status == WG_OK) {
            status = wg_array_new(loader->fields[f].dtype, rank, shape, &new->fields[f]);
        }
        if (status != WG_OK) {
            return status;
        }
        loader->row_elements[f] = wg_array_count(new->fields[f]) / shape[0];
    }
    new->batch.field_count = loader->field_count;
    new->batch.fields = new->fields;
    new->batch.rows = new->rows;
    return WG_OK;
}

/* All that needs memory. */
static wg_status fill_loader(wg_loader *loader, const wg_loader_field *fields) {
    const size_t n = (size_t)loader->field_count;
    loader->fields = wg_calloc(n, sizeof *loader->fields);
    loader->row_elements = wg_calloc(n, sizeof *loader->row_elements);
    loader->slots = wg_calloc((size_t)loader->slot_count, sizeof *loader->slots);
    loader->ring = wg_ring_new(loader->slot_count, prepare, loader);
    if (loader->fields == NULL || loader->row_elements == NULL || loader->slots == NULL ||
        loader->ring == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "loader: no memory for %d fields", loader->field_count);
    }
    memcpy(loader->fields, fields, n * sizeof *fields);
    int64_t count = 0;
    wg_status status = choose_rows(loader, &count);
    if (status == WG_OK) {
        status =
            wg_batches_new(count, loader->options.batch, loader->options.batches, &loader->walk);
    }
    loader->most = loader->options.batch < count ? loader->options.batch : count > 0 ? count : 1;
    for (int i = 0; i < loader->slot_count && status == WG_OK; i++) {
        status = fill_slot(loader, &loader->slots[i]);
    }
    if (status == WG_OK) {
        loader->count = wg_batches_count(loader->walk);
    }
    return status;
}

wg_status wg_loader_new(const wg_loader_field *fields, int field_count, wg_loader_options options,
                        wg_loader **out) {
    *out = NULL;
    if (fields == NULL || field_count < 1 || options.batch < 1 || options.ahead < -1 ||
        options.ahead > MOST_AHEAD) {
        return wg_fail(WG_ERROR_ARGUMENT, "loader: %d fields, batches of %lld rows, %d ahead",
                       field_count, (long long)options.batch, options.ahead);
    }
    wg_loader *loader = wg_calloc(1, sizeof *loader);
    if (loader == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "loader: no memory");
    }
    const int ahead = options.ahead == 0 ? USUAL_AHEAD : options.ahead;
    loader->field_count = field_count;
    loader->options = options;
    loader->slot_count = ahead < 0 ? 1 : ahead + 1; /* and the one that is held */
    loader->key = wg_key_name(wg_key_new(options.batches.seed), "loader");
    wg_status status = fill_loader(loader, fields);
    if (status != WG_OK) {
        wg_loader_free(loader);
        return status;
    }
    *out = loader;
    return WG_OK;
}
