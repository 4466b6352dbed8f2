/* bundle_by_hand.c: the Jacobian of the reprojection error as one derives it on paper. With
 * a = sin θ/θ, b = (1 − cos θ)/θ², Rodrigues' formula is R v = cos θ v + a r×v + b (r·v) r, and the
 * derivatives of cos θ, a and b by rⱼ are rⱼ times −a, (cos θ − a)/θ² and (a − 2b)/θ². */
#include "bundle.h"

#include <math.h>

#define NUM double
#define FN(name) plain_##name
#include "../scalar/plain.h"

#include "bundle_residual.h"

void bundle_residual(const double *x, double *residual) {
    plain_bundle(x, residual);
}

/* turned = R v, by_v = R, by_r[i][j] = ∂(R v)ᵢ/∂rⱼ. */
static inline void rotate(const double *r, const double *v, double *turned, double by_v[3][3],
                          double by_r[3][3]) {
    const double square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2], angle = sqrt(square);
    const double over = 1 / square, cosine = cos(angle), a = sin(angle) / angle;
    const double b = (1 - cosine) * over, dot = r[0] * v[0] + r[1] * v[1] + r[2] * v[2];
    const double by_a = (cosine - a) * over, by_b = (a - 2 * b) * over * dot;
    for (int i = 0; i < 3; i++) {
        const int j = (i + 1) % 3, k = (i + 2) % 3;
        const double cross = r[j] * v[k] - r[k] * v[j];
        const double radial = by_a * cross - a * v[i] + by_b * r[i];
        turned[i] = cosine * v[i] + a * cross + b * dot * r[i];
        by_v[i][i] = cosine + b * r[i] * r[i];
        by_v[i][j] = b * r[i] * r[j] - a * r[k];
        by_v[i][k] = b * r[i] * r[k] + a * r[j];
        by_r[i][i] = radial * r[i] + b * (dot + r[i] * v[i]);
        by_r[i][j] = radial * r[j] + a * v[k] + b * r[i] * v[j];
        by_r[i][k] = radial * r[k] - a * v[j] + b * r[i] * v[k];
    }
}

void bundle_jacobian_by_hand(const double *x, double *residual, double *jacobian) {
    const double v[3] = {x[11] - x[3], x[12] - x[4], x[13] - x[5]};
    double turned[3], by_v[3][3], by_r[3][3];
    rotate(x, v, turned, by_v, by_r);
    const double over = 1 / turned[2], p[2] = {turned[0] * over, turned[1] * over};
    const double focal = x[6], weight = x[14], square = p[0] * p[0] + p[1] * p[1];
    const double stretch = 1 + square * (x[9] + x[10] * square);
    const double slope = 2 * (x[9] + 2 * x[10] * square);
    for (int i = 0; i < 2; i++) {
        double *row = jacobian + i * BUNDLE_WANTED, by_turned[3];
        const double off = focal * stretch * p[i] + x[7 + i] - x[15 + i];
        const double scale = weight * focal, along = scale * slope * p[i];
        const double by_p[2] = {along * p[0] + (i == 0 ? scale * stretch : 0),
                                along * p[1] + (i == 1 ? scale * stretch : 0)};
        residual[i] = weight * off;
        by_turned[0] = by_p[0] * over;
        by_turned[1] = by_p[1] * over;
        by_turned[2] = -(by_p[0] * p[0] + by_p[1] * p[1]) * over;
        for (int j = 0; j < 3; j++) {
            const double by_point =
                by_turned[0] * by_v[0][j] + by_turned[1] * by_v[1][j] + by_turned[2] * by_v[2][j];
            row[j] =
                by_turned[0] * by_r[0][j] + by_turned[1] * by_r[1][j] + by_turned[2] * by_r[2][j];
            row[3 + j] = -by_point;
            row[11 + j] = by_point;
        }
        row[6] = weight * stretch * p[i];
        row[7] = i == 0 ? weight : 0;
        row[8] = i == 1 ? weight : 0;
        row[9] = scale * p[i] * square;
        row[10] = row[9] * square;
        row[14] = off;
    }
}
