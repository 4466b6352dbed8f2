/* sweep.h (internal): one step of a derivation, and the reverse sweep over a program. */
#ifndef WG_SRC_FUNCTION_SWEEP_H
#define WG_SRC_FUNCTION_SWEEP_H

#include "function/program.h"

/* g times a derivative of `rule`; a zero is absolute, as on the tape. */
uint32_t wg_build_times(wg_builder *b, uint32_t g, uint32_t partial, wg_rule_index rule);
/* d root / d leaf, known before the sweep comes by. */
typedef struct wg_slope {
    uint32_t leaf; /* a term of the source */
    uint32_t term; /* of the builder */
    bool minus;    /* the slope is -term */
} wg_slope;

/* What is to be done at a term. */
enum {
    WG_SWEEP_PLAIN,  /* operation by operation */
    WG_SWEEP_INSIDE, /* within a statement whose root does all */
    WG_SWEEP_EARLY,  /* a root: slopes stand in the list */
    WG_SWEEP_LATE    /* a root: slopes are made when the sweep comes by */
};

/* A reverse sweep over a program that is copied into a builder at the same time. */
typedef struct wg_sweep {
    wg_builder *b;
    const wg_program *p;
    uint32_t *map;     /* what the source's terms are in the builder */
    uint32_t *adjoint; /* of the source's terms, as terms of the builder; WG_NO_TERM: none */
    uint32_t *uses;    /* of each term; outputs count as two more */
    uint8_t *active;   /* depends on the inputs that are derived by */
    uint8_t *plan;     /* of each term */
    uint32_t *first_slope;
    wg_slope *slope;
    uint32_t slopes, slope_capacity;
} wg_sweep;

/* Copies p, whose inputs [0, n) are derived by; `map` has room for its terms. On failure the
 * builder has failed. */
void wg_sweep_begin(wg_sweep *s, wg_builder *b, const wg_program *p, const uint32_t *input,
                    uint32_t n, uint32_t *map);
/* Sets all adjoints to none. */
void wg_sweep_clear(wg_sweep *s);
/* From the adjoints that are set, those of terms [0, top). */
void wg_sweep_back(wg_sweep *s, uint32_t top);
void wg_sweep_end(wg_sweep *s);

#endif
