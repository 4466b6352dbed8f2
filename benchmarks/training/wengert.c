/* wengert.c: Wengert as a contender. */
#include "../torch.h"
#include "training.h"

#include <stdlib.h>
#include <string.h>

typedef struct wengert_state {
    training_run run;
    int threads;
    float *first; /* the parameters' first values, in the store's order */
} wengert_state;

/* Between the store and `first`, which has room for all. */
static void copy_parameters(const wengert_state *s, bool to_store) {
    float *at = s->first;
    for (int64_t i = 0; i < wg_store_count(s->run.store); i++) {
        wg_parameter_view p;
        if (wg_store_at(s->run.store, i, &p) != WG_OK) {
            fprintf(stderr, "training: %s\n", wg_last_message());
            exit(2);
        }
        size_t count = 1;
        for (int axis = 0; axis < p.value.rank; axis++)
            count *= (size_t)p.value.shape[axis];
        if (to_store)
            memcpy(p.value.data, at, count * sizeof *at);
        else
            memcpy(at, p.value.data, count * sizeof *at);
        at += count;
    }
}

static void teardown(void *state) {
    wengert_state *s = state;
    training_run_end(&s->run);
    free(s->first);
    free(s);
}

static void *setup(const void *argument) {
    const training_job *job = argument;
    wengert_state *s = calloc(1, sizeof *s);
    if (!s || !training_run_begin(&s->run, job->task)) {
        free(s);
        return NULL;
    }
    s->threads = job->threads;
    training_run_gradient(&s->run, NULL); /* makes the parameters */
    wg_tape_reset(s->run.tape);
    s->first = malloc((size_t)wg_store_elements(s->run.store) * sizeof *s->first);
    if (!s->first) {
        teardown(s);
        return NULL;
    }
    copy_parameters(s, false);
    return s;
}

static void restart(wengert_state *s) {
    bench_threads(s->threads);
    copy_parameters(s, true);
    wg_zero_gradients(s->run.store);
    training_run_restart(&s->run);
}

static double timed(void *state, long count) {
    wengert_state *s = state;
    restart(s);
    double (*const clock)(void) = s->threads == 1 ? bench_thread_clock : bench_clock;
    const double began = clock();
    for (long i = 0; i < count; i++)
        training_run_step(&s->run, NULL);
    const double took = clock() - began;
    bench_pause();
    return took;
}

static void result(void *state, double *out) {
    wengert_state *s = state;
    restart(s);
    for (int i = 0; i < TRAINING_TRACE; i++)
        training_run_step(&s->run, &out[i]);
    bench_pause();
}

bench_contender training_wengert(const training_job *job, const char *name) {
    return (bench_contender){.name = name,
                             .argument = job,
                             .setup = setup,
                             .timed = timed,
                             .result = result,
                             .teardown = teardown};
}
