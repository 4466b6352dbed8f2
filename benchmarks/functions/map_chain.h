/* map_chain.h: ten arithmetic operations in the vocabulary of ../scalar/functions.h. */
static inline NUM FN(chain)(NUM x) {
    NUM y = MUL(x, x);
    y = SUB(y, 0.5f);
    y = MUL(y, x);
    y = MUL(y, 0.25f);
    y = ADD(y, MUL(y, y));
    y = SUB(1.0f, y);
    y = MUL(y, x);
    y = ADD(y, x);
    return MUL(y, 0.75f);
}
