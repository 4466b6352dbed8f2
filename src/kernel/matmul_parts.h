/* matmul_parts.h (internal): what an instruction set provides to the matrix product. */
#ifndef WG_SRC_KERNEL_MATMUL_PARTS_H
#define WG_SRC_KERNEL_MATMUL_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define WG_MATMUL_X86 1
#endif

#define WG_MATMUL_MAX_ROWS 14 /* of any tile: 14 x 2 sums + 2 operands + 1 fill 32 registers */

/* A tile is up to `rows` rows of C by 2 * `lanes` columns; wide[r - 1] makes r full rows,
 * narrow[r - 1] at most `lanes` columns. dot4 and dot1 make r x 4 and r x 1 elements where k is
 * contiguous in A and in B. axpy and stripe add k scaled rows of B to a row of C, axpy row by row,
 * stripe with the sums in registers. Sums are added to `start`, whose rows are start_row apart and
 * which may be c; NULL for zeros. The packs lay a panel of `width` rows of A or columns of B
 * out with k outermost, in rows of `pitch` (A) or 2 * `lanes` (B); what lies behind is not read.
 *
 * Convolution (conv_tile.h): row p of B lies at b + at[p]. taps_wide[r - 1] and taps_narrow[r - 1]
 * make r full rows of 2 * `lanes` or `lanes` columns from a packed panel of A, taps_strip one row
 * of WG_CONV_STRIP * `lanes` columns, A lying without gaps; sums start at bias[row], or 0 where it
 * is NULL. tap_dots[r - 1] makes r x 4 inner products with the four rows b + at[0..3], over `lines`
 * stretches of k. put copies rows of n elements, turn transposes; both write nothing behind a row.
 */
#define WG_CONV_STRIP 8
#define WG_MATMUL_PARTS(suffix, T)                                                                 \
    typedef void wg_tile_##suffix(int64_t columns, int64_t k, const T *a, int64_t a_row,           \
                                  int64_t a_column, const T *b, int64_t b_row, T *c,               \
                                  int64_t c_row, const T *start, int64_t start_row);               \
    typedef void wg_dot_##suffix(int64_t k, const T *a, int64_t a_row, const T *b,                 \
                                 int64_t b_column, T *c, int64_t c_row, const T *start,            \
                                 int64_t start_row);                                               \
    typedef void wg_axpy_##suffix(int64_t n, int64_t k, const T *a, int64_t a_column, const T *b,  \
                                  int64_t b_row, T *c, const T *start);                            \
    typedef void wg_pack_##suffix(int64_t width, int64_t k, const T *from, int64_t across,         \
                                  int64_t along, T *to);                                           \
    typedef void wg_taps_##suffix(int64_t k, const T *a, const int64_t *at, const T *b, T *c,      \
                                  int64_t c_row, const T *bias, bool accumulate);                  \
    typedef void wg_tap_dots_##suffix(int64_t lines, int64_t k, const T *a, int64_t a_line,        \
                                      int64_t a_row, const T *b, int64_t b_line,                   \
                                      const int64_t *at, T *c, int64_t c_row, bool accumulate);    \
    typedef void wg_put_##suffix(int64_t rows, int64_t n, const T *from, int64_t from_row, T *to,  \
                                 int64_t to_row);                                                  \
    typedef void wg_turn_##suffix(int64_t width, int64_t k, const T *from, int64_t across,         \
                                  int64_t along, T *to, int64_t pitch);                            \
    typedef struct wg_matmul_parts_##suffix {                                                      \
        int rows, lanes, dot_rows, pitch;                                                          \
        wg_tile_##suffix *wide[WG_MATMUL_MAX_ROWS], *narrow[WG_MATMUL_MAX_ROWS];                   \
        wg_dot_##suffix *dot4[WG_MATMUL_MAX_ROWS], *dot1[WG_MATMUL_MAX_ROWS];                      \
        wg_axpy_##suffix *axpy, *stripe;                                                           \
        wg_pack_##suffix *pack_a, *pack_b;                                                         \
        wg_taps_##suffix *taps_wide[WG_MATMUL_MAX_ROWS], *taps_narrow[WG_MATMUL_MAX_ROWS];         \
        wg_taps_##suffix *taps_strip;                                                              \
        wg_tap_dots_##suffix *tap_dots[WG_MATMUL_MAX_ROWS];                                        \
        wg_put_##suffix *put;                                                                      \
        wg_turn_##suffix *turn;                                                                    \
    } wg_matmul_parts_##suffix;                                                                    \
    extern const wg_matmul_parts_##suffix wg_matmul_baseline_##suffix;                             \
    extern const wg_matmul_parts_##suffix wg_matmul_avx2_##suffix;                                 \
    extern const wg_matmul_parts_##suffix wg_matmul_avx512_##suffix;                               \
    /* Instruction sets this processor has, best last; NULL past them. */                          \
    const wg_matmul_parts_##suffix *wg_matmul_parts_at_##suffix(int index);                        \
    const wg_matmul_parts_##suffix *wg_matmul_parts_best_##suffix(void);                           \
    bool wg_matmul_with_##suffix(const wg_matmul_parts_##suffix *parts, int64_t m, int64_t n,      \
                                 int64_t k, const T *a, int64_t a_row, int64_t a_column,           \
                                 const T *b, int64_t b_row, int64_t b_column, const T *start,      \
                                 int64_t start_row, T *c, int64_t c_row);

WG_MATMUL_PARTS(f32, float)
WG_MATMUL_PARTS(f64, double)

/* Packing memory of WG_MATMUL_BLOCK_BYTES, kept between calls; NULL where memory ran out. */
#define WG_MATMUL_BLOCK_BYTES ((int64_t)512 * 1024)
void *wg_matmul_block_take(void);
void wg_matmul_block_give(void *block);

#endif
