/* plot.h (internal): what a chart holds, for the writers of its formats. */
#ifndef WG_SRC_PLOT_H
#define WG_SRC_PLOT_H

#include "base/text.h"
#include "wengert/plot.h"

typedef struct wg_plot_line {
    char *name;
    double *points; /* x0, y0, x1, y1 ... */
    size_t count;   /* of points */
    size_t room;
} wg_plot_line;

struct wg_plot {
    wg_plot_options options; /* its texts are owned */
    wg_plot_line *lines;
    size_t count;
    size_t room;
};

/* Ticks at 1, 2 or 5 times a power of ten over low ... high, about `wanted` of them. */
typedef struct wg_ticks {
    double at[24];
    int count;
    int decimals; /* that tell them apart; -1 where `digits` serve better */
    int digits;   /* significant ones that tell them apart */
} wg_ticks;

/* low < high, both finite. Returns ticks inside the range alone. */
wg_ticks wg_ticks_linear(double low, double high, int wanted);

/* 0 < low < high. Powers of ten, with 2 and 5 times them where these are few. */
wg_ticks wg_ticks_log(double low, double high, int wanted);

/* Adds the chart. */
void wg_plot_svg(const wg_plot *plot, wg_text *out);

#endif
