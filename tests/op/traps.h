/* traps.h: what a verb must give at one point: as scalars, as arrays of both types, and by a
 * recorded sweep. */
#ifndef WG_TESTS_OP_TRAPS_H
#define WG_TESTS_OP_TRAPS_H

#include "wengert.h"

#include <criterion/criterion.h>
#include <math.h>

static inline bool same(double a, double b, double tolerance) {
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * fmax(fabs(a), fabs(b));
}

typedef wg_var (*trap)(const wg_var *x);

/* Each element of the arrays is the same point; 9 of them, so that SIMD loops and their rest run.
 */
#define COPIES 9

static inline void expect_point(const char *text, trap f, int n, const double *x, double value,
                                const double *slope) {
    wg_tape *tape = wg_tape_new();
    wg_var leaf[3], got[3];
    for (int i = 0; i < n; i++) {
        leaf[i] = wg_scalar(tape, x[i]);
    }
    wg_var y = f(leaf);
    cr_expect(same(wg_value(y), value, 1e-15), "%s: value %g, not %g", text, wg_value(y), value);
    cr_expect_eq(wg_grad(y, leaf, n, got), WG_OK);
    cr_expect_eq(wg_backward(y), WG_OK, "%s", wg_tape_message(tape));
    for (int i = 0; i < n; i++) {
        cr_expect(same(wg_adjoint(leaf[i]), slope[i], 1e-15), "%s: d/dx%d %g, not %g", text, i,
                  wg_adjoint(leaf[i]), slope[i]);
        cr_expect(same(wg_value(got[i]), slope[i], 1e-15), "%s: grad %d %g, not %g", text, i,
                  wg_value(got[i]), slope[i]);
    }
    for (int wide = 0; wide < 2; wide++) {
        wg_dtype dtype = wide != 0 ? WG_F64 : WG_F32;
        wg_tape_reset(tape);
        for (int i = 0; i < n; i++) {
            wg_var filled = wg_full(tape, dtype, WG_SHAPE(COPIES), x[i]);
            wg_view view = wg_view_of(filled);
            leaf[i] = wg_variable(tape, dtype, WG_SHAPE(COPIES), view.data);
        }
        y = f(leaf);
        double out[COPIES];
        cr_expect_eq(wg_read(y, WG_F64, out, COPIES), WG_OK, "%s", wg_tape_message(tape));
        cr_expect(same(out[0], value, 1e-6) && same(out[8], value, 1e-6), "%s: array value %g",
                  text, out[0]);
        cr_expect_eq(wg_grad_from(y, wg_number(1), leaf, n, got), WG_OK);
        cr_expect_eq(wg_backward_from(y, wg_number(1)), WG_OK, "%s", wg_tape_message(tape));
        for (int i = 0; i < n; i++) {
            wg_read_adjoint(leaf[i], WG_F64, out, COPIES);
            cr_expect(same(out[0], slope[i], 1e-6) && same(out[8], slope[i], 1e-6),
                      "%s: array d/dx%d %g, not %g", text, i, out[0], slope[i]);
            wg_read(got[i], WG_F64, out, COPIES);
            cr_expect(same(out[0], slope[i], 1e-6) && same(out[8], slope[i], 1e-6),
                      "%s: array grad %d %g, not %g", text, i, out[0], slope[i]);
        }
    }
    wg_tape_free(tape);
}

#define TRAP(label, expression)                                                                    \
    static wg_var label(const wg_var *x) {                                                         \
        return expression;                                                                         \
    }
#define AT(...) ((const double[]){__VA_ARGS__})
#define EXPECT1(f, x, value, dx) expect_point(#f, f, 1, AT(x), value, AT(dx))
#define EXPECT2(f, x, y, value, dx, dy) expect_point(#f, f, 2, AT(x, y), value, AT(dx, dy))
#define EXPECT3(f, x, y, z, value, dx, dy, dz)                                                     \
    expect_point(#f, f, 3, AT(x, y, z), value, AT(dx, dy, dz))

#endif
