/* test_golden_files.c: what NumPy and PyTorch wrote (make_files.py) is read as they meant it. */
#include "bytes.h"
#include "wengert.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Element i of an array as a double. */
static double element(const wg_array *array, int64_t i) {
    return array->dtype == WG_F32   ? (double)((const float *)array->data)[i]
           : array->dtype == WG_F64 ? ((const double *)array->data)[i]
           : array->dtype == WG_I64 ? (double)((const int64_t *)array->data)[i]
                                    : (double)((const uint8_t *)array->data)[i];
}

static void expect_2_by_3(const wg_array *array, wg_dtype dtype, const char *name, bool is_bool,
                          double first) {
    cr_assert(array->dtype == dtype && array->rank == 2 && array->shape[0] == 2 &&
                  array->shape[1] == 3,
              "%s is %s", name, wg_dtype_name(array->dtype));
    for (int64_t i = 0; i < 6; i++) {
        const double wanted = is_bool ? (double)(i % 2) : first + (double)i;
        cr_assert_eq(element(array, i), wanted, "%s: element %d is %g, not %g", name, (int)i,
                     element(array, i), wanted);
    }
}

Test(golden_files, numpy_dtypes) {
    static const struct {
        const char *name;
        wg_dtype dtype;
    } rows[] = {{"f2-little", WG_F32}, {"f2-big", WG_F32},    {"f4-little", WG_F32},
                {"f4-big", WG_F32},    {"f8-little", WG_F64}, {"f8-big", WG_F64},
                {"i1-byte", WG_I64},   {"u1-byte", WG_U8},    {"i2-little", WG_I64},
                {"i2-big", WG_I64},    {"i4-little", WG_I64}, {"i4-big", WG_I64},
                {"i8-little", WG_I64}, {"i8-big", WG_I64},    {"u2-little", WG_I64},
                {"u2-big", WG_I64},    {"u4-little", WG_I64}, {"u4-big", WG_I64},
                {"u8-little", WG_I64}, {"u8-big", WG_I64},    {"b1-byte", WG_U8}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[512];
        wg_array *array = NULL;
        (void)snprintf(path, sizeof path, "%s/%s.npy", WG_IO_DATA, rows[i].name);
        cr_assert_eq(wg_read_npy(path, &array), WG_OK, "%s", wg_last_message());
        expect_2_by_3(array, rows[i].dtype, rows[i].name, rows[i].name[0] == 'b',
                      rows[i].name[0] == 'u' ? 0 : -2);
        wg_array_free(array);
    }
}

Test(golden_files, numpy_shapes_orders_and_versions) {
    wg_array *array = NULL;
    cr_assert_eq(wg_read_npy(WG_IO_DATA "/fortran.npy", &array), WG_OK, "%s", wg_last_message());
    cr_assert(array->rank == 3 && array->shape[0] == 2 && array->shape[1] == 3 &&
              array->shape[2] == 4);
    for (int64_t i = 0; i < 24; i++) {
        cr_assert_eq(((const int64_t *)array->data)[i], i);
    }
    wg_array_free(array);
    cr_assert_eq(wg_read_npy(WG_IO_DATA "/scalar.npy", &array), WG_OK, "%s", wg_last_message());
    cr_assert(array->rank == 0 && *(const float *)array->data == 2.5f);
    wg_array_free(array);
    cr_assert_eq(wg_read_npy(WG_IO_DATA "/empty.npy", &array), WG_OK, "%s", wg_last_message());
    cr_assert(array->rank == 2 && array->shape[0] == 0 && array->shape[1] == 3);
    wg_array_free(array);
    for (int version = 2; version <= 3; version++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/version-%d.npy", WG_IO_DATA, version);
        cr_assert_eq(wg_read_npy(path, &array), WG_OK, "%s", wg_last_message());
        cr_assert(element(array, 0) == 1.5 && element(array, 1) == -2.5);
        wg_array_free(array);
    }
}

static void expect_bias(const wg_npz *npz) {
    wg_array *array = NULL;
    cr_assert_eq(wg_npz_read(npz, "bias", &array), WG_OK, "%s", wg_last_message());
    cr_assert(array->rank == 1 && array->shape[0] == 2 && element(array, 0) == 0.5 &&
              element(array, 1) == -0.5);
    wg_array_free(array);
}

Test(golden_files, numpy_archives) {
    wg_npz *npz = NULL;
    wg_array *array = NULL;
    cr_assert_eq(wg_npz_open(WG_IO_DATA "/stored.npz", &npz), WG_OK, "%s", wg_last_message());
    cr_assert_eq(wg_npz_count(npz), 3);
    cr_assert_str_eq(wg_npz_name(npz, 0), "bias");
    cr_assert_str_eq(wg_npz_name(npz, 1), "labels");
    cr_assert_str_eq(wg_npz_name(npz, 2), "weight");
    cr_assert_null(wg_npz_name(npz, 3));
    expect_bias(npz);
    cr_assert_eq(wg_npz_read(npz, "weight", &array), WG_OK, "%s", wg_last_message());
    cr_assert(array->dtype == WG_F32 && element(array, 23) == 23);
    wg_array_free(array);
    wg_npz_close(npz);
    cr_assert_eq(wg_npz_open(WG_IO_DATA "/streamed.npz", &npz), WG_OK, "%s", wg_last_message());
    expect_bias(npz);
    wg_npz_close(npz);
    cr_assert_eq(wg_npz_open(WG_IO_DATA "/compressed.npz", &npz), WG_OK, "%s", wg_last_message());
#if defined(WG_HAVE_ZLIB)
    cr_assert_eq(wg_npz_read(npz, "weight", &array), WG_OK, "%s", wg_last_message());
    cr_assert(array->shape[2] == 4 && element(array, 23) == 23);
    wg_array_free(array);
    cr_assert_eq(wg_npz_read(npz, "bias", &array), WG_OK, "%s", wg_last_message());
    cr_assert(array->shape[0] == 2000 && element(array, 1999) == 0);
    wg_array_free(array);
#else
    expect_refused(wg_npz_read(npz, "weight", &array), WG_ERROR_STATE, "without zlib");
#endif
    wg_npz_close(npz);
}

Test(golden_files, torch_dtypes) {
    static const struct {
        const char *name;
        wg_dtype dtype;
        bool in_place;
    } rows[] = {{"f64", WG_F64, true}, {"f32", WG_F32, true},  {"f16", WG_F32, false},
                {"i64", WG_I64, true}, {"i32", WG_I64, false}, {"i16", WG_I64, false},
                {"i8", WG_I64, false}, {"u8", WG_U8, true},    {"bool", WG_U8, false}};
    wg_safetensors *file = NULL;
    wg_array *array = NULL;
    wg_tensor tensor;
    cr_assert_eq(wg_safetensors_open(WG_IO_DATA "/dtypes.safetensors", &file), WG_OK, "%s",
                 wg_last_message());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const bool is_bool = strcmp(rows[i].name, "bool") == 0;
        cr_assert_eq(wg_safetensors_find(file, rows[i].name, &tensor), WG_OK);
        cr_assert_eq(tensor.view.data != NULL, rows[i].in_place, "%s", rows[i].name);
        cr_assert_eq(wg_safetensors_read(file, rows[i].name, &array), WG_OK, "%s",
                     wg_last_message());
        if (is_bool) {
            cr_assert(element(array, 0) == 0 && element(array, 1) == 1 && element(array, 5) == 1);
        } else {
            expect_2_by_3(array, rows[i].dtype, rows[i].name, false,
                          strcmp(rows[i].name, "u8") == 0 ? 0 : -2);
        }
        wg_array_free(array);
    }
    cr_assert_eq(wg_safetensors_find(file, "bf16", &tensor), WG_OK);
    cr_assert(tensor.view.dtype == WG_BF16 &&
              ((const wg_bf16 *)tensor.view.data)[5].bits == 0x4040);
    cr_assert_eq(wg_safetensors_find(file, "scalar", &tensor), WG_OK);
    cr_assert(tensor.view.rank == 0 && *(const float *)tensor.view.data == 2.5f);
    cr_assert_eq(wg_safetensors_find(file, "a \"quoted\" \\ name\xc3\xa9\n", &tensor), WG_OK);
    cr_assert_str_eq(wg_safetensors_metadata(file, "format"), "pt");
    cr_assert_str_eq(wg_safetensors_metadata(file, "note"), "\xc3\xbc");
    wg_safetensors_close(file);
}

/* PyTorch's network, loaded before anything was computed, makes of x what PyTorch made of it. */
Test(golden_files, torch_network) {
    wg_store *store = wg_store_new(1);
    wg_safetensors *file = NULL;
    wg_tensor wanted;
    cr_assert_eq(
        wg_store_load(store, WG_IO_DATA "/network.safetensors", (wg_load_options){.skip = "?"}),
        WG_OK, "%s", wg_last_message());
    cr_assert_eq(wg_safetensors_open(WG_IO_DATA "/network.safetensors", &file), WG_OK);
    cr_assert_eq(wg_safetensors_find(file, "y", &wanted), WG_OK);
    wg_tape *tape = wg_tape_new();
    wg_net net = wg_net_eval(store, tape);
    wg_var y = wg_linear(net, "0", wg_safetensors_constant(file, tape, "x"), 4);
    y = wg_linear(net, "3", wg_relu(wg_batch_norm_layer(net, "1", y)), 2);
    float out[4];
    cr_assert_eq(wg_read(y, WG_F32, out, 4), WG_OK, "%s", wg_tape_message(tape));
    for (int i = 0; i < 4; i++) {
        cr_assert_float_eq(out[i], ((const float *)wanted.view.data)[i], 1e-6);
    }
    cr_assert_eq(wg_store_count(store), 9);
    wg_tape_free(tape);
    wg_safetensors_close(file);
    wg_store_free(store);
}

/* Every f16 there is, against its definition. */
Test(golden_files, halves) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    bytes = safetensors_bytes(
        "{\"h\":{\"dtype\":\"F16\",\"shape\":[65536],\"data_offsets\":[0,131072]}}", 131072, &size);
    for (unsigned i = 0; i < 65536; i++) {
        bytes[size - 131072 + 2 * i] = (unsigned char)i;
        bytes[size - 131072 + 2 * i + 1] = (unsigned char)(i >> 8);
    }
    wg_safetensors *file = NULL;
    wg_array *array = NULL;
    cr_assert_eq(wg_safetensors_from_bytes(bytes, size, &file), WG_OK, "%s", wg_last_message());
    cr_assert_eq(wg_safetensors_read(file, "h", &array), WG_OK);
    for (unsigned i = 0; i < 65536; i++) {
        const double sign = (i & 0x8000) != 0 ? -1 : 1, fraction = (i & 0x3ff) / 1024.0;
        const int exponent = (int)(i >> 10 & 31);
        const float value = ((const float *)array->data)[i];
        if (exponent == 31) {
            cr_assert(fraction > 0 ? isnan(value) : (double)value == sign * INFINITY, "%x", i);
        } else {
            const double wanted =
                exponent == 0 ? ldexp(fraction, -14) : ldexp(1 + fraction, exponent - 15);
            cr_assert((double)value == sign * wanted && !signbit(value) == (sign > 0), "%x", i);
        }
    }
    wg_array_free(array);
    wg_safetensors_close(file);
    free(bytes);
}
