/* scope.c: nets and name scopes. */
#include "nn/store.h"

#include <stdio.h>

wg_net wg_net_train(wg_store *store, wg_tape *tape, uint64_t step) {
    wg_net net = {store, tape, NULL, step, true};
    return net;
}

wg_net wg_net_eval(wg_store *store, wg_tape *tape) {
    wg_net net = {store, tape, NULL, 0, false};
    return net;
}

static struct wg_net_scope *new_scope(wg_store *store, const wg_name *name) {
    struct wg_net_scope *scope = wg_calloc(1, sizeof *scope);
    if (scope == NULL) {
        return NULL;
    }
    if (!wg_named_as(&scope->named, name) || !wg_names_add(&store->scopes, &scope->named)) {
        wg_free(scope->named.text);
        wg_free(scope);
        return NULL;
    }
    scope->next = store->first_scope;
    store->first_scope = scope;
    return scope;
}

wg_net wg_scope(wg_net net, const char *format, ...) {
    char part[WG_NAME_BYTES];
    wg_name name;
    if (net.tape->status != WG_OK) {
        return net;
    }
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(part, sizeof part, format, arguments);
    va_end(arguments);
    wg_name_start(&name, net.scope != NULL ? &net.scope->named : NULL);
    if (length <= 0) {
        wg_tape_fail(net.tape, WG_ERROR_ARGUMENT, "scope", NULL, "\"%s\" makes an empty name",
                     format);
        return net;
    }
    if (length >= WG_NAME_BYTES || !wg_name_add(&name, part)) {
        wg_tape_fail(net.tape, WG_ERROR_LIMIT, "scope", NULL,
                     "the name \"%s%s%.40s...\" has more than %d characters", name.text,
                     name.length > 0 ? "." : "", part, WG_NAME_BYTES - 1);
        return net;
    }
    wg_named *found = wg_names_find(&net.store->scopes, &name);
    net.scope = found != NULL ? (struct wg_net_scope *)(void *)found : new_scope(net.store, &name);
    if (net.scope == NULL) {
        wg_tape_fail(net.tape, WG_ERROR_MEMORY, "scope", NULL, "no memory for the scope %s",
                     name.text);
    }
    return net;
}
