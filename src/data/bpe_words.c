/* bpe_words.c: the different words of a text, and how often each comes. */
#include "data/bpe_words.h"

#include "data/words.h"

#include <string.h>

#define FREE UINT32_MAX
#define FIRST_ROOM ((size_t)1 << 10)

/* FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo). */
static uint64_t hash_of(const char *text, size_t bytes) {
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    }
    return hash ^ hash >> 32;
}

/* The slot of the word, or the free one where it belongs. */
static uint32_t *slot_of(const wg_words *w, const wg_word *word) {
    size_t at = (size_t)word->hash & (w->slot_count - 1);
    while (w->slots[at] != FREE) {
        const wg_word *other = &w->words[w->slots[at]];
        if (other->hash == word->hash && other->bytes == word->bytes &&
            memcmp(other->text, word->text, word->bytes) == 0) {
            break;
        }
        at = (at + 1) & (w->slot_count - 1);
    }
    return &w->slots[at];
}

static bool grow(wg_words *w) {
    const size_t room = w->room == 0 ? FIRST_ROOM : 2 * w->room;
    wg_word *words =
        room > SIZE_MAX / sizeof *words ? NULL : wg_realloc(w->words, room * sizeof *words);
    if (words != NULL) {
        w->words = words; /* may be longer than `room` says, until that is raised */
    }
    uint32_t *slots = words == NULL ? NULL : wg_calloc(2 * room, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    memset(slots, 0xFF, 2 * room * sizeof *slots);
    wg_free(w->slots);
    w->slots = slots;
    w->slot_count = 2 * room;
    w->room = room;
    for (size_t i = 0; i < w->count; i++) {
        *slot_of(w, &w->words[i]) = (uint32_t)i;
    }
    return true;
}

wg_status wg_words_count(wg_words *words, const char *text, size_t bytes) {
    for (size_t at = 0; at < bytes;) {
        const size_t length = wg_word_length(text + at, bytes - at);
        const wg_word word = {text + at, length, hash_of(text + at, length), 1};
        if (words->count == words->room && !grow(words)) {
            return wg_fail(WG_ERROR_MEMORY, "vocabulary_bpe: no memory for %zu words",
                           words->count + 1);
        }
        uint32_t *slot = slot_of(words, &word);
        if (*slot != FREE) {
            words->words[*slot].count++;
        } else if (words->count >= INT32_MAX) {
            return wg_fail(WG_ERROR_LIMIT, "vocabulary_bpe: more than 2^31 - 1 different words");
        } else {
            *slot = (uint32_t)words->count;
            words->words[words->count++] = word;
        }
        at += length;
    }
    return WG_OK;
}

void wg_words_clear(wg_words *words) {
    wg_free(words->words);
    wg_free(words->slots);
    *words = (wg_words){NULL, 0, 0, NULL, 0};
}
