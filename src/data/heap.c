/* heap.c: pairs that wait, the least on top. */
#include "data/heap.h"

static bool goes_first(wg_heap_entry a, wg_heap_entry b) {
    return a.first < b.first || (a.first == b.first && a.second < b.second);
}

void wg_heap_push(wg_heap_entry *heap, size_t *count, wg_heap_entry added) {
    size_t at = (*count)++;
    while (at > 0 && goes_first(added, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = added;
}

wg_heap_entry wg_heap_pop(wg_heap_entry *heap, size_t *count) {
    const wg_heap_entry top = heap[0], moved = heap[--*count];
    size_t at = 0;
    for (size_t child = 1; child < *count; child = 2 * at + 1) {
        if (child + 1 < *count && goes_first(heap[child + 1], heap[child])) {
            child++;
        }
        if (!goes_first(heap[child], moved)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
    return top;
}
