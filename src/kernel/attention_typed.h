/* attention_typed.h (internal): attention in the type T; NAME(x) puts its name behind x. */

#define QUERIES WG_ATTENTION_QUERIES
#define KEYS WG_ATTENTION_KEYS

typedef struct NAME(job) {
    const wg_attention *a;
    const NAME(wg_attention_loops) * loops;
    NAME(wg_turn) * turn;
    const T *q, *k, *v, *g, *from;
    T *out, *kept;          /* forward fills them, the chain rule reads `from` and `kept` */
    T *k_turned, *v_turned; /* transposed block by block: [depth, KEYS] each, the last narrower */
    T *partial;             /* gradients of q from all parts but the first */
    double *delta;          /* of each query: the sum of g out */
    const wg_attention_places *to;
    int64_t parts; /* in which the keys of a head are shared out */
    T factor;      /* scale log2(e) */
    atomic_bool failed;
} NAME(job);

static NAME(job) NAME(job_of)(const wg_attention *a, const void *q, const void *k, const void *v) {
    NAME(job)
    job = {.a = a,
           .loops = NAME(wg_attention_loops_of)(),
           .turn = NAME(wg_matmul_parts_best)()->turn,
           .q = q,
           .k = k,
           .v = v};
    job.factor = (T)(a->scale * 1.4426950408889634);
    return job;
}

static void NAME(product)(NAME(job) * job, int64_t m, int64_t n, int64_t k, const T *a,
                          int64_t a_row, int64_t a_column, const T *b, int64_t b_row, T *c,
                          int64_t c_row, bool accumulate) {
    if (!NAME(wg_kernel_matmul)(m, n, k, a, a_row, a_column, b, b_row, 1, c, c_row, accumulate)) {
        atomic_store(&job->failed, true);
    }
}

/* Zeros in `rows` rows of n elements, `apart` elements from each other. */
static void NAME(clear)(int64_t rows, int64_t n, T *to, int64_t apart) {
    for (int64_t i = 0; i < rows; i++) {
        memset(to + i * apart, 0, (size_t)n * sizeof *to);
    }
}

static void NAME(turn_block)(const NAME(job) * job, int64_t head, int64_t block) {
    const wg_attention *a = job->a;
    const int64_t first = block * KEYS, n = least(KEYS, a->keys - first);
    const int64_t at = head * a->keys + first;
    job->turn(n, a->depth, job->k + shared_row_of(a, &a->k, head, first), a->k.row, 1,
              job->k_turned + at * a->depth, n);
    if (job->v_turned != NULL) {
        job->turn(n, a->width, job->v + shared_row_of(a, &a->v, head, first), a->v.row, 1,
                  job->v_turned + at * a->width, n);
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

static void NAME(times)(int64_t n, const T *restrict by, T *restrict x) {
    for (int64_t j = 0; j < n; j++) {
        x[j] *= by[j];
    }
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
    _Alignas(64) T s[QUERIES * KEYS], own[KEYS], left[WG_LEFT_QUERIES * KEYS];
    const int64_t at = r->head / a->group * a->keys + first, m = high - low;
    const T *q = job->q + row_of(a, &a->q, r->head, r->query + low);
    T *out = r->out + low * a->out.row;
    if (few_queries(a)) {
        const T *k = job->k + shared_row_of(a, &a->k, r->head / a->group, first);
        if (!NAME(wg_kernel_matmul)(m, n, a->depth, q, a->q.row, 1, k, 1, a->k.row, s, KEYS,
                                    false)) {
            atomic_store(&job->failed, true);
        }
    } else {
        NAME(product)
        (job, m, n, a->depth, q, a->q.row, 1, job->k_turned + at * a->depth, block, s, KEYS, false);
    }
    for (int64_t i = 0; i < m; i++) {
        const int64_t query = r->query + low + i;
        T *top = &r->top[low + i];
        double *sum = &r->sum[low + i];
        const T before = *top;
        const T *mask =
            a->mask == NULL ? NULL : NAME(mask_row)(a, r->mask_at, query, first, n, own);
        const int64_t seen = NAME(seen)(a, query, first, n);
        const double part = job->loops->open(seen, n, s + i * KEYS, job->factor, mask, top);
        if (a->dropout > 0) {
            if (i % WG_LEFT_QUERIES == 0) {
                wg_attention_left(a, r->head, query, first, left);
            }
            NAME(times)(seen, left + i % WG_LEFT_QUERIES * KEYS, s + i * KEYS);
        }
        if (*top != before && first > 0) {
            const double shrink = before == -(T)INFINITY ? 0 : exp2((double)(before - *top));
            *sum *= shrink;
            job->loops->scale(a->width, (T)shrink, out + i * a->out.row);
        }
        *sum += part;
    }
    NAME(product)
    (job, m, a->width, n, s, KEYS, 1, job->v + shared_row_of(a, &a->v, r->head / a->group, first),
     a->v.row, out, a->out.row, first > 0);
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
    r->mask_at = a->mask != NULL ? place_of(a, a->lead_stride, r->head, 1) : 0;
    for (int64_t i = 0; i < r->m; i++) {
        r->top[i] = -(T)INFINITY;
        r->sum[i] = 0;
    }
    if (end <= 0) {
        NAME(clear)(r->m, a->width, r->out, a->out.row);
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
        job->loops->scale(a->width, over, r->out + i * a->out.row);
    }
}

static void NAME(forward_job)(void *context, int64_t index) {
    NAME(job) *job = context;
    const wg_attention *a = job->a;
    const int64_t blocks = blocks_of(a->queries, QUERIES);
    NAME(rows) r = {.head = index / blocks, .query = index % blocks * QUERIES};
    r.m = least(QUERIES, a->queries - r.query);
    r.out = job->out + row_of(a, &a->out, r.head, r.query);
    NAME(forward_rows)(job, &r);
}

static bool NAME(attention_forward)(const wg_attention *a, const void *q, const void *k,
                                    const void *v, void *out, void *kept, void *scratch) {
    NAME(job) job = NAME(job_of)(a, q, k, v);
    job.out = out;
    job.k_turned = scratch;
    job.kept = kept != NULL ? kept : job.k_turned + turned_size(a, a->depth);
    if (!few_queries(a)) {
        wg_parallel(a->heads / a->group * blocks_of(a->keys, KEYS), pays(a), NAME(turn_job), &job);
    }
    wg_parallel(a->heads * blocks_of(a->queries, QUERIES), pays(a), NAME(forward_job), &job);
    return !atomic_load(&job.failed);
}

/* ---- Backward: a block of keys meets all queries that see it --------------------------------- */

typedef struct NAME(meeting) {
    int64_t head, query, m; /* of the queries */
    int64_t at, first, n;   /* of the keys: their row among those of all heads, and in their own */
    int64_t block;          /* keys that were turned together */
    T *dq, *dk, *dv;        /* of the head and of the keys; NULL where none is wanted */
    int64_t dq_row;         /* to the next row of dq, which is added to */
    bool add_k, add_v;
} NAME(meeting);

static void NAME(meet)(NAME(job) * job, const NAME(meeting) * b) {
    const wg_attention *a = job->a;
    _Alignas(64) T s[QUERIES * KEYS], ds[QUERIES * KEYS], own[KEYS], left[WG_LEFT_QUERIES * KEYS];
    const int64_t row = b->head * a->queries + b->query;
    const int64_t mask_at = a->mask != NULL ? place_of(a, a->lead_stride, b->head, 1) : 0;
    const T *q = job->q + row_of(a, &a->q, b->head, b->query);
    const T *g = job->g + row_of(a, &a->g, b->head, b->query);
    NAME(product)
    (job, b->m, b->n, a->depth, q, a->q.row, 1, job->k_turned + b->at * a->depth, b->block, s, KEYS,
     false);
    NAME(product)
    (job, b->m, b->n, a->width, g, a->g.row, 1, job->v_turned + b->at * a->width, b->block, ds,
     KEYS, false);
    for (int64_t i = 0; i < b->m; i++) {
        const T *mask =
            a->mask == NULL ? NULL : NAME(mask_row)(a, mask_at, b->query + i, b->first, b->n, own);
        const int64_t seen = NAME(seen)(a, b->query + i, b->first, b->n);
        const T *row_left = left + i % WG_LEFT_QUERIES * KEYS;
        if (a->dropout > 0) {
            if (i % WG_LEFT_QUERIES == 0) {
                wg_attention_left(a, b->head, b->query + i, b->first, left);
            }
            NAME(times)(seen, row_left, ds + i * KEYS);
        }
        job->loops->close(seen, b->n, s + i * KEYS, ds + i * KEYS, job->factor, mask,
                          job->kept + (row + i) * WG_ATTENTION_KEPT, (T)job->delta[row + i],
                          (T)a->scale);
        if (a->dropout > 0) {
            NAME(times)(seen, row_left, s + i * KEYS);
        }
    }
    if (b->dv != NULL) {
        NAME(product)
        (job, b->n, a->width, b->m, s, 1, KEYS, g, a->g.row, b->dv, job->to->rows_v.row, b->add_v);
    }
    if (b->dk != NULL) {
        NAME(product)
        (job, b->n, a->depth, b->m, ds, 1, KEYS, q, a->q.row, b->dk, job->to->rows_k.row, b->add_k);
    }
    if (b->dq != NULL) {
        const T *k = job->k + shared_row_of(a, &a->k, b->head / a->group, b->first);
        NAME(product)
        (job, b->m, a->depth, b->n, ds, KEYS, 1, k, a->k.row, b->dq + b->query * b->dq_row,
         b->dq_row, true);
    }
}

/* The gradients of a head's queries that part `part` of its keys adds to, and their rows. */
static T *NAME(dq_of)(const NAME(job) * job, int64_t head, int64_t part, int64_t *row) {
    const wg_attention *a = job->a;
    *row = part > 0 ? a->depth : job->to->rows_q.row;
    return job->to->q == NULL ? NULL
           : part > 0 ? job->partial + ((part - 1) * a->heads + head) * a->queries * a->depth
                      : (T *)job->to->q + row_of(a, &job->to->rows_q, head, 0);
}

/* One block of keys of the shared head. */
static void NAME(chain_keys)(NAME(job) * job, int64_t shared, int64_t first, int64_t part) {
    const wg_attention *a = job->a;
    const wg_attention_places *to = job->to;
    NAME(meeting)
    b = {.first = first, .block = least(KEYS, a->keys - first), .at = shared * a->keys + first};
    b.dk = to->k != NULL ? (T *)to->k + shared_row_of(a, &to->rows_k, shared, first) : NULL;
    b.dv = to->v != NULL ? (T *)to->v + shared_row_of(a, &to->rows_v, shared, first) : NULL;
    const int64_t before = first > a->offset ? first - a->offset : 0; /* queries that see none */
    const int64_t met = a->causal ? before / QUERIES * QUERIES : 0;
    /* The first to meet all keys of the block may overwrite; else zeros come first. */
    const bool clear = a->causal || met >= a->queries;
    if (clear && b.dk != NULL && !to->add_k) {
        NAME(clear)(b.block, a->depth, b.dk, to->rows_k.row);
    }
    if (clear && b.dv != NULL && !to->add_v) {
        NAME(clear)(b.block, a->width, b.dv, to->rows_v.row);
    }
    b.add_k = to->add_k || clear;
    b.add_v = to->add_v || clear;
    for (int64_t member = 0; member < a->group; member++) {
        b.head = shared * a->group + member;
        b.dq = NAME(dq_of)(job, b.head, part, &b.dq_row);
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
    for (int64_t member = 0; member < a->group && (part > 0 || !job->to->add_q); member++) {
        int64_t row;
        T *dq = NAME(dq_of)(job, shared * a->group + member, part, &row);
        NAME(clear)(dq != NULL ? a->queries : 0, a->depth, dq, row);
    }
    for (int64_t block = part; block < blocks_of(a->keys, KEYS); block += job->parts) {
        NAME(turn_block)(job, shared, block);
        NAME(chain_keys)(job, shared, block * KEYS, part);
    }
}

/* The parts' gradients of a block of queries, in the order of the parts. */
static void NAME(join_job)(void *context, int64_t index) {
    const NAME(job) *job = context;
    const wg_attention *a = job->a;
    const int64_t blocks = blocks_of(a->queries, QUERIES), head = index / blocks;
    const int64_t first = index % blocks * QUERIES, end = least(a->queries, first + QUERIES);
    for (int64_t part = 1; part < job->parts; part++) {
        int64_t from_row, to_row;
        const T *from = NAME(dq_of)(job, head, part, &from_row);
        T *to = NAME(dq_of)(job, head, 0, &to_row);
        for (int64_t i = first; i < end; i++) {
            job->loops->add(a->depth, from + i * from_row, to + i * to_row);
        }
    }
}

static void NAME(delta_job)(void *context, int64_t index) {
    const NAME(job) *job = context;
    const wg_attention *a = job->a;
    const int64_t blocks = blocks_of(a->queries, QUERIES), head = index / blocks;
    const int64_t first = index % blocks * QUERIES, end = least(a->queries, first + QUERIES);
    for (int64_t i = first; i < end; i++) {
        job->delta[head * a->queries + i] = job->loops->dot(
            a->width, job->g + row_of(a, &a->g, head, i), job->from + row_of(a, &a->out, head, i));
    }
}

static bool NAME(attention_chain)(const wg_attention *a, const void *q, const void *k,
                                  const void *v, const void *out, const void *kept, const void *g,
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
    wg_parallel(a->heads * blocks_of(a->queries, QUERIES), pays(a), NAME(delta_job), &job);
    wg_parallel(shared * job.parts, pays(a), NAME(chain_job), &job);
    if (job.parts > 1 && to->q != NULL) {
        wg_parallel(a->heads * blocks_of(a->queries, QUERIES), pays(a), NAME(join_job), &job);
    }
    return !atomic_load(&job.failed);
}

#undef QUERIES
#undef KEYS
