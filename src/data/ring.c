/* ring.c: numbered things prepared ahead of who takes them. Thing number i goes to slot i % slots;
 * who takes holds one, so that the thread may be `slots` ahead of the last that was given back. */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "data/ring.h"

#if defined(WG_HAVE_THREADS)
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#endif

struct wg_ring {
    int slots;
    wg_ring_prepare prepare;
    void *context;
    int64_t ready; /* things prepared so far: shared with the thread */
    int64_t taken; /* ... and taken, the last of them still in use: shared */
#if defined(WG_HAVE_THREADS)
    bool running;  /* there is a thread */
    bool alone;    /* there shall be none */
    bool stop;     /* shared */
    pid_t process; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
#endif
};

static int slot_of(const wg_ring *ring, int64_t thing) {
    return (int)(thing % ring->slots);
}

/* Here and now. */
static int take_alone(wg_ring *ring) {
    const int slot = slot_of(ring, ring->taken);
    ring->prepare(ring->context, slot);
    ring->taken++;
    ring->ready = ring->taken;
    return slot;
}

#if defined(WG_HAVE_THREADS)

static bool has_room(const wg_ring *ring) {
    const int64_t given_back = ring->taken > 0 ? ring->taken - 1 : 0;
    return ring->ready - given_back < ring->slots;
}

static void *run(void *argument) {
    wg_ring *ring = argument;
    (void)pthread_mutex_lock(&ring->lock);
    while (!ring->stop) {
        if (!has_room(ring)) {
            (void)pthread_cond_wait(&ring->changed, &ring->lock);
            continue;
        }
        const int slot = slot_of(ring, ring->ready);
        (void)pthread_mutex_unlock(&ring->lock);
        ring->prepare(ring->context, slot);
        (void)pthread_mutex_lock(&ring->lock);
        ring->ready++;
        (void)pthread_cond_signal(&ring->changed);
    }
    (void)pthread_mutex_unlock(&ring->lock);
    return NULL;
}

/* The thread takes no signals: they are for the program's own. */
static void start(wg_ring *ring) {
    sigset_t all, before;
    (void)sigfillset(&all);
    const bool masked = pthread_sigmask(SIG_SETMASK, &all, &before) == 0;
    ring->stop = false;
    ring->process = getpid();
    ring->running = pthread_create(&ring->thread, NULL, run, ring) == 0;
    if (masked) {
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
}

int wg_ring_take(wg_ring *ring) {
    if (ring->slots > 1 && !ring->running && !ring->alone) {
        start(ring);
    }
    if (!ring->running) {
        return take_alone(ring);
    }
    (void)pthread_mutex_lock(&ring->lock);
    const int64_t thing = ring->taken++;
    (void)pthread_cond_signal(&ring->changed); /* there may be room now */
    while (ring->ready <= thing) {
        (void)pthread_cond_wait(&ring->changed, &ring->lock);
    }
    (void)pthread_mutex_unlock(&ring->lock);
    return slot_of(ring, thing);
}

bool wg_ring_orphaned(const wg_ring *ring) {
    return ring->running && ring->process != getpid();
}

void wg_ring_stop(wg_ring *ring) {
    if (wg_ring_orphaned(ring)) {
        ring->running = false;
        ring->alone = true; /* a lock that the thread held stays locked */
    }
    if (ring->running) {
        (void)pthread_mutex_lock(&ring->lock);
        ring->stop = true;
        (void)pthread_cond_signal(&ring->changed);
        (void)pthread_mutex_unlock(&ring->lock);
        (void)pthread_join(ring->thread, NULL);
        ring->running = false;
    }
    ring->ready = ring->taken = 0;
}

static bool set_up(wg_ring *ring) {
    if (pthread_mutex_init(&ring->lock, NULL) != 0) {
        return false;
    }
    if (pthread_cond_init(&ring->changed, NULL) != 0) {
        (void)pthread_mutex_destroy(&ring->lock);
        return false;
    }
    return true;
}

/* In a child a lock or a wait of the thread would never end. */
static void tear_down(wg_ring *ring) {
    if (!ring->alone) {
        (void)pthread_cond_destroy(&ring->changed);
        (void)pthread_mutex_destroy(&ring->lock);
    }
}

#else

bool wg_ring_orphaned(const wg_ring *ring) {
    (void)ring;
    return false;
}

int wg_ring_take(wg_ring *ring) {
    return take_alone(ring);
}

void wg_ring_stop(wg_ring *ring) {
    ring->ready = ring->taken = 0;
}

static bool set_up(wg_ring *ring) {
    (void)ring;
    return true;
}

static void tear_down(wg_ring *ring) {
    (void)ring;
}
#endif

wg_ring *wg_ring_new(int slots, wg_ring_prepare prepare, void *context) {
    wg_ring *ring = wg_calloc(1, sizeof *ring);
    if (ring == NULL) {
        return NULL;
    }
    ring->slots = slots;
    ring->prepare = prepare;
    ring->context = context;
    if (!set_up(ring)) {
        wg_free(ring);
        return NULL;
    }
    return ring;
}

void wg_ring_free(wg_ring *ring) {
    if (ring != NULL) {
        wg_ring_stop(ring);
        tear_down(ring);
        wg_free(ring);
    }
}
