/* draw.c: small grey pictures in a terminal. */
#include "terminal.h"
#include "wengert/plot.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define GAP 2 /* columns between pictures */
#define SIDE_MAX 1024

typedef struct canvas {
    FILE *out;
    wg_draw_options options;
    bool colour;
} canvas;

/* The range a picture is drawn in. */
static void find_range(const wg_picture *p, const wg_draw_options *o, double *low, double *high) {
    *low = o->low;
    *high = o->high;
    if (o->low != o->high) {
        return;
    }
    *low = HUGE_VAL;
    *high = -HUGE_VAL;
    for (int64_t i = 0; i < p->rows * p->columns; i++) {
        *low = fmin(*low, p->pixels[i]); /* fmin and fmax pass over NaN */
        *high = fmax(*high, p->pixels[i]);
    }
}

/* The pixel as a level 0 ... levels - 1; 0 outside the picture. */
static int level(const wg_picture *p, double low, double high, int64_t row, int64_t column,
                 int levels) {
    if (row >= p->rows) {
        return 0;
    }
    double part = (p->pixels[row * p->columns + column] - low) / (high - low);
    if (!(part > 0.0)) { /* NaN too, and a picture of one value */
        return 0;
    }
    return part >= 1.0 ? levels - 1 : (int)(part * (levels - 1) + 0.5);
}

static int64_t width_of(const wg_picture *p, wg_draw_style style) {
    return style == WG_DRAW_BLOCKS ? p->columns : 2 * p->columns;
}

static int64_t lines_of(const wg_picture *p, wg_draw_style style) {
    return style == WG_DRAW_BLOCKS ? (p->rows + 1) / 2 : p->rows;
}

static void draw_line(const canvas *c, const wg_picture *p, int64_t line) {
    static const char ascii[] = " .:-=+*#%@";
    static const char *const shades[] = {" ", "░", "▒", "▓", "█"};
    double low, high;
    find_range(p, &c->options, &low, &high);
    for (int64_t i = 0; i < p->columns; i++) {
        if (c->options.style == WG_DRAW_BLOCKS) {
            /* 232 ... 255 are the greys of a 256-colour terminal */
            (void)fprintf(c->out, "\x1b[38;5;%d;48;5;%dm▀",
                          232 + level(p, low, high, 2 * line, i, 24),
                          232 + level(p, low, high, 2 * line + 1, i, 24));
        } else if (c->options.style == WG_DRAW_SHADES) {
            const char *shade = shades[level(p, low, high, line, i, 5)];
            (void)fprintf(c->out, "%s%s", shade, shade);
        } else {
            char letter = ascii[level(p, low, high, line, i, 10)];
            (void)fprintf(c->out, "%c%c", letter, letter);
        }
    }
    if (c->options.style == WG_DRAW_BLOCKS) {
        (void)fputs("\x1b[0m", c->out);
    }
}

static void pad(FILE *out, int64_t columns) {
    for (int64_t i = 0; i < columns; i++) {
        (void)fputc(' ', out);
    }
}

static void draw_caption(const canvas *c, const wg_picture *p) {
    int64_t width = width_of(p, c->options.style);
    const char *cross = c->options.style == WG_DRAW_ASCII ? "x " : "✗ ";
    const char *mark = p->marked ? cross : "";
    const char *text = p->caption == NULL ? "" : p->caption;
    int room = (int)width - wg_text_columns(mark);
    size_t bytes = wg_text_fit(text, room < 0 ? 0 : room);
    int used = wg_text_columns(mark);
    for (size_t i = 0; i < bytes; i++) {
        used += ((unsigned char)text[i] & 0xC0) != 0x80 ? 1 : 0;
    }
    bool red = p->marked && c->colour;
    (void)fprintf(c->out, "%s%s%.*s%s", red ? "\x1b[31m" : "", mark, (int)bytes, text,
                  red ? "\x1b[0m" : "");
    pad(c->out, width - used);
}

static bool has_caption(const wg_picture *p) {
    return p->caption != NULL || p->marked;
}

/* Pictures first ... last - 1 side by side, their captions below. */
static void draw_row(const canvas *c, const wg_picture *pictures, int64_t first, int64_t last) {
    int64_t lines = 0;
    bool captions = false;
    for (int64_t i = first; i < last; i++) {
        int64_t own = lines_of(&pictures[i], c->options.style);
        lines = own > lines ? own : lines;
        captions = captions || has_caption(&pictures[i]);
    }
    for (int64_t line = 0; line < lines + (captions ? 1 : 0); line++) {
        for (int64_t i = first; i < last; i++) {
            const wg_picture *p = &pictures[i];
            pad(c->out, i == first ? 0 : GAP);
            if (line == lines) {
                draw_caption(c, p);
            } else if (line < lines_of(p, c->options.style)) {
                draw_line(c, p, line);
            } else {
                pad(c->out, width_of(p, c->options.style));
            }
        }
        (void)fputc('\n', c->out);
    }
}

static wg_draw_style choose_style(FILE *out, wg_draw_style style) {
    if (style != WG_DRAW_AUTO) {
        return style;
    }
    if (!wg_terminal_utf8()) {
        return WG_DRAW_ASCII;
    }
    return wg_terminal(out) && !wg_terminal_plain() ? WG_DRAW_BLOCKS : WG_DRAW_SHADES;
}

static wg_status check_pictures(FILE *out, int64_t count, const wg_picture *pictures) {
    if (out == NULL || count < 0 || (pictures == NULL && count > 0)) {
        return wg_fail(WG_ERROR_ARGUMENT, "draw_gray: the FILE or the pictures are missing");
    }
    for (int64_t i = 0; i < count; i++) {
        const wg_picture *p = &pictures[i];
        if (p->pixels == NULL || p->rows < 1 || p->columns < 1 || p->rows > SIDE_MAX ||
            p->columns > SIDE_MAX) {
            return wg_fail(WG_ERROR_ARGUMENT,
                           "draw_gray: picture %lld has no pixels or a size of %lld x %lld",
                           (long long)i, (long long)p->rows, (long long)p->columns);
        }
    }
    return WG_OK;
}

wg_status wg_draw_gray(FILE *out, int64_t count, const wg_picture *pictures,
                       wg_draw_options options) {
    wg_status status = check_pictures(out, count, pictures);
    if (status != WG_OK) {
        return status;
    }
    canvas c = {.out = out, .options = options};
    c.options.style = choose_style(out, options.style);
    c.colour = c.options.style == WG_DRAW_BLOCKS;
    int64_t room = wg_terminal_width(out);
    errno = 0;
    for (int64_t first = 0; first < count;) {
        int64_t last = first + 1;
        int64_t width = width_of(&pictures[first], c.options.style);
        while (last < count) {
            width += GAP + width_of(&pictures[last], c.options.style);
            if (options.per_row > 0 ? last - first >= options.per_row : width > room) {
                break;
            }
            last++;
        }
        (void)fputs(first > 0 ? "\n" : "", out);
        draw_row(&c, pictures, first, last);
        first = last;
    }
    if (fflush(out) != 0 || ferror(out)) {
        return wg_fail(WG_ERROR_FILE, "draw_gray: %s", strerror(errno));
    }
    return WG_OK;
}
