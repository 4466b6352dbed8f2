/* ring.h (internal): numbered things prepared ahead of who takes them, by a thread or not. */
#ifndef WG_SRC_RING_H
#define WG_SRC_RING_H

#include "base/base.h"

/* Prepares a thing in a slot. Called for thing after thing, never for two at a time. */
typedef void (*wg_ring_prepare)(void *context, int slot);

typedef struct wg_ring wg_ring;

/* A ring of `slots` slots (1 or more); with one, or where there are no threads, things are prepared
 * as they are taken. NULL without memory. */
wg_ring *wg_ring_new(int slots, wg_ring_prepare prepare, void *context);

/* The slot of the next thing, which is left alone until the next call. */
int wg_ring_take(wg_ring *ring);

/* Whether this process is a child, by fork, of the one that the ring's thread stayed behind in.
 * Then what the thread was at is half done: stop the ring, and begin it anew; it does without a
 * thread.
 */
bool wg_ring_orphaned(const wg_ring *ring);

/* Waits until nothing is being prepared, and drops what is. The next call of take starts anew. */
void wg_ring_stop(wg_ring *ring);

/* Stops it, too. NULL is allowed. */
void wg_ring_free(wg_ring *ring);

#endif
