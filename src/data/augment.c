/* augment.c: images changed at random, by keys. */
#include "wengert/augment.h"

#include "base/base.h"

#include <float.h>
#include <string.h>

#define NOISE_BLOCK 256 /* numbers drawn at a time */

/* Images as planes of pixels. */
typedef struct images {
    float *data;
    int64_t n, planes, height, width; /* planes of an image */
} images;

static wg_status look_at(const char *verb, const wg_array *array, images *out) {
    if (array == NULL || array->dtype != WG_F32) {
        return wg_fail(WG_ERROR_DTYPE, "%s: the images are %s, not f32", verb,
                       array == NULL ? "missing" : wg_dtype_name(array->dtype));
    }
    if (array->rank < 3) {
        return wg_fail(WG_ERROR_SHAPE, "%s: rank %d is no [n, ..., height, width]", verb,
                       array->rank);
    }
    const int rank = array->rank;
    *out = (images){.data = array->data,
                    .n = array->shape[0],
                    .planes = wg_shape_count(rank - 3, array->shape + 1, 1),
                    .height = array->shape[rank - 2],
                    .width = array->shape[rank - 1]};
    return WG_OK;
}

static wg_key key_of(wg_key key, const int64_t *rows, int64_t i) {
    return wg_key_fold(key, (uint64_t)(rows == NULL ? i : rows[i]));
}

static int64_t lesser(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t greater(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static void fill_pixels(float *to, int64_t count, float fill) {
    for (int64_t i = 0; i < count; i++) {
        to[i] = fill;
    }
}

/* ---- Shifts ---------------------------------------------------------------------------------- */

/* Copies a line of `width` pixels, moved to the right by `right`; both may be the same line. */
static void shift_line(const float *from, float *to, int64_t width, int64_t right, float fill) {
    const int64_t kept = greater(width - (right < 0 ? -right : right), 0);
    const int64_t source = right < 0 ? width - kept : 0, target = right < 0 ? 0 : width - kept;
    if (kept > 0) {
        memmove(to + target, from + source, (size_t)kept * sizeof *to);
    }
    fill_pixels(to, target, fill);
    fill_pixels(to + target + kept, width - target - kept, fill);
}

/* Moves a plane in place: lines in the order in which none is read after it is written. */
static void shift_plane(float *plane, const images *m, int64_t down, int64_t right, float fill) {
    for (int64_t i = 0; i < m->height; i++) {
        const int64_t y = down > 0 ? m->height - 1 - i : i, from = y - down;
        if (from < 0 || from >= m->height) {
            fill_pixels(plane + y * m->width, m->width, fill);
        } else {
            shift_line(plane + from * m->width, plane + y * m->width, m->width, right, fill);
        }
    }
}

static wg_status check_shift(int64_t most) {
    return most >= 0 && most <= INT32_MAX
               ? WG_OK
               : wg_fail(WG_ERROR_ARGUMENT, "augment_shift: by up to %lld pixels", (long long)most);
}

wg_status wg_augment_shift(wg_array *array, const int64_t *rows, wg_key key, int64_t most,
                           float fill) {
    images m;
    wg_status status = look_at("augment_shift", array, &m);
    if (status == WG_OK) {
        status = check_shift(most);
    }
    if (status != WG_OK) {
        return status;
    }
    key = wg_key_name(key, "shift");
    const int64_t size = m.height * m.width;
    for (int64_t i = 0; i < m.n && most > 0; i++) {
        const wg_key own = key_of(key, rows, i);
        const uint64_t places = 2 * (uint64_t)most + 1;
        const int64_t down = (int64_t)wg_random_below(own, 0, places) - most;
        const int64_t right = (int64_t)wg_random_below(own, 1, places) - most;
        for (int64_t p = 0; p < m.planes; p++) {
            shift_plane(m.data + (i * m.planes + p) * size, &m, down, right, fill);
        }
    }
    return WG_OK;
}

/* ---- Mirrors and noise ----------------------------------------------------------------------- */

static wg_status check_flip(double probability) {
    return probability >= 0 && probability <= 1
               ? WG_OK
               : wg_fail(WG_ERROR_ARGUMENT, "augment_flip: with probability %g", probability);
}

/* The noise is f32: its deviation must be finite there. */
static wg_status check_noise(double deviation) {
    return deviation >= 0 && deviation <= (double)FLT_MAX
               ? WG_OK
               : wg_fail(WG_ERROR_ARGUMENT, "augment_noise: of deviation %g", deviation);
}

wg_status wg_augment_flip(wg_array *array, const int64_t *rows, wg_key key, double probability) {
    images m;
    wg_status status = look_at("augment_flip", array, &m);
    if (status == WG_OK) {
        status = check_flip(probability);
    }
    if (status != WG_OK) {
        return status;
    }
    key = wg_key_name(key, "flip");
    for (int64_t i = 0; i < m.n; i++) {
        double drawn = 0;
        wg_random_uniform(key_of(key, rows, i), 0, 1, 0, 1, &drawn);
        for (int64_t line = 0; line < m.planes * m.height && drawn < probability; line++) {
            float *at = m.data + (i * m.planes * m.height + line) * m.width;
            for (int64_t x = 0; x < m.width / 2; x++) {
                const float left = at[x];
                at[x] = at[m.width - 1 - x];
                at[m.width - 1 - x] = left;
            }
        }
    }
    return WG_OK;
}

wg_status wg_augment_noise(wg_array *array, const int64_t *rows, wg_key key, double deviation) {
    images m;
    wg_status status = look_at("augment_noise", array, &m);
    if (status == WG_OK) {
        status = check_noise(deviation);
    }
    if (status != WG_OK) {
        return status;
    }
    key = wg_key_name(key, "noise");
    const int64_t size = m.planes * m.height * m.width;
    for (int64_t i = 0; i < m.n && deviation > 0; i++) {
        const wg_key own = key_of(key, rows, i);
        for (int64_t at = 0; at < size; at += NOISE_BLOCK) {
            float noise[NOISE_BLOCK];
            const int64_t some = lesser(size - at, NOISE_BLOCK);
            wg_random_normal_f32(own, (uint64_t)at, (size_t)some, 0, (float)deviation, noise);
            for (int64_t k = 0; k < some; k++) {
                m.data[i * size + at + k] += noise[k];
            }
        }
    }
    return WG_OK;
}

/* ---- Crops ----------------------------------------------------------------------------------- */

/* The window whose upper left corner is at (top, left) of the image, which may lie outside. */
static void crop_plane(const float *from, const images *m, int64_t top, int64_t left, float *to,
                       const images *out, float fill) {
    const int64_t first = lesser(greater(-left, 0), out->width);
    const int64_t last = greater(lesser(m->width - left, out->width), first);
    for (int64_t y = 0; y < out->height; y++, to += out->width) {
        const int64_t source = top + y;
        if (source < 0 || source >= m->height) {
            fill_pixels(to, out->width, fill);
            continue;
        }
        fill_pixels(to, first, fill);
        fill_pixels(to + last, out->width - last, fill);
        if (last > first) {
            memcpy(to + first, from + source * m->width + left + first,
                   (size_t)(last - first) * sizeof *to);
        }
    }
}

static wg_status check_crop(const wg_array *array, const wg_array *to, const images *m,
                            const images *out, int64_t padding) {
    if (padding < 0 || padding > INT32_MAX) {
        return wg_fail(WG_ERROR_ARGUMENT, "augment_crop: %lld pixels of padding",
                       (long long)padding);
    }
    const bool alike = array->rank == to->rank &&
                       wg_shape_equal(array->rank - 2, array->shape, to->rank - 2, to->shape);
    if (!alike || out->height > m->height + 2 * padding || out->width > m->width + 2 * padding) {
        char left[192], right[192];
        return wg_fail(WG_ERROR_SHAPE, "augment_crop: %s out of %s with %lld pixels around",
                       wg_shape_text(to->rank, to->shape, left, sizeof left),
                       wg_shape_text(array->rank, array->shape, right, sizeof right),
                       (long long)padding);
    }
    return WG_OK;
}

wg_status wg_augment_crop(const wg_array *array, const int64_t *rows, wg_key key, int64_t padding,
                          float fill, wg_array *to) {
    images m, out;
    wg_status status = look_at("augment_crop", array, &m);
    if (status == WG_OK) {
        status = look_at("augment_crop", to, &out);
    }
    if (status == WG_OK) {
        status = check_crop(array, to, &m, &out, padding);
    }
    if (status != WG_OK) {
        return status;
    }
    key = wg_key_name(key, "crop");
    const uint64_t down = (uint64_t)(m.height + 2 * padding - out.height) + 1;
    const uint64_t across = (uint64_t)(m.width + 2 * padding - out.width) + 1;
    for (int64_t i = 0; i < m.n; i++) {
        const wg_key own = key_of(key, rows, i);
        const int64_t top = (int64_t)wg_random_below(own, 0, down) - padding;
        const int64_t left = (int64_t)wg_random_below(own, 1, across) - padding;
        for (int64_t p = 0; p < m.planes; p++) {
            const int64_t plane = i * m.planes + p;
            crop_plane(m.data + plane * m.height * m.width, &m, top, left,
                       out.data + plane * out.height * out.width, &out, fill);
        }
    }
    return WG_OK;
}

wg_status wg_augment(const wg_batch *batch, void *augmentation) {
    const wg_augmentation *a = augmentation;
    if (batch == NULL || a == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "augment: there is no %s",
                       a == NULL ? "augmentation" : "batch");
    }
    if (a->field < 0 || a->field >= batch->field_count) {
        return wg_fail(WG_ERROR_ARGUMENT, "augment: field %d of %d", a->field, batch->field_count);
    }
    wg_array *array = batch->fields[a->field];
    wg_status status = check_shift(a->shift);
    if (status == WG_OK) {
        status = check_flip(a->flip);
    }
    if (status == WG_OK) {
        status = check_noise(a->noise);
    }
    if (status != WG_OK) {
        return status; /* before anything has changed */
    }
    status = wg_augment_shift(array, batch->rows, batch->key, a->shift, a->fill);
    if (status == WG_OK) {
        status = wg_augment_flip(array, batch->rows, batch->key, a->flip);
    }
    if (status == WG_OK) {
        status = wg_augment_noise(array, batch->rows, batch->key, a->noise);
    }
    return status;
}
