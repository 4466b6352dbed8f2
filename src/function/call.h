/* call.h (internal): what operations that run recorded functions share. */
#ifndef WG_SRC_FUNCTION_CALL_H
#define WG_SRC_FUNCTION_CALL_H

#include "function/function.h"
#include "op/define.h"

/* The code of a function's values, and the function that derives it; NULL, with a failure on the
 * call's tape, where there is none. */
const wg_code *wg_call_code(wg_call *call, const wg_function *fn);
const wg_function *wg_call_derived(wg_call *call, const wg_function *fn);

#endif
