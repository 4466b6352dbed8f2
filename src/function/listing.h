/* listing.h (internal): a program's steps one by one, as its loops are looked for in them. */
#ifndef WG_SRC_FUNCTION_LISTING_H
#define WG_SRC_FUNCTION_LISTING_H

#include "function/nest.h"

/* A step, or a store of an output; values are named by the entries that make them. */
typedef struct wg_entry {
    uint16_t code, rule;
    uint8_t kind[WG_REFS], array[WG_REFS]; /* wg_ref_kind; which array an element is of */
    uint32_t at[WG_REFS];
} wg_entry;

typedef struct wg_listing {
    wg_entry *entry;
    uint32_t entries;
    double *number;
    uint32_t numbers;
} wg_listing;

/* False with wg_last_message: MEMORY, or LIMIT where the program is too long. wg_listing_end in any
 * case. */
bool wg_listing_begin(wg_listing *listing, const wg_program *program, const wg_ports *ports,
                      bool relaxed, const char *name);
void wg_listing_end(wg_listing *listing);

/* The listing's steps as nodes, its loops found if `loops`. MEMORY (without a message), LIMIT.
 * (roll.c) */
wg_status wg_nest_roll(wg_nest *nest, const wg_listing *listing, bool loops, const char *name);
/* Runs the nest on names of values in place of numbers: whether it does just what the listing says,
 * step by step, each operand read from where its value is at that time. *failed: memory ran out.
 * (replay.c) */
bool wg_nest_agrees(const wg_nest *nest, const wg_listing *listing, bool *failed);

#endif
