#include "kernel/loss.h"

#include "base/parallel.h"
#include "kernel/gather.h"
#include "kernel/softmax_loops.h"

#include <string.h>

static double element(wg_dtype dtype, const void *x, int64_t i) {
    return dtype == WG_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void subtract(wg_dtype dtype, void *x, int64_t i, double value) {
    if (dtype == WG_F32) {
        ((float *)x)[i] -= (float)value;
    } else {
        ((double *)x)[i] -= value;
    }
}

/* What the rows of one loss share. */
typedef struct loss_rows {
    const wg_cross_entropy *loss;
    const wg_softmax_loops *loops;
    int64_t bytes;      /* of a row */
    double all_weights; /* the sum over the classes */
    const char *p;      /* probabilities instead of labels */
    double *losses;
    char *gradient;
} loss_rows;

double wg_kernel_label_weight(const wg_cross_entropy *loss, int64_t row) {
    const int64_t label = wg_index_at(loss->labels, row);
    if (loss->ignore && label == loss->ignore_index) {
        return 0;
    }
    return loss->weight == NULL ? 1 : element(loss->dtype, loss->weight, label);
}

static bool is_ignored(const wg_cross_entropy *loss, int64_t label) {
    return loss->ignore && label == loss->ignore_index;
}

/* The gradient of the row's loss to logit j is a softmax_j - (b at the label) - c weight_j. */
static void label_row(void *context, int64_t i) {
    const loss_rows *l = context;
    const wg_cross_entropy *loss = l->loss;
    const int64_t n = loss->classes, label = wg_index_at(loss->labels, i);
    const char *x = (const char *)loss->x + i * l->bytes;
    char *to = l->gradient == NULL ? NULL : l->gradient + i * l->bytes;
    if (is_ignored(loss, label)) {
        l->losses[i] = 0;
        if (to != NULL) {
            memset(to, 0, (size_t)l->bytes);
        }
        return;
    }
    const double b = (1 - loss->smoothing) * wg_kernel_label_weight(loss, i);
    const double c = loss->smoothing / (double)n, a = b + c * l->all_weights;
    double sum;
    const double log_sum = l->loops->exp_and_sum(n, x, to, &sum);
    l->losses[i] = b * (log_sum - element(loss->dtype, x, label));
    if (c != 0) {
        l->losses[i] += c * (l->all_weights * log_sum - l->loops->dot(n, x, loss->weight));
    }
    if (to != NULL) {
        l->loops->scale_less(n, a / sum / loss->divisor, c / loss->divisor, loss->weight, to);
        subtract(loss->dtype, to, label, b / loss->divisor);
    }
}

static void soft_row(void *context, int64_t i) {
    const loss_rows *l = context;
    const wg_cross_entropy *loss = l->loss;
    const char *x = (const char *)loss->x + i * l->bytes, *p = l->p + i * l->bytes;
    char *to = l->gradient == NULL ? NULL : l->gradient + i * l->bytes;
    double sum;
    const double log_sum = l->loops->exp_and_sum(loss->classes, x, to, &sum);
    l->losses[i] = l->loops->soft_loss(loss->classes, log_sum, x, p);
    if (to != NULL) {
        const double all = l->loops->dot(loss->classes, p, NULL);
        l->loops->scale_less(loss->classes, all / sum / loss->divisor, 1 / loss->divisor, p, to);
    }
}

static void run_rows(const wg_cross_entropy *loss, void (*body)(void *context, int64_t i),
                     const void *p, double *losses, void *gradient) {
    const int type = loss->dtype == WG_F32 ? 0 : 1;
    loss_rows all = {loss, &wg_kernel_softmax_loops()[type], 0, 0, p, losses, gradient};
    all.bytes = loss->classes * (int64_t)wg_dtype_size(loss->dtype);
    all.all_weights = loss->weight == NULL ? (double)loss->classes
                                           : all.loops->dot(loss->classes, loss->weight, NULL);
    wg_parallel(loss->rows, loss->rows * loss->classes >= WG_SHARE_COMPUTE, body, &all);
}

void wg_kernel_cross_entropy(const wg_cross_entropy *loss, double *losses, void *gradient) {
    run_rows(loss, label_row, NULL, losses, gradient);
}

void wg_kernel_soft_cross_entropy(const wg_cross_entropy *loss, const void *p, double *losses,
                                  void *gradient) {
    run_rows(loss, soft_row, p, losses, gradient);
}
