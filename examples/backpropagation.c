/* backpropagation: the textbook algorithm in the open.
 *
 * A network of 2 inputs, 3 hidden units and 1 output learns exclusive or, one pattern at a time:
 *
 *     aⱼ = wⱼ₁ x₁ + wⱼ₂ x₂ + bⱼ,   hⱼ = tanh aⱼ,   y = v₁ h₁ + v₂ h₂ + v₃ h₃ + c,   E = ½ (y − t)²
 *
 * (C. M. Bishop, Pattern Recognition and Machine Learning (2006), section 5.3.2.) The program
 * prints each adjoint of the first step as the product that the chain rule makes it of, and holds
 * that product against the tape; trains until the error is zero; and shows what spoils training.
 *
 *     backpropagation [--short] [--dot FILE]     FILE: the first step's graph, for Graphviz */
#include <wengert.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    HIDDEN = 3,
    PATTERNS = 4,
    EPOCHS = 1000
};

/* Where each weight stands among the 13: w, two of each hidden unit, then b, v, c. */
enum {
    W = 0,
    B = W + 2 * HIDDEN,
    V = B + HIDDEN,
    C = V + HIDDEN,
    WEIGHTS = C + 1
};

static const char *const weight_name[WEIGHTS] = {"w11", "w12", "w21", "w22", "w31", "w32", "b1",
                                                 "b2",  "b3",  "v1",  "v2",  "v3",  "c"};

typedef struct pattern {
    double x[2], t;
} pattern;

static const pattern exclusive_or[PATTERNS] = {{{1, 1}, 0}, {{1, 0}, 1}, {{0, 1}, 1}, {{0, 0}, 0}};

/* ---- The network ----------------------------------------------------------------------------- */

typedef struct activity {
    wg_var a[HIDDEN], h[HIDDEN], y, E;
} activity;

/* Weights are variables of a tape in training and plain numbers elsewhere: the code is the same. */
static activity run(const wg_var w[WEIGHTS], const pattern *p) {
    activity net;
    net.y = w[C];
    for (int j = 0; j < HIDDEN; j++) {
        wg_var from_inputs =
            wg_add(wg_mul(w[W + 2 * j], p->x[0]), wg_mul(w[W + 2 * j + 1], p->x[1]));
        net.a[j] = wg_add(from_inputs, w[B + j]);
        net.h[j] = wg_tanh(net.a[j]);
        net.y = wg_add(net.y, wg_mul(w[V + j], net.h[j]));
    }
    net.E = wg_mul(0.5, wg_square(wg_sub(net.y, p->t)));
    return net;
}

/* The error over all patterns. No tape: numbers in, a number out. */
static double total_error(const double weight[WEIGHTS]) {
    wg_var w[WEIGHTS];
    for (int i = 0; i < WEIGHTS; i++) {
        w[i] = wg_number(weight[i]);
    }
    double sum = 0;
    for (int k = 0; k < PATTERNS; k++) {
        sum += wg_value(run(w, &exclusive_or[k]).E);
    }
    return sum;
}

static void put_on_tape(wg_tape *tape, const double weight[WEIGHTS], wg_var w[WEIGHTS]) {
    wg_tape_reset(tape);
    for (int i = 0; i < WEIGHTS; i++) {
        w[i] = wg_scalar(tape, weight[i]);
    }
}

/* Gradient descent: each weight moves against its adjoint. */
static void update(double weight[WEIGHTS], const wg_var w[WEIGHTS], double rate) {
    for (int i = 0; i < WEIGHTS; i++) {
        weight[i] -= rate * wg_adjoint(w[i]);
    }
}

/* One pass over the patterns. This is all that training is. */
static wg_status train_epoch(wg_tape *tape, double weight[WEIGHTS], double rate) {
    for (int k = 0; k < PATTERNS; k++) {
        wg_var w[WEIGHTS];
        put_on_tape(tape, weight, w);
        wg_status status = wg_backward(run(w, &exclusive_or[k]).E);
        if (status != WG_OK) {
            return status;
        }
        update(weight, w, rate);
    }
    return WG_OK;
}

static void random_weights(double weight[WEIGHTS]) {
    wg_random_uniform(wg_key_new(1), 0, WEIGHTS, -1, 1, weight);
}

/* ---- The first step, every number of it ------------------------------------------------------ */

/* The text with each # replaced by the unit's number. */
static const char *numbered(char out[32], const char *text, int unit) {
    int i = 0;
    for (; text[i] != '\0' && i < 31; i++) {
        out[i] = text[i] == '#' ? (char)('1' + unit) : text[i];
    }
    out[i] = '\0';
    return out;
}

/* Prints `name = rule = left * right` beside the tape's adjoint of x, and returns the product. The
 * greatest difference between the two is kept in *worst. */
static double product(int unit, const char *name, const char *rule, double left, double right,
                      wg_var x, double *worst) {
    char text[2][32];
    double by_hand = left * right, by_tape = wg_adjoint(x);
    printf("  %-4s = %-14s = %9.6f * %9.6f = %15.12f  %15.12f\n", numbered(text[0], name, unit),
           numbered(text[1], rule, unit), left, right, by_hand, by_tape);
    double difference = fabs(by_hand - by_tape);
    *worst = difference <= *worst ? *worst : difference; /* NaN, too, becomes the worst */
    return by_hand;
}

static void show_forward(const activity *net, const pattern *p) {
    printf("Forward, for the pattern x = (%g, %g) with the target t = %g\n\n", p->x[0], p->x[1],
           p->t);
    for (int j = 0; j < HIDDEN; j++) {
        int n = j + 1;
        printf("  a%d = w%d1 x1 + w%d2 x2 + b%d = %9.6f     h%d = tanh a%d = %9.6f\n", n, n, n, n,
               wg_value(net->a[j]), n, n, wg_value(net->h[j]));
    }
    printf("  y  = v1 h1 + v2 h2 + v3 h3 + c = %.6f     E = (y - t)^2 / 2 = %.6f\n\n",
           wg_value(net->y), wg_value(net->E));
}

/* The sweep by hand, newest first, as the tape goes. Returns the worst disagreement with it. */
static double show_backward(const activity *net, const pattern *p, const wg_var w[WEIGHTS]) {
    double worst = 0;
    printf("Backward: dX stands for the adjoint dE/dX\n\n%62s  %15s\n", "by hand", "by the tape");
    double dE = product(0, "dE", "1", 1, 1, net->E, &worst);
    double dy = product(0, "dy", "dE (y - t)", dE, wg_value(net->y) - p->t, net->y, &worst);
    (void)product(0, "dc", "dy 1", dy, 1, w[C], &worst);
    for (int j = 0; j < HIDDEN; j++) {
        double h = wg_value(net->h[j]), v = wg_value(w[V + j]);
        printf("\n");
        (void)product(j, "dv#", "dy h#", dy, h, w[V + j], &worst);
        double dh = product(j, "dh#", "dy v#", dy, v, net->h[j], &worst);
        double da = product(j, "da#", "dh# (1 - h#^2)", dh, 1 - h * h, net->a[j], &worst);
        (void)product(j, "db#", "da# 1", da, 1, w[B + j], &worst);
        (void)product(j, "dw#1", "da# x1", da, p->x[0], w[W + 2 * j], &worst);
        (void)product(j, "dw#2", "da# x2", da, p->x[1], w[W + 2 * j + 1], &worst);
    }
    return worst;
}

static void show_update(const double before[WEIGHTS], const wg_var w[WEIGHTS],
                        const double after[WEIGHTS], double rate) {
    printf("\nUpdate: w := w - %g dw\n\n", rate);
    for (int i = 0; i < WEIGHTS; i++) {
        printf("  %-3s  %9.6f - %g * %9.6f = %9.6f\n", weight_name[i], before[i], rate,
               wg_adjoint(w[i]), after[i]);
    }
}

/* The graph, with all values and adjoints: dot -Tsvg FILE > graph.svg */
static bool write_graph(const wg_tape *tape, const wg_var w[WEIGHTS], const activity *net,
                        const char *path) {
    static const char *const a_name[HIDDEN] = {"a1", "a2", "a3"};
    static const char *const h_name[HIDDEN] = {"h1", "h2", "h3"};
    wg_dot_name names[WEIGHTS + 2 * HIDDEN + 2];
    int count = 0;
    for (int i = 0; i < WEIGHTS; i++) {
        names[count++] = (wg_dot_name){w[i], weight_name[i]};
    }
    for (int j = 0; j < HIDDEN; j++) {
        names[count++] = (wg_dot_name){net->a[j], a_name[j]};
        names[count++] = (wg_dot_name){net->h[j], h_name[j]};
    }
    names[count++] = (wg_dot_name){net->y, "y"};
    names[count++] = (wg_dot_name){net->E, "E"};
    wg_dot_options options = {.names = names, .name_count = count};
    if (wg_write_dot(tape, path, options) != WG_OK) {
        fprintf(stderr, "%s\n", wg_last_message());
        return false;
    }
    printf("The graph of this step is in %s\n\n", path);
    return true;
}

/* One step on one pattern, every number of it printed. True where hand and tape agree. */
static bool show_first_step(wg_tape *tape, const char *dot_path) {
    const double rate = 0.1;
    const pattern *p = &exclusive_or[0];
    double before[WEIGHTS], after[WEIGHTS];
    wg_var w[WEIGHTS];
    random_weights(before);
    memcpy(after, before, sizeof after);

    put_on_tape(tape, before, w);
    activity net = run(w, p);
    show_forward(&net, p);
    /* _keep: the adjoints of a, h and y are to be read as well, not those of the weights alone. */
    if (wg_backward_keep(net.E) != WG_OK) {
        fprintf(stderr, "%s\n", wg_tape_message(tape));
        return false;
    }
    double worst = show_backward(&net, p, w);
    update(after, w, rate);
    show_update(before, w, after, rate);
    printf("\nThe greatest difference between hand and tape: %.1e\n\n", worst);
    return worst <= 1e-12 && (dot_path == NULL || write_graph(tape, w, &net, dot_path));
}

/* ---- Training: well, and badly --------------------------------------------------------------- */

/* A way to train, and what its error did. */
typedef struct trial {
    const char *name;
    double rate;
    bool all_equal; /* start with all weights 0.5 instead of random ones */
    double weight[WEIGHTS];
    double error[EPOCHS + 1]; /* before the first epoch, and after each */
} trial;

static wg_status run_trial(wg_tape *tape, trial *t) {
    random_weights(t->weight);
    for (int i = 0; i < WEIGHTS && t->all_equal; i++) {
        t->weight[i] = 0.5;
    }
    t->error[0] = total_error(t->weight);
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        wg_status status = train_epoch(tape, t->weight, t->rate);
        if (status != WG_OK) {
            return status;
        }
        t->error[epoch] = total_error(t->weight);
    }
    return WG_OK;
}

static wg_status run_trials(wg_tape *tape, trial *trials, int count) {
    wg_status status = WG_OK;
    for (int i = 0; i < count && status == WG_OK; i++) {
        status = run_trial(tape, &trials[i]);
    }
    return status;
}

static void show_trials(const trial *trials, int count) {
    static const int epochs[] = {0, 1, 3, 10, 30, 100, 300, EPOCHS};
    enum {
        COLUMNS = sizeof epochs / sizeof epochs[0]
    };
    printf("Training: the error over all patterns after so many epochs\n\n%25s", "");
    for (int k = 0; k < COLUMNS; k++) {
        printf("%9d", epochs[k]);
    }
    for (int i = 0; i < count; i++) {
        printf("\n  %-23s", trials[i].name);
        for (int k = 0; k < COLUMNS; k++) {
            double error = trials[i].error[epochs[k]];
            if (isfinite(error)) {
                printf("  %7.1e", error);
            } else {
                printf("%9s", "lost");
            }
        }
    }
    printf("\n\n");
}

/* A chart of the first epochs; a curve ends where it leaves the picture. */
static wg_status draw_trials(const trial *trials, int count, const char *path) {
    wg_plot *plot = NULL;
    wg_plot_options options = {.title = "Exclusive or: what spoils training",
                               .x_label = "epoch",
                               .y_label = "error over all patterns",
                               .log_y = true};
    wg_status status = wg_plot_new(options, &plot);
    for (int i = 0; i < count && status == WG_OK; i++) {
        int64_t shown = 0;
        while (shown < 300 && trials[i].error[shown] < 1e4) {
            shown++;
        }
        status = wg_plot_points(plot, trials[i].name, shown, NULL, trials[i].error);
    }
    status = status == WG_OK ? wg_plot_write(plot, path) : status;
    wg_plot_free(plot);
    return status;
}

/* ---- What the program claims ----------------------------------------------------------------- */

static bool claim(bool holds, const char *what) {
    printf("  %-5s  %s\n", holds ? "holds" : "FAILS", what);
    return holds;
}

/* Whether the hidden units are copies of each other, to the last bit. */
static bool units_are_alike(const double weight[WEIGHTS]) {
    bool alike = true;
    for (int j = 1; j < HIDDEN; j++) {
        alike = alike && weight[W + 2 * j] == weight[W] && weight[W + 2 * j + 1] == weight[W + 1] &&
                weight[B + j] == weight[B] && weight[V + j] == weight[V];
    }
    return alike;
}

static double least_error(const trial *t) {
    double least = HUGE_VAL;
    for (int epoch = 0; epoch <= EPOCHS; epoch++) {
        least = fmin(least, t->error[epoch]);
    }
    return least;
}

enum {
    GOOD,
    SLOW,
    FAST,
    EQUAL,
    TRIALS
};

static bool check_trials(const trial trials[TRIALS]) {
    const trial *equal = &trials[EQUAL];
    bool held = claim(trials[GOOD].error[EPOCHS] < 1e-20, "a good rate: the error goes to zero");
    held &= claim(least_error(&trials[SLOW]) > 0.1, "too small a rate: the error hardly falls");
    held &= claim(!(trials[FAST].error[EPOCHS] < 1e100), "too great a rate: the error explodes");
    held &= claim(units_are_alike(equal->weight),
                  "all weights equal: the three units stay one, to the last bit");
    /* The best that anything monotone in w.x can do on these patterns, which one unit is. */
    held &= claim(least_error(equal) >= 1.0 / 3, "                   and one unit errs by 1/3");
    return held;
}

int main(int argc, char **argv) {
    static trial trials[TRIALS] = {
        [GOOD] = {.name = "rate 0.3", .rate = 0.3},
        [SLOW] = {.name = "rate 0.002", .rate = 0.002},
        [FAST] = {.name = "rate 0.65", .rate = 0.65},
        [EQUAL] = {.name = "0.3, all weights equal", .rate = 0.3, .all_equal = true},
    };
    const char *dot_path = NULL, *chart_path = "backpropagation.svg";
    for (int i = 1; i < argc; i++) { /* --short changes nothing: it is over at once */
        dot_path = strcmp(argv[i], "--dot") == 0 ? argv[i + 1] : dot_path;
    }
    wg_tape *tape = wg_tape_new();
    if (tape == NULL) {
        fprintf(stderr, "no memory for a tape\n");
        return 1;
    }
    bool held = show_first_step(tape, dot_path);
    if (run_trials(tape, trials, TRIALS) != WG_OK) {
        fprintf(stderr, "%s\n", wg_tape_message(tape));
        held = false;
    }
    show_trials(trials, TRIALS);
    held &= check_trials(trials);
    if (draw_trials(trials, TRIALS, chart_path) == WG_OK) {
        printf("\nThe curves are in %s\n", chart_path);
    } else {
        fprintf(stderr, "%s\n", wg_last_message());
        held = false;
    }
    wg_tape_free(tape);
    return held ? 0 : 1;
}
