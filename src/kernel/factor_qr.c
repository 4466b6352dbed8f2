/* factor_qr.c: QR. */
#include "kernel/factor.h"
#include "kernel/factor_parts.h"
#include "kernel/matmul.h"

#define FT_TABLE_F32
#define FT_TABLE_F64
#define FT_FMA_F32
#define FT_FMA_F64

#define FT_FILE "kernel/factor_qr.h"
#include "kernel/factor_types.h"

int64_t wg_kernel_qr_work(int64_t m, int64_t n) {
    return n + REFLECT_WORK(m, n);
}
