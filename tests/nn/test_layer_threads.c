/* test_layer_threads.c: layers give the same bits with 1, 2 and 5 threads: output, gradients,
 * statistics; arrays are large enough to be shared. */
#include "layer_test.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

static wg_var network(wg_net net) {
    int64_t index[600];
    for (int i = 0; i < 600; i++) {
        index[i] = i * 7 % 50;
    }
    const wg_conv_options same = {.kernel = {3}, .padding = {1, 1}};
    wg_var x = waves(WG_F32, 4, (int64_t[]){8, 4, 32, 32});
    wg_var y = wg_relu(wg_batch_norm_layer(net, "bn", wg_conv2d(net, "conv", x, 16, same)));
    y = wg_residual(net, "skip", x, wg_max_pool2d(y, (wg_pool_options){.kernel = {2}}));
    y = wg_instance_norm_layer_with(
        net, "in", y, (wg_instance_norm_layer_options){.affine = true, .statistics = true});
    y = wg_conv_transpose2d(net, "up", wg_group_norm_layer(net, "gn", y, 4), 8,
                            (wg_conv_options){.kernel = {2}, .stride = {2}});
    wg_var z = wg_constant(net.tape, WG_I64, 2, (int64_t[]){200, 3}, index);
    const wg_embedding_bag_options bag = {.table = {.count = 50, .width = 96}};
    z = wg_embedding_bag(net, "bag", z, bag);
    z = wg_bilinear(net, "bilinear", z, wg_layer_norm_layer(net, "ln", z), 16);
    return wg_add(wg_mean(wg_square(y)), wg_mean(wg_square(z)));
}

/* All values and gradients after two steps, one behind the other. */
static double *run(int threads, int64_t *count) {
#if defined(_OPENMP)
    omp_set_num_threads(threads);
#endif
    (void)threads;
    start();
    for (int step = 0; step < 2; step++) {
        cr_assert_eq(wg_backward(network(wg_net_train(store, tape, 0))), WG_OK, "%s",
                     wg_tape_message(tape));
        wg_tape_reset(tape);
    }
    double *all = calloc(400000, sizeof *all);
    *count = 0;
    for (int64_t i = 0; i < wg_store_count(store); i++) {
        wg_parameter_view p;
        cr_assert_eq(wg_store_at(store, i, &p), WG_OK);
        for (int64_t k = 0; k < wg_view_count(&p.value); k++) {
            cr_assert_lt(*count + 2, 400000);
            all[(*count)++] = value(p.name, k);
            if (!p.buffer) {
                all[(*count)++] = gradient(p.name, k);
            }
        }
    }
    stop();
    return all;
}

Test(layer_threads, same_bits) {
    const int threads[] = {2, 5};
    int64_t n, m;
    double *want = run(1, &n);
    for (int t = 0; t < 2; t++) {
        double *have = run(threads[t], &m);
        cr_assert_eq(n, m);
        for (int64_t i = 0; i < n; i++) {
            cr_assert(memcmp(&have[i], &want[i], sizeof *have) == 0,
                      "number %lld is %.17g with %d threads, %.17g with one", (long long)i, have[i],
                      threads[t], want[i]);
        }
        free(have);
    }
    free(want);
}
