/* png.c: PNG files by libpng. Its errors come by longjmp: what must survive one stands in a struct
 * of the caller of the function that calls setjmp. It prints nothing, and its memory is ours. */
#include "data/image.h"

#if defined(WG_HAVE_PNG)
#include <png.h>
#include <setjmp.h>
#include <string.h>

typedef struct png {
    const char *path;
    const unsigned char *bytes; /* of the file that is read */
    size_t size;
    size_t at;
    unsigned char *made; /* the file that is written */
    size_t room;
    unsigned char *lines; /* all of the picture */
    png_colorp palette;   /* of the file; NULL where samples are no indices */
    png_bytep alphas;     /* of the first colours */
    int colours, alpha_count;
    char message[96];
    bool no_memory;
} png;

static png_voidp get_memory(png_structp p, png_alloc_size_t bytes) {
    png *state = png_get_mem_ptr(p);
    void *memory = wg_calloc(bytes, 1);
    state->no_memory = state->no_memory || memory == NULL;
    return memory;
}

static void give_memory(png_structp p, png_voidp memory) {
    (void)p;
    wg_free(memory);
}

static PNG_NORETURN void note_error(png_structp p, png_const_charp message) {
    png *state = png_get_error_ptr(p);
    size_t i = 0;
    for (; i < sizeof state->message - 1 && message[i] != '\0'; i++) {
        state->message[i] = message[i];
    }
    state->message[i] = '\0';
    png_longjmp(p, 1);
}

static void ignore_warning(png_structp p, png_const_charp message) {
    (void)p;
    (void)message;
}

static wg_status failed(const png *state, const char *verb) {
    if (state->no_memory) {
        return wg_fail(WG_ERROR_MEMORY, "%s: %s: no memory", verb, state->path);
    }
    return wg_fail(WG_ERROR_FORMAT, "%s: %s: byte %zu: %s", verb, state->path, state->at,
                   state->message);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void hand_over(png_structp p, png_bytep to, png_size_t bytes) {
    png *state = png_get_io_ptr(p);
    if (bytes > state->size - state->at) {
        state->at = state->size;
        png_error(p, "the file ends here");
    }
    memcpy(to, state->bytes + state->at, bytes);
    state->at += bytes;
}

/* Deflate makes at most 1032 bytes of one: a header that promises more than that is a lie, and no
 * memory is asked for. */
static void check_promise(png_structp p, png_infop info, const png *state) {
    const double promised =
        (double)png_get_image_height(p, info) * (double)png_get_rowbytes(p, info);
    if (promised > 1032.0 * (double)state->size) {
        png_error(p, "the file is too short for its picture");
    }
}

/* What libpng would forgive (bytes behind the rows or behind the zlib stream, a damaged tRNS) is an
 * error here, but only in what a picture is made of: other chunks must have a right checksum. */
static void be_strict(png_structp p) {
    png_set_crc_action(p, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_user_limits(p, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
#if defined(PNG_BENIGN_ERRORS_SUPPORTED)
    png_set_benign_errors(p, 0);
#endif
#if defined(PNG_HANDLE_AS_UNKNOWN_SUPPORTED)
    png_set_keep_unknown_chunks(p, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
#endif
}

/* Indices stay indices: libpng would expand one beyond the palette to black. */
static void prepare_samples(png_structp p, png_infop info, png *state) {
    if (png_get_color_type(p, info) != PNG_COLOR_TYPE_PALETTE) {
        png_set_expand(p); /* few bits to 8, a transparent colour to alpha */
        return;
    }
    png_set_packing(p); /* a byte an index */
    (void)png_get_PLTE(p, info, &state->palette, &state->colours);
    (void)png_get_tRNS(p, info, &state->alphas, &state->alpha_count, NULL);
}

/* Reads all into state->lines, as samples of 8 or 16 bits, or as indices. False after an error. */
static bool read_lines(png_structp p, png_infop info, png *state, wg_pixels *out) {
    if (setjmp(png_jmpbuf(p))) {
        return false;
    }
    be_strict(p);
    png_read_info(p, info);
    check_promise(p, info, state);
    prepare_samples(p, info, state);
    const int passes = png_set_interlace_handling(p);
    png_read_update_info(p, info);
    const size_t line = png_get_rowbytes(p, info);
    out->height = png_get_image_height(p, info);
    out->width = png_get_image_width(p, info);
    out->channels = state->palette == NULL ? png_get_channels(p, info) : state->alphas ? 4 : 3;
    out->maximum = png_get_bit_depth(p, info) == 16 ? 65535 : 255;
    state->lines = wg_calloc((size_t)out->height, line);
    if (state->lines == NULL) {
        state->no_memory = true;
        png_error(p, "no memory");
    }
    for (int pass = 0; pass < passes; pass++) {
        for (int64_t y = 0; y < out->height; y++) {
            png_read_row(p, state->lines + (size_t)y * line, NULL);
        }
    }
    png_read_end(p, NULL);
    if (state->at != state->size) {
        png_error(p, "bytes left over behind the picture");
    }
    return true;
}

/* The colours of state->lines, which are indices. */
static wg_status take_colours(const png *state, wg_pixels *out) {
    const int64_t count = out->height * out->width;
    uint16_t *to = out->samples;
    for (int64_t i = 0; i < count; i++, to += out->channels) {
        const int index = state->lines[i];
        if (index >= state->colours) {
            return wg_fail(WG_ERROR_FORMAT,
                           "read_image: %s: byte %zu: row %lld, column %lld: colour %d of %d",
                           state->path, state->at, (long long)(i / out->width),
                           (long long)(i % out->width), index, state->colours);
        }
        to[0] = state->palette[index].red;
        to[1] = state->palette[index].green;
        to[2] = state->palette[index].blue;
        if (out->channels == 4) {
            to[3] = index < state->alpha_count ? state->alphas[index] : 255;
        }
    }
    return WG_OK;
}

static wg_status take_samples(const png *state, wg_pixels *out) {
    if (state->palette != NULL) {
        return take_colours(state, out);
    }
    const int64_t count = out->height * out->width * out->channels;
    for (int64_t i = 0; i < count; i++) {
        const unsigned char *from = state->lines;
        out->samples[i] = out->maximum == 255
                              ? from[i]
                              : (uint16_t)((uint32_t)from[2 * i] << 8 | from[2 * i + 1]);
    }
    return WG_OK;
}

wg_status wg_png_read(const char *path, const unsigned char *bytes, size_t size, wg_pixels *out) {
    png state = {.path = path, .bytes = bytes, .size = size};
    *out = (wg_pixels){.samples = NULL};
    png_structp p = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &state, note_error,
                                             ignore_warning, &state, get_memory, give_memory);
    png_infop info = p == NULL ? NULL : png_create_info_struct(p);
    bool done = false;
    if (info != NULL) {
        png_set_read_fn(p, &state, hand_over);
        done = read_lines(p, info, &state, out);
    } else {
        state.no_memory = true;
    }
    wg_status status = done ? wg_pixels_new(path, out) : failed(&state, "read_image");
    if (status == WG_OK) {
        status = take_samples(&state, out);
    }
    if (status != WG_OK) {
        wg_free(out->samples);
        out->samples = NULL;
    }
    png_destroy_read_struct(&p, &info, NULL); /* with the palette */
    wg_free(state.lines);
    return status;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void take_bytes(png_structp p, png_bytep from, png_size_t bytes) {
    png *state = png_get_io_ptr(p);
    if (bytes > state->room - state->at) {
        const size_t room = 2 * (state->room + bytes);
        unsigned char *more = wg_realloc(state->made, room);
        if (more == NULL) {
            state->no_memory = true;
            png_error(p, "no memory");
        }
        state->made = more;
        state->room = room;
    }
    memcpy(state->made + state->at, from, bytes);
    state->at += bytes;
}

static void no_flush(png_structp p) {
    (void)p;
}

static bool write_lines(png_structp p, png_infop info, const unsigned char *samples, int64_t height,
                        int64_t width, int channels) {
    static const int colour_types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                       PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
    if (setjmp(png_jmpbuf(p))) {
        return false;
    }
    png_set_user_limits(p, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(p, info, (png_uint_32)width, (png_uint_32)height, 8, colour_types[channels - 1],
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(p, info);
    for (int64_t y = 0; y < height; y++) {
        png_write_row(p, samples + y * width * channels);
    }
    png_write_end(p, NULL);
    return true;
}

wg_status wg_png_compress(const unsigned char *samples, int64_t height, int64_t width, int channels,
                          unsigned char **bytes, size_t *size) {
    png state = {.path = "the picture"};
    *bytes = NULL;
    *size = 0;
    png_structp p = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &state, note_error,
                                              ignore_warning, &state, get_memory, give_memory);
    png_infop info = p == NULL ? NULL : png_create_info_struct(p);
    bool done = false;
    if (info != NULL) {
        png_set_write_fn(p, &state, take_bytes, no_flush);
        done = write_lines(p, info, samples, height, width, channels);
    } else {
        state.no_memory = true;
    }
    png_destroy_write_struct(&p, &info);
    if (!done) {
        wg_free(state.made);
        return failed(&state, "write_png");
    }
    *bytes = state.made;
    *size = state.at;
    return WG_OK;
}

#else
wg_status wg_png_read(const char *path, const unsigned char *bytes, size_t size, wg_pixels *out) {
    (void)bytes;
    (void)size;
    *out = (wg_pixels){.samples = NULL};
    return wg_fail(WG_ERROR_LIMIT,
                   "read_image: %s: byte 0: a PNG; this library was built without libpng", path);
}
#endif
