/* vocabulary.c: vocabularies as objects; text to ids and back. */
#include "data/vocabulary.h"

#include "data/utf8.h"
#include "data/words.h"

#include <string.h>

void wg_vocabulary_free(wg_vocabulary *vocabulary) {
    if (vocabulary != NULL) {
        wg_free(vocabulary->codes);
        wg_free(vocabulary->merges);
        wg_pairs_clear(&vocabulary->ranks);
        wg_free(vocabulary->starts);
        wg_free(vocabulary->text);
        wg_free(vocabulary);
    }
}

int64_t wg_vocabulary_size(const wg_vocabulary *vocabulary) {
    return vocabulary->size;
}

static size_t token_bytes(const wg_vocabulary *vocabulary, uint32_t id) {
    return vocabulary->starts[id + 1] - vocabulary->starts[id] - 1;
}

const char *wg_vocabulary_token(const wg_vocabulary *vocabulary, int64_t id, size_t *bytes) {
    const bool known = id >= 0 && id < (int64_t)vocabulary->size;
    if (bytes != NULL) {
        *bytes = known ? token_bytes(vocabulary, (uint32_t)id) : 0;
    }
    return known ? vocabulary->text + vocabulary->starts[id] : NULL;
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* Gives back what was made so far, and the status. */
static wg_status give_up(wg_vocabulary *vocabulary, uint32_t size) {
    wg_vocabulary_free(vocabulary);
    return wg_fail(WG_ERROR_MEMORY, "vocabulary: no memory for %lu tokens", (unsigned long)size);
}

/* The bytes of a character's token; returns how many. */
static size_t character(const wg_vocabulary *vocabulary, uint32_t id, char out[WG_UTF8_MOST]) {
    const bool unknown = vocabulary->unknown && id == vocabulary->size - 1;
    const uint32_t code = unknown ? 0xFFFD : vocabulary->codes[id];
    if (vocabulary->kind == WG_VOCABULARY_BYTES && !unknown) {
        out[0] = (char)(unsigned char)code;
        return 1;
    }
    return wg_utf8_write(code, out);
}

/* An object with room for the starts of its tokens. */
static wg_vocabulary *new_vocabulary(wg_vocabulary_kind kind, uint32_t size) {
    wg_vocabulary *vocabulary = wg_calloc(1, sizeof *vocabulary);
    if (vocabulary != NULL) {
        vocabulary->kind = kind;
        vocabulary->size = size;
        vocabulary->starts = wg_calloc((size_t)size + 1, sizeof *vocabulary->starts);
    }
    return vocabulary;
}

wg_status wg_vocabulary_of_codes(wg_vocabulary_kind kind, bool unknown, uint32_t *codes,
                                 uint32_t size, wg_vocabulary **out) {
    wg_vocabulary *made = new_vocabulary(kind, size);
    *out = NULL;
    if (made == NULL) {
        wg_free(codes);
        return give_up(NULL, size);
    }
    made->codes = codes;
    made->unknown = unknown;
    made->text = wg_calloc((size_t)size, WG_UTF8_MOST + 1);
    if (made->starts == NULL || made->text == NULL) {
        return give_up(made, size);
    }
    for (uint32_t id = 0; id < size; id++) {
        const size_t start = made->starts[id];
        made->starts[id + 1] = start + character(made, id, made->text + start) + 1;
    }
    *out = made;
    return WG_OK;
}

/* Where each token starts, from the lengths of the two that it joins. */
static void place_merges(wg_vocabulary *made) {
    for (uint32_t id = 0; id < made->size; id++) {
        size_t length = 1;
        if (id >= WG_BYTE_TOKENS) {
            const wg_merge merge = made->merges[id - WG_BYTE_TOKENS];
            length = token_bytes(made, merge.left) + token_bytes(made, merge.right);
        }
        made->starts[id + 1] = made->starts[id] + length + 1;
    }
}

static void spell_merges(wg_vocabulary *made) {
    for (uint32_t id = 0; id < made->size; id++) {
        char *to = made->text + made->starts[id];
        if (id < WG_BYTE_TOKENS) {
            *to = (char)(unsigned char)id;
            continue;
        }
        const wg_merge merge = made->merges[id - WG_BYTE_TOKENS];
        const size_t left = token_bytes(made, merge.left);
        memcpy(to, made->text + made->starts[merge.left], left);
        memcpy(to + left, made->text + made->starts[merge.right], token_bytes(made, merge.right));
    }
}

wg_status wg_vocabulary_of_merges(wg_merge *merges, uint32_t size, wg_vocabulary **out) {
    wg_vocabulary *made = new_vocabulary(WG_VOCABULARY_PAIRS, size);
    *out = NULL;
    if (made == NULL) {
        wg_free(merges);
        return give_up(NULL, size);
    }
    made->merges = merges;
    if (made->starts == NULL) {
        return give_up(made, size);
    }
    place_merges(made);
    made->text = wg_calloc(made->starts[size], 1);
    bool fits = made->text != NULL;
    for (uint32_t id = WG_BYTE_TOKENS; id < size && fits; id++) {
        const wg_merge merge = merges[id - WG_BYTE_TOKENS];
        fits = wg_pairs_add(&made->ranks, merge.left, merge.right, id);
    }
    if (!fits) {
        return give_up(made, size);
    }
    spell_merges(made);
    *out = made;
    return WG_OK;
}

/* ---- Characters ------------------------------------------------------------------------------ */

/* Reads one character; 0 for what is no UTF-8. */
static size_t next_character(wg_vocabulary_kind kind, const char *text, size_t bytes,
                             uint32_t *code) {
    if (kind == WG_VOCABULARY_BYTES) {
        *code = (unsigned char)text[0];
        return 1;
    }
    return wg_utf8_read(text, bytes, code);
}

static wg_status no_utf8(size_t at) {
    return wg_fail(WG_ERROR_FORMAT, "vocabulary: byte %zu of the text is no UTF-8", at);
}

/* Marks the characters of the text in a set of bits, one for each code point; counts them. */
static wg_status mark_characters(wg_vocabulary_kind kind, const char *text, size_t bytes,
                                 unsigned char *set, uint32_t *count) {
    *count = 0;
    for (size_t at = 0; at < bytes;) {
        uint32_t code = 0;
        const size_t length = next_character(kind, text + at, bytes - at, &code);
        if (length == 0) {
            return no_utf8(at);
        }
        const unsigned char bit = (unsigned char)(1u << (code & 7));
        *count += (set[code >> 3] & bit) == 0 ? 1 : 0;
        set[code >> 3] |= bit;
        at += length;
    }
    return *count > 0 ? WG_OK
                      : wg_fail(WG_ERROR_ARGUMENT, "vocabulary: the text has no characters");
}

static wg_status no_text(void) {
    return wg_fail(WG_ERROR_ARGUMENT, "vocabulary: there is no text, or no vocabulary");
}

wg_status wg_vocabulary_characters(const char *text, size_t bytes, wg_character_options options,
                                   wg_vocabulary **out) {
    const wg_vocabulary_kind kind =
        options.single_bytes ? WG_VOCABULARY_BYTES : WG_VOCABULARY_CODE_POINTS;
    *out = NULL;
    if (text == NULL) {
        return no_text();
    }
    unsigned char *set = wg_calloc(WG_LAST_CODE_POINT / 8 + 1, 1);
    if (set == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "vocabulary: no memory for the set of characters");
    }
    uint32_t count = 0;
    wg_status status = mark_characters(kind, text, bytes, set, &count);
    if (status == WG_OK) {
        uint32_t *codes = wg_calloc(count, sizeof *codes);
        uint32_t found = 0;
        for (uint32_t code = 0; code <= WG_LAST_CODE_POINT && codes != NULL; code++) {
            if ((set[code >> 3] >> (code & 7) & 1) != 0) {
                codes[found++] = code;
            }
        }
        status = codes == NULL ? give_up(NULL, count)
                               : wg_vocabulary_of_codes(kind, options.unknown, codes,
                                                        count + (options.unknown ? 1 : 0), out);
    }
    wg_free(set);
    return status;
}

/* The id of a character, -1 where the vocabulary lacks it. */
static int64_t find_code(const wg_vocabulary *vocabulary, uint32_t code) {
    const uint32_t known = vocabulary->size - (vocabulary->unknown ? 1 : 0);
    uint32_t low = 0, high = known;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (vocabulary->codes[middle] < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < known && vocabulary->codes[low] == code) {
        return low;
    }
    return vocabulary->unknown ? (int64_t)known : -1;
}

/* ---- Text to ids ----------------------------------------------------------------------------- */

static wg_status encode_characters(const wg_vocabulary *vocabulary, const char *text, size_t bytes,
                                   uint32_t *ids, int64_t *count) {
    for (size_t at = 0; at < bytes;) {
        uint32_t code = 0;
        size_t length = next_character(vocabulary->kind, text + at, bytes - at, &code);
        if (length == 0 && !vocabulary->unknown) {
            return no_utf8(at);
        }
        const int64_t id =
            length == 0 ? (int64_t)vocabulary->size - 1 : find_code(vocabulary, code);
        if (id < 0) {
            return wg_fail(WG_ERROR_FORMAT,
                           "vocabulary: byte %zu of the text: the vocabulary lacks U+%04lX", at,
                           (unsigned long)code);
        }
        ids[(*count)++] = (uint32_t)id;
        at += length == 0 ? 1 : length;
    }
    return WG_OK;
}

static wg_status encode_words(const wg_vocabulary *vocabulary, const char *text, size_t bytes,
                              uint32_t *ids, int64_t *count) {
    wg_splitter *splitter = NULL;
    wg_status status = wg_splitter_new(vocabulary, &splitter);
    for (size_t at = 0; at < bytes && status == WG_OK;) {
        const size_t length = wg_word_length(text + at, bytes - at);
        const int64_t tokens = wg_split_word(splitter, text + at, length, ids + *count);
        if (tokens < 0) {
            status =
                wg_fail(WG_ERROR_MEMORY, "vocabulary: no memory for a word of %zu bytes", length);
        }
        *count += tokens;
        at += length;
    }
    wg_splitter_free(splitter);
    return status;
}

static void store_ids(wg_array *to, const uint32_t *ids, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (to->dtype == WG_U8) {
            ((uint8_t *)to->data)[i] = (uint8_t)ids[i];
        } else {
            ((int64_t *)to->data)[i] = ids[i];
        }
    }
}

wg_status wg_vocabulary_encode(const wg_vocabulary *vocabulary, const char *text, size_t bytes,
                               wg_dtype dtype, wg_array **out) {
    *out = NULL;
    if (vocabulary == NULL || (text == NULL && bytes > 0)) {
        return no_text();
    }
    if (dtype != WG_I64 && (dtype != WG_U8 || vocabulary->size > 256)) {
        return wg_fail(WG_ERROR_DTYPE, "vocabulary: %lu tokens as %s",
                       (unsigned long)vocabulary->size, wg_dtype_name(dtype));
    }
    uint32_t *ids = wg_calloc(bytes + 1, sizeof *ids); /* a token has a byte at least */
    if (ids == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "vocabulary: no memory for a text of %zu bytes", bytes);
    }
    int64_t count = 0;
    wg_status status = vocabulary->kind == WG_VOCABULARY_PAIRS
                           ? encode_words(vocabulary, text, bytes, ids, &count)
                           : encode_characters(vocabulary, text, bytes, ids, &count);
    if (status == WG_OK) {
        status = wg_array_new(dtype, 1, &count, out);
    }
    if (status == WG_OK) {
        store_ids(*out, ids, count);
    }
    wg_free(ids);
    return status;
}

/* ---- Ids to text ----------------------------------------------------------------------------- */

static int64_t id_at(const wg_array *ids, int64_t i) {
    return ids->dtype == WG_U8 ? ((const uint8_t *)ids->data)[i] : ((const int64_t *)ids->data)[i];
}

wg_status wg_vocabulary_decode(const wg_vocabulary *vocabulary, const wg_array *ids, char **text,
                               size_t *bytes) {
    *text = NULL;
    if (vocabulary == NULL || ids == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "vocabulary: there are no ids, or no vocabulary");
    }
    if (ids->dtype != WG_I64 && ids->dtype != WG_U8) {
        return wg_fail(WG_ERROR_DTYPE, "vocabulary: ids are %s", wg_dtype_name(ids->dtype));
    }
    const int64_t count = wg_array_count(ids);
    size_t total = 0;
    for (int64_t i = 0; i < count; i++) {
        size_t length = 0;
        if (wg_vocabulary_token(vocabulary, id_at(ids, i), &length) == NULL) {
            return wg_fail(WG_ERROR_ARGUMENT, "vocabulary: ids[%lld] is %lld of %lu tokens",
                           (long long)i, (long long)id_at(ids, i), (unsigned long)vocabulary->size);
        }
        total += length;
    }
    char *made = wg_calloc(total + 1, 1);
    if (made == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "vocabulary: no memory for a text of %zu bytes", total);
    }
    size_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        size_t length = 0;
        const char *token = wg_vocabulary_token(vocabulary, id_at(ids, i), &length);
        memcpy(made + at, token, length);
        at += length;
    }
    if (bytes != NULL) {
        *bytes = total;
    }
    *text = made;
    return WG_OK;
}
