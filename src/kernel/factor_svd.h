/* factor_svd.h (internal): singular values in the type FT: QR where there are more rows than
 * columns, reflections to a bidiagonal matrix, then implicit QR with shifts, and without one where
 * that would spoil small values (G. Golub, C. Van Loan, "Matrix Computations", 8.6; J. Demmel,
 * W. Kahan, "Accurate singular values of bidiagonal matrices", SISC 11, 1990). */

/* A (n x n) = Q B Pᵀ: d, e are B's diagonals; the vectors of Q's reflections become the rows of
 * `left`, those of P's the rows of A behind the diagonal. A -= u zᵀ + y vᵀ is put off until the
 * next column passes A anyhow. */
static void FN(bidiagonalize)(int64_t n, FT *a, FT *left, FT *d, FT *e, FT *tau_left, FT *tau_right,
                              FT *work) {
    FT *z = work, *y = z + n, *spare = y + n;
    const FT *u = NULL, *v = NULL; /* of rows and columns from k on */
    const FN(wg_factor_parts) *parts = FN(wg_factor_parts_of)();
    for (int64_t k = 0; k < n; k++) {
        const int64_t rest = n - k - 1;
        FT *corner = a + k * (n + 1), *row = corner + 1, *vector = left + k * (n + 1);
        for (int64_t i = 0; i <= rest; i++) {
            vector[i] = corner[i * n] - (u != NULL ? u[i] * z[0] + y[i] * v[0] : 0);
        }
        tau_left[k] = FN(reflection_of)(rest + 1, vector, 1, &d[k]);
        if (rest == 0) {
            break;
        }
        parts->update_transposed(rest + 1, rest, row, n, u, u != NULL ? z + 1 : NULL, y,
                                 v != NULL ? v + 1 : NULL, vector, spare);
        for (int64_t j = 0; j < rest; j++) {
            z[j] = tau_left[k] * spare[j];
            row[j] -= z[j];
        }
        tau_right[k] = FN(reflection_of)(rest, row, 1, &e[k]);
        const FT through = parts->dot(rest, z, row);
        parts->update_product(rest, rest, row + n, n, NULL, NULL, NULL, NULL, row, y);
        for (int64_t i = 0; i < rest; i++) {
            y[i] = tau_right[k] * (y[i] - vector[i + 1] * through);
        }
        u = vector + 1;
        v = row;
    }
}

/* The smaller singular value of [f g; 0 h]. */
static FT FN(smaller_of_two)(FT f, FT g, FT h) {
    const FT a = FT_ABS(f), b = FT_ABS(g), c = FT_ABS(h);
    const FT low = a < c ? a : c, high = a < c ? c : a;
    if (low == 0) {
        return 0;
    }
    const FT p = 1 + low / high, q = (high - low) / high;
    if (b < high) {
        const FT r = (b / high) * (b / high);
        return low * 2 / (FT_SQRT(p * p + r) + FT_SQRT(q * q + r));
    }
    const FT r = high / b;
    if (r == 0) {
        return low * high / b;
    }
    return 2 * low * r / (FT_SQRT(1 + p * r * p * r) + FT_SQRT(1 + q * r * q * r));
}

/* One sweep over rows low to high. */
static void FN(bidiagonal_sweep)(int64_t low, int64_t high, FT shift, FT *d, FT *e,
                                 FN(rotations) * right, FN(rotations) * left) {
    FT f = (FT_ABS(d[low]) - shift) * ((d[low] < 0 ? -1 : 1) + shift / d[low]), g = e[low];
    for (int64_t i = low; i < high; i++) {
        FT c, s;
        FT r = FN(rotation_of)(f, g, &c, &s);
        FN(rotations_add)(right, c, s);
        if (i > low) {
            e[i - 1] = r;
        }
        f = c * d[i] + s * e[i];
        e[i] = c * e[i] - s * d[i];
        g = s * d[i + 1];
        d[i + 1] *= c;
        d[i] = FN(rotation_of)(f, g, &c, &s);
        FN(rotations_add)(left, c, s);
        f = c * e[i] + s * d[i + 1];
        d[i + 1] = c * d[i + 1] - s * e[i];
        if (i + 1 < high) {
            g = s * e[i + 1];
            e[i + 1] *= c;
        }
    }
    e[high - 1] = f;
}

/* The same without a shift: exact to the last digits of each value, and takes a zero on the
 * diagonal out. */
static void FN(bidiagonal_sweep_plain)(int64_t low, int64_t high, FT *d, FT *e,
                                       FN(rotations) * right, FN(rotations) * left) {
    FT c = 1, s = 0, old_c = 1, old_s = 0;
    for (int64_t i = low; i < high; i++) {
        const FT r = FN(rotation_of)(d[i] * c, e[i], &c, &s);
        FN(rotations_add)(right, c, s);
        if (i > low) {
            e[i - 1] = old_s * r;
        }
        d[i] = FN(rotation_of)(old_c * r, d[i + 1] * s, &old_c, &old_s);
        FN(rotations_add)(left, old_c, old_s);
    }
    const FT h = d[high] * c;
    d[high] = h * old_c;
    e[high - 1] = h * old_s;
}

/* d becomes the singular values, of either sign and in any order. */
static bool FN(bidiagonal_qr)(int64_t n, FT *d, FT *e, FN(rotations) * right,
                              FN(rotations) * left) {
    int64_t high = n - 1, sweeps = 60 * n;
    while (high > 0) {
        int64_t low = high;
        bool zero = false;
        for (; low > 0; low--) {
            const FT size = FT_ABS(e[low - 1]);
            if (size <= FT_EPSILON / 2 * (FT_ABS(d[low - 1]) + FT_ABS(d[low])) ||
                size <= FT_EPSILON * FT_EPSILON) {
                e[low - 1] = 0;
                break;
            }
        }
        if (low == high) {
            high--;
            continue;
        }
        if (sweeps-- == 0) {
            return false;
        }
        for (int64_t i = low; i <= high; i++) {
            d[i] = FT_ABS(d[i]) <= FT_EPSILON * FT_EPSILON ? 0 : d[i];
            zero = zero || d[i] == 0;
        }
        const FT shift = zero ? 0 : FN(smaller_of_two)(d[high - 1], e[high - 1], d[high]);
        const FT relative = zero ? 0 : shift / d[low];
        FN(rotations_begin)(right, high - low, low, 1);
        FN(rotations_begin)(left, high - low, low, 1);
        if (relative * relative < FT_EPSILON) {
            FN(bidiagonal_sweep_plain)(low, high, d, e, right, left);
        } else {
            FN(bidiagonal_sweep)(low, high, shift, d, e, right, left);
        }
    }
    FN(rotations_flush)(right);
    FN(rotations_flush)(left);
    return true;
}

/* Of a square matrix a, whose scale is taken out; u may not be a. Buffers `left` and `turned` are
 * n x n. */
static int64_t FN(svd_square)(int64_t n, FT *a, FT *u, FT *s, FT *v, FT *left, FT *turned,
                              FT *work) {
    FT *d = work, *e = d + n, *tau_left = e + n, *tau_right = tau_left + n, *three = tau_right + n;
    FT *block = three + 3 * n, *pairs = block + REFLECT_WORK(n, n);
    FN(bidiagonalize)(n, a, left, d, e, tau_left, tau_right, three);
    const FN(reflections) q = {left, 1, n, 0, tau_left}, p = {a, 1, n, 1, tau_right};
    if (!FN(form_q)(&q, n, n, n, u, block) || !FN(form_q)(&p, n - 1, n, n, v, block)) {
        return WG_FACTOR_MEMORY;
    }
    FN(transpose_square)(n, u, left);
    FN(transpose_square)(n, v, turned);
    FN(rotations) right = {.n = n, .rows = turned, .pairs = pairs, .most = ROTATE_ROOM(n)};
    FN(rotations) other = right;
    other.rows = left;
    other.pairs = pairs + 2 * ROTATE_ROOM(n);
    if (!FN(bidiagonal_qr)(n, d, e, &right, &other)) {
        return WG_FACTOR_ENDLESS;
    }
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < n && d[i] < 0; k++) {
            turned[i * n + k] = -turned[i * n + k];
        }
        d[i] = FT_ABS(d[i]);
    }
    FN(turn_rows)(n, turned, left);
    FT *order = pairs; /* whole numbers */
    FN(sort_order)(n, d, true, order);
    for (int64_t j = 0; j < n; j++) {
        const int64_t from = (int64_t)order[j];
        s[j] = d[from];
        for (int64_t i = 0; i < n; i++) {
            u[i * n + j] = left[from * n + i];
            v[i * n + j] = turned[from * n + i];
        }
    }
    return 0;
}

int64_t FN(wg_kernel_svd)(int64_t m, int64_t n, FT *a, FT *u, FT *s, FT *v, FT *work) {
    FT *left = work, *turned = left + n * n, *rest = turned + n * n;
    bool finite;
    const FT scale = FN(scale_to_one)(m * n, a, &finite);
    if (!finite) {
        FN(fill)(m * n, (FT)NAN, u);
        FN(fill)(n, (FT)NAN, s);
        FN(fill)(n * n, (FT)NAN, v);
        return 0;
    }
    if (n == 0) {
        return 0;
    }
    int64_t status;
    if (m == n) {
        status = FN(svd_square)(n, a, u, s, v, left, turned, rest);
    } else {
        FT *q = rest, *r = q + m * n, *small = r + n * n, *more = small + n * n;
        if (!FN(wg_kernel_qr)(m, n, a, q, r, more)) {
            return WG_FACTOR_MEMORY;
        }
        status = FN(svd_square)(n, r, small, s, v, left, turned, more);
        if (status == 0 && !FN(wg_kernel_matmul)(m, n, n, q, n, 1, small, n, 1, u, n, false)) {
            status = WG_FACTOR_MEMORY;
        }
    }
    for (int64_t i = 0; i < n; i++) {
        s[i] *= scale;
    }
    return status;
}
