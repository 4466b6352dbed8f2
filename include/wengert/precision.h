/* precision.h: mixed precision. */
#ifndef WENGERT_PRECISION_H
#define WENGERT_PRECISION_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif
