/* tiny.h: the smallest run that has everything a checkpoint holds. */
#ifndef WG_TESTS_FUZZ_TINY_H
#define WG_TESTS_FUZZ_TINY_H

#include "wengert.h"

typedef struct tiny_run {
    wg_store *store;
    wg_optimizer *optimizer;
    wg_average *average;
    wg_plateau plateau;
    wg_loss_scale scale;
    int64_t epoch;
    wg_extra extra;
    wg_training training;
} tiny_run;

static inline void tiny_new(tiny_run *run) {
    *run = (tiny_run){.store = wg_store_new(1),
                      .plateau = wg_plateau_defaults(false),
                      .scale = wg_loss_scale_defaults()};
    run->optimizer = wg_sgd(run->store, (wg_sgd_options){.lr = 0.5, .momentum = 0.9});
    run->average = wg_average_new(run->store, (wg_average_options){.decay = 0.9});
    run->extra = (wg_extra){"epoch", WG_I64, 1, &run->epoch};
    run->training = (wg_training){
        run->store, run->optimizer, run->average, &run->plateau, &run->scale, 1, &run->extra};
}

static inline wg_status tiny_step(tiny_run *run) {
    wg_tape *tape = wg_tape_new();
    wg_net net = wg_net_train(run->store, tape, 0);
    wg_var x = wg_full(tape, WG_F32, WG_SHAPE(1, 2), 1);
    (void)wg_buffer(net, "seen", WG_I64, 0, NULL, 0);
    wg_status status = wg_backward(wg_sum(wg_square(wg_linear(net, "fc", x, 1))));
    status = status == WG_OK ? wg_step(run->optimizer, tape) : status;
    status = status == WG_OK ? wg_average_update(run->average) : status;
    wg_tape_free(tape);
    return status;
}

static inline void tiny_free(tiny_run *run) {
    wg_average_free(run->average);
    wg_optimizer_free(run->optimizer);
    wg_store_free(run->store);
}

#endif
