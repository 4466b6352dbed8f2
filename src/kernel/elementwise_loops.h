/* elementwise_loops.h (internal): loops of every rule in one type; included once a type by
 * elementwise_isa.h, behind rules_arithmetic.h. Unit strides have a loop of their own, which
 * compilers vectorise. The functions of sleef.h have loops that call SLEEF. */
#ifdef WG_SLEEF_LOOPS
#include "kernel/sleef_loops.h"
#endif

/* g first, then the operands and the result: all of them named, so that every derivative finds what
 * it reads. */
#define WG_LOAD(i, s)                                                                              \
    const T g = in_g[(i) * (s)[0]], x = in_x[(i) * (s)[1]], y = in_y[(i) * (s)[2]],                \
            z = in_z[(i) * (s)[3]], r = in_r[(i) * (s)[4]];                                        \
    (void)x, (void)y, (void)z, (void)r

/* A zero adjoint contributes zero, whatever the derivative; a zero derivative of a rule that picks,
 * whatever the adjoint. */
#define WG_PARTIAL_LOOP(name, picks, derivative)                                                   \
    static void WG_TYPED(name)(size_t n, const void *const *in, const ptrdiff_t *stride,           \
                               void *out) {                                                        \
        const T *in_g = in[0], *in_x = in[1], *in_y = in[2], *in_z = in[3], *in_r = in[4];         \
        T *restrict o = out;                                                                       \
        if (stride[0] == 1 && stride[1] == 1 && stride[2] == 1 && stride[3] == 1 &&                \
            stride[4] == 1) {                                                                      \
            static const ptrdiff_t one[WG_LOOP_INPUTS] = {1, 1, 1, 1, 1};                          \
            for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {                                         \
                WG_LOAD(i, one);                                                                   \
                o[i] = g == 0 || ((picks) && (derivative) == 0) ? 0 : g * (derivative);            \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {                                             \
            WG_LOAD(i, stride);                                                                    \
            o[i] = g == 0 || ((picks) && (derivative) == 0) ? 0 : g * (derivative);                \
        }                                                                                          \
    }

#define WG_VALUE_LOOP(name, arity, call_one, call_any)                                             \
    static void WG_TYPED(wg_value_##name)(size_t n, const void *const *in, const ptrdiff_t *s,     \
                                          void *out) {                                             \
        const T *px = in[0], *py = in[(arity) > 1 ? 1 : 0], *pz = in[(arity) > 2 ? 2 : 0];         \
        T *restrict o = out;                                                                       \
        (void)py, (void)pz;                                                                        \
        if (s[0] == 1 && ((arity) < 2 || s[1] == 1) && ((arity) < 3 || s[2] == 1)) {               \
            for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {                                         \
                o[i] = call_one;                                                                   \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {                                             \
            o[i] = call_any;                                                                       \
        }                                                                                          \
    }

/* A derivative that calls one of SLEEF's functions comes below. */
#define WG_PARTIAL_LOOP_IF(partial, name, derivative)                                              \
    WG_IF_SLEEF(WG_CALLED_BY_##partial, WG_NO_LOOP, WG_PARTIAL_LOOP)                               \
    (wg_##partial, wg_rule_picks(WG_RULE_##name), derivative)
#define WG_NO_LOOP(...)

#define WG_LOOPS_U(name, value, dx, ...)                                                           \
    WG_IF_SLEEF(name, WG_SLEEF_LOOP, WG_VALUE_LOOP)                                                \
    (name, 1, WG_TYPED(wg_v_##name)(px[i]), WG_TYPED(wg_v_##name)(px[i * s[0]]))                   \
        WG_PARTIAL_LOOP_IF(dx_##name, name, dx)
#define WG_LOOPS_B(name, value, dx, dy, ...)                                                       \
    WG_IF_SLEEF(name, WG_SLEEF_LOOP, WG_VALUE_LOOP)                                                \
    (name, 2, WG_TYPED(wg_v_##name)(px[i], py[i]),                                                 \
     WG_TYPED(wg_v_##name)(px[i * s[0]], py[i * s[1]])) WG_PARTIAL_LOOP_IF(dx_##name, name, dx)    \
        WG_PARTIAL_LOOP_IF(dy_##name, name, dy)
#define WG_LOOPS_T(name, value, dx, dy, dz, ...)                                                   \
    WG_VALUE_LOOP(name, 3, WG_TYPED(wg_v_##name)(px[i], py[i], pz[i]),                             \
                  WG_TYPED(wg_v_##name)(px[i * s[0]], py[i * s[1]], pz[i * s[2]]))                 \
    WG_PARTIAL_LOOP(wg_dx_##name, wg_rule_picks(WG_RULE_##name), dx)                               \
    WG_PARTIAL_LOOP(wg_dy_##name, wg_rule_picks(WG_RULE_##name), dy)                               \
    WG_PARTIAL_LOOP(wg_dz_##name, wg_rule_picks(WG_RULE_##name), dz)

WG_RULES_ARITHMETIC(WG_LOOPS_B)
WG_RULES_UNARY(WG_LOOPS_U)
WG_RULES_BINARY(WG_LOOPS_B)
WG_RULES_TERNARY(WG_LOOPS_T)

#ifdef WG_SLEEF_LOOPS
/* Calls in the text of a derivative become notes of their arguments. */
#undef R_U
#undef R_B
#define R_U(name, a) WG_IF_SLEEF(name, WG_SLEEF_NOTE_1, WG_TYPED(wg_v_##name))(a)
#define R_B(name, a, b) WG_IF_SLEEF(name, WG_SLEEF_NOTE_2, WG_TYPED(wg_v_##name))(a, b)
#define WG_SLEEF_NOTE_1(a) WG_TYPED(wg_sleef_note)(&call, i, a, 0)
#define WG_SLEEF_NOTE_2(a, b) WG_TYPED(wg_sleef_note)(&call, i, a, b)
#define WG_SLEEF_PARTIAL_IF(partial, derivative)                                                   \
    WG_IF_SLEEF(WG_CALLED_BY_##partial, WG_SLEEF_PARTIAL_LOOP, WG_NO_LOOP)                         \
    (wg_##partial, WG_CALLED_BY_##partial, derivative)
#define WG_SLEEF_LOOPS_U(name, value, dx, ...) WG_SLEEF_PARTIAL_IF(dx_##name, dx)
#define WG_SLEEF_LOOPS_B(name, value, dx, dy, ...)                                                 \
    WG_SLEEF_PARTIAL_IF(dx_##name, dx) WG_SLEEF_PARTIAL_IF(dy_##name, dy)

WG_RULES_UNARY(WG_SLEEF_LOOPS_U)
WG_RULES_BINARY(WG_SLEEF_LOOPS_B)
#endif

#undef WG_LOAD
#undef WG_PARTIAL_LOOP
#undef WG_VALUE_LOOP
#undef WG_LOOPS_U
#undef WG_LOOPS_B
#undef WG_LOOPS_T
#undef WG_PARTIAL_LOOP_IF
#undef WG_NO_LOOP
#undef WG_SLEEF_PARTIAL_IF
#undef WG_SLEEF_LOOPS_U
#undef WG_SLEEF_LOOPS_B
