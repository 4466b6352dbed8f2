/* image.c: pictures from files as arrays, and back. */
#include "data/image.h"

#include "base/bytes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Reading --------------------------------------------------------------------------------- */

wg_status wg_pixels_new(const char *path, wg_pixels *pixels) {
    const int64_t shape[] = {pixels->height, pixels->width, pixels->channels};
    const int64_t count = wg_shape_count(3, shape, sizeof(double));
    if (count < 0 || pixels->height > INT32_MAX || pixels->width > INT32_MAX) {
        return wg_fail(WG_ERROR_LIMIT, "read_image: %s: %lld x %lld pixels are too many", path,
                       (long long)pixels->width, (long long)pixels->height);
    }
    pixels->samples = wg_alloc((size_t)count * sizeof *pixels->samples);
    if (count > 0 && pixels->samples == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "read_image: %s: no memory for %lld x %lld pixels", path,
                       (long long)pixels->width, (long long)pixels->height);
    }
    return WG_OK;
}

/* The sample of one channel out of `wanted`, of a pixel with `channels`. Even numbers of channels
 * end with alpha. */
static double channel(const uint16_t *pixel, int channels, int wanted, int c, double maximum) {
    const bool has_alpha = channels % 2 == 0, has_colour = channels > 2;
    if (wanted % 2 == 0 && c == wanted - 1) {
        return has_alpha ? pixel[channels - 1] : maximum;
    }
    if (wanted <= 2 && has_colour) {
        return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
    }
    return has_colour ? pixel[c] : pixel[0];
}

static void convert(const wg_pixels *from, wg_array *to) {
    const int64_t plane = from->height * from->width;
    const int wanted = (int)to->shape[0];
    const double maximum = from->maximum;
    for (int64_t i = 0; i < plane; i++) {
        for (int c = 0; c < wanted; c++) {
            const double value =
                channel(from->samples + i * from->channels, from->channels, wanted, c, maximum);
            if (to->dtype == WG_U8) {
                ((uint8_t *)to->data)[c * plane + i] = (uint8_t)(value * 255.0 / maximum + 0.5);
            } else {
                ((float *)to->data)[c * plane + i] = (float)(value / maximum);
            }
        }
    }
}

wg_status wg_image_from_bytes(const char *path, const unsigned char *bytes, size_t size,
                              wg_image_options options, wg_array **out) {
    static const unsigned char png[] = {0x89, 'P', 'N', 'G'};
    wg_pixels pixels = {.samples = NULL};
    *out = NULL;
    if (options.channels < 0 || options.channels > 4) {
        return wg_fail(WG_ERROR_ARGUMENT, "read_image: %d channels", options.channels);
    }
    wg_status status = size >= 4 && memcmp(bytes, png, 4) == 0
                           ? wg_png_read(path, bytes, size, &pixels)
                           : wg_pnm_read(path, bytes, size, &pixels);
    if (status == WG_OK) {
        const int channels = options.channels == 0 ? pixels.channels : options.channels;
        const int64_t shape[] = {channels, pixels.height, pixels.width};
        status = wg_array_new(options.f32 ? WG_F32 : WG_U8, 3, shape, out);
    }
    if (status == WG_OK) {
        convert(&pixels, *out);
    }
    wg_free(pixels.samples);
    return status;
}

wg_status wg_read_image(const char *path, wg_image_options options, wg_array **out) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    *out = NULL;
    wg_status status = wg_read_bytes("read_image", path, &bytes, &size);
    if (status == WG_OK) {
        status = wg_image_from_bytes(path, bytes, size, options, out);
    }
    wg_free(bytes);
    return status;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* What it takes to make a byte of a sample of the given array. */
static uint8_t byte_of(const wg_array *image, int64_t i, double low, double high) {
    if (image->dtype == WG_U8) {
        return ((const uint8_t *)image->data)[i];
    }
    const double value = ((double)((const float *)image->data)[i] - low) / (high - low);
    return value >= 1 ? 255 : value > 0 ? (uint8_t)(value * 255.0 + 0.5) : 0;
}

/* An array to be written, as a picture. */
typedef struct picture {
    int64_t height, width;
    int channels;
    unsigned char *samples; /* [height, width, channels] */
} picture;

static wg_status check_picture(const char *verb, const wg_array *image, picture *out) {
    char shape[192];
    if (image == NULL || (image->dtype != WG_U8 && image->dtype != WG_F32)) {
        return wg_fail(WG_ERROR_DTYPE, "%s: the picture is %s, neither u8 nor f32", verb,
                       image == NULL ? "missing" : wg_dtype_name(image->dtype));
    }
    const int rank = image->rank;
    (void)wg_shape_text(rank, image->shape, shape, sizeof shape);
    if ((rank != 2 && rank != 3) || (rank == 3 && (image->shape[0] < 1 || image->shape[0] > 4)) ||
        wg_array_count(image) == 0) {
        return wg_fail(WG_ERROR_SHAPE,
                       "%s: %s is neither [1 to 4 channels, height, width] nor [height, width]",
                       verb, shape);
    }
    *out = (picture){.height = image->shape[rank - 2],
                     .width = image->shape[rank - 1],
                     .channels = rank == 3 ? (int)image->shape[0] : 1};
    if (out->height > INT32_MAX || out->width > INT32_MAX) {
        return wg_fail(WG_ERROR_LIMIT, "%s: %s: a side has more than 2^31 - 1 pixels", verb, shape);
    }
    return WG_OK;
}

static wg_status interleave(const char *verb, const wg_array *image, picture *out) {
    wg_status status = check_picture(verb, image, out);
    if (status != WG_OK) {
        return status;
    }
    const int64_t plane = out->height * out->width;
    out->samples = wg_alloc((size_t)(plane * out->channels));
    if (out->samples == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for %lld x %lld pixels", verb,
                       (long long)out->width, (long long)out->height);
    }
    for (int64_t i = 0; i < plane; i++) {
        for (int c = 0; c < out->channels; c++) {
            out->samples[i * out->channels + c] = byte_of(image, c * plane + i, 0, 1);
        }
    }
    return WG_OK;
}

wg_status wg_write_png(const char *path, const wg_array *image) {
    picture p = {.samples = NULL};
    unsigned char *bytes = NULL;
    size_t size = 0;
    wg_status status = interleave("write_png", image, &p);
    if (status == WG_OK) {
#if defined(WG_HAVE_PNG)
        status = wg_png_compress(p.samples, p.height, p.width, p.channels, &bytes, &size);
#else
        status = wg_png_store(p.samples, p.height, p.width, p.channels, &bytes, &size);
#endif
    }
    if (status == WG_OK) {
        status = wg_write_bytes("write_png", path, bytes, size);
    }
    wg_free(p.samples);
    wg_free(bytes);
    return status;
}

wg_status wg_write_pnm(const char *path, const wg_array *image) {
    picture p = {.samples = NULL};
    unsigned char *bytes = NULL;
    wg_status status = interleave("write_pnm", image, &p);
    if (status == WG_OK && p.channels != 1 && p.channels != 3) {
        status =
            wg_fail(WG_ERROR_SHAPE, "write_pnm: a PNM has no picture of %d channels", p.channels);
    }
    if (status == WG_OK) {
        char head[64];
        const int length =
            snprintf(head, sizeof head, "P%d\n%lld %lld\n255\n", p.channels == 1 ? 5 : 6,
                     (long long)p.width, (long long)p.height);
        const size_t body = (size_t)(p.height * p.width * p.channels);
        bytes = wg_alloc((size_t)length + body);
        if (bytes == NULL) {
            status = wg_fail(WG_ERROR_MEMORY, "write_pnm: no memory for %zu bytes", body);
        } else {
            memcpy(bytes, head, (size_t)length);
            memcpy(bytes + length, p.samples, body);
            status = wg_write_bytes("write_pnm", path, bytes, (size_t)length + body);
        }
    }
    wg_free(p.samples);
    wg_free(bytes);
    return status;
}

/* ---- Many in one ----------------------------------------------------------------------------- */

/* The sides of the whole; false where they overflow. */
static bool grid_side(int64_t images, int64_t side, int64_t padding, int64_t *out) {
    const int64_t most = INT32_MAX;
    if (images > most || side > most || padding > most) {
        return false;
    }
    *out = padding + (side + padding) * images; /* below 2^63 */
    return *out <= most;
}

static void place_image(const wg_array *images, int64_t index, wg_grid_options options,
                        wg_array *to, int64_t top, int64_t left) {
    const int rank = images->rank;
    const int64_t height = images->shape[rank - 2], width = images->shape[rank - 1];
    const int64_t channels = to->shape[0];
    int64_t from = index * channels * height * width;
    for (int64_t c = 0; c < channels; c++) {
        for (int64_t y = 0; y < height; y++) {
            uint8_t *row = (uint8_t *)to->data + (c * to->shape[1] + top + y) * to->shape[2] + left;
            for (int64_t x = 0; x < width; x++) {
                row[x] = byte_of(images, from++, options.low, options.high);
            }
        }
    }
}

static wg_status check_grid(const wg_array *images, const wg_grid_options *options) {
    if (images == NULL || (images->dtype != WG_U8 && images->dtype != WG_F32)) {
        return wg_fail(WG_ERROR_DTYPE, "image_grid: the images are %s, neither u8 nor f32",
                       images == NULL ? "missing" : wg_dtype_name(images->dtype));
    }
    if ((images->rank != 3 && images->rank != 4) || wg_array_count(images) == 0) {
        char shape[192];
        return wg_fail(WG_ERROR_SHAPE,
                       "image_grid: %s is neither [n, channels, height, width] nor [n, height, "
                       "width]",
                       wg_shape_text(images->rank, images->shape, shape, sizeof shape));
    }
    if (options->columns < 0 || options->padding < 0) {
        return wg_fail(WG_ERROR_ARGUMENT, "image_grid: %lld columns, %lld pixels between",
                       (long long)options->columns, (long long)options->padding);
    }
    if (!isfinite(options->low) || !isfinite(options->high)) {
        return wg_fail(WG_ERROR_ARGUMENT, "image_grid: values from %g to %g", options->low,
                       options->high);
    }
    return WG_OK;
}

wg_status wg_image_grid(const wg_array *images, wg_grid_options options, wg_array **out) {
    *out = NULL;
    wg_status status = check_grid(images, &options);
    if (status != WG_OK) {
        return status;
    }
    const int64_t n = images->shape[0], channels = images->rank == 4 ? images->shape[1] : 1;
    const int64_t wanted = options.columns == 0 ? 8 : options.columns;
    const int64_t columns = wanted < n ? wanted : n, rows = (n - 1) / columns + 1;
    const int64_t height = images->shape[images->rank - 2], width = images->shape[images->rank - 1];
    int64_t shape[3] = {channels, 0, 0};
    if (!grid_side(rows, height, options.padding, &shape[1]) ||
        !grid_side(columns, width, options.padding, &shape[2])) {
        return wg_fail(WG_ERROR_LIMIT, "image_grid: %lld x %lld images are too many pixels",
                       (long long)columns, (long long)rows);
    }
    status = wg_array_new(WG_U8, 3, shape, out);
    if (status != WG_OK) {
        return status;
    }
    if (options.low == options.high) {
        options.low = 0;
        options.high = 1;
    }
    memset((*out)->data, options.fill, (size_t)wg_array_count(*out));
    for (int64_t i = 0; i < n; i++) {
        place_image(images, i, options, *out,
                    options.padding + i / columns * (height + options.padding),
                    options.padding + i % columns * (width + options.padding));
    }
    return WG_OK;
}
