/* safetensors.h: named arrays in files of the safetensors format
 * (https://github.com/huggingface/safetensors), which PyTorch's users exchange weights in.
 *
 * A file is a length (u64), a header in JSON of that many bytes, which names each tensor with
 * dtype, shape and place, and the tensors' elements, little-endian, in C order. Reading believes
 * nothing: a header above 100 MB, one that is not strict JSON or not UTF-8, a tensor or a metadata
 * key that comes twice, an unknown dtype or field, sizes that overflow or do not fit the shape,
 * tensors that overlap or leave holes, and bytes left over are refused with the byte where that
 * stands. */
#ifndef WENGERT_SAFETENSORS_H
#define WENGERT_SAFETENSORS_H

#include "wengert/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Reading --------------------------------------------------------------------------------- */

/* An open file, mapped into memory: opening reads the header alone, and elements come from the disk
 * when they are looked at. It must not be shortened meanwhile: the system ends a program that reads
 * what is gone (SIGBUS); replacing it by a new file, as all writers here do, is safe. Any number of
 * threads may read one. */
typedef struct wg_safetensors wg_safetensors;

/* One tensor of a file. */
typedef struct wg_tensor {
    const char *name;
    const char *stored; /* the file's name of the element type: "F32", "F16", "BOOL", ... */
    /* dtype, shape and place: F64, F32, BF16, I64 and U8 as they are; F16 as f32; I32, I16, I8,
     * U64, U32 and U16 as i64; BOOL as u8. `data` points into the file where no copy is needed:
     * for the first five, if the file aligns them to their size (the usual writers do). Else NULL:
     * wg_safetensors_read copies. Read only, and valid until the file is closed. */
    wg_view view;
    uint64_t offset, bytes; /* of the elements in the file */
} wg_tensor;

/* Opens a file into *out. Errors: ARGUMENT for a path of NULL, FILE, FORMAT (byte offset and
 * reason), LIMIT for more than 8 axes, MEMORY. On failure *out is NULL. */
WG_API wg_status wg_safetensors_open(const char *path, wg_safetensors **out);
/* The same of bytes in memory, which must stay until it is closed. */
WG_API wg_status wg_safetensors_from_bytes(const void *bytes, size_t count, wg_safetensors **out);
/* Views become invalid, tapes that borrowed them too. NULL is allowed. */
WG_API void wg_safetensors_close(wg_safetensors *file);

WG_API int64_t wg_safetensors_count(const wg_safetensors *file);
/* Tensor `index` in the order of names (strcmp); the one of that name. ARGUMENT where there is
 * none. */
WG_API wg_status wg_safetensors_at(const wg_safetensors *file, int64_t index, wg_tensor *out);
WG_API wg_status wg_safetensors_find(const wg_safetensors *file, const char *name, wg_tensor *out);

/* The text of a key of "__metadata__"; NULL where there is none. */
WG_API const char *wg_safetensors_metadata(const wg_safetensors *file, const char *key);
/* Key `index` in the order of keys, and its text; false beyond the last. */
WG_API bool wg_safetensors_metadata_at(const wg_safetensors *file, int64_t index, const char **key,
                                       const char **text);

/* A copy as a new array *out, of the dtype of its view (see wg_tensor). Errors: ARGUMENT for a name
 * that is not there; DTYPE for elements that no dtype holds (complex, 8-bit floats); FORMAT for a
 * U64 above 2^63 - 1 and for a BOOL that is neither 0 nor 1; MEMORY. On failure *out is NULL. */
WG_API wg_status wg_safetensors_read(const wg_safetensors *file, const char *name, wg_array **out);

/* A tensor as a constant on a tape: without a copy where that can be (the file must then stay open
 * until the tape's reset), else copied. Errors, as above, land on the tape. */
WG_API wg_var wg_safetensors_constant(const wg_safetensors *file, wg_tape *tape, const char *name);

/* ---- Writing --------------------------------------------------------------------------------- */

/* An array under a name: UTF-8, not "__metadata__", none twice. */
typedef struct wg_named_view {
    const char *name;
    wg_view view; /* any strides; read only (wg_array_view) */
} wg_named_view;

typedef struct wg_metadata {
    const char *key, *text; /* UTF-8 */
} wg_metadata;

/* Writes a file in the layout of the reference implementation: wider elements first, then by name;
 * the header filled up to a multiple of 8 bytes. A file of that path is replaced once the new one
 * is on the disk; a failed write leaves it as it was. Errors: ARGUMENT, LIMIT for a header above
 * 100 MB, FILE, MEMORY. */
WG_API wg_status wg_safetensors_save(const char *path, int64_t count, const wg_named_view *tensors,
                                     int64_t metadata_count, const wg_metadata *metadata);

/* ---- A store's parameters -------------------------------------------------------------------- */

/* What became of a file's tensors and a store's parameters. */
typedef struct wg_load_report {
    int64_t filled, made; /* parameters that were there, and new ones */
    int64_t missing;      /* parameters that the file lacks, left as they were */
    int64_t passed;       /* tensors that were passed over */
} wg_load_report;

/* All zeros: what the store has must be in the file, and what the store lacks is made. */
typedef struct wg_load_options {
    const char *prefix; /* of the file's names, left out in the store ("model."); tensors without it
                           are passed over */
    const char *skip;   /* a pattern of the store's names ('*' any run of characters, '?' one) that
                           are neither filled nor made, and may be missing: "head.*" */
    bool strict;        /* a tensor that the store lacks is an error */
    bool partial;       /* only what both have is filled; everything else is left as it is */
    wg_load_report *report; /* where not NULL, what was done */
} wg_load_options;

/* Fills a store from a file, all or nothing: after an error nothing has changed. A tensor must have
 * its parameter's shape; floats of any kind are converted to its dtype (rounded, as PyTorch's
 * load_state_dict does), integers fill integer buffers alone. Tapes that borrowed
 * parameters must be reset. What is made is used by the layer
 * that asks for it, so that a network may be loaded before its first forward pass: F16, BF16 and
 * F32 make f32, F64 makes f64, integers make buffers of i64. Errors: those of wg_safetensors_open
 * and wg_safetensors_read; SHAPE and DTYPE, naming both sides; ARGUMENT, naming what is missing or
 * unexpected, and for strict with partial; LIMIT for a name above 255 characters. */
WG_API wg_status wg_store_load(wg_store *store, const char *path, wg_load_options options);

/* Saves all parameters and buffers, as PyTorch's state_dict has them, each name behind `prefix`
 * (NULL: none). Errors: as wg_safetensors_save. */
WG_API wg_status wg_store_save(wg_store *store, const char *path, const char *prefix);

#ifdef __cplusplus
}
#endif

#endif
