/* test_factor.c: factorizations large enough for blocks and threads, and every instruction set's
 * loops against the plain ones. What small ones are worth is in tests/op/test_linalg.c. */
#include "kernel/factor.h"

#include "base/base.h"
#include "kernel/factor_parts.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#if defined(_OPENMP)
#include <omp.h>
#endif

static void use_threads(int count) {
#if defined(_OPENMP)
    omp_set_num_threads(count);
#else
    (void)count;
#endif
}

static double random_number(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 11) / 4503599627370496.0 - 1;
}

#define N 300
#define M 340

#define FT_FMA_F32
#define FT_FMA_F64
#define FT_TABLE_F32
#define FT_TABLE_F64
#define FT_FILE "kernel/factor_cases.h"
#include "kernel/factor_types.h"
