/* random.c: Philox4x32-10 and the distributions that draw from it. */
#include "wengert/random.h"

#include <math.h>
#include <string.h>

/* The third counter word separates the verbs, so that one key serves all of them. */
enum {
    STREAM_BITS = 0,
    STREAM_UNIFORM,
    STREAM_NORMAL,
    STREAM_BELOW,
    STREAM_PERMUTATION,
    STREAM_FOLD,
    STREAM_NAME,
};

#define TWO_PI 6.283185307179586476925286766559

/* Salmon et al. 2011, section 3.3; multipliers and Weyl constants of their table 2. */
static void philox(wg_key key, uint64_t counter, uint32_t stream, uint32_t attempt,
                   uint32_t out[4]) {
    uint32_t c0 = (uint32_t)counter;
    uint32_t c1 = (uint32_t)(counter >> 32);
    uint32_t c2 = stream;
    uint32_t c3 = attempt;
    uint32_t k0 = key.word[0];
    uint32_t k1 = key.word[1];
    for (int round = 0; round < 10; round++) {
        uint64_t left = (uint64_t)0xD2511F53u * c0;
        uint64_t right = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(right >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(left >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)right;
        c3 = (uint32_t)left;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

static uint64_t join(uint32_t low, uint32_t high) {
    return (uint64_t)high << 32 | low;
}

wg_key wg_key_new(uint64_t seed) {
    return (wg_key){{(uint32_t)seed, (uint32_t)(seed >> 32)}};
}

wg_key wg_key_fold(wg_key key, uint64_t number) {
    uint32_t block[4];
    philox(key, number, STREAM_FOLD, 0, block);
    return (wg_key){{block[0], block[1]}};
}

/* Eight bytes of the name a step, and its length in the last, so that no name is the start of
 * another. Bytes are joined by value: the same key on every machine. */
wg_key wg_key_name(wg_key key, const char *name) {
    size_t length = name == NULL ? 0 : strlen(name);
    uint32_t block[4];
    for (size_t start = 0; start < length; start += 8) {
        uint64_t piece = 0;
        for (size_t i = 0; i < 8 && start + i < length; i++) {
            piece |= (uint64_t)(unsigned char)name[start + i] << (8 * i);
        }
        philox(key, piece, STREAM_NAME, 0, block);
        key = (wg_key){{block[0], block[1]}};
    }
    philox(key, length, STREAM_NAME, 1, block);
    return (wg_key){{block[0], block[1]}};
}

void wg_random_bits(wg_key key, uint64_t counter, uint32_t out[4]) {
    philox(key, counter, STREAM_BITS, 0, out);
}

/* A block carries two numbers: elements 2b and 2b + 1 of a stream come from block b. */
static void unit_pair(wg_key key, uint64_t block, uint32_t stream, double out[2]) {
    uint32_t bits[4];
    philox(key, block, stream, 0, bits);
    out[0] = (double)(join(bits[0], bits[1]) >> 11) * 0x1p-53;
    out[1] = (double)(join(bits[2], bits[3]) >> 11) * 0x1p-53;
}

static void normal_pair(wg_key key, uint64_t block, double out[2]) {
    double unit[2];
    unit_pair(key, block, STREAM_NORMAL, unit);
    double radius = sqrt(-2.0 * log(1.0 - unit[0])); /* 1 - u is in (0, 1]: finite */
    double angle = TWO_PI * unit[1];
    out[0] = radius * cos(angle);
    out[1] = radius * sin(angle);
}

/* Rounding may reach `high` though the fraction is below 1. */
static double between(double low, double high, double fraction) {
    double half = fraction * (0.5 * high - 0.5 * low); /* high - low may overflow */
    double value = low + half + half;
    return value >= high && high > low ? nextafter(high, low) : value;
}

void wg_random_uniform(wg_key key, uint64_t first, size_t n, double low, double high, double *out) {
    double pair[2] = {0.0, 0.0};
    for (size_t i = 0; i < n; i++) {
        uint64_t index = first + i;
        if (i == 0 || (index & 1) == 0) {
            unit_pair(key, index >> 1, STREAM_UNIFORM, pair);
        }
        out[i] = between(low, high, pair[index & 1]);
    }
}

void wg_random_uniform_f32(wg_key key, uint64_t first, size_t n, float low, float high,
                           float *out) {
    double pair[2] = {0.0, 0.0};
    for (size_t i = 0; i < n; i++) {
        uint64_t index = first + i;
        if (i == 0 || (index & 1) == 0) {
            unit_pair(key, index >> 1, STREAM_UNIFORM, pair);
        }
        float value = (float)between((double)low, (double)high, pair[index & 1]);
        out[i] = value >= high && high > low ? nextafterf(high, low) : value;
    }
}

void wg_random_normal(wg_key key, uint64_t first, size_t n, double mean, double deviation,
                      double *out) {
    double pair[2] = {0.0, 0.0};
    for (size_t i = 0; i < n; i++) {
        uint64_t index = first + i;
        if (i == 0 || (index & 1) == 0) {
            normal_pair(key, index >> 1, pair);
        }
        out[i] = mean + deviation * pair[index & 1];
    }
}

void wg_random_normal_f32(wg_key key, uint64_t first, size_t n, float mean, float deviation,
                          float *out) {
    double pair[2] = {0.0, 0.0};
    for (size_t i = 0; i < n; i++) {
        uint64_t index = first + i;
        if (i == 0 || (index & 1) == 0) {
            normal_pair(key, index >> 1, pair);
        }
        out[i] = (float)((double)mean + (double)deviation * pair[index & 1]);
    }
}

/* The 128-bit product a * b: returns the upper half, keeps the lower in *low. */
static uint64_t multiply_wide(uint64_t a, uint64_t b, uint64_t *low) {
    uint64_t a0 = a & UINT32_MAX, a1 = a >> 32;
    uint64_t b0 = b & UINT32_MAX, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    uint64_t carry = a0 * b1 + (middle & UINT32_MAX);
    *low = a * b;
    return a1 * b1 + (middle >> 32) + (carry >> 32);
}

static uint64_t below(wg_key key, uint64_t counter, uint32_t stream, uint64_t bound) {
    if (bound == 0) {
        return 0;
    }
    uint64_t threshold = (0 - bound) % bound; /* 2^64 mod bound: draws to reject */
    uint64_t high = 0;
    /* A draw is rejected with probability below 1/2: 128 in a row do not happen. */
    for (uint32_t attempt = 0; attempt < 64; attempt++) {
        uint32_t bits[4];
        philox(key, counter, stream, attempt, bits);
        for (int half = 0; half < 2; half++) {
            uint64_t low;
            high = multiply_wide(join(bits[2 * half], bits[2 * half + 1]), bound, &low);
            if (low >= threshold) {
                return high;
            }
        }
    }
    return high;
}

uint64_t wg_random_below(wg_key key, uint64_t counter, uint64_t bound) {
    return below(key, counter, STREAM_BELOW, bound);
}

void wg_random_permutation(wg_key key, int64_t n, int64_t *out) {
    for (int64_t i = 0; i < n; i++) {
        out[i] = i;
    }
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t other = (int64_t)below(key, (uint64_t)i, STREAM_PERMUTATION, (uint64_t)i + 1);
        int64_t kept = out[i];
        out[i] = out[other];
        out[other] = kept;
    }
}
