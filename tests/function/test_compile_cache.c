/* test_compile_cache.c: what was compiled is found again, whole and by whoever may have it. */
#if defined(__unix__) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "function/function.h"
#include "wengert/compile.h"
#include "wengert/elementwise.h"
#include "with_compiler.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    N = 5
};

static void body(const wg_var *x, wg_var *y, void *context) {
    const double scale = *(const double *)context;
    y[0] = wg_number(0);
    for (int i = 0; i < 40; i++) {
        y[0] = wg_add(wg_mul(y[0], 0.5), wg_mul(wg_mul(x[i % N], x[(i + 1) % N]), scale));
    }
}

static wg_function *record(double scale) {
    wg_function *fn = wg_function_record(body, &scale, N, 1, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    return fn;
}

/* Whether it runs as the executor does. */
static bool is_right(const wg_function *fn, double scale) {
    enum {
        POINTS = 21
    };
    double x[POINTS * N], y[POINTS], d[POINTS * N], want_y[POINTS], want_d[POINTS * N];
    wg_function *plain = record(scale);
    for (int i = 0; i < POINTS * N; i++) {
        x[i] = 0.25 * (i % 11) - 1;
    }
    const bool ran = wg_function_gradient(fn, POINTS, x, y, d) == WG_OK &&
                     wg_function_gradient(plain, POINTS, x, want_y, want_d) == WG_OK;
    wg_function_free(plain);
    return ran && memcmp(y, want_y, sizeof y) == 0 && memcmp(d, want_d, sizeof d) == 0;
}

/* A folder, and in another a compiler that notes what it makes. */
typedef struct bench {
    char *folder, *tools;
    char compiler[4200];
    wg_compile_options options;
} bench;

static bench set_up(void) {
    need_loading();
    bench b = {.folder = folder_new(), .tools = folder_new()};
    char text[8800];
    (void)snprintf(b.compiler, sizeof b.compiler, "%s/noting-cc", b.tools);
    const int length = snprintf(
        text, sizeof text,
        "#!/bin/sh\ncase \"$*\" in *-shared*) echo made >> %s/log;; esac\nexec cc \"$@\"\n",
        b.tools);
    file_write(b.compiler, text, (size_t)length);
    cr_assert_eq(shell("chmod 700 %s", b.compiler), 0);
    b.options = wg_compile_defaults();
    b.options.flags = "-O1 -ffp-contract=off";
    b.options.cache = b.folder;
    return b;
}

static bench *with_notes(bench *b) {
    b->options.compiler = b->compiler;
    return b;
}

static void tear_down(bench *b) {
    folder_remove(b->folder);
    folder_remove(b->tools);
}

/* How often it has made code. */
static int made(const bench *b) {
    char path[4200];
    size_t length = 0;
    (void)snprintf(path, sizeof path, "%s/log", b->tools);
    char *text = file_read(path, &length);
    free(text);
    return (int)(length / strlen("made\n"));
}

/* A function as another process would have it. */
static void compile_new(const bench *b, double scale) {
    wg_function *fn = record(scale);
    cr_assert_eq(wg_function_compile(fn, b->options), WG_OK, "%s", wg_last_message());
    cr_assert(wg_function_is_compiled(fn));
    cr_assert(is_right(fn, scale));
    wg_function_free(fn);
}

Test(compile_cache, finds_what_was_made) {
    bench b = set_up();
    (void)with_notes(&b);
    compile_new(&b, 0.5);
    cr_expect_eq(made(&b), 1);
    compile_new(&b, 0.5);
    cr_expect_eq(made(&b), 1, "made again");
    cr_expect_eq(folder_count(b.folder, ""), 2, "more than a source and an object");
    compile_new(&b, 0.25); /* another text */
    cr_expect_eq(made(&b), 2);
    b.options.flags = "-O0";
    compile_new(&b, 0.5);
    cr_expect_eq(made(&b), 3, "other flags, same code");
    b.options.compiler = "cc";
    compile_new(&b, 0.5);
    cr_expect_eq(folder_count(b.folder, ".so"), 4, "another compiler, same code");
    tear_down(&b);
}

/* A child's result, after it has done the same from its own beginning. */
static int in_a_child(const bench *b, double scale) {
    const pid_t child = fork();
    if (child == 0) {
        wg_function *fn = record(scale);
        const bool fine = wg_function_compile(fn, b->options) == WG_OK && is_right(fn, scale);
        wg_function_free(fn);
        _exit(fine ? 0 : 1);
    }
    return child;
}

static int result_of(int child) {
    int status = -1;
    (void)waitpid(child, &status, 0);
    return status;
}

Test(compile_cache, is_shared_by_processes) {
    bench b = set_up();
    (void)with_notes(&b);
    int child[4];
    for (int k = 0; k < 4; k++) {
        child[k] = in_a_child(&b, 0.5);
    }
    for (int k = 0; k < 4; k++) {
        cr_expect_eq(result_of(child[k]), 0, "child %d", k);
    }
    const int at_once = made(&b);
    cr_expect_geq(at_once, 1);
    cr_expect_eq(result_of(in_a_child(&b, 0.5)), 0);
    cr_expect_eq(made(&b), at_once);
    cr_expect_eq(folder_count(b.folder, ""), 2);
    tear_down(&b);
}

/* Half an object, none, another's, an empty one; a source that is cut off or says something else.
 */
Test(compile_cache, makes_damaged_code_again) {
    bench b = set_up();
    (void)with_notes(&b);
    compile_new(&b, 0.5);
    for (int what = 0; what < 7; what++) {
        size_t length;
        char *path = folder_find(b.folder, what < 5 ? ".so" : ".c");
        cr_assert_not_null(path);
        char *bytes = file_read(path, &length);
        cr_assert_gt(length, 100);
        const int before = made(&b);
        /* a new file in each case: the old one may be mapped */
        cr_assert_eq(unlink(path), 0);
        switch (what) {
        case 0:
            file_write(path, bytes, length / 2);
            break;
        case 1:
            file_write(path, "", 0);
            break;
        case 2:
            break;
        case 3:
            memset(bytes + length / 3, 0x90, length / 3);
            file_write(path, bytes, length);
            break;
        case 4:
            file_write(path, "no object at all", 16);
            break;
        case 5:
            file_write(path, bytes, length - 3);
            break;
        default:
            bytes[length / 2] ^= 1;
            file_write(path, bytes, length);
            break;
        }
        compile_new(&b, 0.5);
        cr_expect_eq(made(&b), before + 1, "damage %d", what);
        compile_new(&b, 0.5);
        cr_expect_eq(made(&b), before + 1, "damage %d stays", what);
        free(path);
        free(bytes);
    }
    tear_down(&b);
}

/* ---- Threads --------------------------------------------------------------------------------- */

typedef struct turn {
    const bench *b;
    wg_function *fn; /* shared, or NULL for one of its own */
    double scale;
    bool fine;
} turn;

static void *take_turn(void *context) {
    turn *t = context;
    wg_function *fn = t->fn != NULL ? t->fn : record(t->scale);
    t->fine = is_right(fn, t->scale) && wg_function_compile(fn, t->b->options) == WG_OK &&
              wg_function_is_compiled(fn);
    for (int i = 0; i < 200 && t->fine; i++) {
        t->fine = is_right(fn, t->scale);
    }
    if (t->fn == NULL) {
        wg_function_free(fn);
    }
    return NULL;
}

static void in_threads(const bench *b, wg_function *fn) {
    enum {
        THREADS = 6
    };
    pthread_t thread[THREADS];
    turn turns[THREADS];
    for (int k = 0; k < THREADS; k++) {
        turns[k] = (turn){b, fn, fn != NULL ? 0.5 : 0.5 + 0.125 * (k % 3), false};
        cr_assert_eq(pthread_create(&thread[k], NULL, take_turn, &turns[k]), 0);
    }
    for (int k = 0; k < THREADS; k++) {
        (void)pthread_join(thread[k], NULL);
        cr_expect(turns[k].fine, "thread %d", k);
    }
}

Test(compile_cache, is_shared_by_threads) {
    bench b = set_up();
    in_threads(&b, NULL);
    cr_expect_eq(folder_count(b.folder, ""), 6);
    tear_down(&b);
}

Test(compile_cache, lets_threads_compile_and_run_one_function) {
    bench b = set_up();
    wg_function *fn = record(0.5);
    in_threads(&b, fn);
    wg_function_free(fn);
    tear_down(&b);
}

/* ---- Surroundings ---------------------------------------------------------------------------- */

Test(compile_cache, bears_that_nobody_waits_for_children) {
    bench b = set_up();
    cr_assert_neq(signal(SIGCHLD, SIG_IGN), SIG_ERR);
    wg_function *fn = record(0.5);
    cr_expect_eq(wg_function_compile(fn, b.options), WG_OK, "%s", wg_last_message());
    cr_expect(is_right(fn, 0.5));
    wg_function_free(fn);
    fn = record(0.25);
    b.options.flags = "-fno-such-flag-at-all";
    cr_expect_eq(wg_function_compile(fn, b.options), WG_ERROR_STATE);
    cr_expect_not(wg_function_is_compiled(fn));
    wg_function_free(fn);
    (void)signal(SIGCHLD, SIG_DFL);
    tear_down(&b);
}

/* Only code that has been made is wanted: nothing is written anew into a folder that is complete.
 */
Test(compile_cache, takes_code_from_a_folder_that_cannot_be_written) {
    bench b = set_up();
    compile_new(&b, 0.5);
    cr_assert_eq(shell("touch -d '2001-01-01' %s/*", b.folder), 0);
    compile_new(&b, 0.5);
    cr_expect_eq(shell("test -z \"$(find %s -type f -newermt 2002-01-01)\"", b.folder), 0);
    tear_down(&b);
}
