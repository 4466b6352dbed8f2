/* test_profile.c: profiles, summaries and traces of networks. */
#include "../base/comma.h"
#include "base/bytes.h"
#include "wengert/conv.h"
#include "wengert/elementwise.h"
#include "wengert/optim.h"
#include "wengert/profile.h"
#include "wengert/rnn.h"
#include "wengert/transformer.h"

#include <criterion/criterion.h>
#include <string.h>

static wg_tape *tape;
static wg_store *store;
static wg_profile *profile;

static void start(void) {
    tape = wg_tape_new();
    store = wg_store_new(1);
    cr_assert_eq(wg_profile_new((wg_profile_options){0}, &profile), WG_OK);
}

static void stop(void) {
    wg_profile_free(profile);
    wg_tape_free(tape);
    wg_store_free(store);
}

TestSuite(profile, .init = start, .fini = stop);

static wg_var network(void) {
    wg_net net = wg_scope(wg_net_train(store, tape, 0), "net");
    wg_var x = wg_full(tape, WG_F32, 2, (int64_t[]){32, 20}, 0.5);
    x = wg_relu(wg_linear(net, "fc1", x, 10));
    x = wg_linear(net, "fc2", wg_linear(net, "shared", x, 10), 4);
    x = wg_linear(net, "fc3", x, 10);
    return wg_sum(wg_square(wg_linear(net, "shared", x, 10)));
}

static bool row_named(const char *name, bool backward, wg_profile_row *row) {
    for (int64_t i = 0; i < wg_profile_count(profile); i++) {
        cr_assert_eq(wg_profile_at(profile, i, row), WG_OK);
        if (strcmp(row->name, name) == 0 && row->backward == backward) {
            return true;
        }
    }
    return false;
}

Test(profile, counts_operations_and_chain_rules) {
    wg_profile_row row;
    cr_assert_eq(wg_profile_start(profile, tape), WG_OK);
    wg_optimizer *sgd = wg_sgd(store, (wg_sgd_options){.lr = 0.1});
    for (int step = 0; step < 3; step++) {
        cr_assert_eq(wg_backward(network()), WG_OK, "%s", wg_tape_message(tape));
        cr_assert_eq(wg_step(sgd, tape), WG_OK);
        wg_tape_reset(tape);
    }
    wg_optimizer_free(sgd);
    cr_assert_eq(wg_profile_stop(profile), WG_OK);
    cr_assert_eq(wg_backward(network()), WG_OK); /* nobody looks */
    cr_assert(row_named("affine", false, &row));
    cr_assert_eq(row.calls, 15);
    cr_assert_eq(row.multiply_adds, 3 * 32 * (20 * 10 + 10 * 10 + 10 * 4 + 4 * 10 + 10 * 10));
    cr_assert_eq(row.bytes, 3 * 4 * (32 * (30 + 20 + 14 + 14 + 20) + 210 + 110 + 44 + 50 + 110));
    cr_assert(row.seconds > 0);
    cr_assert(row_named("affine", true, &row));
    cr_assert_eq(row.calls, 15);
    cr_assert(row_named("relu", true, &row));
    cr_assert_eq(row.calls, 3);
    cr_assert_eq(row.bytes, 3 * 2 * 4 * 320);
    cr_assert_not(row_named("matmul", false, &row), "a part of a chain rule has a row of its own");
    cr_assert(row_named("step", false, &row) && row.calls == 3);
    double before = 1e300;
    for (int64_t i = 0; i < wg_profile_count(profile); i++) {
        cr_assert_eq(wg_profile_at(profile, i, &row), WG_OK);
        cr_assert(row.seconds <= before && row.seconds >= 0);
        before = row.seconds;
    }
    cr_assert_eq(wg_profile_at(profile, wg_profile_count(profile), &row), WG_ERROR_ARGUMENT);
}

Test(profile, summary_is_of_one_forward_pass) {
    static const struct {
        const char *kind, *name;
        int64_t last, calls, parameters, multiply_adds;
    } rows[] = {
        {"linear", "net.fc1", 10, 1, 210, 6400},
        {"relu", "", 10, 1, 0, 0},
        {"linear", "net.shared", 10, 2, 110, 6400},
        {"linear", "net.fc2", 4, 1, 44, 1280},
        {"linear", "net.fc3", 10, 1, 50, 1280},
        {"square", "", 10, 1, 0, 0},
        {"sum", "", 0, 1, 0, 0},
    };
    cr_assert_eq(wg_profile_start(profile, tape), WG_OK);
    wg_tape_reset(tape);
    for (int step = 0; step < 2; step++) {
        cr_assert_eq(wg_backward(network()), WG_OK);
        wg_tape_reset(tape);
    }
    cr_assert_eq(wg_profile_stop(profile), WG_OK);
    cr_assert_eq(wg_summary_count(profile), (int64_t)(sizeof rows / sizeof *rows));
    for (int64_t i = 0; i < wg_summary_count(profile); i++) {
        wg_summary_row row;
        cr_assert_eq(wg_summary_at(profile, store, i, &row), WG_OK);
        cr_assert_str_eq(row.kind, rows[i].kind);
        cr_assert_str_eq(row.name, rows[i].name);
        cr_assert_eq(row.rank > 0 ? row.shape[row.rank - 1] : 0, rows[i].last, "row %d", (int)i);
        cr_assert_eq(row.calls, rows[i].calls);
        cr_assert_eq(row.parameters, rows[i].parameters);
        cr_assert_eq(row.multiply_adds, rows[i].multiply_adds);
    }
}

Test(profile, counts_convolutions) {
    wg_profile_row row;
    wg_var x = wg_full(tape, WG_F32, 4, (int64_t[]){2, 4, 9, 9}, 1);
    wg_var w = wg_variable(tape, WG_F32, 4, (int64_t[]){6, 2, 3, 3}, NULL);
    cr_assert_eq(wg_profile_start(profile, tape), WG_OK);
    wg_var y = wg_conv(x, w, 0, (wg_conv_options){.groups = 2});
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_profile_stop(profile), WG_OK);
    const int64_t cost = 2 * 6 * 7 * 7 * 2 * 3 * 3;
    cr_assert(row_named("conv", false, &row));
    cr_assert_eq(row.multiply_adds, cost);
    cr_assert(row_named("conv", true, &row));
    cr_assert_eq(row.multiply_adds, cost, "x wants no gradient");
}

/* The text that a print leaves. */
static char *printed(wg_status (*print)(FILE *)) {
    FILE *file = tmpfile();
    cr_assert_eq(print(file), WG_OK);
    static char text[8192];
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static wg_status print_profile(FILE *file) {
    return wg_profile_print(profile, file);
}

static wg_status print_summary(FILE *file) {
    return wg_summary_print(profile, store, file);
}

Test(profile, counts_sequences) {
    wg_profile_row row;
    cr_assert_eq(wg_profile_start(profile, tape), WG_OK);
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_var x = wg_full(tape, WG_F32, 3, (int64_t[]){5, 2, 8}, 0.5);
    (void)wg_lstm(net, "lstm", x, 4);
    (void)wg_gru(net, "gru", x, 4);
    (void)wg_rnn(net, "rnn", x, 4);
    (void)wg_multi_head_attention(net, "own", x, x, x, (wg_multi_head_options){.heads = 4});
    cr_assert_eq(wg_profile_stop(profile), WG_OK);
    cr_assert(row_named("lstm", false, &row) && row.multiply_adds == 5 * 2 * 4 * 4 * 4);
    cr_assert(row_named("gru", false, &row) && row.multiply_adds == 5 * 2 * 3 * 4 * 4);
    cr_assert(row_named("rnn", false, &row) && row.multiply_adds == 5 * 2 * 1 * 4 * 4);
    cr_assert(row_named("attention", false, &row) && row.multiply_adds == 5 * 2 * 2 * (8 + 8));
}

Test(profile, tables) {
    cr_assert_eq(wg_freeze(store, "net.fc1.*"), WG_OK);
    cr_assert_eq(wg_profile_start(profile, tape), WG_OK);
    cr_assert_eq(wg_backward(network()), WG_OK);
    cr_assert_eq(wg_profile_stop(profile), WG_OK);
    const char *text = printed(print_summary);
    cr_assert_not_null(strstr(text, "net.shared linear"), "%s", text);
    cr_assert_not_null(strstr(text, "[32, 10]"), "%s", text);
    cr_assert_not_null(strstr(text, "414 parameters, 210 of them frozen"), "%s", text);
    cr_assert_not_null(strstr(text, "15360 multiply-adds"), "%s", text);
    text = printed(print_profile);
    cr_assert_not_null(strstr(text, "affine"), "%s", text);
    cr_assert_not_null(strstr(text, "backward"), "%s", text);
}

/* The column of milliseconds has three decimals, that of bytes too, whatever the locale. */
Test(profile, tables_have_points) {
    test_comma_locale();
    cr_assert_eq(wg_profile_start(profile, tape), WG_OK);
    cr_assert_eq(wg_backward(network()), WG_OK);
    cr_assert_eq(wg_profile_stop(profile), WG_OK);
    const char *text = printed(print_profile);
    cr_assert(strchr(text, ',') == NULL && strchr(text, '.') != NULL, "%s", text);
    text = printed(print_summary);
    cr_assert(strstr(text, " 0.00") != NULL, "%s", text);
}

/* Brackets and quotes balance, and each event ends after it begins. */
Test(profile, trace) {
    char path[] = "/tmp/wengert-trace.json";
    cr_assert_eq(wg_profile_start(profile, tape), WG_OK);
    wg_net net = wg_net_train(store, tape, 0);
    wg_linear(net, "odd\"name\n", wg_full(tape, WG_F32, 1, (int64_t[]){4}, 1), 2);
    cr_assert_eq(wg_backward(network()), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_profile_stop(profile), WG_OK);
    cr_assert_eq(wg_profile_write_trace(profile, path), WG_OK);
    unsigned char *bytes = NULL;
    size_t size = 0;
    cr_assert_eq(wg_read_bytes("test", path, &bytes, &size), WG_OK);
    const char *text = (const char *)bytes;
    int open = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        quoted = quoted != (text[i] == '"' && text[i - 1] != '\\');
        open +=
            quoted ? 0 : (text[i] == '{' || text[i] == '[') - (text[i] == '}' || text[i] == ']');
    }
    cr_assert(open == 0 && !quoted);
    cr_assert_not_null(strstr(text, "odd\\\"name\\u000a"));
    cr_assert_not_null(strstr(text, "\"name\":\"net.fc2\",\"cat\":\"layer\""));
    cr_assert_not_null(strstr(text, "\"name\":\"affine\",\"cat\":\"backward\""));
    cr_assert_not_null(strstr(text, "\"cat\":\"sweep\""));
    cr_assert_null(strstr(text, ":-"), "a time is negative");
    wg_free(bytes);
    remove(path);
    cr_assert_eq(wg_profile_write_trace(profile, "/nowhere/trace.json"), WG_ERROR_FILE);
    cr_assert_eq(wg_profile_write_trace(profile, NULL), WG_ERROR_ARGUMENT);
}

/* A layer that fails in the middle leaves nothing open behind the reset. */
Test(profile, failures_leave_nothing_open) {
    wg_profile_row row;
    cr_assert_eq(wg_profile_start(profile, tape), WG_OK);
    for (int i = 0; i < 3; i++) {
        wg_linear(wg_net_train(store, tape, 0), "fc", wg_full(tape, WG_I64, 1, (int64_t[]){4}, 1),
                  2);
        cr_assert_eq(wg_tape_status(tape), WG_ERROR_DTYPE);
        wg_tape_reset(tape);
    }
    cr_assert_eq(wg_backward(network()), WG_OK);
    cr_assert_eq(wg_profile_stop(profile), WG_OK);
    cr_assert(row_named("affine", false, &row) && row.calls == 5);
}

Test(profile, refuses) {
    wg_profile *other;
    cr_assert_eq(wg_profile_new((wg_profile_options){0}, &other), WG_OK);
    cr_assert_eq(wg_profile_stop(profile), WG_ERROR_STATE);
    cr_assert_eq(wg_profile_start(profile, tape), WG_OK);
    cr_assert_eq(wg_profile_start(profile, tape), WG_ERROR_STATE);
    cr_assert_eq(wg_profile_start(other, tape), WG_ERROR_STATE);
    wg_profile_free(other);
    cr_assert_eq(wg_backward(network()), WG_OK);
    wg_profile_free(profile); /* stops by itself */
    profile = NULL;
    wg_tape_reset(tape);
    cr_assert_eq(wg_backward(network()), WG_OK);
    wg_profile_free(NULL);
}
