/* pair_loops.h (internal): the losses of pairs in the type T for one instruction set; included once
 * a type by pair_isa.h. Unit steps have a loop of their own, which compilers vectorise. */

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAMED(name) JOIN(name, T)
#define LEAST(y) WG_PAIR_LEAST(y)
#define WG_PAIR_LEAST(y) NAMED(at_least)(y, -100)
#define CLAMP(y, low, high) NAMED(within)(y, low, high)
#define SIGMOID(y) NAMED(sigmoid)(y)

static inline T NAMED(at_least)(T y, T low) {
    return y < low ? low : y;
}
static inline T NAMED(within)(T y, T low, T high) {
    return y < low ? low : y > high ? high : y;
}
static inline T NAMED(sigmoid)(T x) {
    const T e = F(exp)(-F(fabs)(x));
    return (x >= 0 ? 1 : e) / (1 + e);
}

#define PAIR_INLINES(name, value, slope)                                                           \
    static inline T NAMED(JOIN(value_of, name))(T x, T t, T c) {                                   \
        const T d = x - t;                                                                         \
        (void)d, (void)c;                                                                          \
        return value;                                                                              \
    }                                                                                              \
    static inline T NAMED(JOIN(slope_of, name))(T x, T t, T c) {                                   \
        const T d = x - t;                                                                         \
        (void)d, (void)c;                                                                          \
        return slope;                                                                              \
    }
WG_PAIR_LOSSES(PAIR_INLINES)

#define PAIR_LOOPS(name, ...)                                                                      \
    static void NAMED(JOIN(values, name))(const wg_pairs *p, int64_t from, int64_t n, void *out) { \
        const T *restrict x = (const T *)p->x + from * p->x_step;                                  \
        const T *restrict t = (const T *)p->t + from * p->t_step;                                  \
        const T c = (T)p->c;                                                                       \
        T *restrict to = out;                                                                      \
        for (int64_t i = 0; p->x_step == 1 && p->t_step == 1 && i < n; i++) {                      \
            to[i] = NAMED(JOIN(value_of, name))(x[i], t[i], c);                                    \
        }                                                                                          \
        for (int64_t i = 0; (p->x_step == 0 || p->t_step == 0) && i < n; i++) {                    \
            to[i] = NAMED(JOIN(value_of, name))(x[i * p->x_step], t[i * p->t_step], c);            \
        }                                                                                          \
    }                                                                                              \
    static void NAMED(JOIN(slopes, name))(const wg_pairs *p, int64_t from, int64_t n,              \
                                          const void *adjoint, int64_t g_step, double factor,      \
                                          void *out) {                                             \
        const T *restrict x = (const T *)p->x + from * p->x_step;                                  \
        const T *restrict t = (const T *)p->t + from * p->t_step;                                  \
        const T *restrict g = (const T *)adjoint + from * g_step;                                  \
        const T c = (T)p->c, all = (T)factor, one = (T)factor * g[0];                              \
        T *restrict to = (T *)out + from;                                                          \
        const bool plain = p->x_step == 1 && p->t_step == 1;                                       \
        for (int64_t i = 0; plain && g_step == 0 && i < n; i++) {                                  \
            to[i] = one == 0 ? 0 : one * NAMED(JOIN(slope_of, name))(x[i], t[i], c);               \
        }                                                                                          \
        for (int64_t i = 0; !(plain && g_step == 0) && i < n; i++) {                               \
            const T h = all * g[i * g_step];                                                       \
            to[i] = h == 0                                                                         \
                        ? 0                                                                        \
                        : h * NAMED(JOIN(slope_of, name))(x[i * p->x_step], t[i * p->t_step], c);  \
        }                                                                                          \
    }
WG_PAIR_LOSSES(PAIR_LOOPS)

/* In lanes of T over stretches, each of which goes into a double. */
static double NAMED(add_up)(int64_t n, const void *from) {
    const T *x = from;
    double sum = 0;
    for (int64_t first = 0; first < n; first += STRETCH) {
        const int64_t last = n - first < STRETCH ? n : first + STRETCH;
        T lane[LANES] = {0};
        int64_t i = first;
        for (; i + LANES <= last; i += LANES) {
            for (int k = 0; k < LANES; k++) {
                lane[k] += x[i + k];
            }
        }
        for (int k = 0; i < last; i++, k++) {
            lane[k] += x[i];
        }
        double wide = 0;
        for (int k = 0; k < LANES; k++) {
            wide += (double)lane[k];
        }
        sum += wide;
    }
    return sum;
}

#define PAIR_ROW(name, ...) {NAMED(JOIN(values, name)), NAMED(JOIN(slopes, name))},
static const wg_pair_loops NAMED(pair_rows)[WG_PAIR_COUNT] = {WG_PAIR_LOSSES(PAIR_ROW)};

#undef JOIN2
#undef JOIN
#undef NAMED
#undef LEAST
#undef WG_PAIR_LEAST
#undef CLAMP
#undef SIGMOID
#undef PAIR_INLINES
#undef PAIR_LOOPS
#undef PAIR_ROW
#undef T
#undef F
