/* verbs.h: the vocabulary of functions.h in Wengert's verbs. */
#include <wengert/elementwise.h>

#define NUM wg_var
#define ADD(a, b) wg_add(a, b)
#define SUB(a, b) wg_sub(a, b)
#define MUL(a, b) wg_mul(a, b)
#define DIV(a, b) wg_div(a, b)
#define NEG(a) wg_neg(a)
#define MULADD(a, b, c) wg_add(wg_mul(a, b), c)
#define SQRT(a) wg_sqrt(a)
#define EXP(a) wg_exp(a)
#define LOG(a) wg_log(a)
#define SIN(a) wg_sin(a)
#define COS(a) wg_cos(a)
#define TANH(a) wg_tanh(a)
#define ERF(a) wg_erf(a)
#define INC(s, x) ((s) = wg_add(s, x))
#define DEC(s, x) ((s) = wg_sub(s, x))
#define SCALE(s, x) ((s) = wg_mul(s, x))
