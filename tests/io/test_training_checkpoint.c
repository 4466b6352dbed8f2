/* test_training_checkpoint.c: runs saved and taken up again, to the same bits; and what is refused.
 */
#define _POSIX_C_SOURCE 200809L

#include "base/bytes.h"
#include "base/checksum.h"
#include "bytes.h"
#include "io/checkpoint.h"
#include "training.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(training_checkpoint, .fini = test_path_remove);

static void steps(small_run *run, int count) {
    for (int i = 0; i < count; i++) {
        cr_assert_eq(small_run_step(run), WG_OK, "%s", wg_last_message());
    }
}

/* Saved after `at` of eight steps; loaded before the new process has made anything, or into a run
 * of another seed that has gone other steps. */
static void save_and_go_on(int rule, int at, bool fresh) {
    small_run whole, first, second;
    const char *path = test_path("x");
    small_run_new(&whole, 1, rule);
    steps(&whole, 8);
    small_run_new(&first, 1, rule);
    steps(&first, at);
    cr_assert_eq(wg_checkpoint_save(path, &first.training), WG_OK, "%s", wg_last_message());
    small_run_new(&second, 2, rule);
    steps(&second, fresh ? 0 : at < 5 ? 1 : 4);
    cr_assert_eq(wg_checkpoint_load(path, &second.training), WG_OK, "rule %d at %d: %s", rule, at,
                 wg_last_message());
    cr_assert_eq(wg_steps(second.optimizer), (uint64_t)at);
    steps(&first, 8 - at);
    cr_assert_eq(small_run_sum(&first), small_run_sum(&whole), "saving changed the run");
    steps(&second, 8 - at);
    cr_assert_eq(small_run_sum(&second), small_run_sum(&whole), "rule %d at %d%s", rule, at,
                 fresh ? ", fresh" : "");
    small_run_free(&whole);
    small_run_free(&first);
    small_run_free(&second);
}

Test(training_checkpoint, a_run_that_was_taken_up_ends_with_the_same_bits) {
    for (int rule = 0; rule < SMALL_RULES; rule++) {
        for (int at = 1; at < 8; at += 2) {
            save_and_go_on(rule, at, true);
            save_and_go_on(rule, at, false);
        }
    }
}

/* The store that takes up a run has its parameters before a network has asked for them, also where
 * a plain file has brought some: these learn what they are. */
Test(training_checkpoint, parameters_are_parameters_before_they_are_used) {
    small_run run, again;
    wg_parameter_view view;
    small_run_new(&run, 1, 0);
    steps(&run, 5);
    for (int plain = 0; plain < 2; plain++) {
        const char *path = test_path("x");
        small_run_new(&again, 2, 0);
        if (plain == 1) {
            cr_assert_eq(wg_store_save(run.store, path, NULL), WG_OK);
            cr_assert_eq(wg_store_load(again.store, path, (wg_load_options){.strict = false}),
                         WG_OK);
            cr_assert_eq(wg_store_find(again.store, "even.weight", &view), WG_OK);
            cr_assert_null(view.gradient);
        }
        cr_assert_eq(wg_checkpoint_save(path, &run.training), WG_OK);
        cr_assert_eq(wg_checkpoint_load(path, &again.training), WG_OK, "%s", wg_last_message());
        cr_assert_eq(wg_store_find(again.store, "even.weight", &view), WG_OK);
        cr_assert(view.gradient != NULL && !view.buffer);
        cr_assert_eq(wg_store_find(again.store, "seen", &view), WG_OK);
        cr_assert(view.gradient == NULL && view.buffer);
        cr_assert_eq(small_run_sum(&again), small_run_sum(&run));
        small_run_free(&again);
    }
    small_run_free(&run);
}

/* What is still open when it is saved is open when it is loaded. */
Test(training_checkpoint, what_is_open_stays_open) {
    small_run run;
    float one[16] = {1};
    const wg_named_view weight = {"fc1.bias", wg_view_new(WG_F32, 1, (int64_t[]){16}, one)};
    const char *path = test_path("x");
    cr_assert_eq(wg_safetensors_save(path, 1, &weight, 0, NULL), WG_OK);
    small_run_new(&run, 1, 0);
    cr_assert_eq(wg_store_load(run.store, path, (wg_load_options){.strict = false}), WG_OK);
    cr_assert_eq(wg_checkpoint_save(path, &run.training), WG_OK);
    small_run_free(&run);
    small_run_new(&run, 1, 0);
    cr_assert_eq(wg_checkpoint_load(path, &run.training), WG_OK, "%s", wg_last_message());
    steps(&run, 1);
    small_run_free(&run);
}

/* A tensor of the same name and shape, but a buffer there and a parameter here. */
Test(training_checkpoint, kinds_are_not_confused) {
    small_run run, other;
    const char *path = test_path("x");
    small_run_new(&run, 1, 0);
    small_run_new(&other, 1, 0);
    wg_tape *tape = wg_tape_new();
    (void)wg_buffer(wg_net_eval(run.store, tape), "even.bias", WG_F32, WG_SHAPE(16), 0);
    (void)wg_parameter(wg_net_eval(other.store, tape), "even.bias", WG_F32, WG_SHAPE(16),
                       wg_init_constant(0));
    wg_tape_free(tape);
    cr_assert_eq(wg_checkpoint_save(path, &run.training), WG_OK);
    expect_refused(wg_checkpoint_load(path, &other.training), WG_ERROR_ARGUMENT,
                   "\"model.even.bias\" is a buffer in the file, a parameter in the store");
    cr_assert_eq(wg_checkpoint_load(path, &run.training), WG_OK);
    small_run_free(&run);
    small_run_free(&other);
}

/* Loading and saving again without a step between makes the same file. */
Test(training_checkpoint, what_was_loaded_is_saved_as_it_was) {
    small_run run, again;
    size_t size = 0, more = 0;
    (void)test_path("");
    small_run_new(&run, 1, 0);
    steps(&run, 5);
    cr_assert_eq(wg_checkpoint_save(test_path("x"), &run.training), WG_OK);
    small_run_new(&again, 2, 0);
    cr_assert_eq(wg_checkpoint_load(test_path("x"), &again.training), WG_OK, "%s",
                 wg_last_message());
    cr_assert_eq(wg_checkpoint_save(test_path("y"), &again.training), WG_OK);
    unsigned char *one = file_bytes(test_path("x"), &size);
    unsigned char *two = file_bytes(test_path("y"), &more);
    cr_assert(size == more && memcmp(one, two, size) == 0);
    free(one);
    free(two);
    small_run_free(&run);
    small_run_free(&again);
}

Test(training_checkpoint, other_programs_can_look_into_it) {
    small_run run;
    wg_safetensors *file = NULL;
    wg_tensor tensor;
    small_run_new(&run, 1, 0);
    steps(&run, 5);
    const char *path = test_path("x");
    cr_assert_eq(wg_checkpoint_save(path, &run.training), WG_OK);
    cr_assert_eq(wg_safetensors_open(path, &file), WG_OK, "%s", wg_last_message());
    cr_assert_str_eq(wg_safetensors_metadata(file, "optimizer"), "adam");
    static const char *const names[] = {"model.fc1.weight",
                                        "optimizer.exp_avg.fc1.weight",
                                        "optimizer.exp_avg_sq.late.fc.bias",
                                        "average.fc1.weight",
                                        "model.seen",
                                        "extra.best",
                                        "state.steps"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert_eq(wg_safetensors_find(file, names[i], &tensor), WG_OK, "%s", names[i]);
        cr_assert_not_null(tensor.view.data);
    }
    cr_assert_eq(*(const int64_t *)tensor.view.data, 5);
    cr_assert_eq(wg_safetensors_find(file, "optimizer.exp_avg.seen", &tensor), WG_ERROR_ARGUMENT);
    wg_safetensors_close(file);
    /* The weights alone, as a store takes them. */
    wg_store *store = wg_store_new(3);
    cr_assert_eq(wg_store_load(store, path, (wg_load_options){.prefix = "model."}), WG_OK);
    cr_assert_eq(wg_store_count(store), 9);
    wg_store_free(store);
    small_run_free(&run);
}

/* ---- What is refused ------------------------------------------------------------------------- */

/* Nothing of the run changes. */
static void expect_kept(small_run *run, const char *path, wg_status status, const char *text) {
    const uint32_t before = small_run_sum(run);
    const int64_t count = wg_store_count(run->store);
    expect_refused(wg_checkpoint_load(path, &run->training), status, text);
    cr_assert_eq(wg_store_count(run->store), count);
    cr_assert_eq(small_run_sum(run), before, "changed by: %s", text);
}

Test(training_checkpoint, another_runs_checkpoint_is_refused) {
    small_run saved, run;
    small_run_new(&saved, 1, 0);
    steps(&saved, 5);
    const char *path = test_path("x");
    wg_training parts = saved.training;
    cr_assert_eq(wg_checkpoint_save(path, &parts), WG_OK);
    small_run_new(&run, 2, 1);
    expect_kept(&run, path, WG_ERROR_ARGUMENT, "optimizer is adam, the run's sgd");
    small_run_free(&run);
    small_run_new(&run, 2, 0);
    steps(&run, 2);
    run.training.optimizer = NULL;
    expect_kept(&run, path, WG_ERROR_ARGUMENT, "the run has no place for: \"optimizer.exp_avg");
    run.training.optimizer = run.optimizer;
    run.training.average = NULL;
    expect_kept(&run, path, WG_ERROR_ARGUMENT, "the run has no place for: \"average.");
    run.training.average = run.average;
    run.training.plateau = NULL;
    expect_kept(&run, path, WG_ERROR_ARGUMENT, "the run has no place for: \"state.plateau\"");
    run.training.plateau = &run.plateau;
    run.training.extras = 1;
    expect_kept(&run, path, WG_ERROR_ARGUMENT, "the run has no place for: \"extra.epoch\"");
    run.training.extras = 2;
    run.extra[0].count = 1;
    expect_kept(&run, path, WG_ERROR_SHAPE, "another count or dtype of: \"extra.best\"");
    run.extra[0].count = 2;
    run.extra[0].name = "worst";
    expect_kept(&run, path, WG_ERROR_ARGUMENT, "the run has no place for: \"extra.best\"");
    run.extra[0].name = "best";
    parts.average = NULL;
    cr_assert_eq(wg_checkpoint_save(path, &parts), WG_OK);
    expect_kept(&run, path, WG_ERROR_ARGUMENT, "the checkpoint lacks: \"state.updates\"");
    parts.average = saved.average;
    parts.scale = NULL;
    cr_assert_eq(wg_checkpoint_save(path, &parts), WG_OK);
    expect_kept(&run, path, WG_ERROR_ARGUMENT, "the checkpoint lacks: \"state.scale\"");
    parts.scale = &saved.scale;
    parts.extras = 1;
    cr_assert_eq(wg_checkpoint_save(path, &parts), WG_OK);
    expect_kept(&run, path, WG_ERROR_ARGUMENT, "the checkpoint lacks the extra: \"epoch\"");
    wg_tape *tape = wg_tape_new();
    (void)wg_parameter(wg_net_eval(run.store, tape), "more", WG_F32, WG_SHAPE(3),
                       wg_init_constant(1));
    wg_tape_free(tape);
    cr_assert_eq(wg_checkpoint_save(path, &saved.training), WG_OK);
    expect_kept(&run, path, WG_ERROR_ARGUMENT, "1 parameters are missing: \"more\"");
    expect_kept(&run, test_path("y"), WG_ERROR_FILE, "y: ");
    cr_assert_eq(wg_store_save(run.store, path, NULL), WG_OK);
    expect_kept(&run, path, WG_ERROR_FORMAT, "no checkpoint of version 1");
    small_run_free(&run);
    small_run_free(&saved);
}

Test(training_checkpoint, parts_that_cannot_be_saved_are_refused) {
    small_run run, other;
    const char *path = test_path("x");
    small_run_new(&run, 1, 0);
    small_run_new(&other, 1, 0);
    steps(&run, 1);
    expect_refused(wg_checkpoint_save(path, NULL), WG_ERROR_ARGUMENT, "the store is missing");
    wg_training parts = run.training;
    parts.store = other.store;
    expect_refused(wg_checkpoint_save(path, &parts), WG_ERROR_ARGUMENT, "another store");
    parts = run.training;
    parts.extra = NULL;
    expect_refused(wg_checkpoint_save(path, &parts), WG_ERROR_ARGUMENT, "extras are missing");
    run.extra[1].name = "best";
    expect_refused(wg_checkpoint_save(path, &run.training), WG_ERROR_ARGUMENT,
                   "two extras are called \"best\"");
    run.extra[1].name = "b\xff";
    expect_refused(wg_checkpoint_save(path, &run.training), WG_ERROR_ARGUMENT, "extra number 1");
    run.extra[1] = (wg_extra){"epoch", WG_I64, 1, NULL};
    expect_refused(wg_checkpoint_save(path, &run.training), WG_ERROR_ARGUMENT, "extra number 1");
    run.extra[1].data = &run.epoch;
    wg_average_swap(run.average);
    expect_refused(wg_checkpoint_save(path, &run.training), WG_ERROR_STATE, "swapped in");
    expect_refused(wg_checkpoint_load(path, &run.training), WG_ERROR_STATE, "swapped in");
    wg_average_swap(run.average);
    cr_assert_eq(test_path_files(), 0);
    cr_assert_eq(wg_checkpoint_save(path, &run.training), WG_OK);
    small_run_free(&run);
    small_run_free(&other);
}

Test(training_checkpoint, any_changed_or_missing_byte_is_refused) {
    small_run run;
    size_t size = 0;
    small_run_new(&run, 1, 0);
    steps(&run, 4);
    const char *path = test_path("x");
    cr_assert_eq(wg_checkpoint_save(path, &run.training), WG_OK);
    unsigned char *bytes = file_bytes(path, &size);
    const uint32_t before = small_run_sum(&run);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= (unsigned char)(1 << i % 8);
        const wg_status status = wg_checkpoint_from_bytes(bytes, size, &run.training);
        cr_assert_eq(status, WG_ERROR_FORMAT, "byte %zu: %s", i, wg_last_message());
        cr_assert_eq(wg_last_status(), status);
        cr_assert_not_null(strstr(wg_last_message(), "byte "), "%s", wg_last_message());
        bytes[i] ^= (unsigned char)(1 << i % 8);
    }
    for (size_t count = 0; count < size; count += 1 + count % 7) {
        unsigned char *part = copy_of(bytes, count);
        expect_refused(wg_checkpoint_from_bytes(part, count, &run.training), WG_ERROR_FORMAT,
                       "byte ");
        free(part);
    }
    cr_assert_eq(small_run_sum(&run), before);
    cr_assert_eq(wg_checkpoint_from_bytes(bytes, size, &run.training), WG_OK);
    free(bytes);
    small_run_free(&run);
}

/* Contents that no damage but only another program makes: the checksum is right. */
Test(training_checkpoint, numbers_that_cannot_be_are_refused) {
    static const struct {
        const char *name;
        unsigned char byte; /* the highest of its first element */
        const char *text;
    } rows[] = {{"state.steps", 0x80, "out of range: \"state.steps"},
                {"state.lr", 0xbf, "out of range: \"state.steps or state.lr"},
                {"state.births", 0x80, "out of range in state.births: \""},
                {"state.births", 0x01, "out of range in state.births: \""},
                {"state.updates", 0x80, "out of range: \"state.updates"},
                {"state.averaged", 0x80, "not there: \"average."},
                {"state.scale", 0xff, "out of range: \"state.scale"}};
    small_run run;
    size_t size = 0;
    small_run_new(&run, 1, 0);
    steps(&run, 2);
    const char *path = test_path("x");
    cr_assert_eq(wg_checkpoint_save(path, &run.training), WG_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_safetensors *file = NULL;
        wg_tensor tensor;
        unsigned char *bytes = file_bytes(path, &size);
        cr_assert_eq(wg_safetensors_from_bytes(bytes, size, &file), WG_OK);
        cr_assert_eq(wg_safetensors_find(file, rows[i].name, &tensor), WG_OK);
        bytes[tensor.offset + 7] = rows[i].byte;
        wg_safetensors_close(file);
        const uint32_t crc = wg_crc32(bytes, size - 4);
        for (size_t k = 0; k < 4; k++) {
            bytes[size - 4 + k] = (unsigned char)(crc >> (8 * k));
        }
        const uint32_t before = small_run_sum(&run);
        const wg_status status = wg_checkpoint_from_bytes(bytes, size, &run.training);
        cr_assert_neq(status, WG_OK);
        expect_refused(status, status, rows[i].text);
        cr_assert_eq(small_run_sum(&run), before);
        free(bytes);
    }
    small_run_free(&run);
}

/* ---- The last ones --------------------------------------------------------------------------- */

static void touch(const char *name) {
    cr_assert_eq(wg_write_bytes("touch", test_path(name), "x", 1), WG_OK);
}

Test(training_checkpoint, the_newest_are_kept_and_found) {
    small_run run, other;
    bool found = true;
    small_run_new(&run, 1, 0);
    small_run_new(&other, 1, 0);
    char stem[512];
    (void)strcpy(stem, test_path("run"));
    cr_assert_eq(wg_checkpoint_resume(stem, &run.training, &found), WG_OK, "%s", wg_last_message());
    cr_assert_not(found);
    touch("run-000000000001.safetensors.77-0.part");
    touch("run-1.safetensors");
    touch("runs-000000000001.safetensors");
    for (uint64_t step = 1; step <= 5; step++) {
        steps(&run, 1);
        cr_assert_eq(wg_checkpoint_keep(stem, step, 2, &run.training), WG_OK, "%s",
                     wg_last_message());
        cr_assert_eq(test_path_files(), step == 1 ? 3 : 4);
    }
    cr_assert_eq(wg_checkpoint_resume(stem, &other.training, &found), WG_OK);
    cr_assert(found && wg_steps(other.optimizer) == 5);
    steps(&run, 1);
    steps(&other, 1);
    cr_assert_eq(small_run_sum(&other), small_run_sum(&run));
    touch("run-000000000005.safetensors"); /* damaged */
    cr_assert_eq(wg_checkpoint_resume(stem, &other.training, &found), WG_OK, "%s",
                 wg_last_message());
    cr_assert(found && wg_steps(other.optimizer) == 4);
    /* Damage, too, where the reader of safetensors says LIMIT. */
    static const char deep[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],"
                               "\"data_offsets\":[0,4]}}";
    size_t size = 0;
    unsigned char *bytes = safetensors_bytes(deep, 4, &size);
    cr_assert_eq(wg_write_bytes("test", test_path("run-000000000005.safetensors"), bytes, size),
                 WG_OK);
    free(bytes);
    cr_assert_eq(wg_checkpoint_resume(stem, &other.training, &found), WG_OK, "%s",
                 wg_last_message());
    cr_assert(found && wg_steps(other.optimizer) == 4);
    touch("run-000000000005.safetensors");
    touch("run-000000000004.safetensors");
    const uint32_t before = small_run_sum(&other);
    expect_refused(wg_checkpoint_resume(stem, &other.training, &found), WG_ERROR_FORMAT,
                   "run-000000000004.safetensors: byte 1: ");
    cr_assert_not(found);
    cr_assert_eq(small_run_sum(&other), before);
    expect_refused(wg_checkpoint_keep(stem, 1, 0, &run.training), WG_ERROR_ARGUMENT,
                   "0 checkpoints");
    expect_refused(wg_checkpoint_keep("", 1, 1, &run.training), WG_ERROR_ARGUMENT, "empty");
    expect_refused(wg_checkpoint_resume(NULL, &run.training, NULL), WG_ERROR_ARGUMENT, "NULL");
    cr_assert_eq(wg_checkpoint_resume("/no/such/folder/run", &run.training, &found), WG_OK);
    cr_assert_not(found);
    small_run_free(&run);
    small_run_free(&other);
}

/* A newest checkpoint that is whole, but of another run, is not passed over. */
Test(training_checkpoint, another_runs_checkpoint_is_not_passed_over) {
    small_run run, other;
    bool found = true;
    small_run_new(&run, 1, 0);
    small_run_new(&other, 1, 1);
    char stem[512];
    (void)strcpy(stem, test_path("run"));
    steps(&run, 1);
    steps(&other, 1);
    cr_assert_eq(wg_checkpoint_keep(stem, 1, 2, &run.training), WG_OK);
    cr_assert_eq(wg_checkpoint_keep(stem, 2, 2, &other.training), WG_OK);
    expect_refused(wg_checkpoint_resume(stem, &run.training, &found), WG_ERROR_ARGUMENT,
                   "optimizer is sgd, the run's adam");
    cr_assert_not(found);
    small_run_free(&run);
    small_run_free(&other);
}
