/* Damaged functions: each is refused with the byte and the reason, and none does harm. */
#include "saved.h"

#include <stdio.h>

static void expect_refused(const unsigned char *bytes, size_t count, const char *text) {
    cr_assert_null(wg_function_from_bytes(bytes, count), "%zu bytes, want '%s'", count, text);
    cr_assert_eq(wg_last_status(), WG_ERROR_FORMAT, "%s", wg_last_message());
    cr_assert_not_null(strstr(wg_last_message(), text), "want '%s' in: %s", text,
                       wg_last_message());
}

/* ---- All at once ----------------------------------------------------------------------------- */

/* `count` bytes in a block of their own. */
static unsigned char *part_of(const unsigned char *bytes, size_t count) {
    unsigned char *part = malloc(count > 0 ? count : 1);
    cr_assert_not_null(part);
    memcpy(part, bytes, count);
    return part;
}

Test(function_damage, every_truncation_is_refused) {
    wg_function *fn = saved_function(false);
    size_t all = 0;
    unsigned char *bytes = saved_bytes(fn, &all);
    for (size_t count = 0; count < all; count++) {
        unsigned char *part = part_of(bytes, count);
        char text[48];
        (void)snprintf(text, sizeof text, ": byte %zu: it ends", count);
        expect_refused(part, count, text);
        if (count >= 28) { /* a header that knows, and a checksum that is right */
            saved_repair(part, count);
            (void)snprintf(text, sizeof text, "byte ");
            expect_refused(part, count, text);
        }
        free(part);
    }
    free(bytes);
    wg_function_free(fn);
}

Test(function_damage, every_flipped_bit_is_refused) {
    wg_function *fn = saved_function(true);
    size_t count = 0;
    unsigned char *bytes = saved_bytes(fn, &count);
    for (size_t bit = 0; bit < 8 * count; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        expect_refused(bytes, count, ": byte ");
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    wg_function *back = wg_function_from_bytes(bytes, count);
    cr_assert_not_null(back, "%s", wg_last_message());
    wg_function_free(back);
    free(bytes);
    wg_function_free(fn);
}

/* Refused, or a function that can be run and saved. True for the latter. */
static bool is_harmless(const unsigned char *bytes, size_t count) {
    wg_function *fn = wg_function_from_bytes(bytes, count);
    if (fn == NULL) {
        cr_assert_eq(wg_last_status(), WG_ERROR_FORMAT);
        cr_assert_not_null(strstr(wg_last_message(), ": byte "), "%s", wg_last_message());
        return false;
    }
    static double x[1024], y[1024], g[1024 * 64];
    if (wg_function_inputs(fn) <= 64 && wg_function_outputs(fn) <= 64) {
        cr_assert_eq(wg_function_jacobian(fn, 1, x, y, g), WG_OK);
        cr_assert_eq(wg_function_vjp(fn, 5, x, x, y, g), WG_OK);
        const wg_status status = wg_function_recheck(fn, 2, x, NULL);
        cr_assert(status == WG_OK || status == WG_ERROR_STATE);
    }
    size_t again = 0;
    unsigned char *second = saved_bytes(fn, &again);
    wg_function *back = wg_function_from_bytes(second, again);
    cr_assert_not_null(back, "%s", wg_last_message());
    wg_function_free(back);
    free(second);
    wg_function_free(fn);
    return true;
}

/* Bits flipped by someone who sets the checksum right again. */
Test(function_damage, flipped_bits_under_a_right_checksum_do_no_harm) {
    wg_function *fn = saved_function(false);
    size_t count = 0, accepted = 0;
    unsigned char *bytes = saved_bytes(fn, &count);
    for (size_t bit = 0; bit < 8 * (count - 4); bit++) {
        unsigned char *flipped = part_of(bytes, count);
        flipped[bit / 8] ^= (unsigned char)(1 << bit % 8);
        saved_repair(flipped, count);
        accepted += is_harmless(flipped, count) ? 1 : 0;
        free(flipped);
    }
    cr_assert_gt(accepted, 100); /* constants, counts, earlier operands */
    free(bytes);
    wg_function_free(fn);
}

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A few bytes replaced, a piece cut out or said twice. */
static size_t mutate(const unsigned char *from, size_t count, unsigned char *to, uint64_t *state) {
    memcpy(to, from, count);
    const uint64_t kind = next_random(state) % 4;
    if (kind == 0) {
        const size_t at = 24 + next_random(state) % (count - 28);
        const size_t gone = 1 + next_random(state) % (count - 4 - at);
        memmove(to + at, from + at + gone, count - at - gone);
        return count - gone;
    }
    if (kind == 1) {
        const size_t at = 24 + next_random(state) % (count - 28);
        const size_t more = 1 + next_random(state) % (count - 4 - at);
        memmove(to + at + more, from + at, count - at);
        return count + more;
    }
    for (uint64_t left = 1 + next_random(state) % 4; left > 0; left--) {
        static const unsigned char telling[] = {0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff};
        const size_t at = 8 + next_random(state) % (count - 12);
        to[at] = next_random(state) % 2 == 0 ? telling[next_random(state) % sizeof telling]
                                             : (unsigned char)next_random(state);
    }
    return count;
}

Test(function_damage, random_damage_under_a_right_checksum_does_no_harm) {
    wg_function *fn = saved_function(false);
    size_t count = 0, accepted = 0;
    unsigned char *bytes = saved_bytes(fn, &count);
    unsigned char *room = malloc(2 * count);
    uint64_t state = 20240229;
    for (int round = 0; round < 20000; round++) {
        const size_t mutated = mutate(bytes, count, room, &state);
        saved_repair(room, mutated);
        unsigned char *exact = part_of(room, mutated);
        accepted += is_harmless(exact, mutated) ? 1 : 0;
        free(exact);
    }
    cr_assert_gt(accepted, 100);
    cr_assert_lt(accepted, 19000);
    free(room);
    free(bytes);
    wg_function_free(fn);
}

/* ---- One by one ------------------------------------------------------------------------------ */

/* A function of two inputs by hand, and where its parts stand. */
typedef struct wg_crafted {
    unsigned char bytes[512];
    size_t count, at[16];
} wg_crafted;

enum {
    FILE_START,
    RULES,
    SECOND_NAME,
    VALUE,
    FIRST_TERM,
    SECOND_TERM,
    CONSTANT,
    PRODUCT,
    OUTPUT,
    CONDITION,
    TAKEN,
    END
};

static void put(wg_crafted *c, size_t bytes, uint64_t value) {
    for (size_t i = 0; i < bytes; i++) {
        c->bytes[c->count++] = (unsigned char)(value >> (8 * i));
    }
}

static void put_name(wg_crafted *c, const char *name) {
    put(c, 1, 2);
    put(c, 1, strlen(name));
    memcpy(c->bytes + c->count, name, strlen(name));
    c->count += strlen(name);
}

static void put_inputs(wg_crafted *c, uint32_t inputs) {
    for (uint32_t i = 0; i < inputs; i++) {
        put(c, 2, 0xfffe);
        put(c, 4, i);
    }
}

/* y = x₀ · 2.5, where x₀ < x₀ was not so; the condition says that it has `branch_inputs`. */
static wg_crafted craft(uint32_t branch_inputs) {
    static const unsigned char start[] = {0x89, 'W', 'G', 'F', 'N', '\r', '\n',
                                          0x1a, 1,   0,   0,   0,   2};
    wg_crafted c = {.count = 80};
    memcpy(c.bytes, start, sizeof start);
    c.at[RULES] = c.count;
    put(&c, 2, 2);
    put_name(&c, "mul");
    c.at[SECOND_NAME] = c.count + 2;
    put_name(&c, "lt");
    c.at[VALUE] = c.count;
    put(&c, 4, 2), put(&c, 4, 4), put(&c, 4, 1);
    c.at[FIRST_TERM] = c.count;
    c.at[SECOND_TERM] = c.count + 6;
    put_inputs(&c, 2);
    c.at[CONSTANT] = c.count;
    put(&c, 2, 0xffff), put(&c, 8, 0x4004000000000000);
    c.at[PRODUCT] = c.count;
    put(&c, 2, 0), put(&c, 4, 0), put(&c, 4, 2);
    c.at[OUTPUT] = c.count;
    put(&c, 4, 3);
    c.at[CONDITION] = c.count;
    put(&c, 4, branch_inputs), put(&c, 4, branch_inputs + 1), put(&c, 4, 1);
    put_inputs(&c, branch_inputs);
    put(&c, 2, 1), put(&c, 4, 0), put(&c, 4, 0);
    put(&c, 4, branch_inputs);
    c.at[TAKEN] = c.count;
    put(&c, 1, 0);
    c.at[END] = c.count;
    put(&c, 4, 0);
    saved_repair(c.bytes, c.count);
    return c;
}

Test(function_damage, a_function_by_hand_is_read) {
    const wg_crafted c = craft(2);
    wg_function *fn = wg_function_from_bytes(c.bytes, c.count);
    cr_assert_not_null(fn, "%s", wg_last_message());
    const double x[2] = {3, 0};
    double y = 0;
    cr_assert_eq(wg_function_value(fn, 1, x, &y), WG_OK);
    cr_assert_eq(y, 7.5);
    cr_assert_eq(wg_function_recheck(fn, 1, x, NULL), WG_OK);
    wg_function_free(fn);
}

/* `bytes` of `value` at part + behind; the message names the byte at part + behind + offset. */
static const struct {
    int part, behind, bytes;
    uint64_t value;
    int offset;
    const char *text;
} rows[] = {
    {FILE_START, 0, 1, 'x', 0, "0x78 where a saved function has 0x89"},
    {FILE_START, 4, 1, 'M', 0, "0x4d where a saved function has 0x4e"},
    {FILE_START, 8, 4, 2, 0, "the form has version 2; this library reads version 1"},
    {FILE_START, 8, 4, 0, 0, "the form has version 0; this library reads version 1"},
    {FILE_START, 12, 4, 6, 0, "flags 0x6 that this library does not know"},
    {FILE_START, 24, 8, UINT64_MAX, 0, "a negative count of the report (recorded)"},
    {FILE_START, 72, 8, UINT64_MAX, 0, "a negative count of the report (values_read)"},
    {RULES, 0, 2, 3, 13, "no rule of this library is called"}, /* the program taken for a third */
    {RULES, 2, 1, 3, 0, "the rule 'mul' with 3 operands; it takes 2"},
    {RULES, 3, 1, 255, 1, ""},
    {RULES, 4, 3, 'm' | 'u' << 8 | 7 << 16, 0, "no rule of this library is called 'mu?'"},
    {VALUE, 0, 4, 0x80000000, 0, "2147483648 inputs, more than a function can have"},
    {VALUE, 4, 4, 0xffffffff, 0, "4294967295 terms, and "},
    {VALUE, 4, 4, 1000, 0, "1000 terms, and "},
    {VALUE, 4, 4, 1, 0, "1 terms, fewer than the 2 inputs"},
    {VALUE, 8, 4, 0, 0, "0 outputs, and "},
    {VALUE, 8, 4, 0xffffffff, 0, "4294967295 outputs, and "},
    {VALUE, 8, 4, 400, 0, "400 outputs, and "},
    {VALUE, 0, 4, 3, 24, "term 2 is no input; inputs come first"},
    {VALUE, 0, 4, 1, 18, "term 1 is an input; inputs come first"},
    {FIRST_TERM, 0, 2, 0, 0, "term 0 is no input; inputs come first"},
    {SECOND_TERM, 2, 4, 0, 0, "term 1 is input 0; inputs come in order"},
    {CONSTANT, 0, 2, 0xfffe, 0, "term 2 is an input; inputs come first"},
    {PRODUCT, 0, 2, 2, 0, "term 3 has code 2; there are 2 rules"},
    {PRODUCT, 0, 2, 0xfffd, 0, "term 3 has code 65533; there are 2 rules"},
    {PRODUCT, 2, 4, 3, 0, "operand 0 of term 3 is term 3, which does not precede it"},
    {PRODUCT, 6, 4, 0xffffffff, 0, "operand 1 of term 3 is term 4294967295, which does not"},
    {OUTPUT, 0, 4, 4, 0, "output 0 is term 4 of 4"},
    {TAKEN, 0, 1, 2, 0, "branch 0 was 0x02, neither 0 nor 1"},
};

Test(function_damage, each_damage_is_named_with_its_byte) {
    for (size_t row = 0; row < WG_COUNT_OF(rows); row++) {
        wg_crafted c = craft(2);
        const size_t at = c.at[rows[row].part] + (size_t)rows[row].behind;
        for (int i = 0; i < rows[row].bytes; i++) {
            c.bytes[at + (size_t)i] = (unsigned char)(rows[row].value >> (8 * i));
        }
        saved_repair(c.bytes, c.count);
        char text[128];
        const size_t named = rows[row].text[0] != '\0' ? at + (size_t)rows[row].offset : c.at[END];
        (void)snprintf(text, sizeof text, "function_from_bytes: byte %zu: %s", named,
                       rows[row].text[0] != '\0' ? rows[row].text : "the content ends inside the");
        expect_refused(c.bytes, c.count, text);
    }
}

static void expect_at(const wg_crafted *c, size_t at, const char *reason) {
    char text[128];
    (void)snprintf(text, sizeof text, "byte %zu: %s", at, reason);
    expect_refused(c->bytes, c->count, text);
}

Test(function_damage, lengths_and_checksums_are_compared) {
    wg_crafted c = craft(2);
    c.bytes[c.at[CONSTANT] + 4] ^= 1; /* a constant: nothing else can tell */
    expect_at(&c, c.at[END], "the checksum is 0x");
    c = craft(2);
    c.count += 3;
    expect_at(&c, c.count - 3, "3 bytes left over");
    saved_repair(c.bytes, c.count);
    expect_at(&c, c.at[END], "3 bytes left over before the checksum");
    c = craft(2);
    c.bytes[16] = 5;
    c.bytes[17] = 0;
    expect_at(&c, 16, "a length of 5 bytes, less than the header's");
    c = craft(2);
    c.bytes[23] = 0xff;
    expect_at(&c, c.count, "it ends here; the header says 18374686479671623");
    c = craft(1);
    expect_at(&c, c.at[CONDITION], "branches of 1 inputs in a function of 2");
    c = craft(2);
    memcpy(c.bytes + c.at[SECOND_NAME] - 2, "\2\3mul", 5); /* eats a byte: the name comes first */
    saved_repair(c.bytes, c.count);
    expect_at(&c, c.at[SECOND_NAME], "the rule 'mul' is named twice");
}
