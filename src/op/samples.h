/* samples.h (internal): tables of operands to try an operation with. */
#ifndef WG_SRC_OP_SAMPLES_H
#define WG_SRC_OP_SAMPLES_H

#include "base/base.h"
#include "wengert/op.h"

#define WG_SIZES(...)                                                                              \
    .rank = (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .shape = {__VA_ARGS__}

/* An operand of floats in [from, to): of a shape, and of rank 0. */
#define WG_FLOATS(from, to, ...)                                                                   \
    { .dtype = WG_F64, WG_SIZES(__VA_ARGS__), .low = from, .high = to }
#define WG_FLOAT(from, to)                                                                         \
    { .dtype = WG_F64, .low = from, .high = to }
/* Whole numbers in [0, to), which get no gradient. */
#define WG_WHOLES(type, to, ...)                                                                   \
    { .dtype = type, WG_SIZES(__VA_ARGS__), .low = 0, .high = to, .fixed = true }

/* What else a sample says: its state, of a type. File scope only, where it is static. */
#define WG_STATE(type, ...) .state = &(const type){__VA_ARGS__}, .state_bytes = sizeof(type)

/* One sample: {operands} and what else there is to say. */
#define WG_OPERANDS(...)                                                                           \
    .count = (int)(sizeof((const wg_sample_operand[]){__VA_ARGS__}) / sizeof(wg_sample_operand)),  \
    .operand = {__VA_ARGS__}

/* NAME_samples over a table of {WG_OPERANDS(…), …}. */
#define WG_SAMPLES(label, ...)                                                                     \
    static const wg_sample label##_table[] = {__VA_ARGS__};                                        \
    static bool label##_samples(int index, wg_sample *sample) {                                    \
        if (index < 0 || (size_t)index >= WG_COUNT_OF(label##_table)) {                            \
            return false;                                                                          \
        }                                                                                          \
        *sample = label##_table[index];                                                            \
        return true;                                                                               \
    }

#endif
