/* conv_plan.c: how a convolution is cut into jobs. */
#include "kernel/conv_plan.h"

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

static int64_t most_of(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t gcd(int64_t a, int64_t b) {
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* ---- one axis ---- */

/* Where tap t of part r reads for u = 0; false where it takes no part. */
static bool shift_of(const wg_conv_axis *axis, int64_t part, int64_t tap, int64_t *shift) {
    if (!axis->turned) {
        *shift = tap * axis->dilation - axis->pad;
        return true;
    }
    const int64_t at = part + axis->pad - tap * axis->dilation;
    *shift = floor_div(at, axis->spread);
    return *shift * axis->spread == at;
}

/* Plane q of a source holds the elements (q * dilation) mod step, + step, + 2 step...; `apart`, it
 * begins where its tap reads. */
static int64_t residue_of(const wg_conv_axis *axis, int64_t plane) {
    if (axis->apart) {
        return axis->turned ? plane : plane * axis->dilation;
    }
    return plane * axis->dilation % axis->step;
}

static wg_conv_axis axis_of(const wg_conv_sizes *s, int i, bool turned) {
    const int64_t stride = s->stride[i];
    wg_conv_axis axis = {.turned = turned,
                         .source = turned ? s->out[i] : s->in[i],
                         .result = turned ? s->in[i] : s->out[i],
                         .taps = s->kernel[i],
                         .dilation = s->dilation[i],
                         .pad = s->pad[i],
                         .step = turned ? 1 : stride,
                         .spread = turned ? stride : 1};
    axis.parts = wg_conv_least(axis.spread, axis.result);
    axis.most = wg_conv_ceil(axis.result, axis.spread);
    axis.planes = wg_conv_least(axis.taps, axis.step / gcd(axis.dilation, axis.step));
    bool found = false;
    int64_t shift = 0, greatest = 0;
    for (int64_t part = 0; part < axis.parts; part++) {
        for (int64_t tap = 0; tap < axis.taps; tap++) {
            if (shift_of(&axis, part, tap, &shift)) {
                axis.least = found ? wg_conv_least(axis.least, shift) : shift;
                greatest = found ? most_of(greatest, shift) : shift;
                found = true;
            }
        }
    }
    axis.span = greatest - axis.least;
    axis.reach = axis.span / axis.step;
    return axis;
}

/* Gives each tap a plane. */
static void set_apart(wg_conv_axis *axis) {
    axis->apart = true;
    axis->planes = axis->turned ? axis->span + 1 : axis->taps;
    axis->reach = 0;
}

bool wg_conv_tap(const wg_conv_axis *axis, int64_t part, int64_t tap, int64_t *plane,
                 int64_t *shift) {
    int64_t at = 0;
    if (!shift_of(axis, part, tap, &at)) {
        return false;
    }
    if (axis->apart) {
        *plane = axis->turned ? at - axis->least : tap;
        *shift = 0;
    } else {
        *plane = tap % axis->planes;
        *shift = (at - axis->least) / axis->step;
    }
    return true;
}

int64_t wg_conv_source(const wg_conv_axis *axis, int64_t plane, int64_t u, int64_t j) {
    return (u + j) * axis->step + residue_of(axis, plane) + axis->least;
}

int64_t wg_conv_count(const wg_conv_axis *axis, int64_t part, int64_t from, int64_t to) {
    const int64_t all = wg_conv_ceil(axis->result - part, axis->spread);
    return most_of(0, wg_conv_least(to, all) - from);
}

/* Elements from row to row of a plane. The zeros behind a row may be those before the next. */
static int64_t width_of(const wg_conv_axis *axis, int64_t columns) {
    if (columns < axis->most || axis->apart) {
        return columns + axis->reach;
    }
    int64_t last_residue = 0;
    for (int64_t plane = 0; plane < axis->planes; plane++) {
        last_residue = most_of(last_residue, residue_of(axis, plane));
    }
    /* so many elements at the start of a row are zeros in every plane */
    const int64_t zeros = most_of(0, wg_conv_ceil(-axis->least - last_residue, axis->step));
    const int64_t shared = most_of(columns, columns + axis->reach - zeros);
    const int64_t all = wg_conv_ceil(axis->source - axis->least, axis->step);
    return wg_conv_least(columns + axis->reach, most_of(shared, all));
}

/* ---- the whole ---- */

int64_t wg_conv_depths(const wg_conv_plan *plan, int64_t part) {
    int64_t count = 0, shift = 0;
    for (int64_t tap = 0; tap < plan->axis[0].taps; tap++) {
        count += shift_of(&plan->axis[0], part, tap, &shift);
    }
    return count;
}

int64_t wg_conv_taps(const wg_conv_plan *plan, const int64_t *part, int64_t *number,
                     int64_t *offset) {
    const wg_conv_axis *axis = plan->axis;
    int64_t count = 0, depth = 0, q[3], shift[3];
    for (int64_t d = 0; d < axis[0].taps; d++) {
        if (!wg_conv_tap(&axis[0], part[0], d, &q[0], &shift[0])) {
            continue;
        }
        for (int64_t h = 0; h < axis[1].taps; h++) {
            const bool row = wg_conv_tap(&axis[1], part[1], h, &q[1], &shift[1]);
            for (int64_t w = 0; w < axis[2].taps && row; w++) {
                if (wg_conv_tap(&axis[2], part[2], w, &q[2], &shift[2])) {
                    const int64_t plane = q[1] * axis[2].planes + q[2];
                    number[count] = (d * axis[1].taps + h) * axis[2].taps + w;
                    offset[count++] = depth * plan->pitch +
                                      (plane * plan->height + shift[1]) * plan->width + shift[2];
                }
            }
        }
        depth++;
    }
    return count;
}

/* Sizes of a block's scratch. Channels a multiple of 2 KiB apart would crowd into few sets of a
 * first-level cache. */
static int64_t lay_out(wg_conv_plan *p, int64_t rows, int64_t columns, int64_t depths,
                       const wg_conv_machine *machine) {
    p->block[0] = rows;
    p->block[1] = columns;
    p->height = rows + p->axis[1].reach;
    p->width = width_of(&p->axis[2], columns);
    p->pitch = p->axis[1].planes * p->axis[2].planes * p->height * p->width;
    p->pitch = wg_conv_ceil(p->pitch, machine->lanes) * machine->lanes;
    p->pitch += p->pitch * machine->size % 2048 == 0 ? machine->lanes : 0;
    /* A tile may read a whole strip behind the last position. */
    p->scratch =
        p->channels * depths * p->pitch + p->axis[2].reach + WG_CONV_STRIP * machine->lanes;
    return p->scratch * machine->size;
}

static int64_t most_depths(const wg_conv_plan *p) {
    int64_t depths = 0;
    for (int64_t part = 0; part < p->axis[0].parts; part++) {
        depths = most_of(depths, wg_conv_depths(p, part));
    }
    return depths;
}

/* Time of all blocks of an image in multiply-add instructions, roughly: the sums, the copies, and
 * putting tiles in their places. */
#define COPY_COST 0.4
#define PUT_COST 4.0

static double cost_of(const wg_conv_plan *p, int64_t depths, const wg_conv_machine *machine) {
    const int64_t lanes = (p->rows == 1 ? WG_CONV_STRIP : 1) * machine->lanes;
    const int64_t positions = (p->block[0] - 1) * p->width + p->block[1];
    const double vectors = (double)(wg_conv_ceil(positions, lanes) * lanes / machine->lanes);
    const double terms = (double)p->channels * (double)p->volume / (double)p->axis[0].parts;
    const double parts = (double)(p->axis[1].parts * p->axis[2].parts);
    const bool straight = p->axis[2].spread == 1 && p->width == p->axis[2].result;
    return (double)(p->blocks[0] * p->blocks[1]) *
           (vectors * (double)p->rows * (terms + (straight ? 1 : PUT_COST) * parts) +
            COPY_COST * (double)(p->channels * depths * p->pitch));
}

/* Blocks of so many rows and columns at most, alike. */
static int64_t cut(wg_conv_plan *p, int64_t rows, int64_t columns, int64_t depths,
                   const wg_conv_machine *machine) {
    const int64_t all = p->axis[1].most, wide = p->axis[2].most;
    p->blocks[0] = wg_conv_ceil(all, rows);
    p->blocks[1] = wg_conv_ceil(wide, columns);
    return lay_out(p, wg_conv_ceil(all, most_of(1, p->blocks[0])),
                   wg_conv_ceil(wide, most_of(1, p->blocks[1])), depths, machine);
}

/* Returns the cost of the cheapest block that fits. */
static double choose_block(wg_conv_plan *p, const wg_conv_machine *machine) {
    const int64_t depths = most_depths(p), all = p->axis[1].most;
    int64_t columns = most_of(1, p->axis[2].most);
    while (columns > 4 * machine->lanes &&
           lay_out(p, 1, columns, depths, machine) > WG_CONV_SCRATCH_BYTES) {
        columns = (columns + 1) / 2;
    }
    wg_conv_plan best = *p;
    double least = -1;
    /* A few images alone are cut up further, so that threads have something to share. */
    const int64_t items = most_of(1, p->images * p->groups * p->axis[0].result);
    const int64_t wanted = wg_conv_least(wg_conv_ceil(WG_CONV_JOBS / 2, items), all / 7);
    for (int64_t blocks = most_of(1, wanted); blocks <= most_of(1, all); blocks++) {
        wg_conv_plan now = *p;
        const int64_t rows = most_of(1, wg_conv_ceil(all, blocks));
        const bool fits = cut(&now, rows, columns, depths, machine) <= WG_CONV_SCRATCH_BYTES;
        const double cost = cost_of(&now, depths, machine);
        if ((fits || rows == 1) && (least < 0 || cost < least)) {
            least = cost;
            best = now;
        }
        if (fits && rows <= WG_CONV_LEAST_ROWS) {
            break; /* fewer rows only copy more */
        }
        if (rows > 64) {
            blocks += blocks / 4;
        }
    }
    *p = best;
    return least;
}

int64_t wg_conv_jobs(const wg_conv_plan *p) {
    return p->images * p->groups * p->axis[0].result * p->blocks[0] * p->blocks[1] * p->splits;
}

wg_conv_plan wg_conv_plan_of(wg_conv_kind kind, const wg_conv_sizes *s,
                             const wg_conv_machine *machine) {
    const bool turned = kind == WG_CONV_INPUT;
    wg_conv_plan p = {.images = s->batch,
                      .groups = s->groups,
                      .channels = turned ? s->out_channels : s->in_channels,
                      .rows = turned ? s->in_channels : s->out_channels,
                      .volume = s->kernel[0] * s->kernel[1] * s->kernel[2],
                      .splits = 1};
    for (int i = 0; i < 3; i++) {
        p.axis[i] = axis_of(s, i, turned);
    }
    wg_conv_plan apart = p;
    const double cost = choose_block(&p, machine);
    set_apart(&apart.axis[2]);
    if (kind != WG_CONV_WEIGHT && choose_block(&apart, machine) < cost) {
        p = apart;
    }
    p.panels = wg_conv_ceil(p.rows, machine->rows);
    p.panel_pitch = p.rows == 1 ? 1 : machine->pitch;
    const double work = (double)s->batch * (double)s->groups * (double)s->out_channels *
                        (double)s->in_channels * (double)s->out[0] * (double)s->out[1] *
                        (double)s->out[2] * (double)p.volume;
    p.share = work >= WG_CONV_SHARE_WORK;
    const int64_t jobs = wg_conv_jobs(&p), wanted = wg_conv_ceil(WG_CONV_JOBS, most_of(jobs, 1));
    const int64_t paid = (int64_t)(work / (double)most_of(jobs, 1) / WG_CONV_JOB_WORK);
    p.splits = most_of(1, wg_conv_least(wg_conv_least(wanted, paid), p.panels));
    p.pack_late = jobs == p.groups && p.axis[0].parts == 1;
    p.late = p.pack_late ? p.channels * p.volume * p.panel_pitch : 0;
    return p;
}
