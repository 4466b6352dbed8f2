/* optimizer.h (internal): what the optimizers share: rules, state beside the flat buffers, groups,
 * steps; and the state as files see it. */
#ifndef WG_SRC_OPTIM_OPTIMIZER_H
#define WG_SRC_OPTIM_OPTIMIZER_H

#include "kernel/optimizer.h"
#include "nn/store.h"
#include "wengert/optim.h"

#include <stddef.h>

typedef struct wg_lbfgs_state wg_lbfgs_state;
typedef struct wg_muon_room wg_muon_room;

/* One parameter as the state buffers lie, and how its group has it stepped. */
typedef struct wg_member {
    const wg_param *param;
    int64_t offset;
    uint64_t born;    /* steps that it took no part in: before it came, or while it was frozen */
    double lr, decay; /* a factor of the optimizer's; its own */
    bool plain;       /* by AdamW, in Muon */
    double product;   /* NAdam's Π mu at `product_age`, a memo */
    uint64_t product_age;
} wg_member;

/* The state beside one flat buffer, as of the packing `generation`. */
typedef struct wg_state {
    uint64_t generation;
    void **slot; /* as many as the optimizer has; NULL where one is not in use */
    wg_member *members;
    int64_t count;
} wg_state;

/* A stretch of a flat buffer whose parameters are of one age and one group. */
typedef struct wg_stretch {
    wg_dtype dtype;
    int64_t count;
    const void *gradient;
    void *weight;
    void *slot[WG_STEP_SLOTS]; /* NULL where the rule has none */
    uint64_t age;              /* steps, this one counted */
    double lr, decay;
    wg_member *first; /* of its parameters */
} wg_stretch;

/* A rule is one row: what it is called, what it keeps, and how it steps. */
typedef struct wg_rule {
    const char *name;                /* as in messages and files */
    const char *slot[WG_STEP_SLOTS]; /* buffers of the weights' dtype and count, by PyTorch's names;
                                        NULL where there is none */
    void (*run)(const wg_optimizer *optimizer, const wg_stretch *stretch);
    /* The rule on a gradient kept as column and row, where it has a shorter way; or NULL. */
    void (*run_outer)(const wg_optimizer *optimizer, const wg_outer *outer,
                      const wg_stretch *stretch);
    /* What may fail, before anything has changed; or NULL. */
    wg_status (*prepare)(wg_optimizer *optimizer);
    size_t momentum; /* where in wg_optimizer its momentum is; 0 for none */
    bool single;     /* each parameter is a stretch of its own, and its gradient written out */
} wg_rule;

#define WG_MOMENTUM(member) offsetof(struct wg_optimizer, options.member)

typedef struct wg_group {
    wg_glob_entry pattern;
    wg_group_options options;
} wg_group;

/* Numbers that an optimizer keeps from step to step beside lr and steps (L-BFGS alone does). */
enum {
    WG_OWN_SCALARS = 6
};

typedef struct wg_restore wg_restore;

struct wg_optimizer {
    wg_store *store;
    const wg_rule *rule;
    const char *const *slot_name;
    int slots; /* positions; those from `used` on have no memory yet */
    int used;
    double first; /* what the first slot holds at first; the others 0 */
    double lr, decay;
    uint64_t steps;
    union {
        wg_sgd_options sgd;
        wg_adam_options adam;
        wg_nadam_options nadam;
        wg_rmsprop_options rmsprop;
        wg_adagrad_options adagrad;
        wg_adadelta_options adadelta;
        wg_lion_options lion;
        wg_muon_options muon;
        wg_lbfgs_options lbfgs;
    } options;
    bool decoupled; /* AdamW */
    double scalar[WG_OWN_SCALARS];
    wg_state state[2];
    wg_glob_entry *groups; /* of wg_group */
    wg_restore *restore;
    wg_muon_room *muon;
    wg_lbfgs_state *lbfgs;
};

/* ---- optimizer.c ---- */
/* A new optimizer; NULL and a message where memory ran out. */
wg_optimizer *wg_optimizer_new(const wg_rule *rule, wg_store *store, double lr, double decay);

/* An option's name and value, which is to lie in [low, high). */
typedef struct wg_range {
    const char *option;
    double value, low, high;
} wg_range;
/* Whether all do (NaN does not), and lr is a finite number above 0; else false and a message. */
bool wg_options_fit(const char *name, double lr, int count, const wg_range *ranges);
#define WG_OPTIONS_FIT(name, lr, ...)                                                              \
    wg_options_fit(name, lr, (int)(sizeof((const wg_range[]){__VA_ARGS__}) / sizeof(wg_range)),    \
                   (const wg_range[]){__VA_ARGS__})
/* Whether low <= value < high (NaN is not); else false and a message. */
bool wg_option_fits(const char *name, const char *option, double value, double low, double high);
/* Whether epsilon, which guards 0/0, is above 0; else false and a message. */
bool wg_epsilon_fits(const char *name, double epsilon);

/* Brings gradients and state in line with the store as it is now, so that a step finds everything.
 * On failure (MEMORY; what comes of a restored state that does not fit) no value has changed. */
wg_status wg_optimizer_ready(wg_optimizer *optimizer, const char *verb);

/* ---- state.c ---- */
wg_status wg_state_follow(wg_optimizer *optimizer, wg_dtype dtype, const char *verb);
void wg_state_free(wg_optimizer *optimizer);
/* Memory for the slots before `used`, zeros in what is new. MEMORY leaves all as before. */
wg_status wg_state_grow(wg_optimizer *optimizer, int used, const char *verb);

/* The member as if it had just come. */
void wg_state_clear(wg_optimizer *optimizer, wg_member *member);

/* ---- group.c ---- */
/* Sets the member's lr, decay and plain. */
void wg_group_apply(const wg_optimizer *optimizer, wg_member *member);
void wg_groups_free(wg_optimizer *optimizer);

/* ---- muon.c ---- */
void wg_muon_free(wg_muon_room *muon);
/* Whether the member's stretch of the slot is state, and not room for its next update. */
bool wg_muon_keeps(const wg_member *member, int slot);

/* ---- lbfgs.c ---- */
extern const char *const wg_lbfgs_scalar_name[WG_OWN_SCALARS];
void wg_lbfgs_free(wg_lbfgs_state *lbfgs);
/* Whether scalar i may come from a file as `value`. */
bool wg_lbfgs_scalar_fits(const wg_optimizer *optimizer, int64_t i, double value);
/* After the scalars were restored: as many slots are in use as they say. */
void wg_lbfgs_restored(wg_optimizer *optimizer);

/* ---- state as files see it (state.c, restore.c) ----------------------------------------------
 *
 * To save: wg_optimizer_ready, then name, lr, steps, each scalar, and of each parameter (not of
 * buffers) its birth and its memory in each slot. To load: wg_restore_new for an optimizer made
 * with the same options, put everything, and commit. What was put waits under its parameter's name
 * until a network has made the parameter, so that a file may be loaded first. */

/* "sgd", "adam" …: the same rule with other options may have other slots. */
const char *wg_optimizer_rule(const wg_optimizer *optimizer);
int64_t wg_optimizer_slots(const wg_optimizer *optimizer);
/* PyTorch's name; NULL where these options leave the slot out. */
const char *wg_optimizer_slot_name(const wg_optimizer *optimizer, int64_t slot);
/* The parameter's stretch of a slot: as many elements of its dtype as it has. NULL where it has
 * none there: a slot not in use, a buffer, or a parameter that no network has asked for yet (for
 * which what was restored is found, too). */
const void *wg_optimizer_slot(const wg_optimizer *optimizer, int64_t slot, const wg_param *param);
/* Steps that the parameter took no part in; its age is wg_steps less that. */
uint64_t wg_optimizer_birth(const wg_optimizer *optimizer, const wg_param *param);
/* Further numbers, by name; exact in f64. */
int64_t wg_optimizer_scalars(const wg_optimizer *optimizer);
const char *wg_optimizer_scalar_name(const wg_optimizer *optimizer, int64_t i);
double wg_optimizer_scalar(const wg_optimizer *optimizer, int64_t i);

/* State from a file, on its way in: independent of the optimizer's until wg_restore_commit. NULL
 * and a message where memory ran out. */
wg_restore *wg_restore_new(const wg_optimizer *optimizer);
void wg_restore_free(wg_restore *restore);
/* Both copy. Errors: MEMORY; ARGUMENT for a name or a slot that cannot be. */
wg_status wg_restore_birth(wg_restore *restore, const char *name, uint64_t birth);
wg_status wg_restore_slot(wg_restore *restore, const char *name, int64_t slot, wg_dtype dtype,
                          int64_t count, const void *data);
/* Errors: ARGUMENT where there is no such scalar or it is out of range. */
wg_status wg_restore_scalar(wg_restore *restore, const char *name, double value);
/* Takes `restore` over, and replaces the optimizer's state by it; what was not put is as of a new
 * optimizer. lr >= 0. A parameter of another dtype or count than was put makes the next step fail
 * (SHAPE). Cannot fail itself. */
void wg_restore_commit(wg_optimizer *optimizer, wg_restore *restore, uint64_t steps, double lr);

/* ---- restore.c, for state.c ---- */
/* What waits for the parameter of that name; NULL for nothing. */
typedef struct wg_waiting {
    wg_named named;
    struct wg_waiting *next;
    uint64_t born;
    wg_dtype dtype;
    int64_t count; /* -1: no slot was put */
    bool taken;    /* its parameter has come, and has it */
    void *slot[];  /* NULL for what was not put */
} wg_waiting;
wg_waiting *wg_restore_find(const wg_restore *restore, const char *name);
/* Marks it as taken and frees its memory. */
void wg_restore_take(const wg_restore *restore, wg_waiting *waiting);

#endif
