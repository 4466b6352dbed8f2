/* plot.h: pictures of results: line charts as SVG files, small images in a terminal. */
#ifndef WENGERT_PLOT_H
#define WENGERT_PLOT_H

#include "wengert/base.h"

#include <stdbool.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Line charts ------------------------------------------------------------------------------ */

/* All zeros: no title, no labels, linear axes, 720 x 440. Texts are UTF-8 and are copied. */
typedef struct wg_plot_options {
    const char *title;
    const char *x_label;
    const char *y_label;
    bool log_y; /* a logarithmic y axis; values that are not positive are left out */
    int width;  /* of the picture in CSS pixels; 0 means 720 */
    int height; /* 0 means 440 */
} wg_plot_options;

typedef struct wg_plot wg_plot;

/* A new chart without series. Errors: ARGUMENT for a size outside 160 ... 10000, MEMORY. On failure
 * *out is NULL. */
WG_API wg_status wg_plot_new(wg_plot_options options, wg_plot **out);

/* Adds one point to the series of that name, which its first point makes. Errors: MEMORY, ARGUMENT
 * for NULL. */
WG_API wg_status wg_plot_point(wg_plot *plot, const char *series, double x, double y);

/* Adds n points; x may be NULL for 0, 1, 2 ... */
WG_API wg_status wg_plot_points(wg_plot *plot, const char *series, int64_t n, const double *x,
                                const double *y);

/* Writes the chart as an SVG file that follows the viewer's light or dark scheme. Series come in
 * the order they were made, each with its own colour and a line in the legend. Points that are not
 * finite, or beyond 1e300, are left out and interrupt the line. A file of that name is
 * replaced whole or stays as it was. Errors: FILE, MEMORY, ARGUMENT for NULL. */
WG_API wg_status wg_plot_write(const wg_plot *plot, const char *path);

/* NULL is allowed. */
WG_API void wg_plot_free(wg_plot *plot);

/* --- Images in a terminal --------------------------------------------------------------------- */

typedef enum wg_draw_style {
    WG_DRAW_AUTO,   /* the best of the others that `out` and the environment can show */
    WG_DRAW_ASCII,  /* characters of growing darkness, two a pixel */
    WG_DRAW_SHADES, /* Unicode shades, two a pixel */
    WG_DRAW_BLOCKS, /* Unicode half blocks in 24 greys of a 256-colour terminal */
} wg_draw_style;

typedef struct wg_picture {
    const double *pixels; /* [rows, columns] in C order */
    int64_t rows;
    int64_t columns;
    const char *caption; /* below the picture, cut to its width; NULL for none */
    bool marked;         /* set apart by a cross (in ASCII an x) before the caption */
} wg_picture;

/* All zeros: automatic style, each picture from its own smallest to its own largest value, as many
 * side by side as the terminal has room for (80 columns where there is none). */
typedef struct wg_draw_options {
    wg_draw_style style;
    double low;      /* drawn as nothing; low = high means each picture's own range */
    double high;     /* drawn in full */
    int64_t per_row; /* pictures side by side; 0 means as many as fit */
} wg_draw_options;

/* Draws small grey pictures side by side. NaN is drawn as `low`. Errors: ARGUMENT for sizes below 1
 * or above 1024 or NULL pixels, before anything is written; FILE. */
WG_API wg_status wg_draw_gray(FILE *out, int64_t count, const wg_picture *pictures,
                              wg_draw_options options);

#ifdef __cplusplus
}
#endif

#endif
