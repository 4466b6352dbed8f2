/* conv_product.h (internal): convolution and its gradient with respect to the input, as a template
 * over the type. */

typedef struct MM_NAME(conv) {
    const MM_NAME(wg_matmul_parts) * parts;
    wg_conv_plan plan;
    int64_t *first; /* taps in front of each part of the result */
    int64_t *number,
        *offset;  /* of each tap: in the kernel; of each channel's tap: in the scratch */
    MM_T *packed; /* weights by group, part and panel */
    const MM_T *source, *weights, *bias;
    MM_T *result;
    atomic_bool failed;
} MM_NAME(conv);

static int64_t MM_NAME(conv_parts)(const wg_conv_plan *p) {
    return p->axis[0].parts * p->axis[1].parts * p->axis[2].parts;
}

/* Cuts the workspace up (where there is one yet); returns its size. */
static int64_t MM_NAME(conv_spread)(MM_NAME(conv) * c, char *workspace) {
    const wg_conv_plan *p = &c->plan;
    const int64_t word = sizeof(int64_t), taps = p->channels * p->volume;
    int64_t at = 0;
    c->first = wg_conv_piece(workspace, at);
    at += wg_conv_aligned((MM_NAME(conv_parts)(p) + 1) * word);
    c->number = wg_conv_piece(workspace, at);
    at += wg_conv_aligned(p->volume * word);
    c->offset = wg_conv_piece(workspace, at);
    at += wg_conv_aligned((taps > p->volume ? taps : p->volume) * word);
    c->packed = wg_conv_piece(workspace, at);
    return at +
           wg_conv_aligned(p->groups * p->panels * p->panel_pitch * taps * (int64_t)sizeof(MM_T));
}

static void MM_NAME(conv_tables)(MM_NAME(conv) * c) {
    const wg_conv_plan *p = &c->plan;
    int64_t done = 0, index = 0, part[3];
    for (part[0] = 0; part[0] < p->axis[0].parts; part[0]++) {
        const int64_t pitch = wg_conv_depths(p, part[0]) * p->pitch;
        for (part[1] = 0; part[1] < p->axis[1].parts; part[1]++) {
            for (part[2] = 0; part[2] < p->axis[2].parts; part[2]++) {
                int64_t *offset = c->offset + p->channels * done;
                const int64_t count = wg_conv_taps(p, part, c->number + done, offset);
                for (int64_t k = count; k < p->channels * count; k++) {
                    offset[k] = offset[k - count] + pitch;
                }
                c->first[index++] = done;
                done += count;
            }
        }
    }
    c->first[index] = done;
}

/* ---- weights ---- */

/* Where the panels of a part of the result lie, one behind the other. */
static MM_T *MM_NAME(panel_of)(const MM_NAME(conv) * c, int64_t group, int64_t part,
                               int64_t panel) {
    const wg_conv_plan *p = &c->plan;
    const int64_t taps = c->first[part + 1] - c->first[part];
    return c->packed + p->panel_pitch * p->channels *
                           (p->panels * (group * p->volume + c->first[part]) + panel * taps);
}

/* Rows [low, low + rows) of a part's weights, with channels and taps outermost. */
static void MM_NAME(pack_part)(const MM_NAME(conv) * c, int64_t group, int64_t part, int64_t low,
                               int64_t rows, MM_T *to) {
    const wg_conv_plan *p = &c->plan;
    const int64_t taps = c->first[part + 1] - c->first[part], terms = p->channels * p->volume;
    const int64_t *number = c->number + c->first[part];
    if (!p->axis[0].turned) { /* one part, whose taps are in the order of the weights */
        const MM_T *from = c->weights + (group * p->rows + low) * terms;
        if (p->panel_pitch == 1) {
            memcpy(to, from, (size_t)terms * sizeof(MM_T));
        } else {
            c->parts->pack_a(rows, terms, from, terms, 1, to);
        }
        return;
    }
    for (int64_t channel = 0; channel < p->channels; channel++) {
        const MM_T *from =
            c->weights + ((group * p->channels + channel) * p->rows + low) * p->volume;
        if (taps == p->volume && p->panel_pitch > 1) { /* all, in the order of the weights */
            c->parts->pack_a(rows, taps, from, taps, 1, to);
            to += taps * p->panel_pitch;
            continue;
        }
        for (int64_t k = 0; k < taps; k++, to += p->panel_pitch) {
            for (int64_t i = 0; i < rows; i++) {
                to[i] = from[i * p->volume + number[k]];
            }
        }
    }
}

static void MM_NAME(pack_panel)(void *context, int64_t job) {
    const MM_NAME(conv) *c = context;
    const wg_conv_plan *p = &c->plan;
    const int64_t group = job / p->panels, panel = job % p->panels;
    const int64_t low = panel * p->rows / p->panels;
    const int64_t rows = (panel + 1) * p->rows / p->panels - low;
    for (int64_t part = 0; part < MM_NAME(conv_parts)(p); part++) {
        MM_NAME(pack_part)(c, group, part, low, rows, MM_NAME(panel_of)(c, group, part, panel));
    }
}

/* ---- tiles ---- */

/* Where a part of the result lies: its elements row_step and step apart. */
typedef struct MM_NAME(place) {
    MM_T *to; /* the block's first, in the panel's first row */
    int64_t rows, columns, channel, row_step, step;
} MM_NAME(place);

/* Positions [at, at + count) of a tile go where they belong, those between rows nowhere. */
static void MM_NAME(put_tile)(const MM_NAME(conv) * c, const MM_NAME(place) * place, int64_t rows,
                              const MM_T *tile, int64_t pitch, int64_t at, int64_t count) {
    const int64_t width = c->plan.width;
    int64_t y = at / width, x = at % width;
    while (count > 0) {
        const int64_t run = wg_conv_least(width - x, count);
        const int64_t n = wg_conv_least(place->columns - x, run);
        MM_T *to = place->to + y * place->row_step + x * place->step;
        if (n > 0 && place->step == 1) {
            c->parts->put(rows, n, tile, pitch, to, place->channel);
        } else if (n > 0) {
            for (int64_t i = 0; i < rows; i++) {
                for (int64_t j = 0; j < n; j++) {
                    to[i * place->channel + j * place->step] = tile[i * pitch + j];
                }
            }
        }
        tile += run;
        count -= run;
        x = 0;
        y++;
    }
}

/* The sum of all terms of one tile, WG_CONV_DEPTH at a time. */
static void MM_NAME(one_tile)(MM_NAME(wg_taps) * taps, int64_t k, int64_t a_pitch, const MM_T *a,
                              const int64_t *offset, const MM_T *b, MM_T *to, int64_t row,
                              const MM_T *bias) {
    int64_t done = 0;
    do {
        const int64_t depth = wg_conv_least(k - done, WG_CONV_DEPTH);
        taps(depth, a + done * a_pitch, offset + done, b, to, row, done > 0 ? NULL : bias,
             done > 0);
        done += depth;
    } while (done < k);
}

/* One panel of a part of a block. A full tile goes straight to its place where no position lies
 * between the rows. */
static void MM_NAME(panel_tiles)(const MM_NAME(conv) * c, const MM_NAME(place) * place,
                                 int64_t rows, int64_t k, const MM_T *a, const int64_t *offset,
                                 const MM_T *scratch, const MM_T *bias) {
    _Alignas(64) MM_T tile[(WG_MATMUL_MAX_ROWS * 2 + 1) * WG_MATMUL_MAX_LANES];
    const MM_NAME(wg_matmul_parts) *parts = c->parts;
    const wg_conv_plan *p = &c->plan;
    const bool strip = p->panel_pitch == 1;
    const bool straight = place->step == 1 && p->width == place->row_step;
    const int64_t lanes = parts->lanes, pitch = (strip ? WG_CONV_STRIP : 2) * lanes;
    const int64_t count = (place->rows - 1) * p->width + place->columns;
    for (int64_t at = 0; at < count; at += pitch) {
        const int64_t n = wg_conv_least(pitch, count - at);
        MM_NAME(wg_taps) *taps = strip        ? parts->taps_strip
                                 : n <= lanes ? parts->taps_narrow[rows - 1]
                                              : parts->taps_wide[rows - 1];
        if (straight && (n == pitch || (n == lanes && !strip))) {
            MM_NAME(one_tile)
            (taps, k, p->panel_pitch, a, offset, scratch + at, place->to + at, place->channel,
             bias);
        } else {
            MM_NAME(one_tile)
            (taps, k, p->panel_pitch, a, offset, scratch + at, tile, pitch, bias);
            MM_NAME(put_tile)(c, place, rows, tile, pitch, at, n);
        }
    }
}

static void MM_NAME(part_tiles)(const MM_NAME(conv) * c, int64_t part, int64_t group, int64_t split,
                                const MM_NAME(place) * from, MM_T *scratch) {
    const wg_conv_plan *p = &c->plan;
    const int64_t taps = c->first[part + 1] - c->first[part];
    const int64_t last = (split + 1) * p->panels / p->splits;
    for (int64_t panel = split * p->panels / p->splits; panel < last; panel++) {
        const int64_t low = panel * p->rows / p->panels;
        const int64_t rows = (panel + 1) * p->rows / p->panels - low;
        MM_NAME(place) place = *from;
        place.to += low * place.channel;
        MM_T *a = p->pack_late ? scratch + p->scratch : MM_NAME(panel_of)(c, group, part, panel);
        if (p->pack_late) {
            MM_NAME(pack_part)(c, group, part, low, rows, a);
        }
        MM_NAME(panel_tiles)
        (c, &place, rows, p->channels * taps, a, c->offset + p->channels * c->first[part], scratch,
         c->bias != NULL ? c->bias + group * p->rows + low : NULL);
    }
}

static void MM_NAME(block_job)(void *context, int64_t job) {
    MM_NAME(conv) *c = context;
    const wg_conv_plan *p = &c->plan;
    const wg_conv_axis *axis = p->axis;
    const int64_t split = job % p->splits;
    job /= p->splits;
    const int64_t x = job % p->blocks[1] * p->block[1];
    job /= p->blocks[1];
    const int64_t y = job % p->blocks[0] * p->block[0];
    job /= p->blocks[0];
    const int64_t z = job % axis[0].result, image = job / axis[0].result;
    const int64_t row = axis[2].result, plane = axis[1].result * row;
    MM_T *scratch = MM_NAME(scratch_take)(p->scratch + p->late);
    if (scratch == NULL) {
        atomic_store(&c->failed, true);
        return;
    }
    const int64_t source = axis[0].source * axis[1].source * axis[2].source;
    MM_NAME(fill)(c->parts, p, scratch, c->source + image * p->channels * source, z, y, x);
    MM_NAME(place)
    place = {.channel = axis[0].result * plane,
             .row_step = axis[1].spread * row,
             .step = axis[2].spread};
    int64_t part = z % axis[0].spread * axis[1].parts * axis[2].parts;
    for (int64_t h = 0; h < axis[1].parts; h++) {
        place.rows = wg_conv_count(&axis[1], h, y, y + p->block[0]);
        for (int64_t w = 0; w < axis[2].parts; w++, part++) {
            place.columns = wg_conv_count(&axis[2], w, x, x + p->block[1]);
            place.to = c->result + image * p->rows * place.channel + z * plane +
                       (y * axis[1].spread + h) * row + x * axis[2].spread + w;
            if (place.rows > 0 && place.columns > 0) {
                MM_NAME(part_tiles)(c, part, image % p->groups, split, &place, scratch);
            }
        }
    }
    MM_NAME(scratch_give)(scratch, p->scratch + p->late);
}

static bool MM_NAME(conv_product)(MM_NAME(conv) * c) {
    const wg_conv_plan *p = &c->plan;
    MM_NAME(conv_tables)(c);
    const int64_t panels = p->pack_late ? 0 : p->groups * p->panels;
    wg_parallel(panels, p->share && panels * p->channels * p->volume > WG_SHARE_COMPUTE,
                MM_NAME(pack_panel), c);
    wg_parallel(wg_conv_jobs(p), p->share, MM_NAME(block_job), c);
    return !atomic_load(&c->failed);
}
