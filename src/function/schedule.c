/* schedule.c: the order in which terms are run, so that few values are alive at once.
 *
 * Two orders are tried. As built: forward, then back, which is right where each step needs the one
 * before. By demand: depth first from the outputs, and any term at once that ends the life of an
 * operand; so what concerns one part of a sum alone is finished before the next part begins. */
#include "function/program.h"

#include <string.h>

/* Programs in which this few values are alive at once are left as they are. */
#define WG_FEW_ALIVE 32

typedef struct wg_scheduler {
    const wg_program *p;
    uint32_t *left;       /* uses that are not run yet */
    uint32_t *order;      /* terms as they are run */
    uint32_t *position;   /* of each term in it; WG_NO_TERM before */
    uint32_t *first_user; /* where a term's users stand in `user` */
    uint32_t *user;
    uint32_t *stack;
    uint8_t *missing; /* operands (with repetition) that are not run yet */
    uint32_t run, alive, peak;
} wg_scheduler;

static bool counts(const wg_scheduler *s, uint32_t i) {
    return wg_term_is_rule(&s->p->term[i]);
}

static void count_uses(wg_scheduler *s) {
    const wg_program *p = s->p;
    memset(s->left, 0, (size_t)p->count * sizeof *s->left);
    for (uint32_t i = p->inputs; i < p->count; i++) {
        const int arity = wg_term_arity(&p->term[i]);
        for (int k = 0; k < arity; k++) {
            s->left[p->term[i].at[k]]++;
        }
    }
}

/* Runs term i in thought: it comes alive, and operands whose last use this is go. */
static void step(wg_scheduler *s, uint32_t i) {
    const wg_term *term = &s->p->term[i];
    const int arity = wg_term_arity(term);
    s->alive += counts(s, i) && s->left[i] != 0 ? 1 : 0;
    s->peak = s->alive > s->peak ? s->alive : s->peak;
    for (int k = 0; k < arity; k++) {
        if (--s->left[term->at[k]] == 0 && counts(s, term->at[k])) {
            s->alive--;
        }
    }
}

static uint32_t peak_as_built(wg_scheduler *s) {
    count_uses(s);
    s->alive = s->peak = 0;
    for (uint32_t i = s->p->inputs; i < s->p->count; i++) {
        step(s, i);
    }
    return s->peak;
}

static void list_users(wg_scheduler *s) {
    const wg_program *p = s->p;
    uint32_t total = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        s->first_user[i] = total;
        total += s->left[i];
    }
    s->first_user[p->count] = total;
    for (uint32_t i = p->count; i-- > p->inputs;) {
        const int arity = wg_term_arity(&p->term[i]);
        for (int k = 0; k < arity; k++) {
            const uint32_t at = p->term[i].at[k];
            /* from the end of the list down: `left` counts what is free */
            s->user[s->first_user[at] + --s->left[at]] = i;
        }
    }
}

/* Whether running i ends the life of an operand, so that it costs no room. */
static bool frees(const wg_scheduler *s, uint32_t i) {
    const wg_term *term = &s->p->term[i];
    const int arity = wg_term_arity(term);
    for (int k = 0; k < arity; k++) {
        uint32_t own = 0;
        for (int other = 0; other < arity; other++) {
            own += term->at[other] == term->at[k] ? 1 : 0;
        }
        if (counts(s, term->at[k]) && s->left[term->at[k]] == own) {
            return true;
        }
    }
    return false;
}

static void put(wg_scheduler *s, uint32_t i) {
    s->position[i] = s->run;
    s->order[s->run++] = i;
    step(s, i);
}

/* The one user that term i still waits for, if it is ready to run. */
static uint32_t last_user(const wg_scheduler *s, uint32_t i) {
    for (uint32_t k = s->first_user[i]; k < s->first_user[i + 1] && s->left[i] == 1; k++) {
        if (s->position[s->user[k]] == WG_NO_TERM) {
            return s->missing[s->user[k]] == 0 ? s->user[k] : WG_NO_TERM;
        }
    }
    return WG_NO_TERM;
}

/* Runs i, and then whatever has become ready and costs no room. `base` is the free part of the
 * stack. */
static void run_with_followers(wg_scheduler *s, uint32_t i, uint32_t base) {
    uint32_t top = base;
    s->stack[top++] = i;
    while (top > base) {
        const uint32_t now = s->stack[--top];
        if (s->position[now] != WG_NO_TERM) {
            continue;
        }
        if (now != i && !frees(s, now)) {
            continue;
        }
        put(s, now);
        for (uint32_t k = s->first_user[now]; k < s->first_user[now + 1]; k++) {
            const uint32_t user = s->user[k];
            if (--s->missing[user] == 0) {
                s->stack[top++] = user;
            }
        }
        const int arity = wg_term_arity(&s->p->term[now]);
        for (int k = 0; k < arity; k++) {
            const uint32_t heir = last_user(s, s->p->term[now].at[k]);
            if (heir != WG_NO_TERM) {
                s->stack[top++] = heir;
            }
        }
    }
}

/* Everything that `root` needs, operands first, with a stack of our own. */
static void demand(wg_scheduler *s, uint32_t root) {
    uint32_t top = 0;
    s->stack[top++] = root;
    while (top > 0) {
        const uint32_t i = s->stack[top - 1];
        const wg_term *term = &s->p->term[i];
        const int arity = wg_term_arity(term);
        uint32_t wanted = WG_NO_TERM;
        for (int k = 0; k < arity && wanted == WG_NO_TERM && s->position[i] == WG_NO_TERM; k++) {
            wanted = s->position[term->at[k]] == WG_NO_TERM ? term->at[k] : WG_NO_TERM;
        }
        if (wanted != WG_NO_TERM) {
            s->stack[top++] = wanted;
            continue;
        }
        top--;
        if (s->position[i] == WG_NO_TERM) {
            run_with_followers(s, i, top);
        }
    }
}

static uint32_t peak_by_demand(wg_scheduler *s) {
    const wg_program *p = s->p;
    count_uses(s);
    list_users(s);
    count_uses(s);
    s->alive = s->peak = s->run = 0;
    memset(s->position, 0xff, (size_t)p->count * sizeof *s->position);
    for (uint32_t i = 0; i < p->count; i++) {
        s->missing[i] = (uint8_t)wg_term_arity(&p->term[i]);
    }
    for (uint32_t i = 0; i < p->count; i++) { /* inputs and constants cost nothing */
        if (!counts(s, i)) {
            s->position[i] = s->run;
            s->order[s->run++] = i;
            for (uint32_t k = s->first_user[i]; k < s->first_user[i + 1]; k++) {
                s->missing[s->user[k]]--;
            }
        }
    }
    /* The value comes with its gradient, not before all of it. */
    for (uint32_t k = 1; k < p->outputs; k++) {
        demand(s, p->output[k]);
    }
    if (p->outputs > 0) {
        demand(s, p->output[0]);
    }
    return s->peak;
}

/* Terms in the new order; those nothing needs are gone by now, so all are in it. */
static bool reorder(const wg_scheduler *s, wg_program *p) {
    wg_term *term = wg_calloc((size_t)p->count + 1, sizeof *term);
    if (term == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < s->run; i++) {
        term[i] = p->term[s->order[i]];
        const int arity = wg_term_arity(&term[i]);
        for (int k = 0; k < arity; k++) {
            term[i].at[k] = s->position[term[i].at[k]];
        }
    }
    for (uint32_t k = 0; k < p->outputs; k++) {
        p->output[k] = s->position[p->output[k]];
    }
    wg_free(p->term);
    p->term = term;
    return true;
}

static bool schedule(wg_scheduler *s, wg_program *p) {
    const size_t count = (size_t)p->count + 2;
    if (count > UINT32_MAX / 5) { /* lists of ours would not have indices enough */
        return true;
    }
    s->left = wg_calloc(count, sizeof *s->left);
    if (s->left == NULL) {
        return false;
    }
    const uint32_t as_built = peak_as_built(s);
    if (as_built <= WG_FEW_ALIVE) {
        return true;
    }
    s->order = wg_calloc(count, sizeof *s->order);
    s->position = wg_calloc(count, sizeof *s->position);
    s->first_user = wg_calloc(count, sizeof *s->first_user);
    s->user = wg_calloc(3 * count, sizeof *s->user);
    /* A term gets there at most once as wanted, once as ready, and once as heir of each operand. */
    s->stack = wg_calloc(5 * count, sizeof *s->stack);
    s->missing = wg_calloc(count, 1);
    if (s->order == NULL || s->position == NULL || s->first_user == NULL || s->user == NULL ||
        s->stack == NULL || s->missing == NULL) {
        return false;
    }
    const uint32_t by_demand = peak_by_demand(s);
    return s->run != p->count || by_demand > as_built / 2 || reorder(s, p);
}

bool wg_program_schedule(wg_program *p) {
    wg_scheduler s = {.p = p};
    const bool done = schedule(&s, p);
    wg_free(s.left);
    wg_free(s.order);
    wg_free(s.position);
    wg_free(s.first_user);
    wg_free(s.user);
    wg_free(s.stack);
    wg_free(s.missing);
    return done;
}
