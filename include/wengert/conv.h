/* conv.h: convolution. */
#ifndef WENGERT_CONV_H
#define WENGERT_CONV_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif
