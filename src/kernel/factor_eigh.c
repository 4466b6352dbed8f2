/* factor_eigh.c: symmetric eigenproblems and singular values, which share their parts. */
#include "kernel/factor.h"

#include "base/parallel.h"
#include "kernel/factor_parts.h"
#include "kernel/matmul.h"

#define FT_TABLE_F32
#define FT_TABLE_F64
#define FT_FMA_F32
#define FT_FMA_F64

#define ROTATE_ROOM(n) (32 * (n) + 32) /* rotations that are collected */

#define FT_FILE "kernel/factor_eigh.h"
#include "kernel/factor_types.h"
#undef FT_FILE
#define FT_FILE "kernel/factor_svd.h"
#include "kernel/factor_types.h"

int64_t wg_kernel_eigh_work(int64_t n) {
    return 5 * n + REFLECT_WORK(n, n) + 2 * ROTATE_ROOM(n);
}

int64_t wg_kernel_svd_work(int64_t m, int64_t n) {
    const int64_t square = 7 * n + REFLECT_WORK(n, n) + 4 * ROTATE_ROOM(n);
    const int64_t qr = wg_kernel_qr_work(m, n);
    return 2 * n * n + (m == n ? square : m * n + 2 * n * n + (qr > square ? qr : square));
}
