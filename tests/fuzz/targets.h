/* targets.h: the readers, each as a function of bytes that may be anything. A target reads them,
 * uses what was accepted, and aborts where a promise is broken: what was accepted and written must
 * come back the same. The sanitizers see the rest.
 *
 * A new target is a file NAME.c with fuzz_NAME, a row here, files in corpus/NAME and, where that
 * helps, words in dictionaries/NAME.dict. Then `./dev fuzz` runs it under libFuzzer, and the test
 * `corpus` runs it on damage of its own. */
#ifndef WG_TESTS_FUZZ_TARGETS_H
#define WG_TESTS_FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_TARGETS(X)                                                                            \
    X(checkpoint)                                                                                  \
    X(csv)                                                                                         \
    X(function)                                                                                    \
    X(idx)                                                                                         \
    X(image)                                                                                       \
    X(json)                                                                                        \
    X(npy)                                                                                         \
    X(npz)                                                                                         \
    X(safetensors)                                                                                 \
    X(table)                                                                                       \
    X(vocabulary)

#define FUZZ_DECLARE(name) void fuzz_##name(const uint8_t *data, size_t size);
FUZZ_TARGETS(FUZZ_DECLARE)
#undef FUZZ_DECLARE

#endif
