/* batches.c: the walk over rows in mini-batches. */
#include "base/base.h"
#include "wengert/data.h"
#include "wengert/random.h"

struct wg_batches {
    int64_t count;
    int64_t batch;
    int64_t next; /* the position in `order` where the next batch starts */
    wg_batch_options options;
    wg_key key;
    int64_t *order;
};

wg_status wg_batches_new(int64_t count, int64_t batch, wg_batch_options options, wg_batches **out) {
    *out = NULL;
    if (count < 0 || batch < 1 || (uint64_t)count > SIZE_MAX / sizeof(int64_t)) {
        return wg_fail(WG_ERROR_ARGUMENT, "batches: %lld rows in batches of %lld", (long long)count,
                       (long long)batch);
    }
    wg_batches *batches = wg_calloc(1, sizeof *batches);
    int64_t *order = wg_calloc(count == 0 ? 1 : (size_t)count, sizeof *order);
    if (batches == NULL || order == NULL) {
        wg_free(batches);
        wg_free(order);
        return wg_fail(WG_ERROR_MEMORY, "batches: no memory for the order of %lld rows",
                       (long long)count);
    }
    *batches = (wg_batches){.count = count,
                            .batch = batch,
                            .options = options,
                            .key = wg_key_name(wg_key_new(options.seed), "batches"),
                            .order = order};
    for (int64_t row = 0; row < count; row++) {
        order[row] = row;
    }
    wg_batches_epoch(batches, 0);
    *out = batches;
    return WG_OK;
}

void wg_batches_epoch(wg_batches *batches, uint64_t epoch) {
    if (batches->options.shuffle) {
        wg_random_permutation(wg_key_fold(batches->key, epoch), batches->count, batches->order);
    }
    batches->next = 0;
}

bool wg_batches_next(wg_batches *batches, const int64_t **rows, int64_t *n) {
    int64_t left = batches->count - batches->next;
    int64_t size = left < batches->batch ? left : batches->batch;
    if (size == 0 || (size < batches->batch && batches->options.drop_last)) {
        *rows = NULL;
        *n = 0;
        return false;
    }
    *rows = batches->order + batches->next;
    *n = size;
    batches->next += size;
    return true;
}

int64_t wg_batches_count(const wg_batches *batches) {
    bool rest = batches->count % batches->batch != 0 && !batches->options.drop_last;
    return batches->count / batches->batch + (rest ? 1 : 0);
}

void wg_batches_free(wg_batches *batches) {
    if (batches != NULL) {
        wg_free(batches->order);
        wg_free(batches);
    }
}
