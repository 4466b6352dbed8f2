/* attention.c: attention by blocks, forward and backward. */
#include "kernel/attention_parts.h"

#include "base/parallel.h"
#include "kernel/matmul.h"
#include "kernel/matmul_parts.h"
#include "kernel/random.h"

#include <stdatomic.h>
#include <string.h>

#define DIAGONAL 32   /* queries that meet a block on the diagonal together */
#define FEW_QUERIES 8 /* that do not pay for transposed keys */
#define LEAST_JOBS 16 /* heads that need no further sharing out of a backward pass */

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t blocks_of(int64_t n, int64_t size) {
    return (n + size - 1) / size;
}

static bool pays(const wg_attention *a) {
    return (double)a->heads * (double)a->queries * (double)a->keys *
               (double)(a->depth + a->width) >=
           1e6;
}

/* To turn all keys would cost more than the products with them: a token at a time, say. */
static bool few_queries(const wg_attention *a) {
    return a->queries < FEW_QUERIES;
}

/* Elements of all keys, transposed. */
static int64_t turned_size(const wg_attention *a, int64_t depth) {
    return a->heads / a->group * a->keys * depth;
}

/* In how many parts the keys of a head are shared out backward; from the sizes alone. */
static int64_t parts_of(const wg_attention *a) {
    const int64_t shared = a->heads / a->group, blocks = blocks_of(a->keys, WG_ATTENTION_KEYS);
    if (shared == 0 || shared >= LEAST_JOBS || blocks == 0) {
        return 1;
    }
    return least(blocks, blocks_of(LEAST_JOBS, shared));
}

/* Where a head begins; of what `group` heads share, where theirs does. */
static int64_t place_of(const wg_attention *a, const int64_t *stride, int64_t head, int64_t group) {
    int64_t at = 0;
    for (int axis = a->lead - 1; axis >= 0; axis--) {
        at += head % a->lead_shape[axis] / group * stride[axis];
        head /= a->lead_shape[axis];
        group = 1;
    }
    return at;
}

/* Where a row of a head begins. */
static int64_t row_of(const wg_attention *a, const wg_attention_rows *rows, int64_t head,
                      int64_t row) {
    return place_of(a, rows->lead, head, 1) + row * rows->row;
}

/* Where a row of the keys or values of a shared head begins. */
static int64_t shared_row_of(const wg_attention *a, const wg_attention_rows *rows, int64_t shared,
                             int64_t row) {
    return place_of(a, rows->lead, shared * a->group, a->group) + row * rows->row;
}

_Static_assert(WG_LEFT_KEYS == WG_ATTENTION_KEYS &&
                   WG_LEFT_QUERIES * WG_LEFT_KEYS == WG_DROPOUT_GROUP,
               "the rows of a block, drawn together");

void wg_attention_left(const wg_attention *a, int64_t head, int64_t query, int64_t first,
                       void *to) {
    const int64_t rows = blocks_of(a->queries, WG_LEFT_QUERIES);
    const int64_t columns = blocks_of(a->keys, WG_LEFT_KEYS);
    const int64_t group = (head * rows + query / WG_LEFT_QUERIES) * columns + first / WG_LEFT_KEYS;
    wg_kernel_dropout_group(a->key, a->dtype, group, a->dropout, 1 / (1 - a->dropout), to);
}

#define T float
#define NAME(name) name##_f32
#include "kernel/attention_typed.h"
#undef T
#undef NAME
#define T double
#define NAME(name) name##_f64
#include "kernel/attention_typed.h"

size_t wg_attention_forward_scratch(const wg_attention *a) {
    return (size_t)(turned_size(a, a->depth) + a->heads * a->queries * WG_ATTENTION_KEPT) *
           wg_dtype_size(a->dtype);
}

size_t wg_attention_chain_scratch(const wg_attention *a) {
    const int64_t rows = a->heads * a->queries;
    return (size_t)rows * sizeof(double) +
           (size_t)(turned_size(a, a->depth) + turned_size(a, a->width) +
                    (parts_of(a) - 1) * rows * a->depth) *
               wg_dtype_size(a->dtype);
}

bool wg_kernel_attention(const wg_attention *a, const void *q, const void *k, const void *v,
                         void *out, void *kept, void *scratch) {
    return a->dtype == WG_F32 ? attention_forward_f32(a, q, k, v, out, kept, scratch)
                              : attention_forward_f64(a, q, k, v, out, kept, scratch);
}

bool wg_kernel_attention_chain(const wg_attention *a, const void *q, const void *k, const void *v,
                               const void *out, const void *kept, const void *g,
                               const wg_attention_places *to, void *scratch) {
    return a->dtype == WG_F32 ? attention_chain_f32(a, q, k, v, out, kept, g, to, scratch)
                              : attention_chain_f64(a, q, k, v, out, kept, g, to, scratch);
}
