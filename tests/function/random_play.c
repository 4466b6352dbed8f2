/* random_play.c: random programs as text, and as verbs on a tape. */
#include "random_program.h"

#include <stdio.h>
#include <stdlib.h>

static void print_operand(const random_operand *in) {
    if (in->from == RANDOM_NODE) {
        fprintf(stderr, " t%d", in->at);
    } else {
        fprintf(stderr, " %s%.17g", in->from == RANDOM_PLAIN ? "" : "frozen:", in->number);
    }
}

void random_program_print(const random_program *program) {
    const int n = program->inputs;
    bool *needed = calloc((size_t)(n + program->operations), sizeof *needed);
    fprintf(stderr, "seed %llu: %d inputs\n", (unsigned long long)program->seed, n);
    for (int k = 0; k < program->outputs; k++) {
        needed[program->output[k].at] |= program->output[k].from == RANDOM_NODE;
    }
    for (int i = program->operations; i-- > 0;) {
        for (int k = 0; k < 3; k++) {
            const random_operand *in = &program->operation[i].in[k];
            needed[in->at] |= needed[n + i] && in->from == RANDOM_NODE;
        }
    }
    for (int i = 0; i < program->operations; i++) {
        const random_operation *op = &program->operation[i];
        if (!needed[n + i]) {
            continue;
        }
        fprintf(stderr, "t%d = %s", n + i, wg_rule_infos[op->rule].name);
        for (int k = 0; k < wg_rule_infos[op->rule].arity; k++) {
            print_operand(&op->in[k]);
        }
        fputc('\n', stderr);
    }
    free(needed);
    for (int k = 0; k < program->outputs; k++) {
        fprintf(stderr, "y%d =", k);
        print_operand(&program->output[k]);
        fputc('\n', stderr);
    }
}

/* ---- On a tape ------------------------------------------------------------------------------- */

typedef struct verb {
    wg_var (*one)(wg_var);
    wg_var (*two)(wg_var, wg_var);
    wg_var (*three)(wg_var, wg_var, wg_var);
} verb;

#define VERB_U(name, ...) {.one = wg_##name},
#define VERB_B(name, ...) {.two = wg_##name},
#define VERB_T(name, ...) {.three = wg_##name},
static const verb verbs[WG_RULE_COUNT] = {WG_RULES_ARITHMETIC(VERB_B) WG_RULES_UNARY(VERB_U)
                                              WG_RULES_BINARY(VERB_B) WG_RULES_TERNARY(VERB_T)};

wg_var random_verb(int rule, const wg_var *in) {
    const verb *v = &verbs[rule];
    return v->one != NULL   ? v->one(in[0])
           : v->two != NULL ? v->two(in[0], in[1])
                            : v->three(in[0], in[1], in[2]);
}

static wg_var as_var(random_playing *playing, wg_tape *tape, const wg_var *nodes,
                     const random_operand *in) {
    if (in->from == RANDOM_PLAIN) {
        return wg_number(in->number);
    }
    const wg_var x = in->from == RANDOM_FROZEN ? wg_scalar(tape, in->number) : nodes[in->at];
    if (!(playing->perturbation > 0)) {
        return x;
    }
    const double part = random_between(&playing->stream, 0.3, 1);
    const bool up = random_below(&playing->stream, 2) == 1;
    return wg_mul(x, 1 + (up ? part : -part) * playing->perturbation);
}

void random_program_play(const wg_var *x, wg_var *y, void *context) {
    random_playing *playing = context;
    const random_program *p = playing->program;
    wg_tape *tape = x[0].tape;
    wg_var *nodes = malloc((size_t)(p->inputs + p->operations) * sizeof *nodes);
    for (int i = 0; i < p->inputs; i++) {
        nodes[i] = x[i];
    }
    for (int i = 0; i < p->operations; i++) {
        const random_operation *op = &p->operation[i];
        wg_var in[3];
        for (int k = 0; k < wg_rule_infos[op->rule].arity; k++) {
            in[k] = as_var(playing, tape, nodes, &op->in[k]);
        }
        nodes[p->inputs + i] = random_verb(op->rule, in);
    }
    const random_playing as_they_are = {.program = p};
    for (int k = 0; k < p->outputs; k++) {
        y[k] = as_var((random_playing *)(uintptr_t)&as_they_are, tape, nodes, &p->output[k]);
    }
    free(nodes);
}
