/* pinn: a network learns the solution of a differential equation from the equation alone.
 *
 * Burgers' equation, in which a sine wave steepens into a shock at x = 0 (M. Raissi, P. Perdikaris,
 * G. E. Karniadakis, "Physics-informed neural networks", 2019, appendix A):
 *
 *     u_t + u u_x = nu u_xx      for -1 < x < 1, 0 < t < 1, nu = 0.01 / pi
 *     u(0, x) = -sin(pi x)       u(t, -1) = u(t, 1) = 0
 *
 * Start and borders hold by construction: u = -sin(pi x) + t (1 - x²) N(t, x) for the network N.
 * The loss is the mean square of what the equation leaves over at points drawn by lot, so it has
 * second derivatives of the network in it, which wg_grad records, and the gradient goes through
 * them. Adam begins, L-BFGS goes on.
 *
 * The program ends well only if the network is within 0.5 % (in the short form, 10 %) of the exact
 * solution, by the norm of L2 at 256 x 100 points. It leaves the loss in pinn-loss.svg, and the
 * solution at four times in pinn.svg.
 *
 *     pinn [--short] [--seed N] */
#include <wengert.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LAYERS = 5,
    WIDTH = 24,
    POINTS = 2000, /* where the equation is asked for */
    ACROSS = 256,  /* of the grid to compare on: x from -1 to 1, */
    TIMES = 100    /* t from 0 to 0.99 */
};

static const double pi = 3.14159265358979323846, nu = 0.01 / 3.14159265358979323846;

/* ---- The solution as a network --------------------------------------------------------------- */

/* u of the columns t and x [n, 1]. */
static wg_var solution(wg_net net, wg_var t, wg_var x) {
    const wg_linear_options hidden = {
        .out = WIDTH, .weight = wg_init_glorot_normal(1), .bias = wg_init_constant(0)};
    wg_var h = wg_concat(2, (wg_var[]){t, x}, 1);
    for (int i = 0; i < LAYERS; i++) {
        h = wg_tanh(wg_linear_with(wg_scope(net, "hidden%d", i), "fc", h, hidden));
    }
    wg_var inside = wg_mul(t, wg_sub(1, wg_square(x))), start = wg_neg(wg_sin(wg_mul(pi, x)));
    return wg_add(start, wg_mul(inside, wg_linear(net, "output", h, 1)));
}

/* What the equation leaves over, u_t + u u_x - nu u_xx: t and x must be variables. */
static wg_var residual(wg_net net, wg_var t, wg_var x) {
    const wg_var tx[2] = {t, x};
    wg_var u = solution(net, t, x), first[2], u_xx;
    (void)wg_grad(wg_sum(u), tx, 2, first); /* of the sum: no point looks at another */
    (void)wg_grad(wg_sum(first[1]), &x, 1, &u_xx);
    return wg_sub(wg_add(first[0], wg_mul(u, first[1])), wg_mul(nu, u_xx));
}

/* ---- The exact solution ---------------------------------------------------------------------- */

/* E. Hopf (1950) and J. D. Cole (1951) make the heat equation of it:
 *
 *     u = -∫ sin(pi y) w dz / ∫ w dz,   y = x - 2 √(nu t) z,   w = exp(-z² - cos(pi y) / (2 pi nu))
 *
 * by the trapezoidal rule, which is exact to rounding here. */
static double exact(double t, double x) {
    double above = 0, below = 0;
    for (int i = -700; i <= 700; i++) {
        double z = 0.02 * i, y = x - 2 * sqrt(nu * t) * z;
        double w = exp(-z * z - cos(pi * y) / (2 * pi * nu));
        above += sin(pi * y) * w;
        below += w;
    }
    return -above / below;
}

/* ---- Training -------------------------------------------------------------------------------- */

typedef struct study {
    wg_tape *tape;
    wg_store *store;
    wg_progress *progress;
    wg_plot *losses;
    double t[POINTS], x[POINTS]; /* where the equation is asked for now */
    int done;                    /* evaluations */
} study;

static void draw_points(study *s, wg_key key) {
    wg_random_uniform(wg_key_name(key, "t"), 0, POINTS, 0, 1, s->t);
    wg_random_uniform(wg_key_name(key, "x"), 0, POINTS, -1, 1, s->x);
}

static wg_var residual_at_points(study *s) {
    wg_var t = wg_variable(s->tape, WG_F64, WG_SHAPE(POINTS, 1), s->t);
    wg_var x = wg_variable(s->tape, WG_F64, WG_SHAPE(POINTS, 1), s->x);
    return residual(wg_net_train(s->store, s->tape, 0), t, x);
}

/* The loss at the points and its gradient, for both optimizers. */
static wg_status evaluate(void *context, double *loss) {
    study *s = context;
    wg_tape_reset(s->tape);
    wg_var mean = wg_mean(wg_square(residual_at_points(s)));
    wg_status status = wg_backward(mean);
    *loss = wg_value(mean);
    s->done++;
    if (s->done % 20 == 1) {
        (void)wg_plot_point(s->losses, "residual", s->done, *loss);
    }
    wg_progress_update(s->progress, s->done, "residual %.2e", *loss);
    return status;
}

/* Adam, at other points in each step. */
static wg_status go_roughly(study *s, int steps, wg_key key) {
    wg_optimizer *adam = wg_adam(s->store, wg_adam_defaults());
    const wg_cosine_schedule rate = {.lr = 5e-3, .least = 5e-4, .steps = (uint64_t)steps};
    wg_status status = adam == NULL ? WG_ERROR_MEMORY : WG_OK;
    for (int i = 0; i < steps && status == WG_OK; i++) {
        double loss;
        draw_points(s, wg_key_fold(key, (uint64_t)i));
        (void)wg_set_lr(adam, wg_schedule_cosine(rate, (uint64_t)i));
        status = evaluate(s, &loss);
        status = status == WG_OK ? wg_step(adam, s->tape) : status;
    }
    wg_optimizer_free(adam);
    return status;
}

/* Points where the equation is violated most: of CHUNKS times as many, with a probability in
 * proportion to 1 + |residual| / mean |residual| (C. Wu, M. Zhu, Q. Tan, Y. Kartha, L. Lu, "A
 * comprehensive study of non-adaptive and residual-based adaptive sampling", 2023). */
static wg_status choose_points(study *s, wg_key key) {
    enum {
        CHUNKS = 10,
        SHARE = POINTS / CHUNKS
    };
    double t[POINTS], x[POINTS], off[POINTS], start[CHUNKS];
    wg_status status = WG_OK;
    wg_random_uniform(key, 0, CHUNKS, 0, 1, start);
    for (int chunk = 0; chunk < CHUNKS && status == WG_OK; chunk++) {
        draw_points(s, wg_key_fold(key, (uint64_t)chunk));
        wg_tape_reset(s->tape);
        status = wg_read(residual_at_points(s), WG_F64, off, POINTS);
        double mean = 0, passed = 0, next = start[chunk];
        for (int i = 0; i < POINTS; i++) {
            mean += fabs(off[i]) / POINTS;
        }
        for (int i = 0, k = 0; i < POINTS && k < SHARE && status == WG_OK; i++) {
            passed += (1 + fabs(off[i]) / mean) * SHARE / (2 * POINTS);
            for (; passed > next && k < SHARE; k++, next++) {
                t[chunk * SHARE + k] = s->t[i];
                x[chunk * SHARE + k] = s->x[i];
            }
        }
    }
    memcpy(s->t, t, sizeof t);
    memcpy(s->x, x, sizeof x);
    return status;
}

/* L-BFGS, which needs a loss without noise: points stay for `iterations` at a time. */
static wg_status go_finely(study *s, int rounds, int iterations, wg_key key) {
    wg_status status = WG_OK;
    for (int i = 0; i < rounds && status == WG_OK; i++) {
        wg_progress_restart(s->progress, "L-BFGS, round %d of %d", i + 1, rounds);
        wg_lbfgs_options options = {.iterations = iterations,
                                    .evaluations = 2 * iterations,
                                    .gradient_tolerance = 1e-12,
                                    .change_tolerance = 1e-14};
        wg_optimizer *lbfgs = wg_lbfgs(s->store, options);
        status = lbfgs == NULL ? WG_ERROR_MEMORY : choose_points(s, wg_key_fold(key, (uint64_t)i));
        status = status == WG_OK ? wg_lbfgs_step(lbfgs, evaluate, s, NULL) : status;
        wg_progress_finish(s->progress, NULL);
        wg_optimizer_free(lbfgs);
    }
    return status;
}

/* ---- Comparison ------------------------------------------------------------------------------ */

/* *error: the distance from the exact solution on the grid, relative to that one's norm. */
static wg_status compare(study *s, wg_plot *plot, double *error) {
    static double t[TIMES][ACROSS], x[TIMES][ACROSS], u[TIMES][ACROSS];
    double off = 0, all = 0;
    for (int i = 0; i < TIMES; i++) {
        for (int j = 0; j < ACROSS; j++) {
            t[i][j] = 0.01 * i;
            x[i][j] = 2.0 * j / (ACROSS - 1) - 1;
        }
    }
    wg_tape_reset(s->tape);
    wg_no_grad_begin(s->tape);
    wg_var at_t = wg_constant(s->tape, WG_F64, WG_SHAPE(TIMES * ACROSS, 1), t);
    wg_var at_x = wg_constant(s->tape, WG_F64, WG_SHAPE(TIMES * ACROSS, 1), x);
    wg_var at_u = solution(wg_net_eval(s->store, s->tape), at_t, at_x);
    wg_status status = wg_read(at_u, WG_F64, u, TIMES * ACROSS);
    wg_no_grad_end(s->tape);
    for (int i = 0; i < TIMES && status == WG_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "t = %.2f", t[i][0]);
        for (int j = 0; j < ACROSS && status == WG_OK; j++) {
            double truth = exact(t[i][j], x[i][j]);
            off += (u[i][j] - truth) * (u[i][j] - truth);
            all += truth * truth;
            if (i % 33 == 0) {
                status = wg_plot_point(plot, name, x[i][j], u[i][j]);
            }
        }
    }
    *error = sqrt(off / all);
    return status;
}

static wg_status run(study *s, bool brief, uint64_t seed, double *error) {
    const int steps = brief ? 400 : 2000, rounds = brief ? 1 : 8, iterations = brief ? 400 : 500;
    wg_plot_options options = {
        .title = "Burgers' equation, the network's solution", .x_label = "x", .y_label = "u"};
    wg_key key = wg_key_new(seed);
    wg_plot *plot = NULL;
    wg_status status = go_roughly(s, steps, wg_key_name(key, "Adam"));
    wg_progress_finish(s->progress, NULL);
    status =
        status == WG_OK ? go_finely(s, rounds, iterations, wg_key_name(key, "L-BFGS")) : status;
    status = status == WG_OK ? wg_plot_new(options, &plot) : status;
    status = status == WG_OK ? compare(s, plot, error) : status;
    status = status == WG_OK ? wg_plot_write(plot, "pinn.svg") : status;
    status = status == WG_OK ? wg_plot_write(s->losses, "pinn-loss.svg") : status;
    wg_plot_free(plot);
    return status;
}

int main(int argc, char **argv) {
    uint64_t seed = 1;
    bool brief = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0) {
            brief = true;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], NULL, 10);
        }
    }
    static study s; /* zeros; too large for some stacks */
    s.tape = wg_tape_new();
    s.store = wg_store_new(seed);
    s.progress = wg_progress_new(stdout, "Adam", 0);
    wg_status status = wg_plot_new((wg_plot_options){.title = "Burgers' equation",
                                                     .x_label = "evaluation",
                                                     .y_label = "mean squared residual",
                                                     .log_y = true},
                                   &s.losses);
    if (s.tape == NULL || s.store == NULL) {
        status = WG_ERROR_MEMORY;
    }
    double error = HUGE_VAL, bar = brief ? 0.1 : 0.005;
    status = status == WG_OK ? run(&s, brief, seed, &error) : status;
    if (status != WG_OK) {
        fprintf(stderr, "pinn: %s: %s\n", wg_status_text(status), wg_last_message());
    } else {
        printf("The network is %.3f %% off the exact solution; %g %% are allowed.\n"
               "The solution is in pinn.svg, the loss in pinn-loss.svg\n",
               100 * error, 100 * bar);
    }
    wg_plot_free(s.losses);
    wg_progress_free(s.progress);
    wg_store_free(s.store);
    wg_tape_free(s.tape);
    return status == WG_OK && error <= bar ? 0 : 1;
}
