/* random_program.c: makes random programs. */
#include "random_program.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Numbers --------------------------------------------------------------------------------- */

uint64_t random_bits(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int random_below(uint64_t *state, int bound) {
    return (int)((random_bits(state) >> 33) % (uint64_t)bound);
}

double random_between(uint64_t *state, double low, double high) {
    const double unit = (double)(random_bits(state) >> 11) * 0x1p-53;
    return (double)(float)(low + unit * (high - low));
}

/* Numbers that find what only holds for others. */
static const double odd_numbers[] = {0.0,    -0.0,     INFINITY, -INFINITY, NAN,   5e-324, -1e-310,
                                     1.0,    -1.0,     2.0,      -2.0,      0.5,   -0.25,  3.0,
                                     1e-200, -1e200,   DBL_MAX,  DBL_MIN,   1e16,  0.1,    -7.0,
                                     1e308,  -DBL_MIN, 710.0,    -745.0,    1e-16, 1.5,    -2.5};

static double odd_number(uint64_t *state) {
    return random_below(state, 4) == 0 ? random_between(state, -3, 3)
                                       : odd_numbers[random_below(state, WG_COUNT_OF(odd_numbers))];
}

/* ---- Growing a program ----------------------------------------------------------------------- */

/* Inputs of smooth programs lie within ±this. */
#define INPUT_RANGE 1.5
/* What may grow without being brought back into a rule's range. */
#define WIDE 4.0
#define HUGE_VALUE 1e4

/* Each node with the range its values stay in (about: ranges come from samples). */
typedef struct growth {
    random_program *program;
    uint64_t state;
    double *low, *high;
    bool *used, *alive; /* as an operand; derivatives reach it */
    int nodes, capacity;
    int recent, fresh; /* per cent of operands that are among the latest, or not used so far */
    bool same;
} growth;

static bool chance(growth *g, int percent) {
    return random_below(&g->state, 100) < percent;
}

static random_operand node(int at) {
    return (random_operand){RANDOM_NODE, at, 0};
}

static random_operand plain(double number) {
    return (random_operand){RANDOM_PLAIN, 0, number};
}

static void room(growth *g) {
    if (g->nodes == g->capacity) {
        g->capacity = 2 * g->capacity + 64;
        g->low = realloc(g->low, (size_t)g->capacity * sizeof *g->low);
        g->high = realloc(g->high, (size_t)g->capacity * sizeof *g->high);
        g->used = realloc(g->used, (size_t)g->capacity * sizeof *g->used);
        g->alive = realloc(g->alive, (size_t)g->capacity * sizeof *g->alive);
        g->program->operation =
            realloc(g->program->operation, (size_t)g->capacity * sizeof *g->program->operation);
    }
}

static double along(const growth *g, random_operand in, int step, int steps) {
    return in.from != RANDOM_NODE
               ? in.number
               : g->low[in.at] + (g->high[in.at] - g->low[in.at]) * step / (steps - 1);
}

/* The range of a rule over its operands' ranges. */
static void range_of(const growth *g, int rule, const random_operand *in, double *low,
                     double *high) {
    enum {
        STEPS = 5
    };
    const wg_rule_info *info = &wg_rule_infos[rule];
    const int second = info->arity > 1 ? STEPS : 1, third = info->arity > 2 ? STEPS : 1;
    *low = INFINITY;
    *high = -INFINITY;
    for (int i = 0; i < STEPS; i++) {
        for (int j = 0; j < second; j++) {
            for (int k = 0; k < third; k++) {
                const double x = rule == WG_RULE_where ? i % 2 : along(g, in[0], i, STEPS);
                const double r =
                    info->value(x, along(g, in[1], j, STEPS), along(g, in[2], k, STEPS));
                *low = fmin(*low, r == r ? r : -INFINITY);
                *high = fmax(*high, r == r ? r : INFINITY);
            }
        }
    }
    const double margin = (*high - *low) * 0.05;
    *low -= margin;
    *high += margin;
}

/* Its derivatives are zero. */
static bool is_flat(int rule) {
    return (rule >= WG_RULE_isnan && rule <= WG_RULE_logical_not) ||
           (rule >= WG_RULE_logical_and && rule <= WG_RULE_logical_xor) || rule == WG_RULE_trunc ||
           (rule >= WG_RULE_lt && rule <= WG_RULE_ne) || rule == WG_RULE_sign ||
           rule == WG_RULE_heaviside || rule == WG_RULE_floor || rule == WG_RULE_ceil ||
           rule == WG_RULE_round;
}

/* Appends an operation; -1 where its values would leave what derivatives can bear. */
static int grow(growth *g, int rule, random_operand x, random_operand y, random_operand z) {
    const random_operand in[3] = {x, y, z};
    double low = -INFINITY, high = INFINITY;
    if (g->program->kind == RANDOM_SMOOTH) {
        range_of(g, rule, in, &low, &high);
        if (!(low > -HUGE_VALUE && high < HUGE_VALUE)) {
            return -1;
        }
    }
    room(g);
    g->low[g->nodes] = low;
    g->high[g->nodes] = high;
    g->used[g->nodes] = g->alive[g->nodes] = false;
    for (int k = 0; k < 3; k++) {
        if (in[k].from == RANDOM_NODE) {
            const bool decides = rule == WG_RULE_where && k == 0;
            g->used[in[k].at] = true;
            g->alive[g->nodes] |= g->alive[in[k].at] && !is_flat(rule) && !decides;
        }
    }
    g->program->operation[g->program->operations++] = (random_operation){rule, {x, y, z}};
    return g->nodes++;
}

/* The latest node that is no operand so far, or -1. */
static int unused(const growth *g) {
    int at = g->nodes - 1;
    while (at >= 0 && (g->used[at] || !g->alive[at]) && g->nodes - at < 200) {
        at--;
    }
    return at >= 0 && !g->used[at] && g->alive[at] ? at : -1;
}

static int some_node(growth *g) {
    if (chance(g, g->fresh) && unused(g) >= 0) {
        return unused(g);
    }
    const int back = chance(g, g->recent) ? 6 : g->nodes;
    return g->nodes - 1 - random_below(&g->state, back < g->nodes ? back : g->nodes);
}

/* Mostly one that depends on inputs. */
static int any_node(growth *g) {
    int at = some_node(g);
    for (int again = 0; again < 3 && !g->alive[at]; again++) {
        at = some_node(g);
    }
    return at;
}

/* A node brought into [low, high]: as it is, by a line, or by a function that is bounded. */
static random_operand within(growth *g, int at, double low, double high) {
    static const int bounded[] = {WG_RULE_sin, WG_RULE_atan, WG_RULE_erf,
                                  WG_RULE_cos, WG_RULE_tanh, WG_RULE_asinh};
    if (g->low[at] >= low && g->high[at] <= high) {
        return node(at);
    }
    if (fmax(fabs(g->low[at]), fabs(g->high[at])) > 2.5 || chance(g, 50)) {
        const double half = (g->high[at] - g->low[at]) / 2, middle = (g->low[at] + g->high[at]) / 2;
        const float scale = (float)(half > 1e-2 ? 0.9 * (high - low) / 2 / half : 1);
        const int centred = grow(g, WG_RULE_sub, node(at), plain((double)(float)middle), plain(0));
        const int scaled = grow(g, WG_RULE_mul, plain((double)scale), node(centred), plain(0));
        const double offset = (double)(float)((low + high) / 2);
        return node(grow(g, WG_RULE_add, node(scaled), plain(offset), plain(0)));
    }
    const int choices = (int)WG_COUNT_OF(bounded) - (g->same ? 2 : 0);
    const int squashed =
        grow(g, bounded[random_below(&g->state, choices)], node(at), plain(0), plain(0));
    const float scale = (float)((high - low) / 4), offset = (float)((high + low) / 2);
    if (chance(g, 30)) {
        return node(
            grow(g, WG_RULE_fma, node(squashed), plain((double)scale), plain((double)offset)));
    }
    const int scaled = grow(g, WG_RULE_mul, node(squashed), plain((double)scale), plain(0));
    return node(grow(g, WG_RULE_add, plain((double)offset), node(scaled), plain(0)));
}

static random_operand number_within(growth *g, double low, double high) {
    static const double usual[] = {1, -1, 2, 0.5, -2, 0, 0.25};
    const double one = usual[random_below(&g->state, WG_COUNT_OF(usual))];
    const double number =
        chance(g, 50) && one >= low && one <= high ? one : random_between(&g->state, low, high);
    return (random_operand){chance(g, 70) ? RANDOM_PLAIN : RANDOM_FROZEN, 0, number};
}

static random_operand operand(growth *g, double low, double high) {
    return chance(g, 15) ? number_within(g, low, high) : within(g, any_node(g), low, high);
}

/* ---- Which operands a rule gets -------------------------------------------------------------- */

bool random_rule_has_own_batches(int rule) {
    switch (rule) {
    case WG_RULE_exp:
    case WG_RULE_expm1:
    case WG_RULE_log:
    case WG_RULE_log1p:
    case WG_RULE_tanh:
    case WG_RULE_sigmoid:
    case WG_RULE_softplus:
    case WG_RULE_erf:
    case WG_RULE_erfc:
    case WG_RULE_logsigmoid:
    case WG_RULE_silu:
    case WG_RULE_tanh_softplus:
    case WG_RULE_mish:
    case WG_RULE_gelu:
    case WG_RULE_gelu_tanh:
    case WG_RULE_selu:
    case WG_RULE_elu:
    case WG_RULE_celu:
    case WG_RULE_logit:
    case WG_RULE_logaddexp:
    case WG_RULE_xlogy:
        return true;
#if defined(WG_HAVE_SLEEF)
    case WG_RULE_sin:
    case WG_RULE_cos:
    case WG_RULE_tan:
    case WG_RULE_asin:
    case WG_RULE_acos:
    case WG_RULE_atan:
    case WG_RULE_sinh:
    case WG_RULE_cosh:
    case WG_RULE_asinh:
    case WG_RULE_acosh:
    case WG_RULE_atanh:
    case WG_RULE_exp2:
    case WG_RULE_log2:
    case WG_RULE_log10:
    case WG_RULE_cbrt:
    case WG_RULE_pow:
    case WG_RULE_atan2:
    case WG_RULE_hypot:
        return true;
#endif
    default:
        return false;
    }
}

static void exchange(double *a, double *b) {
    const double first = *a;
    *a = *b;
    *b = first;
}

static void negate(double *low, double *high) {
    const double was = *low;
    *low = -*high;
    *high = -was;
}

/* Where the rule's operands may lie: the table's ranges, and others on the far side of a kink. */
static void ranges(growth *g, int rule, double *low, double *high) {
    for (int i = 0; i < 3; i++) {
        low[i] = wg_rule_infos[rule].low[i];
        high[i] = wg_rule_infos[rule].high[i];
        if (low[i] == -2 && high[i] == 2) {
            low[i] = -WIDE;
            high[i] = WIDE;
        }
    }
    switch (rule) {
    case WG_RULE_exp:
    case WG_RULE_expm1:
    case WG_RULE_exp2:
    case WG_RULE_sinh:
    case WG_RULE_cosh:
    case WG_RULE_tanh:
    case WG_RULE_erf:
    case WG_RULE_erfc:
        low[0] = -2;
        high[0] = 2;
        break;
    case WG_RULE_div:
        if (chance(g, 40)) {
            negate(&low[1], &high[1]);
        }
        break;
    case WG_RULE_abs:
    case WG_RULE_sign:
    case WG_RULE_heaviside:
    case WG_RULE_relu:
    case WG_RULE_selu:
    case WG_RULE_softsign:
    case WG_RULE_leaky_relu:
    case WG_RULE_elu:
    case WG_RULE_celu:
    case WG_RULE_softshrink:
    case WG_RULE_hardshrink:
        if (chance(g, 50)) {
            negate(&low[0], &high[0]);
        }
        break;
    case WG_RULE_max:
    case WG_RULE_min:
    case WG_RULE_lt:
    case WG_RULE_le:
    case WG_RULE_gt:
    case WG_RULE_ge:
    case WG_RULE_eq:
    case WG_RULE_ne:
        if (chance(g, 50)) {
            exchange(&low[0], &low[1]);
            exchange(&high[0], &high[1]);
        }
        break;
    case WG_RULE_threshold:
        if (chance(g, 50)) {
            exchange(&low[0], &low[1]);
            exchange(&high[0], &high[1]);
        }
        break;
    case WG_RULE_hardsigmoid:
    case WG_RULE_hardswish:
        low[0] = -2;
        high[0] = 2;
        break;
    case WG_RULE_hardtanh:
    case WG_RULE_clamp: { /* within its bounds, below, above */
        const int other = random_below(&g->state, 3);
        if (other != 0) {
            exchange(&low[0], &low[other]);
            exchange(&high[0], &high[other]);
        }
        if (other == 1 && chance(g, 50)) { /* bounds that contradict each other */
            exchange(&low[1], &low[2]);
            exchange(&high[1], &high[2]);
        }
        break;
    }
    default:
        break;
    }
}

static random_operand condition(growth *g) {
    if (chance(g, 25)) {
        return number_within(g, 0, 1);
    }
    if (chance(g, 30)) {
        return operand(g, 0.3, 2);
    }
    double low[3], high[3];
    const int rule = WG_RULE_lt + random_below(&g->state, 6);
    ranges(g, rule, low, high);
    const random_operand x = operand(g, low[0], high[0]), y = operand(g, low[1], high[1]);
    return node(grow(g, rule, x, y, plain(0)));
}

static void add_power(growth *g) {
    static const double whole[] = {2, 3, -1, 1, 0, -2, 7, 31, -5, 33, 4};
    if (chance(g, 40)) {
        double low = 0.5, high = 1.5;
        if (chance(g, 40)) {
            negate(&low, &high);
        }
        const random_operand x = operand(g, low, high);
        (void)grow(g, WG_RULE_pow, x, plain(whole[random_below(&g->state, WG_COUNT_OF(whole))]),
                   plain(0));
        return;
    }
    const random_operand x = operand(g, 0.3, 3);
    const random_operand y = chance(g, 15) ? plain(0.5) : operand(g, -2, 2);
    (void)grow(g, WG_RULE_pow, x, y, plain(0));
}

static void add_smooth(growth *g, int rule) {
    random_operand in[3] = {plain(0), plain(0), plain(0)};
    double low[3], high[3];
    if (rule == WG_RULE_pow) {
        add_power(g);
        return;
    }
    ranges(g, rule, low, high);
    const int arity = wg_rule_infos[rule].arity;
    for (int i = 0; i < arity; i++) {
        if ((rule == WG_RULE_polygamma || rule == WG_RULE_sinc_order) && i == 0) {
            in[i] = plain(random_below(&g->state, 4));
        } else if (rule == WG_RULE_where && i == 0) {
            in[i] = condition(g);
        } else if (i > 0 && chance(g, 15) && in[i - 1].from == RANDOM_NODE &&
                   low[i] <= low[i - 1] && high[i] >= high[i - 1]) {
            in[i] = in[i - 1];
        } else {
            in[i] = operand(g, low[i], high[i]);
        }
    }
    (void)grow(g, rule, in[0], in[1], in[2]);
}

static void add_wild(growth *g, int rule) {
    random_operand in[3] = {plain(0), plain(0), plain(0)};
    for (int i = 0; i < wg_rule_infos[rule].arity; i++) {
        in[i] = node(any_node(g));
        if (chance(g, 30)) {
            in[i] = (random_operand){chance(g, 70) ? RANDOM_PLAIN : RANDOM_FROZEN, 0,
                                     odd_number(&g->state)};
        } else if (i > 0 && chance(g, 20)) {
            in[i] = in[i - 1];
        }
    }
    (void)grow(g, rule, in[0], in[1], in[2]);
}

/* An operation again, or all but again: some operands in the other order. */
static void say_again(growth *g) {
    const random_operation *was =
        &g->program->operation[random_below(&g->state, g->program->operations)];
    random_operation again = *was;
    const bool same_ranges = again.rule == WG_RULE_add || again.rule == WG_RULE_mul ||
                             again.rule == WG_RULE_where || again.rule == WG_RULE_fma;
    const int last = wg_rule_infos[again.rule].arity - 1;
    if (same_ranges && chance(g, 50)) {
        again.in[last] = was->in[last - 1];
        again.in[last - 1] = chance(g, 70) ? was->in[last] : was->in[last - 1];
    }
    (void)grow(g, again.rule, again.in[0], again.in[1], again.in[2]);
}

/* Whole functions are rarer than arithmetic; the small rules that identities look for are not. */
static void add_one(growth *g) {
    static const int common[] = {WG_RULE_add, WG_RULE_sub,    WG_RULE_mul,   WG_RULE_div,
                                 WG_RULE_neg, WG_RULE_square, WG_RULE_where, WG_RULE_mul};
    if (g->program->operations > 0 && chance(g, 5)) {
        say_again(g);
        return;
    }
    int rule;
    do {
        rule = chance(g, 45) ? common[random_below(&g->state, WG_COUNT_OF(common))]
                             : random_below(&g->state, WG_RULE_COUNT);
    } while ((g->same && random_rule_has_own_batches(rule)) || (is_flat(rule) && chance(g, 80)));
    if (g->program->kind == RANDOM_SMOOTH) {
        add_smooth(g, rule);
    } else {
        add_wild(g, rule);
    }
}

/* Brings some of the ends that are loose together in the last node. */
static void gather(growth *g) {
    for (int i = 0; i < 6 && g->program->kind == RANDOM_SMOOTH; i++) {
        const int last = g->nodes - 1, loose = (g->used[last] = true, unused(g));
        if (loose < 0 || chance(g, 10)) {
            return;
        }
        const random_operand x = within(g, last, -WIDE, WIDE), y = within(g, loose, -WIDE, WIDE);
        (void)grow(g, chance(g, 30) ? WG_RULE_mul : WG_RULE_add, x, y, plain(0));
    }
}

static random_operand an_output(growth *g, int k) {
    if (k > 0 && chance(g, 10)) {
        return g->program->output[random_below(&g->state, k)];
    }
    if (chance(g, 5)) {
        return (random_operand){chance(g, 50) ? RANDOM_PLAIN : RANDOM_FROZEN, 0,
                                random_between(&g->state, -2, 2)};
    }
    if (chance(g, 7)) {
        return node(random_below(&g->state, g->program->inputs));
    }
    return node(k == 0 || chance(g, 50) ? g->nodes - 1 - (k < g->nodes ? k : 0) : any_node(g));
}

random_program *random_program_new(uint64_t seed, random_kind kind, bool same, int most) {
    random_program *p = calloc(1, sizeof *p);
    growth g = {.program = p, .state = seed * 0x2545f4914f6cdd1du + (uint64_t)kind, .same = same};
    p->seed = seed;
    p->kind = kind;
    p->inputs = 1 + random_below(&g.state, 8);
    p->outputs = chance(&g, 50) ? 1 : 1 + random_below(&g.state, 5);
    g.recent = random_below(&g.state, 100);
    g.fresh = 30 + random_below(&g.state, 60);
    for (int i = 0; i < p->inputs; i++) {
        room(&g);
        g.used[g.nodes] = false;
        g.alive[g.nodes] = true;
        g.low[g.nodes] = -INPUT_RANGE;
        g.high[g.nodes++] = INPUT_RANGE;
    }
    while (p->operations < most) {
        add_one(&g);
    }
    gather(&g);
    p->output = calloc((size_t)p->outputs, sizeof *p->output);
    for (int k = 0; k < p->outputs; k++) {
        p->output[k] = an_output(&g, k);
    }
    free(g.low);
    free(g.high);
    free(g.used);
    free(g.alive);
    return p;
}

void random_program_free(random_program *program) {
    free(program->operation);
    free(program->output);
    free(program);
}

bool random_program_same(const random_program *program) {
    for (int i = 0; i < program->operations; i++) {
        if (random_rule_has_own_batches(program->operation[i].rule)) {
            return false;
        }
    }
    return true;
}

void random_program_point(const random_program *program, uint64_t index, double *x) {
    uint64_t state = program->seed * 31 + index * 0x9e3779b97f4a7c15u + 1;
    for (int i = 0; i < program->inputs; i++) {
        x[i] = program->kind == RANDOM_SMOOTH ? random_between(&state, -INPUT_RANGE, INPUT_RANGE)
                                              : odd_number(&state);
    }
}
