/* conv_source.h (internal): copies of a convolution's operands into scratch, as a template. */

#define MM_PASTE2(a, b) a##_##b
#define MM_PASTE(a, b) MM_PASTE2(a, b)
#define MM_NAME(name) MM_PASTE(name, MM_SUFFIX)

/* Scratch of any size; up to WG_MATMUL_BLOCK_BYTES it is kept between calls. */
static MM_T *MM_NAME(scratch_take)(int64_t count) {
    const int64_t bytes = count * (int64_t)sizeof(MM_T);
    return bytes <= WG_MATMUL_BLOCK_BYTES ? wg_matmul_block_take() : wg_alloc((size_t)bytes);
}

static void MM_NAME(scratch_give)(MM_T *scratch, int64_t count) {
    if (count * (int64_t)sizeof(MM_T) <= WG_MATMUL_BLOCK_BYTES) {
        wg_matmul_block_give(scratch);
    } else {
        wg_free(scratch);
    }
}

static inline void MM_NAME(zero)(MM_T *to, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        to[i] = 0;
    }
}

/* Where first + j * step, j in [0, count), is an index of `size` elements: from *low to *high. */
static inline void MM_NAME(inside)(int64_t first, int64_t step, int64_t size, int64_t count,
                                   int64_t *low, int64_t *high) {
    const int64_t from = first < 0 ? wg_conv_ceil(-first, step) : 0;
    const int64_t to = first < size ? (size - 1 - first) / step + 1 : 0;
    *low = wg_conv_least(from, count);
    *high = to < *low ? *low : wg_conv_least(to, count);
}

/* Columns [low, high) of some rows of a plane, from source elements step apart. */
static void MM_NAME(fill_inside)(const MM_NAME(wg_matmul_parts) * parts, int64_t rows, int64_t n,
                                 const MM_T *from, int64_t from_row, int64_t step, MM_T *to,
                                 int64_t width) {
    if (step == 1) {
        parts->put(rows, n, from, from_row, to, width);
        return;
    }
    for (int64_t i = 0; i < rows; i++, from += from_row, to += width) {
        if (step == 2) { /* known to the compiler, which makes vectors of it */
            for (int64_t j = 0; j < n; j++) {
                to[j] = from[2 * j];
            }
        } else {
            for (int64_t j = 0; j < n; j++) {
                to[j] = from[step * j];
            }
        }
    }
}

/* All planes of one channel at one depth; zeros where `from` is NULL. */
static void MM_NAME(fill_planes)(const MM_NAME(wg_matmul_parts) * parts, const wg_conv_plan *p,
                                 MM_T *to, const MM_T *from, int64_t y, int64_t x) {
    const wg_conv_axis *h = &p->axis[1], *w = &p->axis[2];
    const int64_t width = p->width;
    if (from == NULL) {
        MM_NAME(zero)(to, p->pitch);
        return;
    }
    MM_T *const end = to + p->pitch;
    for (int64_t qh = 0; qh < h->planes; qh++) {
        const int64_t row = wg_conv_source(h, qh, y, 0);
        int64_t top, bottom;
        MM_NAME(inside)(row, h->step, h->source, p->height, &top, &bottom);
        for (int64_t qw = 0; qw < w->planes; qw++) {
            const int64_t first = wg_conv_source(w, qw, x, 0);
            int64_t low, high;
            MM_NAME(inside)(first, w->step, w->source, width, &low, &high);
            MM_NAME(zero)(to, top * width);
            if (bottom > top && high > low) {
                MM_NAME(fill_inside)
                (parts, bottom - top, high - low,
                 from + (row + top * h->step) * w->source + first + low * w->step,
                 h->step * w->source, w->step, to + top * width + low, width);
            }
            for (int64_t j = top; j < bottom && (low > 0 || high < width); j++) {
                MM_NAME(zero)(to + j * width, low);
                MM_NAME(zero)(to + j * width + high, width - high);
            }
            MM_NAME(zero)(to + bottom * width, (p->height - bottom) * width);
            to += p->height * width;
        }
    }
    MM_NAME(zero)(to, end - to);
}

/* A block of all channels, whose results begin at depth z, row y and column x of each part. */
static void MM_NAME(fill)(const MM_NAME(wg_matmul_parts) * parts, const wg_conv_plan *p,
                          MM_T *scratch, const MM_T *source, int64_t z, int64_t y, int64_t x) {
    const wg_conv_axis *depth = &p->axis[0];
    const int64_t plane = p->axis[1].source * p->axis[2].source;
    const int64_t part = z % depth->spread, u = z / depth->spread;
    MM_T *to = scratch;
    for (int64_t c = 0; c < p->channels; c++, source += depth->source * plane) {
        for (int64_t tap = 0; tap < depth->taps; tap++) {
            int64_t q = 0, shift = 0;
            if (wg_conv_tap(depth, part, tap, &q, &shift)) {
                const int64_t at = wg_conv_source(depth, q, u, shift);
                const bool outside = at < 0 || at >= depth->source;
                MM_NAME(fill_planes)(parts, p, to, outside ? NULL : source + at * plane, y, x);
                to += p->pitch;
            }
        }
    }
    MM_NAME(zero)(to, scratch + p->scratch - to);
}
