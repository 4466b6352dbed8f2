/* map.h: a recorded scalar function over the elements of arrays, as one operation.
 *
 *     static void swish(const wg_var *x, wg_var *y, void *context) {
 *         y[0] = wg_mul(x[0], wg_sigmoid(wg_mul(x[1], x[0])));
 *     }
 *     wg_function *fn = wg_function_record(swish, NULL, 2, 1, NULL, wg_function_defaults());
 *     wg_var y = wg_map(fn, x, 1.5);
 *
 * However many verbs the function is made of, the forward pass reads each operand once and writes
 * the result once; the backward pass reads operands and adjoint (and the result, where that spares
 * it a function call, as at the end of tanh or exp), computes what is between anew, and writes the
 * gradients of those operands that want one. Nothing between is kept. */
#ifndef WENGERT_MAP_H
#define WENGERT_MAP_H

#include "wengert/function.h"

#ifdef __cplusplus
extern "C" {
#endif

/* fn (one output) at each element of `count` operands, as many as it has inputs. They may be
 * numbers, scalars of a tape and arrays of any strides; shapes broadcast and dtypes convert as with
 * the elementwise verbs: f64 if an array is, else f32 if one is, else (integers alone) f64. Among
 * numbers alone the result is a number; without an array, the function's operations are recorded as
 * scalars; else the result is an array. Differentiable to any order; a zero adjoint contributes
 * zero whatever the derivative (unless fn was recorded `relaxed`).
 *
 * fn is used as it was recorded: a C branch in its body, wg_branch too, goes the same way for all
 * elements. Write wg_where, wg_max, wg_clamp for decisions by element. The first use and the first
 * sweep prepare code, which fn keeps.
 *
 * `fn` must live until the tape is reset or freed (or cut back behind this call by wg_scope_end):
 * the sweep asks for it. So free the tape first. `site` as in wg_apply. Errors on the tape (without
 * one NaN, and wg_last_message): ARGUMENT where fn is NULL, has not one output, or not `count`
 * inputs; SHAPE where shapes do not broadcast; MEMORY. */
WG_API wg_var wg_map_at(const wg_function *fn, int count, const wg_var *operands, const char *site);

#ifdef __cplusplus
}

template <typename... Operands>
static inline wg_var wg_map_any(const char *site, const wg_function *fn, Operands... operands) {
    const wg_var lifted[] = {wg_lift(operands)...};
    return wg_map_at(fn, static_cast<int>(sizeof...(operands)), lifted, site);
}
/* wg_map(fn, x, 0.5, …): operands may be plain numbers. */
#define wg_map(fn, ...) wg_map_any(WG_HERE, fn, __VA_ARGS__)

#else

/* wg_map(fn, x, 0.5, …): 1 to 16 operands; plain numbers are lifted. */
#define wg_map(fn, ...)                                                                            \
    wg_map_at(fn, WG_MAP_COUNT(__VA_ARGS__),                                                       \
              (const wg_var[]){WG_MAP_JOIN(WG_MAP_LIFT_, WG_MAP_COUNT(__VA_ARGS__))(__VA_ARGS__)}, \
              WG_HERE)

#define WG_MAP_JOIN_OF(a, b) a##b
#define WG_MAP_JOIN(a, b) WG_MAP_JOIN_OF(a, b)
#define WG_MAP_COUNT(...)                                                                          \
    WG_MAP_17TH(__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define WG_MAP_17TH(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, count, ...) count
#define WG_MAP_LIFT_1(x) wg_lift(x)
#define WG_MAP_LIFT_2(x, ...) wg_lift(x), WG_MAP_LIFT_1(__VA_ARGS__)
#define WG_MAP_LIFT_3(x, ...) wg_lift(x), WG_MAP_LIFT_2(__VA_ARGS__)
#define WG_MAP_LIFT_4(x, ...) wg_lift(x), WG_MAP_LIFT_3(__VA_ARGS__)
#define WG_MAP_LIFT_5(x, ...) wg_lift(x), WG_MAP_LIFT_4(__VA_ARGS__)
#define WG_MAP_LIFT_6(x, ...) wg_lift(x), WG_MAP_LIFT_5(__VA_ARGS__)
#define WG_MAP_LIFT_7(x, ...) wg_lift(x), WG_MAP_LIFT_6(__VA_ARGS__)
#define WG_MAP_LIFT_8(x, ...) wg_lift(x), WG_MAP_LIFT_7(__VA_ARGS__)
#define WG_MAP_LIFT_9(x, ...) wg_lift(x), WG_MAP_LIFT_8(__VA_ARGS__)
#define WG_MAP_LIFT_10(x, ...) wg_lift(x), WG_MAP_LIFT_9(__VA_ARGS__)
#define WG_MAP_LIFT_11(x, ...) wg_lift(x), WG_MAP_LIFT_10(__VA_ARGS__)
#define WG_MAP_LIFT_12(x, ...) wg_lift(x), WG_MAP_LIFT_11(__VA_ARGS__)
#define WG_MAP_LIFT_13(x, ...) wg_lift(x), WG_MAP_LIFT_12(__VA_ARGS__)
#define WG_MAP_LIFT_14(x, ...) wg_lift(x), WG_MAP_LIFT_13(__VA_ARGS__)
#define WG_MAP_LIFT_15(x, ...) wg_lift(x), WG_MAP_LIFT_14(__VA_ARGS__)
#define WG_MAP_LIFT_16(x, ...) wg_lift(x), WG_MAP_LIFT_15(__VA_ARGS__)
#endif

#endif
