/* check_op.c: an operation on all of its samples, in all variants. */
#include "inspect/check.h"

#include "tape/tape.h"
#include "wengert/random.h"

#include <math.h>
#include <string.h>

/* How operands are laid out. */
typedef enum wg_variant {
    WG_VARIANT_PLAIN,   /* contiguous; rank 0 as arrays */
    WG_VARIANT_STRIDED, /* every second element, backwards along the last axis */
    WG_VARIANT_SCALARS, /* rank 0 as scalars of the tape */
    WG_VARIANT_F32,     /* against f64 */
    WG_VARIANT_COUNT
} wg_variant;

static const char *const variant_names[] = {"plain", "strided", "scalars", "f32"};

/* One sample under test. Values of all operands stand one behind the other in x. */
typedef struct wg_op_check {
    const wg_op *op;
    int index;
    wg_sample sample;
    wg_variant variant;
    wg_tape *tape;
    int64_t count[WG_MAX_SAMPLE_OPERANDS], first[WG_MAX_SAMPLE_OPERANDS], total;
    double *x, *direction, *gradient, *strided, *sink;
    float *narrow;
    wg_var xs[WG_MAX_SAMPLE_OPERANDS];
    bool second;
} wg_op_check;

static bool is_free(const wg_op_check *check, int i) {
    const wg_sample_operand *operand = &check->sample.operand[i];
    return !operand->fixed && (operand->dtype == WG_F64 || operand->dtype == WG_F32);
}

/* Lays operand i out with gaps and backwards; its gradient goes to the sink. */
static wg_var strided_operand(wg_op_check *check, int i, const double *x) {
    const wg_sample_operand *operand = &check->sample.operand[i];
    wg_view view;
    wg_view_set_contiguous(&view, WG_F64, operand->rank, operand->shape);
    int last = view.rank - 1;
    double *to = check->strided + 2 * check->first[i];
    int64_t length = view.shape[last], rows = length != 0 ? check->count[i] / length : 0;
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t k = 0; k < length; k++) {
            to[2 * (row * length + (length - 1 - k))] = x[row * length + k];
        }
    }
    for (int axis = 0; axis < view.rank; axis++) {
        view.stride[axis] *= 2;
    }
    view.stride[last] = -2;
    view.data = to + (length > 0 ? 2 * (length - 1) : 0);
    double *sink = check->sink + check->first[i];
    memset(sink, 0, (size_t)check->count[i] * sizeof *sink);
    return wg_borrow(check->tape, &view, is_free(check, i) ? sink : NULL);
}

static wg_var integer_operand(wg_op_check *check, int i, const double *x) {
    const wg_sample_operand *operand = &check->sample.operand[i];
    wg_var var = wg_constant(check->tape, operand->dtype, operand->rank, operand->shape, NULL);
    wg_view view = wg_view_of(var);
    for (int64_t k = 0; k < check->count[i] && view.data != NULL; k++) {
        if (view.dtype == WG_U8) {
            ((uint8_t *)view.data)[k] = (uint8_t)x[k];
        } else {
            ((int64_t *)view.data)[k] = (int64_t)x[k];
        }
    }
    return var;
}

static wg_var make_operand(wg_op_check *check, int i, const double *all) {
    const wg_sample_operand *operand = &check->sample.operand[i];
    const double *x = all + check->first[i];
    wg_tape *tape = check->tape;
    if (operand->dtype == WG_I64 || operand->dtype == WG_U8) {
        return integer_operand(check, i, x);
    }
    if (check->variant == WG_VARIANT_STRIDED && operand->rank > 0) {
        return strided_operand(check, i, x);
    }
    if (check->variant == WG_VARIANT_SCALARS && operand->rank == 0) {
        return is_free(check, i) ? wg_scalar(tape, *x) : wg_number(*x);
    }
    if (check->variant == WG_VARIANT_F32 && operand->dtype == WG_F64) {
        for (int64_t k = 0; k < check->count[i]; k++) {
            check->narrow[k] = (float)x[k];
        }
        return is_free(check, i)
                   ? wg_variable(tape, WG_F32, operand->rank, operand->shape, check->narrow)
                   : wg_constant(tape, WG_F32, operand->rank, operand->shape, check->narrow);
    }
    return is_free(check, i) ? wg_variable(tape, WG_F64, operand->rank, operand->shape, x)
                             : wg_constant(tape, WG_F64, operand->rank, operand->shape, x);
}

static bool is_float(wg_var x) {
    wg_dtype dtype = wg_view_of(x).dtype;
    return dtype == WG_F64 || dtype == WG_F32;
}

/* Σ wᵢ·resultᵢ with fixed weights, so that every element of the result counts differently. */
static wg_var weighted(wg_op_check *check, wg_var result) {
    wg_view view = wg_view_of(result);
    if (!wg_is_array(result)) {
        return result;
    }
    wg_var weights = wg_constant(check->tape, view.dtype, view.rank, view.shape, NULL);
    wg_view to = wg_view_of(weights);
    int64_t count = to.data != NULL ? wg_view_count(&to) : 0;
    for (int64_t k = 0; k < count; k++) {
        double w = 1 + 0.5 * sin(1.0 + (double)k);
        if (to.dtype == WG_F32) {
            ((float *)to.data)[k] = (float)w;
        } else {
            ((double *)to.data)[k] = w;
        }
    }
    return wg_sum(wg_mul(result, weights));
}

static wg_var run_op(wg_op_check *check, const double *x) {
    wg_tape_reset(check->tape);
    for (int i = 0; i < check->sample.count; i++) {
        check->xs[i] = make_operand(check, i, x);
    }
    wg_var result = wg_apply(check->op, check->sample.count, check->xs, check->sample.state,
                             check->sample.state_bytes, "check_op");
    return is_float(result) ? weighted(check, result) : wg_number(0);
}

/* Σ over free operands of ⟨direction, gradient⟩: what the second derivative is taken of. */
static wg_var along(wg_op_check *check, wg_var y) {
    wg_var gradients[WG_MAX_SAMPLE_OPERANDS];
    if (y.tape == NULL) {
        return y;
    }
    if (wg_grad(y, check->xs, check->sample.count, gradients) != WG_OK) {
        return wg_poison(check->tape);
    }
    wg_var sum = wg_scalar(check->tape, 0);
    for (int i = 0; i < check->sample.count; i++) {
        if (!is_free(check, i)) {
            continue;
        }
        const wg_sample_operand *operand = &check->sample.operand[i];
        const double *v = check->direction + check->first[i];
        wg_var part =
            wg_is_array(gradients[i])
                ? wg_at(wg_sum(wg_mul(gradients[i], wg_constant(check->tape, WG_F64, operand->rank,
                                                                operand->shape, v))),
                        0)
                : wg_mul(gradients[i], *v);
        sum = wg_add(sum, part);
    }
    return sum;
}

static bool op_value(void *context, const double *x, double *value) {
    wg_op_check *check = context;
    wg_variant variant = check->variant;
    check->variant = variant == WG_VARIANT_F32 ? WG_VARIANT_PLAIN : variant;
    wg_var y = run_op(check, x);
    y = check->second ? along(check, y) : y;
    *value = wg_value(y);
    check->variant = variant;
    return wg_tape_status(check->tape) == WG_OK;
}

/* The gradient of the run, by wg_backward or by wg_grad, into `gradient`. */
static void read_gradient(wg_op_check *check, wg_var y, bool recorded) {
    wg_var gradients[WG_MAX_SAMPLE_OPERANDS];
    if (recorded) {
        (void)wg_grad(y, check->xs, check->sample.count, gradients);
    } else if (wg_node_of(y) == NULL || (wg_node_of(y)->flags & WG_NODE_WANTS) != 0) {
        (void)wg_backward(y); /* what nothing flows into has zeros for its gradient */
    }
    for (int i = 0; i < check->sample.count; i++) {
        double *to = check->gradient + check->first[i];
        if (!is_free(check, i)) {
            continue;
        }
        if (recorded) {
            (void)wg_read(gradients[i], WG_F64, to, check->count[i]);
        } else {
            (void)wg_read_adjoint(check->xs[i], WG_F64, to, check->count[i]);
        }
    }
}

/* f32 arithmetic loses half the digits; its comparison is scaled so that one tolerance serves. */
#define WG_F32_SCALE 1e-3

static wg_status compare_gradient(wg_op_check *check, const double *expected, const char *what,
                                  wg_check_report *report) {
    double scale = check->variant == WG_VARIANT_F32 ? WG_F32_SCALE : 1;
    for (int i = 0; i < check->sample.count; i++) {
        for (int64_t k = 0; k < check->count[i] && is_free(check, i); k++) {
            double want = expected[check->first[i] + k], got = check->gradient[check->first[i] + k];
            double size = fmax(1, fabs(want));
            got = scale == 1 || !(fabs(got - want) < size) ? got : want + (got - want) * scale;
            wg_compare(report, want, got, "%s: sample %d (%s), %s by operand %d, element %lld",
                       check->op->name, check->index, variant_names[check->variant], what, i,
                       (long long)k);
        }
    }
    return WG_OK;
}

static wg_status failed(const wg_op_check *check) {
    return wg_fail(check->tape->status, "check_op: %s: sample %d (%s): %s", check->op->name,
                   check->index, variant_names[check->variant], check->tape->message);
}

/* What the derivatives by all free operands should be. */
static bool differences(wg_op_check *check, double *expected) {
    double step = check->second ? 2e-3 : 1e-3;
    for (int i = 0; i < check->sample.count; i++) {
        for (int64_t k = check->first[i]; k < check->first[i] + check->count[i]; k++) {
            if (is_free(check, i) &&
                !wg_difference(op_value, check, check->x, k, step, &expected[k])) {
                return false;
            }
        }
    }
    return true;
}

static wg_status check_variant(wg_op_check *check, double *expected, wg_check_report *report) {
    static const char *const names[] = {"gradient of wg_backward", "gradient of wg_grad",
                                        "second derivative"};
    for (int what = 0; what < 3; what++) {
        check->second = what == 2;
        if (what != 1 && !differences(check, expected)) {
            return failed(check);
        }
        wg_var y = run_op(check, check->x);
        if (y.tape == NULL) {
            return wg_tape_status(check->tape) == WG_OK ? WG_OK : failed(check);
        }
        y = check->second ? along(check, y) : y;
        read_gradient(check, y, what == 1);
        if (wg_tape_status(check->tape) != WG_OK) {
            return failed(check);
        }
        compare_gradient(check, expected, names[what], report);
    }
    return WG_OK;
}

void wg_sample_draw(const wg_op *op, int index, const wg_sample *sample, int i, double *x) {
    const wg_sample_operand *operand = &sample->operand[i];
    const wg_key key = wg_key_fold(wg_key_name(wg_key_new(7), op->name), (uint64_t)index);
    const int64_t count = wg_shape_count(operand->rank, operand->shape, sizeof *x);
    wg_random_uniform(wg_key_fold(key, (uint64_t)i), 0, (size_t)count, operand->low, operand->high,
                      x);
    for (int64_t k = 0; k < count; k++) {
        x[k] = operand->dtype == WG_I64 || operand->dtype == WG_U8 ? floor(x[k]) : x[k];
    }
    if (sample->prepare != NULL) {
        sample->prepare(i, operand, x);
    }
}

static void draw(wg_op_check *check) {
    for (int i = 0; i < check->sample.count; i++) {
        wg_sample_draw(check->op, check->index, &check->sample, i, check->x + check->first[i]);
    }
    wg_random_uniform(wg_key_name(wg_key_new(8), check->op->name), 0, (size_t)check->total, -1, 1,
                      check->direction);
}

static wg_status check_sample(wg_op_check *check, wg_check_report *report, double *worst_allowed) {
    check->total = 0;
    for (int i = 0; i < check->sample.count; i++) {
        const wg_sample_operand *operand = &check->sample.operand[i];
        check->first[i] = check->total;
        check->count[i] = wg_shape_count(operand->rank, operand->shape, sizeof(double));
        check->total += check->count[i];
    }
    size_t n = (size_t)check->total;
    double *memory = wg_calloc(8 * n + 8, sizeof *memory);
    if (memory == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "check_op: no memory for a sample of %s", check->op->name);
    }
    check->x = memory;
    check->direction = memory + n;
    check->gradient = memory + 2 * n;
    check->sink = memory + 3 * n;
    check->strided = memory + 4 * n;
    double *expected = memory + 6 * n;
    check->narrow = (float *)(void *)(memory + 7 * n);
    draw(check);
    wg_status status = WG_OK;
    for (int v = 0; v < WG_VARIANT_COUNT && status == WG_OK; v++) {
        check->variant = (wg_variant)v;
        status = check_variant(check, expected, report);
    }
    wg_free(memory);
    double tolerance = check->sample.tolerance > 0 ? check->sample.tolerance : 1e-6;
    *worst_allowed = fmax(*worst_allowed, tolerance);
    if (status == WG_OK && report->worst > tolerance) {
        status = wg_fail(WG_ERROR_CHECK, "check_op: %s", report->message);
    }
    return status;
}

wg_status wg_check_op(const wg_op *op, wg_check_report *report) {
    wg_check_report own;
    report = report != NULL ? report : &own;
    memset(report, 0, sizeof *report);
    if (op->samples == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "check_op: %s has no samples", op->name);
    }
    wg_op_check check = {.op = op, .tape = wg_tape_new()};
    if (check.tape == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "check_op: no memory for a tape");
    }
    wg_status status = WG_OK;
    double allowed = 0;
    for (check.index = 0; status == WG_OK && op->samples(check.index, &check.sample);
         check.index++) {
        check.second = false;
        status = check_sample(&check, report, &allowed);
    }
    if (status == WG_OK && check.index == 0) {
        status = wg_fail(WG_ERROR_ARGUMENT, "check_op: %s has no samples", op->name);
    }
    wg_tape_free(check.tape);
    return status;
}
