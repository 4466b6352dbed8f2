/* loss_scale.c: steps from gradients of a scaled loss. */
#include "optim/optimizer.h"

#include "kernel/level1.h"
#include "tape/tape.h"

#include <math.h>

wg_loss_scale wg_loss_scale_defaults(void) {
    return (wg_loss_scale){65536, 2, 0.5, 2000, 0};
}

static bool fits(const wg_loss_scale *scale) {
    if (scale == NULL) {
        (void)wg_fail(WG_ERROR_ARGUMENT, "step_scaled: the scale is NULL");
        return false;
    }
    return wg_option_fits("step_scaled", "scale", scale->scale, 1e-300, INFINITY) &&
           wg_option_fits("step_scaled", "growth", scale->growth, 1, INFINITY) &&
           wg_option_fits("step_scaled", "backoff", scale->backoff, 1e-300, 1) &&
           wg_option_fits("step_scaled", "interval", scale->interval, 1, INFINITY);
}

/* The scale within what an f32 holds: beyond it every gradient would overflow. */
static double within(double scale) {
    return fmin(fmax(scale, 0x1p-100), 0x1p100);
}

/* Element by element: the norm of finite gradients in f64 may not be finite. */
static bool are_finite(wg_store *store) {
    bool finite = true;
    wg_store_settle(store);
    for (size_t dtype = 0; dtype < WG_COUNT_OF(store->flat); dtype++) {
        const wg_flat *flat = &store->flat[dtype];
        finite =
            finite && isfinite(wg_kernel_greatest((wg_dtype)dtype, flat->count, flat->gradient));
    }
    return finite;
}

wg_status wg_step_scaled(wg_optimizer *optimizer, wg_tape *tape, wg_loss_scale *scale,
                         bool *taken) {
    bool unused;
    taken = taken != NULL ? taken : &unused;
    *taken = false;
    if (optimizer == NULL) {
        return WG_ERROR_ARGUMENT; /* wg_last_message still says why there is none */
    }
    if (!fits(scale)) {
        return WG_ERROR_ARGUMENT;
    }
    if (tape != NULL && tape->status != WG_OK) {
        return wg_step(optimizer, tape);
    }
    wg_status status = wg_store_pack(optimizer->store, "step_scaled");
    if (status != WG_OK) {
        return status;
    }
    if (!are_finite(optimizer->store)) {
        wg_zero_gradients(optimizer->store);
        scale->scale = within(scale->scale * scale->backoff);
        scale->good = 0;
        return WG_OK;
    }
    wg_store_scale_gradients(optimizer->store, 1 / scale->scale);
    status = wg_step(optimizer, tape);
    *taken = status == WG_OK;
    if (!*taken) { /* no memory: the gradients stay, for another try */
        wg_store_scale_gradients(optimizer->store, scale->scale);
    }
    if (*taken && ++scale->good >= scale->interval) {
        scale->scale = within(scale->scale * scale->growth);
        scale->good = 0;
    }
    return status;
}
