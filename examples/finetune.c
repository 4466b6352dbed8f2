/* finetune: a network that PyTorch trained learns something else, and goes back to PyTorch.
 *
 * PyTorch has taught a convolutional network to tell the digits 0 to 4 apart, and saved it as
 * data/digits-pytorch.safetensors (compare/finetune.py). Here its body is loaded and frozen, its
 * head left out; a new head learns the digits 5 to 9 from five images of each. Then all is saved as
 * finetune.safetensors, under the names that PyTorch's load_state_dict asks for.
 *
 * The program ends well only if it reads at least 86 % of the other 871 images of these digits
 * rightly, more than the same network does that learnt everything from the twenty-five, and if the
 * body is bit for bit as it was. finetune.npy holds the logits of all 896 images, with which
 * compare/finetune.py checks that PyTorch reads the file back and computes the same. The loss
 * curves are in finetune.svg.
 *
 *     finetune [--short] [--seed N] */
#include <wengert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE = 8,
    PIXELS = SIDE * SIDE,
    FIRST = 5, /* the digits FIRST, FIRST + 1 … */
    CLASSES = 5,
    EACH = 5 /* images of each to learn from */
};

static const char *const pretrained = WG_EXAMPLE_DATA "/digits-pytorch.safetensors";
static const char *const tuned = "finetune.safetensors";

/* ---- The network, with PyTorch's names ------------------------------------------------------- */

static wg_var block(wg_net net, int number, wg_var x, int64_t channels) {
    const wg_conv_options three = {.kernel = {3}, .padding = {1, 1}};
    char conv[16], norm[16];
    snprintf(conv, sizeof conv, "conv%d", number);
    snprintf(norm, sizeof norm, "norm%d", number);
    x = wg_conv2d(net, conv, x, channels, three);
    return wg_relu(wg_batch_norm_layer(net, norm, x));
}

/* Images [n, 1, 8, 8] to features [n, 512]. */
static wg_var body(wg_net net, wg_var x) {
    x = block(net, 1, x, 16);
    x = block(net, 2, x, 32);
    return wg_flatten(wg_max_pool2d(x, (wg_pool_options){.kernel = {2}}), 1, -1);
}

/* Logits [n, 5]. A frozen body is used as in evaluation: by the running statistics. */
static wg_var classify(wg_net net, wg_var x, bool frozen) {
    wg_net inside = wg_scope(net, "body");
    inside.training = net.training && !frozen;
    return wg_linear(net, "head", body(inside, x), CLASSES);
}

/* ---- Images ---------------------------------------------------------------------------------- */

typedef struct images {
    wg_array *pixels;         /* f32 [n, 64], from 0 to 1: the digits 5 to 9, in the file's order */
    wg_array *labels;         /* i64 [n], 0 to 4 */
    int64_t *learnt, *others; /* rows: the first EACH of each digit, and all that follow */
    int64_t learnt_count, others_count;
} images;

static void free_images(images *set) {
    wg_array_free(set->pixels);
    wg_array_free(set->labels);
    free(set->learnt);
    free(set->others);
}

/* Which rows of the file hold the digits 5 to 9: they alone are kept. */
static wg_status select_digits(const wg_array *pixels, const wg_array *digits, images *out) {
    const int64_t *all = digits->data, count = wg_array_count(digits);
    int64_t *rows = malloc((size_t)count * sizeof *rows), n = 0;
    if (rows == NULL) {
        return WG_ERROR_MEMORY;
    }
    for (int64_t i = 0; i < count; i++) {
        if (all[i] >= FIRST && all[i] < FIRST + CLASSES) {
            rows[n++] = i;
        }
    }
    wg_status status = wg_select_rows(pixels, rows, n, &out->pixels);
    status = status == WG_OK ? wg_select_rows(digits, rows, n, &out->labels) : status;
    free(rows);
    return status;
}

static wg_status share_out(images *set) {
    int64_t *labels = set->labels->data, count = wg_array_count(set->labels);
    int seen[CLASSES] = {0};
    set->learnt = malloc((size_t)count * sizeof *set->learnt);
    set->others = malloc((size_t)count * sizeof *set->others);
    if (set->learnt == NULL || set->others == NULL) {
        return WG_ERROR_MEMORY;
    }
    for (int64_t i = 0; i < count; i++) {
        labels[i] -= FIRST;
        if (seen[labels[i]]++ < EACH) {
            set->learnt[set->learnt_count++] = i;
        } else {
            set->others[set->others_count++] = i;
        }
    }
    return WG_OK;
}

static wg_status read_images(images *out) {
    wg_array *table = NULL, *pixels = NULL, *digits = NULL;
    wg_status status = wg_read_csv(WG_EXAMPLE_DATA "/digits.csv", NULL, &table);
    if (status == WG_OK) {
        status = wg_columns(table, 0, PIXELS, WG_F32, 1.0 / 16, 0, &pixels);
    }
    status = status == WG_OK ? wg_column(table, PIXELS, WG_I64, &digits) : status;
    status = status == WG_OK ? select_digits(pixels, digits, out) : status;
    status = status == WG_OK ? share_out(out) : status;
    wg_array_free(table);
    wg_array_free(pixels);
    wg_array_free(digits);
    return status;
}

/* ---- Training and examination ---------------------------------------------------------------- */

typedef struct study {
    images set;
    wg_tape *tape;
    wg_progress *progress;
    wg_plot *plot;
} study;

/* Logits and labels of some rows. */
static wg_var logits_of(study *s, wg_net net, const int64_t *rows, int64_t n, bool frozen,
                        wg_var *labels) {
    wg_var x = wg_constant_rows(s->tape, s->set.pixels, rows, n);
    *labels = wg_constant_rows(s->tape, s->set.labels, rows, n);
    return classify(net, wg_reshape(x, WG_SHAPE(n, 1, SIDE, SIDE)), frozen);
}

static wg_status train(study *s, wg_store *store, bool frozen, int steps) {
    const char *name = frozen ? "a new head" : "from nothing";
    wg_optimizer *optimizer = wg_adam(store, wg_adam_defaults());
    wg_status status = optimizer == NULL ? WG_ERROR_MEMORY : WG_OK;
    wg_progress_restart(s->progress, "%s", name);
    for (int step = 0; step < steps && status == WG_OK; step++) {
        wg_var labels;
        wg_tape_reset(s->tape);
        wg_net net = wg_net_train(store, s->tape, (uint64_t)step);
        wg_var logits = logits_of(s, net, s->set.learnt, s->set.learnt_count, frozen, &labels);
        wg_var loss = wg_cross_entropy(logits, labels);
        (void)wg_backward(loss);
        (void)wg_plot_point(s->plot, name, step, wg_value(loss));
        wg_progress_update(s->progress, step + 1, "loss %.4f", wg_value(loss));
        status = wg_step(optimizer, s->tape);
    }
    wg_optimizer_free(optimizer);
    return status;
}

/* The share of the other images that are read rightly. */
static wg_status examine(study *s, wg_store *store, double *accuracy) {
    wg_var labels;
    wg_tape_reset(s->tape);
    wg_no_grad_begin(s->tape);
    wg_net net = wg_net_eval(store, s->tape);
    wg_var logits = logits_of(s, net, s->set.others, s->set.others_count, true, &labels);
    wg_var right = wg_cast(wg_eq(wg_argmax(logits, -1), labels), WG_F64);
    *accuracy = wg_value(wg_mean(right));
    wg_no_grad_end(s->tape);
    wg_progress_finish(s->progress, "%.2f %% of the other images right", 100 * *accuracy);
    return wg_tape_status(s->tape);
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Whether all of the body that PyTorch saved is in the store, bit for bit. */
static wg_status compare_body(wg_store *store, bool *same) {
    wg_safetensors *file = NULL;
    wg_status status = wg_safetensors_open(pretrained, &file);
    *same = true;
    for (int64_t i = 0; status == WG_OK && i < wg_safetensors_count(file); i++) {
        wg_tensor tensor;
        wg_parameter_view here;
        status = wg_safetensors_at(file, i, &tensor);
        if (status != WG_OK || strncmp(tensor.name, "body.", 5) != 0) {
            continue;
        }
        status = wg_store_find(store, tensor.name, &here);
        if (status == WG_OK) {
            *same = *same && memcmp(here.value.data, tensor.view.data, tensor.bytes) == 0;
        }
    }
    wg_safetensors_close(file);
    return status;
}

/* The logits of all images, for PyTorch to compare its own with. */
static wg_status save_logits(study *s, wg_store *store) {
    int64_t n = wg_array_count(s->set.labels);
    wg_tape_reset(s->tape);
    wg_no_grad_begin(s->tape);
    wg_var x = wg_reshape(wg_constant_of(s->tape, s->set.pixels), WG_SHAPE(n, 1, SIDE, SIDE));
    wg_var logits = classify(wg_net_eval(store, s->tape), x, true);
    wg_status status = wg_tape_status(s->tape);
    if (status == WG_OK) {
        wg_view view = wg_view_of(logits);
        status = wg_write_npy("finetune.npy", &view);
    }
    wg_no_grad_end(s->tape);
    return status;
}

/* ---- From the beginning to the end ----------------------------------------------------------- */

/* Loads, freezes, goes on learning, saves. */
static wg_status tune(study *s, uint64_t seed, int steps, double *accuracy, bool *same) {
    wg_load_report report = {0};
    wg_store *store = wg_store_new(seed);
    wg_status status = store == NULL ? WG_ERROR_MEMORY : WG_OK;
    if (status == WG_OK) {
        wg_load_options options = {.skip = "head.*", .report = &report};
        status = wg_store_load(store, pretrained, options);
    }
    status = status == WG_OK ? wg_freeze(store, "body.*") : status;
    if (status == WG_OK) {
        printf("%lld arrays from PyTorch's file, %lld left out\n", (long long)report.made,
               (long long)report.passed);
        status = train(s, store, true, steps);
    }
    status = status == WG_OK ? examine(s, store, accuracy) : status;
    status = status == WG_OK ? compare_body(store, same) : status;
    status = status == WG_OK ? wg_store_save(store, tuned, NULL) : status;
    status = status == WG_OK ? save_logits(s, store) : status;
    wg_store_free(store);
    return status;
}

/* The same network without what PyTorch knew. */
static wg_status begin_anew(study *s, uint64_t seed, int steps, double *accuracy) {
    wg_store *store = wg_store_new(seed);
    wg_status status = store == NULL ? WG_ERROR_MEMORY : train(s, store, false, steps);
    status = status == WG_OK ? examine(s, store, accuracy) : status;
    wg_store_free(store);
    return status;
}

int main(int argc, char **argv) {
    uint64_t seed = 1;
    int steps = 300;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0) {
            steps = 150;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], NULL, 10);
        }
    }
    study s = {.tape = wg_tape_new()};
    double accuracy = 0, anew = 0;
    bool same = false;
    wg_plot_options plot = {
        .title = "Fine-tuning", .x_label = "step", .y_label = "cross-entropy", .log_y = true};
    wg_status status = s.tape == NULL ? WG_ERROR_MEMORY : wg_plot_new(plot, &s.plot);
    s.progress = wg_progress_new(stdout, "", steps);
    status = status == WG_OK ? read_images(&s.set) : status;
    status = status == WG_OK ? tune(&s, seed, steps, &accuracy, &same) : status;
    status = status == WG_OK ? begin_anew(&s, seed, steps, &anew) : status;
    status = status == WG_OK ? wg_plot_write(s.plot, "finetune.svg") : status;
    bool held = status == WG_OK && accuracy >= 0.86 && accuracy > anew && same;
    if (status != WG_OK) {
        fprintf(stderr, "finetune: %s: %s\n", wg_status_text(status), wg_last_message());
    } else {
        printf("With PyTorch's body %.2f %% right, of which 86 %% are asked for; from nothing %.2f "
               "%%. The body is %s.\nThe network is in %s, the loss in finetune.svg\n",
               100 * accuracy, 100 * anew, same ? "as it was" : "NOT AS IT WAS", tuned);
    }
    wg_plot_free(s.plot);
    wg_progress_free(s.progress);
    wg_tape_free(s.tape);
    free_images(&s.set);
    return held ? 0 : 1;
}
