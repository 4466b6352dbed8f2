/* progress.c: a bar on a terminal, plain lines elsewhere. */
#include "wengert/progress.h"
#include "base/number.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>

#define TITLE_BYTES 128
#define TEXT_BYTES 256
#define LINE_BYTES 1024
#define BAR_MAX 40
#define BAR_MIN 8
#define REDRAW_SECONDS 0.1
#define LINE_SECONDS 10.0

struct wg_progress {
    FILE *out;
    char title[TITLE_BYTES];
    char text[TEXT_BYTES];
    int64_t total;
    int64_t done;
    double started;
    double shown; /* when something was last written */
    int width;    /* columns of the bar's line that stands, to blank them */
    bool terminal;
    bool utf8;
    bool finished;
};

static void set_text(char *to, size_t bytes, const char *format, va_list arguments) {
    if (vsnprintf(to, bytes, format, arguments) < 0) {
        to[0] = '\0';
    }
    for (; *to != '\0'; to++) {
        if ((unsigned char)*to < ' ') {
            *to = ' '; /* a line break would leave half a bar behind */
        }
    }
}

static void start(wg_progress *p) {
    p->text[0] = '\0';
    p->done = 0;
    p->width = 0;
    p->finished = false;
    p->started = wg_clock();
    p->shown = p->started;
}

/* "1:02:03", "2:03" */
static void time_text(double seconds, char *out, size_t bytes) {
    if (!(seconds >= 0.0 && seconds < 3.6e8)) {
        (void)snprintf(out, bytes, "?");
        return;
    }
    long long whole = (long long)(seconds + 0.5);
    if (whole >= 3600) {
        (void)snprintf(out, bytes, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        (void)snprintf(out, bytes, "%lld:%02lld", whole / 60, whole % 60);
    }
}

static double fraction(const wg_progress *p) {
    if (p->total <= 0 || p->done <= 0) {
        return 0.0;
    }
    return p->done >= p->total ? 1.0 : (double)p->done / (double)p->total;
}

static void append(char *line, const char *text) {
    size_t used = strlen(line);
    (void)snprintf(line + used, LINE_BYTES - used, "%s", text);
}

/* The bar in eighths of a column where UTF-8 has them, in whole columns otherwise. */
static void append_bar(char *line, int columns, double part, bool utf8) {
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int full = (int)(part * columns);
    int rest = (int)((part * columns - full) * 8.0);
    append(line, utf8 ? "▕" : "[");
    for (int i = 0; i < full; i++) {
        append(line, utf8 ? "█" : "#");
    }
    if (utf8 && full < columns && rest > 0) {
        append(line, eighths[rest]);
        full++;
    }
    for (int i = full; i < columns; i++) {
        append(line, utf8 ? " " : ".");
    }
    append(line, utf8 ? "▏" : "]");
}

/* Everything behind the bar. */
static void tail_text(const wg_progress *p, double now, char *out, size_t bytes) {
    char spent[32], left[32];
    double seconds = now - p->started;
    double part = fraction(p);
    time_text(seconds, spent, sizeof spent);
    time_text(part > 0.0 ? seconds * (1.0 - part) / part : -1.0, left, sizeof left);
    const char *gap = p->text[0] == '\0' ? "" : "  ";
    if (p->total <= 0) {
        (void)snprintf(out, bytes, " %lld  %s%s%s", (long long)p->done, spent, gap, p->text);
    } else if (p->finished || part >= 1.0 || part <= 0.0) {
        (void)snprintf(out, bytes, " %lld/%lld  %s%s%s", (long long)p->done, (long long)p->total,
                       spent, gap, p->text);
    } else {
        (void)snprintf(out, bytes, " %lld/%lld  %s, %s left%s%s", (long long)p->done,
                       (long long)p->total, spent, left, gap, p->text);
    }
}

static void draw_bar(wg_progress *p, double now) {
    char line[LINE_BYTES] = "";
    char tail[TEXT_BYTES + 128];
    tail_text(p, now, tail, sizeof tail);
    append(line, p->title);
    int width = wg_terminal_width(p->out) - 1; /* the last column makes some terminals wrap */
    int room = width - wg_text_columns(p->title) - wg_text_columns(tail) - 3;
    if (p->total > 0 && room >= BAR_MIN) {
        append(line, p->title[0] == '\0' ? "" : " ");
        append_bar(line, room < BAR_MAX ? room : BAR_MAX, fraction(p), p->utf8);
    }
    append(line, tail);
    size_t bytes = wg_text_fit(line, width < 1 ? 1 : width);
    line[bytes] = '\0';
    int columns = wg_text_columns(line);
    (void)fprintf(p->out, "\r%s", line);
    for (int i = columns; i < p->width; i++) {
        (void)fputc(' ', p->out);
    }
    (void)fflush(p->out);
    p->width = columns;
}

static void write_line(wg_progress *p, double now) {
    (void)fprintf(p->out, "%s%s%lld", p->title, p->title[0] == '\0' ? "" : ": ",
                  (long long)p->done);
    if (p->total > 0) {
        (void)fprintf(p->out, "/%lld", (long long)p->total);
    }
    char seconds[40];
    (void)fprintf(p->out, ", %s s%s%s\n",
                  wg_number_fixed(seconds, sizeof seconds, 1, now - p->started),
                  p->text[0] == '\0' ? "" : ", ", p->text);
    (void)fflush(p->out);
}

wg_progress *wg_progress_new(FILE *out, const char *title, int64_t total) {
    wg_progress *p = out == NULL ? NULL : wg_calloc(1, sizeof *p);
    if (p == NULL) {
        return NULL;
    }
    p->out = out;
    p->total = total;
    p->terminal = wg_terminal(out);
    p->utf8 = wg_terminal_utf8();
    (void)snprintf(p->title, sizeof p->title, "%s", title == NULL ? "" : title);
    start(p);
    return p;
}

void wg_progress_update(wg_progress *progress, int64_t done, const char *format, ...) {
    wg_progress *p = progress;
    if (p == NULL || p->finished) {
        return;
    }
    p->done = done;
    double now = wg_clock();
    /* A finished bar is drawn by finish; the first one at once, so that slow work shows it lives.
     */
    bool due = now - p->shown >= (p->terminal ? REDRAW_SECONDS : LINE_SECONDS);
    due = due || (p->terminal && p->width == 0);
    if (format != NULL) {
        va_list arguments;
        va_start(arguments, format);
        set_text(p->text, sizeof p->text, format, arguments);
        va_end(arguments);
    }
    if (!due) {
        return;
    }
    p->shown = now;
    if (p->terminal) {
        draw_bar(p, now);
    } else {
        write_line(p, now);
    }
}

static void finish(wg_progress *p) {
    if (p->finished) {
        return;
    }
    p->finished = true;
    if (p->terminal) {
        draw_bar(p, wg_clock());
        (void)fputc('\n', p->out);
        (void)fflush(p->out);
    } else {
        write_line(p, wg_clock());
    }
}

void wg_progress_finish(wg_progress *progress, const char *format, ...) {
    if (progress == NULL || progress->finished) {
        return;
    }
    if (format != NULL) {
        va_list arguments;
        va_start(arguments, format);
        set_text(progress->text, sizeof progress->text, format, arguments);
        va_end(arguments);
    }
    finish(progress);
}

void wg_progress_restart(wg_progress *progress, const char *title, ...) {
    if (progress == NULL) {
        return;
    }
    if (progress->done != 0 || progress->width > 0) {
        finish(progress); /* one that did nothing leaves no line */
    }
    if (title != NULL) {
        va_list arguments;
        va_start(arguments, title);
        set_text(progress->title, sizeof progress->title, title, arguments);
        va_end(arguments);
    }
    start(progress);
}

void wg_progress_free(wg_progress *progress) {
    if (progress == NULL) {
        return;
    }
    if (progress->terminal && progress->width > 0 && !progress->finished) {
        (void)fputc('\n', progress->out);
        (void)fflush(progress->out);
    }
    wg_free(progress);
}
