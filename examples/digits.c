/* digits: a network learns to read handwritten digits, from a file to a picture.
 *
 * 1,797 images of 8 x 8 pixels (UCI, examples/data/digits.csv): four fifths to learn from, the
 * others to be examined on. The program ends well only if at least 97 % of those are read rightly;
 * it draws some of them with what the network says, and leaves the loss curves in loss.svg.
 *
 *     digits [--short] [--seed N] [FILE] */
#include <wengert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIXELS = 64,
    CLASSES = 10,
    BATCH = 32
};

/* ---- The network ----------------------------------------------------------------------------- */

static wg_var classify(wg_net net, wg_var x) {
    x = wg_relu(wg_linear(net, "hidden", x, 256));
    x = wg_dropout(net, x, 0.5);
    return wg_linear(net, "output", x, CLASSES);
}

/* ---- Images ---------------------------------------------------------------------------------- */

typedef struct images {
    wg_array *pixels; /* f32 [n, 64], from 0 to 1 */
    wg_array *labels; /* i64 [n] */
} images;

static void free_images(images *set) {
    wg_array_free(set->pixels);
    wg_array_free(set->labels);
}

static wg_status read_images(const char *path, images *all) {
    wg_array *table = NULL; /* a row is the 64 pixels, 0 to 16 each, and the label */
    wg_status status = wg_read_csv(path, NULL, &table);
    if (status == WG_OK) {
        status = wg_columns(table, 0, PIXELS, WG_F32, 1.0 / 16, 0, &all->pixels);
    }
    if (status == WG_OK) {
        status = wg_column(table, PIXELS, WG_I64, &all->labels);
    }
    wg_array_free(table);
    return status;
}

static wg_status select_images(const images *all, const int64_t *rows, int64_t n, images *out) {
    wg_status status = wg_select_rows(all->pixels, rows, n, &out->pixels);
    return status == WG_OK ? wg_select_rows(all->labels, rows, n, &out->labels) : status;
}

/* A fifth of the images, drawn by lot, is kept for the examination. */
static wg_status split_images(const images *all, uint64_t seed, images *train, images *test) {
    int64_t count = wg_array_count(all->labels), held_out = (count + 4) / 5;
    int64_t *rows = malloc((size_t)count * sizeof *rows);
    if (rows == NULL) {
        return WG_ERROR_MEMORY;
    }
    int64_t *test_rows = rows + (count - held_out);
    wg_status status = wg_split(count, held_out, seed, rows, test_rows);
    if (status == WG_OK) {
        status = select_images(all, rows, count - held_out, train);
    }
    if (status == WG_OK) {
        status = select_images(all, test_rows, held_out, test);
    }
    free(rows);
    return status;
}

/* ---- Training and examination ---------------------------------------------------------------- */

typedef struct experiment {
    images train, test;
    wg_tape *tape;
    wg_store *store; /* the parameters */
    wg_optimizer *optimizer;
    wg_batches *batches;
    wg_progress *progress;
    wg_plot *plot;
    int64_t *said; /* what the network says of each test image */
} experiment;

/* One step on the images of these rows: its loss. */
static wg_status train_step(experiment *e, const int64_t *rows, int64_t n, double *loss) {
    wg_tape_reset(e->tape);
    wg_net net = wg_net_train(e->store, e->tape, wg_steps(e->optimizer));
    wg_var x = wg_constant_rows(e->tape, e->train.pixels, rows, n);
    wg_var y = wg_constant_rows(e->tape, e->train.labels, rows, n);
    wg_var error = wg_cross_entropy(classify(net, x), y);
    (void)wg_backward(error);
    *loss = wg_value(error);
    return wg_step(e->optimizer, e->tape); /* whatever failed above is said here */
}

/* One pass over the training images; their mean loss. */
static wg_status train_epoch(experiment *e, uint64_t epoch, double *mean_loss) {
    const int64_t *rows;
    int64_t n, seen = 0, done = 0;
    double sum = 0;
    wg_batches_epoch(e->batches, epoch);
    while (wg_batches_next(e->batches, &rows, &n)) {
        double loss;
        wg_status status = train_step(e, rows, n, &loss);
        if (status != WG_OK) {
            return status;
        }
        sum += loss * (double)n;
        seen += n;
        wg_progress_update(e->progress, ++done, "loss %.4f", sum / (double)seen);
    }
    *mean_loss = sum / (double)seen;
    return WG_OK;
}

/* All test images at once, without a gradient: their mean loss and the share read rightly. */
static wg_status examine(experiment *e, double *loss, double *accuracy) {
    const wg_array *pixels = e->test.pixels, *labels = e->test.labels;
    int64_t n = wg_array_count(labels), right = 0;
    wg_tape_reset(e->tape);
    wg_no_grad_begin(e->tape);
    wg_var x = wg_constant_of(e->tape, pixels), y = wg_constant_of(e->tape, labels);
    wg_var logits = classify(wg_net_eval(e->store, e->tape), x);
    *loss = wg_value(wg_cross_entropy(logits, y));
    wg_status status = wg_read(wg_argmax(logits, -1), WG_I64, e->said, n);
    wg_no_grad_end(e->tape);
    for (int64_t i = 0; i < n && status == WG_OK; i++) {
        right += e->said[i] == ((const int64_t *)labels->data)[i];
    }
    *accuracy = (double)right / (double)n;
    return status;
}

static wg_status train(experiment *e, int epochs, double *accuracy) {
    wg_status status = WG_OK;
    for (int epoch = 1; epoch <= epochs && status == WG_OK; epoch++) {
        double train_loss, test_loss;
        wg_progress_restart(e->progress, "epoch %2d/%d", epoch, epochs);
        wg_set_lr(e->optimizer, 0.01 * (epochs - epoch + 1) / epochs); /* smaller and smaller */
        status = train_epoch(e, (uint64_t)epoch, &train_loss);
        if (status == WG_OK) {
            status = examine(e, &test_loss, accuracy);
        }
        if (status == WG_OK) {
            wg_progress_finish(e->progress, "loss %.4f, held out %.4f, %.2f %% right", train_loss,
                               test_loss, 100 * *accuracy);
            (void)wg_plot_point(e->plot, "training", epoch, train_loss);
            (void)wg_plot_point(e->plot, "held out", epoch, test_loss);
        }
    }
    return status;
}

/* ---- What it has learned --------------------------------------------------------------------- */

/* Draws some test images: first those read wrongly, then others. */
static void draw_images(const experiment *e) {
    enum {
        SHOWN = 16,
        MOST_WRONG = 6
    };
    const int64_t *labels = e->test.labels->data, count = wg_array_count(e->test.labels);
    const float *all = e->test.pixels->data;
    double pixels[SHOWN][PIXELS];
    char captions[SHOWN][24];
    wg_picture pictures[SHOWN];
    int shown = 0;
    for (int wrong = 1; wrong >= 0; wrong--) {
        int most = wrong ? MOST_WRONG : SHOWN;
        for (int64_t i = 0; i < count && shown < most; i++) {
            if ((e->said[i] != labels[i]) != wrong) {
                continue;
            }
            for (int k = 0; k < PIXELS; k++) {
                pixels[shown][k] = (double)all[i * PIXELS + k];
            }
            snprintf(captions[shown], sizeof captions[shown], wrong ? "%d (%d)" : "%d",
                     (int)e->said[i], (int)labels[i]);
            pictures[shown] = (wg_picture){pixels[shown], 8, 8, captions[shown], wrong};
            shown++;
        }
    }
    printf("\nHeld-out digits, and what the network says (a cross: it is wrong)\n\n");
    (void)wg_draw_gray(stdout, shown, pictures, (wg_draw_options){.low = 0, .high = 1});
}

/* ---- From the beginning to the end ----------------------------------------------------------- */

/* Makes all that training needs. */
static wg_status set_up(experiment *e, const char *path, uint64_t seed) {
    images all = {NULL, NULL};
    wg_status status = read_images(path, &all);
    if (status == WG_OK) {
        status = split_images(&all, seed, &e->train, &e->test);
    }
    free_images(&all);
    if (status != WG_OK) {
        return status;
    }
    int64_t train_count = wg_array_count(e->train.labels);
    wg_plot_options plot = {.title = "Handwritten digits",
                            .x_label = "epoch",
                            .y_label = "cross-entropy",
                            .log_y = true};
    wg_batch_options batches = {.shuffle = true, .seed = seed};
    e->tape = wg_tape_new();
    e->store = wg_store_new(seed);
    e->optimizer = e->store != NULL ? wg_adam(e->store, wg_adam_defaults()) : NULL;
    e->said = malloc((size_t)wg_array_count(e->test.labels) * sizeof *e->said);
    if (e->tape == NULL || e->optimizer == NULL || e->said == NULL) {
        return WG_ERROR_MEMORY;
    }
    status = wg_batches_new(train_count, BATCH, batches, &e->batches);
    if (status == WG_OK) {
        status = wg_plot_new(plot, &e->plot);
        e->progress = wg_progress_new(stdout, "", wg_batches_count(e->batches));
    }
    return status;
}

static void tear_down(experiment *e) {
    wg_progress_free(e->progress);
    wg_plot_free(e->plot);
    wg_batches_free(e->batches);
    wg_optimizer_free(e->optimizer);
    wg_tape_free(e->tape);
    wg_store_free(e->store);
    free_images(&e->train);
    free_images(&e->test);
    free(e->said);
}

int main(int argc, char **argv) {
    const char *path = WG_EXAMPLE_DATA "/digits.csv", *chart = "loss.svg";
    uint64_t seed = 1;
    int epochs = 30;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0) {
            epochs = 15;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], NULL, 10);
        } else {
            path = argv[i];
        }
    }
    experiment e = {.tape = NULL};
    double accuracy = 0;
    wg_status status = set_up(&e, path, seed);
    if (status == WG_OK) {
        status = train(&e, epochs, &accuracy);
    }
    if (status == WG_OK) {
        draw_images(&e);
        printf("\n%.2f %% of %lld held-out digits are read right.\n", 100 * accuracy,
               (long long)wg_array_count(e.test.labels));
        status = wg_plot_write(e.plot, chart);
    }
    if (status == WG_OK) {
        printf("The loss curves are in %s\n", chart);
    } else {
        bool on_tape = e.tape != NULL && wg_tape_status(e.tape) != WG_OK;
        const char *detail = on_tape ? wg_tape_message(e.tape) : wg_last_message();
        fprintf(stderr, "digits: %s: %s\n", wg_status_text(status), detail);
    }
    tear_down(&e);
    return status == WG_OK && accuracy >= 0.97 ? 0 : 1;
}
