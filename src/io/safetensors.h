/* safetensors.h (internal): what an open safetensors file is made of. */
#ifndef WG_SRC_IO_SAFETENSORS_H
#define WG_SRC_IO_SAFETENSORS_H

#include "base/mapping.h"
#include "io/element.h"
#include "wengert/safetensors.h"

/* Before the header: its length. */
#define WG_SAFETENSORS_LENGTH ((size_t)8)
#define WG_SAFETENSORS_MOST_HEADER ((uint64_t)100000000)
#define WG_SAFETENSORS_METADATA "__metadata__"

/* The format's element types, in the order in which the reference implementation writes them. */
#define WG_SAFETENSORS_DTYPES(X)                                                                   \
    X(C64, OPAQUE, 8)                                                                              \
    X(U64, UNSIGNED, 8)                                                                            \
    X(I64, SIGNED, 8)                                                                              \
    X(F64, FLOAT, 8)                                                                               \
    X(F32, FLOAT, 4)                                                                               \
    X(U32, UNSIGNED, 4)                                                                            \
    X(I32, SIGNED, 4)                                                                              \
    X(BF16, BFLOAT, 2)                                                                             \
    X(F16, FLOAT, 2)                                                                               \
    X(U16, UNSIGNED, 2)                                                                            \
    X(I16, SIGNED, 2)                                                                              \
    X(F8_E4M3, OPAQUE, 1)                                                                          \
    X(F8_E5M2, OPAQUE, 1)                                                                          \
    X(I8, SIGNED, 1)                                                                               \
    X(U8, UNSIGNED, 1)                                                                             \
    X(BOOL, BOOL, 1)

typedef struct wg_safetensors_type {
    const char *name;
    wg_element element;
} wg_safetensors_type;

/* The type that stores a dtype. */
const wg_safetensors_type *wg_safetensors_type_of(wg_dtype dtype);

typedef struct wg_safetensors_entry {
    const char *name;
    const wg_safetensors_type *type;
    int rank;
    int64_t shape[WG_MAX_RANK];
    uint64_t begin, end;   /* in the data */
    size_t at, offsets_at; /* where its name and its offsets stand, for messages */
} wg_safetensors_entry;

typedef struct wg_safetensors_text {
    const char *key, *text;
    size_t at;
} wg_safetensors_text;

struct wg_safetensors {
    const char *verb;   /* what messages start with */
    char *path;         /* NULL for bytes in memory */
    wg_mapping mapping; /* .bytes is NULL for bytes of the caller */
    const unsigned char *bytes;
    size_t size;
    size_t data;                 /* where the data begin */
    char *room;                  /* the strings of the header */
    wg_safetensors_entry *entry; /* by name */
    int64_t count, capacity;
    wg_safetensors_text *text; /* by key */
    int64_t texts, text_capacity;
};

/* Refuses the file: "VERB: PATH: byte AT: ...". */
wg_status wg_safetensors_refuse_as(const wg_safetensors *file, wg_status status, size_t at,
                                   const char *format, ...) WG_PRINTF(4, 5);
#define wg_safetensors_refuse(file, at, ...)                                                       \
    wg_safetensors_refuse_as(file, WG_ERROR_FORMAT, at, __VA_ARGS__)

/* Opens a file for another verb. */
wg_status wg_safetensors_open_as(const char *verb, const char *path, wg_safetensors **out);
/* The same, read into memory instead of mapped. */
wg_status wg_safetensors_load_as(const char *verb, const char *path, wg_safetensors **out);

/* Reads the header and holds the data against it. FORMAT, LIMIT, MEMORY. */
wg_status wg_safetensors_read_header(wg_safetensors *file);

/* The entry of that name, or NULL. */
const wg_safetensors_entry *wg_safetensors_entry_named(const wg_safetensors *file,
                                                       const char *name);

/* Whether the elements can be copied as `dtype`. DTYPE, FORMAT. */
wg_status wg_safetensors_check(const wg_safetensors *file, const wg_safetensors_entry *entry,
                               wg_dtype dtype);
/* Copies them, once that is known. */
void wg_safetensors_copy(const wg_safetensors *file, const wg_safetensors_entry *entry,
                         wg_dtype dtype, void *to);

/* ---- safetensors_write.c ---- */

typedef struct wg_safetensors_item wg_safetensors_item;

/* What is to be written, in order. */
typedef struct wg_safetensors_plan {
    const char *verb;
    wg_safetensors_item *item;
    int64_t count;
    char *header; /* with its length before it */
    size_t header_bytes;
} wg_safetensors_plan;

/* Lays out a file. ARGUMENT, LIMIT, MEMORY; then there is nothing to free. */
wg_status wg_safetensors_plan_new(const char *verb, int64_t count, const wg_named_view *tensors,
                                  int64_t metadata_count, const wg_metadata *metadata,
                                  wg_safetensors_plan *plan);
void wg_safetensors_plan_free(wg_safetensors_plan *plan);
/* Writes it in the place of `path`. With `checksum` the last tensor's bytes are not those of its
 * view (u8 [4]) but the CRC-32 of all before them. FILE, MEMORY. */
wg_status wg_safetensors_plan_write(const wg_safetensors_plan *plan, const char *path,
                                    bool checksum);

#endif
