/* ticks.c: where an axis is marked. */
#include "plot.h"

#include <math.h>

static int clamp(double value, int low, int high) {
    return value < low ? low : value > high ? high : (int)value;
}

wg_ticks wg_ticks_linear(double low, double high, int wanted) {
    wg_ticks ticks = {.count = 0};
    double raw = (high / wanted) - (low / wanted); /* high - low may overflow */
    double power = floor(log10(raw));
    double unit = pow(10.0, power);
    double ratio = raw / unit;
    double step = ratio <= 1.5   ? unit
                  : ratio <= 3.5 ? 2.0 * unit
                  : ratio <= 7.5 ? 5.0 * unit
                                 : 10.0 * unit;
    power += ratio > 7.5 ? 1.0 : 0.0;
    int most = (int)WG_COUNT_OF(ticks.at);
    double first = ceil(low / step - 1e-9);
    for (int i = 0; i < most; i++) {
        double value = (first + i) * step;
        if (value > high + 1e-9 * step) {
            break;
        }
        ticks.at[ticks.count++] = value == 0.0 ? 0.0 : value; /* no minus zero */
    }
    double widest = fmax(fabs(low), fabs(high));
    ticks.decimals = widest >= 1e7 || power < -6.0 ? -1 : clamp(-power, 0, 6);
    ticks.digits = clamp(ceil(log10(widest / step)) + 1.0, 1, 15);
    return ticks;
}

wg_ticks wg_ticks_log(double low, double high, int wanted) {
    wg_ticks ticks = {.decimals = -1, .digits = 1};
    int first = (int)floor(log10(low));
    int last = (int)ceil(log10(high));
    int decades = last - first;
    int stride = decades > wanted ? (decades + wanted - 1) / wanted : 1;
    static const double parts[] = {1.0, 2.0, 5.0};
    int used = decades <= 3 ? 3 : 1;
    int most = (int)WG_COUNT_OF(ticks.at);
    for (int power = first; power <= last; power += stride) {
        for (int i = 0; i < used && ticks.count < most; i++) {
            double value = parts[i] * pow(10.0, power);
            if (value >= low * (1.0 - 1e-9) && value <= high * (1.0 + 1e-9)) {
                ticks.at[ticks.count++] = value;
            }
        }
    }
    return ticks;
}
