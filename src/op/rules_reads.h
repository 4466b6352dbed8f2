/* rules_reads.h (internal): the vocabulary of rules.h as unions of bits: a derivative's text
 * becomes the constant that says which operands it reads, so that the declaration cannot be wrong.
 * Include last: it takes the names x, y, z and r. */
#define R_NUM(c) 0
#define R_ADD(a, b) ((a) | (b))
#define R_SUB(a, b) ((a) | (b))
#define R_MUL(a, b) ((a) | (b))
#define R_DIV(a, b) ((a) | (b))
#define R_NEG(a) (a)
#define R_U(name, a) (a)
#define R_B(name, a, b) ((a) | (b))
#define R_T(name, a, b, c) ((a) | (b) | (c))
#define R_ONE_MINUS_SQUARE(a) (a)

enum {
    x = WG_RULE_READS_X,
    y = WG_RULE_READS_Y,
    z = WG_RULE_READS_Z,
    r = WG_RULE_READS_R
};

/* As wg_op.reads. */
#define WG_RULE_READS(bits) (((bits)&7u) | (((bits)&8u) != 0 ? WG_READS_RESULT : 0))
