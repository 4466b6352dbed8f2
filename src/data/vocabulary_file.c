/* vocabulary_file.c: vocabularies as lines of text. The first line is always "wengert vocabulary
 * 1". The second is the kind, the number of tokens, and perhaps whether the last one is "unknown":
 *
 *     characters 84 unknown
 *
 * A line for each token that is not always there follows: its code point or byte, ascending, or,
 * for `pairs`, from token 256 on, the two tokens that it joins:
 *
 *     104 101
 *
 * The last line has the checksum of all bytes before it:
 *
 *     crc32 0123abcd
 *
 * A file is read only if it would be written again to the byte. */
#include "base/bytes.h"
#include "base/checksum.h"
#include "data/utf8.h"
#include "data/vocabulary.h"

#include <stdio.h>
#include <string.h>

#define FIRST_LINE "wengert vocabulary 1\n"
#define LONGEST_LINE 64

static const char *const kind_names[] = {
#define KIND_NAME(name, text) text,
    WG_VOCABULARY_KINDS(KIND_NAME)
#undef KIND_NAME
};

/* ---- Writing --------------------------------------------------------------------------------- */

static uint32_t line_count(wg_vocabulary_kind kind, bool unknown, uint32_t size) {
    return kind == WG_VOCABULARY_PAIRS ? size - WG_BYTE_TOKENS : size - (unknown ? 1 : 0);
}

wg_status wg_vocabulary_to_bytes(const wg_vocabulary *vocabulary, char **bytes, size_t *size) {
    const wg_vocabulary *v = vocabulary;
    const uint32_t lines = line_count(v->kind, v->unknown, v->size);
    const size_t room = ((size_t)lines + 3) * LONGEST_LINE;
    char *text = wg_calloc(room, 1);
    *bytes = text;
    *size = 0;
    if (text == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "write_vocabulary: no memory for %lu lines",
                       (unsigned long)lines);
    }
    size_t at = (size_t)snprintf(text, room, FIRST_LINE "%s %lu%s\n", kind_names[v->kind],
                                 (unsigned long)v->size, v->unknown ? " unknown" : "");
    for (uint32_t i = 0; i < lines; i++) {
        if (v->kind == WG_VOCABULARY_PAIRS) {
            at += (size_t)snprintf(text + at, room - at, "%lu %lu\n",
                                   (unsigned long)v->merges[i].left,
                                   (unsigned long)v->merges[i].right);
        } else {
            at += (size_t)snprintf(text + at, room - at, "%lu\n", (unsigned long)v->codes[i]);
        }
    }
    at +=
        (size_t)snprintf(text + at, room - at, "crc32 %08lx\n", (unsigned long)wg_crc32(text, at));
    *size = at;
    return WG_OK;
}

wg_status wg_write_vocabulary(const char *path, const wg_vocabulary *vocabulary) {
    char *bytes = NULL;
    size_t size = 0;
    if (vocabulary == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "write_vocabulary: there is no vocabulary");
    }
    wg_status status = wg_vocabulary_to_bytes(vocabulary, &bytes, &size);
    if (status == WG_OK) {
        status = wg_write_bytes("write_vocabulary", path, bytes, size);
    }
    wg_free(bytes);
    return status;
}

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct reader {
    const char *path;
    const char *bytes;
    size_t size;
    size_t at;
    wg_vocabulary_kind kind;
    bool unknown;
    uint32_t tokens;
} reader;

static wg_status damaged(const reader *r, size_t at, const char *what) {
    return wg_fail(WG_ERROR_FORMAT, "read_vocabulary: %s: byte %zu: %s", r->path, at, what);
}

static bool take(reader *r, const char *word) {
    const size_t length = strlen(word);
    if (r->size - r->at < length || memcmp(r->bytes + r->at, word, length) != 0) {
        return false;
    }
    r->at += length;
    return true;
}

/* A whole number up to 2^31 - 1 as printf writes it: no sign, no zeros in front. */
static bool take_number(reader *r, uint32_t *value) {
    const size_t start = r->at;
    uint64_t number = 0;
    while (r->at < r->size && r->bytes[r->at] >= '0' && r->bytes[r->at] <= '9' &&
           number <= INT32_MAX) {
        number = 10 * number + (uint64_t)(r->bytes[r->at++] - '0');
    }
    *value = (uint32_t)number;
    return r->at > start && number <= INT32_MAX && (r->bytes[start] != '0' || r->at == start + 1);
}

static wg_status read_head(reader *r) {
    if (!take(r, FIRST_LINE)) {
        return damaged(r, 0, "the first line is not that of a vocabulary");
    }
    size_t kind = 0;
    while (kind < WG_COUNT_OF(kind_names) && !take(r, kind_names[kind])) {
        kind++;
    }
    if (kind == WG_COUNT_OF(kind_names) || !take(r, " ")) {
        return damaged(r, r->at, "no kind of vocabulary");
    }
    r->kind = (wg_vocabulary_kind)kind;
    const size_t start = r->at;
    if (!take_number(r, &r->tokens)) {
        return damaged(r, start, "no number of tokens");
    }
    r->unknown = r->kind != WG_VOCABULARY_PAIRS && take(r, " unknown");
    const uint32_t least = r->kind == WG_VOCABULARY_PAIRS ? WG_BYTE_TOKENS : r->unknown ? 2 : 1;
    if (r->tokens < least) {
        return damaged(r, start, "too few tokens");
    }
    if (!take(r, "\n")) {
        return damaged(r, r->at, "the line should end here");
    }
    /* Two bytes a line at least: no memory is asked for that the file does not pay for. */
    if (line_count(r->kind, r->unknown, r->tokens) > (r->size - r->at) / 2) {
        return damaged(r, r->size, "the file ends before its tokens do");
    }
    return WG_OK;
}

static wg_status read_tail(reader *r) {
    const uint32_t wanted = wg_crc32(r->bytes, r->at);
    const size_t start = r->at;
    char line[LONGEST_LINE];
    (void)snprintf(line, sizeof line, "crc32 %08lx\n", (unsigned long)wanted);
    if (!take(r, line)) {
        (void)snprintf(line, sizeof line, "the checksum of what came before is not %08lx",
                       (unsigned long)wanted);
        return damaged(r, start, line);
    }
    return r->at == r->size ? WG_OK : damaged(r, r->at, "bytes left over");
}

static wg_status read_codes(reader *r, uint32_t *codes, uint32_t count) {
    const uint32_t last = r->kind == WG_VOCABULARY_BYTES ? 255 : WG_LAST_CODE_POINT;
    for (uint32_t i = 0; i < count; i++) {
        const size_t start = r->at;
        if (!take_number(r, &codes[i]) || codes[i] > last ||
            (r->kind == WG_VOCABULARY_CODE_POINTS && codes[i] >= 0xD800 && codes[i] <= 0xDFFF)) {
            return damaged(r, start, "no character");
        }
        if (i > 0 && codes[i] <= codes[i - 1]) {
            return damaged(r, start, "characters that do not ascend");
        }
        if (!take(r, "\n")) {
            return damaged(r, r->at, "the line should end here");
        }
    }
    return WG_OK;
}

static wg_status read_merge(reader *r, wg_merge *merge, size_t *lengths, uint32_t token,
                            wg_pairs *seen) {
    const size_t start = r->at;
    if (!take_number(r, &merge->left) || !take(r, " ") || !take_number(r, &merge->right)) {
        return damaged(r, r->at, "no pair of tokens");
    }
    if (merge->left >= token || merge->right >= token) {
        return damaged(r, start, "a pair of tokens that are not there yet");
    }
    lengths[token] = lengths[merge->left] + lengths[merge->right];
    if (lengths[token] > WG_LONGEST_TOKEN) {
        return damaged(r, start, "a token longer than 4096 bytes");
    }
    if (wg_pairs_find(seen, merge->left, merge->right) != WG_NO_PAIR) {
        return damaged(r, start, "a pair that came before");
    }
    if (!wg_pairs_add(seen, merge->left, merge->right, token)) {
        return wg_fail(WG_ERROR_MEMORY, "read_vocabulary: %s: no memory", r->path);
    }
    return take(r, "\n") ? WG_OK : damaged(r, r->at, "the line should end here");
}

static wg_status read_merges(reader *r, wg_merge *merges) {
    wg_pairs seen = {NULL, 0, 0};
    size_t *lengths = wg_calloc(r->tokens, sizeof *lengths);
    wg_status status = WG_OK;
    if (lengths == NULL) {
        status = wg_fail(WG_ERROR_MEMORY, "read_vocabulary: %s: no memory", r->path);
    }
    for (uint32_t token = 0; token < r->tokens && status == WG_OK; token++) {
        lengths[token] = 1;
        if (token >= WG_BYTE_TOKENS) {
            status = read_merge(r, &merges[token - WG_BYTE_TOKENS], lengths, token, &seen);
        }
    }
    wg_pairs_clear(&seen);
    wg_free(lengths);
    return status;
}

wg_status wg_vocabulary_from_bytes(const char *path, const char *bytes, size_t size,
                                   wg_vocabulary **out) {
    reader r = {.path = path, .bytes = bytes, .size = size};
    uint32_t *codes = NULL;
    wg_merge *merges = NULL;
    *out = NULL;
    wg_status status = read_head(&r);
    if (status != WG_OK) {
        return status;
    }
    const uint32_t lines = line_count(r.kind, r.unknown, r.tokens);
    if (r.kind == WG_VOCABULARY_PAIRS) {
        merges = wg_calloc((size_t)lines + 1, sizeof *merges);
    } else {
        codes = wg_calloc((size_t)lines + 1, sizeof *codes);
    }
    if (merges == NULL && codes == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "read_vocabulary: %s: no memory for %lu tokens", path,
                       (unsigned long)r.tokens);
    }
    status = merges != NULL ? read_merges(&r, merges) : read_codes(&r, codes, lines);
    if (status == WG_OK) {
        status = read_tail(&r);
    }
    if (status != WG_OK) {
        wg_free(merges);
        wg_free(codes);
        return status;
    }
    return merges != NULL ? wg_vocabulary_of_merges(merges, r.tokens, out)
                          : wg_vocabulary_of_codes(r.kind, r.unknown, codes, r.tokens, out);
}

wg_status wg_read_vocabulary(const char *path, wg_vocabulary **out) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    *out = NULL;
    wg_status status = wg_read_bytes("read_vocabulary", path, &bytes, &size);
    if (status == WG_OK) {
        status = wg_vocabulary_from_bytes(path, (const char *)bytes, size, out);
    }
    wg_free(bytes);
    return status;
}
