/* torch.c: PyTorch as a contender (torch_worker.py). */
#include "../torch.h"
#include "training.h"

#include <stdlib.h>

static void teardown(void *state) {
    bench_torch_stop(state);
    free(state);
}

static void *setup(const void *argument) {
    const training_job *job = argument;
    bench_torch *w = calloc(1, sizeof *w);
    if (w && !bench_torch_start(w, WG_BENCH_TRAINING_WORKER, job->path, job->threads, job->note)) {
        free(w);
        return NULL;
    }
    return w;
}

static double timed(void *state, long count) {
    char order[32];
    snprintf(order, sizeof order, "run %ld", count);
    const double seconds = bench_torch_ask(state, order);
    bench_pause();
    return seconds;
}

static void result(void *state, double *out) {
    bench_torch *w = state;
    fprintf(w->orders, "trace %d\n", TRAINING_TRACE);
    fflush(w->orders);
    for (int i = 0; i < TRAINING_TRACE; i++)
        if (fscanf(w->answers, "%lf", &out[i]) != 1)
            out[i] = -1;
    bench_pause();
}

bench_contender training_torch(const training_job *job, const char *name) {
    return (bench_contender){.name = name,
                             .argument = job,
                             .setup = setup,
                             .timed = timed,
                             .result = result,
                             .teardown = teardown,
                             .optional = true};
}
