/* recurrent.c: see recurrent.h. */
#include "kernel/recurrent.h"

#include "base/parallel.h"
#include "kernel/elementwise.h"
#include "kernel/matmul.h"

#include <stdatomic.h>
#include <string.h>

/* Rows of the batch that a thread takes through all steps: enough for a tile of the product. */
#define ROWS 16

#define T float
#define TYPE 0
#define PRODUCT wg_kernel_matmul_f32
#define PRODUCT_FROM wg_kernel_matmul_from_f32
#include "kernel/recurrent_typed.h"
#define T double
#define TYPE 1
#define PRODUCT wg_kernel_matmul_f64
#define PRODUCT_FROM wg_kernel_matmul_from_f64
#include "kernel/recurrent_typed.h"

typedef bool (*cells)(const wg_recurrent *run, int64_t low, int64_t high);

typedef struct blocks {
    const wg_recurrent *run;
    cells work;
    atomic_bool failed;
} blocks;

static void do_block(void *context, int64_t i) {
    blocks *b = context;
    const int64_t low = i * ROWS, high = low + ROWS;
    if (!b->work(b->run, low, high < b->run->batch ? high : b->run->batch)) {
        atomic_store(&b->failed, true);
    }
}

static bool over_blocks(const wg_recurrent *run, cells f32, cells f64) {
    blocks b = {run, run->dtype == WG_F32 ? f32 : f64, false};
    const int64_t work = run->steps * run->batch * run->hidden * run->hidden;
    wg_parallel((run->batch + ROWS - 1) / ROWS, work >= WG_SHARE_MEMORY, do_block, &b);
    return !atomic_load(&b.failed);
}

bool wg_kernel_lstm(const wg_recurrent *run) {
    return over_blocks(run, lstm_float, lstm_double);
}

bool wg_kernel_lstm_chain(const wg_recurrent *run) {
    return over_blocks(run, lstm_chain_float, lstm_chain_double);
}

bool wg_kernel_gru(const wg_recurrent *run) {
    return over_blocks(run, gru_float, gru_double);
}

bool wg_kernel_gru_chain(const wg_recurrent *run) {
    return over_blocks(run, gru_chain_float, gru_chain_double);
}

bool wg_kernel_rnn(const wg_recurrent *run) {
    return over_blocks(run, rnn_float, rnn_double);
}

bool wg_kernel_rnn_chain(const wg_recurrent *run) {
    return over_blocks(run, rnn_chain_float, rnn_chain_double);
}
