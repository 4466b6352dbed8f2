/* attention.h: attention. */
#ifndef WENGERT_ATTENTION_H
#define WENGERT_ATTENTION_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif
