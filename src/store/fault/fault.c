/* SPDX-License-Identifier: MIT */
#include "store/fault/fault.h"

#include <pthread.h>

#define FAULTS_MAX 4

struct fault_store {
    struct store store;
    pthread_mutex_t lock; /* of what follows */
    struct fault faults[FAULTS_MAX];
    size_t count;
    enum fault_outcome outcome;
    uint64_t calls[FAULT_CALL_COUNT], hits;
    _Atomic uint32_t nobody_wakes;
};

static struct fault_store *filter_of(struct store *store)
{
    return (struct fault_store *)store;
}

/* ---- what fails ---- */

static bool is_hit(const struct fault_store *filter, const struct fault *fault, enum fault_call call)
{
    uint64_t n = filter->calls[fault->call];
    if (fault->result == STORE_PENDING && call > FAULT_PENDING_LAST)
        return false;
    return (fault->call == FAULT_ANY || fault->call == call) && n >= fault->nth &&
           (fault->times == 0 || n - fault->nth < fault->times);
}

/* Counts a call. Its fault, or one with nth 0. */
static struct fault count(struct store *store, enum fault_call call)
{
    struct fault_store *filter = filter_of(store);
    struct fault fault = {0};
    pthread_mutex_lock(&filter->lock);
    filter->calls[FAULT_ANY]++;
    filter->calls[call]++;
    for (size_t i = 0; i < filter->count && fault.nth == 0; i++)
        if (is_hit(filter, &filter->faults[i], call))
            fault = filter->faults[i];
    filter->hits += fault.nth != 0;
    pthread_mutex_unlock(&filter->lock);
    return fault;
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

void pawli_fault_also(struct store *store, const struct fault *fault)
{
    struct fault_store *filter = filter_of(store);
    PAWL_ASSERT(fault->nth != 0);
    PAWL_ASSERT(fault->result != STORE_PENDING || fault->when == FAULT_BEFORE);
    pthread_mutex_lock(&filter->lock);
    PAWL_ASSERT(filter->count < FAULTS_MAX);
    filter->faults[filter->count++] = *fault;
    pthread_mutex_unlock(&filter->lock);
}

void pawli_fault_set(struct store *store, const struct fault *fault)
{
    struct fault_store *filter = filter_of(store);
    pthread_mutex_lock(&filter->lock);
    filter->count = 0;
    filter->outcome = FAULT_STAYS_UNKNOWN;
    memset(filter->calls, 0, sizeof filter->calls);
    filter->hits = 0;
    pthread_mutex_unlock(&filter->lock);
    if (fault)
        pawli_fault_also(store, fault);
}

void pawli_fault_outcome(struct store *store, enum fault_outcome outcome)
{
    struct fault_store *filter = filter_of(store);
    pthread_mutex_lock(&filter->lock);
    filter->outcome = outcome;
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

/* What begin or join opened below is dropped again where the answer is a failure. */
static enum store_result open_txn(struct store *store, const struct fault *fault, enum store_result result,
                                  struct txn *opened, struct txn **ret_txn, pawl_error *err)
{
    if (result != STORE_OK)
        return result;
    result = told(fault, STORE_OK, err);
    if (result == STORE_OK)
        *ret_txn = opened;
    else
        pawli_store_drop(store->below, opened);
    return result;
}

static enum store_result begin(struct store *store, struct boot_time until, struct txn **ret_txn, pawl_error *err)
{
    struct fault fault = count(store, FAULT_BEGIN);
    struct txn *opened = NULL;
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    enum store_result result = pawli_below_begin(store->below, until, &opened, err);
    return open_txn(store, &fault, result, opened, ret_txn, err);
}

static enum store_result join(struct store *store, void *native, struct txn **ret_txn, pawl_error *err)
{
    struct fault fault = count(store, FAULT_JOIN);
    struct txn *opened = NULL;
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    enum store_result result = pawli_below_join(store->below, native, &opened, err);
    return open_txn(store, &fault, result, opened, ret_txn, err);
}

static enum store_result load(struct store *store, struct txn *txn, struct view *view, pawl_error *err)
{
    struct fault fault = count(store, FAULT_LOAD);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, pawli_below_load(store->below, txn, view, err), err);
}

static enum store_result save(struct store *store, struct txn *txn, const struct view *view, bool syncs,
                              pawl_error *err)
{
    struct fault fault = count(store, FAULT_SAVE);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, pawli_below_save(store->below, txn, view, syncs, err), err);
}

static enum store_result sync_commits(struct store *store, uint64_t commits, pawl_error *err)
{
    struct fault fault = count(store, FAULT_SYNC);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, pawli_store_sync(store->below, commits, err), err);
}

static enum store_result resolve(struct store *store, const struct committer_row *marker, bool *ret_committed,
                                 pawl_error *err)
{
    struct fault_store *filter = filter_of(store);
    struct fault fault = count(store, FAULT_RESOLVE);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    pthread_mutex_lock(&filter->lock);
    enum fault_outcome outcome = filter->outcome;
    bool is_set = filter->count > 0;
    pthread_mutex_unlock(&filter->lock);
    if (!is_set)
        return pawli_below_resolve(store->below, marker, ret_committed, err);
    if (outcome == FAULT_STAYS_UNKNOWN)
        return pawli_store_fail(err, STORE_UNKNOWN);
    *ret_committed = outcome == FAULT_COMMITTED;
    return told(&fault, STORE_OK, err);
}

/* ---- reading ---- */

static enum store_result open_reader(struct store *store, struct reader **ret_reader, pawl_error *err)
{
    struct fault fault = count(store, FAULT_READER);
    struct reader *opened = NULL;
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    enum store_result result = pawli_below_reader(store->below, &opened, err);
    if (result != STORE_OK)
        return result;
    result = told(&fault, STORE_OK, err);
    if (result == STORE_OK)
        *ret_reader = opened;
    else
        pawli_store_done(store->below, opened);
    return result;
}

static enum store_result read_page(struct store *store, struct reader *reader, const struct query *query,
                                   struct page *page, pawl_error *err)
{
    struct fault fault = count(store, FAULT_READ);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, pawli_below_read(store->below, reader, query, page, err), err);
}

/* ---- the rest: what the filter has nothing to do with it leaves to the store below ---- */

static void wait_for_pending(struct store *store, struct boot_time until)
{
    struct env *env = store->env;
    struct boot_time next = boot_after_ms(env->ops->boot_now(env), FAULT_PENDING_MS);
    env->ops->wait(env, &filter_of(store)->nobody_wakes, 0, boot_earlier(until, next));
}

static enum store_result tend(struct store *store, pawl_error *err)
{
    struct fault fault = count(store, FAULT_TEND);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, pawli_store_tend(store->below, err), err);
}

static enum store_result backup(struct store *store, const char *path,
                                void (*progress)(void *data, int left, int total), void *data, pawl_error *err)
{
    struct fault fault = count(store, FAULT_BACKUP);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, pawli_store_backup(store->below, path, progress, data, err), err);
}

static enum store_result adopt(struct store *store, pawl_error *err)
{
    struct fault fault = count(store, FAULT_ADOPT);
    if (is_before(&fault))
        return pawli_store_fail(err, fault.result);
    return told(&fault, pawli_store_adopt(store->below, err), err);
}

static void close_filter(struct store *store)
{
    struct fault_store *filter = filter_of(store);
    pawli_store_close(store->below);
    pthread_mutex_destroy(&filter->lock);
    pawli_free(filter);
}

static const struct store_ops filter_ops = {
    .close = close_filter,
    .begin = begin,
    .join = join,
    .load = load,
    .save = save,
    .sync = sync_commits,
    .resolve = resolve,
    .reader = open_reader,
    .read = read_page,
    .ready = wait_for_pending,
    .tend = tend,
    .backup = backup,
    .adopt = adopt,
};

struct store *pawli_fault_over(struct store *store)
{
    struct fault_store *filter = pawli_alloc(sizeof *filter);
    if (!filter)
        return NULL;
    pawli_filter_init(&filter->store, &filter_ops, store);
    pthread_mutex_init(&filter->lock, NULL);
    return &filter->store;
}
