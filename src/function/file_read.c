/* file_read.c: functions read from bytes (file.h says how): nothing that stands there is believed.
 */
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/endian.h"
#include "function/file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define LEAST_TERM_BYTES ((size_t)6)

static const unsigned char magic[8] = WG_FILE_MAGIC;

typedef struct wg_bytes_reader {
    const unsigned char *bytes;
    size_t size, at; /* size: the end of what is read, the checksum not included */
    const char *name, *path;
    uint32_t flags;
    wg_rule_index rule[WG_RULE_COUNT]; /* by row */
    uint16_t rules;
} wg_bytes_reader;

/* All of these return false with the message, once something is wrong. */
static bool refuse(const wg_bytes_reader *r, size_t at, const char *format, ...) WG_PRINTF(3, 4);
static bool refuse(const wg_bytes_reader *r, size_t at, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)wg_refuse_byte(WG_ERROR_FORMAT, r->name, r->path, NULL, at, format, arguments);
    va_end(arguments);
    return false;
}

static bool take(wg_bytes_reader *r, size_t bytes, const char *what, uint64_t *value) {
    if (r->size - r->at < bytes) {
        return refuse(r, r->size, "the content ends inside %s", what);
    }
    *value = wg_load_little(r->bytes + r->at, bytes);
    r->at += bytes;
    return true;
}

static bool take_u32(wg_bytes_reader *r, const char *what, uint32_t *value) {
    uint64_t wide = 0;
    const bool taken = take(r, 4, what, &wide);
    *value = (uint32_t)wide;
    return taken;
}

/* Magic, version, flags and length; takes the checksum off the end. */
static bool read_header(wg_bytes_reader *r) {
    uint64_t length = 0;
    uint32_t version = 0;
    for (size_t i = 0; i < sizeof magic && i < r->size; i++) {
        if (r->bytes[i] != magic[i]) {
            return refuse(r, i, "0x%02x where a saved function has 0x%02x", r->bytes[i], magic[i]);
        }
    }
    if (r->size < WG_FILE_HEADER + WG_FILE_CHECKSUM) {
        return refuse(r, r->size, "it ends inside the header");
    }
    r->at = sizeof magic;
    (void)take_u32(r, "the header", &version);
    if (version != WG_FILE_VERSION) {
        return refuse(r, 8, "the form has version %u; this library reads version %d", version,
                      WG_FILE_VERSION);
    }
    (void)take_u32(r, "the header", &r->flags);
    if ((r->flags & ~(uint32_t)(WG_FILE_RELAXED | WG_FILE_BRANCHES)) != 0) {
        return refuse(r, 12, "flags 0x%x that this library does not know", r->flags);
    }
    (void)take(r, 8, "the header", &length);
    if (length > r->size) {
        return refuse(r, r->size, "it ends here; the header says %llu bytes",
                      (unsigned long long)length);
    }
    if (length < WG_FILE_HEADER + WG_FILE_CHECKSUM) {
        return refuse(r, 16, "a length of %llu bytes, less than the header's",
                      (unsigned long long)length);
    }
    if (length < r->size) {
        return refuse(r, (size_t)length, "%zu bytes left over", r->size - (size_t)length);
    }
    r->size -= WG_FILE_CHECKSUM;
    return true;
}

static bool read_report(wg_bytes_reader *r, wg_function_report *report) {
    uint64_t value = 0;
#define TAKE_FIELD(field)                                                                          \
    if (!take(r, 8, "the report", &value)) {                                                       \
        return false;                                                                              \
    }                                                                                              \
    if (value > INT64_MAX) {                                                                       \
        return refuse(r, r->at - 8, "a negative count of the report (" #field ")");                \
    }                                                                                              \
    report->field = (int64_t)value;
    WG_FILE_REPORT(TAKE_FIELD)
#undef TAKE_FIELD
    return true;
}

/* The rule of a name, or WG_RULE_COUNT. */
static wg_rule_index rule_named(const unsigned char *name, size_t length) {
    int rule = 0;
    while (rule < WG_RULE_COUNT && (strlen(wg_rule_infos[rule].name) != length ||
                                    memcmp(wg_rule_infos[rule].name, name, length) != 0)) {
        rule++;
    }
    return (wg_rule_index)rule;
}

static bool read_rule(wg_bytes_reader *r) {
    uint64_t arity = 0, length = 0;
    const size_t at = r->at;
    if (!take(r, 1, "the rules' names", &arity) || !take(r, 1, "the rules' names", &length)) {
        return false;
    }
    if (r->size - r->at < length) {
        return refuse(r, r->size, "the content ends inside the rules' names");
    }
    const unsigned char *name = r->bytes + r->at;
    const wg_rule_index rule = rule_named(name, (size_t)length);
    if (rule == WG_RULE_COUNT) {
        char text[33] = "";
        for (size_t i = 0; i < length && i < sizeof text - 1; i++) {
            text[i] = (char)(name[i] > ' ' && name[i] < 0x7f ? name[i] : '?');
        }
        return refuse(r, r->at, "no rule of this library is called '%s'", text);
    }
    for (uint16_t row = 0; row < r->rules; row++) {
        if (r->rule[row] == rule) {
            return refuse(r, r->at, "the rule '%s' is named twice", wg_rule_infos[rule].name);
        }
    }
    if (arity != (uint64_t)wg_rule_infos[rule].arity) {
        return refuse(r, at, "the rule '%s' with %d operands; it takes %d",
                      wg_rule_infos[rule].name, (int)arity, wg_rule_infos[rule].arity);
    }
    r->rule[r->rules++] = rule; /* there is room: no two are the same */
    r->at += (size_t)length;
    return true;
}

static bool read_rules(wg_bytes_reader *r) {
    uint64_t rules = 0;
    bool right = take(r, 2, "the rules' names", &rules);
    for (uint64_t row = 0; row < rules && right; row++) {
        right = read_rule(r);
    }
    return right;
}

static bool read_term(wg_bytes_reader *r, const wg_program *program, wg_term *term) {
    const uint32_t index = program->count;
    const size_t at = r->at;
    uint64_t code = 0;
    if (!take(r, 2, "a term", &code)) {
        return false;
    }
    if ((code == WG_FILE_INPUT) != (index < program->inputs)) {
        return refuse(r, at,
                      index < program->inputs ? "term %u is no input; inputs come first"
                                              : "term %u is an input; inputs come first",
                      index);
    }
    if (code == WG_FILE_INPUT) {
        term->code = WG_TERM_INPUT;
        return take_u32(r, "an input", &term->at[0]) &&
               (term->at[0] == index ||
                refuse(r, at + 2, "term %u is input %u; inputs come in order", index, term->at[0]));
    }
    if (code == WG_FILE_CONSTANT) {
        term->code = WG_TERM_CONSTANT;
        return take_u32(r, "a constant", &term->at[0]) && take_u32(r, "a constant", &term->at[1]);
    }
    if (code >= r->rules) {
        return refuse(r, at, "term %u has code %u; there are %u rules", index, (unsigned)code,
                      r->rules);
    }
    term->code = r->rule[code];
    const int arity = wg_term_arity(term);
    for (int k = 0; k < arity; k++) {
        if (!take_u32(r, "a term's operands", &term->at[k])) {
            return false;
        }
        if (term->at[k] >= index) {
            return refuse(r, r->at - 4,
                          "operand %d of term %u is term %u, which does not precede it", k, index,
                          term->at[k]);
        }
    }
    return true;
}

/* Sizes that the rest of the bytes can hold, before any memory is asked for. */
static bool read_sizes(wg_bytes_reader *r, wg_program *program, uint32_t *terms) {
    const size_t at = r->at;
    if (!take_u32(r, "a program's sizes", &program->inputs) ||
        !take_u32(r, "a program's sizes", terms) ||
        !take_u32(r, "a program's sizes", &program->outputs)) {
        return false;
    }
    const size_t left = r->size - r->at;
    if (program->inputs > INT_MAX) {
        return refuse(r, at, "%u inputs, more than a function can have", program->inputs);
    }
    if (*terms > WG_MOST_TERMS || *terms > left / LEAST_TERM_BYTES) {
        return refuse(r, at + 4, "%u terms, and %zu bytes to hold them", *terms, left);
    }
    if (*terms < program->inputs) {
        return refuse(r, at + 4, "%u terms, fewer than the %u inputs", *terms, program->inputs);
    }
    if (program->outputs < 1 || program->outputs > INT_MAX || program->outputs > left / 4) {
        return refuse(r, at + 8, "%u outputs, and %zu bytes to hold them", program->outputs, left);
    }
    return true;
}

static bool no_memory(const wg_bytes_reader *r, uint32_t terms) {
    (void)wg_fail(WG_ERROR_MEMORY, "%s: no memory for %u terms", r->name, terms);
    return false;
}

static bool read_program(wg_bytes_reader *r, wg_program *program) {
    uint32_t terms = 0;
    if (!read_sizes(r, program, &terms)) {
        return false;
    }
    program->term = wg_calloc((size_t)terms + 1, sizeof *program->term);
    program->output = wg_calloc((size_t)program->outputs + 1, sizeof *program->output);
    if (program->term == NULL || program->output == NULL) {
        return no_memory(r, terms);
    }
    while (program->count < terms) {
        if (!read_term(r, program, &program->term[program->count])) {
            return false;
        }
        program->count++;
    }
    for (uint32_t k = 0; k < program->outputs; k++) {
        if (!take_u32(r, "a program's outputs", &program->output[k])) {
            return false;
        }
        if (program->output[k] >= terms) {
            return refuse(r, r->at - 4, "output %u is term %u of %u", k, program->output[k], terms);
        }
    }
    return true;
}

static bool read_branches(wg_bytes_reader *r, const wg_program *value, wg_program *condition,
                          uint8_t **taken) {
    const size_t at = r->at;
    if (!read_program(r, condition)) {
        return false;
    }
    if (condition->inputs != value->inputs) {
        return refuse(r, at, "branches of %u inputs in a function of %u", condition->inputs,
                      value->inputs);
    }
    if (r->size - r->at < condition->outputs) {
        return refuse(r, r->size, "the content ends inside what the branches were");
    }
    *taken = wg_calloc((size_t)condition->outputs + 1, 1);
    for (uint32_t k = 0; k < condition->outputs && *taken != NULL; k++) {
        (*taken)[k] = r->bytes[r->at++];
        if ((*taken)[k] > 1) {
            return refuse(r, r->at - 1, "branch %u was 0x%02x, neither 0 nor 1", k, (*taken)[k]);
        }
    }
    return *taken != NULL || no_memory(r, condition->outputs);
}

/* What stands after all else has been found right. */
static bool read_checksum(const wg_bytes_reader *r) {
    if (r->at != r->size) {
        return refuse(r, r->at, "%zu bytes left over before the checksum", r->size - r->at);
    }
    const uint32_t there = (uint32_t)wg_load_little(r->bytes + r->size, WG_FILE_CHECKSUM);
    const uint32_t right = wg_crc32(r->bytes, r->size);
    return there == right || refuse(r, r->size,
                                    "the checksum is 0x%08x, that of the content 0x%08x: a byte "
                                    "before here is damaged",
                                    there, right);
}

wg_function *wg_file_decode(const void *bytes, size_t count, const char *name, const char *path) {
    wg_bytes_reader reader = {.bytes = bytes, .size = count, .name = name, .path = path};
    wg_bytes_reader *r = &reader;
    wg_program *value = wg_calloc(1, sizeof *value), *condition = NULL;
    uint8_t *taken = NULL;
    wg_function_report report = {0};
    bool right = value != NULL || no_memory(r, 0);
    right = right && read_header(r) && read_report(r, &report) && read_rules(r) &&
            read_program(r, value);
    if (right && (r->flags & WG_FILE_BRANCHES) != 0) {
        condition = wg_calloc(1, sizeof *condition);
        right =
            (condition != NULL || no_memory(r, 0)) && read_branches(r, value, condition, &taken);
    }
    if (!right || !read_checksum(r)) {
        wg_program_free(value);
        wg_program_free(condition);
        wg_free(taken);
        return NULL;
    }
    return wg_function_make(value, condition, taken, (r->flags & WG_FILE_RELAXED) != 0, &report);
}
