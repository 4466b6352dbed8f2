/* special.c: functions libm lacks: polygamma, derivatives of sinc, erfinv. Each is code and the
 * text of that code as well, for C files that carry no library. */
#include "kernel/elementwise.h"

#include <math.h>

#define WG_CODE_AND_TEXT(name, ...)                                                                \
    __VA_ARGS__                                                                                    \
    static const char name##_text[] = #__VA_ARGS__;

/* Below special_lowest the recurrence would take too many steps: NaN. */
WG_CODE_AND_TEXT(numbers, static const double special_pi = 3.141592653589793238462643383280;
                 static const double special_lowest = -100000;)

/* Bernoulli numbers B2, B4, … of the asymptotic series. */
WG_CODE_AND_TEXT(bernoulli, static const double bernoulli[] = {
                                1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730,
                                7.0 / 6, -3617.0 / 510, 43867.0 / 798, -174611.0 / 330};)

/* A&S 6.3.18: digamma for large x. */
WG_CODE_AND_TEXT(
    digamma_series, static double digamma_series(double x) {
        double sum = log(x) - 0.5 / x, power = 1.0;
        for (int k = 0; k < 10; k++) {
            power /= x * x;
            sum -= bernoulli[k] / (2 * (k + 1)) * power;
        }
        return sum;
    })

/* A&S 6.4.11 without its sign, n >= 1, large x. */
WG_CODE_AND_TEXT(
    polygamma_series, static double polygamma_series(double n, double x) {
        double term = tgamma(n) / pow(x, n); /* (n-1)!/x^n */
        double sum = term + 0.5 * term * n / x;
        double factor = term * n / x; /* (2k+n-1)!/(2k)! / x^(2k+n), k = 1 comes next */
        factor *= (n + 1) / (2 * x);
        for (int k = 1; k <= 10; k++) {
            sum += bernoulli[k - 1] * factor;
            factor *= (2 * k + n) * (2 * k + n + 1) / ((2 * k + 1.0) * (2 * k + 2.0) * x * x);
        }
        return sum;
    })

WG_CODE_AND_TEXT(
    digamma, static double digamma(double x) {
        if (x < 0) {
            return digamma(1 - x) -
                   special_pi / tan(special_pi * x); /* A&S 6.3.7; 1 - x > 0, so one level deep */
        }
        double shift = 0;
        for (; x < 12; x += 1) {
            shift -= 1 / x;
        }
        return shift + digamma_series(x);
    })

WG_CODE_AND_TEXT(
    polygamma, static double polygamma(double n, double x) {
        if (n == 0 && x == 0) {
            return copysign((double)INFINITY, -x);
        }
        if (!(n >= 0) || n != floor(n) || n > 100 || x != x || (x <= 0 && x == floor(x)) ||
            x < special_lowest) {
            return NAN;
        }
        if (n == 0) {
            return x > 1e300 ? log(x) : digamma(x);
        }
        if (x > 1e300) {
            return 0;
        }
        double shift = 0, factorial = tgamma(n + 1);
        for (; x < 14 + n; x += 1) {
            shift += factorial / pow(x, n + 1); /* A&S 6.4.6 */
        }
        double sign = fmod(n, 2) == 0 ? -1 : 1;
        return sign * (shift + polygamma_series(n, x));
    })

/* A&S 10.1.2 where its terms fall from the first on, else A&S 10.1.19 upwards, which is stable
 * there. */
WG_CODE_AND_TEXT(
    sinc_order, static double sinc_order(double n, double x) {
        const double z = 3.141592653589793238462643383280 * x;
        if (!(n >= 0) || n != floor(n) || n > 100 || z != z) {
            return NAN;
        }
        if (fabs(z) < n + 2) {
            double term = 1;
            for (double k = 1; k <= n; k++) {
                term /= 2 * k + 1;
            }
            double sum = term;
            for (double k = 1; k < 200 && fabs(term) > 1e-18 * fabs(sum); k++) {
                term *= -0.5 * z * z / (k * (2 * (n + k) + 1));
                sum += term;
            }
            return sum;
        }
        double before = cos(z), now = sin(z) / z; /* z j_-1 and j_0 */
        before /= z;
        for (double k = 0; k < n; k++) {
            const double next = (2 * k + 1) / z * now - before;
            before = now;
            now = next;
        }
        return now / pow(z, n);
    })

/* S. Winitzki's approximation ("A handy approximation for the error function and its inverse",
 * 2008), then Halley's method: three times as many digits each time. */
WG_CODE_AND_TEXT(
    erfinv, static double erfinv(double x) {
        const double size = fabs(x);
        if (!(size < 1)) {
            return size == 1 ? x * (double)INFINITY : NAN;
        }
        const double rest = log1p(-size * size), half = 4.330746750799873 + rest / 2;
        double y =
            size < 0.1 ? 0.886226925452758 * size : sqrt(sqrt(half * half - rest / 0.147) - half);
        for (int k = 0; k < 3; k++) {
            const double slope = 1.1283791670955126 * exp(-y * y);
            const double step = (size > 0.5 ? (1 - size) - erfc(y) : erf(y) - size) / slope;
            y -= step / (1 + y * step);
        }
        return copysign(y, x);
    })

double wg_math_lgamma(double x) {
    return lgamma(x);
}

double wg_math_polygamma(double n, double x) {
    return polygamma(n, x);
}

double wg_math_sinc_order(double n, double x) {
    return sinc_order(n, x);
}

double wg_math_erfinv(double x) {
    return erfinv(x);
}

const char *const wg_math_polygamma_text[] = {numbers_text,
                                              bernoulli_text,
                                              digamma_series_text,
                                              polygamma_series_text,
                                              digamma_text,
                                              polygamma_text,
                                              NULL};
const char *const wg_math_sinc_order_text[] = {sinc_order_text, NULL};
const char *const wg_math_erfinv_text[] = {erfinv_text, NULL};
