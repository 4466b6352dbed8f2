/* test_dot.c: the graph of a tape for Graphviz. */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "../base/comma.h"
#include "wengert/dot.h"

#include "wengert/array.h"
#include "wengert/elementwise.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/wengert-dot-XXXXXX";
static wg_tape *tape;

static void set_up(void) {
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    (void)close(file);
    tape = wg_tape_new();
    cr_assert_not_null(tape);
}

static void tear_down(void) {
    wg_tape_free(tape);
    (void)remove(path);
}

TestSuite(dot, .init = set_up, .fini = tear_down);

/* What wg_write_dot writes; free it. */
static char *written(wg_dot_options options) {
    cr_assert_eq(wg_write_dot(tape, path, options), WG_OK, "%s", wg_last_message());
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    char *text = calloc(1, 1 << 20);
    cr_assert_not_null(text);
    cr_assert_lt(fread(text, 1, (1 << 20) - 1, file), (1 << 20) - 1);
    (void)fclose(file);
    return text;
}

static void expect_holds(const char *text, const char *part) {
    cr_expect_not_null(strstr(text, part), "no <%s> in\n%s", part, text);
}

static void expect_lacks(const char *text, const char *part) {
    cr_expect_null(strstr(text, part), "<%s> in\n%s", part, text);
}

/* Reads the digraph back: balanced quotes, every edge between entries that are there and from the
 * older to the newer. Returns the number of entries; *edges that of the edges. */
static int read_back(const char *text, int *edges) {
    static char known[4096][16];
    int entries = 0;
    *edges = 0;
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        char from[16], to[16];
        int quotes = 0;
        for (const char *at = line; *at != '\n'; at++) {
            at += *at == '\\';
            quotes += *at == '"';
        }
        cr_assert_eq(quotes % 2, 0, "%.80s", line);
        if (sscanf(line, "  %15[as0-9] -> %15[as0-9];", from, to) == 2) {
            bool found = false;
            for (int i = 0; i < entries - 1; i++) {
                found = found || strcmp(known[i], from) == 0;
            }
            cr_assert(found, "%s -> %s", from, to);
            cr_assert_str_eq(known[entries - 1], to);
            ++*edges;
        } else if (sscanf(line, "  %15[as0-9] [label=", from) == 1 &&
                   strstr(from, "s") != from + 1 && from[1] >= '0' && from[1] <= '9') {
            cr_assert_lt(entries, 4096);
            memcpy(known[entries++], from, sizeof from);
        }
    }
    return entries;
}

Test(dot, a_small_graph_to_the_letter) {
    wg_var x = wg_scalar(tape, 0.5), y = wg_scalar(tape, -2);
    wg_var sum = wg_add(wg_mul(x, y), 3.0);
    wg_var z = wg_sub(sum, 0.25);
    cr_assert_eq(wg_backward_keep(z), WG_OK);
    wg_dot_name names[] = {{x, "x"}, {z, "the \"end\"\\"}};
    char *text = written((wg_dot_options){.names = names, .name_count = 2});
    static const char expected[] =
        "digraph tape {\n"
        "  graph [ordering=in];\n"
        "  node [shape=box, style=rounded, fillcolor=\"#d6e6f5\", fontname=\"sans-serif\", "
        "fontsize=11];\n"
        "  edge [arrowsize=0.6];\n"
        "  s0 [label=\"x\\nvariable\\n0.5\\nadjoint -2\", style=\"rounded,filled\"];\n"
        "  s1 [label=\"variable\\n-2\\nadjoint 0.5\", style=\"rounded,filled\"];\n"
        "  s2 [label=\"mul\\n-1\\nadjoint 1\"];\n"
        "  s0 -> s2;\n"
        "  s1 -> s2;\n"
        "  s3 [label=\"x + 3\\n2\\nadjoint 1\"];\n"
        "  s2 -> s3;\n"
        "  s4 [label=\"the \\\"end\\\"\\\\\\nx - 0.25\\n1.75\\nadjoint 1\"];\n"
        "  s3 -> s4;\n"
        "}\n";
    cr_expect_str_eq(text, expected);
    free(text);
}

Test(dot, the_plain_forms_say_on_which_side_the_number_is) {
    wg_var x = wg_scalar(tape, 2);
    (void)wg_sub(1, x);
    (void)wg_div(6, x);
    (void)wg_div(x, 4);
    (void)wg_mul(0.5, x);
    (void)wg_pow(x, 3);
    char *text = written((wg_dot_options){.max_nodes = 10});
    expect_holds(text, "1 - x\\n-1");
    expect_holds(text, "6 / x\\n3");
    expect_holds(text, "x / 4\\n0.5");
    expect_holds(text, "x * 0.5\\n1");
    expect_holds(text, "\\n8\"];"); /* however a power is recorded */
    free(text);
}

Test(dot, a_third_operand_is_an_edge_not_an_entry) {
    wg_var x = wg_scalar(tape, 2), y = wg_scalar(tape, 3), z = wg_scalar(tape, 4);
    (void)wg_fma(x, y, z);
    int edges;
    char *text = written((wg_dot_options){.max_nodes = 0});
    cr_expect_eq(read_back(text, &edges), 4);
    cr_expect_eq(edges, 3);
    expect_holds(text, "fma\\n10");
    free(text);
}

Test(dot, arrays_and_scalars_in_the_order_they_were_recorded) {
    const double few[] = {1, 2, 3}, many[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, (double)NAN};
    wg_var s = wg_scalar(tape, 2);
    wg_var a = wg_variable(tape, WG_F64, WG_SHAPE(3), few);
    wg_var b = wg_constant(tape, WG_F32, WG_SHAPE(0, 4), NULL);
    (void)wg_constant(tape, WG_F64, WG_SHAPE(10), many);
    wg_var product = wg_mul(wg_mul(a, s), 0.5);
    wg_var element = wg_at(product, 2);
    wg_var y = wg_mul(element, s);
    cr_assert_eq(wg_backward_keep(y), WG_OK);
    cr_assert(wg_is_array(b));
    int edges;
    char *text = written((wg_dot_options){.max_nodes = 0});
    cr_expect_eq(read_back(text, &edges), 8);
    cr_expect_eq(edges, 6);
    expect_holds(text, "variable\\nf64 [3]\\n1, 2, 3\\nadjoint 0, 0, 2\"");
    expect_holds(text, "constant\\nf32 [0, 4]\\nempty\", style=\"dashed\"");
    expect_holds(text, "min 1, mean nan, max 9, NaN in 1");
    expect_holds(text, "mul\\noperand 1: 0.5\\nf64 [3]\\n1, 2, 3");
    expect_holds(text, "element 2\\n3\\nadjoint 2");
    expect_holds(text, "tooltip=\"");
    free(text);
}

Test(dot, what_the_sweep_gave_back_is_marked) {
    const double few[] = {1, 2, 3};
    wg_var a = wg_variable(tape, WG_F64, WG_SHAPE(3), few);
    cr_assert_eq(wg_backward(wg_sum(wg_square(wg_exp(a)))), WG_OK);
    char *text = written((wg_dot_options){.max_nodes = 0});
    expect_holds(text, "exp\\nf64 [3]\\n(given back)");
    expect_lacks(text, "(given back)\\nadjoint");
    expect_holds(text, "1, 2, 3\\nadjoint ");
    free(text);
}

Test(dot, borrowed_memory_shows_its_gradient) {
    double value[] = {1, 2}, gradient[] = {0, 0};
    wg_view view = {.dtype = WG_F64, .rank = 1, .shape = {2}, .stride = {1}, .data = value};
    cr_assert_eq(wg_backward(wg_sum(wg_square(wg_borrow(tape, &view, gradient)))), WG_OK);
    char *text = written((wg_dot_options){.max_nodes = 0});
    expect_holds(text, "parameter\\nf64 [2]\\n1, 2\\ngradient 2, 4");
    free(text);
}

Test(dot, without_values) {
    wg_var x = wg_scalar(tape, 0.123), a = wg_full(tape, WG_F32, WG_SHAPE(2, 2), 0.456);
    (void)wg_mul(a, wg_sin(x));
    char *text = written((wg_dot_options){.no_values = true});
    expect_lacks(text, "0.123");
    expect_lacks(text, "0.456");
    expect_holds(text, "mul\\nf32 [2, 2]\"");
    free(text);
}

Test(dot, twice_the_same_whatever_the_locale) {
    (void)wg_exp(wg_scalar(tape, 0.5));
    char *first = written((wg_dot_options){.max_nodes = 0});
    test_comma_locale();
    char *second = written((wg_dot_options){.max_nodes = 0});
    cr_expect_str_eq(first, second);
    free(first);
    free(second);
}

Test(dot, a_failed_tape_is_written_as_far_as_it_came) {
    wg_var a = wg_full(tape, WG_F64, WG_SHAPE(2), 1), b = wg_full(tape, WG_F64, WG_SHAPE(3), 1);
    (void)wg_add(a, b);
    cr_assert_eq(wg_tape_status(tape), WG_ERROR_SHAPE);
    char *text = written((wg_dot_options){.max_nodes = 0});
    expect_holds(text, "  label=\"add: ");
    expect_holds(text, "f64 [3]");
    free(text);
}

Test(dot, an_empty_tape) {
    int edges;
    char *text = written((wg_dot_options){.max_nodes = 0});
    cr_expect_eq(read_back(text, &edges), 0);
    free(text);
}

Test(dot, refusals) {
    wg_var x = wg_scalar(tape, 1), stale = x;
    wg_dot_options small = {.max_nodes = 3};
    (void)wg_exp(wg_exp(x));
    cr_expect_eq(wg_write_dot(tape, path, small), WG_OK);
    (void)wg_exp(x);
    cr_expect_eq(wg_write_dot(tape, path, small), WG_ERROR_LIMIT);
    cr_expect_not_null(strstr(wg_last_message(), "4 scalars"), "%s", wg_last_message());
    cr_expect_eq(wg_write_dot(NULL, path, small), WG_ERROR_ARGUMENT);
    cr_expect_eq(wg_write_dot(tape, NULL, small), WG_ERROR_ARGUMENT);
    cr_expect_eq(wg_write_dot(tape, path, (wg_dot_options){.max_nodes = -1}), WG_ERROR_ARGUMENT);
    cr_expect_eq(wg_write_dot(tape, path, (wg_dot_options){.name_count = 1}), WG_ERROR_ARGUMENT);
    cr_expect_eq(wg_write_dot(tape, "/no/such/folder/g.dot", (wg_dot_options){.max_nodes = 0}),
                 WG_ERROR_FILE);
    wg_tape_reset(tape);
    wg_dot_name name = {stale, "x"};
    cr_expect_eq(wg_write_dot(tape, path, (wg_dot_options){.names = &name, .name_count = 1}),
                 WG_ERROR_HANDLE);
    name.var = wg_number(1);
    cr_expect_eq(wg_write_dot(tape, path, (wg_dot_options){.names = &name, .name_count = 1}),
                 WG_ERROR_HANDLE);
    name = (wg_dot_name){wg_scalar(tape, 1), NULL};
    cr_expect_eq(wg_write_dot(tape, path, (wg_dot_options){.names = &name, .name_count = 1}),
                 WG_ERROR_ARGUMENT);
}
