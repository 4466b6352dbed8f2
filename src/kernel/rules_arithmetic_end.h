/* rules_arithmetic_end.h (internal): takes back what rules_arithmetic.h defined. */
#undef N
#undef V
#undef R_NUM
#undef R_ADD
#undef R_SUB
#undef R_MUL
#undef R_DIV
#undef R_NEG
#undef R_U
#undef R_B
#undef R_T
#undef R_ONE_MINUS_SQUARE
#undef T
#undef F
#undef WG_TYPED
