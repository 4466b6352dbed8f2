/* random_loops.h: programs with loops, made from a seed: stages that feed one another, each with
 * its own kind of carried state, indices and boundaries. */
#ifndef WG_TESTS_RANDOM_LOOPS_H
#define WG_TESTS_RANDOM_LOOPS_H

#include "wengert/elementwise.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct random_loops {
    uint64_t seed;
    bool arithmetic; /* nothing but what every machine rounds alike */
    int inputs, outputs;
} random_loops;

/* What the seed stands for. */
random_loops random_loops_of(uint64_t seed, bool arithmetic);

/* A wg_function_body; the context is a random_loops. */
void random_loops_play(const wg_var *x, wg_var *y, void *context);

#endif
