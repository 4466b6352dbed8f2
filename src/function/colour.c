/* colour.c: orders for greedy colourings, and colourings of Jacobians.
 *
 * Gebremedhin, Manne and Pothen, "What color is your Jacobian?", SIAM Review 47(4), 2005. */
#include "function/colour.h"

#include <string.h>

void wg_colouring_free(wg_colouring *c) {
    wg_free(c->colour);
    c->colour = NULL;
}

static int64_t degree(const wg_pattern *p, int64_t i) {
    return p->row_start[i + 1] - p->row_start[i];
}

wg_status wg_colours_no_memory(const wg_pattern *p) {
    return wg_fail(WG_ERROR_MEMORY, "sparse: no memory for the colours of %lld columns",
                   (long long)p->columns);
}

/* ---- Orders ---------------------------------------------------------------------------------- */

/* Rows of `p` by falling number of entries, those alike as they come. */
static bool largest_first(const wg_pattern *p, int64_t *order) {
    int64_t *start = wg_calloc((size_t)p->columns + 2, sizeof *start);
    if (start == NULL) {
        return false;
    }
    for (int64_t i = 0; i < p->rows; i++) {
        start[degree(p, i)]++;
    }
    int64_t sum = 0;
    for (int64_t d = p->columns; d >= 0; d--) {
        const int64_t length = start[d];
        start[d] = sum;
        sum += length;
    }
    for (int64_t i = 0; i < p->rows; i++) {
        order[start[degree(p, i)]++] = i;
    }
    wg_free(start);
    return true;
}

/* Vertices in lists by degree, for smallest-last orders. */
typedef struct wg_buckets {
    int64_t *head, *next, *previous, *degree;
    int64_t most;
} wg_buckets;

static void unlink_vertex(wg_buckets *b, int64_t v) {
    if (b->previous[v] >= 0) {
        b->next[b->previous[v]] = b->next[v];
    } else {
        b->head[b->degree[v]] = b->next[v];
    }
    if (b->next[v] >= 0) {
        b->previous[b->next[v]] = b->previous[v];
    }
}

static void link_vertex(wg_buckets *b, int64_t v) {
    const int64_t after = b->head[b->degree[v]];
    b->previous[v] = -1;
    b->next[v] = after;
    b->head[b->degree[v]] = v;
    if (after >= 0) {
        b->previous[after] = v;
    }
}

static bool fill_buckets(wg_buckets *b, const wg_pattern *t) {
    memset(b, 0, sizeof *b);
    const size_t n = (size_t)t->rows + 1;
    b->degree = wg_calloc(n, sizeof *b->degree);
    b->next = wg_calloc(n, sizeof *b->next);
    b->previous = wg_calloc(n, sizeof *b->previous);
    return b->degree != NULL && b->next != NULL && b->previous != NULL;
}

static void free_buckets(wg_buckets *b) {
    wg_free(b->head);
    wg_free(b->next);
    wg_free(b->previous);
    wg_free(b->degree);
}

/* Columns so that each has fewest neighbours (columns it shares a row with, counted once a row)
 * among those before it. */
static bool smallest_last(const wg_pattern *p, const wg_pattern *t, int64_t *order) {
    wg_buckets b;
    bool ready = fill_buckets(&b, t);
    for (int64_t v = 0; v < t->rows && ready; v++) {
        for (int64_t e = t->row_start[v]; e < t->row_start[v + 1]; e++) {
            b.degree[v] += degree(p, t->column[e]) - 1;
        }
        b.most = b.degree[v] > b.most ? b.degree[v] : b.most;
    }
    b.head = ready ? wg_alloc(((size_t)b.most + 1) * sizeof *b.head) : NULL;
    ready = b.head != NULL;
    for (int64_t d = 0; d <= b.most && ready; d++) {
        b.head[d] = -1;
    }
    for (int64_t v = t->rows; v-- > 0 && ready;) {
        link_vertex(&b, v);
    }
    int64_t least = 0;
    for (int64_t place = t->rows; place-- > 0 && ready;) {
        while (b.head[least] < 0) {
            least++;
        }
        const int64_t v = b.head[least];
        unlink_vertex(&b, v);
        b.degree[v] = -1;
        order[place] = v;
        for (int64_t e = t->row_start[v]; e < t->row_start[v + 1]; e++) {
            const int64_t row = t->column[e];
            for (int64_t f = p->row_start[row]; f < p->row_start[row + 1]; f++) {
                const int64_t other = p->column[f];
                if (b.degree[other] >= 0) {
                    unlink_vertex(&b, other);
                    b.degree[other]--;
                    link_vertex(&b, other);
                    least = b.degree[other] < least ? b.degree[other] : least;
                }
            }
        }
    }
    free_buckets(&b);
    return ready;
}

/* Orders are tried in turn, and the one of fewest colours is kept: as they stand, largest first,
 * smallest last (where the square of the rows' lengths is affordable). */
#define WG_MOST_SMALLEST_LAST 5e7

bool wg_fill_order(int which, const wg_pattern *p, const wg_pattern *t, int64_t *order) {
    for (int64_t v = 0; v < t->rows; v++) {
        order[v] = v;
    }
    return which == 0 || (which == 1 ? largest_first(t, order) : smallest_last(p, t, order));
}

bool wg_order_pays(int which, const wg_pattern *p) {
    double squares = 0;
    for (int64_t i = 0; i < p->rows; i++) {
        squares += (double)degree(p, i) * (double)degree(p, i);
    }
    return which < 2 || squares <= WG_MOST_SMALLEST_LAST;
}

/* Keeps `fresh` where it has fewer colours than `best`, or best has none yet. */
void wg_keep_fewer(wg_colouring *best, wg_colouring *fresh) {
    wg_colouring *worse = best->colour == NULL || fresh->colours < best->colours ? best : fresh;
    wg_colouring_free(worse);
    if (worse == best) {
        *best = *fresh;
    }
}

/* ---- Columns --------------------------------------------------------------------------------- */

int32_t wg_least_allowed(const int64_t *forbidden, int64_t v, int64_t *colours) {
    int32_t colour = 0;
    while (forbidden[colour] == v + 1) {
        colour++;
    }
    *colours = colour >= *colours ? colour + 1 : *colours;
    return colour;
}

static void colour_columns(const wg_pattern *p, const wg_pattern *t, const int64_t *order,
                           int64_t *forbidden, wg_colouring *c) {
    for (int64_t k = 0; k < t->rows; k++) {
        const int64_t v = order[k];
        for (int64_t e = t->row_start[v]; e < t->row_start[v + 1]; e++) {
            const int64_t row = t->column[e];
            for (int64_t f = p->row_start[row]; f < p->row_start[row + 1]; f++) {
                const int32_t colour = c->colour[p->column[f]];
                if (colour >= 0) {
                    forbidden[colour] = v + 1;
                }
            }
        }
        if (degree(t, v) > 0) {
            c->colour[v] = wg_least_allowed(forbidden, v, &c->colours);
        }
    }
}

bool wg_begin_colouring(wg_colouring *c, int64_t vertices) {
    c->colours = 0;
    c->colour = wg_alloc(((size_t)vertices + 1) * sizeof *c->colour);
    if (c->colour != NULL) {
        memset(c->colour, 0xff, (size_t)vertices * sizeof *c->colour);
    }
    return c->colour != NULL;
}

/* The longest row: no colouring of the columns takes fewer colours. */
static int64_t fewest_colours(const wg_pattern *p) {
    int64_t most = 0;
    for (int64_t i = 0; i < p->rows; i++) {
        most = degree(p, i) > most ? degree(p, i) : most;
    }
    return most;
}

wg_status wg_colour_columns(const wg_pattern *p, const wg_pattern *t, wg_colouring *out) {
    const int64_t fewest = fewest_colours(p);
    int64_t *order = wg_alloc(((size_t)t->rows + 1) * sizeof *order);
    int64_t *forbidden = wg_alloc(((size_t)t->rows + 2) * sizeof *forbidden);
    bool ready = order != NULL && forbidden != NULL;
    memset(out, 0, sizeof *out);
    for (int which = 0; which < WG_ORDERS && ready; which++) {
        wg_colouring c = {0};
        if ((out->colour != NULL && out->colours == fewest) || !wg_order_pays(which, p)) {
            break;
        }
        ready = wg_fill_order(which, p, t, order) && wg_begin_colouring(&c, t->rows);
        if (ready) {
            memset(forbidden, 0, ((size_t)t->rows + 2) * sizeof *forbidden);
            colour_columns(p, t, order, forbidden, &c);
            wg_keep_fewer(out, &c);
        }
    }
    wg_free(order);
    wg_free(forbidden);
    if (!ready) {
        wg_colouring_free(out);
        return wg_colours_no_memory(p);
    }
    return WG_OK;
}
