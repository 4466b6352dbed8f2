/* group.c: parameters that go by their own learning rate and decay, by name. */
#include "optim/optimizer.h"

#include <math.h>

wg_group_options wg_group_defaults(const wg_optimizer *optimizer) {
    return (wg_group_options){.lr = 1, .decay = optimizer != NULL ? optimizer->decay : 0};
}

void wg_group_apply(const wg_optimizer *optimizer, wg_member *member) {
    const wg_group *group = wg_globs_find(optimizer->groups, member->param->named.text);
    member->lr = group != NULL ? group->options.lr : 1;
    member->plain = optimizer->muon != NULL &&
                    (member->param->value.rank < 2 || (group != NULL && group->options.adamw));
    member->decay = group != NULL   ? group->options.decay
                    : member->plain ? optimizer->options.muon.adamw.decay
                                    : optimizer->decay;
}

/* Groups anew; what changes between Muon and AdamW begins with no state. */
static void regroup(wg_optimizer *optimizer) {
    for (int dtype = 0; dtype < 2; dtype++) {
        wg_state *state = &optimizer->state[dtype];
        for (int64_t i = 0; i < state->count; i++) {
            const bool plain = state->members[i].plain;
            wg_group_apply(optimizer, &state->members[i]);
            if (state->members[i].plain != plain) {
                wg_state_clear(optimizer, &state->members[i]);
            }
        }
    }
}

wg_status wg_optimizer_group(wg_optimizer *optimizer, const char *pattern,
                             wg_group_options options) {
    if (optimizer == NULL) {
        return WG_ERROR_ARGUMENT; /* wg_last_message still says why there is none */
    }
    if (pattern == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "optimizer_group: the pattern is NULL");
    }
    if (optimizer->lbfgs != NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "optimizer_group: lbfgs steps all parameters as one");
    }
    if (!wg_option_fits("optimizer_group", "lr", options.lr, 0, INFINITY) ||
        !wg_option_fits("optimizer_group", "decay", options.decay, 0, INFINITY)) {
        return WG_ERROR_ARGUMENT;
    }
    if (options.adamw && optimizer->muon == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "optimizer_group: adamw is for muon, not for %s",
                       optimizer->rule->name);
    }
    wg_group *group = wg_globs_add(&optimizer->groups, sizeof *group, pattern);
    if (group == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "optimizer_group: no memory for the pattern \"%.200s\"",
                       pattern);
    }
    group->options = options;
    regroup(optimizer);
    return WG_OK;
}

void wg_groups_free(wg_optimizer *optimizer) {
    wg_globs_free(&optimizer->groups);
}
