/* operations.h: single operations, forward and with their gradients, for Wengert and for PyTorch.
 */
#ifndef WG_BENCHMARKS_OPERATIONS_H
#define WG_BENCHMARKS_OPERATIONS_H

#include "../harness.h"

#include <wengert.h>

enum {
    OP_INPUTS = 8,
    OP_AXES = 4,
    OP_THREADS = 2,
    OP_SAMPLES =
        7 /* numbers that are compared of each array: six elements, and the mean magnitude */
};

typedef enum op_kind {
    OP_NONE,
    OP_FLOAT,    /* f32 in [low, high), wants a gradient */
    OP_CONSTANT, /* f32 in [low, high) */
    OP_WHOLE     /* i64 below high */
} op_kind;

typedef struct op_input {
    op_kind kind;
    double low, high;
    int64_t shape[OP_AXES]; /* ends at the first 0 */
} op_input;

/* One row: the same in C and in Python, over inputs x[0] … and x0 …. */
typedef struct op_row {
    const char *name;
    wg_var (*own)(wg_tape *tape, const wg_var *x);
    const char *torch;
    op_input input[OP_INPUTS];
    double flops;     /* of the forward pass; the backward takes twice as many. 0: bytes count */
    double bytes[2];  /* that forward, and forward with backward, must move at least */
    double bar;       /* PyTorch's time over Wengert's */
    double tolerance; /* 0: 1e-4 */
    bool forward_only;
    double more; /* the backward's flops over the forward's; 0: 2 */
} op_row;

extern const op_row op_rows[];
extern const int op_row_count;

/* A row's data, and one contender's part in it. */
typedef struct op_task {
    const op_row *row;
    const char *path;      /* of the file with all inputs and the seed, for PyTorch */
    void *data[OP_INPUTS]; /* f32 or i64 */
    float *gradient[OP_INPUTS];
    float *seed; /* dL/dy, of y's shape */
    int64_t seeds;
} op_task;

typedef struct op_job {
    const op_task *task;
    int threads;
    bool backward;
    char *note;
} op_job;

int64_t op_count(const op_input *input);
int op_rank(const op_input *input);

/* Fills the task's arrays and writes them to `path`; false where that fails. */
bool op_task_fill(op_task *task, const op_row *row, const char *path);
void op_task_free(op_task *task);
/* How many numbers a result has. */
size_t op_results(const op_row *row, bool backward);
/* The OP_SAMPLES numbers that stand for an array. */
void op_sample(const float *values, int64_t count, double *out);

/* The contenders; `argument` is a const op_job *. */
bench_contender op_wengert(const op_job *job, const char *name);
bench_contender op_torch(const op_job *job, const char *name);
void op_torch_stop(void); /* all processes */

#endif
