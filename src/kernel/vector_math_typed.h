/* vector_math_typed.h (internal): the functions of vector_math.h in the type VM_T; takes back all
 * that the includer has defined. */

VM_INLINE VM_BITS VM(to_bits)(VM_T x) {
    VM_BITS bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

VM_INLINE VM_T VM(of_bits)(VM_BITS bits) {
    VM_T x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* x = n ln 2 + the result, which lies within ln 2 / 2 of zero; `n` as a whole number modulo 2^32 or
 * 2^64. NaN stays NaN. */
VM_INLINE VM_T VM(reduce_exp)(VM_T x, VM_BITS *n) {
    const VM_T shifted = x * (VM_T)1.4426950408889634 + VM_ROUND, whole = shifted - VM_ROUND;
    *n = VM(to_bits)(shifted) - VM(to_bits)(VM_ROUND);
    return (x - whole * VM_EXP_LN2_HIGH) - whole * VM_EXP_LN2_LOW;
}

VM_INLINE VM_T VM(clamp)(VM_T x, VM_T low, VM_T high) {
    const VM_T below = x < low ? low : x;
    return below > high ? high : below;
}

/* 2^n is a product of two powers: one alone does not reach the ends of the range. */
VM_INLINE VM_T VM(exp)(VM_T x) {
    VM_BITS n;
    const VM_T r = VM(reduce_exp)(VM(clamp)(x, VM_EXP_LOW, VM_EXP_HIGH), &n);
    const VM_BITS twice = n + 2 * VM_BIAS, half = twice >> 1;
    const VM_T y = 1 + (r + r * r * VM_EXP_POLYNOMIAL(r));
    return y * VM(of_bits)(half << VM_MANTISSA) * VM(of_bits)((twice - half) << VM_MANTISSA);
}

/* expm1 for EXPM1_LOW <= x <= EXP_HIGH, but for the sign of zero: 2^n (exp(r) - 1) + (2^n - 1), at
 * half its size so that 2^n does not overflow. */
VM_INLINE VM_T VM(expm1_within)(VM_T x) {
    VM_BITS n;
    const VM_T r = VM(reduce_exp)(x, &n);
    const VM_T half = VM(of_bits)((n + (VM_BIAS - 1)) << VM_MANTISSA);
    const VM_T y = r + r * r * VM_EXP_POLYNOMIAL(r);
    return 2 * (y * half + (half - (VM_T)0.5));
}

VM_INLINE VM_T VM(expm1)(VM_T x) {
    const VM_T y = VM(expm1_within)(VM(clamp)(x, VM_EXPM1_LOW, VM_EXP_HIGH));
    return x == 0 ? x : y;
}

/* x + x z P(z) / Q(z) of z = x^2 near zero, else 1 - 2 / (exp(2 x) + 1), by one division. */
VM_INLINE VM_T VM(tanh)(VM_T x) {
    const VM_T size = VM_LIBM(fabs)(x), most = size > VM_TANH_HIGH ? VM_TANH_HIGH : size;
    const VM_T z = most * most;
    const VM_T p = most * z * VM_TANH_P(z), q = VM_TANH_Q(z), e = VM(expm1_within)(2 * most) + 2;
    const int near = size < (VM_T)0.625;
    const VM_T y = (near ? p : -2) / (near ? q : e) + (near ? most : 1);
    return VM_LIBM(copysign)(y, x);
}

/* x = 2^k (1 + the result), 1 + the result between sqrt(1/2) and sqrt(2); x normal, positive. */
VM_INLINE VM_T VM(reduce_log)(VM_T x, VM_T *k) {
    const VM_BITS one = (VM_BITS)VM_BIAS << VM_MANTISSA, fraction = ((VM_BITS)1 << VM_MANTISSA) - 1;
    const VM_BITS bits = VM(to_bits)(x) + (one - VM_SQRT_HALF);
    *k = VM(of_bits)((bits >> VM_MANTISSA) | VM(to_bits)(VM_WHOLE)) - (VM_WHOLE + (VM_T)VM_BIAS);
    return VM(of_bits)((bits & fraction) + VM_SQRT_HALF) - 1;
}

/* k ln 2 + log(1 + f) + the small c. */
VM_INLINE VM_T VM(join_log)(VM_T f, VM_T k, VM_T c) {
    const VM_T s = f / (2 + f), z = s * s, half = (VM_T)0.5 * f * f;
    const VM_T low = s * (half + VM_LOG_POLYNOMIAL(z)) + (k * VM_LOG_LN2_LOW + c);
    return k * VM_LOG_LN2_HIGH - ((half - low) - f);
}

VM_INLINE VM_T VM(log)(VM_T x) {
    const VM_T lift = x < VM_LEAST ? VM_LIFT : 0;
    const VM_T lifted = x < VM_LEAST ? x * (VM_T)((uint64_t)1 << VM_LIFT) : x;
    VM_T k;
    const VM_T f = VM(reduce_log)(lifted, &k);
    const VM_T y = VM(join_log)(f, k - lift, 0);
    const VM_T at_most_zero = x == 0 ? -(VM_T)INFINITY : (VM_T)NAN;
    const VM_T finite = x <= 0 ? at_most_zero : y;
    return x < (VM_T)INFINITY ? finite : x;
}

/* log(1 + x): where 1 + x rounds to u, the rest is added as c = (1 + x - u) / u. */
VM_INLINE VM_T VM(log1p)(VM_T x) {
    const VM_T u = 1 + x;
    VM_T k;
    const VM_T f = VM(reduce_log)(u, &k);
    const VM_T added = u - 1, rest = (1 - (u - added)) + (x - added);
    const int near = VM_LIBM(fabs)(x - (VM_T)0.06) < (VM_T)0.35;
    const VM_T c = rest / u;
    const VM_T y = VM(join_log)(near ? x : f, near ? 0 : k, near ? 0 : c);
    const VM_T below = x == -1 ? -(VM_T)INFINITY : (VM_T)NAN;
    const VM_T finite = x <= -1 ? below : y;
    const VM_T signed_zero = x == 0 ? x : finite;
    return x < (VM_T)INFINITY ? signed_zero : x;
}

/* exp(-x^2): of the square's two parts only the greater goes through exp, the rounding error of
 * their sum corrects the result (exp would make of it as many ulp as the square has). */
VM_INLINE VM_T VM(exp_minus_square)(VM_T x) {
    const VM_T high = VM(of_bits)(VM(to_bits)(x) & ~(((VM_BITS)1 << (VM_MANTISSA / 2 + 1)) - 1));
    const VM_T square = high * high, rest = (x - high) * (x + high), sum = square + rest;
    return VM(exp)(-sum) * (1 - (rest - (sum - square)));
}

/* erfc(|x|): exp(-x^2) P(q) / (1 + 2 |x|), of q = (|x| - 3) / (|x| + 3). */
VM_INLINE VM_T VM(erfc_of_size)(VM_T x) {
    const VM_T size = VM_LIBM(fabs)(x), most = size > VM_ERFC_HIGH ? VM_ERFC_HIGH : size;
    const VM_T q = (most - 3) / (most + 3);
    return VM(exp_minus_square)(most) * (VM_ERFC_POLYNOMIAL(q) / (1 + 2 * most));
}

/* erf(x) for |x| < 0.65. */
VM_INLINE VM_T VM(erf_near)(VM_T x) {
    const VM_T z = x * x;
    return x + x * VM_ERF_POLYNOMIAL(z);
}

VM_INLINE VM_T VM(erf)(VM_T x) {
    const VM_T far = VM_LIBM(copysign)(1 - VM(erfc_of_size)(x), x), near = VM(erf_near)(x);
    return VM_LIBM(fabs)(x) < (VM_T)0.65 ? near : far;
}

VM_INLINE VM_T VM(erfc)(VM_T x) {
    const VM_T y = VM(erfc_of_size)(x), far = x < 0 ? 2 - y : y, near = 1 - VM(erf_near)(x);
    return VM_LIBM(fabs)(x) < (VM_T)0.65 ? near : far;
}

#undef VM_T
#undef VM_BITS
#undef VM
#undef VM_LIBM
#undef VM_MANTISSA
#undef VM_BIAS
#undef VM_SQRT_HALF
#undef VM_LEAST
#undef VM_LIFT
#undef VM_EXP_LOW
#undef VM_EXP_HIGH
#undef VM_EXPM1_LOW
#undef VM_TANH_HIGH
#undef VM_ROUND
#undef VM_WHOLE
#undef VM_EXP_LN2_HIGH
#undef VM_EXP_LN2_LOW
#undef VM_LOG_LN2_HIGH
#undef VM_LOG_LN2_LOW
#undef VM_EXP_POLYNOMIAL
#undef VM_LOG_POLYNOMIAL
#undef VM_TANH_P
#undef VM_TANH_Q
#undef VM_ERFC_HIGH
#undef VM_ERFC_POLYNOMIAL
#undef VM_ERF_POLYNOMIAL
