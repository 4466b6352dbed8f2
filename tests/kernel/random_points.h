/* random_points.h: random numbers for the tests of kernels, a sequence for each file and process.
 */
#ifndef WG_TESTS_RANDOM_POINTS_H
#define WG_TESTS_RANDOM_POINTS_H

#include <math.h>
#include <stdint.h>

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t next_bits(void) { /* xorshift64* */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1du;
}

static double next_in(double low, double high) {
    return low + (high - low) * (double)(next_bits() >> 11) * 0x1p-53;
}

/* Of either sign, from half of 2^exponent to all of it. */
static inline double next_scaled(int exponent) {
    const double size = ldexp(next_in(0.5, 1), exponent);
    return (next_bits() & 1) != 0 ? size : -size;
}

#endif
