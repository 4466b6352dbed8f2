/* svg.c: a line chart as SVG. Coordinates are written in tenths of a pixel from integers, and other
 * numbers through number.h, because printf would put a comma under some locales. */
#include "base/number.h"
#include "plot.h"
#include "terminal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TICK_TEXT 32

typedef struct axis {
    double low, high;   /* of the data, as logarithms where `log` */
    double start, span; /* in pixels; span is negative for y */
    bool log;
} axis;

typedef struct chart {
    wg_text *out;
    const wg_plot *plot;
    axis x, y;
    double left, right, top, bottom;
} chart;

static bool usable(const chart *c, double x, double y) {
    return fabs(x) <= 1e300 && fabs(y) <= 1e300 && (!c->y.log || y > 0.0);
}

static double place(const axis *a, double value) {
    double v = a->log ? log10(value) : value;
    return a->start + a->span * ((v / (a->high - a->low)) - a->low / (a->high - a->low));
}

static void write_coordinate(wg_text *out, double pixels) {
    long long tenths = llround(pixels * 10.0);
    wg_text_add(out, "%s%lld.%lld", tenths < 0 ? "-" : "", llabs(tenths) / 10, llabs(tenths) % 10);
}

/* The bytes of the UTF-8 letter that starts here, 0 where there is none that XML allows. */
static int letter_bytes(const unsigned char *text) {
    int more = text[0] < 0x80                       ? 0
               : text[0] >= 0xC2 && text[0] < 0xE0  ? 1
               : text[0] >= 0xE0 && text[0] < 0xF0  ? 2
               : text[0] >= 0xF0 && text[0] <= 0xF4 ? 3
                                                    : -1;
    if (more < 0 || text[0] < ' ') {
        return 0;
    }
    for (int i = 1; i <= more; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    /* Overlong forms, surrogates, U+FFFE and U+FFFF, and what lies beyond Unicode. */
    bool bad = (text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] >= 0xA0) ||
               (text[0] == 0xEF && text[1] == 0xBF && text[2] >= 0xBE) ||
               (text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] >= 0x90);
    return bad ? 0 : more + 1;
}

static void write_text(wg_text *out, const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        int bytes = letter_bytes(at);
        const char *entity = *at == '&'   ? "&amp;"
                             : *at == '<' ? "&lt;"
                             : *at == '>' ? "&gt;"
                             : bytes == 0 ? "?"
                                          : NULL;
        if (entity != NULL) {
            wg_text_put(out, entity);
        } else {
            wg_text_bytes(out, (const char *)at, (size_t)bytes);
        }
        at += bytes == 0 ? 1 : bytes;
    }
}

static void write_label(const chart *c, double x, double y, const char *class, const char *text) {
    wg_text_add(c->out, "<text class=\"%s\" x=\"", class);
    write_coordinate(c->out, x);
    wg_text_put(c->out, "\" y=\"");
    write_coordinate(c->out, y);
    wg_text_put(c->out, "\">");
    write_text(c->out, text);
    wg_text_put(c->out, "</text>\n");
}

static void write_stroke(const chart *c, const char *class, double x0, double y0, double x1,
                         double y1) {
    const double ends[] = {x0, y0, x1, y1};
    static const char *const names[] = {"x1", "y1", "x2", "y2"};
    wg_text_add(c->out, "<line class=\"%s\"", class);
    for (int i = 0; i < 4; i++) {
        wg_text_add(c->out, " %s=\"", names[i]);
        write_coordinate(c->out, ends[i]);
        wg_text_put(c->out, "\"");
    }
    wg_text_put(c->out, "/>\n");
}

/* Takes the data's range; opens it where it is empty or too narrow to divide. */
static void set_range(axis *a, double low, double high, double margin) {
    if (!(low <= high)) {
        low = a->log ? 1.0 : 0.0;
        high = a->log ? 10.0 : 1.0;
    }
    if (a->log) {
        low = log10(low);
        high = log10(high);
    }
    double widest = fmax(fabs(low), fabs(high));
    if (high - low <= 1e-9 * widest || high - low < 1e-290) {
        double half = a->log ? 0.5 : widest < 1e-290 ? 0.5 : 0.05 * widest;
        low -= half;
        high += half;
    }
    double extra = margin * (high - low);
    a->low = low - extra;
    a->high = high + extra;
}

static void find_ranges(chart *c) {
    double x_low = HUGE_VAL, x_high = -HUGE_VAL, y_low = HUGE_VAL, y_high = -HUGE_VAL;
    c->y.log = c->plot->options.log_y;
    for (size_t i = 0; i < c->plot->count; i++) {
        const wg_plot_line *line = &c->plot->lines[i];
        for (size_t k = 0; k < line->count; k++) {
            double x = line->points[2 * k], y = line->points[2 * k + 1];
            if (usable(c, x, y)) {
                x_low = fmin(x_low, x);
                x_high = fmax(x_high, x);
                y_low = fmin(y_low, y);
                y_high = fmax(y_high, y);
            }
        }
    }
    set_range(&c->x, x_low, x_high, 0.0);
    set_range(&c->y, y_low, y_high, 0.04);
    c->x.start = c->left;
    c->x.span = c->right - c->left;
    c->y.start = c->bottom;
    c->y.span = c->top - c->bottom;
}

static void tick_text(const wg_ticks *ticks, double value, char *out) {
    if (ticks->decimals < 0) {
        (void)wg_number_general(out, TICK_TEXT, ticks->digits, value);
    } else {
        (void)wg_number_fixed(out, TICK_TEXT, ticks->decimals, value);
    }
}

static void write_axes(const chart *c) {
    char text[TICK_TEXT];
    int across = (int)((c->right - c->left) / 90.0), down = (int)((c->bottom - c->top) / 50.0);
    wg_ticks x = wg_ticks_linear(c->x.low, c->x.high, across < 2 ? 2 : across);
    for (int i = 0; i < x.count; i++) {
        double at = place(&c->x, x.at[i]);
        write_stroke(c, "grid", at, c->top, at, c->bottom);
        tick_text(&x, x.at[i], text);
        write_label(c, at, c->bottom + 17.0, "small middle", text);
    }
    down = down < 2 ? 2 : down;
    wg_ticks y = c->y.log ? wg_ticks_log(fmax(pow(10.0, c->y.low), DBL_MIN),
                                         fmin(pow(10.0, c->y.high), DBL_MAX), down)
                          : wg_ticks_linear(c->y.low, c->y.high, down);
    for (int i = 0; i < y.count; i++) {
        double at = place(&c->y, y.at[i]);
        write_stroke(c, "grid", c->left, at, c->right, at);
        tick_text(&y, y.at[i], text);
        write_label(c, c->left - 8.0, at + 4.0, "small end", text);
    }
    write_stroke(c, "axis", c->left, c->bottom, c->right, c->bottom);
    write_stroke(c, "axis", c->left, c->top, c->left, c->bottom);
}

/* Points that fall on the same tenth of a pixel as the one before add nothing. */
static void write_line(const chart *c, size_t number) {
    const wg_plot_line *line = &c->plot->lines[number];
    bool open = false;
    long long last_x = 0, last_y = 0;
    size_t run = 0;
    for (size_t i = 0; i <= line->count; i++) {
        double x = i < line->count ? line->points[2 * i] : HUGE_VAL;
        double y = i < line->count ? line->points[2 * i + 1] : HUGE_VAL;
        if (!usable(c, x, y)) {
            if (open && run == 1) {
                wg_text_put(c->out, "h0"); /* a round cap makes a lone point a dot */
            }
            wg_text_put(c->out, open ? "\"/>\n" : "");
            open = false;
            continue;
        }
        double px = place(&c->x, x), py = place(&c->y, y);
        long long tx = llround(10.0 * px), ty = llround(10.0 * py);
        if (open && tx == last_x && ty == last_y) {
            continue;
        }
        if (!open) {
            wg_text_add(c->out, "<path class=\"line c%zu\" d=\"M", number % 6);
            run = 0;
        } else {
            wg_text_put(c->out, "L");
        }
        write_coordinate(c->out, px);
        wg_text_put(c->out, " ");
        write_coordinate(c->out, py);
        open = true;
        run++;
        last_x = tx;
        last_y = ty;
    }
}

/* Lays the legend out in rows from the left; returns where the last row ends. */
static double write_legend(const chart *c, double y, bool draw) {
    double x = c->left;
    for (size_t i = 0; i < c->plot->count; i++) {
        const char *name = c->plot->lines[i].name;
        double width = 38.0 + 7.2 * wg_text_columns(name);
        if (x + width > c->right && x > c->left) {
            x = c->left;
            y += 18.0;
        }
        if (draw) {
            char class[16];
            (void)snprintf(class, sizeof class, "line c%zu", i % 6);
            write_stroke(c, class, x, y - 4.0, x + 18.0, y - 4.0);
            write_label(c, x + 24.0, y, "small", name);
        }
        x += width;
    }
    return y;
}

/* Colours that stay apart for the colour-blind: M. Okabe, K. Ito, "Color universal design" (2008),
 * lightened for dark schemes. */
static void write_head(const chart *c) {
    int width = c->plot->options.width, height = c->plot->options.height;
    wg_text_add(c->out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                "viewBox=\"0 0 %d %d\" role=\"img\">\n",
                width, height, width, height);
    wg_text_put(c->out,
                "<style>\n"
                ".back{fill:#fff}text{fill:#222;font:15px sans-serif}\n"
                ".small{font-size:12px}.middle{text-anchor:middle}.end{text-anchor:end}\n"
                ".grid{stroke:#ddd}.axis{stroke:#777}\n"
                ".line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\n"
                ".c0{stroke:#0072b2}.c1{stroke:#d55e00}.c2{stroke:#009e73}\n"
                ".c3{stroke:#cc79a7}.c4{stroke:#b88700}.c5{stroke:#56b4e9}\n"
                "@media (prefers-color-scheme:dark){\n"
                ".back{fill:#16181d}text{fill:#e4e4e4}.grid{stroke:#33363d}.axis{stroke:#999}\n"
                ".c0{stroke:#4aa8e0}.c1{stroke:#f08a3c}.c2{stroke:#2fc79a}.c4{stroke:#e6b800}}\n"
                "</style>\n");
    wg_text_add(c->out, "<rect class=\"back\" width=\"%d\" height=\"%d\"/>\n", width, height);
}

void wg_plot_svg(const wg_plot *plot, wg_text *out) {
    const wg_plot_options *o = &plot->options;
    chart c = {.out = out, .plot = plot};
    c.left = o->y_label == NULL ? 64.0 : 84.0;
    c.right = o->width - 24.0;
    double legend = o->title == NULL ? 24.0 : 48.0;
    c.top = plot->count == 0 ? legend : write_legend(&c, legend, false) + 16.0;
    c.bottom = o->height - (o->x_label == NULL ? 32.0 : 52.0);
    c.bottom = c.bottom < c.top + 40.0 ? c.top + 40.0 : c.bottom; /* a legend too long */
    find_ranges(&c);
    write_head(&c);
    if (o->title != NULL) {
        wg_text_put(out, "<title>");
        write_text(out, o->title);
        wg_text_put(out, "</title>\n");
        write_label(&c, 0.5 * (c.left + c.right), 26.0, "middle", o->title);
    }
    write_axes(&c);
    if (o->x_label != NULL) {
        write_label(&c, 0.5 * (c.left + c.right), o->height - 14.0, "small middle", o->x_label);
    }
    if (o->y_label != NULL) {
        wg_text_put(out, "<g transform=\"translate(20 ");
        write_coordinate(out, 0.5 * (c.top + c.bottom));
        wg_text_put(out, ") rotate(-90)\">");
        write_label(&c, 0.0, 0.0, "small middle", o->y_label);
        wg_text_put(out, "</g>\n");
    }
    for (size_t i = 0; i < plot->count; i++) {
        write_line(&c, i);
    }
    (void)write_legend(&c, legend, true);
    wg_text_put(out, "</svg>\n");
}
