/* rules.h: the rules under test, with the options of tests/golden/optimizers.py, and that script's
 * results. */
#ifndef WG_TESTS_OPTIM_RULES_H
#define WG_TESTS_OPTIM_RULES_H

#include "wengert/optim.h"

typedef struct rule {
    const char *name; /* of the run */
    wg_optimizer *(*make)(wg_store *store);
    bool elementwise; /* no weight's step depends on another weight */
} rule;

enum {
    RULES = 30
};
extern const rule rules[RULES];

/* The name of rule i as a message, and the optimizer it makes. */
wg_optimizer *make_rule(const rule *r, wg_store *store);

/* What the golden file says after `step` of run `name`, `count` numbers; false where it says
 * nothing. */
bool golden_row(const char *name, int step, int count, double *out);

/* Makes the parameter by asking for it on a tape. */
void make_parameter(wg_store *store, const char *name, wg_dtype dtype, int rank,
                    const int64_t *shape);
wg_parameter_view find_parameter(wg_store *store, const char *name);
double get_element(wg_dtype dtype, const void *data, int64_t i);
void set_element(wg_dtype dtype, void *data, int64_t i, double value);

#endif
