#include "kernel/triangle.h"

#include "base/parallel.h"

#include <string.h>

typedef struct triangle {
    size_t size;
    int64_t rows, columns, k, count, group; /* rows of all matrices, and of a job */
    bool upper;
    const char *from;
    char *to;
} triangle;

/* The first column right of the diagonal's left part: how many elements belong to the lower half
 * (the diagonal included, or not where the upper half has it). */
static int64_t left_of(const triangle *t, int64_t row) {
    const int64_t low = t->upper ? 0 : -1; /* columns below i + k, or up to it */
    if (t->k > t->columns || t->k < -t->rows) {
        return t->k > 0 ? t->columns : 0;
    }
    const int64_t end = row + t->k - low;
    return end < 0 ? 0 : end > t->columns ? t->columns : end;
}

static void do_rows(void *context, int64_t job) {
    const triangle *t = context;
    const int64_t first = job * t->group;
    const int64_t end = t->count - first < t->group ? t->count : first + t->group;
    for (int64_t i = first; i < end; i++) {
        const size_t left = (size_t)left_of(t, i % t->rows) * t->size;
        const size_t row = (size_t)t->columns * t->size, at = (size_t)i * row;
        const size_t copied = t->upper ? left : 0, zeroed = t->upper ? 0 : left;
        memcpy(t->to + at + copied, t->from + at + copied, t->upper ? row - left : left);
        memset(t->to + at + zeroed, 0, t->upper ? left : row - left);
    }
}

void wg_kernel_triangle(size_t size, int64_t matrices, int64_t rows, int64_t columns, int64_t k,
                        bool upper, const void *from, void *to) {
    const int64_t count = matrices * rows;
    if (count == 0 || columns == 0) {
        return;
    }
    const int64_t group = columns < 8192 ? 8192 / columns : 1;
    triangle t = {size, rows, columns, k, count, group, upper, from, to};
    wg_parallel((count + group - 1) / group, count * columns >= WG_SHARE_MEMORY, do_rows, &t);
}
