/* mnist-mlp: a fully connected network reads the digits of MNIST.
 *
 * 60,000 images of 28 x 28 pixels to learn from, 10,000 others, the genuine test set, to be
 * examined on (Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, 1998): `./dev data` fetches them. The
 * program ends well only if at least 98 % of the test images are read rightly, after fifteen rounds
 * or, in the short form, six; it draws some that are not, and leaves the loss curves in
 * mnist-mlp.svg.
 *
 *     mnist-mlp [--short] [--seed N] [FOLDER] */
#include <wengert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE = 28,
    PIXELS = SIDE * SIDE,
    CLASSES = 10,
    BATCH = 128,
    TEST_BATCH = 1000,
    SKIPPED = 77 /* the exit code that tells Meson: not run */
};

static const double BAR = 0.98; /* of the test images, to be read rightly */

/* ---- The network ----------------------------------------------------------------------------- */

static wg_var classify(wg_net net, wg_var x) {
    x = wg_dropout(wg_scope(net, "input"), x, 0.1);
    x = wg_relu(wg_linear(net, "fc1", x, 512));
    x = wg_dropout(wg_scope(net, "hidden"), x, 0.3);
    x = wg_relu(wg_linear(net, "fc2", x, 256));
    return wg_linear(net, "fc3", x, CLASSES);
}

/* ---- Images ---------------------------------------------------------------------------------- */

typedef struct images {
    wg_array *pixels; /* u8 [n, 28, 28] */
    wg_array *labels; /* u8 [n] */
} images;

static void free_images(images *set) {
    wg_array_free(set->pixels);
    wg_array_free(set->labels);
}

/* Of the files FOLDER/NAME-images-idx3-ubyte and FOLDER/NAME-labels-idx1-ubyte. */
static wg_status read_images(const char *folder, const char *name, images *out) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", folder, name);
    wg_status status = wg_read_idx(path, &out->pixels);
    if (status == WG_OK) {
        snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", folder, name);
        status = wg_read_idx(path, &out->labels);
    }
    return status;
}

/* Rows of `set` as a batch: pixels from 0 to 1 in *x [n, 784], labels in *y [n]. */
static void take_batch(wg_tape *tape, const images *set, const int64_t *rows, int64_t n, wg_var *x,
                       wg_var *y) {
    wg_var pixels = wg_cast(wg_constant_rows(tape, set->pixels, rows, n), WG_F32);
    *x = wg_reshape(wg_div(pixels, 255), WG_SHAPE(n, PIXELS));
    *y = wg_constant_rows(tape, set->labels, rows, n);
}

/* ---- Training and examination ---------------------------------------------------------------- */

typedef struct experiment {
    images train, test;
    wg_tape *tape;
    wg_store *store; /* the parameters */
    wg_optimizer *optimizer;
    wg_batches *batches, *test_batches;
    wg_progress *progress;
    wg_plot *plot;
    int64_t *said; /* what the network says of each test image */
} experiment;

/* One step on the images of these rows: its loss. */
static wg_status train_step(experiment *e, const int64_t *rows, int64_t n, double *loss) {
    wg_tape_reset(e->tape);
    wg_net net = wg_net_train(e->store, e->tape, wg_steps(e->optimizer));
    wg_var x, y;
    take_batch(e->tape, &e->train, rows, n, &x, &y);
    wg_var error = wg_cross_entropy(classify(net, x), y);
    (void)wg_backward(error);
    *loss = wg_value(error);
    return wg_step(e->optimizer, e->tape); /* whatever failed above is said here */
}

/* One pass over the training images; their mean loss. */
static wg_status train_epoch(experiment *e, int epoch, double *mean_loss) {
    const int64_t *rows;
    int64_t n, seen = 0, done = 0;
    double sum = 0;
    wg_batches_epoch(e->batches, (uint64_t)epoch);
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

/* The test images without a gradient: their mean loss and the share read rightly. */
static wg_status examine(experiment *e, double *mean_loss, double *accuracy) {
    const uint8_t *labels = e->test.labels->data;
    const int64_t *rows;
    int64_t n, right = 0, count = wg_array_count(e->test.labels);
    double sum = 0;
    wg_status status = WG_OK;
    wg_batches_epoch(e->test_batches, 0);
    while (status == WG_OK && wg_batches_next(e->test_batches, &rows, &n)) {
        wg_tape_reset(e->tape);
        wg_no_grad_begin(e->tape);
        wg_var x, y;
        take_batch(e->tape, &e->test, rows, n, &x, &y);
        wg_var logits = classify(wg_net_eval(e->store, e->tape), x);
        sum += wg_value(wg_cross_entropy(logits, y)) * (double)n;
        status = wg_read(wg_argmax(logits, -1), WG_I64, e->said + rows[0], n); /* in order */
        wg_no_grad_end(e->tape);
    }
    for (int64_t i = 0; i < count && status == WG_OK; i++) {
        right += e->said[i] == labels[i];
    }
    *mean_loss = sum / (double)count;
    *accuracy = (double)right / (double)count;
    return status;
}

static wg_status train(experiment *e, int epochs, double *accuracy) {
    wg_status status = WG_OK;
    for (int epoch = 1; epoch <= epochs && status == WG_OK; epoch++) {
        double train_loss, test_loss;
        wg_progress_restart(e->progress, "epoch %2d/%d", epoch, epochs);
        (void)wg_set_lr(e->optimizer, 0.001 * (epochs - epoch + 1) / epochs);
        status = train_epoch(e, epoch, &train_loss);
        if (status == WG_OK) {
            status = examine(e, &test_loss, accuracy);
        }
        if (status == WG_OK) {
            wg_progress_finish(e->progress, "loss %.4f, test %.4f, %.2f %% right", train_loss,
                               test_loss, 100 * *accuracy);
            (void)wg_plot_point(e->plot, "training", epoch, train_loss);
            (void)wg_plot_point(e->plot, "test", epoch, test_loss);
        }
    }
    return status;
}

/* ---- What it has not learned ----------------------------------------------------------------- */

/* The first test images that are read wrongly. */
static void draw_mistakes(const experiment *e) {
    enum {
        SHOWN = 6
    };
    static double pixels[SHOWN][PIXELS];
    char captions[SHOWN][32];
    wg_picture pictures[SHOWN];
    const uint8_t *all = e->test.pixels->data, *labels = e->test.labels->data;
    int shown = 0;
    for (int64_t i = 0; i < wg_array_count(e->test.labels) && shown < SHOWN; i++) {
        if (e->said[i] == labels[i]) {
            continue;
        }
        for (int k = 0; k < PIXELS; k++) {
            pixels[shown][k] = all[i * PIXELS + k];
        }
        snprintf(captions[shown], sizeof captions[shown], "%d, read as %d", (int)labels[i],
                 (int)e->said[i]);
        pictures[shown] = (wg_picture){pixels[shown], SIDE, SIDE, captions[shown], false};
        shown++;
    }
    printf("\nSome that are read wrongly\n\n");
    (void)wg_draw_gray(stdout, shown, pictures, (wg_draw_options){.low = 0, .high = 255});
}

/* ---- From the beginning to the end ----------------------------------------------------------- */

/* Makes all that training needs, once the images are read. */
static wg_status set_up(experiment *e, uint64_t seed) {
    int64_t test_count = wg_array_count(e->test.labels);
    wg_plot_options plot = {
        .title = "MNIST, fully connected", .x_label = "epoch", .y_label = "cross-entropy"};
    wg_batch_options shuffled = {.shuffle = true, .seed = seed}, in_order = {0};
    e->tape = wg_tape_new();
    e->store = wg_store_new(seed);
    e->optimizer = e->store != NULL ? wg_adam(e->store, wg_adam_defaults()) : NULL;
    e->said = malloc((size_t)test_count * sizeof *e->said);
    if (e->tape == NULL || e->optimizer == NULL || e->said == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_status status =
        wg_batches_new(wg_array_count(e->train.labels), BATCH, shuffled, &e->batches);
    if (status == WG_OK) {
        status = wg_batches_new(test_count, TEST_BATCH, in_order, &e->test_batches);
    }
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
    wg_batches_free(e->test_batches);
    wg_optimizer_free(e->optimizer);
    wg_tape_free(e->tape);
    wg_store_free(e->store);
    free_images(&e->train);
    free_images(&e->test);
    free(e->said);
}

static int report(const experiment *e, wg_status status, double accuracy) {
    if (status != WG_OK) {
        bool on_tape = e->tape != NULL && wg_tape_status(e->tape) != WG_OK;
        fprintf(stderr, "mnist-mlp: %s: %s\n", wg_status_text(status),
                on_tape ? wg_tape_message(e->tape) : wg_last_message());
        return 1;
    }
    printf("\n%.2f %% of the test images are read right; %.1f %% are asked for.\n"
           "The loss curves are in mnist-mlp.svg\n",
           100 * accuracy, 100 * BAR);
    return accuracy >= BAR ? 0 : 1;
}

int main(int argc, char **argv) {
    const char *folder = WG_DATA_FOLDER "/mnist";
    uint64_t seed = 1;
    int epochs = 15;
    double accuracy = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0) {
            epochs = 6;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], NULL, 10);
        } else {
            folder = argv[i];
        }
    }
    experiment e = {.tape = NULL};
    wg_status status = read_images(folder, "train", &e.train);
    status = status == WG_OK ? read_images(folder, "t10k", &e.test) : status;
    if (status == WG_ERROR_FILE) {
        printf("mnist-mlp: %s\nThe images are not there; `./dev data` fetches them.\n",
               wg_last_message());
        tear_down(&e);
        return SKIPPED;
    }
    status = status == WG_OK ? set_up(&e, seed) : status;
    status = status == WG_OK ? train(&e, epochs, &accuracy) : status;
    if (status == WG_OK) {
        draw_mistakes(&e);
        status = wg_plot_write(e.plot, "mnist-mlp.svg");
    }
    int code = report(&e, status, accuracy);
    tear_down(&e);
    return code;
}
