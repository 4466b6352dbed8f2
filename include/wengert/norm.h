/* norm.h: normalisation. */
#ifndef WENGERT_NORM_H
#define WENGERT_NORM_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif
