/* implicit.h: implicit differentiation. */
#ifndef WENGERT_IMPLICIT_H
#define WENGERT_IMPLICIT_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif
