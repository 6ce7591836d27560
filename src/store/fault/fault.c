/* SPDX-License-Identifier: MIT */
#include "store/fault/fault.h"

#include <pthread.h>

struct fault_store {
    struct store store;
    struct store_ops ops; /* our functions under the name and with the powers of the store below */
    struct store *below;
    pthread_mutex_t lock; /* of what follows */
    struct fault fault;   /* nth 0: none */
    uint64_t calls[FAULT_CALL_COUNT], hits;
};

struct txn {
    struct fault_store *filter;
    struct txn *below;
};

struct reader {
    struct fault_store *filter;
    struct reader *below;
};

static struct fault_store *filter_of(struct store *store)
{
    return (struct fault_store *)store;
}

static struct store *below(struct store *store)
{
    return filter_of(store)->below;
}

/* ---- what fails ---- */

/* Counts a call. Its fault, or one with nth 0. */
static struct fault count(struct fault_store *filter, enum fault_call call)
{
    pthread_mutex_lock(&filter->lock);
    struct fault fault = filter->fault;
    filter->calls[FAULT_ANY]++;
    filter->calls[call]++;
    uint64_t n = filter->calls[fault.call];
    bool hit = fault.nth != 0 && (fault.call == FAULT_ANY || fault.call == call) && n >= fault.nth &&
               (fault.times == 0 || n - fault.nth < fault.times);
    filter->hits += hit;
    pthread_mutex_unlock(&filter->lock);
    return hit ? fault : (struct fault){0};
}

static bool is_before(const struct fault *fault)
{
    return fault->nth != 0 && fault->when == FAULT_BEFORE;
}

/* What the caller is told after the store below answered. */
static enum store_result told(const struct fault *fault, enum store_result result, pawl_error *err)
{
    return fault->nth != 0 && result == STORE_OK ? pawli_store_fail(err, fault->result) : result;
}

void pawli_fault_set(struct store *store, const struct fault *fault)
{
    struct fault_store *filter = filter_of(store);
    pthread_mutex_lock(&filter->lock);
    filter->fault = fault ? *fault : (struct fault){0};
    memset(filter->calls, 0, sizeof filter->calls);
    filter->hits = 0;
    pthread_mutex_unlock(&filter->lock);
}

uint64_t pawli_fault_hits(struct store *store)
{
    struct fault_store *filter = filter_of(store);
    pthread_mutex_lock(&filter->lock);
    uint64_t hits = filter->hits;
    pthread_mutex_unlock(&filter->lock);
    return hits;
}

uint64_t pawli_fault_calls(struct store *store, enum fault_call call)
{
    struct fault_store *filter = filter_of(store);
    pthread_mutex_lock(&filter->lock);
    uint64_t calls = filter->calls[call];
    pthread_mutex_unlock(&filter->lock);
    return calls;
}

/* ---- writing ---- */

/* What begin or join opened below: wrapped, or dropped again where the answer is a failure. */
static enum store_result open_txn(struct fault_store *filter, const struct fault *fault, enum store_result result,
                                  struct txn *opened, struct txn **ret_txn, pawl_error *err)
{
    if (result != STORE_OK)
        return result;
    result = told(fault, STORE_OK, err);
    struct txn *txn = result == STORE_OK ? pawli_alloc(sizeof *txn) : NULL;
    if (!txn) {
        filter->below->ops->drop(opened);
        return result == STORE_OK ? pawli_store_fail(err, STORE_NO_MEMORY) : result;
    }
    *txn = (struct txn){filter, opened};
    *ret_txn = txn;
    return STORE_OK;
}

static enum store_result begin(struct store *store, struct boot_time until, struct txn **ret_txn, pawl_error *err)
{
    struct fault_store *filter = filter_of(store);
    struct fault fault = count(filter, FAULT_BEGIN);
    struct txn *opened = NULL;
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    enum store_result result = filter->below->ops->begin(filter->below, until, &opened, err);
    return open_txn(filter, &fault, result, opened, ret_txn, err);
}

static enum store_result join(struct store *store, void *native, struct txn **ret_txn, pawl_error *err)
{
    struct fault_store *filter = filter_of(store);
    struct fault fault = count(filter, FAULT_JOIN);
    struct txn *opened = NULL;
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    enum store_result result = filter->below->ops->join(filter->below, native, &opened, err);
    return open_txn(filter, &fault, result, opened, ret_txn, err);
}

static enum store_result load(struct txn *txn, struct view *view, pawl_error *err)
{
    struct fault fault = count(txn->filter, FAULT_LOAD);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, txn->filter->below->ops->load(txn->below, view, err), err);
}

static enum store_result save(struct txn *txn, const struct view *view, pawl_error *err)
{
    struct fault fault = count(txn->filter, FAULT_SAVE);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, txn->filter->below->ops->save(txn->below, view, err), err);
}

static void drop(struct txn *txn)
{
    txn->filter->below->ops->drop(txn->below);
    pawli_free(txn);
}

static enum store_result resolve(struct store *store, const struct committer_row *marker, bool *ret_committed,
                                 pawl_error *err)
{
    struct fault fault = count(filter_of(store), FAULT_RESOLVE);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, below(store)->ops->resolve(below(store), marker, ret_committed, err), err);
}

/* ---- reading ---- */

static enum store_result open_reader(struct store *store, struct reader **ret_reader, pawl_error *err)
{
    struct fault_store *filter = filter_of(store);
    struct fault fault = count(filter, FAULT_READER);
    struct reader *opened = NULL;
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    enum store_result result = filter->below->ops->reader(filter->below, &opened, err);
    if (result != STORE_OK)
        return result;
    result = told(&fault, STORE_OK, err);
    struct reader *reader = result == STORE_OK ? pawli_alloc(sizeof *reader) : NULL;
    if (!reader) {
        filter->below->ops->done(opened);
        return result == STORE_OK ? pawli_store_fail(err, STORE_NO_MEMORY) : result;
    }
    *reader = (struct reader){filter, opened};
    *ret_reader = reader;
    return STORE_OK;
}

static enum store_result read_page(struct reader *reader, const struct query *query, struct page *page, pawl_error *err)
{
    struct fault fault = count(reader->filter, FAULT_READ);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, reader->filter->below->ops->read(reader->below, query, page, err), err);
}

static void close_reader(struct reader *reader)
{
    reader->filter->below->ops->done(reader->below);
    pawli_free(reader);
}

/* ---- the rest ---- */

static enum store_result tend(struct store *store, pawl_error *err)
{
    struct fault fault = count(filter_of(store), FAULT_TEND);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, below(store)->ops->tend(below(store), err), err);
}

static enum store_result backup(struct store *store, const char *path,
                                void (*progress)(void *data, int left, int total), void *data, pawl_error *err)
{
    struct fault fault = count(filter_of(store), FAULT_BACKUP);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, below(store)->ops->backup(below(store), path, progress, data, err), err);
}

static enum store_result adopt(struct store *store, pawl_error *err)
{
    struct fault fault = count(filter_of(store), FAULT_ADOPT);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, below(store)->ops->adopt(below(store), err), err);
}

static enum store_result check(struct store *store, struct text *ret_problem, struct arena *arena, pawl_error *err)
{
    struct fault fault = count(filter_of(store), FAULT_CHECK);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, below(store)->ops->check(below(store), ret_problem, arena, err), err);
}

static int attach(struct store *store, void *native, void **ret_attachment, pawl_error *err)
{
    return below(store)->ops->attach(below(store), native, ret_attachment, err);
}

static bool is_slot_alive(struct store *store, uint64_t slot)
{
    return below(store)->ops->is_slot_alive(below(store), slot);
}

static uint64_t own_slot(struct store *store)
{
    return below(store)->ops->slot(below(store));
}

static void listen_to_bell(struct store *store, bool yes)
{
    below(store)->ops->listen(below(store), yes);
}

static uint64_t news(struct store *store, enum news what)
{
    return below(store)->ops->news(below(store), what);
}

static void wait_for_news(struct store *store, enum news what, uint64_t seen, struct boot_time until)
{
    below(store)->ops->wait(below(store), what, seen, until);
}

static int watch_fd(struct store *store, struct boot_time *poll)
{
    return below(store)->ops->watch_fd(below(store), poll);
}

static bool rang(struct store *store)
{
    return below(store)->ops->rang(below(store));
}

static bool needs_tending(struct store *store)
{
    return below(store)->ops->needs_tending(below(store));
}

static void engine_tends(struct store *store, bool yes)
{
    below(store)->ops->engine_tends(below(store), yes);
}

static void close_filter(struct store *store)
{
    struct fault_store *filter = filter_of(store);
    filter->below->ops->close(filter->below);
    pthread_mutex_destroy(&filter->lock);
    pawli_free(filter);
}

static void filter_log(struct store *store, uint64_t *size, uint64_t *waiting)
{
    below(store)->ops->log(below(store), size, waiting);
}

static bool filter_was_adopted(struct store *store)
{
    return below(store)->ops->was_adopted(below(store));
}

static const struct store_ops filter_ops = {
    .close = close_filter,
    .begin = begin,
    .join = join,
    .load = load,
    .save = save,
    .drop = drop,
    .resolve = resolve,
    .reader = open_reader,
    .read = read_page,
    .done = close_reader,
    .attach = attach,
    .is_slot_alive = is_slot_alive,
    .slot = own_slot,
    .listen = listen_to_bell,
    .news = news,
    .wait = wait_for_news,
    .watch_fd = watch_fd,
    .rang = rang,
    .tend = tend,
    .needs_tending = needs_tending,
    .engine_tends = engine_tends,
    .backup = backup,
    .adopt = adopt,
    .was_adopted = filter_was_adopted,
    .log = filter_log,
    .check = check,
};

struct store *pawli_fault_over(struct store *store)
{
    struct fault_store *filter = pawli_alloc(sizeof *filter);
    if (!filter)
        return NULL;
    filter->ops = filter_ops;
    filter->ops.name = store->ops->name;
    filter->ops.can = store->ops->can;
    filter->ops.version = store->ops->version;
    filter->ops.detach = store->ops->detach;
    filter->ops.committed = store->ops->committed;
    filter->store = *store;
    filter->store.ops = &filter->ops;
    filter->below = store;
    pthread_mutex_init(&filter->lock, NULL);
    return &filter->store;
}
