/* recorded.h: the functions as Wengert records them. */
#ifndef WG_BENCHMARKS_SCALAR_RECORDED_H
#define WG_BENCHMARKS_SCALAR_RECORDED_H

#include "scalar.h"

#include <wengert/function.h>

/* Records function `index` of the inputs x. */
wg_var scalar_wengert_evaluate(int index, const wg_var *x);

#endif
