/* alone.c: processes started for one number: what memory a training run takes, and how long it is
 * from the start of a program to its first gradient. */
#define _GNU_SOURCE /* posix_spawn, environ */

#include "../torch.h"
#include "training.h"

#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Starts a program, waits for its first line, and returns the number in it (0: none); *seconds is
 * how long that took from the start. */
static double first_line(char *const *arguments, double *seconds) {
    int up[2];
    double number = 0;
    *seconds = 0;
    pid_t process;
    posix_spawn_file_actions_t actions;
    if (pipe(up) != 0)
        return 0;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, up[1], 1);
    posix_spawn_file_actions_addclose(&actions, up[0]);
    posix_spawn_file_actions_addclose(&actions, up[1]);
    fflush(NULL);
    /* spawn, not fork: copying this process's page tables would count as the program's start. */
    const double began = bench_clock();
    const bool started =
        posix_spawnp(&process, arguments[0], &actions, NULL, arguments, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(up[1]);
    char line[64] = "";
    ssize_t got = 0;
    size_t held = 0;
    while (started && held + 1 < sizeof line && !strchr(line, '\n') &&
           (got = read(up[0], line + held, sizeof line - 1 - held)) > 0)
        held += (size_t)got;
    *seconds = strchr(line, '\n') ? bench_clock() - began : 0;
    if (sscanf(line, "%lf", &number) != 1)
        number = 0;
    close(up[0]);
    int status;
    if (started)
        waitpid(process, &status, 0);
    return number;
}

static double ask(training_alone what, char *const *arguments, int repeats) {
    double best = 0;
    for (int i = 0; i < repeats; i++) {
        double seconds = 0;
        const double kilobytes = first_line(arguments, &seconds);
        const double number = what == TRAINING_FIRST ? seconds : kilobytes * 1024e-6;
        if (number > 0 && (best <= 0 || number < best))
            best = number;
    }
    return best;
}

double training_alone_torch(training_alone what, const char *path, int threads, int repeats) {
    static const char *const orders[] = {"--peak", "--first", "--footprint"};
    char count[16], worker[] = WG_BENCH_TRAINING_WORKER, order[16], file[256];
    snprintf(count, sizeof count, "%d", threads);
    snprintf(order, sizeof order, "%s", orders[what]);
    snprintf(file, sizeof file, "%s", path);
    setenv("OMP_NUM_THREADS", count, 1);
    char python[256];
    snprintf(python, sizeof python, "%s", bench_torch_python());
    char *const arguments[] = {python, worker, order, file, count, NULL};
    const double answer = ask(what, arguments, repeats);
    unsetenv("OMP_NUM_THREADS");
    return answer;
}

double training_alone_wengert(training_alone what, const char *program, const training_row *row,
                              int threads, int repeats) {
    char number[16], count[16], name[256], alone[] = "--alone";
    char order[] = "0";
    order[0] = (char)('0' + what);
    snprintf(name, sizeof name, "%s", program);
    snprintf(number, sizeof number, "%d", (int)(row - training_rows));
    snprintf(count, sizeof count, "%d", threads);
    char *const arguments[] = {name, alone, order, number, count, NULL};
    return ask(what, arguments, repeats);
}

/* The process's own high-water mark in KiB: that of getrusage counts what it was before exec. */
static long peak(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[128];
    long kilobytes = 0;
    while (file && kilobytes == 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %ld", &kilobytes) != 1)
            kilobytes = 0;
    if (file)
        fclose(file);
    return kilobytes;
}

bool training_alone_main(int argc, char **argv, int *code) {
    if (argc != 5 || strcmp(argv[1], "--alone") != 0)
        return false;
    const int what = atoi(argv[2]), number = atoi(argv[3]);
    training_task task;
    training_run run;
    *code = 2;
    if (number < 0 || number >= training_row_count)
        return true;
    training_row row = training_rows[number];
    if (what == TRAINING_FIRST)
        row.batches = 1;
    bench_threads(atoi(argv[4]));
    if (!training_task_fill(&task, &row) || !training_run_begin(&run, &task))
        return true;
    if (what == TRAINING_FIRST) {
        training_run_gradient(&run, NULL);
        printf("there\n");
    } else {
        for (int i = 0; i < TRAINING_PEAK_STEPS; i++)
            training_run_step(&run, NULL);
        printf("%ld\n", peak());
    }
    fflush(stdout);
    training_run_end(&run);
    training_task_free(&task);
    *code = 0;
    return true;
}
