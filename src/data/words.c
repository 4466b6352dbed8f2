/* words.c: where text may be cut before its pairs are counted. */
#include "data/words.h"

#include "base/base.h"
#include "data/utf8.h"

#include <string.h>

typedef enum kind {
    LETTER,
    DIGIT,
    SPACE,
    OTHER
} kind;

/* Unicode blocks, or parts of them, that hold punctuation, symbols or white space but (almost) no
 * letters. All else beyond ASCII is taken for letters. */
static const struct {
    uint32_t first, last;
    kind kind;
} others[] = {
    {0x0085, 0x0085, SPACE},   {0x00A0, 0x00A0, SPACE}, {0x0080, 0x00A9, OTHER},
    {0x00AB, 0x00B4, OTHER},   {0x00B6, 0x00B9, OTHER}, {0x00BB, 0x00BF, OTHER},
    {0x00D7, 0x00D7, OTHER},   {0x00F7, 0x00F7, OTHER}, {0x1680, 0x1680, SPACE},
    {0x2000, 0x200A, SPACE},   {0x2028, 0x2029, SPACE}, {0x202F, 0x202F, SPACE},
    {0x205F, 0x205F, SPACE},   {0x3000, 0x3000, SPACE}, {0x2000, 0x20CF, OTHER},
    {0x2190, 0x2BFF, OTHER},   {0x3001, 0x3004, OTHER}, {0x3008, 0x3020, OTHER},
    {0xFF01, 0xFF0F, OTHER},   {0xFF1A, 0xFF20, OTHER}, {0xFFFD, 0xFFFD, OTHER},
    {0x1F000, 0x1FAFF, OTHER},
};

static kind kind_of(const char *text, size_t bytes, size_t *length) {
    uint32_t code = 0;
    *length = wg_utf8_read(text, bytes, &code);
    if (*length == 0) {
        *length = 1;
        return OTHER;
    }
    if (code >= 0x80) {
        for (size_t i = 0; i < WG_COUNT_OF(others); i++) {
            if (code >= others[i].first && code <= others[i].last) {
                return others[i].kind;
            }
        }
        return LETTER;
    }
    if ((code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z')) {
        return LETTER;
    }
    return code >= '0' && code <= '9'                 ? DIGIT
           : code == ' ' || (code >= 9 && code <= 13) ? SPACE
                                                      : OTHER;
}

/* How long the run of one kind at `text` is, and where its last character begins. */
static size_t run_of(const char *text, size_t bytes, kind wanted, size_t *last) {
    size_t at = 0;
    while (at < bytes) {
        size_t length = 0;
        if (kind_of(text + at, bytes - at, &length) != wanted) {
            break;
        }
        *last = at;
        at += length;
    }
    return at;
}

static size_t contraction(const char *text, size_t bytes) {
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < WG_COUNT_OF(endings); i++) {
        const size_t length = strlen(endings[i]);
        if (bytes >= length && memcmp(text, endings[i], length) == 0) {
            return length;
        }
    }
    return 0;
}

size_t wg_word_length(const char *text, size_t bytes) {
    size_t length = contraction(text, bytes);
    if (length > 0) {
        return length;
    }
    size_t last = 0;
    const size_t blank = text[0] == ' ' && bytes > 1 ? 1 : 0;
    const kind first = kind_of(text + blank, bytes - blank, &length);
    if (first != SPACE) {
        return blank + run_of(text + blank, bytes - blank, first, &last);
    }
    length = run_of(text, bytes, SPACE, &last);
    /* At the end of the text, or alone: all of it; else the last is left for what follows. */
    return length == bytes || last == 0 ? length : last;
}
