/* loader.h: mini-batches of several arrays, prepared by a thread in the background. */
#ifndef WENGERT_LOADER_H
#define WENGERT_LOADER_H

#include "wengert/data.h"
#include "wengert/random.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One array of a batch. All zeros but `from`: its rows as WG_F32. */
typedef struct wg_loader_field {
    /* Where the rows (along axis 0) come from. It must live and keep its elements as long as the
     * loader; it may be a mapped file. NULL: rows of row_shape, which the transform fills. */
    const wg_array *from;
    wg_dtype dtype;       /* of the batch */
    double scale, offset; /* each value as scale * value + offset; a scale of 0 means 1 */

    /* Stretches of a vector, as a language model reads text: row i is the `window` elements of
     * `from` from i * stride + shift on. 0: plain rows. */
    int64_t window;
    int64_t stride; /* 0 means `window` */
    int64_t shift;

    int row_rank;                   /* where `from` is NULL: the shape of a row */
    int64_t row_shape[WG_MAX_RANK]; /* ... which is zeros when the transform sees it */
} wg_loader_field;

/* What a loader hands out: valid until its next call. */
typedef struct wg_batch {
    uint64_t epoch;
    int64_t index;       /* of the batch in its epoch, from 0 */
    int64_t n;           /* rows */
    const int64_t *rows; /* [n] which ones */
    wg_key key;          /* of the loader's seed and the epoch; fold it with a row's number */
    int field_count;
    wg_array *const *fields; /* [field_count], each [n, ...] */
} wg_batch;

/* Changes the elements of a batch, and fills the fields that come from nowhere. It runs in the
 * loader's thread, for one batch after the other, and must depend on nothing but the batch and what
 * `context` points to and nobody changes. Its status, with wg_last_message, comes out of the
 * wg_loader_next for that batch. */
typedef wg_status (*wg_batch_transform)(const wg_batch *batch, void *context);

/* All zeros but `batch` are the usual: all rows, in order, two batches ahead. */
typedef struct wg_loader_options {
    int64_t batch;            /* rows of a batch, 1 or more */
    wg_batch_options batches; /* shuffle, seed, drop_last */
    const wg_array *rows;     /* WG_I64 [count]: only these rows, in this order before shuffling (as
                                 wg_split_parts gives them); NULL: all. Must live like the fields */
    int ahead;                /* batches prepared ahead; 0 means 2; -1: none, and no thread */
    wg_batch_transform transform;
    void *context;
} wg_loader_options;

/* Walks the rows in batches, epoch after epoch:
 *
 *     for (int epoch = 0; epoch < epochs; epoch++) {
 *         while (wg_loader_next(loader, &batch) == WG_OK && batch != NULL) { ... }
 *     }
 *
 * Batches, their order and their bits are the same with a thread and without (a build without
 * threads, or a system that gives none), whatever the timing; order is that of wg_batches. One
 * thread at a time may call a loader. After a fork parent and child go on with one each; the
 * child's has no thread. */
typedef struct wg_loader wg_loader;

/* A new loader at the start of epoch 0, with all its memory. Plain fields have the same number of
 * rows; of windows there are as many as all fields can have. Errors: ARGUMENT, SHAPE, DTYPE,
 * MEMORY. On failure *out is NULL. */
WG_API wg_status wg_loader_new(const wg_loader_field *fields, int field_count,
                               wg_loader_options options, wg_loader **out);

/* The next batch into *batch; NULL at the end of an epoch, and the call after that gives the first
 * batch of the next. Errors: FORMAT for a value that an integer dtype cannot hold, what the
 * transform returns; then *batch is NULL, and the call after that goes on behind this batch. */
WG_API wg_status wg_loader_next(wg_loader *loader, const wg_batch **batch);

/* Goes to batch `index` of an epoch, as a run taken up again wants. ARGUMENT unless 0 <= index <=
 * wg_loader_count. */
WG_API wg_status wg_loader_seek(wg_loader *loader, uint64_t epoch, int64_t index);

/* The number of batches in an epoch. */
WG_API int64_t wg_loader_count(const wg_loader *loader);

/* At any time, also in the middle of an epoch. NULL is allowed. */
WG_API void wg_loader_free(wg_loader *loader);

#ifdef __cplusplus
}
#endif

#endif
