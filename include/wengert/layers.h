/* layers.h: layers with parameters: convolution, normalisation, embedding, bilinear, residual.
 *
 * All take a wg_net and a name first, find or make their parameters under that name in the net's
 * scope (nn.h), and call the verb of conv.h, norm.h, embed.h … Parameters have PyTorch's names,
 * shapes and first distributions, so that its files fit. A layer called twice under one name is one
 * layer: its parameters receive the gradients of both calls. Where the verb has PyTorch's name the
 * layer ends in _layer: wg_layer_norm(x, …) is torch.nn.functional.layer_norm,
 * wg_layer_norm_layer(net, "ln", x) is torch.nn.LayerNorm.
 *
 * `NAME_with` takes an options struct: wg_batch_norm_layer_with(net, "bn", x,
 * (wg_batch_norm_layer_options){.momentum = 0.01}). In all of them 0 is PyTorch's default.
 *
 * x is f32 or f64, and the layer's parameters are of its dtype. On the tape: SHAPE and DTYPE where
 * x does not fit, or the parameters of that name are of other sizes; ARGUMENT for options out of
 * range; LIMIT for names that are too long; MEMORY. Messages name the layer and the shapes. What x
 * or an option makes fail has made no parameter and updated no statistics; where MEMORY runs out, a
 * parameter of that name is of other sizes, or a part of a larger layer fails (transformer.h),
 * those before it have been made.
 *
 * What has no parameters needs no layer: pooling (pool.h), activations (elementwise.h), dropout
 * (nn.h), wg_flatten, wg_pixel_shuffle are verbs of the same arguments as PyTorch's modules. */
#ifndef WENGERT_LAYERS_H
#define WENGERT_LAYERS_H

#include "wengert/conv.h"
#include "wengert/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Convolution ---------------------------------------------------------------------------- */

typedef struct wg_conv_layer_options {
    int64_t out;          /* required: channels of the result */
    wg_conv_options conv; /* its kernel is required; a 0 behind the first repeats the one before */
    bool no_bias;
    wg_initializer weight, bias; /* default U(±1/√fan in), where fan in is what one output reads:
                                    (in / groups)·taps; of the transposed convolution PyTorch's
                                    (out / groups)·taps */
} wg_conv_layer_options;

/* wg_conv over x [batch, in, size...] with `out` channels: parameters name.weight [out, in /
 * groups, kernel...] and name.bias [out]. For other paddings than zeros call wg_pad (index.h)
 * before it.
 *
 *     x = wg_conv2d(net, "conv1", x, 32, (wg_conv_options){.kernel = {3}, .padding = {1, 1}});
 *     x = wg_conv2d_with(net, "conv2", x, (wg_conv_layer_options){
 *             .out = 64, .conv = {.kernel = {3}, .padding_mode = WG_PADDING_SAME}, .no_bias =
 * true});
 */
WG_API wg_var wg_conv_layer_at(wg_net net, const char *name, wg_var x, int axes, int64_t out,
                               const char *site, wg_conv_options options);
WG_API wg_var wg_conv_layer_with_at(wg_net net, const char *name, wg_var x, int axes,
                                    const char *site, wg_conv_layer_options options);
#define wg_conv1d(net, name, x, out, ...)                                                          \
    wg_conv_layer_at(net, name, x, 1, out, WG_HERE, __VA_ARGS__)
#define wg_conv2d(net, name, x, out, ...)                                                          \
    wg_conv_layer_at(net, name, x, 2, out, WG_HERE, __VA_ARGS__)
#define wg_conv3d(net, name, x, out, ...)                                                          \
    wg_conv_layer_at(net, name, x, 3, out, WG_HERE, __VA_ARGS__)
#define wg_conv1d_with(net, name, x, ...)                                                          \
    wg_conv_layer_with_at(net, name, x, 1, WG_HERE, __VA_ARGS__)
#define wg_conv2d_with(net, name, x, ...)                                                          \
    wg_conv_layer_with_at(net, name, x, 2, WG_HERE, __VA_ARGS__)
#define wg_conv3d_with(net, name, x, ...)                                                          \
    wg_conv_layer_with_at(net, name, x, 3, WG_HERE, __VA_ARGS__)

/* wg_conv_transpose, likewise: name.weight [in, out / groups, kernel...], name.bias [out]. */
WG_API wg_var wg_conv_transpose_layer_at(wg_net net, const char *name, wg_var x, int axes,
                                         int64_t out, const char *site, wg_conv_options options);
WG_API wg_var wg_conv_transpose_layer_with_at(wg_net net, const char *name, wg_var x, int axes,
                                              const char *site, wg_conv_layer_options options);
#define wg_conv_transpose1d(net, name, x, out, ...)                                                \
    wg_conv_transpose_layer_at(net, name, x, 1, out, WG_HERE, __VA_ARGS__)
#define wg_conv_transpose2d(net, name, x, out, ...)                                                \
    wg_conv_transpose_layer_at(net, name, x, 2, out, WG_HERE, __VA_ARGS__)
#define wg_conv_transpose3d(net, name, x, out, ...)                                                \
    wg_conv_transpose_layer_at(net, name, x, 3, out, WG_HERE, __VA_ARGS__)
#define wg_conv_transpose1d_with(net, name, x, ...)                                                \
    wg_conv_transpose_layer_with_at(net, name, x, 1, WG_HERE, __VA_ARGS__)
#define wg_conv_transpose2d_with(net, name, x, ...)                                                \
    wg_conv_transpose_layer_with_at(net, name, x, 2, WG_HERE, __VA_ARGS__)
#define wg_conv_transpose3d_with(net, name, x, ...)                                                \
    wg_conv_transpose_layer_with_at(net, name, x, 3, WG_HERE, __VA_ARGS__)

/* ---- Normalisation --------------------------------------------------------------------------- */

typedef struct wg_batch_norm_layer_options {
    double momentum;    /* 0: 0.1; of the statistics, in (0, 1] */
    double eps;         /* 0: 1e-5 */
    bool cumulative;    /* the statistics are the mean over all batches (PyTorch: momentum=None) */
    bool no_affine;     /* no weight and bias */
    bool no_statistics; /* none are kept: evaluation normalises by the batch, too (PyTorch:
                           track_running_stats=False) */
    wg_initializer weight, bias; /* default 1 and 0 */
} wg_batch_norm_layer_options;

/* x [N, C, ...], any rank from 2 (BatchNorm1d to 3d). In training by the mean and variance of the
 * batch, in evaluation by the running ones. Parameters name.weight and name.bias [C]; buffers
 * name.running_mean and name.running_var [C], and name.num_batches_tracked, i64 of rank 0.
 *
 * The running statistics change in the forward pass of training, as in PyTorch, once a call: also
 * under wg_no_grad, but not when a sweep runs the function of a wg_checkpoint again, nor where the
 * layer fails, nor where wg_freeze names the buffers (wg_freeze(store, "encoder.*") does). They are
 * no parameters: no optimizer moves them. To normalise by them while the rest of a network trains,
 * hand over a net whose `training` is false. Two tapes must not train one store at a time. */
WG_API wg_var wg_batch_norm_layer_at(wg_net net, const char *name, wg_var x, const char *site);
WG_API wg_var wg_batch_norm_layer_with_at(wg_net net, const char *name, wg_var x, const char *site,
                                          wg_batch_norm_layer_options options);
#define wg_batch_norm_layer(net, name, x) wg_batch_norm_layer_at(net, name, x, WG_HERE)
#define wg_batch_norm_layer_with(net, name, x, ...)                                                \
    wg_batch_norm_layer_with_at(net, name, x, WG_HERE, __VA_ARGS__)

typedef struct wg_layer_norm_layer_options {
    int axes;   /* 0: 1; how many of the last axes are normalised together */
    double eps; /* 0: 1e-5 */
    bool no_affine;
    bool no_bias;
    wg_initializer weight, bias; /* default 1 and 0 */
} wg_layer_norm_layer_options;

/* Parameters name.weight and name.bias of the shape of the normalised axes. */
WG_API wg_var wg_layer_norm_layer_at(wg_net net, const char *name, wg_var x, const char *site);
WG_API wg_var wg_layer_norm_layer_with_at(wg_net net, const char *name, wg_var x, const char *site,
                                          wg_layer_norm_layer_options options);
#define wg_layer_norm_layer(net, name, x) wg_layer_norm_layer_at(net, name, x, WG_HERE)
#define wg_layer_norm_layer_with(net, name, x, ...)                                                \
    wg_layer_norm_layer_with_at(net, name, x, WG_HERE, __VA_ARGS__)

typedef struct wg_rms_norm_layer_options {
    int axes;   /* 0: 1 */
    double eps; /* 0: the epsilon of x's dtype, PyTorch's default */
    bool no_affine;
    wg_initializer weight; /* default 1 */
} wg_rms_norm_layer_options;

/* Parameter name.weight of the shape of the normalised axes. */
WG_API wg_var wg_rms_norm_layer_at(wg_net net, const char *name, wg_var x, const char *site);
WG_API wg_var wg_rms_norm_layer_with_at(wg_net net, const char *name, wg_var x, const char *site,
                                        wg_rms_norm_layer_options options);
#define wg_rms_norm_layer(net, name, x) wg_rms_norm_layer_at(net, name, x, WG_HERE)
#define wg_rms_norm_layer_with(net, name, x, ...)                                                  \
    wg_rms_norm_layer_with_at(net, name, x, WG_HERE, __VA_ARGS__)

typedef struct wg_group_norm_layer_options {
    int64_t groups; /* required; divides the channels */
    double eps;     /* 0: 1e-5 */
    bool no_affine;
    wg_initializer weight, bias; /* default 1 and 0 */
} wg_group_norm_layer_options;

/* x [N, C, ...]; parameters name.weight and name.bias [C]. */
WG_API wg_var wg_group_norm_layer_at(wg_net net, const char *name, wg_var x, int64_t groups,
                                     const char *site);
WG_API wg_var wg_group_norm_layer_with_at(wg_net net, const char *name, wg_var x, const char *site,
                                          wg_group_norm_layer_options options);
#define wg_group_norm_layer(net, name, x, groups)                                                  \
    wg_group_norm_layer_at(net, name, x, groups, WG_HERE)
#define wg_group_norm_layer_with(net, name, x, ...)                                                \
    wg_group_norm_layer_with_at(net, name, x, WG_HERE, __VA_ARGS__)

typedef struct wg_instance_norm_layer_options {
    double momentum; /* 0: 0.1 */
    double eps;      /* 0: 1e-5 */
    bool affine;     /* PyTorch's default is without */
    bool statistics; /* keeps running ones, for evaluation (PyTorch: track_running_stats=True) */
    wg_initializer weight, bias; /* default 1 and 0 */
} wg_instance_norm_layer_options;

/* x [N, C, size...] (InstanceNorm1d to 3d). Parameters and buffers as of wg_batch_norm_layer, where
 * asked for; the running statistics are the means over the batch of those of each instance, and, as
 * in PyTorch, num_batches_tracked stays 0. */
WG_API wg_var wg_instance_norm_layer_at(wg_net net, const char *name, wg_var x, const char *site);
WG_API wg_var wg_instance_norm_layer_with_at(wg_net net, const char *name, wg_var x,
                                             const char *site,
                                             wg_instance_norm_layer_options options);
#define wg_instance_norm_layer(net, name, x) wg_instance_norm_layer_at(net, name, x, WG_HERE)
#define wg_instance_norm_layer_with(net, name, x, ...)                                             \
    wg_instance_norm_layer_with_at(net, name, x, WG_HERE, __VA_ARGS__)

/* ---- Embedding ------------------------------------------------------------------------------- */

typedef struct wg_embedding_options {
    int64_t count;         /* required: rows of the table */
    int64_t width;         /* required: elements of a row */
    bool padded;           /* row padding_index is zero at first and gets no gradient */
    int64_t padding_index; /* negative: from the last */
    wg_dtype dtype;        /* of the table: 0 is WG_F32; or WG_F64 */
    wg_initializer weight; /* default N(0, 1) */
} wg_embedding_options;

/* Rows of name.weight [count, width] by `indices` (i64 or u8, of any shape): indices.shape +
 * [width]. ARGUMENT for an index out of range. */
WG_API wg_var wg_embedding_at(wg_net net, const char *name, wg_var indices, int64_t count,
                              int64_t width, const char *site);
WG_API wg_var wg_embedding_with_at(wg_net net, const char *name, wg_var indices, const char *site,
                                   wg_embedding_options options);
#define wg_embedding(net, name, indices, count, width)                                             \
    wg_embedding_at(net, name, indices, count, width, WG_HERE)
#define wg_embedding_with(net, name, indices, ...)                                                 \
    wg_embedding_with_at(net, name, indices, WG_HERE, __VA_ARGS__)

typedef enum wg_bag_mode {
    WG_BAG_MEAN,
    WG_BAG_SUM,
    WG_BAG_MAX
} wg_bag_mode;

typedef struct wg_embedding_bag_options {
    wg_embedding_options table; /* as above; its padding does not take part: bags of several lengths
                                   are filled up with it */
    wg_bag_mode mode;           /* 0: the mean */
    wg_var weights; /* of the shape of the indices and the dtype of the table: factors of the rows,
                       of WG_BAG_SUM alone; a number: none */
} wg_embedding_bag_options;

/* The mean, sum or maximum (of each element) of the rows of a bag, without the rows themselves
 * staying: indices [..., length] give [..., width]. A bag of nothing but padding gives zeros.
 * Parameter name.weight (PyTorch's EmbeddingBag, there with offsets instead of padding). */
WG_API wg_var wg_embedding_bag_at(wg_net net, const char *name, wg_var indices, const char *site,
                                  wg_embedding_bag_options options);
#define wg_embedding_bag(net, name, indices, ...)                                                  \
    wg_embedding_bag_at(net, name, indices, WG_HERE, __VA_ARGS__)

/* ---- Bilinear, residual, rectifier ----------------------------------------------------------- */

typedef struct wg_bilinear_options {
    int64_t out; /* required */
    bool no_bias;
    wg_initializer weight, bias; /* default U(±1/√in1) */
} wg_bilinear_options;

/* y[..., o] = sum over i, j of x[..., i] weight[o, i, j] z[..., j] + bias[o]: x [..., in1] and
 * z [..., in2] of one dtype and with the same leading axes give [..., out]. Parameters name.weight
 * [out, in1, in2] and name.bias [out]. */
WG_API wg_var wg_bilinear_at(wg_net net, const char *name, wg_var x, wg_var z, int64_t out,
                             const char *site);
WG_API wg_var wg_bilinear_with_at(wg_net net, const char *name, wg_var x, wg_var z,
                                  const char *site, wg_bilinear_options options);
#define wg_bilinear(net, name, x, z, out) wg_bilinear_at(net, name, x, z, out, WG_HERE)
#define wg_bilinear_with(net, name, x, z, ...)                                                     \
    wg_bilinear_with_at(net, name, x, z, WG_HERE, __VA_ARGS__)

/* x + y, y being what a block made of x; where their shapes differ P x + y with a learned
 * projection, parameter name.weight, without bias:
 *
 * - where the last axis alone differs, of that axis: wg_linear;
 * - else of the channels x[N, C, size...], a convolution by one element whose strides are
 *   ⌈size of x / size of y⌉.
 *
 * So a residual block that halves an image needs no case of its own. (To shorten the one axis of
 * [N, C, length] with C as it is, call wg_conv1d.) SHAPE where no strides fit, DTYPE where theirs
 * differ. K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2016,
 * eq. 1 and 2. */
WG_API wg_var wg_residual_at(wg_net net, const char *name, wg_var x, wg_var y, const char *site);
#define wg_residual(net, name, x, y) wg_residual_at(net, name, x, y, WG_HERE)

/* max(x, 0) + weight·min(x, 0) with one slope for all, or one for each channel of x [N, C, ...].
 * Parameter name.weight, [1] or [C], 0.25 at first. K. He, X. Zhang, S. Ren, J. Sun, "Delving deep
 * into rectifiers", 2015. */
WG_API wg_var wg_prelu_layer_at(wg_net net, const char *name, wg_var x, bool by_channel,
                                const char *site);
#define wg_prelu_layer(net, name, x, by_channel)                                                   \
    wg_prelu_layer_at(net, name, x, by_channel, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
