/* test_operations.c: every operation of the list when memory runs out at each of its requests. */
#include "../op/walk.h"
#include "allocation.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

/* Value, both kinds of sweep; false where the tape failed. */
static bool run_all(wg_tape *tape, const walk_sample *s, double *total) {
    wg_var x[WG_MAX_SAMPLE_OPERANDS] = {{0}}, g[WG_MAX_SAMPLE_OPERANDS];
    bool wanted = false;
    for (int i = 0; i < s->sample.count; i++) {
        x[i] = walk_operand(tape, s, i, WG_F64);
        wanted = wanted || walk_is_free(s, i);
    }
    const wg_var y = walk_weighted(tape, walk_apply(s, x));
    *total = wg_value(y);
    if (wanted && y.tape != NULL && s->op->chain != NULL) {
        (void)wg_grad(y, x, s->sample.count, g);
        (void)wg_backward(y);
    }
    return wg_tape_status(tape) == WG_OK;
}

/* Grants `granted` requests to a new tape and refuses the next; true where none was refused. */
static bool refuse(const walk_sample *s, long granted, double want) {
    double total;
    wg_test_refuse_one(granted);
    wg_tape *tape = wg_tape_new();
    const bool passed = tape != NULL && run_all(tape, s, &total);
    const bool done = wg_test_requests() <= granted;
    if (passed) {
        cr_assert(total == want || (isnan(total) && isnan(want)), "%s: %g, not %g", s->op->name,
                  total, want);
    } else if (tape != NULL) {
        cr_assert_eq(wg_tape_status(tape), WG_ERROR_MEMORY, "%s, sample %d, request %ld: %s",
                     s->op->name, s->index, granted, wg_tape_message(tape));
    }
    wg_tape_free(tape);
    return done;
}

ParameterizedTestParameters(operations_allocation, each_request_refused) {
    static int rows[1024];
    int count;
    (void)wg_op_list(&count);
    cr_assert_leq(count, 1024);
    for (int i = 0; i < count; i++) {
        rows[i] = i;
    }
    return cr_make_param_array(int, rows, (size_t)count);
}

ParameterizedTest(int *row, operations_allocation, each_request_refused) {
    int count;
    const wg_op *op = wg_op_list(&count)[*row];
    walk_sample sample;
    for (int index = 0; walk_take(op, index, &sample); index++) {
        double want;
        wg_tape *tape = wg_tape_new();
        cr_assert(run_all(tape, &sample, &want), "%s: %s", op->name, wg_tape_message(tape));
        wg_tape_free(tape);
        wg_test_allow();
        long granted = 0;
        while (!refuse(&sample, granted, want)) {
            granted++;
            cr_assert_lt(granted, 5000, "%s asks without end", op->name);
        }
        cr_assert_eq(wg_test_blocks(), 0, "%s, sample %d: %ld blocks leaked", op->name, index,
                     wg_test_blocks());
        wg_test_allow();
        walk_free(&sample);
    }
}
