/* multi_head.h (internal): what layers that contain attention check before they make anything. */
#ifndef WG_SRC_NN_MULTI_HEAD_H
#define WG_SRC_NN_MULTI_HEAD_H

#include "nn/layer.h"

/* Whether the heads divide the width, and dropout is a probability; else a failure on the tape.
 * key_heads 0 stands for heads. */
bool wg_heads_allowed(const wg_layer *layer, int64_t width, int64_t heads, int64_t key_heads,
                      double dropout);

#endif
