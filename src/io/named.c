/* named.c: a growing list of arrays under names that are made up. */
#include "io/named.h"

#include "base/grow.h"

#include <stdio.h>

wg_status wg_named_add(wg_named_list *list, const wg_view *view, const char *format, ...) {
    wg_named_view *views = wg_grown(list->view, list->count, &list->capacity, sizeof *views);
    if (views == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for %lld names", list->verb,
                       (long long)list->count + 1);
    }
    list->view = views;
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    char *name = wg_calloc((size_t)(length > 0 ? length : 0) + 1, 1);
    if (name != NULL) {
        (void)vsnprintf(name, (size_t)length + 1, format, again);
    }
    va_end(again);
    va_end(arguments);
    if (name == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for a name", list->verb);
    }
    list->view[list->count++] = (wg_named_view){name, *view};
    return WG_OK;
}

void wg_named_free(wg_named_list *list) {
    for (int64_t i = 0; i < list->count; i++) {
        wg_free((char *)(uintptr_t)list->view[i].name);
    }
    wg_free(list->view);
    *list = (wg_named_list){.verb = list->verb};
}
