/* listing.c: a program's steps one by one. */
#include "function/listing.h"

#include "function/draft.h"

#include <string.h>

/* Indices and strides of a listing fit 32 bits with room to spare. */
#define WG_MOST_LISTED ((size_t)1 << 27)

typedef struct wg_lister {
    const wg_program *program;
    const wg_ports *ports;
    const wg_drafts *drafts;
    wg_listing *listing;
    uint32_t *place; /* by term: the entry that makes it, or the number that it is */
} wg_lister;

static uint8_t array_of(uint32_t arrays, const uint32_t *first, uint32_t at) {
    uint32_t k = arrays - 1;
    while (k > 0 && first[k] > at) {
        k--;
    }
    return (uint8_t)k;
}

/* Where each term's value or number is to be found. */
static void refer(const wg_lister *l, wg_entry *e, int k, uint32_t term) {
    const wg_term *t = &l->program->term[term];
    if (t->code == WG_TERM_INPUT) {
        e->kind[k] = WG_REF_INPUT;
        e->at[k] = t->at[0];
        e->array[k] = array_of(l->ports->ins, l->ports->in_first, t->at[0]);
    } else {
        e->kind[k] = t->code == WG_TERM_CONSTANT ? WG_REF_NUMBER : WG_REF_VALUE;
        e->at[k] = l->place[term];
    }
}

static void list_number(wg_lister *l, uint32_t term) {
    const wg_term *t = term != WG_NEVER ? &l->program->term[term] : NULL;
    if (t != NULL && t->code == WG_TERM_CONSTANT && l->place[term] == WG_NEVER) {
        l->place[term] = l->listing->numbers;
        l->listing->number[l->listing->numbers++] = wg_term_number(t);
    }
}

/* In the order of their first use, so that a loop that takes another in every turn takes the next.
 */
static void list_numbers(wg_lister *l) {
    for (uint32_t i = 0; i < l->drafts->count; i++) {
        const wg_draft *d = &l->drafts->draft[i];
        for (int k = 0; k < 3; k++) {
            list_number(l, d->at[k]);
        }
        list_number(l, d->constant);
    }
    for (uint32_t i = 0; i < l->program->count; i++) {
        list_number(l, i);
    }
}

static wg_entry *next_entry(wg_lister *l) {
    wg_entry *e = &l->listing->entry[l->listing->entries++];
    memset(e, 0, sizeof *e);
    return e;
}

static void list_store(wg_lister *l, uint32_t term, uint32_t output) {
    wg_entry *e = next_entry(l);
    e->code = WG_STEP_STORE;
    refer(l, e, 0, term);
    e->kind[1] = WG_REF_OUTPUT;
    e->at[1] = output;
    e->array[1] = array_of(l->ports->outs, l->ports->out_first, output);
}

static void list_entries(wg_lister *l) {
    const wg_program *p = l->program;
    for (uint32_t i = 0; i < l->drafts->count; i++) {
        const wg_draft *d = &l->drafts->draft[i];
        const uint32_t at[WG_REFS] = {d->at[0], d->at[1], d->at[2], d->constant};
        wg_entry *e = next_entry(l);
        e->code = d->code;
        e->rule = d->code == WG_STEP_RULE ? d->rule : 0;
        for (int k = 0; k < WG_REFS; k++) {
            if (at[k] != WG_NEVER) {
                refer(l, e, k, at[k]);
            }
        }
        l->place[d->out] = l->listing->entries - 1;
        for (uint32_t k = l->drafts->first_store[d->out]; k != 0;
             k = l->drafts->next_store[k - 1]) {
            list_store(l, d->out, k - 1);
        }
    }
    for (uint32_t k = 0; k < p->outputs; k++) { /* inputs and constants, in order of the outputs */
        if (!wg_term_is_rule(&p->term[p->output[k]])) {
            list_store(l, p->output[k], k);
        }
    }
}

bool wg_listing_begin(wg_listing *listing, const wg_program *program, const wg_ports *ports,
                      bool relaxed, const char *name) {
    memset(listing, 0, sizeof *listing);
    if ((size_t)program->count + program->outputs > WG_MOST_LISTED) {
        (void)wg_fail(WG_ERROR_LIMIT, "%s: the program has %u terms; loops are found in %zu", name,
                      program->count, WG_MOST_LISTED);
        return false;
    }
    wg_drafts drafts;
    wg_lister l = {program, ports, &drafts, listing, NULL};
    bool ready = wg_drafts_begin(&drafts, program, relaxed);
    const size_t terms = (size_t)program->count + 1;
    l.place = wg_alloc(terms * sizeof *l.place);
    listing->number = wg_alloc(terms * sizeof *listing->number);
    listing->entry =
        wg_alloc(((size_t)drafts.count + program->outputs + 1) * sizeof *listing->entry);
    ready = ready && l.place != NULL && listing->number != NULL && listing->entry != NULL;
    if (ready) {
        memset(l.place, 0xff, terms * sizeof *l.place);
        list_numbers(&l);
        list_entries(&l);
    } else {
        (void)wg_fail(WG_ERROR_MEMORY, "%s: no memory to find loops in %u terms", name,
                      program->count);
    }
    wg_free(l.place);
    wg_drafts_end(&drafts);
    return ready;
}

void wg_listing_end(wg_listing *listing) {
    wg_free(listing->entry);
    wg_free(listing->number);
}
