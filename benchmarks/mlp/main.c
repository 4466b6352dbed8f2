/* main.c: milliseconds a training step (forward, backward, optimizer) against PyTorch. */
#include "mlp.h"

#include <stdlib.h>

enum {
    THREADS = 2
};

int main(int argc, char **argv) {
    int code;
    bench_harness *harness = bench_begin("Training steps of multilayer perceptrons, float32",
                                         WG_BENCH_FLAGS, argc, argv, &code);
    if (!harness)
        return code;
    const char *torch = mlp_torch_find();
    bench_rival(harness, "PyTorch", torch ? torch : "not found");

    static const struct {
        mlp_task task;
        double bar; /* PyTorch's time over Wengert's, each with its best number of threads */
        /* Of the losses of the first steps. Adam divides by a root that is small at first, which
         * enlarges the last bits: PyTorch with two threads differs from itself with one by 3e-4
         * here. */
        double tolerance;
    } rows[] = {
        {{.name = "784-128-10, batch 1, SGD",
          .layers = 2,
          .sizes = {784, 128, 10},
          .batch = 1,
          .batches = 32,
          .rate = 0.01f},
         10,
         1e-4},
        {{.name = "784-128-10, batch 64, SGD",
          .layers = 2,
          .sizes = {784, 128, 10},
          .batch = 64,
          .batches = 8,
          .rate = 0.1f},
         0,
         1e-4},
        {{.name = "784-1024-1024-10, batch 256, Adam",
          .layers = 3,
          .sizes = {784, 1024, 1024, 10},
          .batch = 256,
          .batches = 4,
          .adam = 1,
          .rate = 1e-3f},
         1,
         2e-3},
    };
    enum {
        ROWS = sizeof rows / sizeof *rows
    };
    double won[ROWS] = {0}, alone[ROWS] = {0};
    for (int i = 0; i < ROWS; i++) {
        mlp_task task = rows[i].task;
        char path[] = "wengert-mlp-task.bin";
        if (!bench_wanted(harness, task.name))
            continue;
        if (!mlp_task_fill(&task) || !mlp_task_write(&task, path)) {
            fprintf(stderr, "mlp: cannot write %s\n", path);
            return 2;
        }
        char notes[THREADS][64] = {""};
        mlp_job jobs[THREADS];
        bench_contender contenders[2 * THREADS];
        static const char *const names[2][THREADS] = {{"PyTorch, 1 thread", "PyTorch, 2 threads"},
                                                      {"Wengert, 1 thread", "Wengert, 2 threads"}};
        for (int k = 0; k < THREADS; k++) {
            jobs[k] = (mlp_job){.task = &task, .threads = k + 1, .path = path, .note = notes[k]};
            contenders[k] = mlp_torch(&jobs[k], names[0][k]);
            contenders[THREADS + k] = mlp_wengert(&jobs[k], names[1][k]);
        }
        bench_case work = {.name = task.name,
                           .results = MLP_TRACE,
                           .tolerance = rows[i].tolerance,
                           .reference = 0,
                           .base = 0,
                           .contenders = contenders,
                           .count = 2 * THREADS};
        bench_figures f[2 * THREADS];
        bench_case_run(harness, &work, f);
        for (int k = 0; k < THREADS; k++)
            if (*notes[k])
                printf("  %s ran %s\n", names[0][k], notes[k]);
        remove(path);
        mlp_task_free(&task);
        alone[i] = bench_ratio(&f[0], &f[2]);
        const bench_figures *torch_best = &f[f[1].present && f[1].minimum < f[0].minimum];
        const bench_figures *own_best =
            &f[2 + (f[3].present && !f[3].wrong && f[3].minimum < f[2].minimum)];
        won[i] = bench_ratio(torch_best, own_best);
        bench_record(harness, task.name, "torch_over_wengert_one_thread", alone[i]);
        bench_record(harness, task.name, "torch_over_wengert_best", won[i]);
        bench_record(harness, task.name, "bar", rows[i].bar);
    }
    printf("\nPyTorch's time over Wengert's (more is better for Wengert)\n%-36s %10s %18s %8s\n",
           "", "1 thread", "each at its best", "bar");
    for (int i = 0; i < ROWS; i++)
        if (won[i] > 0)
            printf("%-36s %10.2f %18.2f %8.1f %s\n", rows[i].task.name, alone[i], won[i],
                   rows[i].bar, won[i] >= rows[i].bar ? "hit" : "MISS");
    return bench_end(harness);
}
