/* list.c: all of the library's operations, for tests and tools that walk them. */
#include "op/list.h"

#include "op/define.h"
#include "op/rules.h"

#define WG_DECLARE_OP(name) extern const wg_op wg_op_##name;
WG_OPS(WG_DECLARE_OP)

#define WG_POINTER(name) &wg_op_##name,
#define WG_RULE_POINTER(name, ...) &wg_rule_ops[WG_RULE_##name],
static const wg_op *const all[] = {
    WG_RULES_ARITHMETIC(WG_RULE_POINTER) WG_RULES_UNARY(WG_RULE_POINTER)
        WG_RULES_BINARY(WG_RULE_POINTER) WG_RULES_TERNARY(WG_RULE_POINTER) WG_OPS(WG_POINTER)};

const wg_op *const *wg_op_list(int *count) {
    *count = (int)WG_COUNT_OF(all);
    return all;
}
