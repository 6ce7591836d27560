/* SPDX-License-Identifier: MIT */
/* The memory store: for tests, for the simulator, and as the reference for what storing means. Each opening is a store of
 * its own, that ends with it.
 *
 *   1  Whoever holds the lock has the tables to himself: a transaction from begin to drop, a reader from its opening to its
 *      end. So a reader sees one snapshot, at the price that writers wait for it: readers are short here, and copying the
 *      tables for each would cost more.
 *   2  The lock is a word that env waits on, so that a simulated wait costs simulated time.
 *   3  Save is all or nothing, whichever allocation fails (save.c). */
#include "env/file.h"
#include "store/memory/memory.h"

#define POLL_NS 100000000

/* ---- opening ---- */

static void begin_life(struct memory_store *memory)
{
    struct env *env = memory->store.env;
    struct store_row *row = &memory->tables.store;
    *row = (struct store_row){.epoch = 1, .boot = 1, .lease = BOOT_NEVER};
    env->ops->random(env, &row->life, sizeof row->life);
    env->ops->boot_id(env, &row->boot_id);
}

static int memory_open(const struct store_open *how, struct env *env, struct store **ret_store,
                       struct store_facts *facts, pawl_error *err)
{
    if (how->url.path.size || how->url.options.size)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "a memory store has neither a name nor options"),
                          "write memory:");
    if (how->must_exist || how->read_only)
        return pawli_hint(err, pawli_fail(err, PAWL_ENOTFOUND, "a memory store exists only once it was made"),
                          "open it neither read-only nor with must_exist, or use sqlite:FILE");
    struct memory_store *memory = pawli_alloc(sizeof *memory);
    if (!memory)
        return pawli_no_memory(err);
    memory->store = (struct store){
        .ops = &pawli_store_memory, .env = env, .busy_ms = how->busy_ms, .forks = pawli_file_forks()};
    begin_life(memory);
    *facts = (struct store_facts){.was_created = true, .engine = "memory"};
    *ret_store = &memory->store;
    return PAWL_OK;
}

static void memory_close(struct store *store)
{
    struct memory_store *memory = memory_of(store);
    pawli_tables_done(&memory->tables);
    pawli_free(memory);
}

/* ---- the lock ---- */

static enum store_result lock(struct memory_store *memory, struct boot_time until, pawl_error *err)
{
    struct env *env = memory->store.env;
    uint32_t is_free = 0;
    if (atomic_compare_exchange_strong(&memory->lock, &is_free, 1))
        return STORE_OK;
    until = boot_earlier(until, boot_after_ms(env->ops->boot_now(env), memory->store.busy_ms));
    while (atomic_exchange(&memory->lock, 2) != 0) {
        if (env->ops->boot_now(env).ns >= until.ns) {
            pawli_hint(err, pawli_fail(err, PAWL_EBUSY, "other threads kept the store's lock for too long"),
                       "try again");
            return STORE_BUSY;
        }
        env->ops->wait(env, &memory->lock, 2, until);
    }
    return STORE_OK;
}

static void unlock(struct memory_store *memory)
{
    struct env *env = memory->store.env;
    if (atomic_exchange(&memory->lock, 0) == 2)
        env->ops->wake(env, &memory->lock, 1);
}

/* ---- writing ---- */

static enum store_result begin(struct store *store, struct boot_time until, struct txn **ret_txn, pawl_error *err)
{
    struct memory_store *memory = memory_of(store);
    enum store_result result = lock(memory, until, err);
    if (result == STORE_OK) {
        memory->txn = (struct txn){0};
        *ret_txn = &memory->txn;
    }
    return result;
}

static enum store_result save(struct store *store, struct txn *txn, const struct view *view, bool syncs,
                              pawl_error *err)
{
    txn->syncs = syncs;
    enum store_result result = pawli_memory_save(memory_of(store), view, err);
    txn->saved |= result == STORE_OK;
    txn->has_records |= pawli_view_has_records(view);
    return result;
}

static void ring(struct memory_store *memory)
{
    struct env *env = memory->store.env;
    unsigned told = atomic_exchange(&memory->untold, 0);
    for (unsigned what = 0; what < told; what++) {
        atomic_fetch_add(&memory->bells[what], 1);
        if (atomic_load(&memory->listening))
            env->ops->wake(env, &memory->bells[what], INT_MAX);
    }
}

/* There is nothing to be synced, but nobody is told before it was asked for. */
static enum store_result sync_commits(struct store *store, uint64_t commits, pawl_error *err)
{
    (void)commits, (void)err;
    ring(memory_of(store));
    return STORE_OK;
}

static void drop(struct store *store, struct txn *txn)
{
    struct memory_store *memory = memory_of(store);
    unsigned count = txn->saved ? news_count(txn->has_records) : 0;
    bool syncs = txn->syncs;
    if (count > atomic_load(&memory->untold)) /* under the lock, but for whoever rings */
        atomic_store(&memory->untold, count);
    unlock(memory);
    if (syncs)
        ring(memory);
}

static enum store_result resolve(struct store *store, const struct committer_row *marker, bool *ret_committed,
                                 pawl_error *err)
{
    struct memory_store *memory = memory_of(store);
    enum store_result result = lock(memory, BOOT_NEVER, err);
    if (result != STORE_OK)
        return result;
    const struct committer_row *own = &memory->tables.committer;
    *ret_committed = own->id == marker->id && own->batch >= marker->batch;
    unlock(memory);
    return STORE_OK;
}

/* ---- reading ---- */

/* A reader is the lock: it has nothing of its own, but is there. */
static enum store_result open_reader(struct store *store, struct reader **ret_reader, pawl_error *err)
{
    enum store_result result = lock(memory_of(store), BOOT_NEVER, err);
    if (result == STORE_OK)
        *ret_reader = (struct reader *)store;
    return result;
}

static void close_reader(struct store *store, struct reader *reader)
{
    (void)reader;
    unlock(memory_of(store));
}

/* ---- news ---- */

static void listen_to_bell(struct store *store, bool yes)
{
    atomic_fetch_add(&memory_of(store)->listening, yes ? 1 : UINT32_MAX);
}

static uint64_t news(struct store *store, enum news what)
{
    return atomic_load(&memory_of(store)->bells[what]);
}

static void wait_for_news(struct store *store, enum news what, uint64_t seen, struct boot_time until)
{
    struct memory_store *memory = memory_of(store);
    store->env->ops->wait(store->env, &memory->bells[what], (uint32_t)seen, until);
}

static int watch_fd(struct store *store, struct boot_time *poll)
{
    (void)store;
    *poll = (struct boot_time){POLL_NS};
    return -1;
}

/* Every commit is one's own, and told by the committer. */
static bool rang(struct store *store)
{
    (void)store;
    return false;
}

/* ---- what needs a file, or others who have it open ---- */

static uint64_t own_slot(struct store *store)
{
    (void)store;
    return 0;
}

static enum store_result tend(struct store *store, pawl_error *err)
{
    (void)store, (void)err;
    return STORE_OK;
}

static bool needs_tending(struct store *store)
{
    (void)store;
    return false;
}

static void engine_tends(struct store *store, bool yes)
{
    (void)store, (void)yes;
}

static enum store_result backup(struct store *store, const char *path,
                                void (*progress)(void *data, int left, int total), void *data, pawl_error *err)
{
    (void)store, (void)path, (void)progress, (void)data;
    pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "a memory store cannot be backed up"), "use sqlite:FILE");
    return STORE_INVALID;
}

static enum store_result adopt(struct store *store, pawl_error *err)
{
    (void)store;
    pawli_fail(err, PAWL_EINVAL, "a memory store is never a restored one");
    return STORE_INVALID;
}

static bool was_adopted(struct store *store)
{
    (void)store;
    return false;
}

static void log_size(struct store *store, uint64_t *size, uint64_t *waiting)
{
    (void)store;
    *size = *waiting = 0;
}

static bool room_of(struct store *store, struct file_room *ret_room)
{
    (void)store, (void)ret_room;
    return false;
}

/* No transactions to join: join, attach, detach and committed are not there. */
const struct store_ops pawli_store_memory = {
    .name = "memory",
    .open = memory_open,
    .close = memory_close,
    .begin = begin,
    .load = pawli_memory_load,
    .save = save,
    .sync = sync_commits,
    .drop = drop,
    .resolve = resolve,
    .reader = open_reader,
    .read = pawli_memory_read,
    .done = close_reader,
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
    .was_adopted = was_adopted,
    .log = log_size,
    .room = room_of,
};
