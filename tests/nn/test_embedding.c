/* test_embedding.c: embeddings: padding, dtypes, and what they refuse. */
#include "layer_test.h"

TestSuite(embedding, .init = start, .fini = stop);

static wg_var indices(void) {
    return wg_constant(tape, WG_I64, 2, (int64_t[]){2, 3}, (int64_t[]){0, 2, 2, 3, 0, 2});
}

Test(embedding, rows_of_the_table) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_var y = wg_embedding(net, "tok", indices(), 4, 5);
    float values[30];
    cr_assert_eq(wg_read(y, WG_F32, values, 30), WG_OK, "%s", wg_tape_message(tape));
    expect_shape("tok.weight", 2, (int64_t[]){4, 5});
    cr_assert_eq(find("tok.weight").value.dtype, WG_F32);
    cr_assert_eq((double)values[3 * 5 + 4], value("tok.weight", 3 * 5 + 4));
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK);
    const double times[4] = {2, 0, 3, 1};
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(gradient("tok.weight", i), times[i / 5]);
    }
}

/* The padding's row is zero when the table is made, and gets no gradient; one that is loaded stays
 * as it is. */
Test(embedding, padding) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_embedding_options o = {
        .count = 4, .width = 3, .padded = true, .padding_index = -2, .dtype = WG_F64};
    const wg_var y = wg_embedding_with(net, "tok", indices(), o);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK, "%s", wg_tape_message(tape));
    for (int i = 0; i < 12; i++) {
        cr_assert_eq(value("tok.weight", i) == 0, i / 3 == 2);
        cr_assert_eq(gradient("tok.weight", i), i / 3 == 0 ? 2 : i / 3 == 3);
    }
    ((double *)find("tok.weight").value.data)[6] = 5;
    wg_tape_reset(tape);
    double row[18];
    cr_assert_eq(wg_read(wg_embedding_with(net, "tok", indices(), o), WG_F64, row, 18), WG_OK);
    cr_assert_eq(row[3], 5);
}

/* Row 0 is a padding like others. */
Test(embedding, padding_with_the_first_row) {
    const wg_embedding_options o = {.count = 4, .width = 3, .padded = true};
    (void)wg_embedding_with(wg_net_train(store, tape, 0), "tok", indices(), o);
    cr_assert_eq(value("tok.weight", 2), 0);
    cr_assert_neq(value("tok.weight", 3), 0);
}

/* 2^24 + 1 is 2^24 in f32. */
Test(embedding, a_bag_tells_large_indices_apart) {
    const int64_t index[] = {16777217, 16777216, 16777217};
    const wg_var x = wg_constant(tape, WG_I64, 2, (int64_t[]){1, 3}, index);
    wg_embedding_bag_options o = {.table = {.count = 16777218,
                                            .width = 1,
                                            .padded = true,
                                            .padding_index = 16777216,
                                            .weight = wg_init_constant(3)},
                                  .mode = WG_BAG_SUM};
    float sum;
    wg_read(wg_embedding_bag(wg_net_train(store, tape, 0), "e", x, o), WG_F32, &sum, 1);
    cr_assert_eq((double)sum, 6, "%g %s", (double)sum, wg_tape_message(tape));
}

Test(embedding, refuses) {
    const wg_net net = wg_net_train(store, tape, 0);
    wg_embedding(net, "tok", wg_full(tape, WG_F32, 1, (int64_t[]){3}, 0), 4, 5);
    expect_error(WG_ERROR_DTYPE, "embedding tok: the indices are f32");
    wg_embedding(net, "tok", wg_number(1), 4, 5);
    expect_error(WG_ERROR_DTYPE, "embedding tok: the indices are no array");
    wg_embedding(net, "tok", indices(), 0, 5);
    expect_error(WG_ERROR_ARGUMENT, "embedding tok: a table [0, 5]");
    wg_embedding_with(
        net, "tok", indices(),
        (wg_embedding_options){.count = 4, .width = 5, .padded = true, .padding_index = 4});
    expect_error(WG_ERROR_ARGUMENT, "embedding tok: padding index 4 is out of range for 4 rows");
    wg_embedding_with(net, "tok", indices(),
                      (wg_embedding_options){.count = 4, .width = 5, .dtype = WG_I64});
    expect_error(WG_ERROR_DTYPE, "tok.weight is to be i64");
    wg_embedding(net, "tok", indices(), 3, 5);
    expect_error(WG_ERROR_ARGUMENT, "embedding tok: index 3 (element 3) is out of range for 3");
    wg_embedding(net, "tok", wg_transpose(indices()), 3, 5);
    expect_error(WG_ERROR_ARGUMENT, "embedding tok: index 3 (element 1) is out of range for 3");
    wg_embedding_bag(net, "tok", indices(),
                     (wg_embedding_bag_options){.table = {.count = 3, .width = 5}});
    expect_error(WG_ERROR_ARGUMENT, "embedding_bag tok: index 3 (element 3)");
    cr_assert_eq(wg_store_count(store), 0);
    wg_embedding(net, "tok", indices(), 5, 5);
    wg_tape_reset(tape);
    wg_embedding(net, "tok", indices(), 4, 5);
    expect_error(WG_ERROR_SHAPE, "tok.weight would be [4, 5] but is [5, 5]");
}
