/* interop.c: the half in C of interop.py: arrays and a network for NumPy and PyTorch, and theirs.
 *
 *     interop write FOLDER    writes arrays, a network and a checkpoint
 *     interop read FOLDER     reads what Python wrote; trains its network on, and saves it
 */
#include "io/npz.h"
#include "wengert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *root;

static const char *path_of(const char *name) {
    static char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void need(wg_status status) {
    if (status != WG_OK) {
        (void)fprintf(stderr, "interop: %s\n", wg_last_message());
        exit(1);
    }
}

static void expect(bool right, const char *what) {
    if (!right) {
        (void)fprintf(stderr, "interop: %s is not what Python wrote\n", what);
        exit(1);
    }
}

/* The network of interop.py: torch.nn.Sequential(Linear, BatchNorm1d, ReLU, Linear). */
static wg_var network(wg_net net, wg_var x) {
    x = wg_linear(net, "0", x, 4);
    x = wg_relu(wg_batch_norm_layer(net, "1", x));
    return wg_linear(net, "3", x, 2);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static float f32[6] = {0, 1, 2, 3, 4, -5.5f};
static double f64[6] = {0, 1, 2, 3, 1e300, -5.5};
static int64_t i64[6] = {0, 1, 2, 3, INT64_MAX, INT64_MIN};
static uint8_t u8[6] = {0, 1, 2, 3, 4, 255};
static wg_bf16 bf16[2] = {{0x3f80}, {0xc020}};

static void write_arrays(void) {
    const int64_t shape[2] = {2, 3};
    wg_named_view views[7] = {{"f32", wg_view_new(WG_F32, 2, shape, f32)},
                              {"f64", wg_view_new(WG_F64, 2, shape, f64)},
                              {"i64", wg_view_new(WG_I64, 2, shape, i64)},
                              {"u8", wg_view_new(WG_U8, 2, shape, u8)},
                              {"scalar", wg_view_new(WG_F32, 0, NULL, f32 + 5)},
                              {"turned", wg_view_new(WG_F32, 2, (int64_t[]){3, 2}, f32)},
                              {"bf16", wg_view_new(WG_BF16, 1, (int64_t[]){2}, bf16)}};
    const wg_metadata metadata = {"note", "\"\\\n\xc3\xa9"};
    views[5].view.stride[0] = 1, views[5].view.stride[1] = 3;
    for (int i = 0; i < 6; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%s.npy", views[i].name);
        need(wg_write_npy(path_of(name), &views[i].view));
    }
    need(wg_npz_save(path_of("arrays.npz"), 6, views));
    need(wg_npz_save_wide(path_of("wide.npz"), 6, views, 1));
    need(wg_npz_save(path_of("none.npz"), 0, NULL));
    need(wg_safetensors_save(path_of("arrays.safetensors"), 7, views, 1, &metadata));
}

/* Some steps on rows of `x`; saves the network, and what it makes of x. */
static void train(wg_store *store, const char *name, const wg_array *x) {
    wg_optimizer *optimizer = wg_adam(store, wg_adam_defaults());
    wg_tape *tape = wg_tape_new();
    for (uint64_t step = 0; step < 3; step++) {
        wg_net net = wg_net_train(store, tape, step);
        need(wg_backward(wg_sum(wg_square(network(net, wg_constant_of(tape, x))))));
        need(wg_step(optimizer, tape));
        wg_tape_reset(tape);
    }
    char path[64];
    const wg_training run = {.store = store, .optimizer = optimizer};
    (void)snprintf(path, sizeof path, "%s.safetensors", name);
    need(wg_store_save(store, path_of(path), NULL));
    (void)snprintf(path, sizeof path, "%s.checkpoint.safetensors", name);
    need(wg_checkpoint_save(path_of(path), &run));
    wg_view y = wg_view_of(network(wg_net_eval(store, tape), wg_constant_of(tape, x)));
    need(wg_tape_status(tape));
    (void)snprintf(path, sizeof path, "%s-y.npy", name);
    need(wg_write_npy(path_of(path), &y));
    const wg_view view = wg_array_view(x);
    (void)snprintf(path, sizeof path, "%s-x.npy", name);
    need(wg_write_npy(path_of(path), &view));
    wg_tape_free(tape);
    wg_optimizer_free(optimizer);
}

static void write_network(void) {
    wg_store *store = wg_store_new(1);
    wg_array *x = NULL;
    need(wg_array_new(WG_F32, WG_SHAPE(5, 3), &x));
    wg_random_normal_f32(wg_key_new(1), 0, 15, 0, 1, x->data);
    train(store, "ours", x);
    wg_array_free(x);
    wg_store_free(store);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void read_array(const char *file, const char *name, wg_dtype dtype, const void *data,
                       size_t bytes) {
    wg_array *array = NULL;
    wg_npz *npz = NULL;
    if (strstr(file, ".npz") != NULL) {
        need(wg_npz_open(path_of(file), &npz));
        need(wg_npz_read(npz, name, &array));
        wg_npz_close(npz);
    } else {
        need(wg_read_npy(path_of(file), &array));
    }
    expect(array->dtype == dtype && array->rank == 2 && array->shape[0] == 2 &&
               memcmp(array->data, data, bytes) == 0,
           file);
    wg_array_free(array);
}

static void read_arrays(void) {
    read_array("python-f32.npy", "", WG_F32, f32, sizeof f32);
    read_array("python-f64.npy", "", WG_F64, f64, sizeof f64);
    read_array("python-i64.npy", "", WG_I64, i64, sizeof i64);
    read_array("python-fortran.npy", "", WG_F64, f64, sizeof f64);
    read_array("python-big.npy", "", WG_F64, f64, sizeof f64);
    read_array("python.npz", "u8", WG_U8, u8, sizeof u8);
    read_array("python.npz", "i64", WG_I64, i64, sizeof i64);
#if defined(WG_HAVE_ZLIB)
    read_array("python-compressed.npz", "f64", WG_F64, f64, sizeof f64);
#endif
}

/* PyTorch's network makes the same of x here, is trained on, and goes back. */
static void read_network(void) {
    wg_store *store = wg_store_new(2);
    wg_array *x = NULL, *y = NULL;
    float out[10];
    need(wg_store_load(store, path_of("theirs.safetensors"), (wg_load_options){.strict = false}));
    need(wg_read_npy(path_of("theirs-x.npy"), &x));
    need(wg_read_npy(path_of("theirs-y.npy"), &y));
    wg_tape *tape = wg_tape_new();
    need(wg_read(network(wg_net_eval(store, tape), wg_constant_of(tape, x)), WG_F32, out, 10));
    wg_tape_free(tape);
    for (int i = 0; i < 10; i++) {
        expect(fabsf(out[i] - ((const float *)y->data)[i]) <= 1e-5f, "the network's result");
    }
    need(wg_freeze(store, "0.*"));
    train(store, "tuned", x);
    wg_array_free(x);
    wg_array_free(y);
    wg_store_free(store);
}

int main(int count, char **arguments) {
    if (count != 3) {
        return 2;
    }
    root = arguments[2];
    if (strcmp(arguments[1], "write") == 0) {
        write_arrays();
        write_network();
    } else {
        read_arrays();
        read_network();
    }
    return 0;
}
