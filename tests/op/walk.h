/* walk.h: an operation's samples as operands on a tape, for tests that walk the list of operations.
 */
#ifndef WG_TESTS_WALK_H
#define WG_TESTS_WALK_H

#include "wengert.h"

/* Elements of a sample's result at most. */
#define WALK_MOST 4096

/* A sample and the values of its operands. */
typedef struct walk_sample {
    const wg_op *op;
    int index;
    wg_sample sample;
    int64_t count[WG_MAX_SAMPLE_OPERANDS];
    double *values[WG_MAX_SAMPLE_OPERANDS];
} walk_sample;

/* Sample `index` of the operation; false behind its last. walk_free gives the values back. */
bool walk_take(const wg_op *op, int index, walk_sample *to);
void walk_free(walk_sample *sample);

/* True where operand i gets a gradient. */
bool walk_is_free(const walk_sample *sample, int i);

/* Operand i on the tape; floats of dtype `type` (F64 or F32). */
wg_var walk_operand(wg_tape *tape, const walk_sample *sample, int i, wg_dtype type);

/* The operation on these operands. */
wg_var walk_apply(const walk_sample *sample, const wg_var *operands);

/* Sum of wᵢ·resultᵢ with fixed weights; the number 0 where the result holds whole numbers. */
wg_var walk_weighted(wg_tape *tape, wg_var result);

#endif
