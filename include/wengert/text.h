/* text.h: text as whole numbers: vocabularies of characters and of byte pairs. */
#ifndef WENGERT_TEXT_H
#define WENGERT_TEXT_H

#include "wengert/base.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads a whole file as it is into *text, *bytes long, with a zero byte behind; free it with
 * wg_string_free. Errors: ARGUMENT, FILE, MEMORY. On failure *text is NULL. */
WG_API wg_status wg_read_text(const char *path, char **text, size_t *bytes);

/* Frees what wg_read_text or wg_vocabulary_decode returned; NULL is allowed. */
WG_API void wg_string_free(char *text);

/* --- Vocabularies ----------------------------------------------------------------------------- */

/* The tokens that text is made of, numbered from 0. Constant once made: any number of threads may
 * use it. */
typedef struct wg_vocabulary wg_vocabulary;

/* All zeros: UTF-8 characters, and text with others is refused. */
typedef struct wg_character_options {
    bool single_bytes; /* tokens are bytes, whatever they mean, instead of UTF-8 code points */
    bool unknown;      /* one more token, the last, stands for all characters not in the text */
} wg_character_options;

/* The different characters of a text in ascending order, as sorted(set(text)) in Python. The
 * unknown token decodes as U+FFFD. Errors: FORMAT with the byte offset of what is no UTF-8,
 * ARGUMENT for a text without characters, MEMORY. On failure *out is NULL. */
WG_API wg_status wg_vocabulary_characters(const char *text, size_t bytes,
                                          wg_character_options options, wg_vocabulary **out);

/* All zeros but size are the usual. */
typedef struct wg_bpe_options {
    int64_t size;    /* tokens wanted: 256 to 2^31 - 1 */
    int64_t minimum; /* a pair that comes less often is not joined; 0 means 2 */
} wg_bpe_options;

/* Byte pairs: the 256 bytes (0 to 255), then, one after the other, the pair of tokens that comes
 * most often in the text becomes a token (256, 257, ...), until there are `size` or no pair comes
 * `minimum` times, which leaves fewer (R. Sennrich, B. Haddow, A. Birch, "Neural machine
 * translation of rare words with subword units", 2016, algorithm 1; on bytes as in A. Radford et
 * al., "Language models are unsupervised multitask learners", 2019, section 2.2). Among equals the
 * smaller left token goes first, then the smaller right. No token is longer than 4096 bytes.
 *
 * Pairs do not cross the borders of words. These are GPT-2's: 's 't 're 've 'm 'll 'd; letters,
 * digits, or other signs, each with one blank before; white space, of which the last blank goes to
 * what follows. Beyond ASCII, punctuation and symbols are told from letters by Unicode block, and
 * there are no other digits.
 *
 * Any bytes are a text. The result depends on the text and the options alone. Time is nearly linear
 * in the text. Errors: ARGUMENT, LIMIT for 2^31 bytes or more of different words, MEMORY. On
 * failure *out is NULL. */
WG_API wg_status wg_vocabulary_bpe(const char *text, size_t bytes, wg_bpe_options options,
                                   wg_vocabulary **out);

/* The number of tokens. */
WG_API int64_t wg_vocabulary_size(const wg_vocabulary *vocabulary);

/* The bytes of a token, *bytes of them, which live as long as the vocabulary. NULL for an id that
 * is none. `bytes` may be NULL: a zero byte follows the last. */
WG_API const char *wg_vocabulary_token(const wg_vocabulary *vocabulary, int64_t id, size_t *bytes);

/* The text as ids: a new array *out [tokens] of dtype WG_I64, or WG_U8 where the vocabulary has at
 * most 256 tokens. A vocabulary of byte pairs splits as it would have split the text it was made
 * of. Errors: ARGUMENT, DTYPE, FORMAT with the byte offset of a character that the vocabulary
 * lacks, MEMORY. On failure *out is NULL. */
WG_API wg_status wg_vocabulary_encode(const wg_vocabulary *vocabulary, const char *text,
                                      size_t bytes, wg_dtype dtype, wg_array **out);

/* The text of ids (any shape, WG_I64 or WG_U8) into *text, *bytes long (NULL is allowed), with a
 * zero byte behind; free it with wg_string_free. Errors: DTYPE, ARGUMENT for an id that is none,
 * MEMORY. On failure *text is NULL. */
WG_API wg_status wg_vocabulary_decode(const wg_vocabulary *vocabulary, const wg_array *ids,
                                      char **text, size_t *bytes);

/* NULL is allowed. */
WG_API void wg_vocabulary_free(wg_vocabulary *vocabulary);

/* Vocabularies as files of ASCII lines: the kind, the number of tokens, one line for each token
 * that is not always there (the code point, the byte, or the two tokens joined), and a checksum.
 * A file is written whole or not at all. Errors of writing: ARGUMENT, FILE, MEMORY; of reading,
 * with the byte offset: FILE, FORMAT for a damaged file, MEMORY. On failure *out is NULL. */
WG_API wg_status wg_write_vocabulary(const char *path, const wg_vocabulary *vocabulary);
WG_API wg_status wg_read_vocabulary(const char *path, wg_vocabulary **out);

#ifdef __cplusplus
}
#endif

#endif
