/* idx.c: IDX files. Layout, big-endian throughout: two zero bytes, a type byte, the rank as a byte,
 * one u32 for each size, the elements in C order. */
#include "data/idx.h"

#include "base/bytes.h"
#include "base/endian.h"
#include "base/replace.h"
#include "data/mapped.h"
#include "wengert/data.h"

#include <string.h>

typedef struct idx_type {
    unsigned char code;
    unsigned char bytes; /* of an element in the file */
    wg_dtype dtype;      /* in memory */
} idx_type;

static const idx_type idx_types[] = {
    {0x08, 1, WG_U8},  {0x09, 1, WG_I64}, {0x0B, 2, WG_I64},
    {0x0C, 4, WG_I64}, {0x0D, 4, WG_F32}, {0x0E, 8, WG_F64},
};

static const idx_type *type_of_code(unsigned char code) {
    for (size_t i = 0; i < WG_COUNT_OF(idx_types); i++) {
        if (idx_types[i].code == code) {
            return &idx_types[i];
        }
    }
    return NULL;
}

static wg_status check_magic(const char *verb, const char *path, const unsigned char *bytes,
                             size_t size) {
    if (size >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B) {
        return wg_fail(WG_ERROR_FORMAT,
                       "%s: %s: byte 0: compressed with gzip; unpack the file first", verb, path);
    }
    for (size_t i = 0; i < 2 && i < size; i++) {
        if (bytes[i] != 0) {
            return wg_fail(WG_ERROR_FORMAT, "%s: %s: byte %zu: 0x%02x where an IDX file has 0",
                           verb, path, i, bytes[i]);
        }
    }
    if (size < 4) {
        return wg_fail(WG_ERROR_FORMAT,
                       "%s: %s: byte %zu: the file ends inside the 4-byte magic number", verb, path,
                       size);
    }
    if (type_of_code(bytes[2]) == NULL) {
        return wg_fail(WG_ERROR_FORMAT, "%s: %s: byte 2: 0x%02x is no IDX element type", verb, path,
                       bytes[2]);
    }
    if (bytes[3] > WG_MAX_RANK) {
        return wg_fail(WG_ERROR_FORMAT, "%s: %s: byte 3: %d axes, at most %d are supported", verb,
                       path, bytes[3], WG_MAX_RANK);
    }
    return WG_OK;
}

/* Reads the sizes and compares what they promise with what is there, before anything is made. */
static wg_status check_sizes(const char *verb, const char *path, const unsigned char *bytes,
                             size_t size, int64_t shape[WG_MAX_RANK]) {
    int rank = bytes[3];
    size_t header = 4 + 4 * (size_t)rank;
    if (size < header) {
        return wg_fail(WG_ERROR_FORMAT,
                       "%s: %s: byte %zu: the file ends inside its %zu-byte header", verb, path,
                       size, header);
    }
    for (int axis = 0; axis < rank; axis++) {
        shape[axis] = (int64_t)wg_load_big(bytes + 4 + 4 * axis, 4);
    }
    char text[192];
    (void)wg_shape_text(rank, shape, text, sizeof text);
    size_t element = type_of_code(bytes[2])->bytes;
    int64_t count = wg_shape_count(rank, shape, sizeof(double));
    if (count < 0) {
        return wg_fail(WG_ERROR_LIMIT, "%s: %s: byte 4: the shape %s overflows", verb, path, text);
    }
    uint64_t wanted = (uint64_t)count * element;
    uint64_t found = size - header;
    if (found < wanted) {
        return wg_fail(WG_ERROR_FORMAT,
                       "%s: %s: byte %zu: the file ends here; the shape %s needs %llu bytes", verb,
                       path, size, text, (unsigned long long)(header + wanted));
    }
    if (found > wanted) {
        return wg_fail(WG_ERROR_FORMAT,
                       "%s: %s: byte %llu: %llu bytes left over after the shape %s", verb, path,
                       (unsigned long long)(header + wanted), (unsigned long long)(found - wanted),
                       text);
    }
    return WG_OK;
}

static int64_t sign_extend(uint64_t bits, size_t bytes) {
    uint64_t sign = (uint64_t)1 << (8 * bytes - 1);
    return (int64_t)(bits ^ sign) - (int64_t)sign;
}

static void load_elements(const idx_type *type, const unsigned char *from, wg_array *to) {
    int64_t count = wg_array_count(to);
    if (type->dtype == WG_U8 && count > 0) {
        memcpy(to->data, from, (size_t)count);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        uint64_t bits = wg_load_big(from + (size_t)i * type->bytes, type->bytes);
        if (type->dtype == WG_I64) {
            ((int64_t *)to->data)[i] = sign_extend(bits, type->bytes);
        } else if (type->dtype == WG_F32) {
            uint32_t word = (uint32_t)bits;
            memcpy((float *)to->data + i, &word, sizeof word);
        } else {
            memcpy((double *)to->data + i, &bits, sizeof bits);
        }
    }
}

/* What a file holds: its element type, and where the elements stand. */
typedef struct idx_head {
    const idx_type *type;
    int rank;
    int64_t shape[WG_MAX_RANK];
    size_t bytes; /* before the elements */
} idx_head;

static wg_status read_head(const char *verb, const char *path, const unsigned char *bytes,
                           size_t size, idx_head *head) {
    wg_status status = check_magic(verb, path, bytes, size);
    if (status == WG_OK) {
        status = check_sizes(verb, path, bytes, size, head->shape);
    }
    if (status == WG_OK) {
        head->type = type_of_code(bytes[2]);
        head->rank = bytes[3];
        head->bytes = 4 + 4 * (size_t)bytes[3];
    }
    return status;
}

wg_status wg_idx_from_bytes(const char *path, const unsigned char *bytes, size_t size,
                            wg_array **out) {
    idx_head head = {.type = NULL};
    *out = NULL;
    wg_status status = read_head("read_idx", path, bytes, size, &head);
    if (status == WG_OK) {
        status = wg_array_new(head.type->dtype, head.rank, head.shape, out);
    }
    if (status == WG_OK) {
        load_elements(head.type, bytes + head.bytes, *out);
    }
    return status;
}

wg_status wg_read_idx(const char *path, wg_array **out) {
    *out = NULL;
    unsigned char *bytes = NULL;
    size_t size = 0;
    wg_status status = wg_read_bytes("read_idx", path, &bytes, &size);
    if (status == WG_OK) {
        status = wg_idx_from_bytes(path, bytes, size, out);
    }
    wg_free(bytes);
    return status;
}

wg_status wg_map_idx(const char *path, wg_mapped **out) {
    wg_mapping mapping;
    idx_head head = {.type = NULL};
    *out = NULL;
    wg_status status = wg_map_file("map_idx", path, &mapping);
    if (status == WG_OK) {
        status = read_head("map_idx", path, mapping.bytes, mapping.size, &head);
    }
    if (status == WG_OK && head.type->code != 0x08) {
        status = wg_fail(WG_ERROR_DTYPE,
                         "map_idx: %s: byte 2: elements of type 0x%02x are big-endian and cannot "
                         "be mapped; wg_read_idx reads them",
                         path, head.type->code);
    }
    if (status != WG_OK) {
        wg_unmap_file(&mapping);
        return status;
    }
    return wg_mapped_new("map_idx", &mapping, head.bytes, WG_U8, head.rank, head.shape, out);
}

/* The type code that stores a dtype. */
static const idx_type *type_of_dtype(wg_dtype dtype) {
    unsigned char code = 0;
    switch (dtype) {
    case WG_U8:
        code = 0x08;
        break;
    case WG_I64:
        code = 0x0C;
        break;
    case WG_F32:
        code = 0x0D;
        break;
    case WG_F64:
        code = 0x0E;
        break;
    case WG_BF16: /* the format has none */
        break;
    }
    return type_of_code(code);
}

static uint64_t element_bits(const wg_array *array, int64_t i) {
    uint64_t bits = 0;
    if (array->dtype == WG_U8) {
        bits = ((const uint8_t *)array->data)[i];
    } else if (array->dtype == WG_I64) {
        bits = (uint64_t)((const int64_t *)array->data)[i];
    } else if (array->dtype == WG_F32) {
        uint32_t word;
        memcpy(&word, (const float *)array->data + i, sizeof word);
        bits = word;
    } else {
        memcpy(&bits, (const double *)array->data + i, sizeof bits);
    }
    return bits;
}

static wg_status check_writable(const char *path, const wg_array *array) {
    if (path == NULL || array == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "write_idx: the path or the array is missing");
    }
    if (type_of_dtype(array->dtype) == NULL) {
        return wg_fail(WG_ERROR_DTYPE, "write_idx: %s: the format has no %s", path,
                       wg_dtype_name(array->dtype));
    }
    for (int axis = 0; axis < array->rank; axis++) {
        if (array->shape[axis] > UINT32_MAX) {
            return wg_fail(WG_ERROR_LIMIT, "write_idx: %s: a size of %lld is above 2^32 - 1", path,
                           (long long)array->shape[axis]);
        }
    }
    int64_t count = wg_array_count(array);
    for (int64_t i = 0; array->dtype == WG_I64 && i < count; i++) {
        int64_t value = ((const int64_t *)array->data)[i];
        if (value < INT32_MIN || value > INT32_MAX) {
            return wg_fail(WG_ERROR_ARGUMENT,
                           "write_idx: %s: element %lld is %lld, which i32 cannot hold", path,
                           (long long)i, (long long)value);
        }
    }
    return WG_OK;
}

static wg_status write_elements(wg_replacement *file, const idx_type *type, const wg_array *array) {
    unsigned char block[4096];
    const int64_t count = wg_array_count(array);
    size_t used = 0;
    wg_status status = WG_OK;
    for (int64_t i = 0; i < count && status == WG_OK; i++) {
        wg_store_big(block + used, type->bytes, element_bits(array, i));
        used += type->bytes;
        if (used == sizeof block || i == count - 1) {
            status = wg_replace_add(file, block, used);
            used = 0;
        }
    }
    return status;
}

wg_status wg_write_idx(const char *path, const wg_array *array) {
    wg_replacement file;
    wg_status status = check_writable(path, array);
    if (status == WG_OK) {
        status = wg_replace_begin(&file, "write_idx", path);
    }
    if (status != WG_OK) {
        return status;
    }
    const idx_type *type = type_of_dtype(array->dtype);
    unsigned char header[4 + 4 * WG_MAX_RANK] = {0, 0, type->code, (unsigned char)array->rank};
    for (int axis = 0; axis < array->rank; axis++) {
        wg_store_big(header + 4 + 4 * axis, 4, (uint64_t)array->shape[axis]);
    }
    status = wg_replace_add(&file, header, 4 + 4 * (size_t)array->rank);
    if (status == WG_OK) {
        status = write_elements(&file, type, array);
    }
    if (status != WG_OK) {
        wg_replace_drop(&file);
        return status;
    }
    return wg_replace_end(&file);
}
