/* training.h: training steps of whole networks, for Wengert and for PyTorch from the same first
 * weights, on the same data. */
#ifndef WG_BENCHMARKS_TRAINING_H
#define WG_BENCHMARKS_TRAINING_H

#include "../harness.h"

#include <stdint.h>
#include <wengert.h>

enum {
    TRAINING_TRACE = 20, /* first losses that are compared */
    TRAINING_PEAK_STEPS =
        10 /* steps before the peak of memory is read; torch_worker.py has it, too */
};

typedef enum training_data {
    TRAINING_POINTS, /* XOR's four points; labels f32 */
    TRAINING_IMAGES, /* numbers around a pattern for each of ten labels */
    TRAINING_TEXT    /* tokens that mostly follow from the one before; labels: the next ones */
} training_data;

/* What is trained: `batches` batches of the given shape in turns. */
typedef struct training_row {
    const char *name;
    const char *model; /* its name in torch_worker.py */
    wg_var (*loss)(wg_net net, wg_var x, wg_var t);
    training_data data;
    int rank; /* of x and its sizes */
    int64_t
        shape[4]; /* points, images: the first is the batch. Text: time first where `steps_first` */
    bool steps_first;
    int batches;
    const char *rule; /* "SGD", "Adam", "AdamW": PyTorch's class */
    double lr, momentum;
    /* Of the losses. Adam divides by a root that is small at first, which enlarges the last bits:
     * PyTorch with two threads differs from itself with one by as much. */
    double tolerance;
    double bar;       /* PyTorch's time over Wengert's */
    bool judge_first; /* whether a step is short enough for the bar on the first gradient */
} training_row;

extern const training_row training_rows[];
extern const int training_row_count;

typedef struct training_task {
    const training_row *row;
    int64_t examples, inputs, labels; /* numbers of a batch: samples, elements of x and of t */
    void *x;                          /* f32, or i64 for text, [batches, inputs] */
    void *t;                          /* i64, or f32 for points, [batches, labels] */
} training_task;

bool training_task_fill(training_task *task, const training_row *row);
/* With the first weights that a store has after a forward pass. */
bool training_task_write(const training_task *task, wg_store *store, const char *path);
void training_task_free(training_task *task);
/* Borrows batch `k` on the tape. */
void training_task_batch(const training_task *task, wg_tape *tape, int64_t k, wg_var *x, wg_var *t);

/* A program of Wengert's: what a user's training loop holds. */
typedef struct training_run {
    const training_task *task;
    wg_tape *tape;
    wg_store *store;
    wg_optimizer *optimizer;
    int64_t taken;
} training_run;

bool training_run_begin(training_run *run, const training_task *task);
/* A step; *loss may be NULL. Ends the program after a failure. */
void training_run_step(training_run *run, double *loss);
/* Forward and backward alone. */
void training_run_gradient(training_run *run, double *loss);
void training_run_restart(training_run *run); /* a new optimizer; steps count from 0 */
void training_run_end(training_run *run);

/* What a contender trains, and on how many threads. */
typedef struct training_job {
    const training_task *task;
    int threads;
    const char *path; /* the task's file */
    char *note;       /* where the contender may say how it ran, 64 bytes */
} training_job;

/* The contenders. A unit is a step; the result is the first TRAINING_TRACE losses. */
bench_contender training_torch(const training_job *job, const char *name);
bench_contender training_wengert(const training_job *job, const char *name);

/* What a fresh process says: its peak of resident memory in MB, or after how many seconds from its
 * start it had its first gradient (the least of `repeats`). 0 where it said nothing. */
typedef enum training_alone {
    TRAINING_PEAK,
    TRAINING_FIRST,
    TRAINING_FOOTPRINT /* PyTorch's memory before it has anything to do */
} training_alone;
double training_alone_torch(training_alone what, const char *path, int threads, int repeats);
double training_alone_wengert(training_alone what, const char *program, const training_row *row,
                              int threads, int repeats);
/* The process that training_alone_wengert starts: `program` --alone …; false where it is not one.
 */
bool training_alone_main(int argc, char **argv, int *code);

#endif
