/* bpe_split.c: words into tokens of byte pairs: of all neighbours that are a token together, the
 * earliest token is joined first, from left to right, until there are none. */
#include "data/vocabulary.h"

#include <string.h>

#define NOWHERE UINT32_MAX

/* A pair that could be joined when it was seen: the token, and the position of its left half. */
typedef struct candidate {
    uint32_t token;
    uint32_t at;
} candidate;

struct wg_splitter {
    const wg_vocabulary *vocabulary;
    size_t room;     /* bytes of the longest word so far */
    uint32_t *token; /* [room] what begins at a byte */
    uint32_t *next;  /* [room] where the next one begins, NOWHERE behind the last */
    uint32_t *before;
    candidate *heap; /* [3 * room] the least on top; each of up to `room` joins adds two at most */
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

static bool goes_first(candidate a, candidate b) {
    return a.token < b.token || (a.token == b.token && a.at < b.at);
}

static void push(wg_splitter *s, candidate new) {
    size_t at = s->waiting++;
    while (at > 0 && goes_first(new, s->heap[(at - 1) / 2])) {
        s->heap[at] = s->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    s->heap[at] = new;
}

static candidate pop(wg_splitter *s) {
    const candidate top = s->heap[0], moved = s->heap[--s->waiting];
    size_t at = 0;
    for (size_t child = 1; child < s->waiting; child = 2 * at + 1) {
        if (child + 1 < s->waiting && goes_first(s->heap[child + 1], s->heap[child])) {
            child++;
        }
        if (!goes_first(s->heap[child], moved)) {
            break;
        }
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = moved;
    return top;
}

/* Notes the pair whose left half begins at `at`, where it is one. */
static void consider(wg_splitter *s, uint32_t at) {
    if (at == NOWHERE || s->next[at] == NOWHERE) {
        return;
    }
    const uint32_t joined =
        wg_pairs_find(&s->vocabulary->ranks, s->token[at], s->token[s->next[at]]);
    if (joined != WG_NO_PAIR) {
        push(s, (candidate){joined, at});
    }
}

/* Joins the pair if both halves still stand there; tokens that were taken away are NOWHERE. */
static void join(wg_splitter *s, candidate pair) {
    const wg_merge merge = s->vocabulary->merges[pair.token - WG_BYTE_TOKENS];
    const uint32_t right = s->next[pair.at];
    if (s->token[pair.at] != merge.left || right == NOWHERE || s->token[right] != merge.right) {
        return;
    }
    s->token[pair.at] = pair.token;
    s->token[right] = NOWHERE;
    s->next[pair.at] = s->next[right];
    if (s->next[right] != NOWHERE) {
        s->before[s->next[right]] = pair.at;
    }
    consider(s, s->before[pair.at]);
    consider(s, pair.at);
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
        join(s, pop(s));
    }
    int64_t count = 0;
    for (uint32_t i = 0; i < length && i != NOWHERE; i = s->next[i]) {
        ids[count++] = s->token[i];
    }
    return count;
}
