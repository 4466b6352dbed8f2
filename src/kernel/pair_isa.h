/* pair_isa.h (internal): the losses of pairs in both types for one instruction set; the includer
 * has set the target and defines WG_PAIR_TABLE, the table's name. */
#include "kernel/loss.h"
#include "kernel/pair_table.h"
#include "kernel/vector_math.h"

#define LANES 16
#define STRETCH 256

#define T float
#define F(name) WG_F32_##name
#include "kernel/pair_loops.h"
#define T double
#define F(name) WG_F64_##name
#include "kernel/pair_loops.h"

extern const wg_pair_table WG_PAIR_TABLE[2];
const wg_pair_table WG_PAIR_TABLE[2] = {{pair_rows_float, add_up_float},
                                        {pair_rows_double, add_up_double}};
