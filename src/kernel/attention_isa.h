/* attention_isa.h (internal): the loops of attention in both types for one instruction set; the
 * includer defines TARGET, V_BYTES and SET(name), which are taken back. The polynomials are those
 * of vector_math.h, whose macros its template has taken back. */
#define T float
#define I uint32_t
#define MANTISSA 23
#define LEAST (-127.0f)
#define ROUND 0x1.8p23f
#define EXP_POLYNOMIAL(r)                                                                          \
    (((((1.9875691500e-4f * r + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r +                    \
       4.1665795894e-2f) *                                                                         \
          r +                                                                                      \
      1.6666665459e-1f) *                                                                          \
         r +                                                                                       \
     5.0000001201e-1f)
#define LOOPS_TYPE wg_attention_loops_f32
#define TYPED(name) name##_f32
#define JOINED(name) TYPED(name)
#define LOOP(name) JOINED(SET(name))
#include "kernel/attention_loops.h"
#undef T
#undef I
#undef MANTISSA
#undef LEAST
#undef ROUND
#undef EXP_POLYNOMIAL
#undef LOOPS_TYPE
#undef TYPED

#define T double
#define I uint64_t
#define MANTISSA 52
#define LEAST (-1023.0)
#define ROUND 0x1.8p52
#define EXP_POLYNOMIAL(r)                                                                          \
    (1.0 / 2 +                                                                                     \
     r * (1.0 / 6 + r * (1.0 / 24 +                                                                \
                         r * (1.0 / 120 +                                                          \
                              r * (1.0 / 720 +                                                     \
                                   r * (1.0 / 5040 +                                               \
                                        r * (1.0 / 40320 +                                         \
                                             r * (1.0 / 362880 +                                   \
                                                  r * (1.0 / 3628800 +                             \
                                                       r * (1.0 / 39916800 +                       \
                                                            r * (1.0 / 479001600 +                 \
                                                                 r * (1.0 / 6227020800))))))))))))
#define LOOPS_TYPE wg_attention_loops_f64
#define TYPED(name) name##_f64
#include "kernel/attention_loops.h"
#undef T
#undef I
#undef MANTISSA
#undef LEAST
#undef ROUND
#undef EXP_POLYNOMIAL
#undef LOOPS_TYPE
#undef TYPED
#undef JOINED
#undef LOOP
#undef TARGET
#undef V_BYTES
#undef SET
