/* krylov.c: linear systems by products alone: GMRES, BiCGStab, conjugate gradients. */
#include "transform/linear.h"

#include <math.h>
#include <string.h>

static double dot(int64_t n, const double *a, const double *b) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static double norm(int64_t n, const double *a) {
    return sqrt(dot(n, a, a));
}

/* y += c·x */
static void add(int64_t n, double c, const double *x, double *y) {
    for (int64_t i = 0; i < n; i++) {
        y[i] += c * x[i];
    }
}

static void scale(int64_t n, double c, double *x) {
    for (int64_t i = 0; i < n; i++) {
        x[i] *= c;
    }
}

static int most(const wg_linear_system *system) {
    return system->iterations > 0 ? system->iterations : 1000;
}

static int basis(const wg_linear_system *system, int64_t n) {
    const int asked = system->restart > 0 ? system->restart : 50;
    return n < asked ? (int)n : asked;
}

size_t wg_krylov_space(const wg_linear_system *system, int64_t n) {
    const size_t m = (size_t)basis(system, n), size = (size_t)n;
    return system->solver == WG_SOLVER_CG         ? 3 * size
           : system->solver == WG_SOLVER_BICGSTAB ? 5 * size
                                                  : (m + 2) * size + (m + 1) * m + 4 * (m + 1);
}

/* ---- GMRES -------------------------------------------------------------------------------------
 */

/* One stretch between restarts: its basis, the triangular factor of its Hessenberg matrix, the
 * rotations that made it, and the right side they have turned. */
typedef struct stretch {
    int m;
    double *v, *h, *cosine, *sine, *side, *y;
} stretch;

/* Column k of the factor: the rotations of before, and one that zeroes what lies below. */
static void rotate(stretch *s, int k, double below) {
    double *column = s->h + (int64_t)k * (s->m + 1);
    for (int i = 0; i < k; i++) {
        const double a = column[i], b = column[i + 1];
        column[i] = s->cosine[i] * a + s->sine[i] * b;
        column[i + 1] = s->cosine[i] * b - s->sine[i] * a;
    }
    const double length = hypot(column[k], below);
    s->cosine[k] = length > 0 ? column[k] / length : 1;
    s->sine[k] = length > 0 ? below / length : 0;
    column[k] = length;
    s->side[k + 1] = -s->sine[k] * s->side[k];
    s->side[k] *= s->cosine[k];
}

/* x += V·y with the triangular factor's y. */
static void update(const stretch *s, int k, int64_t n, double *x) {
    for (int i = k - 1; i >= 0; i--) {
        double sum = s->side[i];
        for (int j = i + 1; j < k; j++) {
            sum -= s->h[(int64_t)j * (s->m + 1) + i] * s->y[j];
        }
        const double diagonal = s->h[(int64_t)i * (s->m + 1) + i];
        s->y[i] = diagonal != 0 ? sum / diagonal : 0;
    }
    for (int i = 0; i < k; i++) {
        add(n, s->y[i], s->v + i * n, x);
    }
}

static wg_solved gmres(const wg_linear_system *system, const wg_product *p, const double *b,
                       double *x, double *space, wg_solve_report *report) {
    const int64_t n = p->n;
    const int m = basis(system, n);
    const double goal = system->tolerance * norm(n, b);
    stretch s = {.m = m, .v = space, .h = space + (m + 2) * n};
    s.cosine = s.h + (int64_t)(m + 1) * m;
    s.sine = s.cosine + m + 1;
    s.side = s.sine + m + 1;
    s.y = s.side + m + 1;
    double *const w = space + (m + 1) * n;
    for (;;) {
        if (!p->apply(p->context, x, w)) {
            return WG_SOLVED_BROKE;
        }
        for (int64_t i = 0; i < n; i++) {
            s.v[i] = b[i] - w[i];
        }
        double rest = norm(n, s.v);
        report->residual = rest;
        if (rest <= goal || !(report->iterations < most(system)) || !isfinite(rest)) {
            return rest <= goal ? WG_SOLVED : WG_SOLVED_NOT;
        }
        scale(n, 1 / rest, s.v);
        s.side[0] = rest;
        int k = 0;
        for (; k < m && rest > goal && report->iterations < most(system); k++) {
            double *const next = s.v + (k + 1) * n, *const column = s.h + (int64_t)k * (m + 1);
            if (!p->apply(p->context, s.v + k * n, next)) {
                return WG_SOLVED_BROKE;
            }
            memset(column, 0, (size_t)(m + 1) * sizeof *column);
            for (int again = 0; again < 2; again++) { /* twice is enough */
                for (int i = 0; i <= k; i++) {
                    const double part = dot(n, next, s.v + i * n);
                    column[i] += part;
                    add(n, -part, s.v + i * n, next);
                }
            }
            const double below = norm(n, next);
            if (below > 0) {
                scale(n, 1 / below, next);
            }
            rotate(&s, k, below);
            rest = fabs(s.side[k + 1]);
            report->iterations++;
        }
        update(&s, k, n, x);
    }
}

/* ---- BiCGStab ----------------------------------------------------------------------------------
 */

static wg_solved bicgstab(const wg_linear_system *system, const wg_product *product,
                          const double *b, double *x, double *space, wg_solve_report *report) {
    const int64_t n = product->n;
    const double goal = system->tolerance * norm(n, b);
    double *const r = space, *const shadow = r + n, *const p = shadow + n, *const v = p + n,
                  *const t = v + n;
    double rho = 1, alpha = 1, omega = 1;
    memcpy(r, b, (size_t)n * sizeof *r);
    memcpy(shadow, b, (size_t)n * sizeof *r);
    memset(p, 0, 2 * (size_t)n * sizeof *p);
    for (;; report->iterations++) {
        report->residual = norm(n, r);
        if (report->residual <= goal || report->iterations >= most(system) ||
            !isfinite(report->residual)) {
            return report->residual <= goal ? WG_SOLVED : WG_SOLVED_NOT;
        }
        const double before = rho;
        rho = dot(n, shadow, r);
        const double beta = rho / before * (alpha / omega);
        for (int64_t i = 0; i < n; i++) {
            p[i] = r[i] + beta * (p[i] - omega * v[i]);
        }
        if (!product->apply(product->context, p, v)) {
            return WG_SOLVED_BROKE;
        }
        alpha = rho / dot(n, shadow, v);
        add(n, alpha, p, x);
        add(n, -alpha, v, r);
        if (norm(n, r) <= goal) {
            continue;
        }
        if (!product->apply(product->context, r, t)) {
            return WG_SOLVED_BROKE;
        }
        omega = dot(n, t, r) / dot(n, t, t);
        add(n, omega, r, x);
        add(n, -omega, t, r);
    }
}

/* ---- Conjugate gradients -----------------------------------------------------------------------
 */

static wg_solved conjugate_gradients(const wg_linear_system *system, const wg_product *product,
                                     const double *b, double *x, double *space,
                                     wg_solve_report *report) {
    const int64_t n = product->n;
    const double goal = system->tolerance * norm(n, b);
    double *const r = space, *const p = r + n, *const q = p + n;
    memcpy(r, b, (size_t)n * sizeof *r);
    memcpy(p, b, (size_t)n * sizeof *p);
    double rho = dot(n, r, r);
    for (;; report->iterations++) {
        report->residual = sqrt(rho);
        if (report->residual <= goal || report->iterations >= most(system) || !isfinite(rho)) {
            return report->residual <= goal ? WG_SOLVED : WG_SOLVED_NOT;
        }
        if (!product->apply(product->context, p, q)) {
            return WG_SOLVED_BROKE;
        }
        const double alpha = rho / dot(n, p, q);
        add(n, alpha, p, x);
        add(n, -alpha, q, r);
        const double before = rho;
        rho = dot(n, r, r);
        for (int64_t i = 0; i < n; i++) {
            p[i] = r[i] + rho / before * p[i];
        }
    }
}

wg_solved wg_krylov_solve(const wg_linear_system *system, const wg_product *product,
                          const double *b, double *x, double *space, wg_solve_report *report) {
    const double length = norm(product->n, b);
    memset(x, 0, (size_t)product->n * sizeof *x);
    *report = (wg_solve_report){0, 0};
    if (length == 0) {
        return WG_SOLVED;
    }
    const wg_solved solved =
        (system->solver == WG_SOLVER_CG         ? conjugate_gradients
         : system->solver == WG_SOLVER_BICGSTAB ? bicgstab
                                                : gmres)(system, product, b, x, space, report);
    report->residual /= length;
    return solved;
}
