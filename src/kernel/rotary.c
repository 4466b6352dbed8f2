/* rotary.c: see rotary.h. */
#include "kernel/rotary.h"

#include "base/parallel.h"

/* All rows of one position. */
#define TURN(T)                                                                                    \
    static void turn_##T(const wg_rotary_run *run, const double *angle, const T *x, T *y) {        \
        const int64_t step = run->halves ? 1 : 2, apart = run->halves ? run->pairs : 1;            \
        for (int64_t row = 0; row < run->inner; row++) {                                           \
            for (int64_t j = 0; j < run->pairs; j++) {                                             \
                const T c = (T)angle[2 * j], s = (T)angle[2 * j + 1];                              \
                const T a = x[step * j], b = x[step * j + apart];                                  \
                y[step * j] = a * c - b * s;                                                       \
                y[step * j + apart] = a * s + b * c;                                               \
            }                                                                                      \
            x += 2 * run->pairs;                                                                   \
            y += 2 * run->pairs;                                                                   \
        }                                                                                          \
    }
TURN(float)
TURN(double)

typedef struct job {
    const wg_rotary_run *run;
    wg_dtype dtype;
    const void *x;
    void *y;
} job;

static void turn_position(void *context, int64_t index) {
    const job *j = context;
    const wg_rotary_run *run = j->run;
    const int64_t at = index * run->inner * 2 * run->pairs;
    const double *angle = run->angles + index % run->length * 2 * run->pairs;
    if (j->dtype == WG_F32) {
        turn_float(run, angle, (const float *)j->x + at, (float *)j->y + at);
    } else {
        turn_double(run, angle, (const double *)j->x + at, (double *)j->y + at);
    }
}

void wg_kernel_rotary(wg_dtype dtype, const wg_rotary_run *run, const void *x, void *y) {
    job j = {run, dtype, x, y};
    const int64_t positions = run->outer * run->length;
    wg_parallel(positions, positions * run->inner * run->pairs >= WG_SHARE_MEMORY, turn_position,
                &j);
}
