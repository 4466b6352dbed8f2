/* main.c: training steps, memory and the time to a first gradient, against PyTorch. */
#include "../torch.h"
#include "training.h"

#include <stdlib.h>

enum {
    THREADS = 2
};

static const double first_bar =
    10e-3; /* seconds from the start of a process to its first gradient */

typedef struct outcome {
    bool measured, wrong;
    double ratio[THREADS], best; /* PyTorch's time over Wengert's; each at its best */
    double speed[2];             /* samples a second at their best: PyTorch's, Wengert's */
    double peak[2][THREADS];     /* MB; PyTorch's without its footprint */
    double first[2];             /* seconds */
} outcome;

static const bench_figures *better(const bench_figures *a, const bench_figures *b) {
    return b->present && !b->wrong && b->minimum > 0 && b->minimum < a->minimum ? b : a;
}

static void measure_steps(bench_harness *harness, const training_task *task, const char *path,
                          outcome *out) {
    static const char *const names[2][THREADS] = {{"PyTorch, 1 thread", "PyTorch, 2 threads"},
                                                  {"Wengert, 1 thread", "Wengert, 2 threads"}};
    char notes[THREADS][64] = {""};
    training_job jobs[THREADS];
    bench_contender contenders[2 * THREADS];
    for (int k = 0; k < THREADS; k++) {
        jobs[k] = (training_job){.task = task, .threads = k + 1, .path = path, .note = notes[k]};
        contenders[k] = training_torch(&jobs[k], names[0][k]);
        contenders[THREADS + k] = training_wengert(&jobs[k], names[1][k]);
    }
    const bench_case work = {.name = task->row->name,
                             .results = TRAINING_TRACE,
                             .tolerance = task->row->tolerance,
                             .reference = 0,
                             .base = 0,
                             .contenders = contenders,
                             .count = 2 * THREADS};
    bench_figures f[2 * THREADS];
    out->measured = bench_case_run(harness, &work, f);
    for (int k = 0; k < THREADS; k++) {
        out->ratio[k] = bench_ratio(&f[k], &f[THREADS + k]);
        out->wrong = out->wrong || f[THREADS + k].wrong;
        if (*notes[k])
            printf("  %s ran %s\n", names[0][k], notes[k]);
    }
    if (!out->wrong)
        printf("  the first %d losses differ by %.1e and %.1e of the greatest\n", TRAINING_TRACE,
               f[2].error, f[3].error);
    const bench_figures *torch = better(&f[0], &f[1]), *own = better(&f[2], &f[3]);
    out->best = bench_ratio(torch, own);
    out->speed[0] = torch->minimum > 0 ? (double)task->examples / torch->minimum : 0;
    out->speed[1] = own->minimum > 0 ? (double)task->examples / own->minimum : 0;
}

static void measure_alone(const char *program, const training_task *task, const char *path,
                          double footprint, int repeats, outcome *out) {
    for (int k = 0; k < THREADS; k++) {
        const double torch = training_alone_torch(TRAINING_PEAK, path, k + 1, 1);
        out->peak[0][k] = torch > footprint ? torch - footprint : 0;
        out->peak[1][k] = training_alone_wengert(TRAINING_PEAK, program, task->row, k + 1, 3);
    }
    out->first[0] = training_alone_torch(TRAINING_FIRST, path, 1, (repeats + 4) / 5);
    out->first[1] = training_alone_wengert(TRAINING_FIRST, program, task->row, 1, repeats);
}

/* Data, first weights and the file that brings them to PyTorch. */
static bool prepare(training_task *task, const training_row *row, const char *path) {
    training_run run;
    if (!training_task_fill(task, row) || !training_run_begin(&run, task))
        return false;
    training_run_gradient(&run, NULL);
    const bool fine = training_task_write(task, run.store, path);
    training_run_end(&run);
    return fine;
}

static void record(bench_harness *harness, const training_row *row, const outcome *out) {
    const struct {
        const char *key;
        double value;
    } numbers[] = {
        {"torch_over_wengert_one_thread", out->ratio[0]},
        {"torch_over_wengert_two_threads", out->ratio[1]},
        {"torch_over_wengert_best", out->best},
        {"bar", row->bar},
        {"torch_samples_per_second", out->speed[0]},
        {"wengert_samples_per_second", out->speed[1]},
        {"torch_peak_mb_one_thread", out->peak[0][0]},
        {"torch_peak_mb_two_threads", out->peak[0][1]},
        {"wengert_peak_mb_one_thread", out->peak[1][0]},
        {"wengert_peak_mb_two_threads", out->peak[1][1]},
        {"torch_first_gradient_s", out->first[0]},
        {"wengert_first_gradient_s", out->first[1]},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        bench_record(harness, row->name, numbers[i].key, numbers[i].value);
}

static void print_speed(const outcome *all) {
    printf(
        "\nPyTorch's time over Wengert's (more is better for Wengert), judged by the least of the "
        "three;\nand samples a second, each at its best\n"
        "%-40s %8s %9s %8s %6s %5s %12s %12s\n",
        "", "1 thread", "2 threads", "at best", "bar", "", "PyTorch", "Wengert");
    for (int i = 0; i < training_row_count; i++) {
        const outcome *out = &all[i];
        if (!out->measured)
            continue;
        double least = out->best;
        for (int k = 0; k < THREADS; k++)
            least = out->ratio[k] < least ? out->ratio[k] : least;
        const double bar = training_rows[i].bar;
        const char *verdict = out->wrong     ? "WRONG"
                              : least <= 0   ? "-"
                              : least >= bar ? "hit"
                                             : "MISS";
        printf("%-40s %8.2f %9.2f %8.2f %6.1f %-5s %12.0f %12.0f\n", training_rows[i].name,
               out->ratio[0], out->ratio[1], out->best, bar, verdict, out->speed[0], out->speed[1]);
    }
}

static void print_memory(const outcome *all, double footprint) {
    printf("\nPeak resident memory, MB: all of Wengert's process against PyTorch's without the "
           "%.0f MB "
           "that\nit has before it begins; milliseconds from the start of a process to its first "
           "gradient (bar: %.0f;\nnot judged where a step alone takes longer)\n"
           "%-40s %17s %17s %5s %9s %9s\n%-40s %8s %8s %8s %8s %5s %9s %9s\n",
           footprint, 1e3 * first_bar, "", "1 thread", "2 threads", "", "first", "", "", "PyTorch",
           "Wengert", "PyTorch", "Wengert", "", "PyTorch", "Wengert");
    for (int i = 0; i < training_row_count; i++) {
        const outcome *out = &all[i];
        if (!out->measured)
            continue;
        bool fits = true, known = true;
        for (int k = 0; k < THREADS; k++) {
            fits = fits && out->peak[1][k] <= out->peak[0][k];
            known = known && out->peak[0][k] > 0;
        }
        printf("%-40s %8.1f %8.1f %8.1f %8.1f %-5s %9.0f %9.2f %s\n", training_rows[i].name,
               out->peak[0][0], out->peak[1][0], out->peak[0][1], out->peak[1][1],
               !known ? "-"
               : fits ? "hit"
                      : "MISS",
               1e3 * out->first[0], 1e3 * out->first[1],
               !training_rows[i].judge_first ? ""
               : out->first[1] <= first_bar  ? "hit"
                                             : "MISS");
    }
}

int main(int argc, char **argv) {
    static const char *const path = "wengert-training-task.bin";
    int code;
    if (training_alone_main(argc, argv, &code))
        return code;
    bench_harness *harness =
        bench_begin("Training steps, float32", WG_BENCH_FLAGS, argc, argv, &code);
    if (!harness)
        return code;
    const char *torch = bench_torch_find(WG_BENCH_TRAINING_WORKER);
    bench_rival(harness, "PyTorch", torch ? torch : "not found");
    const double footprint = training_alone_torch(TRAINING_FOOTPRINT, "-", 1, 3);
    outcome *all = calloc((size_t)training_row_count, sizeof *all);
    for (int i = 0; all && i < training_row_count; i++) {
        training_task task;
        if (!bench_wanted(harness, training_rows[i].name))
            continue;
        if (!prepare(&task, &training_rows[i], path)) {
            fprintf(stderr, "training: cannot prepare %s\n", training_rows[i].name);
            return 2;
        }
        measure_alone(argv[0], &task, path, footprint, bench_quick(harness) ? 5 : 20, &all[i]);
        measure_steps(harness, &task, path, &all[i]);
        record(harness, &training_rows[i], &all[i]);
        remove(path);
        training_task_free(&task);
    }
    if (all) {
        print_speed(all);
        print_memory(all, footprint);
    }
    free(all);
    return bench_end(harness);
}
