/* bpe_words.h (internal): the different words of a text, and how often each comes. */
#ifndef WG_SRC_BPE_WORDS_H
#define WG_SRC_BPE_WORDS_H

#include "base/base.h"

typedef struct wg_word {
    const char *text; /* in the text counted */
    size_t bytes;
    uint64_t hash;
    int64_t count;
} wg_word;

/* In the order in which they first come. All zeros is an empty list. */
typedef struct wg_words {
    wg_word *words;
    size_t count;
    size_t room;
    uint32_t *slots; /* a hash table of indices into `words`; [slot_count], a power of two */
    size_t slot_count;
} wg_words;

/* Counts the words of a text. LIMIT for too many different ones, MEMORY. */
wg_status wg_words_count(wg_words *words, const char *text, size_t bytes);
void wg_words_clear(wg_words *words);

#endif
