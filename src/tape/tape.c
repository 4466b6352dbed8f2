/* tape.c: a tape's life, its errors, its scopes. */
#include "tape/tape.h"

#include <stdio.h>
#include <string.h>

uint32_t wg_tape_epoch(wg_tape *tape) {
    tape->next_epoch = tape->next_epoch >= WG_ARRAY_BIT - 1 ? 1 : tape->next_epoch + 1;
    return tape->next_epoch;
}

/* A cached constant must not be found before it is stored: no plain number has this NaN's bits. */
static void forget_constants(wg_tape *tape) {
    for (int way = 0; way < WG_CONSTANT_WAYS; way++) {
        tape->lane.cached_bits[way] = 0x7ff4dead0000beefu;
    }
}

static void new_life(wg_tape *tape) {
    uint32_t epoch = wg_tape_epoch(tape);
    tape->lane.epoch = epoch;
    tape->segment[0].first = 0;
    tape->segment[0].epoch = epoch;
    tape->segment_count = 1;
    tape->node_epoch = wg_tape_epoch(tape);
}

wg_tape *wg_tape_new(void) {
    wg_tape *tape = wg_calloc(1, sizeof *tape);
    if (tape == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "tape_new: no memory");
        return NULL;
    }
    if (!wg_tape_grow(tape, (void **)&tape->segment, &tape->segment_capacity, 1,
                      sizeof *tape->segment)) {
        wg_free(tape);
        (void)wg_fail(WG_ERROR_MEMORY, "tape_new: no memory");
        return NULL;
    }
    forget_constants(tape);
    new_life(tape);
    return tape;
}

void wg_tape_free(wg_tape *tape) {
    if (tape == NULL) {
        return;
    }
    wg_nodes_cut(tape, 0);
    wg_pool_clear(&tape->pool);
    wg_arena_clear(&tape->arena);
    for (uint64_t i = 0; i < tape->chunk_count; i++) {
        wg_free(tape->node_chunk[i]);
    }
    wg_free(tape->node_chunk);
    wg_free(tape->lane.value);
    wg_free(tape->lane.operand);
    wg_free(tape->lane.opcode);
    wg_free(tape->constant);
    wg_free(tape->lane.adjoint);
    wg_free(tape->segment);
    wg_free(tape->scope);
    wg_free(tape->scalar_site);
    wg_free(tape);
}

void wg_tape_reset(wg_tape *tape) {
    if (WG_UNLIKELY(tape->watch != NULL)) {
        tape->watch->cut(tape->watch);
    }
    wg_nodes_cut(tape, 0);
    wg_lane_clear_adjoints(tape, 0);
    tape->lane.leaf_head = 0;
    wg_arena_cut(&tape->arena, (wg_arena_mark){tape->arena.first, 0});
    tape->lane.count = 0;
    tape->constant_count = 0;
    tape->lane.adjoint_count = 0;
    tape->scope_count = 0;
    tape->no_grad = 0;
    tape->values_read = 0;
    tape->status = WG_OK;
    tape->message[0] = '\0';
    forget_constants(tape);
    new_life(tape);
    wg_tape_switch(tape);
}

wg_status wg_tape_status(const wg_tape *tape) {
    return tape->status;
}

const char *wg_tape_message(const wg_tape *tape) {
    return tape->message;
}

wg_tape_usage wg_tape_usage_of(const wg_tape *tape) {
    wg_tape_usage usage = {
        .scalars = tape->lane.count,
        .arrays = tape->node_count,
        .bytes_held = tape->pool.held,
        .bytes_peak = tape->pool.peak,
        .bytes_system =
            tape->pool.system +
            tape->scalar_capacity * (sizeof(double) + sizeof(wg_operands) + sizeof(uint16_t)) +
            tape->adjoint_capacity * sizeof(double) + tape->constant_capacity * sizeof(double) +
            tape->chunk_count * WG_NODES_A_CHUNK * sizeof(wg_node),
        .allocations = tape->pool.allocations,
    };
    return usage;
}

void wg_tape_switch(wg_tape *tape) {
    const bool is_open = tape->status == WG_OK && tape->no_grad == 0 && !tape->anomaly;
    tape->lane.capacity = is_open ? tape->scalar_capacity : 0;
}

wg_status wg_tape_fail_v(wg_tape *tape, wg_status status, const char *name, const char *site,
                         const char *format, va_list arguments) {
    if (tape->status != WG_OK) {
        return tape->status;
    }
    char detail[WG_TAPE_MESSAGE_BYTES];
    (void)vsnprintf(detail, sizeof detail, format, arguments);
    (void)snprintf(tape->message, sizeof tape->message, "%.64s: %.320s%s%.100s%s", name, detail,
                   site != NULL ? " (" : "", site != NULL ? site : "", site != NULL ? ")" : "");
    tape->status = status;
    wg_tape_switch(tape);
    return wg_fail(status, "%s", tape->message); /* one place to look, whoever failed */
}

wg_status wg_tape_fail(wg_tape *tape, wg_status status, const char *name, const char *site,
                       const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    status = wg_tape_fail_v(tape, status, name, site, format, arguments);
    va_end(arguments);
    return status;
}

bool wg_tape_grow(wg_tape *tape, void **array, uint64_t *capacity, uint64_t need, size_t size) {
    if (need <= *capacity) {
        return true;
    }
    uint64_t grown = *capacity < 16 ? 16 : *capacity;
    while (grown < need) {
        grown *= 2;
    }
    if (grown > SIZE_MAX / size) {
        return false;
    }
    void *memory = wg_realloc(*array, (size_t)grown * size);
    if (memory == NULL) {
        return false;
    }
    tape->pool.allocations++;
    *array = memory;
    *capacity = grown;
    return true;
}

void wg_no_grad_begin(wg_tape *tape) {
    tape->no_grad++;
    wg_tape_switch(tape);
}

void wg_no_grad_end(wg_tape *tape) {
    if (tape->no_grad > 0) {
        tape->no_grad--;
    }
    wg_tape_switch(tape);
}

wg_scope_mark wg_scope_begin(wg_tape *tape) {
    wg_scope_mark mark = {tape->scope_count};
    if (!wg_tape_grow(tape, (void **)&tape->scope, &tape->scope_capacity, tape->scope_count + 1,
                      sizeof *tape->scope)) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "scope_begin", NULL, "no memory for the mark");
        return mark;
    }
    tape->scope[tape->scope_count++] = (wg_open_scope){
        tape->lane.count, tape->node_count, tape->constant_count, wg_arena_now(&tape->arena)};
    return mark;
}

/* What a kept handle needs to be made anew behind the cut. */
typedef struct wg_survivor {
    int position;
    wg_view view;
    wg_block *block;
    double value;
} wg_survivor;

/* Takes keep[position] out of the scope's reach; false where it stands before the scope anyway. */
static bool rescue(wg_tape *tape, const wg_open_scope *scope, wg_var kept, wg_survivor *survivor) {
    if (kept.tape == NULL || tape->status != WG_OK ||
        wg_var_refused(tape, kept, survivor->position, "scope_end", NULL)) {
        return false;
    }
    wg_node *node = wg_node_of(kept);
    if (node != NULL) {
        if (kept.as.slot.index < scope->nodes) {
            return false;
        }
        survivor->view = node->view;
        survivor->block = wg_block_share(node->block);
        return true;
    }
    if (kept.as.slot.index < scope->scalars) {
        return false;
    }
    survivor->block = NULL;
    survivor->view.data = NULL;
    survivor->view.rank = -1;
    survivor->value = tape->lane.value[kept.as.slot.index];
    return true;
}

static wg_var settle(wg_tape *tape, const wg_survivor *survivor) {
    if (survivor->view.rank >= 0) {
        wg_var settled = wg_node_wrap(tape, &survivor->view, survivor->block);
        wg_pool_drop(&tape->pool, survivor->block);
        return settled;
    }
    if (!wg_tape_records(tape)) {
        return wg_number(survivor->value);
    }
    if (!wg_lane_room(tape, 1, "scope_end", NULL)) {
        return wg_poison(tape);
    }
    return wg_lane_push(tape, WG_CODE_CONSTANT, 0, 0, survivor->value);
}

static wg_status close_scope(wg_tape *tape, wg_scope_mark mark, wg_var *keep, int n, bool open) {
    if (tape->scope_count == 0 || mark.depth != tape->scope_count - 1) {
        return wg_tape_fail(tape, WG_ERROR_STATE, "scope_end", NULL,
                            "scope %llu is not the innermost open one (%llu are open)",
                            (unsigned long long)mark.depth, (unsigned long long)tape->scope_count);
    }
    wg_open_scope scope = tape->scope[tape->scope_count - 1];
    wg_block *memory = wg_pool_take(&tape->pool, (size_t)(n > 0 ? n : 0) * sizeof(wg_survivor));
    if (memory == NULL) {
        return wg_tape_fail(tape, WG_ERROR_MEMORY, "scope_end", NULL, "no memory for %d kept", n);
    }
    wg_survivor *survivors = wg_block_data(memory);
    int count = 0;
    for (int i = 0; i < n; i++) {
        survivors[count].position = i;
        count += rescue(tape, &scope, keep[i], &survivors[count]) ? 1 : 0;
    }
    tape->scope_count -= open ? 0 : 1;
    wg_nodes_cut(tape, scope.nodes);
    if (!wg_lane_cut(tape, scope.scalars)) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "scope_end", NULL, "no memory to cut the scalars");
    }
    wg_arena_cut(&tape->arena, scope.arena);
    if (tape->constant_count > scope.constants) {
        tape->constant_count = scope.constants;
        forget_constants(tape);
    }
    for (int i = 0; i < count; i++) {
        keep[survivors[i].position] = settle(tape, &survivors[i]);
    }
    wg_pool_drop(&tape->pool, memory);
    return tape->status;
}

wg_status wg_scope_end(wg_tape *tape, wg_scope_mark mark, wg_var *keep, int n) {
    return close_scope(tape, mark, keep, n, false);
}

wg_status wg_scope_next(wg_tape *tape, wg_scope_mark mark, wg_var *keep, int n) {
    return close_scope(tape, mark, keep, n, true);
}
