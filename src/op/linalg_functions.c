/* linalg_functions.c: powers, exponentials, norms and condition numbers of matrices, in verbs. */
#include "base/base.h"
#include "op/axes.h"
#include "op/linalg.h"
#include "tape/tape.h"
#include "wengert/elementwise.h"

#include <math.h>

/* Checks that x is matrices, square ones where asked; else a failure of `name` and false. */
static bool are_matrices(wg_var x, bool square, const char *name, const char *site) {
    const wg_view view = wg_view_of(x);
    if (x.tape == NULL || wg_tape_status(x.tape) != WG_OK) {
        return false;
    }
    if (view.rank >= 2 && (!square || view.shape[view.rank - 2] == view.shape[view.rank - 1])) {
        return true;
    }
    char text[128];
    wg_tape_fail(x.tape, WG_ERROR_SHAPE, name, site, "it takes %s, not %s",
                 square ? "square matrices [..., n, n]" : "matrices [..., m, n]",
                 wg_shape_text(view.rank, view.shape, text, sizeof text));
    return false;
}

static wg_var broken(wg_var x) {
    return x.tape != NULL ? wg_poison(x.tape) : wg_number((double)NAN);
}

/* The unit matrix for x, of a float dtype and x's order. */
static wg_var unit_like(wg_var x) {
    const wg_view view = wg_view_of(x);
    return wg_unit_matrix(x.tape, view.dtype == WG_F32 ? WG_F32 : WG_F64,
                          view.shape[view.rank - 1]);
}

wg_var wg_matrix_power_at(wg_var a, int64_t n, const char *site) {
    if (!are_matrices(a, true, "matrix_power", site)) {
        return broken(a);
    }
    const wg_view view = wg_view_of(a);
    if (n == 0) {
        return wg_broadcast_to_at(unit_like(a), view.rank, view.shape, site);
    }
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    wg_var square = n < 0 ? wg_inverse_at(a, site) : a, power = square;
    bool begun = false;
    for (; left > 0; left >>= 1) {
        if ((left & 1) != 0) {
            power = begun ? wg_matmul_at(power, square, site) : square;
            begun = true;
        }
        square = left > 1 ? wg_matmul_at(square, square, site) : square;
    }
    return power;
}

/* ---- The exponential ------------------------------------------------------------------------ */

/* How often A is halved for its 1-norm to be at most 5.37 (Higham 2005, table 2.3); -1 where it is
 * not finite. Only the scale is taken from the values: any other would give the same function. */
static int halvings_of(wg_var a) {
    const wg_var sums = wg_sum_over(wg_abs(a), WG_AXES(-2));
    const double norm = wg_count(sums) > 0 ? wg_value(wg_amax(sums)) : 0;
    if (!isfinite(norm)) {
        return -1;
    }
    return norm <= 5.371920351148152 ? 0 : (int)ceil(log2(norm / 5.371920351148152));
}

wg_var wg_matrix_exp_at(wg_var a, const char *site) {
    static const double b[14] = {64764752532480000,
                                 32382376266240000,
                                 7771770303897600,
                                 1187353796428800,
                                 129060195264000,
                                 10559470521600,
                                 670442572800,
                                 33522128640,
                                 1323241920,
                                 40840800,
                                 960960,
                                 16380,
                                 182,
                                 1};
    if (!are_matrices(a, true, "matrix_exp", site)) {
        return broken(a);
    }
    wg_no_grad_begin(a.tape);
    const int halvings = halvings_of(a);
    wg_no_grad_end(a.tape);
    if (halvings < 0) {
        wg_tape_fail(a.tape, WG_ERROR_ARGUMENT, "matrix_exp", site,
                     "the norm of a matrix is not finite");
        return broken(a);
    }
    const wg_var x = wg_mul(a, ldexp(1, -halvings)), unit = unit_like(a);
    const wg_var x2 = wg_matmul_at(x, x, site), x4 = wg_matmul_at(x2, x2, site);
    const wg_var x6 = wg_matmul_at(x4, x2, site);
    /* In units of b[0], so that f32 does not overflow. */
#define TERM(k, power) wg_mul(b[k] / b[0], power)
#define SUM3(k, l, m) wg_add(wg_add(TERM(k, x6), TERM(l, x4)), TERM(m, x2))
    const wg_var odd = wg_matmul_at(
        x, wg_add(wg_matmul_at(x6, SUM3(13, 11, 9), site), wg_add(SUM3(7, 5, 3), TERM(1, unit))),
        site);
    const wg_var even =
        wg_add(wg_matmul_at(x6, SUM3(12, 10, 8), site), wg_add(SUM3(6, 4, 2), unit));
#undef SUM3
#undef TERM
    wg_var r = wg_solve_at(wg_sub(even, odd), wg_add(even, odd), site);
    for (int i = 0; i < halvings; i++) {
        r = wg_matmul_at(r, r, site);
    }
    return r;
}

/* ---- Norms ---------------------------------------------------------------------------------- */

wg_var wg_matrix_norm_at(wg_var a, wg_matrix_norms which, const char *site) {
    if (!are_matrices(a, false, "matrix_norm", site)) {
        return broken(a);
    }
    const wg_axes both = {.count = 2, .axis = {-2, -1}}, last = {.count = 1, .axis = {-1}};
    const wg_axes column = {.count = 1, .axis = {-2}};
    switch (which) {
    case WG_NORM_FROBENIUS: {
        const wg_var sum = wg_sum_at(wg_square(a), both, site);
        const wg_var zero = wg_eq(sum, 0.0); /* √ has no slope there */
        return wg_where(zero, 0.0, wg_sqrt(wg_where(zero, 1.0, sum)));
    }
    case WG_NORM_NUCLEAR:
        return wg_sum_at(wg_svdvals_at(a, site), last, site);
    case WG_NORM_2:
        return wg_amax_at(wg_svdvals_at(a, site), last, site);
    case WG_NORM_MINUS_2:
        return wg_amin_at(wg_svdvals_at(a, site), last, site);
    case WG_NORM_1:
        return wg_amax_at(wg_sum_at(wg_abs(a), column, site), last, site);
    case WG_NORM_MINUS_1:
        return wg_amin_at(wg_sum_at(wg_abs(a), column, site), last, site);
    case WG_NORM_INF:
        return wg_amax_at(wg_sum_at(wg_abs(a), last, site), last, site);
    case WG_NORM_MINUS_INF:
        return wg_amin_at(wg_sum_at(wg_abs(a), last, site), last, site);
    }
    wg_tape_fail(a.tape, WG_ERROR_ARGUMENT, "matrix_norm", site, "there is no norm %d", (int)which);
    return broken(a);
}

wg_var wg_cond_at(wg_var a, wg_matrix_norms which, const char *site) {
    const bool by_values = which == WG_NORM_2 || which == WG_NORM_MINUS_2;
    if (!are_matrices(a, !by_values, "cond", site)) {
        return broken(a);
    }
    if (!by_values) {
        return wg_mul(wg_matrix_norm_at(a, which, site),
                      wg_matrix_norm_at(wg_inverse_at(a, site), which, site));
    }
    const wg_axes last = {.count = 1, .axis = {-1}};
    const wg_var s = wg_svdvals_at(a, site);
    const wg_var most = wg_amax_at(s, last, site), least = wg_amin_at(s, last, site);
    return which == WG_NORM_2 ? wg_div(most, least) : wg_div(least, most);
}
