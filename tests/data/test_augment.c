/* test_augment.c: images moved, mirrored, cropped, with noise: by row and key alone. */
#include "wengert.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum {
    N = 40,
    C = 2,
    H = 5,
    W = 7,
    SIZE = C * H * W
};

/* f32 [N, C, H, W] with a number of its own in each pixel, from 1. */
static wg_array *make_images(void) {
    wg_array *a = NULL;
    cr_assert_eq(wg_array_new(WG_F32, WG_SHAPE(N, C, H, W), &a), WG_OK);
    for (int i = 0; i < N * SIZE; i++) {
        ((float *)a->data)[i] = (float)(i + 1);
    }
    return a;
}

static float pixel(const wg_array *a, int i, int c, int y, int x) {
    return ((float *)a->data)[((i * C + c) * H + y) * W + x];
}

/* The pixel there, or the fill beyond the border. */
static float pixel_or(const wg_array *a, int i, int c, int y, int x, float fill) {
    return y >= 0 && y < H && x >= 0 && x < W ? pixel(a, i, c, y, x) : fill;
}

/* Which shift brought one to the other; false for none within `most`. */
static bool find_shift(const wg_array *from, const wg_array *to, int i, int most, float fill,
                       int *down, int *right) {
    for (*down = -most; *down <= most; ++*down) {
        for (*right = -most; *right <= most; ++*right) {
            bool same = true;
            for (int k = 0; k < SIZE && same; k++) {
                const int c = k / (H * W), y = k / W % H, x = k % W;
                same = pixel(to, i, c, y, x) == pixel_or(from, i, c, y - *down, x - *right, fill);
            }
            if (same) {
                return true;
            }
        }
    }
    return false;
}

Test(augment, shift) {
    for (int most = 0; most < 4; most++) {
        wg_array *from = make_images(), *to = make_images();
        int seen[7][7] = {{0}}, down, right;
        cr_assert_eq(wg_augment_shift(to, NULL, wg_key_new(3), most, -1), WG_OK);
        for (int i = 0; i < N; i++) {
            cr_assert(find_shift(from, to, i, most, -1, &down, &right), "image %d", i);
            seen[down + 3][right + 3]++;
        }
        int kinds = 0;
        for (int k = 0; k < 49; k++) {
            kinds += seen[k / 7][k % 7] > 0;
        }
        cr_assert(kinds > (most == 0 ? 0 : most == 1 ? 7 : 12), "%d", kinds);
        wg_array_free(from);
        wg_array_free(to);
    }
    /* Further than the image is large: it may be empty, and is never anything else. */
    wg_array *from = make_images(), *to = make_images();
    int down, right;
    cr_assert_eq(wg_augment_shift(to, NULL, wg_key_new(3), 9, 0), WG_OK);
    for (int i = 0; i < N; i++) {
        cr_assert(find_shift(from, to, i, 9, 0, &down, &right), "image %d", i);
    }
    wg_array_free(from);
    wg_array_free(to);
}

Test(augment, flip) {
    wg_array *from = make_images(), *to = make_images();
    cr_assert_eq(wg_augment_flip(to, NULL, wg_key_new(3), 0.5), WG_OK);
    int flipped = 0;
    for (int i = 0; i < N; i++) {
        const bool flips = pixel(to, i, 0, 0, 0) != pixel(from, i, 0, 0, 0);
        flipped += flips;
        for (int k = 0; k < SIZE; k++) {
            const int c = k / (H * W), y = k / W % H, x = k % W;
            cr_assert_eq(pixel(to, i, c, y, x), pixel(from, i, c, y, flips ? W - 1 - x : x));
        }
    }
    cr_assert(flipped > 8 && flipped < 32, "%d", flipped);
    cr_assert_eq(wg_augment_flip(to, NULL, wg_key_new(3), 0.5), WG_OK); /* the same ones again */
    cr_assert_arr_eq(to->data, from->data, N * SIZE * sizeof(float));
    cr_assert_eq(wg_augment_flip(to, NULL, wg_key_new(3), 0), WG_OK);
    cr_assert_arr_eq(to->data, from->data, N * SIZE * sizeof(float));
    cr_assert_eq(wg_augment_flip(to, NULL, wg_key_new(3), 1), WG_OK);
    cr_assert_eq(pixel(to, 5, 1, 2, 0), pixel(from, 5, 1, 2, W - 1));
    wg_array_free(from);
    wg_array_free(to);
}

Test(augment, noise) {
    wg_array *a = NULL;
    cr_assert_eq(wg_array_new(WG_F32, WG_SHAPE(50, 20, 30), &a), WG_OK);
    cr_assert_eq(wg_augment_noise(a, NULL, wg_key_new(3), 0.5), WG_OK);
    double sum = 0, squares = 0, next = 0;
    const float *x = a->data;
    for (int i = 0; i < 30000; i++) {
        sum += x[i];
        squares += (double)x[i] * x[i];
        next += (double)x[i] * x[(i + 256) % 30000]; /* no block comes twice */
    }
    cr_assert(fabs(sum / 30000) < 0.015 && fabs(sqrt(squares / 30000) - 0.5) < 0.01);
    cr_assert(fabs(next / squares) < 0.03, "%g", next / squares);
    wg_array_free(a);
}

Test(augment, crop) {
    wg_array *from = make_images(), *to = NULL;
    cr_assert_eq(wg_array_new(WG_F32, WG_SHAPE(N, C, 4, 6), &to), WG_OK);
    for (int padding = 0; padding < 5; padding++) {
        int seen[16][16] = {{0}}, kinds = 0;
        cr_assert_eq(wg_augment_crop(from, NULL, wg_key_new(9), padding, -1, to), WG_OK);
        for (int i = 0; i < N; i++) {
            bool found = false;
            for (int top = -padding; top <= H + padding - 4 && !found; top++) {
                for (int left = -padding; left <= W + padding - 6 && !found; left++) {
                    found = true;
                    for (int k = 0; k < C * 24 && found; k++) {
                        found = ((float *)to->data)[i * C * 24 + k] ==
                                pixel_or(from, i, k / 24, top + k / 6 % 4, left + k % 6, -1);
                    }
                    seen[top + 5][left + 5] += found;
                }
            }
            cr_assert(found, "image %d, padding %d", i, padding);
        }
        for (int k = 0; k < 256; k++) {
            kinds += seen[k / 16][k % 16] > 0;
        }
        cr_assert(kinds >= (padding == 0 ? 4 : 10));
    }
    wg_array_free(from);
    wg_array_free(to);
}

/* The rows and the key say what happens, not the place in the batch. */
Test(augment, goes_by_rows_and_keys) {
    wg_array *a = make_images(), *b = make_images(), *other = make_images();
    int64_t rows[N], back[N];
    for (int i = 0; i < N; i++) {
        rows[i] = 1000 + i;
        back[i] = 1000 + N - 1 - i;
        memcpy((float *)b->data + i * SIZE, (float *)a->data + (N - 1 - i) * SIZE,
               SIZE * sizeof(float));
    }
    const wg_key key = wg_key_new(5);
    wg_array *const both[] = {a, b};
    for (int which = 0; which < 2; which++) {
        const int64_t *order = which == 0 ? rows : back;
        cr_assert_eq(wg_augment_shift(both[which], order, key, 2, 0), WG_OK);
        cr_assert_eq(wg_augment_flip(both[which], order, key, 0.5), WG_OK);
        cr_assert_eq(wg_augment_noise(both[which], order, key, 0.5), WG_OK);
    }
    for (int i = 0; i < N; i++) {
        cr_assert_arr_eq((float *)a->data + i * SIZE, (float *)b->data + (N - 1 - i) * SIZE,
                         SIZE * sizeof(float));
    }
    cr_assert_eq(wg_augment_shift(other, rows, wg_key_new(6), 2, 0), WG_OK);
    cr_assert_arr_neq(a->data, other->data, N * SIZE * sizeof(float));
    wg_array_free(a);
    wg_array_free(b);
    wg_array_free(other);
}

/* As a loader's transform it is the three verbs in their order. */
Test(augment, in_a_loader) {
    wg_array *images = make_images(), *expected = NULL;
    wg_augmentation augmentation = {.shift = 1, .flip = 0.5, .noise = 0.25, .fill = 2};
    const wg_loader_field field = {.from = images};
    wg_loader *loader = NULL;
    const wg_loader_options options = {.batch = 7,
                                       .batches = {.shuffle = true},
                                       .transform = wg_augment,
                                       .context = &augmentation};
    cr_assert_eq(wg_loader_new(&field, 1, options, &loader), WG_OK);
    const wg_batch *batch;
    cr_assert_eq(wg_loader_seek(loader, 3, 2), WG_OK);
    cr_assert_eq(wg_loader_next(loader, &batch), WG_OK);
    cr_assert_eq(wg_select_rows(images, batch->rows, batch->n, &expected), WG_OK);
    cr_assert_eq(wg_augment_shift(expected, batch->rows, batch->key, 1, 2), WG_OK);
    cr_assert_eq(wg_augment_flip(expected, batch->rows, batch->key, 0.5), WG_OK);
    cr_assert_eq(wg_augment_noise(expected, batch->rows, batch->key, 0.25), WG_OK);
    cr_assert_arr_eq(batch->fields[0]->data, expected->data, 7 * SIZE * sizeof(float));
    wg_loader_free(loader);
    augmentation.field = 1;
    cr_assert_eq(wg_loader_new(&field, 1, options, &loader), WG_OK);
    cr_assert_eq(wg_loader_next(loader, &batch), WG_ERROR_ARGUMENT);
    wg_loader_free(loader);
    wg_array_free(expected);
    wg_array_free(images);
}

Test(augment, refusals) {
    wg_array *a = make_images(), *matrix = NULL, *to = NULL;
    const wg_key key = wg_key_new(1);
    cr_assert_eq(wg_array_new(WG_F32, WG_SHAPE(3, 4), &matrix), WG_OK);
    cr_assert_eq(wg_augment_shift(matrix, NULL, key, 1, 0), WG_ERROR_SHAPE);
    cr_assert_eq(wg_augment_shift(NULL, NULL, key, 1, 0), WG_ERROR_DTYPE);
    cr_assert_eq(wg_augment_shift(a, NULL, key, -1, 0), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_augment_flip(a, NULL, key, 1.5), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_augment_flip(a, NULL, key, (double)NAN), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_augment_noise(a, NULL, key, -1), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_augment_noise(a, NULL, key, (double)INFINITY), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_augment_noise(a, NULL, key, 1e300), WG_ERROR_ARGUMENT); /* not a float */
    /* Several at a time: not one of them where one is wrong. */
    wg_array *untouched = make_images();
    const wg_batch batch = {.n = N, .field_count = 1, .fields = &a, .key = key};
    wg_augmentation wrong[] = {
        {.shift = 2, .flip = 2}, {.shift = 2, .noise = -1}, {.shift = -1}, {.field = 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_eq(wg_augment(&batch, &wrong[i]), WG_ERROR_ARGUMENT);
        cr_assert_arr_eq(a->data, untouched->data, (size_t)wg_array_count(a) * sizeof(float));
    }
    wg_array_free(untouched);
    cr_assert_eq(wg_augment(&batch, NULL), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_augment(NULL, &wrong[0]), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_array_new(WG_F32, WG_SHAPE(N, C, H + 3, W), &to), WG_OK);
    cr_assert_eq(wg_augment_crop(a, NULL, key, 1, 0, to), WG_ERROR_SHAPE);
    cr_assert_eq(wg_augment_crop(a, NULL, key, -1, 0, to), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_augment_crop(a, NULL, key, 2, 0, to), WG_OK);
    to->shape[1] = C + 1;
    cr_assert_eq(wg_augment_crop(a, NULL, key, 2, 0, to), WG_ERROR_SHAPE);
    to->dtype = WG_F64;
    cr_assert_eq(wg_augment_crop(a, NULL, key, 2, 0, to), WG_ERROR_DTYPE);
    wg_array_free(a);
    wg_array_free(matrix);
    wg_array_free(to);
}
