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

/* F(sin) is sin, N(0.5) is (0.5), V(max, x, y) calls rule_max, (T) is a cast to the type the
 * expression has anyway. */
static void plain_c(wg_text *text, const char *value) {
    while (*value != '\0') {
        if (strncmp(value, "F(", 2) == 0) {
            const size_t length = strcspn(value + 2, ")");
            wg_text_bytes(text, value + 2, length);
            value += length + 3;
        } else if (strncmp(value, "N(", 2) == 0) {
            value++;
        } else if (strncmp(value, "V(", 2) == 0) {
            const size_t length = strcspn(value + 2, ",");
            wg_text_add(text, "rule_");
            wg_text_bytes(text, value + 2, length);
            wg_text_add(text, "(");
            value += 2 + length + strspn(value + 2 + length, ", ");
        } else if (strncmp(value, "(T)wg_math_", 11) == 0) {
            value += 11;
        } else {
            wg_text_bytes(text, value++, 1);
        }
    }
}

/* Adds the rules that values of others call: they stand further up in the table. */
static void add_callees(wg_c_uses *uses) {
    for (int i = WG_RULE_COUNT - 1; i >= 0; i--) {
        const char *call = uses->rule[i] ? strstr(rule_text[i].value, "V(") : NULL;
        for (; call != NULL; call = strstr(call + 2, "V(")) {
            const size_t length = strcspn(call + 2, ",");
            for (int k = 0; k < i; k++) {
                uses->rule[k] |= strlen(wg_rule_infos[k].name) == length &&
                                 memcmp(wg_rule_infos[k].name, call + 2, length) == 0;
            }
        }
    }
}

/* What libm lacks. */
static void add_special(wg_text *text, const char *const *part) {
    for (; *part != NULL; part++) {
        wg_text_bytes(text, *part, strlen(*part));
        wg_text_add(text, "\n");
    }
    wg_text_add(text, "\n");
}

void wg_c_preamble(wg_text *text, const wg_c_uses *called) {
    wg_c_uses all = *called, *uses = &all;
    add_callees(uses);
    static const char *const names[] = {"double x", "double x, double y",
                                        "double x, double y, double z"};
    wg_text_add(text, "#include <math.h>\n\n"
                      "#define WG_FUSED(x, y, z) ((x) * (y) + (z))\n"
                      "#define WG_FMA(x, y, z) fma(x, y, z)\n"
                      "#define WG_SQRT(x) sqrt(x)\n"
                      "#define WG_ABS(x) fabs(x)\n\n");
    if (uses->rule[WG_RULE_digamma] || uses->rule[WG_RULE_polygamma]) {
        add_special(text, wg_math_polygamma_text);
    }
    if (uses->rule[WG_RULE_sinc_order]) {
        add_special(text, wg_math_sinc_order_text);
    }
    if (uses->rule[WG_RULE_erfinv]) {
        add_special(text, wg_math_erfinv_text);
    }
    for (int i = 0; i < WG_RULE_COUNT; i++) {
        if (!uses->rule[i]) {
            continue;
        }
        wg_text_add(text, "static inline double rule_%s(%s) {\n    return ", wg_rule_infos[i].name,
                    names[rule_text[i].arity - 1]);
        plain_c(text, rule_text[i].value);
        wg_text_add(text, ";\n}\n");
    }
    wg_text_add(text, "\n");
}

int wg_c_rule_number(const wg_c_uses *uses, int rule) {
    int number = 0;
    for (int i = 0; i < rule; i++) {
        number += uses->rule[i] ? 1 : 0;
    }
    return number;
}

/* The names stand in the text, so that a text never meets another numbering. */
static void list_rules(wg_text *text, const wg_c_uses *uses) {
    wg_text_add(text, "/* rule:");
    for (int i = 0; i < WG_RULE_COUNT; i++) {
        if (uses->rule[i]) {
            wg_text_add(text, " %d %s", wg_c_rule_number(uses, i), wg_rule_infos[i].name);
        }
    }
    wg_text_add(text, " */\n");
}

void wg_c_lanes_preamble(wg_text *text, const wg_c_uses *uses) {
    list_rules(text, uses);
    wg_text_add(text,
                "#include <stddef.h>\n"
                "typedef double lanes __attribute__((vector_size(%d)));\n"
                "typedef void (*rule_loop)(size_t, const void *const *, const ptrdiff_t *, "
                "void *);\n"
                "#define SPREAD(x) ((x) - (lanes){0})\n"
                "static const ptrdiff_t one[5] = {1, 1, 1, 1, 1};\n",
                WG_C_LANES * (int)sizeof(double));
    static const char *const parameters[] = {"lanes a", "lanes a, lanes b",
                                             "lanes a, lanes b, lanes c"};
    static const char *const inputs[] = {"&a, &a, &a", "&a, &b, &a", "&a, &b, &c"};
    for (int arity = 1; arity <= 3; arity++) {
        wg_text_add(text,
                    "static inline lanes call_%d(rule_loop loop, %s) {\n"
                    "    const void *in[5] = {%s, &a, &a};\n"
                    "    lanes r;\n    loop(%d, in, one, &r);\n    return r;\n}\n",
                    arity, parameters[arity - 1], inputs[arity - 1], WG_C_LANES);
    }
    for (int step = 0; step < WG_STEP_RULE; step++) {
        if (uses->step[step]) {
            const char *value = wg_c_step_text(step);
            const int arity = strstr(value, "c[j]") != NULL   ? 3
                              : strstr(value, "b[j]") != NULL ? 2
                                                              : 1;
            wg_text_add(text,
                        "static inline lanes lanes_%d(%s) {\n    lanes r;\n"
                        "    for (int j = 0; j < %d; j++) {\n        r[j] = %s;\n    }\n"
                        "    return r;\n}\n",
                        step, parameters[arity - 1], WG_C_LANES, value);
        }
    }
    wg_text_add(text, "\n");
}
