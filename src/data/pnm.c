/* pnm.c: PGM and PPM files (the manual pages pgm(5) and ppm(5) of Netpbm). */
#include "data/image.h"

typedef struct pnm {
    const char *path;
    const unsigned char *bytes;
    size_t size;
    size_t at;
} pnm;

static wg_status damaged(const pnm *r, size_t at, const char *what) {
    return wg_fail(WG_ERROR_FORMAT, "read_image: %s: byte %zu: %s", r->path, at, what);
}

static bool is_space(unsigned char byte) {
    return byte == ' ' || (byte >= 9 && byte <= 13);
}

/* White space, and comments from # to the end of the line. */
static void skip_space(pnm *r) {
    while (r->at < r->size && (is_space(r->bytes[r->at]) || r->bytes[r->at] == '#')) {
        if (r->bytes[r->at] == '#') {
            while (r->at < r->size && r->bytes[r->at] != '\n') {
                r->at++;
            }
        } else {
            r->at++;
        }
    }
}

/* A whole number of at least `least`, at most `most`. */
static wg_status read_number(pnm *r, uint32_t least, uint32_t most, const char *what,
                             uint32_t *out) {
    skip_space(r);
    const size_t start = r->at;
    uint64_t number = 0;
    while (r->at < r->size && r->bytes[r->at] >= '0' && r->bytes[r->at] <= '9' && number <= most) {
        number = 10 * number + (uint64_t)(r->bytes[r->at++] - '0');
    }
    if (r->at == start || number < least || number > most) {
        return wg_fail(WG_ERROR_FORMAT, "read_image: %s: byte %zu: no %s from %lu to %lu", r->path,
                       start, what, (unsigned long)least, (unsigned long)most);
    }
    if (r->at < r->size && !is_space(r->bytes[r->at]) && r->bytes[r->at] != '#') {
        return damaged(r, r->at, "white space should stand here");
    }
    *out = (uint32_t)number;
    return WG_OK;
}

static wg_status read_head(pnm *r, bool *text, wg_pixels *out) {
    if (r->size < 2 || r->bytes[0] != 'P' || r->bytes[1] < '1' || r->bytes[1] > '6') {
        return damaged(r, 0, "no PGM, PPM or PNG picture");
    }
    const int kind = r->bytes[1] - '0';
    if (kind == 1 || kind == 4) {
        return damaged(r, 1, "bitmaps (PBM) are not supported");
    }
    r->at = 2;
    if (r->at < r->size && !is_space(r->bytes[r->at]) && r->bytes[r->at] != '#') {
        return damaged(r, r->at, "white space should stand here");
    }
    *text = kind < 4;
    out->channels = kind == 2 || kind == 5 ? 1 : 3;
    uint32_t width = 0, height = 0;
    wg_status status = read_number(r, 1, INT32_MAX, "width", &width);
    if (status == WG_OK) {
        status = read_number(r, 1, INT32_MAX, "height", &height);
    }
    if (status == WG_OK) {
        status = read_number(r, 1, 65535, "greatest value", &out->maximum);
    }
    out->width = width;
    out->height = height;
    if (status == WG_OK && !*text) {
        if (r->at >= r->size || r->bytes[r->at] == '#') {
            return damaged(r, r->at, "one white space should stand before the samples");
        }
        r->at++;
    }
    return status;
}

static wg_status read_text(pnm *r, wg_pixels *out, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        uint32_t sample = 0;
        wg_status status = read_number(r, 0, out->maximum, "sample", &sample);
        if (status != WG_OK) {
            return status;
        }
        out->samples[i] = (uint16_t)sample;
    }
    skip_space(r);
    return WG_OK;
}

static wg_status read_raw(pnm *r, wg_pixels *out, int64_t count) {
    const size_t bytes = out->maximum > 255 ? 2 : 1;
    for (int64_t i = 0; i < count; i++) {
        const unsigned char *from = r->bytes + r->at;
        const uint32_t sample = bytes == 2 ? (uint32_t)from[0] << 8 | from[1] : from[0];
        if (sample > out->maximum) {
            return damaged(r, r->at, "a sample above the greatest value");
        }
        out->samples[i] = (uint16_t)sample;
        r->at += bytes;
    }
    return WG_OK;
}

wg_status wg_pnm_read(const char *path, const unsigned char *bytes, size_t size, wg_pixels *out) {
    pnm r = {.path = path, .bytes = bytes, .size = size};
    bool text = false;
    *out = (wg_pixels){.samples = NULL};
    wg_status status = read_head(&r, &text, out);
    if (status != WG_OK) {
        return status;
    }
    /* As doubles no product overflows. A sample as text takes two bytes, with the space. */
    const double samples = (double)out->width * (double)out->height * out->channels;
    const double least = samples * (text ? 2 : out->maximum > 255 ? 2 : 1) - (text ? 1 : 0);
    if (least > (double)(size - r.at)) {
        return damaged(&r, size, "the file ends before its samples do");
    }
    status = wg_pixels_new(path, out);
    if (status == WG_OK) {
        const int64_t count = out->height * out->width * out->channels;
        status = text ? read_text(&r, out, count) : read_raw(&r, out, count);
    }
    if (status == WG_OK && r.at != size) {
        status = damaged(&r, r.at, "bytes left over behind the samples");
    }
    if (status != WG_OK) {
        wg_free(out->samples);
        *out = (wg_pixels){.samples = NULL};
    }
    return status;
}
