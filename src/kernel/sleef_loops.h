/* sleef_loops.h (internal): loops that call SLEEF, in the type T for the instruction set
 * WG_SLEEF_ISA. elementwise_loops.h includes it, once a type; no guard.
 *
 * An element has the same bits wherever it stands: what is not contiguous, or is no whole vector,
 * goes through a buffer and the same vector function. */
#define WG_SLEEF_PIECE 64 /* elements at a time: whole vectors of every instruction set */

static inline WG_SLEEF_VECTOR WG_TYPED(wg_sleef_load)(const T *from) {
    WG_SLEEF_VECTOR v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline void WG_TYPED(wg_sleef_store)(T *to, WG_SLEEF_VECTOR v) {
    memcpy(to, &v, sizeof v);
}

/* `n` elements, and the last of them again until there are `whole`. */
static void WG_TYPED(wg_sleef_gather)(T *restrict to, size_t n, size_t whole, const T *from,
                                      ptrdiff_t stride) {
    for (size_t i = 0; i < n; i++) {
        to[i] = from[(ptrdiff_t)i * stride];
    }
    for (size_t i = n; i < whole; i++) {
        to[i] = to[n - 1];
    }
}

static bool WG_TYPED(wg_sleef_any_infinite)(size_t n, const T *x) {
    int count = 0;
    for (size_t i = 0; i < n; i++) {
        count += x[i] == (T)INFINITY || x[i] == -(T)INFINITY;
    }
    return count != 0;
}

/* `vectors` fills whole vectors, `one` asks libm: it decides where SLEEF's functions overflow. */
__attribute__((noinline)) static void
WG_TYPED(wg_sleef_run)(size_t n, const void *const *in, const ptrdiff_t *stride, void *out,
                       int arity, void (*vectors)(size_t n, const T *x, const T *y, T *o),
                       T (*one)(T x, T y)) {
    const size_t width = sizeof(WG_SLEEF_VECTOR) / sizeof(T);
    T copy[2][WG_SLEEF_PIECE], made[WG_SLEEF_PIECE];
    for (size_t done = 0; done < n; done += WG_SLEEF_PIECE) {
        const size_t m = n - done < WG_SLEEF_PIECE ? n - done : WG_SLEEF_PIECE;
        const size_t whole = (m + width - 1) / width * width;
        const T *x[2] = {NULL, NULL};
        for (int k = 0; k < arity; k++) {
            x[k] = (const T *)in[k] + (ptrdiff_t)done * stride[k];
            if (stride[k] != 1 || whole != m) {
                WG_TYPED(wg_sleef_gather)(copy[k], m, whole, x[k], stride[k]);
                x[k] = copy[k];
            }
        }
        T *o = (T *)out + done;
        vectors(whole, x[0], x[arity - 1], whole == m ? o : made);
        if (whole != m) {
            memcpy(o, made, m * sizeof(T));
        }
        if (WG_TYPED(wg_sleef_any_infinite)(m, o)) {
            for (size_t i = 0; i < m; i++) {
                o[i] = isinf(o[i]) ? one(x[0][i], x[arity - 1][i]) : o[i];
            }
        }
    }
}

/* SLEEF's own header declares only what the whole file may call, not what pragmas allow. */
#define WG_SLEEF_DECLARE_1(name) WG_SLEEF_VECTOR WG_SLEEF_FUNCTION(name)(WG_SLEEF_VECTOR)
#define WG_SLEEF_DECLARE_2(name)                                                                   \
    WG_SLEEF_VECTOR WG_SLEEF_FUNCTION(name)(WG_SLEEF_VECTOR, WG_SLEEF_VECTOR)
#define WG_SLEEF_CALL_1(function, x, y) function(x)
#define WG_SLEEF_CALL_2(function, x, y) function(x, y)

#define WG_SLEEF_LOOP(name, arity, ...)                                                            \
    WG_SLEEF_DECLARE_##arity(name);                                                                \
    static void WG_TYPED(wg_sleef_vectors_##name)(size_t n, const T *x, const T *y, T *o) {        \
        (void)y;                                                                                   \
        for (size_t i = 0; i < n; i += sizeof(WG_SLEEF_VECTOR) / sizeof(T)) {                      \
            WG_TYPED(wg_sleef_store)                                                               \
            (o + i, WG_SLEEF_CALL_##arity(WG_SLEEF_FUNCTION(name), WG_TYPED(wg_sleef_load)(x + i), \
                                          WG_TYPED(wg_sleef_load)(y + i)));                        \
        }                                                                                          \
    }                                                                                              \
    static T WG_TYPED(wg_sleef_one_##name)(T x, T y) {                                             \
        (void)y;                                                                                   \
        return WG_SLEEF_CALL_##arity(WG_TYPED(wg_v_##name), x, y);                                 \
    }                                                                                              \
    static void WG_TYPED(wg_value_##name)(size_t n, const void *const *in,                         \
                                          const ptrdiff_t *stride, void *out) {                    \
        WG_TYPED(wg_sleef_run)                                                                     \
        (n, in, stride, out, arity, WG_TYPED(wg_sleef_vectors_##name),                             \
         WG_TYPED(wg_sleef_one_##name));                                                           \
    }

/* ---- Derivatives that call a function ------------------------------------------------------- */

/* A piece of them: the arguments of the call and what it gave. */
typedef struct WG_TYPED(wg_sleef_call) {
    T x[WG_SLEEF_PIECE], y[WG_SLEEF_PIECE], value[WG_SLEEF_PIECE];
} WG_TYPED(wg_sleef_call);

/* What a call is in the text of a derivative: it notes its arguments. */
static inline T WG_TYPED(wg_sleef_note)(WG_TYPED(wg_sleef_call) * call, ptrdiff_t i, T x, T y) {
    call->x[i] = x;
    call->y[i] = y;
    return call->value[i];
}

/* Reads the derivative twice: for the arguments of the call, and once the values are there. */
#define WG_SLEEF_PARTIAL_LOOP(name, function, derivative)                                          \
    WG_SLEEF_PARTIAL_LOOP_(name, function, derivative)
#define WG_SLEEF_PARTIAL_LOOP_(name, function, derivative)                                         \
    static void WG_TYPED(name)(size_t n, const void *const *in, const ptrdiff_t *stride,           \
                               void *out) {                                                        \
        WG_SLEEF_PARTIAL_BODY(WG_TYPED(wg_value_##function), derivative)                           \
    }
#define WG_SLEEF_PARTIAL_BODY(function, derivative)                                                \
    static const ptrdiff_t one[2] = {1, 1};                                                        \
    const T *in_g = in[0], *in_x = in[1], *in_y = in[2], *in_z = in[3], *in_r = in[4];             \
    WG_TYPED(wg_sleef_call) call = {.value = {0}};                                                 \
    const void *const arguments[2] = {call.x, call.y};                                             \
    for (size_t done = 0; done < n; done += WG_SLEEF_PIECE) {                                      \
        const size_t m = n - done < WG_SLEEF_PIECE ? n - done : WG_SLEEF_PIECE;                    \
        T *restrict o = (T *)out + done;                                                           \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)m; i++) {                                             \
            WG_LOAD((ptrdiff_t)done + i, stride);                                                  \
            (void)g;                                                                               \
            (void)(derivative);                                                                    \
        }                                                                                          \
        function(m, arguments, one, call.value);                                                   \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)m; i++) {                                             \
            WG_LOAD((ptrdiff_t)done + i, stride);                                                  \
            o[i] = g == 0 ? 0 : g * (derivative);                                                  \
        }                                                                                          \
    }
