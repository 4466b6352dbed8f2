/* random_typed.h (internal): see isa_loops.h and random.h. */

/* Philox4x32-10 (random.c of src/base) for LANES blocks from `first` on: out[w][l] is word w. */
TARGET static void LOOP(philox)(wg_key key, uint64_t first, uint32_t out[4][LANES]) {
    for (int l = 0; l < LANES; l++) {
        const uint64_t counter = first + (uint64_t)l;
        uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32), c2 = 0, c3 = 0;
        uint32_t k0 = key.word[0], k1 = key.word[1];
        PHILOX_ROUND PHILOX_ROUND PHILOX_ROUND PHILOX_ROUND PHILOX_ROUND PHILOX_ROUND PHILOX_ROUND
            PHILOX_ROUND PHILOX_ROUND PHILOX_ROUND out[0][l] = c0;
        out[1][l] = c1;
        out[2][l] = c2;
        out[3][l] = c3;
    }
}

/* Number h of a block in [0, 1), and in (0, 1). */
#define UNIT(h, l) ONE_OF(T, unit)(bits, h, l)
#define OPEN(h, l) ONE_OF(T, open)(bits, h, l)

TARGET static void LOOP(uniform)(uint32_t bits[4][LANES], T *out) {
    for (int h = 0; h < NUMBERS; h++) {
        for (int l = 0; l < LANES; l++) {
            out[h * LANES + l] = UNIT(h, l);
        }
    }
}

/* Both numbers of a pair from one radius and one angle. */
TARGET static void LOOP(normal)(uint32_t bits[4][LANES], T *out) {
    for (int h = 0; h < NUMBERS; h += 2) {
        for (int l = 0; l < LANES; l++) {
            const T radius = SQRT((T)-2 * LOG(OPEN(h, l)));
            const T turn = UNIT(h + 1, l);
            T sine, cosine;
            ONE_OF(T, turned)(turn, &sine, &cosine);
            out[h * LANES + l] = radius * cosine;
            out[(h + 1) * LANES + l] = radius * sine;
        }
    }
}

TARGET static void LOOP(exponential)(uint32_t bits[4][LANES], T *out) {
    for (int h = 0; h < NUMBERS; h++) {
        for (int l = 0; l < LANES; l++) {
            out[h * LANES + l] = -LOG(OPEN(h, l));
        }
    }
}

TARGET static void LOOP(gumbel)(uint32_t bits[4][LANES], T *out) {
    for (int h = 0; h < NUMBERS; h++) {
        for (int l = 0; l < LANES; l++) {
            out[h * LANES + l] = -LOG(-LOG(OPEN(h, l)));
        }
    }
}

/* u in (0, 1/2) is the left half, mirrored. */
TARGET static void LOOP(laplace)(uint32_t bits[4][LANES], T *out) {
    for (int h = 0; h < NUMBERS; h++) {
        for (int l = 0; l < LANES; l++) {
            const T u = OPEN(h, l), low = u < (T)0.5 ? u : 1 - u;
            const T size = LOG(2 * low);
            out[h * LANES + l] = u < (T)0.5 ? size : -size;
        }
    }
}

TARGET static void LOOP(shift)(int64_t n, double location, double scale, double most, T *x) {
    const T a = (T)location, b = (T)scale, m = (T)most;
    for (int64_t i = 0; i < n; i++) {
        const T y = a + b * x[i];
        x[i] = y > m ? m : y;
    }
}

/* A group of 4 LANES elements, without a branch, which would be guessed wrong half of the time. */
TARGET static void LOOP(keep)(uint32_t bits[4][LANES], uint32_t least, double scale, const T *from,
                              T *to) {
    const T s = (T)scale;
    for (int w = 0; w < 4; w++) {
        for (int l = 0; l < LANES; l++) {
            const T x = from[w * LANES + l] * s;
            to[w * LANES + l] = bits[w][l] >= least ? x : 0;
        }
    }
}

#undef UNIT
#undef OPEN
