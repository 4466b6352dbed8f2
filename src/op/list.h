/* list.h (internal): the operations that only arrays have, by family; the elementwise ones follow
 * from kernel/rules.h. */
#ifndef WG_SRC_OP_LIST_H
#define WG_SRC_OP_LIST_H

/* clang-format off */
#define WG_OPS_SHAPE(X) \
    X(reshape) \
    X(permute) \
    X(transpose) \
    X(broadcast_to) \
    X(slice) \
    X(unslice) \
    X(select) \
    X(flip) \
    X(pad) \
    X(concat) \
    X(stack_arrays) \
    X(cast) \
    X(contiguous) \
    X(stack) \
    X(place)

#define WG_OPS_REDUCE(X) \
    X(sum) \
    X(mean) \
    X(prod) \
    X(amax) \
    X(amin) \
    X(extreme_shares) \
    X(argmax) \
    X(argmin) \
    X(any) \
    X(all) \
    X(count_nonzero) \
    X(logsumexp) \
    X(exp_share) \
    X(variance) \
    X(centred) \
    X(norm1) \
    X(norm2) \
    X(linear_scan) \
    X(cumsum) \
    X(cumprod) \
    X(logcumsumexp) \
    X(argsort) \
    X(topk) \
    X(median) \
    X(cummax) \
    X(cummin)

#define WG_OPS_INDEX(X) \
    X(gather_rows) \
    X(scatter_add_rows) \
    X(embed_mask) \
    X(take_along) \
    X(scatter_add) \
    X(nonzero) \
    X(one_hot) \
    X(categorical) \
    X(sample_logits) \
    X(dropout) \
    X(tril) \
    X(triu) \
    X(diagonal) \
    X(undiagonal) \
    X(scatter)

#define WG_OPS_PRODUCT(X) \
    X(affine) \
    X(matmul)

#define WG_OPS_LINALG(X) \
    X(cholesky) \
    X(cofactor) \
    X(det) \
    X(eigh) \
    X(inverse) \
    X(lu_solve) \
    X(pinv) \
    X(qr) \
    X(slogdet) \
    X(solve) \
    X(solve_triangular) \
    X(svd) \
    X(triangle)

#define WG_OPS_CONV(X) \
    X(conv) \
    X(conv_transpose) \
    X(conv_weight)

#define WG_OPS_POOL(X) \
    X(max_pool) \
    X(max_unpool) \
    X(pool_pick) \
    X(resample) \
    X(resample_transpose) \
    X(unfold) \
    X(unfold_sum) \
    X(unfold2d) \
    X(fold2d)

#define WG_OPS_NORM(X) \
    X(layer_norm) \
    X(rms_norm) \
    X(group_norm) \
    X(batch_norm)

#define WG_OPS_ATTENTION(X) \
    X(attention) \
    X(rotary)

#define WG_OPS_RECURRENT(X) \
    X(lstm) \
    X(gru) \
    X(rnn)

#define WG_OPS_SOFTMAX(X) \
    X(softmax) \
    X(softmax_chain) \
    X(log_softmax) \
    X(log_softmax_chain)

#define WG_OPS_LOSS(X) \
    X(cross_entropy) \
    X(cross_entropy_chain) \
    X(soft_cross_entropy) \
    X(nll) \
    X(nll_chain) \
    X(mse) \
    X(l1) \
    X(huber) \
    X(smooth_l1) \
    X(bce) \
    X(bce_with_logits) \
    X(soft_margin) \
    X(ctc)

#define WG_OPS_TRANSFORM(X) \
    X(scale_gradient) \
    X(clip_gradient) \
    X(clip_gradient_norm)

#define WG_OPS(X) \
    WG_OPS_SHAPE(X) \
    WG_OPS_REDUCE(X) \
    WG_OPS_INDEX(X) \
    WG_OPS_PRODUCT(X) \
    WG_OPS_LINALG(X) \
    WG_OPS_CONV(X) \
    WG_OPS_POOL(X) \
    WG_OPS_NORM(X) \
    WG_OPS_ATTENTION(X) \
    WG_OPS_RECURRENT(X) \
    WG_OPS_SOFTMAX(X) \
    WG_OPS_LOSS(X) \
    WG_OPS_TRANSFORM(X)
/* clang-format on */

#endif
