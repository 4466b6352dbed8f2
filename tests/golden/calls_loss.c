#include "golden.h"

static wg_loss_reduction reduction(const golden_case *c) {
    return (wg_loss_reduction)golden_integer(c, "reduction", 0);
}

static wg_cross_entropy_options class_options(const golden_case *c, const wg_var *in) {
    wg_cross_entropy_options o = {.reduction = reduction(c),
                                  .label_smoothing = golden_number(c, "smoothing", 0),
                                  .ignore_index = golden_integer(c, "ignore", -100),
                                  .axis = golden_integer(c, "axis", 0)};
    o.ignore = o.ignore_index != -100;
    if (c->inputs > 2) {
        o.weight = in[2];
    }
    return o;
}

static void run_cross_entropy(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_cross_entropy_with(in[0], in[1], class_options(c, in));
}

static void run_nll(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_nll_with(in[0], in[1], class_options(c, in));
}

static void run_multi_margin(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_multi_margin_with(in[0], in[1],
                                  (wg_multi_margin_options){.margin = golden_number(c, "margin", 1),
                                                            .p = golden_integer(c, "p", 1),
                                                            .reduction = reduction(c)});
}

#define RUN(name, call)                                                                            \
    static void run_##name(const golden_case *c, const wg_var *in, wg_var *out) {                  \
        const wg_loss_reduction r = reduction(c);                                                  \
        const double parameter = golden_number(c, "c", 0), margin = golden_number(c, "margin", 0); \
        (void)parameter, (void)margin;                                                             \
        out[0] = call;                                                                             \
    }
RUN(mse, wg_mse_with(in[0], in[1], r))
RUN(l1, wg_l1_with(in[0], in[1], r))
RUN(huber, wg_huber_with(in[0], in[1], parameter, r))
RUN(smooth_l1, wg_smooth_l1_with(in[0], in[1], parameter, r))
RUN(soft_margin, wg_soft_margin_with(in[0], in[1], r))
RUN(hinge_embedding, wg_hinge_embedding_with(in[0], in[1], margin, r))
RUN(margin_ranking, wg_margin_ranking_with(in[0], in[1], in[2], margin, r))
RUN(cosine_embedding, wg_cosine_embedding_with(in[0], in[1], in[2], margin, r))

static wg_bce_options bce_options(const golden_case *c, const wg_var *in) {
    wg_bce_options o = {.reduction = reduction(c)};
    if (c->inputs > 2) {
        o.weight = in[2];
    }
    if (c->inputs > 3) {
        o.pos_weight = in[3];
    }
    return o;
}

static void run_bce(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_bce_with(in[0], in[1], bce_options(c, in));
}

static void run_bce_with_logits(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_bce_with_logits_with(in[0], in[1], bce_options(c, in));
}

static void run_kl_div(const golden_case *c, const wg_var *in, wg_var *out) {
    const wg_kl_div_options o = {reduction(c), golden_integer(c, "log_target", 0) == 1};
    out[0] = wg_kl_div_with(in[0], in[1], o);
}

static void run_poisson_nll(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] =
        wg_poisson_nll_with(in[0], in[1],
                            (wg_poisson_nll_options){.reduction = reduction(c),
                                                     .rate = golden_integer(c, "rate", 0) == 1,
                                                     .full = golden_integer(c, "full", 0) == 1});
}

static void run_gaussian_nll(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] =
        wg_gaussian_nll_with(in[0], in[1], in[2],
                             (wg_gaussian_nll_options){.reduction = reduction(c),
                                                       .full = golden_integer(c, "full", 0) == 1});
}

static void run_cosine_similarity(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_cosine_similarity(in[0], in[1], golden_integer(c, "axis", 0));
}

static void run_triplet_margin(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_triplet_margin_with(
        in[0], in[1], in[2],
        (wg_triplet_margin_options){.margin = golden_number(c, "margin", 1),
                                    .p = golden_number(c, "p", 2),
                                    .swap = golden_integer(c, "swap", 0) == 1,
                                    .reduction = reduction(c)});
}

static void run_ctc(const golden_case *c, const wg_var *in, wg_var *out) {
    const wg_ctc_options o = {.reduction = reduction(c),
                              .blank = golden_integer(c, "blank", 0),
                              .zero_infinity = golden_integer(c, "zero_infinity", 0) == 1};
    out[0] = wg_ctc_with(wg_log_softmax(in[0], -1), in[1], in[2], in[3], o);
}

const golden_call golden_calls_loss[] = {
    {"cross_entropy", run_cross_entropy, GOLDEN_ARRAY, 4, 8},
    {"nll", run_nll, GOLDEN_ARRAY, 4, 4},
    {"multi_margin", run_multi_margin, GOLDEN_ARRAY, 4, 4},
    {"mse", run_mse, GOLDEN_ARRAY, 4, 4},
    {"l1", run_l1, GOLDEN_ARRAY, 4, 4},
    {"huber", run_huber, GOLDEN_ARRAY, 4, 4},
    {"smooth_l1", run_smooth_l1, GOLDEN_ARRAY, 4, 4},
    {"bce", run_bce, GOLDEN_ARRAY, 4, 8},
    {"bce_with_logits", run_bce_with_logits, GOLDEN_ARRAY, 4, 8},
    {"soft_margin", run_soft_margin, GOLDEN_ARRAY, 4, 8},
    {"hinge_embedding", run_hinge_embedding, GOLDEN_ARRAY, 4, 4},
    {"margin_ranking", run_margin_ranking, GOLDEN_ARRAY, 4, 4},
    {"poisson_nll", run_poisson_nll, GOLDEN_ARRAY, 8, 8},
    {"gaussian_nll", run_gaussian_nll, GOLDEN_ARRAY, 8, 8},
    {"kl_div", run_kl_div, GOLDEN_ARRAY, 8, 8},
    {"cosine_similarity", run_cosine_similarity, GOLDEN_ARRAY, 8, 8},
    {"cosine_embedding", run_cosine_embedding, GOLDEN_ARRAY, 8, 8},
    {"triplet_margin", run_triplet_margin, GOLDEN_ARRAY, 8, 8},
    {"ctc", run_ctc, GOLDEN_ARRAY, 16, 16},
    {0},
};
