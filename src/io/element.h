/* element.h (internal): the elements that files are made of, and what becomes of them in memory. */
#ifndef WG_SRC_IO_ELEMENT_H
#define WG_SRC_IO_ELEMENT_H

#include "wengert/op.h"

typedef enum wg_element_kind {
    WG_ELEMENT_OPAQUE,   /* known by size alone */
    WG_ELEMENT_FLOAT,    /* 2, 4 or 8 bytes (IEEE 754): f32, f32, f64 */
    WG_ELEMENT_BFLOAT,   /* 2 bytes: bf16 */
    WG_ELEMENT_SIGNED,   /* 1, 2, 4 or 8 bytes: i64 */
    WG_ELEMENT_UNSIGNED, /* 1 byte: u8; 2, 4 or 8: i64, if it fits */
    WG_ELEMENT_BOOL      /* 1 byte, 0 or 1: u8 */
} wg_element_kind;

typedef struct wg_element {
    wg_element_kind kind;
    unsigned bytes;
    bool big; /* endian */
} wg_element;

/* The dtype of arrays that hold every such element (but u64 above 2^63 - 1). False where there is
 * none. */
bool wg_element_dtype(wg_element element, wg_dtype *dtype);

/* Whether elements in a file are those in memory, bit for bit, so that they need no copy. */
bool wg_element_is_native(wg_element element);

/* Whether wg_element_load can make `dtype` of them: their own, for floats f32 and f64, and for
 * what becomes u8 i64. */
bool wg_element_becomes(wg_element element, wg_dtype dtype);

/* The first of `count` elements, one every `stride` bytes, that fits no dtype: a u64 above 2^63 -
 * 1, or a bool that is neither 0 nor 1. -1 where all are right. */
int64_t wg_element_unfit(wg_element element, const unsigned char *from, int64_t stride,
                         int64_t count);

/* Reads elements that are fit into `to` as a `dtype` that they become; floats are rounded to
 * nearest even. */
void wg_element_load(wg_element element, const unsigned char *from, int64_t stride, int64_t count,
                     wg_dtype dtype, void *to);

/* The element that stores a dtype, little-endian. */
wg_element wg_element_of(wg_dtype dtype);

/* Hands the elements of a view, in C order and little-endian, to `add` piece by piece, without a
 * copy where that can be. MEMORY, and what `add` returns. `verb` starts the message. */
wg_status wg_element_store(const char *verb, const wg_view *view,
                           wg_status (*add)(void *context, const void *bytes, size_t size),
                           void *context);

#endif
