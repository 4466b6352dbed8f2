/* names.c: building names and finding what bears them: uthash where it is there, else a table of
 * our own (for a C compiler alone). */
#include "nn/names.h"

#include <string.h>

/* FNV-1a: Fowler, Noll, Vo; it goes on where a prefix ended. */
#define HASH_START 2166136261u
#define HASH_PRIME 16777619u

void wg_name_start(wg_name *name, const wg_named *prefix) {
    name->length = 0;
    name->hash = HASH_START;
    if (prefix != NULL) {
        memcpy(name->text, prefix->text, prefix->length);
        name->length = prefix->length;
        name->hash = prefix->hash;
    }
    name->text[name->length] = '\0';
}

static void append(wg_name *name, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        name->hash = (name->hash ^ (unsigned char)text[i]) * HASH_PRIME;
    }
    memcpy(name->text + name->length, text, length);
    name->length += (uint32_t)length;
}

bool wg_name_add(wg_name *name, const char *part) {
    const size_t length = part != NULL ? strlen(part) : 0;
    const size_t dot = name->length > 0 ? 1 : 0;
    if (length == 0 || length >= WG_NAME_BYTES - dot - name->length) {
        return false;
    }
    append(name, ".", dot);
    append(name, part, length);
    name->text[name->length] = '\0';
    return true;
}

bool wg_named_as(wg_named *named, const wg_name *name) {
    named->text = wg_strdup(name->text);
    named->length = name->length;
    named->hash = name->hash;
    return named->text != NULL;
}

#if defined(WG_HAVE_UTHASH)

wg_named *wg_names_find(const wg_names *names, const wg_name *name) {
    wg_named *found;
    HASH_FIND_BYHASHVALUE(hh, names->head, name->text, name->length, name->hash, found);
    return found;
}

bool wg_names_add(wg_names *names, wg_named *named) {
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, names->head, named->text, named->length, named->hash, named);
    return named->hh.tbl != NULL; /* uthash's sign that memory ran out */
}

void wg_names_remove(wg_names *names, wg_named *named) {
    HASH_DELETE(hh, names->head, named);
}

void wg_names_clear(wg_names *names) {
    HASH_CLEAR(hh, names->head);
}

#else

static bool bears(const wg_named *named, const wg_name *name) {
    return named->hash == name->hash && named->length == name->length &&
           memcmp(named->text, name->text, name->length) == 0;
}

wg_named *wg_names_find(const wg_names *names, const wg_name *name) {
    const size_t mask = names->capacity - 1;
    for (size_t i = name->hash; names->capacity > 0 && names->slot[i & mask] != NULL; i++) {
        if (bears(names->slot[i & mask], name)) {
            return names->slot[i & mask];
        }
    }
    return NULL;
}

static void place(wg_named **slot, size_t capacity, wg_named *named) {
    size_t i = named->hash;
    while (slot[i & (capacity - 1)] != NULL) {
        i++;
    }
    slot[i & (capacity - 1)] = named;
}

bool wg_names_add(wg_names *names, wg_named *named) {
    if (2 * (names->count + 1) > names->capacity) {
        const size_t capacity = names->capacity > 0 ? 2 * names->capacity : 32;
        wg_named **slot = wg_calloc(capacity, sizeof(wg_named *));
        if (slot == NULL) {
            return false;
        }
        for (size_t i = 0; i < names->capacity; i++) {
            if (names->slot[i] != NULL) {
                place(slot, capacity, names->slot[i]);
            }
        }
        wg_free(names->slot);
        names->slot = slot;
        names->capacity = capacity;
    }
    place(names->slot, names->capacity, named);
    names->count++;
    return true;
}

void wg_names_remove(wg_names *names, wg_named *named) {
    const size_t mask = names->capacity - 1;
    size_t i = named->hash & mask;
    while (names->slot[i] != named) {
        i = (i + 1) & mask;
    }
    names->slot[i] = NULL;
    names->count--;
    /* What follows without a gap may have been pushed on by it. */
    for (i = (i + 1) & mask; names->slot[i] != NULL; i = (i + 1) & mask) {
        wg_named *moved = names->slot[i];
        names->slot[i] = NULL;
        place(names->slot, names->capacity, moved);
    }
}

void wg_names_clear(wg_names *names) {
    wg_free(names->slot);
    *names = (wg_names){NULL, 0, 0};
}

#endif
