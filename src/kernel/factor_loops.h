/* factor_loops.h (internal): the loops of factor_parts.h in the type FT, named by FN, with FT_LANES
 * partial sums. The includer has set the target and defines FT_TABLE, the table's name, and
 * FT_FMA(a, b, c), a b + c. */

static int64_t FN(base_cholesky)(int64_t n, FT *a, int64_t row) {
    FT u[WG_FACTOR_BLOCK][WG_FACTOR_BLOCK]; /* Lᵀ, so that its rows are neighbours */
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j <= i; j++) {
            u[j][i] = a[i * row + j];
        }
    }
    for (int64_t j = 0; j < n; j++) {
        if (!(u[j][j] > 0)) {
            return j + 1;
        }
        const FT root = FT_SQRT(u[j][j]), inverse = 1 / root;
        u[j][j] = root;
        for (int64_t i = j + 1; i < n; i++) {
            u[j][i] *= inverse;
        }
        for (int64_t i = j + 1; i < n; i++) {
            const FT f = u[j][i];
            for (int64_t k = i; k < n; k++) {
                u[i][k] = FT_FMA(-f, u[j][k], u[i][k]);
            }
        }
    }
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j <= i; j++) {
            a[i * row + j] = u[j][i];
        }
    }
    return 0;
}

static int64_t FN(base_lu)(int64_t m, int64_t n, FT *a, int64_t row, FT *pivots, int64_t first) {
    int64_t zero = 0;
    for (int64_t j = 0; j < n && j < m; j++) {
        int64_t p = j;
        FT most = FT_ABS(a[j * row + j]);
        for (int64_t i = j + 1; i < m; i++) {
            const FT size = FT_ABS(a[i * row + j]);
            p = size > most ? i : p;
            most = size > most ? size : most;
        }
        pivots[j] = (FT)(first + p);
        if (p != j) {
            for (int64_t k = 0; k < n; k++) {
                const FT kept = a[j * row + k];
                a[j * row + k] = a[p * row + k];
                a[p * row + k] = kept;
            }
        }
        const FT pivot = a[j * row + j];
        if (pivot == 0) {
            zero = zero == 0 ? first + j + 1 : zero;
            continue;
        }
        FT under[WG_FACTOR_PANEL] = {0}; /* the pivot's row, 0 up to the pivot: a whole vector */
        for (int64_t k = j + 1; k < n; k++) {
            under[k] = a[j * row + k];
        }
        for (int64_t i = j + 1; i < m; i++) {
            FT *to = a + i * row;
            const FT f = to[j] / pivot;
            to[j] = f;
            if (n == WG_FACTOR_PANEL) {
                for (int k = 0; k < WG_FACTOR_PANEL; k++) {
                    to[k] = FT_FMA(-f, under[k], to[k]);
                }
            } else {
                for (int64_t k = j + 1; k < n; k++) {
                    to[k] = FT_FMA(-f, under[k], to[k]);
                }
            }
        }
    }
    return zero;
}

/* Substitution for `width` columns of B, whose sums stay in a row of their own. */
static inline void FN(solve_columns)(bool upper, bool unit, int64_t n, int64_t width, const FT *a,
                                     int64_t a_row, int64_t a_column, FT *b, int64_t b_row) {
    for (int64_t step = 0; step < n; step++) {
        const int64_t i = upper ? n - 1 - step : step;
        const int64_t low = upper ? i + 1 : 0, high = upper ? n : i;
        FT sum[2 * FT_LANES];
        for (int64_t k = 0; k < width; k++) {
            sum[k] = b[i * b_row + k];
        }
        for (int64_t j = low; j < high; j++) {
            const FT f = a[i * a_row + j * a_column];
            for (int64_t k = 0; k < width; k++) {
                sum[k] = FT_FMA(-f, b[j * b_row + k], sum[k]);
            }
        }
        const FT pivot = unit ? 1 : a[i * (a_row + a_column)];
        for (int64_t k = 0; k < width; k++) {
            b[i * b_row + k] = unit ? sum[k] : sum[k] / pivot;
        }
    }
}

static void FN(base_solve)(bool upper, bool unit, int64_t n, int64_t k, const FT *a, int64_t a_row,
                           int64_t a_column, FT *b, int64_t b_row) {
    int64_t at = 0;
    for (; at + 2 * FT_LANES <= k; at += 2 * FT_LANES) {
        FN(solve_columns)(upper, unit, n, 2 * FT_LANES, a, a_row, a_column, b + at, b_row);
    }
    if (at + 8 == k) { /* as common in batches of small systems */
        FN(solve_columns)(upper, unit, n, 8, a, a_row, a_column, b + at, b_row);
    } else if (at + 1 == k) {
        FN(solve_columns)(upper, unit, n, 1, a, a_row, a_column, b + at, b_row);
    } else if (at < k) {
        FN(solve_columns)(upper, unit, n, k - at, a, a_row, a_column, b + at, b_row);
    }
}

static FT FN(base_dot)(int64_t n, const FT *x, const FT *y) {
    FT lane[FT_LANES] = {0};
    int64_t i = 0;
    for (; i + FT_LANES <= n; i += FT_LANES) {
        for (int k = 0; k < FT_LANES; k++) {
            lane[k] = FT_FMA(x[i + k], y[i + k], lane[k]);
        }
    }
    for (; i < n; i++) {
        lane[i % FT_LANES] = FT_FMA(x[i], y[i], lane[i % FT_LANES]);
    }
    for (int half = FT_LANES / 2; half > 0; half /= 2) {
        for (int k = 0; k < half; k++) {
            lane[k] += lane[k + half];
        }
    }
    return lane[0];
}

/* y += f x. */
static inline void FN(add_scaled)(int64_t n, FT f, const FT *restrict x, FT *restrict y) {
    for (int64_t i = 0; i < n; i++) {
        y[i] = FT_FMA(f, x[i], y[i]);
    }
}

static void FN(base_reflect)(int64_t m, int64_t n, const FT *v, int64_t v_step, FT tau, FT *a,
                             int64_t row, FT *w) {
    for (int64_t k = 0; k < n; k++) {
        w[k] = 0;
    }
    for (int64_t i = 0; i < m; i++) {
        FN(add_scaled)(n, v[i * v_step], a + i * row, w);
    }
    for (int64_t i = 0; i < m; i++) {
        FN(add_scaled)(n, -tau * v[i * v_step], w, a + i * row);
    }
}

/* One row of the two below: a -= p q + r s. */
static inline void FN(update_row)(int64_t n, FT p, const FT *restrict q, FT r, const FT *restrict s,
                                  FT *restrict a) {
    for (int64_t k = 0; k < n; k++) {
        a[k] = FT_FMA(-p, q[k], FT_FMA(-r, s[k], a[k]));
    }
}

static void FN(base_update_product)(int64_t m, int64_t n, FT *a, int64_t row, const FT *p,
                                    const FT *q, const FT *r, const FT *s, const FT *x, FT *y) {
    for (int64_t i = 0; i < m; i++) {
        if (p != NULL) {
            FN(update_row)(n, p[i], q, r[i], s, a + i * row);
        }
        y[i] = FN(base_dot)(n, a + i * row, x);
    }
}

static void FN(base_update_transposed)(int64_t m, int64_t n, FT *a, int64_t row, const FT *p,
                                       const FT *q, const FT *r, const FT *s, const FT *x, FT *y) {
    for (int64_t k = 0; k < n; k++) {
        y[k] = 0;
    }
    for (int64_t i = 0; i < m; i++) {
        if (p != NULL) {
            FN(update_row)(n, p[i], q, r[i], s, a + i * row);
        }
        FN(add_scaled)(n, x[i], a + i * row, y);
    }
}

static inline void FN(rotate_columns)(int64_t count, const FT *cs, FT *z, int64_t step,
                                      int64_t width) {
    FT carry[WG_FACTOR_CHUNK];
    for (int64_t k = 0; k < width; k++) {
        carry[k] = z[k];
    }
    for (int64_t r = 0; r < count; r++) {
        const FT c = cs[2 * r], s = cs[2 * r + 1];
        FT *p = z + r * step;
        const FT *q = p + step;
        for (int64_t k = 0; k < width; k++) {
            const FT y = q[k];
            p[k] = FT_FMA(c, carry[k], s * y);
            carry[k] = FT_FMA(c, y, -s * carry[k]);
        }
    }
    for (int64_t k = 0; k < width; k++) {
        z[count * step + k] = carry[k];
    }
}

static void FN(base_rotate)(int64_t count, const FT *cs, FT *z, int64_t step, int64_t columns) {
    if (columns == WG_FACTOR_CHUNK) {
        FN(rotate_columns)(count, cs, z, step, WG_FACTOR_CHUNK);
    } else {
        FN(rotate_columns)(count, cs, z, step, columns);
    }
}

const FN(wg_factor_parts) FT_TABLE = {.cholesky = FN(base_cholesky),
                                      .lu = FN(base_lu),
                                      .solve = FN(base_solve),
                                      .reflect = FN(base_reflect),
                                      .dot = FN(base_dot),

                                      .update_product = FN(base_update_product),
                                      .update_transposed = FN(base_update_transposed),
                                      .rotate = FN(base_rotate)};
