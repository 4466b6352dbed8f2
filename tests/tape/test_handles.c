/* test_handles.c: what is wrong with a handle is said once, clearly, and the tape recovers. */
#include "tape/tape.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static wg_tape *tape;

static void set_up(void) {
    tape = wg_tape_new();
}

static void tear_down(void) {
    wg_tape_free(tape);
}

TestSuite(handles, .init = set_up, .fini = tear_down);

static void expect_failure(wg_status status, const char *part) {
    cr_expect_eq(wg_tape_status(tape), status, "%s", wg_tape_message(tape));
    cr_expect_not_null(strstr(wg_tape_message(tape), part), "%s", wg_tape_message(tape));
}

static wg_var pair(void) {
    return wg_variable(tape, WG_F64, WG_SHAPE(2), (const double[]){1, 2});
}

/* "test_handles.c:41" of the line above. */
static const char *line_before(int line) {
    static char text[64];
    (void)snprintf(text, sizeof text, "test_handles.c:%d", line - 1);
    return text;
}

Test(handles, stale_after_reset) {
    for (int array = 0; array < 2; array++) {
        wg_tape_reset(tape);
        wg_var old = array != 0 ? pair() : wg_scalar(tape, 2);
        wg_tape_reset(tape);
        (void)(array != 0 ? pair() : wg_scalar(tape, 3)); /* takes the old one's place */
        wg_var y = wg_sin(old);
        const char *here = line_before(__LINE__);
        expect_failure(WG_ERROR_HANDLE, "sin: operand 0 is stale");
        expect_failure(WG_ERROR_HANDLE, here);
        cr_expect(isnan(wg_value(y)));
        wg_tape_reset(tape);
        y = wg_mul(wg_scalar(tape, 3), old);
        here = line_before(__LINE__);
        expect_failure(WG_ERROR_HANDLE, "mul: operand 1 is stale");
        expect_failure(WG_ERROR_HANDLE, here);
        wg_tape_reset(tape);
        cr_expect(isnan(wg_value(old)));
        expect_failure(WG_ERROR_HANDLE, "value: operand 0 is stale");
        wg_tape_reset(tape);
        cr_expect_eq(wg_backward(old), WG_ERROR_HANDLE);
        expect_failure(WG_ERROR_HANDLE, "backward: operand 0 is stale");
        wg_tape_reset(tape);
        cr_expect(isnan(wg_adjoint(old)));
        expect_failure(WG_ERROR_HANDLE, "read_adjoint: operand 0 is stale");
        wg_tape_reset(tape);
        wg_var x = wg_scalar(tape, 1), g;
        cr_expect_eq(wg_grad(wg_exp(x), &old, 1, &g), WG_ERROR_HANDLE);
        cr_expect(isnan(wg_value(g)));
        wg_tape_reset(tape);
        (void)wg_add(old, 1.0);
        expect_failure(WG_ERROR_HANDLE, "add: operand 0 is stale");
        wg_tape_reset(tape);
        (void)wg_pow(old, 3);
        expect_failure(WG_ERROR_HANDLE, "pow: operand 0 is stale");
    }
}

Test(handles, stale_in_every_place_of_three) {
    wg_var old = wg_scalar(tape, 2);
    wg_tape_reset(tape);
    for (int place = 0; place < 3; place++) {
        wg_var in[3] = {wg_scalar(tape, 1), wg_number(2), wg_scalar(tape, 3)};
        in[place] = old;
        (void)wg_fma(in[0], in[1], in[2]);
        char text[64];
        (void)snprintf(text, sizeof text, "fma: operand %d is stale", place);
        expect_failure(WG_ERROR_HANDLE, text);
        wg_tape_reset(tape);
    }
    (void)wg_stack(tape, 2, ((wg_var[]){wg_scalar(tape, 1), old}));
    expect_failure(WG_ERROR_HANDLE, "stack: operand 1 is stale");
    wg_tape_reset(tape);
    (void)wg_at(old, 0); /* at of a scalar is the scalar itself */
    cr_expect_eq(wg_tape_status(tape), WG_OK);
}

Test(handles, stale_after_the_end_of_a_scope) {
    wg_var x = wg_scalar(tape, 2), v = pair();
    wg_scope_mark mark = wg_scope_begin(tape);
    wg_var s = wg_sin(x), a = wg_sin(v);
    cr_assert_eq(wg_scope_end(tape, mark, NULL, 0), WG_OK);
    wg_var again = wg_cos(x), more = wg_cos(v);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "what is older lives on");
    cr_assert(again.as.slot.index == s.as.slot.index && more.as.slot.index == a.as.slot.index);
    (void)wg_mul(again, s);
    expect_failure(WG_ERROR_HANDLE, "mul: operand 1 is stale");
    wg_tape_reset(tape);
    v = pair();
    mark = wg_scope_begin(tape);
    a = wg_sin(v);
    wg_scope_end(tape, mark, NULL, 0);
    (void)wg_sin(v);
    (void)wg_add(v, a);
    expect_failure(WG_ERROR_HANDLE, "add: operand 1 is stale");
}

Test(handles, foreign) {
    wg_tape *other = wg_tape_new();
    wg_var x = wg_scalar(tape, 2), z = wg_scalar(other, 3), v = pair(), g;
    (void)wg_mul(x, z);
    const char *here = line_before(__LINE__);
    expect_failure(WG_ERROR_HANDLE, "mul: operand 1 is of another tape");
    expect_failure(WG_ERROR_HANDLE, here);
    cr_expect_eq(wg_tape_status(other), WG_OK, "the error is the first operand's");
    wg_tape_reset(tape);
    v = pair();
    (void)wg_hypot(v, z);
    expect_failure(WG_ERROR_HANDLE, "hypot: operand 1 is of another tape");
    wg_tape_reset(tape);
    (void)wg_where(1, wg_scalar(tape, 1), z);
    expect_failure(WG_ERROR_HANDLE, "where: operand 2 is of another tape");
    wg_tape_reset(tape);
    x = wg_scalar(tape, 2);
    cr_expect_eq(wg_backward_from(wg_sin(x), z), WG_ERROR_HANDLE);
    expect_failure(WG_ERROR_HANDLE, "backward: operand 1 is of another tape");
    wg_tape_reset(tape);
    x = wg_scalar(tape, 2);
    cr_expect_eq(wg_grad(wg_sin(x), &z, 1, &g), WG_ERROR_HANDLE);
    wg_tape_reset(tape);
    wg_scope_mark mark = wg_scope_begin(tape);
    wg_var kept = z;
    cr_expect_eq(wg_scope_end(tape, mark, &kept, 1), WG_ERROR_HANDLE);
    expect_failure(WG_ERROR_HANDLE, "scope_end: operand 0 is of another tape");
    cr_expect(kept.tape == other && wg_value(kept) == 3, "left as it was");
    wg_tape_free(other);
}

Test(handles, the_first_message_stays) {
    wg_var bad = wg_add(pair(), wg_full(tape, WG_F64, WG_SHAPE(3), 0));
    char first[WG_TAPE_MESSAGE_BYTES];
    (void)snprintf(first, sizeof first, "%s", wg_tape_message(tape));
    expect_failure(WG_ERROR_SHAPE, "add: [2] and [3] do not broadcast (");
    expect_failure(WG_ERROR_SHAPE, "test_handles.c:");
    wg_tape_usage before = wg_tape_usage_of(tape);
    wg_var x = wg_scalar(tape, 1), y = wg_mul(bad, x), v = pair(), out;
    y = wg_add(wg_sin(y), 1);
    y = wg_fma(y, 2, wg_sum(v));
    y = wg_stack(tape, 2, ((wg_var[]){x, y}));
    y = wg_at(y, 0);
    wg_scope_mark mark = wg_scope_begin(tape);
    cr_expect_eq(wg_backward(y), WG_ERROR_SHAPE);
    cr_expect_eq(wg_backward_keep(bad), WG_ERROR_SHAPE);
    cr_expect_eq(wg_grad(y, &x, 1, &out), WG_ERROR_SHAPE);
    cr_expect_eq(wg_scope_end(tape, mark, &y, 1), WG_ERROR_SHAPE);
    cr_expect(isnan(wg_value(y)) && isnan(wg_value(x)) && isnan(wg_value(out)));
    double number;
    cr_expect_eq(wg_read(v, WG_F64, &number, 1), WG_ERROR_SHAPE);
    (void)wg_keep(y), wg_zero_adjoints(tape);
    cr_expect_str_eq(wg_tape_message(tape), first);
    wg_tape_usage after = wg_tape_usage_of(tape);
    cr_expect_eq(after.scalars, before.scalars);
    cr_expect_eq(after.arrays, before.arrays);
    wg_tape_reset(tape);
    cr_expect_eq(wg_tape_status(tape), WG_OK);
    cr_expect_str_eq(wg_tape_message(tape), "");
    (void)wg_sin(bad); /* a poisoned handle does not come to life again */
    expect_failure(WG_ERROR_HANDLE, "sin: operand 0 is stale");
}

Test(handles, a_scalar_verb_after_a_failure_does_nothing) {
    wg_var x = wg_scalar(tape, 1), y = wg_scalar(tape, 2);
    (void)wg_mul(x, 2.0); /* known to the tape: the inline path must still refuse below */
    (void)wg_at(x, 5);
    expect_failure(WG_ERROR_ARGUMENT, "at: element 5 of a scalar");
    uint64_t scalars = wg_tape_usage_of(tape).scalars;
    (void)wg_mul(x, y), (void)wg_mul(x, 2.0), (void)wg_sin(x), (void)wg_pow(x, 3);
    (void)wg_max(x, y), (void)wg_add(x, x), (void)wg_clamp(x, 0, 1);
    cr_expect_eq(wg_tape_usage_of(tape).scalars, scalars);
}

Test(handles, messages_say_what_and_where) {
    (void)wg_at(pair(), 2);
    const char *here = line_before(__LINE__);
    expect_failure(WG_ERROR_ARGUMENT, "at: element 2 of an array of shape [2]");
    expect_failure(WG_ERROR_ARGUMENT, here);
    wg_tape_reset(tape);
    (void)wg_stack(tape, 2, ((wg_var[]){wg_scalar(tape, 1), pair()}));
    expect_failure(WG_ERROR_SHAPE, "stack: operand 1 is an array of shape [2]");
    wg_tape_reset(tape);
    cr_expect(isnan(wg_value(pair())));
    expect_failure(WG_ERROR_SHAPE, "the shape [2] has not 1 elements");
    wg_tape_reset(tape);
    (void)wg_variable(tape, WG_I64, WG_SHAPE(2), NULL);
    expect_failure(WG_ERROR_DTYPE,
                   "variable: a gradient needs f32, f64 or bf16 elements, these are i64");
    wg_tape_reset(tape);
    (void)wg_variable(tape, WG_F64, WG_SHAPE(-1), NULL);
    expect_failure(WG_ERROR_LIMIT, "[-1]");
    wg_tape_reset(tape);
    (void)wg_variable(tape, WG_F64, WG_SHAPE(INT64_MAX / 2, 4), NULL);
    cr_expect_eq(wg_tape_status(tape), WG_ERROR_LIMIT);
    wg_tape_reset(tape);
    (void)wg_clamp(pair(), wg_full(tape, WG_F64, WG_SHAPE(3), 0), 1);
    expect_failure(WG_ERROR_SHAPE, "clamp: [2], [3] and [] do not broadcast");
}

Test(handles, a_stack_of_numbers_alone_is_a_constant) {
    double values[2];
    wg_var y = wg_stack(tape, 2, ((wg_var[]){wg_number(1), wg_number(2)}));
    cr_expect_eq(wg_read(y, WG_F64, values, 2), WG_OK);
    cr_expect(values[0] == 1 && values[1] == 2);
    wg_no_grad_begin(tape);
    wg_var x = wg_scalar(tape, 3);
    y = wg_sum(wg_stack(tape, 2, ((wg_var[]){wg_square(x), wg_exp(x)})));
    wg_no_grad_end(tape);
    cr_expect_float_eq(wg_value(y), 9 + exp(3), 1e-12);
}

/* ---- Limits, provoked from within --------------------------------------------------------------
 */

/* As if 2^32 - 2 scalars stood on the tape. */
#define EXPECT_FULL(expression, name)                                                              \
    {                                                                                              \
        wg_tape_reset(tape);                                                                       \
        wg_var x = wg_scalar(tape, 2), y = wg_scalar(tape, 3), v = pair();                         \
        (void)wg_mul(x, 1.5), (void)x, (void)y, (void)v;                                           \
        uint64_t count = tape->lane.count, capacity = tape->scalar_capacity;                       \
        tape->lane.count = tape->scalar_capacity = WG_MOST_SCALARS;                                \
        wg_tape_switch(tape);                                                                      \
        wg_var full = expression;                                                                  \
        tape->lane.count = count;                                                                  \
        tape->scalar_capacity = capacity;                                                          \
        expect_failure(WG_ERROR_LIMIT, name ": the tape holds 4294967294 scalars, the most that "  \
                                            "32-bit indices can name");                            \
        cr_expect(isnan(wg_value(full)));                                                          \
    }

Test(handles, more_scalars_than_32_bits_name_are_a_clear_error) {
    EXPECT_FULL(wg_scalar(tape, 1), "scalar")
    EXPECT_FULL(wg_mul(x, y), "mul")
    EXPECT_FULL(wg_add(x, 7), "add")
    EXPECT_FULL(wg_mul(x, 1.5), "mul")
    EXPECT_FULL(wg_sin(x), "sin")
    EXPECT_FULL(wg_hypot(x, y), "hypot")
    EXPECT_FULL(wg_pow(x, 3), "pow")
    EXPECT_FULL(wg_clamp(x, 0, 1), "clamp")
    EXPECT_FULL(wg_add(x, x), "add")
    EXPECT_FULL(wg_at(v, 1), "at")
    wg_tape_reset(tape);
    cr_expect_eq(wg_value(wg_mul(wg_scalar(tape, 2), 3)), 6, "usable after reset");
}

Test(handles, growth_stops_at_the_limit_and_not_beyond) {
    (void)wg_scalar(tape, 1);
    uint64_t count = tape->lane.count;
    tape->lane.count = WG_MOST_SCALARS - 2;
    cr_expect_not(wg_lane_room(tape, 3, "test", NULL), "one more than there are");
    cr_expect_eq(wg_tape_status(tape), WG_ERROR_LIMIT);
    tape->lane.count = count;
}

Test(handles, more_arrays_than_31_bits_name_are_a_clear_error) {
    uint64_t count = tape->node_count;
    tape->node_count = WG_MOST_NODES;
    (void)wg_full(tape, WG_F64, 0, NULL, 1);
    tape->node_count = count;
    expect_failure(WG_ERROR_LIMIT, "full: the tape holds 2147483647 arrays");
}

/* Epochs come round after 2^31 lives; a living handle must not be lost on the way. */
Test(handles, epochs_come_round) {
    tape->next_epoch = WG_ARRAY_BIT - 3;
    for (int life = 0; life < 4; life++) {
        wg_tape_reset(tape);
        wg_var x = wg_scalar(tape, 2), v = pair();
        wg_var y = wg_mul(wg_sum(wg_square(v)), wg_sin(x));
        cr_assert_eq(wg_backward(y), WG_OK, "%s", wg_tape_message(tape));
        cr_assert_float_eq(wg_adjoint(x), 5 * cos(2), 1e-14);
    }
}
