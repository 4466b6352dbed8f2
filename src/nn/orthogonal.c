/* orthogonal.c: random matrices with orthonormal rows or columns.
 *
 * The factor Q of a normal matrix, R's diagonal positive, is uniform among them (F. Mezzadri, "How
 * to generate random matrices from the classical compact groups", 2007). Gram-Schmidt makes that
 * diagonal positive by itself; done twice it is orthogonal to rounding ("twice is enough": L.
 * Giraud, J. Langou, M. Rozloznik, 2005). */
#include "nn/store.h"

#include <math.h>

static double dot(int64_t n, const double *x, const double *y) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
        sum += x[i] * y[i];
    }
    return sum;
}

/* Makes the k rows of n elements orthonormal. Rows behind the present one do not depend on each
 * other: threads share them, and the result does not depend on how. */
static void orthonormalise(int64_t k, int64_t n, double *q) {
    for (int64_t i = 0; i < k; i++) {
        double *row = q + i * n;
        const double norm = sqrt(dot(n, row, row));
        for (int64_t c = 0; c < n && norm > 0; c++) {
            row[c] /= norm;
        }
#pragma omp parallel for if ((k - i) * n >= 65536)
        for (int64_t j = i + 1; j < k; j++) {
            double *other = q + j * n;
            const double along = dot(n, row, other);
            for (int64_t c = 0; c < n; c++) {
                other[c] -= along * row[c];
            }
        }
    }
}

bool wg_init_fill_orthogonal(wg_key key, const wg_view *view, double gain) {
    const int64_t count = wg_view_count(view), rows = view->shape[0], columns = count / rows;
    const int64_t k = rows < columns ? rows : columns, n = rows < columns ? columns : rows;
    double *q = wg_alloc((size_t)count * sizeof *q);
    if (q == NULL) {
        return false;
    }
    wg_random_normal(key, 0, (size_t)count, 0, 1, q);
    orthonormalise(k, n, q);
    orthonormalise(k, n, q);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < columns; c++) {
            const double value = gain * (rows <= columns ? q[r * n + c] : q[c * n + r]);
            if (view->dtype == WG_F32) {
                ((float *)view->data)[r * columns + c] = (float)value;
            } else {
                ((double *)view->data)[r * columns + c] = value;
            }
        }
    }
    wg_free(q);
    return true;
}
