#include "op/verb.h"

#include "tape/tape.h"

#include <math.h>
#include <stdio.h>

bool wg_verb_takes(wg_var x, const char *name, const char *site) {
    if (x.tape == NULL) {
        (void)wg_fail(WG_ERROR_ARGUMENT, "%s: x is a plain number, on no tape (%s)", name,
                      site != NULL ? site : "no call site");
        return false;
    }
    return x.tape->status == WG_OK && !wg_var_refused(x.tape, x, 0, name, site);
}

wg_var wg_verb_nothing(wg_var x) {
    return x.tape != NULL ? wg_poison(x.tape) : wg_number((double)NAN);
}

wg_var wg_verb_fails(wg_var x, wg_status status, const char *name, const char *site,
                     const char *format, ...) {
    const wg_view view = wg_view_of(x);
    char shape[192], text[192];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    wg_tape_fail(x.tape, status, name, site, "x %s %s",
                 wg_shape_text(view.rank, view.shape, shape, sizeof shape), text);
    return wg_poison(x.tape);
}

int wg_verb_axis(wg_var x, int axis, const char *name, const char *site) {
    const wg_view view = wg_view_of(x);
    if (axis < -view.rank || axis >= view.rank) {
        char shape[192];
        wg_tape_fail(x.tape, WG_ERROR_ARGUMENT, name, site, "there is no axis %d in the shape %s",
                     axis, wg_shape_text(view.rank, view.shape, shape, sizeof shape));
        return -1;
    }
    return axis < 0 ? axis + view.rank : axis;
}
