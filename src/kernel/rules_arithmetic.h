/* rules_arithmetic.h (internal): the vocabulary of rules.h as C arithmetic in T. The includer
 * defines T, F(name), WG_TYPED(name) (a suffix for the type); gets the value functions
 * WG_TYPED(wg_v_sin) … in return. No guard: included once for each type. */

#define N(c) ((T)(c))
#define V(name, ...) WG_TYPED(wg_v_##name)(__VA_ARGS__)
#define R_NUM(c) N(c)
#define R_ADD(a, b) ((a) + (b))
#define R_SUB(a, b) ((a) - (b))
#define R_MUL(a, b) ((a) * (b))
#define R_DIV(a, b) ((a) / (b))
#define R_NEG(a) (-(a))
#define R_U(name, a) WG_TYPED(wg_v_##name)(a)
#define R_B(name, a, b) WG_TYPED(wg_v_##name)(a, b)
#define R_T(name, a, b, c) WG_TYPED(wg_v_##name)(a, b, c)
#define R_ONE_MINUS_SQUARE(a) ((N(1) - (a)) * (N(1) + (a)))

#ifndef WG_VALUE_INLINE
#define WG_VALUE_INLINE static inline
#endif
#define WG_VALUE_U(name, value, ...)                                                               \
    WG_VALUE_INLINE T WG_TYPED(wg_v_##name)(T x) {                                                 \
        return value;                                                                              \
    }
#define WG_VALUE_B(name, value, ...)                                                               \
    WG_VALUE_INLINE T WG_TYPED(wg_v_##name)(T x, T y) {                                            \
        return value;                                                                              \
    }
#define WG_VALUE_T(name, value, ...)                                                               \
    WG_VALUE_INLINE T WG_TYPED(wg_v_##name)(T x, T y, T z) {                                       \
        return value;                                                                              \
    }
WG_RULES_ARITHMETIC(WG_VALUE_B)
WG_RULES_UNARY(WG_VALUE_U)
WG_RULES_BINARY(WG_VALUE_B)
WG_RULES_TERNARY(WG_VALUE_T)
#undef WG_VALUE_U
#undef WG_VALUE_B
#undef WG_VALUE_T
