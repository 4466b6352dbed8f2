/* json.c: bytes that may be JSON, walked whatever they hold. */
#include "io/json.h"

#include "targets.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_DEPTH = 64
};

/* A value that is no list, or the beginning of one. */
static void take_value(wg_json *json, char close[MOST_DEPTH], bool first[MOST_DEPTH], int *depth) {
    const char *text = NULL;
    uint64_t number = 0;
    const unsigned char next = wg_json_peek(json);
    if ((next == '{' || next == '[') && *depth < MOST_DEPTH) {
        (void)wg_json_begin(json, (char)next);
        close[*depth] = next == '{' ? '}' : ']';
        first[(*depth)++] = true;
    } else if (next == '"') {
        if (wg_json_string(json, &text) && strlen(text) > json->size) {
            abort();
        }
    } else {
        (void)wg_json_unsigned(json, &number);
    }
}

void fuzz_json(const uint8_t *data, size_t size) {
    char *room = malloc(size + 1);
    char close[MOST_DEPTH];
    bool first[MOST_DEPTH];
    int depth = 0;
    if (room == NULL) {
        return;
    }
    wg_json json = wg_json_new(data, size, room);
    take_value(&json, close, first, &depth);
    while (depth > 0 && !json.failed) {
        const char *key = NULL;
        if (!wg_json_more(&json, close[depth - 1], &first[depth - 1])) {
            depth--;
        } else if (close[depth - 1] == ']' || wg_json_key(&json, &key)) {
            take_value(&json, close, first, &depth);
        }
    }
    if (!wg_json_end(&json) && (!json.failed || json.wrong_at > size)) {
        abort();
    }
    free(room);
}
