/* image.h (internal): pictures between file and array. */
#ifndef WG_SRC_IMAGE_H
#define WG_SRC_IMAGE_H

#include "base/base.h"
#include "wengert/image.h"

/* A picture as files have it: [height, width, channels]. */
typedef struct wg_pixels {
    uint16_t *samples; /* 0 to `maximum`; of wg_alloc's kind */
    int64_t height, width;
    int channels; /* 1 to 4 */
    uint32_t maximum;
} wg_pixels;

/* Makes room for a picture of the sizes that stand there, 2^31 - 1 a side at most: LIMIT, MEMORY.
 */
wg_status wg_pixels_new(const char *path, wg_pixels *pixels);

/* Reads a picture from memory; `path` names it in messages. */
wg_status wg_image_from_bytes(const char *path, const unsigned char *bytes, size_t size,
                              wg_image_options options, wg_array **out);

/* Read one format each; *out holds nothing on failure. */
wg_status wg_pnm_read(const char *path, const unsigned char *bytes, size_t size, wg_pixels *out);
wg_status wg_png_read(const char *path, const unsigned char *bytes, size_t size, wg_pixels *out);

/* Interleaved bytes [height, width, channels] as a PNG file in memory, from wg_calloc's kin: with
 * libpng, and without (not compressed). MEMORY, LIMIT. */
wg_status wg_png_compress(const unsigned char *samples, int64_t height, int64_t width, int channels,
                          unsigned char **bytes, size_t *size);
wg_status wg_png_store(const unsigned char *samples, int64_t height, int64_t width, int channels,
                       unsigned char **bytes, size_t *size);

#endif
