/* plot.c: the series of a line chart, and the file it goes to. */
#include "plot.h"

#include <string.h>

static char *copy_text(const char *text, bool *failed) {
    if (text == NULL) {
        return NULL;
    }
    char *copy = wg_strdup(text);
    *failed = *failed || copy == NULL;
    return copy;
}

wg_status wg_plot_new(wg_plot_options options, wg_plot **out) {
    *out = NULL;
    options.width = options.width == 0 ? 720 : options.width;
    options.height = options.height == 0 ? 440 : options.height;
    if (options.width < 160 || options.width > 10000 || options.height < 160 ||
        options.height > 10000) {
        return wg_fail(WG_ERROR_ARGUMENT, "plot: a size of %d x %d is outside 160 ... 10000",
                       options.width, options.height);
    }
    wg_plot *plot = wg_calloc(1, sizeof *plot);
    if (plot == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "plot: no memory");
    }
    bool failed = false;
    options.title = copy_text(options.title, &failed);
    options.x_label = copy_text(options.x_label, &failed);
    options.y_label = copy_text(options.y_label, &failed);
    plot->options = options;
    if (failed) {
        wg_plot_free(plot);
        return wg_fail(WG_ERROR_MEMORY, "plot: no memory for its texts");
    }
    *out = plot;
    return WG_OK;
}

void wg_plot_free(wg_plot *plot) {
    if (plot == NULL) {
        return;
    }
    for (size_t i = 0; i < plot->count; i++) {
        wg_free(plot->lines[i].name);
        wg_free(plot->lines[i].points);
    }
    wg_free(plot->lines);
    wg_free((void *)(uintptr_t)plot->options.title); /* owned, const for the user alone */
    wg_free((void *)(uintptr_t)plot->options.x_label);
    wg_free((void *)(uintptr_t)plot->options.y_label);
    wg_free(plot);
}

static wg_plot_line *add_line(wg_plot *plot, const char *name) {
    if (plot->count == plot->room) {
        size_t room = plot->room == 0 ? 4 : 2 * plot->room;
        wg_plot_line *lines = wg_realloc(plot->lines, room * sizeof *lines);
        if (lines == NULL) {
            return NULL;
        }
        plot->lines = lines;
        plot->room = room;
    }
    char *copy = wg_strdup(name);
    if (copy == NULL) {
        return NULL;
    }
    plot->lines[plot->count] = (wg_plot_line){.name = copy};
    return &plot->lines[plot->count++];
}

static wg_plot_line *line_named(wg_plot *plot, const char *name) {
    for (size_t i = 0; i < plot->count; i++) {
        if (strcmp(plot->lines[i].name, name) == 0) {
            return &plot->lines[i];
        }
    }
    return add_line(plot, name);
}

static bool add_point(wg_plot_line *line, double x, double y) {
    if (line->count == line->room) {
        size_t room = line->room == 0 ? 64 : 2 * line->room;
        double *points = room > SIZE_MAX / (2 * sizeof *points)
                             ? NULL
                             : wg_realloc(line->points, 2 * room * sizeof *points);
        if (points == NULL) {
            return false;
        }
        line->points = points;
        line->room = room;
    }
    line->points[2 * line->count] = x;
    line->points[2 * line->count + 1] = y;
    line->count++;
    return true;
}

wg_status wg_plot_points(wg_plot *plot, const char *series, int64_t n, const double *x,
                         const double *y) {
    if (plot == NULL || series == NULL || n < 0 || (y == NULL && n > 0)) {
        return wg_fail(WG_ERROR_ARGUMENT, "plot_points: the plot, the name or the points are NULL");
    }
    wg_plot_line *line = line_named(plot, series);
    bool added = line != NULL;
    for (int64_t i = 0; i < n && added; i++) {
        added = add_point(line, x == NULL ? (double)i : x[i], y[i]);
    }
    return added ? WG_OK
                 : wg_fail(WG_ERROR_MEMORY, "plot_points: no memory for series '%s'", series);
}

wg_status wg_plot_point(wg_plot *plot, const char *series, double x, double y) {
    return wg_plot_points(plot, series, 1, &x, &y);
}

wg_status wg_plot_write(const wg_plot *plot, const char *path) {
    if (plot == NULL || path == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "plot_write: the plot or the path is NULL");
    }
    wg_text text = {NULL, 0, 0, false};
    wg_plot_svg(plot, &text);
    return wg_text_write(&text, "plot_write", path);
}
