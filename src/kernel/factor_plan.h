/* factor_plan.h (internal): recursive triangular systems, Cholesky and LU in the type FT. */

/* C -= A B, C m x n, by way of a negated copy of the smaller operand in `work`. */
static bool FN(subtract_product)(int64_t m, int64_t n, int64_t k, const FT *a, int64_t a_row,
                                 int64_t a_column, const FT *b, int64_t b_row, int64_t b_column,
                                 FT *c, int64_t c_row, FT *work) {
    if (m <= n) {
        for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < k; j++) {
                work[i * k + j] = -a[i * a_row + j * a_column];
            }
        }
        return FN(wg_kernel_matmul)(m, n, k, work, k, 1, b, b_row, b_column, c, c_row, true);
    }
    for (int64_t i = 0; i < k; i++) {
        for (int64_t j = 0; j < n; j++) {
            work[i * n + j] = -b[i * b_row + j * b_column];
        }
    }
    return FN(wg_kernel_matmul)(m, n, k, a, a_row, a_column, work, n, 1, c, c_row, true);
}

/* ---- Triangular systems --------------------------------------------------------------------- */

/* Where an order is halved: at a multiple of `block`, so that the pieces are whole blocks. */
static int64_t FN(half_of)(int64_t n, int64_t block) {
    return (n / 2 + block - 1) / block * block < n ? (n / 2 + block - 1) / block * block : n / 2;
}

bool FN(wg_kernel_solve_triangular)(bool upper, bool unit, int64_t n, int64_t k, const FT *a,
                                    int64_t a_row, int64_t a_column, FT *b, int64_t b_row,
                                    FT *work) {
    if (n <= WG_FACTOR_BLOCK) {
        FN(wg_factor_parts_of)()->solve(upper, unit, n, k, a, a_row, a_column, b, b_row);
        return true;
    }
    /* First the part whose unknowns stand alone, then the other without them. */
    const int64_t half = n / 2, first = upper ? half : 0, other = upper ? 0 : half;
    const int64_t n1 = upper ? n - half : half, n2 = n - n1;
    FT *b1 = b + first * b_row, *b2 = b + other * b_row;
    return FN(wg_kernel_solve_triangular)(upper, unit, n1, k, a + first * (a_row + a_column), a_row,
                                          a_column, b1, b_row, work) &&
           FN(subtract_product)(n2, k, n1, a + other * a_row + first * a_column, a_row, a_column,
                                b1, b_row, 1, b2, b_row, work) &&
           FN(wg_kernel_solve_triangular)(upper, unit, n2, k, a + other * (a_row + a_column), a_row,
                                          a_column, b2, b_row, work);
}

/* B (m x n) becomes B L⁻ᵀ. */
static bool FN(solve_right)(int64_t m, int64_t n, const FT *l, int64_t row, FT *b, int64_t b_row,
                            FT *work) {
    if (n > WG_FACTOR_BLOCK) {
        const int64_t half = n / 2;
        return FN(solve_right)(m, half, l, row, b, b_row, work) &&
               FN(subtract_product)(m, n - half, half, b, b_row, 1, l + half * row, 1, row,
                                    b + half, b_row, work) &&
               FN(solve_right)(m, n - half, l + half * (row + 1), row, b + half, b_row, work);
    }
    FT turned[WG_FACTOR_BLOCK][2 * FT_LANES]; /* some rows of B as columns */
    for (int64_t at = 0; at < m; at += 2 * FT_LANES) {
        const int64_t width = m - at < 2 * FT_LANES ? m - at : 2 * FT_LANES;
        FT *to = b + at * b_row;
        for (int64_t i = 0; i < width; i++) {
            for (int64_t j = 0; j < n; j++) {
                turned[j][i] = to[i * b_row + j];
            }
        }
        FN(wg_factor_parts_of)()->solve(false, false, n, width, l, row, 1, turned[0], 2 * FT_LANES);
        for (int64_t i = 0; i < width; i++) {
            for (int64_t j = 0; j < n; j++) {
                to[i * b_row + j] = turned[j][i];
            }
        }
    }
    return true;
}

/* ---- Cholesky ------------------------------------------------------------------------------- */

/* The lower triangle of C (n x n) += negated (n x k) times bᵀ; some of what lies above is touched.
 */
static bool FN(update_lower)(int64_t n, int64_t k, const FT *negated, const FT *b, int64_t b_row,
                             FT *c, int64_t c_row) {
    if (n <= SYRK_BLOCK) {
        return FN(wg_kernel_matmul)(n, n, k, negated, k, 1, b, 1, b_row, c, c_row, true);
    }
    const int64_t half = n / 2;
    return FN(update_lower)(half, k, negated, b, b_row, c, c_row) &&
           FN(wg_kernel_matmul)(n - half, half, k, negated + half * k, k, 1, b, 1, b_row,
                                c + half * c_row, c_row, true) &&
           FN(update_lower)(n - half, k, negated + half * k, b + half * b_row, b_row,
                            c + half * (c_row + 1), c_row);
}

int64_t FN(wg_kernel_cholesky)(int64_t n, FT *a, int64_t row, FT *work) {
    if (n <= WG_FACTOR_BLOCK) {
        return FN(wg_factor_parts_of)()->cholesky(n, a, row);
    }
    const int64_t half = n / 2, rest = n - half;
    FT *under = a + half * row, *corner = under + half;
    int64_t at = FN(wg_kernel_cholesky)(half, a, row, work);
    if (at != 0) {
        return at;
    }
    if (!FN(solve_right)(rest, half, a, row, under, row, work)) {
        return WG_FACTOR_MEMORY;
    }
    for (int64_t i = 0; i < rest; i++) {
        for (int64_t j = 0; j < half; j++) {
            work[i * half + j] = -under[i * row + j];
        }
    }
    if (!FN(update_lower)(rest, half, work, under, row, corner, row)) {
        return WG_FACTOR_MEMORY;
    }
    at = FN(wg_kernel_cholesky)(rest, corner, row, work);
    return at > 0 ? half + at : at;
}

/* ---- LU ------------------------------------------------------------------------------------- */

/* Exchanges rows as pivots[0..count) say, the first of which is row `first`; or back again. */
static void FN(exchange)(bool back, int64_t count, int64_t first, const FT *pivots, int64_t columns,
                         FT *a, int64_t row) {
    for (int64_t step = 0; step < count; step++) {
        const int64_t j = back ? count - 1 - step : step, p = (int64_t)pivots[j] - first;
        FT *x = a + j * row, *y = a + p * row;
        for (int64_t k = 0; k < columns && p != j; k++) {
            const FT kept = x[k];
            x[k] = y[k];
            y[k] = kept;
        }
    }
}

/* Of m x n, m >= n, whose rows are numbered from `first`. */
static int64_t FN(lu_part)(int64_t m, int64_t n, FT *a, int64_t row, FT *pivots, int64_t first,
                           FT *work) {
    if (n <= WG_FACTOR_PANEL) {
        return FN(wg_factor_parts_of)()->lu(m, n, a, row, pivots, first);
    }
    const int64_t half = FN(half_of)(n, WG_FACTOR_PANEL), rest = n - half;
    FT *right = a + half, *under = a + half * row, *corner = under + half;
    const int64_t zero = FN(lu_part)(m, half, a, row, pivots, first, work);
    if (zero < 0) {
        return zero;
    }
    FN(exchange)(false, half, first, pivots, rest, right, row);
    if (!FN(wg_kernel_solve_triangular)(false, true, half, rest, a, row, 1, right, row, work) ||
        !FN(subtract_product)(m - half, rest, half, under, row, 1, right, row, 1, corner, row,
                              work)) {
        return WG_FACTOR_MEMORY;
    }
    const int64_t later =
        FN(lu_part)(m - half, rest, corner, row, pivots + half, first + half, work);
    if (later < 0) {
        return later;
    }
    FN(exchange)(false, rest, first + half, pivots + half, half, under, row);
    return zero != 0 ? zero : later;
}

int64_t FN(wg_kernel_lu)(int64_t n, FT *a, int64_t row, FT *pivots, FT *work) {
    return FN(lu_part)(n, n, a, row, pivots, 0, work);
}

bool FN(wg_kernel_lu_solve)(bool transposed, int64_t n, int64_t k, const FT *lu, int64_t row,
                            const FT *pivots, FT *b, int64_t b_row, FT *work) {
    if (transposed) { /* Aᵀ = Uᵀ Lᵀ P */
        if (!FN(wg_kernel_solve_triangular)(false, false, n, k, lu, 1, row, b, b_row, work) ||
            !FN(wg_kernel_solve_triangular)(true, true, n, k, lu, 1, row, b, b_row, work)) {
            return false;
        }
        FN(exchange)(true, n, 0, pivots, k, b, b_row);
        return true;
    }
    FN(exchange)(false, n, 0, pivots, k, b, b_row);
    return FN(wg_kernel_solve_triangular)(false, true, n, k, lu, row, 1, b, b_row, work) &&
           FN(wg_kernel_solve_triangular)(true, false, n, k, lu, row, 1, b, b_row, work);
}
