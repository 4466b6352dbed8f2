/* wengert.c: Wengert as a contender: a network as a user writes it, a step as a user's loop takes
 * it. */
#include "../torch.h"
#include "mlp.h"

#include <stdlib.h>
#include <string.h>
#include <wengert.h>

typedef struct wengert_state {
    const mlp_job *job;
    wg_tape *tape;
    wg_store *store;
    wg_optimizer *optimizer;
    long taken;
} wengert_state;

static const char *const layer_names[MLP_MAX_LAYERS] = {"fc1", "fc2", "fc3"};

static wg_var borrow(wg_tape *tape, wg_dtype dtype, int rank, int64_t rows, int64_t columns,
                     void *data) {
    wg_view view = {.dtype = dtype, .rank = rank, .shape = {rows, columns}, .data = data};
    view.stride[0] = columns;
    view.stride[1] = 1;
    return wg_borrow(tape, &view, NULL);
}

static wg_var network(wg_net net, const mlp_task *task, wg_var x) {
    for (int i = 0; i < task->layers; i++) {
        x = wg_linear(net, layer_names[i], x, task->sizes[i + 1]);
        if (i + 1 < task->layers)
            x = wg_relu(x);
    }
    return x;
}

static wg_var forward(wengert_state *s) {
    const mlp_task *task = s->job->task;
    const size_t k = (size_t)(s->taken % task->batches) * (size_t)task->batch;
    wg_var x = borrow(s->tape, WG_F32, 2, task->batch, task->sizes[0],
                      task->inputs + k * (size_t)task->sizes[0]);
    wg_var labels = borrow(s->tape, WG_I64, 1, task->batch, 1, task->labels + k);
    wg_net net = wg_net_train(s->store, s->tape, (uint64_t)s->taken);
    return wg_cross_entropy(network(net, task, x), labels);
}

static void check(const wengert_state *s, wg_status status) {
    if (status == WG_OK)
        return;
    fprintf(stderr, "mlp: Wengert: %s: %s %s\n", wg_status_text(status), wg_tape_message(s->tape),
            wg_last_message());
    exit(2);
}

static void step(wengert_state *s, double *loss) {
    wg_var y = forward(s);
    check(s, wg_backward(y));
    if (loss)
        *loss = wg_value(y);
    check(s, wg_step(s->optimizer, s->tape));
    wg_tape_reset(s->tape);
    s->taken++;
}

/* The first weights and a new optimizer. */
static void start(wengert_state *s) {
    const mlp_task *task = s->job->task;
    bench_threads(s->job->threads);
    s->taken = 0;
    for (int i = 0; i < task->layers; i++) {
        const size_t in = (size_t)task->sizes[i], out = (size_t)task->sizes[i + 1];
        char name[32];
        wg_parameter_view p;
        snprintf(name, sizeof name, "%s.weight", layer_names[i]);
        check(s, wg_store_find(s->store, name, &p));
        memcpy(p.value.data, task->weight[i], in * out * sizeof(float));
        snprintf(name, sizeof name, "%s.bias", layer_names[i]);
        check(s, wg_store_find(s->store, name, &p));
        memcpy(p.value.data, task->bias[i], out * sizeof(float));
    }
    wg_optimizer_free(s->optimizer);
    if (task->adam) {
        wg_adam_options options = wg_adam_defaults();
        options.lr = task->rate;
        s->optimizer = wg_adam(s->store, options);
    } else {
        s->optimizer = wg_sgd(s->store, (wg_sgd_options){.lr = task->rate});
    }
    if (!s->optimizer)
        check(s, WG_ERROR_MEMORY);
}

static void teardown(void *state) {
    wengert_state *s = state;
    wg_optimizer_free(s->optimizer);
    wg_tape_free(s->tape);
    wg_store_free(s->store);
    free(s);
}

static void *setup(const void *argument) {
    wengert_state *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->job = argument;
    s->tape = wg_tape_new();
    s->store = wg_store_new(1);
    if (!s->tape || !s->store) {
        teardown(s);
        return NULL;
    }
    forward(s); /* makes the parameters */
    check(s, wg_tape_status(s->tape));
    wg_tape_reset(s->tape);
    return s;
}

static double timed(void *state, long count) {
    start(state);
    const double began = bench_clock();
    for (long i = 0; i < count; i++)
        step(state, NULL);
    const double took = bench_clock() - began;
    bench_pause();
    return took;
}

static void result(void *state, double *out) {
    start(state);
    for (int i = 0; i < MLP_TRACE; i++)
        step(state, &out[i]);
    bench_pause();
}

bench_contender mlp_wengert(const mlp_job *job, const char *name) {
    return (bench_contender){.name = name,
                             .argument = job,
                             .setup = setup,
                             .timed = timed,
                             .result = result,
                             .teardown = teardown};
}
