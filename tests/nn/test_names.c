/* test_names.c: the table of names, uthash's or our own. */
#include "nn/names.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    COUNT = 500
};

static void name_of(int i, wg_name *name) {
    char text[16];
    (void)snprintf(text, sizeof text, "n%d", i);
    wg_name_start(name, NULL);
    cr_assert(wg_name_add(name, text));
}

/* Wherever one is taken out, the others are found, and it is not. */
Test(names, what_is_taken_out_hides_no_other) {
    static wg_named named[COUNT];
    static bool there[COUNT];
    wg_names names = {0};
    wg_name name;
    for (int i = 0; i < COUNT; i++) {
        name_of(i, &name);
        cr_assert(wg_named_as(&named[i], &name) && wg_names_add(&names, &named[i]));
        there[i] = true;
    }
    for (int turn = 0; turn < 3 * COUNT; turn++) {
        const int i = turn * 197 % COUNT;
        name_of(i, &name);
        if (there[i]) {
            wg_names_remove(&names, &named[i]);
        } else {
            cr_assert(wg_names_add(&names, &named[i]));
        }
        there[i] = !there[i];
        for (int k = turn % 7; k < COUNT; k += 7) {
            name_of(k, &name);
            cr_assert_eq(wg_names_find(&names, &name), there[k] ? &named[k] : NULL);
        }
    }
    wg_names_clear(&names);
    for (int i = 0; i < COUNT; i++) {
        wg_free(named[i].text);
    }
}
