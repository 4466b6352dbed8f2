/* sort_typed.h (internal): entries of a key and an index in order. The includer defines E, the type
 * of an entry; NAMED(name); LESS(a, b), which no two entries leave undecided; DIGITS, how many
 * bytes a key has, and DIGIT(e, d), byte d of it. */

static void NAMED(insertion)(E *e, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        const E x = e[i];
        int64_t k = i;
        for (; k > 0 && LESS(x, e[k - 1]); k--) {
            e[k] = e[k - 1];
        }
        e[k] = x;
    }
}

/* By bytes, the least first: each pass keeps the order of what it finds equal. A byte that all keys
 * share takes no pass. The result is in `e` or in `other`. */
static E *NAMED(radix)(E *e, E *other, int64_t n) {
    int64_t count[DIGITS][256];
    memset(count, 0, sizeof count);
    for (int64_t i = 0; i < n; i++) {
        for (int d = 0; d < DIGITS; d++) {
            count[d][DIGIT(e[i], d)]++;
        }
    }
    for (int d = 0; d < DIGITS; d++) {
        int64_t start = 0;
        if (count[d][DIGIT(e[0], d)] == n) {
            continue;
        }
        for (int k = 0; k < 256; k++) {
            const int64_t some = count[d][k];
            count[d][k] = start;
            start += some;
        }
        for (int64_t i = 0; i < n; i++) {
            other[count[d][DIGIT(e[i], d)]++] = e[i];
        }
        E *const kept = e;
        e = other;
        other = kept;
    }
    return e;
}

static E *NAMED(sorted)(E *e, E *other, int64_t n) {
    if (n > INSERTION_UP_TO) {
        return NAMED(radix)(e, other, n);
    }
    NAMED(insertion)(e, n);
    return e;
}

/* e[i] sinks to its place in a heap of n, the greatest on top. */
static void NAMED(sink)(E *e, int64_t n, int64_t i) {
    const E x = e[i];
    for (int64_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        child += child + 1 < n && LESS(e[child], e[child + 1]);
        if (!LESS(x, e[child])) {
            break;
        }
        e[i] = e[child];
        i = child;
    }
    e[i] = x;
}

/* The least `most` > 0 of n entries, in order, in `e` or in `other`. */
static E *NAMED(selected)(E *e, E *other, int64_t n, int64_t most) {
    if (most > n / HEAP_FRACTION) {
        return NAMED(sorted)(e, other, n);
    }
    for (int64_t i = most / 2; i-- > 0;) {
        NAMED(sink)(e, most, i);
    }
    for (int64_t i = most; i < n; i++) {
        if (LESS(e[i], e[0])) {
            e[0] = e[i];
            NAMED(sink)(e, most, 0);
        }
    }
    for (int64_t left = most - 1; left > 0; left--) {
        const E greatest = e[0];
        e[0] = e[left];
        e[left] = greatest;
        NAMED(sink)(e, left, 0);
    }
    return e;
}

#undef E
#undef NAMED
#undef LESS
#undef DIGITS
#undef DIGIT
