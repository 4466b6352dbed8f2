/* revolve.c: the schedule, one action at a time. */
#include "function/revolve.h"

void wg_revolve_begin(wg_revolve *revolve, int64_t steps, int64_t checkpoints, int64_t *held) {
    held[0] = 0;
    *revolve = (wg_revolve){held, 1, checkpoints, 0, steps};
}

/* How far to run before the next checkpoint, in a stretch of `length` ≥ 2 steps whose start is one
 * of its c checkpoints. With b(c, r) = (c + r choose c) and the smallest r for which b(c, r) covers
 * the stretch, a distance is optimal where it lies between b(c, r - 2) and b(c, r - 1) and leaves
 * between b(c - 1, r - 1) and b(c - 1, r); this is the longest. */
static int64_t distance(int64_t length, int64_t c) {
    int64_t shorter = 1; /* b(c, r - 1) */
    int64_t r = 1;
    if (c == 1) {
        return length - 1;
    }
    while (shorter <= INT64_MAX / (c + r) && shorter * (c + r) / r < length) {
        shorter = shorter * (c + r) / r;
        r++;
    }
    const int64_t most = length - shorter * c / (c + r - 1);
    return shorter < most ? shorter : most;
}

wg_revolve_action wg_revolve_next(wg_revolve *revolve, int64_t *number) {
    if (revolve->end == 0) {
        return WG_REVOLVE_DONE;
    }
    if (revolve->at == revolve->end - 1) {
        *number = --revolve->end;
        revolve->at = -1;
        if (revolve->held[revolve->live - 1] == revolve->end) {
            revolve->live--; /* of the start too, at the very end */
        }
        return WG_REVOLVE_REVERSE;
    }
    const int64_t latest = revolve->held[revolve->live - 1];
    if (revolve->at < 0) {
        revolve->at = latest;
        *number = revolve->live - 1;
        return WG_REVOLVE_RESTORE;
    }
    if (revolve->at != latest) {
        *number = revolve->live;
        revolve->held[revolve->live++] = revolve->at;
        return WG_REVOLVE_STORE;
    }
    revolve->at += distance(revolve->end - latest, revolve->checkpoints - revolve->live + 1);
    *number = revolve->at;
    return WG_REVOLVE_ADVANCE;
}
