/* walk.c: see walk.h. */
#include "walk.h"

#include "inspect/check.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool walk_take(const wg_op *op, int index, walk_sample *to) {
    memset(to, 0, sizeof *to);
    to->op = op;
    to->index = index;
    if (!op->samples(index, &to->sample)) {
        return false;
    }
    for (int i = 0; i < to->sample.count; i++) {
        const wg_sample_operand *operand = &to->sample.operand[i];
        to->count[i] = wg_shape_count(operand->rank, operand->shape, sizeof(double));
        to->values[i] = malloc(((size_t)to->count[i] + 1) * sizeof(double));
        wg_sample_draw(op, index, &to->sample, i, to->values[i]);
    }
    return true;
}

void walk_free(walk_sample *sample) {
    for (int i = 0; i < sample->sample.count; i++) {
        free(sample->values[i]);
    }
}

bool walk_is_free(const walk_sample *sample, int i) {
    const wg_sample_operand *operand = &sample->sample.operand[i];
    return !operand->fixed && (operand->dtype == WG_F64 || operand->dtype == WG_F32);
}

wg_var walk_operand(wg_tape *tape, const walk_sample *sample, int i, wg_dtype type) {
    const wg_sample_operand *operand = &sample->sample.operand[i];
    const wg_dtype dtype = operand->dtype == WG_F64 ? type : operand->dtype;
    const wg_var wide = wg_constant(tape, WG_F64, operand->rank, operand->shape, sample->values[i]);
    const wg_var x = dtype == WG_F64 ? wide : wg_cast(wide, dtype);
    if (!walk_is_free(sample, i) || wg_tape_status(tape) != WG_OK) {
        return x;
    }
    const wg_view view = wg_view_of(x);
    return wg_variable(tape, dtype, view.rank, view.shape, view.data);
}

wg_var walk_apply(const walk_sample *sample, const wg_var *operands) {
    return wg_apply(sample->op, sample->sample.count, operands, sample->sample.state,
                    sample->sample.state_bytes, "walk");
}

wg_var walk_weighted(wg_tape *tape, wg_var result) {
    const wg_view view = wg_view_of(result);
    if (!wg_is_array(result)) {
        return result;
    }
    if (view.dtype != WG_F64 && view.dtype != WG_F32) {
        return wg_number(0);
    }
    const int64_t count = wg_view_count(&view);
    static double weights[WALK_MOST]; /* (no memory of its own: tests refuse it) */
    cr_assert_leq(count, WALK_MOST);
    for (int64_t k = 0; k < count; k++) {
        weights[k] = 1 + 0.5 * sin(1.0 + (double)k);
    }
    const wg_var w = wg_cast(wg_constant(tape, WG_F64, view.rank, view.shape, weights), view.dtype);
    return wg_sum(wg_mul(result, w));
}
