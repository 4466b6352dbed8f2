/* torch.c: PyTorch as a contender: a Python process that takes orders over two pipes
 * (torch_worker.py). */
#define _POSIX_C_SOURCE 200809L

#include "mlp.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct worker {
    pid_t process;
    FILE *orders, *answers;
} worker;

static const char *core_type = ""; /* OPENBLAS_CORETYPE; "": what OpenBLAS finds by itself */
static char version[128];

void mlp_pause(void) {
    const struct timespec pause = {.tv_nsec = 4000000};
    nanosleep(&pause, NULL);
}

static const char *python(void) {
    const char *chosen = getenv("PYTHON");
    return chosen && *chosen ? chosen : "/usr/bin/python3";
}

/* Starts the script with two arguments (the second may be NULL). */
static bool start(worker *w, const char *first, const char *second) {
    int down[2], up[2];
    if (pipe(down) != 0)
        return false;
    if (pipe(up) != 0) {
        close(down[0]);
        close(down[1]);
        return false;
    }
    fflush(NULL);
    w->process = fork();
    if (w->process == 0) {
        dup2(down[0], 0);
        dup2(up[1], 1);
        close(down[0]);
        close(down[1]);
        close(up[0]);
        close(up[1]);
        if (*core_type)
            setenv("OPENBLAS_CORETYPE", core_type, 1);
        else
            unsetenv("OPENBLAS_CORETYPE");
        setenv("OMP_NUM_THREADS", second ? second : "1", 1);
        execlp(python(), python(), WG_BENCH_TORCH_WORKER, first, second, (char *)NULL);
        _exit(127);
    }
    close(down[0]);
    close(up[1]);
    w->orders = fdopen(down[1], "w");
    w->answers = fdopen(up[0], "r");
    return w->process > 0 && w->orders && w->answers;
}

static bool stop(worker *w) {
    int status = -1;
    if (w->orders)
        fclose(w->orders);
    if (w->answers)
        fclose(w->answers);
    return w->process > 0 && waitpid(w->process, &status, 0) == w->process && status == 0;
}

const char *mlp_torch_find(void) {
    static const char *const kinds[] = {"", "Haswell", "SkylakeX"};
    signal(SIGPIPE, SIG_IGN);
    double best = 0;
    const char *chosen = "";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        worker w = {0};
        core_type = kinds[i];
        char name[32];
        double speed = 0;
        const bool answered =
            start(&w, "--probe", NULL) && fscanf(w.answers, "%31s %lf", name, &speed) == 2;
        if (!stop(&w) || !answered) {
            if (i == 0)
                return NULL;
            continue; /* kernels that this CPU cannot run */
        }
        if (speed > 1.05 * best) {
            best = speed;
            chosen = kinds[i];
            snprintf(version, sizeof version, "%s, OpenBLAS kernels: %s (%.0f GFLOP/s)", name,
                     *chosen ? chosen : "as found by itself", speed);
        }
    }
    core_type = chosen;
    return version;
}

static void teardown(void *state) {
    worker *w = state;
    if (w->orders)
        fprintf(w->orders, "quit\n");
    stop(w);
    free(w);
}

static void *setup(const void *argument) {
    const mlp_job *job = argument;
    worker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    char threads[16], line[128] = "";
    snprintf(threads, sizeof threads, "%d", job->threads);
    if (!start(w, job->path, threads) || !fgets(line, sizeof line, w->answers) ||
        strncmp(line, "ready ", 6) != 0) {
        teardown(w);
        return NULL;
    }
    line[strcspn(line, "\n")] = '\0';
    if (job->note)
        snprintf(job->note, 64, "%.60s", line + 6);
    return w;
}

static double timed(void *state, long count) {
    worker *w = state;
    double seconds = 0;
    fprintf(w->orders, "run %ld\n", count);
    fflush(w->orders);
    if (fscanf(w->answers, "%lf", &seconds) != 1) {
        fprintf(stderr, "mlp: PyTorch gave no answer\n");
        exit(2);
    }
    mlp_pause();
    return seconds;
}

static void result(void *state, double *out) {
    worker *w = state;
    fprintf(w->orders, "trace %d\n", MLP_TRACE);
    fflush(w->orders);
    for (int i = 0; i < MLP_TRACE; i++)
        if (fscanf(w->answers, "%lf", &out[i]) != 1)
            out[i] = -1;
    mlp_pause();
}

bench_contender mlp_torch(const mlp_job *job, const char *name) {
    return (bench_contender){.name = name,
                             .argument = job,
                             .setup = setup,
                             .timed = timed,
                             .result = result,
                             .teardown = teardown,
                             .optional = true};
}
