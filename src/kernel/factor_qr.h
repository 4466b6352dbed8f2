/* factor_qr.h (internal): QR by blocks of Householder reflections, in the type FT. */
#include "kernel/factor_reflect.h"

/* Reflects the columns [0, nb) of a (m x ., rows `row` apart) one by one. */
static void FN(qr_panel)(int64_t m, int64_t nb, FT *a, int64_t row, FT *tau, FT *work) {
    for (int64_t j = 0; j < nb; j++) {
        FT *at = a + j * (row + 1), beta;
        tau[j] = FN(reflection_of)(m - j, at, row, &beta);
        FN(wg_factor_parts_of)()->reflect(m - j, nb - 1 - j, at, row, tau[j], at + 1, row, work);
        *at = beta;
    }
}

bool FN(wg_kernel_qr)(int64_t m, int64_t n, FT *a, FT *q, FT *r, FT *work) {
    FT *tau = work, *v = tau + n, *w = v + REFLECT_BLOCK * m, *t = w + 2 * REFLECT_BLOCK * n,
       *gram = t + REFLECT_BLOCK * REFLECT_BLOCK;
    bool finite;
    const FT scale = FN(scale_to_one)(m * n, a, &finite);
    const FN(reflections) all = {a, n, 1, 0, tau};
    for (int64_t first = 0; first < n; first += REFLECT_BLOCK) {
        const int64_t nb = n - first < REFLECT_BLOCK ? n - first : REFLECT_BLOCK;
        const int64_t rest = n - first - nb;
        FT *at = a + first * (n + 1);
        FN(qr_panel)(m - first, nb, at, n, tau + first, w);
        if (rest == 0) {
            break;
        }
        FN(gather_block)(&all, m, first, nb, v);
        if (!FN(block_factor)(m - first, nb, v, tau + first, t, gram) ||
            !FN(block_apply)(true, m - first, nb, v, t, rest, at + nb, n, w)) {
            return false;
        }
    }
    if (!FN(form_q)(&all, n, m, n, q, v)) {
        return false;
    }
    for (int64_t i = 0; i < n; i++) {
        const bool turn = a[i * n + i] < 0;
        for (int64_t j = 0; j < n; j++) {
            r[i * n + j] = j < i ? 0 : (turn ? -scale : scale) * a[i * n + j];
        }
        for (int64_t k = 0; k < m && turn; k++) {
            q[k * n + i] = -q[k * n + i];
        }
    }
    return true;
}
