/* The loops around the functions of sleef.h: derivatives, and the same bits for an element wherever
 * it stands. */
#include "sleef_cases.h"

static double points[2][SAMPLES], results[SAMPLES];
static const double *const operands[2] = {points[0], points[1]};

/* ---- Derivatives --------------------------------------------------------------------------- */

/* Of operand `k` against the formula; `g` is zero at every fourth point. */
static void check_partial(int rule, int k, long double (*formula)(long double, long double)) {
    static double g[SAMPLES];
    const double *const inputs[] = {g, points[0], points[1], points[0], points[0]};
    const size_t n = 4001;
    for (int type = 0; type < 2; type++) {
        for (size_t i = 0; i < n; i++) {
            points[0][i] = rounded(type, next_in(i % 2 == 0 ? 0.1 : -3, 3));
            points[1][i] = floor(next_in(-3, 3) * 1024) / 1024; /* y - 1 is exact, too */
            g[i] = i % 4 == 0 ? 0 : rounded(type, next_in(-2, 2));
        }
        points[0][0] = NAN;
        for (set which = 0; which < SET_COUNT; which++) {
            if (loops_of(which) == NULL) {
                continue;
            }
            for (ptrdiff_t stride = 1; stride <= MOST; stride++) {
                run(loops_of(which)[rule].partial[k][type], type, n, stride, WG_LOOP_INPUTS, inputs,
                    results);
                for (size_t i = 0; i < n; i++) {
                    const long double want =
                        g[i] == 0 ? 0 : g[i] * formula(points[0][i], points[1][i]);
                    cr_assert(ulps(type, want, results[i]) <= 6,
                              "rule %d, operand %d at (%g, %g): %g, not %Lg (%s, %s)", rule, k,
                              points[0][i], points[1][i], results[i], want, type_names[type],
                              set_names[which]);
                }
            }
        }
    }
}

static long double minus_sin(long double x, long double y) {
    (void)y;
    return -sinl(x);
}
static long double asinh_dx(long double x, long double y) {
    (void)y;
    return 1 / sqrtl(1 + x * x);
}
static long double pow_dx(long double x, long double y) {
    return y * powl(x, y - 1);
}
static long double atan2_dx(long double x, long double y) {
    return y / (x * x + y * y);
}
static long double atan2_dy(long double x, long double y) {
    return -x / (x * x + y * y);
}

Test(sleef, derivatives_are_right) {
    check_partial(WG_RULE_sin, 0, exact_cos);
    check_partial(WG_RULE_cos, 0, minus_sin);
    check_partial(WG_RULE_sinh, 0, exact_cosh);
    check_partial(WG_RULE_cosh, 0, exact_sinh);
    check_partial(WG_RULE_asinh, 0, asinh_dx);
    check_partial(WG_RULE_pow, 0, pow_dx);
    check_partial(WG_RULE_atan2, 0, atan2_dx);
    check_partial(WG_RULE_atan2, 1, atan2_dy);
}

/* ---- Bits ---------------------------------------------------------------------------------- */

/* Each element alone, then all of them together: dense, in strides, and from every start. */
static void check_places(const function *f, wg_loop loop, int type, int count,
                         const char *set_name) {
    enum {
        N = 203
    };
    static double x[N], y[N];
    double alone[N], together[N];
    const double *const inputs[] = {y, x, y, x, x};
    const double *const *first = count == WG_LOOP_INPUTS ? inputs : inputs + 1;
    fill(f, type, N, x, y);
    for (size_t i = 0; i < N; i++) {
        const double *const one[] = {&first[0][i], &first[1][i], &first[2][i], &x[i], &x[i]};
        run(loop, type, 1, 1, count, one, &alone[i]);
    }
    for (ptrdiff_t stride = 1; stride <= MOST; stride++) {
        for (size_t start = 0; start < 20; start++) {
            const double *const from[] = {first[0] + start, first[1] + start, first[2] + start,
                                          x + start, x + start};
            run(loop, type, N - start, stride, count, from, together);
            for (size_t i = start; i < N; i++) {
                cr_assert(same(alone[i], together[i - start]),
                          "%s(%.17g, %.17g) is %.17g alone and %.17g at %zu (%s, %s, stride %td)",
                          f->name, x[i], y[i], alone[i], together[i - start], i - start,
                          type_names[type], set_name, stride);
            }
        }
    }
}

Test(sleef, an_element_has_the_same_bits_wherever_it_stands) {
    for (size_t i = 0; i < FUNCTIONS; i++) {
        const function *f = &functions[i];
        for (set which = 0; which < SET_COUNT; which++) {
            for (int type = 0; type < 2 && loops_of(which) != NULL; type++) {
                const wg_rule_loops *loops = &loops_of(which)[f->rule];
                check_places(f, loops->value[type], type, f->arity, set_names[which]);
                check_places(f, loops->partial[0][type], type, WG_LOOP_INPUTS, set_names[which]);
            }
        }
    }
}

Test(sleef, avx2_and_avx512_give_the_same_bits) {
    static double other[SAMPLES];
    if (loops_of(SET_avx512f) == NULL) {
        return;
    }
    for (size_t i = 0; i < FUNCTIONS; i++) {
        for (int type = 0; type < 2; type++) {
            const function *f = &functions[i];
            if (!is_sleef(f, type, SET_avx2)) {
                continue;
            }
            fill(f, type, SAMPLES, points[0], points[1]);
            run(loops_of(SET_avx2)[f->rule].value[type], type, SAMPLES, 1, f->arity, operands,
                results);
            run(loops_of(SET_avx512f)[f->rule].value[type], type, SAMPLES, 1, f->arity, operands,
                other);
            for (size_t k = 0; k < SAMPLES; k++) {
                cr_assert(same(results[k], other[k]), "%s(%.17g, %.17g) in %s", f->name,
                          points[0][k], points[1][k], type_names[type]);
            }
        }
    }
}
