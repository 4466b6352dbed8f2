/* labels.h (internal): what losses of integer labels share. */
#ifndef WG_SRC_OP_LABELS_H
#define WG_SRC_OP_LABELS_H

#include "kernel/loss.h"
#include "op/loss.h"

typedef struct wg_label_state {
    wg_loss_reduction reduction;
    bool ignore;
    int64_t ignore_index;
    double smoothing;
} wg_label_state;

/* Class weights as a sample's operand, and none. */
#define CLASS_WEIGHTS(...)                                                                         \
    { .dtype = WG_F64, WG_SIZES(__VA_ARGS__), .low = 0.5, .high = 2, .fixed = true }
#define NO_WEIGHTS                                                                                 \
    { .dtype = WG_F64, .low = 1, .high = 1, .fixed = true }

/* How many rows an array with the classes last has. */
int64_t wg_label_rows(const wg_view *x);
bool wg_same_sizes(const wg_view *a, const wg_view *b, int rank);
bool wg_loss_reduces(const wg_label_state *state);
/* Element i of contiguous floats. */
double wg_float_at(const wg_view *view, int64_t i);

/* Checks operands x [..., classes], labels [...] and weight [classes] (of rank 0: none). */
wg_status wg_check_labels(wg_call *call);
/* What the kernels need of operands 0 to 2, in forward; a label out of range is a failure. */
wg_status wg_label_case(wg_call *call, int64_t classes, wg_cross_entropy *loss);
wg_cross_entropy wg_label_case_of(const wg_label_state *state, wg_dtype dtype, int64_t rows,
                                  int64_t classes, const wg_view *labels, const wg_view *weight);

/* Puts the axis of the classes last (0: it is), in probabilities too; whether labels are integers.
 */
bool wg_classes_last(const char *name, wg_var *x, wg_var *labels, int axis, const char *site);
/* Class weights in x's dtype, or the number 1 for none; refused where they want a gradient. */
wg_var wg_class_weights(const char *name, wg_var weight, wg_var x, const char *site);

#endif
