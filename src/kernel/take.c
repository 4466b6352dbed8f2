#include "kernel/take.h"

#include "base/base.h"
#include "base/parallel.h"

/* What a thread takes at a time: elements of a strip of the last axis, and of several strips. */
#define STRIP 2048
#define PIECE 8192

/* Indices 0, 1, 2 stand for whole, indices, part. Steps count elements. */
typedef struct along {
    int rank; /* of the outer axes: all but the axis and the last one */
    int64_t shape[WG_MAX_RANK];
    int64_t step[3][WG_MAX_RANK];
    int64_t size;         /* of whole, along the axis */
    int64_t count, inner; /* of part, along the axis and the last one */
    int64_t axis_step[3], last[3];
    void *data[3];
    int64_t outer, group, strips; /* outer positions: all, and of one job; jobs side by side */
    void (*body)(const struct along *w, const int64_t *at, int64_t low, int64_t high);
} along;

/* `one` for each pair of elements x of whole and y of part. The index stays along the last axis
 * where it is broadcast, so that whole rows move. */
#define ALONG(label, type, index_type, one)                                                        \
    static void label(const along *w, const int64_t *at, int64_t low, int64_t high) {              \
        type *whole = (type *)w->data[0] + at[0], *part = (type *)w->data[2] + at[2];              \
        const index_type *index = (const index_type *)w->data[1] + at[1];                          \
        for (int64_t a = 0; a < w->count;                                                          \
             a++, index += w->axis_step[1], part += w->axis_step[2]) {                             \
            if (w->last[1] == 0) {                                                                 \
                const int64_t k = (int64_t)*index;                                                 \
                type *restrict x = whole + (k < 0 ? k + w->size : k) * w->axis_step[0];            \
                type *restrict y = part;                                                           \
                if (w->last[0] == 1 && w->last[2] == 1) {                                          \
                    for (int64_t j = low; j < high; j++) {                                         \
                        one(x[j], y[j]);                                                           \
                    }                                                                              \
                } else {                                                                           \
                    for (int64_t j = low; j < high; j++) {                                         \
                        one(x[j * w->last[0]], y[j * w->last[2]]);                                 \
                    }                                                                              \
                }                                                                                  \
            } else {                                                                               \
                for (int64_t j = low; j < high; j++) {                                             \
                    const int64_t k = (int64_t)index[j * w->last[1]];                              \
                    const int64_t i = (k < 0 ? k + w->size : k) * w->axis_step[0];                 \
                    one(whole[i + j * w->last[0]], part[j * w->last[2]]);                          \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

#define TAKE(x, y) (y) = (x)
#define PUT(x, y) (x) = (y)
#define ADD(x, y) (x) += (y)

#define ALONG_TYPE(name, type, add_type)                                                           \
    ALONG(take_##name##_i64, type, int64_t, TAKE)                                                  \
    ALONG(take_##name##_u8, type, uint8_t, TAKE)                                                   \
    ALONG(put_##name##_i64, type, int64_t, PUT)                                                    \
    ALONG(put_##name##_u8, type, uint8_t, PUT)                                                     \
    ALONG(add_##name##_i64, add_type, int64_t, ADD)                                                \
    ALONG(add_##name##_u8, add_type, uint8_t, ADD)

/* Sums of integers wrap: unsigned arithmetic. */
#define ADD_BYTE(x, y) (x) = (uint8_t)((x) + (y))
ALONG_TYPE(f32, float, float)
ALONG_TYPE(f64, double, double)
ALONG_TYPE(i64, int64_t, uint64_t)
ALONG(take_u8_i64, uint8_t, int64_t, TAKE)
ALONG(take_u8_u8, uint8_t, uint8_t, TAKE)
ALONG(put_u8_i64, uint8_t, int64_t, PUT)
ALONG(put_u8_u8, uint8_t, uint8_t, PUT)
ALONG(add_u8_i64, uint8_t, int64_t, ADD_BYTE)
ALONG(add_u8_u8, uint8_t, uint8_t, ADD_BYTE)

/* In the order of wg_dtype, then of the indices' two. */
#define ROW(kind)                                                                                  \
    {                                                                                              \
        {kind##_f32_i64, kind##_f32_u8}, {kind##_f64_i64, kind##_f64_u8},                          \
            {kind##_i64_i64, kind##_i64_u8}, {                                                     \
            kind##_u8_i64, kind##_u8_u8                                                            \
        }                                                                                          \
    }
static void (*const bodies[3][4][2])(const along *, const int64_t *, int64_t,
                                     int64_t) = {ROW(take), ROW(put), ROW(add)};

/* Offsets of all three at position `flat` of the outer axes. */
static void start(const along *w, int64_t flat, int64_t *index, int64_t *at) {
    at[0] = at[1] = at[2] = 0;
    for (int i = w->rank - 1; i >= 0; i--) {
        index[i] = flat % w->shape[i];
        flat /= w->shape[i];
        for (int k = 0; k < 3; k++) {
            at[k] += index[i] * w->step[k][i];
        }
    }
}

static void next(const along *w, int64_t *index, int64_t *at) {
    for (int i = w->rank - 1; i >= 0; i--) {
        const bool wraps = ++index[i] == w->shape[i];
        for (int k = 0; k < 3; k++) {
            at[k] += w->step[k][i] * (wraps ? 1 - w->shape[i] : 1);
        }
        if (!wraps) {
            return;
        }
        index[i] = 0;
    }
}

static void do_job(void *context, int64_t job) {
    const along *w = context;
    const int64_t strip = job % w->strips, first = job / w->strips * w->group;
    const int64_t end = w->outer - first < w->group ? w->outer : first + w->group;
    const int64_t low = w->inner * strip / w->strips, high = w->inner * (strip + 1) / w->strips;
    int64_t index[WG_MAX_RANK], at[3];
    start(w, first, index, at);
    for (int64_t flat = first; flat < end; flat++) {
        w->body(w, at, low, high);
        next(w, index, at);
    }
}

void wg_kernel_along(wg_along_kind kind, const wg_view *whole, const wg_view *indices,
                     const wg_view *part, int axis) {
    const wg_view *view[3] = {whole, indices, part};
    const int64_t total = wg_view_count(part);
    along w = {.size = whole->shape[axis], .count = part->shape[axis], .inner = 1, .outer = 1};
    if (total == 0) {
        return;
    }
    w.body = bodies[kind][whole->dtype][indices->dtype == WG_U8];
    for (int k = 0; k < 3; k++) {
        w.data[k] = view[k]->data;
        w.axis_step[k] = view[k]->stride[axis];
    }
    for (int i = 0; i < part->rank; i++) {
        if (i == axis || part->shape[i] == 1) {
            continue;
        }
        const bool last = i == part->rank - 1;
        for (int k = 0; k < 3; k++) {
            *(last ? &w.last[k] : &w.step[k][w.rank]) = view[k]->stride[i];
        }
        if (last) {
            w.inner = part->shape[i];
        } else {
            w.outer *= part->shape[i];
            w.shape[w.rank++] = part->shape[i];
        }
    }
    const int64_t each = w.count * w.inner;
    w.strips = (w.inner + STRIP - 1) / STRIP;
    w.group = each < PIECE ? PIECE / each : 1;
    wg_parallel((w.outer + w.group - 1) / w.group * w.strips, total >= WG_SHARE_MEMORY, do_job, &w);
}

int64_t wg_kernel_index_wrong(const wg_view *indices, int64_t size, int64_t *value) {
    const int64_t count = wg_view_count(indices);
    const int last = indices->rank - 1;
    const int64_t row = last < 0 ? 1 : indices->shape[last];
    const int64_t step = last < 0 ? 0 : indices->stride[last];
    for (int64_t first = 0; first < count; first += row) {
        int64_t offset = 0, flat = first / row;
        for (int i = last - 1; i >= 0; i--) {
            offset += flat % indices->shape[i] * indices->stride[i];
            flat /= indices->shape[i];
        }
        for (int64_t j = 0; j < row; j++) {
            const int64_t k = indices->dtype == WG_U8
                                  ? (int64_t)((const uint8_t *)indices->data)[offset + j * step]
                                  : ((const int64_t *)indices->data)[offset + j * step];
            if (k < -size || k >= size) {
                *value = k;
                return first + j;
            }
        }
    }
    return -1;
}
