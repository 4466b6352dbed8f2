#include "kernel/folds.h"

/* Enough lanes that an addition need not wait for the one before it. */
#define LANES 32

#define TAKE_SUM WG_FOLD_SUM
#define TAKE_PROD WG_FOLD_PROD
#define TAKE_MAX WG_FOLD_MAX
#define TAKE_MIN WG_FOLD_MIN
#define TAKE_NORM(a, x) ((a) + (x) * (x))
#define TAKE_SIZES(a, x) ((a) + fabs(x))

#define WG_ISA_LOOPS "kernel/folds_typed.h"
#include "kernel/isa_loops.h"

#define IDENTITY_SUM 0.0
#define IDENTITY_PROD 1.0
#define IDENTITY_MAX (-(double)INFINITY)
#define IDENTITY_MIN ((double)INFINITY)
#define IDENTITY_NORM 0.0
#define IDENTITY_SIZES 0.0

#define FOLDS(KIND, isa)                                                                           \
    {IDENTITY_##KIND,                                                                              \
     {row_##KIND##_##isa##_f32, row_##KIND##_##isa##_f64},                                         \
     {columns_##KIND##_##isa##_f32, columns_##KIND##_##isa##_f64}},
#define FOLDS_plain(KIND) FOLDS(KIND, plain)
#define FOLDS_avx2(KIND) FOLDS(KIND, avx2)
#define FOLDS_avx512(KIND) FOLDS(KIND, avx512)
#define ALL_FOLDS(isa) {WG_REDUCTIONS(FOLDS_##isa)},
static const wg_folds folds[][WG_REDUCTION_COUNT] = {WG_ISAS(ALL_FOLDS)};

const wg_folds *wg_kernel_folds(wg_reduction kind) {
    return &folds[wg_isa()][kind];
}
