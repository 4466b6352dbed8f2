/* char-gpt: a transformer reads a book, letter by letter, and goes on writing.
 *
 * The book (Melville's Moby-Dick, which `./dev data` fetches, or any UTF-8 text) is cut in two: the
 * first nine tenths to learn from, the rest to be examined on. A step takes 16 windows of 128
 * characters, drawn by lot. What counts is how many bits the network needs for a character of the
 * part it has not read; compare/char_models.py trains the same network in PyTorch.
 *
 * The program ends well only if it is at most 2.4 bits (3.9 in the short form), where the best
 * guess without context takes 4.5. It leaves the loss curves in char-gpt.svg, and prints what it
 * writes, for which a cache of keys and values lets it look at each character once.
 *
 *     char-gpt [--short] [--seed N] [--steps N] [FILE] */
#include <wengert.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WIDTH = 128,
    LAYERS = 4,
    HEADS = 4,
    CONTEXT = 128, /* characters it can look back on */
    BATCH = 16,
    PROMPT = 64,
    WRITTEN = 600, /* with the prompt */
    SKIPPED = 77   /* the exit code that tells Meson: not run */
};

/* ---- The network ----------------------------------------------------------------------------- */

/* ids [batch, length], the first of which stands at position `first`, to logits [batch, length,
 * characters]. With a cache it has seen what stands before. */
static wg_var predict(wg_net net, wg_var ids, int64_t first, int64_t characters,
                      wg_kv_cache *cache) {
    const wg_initializer small = wg_init_normal(0, 0.02);
    const wg_embedding_options letters = {.count = characters, .width = WIDTH, .weight = small};
    const wg_transformer_options block = {.heads = HEADS,
                                          .norm_first = true,
                                          .causal = true,
                                          .final_norm = true,
                                          .activation = (wg_gelu),
                                          .cache = cache};
    wg_var places = wg_parameter(net, "position", WG_F32, WG_SHAPE(CONTEXT, WIDTH), small);
    wg_var x = wg_embedding_with(net, "embedding", ids, letters);
    x = wg_add(x, wg_slice(places, 0, first, first + wg_size(ids, 1), 1));
    x = wg_transformer_encoder(net, "blocks", x, LAYERS, block);
    return wg_linear(net, "output", x, characters);
}

/* The loss on windows [BATCH] that begin at these places of `ids`. */
static wg_var loss_of_windows(wg_net net, const int64_t *ids, const int64_t *places,
                              int64_t characters) {
    int64_t x[BATCH][CONTEXT], y[BATCH][CONTEXT];
    for (int b = 0; b < BATCH; b++) {
        memcpy(x[b], ids + places[b], sizeof x[b]);
        memcpy(y[b], ids + places[b] + 1, sizeof y[b]);
    }
    wg_var in = wg_constant(net.tape, WG_I64, WG_SHAPE(BATCH, CONTEXT), x);
    wg_var out = wg_constant(net.tape, WG_I64, WG_SHAPE(BATCH, CONTEXT), y);
    return wg_cross_entropy(predict(net, in, 0, characters, NULL), out);
}

/* ---- Training and examination ---------------------------------------------------------------- */

typedef struct experiment {
    wg_vocabulary *vocabulary;
    wg_array *all;               /* i64, the whole text */
    const int64_t *train, *test; /* its two parts */
    int64_t train_count, test_count, characters;
    wg_key key;
    wg_tape *tape;
    wg_store *store;
    wg_optimizer *optimizer;
    wg_kv_cache *cache;
    wg_progress *progress;
    wg_plot *plot;
} experiment;

/* Bits a character of the part that was not learnt from, in windows one behind the other; `most`
 * batches of them. */
static wg_status examine(experiment *e, int64_t most, double *bits) {
    double sum = 0;
    int64_t n = 0, places[BATCH], batches = (e->test_count - 1) / CONTEXT / BATCH;
    wg_status status = WG_OK;
    for (; n < batches && n < most && status == WG_OK; n++) {
        for (int64_t b = 0; b < BATCH; b++) {
            places[b] = (n * BATCH + b) * CONTEXT;
        }
        wg_tape_reset(e->tape);
        wg_no_grad_begin(e->tape);
        wg_net net = wg_net_eval(e->store, e->tape);
        sum += wg_value(loss_of_windows(net, e->test, places, e->characters));
        wg_no_grad_end(e->tape);
        status = wg_tape_status(e->tape);
    }
    *bits = sum / (double)n / log(2);
    return status;
}

/* One training step; its loss. */
static wg_status train_step(experiment *e, double *loss) {
    int64_t places[BATCH];
    uint64_t step = wg_steps(e->optimizer);
    for (int b = 0; b < BATCH; b++) {
        places[b] = (int64_t)wg_random_below(wg_key_fold(e->key, step), (uint64_t)b,
                                             (uint64_t)(e->train_count - CONTEXT));
    }
    wg_tape_reset(e->tape);
    wg_net net = wg_net_train(e->store, e->tape, step);
    wg_var error = loss_of_windows(net, e->train, places, e->characters);
    (void)wg_backward(error);
    *loss = wg_value(error);
    (void)wg_clip_norm(e->store, 1);
    return wg_step(e->optimizer, e->tape); /* whatever failed above is said here */
}

static wg_status train(experiment *e, int steps, double *bits) {
    const wg_cosine_schedule cosine = {.lr = 2e-3, .least = 2e-4, .steps = (uint64_t)steps};
    const wg_warm_up warm = {.steps = (uint64_t)steps / 20};
    const int every = steps < 400 ? steps : steps / 10;
    double loss, sum = 0;
    wg_status status = WG_OK;
    for (int step = 0; step < steps && status == WG_OK; step++) {
        uint64_t at = (uint64_t)step;
        double lr = wg_schedule_cosine(cosine, at);
        (void)wg_set_lr(e->optimizer, wg_schedule_warm_up(warm, at + 1, lr));
        status = train_step(e, &loss);
        sum += loss / log(2);
        wg_progress_update(e->progress, step + 1, "%.3f bits", loss / log(2));
        if ((step + 1) % every == 0 && status == WG_OK) {
            status = examine(e, step + 1 == steps ? INT64_MAX : 16, bits);
            (void)wg_plot_point(e->plot, "training", step + 1, sum / every);
            (void)wg_plot_point(e->plot, "validation", step + 1, *bits);
            sum = 0;
        }
    }
    wg_progress_finish(e->progress, "%.3f bits a character, validation", *bits);
    return status;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Reads the beginning of what was not learnt from, and writes on, each character drawn from what
 * the network expects. Where its context is full it reads the last half again. */
static wg_status write_on(experiment *e, uint64_t seed) {
    int64_t text[WRITTEN], length = PROMPT,
                           seen = 0; /* `seen` of `length` are in the cache, or past */
    const wg_sample_options sample = {.temperature = 0.7};
    const wg_key key = wg_key_name(wg_key_new(seed), "writing");
    wg_status status = WG_OK;
    memcpy(text, e->test, PROMPT * sizeof *text);
    while (length < WRITTEN && status == WG_OK) {
        int64_t first = wg_kv_cache_length(e->cache);
        if (first + length - seen > CONTEXT) {
            (void)wg_kv_cache_cut(e->cache, 0);
            first = 0;
            seen = length - CONTEXT / 2;
        }
        wg_tape_reset(e->tape);
        wg_no_grad_begin(e->tape);
        wg_net net = wg_net_eval(e->store, e->tape);
        wg_var ids = wg_constant(e->tape, WG_I64, WG_SHAPE(1, length - seen), text + seen);
        wg_var all = predict(net, ids, first, e->characters, e->cache);
        wg_var last = wg_slice(all, 1, -1, WG_END, 1);
        wg_var next = wg_sample_logits(last, wg_key_fold(key, (uint64_t)length), sample);
        text[length] = 0;
        status = wg_read(next, WG_I64, &text[length], 1);
        wg_no_grad_end(e->tape);
        seen = length++;
    }
    printf("\nThe book, and after ||| the network:\n\n");
    for (int64_t i = 0; i < length; i++) {
        size_t bytes;
        const char *token = wg_vocabulary_token(e->vocabulary, text[i], &bytes);
        printf("%s%.*s", i == PROMPT ? "|||" : "", (int)bytes, token);
    }
    printf("\n\n");
    return status;
}

/* ---- From the beginning to the end ----------------------------------------------------------- */

static wg_status read_book(experiment *e, const char *path) {
    char *text = NULL;
    size_t bytes = 0;
    wg_status status = wg_read_text(path, &text, &bytes);
    if (status == WG_OK) {
        status = wg_vocabulary_characters(text, bytes, (wg_character_options){0}, &e->vocabulary);
    }
    if (status == WG_OK) {
        status = wg_vocabulary_encode(e->vocabulary, text, bytes, WG_I64, &e->all);
    }
    wg_string_free(text);
    return status;
}

/* Makes all that training needs, once the book is read. */
static wg_status set_up(experiment *e, uint64_t seed, int steps) {
    int64_t count = wg_array_count(e->all);
    wg_plot_options plot = {.title = "A transformer, letter by letter",
                            .x_label = "step",
                            .y_label = "bits a character"};
    e->train = e->all->data;
    e->train_count = count * 9 / 10;
    e->test = e->train + e->train_count;
    e->test_count = count - e->train_count;
    e->characters = wg_vocabulary_size(e->vocabulary);
    e->key = wg_key_name(wg_key_new(seed), "windows");
    e->tape = wg_tape_new();
    e->store = wg_store_new(seed);
    e->optimizer = e->store != NULL ? wg_adamw(e->store, wg_adamw_defaults()) : NULL;
    e->cache = wg_kv_cache_new(CONTEXT);
    e->progress = wg_progress_new(stdout, "reading", steps);
    if (e->tape == NULL || e->optimizer == NULL || e->cache == NULL) {
        return WG_ERROR_MEMORY;
    }
    printf("%lld characters, %lld different ones\n", (long long)count, (long long)e->characters);
    return wg_plot_new(plot, &e->plot);
}

static void tear_down(experiment *e) {
    wg_plot_free(e->plot);
    wg_progress_free(e->progress);
    wg_optimizer_free(e->optimizer);
    wg_tape_free(e->tape);
    wg_kv_cache_free(e->cache);
    wg_store_free(e->store);
    wg_array_free(e->all);
    wg_vocabulary_free(e->vocabulary);
}

int main(int argc, char **argv) {
    const char *path = WG_DATA_FOLDER "/moby-dick.txt";
    uint64_t seed = 1;
    int steps = 1500;
    double bar = 2.4, bits = HUGE_VAL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0) {
            steps = 120;
            bar = 3.9;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--steps") == 0 && i + 1 < argc) {
            steps = atoi(argv[++i]);
        } else {
            path = argv[i];
        }
    }
    experiment e = {.tape = NULL};
    wg_status status = read_book(&e, path);
    if (status == WG_ERROR_FILE) {
        printf("char-gpt: %s\nThe book is not there; `./dev data` fetches it.\n",
               wg_last_message());
        return SKIPPED;
    }
    if (status == WG_OK && wg_array_count(e.all) / 10 < BATCH * CONTEXT + 1) {
        fprintf(stderr, "char-gpt: the text is too short\n");
        tear_down(&e);
        return 1;
    }
    status = status == WG_OK ? set_up(&e, seed, steps) : status;
    status = status == WG_OK ? train(&e, steps, &bits) : status;
    status = status == WG_OK ? write_on(&e, seed) : status;
    status = status == WG_OK ? wg_plot_write(e.plot, "char-gpt.svg") : status;
    if (status != WG_OK) {
        bool on_tape = e.tape != NULL && wg_tape_status(e.tape) != WG_OK;
        fprintf(stderr, "char-gpt: %s: %s\n", wg_status_text(status),
                on_tape ? wg_tape_message(e.tape) : wg_last_message());
    } else {
        printf("%.3f bits a character that was not learnt from; at most %.1f are asked for.\n"
               "The loss curves are in char-gpt.svg\n",
               bits, bar);
    }
    tear_down(&e);
    return status == WG_OK && bits <= bar ? 0 : 1;
}
