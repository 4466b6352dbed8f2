/* list.h (internal): the operations that only arrays have; the elementwise ones follow from
 * kernel/rules.h. */
#ifndef WG_SRC_OP_LIST_H
#define WG_SRC_OP_LIST_H

#define WG_OPS(X)                                                                                  \
    X(reshape)                                                                                     \
    X(permute)                                                                                     \
    X(transpose)                                                                                   \
    X(broadcast_to)                                                                                \
    X(slice)                                                                                       \
    X(unslice)                                                                                     \
    X(concat)                                                                                      \
    X(cast)                                                                                        \
    X(contiguous)                                                                                  \
    X(sum)                                                                                         \
    X(mean)                                                                                        \
    X(prod)                                                                                        \
    X(amax)                                                                                        \
    X(amin)                                                                                        \
    X(extreme_shares)                                                                              \
    X(argmax)                                                                                      \
    X(affine)                                                                                      \
    X(matmul)                                                                                      \
    X(softmax)                                                                                     \
    X(softmax_chain)                                                                               \
    X(log_softmax)                                                                                 \
    X(log_softmax_chain)                                                                           \
    X(cross_entropy)                                                                               \
    X(cross_entropy_chain)                                                                         \
    X(soft_cross_entropy)                                                                          \
    X(mse)                                                                                         \
    X(gather_rows)                                                                                 \
    X(scatter_add_rows)                                                                            \
    X(stack)                                                                                       \
    X(place)

#endif
