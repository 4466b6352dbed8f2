/* factor_eigh.h (internal): the symmetric eigenproblem in the type FT: reflections to a tridiagonal
 * matrix, then implicit QL (B. Parlett, "The Symmetric Eigenvalue Problem", 1980, chapter 8). */
#include "kernel/factor_reflect.h"
#include "kernel/factor_rotate.h"

/* A = Q T Qᵀ: d, e are T's diagonals, the vectors of Q's reflections the rows of A behind the
 * diagonal. The update by one reflection runs with the product that the next one needs, so that A
 * is passed once a column. */
static void FN(tridiagonalize)(int64_t n, FT *a, FT *d, FT *e, FT *tau, FT *work) {
    FT *w = work, *spare = w + n;
    const FT *v = NULL; /* v and w: what is still to be taken from the rows from k on */
    for (int64_t k = 0; k + 2 < n; k++) {
        const int64_t rest = n - k - 1;
        FT *row = a + k * n + k;
        for (int64_t j = 0; j <= rest && v != NULL; j++) {
            row[j] -= v[0] * w[j] + w[0] * v[j];
        }
        d[k] = row[0];
        FT *x = row + 1;
        tau[k] = FN(reflection_of)(rest, x, 1, &e[k]);
        FN(wg_factor_parts_of)
        ()->update_product(rest, rest, x + n, n, v == NULL ? NULL : v + 1, w + 1, w + 1,
                           v == NULL ? NULL : v + 1, x, spare);
        FT dot = 0;
        for (int64_t i = 0; i < rest; i++) {
            spare[i] *= tau[k];
            dot += spare[i] * x[i];
        }
        for (int64_t i = 0; i < rest; i++) {
            spare[i] -= tau[k] * dot / 2 * x[i];
        }
        v = x;
        FT *kept = w;
        w = spare;
        spare = kept;
    }
    for (int64_t i = n >= 2 ? n - 2 : 0; i < n; i++) { /* the last two rows */
        for (int64_t j = i; j < n; j++) {
            const int64_t p = i - n + 2, q = j - n + 2;
            const FT value = a[i * n + j] - (v != NULL ? v[p] * w[q] + w[p] * v[q] : 0);
            *(i == j ? &d[i] : &e[i]) = value;
        }
    }
}

/* One implicit QL step on rows low to high. */
static void FN(ql_step)(int64_t low, int64_t high, FT *d, FT *e, FN(rotations) * all) {
    FT g = (d[low + 1] - d[low]) / (2 * e[low]);
    const FT root = FT_HYPOT(g, 1);
    g = d[high] - d[low] + e[low] / (g + (g >= 0 ? root : -root));
    FT s = 1, c = 1, p = 0;
    FN(rotations_begin)(all, high - low, high, -1);
    for (int64_t i = high - 1; i >= low; i--) {
        const FT f = s * e[i], b = c * e[i];
        e[i + 1] = FN(rotation_of)(g, f, &c, &s);
        if (e[i + 1] == 0) { /* it falls apart here */
            d[i + 1] -= p;
            e[high] = 0;
            return;
        }
        g = d[i + 1] - p;
        const FT r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        FN(rotations_add)(all, c, s);
    }
    d[low] -= p;
    e[low] = g;
    e[high] = 0;
}

/* d becomes the eigenvalues; `all` rotates Qᵀ's rows to the vectors. e has n elements. */
static bool FN(ql)(int64_t n, FT *d, FT *e, FN(rotations) * all) {
    int64_t left = 60 * n;
    e[n - 1] = 0;
    for (int64_t low = 0; low < n; low++) {
        for (;;) {
            int64_t high = low;
            while (high < n - 1 &&
                   !(FT_ABS(e[high]) <= FT_EPSILON * (FT_ABS(d[high]) + FT_ABS(d[high + 1])) ||
                     FT_ABS(e[high]) <= FT_EPSILON * FT_EPSILON)) {
                high++;
            }
            if (high == low) {
                break;
            }
            if (left-- == 0) {
                return false;
            }
            FN(ql_step)(low, high, d, e, all);
        }
    }
    FN(rotations_flush)(all);
    return true;
}

static inline bool FN(comes_after)(FT x, FT y, bool descending) {
    return descending ? x < y : x > y;
}

/* The order of n numbers, ascending or descending; equal ones stay in their order. */
static void FN(sort_order)(int64_t n, const FT *x, bool descending, FT *order) {
    for (int64_t i = 0; i < n; i++) {
        int64_t at = i;
        while (at > 0 && FN(comes_after)(x[(int64_t)order[at - 1]], x[i], descending)) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = (FT)i;
    }
}

int64_t FN(wg_kernel_eigh)(int64_t n, FT *a, FT *values, FT *vectors, FT *work) {
    FT *d = work, *e = d + n, *tau = e + n, *pair = tau + n, *block = pair + 2 * n;
    FT *pairs = block + REFLECT_WORK(n, n);
    bool finite;
    const FT scale = FN(scale_to_one)(n * n, a, &finite);
    if (!finite) {
        FN(fill)(n, (FT)NAN, values);
        FN(fill)(n * n, (FT)NAN, vectors);
        return 0;
    }
    if (n == 0) {
        return 0;
    }
    FN(tridiagonalize)(n, a, d, e, tau, pair);
    const FN(reflections) q = {a, 1, n, 1, tau};
    if (!FN(form_q)(&q, n > 2 ? n - 2 : 0, n, n, vectors, block)) {
        return WG_FACTOR_MEMORY;
    }
    FN(transpose_square)(n, vectors, a);
    FN(rotations) all = {.n = n, .rows = a, .pairs = pairs, .most = ROTATE_ROOM(n)};
    if (!FN(ql)(n, d, e, &all)) {
        return WG_FACTOR_ENDLESS;
    }
    FT *order = pairs; /* whole numbers */
    FN(sort_order)(n, d, false, order);
    FN(turn_rows)(n, a, NULL);
    for (int64_t j = 0; j < n; j++) {
        const int64_t from = (int64_t)order[j];
        values[j] = scale * d[from];
        for (int64_t i = 0; i < n; i++) {
            vectors[i * n + j] = a[from * n + i];
        }
    }
    return 0;
}
