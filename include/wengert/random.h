/* random.h: counter-based random numbers. A number depends on a key and an index alone, never on
 * what was drawn before, so that results do not depend on order, threads or batch sizes.
 *
 * The generator is Philox4x32-10: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel
 * random numbers: as easy as 1, 2, 3", SC11 (2011), section 3.3. It is fast and passes the
 * statistical test suites; it is not meant to keep secrets.
 *
 * Each verb draws from a stream of its own: uniform, normal, below, permutation and bits under one
 * key are independent of each other. No function here can fail. */
#ifndef WENGERT_RANDOM_H
#define WENGERT_RANDOM_H

#include "wengert/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names one family of streams. Passed by value. */
typedef struct wg_key {
    uint32_t word[2];
} wg_key;

/* The key of a seed; different seeds give different keys. */
WG_API wg_key wg_key_new(uint64_t seed);

/* A key of its own from a key and a number, as for an epoch, a step or a worker. */
WG_API wg_key wg_key_fold(wg_key key, uint64_t number);

/* A key of its own from a key and a name, as for a parameter. NULL is taken as "". */
WG_API wg_key wg_key_name(wg_key key, const char *name);

/* The raw generator: 128 random bits for the counter words {low, high, 0, 0} of `counter`. */
WG_API void wg_random_bits(wg_key key, uint64_t counter, uint32_t out[4]);

/* out[i], i < n, is uniform in [low, high) with 53 random bits, and depends on key and first + i
 * alone. All elements are `low` where low == high. */
WG_API void wg_random_uniform(wg_key key, uint64_t first, size_t n, double low, double high,
                              double *out);

/* The same numbers rounded to f32, except that none reaches `high`. */
WG_API void wg_random_uniform_f32(wg_key key, uint64_t first, size_t n, float low, float high,
                                  float *out);

/* out[i], i < n, is normal with the given mean and standard deviation, and depends on key and
 * first + i alone. Method: G. E. P. Box, M. E. Muller, "A note on the generation of random normal
 * deviates" (1958). No draw lies further than 8.6 deviations from the mean. The last bits are those
 * of the C library's log, sin and cos. */
WG_API void wg_random_normal(wg_key key, uint64_t first, size_t n, double mean, double deviation,
                             double *out);

/* The same numbers rounded to f32. */
WG_API void wg_random_normal_f32(wg_key key, uint64_t first, size_t n, float mean, float deviation,
                                 float *out);

/* A whole number below `bound`, all equally likely (rejection after D. Lemire, "Fast random integer
 * generation in an interval", 2019, algorithm 5). 0 where bound is 0. */
WG_API uint64_t wg_random_below(wg_key key, uint64_t counter, uint64_t bound);

/* A random order of 0 ... n-1 in out[n], each equally likely (Fisher-Yates, from the end).
 * Writes nothing where n <= 0. */
WG_API void wg_random_permutation(wg_key key, int64_t n, int64_t *out);

#ifdef __cplusplus
}
#endif

#endif
