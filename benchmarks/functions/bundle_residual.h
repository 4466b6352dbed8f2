/* bundle_residual.h: the reprojection error, written once in the vocabulary of
 * ../scalar/functions.h, SIN and COS. The camera is Snavely's (N. Snavely, S. Seitz and R.
 * Szeliski, Photo tourism, 2006) as in ADBench (F. Šrajer, Z. Kukelova and A. Fitzgibbon, 2018):
 * rotation by Rodrigues' formula, perspective, two coefficients of radial distortion. */

/* out = x turned about the axis r by |r|; r ≠ 0. */
static void FN(rotate)(const NUM *r, const NUM *x, NUM *out) {
    NUM square = ADD(ADD(MUL(r[0], r[0]), MUL(r[1], r[1])), MUL(r[2], r[2]));
    NUM angle = SQRT(square), cosine = COS(angle), over = DIV(1.0, angle);
    NUM sine = SIN(angle), axis[3];
    for (int i = 0; i < 3; i++)
        axis[i] = MUL(r[i], over);
    NUM along = ADD(ADD(MUL(axis[0], x[0]), MUL(axis[1], x[1])), MUL(axis[2], x[2]));
    NUM rest = MUL(along, SUB(1.0, cosine));
    for (int i = 0; i < 3; i++) {
        const int j = (i + 1) % 3, k = (i + 2) % 3;
        NUM cross = SUB(MUL(axis[j], x[k]), MUL(axis[k], x[j]));
        out[i] = ADD(ADD(MUL(x[i], cosine), MUL(cross, sine)), MUL(axis[i], rest));
    }
}

/* x as bundle.h lists it; y: the two residuals. */
static void FN(bundle)(const NUM *x, NUM *y) {
    NUM centred[3], seen[3];
    for (int i = 0; i < 3; i++)
        centred[i] = SUB(x[11 + i], x[3 + i]);
    FN(rotate)(x, centred, seen);
    NUM p[2] = {DIV(seen[0], seen[2]), DIV(seen[1], seen[2])};
    NUM square = ADD(MUL(p[0], p[0]), MUL(p[1], p[1]));
    NUM stretch = ADD(1.0, MUL(square, ADD(x[9], MUL(x[10], square))));
    for (int i = 0; i < 2; i++) {
        NUM at = ADD(MUL(x[6], MUL(p[i], stretch)), x[7 + i]);
        y[i] = MUL(x[14], SUB(at, x[15 + i]));
    }
}
