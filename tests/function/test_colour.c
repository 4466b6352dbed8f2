/* Colourings of sparse patterns, checked by brute force. */
#include "function/sparse.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static bool has(const wg_pattern *p, int64_t i, int64_t j) {
    for (int64_t e = p->row_start[i]; e < p->row_start[i + 1]; e++) {
        if (p->column[e] == j) {
            return true;
        }
    }
    return false;
}

/* Columns of one colour share no row; a column with entries has a colour. */
static void expect_distance_two(const wg_pattern *p, const wg_colouring *c) {
    for (int64_t i = 0; i < p->rows; i++) {
        for (int64_t j = 0; j < p->columns; j++) {
            for (int64_t k = 0; k < p->columns; k++) {
                if (has(p, i, j) && has(p, i, k) && j != k) {
                    cr_assert(c->colour[j] >= 0 && c->colour[j] < c->colours);
                    cr_assert_neq(c->colour[j], c->colour[k]);
                }
            }
        }
    }
}

/* No edge within a colour. */
static void expect_proper(const wg_pattern *p, const wg_colouring *c) {
    for (int64_t e = 0; e < p->count; e++) {
        cr_assert(c->colour[p->row[e]] >= 0 && c->colour[p->row[e]] < c->colours);
        cr_assert(p->row[e] == p->column[e] || c->colour[p->row[e]] != c->colour[p->column[e]]);
    }
}

/* Every path of four vertices has at least three colours. */
static void expect_star(const wg_pattern *p, const wg_colouring *c) {
    expect_proper(p, c);
    for (int64_t e = 0; e < p->count; e++) {
        const int64_t b = p->row[e], d = p->column[e];
        for (int64_t f = p->row_start[b]; f < p->row_start[b + 1] && b != d; f++) {
            for (int64_t g = p->row_start[d]; g < p->row_start[d + 1]; g++) {
                const int64_t a = p->column[f], z = p->column[g];
                if (a != b && a != d && z != b && z != d && a != z) {
                    cr_assert(c->colour[a] != c->colour[d] || c->colour[b] != c->colour[z],
                              "%d %d %d %d", (int)a, (int)b, (int)d, (int)z);
                }
            }
        }
    }
}

/* Two colours at a time, edges are taken into a forest; one that closes a cycle is wrong. */
static void expect_acyclic(const wg_pattern *p, const wg_colouring *c) {
    expect_proper(p, c);
    int64_t *root = malloc((size_t)p->rows * sizeof *root);
    for (int64_t one = 0; one < c->colours; one++) {
        for (int64_t two = one + 1; two < c->colours; two++) {
            for (int64_t i = 0; i < p->rows; i++) {
                root[i] = i;
            }
            for (int64_t e = 0; e < p->count; e++) {
                int64_t a = p->row[e], b = p->column[e];
                if (c->colour[a] == one && c->colour[b] == two) {
                    while (root[a] != a) {
                        a = root[a];
                    }
                    while (root[b] != b) {
                        b = root[b];
                    }
                    cr_assert_neq(a, b);
                    root[a] = b;
                }
            }
        }
    }
    free(root);
}

/* A random pattern with about `degree` entries a row; symmetric where asked. */
static wg_pattern *random_pattern(int64_t rows, int64_t columns, int64_t degree, uint64_t *state,
                                  bool symmetric) {
    wg_pattern *p = wg_pattern_new(rows, columns, rows * columns);
    int64_t count = 0;
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++) {
            *state = *state * 6364136223846793005u + 1442695040888963407u;
            if ((int64_t)(*state >> 33) % columns < degree) {
                p->row[count] = i;
                p->column[count++] = j;
            }
        }
        p->row_start[i + 1] = count;
    }
    p->count = count;
    if (symmetric) {
        wg_pattern *both = wg_pattern_symmetric(p);
        wg_pattern_free(p);
        p = both;
    }
    return p;
}

Test(colour, colourings_of_random_patterns_are_what_they_should_be) {
    uint64_t state = 7;
    int64_t star_colours = 0, acyclic_colours = 0;
    for (int trial = 0; trial < 60; trial++) {
        wg_pattern *p = random_pattern(30, 25, 1 + trial % 6, &state, false);
        wg_pattern *t = wg_pattern_transpose(p);
        wg_colouring c;
        cr_assert_eq(wg_colour_columns(p, t, &c), WG_OK);
        expect_distance_two(p, &c);
        wg_colouring_free(&c);
        cr_assert_eq(wg_colour_columns(t, p, &c), WG_OK);
        expect_distance_two(t, &c);
        wg_colouring_free(&c);
        wg_pattern_free(p);
        wg_pattern_free(t);
        p = random_pattern(30, 30, 1 + trial % 4, &state, true);
        cr_assert_eq(wg_colour_symmetric(p, false, &c), WG_OK);
        expect_star(p, &c);
        star_colours += c.colours;
        wg_recovery how;
        cr_assert_eq(wg_recover_symmetric(p, &c, &how), WG_OK);
        cr_assert_eq(how.pairs, 0, "star colourings need no substitution");
        wg_recovery_free(&how);
        wg_colouring_free(&c);
        cr_assert_eq(wg_colour_symmetric(p, true, &c), WG_OK);
        expect_acyclic(p, &c);
        acyclic_colours += c.colours;
        wg_colouring_free(&c);
        wg_pattern_free(p);
    }
    cr_assert_lt(acyclic_colours, star_colours);
}
