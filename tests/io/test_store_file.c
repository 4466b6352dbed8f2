/* test_store_file.c: a store's parameters to files and back. */
#include "bytes.h"
#include "wengert.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(store_file, .fini = test_path_remove);

static const float input[2 * 3] = {0.5f, -1, 2, 1, 0.25f, -0.75f};

/* A network of two layers on `input`; whether it could be computed. */
static bool run(wg_store *store, float y[4]) {
    wg_tape *tape = wg_tape_new();
    wg_net net = wg_net_eval(store, tape);
    wg_var x = wg_constant(tape, WG_F32, WG_SHAPE(2, 3), input);
    (void)wg_buffer(net, "seen", WG_I64, 0, NULL, 3);
    x = wg_tanh(wg_linear(wg_scope(net, "body"), "fc", x, 4));
    x = wg_linear(net, "head", x, 2);
    const bool right = wg_read(x, WG_F32, y, 4) == WG_OK;
    wg_tape_free(tape);
    return right;
}

/* A file of the network of that seed, and what it computes. */
static const char *save(uint64_t seed, const char *prefix, float y[4]) {
    wg_store *store = wg_store_new(seed);
    const char *path = test_path("network");
    cr_assert(run(store, y));
    cr_assert_eq(wg_store_save(store, path, prefix), WG_OK, "%s", wg_last_message());
    wg_store_free(store);
    return path;
}

Test(store_file, a_network_is_loaded_before_and_after_its_first_forward_pass) {
    float saved[4], before[4], after[4];
    const char *path = save(1, NULL, saved);
    for (int run_first = 0; run_first < 2; run_first++) {
        wg_store *store = wg_store_new(2);
        wg_load_report report;
        if (run_first == 1) {
            cr_assert(run(store, before));
            cr_assert_arr_neq(before, saved, sizeof saved);
        }
        cr_assert_eq(wg_store_load(store, path, (wg_load_options){.report = &report}), WG_OK, "%s",
                     wg_last_message());
        cr_assert_eq(report.filled, run_first == 1 ? 5 : 0);
        cr_assert_eq(report.made, run_first == 1 ? 0 : 5);
        cr_assert(report.missing == 0 && report.passed == 0);
        cr_assert_eq(wg_store_count(store), 5);
        cr_assert(run(store, after));
        cr_assert_arr_eq(after, saved, sizeof saved);
        wg_parameter_view seen;
        cr_assert_eq(wg_store_find(store, "seen", &seen), WG_OK);
        cr_assert(seen.buffer && seen.value.dtype == WG_I64 && *(int64_t *)seen.value.data == 3);
        wg_store_free(store);
    }
}

Test(store_file, a_prefix_is_added_and_taken_off) {
    float saved[4], after[4];
    const char *path = save(1, "model.", saved);
    wg_store *store = wg_store_new(2);
    wg_parameter_view view;
    cr_assert_eq(wg_store_load(store, path, (wg_load_options){.prefix = "model."}), WG_OK);
    cr_assert_eq(wg_store_find(store, "body.fc.weight", &view), WG_OK);
    cr_assert(run(store, after));
    cr_assert_arr_eq(after, saved, sizeof saved);
    expect_refused(wg_store_load(store, path, (wg_load_options){.prefix = "other."}),
                   WG_ERROR_ARGUMENT,
                   "5 parameters are missing: \"body.fc.bias\", \"body.fc.weight\", "
                   "\"head.bias\", ...");
    wg_store_free(store);
}

/* The bytes of all values in the store, one behind the other; free it. */
static unsigned char *snapshot(wg_store *store, size_t *bytes) {
    unsigned char *all = malloc(4096);
    *bytes = 0;
    for (int64_t i = 0; i < wg_store_count(store); i++) {
        wg_parameter_view view;
        cr_assert_eq(wg_store_at(store, i, &view), WG_OK);
        const size_t some = (size_t)wg_view_count(&view.value) * wg_dtype_size(view.value.dtype);
        memcpy(all + *bytes, view.value.data, some);
        *bytes += some;
    }
    return all;
}

static void expect_unchanged(wg_store *store, const char *path, wg_load_options options,
                             wg_status status, const char *text) {
    size_t before_bytes = 0, after_bytes = 0;
    unsigned char *before = snapshot(store, &before_bytes);
    expect_refused(wg_store_load(store, path, options), status, text);
    unsigned char *after = snapshot(store, &after_bytes);
    cr_assert_eq(before_bytes, after_bytes);
    cr_assert_arr_eq(before, after, after_bytes);
    free(before);
    free(after);
}

Test(store_file, what_does_not_fit_changes_nothing) {
    float y[4];
    static float data[64];
    static const int64_t whole[2] = {1, 2};
    wg_store *store = wg_store_new(2);
    cr_assert(run(store, y));
    wg_named_view views[] = {
        {"body.fc.bias", wg_view_new(WG_F32, 1, (int64_t[]){4}, data)},
        {"body.fc.weight", wg_view_new(WG_F32, 2, (int64_t[]){4, 3}, data)},
        {"head.bias", wg_view_new(WG_F32, 1, (int64_t[]){2}, data)},
        {"head.weight", wg_view_new(WG_F32, 2, (int64_t[]){2, 4}, data)},
        {"seen", wg_view_new(WG_I64, 0, NULL, (void *)(uintptr_t)whole)},
        {"other", wg_view_new(WG_F32, 1, (int64_t[]){4}, data)},
    };
    const char *path = test_path("x");
    const wg_load_options none = {.prefix = NULL};
    cr_assert_eq(wg_safetensors_save(path, 4, views, 0, NULL), WG_OK);
    expect_unchanged(store, path, none, WG_ERROR_ARGUMENT, "1 parameters are missing: \"seen\"");
    cr_assert_eq(wg_safetensors_save(path, 6, views, 0, NULL), WG_OK);
    expect_unchanged(store, path, (wg_load_options){.strict = true}, WG_ERROR_ARGUMENT,
                     "1 tensors are unexpected: \"other\"");
    expect_unchanged(store, path, (wg_load_options){.strict = true, .partial = true},
                     WG_ERROR_ARGUMENT, "strict and partial");
    views[3].view.shape[0] = 4, views[3].view.shape[1] = 2;
    cr_assert_eq(wg_safetensors_save(path, 6, views, 0, NULL), WG_OK);
    expect_unchanged(store, path, none, WG_ERROR_SHAPE,
                     "\"head.weight\" is [4, 2] in the file, parameter head.weight is [2, 4] in "
                     "the store");
    views[3] = (wg_named_view){"head.weight", wg_view_new(WG_I64, 2, (int64_t[]){2, 4}, data)};
    cr_assert_eq(wg_safetensors_save(path, 6, views, 0, NULL), WG_OK);
    expect_unchanged(store, path, none, WG_ERROR_DTYPE, "\"head.weight\" is I64");
    views[3] = (wg_named_view){"head.weight", wg_view_new(WG_F32, 2, (int64_t[]){2, 4}, data)};
    views[4].view = views[0].view;
    views[4].view.rank = 0;
    cr_assert_eq(wg_safetensors_save(path, 6, views, 0, NULL), WG_OK);
    expect_unchanged(store, path, none, WG_ERROR_DTYPE, "\"seen\" is F32");
    expect_unchanged(store, test_path("y"), none, WG_ERROR_FILE, "y: ");
    wg_store_free(store);
}

Test(store_file, skipped_and_partial) {
    float saved[4], y[4];
    const char *path = save(1, NULL, saved);
    wg_store *store = wg_store_new(2);
    wg_load_report report;
    cr_assert_eq(wg_store_load(store, path, (wg_load_options){.skip = "head.*", .report = &report}),
                 WG_OK, "%s", wg_last_message());
    cr_assert(report.made == 3 && report.passed == 2);
    cr_assert_eq(wg_store_count(store), 3);
    cr_assert(run(store, y)); /* makes a head of its own */
    cr_assert_arr_neq(y, saved, sizeof saved);
    cr_assert_eq(
        wg_store_load(store, path, (wg_load_options){.skip = "*.weight", .report = &report}), WG_OK,
        "%s", wg_last_message());
    cr_assert(report.filled == 3 && report.passed == 2 && report.missing == 0);
    wg_store_free(store);
    store = wg_store_new(3);
    cr_assert_eq(wg_store_load(store, path, (wg_load_options){.partial = true, .report = &report}),
                 WG_OK);
    cr_assert(report.made == 0 && report.passed == 5 && wg_store_count(store) == 0);
    wg_store_free(store);
}

Test(store_file, floats_are_converted) {
    const double wide[3] = {0.1, 1e300, -2};
    wg_bf16 narrow[3] = {{0x3f80}, {0xc000}, {0x7f80}};
    wg_named_view views[] = {
        {"a", wg_view_new(WG_F64, 1, (int64_t[]){3}, (void *)(uintptr_t)wide)},
        {"b", wg_view_new(WG_BF16, 1, (int64_t[]){3}, narrow)},
    };
    const char *path = test_path("x");
    cr_assert_eq(wg_safetensors_save(path, 2, views, 0, NULL), WG_OK);
    wg_store *store = wg_store_new(1);
    wg_tape *tape = wg_tape_new();
    wg_net net = wg_net_eval(store, tape);
    (void)wg_parameter(net, "a", WG_F32, WG_SHAPE(3), wg_init_constant(7));
    cr_assert_eq(wg_store_load(store, path, (wg_load_options){.strict = false}), WG_OK, "%s",
                 wg_last_message());
    wg_parameter_view a, b;
    cr_assert_eq(wg_store_find(store, "a", &a), WG_OK);
    cr_assert_eq(wg_store_find(store, "b", &b), WG_OK);
    const float *got = a.value.data;
    cr_assert(got[0] == 0.1f && got[1] == (float)1e300 && got[2] == -2);
    cr_assert_eq(b.value.dtype, WG_F32);
    got = b.value.data;
    cr_assert(got[0] == 1 && got[1] == -2 && got[2] > 1e38f);
    wg_tape_free(tape);
    wg_store_free(store);
}

Test(store_file, names_that_no_parameter_can_have) {
    char name[300];
    float x = 1;
    memset(name, 'n', 299);
    name[299] = '\0';
    wg_named_view views[] = {{"a", wg_view_new(WG_F32, 0, NULL, &x)},
                             {name, wg_view_new(WG_F32, 0, NULL, &x)}};
    const char *path = test_path("x");
    cr_assert_eq(wg_safetensors_save(path, 2, views, 0, NULL), WG_OK);
    wg_store *store = wg_store_new(1);
    expect_refused(wg_store_load(store, path, (wg_load_options){.strict = false}), WG_ERROR_LIMIT,
                   "more than 255 characters");
    cr_assert_eq(wg_store_count(store), 0);
    wg_store_free(store);
}

/* A file does not say what is a parameter; i64 can be a buffer alone. */
Test(store_file, a_whole_number_from_a_file_is_no_parameter) {
    float y[4];
    wg_store *store = wg_store_new(2);
    wg_tape *tape = wg_tape_new();
    wg_parameter_view seen;
    cr_assert_eq(wg_store_load(store, save(1, NULL, y), (wg_load_options){.strict = false}), WG_OK);
    (void)wg_parameter(wg_net_train(store, tape, 0), "seen", WG_I64, 0, NULL, wg_init_constant(0));
    cr_assert_eq(wg_tape_status(tape), WG_ERROR_DTYPE);
    cr_assert_str_eq(wg_tape_message(tape), "parameter: seen is to be i64, not f32 or f64");
    cr_assert_eq(wg_store_find(store, "seen", &seen), WG_OK);
    cr_assert(seen.buffer && *(int64_t *)seen.value.data == 3);
    wg_tape_reset(tape);
    (void)wg_buffer(wg_net_train(store, tape, 0), "seen", WG_I64, 0, NULL, 0);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    wg_tape_free(tape);
    wg_store_free(store);
}

typedef struct late {
    wg_store *store;
    wg_tape *tape;
    int calls;
} late;

enum {
    LATE = 300 /* elements of what comes late */
};

static wg_status descend(void *context, double *loss) {
    late *l = context;
    wg_net net = wg_net_train(l->store, l->tape, 0);
    wg_var w = wg_parameter(net, "w", WG_F64, WG_SHAPE(3), wg_init_constant(5));
    wg_var y = wg_sum(wg_square(wg_square(wg_sub(w, 1))));
    if (++l->calls == 2) {
        wg_var a = wg_parameter(net, "a", WG_F64, WG_SHAPE(LATE), wg_init_constant(7));
        y = wg_add(y, wg_sum(wg_square(a)));
    }
    *loss = wg_value(y);
    const wg_status status = wg_backward(y);
    wg_tape_reset(l->tape);
    (void)wg_gradient_norm(l->store); /* packs */
    return status;
}

/* It becomes a parameter when first asked for: L-BFGS' vectors are of another length then. */
Test(store_file, a_loaded_parameter_may_not_come_in_the_middle_of_a_step) {
    const char *path = test_path("parameters");
    late l = {wg_store_new(1), wg_tape_new(), 1};
    double loss;
    cr_assert_eq(descend(&l, &loss), WG_OK);
    cr_assert_eq(wg_store_save(l.store, path, NULL), WG_OK);
    wg_store_free(l.store);
    for (int search = 0; search < 2; search++) {
        l.store = wg_store_new(2);
        l.calls = 0;
        cr_assert_eq(wg_store_load(l.store, path, (wg_load_options){.strict = false}), WG_OK);
        wg_optimizer *o =
            wg_lbfgs(l.store, (wg_lbfgs_options){.iterations = 3, .no_line_search = search == 1});
        cr_assert_eq(wg_lbfgs_step(o, descend, &l, &loss), WG_ERROR_STATE);
        cr_assert_not_null(strstr(wg_last_message(), "made parameters during the step"));
        cr_assert_eq(l.calls, 2);
        const char *const names[] = {"a", "w"};
        for (int p = 0; p < 2; p++) {
            wg_parameter_view view;
            cr_assert_eq(wg_store_find(l.store, names[p], &view), WG_OK);
            for (int i = 0; i < (p == 0 ? LATE : 3); i++) {
                cr_assert_eq(((double *)view.value.data)[i], p == 0 ? 7 : 5);
            }
        }
        cr_assert_eq(wg_lbfgs_step(o, descend, &l, &loss), WG_OK, "%s", wg_last_message());
        wg_optimizer_free(o);
        wg_store_free(l.store);
    }
    wg_tape_free(l.tape);
}
