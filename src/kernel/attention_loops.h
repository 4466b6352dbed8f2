/* attention_loops.h (internal): the loops of attention for one type and one instruction set: T,
 * V_BYTES, LOOP(name), and of the type FMA(a, b, c) where the set has it, I (a whole number of its
 * size), MANTISSA, LEAST (below which 2^x is zero), ROUND and EXP_POLYNOMIAL are the includer's,
 * TARGET stands before each function. */
#include "kernel/lanes.h"

#if defined(__GNUC__)
typedef I LOOP(bits) __attribute__((vector_size(V_BYTES)));
/* a where `where` (all bits set), else b. */
#define PICK(where, a, b)                                                                          \
    ((V)(((LOOP(bits))(where) & (LOOP(bits))(a)) | (~(LOOP(bits))(where) & (LOOP(bits))(b))))
#define SHIFTED(v) ((V)((LOOP(bits))(v) << MANTISSA))
#define SUM_OF_BITS(a, b) ((V)((LOOP(bits))(a) + (LOOP(bits))(b)))
#else
static inline I LOOP(to_bits)(T x) {
    I bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline T LOOP(of_bits)(I bits) {
    T x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
#define PICK(where, a, b) ((where) ? (a) : (b))
#define SHIFTED(v) LOOP(of_bits)(LOOP(to_bits)(v) << MANTISSA)
#define SUM_OF_BITS(a, b) LOOP(of_bits)(LOOP(to_bits)(a) + LOOP(to_bits)(b))
#endif

/* to = 2^x, zero below LEAST: x = n + r, 2^r = exp(r ln 2), and n goes into the exponent. */
#define EXP2(x, to)                                                                                \
    {                                                                                              \
        const V cut = PICK((x) < SPLAT(LEAST), SPLAT(LEAST), (x));                                 \
        const V lifted = cut + ROUND, r = (cut - (lifted - ROUND)) * (T)0.6931471805599453;        \
        const V power_of = SUM_OF_BITS(1 + (r + r * r * EXP_POLYNOMIAL(r)), SHIFTED(lifted));      \
        (to) = PICK((x) == (x), power_of, (x)); /* NaN stays */                                    \
    }

/* The exponents of a row in place, minus infinity behind `seen` to the end of a vector. Returns up
 * to where. */
#define EXPONENTS                                                                                  \
    int64_t end = 0;                                                                               \
    const T log2e = (T)1.4426950408889634;                                                         \
    for (; end < seen; end += LANES) {                                                             \
        PUT(s + end, mask != NULL ? WIDE(s, end) * factor + WIDE(mask, end) * log2e                \
                                  : WIDE(s, end) * factor);                                        \
    }                                                                                              \
    for (int64_t j = seen; j < end; j++) {                                                         \
        s[j] = -(T)INFINITY;                                                                       \
    }

TARGET static double LOOP(open)(int64_t seen, int64_t n, T *s, T factor, const T *mask, T *top) {
    EXPONENTS
    V most = SPLAT(*top), sum = ZERO;
    for (int64_t j = 0; j < end; j += LANES) {
        most = PICK(WIDE(s, j) > most, WIDE(s, j), most);
    }
    T lane[LANES];
    PUT(lane, most);
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) {
            lane[l] = lane[l] > lane[l + half] ? lane[l] : lane[l + half];
        }
    }
    *top = lane[0];
    const T base = *top == -(T)INFINITY ? 0 : *top;
    for (int64_t j = 0; j < end; j += LANES) {
        const V x = WIDE(s, j) - base;
        V power;
        EXP2(x, power)
        PUT(s + j, power);
        sum += power;
    }
    for (int64_t j = end; j < n; j++) {
        s[j] = 0;
    }
    PUT(lane, sum);
    double all = 0;
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) {
            lane[l] += lane[l + half];
        }
    }
    all = (double)lane[0];
    return all;
}

TARGET static void LOOP(close)(int64_t seen, int64_t n, T *s, T *ds, T factor, const T *mask,
                               const T *kept, T delta, T scale) {
    const T top = kept[0], over = kept[1];
    EXPONENTS
    for (int64_t j = 0; j < end; j += LANES) {
        const V x = WIDE(s, j) - top;
        V power;
        EXP2(x, power)
        power *= over;
        PUT(s + j, power);
        PUT(ds + j, power * (WIDE(ds, j) - delta) * scale);
    }
    for (int64_t j = end; j < n; j++) {
        s[j] = ds[j] = 0;
    }
}

TARGET static double LOOP(dot)(int64_t n, const T *x, const T *y) {
    V sum = ZERO;
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        sum += WIDE(x, j) * WIDE(y, j);
    }
    T lane[LANES];
    PUT(lane, sum);
    double all = 0;
    for (int l = 0; l < LANES; l++) {
        all += (double)lane[l];
    }
    for (; j < n; j++) {
        all += (double)x[j] * (double)y[j];
    }
    return all;
}

TARGET static void LOOP(scale)(int64_t n, T factor, T *x) {
    for (int64_t j = 0; j < n; j++) {
        x[j] *= factor;
    }
}

TARGET static void LOOP(add)(int64_t n, const T *restrict from, T *restrict to) {
    for (int64_t j = 0; j < n; j++) {
        to[j] += from[j];
    }
}

#define LOOP_ROWS                                                                                  \
    { LOOP(open), LOOP(close), LOOP(dot), LOOP(scale), LOOP(add) }

static const LOOPS_TYPE LOOP(attention) = LOOP_ROWS;

#undef PICK
#undef SHIFTED
#undef SUM_OF_BITS
#undef EXP2
#undef EXPONENTS
#undef LOOP_ROWS
#include "kernel/lanes_end.h"
