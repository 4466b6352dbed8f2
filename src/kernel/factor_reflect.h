/* factor_reflect.h (internal): Householder reflections H = I - tau v vᵀ, v[0] = 1, in the type FT,
 * singly and as blocks H₀ H₁ … = I - V T Vᵀ (R. Schreiber, C. Van Loan, "A storage-efficient WY
 * representation for products of Householder transformations", SISC 10, 1989). */
#ifndef WG_FACTOR_REFLECT
#define WG_FACTOR_REFLECT
#define REFLECT_BLOCK 32
/* Elements of `work` for a block of reflections of order m on n columns. */
#define REFLECT_WORK(m, n) (REFLECT_BLOCK * ((m) + 2 * (n)) + 2 * REFLECT_BLOCK * REFLECT_BLOCK)
#endif

/* The power of two that brings the greatest element to [1, 2) is taken out of the matrix and
 * returned; 1 where there is none. *finite says whether all elements are. */
static inline FT FN(scale_to_one)(int64_t count, FT *a, bool *finite) {
    FT most = 0, sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const FT size = FT_ABS(a[i]);
        most = size > most ? size : most;
        sum += size * 0; /* NaN where an element is not finite */
    }
    *finite = sum == 0;
    if (!*finite || most == 0) {
        return 1;
    }
    int exponent;
    (void)frexp((double)most, &exponent);
    exponent--;
    for (int half = 0; half < 2; half++) { /* in two steps, each of which has an inverse */
        const FT factor = (FT)ldexp(1, half == 0 ? -exponent / 2 : -exponent - -exponent / 2);
        for (int64_t i = 0; i < count; i++) {
            a[i] *= factor;
        }
    }
    return (FT)ldexp(1, exponent);
}

/* Makes x[0], x[step], … the vector of the reflection that turns x into beta e₀; x[0] is then 1.
 * Returns tau. */
static inline FT FN(reflection_of)(int64_t n, FT *x, int64_t step, FT *beta) {
    FT sum = 0;
    for (int64_t i = 1; i < n; i++) {
        sum += x[i * step] * x[i * step];
    }
    const FT first = x[0];
    x[0] = 1;
    *beta = first;
    if (sum == 0) {
        for (int64_t i = 1; i < n; i++) {
            x[i * step] = 0;
        }
        return 0;
    }
    const FT size = FT_SQRT(first * first + sum);
    *beta = first > 0 ? -size : size;
    const FT divisor = first - *beta;
    for (int64_t i = 1; i < n; i++) {
        x[i * step] /= divisor;
    }
    return (*beta - first) / *beta;
}

/* T of the block whose vectors are the columns of V (m x nb). */
static inline bool FN(block_factor)(int64_t m, int64_t nb, const FT *v, const FT *tau, FT *t,
                                    FT *gram) {
    if (!FN(wg_kernel_matmul)(nb, nb, m, v, 1, nb, v, nb, 1, gram, nb, false)) {
        return false;
    }
    for (int64_t j = 0; j < nb; j++) {
        for (int64_t i = 0; i < nb; i++) {
            FT sum = 0;
            for (int64_t k = i; k < j; k++) {
                sum += t[i * nb + k] * gram[k * nb + j];
            }
            t[i * nb + j] = i < j ? -tau[j] * sum : i == j ? tau[j] : 0;
        }
    }
    return true;
}

/* C (m x n) becomes (I - V T Vᵀ) C, or its transpose times C; work: 2 nb n elements. */
static inline bool FN(block_apply)(bool transposed, int64_t m, int64_t nb, const FT *v, const FT *t,
                                   int64_t n, FT *c, int64_t c_row, FT *work) {
    FT *w = work, *tw = work + nb * n;
    if (!FN(wg_kernel_matmul)(nb, n, m, v, 1, nb, c, c_row, 1, w, n, false) ||
        !FN(wg_kernel_matmul)(nb, n, nb, t, transposed ? 1 : nb, transposed ? nb : 1, w, n, 1, tw,
                              n, false)) {
        return false;
    }
    for (int64_t i = 0; i < nb * n; i++) {
        tw[i] = -tw[i];
    }
    return FN(wg_kernel_matmul)(m, n, nb, v, nb, 1, tw, n, 1, c, c_row, true);
}

/* Reflections that lie in a matrix: element i of vector k at at[i * element + k * vector], of which
 * those before i = k + offset count as 0 and that one as 1. */
typedef struct FN(reflections) {
    const FT *at;
    int64_t element, vector, offset;
    const FT *tau;
} FN(reflections);

/* Vectors [first, first + nb) as columns of V, from row first + offset on to m. */
static inline void FN(gather_block)(const FN(reflections) * from, int64_t m, int64_t first,
                                    int64_t nb, FT *v) {
    const int64_t top = first + from->offset;
    for (int64_t i = 0; i < m - top; i++) {
        for (int64_t k = 0; k < nb; k++) {
            v[i * nb + k] = i < k ? 0
                            : i == k
                                ? 1
                                : from->at[(top + i) * from->element + (first + k) * from->vector];
        }
    }
}

/* The first n columns of H₀ H₁ … H_count-1 (m x m) into q (m x n); work: REFLECT_WORK(m, n). */
static inline bool FN(form_q)(const FN(reflections) * from, int64_t count, int64_t m, int64_t n,
                              FT *q, FT *work) {
    FT *v = work, *w = v + REFLECT_BLOCK * m, *t = w + 2 * REFLECT_BLOCK * n,
       *gram = t + REFLECT_BLOCK * REFLECT_BLOCK;
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            q[i * n + j] = i == j;
        }
    }
    for (int64_t blocks = (count + REFLECT_BLOCK - 1) / REFLECT_BLOCK; blocks > 0; blocks--) {
        const int64_t first = (blocks - 1) * REFLECT_BLOCK, top = first + from->offset;
        const int64_t nb = count - first < REFLECT_BLOCK ? count - first : REFLECT_BLOCK;
        FN(gather_block)(from, m, first, nb, v);
        if (!FN(block_factor)(m - top, nb, v, from->tau + first, t, gram) ||
            !FN(block_apply)(false, m - top, nb, v, t, n - top, q + top * n + top, n, w)) {
            return false;
        }
    }
    return true;
}

/* Makes the first component of greatest size in each row of `rows` (n x n) positive; the same rows
 * of `other` (may be NULL) change with them. */
static inline void FN(turn_rows)(int64_t n, FT *rows, FT *other) {
    for (int64_t i = 0; i < n; i++) {
        FT *row = rows + i * n, most = 0;
        bool negative = false;
        for (int64_t k = 0; k < n; k++) {
            if (FT_ABS(row[k]) > most) {
                most = FT_ABS(row[k]);
                negative = row[k] < 0;
            }
        }
        for (int64_t k = 0; k < n && negative; k++) {
            row[k] = -row[k];
            if (other != NULL) {
                other[i * n + k] = -other[i * n + k];
            }
        }
    }
}

static inline void FN(transpose_square)(int64_t n, const FT *from, FT *to) {
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) {
            to[j * n + i] = from[i * n + j];
        }
    }
}

static inline void FN(fill)(int64_t count, FT value, FT *to) {
    for (int64_t i = 0; i < count; i++) {
        to[i] = value;
    }
}
