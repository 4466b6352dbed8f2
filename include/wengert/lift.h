/* lift.h: how C's plain numbers become operands, and how a verb learns where it was called. */
#ifndef WENGERT_LIFT_H
#define WENGERT_LIFT_H

#include "wengert/tape.h"

#define WG_TEXT_OF(x) #x
#define WG_TEXT(x) WG_TEXT_OF(x)
/* "train.c:41" */
#define WG_HERE __FILE__ ":" WG_TEXT(__LINE__)

static inline wg_var wg_lift_var(wg_var x) {
    return x;
}

/* wg_lift(x): x itself if it is a wg_var, else the plain number. A statement expression names its
 * argument once; with a bare _Generic the text of nested verbs would double at every level. */
#if defined(__cplusplus)
static inline wg_var wg_lift(wg_var x) {
    return x;
}
static inline wg_var wg_lift(double x) {
    return wg_number(x);
}
#elif defined(__GNUC__)
#define WG_JOIN_OF(a, b) a##b
#define WG_JOIN(a, b) WG_JOIN_OF(a, b)
#define WG_LIFT_AS(x, name)                                                                        \
    __extension__({                                                                                \
        __auto_type name = (x);                                                                    \
        _Generic(name, wg_var : wg_lift_var, default : wg_number)(name);                           \
    })
#define wg_lift(x) WG_LIFT_AS(x, WG_JOIN(wg_lifted_, __COUNTER__))
#else
#define wg_lift(x) (_Generic((x), wg_var : wg_lift_var, default : wg_number)(x))
#endif

#endif
