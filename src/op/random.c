/* random.c: random arrays: constants drawn by key, moved and scaled by what may want a gradient. */
#include "kernel/random.h"
#include "base/parallel.h"
#include "op/define.h"
#include "op/verb.h"
#include "tape/tape.h"
#include "wengert/distribution.h"
#include "wengert/index.h"

#include <math.h>

/* Each distribution draws from a key of its own. */
static wg_key own_key(wg_key key, unsigned kind) {
    return wg_key_fold(key, 0x7767647261770000u + kind);
}

enum {
    KIND_BERNOULLI = WG_DRAW_COUNT,
    KIND_RANDINT,
    KIND_PERMUTATION
};

static bool takes_floats(wg_tape *tape, wg_dtype dtype, const char *name, const char *site) {
    if (tape->status == WG_OK && dtype != WG_F32 && dtype != WG_F64) {
        wg_tape_fail(tape, WG_ERROR_DTYPE, name, site, "it draws f32 or f64, not %s",
                     wg_dtype_name(dtype));
    }
    return tape->status == WG_OK;
}

static wg_var drawn(wg_tape *tape, wg_draw kind, wg_key key, double location, double scale,
                    double most, wg_dtype dtype, int rank, const int64_t *shape) {
    const wg_var out = wg_constant(tape, dtype, rank, shape, NULL);
    if (tape->status == WG_OK) {
        wg_kernel_draw(kind, own_key(key, kind), dtype, wg_count(out), location, scale, most,
                       wg_view_of(out).data);
    }
    return out;
}

/* location + scale · z of the shape, both broadcast to it. */
static wg_var located(wg_tape *tape, wg_draw kind, wg_key key, wg_var location, wg_var scale,
                      wg_dtype dtype, int rank, const int64_t *shape, const char *name,
                      const char *site) {
    if (!takes_floats(tape, dtype, name, site)) {
        return wg_poison(tape);
    }
    const bool plain = location.tape == NULL && scale.tape == NULL;
    if (scale.tape == NULL && !(scale.as.number >= 0)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, name, site, "the scale %g is negative or NaN",
                     scale.as.number);
        return wg_poison(tape);
    }
    const wg_var z = drawn(tape, kind, key, plain ? location.as.number : 0,
                           plain ? scale.as.number : 1, INFINITY, dtype, rank, shape);
    return plain ? z : wg_add_at(location, wg_mul_at(scale, z, site), site);
}

#define LOCATED(label, KIND)                                                                       \
    wg_var wg_##label##_at(wg_tape *tape, wg_key key, wg_var location, wg_var scale,               \
                           wg_dtype dtype, int rank, const int64_t *shape, const char *site) {     \
        return located(tape, WG_DRAW_##KIND, key, location, scale, dtype, rank, shape, #label,     \
                       site);                                                                      \
    }
LOCATED(normal, NORMAL)
LOCATED(gumbel, GUMBEL)
LOCATED(laplace, LAPLACE)

wg_var wg_exponential_at(wg_tape *tape, wg_key key, wg_var scale, wg_dtype dtype, int rank,
                         const int64_t *shape, const char *site) {
    return located(tape, WG_DRAW_EXPONENTIAL, key, wg_number(0), scale, dtype, rank, shape,
                   "exponential", site);
}

/* The greatest number of the dtype below `high`: rounding may reach `high` though the fraction is
 * below 1. */
static double just_below(double high, wg_dtype dtype) {
    if (dtype == WG_F64) {
        return nextafter(high, -INFINITY);
    }
    const float near = (float)high;
    return (double)((double)near >= high ? nextafterf(near, -INFINITY) : near);
}

wg_var wg_uniform_at(wg_tape *tape, wg_key key, wg_var low, wg_var high, wg_dtype dtype, int rank,
                     const int64_t *shape, const char *site) {
    if (!takes_floats(tape, dtype, "uniform", site)) {
        return wg_poison(tape);
    }
    if (low.tape == NULL && high.tape == NULL) {
        const double from = low.as.number, to = high.as.number;
        if (!(from <= to) || !isfinite(to - from)) {
            wg_tape_fail(tape, WG_ERROR_ARGUMENT, "uniform", site, "from %g to %g", from, to);
            return wg_poison(tape);
        }
        const double most = from < to ? just_below(to, dtype) : to;
        return drawn(tape, WG_DRAW_UNIFORM, key, from, to - from, most, dtype, rank, shape);
    }
    const wg_var u = drawn(tape, WG_DRAW_UNIFORM, key, 0, 1, INFINITY, dtype, rank, shape);
    return wg_add_at(low, wg_mul_at(wg_sub_at(high, low, site), u, site), site);
}

wg_var wg_bernoulli_at(wg_tape *tape, wg_key key, wg_var p, wg_dtype dtype, int rank,
                       const int64_t *shape, const char *site) {
    const bool is_float = dtype == WG_F32 || dtype == WG_F64;
    const wg_dtype drawn_in = is_float ? dtype : WG_F32;
    wg_var r;
    if (tape->status != WG_OK) {
        return wg_poison(tape);
    }
    if (p.tape != NULL) {
        const wg_var u = drawn(tape, WG_DRAW_UNIFORM, own_key(key, KIND_BERNOULLI), 0, 1, INFINITY,
                               WG_F64, rank, shape);
        wg_no_grad_begin(tape);
        r = wg_lt_at(u, p, site);
        r = wg_is_array(r) && wg_view_of(r).dtype == dtype ? r : wg_cast_at(r, dtype, site);
        wg_no_grad_end(tape);
        return r;
    }
    if (!(p.as.number >= 0 && p.as.number <= 1)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "bernoulli", site, "p = %g is not in [0, 1]",
                     p.as.number);
        return wg_poison(tape);
    }
    r = wg_constant(tape, drawn_in, rank, shape, NULL);
    if (tape->status == WG_OK && p.as.number > 0) {
        wg_kernel_dropout(own_key(key, KIND_BERNOULLI), drawn_in, wg_count(r), 1 - p.as.number, 1,
                          NULL, wg_view_of(r).data);
    }
    return is_float ? r : wg_cast_at(r, dtype, site);
}

/* ---- Whole numbers ------------------------------------------------------------------------- */

#define PIECE 4096

typedef struct below {
    wg_key key;
    int64_t low, count;
    uint64_t range;
    int64_t *out;
} below;

static void draw_below(void *context, int64_t job) {
    const below *b = context;
    const int64_t end = (job + 1) * PIECE < b->count ? (job + 1) * PIECE : b->count;
    for (int64_t i = job * PIECE; i < end; i++) {
        b->out[i] = (int64_t)((uint64_t)b->low + wg_random_below(b->key, (uint64_t)i, b->range));
    }
}

wg_var wg_randint(wg_tape *tape, wg_key key, int64_t low, int64_t high, int rank,
                  const int64_t *shape) {
    if (tape->status == WG_OK && low >= high) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "randint", NULL, "from %lld to below %lld",
                     (long long)low, (long long)high);
    }
    const wg_var out = wg_constant(tape, WG_I64, rank, shape, NULL);
    if (tape->status == WG_OK) {
        below b = {own_key(key, KIND_RANDINT), low, wg_count(out), (uint64_t)high - (uint64_t)low,
                   wg_view_of(out).data};
        wg_parallel((b.count + PIECE - 1) / PIECE, b.count >= WG_SHARE_COMPUTE, draw_below, &b);
    }
    return out;
}

wg_var wg_permutation(wg_tape *tape, wg_key key, int64_t n) {
    const wg_var out = wg_constant(tape, WG_I64, 1, &n, NULL);
    if (tape->status == WG_OK) {
        wg_random_permutation(own_key(key, KIND_PERMUTATION), n, wg_view_of(out).data);
    }
    return out;
}

/* ---- gumbel_softmax ------------------------------------------------------------------------ */

wg_var wg_gumbel_softmax_at(wg_var logits, wg_key key, double temperature, bool hard, int axis,
                            const char *site) {
    if (!wg_verb_takes(logits, "gumbel_softmax", site)) {
        return wg_verb_nothing(logits);
    }
    const wg_view view = wg_view_of(logits);
    axis = wg_verb_axis(logits, axis, "gumbel_softmax", site);
    if (axis < 0) {
        return wg_poison(logits.tape);
    }
    if (!(temperature > 0)) {
        return wg_verb_fails(logits, WG_ERROR_ARGUMENT, "gumbel_softmax", site,
                             "at the temperature %g", temperature);
    }
    const wg_dtype dtype = view.dtype == WG_F32 ? WG_F32 : WG_F64;
    const wg_var noise =
        drawn(logits.tape, WG_DRAW_GUMBEL, key, 0, 1, INFINITY, dtype, view.rank, view.shape);
    const wg_var z = wg_div_at(wg_add_at(logits, noise, site), wg_number(temperature), site);
    const wg_var soft = wg_softmax_at(z, axis, site);
    if (!hard || logits.tape->status != WG_OK || view.shape[axis] == 0) {
        return soft;
    }
    /* The value of the greatest alone; the gradient of the soft one. */
    wg_tape *tape = logits.tape;
    wg_no_grad_begin(tape);
    const wg_var zeros = wg_full(tape, dtype, view.rank, view.shape, 0);
    const wg_var one =
        wg_scatter_at(zeros, wg_argmax_at(soft, axis, true, site), wg_number(1), axis, site);
    const wg_var away = wg_sub_at(one, soft, site);
    wg_no_grad_end(tape);
    return wg_add_at(soft, away, site);
}
