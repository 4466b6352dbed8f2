/* lane.c: the scalar side of a tape: growth, constants, which handles live. */
#include "tape/tape.h"

#include <string.h>

static bool grow_one(void **array, uint64_t capacity, size_t size) {
    if (capacity > SIZE_MAX / size) {
        return false;
    }
    void *memory = wg_realloc(*array, (size_t)capacity * size);
    if (memory == NULL) {
        return false;
    }
    *array = memory;
    return true;
}

bool wg_lane_room(wg_tape *tape, uint64_t more, const char *name, const char *site) {
    wg_lane *lane = &tape->lane;
    uint64_t need = lane->count + more;
    if (need <= tape->scalar_capacity) {
        return true;
    }
    if (need > WG_MOST_SCALARS) {
        wg_tape_fail(tape, WG_ERROR_LIMIT, name, site,
                     "the tape holds %llu scalars, the most that 32-bit indices can name",
                     (unsigned long long)lane->count);
        return false;
    }
    uint64_t capacity = tape->scalar_capacity < 1024 ? 1024 : tape->scalar_capacity;
    while (capacity < need) {
        capacity *= 2;
    }
    capacity = capacity > WG_MOST_SCALARS ? WG_MOST_SCALARS : capacity;
    if (!grow_one((void **)&lane->value, capacity, sizeof *lane->value) ||
        !grow_one((void **)&lane->operand, capacity, sizeof *lane->operand) ||
        !grow_one((void **)&lane->opcode, capacity, sizeof *lane->opcode)) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, name, site, "no memory for %llu scalars",
                     (unsigned long long)capacity);
        return false;
    }
    tape->pool.allocations += 3;
    tape->scalar_capacity = capacity;
    wg_tape_switch(tape);
    return true;
}

wg_var wg_lane_handle(const wg_tape *tape, uint64_t index) {
    uint64_t i = tape->segment_count;
    while (tape->segment[i - 1].first > index) {
        i--;
    }
    wg_var var = {.tape = (wg_tape *)tape,
                  .as = {.slot = {(uint32_t)index, tape->segment[i - 1].epoch}}};
    return var;
}

wg_var wg_lane_push(wg_tape *tape, uint16_t code, uint32_t a, uint32_t b, double value) {
    wg_lane *lane = &tape->lane;
    uint64_t i = lane->count++;
    lane->value[i] = value;
    lane->operand[i].a = a;
    lane->operand[i].b = b;
    lane->opcode[i] = code;
    wg_var var = {.tape = tape, .as = {.slot = {(uint32_t)i, (uint32_t)lane->epoch}}};
    return var;
}

uint32_t wg_new_constant(wg_tape *tape, double number, const char *site) {
    if (!wg_tape_grow(tape, (void **)&tape->constant, &tape->constant_capacity,
                      tape->constant_count + 1, sizeof *tape->constant)) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "constant", site, "no memory for a plain operand");
        return UINT32_MAX;
    }
    uint64_t index = tape->constant_count++;
    tape->constant[index] = number;
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    unsigned way = wg_constant_way(bits);
    tape->lane.cached_bits[way] = bits;
    tape->lane.cached_index[way] = index;
    return (uint32_t)index;
}

bool wg_lane_holds(const wg_tape *tape, wg_slot slot) {
    for (uint64_t i = tape->segment_count, end = tape->lane.count; i-- > 0;) {
        if (slot.index >= tape->segment[i].first) {
            return slot.index < end && slot.epoch == tape->segment[i].epoch;
        }
        end = tape->segment[i].first;
    }
    return false;
}

void wg_lane_clear_adjoints(wg_tape *tape, uint64_t first) {
    if (tape->lane.adjoints_kept && first < tape->lane.adjoint_count) {
        memset(tape->lane.adjoint + first, 0,
               (size_t)(tape->lane.adjoint_count - first) * sizeof(double));
        tape->lane.adjoints_kept = first > 0 ? 1 : 0;
    }
    for (uint64_t leaf = tape->lane.leaf_head; leaf > first;
         leaf = tape->lane.operand[leaf - 1].a) {
        if (leaf <= tape->lane.adjoint_count) {
            tape->lane.adjoint[leaf - 1] = 0;
        }
    }
}

bool wg_lane_cut(wg_tape *tape, uint64_t count) {
    if (tape->lane.count == count) {
        return true;
    }
    wg_lane_clear_adjoints(tape, count);
    while (tape->lane.leaf_head > count) {
        tape->lane.leaf_head = tape->lane.operand[tape->lane.leaf_head - 1].a;
    }
    tape->lane.count = count;
    tape->lane.adjoint_count = tape->lane.adjoint_count < count ? tape->lane.adjoint_count : count;
    while (tape->segment_count > 0 && tape->segment[tape->segment_count - 1].first >= count) {
        tape->segment_count--;
    }
    bool grown = wg_tape_grow(tape, (void **)&tape->segment, &tape->segment_capacity,
                              tape->segment_count + 1, sizeof *tape->segment);
    uint32_t epoch = wg_tape_epoch(tape);
    tape->lane.epoch = epoch;
    if (grown) {
        tape->segment[tape->segment_count++] = (wg_segment){count, epoch};
    }
    return grown;
}

wg_var wg_scalar_slow(wg_tape *tape, double value) {
    if (tape->status != WG_OK) {
        return wg_poison(tape);
    }
    if (!wg_tape_records(tape)) {
        return wg_number(value);
    }
    if (!wg_lane_room(tape, 1, "scalar", NULL)) {
        return wg_poison(tape);
    }
    wg_var leaf = wg_lane_push(tape, WG_CODE_LEAF, (uint32_t)tape->lane.leaf_head, 0, value);
    tape->lane.leaf_head = tape->lane.count;
    return leaf;
}
