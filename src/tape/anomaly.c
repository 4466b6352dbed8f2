/* anomaly.c: looks for the first NaN or infinity that comes out of finite numbers. */
#include "tape/tape.h"

#include "kernel/walk.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void wg_tape_detect_anomaly(wg_tape *tape, bool on) {
    tape->anomaly = on;
    if (tape->sites > 0) {
        memset((void *)tape->scalar_site, 0, (size_t)tape->sites * sizeof *tape->scalar_site);
    }
    wg_tape_switch(tape);
}

/* Whether a row's elements all are finite: an exponent of ones is what the others have. */
static bool row_f32(int64_t n, const char *at, int64_t step) {
    uint32_t found = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, at + i * step, sizeof bits);
        found |= (bits & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
    }
    return found == 0;
}

static bool row_f64(int64_t n, const char *at, int64_t step) {
    const uint64_t exponent = (uint64_t)0x7ff << 52;
    uint64_t found = 0;
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, at + i * step, sizeof bits);
        found |= (bits & exponent) == exponent ? 1u : 0u;
    }
    return found == 0;
}

static bool row_bf16(int64_t n, const char *at, int64_t step) {
    uint32_t found = 0;
    for (int64_t i = 0; i < n; i++) {
        uint16_t bits;
        memcpy(&bits, at + i * step, sizeof bits);
        found |= (bits & 0x7f80u) == 0x7f80u ? 1u : 0u;
    }
    return found == 0;
}

static bool is_finite(const wg_view *view) {
    bool (*const row)(int64_t, const char *, int64_t) = view->dtype == WG_F32   ? row_f32
                                                        : view->dtype == WG_F64 ? row_f64
                                                                                : row_bf16;
    wg_walk walk;
    wg_cursor cursor;
    wg_walk_start(&walk, view, view, 0);
    const int outer = walk.rank > 0 ? walk.rank - 1 : 0;
    const int64_t length = walk.rank > 0 ? walk.shape[outer] : 1;
    const int64_t step = walk.rank > 0 ? walk.step[0][outer] : 0;
    const int64_t rows = wg_walk_count(&walk, outer);
    wg_cursor_start(&cursor, &walk, outer, 0);
    for (int64_t k = 0; k < rows; k++) {
        if (!row(length, cursor.at[0], step)) {
            return false;
        }
        wg_cursor_next(&cursor, &walk, outer);
    }
    return true;
}

bool wg_view_is_finite(const wg_view *view, int64_t *index, double *value) {
    const int64_t count = wg_view_count(view);
    if (!wg_dtype_is_float(view->dtype) || view->data == NULL || count == 0 || is_finite(view)) {
        return true;
    }
    for (*index = 0; *index < count; (*index)++) {
        *value = wg_view_element(view, *index);
        if (!isfinite(*value)) {
            break;
        }
    }
    return false;
}

/* As wg_view_is_finite of any living variable. */
static bool look(wg_var x, int64_t *index, double *value) {
    const wg_node *node = wg_node_of(x);
    if (node != NULL) {
        return wg_view_is_finite(&node->view, index, value);
    }
    *index = 0;
    *value = x.tape == NULL                     ? x.as.number
             : wg_lane_holds(x.tape, x.as.slot) ? x.tape->lane.value[x.as.slot.index]
                                                : 0;
    return isfinite(*value);
}

bool wg_var_is_finite(wg_var x) {
    int64_t index = 0;
    double value = 0;
    return look(x, &index, &value);
}

static const char *name_of(double value) {
    return isnan(value) ? "NaN" : value > 0 ? "inf" : "-inf";
}

/* "[32, 10] and [10]" */
static void operand_shapes(const wg_call *call, char *out, size_t bytes) {
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < call->count && used < bytes; i++) {
        char text[192];
        const wg_view view = wg_operand_shape(call, i);
        const int put = snprintf(out + used, bytes - used, "%s%s", i == 0 ? "" : " and ",
                                 wg_shape_text(view.rank, view.shape, text, sizeof text));
        used += put > 0 ? (size_t)put : 0;
    }
}

void wg_anomaly_result(wg_call *call) {
    int64_t index = 0;
    double value = 0;
    if (wg_view_is_finite(&call->out, &index, &value)) {
        return;
    }
    for (int i = 0; i < call->count; i++) {
        int64_t ignored = 0;
        double other = 0;
        if (!wg_view_is_finite(&call->views[i], &ignored, &other)) {
            return;
        }
    }
    char shapes[200];
    operand_shapes(call, shapes, sizeof shapes);
    wg_tape_fail(call->tape, WG_ERROR_ANOMALY, "anomaly", call->site,
                 "%s of %s made %s at element %lld", call->op->name, shapes, name_of(value),
                 (long long)index);
}

void wg_anomaly_scalar(wg_tape *tape, const char *name, int count, const double *operands,
                       double result, const char *site) {
    char text[128];
    size_t used = 0;
    if (isfinite(result) || tape->sweeping) {
        return;
    }
    for (int i = 0; i < count; i++) {
        if (!isfinite(operands[i])) {
            return;
        }
        const int put =
            snprintf(text + used, sizeof text - used, "%s%.9g", i == 0 ? "" : " and ", operands[i]);
        used += put > 0 ? (size_t)put : 0;
    }
    wg_tape_fail(tape, WG_ERROR_ANOMALY, "anomaly", site, "%s of %s made %s", name, text,
                 name_of(result));
}

static void fail_given(wg_call *call, int i, int64_t index, double value) {
    char shapes[200];
    operand_shapes(call, shapes, sizeof shapes);
    wg_tape_fail(call->tape, WG_ERROR_ANOMALY, "anomaly", call->site,
                 "the chain rule of %s (of %s) made %s at element %lld, for operand %d",
                 call->op->name, shapes, name_of(value), (long long)index, i);
}

void wg_anomaly_given(wg_call *call, int i, wg_var gradient) {
    int64_t index = 0;
    double value = 0;
    if (!look(gradient, &index, &value)) {
        fail_given(call, i, index, value);
    }
}

void wg_anomaly_placed(wg_call *call, int i) {
    const wg_node *node = wg_node_of(call->operands[i]);
    const wg_adjoint_record *record = wg_node_adjoint(node);
    wg_view view;
    const wg_dtype dtype = wg_adjoint_dtype(node->view.dtype);
    wg_view_set_contiguous(&view, dtype, node->view.rank, node->view.shape);
    view.data = node->sink != NULL ? node->sink->gradient : record != NULL ? record->data : NULL;
    int64_t index = 0;
    double value = 0;
    if (call->tape->status == WG_OK && !wg_view_is_finite(&view, &index, &value)) {
        fail_given(call, i, index, value);
    }
}

/* Of scalar `index`. */
static void fail_at(wg_tape *tape, uint64_t index, int operand, double value) {
    uint32_t at[3];
    const int count = wg_rules_operands(tape, index, at);
    char text[128] = "";
    size_t used = 0;
    for (int k = 0; k < count; k++) {
        const int put = snprintf(text + used, sizeof text - used, "%s%.9g", k == 0 ? "" : " and ",
                                 tape->lane.value[at[k]]);
        used += put > 0 ? (size_t)put : 0;
    }
    wg_tape_fail(tape, WG_ERROR_ANOMALY, "anomaly",
                 index < tape->sites ? tape->scalar_site[index] : NULL,
                 "the chain rule of %s (of %s) made %s, for operand %d",
                 wg_rules_name(tape->lane.opcode[index]), text, name_of(value), operand);
}

void wg_anomaly_partial(wg_tape *tape, uint64_t index, int operand, wg_var g, wg_var product) {
    int64_t where = 0;
    double value = 0;
    if (tape->status == WG_OK && wg_var_is_finite(g) && !look(product, &where, &value)) {
        fail_at(tape, index, operand, value);
    }
}

void wg_anomaly_sweep(wg_tape *tape, uint64_t from, uint64_t to, bool keep) {
    for (uint64_t i = to; i-- > from && tape->status == WG_OK;) {
        const double *adjoint = tape->lane.adjoint;
        const double g = adjoint[i];
        uint32_t at[3];
        bool was_finite[3] = {false, false, false};
        const int count = wg_rules_operands(tape, i, at);
        for (int k = 0; k < count; k++) {
            was_finite[k] = isfinite(adjoint[at[k]]);
        }
        wg_rules_sweep(tape, i, i + 1, keep);
        for (int k = 0; k < count && isfinite(g) && g != 0; k++) {
            if (was_finite[k] && !isfinite(adjoint[at[k]])) {
                fail_at(tape, i, k, adjoint[at[k]]);
            }
        }
    }
}

void wg_anomaly_site(wg_tape *tape, const char *site) {
    const uint64_t before = tape->sites, index = tape->lane.count - 1;
    if (!wg_tape_grow(tape, (void **)&tape->scalar_site, &tape->sites, index + 1,
                      sizeof *tape->scalar_site)) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "anomaly", site, "no memory for call sites");
        return;
    }
    if (tape->sites > before) {
        memset((void *)(tape->scalar_site + before), 0,
               (size_t)(tape->sites - before) * sizeof *tape->scalar_site);
    }
    tape->scalar_site[index] = site;
}
