/* muon.c: Muon: matrices by orthogonalised momentum, all else by AdamW. */
#include "kernel/level1.h"
#include "kernel/matmul.h"
#include "optim/adam.h"

#include <float.h>
#include <string.h>

struct wg_muon_room {
    void *room; /* for the iteration; grows to what the largest matrix needs */
    size_t bytes;
};

/* A matrix [rows, columns] as it is iterated on: `side` is the shorter of the two. */
typedef struct iterate {
    wg_dtype dtype;
    int64_t rows, columns, side;
    void *x, *next;        /* [rows, columns] */
    void *square, *fourth; /* [side, side] */
} iterate;

static iterate iterate_of(const wg_param *param) {
    iterate it = {.dtype = param->value.dtype, .rows = param->value.shape[0]};
    it.columns = param->count / it.rows;
    it.side = it.rows < it.columns ? it.rows : it.columns;
    return it;
}

static bool multiply(const iterate *it, int64_t m, int64_t n, int64_t k, const void *a,
                     int64_t a_row, int64_t a_column, const void *b, int64_t b_row,
                     int64_t b_column, void *c, bool accumulate) {
    return it->dtype == WG_F32 ? wg_kernel_matmul_f32(m, n, k, a, a_row, a_column, b, b_row,
                                                      b_column, c, n, accumulate)
                               : wg_kernel_matmul_f64(m, n, k, a, a_row, a_column, b, b_row,
                                                      b_column, c, n, accumulate);
}

/* One turn, from x to next: with S = X·Xᵀ (of the shorter side) X ← a·X + (b·S + c·S²)·X. */
static bool turn(iterate *it) {
    static const double a = 3.4445, b = -4.7750, c = 2.0315;
    const int64_t side = it->side, wide = it->columns;
    const int64_t count = it->rows * it->columns, squares = side * side;
    const bool tall = it->rows > it->columns;
    const bool done =
        (tall
             ? multiply(it, side, side, it->rows, it->x, 1, wide, it->x, wide, 1, it->square, false)
             : multiply(it, side, side, wide, it->x, wide, 1, it->x, 1, wide, it->square, false)) &&
        multiply(it, side, side, side, it->square, side, 1, it->square, side, 1, it->fourth, false);
    if (!done) {
        return false;
    }
    wg_kernel_axpby(it->dtype, squares, b, it->square, c, it->fourth);
    memcpy(it->next, it->x, (size_t)count * wg_dtype_size(it->dtype));
    wg_kernel_scale(it->dtype, count, a, it->next);
    return tall ? multiply(it, it->rows, wide, side, it->x, wide, 1, it->fourth, side, 1, it->next,
                           true)
                : multiply(it, side, wide, side, it->fourth, side, 1, it->x, wide, 1, it->next,
                           true);
}

/* Room for the iteration on one matrix; false where memory ran out. */
static bool place(wg_muon_room *muon, iterate *it) {
    const size_t size = wg_dtype_size(it->dtype);
    const size_t whole = ((size_t)(it->rows * it->columns) * size + 63) / 64 * 64;
    const size_t square = ((size_t)(it->side * it->side) * size + 63) / 64 * 64;
    const size_t bytes = whole + 2 * square;
    if (bytes > muon->bytes) {
        void *room = wg_alloc(bytes);
        if (room == NULL) {
            return false;
        }
        wg_free(muon->room);
        muon->room = room;
        muon->bytes = bytes;
    }
    it->next = muon->room;
    it->square = (char *)muon->room + whole;
    it->fourth = (char *)muon->room + whole + square;
    return true;
}

/* What the matrix moves by at lr 1, into the second slot. The first is not changed yet. */
static bool orthogonalise(const wg_optimizer *optimizer, const wg_member *member) {
    const wg_muon_options *o = &optimizer->options.muon;
    const wg_param *param = member->param;
    const wg_state *state = &optimizer->state[param->value.dtype];
    iterate it = iterate_of(param);
    const size_t start = (size_t)member->offset * wg_dtype_size(it.dtype);
    void *update = (char *)state->slot[1] + start;
    const void *mean = (const char *)state->slot[0] + start;
    if (!place(optimizer->muon, &it)) {
        return false;
    }
    const double share = 1 - o->momentum;
    const double own = o->no_nesterov ? share : share * (1 + o->momentum);
    const double carried = o->no_nesterov ? o->momentum : o->momentum * o->momentum;
    memcpy(update, param->sink.gradient, (size_t)param->count * wg_dtype_size(it.dtype));
    wg_kernel_axpby(it.dtype, param->count, carried, mean, own, update);
    const double norm = sqrt(wg_kernel_dot(it.dtype, param->count, update, update));
    wg_kernel_scale(it.dtype, param->count, 1 / fmax(norm + o->epsilon, (double)FLT_MIN), update);
    it.x = update;
    for (int i = 0; i < o->iterations; i++) {
        if (!turn(&it)) {
            return false;
        }
        void *next = it.next;
        it.next = it.x;
        it.x = next;
    }
    if (it.x != update) {
        memcpy(update, it.x, (size_t)param->count * wg_dtype_size(it.dtype));
    }
    const double rows = (double)it.rows, columns = (double)it.columns;
    wg_kernel_scale(it.dtype, param->count,
                    o->match_rms ? 0.2 * sqrt(fmax(rows, columns)) : sqrt(fmax(1, rows / columns)),
                    update);
    return true;
}

/* All products before any step, because they may run out of memory. */
static wg_status prepare(wg_optimizer *optimizer) {
    for (int dtype = 0; dtype < 2; dtype++) {
        const wg_state *state = &optimizer->state[dtype];
        for (int64_t i = 0; i < state->count; i++) {
            const wg_member *member = &state->members[i];
            if (!member->plain && !member->param->frozen && member->param->count > 0 &&
                !orthogonalise(optimizer, member)) {
                return wg_fail(WG_ERROR_MEMORY, "step: no memory for muon's products of %s",
                               member->param->named.text);
            }
        }
    }
    return WG_OK;
}

static void run(const wg_optimizer *optimizer, const wg_stretch *s) {
    const wg_muon_options *o = &optimizer->options.muon;
    if (s->first->plain) {
        const wg_step_numbers numbers =
            wg_adam_numbers(&o->adamw, s, s->lr * (o->adamw.lr / o->lr), s->decay, true);
        wg_kernel_step(WG_STEP_adam, s->dtype, s->count, &numbers, s->gradient, s->weight, s->slot);
        return;
    }
    const wg_step_numbers numbers = {
        .lr = s->lr, .shrink = 1 - s->lr * s->decay, .momentum = o->momentum};
    wg_kernel_step(WG_STEP_muon, s->dtype, s->first->param->count, &numbers, s->gradient, s->weight,
                   s->slot);
}

bool wg_muon_keeps(const wg_member *member, int slot) {
    return slot == 0 || member->plain;
}

void wg_muon_free(wg_muon_room *muon) {
    if (muon != NULL) {
        wg_free(muon->room);
        wg_free(muon);
    }
}

/* AdamW's exp_avg stands in the first slot, and a matrix's next update in the second. */
static const wg_rule rule = {.name = "muon",
                             .slot = {"momentum_buffer", "exp_avg_sq"},
                             .run = run,
                             .prepare = prepare,
                             .momentum = WG_MOMENTUM(muon.momentum),
                             .single = true};

wg_muon_options wg_muon_defaults(void) {
    return (wg_muon_options){.lr = 1e-3,
                             .momentum = 0.95,
                             .decay = 0.1,
                             .epsilon = 1e-7,
                             .iterations = 5,
                             .adamw = wg_adamw_defaults()};
}

wg_optimizer *wg_muon(wg_store *store, wg_muon_options o) {
    if (!WG_OPTIONS_FIT("muon", o.lr, {"momentum", o.momentum, 0, 1},
                        {"decay", o.decay, 0, INFINITY}, {"epsilon", o.epsilon, 0, INFINITY},
                        {"iterations", o.iterations, 1, 101}) ||
        !wg_epsilon_fits("muon", o.epsilon) || !wg_adam_fits("muon", &o.adamw, false)) {
        return NULL;
    }
    wg_optimizer *optimizer = wg_optimizer_new(&rule, store, o.lr, o.decay);
    if (optimizer == NULL) {
        return NULL;
    }
    optimizer->options.muon = o;
    optimizer->muon = wg_calloc(1, sizeof *optimizer->muon);
    if (optimizer->muon == NULL) {
        wg_optimizer_free(optimizer);
        (void)wg_fail(WG_ERROR_MEMORY, "muon: no memory for the optimizer");
        return NULL;
    }
    return optimizer;
}
