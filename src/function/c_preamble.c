/* c_preamble.c: what stands before C functions: includes, macros, and rules as C functions, out of
 * the texts of kernel/rules.h. */
#include "function/c_text.h"

#include <string.h>

typedef struct wg_rule_text {
    const char *value;
    int arity;
} wg_rule_text;

#define WG_TEXT_U(name, value, ...) {#value, 1},
#define WG_TEXT_B(name, value, ...) {#value, 2},
#define WG_TEXT_T(name, value, ...) {#value, 3},
static const wg_rule_text rule_text[WG_RULE_COUNT] = {WG_RULES_ARITHMETIC(WG_TEXT_B) WG_RULES_UNARY(
    WG_TEXT_U) WG_RULES_BINARY(WG_TEXT_B) WG_RULES_TERNARY(WG_TEXT_T)};

/* F(sin) is sin, (T) is a cast to the type the expression has anyway. */
static void plain_c(wg_text *text, const char *value) {
    while (*value != '\0') {
        if (strncmp(value, "F(", 2) == 0) {
            const size_t length = strcspn(value + 2, ")");
            wg_text_bytes(text, value + 2, length);
            value += length + 3;
        } else if (strncmp(value, "(T)wg_math_", 11) == 0) {
            value += 11;
        } else {
            wg_text_bytes(text, value++, 1);
        }
    }
}

bool wg_c_preamble(wg_text *text, const bool *rules, const char **missing) {
    static const char *const names[] = {"double x", "double x, double y",
                                        "double x, double y, double z"};
    wg_text_add(text, "#include <math.h>\n\n"
                      "#define WG_FUSED(x, y, z) ((x) * (y) + (z))\n"
                      "#define WG_FMA(x, y, z) fma(x, y, z)\n"
                      "#define WG_SQRT(x) sqrt(x)\n"
                      "#define WG_ABS(x) fabs(x)\n\n");
    for (int i = 0; i < WG_RULE_COUNT; i++) {
        if (!rules[i]) {
            continue;
        }
        if (i == WG_RULE_digamma || i == WG_RULE_polygamma) {
            *missing = wg_rule_infos[i].name; /* libm has none */
            return false;
        }
        wg_text_add(text, "static inline double rule_%s(%s) {\n    return ", wg_rule_infos[i].name,
                    names[rule_text[i].arity - 1]);
        plain_c(text, rule_text[i].value);
        wg_text_add(text, ";\n}\n");
    }
    wg_text_add(text, "\n");
    return true;
}
