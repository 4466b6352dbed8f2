/* loss.h: losses. */
#ifndef WENGERT_LOSS_H
#define WENGERT_LOSS_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif
