/* matmul_tile.h (internal): the inner loops of the matrix product, as a template.
 *
 * The including file defines MM_T, MM_SUFFIX, MM_TARGET and, for its instruction set, MM_V
 * (vector), MM_LANES, MM_LOAD, MM_STORE, MM_SPLAT, MM_ADD, MM_FMA(a, b, c), MM_SUM, MM_PUT_SUMS
 * (four sums to memory), MM_MASK_T, MM_MASK(count), MM_LOAD_PART(mask, p), MM_STORE_PART(mask, p,
 * v), MM_EACH_ROW, MM_ROWS, MM_EACH_DOT, MM_DOTS, MM_TABLE. Sums are named variables, not arrays:
 * then every compiler keeps them in registers. */

#define MM_PASTE2(a, b) a##_##b
#define MM_PASTE(a, b) MM_PASTE2(a, b)
#define MM_NAME(name) MM_PASTE(name, MM_SUFFIX)
#if defined(__GNUC__)
#define MM_INLINE static inline __attribute__((always_inline)) MM_TARGET
#define MM_PREFETCH(address) __builtin_prefetch(address, 1)
#else
#define MM_INLINE static inline
#define MM_PREFETCH(address) (void)(address)
#endif

#define MM_EXPECT_DEPTH 48 /* steps that hide the way of C from memory; fewer only queue up */

/* ---- tiles: an outer product a step ---- */

MM_INLINE void MM_NAME(tile)(int rows, bool wide, int64_t columns, int64_t k, const MM_T *a,
                             int64_t a_row, int64_t a_column, const MM_T *b, int64_t b_row, MM_T *c,
                             int64_t c_row, const MM_T *start, int64_t start_row) {
    const MM_MASK_T mask = MM_MASK(wide ? MM_LANES : columns);
#define MM_DECLARE(i) MM_V x##i = MM_SPLAT(0), y##i = MM_SPLAT(0);
    MM_EACH_ROW(MM_DECLARE)
#define MM_EXPECT(i)                                                                               \
    if (i < rows && wide) {                                                                        \
        MM_PREFETCH(c + i * c_row);                                                                \
        MM_PREFETCH(c + i * c_row + MM_LANES);                                                     \
    }
    if (k >= MM_EXPECT_DEPTH) {
        MM_EACH_ROW(MM_EXPECT)
    }
    for (int64_t p = 0; p < k; p++) {
        const MM_V b0 = wide ? MM_LOAD(b) : MM_LOAD_PART(mask, b);
        const MM_V b1 = wide ? MM_LOAD(b + MM_LANES) : b0;
#define MM_STEP(i)                                                                                 \
    if (i < rows) {                                                                                \
        const MM_V s = MM_SPLAT(a[i * a_row]);                                                     \
        x##i = MM_FMA(s, b0, x##i);                                                                \
        if (wide) {                                                                                \
            y##i = MM_FMA(s, b1, y##i);                                                            \
        }                                                                                          \
    }
        MM_EACH_ROW(MM_STEP)
        a += a_column;
        b += b_row;
    }
#define MM_PUT(i)                                                                                  \
    if (i < rows) {                                                                                \
        MM_T *row = c + i * c_row;                                                                 \
        const MM_T *from = start != NULL ? start + i * start_row : NULL;                           \
        if (wide) {                                                                                \
            MM_STORE(row, from != NULL ? MM_ADD(MM_LOAD(from), x##i) : x##i);                      \
            MM_STORE(row + MM_LANES,                                                               \
                     from != NULL ? MM_ADD(MM_LOAD(from + MM_LANES), y##i) : y##i);                \
        } else {                                                                                   \
            const MM_V sum = from != NULL ? MM_ADD(MM_LOAD_PART(mask, from), x##i) : x##i;         \
            MM_STORE_PART(mask, row, sum);                                                         \
        }                                                                                          \
    }
    MM_EACH_ROW(MM_PUT)
}

#define MM_TILES(i)                                                                                \
    MM_TARGET static void MM_NAME(wide##i)(                                                        \
        int64_t columns, int64_t k, const MM_T *a, int64_t a_row, int64_t a_column, const MM_T *b, \
        int64_t b_row, MM_T *c, int64_t c_row, const MM_T *start, int64_t start_row) {             \
        MM_NAME(tile)                                                                              \
        (i + 1, true, columns, k, a, a_row, a_column, b, b_row, c, c_row, start, start_row);       \
    }                                                                                              \
    MM_TARGET static void MM_NAME(narrow##i)(                                                      \
        int64_t columns, int64_t k, const MM_T *a, int64_t a_row, int64_t a_column, const MM_T *b, \
        int64_t b_row, MM_T *c, int64_t c_row, const MM_T *start, int64_t start_row) {             \
        MM_NAME(tile)                                                                              \
        (i + 1, false, columns, k, a, a_row, a_column, b, b_row, c, c_row, start, start_row);      \
    }
MM_EACH_ROW(MM_TILES)

/* ---- inner products where k is contiguous on both sides: no packing ---- */

MM_INLINE void MM_NAME(dots)(int rows, bool four, int64_t k, const MM_T *a, int64_t a_row,
                             const MM_T *b, int64_t b_column, MM_T *c, int64_t c_row,
                             const MM_T *start, int64_t start_row) {
#define MM_DECLARE_DOT(i)                                                                          \
    MM_V d##i##0 = MM_SPLAT(0), d##i##1 = MM_SPLAT(0), d##i##2 = MM_SPLAT(0), d##i##3 = MM_SPLAT(0);
    MM_EACH_DOT(MM_DECLARE_DOT)
    const MM_T *b1 = four ? b + b_column : b, *b2 = four ? b1 + b_column : b;
    const MM_T *b3 = four ? b2 + b_column : b;
/* Rows of A are held and one column of B at a time: 3 rows just fit 16 registers. */
#define MM_HOLD(i) const MM_V s##i = i < rows ? MM_LOAD_DOT(a + i * a_row + p) : MM_SPLAT(0);
#define MM_STEP0(i) d##i##0 = i < rows ? MM_FMA(s##i, v, d##i##0) : d##i##0;
#define MM_STEP1(i) d##i##1 = i < rows ? MM_FMA(s##i, v, d##i##1) : d##i##1;
#define MM_STEP2(i) d##i##2 = i < rows ? MM_FMA(s##i, v, d##i##2) : d##i##2;
#define MM_STEP3(i) d##i##3 = i < rows ? MM_FMA(s##i, v, d##i##3) : d##i##3;
#define MM_STEP_DOTS                                                                               \
    MM_EACH_DOT(MM_HOLD)                                                                           \
    MM_V v = MM_LOAD_DOT(b + p);                                                                   \
    MM_EACH_DOT(MM_STEP0)                                                                          \
    if (four) {                                                                                    \
        v = MM_LOAD_DOT(b1 + p);                                                                   \
        MM_EACH_DOT(MM_STEP1)                                                                      \
        v = MM_LOAD_DOT(b2 + p);                                                                   \
        MM_EACH_DOT(MM_STEP2)                                                                      \
        v = MM_LOAD_DOT(b3 + p);                                                                   \
        MM_EACH_DOT(MM_STEP3)                                                                      \
    }
    int64_t p = 0;
#define MM_LOAD_DOT MM_LOAD
    for (; p + MM_LANES <= k; p += MM_LANES) {
        MM_STEP_DOTS
    }
#undef MM_LOAD_DOT
#define MM_LOAD_DOT(address) MM_LOAD_PART(mask, address)
    if (p < k) {
        const MM_MASK_T mask = MM_MASK(k - p);
        MM_STEP_DOTS
    }
#undef MM_LOAD_DOT
#define MM_PUT_DOT(i)                                                                              \
    if (i < rows) {                                                                                \
        MM_T *row = c + i * c_row;                                                                 \
        const MM_T *from = start != NULL ? start + i * start_row : NULL;                           \
        if (four) {                                                                                \
            MM_PUT_SUMS(row, from, d##i##0, d##i##1, d##i##2, d##i##3);                            \
        } else {                                                                                   \
            row[0] = MM_SUM(d##i##0) + (from != NULL ? from[0] : 0);                               \
        }                                                                                          \
    }
    MM_EACH_DOT(MM_PUT_DOT)
}

#define MM_DOT_FUNCTIONS(i)                                                                        \
    MM_TARGET static void MM_NAME(dot4##i)(int64_t k, const MM_T *a, int64_t a_row, const MM_T *b, \
                                           int64_t b_column, MM_T *c, int64_t c_row,               \
                                           const MM_T *start, int64_t start_row) {                 \
        MM_NAME(dots)(i + 1, true, k, a, a_row, b, b_column, c, c_row, start, start_row);          \
    }                                                                                              \
    MM_TARGET static void MM_NAME(dot1##i)(int64_t k, const MM_T *a, int64_t a_row, const MM_T *b, \
                                           int64_t b_column, MM_T *c, int64_t c_row,               \
                                           const MM_T *start, int64_t start_row) {                 \
        MM_NAME(dots)(i + 1, false, k, a, a_row, b, b_column, c, c_row, start, start_row);         \
    }
MM_EACH_DOT(MM_DOT_FUNCTIONS)

/* ---- a row of C: sums of scaled rows of B, four at a time so that C is read seldom ---- */

MM_INLINE void MM_NAME(axpy_few)(bool four, int64_t n, const MM_T *a, int64_t a_column,
                                 const MM_T *b, int64_t b_row, MM_T *c, const MM_T *start) {
    const MM_V s0 = MM_SPLAT(a[0]), s1 = four ? MM_SPLAT(a[a_column]) : s0;
    const MM_V s2 = four ? MM_SPLAT(a[2 * a_column]) : s0;
    const MM_V s3 = four ? MM_SPLAT(a[3 * a_column]) : s0;
    const MM_T *b1 = four ? b + b_row : b, *b2 = four ? b1 + b_row : b;
    const MM_T *b3 = four ? b2 + b_row : b;
#define MM_COLUMNS(LOAD, STORE)                                                                    \
    MM_V sum = MM_FMA(s0, LOAD(b + j), start != NULL ? LOAD(start + j) : MM_SPLAT(0));             \
    if (four) {                                                                                    \
        sum = MM_FMA(s1, LOAD(b1 + j), sum);                                                       \
        sum = MM_FMA(s2, LOAD(b2 + j), sum);                                                       \
        sum = MM_FMA(s3, LOAD(b3 + j), sum);                                                       \
    }                                                                                              \
    STORE(c + j, sum);
    int64_t j = 0;
    for (; j + MM_LANES <= n; j += MM_LANES) {
        MM_COLUMNS(MM_LOAD, MM_STORE)
    }
    if (j < n) {
        const MM_MASK_T mask = MM_MASK(n - j);
#define MM_LOAD_TAIL(address) MM_LOAD_PART(mask, address)
#define MM_STORE_TAIL(address, value) MM_STORE_PART(mask, address, value)
        MM_COLUMNS(MM_LOAD_TAIL, MM_STORE_TAIL)
    }
}

MM_TARGET static void MM_NAME(axpy)(int64_t n, int64_t k, const MM_T *a, int64_t a_column,
                                    const MM_T *b, int64_t b_row, MM_T *c, const MM_T *start) {
    int64_t p = 0;
    for (; p + 4 <= k; p += 4) {
        MM_NAME(axpy_few)
        (true, n, a + p * a_column, a_column, b + p * b_row, b_row, c, p > 0 ? c : start);
    }
    for (; p < k; p++) {
        MM_NAME(axpy_few)
        (false, n, a + p * a_column, a_column, b + p * b_row, b_row, c, p > 0 ? c : start);
    }
}

/* ---- a short row of C, kept in registers while all rows of B pass ---- */

MM_TARGET static void MM_NAME(stripe)(int64_t n, int64_t k, const MM_T *a, int64_t a_column,
                                      const MM_T *b, int64_t b_row, MM_T *c, const MM_T *start) {
    const int64_t l = MM_LANES;
    for (; n >= 4 * l; n -= 4 * l, b += 4 * l, c += 4 * l) {
        MM_V s0 = MM_SPLAT(0), s1 = s0, s2 = s0, s3 = s0;
        for (int64_t p = 0; p < k; p++) {
            const MM_V s = MM_SPLAT(a[p * a_column]);
            const MM_T *row = b + p * b_row;
            s0 = MM_FMA(s, MM_LOAD(row), s0);
            s1 = MM_FMA(s, MM_LOAD(row + l), s1);
            s2 = MM_FMA(s, MM_LOAD(row + 2 * l), s2);
            s3 = MM_FMA(s, MM_LOAD(row + 3 * l), s3);
        }
        MM_STORE(c, start != NULL ? MM_ADD(MM_LOAD(start), s0) : s0);
        MM_STORE(c + l, start != NULL ? MM_ADD(MM_LOAD(start + l), s1) : s1);
        MM_STORE(c + 2 * l, start != NULL ? MM_ADD(MM_LOAD(start + 2 * l), s2) : s2);
        MM_STORE(c + 3 * l, start != NULL ? MM_ADD(MM_LOAD(start + 3 * l), s3) : s3);
        start = start != NULL ? start + 4 * l : NULL;
    }
    for (; n > 0; n -= l, b += l, c += l) {
        const MM_MASK_T mask = MM_MASK(n < l ? n : l);
        MM_V sum = MM_SPLAT(0);
        for (int64_t p = 0; p < k; p++) {
            sum = MM_FMA(MM_SPLAT(a[p * a_column]), MM_LOAD_PART(mask, b + p * b_row), sum);
        }
        MM_STORE_PART(mask, c, start != NULL ? MM_ADD(MM_LOAD_PART(mask, start), sum) : sum);
        start = start != NULL ? start + l : NULL;
    }
}

/* ---- packing ---- */

MM_INLINE void MM_NAME(pack)(int64_t pitch, int64_t width, int64_t k, const MM_T *from,
                             int64_t across, int64_t along, MM_T *to) {
    if (across == 1) {
        for (int64_t p = 0; p < k; p++, from += along, to += pitch) {
            for (int64_t i = 0; i < width; i += MM_LANES) {
                const int64_t left = width - i;
                MM_STORE(to + i, left >= MM_LANES ? MM_LOAD(from + i)
                                                  : MM_LOAD_PART(MM_MASK(left), from + i));
            }
        }
        return;
    }
/* By squares; the last rows may overlap those before: they write the same numbers again. */
#define MM_PACK_SQUARES(size, TRANSPOSE)                                                           \
    if (along == 1 && width >= size) {                                                             \
        for (int64_t i = 0; i < width; i += size) {                                                \
            const int64_t row = i + size <= width ? i : width - size;                              \
            int64_t p = 0;                                                                         \
            for (; p + size <= k; p += size) {                                                     \
                TRANSPOSE(from + row * across + p, across, to + p * pitch + row, pitch);           \
            }                                                                                      \
            for (; p < k; p++) {                                                                   \
                for (int64_t r = row; r < row + size; r++) {                                       \
                    to[p * pitch + r] = from[r * across + p];                                      \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        return;                                                                                    \
    }
#if defined(MM_TRANSPOSE8)
    MM_PACK_SQUARES(8, MM_TRANSPOSE8)
#endif
#if defined(MM_TRANSPOSE4)
    MM_PACK_SQUARES(4, MM_TRANSPOSE4)
#endif
    for (int64_t p = 0; p < k; p++) {
        for (int64_t i = 0; i < width; i++) {
            to[p * pitch + i] = from[i * across + p * along];
        }
    }
}

MM_TARGET static void MM_NAME(pack_a)(int64_t width, int64_t k, const MM_T *from, int64_t across,
                                      int64_t along, MM_T *to) {
    MM_NAME(pack)(MM_PITCH, width, k, from, across, along, to);
}

MM_TARGET static void MM_NAME(pack_b)(int64_t width, int64_t k, const MM_T *from, int64_t across,
                                      int64_t along, MM_T *to) {
    MM_NAME(pack)(2 * MM_LANES, width, k, from, across, along, to);
}

#include "kernel/conv_tile.h"

#define MM_WIDE(i) MM_NAME(wide##i),
#define MM_NARROW(i) MM_NAME(narrow##i),
#define MM_DOT4(i) MM_NAME(dot4##i),
#define MM_DOT1(i) MM_NAME(dot1##i),
const MM_NAME(wg_matmul_parts) MM_TABLE = {.rows = MM_ROWS,
                                           .lanes = MM_LANES,
                                           .dot_rows = MM_DOTS,
                                           .pitch = MM_PITCH,
                                           .wide = {MM_EACH_ROW(MM_WIDE)},
                                           .narrow = {MM_EACH_ROW(MM_NARROW)},
                                           .dot4 = {MM_EACH_DOT(MM_DOT4)},
                                           .dot1 = {MM_EACH_DOT(MM_DOT1)},
                                           .axpy = MM_NAME(axpy),
                                           .stripe = MM_NAME(stripe),
                                           .pack_a = MM_NAME(pack_a),
                                           .pack_b = MM_NAME(pack_b),
                                           MM_CONV_PARTS};
