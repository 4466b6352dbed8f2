/* precision.h: mixed precision: bf16 as storage and in products, and loss scaling.
 *
 * A bf16 array (wg_cast(x, WG_BF16), wg_variable, wg_constant) takes half of f32's memory: the same
 * range, 8 bits of precision. wg_matmul of two bf16 arrays multiplies them as they are and
 * accumulates and answers in f32, by the processor's own instructions where it has them (AVX-512
 * BF16), else after widening to f32. Its gradient rounds what comes from behind to bf16 likewise.
 * Views and copies keep bf16; every other operation takes bf16 as f32 and answers in f32. Adjoints
 * of bf16 arrays are f32 (also the gradient memory of wg_borrow). */
#ifndef WENGERT_PRECISION_H
#define WENGERT_PRECISION_H

#include "wengert/base.h"

#include <stdbool.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline float wg_bf16_to_f32(wg_bf16 x) {
    uint32_t bits = (uint32_t)x.bits << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Rounded to the nearest, ties to even; NaN stays NaN. */
static inline wg_bf16 wg_bf16_from_f32(float value) {
    uint32_t bits, rounded;
    wg_bf16 x;
    memcpy(&bits, &value, sizeof bits);
    rounded = bits + 0x7fffu + (bits >> 16 & 1u);
    rounded = value != value ? bits | 0x400000u : rounded;
    x.bits = (uint16_t)(rounded >> 16);
    return x;
}

/* Whether this processor multiplies bf16 by instructions of its own. */
WG_API bool wg_bf16_is_fast(void);

#ifdef __cplusplus
}
#endif

#endif
