/* transform.h: functional transforms. */
#ifndef WENGERT_TRANSFORM_H
#define WENGERT_TRANSFORM_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif
