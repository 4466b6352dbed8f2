/* profile.h: what a network consists of and where its time goes.
 *
 *     wg_profile_start(profile, tape);
 *     ...                                      forward, wg_backward, wg_step, as always
 *     wg_profile_stop(profile);
 *     wg_profile_print(profile, stdout);       time, bytes and calls of each operation
 *     wg_summary_print(profile, store, stdout) layers: output shapes, parameters, multiply-adds
 *     wg_profile_write_trace(profile, "trace.json");
 */
#ifndef WENGERT_PROFILE_H
#define WENGERT_PROFILE_H

#include "wengert/nn.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wg_profile wg_profile;

/* All zeros: up to a million events are kept for the trace. */
typedef struct wg_profile_options {
    int64_t max_events; /* for the trace; tables count on beyond it. 0 means 1,000,000; < 0 none */
} wg_profile_options;

/* A new, empty profile. Errors: MEMORY; then *out is NULL. */
WG_API wg_status wg_profile_new(wg_profile_options options, wg_profile **out);
/* Stops and frees; NULL is allowed. Stop it before the tape is freed. */
WG_API void wg_profile_free(wg_profile *profile);

/* Looks at all that the tape does from here on, on top of what it has seen before. Costs some 100
 * ns an operation. Errors: STATE where the profile, or the tape, is being profiled already. */
WG_API wg_status wg_profile_start(wg_profile *profile, wg_tape *tape);
/* Looks no longer. Errors: STATE where it did not, MEMORY where some of what it saw was lost. */
WG_API wg_status wg_profile_stop(wg_profile *profile);

/* One operation in one direction. What a chain rule runs counts as its own; time that an operation
 * spends in others (a cast of its operands) counts as theirs. */
typedef struct wg_profile_row {
    const char *name; /* of the operation; "scalars" for a sweep over scalars, "step" */
    bool backward;    /* its chain rule */
    int64_t calls;
    double seconds;        /* of wall-clock time */
    int64_t bytes;         /* of operands and results, forward; of their adjoints, backward; a view
                              counts none. What a pass over memory at least touches */
    int64_t multiply_adds; /* of products, convolutions, attention and recurrences; 0 for others */
} wg_profile_row;

/* The rows, most time first. Errors: ARGUMENT where there is no such row. */
WG_API int64_t wg_profile_count(const wg_profile *profile);
WG_API wg_status wg_profile_at(wg_profile *profile, int64_t index, wg_profile_row *out);

/* The rows as a table. Errors: FILE. */
WG_API wg_status wg_profile_print(wg_profile *profile, FILE *out);

/* Every run of an operation, chain rule, layer and sweep with its beginning and end, as the Trace
 * Event Format: chrome://tracing and ui.perfetto.dev draw it. A file of that name is replaced whole
 * or stays as it was. Errors: FILE, MEMORY. */
WG_API wg_status wg_profile_write_trace(const wg_profile *profile, const char *path);

/* One layer, or one operation outside of all layers. */
typedef struct wg_summary_row {
    const char *kind; /* "linear", "conv2d", an operation's name */
    const char *name; /* full: "encoder.0.fc1"; "" for an operation */
    int depth;        /* 0, or in how many other layers it lies */
    int rank;         /* of its (first) result */
    int64_t shape[WG_MAX_RANK];
    int64_t calls;         /* of a shared layer several */
    int64_t parameters;    /* elements below its name, frozen ones too, without buffers */
    int64_t multiply_adds; /* of all its calls, forward, with those of the layers within */
} wg_summary_row;

/* What ran before the first backward sweep (or reset): one forward pass, in its order; views are
 * left out. `store` counts the parameters. Errors: ARGUMENT where there is no such row. */
WG_API int64_t wg_summary_count(const wg_profile *profile);
WG_API wg_status wg_summary_at(const wg_profile *profile, const wg_store *store, int64_t index,
                               wg_summary_row *out);

/* The rows as a table, with totals: parameters of the store, multiply-adds of the pass, bytes of
 * the parameters. Errors: FILE. */
WG_API wg_status wg_summary_print(const wg_profile *profile, const wg_store *store, FILE *out);

#ifdef __cplusplus
}
#endif

#endif
