/* npy.c: arrays in .npy files. */
#include "io/npy.h"

#include "base/mapping.h"
#include "base/replace.h"
#include "data/mapped.h"

/* The elements lie in Fortran order: the last axis is the one with the longest stride. */
static void load_fortran(const wg_npy_header *header, const unsigned char *from, wg_array *to) {
    int64_t stride[WG_MAX_RANK], index[WG_MAX_RANK] = {0}, next = (int64_t)header->element.bytes;
    for (int axis = 0; axis < header->rank; axis++) {
        stride[axis] = next;
        next *= header->shape[axis];
    }
    const int last = header->rank - 1;
    const int64_t row = header->shape[last], count = wg_array_count(to);
    const size_t row_bytes = (size_t)row * wg_dtype_size(to->dtype);
    char *out = to->data;
    int64_t at = 0;
    for (int64_t done = 0; done < count; done += row, out += row_bytes) {
        wg_element_load(header->element, from + at, stride[last], row, to->dtype, out);
        for (int axis = last - 1; axis >= 0; axis--) {
            at += stride[axis];
            if (++index[axis] < header->shape[axis]) {
                break;
            }
            at -= index[axis] * stride[axis];
            index[axis] = 0;
        }
    }
}

wg_status wg_npy_decode(const wg_npy_source *source, wg_array **out) {
    wg_npy_header header;
    *out = NULL;
    wg_status status = wg_npy_read_header(source, &header);
    if (status != WG_OK) {
        return status;
    }
    const unsigned char *from = source->bytes + header.data;
    const int64_t element = (int64_t)header.element.bytes;
    const int64_t count = wg_shape_count(header.rank, header.shape, 1);
    const int64_t wrong = wg_element_unfit(header.element, from, element, count);
    if (wrong >= 0) {
        return wg_npy_refuse(source, WG_ERROR_FORMAT, header.data + (size_t)(wrong * element),
                             header.element.kind == WG_ELEMENT_BOOL
                                 ? "a bool that is neither 0 nor 1"
                                 : "an integer above 2^63 - 1");
    }
    status = wg_array_new(header.dtype, header.rank, header.shape, out);
    if (status != WG_OK || count == 0) {
        return status;
    }
    if (header.fortran && header.rank > 1) {
        load_fortran(&header, from, *out);
    } else {
        wg_element_load(header.element, from, element, count, header.dtype, (*out)->data);
    }
    return WG_OK;
}

wg_status wg_read_npy(const char *path, wg_array **out) {
    wg_mapping mapping;
    *out = NULL;
    wg_status status = wg_load_file("read_npy", path, &mapping);
    if (status == WG_OK) {
        const wg_npy_source source = {"read_npy", path, NULL, mapping.bytes, mapping.size};
        status = wg_npy_decode(&source, out);
        wg_unmap_file(&mapping);
    }
    return status;
}

wg_status wg_map_npy(const char *path, wg_mapped **out) {
    wg_mapping mapping;
    wg_npy_header header;
    *out = NULL;
    wg_status status = wg_map_file("map_npy", path, &mapping);
    if (status != WG_OK) {
        return status;
    }
    const wg_npy_source source = {"map_npy", path, NULL, mapping.bytes, mapping.size};
    status = wg_npy_read_header(&source, &header);
    if (status == WG_OK &&
        (!wg_element_is_native(header.element) || (header.fortran && header.rank > 1))) {
        status = wg_fail(WG_ERROR_DTYPE,
                         "map_npy: %s: not in C order, or elements of another kind or byte order "
                         "than memory's: wg_read_npy reads them",
                         path);
    }
    if (status != WG_OK) {
        wg_unmap_file(&mapping);
        return status;
    }
    return wg_mapped_new("map_npy", &mapping, header.data, header.dtype, header.rank, header.shape,
                         out);
}

wg_status wg_write_npy(const char *path, const wg_view *view) {
    char header[WG_NPY_MOST_HEADER];
    size_t length = 0;
    wg_replacement file;
    if (view == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "write_npy: the array is NULL");
    }
    wg_status status = wg_npy_write_header("write_npy", view, header, &length);
    status = status == WG_OK ? wg_replace_begin(&file, "write_npy", path) : status;
    if (status != WG_OK) {
        return status;
    }
    status = wg_replace_add(&file, header, length);
    status =
        status == WG_OK ? wg_element_store("write_npy", view, wg_replace_add_to, &file) : status;
    if (status != WG_OK) {
        wg_replace_drop(&file);
        return status;
    }
    return wg_replace_end(&file);
}
