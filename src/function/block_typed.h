/* block_typed.h (internal): a block of lanes in the type T; included once a type by block_isa.h. */

/* A step's result is never one of its operands, which compilers cannot see: `omp simd` says it.
 * Lanes come in whole groups, so that there is no loop for the rest. */
#define WG_STEP_CASE(name, value)                                                                  \
    case WG_STEP_##name: {                                                                         \
        const T *a = at[step->a], *b = at[step->b], *c = at[step->c];                              \
        (void)a, (void)b, (void)c;                                                                 \
        _Pragma("omp simd") for (uint32_t j = 0; j < lanes; j++) {                                 \
            out[j] = value;                                                                        \
        }                                                                                          \
        break;                                                                                     \
    }

static void WG_TYPED(load)(const wg_port *port, uint32_t index, int64_t first, uint32_t valid,
                           uint32_t lanes, T *restrict out) {
    const T *from = (const T *)port->data + first * port->point + (int64_t)index * port->index;
    const int64_t stride = port->point;
    if (stride == 1) {
        memcpy(out, from, valid * sizeof *out);
    } else if (stride == 0) {
        const T same = *from;
        for (uint32_t j = 0; j < valid; j++) {
            out[j] = same;
        }
    } else {
        for (uint32_t j = 0; j < valid; j++) {
            out[j] = from[j * stride];
        }
    }
    for (uint32_t j = valid; j < lanes; j++) {
        out[j] = out[valid - 1];
    }
}

static void WG_TYPED(store)(const wg_port *port, uint32_t index, int64_t first, uint32_t valid,
                            const T *restrict from) {
    if (port->data == NULL) {
        return;
    }
    T *to = (T *)port->data + first * port->point + (int64_t)index * port->index;
    const int64_t stride = port->point;
    if (stride == 1) {
        memcpy(to, from, valid * sizeof *to);
        return;
    }
    for (uint32_t j = 0; j < valid; j++) {
        to[j * stride] = from[j];
    }
}

static void WG_TYPED(call)(const wg_block_run *run, const wg_instruction *step, const T *const *at,
                           T *out) {
    static const ptrdiff_t one[WG_LOOP_INPUTS] = {1, 1, 1, 1, 1};
    const void *in[WG_LOOP_INPUTS] = {at[step->a], at[step->b], at[step->c], out, out};
    run->loops[step->rule].value[sizeof(T) == sizeof(double)](run->lanes, in, one, out);
}

/* Where a whole block of a port's elements stands one behind the other; NULL where it does not. */
static T *WG_TYPED(in_place)(const wg_port *port, uint32_t index, int64_t first, bool whole) {
    return whole && port->point == 1 && port->data != NULL
               ? (T *)port->data + first + (int64_t)index * port->index
               : NULL;
}

/* A slot's values stand in the workspace, or in the caller's array where that is as good: at[slot]
 * says where. */
static void WG_TYPED(block)(const wg_block_run *run, int64_t first, uint32_t valid, void *memory) {
    T *const slot = memory;
    const uint32_t lanes = run->lanes / WG_LANES * WG_LANES;
    const size_t size = wg_slot_stride(lanes);
    const T **const at = (const T **)(void *)(slot + run->code->slots * size);
    const double *const constant = run->code->constant;
    const wg_instruction *const end = run->code->step + run->code->steps;
    const bool whole = valid == lanes;
    at[0] = slot; /* named by steps of fewer operands */
    for (const wg_instruction *step = run->code->step; step < end; step++) {
        if (step->code == WG_STEP_STORE) {
            WG_TYPED(store)(&run->out[step->b], step->a, first, valid, at[step->c]);
            continue;
        }
        T *out = slot + step->out * size;
        const T n = (T)constant[step->c < run->code->constants ? step->c : 0];
        const wg_instruction *const next = step + 1;
        if (step->code == WG_STEP_LOAD) {
            const wg_port *port = &run->in[step->b];
            const T *in_place = WG_TYPED(in_place)(port, step->a, first, whole);
            if (in_place == NULL) {
                WG_TYPED(load)(port, step->a, first, valid, lanes, out);
            }
            at[step->out] = in_place != NULL ? in_place : out;
            continue;
        }
        if (next < end && next->code == WG_STEP_STORE && next->c == step->out) {
            T *to = WG_TYPED(in_place)(&run->out[next->b], next->a, first, whole);
            if (to != NULL) {
                out = to;
            }
        }
        switch (step->code) {
            WG_STEPS(WG_STEP_CASE)
        case WG_STEP_FILL:
            for (uint32_t j = 0; j < lanes; j++) {
                out[j] = n;
            }
            break;
        default: /* WG_STEP_RULE */
            WG_TYPED(call)(run, step, at, out);
            break;
        }
        at[step->out] = out;
        step += out != slot + step->out * size ? 1 : 0; /* stored already */
    }
}
#undef WG_STEP_CASE
