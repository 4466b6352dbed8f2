/* recurrent_typed.h (internal): the cells of recurrent.c in the type T, number TYPE of each rule's
 * loops, with the matrix products PRODUCT and PRODUCT_FROM; rows [low, high) of the batch through
 * all steps. */

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAMED(name) JOIN(name, T)

static void NAMED(apply)(wg_rule_index rule, int64_t n, T *x) {
    static const ptrdiff_t one[WG_LOOP_INPUTS] = {1, 1, 1, 1, 1};
    const void *const in[WG_LOOP_INPUTS] = {x, x, x, x, x};
    wg_kernel_rule_loops()[rule].value[TYPE]((size_t)n, in, one, x);
}

/* The step before t of `steps`, or `first` where there is none. */
static const T *NAMED(before)(const wg_recurrent *r, const void *steps, const void *first,
                              int64_t t) {
    return t == 0 ? first : (const T *)steps + (t - 1) * r->batch * r->hidden;
}

/* ---- LSTM ---------------------------------------------------------------------------------- */

/* One row: the gates' functions, then c = f c + i g and h = o tanh(c). */
static void NAMED(lstm_row)(int64_t n, T *restrict kept, const T *restrict before, T *restrict c,
                            T *restrict h) {
    T *i = kept, *f = kept + n, *g = kept + 2 * n, *o = kept + 3 * n, *tanh_c = kept + 4 * n;
    NAMED(apply)(WG_RULE_sigmoid, 2 * n, i);
    NAMED(apply)(WG_RULE_tanh, n, g);
    NAMED(apply)(WG_RULE_sigmoid, n, o);
    for (int64_t k = 0; k < n; k++) {
        c[k] = f[k] * before[k] + i[k] * g[k];
        tanh_c[k] = c[k];
    }
    NAMED(apply)(WG_RULE_tanh, n, tanh_c);
    for (int64_t k = 0; k < n; k++) {
        h[k] = o[k] * tanh_c[k];
    }
}

static bool NAMED(lstm)(const wg_recurrent *r, int64_t low, int64_t high) {
    const int64_t n = r->hidden, width = WG_LSTM_KEPT * n;
    bool done = true;
    for (int64_t t = 0; t < r->steps && done; t++) {
        T *kept = (T *)r->kept + t * r->kept_step;
        const T *in = (const T *)r->gates_in + t * r->batch * 4 * n;
        const T *h = NAMED(before)(r, r->h, r->h0, t), *c = NAMED(before)(r, r->c, r->c0, t);
        done = PRODUCT_FROM(high - low, 4 * n, n, h + low * n, n, 1, r->turned, 4 * n, 1,
                            in + low * 4 * n, 4 * n, kept + low * width, width);
        for (int64_t row = low; row < high; row++) {
            const int64_t at = t * r->batch * n + row * n;
            NAMED(lstm_row)
            (n, kept + row * width, c + row * n, (T *)r->c + at, (T *)r->h + at);
        }
    }
    return done;
}

/* One row backward: dh and dc come in, dc goes on to the step before, d is the gates' adjoint. */
static void NAMED(lstm_row_chain)(int64_t n, const T *restrict kept, const T *restrict before,
                                  const T *restrict dh, T *restrict dc, T *restrict d) {
    const T *i = kept, *f = kept + n, *g = kept + 2 * n, *o = kept + 3 * n, *tanh_c = kept + 4 * n;
    for (int64_t k = 0; k < n; k++) {
        const T s = dc[k] + dh[k] * o[k] * (1 - tanh_c[k] * tanh_c[k]);
        d[k] = s * g[k] * i[k] * (1 - i[k]);
        d[n + k] = s * before[k] * f[k] * (1 - f[k]);
        d[2 * n + k] = s * i[k] * (1 - g[k] * g[k]);
        d[3 * n + k] = dh[k] * tanh_c[k] * o[k] * (1 - o[k]);
        dc[k] = s * f[k];
    }
}

static void NAMED(add)(int64_t n, const T *restrict from, T *restrict to) {
    for (int64_t k = 0; k < n; k++) {
        to[k] += from[k];
    }
}

static bool NAMED(lstm_chain)(const wg_recurrent *r, int64_t low, int64_t high) {
    const int64_t n = r->hidden, rows = high - low, width = WG_LSTM_KEPT * n;
    T *dh = (T *)r->h0_adjoint + low * n, *dc = (T *)r->c0_adjoint + low * n;
    bool done = true;
    memset(dh, 0, (size_t)(rows * n) * sizeof(T));
    memset(dc, 0, (size_t)(rows * n) * sizeof(T));
    for (int64_t t = r->steps - 1; t >= 0 && done; t--) {
        const int64_t at = (t * r->batch + low) * n;
        const T *c = NAMED(before)(r, r->c, r->c0, t) + low * n;
        const T *kept = (const T *)r->kept + t * r->kept_step + low * width;
        T *d = (T *)r->in_adjoint + 4 * at;
        NAMED(add)(rows * n, (const T *)r->h_adjoint + at, dh);
        NAMED(add)(rows * n, (const T *)r->c_adjoint + at, dc);
        for (int64_t row = 0; row < rows; row++) {
            NAMED(lstm_row_chain)
            (n, kept + row * width, c + row * n, dh + row * n, dc + row * n, d + row * 4 * n);
        }
        done = PRODUCT(rows, n, 4 * n, d, 4 * n, 1, r->weight, n, 1, dh, n, false);
    }
    return done;
}

/* ---- GRU ----------------------------------------------------------------------------------- */

/* One row: `kept` holds W h + b as r, z, and in the fourth place n's part. */
static void NAMED(gru_row)(int64_t n, const T *restrict in, T *restrict kept,
                           const T *restrict before, T *restrict h) {
    T *r = kept, *z = kept + n, *candidate = kept + 2 * n, *part = kept + 3 * n;
    for (int64_t k = 0; k < 2 * n; k++) {
        kept[k] += in[k];
    }
    NAMED(apply)(WG_RULE_sigmoid, 2 * n, kept);
    for (int64_t k = 0; k < n; k++) {
        candidate[k] = in[2 * n + k] + r[k] * part[k];
    }
    NAMED(apply)(WG_RULE_tanh, n, candidate);
    for (int64_t k = 0; k < n; k++) {
        h[k] = candidate[k] + z[k] * (before[k] - candidate[k]);
    }
}

/* r and z of all rows, then n's part, as two products into places `width` apart. */
static bool NAMED(gru_products)(const wg_recurrent *r, int64_t rows, const T *h, T *kept) {
    const int64_t n = r->hidden, width = WG_GRU_KEPT * n;
    const T *turned = r->turned, *bias = r->bias;
    return PRODUCT_FROM(rows, 2 * n, n, h, n, 1, turned, 3 * n, 1, bias, 0, kept, width) &&
           PRODUCT_FROM(rows, n, n, h, n, 1, turned + 2 * n, 3 * n, 1,
                        bias != NULL ? bias + 2 * n : NULL, 0, kept + 3 * n, width);
}

static bool NAMED(gru)(const wg_recurrent *r, int64_t low, int64_t high) {
    const int64_t n = r->hidden, width = WG_GRU_KEPT * n;
    bool done = true;
    for (int64_t t = 0; t < r->steps && done; t++) {
        T *kept = (T *)r->kept + t * r->kept_step;
        const T *in = (const T *)r->gates_in + t * r->batch * 3 * n;
        const T *h = NAMED(before)(r, r->h, r->h0, t);
        done = NAMED(gru_products)(r, high - low, h + low * n, kept + low * width);
        for (int64_t row = low; row < high; row++) {
            NAMED(gru_row)
            (n, in + row * 3 * n, kept + row * width, h + row * n,
             (T *)r->h + (t * r->batch + row) * n);
        }
    }
    return done;
}

/* One row backward: dh comes in and goes on; d is the adjoint of gates_in, `part` of W h + b. */
static void NAMED(gru_row_chain)(int64_t n, const T *restrict kept, const T *restrict before,
                                 T *restrict dh, T *restrict d, T *restrict part) {
    const T *r = kept, *z = kept + n, *candidate = kept + 2 * n, *product = kept + 3 * n;
    for (int64_t k = 0; k < n; k++) {
        const T dn = dh[k] * (1 - z[k]) * (1 - candidate[k] * candidate[k]);
        const T dr = dn * product[k] * r[k] * (1 - r[k]);
        const T dz = dh[k] * (before[k] - candidate[k]) * z[k] * (1 - z[k]);
        d[k] = part[k] = dr;
        d[n + k] = part[n + k] = dz;
        d[2 * n + k] = dn;
        part[2 * n + k] = dn * r[k];
        dh[k] *= z[k];
    }
}

static bool NAMED(gru_chain)(const wg_recurrent *r, int64_t low, int64_t high) {
    const int64_t n = r->hidden, rows = high - low, width = WG_GRU_KEPT * n;
    T *dh = (T *)r->h0_adjoint + low * n;
    bool done = true;
    memset(dh, 0, (size_t)(rows * n) * sizeof(T));
    for (int64_t t = r->steps - 1; t >= 0 && done; t--) {
        const int64_t at = (t * r->batch + low) * n;
        const T *h = NAMED(before)(r, r->h, r->h0, t) + low * n;
        const T *kept = (const T *)r->kept + t * r->kept_step + low * width;
        T *d = (T *)r->in_adjoint + 3 * at, *part = (T *)r->part_adjoint + 3 * at;
        NAMED(add)(rows * n, (const T *)r->h_adjoint + at, dh);
        for (int64_t row = 0; row < rows; row++) {
            NAMED(gru_row_chain)
            (n, kept + row * width, h + row * n, dh + row * n, d + row * 3 * n, part + row * 3 * n);
        }
        done = PRODUCT(rows, n, 3 * n, part, 3 * n, 1, r->weight, n, 1, dh, n, true);
    }
    return done;
}

/* ---- Plain --------------------------------------------------------------------------------- */

static bool NAMED(rnn)(const wg_recurrent *r, int64_t low, int64_t high) {
    const int64_t n = r->hidden, rows = high - low;
    const wg_rule_index rule = r->relu ? WG_RULE_relu : WG_RULE_tanh;
    bool done = true;
    for (int64_t t = 0; t < r->steps && done; t++) {
        const int64_t at = (t * r->batch + low) * n;
        const T *before = NAMED(before)(r, r->h, r->h0, t) + low * n;
        T *h = (T *)r->h + at;
        memcpy(h, (const T *)r->gates_in + at, (size_t)(rows * n) * sizeof(T));
        done = PRODUCT(rows, n, n, before, n, 1, r->turned, n, 1, h, n, true);
        NAMED(apply)(rule, rows * n, h);
    }
    return done;
}

static bool NAMED(rnn_chain)(const wg_recurrent *r, int64_t low, int64_t high) {
    const int64_t n = r->hidden, rows = high - low;
    T *dh = (T *)r->h0_adjoint + low * n;
    bool done = true;
    memset(dh, 0, (size_t)(rows * n) * sizeof(T));
    for (int64_t t = r->steps - 1; t >= 0 && done; t--) {
        const int64_t at = (t * r->batch + low) * n;
        const T *restrict h = (const T *)r->h + at;
        T *restrict d = (T *)r->in_adjoint + at;
        NAMED(add)(rows * n, (const T *)r->h_adjoint + at, dh);
        for (int64_t k = 0; k < rows * n; k++) {
            const T slope = r->relu ? (T)(h[k] > 0) : 1 - h[k] * h[k];
            d[k] = dh[k] * slope;
        }
        done = PRODUCT(rows, n, n, d, n, 1, r->weight, n, 1, dh, n, false);
    }
    return done;
}

#undef JOIN2
#undef JOIN
#undef NAMED
#undef T
#undef TYPE
#undef PRODUCT
#undef PRODUCT_FROM
