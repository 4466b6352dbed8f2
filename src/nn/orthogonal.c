/* orthogonal.c: random matrices with orthonormal rows or columns.
 *
 * The factor Q of a normal matrix, R's diagonal positive, is uniform among them (F. Mezzadri, "How
 * to generate random matrices from the classical compact groups", 2007). Gram-Schmidt makes that
 * diagonal positive by itself; done twice it is orthogonal to rounding ("twice is enough": L.
 * Giraud, J. Langou, M. Rozloznik, 2005). */
#include "kernel/matmul.h"
#include "nn/init.h"

#include <math.h>

/* Rows that leave those before them at a time, by products of matrices. */
#define PANEL 32
#define LANES 8

static double dot(int64_t n, const double *x, const double *y) {
    double lane[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            lane[k] += x[i + k] * y[i + k];
        }
    }
    for (; i < n; i++) {
        sum += x[i] * y[i];
    }
    for (int k = 0; k < LANES; k++) {
        sum += lane[k];
    }
    return sum;
}

/* Makes k rows of n elements orthonormal among themselves. */
static void orthonormalise(int64_t k, int64_t n, double *rows) {
    for (int64_t i = 0; i < k; i++) {
        const double *row = rows + i * n;
        const double norm = sqrt(dot(n, row, row));
        for (int64_t c = 0; c < n && norm > 0; c++) {
            rows[i * n + c] /= norm;
        }
        for (int64_t j = i + 1; j < k; j++) {
            double *restrict other = rows + j * n;
            const double along = dot(n, row, other);
            for (int64_t c = 0; c < n; c++) {
                other[c] -= along * row[c];
            }
        }
    }
}

/* Takes from `some` rows what lies along the `done` orthonormal ones. False: no memory. */
static bool leave(int64_t done, int64_t some, int64_t n, const double *q, double *rows,
                  double *along) {
    if (done == 0) {
        return true;
    }
    if (!wg_kernel_matmul_f64(some, done, n, rows, n, 1, q, 1, n, along, done, false)) {
        return false;
    }
    for (int64_t i = 0; i < some * done; i++) {
        along[i] = -along[i];
    }
    return wg_kernel_matmul_f64(some, n, done, along, done, 1, q, n, 1, rows, n, true);
}

/* Makes all k rows of n elements orthonormal. False: no memory. */
static bool gram_schmidt(int64_t k, int64_t n, double *q) {
    double *along = wg_alloc((size_t)(PANEL * k) * sizeof *along);
    bool worked = along != NULL;
    for (int64_t done = 0; done < k && worked; done += PANEL) {
        const int64_t some = k - done < PANEL ? k - done : PANEL;
        double *rows = q + done * n;
        for (int pass = 0; pass < 2 && worked; pass++) {
            worked = leave(done, some, n, q, rows, along);
            orthonormalise(some, n, rows);
        }
    }
    wg_free(along);
    return worked;
}

bool wg_fill_orthogonal(const wg_fill *fill) {
    const wg_view *view = fill->view;
    const double gain = fill->init.a;
    const int64_t count = fill->count, rows = view->shape[0], columns = count / rows;
    const int64_t k = rows < columns ? rows : columns, n = rows < columns ? columns : rows;
    double *q = wg_alloc((size_t)count * sizeof *q);
    if (q == NULL) {
        return false;
    }
    wg_random_normal(fill->key, 0, (size_t)count, 0, 1, q);
    if (!gram_schmidt(k, n, q)) {
        wg_free(q);
        return false;
    }
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
