/* test_plot.c: charts as SVG, pictures in a terminal. */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "inspect/plot.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *text;
static size_t bytes;

/* The chart as text; free it. */
static char *svg(const wg_plot *plot) {
    wg_text out = {NULL, 0, 0, false};
    wg_plot_svg(plot, &out);
    cr_assert_not(out.failed);
    char *chart = strdup(out.bytes);
    wg_text_free(&out);
    return chart;
}

static int occurrences(const char *in, const char *what) {
    int count = 0;
    for (const char *at = in; (at = strstr(at, what)) != NULL; at++) {
        count++;
    }
    return count;
}

/* No number of C's that SVG does not know, and each tag closed. */
static void expect_sound(const char *chart) {
    cr_assert_null(strstr(chart, "nan"), "%s", chart);
    cr_assert_null(strstr(chart, "inf"), "%s", chart);
    cr_assert_eq(occurrences(chart, "<text"), occurrences(chart, "</text>"));
    cr_assert_eq(occurrences(chart, "<path"), occurrences(chart, "\"/>\n") -
                                                  occurrences(chart, "<line ") -
                                                  occurrences(chart, "<rect"));
    cr_assert_not_null(strstr(chart, "</svg>\n"));
}

Test(plot, two_series) {
    wg_plot *plot = NULL;
    wg_plot_options options = {.title = "a < b & \"c\"", .x_label = "epoch", .y_label = "loss"};
    cr_assert_eq(wg_plot_new(options, &plot), WG_OK);
    const double falling[] = {1.0, 0.5, 0.25, 0.125};
    cr_assert_eq(wg_plot_points(plot, "train", 4, NULL, falling), WG_OK);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(wg_plot_point(plot, "test", i, falling[i] + 0.1), WG_OK);
    }
    char *chart = svg(plot);
    expect_sound(chart);
    cr_assert_not_null(strstr(chart, "a &lt; b &amp; \"c\""));
    cr_assert_not_null(strstr(chart, ">epoch<"));
    cr_assert_not_null(strstr(chart, ">train<"));
    cr_assert_not_null(strstr(chart, "prefers-color-scheme:dark"));
    cr_assert_eq(occurrences(chart, "<path"), 2);
    free(chart);
    wg_plot_free(plot);
}

Test(plot, gaps_and_lone_points) {
    wg_plot *plot = NULL;
    const double y[] = {1, 2, (double)NAN, 3, (double)INFINITY, 4, 5, 1e301};
    cr_assert_eq(wg_plot_new((wg_plot_options){.title = NULL}, &plot), WG_OK);
    cr_assert_eq(wg_plot_points(plot, "a", 8, NULL, y), WG_OK);
    char *chart = svg(plot);
    expect_sound(chart);
    cr_assert_eq(occurrences(chart, "<path"), 3);
    cr_assert_eq(occurrences(chart, "h0\""), 1);
    free(chart);
    wg_plot_free(plot);
}

/* Ranges that arithmetic on doubles finds hard. */
Test(plot, hard_ranges) {
    static const double rows[][2] = {
        {0, 0},           {5, 5},           {-1e300, 1e300},      {0, 5e-324},      {1e300, 1e300},
        {1e16, 1e16 + 2}, {1e-300, 2e-300}, {1, 1 + DBL_EPSILON}, {-1e-310, 1e300}, {1e9, 1e9 + 50},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int log_y = 0; log_y < 2; log_y++) {
            wg_plot *plot = NULL;
            cr_assert_eq(wg_plot_new((wg_plot_options){.log_y = log_y == 1}, &plot), WG_OK);
            cr_assert_eq(wg_plot_points(plot, "a", 2, rows[i], rows[i]), WG_OK);
            char *chart = svg(plot);
            expect_sound(chart);
            cr_assert_null(strstr(chart, "922337203685477580"), "%g %g", rows[i][0], rows[i][1]);
            free(chart);
            wg_plot_free(plot);
        }
    }
}

Test(plot, empty) {
    wg_plot *plot = NULL;
    cr_assert_eq(wg_plot_new((wg_plot_options){.log_y = true}, &plot), WG_OK);
    char *chart = svg(plot);
    expect_sound(chart);
    free(chart);
    cr_assert_eq(wg_plot_point(plot, "never positive", 1.0, 0.0), WG_OK);
    chart = svg(plot);
    expect_sound(chart);
    free(chart);
    wg_plot_free(plot);
}

/* Bytes that XML does not allow become question marks. */
Test(plot, damaged_texts) {
    wg_plot *plot = NULL;
    wg_plot_options options = {.title = "a\x01\xFF\xC3\xA9\xC3\xED\xA0\x80z"};
    cr_assert_eq(wg_plot_new(options, &plot), WG_OK);
    char *chart = svg(plot);
    cr_assert_not_null(strstr(chart, ">a??\xC3\xA9?\?\?\?z<"));
    free(chart);
    wg_plot_free(plot);
}

Test(plot, many_series) {
    wg_plot *plot = NULL;
    cr_assert_eq(wg_plot_new((wg_plot_options){.width = 160, .height = 160}, &plot), WG_OK);
    for (int i = 0; i < 40; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "series %d", i);
        cr_assert_eq(wg_plot_point(plot, name, i, i), WG_OK);
    }
    char *chart = svg(plot);
    expect_sound(chart);
    free(chart);
    wg_plot_free(plot);
}

Test(plot, files) {
    wg_plot *plot = NULL;
    char path[] = "/tmp/wengert-plot-XXXXXX";
    int made = mkstemp(path);
    cr_assert(made >= 0);
    (void)close(made);
    cr_assert_eq(wg_plot_new((wg_plot_options){.title = "t"}, &plot), WG_OK);
    cr_assert_eq(wg_plot_write(plot, path), WG_OK);
    FILE *file = fopen(path, "rb");
    char start[5] = "";
    cr_assert_eq(fread(start, 1, 4, file), 4);
    (void)fclose(file);
    cr_assert_str_eq(start, "<svg");
    (void)remove(path);
    cr_assert_eq(wg_plot_write(plot, "/no/such/folder/x.svg"), WG_ERROR_FILE);
    cr_assert_not_null(strstr(wg_last_message(), "/no/such/folder/x.svg"));
    cr_assert_eq(wg_plot_write(plot, NULL), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_plot_write(NULL, path), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_plot_point(plot, NULL, 0, 0), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_plot_points(plot, "a", 1, NULL, NULL), WG_ERROR_ARGUMENT);
    wg_plot_free(plot);
    wg_plot_free(NULL);
    cr_assert_eq(wg_plot_new((wg_plot_options){.width = 20}, &plot), WG_ERROR_ARGUMENT);
    cr_assert_null(plot);
}

static void expect_ticks(wg_ticks ticks, int count, double first, double last) {
    cr_assert_eq(ticks.count, count, "%d ticks", ticks.count);
    cr_assert_float_eq(ticks.at[0], first, 1e-9 * fabs(first) + 1e-300);
    cr_assert_float_eq(ticks.at[count - 1], last, 1e-9 * fabs(last) + 1e-300);
}

Test(ticks, are_round) {
    expect_ticks(wg_ticks_linear(0.0, 1.0, 5), 6, 0.0, 1.0);
    expect_ticks(wg_ticks_linear(0.03, 0.97, 5), 4, 0.2, 0.8);
    expect_ticks(wg_ticks_linear(-7.0, 104.0, 6), 6, 0.0, 100.0);
    expect_ticks(wg_ticks_log(0.5, 2000.0, 5), 4, 1.0, 1000.0);
    expect_ticks(wg_ticks_log(0.15, 7.0, 5), 5, 0.2, 5.0);
    cr_assert_eq(wg_ticks_linear(0.0, 1.0, 5).decimals, 1);
    cr_assert(wg_ticks_log(1e-300, 1e300, 8).count <= 9);
}

/* --- pictures --- */

static const double ramp[] = {0, 1, 2, 3};

static char *drawn(int64_t count, const wg_picture *pictures, wg_draw_options options) {
    FILE *out = open_memstream(&text, &bytes);
    cr_assert_eq(wg_draw_gray(out, count, pictures, options), WG_OK);
    (void)fclose(out);
    return text;
}

Test(draw, ascii) {
    const wg_picture pictures[] = {
        {.pixels = ramp, .rows = 2, .columns = 2, .caption = "three"},
        {.pixels = ramp, .rows = 1, .columns = 4, .caption = "7", .marked = true},
    };
    char *shown = drawn(2, pictures, (wg_draw_options){.style = WG_DRAW_ASCII});
    cr_assert_str_eq(shown,
                     "  --    --**@@\n"
                     "**@@          \n"
                     "thre  x 7     \n",
                     "%s", shown);
    free(shown);
    shown = drawn(2, pictures, (wg_draw_options){.style = WG_DRAW_ASCII, .per_row = 1});
    cr_assert_str_eq(shown, "  --\n**@@\nthre\n\n  --**@@\nx 7     \n", "%s", shown);
    free(shown);
}

Test(draw, unicode) {
    const double pixels[] = {0, 0.25, 0.5, 0.75, 1, 2, (double)NAN, -1};
    const wg_picture picture = {
        .pixels = pixels, .rows = 1, .columns = 8, .caption = "é", .marked = true};
    wg_draw_options options = {.style = WG_DRAW_SHADES, .low = 0.0, .high = 1.0};
    char *shown = drawn(1, &picture, options);
    cr_assert_str_eq(shown, "  ░░▒▒▓▓████    \n✗ é             \n", "%s", shown);
    free(shown);
    const wg_picture square = {.pixels = ramp, .rows = 2, .columns = 2};
    shown = drawn(1, &square, (wg_draw_options){.style = WG_DRAW_BLOCKS});
    cr_assert_str_eq(shown, "\x1b[38;5;232;48;5;247m▀\x1b[38;5;240;48;5;255m▀\x1b[0m\n");
    free(shown);
}

/* Without a terminal: characters by the environment's encoding, 80 columns. */
Test(draw, automatic) {
    const wg_picture picture = {.pixels = ramp, .rows = 2, .columns = 2};
    wg_picture nine[18];
    for (int i = 0; i < 18; i++) {
        nine[i] = picture;
    }
    (void)setenv("LC_ALL", "C", 1);
    char *shown = drawn(18, nine, (wg_draw_options){.per_row = 0});
    cr_assert_eq(occurrences(shown, "\n"), 5); /* 13 of them take 76 columns */
    cr_assert_eq(strchr(shown, '\n') - shown, 76);
    free(shown);
    (void)setenv("LC_ALL", "C.UTF-8", 1);
    shown = drawn(1, &picture, (wg_draw_options){.per_row = 0});
    cr_assert_str_eq(shown, "  ░░\n▓▓██\n", "%s", shown);
    free(shown);
}

Test(draw, flat_and_wrong_pictures) {
    const double flat[] = {3, 3};
    wg_picture picture = {.pixels = flat, .rows = 1, .columns = 2};
    char *shown = drawn(1, &picture, (wg_draw_options){.style = WG_DRAW_ASCII});
    cr_assert_str_eq(shown, "    \n");
    free(shown);
    wg_draw_options none = {.per_row = 0};
    picture.rows = 0;
    cr_assert_eq(wg_draw_gray(stdout, 1, &picture, none), WG_ERROR_ARGUMENT);
    picture.rows = 1025;
    cr_assert_eq(wg_draw_gray(stdout, 1, &picture, none), WG_ERROR_ARGUMENT);
    picture = (wg_picture){.rows = 1, .columns = 1};
    cr_assert_eq(wg_draw_gray(stdout, 1, &picture, none), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_draw_gray(NULL, 0, NULL, none), WG_ERROR_ARGUMENT);
}
