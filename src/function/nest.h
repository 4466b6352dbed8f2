/* nest.h (internal): a program with its loops found again.
 *
 * A recorded loop is a stretch of steps that repeats: the same steps on operands that move on by a
 * fixed distance. Such stretches become loops again, and loops of loops, up to WG_NEST_DEPTH deep.
 * Values are numbered in the order of the program ("id"); within a loop ids, inputs, outputs and
 * constants are affine in the counters. */
#ifndef WG_SRC_FUNCTION_NEST_H
#define WG_SRC_FUNCTION_NEST_H

#include "function/code.h"

#define WG_NEST_DEPTH 4
#define WG_NO_NODE UINT32_MAX

typedef enum wg_ref_kind {
    WG_REF_NONE,
    WG_REF_VALUE, /* base: an id */
    WG_REF_INPUT,
    WG_REF_NUMBER, /* base: an index into wg_nest.number */
    WG_REF_OUTPUT
} wg_ref_kind;

/* base + Σ stride[l] · counter of the l-th loop around the site, outermost first. */
typedef struct wg_ref {
    wg_ref_kind kind;
    uint32_t array; /* of inputs and outputs: the port that all of them are in */
    int64_t base;
    int64_t stride[WG_NEST_DEPTH];
} wg_ref;

/* ref[3] is the constant n of _N steps; of WG_STEP_STORE ref[0] goes to ref[1]; a move finds ids
 * below ref[2] made. */
#define WG_REFS 4

/* Which value an operand names: turn first[m] + Σ per[l][m] · counter l of the m-th loop around
 * `site`. */
typedef struct wg_use {
    uint32_t site;
    int64_t first[WG_NEST_DEPTH];
    int64_t per[WG_NEST_DEPTH][WG_NEST_DEPTH];
    /* In that many first and last turns of the user's loop l this names a turn that the site never
     * runs (what stands around a loop has another shape); moves before the loop put there what the
     * operand then is. */
    int64_t early[WG_NEST_DEPTH], late[WG_NEST_DEPTH];
} wg_use;

/* A site (one step, run once for each turn of the loops around it), a loop, or a move: before a
 * loop, it puts ref[0] where the site of use[1] would have put it in a turn that it never runs. */
typedef struct wg_nest_node {
    bool is_loop, is_move;
    uint32_t parent, next; /* the loop around it, what follows it; WG_NO_NODE */
    uint32_t of;          /* the loop that a move stands before, or whose turns a move's loop has */
    bool late;            /* the move is for a last turn of that loop, not for a first one */
    int64_t base;         /* id of the first value, in the first turn of all loops around it */
    int64_t count, width; /* a loop's turns, and ids of one turn */
    uint32_t first_child;
    uint16_t code, rule;
    wg_ref ref[WG_REFS];
    wg_use use[3]; /* of the refs that are values; of a move, use[1] is where it goes */
    /* Where a site's values live: in variables, or in cells of the store. Of the turns of each
     * loop around it `window` are kept, `step` cells apart; where all are, from turn -halo to `top`
     * behind the last. */
    int64_t cell; /* of the first, or -1: in variables, one for each turn that is kept */
    int64_t window[WG_NEST_DEPTH], step[WG_NEST_DEPTH], halo[WG_NEST_DEPTH], top[WG_NEST_DEPTH];
    bool all[WG_NEST_DEPTH]; /* all turns are kept, none is written over */
} wg_nest_node;

typedef struct wg_nest {
    wg_nest_node *node;
    uint32_t nodes, capacity, first;
    const double *number;
    double *owned; /* the same, to be freed */
    uint32_t numbers;
    int64_t ids;
    int64_t cells; /* doubles that live in the store */
    uint32_t most; /* nodes that a nest may have before it is given up */
    bool failed;   /* memory ran out */
} wg_nest;

/* Inputs and outputs are elements of the ports' arrays. NULL and wg_last_message: MEMORY, or LIMIT
 * where more than `most` nodes remain. */
wg_nest *wg_nest_new(const wg_program *program, const wg_ports *ports, bool relaxed, uint32_t most,
                     const char *name);
void wg_nest_free(wg_nest *nest); /* NULL is allowed */

/* Where a value is kept: in its site's variable of `back` turns before; or, where `back` is -1, in
 * the cell base + Σ stride[l] · counter l + Σ step[m] · (turn of the m-th loop & mask[m]), the
 * latter for loops of which a window is kept (step is not 0): first[m] + Σ per[m][l] · counter l.
 */
typedef struct wg_spot {
    int64_t back, base, stride[WG_NEST_DEPTH];
    int64_t step[WG_NEST_DEPTH], mask[WG_NEST_DEPTH], first[WG_NEST_DEPTH];
    int64_t per[WG_NEST_DEPTH][WG_NEST_DEPTH];
} wg_spot;
/* Of the value that `use` names, and of what site i makes. */
wg_spot wg_nest_spot(const wg_nest *nest, const wg_use *use);
wg_spot wg_nest_own_spot(const wg_nest *nest, uint32_t i);
/* Whether the value is made in the same turn of the same loops, so that its variable still holds it
 * even where it has a cell. */
bool wg_nest_at_hand(const wg_nest *nest, uint32_t user, const wg_use *use);

/* ---- Within src/function ---- */

/* A node at the end of the list; WG_NO_NODE where memory ran out. */
uint32_t wg_nest_add(wg_nest *nest);
/* The loops around node i, outermost first; how many. */
uint32_t wg_nest_loops(const wg_nest *nest, uint32_t i, uint32_t *loop);
/* What names node i: its list's first, or the node before it. */
uint32_t *wg_nest_link(wg_nest *nest, uint32_t i);
/* Takes the first or the last of several turns off a loop. */
void wg_nest_peel_first(wg_nest *nest, uint32_t loop);
void wg_nest_peel_last(wg_nest *nest, uint32_t loop);
/* For every operand that reaches back, moves before its loop; from node `from` on. */
void wg_nest_add_moves(wg_nest *nest, uint32_t from);
/* How many turns of each value are kept, and where. */
void wg_nest_keep(wg_nest *nest);
/* Decides where every value lives, peeling turns of loops that do not fit; false on failure with
 * wg_last_message. */
bool wg_nest_place(wg_nest *nest, const char *name);

#endif
