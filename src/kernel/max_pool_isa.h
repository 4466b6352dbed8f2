/* max_pool_isa.h (internal): the loops of max_pool_table.h in both types for one instruction set;
 * the includer has set the target and defines WG_MAX_POOL_TABLE, the table's name. */
#include "kernel/max_pool_table.h"

#include <stddef.h>

#define T float
#include "kernel/max_pool_loops.h"
#define T double
#include "kernel/max_pool_loops.h"

extern const wg_max_pool_loops WG_MAX_POOL_TABLE[2];
const wg_max_pool_loops WG_MAX_POOL_TABLE[2] = {
    {update_float, two_by_two_float, back_two_by_two_float},
    {update_double, two_by_two_double, back_two_by_two_double}};
