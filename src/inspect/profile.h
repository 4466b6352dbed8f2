/* profile.h (internal): what a profile has seen. */
#ifndef WG_SRC_INSPECT_PROFILE_H
#define WG_SRC_INSPECT_PROFILE_H

#include "nn/store.h"
#include "tape/tape.h"
#include "wengert/profile.h"

/* What is open while the tape runs. */
typedef struct wg_frame {
    wg_watched what;
    const char *name;
    double start, inside;         /* seconds; in frames within that count for themselves */
    int64_t bytes, multiply_adds; /* of frames within, as far as they are this one's */
    int64_t layer;                /* the row of a layer, else -1 */
} wg_frame;

/* One thing that began and ended, for the trace. */
typedef struct wg_event {
    wg_watched what;
    const char *name;
    double start, seconds;
    int64_t layer;
} wg_event;

/* A row of the summary; parameters are counted when it is asked for. */
typedef struct wg_seen {
    const char *kind;
    char *name; /* of wg_strdup */
    int depth, rank;
    int64_t shape[WG_MAX_RANK];
    int64_t calls, multiply_adds;
} wg_seen;

struct wg_profile {
    wg_watch watch; /* first */
    wg_tape *tape;  /* while it looks */
    double origin;  /* of the clock */
    bool lost;      /* no memory for something it saw */
    bool one_pass;  /* the first forward pass is over: the summary is complete */
    int64_t max_events;
    void *grown; /* of the arrays below, the one that grows just now */

    wg_frame *frame;
    uint64_t depth;
    int64_t frame_capacity;
    int backward; /* how many of the open frames are chain rules */
    wg_profile_row *row;
    uint64_t rows;
    int64_t row_capacity;
    wg_event *event;
    uint64_t events;
    int64_t event_capacity;
    wg_seen *seen;
    uint64_t seen_count;
    int64_t seen_capacity;
};

/* Multiply-adds of one run of an operation; 0 for those that nobody counts (profile_cost.c). */
int64_t wg_profile_cost(wg_call *call, const wg_view *result);
int64_t wg_profile_bytes(wg_call *call, const wg_view *result, bool backward);

#endif
