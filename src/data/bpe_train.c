/* bpe_train.c: byte pairs joined, the commonest first (Sennrich, Haddow, Birch 2016, algorithm 1).
 *
 * All different words lie behind each other in one list of symbols. Each pair knows how often it
 * comes and where; a join changes the counts of its neighbours alone, so that all joins together
 * take time in proportion to the symbols, not to symbols times joins. The heap of counts may hold
 * numbers that are too high, because counts fall once a pair is made: such an entry goes back with
 * its count of today when it comes up. */
#include "data/bpe_words.h"
#include "data/heap.h"
#include "data/vocabulary.h"

#include <string.h>

#define NOWHERE UINT32_MAX
#define MOST_SYMBOLS ((size_t)INT32_MAX)
#define FIRST_ROOM ((size_t)1 << 12)

typedef struct symbol {
    uint32_t token;  /* NOWHERE once it is joined to the symbol before it */
    uint32_t next;   /* in the word; NOWHERE behind the last */
    uint32_t before; /* NOWHERE before the first */
    uint32_t word;
} symbol;

typedef struct pair {
    uint32_t left, right;
    uint32_t first, last; /* places, a list from left to right */
    int64_t count;
} pair;

/* Where a pair came when it was noted; the symbols there may be others by now. */
typedef struct place {
    uint32_t symbol;
    uint32_t next;
} place;

typedef struct trainer {
    wg_words words;
    symbol *symbols;
    size_t symbol_count;
    pair *pairs;
    size_t pair_count, pair_room;
    wg_pairs table; /* from the tokens to the index in `pairs` */
    place *places;
    size_t place_count, place_room;
    wg_heap_entry *heap; /* pairs: the count, negative, and the tokens: the commonest first */
    size_t heap_count, heap_room;
    wg_merge *merges;
    size_t *lengths; /* [size] bytes of each token */
    uint32_t size;   /* tokens so far */
    bool no_memory;
} trainer;

/* Makes room for one element more; keeps what is there where memory runs out. */
static bool make_room(trainer *t, void **list, size_t count, size_t *room, size_t element) {
    if (count < *room) {
        return true;
    }
    const size_t more = *room == 0 ? FIRST_ROOM : 2 * *room;
    void *grown =
        more >= NOWHERE || more > SIZE_MAX / element ? NULL : wg_realloc(*list, more * element);
    if (grown == NULL) {
        t->no_memory = true;
        return false;
    }
    *list = grown;
    *room = more;
    return true;
}

/* ---- Counts ---------------------------------------------------------------------------------- */

static pair *find_pair(trainer *t, uint32_t left, uint32_t right) {
    uint32_t index = wg_pairs_find(&t->table, left, right);
    if (index != WG_NO_PAIR) {
        return &t->pairs[index];
    }
    void *list = t->pairs;
    const bool fits = make_room(t, &list, t->pair_count, &t->pair_room, sizeof *t->pairs);
    t->pairs = list;
    if (!fits || !wg_pairs_add(&t->table, left, right, (uint32_t)t->pair_count)) {
        t->no_memory = true;
        return NULL;
    }
    pair *new = &t->pairs[t->pair_count++];
    *new = (pair){.left = left, .right = right, .first = NOWHERE, .last = NOWHERE};
    return new;
}

static int64_t weight(const trainer *t, uint32_t at) {
    return t->words.words[t->symbols[at].word].count;
}

/* The pair whose left half stands at `at` comes in. */
static void add_pair(trainer *t, uint32_t at) {
    const symbol *left = &t->symbols[at];
    pair *found = find_pair(t, left->token, t->symbols[left->next].token);
    void *list = t->places;
    const bool fits = make_room(t, &list, t->place_count, &t->place_room, sizeof *t->places);
    t->places = list;
    if (found == NULL || !fits) {
        return;
    }
    const uint32_t new = (uint32_t)t->place_count++;
    t->places[new] = (place){at, NOWHERE};
    if (found->first == NOWHERE) {
        found->first = new;
    } else {
        t->places[found->last].next = new;
    }
    found->last = new;
    found->count += weight(t, at);
}

/* The pair whose left half stands at `at` goes. */
static void drop_pair(trainer *t, uint32_t at) {
    const symbol *left = &t->symbols[at];
    const uint32_t index = wg_pairs_find(&t->table, left->token, t->symbols[left->next].token);
    if (index != WG_NO_PAIR) {
        t->pairs[index].count -= weight(t, at);
    }
}

/* Lets the pair wait for its turn. */
static void push(trainer *t, const pair *p) {
    void *list = t->heap;
    const bool fits = make_room(t, &list, t->heap_count, &t->heap_room, sizeof *t->heap);
    t->heap = list;
    if (fits) {
        const wg_heap_entry waiting = {-p->count, (uint64_t)p->left << 32 | p->right};
        wg_heap_push(t->heap, &t->heap_count, waiting);
    }
}

/* Pairs from `first` on are new: their counts are known now. */
static void push_from(trainer *t, size_t first) {
    for (size_t i = first; i < t->pair_count && !t->no_memory; i++) {
        push(t, &t->pairs[i]);
    }
}

/* ---- Joining --------------------------------------------------------------------------------- */

static void join_at(trainer *t, uint32_t at, uint32_t token) {
    symbol *left = &t->symbols[at];
    const uint32_t taken = left->next, before = left->before, after = t->symbols[taken].next;
    if (before != NOWHERE) {
        drop_pair(t, before);
    }
    drop_pair(t, at);
    if (after != NOWHERE) {
        drop_pair(t, taken);
        t->symbols[after].before = at;
    }
    left->token = token;
    left->next = after;
    t->symbols[taken].token = NOWHERE;
    if (before != NOWHERE) {
        add_pair(t, before);
    }
    if (after != NOWHERE) {
        add_pair(t, at);
    }
}

/* Joins the pair everywhere, from left to right. */
static void join(trainer *t, uint32_t index) {
    const pair joined = t->pairs[index];
    const size_t known = t->pair_count;
    const uint32_t token = t->size;
    for (uint32_t p = joined.first; p != NOWHERE && !t->no_memory; p = t->places[p].next) {
        const symbol *left = &t->symbols[t->places[p].symbol];
        if (left->token == joined.left && left->next != NOWHERE &&
            t->symbols[left->next].token == joined.right) {
            join_at(t, t->places[p].symbol, token);
        }
    }
    t->merges[token - WG_BYTE_TOKENS] = (wg_merge){joined.left, joined.right};
    t->lengths[token] = t->lengths[joined.left] + t->lengths[joined.right];
    t->size++;
    push_from(t, known);
}

static void join_all(trainer *t, wg_bpe_options options) {
    push_from(t, 0);
    while (t->size < options.size && t->heap_count > 0 && !t->no_memory) {
        const wg_heap_entry top = wg_heap_pop(t->heap, &t->heap_count);
        const uint32_t left = (uint32_t)(top.second >> 32), right = (uint32_t)top.second;
        const uint32_t index = wg_pairs_find(&t->table, left, right);
        const pair *best = &t->pairs[index];
        const size_t length = t->lengths[best->left] + t->lengths[best->right];
        if (best->count < options.minimum || length > WG_LONGEST_TOKEN) {
            continue;
        }
        if (best->count < -top.first) {
            push(t, best);
        } else {
            join(t, index);
        }
    }
}

/* ---- Start and end --------------------------------------------------------------------------- */

static wg_status lay_out(trainer *t) {
    size_t total = 0;
    for (size_t i = 0; i < t->words.count; i++) {
        total += t->words.words[i].bytes;
    }
    if (total > MOST_SYMBOLS) {
        return wg_fail(WG_ERROR_LIMIT, "vocabulary_bpe: the different words have %zu bytes", total);
    }
    t->symbols = wg_calloc(total + 1, sizeof *t->symbols);
    if (t->symbols == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "vocabulary_bpe: no memory for %zu symbols", total);
    }
    for (size_t i = 0; i < t->words.count; i++) {
        const wg_word *word = &t->words.words[i];
        for (size_t k = 0; k < word->bytes; k++) {
            const uint32_t at = (uint32_t)t->symbol_count++;
            t->symbols[at] = (symbol){.token = (unsigned char)word->text[k],
                                      .next = k + 1 < word->bytes ? at + 1 : NOWHERE,
                                      .before = k > 0 ? at - 1 : NOWHERE,
                                      .word = (uint32_t)i};
        }
    }
    for (size_t at = 0; at < t->symbol_count && !t->no_memory; at++) {
        if (t->symbols[at].next != NOWHERE) {
            add_pair(t, (uint32_t)at);
        }
    }
    return WG_OK;
}

static wg_status train(trainer *t, const char *text, size_t bytes, wg_bpe_options options) {
    wg_status status = wg_words_count(&t->words, text, bytes);
    /* A text of n bytes has less than n joins. */
    const size_t most = (size_t)options.size - WG_BYTE_TOKENS < bytes ? (size_t)options.size
                                                                      : WG_BYTE_TOKENS + bytes;
    t->merges = wg_calloc(most, sizeof *t->merges);
    t->lengths = wg_calloc(most, sizeof *t->lengths);
    t->no_memory = t->merges == NULL || t->lengths == NULL;
    for (uint32_t id = 0; id < WG_BYTE_TOKENS && !t->no_memory; id++) {
        t->lengths[id] = 1;
    }
    t->size = WG_BYTE_TOKENS;
    if (status == WG_OK) {
        status = lay_out(t);
    }
    if (status == WG_OK) {
        join_all(t, options);
        if (t->no_memory) {
            status =
                wg_fail(WG_ERROR_MEMORY, "vocabulary_bpe: no memory for %zu pairs", t->pair_count);
        }
    }
    return status;
}

wg_status wg_vocabulary_bpe(const char *text, size_t bytes, wg_bpe_options options,
                            wg_vocabulary **out) {
    *out = NULL;
    options.minimum = options.minimum == 0 ? 2 : options.minimum;
    if (options.size < WG_BYTE_TOKENS || options.size > INT32_MAX || options.minimum < 1) {
        return wg_fail(WG_ERROR_ARGUMENT,
                       "vocabulary_bpe: %lld tokens of pairs that come %lld "
                       "times: 256 at least, and once",
                       (long long)options.size, (long long)options.minimum);
    }
    if (text == NULL && bytes > 0) {
        return wg_fail(WG_ERROR_ARGUMENT, "vocabulary_bpe: there is no text");
    }
    trainer t = {.symbols = NULL};
    wg_status status = train(&t, text, bytes, options);
    if (status == WG_OK) {
        status = wg_vocabulary_of_merges(t.merges, t.size, out);
        t.merges = NULL; /* taken over */
    }
    wg_words_clear(&t.words);
    wg_pairs_clear(&t.table);
    wg_free(t.symbols);
    wg_free(t.pairs);
    wg_free(t.places);
    wg_free(t.heap);
    wg_free(t.merges);
    wg_free(t.lengths);
    return status;
}
