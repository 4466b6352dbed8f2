/* mapped.c: arrays in mapped files. */
#include "data/mapped.h"

#include <string.h>

struct wg_mapped {
    wg_array array;
    wg_mapping mapping;
};

wg_status wg_mapped_new(const char *verb, wg_mapping *mapping, size_t offset, wg_dtype dtype,
                        int rank, const int64_t *shape, wg_mapped **out) {
    const size_t size = wg_dtype_size(dtype);
    wg_status status = WG_OK;
    *out = NULL;
    if (offset % size != 0) {
        status = wg_fail(WG_ERROR_FORMAT, "%s: byte %zu: no place for %s: no multiple of %zu", verb,
                         offset, wg_dtype_name(dtype), size);
    }
    wg_mapped *made = status == WG_OK ? wg_calloc(1, sizeof *made) : NULL;
    if (status == WG_OK && made == NULL) {
        status = wg_fail(WG_ERROR_MEMORY, "%s: no memory for a mapped array", verb);
    }
    if (status != WG_OK) {
        wg_unmap_file(mapping);
        return status;
    }
    made->array = (wg_array){.dtype = dtype, .rank = rank};
    if (rank > 0) {
        memcpy(made->array.shape, shape, (size_t)rank * sizeof *shape);
    }
    if (wg_array_count(&made->array) > 0) {
        /* Nothing writes through the const array that users see. */
        made->array.data = (char *)mapping->memory + offset;
    }
    made->mapping = *mapping;
    *out = made;
    return WG_OK;
}

const wg_array *wg_mapped_array(const wg_mapped *mapped) {
    return &mapped->array;
}

void wg_mapped_free(wg_mapped *mapped) {
    if (mapped != NULL) {
        wg_unmap_file(&mapped->mapping);
        wg_free(mapped);
    }
}

/* ---- Plain elements -------------------------------------------------------------------------- */

/* The shape with its first size filled in, against the bytes that are there. */
static wg_status fit_shape(const char *path, wg_dtype dtype, int rank, int64_t *shape,
                           uint64_t offset, uint64_t bytes) {
    const size_t size = wg_dtype_size(dtype);
    const bool open = rank > 0 && shape[0] == -1;
    if (open) {
        shape[0] = 1;
    }
    const int64_t row = wg_shape_count(rank, shape, sizeof(double));
    if (row < 0) {
        return wg_fail(WG_ERROR_LIMIT, "map_raw: %s: the shape overflows", path);
    }
    if (offset > bytes) {
        return wg_fail(WG_ERROR_FORMAT, "map_raw: %s: byte %llu: the file ends before byte %llu",
                       path, (unsigned long long)bytes, (unsigned long long)offset);
    }
    const uint64_t there = bytes - offset;
    uint64_t wanted = (uint64_t)row * size;
    if (open && wanted > 0) {
        shape[0] = (int64_t)(there / wanted);
        wanted *= there / wanted;
    }
    if (there != wanted) {
        return wg_fail(WG_ERROR_FORMAT,
                       "map_raw: %s: byte %llu: the file ends here; the shape takes it to %llu",
                       path, (unsigned long long)bytes, (unsigned long long)(offset + wanted));
    }
    return WG_OK;
}

wg_status wg_map_raw(const char *path, wg_dtype dtype, int rank, const int64_t *shape,
                     int64_t offset, wg_mapped **out) {
    int64_t sizes[WG_MAX_RANK] = {0};
    const size_t size = wg_dtype_size(dtype);
    *out = NULL;
    bool fits = size > 0 && rank >= 0 && rank <= WG_MAX_RANK && (shape != NULL || rank == 0) &&
                offset >= 0 && (uint64_t)offset % size == 0;
    for (int axis = 0; axis < rank && fits; axis++) {
        sizes[axis] = shape[axis];
        fits = shape[axis] >= (axis == 0 ? -1 : 0);
    }
    if (!fits) {
        return wg_fail(WG_ERROR_ARGUMENT, "map_raw: rank %d, %s from byte %lld on", rank,
                       size > 0 ? wg_dtype_name(dtype) : "no dtype", (long long)offset);
    }
    wg_mapping mapping;
    wg_status status = wg_map_file("map_raw", path, &mapping);
    if (status != WG_OK) {
        return status;
    }
    status = fit_shape(path, dtype, rank, sizes, (uint64_t)offset, mapping.size);
    if (status != WG_OK) {
        wg_unmap_file(&mapping);
        return status;
    }
    return wg_mapped_new("map_raw", &mapping, (size_t)offset, dtype, rank, sizes, out);
}
