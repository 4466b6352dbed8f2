/* zip.h (internal): ZIP archives (PKWARE's APPNOTE.TXT 6.3.9) as far as .npz files need them:
 * entries stored or deflated, sizes beyond 4 GB (ZIP64), no encryption, one disk. */
#ifndef WG_SRC_IO_ZIP_H
#define WG_SRC_IO_ZIP_H

#include "base/base.h"

enum {
    WG_ZIP_LOCAL = 0x04034b50, /* what records begin with */
    WG_ZIP_CENTRAL = 0x02014b50,
    WG_ZIP_END = 0x06054b50,
    WG_ZIP_END64 = 0x06064b50,
    WG_ZIP_LOCATOR = 0x07064b50,
    WG_ZIP_LOCAL_BYTES = 30, /* and how long they are without names */
    WG_ZIP_CENTRAL_BYTES = 46,
    WG_ZIP_END_BYTES = 22,
    WG_ZIP_END64_BYTES = 56,
    WG_ZIP_LOCATOR_BYTES = 20,
    WG_ZIP_STORED = 0, /* methods */
    WG_ZIP_DEFLATED = 8,
    WG_ZIP_ENCRYPTED = 1, /* flags */
    WG_ZIP_SIZES_FOLLOW = 8,
    WG_ZIP_UTF8 = 0x800,
    WG_ZIP_EXTRA64 = 1 /* the extra field with 64-bit sizes */
};

typedef struct wg_zip_entry {
    char *name;
    unsigned method;
    uint32_t crc;
    uint64_t packed, size; /* bytes in the file and unpacked */
    uint64_t offset, end;  /* of the entry, local header and all */
    size_t data;           /* where its bytes begin */
    size_t at;             /* where the directory has it */
} wg_zip_entry;

typedef struct wg_zip {
    const char *verb, *path; /* path may be NULL */
    const unsigned char *bytes;
    size_t size;
    wg_zip_entry *entry; /* by name */
    int64_t count;
} wg_zip;

/* "VERB: PATH: byte AT: ..." */
wg_status wg_zip_refuse(const wg_zip *zip, size_t at, const char *format, ...) WG_PRINTF(3, 4);

/* Reads the directory of zip->bytes, and holds it against the entries. FORMAT, MEMORY; then there
 * is nothing to close. */
wg_status wg_zip_open(wg_zip *zip);
void wg_zip_close(wg_zip *zip);

/* The bytes of an entry, its CRC-32 checked: in the archive where they are stored, else unpacked
 * into *memory (free it with wg_free). FORMAT, STATE without zlib, MEMORY. */
wg_status wg_zip_unpack(const wg_zip *zip, const wg_zip_entry *entry, const unsigned char **bytes,
                        unsigned char **memory);

#endif
