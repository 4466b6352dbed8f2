/* point.c: one point at a time: steps in 16 bytes, over cells that inputs, constants and outputs
 * are among. A file of its own: what compilers make of the loop then depends on nothing else. */
#include "function/code.h"

#include <math.h>
#include <string.h>

#define WG_FUSED(x, y, z) ((x) * (y) + (z))
#define WG_FMA(x, y, z) fma(x, y, z)
#define WG_SQRT(x) sqrt(x)
#define WG_ABS(x) fabs(x)

/* Rules come behind the steps. */
#define WG_POINT_RULE ((uint32_t)WG_STEP_STORE + 1)
_Static_assert(WG_STEP_STORE + 1 + WG_RULE_COUNT <= 256, "a step or a rule fits a byte");

/* Cells whose number fits beside the step. */
#define WG_MOST_CELLS ((size_t)1 << 24)

/* ---- Making the steps ------------------------------------------------------------------------ */

typedef struct wg_pointer {
    wg_code *code;
    uint32_t *where;                     /* by slot: the cell that holds its value */
    uint32_t inputs, constants, outputs; /* their first cells */
} wg_pointer;

static void put(wg_pointer *p, uint32_t code, uint32_t out, uint32_t a, uint32_t b, uint32_t c) {
    p->code->point[p->code->points++] = (wg_point_step){out << 8 | code, a, b, c};
}

/* The cell of an output, where the step behind `step` stores its result; else its slot. */
static uint32_t result_cell(const wg_pointer *p, const wg_instruction *step) {
    const wg_instruction *next = step + 1, *end = p->code->step + p->code->steps;
    return next < end && next->code == WG_STEP_STORE && next->c == step->out
               ? p->outputs + p->code->out_first[next->b] + next->a
               : step->out;
}

static bool is_with_number(uint32_t code) {
    return code == WG_STEP_ADD_N || code == WG_STEP_N_SUB || code == WG_STEP_MUL_N ||
           code == WG_STEP_N_DIV || code == WG_STEP_MUL_N_ADD || code == WG_STEP_MUL_N_SUB ||
           code == WG_STEP_FUSED_N_ADD || code == WG_STEP_FUSED_N_SUB;
}

static void make_steps(wg_pointer *p) {
    const wg_code *code = p->code;
    for (uint32_t i = 0; i < code->steps; i++) {
        const wg_instruction *step = &code->step[i];
        if (step->code == WG_STEP_LOAD) {
            p->where[step->out] = p->inputs + code->in_first[step->b] + step->a;
        } else if (step->code == WG_STEP_FILL) {
            p->where[step->out] = p->constants + step->c;
        } else if (step->code == WG_STEP_STORE) {
            const uint32_t cell = p->outputs + code->out_first[step->b] + step->a;
            if (p->where[step->c] != cell) {
                put(p, WG_STEP_FILL, cell, p->where[step->c], 0, 0);
            }
        } else {
            const uint32_t kind =
                step->code == WG_STEP_RULE ? WG_POINT_RULE + step->rule : step->code;
            const uint32_t cell = result_cell(p, step);
            const uint32_t last =
                is_with_number(step->code) ? p->constants + step->c : p->where[step->c];
            put(p, kind, cell, p->where[step->a], p->where[step->b], last);
            p->where[step->out] = cell;
        }
    }
}

bool wg_point_begin(wg_code *code) {
    wg_pointer p = {.code = code, .inputs = code->slots};
    const size_t cells = (size_t)code->slots + code->in_first[code->ins] + code->constants +
                         code->out_first[code->outs];
    code->cells = cells > 0 ? cells : 1;
    if (cells >= WG_MOST_CELLS) {
        return true; /* points run in blocks */
    }
    p.constants = p.inputs + code->in_first[code->ins];
    p.outputs = p.constants + code->constants;
    p.where = wg_calloc((size_t)code->slots + 1, sizeof *p.where);
    code->point = wg_alloc(((size_t)code->steps + 1) * sizeof *code->point);
    if (p.where != NULL && code->point != NULL) {
        make_steps(&p);
    }
    const bool made = p.where != NULL && code->point != NULL;
    wg_free(p.where);
    return made;
}

/* ---- Running them ---------------------------------------------------------------------------- */

static void copy_in(const wg_code *code, const wg_port *in, int64_t point, double *cell) {
    for (uint32_t k = 0; k < code->ins; k++) {
        const wg_port *port = &in[k];
        const double *from = (const double *)port->data + point * port->point;
        double *to = cell + code->in_first[k];
        const size_t width = code->in_first[k + 1] - code->in_first[k];
        if (port->index == 1 && width > 0) {
            memcpy(to, from, width * sizeof *to);
            continue;
        }
        for (size_t i = 0; i < width; i++) {
            to[i] = from[(int64_t)i * port->index];
        }
    }
}

static void copy_out(const wg_code *code, const wg_port *out, int64_t point, const double *cell) {
    for (uint32_t k = 0; k < code->outs; k++) {
        const wg_port *port = &out[k];
        const double *from = cell + code->out_first[k];
        const size_t width = code->out_first[k + 1] - code->out_first[k];
        if (port->data == NULL || width == 0) {
            continue;
        }
        double *to = (double *)port->data + point * port->point;
        if (port->index == 1) {
            memcpy(to, from, width * sizeof *to);
            continue;
        }
        for (size_t i = 0; i < width; i++) {
            to[(int64_t)i * port->index] = from[i];
        }
    }
}

#define WG_POINT_CASE(name, value)                                                                 \
    case WG_STEP_##name: {                                                                         \
        const double *a = cell + step->a, *b = cell + step->b, *c = cell + step->c;                \
        const double n = *c;                                                                       \
        (void)a, (void)b, (void)c, (void)n;                                                        \
        cell[step->head >> 8] = value;                                                             \
        break;                                                                                     \
    }

void wg_run_point(const wg_code *code, const wg_port *in, const wg_port *out, int64_t point,
                  double *cell) {
    const wg_point_step *const end = code->point + code->points;
    const uint32_t inputs = code->in_first[code->ins];
    double *const first_input = cell + code->slots;
    const int j = 0;
    copy_in(code, in, point, first_input);
    if (code->constants != 0) {
        memcpy(first_input + inputs, code->constant, code->constants * sizeof *cell);
    }
    for (const wg_point_step *step = code->point; step < end; step++) {
        switch (step->head & 255) {
            WG_STEPS(WG_POINT_CASE)
        case WG_STEP_FILL:
            cell[step->head >> 8] = cell[step->a];
            break;
        default: /* a rule */
            cell[step->head >> 8] = wg_rule_infos[(step->head & 255) - WG_POINT_RULE].value(
                cell[step->a], cell[step->b], cell[step->c]);
            break;
        }
    }
    copy_out(code, out, point, first_input + inputs + code->constants);
}
