/* bpe_split.c: words into tokens of byte pairs: of all neighbours that are a token together, the
 * earliest token is joined first, from left to right, until there are none. */
#include "data/heap.h"
#include "data/vocabulary.h"

#include <string.h>

#define NOWHERE UINT32_MAX

struct wg_splitter {
    const wg_vocabulary *vocabulary;
    size_t room;     /* bytes of the longest word so far */
    uint32_t *token; /* [room] what begins at a byte */
    uint32_t *next;  /* [room] where the next one begins, NOWHERE behind the last */
    uint32_t *before;
    /* [3 * room] pairs that could be joined when they were seen: the token, and the position of the
     * left half. Each of up to `room` joins adds two at most. */
    wg_heap_entry *heap;
    size_t waiting;
};

wg_status wg_splitter_new(const wg_vocabulary *vocabulary, wg_splitter **out) {
    *out = wg_calloc(1, sizeof **out);
    if (*out == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "vocabulary: no memory to split words");
    }
    (*out)->vocabulary = vocabulary;
    return WG_OK;
}

static void clear(wg_splitter *s) {
    wg_free(s->token);
    wg_free(s->next);
    wg_free(s->before);
    wg_free(s->heap);
    s->token = s->next = s->before = NULL;
    s->heap = NULL;
    s->room = 0;
}

void wg_splitter_free(wg_splitter *splitter) {
    if (splitter != NULL) {
        clear(splitter);
        wg_free(splitter);
    }
}

static bool make_room(wg_splitter *s, size_t bytes) {
    if (bytes <= s->room) {
        return true;
    }
    const size_t room = bytes < 64 ? 64 : bytes <= NOWHERE / 4 ? 2 * bytes : bytes;
    clear(s);
    if (bytes >= NOWHERE) {
        return false;
    }
    s->token = wg_calloc(room, sizeof *s->token);
    s->next = wg_calloc(room, sizeof *s->next);
    s->before = wg_calloc(room, sizeof *s->before);
    s->heap = wg_calloc(room, 3 * sizeof *s->heap);
    s->room = room;
    if (s->token == NULL || s->next == NULL || s->before == NULL || s->heap == NULL) {
        clear(s);
        return false;
    }
    return true;
}

/* Notes the pair whose left half begins at `at`, where it is one. */
static void consider(wg_splitter *s, uint32_t at) {
    if (at == NOWHERE || s->next[at] == NOWHERE) {
        return;
    }
    const uint32_t joined =
        wg_pairs_find(&s->vocabulary->ranks, s->token[at], s->token[s->next[at]]);
    if (joined != WG_NO_PAIR) {
        wg_heap_push(s->heap, &s->waiting, (wg_heap_entry){joined, at});
    }
}

/* Joins the pair if both halves still stand there; tokens that were taken away are NOWHERE. */
static void join(wg_splitter *s, uint32_t token, uint32_t at) {
    const wg_merge merge = s->vocabulary->merges[token - WG_BYTE_TOKENS];
    const uint32_t right = s->next[at];
    if (s->token[at] != merge.left || right == NOWHERE || s->token[right] != merge.right) {
        return;
    }
    s->token[at] = token;
    s->token[right] = NOWHERE;
    s->next[at] = s->next[right];
    if (s->next[right] != NOWHERE) {
        s->before[s->next[right]] = at;
    }
    consider(s, s->before[at]);
    consider(s, at);
}

int64_t wg_split_word(wg_splitter *splitter, const char *word, size_t bytes, uint32_t *ids) {
    wg_splitter *s = splitter;
    if (!make_room(s, bytes)) {
        return -1;
    }
    const uint32_t length = (uint32_t)bytes;
    for (uint32_t i = 0; i < length; i++) {
        s->token[i] = (unsigned char)word[i];
        s->next[i] = i + 1 < length ? i + 1 : NOWHERE;
        s->before[i] = i > 0 ? i - 1 : NOWHERE;
    }
    s->waiting = 0;
    for (uint32_t i = 0; i < length; i++) {
        consider(s, i);
    }
    while (s->waiting > 0) {
        const wg_heap_entry pair = wg_heap_pop(s->heap, &s->waiting);
        join(s, (uint32_t)pair.first, (uint32_t)pair.second);
    }
    int64_t count = 0;
    for (uint32_t i = 0; i < length && i != NOWHERE; i = s->next[i]) {
        ids[count++] = s->token[i];
    }
    return count;
}
