/* conv_reference.c: convolution as its definition reads. */
#include "base/base.h"
#include "kernel/conv.h"

static int64_t volume_of(const int64_t *size) {
    return size[0] * size[1] * size[2];
}

/* Axis 2 counts fastest. */
static void split(int64_t flat, const int64_t *size, int64_t *index) {
    index[2] = flat % size[2];
    index[1] = flat / size[2] % size[1];
    index[0] = flat / size[2] / size[1];
}

/* Where output `at` reads by a tap, within a channel; -1: outside. */
static int64_t source_of(const wg_conv_sizes *s, int64_t at, int64_t tap) {
    int64_t u[3], t[3], source = 0;
    split(at, s->out, u);
    split(tap, s->kernel, t);
    for (int i = 0; i < 3; i++) {
        const int64_t index = u[i] * s->stride[i] + t[i] * s->dilation[i] - s->pad[i];
        if (index < 0 || index >= s->in[i]) {
            return -1;
        }
        source = source * s->in[i] + index;
    }
    return source;
}

#define REFERENCE(suffix, T)                                                                       \
    /* One output position and tap, over all channels. */                                          \
    static void add_terms_##suffix(wg_conv_kind kind, const wg_conv_sizes *s, int64_t image,       \
                                   int64_t group, int64_t at, int64_t tap, const T *a, const T *b, \
                                   double *sum) {                                                  \
        const int64_t source = source_of(s, at, tap), item = image * s->groups + group;            \
        for (int64_t i = 0; i < s->out_channels * s->in_channels && source >= 0; i++) {            \
            const int64_t o = i / s->in_channels, c = i % s->in_channels;                          \
            const int64_t x = (item * s->in_channels + c) * volume_of(s->in) + source;             \
            const int64_t y = (item * s->out_channels + o) * volume_of(s->out) + at;               \
            const int64_t w = (group * s->out_channels + o) * s->in_channels + c;                  \
            const int64_t of_w = w * volume_of(s->kernel) + tap;                                   \
            if (kind == WG_CONV_FORWARD) {                                                         \
                sum[y] += (double)a[x] * (double)b[of_w];                                          \
            } else if (kind == WG_CONV_INPUT) {                                                    \
                sum[x] += (double)a[y] * (double)b[of_w];                                          \
            } else {                                                                               \
                sum[of_w] += (double)a[x] * (double)b[y];                                          \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    void wg_conv_reference_##suffix(wg_conv_kind kind, const wg_conv_sizes *s, const T *a,         \
                                    const T *b, const T *bias, T *result) {                        \
        const bool forward = kind == WG_CONV_FORWARD;                                              \
        const int64_t of_channel = volume_of(forward                 ? s->out                      \
                                             : kind == WG_CONV_INPUT ? s->in                       \
                                                                     : s->kernel);                 \
        const int64_t channels =                                                                   \
            s->groups * (kind == WG_CONV_WEIGHT ? s->in_channels * s->out_channels                 \
                         : forward              ? s->out_channels                                  \
                                                : s->in_channels);                                              \
        const int64_t count = (kind == WG_CONV_WEIGHT ? 1 : s->batch) * channels * of_channel;     \
        double *sum = wg_alloc((size_t)(count + 1) * sizeof(double));                              \
        if (sum == NULL) {                                                                         \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < count; i++) {                                                      \
            sum[i] = bias != NULL ? (double)bias[i / of_channel % channels] : 0.0;                 \
        }                                                                                          \
        const int64_t positions = volume_of(s->out), taps = volume_of(s->kernel);                  \
        for (int64_t i = 0; i < s->batch * s->groups * positions * taps; i++) {                    \
            const int64_t item = i / taps / positions;                                             \
            add_terms_##suffix(kind, s, item / s->groups, item % s->groups, i / taps % positions,  \
                               i % taps, a, b, sum);                                               \
        }                                                                                          \
        for (int64_t i = 0; i < count; i++) {                                                      \
            result[i] = (T)sum[i];                                                                 \
        }                                                                                          \
        wg_free(sum);                                                                              \
    }

REFERENCE(f32, float)
REFERENCE(f64, double)
