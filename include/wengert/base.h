/* base.h: what every other header of Wengert stands on: export marks, statuses, dtypes, plain
 * arrays. */
#ifndef WENGERT_BASE_H
#define WENGERT_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define WG_API
#elif defined(__GNUC__)
#define WG_API __attribute__((visibility("default")))
#else
#define WG_API
#endif

#if defined(__GNUC__)
#define WG_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define WG_PRINTF(text, first)
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define WG_VERSION_MAJOR 0
#define WG_VERSION_MINOR 1
#define WG_VERSION_PATCH 0

/* The version of the library that is linked, "major.minor.patch". */
WG_API const char *wg_version(void);

/* Every status: its name behind WG_, and what it says of itself. WG_OK is 0. */
#define WG_STATUSES(X)                                                                             \
    X(OK, "no error")                                                                              \
    X(ERROR_MEMORY, "out of memory")                                                               \
    X(ERROR_SHAPE, "shapes that do not fit")                                                       \
    X(ERROR_DTYPE, "a dtype that does not fit")                                                    \
    X(ERROR_HANDLE, "a stale or foreign handle")                                                   \
    X(ERROR_ARGUMENT, "an argument out of its range")                                              \
    X(ERROR_LIMIT, "a limit of the library exceeded")                                              \
    X(ERROR_FILE, "the operating system refused a file operation")                                 \
    X(ERROR_FORMAT, "damaged or foreign input")                                                    \
    X(ERROR_STATE, "a call at the wrong time")                                                     \
    X(ERROR_CHECK, "a check found a wrong gradient")                                               \
    X(ERROR_ANOMALY, "a NaN or an infinity out of finite numbers")                                 \
    X(ERROR_CONVERGENCE, "an iteration that did not converge")

typedef enum wg_status {
#define WG_STATUS_ENUM(name, text) WG_##name,
    WG_STATUSES(WG_STATUS_ENUM)
#undef WG_STATUS_ENUM
} wg_status;

/* What a status means, in a few words. Never NULL. */
WG_API const char *wg_status_text(wg_status status);

/* The detail of this thread's last failed call that returned a wg_status; "" before the first.
 * Valid until the thread's next failing call. A tape's first failure is here too, and stays with
 * the tape (wg_tape_message). */
WG_API const char *wg_last_message(void);

/* A bfloat16: the upper half of an f32. For storage, and as operands of products
 * (wengert/precision.h). */
typedef struct wg_bf16 {
    uint16_t bits;
} wg_bf16;

/* The element types that C computes with: name, C type, text. */
#define WG_COMPUTED_DTYPES(X)                                                                      \
    X(F32, float, "f32")                                                                           \
    X(F64, double, "f64")                                                                          \
    X(I64, int64_t, "i64")                                                                         \
    X(U8, uint8_t, "u8")

/* The element types of arrays. */
#define WG_DTYPES(X) WG_COMPUTED_DTYPES(X) X(BF16, wg_bf16, "bf16")

typedef enum wg_dtype {
#define WG_DTYPE_ENUM(name, type, text) WG_##name,
    WG_DTYPES(WG_DTYPE_ENUM)
#undef WG_DTYPE_ENUM
} wg_dtype;

/* Bytes an element of the dtype takes; 0 for a value that is no dtype. */
WG_API size_t wg_dtype_size(wg_dtype dtype);

/* "f32", "f64", "i64", "u8", "bf16". */
WG_API const char *wg_dtype_name(wg_dtype dtype);

/* The largest number of axes. */
#define WG_MAX_RANK 8

/* A plain array off any tape, contiguous in C order: what readers return and data is kept in. */
typedef struct wg_array {
    wg_dtype dtype;
    int rank;                   /* 0 to WG_MAX_RANK */
    int64_t shape[WG_MAX_RANK]; /* sizes of the first `rank` axes */
    void *data;                 /* 64-byte aligned; NULL when there are no elements */
} wg_array;

/* A new array of zeros into *out (free it with wg_array_free). Errors: ARGUMENT for a rank or a
 * size out of range, LIMIT where the bytes overflow, MEMORY. On failure *out is NULL. */
WG_API wg_status wg_array_new(wg_dtype dtype, int rank, const int64_t *shape, wg_array **out);

/* Frees an array and its data; NULL is allowed. */
WG_API void wg_array_free(wg_array *array);

/* The number of elements. */
WG_API int64_t wg_array_count(const wg_array *array);

#ifdef __cplusplus
}
#endif

#endif
