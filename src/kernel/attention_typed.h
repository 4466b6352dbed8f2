/* attention_typed.h (internal): attention in the type T; NAME(x) puts its name behind x. */

#define QUERIES WG_ATTENTION_QUERIES
#define KEYS WG_ATTENTION_KEYS

typedef struct NAME(job) {
    const wg_attention *a;
    const NAME(wg_attention_loops) * loops;
    const wg_attention_rows *q, *k, *v, *g;
    const T *from;
    T *out, *kept;          /* forward fills them, the chain rule reads `from` and `kept` */
    T *k_turned, *v_turned; /* transposed block by block: [depth, KEYS] each, the last narrower */
    T *partial;             /* gradients of q from all parts but the first */
    double *delta;          /* of each query: the sum of g out */
    const wg_attention_places *to;
    int64_t parts; /* in which the keys of a head are shared out */
    T factor;      /* scale log2(e) */
    atomic_bool failed;
} NAME(job);

static NAME(job) NAME(job_of)(const wg_attention *a, const wg_attention_rows *q,
                              const wg_attention_rows *k, const wg_attention_rows *v) {
    NAME(job)
    job = {.a = a, .loops = NAME(wg_attention_loops_of)(), .q = q, .k = k, .v = v};
    job.factor = (T)(a->scale * 1.4426950408889634);
    return job;
}

/* Row `row` of a head of q or g, and of a head of k or v. */
static const T *NAME(query_row)(const NAME(job) * job, const wg_attention_rows *x, int64_t head,
                                int64_t row) {
    return (const T *)x->data + offset_of(job->a, x->stride, 1, head) + row * x->row;
}

static const T *NAME(key_row)(const NAME(job) * job, const wg_attention_rows *x, int64_t shared,
                              int64_t row) {
    return (const T *)x->data + offset_of(job->a, x->stride, job->a->group, shared) + row * x->row;
}

static void NAME(product)(NAME(job) * job, int64_t m, int64_t n, int64_t k, const T *a,
                          int64_t a_row, int64_t a_column, const T *b, int64_t b_row, T *c,
                          int64_t c_row, bool accumulate) {
    if (!NAME(wg_kernel_matmul)(m, n, k, a, a_row, a_column, b, b_row, 1, c, c_row, accumulate)) {
        atomic_store(&job->failed, true);
    }
}

/* n keys of a head, rows `row` apart, turned: [depth, n]. */
static void NAME(turn)(int64_t n, int64_t depth, const T *from, int64_t row, T *to) {
    int64_t j = 0;
#if defined(WG_TRANSPOSE4)
    for (; j + 4 <= n; j += 4) {
        int64_t i = 0;
        for (; i + 4 <= depth; i += 4) {
            NAME(wg_transpose4)(from + j * row + i, row, to + i * n + j, n);
        }
        for (; i < depth; i++) {
            for (int64_t k = j; k < j + 4; k++) {
                to[i * n + k] = from[k * row + i];
            }
        }
    }
#endif
    for (; j < n; j++) {
        for (int64_t i = 0; i < depth; i++) {
            to[i * n + j] = from[j * row + i];
        }
    }
}

static void NAME(turn_block)(const NAME(job) * job, int64_t head, int64_t block) {
    const wg_attention *a = job->a;
    const int64_t first = block * KEYS, n = least(KEYS, a->keys - first);
    const int64_t at = head * a->keys + first;
    NAME(turn)
    (n, a->depth, NAME(key_row)(job, job->k, head, first), job->k->row,
     job->k_turned + at * a->depth);
    if (job->v_turned != NULL) {
        NAME(turn)
        (n, a->width, NAME(key_row)(job, job->v, head, first), job->v->row,
         job->v_turned + at * a->width);
    }
}

static void NAME(turn_job)(void *context, int64_t index) {
    const NAME(job) *job = context;
    const int64_t blocks = blocks_of(job->a->keys, KEYS);
    NAME(turn_block)(job, index / blocks, index % blocks);
}

/* The mask of one query's row of keys [first, first + n), in `own` unless it can be read where it
 * lies to the end of a whole block. */
static const T *NAME(mask_row)(const wg_attention *a, int64_t at, int64_t query, int64_t first,
                               int64_t n, T *own) {
    const T *mask = (const T *)a->mask + at + query * a->mask_row + first * a->mask_column;
    if (a->mask_column == 1 && n == KEYS) {
        return mask;
    }
    for (int64_t j = 0; j < KEYS; j++) {
        own[j] = j < n ? mask[j * a->mask_column] : 0;
    }
    return own;
}

/* ---- Forward: a block of queries meets all keys that it sees --------------------------------- */

/* The keys [first, first + n) open to a query. */
static int64_t NAME(seen)(const wg_attention *a, int64_t query, int64_t first, int64_t n) {
    const int64_t most = a->causal ? query + 1 + a->offset - first : n;
    return most < 0 ? 0 : least(most, n);
}

/* m queries at a time as they meet the keys: the greatest exponent and the sum of each. */
typedef struct NAME(rows) {
    int64_t head, query, m, mask_at;
    T top[QUERIES];
    double sum[QUERIES];
    T *out;
} NAME(rows);

/* Rows [low, high) meet the keys [first, first + n) of their block, which has `block` keys. */
static void NAME(forward_meet)(NAME(job) * job, NAME(rows) * r, int64_t low, int64_t high,
                               int64_t first, int64_t n, int64_t block) {
    const wg_attention *a = job->a;
    _Alignas(64) T s[QUERIES * KEYS], own[KEYS];
    const int64_t shared = r->head / a->group, at = shared * a->keys + first, m = high - low;
    const T *q = NAME(query_row)(job, job->q, r->head, r->query + low);
    T *out = r->out + low * a->width;
    NAME(product)
    (job, m, n, a->depth, q, job->q->row, 1, job->k_turned + at * a->depth, block, s, KEYS, false);
    for (int64_t i = 0; i < m; i++) {
        const int64_t query = r->query + low + i;
        T *top = &r->top[low + i];
        double *sum = &r->sum[low + i];
        const T before = *top;
        const T *mask =
            a->mask == NULL ? NULL : NAME(mask_row)(a, r->mask_at, query, first, n, own);
        const double part = job->loops->open(NAME(seen)(a, query, first, n), n, s + i * KEYS,
                                             job->factor, mask, top);
        if (*top != before && first > 0) {
            const double shrink = before == -(T)INFINITY ? 0 : exp2((double)(before - *top));
            *sum *= shrink;
            job->loops->scale(a->width, (T)shrink, out + i * a->width);
        }
        *sum += part;
    }
    NAME(product)
    (job, m, a->width, n, s, KEYS, 1, NAME(key_row)(job, job->v, shared, first), job->v->row, out,
     a->width, first > 0);
}

/* How many of a block's queries go together: on the diagonal fewer, for what they see together is
 * less. */
static int64_t NAME(step)(const wg_attention *a, int64_t query, int64_t first) {
    return a->causal && query + a->offset < first + KEYS ? DIAGONAL : QUERIES;
}

/* The keys of a block that any of the queries before `end` sees; none where not above 0. */
static int64_t NAME(open_keys)(const wg_attention *a, int64_t end, int64_t first, int64_t block) {
    return a->causal ? least(block, end + a->offset - first) : block;
}

static void NAME(forward_rows)(NAME(job) * job, NAME(rows) * r) {
    const wg_attention *a = job->a;
    T *kept = job->kept + (r->head * a->queries + r->query) * WG_ATTENTION_KEPT;
    const int64_t end = a->causal ? least(a->keys, r->query + r->m + a->offset) : a->keys;
    r->mask_at = a->mask != NULL ? mask_of(a, r->head) : 0;
    for (int64_t i = 0; i < r->m; i++) {
        r->top[i] = -(T)INFINITY;
        r->sum[i] = 0;
    }
    if (end <= 0) {
        memset(r->out, 0, (size_t)(r->m * a->width) * sizeof *r->out);
    }
    for (int64_t first = 0; first < end; first += KEYS) {
        const int64_t block = least(KEYS, a->keys - first), step = NAME(step)(a, r->query, first);
        for (int64_t low = 0; low < r->m; low += step) {
            const int64_t high = least(r->m, low + step);
            const int64_t n = NAME(open_keys)(a, r->query + high, first, block);
            if (n > 0) {
                NAME(forward_meet)(job, r, low, high, first, n, block);
            }
        }
    }
    for (int64_t i = 0; i < r->m; i++) {
        const T over = r->sum[i] == 0 ? 0 : (T)(1 / r->sum[i]);
        kept[WG_ATTENTION_KEPT * i] = r->sum[i] == 0 ? 0 : r->top[i];
        kept[WG_ATTENTION_KEPT * i + 1] = over;
        job->loops->scale(a->width, over, r->out + i * a->width);
    }
}

static void NAME(forward_job)(void *context, int64_t index) {
    NAME(job) *job = context;
    const wg_attention *a = job->a;
    const int64_t blocks = blocks_of(a->queries, QUERIES);
    NAME(rows) r = {.head = index / blocks, .query = index % blocks * QUERIES};
    r.m = least(QUERIES, a->queries - r.query);
    r.out = job->out + (r.head * a->queries + r.query) * a->width;
    NAME(forward_rows)(job, &r);
}

static bool NAME(attention_forward)(const wg_attention *a, const wg_attention_rows *q,
                                    const wg_attention_rows *k, const wg_attention_rows *v,
                                    void *out, void *kept, void *scratch) {
    NAME(job) job = NAME(job_of)(a, q, k, v);
    job.out = out;
    job.k_turned = scratch;
    job.kept = kept != NULL ? kept : job.k_turned + turned_size(a, a->depth);
    wg_parallel(a->heads / a->group * blocks_of(a->keys, KEYS), pays(a), NAME(turn_job), &job);
    wg_parallel(a->heads * blocks_of(a->queries, QUERIES), pays(a), NAME(forward_job), &job);
    return !atomic_load(&job.failed);
}

/* ---- Backward: a block of keys meets all queries that see it --------------------------------- */

typedef struct NAME(meeting) {
    int64_t head, query, m; /* of the queries */
    int64_t at, first, n;   /* of the keys: their row among those of all heads, and in their own */
    int64_t block;          /* keys that were turned together */
    T *dq;                  /* of the head, to be added to; NULL where none is wanted */
    bool add_k, add_v;
} NAME(meeting);

static void NAME(meet)(NAME(job) * job, const NAME(meeting) * b) {
    const wg_attention *a = job->a;
    _Alignas(64) T s[QUERIES * KEYS], ds[QUERIES * KEYS], own[KEYS];
    const int64_t row = b->head * a->queries + b->query;
    const int64_t mask_at = a->mask != NULL ? mask_of(a, b->head) : 0;
    const T *q = NAME(query_row)(job, job->q, b->head, b->query);
    const T *g = NAME(query_row)(job, job->g, b->head, b->query);
    NAME(product)
    (job, b->m, b->n, a->depth, q, job->q->row, 1, job->k_turned + b->at * a->depth, b->block, s,
     KEYS, false);
    NAME(product)
    (job, b->m, b->n, a->width, g, job->g->row, 1, job->v_turned + b->at * a->width, b->block, ds,
     KEYS, false);
    for (int64_t i = 0; i < b->m; i++) {
        const T *mask =
            a->mask == NULL ? NULL : NAME(mask_row)(a, mask_at, b->query + i, b->first, b->n, own);
        job->loops->close(NAME(seen)(a, b->query + i, b->first, b->n), b->n, s + i * KEYS,
                          ds + i * KEYS, job->factor, mask,
                          job->kept + (row + i) * WG_ATTENTION_KEPT, (T)job->delta[row + i],
                          (T)a->scale);
    }
    if (job->to->v != NULL) {
        NAME(product)
        (job, b->n, a->width, b->m, s, 1, KEYS, g, job->g->row, (T *)job->to->v + b->at * a->width,
         a->width, b->add_v);
    }
    if (job->to->k != NULL) {
        NAME(product)
        (job, b->n, a->depth, b->m, ds, 1, KEYS, q, job->q->row, (T *)job->to->k + b->at * a->depth,
         a->depth, b->add_k);
    }
    if (b->dq != NULL) {
        NAME(product)
        (job, b->m, a->depth, b->n, ds, KEYS, 1,
         NAME(key_row)(job, job->k, b->head / a->group, b->first), job->k->row,
         b->dq + b->query * a->depth, a->depth, true);
    }
}

static void NAME(clear)(int64_t count, void *to, bool add) {
    if (!add && to != NULL) {
        memset(to, 0, (size_t)count * sizeof(T));
    }
}

/* One block of keys of the shared head. */
static void NAME(chain_keys)(NAME(job) * job, int64_t shared, int64_t first, T *dq) {
    const wg_attention *a = job->a;
    const wg_attention_places *to = job->to;
    NAME(meeting)
    b = {.first = first, .block = least(KEYS, a->keys - first), .at = shared * a->keys + first};
    const int64_t before = first > a->offset ? first - a->offset : 0; /* queries that see none */
    const int64_t met = a->causal ? before / QUERIES * QUERIES : 0;
    /* The first to meet all keys of the block may overwrite; else zeros come first. */
    const bool clear = a->causal || met >= a->queries;
    if (clear && to->k != NULL) {
        NAME(clear)(b.block * a->depth, (T *)to->k + b.at * a->depth, to->add_k);
    }
    if (clear && to->v != NULL) {
        NAME(clear)(b.block * a->width, (T *)to->v + b.at * a->width, to->add_v);
    }
    b.add_k = to->add_k || clear;
    b.add_v = to->add_v || clear;
    for (int64_t member = 0; member < a->group; member++) {
        b.head = shared * a->group + member;
        b.dq = dq != NULL ? dq + member * a->queries * a->depth : NULL;
        for (b.query = met; b.query < a->queries; b.query += b.m) {
            b.m = least(NAME(step)(a, b.query, first), a->queries - b.query);
            b.n = NAME(open_keys)(a, b.query + b.m, first, b.block);
            if (b.n > 0) {
                NAME(meet)(job, &b);
                b.add_k = b.add_v = true;
            }
        }
    }
}

/* Part `index % parts` of the keys of a shared head: every parts-th block, so that causal parts
 * weigh the same. */
static void NAME(chain_job)(void *context, int64_t index) {
    NAME(job) *job = context;
    const wg_attention *a = job->a;
    const int64_t shared = index / job->parts, part = index % job->parts;
    const int64_t size = a->group * a->queries * a->depth;
    T *dq = job->to->q != NULL ? (T *)job->to->q + shared * size : NULL;
    bool add = job->to->add_q;
    if (part > 0 && dq != NULL) {
        dq = job->partial + ((part - 1) * (a->heads / a->group) + shared) * size;
        add = false;
    }
    NAME(clear)(size, dq, add);
    for (int64_t block = part; block < blocks_of(a->keys, KEYS); block += job->parts) {
        NAME(turn_block)(job, shared, block);
        NAME(chain_keys)(job, shared, block * KEYS, dq);
    }
}

/* The parts' gradients of a block of queries, in the order of the parts. */
static void NAME(join_job)(void *context, int64_t index) {
    const NAME(job) *job = context;
    const int64_t all = job->a->heads * job->a->queries * job->a->depth,
                  first = index * JOINED_SIZE;
    const int64_t n = least(JOINED_SIZE, all - first);
    for (int64_t part = 1; part < job->parts; part++) {
        job->loops->add(n, job->partial + (part - 1) * all + first, (T *)job->to->q + first);
    }
}

static void NAME(delta_job)(void *context, int64_t block) {
    const NAME(job) *job = context;
    const wg_attention *a = job->a;
    const int64_t rows = a->heads * a->queries, first = block * QUERIES;
    for (int64_t i = first; i < least(rows, first + QUERIES); i++) {
        const T *g = NAME(query_row)(job, job->g, i / a->queries, i % a->queries);
        job->delta[i] = job->loops->dot(a->width, g, job->from + i * a->width);
    }
}

static bool NAME(attention_chain)(const wg_attention *a, const wg_attention_rows *q,
                                  const wg_attention_rows *k, const wg_attention_rows *v,
                                  const void *out, const void *kept, const wg_attention_rows *g,
                                  const wg_attention_places *to, void *scratch) {
    NAME(job) job = NAME(job_of)(a, q, k, v);
    const int64_t shared = a->heads / a->group, rows = a->heads * a->queries;
    job.from = out;
    job.kept = (T *)kept;
    job.g = g;
    job.to = to;
    job.parts = parts_of(a);
    job.delta = scratch;
    job.k_turned = (T *)(void *)(job.delta + rows);
    job.v_turned = job.k_turned + turned_size(a, a->depth);
    job.partial = job.v_turned + turned_size(a, a->width);
    wg_parallel(blocks_of(rows, QUERIES), pays(a), NAME(delta_job), &job);
    wg_parallel(shared * job.parts, pays(a), NAME(chain_job), &job);
    if (job.parts > 1 && to->q != NULL) {
        wg_parallel(blocks_of(rows * a->depth, JOINED_SIZE), pays(a), NAME(join_job), &job);
    }
    return !atomic_load(&job.failed);
}

#undef QUERIES
#undef KEYS
