/* autoencoder: the digits of MNIST in sixteen numbers each, and back.
 *
 * A convolutional network squeezes 28 x 28 pixels into 16 numbers, another makes the image from
 * these again, and both learn together that it be the same image (G. Hinton, R. Salakhutdinov,
 * "Reducing the dimensionality of data with neural networks", 2006). `./dev data` fetches MNIST.
 *
 * What a linear map could do at best with 16 numbers is known: principal component analysis. The
 * program ends well only if the mean squared error on the 10,000 test images is at most half (in
 * the short form three quarters) of that. autoencoder.png shows images, what the network makes of
 * them, and what the linear map does; autoencoder-between.png what lies between four of them; the
 * loss curves are in autoencoder.svg.
 *
 *     autoencoder [--short] [--seed N] [FOLDER] */
#include <wengert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE = 28,
    PIXELS = SIDE * SIDE,
    CODE = 16,
    BATCH = 128,
    TEST_BATCH = 1000,
    SHOWN = 12,  /* images in the picture */
    BETWEEN = 9, /* images from one corner to the next of the other */
    SKIPPED = 77 /* the exit code that tells Meson: not run */
};

/* ---- The networks ---------------------------------------------------------------------------- */

static const wg_conv_options half = {.kernel = {3}, .stride = {2, 2}, .padding = {1, 1}};
static const wg_conv_options twice = {
    .kernel = {3}, .stride = {2, 2}, .padding = {1, 1}, .output_padding = {1, 1}};

/* Images [n, 28, 28] to codes [n, 16]. */
static wg_var encode(wg_net net, wg_var x) {
    x = wg_reshape(x, WG_SHAPE(-1, 1, SIDE, SIDE));
    x = wg_relu(wg_conv2d(net, "conv1", x, 16, half));
    x = wg_relu(wg_conv2d(net, "conv2", x, 32, half)); /* [n, 32, 7, 7] */
    x = wg_relu(wg_linear(net, "hidden", wg_flatten(x, 1, -1), 128));
    return wg_linear(net, "code", x, CODE);
}

/* Codes to logits of pixels [n, 28, 28]. */
static wg_var decode(wg_net net, wg_var code) {
    wg_var x = wg_relu(wg_linear(net, "hidden", code, 128));
    x = wg_relu(wg_linear(net, "planes", x, 32 * 7 * 7));
    x = wg_reshape(x, WG_SHAPE(-1, 32, 7, 7));
    x = wg_relu(wg_conv_transpose2d(net, "conv1", x, 16, twice));
    x = wg_conv_transpose2d(net, "conv2", x, 1, twice);
    return wg_reshape(x, WG_SHAPE(-1, SIDE, SIDE));
}

/* ---- The best linear map --------------------------------------------------------------------- */

typedef struct linear_map {
    float mean[PIXELS];
    float components[PIXELS][CODE]; /* orthonormal columns */
} linear_map;

/* The principal components of images u8 [n, 28, 28]: the eigenvectors of the pixels' covariance
 * with the greatest eigenvalues. */
static wg_status find_components(wg_tape *tape, const wg_array *images, linear_map *out) {
    const int64_t n = images->shape[0];
    wg_tape_reset(tape);
    wg_no_grad_begin(tape);
    wg_var sum = wg_number(0), products = wg_number(0);
    for (int64_t i = 0; i < n; i += TEST_BATCH) {
        int64_t rows[TEST_BATCH], count = n - i < TEST_BATCH ? n - i : TEST_BATCH;
        for (int64_t k = 0; k < count; k++) {
            rows[k] = i + k;
        }
        wg_scope_mark mark = wg_scope_begin(tape); /* the batch's memory goes with its end */
        wg_var x = wg_cast(wg_constant_rows(tape, images, rows, count), WG_F32);
        x = wg_reshape(wg_div(x, 255), WG_SHAPE(count, PIXELS));
        wg_var kept[2] = {wg_add(sum, wg_cast(wg_sum_over(x, WG_AXES(0)), WG_F64)),
                          wg_add(products, wg_cast(wg_matmul(wg_transpose(x), x), WG_F64))};
        (void)wg_scope_end(tape, mark, kept, 2);
        sum = kept[0];
        products = kept[1];
    }
    wg_var mean = wg_div(sum, (double)n), outer = wg_mul(wg_unsqueeze(mean, 1), mean);
    wg_var vectors = wg_eigh(wg_sub(wg_div(products, (double)n), outer)).vectors;
    wg_var last = wg_slice(vectors, 1, PIXELS - CODE, WG_END, 1); /* eigenvalues ascend */
    (void)wg_read(mean, WG_F32, out->mean, PIXELS);
    wg_status status = wg_read(last, WG_F32, out->components, PIXELS * CODE);
    wg_no_grad_end(tape);
    return status;
}

/* What the map leaves of images f32 [n, 28, 28]. */
static wg_var project(const linear_map *map, wg_var x) {
    wg_var mean = wg_constant(x.tape, WG_F32, WG_SHAPE(PIXELS), map->mean);
    wg_var base = wg_constant(x.tape, WG_F32, WG_SHAPE(PIXELS, CODE), map->components);
    wg_var code = wg_matmul(wg_sub(wg_reshape(x, WG_SHAPE(-1, PIXELS)), mean), base);
    wg_var back = wg_add(wg_matmul(code, wg_transpose(base)), mean);
    return wg_reshape(back, WG_SHAPE(-1, SIDE, SIDE));
}

/* ---- Training and examination ---------------------------------------------------------------- */

typedef struct experiment {
    wg_array *train, *test; /* u8 [n, 28, 28] */
    wg_loader *train_batches, *test_batches;
    linear_map map;
    wg_tape *tape;
    wg_store *store;
    wg_optimizer *optimizer;
    wg_progress *progress;
    wg_plot *plot;
    int64_t steps; /* in all */
} experiment;

/* Logits of the pixels that the two networks make of images. */
static wg_var reconstruct(wg_net net, wg_var x) {
    return decode(wg_scope(net, "decoder"), encode(wg_scope(net, "encoder"), x));
}

/* One pass over the training images; their mean cross-entropy, pixel by pixel. */
static wg_status train_epoch(experiment *e, double *mean_loss) {
    const wg_one_cycle_schedule schedule = {.lr = 0.005, .steps = (uint64_t)e->steps};
    const wg_batch *batch;
    double sum = 0;
    int64_t done = 0;
    wg_status status = wg_loader_next(e->train_batches, &batch);
    while (status == WG_OK && batch != NULL) {
        wg_tape_reset(e->tape);
        wg_net net = wg_net_train(e->store, e->tape, wg_steps(e->optimizer));
        wg_var x = wg_constant_of(e->tape, batch->fields[0]);
        wg_var loss = wg_bce_with_logits(reconstruct(net, x), x);
        (void)wg_backward(loss);
        sum += wg_value(loss);
        (void)wg_set_lr(e->optimizer, wg_schedule_one_cycle(schedule, wg_steps(e->optimizer)));
        status = wg_step(e->optimizer, e->tape);
        done++;
        wg_progress_update(e->progress, done, "loss %.4f", sum / (double)done);
        status = status == WG_OK ? wg_loader_next(e->train_batches, &batch) : status;
    }
    *mean_loss = sum / (double)done;
    return status;
}

/* The mean squared error on the test images, of the network and of the linear map. */
static wg_status examine(experiment *e, double *error, double *linear_error) {
    const wg_batch *batch;
    double sum = 0, linear_sum = 0;
    int64_t n = 0;
    wg_status status = wg_loader_next(e->test_batches, &batch);
    while (status == WG_OK && batch != NULL) {
        wg_tape_reset(e->tape);
        wg_no_grad_begin(e->tape);
        wg_var x = wg_constant_of(e->tape, batch->fields[0]);
        wg_var y = wg_sigmoid(reconstruct(wg_net_eval(e->store, e->tape), x));
        sum += wg_value(wg_mse(x, y)) * (double)batch->n;
        linear_sum += wg_value(wg_mse(x, project(&e->map, x))) * (double)batch->n;
        n += batch->n;
        wg_no_grad_end(e->tape);
        status = wg_tape_status(e->tape);
        status = status == WG_OK ? wg_loader_next(e->test_batches, &batch) : status;
    }
    *error = sum / (double)n;
    *linear_error = linear_sum / (double)n;
    return status;
}

static wg_status train(experiment *e, int epochs, double *error, double *linear_error) {
    wg_status status = WG_OK;
    for (int epoch = 1; epoch <= epochs && status == WG_OK; epoch++) {
        double loss;
        wg_progress_restart(e->progress, "epoch %d/%d", epoch, epochs);
        status = train_epoch(e, &loss);
        status = status == WG_OK ? examine(e, error, linear_error) : status;
        if (status == WG_OK) {
            wg_progress_finish(e->progress, "loss %.4f, test error %.4f, linear %.4f", loss, *error,
                               *linear_error);
            (void)wg_plot_point(e->plot, "network", epoch, *error);
            (void)wg_plot_point(e->plot, "linear map", epoch, *linear_error);
        }
    }
    return status;
}

/* ---- Pictures -------------------------------------------------------------------------------- */

/* Images [n, 28, 28] in rows of `columns`, as a PNG file. */
static wg_status write_grid(wg_var images, int64_t columns, const char *path) {
    const wg_grid_options options = {.columns = columns, .padding = 2, .fill = 128};
    wg_array *plain = NULL, *grid = NULL;
    const int64_t shape[] = {wg_size(images, 0), SIDE, SIDE};
    wg_status status = wg_array_new(WG_F32, 3, shape, &plain);
    if (status == WG_OK) {
        status = wg_read(images, WG_F32, plain->data, wg_array_count(plain));
    }
    status = status == WG_OK ? wg_image_grid(plain, options, &grid) : status;
    status = status == WG_OK ? wg_write_png(path, grid) : status;
    wg_array_free(plain);
    wg_array_free(grid);
    return status;
}

/* The first test images, what the network makes of them, and what the linear map does. */
static wg_status draw_images(experiment *e) {
    int64_t rows[SHOWN];
    for (int i = 0; i < SHOWN; i++) {
        rows[i] = i;
    }
    wg_tape_reset(e->tape);
    wg_no_grad_begin(e->tape);
    wg_var x = wg_div(wg_cast(wg_constant_rows(e->tape, e->test, rows, SHOWN), WG_F32), 255);
    wg_var y = wg_sigmoid(reconstruct(wg_net_eval(e->store, e->tape), x));
    wg_var all = wg_concat(3, (wg_var[]){x, y, project(&e->map, x)}, 0);
    wg_status status = write_grid(all, SHOWN, "autoencoder.png");
    wg_no_grad_end(e->tape);
    return status;
}

/* The first four test images in the corners, and between them what the decoder makes of the codes
 * between theirs. */
static wg_status draw_between(experiment *e) {
    float weights[BETWEEN * BETWEEN][4];
    for (int i = 0; i < BETWEEN * BETWEEN; i++) {
        float down = (float)(i / BETWEEN) / (BETWEEN - 1),
              right = (float)(i % BETWEEN) / (BETWEEN - 1);
        weights[i][0] = (1 - down) * (1 - right);
        weights[i][1] = (1 - down) * right;
        weights[i][2] = down * (1 - right);
        weights[i][3] = down * right;
    }
    wg_tape_reset(e->tape);
    wg_no_grad_begin(e->tape);
    wg_net net = wg_net_eval(e->store, e->tape);
    wg_var x = wg_constant_rows(e->tape, e->test, (const int64_t[]){0, 1, 2, 3}, 4);
    wg_var corners = encode(wg_scope(net, "encoder"), wg_div(wg_cast(x, WG_F32), 255));
    wg_var mix = wg_constant(e->tape, WG_F32, WG_SHAPE(BETWEEN * BETWEEN, 4), weights);
    wg_var images = wg_sigmoid(decode(wg_scope(net, "decoder"), wg_matmul(mix, corners)));
    wg_status status = write_grid(images, BETWEEN, "autoencoder-between.png");
    wg_no_grad_end(e->tape);
    return status;
}

/* ---- From the beginning to the end ----------------------------------------------------------- */

static wg_status read_images(const char *folder, const char *name, wg_array **out) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", folder, name);
    return wg_read_idx(path, out);
}

/* Makes all that training needs, once the images are read. */
static wg_status set_up(experiment *e, int epochs, uint64_t seed) {
    const wg_loader_field train[] = {{.from = e->train, .scale = 1.0 / 255}};
    const wg_loader_field test[] = {{.from = e->test, .scale = 1.0 / 255}};
    wg_loader_options shuffled = {.batch = BATCH, .batches = {.shuffle = true, .seed = seed}};
    wg_loader_options in_order = {.batch = TEST_BATCH};
    wg_plot_options plot = {.title = "MNIST in sixteen numbers",
                            .x_label = "epoch",
                            .y_label = "mean squared error, test images"};
    e->tape = wg_tape_new();
    e->store = wg_store_new(seed);
    e->optimizer = e->store != NULL ? wg_adam(e->store, wg_adam_defaults()) : NULL;
    if (e->tape == NULL || e->optimizer == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_status status = wg_loader_new(train, 1, shuffled, &e->train_batches);
    status = status == WG_OK ? wg_loader_new(test, 1, in_order, &e->test_batches) : status;
    status = status == WG_OK ? wg_plot_new(plot, &e->plot) : status;
    if (status == WG_OK) {
        e->steps = epochs * wg_loader_count(e->train_batches);
        e->progress = wg_progress_new(stdout, "", wg_loader_count(e->train_batches));
        status = find_components(e->tape, e->train, &e->map);
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
    wg_array_free(e->train);
    wg_array_free(e->test);
}

int main(int argc, char **argv) {
    const char *folder = WG_DATA_FOLDER "/mnist";
    uint64_t seed = 1;
    int epochs = 12;
    double bar = 0.5, error = 0, linear_error = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0) {
            epochs = 2;
            bar = 0.75;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], NULL, 10);
        } else {
            folder = argv[i];
        }
    }
    static experiment e; /* zeros; too large for some stacks */
    wg_status status = read_images(folder, "train", &e.train);
    status = status == WG_OK ? read_images(folder, "t10k", &e.test) : status;
    if (status == WG_ERROR_FILE) {
        printf("autoencoder: %s\nThe images are not there; `./dev data` fetches them.\n",
               wg_last_message());
        tear_down(&e);
        return SKIPPED;
    }
    status = status == WG_OK ? set_up(&e, epochs, seed) : status;
    status = status == WG_OK ? train(&e, epochs, &error, &linear_error) : status;
    status = status == WG_OK ? draw_images(&e) : status;
    status = status == WG_OK ? draw_between(&e) : status;
    status = status == WG_OK ? wg_plot_write(e.plot, "autoencoder.svg") : status;
    bool held = status == WG_OK && error <= bar * linear_error;
    if (status != WG_OK) {
        bool on_tape = e.tape != NULL && wg_tape_status(e.tape) != WG_OK;
        fprintf(stderr, "autoencoder: %s: %s\n", wg_status_text(status),
                on_tape ? wg_tape_message(e.tape) : wg_last_message());
    } else {
        printf(
            "\nThe error is %.0f %% of the best linear map's; at most %.0f %% are asked "
            "for.\nPictures "
            "are in autoencoder.png and autoencoder-between.png, the curves in autoencoder.svg\n",
            100 * error / linear_error, 100 * bar);
    }
    tear_down(&e);
    return held ? 0 : 1;
}
