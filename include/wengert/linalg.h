/* linalg.h: linear algebra. */
#ifndef WENGERT_LINALG_H
#define WENGERT_LINALG_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif
