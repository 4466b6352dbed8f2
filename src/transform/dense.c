/* dense.c: linear systems whose matrix is there. */
#include "transform/linear.h"

#include "kernel/factor.h"

#include <math.h>

size_t wg_dense_space(int64_t n) {
    const int64_t factor = wg_kernel_lu_work(n), solve = wg_kernel_solve_work(n, 1);
    return (size_t)(n + (factor > solve ? factor : solve) + 1);
}

int64_t wg_dense_factor(int64_t n, double *a, double *space) {
    double largest = 0;
    for (int64_t i = 0; i < n * n; i++) {
        largest = fabs(a[i]) <= largest ? largest : fabs(a[i]);
    }
    const double least = largest * (double)n * 0x1p-52; /* what rounding leaves of a zero */
    if (n > 0 && wg_kernel_lu_f64(n, a, n, space, space + n) == WG_FACTOR_MEMORY) {
        return WG_FACTOR_MEMORY;
    }
    for (int64_t k = 0; k < n; k++) {
        if (!(fabs(a[k * n + k]) > least)) {
            return k + 1;
        }
    }
    return 0;
}

bool wg_dense_solve(int64_t n, const double *a, double *space, bool transposed, double *x) {
    return n == 0 || wg_kernel_lu_solve_f64(transposed, n, 1, a, n, space, x, 1, space + n);
}
