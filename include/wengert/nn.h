/* nn.h: networks as C functions: named parameters in a store, layers that make them at first use.
 */
#ifndef WENGERT_NN_H
#define WENGERT_NN_H

#include "wengert/array.h"
#include "wengert/random.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Parameters by full name ("encoder.0.fc1.weight", at most 255 characters), with their gradients.
 * First values depend on the seed and the name alone, not on the order in which a network asks for
 * them. Several tapes may read one store at a time as long as no parameter and no scope is made and
 * none of them sweeps or steps.
 *
 * The parameters of one dtype lie in one flat buffer and their gradients in another, in name order,
 * each 64-byte aligned with zeros between. A new parameter moves there at the next step, gradient
 * norm or look-up; the memory it moves from, which tapes may have borrowed, stays until
 * wg_store_free. A tape that borrowed before the move reads the values of then. */
typedef struct wg_store wg_store;

/* A new, empty store; NULL where memory ran out. */
WG_API wg_store *wg_store_new(uint64_t seed);
/* Frees the store and its parameters; tapes that borrowed them must not be used before their reset.
 * NULL is allowed. */
WG_API void wg_store_free(wg_store *store);

/* One parameter, for reading and writing from outside a tape. Pointers are valid until a parameter
 * is made; after a step or wg_zero_gradients look the gradient up anew, to see its zeros. */
typedef struct wg_parameter_view {
    const char *name;
    wg_view value;  /* contiguous */
    void *gradient; /* as many elements; what the sweeps since the last step added up; of a buffer
                       NULL */
    bool buffer;    /* of wg_buffer (or from a file, and not asked for yet) */
    bool frozen;    /* by wg_freeze */
} wg_parameter_view;

/* Parameters and buffers together. */
WG_API int64_t wg_store_count(const wg_store *store);
/* Parameter number `index` in name order (that of strcmp). Errors: ARGUMENT where there is none,
 * MEMORY (see wg_store). */
WG_API wg_status wg_store_at(wg_store *store, int64_t index, wg_parameter_view *out);
/* The parameter of that full name. Errors: ARGUMENT (naming it) where there is none, MEMORY. */
WG_API wg_status wg_store_find(wg_store *store, const char *name, wg_parameter_view *out);
/* The number of elements of all parameters together, without buffers. */
WG_API int64_t wg_store_elements(const wg_store *store);
/* The Euclidean norm of all gradients, summed in f64 in a fixed order. NaN where memory ran out
 * (wg_last_message). */
WG_API double wg_gradient_norm(wg_store *store);
/* Scales all gradients by most/(norm + 1e-6) where that is below 1; returns the norm before
 * (PyTorch's clip_grad_norm_). A norm that is not finite, or a negative `most`, changes nothing. */
WG_API double wg_clip_norm(wg_store *store, double most);
/* Brings each gradient into [−most, most] (PyTorch's clip_grad_value_); a NaN stays. Errors:
 * ARGUMENT for a `most` that is negative or NaN, MEMORY; nothing has changed then. */
WG_API wg_status wg_clip_value(wg_store *store, double most);
/* Multiplies all gradients by `factor`: 1/n after the sweeps of n micro-batches, say. Errors:
 * ARGUMENT for a factor that is not finite, MEMORY; nothing has changed then. */
WG_API wg_status wg_scale_gradients(wg_store *store, double factor);
/* Sets all gradients to zero (wg_step does so after each step). Costs a flag a parameter. */
WG_API void wg_zero_gradients(wg_store *store);

/* Parameters whose full name matches `pattern` ('*' any characters, '?' one) become constants: no
 * gradient is computed, and optimizers leave them as they are, without momentum or decay. Holds for
 * parameters that are made later, too; of several calls that match a name the last holds. What a
 * tape has borrowed before still receives its gradient (what a checkpoint borrows anew in the sweep
 * is frozen by then). The gradient of what changes counts as zero from then on. Errors: ARGUMENT
 * for a NULL pattern, MEMORY. */
WG_API wg_status wg_freeze(wg_store *store, const char *pattern);
WG_API wg_status wg_unfreeze(wg_store *store, const char *pattern);

/* A name scope over a store, on a tape: what layers take. Passed by value. */
typedef struct wg_net {
    wg_store *store;
    wg_tape *tape;
    const struct wg_net_scope *scope; /* where names begin; NULL for the root */
    uint64_t step;                    /* keys dropout */
    bool training;                    /* false: dropout does nothing */
} wg_net;

/* A net for training step `step` (dropout draws anew for each). */
WG_API wg_net wg_net_train(wg_store *store, wg_tape *tape, uint64_t step);
/* A net for inference: dropout does nothing. It still records; wg_no_grad_begin stops that. */
WG_API wg_net wg_net_eval(wg_store *store, wg_tape *tape);
/* The net one name deeper: wg_scope(net, "block%d", i). On the tape: ARGUMENT for an empty name,
 * LIMIT for one that is too long, MEMORY. Takes memory at the first use of a name alone. */
WG_API wg_net wg_scope(wg_net net, const char *format, ...) WG_PRINTF(2, 3);

/* ---- Initializers -------------------------------------------------------------------------- */

typedef enum wg_initializer_kind {
    WG_INIT_DEFAULT, /* the layer's own (PyTorch's); in wg_parameter U(±1/√(fan in)), and 0 for
                        fewer than two axes */
    WG_INIT_CONSTANT,
    WG_INIT_UNIFORM,
    WG_INIT_NORMAL,
    WG_INIT_GLOROT_UNIFORM,
    WG_INIT_GLOROT_NORMAL,
    WG_INIT_HE_UNIFORM,
    WG_INIT_HE_NORMAL,
    WG_INIT_ORTHOGONAL,
    WG_INIT_TRUNCATED_NORMAL,
    WG_INIT_EYE,
    WG_INIT_DIRAC,
    WG_INIT_SPARSE
} wg_initializer_kind;

/* What an axis of a weight adds up: all that one output reads, or all that one input feeds. */
typedef enum wg_fan {
    WG_FAN_IN,
    WG_FAN_OUT
} wg_fan;

/* Made by the functions below, which are those of PyTorch's nn.init; {0} is WG_INIT_DEFAULT. Every
 * number depends on the store's seed, the parameter's name and its place alone. */
typedef struct wg_initializer {
    wg_initializer_kind kind;
    double a, b, c, d; /* arguments of the functions below, in their order */
} wg_initializer;

/* wg_init_constant(0) and (1) are PyTorch's zeros_ and ones_. */
WG_API wg_initializer wg_init_constant(double value);
WG_API wg_initializer wg_init_uniform(double low, double high);
WG_API wg_initializer wg_init_normal(double mean, double deviation);
/* The normal distribution (deviation > 0) on condition that the value is in [low, high] (low <
 * high), by the inverse of its distribution function. PyTorch's trunc_normal_, there by default in
 * [-2, 2]. */
WG_API wg_initializer wg_init_truncated_normal(double mean, double deviation, double low,
                                               double high);
/* The fans of a weight [out, in, …] are in·rest and out·rest; these need rank >= 2, gain >= 0.
 * `gain` makes up for the nonlinearity behind: wg_gain.
 *
 * U(±gain·√(6/(fan in + fan out))), N(0, gain²·2/(fan in + fan out)): X. Glorot, Y. Bengio,
 * "Understanding the difficulty of training deep feedforward neural networks", 2010, eq. 16. */
WG_API wg_initializer wg_init_glorot_uniform(double gain); /* PyTorch's xavier_uniform_ */
WG_API wg_initializer wg_init_glorot_normal(double gain);
/* U(±gain·√(3/fan)), N(0, gain²/fan); gain √2 for relu: K. He, X. Zhang, S. Ren, J. Sun, "Delving
 * deep into rectifiers", 2015, eq. 10 (fan in) and 14 (fan out). The he_ forms take the fan in. */
WG_API wg_initializer wg_init_kaiming_uniform(wg_fan fan, double gain);
WG_API wg_initializer wg_init_kaiming_normal(wg_fan fan, double gain);
WG_API wg_initializer wg_init_he_uniform(double gain);
WG_API wg_initializer wg_init_he_normal(double gain);
/* Rows (or columns, whichever are fewer) orthonormal, times gain, of the weight as a matrix
 * [out, in·rest]: A. Saxe, J. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of
 * learning in deep linear neural networks", 2014. */
WG_API wg_initializer wg_init_orthogonal(double gain);
/* Ones on the diagonal, zeros elsewhere; rank 2. */
WG_API wg_initializer wg_init_eye(void);
/* A convolution's weight (rank 3 to 5) that hands on its channels: in each of `groups` groups of
 * outputs, which must divide them, output i has a one at the middle of the kernel of input i. */
WG_API wg_initializer wg_init_dirac(int64_t groups);
/* Rank 2: in each column ⌈sparsity·rows⌉ zeros (0 <= sparsity <= 1), elsewhere N(0, deviation²);
 * PyTorch's deviation is 0.01. J. Martens, "Deep learning via Hessian-free optimization", 2010. */
WG_API wg_initializer wg_init_sparse(double sparsity, double deviation);

/* What a nonlinearity takes from the size of its input, to be given back as gain: of "linear",
 * "identity", "sigmoid" and convolutions ("conv2d", …) 1, "tanh" 5/3, "relu" √2, "leaky_relu"
 * √(2/(1 + slope²)), "selu" 3/4 (PyTorch's calculate_gain). `slope` is for leaky_relu alone. NaN,
 * and wg_last_message says so, for another name. */
WG_API double wg_gain(const char *nonlinearity, double slope);

/* ---- Layers -------------------------------------------------------------------------------- */

/* The parameter `name` of this scope, made at first use; later uses must ask for the same dtype and
 * shape (else SHAPE on the tape). Sweeps add to its gradient in the store; used twice, it receives
 * both. On the tape: DTYPE unless f32 or f64, ARGUMENT for a name or an initializer out of range,
 * LIMIT, MEMORY. Takes memory at first use alone. */
WG_API wg_var wg_parameter(wg_net net, const char *name, wg_dtype dtype, int rank,
                           const int64_t *shape, wg_initializer initializer);

/* A buffer: memory that belongs to the network and its files but is not trained (the running
 * statistics of a batch norm), of dtype f32, f64 or i64, `value` at first (ARGUMENT where i64 has
 * no such). A constant on the tape; write through wg_store_find. Errors as wg_parameter; STATE
 * where the name is a parameter's. */
WG_API wg_var wg_buffer(wg_net net, const char *name, wg_dtype dtype, int rank,
                        const int64_t *shape, double value);

typedef struct wg_linear_options {
    int64_t out; /* required: outputs, >= 1 */
    bool no_bias;
    wg_initializer weight; /* default U(±1/√in), PyTorch's */
    wg_initializer bias;   /* default U(±1/√in) */
} wg_linear_options;

/* x [..., in] · weightᵀ + bias: [..., out]. Parameters name.weight [out, in] and name.bias [out],
 * of x's dtype (f32 or f64).
 * On the tape: SHAPE and DTYPE where x does not fit, naming layer, shapes and weight. */
WG_API wg_var wg_linear_with_at(wg_net net, const char *name, wg_var x, const char *site,
                                wg_linear_options options);
#define wg_linear_with(net, name, x, ...) wg_linear_with_at(net, name, x, WG_HERE, __VA_ARGS__)
static inline wg_var wg_linear_at(wg_net net, const char *name, wg_var x, int64_t out,
                                  const char *site) {
    wg_linear_options options = {
        0, false, {WG_INIT_DEFAULT, 0, 0, 0, 0}, {WG_INIT_DEFAULT, 0, 0, 0, 0}};
    options.out = out;
    return wg_linear_with_at(net, name, x, site, options);
}
#define wg_linear(net, name, x, out) wg_linear_at(net, name, x, out, WG_HERE)

/* In training each element is zeroed with probability p, and the others are scaled by 1/(1 − p);
 * else x itself. The choice depends on the store's seed, the scope's name, the step and the element
 * alone: give two dropouts of one scope scopes of their own. On the tape: ARGUMENT for a p outside
 * [0, 1), DTYPE unless x is an array of f32 or f64. Srivastava et al., JMLR 15 (2014). */
WG_API wg_var wg_dropout_at(wg_net net, wg_var x, double p, const char *site);
#define wg_dropout(net, x, p) wg_dropout_at(net, x, p, WG_HERE)
/* The same for whole channels x[n, c, ...] (PyTorch's Dropout1d to 3d), and for self-normalizing
 * networks: distribution.h. */
WG_API wg_var wg_dropout_channels_at(wg_net net, wg_var x, double p, const char *site);
#define wg_dropout_channels(net, x, p) wg_dropout_channels_at(net, x, p, WG_HERE)
WG_API wg_var wg_alpha_dropout_at(wg_net net, wg_var x, double p, const char *site);
#define wg_alpha_dropout(net, x, p) wg_alpha_dropout_at(net, x, p, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
