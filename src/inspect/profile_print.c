/* profile_print.c: the rows of a profile, in order and as a table. */
#include "base/number.h"
#include "inspect/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Most time first; equal times by name, so that the order is one. */
static int compare(const void *left, const void *right) {
    const wg_profile_row *a = left, *b = right;
    if (a->seconds != b->seconds) {
        return a->seconds > b->seconds ? -1 : 1;
    }
    const int by_name = strcmp(a->name, b->name);
    return by_name != 0 ? by_name : (int)a->backward - (int)b->backward;
}

static void sort(wg_profile *profile) {
    if (profile->rows > 0) {
        qsort(profile->row, profile->rows, sizeof *profile->row, compare);
    }
}

int64_t wg_profile_count(const wg_profile *profile) {
    return (int64_t)profile->rows;
}

wg_status wg_profile_at(wg_profile *profile, int64_t index, wg_profile_row *out) {
    if (index < 0 || index >= (int64_t)profile->rows) {
        return wg_fail(WG_ERROR_ARGUMENT, "profile_at: there is no row %lld, the profile has %lld",
                       (long long)index, (long long)profile->rows);
    }
    sort(profile);
    *out = profile->row[index];
    return WG_OK;
}

static void print_row(FILE *out, const wg_profile_row *row, const char *direction, double all) {
    char ms[40], share[40], megabytes[40], rate[40];
    (void)fprintf(out, "%-22.22s %-8s %9lld %11s %6s %10s", row->name, direction,
                  (long long)row->calls, wg_number_fixed(ms, sizeof ms, 3, 1e3 * row->seconds),
                  wg_number_fixed(share, sizeof share, 1, all > 0 ? 100 * row->seconds / all : 0),
                  wg_number_fixed(megabytes, sizeof megabytes, 3, 1e-6 * (double)row->bytes));
    if (row->multiply_adds > 0 && row->seconds > 0) {
        (void)fprintf(out, " %9s",
                      wg_number_fixed(rate, sizeof rate, 2,
                                      1e-9 * (double)row->multiply_adds / row->seconds));
    }
    (void)fputc('\n', out);
}

wg_status wg_profile_print(wg_profile *profile, FILE *out) {
    wg_profile_row total = {.name = "all", .calls = 0};
    sort(profile);
    for (uint64_t i = 0; i < profile->rows; i++) {
        total.calls += profile->row[i].calls;
        total.seconds += profile->row[i].seconds;
        total.bytes += profile->row[i].bytes;
    }
    errno = 0;
    (void)fprintf(out, "%-22s %-8s %9s %11s %6s %10s %9s\n", "operation", "pass", "calls", "ms",
                  "%", "MB", "GMAC/s");
    for (uint64_t i = 0; i < profile->rows; i++) {
        print_row(out, &profile->row[i], profile->row[i].backward ? "backward" : "forward",
                  total.seconds);
    }
    print_row(out, &total, "", total.seconds);
    if (ferror(out) != 0) {
        return wg_fail(WG_ERROR_FILE, "profile_print: %s", strerror(errno));
    }
    return WG_OK;
}
