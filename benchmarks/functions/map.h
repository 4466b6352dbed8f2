/* map.h: 10 million floats through a chain of ten operations, and back. */
#ifndef WG_BENCHMARKS_FUNCTIONS_MAP_H
#define WG_BENCHMARKS_FUNCTIONS_MAP_H

#include <stdbool.h>

enum {
    MAP_COUNT = 10000000
};

typedef struct map_arrays {
    float *x, *g;  /* where, and dL/dy there */
    float *y, *dx; /* results, where contenders write one after another */
} map_arrays;

/* y from x, then dx from x and g, at one operation an element: what both sweeps move through
 * memory. */
void map_stream(map_arrays *arrays, bool share);

/* The chain and its derivative as one derives it on paper. */
void map_by_hand(map_arrays *arrays);

#endif
