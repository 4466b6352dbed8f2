/* conv_weight.h (internal): a convolution's gradient with respect to its weights, as a template
 * over the type. */

typedef struct MM_NAME(weight) {
    const MM_NAME(wg_matmul_parts) * parts;
    wg_conv_weight_plan plan;
    int64_t *offset, *number; /* of dots: where each tap reads */
    MM_T *partial;            /* sums by chunk and group */
    const MM_T *x, *g;
    MM_T *result;
    atomic_bool failed;
} MM_NAME(weight);

static int64_t MM_NAME(weight_spread)(MM_NAME(weight) * c, char *workspace) {
    const wg_conv_weight_plan *p = &c->plan;
    const int64_t word = sizeof(int64_t);
    int64_t at = 0;
    if (p->dots) {
        c->offset = wg_conv_piece(workspace, at);
        at += wg_conv_aligned(p->columns * word);
        c->number = wg_conv_piece(workspace, at);
        at += wg_conv_aligned(p->volume * word);
    }
    c->partial = wg_conv_piece(workspace, at);
    return at + wg_conv_aligned(p->chunks * p->groups * p->partial * (int64_t)sizeof(MM_T));
}

/* A block of outputs: at depth z of image `image`, from row y and column x on. */
typedef struct MM_NAME(unit) {
    int64_t image, z, y, x, rows, columns;
} MM_NAME(unit);

static MM_NAME(unit) MM_NAME(unit_of)(const wg_conv_weight_plan *p, int64_t index) {
    MM_NAME(unit) unit;
    unit.x = index % p->blocks[1] * p->block[1];
    index /= p->blocks[1];
    unit.y = index % p->blocks[0] * p->block[0];
    index /= p->blocks[0];
    unit.z = index % p->out[0];
    unit.image = index / p->out[0];
    unit.rows = wg_conv_least(p->block[0], p->out[1] - unit.y);
    unit.columns = wg_conv_least(p->block[1], p->out[2] - unit.x);
    return unit;
}

/* ---- as a matrix product: channels innermost ---- */

/* A row of all channels, with zeros outside. */
static void MM_NAME(copy_row)(const MM_NAME(weight) * c, MM_T *to, const MM_T *from, int64_t x) {
    const wg_conv_weight_plan *p = &c->plan;
    const wg_conv_copy_axis *axis = &p->axis[2];
    const int64_t first = x * axis->stride - axis->pad, channels = p->channels;
    const int64_t across = p->axis[0].source * p->axis[1].source * axis->source;
    int64_t low = 0, high = 0;
    if (from != NULL) {
        MM_NAME(inside)(first, axis->step, axis->source, axis->count, &low, &high);
    }
    MM_NAME(zero)(to, low * channels);
    if (high > low && across == 1) {
        memcpy(to + low * channels, from, (size_t)channels * sizeof(MM_T));
    } else if (high > low) {
        c->parts->turn(channels, high - low, from + first + low * axis->step, across, axis->step,
                       to + low * channels, channels);
    }
    MM_NAME(zero)(to + high * channels, (axis->count - high) * channels);
}

static void MM_NAME(copy_channels)(const MM_NAME(weight) * c, int64_t group,
                                   const MM_NAME(unit) * unit, MM_T *to) {
    const wg_conv_weight_plan *p = &c->plan;
    const wg_conv_copy_axis *d = &p->axis[0], *h = &p->axis[1], *w = &p->axis[2];
    const int64_t plane = h->source * w->source;
    const MM_T *from = c->x + (unit->image * p->groups + group) * p->channels * d->source * plane;
    for (int64_t tap = 0; tap < d->count; tap++) {
        const int64_t z = unit->z * d->stride - d->pad + tap * d->dilation;
        for (int64_t j = 0; j < h->count; j++, to += w->count * p->channels) {
            const int64_t y = unit->y * h->stride - h->pad + j * h->step;
            const bool outside = z < 0 || z >= d->source || y < 0 || y >= h->source;
            MM_NAME(copy_row)(c, to, outside ? NULL : from + z * plane + y * w->source, unit->x);
        }
    }
    MM_NAME(zero)(to, 2 * c->parts->lanes);
}

/* Rows [low, low + rows) of y's adjoint as a panel with the positions outermost. */
static void MM_NAME(pack_adjoint)(const MM_NAME(weight) * c, int64_t group,
                                  const MM_NAME(unit) * unit, int64_t low, int64_t rows, MM_T *to) {
    const wg_conv_weight_plan *p = &c->plan;
    const int64_t plane = p->out[1] * p->out[2], across = p->out[0] * plane;
    const MM_T *from = c->g + ((unit->image * p->groups + group) * p->rows + low) * across +
                       unit->z * plane + unit->y * p->out[2] + unit->x;
    if (unit->columns == p->out[2]) {
        c->parts->pack_a(rows, unit->rows * unit->columns, from, across, 1, to);
        return;
    }
    for (int64_t y = 0; y < unit->rows; y++, from += p->out[2]) {
        c->parts->pack_a(rows, unit->columns, from, across, 1, to);
        to += unit->columns * c->parts->pitch;
    }
}

static void MM_NAME(weight_tiles)(const MM_NAME(weight) * c, int64_t rows, int64_t positions,
                                  const MM_T *a, const int64_t *at, const MM_T *copy, MM_T *tile,
                                  bool accumulate) {
    const wg_conv_weight_plan *p = &c->plan;
    const wg_conv_copy_axis *axis = p->axis;
    const int64_t lanes = c->parts->lanes;
    for (int64_t tap = 0; tap < p->taps; tap++) {
        const int64_t last = p->volume / axis[0].taps / axis[1].taps / p->together;
        const int64_t w = tap % last, h = tap / last % axis[1].taps, d = tap / last / axis[1].taps;
        const MM_T *b = copy + ((d * axis[1].count + h * axis[1].dilation) * axis[2].count +
                                w * axis[2].dilation) *
                                   p->channels;
        for (int64_t j = 0; j < p->columns; j += 2 * lanes, tile += p->tile) {
            MM_NAME(wg_taps) *taps = p->columns - j > lanes ? c->parts->taps_wide[rows - 1]
                                                            : c->parts->taps_narrow[rows - 1];
            taps(positions, a, at, b + j, tile, 2 * lanes, NULL, accumulate);
        }
    }
}

static void MM_NAME(product_job)(const MM_NAME(weight) * c, int64_t group, int64_t split,
                                 int64_t from, int64_t to, MM_T *scratch, MM_T *partial) {
    const wg_conv_weight_plan *p = &c->plan;
    int64_t at[WG_CONV_POSITIONS];
    MM_T *panel = scratch + p->scratch;
    const int64_t last = (split + 1) * p->panels / p->splits;
    for (int64_t index = from; index < to; index++) {
        const MM_NAME(unit) unit = MM_NAME(unit_of)(p, index);
        const int64_t positions = unit.rows * unit.columns;
        for (int64_t i = 0; i < positions; i++) {
            const int64_t y = i / unit.columns * p->axis[1].position;
            at[i] = (y * p->axis[2].count + i % unit.columns * p->axis[2].position) * p->channels;
        }
        MM_NAME(copy_channels)(c, group, &unit, scratch);
        for (int64_t j = split * p->panels / p->splits; j < last; j++) {
            const int64_t low = j * p->rows / p->panels;
            const int64_t rows = (j + 1) * p->rows / p->panels - low;
            MM_NAME(pack_adjoint)(c, group, &unit, low, rows, panel);
            MM_NAME(weight_tiles)
            (c, rows, positions, panel, at, scratch,
             partial + j * p->taps * p->column_panels * p->tile, index > from);
        }
    }
}

/* The chunks' tiles of one panel, summed and put in their places. */
static void MM_NAME(collect_panel)(void *context, int64_t job) {
    const MM_NAME(weight) *c = context;
    const wg_conv_weight_plan *p = &c->plan;
    const int64_t group = job / p->panels, panel = job % p->panels;
    const int64_t low = panel * p->rows / p->panels;
    const int64_t rows = (panel + 1) * p->rows / p->panels - low;
    const int64_t size = p->taps * p->column_panels * p->tile, width = 2 * c->parts->lanes;
    MM_T *sum = c->partial + group * p->partial + panel * size;
    for (int64_t chunk = 1; chunk < p->chunks; chunk++) {
        const MM_T *more = sum + chunk * p->groups * p->partial;
        for (int64_t i = 0; i < size; i++) {
            sum[i] += more[i];
        }
    }
    for (int64_t i = 0; i < rows; i++) {
        MM_T *to = c->result + (group * p->rows + low + i) * p->channels * p->volume;
        for (int64_t tap = 0; tap < p->volume; tap++) {
            const int64_t first = tap % p->together * p->channels;
            const MM_T *from = sum + tap / p->together * p->column_panels * p->tile + i * width;
            int64_t panel_at = first / width, at = first % width;
            for (int64_t channel = 0; channel < p->channels; channel++) {
                to[channel * p->volume + tap] = from[panel_at * p->tile + at];
                if (++at == width) {
                    panel_at++;
                    at = 0;
                }
            }
        }
    }
}

/* ---- as inner products ---- */

static void MM_NAME(dots_job)(const MM_NAME(weight) * c, int64_t group, int64_t from, int64_t to,
                              MM_T *scratch, MM_T *partial) {
    const wg_conv_weight_plan *p = &c->plan;
    const wg_conv_plan *f = &p->forward;
    const int64_t height = c->parts->dot_rows, plane = p->out[1] * p->out[2];
    const int64_t volume = f->axis[0].source * f->axis[1].source * f->axis[2].source;
    MM_NAME(zero)(partial, p->partial);
    for (int64_t index = from; index < to; index++) {
        const MM_NAME(unit) unit = MM_NAME(unit_of)(p, index);
        const int64_t item = unit.image * p->groups + group;
        const MM_T *g =
            c->g + (item * p->rows * p->out[0] + unit.z) * plane + unit.y * p->out[2] + unit.x;
        MM_NAME(fill)
        (c->parts, f, scratch, c->x + item * p->channels * volume, unit.z, unit.y, unit.x);
        for (int64_t y = 0; y < unit.rows; y += p->lines) {
            const int64_t lines = wg_conv_least(p->lines, unit.rows - y);
            for (int64_t low = 0; low < p->rows; low += height) {
                const int64_t rows = wg_conv_least(height, p->rows - low);
                for (int64_t j = 0; j < p->columns; j += 4) {
                    c->parts->tap_dots[rows - 1](
                        lines, unit.columns, g + low * p->out[0] * plane + y * p->out[2], p->out[2],
                        p->out[0] * plane, scratch + y * f->width, f->width, c->offset + j,
                        partial + low * p->columns + j, p->columns, true);
                }
            }
        }
    }
}

static void MM_NAME(collect_dots)(const MM_NAME(weight) * c) {
    const wg_conv_weight_plan *p = &c->plan;
    const int64_t columns = p->channels * p->volume, size = p->groups * p->partial;
    for (int64_t chunk = 1; chunk < p->chunks; chunk++) {
        for (int64_t i = 0; i < size; i++) {
            c->partial[i] += c->partial[chunk * size + i];
        }
    }
    for (int64_t i = 0; i < p->groups * p->rows; i++) {
        memcpy(c->result + i * columns, c->partial + i * p->columns,
               (size_t)columns * sizeof(MM_T));
    }
}

static void MM_NAME(dot_tables)(MM_NAME(weight) * c) {
    const wg_conv_weight_plan *p = &c->plan;
    const int64_t part[3] = {0, 0, 0}, all = p->channels * p->volume;
    wg_conv_taps(&p->forward, part, c->number, c->offset);
    for (int64_t k = p->volume; k < p->columns; k++) {
        c->offset[k] = k < all ? c->offset[k - p->volume] + p->axis[0].taps * p->forward.pitch
                               : c->offset[all - 1];
    }
}

/* ---- both ---- */

static void MM_NAME(weight_job)(void *context, int64_t job) {
    MM_NAME(weight) *c = context;
    const wg_conv_weight_plan *p = &c->plan;
    const int64_t split = job % p->splits, group = job / p->splits % p->groups;
    const int64_t chunk = job / p->splits / p->groups;
    const int64_t from = chunk * p->units / p->chunks, to = (chunk + 1) * p->units / p->chunks;
    MM_T *partial = c->partial + (chunk * p->groups + group) * p->partial;
    MM_T *scratch = MM_NAME(scratch_take)(p->total);
    if (scratch == NULL) {
        atomic_store(&c->failed, true);
        return;
    }
    if (p->dots) {
        MM_NAME(dots_job)(c, group, from, to, scratch, partial);
    } else {
        MM_NAME(product_job)(c, group, split, from, to, scratch, partial);
    }
    MM_NAME(scratch_give)(scratch, p->total);
}

static bool MM_NAME(conv_weight)(MM_NAME(weight) * c) {
    const wg_conv_weight_plan *p = &c->plan;
    if (p->units == 0) {
        MM_NAME(zero)(c->result, p->groups * p->rows * p->channels * p->volume);
        return true;
    }
    if (p->dots) {
        MM_NAME(dot_tables)(c);
    }
    wg_parallel(p->chunks * p->groups * p->splits, p->share, MM_NAME(weight_job), c);
    if (p->dots) {
        MM_NAME(collect_dots)(c);
    } else {
        wg_parallel(p->groups * p->panels, p->share && p->chunks * p->partial > WG_SHARE_COMPUTE,
                    MM_NAME(collect_panel), c);
    }
    return !atomic_load(&c->failed);
}

/* ---- the entries ---- */

static wg_conv_machine MM_NAME(machine_of)(const MM_NAME(wg_matmul_parts) * parts) {
    const wg_conv_machine machine = {parts->lanes, parts->rows, parts->pitch, sizeof(MM_T)};
    return machine;
}

size_t MM_NAME(wg_conv_workspace_with)(const MM_NAME(wg_matmul_parts) * parts, wg_conv_kind kind,
                                       const wg_conv_sizes *sizes) {
    char *const nowhere = NULL;
    const wg_conv_machine machine = MM_NAME(machine_of)(parts);
    if (kind == WG_CONV_WEIGHT) {
        MM_NAME(weight) w = {.plan = wg_conv_weight_plan_of(sizes, &machine)};
        return (size_t)MM_NAME(weight_spread)(&w, nowhere);
    }
    MM_NAME(conv) c = {.plan = wg_conv_plan_of(kind, sizes, &machine)};
    return (size_t)MM_NAME(conv_spread)(&c, nowhere);
}

bool MM_NAME(wg_conv_with)(const MM_NAME(wg_matmul_parts) * parts, wg_conv_kind kind,
                           const wg_conv_sizes *sizes, const MM_T *a, const MM_T *b,
                           const MM_T *bias, MM_T *result, void *workspace) {
    const wg_conv_machine machine = MM_NAME(machine_of)(parts);
    if (kind == WG_CONV_WEIGHT) {
        MM_NAME(weight)
        w = {.parts = parts,
             .plan = wg_conv_weight_plan_of(sizes, &machine),
             .x = a,
             .g = b,
             .result = result};
        MM_NAME(weight_spread)(&w, workspace);
        return MM_NAME(conv_weight)(&w);
    }
    MM_NAME(conv)
    c = {.parts = parts,
         .plan = wg_conv_plan_of(kind, sizes, &machine),
         .source = a,
         .weights = b,
         .bias = bias,
         .result = result};
    MM_NAME(conv_spread)(&c, workspace);
    return MM_NAME(conv_product)(&c);
}

size_t MM_NAME(wg_conv_workspace)(wg_conv_kind kind, const wg_conv_sizes *sizes) {
    return MM_NAME(wg_conv_workspace_with)(MM_NAME(wg_matmul_parts_best)(), kind, sizes);
}

bool MM_NAME(wg_kernel_conv)(wg_conv_kind kind, const wg_conv_sizes *sizes, const MM_T *a,
                             const MM_T *b, const MM_T *bias, MM_T *result, void *workspace) {
    return MM_NAME(wg_conv_with)(MM_NAME(wg_matmul_parts_best)(), kind, sizes, a, b, bias, result,
                                 workspace);
}
