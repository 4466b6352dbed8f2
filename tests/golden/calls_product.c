#include "golden.h"

GOLDEN_BINARY(matmul)
GOLDEN_BINARY(dot)
GOLDEN_BINARY(outer)
GOLDEN_BINARY(inner)
GOLDEN_BINARY(kron)

static void run_affine(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    out[0] = wg_affine(in[0], in[1], in[2]);
}

/* As in cases_product.py. */
static const char *const einsums[] = {
    "ij,jk->ik",  "ij,jk",        "bij,bkj->bik", "bqhd,bkhd->bhqk",    "ii->i",
    "ii",         "iij->j",       "ijk->kj",      "...ij,...jk->...ik", "i...,i...->...",
    "i,j,k->kij", "ij,jk,kl->il", "i,ij,j->",     "bi,oij,bj->bo",      "ab,ab,ab->a",
    "ijj,jk->ik",
};

static void run_einsum(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_einsum_at(einsums[golden_integer(c, "number", 0)], c->inputs, in, WG_HERE);
}

static void run_tensordot(const golden_case *c, const wg_var *in, wg_var *out) {
    int64_t axes[2][GOLDEN_MOST_NUMBERS];
    int mine[WG_MAX_RANK], theirs[WG_MAX_RANK];
    const int n = golden_integers(c, "mine", axes[0]);
    (void)golden_integers(c, "theirs", axes[1]);
    for (int i = 0; i < n; i++) {
        mine[i] = (int)axes[0][i];
        theirs[i] = (int)axes[1][i];
    }
    out[0] = wg_tensordot_over(in[0], in[1], n, mine, theirs);
}

const golden_call golden_calls_product[] = {
    {"matmul", run_matmul, GOLDEN_ARRAY, 2, 2},
    {"affine", run_affine, GOLDEN_ARRAY, 2, 2},
    {"einsum", run_einsum, GOLDEN_ARRAY, 2, 4},
    {"dot", run_dot, GOLDEN_ARRAY, 2, 0},
    {"outer", run_outer, GOLDEN_ARRAY, 0, 2},
    {"inner", run_inner, GOLDEN_ARRAY, 2, 2},
    {"kron", run_kron, GOLDEN_ARRAY, 0, 2},
    {"tensordot", run_tensordot, GOLDEN_ARRAY, 2, 2},
    {0},
};
