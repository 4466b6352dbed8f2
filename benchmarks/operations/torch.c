/* torch.c: PyTorch as a contender (torch_worker.py): one process for each number of threads. */
#include "../torch.h"
#include "operations.h"

#include <stdlib.h>
#include <string.h>

static bench_torch processes[OP_THREADS];

static bench_torch *process_for(int threads) {
    bench_torch *torch = &processes[threads - 1];
    const bool there =
        torch->orders || bench_torch_start(torch, WG_BENCH_OPERATIONS_WORKER, NULL, threads, NULL);
    return there ? torch : NULL;
}

void op_torch_stop(void) {
    for (int i = 0; i < OP_THREADS; i++)
        if (processes[i].orders)
            bench_torch_stop(&processes[i]);
}

/* load \t FILE \t BACKWARD \t EXPRESSION { \t KIND:SIZE,SIZE } */
static void *setup(const void *argument) {
    const op_job *job = argument;
    const op_row *row = job->task->row;
    bench_torch *torch = process_for(job->threads);
    if (!torch)
        return NULL;
    fprintf(torch->orders, "load\t%s\t%d\t%s", job->task->path, job->backward, row->torch);
    for (int i = 0; i < OP_INPUTS && row->input[i].kind != OP_NONE; i++) {
        fprintf(torch->orders, "\t%c:", " fci"[row->input[i].kind]);
        for (int k = 0; k < op_rank(&row->input[i]); k++)
            fprintf(torch->orders, "%s%lld", k ? "," : "", (long long)row->input[i].shape[k]);
    }
    fprintf(torch->orders, "\n");
    fflush(torch->orders);
    char line[128] = "";
    if (fscanf(torch->answers, " %127[^\n]", line) != 1 || strncmp(line, "loaded ", 7) != 0) {
        fprintf(stderr, "operations: PyTorch cannot run %s: %s\n", row->name, line);
        return NULL;
    }
    snprintf(job->note, 32, "%.30s", line + 7);
    return torch;
}

static double timed(void *state, long count) {
    char order[32];
    snprintf(order, sizeof order, "run\t%ld", count);
    const double seconds = bench_torch_ask(state, order);
    bench_pause();
    return seconds;
}

static void result(void *state, double *out) {
    bench_torch *torch = state;
    int count = 0;
    fprintf(torch->orders, "result\n");
    fflush(torch->orders);
    if (fscanf(torch->answers, "%d", &count) != 1)
        count = 0;
    for (int i = 0; i < count; i++)
        if (fscanf(torch->answers, "%lf", &out[i]) != 1)
            out[i] = 0;
    bench_pause();
}

bench_contender op_torch(const op_job *job, const char *name) {
    return (bench_contender){.name = name,
                             .argument = job,
                             .setup = setup,
                             .timed = timed,
                             .result = result,
                             .optional = true};
}
