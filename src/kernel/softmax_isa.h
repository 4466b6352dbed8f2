/* softmax_isa.h (internal): the softmax family in both types for one instruction set; the includer
 * has set the target and defines WG_SOFTMAX_TABLE, the table's name. */
#include "kernel/softmax.h"
#include "kernel/softmax_loops.h"
#include "kernel/vector_math.h"

#include <float.h>

#define LANES 16
#define STRIP WG_SOFTMAX_STRIP

#define T float
#define VALUE(name) wg_##name##_f32
#define GREATEST FLT_MAX
#include "kernel/softmax_planes.h"
#define T double
#define VALUE(name) wg_##name##_f64
#define GREATEST DBL_MAX
#include "kernel/softmax_planes.h"

#define WG_SOFTMAX_ROW(type)                                                                       \
    {                                                                                              \
        softmax_##type, log_softmax_##type, softmax_chain_##type, log_softmax_chain_##type,        \
            log_sum_exp_##type, exp_share_##type, log_sum_exp_row_##type, exp_and_sum_##type,      \
            scale_less_##type, dot_##type, soft_loss_##type                                        \
    }

extern const wg_softmax_loops WG_SOFTMAX_TABLE[2];
const wg_softmax_loops WG_SOFTMAX_TABLE[2] = {WG_SOFTMAX_ROW(float), WG_SOFTMAX_ROW(double)};
