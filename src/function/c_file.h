/* c_file.h (internal): a function as the text of a C file. */
#ifndef WG_SRC_FUNCTION_C_FILE_H
#define WG_SRC_FUNCTION_C_FILE_H

#include "function/c_text.h"
#include "function/function.h"
#include "wengert/compile.h"

typedef struct wg_c_file {
    const char *name, *call; /* the prefix of what it exports; who asks, for messages */
    wg_text text;            /* the whole */
    wg_text prototypes, functions;
    wg_c_uses uses;
    int64_t work; /* doubles of the store */
} wg_c_file;

/* Value and gradient (or vector-Jacobian product), of at most `most` statements each; `lanes`: and
 * the latter on lanes, as NAME_lanes. False with wg_last_message on failure. End it in any case. */
bool wg_c_file_make(const wg_function *fn, const char *name, const char *call, uint32_t most,
                    bool lanes, wg_c_file *file);
void wg_c_file_end(wg_c_file *file);

#endif
