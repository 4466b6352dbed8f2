/* test_vocabulary.c: characters and byte pairs: against a plain count of all pairs, there and back,
 * and files with every kind of damage. */
#include "base/checksum.h"
#include "data/utf8.h"
#include "data/vocabulary.h"
#include "data/words.h"
#include "files.h"
#include "wengert.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(vocabulary, .fini = test_file_remove);

/* ---- Words and characters -------------------------------------------------------------------- */

/* As the pattern of GPT-2 cuts. */
Test(vocabulary, words) {
    static const struct {
        const char *text, *cut;
    } rows[] = {
        {"Call me", "Call| me"},
        {"it's we'll I'd 'tis", "it|'s| we|'ll| I|'d| '|tis"},
        {"a  b\n\nc   ", "a| | b|\n|\n|c|   "},
        {" a1b22 ,;x", " a|1|b|22| ,;|x"},
        {"ago\xE2\x80\x94never", "ago|\xE2\x80\x94|never"},
        {"na\xC3\xAFve \xC3\xA9t\xC3\xA9", "na\xC3\xAFve| \xC3\xA9t\xC3\xA9"},
        {"\xFF\xFE! a", "\xFF\xFE!| a"},
        {" ", " "},
        {"\n x", "\n| x"},
        {"x\xC2\xA0 y", "x|\xC2\xA0| y"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char cut[64] = "";
        const char *text = rows[i].text;
        for (size_t left = strlen(text); left > 0;) {
            const size_t length = wg_word_length(text, left);
            cr_assert(length > 0 && length <= left);
            if (text != rows[i].text) {
                strcat(cut, "|");
            }
            strncat(cut, text, length);
            text += length;
            left -= length;
        }
        cr_assert_str_eq(cut, rows[i].cut);
    }
}

Test(vocabulary, utf8_both_ways) {
    for (uint32_t code = 0; code <= WG_LAST_CODE_POINT; code++) {
        char bytes[WG_UTF8_MOST];
        uint32_t back = 0;
        const size_t length = wg_utf8_write(code, bytes);
        const size_t read = wg_utf8_read(bytes, length, &back);
        if (code >= 0xD800 && code <= 0xDFFF) {
            cr_assert_eq(read, 0);
        } else {
            cr_assert(read == length && back == code, "U+%04X", code);
            cr_assert(length == 1 || wg_utf8_read(bytes, length - 1, &back) == 0);
        }
    }
    static const char *const wrong[] = {
        "\x80",         "\xC0\x80", "\xE0\x80\x80", "\xF4\x90\x80\x80",
        "\xF8\x88\x80", "\xC3(",    "\xFF",         "\xF0\x80\x80\x80"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint32_t code;
        cr_assert_eq(wg_utf8_read(wrong[i], strlen(wrong[i]), &code), 0, "%zu", i);
    }
}

static wg_vocabulary *characters(const char *text, wg_character_options options) {
    wg_vocabulary *v = NULL;
    cr_assert_eq(wg_vocabulary_characters(text, strlen(text), options, &v), WG_OK, "%s",
                 wg_last_message());
    return v;
}

/* Encodes, compares, decodes, compares. */
static void both_ways(const wg_vocabulary *v, const char *text, size_t bytes, wg_dtype dtype,
                      int64_t count, const int64_t *expected) {
    wg_array *ids = NULL;
    char *back = NULL;
    size_t length = 0;
    cr_assert_eq(wg_vocabulary_encode(v, text, bytes, dtype, &ids), WG_OK, "%s", wg_last_message());
    cr_assert(ids->dtype == dtype && ids->rank == 1);
    if (expected != NULL) {
        cr_assert_eq(ids->shape[0], count);
        for (int64_t i = 0; i < count; i++) {
            cr_assert_eq(dtype == WG_U8 ? ((uint8_t *)ids->data)[i] : ((int64_t *)ids->data)[i],
                         expected[i]);
        }
    }
    cr_assert_eq(wg_vocabulary_decode(v, ids, &back, &length), WG_OK);
    cr_assert(length == bytes && memcmp(back, text, bytes) == 0 && back[length] == '\0');
    wg_string_free(back);
    wg_array_free(ids);
}

Test(vocabulary, characters_ascend) {
    wg_vocabulary *v = characters("caf\xC3\xA9\nab", (wg_character_options){0});
    cr_assert_eq(wg_vocabulary_size(v), 6);
    size_t bytes;
    cr_assert(strcmp(wg_vocabulary_token(v, 5, &bytes), "\xC3\xA9") == 0 && bytes == 2);
    cr_assert(wg_vocabulary_token(v, 6, &bytes) == NULL && bytes == 0);
    cr_assert_null(wg_vocabulary_token(v, -1, NULL));
    const int64_t ids[] = {3, 1, 4, 5, 0};
    both_ways(v, "caf\xC3\xA9\n", 6, WG_I64, 5, ids);
    both_ways(v, "caf\xC3\xA9\n", 6, WG_U8, 5, ids);
    both_ways(v, "", 0, WG_I64, 0, ids);
    wg_array *out = NULL;
    cr_assert_eq(wg_vocabulary_encode(v, "abz", 3, WG_I64, &out), WG_ERROR_FORMAT);
    cr_assert_not_null(
        strstr(wg_last_message(), "byte 2 of the text: the vocabulary lacks U+007A"));
    cr_assert_eq(wg_vocabulary_encode(v, "a\xC3", 2, WG_I64, &out), WG_ERROR_FORMAT);
    cr_assert_not_null(strstr(wg_last_message(), "byte 1 of the text is no UTF-8"));
    cr_assert_eq(wg_vocabulary_encode(v, "a", 1, WG_F32, &out), WG_ERROR_DTYPE);
    cr_assert_null(out);
    wg_vocabulary_free(v);
    cr_assert_eq(wg_vocabulary_characters("", 0, (wg_character_options){0}, &v), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_vocabulary_characters("a\x80", 2, (wg_character_options){0}, &v),
                 WG_ERROR_FORMAT);
    cr_assert_null(v);
}

Test(vocabulary, unknown_characters_and_single_bytes) {
    wg_vocabulary *v = characters("ab", (wg_character_options){.unknown = true});
    cr_assert_eq(wg_vocabulary_size(v), 3);
    wg_array *ids = NULL;
    char *text = NULL;
    cr_assert_eq(wg_vocabulary_encode(v,
                                      "b\xC3\xA9\xFF"
                                      "a",
                                      5, WG_I64, &ids),
                 WG_OK);
    const int64_t expected[] = {1, 2, 2, 0};
    cr_assert(ids->shape[0] == 4 && memcmp(ids->data, expected, sizeof expected) == 0);
    cr_assert_eq(wg_vocabulary_decode(v, ids, &text, NULL), WG_OK);
    cr_assert_str_eq(text, "b\xEF\xBF\xBD\xEF\xBF\xBD"
                           "a");
    wg_string_free(text);
    ((int64_t *)ids->data)[2] = 3;
    cr_assert_eq(wg_vocabulary_decode(v, ids, &text, NULL), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "ids[2] is 3 of 3"));
    wg_array_free(ids);
    wg_vocabulary_free(v);
    v = characters("b\xFF"
                   "a",
                   (wg_character_options){.single_bytes = true});
    both_ways(v,
              "\xFF"
              "ab",
              3, WG_U8, 3, (int64_t[]){2, 0, 1});
    wg_vocabulary_free(v);
}

/* ---- Byte pairs: the plain way --------------------------------------------------------------- */

enum {
    MOST = 4096
};

/* Tokens of a text, where no pair crosses the border of a word: border[i] before token i. */
typedef struct plain {
    int token[MOST];
    bool border[MOST];
    int count;
} plain;

static plain lay_out(const char *text, size_t bytes) {
    static plain p;
    p.count = (int)bytes;
    memset(p.border, 0, sizeof p.border);
    for (size_t at = 0; at < bytes; at += wg_word_length(text + at, bytes - at)) {
        p.border[at] = true;
    }
    for (size_t i = 0; i < bytes; i++) {
        p.token[i] = (unsigned char)text[i];
    }
    return p;
}

static void plain_join(plain *p, int left, int right, int token) {
    int count = 0;
    for (int i = 0; i < p->count; i++, count++) {
        const bool joins = i + 1 < p->count && !p->border[i + 1] && p->token[i] == left &&
                           p->token[i + 1] == right;
        p->token[count] = joins ? token : p->token[i];
        p->border[count] = p->border[i];
        i += joins ? 1 : 0;
    }
    p->count = count;
}

/* The pair that comes most often, the smallest among equals; its count. */
static int commonest(const plain *p, int *left, int *right) {
    static int counts[512][512];
    memset(counts, 0, sizeof counts);
    int best = 0;
    for (int i = 0; i + 1 < p->count; i++) {
        if (!p->border[i + 1]) {
            counts[p->token[i]][p->token[i + 1]]++;
        }
    }
    for (int a = 0; a < 512; a++) {
        for (int b = 0; b < 512; b++) {
            if (counts[a][b] > best) {
                best = counts[a][b];
                *left = a;
                *right = b;
            }
        }
    }
    return best;
}

/* Texts with words, with runs, with few letters (many ties), with any bytes. */
static size_t make_text(int number, char *text) {
    static const char *const alphabets[] = {"ab", "ab cd", "aab\n ", "the whale's, 12", ""};
    const char *alphabet = alphabets[number % 5];
    const size_t letters = strlen(alphabet), bytes = 20 + (size_t)number * 37 % 1900;
    for (size_t i = 0; i < bytes; i++) {
        const wg_key key = wg_key_new((uint64_t)number);
        text[i] = letters == 0 ? (char)wg_random_below(key, i, 256)
                               : alphabet[wg_random_below(key, i, letters)];
    }
    if (number % 7 == 3) {
        memset(text, 'a', bytes); /* one run */
    }
    return bytes;
}

Test(vocabulary, pairs_as_the_plain_count_finds_them) {
    for (int number = 0; number < 60; number++) {
        char text[MOST];
        const size_t bytes = make_text(number, text);
        plain p = lay_out(text, bytes);
        wg_vocabulary *v = NULL;
        cr_assert_eq(wg_vocabulary_bpe(text, bytes, (wg_bpe_options){.size = 340}, &v), WG_OK);
        int size = 256, left = 0, right = 0;
        while (size < 340 && commonest(&p, &left, &right) >= 2) {
            cr_assert(size < wg_vocabulary_size(v), "text %d", number);
            cr_assert((int)v->merges[size - 256].left == left &&
                          (int)v->merges[size - 256].right == right,
                      "text %d: token %d joins %d %d, not %d %d", number, size,
                      (int)v->merges[size - 256].left, (int)v->merges[size - 256].right, left,
                      right);
            plain_join(&p, left, right, size++);
        }
        cr_assert_eq(wg_vocabulary_size(v), size, "text %d", number);
        int64_t expected[MOST];
        for (int i = 0; i < p.count; i++) {
            expected[i] = p.token[i];
        }
        both_ways(v, text, bytes, WG_I64, p.count, expected);
        /* And any other text goes there and back. */
        char other[MOST];
        both_ways(v, other, make_text(number + 1, other), WG_I64, 0, NULL);
        wg_vocabulary_free(v);
    }
}

Test(vocabulary, pairs_options) {
    wg_vocabulary *v = NULL;
    cr_assert_eq(wg_vocabulary_bpe("ab", 2, (wg_bpe_options){.size = 255}, &v), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_vocabulary_bpe("ab", 2, (wg_bpe_options){.size = INT64_C(1) << 31}, &v),
                 WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_vocabulary_bpe("ab", 2, (wg_bpe_options){.size = 300, .minimum = -1}, &v),
                 WG_ERROR_ARGUMENT);
    cr_assert_null(v);
    cr_assert_eq(wg_vocabulary_bpe("ab", 2, (wg_bpe_options){.size = 300}, &v), WG_OK);
    cr_assert_eq(wg_vocabulary_size(v), 256);
    wg_vocabulary_free(v);
    cr_assert_eq(wg_vocabulary_bpe("ab", 2, (wg_bpe_options){.size = 300, .minimum = 1}, &v),
                 WG_OK);
    cr_assert_eq(wg_vocabulary_size(v), 257);
    both_ways(v, "abab", 4, WG_I64, 2, (int64_t[]){256, 256});
    wg_array *ids = NULL;
    cr_assert_eq(wg_vocabulary_encode(v, "ab", 2, WG_U8, &ids), WG_ERROR_DTYPE);
    wg_vocabulary_free(v);
    cr_assert_eq(wg_vocabulary_bpe("", 0, (wg_bpe_options){.size = 256}, &v), WG_OK);
    both_ways(v, "\0\xFF", 2, WG_U8, 2, (int64_t[]){0, 255});
    wg_vocabulary_free(v);
    wg_vocabulary_free(NULL);
}

/* A run of a million letters doubles its token each time, up to the longest. */
Test(vocabulary, a_long_run) {
    const size_t bytes = 1000000;
    char *text = malloc(bytes);
    memset(text, 'a', bytes);
    wg_vocabulary *v = NULL;
    cr_assert_eq(wg_vocabulary_bpe(text, bytes, (wg_bpe_options){.size = 1000}, &v), WG_OK);
    size_t longest = 0;
    for (int64_t id = 0; id < wg_vocabulary_size(v); id++) {
        size_t length;
        cr_assert_not_null(wg_vocabulary_token(v, id, &length));
        longest = length > longest ? length : longest;
    }
    cr_assert_eq(longest, WG_LONGEST_TOKEN);
    both_ways(v, text, bytes, WG_I64, 0, NULL);
    wg_vocabulary_free(v);
    free(text);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static wg_vocabulary *sample(int number) {
    static const char text[] = "the whale, the whale! Up helm \xE2\x80\x94 the whale";
    wg_vocabulary *v = NULL;
    if (number == 3) {
        cr_assert_eq(wg_vocabulary_bpe(text, strlen(text), (wg_bpe_options){.size = 266}, &v),
                     WG_OK);
        return v;
    }
    return characters(text, (wg_character_options){number == 1, number == 2});
}

static void expect_same(const wg_vocabulary *a, const wg_vocabulary *b) {
    cr_assert_eq(wg_vocabulary_size(a), wg_vocabulary_size(b));
    for (int64_t id = 0; id < wg_vocabulary_size(a); id++) {
        size_t n, m;
        const char *x = wg_vocabulary_token(a, id, &n), *y = wg_vocabulary_token(b, id, &m);
        cr_assert(n == m && memcmp(x, y, n) == 0);
    }
}

Test(vocabulary, files_come_back) {
    for (int number = 0; number < 4; number++) {
        wg_vocabulary *v = sample(number), *back = NULL;
        const char *path = test_file("", 0);
        cr_assert_eq(wg_write_vocabulary(path, v), WG_OK);
        cr_assert_eq(wg_read_vocabulary(path, &back), WG_OK, "%s", wg_last_message());
        expect_same(v, back);
        wg_vocabulary_free(back);
        wg_vocabulary_free(v);
    }
    wg_vocabulary *none = NULL;
    cr_assert_eq(wg_read_vocabulary("/no/such/file", &none), WG_ERROR_FILE);
    cr_assert_eq(wg_read_vocabulary(NULL, &none), WG_ERROR_ARGUMENT);
    cr_assert_null(none);
}

/* Cut off at every byte, every byte changed in every way, a byte more: refused, with the place. */
Test(vocabulary, nothing_is_refused) {
    wg_vocabulary *v = characters("ab", (wg_character_options){0}), *none = NULL;
    wg_array *ids = NULL;
    char *text = NULL;
    cr_assert_eq(wg_vocabulary_characters(NULL, 1, (wg_character_options){0}, &none),
                 WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_vocabulary_bpe(NULL, 1, (wg_bpe_options){.size = 256}, &none),
                 WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_vocabulary_encode(v, NULL, 1, WG_I64, &ids), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_vocabulary_encode(NULL, "a", 1, WG_I64, &ids), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_vocabulary_decode(v, NULL, &text, NULL), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_write_vocabulary("/no/such/file", NULL), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_write_vocabulary(NULL, v), WG_ERROR_ARGUMENT);
    cr_assert(none == NULL && ids == NULL && text == NULL);
    wg_vocabulary_free(v);
}

Test(vocabulary, files_damaged) {
    for (int number = 0; number < 4; number++) {
        wg_vocabulary *v = sample(number), *back = NULL;
        char *bytes = NULL;
        size_t size = 0;
        cr_assert_eq(wg_vocabulary_to_bytes(v, &bytes, &size), WG_OK);
        for (size_t at = 0; at < size; at++) {
            cr_assert_eq(wg_vocabulary_from_bytes("x", bytes, at, &back), WG_ERROR_FORMAT);
            cr_assert_not_null(strstr(wg_last_message(), ": x: byte "));
            const char right = bytes[at];
            for (int value = 1; value < 256; value++) {
                bytes[at] = (char)(right ^ value);
                cr_assert_eq(wg_vocabulary_from_bytes("x", bytes, size, &back), WG_ERROR_FORMAT,
                             "%d: byte %zu is %d", number, at, bytes[at]);
                cr_assert_null(back);
            }
            bytes[at] = right;
        }
        cr_assert_eq(wg_vocabulary_from_bytes("x", bytes, size + 1, &back), WG_ERROR_FORMAT);
        wg_string_free(bytes);
        wg_vocabulary_free(v);
    }
}

/* The same with a right checksum behind it: what the numbers say is looked at, too. */
Test(vocabulary, files_that_contradict_themselves) {
    static const struct {
        const char *text, *place;
    } rows[] = {
        {"letters 2\n1\n2\n", "byte 21: no kind"},
        {"characters 02\n1\n2\n", "byte 32: no number"},
        {"characters 0\n", "byte 32: too few"},
        {"characters 1 unknown\n", "byte 32: too few"},
        {"characters 99999999999\n", "byte 32: no number"},
        {"characters 2000000000\n1\n", "the file ends before"},
        {"characters 2\n2\n1\n", "byte 36: characters that do not ascend"},
        {"characters 2\n2\n2\n", "byte 36: characters that do not ascend"},
        {"characters 2\n2\n55296\n", "byte 36: no character"},
        {"characters 2\n2\n1114112\n", "byte 36: no character"},
        {"bytes 2\n2\n256\n", "byte 31: no character"},
        {"pairs 255\n", "byte 27: too few"},
        {"pairs 256 unknown\n", "byte 30: the line should end"},
        {"pairs 257\n1 256\n", "byte 31: a pair of tokens that are not there"},
        {"pairs 258\n1 2\n1 2\n", "byte 35: a pair that came before"},
        {"pairs 257\n1  2\n", "no pair of tokens"},
        {"pairs 257\n1 2\r\n", "byte 34: the line should end"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200];
        wg_vocabulary *v = NULL;
        int length = snprintf(text, sizeof text, "wengert vocabulary 1\n%s", rows[i].text);
        length += snprintf(text + length, sizeof text - (size_t)length, "crc32 %08lx\n",
                           (unsigned long)wg_crc32(text, (size_t)length));
        cr_assert_eq(wg_vocabulary_from_bytes("x", text, (size_t)length, &v), WG_ERROR_FORMAT);
        cr_assert_not_null(strstr(wg_last_message(), rows[i].place), "want '%s' in: %s",
                           rows[i].place, wg_last_message());
    }
}

/* Each token twice the one before: the file cannot ask for more memory than it pays for. */
Test(vocabulary, files_of_tokens_that_double) {
    char text[4096];
    int length = snprintf(text, sizeof text, "wengert vocabulary 1\npairs 286\n97 97\n");
    for (int token = 256; token < 285; token++) {
        length += snprintf(text + length, sizeof text - (size_t)length, "%d %d\n", token, token);
    }
    length += snprintf(text + length, sizeof text - (size_t)length, "crc32 %08lx\n",
                       (unsigned long)wg_crc32(text, (size_t)length));
    wg_vocabulary *v = NULL;
    cr_assert_eq(wg_vocabulary_from_bytes("x", text, (size_t)length, &v), WG_ERROR_FORMAT);
    cr_assert_not_null(strstr(wg_last_message(), "longer than 4096"));
}

Test(vocabulary, text_files) {
    char *text = NULL;
    size_t bytes = 0;
    cr_assert_eq(wg_read_text(test_file("a\0b\r\n", 5), &text, &bytes), WG_OK);
    cr_assert(bytes == 5 && memcmp(text, "a\0b\r\n", 6) == 0);
    wg_string_free(text);
    cr_assert_eq(wg_read_text(test_file("", 0), &text, &bytes), WG_OK);
    cr_assert(bytes == 0 && text[0] == '\0');
    wg_string_free(text);
    cr_assert_eq(wg_read_text("/no/such/file", &text, &bytes), WG_ERROR_FILE);
    cr_assert_null(text);
}
