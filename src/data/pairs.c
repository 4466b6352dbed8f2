/* pairs.c: a table from pairs of tokens to numbers. */
#include "data/pairs.h"

#define FIRST_ROOM ((size_t)1 << 10)

/* The slot of the pair, or the free one where it belongs. */
static wg_pair_slot *slot_of(wg_pair_slot *slots, size_t room, uint32_t left, uint32_t right) {
    uint64_t hash = ((uint64_t)left << 32 | right) * UINT64_C(0x9E3779B97F4A7C15);
    hash ^= hash >> 32;
    size_t at = (size_t)hash & (room - 1);
    while (slots[at].value != WG_NO_PAIR && (slots[at].left != left || slots[at].right != right)) {
        at = (at + 1) & (room - 1);
    }
    return &slots[at];
}

uint32_t wg_pairs_find(const wg_pairs *pairs, uint32_t left, uint32_t right) {
    return pairs->room == 0 ? WG_NO_PAIR : slot_of(pairs->slots, pairs->room, left, right)->value;
}

static bool grow(wg_pairs *pairs) {
    const size_t room = pairs->room == 0 ? FIRST_ROOM : 2 * pairs->room;
    wg_pair_slot *slots = wg_calloc(room, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < room; i++) {
        slots[i].value = WG_NO_PAIR;
    }
    for (size_t i = 0; i < pairs->room; i++) {
        const wg_pair_slot *old = &pairs->slots[i];
        if (old->value != WG_NO_PAIR) {
            *slot_of(slots, room, old->left, old->right) = *old;
        }
    }
    wg_free(pairs->slots);
    pairs->slots = slots;
    pairs->room = room;
    return true;
}

bool wg_pairs_add(wg_pairs *pairs, uint32_t left, uint32_t right, uint32_t value) {
    if (2 * (pairs->used + 1) > pairs->room && !grow(pairs)) {
        return false;
    }
    *slot_of(pairs->slots, pairs->room, left, right) = (wg_pair_slot){left, right, value};
    pairs->used++;
    return true;
}

void wg_pairs_clear(wg_pairs *pairs) {
    wg_free(pairs->slots);
    *pairs = (wg_pairs){NULL, 0, 0};
}
