/* map_by_hand.c: plain loops over the arrays of the map. */
#include "map.h"

#include "base/parallel.h"

#define NUM float
#define FN(name) plain_##name
#include "../scalar/plain.h"

#include "map_chain.h"

/* Elements that a thread streams at a time. */
#define PIECE ((int64_t)1 << 16)

static int64_t end_of(int64_t piece) {
    return (piece + 1) * PIECE < MAP_COUNT ? (piece + 1) * PIECE : MAP_COUNT;
}

static void forward(void *context, int64_t piece) {
    const map_arrays *arrays = context;
    const float *restrict x = arrays->x;
    float *restrict y = arrays->y;
    for (int64_t i = piece * PIECE; i < end_of(piece); i++)
        y[i] = 1.5f * x[i];
}

static void backward(void *context, int64_t piece) {
    const map_arrays *arrays = context;
    const float *restrict x = arrays->x, *restrict g = arrays->g;
    float *restrict dx = arrays->dx;
    for (int64_t i = piece * PIECE; i < end_of(piece); i++)
        dx[i] = x[i] * g[i];
}

void map_stream(map_arrays *arrays, bool share) {
    const int64_t pieces = (MAP_COUNT + PIECE - 1) / PIECE;
    wg_parallel(pieces, share, forward, arrays);
    wg_parallel(pieces, share, backward, arrays);
}

/* With q = (x³ − x/2)/4 the chain is 3/4 (x (1 − q − q²) + x). */
void map_by_hand(map_arrays *arrays) {
    const float *restrict x = arrays->x, *restrict g = arrays->g;
    float *restrict y = arrays->y, *restrict dx = arrays->dx;
    for (int64_t i = 0; i < MAP_COUNT; i++)
        y[i] = plain_chain(x[i]);
    for (int64_t i = 0; i < MAP_COUNT; i++) {
        const float square = x[i] * x[i], q = 0.25f * x[i] * (square - 0.5f);
        const float slope = 0.25f * (3 * square - 0.5f);
        dx[i] = 0.75f * g[i] * (2 - q - q * q - x[i] * slope * (1 + 2 * q));
    }
}
