/* recurrent.h: recurrent layers. */
#ifndef WENGERT_RECURRENT_H
#define WENGERT_RECURRENT_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif
