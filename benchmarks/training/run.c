/* run.c: a training loop as a user writes it. */
#include "training.h"

#include <stdlib.h>
#include <string.h>

static void check(const training_run *run, wg_status status) {
    if (status == WG_OK)
        return;
    fprintf(stderr, "training: %s: %s: %s %s\n", run->task->row->name, wg_status_text(status),
            wg_tape_message(run->tape), wg_last_message());
    exit(2);
}

bool training_run_begin(training_run *run, const training_task *task) {
    *run =
        (training_run){.task = task, .tape = wg_tape_new(), .store = wg_store_new(1), .taken = 0};
    if (!run->tape || !run->store) {
        training_run_end(run);
        return false;
    }
    training_run_restart(run);
    return true;
}

void training_run_end(training_run *run) {
    wg_optimizer_free(run->optimizer);
    wg_tape_free(run->tape);
    wg_store_free(run->store);
    *run = (training_run){0};
}

void training_run_restart(training_run *run) {
    const training_row *row = run->task->row;
    wg_optimizer_free(run->optimizer);
    if (strcmp(row->rule, "SGD") == 0) {
        run->optimizer =
            wg_sgd(run->store, (wg_sgd_options){.lr = row->lr, .momentum = row->momentum});
    } else if (strcmp(row->rule, "Adam") == 0) {
        wg_adam_options options = wg_adam_defaults();
        options.lr = row->lr;
        run->optimizer = wg_adam(run->store, options);
    } else {
        wg_adamw_options options = wg_adamw_defaults();
        options.lr = row->lr;
        run->optimizer = wg_adamw(run->store, options);
    }
    if (!run->optimizer)
        check(run, WG_ERROR_MEMORY);
    run->taken = 0;
}

void training_run_gradient(training_run *run, double *loss) {
    const training_row *row = run->task->row;
    wg_var x, t;
    training_task_batch(run->task, run->tape, run->taken % row->batches, &x, &t);
    const wg_net net = wg_net_train(run->store, run->tape, (uint64_t)run->taken);
    const wg_var y = row->loss(net, x, t);
    check(run, wg_backward(y));
    if (loss)
        *loss = wg_value(y);
}

void training_run_step(training_run *run, double *loss) {
    training_run_gradient(run, loss);
    check(run, wg_step(run->optimizer, run->tape));
    wg_tape_reset(run->tape);
    run->taken++;
}
