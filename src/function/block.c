/* block.c: blocks for any machine, the choice among instruction sets, and single points. */
#define WG_BLOCKS wg_blocks_baseline
#include "function/block_isa.h"

#if defined(__x86_64__) && defined(__GNUC__)
extern const wg_block_runner wg_blocks_avx2[2];
extern const wg_block_runner wg_blocks_avx512[2];
#endif

const wg_block_runner *wg_block_runners(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        return wg_blocks_avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return wg_blocks_avx2;
    }
#endif
    return wg_blocks_baseline;
}

/* ---- One point ------------------------------------------------------------------------------- */

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
