/* file.c: functions written as bytes (file.h says how), and the calls that write and read them. */
#include "function/file.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/endian.h"
#include "wengert/function_file.h"

#include <string.h>

static const unsigned char magic[8] = WG_FILE_MAGIC;

/* ---- Writing --------------------------------------------------------------------------------- */

/* Writes to `to`, or where that is NULL only counts. */
typedef struct wg_bytes_writer {
    unsigned char *to;
    size_t at;
    uint16_t code[WG_RULE_COUNT]; /* the row of a rule's name, from 1; 0 where nothing uses it */
    uint16_t rules;
    wg_rule_index rule[WG_RULE_COUNT]; /* by row */
} wg_bytes_writer;

static void put(wg_bytes_writer *w, size_t bytes, uint64_t value) {
    if (w->to != NULL) {
        wg_store_little(w->to + w->at, bytes, value);
    }
    w->at += bytes;
}

static void put_text(wg_bytes_writer *w, const void *text, size_t bytes) {
    if (w->to != NULL) {
        memcpy(w->to + w->at, text, bytes);
    }
    w->at += bytes;
}

/* Rows in the order in which the terms name them first, whatever the order of rules.h. */
static void collect_rules(wg_bytes_writer *w, const wg_program *program) {
    for (uint32_t i = 0; program != NULL && i < program->count; i++) {
        const uint32_t code = program->term[i].code;
        if (code < WG_RULE_COUNT && w->code[code] == 0) {
            w->rule[w->rules] = (wg_rule_index)code;
            w->code[code] = ++w->rules;
        }
    }
}

static void put_rules(wg_bytes_writer *w) {
    put(w, 2, w->rules);
    for (uint16_t row = 0; row < w->rules; row++) {
        const wg_rule_info *info = &wg_rule_infos[w->rule[row]];
        put(w, 1, (uint64_t)info->arity);
        put(w, 1, strlen(info->name));
        put_text(w, info->name, strlen(info->name));
    }
}

static void put_program(wg_bytes_writer *w, const wg_program *program) {
    put(w, 4, program->inputs);
    put(w, 4, program->count);
    put(w, 4, program->outputs);
    for (uint32_t i = 0; i < program->count; i++) {
        const wg_term *term = &program->term[i];
        const int operands = wg_term_is_rule(term)            ? wg_term_arity(term)
                             : term->code == WG_TERM_CONSTANT ? 2
                                                              : 1;
        put(w, 2,
            wg_term_is_rule(term)            ? w->code[term->code] - 1u
            : term->code == WG_TERM_CONSTANT ? WG_FILE_CONSTANT
                                             : WG_FILE_INPUT);
        for (int k = 0; k < operands; k++) {
            put(w, 4, term->at[k]); /* a constant's low half comes first, as program.h has it */
        }
    }
    for (uint32_t k = 0; k < program->outputs; k++) {
        put(w, 4, program->output[k]);
    }
}

/* `all`: the bytes of the whole, known after a first pass that only counts. */
static void put_function(wg_bytes_writer *w, const wg_function *fn, size_t all) {
    w->at = 0;
    put_text(w, magic, sizeof magic);
    put(w, 4, WG_FILE_VERSION);
    put(w, 4,
        (fn->relaxed ? WG_FILE_RELAXED : 0u) | (fn->condition != NULL ? WG_FILE_BRANCHES : 0u));
    put(w, 8, all);
#define PUT_FIELD(name) put(w, 8, (uint64_t)fn->report.name);
    WG_FILE_REPORT(PUT_FIELD)
#undef PUT_FIELD
    put_rules(w);
    put_program(w, fn->value);
    if (fn->condition != NULL) {
        put_program(w, fn->condition);
        for (uint32_t k = 0; k < fn->condition->outputs; k++) {
            put(w, 1, fn->taken[k] != 0 ? 1 : 0);
        }
    }
    put(w, WG_FILE_CHECKSUM, w->to != NULL ? wg_crc32(w->to, w->at) : 0);
}

static wg_status encode(const wg_function *fn, const char *name, unsigned char **bytes,
                        size_t *count) {
    wg_bytes_writer w = {.to = NULL};
    collect_rules(&w, fn->value);
    collect_rules(&w, fn->condition);
    put_function(&w, fn, 0);
    *count = w.at;
    *bytes = w.to = wg_alloc(w.at);
    if (w.to == NULL) {
        *count = 0;
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for %zu bytes", name, w.at);
    }
    put_function(&w, fn, *count);
    return WG_OK;
}

/* ---- The public calls ------------------------------------------------------------------------ */

static wg_status argument(const char *name, const char *what) {
    return wg_fail(WG_ERROR_ARGUMENT, "%s: %s is NULL", name, what);
}

wg_status wg_function_to_bytes(const wg_function *fn, void **bytes, size_t *count) {
    const char *name = "function_to_bytes";
    if (bytes == NULL || count == NULL) {
        return argument(name, bytes == NULL ? "where to put the bytes" : "where to put the count");
    }
    *bytes = NULL;
    *count = 0;
    if (fn == NULL) {
        return argument(name, "the function");
    }
    unsigned char *made = NULL;
    const wg_status status = encode(fn, name, &made, count);
    *bytes = made;
    return status;
}

void wg_function_bytes_free(void *bytes) {
    wg_free(bytes);
}

wg_function *wg_function_from_bytes(const void *bytes, size_t count) {
    const char *name = "function_from_bytes";
    if (bytes == NULL) {
        (void)argument(name, "the bytes' address");
        return NULL;
    }
    return wg_file_decode(bytes, count, name, NULL);
}

wg_status wg_function_save(const wg_function *fn, const char *path) {
    const char *name = "function_save";
    if (fn == NULL || path == NULL) {
        return argument(name, fn == NULL ? "the function" : "the path");
    }
    unsigned char *bytes = NULL;
    size_t count = 0;
    wg_status status = encode(fn, name, &bytes, &count);
    if (status == WG_OK) {
        status = wg_write_bytes(name, path, bytes, count);
    }
    wg_free(bytes);
    return status;
}

wg_function *wg_function_load(const char *path) {
    const char *name = "function_load";
    unsigned char *bytes = NULL;
    size_t count = 0;
    if (wg_read_bytes(name, path, &bytes, &count) != WG_OK) {
        return NULL;
    }
    wg_function *fn = wg_file_decode(bytes, count, name, path);
    wg_free(bytes);
    return fn;
}
