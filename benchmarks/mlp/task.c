/* task.c: weights and data of a task, and the file by which PyTorch gets the same.
 *
 * The file, little-endian: "WGMLP01\0"; int32 layers, batch, batches, adam; float32 rate; int32
 * sizes[layers + 1]; for each layer float32 weight[out][in] and bias[out]; float32
 * inputs[batches][batch][in]; int64 labels[batches][batch]. */
#include "mlp.h"

#include <math.h>
#include <stdlib.h>

static double next_random(uint64_t *seed) {
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(*seed >> 11) / 9007199254740992.0;
}

bool mlp_task_fill(mlp_task *task) {
    uint64_t seed = 7;
    for (int i = 0; i < task->layers; i++) {
        const size_t in = (size_t)task->sizes[i], out = (size_t)task->sizes[i + 1];
        task->weight[i] = malloc(in * out * sizeof(float));
        task->bias[i] = malloc(out * sizeof(float));
        if (!task->weight[i] || !task->bias[i])
            return false;
        const double reach = 1 / sqrt((double)in);
        for (size_t k = 0; k < in * out; k++)
            task->weight[i][k] = (float)(reach * (2 * next_random(&seed) - 1));
        for (size_t k = 0; k < out; k++)
            task->bias[i][k] = (float)(reach * (2 * next_random(&seed) - 1));
    }
    const size_t rows = (size_t)task->batches * (size_t)task->batch;
    const size_t values = rows * (size_t)task->sizes[0];
    task->inputs = malloc(values * sizeof(float));
    task->labels = malloc(rows * sizeof(int64_t));
    if (!task->inputs || !task->labels)
        return false;
    for (size_t k = 0; k < values; k++)
        task->inputs[k] = (float)next_random(&seed);
    for (size_t k = 0; k < rows; k++)
        task->labels[k] = (int64_t)(next_random(&seed) * task->sizes[task->layers]);
    return true;
}

bool mlp_task_write(const mlp_task *task, const char *path) {
    FILE *file = fopen(path, "wb");
    if (!file)
        return false;
    const int32_t head[4] = {task->layers, task->batch, task->batches, task->adam};
    bool fine = fwrite("WGMLP01", 1, 8, file) == 8 && fwrite(head, sizeof head, 1, file) == 1 &&
                fwrite(&task->rate, sizeof task->rate, 1, file) == 1 &&
                fwrite(task->sizes, sizeof(int32_t), (size_t)task->layers + 1, file) ==
                    (size_t)task->layers + 1;
    for (int i = 0; fine && i < task->layers; i++) {
        const size_t in = (size_t)task->sizes[i], out = (size_t)task->sizes[i + 1];
        fine = fwrite(task->weight[i], sizeof(float), in * out, file) == in * out &&
               fwrite(task->bias[i], sizeof(float), out, file) == out;
    }
    const size_t rows = (size_t)task->batches * (size_t)task->batch;
    const size_t values = rows * (size_t)task->sizes[0];
    fine = fine && fwrite(task->inputs, sizeof(float), values, file) == values &&
           fwrite(task->labels, sizeof(int64_t), rows, file) == rows;
    return fclose(file) == 0 && fine;
}

void mlp_task_free(mlp_task *task) {
    for (int i = 0; i < MLP_MAX_LAYERS; i++) {
        free(task->weight[i]);
        free(task->bias[i]);
        task->weight[i] = task->bias[i] = NULL;
    }
    free(task->inputs);
    free(task->labels);
    task->inputs = NULL;
    task->labels = NULL;
}
