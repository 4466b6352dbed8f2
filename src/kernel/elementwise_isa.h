/* elementwise_isa.h (internal): all loops in both types for one instruction set; the includer has
 * set the target and defines WG_LOOPS_TABLE, the table's name, and WG_SLEEF_ISA, SLEEF's name of
 * the instruction set. */
#include "kernel/elementwise.h"
#include "kernel/sleef.h"
#include "kernel/vector_math.h"

#define WG_VALUE_INLINE VM_INLINE

#define T float
#define F(name) WG_F32_##name
#define WG_TYPED(name) name##_f32
#include "kernel/rules_arithmetic.h"
/* (the two headers are separate because scalars need the value functions alone) */
#include "kernel/elementwise_loops.h"
#include "kernel/rules_arithmetic_end.h"

#define T double
#define F(name) WG_F64_##name
#define WG_TYPED(name) name##_f64
#include "kernel/rules_arithmetic.h"

#include "kernel/elementwise_loops.h"
#include "kernel/rules_arithmetic_end.h"

#define WG_BOTH(name)                                                                              \
    { name##_f32, name##_f64 }
#define WG_ROW_U(name, ...)                                                                        \
    {WG_BOTH(wg_value_##name), {WG_BOTH(wg_dx_##name), {NULL, NULL}, {NULL, NULL}}},
#define WG_ROW_B(name, ...)                                                                        \
    {WG_BOTH(wg_value_##name), {WG_BOTH(wg_dx_##name), WG_BOTH(wg_dy_##name), {NULL, NULL}}},
#define WG_ROW_T(name, ...)                                                                        \
    {WG_BOTH(wg_value_##name),                                                                     \
     {WG_BOTH(wg_dx_##name), WG_BOTH(wg_dy_##name), WG_BOTH(wg_dz_##name)}},

const wg_rule_loops WG_LOOPS_TABLE[WG_RULE_COUNT] = {WG_RULES_ARITHMETIC(WG_ROW_B) WG_RULES_UNARY(
    WG_ROW_U) WG_RULES_BINARY(WG_ROW_B) WG_RULES_TERNARY(WG_ROW_T)};
