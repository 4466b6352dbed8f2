/* read.c: values and adjoints, from the tape to the caller. */
#include "tape/tape.h"

#include "kernel/copy.h"

#include <math.h>
#include <string.h>

double wg_value(wg_var x) {
    if (x.tape == NULL) {
        return x.as.number;
    }
    if (x.tape->status != WG_OK || wg_var_refused(x.tape, x, 0, "value", NULL)) {
        return NAN;
    }
    x.tape->values_read++;
    if (!wg_var_is_array(x)) {
        return x.tape->lane.value[x.as.slot.index];
    }
    double value = NAN;
    (void)wg_read(x, WG_F64, &value, 1);
    return value;
}

static wg_status copy_out(const wg_view *from, wg_dtype dtype, void *out, int64_t count) {
    wg_view to;
    wg_view_set_contiguous(&to, dtype, from->rank, from->shape);
    to.data = out;
    if (count > 0) {
        wg_kernel_copy(from, &to);
    }
    return WG_OK;
}

/* The checks wg_read and wg_read_adjoint share; fills `view` for scalars and numbers too. */
static wg_status readable(wg_var x, const char *name, wg_dtype dtype, int64_t count,
                          wg_view *view) {
    *view = wg_view_of(x);
    if (wg_dtype_size(dtype) == 0) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: dtype %d does not exist", name, (int)dtype);
    }
    if (x.tape != NULL) {
        if (x.tape->status != WG_OK) {
            return wg_fail(x.tape->status, "%s: the tape has failed: %s", name, x.tape->message);
        }
        bool holds = wg_var_is_array(x) ? wg_node_of(x) != NULL : wg_lane_holds(x.tape, x.as.slot);
        if (!holds) {
            wg_var_refused(x.tape, x, 0, name, NULL);
            return x.tape->status;
        }
    }
    if (wg_view_count(view) != count) {
        char text[192];
        wg_shape_text(view->rank, view->shape, text, sizeof text);
        if (x.tape == NULL) {
            return wg_fail(WG_ERROR_SHAPE, "%s: a number has 1 element, %lld were asked for", name,
                           (long long)count);
        }
        return wg_tape_fail(x.tape, WG_ERROR_SHAPE, name, NULL,
                            "the shape %s has not %lld elements", text, (long long)count);
    }
    return WG_OK;
}

wg_status wg_read(wg_var x, wg_dtype dtype, void *out, int64_t count) {
    wg_view view;
    wg_status status = readable(x, "read", dtype, count, &view);
    if (status != WG_OK) {
        return status;
    }
    const wg_node *node = wg_node_of(x);
    if (node != NULL && (node->flags & WG_NODE_GONE) != 0) {
        wg_var_refused(x.tape, x, 0, "read", NULL);
        return x.tape->status;
    }
    double number = x.tape == NULL ? x.as.number : 0;
    if (node == NULL) {
        view.data = x.tape == NULL ? &number : &x.tape->lane.value[x.as.slot.index];
    }
    return copy_out(&view, dtype, out, count);
}

/* Whether a sweep went over x and used its adjoint up. */
static bool is_spent(wg_var x, const wg_node *node) {
    if (node != NULL) {
        return (node->flags & WG_NODE_SPENT) != 0;
    }
    return x.tape != NULL && !x.tape->lane.adjoints_kept &&
           x.as.slot.index < x.tape->lane.adjoint_count &&
           x.tape->lane.opcode[x.as.slot.index] != WG_CODE_LEAF;
}

wg_status wg_read_adjoint(wg_var x, wg_dtype dtype, void *out, int64_t count) {
    wg_view view;
    wg_status status = readable(x, "read_adjoint", dtype, count, &view);
    if (status != WG_OK) {
        return status;
    }
    double number = 0;
    const wg_node *node = wg_node_of(x);
    view.dtype = wg_adjoint_dtype(view.dtype);
    const wg_adjoint_record *record = node != NULL ? wg_node_adjoint(node) : NULL;
    if (node != NULL && node->sink != NULL) {
        wg_view_set_contiguous(&view, view.dtype, view.rank, view.shape);
        view.data = wg_sink_memory(node);
    } else if (record != NULL) {
        memcpy(view.stride, record->stride, sizeof view.stride);
        view.data = record->data;
    } else if (is_spent(x, node)) {
        return wg_fail(WG_ERROR_STATE, "adjoint: wg_backward keeps those of leaves alone; use "
                                       "wg_backward_keep (or, for an array, wg_keep)");
    } else {
        if (node == NULL && x.tape != NULL && x.as.slot.index < x.tape->lane.adjoint_count) {
            number = x.tape->lane.adjoint[x.as.slot.index];
        }
        memset(view.stride, 0, sizeof view.stride);
        view.dtype = WG_F64;
        view.data = &number;
    }
    return copy_out(&view, dtype, out, count);
}

double wg_adjoint_slow(wg_var x) {
    double value = NAN;
    return wg_read_adjoint(x, WG_F64, &value, 1) == WG_OK ? value : NAN;
}

wg_var wg_keep(wg_var x) {
    wg_node *node = wg_node_of(x);
    if (node != NULL) {
        node->flags |= WG_NODE_KEPT;
    }
    return x;
}
