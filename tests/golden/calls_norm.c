#include "golden.h"

static void run_layer_norm(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_layer_norm(in[0], golden_integer(c, "axes", 1), in[1], in[2], 1e-5);
}

static void run_layer_norm_plain(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_layer_norm(in[0], golden_integer(c, "axes", 1), 1, 0, 1e-5);
}

static void run_rms_norm(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_rms_norm(in[0], golden_integer(c, "axes", 1), in[1], 1e-5);
}

static void run_group_norm(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_group_norm(in[0], golden_integer(c, "groups", 1), in[1], in[2], 1e-5);
}

static void run_instance_norm(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    out[0] = wg_instance_norm(in[0], in[1], in[2], 1e-5);
}

static void run_batch_norm(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    out[0] = wg_batch_norm(in[0], in[1], in[2], (wg_batch_norm_options){0});
}

/* The running statistics are outputs 1 and 2. */
static void run_batch_norm_running(const golden_case *c, const wg_var *in, wg_var *out) {
    const wg_view mean = wg_view_of(in[3]), variance = wg_view_of(in[4]);
    out[0] = wg_batch_norm(in[0], in[1], in[2],
                           (wg_batch_norm_options){.mean = &mean,
                                                   .variance = &variance,
                                                   .momentum = golden_number(c, "momentum", 0)});
    out[1] = in[3];
    out[2] = in[4];
}

static void run_batch_norm_given(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    out[0] = wg_batch_norm_given(in[0], in[1], in[2], in[3], in[4], 1e-5);
}

static void run_normalize(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_normalize(in[0], golden_integer(c, "axis", 0), 1e-12);
}

static void run_softmin(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_softmin(in[0], golden_integer(c, "axis", 0));
}

static void run_local_response_norm(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_local_response_norm(in[0], golden_integer(c, "size", 1), 0.1, 0.75, 2);
}

const golden_call golden_calls_norm[] = {
    {"layer_norm", run_layer_norm, GOLDEN_ARRAY, 2, 4},
    {"layer_norm_plain", run_layer_norm_plain, GOLDEN_ARRAY, 2, 4},
    {"rms_norm", run_rms_norm, GOLDEN_ARRAY, 2, 4},
    {"group_norm", run_group_norm, GOLDEN_ARRAY, 2, 4},
    {"instance_norm", run_instance_norm, GOLDEN_ARRAY, 2, 4},
    {"batch_norm", run_batch_norm, GOLDEN_ARRAY, 4, 4},
    {"batch_norm_running", run_batch_norm_running, GOLDEN_ARRAY, 2, 4},
    {"batch_norm_given", run_batch_norm_given, GOLDEN_ARRAY, 2, 4},
    {"normalize", run_normalize, GOLDEN_ARRAY, 2, 4},
    {"softmin", run_softmin, GOLDEN_ARRAY, 4, 8},
    {"local_response_norm", run_local_response_norm, GOLDEN_ARRAY, 3, 4},
    {0},
};
