/* conv_reference.c: convolution as its definition reads. */
#include "base/base.h"
#include "kernel/conv.h"

/* What one product of the sum reads and adds to, as flat indices. */
typedef struct term {
    int64_t x, w, y;
    bool inside;
} term;

static int64_t volume_of(const int64_t *size) {
    return size[0] * size[1] * size[2];
}

/* Axis 2 counts fastest. */
static void split(int64_t flat, const int64_t *size, int64_t *index) {
    index[2] = flat % size[2];
    index[1] = flat / size[2] % size[1];
    index[0] = flat / size[2] / size[1];
}

static term term_of(const wg_conv_sizes *s, int64_t image, int64_t group, int64_t o, int64_t c,
                    int64_t at, int64_t tap) {
    int64_t u[3], t[3], source = 0;
    bool inside = true;
    split(at, s->out, u);
    split(tap, s->kernel, t);
    for (int i = 0; i < 3; i++) {
        const int64_t index = u[i] * s->stride[i] + t[i] * s->dilation[i] - s->pad[i];
        inside = inside && index >= 0 && index < s->in[i];
        source = source * s->in[i] + index;
    }
    const int64_t x = (image * s->groups + group) * s->in_channels + c;
    const int64_t y = (image * s->groups + group) * s->out_channels + o;
    const int64_t w = (group * s->out_channels + o) * s->in_channels + c;
    const term all = {x * volume_of(s->in) + source, w * volume_of(s->kernel) + tap,
                      y * volume_of(s->out) + at, inside};
    return all;
}

#define REFERENCE(suffix, T)                                                                       \
    static void add_terms_##suffix(wg_conv_kind kind, const wg_conv_sizes *s, int64_t image,       \
                                   int64_t group, const T *a, const T *b, double *sum) {           \
        for (int64_t o = 0; o < s->out_channels; o++) {                                            \
            for (int64_t c = 0; c < s->in_channels; c++) {                                         \
                for (int64_t i = 0; i < volume_of(s->out) * volume_of(s->kernel); i++) {           \
                    const term e = term_of(s, image, group, o, c, i / volume_of(s->kernel),        \
                                           i % volume_of(s->kernel));                              \
                    if (!e.inside) {                                                               \
                        continue;                                                                  \
                    }                                                                              \
                    if (kind == WG_CONV_FORWARD) {                                                 \
                        sum[e.y] += (double)a[e.x] * (double)b[e.w];                               \
                    } else if (kind == WG_CONV_INPUT) {                                            \
                        sum[e.x] += (double)a[e.y] * (double)b[e.w];                               \
                    } else {                                                                       \
                        sum[e.w] += (double)a[e.x] * (double)b[e.y];                               \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    void wg_conv_reference_##suffix(wg_conv_kind kind, const wg_conv_sizes *s, const T *a,         \
                                    const T *b, const T *bias, T *result) {                        \
        const bool forward = kind == WG_CONV_FORWARD;                                              \
        const int64_t of_channel = volume_of(forward                   ? s->out                    \
                                             : kind == WG_CONV_INPUT ? s->in                       \
                                                                       : s->kernel);               \
        const int64_t channels =                                                                   \
            s->groups * (kind == WG_CONV_WEIGHT ? s->in_channels * s->out_channels                 \
                         : forward              ? s->out_channels                                  \
                                                : s->in_channels);                                 \
        const int64_t count = (kind == WG_CONV_WEIGHT ? 1 : s->batch) * channels * of_channel;     \
        double *sum = wg_alloc((size_t)(count + 1) * sizeof(double));                              \
        if (sum == NULL) {                                                                         \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < count; i++) {                                                      \
            sum[i] = bias != NULL ? (double)bias[i / of_channel % channels] : 0.0;                 \
        }                                                                                          \
        for (int64_t i = 0; i < s->batch * s->groups; i++) {                                       \
            add_terms_##suffix(kind, s, i / s->groups, i % s->groups, a, b, sum);                  \
        }                                                                                          \
        for (int64_t i = 0; i < count; i++) {                                                      \
            result[i] = (T)sum[i];                                                                 \
        }                                                                                          \
        wg_free(sum);                                                                              \
    }

REFERENCE(f32, float)
REFERENCE(f64, double)
