/* summary.c: layers with their shapes, parameters and multiply-adds. */
#include "base/number.h"
#include "inspect/profile.h"

#include <errno.h>
#include <string.h>

/* Elements of the parameters at or below a name; of all for "". */
static int64_t parameters_below(const wg_store *store, const char *name) {
    const size_t length = strlen(name);
    int64_t total = 0;
    for (int64_t i = 0; i < store->count; i++) {
        const wg_param *param = store->sorted[i];
        const char *text = param->named.text;
        if (!param->buffer && (length == 0 || (strncmp(text, name, length) == 0 &&
                                               (text[length] == '.' || text[length] == '\0')))) {
            total += param->count;
        }
    }
    return total;
}

int64_t wg_summary_count(const wg_profile *profile) {
    return (int64_t)profile->seen_count;
}

wg_status wg_summary_at(const wg_profile *profile, const wg_store *store, int64_t index,
                        wg_summary_row *out) {
    if (index < 0 || index >= (int64_t)profile->seen_count) {
        return wg_fail(WG_ERROR_ARGUMENT, "summary_at: there is no row %lld, the summary has %lld",
                       (long long)index, (long long)profile->seen_count);
    }
    const wg_seen *seen = &profile->seen[index];
    *out = (wg_summary_row){.kind = seen->kind,
                            .name = seen->name != NULL ? seen->name : "",
                            .depth = seen->depth,
                            .rank = seen->rank > 0 ? seen->rank : 0,
                            .calls = seen->calls,
                            .multiply_adds = seen->multiply_adds};
    memcpy(out->shape, seen->shape, sizeof out->shape);
    out->parameters = seen->name != NULL ? parameters_below(store, seen->name) : 0;
    return WG_OK;
}

static void print_row(FILE *out, const wg_summary_row *row) {
    char shape[192], name[WG_NAME_BYTES + 64];
    (void)snprintf(name, sizeof name, "%*s%s%s%s", 2 * row->depth, "", row->name,
                   row->name[0] != '\0' ? " " : "", row->kind);
    (void)fprintf(out, "%-40s %-20s %12lld %16lld", name,
                  wg_shape_text(row->rank, row->shape, shape, sizeof shape),
                  (long long)row->parameters, (long long)row->multiply_adds);
    if (row->calls > 1) {
        (void)fprintf(out, "  %lld calls", (long long)row->calls);
    }
    (void)fputc('\n', out);
}

wg_status wg_summary_print(const wg_profile *profile, const wg_store *store, FILE *out) {
    int64_t multiply_adds = 0, frozen = 0, bytes = 0;
    errno = 0;
    (void)fprintf(out, "%-40s %-20s %12s %16s\n", "layer", "output", "parameters", "multiply-adds");
    for (int64_t i = 0; i < wg_summary_count(profile); i++) {
        wg_summary_row row;
        (void)wg_summary_at(profile, store, i, &row);
        multiply_adds += row.depth == 0 ? row.multiply_adds : 0;
        print_row(out, &row);
    }
    for (int64_t i = 0; i < store->count; i++) {
        const wg_param *param = store->sorted[i];
        bytes += param->count * (int64_t)wg_dtype_size(param->value.dtype);
        frozen += param->frozen && !param->buffer ? param->count : 0;
    }
    char megabytes[40];
    (void)fprintf(out,
                  "%lld parameters, %lld of them frozen; %s MB with buffers; %lld multiply-adds "
                  "forward\n",
                  (long long)parameters_below(store, ""), (long long)frozen,
                  wg_number_fixed(megabytes, sizeof megabytes, 3, 1e-6 * (double)bytes),
                  (long long)multiply_adds);
    if (ferror(out) != 0) {
        return wg_fail(WG_ERROR_FILE, "summary_print: %s", strerror(errno));
    }
    return WG_OK;
}
