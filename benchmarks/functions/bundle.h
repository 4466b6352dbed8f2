/* bundle.h: bundle adjustment: where camera and point say an observation should be, against where
 * it was seen. */
#ifndef WG_BENCHMARKS_FUNCTIONS_BUNDLE_H
#define WG_BENCHMARKS_FUNCTIONS_BUNDLE_H

#include "../harness.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    BUNDLE_OBSERVATIONS = 100000,
    BUNDLE_ADOLC_OBSERVATIONS = 2000, /* the first: ADOL-C goes one by one */
    /* An observation's numbers: camera (rotation 3, centre 3, focal length, principal point 2,
     * radial distortion 2), point 3, weight 1, and the measured position 2. */
    BUNDLE_INPUTS = 17,
    BUNDLE_WANTED = 15, /* derivatives: those by the measured position are of no use */
    BUNDLE_OUTPUTS = 2,
    BUNDLE_RESULTS = BUNDLE_OUTPUTS * (1 + BUNDLE_WANTED) /* residual, then its Jacobian's rows */
};

/* residual[2] and jacobian[2][BUNDLE_WANTED] of one observation; by hand. */
void bundle_jacobian_by_hand(const double *x, double *residual, double *jacobian);

/* The residuals of all observations, for what they cost by themselves: plain C. */
void bundle_residual(const double *x, double *residual);

/* An observation's result for comparison, from a Jacobian with rows of `columns`. */
void bundle_result(const double *residual, const double *jacobian, int columns, double *out);

/* `argument` is the observations, [BUNDLE_OBSERVATIONS][BUNDLE_INPUTS]. */
#ifdef WG_BENCH_ADOLC
extern const bench_contender bundle_adolc;
#endif

#ifdef __cplusplus
}
#endif

#endif
