/* test_killed.c: runs that are killed at any moment and taken up again end with the same bits as
 * one that nobody disturbs, whatever the number of threads. */
#define _POSIX_C_SOURCE 200809L

#include "bytes.h"
#include "training.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(WG_HAVE_OPENMP)
#include <omp.h>
#endif

TestSuite(killed, .fini = test_path_remove);

enum {
    STEPS = 30,
    WHOLE = 42, /* what a child that came to the end exits with */
    MOST_CHILDREN = 200
};

/* The child: takes up what is there, goes on to the end, and writes the sum of what came out. The
 * parent has never used threads, so that the child may. */
static void child(const char *stem, const char *result, int threads) {
    small_run run;
    bool found = false;
#if defined(WG_HAVE_OPENMP)
    omp_set_num_threads(threads);
#else
    (void)threads;
#endif
    small_run_new(&run, 1, 0);
    if (wg_checkpoint_resume(stem, &run.training, &found) != WG_OK) {
        _exit(1);
    }
    while (wg_steps(run.optimizer) < STEPS) {
        if (small_run_step(&run) != WG_OK ||
            wg_checkpoint_keep(stem, wg_steps(run.optimizer), 2, &run.training) != WG_OK) {
            _exit(2);
        }
    }
    /* Once more, to tidy up behind a child that was killed while it did so. */
    if (wg_checkpoint_keep(stem, STEPS, 2, &run.training) != WG_OK) {
        _exit(2);
    }
    FILE *file = fopen(result, "wb");
    /* One step more: a run that was loaded at its end has not asked for its parameters yet. */
    if (small_run_step(&run) != WG_OK || file == NULL ||
        fprintf(file, "%08x", (unsigned)small_run_sum(&run)) < 0 || fclose(file) != 0) {
        _exit(3);
    }
    _exit(WHOLE);
}

/* Runs a child, and kills it after so many microseconds; whether it had come to the end. */
static bool run_child(const char *stem, const char *result, int threads, long microseconds) {
    const pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        child(stem, result, threads);
    }
    if (microseconds > 0) {
        const struct timespec wait = {microseconds / 1000000, microseconds % 1000000 * 1000};
        (void)nanosleep(&wait, NULL);
        (void)kill(pid, SIGKILL);
    }
    int state = 0;
    cr_assert_eq(waitpid(pid, &state, 0), pid);
    cr_assert(WIFSIGNALED(state) || WEXITSTATUS(state) == WHOLE, "the child exited with %d",
              WEXITSTATUS(state));
    return WIFEXITED(state);
}

static void read_sum(const char *path, char sum[9]) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    cr_assert_eq(fread(sum, 1, 8, file), 8);
    sum[8] = '\0';
    (void)fclose(file);
}

/* Killed sooner and later, so that on a machine of any speed some children come some steps far. */
static int kill_until_done(const char *stem, const char *result) {
    int children = 0;
    for (long wait = 2000; children < MOST_CHILDREN; children++) {
        if (run_child(stem, result, 1 + children % 3, wait)) {
            return children;
        }
        wait = wait * 5 / 4 + 137;
    }
    return children;
}

Test(killed, a_run_goes_on_to_the_same_bits) {
    char stem[512], result[512], undisturbed[9], sum[9];
    (void)strcpy(result, test_path("sum"));
    (void)strcpy(stem, test_path("alone"));
    cr_assert(run_child(stem, result, 1, 0));
    read_sum(result, undisturbed);
    for (int turn = 0; turn < 3; turn++) {
        char name[16];
        (void)snprintf(name, sizeof name, "run%d", turn);
        (void)strcpy(stem, test_path(name));
        const int killed = kill_until_done(stem, result);
        cr_assert(killed < MOST_CHILDREN);
        read_sum(result, sum);
        cr_assert_str_eq(sum, undisturbed, "%d were killed", killed);
    }
    cr_assert_eq(test_path_files(), 1 + 4 * 2, "no parts are left");
}
