/* element.c: elements between files and memory. */
#include "io/element.h"

#include "base/endian.h"
#include "kernel/copy.h"
#include "tape/tape.h"

#include <string.h>

/* What becomes of each kind and size; a row for each that becomes anything. */
static const struct {
    wg_element_kind kind;
    unsigned bytes;
    wg_dtype dtype;
    bool same; /* the same bits in a file and in memory */
} rows[] = {
    {WG_ELEMENT_FLOAT, 4, WG_F32, true},     {WG_ELEMENT_FLOAT, 8, WG_F64, true},
    {WG_ELEMENT_SIGNED, 8, WG_I64, true},    {WG_ELEMENT_UNSIGNED, 1, WG_U8, true},
    {WG_ELEMENT_BFLOAT, 2, WG_BF16, true},   {WG_ELEMENT_FLOAT, 2, WG_F32, false},
    {WG_ELEMENT_SIGNED, 1, WG_I64, false},   {WG_ELEMENT_SIGNED, 2, WG_I64, false},
    {WG_ELEMENT_SIGNED, 4, WG_I64, false},   {WG_ELEMENT_UNSIGNED, 2, WG_I64, false},
    {WG_ELEMENT_UNSIGNED, 4, WG_I64, false}, {WG_ELEMENT_UNSIGNED, 8, WG_I64, false},
    {WG_ELEMENT_BOOL, 1, WG_U8, false},
};

static size_t row_of(wg_element element) {
    size_t i = 0;
    while (i < WG_COUNT_OF(rows) &&
           (rows[i].kind != element.kind || rows[i].bytes != element.bytes)) {
        i++;
    }
    return i;
}

bool wg_element_dtype(wg_element element, wg_dtype *dtype) {
    const size_t row = row_of(element);
    if (row < WG_COUNT_OF(rows)) {
        *dtype = rows[row].dtype;
    }
    return row < WG_COUNT_OF(rows);
}

static bool host_is_big(void) {
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 0;
}

bool wg_element_is_native(wg_element element) {
    const size_t row = row_of(element);
    return row < WG_COUNT_OF(rows) && rows[row].same &&
           (element.bytes == 1 || element.big == host_is_big());
}

wg_element wg_element_of(wg_dtype dtype) {
    size_t i = 0;
    while (rows[i].dtype != dtype || !rows[i].same) {
        i++;
    }
    return (wg_element){rows[i].kind, rows[i].bytes, false};
}

static bool is_wide(wg_dtype dtype) {
    return dtype == WG_F32 || dtype == WG_F64;
}

bool wg_element_becomes(wg_element element, wg_dtype dtype) {
    wg_dtype own;
    return wg_element_dtype(element, &own) &&
           (own == dtype || ((is_wide(own) || own == WG_BF16) && is_wide(dtype)) ||
            (own == WG_U8 && dtype == WG_I64));
}

/* ---- Reading --------------------------------------------------------------------------------- */

static uint64_t load_bits(wg_element element, const unsigned char *from) {
    return element.big ? wg_load_big(from, element.bytes) : wg_load_little(from, element.bytes);
}

/* An f16: 1 bit of sign, 5 of exponent (bias 15), 10 of fraction. Every f16 is an f32. */
static float of_half(uint32_t half) {
    const uint32_t sign = (half & 0x8000u) << 16, fraction = half & 0x3ffu;
    const uint32_t exponent = half >> 10 & 0x1fu;
    if (exponent == 0) { /* subnormal: fraction * 2^-24 */
        const float small = (float)fraction * 0x1p-24f;
        return sign != 0 ? -small : small;
    }
    const uint32_t bits = sign | (exponent == 31 ? 0xffu : exponent + 112) << 23 | fraction << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double load_float(wg_element element, const unsigned char *from) {
    const uint64_t bits = load_bits(element, from);
    if (element.kind == WG_ELEMENT_FLOAT && element.bytes == 2) {
        return (double)of_half((uint32_t)bits);
    }
    if (element.bytes == 8) {
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    const uint32_t word = (uint32_t)(element.kind == WG_ELEMENT_BFLOAT ? bits << 16 : bits);
    float value;
    memcpy(&value, &word, sizeof value);
    return (double)value;
}

static int64_t load_whole(wg_element element, const unsigned char *from) {
    const uint64_t bits = load_bits(element, from);
    const uint64_t sign =
        element.kind == WG_ELEMENT_SIGNED ? (uint64_t)1 << (8 * element.bytes - 1) : 0;
    return (int64_t)((bits ^ sign) - sign);
}

static bool fits(wg_element element, const unsigned char *from) {
    return element.kind == WG_ELEMENT_BOOL ? from[0] <= 1
           : element.kind == WG_ELEMENT_UNSIGNED && element.bytes == 8
               ? load_bits(element, from) <= INT64_MAX
               : true;
}

int64_t wg_element_unfit(wg_element element, const unsigned char *from, int64_t stride,
                         int64_t count) {
    const bool any = element.kind == WG_ELEMENT_BOOL ||
                     (element.kind == WG_ELEMENT_UNSIGNED && element.bytes == 8);
    for (int64_t i = 0; any && i < count; i++) {
        if (!fits(element, from + i * stride)) {
            return i;
        }
    }
    return -1;
}

void wg_element_load(wg_element element, const unsigned char *from, int64_t stride, int64_t count,
                     wg_dtype dtype, void *to) {
    wg_dtype own;
    if (count <= 0) {
        return;
    }
    if (wg_element_is_native(element) && wg_element_dtype(element, &own) && own == dtype &&
        stride == (int64_t)element.bytes) {
        memcpy(to, from, (size_t)count * element.bytes);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        const unsigned char *at = from + i * stride;
        if (dtype == WG_F64) {
            ((double *)to)[i] = load_float(element, at);
        } else if (dtype == WG_F32) {
            ((float *)to)[i] = (float)load_float(element, at);
        } else if (dtype == WG_BF16) {
            ((wg_bf16 *)to)[i].bits = (uint16_t)load_bits(element, at);
        } else if (dtype == WG_U8) {
            ((uint8_t *)to)[i] = at[0];
        } else {
            ((int64_t *)to)[i] = load_whole(element, at);
        }
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

typedef wg_status (*add_bytes)(void *context, const void *bytes, size_t size);

/* The bytes of each element the other way round, in pieces. */
static wg_status store_swapped(const unsigned char *from, size_t bytes, size_t element,
                               add_bytes add, void *context) {
    unsigned char block[4096];
    wg_status status = WG_OK;
    while (bytes > 0 && status == WG_OK) {
        const size_t some = bytes < sizeof block ? bytes : sizeof block;
        for (size_t i = 0; i < some; i++) {
            block[i] = from[i / element * element + (element - 1 - i % element)];
        }
        status = add(context, block, some);
        from += some;
        bytes -= some;
    }
    return status;
}

wg_status wg_element_store(const char *verb, const wg_view *view, add_bytes add, void *context) {
    const int64_t count = wg_view_count(view);
    if (count == 0) {
        return WG_OK;
    }
    const size_t element = wg_dtype_size(view->dtype), bytes = (size_t)count * element;
    void *copy = NULL;
    const void *from = view->data;
    if (!wg_view_is_contiguous(view)) {
        copy = wg_alloc(bytes);
        if (copy == NULL) {
            return wg_fail(WG_ERROR_MEMORY, "%s: no memory for a copy of %zu bytes", verb, bytes);
        }
        wg_view whole;
        wg_view_set_contiguous(&whole, view->dtype, view->rank, view->shape);
        whole.data = copy;
        wg_kernel_copy(view, &whole);
        from = copy;
    }
    const wg_status status = element > 1 && host_is_big()
                                 ? store_swapped(from, bytes, element, add, context)
                                 : add(context, from, bytes);
    wg_free(copy);
    return status;
}
