/* endian.h (internal): whole numbers of up to 8 bytes as files hold them, least significant byte
 * first (little) or last (big), whatever the machine's own order is. */
#ifndef WG_SRC_ENDIAN_H
#define WG_SRC_ENDIAN_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t wg_load_little(const void *from, size_t bytes) {
    const unsigned char *at = from;
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;) {
        value = value << 8 | at[i];
    }
    return value;
}

static inline uint64_t wg_load_big(const void *from, size_t bytes) {
    const unsigned char *at = from;
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

/* The lowest `bytes` bytes of `value`. */
static inline void wg_store_little(void *to, size_t bytes, uint64_t value) {
    unsigned char *at = to;
    for (size_t i = 0; i < bytes; i++, value >>= 8) {
        at[i] = (unsigned char)value;
    }
}

static inline void wg_store_big(void *to, size_t bytes, uint64_t value) {
    unsigned char *at = to;
    for (size_t i = bytes; i-- > 0; value >>= 8) {
        at[i] = (unsigned char)value;
    }
}

#endif
