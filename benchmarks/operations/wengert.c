/* wengert.c: Wengert as a contender: one operation as a user writes it. */
#include "../torch.h"
#include "operations.h"
#include "tape/tape.h"

#include <stdlib.h>

typedef struct wengert_state {
    const op_job *job;
    wg_tape *tape;
    wg_sink sink[OP_INPUTS];
} wengert_state;

static void check(const wengert_state *s, wg_status status) {
    if (status == WG_OK)
        return;
    fprintf(stderr, "operations: %s: %s: %s\n", s->job->task->row->name, wg_status_text(status),
            wg_tape_message(s->tape));
    exit(2);
}

/* The inputs without a copy; gradients go where a parameter's would, and begin anew each time. */
static void put_inputs(wengert_state *s, wg_var *x) {
    const op_task *task = s->job->task;
    for (int i = 0; i < OP_INPUTS && task->row->input[i].kind != OP_NONE; i++) {
        const op_input *input = &task->row->input[i];
        const wg_view view = wg_view_new(input->kind == OP_WHOLE ? WG_I64 : WG_F32, op_rank(input),
                                         input->shape, task->data[i]);
        s->sink[i] = (wg_sink){task->gradient[i], NULL, true};
        x[i] = s->job->backward && input->kind == OP_FLOAT
                   ? wg_borrow_sink(s->tape, &view, &s->sink[i])
                   : wg_borrow(s->tape, &view, NULL);
    }
}

static wg_var unit(wengert_state *s) {
    const op_task *task = s->job->task;
    wg_var x[OP_INPUTS];
    wg_tape_reset(s->tape);
    if (!s->job->backward)
        wg_no_grad_begin(s->tape);
    put_inputs(s, x);
    const wg_var y = task->row->own(s->tape, x);
    if (s->job->backward && task->seeds == 1) {
        check(s, wg_backward(y));
    } else if (s->job->backward) {
        const wg_view shape = wg_view_of(y);
        const wg_view seed = wg_view_new(WG_F32, shape.rank, shape.shape, task->seed);
        check(s, wg_backward_seeded(y, wg_borrow(s->tape, &seed, NULL)));
    }
    check(s, wg_tape_status(s->tape));
    return y;
}

static void teardown(void *state) {
    wengert_state *s = state;
    wg_tape_free(s->tape);
    free(s);
}

static void *setup(const void *argument) {
    wengert_state *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->job = argument;
    s->tape = wg_tape_new();
    return s;
}

static double timed(void *state, long count) {
    wengert_state *s = state;
    bench_threads(s->job->threads);
    const double began = bench_clock();
    for (long i = 0; i < count; i++)
        unit(s);
    const double took = bench_clock() - began;
    bench_pause();
    return took;
}

static void result(void *state, double *out) {
    wengert_state *s = state;
    const op_task *task = s->job->task;
    bench_threads(s->job->threads);
    const wg_var y = unit(s);
    float *values = malloc((size_t)task->seeds * sizeof *values);
    check(s, values ? wg_read(y, WG_F32, values, task->seeds) : WG_ERROR_MEMORY);
    op_sample(values, task->seeds, out);
    for (int i = 0; i < OP_INPUTS && s->job->backward; i++) {
        if (task->row->input[i].kind == OP_FLOAT) {
            out += OP_SAMPLES;
            op_sample(task->gradient[i], op_count(&task->row->input[i]), out);
        }
    }
    free(values);
}

bench_contender op_wengert(const op_job *job, const char *name) {
    return (bench_contender){.name = name,
                             .argument = job,
                             .setup = setup,
                             .timed = timed,
                             .result = result,
                             .teardown = teardown};
}
