/* rules.h (internal): what src/op knows of each elementwise rule beside its loops. */
#ifndef WG_SRC_OP_RULES_H
#define WG_SRC_OP_RULES_H

#include "kernel/elementwise.h"
#include "tape/tape.h"

/* What a derivative reads. */
enum {
    WG_RULE_READS_X = 1,
    WG_RULE_READS_Y = 2,
    WG_RULE_READS_Z = 4,
    WG_RULE_READS_R = 8
};

typedef struct wg_rule_info {
    const char *name;
    wg_rule_index index;
    int arity;
    double low[3], high[3]; /* where samples are drawn */
    uint8_t reads[3];       /* of each derivative */
    double (*value)(double x, double y, double z);
    /* The derivatives as verbs; arguments that `reads` does not name may be anything. */
    wg_var (*partial[3])(wg_var x, wg_var y, wg_var z, wg_var r);
} wg_rule_info;

extern const wg_rule_info wg_rule_infos[WG_RULE_COUNT];
extern const wg_op wg_rule_ops[WG_RULE_COUNT];

/* The four arithmetic rules have opcodes of the public header, the others follow. */
#define WG_RULES_KNOWN_TO_HEADER 4
#define WG_CODE_OF_RULE(index)                                                                     \
    ((index) < WG_RULES_KNOWN_TO_HEADER                                                            \
         ? (int)WG_CODE_add + (int)(index)                                                         \
         : (int)WG_CODE_RULES + (int)(index)-WG_RULES_KNOWN_TO_HEADER)

_Static_assert(WG_CODE_OF_RULE(WG_RULE_neg) == WG_CODE_neg &&
                   WG_CODE_OF_RULE(WG_RULE_square) == WG_CODE_square,
               "the public header names these two");

/* The rule of an opcode, or NULL for opcodes that are none. */
static inline const wg_rule_info *wg_rule_of_code(uint16_t code) {
    if (code >= WG_CODE_RULES) {
        return &wg_rule_infos[code - WG_CODE_RULES + WG_RULES_KNOWN_TO_HEADER];
    }
    return code >= WG_CODE_add && code <= WG_CODE_div ? &wg_rule_infos[code - WG_CODE_add] : NULL;
}

/* g · partial, and nothing done where the partial is 1 or −1. A zero g is absolute; where the rule
 * picks (wg_rule_picks), a zero partial is too. info: NULL for the forms with a plain operand. */
wg_var wg_times(wg_var g, wg_var partial, const wg_rule_info *info);

#endif
