/* point.c: one point at a time. A file of its own: what compilers make of the loop then depends on
 * nothing else. */
#include "function/code.h"

#include <math.h>

#define WG_FUSED(x, y, z) ((x) * (y) + (z))
#define WG_FMA(x, y, z) fma(x, y, z)
#define WG_SQRT(x) sqrt(x)
#define WG_ABS(x) fabs(x)

static const double *element(const wg_port *port, uint32_t index, int64_t point) {
    return (const double *)port->data + point * port->point + (int64_t)index * port->index;
}

static double call_one(const wg_instruction *step, const double *slot) {
    return wg_rule_infos[step->rule].value(slot[step->a], slot[step->b], slot[step->c]);
}

#define WG_POINT_CASE(name, value)                                                                 \
    case WG_STEP_##name: {                                                                         \
        const double *a = slot + step->a, *b = slot + step->b, *c = slot + step->c;                \
        (void)a, (void)b, (void)c;                                                                 \
        slot[step->out] = value;                                                                   \
        break;                                                                                     \
    }

void wg_run_point(const wg_code *code, const wg_port *in, const wg_port *out, int64_t point,
                  double *slot) {
    const wg_instruction *const end = code->step + code->steps;
    const int j = 0;
    for (const wg_instruction *step = code->step; step < end; step++) {
#define n code->constant[step->c]
        switch (step->code) {
            WG_STEPS(WG_POINT_CASE)
        case WG_STEP_RULE:
            slot[step->out] = call_one(step, slot);
            break;
        case WG_STEP_FILL:
            slot[step->out] = n;
            break;
        case WG_STEP_LOAD:
            slot[step->out] = *element(&in[step->b], step->a, point);
            break;
        default: { /* WG_STEP_STORE */
            const wg_port *port = &out[step->b];
            if (port->data != NULL) {
                ((double *)port->data)[point * port->point + (int64_t)step->a * port->index] =
                    slot[step->c];
            }
            break;
        }
        }
#undef n
    }
}
