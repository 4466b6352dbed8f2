/* nn.h: networks as C functions: named parameters in a store, layers that make them at first use.
 */
#ifndef WENGERT_NN_H
#define WENGERT_NN_H

#include "wengert/array.h"
#include "wengert/random.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Parameters by full name ("encoder.0.fc1.weight"), with their gradients. Values depend on the seed
 * and the name alone, not on the order in which a network asks for them. Several tapes may read one
 * store at a time as long as no parameter is made and none of them sweeps or steps. */
typedef struct wg_store wg_store;

/* A new, empty store; NULL where memory ran out. */
WG_API wg_store *wg_store_new(uint64_t seed);
/* Frees the store and its parameters; tapes that borrowed them must not be used before their reset.
 * NULL is allowed. */
WG_API void wg_store_free(wg_store *store);

/* One parameter, for reading and writing from outside a tape. Pointers are valid until the next
 * parameter is made or the next step. */
typedef struct wg_parameter_view {
    const char *name;
    wg_view value;  /* contiguous */
    void *gradient; /* as many elements; what the sweeps since the last step added up */
} wg_parameter_view;

WG_API int64_t wg_store_count(const wg_store *store);
/* Parameter number `index` in name order; ARGUMENT where there is none. */
WG_API wg_status wg_store_at(wg_store *store, int64_t index, wg_parameter_view *out);
/* The parameter of that full name; ARGUMENT (naming it) where there is none. */
WG_API wg_status wg_store_find(wg_store *store, const char *name, wg_parameter_view *out);
/* The number of elements of all parameters together. */
WG_API int64_t wg_store_elements(const wg_store *store);
/* The Euclidean norm of all gradients, summed in f64 in a fixed order. */
WG_API double wg_gradient_norm(const wg_store *store);
/* Scales all gradients so that their norm is at most `most`; returns the norm before (PyTorch's
 * clip_grad_norm_). A norm that is not finite changes nothing. */
WG_API double wg_clip_norm(wg_store *store, double most);
/* Sets all gradients to zero (wg_step does so after each step). */
WG_API void wg_zero_gradients(wg_store *store);

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
/* A net for inference. */
WG_API wg_net wg_net_eval(wg_store *store, wg_tape *tape);
/* The net one name deeper: wg_scope(net, "block%d", i). Errors land on the tape. */
WG_API wg_net wg_scope(wg_net net, const char *format, ...) WG_PRINTF(2, 3);

/* ---- Initializers -------------------------------------------------------------------------- */

typedef enum wg_initializer_kind {
    WG_INIT_DEFAULT, /* the layer's own (PyTorch's) */
    WG_INIT_CONSTANT,
    WG_INIT_UNIFORM,
    WG_INIT_NORMAL,
    WG_INIT_GLOROT_UNIFORM,
    WG_INIT_GLOROT_NORMAL,
    WG_INIT_HE_UNIFORM,
    WG_INIT_HE_NORMAL,
    WG_INIT_ORTHOGONAL
} wg_initializer_kind;

typedef struct wg_initializer {
    wg_initializer_kind kind;
    double a, b; /* as the functions below name them */
} wg_initializer;

WG_API wg_initializer wg_init_constant(double value);
WG_API wg_initializer wg_init_uniform(double low, double high);
WG_API wg_initializer wg_init_normal(double mean, double deviation);
/* U(±gain·√(6/(fan in + fan out))), N(0, gain²·2/(fan in + fan out)): Glorot & Bengio 2010. For a
 * weight [out, in, …] the fans are in·rest and out·rest. */
WG_API wg_initializer wg_init_glorot_uniform(double gain);
WG_API wg_initializer wg_init_glorot_normal(double gain);
/* U(±gain·√(3/fan in)), N(0, gain²/fan in): He et al. 2015; gain √2 for relu. */
WG_API wg_initializer wg_init_he_uniform(double gain);
WG_API wg_initializer wg_init_he_normal(double gain);
/* Rows (or columns, whichever are fewer) orthonormal, times gain: Saxe et al. 2014. Needs rank
 * >= 2. */
WG_API wg_initializer wg_init_orthogonal(double gain);

/* ---- Layers -------------------------------------------------------------------------------- */

/* The parameter `name` of this scope, made at first use; later uses must ask for the same dtype and
 * shape (else SHAPE on the tape). dtype f32 or f64. */
WG_API wg_var wg_parameter(wg_net net, const char *name, wg_dtype dtype, int rank,
                           const int64_t *shape, wg_initializer initializer);

typedef struct wg_linear_options {
    int64_t out; /* required: outputs */
    bool no_bias;
    wg_initializer weight; /* default U(±1/√in), PyTorch's */
    wg_initializer bias;   /* default U(±1/√in) */
} wg_linear_options;

/* x [..., in] · weightᵀ + bias: [..., out]. Parameters name.weight [out, in] and name.bias [out],
 * of x's dtype. */
WG_API wg_var wg_linear_with(wg_net net, const char *name, wg_var x, wg_linear_options options);
static inline wg_var wg_linear(wg_net net, const char *name, wg_var x, int64_t out) {
    wg_linear_options options = {0, false, {WG_INIT_DEFAULT, 0, 0}, {WG_INIT_DEFAULT, 0, 0}};
    options.out = out;
    return wg_linear_with(net, name, x, options);
}

/* In training each element is zeroed with probability p, and the others are scaled by 1/(1 − p);
 * else x itself. The choice depends on the store's seed, the scope's name, the step and the element
 * alone: give two dropouts of one scope scopes of their own. p in [0, 1). */
WG_API wg_var wg_dropout(wg_net net, wg_var x, double p);

#ifdef __cplusplus
}
#endif

#endif
