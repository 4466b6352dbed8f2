/* distribution.h: random arrays. */
#ifndef WENGERT_DISTRIBUTION_H
#define WENGERT_DISTRIBUTION_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif
