/* names.h (internal): full names ("encoder.0.fc1.weight"), and a table of what bears one. */
#ifndef WG_SRC_NN_NAMES_H
#define WG_SRC_NN_NAMES_H

#include "base/base.h"

#if defined(WG_HAVE_UTHASH)
#define HASH_NONFATAL_OOM 1
#define uthash_malloc(bytes) wg_alloc(bytes)
#define uthash_free(memory, bytes) wg_free(memory)
#include <uthash.h>
#endif

/* Room for a full name and its end. */
#define WG_NAME_BYTES 256

/* A full name under construction. The hash runs along, so that a scope's part is hashed once. */
typedef struct wg_name {
    uint32_t length, hash;
    char text[WG_NAME_BYTES];
} wg_name;

/* The first member of everything that a table holds. */
typedef struct wg_named {
    char *text; /* of wg_strdup */
    uint32_t length, hash;
#if defined(WG_HAVE_UTHASH)
    UT_hash_handle hh;
#endif
} wg_named;

/* Zeroed: an empty table. */
typedef struct wg_names {
#if defined(WG_HAVE_UTHASH)
    wg_named *head;
#else
    wg_named **slot; /* open addressing, linear probing; NULL where free */
    size_t count, capacity;
#endif
} wg_names;

/* Begins a name with what `prefix` is called; NULL for nothing. */
void wg_name_start(wg_name *name, const wg_named *prefix);
/* Adds a part behind a dot. False, and nothing added, where it is NULL, empty or too long. */
bool wg_name_add(wg_name *name, const char *part);

/* Gives `named` a copy of the name. False where memory ran out. */
bool wg_named_as(wg_named *named, const wg_name *name);

wg_named *wg_names_find(const wg_names *names, const wg_name *name);
/* Adds what is not there yet. False, and the table as before, where memory ran out. */
bool wg_names_add(wg_names *names, wg_named *named);
/* Takes out what is there. */
void wg_names_remove(wg_names *names, wg_named *named);
/* Frees the table, not what it holds; call it before that is freed. */
void wg_names_clear(wg_names *names);

#endif
