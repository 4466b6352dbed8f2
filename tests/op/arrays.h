/* arrays.h: what the tests of array operations share. */
#ifndef WG_TESTS_OP_ARRAYS_H
#define WG_TESTS_OP_ARRAYS_H

#include "wengert/array.h"
#include "wengert/elementwise.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define MOST 4096

/* A variable whose element i is 0.1 + i mod 7 - i / 10, so that neighbours differ in all
 * directions. */
static inline double ramp_value(int64_t i) {
    return 0.1 + (double)(i % 7) - (double)i / 10;
}
static inline wg_var ramp(wg_tape *tape, wg_dtype dtype, int rank, const int64_t *shape) {
    double values[MOST];
    int64_t count = 1;
    for (int i = 0; i < rank; i++) {
        count *= shape[i];
    }
    cr_assert_leq(count, MOST);
    for (int64_t i = 0; i < count; i++) {
        values[i] = ramp_value(i);
    }
    wg_var x = wg_variable(tape, WG_F64, rank, shape, values);
    return dtype == WG_F64 ? x : wg_cast(x, dtype);
}

/* Reads an array of at most MOST elements; the test fails where that fails. */
static inline int64_t read_all(wg_var x, double *out) {
    int64_t count = wg_count(x);
    cr_assert_leq(count, MOST);
    cr_assert_eq(wg_read(x, WG_F64, out, count), WG_OK, "%s %s", wg_last_message(),
                 x.tape != NULL ? wg_tape_message(x.tape) : "");
    return count;
}

static inline void expect_shape(wg_var x, int rank, const int64_t *shape) {
    cr_assert_eq(wg_tape_status(x.tape), WG_OK, "%s", wg_tape_message(x.tape));
    cr_assert_eq(wg_rank(x), rank, "rank %d, expected %d", wg_rank(x), rank);
    for (int i = 0; i < rank; i++) {
        cr_assert_eq(wg_size(x, i), shape[i], "axis %d: size %lld, expected %lld", i,
                     (long long)wg_size(x, i), (long long)shape[i]);
    }
}

static inline void expect_close(double have, double want, double tolerance, int64_t i) {
    const bool same = isnan(want)
                          ? isnan(have)
                          : have == want || fabs(have - want) <= tolerance * (1 + fabs(want));
    cr_assert(same, "element %lld is %.17g, expected %.17g", (long long)i, have, want);
}

static inline void expect_values(wg_var x, const double *want, double tolerance) {
    double have[MOST];
    const int64_t count = read_all(x, have);
    for (int64_t i = 0; i < count; i++) {
        expect_close(have[i], want[i], tolerance, i);
    }
}

/* The adjoint of x after a sweep. */
static inline void expect_adjoint(wg_var x, const double *want, double tolerance) {
    double have[MOST];
    const int64_t count = wg_count(x);
    cr_assert_eq(wg_read_adjoint(x, WG_F64, have, count), WG_OK, "%s", wg_tape_message(x.tape));
    for (int64_t i = 0; i < count; i++) {
        expect_close(have[i], want[i], tolerance, i);
    }
}

/* Expects the failure on x's tape, with `text` in the message, and begins the tape anew. */
static inline void expect_failure(wg_tape *tape, wg_status status, const char *text) {
    cr_assert_eq(wg_tape_status(tape), status, "%s: %s", wg_status_text(wg_tape_status(tape)),
                 wg_tape_message(tape));
    cr_assert_not_null(strstr(wg_tape_message(tape), text), "\"%s\" lacks \"%s\"",
                       wg_tape_message(tape), text);
    wg_tape_reset(tape);
}

#endif
