/* lanes.h (internal, a template): vectors of V_BYTES of the type T for one instruction set, by GNU
 * vector extensions, or one number at a time where there are none. The includer defines T, V_BYTES
 * and LOOP(name), and takes all back by lanes_end.h.
 *
 * Nothing here is a function: vectors that pass through calls would depend on the target's ABI. */
#if defined(__GNUC__)
#define LANES (V_BYTES / (int)sizeof(T))
typedef T LOOP(vector) __attribute__((vector_size(V_BYTES)));
typedef T LOOP(unaligned) __attribute__((vector_size(V_BYTES), aligned(sizeof(T)), may_alias));
#define V LOOP(vector)
#define PUT(p, v) (*(LOOP(unaligned) *)(p) = (v))
#define WIDE(p, j) (*(const LOOP(unaligned) *)((p) + (j)))
#define LANE(v, l) ((v)[l])
#define ZERO ((V){0})
#define SPLAT(x) ((x) - (V){0})
#define EXPECT(p) __builtin_prefetch(p)
#else
#define LANES 1
typedef T LOOP(vector);
#define V LOOP(vector)
#define PUT(p, v) (*(p) = (v))
#define WIDE(p, j) ((p)[j])
#define LANE(v, l) (v)
#define ZERO 0
#define SPLAT(x) (x)
#define EXPECT(p) (void)(p)
#endif
#define ONE(p, j) ((p)[j])
