/* function.c: a function's life, its programs, and the calls that run them. */
#include "function/function.h"
#include "function/map.h"

#include <stdint.h>
#include <string.h>

/* ---- Life ------------------------------------------------------------------------------------ */

wg_function *wg_function_make(wg_program *value, wg_program *condition, uint8_t *taken,
                              bool relaxed, const wg_function_report *report) {
    wg_function *fn = wg_calloc(1, sizeof *fn);
    if (fn == NULL) {
        wg_program_free(value);
        wg_program_free(condition);
        wg_free(taken);
        (void)wg_fail(WG_ERROR_MEMORY, "function: no memory");
        return NULL;
    }
    fn->value = value;
    fn->condition = condition;
    fn->taken = taken;
    fn->relaxed = relaxed;
    fn->report = *report;
    return fn;
}

void wg_function_free(wg_function *fn) {
    if (fn == NULL) {
        return;
    }
    for (int mode = 0; mode < WG_MODE_COUNT; mode++) {
        wg_program_free(atomic_load(&fn->program[mode]));
        wg_code_free(atomic_load(&fn->code[mode]));
    }
    wg_code_free(atomic_load(&fn->condition_code));
    wg_function_free(atomic_load(&fn->derived)); /* as deep as derivatives were asked for */
    wg_function_free(atomic_load(&fn->tangent_step[0]));
    wg_function_free(atomic_load(&fn->tangent_step[1]));
    wg_compiled_free(atomic_load(&fn->compiled));
    wg_map_cache_free(atomic_load(&fn->map));
    wg_program_free(fn->value);
    wg_program_free(fn->condition);
    wg_free(fn->taken);
    wg_free(fn);
}

int wg_function_inputs(const wg_function *fn) {
    return (int)fn->value->inputs;
}

int wg_function_outputs(const wg_function *fn) {
    return (int)fn->value->outputs;
}

/* ---- Programs and codes, made at first use --------------------------------------------------- */

static wg_program *derive(const wg_function *fn, wg_function_mode mode) {
    switch (mode) {
    case WG_MODE_gradient:
        return wg_derive_gradient(fn->value, fn->relaxed);
    case WG_MODE_vjp:
        return wg_derive_vjp(fn->value, fn->relaxed);
    case WG_MODE_jvp:
        return wg_derive_jvp(fn->value, fn->relaxed);
    case WG_MODE_hvp:
        return wg_derive_hvp(fn->value, fn->relaxed);
    case WG_MODE_jacobian:
        return wg_derive_jacobian(fn->value, fn->relaxed);
    default:
        return wg_derive_hessian(fn->value, fn->relaxed);
    }
}

const wg_program *wg_function_program(const wg_function *fn, wg_function_mode mode) {
    if (mode == WG_MODE_value) {
        return fn->value;
    }
    wg_function *own = (wg_function *)(uintptr_t)fn; /* the caches alone change */
    wg_program *program = atomic_load(&own->program[mode]);
    if (program == NULL) {
        wg_program *fresh = derive(fn, mode);
        if (fresh == NULL || atomic_compare_exchange_strong(&own->program[mode], &program, fresh)) {
            return fresh;
        }
        wg_program_free(fresh); /* another thread was first */
    }
    return program;
}

/* Inputs x, then what a mode reads beside it; outputs as the modes list them (program.h). */
static wg_code *code_of(const wg_function *fn, wg_function_mode mode) {
    const wg_program *program = wg_function_program(fn, mode);
    if (program == NULL) {
        return NULL;
    }
    const uint32_t n = fn->value->inputs, m = fn->value->outputs;
    const bool weighted = mode == WG_MODE_vjp || mode == WG_MODE_hvp || mode == WG_MODE_hessian;
    const uint32_t in_first[3] = {0, n, n + m}, out_first[2] = {0, m};
    const bool two = mode == WG_MODE_gradient || mode == WG_MODE_vjp || mode == WG_MODE_jvp ||
                     mode == WG_MODE_jacobian;
    const wg_ports ports = {.ins = mode == WG_MODE_hvp               ? 3
                                   : weighted || mode == WG_MODE_jvp ? 2
                                                                     : 1,
                            .outs = two ? 2 : 1,
                            .in_first = in_first,
                            .out_first = out_first};
    return wg_code_new(program, &ports, fn->relaxed, "function");
}

static const wg_code *cached(_Atomic(wg_code *) *place, wg_code *fresh) {
    wg_code *code = NULL;
    if (fresh == NULL || atomic_compare_exchange_strong(place, &code, fresh)) {
        return fresh;
    }
    wg_code_free(fresh);
    return code;
}

const wg_code *wg_function_code(const wg_function *fn, wg_function_mode mode) {
    wg_function *own = (wg_function *)(uintptr_t)fn;
    const wg_code *code = atomic_load(&own->code[mode]);
    return code != NULL ? code : cached(&own->code[mode], code_of(fn, mode));
}

/* ---- Running --------------------------------------------------------------------------------- */

/* Derived programs of more terms than this are not written out entry by entry: the product modes
 * run once for each row or column instead. */
#define WG_MOST_WRITTEN_OUT ((int64_t)1 << 21)

/* What a call hands over: NULL where a mode has no such thing. */
typedef struct wg_points {
    wg_dtype dtype;
    int64_t count;
    const void *x, *w, *v;
    void *y, *d;
    const char *name;
} wg_points;

static wg_status refuse(const wg_function *fn, const wg_points *p, bool complete) {
    if (fn == NULL || p->count < 0 || (p->count > 0 && !complete)) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: %s", p->name,
                       fn == NULL     ? "the function is NULL"
                       : p->count < 0 ? "a negative number of points"
                                      : "an array is NULL");
    }
    return WG_OK;
}

static wg_port port(const void *data, int64_t point, int64_t index) {
    return (wg_port){(void *)(uintptr_t)data, point, index};
}

/* From so many points on, blocks may be faster than compiled code. */
#define WG_MANY_POINTS 16

/* Whether blocks run that many points at least as fast as compiled code: values, which it runs one
 * by one, and gradients of functions so short that reading points is most of the work, or that call
 * functions on eight points where blocks call them on many. */
static bool suits_blocks(const wg_function *fn, wg_function_mode mode, int64_t count) {
    if (count < WG_MANY_POINTS || mode == WG_MODE_value || fn->value->count > 512) {
        return count >= WG_MANY_POINTS && mode == WG_MODE_value;
    }
    const wg_code *code = wg_function_code(fn, mode);
    return code != NULL && code->slots <= 32 && (code->costly > 0 || code->steps <= 64);
}

/* By compiled code, where there is any for this. */
static bool run_compiled(const wg_function *fn, wg_function_mode mode, const wg_points *p,
                         wg_status *status) {
    wg_compiled *compiled = atomic_load(&((wg_function *)(uintptr_t)fn)->compiled);
    if (compiled == NULL || p->dtype != WG_F64 || suits_blocks(fn, mode, p->count)) {
        return false;
    }
    *status = wg_compiled_run(compiled, p->count, fn->value->inputs, fn->value->outputs, p->x, p->w,
                              p->y, p->d, p->name);
    return true;
}

static wg_status run_value(const wg_function *fn, const wg_points *p) {
    const int64_t n = fn->value->inputs, m = fn->value->outputs;
    wg_status status;
    if (run_compiled(fn, WG_MODE_value, p, &status)) {
        return status;
    }
    const wg_code *code = wg_function_code(fn, WG_MODE_value);
    const wg_port in = port(p->x, n, 1), out = port(p->y, m, 1);
    return code == NULL ? wg_last_status()
                        : wg_code_run(code, p->dtype, p->count, &in, &out, p->name);
}

/* A mode with results [count, m] and [count, width] (y may be NULL). */
static wg_status run_two(const wg_function *fn, wg_function_mode mode, const wg_points *p,
                         const wg_port *in, int64_t width) {
    const wg_code *code = wg_function_code(fn, mode);
    const wg_port out[2] = {port(p->y, fn->value->outputs, 1), port(p->d, width, 1)};
    return code == NULL ? wg_last_status()
                        : wg_code_run(code, p->dtype, p->count, in, out, p->name);
}

static wg_status run_gradient(const wg_function *fn, const wg_points *p) {
    const int64_t n = fn->value->inputs;
    if (fn->value->outputs != 1) {
        return wg_fail(WG_ERROR_ARGUMENT,
                       "%s: a function of %u outputs has no gradient; use wg_function_vjp or "
                       "wg_function_jacobian",
                       p->name, fn->value->outputs);
    }
    wg_status status;
    if (run_compiled(fn, WG_MODE_gradient, p, &status)) {
        return status;
    }
    const wg_port in = port(p->x, n, 1);
    return run_two(fn, WG_MODE_gradient, p, &in, n);
}

static wg_status run_vjp(const wg_function *fn, const wg_points *p) {
    const int64_t n = fn->value->inputs, m = fn->value->outputs;
    wg_status status;
    if (m != 1 && run_compiled(fn, WG_MODE_vjp, p, &status)) {
        return status;
    }
    const wg_port in[2] = {port(p->x, n, 1), port(p->w, m, 1)};
    return run_two(fn, WG_MODE_vjp, p, in, n);
}

static wg_status run_jvp(const wg_function *fn, const wg_points *p) {
    const int64_t n = fn->value->inputs, m = fn->value->outputs;
    const wg_port in[2] = {port(p->x, n, 1), port(p->v, n, 1)};
    return run_two(fn, WG_MODE_jvp, p, in, m);
}

/* `length` numbers of the dtype, all 0 or all 1; NULL where memory ran out. */
static void *numbers(wg_dtype dtype, int64_t length, double value, const char *name) {
    void *memory = wg_alloc((size_t)(length > 0 ? length : 1) * wg_dtype_size(dtype));
    for (int64_t i = 0; i < length && memory != NULL; i++) {
        if (dtype == WG_F32) {
            ((float *)memory)[i] = (float)value;
        } else {
            ((double *)memory)[i] = value;
        }
    }
    if (memory == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "%s: no memory for a direction", name);
    }
    return memory;
}

static void set_number(wg_dtype dtype, void *memory, int64_t i, double value) {
    if (dtype == WG_F32) {
        ((float *)memory)[i] = (float)value;
    } else {
        ((double *)memory)[i] = value;
    }
}

/* One run for each unit direction: port `along` of `in` has its elements in turn set to 1, and
 * result k of point p goes to data[p * point + k * index + direction * step]. */
static wg_status run_directions(const wg_function *fn, wg_function_mode mode, const wg_points *p,
                                wg_port *in, int along, int64_t directions, wg_port to,
                                int64_t step) {
    const wg_code *code = wg_function_code(fn, mode);
    void *unit = code != NULL ? numbers(p->dtype, directions, 0, p->name) : NULL;
    wg_status status = unit == NULL ? wg_last_status() : WG_OK;
    in[along] = port(unit, 0, 1);
    for (int64_t k = 0; k < directions && p->count > 0 && status == WG_OK; k++) {
        set_number(p->dtype, unit, k, 1);
        wg_port out[2] = {port(k == 0 ? p->y : NULL, fn->value->outputs, 1), to};
        out[1].data = (char *)to.data + (size_t)(k * step) * wg_dtype_size(p->dtype);
        status =
            wg_code_run(code, p->dtype, p->count, in, mode == WG_MODE_hvp ? &out[1] : out, p->name);
        set_number(p->dtype, unit, k, 0);
    }
    wg_free(unit);
    return status;
}

static wg_status run_jacobian(const wg_function *fn, const wg_points *p) {
    const int64_t n = fn->value->inputs, m = fn->value->outputs, least = n < m ? n : m;
    wg_port in[2] = {port(p->x, n, 1)};
    if ((int64_t)fn->value->count * least <= WG_MOST_WRITTEN_OUT) {
        return run_two(fn, WG_MODE_jacobian, p, in, m * n);
    }
    return m <= n ? run_directions(fn, WG_MODE_vjp, p, in, 1, m, port(p->d, m * n, 1), n)
                  : run_directions(fn, WG_MODE_jvp, p, in, 1, n, port(p->d, m * n, n), 1);
}

/* Weights for the modes that take them: ones where the caller gave none. */
static wg_status run_weighted(const wg_function *fn, const wg_points *p, bool hessian) {
    const int64_t n = fn->value->inputs, m = fn->value->outputs;
    void *ones = p->w == NULL ? numbers(p->dtype, m, 1, p->name) : NULL;
    if (p->w == NULL && ones == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_port in[3] = {port(p->x, n, 1), p->w != NULL ? port(p->w, m, 1) : port(ones, 0, 1),
                     port(p->v, n, 1)};
    wg_status status;
    if (hessian && (int64_t)fn->value->count * n > WG_MOST_WRITTEN_OUT) {
        status = run_directions(fn, WG_MODE_hvp, p, in, 2, n, port(p->d, n * n, n), 1);
    } else {
        const wg_code *code = wg_function_code(fn, hessian ? WG_MODE_hessian : WG_MODE_hvp);
        const wg_port out = port(p->d, hessian ? n * n : n, 1);
        status = code == NULL ? wg_last_status()
                              : wg_code_run(code, p->dtype, p->count, in, &out, p->name);
    }
    wg_free(ones);
    return status;
}

/* ---- The public calls, in both types --------------------------------------------------------- */

#define WG_POINTS(dtype_of, call)                                                                  \
    .dtype = dtype_of, .count = count, .x = x, .name = "function_" call

#define WG_DEFINE_CALLS(suffix, type, dtype_of)                                                    \
    wg_status wg_function_value##suffix(const wg_function *fn, int64_t count, const type *x,       \
                                        type *y) {                                                 \
        const wg_points p = {WG_POINTS(dtype_of, "value"), .y = y};                                \
        const wg_status status = refuse(fn, &p, x != NULL && y != NULL);                           \
        return status != WG_OK ? status : run_value(fn, &p);                                       \
    }                                                                                              \
    wg_status wg_function_gradient##suffix(const wg_function *fn, int64_t count, const type *x,    \
                                           type *y, type *dydx) {                                  \
        const wg_points p = {WG_POINTS(dtype_of, "gradient"), .y = y, .d = dydx};                  \
        const wg_status status = refuse(fn, &p, x != NULL && dydx != NULL);                        \
        return status != WG_OK ? status : run_gradient(fn, &p);                                    \
    }                                                                                              \
    wg_status wg_function_vjp##suffix(const wg_function *fn, int64_t count, const type *x,         \
                                      const type *w, type *y, type *g) {                           \
        const wg_points p = {WG_POINTS(dtype_of, "vjp"), .w = w, .y = y, .d = g};                  \
        const wg_status status = refuse(fn, &p, x != NULL && w != NULL && g != NULL);              \
        return status != WG_OK ? status : run_vjp(fn, &p);                                         \
    }                                                                                              \
    wg_status wg_function_jvp##suffix(const wg_function *fn, int64_t count, const type *x,         \
                                      const type *v, type *y, type *dy) {                          \
        const wg_points p = {WG_POINTS(dtype_of, "jvp"), .v = v, .y = y, .d = dy};                 \
        const wg_status status = refuse(fn, &p, x != NULL && v != NULL && dy != NULL);             \
        return status != WG_OK ? status : run_jvp(fn, &p);                                         \
    }                                                                                              \
    wg_status wg_function_jacobian##suffix(const wg_function *fn, int64_t count, const type *x,    \
                                           type *y, type *jacobian) {                              \
        const wg_points p = {WG_POINTS(dtype_of, "jacobian"), .y = y, .d = jacobian};              \
        const wg_status status = refuse(fn, &p, x != NULL && jacobian != NULL);                    \
        return status != WG_OK ? status : run_jacobian(fn, &p);                                    \
    }                                                                                              \
    wg_status wg_function_hessian##suffix(const wg_function *fn, int64_t count, const type *x,     \
                                          const type *w, type *hessian) {                          \
        const wg_points p = {WG_POINTS(dtype_of, "hessian"), .w = w, .d = hessian};                \
        const wg_status status = refuse(fn, &p, x != NULL && hessian != NULL);                     \
        return status != WG_OK ? status : run_weighted(fn, &p, true);                              \
    }                                                                                              \
    wg_status wg_function_hvp##suffix(const wg_function *fn, int64_t count, const type *x,         \
                                      const type *w, const type *v, type *hv) {                    \
        const wg_points p = {WG_POINTS(dtype_of, "hvp"), .w = w, .v = v, .d = hv};                 \
        const wg_status status = refuse(fn, &p, x != NULL && v != NULL && hv != NULL);             \
        return status != WG_OK ? status : run_weighted(fn, &p, false);                             \
    }
WG_DEFINE_CALLS(, double, WG_F64)
WG_DEFINE_CALLS(_f32, float, WG_F32)

/* ---- Branches and the report ----------------------------------------------------------------- */

static const wg_code *condition_code(const wg_function *fn) {
    wg_function *own = (wg_function *)(uintptr_t)fn;
    const wg_code *code = atomic_load(&own->condition_code);
    const uint32_t first = 0;
    const wg_ports ports = {1, 1, &first, &first};
    return code != NULL
               ? code
               : cached(&own->condition_code,
                        wg_code_new(fn->condition, &ports, fn->relaxed, "function_recheck"));
}

/* Compares what the branches saw at `count` points with what they were. */
static int64_t compare(const wg_function *fn, int64_t count, const double *saw, uint8_t *holds,
                       int64_t *first, uint32_t *branch) {
    const uint32_t branches = fn->condition->outputs;
    int64_t failed = 0;
    for (int64_t p = 0; p < count; p++) {
        uint32_t k = 0;
        while (k < branches && (saw[p * branches + k] != 0) == (fn->taken[k] != 0)) {
            k++;
        }
        if (k < branches && failed++ == 0) {
            *first = p;
            *branch = k;
        }
        if (holds != NULL) {
            holds[p] = k == branches ? 1 : 0;
        }
    }
    return failed;
}

wg_status wg_function_recheck(const wg_function *fn, int64_t count, const double *x,
                              uint8_t *holds) {
    const wg_points p = {WG_POINTS(WG_F64, "recheck")};
    const wg_status status = refuse(fn, &p, x != NULL);
    if (status != WG_OK) {
        return status;
    }
    if (fn->condition == NULL) {
        if (holds != NULL && count > 0) {
            memset(holds, 1, (size_t)count);
        }
        return WG_OK;
    }
    const wg_code *code = condition_code(fn);
    const int64_t n = fn->value->inputs, branches = fn->condition->outputs;
    const bool fits = (uint64_t)count <= (SIZE_MAX - 64) / sizeof(double) / (size_t)branches;
    double *saw = fits ? wg_alloc((size_t)count * (size_t)branches * sizeof *saw + 64) : NULL;
    if (code == NULL || saw == NULL) {
        wg_free(saw);
        return wg_fail(WG_ERROR_MEMORY, "function_recheck: no memory for %lld points",
                       (long long)count);
    }
    const wg_port in = port(x, n, 1), out = port(saw, branches, 1);
    wg_status ran = wg_code_run(code, WG_F64, count, &in, &out, p.name);
    int64_t first = 0;
    uint32_t branch = 0;
    const int64_t failed = ran == WG_OK ? compare(fn, count, saw, holds, &first, &branch) : 0;
    wg_free(saw);
    if (failed > 0) {
        return wg_fail(WG_ERROR_STATE,
                       "function_recheck: the record does not hold for %lld of %lld points; the "
                       "first is point %lld, where branch %u was %s while recording",
                       (long long)failed, (long long)count, (long long)first, branch,
                       fn->taken[branch] != 0 ? "taken" : "not taken");
    }
    return ran;
}

wg_status wg_function_report_of(const wg_function *fn, wg_function_report *report) {
    if (fn == NULL || report == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "function_report: %s is NULL",
                       fn == NULL ? "the function" : "the report");
    }
    const wg_function_mode mode = fn->value->outputs == 1 ? WG_MODE_gradient : WG_MODE_vjp;
    const wg_code *value = wg_function_code(fn, WG_MODE_value);
    const wg_code *gradient = value != NULL ? wg_function_code(fn, mode) : NULL;
    if (gradient == NULL) {
        return wg_last_status();
    }
    *report = fn->report;
    report->operations = wg_program_operations(fn->value);
    report->fused = value->fused;
    report->slots = value->slots;
    report->gradient_operations = wg_program_operations(wg_function_program(fn, mode));
    report->gradient_slots = gradient->slots;
    return WG_OK;
}
