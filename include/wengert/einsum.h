/* einsum.h: einsum and other products. */
#ifndef WENGERT_EINSUM_H
#define WENGERT_EINSUM_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif
