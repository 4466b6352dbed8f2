/* einsum_plan.c: reads the subscripts of einsum, and finds an order for its products. */
#include "base/base.h"
#include "op/einsum.h"

#include <stdio.h>
#include <string.h>

/* Up to this many operands all orders are tried. */
#define EXHAUSTIVE 6

/* ---- Subscripts ---------------------------------------------------------------------------- */

typedef struct reader {
    const char *text, *at;
    char *message;
    size_t bytes;
    wg_status status;
} reader;

static void refuse(reader *r, wg_status status, const char *format, ...) WG_PRINTF(3, 4);
static void refuse(reader *r, wg_status status, const char *format, ...) {
    va_list arguments;
    if (r->status == WG_OK) {
        va_start(arguments, format);
        (void)vsnprintf(r->message, r->bytes, format, arguments);
        va_end(arguments);
        r->status = status;
    }
}

static int label_of(char c) {
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? 26 + (c - 'a') : -1;
}

static char letter_of(int label) {
    return (char)(label < 26 ? 'A' + label : 'a' + (label - 26));
}

/* One operand's (or the result's) letters as written: at most WG_MAX_RANK, and where "..." stands
 * among them, or -1. */
typedef struct word {
    int count, ellipsis;
    int label[WG_MAX_RANK];
} word;

/* Reads up to ',' or '-' or the end; blanks are skipped. */
static word read_word(reader *r) {
    word w = {.ellipsis = -1};
    for (; *r->at != 0 && *r->at != ',' && *r->at != '-' && r->status == WG_OK; r->at++) {
        const int label = label_of(*r->at);
        if (*r->at == ' ') {
            continue;
        }
        if (strncmp(r->at, "...", 3) == 0 && w.ellipsis < 0) {
            w.ellipsis = w.count;
            r->at += 2;
        } else if (label < 0) {
            refuse(r, WG_ERROR_ARGUMENT, "\"%s\" has a '%c' at place %d", r->text, *r->at,
                   (int)(r->at - r->text));
        } else if (w.count == WG_MAX_RANK) {
            refuse(r, WG_ERROR_ARGUMENT, "\"%s\" has more than %d letters for one array", r->text,
                   WG_MAX_RANK);
        } else {
            w.label[w.count++] = label;
        }
    }
    return w;
}

/* The word's letters with `dots` axes of "..." in their place. */
static wg_einsum_term term_of(reader *r, const word *w, int dots) {
    wg_einsum_term term = {.rank = w->count + (w->ellipsis >= 0 ? dots : 0)};
    if (term.rank > WG_MAX_RANK) {
        refuse(r, WG_ERROR_LIMIT, "\"%s\": an array of %d axes, more than %d", r->text, term.rank,
               WG_MAX_RANK);
        return (wg_einsum_term){0};
    }
    int to = 0;
    for (int i = 0; i <= w->count; i++) {
        for (int k = 0; i == w->ellipsis && k < dots; k++) {
            term.label[to++] = WG_ELLIPSIS_END - dots + k;
        }
        if (i < w->count) {
            term.label[to++] = w->label[i];
        }
    }
    return term;
}

/* Sizes of labels, and the first operand that each is in (or -1). */
typedef struct sizes {
    int64_t *size;
    int first[WG_LABELS];
} sizes;

static void note_size(reader *r, sizes *s, int label, int64_t size, int operand) {
    const bool dots = label >= 52;
    if (s->first[label] < 0 || (dots && s->size[label] == 1)) {
        s->size[label] = size;
        s->first[label] = operand;
    } else if (size != s->size[label] && !(dots && size == 1) && dots) {
        refuse(r, WG_ERROR_SHAPE,
               "the axes of \"...\" do not broadcast: %lld in operand %d and %lld in operand %d",
               (long long)s->size[label], s->first[label], (long long)size, operand);
    } else if (size != s->size[label] && !dots) {
        refuse(r, WG_ERROR_SHAPE, "'%c' is %lld in operand %d and %lld in operand %d",
               letter_of(label), (long long)s->size[label], s->first[label], (long long)size,
               operand);
    }
}

static void read_operand(reader *r, sizes *s, int i, const wg_view *shape, wg_einsum_term *term) {
    char text[192];
    const word w = read_word(r);
    const int dots = shape->rank - w.count;
    if (r->status == WG_OK && (dots < 0 || (w.ellipsis < 0 && dots > 0))) {
        refuse(r, WG_ERROR_SHAPE,
               "operand %d is %s, and its subscripts in \"%s\" have %d letters%s", i,
               wg_shape_text(shape->rank, shape->shape, text, sizeof text), r->text, w.count,
               w.ellipsis < 0 ? "" : " beside \"...\"");
    }
    if (r->status == WG_OK) {
        *term = term_of(r, &w, dots);
        for (int k = 0; k < term->rank; k++) {
            note_size(r, s, term->label[k], shape->shape[k], i);
        }
    }
}

/* Without "->": the axes of "...", then what is named once, in the order of the characters. */
static wg_einsum_term implicit_output(reader *r, const wg_einsum_parsed *p, int dots) {
    int times[WG_LABELS] = {0}, count = 0;
    word w = {.ellipsis = 0};
    for (int i = 0; i < p->count; i++) {
        for (int k = 0; k < p->term[i].rank; k++) {
            times[p->term[i].label[k]]++;
        }
    }
    for (int label = 0; label < 52; label++) {
        if (times[label] == 1 && count++ < WG_MAX_RANK) {
            w.label[w.count++] = label;
        }
    }
    if (count > WG_MAX_RANK) {
        refuse(r, WG_ERROR_LIMIT, "\"%s\": a result of %d axes, more than %d", r->text, count,
               WG_MAX_RANK);
    }
    return term_of(r, &w, dots);
}

static wg_einsum_term explicit_output(reader *r, const sizes *s, int dots) {
    const word w = read_word(r);
    uint64_t seen = 0;
    for (int i = 0; i < w.count; i++) {
        if (s->first[w.label[i]] < 0) {
            refuse(r, WG_ERROR_ARGUMENT, "the result's '%c' is in no operand of \"%s\"",
                   letter_of(w.label[i]), r->text);
        }
        if ((seen >> w.label[i] & 1) != 0) {
            refuse(r, WG_ERROR_ARGUMENT, "the result has '%c' twice in \"%s\"",
                   letter_of(w.label[i]), r->text);
        }
        seen |= (uint64_t)1 << w.label[i];
    }
    if (w.ellipsis < 0 && dots > 0) {
        refuse(r, WG_ERROR_ARGUMENT,
               "operands of \"%s\" have axes for \"...\", which the result lacks", r->text);
    }
    if (*r->at != 0) {
        refuse(r, WG_ERROR_ARGUMENT, "\"%s\" has a '%c' at place %d", r->text, *r->at,
               (int)(r->at - r->text));
    }
    return term_of(r, &w, dots);
}

wg_status wg_einsum_parse(const char *subscripts, int count, const wg_view *shapes,
                          wg_einsum_parsed *to, char *message, size_t bytes) {
    reader r = {subscripts, subscripts, message, bytes, WG_OK};
    sizes s = {.size = to->size};
    int words = 1, dots = 0;
    to->count = count;
    for (int label = 0; label < WG_LABELS; label++) {
        to->size[label] = 1;
        s.first[label] = -1;
    }
    for (const char *c = subscripts; *c != 0 && *c != '-'; c++) {
        words += *c == ',';
    }
    if (count < 1 || count > WG_EINSUM_OPERANDS) {
        refuse(&r, WG_ERROR_LIMIT, "%d operands; it takes 1 to %d", count, WG_EINSUM_OPERANDS);
    } else if (words != count) {
        refuse(&r, WG_ERROR_ARGUMENT, "\"%s\" is for %d operands, and there are %d", subscripts,
               words, count);
    }
    for (int i = 0; i < count && r.status == WG_OK; i++) {
        read_operand(&r, &s, i, &shapes[i], &to->term[i]);
        r.at += *r.at == ',';
    }
    while (dots < WG_MAX_RANK && s.first[WG_ELLIPSIS_END - 1 - dots] >= 0) {
        dots++;
    }
    if (r.status == WG_OK && *r.at == '-' && r.at[1] != '>') {
        refuse(&r, WG_ERROR_ARGUMENT, "\"%s\" has a '-' without '>'", subscripts);
    }
    if (r.status == WG_OK && *r.at == '-') {
        r.at += 2;
        to->out = explicit_output(&r, &s, dots);
    } else if (r.status == WG_OK) {
        to->out = implicit_output(&r, to, dots);
    }
    return r.status;
}

/* ---- Order --------------------------------------------------------------------------------- */

static double elements_of(const int64_t *size, uint64_t set) {
    double product = 1;
    for (int label = 0; set != 0; label++, set >>= 1) {
        product *= (set & 1) != 0 ? (double)size[label] : 1;
    }
    return product;
}

void wg_einsum_sets(const wg_einsum_parsed *parsed, const wg_view *shapes, uint64_t *set) {
    uint64_t once = 0, twice = 0;
    for (int i = 0; i < parsed->count; i++) {
        const wg_einsum_term *term = &parsed->term[i];
        set[i] = 0;
        for (int k = 0; k < term->rank; k++) {
            if (shapes[i].shape[k] == parsed->size[term->label[k]]) {
                set[i] |= (uint64_t)1 << term->label[k];
            }
        }
        twice |= once & set[i];
        once |= set[i];
    }
    for (int i = 0; i < parsed->count; i++) {
        set[i] &= twice | wg_einsum_set(&parsed->out);
    }
}

/* Additions and multiplications of the product of two, of which `kept` remains. */
static double flops_of(const int64_t *size, uint64_t a, uint64_t b, uint64_t kept) {
    return elements_of(size, a | b) * (((a | b) & ~kept) != 0 ? 2 : 1);
}

static void add_step(const wg_einsum_parsed *p, wg_einsum_plan *plan, int left, int right,
                     uint64_t a, uint64_t b, uint64_t kept) {
    const wg_einsum_step step = {left, right, flops_of(p->size, a, b, kept),
                                 elements_of(p->size, (a | b) & kept)};
    plan->flops += step.flops;
    plan->step[plan->steps++] = step;
}

/* The pair whose product takes the least memory more than both; of equals the fewest flops. */
static void greedy(const wg_einsum_parsed *p, const uint64_t *sets, uint64_t out,
                   wg_einsum_plan *plan) {
    uint64_t set[2 * WG_EINSUM_OPERANDS];
    int left[WG_EINSUM_OPERANDS], count = p->count, next = p->count;
    memcpy(set, sets, (size_t)count * sizeof *set);
    for (int i = 0; i < count; i++) {
        left[i] = i;
    }
    for (; count > 1; count--) {
        double best_more = 0, best_flops = 0;
        int best_i = -1, best_j = -1;
        uint64_t best_kept = 0;
        for (int i = 0; i < count; i++) {
            for (int j = i + 1; j < count; j++) {
                const uint64_t a = set[left[i]], b = set[left[j]];
                uint64_t kept = out;
                for (int k = 0; k < count; k++) {
                    kept |= k != i && k != j ? set[left[k]] : 0;
                }
                const double more = elements_of(p->size, (a | b) & kept) - elements_of(p->size, a) -
                                    elements_of(p->size, b);
                const double flops = flops_of(p->size, a, b, kept);
                if (best_i < 0 || more < best_more || (more == best_more && flops < best_flops)) {
                    best_more = more;
                    best_flops = flops;
                    best_i = i;
                    best_j = j;
                    best_kept = kept;
                }
            }
        }
        const uint64_t a = set[left[best_i]], b = set[left[best_j]];
        add_step(p, plan, left[best_i], left[best_j], a, b, best_kept);
        set[next] = (a | b) & best_kept;
        left[best_i] = next++;
        left[best_j] = left[count - 1];
    }
}

/* Every way to multiply a subset of the operands: as the product of a part and the rest. */
typedef struct subsets {
    uint64_t set[1 << EXHAUSTIVE], kept[1 << EXHAUSTIVE];
    double flops[1 << EXHAUSTIVE];
    int part[1 << EXHAUSTIVE];
} subsets;

/* Adds the steps of `subset`, those of its parts first; the number of its result. */
static int add_steps(const wg_einsum_parsed *p, const subsets *s, int subset,
                     wg_einsum_plan *plan) {
    const int part = s->part[subset], rest = subset ^ part;
    if (part == 0) { /* one operand */
        int i = 0;
        while ((subset >> i & 1) == 0) {
            i++;
        }
        return i;
    }
    const int left = add_steps(p, s, part, plan), right = add_steps(p, s, rest, plan);
    add_step(p, plan, left, right, s->set[part], s->set[rest], s->kept[subset]);
    return p->count + plan->steps - 1;
}

static void exhaustive(const wg_einsum_parsed *p, const uint64_t *sets, uint64_t out,
                       wg_einsum_plan *plan) {
    subsets s;
    const int all = (1 << p->count) - 1;
    for (int subset = 1; subset <= all; subset++) {
        uint64_t set = 0, kept = out;
        for (int i = 0; i < p->count; i++) {
            *((subset >> i & 1) != 0 ? &set : &kept) |= sets[i];
        }
        s.kept[subset] = kept;
        s.set[subset] = (subset & (subset - 1)) == 0 ? set : set & kept;
        s.flops[subset] = 0;
        s.part[subset] = 0;
        /* The part that holds the lowest operand stands on the left. */
        for (int part = (subset - 1) & subset; part > 0; part = (part - 1) & subset) {
            const int rest = subset ^ part;
            if ((part & -part) != (subset & -subset)) {
                continue;
            }
            const double flops =
                s.flops[part] + s.flops[rest] + flops_of(p->size, s.set[part], s.set[rest], kept);
            if (s.part[subset] == 0 || flops < s.flops[subset]) {
                s.flops[subset] = flops;
                s.part[subset] = part;
            }
        }
    }
    (void)add_steps(p, &s, all, plan);
}

void wg_einsum_order(const wg_einsum_parsed *parsed, const uint64_t *set, wg_einsum_plan *plan) {
    const uint64_t out = wg_einsum_set(&parsed->out);
    uint64_t all = 0;
    memset(plan, 0, sizeof *plan);
    for (int i = 0; i < parsed->count; i++) {
        all |= set[i];
    }
    plan->naive_flops =
        elements_of(parsed->size, all) * ((all & ~out) != 0 ? parsed->count : parsed->count - 1);
    plan->rank = parsed->out.rank;
    for (int i = 0; i < parsed->out.rank; i++) {
        plan->shape[i] = parsed->size[parsed->out.label[i]];
    }
    (parsed->count <= EXHAUSTIVE ? exhaustive : greedy)(parsed, set, out, plan);
}

wg_status wg_einsum_path(const char *subscripts, int n, const wg_view *shapes,
                         wg_einsum_plan *plan) {
    wg_einsum_parsed parsed;
    uint64_t set[WG_EINSUM_OPERANDS];
    char message[256];
    const wg_status status =
        wg_einsum_parse(subscripts, n, shapes, &parsed, message, sizeof message);
    if (status != WG_OK) {
        return wg_fail(status, "einsum_path: %s", message);
    }
    wg_einsum_sets(&parsed, shapes, set);
    wg_einsum_order(&parsed, set, plan);
    return WG_OK;
}
