/* losses.c: losses that are compositions of verbs. */
#include "op/axes.h"
#include "op/loss.h"

#include <math.h>

#define ADD(x, y) wg_add_at(x, y, site)
#define SUB(x, y) wg_sub_at(x, y, site)
#define MUL(x, y) wg_mul_at(x, y, site)
#define DIV(x, y) wg_div_at(x, y, site)
#define NUM(x) wg_number(x)

/* Fails unless the operands have one shape, or one of them a single element. */
static bool fits(const char *name, wg_var a, wg_var b, const char *site) {
    const wg_var both[2] = {a, b};
    const wg_view x = wg_view_of(a), y = wg_view_of(b);
    wg_tape *tape = wg_tape_of(2, both);
    char text[2][192];
    if (tape == NULL || wg_tape_status(tape) != WG_OK ||
        wg_shape_equal(x.rank, x.shape, y.rank, y.shape) || wg_view_count(&x) == 1 ||
        wg_view_count(&y) == 1) {
        return true;
    }
    wg_tape_fail(tape, WG_ERROR_SHAPE, name, site, "%s and %s are not one shape (wg_reshape)",
                 wg_shape_text(x.rank, x.shape, text[0], sizeof text[0]),
                 wg_shape_text(y.rank, y.shape, text[1], sizeof text[1]));
    return false;
}

static wg_var failed(wg_var a, wg_var b) {
    return a.tape != NULL ? wg_poison(a.tape) : wg_poison(b.tape);
}

wg_var wg_kl_div_at(wg_var x, wg_var t, wg_kl_div_options options, const char *site) {
    if (!fits("kl_div", x, t, site)) {
        return failed(x, t);
    }
    const wg_var losses = options.log_target
                              ? MUL(wg_exp_at(t, site), SUB(t, x))
                              : SUB(wg_azmul_at(t, wg_log_at(t, site), site), MUL(t, x));
    if (options.reduction == WG_LOSS_BATCHMEAN) {
        const double rows = wg_rank(x) > 0 ? (double)wg_size(x, 0) : 1;
        return DIV(wg_sum_at(losses, WG_ALL_AXES, site), NUM(rows));
    }
    return wg_loss_reduce(losses, options.reduction, "kl_div", site);
}

wg_var wg_hinge_embedding_at(wg_var x, wg_var y, double margin, wg_loss_reduction reduction,
                             const char *site) {
    if (!fits("hinge_embedding", x, y, site)) {
        return failed(x, y);
    }
    const wg_var hinge = wg_relu_at(SUB(NUM(margin), x), site), zero = NUM(0);
    const wg_var near = wg_where_at(wg_ne_at(y, NUM(-1), site), x, zero, site);
    const wg_var far = wg_where_at(wg_ne_at(y, NUM(1), site), hinge, zero, site);
    return wg_loss_reduce(ADD(near, far), reduction, "hinge_embedding", site);
}

wg_var wg_margin_ranking_at(wg_var a, wg_var b, wg_var y, double margin,
                            wg_loss_reduction reduction, const char *site) {
    if (!fits("margin_ranking", a, b, site) || !fits("margin_ranking", a, y, site)) {
        return failed(a, b);
    }
    const wg_var losses = wg_relu_at(SUB(NUM(margin), MUL(y, SUB(a, b))), site);
    return wg_loss_reduce(losses, reduction, "margin_ranking", site);
}

wg_var wg_poisson_nll_at(wg_var x, wg_var t, wg_poisson_nll_options options, const char *site) {
    const double eps = options.eps > 0 ? options.eps : 1e-8;
    if (!fits("poisson_nll", x, t, site)) {
        return failed(x, t);
    }
    wg_var losses = options.rate ? SUB(x, MUL(t, wg_log_at(ADD(x, NUM(eps)), site)))
                                 : SUB(wg_exp_at(x, site), MUL(t, x));
    if (options.full) { /* of a target that is at least 1, so that no logarithm overflows */
        const wg_var n = wg_max_at(t, NUM(1), site), log_n = wg_log_at(n, site);
        const wg_var stirling = ADD(
            SUB(MUL(n, log_n), n), MUL(NUM(0.5), ADD(NUM(log(2 * 3.14159265358979323846)), log_n)));
        losses = ADD(losses, wg_where_at(wg_gt_at(t, NUM(1), site), stirling, NUM(0), site));
    }
    return wg_loss_reduce(losses, options.reduction, "poisson_nll", site);
}

wg_var wg_gaussian_nll_at(wg_var x, wg_var t, wg_var variance, wg_gaussian_nll_options options,
                          const char *site) {
    const double eps = options.eps > 0 ? options.eps : 1e-6;
    if (!fits("gaussian_nll", x, t, site)) {
        return failed(x, t);
    }
    const wg_var v = wg_max_at(variance, NUM(eps), site);
    wg_var losses = ADD(wg_log_at(v, site), DIV(wg_square_at(SUB(x, t), site), v));
    losses = MUL(NUM(0.5), losses);
    losses = options.full ? ADD(losses, NUM(0.5 * log(2 * 3.14159265358979323846))) : losses;
    return wg_loss_reduce(losses, options.reduction, "gaussian_nll", site);
}

/* ---- Pairs of vectors ---------------------------------------------------------------------- */

static wg_var dot(wg_var a, wg_var b, int axis, const char *site) {
    return wg_sum_at(MUL(a, b), wg_one_axis(axis, false), site);
}

wg_var wg_cosine_similarity_at(wg_var a, wg_var b, int axis, double eps, const char *site) {
    const double least = eps > 0 ? eps : 1e-8;
    const wg_var squares = MUL(dot(a, a, axis, site), dot(b, b, axis, site));
    const wg_var norms = wg_sqrt_at(wg_max_at(squares, NUM(least * least), site), site);
    return DIV(dot(a, b, axis, site), norms);
}

wg_var wg_cosine_embedding_at(wg_var a, wg_var b, wg_var y, double margin,
                              wg_loss_reduction reduction, const char *site) {
    const wg_var tiny = NUM(1e-12); /* as PyTorch: to each square */
    const wg_var squares = MUL(ADD(dot(a, a, -1, site), tiny), ADD(dot(b, b, -1, site), tiny));
    const wg_var cosine = DIV(dot(a, b, -1, site), wg_sqrt_at(squares, site));
    if (!fits("cosine_embedding", cosine, y, site)) {
        return failed(a, b);
    }
    const wg_var zero = NUM(0), apart = wg_relu_at(SUB(cosine, NUM(margin)), site);
    const wg_var losses =
        ADD(wg_where_at(wg_eq_at(y, NUM(1), site), SUB(NUM(1), cosine), zero, site),
            wg_where_at(wg_eq_at(y, NUM(-1), site), apart, zero, site));
    return wg_loss_reduce(losses, reduction, "cosine_embedding", site);
}

/* The p-norm of a - b + eps along the last axis. */
static wg_var distance(wg_var a, wg_var b, double p, double eps, const char *site) {
    const wg_var d = ADD(SUB(a, b), NUM(eps));
    const wg_axes last = wg_one_axis(-1, false);
    if (p == 2) {
        return wg_sqrt_at(wg_sum_at(wg_square_at(d, site), last, site), site);
    }
    const wg_var size = wg_abs_at(d, site);
    if (p == 1 || isinf(p)) {
        return p == 1 ? wg_sum_at(size, last, site) : wg_amax_at(size, last, site);
    }
    const wg_var powers = wg_sum_at(wg_pow_at(size, NUM(p), site), last, site);
    return wg_pow_at(powers, NUM(1 / p), site);
}

wg_var wg_triplet_margin_at(wg_var anchor, wg_var positive, wg_var negative,
                            wg_triplet_margin_options options, const char *site) {
    const double p = options.p == 0 ? 2 : options.p, eps = options.eps > 0 ? options.eps : 1e-6;
    const wg_var all[3] = {anchor, positive, negative};
    wg_tape *tape = wg_tape_of(3, all);
    if (tape != NULL && !(p > 0)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "triplet_margin", site, "p is %g, not above 0", p);
        return wg_poison(tape);
    }
    const wg_var near = distance(anchor, positive, p, eps, site);
    wg_var far = distance(anchor, negative, p, eps, site);
    far = options.swap ? wg_min_at(far, distance(positive, negative, p, eps, site), site) : far;
    const wg_var losses = wg_relu_at(ADD(SUB(near, far), NUM(options.margin)), site);
    return wg_loss_reduce(losses, options.reduction, "triplet_margin", site);
}
