/* distribution.h: random arrays, and dropout.
 *
 * A key (random.h) decides all: element i depends on the key and i (in C order) alone, not on the
 * shape, what was drawn before, or the threads. Draw with a key of its own each time: wg_key_fold
 * with the step, wg_key_name with a name. Distributions under one key are independent of each
 * other. The numbers are not those of wg_random_uniform and its kin, and f32 and f64 draw different
 * ones; the last bits may differ between instruction sets.
 *
 * dtype is f32 or f64 where nothing else is said. Parameters are numbers or handles, which
 * broadcast to the shape (its dtype then is by promotion, so pass handles of `dtype`); gradients
 * flow into them through what is drawn (D. P. Kingma, M. Welling, "Auto-encoding variational
 * Bayes", 2014, section 2.4). ARGUMENT for plain parameters that make no distribution. */
#ifndef WENGERT_DISTRIBUTION_H
#define WENGERT_DISTRIBUTION_H

#include "wengert/array.h"
#include "wengert/random.h"

#ifdef __cplusplus
extern "C" {
#endif

/* low + (high - low) u, in [low, high) for plain numbers. */
WG_API wg_var wg_uniform_at(wg_tape *tape, wg_key key, wg_var low, wg_var high, wg_dtype dtype,
                            int rank, const int64_t *shape, const char *site);
/* mean + deviation z (Box and Muller, 1958). In f32 no z lies further out than 6.7, in f64 8.6. */
WG_API wg_var wg_normal_at(wg_tape *tape, wg_key key, wg_var mean, wg_var deviation, wg_dtype dtype,
                           int rank, const int64_t *shape, const char *site);
/* -scale log u: mean `scale`, rate 1/scale. */
WG_API wg_var wg_exponential_at(wg_tape *tape, wg_key key, wg_var scale, wg_dtype dtype, int rank,
                                const int64_t *shape, const char *site);
/* location - scale log(-log u). */
WG_API wg_var wg_gumbel_at(wg_tape *tape, wg_key key, wg_var location, wg_var scale, wg_dtype dtype,
                           int rank, const int64_t *shape, const char *site);
/* Density exp(-|x - location| / scale) / (2 scale). */
WG_API wg_var wg_laplace_at(wg_tape *tape, wg_key key, wg_var location, wg_var scale,
                            wg_dtype dtype, int rank, const int64_t *shape, const char *site);
/* 1 with probability p, else 0, in any dtype. p a number in [0, 1], in steps of 2^-32, or a handle
 * that broadcasts to the shape. No gradient. */
WG_API wg_var wg_bernoulli_at(wg_tape *tape, wg_key key, wg_var p, wg_dtype dtype, int rank,
                              const int64_t *shape, const char *site);
/* Whole numbers (i64) in [low, high), all equally likely. */
WG_API wg_var wg_randint(wg_tape *tape, wg_key key, int64_t low, int64_t high, int rank,
                         const int64_t *shape);
/* A random order of 0 … n-1 (i64 [n]). */
WG_API wg_var wg_permutation(wg_tape *tape, wg_key key, int64_t n);

/* Classes (i64 [..., samples]) drawn with the probabilities softmax(logits [..., classes]), with
 * replacement. For probabilities pass their logarithms. Inverts the distribution function, in f64.
 * No gradient. ARGUMENT for a row with NaN, infinity or nothing but -infinity. */
WG_API wg_var wg_categorical_at(wg_var logits, wg_key key, int64_t samples, const char *site);

typedef struct wg_sample_options {
    double
        temperature; /* divides the logits; 0: the class with the greatest, the first of equals */
    int64_t top_k;   /* of the k most likely classes alone (of equals the first); 0: of all */
    double top_p;    /* then of the fewest that have this share of the probability together (A.
                        Holtzman et al., "The curious case of neural text degeneration", 2020);
                        0 or 1: of all */
} wg_sample_options;

/* One class (i64 [...]) for each row of logits [..., classes], in f64: the next token of a language
 * model. Row i draws number i of the key: fold the step into it. No gradient. ARGUMENT for options
 * out of range, and for a row as in wg_categorical. */
WG_API wg_var wg_sample_logits_at(wg_var logits, wg_key key, const char *site,
                                  wg_sample_options options);
#define wg_sample_logits(logits, key, ...) wg_sample_logits_at(logits, key, WG_HERE, __VA_ARGS__)

/* softmax((logits + Gumbel noise) / temperature) along an axis (E. Jang, S. Gu, B. Poole,
 * "Categorical reparameterization with Gumbel-softmax", 2017). `hard`: the value is one-hot, the
 * gradient that of the soft one. */
WG_API wg_var wg_gumbel_softmax_at(wg_var logits, wg_key key, double temperature, bool hard,
                                   int axis, const char *site);

/* Each element zeroed with probability p (in steps of 2^-32), the others scaled by 1/(1 - p).
 * Without memory for a mask: the chain rule draws it anew. ARGUMENT for p outside [0, 1). */
WG_API wg_var wg_dropout_keyed_at(wg_var x, wg_key key, double p, const char *site);
/* The same for whole channels x[n, c, ...]: dropout1d, dropout2d, dropout3d. */
WG_API wg_var wg_dropout_channels_keyed_at(wg_var x, wg_key key, double p, const char *site);
/* For self-normalizing networks: what is dropped gets SELU's saturation, and mean 0 and variance 1
 * are kept (Klambauer et al., 2017). */
WG_API wg_var wg_alpha_dropout_keyed_at(wg_var x, wg_key key, double p, const char *site);

/* `...` is rank and shape: WG_SHAPE(2, 3). */
#define wg_uniform(tape, key, low, high, dtype, ...)                                               \
    wg_uniform_at(tape, key, wg_lift(low), wg_lift(high), dtype, __VA_ARGS__, WG_HERE)
#define wg_normal(tape, key, mean, deviation, dtype, ...)                                          \
    wg_normal_at(tape, key, wg_lift(mean), wg_lift(deviation), dtype, __VA_ARGS__, WG_HERE)
#define wg_exponential(tape, key, scale, dtype, ...)                                               \
    wg_exponential_at(tape, key, wg_lift(scale), dtype, __VA_ARGS__, WG_HERE)
#define wg_gumbel(tape, key, location, scale, dtype, ...)                                          \
    wg_gumbel_at(tape, key, wg_lift(location), wg_lift(scale), dtype, __VA_ARGS__, WG_HERE)
#define wg_laplace(tape, key, location, scale, dtype, ...)                                         \
    wg_laplace_at(tape, key, wg_lift(location), wg_lift(scale), dtype, __VA_ARGS__, WG_HERE)
#define wg_bernoulli(tape, key, p, dtype, ...)                                                     \
    wg_bernoulli_at(tape, key, wg_lift(p), dtype, __VA_ARGS__, WG_HERE)
#define wg_categorical(logits, key, samples) wg_categorical_at(logits, key, samples, WG_HERE)
#define wg_gumbel_softmax(logits, key, temperature, hard, axis)                                    \
    wg_gumbel_softmax_at(logits, key, temperature, hard, axis, WG_HERE)
#define wg_dropout_keyed(x, key, p) wg_dropout_keyed_at(x, key, p, WG_HERE)
#define wg_dropout_channels_keyed(x, key, p) wg_dropout_channels_keyed_at(x, key, p, WG_HERE)
#define wg_alpha_dropout_keyed(x, key, p) wg_alpha_dropout_keyed_at(x, key, p, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
