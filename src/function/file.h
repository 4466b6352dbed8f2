/* file.h (internal): how a function stands in a file. Little-endian throughout, nothing aligned:
 *
 *     0  magic, 8 bytes: damaged visibly by what takes it for text, as PNG's
 *     8  u32 version
 *    12  u32 flags: 1 relaxed, 2 with branches
 *    16  u64 bytes of all this, the checksum included
 *    24  the report of the recording, u64 each
 *    80  rules by name: u16 how many; each u8 arity, u8 length, the letters
 *        the program of the values
 *        with branches: the program of what they saw, then what they were, a byte each (0 or 1)
 *   end  u32 CRC-32 of everything before
 *
 * A program: u32 inputs, u32 terms (the inputs among them, first), u32 outputs; the terms; u32 for
 * each output, which term it is. A term: u16 code and u32 operands, each an earlier term, where the
 * code is a row of the rules' names; or WG_FILE_INPUT, u32 which; or WG_FILE_CONSTANT, u64 its
 * bits. */
#ifndef WG_SRC_FUNCTION_FILE_H
#define WG_SRC_FUNCTION_FILE_H

#include "function/function.h"

#define WG_FILE_VERSION 1
#define WG_FILE_HEADER ((size_t)24)
#define WG_FILE_CHECKSUM ((size_t)4)

enum {
    WG_FILE_RELAXED = 1,
    WG_FILE_BRANCHES = 2,
    WG_FILE_INPUT = 0xfffe,
    WG_FILE_CONSTANT = 0xffff
};

/* What recording counted; the rest of a report is counted when it is asked for. */
#define WG_FILE_REPORT(X)                                                                          \
    X(recorded) X(folded) X(common) X(identities) X(dead) X(branches) X(values_read)

#define WG_FILE_MAGIC                                                                              \
    { 0x89, 'W', 'G', 'F', 'N', '\r', '\n', 0x1a }

/* `name` and, where there is one, `path` start the messages. NULL on failure. */
wg_function *wg_file_decode(const void *bytes, size_t count, const char *name, const char *path);

#endif
