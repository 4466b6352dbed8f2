/* checkpoint.h (internal): what a checkpoint holds, and what it is called there. */
#ifndef WG_SRC_IO_CHECKPOINT_H
#define WG_SRC_IO_CHECKPOINT_H

#include "io/safetensors.h"
#include "wengert/state.h"

#define WG_CHECKPOINT_VERSION "1"
#define WG_CHECKPOINT_FORMAT "wengert-checkpoint"

/* How names begin. In a safetensors file bytes stand last and by name, so that the checksum, whose
 * name is the greatest, ends the file. */
#define WG_IN_MODEL "model."
#define WG_IN_OPTIMIZER "optimizer."
#define WG_IN_AVERAGE "average."
#define WG_IN_EXTRA "extra."
#define WG_IN_STATE "state."
#define WG_IN_SCALAR "state.optimizer."
#define WG_CHECKSUM_NAME "whole.crc32"
#define WG_CHECKSUM_BYTES 4

/* The numbers of a run: name, dtype, count. Births are the steps that each "model." tensor took no
 * part in, in the order of names; below 0 for what is no parameter (store_load.h). */
#define WG_STATE_KEY "state.key"
#define WG_STATE_STEPS "state.steps"
#define WG_STATE_LR "state.lr"
#define WG_STATE_BIRTHS "state.births"
#define WG_STATE_UPDATES "state.updates"
#define WG_STATE_AVERAGED "state.averaged"
#define WG_STATE_PLATEAU "state.plateau"
#define WG_STATE_SCALE "state.scale"

enum {
    WG_PLATEAU_NUMBERS = 3, /* best, bad, rest */
    WG_SCALE_NUMBERS = 2    /* scale, good */
};

/* Whether the parts of a run can be saved and loaded. ARGUMENT, STATE. */
wg_status wg_training_check(const char *verb, const wg_training *training);

/* Loads from bytes, as wg_checkpoint_load; for tests of damage. */
wg_status wg_checkpoint_from_bytes(const void *bytes, size_t count, const wg_training *training);

#endif
