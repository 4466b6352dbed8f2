/* layer_test.h: a store and a tape for tests of layers, and how to look into them. */
#ifndef WG_TESTS_NN_LAYER_TEST_H
#define WG_TESTS_NN_LAYER_TEST_H

#include "wengert.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static wg_store *store;
static wg_tape *tape;

static inline void start(void) {
    store = wg_store_new(3);
    tape = wg_tape_new();
}

static inline void stop(void) {
    wg_tape_free(tape);
    wg_store_free(store);
}

static inline wg_parameter_view find(const char *name) {
    wg_parameter_view view;
    cr_assert_eq(wg_store_find(store, name, &view), WG_OK, "%s", wg_last_message());
    return view;
}

/* Element i of a parameter or buffer. */
static inline double value(const char *name, int64_t i) {
    const wg_view view = find(name).value;
    return view.dtype == WG_F32   ? (double)((float *)view.data)[i]
           : view.dtype == WG_F64 ? ((double *)view.data)[i]
                                  : (double)((int64_t *)view.data)[i];
}

static inline double gradient(const char *name, int64_t i) {
    const wg_parameter_view view = find(name);
    return view.value.dtype == WG_F32 ? (double)((float *)view.gradient)[i]
                                      : ((double *)view.gradient)[i];
}

static inline void expect_shape(const char *name, int rank, const int64_t *shape) {
    const wg_view view = find(name).value;
    cr_assert_eq(view.rank, rank, "%s has rank %d", name, view.rank);
    for (int i = 0; i < rank; i++) {
        cr_assert_eq(view.shape[i], shape[i], "%s: axis %d is %lld", name, i,
                     (long long)view.shape[i]);
    }
}

static inline void expect_error(wg_status status, const char *text) {
    cr_assert_eq(wg_tape_status(tape), status, "%s", wg_tape_message(tape));
    cr_assert_not_null(strstr(wg_tape_message(tape), text), "%s", wg_tape_message(tape));
    cr_assert_not_null(strstr(wg_last_message(), text), "%s", wg_last_message());
    wg_tape_reset(tape);
}

/* An array whose elements are sin(0.7 i + 1), in order. */
static inline wg_var waves(wg_dtype dtype, int rank, const int64_t *shape) {
    int64_t count = 1;
    for (int i = 0; i < rank; i++) {
        count *= shape[i];
    }
    double *values = calloc((size_t)count + 1, sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        values[i] = sin(0.7 * (double)i + 1);
        if (dtype == WG_F32) {
            ((float *)values)[i] = (float)values[i];
        }
    }
    const wg_var x = wg_variable(tape, dtype, rank, shape, values);
    free(values);
    return x;
}

#endif
