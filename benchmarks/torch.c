/* torch.c: see torch.h. */
#define _POSIX_C_SOURCE 200809L

#include "torch.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *core_type = ""; /* OPENBLAS_CORETYPE; "": what OpenBLAS finds by itself */
static char version[128];

void bench_pause(void) {
    const struct timespec pause = {.tv_nsec = 4000000};
    nanosleep(&pause, NULL);
}

const char *bench_torch_python(void) {
    const char *chosen = getenv("PYTHON");
    return chosen && *chosen ? chosen : "/usr/bin/python3";
}

static bool start(bench_torch *w, const char *worker, const char *first, const char *second) {
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
        execlp(bench_torch_python(), bench_torch_python(), worker, first, second, (char *)NULL);
        _exit(127);
    }
    close(down[0]);
    close(up[1]);
    w->orders = fdopen(down[1], "w");
    w->answers = fdopen(up[0], "r");
    return w->process > 0 && w->orders && w->answers;
}

static bool stop(bench_torch *w) {
    int status = -1;
    if (w->orders)
        fclose(w->orders);
    if (w->answers)
        fclose(w->answers);
    return w->process > 0 && waitpid(w->process, &status, 0) == w->process && status == 0;
}

const char *bench_torch_find(const char *worker) {
    static const char *const kinds[] = {"", "Haswell", "SkylakeX"};
    signal(SIGPIPE, SIG_IGN);
    double best = 0;
    const char *chosen = "";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bench_torch w = {0};
        core_type = kinds[i];
        char name[32];
        double speed = 0;
        const bool answered =
            start(&w, worker, "--probe", NULL) && fscanf(w.answers, "%31s %lf", name, &speed) == 2;
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
    if (*core_type)
        setenv("OPENBLAS_CORETYPE", core_type, 1);
    return version;
}

bool bench_torch_start(bench_torch *torch, const char *worker, const char *argument, int threads,
                       char *note) {
    char text[16], line[128] = "";
    snprintf(text, sizeof text, "%d", threads);
    if (!start(torch, worker, argument ? argument : "-", text) ||
        !fgets(line, sizeof line, torch->answers) || strncmp(line, "ready", 5) != 0) {
        bench_torch_stop(torch);
        return false;
    }
    line[strcspn(line, "\n")] = '\0';
    if (note)
        snprintf(note, 64, "%.60s", line + (line[5] == ' ' ? 6 : 5));
    return true;
}

void bench_torch_stop(bench_torch *torch) {
    if (torch->orders)
        fprintf(torch->orders, "quit\n");
    stop(torch);
    *torch = (bench_torch){0};
}

double bench_torch_ask(bench_torch *torch, const char *order) {
    double number = 0;
    fprintf(torch->orders, "%s\n", order);
    fflush(torch->orders);
    if (fscanf(torch->answers, "%lf", &number) != 1) {
        fprintf(stderr, "benchmark: PyTorch gave no answer to: %.60s\n", order);
        exit(2);
    }
    return number;
}
