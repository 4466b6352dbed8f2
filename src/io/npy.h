/* npy.h (internal): .npy files as bytes, whether they are files or entries of an archive. */
#ifndef WG_SRC_IO_NPY_H
#define WG_SRC_IO_NPY_H

#include "base/base.h"
#include "io/element.h"
#include "wengert/npy.h"

/* Where bytes come from, for messages: "VERB: PATH: ENTRY: byte ...". */
typedef struct wg_npy_source {
    const char *verb, *path, *entry; /* path and entry may be NULL */
    const unsigned char *bytes;
    size_t size;
} wg_npy_source;

typedef struct wg_npy_header {
    wg_element element;
    wg_dtype dtype; /* of the array that it becomes */
    bool fortran;
    int rank;
    int64_t shape[WG_MAX_RANK];
    size_t data; /* where the elements begin; they reach to the end */
} wg_npy_header;

/* FORMAT, DTYPE or LIMIT, behind where it stands. */
wg_status wg_npy_refuse(const wg_npy_source *source, wg_status status, size_t at,
                        const char *format, ...) WG_PRINTF(4, 5);

/* Reads the header, and holds the size against it. */
wg_status wg_npy_read_header(const wg_npy_source *source, wg_npy_header *header);

/* Header and elements as a new array. */
wg_status wg_npy_decode(const wg_npy_source *source, wg_array **out);

/* Room for the header of any array, and how many bytes of it one takes. DTYPE and ARGUMENT for a
 * view that cannot be stored. */
#define WG_NPY_MOST_HEADER 320
wg_status wg_npy_write_header(const char *verb, const wg_view *view,
                              char header[WG_NPY_MOST_HEADER], size_t *length);

#endif
