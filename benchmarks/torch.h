/* torch.h: a Python process with PyTorch that takes orders over two pipes, for the benchmarks that
 * have it as a rival. */
#ifndef WG_BENCHMARKS_TORCH_H
#define WG_BENCHMARKS_TORCH_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

typedef struct bench_torch {
    pid_t process;
    FILE *orders, *answers;
} bench_torch;

/* Finds PyTorch and the OpenBLAS kernels it is fastest with, by `worker --probe`, a script that
 * prints the version and the GFLOP/s of a product. NULL where there is none; else its version. All
 * processes started later get these kernels, by OPENBLAS_CORETYPE in the environment. */
const char *bench_torch_find(const char *worker);

/* The Python that is used: PYTHON of the environment, else the system's. */
const char *bench_torch_python(void);

/* Starts the script with an argument (NULL: none) on so many threads; then its first line has come,
 * without "ready ", in note[64] (may be NULL). False where it did not start. */
bool bench_torch_start(bench_torch *torch, const char *worker, const char *argument, int threads,
                       char *note);

/* Sends "quit" and waits. */
void bench_torch_stop(bench_torch *torch);

/* Sends an order and reads a number; ends the program where none comes. */
double bench_torch_ask(bench_torch *torch, const char *order);

/* Lets the threads of whoever ran before go to sleep. */
void bench_pause(void);

#endif
