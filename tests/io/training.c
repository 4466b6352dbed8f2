/* training.c: a small run to be saved, killed and taken up again. */
#include "training.h"

#include "base/checksum.h"
#include "nn/store.h"
#include "optim/average.h"
#include "optim/optimizer.h"

static wg_optimizer *optimizer_of(wg_store *store, int rule) {
    wg_adam_options adam = wg_adam_defaults();
    wg_muon_options muon = wg_muon_defaults();
    wg_rmsprop_options rmsprop = wg_rmsprop_defaults();
    adam.lr = muon.lr = rmsprop.lr = 0.02;
    rmsprop.momentum = 0.9;
    rmsprop.centered = true;
    switch (rule) {
    case 0:
        return wg_adam(store, adam);
    case 1:
        return wg_sgd(store, (wg_sgd_options){.lr = 0.05, .momentum = 0.9});
    case 2:
        return wg_sgd(store, (wg_sgd_options){.lr = 0.05});
    case 3:
        return wg_muon(store, muon);
    case 4:
        return wg_rmsprop(store, rmsprop);
    default:
        return wg_nadam(store, wg_nadam_defaults());
    }
}

void small_run_new(small_run *run, uint64_t seed, int rule) {
    *run = (small_run){.store = wg_store_new(seed)};
    run->optimizer = optimizer_of(run->store, rule);
    run->average = wg_average_new(run->store, (wg_average_options){.decay = 0.9, .buffers = true});
    run->plateau = wg_plateau_defaults(false);
    run->plateau.patience = 1;
    run->scale = wg_loss_scale_defaults();
    run->scale.interval = 3;
    run->extra[0] = (wg_extra){"best", WG_F64, 2, run->best};
    run->extra[1] = (wg_extra){"epoch", WG_I64, 1, &run->epoch};
    run->training = (wg_training){.store = run->store,
                                  .optimizer = run->optimizer,
                                  .average = run->average,
                                  .plateau = &run->plateau,
                                  .scale = &run->scale,
                                  .extras = 2,
                                  .extra = run->extra};
}

void small_run_free(small_run *run) {
    wg_average_free(run->average);
    wg_optimizer_free(run->optimizer);
    wg_store_free(run->store);
}

static wg_var loss_of(wg_net net, uint64_t step) {
    wg_var x = wg_normal(net.tape, wg_key_fold(wg_key_new(7), step), 0, 1, WG_F32, WG_SHAPE(8, 6));
    wg_var target = wg_sum_over(wg_square(x), WG_AXES_KEEP(1));
    x = wg_tanh(wg_linear(net, "fc1", x, 16));
    x = wg_dropout(net, x, 0.2);
    if (step >= 3) {
        x = wg_add(x, wg_tanh(wg_linear(wg_scope(net, "late"), "fc", x, 16)));
    }
    if (step % 2 == 0) { /* not in the first step after one of an odd number of steps */
        x = wg_add(x, wg_linear(net, "even", x, 16));
    }
    return wg_mse(wg_linear(net, "fc2", x, 1), target);
}

wg_status small_run_step(small_run *run) {
    const uint64_t step = wg_steps(run->optimizer);
    wg_tape *tape = wg_tape_new();
    if (tape == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_net net = wg_net_train(run->store, tape, step);
    (void)wg_buffer(net, "seen", WG_I64, 0, NULL, 0);
    wg_var loss = loss_of(net, step);
    float value = 0;
    wg_status status = wg_read(loss, WG_F32, &value, 1);
    status = status == WG_OK ? wg_backward(wg_mul(loss, run->scale.scale)) : status;
    status = status == WG_OK ? wg_step_scaled(run->optimizer, tape, &run->scale, NULL) : status;
    status = status == WG_OK ? wg_average_update(run->average) : status;
    if (status == WG_OK) {
        wg_parameter_view seen;
        status = wg_store_find(run->store, "seen", &seen);
        ++*(int64_t *)seen.value.data;
        const double lr = wg_plateau_next(&run->plateau, (double)value, wg_lr(run->optimizer));
        status = wg_set_lr(run->optimizer, lr);
        run->best[step % 2] = (double)value;
        run->epoch++;
    }
    wg_tape_free(tape);
    return status;
}

static uint32_t more(uint32_t crc, const void *bytes, size_t size) {
    return wg_crc32_more(crc, bytes, size);
}

uint32_t small_run_sum(const small_run *run) {
    uint32_t crc = more(0, &run->store->key, sizeof run->store->key);
    (void)wg_optimizer_ready(run->optimizer, "sum");
    for (int64_t i = 0; i < run->store->count; i++) {
        const wg_param *param = run->store->sorted[i];
        const size_t bytes = (size_t)param->count * wg_dtype_size(param->value.dtype);
        const uint64_t birth = wg_optimizer_birth(run->optimizer, param);
        crc = more(crc, param->named.text, param->named.length);
        crc = more(crc, param->value.data, bytes);
        crc = more(crc, &birth, param->buffer ? 0 : sizeof birth);
        for (int64_t slot = 0; slot < wg_optimizer_slots(run->optimizer); slot++) {
            const void *data = wg_optimizer_slot(run->optimizer, slot, param);
            crc = more(crc, data, data != NULL ? bytes : 0);
        }
    }
    for (int64_t i = 0; i < run->average->count; i++) {
        const wg_averaged *entry = &run->average->entries[i];
        crc = more(crc, &entry->updates, sizeof entry->updates);
        crc = more(crc, entry->mean,
                   (size_t)entry->param->count * wg_dtype_size(entry->param->value.dtype));
    }
    const double numbers[] = {wg_lr(run->optimizer),
                              (double)wg_steps(run->optimizer),
                              run->plateau.best,
                              (double)run->plateau.bad,
                              (double)run->plateau.rest,
                              run->scale.scale,
                              (double)run->scale.good,
                              run->best[0],
                              run->best[1],
                              (double)run->epoch,
                              (double)wg_average_updates(run->average)};
    return more(crc, numbers, sizeof numbers);
}
