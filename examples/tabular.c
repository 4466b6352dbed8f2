/* tabular: regression on a table of numbers, with a statement of how sure it is.
 *
 * From the ingredients and the age of 1,030 samples of concrete (I-C. Yeh, 1998) a network tells
 * the strength as a normal distribution: a mean and a variance for each sample. Columns are
 * standardised by what is learnt from, three fifths of the rows; one fifth says when to stop, and
 * by how much the stated deviations are too small; the last fifth is for the examination.
 *
 * The program ends well only if the mean is off by at most 6.3 MPa there (root of the mean square;
 * the best linear function of the same columns is off by 7.1), and if the distributions are honest:
 * of every part p of what they allow, the share of samples found in it must not differ from p by
 * more than 0.15. It leaves the loss curves in tabular-loss.svg and the calibration in tabular.svg.
 *
 *     tabular [--short] [--seed N] [FILE] */
#include <wengert.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    INPUTS = 8, /* columns; the next is the strength */
    AGE = 7,
    BATCH = 32,
    PATIENCE = 50, /* epochs without progress before it stops */
    TRAIN = 0,     /* the parts of the rows */
    VALIDATION,
    TEST,
    PARTS
};

static const char *const best = "tabular.safetensors"; /* the network at its best */

/* ---- The network ----------------------------------------------------------------------------- */

typedef struct forecast {
    wg_var mean, variance; /* [n, 1], in deviations of the strength */
} forecast;

static forecast predict(wg_net net, wg_var x) {
    x = wg_silu(wg_linear(net, "fc1", x, 64));
    x = wg_dropout(wg_scope(net, "drop1"), x, 0.1);
    x = wg_silu(wg_linear(net, "fc2", x, 64));
    x = wg_dropout(wg_scope(net, "drop2"), x, 0.1);
    wg_var out = wg_linear(net, "output", x, 2);
    wg_var variance = wg_softplus(wg_slice(out, 1, 1, 2, 1));
    return (forecast){wg_slice(out, 1, 0, 1, 1), wg_add(variance, 1e-4)};
}

/* ---- The table ------------------------------------------------------------------------------- */

typedef struct study {
    wg_array *rows[PARTS]; /* i64: which rows of the table */
    wg_array *table;       /* f32 [1030, 9], standardised */
    wg_scaler scaler;
    wg_tape *tape;
    wg_store *store;
    wg_optimizer *optimizer;
    wg_batches *batches;
    wg_progress *progress;
    wg_plot *losses, *calibration;
} study;

static wg_status read_table(study *s, const char *path, uint64_t seed) {
    static const double shares[PARTS] = {3, 1, 1};
    wg_array *table = NULL;
    wg_status status = wg_read_csv(path, &(wg_csv_options){.header = true}, &table);
    if (status == WG_OK && table->shape[1] != INPUTS + 1) {
        fprintf(stderr, "tabular: %s has %lld columns, not %d\n", path, (long long)table->shape[1],
                INPUTS + 1);
        status = WG_ERROR_FORMAT;
    }
    for (int64_t i = 0; status == WG_OK && i < table->shape[0]; i++) {
        double *age = (double *)table->data + i * (INPUTS + 1) + AGE;
        *age = log(*age); /* strength grows about as the logarithm: a day counts less and less */
    }
    if (status == WG_OK) {
        wg_split_options options = {.seed = seed};
        status = wg_split_parts(table->shape[0], PARTS, shares, options, s->rows);
    }
    if (status == WG_OK) { /* by the rows to learn from: the others count as not seen yet */
        wg_scaler_options options = {.rows = s->rows[TRAIN]};
        status = wg_scaler_fit(table, options, &s->scaler);
    }
    if (status == WG_OK) {
        status = wg_scaler_apply(&s->scaler, table, WG_F32, &s->table);
    }
    wg_array_free(table);
    return status;
}

/* The loss on rows of the table, the negative logarithm of the strength's probability. */
static wg_var loss_of_rows(study *s, wg_net net, const int64_t *rows, int64_t n, forecast *out) {
    wg_var all = wg_constant_rows(s->tape, s->table, rows, n);
    *out = predict(net, wg_slice(all, 1, 0, INPUTS, 1));
    wg_var strength = wg_slice(all, 1, INPUTS, INPUTS + 1, 1);
    return wg_gaussian_nll(out->mean, strength, out->variance);
}

/* ---- Training -------------------------------------------------------------------------------- */

static wg_status train_epoch(study *s, uint64_t epoch, double *mean_loss) {
    const int64_t *all = s->rows[TRAIN]->data, *picked;
    int64_t rows[BATCH], n, seen = 0;
    double sum = 0;
    wg_status status = WG_OK;
    wg_batches_epoch(s->batches, epoch);
    while (status == WG_OK && wg_batches_next(s->batches, &picked, &n)) {
        for (int64_t i = 0; i < n; i++) {
            rows[i] = all[picked[i]];
        }
        forecast out;
        wg_tape_reset(s->tape);
        wg_net net = wg_net_train(s->store, s->tape, wg_steps(s->optimizer));
        wg_var loss = loss_of_rows(s, net, rows, n, &out);
        (void)wg_backward(loss);
        sum += wg_value(loss) * (double)n;
        seen += n;
        status = wg_step(s->optimizer, s->tape);
    }
    *mean_loss = sum / (double)seen;
    return status;
}

/* Loss, means and deviations [n] of a part; NULL where they are not asked for. */
static wg_status examine(study *s, int part, double *loss, double *mean, double *deviation) {
    const int64_t *rows = s->rows[part]->data, n = wg_array_count(s->rows[part]);
    forecast out;
    wg_tape_reset(s->tape);
    wg_no_grad_begin(s->tape);
    *loss = wg_value(loss_of_rows(s, wg_net_eval(s->store, s->tape), rows, n, &out));
    if (mean != NULL) {
        (void)wg_read(out.mean, WG_F64, mean, n);
        (void)wg_read(wg_sqrt(out.variance), WG_F64, deviation, n);
    }
    wg_no_grad_end(s->tape);
    return wg_tape_status(s->tape);
}

/* Until the rows for validation have not done better for PATIENCE epochs; then back to the best. */
static wg_status train(study *s, int epochs) {
    double least = HUGE_VAL, train_loss, loss;
    int epoch = 0, best_epoch = 0;
    wg_status status = WG_OK;
    while (status == WG_OK && epoch < epochs && epoch - best_epoch < PATIENCE) {
        epoch++;
        status = train_epoch(s, (uint64_t)epoch, &train_loss);
        status = status == WG_OK ? examine(s, VALIDATION, &loss, NULL, NULL) : status;
        if (status == WG_OK && loss < least) {
            least = loss;
            best_epoch = epoch;
            status = wg_store_save(s->store, best, NULL);
        }
        (void)wg_plot_point(s->losses, "training", epoch, train_loss);
        (void)wg_plot_point(s->losses, "validation", epoch, loss);
        wg_progress_update(s->progress, epoch, "validation %.4f", loss);
    }
    wg_progress_finish(s->progress, "best after %d epochs: %.4f", best_epoch, least);
    return status == WG_OK ? wg_store_load(s->store, best, (wg_load_options){0}) : status;
}

/* ---- Examination ----------------------------------------------------------------------------- */

/* The strength of a row, standardised. */
static double strength(const study *s, int64_t row) {
    return (double)((const float *)s->table->data)[row * (INPUTS + 1) + INPUTS];
}

/* By how much errors on the validation rows exceed what was stated. */
static wg_status find_stretch(study *s, double *stretch) {
    const int64_t n = wg_array_count(s->rows[VALIDATION]), *rows = s->rows[VALIDATION]->data;
    double *mean = malloc(2 * (size_t)n * sizeof *mean), sum = 0, loss;
    wg_status status =
        mean == NULL ? WG_ERROR_MEMORY : examine(s, VALIDATION, &loss, mean, mean + n);
    for (int64_t i = 0; i < n && status == WG_OK; i++) {
        double z = (strength(s, rows[i]) - mean[i]) / mean[n + i];
        sum += z * z;
    }
    *stretch = sqrt(sum / (double)n);
    free(mean);
    return status;
}

/* The test rows: *error in MPa, and the greatest difference *gap between a probability and the
 * share of strengths that lie below the value stated for it. */
static wg_status examine_test(study *s, double stretch, double *error, double *gap) {
    const int64_t n = wg_array_count(s->rows[TEST]), *rows = s->rows[TEST]->data;
    double *mean = malloc(2 * (size_t)n * sizeof *mean), sum = 0, loss;
    int below[101] = {0};
    wg_status status = mean == NULL ? WG_ERROR_MEMORY : examine(s, TEST, &loss, mean, mean + n);
    for (int64_t i = 0; i < n && status == WG_OK; i++) {
        double off = strength(s, rows[i]) - mean[i], z = off / (mean[n + i] * stretch);
        sum += off * off;
        for (int k = 0; k <= 100; k++) {
            below[k] += erfc(-z / sqrt(2)) / 2 <= k / 100.0; /* the normal distribution */
        }
    }
    *error = sqrt(sum / (double)n) * ((const double *)s->scaler.scale->data)[INPUTS];
    *gap = 0;
    for (int k = 0; k <= 100 && status == WG_OK; k++) {
        double share = below[k] / (double)n;
        *gap = fmax(*gap, fabs(share - k / 100.0));
        status = wg_plot_point(s->calibration, "found", k / 100.0, share);
        (void)wg_plot_point(s->calibration, "honest", k / 100.0, k / 100.0);
    }
    free(mean);
    return status;
}

/* ---- From the beginning to the end ----------------------------------------------------------- */

static wg_status set_up(study *s, uint64_t seed, int epochs) {
    wg_plot_options losses = {
        .title = "Strength of concrete", .x_label = "epoch", .y_label = "negative log-likelihood"};
    wg_plot_options calibration = {.title = "Strength of concrete, calibration",
                                   .x_label = "probability of less, stated",
                                   .y_label = "share with less, found"};
    wg_batch_options shuffled = {.shuffle = true, .seed = seed, .drop_last = true};
    wg_adamw_options options = wg_adamw_defaults();
    options.lr = 3e-3;
    s->tape = wg_tape_new();
    s->store = wg_store_new(seed);
    s->optimizer = s->store != NULL ? wg_adamw(s->store, options) : NULL;
    s->progress = wg_progress_new(stdout, "epochs", epochs);
    if (s->tape == NULL || s->optimizer == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_status status = wg_batches_new(wg_array_count(s->rows[TRAIN]), BATCH, shuffled, &s->batches);
    status = status == WG_OK ? wg_plot_new(losses, &s->losses) : status;
    return status == WG_OK ? wg_plot_new(calibration, &s->calibration) : status;
}

static void tear_down(study *s) {
    wg_plot_free(s->losses);
    wg_plot_free(s->calibration);
    wg_progress_free(s->progress);
    wg_batches_free(s->batches);
    wg_optimizer_free(s->optimizer);
    wg_tape_free(s->tape);
    wg_store_free(s->store);
    wg_scaler_clear(&s->scaler);
    wg_array_free(s->table);
    for (int i = 0; i < PARTS; i++) {
        wg_array_free(s->rows[i]);
    }
}

int main(int argc, char **argv) {
    const char *path = WG_EXAMPLE_DATA "/concrete.csv";
    uint64_t seed = 1;
    int epochs = 1000;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0) {
            epochs = 150;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], NULL, 10);
        } else {
            path = argv[i];
        }
    }
    study s = {.tape = NULL};
    double stretch = 1, error = HUGE_VAL, gap = HUGE_VAL;
    wg_status status = read_table(&s, path, seed);
    status = status == WG_OK ? set_up(&s, seed, epochs) : status;
    status = status == WG_OK ? train(&s, epochs) : status;
    status = status == WG_OK ? find_stretch(&s, &stretch) : status;
    status = status == WG_OK ? examine_test(&s, stretch, &error, &gap) : status;
    status = status == WG_OK ? wg_plot_write(s.losses, "tabular-loss.svg") : status;
    status = status == WG_OK ? wg_plot_write(s.calibration, "tabular.svg") : status;
    if (status != WG_OK) {
        fprintf(stderr, "tabular: %s: %s\n", wg_status_text(status), wg_last_message());
    } else {
        printf("The strength of samples that it never saw is told to %.2f MPa; 6.3 are allowed.\n"
               "Deviations are %.2f times what it stated; then probabilities are off by %.3f at "
               "most; 0.15 are allowed.\nThe calibration is in tabular.svg, the loss in "
               "tabular-loss.svg, the network in %s\n",
               error, stretch, gap, best);
    }
    tear_down(&s);
    return status == WG_OK && error <= 6.3 && gap <= 0.15 ? 0 : 1;
}
