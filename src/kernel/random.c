#include "kernel/random.h"

#include "base/base.h"
#include "base/parallel.h"
#include "kernel/vector_math.h"

#include <string.h>

#define LANES 64
/* Groups that a thread takes at a time. */
#define TOGETHER 16

/* Salmon et al. 2011, section 3.3; multipliers and Weyl constants of their table 2. */
#define PHILOX_ROUND                                                                               \
    {                                                                                              \
        const uint64_t left = (uint64_t)0xD2511F53u * c0, right = (uint64_t)0xCD9E8D57u * c2;      \
        c0 = (uint32_t)(right >> 32) ^ c1 ^ k0;                                                    \
        c2 = (uint32_t)(left >> 32) ^ c3 ^ k1;                                                     \
        c1 = (uint32_t)right;                                                                      \
        c3 = (uint32_t)left;                                                                       \
        k0 += 0x9E3779B9u;                                                                         \
        k1 += 0xBB67AE85u;                                                                         \
    }

/* ---- What differs between the types -------------------------------------------------------- */

#define ONE_OF(T, name) ONE_OF_(T, name)
#define ONE_OF_(T, name) name##_##T

static inline float unit_float(uint32_t bits[4][LANES], int w, int l) {
    return (float)(int32_t)(bits[w][l] >> 8) * 0x1p-24f;
}

/* 31 bits, so that the tail is as long; rounding may not reach 1. */
static inline float open_float(uint32_t bits[4][LANES], int w, int l) {
    const float u = ((float)(int32_t)(bits[w][l] >> 1) + 0.5f) * 0x1p-31f;
    return u < 0x1.fffffep-1f ? u : 0x1.fffffep-1f;
}

/* 52 bits as the mantissa of a number in [1, 2). */
static inline double unit_double(uint32_t bits[4][LANES], int h, int l) {
    const uint64_t word = (uint64_t)bits[2 * h + 1][l] << 32 | bits[2 * h][l];
    const uint64_t one = word >> 12 | 0x3ff0000000000000u;
    double x;
    memcpy(&x, &one, sizeof x);
    return x - 1;
}

static inline double open_double(uint32_t bits[4][LANES], int h, int l) {
    return unit_double(bits, h, l) + 0x1p-53;
}

/* Sine and cosine of 2π turn, turn in [0, 1): the quarter nearest, and Cephes' polynomials (sinf.c,
 * sin.c) for the rest in [-π/4, π/4]. */
#define TURNED(type, lround_add, two_pi, sine_rest, cosine_rest)                                   \
    static inline void turned_##type(type turn, type *sine, type *cosine) {                        \
        const type quarter = (turn * 4 + (lround_add)) - (lround_add);                             \
        const type x = (turn - quarter * (type)0.25) * (two_pi), z = x * x;                        \
        const type s = x + x * z * (sine_rest);                                                    \
        const type c = 1 - z * (type)0.5 + z * z * (cosine_rest);                                  \
        const bool odd = quarter == 1 || quarter == 3;                                             \
        const type a = odd ? c : s, b = odd ? s : c;                                               \
        *sine = quarter == 2 || quarter == 3 ? -a : a;                                             \
        *cosine = quarter == 1 || quarter == 2 ? -b : b;                                           \
    }
TURNED(float, 0x1.8p23f, 6.28318530717958647692f,
       (-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f,
       (2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f)
TURNED(double, 0x1.8p52, 6.28318530717958647692,
       ((((1.58962301576546568060e-10 * z - 2.50507477628578072866e-8) * z +
          2.75573136213857245213e-6) *
             z -
         1.98412698295895385996e-4) *
            z +
        8.33333333332211858878e-3) *
               z -
           1.66666666666666307295e-1,
       ((((-1.13585365213876817300e-11 * z + 2.08757008419747316778e-9) * z -
          2.75573141792967388112e-7) *
             z +
         2.48015872888517045348e-5) *
            z -
        1.38888888888730564116e-3) *
               z +
           4.16666666666665929218e-2)

/* Numbers of a block of random bits. */
#define NUMBERS ((int)(16 / sizeof(T)))
#define SQRT(x) (sizeof(T) == sizeof(float) ? (T)sqrtf((float)(x)) : (T)sqrt((double)(x)))
#define LOG(x) _Generic((T)0, float : wg_log_f32, double : wg_log_f64)(x)

#define WG_ISA_LOOPS "kernel/random_typed.h"
#include "kernel/isa_loops.h"

typedef void (*philox_loop)(wg_key key, uint64_t first, uint32_t out[4][LANES]);

#define PHILOX_OF(isa) {philox_##isa##_f32, philox_##isa##_f64},
static const philox_loop philox_loops[][2] = {WG_ISAS(PHILOX_OF)};

/* Loops of the two types behind one face. */
#define LOOPS(type, name, suffix)                                                                  \
    static void type##_##name##_##suffix(uint32_t bits[4][LANES], void *out) {                     \
        name##_##suffix##_##type(bits, out);                                                       \
    }
#define LOOPS_OF(isa)                                                                              \
    LOOPS(f32, uniform, isa)                                                                       \
    LOOPS(f32, normal, isa)                                                                        \
    LOOPS(f32, exponential, isa)                                                                   \
    LOOPS(f32, gumbel, isa)                                                                        \
    LOOPS(f32, laplace, isa)                                                                       \
    LOOPS(f64, uniform, isa)                                                                       \
    LOOPS(f64, normal, isa)                                                                        \
    LOOPS(f64, exponential, isa)                                                                   \
    LOOPS(f64, gumbel, isa)                                                                        \
    LOOPS(f64, laplace, isa)
WG_ISAS(LOOPS_OF)

typedef void (*draw_loop)(uint32_t bits[4][LANES], void *out);

#define DRAWS(type, isa)                                                                           \
    {                                                                                              \
        type##_uniform_##isa, type##_normal_##isa, type##_exponential_##isa, type##_gumbel_##isa,  \
            type##_laplace_##isa                                                                   \
    }
#define ROW(isa) {DRAWS(f32, isa), DRAWS(f64, isa)},
static const draw_loop draw_loops[][2][WG_DRAW_COUNT] = {WG_ISAS(ROW)};

#define SHIFT_OF(isa) shift_##isa##_f32,
static void (*const shift_f32[])(int64_t, double, double, double, float *) = {WG_ISAS(SHIFT_OF)};
#define SHIFT_64_OF(isa) shift_##isa##_f64,
static void (*const shift_f64[])(int64_t, double, double, double,
                                 double *) = {WG_ISAS(SHIFT_64_OF)};

#define KEEP_OF(isa) keep_##isa##_f32,
static void (*const keep_f32[])(uint32_t[4][LANES], uint32_t, double, const float *,
                                float *) = {WG_ISAS(KEEP_OF)};
#define KEEP_64_OF(isa) keep_##isa##_f64,
static void (*const keep_f64[])(uint32_t[4][LANES], uint32_t, double, const double *,
                                double *) = {WG_ISAS(KEEP_64_OF)};

/* ---- Draws --------------------------------------------------------------------------------- */

typedef struct drawing {
    wg_key key;
    wg_dtype dtype;
    int isa;
    int64_t count, each; /* elements: all, and of a group */
    size_t size;
    draw_loop loop;
    double location, scale, most;
    uint32_t least;
    const char *from;
    char *out;
} drawing;

static void draw_groups(void *context, int64_t job) {
    const drawing *d = context;
    uint32_t bits[4][LANES];
    double group[4 * LANES]; /* the last one, which may not fit */
    for (int64_t g = job * TOGETHER; g < (job + 1) * TOGETHER && g * d->each < d->count; g++) {
        const int64_t first = g * d->each, left = d->count - first;
        const int64_t n = left < d->each ? left : d->each;
        void *out = n < d->each ? (void *)group : d->out + (size_t)first * d->size;
        philox_loops[d->isa][d->dtype == WG_F64](d->key, (uint64_t)g * LANES, bits);
        d->loop(bits, out);
        if (d->location != 0 || d->scale != 1) {
            if (d->dtype == WG_F32) {
                shift_f32[d->isa](n, d->location, d->scale, d->most, out);
            } else {
                shift_f64[d->isa](n, d->location, d->scale, d->most, out);
            }
        }
        if (n < d->each) {
            memcpy(d->out + (size_t)first * d->size, group, (size_t)n * d->size);
        }
    }
}

void wg_kernel_draw(wg_draw kind, wg_key key, wg_dtype dtype, int64_t count, double location,
                    double scale, double most, void *out) {
    const int isa = wg_isa();
    drawing d = {.key = key,
                 .dtype = dtype,
                 .isa = isa,
                 .count = count,
                 .each = dtype == WG_F32 ? 4 * LANES : 2 * LANES,
                 .size = wg_dtype_size(dtype),
                 .loop = draw_loops[isa][dtype == WG_F64][kind],
                 .location = location,
                 .scale = scale,
                 .most = most,
                 .out = out};
    const int64_t groups = (count + d.each - 1) / d.each;
    wg_parallel((groups + TOGETHER - 1) / TOGETHER, count >= WG_SHARE_COMPUTE, draw_groups, &d);
}

static void keep_groups(void *context, int64_t job) {
    const drawing *d = context;
    uint32_t bits[4][LANES];
    double from[4 * LANES] = {0}, to[4 * LANES]; /* ones, or the last group, which may not fit */
    for (int i = 0; i < 4 * LANES && d->from == NULL; i++) {
        if (d->dtype == WG_F32) {
            ((float *)(void *)from)[i] = 1;
        } else {
            from[i] = 1;
        }
    }
    for (int64_t g = job * TOGETHER; g < (job + 1) * TOGETHER && g * d->each < d->count; g++) {
        const int64_t first = g * d->each, left = d->count - first;
        const size_t bytes = (size_t)(left < d->each ? left : d->each) * d->size;
        const bool whole = left >= d->each;
        char *out = d->out + (size_t)first * d->size;
        const char *in = d->from != NULL ? d->from + (size_t)first * d->size : NULL;
        if (in != NULL && !whole) {
            memcpy(from, in, bytes);
        }
        const void *source = in == NULL || !whole ? (const void *)from : in;
        void *target = whole ? (void *)out : to;
        philox_loops[d->isa][d->dtype == WG_F64](d->key, (uint64_t)g * LANES, bits);
        if (d->dtype == WG_F32) {
            keep_f32[d->isa](bits, d->least, d->scale, source, target);
        } else {
            keep_f64[d->isa](bits, d->least, d->scale, source, target);
        }
        if (!whole) {
            memcpy(out, to, bytes);
        }
    }
}

void wg_kernel_dropout(wg_key key, wg_dtype dtype, int64_t count, double p, double scale,
                       const void *from, void *to) {
    drawing d = {.key = key,
                 .dtype = dtype,
                 .isa = wg_isa(),
                 .count = count,
                 .each = 4 * LANES,
                 .size = wg_dtype_size(dtype),
                 .scale = scale,
                 .least = (uint32_t)(p * 0x1p32),
                 .from = from,
                 .out = to};
    const int64_t groups = (count + d.each - 1) / d.each;
    wg_parallel((groups + TOGETHER - 1) / TOGETHER, count >= WG_SHARE_COMPUTE, keep_groups, &d);
}

void wg_kernel_dropout_group(wg_key key, wg_dtype dtype, int64_t group, double p, double scale,
                             void *to) {
    _Static_assert(WG_DROPOUT_GROUP == 4 * LANES, "a group is what a block of words makes");
    const uint32_t least = (uint32_t)(p * 0x1p32);
    const int isa = wg_isa();
    uint32_t bits[4][LANES];
    philox_loops[isa][dtype == WG_F64](key, (uint64_t)group * LANES, bits);
    for (int i = 0; i < WG_DROPOUT_GROUP && dtype == WG_F32; i++) {
        ((float *)to)[i] = 1;
    }
    for (int i = 0; i < WG_DROPOUT_GROUP && dtype == WG_F64; i++) {
        ((double *)to)[i] = 1;
    }
    if (dtype == WG_F32) {
        keep_f32[isa](bits, least, scale, to, to);
    } else {
        keep_f64[isa](bits, least, scale, to, to);
    }
}
