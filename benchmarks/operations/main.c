/* main.c: microseconds an operation, forward and with its gradients, against PyTorch. */
#include "../peaks.h"
#include "../torch.h"
#include "operations.h"

#include <math.h>
#include <stdlib.h>

/* Of one row in one mode: PyTorch's time over Wengert's, and Wengert's share of the machine's
 * limit, for each number of threads. */
typedef struct outcome {
    bool measured, wrong;
    double ratio[OP_THREADS], share[OP_THREADS];
} outcome;

static double peak_flops[OP_THREADS], peak_bytes[OP_THREADS];

static double share_of(const op_row *row, bool backward, int k, double seconds) {
    const double flops = row->flops * (backward ? 1 + (row->more > 0 ? row->more : 2) : 1);
    const double least =
        row->flops > 0 ? flops / peak_flops[k] : row->bytes[backward] / peak_bytes[k];
    return seconds > 0 && isfinite(least) ? least / seconds : 0;
}

static outcome measure(bench_harness *harness, const op_task *task, bool backward) {
    static const char *const names[2][OP_THREADS] = {{"PyTorch, 1 thread", "PyTorch, 2 threads"},
                                                     {"Wengert, 1 thread", "Wengert, 2 threads"}};
    const op_row *row = task->row;
    char name[96], notes[OP_THREADS][32] = {""};
    op_job jobs[OP_THREADS];
    bench_contender contenders[2 * OP_THREADS];
    for (int k = 0; k < OP_THREADS; k++) {
        jobs[k] = (op_job){task, k + 1, backward, notes[k]};
        contenders[k] = op_torch(&jobs[k], names[0][k]);
        contenders[OP_THREADS + k] = op_wengert(&jobs[k], names[1][k]);
    }
    snprintf(name, sizeof name, "%s%s", row->name, backward ? ", forward + backward" : ", forward");
    const bench_case work = {.name = name,
                             .results = op_results(row, backward),
                             .point = OP_SAMPLES,
                             .tolerance = row->tolerance > 0 ? row->tolerance : 1e-4,
                             .reference = 0,
                             .base = 0,
                             .contenders = contenders,
                             .count = 2 * OP_THREADS};
    bench_figures f[2 * OP_THREADS];
    outcome out = {.measured = bench_case_run(harness, &work, f)};
    for (int k = 0; k < OP_THREADS && out.measured; k++) {
        out.ratio[k] = bench_ratio(&f[k], &f[OP_THREADS + k]);
        out.share[k] = share_of(row, backward, k, f[OP_THREADS + k].minimum);
        out.wrong = out.wrong || f[OP_THREADS + k].wrong;
        if (*notes[k] && notes[k][0] == 't')
            printf("  %s ran %s\n", names[0][k], notes[k]);
    }
    bench_record(harness, name, "torch_over_wengert_one_thread", out.ratio[0]);
    bench_record(harness, name, "torch_over_wengert_two_threads", out.ratio[1]);
    return out;
}

static void print_outcome(const outcome *out, double bar) {
    for (int k = 0; k < OP_THREADS; k++)
        printf(" %7.2f%c%4.0f%%", out->ratio[k],
               out->ratio[k] > 0 && out->ratio[k] < bar ? '-' : ' ', 100 * out->share[k]);
}

static void summary(const outcome (*all)[2]) {
    printf("\nPyTorch's time over Wengert's (more is better for Wengert; - below the bar), and "
           "Wengert's "
           "share of the\nmachine's peak (FLOP/s for products, else bytes/s against a copy's)\n"
           "%-34s %4s | %-26s| %s\n%-34s %4s | %12s %12s | %12s %12s\n",
           "", "", "forward", "forward + backward", "", "bar", "1 thread", "2 threads", "1 thread",
           "2 threads");
    for (int i = 0; i < op_row_count; i++) {
        if (!all[i][0].measured && !all[i][1].measured)
            continue;
        printf("%-34s %4.0f |", op_rows[i].name, op_rows[i].bar);
        print_outcome(&all[i][0], op_rows[i].bar);
        printf(" |");
        print_outcome(&all[i][1], op_rows[i].bar);
        printf("%s\n", all[i][0].wrong || all[i][1].wrong ? "  WRONG" : "");
    }
}

int main(int argc, char **argv) {
    static const char *const path = "wengert-operation.bin";
    int code;
    bench_harness *harness =
        bench_begin("Single operations, float32", WG_BENCH_FLAGS, argc, argv, &code);
    if (!harness)
        return code;
    const char *torch = bench_torch_find(WG_BENCH_OPERATIONS_WORKER);
    bench_rival(harness, "PyTorch", torch ? torch : "not found");
    for (int k = 0; k < OP_THREADS; k++) {
        peak_flops[k] = bench_peak_flops(k + 1);
        peak_bytes[k] = bench_peak_bytes(k + 1);
        printf(
            "  peak      %d thread%s: %.0f GFLOP/s (f32), %.1f GB/s read and written by a copy\n",
            k + 1, k ? "s" : "", peak_flops[k] * 1e-9, peak_bytes[k] * 1e-9);
    }
    outcome(*all)[2] = calloc((size_t)op_row_count, sizeof *all);
    for (int i = 0; all && i < op_row_count; i++) {
        op_task task;
        if (!bench_wanted(harness, op_rows[i].name))
            continue;
        if (!op_task_fill(&task, &op_rows[i], path)) {
            fprintf(stderr, "operations: cannot prepare %s\n", op_rows[i].name);
            return 2;
        }
        all[i][0] = measure(harness, &task, false);
        if (!op_rows[i].forward_only)
            all[i][1] = measure(harness, &task, true);
        remove(path);
        op_task_free(&task);
    }
    op_torch_stop();
    if (all)
        summary((const outcome(*)[2])all);
    free(all);
    return bench_end(harness);
}
