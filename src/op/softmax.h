/* softmax.h (internal): derivatives of the softmax family, operations themselves. */
#ifndef WG_SRC_OP_SOFTMAX_H
#define WG_SRC_OP_SOFTMAX_H

#include "wengert/array.h"

/* y (g - sum of g y along the axis): what softmax, with the result y, makes of the adjoint g. */
wg_var wg_softmax_chain(wg_var y, wg_var g, int axis);
/* g - exp(y) (sum of g along the axis): the same of log_softmax. */
wg_var wg_log_softmax_chain(wg_var y, wg_var g, int axis);

#endif
