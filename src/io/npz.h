/* npz.h (internal): archives of .npy files. */
#ifndef WG_SRC_IO_NPZ_H
#define WG_SRC_IO_NPZ_H

#include "wengert/npy.h"

/* As wg_npz_save; sizes from `wide` on are written as ZIP64 (the format asks for 2^32 - 1). */
wg_status wg_npz_save_wide(const char *path, int64_t count, const wg_named_view *arrays,
                           uint64_t wide);

#endif
