/* kernel.h (internal): all arithmetic on buffers. A device backend is another implementation of
 * this. */
#ifndef WG_SRC_KERNEL_KERNEL_H
#define WG_SRC_KERNEL_KERNEL_H

#include "kernel/attention.h"
#include "kernel/conv.h"
#include "kernel/copy.h"
#include "kernel/count.h"
#include "kernel/ctc.h"
#include "kernel/elementwise.h"
#include "kernel/factor.h"
#include "kernel/gather.h"
#include "kernel/level1.h"
#include "kernel/loss.h"
#include "kernel/matmul.h"
#include "kernel/matmul_bf16.h"
#include "kernel/moments.h"
#include "kernel/norm.h"
#include "kernel/optimizer.h"
#include "kernel/random.h"
#include "kernel/reduce.h"
#include "kernel/scan.h"
#include "kernel/softmax.h"
#include "kernel/sort.h"
#include "kernel/take.h"
#include "kernel/triangle.h"
#include "kernel/unfold.h"
#include "kernel/windows.h"

#endif
