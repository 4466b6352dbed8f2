/* npy_header.c: the header of a .npy file: a magic number, a version, a length, and the text of a
 * Python dictionary: {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), } */
#include "io/npy.h"

#include "base/bytes.h"
#include "base/endian.h"

#include <stdio.h>
#include <string.h>

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

wg_status wg_npy_refuse(const wg_npy_source *source, wg_status status, size_t at,
                        const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const wg_status result =
        wg_refuse_byte(status, source->verb, source->path, source->entry, at, format, arguments);
    va_end(arguments);
    return result;
}

/* ---- The dictionary -------------------------------------------------------------------------- */

typedef struct wg_dictionary {
    const wg_npy_source *source;
    size_t at, end;
    wg_status status;
    wg_npy_header *header;
} wg_dictionary;

#define REFUSE(d, status_, at_, ...)                                                               \
    ((d)->status = (d)->status != WG_OK ? (d)->status                                              \
                                        : wg_npy_refuse((d)->source, status_, at_, __VA_ARGS__),   \
     false)

static unsigned char peek(wg_dictionary *d) {
    while (d->at < d->end && (d->source->bytes[d->at] == ' ' || d->source->bytes[d->at] == '\n')) {
        d->at++;
    }
    return d->at < d->end ? d->source->bytes[d->at] : 0;
}

static bool is_next(wg_dictionary *d, const char *text) {
    const size_t length = strlen(text);
    (void)peek(d);
    if (d->end - d->at < length || memcmp(d->source->bytes + d->at, text, length) != 0) {
        return false;
    }
    d->at += length;
    return true;
}

static bool expect(wg_dictionary *d, const char *text) {
    return is_next(d, text) ||
           REFUSE(d, WG_ERROR_FORMAT, d->at, "no %s where the header must have one", text);
}

/* What stands between quotes, without escapes; its bytes are not ended by a zero. */
static bool take_string(wg_dictionary *d, const char **text, size_t *length) {
    const unsigned char quote = peek(d);
    if (quote != '\'' && quote != '"') {
        return REFUSE(d, WG_ERROR_FORMAT, d->at, "no string where the header must have one");
    }
    const size_t start = ++d->at;
    while (d->at < d->end && d->source->bytes[d->at] != quote) {
        d->at++;
    }
    if (d->at >= d->end) {
        return REFUSE(d, WG_ERROR_FORMAT, start, "a string that does not end");
    }
    *text = (const char *)d->source->bytes + start;
    *length = d->at++ - start;
    return true;
}

static wg_element_kind kind_of(char letter) {
    return letter == 'f'   ? WG_ELEMENT_FLOAT
           : letter == 'i' ? WG_ELEMENT_SIGNED
           : letter == 'u' ? WG_ELEMENT_UNSIGNED
           : letter == 'b' ? WG_ELEMENT_BOOL
                           : WG_ELEMENT_OPAQUE;
}

/* '<f8': byte order, kind, bytes. */
static bool take_descr(wg_dictionary *d) {
    const char *text = NULL;
    size_t length = 0;
    if (peek(d) == '[') {
        return REFUSE(d, WG_ERROR_DTYPE, d->at, "records, which no dtype holds");
    }
    const size_t at = d->at;
    if (!take_string(d, &text, &length)) {
        return false;
    }
    wg_element element = {.kind = WG_ELEMENT_OPAQUE};
    if (length == 3 && memchr("<>|", text[0], 3) != NULL && text[2] >= '1' && text[2] <= '8') {
        element = (wg_element){kind_of(text[1]), (unsigned)(text[2] - '0'), text[0] == '>'};
    }
    if (!wg_element_dtype(element, &d->header->dtype)) {
        return REFUSE(d, WG_ERROR_DTYPE, at, "elements '%.*s', which no dtype holds",
                      length < 20 ? (int)length : 20, text);
    }
    if (text[0] == '|' && element.bytes > 1) {
        return REFUSE(d, WG_ERROR_FORMAT, at, "'%.3s' has no byte order", text);
    }
    d->header->element = element;
    return true;
}

static bool take_order(wg_dictionary *d) {
    d->header->fortran = is_next(d, "True");
    return d->header->fortran || is_next(d, "False") ||
           REFUSE(d, WG_ERROR_FORMAT, d->at, "neither True nor False");
}

static bool take_size(wg_dictionary *d) {
    wg_npy_header *header = d->header;
    const size_t at = d->at;
    int64_t size = 0;
    for (; d->at < d->end; d->at++) {
        const unsigned digit = (unsigned)d->source->bytes[d->at] - '0';
        if (digit > 9) {
            break;
        }
        if (size > (INT64_MAX - (int64_t)digit) / 10) {
            return REFUSE(d, WG_ERROR_LIMIT, at, "a size that overflows");
        }
        size = size * 10 + (int64_t)digit;
    }
    if (d->at == at) {
        return REFUSE(d, WG_ERROR_FORMAT, at, "no size where the shape must have one");
    }
    (void)is_next(d, "L"); /* Python 2 wrote 3L */
    if (header->rank == WG_MAX_RANK) {
        return REFUSE(d, WG_ERROR_LIMIT, at, "more than %d axes", WG_MAX_RANK);
    }
    header->shape[header->rank++] = size;
    return true;
}

/* (), (3,), (3, 4) */
static bool take_shape(wg_dictionary *d) {
    bool more = true, comma = false;
    if (!expect(d, "(")) {
        return false;
    }
    d->header->rank = 0;
    while (more && peek(d) != ')') {
        if (!take_size(d)) {
            return false;
        }
        more = is_next(d, ",");
        comma = comma || more;
    }
    return expect(d, ")") && (d->header->rank != 1 || comma ||
                              REFUSE(d, WG_ERROR_FORMAT, d->at - 1, "a shape without a comma"));
}

static bool take_field(wg_dictionary *d, bool seen[3]) {
    static const char *const names[3] = {"descr", "fortran_order", "shape"};
    const char *text = NULL;
    size_t length = 0, field = 0;
    (void)peek(d);
    const size_t at = d->at;
    if (!take_string(d, &text, &length)) {
        return false;
    }
    while (field < 3 &&
           (strlen(names[field]) != length || memcmp(names[field], text, length) != 0)) {
        field++;
    }
    if (field == 3 || seen[field]) {
        return REFUSE(d, WG_ERROR_FORMAT, at, "%s '%.*s'",
                      field < 3 ? "twice the field" : "the unknown field",
                      length < 20 ? (int)length : 20, text);
    }
    seen[field] = true;
    return expect(d, ":") && (field == 0   ? take_descr(d)
                              : field == 1 ? take_order(d)
                                           : take_shape(d));
}

static bool take_dictionary(wg_dictionary *d) {
    bool seen[3] = {false, false, false}, more = true;
    const size_t start = d->at;
    if (!expect(d, "{")) {
        return false;
    }
    while (more && peek(d) != '}') {
        if (!take_field(d, seen)) {
            return false;
        }
        more = is_next(d, ",");
    }
    if (!expect(d, "}")) {
        return false;
    }
    if (!seen[0] || !seen[1] || !seen[2]) {
        return REFUSE(d, WG_ERROR_FORMAT, start, "the header has no '%s'",
                      !seen[0]   ? "descr"
                      : !seen[1] ? "fortran_order"
                                 : "shape");
    }
    (void)peek(d);
    return d->at == d->end ||
           REFUSE(d, WG_ERROR_FORMAT, d->at, "the header goes on behind its end");
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* Magic, version and length: where the dictionary begins and ends. */
static wg_status find_dictionary(const wg_npy_source *source, size_t *begin, size_t *end) {
    const unsigned char *bytes = source->bytes;
    for (size_t i = 0; i < sizeof magic && i < source->size; i++) {
        if (bytes[i] != magic[i]) {
            return wg_npy_refuse(source, WG_ERROR_FORMAT, i, "0x%02x where a .npy file has 0x%02x",
                                 bytes[i], magic[i]);
        }
    }
    const unsigned major = source->size > 6 ? bytes[6] : 1;
    const unsigned minor = source->size > 7 ? bytes[7] : 0;
    if (major < 1 || major > 3 || minor != 0) {
        return wg_npy_refuse(source, WG_ERROR_FORMAT, 6,
                             "version %u.%u; 1.0, 2.0 and 3.0 are known", major, minor);
    }
    const size_t wide = major == 1 ? 2 : 4;
    *begin = 8 + wide;
    if (source->size < *begin) {
        return wg_npy_refuse(source, WG_ERROR_FORMAT, source->size,
                             "the file ends before its header");
    }
    const uint32_t length = (uint32_t)wg_load_little(bytes + 8, wide);
    if (length > source->size - *begin) {
        return wg_npy_refuse(source, WG_ERROR_FORMAT, source->size,
                             "the file ends here, inside its header of %u bytes", length);
    }
    *end = *begin + length;
    return WG_OK;
}

static wg_status check_size(const wg_npy_source *source, const wg_npy_header *header) {
    char text[192];
    (void)wg_shape_text(header->rank, header->shape, text, sizeof text);
    const int64_t count = wg_shape_count(header->rank, header->shape, sizeof(double));
    if (count < 0) {
        return wg_npy_refuse(source, WG_ERROR_LIMIT, header->data, "the shape %s overflows", text);
    }
    const uint64_t wanted = (uint64_t)count * header->element.bytes;
    const uint64_t found = source->size - header->data;
    if (found < wanted) {
        return wg_npy_refuse(source, WG_ERROR_FORMAT, source->size,
                             "the file ends here; the shape %s needs %llu bytes", text,
                             (unsigned long long)(header->data + wanted));
    }
    return found == wanted ? WG_OK
                           : wg_npy_refuse(source, WG_ERROR_FORMAT, header->data + (size_t)wanted,
                                           "%llu bytes left over after the shape %s",
                                           (unsigned long long)(found - wanted), text);
}

wg_status wg_npy_read_header(const wg_npy_source *source, wg_npy_header *header) {
    wg_dictionary d = {.source = source, .header = header};
    *header = (wg_npy_header){.rank = 0};
    wg_status status = find_dictionary(source, &d.at, &d.end);
    if (status != WG_OK) {
        return status;
    }
    header->data = d.end;
    return take_dictionary(&d) ? check_size(source, header) : d.status;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* The elements begin at a multiple of this, as NumPy has it. */
#define ALIGNMENT 64

wg_status wg_npy_write_header(const char *verb, const wg_view *view,
                              char header[WG_NPY_MOST_HEADER], size_t *length) {
    if (wg_dtype_size(view->dtype) == 0 || view->rank < 0 || view->rank > WG_MAX_RANK ||
        wg_shape_count(view->rank, view->shape, sizeof(double)) < 0 ||
        (view->data == NULL && wg_view_count(view) > 0)) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: an array without data, or out of range", verb);
    }
    const wg_element element = wg_element_of(view->dtype);
    if (element.kind == WG_ELEMENT_BFLOAT) {
        return wg_fail(WG_ERROR_DTYPE, "%s: NumPy has no bf16; cast it to f32 first", verb);
    }
    const char kind = element.kind == WG_ELEMENT_FLOAT    ? 'f'
                      : element.kind == WG_ELEMENT_SIGNED ? 'i'
                                                          : 'u';
    size_t used = (size_t)snprintf(header, WG_NPY_MOST_HEADER,
                                   "%10s{'descr': '%c%c%u', 'fortran_order': False, 'shape': (", "",
                                   element.bytes == 1 ? '|' : '<', kind, element.bytes);
    for (int axis = 0; axis < view->rank; axis++) {
        used += (size_t)snprintf(header + used, WG_NPY_MOST_HEADER - used, "%s%lld",
                                 axis > 0 ? ", " : "", (long long)view->shape[axis]);
    }
    used += (size_t)snprintf(header + used, WG_NPY_MOST_HEADER - used, "%s), }",
                             view->rank == 1 ? "," : "");
    while ((used + 1) % ALIGNMENT != 0) {
        header[used++] = ' ';
    }
    header[used++] = '\n';
    memcpy(header, magic, sizeof magic);
    header[6] = 1;
    header[7] = 0;
    wg_store_little(header + 8, 2, used - 10);
    *length = used;
    return WG_OK;
}
