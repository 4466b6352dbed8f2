/* task.c: the data of a task, and the file by which PyTorch gets data and first weights.
 *
 * The file: lines of text, "wengert training task 1", then "model NAME", "optimizer RULE KEY VALUE
 * …", and for each array "parameter NAME f32 SIZE …" or "data NAME f32|i64 SIZE …"; an empty line;
 * then the arrays in that order, little-endian, in C order. */
#include "training.h"

#include <stdlib.h>
#include <string.h>

enum {
    CLASSES = 10,
    VOCABULARY = 65
};

static void fill_points(training_task *task) {
    static const float x[] = {0, 0, 0, 1, 1, 0, 1, 1}, t[] = {0, 1, 1, 0};
    memcpy(task->x, x, sizeof x);
    memcpy(task->t, t, sizeof t);
}

/* Half the label's own pattern, half noise: something to learn. */
static void fill_images(training_task *task) {
    const int64_t each = task->inputs / task->examples, rows = task->examples * task->row->batches;
    float *x = task->x;
    int64_t *t = task->t;
    unsigned long long seed = 7;
    for (int64_t i = 0; i < rows; i++) {
        t[i] = (int64_t)(bench_random(&seed) * CLASSES);
        unsigned long long pattern = 1000 + (unsigned long long)t[i];
        for (int64_t k = 0; k < each; k++)
            x[i * each + k] = (float)(0.5 * bench_random(&pattern) + 0.5 * bench_random(&seed));
    }
}

/* Each text goes its own way through the vocabulary, by one of three steps at a time. */
static void fill_text(training_task *task) {
    const training_row *row = task->row;
    const int64_t length = row->shape[row->steps_first ? 0 : 1];
    const int64_t texts = row->shape[row->steps_first ? 1 : 0];
    int64_t *x = task->x, *t = task->t;
    unsigned long long seed = 7;
    for (int64_t b = 0; b < row->batches; b++)
        for (int64_t i = 0; i < texts; i++) {
            int64_t token = (int64_t)(bench_random(&seed) * VOCABULARY);
            for (int64_t k = 0; k < length; k++) {
                const int64_t at =
                    b * task->inputs + (row->steps_first ? k * texts + i : i * length + k);
                x[at] = token;
                token = (token * 3 + 1 + (int64_t)(bench_random(&seed) * 3)) % VOCABULARY;
                t[at] = token;
            }
        }
}

static size_t x_bytes(const training_task *task) {
    return task->row->data == TRAINING_TEXT ? sizeof(int64_t) : sizeof(float);
}

static size_t t_bytes(const training_task *task) {
    return task->row->data == TRAINING_POINTS ? sizeof(float) : sizeof(int64_t);
}

bool training_task_fill(training_task *task, const training_row *row) {
    *task = (training_task){.row = row, .examples = row->shape[0], .inputs = 1};
    for (int i = 0; i < row->rank; i++)
        task->inputs *= row->shape[i];
    if (row->steps_first)
        task->examples = row->shape[1];
    task->labels = row->data == TRAINING_TEXT ? task->inputs : task->examples;
    const size_t batches = (size_t)row->batches;
    task->x = malloc(batches * (size_t)task->inputs * x_bytes(task));
    task->t = malloc(batches * (size_t)task->labels * t_bytes(task));
    if (!task->x || !task->t)
        return false;
    if (row->data == TRAINING_POINTS)
        fill_points(task);
    else if (row->data == TRAINING_IMAGES)
        fill_images(task);
    else
        fill_text(task);
    return true;
}

void training_task_free(training_task *task) {
    free(task->x);
    free(task->t);
    task->x = task->t = NULL;
}

/* The sizes of a batch of labels: [batch], but [batch, 1] of points and x's own of text. */
static int label_shape(const training_row *row, int64_t *shape) {
    shape[0] = row->shape[0];
    shape[1] = row->data == TRAINING_TEXT ? row->shape[1] : 1;
    return row->data == TRAINING_IMAGES ? 1 : 2;
}

void training_task_batch(const training_task *task, wg_tape *tape, int64_t k, wg_var *x,
                         wg_var *t) {
    const training_row *row = task->row;
    int64_t labels[2];
    const int rank = label_shape(row, labels);
    char *inputs = (char *)task->x + (size_t)(k * task->inputs) * x_bytes(task);
    char *targets = (char *)task->t + (size_t)(k * task->labels) * t_bytes(task);
    const wg_view x_view =
        wg_view_new(row->data == TRAINING_TEXT ? WG_I64 : WG_F32, row->rank, row->shape, inputs);
    const wg_view t_view =
        wg_view_new(row->data == TRAINING_POINTS ? WG_F32 : WG_I64, rank, labels, targets);
    *x = wg_borrow(tape, &x_view, NULL);
    *t = wg_borrow(tape, &t_view, NULL);
}

/* ---- The file -------------------------------------------------------------------------------- */

static void write_head(FILE *file, const char *kind, const char *name, const char *dtype,
                       int64_t batches, int rank, const int64_t *shape) {
    fprintf(file, "%s %s %s", kind, name, dtype);
    if (batches > 0)
        fprintf(file, " %lld", (long long)batches);
    for (int i = 0; i < rank; i++)
        fprintf(file, " %lld", (long long)shape[i]);
    fprintf(file, "\n");
}

bool training_task_write(const training_task *task, wg_store *store, const char *path) {
    const training_row *row = task->row;
    FILE *file = fopen(path, "wb");
    if (!file)
        return false;
    fprintf(file, "wengert training task 1\nmodel %s\noptimizer %s lr %.17g", row->model, row->rule,
            row->lr);
    if (row->momentum > 0)
        fprintf(file, " momentum %.17g", row->momentum);
    fprintf(file, "\n");
    wg_parameter_view p;
    bool fine = true;
    for (int64_t i = 0; fine && i < wg_store_count(store); i++) {
        fine = wg_store_at(store, i, &p) == WG_OK;
        if (fine)
            write_head(file, "parameter", p.name, "f32", 0, p.value.rank, p.value.shape);
    }
    int64_t labels[2];
    const int rank = label_shape(row, labels);
    write_head(file, "data", "x", row->data == TRAINING_TEXT ? "i64" : "f32", row->batches,
               row->rank, row->shape);
    write_head(file, "data", "t", row->data == TRAINING_POINTS ? "f32" : "i64", row->batches, rank,
               labels);
    fprintf(file, "\n");
    for (int64_t i = 0; fine && i < wg_store_count(store); i++) {
        fine = wg_store_at(store, i, &p) == WG_OK;
        size_t count = 1;
        for (int axis = 0; fine && axis < p.value.rank; axis++)
            count *= (size_t)p.value.shape[axis];
        fine = fine && fwrite(p.value.data, sizeof(float), count, file) == count;
    }
    const size_t x_count = (size_t)(row->batches * task->inputs);
    const size_t t_count = (size_t)(row->batches * task->labels);
    fine = fine && fwrite(task->x, x_bytes(task), x_count, file) == x_count &&
           fwrite(task->t, t_bytes(task), t_count, file) == t_count;
    return fclose(file) == 0 && fine;
}
