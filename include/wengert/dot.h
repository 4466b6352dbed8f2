/* dot.h: the graph of a tape for Graphviz. */
#ifndef WENGERT_DOT_H
#define WENGERT_DOT_H

#include "wengert/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a variable is called in the picture. */
typedef struct wg_dot_name {
    wg_var var;
    const char *name; /* UTF-8 */
} wg_dot_name;

/* All zeros: values shown, no names, at most 2000 entries. */
typedef struct wg_dot_options {
    const wg_dot_name *names; /* of `name_count` variables; intermediates may be named too */
    int name_count;
    bool no_values;    /* operations, shapes and dtypes alone */
    int64_t max_nodes; /* the most scalars and arrays together; 0 means 2000 */
} wg_dot_options;

/* Writes all that is recorded on the tape as a Graphviz digraph: `dot -Tsvg FILE`. A scalar has its
 * operation and value; an array its operation, dtype, shape and elements (a few of them, or their
 * least, mean and greatest). Adjoints are shown where a sweep kept them: of leaves after
 * wg_backward, of everything after wg_backward_keep. What wg_backward gave back is marked so; what
 * gets no gradient is dashed. The text is the same for the same tape, whatever the locale.
 *
 * A failed tape is written as far as it came, with its message. Errors: LIMIT where it holds more
 * than max_nodes; HANDLE for a name whose variable is stale or of another tape; ARGUMENT for NULL
 * or a negative limit; FILE, MEMORY. A file of that name is replaced whole or stays as it was. */
WG_API wg_status wg_write_dot(const wg_tape *tape, const char *path, wg_dot_options options);

#ifdef __cplusplus
}
#endif

#endif
