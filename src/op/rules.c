/* rules.c: rules.h's table as data: values of doubles, what derivatives read, derivatives as verbs.
 */
#include "op/rules.h"

#include <math.h>

/* ---- Values, in double --------------------------------------------------------------------- */

#define T double
#define F(name) name
#define WG_TYPED(name) name
#include "kernel/rules_arithmetic.h"

#define WG_ANY_U(name, ...)                                                                        \
    static double any_##name(double x, double y, double z) {                                       \
        (void)y, (void)z;                                                                          \
        return wg_v_##name(x);                                                                     \
    }
#define WG_ANY_B(name, ...)                                                                        \
    static double any_##name(double x, double y, double z) {                                       \
        (void)z;                                                                                   \
        return wg_v_##name(x, y);                                                                  \
    }
#define WG_ANY_T(name, ...)                                                                        \
    static double any_##name(double x, double y, double z) {                                       \
        return wg_v_##name(x, y, z);                                                               \
    }
WG_RULES_ARITHMETIC(WG_ANY_B)
WG_RULES_UNARY(WG_ANY_U)
WG_RULES_BINARY(WG_ANY_B)
WG_RULES_TERNARY(WG_ANY_T)

#include "kernel/rules_arithmetic_end.h"

/* ---- What each derivative reads: the vocabulary as unions of bits -------------------------- */

#include "op/rules_reads.h"

#define WG_READS_U(name, value, dx, ...) reads_##name##_x = (dx),
#define WG_READS_B(name, value, dx, dy, ...) reads_##name##_x = (dx), reads_##name##_y = (dy),
#define WG_READS_T(name, value, dx, dy, dz, ...)                                                   \
    reads_##name##_x = (dx), reads_##name##_y = (dy), reads_##name##_z = (dz),
enum {
    WG_RULES_ARITHMETIC(WG_READS_B)
    WG_RULES_UNARY(WG_READS_U) WG_RULES_BINARY(WG_READS_B) WG_RULES_TERNARY(WG_READS_T) reads_end
};

/* ---- Derivatives as verbs (rules_verbs.c) -------------------------------------------------- */

#define WG_PARTIAL(name, which) wg_partial_##name##_##which
#define WG_DECLARE(name, which)                                                                    \
    extern wg_var WG_PARTIAL(name, which)(wg_var, wg_var, wg_var, wg_var);
#define WG_DECLARE_U(name, ...) WG_DECLARE(name, x)
#define WG_DECLARE_B(name, ...) WG_DECLARE(name, x) WG_DECLARE(name, y)
#define WG_DECLARE_T(name, ...) WG_DECLARE(name, x) WG_DECLARE(name, y) WG_DECLARE(name, z)
WG_RULES_ARITHMETIC(WG_DECLARE_B)
WG_RULES_UNARY(WG_DECLARE_U)
WG_RULES_BINARY(WG_DECLARE_B)
WG_RULES_TERNARY(WG_DECLARE_T)

#define WG_INFO_U(name, value, dx, low, high)                                                      \
    {#name,  WG_RULE_##name,     1,          {low, 0, 0},                                          \
     {high}, {reads_##name##_x}, any_##name, {WG_PARTIAL(name, x)}},
#define WG_INFO_B(name, value, dx, dy, low_x, high_x, low_y, high_y)                               \
    {#name,                                                                                        \
     WG_RULE_##name,                                                                               \
     2,                                                                                            \
     {low_x, low_y, 0},                                                                            \
     {high_x, high_y, 0},                                                                          \
     {reads_##name##_x, reads_##name##_y},                                                         \
     any_##name,                                                                                   \
     {WG_PARTIAL(name, x), WG_PARTIAL(name, y)}},
#define WG_INFO_T(name, value, dx, dy, dz, low_x, high_x, low_y, high_y, low_z, high_z)            \
    {#name,                                                                                        \
     WG_RULE_##name,                                                                               \
     3,                                                                                            \
     {low_x, low_y, low_z},                                                                        \
     {high_x, high_y, high_z},                                                                     \
     {reads_##name##_x, reads_##name##_y, reads_##name##_z},                                       \
     any_##name,                                                                                   \
     {WG_PARTIAL(name, x), WG_PARTIAL(name, y), WG_PARTIAL(name, z)}},

const wg_rule_info wg_rule_infos[WG_RULE_COUNT] = {WG_RULES_ARITHMETIC(WG_INFO_B) WG_RULES_UNARY(
    WG_INFO_U) WG_RULES_BINARY(WG_INFO_B) WG_RULES_TERNARY(WG_INFO_T)};
