/* The functions of sleef.h against libm in long double, in every instruction set that the machine
 * has. Without SLEEF the loops are libm's, and there is nothing to see. */
#include "sleef_cases.h"

static double points[2][SAMPLES], results[SAMPLES];
static const double *const operands[2] = {points[0], points[1]};

/* ---- Accuracy ------------------------------------------------------------------------------ */

/* The largest error of one function, which must keep to its bound. */
static double worst_of(const function *f, int type, set which, size_t n) {
    run(loops_of(which)[f->rule].value[type], type, n, 1, f->arity, operands, results);
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        const double x = points[0][i], y = points[1][i];
        const double error = ulps(type, f->exact(x, y), results[i]);
        worst = error > worst ? error : worst;
        cr_expect(error <= f->bound[type], "%s(%.17g, %.17g) = %.17g is %.3f ulp off (%s, %s)",
                  f->name, x, y, results[i], error, type_names[type], set_names[which]);
    }
    return worst;
}

Test(sleef, is_close_to_exact_everywhere) {
    for (size_t i = 0; i < FUNCTIONS; i++) {
        for (int type = 0; type < 2; type++) {
            fill(&functions[i], type, SAMPLES, points[0], points[1]);
            for (set which = 0; which < SET_COUNT; which++) {
                if (!is_sleef(&functions[i], type, which)) {
                    continue;
                }
                const double worst = worst_of(&functions[i], type, which, SAMPLES);
                if (getenv("WG_SHOW_ULPS") != NULL) {
                    fprintf(stderr, "%-6s %s %-8s %.3f ulp\n", functions[i].name, type_names[type],
                            set_names[which], worst);
                }
            }
        }
    }
}

/* ---- Special values ------------------------------------------------------------------------ */

/* Among them: whole numbers of either parity up to where all are even, in both types; the
 * neighbours of 1; multiples of π/2; where exp overflows but sinh and cosh do not (88.8 to 89.4,
 * 709.8 to 710.4); where the square in asinh and acosh overflows (2e19, 1e155). */
/* clang-format off */
static const double special[] = {
    0, 0.5, 1, 1.5, 2, 3, 4, 7, 10.1, 27.3, 127, 128, 149, 150, 1023, 1024, 1074, 1075,
    0x1p-1074, 0x1p-1022, 0x1p-149, 0x1p-126, 0x1.fffffep127, 0x1.fffffffffffffp1023, INFINITY, NAN,
    1 - 0x1p-24, 1 + 0x1p-23, 1 - 0x1p-53, 1 + 0x1p-52, 1e-30, 1e30, 1e-300, 1e300, 1e22,
    0x1p23 + 1, 0x1p24, 0x1p53 - 1, 0x1p53, 0x1.8p53, 1.5707963267948966, 3.141592653589793,
    88.8, 89.4, 89.5, 709.8, 710.4, 710.5, 2e19, 1e155};
/* clang-format on */

Test(sleef, keeps_special_values) {
    const size_t count = 2 * sizeof special / sizeof *special;
    const size_t n = count * count;
    for (size_t i = 0; i < n; i++) {
        const size_t a = i / count, b = i % count;
        points[0][i] = a % 2 == 0 ? special[a / 2] : -special[a / 2];
        points[1][i] = b % 2 == 0 ? special[b / 2] : -special[b / 2];
    }
    for (int type = 1; type >= 0; type--) {
        for (size_t i = 0; i < n; i++) {
            points[0][i] = rounded(type, points[0][i]);
            points[1][i] = rounded(type, points[1][i]);
        }
        for (size_t i = 0; i < FUNCTIONS; i++) {
            for (set which = 0; which < SET_COUNT; which++) {
                if (is_sleef(&functions[i], type, which)) {
                    (void)worst_of(&functions[i], type, which, n);
                }
            }
        }
    }
}
