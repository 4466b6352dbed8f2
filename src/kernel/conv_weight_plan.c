/* conv_weight_plan.c: how a convolution's gradient with respect to its weights is cut into jobs. */
#include "kernel/conv_weight_plan.h"

static int64_t most_of(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static wg_conv_copy_axis copy_axis(const wg_conv_sizes *s, int i) {
    const bool one = s->kernel[i] == 1;
    const wg_conv_copy_axis axis = {.taps = s->kernel[i],
                                    .dilation = s->dilation[i],
                                    .stride = s->stride[i],
                                    .pad = s->pad[i],
                                    .source = s->in[i],
                                    .step = one ? s->stride[i] : 1,
                                    .position = one ? 1 : s->stride[i]};
    return axis;
}

/* Elements of the input's copy for a block of so many outputs. */
static int64_t copied(wg_conv_weight_plan *p, int64_t rows, int64_t columns, int64_t lanes) {
    const int64_t outputs[3] = {1, rows, columns};
    p->block[0] = rows;
    p->block[1] = columns;
    for (int i = 0; i < 3; i++) {
        wg_conv_copy_axis *axis = &p->axis[i];
        axis->count = (outputs[i] - 1) * axis->position + (axis->taps - 1) * axis->dilation + 1;
    }
    p->axis[0].count = p->axis[0].taps; /* only the planes that are read */
    p->scratch = p->axis[0].count * p->axis[1].count * p->axis[2].count * p->channels + 2 * lanes;
    return p->scratch;
}

static void choose_block(wg_conv_weight_plan *p, const wg_conv_machine *machine) {
    const int64_t most = WG_CONV_SCRATCH_BYTES / machine->size;
    int64_t columns = wg_conv_least(p->out[2], WG_CONV_POSITIONS);
    int64_t rows = wg_conv_least(p->out[1], most_of(1, WG_CONV_POSITIONS / columns));
    while (rows > 1 && copied(p, rows, columns, machine->lanes) > most) {
        rows--;
    }
    while (columns > 2 * machine->lanes && copied(p, rows, columns, machine->lanes) > most) {
        columns = (columns + 1) / 2;
    }
    p->blocks[0] = wg_conv_ceil(p->out[1], rows);
    p->blocks[1] = wg_conv_ceil(p->out[2], columns);
    copied(p, wg_conv_ceil(p->out[1], p->blocks[0]), wg_conv_ceil(p->out[2], p->blocks[1]),
           machine->lanes);
    p->positions = p->block[0] * p->block[1];
}

static void plan_product(wg_conv_weight_plan *p, const wg_conv_machine *machine) {
    choose_block(p, machine);
    p->panels = wg_conv_ceil(p->rows, machine->rows);
    p->column_panels = wg_conv_ceil(p->columns, 2 * machine->lanes);
    p->tile = machine->rows * 2 * machine->lanes;
    p->partial = p->panels * p->taps * p->column_panels * p->tile;
    p->scratch = wg_conv_ceil(p->scratch, machine->lanes) * machine->lanes;
    p->total = p->scratch + p->positions * machine->pitch;
}

static void plan_dots(wg_conv_weight_plan *p, const wg_conv_sizes *s,
                      const wg_conv_machine *machine) {
    p->forward = wg_conv_plan_of(WG_CONV_WEIGHT, s, machine);
    p->panels = 1;
    p->block[0] = p->forward.block[0];
    p->block[1] = p->forward.block[1];
    p->blocks[0] = p->forward.blocks[0];
    p->blocks[1] = p->forward.blocks[1];
    p->columns = wg_conv_ceil(p->channels * p->volume, 4) * 4;
    p->lines = most_of(1, WG_CONV_DOT_BYTES / machine->size / p->block[1]);
    p->partial = p->rows * p->columns;
    p->total = p->forward.scratch;
}

/* The share of n in whole vectors. */
static double filled(int64_t n, int64_t lanes) {
    return (double)n / (double)most_of(1, wg_conv_ceil(n, lanes) * lanes);
}

/* Products leave lanes of channels empty, and have too few sums at a time where the rows are few;
 * inner products leave lanes of a row empty and end with sums across lanes. */
static bool dots_pay(const wg_conv_weight_plan *p, const wg_conv_machine *machine) {
    const double product =
        filled(p->columns, machine->lanes) * (p->rows < 4 ? (double)p->rows / 4 : 1);
    return product < 0.8 * filled(p->out[2], machine->lanes);
}

wg_conv_weight_plan wg_conv_weight_plan_of(const wg_conv_sizes *s, const wg_conv_machine *machine) {
    wg_conv_weight_plan p = {.images = s->batch,
                             .groups = s->groups,
                             .channels = s->in_channels,
                             .rows = s->out_channels,
                             .volume = s->kernel[0] * s->kernel[1] * s->kernel[2]};
    for (int i = 0; i < 3; i++) {
        p.axis[i] = copy_axis(s, i);
        p.out[i] = s->out[i];
    }
    p.together = s->dilation[2] == 1 ? s->kernel[2] : 1;
    p.columns = p.together * p.channels;
    p.taps = p.volume / p.together;
    p.dots = dots_pay(&p, machine);
    if (p.dots) {
        plan_dots(&p, s, machine);
    } else {
        plan_product(&p, machine);
    }
    p.units = p.images * p.out[0] * p.blocks[0] * p.blocks[1];
    const double work = (double)p.images * (double)p.out[0] * (double)p.out[1] * (double)p.out[2] *
                        (double)p.rows * (double)p.groups * (double)p.channels * (double)p.volume;
    p.share = work >= WG_CONV_SHARE_WORK;
    const int64_t jobs =
        most_of(1, wg_conv_least(2 * WG_CONV_JOBS, (int64_t)(work / WG_CONV_JOB_WORK)));
    const int64_t fit = WG_CONV_PARTIAL_BYTES / most_of(1, p.partial * p.groups * machine->size);
    p.chunks = most_of(1, wg_conv_least(wg_conv_least(wg_conv_ceil(jobs, p.groups), p.units), fit));
    p.splits = wg_conv_least(wg_conv_ceil(jobs, p.chunks * p.groups), p.panels);
    return p;
}
