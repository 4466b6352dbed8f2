/* convert.c: elements of arrays as those of another dtype. */
#include "data/convert.h"

#include "wengert/precision.h"

#include <math.h>
#include <string.h>

double wg_convert_read(const wg_array *array, int64_t i) {
    switch (array->dtype) {
#define READ(name, type, text)                                                                     \
    case WG_##name:                                                                                \
        return (double)((const type *)array->data)[i];
        WG_COMPUTED_DTYPES(READ)
#undef READ
    case WG_BF16:
        return (double)wg_bf16_to_f32(((const wg_bf16 *)array->data)[i]);
    }
    return (double)NAN;
}

bool wg_convert_write(wg_dtype dtype, void *data, int64_t i, double value) {
    bool whole = value == floor(value);
    switch (dtype) {
    case WG_F32:
        ((float *)data)[i] = (float)value;
        return true;
    case WG_F64:
        ((double *)data)[i] = value;
        return true;
    case WG_BF16:
        ((wg_bf16 *)data)[i] = wg_bf16_from_f32((float)value);
        return true;
    case WG_I64:
        if (!whole || value < -0x1p63 || value >= 0x1p63) {
            return false;
        }
        ((int64_t *)data)[i] = (int64_t)value;
        return true;
    case WG_U8:
        if (!whole || value < 0.0 || value > 255.0) {
            return false;
        }
        ((uint8_t *)data)[i] = (uint8_t)value;
        return true;
    }
    return false;
}

/* To f32, the usual case, in loops without a choice inside. False for a dtype that has none. */
static bool convert_f32(const wg_array *from, int64_t first, int64_t count, double scale,
                        double offset, float *out) {
    switch (from->dtype) {
#define CONVERT(name, type, text)                                                                  \
    case WG_##name: {                                                                              \
        const type *in = (const type *)from->data + first;                                         \
        for (int64_t i = 0; i < count; i++) {                                                      \
            out[i] = (float)(scale * (double)in[i] + offset);                                      \
        }                                                                                          \
        return true;                                                                               \
    }
        WG_COMPUTED_DTYPES(CONVERT)
#undef CONVERT
    case WG_BF16:
        break;
    }
    return false;
}

int64_t wg_convert(const wg_array *from, int64_t first, int64_t count, double scale, double offset,
                   wg_dtype dtype, void *out) {
    if (count == 0) {
        return -1;
    }
    if (dtype == from->dtype && scale == 1 && offset == 0) {
        const size_t size = wg_dtype_size(dtype);
        memcpy(out, (const char *)from->data + (size_t)first * size, (size_t)count * size);
        return -1;
    }
    if (dtype == WG_F32 && convert_f32(from, first, count, scale, offset, out)) {
        return -1;
    }
    for (int64_t i = 0; i < count; i++) {
        if (!wg_convert_write(dtype, out, i, scale * wg_convert_read(from, first + i) + offset)) {
            return first + i;
        }
    }
    return -1;
}
