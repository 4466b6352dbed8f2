/* Profiles when memory runs out: what is seen may be lost, what is computed is not. */
#include "allocation.h"
#include "wengert/elementwise.h"
#include "wengert/profile.h"

#include <criterion/criterion.h>

Test(profile_allocation, loses_only_what_it_saw) {
    wg_store *store = wg_store_new(1);
    wg_tape *tape = wg_tape_new();
    for (int warm = 0; warm < 2; warm++) { /* the tape then asks for no more */
        wg_net net = wg_net_train(store, tape, 0);
        wg_var x = wg_full(tape, WG_F32, 2, (int64_t[]){3, 4}, 1);
        cr_assert_eq(wg_backward(wg_sum(wg_linear(net, "fc", x, 2))), WG_OK);
        wg_tape_reset(tape);
    }
    wg_status status = WG_ERROR_MEMORY;
    for (long granted = 0; granted < 100 && status != WG_OK; granted++) {
        wg_profile *profile = NULL;
        wg_test_refuse_after(granted);
        status = wg_profile_new((wg_profile_options){0}, &profile);
        if (status == WG_OK) {
            cr_assert_eq(wg_profile_start(profile, tape), WG_OK);
            wg_net net = wg_net_train(store, tape, 0);
            wg_var x = wg_full(tape, WG_F32, 2, (int64_t[]){3, 4}, 1);
            cr_assert_eq(wg_backward(wg_sum(wg_linear(net, "fc", x, 2))), WG_OK);
            wg_tape_reset(tape);
            status = wg_profile_stop(profile);
        }
        cr_assert(status == WG_OK || status == WG_ERROR_MEMORY);
        wg_profile_free(profile);
        cr_assert_eq(wg_test_blocks(), 0);
        wg_test_allow();
    }
    cr_assert_eq(status, WG_OK);
    wg_tape_free(tape);
    wg_store_free(store);
}
