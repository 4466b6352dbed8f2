/* test_saved.c: what a user's operation saves in its forward for its chain rule. */
#include "../op/arrays.h"
#include "wengert/check.h"
#include "wengert/transform.h"

static wg_tape *tape;

static void set_up(void) {
    tape = wg_tape_new();
}

static void tear_down(void) {
    wg_tape_free(tape);
}

TestSuite(saved, .init = set_up, .fini = tear_down);

#define OK(call) cr_assert_eq(call, WG_OK, "%s", wg_tape_message(tape))

static int saved_calls;

static wg_status cubed_shape(wg_call *call) {
    return wg_call_broadcast(call);
}

/* x³, which keeps 3x² for its chain rule. */
static wg_status cubed_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *out = wg_call_out(call);
    double *slope = NULL;
    if (wg_call_will_sweep(call)) {
        slope = wg_call_save(call, WG_F64, out->rank, out->shape);
        if (slope == NULL) {
            return WG_ERROR_MEMORY;
        }
        saved_calls++;
    }
    for (int64_t i = 0; i < wg_view_count(out); i++) {
        const double v = ((const double *)x->data)[i];
        ((double *)out->data)[i] = v * v * v;
        if (slope != NULL) {
            slope[i] = 3 * v * v;
        }
    }
    return WG_OK;
}

static void cubed_chain(wg_call *call, wg_var g) {
    if (wg_call_records(call)) {
        wg_give(call, 0, wg_mul(g, wg_mul(3, wg_square(wg_operand(call, 0)))));
    } else {
        wg_give(call, 0, wg_mul(g, wg_saved(call)));
    }
}

static const wg_op cubed_op = {.name = "cubed",
                               .shape = cubed_shape,
                               .forward = cubed_forward,
                               .chain = cubed_chain,
                               .reads = WG_READS_OPERAND(0),
                               .flags = WG_OP_FLOATS | WG_OP_CONTIGUOUS};

static wg_var cubed(wg_var x) {
    return wg_apply(&cubed_op, 1, &x, NULL, 0, "here");
}

Test(saved, what_a_forward_saves_is_freed_by_the_sweep) {
    double v[1000], want[1000];
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(1000));
    read_all(x, v);
    for (int i = 0; i < 1000; i++) {
        want[i] = 3 * v[i] * v[i];
    }
    const uint64_t before = wg_tape_usage_of(tape).bytes_held;
    wg_var y = cubed(x);
    cr_assert_geq(wg_tape_usage_of(tape).bytes_held, before + 2 * 8000);
    wg_var loss = wg_sum(y);
    OK(wg_backward_keep(loss));
    expect_adjoint(x, want, 1e-14);
    OK(wg_backward_keep(loss)); /* which gives nothing back */
    wg_zero_adjoints(tape);
    OK(wg_backward(loss));
    expect_adjoint(x, want, 1e-14);
    cr_assert_lt(wg_tape_usage_of(tape).bytes_held, before + 2 * 8192); /* x's adjoint */
    (void)wg_backward(loss);
    expect_failure(tape, WG_ERROR_STATE, "gave back the cubed it needs");
}

Test(saved, nothing_is_saved_where_nothing_is_swept) {
    saved_calls = 0;
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(1000));
    const uint64_t before = wg_tape_usage_of(tape).bytes_held;
    wg_no_grad_begin(tape);
    (void)cubed(x);
    wg_no_grad_end(tape);
    (void)cubed(wg_stop_gradient(x));
    cr_assert_eq(saved_calls, 0);
    cr_assert_lt(wg_tape_usage_of(tape).bytes_held, before + 2 * 8192 + 64);
}

static wg_var cubes(wg_tape *on, const wg_var *xs, int n, void *context) {
    (void)on, (void)n, (void)context;
    return wg_sum(wg_sin(cubed(xs[0])));
}

Test(saved, saved_memory_serves_the_gradient) {
    const double values[3] = {0.5, -0.8, 1.2};
    const wg_view input = wg_view_new(WG_F64, WG_SHAPE(3), (void *)values);
    cr_assert_eq(
        wg_check_gradient(cubes, NULL, 1, &input, (wg_check_options){.second = true}, NULL), WG_OK,
        "%s", wg_last_message());
}
