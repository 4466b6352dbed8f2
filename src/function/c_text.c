/* c_text.c: a nest as C statements. */
#include "function/c_text.h"

#include <string.h>

typedef struct wg_writer {
    wg_text *text;
    const wg_nest *nest;
    const wg_c_arrays *arrays;
    const char *prefix;
    bool *rules;
    bool *at_hand; /* by node: a value in the store that a variable holds as well */
} wg_writer;

static const char counters[WG_NEST_DEPTH] = {'i', 'j', 'k', 'l'};

/* The texts of the steps, as code.h says them. */
static const char *const step_text[] = {
#define WG_STEP_TEXT(name, value) #value,
    WG_STEPS(WG_STEP_TEXT)
#undef WG_STEP_TEXT
};

static void indent(const wg_writer *w, uint32_t depth) {
    wg_text_add(w->text, "%*s", (int)(4 * depth + 4), "");
}

/* "3 + 5 * i - j" */
static void affine(const wg_writer *w, int64_t base, const int64_t *stride) {
    bool any = false;
    for (uint32_t l = 0; l < WG_NEST_DEPTH; l++) {
        const int64_t s = stride[l];
        if (s == 0) {
            continue;
        }
        wg_text_add(w->text, any ? (s < 0 ? " - " : " + ") : (s < 0 ? "-" : ""));
        if (s != 1 && s != -1) {
            wg_text_add(w->text, "%lld * ", (long long)(s < 0 ? -s : s));
        }
        wg_text_add(w->text, "%c", counters[l]);
        any = true;
    }
    if (!any) {
        wg_text_add(w->text, "%lld", (long long)base);
    } else if (base != 0) {
        wg_text_add(w->text, base < 0 ? " - %lld" : " + %lld",
                    (long long)(base < 0 ? -base : base));
    }
}

static void element(const wg_writer *w, const wg_ref *ref, uint32_t arrays, const uint32_t *first,
                    const char *const *name) {
    uint32_t k = arrays - 1;
    while (k > 0 && (int64_t)first[k] > ref->base) {
        k--;
    }
    wg_text_add(w->text, "%s[", name[k]);
    affine(w, ref->base - first[k], ref->stride);
    wg_text_add(w->text, "]");
}

/* The cell of the value that `use` names. */
static void cell(const wg_writer *w, const wg_use *use) {
    const wg_nest_node *site = &w->nest->node[use->site];
    int64_t base = site->cell, stride[WG_NEST_DEPTH] = {0};
    for (uint32_t m = 0; m < WG_NEST_DEPTH; m++) {
        base += site->all[m] ? (use->first[m] + site->halo[m]) * site->step[m] : 0;
        for (uint32_t l = 0; l < WG_NEST_DEPTH; l++) {
            stride[l] += site->all[m] ? use->per[l][m] * site->step[m] : 0;
        }
    }
    wg_text_add(w->text, "work[");
    affine(w, base, stride);
    for (uint32_t m = 0; m < WG_NEST_DEPTH; m++) {
        if (site->all[m] || site->step[m] == 0) {
            continue;
        }
        int64_t turn[WG_NEST_DEPTH];
        for (uint32_t l = 0; l < WG_NEST_DEPTH; l++) {
            turn[l] = use->per[l][m];
        }
        /* counters reach back less than a window: one window more keeps the mask's side positive */
        wg_text_add(w->text, " + %lld * ((", (long long)site->step[m]);
        affine(w, use->first[m] + site->window[m], turn);
        wg_text_add(w->text, ") & %lld)", (long long)(site->window[m] - 1));
    }
    wg_text_add(w->text, "]");
}

/* The site as its own user. */
static wg_use own_use(const wg_nest *nest, uint32_t i) {
    uint32_t loop[WG_NEST_DEPTH];
    wg_use use = {.site = i};
    const uint32_t depth = wg_nest_loops(nest, i, loop);
    for (uint32_t l = 0; l < depth; l++) {
        use.per[l][l] = 1;
    }
    return use;
}

/* How many turns before the latest: which of a site's variables. */
static int64_t turns_back(const wg_nest_node *site, const wg_use *use) {
    for (uint32_t m = 0; m < WG_NEST_DEPTH; m++) {
        if (site->window[m] > 1 && use->first[m] < 0) {
            return -use->first[m];
        }
    }
    return 0;
}

/* The value is made in the same turn of the same loops, so that its variable still holds it. */
static bool is_at_hand(const wg_nest *nest, uint32_t user, const wg_use *use) {
    const wg_use own = own_use(nest, use->site);
    return nest->node[user].parent == nest->node[use->site].parent &&
           memcmp(own.per, use->per, sizeof own.per) == 0 &&
           memcmp(own.first, use->first, sizeof own.first) == 0;
}

static void variable(const wg_writer *w, uint32_t site, int64_t back) {
    wg_text_add(w->text, back != 0 ? "v%u_%lld" : "v%u", site, (long long)back);
}

static void operand(const wg_writer *w, uint32_t user, int k) {
    const wg_nest_node *node = &w->nest->node[user];
    const wg_ref *ref = &node->ref[k];
    bool fixed = true;
    switch (ref->kind) {
    case WG_REF_VALUE: {
        const wg_use *use = &node->use[k];
        const wg_nest_node *site = &w->nest->node[use->site];
        if (site->cell < 0 || is_at_hand(w->nest, user, use)) {
            variable(w, use->site, turns_back(site, use));
        } else {
            cell(w, use);
        }
        break;
    }
    case WG_REF_INPUT:
        element(w, ref, w->arrays->ins, w->arrays->in_first, w->arrays->in);
        break;
    case WG_REF_NUMBER:
        for (uint32_t l = 0; l < WG_NEST_DEPTH; l++) {
            fixed = fixed && ref->stride[l] == 0;
        }
        if (fixed) {
            wg_text_number(w->text, w->nest->number[ref->base]);
        } else {
            wg_text_add(w->text, "%s_numbers[", w->prefix);
            affine(w, ref->base, ref->stride);
            wg_text_add(w->text, "]");
        }
        break;
    default:
        break;
    }
}

/* The step's text with operands in the places of a[j], b[j], c[j] and n. */
static void formula(const wg_writer *w, uint32_t i) {
    const char *text = step_text[w->nest->node[i].code];
    while (*text != '\0') {
        const char *end = text + strcspn(text, "abcnW");
        wg_text_bytes(w->text, text, (size_t)(end - text));
        text = end;
        if (*text == '\0') {
            break;
        }
        if (strncmp(text, "WG_", 3) == 0) { /* a macro of the preamble */
            const size_t length = strcspn(text, "(");
            wg_text_bytes(w->text, text, length);
            text += length;
        } else if (*text == 'n') {
            operand(w, i, 3);
            text++;
        } else {
            operand(w, i, *text - 'a');
            text += strlen("a[j]");
        }
    }
}

static void statement(const wg_writer *w, uint32_t i, uint32_t depth) {
    const wg_nest_node *node = &w->nest->node[i];
    indent(w, depth);
    if (node->code == WG_STEP_STORE) {
        element(w, &node->ref[1], w->arrays->outs, w->arrays->out_first, w->arrays->out);
        wg_text_add(w->text, " = ");
        operand(w, i, 0);
    } else if (node->is_move) {
        const wg_nest_node *site = &w->nest->node[node->use[1].site];
        if (site->cell < 0) {
            variable(w, node->use[1].site, turns_back(site, &node->use[1]));
        } else {
            cell(w, &node->use[1]);
        }
        wg_text_add(w->text, " = ");
        operand(w, i, 0);
    } else {
        if (node->cell >= 0) {
            const wg_use own = own_use(w->nest, i);
            cell(w, &own);
            wg_text_add(w->text, " = ");
        }
        if (node->cell < 0 || w->at_hand[i]) {
            variable(w, i, 0);
            wg_text_add(w->text, " = ");
        }
        if (node->code == WG_STEP_RULE) {
            const int arity = wg_rule_infos[node->rule].arity;
            w->rules[node->rule] = true;
            wg_text_add(w->text, "rule_%s(", wg_rule_infos[node->rule].name);
            for (int k = 0; k < arity; k++) {
                wg_text_add(w->text, k > 0 ? ", " : "");
                operand(w, i, k);
            }
            wg_text_add(w->text, ")");
        } else {
            formula(w, i);
        }
    }
    wg_text_add(w->text, ";\n");
}

/* At a turn's end: variables of turns before move one back. */
static void rotate(const wg_writer *w, uint32_t loop, uint32_t depth) {
    for (uint32_t i = w->nest->node[loop].first_child; i != WG_NO_NODE; i = w->nest->node[i].next) {
        const wg_nest_node *site = &w->nest->node[i];
        if (site->is_loop || site->is_move || site->cell >= 0) {
            continue;
        }
        for (int64_t back = site->window[depth] - 1; back > 0; back--) {
            indent(w, depth + 1);
            variable(w, i, back);
            wg_text_add(w->text, " = ");
            variable(w, i, back - 1);
            wg_text_add(w->text, ";\n");
        }
    }
}

static void statements(const wg_writer *w, uint32_t first, uint32_t depth) {
    for (uint32_t i = first; i != WG_NO_NODE && !w->text->failed; i = w->nest->node[i].next) {
        const wg_nest_node *node = &w->nest->node[i];
        if (!node->is_loop) {
            statement(w, i, depth);
            continue;
        }
        indent(w, depth);
        wg_text_add(w->text, "for (long %c = 0; %c < %lld; %c++) {\n", counters[depth],
                    counters[depth], (long long)node->count, counters[depth]);
        statements(w, node->first_child, depth + 1);
        if (!node->is_move) {
            rotate(w, i, depth);
        }
        indent(w, depth);
        wg_text_add(w->text, "}\n");
    }
}

/* Variables start at 0 because compilers do not see that moves come first. */
static void declarations(const wg_writer *w) {
    for (uint32_t i = 0; i < w->nest->nodes; i++) {
        const wg_nest_node *site = &w->nest->node[i];
        if (site->is_loop || site->is_move || site->code == WG_STEP_STORE ||
            (site->cell >= 0 && !w->at_hand[i])) {
            continue;
        }
        uint32_t loop[WG_NEST_DEPTH];
        const uint32_t depth = wg_nest_loops(w->nest, i, loop);
        wg_text_add(w->text, "    double v%u = 0", i);
        for (uint32_t m = 0; m < depth && site->cell < 0; m++) {
            for (int64_t back = 1; back < site->window[m]; back++) {
                wg_text_add(w->text, ", v%u_%lld = 0", i, (long long)back);
            }
        }
        wg_text_add(w->text, ";\n");
    }
}

void wg_c_body(wg_text *text, const wg_nest *nest, const wg_c_arrays *arrays, const char *prefix,
               bool *rules) {
    const wg_writer w = {text,   nest,  arrays,
                         prefix, rules, wg_calloc((size_t)nest->nodes + 1, sizeof(bool))};
    if (w.at_hand == NULL) {
        text->failed = true;
        return;
    }
    for (uint32_t i = 0; i < nest->nodes; i++) {
        for (int k = 0; k < 3; k++) {
            const wg_nest_node *node = &nest->node[i];
            if (!node->is_loop && node->ref[k].kind == WG_REF_VALUE &&
                is_at_hand(nest, i, &node->use[k])) {
                w.at_hand[node->use[k].site] = true;
            }
        }
    }
    declarations(&w);
    statements(&w, nest->first, 0);
    wg_free(w.at_hand);
}

void wg_c_numbers(wg_text *text, const wg_nest *nest, const char *prefix) {
    bool needed = false;
    for (uint32_t i = 0; i < nest->nodes && !needed; i++) {
        for (int k = 0; k < WG_REFS; k++) {
            for (uint32_t l = 0; l < WG_NEST_DEPTH; l++) {
                needed = needed || (nest->node[i].ref[k].kind == WG_REF_NUMBER &&
                                    nest->node[i].ref[k].stride[l] != 0);
            }
        }
    }
    if (!needed) {
        return;
    }
    wg_text_add(text, "static const double %s_numbers[] = {", prefix);
    for (uint32_t i = 0; i < nest->numbers; i++) {
        wg_text_add(text, i % 8 == 0 ? "\n    " : " ");
        wg_text_number(text, nest->number[i]);
        wg_text_add(text, ",");
    }
    wg_text_add(text, "\n};\n\n");
}
