/* matmul_bf16.c: see matmul_bf16.h. Both operands are packed whole, two neighbours of k side by
 * side as the instruction wants them; then threads take blocks of C. */
#include "kernel/matmul_bf16.h"

#include "base/parallel.h"
#include "kernel/matmul.h"
#include "wengert/precision.h"

#include <string.h>

#define ROWS 14         /* of a tile of C */
#define COLUMNS 32      /* of a tile: two vectors */
#define DEPTH 256       /* pairs of k at a time: a panel of B then is 32 KB */
#define BLOCK_ROWS 8    /* tiles of a job, */
#define BLOCK_COLUMNS 4 /* down and across */

typedef struct product {
    int64_t m, n, k, pairs, row_tiles, column_tiles;
    const wg_bf16 *a, *b;
    int64_t a_row, a_column, b_row, b_column;
    float *c;
    int64_t c_row;
    uint32_t *packed_a; /* [row tiles, pairs, ROWS] */
    uint32_t *packed_b; /* [column tiles, pairs, COLUMNS] */
} product;

static int64_t tiles_of(int64_t count, int64_t size) {
    return (count + size - 1) / size;
}

size_t wg_kernel_matmul_bf16_scratch(int64_t m, int64_t n, int64_t k) {
    const int64_t pairs = (k + 1) / 2;
    const int64_t packed = pairs * (tiles_of(m, ROWS) * ROWS + tiles_of(n, COLUMNS) * COLUMNS);
    const int64_t wide = k * (m + n);
    return (size_t)(packed > wide ? packed : wide) * sizeof(uint32_t) + 64;
}

/* ---- in f32 -------------------------------------------------------------------------------- */

static void widen(int64_t rows, int64_t columns, const wg_bf16 *from, int64_t row, int64_t column,
                  float *to) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++) {
            to[i * columns + j] = wg_bf16_to_f32(from[i * row + j * column]);
        }
    }
}

static bool in_f32(const product *p, float *scratch) {
    float *a = scratch, *b = scratch + p->m * p->k;
    widen(p->m, p->k, p->a, p->a_row, p->a_column, a);
    widen(p->k, p->n, p->b, p->b_row, p->b_column, b);
    return wg_kernel_matmul_f32(p->m, p->n, p->k, a, p->k, 1, b, p->n, 1, p->c, p->c_row, false);
}

/* ---- by bf16 instructions ------------------------------------------------------------------ */

#if defined(__x86_64__) && defined(__GNUC__) && (defined(__clang__) || __GNUC__ >= 10)
#include <immintrin.h>
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

bool wg_bf16_is_fast(void) {
    return __builtin_cpu_supports("avx512bf16") != 0;
}

/* `width` lines of pairs along k, one behind the other pair by pair; zeros beyond what there is. */
static void pack(int64_t lines, int64_t width, int64_t k, const wg_bf16 *from, int64_t line,
                 int64_t step, uint32_t *to) {
    for (int64_t i = 0; i < width; i++) {
        const wg_bf16 *x = from + i * line;
        for (int64_t p = 0; p < (k + 1) / 2; p++) {
            const uint32_t low = i < lines ? x[2 * p * step].bits : 0;
            const uint32_t high = i < lines && 2 * p + 1 < k ? x[(2 * p + 1) * step].bits : 0;
            to[p * width + i] = low | high << 16;
        }
    }
}

static void pack_a(void *context, int64_t i) {
    const product *p = context;
    const int64_t left = p->m - i * ROWS;
    pack(left < ROWS ? left : ROWS, ROWS, p->k, p->a + i * ROWS * p->a_row, p->a_row, p->a_column,
         p->packed_a + i * ROWS * p->pairs);
}

static void pack_b(void *context, int64_t i) {
    const product *p = context;
    const int64_t left = p->n - i * COLUMNS;
    pack(left < COLUMNS ? left : COLUMNS, COLUMNS, p->k, p->b + i * COLUMNS * p->b_column,
         p->b_column, p->b_row, p->packed_b + i * COLUMNS * p->pairs);
}

/* Adds `pairs` pairs to a tile of C, of which rows and columns are there; the first time it begins
 * at zero. */
TARGET static void tile(int64_t pairs, const uint32_t *a, const uint32_t *b, float *c,
                        int64_t c_row, int64_t rows, int64_t columns, bool first) {
    __m512 sum[ROWS][2];
    const __mmask16 left = (__mmask16)(columns >= 16 ? 0xffff : (1u << columns) - 1u);
    const __mmask16 right = (__mmask16)(columns >= 32   ? 0xffff
                                        : columns <= 16 ? 0
                                                        : (1u << (columns - 16)) - 1u);
    for (int i = 0; i < ROWS; i++) {
        const bool there = !first && i < rows;
        sum[i][0] = there ? _mm512_maskz_loadu_ps(left, c + i * c_row) : _mm512_setzero_ps();
        sum[i][1] = there ? _mm512_maskz_loadu_ps(right, c + i * c_row + 16) : _mm512_setzero_ps();
    }
    for (int64_t p = 0; p < pairs; p++) {
        const __m512bh b0 = (__m512bh)_mm512_loadu_si512(b + p * COLUMNS);
        const __m512bh b1 = (__m512bh)_mm512_loadu_si512(b + p * COLUMNS + 16);
#pragma GCC unroll 14
        for (int i = 0; i < ROWS; i++) {
            const __m512bh x = (__m512bh)_mm512_set1_epi32((int)a[p * ROWS + i]);
            sum[i][0] = _mm512_dpbf16_ps(sum[i][0], x, b0);
            sum[i][1] = _mm512_dpbf16_ps(sum[i][1], x, b1);
        }
    }
#pragma GCC unroll 14
    for (int i = 0; i < ROWS; i++) {
        if (i < rows) {
            _mm512_mask_storeu_ps(c + i * c_row, left, sum[i][0]);
            _mm512_mask_storeu_ps(c + i * c_row + 16, right, sum[i][1]);
        }
    }
}

static void block(void *context, int64_t job) {
    const product *p = context;
    const int64_t across = tiles_of(p->column_tiles, BLOCK_COLUMNS);
    const int64_t top = job / across * BLOCK_ROWS, start = job % across * BLOCK_COLUMNS;
    for (int64_t first = 0; first < p->pairs; first += DEPTH) {
        const int64_t depth = p->pairs - first < DEPTH ? p->pairs - first : DEPTH;
        for (int64_t j = start; j < start + BLOCK_COLUMNS && j < p->column_tiles; j++) {
            const uint32_t *b = p->packed_b + (j * p->pairs + first) * COLUMNS;
            for (int64_t i = top; i < top + BLOCK_ROWS && i < p->row_tiles; i++) {
                tile(depth, p->packed_a + (i * p->pairs + first) * ROWS, b,
                     p->c + i * ROWS * p->c_row + j * COLUMNS, p->c_row, p->m - i * ROWS,
                     p->n - j * COLUMNS, first == 0);
            }
        }
    }
}

static void in_bf16(product *p, void *scratch) {
    const bool share = p->m * p->n * p->k >= WG_SHARE_MEMORY;
    p->packed_a = scratch;
    p->packed_b = p->packed_a + p->row_tiles * ROWS * p->pairs;
    wg_parallel(p->row_tiles, share, pack_a, p);
    wg_parallel(p->column_tiles, share, pack_b, p);
    wg_parallel(tiles_of(p->row_tiles, BLOCK_ROWS) * tiles_of(p->column_tiles, BLOCK_COLUMNS),
                share, block, p);
}
#else
bool wg_bf16_is_fast(void) {
    return false;
}

static void in_bf16(product *p, void *scratch) {
    (void)p, (void)scratch;
}
#endif

bool wg_kernel_matmul_bf16(int64_t m, int64_t n, int64_t k, const wg_bf16 *a, int64_t a_row,
                           int64_t a_column, const wg_bf16 *b, int64_t b_row, int64_t b_column,
                           float *c, int64_t c_row, void *scratch) {
    product p = {m,
                 n,
                 k,
                 (k + 1) / 2,
                 tiles_of(m, ROWS),
                 tiles_of(n, COLUMNS),
                 a,
                 b,
                 a_row,
                 a_column,
                 b_row,
                 b_column,
                 c,
                 c_row,
                 NULL,
                 NULL};
    if (m <= 0 || n <= 0) {
        return true;
    }
    if (k <= 0 || !wg_bf16_is_fast()) {
        return in_f32(&p, scratch);
    }
    in_bf16(&p, scratch);
    return true;
}
