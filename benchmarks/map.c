/* map.c: a recorded function over arrays (wg_map) beside the time to stream its operands through
 * memory, the same function in verbs, and the library's own elementwise operations, in one
 * alternating run.
 *
 *     bench-map [millions of elements] [repeats]
 *
 * "stream" reads and writes the same arrays with one addition an element, on the same threads: x
 * and y forward; x, g and dx backward. Milliseconds are the fastest of the repeats. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include "base/base.h"
#include "base/parallel.h"
#include "wengert.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PIECE 16384

/* With one thread its own clock, which stands still while other programs have the core. */
static double now(void) {
    struct timespec t;
    if (wg_parallel_threads() > 1 || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0) {
        return wg_clock();
    }
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct arrays {
    int64_t n;
    float *x, *g, *y, *dx; /* y and dx are the stream's own */
} arrays;

/* ---- Streams --------------------------------------------------------------------------------- */

static void stream_forward_piece(void *context, int64_t job) {
    const arrays *a = context;
    const int64_t low = job * PIECE, high = low + PIECE < a->n ? low + PIECE : a->n;
    const float *restrict x = a->x;
    float *restrict y = a->y;
    for (int64_t i = low; i < high; i++) {
        y[i] = x[i] + 1.0f;
    }
}

static void stream_backward_piece(void *context, int64_t job) {
    const arrays *a = context;
    const int64_t low = job * PIECE, high = low + PIECE < a->n ? low + PIECE : a->n;
    const float *restrict x = a->x, *restrict g = a->g;
    float *restrict dx = a->dx;
    for (int64_t i = low; i < high; i++) {
        dx[i] = x[i] + g[i];
    }
}

static void stream(arrays *a, double *forward, double *backward) {
    const int64_t pieces = (a->n + PIECE - 1) / PIECE;
    const double t0 = now();
    wg_parallel(pieces, true, stream_forward_piece, a);
    const double t1 = now();
    wg_parallel(pieces, true, stream_backward_piece, a);
    *forward = t1 - t0;
    *backward = now() - t1;
}

/* ---- Functions, as maps and in verbs --------------------------------------------------------- */

static wg_var chain10(wg_var x) { /* ten operations */
    wg_var t = wg_add(wg_mul(x, 1.25), 0.5);
    t = wg_sub(wg_mul(t, x), 0.75);
    t = wg_mul(wg_add(t, x), t);
    t = wg_sub(wg_mul(t, 0.125), x);
    return wg_add(wg_mul(t, t), x);
}
static wg_var swish(wg_var x) {
    return wg_mul(x, wg_sigmoid(x));
}
static wg_var gelu(wg_var x) {
    const wg_var inner = wg_mul(0.7978845608, wg_add(x, wg_mul(0.044715, wg_mul(x, wg_square(x)))));
    return wg_mul(wg_mul(0.5, x), wg_add(1, wg_tanh(inner)));
}
static wg_var plain_tanh(wg_var x) {
    return wg_tanh(x);
}
static wg_var plain_softplus(wg_var x) {
    return wg_softplus(x);
}
static wg_var plain_sigmoid(wg_var x) {
    return wg_sigmoid(x);
}

typedef struct subject {
    const char *name;
    wg_var (*verbs)(wg_var x);
} subject;
static const subject subjects[] = {{"chain of 10", chain10},     {"swish", swish},
                                   {"gelu (tanh)", gelu},        {"tanh", plain_tanh},
                                   {"softplus", plain_softplus}, {"sigmoid", plain_sigmoid}};
enum {
    SUBJECTS = sizeof subjects / sizeof subjects[0]
};

static void body(const wg_var *x, wg_var *y, void *context) {
    y[0] = ((const subject *)context)->verbs(x[0]);
}

/* ---- One step on a tape ---------------------------------------------------------------------- */

static bool step(wg_tape *tape, const arrays *a, const subject *s, const wg_function *fn,
                 double *forward, double *backward) {
    const int64_t shape[] = {a->n};
    wg_tape_reset(tape);
    const wg_var x = wg_variable(tape, WG_F32, 1, shape, a->x);
    const wg_var seed = wg_constant(tape, WG_F32, 1, shape, a->g);
    const double t0 = now();
    const wg_var y = fn != NULL ? wg_map(fn, x) : s->verbs(x);
    const double t1 = now();
    const wg_status status = wg_backward_from(y, seed);
    *forward = t1 - t0;
    *backward = now() - t1;
    if (status != WG_OK) {
        fprintf(stderr, "%s\n", wg_tape_message(tape));
    }
    return status == WG_OK;
}

typedef struct times {
    double forward, backward;
} times;

static void keep_least(times *least, double forward, double backward) {
    least->forward = forward < least->forward ? forward : least->forward;
    least->backward = backward < least->backward ? backward : least->backward;
}

static bool run(arrays *a, const subject *s, wg_tape *tape, int repeats) {
    wg_function *fn =
        wg_function_record(body, (void *)(uintptr_t)s, 1, 1, NULL, wg_function_defaults());
    wg_function_options options = wg_function_defaults();
    options.relaxed = true;
    wg_function *relaxed = wg_function_record(body, (void *)(uintptr_t)s, 1, 1, NULL, options);
    const wg_function *const ways[3] = {fn, relaxed, NULL};
    times least[4] = {{1e9, 1e9}, {1e9, 1e9}, {1e9, 1e9}, {1e9, 1e9}};
    bool worked = fn != NULL && relaxed != NULL;
    for (int r = 0; r < repeats && worked; r++) {
        double forward = 0, backward = 0;
        stream(a, &forward, &backward);
        keep_least(&least[3], forward, backward);
        for (int w = 0; w < 3 && worked; w++) {
            worked = step(tape, a, s, ways[w], &forward, &backward);
            keep_least(&least[w], forward, backward);
        }
    }
    static const char *const names[4] = {"map", "map, relaxed", "verbs", "stream"};
    for (int w = 0; w < 4 && worked; w++) {
        const double both = least[w].forward + least[w].backward;
        const double stream_both = least[3].forward + least[3].backward;
        printf("%-12s %-13s %8.2f %8.2f %8.2f ms   %5.2f x\n", w == 0 ? s->name : "", names[w],
               1e3 * least[w].forward, 1e3 * least[w].backward, 1e3 * both, both / stream_both);
    }
    wg_function_free(relaxed);
    wg_function_free(fn);
    return worked;
}

int main(int argc, char **argv) {
    const double millions = argc > 1 ? atof(argv[1]) : 10;
    const int repeats = argc > 2 ? atoi(argv[2]) : 20;
    arrays a = {.n = (int64_t)(millions * 1e6)};
    float **const all[] = {&a.x, &a.g, &a.y, &a.dx};
    for (size_t k = 0; k < 4; k++) {
        *all[k] = aligned_alloc(64, (((size_t)a.n * sizeof(float)) + 63) / 64 * 64);
        for (int64_t i = 0; i < a.n && *all[k] != NULL; i++) {
            (*all[k])[i] = (float)((double)((i * 7919 + (int64_t)k) % 1000) / 250 - 2);
        }
        if (*all[k] == NULL) {
            fprintf(stderr, "no memory for %lld elements\n", (long long)a.n);
            return 1;
        }
    }
    wg_tape *tape = wg_tape_new();
    printf(
        "%g million f32, %d threads; the fastest of %d\n%-12s %-13s %8s %8s %8s      of stream\n",
        millions, wg_parallel_threads(), repeats, "", "", "forward", "backward", "both");
    bool worked = tape != NULL;
    for (int i = 0; i < SUBJECTS && worked; i++) {
        worked = run(&a, &subjects[i], tape, repeats);
    }
    wg_tape_free(tape);
    for (size_t k = 0; k < 4; k++) {
        free(*all[k]);
    }
    return worked ? 0 : 1;
}
