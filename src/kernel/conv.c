/* conv.c: convolution and its gradients: which instruction set and which way, and the two types. */
#include "kernel/conv.h"

#include "base/base.h"
#include "base/parallel.h"
#include "kernel/conv_plan.h"
#include "kernel/conv_weight_plan.h"

#include <stdatomic.h>
#include <string.h>

#define WG_MATMUL_MAX_LANES 16

#define MM_T float
#define MM_SUFFIX f32
#include "kernel/conv_source.h"
/* (in this order: the later ones use what is in the former) */
#include "kernel/conv_product.h"
#include "kernel/conv_weight.h"
#undef MM_T
#undef MM_SUFFIX

#define MM_T double
#define MM_SUFFIX f64
#include "kernel/conv_source.h"

#include "kernel/conv_product.h"
#include "kernel/conv_weight.h"
