/* windows.c: windows over the last axes: what a user's options mean. */
#include "op/windows.h"

#include "op/axes.h"

#include <math.h>
#include <stdarg.h>

wg_var wg_space_fail(wg_var x, wg_status status, const char *name, const char *site,
                     const char *format, ...) {
    va_list arguments;
    if (x.tape == NULL) {
        (void)wg_fail(status, "%s: the operand is on no tape", name);
        return wg_number((double)NAN);
    }
    va_start(arguments, format);
    wg_tape_fail_v(x.tape, status, name, site, format, arguments);
    va_end(arguments);
    return wg_poison(x.tape);
}

bool wg_space_of(const char *name, wg_var x, int n, int64_t *size, const char *site) {
    const wg_view view = wg_view_of(x);
    char text[192];
    if (x.tape != NULL && wg_tape_status(x.tape) != WG_OK) {
        return false;
    }
    if (n < 1 || n > WG_WINDOW_AXES || !wg_is_array(x) || view.rank < n) {
        (void)wg_space_fail(x, WG_ERROR_SHAPE, name, site, "%d axes of an array of shape %s", n,
                            wg_shape_text(view.rank, view.shape, text, sizeof text));
        return false;
    }
    for (int i = 0; i < WG_WINDOW_AXES; i++) {
        const int own = view.rank - WG_WINDOW_AXES + i;
        size[i] = i < WG_WINDOW_AXES - n ? 1 : view.shape[own];
    }
    return true;
}

int wg_space_shape(const wg_view *x, int n, const int64_t *sizes, int64_t *shape) {
    for (int i = 0; i < x->rank; i++) {
        const int from_last = x->rank - 1 - i;
        shape[i] = from_last < n ? sizes[WG_WINDOW_AXES - 1 - from_last] : x->shape[i];
    }
    return x->rank;
}

int64_t wg_space_planes(const wg_view *x, int n) {
    return wg_sizes_product(x->shape, 0, x->rank - n);
}

/* Number `i` of an option; where it is 0, the one before, and where that is none, `otherwise`. */
static int64_t option(const int64_t *values, int i, int64_t otherwise) {
    while (i > 0 && values[i] == 0) {
        i--;
    }
    return values[i] == 0 ? otherwise : values[i];
}

static int64_t windows_of(const wg_window_axis *a, bool up) {
    const int64_t span = a->dilation * (a->kernel - 1) + 1, room = a->in + 2 * a->padding - span;
    if (room < 0) {
        return 0;
    }
    int64_t out = (room + (up ? a->stride - 1 : 0)) / a->stride + 1;
    if (up && (out - 1) * a->stride >= a->in + a->padding) {
        out--; /* the last would begin in the padding behind */
    }
    return out;
}

bool wg_window_axes_of(const char *name, wg_var x, int n, const wg_pool_options *o,
                       wg_window_axis *axes, const char *site) {
    int64_t size[WG_WINDOW_AXES];
    const wg_window_axis whole = {1, 1, 1, 1, 0, 1, false};
    if (!wg_space_of(name, x, n, size, site)) {
        return false;
    }
    for (int i = 0; i < WG_WINDOW_AXES; i++) {
        axes[i] = whole;
    }
    for (int i = 0; i < n; i++) {
        wg_window_axis *a = &axes[WG_WINDOW_AXES - n + i];
        a->in = size[WG_WINDOW_AXES - n + i];
        a->kernel = option(o->kernel, i, 0);
        a->stride = option(o->stride, i, a->kernel);
        a->padding = o->padding[i];
        a->dilation = option(o->dilation, i, 1);
        if (a->kernel <= 0 || a->stride <= 0 || a->dilation <= 0 || a->padding < 0 ||
            a->padding > a->kernel / 2 || a->kernel > INT32_MAX || a->stride > INT32_MAX ||
            a->dilation > INT32_MAX) {
            (void)wg_space_fail(x, WG_ERROR_ARGUMENT, name, site,
                                "axis %d: kernel %lld, stride %lld, padding %lld (at most half the "
                                "kernel), dilation %lld",
                                i, (long long)a->kernel, (long long)a->stride,
                                (long long)a->padding, (long long)a->dilation);
            return false;
        }
        a->out = windows_of(a, o->ceil_mode);
        if (a->out <= 0) {
            (void)wg_space_fail(x, WG_ERROR_SHAPE, name, site,
                                "axis %d: no window of %lld fits into %lld elements", i,
                                (long long)(a->dilation * (a->kernel - 1) + 1),
                                (long long)(a->in + 2 * a->padding));
            return false;
        }
    }
    return true;
}
