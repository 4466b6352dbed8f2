/* CTC against the sum over all paths, one by one. */
#include "arrays.h"

#include "wengert/loss.h"

enum {
    FRAMES = 4,
    CLASSES = 3
};

/* Whether a path reads as the target, blanks and repeats left out. */
static bool reads_as(const int *path, int frames, const int64_t *target, int length, int blank) {
    int at = 0, before = -1;
    for (int t = 0; t < frames; t++) {
        if (path[t] != before && path[t] != blank) {
            if (at == length || path[t] != target[at]) {
                return false;
            }
            at++;
        }
        before = path[t];
    }
    return at == length;
}

/* The probability of the target, and its derivatives to each log-probability. */
static double enumerate(const double *x, int frames, const int64_t *target, int length, int blank,
                        double *slope) {
    int paths = 1;
    double all = 0;
    memset(slope, 0, FRAMES * CLASSES * sizeof *slope);
    for (int t = 0; t < frames; t++) {
        paths *= CLASSES;
    }
    for (int p = 0; p < paths; p++) {
        int path[FRAMES], rest = p;
        double log_p = 0;
        for (int t = 0; t < frames; t++, rest /= CLASSES) {
            path[t] = rest % CLASSES;
            log_p += x[t * CLASSES + path[t]];
        }
        if (reads_as(path, frames, target, length, blank)) {
            all += exp(log_p);
            for (int t = 0; t < frames; t++) {
                slope[t * CLASSES + path[t]] += exp(log_p);
            }
        }
    }
    return all;
}

Test(ctc, is_the_sum_over_all_paths) {
    static const int64_t targets[][3] = {{1, 1, 2}, {1, 2, 1}, {2, 2, 2}, {2, 1, 0}};
    for (int row = 0; row < 4; row++) {
        for (int length = 0; length <= (row == 3 ? 2 : 3); length++) {
            for (int frames = 0; frames <= FRAMES; frames++) {
                wg_tape *tape = wg_tape_new();
                wg_var x = ramp(tape, WG_F64, WG_SHAPE(FRAMES, 1, CLASSES)), gradient[2];
                wg_var y = wg_constant(tape, WG_I64, WG_SHAPE(1, 3), targets[row]);
                wg_var in = wg_constant(tape, WG_I64, WG_SHAPE(1), (int64_t[]){frames});
                wg_var out = wg_constant(tape, WG_I64, WG_SHAPE(1), (int64_t[]){length});
                double values[MOST], want[FRAMES * CLASSES];
                read_all(x, values);
                const double p = enumerate(values, frames, targets[row], length, 0, want);
                const wg_ctc_options o = {.reduction = WG_LOSS_SUM};
                wg_var loss = wg_ctc_with(x, y, in, out, o);
                expect_close(wg_value(loss), -log(p), 1e-14, 0);
                for (int i = 0; i < FRAMES * CLASSES; i++) {
                    want[i] = p > 0 ? -want[i] / p : NAN;
                }
                if (p > 0) {
                    cr_assert_eq(wg_grad(loss, &x, 1, &gradient[0]), WG_OK, "%s",
                                 wg_tape_message(tape));
                    expect_values(gradient[0], want, 1e-13);
                    cr_assert_eq(wg_backward(loss), WG_OK, "%s", wg_tape_message(tape));
                    expect_adjoint(x, want, 1e-13);
                }
                wg_tape_free(tape);
            }
        }
    }
}

Test(ctc, infinite_losses_are_zero_where_asked) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2, 2, 3)), gradient;
    wg_var y = wg_constant(tape, WG_U8, WG_SHAPE(2, 2), (uint8_t[]){1, 1, 1, 2});
    wg_var in = wg_constant(tape, WG_I64, WG_SHAPE(2), (int64_t[]){2, 2});
    wg_var out = wg_constant(tape, WG_I64, WG_SHAPE(2), (int64_t[]){2, 2});
    cr_assert(isinf(wg_value(wg_ctc(x, y, in, out))));
    const wg_ctc_options o = {.reduction = WG_LOSS_NONE, .zero_infinity = true};
    wg_var each = wg_ctc_with(x, y, in, out, o);
    double values[MOST];
    read_all(x, values);
    expect_values(each, (double[]){0, -(values[4] + values[11])}, 1e-15);
    wg_var loss = wg_sum(each);
    const double want[] = {0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, -1};
    cr_assert_eq(wg_grad(loss, &x, 1, &gradient), WG_OK, "%s", wg_tape_message(tape));
    expect_values(gradient, want, 1e-15);
    cr_assert_eq(wg_backward(loss), WG_OK);
    expect_adjoint(x, want, 1e-15);
    wg_tape_free(tape);
}

Test(ctc, long_sequences_do_not_underflow) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_full(tape, WG_F32, WG_SHAPE(1300, 1, 3), -50);
    wg_var y = wg_constant(tape, WG_I64, WG_SHAPE(1, 1), (int64_t[]){1});
    wg_var in = wg_constant(tape, WG_I64, WG_SHAPE(1), (int64_t[]){1300});
    wg_var out = wg_constant(tape, WG_I64, WG_SHAPE(1), (int64_t[]){1});
    /* Every run of ones: 1300 · 1301 / 2 paths of one probability. */
    expect_close(wg_value(wg_ctc(x, y, in, out)), 65000 - log(1300.0 * 1301 / 2), 1e-7, 0);
    wg_tape_free(tape);
}

Test(ctc, errors) {
    wg_tape *tape = wg_tape_new();
    const int64_t shape[] = {4, 1, 3};
#define CTC(label, frames, length, blank_class)                                                    \
    wg_ctc_with(ramp(tape, WG_F64, 3, shape),                                                      \
                wg_constant(tape, WG_I64, WG_SHAPE(1, 2), ((int64_t[]){1, label})),                \
                wg_constant(tape, WG_I64, WG_SHAPE(1), (int64_t[]){frames}),                       \
                wg_constant(tape, WG_I64, WG_SHAPE(1), (int64_t[]){length}),                       \
                (wg_ctc_options){.blank = blank_class})
    CTC(3, 4, 2, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "ctc: label 1 of sequence 0 is 3");
    CTC(0, 4, 2, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "label 1 of sequence 0 is 0: the blank");
    CTC(2, 5, 2, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "sequence 0: 5 frames and 2 labels, of 4 and 2");
    CTC(2, 4, 3, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "4 frames and 3 labels");
    CTC(2, 4, 2, 3);
    expect_failure(tape, WG_ERROR_ARGUMENT, "the blank is 3 of 3 classes");
    wg_var y = wg_constant(tape, WG_I64, WG_SHAPE(2, 2), NULL);
    wg_var n = wg_constant(tape, WG_I64, WG_SHAPE(1), NULL);
    wg_ctc(ramp(tape, WG_F64, 3, shape), y, n, n);
    expect_failure(tape, WG_ERROR_SHAPE, "[4, 1, 3], [2, 2], [1] and [1] are not");
    wg_tape_free(tape);
}
