/* sparse_values.c: the values of a sparse derivative at many points. */
#include "function/sparse.h"

#include <string.h>

/* Numbers of one buffer of products: so many lanes are run at a time that it is about this large.
 */
#define WG_BUFFER_NUMBERS ((int64_t)1 << 20)

/* One call: what it reads and where results go. */
typedef struct wg_refresh {
    const wg_sparse *s;
    int64_t count, inputs, seeds, length; /* lengths of x, a direction and a product */
    const double *x, *w;
    int64_t w_point; /* 0 where all points have the same */
    double *values;
    double *seed, *product;
    int64_t lanes; /* that the buffers hold */
} wg_refresh;

static wg_port port(const double *data, int64_t point) {
    return (wg_port){(void *)(uintptr_t)data, point, 1};
}

/* `lanes` products: of points from `point` on, one colour (along = 1), or of one point and several
 * colours (along = 0). */
static wg_status run_products(const wg_refresh *r, int64_t lanes, int64_t point, int64_t along) {
    const wg_port x = port(r->x + point * r->inputs, along * r->inputs);
    const wg_port seed = port(r->seed, along != 0 ? 0 : r->seeds);
    const wg_port product = port(r->product, r->length);
    const char *const name = "sparse_values";
    if (r->s->hessian) {
        const wg_port in[3] = {x, port(r->w + point * r->w_point, along * r->w_point), seed};
        return wg_code_run(r->s->code, WG_F64, lanes, in, &product, name);
    }
    const wg_port in[2] = {x, seed}, out[2] = {port(NULL, 0), product};
    return wg_code_run(r->s->code, WG_F64, lanes, in, out, name);
}

/* seed[c − first][j] = 1 where j has colour c, for colours [first, last). */
static void fill_seeds(const wg_refresh *r, int64_t first, int64_t last) {
    memset(r->seed, 0, (size_t)((last - first) * r->seeds) * sizeof *r->seed);
    for (int64_t j = 0; j < r->seeds; j++) {
        const int64_t colour = r->s->colouring.colour[j];
        if (colour >= first && colour < last) {
            r->seed[(colour - first) * r->seeds + j] = 1;
        }
    }
}

/* Entries of one colour out of a product of one point. */
static void pick(const wg_refresh *r, int64_t colour, int64_t point, const double *product) {
    const wg_sparse *s = r->s;
    double *values = r->values + point * s->pattern->count;
    for (int64_t k = s->colour_start[colour]; k < s->colour_start[colour + 1]; k++) {
        const int64_t e = s->by_colour[k];
        values[e] = product[s->recovery.index[e]];
    }
}

/* Colours are lanes, points follow one another. */
static wg_status by_points(const wg_refresh *r) {
    const int64_t colours = r->s->colouring.colours;
    wg_status status = WG_OK;
    for (int64_t first = 0; first < colours && status == WG_OK; first += r->lanes) {
        const int64_t last = first + r->lanes < colours ? first + r->lanes : colours;
        fill_seeds(r, first, last);
        for (int64_t point = 0; point < r->count && status == WG_OK; point++) {
            status = run_products(r, last - first, point, 0);
            for (int64_t c = first; c < last && status == WG_OK; c++) {
                pick(r, c, point, r->product + (c - first) * r->length);
            }
        }
    }
    return status;
}

/* Points are lanes, colours follow one another. */
static wg_status by_colours(const wg_refresh *r) {
    wg_status status = WG_OK;
    for (int64_t c = 0; c < r->s->colouring.colours && status == WG_OK; c++) {
        fill_seeds(r, c, c + 1);
        for (int64_t first = 0; first < r->count && status == WG_OK; first += r->lanes) {
            const int64_t left = r->count - first, lanes = left < r->lanes ? left : r->lanes;
            status = run_products(r, lanes, first, 1);
            for (int64_t lane = 0; lane < lanes && status == WG_OK; lane++) {
                pick(r, c, first + lane, r->product + lane * r->length);
            }
        }
    }
    return status;
}

static void substitute(const wg_refresh *r) {
    const wg_recovery *how = &r->s->recovery;
    for (int64_t point = 0; point < r->count && how->pairs > 0; point++) {
        double *values = r->values + point * r->s->pattern->count;
        for (int64_t k = 0; k < how->pairs; k++) {
            values[how->less[2 * k]] -= values[how->less[2 * k + 1]];
        }
    }
}

static int64_t blocks(int64_t lanes) {
    return (lanes + WG_LANES - 1) / WG_LANES;
}

static wg_status run_compressed(wg_refresh *r) {
    const wg_sparse *s = r->s;
    const int64_t colours = s->colouring.colours;
    const bool points_are_lanes = blocks(r->count) * colours <= r->count * blocks(colours);
    const int64_t most = points_are_lanes ? r->count : colours;
    const int64_t room = WG_BUFFER_NUMBERS / (r->length + 1) / WG_LANES * WG_LANES;
    r->lanes = room < WG_LANES ? WG_LANES : room;
    r->lanes = r->lanes < most ? r->lanes : most;
    r->product = wg_alloc((size_t)(r->lanes * r->length) * sizeof *r->product + 64);
    r->seed =
        wg_alloc((size_t)((points_are_lanes ? 1 : r->lanes) * r->seeds) * sizeof *r->seed + 64);
    wg_status status = WG_OK;
    if (r->product == NULL || r->seed == NULL) {
        status = wg_fail(WG_ERROR_MEMORY, "sparse_values: no memory for %lld products",
                         (long long)r->lanes);
    } else {
        status = points_are_lanes ? by_colours(r) : by_points(r);
    }
    if (status == WG_OK) {
        substitute(r);
    }
    wg_free(r->product);
    wg_free(r->seed);
    return status;
}

static wg_status run_entries(const wg_refresh *r) {
    const wg_port in[2] = {port(r->x, r->inputs), port(r->w, r->w_point)},
                  out = port(r->values, r->s->pattern->count);
    return wg_code_run(r->s->code, WG_F64, r->count, in, &out, "sparse_values");
}

static wg_status refuse(const wg_sparse *s, int64_t count, const double *x, const double *w,
                        const double *values) {
    const char *wrong = s == NULL   ? "the sparse derivative is NULL"
                        : count < 0 ? "a negative number of points"
                        : count > 0 && (x == NULL || values == NULL) ? "an array is NULL"
                        : !s->hessian && w != NULL                   ? "a Jacobian takes no weights"
                                                                     : NULL;
    return wrong == NULL ? WG_OK : wg_fail(WG_ERROR_ARGUMENT, "sparse_values: %s", wrong);
}

wg_status wg_sparse_values(const wg_sparse *sparse, int64_t count, const double *x, const double *w,
                           double *values) {
    wg_status status = refuse(sparse, count, x, w, values);
    if (status != WG_OK || count == 0 || sparse->pattern->count == 0) {
        return status;
    }
    const int64_t n = sparse->fn->value->inputs, m = sparse->fn->value->outputs;
    wg_refresh r = {.s = sparse,
                    .count = count,
                    .inputs = n,
                    .x = x,
                    .w = w,
                    .w_point = w != NULL ? m : 0,
                    .values = values};
    r.seeds = sparse->method == WG_SPARSE_ROWS ? m : n;
    r.length = sparse->method == WG_SPARSE_COLUMNS ? m : n;
    double *ones = NULL;
    if (sparse->hessian && w == NULL) {
        ones = wg_alloc((size_t)m * sizeof *ones + 64);
        if (ones == NULL) {
            return wg_fail(WG_ERROR_MEMORY, "sparse_values: no memory for %lld weights",
                           (long long)m);
        }
        for (int64_t k = 0; k < m; k++) {
            ones[k] = 1;
        }
        r.w = ones;
    }
    status = sparse->method == WG_SPARSE_ENTRIES ? run_entries(&r) : run_compressed(&r);
    wg_free(ones);
    return status;
}
