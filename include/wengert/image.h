/* image.h: pictures from files and back: PPM, PGM and PNG. */
#ifndef WENGERT_IMAGE_H
#define WENGERT_IMAGE_H

#include "wengert/base.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zeros: bytes, with the channels that the file has. */
typedef struct wg_image_options {
    bool f32;     /* WG_F32 from 0 to 1 instead of WG_U8 from 0 to 255 */
    int channels; /* 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha; 0: as in the file */
} wg_image_options;

/* Reads a picture into a new array *out [channels, height, width]; free it with wg_array_free. PPM
 * and PGM, as text or raw (P2, P3, P5, P6), with samples of 8 or 16 bits; PNG of all kinds, where
 * the library was built with libpng. A PNG's palette becomes RGB, its transparent colour alpha;
 * gamma and colour profiles are left alone. Samples of more or less than 8 bits are scaled; as
 * WG_U8 they are rounded to the nearest.
 *
 * Grey becomes RGB by repetition; RGB becomes grey as 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601);
 * alpha is left out, or is all opaque.
 *
 * Errors, each with the file's name and the byte offset: FILE, FORMAT for what is no such picture,
 * and for a damaged one, bytes left over included, LIMIT for PNG without libpng and for sizes that
 * overflow, ARGUMENT for channels, MEMORY. On failure *out is NULL. */
WG_API wg_status wg_read_image(const char *path, wg_image_options options, wg_array **out);

/* Writes a picture [channels, height, width] or [height, width]: WG_U8, or WG_F32 from 0 to 1 (what
 * lies beyond is cut off, NaN is 0), as a file of 8 bits a sample. PNG takes 1 to 4 channels and is
 * compressed where the library was built with libpng; PNM is P5 for one channel and P6 for three. A
 * file is written whole or not at all. Errors: SHAPE, DTYPE, LIMIT for a side of 2^31 or more,
 * FILE, MEMORY. */
WG_API wg_status wg_write_png(const char *path, const wg_array *image);
WG_API wg_status wg_write_pnm(const char *path, const wg_array *image);

/* All zeros: 8 images side by side, without a border, values from 0 to 1, black between. */
typedef struct wg_grid_options {
    int64_t columns;  /* images side by side; 0 means 8, or all of them where there are less */
    int64_t padding;  /* pixels between the images, and around them */
    double low, high; /* the values of WG_F32 that become black and white; equal: 0 and 1 */
    uint8_t fill;     /* the grey of what no image covers */
} wg_grid_options;

/* Images [n, channels, height, width] or [n, height, width], WG_U8 or WG_F32, as one WG_U8 picture
 * *out [channels, rows, columns], row after row; torchvision's make_grid. Errors: SHAPE, DTYPE,
 * ARGUMENT for options that are negative or not finite, LIMIT, MEMORY. On failure *out is NULL. */
WG_API wg_status wg_image_grid(const wg_array *images, wg_grid_options options, wg_array **out);

#ifdef __cplusplus
}
#endif

#endif
