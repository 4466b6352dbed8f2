/* create.c: constants made from a rule: ranges, ones on a diagonal, and what is like another array.
 */
#include "op/verb.h"
#include "tape/tape.h"
#include "wengert/index.h"

#include <math.h>

wg_var wg_arange(wg_tape *tape, wg_dtype dtype, double start, double stop, double step) {
    if (tape->status != WG_OK) {
        return wg_poison(tape);
    }
    const double count = ceil((stop - start) / step);
    if (step == 0 || !(count < 0x1p62)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "arange", NULL, "from %g to %g in steps of %g", start,
                     stop, step);
        return wg_poison(tape);
    }
    const int64_t n = count > 0 ? (int64_t)count : 0;
    const wg_var r = wg_constant(tape, dtype, 1, &n, NULL);
    const wg_view to = wg_view_of(r);
    for (int64_t i = 0; i < n && tape->status == WG_OK; i++) {
        wg_set_element(to.dtype, to.data, i, start + (double)i * step);
    }
    return r;
}

wg_var wg_linspace(wg_tape *tape, wg_dtype dtype, double start, double stop, int64_t count) {
    const wg_var r = wg_constant(tape, dtype, 1, &count, NULL);
    const wg_view to = wg_view_of(r);
    const int64_t last = count - 1, half = count / 2;
    const double step = last > 0 ? (stop - start) / (double)last : 0;
    for (int64_t i = 0; i < count && tape->status == WG_OK; i++) { /* from both ends: exact there */
        wg_set_element(to.dtype, to.data, i,
                       i < half || last == 0 ? start + (double)i * step
                                             : stop - (double)(last - i) * step);
    }
    return r;
}

wg_var wg_eye(wg_tape *tape, wg_dtype dtype, int64_t rows, int64_t columns, int64_t offset) {
    const int64_t shape[2] = {rows, columns};
    const wg_var r = wg_constant(tape, dtype, 2, shape, NULL);
    const wg_view to = wg_view_of(r);
    if (tape->status != WG_OK || offset <= -rows || offset >= columns) {
        return r; /* the diagonal does not cross it */
    }
    for (int64_t i = offset < 0 ? -offset : 0; i < rows && i + offset < columns; i++) {
        wg_set_element(to.dtype, to.data, i * columns + i + offset, 1);
    }
    return r;
}

wg_var wg_full_like_at(wg_var x, double value, const char *site) {
    if (!wg_verb_takes(x, "full_like", site)) {
        return wg_verb_nothing(x);
    }
    const wg_view view = wg_view_of(x);
    return wg_full(x.tape, view.dtype, view.rank, view.shape, value);
}
