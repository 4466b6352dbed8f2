/* define.h (internal): the library's operations are defined through this, so that none is without
 * samples. */
#ifndef WG_SRC_OP_DEFINE_H
#define WG_SRC_OP_DEFINE_H

#include "base/base.h"
#include "wengert/array.h"
#include "wengert/elementwise.h"
#include "wengert/op.h"
#include "wengert/reduce.h"

/* wg_op_NAME out of NAME_shape, NAME_samples and what is given; forward is NULL for views. */
#define WG_DEFINE_OP(label, forward_function, chain_function, reads_bits, flag_bits)               \
    extern const wg_op wg_op_##label;                                                              \
    const wg_op wg_op_##label = {.name = #label,                                                   \
                                 .shape = label##_shape,                                           \
                                 .forward = forward_function,                                      \
                                 .chain = chain_function,                                          \
                                 .samples = label##_samples,                                       \
                                 .reads = reads_bits,                                              \
                                 .flags = flag_bits};

#endif
