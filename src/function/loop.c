/* loop.c: a step repeated many times as one operation, whose sweep runs the loop again. */
#include "wengert/loop.h"

#include "function/call.h"
#include "function/revolve.h"
#include "tape/tape.h"

#include <math.h>
#include <string.h>

#define WG_LOOP_MEMORY ((size_t)1 << 24)

/* What both operations keep. */
typedef struct wg_loop_state {
    const wg_function *step;
    int64_t steps;
    size_t memory;
    bool counted;
} wg_loop_state;

/* Sizes that follow: of the state, of the parameters, of all a step reads. */
static int64_t state_size(const wg_loop_state *loop) {
    return wg_function_outputs(loop->step);
}

static int64_t parameter_count(const wg_loop_state *loop) {
    return wg_function_inputs(loop->step) - state_size(loop) - (loop->counted ? 1 : 0);
}

/* ---- Shapes -----------------------------------------------------------------------------------
 */

static wg_status check_vector(wg_call *call, int i, const char *what, int64_t size) {
    const wg_view *x = wg_call_operand(call, i);
    if (x->rank != 1 || x->shape[0] != size) {
        const wg_loop_state *loop = wg_call_state(call);
        return wg_call_fail(call, WG_ERROR_SHAPE,
                            "the %s of shape %s do not fit a step of %d inputs%s and %d outputs: "
                            "it takes [%lld]",
                            what, wg_call_shape(call, i), wg_function_inputs(loop->step),
                            loop->counted ? " (the last one its number)" : "",
                            wg_function_outputs(loop->step), (long long)size);
    }
    if (x->dtype != WG_F64) {
        return wg_call_fail(call, WG_ERROR_DTYPE, "the %s are %s; a loop runs in f64 (wg_cast)",
                            what, wg_dtype_name(x->dtype));
    }
    return WG_OK;
}

static wg_status check_operands(wg_call *call) {
    const wg_loop_state *loop = wg_call_state(call);
    if (parameter_count(loop) < 0) {
        return wg_call_fail(call, WG_ERROR_SHAPE,
                            "a step of %d inputs and %d outputs: it takes the state%s, and gives "
                            "the next state",
                            wg_function_inputs(loop->step), wg_function_outputs(loop->step),
                            loop->counted ? ", parameters and its number" : " and parameters");
    }
    const wg_status status = check_vector(call, 0, "state's elements", state_size(loop));
    return status != WG_OK ? status : check_vector(call, 1, "parameters", parameter_count(loop));
}

static wg_status checkpointed_loop_shape(wg_call *call) {
    const wg_loop_state *loop = wg_call_state(call);
    const wg_status status = check_operands(call);
    return status != WG_OK ? status : wg_call_result(call, WG_F64, 1, &(int64_t){state_size(loop)});
}

static wg_status loop_adjoint_shape(wg_call *call) {
    const wg_loop_state *loop = wg_call_state(call);
    wg_status status = check_operands(call);
    if (status == WG_OK) {
        status = check_vector(call, 2, "adjoint's elements", state_size(loop));
    }
    const int64_t size = state_size(loop) + parameter_count(loop);
    return status != WG_OK ? status : wg_call_result(call, WG_F64, 1, &size);
}

/* Samples cannot hold a function; tests make theirs. */
static bool checkpointed_loop_samples(int index, wg_sample *sample) {
    (void)index, (void)sample;
    return false;
}

static bool loop_adjoint_samples(int index, wg_sample *sample) {
    (void)index, (void)sample;
    return false;
}

/* ---- Running it -------------------------------------------------------------------------------
 */

/* A loop on its way. The state at hand stands in one of two rows of what a step reads, and the next
 * one goes into the other: a step writes results before it has read all. */
typedef struct wg_runner {
    const wg_code *code, *derived;
    int64_t n, inputs;
    bool counted;
    double *row[2]; /* state, parameters, the step's number; then the next state's adjoint */
    int here;       /* the row at hand */
    int64_t at;     /* the step whose state is at hand */
    double *slot;
    double *gradient; /* of one step, with respect to all it reads */
} wg_runner;

/* Doubles a runner needs. */
static size_t runner_size(const wg_runner *run) {
    const size_t slots = run->derived != NULL && run->derived->cells > run->code->cells
                             ? run->derived->cells
                             : run->code->cells;
    return (size_t)(3 * run->inputs + 2 * run->n) + slots;
}

static void place_runner(wg_runner *run, double *memory, const wg_call *call) {
    const wg_view *state = wg_call_operand(call, 0), *parameters = wg_call_operand(call, 1);
    run->row[0] = memory;
    run->row[1] = memory + run->inputs + run->n;
    run->gradient = run->row[1] + run->inputs + run->n;
    run->slot = run->gradient + run->inputs;
    for (int k = 0; k < 2; k++) {
        if (parameters->shape[0] > 0) {
            memcpy(run->row[k] + run->n, parameters->data,
                   (size_t)parameters->shape[0] * sizeof(double));
        }
    }
    memcpy(run->row[0], state->data, (size_t)run->n * sizeof(double));
}

static void advance(wg_runner *run, int64_t to) {
    for (; run->at < to; run->at++) {
        double *here = run->row[run->here];
        if (run->counted) {
            here[run->inputs - 1] = (double)run->at;
        }
        run->here = 1 - run->here;
        const wg_port in = {here, 0, 1}, out = {run->row[run->here], 0, 1};
        wg_run_point(run->code, &in, &out, 0, run->slot);
    }
}

/* adjoint: of the state behind step `at`, which becomes that of the state before it; then of the
 * parameters, to which the step's is added. */
static void reverse(wg_runner *run, double *adjoint, int64_t parameters) {
    double *here = run->row[run->here];
    const size_t bytes = (size_t)run->n * sizeof(double);
    if (run->counted) {
        here[run->inputs - 1] = (double)run->at;
    }
    memcpy(here + run->inputs, adjoint, bytes);
    const wg_port in = {here, 0, 1}, out = {run->gradient, 0, 1};
    wg_run_point(run->derived, &in, &out, 0, run->slot);
    memcpy(adjoint, run->gradient, bytes);
    for (int64_t j = run->n; j < run->n + parameters; j++) {
        adjoint[j] += run->gradient[j];
    }
}

static wg_status checkpointed_loop_forward(wg_call *call) {
    const wg_loop_state *loop = wg_call_state(call);
    wg_runner run = {.code = wg_call_code(call, loop->step),
                     .n = state_size(loop),
                     .inputs = wg_function_inputs(loop->step),
                     .counted = loop->counted};
    double *memory =
        run.code != NULL ? wg_call_scratch(call, runner_size(&run) * sizeof *memory) : NULL;
    if (memory == NULL) {
        return WG_ERROR_MEMORY;
    }
    place_runner(&run, memory, call);
    advance(&run, loop->steps);
    memcpy(wg_call_out(call)->data, run.row[run.here], (size_t)run.n * sizeof(double));
    return WG_OK;
}

/* How many states the memory has room for, the start (which is there anyway) counted. */
static int64_t checkpoints_for(const wg_loop_state *loop) {
    const size_t memory = loop->memory != 0 ? loop->memory : WG_LOOP_MEMORY;
    const size_t each = (size_t)state_size(loop) * sizeof(double) + sizeof(int64_t);
    const size_t room = memory / each > 0 ? memory / each : 1;
    const int64_t most = loop->steps < WG_MOST_CHECKPOINTS ? loop->steps : WG_MOST_CHECKPOINTS;
    return most <= 1 ? 1 : room < (size_t)most ? (int64_t)room + 1 : most;
}

/* Checkpoint k > 0 stands at states[(k - 1) n]. */
static void run_back(wg_runner *run, wg_revolve *revolve, const double *start, double *states,
                     double *adjoint, int64_t parameters) {
    const size_t bytes = (size_t)run->n * sizeof(double);
    for (;;) {
        int64_t number = 0;
        switch (wg_revolve_next(revolve, &number)) {
        case WG_REVOLVE_ADVANCE:
            advance(run, number);
            break;
        case WG_REVOLVE_STORE:
            memcpy(states + (number - 1) * run->n, run->row[run->here], bytes);
            break;
        case WG_REVOLVE_RESTORE:
            memcpy(run->row[run->here], number > 0 ? states + (number - 1) * run->n : start, bytes);
            run->at = revolve->at;
            break;
        case WG_REVOLVE_REVERSE:
            reverse(run, adjoint, parameters);
            break;
        default:
            return;
        }
    }
}

/* [n + p]: the adjoints of the start and of the parameters, out of that of the end. Storing every
 * state is the schedule with a checkpoint for each. */
static wg_status loop_adjoint_forward(wg_call *call) {
    const wg_loop_state *loop = wg_call_state(call);
    const wg_function *derived = wg_call_derived(call, loop->step);
    if (derived == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_runner run = {.code = wg_call_code(call, loop->step),
                     .derived = wg_call_code(call, derived),
                     .n = state_size(loop),
                     .inputs = wg_function_inputs(loop->step),
                     .counted = loop->counted};
    if (run.code == NULL || run.derived == NULL) {
        return WG_ERROR_MEMORY;
    }
    const int64_t checkpoints = checkpoints_for(loop), parameters = parameter_count(loop);
    const size_t held = (size_t)checkpoints * sizeof(int64_t);
    const size_t states = (size_t)(checkpoints - 1) * (size_t)run.n * sizeof(double);
    char *memory = wg_call_scratch(call, held + states + runner_size(&run) * sizeof(double));
    if (memory == NULL) {
        return WG_ERROR_MEMORY;
    }
    double *adjoint = wg_call_out(call)->data, *room = (double *)(void *)(memory + held);
    memcpy(adjoint, wg_call_operand(call, 2)->data, (size_t)run.n * sizeof(double));
    memset(adjoint + run.n, 0, (size_t)parameters * sizeof(double));
    place_runner(&run, room, call);
    wg_revolve revolve;
    wg_revolve_begin(&revolve, loop->steps, checkpoints, (int64_t *)(void *)memory);
    run_back(&run, &revolve, wg_call_operand(call, 0)->data, room + runner_size(&run), adjoint,
             parameters);
    return WG_OK;
}

/* ---- Chain rules ------------------------------------------------------------------------------
 */

extern const wg_op wg_op_loop_adjoint;

static wg_var piece(const wg_call *call, wg_var x, int64_t first, int64_t size) {
    return wg_slice_at(x, 0, first, first + size, 1, call->site);
}

static wg_var join(const wg_call *call, wg_var a, wg_var b) {
    const wg_var pair[2] = {a, b};
    return wg_concat_at(2, pair, 0, call->site);
}

static void checkpointed_loop_chain(wg_call *call, wg_var g) {
    const wg_loop_state *loop = wg_call_state(call);
    const int64_t n = state_size(loop);
    const wg_var operands[3] = {wg_operand(call, 0), wg_operand(call, 1), g};
    const wg_var all = wg_apply(&wg_op_loop_adjoint, 3, operands, loop, sizeof *loop, call->site);
    wg_give(call, 0, piece(call, all, 0, n));
    wg_give(call, 1, piece(call, all, n, parameter_count(loop)));
}

WG_DEFINE_OP(checkpointed_loop, checkpointed_loop_forward, checkpointed_loop_chain,
             WG_READS_OPERANDS, WG_OP_CONTIGUOUS)

/* The result is a = Jᵀ g, J the loop's Jacobian with respect to the start and the parameters, so
 * that h · a = g · J h. J h is what a loop over the step and its tangent ends with. To that loop's
 * end belongs the adjoint (0, g), and what its own sweep then finds for the start and the
 * parameters are h · a's derivatives. */
static void loop_adjoint_chain(wg_call *call, wg_var h) {
    const wg_loop_state *loop = wg_call_state(call);
    const int64_t n = state_size(loop), p = parameter_count(loop);
    wg_loop_state tangent = *loop;
    tangent.step = wg_function_tangent_step(loop->step, loop->counted);
    if (tangent.step == NULL) {
        (void)wg_call_fail(call, WG_ERROR_MEMORY, "%s", wg_last_message());
        return;
    }
    const wg_var g = wg_operand(call, 2);
    const wg_var zero = wg_full(call->tape, WG_F64, 1, &n, 0);
    const wg_var operands[3] = {join(call, wg_operand(call, 0), piece(call, h, 0, n)),
                                join(call, wg_operand(call, 1), piece(call, h, n, p)),
                                join(call, zero, g)};
    if (wg_wants(call, 0) || wg_wants(call, 1)) {
        const wg_var all =
            wg_apply(&wg_op_loop_adjoint, 3, operands, &tangent, sizeof tangent, call->site);
        wg_give(call, 0, piece(call, all, 0, n));
        wg_give(call, 1, piece(call, all, 2 * n, p));
    }
    if (wg_wants(call, 2)) {
        const wg_var both =
            wg_apply(&wg_op_checkpointed_loop, 2, operands, &tangent, sizeof tangent, call->site);
        wg_give(call, 2, piece(call, both, n, n));
    }
}

WG_DEFINE_OP(loop_adjoint, loop_adjoint_forward, loop_adjoint_chain, WG_READS_OPERANDS,
             WG_OP_CONTIGUOUS)

/* ---- The call ---------------------------------------------------------------------------------
 */

/* Parameters as a vector, where they are none or one. */
static wg_var vector_of(wg_tape *tape, const wg_loop_state *loop, wg_var parameters,
                        const char *site) {
    if (wg_var_is_array(parameters)) {
        return parameters;
    }
    switch (parameter_count(loop)) {
    case 0:
        return parameters.tape == NULL ? wg_full(tape, WG_F64, 1, &(int64_t){0}, 0) : parameters;
    case 1:
        return wg_stack_at(tape, 1, &parameters, site);
    default:
        return parameters;
    }
}

wg_var wg_checkpointed_loop_at(const wg_function *step, int64_t steps, wg_var state,
                               wg_var parameters, wg_loop_options options, const char *site) {
    wg_tape *tape = state.tape != NULL ? state.tape : parameters.tape;
    if (tape == NULL) {
        (void)wg_fail(WG_ERROR_ARGUMENT, "checkpointed_loop: no operand is on a tape (%s)",
                      site != NULL ? site : "no call site");
        return wg_number((double)NAN);
    }
    if (step == NULL || steps < 0 || steps > WG_MOST_STEPS) {
        if (step == NULL) {
            wg_tape_fail(tape, WG_ERROR_ARGUMENT, "checkpointed_loop", site, "the step is NULL");
        } else {
            wg_tape_fail(tape, steps < 0 ? WG_ERROR_ARGUMENT : WG_ERROR_LIMIT, "checkpointed_loop",
                         site, "%lld steps", (long long)steps);
        }
        return wg_poison(tape);
    }
    wg_loop_state loop;
    memset(&loop, 0, sizeof loop); /* its gaps are copied too */
    loop.step = step;
    loop.steps = steps;
    loop.memory = options.memory < SIZE_MAX / 4 ? options.memory : SIZE_MAX / 4;
    loop.counted = options.counted;
    const wg_var operands[2] = {state, vector_of(tape, &loop, parameters, site)};
    return wg_apply(&wg_op_checkpointed_loop, 2, operands, &loop, sizeof loop, site);
}
