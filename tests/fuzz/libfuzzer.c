/* libfuzzer.c: the entry that libFuzzer calls, for the target FUZZ_NAME. */
#include "targets.h"

#define JOIN(a, b) a##b
#define TARGET(name) JOIN(fuzz_, name)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    TARGET(FUZZ_NAME)(data, size);
    return 0;
}
