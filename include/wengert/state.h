/* state.h: training checkpoints: all that a run needs to go on to the same bits as if it had never
 * stopped.
 *
 *     wg_training run = {.store = store, .optimizer = optimizer};
 *     if (wg_checkpoint_resume("runs/gpt", &run, &found) != WG_OK) ...
 *     for (uint64_t step = wg_steps(optimizer); step < steps; step++) {
 *         ... forward with wg_net_train(store, tape, step), wg_backward, wg_step ...
 *         wg_checkpoint_keep("runs/gpt", step + 1, 3, &run);
 *     }
 *
 * A checkpoint is a safetensors file, so that other programs can look into it: parameters and
 * buffers as "model.NAME", the optimizer's state as "optimizer.SLOT.NAME" by PyTorch's names of
 * slots, averages as "average.NAME", numbers as "state.NAME", the caller's as "extra.NAME", and at
 * its end "whole.crc32", the CRC-32 of all before it. It is written to a new file, which takes the
 * place of the old one once it is on the disk: a run that is killed, and a machine that stops, at
 * any moment leaves a whole one.
 *
 * Schedules are functions of the step, dropout and the order of batches are keyed by it, so there
 * is no more to keep of them. Groups of parameters, frozen parameters, and the options of
 * optimizers and averages (with what wg_set_momentum has set) are the program's, which sets them up
 * again. */
#ifndef WENGERT_STATE_H
#define WENGERT_STATE_H

#include "wengert/average.h"
#include "wengert/optim.h"
#include "wengert/schedule.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers of the caller's: the epoch, the best loss so far. Loading fills them in place. */
typedef struct wg_extra {
    const char *name; /* none twice */
    wg_dtype dtype;
    int64_t count;
    void *data;
} wg_extra;

/* What a run consists of. NULL: has none of these. */
typedef struct wg_training {
    wg_store *store; /* required; its seed is kept, too */
    wg_optimizer *optimizer;
    wg_average *average;
    wg_plateau *plateau;  /* how it stands, not its options */
    wg_loss_scale *scale; /* likewise */
    int extras;
    const wg_extra *extra;
} wg_training;

/* Saves a run between two steps. Errors: ARGUMENT for a missing store or extras that cannot be,
 * STATE while averages are swapped in, FILE, LIMIT, MEMORY; a file of that path stays as it was
 * then. */
WG_API wg_status wg_checkpoint_save(const char *path, const wg_training *training);

/* Takes up a run, all or nothing: after an error nothing has changed. The optimizer must be of the
 * rule that was saved, and the run of the same parts: what is missing, what is foreign and what has
 * another shape is refused. Parameters need not be there yet (they are then, with their
 * gradients, whether the next step uses them or not); those that are must be in the file.
 * All gradients are zero afterwards; tapes that borrowed parameters must be reset. Errors: FILE;
 * FORMAT for damage, with the byte; ARGUMENT, SHAPE and DTYPE for the checkpoint of another run;
 * STATE while averages are swapped in; MEMORY. */
WG_API wg_status wg_checkpoint_load(const char *path, const wg_training *training);

/* Saves as "STEM-NUMBER.safetensors" (the step or the epoch, in twelve digits or more), and then
 * removes what is older than the newest `keep` (>= 1) of that stem, and what writers that were
 * killed have left. One process at a time may write to a stem. Errors: as wg_checkpoint_save; FILE
 * also where old files cannot be removed. */
WG_API wg_status wg_checkpoint_keep(const char *stem, uint64_t number, int keep,
                                    const wg_training *training);

/* Loads the newest checkpoint of that stem (the one with the greatest number) that is not damaged:
 * past those with FORMAT errors it goes on to the one before. *found (may be NULL) says whether
 * there was one; a run that has none yet begins anew, which is no error. Errors: as
 * wg_checkpoint_load; FORMAT where all that there are are damaged. */
WG_API wg_status wg_checkpoint_resume(const char *stem, const wg_training *training, bool *found);

#ifdef __cplusplus
}
#endif

#endif
