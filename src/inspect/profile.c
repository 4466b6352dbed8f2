/* profile.c: looks on while a tape runs, and counts. */
#include "inspect/profile.h"

#include "base/grow.h"

#include <stdio.h>
#include <string.h>

static wg_profile *profile_of(wg_watch *watch) {
    return (wg_profile *)(void *)watch;
}

/* Room for one more; false, and something is lost, where memory ran out. */
#define ROOM(profile, list, count, capacity)                                                       \
    ((profile)->grown = wg_grown((profile)->list, (int64_t)(profile)->count, &(profile)->capacity, \
                                 sizeof *(profile)->list),                                         \
     (profile)->grown != NULL ? ((profile)->list = (profile)->grown, true)                         \
                              : ((profile)->lost = true, false))

static void push(wg_profile *profile, wg_frame frame) {
    if (ROOM(profile, frame, depth, frame_capacity)) {
        profile->backward += frame.what == WG_WATCHED_BACKWARD;
        frame.start = wg_clock() - profile->origin;
        profile->frame[profile->depth++] = frame;
    }
}

static void note_event(wg_profile *profile, const wg_frame *frame, double seconds) {
    if ((int64_t)profile->events < profile->max_events &&
        ROOM(profile, event, events, event_capacity)) {
        profile->event[profile->events++] =
            (wg_event){frame->what, frame->name, frame->start, seconds, frame->layer};
    }
}

/* Ends the innermost frame, and hands its time to the one around it. */
static wg_frame pop(wg_profile *profile, double *seconds) {
    const wg_frame frame = profile->frame[--profile->depth];
    *seconds = wg_clock() - profile->origin - frame.start;
    profile->backward -= frame.what == WG_WATCHED_BACKWARD;
    note_event(profile, &frame, *seconds);
    return frame;
}

static wg_profile_row *row_of(wg_profile *profile, const char *name, bool backward) {
    for (uint64_t i = 0; i < profile->rows; i++) {
        wg_profile_row *row = &profile->row[i];
        if (row->backward == backward && (row->name == name || strcmp(row->name, name) == 0)) {
            return row;
        }
    }
    if (!ROOM(profile, row, rows, row_capacity)) {
        return NULL;
    }
    profile->row[profile->rows] = (wg_profile_row){.name = name, .backward = backward};
    return &profile->row[profile->rows++];
}

/* ---- Operations ------------------------------------------------------------------------------ */

static void begin(wg_watch *watch, wg_watched what, const wg_op *op) {
    static const char *const names[] = {
        [WG_WATCHED_FORWARD] = "",        [WG_WATCHED_BACKWARD] = "",
        [WG_WATCHED_SCALARS] = "scalars", [WG_WATCHED_SWEEP] = "backward",
        [WG_WATCHED_LAYER] = "",          [WG_WATCHED_STEP] = "step"};
    wg_profile *profile = profile_of(watch);
    profile->one_pass = profile->one_pass || what == WG_WATCHED_SWEEP;
    push(profile,
         (wg_frame){.what = what, .name = op != NULL ? op->name : names[what], .layer = -1});
}

/* What an operation outside of all layers adds to the summary. */
static void see_operation(wg_profile *profile, const wg_frame *frame, const wg_view *result,
                          int64_t multiply_adds) {
    if (profile->one_pass || profile->depth > 0 ||
        !ROOM(profile, seen, seen_count, seen_capacity)) {
        return;
    }
    wg_seen *seen = &profile->seen[profile->seen_count++];
    *seen = (wg_seen){.kind = frame->name, .rank = result->rank, .calls = 1};
    seen->multiply_adds = multiply_adds;
    memcpy(seen->shape, result->shape, sizeof seen->shape);
}

/* An operation's cost goes to all layers that are open. */
static void see_cost(wg_profile *profile, int64_t multiply_adds) {
    for (uint64_t i = 0; i < profile->depth && !profile->one_pass; i++) {
        if (profile->frame[i].layer >= 0) {
            profile->seen[profile->frame[i].layer].multiply_adds += multiply_adds;
        }
    }
}

static void count_row(wg_profile *profile, const wg_frame *frame, double seconds) {
    const bool backward = frame->what == WG_WATCHED_BACKWARD || frame->what == WG_WATCHED_SCALARS;
    wg_profile_row *row = row_of(profile, frame->name, backward);
    if (row != NULL) {
        row->calls++;
        row->seconds += seconds - frame->inside;
        row->bytes += frame->bytes;
        row->multiply_adds += frame->multiply_adds;
    }
}

static void end(wg_watch *watch, wg_call *call, const wg_view *result) {
    wg_profile *profile = profile_of(watch);
    if (profile->depth == 0) { /* it began before we looked */
        return;
    }
    double seconds;
    wg_frame frame = pop(profile, &seconds);
    wg_frame *around = profile->depth > 0 ? &profile->frame[profile->depth - 1] : NULL;
    if (call != NULL && frame.what == WG_WATCHED_FORWARD) {
        const bool is_view = call->view_of >= 0;
        frame.bytes += is_view ? 0 : wg_profile_bytes(call, result, false);
        const int64_t cost = wg_profile_cost(call, result);
        frame.multiply_adds += cost;
        see_cost(profile, cost);
        if (!is_view) {
            see_operation(profile, &frame, result, cost);
        }
    } else if (call != NULL) {
        frame.bytes = wg_profile_bytes(call, result, true);
    }
    if (profile->backward > 0) { /* a part of the chain rule around it */
        if (around != NULL) {
            around->multiply_adds += frame.multiply_adds;
        }
    } else if (frame.what != WG_WATCHED_SWEEP) {
        count_row(profile, &frame, seconds);
        if (around != NULL) {
            around->inside += seconds;
        }
    }
}

/* ---- Layers ---------------------------------------------------------------------------------- */

/* The row of that layer, made where there is none; -1 where memory ran out. */
static int64_t seen_layer(wg_profile *profile, const char *kind, const char *name, int depth) {
    for (uint64_t i = 0; i < profile->seen_count; i++) {
        const wg_seen *seen = &profile->seen[i];
        if (seen->name != NULL && strcmp(seen->kind, kind) == 0 && strcmp(seen->name, name) == 0) {
            return (int64_t)i;
        }
    }
    char *copy = wg_strdup(name);
    if (copy == NULL || !ROOM(profile, seen, seen_count, seen_capacity)) {
        profile->lost = true;
        wg_free(copy);
        return -1;
    }
    profile->seen[profile->seen_count] =
        (wg_seen){.kind = kind, .name = copy, .depth = depth, .rank = -1};
    return (int64_t)profile->seen_count++;
}

static void enter(wg_watch *watch, const char *kind, const char *scope, const char *name) {
    wg_profile *profile = profile_of(watch);
    char full[WG_NAME_BYTES];
    int depth = 0;
    for (uint64_t i = 0; i < profile->depth; i++) {
        depth += profile->frame[i].what == WG_WATCHED_LAYER;
    }
    (void)snprintf(full, sizeof full, "%s%s%s", scope, scope[0] != '\0' && name != NULL ? "." : "",
                   name != NULL ? name : "");
    const int64_t layer = seen_layer(profile, kind, full, depth);
    if (layer >= 0 && !profile->one_pass) {
        profile->seen[layer].calls++;
    }
    push(profile, (wg_frame){.what = WG_WATCHED_LAYER, .name = kind, .layer = layer});
}

static void leave(wg_watch *watch, wg_var y) {
    wg_profile *profile = profile_of(watch);
    /* Layers that failed never left. */
    while (profile->depth > 0 && profile->frame[profile->depth - 1].what != WG_WATCHED_LAYER) {
        profile->depth--;
    }
    if (profile->depth == 0) {
        return;
    }
    double seconds;
    const wg_frame frame = pop(profile, &seconds);
    if (profile->depth > 0) {
        profile->frame[profile->depth - 1].inside += frame.inside;
    }
    if (frame.layer >= 0 && profile->seen[frame.layer].rank < 0 &&
        wg_tape_status(profile->tape) == WG_OK) {
        const wg_view view = wg_view_of(y);
        profile->seen[frame.layer].rank = view.rank;
        memcpy(profile->seen[frame.layer].shape, view.shape, sizeof view.shape);
    }
}

static void cut(wg_watch *watch) {
    wg_profile *profile = profile_of(watch);
    profile->one_pass = profile->one_pass || profile->seen_count > 0;
    profile->depth = 0;
    profile->backward = 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

wg_status wg_profile_new(wg_profile_options options, wg_profile **out) {
    wg_profile *profile = wg_calloc(1, sizeof *profile);
    *out = profile;
    if (profile == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "profile_new: no memory");
    }
    profile->watch = (wg_watch){enter, leave, begin, end, cut};
    profile->max_events = options.max_events == 0 ? 1000000 : options.max_events;
    profile->origin = wg_clock();
    return WG_OK;
}

void wg_profile_free(wg_profile *profile) {
    if (profile == NULL) {
        return;
    }
    if (profile->tape != NULL) {
        profile->tape->watch = NULL;
    }
    for (uint64_t i = 0; i < profile->seen_count; i++) {
        wg_free(profile->seen[i].name);
    }
    wg_free(profile->frame);
    wg_free(profile->row);
    wg_free(profile->event);
    wg_free(profile->seen);
    wg_free(profile);
}

wg_status wg_profile_start(wg_profile *profile, wg_tape *tape) {
    if (profile->tape != NULL || tape->watch != NULL) {
        return wg_fail(WG_ERROR_STATE, "profile_start: the %s is being profiled already",
                       profile->tape != NULL ? "profile is in use: it" : "tape");
    }
    profile->tape = tape;
    tape->watch = &profile->watch;
    return WG_OK;
}

wg_status wg_profile_stop(wg_profile *profile) {
    if (profile->tape == NULL) {
        return wg_fail(WG_ERROR_STATE, "profile_stop: it was not started");
    }
    profile->tape->watch = NULL;
    profile->tape = NULL;
    profile->depth = 0;
    profile->backward = 0;
    const bool lost = profile->lost;
    profile->lost = false;
    return lost ? wg_fail(WG_ERROR_MEMORY, "profile_stop: no memory for some of what was seen")
                : WG_OK;
}
