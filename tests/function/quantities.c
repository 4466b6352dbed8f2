/* quantities.c: the tape's answers. */
#include "quantities.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

const char *const quantity_names[QUANTITY_COUNT] = {
#define NAME(name, length, is_value) #name,
    QUANTITIES(NAME)
#undef NAME
};

const bool quantity_is_value[QUANTITY_COUNT] = {
#define IS_VALUE(name, length, value) value,
    QUANTITIES(IS_VALUE)
#undef IS_VALUE
};

int quantity_length(quantity q, int n, int m) {
    switch (q) {
#define LENGTH(name, length, is_value)                                                             \
    case Q_##name:                                                                                 \
        return length;
        QUANTITIES(LENGTH)
#undef LENGTH
    default:
        return 0;
    }
}

results results_new(const subject *s) {
    results r;
    for (int q = 0; q < QUANTITY_COUNT; q++) {
        const int length = s->points * quantity_length((quantity)q, s->n, s->m);
        r.of[q] = calloc((size_t)length + 1, sizeof(double));
    }
    return r;
}

void results_spoil(const subject *s, results *r) {
    for (int q = 0; q < QUANTITY_COUNT; q++) {
        const int length = s->points * quantity_length((quantity)q, s->n, s->m);
        for (int i = 0; i < length; i++) {
            r->of[q][i] = -1.25e29;
        }
    }
}

void results_free(results *r) {
    for (int q = 0; q < QUANTITY_COUNT; q++) {
        free(r->of[q]);
    }
}

/* ---- The yardstick --------------------------------------------------------------------------- */

static void read_adjoints(const wg_var *x, int n, double *out) {
    for (int j = 0; j < n; j++) {
        out[j] = wg_adjoint(x[j]);
    }
}

static wg_var weighted(const wg_var *y, const double *w, int m) {
    wg_var sum = wg_mul(y[0], w[0]);
    for (int k = 1; k < m; k++) {
        sum = wg_add(sum, wg_mul(y[k], w[k]));
    }
    return sum;
}

double dot(const double *a, const double *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += a[i] == 0 || b[i] == 0 ? 0 : a[i] * b[i];
    }
    return sum;
}

/* All quantities of one point; r->of[q] is where that point's go. */
static void on_tape(const subject *s, wg_tape *tape, random_playing playing, int p,
                    double *const *to) {
    const int n = s->n, m = s->m;
    const double *v = s->v + p * n, *w = s->w + p * m;
    wg_var x[8], y[8], slope[8];
    wg_tape_reset(tape);
    for (int i = 0; i < n; i++) {
        x[i] = wg_scalar(tape, s->x[p * n + i]);
    }
    random_program_play(x, y, &playing);
    for (int k = 0; k < m; k++) {
        to[Q_value][k] = to[Q_value_with_vjp][k] = to[Q_value_with_jvp][k] =
            to[Q_value_with_jacobian][k] = wg_value(y[k]);
        wg_zero_adjoints(tape);
        cr_assert_eq(wg_backward_keep(y[k]), WG_OK);
        read_adjoints(x, n, to[Q_jacobian] + k * n);
        to[Q_jvp][k] = dot(to[Q_jacobian] + k * n, v, n);
    }
    if (m == 1) {
        memcpy(to[Q_gradient], to[Q_jacobian], (size_t)n * sizeof(double));
    }
    const wg_var sum = weighted(y, w, m);
    wg_zero_adjoints(tape);
    cr_assert_eq(wg_backward_keep(sum), WG_OK);
    read_adjoints(x, n, to[Q_vjp]);
    for (int i = 0; i < n; i++) {
        slope[i] = wg_number(0);
    }
    if (sum.tape != NULL) {
        cr_assert_eq(wg_grad(sum, x, n, slope), WG_OK, "%s", wg_tape_message(tape));
    }
    for (int i = 0; i < n; i++) {
        wg_zero_adjoints(tape);
        cr_assert_eq(wg_backward_keep(slope[i]), WG_OK);
        read_adjoints(x, n, to[Q_hessian] + i * n);
        to[Q_hvp][i] = dot(to[Q_hessian] + i * n, v, n);
    }
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
}

void results_at(const subject *s, const results *r, int p, double **to) {
    for (int q = 0; q < QUANTITY_COUNT; q++) {
        to[q] = r->of[q] + p * quantity_length((quantity)q, s->n, s->m);
    }
}

void play_on_tape(const subject *s, double perturbation, uint64_t stream, results *r) {
    wg_tape *tape = wg_tape_new();
    for (int p = 0; p < s->points; p++) {
        double *to[QUANTITY_COUNT];
        results_at(s, r, p, to);
        on_tape(s, tape, (random_playing){s->program, perturbation, stream}, p, to);
    }
    wg_tape_free(tape);
}
