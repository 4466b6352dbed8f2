/* conv_tile.h (internal): the inner loops of convolution, as a template beside those of the matrix
 * product (matmul_tile.h, which includes this and says what the macros are).
 *
 * They differ from a matrix product in one thing: a table says where each row of B lies, so that a
 * convolution reads its shifted inputs where they are and nothing is laid out tap by tap. */

/* ---- tiles ---- */

MM_INLINE void MM_NAME(taps)(int rows, bool wide, int64_t k, const MM_T *a, const int64_t *at,
                             const MM_T *b, MM_T *c, int64_t c_row, const MM_T *bias,
                             bool accumulate) {
#define MM_TAP_START(i) MM_V x##i = MM_SPLAT(bias != NULL && i < rows ? bias[i] : 0), y##i = x##i;
    MM_EACH_ROW(MM_TAP_START)
    for (int64_t p = 0; p < k; p++) {
        const MM_V b0 = MM_LOAD(b + at[p]);
        const MM_V b1 = wide ? MM_LOAD(b + at[p] + MM_LANES) : b0;
#define MM_TAP_STEP(i)                                                                             \
    if (i < rows) {                                                                                \
        const MM_V s = MM_SPLAT(a[i]);                                                             \
        x##i = MM_FMA(s, b0, x##i);                                                                \
        if (wide) {                                                                                \
            y##i = MM_FMA(s, b1, y##i);                                                            \
        }                                                                                          \
    }
        MM_EACH_ROW(MM_TAP_STEP)
        a += MM_PITCH;
    }
#define MM_TAP_PUT(i)                                                                              \
    if (i < rows) {                                                                                \
        MM_T *row = c + i * c_row;                                                                 \
        MM_STORE(row, accumulate ? MM_ADD(MM_LOAD(row), x##i) : x##i);                             \
        if (wide) {                                                                                \
            MM_STORE(row + MM_LANES, accumulate ? MM_ADD(MM_LOAD(row + MM_LANES), y##i) : y##i);   \
        }                                                                                          \
    }
    MM_EACH_ROW(MM_TAP_PUT)
}

#define MM_TAP_TILES(i)                                                                            \
    MM_TARGET static void MM_NAME(taps_wide##i)(int64_t k, const MM_T *a, const int64_t *at,       \
                                                const MM_T *b, MM_T *c, int64_t c_row,             \
                                                const MM_T *bias, bool accumulate) {               \
        MM_NAME(taps)(i + 1, true, k, a, at, b, c, c_row, bias, accumulate);                       \
    }                                                                                              \
    MM_TARGET static void MM_NAME(taps_narrow##i)(int64_t k, const MM_T *a, const int64_t *at,     \
                                                  const MM_T *b, MM_T *c, int64_t c_row,           \
                                                  const MM_T *bias, bool accumulate) {             \
        MM_NAME(taps)(i + 1, false, k, a, at, b, c, c_row, bias, accumulate);                      \
    }
MM_EACH_ROW(MM_TAP_TILES)

/* One row alone (depthwise): enough independent sums to hide the latency of the additions. */
#define MM_EACH_STRIP(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
MM_TARGET static void MM_NAME(taps_strip)(int64_t k, const MM_T *a, const int64_t *at,
                                          const MM_T *b, MM_T *c, int64_t c_row, const MM_T *bias,
                                          bool accumulate) {
    (void)c_row;
#define MM_STRIP_START(i) MM_V x##i = MM_SPLAT(bias != NULL ? bias[0] : 0);
    MM_EACH_STRIP(MM_STRIP_START)
    for (int64_t p = 0; p < k; p++) {
        const MM_V s = MM_SPLAT(a[p]);
        const MM_T *row = b + at[p];
#define MM_STRIP_STEP(i) x##i = MM_FMA(s, MM_LOAD(row + i * MM_LANES), x##i);
        MM_EACH_STRIP(MM_STRIP_STEP)
    }
#define MM_STRIP_PUT(i)                                                                            \
    MM_STORE(c + i * MM_LANES, accumulate ? MM_ADD(MM_LOAD(c + i * MM_LANES), x##i) : x##i);
    MM_EACH_STRIP(MM_STRIP_PUT)
}

/* ---- inner products of rows of A with four rows of B, over lines of k elements ---- */

MM_INLINE void MM_NAME(tap_dots)(int rows, int64_t lines, int64_t k, const MM_T *a, int64_t a_line,
                                 int64_t a_row, const MM_T *b, int64_t b_line, const int64_t *at,
                                 MM_T *c, int64_t c_row, bool accumulate) {
    const bool four = true;
    const MM_T *b1 = b + at[1], *b2 = b + at[2], *b3 = b + at[3];
    const MM_MASK_T mask = MM_MASK(k % MM_LANES);
    b += at[0];
    MM_EACH_DOT(MM_DECLARE_DOT)
    for (int64_t line = 0; line < lines; line++) {
        int64_t p = 0;
#define MM_LOAD_DOT MM_LOAD
        for (; p + MM_LANES <= k; p += MM_LANES) {
            MM_STEP_DOTS
        }
#undef MM_LOAD_DOT
#define MM_LOAD_DOT(address) MM_LOAD_PART(mask, address)
        if (p < k) {
            MM_STEP_DOTS
        }
#undef MM_LOAD_DOT
        a += a_line;
        b += b_line;
        b1 += b_line;
        b2 += b_line;
        b3 += b_line;
    }
    const MM_T *start = accumulate ? c : NULL;
    const int64_t start_row = c_row;
    MM_EACH_DOT(MM_PUT_DOT)
}

#define MM_TAP_DOTS(i)                                                                             \
    MM_TARGET static void MM_NAME(tap_dots##i)(                                                    \
        int64_t lines, int64_t k, const MM_T *a, int64_t a_line, int64_t a_row, const MM_T *b,     \
        int64_t b_line, const int64_t *at, MM_T *c, int64_t c_row, bool accumulate) {              \
        MM_NAME(tap_dots)                                                                          \
        (i + 1, lines, k, a, a_line, a_row, b, b_line, at, c, c_row, accumulate);                  \
    }
MM_EACH_DOT(MM_TAP_DOTS)

/* ---- moving ---- */

MM_TARGET static void MM_NAME(put)(int64_t rows, int64_t n, const MM_T *from, int64_t from_row,
                                   MM_T *to, int64_t to_row) {
    for (int64_t i = 0; i < rows; i++, from += from_row, to += to_row) {
        int64_t j = 0;
        for (; j + MM_LANES <= n; j += MM_LANES) {
            MM_STORE(to + j, MM_LOAD(from + j));
        }
        if (j < n) {
            const MM_MASK_T mask = MM_MASK(n - j);
            MM_STORE_PART(mask, to + j, MM_LOAD_PART(mask, from + j));
        }
    }
}

MM_TARGET static void MM_NAME(turn)(int64_t width, int64_t k, const MM_T *from, int64_t across,
                                    int64_t along, MM_T *to, int64_t pitch) {
    if (across == 1) { /* rows already: packing them would write behind their ends */
        MM_NAME(put)(k, width, from, along, to, pitch);
    } else {
        MM_NAME(pack)(pitch, width, k, from, across, along, to);
    }
}

#define MM_TAPS_WIDE(i) MM_NAME(taps_wide##i),
#define MM_TAPS_NARROW(i) MM_NAME(taps_narrow##i),
#define MM_TAP_DOTS_OF(i) MM_NAME(tap_dots##i),
#define MM_CONV_PARTS                                                                              \
    .taps_wide = {MM_EACH_ROW(MM_TAPS_WIDE)}, .taps_narrow = {MM_EACH_ROW(MM_TAPS_NARROW)},        \
    .taps_strip = MM_NAME(taps_strip), .tap_dots = {MM_EACH_DOT(MM_TAP_DOTS_OF)},                  \
    .put = MM_NAME(put), .turn = MM_NAME(turn)
