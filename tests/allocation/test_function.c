/* Recorded functions when memory runs out: each request refused in turn, in every call. */
#include "allocation.h"
#include "base/base.h"
#include "wengert/elementwise.h"
#include "wengert/function_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Functions ------------------------------------------------------------------------------- */

enum {
    WIDE = 700, /* so wide that Jacobian and Hessian are run direction by direction */
    MOST_POINTS = 100
};

/* Branches, elementary functions, constants; steps enough that tables grow. */
static void body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = x[0];
    for (int i = 0; i < 150; i++) {
        y[0] = wg_add(wg_mul(wg_sin(y[0]), x[1]), wg_div(x[0], 1.5 + i));
    }
    if (wg_branch(wg_gt(y[0], x[1])) || wg_branch(wg_lt(x[0], 1))) {
        y[0] = wg_mul(y[0], wg_pow(x[1], 2.5));
    }
}

static void wide_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    for (int i = 0; i < WIDE; i++) {
        y[i] = wg_mul(wg_exp(wg_mul(x[i], x[(i + 1) % WIDE])), wg_add(x[i], 2 + i));
    }
}

static wg_function *record(void) {
    const double at[2] = {0.4, 0.9};
    return wg_function_record(body, NULL, 2, 1, at, wg_function_defaults());
}

static wg_function *record_wide(void) {
    return wg_function_record(wide_body, NULL, WIDE, WIDE, NULL, wg_function_defaults());
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* Arguments and results of all calls, in both types. */
static union {
    double f64[WIDE * WIDE];
    float f32[WIDE * WIDE];
} x, w, y, d, want_y, want_d;

static size_t extent = 4 * MOST_POINTS; /* elements of each that are used */

static void fill(bool single) {
    memset(y.f64, 0, extent * sizeof *y.f64);
    memset(d.f64, 0, extent * sizeof *d.f64);
    for (size_t i = 0; i < extent; i++) {
        const double xi = 0.4 + 0.001 * (double)(i % 97);
        if (single) {
            x.f32[i] = (float)xi;
            w.f32[i] = 0.5f;
        } else {
            x.f64[i] = xi;
            w.f64[i] = 0.5;
        }
    }
}

static void keep_as_wanted(void) {
    memcpy(want_y.f64, y.f64, extent * sizeof *y.f64);
    memcpy(want_d.f64, d.f64, extent * sizeof *d.f64);
}

static bool is_as_wanted(void) {
    return memcmp(want_y.f64, y.f64, extent * sizeof *y.f64) == 0 &&
           memcmp(want_d.f64, d.f64, extent * sizeof *d.f64) == 0;
}

/* Each call by its name: `_` is the type's suffix, `t` its member. */
#define CALLS(X)                                                                                   \
    X(value, (fn, points, x.t, d.t))                                                               \
    X(gradient, (fn, points, x.t, y.t, d.t))                                                       \
    X(vjp, (fn, points, x.t, w.t, y.t, d.t))                                                       \
    X(jvp, (fn, points, x.t, w.t, y.t, d.t))                                                       \
    X(jacobian, (fn, points, x.t, y.t, d.t))                                                       \
    X(hessian, (fn, points, x.t, NULL, d.t))                                                       \
    X(hvp, (fn, points, x.t, NULL, w.t, d.t))

typedef wg_status (*wg_points_call)(const wg_function *fn, int64_t points);

#define t f64
#define DEFINE(name, arguments)                                                                    \
    static wg_status name##_f64(const wg_function *fn, int64_t points) {                           \
        return wg_function_##name arguments;                                                       \
    }
CALLS(DEFINE)
#undef DEFINE
#undef t
#define t f32
#define DEFINE(name, arguments)                                                                    \
    static wg_status name##_f32(const wg_function *fn, int64_t points) {                           \
        return wg_function_##name##_f32 arguments;                                                 \
    }
CALLS(DEFINE)
#undef DEFINE
#undef t

static wg_status recheck(const wg_function *fn, int64_t points) {
    return wg_function_recheck(fn, points, x.f64, (uint8_t *)y.f64);
}

static wg_status report(const wg_function *fn, int64_t points) {
    (void)points;
    return wg_function_report_of(fn, (wg_function_report *)(void *)y.f64);
}

static wg_status to_bytes(const wg_function *fn, int64_t points) {
    (void)points;
    void *bytes = NULL;
    size_t count = 0;
    const wg_status status = wg_function_to_bytes(fn, &bytes, &count);
    cr_assert((status == WG_OK) == (bytes != NULL) && (status == WG_OK) == (count != 0));
    memcpy(d.f64, bytes != NULL ? bytes : "", count < extent ? count : extent);
    wg_function_bytes_free(bytes);
    return status;
}

static const struct {
    wg_points_call call;
    bool single;
} calls[] = {
#define ROW(name, arguments) {name##_f64, false}, {name##_f32, true},
    CALLS(ROW)
#undef ROW
        {recheck, false},
    {report, false},
    {to_bytes, false},
};

/* ---- Refusals -------------------------------------------------------------------------------- */

static void refuse(bool one, long granted) {
    if (one) {
        wg_test_refuse_one(granted);
    } else {
        wg_test_refuse_after(granted);
    }
}

/* A fresh function, the call without its request number `granted` (and, unless `one`, all after
 * it), then the call again. True where nothing was refused. */
static bool try_call(wg_function *(*make)(void), size_t row, int64_t points, bool one,
                     long granted) {
    wg_test_allow();
    wg_function *fn = make();
    cr_assert_not_null(fn, "%s", wg_last_message());
    long held = wg_test_blocks();
    fill(calls[row].single);
    refuse(one, granted);
    const wg_status status = calls[row].call(fn, points);
    const bool done = wg_test_requests() <= granted;
    held += wg_test_blocks();
    wg_test_allow();
    if (status != WG_OK) {
        cr_assert_eq(status, WG_ERROR_MEMORY, "call %zu, request %ld: %s", row, granted,
                     wg_last_message());
        cr_assert_not_null(strstr(wg_last_message(), "memory"), "call %zu, request %ld: %s", row,
                           granted, wg_last_message());
        fill(calls[row].single);
        cr_assert_eq(calls[row].call(fn, points), WG_OK, "%s", wg_last_message());
    }
    cr_assert(!done || status == WG_OK);
    cr_assert(is_as_wanted(), "call %zu, request %ld", row, granted);
    wg_function_free(fn);
    held += wg_test_blocks();
    cr_assert_eq(held, 0, "call %zu, request %ld: %ld blocks leaked", row, granted, held);
    return done;
}

/* How many requests the call made. */
static long survive(wg_function *(*make)(void), size_t row, int64_t points) {
    wg_function *fn = make();
    cr_assert_not_null(fn, "%s", wg_last_message());
    fill(calls[row].single);
    cr_assert_eq(calls[row].call(fn, points), WG_OK, "call %zu: %s", row, wg_last_message());
    wg_function_free(fn);
    keep_as_wanted();
    long granted = 0;
    for (int one = 0; one < 2; one++) {
        for (granted = 0; !try_call(make, row, points, one != 0, granted); granted++) {
            cr_assert_lt(granted, 1000);
        }
    }
    return granted;
}

Test(function_allocation, calls_survive_every_refusal) {
    for (size_t row = 0; row < WG_COUNT_OF(calls); row++) {
        cr_assert_gt(survive(record, row, 1), 0);
        cr_assert_gt(survive(record, row, MOST_POINTS), 0);
    }
}

/* What a call asks for once its code is there: the directions and their slots. */
static void expect_directions_survive(wg_points_call call, bool single) {
    wg_test_allow();
    wg_function *fn = record_wide();
    fill(single);
    cr_assert_eq(call(fn, 1), WG_OK, "%s", wg_last_message());
    keep_as_wanted();
    const long held = wg_test_blocks();
    wg_status status = WG_ERROR_MEMORY;
    long granted = 0;
    /* one for each direction, too: not every one of these needs a run */
    for (; status != WG_OK && granted < 5000; granted += 1 + granted / 4) {
        fill(single);
        wg_test_refuse_after(granted);
        status = call(fn, 1);
        cr_assert_eq(wg_test_blocks(), 0, "request %ld", granted);
        cr_assert(status == WG_OK || status == WG_ERROR_MEMORY, "%s", wg_last_message());
    }
    cr_assert_gt(granted, 2);
    cr_assert_eq(status, WG_OK);
    cr_assert(is_as_wanted());
    wg_test_allow();
    wg_function_free(fn);
    cr_assert_eq(held + wg_test_blocks(), 0);
}

Test(function_allocation, calls_by_directions_survive_every_refusal) {
    extent = WIDE * WIDE;
    expect_directions_survive(jacobian_f64, false);
    expect_directions_survive(hessian_f64, false);
    expect_directions_survive(hessian_f32, true);
}

/* From nothing: `make` returns a function, or NULL. */
static void survive_making(wg_function *(*make)(void)) {
    wg_function *fn = make(); /* what other libraries set up once is set up now */
    cr_assert_not_null(fn, "%s", wg_last_message());
    wg_function_free(fn);
    for (int one = 0; one < 2; one++) {
        bool done = false;
        long granted = 0;
        for (; !done && granted < 1000; granted++) {
            refuse(one != 0, granted);
            fn = make();
            done = wg_test_requests() <= granted;
            if (fn == NULL) {
                cr_assert_eq(wg_last_status(), WG_ERROR_MEMORY, "request %ld: %s", granted,
                             wg_last_message());
                cr_assert_not_null(strstr(wg_last_message(), "memory"), "request %ld: %s", granted,
                                   wg_last_message());
            }
            cr_assert(fn != NULL || !done);
            wg_function_free(fn);
            cr_assert_eq(wg_test_blocks(), 0, "request %ld: %ld blocks leaked", granted,
                         wg_test_blocks());
        }
        wg_test_allow();
        cr_assert(done);
        cr_assert_gt(granted, 3);
    }
}

Test(function_allocation, recording_survives_every_refusal) {
    survive_making(record);
    survive_making(record_wide);
}

/* ---- Bytes and files ------------------------------------------------------------------------- */

static const char path[] = "wengert-allocation-test.wgf";
static void *saved;
static size_t saved_count;

static wg_function *from_bytes(void) {
    return wg_function_from_bytes(saved, saved_count);
}

static wg_function *load(void) {
    return wg_function_load(path);
}

Test(function_allocation, reading_and_writing_survive_every_refusal) {
    wg_function *fn = record();
    cr_assert_eq(wg_function_to_bytes(fn, &saved, &saved_count), WG_OK);
    wg_status status = WG_ERROR_MEMORY;
    for (long granted = 0; status != WG_OK; granted++) {
        wg_test_refuse_after(granted);
        status = wg_function_save(fn, path);
        const long leaked = wg_test_blocks();
        wg_test_allow();
        cr_assert_eq(leaked, 0, "request %ld: %ld blocks leaked", granted, leaked);
        cr_assert(status == WG_OK ? granted > 1 : status == WG_ERROR_MEMORY, "%s",
                  wg_last_message());
        cr_assert_eq(access(path, F_OK) == 0, status == WG_OK);
    }
    survive_making(from_bytes);
    survive_making(load);
    (void)remove(path);
    wg_function_bytes_free(saved);
    wg_function_free(fn);
}

/* A damaged length must not become a large request. */
Test(function_allocation, bytes_ask_for_memory_in_proportion) {
    wg_function *fn = record();
    cr_assert_eq(wg_function_to_bytes(fn, &saved, &saved_count), WG_OK);
    wg_function_free(fn);
    unsigned char *bytes = saved;
    size_t refused = 0;
    for (size_t at = 0; at + 4 <= saved_count && at < 400; at++) {
        unsigned char before[4];
        memcpy(before, bytes + at, 4);
        memset(bytes + at, 0x7f, 4);
        wg_test_allow();
        fn = from_bytes();
        const long most = wg_test_largest();
        refused += fn == NULL ? 1 : 0;
        wg_function_free(fn);
        cr_assert_leq(most, 3 * (long)saved_count, "byte %zu: %ld bytes asked for", at, most);
        memcpy(bytes + at, before, 4);
    }
    cr_assert_gt(refused, 300);
    wg_function_bytes_free(saved);
}
