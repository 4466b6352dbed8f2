/* task.c: the arrays of a row. */
#include "operations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int op_rank(const op_input *input) {
    int rank = 0;
    while (rank < OP_AXES && input->shape[rank] != 0)
        rank++;
    return rank;
}

int64_t op_count(const op_input *input) {
    int64_t count = 1;
    for (int i = 0; i < op_rank(input); i++)
        count *= input->shape[i];
    return count;
}

static void fill(void *to, const op_input *input, unsigned long long *seed) {
    const int64_t count = op_count(input);
    for (int64_t i = 0; i < count; i++) {
        const double u = bench_random(seed);
        if (input->kind == OP_WHOLE)
            ((int64_t *)to)[i] = (int64_t)(u * input->high);
        else
            ((float *)to)[i] = (float)(input->low + (input->high - input->low) * u);
    }
}

/* The seed's size is the result's, which one run tells. */
static int64_t result_count(const op_task *task) {
    wg_tape *tape = wg_tape_new();
    wg_var x[OP_INPUTS];
    for (int i = 0; i < OP_INPUTS && task->row->input[i].kind != OP_NONE; i++) {
        const op_input *input = &task->row->input[i];
        x[i] = wg_constant(tape, input->kind == OP_WHOLE ? WG_I64 : WG_F32, op_rank(input),
                           input->shape, task->data[i]);
    }
    const wg_var y = task->row->own(tape, x);
    const int64_t count = wg_tape_status(tape) == WG_OK ? wg_count(y) : -1;
    if (count < 0)
        fprintf(stderr, "operations: %s: %s\n", task->row->name, wg_tape_message(tape));
    wg_tape_free(tape);
    return count;
}

bool op_task_fill(op_task *task, const op_row *row, const char *path) {
    unsigned long long seed = 7;
    *task = (op_task){.row = row, .path = path};
    FILE *file = fopen(path, "wb");
    if (!file)
        return false;
    bool done = true;
    for (int i = 0; i < OP_INPUTS && row->input[i].kind != OP_NONE && done; i++) {
        const size_t count = (size_t)op_count(&row->input[i]);
        const size_t size = row->input[i].kind == OP_WHOLE ? sizeof(int64_t) : sizeof(float);
        task->data[i] = malloc(count * size);
        task->gradient[i] = calloc(count, sizeof(float));
        done = task->data[i] && task->gradient[i];
        if (done) {
            fill(task->data[i], &row->input[i], &seed);
            done = fwrite(task->data[i], size, count, file) == count;
        }
    }
    task->seeds = done ? result_count(task) : -1;
    task->seed = task->seeds > 0 ? malloc((size_t)task->seeds * sizeof(float)) : NULL;
    done = done && task->seed;
    if (done) {
        const op_input like = {OP_CONSTANT, -1, 1, {task->seeds}};
        fill(task->seed, &like, &seed);
        done = fwrite(task->seed, sizeof(float), (size_t)task->seeds, file) == (size_t)task->seeds;
    }
    return fclose(file) == 0 && done;
}

void op_task_free(op_task *task) {
    for (int i = 0; i < OP_INPUTS; i++) {
        free(task->data[i]);
        free(task->gradient[i]);
    }
    free(task->seed);
}

size_t op_results(const op_row *row, bool backward) {
    size_t arrays = 1;
    for (int i = 0; i < OP_INPUTS && backward; i++)
        arrays += row->input[i].kind == OP_FLOAT;
    return arrays * OP_SAMPLES;
}

void op_sample(const float *values, int64_t count, double *out) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += fabs((double)values[i]);
    for (int k = 0; k < OP_SAMPLES - 1; k++)
        out[k] = (double)values[(count - 1) * k / (OP_SAMPLES - 2)];
    out[OP_SAMPLES - 1] = sum / (double)count;
}
