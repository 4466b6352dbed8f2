/* matmul.c: the matrix product of the library beside OpenBLAS and oneDNN, in one alternating run.
 *
 *     matmul [threads] [milliseconds a shape] [part of the shape's name]
 *
 * GFLOP/s from the fastest of the repeats, and its share of the fused multiply-add peak measured in
 * the same run. OpenBLAS is fair only with the right core type: OPENBLAS_CORETYPE=SkylakeX. */
#include "kernel/matmul.h"
#include "base/base.h"
#include "peaks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(WG_HAVE_OPENBLAS)
#include <cblas.h>
#endif
#if defined(WG_HAVE_ONEDNN)
#include <oneapi/dnnl/dnnl.h>
#endif

/* Row-major operands, transposed where marked; `batch` products of the same shape. */
typedef struct shape {
    const char *name;
    int batch, m, n, k;
    bool a_transposed, b_transposed, f64;
} shape;

static const shape shapes[] = {
    {"batch 1, layer 1 forward", 1, 1, 128, 784, false, true, false},
    {"batch 1, layer 1 dW", 1, 128, 784, 1, true, false, false},
    {"batch 1, layer 2 forward", 1, 1, 10, 128, false, true, false},
    {"batch 1, layer 2 dX", 1, 1, 128, 10, false, false, false},
    {"batch 64, layer 1 forward", 1, 64, 128, 784, false, true, false},
    {"batch 64, layer 1 dW", 1, 128, 784, 64, true, false, false},
    {"batch 64, layer 2 forward", 1, 64, 10, 128, false, true, false},
    {"batch 64, layer 2 dX", 1, 64, 128, 10, false, false, false},
    {"batch 64, layer 2 dW", 1, 10, 128, 64, true, false, false},
    {"batch 256, layer 1 forward", 1, 256, 1024, 784, false, true, false},
    {"batch 256, layer 1 dW", 1, 1024, 784, 256, true, false, false},
    {"batch 256, layer 2 forward", 1, 256, 1024, 1024, false, true, false},
    {"batch 256, layer 2 dX", 1, 256, 1024, 1024, false, false, false},
    {"batch 256, layer 2 dW", 1, 1024, 1024, 256, true, false, false},
    {"batch 256, layer 3 forward", 1, 256, 10, 1024, false, true, false},
    {"batch 256, layer 3 dX", 1, 256, 1024, 10, false, false, false},
    {"batch 256, layer 3 dW", 1, 10, 1024, 256, true, false, false},
    {"1024 cubed", 1, 1024, 1024, 1024, false, false, false},
    {"1024 cubed, B transposed", 1, 1024, 1024, 1024, false, true, false},
    {"32 x 128 cubed", 32, 128, 128, 128, false, false, false},
    {"96 x 64 x 64 x 32, B transposed", 96, 64, 64, 32, false, true, false},
    {"odd: 101 x 203 x 307", 1, 101, 203, 307, false, false, false},
    {"XOR: 4 x 8 x 2", 1, 4, 8, 2, false, true, false},
    {"f64 1024 cubed", 1, 1024, 1024, 1024, false, false, true},
    {"f64 256 cubed", 1, 256, 256, 256, false, false, true},
    {"f64 64 x 128 x 784, B transposed", 1, 64, 128, 784, false, true, true},
};

enum {
    OWN,
    OPENBLAS,
    ONEDNN,
    RIVALS
};

typedef struct operands {
    const shape *s;
    void *a, *b, *c;
} operands;

static void multiply_own(const operands *o) {
    const shape *s = o->s;
    const int64_t ar = s->a_transposed ? 1 : s->k, ac = s->a_transposed ? s->m : 1;
    const int64_t br = s->b_transposed ? 1 : s->n, bc = s->b_transposed ? s->k : 1;
    const int64_t am = s->m * s->k, bm = s->k * s->n, cm = s->m * s->n;
    bool done;
    if (s->f64) {
        done = wg_kernel_batch_matmul_f64(s->batch, s->m, s->n, s->k, o->a, am, ar, ac, o->b, bm,
                                          br, bc, o->c, cm, s->n, false);
    } else {
        done = wg_kernel_batch_matmul_f32(s->batch, s->m, s->n, s->k, o->a, am, ar, ac, o->b, bm,
                                          br, bc, o->c, cm, s->n, false);
    }
    if (!done) {
        exit(EXIT_FAILURE);
    }
}

static bool multiply(int rival, const operands *o) {
    if (rival == OWN) {
        multiply_own(o);
        return true;
    }
#if defined(WG_HAVE_OPENBLAS) || defined(WG_HAVE_ONEDNN)
    const shape *s = o->s;
#endif
#if defined(WG_HAVE_OPENBLAS)
    for (int i = 0; i < s->batch && rival == OPENBLAS; i++) {
        const CBLAS_TRANSPOSE at = s->a_transposed ? CblasTrans : CblasNoTrans;
        const CBLAS_TRANSPOSE bt = s->b_transposed ? CblasTrans : CblasNoTrans;
        const int lda = s->a_transposed ? s->m : s->k, ldb = s->b_transposed ? s->k : s->n;
        const int am = i * s->m * s->k, bm = i * s->k * s->n, cm = i * s->m * s->n;
        if (s->f64) {
            cblas_dgemm(CblasRowMajor, at, bt, s->m, s->n, s->k, 1.0, (double *)o->a + am, lda,
                        (double *)o->b + bm, ldb, 0.0, (double *)o->c + cm, s->n);
        } else {
            cblas_sgemm(CblasRowMajor, at, bt, s->m, s->n, s->k, 1.0F, (float *)o->a + am, lda,
                        (float *)o->b + bm, ldb, 0.0F, (float *)o->c + cm, s->n);
        }
    }
    if (rival == OPENBLAS) {
        return true;
    }
#endif
#if defined(WG_HAVE_ONEDNN)
    for (int i = 0; i < s->batch && rival == ONEDNN && !s->f64; i++) {
        const int lda = s->a_transposed ? s->m : s->k, ldb = s->b_transposed ? s->k : s->n;
        const int am = i * s->m * s->k, bm = i * s->k * s->n, cm = i * s->m * s->n;
        (void)dnnl_sgemm(s->a_transposed ? 'T' : 'N', s->b_transposed ? 'T' : 'N', s->m, s->n, s->k,
                         1.0F, (float *)o->a + am, lda, (float *)o->b + bm, ldb, 0.0F,
                         (float *)o->c + cm, s->n);
    }
    if (rival == ONEDNN && !s->f64) {
        return true;
    }
#endif
    return false;
}

/* Seconds of one product, from as many in a row as the clock can resolve. */
static double seconds_of(int rival, const operands *o) {
    const double flops = 2.0 * o->s->batch * o->s->m * o->s->n * o->s->k;
    const int repeats = flops > 1e7 ? 1 : flops > 1e5 ? 20 : 1000;
    const double start = wg_clock();
    for (int i = 0; i < repeats; i++) {
        if (!multiply(rival, o)) {
            return 0.0;
        }
    }
    return (wg_clock() - start) / repeats;
}

static void measure(const shape *s, double budget, double top) {
    const size_t size = s->f64 ? sizeof(double) : sizeof(float), batch = (size_t)s->batch;
    const size_t m = (size_t)s->m, n = (size_t)s->n, k = (size_t)s->k;
    operands o = {s, wg_alloc(batch * m * k * size), wg_alloc(batch * k * n * size),
                  wg_alloc(batch * m * n * size)};
    for (size_t i = 0; i < batch * m * k; i++) {
        s->f64 ? (((double *)o.a)[i] = (double)(i % 7) - 3)
               : (((float *)o.a)[i] = (float)(i % 7) - 3);
    }
    for (size_t i = 0; i < batch * k * n; i++) {
        s->f64 ? (((double *)o.b)[i] = (double)(i % 5) - 2)
               : (((float *)o.b)[i] = (float)(i % 5) - 2);
    }
    double best[RIVALS] = {1e9, 1e9, 1e9};
    const double start = wg_clock();
    for (int round = 0; round < 5 || wg_clock() - start < budget; round++) {
        for (int rival = 0; rival < RIVALS; rival++) {
            const double now = seconds_of(rival, &o);
            best[rival] = round > 0 && now < best[rival] ? now : best[rival];
        }
    }
    const double flops = 2e-9 * s->batch * s->m * s->n * s->k;
    printf("%-34s %10.2f us", s->name, best[OWN] * 1e6);
    for (int rival = 0; rival < RIVALS; rival++) {
        printf(best[rival] > 0 ? " %8.2f" : "        -", flops / best[rival]);
    }
    printf("  %5.1f %%\n", 100 * flops / best[OWN] / (s->f64 ? top / 2 : top));
    wg_free(o.a);
    wg_free(o.b);
    wg_free(o.c);
}

int main(int count, char **words) {
    const int threads = count > 1 ? atoi(words[1]) : 1;
    const double budget = 1e-3 * (count > 2 ? atof(words[2]) : 300);
#if defined(_OPENMP)
    omp_set_num_threads(threads);
#endif
#if defined(WG_HAVE_OPENBLAS)
    printf("OpenBLAS core type: %s\n", openblas_get_corename());
#endif
    const double top = bench_peak_flops(threads) * 1e-9;
    printf("%d thread(s), f32 peak %.0f GFLOP/s; GFLOP/s below\n", threads, top);
    printf("%-34s %13s %8s %8s %8s  own/peak\n", "", "own time", "own", "OpenBLAS", "oneDNN");
    for (size_t i = 0; i < WG_COUNT_OF(shapes); i++) {
        if (count < 4 || strstr(shapes[i].name, words[3]) != NULL) {
            measure(&shapes[i], budget, top);
        }
    }
    return 0;
}
