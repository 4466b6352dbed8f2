/* test_check.c: every operation of the list against finite differences, and proof that the check
 * can fail. */
#include "op/define.h"
#include "wengert.h"
#include "wengert/check.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

/* Row indices alone: Criterion 2.4.1 moves parameters to another address. */
ParameterizedTestParameters(check, every_operation) {
    static int rows[512];
    int count;
    (void)wg_op_list(&count);
    for (int i = 0; i < count && i < 512; i++) {
        rows[i] = i;
    }
    return cr_make_param_array(int, rows, (size_t)count);
}

ParameterizedTest(int *row, check, every_operation) {
    int count;
    const wg_op *op = wg_op_list(&count)[*row];
    wg_check_report report;
    wg_status status = wg_check_op(op, &report);
    cr_assert_eq(status, WG_OK, "%s", wg_last_message());
}

Test(check, names_are_unique) {
    int count;
    const wg_op *const *ops = wg_op_list(&count);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < i; k++) {
            cr_assert_str_neq(ops[i]->name, ops[k]->name);
        }
    }
}

/* ---- An operation with one fault at a time -------------------------------------------------- */

static wg_status cube_shape(wg_call *call) {
    return wg_call_broadcast(call);
}

static wg_status cube_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    wg_view *out = wg_call_out(call);
    for (int64_t i = 0; i < wg_view_count(out); i++) {
        if (out->dtype == WG_F32) {
            float v = ((const float *)x->data)[i];
            ((float *)out->data)[i] = v * v * v;
        } else {
            double v = ((const double *)x->data)[i];
            ((double *)out->data)[i] = v * v * v;
        }
    }
    return WG_OK;
}

static void cube_chain(wg_call *call, wg_var g) {
    wg_give(call, 0, wg_mul(g, wg_mul(3, wg_square(wg_operand(call, 0)))));
}

static void cube_chain_wrong(wg_call *call, wg_var g) {
    wg_give(call, 0, wg_mul(g, wg_mul(2, wg_square(wg_operand(call, 0)))));
}

/* Right at first order, but its own derivative is lost. */
static void cube_chain_flat(wg_call *call, wg_var g) {
    wg_var x = wg_operand(call, 0);
    wg_view view = wg_view_of(x);
    wg_var detached = wg_is_array(x) ? wg_borrow(g.tape, &view, NULL) : wg_number(wg_value(x));
    wg_give(call, 0, wg_mul(g, wg_mul(3, wg_square(detached))));
}

static bool cube_samples(int index, wg_sample *sample) {
    if (index > 2) {
        return false;
    }
    memset(sample, 0, sizeof *sample);
    sample->count = 1;
    sample->operand[0] =
        (wg_sample_operand){.dtype = WG_F64, .rank = index, .shape = {3, 2}, .low = -2, .high = 2};
    return true;
}

static wg_op cube(void (*chain)(wg_call *, wg_var), uint32_t reads, uint32_t flags) {
    return (wg_op){.name = "cube",
                   .shape = cube_shape,
                   .forward = cube_forward,
                   .chain = chain,
                   .samples = cube_samples,
                   .reads = reads,
                   .flags = flags};
}

Test(check, a_right_user_operation_passes) {
    wg_op op = cube(cube_chain, WG_READS_OPERAND(0), WG_OP_FLOATS | WG_OP_CONTIGUOUS);
    wg_check_report report;
    cr_assert_eq(wg_check_op(&op, &report), WG_OK, "%s", wg_last_message());
    cr_assert_gt(report.compared, 0);
}

Test(check, a_wrong_chain_rule_is_caught) {
    wg_op op = cube(cube_chain_wrong, WG_READS_OPERAND(0), WG_OP_FLOATS | WG_OP_CONTIGUOUS);
    wg_check_report report;
    cr_assert_eq(wg_check_op(&op, &report), WG_ERROR_CHECK);
    cr_assert_not_null(strstr(wg_last_message(), "cube: sample 0 (plain), gradient"), "%s",
                       wg_last_message());
}

Test(check, a_lost_second_derivative_is_caught) {
    wg_op op = cube(cube_chain_flat, WG_READS_OPERAND(0), WG_OP_FLOATS | WG_OP_CONTIGUOUS);
    cr_assert_eq(wg_check_op(&op, NULL), WG_ERROR_CHECK);
    cr_assert_not_null(strstr(wg_last_message(), "second derivative"), "%s", wg_last_message());
}

Test(check, ignored_strides_are_caught) {
    wg_op op = cube(cube_chain, WG_READS_OPERAND(0), WG_OP_FLOATS);
    cr_assert_eq(wg_check_op(&op, NULL), WG_ERROR_CHECK);
    cr_assert_not_null(strstr(wg_last_message(), "(strided)"), "%s", wg_last_message());
}

Test(check, an_undeclared_read_is_an_error) {
    wg_op op = cube(cube_chain, 0, WG_OP_FLOATS | WG_OP_CONTIGUOUS);
    cr_assert_eq(wg_check_op(&op, NULL), WG_ERROR_STATE);
    cr_assert_not_null(strstr(wg_last_message(), "reads operand 0"), "%s", wg_last_message());
}

Test(check, samples_are_required) {
    wg_op op = cube(cube_chain, 0, 0);
    op.samples = NULL;
    cr_assert_eq(wg_check_op(&op, NULL), WG_ERROR_ARGUMENT);
}

/* ---- A user's function ----------------------------------------------------------------------- */

static wg_var smooth(wg_tape *tape, const wg_var *xs, int n, void *context) {
    (void)tape, (void)n, (void)context;
    return wg_add(wg_mul(wg_sin(xs[0]), wg_at(wg_sum(wg_exp(xs[1])), 0)), wg_square(xs[0]));
}

/* The gradient stops where it should not. */
static wg_var broken(wg_tape *tape, const wg_var *xs, int n, void *context) {
    (void)tape, (void)n, (void)context;
    return wg_add(wg_mul(xs[0], wg_value(xs[0])), wg_at(wg_sum(xs[1]), 0));
}

static wg_status check_user(wg_check_function function, wg_check_report *report) {
    static double a = 0.7, b[3] = {0.1, -0.4, 1.2};
    wg_view inputs[2] = {{.dtype = WG_F64, .rank = 0, .data = &a},
                         {.dtype = WG_F64, .rank = 1, .shape = {3}, .stride = {1}, .data = b}};
    return wg_check_gradient(function, NULL, 2, inputs, (wg_check_options){.second = true}, report);
}

Test(check, a_users_function) {
    wg_check_report report;
    cr_assert_eq(check_user(smooth, &report), WG_OK, "%s", wg_last_message());
    cr_assert_eq(report.compared, 8);
    cr_assert_eq(check_user(broken, &report), WG_ERROR_CHECK);
    cr_assert_not_null(strstr(report.message, "input 0, element 0"), "%s", report.message);
}
