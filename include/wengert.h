/* wengert.h: all of Wengert. */
#ifndef WENGERT_H
#define WENGERT_H

#include "wengert/array.h"
#include "wengert/base.h"
#include "wengert/check.h"
#include "wengert/compile.h"
#include "wengert/data.h"
#include "wengert/dot.h"
#include "wengert/elementwise.h"
#include "wengert/function.h"
#include "wengert/function_file.h"
#include "wengert/lift.h"
#include "wengert/loop.h"
#include "wengert/map.h"
#include "wengert/nn.h"
#include "wengert/op.h"
#include "wengert/optim.h"
#include "wengert/plot.h"
#include "wengert/progress.h"
#include "wengert/random.h"
#include "wengert/sparse.h"
#include "wengert/tape.h"
#include "wengert/taylor.h"

#endif
