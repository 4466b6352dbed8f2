/* training.h: a small run to be saved, killed and taken up again. */
#ifndef WG_TESTS_IO_TRAINING_H
#define WG_TESTS_IO_TRAINING_H

#include "wengert.h"

/* A run with everything that a checkpoint holds. */
typedef struct small_run {
    wg_store *store;
    wg_optimizer *optimizer;
    wg_average *average;
    wg_plateau plateau;
    wg_loss_scale scale;
    double best[2];
    int64_t epoch;
    wg_extra extra[2];
    wg_training training; /* of all these */
} small_run;

/* Sets up a run; `rule` chooses the optimizer (0 to SMALL_RULES − 1). */
enum {
    SMALL_RULES = 6
};
void small_run_new(small_run *run, uint64_t seed, int rule);
void small_run_free(small_run *run);

/* One step, number wg_steps(optimizer): two layers, dropout, a buffer, a scaled loss, the average,
 * the plateau; from step 3 on a third layer, which comes later than the others. */
wg_status small_run_step(small_run *run);

/* CRC-32 of everything that the run consists of, once its network has asked for its parameters. */
uint32_t small_run_sum(const small_run *run);

#endif
