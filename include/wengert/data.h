/* data.h: data from files into plain arrays, and mini-batches of their rows. */
#ifndef WENGERT_DATA_H
#define WENGERT_DATA_H

#include "wengert/base.h"
#include "wengert/tape.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Files ------------------------------------------------------------------------------------ */

/* Reads an IDX file (the format of MNIST and its family, https://yann.lecun.com/exdb/mnist/) into a
 * new array *out; free it with wg_array_free. u8, f32 and f64 keep their dtype; i8, i16 and i32
 * become i64. Rank 0 to 8. Errors, each with the file's name and the byte offset: FILE, FORMAT for
 * a bad magic number, a truncated file or bytes left over, LIMIT where the sizes overflow, MEMORY.
 * On failure *out is NULL. */
WG_API wg_status wg_read_idx(const char *path, wg_array **out);

/* Writes an array as an IDX file; i64 is stored as i32. Errors: DTYPE for bf16, ARGUMENT for an i64
 * value that does not fit i32, LIMIT for a size above 2^32 - 1, FILE, MEMORY. A file is written
 * whole or not at all. */
WG_API wg_status wg_write_idx(const char *path, const wg_array *array);

/* --- Files as memory -------------------------------------------------------------------------- */

/* An array whose elements are those of a file, read by the system when they are looked at: it may
 * be larger than memory. Any verb that takes a const wg_array takes it; its elements are never
 * written, and they are aligned as their dtype, not to 64 bytes. The file must not be shortened
 * meanwhile: the system ends a program that reads what is gone (SIGBUS). Where the system cannot
 * map the file, it is read into memory. */
typedef struct wg_mapped wg_mapped;

/* The array, which lives as long as the mapping. Do not free it by wg_array_free. */
WG_API const wg_array *wg_mapped_array(const wg_mapped *mapped);

/* NULL is allowed. */
WG_API void wg_mapped_free(wg_mapped *mapped);

/* Maps an IDX file. Other elements than bytes have the wrong order there for most machines: so u8
 * alone, DTYPE for others, which wg_read_idx reads. Else as wg_read_idx. */
WG_API wg_status wg_map_idx(const char *path, wg_mapped **out);

/* Maps a file of plain elements in C order and in this machine's byte order, behind `offset` bytes
 * of something else. shape[0] may be -1: as many rows as there are. Errors: FILE, FORMAT with the
 * byte offset where the file is shorter or longer than the shape says, ARGUMENT for an offset that
 * is no multiple of the dtype's size, for a negative one, rank or shape, for no shape, LIMIT,
 * MEMORY. On failure *out is NULL. */
WG_API wg_status wg_map_raw(const char *path, wg_dtype dtype, int rank, const int64_t *shape,
                            int64_t offset, wg_mapped **out);

/* --- Tables of numbers ------------------------------------------------------------------------ */

/* How a CSV file is laid out. All zeros are the usual: commas, no header, no comments. */
typedef struct wg_csv_options {
    char separator; /* between fields; 0 means ',' */
    bool header;    /* the first row names the columns and is skipped */
    char comment;   /* lines that start with it are skipped; 0 means there are none */
} wg_csv_options;

/* Reads a CSV file of numbers into a new f64 matrix *out [rows, columns]; free it with
 * wg_array_free. `options` may be NULL. Numbers have a decimal point, whatever the locale is; they
 * may be quoted; nan and inf are numbers; an empty field is NaN. Empty lines are skipped. Lines end
 * with LF or CRLF, the last may lack it. Errors, with the file's name, line and column (in bytes,
 * from 1): FILE, FORMAT for text that is no number, for rows of different length and for a file
 * without rows, ARGUMENT for a separator that numbers or comments need, MEMORY. On failure *out is
 * NULL. Files with names, words and gaps: wg_read_table of wengert/table.h. */
WG_API wg_status wg_read_csv(const char *path, const wg_csv_options *options, wg_array **out);

/* --- Columns ---------------------------------------------------------------------------------- */

/* Columns first ... first + count - 1 of a matrix, as scale * value + offset of another dtype, into
 * a new matrix *out [rows, count]. Errors: SHAPE where `from` is no matrix, ARGUMENT for columns it
 * lacks, FORMAT for a value that an integer dtype cannot hold exactly, MEMORY. */
WG_API wg_status wg_columns(const wg_array *from, int64_t first, int64_t count, wg_dtype dtype,
                            double scale, double offset, wg_array **out);

/* One column as a vector *out [rows]: labels, for example, as WG_I64. Errors as above. */
WG_API wg_status wg_column(const wg_array *from, int64_t column, wg_dtype dtype, wg_array **out);

/* --- Rows ------------------------------------------------------------------------------------- */

/* Copies rows (index along axis 0) of an array of rank 1 or more, in the given order, to `out`,
 * which holds n rows of the same dtype. Errors, before anything is written: SHAPE for rank 0,
 * ARGUMENT for a row that is not there. */
WG_API wg_status wg_copy_rows(const wg_array *from, const int64_t *rows, int64_t n, void *out);

/* The rows as a new array. Errors as above, and MEMORY. */
WG_API wg_status wg_select_rows(const wg_array *from, const int64_t *rows, int64_t n,
                                wg_array **out);

/* An array as a constant on a tape (copied), and some of its rows: a mini-batch. Errors land on the
 * tape. */
WG_API wg_var wg_constant_of(wg_tape *tape, const wg_array *array);
WG_API wg_var wg_constant_rows(wg_tape *tape, const wg_array *from, const int64_t *rows, int64_t n);

/* Copies stretches of a vector: elements starts[i] ... starts[i] + length - 1 become row i of
 * `out`, a matrix [n, length] of the same dtype: the inputs of a language model, for example, and,
 * one element on, its targets. Errors, before anything is written: SHAPE where `from` is no vector,
 * ARGUMENT for a stretch that is not all there. */
WG_API wg_status wg_copy_windows(const wg_array *from, const int64_t *starts, int64_t n,
                                 int64_t length, void *out);

/* The same as wg_copy_rows as f32, each value as scale * value + offset. */
WG_API wg_status wg_copy_rows_f32(const wg_array *from, const int64_t *rows, int64_t n,
                                  double scale, double offset, float *out);

/* Splits rows 0 ... count-1 at random into test_count rows in `test` and the others in `train`,
 * both ascending. Depends on the sizes and the seed alone; every subset is equally likely (D. E.
 * Knuth, The Art of Computer Programming 2, section 3.4.2, algorithm S). ARGUMENT unless 0 <=
 * test_count <= count. */
WG_API wg_status wg_split(int64_t count, int64_t test_count, uint64_t seed, int64_t *train,
                          int64_t *test);

/* All zeros: at random with seed 0, without labels. */
typedef struct wg_split_options {
    uint64_t seed;
    const wg_array *labels; /* WG_I64 or WG_U8 [count]: each label is shared out like the whole */
} wg_split_options;

/* Shares rows 0 ... count-1 out at random to `parts` parts (1 or more), in proportion to
 * weights[parts] (0 or more; {8, 1, 1} is the same as {0.8, 0.1, 0.1}). out[p] is a new WG_I64
 * array of the rows of part p, ascending: as wg_select_rows takes them. A part gets its share of
 * the whole to less than one row, and of each label to less than two (R. Tijdeman, "The chairman
 * assignment problem", 1980). Depends on the arguments alone. Errors: ARGUMENT, SHAPE or DTYPE for
 * labels that do not fit, MEMORY. On failure out[] is NULL. */
WG_API wg_status wg_split_parts(int64_t count, int parts, const double *weights,
                                wg_split_options options, wg_array **out);

/* Fold number `fold` of `folds` (2 or more) for cross-validation: a folds'th of the rows into
 * *test, the others into *train, as above. Each row is in the test part of one fold. */
WG_API wg_status wg_split_folds(int64_t count, int folds, int fold, wg_split_options options,
                                wg_array **train, wg_array **test);

/* --- Mini-batches ----------------------------------------------------------------------------- */

/* All zeros: in order, with the last batch as short as it comes. */
typedef struct wg_batch_options {
    bool shuffle;   /* a new order each epoch */
    uint64_t seed;  /* of the shuffling */
    bool drop_last; /* leave out a last batch that is not full */
} wg_batch_options;

/* Walks the rows 0 ... count-1 in batches:
 *
 *     for (uint64_t epoch = 0; epoch < epochs; epoch++) {
 *         wg_batches_epoch(batches, epoch);
 *         while (wg_batches_next(batches, &rows, &n)) { ... }
 *     }
 */
typedef struct wg_batches wg_batches;

/* A new walk, standing at the start of epoch 0. Errors: ARGUMENT for count < 0 or batch < 1,
 * MEMORY. On failure *out is NULL. Nothing after this allocates. */
WG_API wg_status wg_batches_new(int64_t count, int64_t batch, wg_batch_options options,
                                wg_batches **out);

/* Goes to the start of an epoch. Its order depends on the count, the seed and the epoch alone, so
 * that a run taken up again sees what it would have seen. */
WG_API void wg_batches_epoch(wg_batches *batches, uint64_t epoch);

/* The next batch of the epoch: *n rows at *rows, valid until the next epoch. False at its end. */
WG_API bool wg_batches_next(wg_batches *batches, const int64_t **rows, int64_t *n);

/* The number of batches in an epoch. */
WG_API int64_t wg_batches_count(const wg_batches *batches);

/* NULL is allowed. */
WG_API void wg_batches_free(wg_batches *batches);

#ifdef __cplusplus
}
#endif

#endif
