/* einsum against one loop over all letters, values and gradients; the order of its products; dot,
 * outer, inner, kron, tensordot. */
#include "arrays.h"

#include "wengert.h"

#define LETTERS 6
#define OPERANDS 7

/* ---- Random subscripts against a loop ------------------------------------------------------- */

static uint32_t next_random(uint32_t *state, uint32_t below) {
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 10) % below;
}

typedef struct problem {
    int operands, rank[OPERANDS + 1];      /* the last is the result */
    int letter[OPERANDS + 1][WG_MAX_RANK]; /* of each axis */
    int64_t size[LETTERS], shape[OPERANDS + 1][WG_MAX_RANK], count[OPERANDS + 1];
    double value[OPERANDS + 1][MOST], gradient[OPERANDS][MOST];
    char text[128];
} problem;

static void finish_array(problem *p, int i) {
    p->count[i] = 1;
    for (int k = 0; k < p->rank[i]; k++) {
        p->shape[i][k] = p->size[p->letter[i][k]];
        p->count[i] *= p->shape[i][k];
    }
}

static void draw(problem *p, uint32_t *state) {
    bool used[LETTERS] = {false}, out[LETTERS] = {false};
    char *to = p->text;
    p->operands = 1 + (int)next_random(state, OPERANDS);
    for (int i = 0; i < LETTERS; i++) {
        p->size[i] = 1 + next_random(state, 3);
    }
    for (int i = 0; i < p->operands; i++) {
        p->rank[i] = (int)next_random(state, 5);
        for (int k = 0; k < p->rank[i]; k++) {
            p->letter[i][k] = (int)next_random(state, LETTERS);
            used[p->letter[i][k]] = true;
            *to++ = (char)('f' - p->letter[i][k]);
        }
        *to++ = ',';
        finish_array(p, i);
    }
    to[-1] = '-';
    *to++ = '>';
    int *rank = &p->rank[p->operands];
    *rank = 0;
    for (int tries = 0; tries < 5; tries++) {
        const int letter = (int)next_random(state, LETTERS);
        if (used[letter] && !out[letter]) {
            out[letter] = true;
            p->letter[p->operands][(*rank)++] = letter;
            *to++ = (char)('f' - letter);
        }
    }
    *to = 0;
    finish_array(p, p->operands);
    for (int i = 0; i < p->operands; i++) {
        for (int64_t k = 0; k < p->count[i]; k++) {
            p->value[i][k] = ((double)next_random(state, 64) - 32) / 16;
        }
    }
}

static int64_t place(const problem *p, int i, const int64_t *index) {
    int64_t at = 0;
    for (int k = 0; k < p->rank[i]; k++) {
        at = at * p->shape[i][k] + index[p->letter[i][k]];
    }
    return at;
}

static double weight(int64_t i) {
    return 1 + (double)(i % 5) / 4;
}

/* The value, and the gradients of its weighted sum. */
static void naive(problem *p) {
    int64_t index[LETTERS] = {0}, size[LETTERS] = {1, 1, 1, 1, 1, 1}, total = 1;
    for (int i = 0; i < p->operands; i++) {
        memset(p->gradient[i], 0, sizeof p->gradient[i]);
        for (int k = 0; k < p->rank[i]; k++) {
            size[p->letter[i][k]] = p->shape[i][k];
        }
    }
    memset(p->value[p->operands], 0, sizeof p->value[0]);
    for (int i = 0; i < LETTERS; i++) {
        total *= size[i];
    }
    for (int64_t flat = 0; flat < total; flat++) {
        int64_t rest = flat;
        for (int i = 0; i < LETTERS; i++) {
            index[i] = rest % size[i];
            rest /= size[i];
        }
        const int64_t to = place(p, p->operands, index);
        double product = 1;
        for (int i = 0; i < p->operands; i++) {
            double others = 1;
            for (int k = 0; k < p->operands; k++) {
                others *= k == i ? 1 : p->value[k][place(p, k, index)];
            }
            product *= p->value[i][place(p, i, index)];
            p->gradient[i][place(p, i, index)] += weight(to) * others;
        }
        p->value[p->operands][to] += product;
    }
}

static void run_problem(wg_tape *tape, problem *p) {
    wg_var x[OPERANDS];
    double weights[MOST];
    naive(p);
    for (int i = 0; i < p->operands; i++) {
        x[i] = wg_variable(tape, WG_F64, p->rank[i], p->shape[i], p->value[i]);
    }
    const wg_var y = wg_einsum_at(p->text, p->operands, x, WG_HERE);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s: %s", p->text, wg_tape_message(tape));
    expect_shape(y, p->rank[p->operands], p->shape[p->operands]);
    expect_values(y, p->value[p->operands], 1e-12);
    for (int64_t i = 0; i < p->count[p->operands]; i++) {
        weights[i] = weight(i);
    }
    const wg_var w = wg_constant(tape, WG_F64, wg_rank(y), p->shape[p->operands], weights);
    cr_assert_eq(wg_backward(wg_sum(wg_mul(y, w))), WG_OK, "%s", wg_tape_message(tape));
    for (int i = 0; i < p->operands; i++) {
        expect_adjoint(x[i], p->gradient[i], 1e-11);
    }
    wg_tape_reset(tape);
}

Test(einsum, random_subscripts_against_a_loop) {
    static problem p;
    wg_tape *tape = wg_tape_new();
    uint32_t state = 11;
    for (int i = 0; i < 600; i++) {
        draw(&p, &state);
        run_problem(tape, &p);
    }
    wg_tape_free(tape);
}

/* ---- What subscripts may be ----------------------------------------------------------------- */

Test(einsum, results_without_an_arrow) {
    wg_tape *tape = wg_tape_new();
    wg_var a = ramp(tape, WG_F64, WG_SHAPE(2, 3)), b = ramp(tape, WG_F64, WG_SHAPE(3, 4));
    wg_var square = ramp(tape, WG_F64, WG_SHAPE(3, 3));
    expect_shape(wg_einsum("ij,jk", a, b), WG_SHAPE(2, 4));
    expect_shape(wg_einsum("ba,ac", a, b), WG_SHAPE(2, 4));
    expect_shape(wg_einsum("ca,ab", a, b), WG_SHAPE(4, 2)); /* "bc" */
    expect_shape(wg_einsum("aB", a), WG_SHAPE(3, 2));       /* capitals first */
    cr_assert_eq(wg_rank(wg_einsum("ii", square)), 0);
    expect_shape(wg_einsum(" i j , j k -> k i ", a, b), WG_SHAPE(4, 2));
    wg_tape_free(tape);
}

Test(einsum, ellipsis_broadcasts) {
    wg_tape *tape = wg_tape_new();
    wg_var a = ramp(tape, WG_F64, WG_SHAPE(2, 1, 3, 4)), b = ramp(tape, WG_F64, WG_SHAPE(5, 4, 2));
    const wg_var product = wg_matmul(a, b);
    double want[MOST];
    read_all(product, want);
    expect_shape(wg_einsum("...ij,...jk->...ik", a, b), WG_SHAPE(2, 5, 3, 2));
    expect_values(wg_einsum("...ij,...jk->...ik", a, b), want, 1e-13);
    expect_values(wg_einsum("...ij,...jk", a, b), want, 1e-13);
    expect_shape(wg_einsum("...ij,...jk->ik...", a, b), WG_SHAPE(3, 2, 2, 5));
    expect_shape(wg_einsum("i...j,j->...i", a, ramp(tape, WG_F64, WG_SHAPE(4))), WG_SHAPE(1, 3, 2));
    expect_shape(wg_einsum("...,...->...", a, ramp(tape, WG_F64, WG_SHAPE(4))),
                 WG_SHAPE(2, 1, 3, 4));
    wg_tape_free(tape);
}

Test(einsum, numbers_scalars_and_empty_axes) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F32, WG_SHAPE(3), (float[]){1, 2, 3}), s = wg_scalar(tape, 2);
    expect_values(wg_einsum(",i->i", s, x), (double[]){2, 4, 6}, 0);
    expect_values(wg_einsum(",i,->i", s, x, wg_number(0.5)), (double[]){1, 2, 3}, 0);
    cr_assert_eq(wg_view_of(wg_einsum("i,i,->", x, x, s)).dtype, WG_F32);
    cr_assert_float_eq(wg_value(wg_einsum(",", wg_number(3), wg_number(4))), 12, 0);
    wg_var none = ramp(tape, WG_F64, WG_SHAPE(2, 0)), also = ramp(tape, WG_F64, WG_SHAPE(0, 3));
    expect_values(wg_einsum("ij,jk", none, also), (double[]){0, 0, 0, 0, 0, 0}, 0);
    expect_shape(wg_einsum("ij,ik->jk", none, ramp(tape, WG_F64, WG_SHAPE(2, 3))), WG_SHAPE(0, 3));
    expect_shape(wg_einsum("ii->i", ramp(tape, WG_F64, WG_SHAPE(0, 0))), WG_SHAPE(0));
    wg_tape_free(tape);
}

Test(einsum, moving_axes_alone_is_a_view_of_any_dtype) {
    wg_tape *tape = wg_tape_new();
    const int64_t numbers[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    wg_var x = wg_constant(tape, WG_I64, WG_SHAPE(3, 3), numbers);
    wg_var diagonal = wg_einsum("ii->i", x);
    cr_assert_eq(wg_view_of(diagonal).dtype, WG_I64);
    cr_assert_eq(wg_view_of(diagonal).data, wg_view_of(x).data);
    expect_values(diagonal, (double[]){1, 5, 9}, 0);
    expect_values(wg_einsum("ij->ji", x), (double[]){1, 4, 7, 2, 5, 8, 3, 6, 9}, 0);
    wg_tape_free(tape);
}

/* The second derivative: a quadratic form's Hessian is a + its transpose. */
Test(einsum, derivatives_of_any_order) {
    wg_tape *tape = wg_tape_new();
    const double m[] = {1, 2, 3, 4};
    wg_var a = wg_constant(tape, WG_F64, WG_SHAPE(2, 2), m);
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(2), (double[]){0.5, -1}), g, h;
    cr_assert_eq(wg_grad(wg_einsum("i,ij,j->", x, a, x), &x, 1, &g), WG_OK);
    expect_values(g, (double[]){-4, -5.5}, 1e-15);
    wg_var v = wg_constant(tape, WG_F64, WG_SHAPE(2), (double[]){1, 0});
    cr_assert_eq(wg_grad(wg_dot(g, v), &x, 1, &h), WG_OK);
    expect_values(h, (double[]){2, 5}, 1e-15);
    wg_tape_free(tape);
}

Test(einsum, errors_name_letter_and_sizes) {
    wg_tape *tape = wg_tape_new();
#define A ramp(tape, WG_F64, WG_SHAPE(2, 3))
#define B ramp(tape, WG_F64, WG_SHAPE(4, 5))
    wg_einsum("ik,kj->ij", A, B);
    expect_failure(tape, WG_ERROR_SHAPE, "einsum: 'k' is 3 in operand 0 and 4 in operand 1");
    wg_einsum("ii", A);
    expect_failure(tape, WG_ERROR_SHAPE, "einsum: 'i' is 2 in operand 0 and 3 in operand 0");
    wg_einsum("i...,i...->i...", A, ramp(tape, WG_F64, WG_SHAPE(2, 4)));
    expect_failure(tape, WG_ERROR_SHAPE, "axes of \"...\" do not broadcast: 3 in operand 0 and 4");
    wg_einsum("ijk->i", A);
    expect_failure(tape, WG_ERROR_SHAPE, "operand 0 is [2, 3], and its subscripts in \"ijk->i\"");
    wg_einsum("i->i", A);
    expect_failure(tape, WG_ERROR_SHAPE, "have 1 letters");
    wg_einsum("ijk...->i", A);
    expect_failure(tape, WG_ERROR_SHAPE, "have 3 letters beside \"...\"");
    wg_einsum("ij,jk->ik", A);
    expect_failure(tape, WG_ERROR_ARGUMENT, "\"ij,jk->ik\" is for 2 operands, and there are 1");
    wg_einsum("ij->ik", A);
    expect_failure(tape, WG_ERROR_ARGUMENT, "the result's 'k' is in no operand");
    wg_einsum("ij->ii", A);
    expect_failure(tape, WG_ERROR_ARGUMENT, "the result has 'i' twice");
    wg_einsum("i)->i", A);
    expect_failure(tape, WG_ERROR_ARGUMENT, "\"i)->i\" has a ')' at place 1");
    wg_einsum("ij-i", A);
    expect_failure(tape, WG_ERROR_ARGUMENT, "has a '-' without '>'");
    wg_einsum("ij->i->j", A);
    expect_failure(tape, WG_ERROR_ARGUMENT, "has a '-' at place 5");
    wg_einsum("i...->i", A);
    expect_failure(tape, WG_ERROR_ARGUMENT, "axes for \"...\", which the result lacks");
    wg_einsum("i.->i", A);
    expect_failure(tape, WG_ERROR_ARGUMENT, "has a '.' at place 1");
    wg_einsum("abcde,fghij->abcdefghij", ramp(tape, WG_F64, WG_SHAPE(1, 1, 1, 1, 2)),
              ramp(tape, WG_F64, WG_SHAPE(1, 1, 1, 1, 2)));
    expect_failure(tape, WG_ERROR_ARGUMENT, "more than 8 letters for one array");
    wg_einsum("abcde,fghij,abcde,fghij->a", ramp(tape, WG_F64, WG_SHAPE(1, 1, 1, 1, 2)),
              ramp(tape, WG_F64, WG_SHAPE(1, 1, 1, 1, 2)), A, A);
    expect_failure(tape, WG_ERROR_SHAPE, "operand 2 is [2, 3]");
    wg_einsum_at("", -1, NULL, WG_HERE);
    cr_assert_not_null(strstr(wg_last_message(), "einsum: -1 operands; it takes 1 to 32"));
#undef A
#undef B
    wg_tape_free(tape);
}

/* ---- Order ---------------------------------------------------------------------------------- */

static wg_view matrix(int64_t m, int64_t n) {
    return wg_view_new(WG_F32, WG_SHAPE(m, n), NULL);
}

Test(einsum, the_order_takes_the_fewest_flops) {
    const wg_view chain[] = {matrix(10, 1000), matrix(1000, 5), matrix(5, 2000)};
    wg_einsum_plan plan;
    cr_assert_eq(wg_einsum_path("ij,jk,kl->il", 3, chain, &plan), WG_OK, "%s", wg_last_message());
    cr_assert_eq(plan.steps, 2);
    cr_assert(plan.step[0].left == 0 && plan.step[0].right == 1);
    cr_assert(plan.step[1].left == 3 && plan.step[1].right == 2);
    cr_assert_float_eq(plan.step[0].flops, 2.0 * 10 * 1000 * 5, 0);
    cr_assert_float_eq(plan.flops, 2.0 * 10 * 1000 * 5 + 2.0 * 10 * 5 * 2000, 0);
    cr_assert_float_eq(plan.naive_flops, 3.0 * 10 * 1000 * 5 * 2000, 0);
    cr_assert_float_eq(plan.step[1].elements, 20000, 0);
    cr_assert(plan.rank == 2 && plan.shape[0] == 10 && plan.shape[1] == 2000);
    /* from the other end where that is cheaper */
    const wg_view back[] = {matrix(1000, 1000), matrix(1000, 1000), matrix(1000, 1)};
    cr_assert_eq(wg_einsum_path("ij,jk,kl->il", 3, back, &plan), WG_OK);
    cr_assert(plan.step[0].left == 1 && plan.step[0].right == 2);
    cr_assert_float_eq(plan.flops, 4e6, 0);
    cr_assert_eq(wg_einsum_path("ij,jk->ik", 2, chain + 1, &plan), WG_OK);
    cr_assert_eq(wg_einsum_path("ij,jk->ik", 2, chain, &plan), WG_OK);
    const wg_view wrong[] = {matrix(2, 3), matrix(4, 5)};
    cr_assert_eq(wg_einsum_path("ij,jk", 2, wrong, &plan), WG_ERROR_SHAPE);
    cr_assert_not_null(strstr(wg_last_message(), "einsum_path: 'j' is 3 in operand 0 and 4"));
}

/* A chain of more matrices than are tried in all orders: greedily from the thin end. */
Test(einsum, long_chains_go_greedily) {
    wg_tape *tape = wg_tape_new();
    wg_var x[12];
    wg_view shapes[12];
    wg_einsum_plan plan;
    for (int i = 0; i < 12; i++) {
        x[i] = ramp(tape, WG_F64, WG_SHAPE(8, i == 11 ? 1 : 8));
        x[i] = wg_div(x[i], 20);
        shapes[i] = wg_view_of(x[i]);
    }
    const char *chain = "ab,bc,cd,de,ef,fg,gh,hi,ij,jk,kl,lm->am";
    cr_assert_eq(wg_einsum_path(chain, 12, shapes, &plan), WG_OK);
    cr_assert_eq(plan.steps, 11);
    cr_assert_float_eq(plan.flops, 11 * 2.0 * 64, 0);
    wg_var want = x[11];
    for (int i = 10; i >= 0; i--) {
        want = wg_matmul(x[i], want);
    }
    double values[MOST];
    read_all(want, values);
    expect_values(wg_einsum_at(chain, 12, x, WG_HERE), values, 1e-13);
    wg_tape_free(tape);
}

/* ---- Named products ------------------------------------------------------------------------- */

Test(einsum, dot_outer_inner) {
    wg_tape *tape = wg_tape_new();
    wg_var a = wg_variable(tape, WG_F64, WG_SHAPE(3), (double[]){1, 2, 3});
    wg_var b = wg_variable(tape, WG_F64, WG_SHAPE(3), (double[]){4, 5, -6});
    expect_values(wg_dot(a, b), (double[]){-4}, 0);
    cr_assert_eq(wg_rank(wg_dot(a, b)), 0);
    expect_values(wg_outer(a, b), (double[]){4, 5, -6, 8, 10, -12, 12, 15, -18}, 0);
    expect_shape(wg_outer(ramp(tape, WG_F64, WG_SHAPE(2, 2)), b), WG_SHAPE(4, 3));
    expect_values(wg_outer(wg_number(2), a), (double[]){2, 4, 6}, 0);
    expect_values(wg_inner(a, b), (double[]){-4}, 0);
    expect_values(wg_inner(a, wg_number(2)), (double[]){2, 4, 6}, 0);
    expect_shape(
        wg_inner(ramp(tape, WG_F64, WG_SHAPE(2, 4, 3)), ramp(tape, WG_F64, WG_SHAPE(5, 3))),
        WG_SHAPE(2, 4, 5));
    wg_dot(a, ramp(tape, WG_F64, WG_SHAPE(4)));
    expect_failure(tape, WG_ERROR_SHAPE, "dot: it takes two vectors of one size, not [3] and [4]");
    wg_inner(ramp(tape, WG_F64, WG_SHAPE(2, 3)), ramp(tape, WG_F64, WG_SHAPE(2, 4)));
    expect_failure(tape, WG_ERROR_SHAPE,
                   "inner: axis 1 of [2, 3] and axis 1 of [2, 4] have 3 and 4 elements");
    wg_tape_free(tape);
}

Test(einsum, kron_of_any_ranks) {
    wg_tape *tape = wg_tape_new();
    wg_var a = wg_variable(tape, WG_F64, WG_SHAPE(2, 2), (double[]){1, 2, 3, 4});
    wg_var b = wg_variable(tape, WG_F64, WG_SHAPE(2), (double[]){1, -1});
    expect_shape(wg_kron(a, b), WG_SHAPE(2, 4));
    expect_values(wg_kron(a, b), (double[]){1, -1, 2, -2, 3, -3, 4, -4}, 0);
    expect_values(wg_kron(b, a), (double[]){1, 2, -1, -2, 3, 4, -3, -4}, 0);
    expect_values(wg_kron(wg_number(3), b), (double[]){3, -3}, 0);
    wg_var wide = ramp(tape, WG_F64, WG_SHAPE(2, 1, 1, 1, 3, 1, 1, 2));
    expect_shape(wg_kron(wide, wide), WG_SHAPE(4, 1, 1, 1, 9, 1, 1, 4));
    expect_shape(wg_kron(ramp(tape, WG_F64, WG_SHAPE(0, 2)), a), WG_SHAPE(0, 4));
    wg_var much = ramp(tape, WG_F64, WG_SHAPE(2, 2, 2, 2, 2));
    wg_kron(much, much);
    expect_failure(tape, WG_ERROR_LIMIT, "kron: both have more than one element along too many");
    wg_tape_free(tape);
}

Test(einsum, tensordot_over_axes) {
    wg_tape *tape = wg_tape_new();
    wg_var a = ramp(tape, WG_F64, WG_SHAPE(2, 3, 4)), b = ramp(tape, WG_F64, WG_SHAPE(4, 3, 5));
    double want[MOST];
    read_all(wg_einsum("abc,cbe->ae", a, b), want);
    const int mine[] = {-1, 1}, theirs[] = {0, 1};
    expect_shape(wg_tensordot_over(a, b, 2, mine, theirs), WG_SHAPE(2, 5));
    expect_values(wg_tensordot_over(a, b, 2, mine, theirs), want, 1e-13);
    expect_shape(wg_tensordot(a, b, 1), WG_SHAPE(2, 3, 3, 5));
    expect_shape(wg_tensordot(a, b, 0), WG_SHAPE(2, 3, 4, 4, 3, 5));
    wg_tensordot(a, b, 2);
    expect_failure(tape, WG_ERROR_SHAPE,
                   "tensordot: axis 1 of [2, 3, 4] and axis 0 of [4, 3, 5] have 3 and 4 elements");
    a = ramp(tape, WG_F64, WG_SHAPE(2, 2));
    wg_tensordot(a, a, 3);
    expect_failure(tape, WG_ERROR_ARGUMENT, "tensordot: axis -1 of [2, 2] is missing");
    a = ramp(tape, WG_F64, WG_SHAPE(2, 2));
    wg_tensordot_over(a, a, 2, ((const int[]){0, 0}), ((const int[]){0, 1}));
    expect_failure(tape, WG_ERROR_ARGUMENT, "axis 0 of [2, 2] is missing or named twice");
    a = ramp(tape, WG_F64, WG_SHAPE(1, 1, 1, 1, 2));
    wg_tensordot(a, a, 0);
    expect_failure(tape, WG_ERROR_LIMIT, "a partial product has 10 axes, more than 8");
    wg_tape_free(tape);
}
