#include "kernel/loss.h"

#include "base/parallel.h"
#include "kernel/gather.h"
#include "kernel/softmax.h"
#include "kernel/walk.h"

#define LANES 16
#define STRETCH 1024

static double element(wg_dtype dtype, const void *x, int64_t i) {
    return dtype == WG_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

/* What the rows of one loss, or of its gradient, share. */
typedef struct loss_rows {
    wg_dtype dtype;
    int64_t classes, bytes; /* of a row */
    const char *x;
    const wg_view *labels;
    const void *p;
    double factor, *losses;
    char *to;
} loss_rows;

static void run_rows(int64_t rows, void (*body)(void *context, int64_t i), loss_rows *all) {
    all->bytes = all->classes * (int64_t)wg_dtype_size(all->dtype);
    wg_parallel(rows, rows * all->classes >= WG_SHARE_COMPUTE, body, all);
}

static void cross_entropy_row(void *context, int64_t i) {
    const loss_rows *l = context;
    const char *row = l->x + i * l->bytes;
    l->losses[i] = wg_kernel_log_sum_exp(l->dtype, l->classes, row) -
                   element(l->dtype, row, wg_index_at(l->labels, i));
}

void wg_kernel_cross_entropy(wg_dtype dtype, int64_t classes, const void *x, const wg_view *labels,
                             double *losses) {
    loss_rows all = {
        .dtype = dtype, .classes = classes, .x = x, .labels = labels, .losses = losses};
    run_rows(wg_view_count(labels), cross_entropy_row, &all);
}

static void soft_cross_entropy_row(void *context, int64_t i) {
    const loss_rows *l = context;
    const char *row = l->x + i * l->bytes;
    const double log_sum = wg_kernel_log_sum_exp(l->dtype, l->classes, row);
    double loss = 0;
    for (int64_t j = 0; j < l->classes; j++) {
        const double share = element(l->dtype, l->p, i * l->classes + j);
        loss += share == 0 ? 0 : share * (log_sum - element(l->dtype, row, j));
    }
    l->losses[i] = loss;
}

void wg_kernel_soft_cross_entropy(wg_dtype dtype, int64_t rows, int64_t classes, const void *x,
                                  const void *p, double *losses) {
    loss_rows all = {.dtype = dtype, .classes = classes, .x = x, .p = p, .losses = losses};
    run_rows(rows, soft_cross_entropy_row, &all);
}

#define CHAIN_ROW(type)                                                                            \
    static void chain_##type(int64_t classes, int64_t label, double factor, void *to) {            \
        type *y = to;                                                                              \
        y[label] -= 1;                                                                             \
        for (int64_t j = 0; j < classes; j++) {                                                    \
            y[j] *= (type)factor;                                                                  \
        }                                                                                          \
    }
CHAIN_ROW(float)
CHAIN_ROW(double)

static void cross_entropy_chain_row(void *context, int64_t i) {
    const loss_rows *l = context;
    char *const out = l->to + i * l->bytes;
    wg_kernel_softmax_row(l->dtype, l->classes, l->x + i * l->bytes, out);
    (l->dtype == WG_F32 ? chain_float : chain_double)(l->classes, wg_index_at(l->labels, i),
                                                      l->factor, out);
}

void wg_kernel_cross_entropy_chain(wg_dtype dtype, int64_t classes, const void *x,
                                   const wg_view *labels, double factor, void *to) {
    loss_rows all = {
        .dtype = dtype, .classes = classes, .x = x, .labels = labels, .factor = factor, .to = to};
    run_rows(wg_view_count(labels), cross_entropy_chain_row, &all);
}

#define DISTANCE_ROW(type)                                                                         \
    static double distance_##type(int64_t n, const char *from, int64_t a_step, const char *with,   \
                                  int64_t b_step) {                                                \
        const type *a = (const void *)from, *b = (const void *)with;                               \
        const int64_t s = a_step / (int64_t)sizeof *a, t = b_step / (int64_t)sizeof *b;            \
        double lane[LANES] = {0};                                                                  \
        int64_t i = 0;                                                                             \
        for (; s == 1 && t == 1 && i + LANES <= n; i += LANES) {                                   \
            for (int k = 0; k < LANES; k++) {                                                      \
                const double d = (double)a[i + k] - (double)b[i + k];                              \
                lane[k] += d * d;                                                                  \
            }                                                                                      \
        }                                                                                          \
        for (; i < n; i++) {                                                                       \
            const double d = (double)a[i * s] - (double)b[i * t];                                  \
            lane[i % LANES] += d * d;                                                              \
        }                                                                                          \
        for (int k = 1; k < LANES; k++) {                                                          \
            lane[0] += lane[k];                                                                    \
        }                                                                                          \
        return lane[0];                                                                            \
    }
DISTANCE_ROW(float)
DISTANCE_ROW(double)

double wg_kernel_squared_distance(const wg_view *a, const wg_view *b) {
    double (*const row)(int64_t, const char *, int64_t, const char *, int64_t) =
        a->dtype == WG_F32 ? distance_float : distance_double;
    wg_walk walk;
    wg_walk_start(&walk, a, b, 0);
    const int last = walk.rank - 1;
    if (last < 0) {
        return row(1, walk.data[0], 0, walk.data[1], 0);
    }
    const int64_t rows = wg_walk_count(&walk, last), n = walk.shape[last];
    const int64_t s = walk.step[0][last], t = walk.step[1][last];
    double sum = 0;
    wg_cursor cursor;
    if (rows * n == 0) {
        return 0;
    }
    wg_cursor_start(&cursor, &walk, last, 0);
    for (int64_t k = 0; k < rows; k++) {
        for (int64_t i = 0; i < n; i += STRETCH) {
            sum += row(n - i < STRETCH ? n - i : STRETCH, cursor.at[0] + i * s, s,
                       cursor.at[1] + i * t, t);
        }
        wg_cursor_next(&cursor, &walk, last);
    }
    return sum;
}
