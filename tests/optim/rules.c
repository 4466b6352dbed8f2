/* rules.c: see rules.h. */
#include "rules.h"

#include "wengert/elementwise.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* A function that makes an optimizer from its defaults and what follows. */
#define MAKE(name, kind, ...)                                                                      \
    static wg_optimizer *make_##name(wg_store *store) {                                            \
        wg_##kind##_options o = wg_##kind##_defaults();                                            \
        __VA_ARGS__;                                                                               \
        return wg_##kind(store, o);                                                                \
    }
#define SGD(name, ...)                                                                             \
    static wg_optimizer *make_##name(wg_store *store) {                                            \
        return wg_sgd(store, (wg_sgd_options){.lr = 0.05, __VA_ARGS__});                           \
    }
#define BETAS o.lr = 0.05, o.beta1 = 0.8, o.beta2 = 0.95

SGD(sgd, .decay = 0)
SGD(sgd_decay, .decay = 0.1)
SGD(sgd_momentum, .momentum = 0.9)
SGD(sgd_dampening, .momentum = 0.9, .dampening = 0.5, .decay = 0.1)
SGD(sgd_nesterov, .momentum = 0.9, .nesterov = true, .decay = 0.1)
MAKE(adam, adam, o.lr = 0.05)
MAKE(adam_decay, adam, BETAS, o.epsilon = 1e-3, o.decay = 0.1)
MAKE(adam_amsgrad, adam, BETAS, o.decay = 0.1, o.amsgrad = true)
MAKE(adamw, adamw, o.lr = 0.05, o.decay = 0.1)
MAKE(adamw_amsgrad, adamw, BETAS, o.amsgrad = true)
MAKE(nadam, nadam, o.lr = 0.05)
MAKE(nadam_decay, nadam, BETAS, o.momentum_decay = 0.1, o.epsilon = 1e-3, o.decay = 0.1)
MAKE(radam, radam, o.lr = 0.05)
MAKE(radam_decay, radam, BETAS, o.epsilon = 1e-3, o.decay = 0.1)
MAKE(adamax, adamax, o.lr = 0.05)
MAKE(adamax_decay, adamax, BETAS, o.epsilon = 1e-3, o.decay = 0.1)
MAKE(rmsprop, rmsprop, o.lr = 0.01)
MAKE(rmsprop_momentum, rmsprop, o.lr = 0.01, o.alpha = 0.9, o.momentum = 0.8, o.decay = 0.1)
MAKE(rmsprop_centered, rmsprop, o.lr = 0.01, o.alpha = 0.9, o.centered = true)
MAKE(rmsprop_all, rmsprop, o.lr = 0.01, o.alpha = 0.9, o.epsilon = 1e-3, o.centered = true,
     o.momentum = 0.8, o.decay = 0.1)
MAKE(adagrad, adagrad, o.lr = 0.05)
MAKE(adagrad_all, adagrad, o.lr = 0.05, o.lr_decay = 0.1, o.initial = 0.5, o.epsilon = 1e-3,
     o.decay = 0.1)
MAKE(adadelta, adadelta, (void)o)
MAKE(adadelta_decay, adadelta, o.lr = 0.5, o.rho = 0.8, o.epsilon = 1e-3, o.decay = 0.1)
MAKE(lion, lion, o.lr = 0.01)
MAKE(lion_decay, lion, o.lr = 0.01, o.beta1 = 0.8, o.beta2 = 0.95, o.decay = 0.1)
MAKE(lamb, lamb, o.lr = 0.02)
MAKE(lamb_decay, lamb, BETAS, o.lr = 0.02, o.epsilon = 1e-3, o.decay = 0.1)
MAKE(muon, muon, o.lr = 0.02, o.adamw.lr = 0.01)
MAKE(muon_plain, muon, o.lr = 0.02, o.momentum = 0.9, o.decay = 0, o.no_nesterov = true,
     o.match_rms = true, o.adamw.lr = 0.04, o.adamw.beta1 = 0.8, o.adamw.beta2 = 0.95,
     o.adamw.decay = 0)

#define ROW(name, elementwise)                                                                     \
    { #name, make_##name, elementwise }
const rule rules[RULES] = {
    ROW(sgd, true),
    ROW(sgd_decay, true),
    ROW(sgd_momentum, true),
    ROW(sgd_dampening, true),
    ROW(sgd_nesterov, true),
    ROW(adam, true),
    ROW(adam_decay, true),
    ROW(adam_amsgrad, true),
    ROW(adamw, true),
    ROW(adamw_amsgrad, true),
    ROW(nadam, true),
    ROW(nadam_decay, true),
    ROW(radam, true),
    ROW(radam_decay, true),
    ROW(adamax, true),
    ROW(adamax_decay, true),
    ROW(rmsprop, true),
    ROW(rmsprop_momentum, true),
    ROW(rmsprop_centered, true),
    ROW(rmsprop_all, true),
    ROW(adagrad, true),
    ROW(adagrad_all, true),
    ROW(adadelta, true),
    ROW(adadelta_decay, true),
    ROW(lion, true),
    ROW(lion_decay, true),
    ROW(lamb, false),
    ROW(lamb_decay, false),
    ROW(muon, false),
    ROW(muon_plain, false),
};

wg_optimizer *make_rule(const rule *r, wg_store *store) {
    wg_optimizer *optimizer = r->make(store);
    cr_assert_not_null(optimizer, "%s: %s", r->name, wg_last_message());
    return optimizer;
}

bool golden_row(const char *name, int step, int count, double *out) {
    static const char path[] = WG_GOLDEN_DATA "/optimizers.txt";
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s cannot be opened", path);
    char line[1024], head[64];
    bool inside = false, found = false;
    (void)snprintf(head, sizeof head, "run %s\n", name);
    while (!found && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "run ", 4) == 0) {
            inside = strcmp(line, head) == 0;
            continue;
        }
        char *at = line;
        found = inside && strtol(line, &at, 10) == step;
        for (int i = 0; i < count && found; i++) {
            char *end;
            out[i] = strtod(at, &end);
            cr_assert(end != at, "%s, step %d: fewer than %d numbers", name, step, count);
            at = end;
        }
    }
    fclose(file);
    return found;
}

void make_parameter(wg_store *store, const char *name, wg_dtype dtype, int rank,
                    const int64_t *shape) {
    wg_tape *tape = wg_tape_new();
    wg_parameter(wg_net_train(store, tape, 0), name, dtype, rank, shape,
                 (wg_initializer){WG_INIT_UNIFORM, -1, 1});
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    wg_tape_free(tape);
}

wg_parameter_view find_parameter(wg_store *store, const char *name) {
    wg_parameter_view view;
    cr_assert_eq(wg_store_find(store, name, &view), WG_OK, "%s", wg_last_message());
    return view;
}

double get_element(wg_dtype dtype, const void *data, int64_t i) {
    return dtype == WG_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

void set_element(wg_dtype dtype, void *data, int64_t i, double value) {
    if (dtype == WG_F32) {
        ((float *)data)[i] = (float)value;
    } else {
        ((double *)data)[i] = value;
    }
}
