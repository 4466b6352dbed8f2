/* fashion-cnn: a convolutional network tells clothes apart.
 *
 * Fashion-MNIST: 60,000 pictures of 28 x 28 pixels to learn from, each moved a little and now and
 * then mirrored, and 10,000 others to be examined on (H. Xiao, K. Rasul, R. Vollgraf, 2017):
 * `./dev data` fetches them. A thread in the background prepares the batches.
 *
 * The program ends well only if at least 91.5 % of the test pictures are named rightly (85 % in the
 * short form, which goes over the pictures once instead of ten times). It prints what is taken
 * for what, and leaves the loss curves in fashion-cnn.svg.
 *
 *     fashion-cnn [--short] [--seed N] [FOLDER] */
#include <wengert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE = 28,
    PIXELS = SIDE * SIDE,
    CLASSES = 10,
    BATCH = 128,
    TEST_BATCH = 500,
    SKIPPED = 77 /* the exit code that tells Meson: not run */
};

/* ---- The network ----------------------------------------------------------------------------- */

/* Convolution, normalisation, and the positive part. */
static wg_var block(wg_net net, wg_var x, int64_t channels, int64_t kernel) {
    const wg_conv_layer_options convolution = {
        .out = channels,
        .conv = {.kernel = {kernel}, .padding_mode = WG_PADDING_SAME},
        .no_bias = true}; /* the norm takes a mean away, and has a bias of its own */
    x = wg_conv2d_with(net, "conv", x, convolution);
    return wg_relu(wg_batch_norm_layer(net, "norm", x));
}

static wg_var halve(wg_var x) {
    return wg_max_pool2d(x, (wg_pool_options){.kernel = {2}});
}

/* Images [n, 1, 28, 28] to logits [n, 10]. */
static wg_var classify(wg_net net, wg_var x) {
    x = halve(block(wg_scope(net, "block1"), x, 32, 3));
    x = halve(block(wg_scope(net, "block2"), x, 64, 3));
    x = block(wg_scope(net, "block3"), x, 96, 3);
    x = wg_dropout(wg_scope(net, "drop1"), wg_flatten(halve(x), 1, -1), 0.3);
    x = wg_relu(wg_linear(net, "hidden", x, 128));
    x = wg_dropout(wg_scope(net, "drop2"), x, 0.3);
    return wg_linear(net, "output", x, CLASSES);
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

/* Batches of a set: images f32 [n, 28, 28] from 0 to 1, and labels u8 [n]. */
static wg_status load(const images *set, wg_loader_options options, wg_loader **out) {
    const wg_loader_field fields[] = {{.from = set->pixels, .scale = 1.0 / 255},
                                      {.from = set->labels, .dtype = WG_U8}};
    return wg_loader_new(fields, 2, options, out);
}

/* ---- Training and examination ---------------------------------------------------------------- */

typedef struct experiment {
    images train, test;
    wg_loader *train_batches, *test_batches;
    wg_tape *tape;
    wg_store *store; /* the parameters, and the statistics of the batch norms */
    wg_optimizer *optimizer;
    wg_progress *progress;
    wg_plot *plot;
    int64_t *said; /* what the network says of each test image */
    int64_t steps; /* in all */
} experiment;

/* What the network says of a batch, [n, 10]. */
static wg_var logits_of(wg_net net, const wg_batch *batch) {
    wg_var x = wg_constant_of(net.tape, batch->fields[0]);
    return classify(net, wg_reshape(x, WG_SHAPE(batch->n, 1, SIDE, SIDE)));
}

/* One step: its loss. */
static wg_status train_step(experiment *e, const wg_batch *batch, double *loss) {
    const wg_one_cycle_schedule schedule = {.lr = 0.01, .steps = (uint64_t)e->steps};
    wg_tape_reset(e->tape);
    wg_net net = wg_net_train(e->store, e->tape, wg_steps(e->optimizer));
    wg_var labels = wg_constant_of(e->tape, batch->fields[1]);
    wg_var error = wg_cross_entropy(logits_of(net, batch), labels);
    (void)wg_backward(error);
    *loss = wg_value(error);
    (void)wg_set_lr(e->optimizer, wg_schedule_one_cycle(schedule, wg_steps(e->optimizer)));
    return wg_step(e->optimizer, e->tape); /* whatever failed above is said here */
}

/* One pass over the training images; their mean loss. */
static wg_status train_epoch(experiment *e, double *mean_loss) {
    const wg_batch *batch;
    double sum = 0;
    int64_t seen = 0;
    wg_status status = wg_loader_next(e->train_batches, &batch);
    while (status == WG_OK && batch != NULL) {
        double loss = 0;
        status = train_step(e, batch, &loss);
        sum += loss * (double)batch->n;
        seen += batch->n;
        wg_progress_update(e->progress, batch->index + 1, "loss %.4f", sum / (double)seen);
        if (status == WG_OK) {
            status = wg_loader_next(e->train_batches, &batch);
        }
    }
    *mean_loss = sum / (double)seen;
    return status;
}

/* The test images without a gradient: their mean loss and the share read rightly. */
static wg_status examine(experiment *e, double *mean_loss, double *accuracy) {
    const wg_batch *batch;
    double sum = 0;
    int64_t right = 0, count = wg_array_count(e->test.labels);
    wg_status status = wg_loader_next(e->test_batches, &batch);
    while (status == WG_OK && batch != NULL) {
        const uint8_t *labels = batch->fields[1]->data;
        int64_t *said = e->said + batch->rows[0]; /* in order */
        wg_tape_reset(e->tape);
        wg_no_grad_begin(e->tape);
        wg_var logits = logits_of(wg_net_eval(e->store, e->tape), batch);
        wg_var loss = wg_cross_entropy(logits, wg_constant_of(e->tape, batch->fields[1]));
        sum += wg_value(loss) * (double)batch->n;
        status = wg_read(wg_argmax(logits, -1), WG_I64, said, batch->n);
        wg_no_grad_end(e->tape);
        for (int64_t i = 0; i < batch->n && status == WG_OK; i++) {
            right += said[i] == labels[i];
        }
        if (status == WG_OK) {
            status = wg_loader_next(e->test_batches, &batch);
        }
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
        status = train_epoch(e, &train_loss);
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

/* ---- What is taken for what ------------------------------------------------------------------ */

static void print_confusion(const experiment *e) {
    static const char *const names[CLASSES] = {"t-shirt", "trousers", "pullover", "dress", "coat",
                                               "sandal",  "shirt",    "sneaker",  "bag",   "boot"};
    const uint8_t *labels = e->test.labels->data;
    int counts[CLASSES][CLASSES] = {{0}};
    for (int64_t i = 0; i < wg_array_count(e->test.labels); i++) {
        counts[labels[i]][e->said[i]]++;
    }
    printf("\n%10s", "");
    for (int c = 0; c < CLASSES; c++) {
        printf(" %8s", names[c]);
    }
    for (int r = 0; r < CLASSES; r++) {
        printf("\n%10s", names[r]);
        for (int c = 0; c < CLASSES; c++) {
            printf(" %8d", counts[r][c]);
        }
    }
    printf("\n");
}

/* ---- From the beginning to the end ----------------------------------------------------------- */

/* Makes all that training needs, once the images are read. */
static wg_status set_up(experiment *e, int epochs, uint64_t seed) {
    wg_plot_options plot = {
        .title = "Fashion-MNIST, convolutions", .x_label = "epoch", .y_label = "cross-entropy"};
    static wg_augmentation change = {.shift = 2, .flip = 0.5};
    wg_loader_options learning = {.batch = BATCH,
                                  .batches = {.shuffle = true, .seed = seed, .drop_last = true},
                                  .transform = wg_augment,
                                  .context = &change};
    wg_loader_options in_order = {.batch = TEST_BATCH};
    e->tape = wg_tape_new();
    e->store = wg_store_new(seed);
    e->optimizer = e->store != NULL ? wg_adamw(e->store, wg_adamw_defaults()) : NULL;
    e->said = malloc((size_t)wg_array_count(e->test.labels) * sizeof *e->said);
    if (e->tape == NULL || e->optimizer == NULL || e->said == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_status status = load(&e->train, learning, &e->train_batches);
    if (status == WG_OK) {
        status = load(&e->test, in_order, &e->test_batches);
    }
    if (status == WG_OK) {
        status = wg_plot_new(plot, &e->plot);
        e->steps = epochs * wg_loader_count(e->train_batches);
        e->progress = wg_progress_new(stdout, "", wg_loader_count(e->train_batches));
    }
    return status;
}

static void tear_down(experiment *e) {
    wg_progress_free(e->progress);
    wg_plot_free(e->plot);
    wg_loader_free(e->train_batches);
    wg_loader_free(e->test_batches);
    wg_optimizer_free(e->optimizer);
    wg_tape_free(e->tape);
    wg_store_free(e->store);
    free_images(&e->train);
    free_images(&e->test);
    free(e->said);
}

static int report(const experiment *e, wg_status status, double accuracy, double bar) {
    if (status != WG_OK) {
        bool on_tape = e->tape != NULL && wg_tape_status(e->tape) != WG_OK;
        fprintf(stderr, "fashion-cnn: %s: %s\n", wg_status_text(status),
                on_tape ? wg_tape_message(e->tape) : wg_last_message());
        return 1;
    }
    printf("\n%.2f %% of the test images are named rightly; %.1f %% are asked for.\n"
           "The loss curves are in fashion-cnn.svg\n",
           100 * accuracy, 100 * bar);
    return accuracy >= bar ? 0 : 1;
}

int main(int argc, char **argv) {
    const char *folder = WG_DATA_FOLDER "/fashion";
    uint64_t seed = 1;
    int epochs = 10;
    double bar = 0.915, accuracy = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0) {
            epochs = 1;
            bar = 0.85;
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
        printf("fashion-cnn: %s\nThe images are not there; `./dev data` fetches them.\n",
               wg_last_message());
        tear_down(&e);
        return SKIPPED;
    }
    status = status == WG_OK ? set_up(&e, epochs, seed) : status;
    status = status == WG_OK ? train(&e, epochs, &accuracy) : status;
    if (status == WG_OK) {
        print_confusion(&e);
        status = wg_plot_write(e.plot, "fashion-cnn.svg");
    }
    int code = report(&e, status, accuracy, bar);
    tear_down(&e);
    return code;
}
