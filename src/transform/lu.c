/* lu.c: LU factors of small matrices, with partial pivoting. */
#include "transform/linear.h"

#include <math.h>

int64_t wg_lu_factor(int64_t n, double *a, int64_t *pivot) {
    double largest = 0;
    for (int64_t i = 0; i < n * n; i++) {
        largest = fabs(a[i]) > largest ? fabs(a[i]) : largest;
    }
    const double least = largest * (double)n * 0x1p-52; /* what rounding leaves of a zero */
    for (int64_t k = 0; k < n; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++) {
            best = fabs(a[i * n + k]) > fabs(a[best * n + k]) ? i : best;
        }
        pivot[k] = best;
        if (!(fabs(a[best * n + k]) > least)) {
            return k;
        }
        for (int64_t j = 0; j < n && best != k; j++) {
            const double kept = a[k * n + j];
            a[k * n + j] = a[best * n + j];
            a[best * n + j] = kept;
        }
        for (int64_t i = k + 1; i < n; i++) {
            const double factor = a[i * n + k] /= a[k * n + k];
            for (int64_t j = k + 1; j < n && factor != 0; j++) {
                a[i * n + j] -= factor * a[k * n + j];
            }
        }
    }
    return -1;
}

static void swap(double *x, int64_t a, int64_t b) {
    const double kept = x[a];
    x[a] = x[b];
    x[b] = kept;
}

void wg_lu_solve(int64_t n, const double *a, const int64_t *pivot, bool transposed, double *x) {
    if (!transposed) {
        for (int64_t k = 0; k < n; k++) {
            swap(x, k, pivot[k]);
        }
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; j < i; j++) {
                x[i] -= a[i * n + j] * x[j];
            }
        }
        for (int64_t i = n - 1; i >= 0; i--) {
            for (int64_t j = i + 1; j < n; j++) {
                x[i] -= a[i * n + j] * x[j];
            }
            x[i] /= a[i * n + i];
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        x[i] /= a[i * n + i];
        for (int64_t j = i + 1; j < n; j++) {
            x[j] -= a[i * n + j] * x[i];
        }
    }
    for (int64_t i = n - 1; i >= 0; i--) {
        for (int64_t j = 0; j < i; j++) {
            x[j] -= a[i * n + j] * x[i];
        }
    }
    for (int64_t k = n - 1; k >= 0; k--) {
        swap(x, k, pivot[k]);
    }
}
