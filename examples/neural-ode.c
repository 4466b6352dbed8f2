/* neural-ode: a differential equation whose right-hand side is a network, learnt from solutions.
 *
 * A damped pendulum is observed 501 times in each of four swings. A network f with y' = f(y) starts
 * at some of these states, is followed for a while by the method of Runge and Kutta, and the
 * gradient of the distance to what was observed goes back through all the solver's steps (R. T. Q.
 * Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud, "Neural ordinary differential equations", 2018).
 *
 * First it checks the gradient through checkpoints, which keep a state now and then and compute the
 * steps between them again, against that of the plain tape: the same bits, in less memory. Then it
 * learns; the program ends well only if the network, followed over all the 25 seconds, stays within
 * 2 % (in the short form, which learns for a third of the time, 6 %) of a swing that it learnt
 * from, and of one that it never saw. The curves are in neural-ode.svg.
 *
 *     neural-ode [--short] [--seed N] */
#include <wengert.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIM = 2,     /* a state: the angle and its rate */
    SWINGS = 4,  /* that it learns from */
    TIMES = 500, /* observations of a swing after the first */
    BATCH = 64,  /* segments of swings followed at once */
    LENGTH = 20  /* observations of a segment after its first */
};

static const double h = 0.05; /* seconds from one observation to the next: the solver's step */
static const double starts[SWINGS + 1][DIM] = {
    {2.5, 0}, {-1.5, 1.5}, {0.5, -1}, {-0.6, 0}, {1, 1.5}};

/* ---- Solvers --------------------------------------------------------------------------------- */

typedef wg_var (*rate_function)(wg_net net, wg_var y);

/* The truth: rows y of angle and rate to their derivatives. */
static wg_var pendulum(wg_net net, wg_var y) {
    (void)net;
    wg_var angle = wg_slice(y, 1, 0, 1, 1), rate = wg_slice(y, 1, 1, 2, 1);
    wg_var change[DIM] = {rate, wg_sub(wg_mul(-0.15, rate), wg_sin(angle))};
    return wg_concat(DIM, change, 1);
}

/* The network: y [rows, 2] to y' [rows, 2]. */
static wg_var learned(wg_net net, wg_var y) {
    y = wg_tanh(wg_linear(net, "fc1", y, 32));
    y = wg_tanh(wg_linear(net, "fc2", y, 32));
    return wg_linear(net, "fc3", y, DIM);
}

/* One step of the classical method of fourth order. */
static wg_var runge_kutta(rate_function rate, wg_net net, wg_var y) {
    wg_var k1 = rate(net, y);
    wg_var k2 = rate(net, wg_add(y, wg_mul(h / 2, k1)));
    wg_var k3 = rate(net, wg_add(y, wg_mul(h / 2, k2)));
    wg_var k4 = rate(net, wg_add(y, wg_mul(h, k3)));
    wg_var inner = wg_mul(2, wg_add(k2, k3)), outer = wg_add(k1, k4);
    return wg_add(y, wg_mul(h / 6, wg_add(inner, outer)));
}

/* The TIMES + 1 states from `start` on, by `rate`, into path[TIMES + 1][DIM]. */
static wg_status follow(wg_net net, rate_function rate, const double *start, double *path) {
    wg_tape_reset(net.tape);
    wg_no_grad_begin(net.tape);
    wg_var y = wg_constant(net.tape, WG_F64, WG_SHAPE(1, DIM), start);
    wg_status status = wg_read(y, WG_F64, path, DIM);
    for (int i = 1; i <= TIMES && status == WG_OK; i++) {
        y = runge_kutta(rate, net, y);
        status = wg_read(y, WG_F64, path + i * DIM, DIM);
    }
    wg_no_grad_end(net.tape);
    return status;
}

/* The root of the mean squared distance, relative to that of the truth from the origin. */
static double distance(const double *path, const double *truth) {
    double off = 0, all = 0;
    for (int i = 0; i < (TIMES + 1) * DIM; i++) {
        off += (path[i] - truth[i]) * (path[i] - truth[i]);
        all += truth[i] * truth[i];
    }
    return sqrt(off / all);
}

/* ---- The gradient, with and without checkpoints ---------------------------------------------- */

typedef struct stretch {
    wg_net net;
    int steps;
} stretch;

/* A stretch of solver steps, as wg_checkpoint calls it. */
static void take_stretch(wg_tape *tape, const wg_var *xs, wg_var *ys, void *context) {
    const stretch *s = context;
    (void)tape;
    ys[0] = xs[0];
    for (int i = 0; i < s->steps; i++) {
        ys[0] = runge_kutta(learned, s->net, ys[0]);
    }
}

/* The gradient of |y|² after 400 steps, by the start, and the most bytes that the tape held. */
static wg_status gradient_of_end(wg_store *store, bool checkpoints, double *gradient,
                                 uint64_t *bytes) {
    enum {
        STEPS = 400,
        STRETCH = 20
    };
    wg_tape *tape = wg_tape_new();
    if (tape == NULL) {
        return WG_ERROR_MEMORY;
    }
    stretch s = {wg_net_train(store, tape, 0), STRETCH};
    wg_var first = wg_variable(tape, WG_F64, WG_SHAPE(1, DIM), starts[0]), y = first;
    for (int i = 0; i < STEPS; i += STRETCH) {
        if (checkpoints) {
            wg_var from = y;
            (void)wg_checkpoint(tape, take_stretch, &s, &from, 1, &y, 1);
        } else {
            take_stretch(tape, &y, &y, &s);
        }
    }
    (void)wg_backward(wg_sum(wg_square(y)));
    wg_status status = wg_read_adjoint(first, WG_F64, gradient, DIM);
    *bytes = wg_tape_usage_of(tape).bytes_peak;
    wg_zero_gradients(store); /* the sweep has added to the parameters', too */
    wg_tape_free(tape);
    return status;
}

static wg_status check_gradient(wg_store *store, bool *same) {
    double plain[DIM], less[DIM];
    uint64_t plain_bytes = 0, less_bytes = 0;
    wg_status status = gradient_of_end(store, false, plain, &plain_bytes);
    status = status == WG_OK ? gradient_of_end(store, true, less, &less_bytes) : status;
    if (status == WG_OK) {
        *same = memcmp(plain, less, sizeof plain) == 0;
        printf("The gradient through 400 steps: %s with checkpoints, in %.0f KB instead of %.0f\n",
               *same ? "the same bits" : "OTHER BITS", (double)less_bytes / 1024,
               (double)plain_bytes / 1024);
    }
    return status;
}

/* ---- Learning -------------------------------------------------------------------------------- */

typedef struct study {
    wg_tape *tape;
    wg_store *store;
    wg_optimizer *optimizer;
    wg_progress *progress;
    wg_plot *losses;
    double swings[SWINGS][TIMES + 1][DIM];
    wg_key key;
} study;

/* The loss on BATCH segments drawn by lot: the mean squared distance along all of them. */
static wg_var segments_loss(const study *s, wg_net net) {
    double seen[LENGTH + 1][BATCH][DIM];
    for (int b = 0; b < BATCH; b++) {
        uint64_t from =
            wg_random_below(wg_key_fold(s->key, net.step), (uint64_t)b, TIMES + 1 - LENGTH);
        for (int i = 0; i <= LENGTH; i++) {
            memcpy(seen[i][b], s->swings[b % SWINGS][from + (uint64_t)i], sizeof seen[i][b]);
        }
    }
    wg_var y = wg_constant(s->tape, WG_F64, WG_SHAPE(BATCH, DIM), seen[0]), sum = wg_number(0);
    for (int i = 1; i <= LENGTH; i++) {
        y = runge_kutta(learned, net, y);
        wg_var target = wg_constant(s->tape, WG_F64, WG_SHAPE(BATCH, DIM), seen[i]);
        sum = wg_add(sum, wg_mse(y, target));
    }
    return wg_div(sum, LENGTH);
}

static wg_status learn(study *s, int steps) {
    const wg_cosine_schedule cosine = {.lr = 0.01, .steps = (uint64_t)steps};
    wg_status status = WG_OK;
    for (int step = 0; step < steps && status == WG_OK; step++) {
        wg_tape_reset(s->tape);
        wg_var loss = segments_loss(s, wg_net_train(s->store, s->tape, (uint64_t)step));
        (void)wg_backward(loss);
        double value = wg_value(loss);
        (void)wg_set_lr(s->optimizer, wg_schedule_cosine(cosine, (uint64_t)step));
        status = wg_step(s->optimizer, s->tape);
        wg_progress_update(s->progress, step + 1, "loss %.2e", value);
        if (step % 20 == 0) {
            (void)wg_plot_point(s->losses, "loss", step, value);
        }
    }
    wg_progress_finish(s->progress, NULL);
    return status;
}

/* ---- From the beginning to the end ----------------------------------------------------------- */

/* Follows the network where it learnt, and where it did not; the angles go into `plot`. */
static wg_status examine(study *s, wg_plot *plot, double *error) {
    static const char *const names[2][2] = {{"a swing learnt from", "the network"},
                                            {"a swing not seen", "the network there"}};
    static double truth[TIMES + 1][DIM], path[TIMES + 1][DIM];
    wg_net net = wg_net_eval(s->store, s->tape);
    wg_status status = WG_OK;
    for (int k = 0; k < 2 && status == WG_OK; k++) {
        const double *start = starts[k == 0 ? 0 : SWINGS];
        status = follow(net, pendulum, start, truth[0]);
        status = status == WG_OK ? follow(net, learned, start, path[0]) : status;
        error[k] = distance(path[0], truth[0]);
        for (int i = 0; i <= TIMES && status == WG_OK; i++) {
            status = wg_plot_point(plot, names[k][0], i * h, truth[i][0]);
            (void)wg_plot_point(plot, names[k][1], i * h, path[i][0]);
        }
    }
    return status;
}

static wg_status run(study *s, int steps, bool *same, double *error) {
    wg_plot_options options = {.title = "A pendulum, and the network that learnt it",
                               .x_label = "seconds",
                               .y_label = "angle, radians"};
    wg_plot *plot = NULL;
    wg_status status = check_gradient(s->store, same);
    for (int k = 0; k < SWINGS && status == WG_OK; k++) {
        status = follow(wg_net_eval(s->store, s->tape), pendulum, starts[k], s->swings[k][0]);
    }
    status = status == WG_OK ? learn(s, steps) : status;
    status = status == WG_OK ? wg_plot_new(options, &plot) : status;
    status = status == WG_OK ? examine(s, plot, error) : status;
    status = status == WG_OK ? wg_plot_write(plot, "neural-ode.svg") : status;
    status = status == WG_OK ? wg_plot_write(s->losses, "neural-ode-loss.svg") : status;
    wg_plot_free(plot);
    return status;
}

int main(int argc, char **argv) {
    int steps = 9000;
    double bar = 0.02;
    uint64_t seed = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0) {
            steps = 3000;
            bar = 0.06;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], NULL, 10);
        }
    }
    study s = {.tape = wg_tape_new(), .store = wg_store_new(seed), .key = wg_key_new(seed)};
    s.optimizer = s.store != NULL ? wg_adam(s.store, wg_adam_defaults()) : NULL;
    s.progress = wg_progress_new(stdout, "learning", steps);
    wg_plot_options losses = {
        .title = "Neural ODE", .x_label = "step", .y_label = "loss", .log_y = true};
    wg_status status = wg_plot_new(losses, &s.losses);
    if (s.tape == NULL || s.optimizer == NULL) {
        status = WG_ERROR_MEMORY;
    }
    bool same = false;
    double error[2] = {HUGE_VAL, HUGE_VAL};
    status = status == WG_OK ? run(&s, steps, &same, error) : status;
    bool held = status == WG_OK && same && error[0] <= bar && error[1] <= bar;
    if (status != WG_OK) {
        fprintf(stderr, "neural-ode: %s: %s\n", wg_status_text(status), wg_last_message());
    } else {
        printf("Over 25 seconds the network is %.2f %% off, and %.2f %% in a swing it never saw; "
               "%g %% are allowed.\n%s\n",
               100 * error[0], 100 * error[1], 100 * bar,
               held ? "The curves are in neural-ode.svg, the loss in neural-ode-loss.svg"
                    : "FAILED: too far off, or gradients that differ.");
    }
    wg_plot_free(s.losses);
    wg_progress_free(s.progress);
    wg_optimizer_free(s.optimizer);
    wg_store_free(s.store);
    wg_tape_free(s.tape);
    return held ? 0 : 1;
}
