/* constrained: a hanging chain, by NLopt with derivatives from recorded functions.
 *
 * A chain of 60 rigid links hangs between two points and minimises its potential energy. The
 * joints' coordinates are the unknowns; that each link keeps its length is a constraint. NLopt's
 * sequential quadratic programming (SLSQP; D. Kraft 1994) asks for the energy with its gradient,
 * and for all constraints with their Jacobian, of which a row holds four numbers: the two joints of
 * a link. The recorded constraints know that, and give these numbers alone.
 *
 * In equilibrium the pull along the chain has the same horizontal part everywhere, and its vertical
 * part grows from link to link by a link's weight, so that the slopes are an arithmetic
 * progression. That leaves two unknowns, for Newton's method to find. Where links are short, it is
 * a catenary.
 *
 *     constrained [--short] */
#include <nlopt.h>
#include <wengert.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINKS = 60,
    JOINTS = LINKS - 1,
    UNKNOWN = 2 * JOINTS, /* x and y of each joint in turn */
    MOST_EVALUATIONS = 2000
};

static const double length = 2, width = 1, height = 0.3; /* from (0, 0) to (width, height) */
static const double link = 2.0 / LINKS;

/* Joint i of 0 ... LINKS: the two ends are nailed. */
static wg_var coordinate(const wg_var *x, int i, int axis) {
    if (i == 0 || i == LINKS) {
        return wg_number(i == 0 ? 0 : axis == 0 ? width : height);
    }
    return x[2 * (i - 1) + axis];
}

/* The energy of a chain of weight 1: the mean height of its links. */
static void energy(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_number(0);
    for (int i = 0; i < LINKS; i++) {
        y[0] = wg_add(y[0], wg_add(coordinate(x, i, 1), coordinate(x, i + 1, 1)));
    }
    y[0] = wg_div(y[0], 2 * LINKS);
}

/* Of each link the square of its length, in units of what it should be, less one. */
static void stretches(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    for (int i = 0; i < LINKS; i++) {
        wg_var across = wg_sub(coordinate(x, i + 1, 0), coordinate(x, i, 0));
        wg_var up = wg_sub(coordinate(x, i + 1, 1), coordinate(x, i, 1));
        y[i] = wg_sub(wg_div(wg_add(wg_square(across), wg_square(up)), link * link), 1);
    }
}

/* ---- What NLopt asks for --------------------------------------------------------------------- */

typedef struct chain {
    nlopt_opt solver;
    wg_function *energy, *stretches;
    wg_sparse *jacobian;
    double *entries; /* of the Jacobian, as they stand in its pattern */
    int evaluations;
    wg_status status;
} chain;

/* A callback cannot fail: it notes what happened, and stops the solver. */
static void note(chain *c, wg_status status) {
    if (status != WG_OK && c->status == WG_OK) {
        c->status = status;
        (void)nlopt_force_stop(c->solver);
    }
}

static double objective(unsigned n, const double *x, double *gradient, void *data) {
    (void)n;
    chain *c = data;
    double value = NAN;
    c->evaluations++;
    note(c, gradient == NULL ? wg_function_value(c->energy, 1, x, &value)
                             : wg_function_gradient(c->energy, 1, x, &value, gradient));
    return value;
}

/* NLopt wants the Jacobian [m, n] in full, which we fill from its nonzeros. */
static void constraints(unsigned m, double *value, unsigned n, const double *x, double *jacobian,
                        void *data) {
    chain *c = data;
    note(c, wg_function_value(c->stretches, 1, x, value));
    if (jacobian != NULL) {
        const wg_pattern *pattern = wg_sparse_pattern(c->jacobian);
        note(c, wg_sparse_values(c->jacobian, 1, x, NULL, c->entries));
        memset(jacobian, 0, (size_t)m * n * sizeof *jacobian);
        for (int64_t e = 0; e < pattern->count; e++) {
            jacobian[pattern->row[e] * n + pattern->column[e]] = c->entries[e];
        }
    }
}

static wg_status set_up(chain *c) {
    const wg_function_options options = wg_function_defaults();
    c->energy = wg_function_record(energy, NULL, UNKNOWN, 1, NULL, options);
    c->stretches = wg_function_record(stretches, NULL, UNKNOWN, LINKS, NULL, options);
    if (c->energy == NULL || c->stretches == NULL) {
        return WG_ERROR_MEMORY;
    }
    c->jacobian = wg_function_sparse_jacobian(c->stretches, wg_sparse_defaults());
    if (c->jacobian == NULL) {
        return WG_ERROR_MEMORY;
    }
    const int64_t count = wg_sparse_pattern(c->jacobian)->count;
    c->entries = malloc((size_t)count * sizeof *c->entries);
    c->solver = nlopt_create(NLOPT_LD_SLSQP, UNKNOWN);
    printf("%d unknowns, %d constraints; the Jacobian has %lld nonzeros of %d\n", UNKNOWN, LINKS,
           (long long)count, UNKNOWN * LINKS);
    return c->entries == NULL || c->solver == NULL ? WG_ERROR_MEMORY : WG_OK;
}

/* Lets the chain fall from a parabola that is too short for it. */
static bool solve(chain *c, double *x, double *least) {
    double tolerances[LINKS];
    for (int i = 0; i < LINKS; i++) {
        tolerances[i] = 1e-10;
    }
    for (int i = 1; i <= JOINTS; i++) {
        const double t = (double)i / LINKS;
        x[2 * (i - 1)] = width * t;
        x[2 * (i - 1) + 1] = height * t - 2 * t * (1 - t);
    }
    bool ready = nlopt_set_min_objective(c->solver, objective, c) > 0 &&
                 nlopt_add_equality_mconstraint(c->solver, LINKS, constraints, c, tolerances) > 0 &&
                 nlopt_set_xtol_rel(c->solver, 1e-10) > 0 &&
                 nlopt_set_maxeval(c->solver, MOST_EVALUATIONS) > 0;
    nlopt_result result = ready ? nlopt_optimize(c->solver, x, least) : NLOPT_FAILURE;
    printf("SLSQP: %s after %d evaluations, energy %.9f\n\n", nlopt_result_to_string(result),
           c->evaluations, *least);
    return result > 0 && result != NLOPT_MAXEVAL_REACHED && c->status == WG_OK;
}

/* ---- What must come out ---------------------------------------------------------------------- */

/* The catenary y = a cosh((x - x0) / a) + y0 through both ends, by its length. */
typedef struct catenary {
    double a, x0, y0;
} catenary;

static catenary hang(void) {
    catenary c;
    double low = 0.01 * width, high = 100 * width; /* 2 a sinh(width / 2a) falls with a */
    for (int i = 0; i < 100; i++) {
        c.a = 0.5 * (low + high);
        bool slack = 2 * c.a * sinh(width / (2 * c.a)) > sqrt(length * length - height * height);
        *(slack ? &low : &high) = c.a;
    }
    c.x0 = width / 2 - c.a * atanh(height / length);
    c.y0 = -c.a * cosh(c.x0 / c.a);
    return c;
}

/* Where the last joint is, less where the nail is: u = {c, eta}, the slope of link i (i - c) / eta.
 */
static void miss(const wg_var *u, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_number(-width);
    y[1] = wg_number(-height);
    for (int i = 0; i < LINKS; i++) {
        wg_var slope = wg_div(wg_sub(i, u[0]), u[1]);
        wg_var across = wg_div(link, wg_sqrt(wg_add(1, wg_square(slope))));
        y[0] = wg_add(y[0], across);
        y[1] = wg_add(y[1], wg_mul(across, slope));
    }
}

/* The equilibrium of the chain of links, by Newton's method from the catenary. */
static wg_status equilibrium(const catenary *from, double *x) {
    const double before =
        from->a * sinh(from->x0 / from->a); /* the length up to the lowest point */
    double u[2] = {before / link - 0.5, from->a / link}, y[2], J[4];
    wg_function *fn = wg_function_record(miss, NULL, 2, 2, u, wg_function_defaults());
    wg_status status = fn == NULL ? WG_ERROR_MEMORY : WG_OK;
    for (int step = 0; step < 10 && status == WG_OK; step++) {
        status = wg_function_jacobian(fn, 1, u, y, J);
        const double determinant = J[0] * J[3] - J[1] * J[2];
        u[0] -= (J[3] * y[0] - J[1] * y[1]) / determinant;
        u[1] -= (J[0] * y[1] - J[2] * y[0]) / determinant;
    }
    double across = 0, up = 0;
    for (int i = 0; i < JOINTS; i++) {
        const double slope = (i - u[0]) / u[1];
        x[2 * i] = across += link / sqrt(1 + slope * slope);
        x[2 * i + 1] = up += link * slope / sqrt(1 + slope * slope);
    }
    wg_function_free(fn);
    return status;
}

/* The greatest distance of a joint from where it should be, and from the catenary at the same
 * length along it; the greatest stretch. NaN counts. */
typedef struct errors {
    double joints, catenary, stretch;
} errors;

static double worse(double worst, double error) {
    return error <= worst ? worst : isnan(error) ? HUGE_VAL : error;
}

static wg_status measure(const chain *c, const double *x, const catenary *k, errors *out) {
    double exact[UNKNOWN], stretch[LINKS];
    *out = (errors){0, 0, 0};
    wg_status status = equilibrium(k, exact);
    status = status == WG_OK ? wg_function_value(c->stretches, 1, x, stretch) : status;
    for (int i = 0; i < LINKS && status == WG_OK; i++) {
        out->stretch = worse(out->stretch, fabs(stretch[i]));
    }
    for (int i = 0; i < JOINTS; i++) {
        const double along = (i + 1) * link - k->a * sinh(k->x0 / k->a);
        const double across = k->x0 + k->a * asinh(along / k->a), up = hypot(k->a, along) + k->y0;
        const double *at = &x[2 * i];
        out->joints = worse(out->joints, hypot(at[0] - exact[2 * i], at[1] - exact[2 * i + 1]));
        out->catenary = worse(out->catenary, hypot(at[0] - across, at[1] - up));
    }
    return status;
}

static wg_status draw(const double *x, const catenary *k, const char *path) {
    wg_plot_options options = {.title = "A chain of 60 links", .width = 480, .height = 640};
    wg_plot *plot;
    wg_status status = wg_plot_new(options, &plot);
    for (int i = 0; i <= LINKS && status == WG_OK; i++) {
        const double across = width * i / LINKS;
        status =
            wg_plot_point(plot, "catenary", across, k->a * cosh((across - k->x0) / k->a) + k->y0);
    }
    for (int i = 0; i < JOINTS && status == WG_OK; i++) { /* a cross, then a gap */
        const double u = x[2 * i], v = x[2 * i + 1], h = 0.006;
        const double across[] = {u - h, u + h, NAN, u, u, NAN},
                     up[] = {v, v, NAN, v - h, v + h, NAN};
        status = wg_plot_points(plot, "joints", 6, across, up);
    }
    status = status == WG_OK ? wg_plot_write(plot, path) : status;
    wg_plot_free(plot);
    return status;
}

int main(void) { /* --short changes nothing: it takes a second */
    chain c = {.status = WG_OK};
    double x[UNKNOWN], least = NAN;
    const catenary k = hang();
    errors e = {HUGE_VAL, HUGE_VAL, HUGE_VAL};
    wg_status status = set_up(&c);
    bool solved = status == WG_OK && solve(&c, x, &least);
    status = status == WG_OK ? c.status : status;
    status = status == WG_OK && solved ? measure(&c, x, &k, &e) : status;
    status = status == WG_OK && solved ? draw(x, &k, "constrained.svg") : status;
    if (status != WG_OK) {
        fprintf(stderr, "constrained: %s: %s\n", wg_status_text(status), wg_last_message());
    }
    printf("greatest stretch of a link      %.1e\n"
           "joints, off their equilibrium   %.1e\n"
           "joints, off the catenary        %.1e\n\n",
           e.stretch, e.joints, e.catenary);
    bool held = status == WG_OK && e.stretch <= 1e-9 && e.joints <= 1e-6 && e.catenary <= 1e-3;
    printf("%s\n", held ? "The chain hangs as it should. It is in constrained.svg"
                        : "FAILED: the chain is not where it should be.");
    nlopt_destroy(c.solver);
    free(c.entries);
    wg_sparse_free(c.jacobian);
    wg_function_free(c.stretches);
    wg_function_free(c.energy);
    return held ? 0 : 1;
}
