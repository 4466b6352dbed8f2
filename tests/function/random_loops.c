/* random_loops.c: makes programs with loops. Choices come from the seed alone, so that a program
 * can be played again at other points. */
#include "random_loops.h"

#include "random_program.h"

#include <math.h>

enum {
    ARRAYS = 4,
    LONGEST = 48,
    MOST_INPUTS = 40
};

typedef struct player {
    uint64_t state;
    bool arithmetic;
    const wg_var *x;
    int inputs, length; /* of all arrays */
    wg_var array[ARRAYS][LONGEST];
    wg_var scalar;
} player;

static int below(player *p, int bound) {
    return random_below(&p->state, bound);
}

static bool chance(player *p, int percent) {
    return below(p, 100) < percent;
}

static int wrap(int i, int length) {
    return ((i % length) + length) % length;
}

/* One of the ways two or three values become one; values stay moderate. */
static wg_var combine(int way, bool arithmetic, wg_var a, wg_var b, wg_var c) {
    switch (arithmetic ? way % 9 : way) {
    case 0:
        return wg_add(wg_mul(a, 0.5), wg_mul(b, 0.25));
    case 1:
        return wg_sub(wg_mul(wg_mul(a, b), 0.5), wg_mul(c, 0.25));
    case 2:
        return wg_div(a, wg_add(wg_square(b), 1.5));
    case 3:
        return wg_add(wg_mul(a, 0.4), wg_mul(wg_add(b, c), 0.3));
    case 4:
        return wg_max(wg_neg(a), wg_mul(b, 0.75));
    case 5:
        return wg_where(wg_lt(a, b), wg_mul(c, 0.5), a);
    case 6:
        return wg_sub(0.125, wg_mul(a, wg_mul(b, 0.5)));
    case 7:
        return wg_mul(wg_abs(a), 0.5);
    case 8:
        return wg_add(wg_sub(a, b), wg_mul(c, -0.5));
    case 9:
        return wg_sin(wg_add(a, b));
    case 10:
        return wg_tanh(wg_mul(a, c));
    default:
        return wg_exp(wg_neg(wg_square(a)));
    }
}

enum {
    WAYS = 12
};

/* ---- Nests of statements on arrays at affine places -------------------------------------------
 */

typedef struct place {
    int from; /* an array; ARRAYS: inputs; + 1: a number that varies; + 2: the scalar; + 3: one that
                 does not vary */
    int offset, step[3];
} place;

typedef enum guard {
    ALWAYS,
    FIRST,
    NOT_FIRST,
    LAST,
    NOT_LAST,
    EVEN,
    TRIANGLE,
    GUARDS
} guard;

typedef struct line {
    place to, in[3];
    int way, guard, loop; /* the counter that is guarded */
    bool before;          /* stands before the innermost loop, in the one around it */
} line;

static place any_place(player *p, int loops, bool target) {
    static const int steps[] = {0, 1, 1, 1, -1, 2, 3, -2};
    place at = {.from = below(p, target ? ARRAYS : ARRAYS + 4), .offset = below(p, 5) - 2};
    if (chance(p, 40)) {
        at.offset = below(p, LONGEST);
    }
    const int mainly = below(p, loops);
    for (int l = 0; l < loops; l++) {
        at.step[l] = l == mainly || chance(p, 25) ? steps[below(p, 8)] : 0;
    }
    if (target && chance(p, 12)) {
        at.from = ARRAYS + 2;
    }
    return at;
}

static int index_at(const place *at, const int *counter) {
    return at->offset + at->step[0] * counter[0] + at->step[1] * counter[1] +
           at->step[2] * counter[2];
}

static wg_var read(player *p, const place *at, const int *counter) {
    const int i = index_at(at, counter);
    if (at->from < ARRAYS) {
        return p->array[at->from][wrap(i, p->length)];
    }
    switch (at->from - ARRAYS) {
    case 0:
        return p->x[wrap(i, p->inputs)];
    case 1:
        return wg_number(0.1 + 0.03125 * i);
    case 2:
        return p->scalar;
    default:
        return wg_number(0.75);
    }
}

static bool holds(int guard, int turn, int count, int other) {
    switch (guard) {
    case FIRST:
        return turn == 0;
    case NOT_FIRST:
        return turn != 0;
    case LAST:
        return turn == count - 1;
    case NOT_LAST:
        return turn != count - 1;
    case EVEN:
        return turn % 2 == 0;
    case TRIANGLE:
        return other <= turn;
    default:
        return true;
    }
}

static void run_line(player *p, const line *s, const int *counter, const int *count, int loops) {
    if (!holds(s->guard, counter[s->loop], count[s->loop], counter[loops - 1])) {
        return;
    }
    const wg_var value = combine(s->way, p->arithmetic, read(p, &s->in[0], counter),
                                 read(p, &s->in[1], counter), read(p, &s->in[2], counter));
    if (s->to.from == ARRAYS + 2) {
        p->scalar = value;
    } else {
        p->array[s->to.from][wrap(index_at(&s->to, counter), p->length)] = value;
    }
}

static void nest(player *p) {
    static const int most[] = {40, 12, 6};
    const int loops = 1 + below(p, 3), lines = 1 + below(p, 4);
    int count[3] = {1, 1, 1}, counter[3] = {0, 0, 0};
    line text[4];
    for (int l = 0; l < loops; l++) {
        count[l] = 1 + below(p, most[loops - 1] + (l == 0 ? 12 : 0));
        if (chance(p, 30)) {
            count[l] = 8 + below(p, 8);
        }
    }
    for (int k = 0; k < lines; k++) {
        text[k] = (line){.to = any_place(p, loops, true),
                         .way = below(p, WAYS),
                         .guard = chance(p, 70) ? ALWAYS : below(p, GUARDS),
                         .loop = below(p, loops),
                         .before = chance(p, 15)};
        for (int j = 0; j < 3; j++) {
            text[k].in[j] = any_place(p, loops, false);
        }
    }
    for (counter[0] = 0; counter[0] < count[0]; counter[0]++) {
        for (counter[1] = 0; counter[1] < count[1]; counter[1]++) {
            for (counter[2] = 0; counter[2] < count[2]; counter[2]++) {
                for (int k = 0; k < lines; k++) {
                    if (!text[k].before || counter[loops - 1] == 0) {
                        run_line(p, &text[k], counter, count, loops);
                    }
                }
            }
        }
    }
}

/* ---- Loops as they are written by hand --------------------------------------------------------
 */

/* A recurrence that reaches `order` turns back, forwards or backwards along an array. */
static void recurrence(player *p) {
    const int order = 1 + below(p, 3), turns = 1 + below(p, 60), way = below(p, WAYS);
    const int to = below(p, ARRAYS), step = chance(p, 50) ? 1 : -1, from = below(p, ARRAYS);
    const bool stored = chance(p, 60), varied = chance(p, 40);
    wg_var state[3] = {p->x[0], p->array[from][0], p->scalar};
    for (int t = 0; t < turns; t++) {
        const wg_var next = combine(way, p->arithmetic, state[0], state[order - 1],
                                    p->array[from][wrap(step * t, p->length)]);
        state[2] = state[1];
        state[1] = state[0];
        state[0] = varied ? wg_add(next, 0.01 * t) : next;
        if (stored) {
            p->array[to][wrap(step * t + 1, p->length)] = state[0];
        }
    }
    p->scalar = state[0];
}

/* Time steps of a stencil: in place or in two buffers that take turns. */
static void stencil(player *p) {
    const int steps = 1 + below(p, 24), way = below(p, WAYS), kind = below(p, 4);
    const int width = 3 + below(p, p->length - 2), a = below(p, ARRAYS), b = (a + 1) % ARRAYS;
    const bool in_place = chance(p, 40), swaps = chance(p, 50), reverse = chance(p, 30);
    for (int t = 0; t < steps; t++) {
        wg_var *from = p->array[swaps && t % 2 == 1 ? b : a];
        wg_var *to = in_place ? from : p->array[swaps && t % 2 == 1 ? a : b];
        for (int k = 0; k < width; k++) {
            const int i = reverse ? width - 1 - k : k;
            const bool edge = i == 0 || i == width - 1;
            if (edge && kind == 0) {
                continue; /* what is there stays */
            }
            if (edge && kind == 1) {
                to[i] = wg_mul(from[i], 0.5);
                continue;
            }
            const int left = kind == 2 ? wrap(i - 1, width) : i > 0 ? i - 1 : 0;
            const int right = kind == 2 ? wrap(i + 1, width) : i < width - 1 ? i + 1 : i;
            to[i] = combine(way, p->arithmetic, from[left], from[i], from[right]);
        }
        if (!swaps && !in_place) {
            for (int i = 0; i < width; i++) {
                from[i] = to[i];
            }
        }
    }
}

/* Running sums, each result in a cell of its own; the gradient runs the other way. */
static void running_sum(player *p) {
    const int a = below(p, ARRAYS), b = below(p, ARRAYS), length = p->length;
    const bool down = chance(p, 50);
    wg_var sum = chance(p, 50) ? wg_number(0) : p->scalar;
    for (int k = 0; k < length; k++) {
        const int i = down ? length - 1 - k : k;
        sum = wg_add(sum, wg_mul(p->array[a][i], p->x[i % p->inputs]));
        p->array[b][i] = wg_mul(sum, 0.125);
    }
    p->scalar = wg_mul(sum, 0.125);
}

/* C = A·B of rows × inner × columns, sums from 0 or from the first product. */
static void product(player *p) {
    const int rows = 1 + below(p, 10), inner = 1 + below(p, 10), columns = 1 + below(p, 10);
    const int a = below(p, ARRAYS), b = below(p, ARRAYS), c = below(p, ARRAYS);
    const bool zero = chance(p, 50);
    wg_var result[100];
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
            wg_var sum = wg_number(0);
            for (int k = 0; k < inner; k++) {
                const wg_var term = wg_mul(p->array[a][wrap(i * inner + k, p->length)],
                                           p->array[b][wrap(k * columns + j, p->length)]);
                sum = k == 0 && !zero ? term : wg_add(sum, term);
            }
            result[i * columns + j] = wg_mul(sum, 0.0625);
        }
    }
    for (int i = 0; i < rows * columns && i < p->length; i++) {
        p->array[c][i] = result[i];
    }
}

/* ---- The whole ------------------------------------------------------------------------------- */

random_loops random_loops_of(uint64_t seed, bool arithmetic) {
    random_loops of = {.seed = seed, .arithmetic = arithmetic};
    uint64_t state = seed * 31 + 7;
    of.inputs = 1 + random_below(&state, random_below(&state, 3) == 0 ? 4 : MOST_INPUTS);
    of.outputs = random_below(&state, 2) == 0 ? 1 : 1 + random_below(&state, LONGEST);
    return of;
}

static void begin(player *p) {
    for (int a = 0; a < ARRAYS; a++) {
        const int step = below(p, 5) - 2, offset = below(p, p->inputs), kind = below(p, 4);
        for (int i = 0; i < LONGEST; i++) {
            const wg_var x = p->x[wrap(offset + step * i, p->inputs)];
            p->array[a][i] = kind == 0   ? wg_number(0.25 * (1 + i % 5))
                             : kind == 1 ? wg_mul(x, 1 + 0.0625 * i)
                                         : x;
        }
    }
    p->scalar = p->x[p->inputs - 1];
}

static void finish(player *p, int outputs, wg_var *y) {
    const int a = below(p, ARRAYS), step = chance(p, 30) ? -1 : 1;
    if (outputs == 1 || chance(p, 20)) {
        wg_var sum = p->scalar;
        const int length = chance(p, 50) ? p->length : 1;
        for (int i = 0; i < length; i++) {
            sum = wg_add(sum, p->array[a][i]);
        }
        p->array[a][0] = sum;
    }
    for (int k = 0; k < outputs; k++) {
        y[k] = p->array[a][wrap(step * k, p->length)];
    }
}

void random_loops_play(const wg_var *x, wg_var *y, void *context) {
    const random_loops *of = context;
    player p = {.state = of->seed, .arithmetic = of->arithmetic, .x = x, .inputs = of->inputs};
    p.length = 4 + below(&p, LONGEST - 3);
    begin(&p);
    const int stages = 1 + below(&p, 4);
    for (int s = 0; s < stages; s++) {
        switch (below(&p, 8)) {
        case 0:
            recurrence(&p);
            break;
        case 1:
        case 2:
            stencil(&p);
            break;
        case 3:
            running_sum(&p);
            break;
        case 4:
            product(&p);
            break;
        default:
            nest(&p);
            break;
        }
    }
    finish(&p, of->outputs, y);
}
