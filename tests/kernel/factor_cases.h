/* factor_cases.h: the tests of test_factor.c in the type FT. */
#if !defined(FT_TEST)
#define FT_TEST_2(name, type) name##_##type
#define FT_TEST_1(name, type) FT_TEST_2(name, type)
#define FT_TEST(name) FT_TEST_1(name, FT)
#endif

/* The greatest element of A B - C, C = 1 where it is NULL. */
static double FN(residual)(int64_t m, int64_t n, int64_t k, const FT *a, const FT *b, int64_t b_row,
                           int64_t b_column, const FT *c) {
    double worst = 0;
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            double sum = c != NULL ? -(double)c[i * n + j] : i == j ? -1 : 0;
            for (int64_t l = 0; l < k; l++) {
                sum += (double)a[i * k + l] * (double)b[l * b_row + j * b_column];
            }
            worst = fabs(sum) <= worst ? worst : fabs(sum);
        }
    }
    return worst;
}

/* All factorizations of one random matrix into `to`, 6 M N elements. */
static void FN(factor_all)(const FT *from, FT *to) {
    int64_t size = wg_kernel_svd_work(M, N);
    size = wg_kernel_eigh_work(N) > size ? wg_kernel_eigh_work(N) : size;
    FT *work = wg_alloc((size_t)(size + M * N + N) * sizeof(FT)), *a = work + size;
    const size_t bytes = (size_t)(M * N) * sizeof(FT);
    memset(to, 0, 6 * bytes);
    memcpy(a, from, bytes);
    cr_assert(FN(wg_kernel_qr)(M, N, a, to, to + M * N, work));
    memcpy(a, from, bytes);
    cr_assert_eq(FN(wg_kernel_svd)(M, N, a, to + 2 * M * N, to + 4 * M * N, to + 3 * M * N, work),
                 0);
    for (int64_t i = 0; i < N; i++) {
        for (int64_t j = 0; j <= i; j++) {
            a[i * N + j] = a[j * N + i] = from[i * N + j] + (i == j ? 2 * N : 0);
        }
    }
    FT *l = to + 4 * M * N + N, *values = to + 5 * M * N - N;
    memcpy(l, a, (size_t)(N * N) * sizeof(FT));
    cr_assert_eq(FN(wg_kernel_cholesky)(N, l, N, work), 0);
    for (int64_t i = 0; i < N; i++) {
        memset(l + i * N + i + 1, 0, (size_t)(N - 1 - i) * sizeof(FT));
    }
    cr_assert_eq(FN(wg_kernel_eigh)(N, a, values, to + 5 * M * N, work), 0);
    wg_free(work);
}

/* What factor_all wrote to `to` belongs to the matrix `all`; spare: 2 M N elements. */
static void FN(check_all)(const FT *all, const FT *to, FT *spare) {
    const double limit = 100 * FT_EPSILON;
    const FT *q = to, *r = to + M * N, *u = to + 2 * M * N, *v = to + 3 * M * N,
             *s = to + 4 * M * N;
    cr_expect_lt(FN(residual)(M, N, N, q, r, N, 1, all), limit);
    FT *turned = spare;
    for (int k = 0; k < 2; k++) { /* Qᵀ Q and Uᵀ U, then U S */
        for (int64_t i = 0; i < M * N; i++) {
            turned[i % N * M + i / N] = k == 0 ? q[i] : u[i];
        }
        cr_expect_lt(FN(residual)(N, N, M, turned, k == 0 ? q : u, N, 1, NULL), limit);
    }
    for (int64_t i = 0; i < M * N; i++) {
        turned[i] = u[i] * s[i % N];
    }
    cr_expect_lt(FN(residual)(M, N, N, turned, v, 1, N, all), 3 * limit);
    cr_expect_lt(FN(residual)(N, N, N, v, v, 1, N, NULL), limit);
    const FT *l = s + N, *values = to + 5 * M * N - N, *vectors = values + N;
    FT *sym = spare, *scaled = sym + N * N;
    for (int64_t i = 0; i < N; i++) {
        for (int64_t j = 0; j <= i; j++) {
            sym[i * N + j] = sym[j * N + i] = all[i * N + j] + (i == j ? 2 * N : 0);
        }
    }
    cr_expect_lt(FN(residual)(N, N, N, l, l, 1, N, sym), N * limit);
    for (int64_t i = 0; i < N * N; i++) {
        scaled[i] = vectors[i] * values[i % N];
    }
    cr_expect_lt(FN(residual)(N, N, N, scaled, vectors, 1, N, sym), 2 * N * limit);
}

Test(factor, FT_TEST(large_matrices)) {
    const size_t count = 7 * M * N;
    FT *all = wg_alloc(2 * count * sizeof(FT)), *to = all + M * N, *again = all + count;
    uint64_t state = 1;
    for (int64_t i = 0; i < M * N; i++) {
        all[i] = (FT)random_number(&state);
    }
    use_threads(1);
    FN(factor_all)(all, to);
    FN(check_all)(all, to, again);
    static const int threads[] = {2, 5};
    for (int k = 0; k < 2; k++) {
        use_threads(threads[k]);
        FN(factor_all)(all, again);
        cr_expect_eq(memcmp(to, again, 6 * M * N * sizeof(FT)), 0, "%d threads", threads[k]);
    }
    wg_free(all);
}

Test(factor, FT_TEST(large_systems)) {
    FT *all = wg_alloc((size_t)(6 * N * N + N) * sizeof(FT)), *lu = all + N * N;
    FT *b = lu + N * N, *x = b + N * N, *work = x + N * N, *pivots = work + 2 * N * N;
    uint64_t state = 2;
    for (int64_t i = 0; i < 3 * N * N; i++) {
        all[i] = (FT)random_number(&state);
    }
    for (int64_t i = 0; i < N; i++) { /* well-conditioned, with exchanges */
        all[i * N + (i * 7 + 3) % N] += N;
    }
    static const int threads[] = {1, 2, 5};
    for (int k = 0; k < 3; k++) {
        use_threads(threads[k]);
        memcpy(lu, all, N * N * sizeof(FT));
        cr_assert_eq(FN(wg_kernel_lu)(N, lu, N, pivots, work), 0);
        memcpy(k == 0 ? x : work + N * N, b, N * N * sizeof(FT));
        cr_assert(
            FN(wg_kernel_lu_solve)(false, N, N, lu, N, pivots, k == 0 ? x : work + N * N, N, work));
        cr_expect(k == 0 || memcmp(x, work + N * N, N * N * sizeof(FT)) == 0);
    }
    cr_expect_lt(FN(residual)(N, N, N, all, x, N, 1, b), 1000 * FT_EPSILON);
    wg_free(all);
}

static void FN(expect_like)(const FT *x, const FT *y, int64_t count, const char *what) {
    for (int64_t i = 0; i < count; i++) {
        cr_assert(fabs((double)(x[i] - y[i])) <= 1000 * FT_EPSILON, "%s: element %d: %g and %g",
                  what, (int)i, (double)x[i], (double)y[i]);
    }
}

/* Both tables on the same operands, of odd sizes. */
static void FN(compare)(const FN(wg_factor_parts) * p, const FN(wg_factor_parts) * q, int64_t n) {
    FT a[2][41 * 41], x[2][41 * 3], pivots[2][8];
    const FT one[2] = {(FT)0.6, (FT)0.8};
    uint64_t state = (uint64_t)n;
    FT cs[80];
    for (int i = 0; i < 80; i++) {
        cs[i] = one[i % 2];
    }
    for (int which = 0; which < 7; which++) {
        for (int64_t i = 0; i < 41 * 41; i++) {
            a[0][i] = a[1][i] = (FT)(random_number(&state) + (i % 42 == 0 ? 41 : 0));
        }
        for (int64_t i = 0; i < 41 * 3; i++) {
            x[0][i] = x[1][i] = (FT)random_number(&state);
        }
        for (int k = 0; k < 2; k++) {
            const FN(wg_factor_parts) *t = k == 0 ? p : q;
            FT *v = x[k], *w = v + 41, *y = w + 41;
            const int64_t few = n < 8 ? n : 8, some = n < 32 ? n : 32;
            switch (which) {
            case 0:
                t->cholesky(some, a[k], 41);
                break;
            case 1:
                t->lu(n, few, a[k], 41, pivots[k], 0);
                break;
            case 2:
                t->solve(n % 2 == 0, false, few, n, a[k], 41, 1, a[k] + 8 * 41, 41);
                break;
            case 3:
                t->reflect(n, n, v, 1, 1, a[k], 41, w);
                break;
            case 4:
                t->update_product(n, n, a[k], 41, v, w, w, v, v, y);
                break;
            case 5:
                t->update_transposed(n, n, a[k], 41, v, w, w, v, v, y);
                break;
            default:
                t->rotate(n - 1, cs, a[k] + (n - 1) * 41, -41, some);
                break;
            }
        }
        FN(expect_like)(a[0], a[1], 41 * 41, "matrix");
        FN(expect_like)(x[0], x[1], 41 * 3, "vectors");
        cr_assert(fabs((double)(p->dot(n, a[0], a[0]) - q->dot(n, a[0], a[0]))) <=
                  1e5 * FT_EPSILON);
    }
}

Test(factor, FT_TEST(instruction_sets_agree)) {
    for (int index = 1; index < 3; index++) {
        const FN(wg_factor_parts) *parts = FN(wg_factor_parts_at)(index);
        for (int64_t n = 1; n <= 33 && parts != NULL; n++) {
            FN(compare)(FN(wg_factor_parts_at)(0), parts, n);
        }
    }
}
