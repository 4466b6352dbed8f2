/* derive.h (internal): what the derivatives of C functions are made of. */
#ifndef WG_SRC_TRANSFORM_DERIVE_H
#define WG_SRC_TRANSFORM_DERIVE_H

#include "transform/trace.h"

/* Begins a trace for derivatives by xs and runs it; scoped where nothing is to be recorded. */
bool wg_derive_begin(wg_trace *trace, wg_tape *tape, wg_closure closure, const wg_var *xs,
                     const char *name, const char *site);
/* out[i] = Σ seeds[j]·dys[j]/dxs[i] within the trace. */
bool wg_derive_pull(const wg_trace *trace, int m, const wg_var *ys, const wg_var *seeds, int n,
                    const wg_var *xs, wg_var *out);
/* Fails where the first result has not one element. */
bool wg_derive_one_element(const wg_trace *trace);
/* pulled[i] = Σ places[j]·dys[j]/dinputs[i], recorded, for some places: its gradients by them are
 * Jacobian-vector products. */
bool wg_derive_transpose(const wg_trace *trace, wg_var *places, wg_var *pulled);

#endif
