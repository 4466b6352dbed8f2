/* vocabulary.h (internal): what a vocabulary is made of. */
#ifndef WG_SRC_VOCABULARY_H
#define WG_SRC_VOCABULARY_H

#include "base/base.h"
#include "data/pairs.h"
#include "wengert/text.h"

#define WG_LONGEST_TOKEN 4096 /* bytes */
#define WG_BYTE_TOKENS 256    /* tokens of byte pairs that are always there */

/* The kinds, and what a file calls them. */
#define WG_VOCABULARY_KINDS(X)                                                                     \
    X(CODE_POINTS, "characters")                                                                   \
    X(BYTES, "bytes")                                                                              \
    X(PAIRS, "pairs")

typedef enum wg_vocabulary_kind {
#define WG_VOCABULARY_KIND(name, text) WG_VOCABULARY_##name,
    WG_VOCABULARY_KINDS(WG_VOCABULARY_KIND)
#undef WG_VOCABULARY_KIND
} wg_vocabulary_kind;

/* A token of byte pairs from 256 on: the two that it joins. */
typedef struct wg_merge {
    uint32_t left, right;
} wg_merge;

struct wg_vocabulary {
    wg_vocabulary_kind kind;
    bool unknown;
    uint32_t size;
    uint32_t *codes;  /* of characters: the code point or byte of each but the unknown, ascending */
    wg_merge *merges; /* of byte pairs: [size - 256] */
    wg_pairs ranks;   /* of byte pairs: from the two to the token that joins them */
    size_t *starts;   /* [size + 1] into `text` */
    char *text;       /* the tokens' bytes, each with a zero byte behind */
};

/* New vocabularies that take the tables over, also on failure: codes ascending [size - unknown];
 * merges [size - 256], each of earlier tokens, none twice, none longer than WG_LONGEST_TOKEN. */
wg_status wg_vocabulary_of_codes(wg_vocabulary_kind kind, bool unknown, uint32_t *codes,
                                 uint32_t size, wg_vocabulary **out);
wg_status wg_vocabulary_of_merges(wg_merge *merges, uint32_t size, wg_vocabulary **out);

/* Splits a word into tokens of byte pairs. The splitter's memory grows to its longest word. */
typedef struct wg_splitter wg_splitter;
wg_status wg_splitter_new(const wg_vocabulary *vocabulary, wg_splitter **out);
/* The tokens go to ids[], which has room for one a byte; returns how many, -1 without memory. */
int64_t wg_split_word(wg_splitter *splitter, const char *word, size_t bytes, uint32_t *ids);
void wg_splitter_free(wg_splitter *splitter);

/* The text of the file that wg_write_vocabulary makes, and back. `path` names it in messages. */
wg_status wg_vocabulary_to_bytes(const wg_vocabulary *vocabulary, char **bytes, size_t *size);
wg_status wg_vocabulary_from_bytes(const char *path, const char *bytes, size_t size,
                                   wg_vocabulary **out);

#endif
