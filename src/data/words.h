/* words.h (internal): where text may be cut before its pairs are counted. */
#ifndef WG_SRC_WORDS_H
#define WG_SRC_WORDS_H

#include <stddef.h>

/* The length of the word at the start of `text`, of which `bytes` (1 or more) are there: the rules
 * of GPT-2's pattern, '(s|t|re|ve|m|ll|d) | ?letters | ?digits | ?others | white space, where the
 * last blank of white space goes to what follows. What is no UTF-8 counts as others. */
size_t wg_word_length(const char *text, size_t bytes);

#endif
