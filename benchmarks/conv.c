/* conv.c: convolutions of the library beside oneDNN, in one alternating run.
 *
 *     conv [threads] [milliseconds a shape] [part of the shape's name]
 *
 * GFLOP/s from the fastest of the repeats; the library's share is of the fused multiply-add peak
 * measured in the same run. oneDNN chooses its layouts itself (format `any`), and what it takes to
 * bring the operands there and the result back is timed apart: "with reorders" is what a program
 * pays that holds its arrays in plain order, as the library does. The chain is three 3 x 3
 * convolutions with relu between them, oneDNN staying in its layout from end to end. */
#include "kernel/conv.h"
#include "base/base.h"
#include "peaks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(WG_HAVE_ONEDNN)
#include <oneapi/dnnl/dnnl.h>
#endif

/* Square images and kernels. */
typedef struct shape {
    const char *name;
    int batch, groups, in, out, size, kernel, stride, pad;
} shape;

static const shape shapes[] = {
    {"32x64x56x56, 3x3, 64", 32, 1, 64, 64, 56, 3, 1, 1},
    {"32x64x56x56, 1x1, 256", 32, 1, 64, 256, 56, 1, 1, 0},
    {"32x256x56x56, 1x1, 64", 32, 1, 256, 64, 56, 1, 1, 0},
    {"32x128x56x56, 3x3 by 2, 128", 32, 1, 128, 128, 56, 3, 2, 1},
    {"32x256x56x56, 1x1 by 2, 512", 32, 1, 256, 512, 56, 1, 2, 0},
    {"32x256x14x14, 3x3, 256", 32, 1, 256, 256, 14, 3, 1, 1},
    {"32x512x7x7, 3x3, 512", 32, 1, 512, 512, 7, 3, 1, 1},
    {"32x3x224x224, 7x7 by 2, 64", 32, 1, 3, 64, 224, 7, 2, 3},
    {"64x1x28x28, 5x5, 6 (LeNet 1)", 64, 1, 1, 6, 28, 5, 1, 2},
    {"64x6x14x14, 5x5, 16 (LeNet 2)", 64, 1, 6, 16, 14, 5, 1, 0},
    {"64x1x28x28, 3x3, 32", 64, 1, 1, 32, 28, 3, 1, 1},
    {"64x32x28x28, 3x3, 64", 64, 1, 32, 64, 28, 3, 1, 1},
    {"32x64x56x56, 3x3 depthwise", 32, 64, 64, 64, 56, 3, 1, 1},
    {"1x64x56x56, 3x3, 64", 1, 1, 64, 64, 56, 3, 1, 1},
    {"1x256x14x14, 3x3, 256", 1, 1, 256, 256, 14, 3, 1, 1},
    {"1x512x7x7, 3x3, 512", 1, 1, 512, 512, 7, 3, 1, 1},
};

static wg_conv_sizes sizes_of(const shape *s) {
    const int out = (s->size + 2 * s->pad - s->kernel) / s->stride + 1;
    const wg_conv_sizes sizes = {s->batch,
                                 s->groups,
                                 s->in / s->groups,
                                 s->out / s->groups,
                                 {1, s->size, s->size},
                                 {1, out, out},
                                 {1, s->kernel, s->kernel},
                                 {1, s->stride, s->stride},
                                 {1, 1, 1},
                                 {0, s->pad, s->pad}};
    return sizes;
}

/* x, w and y of one shape. */
typedef struct arrays {
    size_t count[3];
    float *data[3];
} arrays;

static arrays arrays_of(const shape *s) {
    const wg_conv_sizes z = sizes_of(s);
    arrays a = {{(size_t)(z.batch * s->in * z.in[1] * z.in[2]),
                 (size_t)(s->out * z.in_channels * z.kernel[1] * z.kernel[2]),
                 (size_t)(z.batch * s->out * z.out[1] * z.out[2])},
                {NULL, NULL, NULL}};
    for (int i = 0; i < 3; i++) {
        a.data[i] = wg_alloc(a.count[i] * sizeof(float));
        for (size_t j = 0; j < a.count[i]; j++) {
            a.data[i][j] = (float)(j % 13) / 13 - 0.4F;
        }
    }
    return a;
}

static void free_arrays(arrays *a) {
    for (int i = 0; i < 3; i++) {
        wg_free(a->data[i]);
    }
}

/* Positions of a, b and the result of each kind in `arrays`. */
static const int operand[3][3] = {{0, 1, 2}, {2, 1, 0}, {0, 2, 1}};

static double run_own(int kind, const wg_conv_sizes *z, const arrays *a, void *workspace) {
    const double start = wg_clock();
    if (!wg_kernel_conv_f32((wg_conv_kind)kind, z, a->data[operand[kind][0]],
                            a->data[operand[kind][1]], NULL, a->data[operand[kind][2]],
                            workspace)) {
        exit(EXIT_FAILURE);
    }
    return wg_clock() - start;
}

/* ---- oneDNN ---- */

#if defined(WG_HAVE_ONEDNN)
typedef struct rival {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t convolution, reorder[3]; /* of x, w and y; the result's goes back */
    dnnl_memory_t plain[3], own[3];
} rival;

static void must(dnnl_status_t status) {
    if (status != dnnl_success) {
        fprintf(stderr, "oneDNN: status %d\n", (int)status);
        exit(EXIT_FAILURE);
    }
}

static dnnl_memory_desc_t describe(const shape *s, int i, bool any) {
    const wg_conv_sizes z = sizes_of(s);
    dnnl_memory_desc_t d;
    const dnnl_dims_t x = {z.batch, s->in, z.in[1], z.in[2]};
    const dnnl_dims_t y = {z.batch, s->out, z.out[1], z.out[2]};
    const dnnl_dims_t w = {s->out, s->in, s->kernel, s->kernel};
    const dnnl_dims_t grouped = {s->groups, z.out_channels, z.in_channels, s->kernel, s->kernel};
    if (i == 1 && s->groups > 1) {
        must(dnnl_memory_desc_init_by_tag(&d, 5, grouped, dnnl_f32,
                                          any ? dnnl_format_tag_any : dnnl_abcde));
    } else {
        must(dnnl_memory_desc_init_by_tag(&d, 4,
                                          i == 0   ? x
                                          : i == 1 ? w
                                                   : y,
                                          dnnl_f32, any ? dnnl_format_tag_any : dnnl_abcd));
    }
    return d;
}

static dnnl_primitive_desc_t convolution_of(const shape *s, int kind, dnnl_engine_t engine) {
    const dnnl_dims_t strides = {s->stride, s->stride}, pads = {s->pad, s->pad};
    const dnnl_memory_desc_t x = describe(s, 0, true), w = describe(s, 1, true);
    const dnnl_memory_desc_t y = describe(s, 2, true);
    dnnl_convolution_desc_t d;
    dnnl_primitive_desc_t forward, made;
    must(dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, dnnl_convolution_direct, &x,
                                            &w, NULL, &y, strides, pads, pads));
    must(dnnl_primitive_desc_create(&forward, &d, NULL, engine, NULL));
    if (kind == WG_CONV_FORWARD) {
        return forward;
    }
    if (kind == WG_CONV_INPUT) {
        must(dnnl_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, &x, &w, &y,
                                                      strides, pads, pads));
    } else {
        must(dnnl_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, &x, &w, NULL,
                                                         &y, strides, pads, pads));
    }
    must(dnnl_primitive_desc_create(&made, &d, NULL, engine, forward));
    must(dnnl_primitive_desc_destroy(forward));
    return made;
}

static rival make_rival(const shape *s, int kind, const arrays *a) {
    static const dnnl_query_t queries[3][3] = {
        {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md},
        {dnnl_query_diff_src_md, dnnl_query_weights_md, dnnl_query_diff_dst_md},
        {dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md}};
    rival r;
    must(dnnl_engine_create(&r.engine, dnnl_cpu, 0));
    must(dnnl_stream_create(&r.stream, r.engine, dnnl_stream_default_flags));
    const dnnl_primitive_desc_t d = convolution_of(s, kind, r.engine);
    must(dnnl_primitive_create(&r.convolution, d));
    for (int i = 0; i < 3; i++) {
        const bool back = i == operand[kind][2];
        const dnnl_memory_desc_t plain = describe(s, i, false);
        const dnnl_memory_desc_t *own = dnnl_primitive_desc_query_md(d, queries[kind][i], 0);
        dnnl_primitive_desc_t move;
        must(dnnl_memory_create(&r.plain[i], &plain, r.engine, a->data[i]));
        must(dnnl_memory_create(&r.own[i], own, r.engine, DNNL_MEMORY_ALLOCATE));
        must(dnnl_reorder_primitive_desc_create(&move, back ? own : &plain, r.engine,
                                                back ? &plain : own, r.engine, NULL));
        must(dnnl_primitive_create(&r.reorder[i], move));
        must(dnnl_primitive_desc_destroy(move));
    }
    must(dnnl_primitive_desc_destroy(d));
    return r;
}

static void reorder(const rival *r, int i, bool back) {
    const dnnl_exec_arg_t move[2] = {{DNNL_ARG_FROM, back ? r->own[i] : r->plain[i]},
                                     {DNNL_ARG_TO, back ? r->plain[i] : r->own[i]}};
    must(dnnl_primitive_execute(r->reorder[i], r->stream, 2, move));
}

/* Seconds with reorders; those of the convolution alone in *alone. */
static double run_rival(const rival *r, int kind, double *alone) {
    static const int names[3][3] = {{DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                                    {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
                                    {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST}};
    const double start = wg_clock();
    reorder(r, operand[kind][0], false);
    reorder(r, operand[kind][1], false);
    must(dnnl_stream_wait(r->stream));
    const double begin = wg_clock();
    const dnnl_exec_arg_t arguments[3] = {
        {names[kind][0], r->own[0]}, {names[kind][1], r->own[1]}, {names[kind][2], r->own[2]}};
    must(dnnl_primitive_execute(r->convolution, r->stream, 3, arguments));
    must(dnnl_stream_wait(r->stream));
    const double end = wg_clock();
    reorder(r, operand[kind][2], true);
    must(dnnl_stream_wait(r->stream));
    *alone = end - begin;
    return wg_clock() - start;
}

static void free_rival(rival *r) {
    for (int i = 0; i < 3; i++) {
        must(dnnl_primitive_destroy(r->reorder[i]));
        must(dnnl_memory_destroy(r->plain[i]));
        must(dnnl_memory_destroy(r->own[i]));
    }
    must(dnnl_primitive_destroy(r->convolution));
    must(dnnl_stream_destroy(r->stream));
    must(dnnl_engine_destroy(r->engine));
}
#endif

/* ---- one shape, one kind ---- */

static double least(double a, double b) {
    return a < b ? a : b;
}

static void measure(const shape *s, int kind, double budget, double top) {
    static const char *const kinds[] = {"forward", "input", "weight"};
    const wg_conv_sizes z = sizes_of(s);
    arrays a = arrays_of(s);
    void *workspace = wg_alloc(wg_conv_workspace_f32((wg_conv_kind)kind, &z));
    double own = 1e9, alone = 1e9, whole = 1e9, now = 1e9;
#if defined(WG_HAVE_ONEDNN)
    rival r = make_rival(s, kind, &a);
#endif
    const double start = wg_clock();
    for (int round = 0; round < 4 || wg_clock() - start < budget; round++) {
        own = least(own, run_own(kind, &z, &a, workspace));
#if defined(WG_HAVE_ONEDNN)
        whole = least(whole, run_rival(&r, kind, &now));
#endif
        alone = least(alone, now);
    }
#if defined(WG_HAVE_ONEDNN)
    free_rival(&r);
#endif
    const double flops = 2e-9 * s->batch * s->out * (double)(z.out[1] * z.out[2]) *
                         (double)(z.in_channels * z.kernel[1] * z.kernel[2]);
    printf("%-32s %-8s %9.3f ms %8.1f  %5.1f %%", s->name, kinds[kind], own * 1e3, flops / own,
           100 * flops / own / top);
    if (alone < 1e8) {
        printf(" %9.3f ms %8.1f %9.3f ms  %5.2f %5.2f", alone * 1e3, flops / alone, whole * 1e3,
               alone / own, whole / own);
    }
    printf("\n");
    wg_free(workspace);
    free_arrays(&a);
}

/* ---- a chain ---- */

static void relu(float *x, size_t count) {
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++) {
        x[i] = x[i] > 0 ? x[i] : 0;
    }
}

enum {
    LINKS = 3
};

static double chain_own(const wg_conv_sizes *z, arrays *a, void *workspace) {
    const double start = wg_clock();
    for (int i = 0; i < LINKS; i++) {
        (void)run_own(WG_CONV_FORWARD, z, a, workspace);
        relu(a->data[2], a->count[2]);
        float *swap = a->data[0];
        a->data[0] = a->data[2];
        a->data[2] = swap;
    }
    return wg_clock() - start;
}

#if defined(WG_HAVE_ONEDNN)
/* Into its layout, three convolutions and relus there (elementwise loops over its memory), and
 * back. */
static double chain_rival(const rival *r, size_t count) {
    const double start = wg_clock();
    dnnl_memory_t x = r->own[0], y = r->own[2];
    reorder(r, 0, false);
    reorder(r, 1, false);
    for (int i = 0; i < LINKS; i++) {
        const dnnl_exec_arg_t arguments[3] = {
            {DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, r->own[1]}, {DNNL_ARG_DST, y}};
        must(dnnl_primitive_execute(r->convolution, r->stream, 3, arguments));
        must(dnnl_stream_wait(r->stream));
        void *data = NULL;
        must(dnnl_memory_get_data_handle(y, &data));
        relu(data, count);
        dnnl_memory_t swap = x;
        x = y;
        y = swap;
    }
    const dnnl_exec_arg_t move[2] = {{DNNL_ARG_FROM, x}, {DNNL_ARG_TO, r->plain[2]}};
    must(dnnl_primitive_execute(r->reorder[2], r->stream, 2, move));
    must(dnnl_stream_wait(r->stream));
    return wg_clock() - start;
}
#endif

static void measure_chain(double budget) {
    const shape *s = &shapes[0];
    const wg_conv_sizes z = sizes_of(s);
    arrays a = arrays_of(s);
    void *workspace = wg_alloc(wg_conv_workspace_f32(WG_CONV_FORWARD, &z));
    double own = 1e9, whole = 1e9;
#if defined(WG_HAVE_ONEDNN)
    arrays b = arrays_of(s);
    rival r = make_rival(s, WG_CONV_FORWARD, &b);
#endif
    const double start = wg_clock();
    for (int round = 0; round < 4 || wg_clock() - start < budget; round++) {
        own = least(own, chain_own(&z, &a, workspace));
#if defined(WG_HAVE_ONEDNN)
        whole = least(whole, chain_rival(&r, b.count[2]));
#endif
    }
    printf("chain of %d with relu: %.3f ms", LINKS, own * 1e3);
    if (whole < 1e8) {
        printf(", oneDNN in its own layout %.3f ms, ratio %.2f", whole * 1e3, whole / own);
    }
    printf("\n");
#if defined(WG_HAVE_ONEDNN)
    free_rival(&r);
    free_arrays(&b);
#endif
    wg_free(workspace);
    free_arrays(&a);
}

int main(int count, char **words) {
    const int threads = count > 1 ? atoi(words[1]) : 1;
    const double budget = 1e-3 * (count > 2 ? atof(words[2]) : 400);
#if defined(_OPENMP)
    omp_set_num_threads(threads);
#endif
    const double top = bench_peak_flops(threads) * 1e-9;
    printf("%d thread(s), f32 peak %.0f GFLOP/s; ratios are oneDNN's time by the library's\n",
           threads, top);
    printf("%-41s %12s %8s %8s %12s %8s %12s  %s\n", "", "own", "GFLOP/s", "of peak", "oneDNN",
           "GFLOP/s", "w. reorders", "ratios");
    for (size_t i = 0; i < WG_COUNT_OF(shapes) * 3; i++) {
        if (count < 4 || strstr(shapes[i / 3].name, words[3]) != NULL) {
            measure(&shapes[i / 3], (int)(i % 3), budget, top);
        }
    }
    if (count < 4 || strcmp(words[3], "chain") == 0) {
        measure_chain(budget);
    }
    return 0;
}
