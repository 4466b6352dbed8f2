/* npy.h: arrays in NumPy's files: .npy (one array) and .npz (several, by name).
 *
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1.0, 2.0
 * and 3.0. Dtypes: f8, f4, i8 and u1 keep theirs (f64, f32, i64, u8); f2 becomes f32; i1, i2, i4,
 * u2, u4 and u8 become i64 (a u8 of NumPy above 2^63 - 1 is refused); bool becomes u8. Either byte
 * order; Fortran order becomes C order. Everything else (complex numbers, strings, records,
 * objects) is refused, and so is damage, with the byte where it stands. */
#ifndef WENGERT_NPY_H
#define WENGERT_NPY_H

#include "wengert/data.h"
#include "wengert/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Reads a .npy file into a new array *out; free it with wg_array_free. Errors: ARGUMENT for a path
 * of NULL, FILE, FORMAT (byte offset and reason), DTYPE for elements that no dtype holds, LIMIT for
 * more than 8 axes and sizes that overflow, MEMORY. On failure *out is NULL. */
WG_API wg_status wg_read_npy(const char *path, wg_array **out);

/* Maps one whose elements are those of memory: f4, f8, i8 or u1 in this machine's byte order and in
 * C order (what numpy.save writes of most arrays); DTYPE for others, which wg_read_npy reads. Like
 * all that is mapped (data.h), the file must not be shortened meanwhile. Else as wg_read_npy. */
WG_API wg_status wg_map_npy(const char *path, wg_mapped **out);

/* Writes an array as version 1.0, little-endian, in C order: numpy.load reads it. bf16, which NumPy
 * does not have, is refused with DTYPE. A file of that path is replaced once the new one is on the
 * disk; a failed write leaves it as it was. Errors: ARGUMENT, DTYPE, FILE, MEMORY. */
WG_API wg_status wg_write_npy(const char *path, const wg_view *view);

/* An open .npz file: a ZIP archive of .npy files, mapped into memory: it must not be shortened
 * meanwhile (SIGBUS). Any number of threads may read one. */
typedef struct wg_npz wg_npz;

/* Opens a .npz file, and reads its directory. Refused with FORMAT, naming the byte: a name that
 * comes twice, is no UTF-8 or holds a zero; entries that overlap one another or the directory;
 * sizes and offsets beyond the file; encrypted entries, other methods than stored and deflated,
 * archives of several disks. Errors: ARGUMENT, FILE, FORMAT, MEMORY. On failure *out is NULL. */
WG_API wg_status wg_npz_open(const char *path, wg_npz **out);
/* The same of bytes in memory, which must stay until it is closed. */
WG_API wg_status wg_npz_from_bytes(const void *bytes, size_t count, wg_npz **out);
/* NULL is allowed. */
WG_API void wg_npz_close(wg_npz *npz);

/* How many arrays it holds, and the name of number `index` in the order of names, without ".npy"
 * (NULL where there is none). */
WG_API int64_t wg_npz_count(const wg_npz *npz);
WG_API const char *wg_npz_name(const wg_npz *npz, int64_t index);

/* Reads one array. Deflated entries (numpy.savez_compressed) need zlib, which wengert is built with
 * where Meson finds it. Errors: ARGUMENT for a name that is not there; STATE for a deflated entry
 * without zlib; FORMAT also where the entry's CRC-32 is not that of its content; the others of
 * wg_read_npy. On failure *out is NULL. */
WG_API wg_status wg_npz_read(const wg_npz *npz, const char *name, wg_array **out);

/* Writes arrays as a .npz file, not compressed (as numpy.savez does). Names: UTF-8, none twice, at
 * most 65531 bytes. Files, entries and directories above 4 GB use ZIP64. Errors: as wg_write_npy,
 * and LIMIT. */
WG_API wg_status wg_npz_save(const char *path, int64_t count, const wg_named_view *arrays);

#ifdef __cplusplus
}
#endif

#endif
