/* reduce.h: reductions, scans, sorting. */
#ifndef WENGERT_REDUCE_H
#define WENGERT_REDUCE_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif
