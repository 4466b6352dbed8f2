/* mlp.h: training steps of multilayer perceptrons, for Wengert and for PyTorch from the same first
 * weights. */
#ifndef WG_BENCHMARKS_MLP_H
#define WG_BENCHMARKS_MLP_H

#include "../harness.h"

#include <stdint.h>

enum {
    MLP_MAX_LAYERS = 3,
    MLP_TRACE = 20
};

/* What is trained: relu between the layers, cross-entropy behind the last, `batches` batches in
 * turns. */
typedef struct mlp_task {
    const char *name;
    int32_t layers, sizes[MLP_MAX_LAYERS + 1];
    int32_t batch, batches;
    int32_t adam; /* else plain SGD */
    float rate;
    float *weight[MLP_MAX_LAYERS]; /* [out, in] */
    float *bias[MLP_MAX_LAYERS];   /* [out] */
    float *inputs;                 /* [batches, batch, in] */
    int64_t *labels;               /* [batches, batch] */
} mlp_task;

/* What a contender trains, and on how many threads. */
typedef struct mlp_job {
    const mlp_task *task;
    int threads;
    const char *path; /* the task's file */
    char *note;       /* where the contender may say how it ran, 64 bytes; or NULL */
} mlp_job;

bool mlp_task_fill(mlp_task *task); /* makes weights and data, the same on every machine */
bool mlp_task_write(const mlp_task *task, const char *path);
void mlp_task_free(mlp_task *task);

/* The contenders. `argument` is a const mlp_job *; a unit is a step; the result is the first
 * MLP_TRACE losses. */
bench_contender mlp_torch(const mlp_job *job, const char *name);
bench_contender mlp_wengert(const mlp_job *job, const char *name);

/* Finds PyTorch and the OpenBLAS kernels it is fastest with. NULL where there is none; else its
 * version. */
const char *mlp_torch_find(void);

#endif
