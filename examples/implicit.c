/* implicit: how strongly to penalise each weight, found by gradient descent.
 *
 * A logistic regression of 12 features, of which 3 say something, learns from 60 examples; each
 * weight has a penalty of its own, exp(rho)·w². What training finds, w*(rho), is defined by an
 * equation: the training loss has no slope there. wg_root finds it by Newton's method and knows its
 * derivative by the implicit function theorem, however training went. So the loss on 60 other
 * examples has a gradient by the penalties, and descends along it.
 *
 *     implicit [--short] */
#include <wengert.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    FEATURES = 12,
    EXAMPLES = 60
};

/* Half of the examples to learn from, half to judge by. */
typedef struct examples {
    wg_var x, sign; /* [60, 12] and [60], ±1 */
} examples;

static examples make_examples(wg_tape *tape, uint64_t number) {
    const wg_key key = wg_key_fold(wg_key_new(7), number);
    double x[EXAMPLES * FEATURES], noise[EXAMPLES], sign[EXAMPLES];
    wg_random_normal(wg_key_fold(key, 0), 0, EXAMPLES * FEATURES, 0, 1, x);
    wg_random_normal(wg_key_fold(key, 1), 0, EXAMPLES, 0, 1, noise);
    for (int i = 0; i < EXAMPLES; i++) {
        const double *row = x + i * FEATURES;
        sign[i] = 2 * row[0] - 1.5 * row[1] + row[2] + noise[i] > 0 ? 1 : -1;
    }
    return (examples){wg_constant(tape, WG_F64, WG_SHAPE(EXAMPLES, FEATURES), x),
                      wg_constant(tape, WG_F64, WG_SHAPE(EXAMPLES), sign)};
}

/* mean ln(1 + exp(-sign·x·w)) */
static wg_var loss(const examples *on, wg_var w) {
    return wg_mean(wg_softplus(wg_neg(wg_mul(on->sign, wg_matmul(on->x, w)))));
}

/* What training makes least, of w and rho. */
static void objective(wg_tape *tape, const wg_var *xs, wg_var *ys, void *context) {
    (void)tape;
    wg_var penalty = wg_sum(wg_mul(wg_exp(xs[1]), wg_square(xs[0])));
    ys[0] = wg_add(loss(context, xs[0]), penalty);
}

/* Its slope, which is 0 at w*. */
static void slope(wg_tape *tape, const wg_var *xs, wg_var *ys, void *context) {
    wg_var value, gradients[2];
    (void)wg_value_and_grad(tape, objective, context, xs, 2, &value, gradients);
    ys[0] = gradients[0];
}

/* What training finds. The slope's Jacobian is a Hessian, so conjugate gradients solve with it. */
static wg_var train(wg_tape *tape, examples *on, wg_var rho) {
    const wg_var start = wg_full(tape, WG_F64, WG_SHAPE(FEATURES), 0);
    return wg_root(tape, slope, on, start, &rho, 1,
                   (wg_root_options){.tolerance = 1e-12, .system = {.solver = WG_SOLVER_CG}});
}

/* The loss on the other examples, and its gradient by rho. */
static double judge(wg_tape *tape, const double *rho, double *gradient, double *weights) {
    wg_tape_reset(tape);
    examples learn = make_examples(tape, 0), other = make_examples(tape, 1);
    wg_var penalties = wg_variable(tape, WG_F64, WG_SHAPE(FEATURES), rho);
    wg_var w = wg_keep(train(tape, &learn, penalties)), found = loss(&other, w);
    const double value = wg_value(found);
    if (gradient != NULL && wg_backward(found) == WG_OK) {
        (void)wg_read_adjoint(penalties, WG_F64, gradient, FEATURES);
        (void)wg_read(w, WG_F64, weights, FEATURES);
    }
    return value;
}

/* The greatest difference between the gradient and central differences. */
static double against_differences(wg_tape *tape, const double *rho, const double *gradient) {
    double worst = 0;
    for (int i = 0; i < FEATURES; i++) {
        double moved[FEATURES];
        memcpy(moved, rho, sizeof moved);
        moved[i] = rho[i] + 1e-4;
        const double above = judge(tape, moved, NULL, NULL);
        moved[i] = rho[i] - 1e-4;
        const double error = fabs((above - judge(tape, moved, NULL, NULL)) / 2e-4 - gradient[i]);
        worst = error <= worst ? worst : isnan(error) ? HUGE_VAL : error;
    }
    return worst;
}

static void show(int step, double value, const double *rho, const double *weights) {
    printf("%4d   %.5f  ", step, value);
    for (int i = 0; i < FEATURES; i++) {
        printf(" %6.2f", weights[i]);
    }
    printf("\n               ");
    for (int i = 0; i < FEATURES; i++) {
        printf(" %6.2f", rho[i]);
    }
    printf("\n");
}

int main(void) { /* --short changes nothing: it is over at once */
    wg_tape *tape = wg_tape_new();
    if (tape == NULL) {
        fprintf(stderr, "no memory for a tape\n");
        return 1;
    }
    double rho[FEATURES], gradient[FEATURES], weights[FEATURES];
    for (int i = 0; i < FEATURES; i++) {
        rho[i] = -5;
    }
    const double first = judge(tape, rho, gradient, weights);
    const double error = against_differences(tape, rho, gradient);
    double value = first;
    printf("step  loss elsewhere; weights, and below them the logarithms of their penalties\n");
    for (int step = 0; step <= 100 && wg_tape_status(tape) == WG_OK; step++) {
        value = judge(tape, rho, gradient, weights);
        if (step % 25 == 0) {
            show(step, value, rho, weights);
        }
        for (int i = 0; i < FEATURES; i++) {
            rho[i] -= 10 * gradient[i];
        }
    }
    if (wg_tape_status(tape) != WG_OK) {
        fprintf(stderr, "%s\n", wg_tape_message(tape));
    }
    wg_tape_free(tape);
    printf("\nThe gradient is that of central differences to %.1e.\n"
           "The loss elsewhere fell from %.4f to %.4f.\n",
           error, first, value);
    const bool held = error <= 1e-7 && value < 0.85 * first;
    printf("%s\n", held ? "What was claimed held." : "FAILED: what was claimed did not hold.");
    return held ? 0 : 1;
}
