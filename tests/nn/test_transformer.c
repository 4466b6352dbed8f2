/* test_transformer.c: attention layers, stacks and the cache for generation where PyTorch has no
 * say. */
#include "wengert.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

enum {
    BATCH = 2,
    LENGTH = 7,
    WIDTH = 8,
    MOST = 4096
};

static wg_store *store;
static wg_tape *tape;

static void start(void) {
    store = wg_store_new(3);
    tape = wg_tape_new();
}

static void stop(void) {
    wg_tape_free(tape);
    wg_store_free(store);
}

TestSuite(transformer, .init = start, .fini = stop);

/* Positions [first, first + length) of the same numbers each time. */
static wg_var part(wg_dtype dtype, const char *name, int64_t first, int64_t length) {
    double values[BATCH * LENGTH * WIDTH];
    wg_random_uniform(wg_key_name(wg_key_new(1), name), 0, BATCH * LENGTH * WIDTH, -1, 1, values);
    const wg_var all = wg_constant(tape, WG_F64, WG_SHAPE(BATCH, LENGTH, WIDTH), values);
    return wg_cast(wg_narrow(all, 1, first, length), dtype);
}

static void read(wg_var x, double *out) {
    cr_assert_leq(wg_count(x), MOST);
    cr_assert_eq(wg_read(x, WG_F64, out, wg_count(x)), WG_OK, "%s %s", wg_last_message(),
                 wg_tape_message(tape));
}

static void expect_equal(wg_var have, wg_var want, double tolerance) {
    double x[MOST], y[MOST];
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    read(have, x);
    read(want, y);
    cr_assert_eq(wg_count(have), wg_count(want));
    for (int64_t i = 0; i < wg_count(have); i++) {
        cr_assert_float_eq(x[i], y[i], tolerance, "element %lld is %.17g, not %.17g", (long long)i,
                           x[i], y[i]);
    }
}

static void expect_error(wg_status status, const char *text) {
    cr_assert_eq(wg_tape_status(tape), status, "%s", wg_tape_message(tape));
    cr_assert_not_null(strstr(wg_tape_message(tape), text), "%s", wg_tape_message(tape));
    wg_tape_reset(tape);
}

/* ---- Generation ------------------------------------------------------------------------------ */

static const struct generation {
    wg_dtype dtype;
    int64_t key_heads;
    bool rotary, norm_first, decoder;
    int64_t step[LENGTH]; /* how many positions at a time; ends with 0 */
    double tolerance;
} generations[] = {
    {WG_F64, 0, false, true, false, {1, 1, 1, 1, 1, 1, 1}, 1e-13},
    {WG_F64, 2, true, false, false, {3, 1, 2, 1}, 1e-13},
    {WG_F32, 1, true, true, false, {1, 4, 2}, 1e-5},
    {WG_F64, 0, false, false, true, {2, 1, 1, 3}, 1e-13},
    {WG_F64, 0, false, true, false, {7}, 1e-13},
};

static wg_var network(const struct generation *g, wg_var x, wg_kv_cache *cache) {
    const wg_transformer_options o = {.heads = 4,
                                      .key_heads = g->key_heads,
                                      .feed_forward = 12,
                                      .activation = (wg_gelu),
                                      .norm_first = g->norm_first,
                                      .causal = true,
                                      .rotary = g->rotary,
                                      .cache = cache,
                                      .final_norm = true};
    const wg_net net = wg_net_eval(store, tape);
    return g->decoder ? wg_transformer_decoder(net, "gpt", x, part(g->dtype, "memory", 0, 5), 2, o)
                      : wg_transformer_encoder(net, "gpt", x, 2, o);
}

ParameterizedTestParameters(transformer, generation_is_the_whole_pass) {
    static int rows[sizeof generations / sizeof *generations];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rows[i] = (int)i;
    }
    return cr_make_param_array(int, rows, sizeof rows / sizeof *rows);
}

ParameterizedTest(int *row, transformer, generation_is_the_whole_pass) {
    const struct generation *g = &generations[*row];
    wg_kv_cache *cache = wg_kv_cache_new(LENGTH);
    wg_no_grad_begin(tape);
    const wg_var whole = network(g, part(g->dtype, "x", 0, LENGTH), NULL);
    for (int again = 0; again < 2; again++) {
        int64_t first = 0;
        for (int i = 0; i < LENGTH && g->step[i] > 0; first += g->step[i++]) {
            cr_assert_eq(wg_kv_cache_length(cache), first);
            const wg_var y = network(g, part(g->dtype, "x", first, g->step[i]), cache);
            expect_equal(y, wg_narrow(whole, 1, first, g->step[i]), g->tolerance);
        }
        cr_assert_eq(first, LENGTH);
        /* Back a little, and forth again. */
        cr_assert_eq(wg_kv_cache_cut(cache, 4), WG_OK);
        const wg_var y = network(g, part(g->dtype, "x", 4, 3), cache);
        expect_equal(y, wg_narrow(whole, 1, 4, 3), g->tolerance);
        cr_assert_eq(wg_kv_cache_cut(cache, 0), WG_OK);
    }
    wg_no_grad_end(tape);
    wg_tape_reset(tape);
    wg_kv_cache_free(cache);
}

static wg_var attend(wg_var x, wg_kv_cache *cache) {
    const wg_multi_head_options o = {.heads = 2, .causal = true, .cache = cache};
    return wg_multi_head_attention(wg_net_eval(store, tape), "attn", x, x, x, o);
}

Test(transformer, a_mask_covers_what_is_cached) {
    wg_kv_cache *cache = wg_kv_cache_new(LENGTH);
    uint8_t mask[BATCH * 4] = {0, 1, 1, 1, 1, 0, 1, 1}; /* left padding, and a gap */
    wg_multi_head_options o = {.heads = 2, .causal = true};
    wg_no_grad_begin(tape);
    const wg_net net = wg_net_eval(store, tape);
    const wg_var x = part(WG_F64, "x", 0, 4);
    o.key_mask = wg_constant(tape, WG_U8, WG_SHAPE(BATCH, 4), mask);
    const wg_var whole = wg_multi_head_attention(net, "attn", x, x, x, o);
    o.cache = cache;
    for (int64_t i = 0; i < 4; i++) {
        const wg_var now = part(WG_F64, "x", i, 1);
        wg_multi_head_options to_here = o;
        to_here.key_mask = wg_narrow(o.key_mask, 1, 0, i + 1);
        const wg_var y = wg_multi_head_attention(net, "attn", now, now, now, to_here);
        expect_equal(y, wg_narrow(whole, 1, i, 1), 1e-14);
    }
    wg_no_grad_end(tape);
    wg_kv_cache_free(cache);
}

Test(transformer, the_cache_refuses) {
    cr_assert_null(wg_kv_cache_new(0));
    cr_assert_not_null(strstr(wg_last_message(), "kv_cache_new: a length of 0"));
    wg_kv_cache *cache = wg_kv_cache_new(4);
    attend(part(WG_F64, "x", 0, 2), cache);
    expect_error(WG_ERROR_STATE, "multi_head_attention attn: the tape records; a cache needs");
    cr_assert_eq(wg_kv_cache_length(cache), 0);
    wg_no_grad_begin(tape);
    attend(part(WG_F64, "x", 0, 5), cache);
    expect_error(WG_ERROR_LIMIT, "5 positions are to follow 0 in a cache for 4");
    cr_assert_eq(wg_kv_cache_length(cache), 0);
    wg_no_grad_begin(tape);
    attend(part(WG_F64, "x", 0, 3), cache);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_kv_cache_cut(cache, 4), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "to 4 of 3 positions"));
    cr_assert_eq(wg_kv_cache_cut(cache, -1), WG_ERROR_ARGUMENT);
    attend(part(WG_F64, "x", 0, 2), cache);
    expect_error(WG_ERROR_LIMIT, "2 positions are to follow 3");
    wg_no_grad_begin(tape);
    attend(wg_narrow(part(WG_F64, "x", 0, 1), 0, 0, 1), cache);
    expect_error(WG_ERROR_SHAPE, "the cache holds f64 [2, 4, 2, 4], asked for is f64 [1, 4, 2, 4]");
    cr_assert_eq(wg_kv_cache_length(cache), 3);
    /* Another layer that has not seen what came before. */
    wg_no_grad_begin(tape);
    const wg_var x = part(WG_F64, "x", 0, 1);
    const wg_multi_head_options o = {.heads = 2, .cache = cache};
    wg_multi_head_attention(wg_net_eval(store, tape), "other", x, x, x, o);
    expect_error(WG_ERROR_STATE, "the cache has 2 of the positions before these 1, other.kv has 0");
    wg_kv_cache_free(cache);
    wg_kv_cache_free(NULL);
}

/* A pass that breaks off between two layers is cut back and run again. */
Test(transformer, a_broken_pass_is_cut_back) {
    wg_kv_cache *cache = wg_kv_cache_new(LENGTH);
    const struct generation *g = &generations[0];
    wg_no_grad_begin(tape);
    double want[MOST];
    const wg_var whole = network(g, part(WG_F64, "x", 0, 4), NULL);
    read(wg_narrow(whole, 1, 3, 1), want);
    network(g, part(WG_F64, "x", 0, 3), cache);
    const wg_net net = wg_scope(wg_net_eval(store, tape), "gpt.layers.0");
    const wg_transformer_options o = {.heads = 4,
                                      .feed_forward = 12,
                                      .activation = (wg_gelu),
                                      .norm_first = true,
                                      .causal = true,
                                      .cache = cache};
    wg_transformer_encoder_layer(net, NULL, part(WG_F64, "other", 0, 2), o); /* and no more */
    cr_assert_eq(wg_kv_cache_length(cache), 5);
    cr_assert_eq(wg_kv_cache_cut(cache, 3), WG_OK);
    double have[MOST];
    read(network(g, part(WG_F64, "x", 3, 1), cache), have);
    for (int i = 0; i < BATCH * WIDTH; i++) {
        cr_assert_float_eq(have[i], want[i], 1e-13);
    }
    wg_kv_cache_free(cache);
}

/* Blocks "a", "b", "b" of which two are one: in a cache for all of them the second call of "b"
 * cannot have keys of its own. */
static wg_var shared(wg_var x, wg_kv_cache *const caches[3]) {
    static const char *const names[] = {"a", "b", "b"};
    for (int i = 0; i < 3; i++) {
        const wg_transformer_options o = {.heads = 2, .causal = true, .cache = caches[i]};
        x = wg_transformer_encoder_layer(wg_net_eval(store, tape), names[i], x, o);
    }
    return x;
}

Test(transformer, a_layer_called_twice_needs_two_caches) {
    wg_kv_cache *const none[3] = {NULL};
    wg_kv_cache *first = wg_kv_cache_new(LENGTH), *second = wg_kv_cache_new(LENGTH);
    wg_no_grad_begin(tape);
    const wg_var whole = shared(part(WG_F64, "x", 0, 5), none);
    for (int i = 0; i < 4; i++) {
        const int64_t length = i < 3 ? 1 : 2;
        const wg_var y =
            shared(part(WG_F64, "x", i, length), (wg_kv_cache *[]){first, first, second});
        expect_equal(y, wg_narrow(whole, 1, i, length), 1e-13);
    }
    cr_assert_eq(wg_kv_cache_cut(first, 2), WG_OK);
    (void)shared(part(WG_F64, "x", 2, 1), (wg_kv_cache *[]){first, first, first});
    expect_error(WG_ERROR_STATE, "b.self_attn.kv has these 1 positions already");
    wg_kv_cache_free(first);
    wg_kv_cache_free(second);
    cr_assert_eq(wg_kv_cache_length(NULL), 0);
    cr_assert_eq(wg_kv_cache_cut(NULL, 0), WG_ERROR_ARGUMENT);
}

/* ---- Attention ------------------------------------------------------------------------------- */

/* A mask of the other float type changes no type. */
Test(transformer, masks_are_of_any_float) {
    for (int how = 0; how < 4; how++) {
        const wg_net net = wg_net_train(store, tape, 0);
        const wg_dtype dtype = how & 1 ? WG_F64 : WG_F32, other = how & 1 ? WG_F32 : WG_F64;
        const wg_var x = part(dtype, "x", 0, 3);
        wg_multi_head_options o = {.heads = 2, .dropout = how & 2 ? 0.5 : 0};
        o.mask = wg_ones(tape, other, WG_SHAPE(3, 3));
        o.key_mask = wg_ones(tape, WG_U8, WG_SHAPE(BATCH, 3));
        const wg_var y = wg_multi_head_attention(net, how & 1 ? "a" : "b", x, x, x, o);
        cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
        cr_assert_eq(wg_view_of(y).dtype, dtype);
        wg_tape_reset(tape);
    }
}

Test(transformer, dropout_depends_on_name_and_step) {
    const wg_multi_head_options o = {.heads = 2, .dropout = 0.5};
    double y[4][MOST];
    for (int i = 0; i < 4; i++) {
        const wg_net net =
            i == 3 ? wg_net_eval(store, tape) : wg_net_train(store, tape, i < 2 ? 1 : 2);
        const wg_var x = part(WG_F32, "x", 0, LENGTH);
        read(wg_multi_head_attention(net, "a", x, x, x, o), y[i]);
        wg_tape_reset(tape);
    }
    const size_t bytes = BATCH * LENGTH * WIDTH * sizeof(double);
    cr_assert_arr_eq(y[0], y[1], bytes);
    cr_assert_arr_neq(y[0], y[2], bytes);
    cr_assert_arr_neq(y[0], y[3], bytes);
}

/* Heads of keys that are shared are the same heads of keys again and again. */
Test(transformer, shared_heads_of_keys) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_var x = part(WG_F64, "x", 0, LENGTH);
    const wg_multi_head_options shared = {.heads = 4, .key_heads = 2}, all = {.heads = 4};
    const wg_var y = wg_multi_head_attention(net, "a", x, x, x, shared);
    (void)wg_multi_head_attention(net, "b", x, x, x, all);
    wg_parameter_view from, to;
    cr_assert_eq(wg_store_find(store, "a.in_proj_weight", &from), WG_OK);
    cr_assert_eq(from.value.shape[0], WIDTH + 2 * 2 * 2);
    cr_assert_eq(wg_store_find(store, "b.in_proj_weight", &to), WG_OK);
    const double *a = from.value.data;
    double *b = to.value.data;
    for (int r = 0; r < 3 * WIDTH; r++) { /* heads of two rows */
        const int part_of = r / WIDTH, head = r % WIDTH / 2;
        const int row = part_of == 0 ? r : WIDTH + (part_of - 1) * 4 + head / 2 * 2 + r % 2;
        memcpy(b + r * WIDTH, a + row * WIDTH, WIDTH * sizeof *b);
    }
    cr_assert_eq(wg_store_find(store, "a.out_proj.weight", &from), WG_OK);
    cr_assert_eq(wg_store_find(store, "b.out_proj.weight", &to), WG_OK);
    memcpy(to.value.data, from.value.data, WIDTH * WIDTH * sizeof(double));
    expect_equal(wg_multi_head_attention(net, "b", x, x, x, all), y, 1e-14);
}

Test(transformer, a_query_that_sees_nothing_adds_the_bias_alone) {
    const wg_net net = wg_net_train(store, tape, 0);
    const uint8_t none[BATCH * LENGTH] = {0};
    const wg_var x = part(WG_F64, "x", 0, LENGTH);
    const wg_multi_head_options o = {.heads = 2,
                                     .key_mask =
                                         wg_constant(tape, WG_U8, WG_SHAPE(BATCH, LENGTH), none),
                                     .bias = wg_init_constant(0.5)};
    double y[MOST];
    read(wg_multi_head_attention(net, "a", x, x, x, o), y);
    for (int i = 0; i < BATCH * LENGTH * WIDTH; i++) {
        cr_assert_eq(y[i], 0.5);
    }
}

Test(transformer, first_values) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_transformer_options o = {.heads = 2};
    wg_transformer_encoder_layer(net, "a", part(WG_F64, "x", 0, 3), o);
    static const struct {
        const char *name;
        double reach; /* of the greatest; negative: all are that constant */
    } want[] = {{"a.self_attn.in_proj_weight", 0.43301270189221935}, /* √(6 / (8 + 24)) */
                {"a.self_attn.in_proj_bias", -0.0},
                {"a.self_attn.out_proj.weight", 0.35355339059327376},
                {"a.self_attn.out_proj.bias", -0.0},
                {"a.linear1.weight", 0.35355339059327376},
                {"a.linear2.weight", 0.17677669529663687},
                {"a.norm1.weight", -1},
                {"a.norm2.bias", -0.0}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        wg_parameter_view view;
        double most = 0;
        cr_assert_eq(wg_store_find(store, want[i].name, &view), WG_OK);
        for (int64_t k = 0; k < wg_view_count(&view.value); k++) {
            most = fmax(most, fabs(((double *)view.value.data)[k]));
        }
        const double reach = fabs(want[i].reach);
        cr_assert(most <= reach && most >= 0.9 * reach, "%s: %g", want[i].name, most);
    }
    cr_assert_eq(wg_store_count(store), 12);
}

Test(transformer, refuses) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_multi_head_options two = {.heads = 2};
    wg_var x = part(WG_F64, "x", 0, 3);
    wg_multi_head_attention(net, "a", x, x, wg_narrow(x, 1, 0, 2), two);
    expect_error(WG_ERROR_SHAPE,
                 "multi_head_attention a: q [2, 3, 8], k [2, 3, 8] and v [2, 2, 8]");
    x = part(WG_F64, "x", 0, 3);
    wg_multi_head_attention(net, "a", x, x, wg_cast(x, WG_F32), two);
    expect_error(WG_ERROR_DTYPE, "q is f64, k f64 and v f32");
    x = part(WG_F64, "x", 0, 3);
    wg_multi_head_attention(net, "a", x, x, x, (wg_multi_head_options){.heads = 3});
    expect_error(WG_ERROR_ARGUMENT, "3 heads (3 of keys) do not divide a width of 8");
    x = part(WG_F64, "x", 0, 3);
    wg_multi_head_attention(net, "a", x, x, x, (wg_multi_head_options){.heads = 0});
    expect_error(WG_ERROR_ARGUMENT, "0 heads");
    x = part(WG_F64, "x", 0, 3);
    wg_multi_head_attention(net, "a", x, x, x, (wg_multi_head_options){.heads = 4, .key_heads = 3});
    expect_error(WG_ERROR_ARGUMENT, "4 heads (3 of keys)");
    x = part(WG_F64, "x", 0, 3);
    wg_multi_head_attention(net, "a", x, x, x,
                            (wg_multi_head_options){.heads = 4, .dropout = -0.5});
    expect_error(WG_ERROR_ARGUMENT, "dropout -0.5");
    x = part(WG_F64, "x", 0, 3);
    wg_var mask = wg_ones(tape, WG_U8, WG_SHAPE(2, 4));
    wg_multi_head_attention(net, "a", x, x, x,
                            (wg_multi_head_options){.heads = 4, .key_mask = mask});
    expect_error(WG_ERROR_SHAPE, "the mask of keys is u8 [2, 4], not u8 [2, 3]");
    x = part(WG_F64, "x", 0, 3);
    mask = wg_ones(tape, WG_F32, WG_SHAPE(2, 3));
    wg_multi_head_attention(net, "a", x, x, x,
                            (wg_multi_head_options){.heads = 4, .key_mask = mask});
    expect_error(WG_ERROR_DTYPE, "the mask of keys is f32 [2, 3]");
    x = part(WG_F64, "x", 0, 3);
    mask = wg_ones(tape, WG_F32, WG_SHAPE(2, 1, 3));
    wg_multi_head_attention(net, "a", x, x, x, (wg_multi_head_options){.heads = 4, .mask = mask});
    expect_error(WG_ERROR_SHAPE,
                 "the mask is f32 [2, 1, 3], not u8, f32 or f64 that broadcasts to [2, 4, 3, 3]");
    x = part(WG_F64, "x", 0, 3);
    mask = wg_ones(tape, WG_I64, WG_SHAPE(3));
    wg_multi_head_attention(net, "a", x, x, x, (wg_multi_head_options){.heads = 4, .mask = mask});
    expect_error(WG_ERROR_DTYPE, "the mask is i64 [3]");
    x = part(WG_F64, "x", 0, 3);
    wg_multi_head_attention(net, "a", x, x, x, (wg_multi_head_options){.heads = 8, .rotary = true});
    expect_error(WG_ERROR_ARGUMENT, "rotary positions need heads of an even width, not 1");
    const wg_transformer_options o = {.heads = 2};
    wg_transformer_encoder(net, "a", part(WG_F64, "x", 0, 3), -1, o);
    expect_error(WG_ERROR_ARGUMENT, "encoder a: -1 layers");
    wg_transformer_encoder_layer(net, "b", wg_zeros(tape, WG_F64, WG_SHAPE(3, 8)), o);
    expect_error(WG_ERROR_SHAPE, "encoder_layer b: x [3, 8] has fewer than 3 axes");
    wg_transformer_encoder_layer(net, "b", part(WG_F64, "x", 0, 3),
                                 (wg_transformer_options){.heads = 3, .norm_first = true});
    expect_error(WG_ERROR_ARGUMENT, "encoder_layer b: 3 heads (3 of keys) do not divide");
    wg_transformer_encoder_layer(net, "b", part(WG_F64, "x", 0, 3),
                                 (wg_transformer_options){.heads = 2, .eps = -1});
    expect_error(WG_ERROR_ARGUMENT, "encoder_layer b: feed_forward 0, eps -1");
    cr_assert_eq(wg_store_count(store), 0);
    wg_transformer_decoder_layer(net, "b", part(WG_F64, "x", 0, 3),
                                 wg_zeros(tape, WG_F64, WG_SHAPE(1, 4, 8)), o);
    expect_error(WG_ERROR_SHAPE, "multi_head_attention b.multihead_attn: q [2, 3, 8], k [1, 4, 8]");
}

/* Nothing goes in, and a stack of no layers. */
Test(transformer, empty) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_transformer_options o = {.heads = 2, .causal = true};
    wg_var y = wg_transformer_encoder(net, NULL, part(WG_F32, "x", 0, 0), 2, o);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_size(y, 1), 0);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK, "%s", wg_tape_message(tape));
    wg_tape_reset(tape);
    const wg_var x = part(WG_F32, "x", 0, 2);
    expect_equal(wg_transformer_encoder(net, NULL, x, 0, o), x, 0);
}

/* ---- Checkpoints ----------------------------------------------------------------------------- */

typedef struct inside {
    wg_net net;
    wg_var lengths, mask;
} inside;

static void layers(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on;
    const inside *in = context;
    const wg_rnn_options o = {
        .hidden = WIDTH / 2, .bidirectional = true, .batch_first = true, .lengths = in->lengths};
    const wg_transformer_options t = {
        .heads = 2, .causal = true, .dropout = 0.2, .key_mask = in->mask, .norm_first = true};
    const wg_var y = wg_lstm_with(in->net, "lstm", xs[0], o).sequence;
    ys[0] = wg_transformer_encoder(in->net, "encoder", y, 1, t);
}

/* A sweep that runs the layers again gives the same gradients. */
Test(transformer, layers_in_a_checkpoint) {
    double dx[2][BATCH * LENGTH * WIDTH], norm[2];
    const uint8_t mask[BATCH * LENGTH] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    for (int again = 0; again < 2; again++) {
        const wg_var values = part(WG_F64, "x", 0, LENGTH);
        const wg_view view = wg_view_of(wg_contiguous(values));
        wg_var y, x = wg_variable(tape, WG_F64, view.rank, view.shape, view.data);
        inside in = {wg_net_train(store, tape, 4),
                     wg_constant(tape, WG_I64, WG_SHAPE(BATCH), (const int64_t[]){LENGTH, 3}),
                     wg_constant(tape, WG_U8, WG_SHAPE(BATCH, LENGTH), mask)};
        if (again) {
            wg_checkpoint(tape, layers, &in, &x, 1, &y, 1);
        } else {
            layers(tape, &x, &y, &in);
        }
        cr_assert_eq(wg_backward(wg_sum(wg_square(wg_sin(y)))), WG_OK, "%s", wg_tape_message(tape));
        cr_assert_eq(wg_read_adjoint(x, WG_F64, dx[again], BATCH * LENGTH * WIDTH), WG_OK);
        norm[again] = wg_gradient_norm(store);
        wg_zero_gradients(store);
        wg_tape_reset(tape);
    }
    cr_assert_arr_eq(dx[0], dx[1], sizeof dx[0]);
    cr_assert_float_eq(norm[0], norm[1], 1e-14 * norm[0]);
}
