/* code.h (internal): a program made ready to run: steps over slots, for blocks of points.
 *
 * A slot holds one value for each point of a block ("lane"). Values share slots as they come and
 * go, so that a block's slots stay in the cache. */
#ifndef WG_SRC_FUNCTION_CODE_H
#define WG_SRC_FUNCTION_CODE_H

#include "function/program.h"

/* Steps on lanes: name, value. a, b, c are slots, n is a constant; WG_FUSED(x, y, z) is x·y + z,
 * rounded once where the machine can. A step of a rule that is not here is WG_STEP_RULE. */
#define WG_STEPS(X)                                                                                \
    X(ADD, a[j] + b[j])                                                                            \
    X(SUB, a[j] - b[j])                                                                            \
    X(MUL, a[j] * b[j])                                                                            \
    X(DIV, a[j] / b[j])                                                                            \
    X(NEG, -a[j])                                                                                  \
    X(ADD_N, a[j] + n)                                                                             \
    X(N_SUB, n - a[j])                                                                             \
    X(MUL_N, a[j] * n)                                                                             \
    X(N_DIV, n / a[j])                                                                             \
    X(MUL_ADD, a[j] * b[j] + c[j])                                                                 \
    X(MUL_SUB, a[j] * b[j] - c[j])                                                                 \
    X(SUB_MUL, c[j] - a[j] * b[j])                                                                 \
    X(MUL_N_ADD, a[j] * n + b[j])                                                                  \
    X(MUL_N_SUB, a[j] * n - b[j])                                                                  \
    X(FUSED_ADD, WG_FUSED(a[j], b[j], c[j]))                                                       \
    X(FUSED_SUB, WG_FUSED(a[j], b[j], -c[j]))                                                      \
    X(SUB_FUSED, WG_FUSED(-a[j], b[j], c[j]))                                                      \
    X(FUSED_N_ADD, WG_FUSED(a[j], n, b[j]))                                                        \
    X(FUSED_N_SUB, WG_FUSED(a[j], n, -b[j]))                                                       \
    X(AZMUL, a[j] == 0 ? 0 : a[j] * b[j])                                                          \
    X(AZMUL_ADD, (a[j] == 0 ? 0 : a[j] * b[j]) + c[j])                                             \
    X(FMA, WG_FMA(a[j], b[j], c[j]))                                                               \
    X(SQRT, WG_SQRT(a[j]))                                                                         \
    X(ABS, WG_ABS(a[j]))                                                                           \
    X(MAX, a[j] > b[j] || a[j] != a[j] ? a[j] : b[j])                                              \
    X(MIN, a[j] < b[j] || a[j] != a[j] ? a[j] : b[j])                                              \
    X(WHERE, a[j] != 0 ? b[j] : c[j])                                                              \
    X(LT, a[j] < b[j] ? 1 : 0)                                                                     \
    X(LE, a[j] <= b[j] ? 1 : 0)                                                                    \
    X(GT, a[j] > b[j] ? 1 : 0)                                                                     \
    X(GE, a[j] >= b[j] ? 1 : 0)                                                                    \
    X(EQ, a[j] == b[j] ? 1 : 0)                                                                    \
    X(NE, a[j] != b[j] ? 1 : 0)

enum {
#define WG_STEP(name, value) WG_STEP_##name,
    WG_STEPS(WG_STEP)
#undef WG_STEP
    WG_STEP_RULE, /* of `rule` */
    WG_STEP_FILL, /* out = constant[c] in every lane */
    WG_STEP_LOAD, /* out = element a of input port b */
    WG_STEP_STORE /* element a of output port b = slot c */
};

typedef struct wg_instruction {
    uint16_t code, rule;
    uint32_t out, a, b, c; /* slots; of the _N forms c is a constant */
} wg_instruction;

/* A step for one point at a time: `head` is the cell of the result and, in the low 8 bits, the step
 * or, behind all steps, the rule. a, b, c are cells; of _N forms c is the constant's. */
typedef struct wg_point_step {
    uint32_t head, a, b, c;
} wg_point_step;

typedef struct wg_code {
    wg_instruction *step;
    double *constant;
    uint32_t steps, constants, slots, fused;
    uint32_t costly; /* steps that call functions */
    /* For one point: cells are slots, then inputs, constants and outputs, so that nothing is loaded
     * or stored step by step. NULL where the cells are too many; then points run in blocks. */
    wg_point_step *point;
    uint32_t points;
    size_t cells;
    uint32_t ins, outs;
    uint32_t *in_first, *out_first; /* of the ports; one more for the end */
} wg_code;

/* Where inputs come from or outputs go: element `index` of point `p` is data[p * point + index *
 * step], of the run's dtype. Outputs with NULL data are not wanted. */
typedef struct wg_port {
    void *data;
    int64_t point, index;
} wg_port;

/* Inputs [in_first[k], in_first[k + 1]) of the program come from port k, and likewise outputs: in
 * code, inputs are named by port and index within it. NULL and wg_last_message on failure. */
typedef struct wg_ports {
    uint32_t ins, outs;
    const uint32_t *in_first, *out_first;
} wg_ports;
wg_code *wg_code_new(const wg_program *program, const wg_ports *ports, bool relaxed,
                     const char *name);
void wg_code_free(wg_code *code); /* NULL is allowed */

/* Runs `count` points in f32 or f64, on several threads where that pays. MEMORY. */
wg_status wg_code_run(const wg_code *code, wg_dtype dtype, int64_t count, const wg_port *in,
                      const wg_port *out, const char *name);

/* ---- Blocks (block.c and its instruction sets) ----------------------------------------------- */

/* Lanes come in multiples of this. */
#define WG_LANES 16

/* One block: points [first, first + valid) of `lanes` (the rest repeats the last). Results must not
 * overlap operands. `slot`: wg_block_bytes, 64-byte aligned. */
typedef struct wg_block_run {
    const wg_code *code;
    const wg_port *in, *out;
    const wg_rule_loops *loops;
    uint32_t lanes;
} wg_block_run;
/* As many lanes as fit the first cache, but enough that the steps themselves do not cost more. */
uint32_t wg_lanes_for(const wg_code *code, size_t size, int64_t count);
typedef void (*wg_block_runner)(const wg_block_run *run, int64_t first, uint32_t valid, void *slot);
/* From slot to slot, in values. Wide slots lie a little more than their width apart: slots that all
 * begin at the same place of a page would share the same few lines of the first cache. */
static inline size_t wg_slot_stride(uint32_t lanes) {
    return lanes >= 8 * WG_LANES ? lanes + WG_LANES : lanes;
}
/* Slots of values of `size` bytes, and a pointer to each (a step's constant may be named like a
 * slot). */
static inline size_t wg_block_bytes(const wg_code *code, uint32_t lanes, size_t size) {
    const size_t pointers = (size_t)code->slots + code->constants + 1;
    const size_t values = (size_t)code->slots * wg_slot_stride(lanes);
    return (values * size + pointers * sizeof(void *) + 63) & ~(size_t)63;
}

/* For the machine this runs on; [0] f32, [1] f64. */
const wg_block_runner *wg_block_runners(void);

/* ---- One point (point.c) --------------------------------------------------------------------- */

/* Fills the code's `point`; false where memory ran out. */
bool wg_point_begin(wg_code *code);
/* Runs one point in f64; `cell`: code->cells doubles. */
void wg_run_point(const wg_code *code, const wg_port *in, const wg_port *out, int64_t point,
                  double *cell);

#endif
