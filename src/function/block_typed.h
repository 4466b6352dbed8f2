/* block_typed.h (internal): a block of lanes in the type T; included once a type by block_isa.h. */

/* A step's result is never one of its operands, which compilers cannot see: `omp simd` says it.
 * Lanes come in whole groups, so that there is no loop for the rest. */
#define WG_STEP_CASE(name, value)                                                                  \
    case WG_STEP_##name: {                                                                         \
        const T *a = slot + step->a * size, *b = slot + step->b * size,                            \
                *c = slot + step->c * size;                                                        \
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

static void WG_TYPED(call)(const wg_block_run *run, const wg_step *step, const T *slot, T *out) {
    static const ptrdiff_t one[WG_LOOP_INPUTS] = {1, 1, 1, 1, 1};
    const size_t size = run->lanes;
    const void *in[WG_LOOP_INPUTS] = {slot + step->a * size, slot + step->b * size,
                                      slot + step->c * size, slot, slot};
    run->loops[step->rule].value[sizeof(T) == sizeof(double)](size, in, one, out);
}

static void WG_TYPED(block)(const wg_block_run *run, int64_t first, uint32_t valid, void *memory) {
    T *const slot = memory;
    const uint32_t lanes = run->lanes / WG_LANES * WG_LANES;
    const size_t size = lanes;
    const double *const constant = run->code->constant;
    const wg_step *const end = run->code->step + run->code->steps;
    for (const wg_step *step = run->code->step; step < end; step++) {
        T *out = slot + step->out * size;
        const T n = (T)constant[step->c < run->code->constants ? step->c : 0];
        switch (step->code) {
            WG_STEPS(WG_STEP_CASE)
        case WG_STEP_RULE:
            WG_TYPED(call)(run, step, slot, out);
            break;
        case WG_STEP_FILL:
            for (uint32_t j = 0; j < lanes; j++) {
                out[j] = n;
            }
            break;
        case WG_STEP_LOAD:
            WG_TYPED(load)(&run->in[step->b], step->a, first, valid, lanes, out);
            break;
        default: /* WG_STEP_STORE */
            WG_TYPED(store)(&run->out[step->b], step->a, first, valid, slot + step->c * size);
            break;
        }
    }
}
#undef WG_STEP_CASE
