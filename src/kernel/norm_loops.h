/* norm_loops.h (internal): the loops of norm.c for one type and one instruction set: T, V_BYTES and
 * LOOP(name) are the includer's, TARGET stands before each function.
 *
 * Sums run in lanes over stretches of STRETCH elements, and from stretch to stretch in double. */

#include "kernel/lanes.h"

/* to[0] = the sum of P, to[1] = the sum of Q over all j < n; both name an element of an array p as
 * AT(p, j). */
#define FOLD(n, P, Q, to)                                                                          \
    (to)[0] = (to)[1] = 0;                                                                         \
    for (int64_t first = 0; first < (n); first += STRETCH) {                                       \
        const int64_t end = (n)-first < STRETCH ? (n) : first + STRETCH;                           \
        V p0 = ZERO, p1 = ZERO, q0 = ZERO, q1 = ZERO;                                              \
        int64_t j = first;                                                                         \
        for (; j + 2 * LANES <= end; j += 2 * LANES) {                                             \
            p0 += P(WIDE, j);                                                                      \
            q0 += Q(WIDE, j);                                                                      \
            p1 += P(WIDE, j + LANES);                                                              \
            q1 += Q(WIDE, j + LANES);                                                              \
        }                                                                                          \
        const V p = p0 + p1, q = q0 + q1;                                                          \
        double p_sum = 0, q_sum = 0;                                                               \
        for (; j < end; j++) {                                                                     \
            p_sum += (double)(P(ONE, j));                                                          \
            q_sum += (double)(Q(ONE, j));                                                          \
        }                                                                                          \
        for (int l = 0; l < LANES; l++) {                                                          \
            p_sum += (double)LANE(p, l);                                                           \
            q_sum += (double)LANE(q, l);                                                           \
        }                                                                                          \
        (to)[0] += p_sum;                                                                          \
        (to)[1] += q_sum;                                                                          \
    }

TARGET static double LOOP(sum)(int64_t n, const void *from) {
    const T *x = from;
    double to[2];
#define P(AT, j) AT(x, j)
#define Q(AT, j) AT(x, j)
    FOLD(n, P, Q, to)
#undef P
#undef Q
    return to[0];
}

/* The sums of x - centre and of its square. */
TARGET static void LOOP(moments)(int64_t n, const void *from, double centre, double *to) {
    const T *x = from;
    const T c = (T)centre;
#define P(AT, j) (AT(x, j) - c)
#define Q(AT, j) ((AT(x, j) - c) * (AT(x, j) - c))
    FOLD(n, P, Q, to)
#undef P
#undef Q
}

/* The sums of g w and of g w (x - centre); w NULL: 1. */
TARGET static void LOOP(pull)(int64_t n, const void *from, const void *adjoint, const void *weight,
                              double centre, double *to) {
    const T *x = from, *g = adjoint, *w = weight;
    const T c = (T)centre;
#define P(AT, j) (AT(g, j) * AT(w, j))
#define Q(AT, j) (AT(g, j) * AT(w, j) * (AT(x, j) - c))
    if (w != NULL) {
        FOLD(n, P, Q, to)
        return;
    }
#undef P
#undef Q
#define P(AT, j) AT(g, j)
#define Q(AT, j) (AT(g, j) * (AT(x, j) - c))
    FOLD(n, P, Q, to)
#undef P
#undef Q
}

/* An elementwise loop over j < n: to[j] = (and += where `add`) P. What stands behind x, which comes
 * next as a rule, is fetched meanwhile. */
#define EACH(n, P, g, to, add)                                                                     \
    {                                                                                              \
        int64_t j = 0;                                                                             \
        for (; j + LANES <= (n); j += LANES) {                                                     \
            EXPECT(x + j + (n));                                                                   \
            EXPECT(g + j + (n));                                                                   \
            PUT((to) + j, (add) ? WIDE(to, j) + P(WIDE, j) : P(WIDE, j));                          \
        }                                                                                          \
        for (; j < (n); j++) {                                                                     \
            (to)[j] = (add) ? (to)[j] + P(ONE, j) : P(ONE, j);                                     \
        }                                                                                          \
    }

/* y = xhat w + v with a weight and a bias an element, or where w is NULL one for all. */
TARGET static void LOOP(affine)(int64_t n, const void *from, const double *statistics,
                                const void *weight, const void *bias, double one_weight,
                                double one_bias, void *to) {
    const T *x = from, *w = weight, *v = bias;
    T *y = to;
    const T c = (T)statistics[0], a = (T)statistics[1], b = (T)statistics[2];
    const T all = (T)one_weight, added = (T)one_bias;
#define P(AT, j) (((AT(x, j) - c) * a + b) * all + added)
#define Q(AT, j) (((AT(x, j) - c) * a + b) * AT(w, j) + AT(v, j))
    if (w == NULL) {
        EACH(n, P, x, y, false)
    } else {
        EACH(n, Q, x, y, false)
    }
#undef P
#undef Q
}

/* dx = g w a + (x - centre) b + s, added where `add`; w NULL: 1. */
TARGET static void LOOP(push)(int64_t n, const void *from, const void *adjoint, const void *weight,
                              double centre, const double *factors, void *to, bool add) {
    const T *x = from, *g = adjoint, *w = weight;
    T *dx = to;
    const T c = (T)centre, a = (T)factors[0], b = (T)factors[1], s = (T)factors[2];
#define P(AT, j) (AT(g, j) * a + ((AT(x, j) - c) * b + s))
#define Q(AT, j) (AT(g, j) * AT(w, j) * a + ((AT(x, j) - c) * b + s))
    if (w == NULL) {
        EACH(n, P, g, dx, add)
    } else {
        EACH(n, Q, g, dx, add)
    }
#undef P
#undef Q
}

/* dw += g xhat and db += g over four rows, xhat = (x - centre) a + b; n elements apart. */
TARGET static void LOOP(weigh)(int64_t n, const void *from, const void *adjoint,
                               const double *statistic, void *weight, void *bias) {
    const T *x = from, *g = adjoint;
    T *dw = weight, *db = bias;
    T c[4], a[4], b[4];
    for (int r = 0; r < 4; r++) {
        c[r] = (T)statistic[3 * r];
        a[r] = (T)statistic[3 * r + 1];
        b[r] = (T)statistic[3 * r + 2];
    }
    const T *x1 = x + n, *x2 = x1 + n, *x3 = x2 + n, *g1 = g + n, *g2 = g1 + n, *g3 = g2 + n;
#define XHAT(AT, p, j, r) ((AT(p, j) - c[r]) * a[r] + b[r])
#define WEIGHED(AT, j)                                                                             \
    ((AT(g, j) * XHAT(AT, x, j, 0) + AT(g1, j) * XHAT(AT, x1, j, 1)) +                             \
     (AT(g2, j) * XHAT(AT, x2, j, 2) + AT(g3, j) * XHAT(AT, x3, j, 3)))
#define ADDED(AT, j) ((AT(g, j) + AT(g1, j)) + (AT(g2, j) + AT(g3, j)))
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        EXPECT(x3 + j + n);
        EXPECT(g3 + j + n);
        PUT(dw + j, WIDE(dw, j) + WEIGHED(WIDE, j));
        PUT(db + j, WIDE(db, j) + ADDED(WIDE, j));
    }
    for (; j < n; j++) {
        dw[j] += WEIGHED(ONE, j);
        db[j] += ADDED(ONE, j);
    }
#undef XHAT
#undef WEIGHED
#undef ADDED
}

/* The same over one row. */
TARGET static void LOOP(weigh_one)(int64_t n, const void *from, const void *adjoint,
                                   const double *statistic, void *weight, void *bias) {
    const T *restrict x = from;
    const T *restrict g = adjoint;
    T *restrict dw = weight;
    T *restrict db = bias;
    const T c = (T)statistic[0], a = (T)statistic[1], b = (T)statistic[2];
    for (int64_t j = 0; j < n; j++) {
        dw[j] += g[j] * ((x[j] - c) * a + b);
        db[j] += g[j];
    }
}

/* to += from, which becomes zero. */
TARGET static void LOOP(flush)(int64_t n, void *from, double *restrict to) {
    T *restrict x = from;
    for (int64_t j = 0; j < n; j++) {
        to[j] += (double)x[j];
        x[j] = 0;
    }
}

/* ---- Columns side by side: w of them in `rows` rows, `pitch` elements apart ------------------ */

/* The sums of x - centre and of its square. */
TARGET static void LOOP(columns_moments)(int64_t rows, int64_t pitch, int64_t w, const void *from,
                                         const double *centre, double *sum, double *square) {
    const T *x = from;
    T c[WG_NORM_STRIP];
    for (int64_t j = 0; j < w; j++) {
        c[j] = (T)centre[j];
        sum[j] = square[j] = 0;
    }
    for (int64_t i = 0; i < rows; i++, x += pitch) {
        for (int64_t j = 0; j < w; j++) {
            const double d = (double)(x[j] - c[j]);
            sum[j] += d;
            square[j] += d * d;
        }
    }
}

/* The sums of g and of g (x - centre). */
TARGET static void LOOP(columns_pull)(int64_t rows, int64_t pitch, int64_t w, const void *from,
                                      const void *adjoint, const double *centre, double *p,
                                      double *q) {
    const T *x = from, *g = adjoint;
    T c[WG_NORM_STRIP];
    for (int64_t j = 0; j < w; j++) {
        c[j] = (T)centre[j];
        p[j] = q[j] = 0;
    }
    for (int64_t i = 0; i < rows; i++, x += pitch, g += pitch) {
        for (int64_t j = 0; j < w; j++) {
            p[j] += (double)g[j];
            q[j] += (double)g[j] * (double)(x[j] - c[j]);
        }
    }
}

/* y = ((x - centre) a + b) w + v with these five of each column. */
TARGET static void LOOP(columns_affine)(int64_t rows, int64_t pitch, int64_t w, const void *from,
                                        const double *const *numbers, void *to) {
    const T *x = from;
    T *y = to;
    T f[5][WG_NORM_STRIP];
    for (int64_t j = 0; j < 5 * w; j++) {
        f[j / w][j % w] = (T)numbers[j / w][j % w];
    }
    for (int64_t i = 0; i < rows; i++, x += pitch, y += pitch) {
        for (int64_t j = 0; j < w; j++) {
            y[j] = ((x[j] - f[0][j]) * f[1][j] + f[2][j]) * f[3][j] + f[4][j];
        }
    }
}

/* dx = g a + (x - centre) b + s with centre, a, b and s of each column, added where `add`. */
TARGET static void LOOP(columns_push)(int64_t rows, int64_t pitch, int64_t w, const void *from,
                                      const void *adjoint, const double *const *numbers, void *to,
                                      bool add) {
    const T *x = from, *g = adjoint;
    T *dx = to;
    T f[4][WG_NORM_STRIP];
    for (int64_t j = 0; j < 4 * w; j++) {
        f[j / w][j % w] = (T)numbers[j / w][j % w];
    }
    for (int64_t i = 0; i < rows; i++, x += pitch, g += pitch, dx += pitch) {
        for (int64_t j = 0; j < w && !add; j++) {
            dx[j] = g[j] * f[1][j] + ((x[j] - f[0][j]) * f[2][j] + f[3][j]);
        }
        for (int64_t j = 0; j < w && add; j++) {
            dx[j] += g[j] * f[1][j] + ((x[j] - f[0][j]) * f[2][j] + f[3][j]);
        }
    }
}

#undef EACH
#undef FOLD
#include "kernel/lanes_end.h"

static const wg_norm_loops LOOP(norm) = {
    LOOP(sum),          LOOP(moments),     LOOP(pull),  LOOP(affine),          LOOP(push),
    LOOP(weigh),        LOOP(weigh_one),   LOOP(flush), LOOP(columns_moments), LOOP(columns_affine),
    LOOP(columns_pull), LOOP(columns_push)};
