/* index.h: reshaping and indexing. */
#ifndef WENGERT_INDEX_H
#define WENGERT_INDEX_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif
