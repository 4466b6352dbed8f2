/* optimizer.h (internal): what the optimizers share: state beside the flat buffers, and steps. */
#ifndef WG_SRC_OPTIM_OPTIMIZER_H
#define WG_SRC_OPTIM_OPTIMIZER_H

#include "nn/store.h"
#include "wengert/optim.h"

/* Buffers of state that a rule may ask for: of the weights' dtype and count, zero at first. */
#define WG_MOST_MOMENTS 2

/* One parameter as the state buffers lie. */
typedef struct wg_member {
    const wg_param *param;
    int64_t offset;
    uint64_t born; /* steps taken before it came */
} wg_member;

/* The state beside one flat buffer, as of the packing `generation`. */
typedef struct wg_state {
    uint64_t generation;
    void *moment[WG_MOST_MOMENTS];
    wg_member *members;
    int64_t count;
} wg_state;

/* A stretch of a flat buffer whose parameters are of one age. */
typedef struct wg_stretch {
    wg_dtype dtype;
    int64_t count;
    const void *gradient;
    void *weight;
    void *moment[WG_MOST_MOMENTS]; /* as many as the rule asked for, else NULL */
    uint64_t age;                  /* steps, this one counted */
} wg_stretch;

struct wg_optimizer {
    wg_store *store;
    int moments;
    void (*run)(const wg_optimizer *optimizer, const wg_stretch *stretch);
    /* The rule on a gradient kept as column and row, where it has a shorter way; or NULL. */
    void (*run_outer)(const wg_optimizer *optimizer, const wg_outer *outer,
                      const wg_stretch *stretch);
    double lr;
    uint64_t steps;
    union {
        wg_sgd_options sgd;
        wg_adam_options adam;
    } options;
    bool decoupled; /* AdamW */
    wg_state state[2];
};

/* A new optimizer; NULL and a message behind `name` where memory ran out. */
wg_optimizer *wg_optimizer_new(const char *name, wg_store *store, int moments, double lr,
                               void (*run)(const wg_optimizer *, const wg_stretch *));
/* Whether low <= value < high (NaN is not); else false and a message. */
bool wg_option_fits(const char *name, const char *option, double value, double low, double high);
/* Whether value is a finite number above 0; else false and a message. */
bool wg_lr_fits(const char *name, double value);

#endif
