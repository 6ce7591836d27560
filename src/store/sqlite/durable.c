/* SPDX-License-Identifier: MIT */
/* Commits whose sync comes after them. SQLite's log is recovered up to the first frame that is not whole, so what is lost is
 * always an end of it: a commit is durable once the log was synced after its frames were written, whoever did that.
 *
 *   1  Only commits of the writer, and only while no other handle has the store open, one that reads included: asked behind
 *      GATE_WRITE, as whoever opens passes that byte, and then waits for what is owed. Everybody else's COMMIT syncs.
 *   2  Only the sync at the end of a commit is put off (vfs.c). That of the log's header, of checkpoints and of a log that
 *      begins anew stays where it is: checkpoint_fullfsync tells them apart.
 *   3  The log has a second descriptor, for life: SQLite's own is not for two threads, and an error of writing back is told
 *      once to each that was open before it.
 *   4  GATE_OWED is held while something is owed, and for ever once a sync failed: then this process answers nothing more,
 *      and nobody else opens the store before this handle is gone and its log was audited.
 *   5  What a reader saw is synced before it leaves here. `raised` is set before COMMIT shows anything: who finds it
 *      below `durable`, once he has read, saw nothing that is owed. */
#include "store/sqlite/durable.h"
#include "store/sqlite/vfs.h"

#include <stdio.h>

static sqlite3_file *log_of(struct sqlite_store *store)
{
    sqlite3_file *log = NULL;
    int code = sqlite3_file_control(store->writer->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    return code == SQLITE_OK && log && log->pMethods ? log : NULL;
}

/* The name lives behind the file, as with the anchor. */
static bool open_log(struct sqlite_store *store)
{
    sqlite3_vfs *vfs = store->below;
    size_t name_at = (size_t)vfs->szOsFile, name_size = strlen(store->path) + sizeof "-wal";
    if (store->owed.log)
        return true;
    sqlite3_file *file = pawli_alloc(name_at + name_size + 2);
    if (!file)
        return false;
    char *name = (char *)file + name_at;
    snprintf(name, name_size, "%s-wal", store->path);
    if (vfs->xOpen(vfs, name, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, NULL) == SQLITE_OK)
        store->owed.log = file;
    else
        pawli_free(file);
    return store->owed.log != NULL;
}

void pawli_durable_init(struct sqlite_store *store)
{
    pthread_mutex_init(&store->owed.commit_lock, NULL);
    pthread_mutex_init(&store->owed.sync_lock, NULL);
}

void pawli_durable_done(struct sqlite_store *store)
{
    if (store->owed.log)
        store->owed.log->pMethods->xClose(store->owed.log);
    pawli_free(store->owed.log);
    pthread_mutex_destroy(&store->owed.commit_lock);
    pthread_mutex_destroy(&store->owed.sync_lock);
}

static bool is_alone(struct sqlite_store *store)
{
    const struct gate_ops *gate = store->gate->ops;
    return store->names == NAMES_OWN && !store->is_restored && !gate->is_held_by_others(store->gate, GATE_OPEN) &&
           !gate->is_held_by_others(store->gate, GATE_READ);
}

/* With the lock. What is owed by a number of commits at most is what the audit of the log allows for. */
static bool may_owe(struct sqlite_store *store, uint64_t commits)
{
    struct owed *owed = &store->owed;
    const struct gate_ops *gate = store->gate->ops;
    if (owed->saved <= owed->durable) { /* then all before was synced by its own COMMIT */
        atomic_store(&owed->durable, commits - 1);
        atomic_store(&owed->saved, commits - 1);
    }
    if (commits - owed->durable > OWED_MAX || !is_alone(store) || !open_log(store))
        return false;
    if (!owed->holds_byte)
        owed->holds_byte = gate->lock(store->gate, GATE_OWED, GATE_EXCLUSIVE, (struct boot_time){0}) == GATE_LOCKED;
    return owed->holds_byte;
}

/* A COMMIT that syncs and a sync of what was before it may end in either order. */
static void note_durable(struct owed *owed, uint64_t commits)
{
    uint64_t durable = atomic_load(&owed->durable);
    while (durable < commits && !atomic_compare_exchange_weak(&owed->durable, &durable, commits))
        ;
}

/* Unless one is being committed just now: whoever commits or syncs that gives it back. */
static void give_byte_back(struct sqlite_store *store)
{
    struct owed *owed = &store->owed;
    if (pthread_mutex_trylock(&owed->commit_lock) != 0)
        return;
    if (owed->holds_byte && owed->saved <= owed->durable && !atomic_load(&store->file->poisoned)) {
        store->gate->ops->unlock(store->gate, GATE_OWED);
        owed->holds_byte = false;
    }
    pthread_mutex_unlock(&owed->commit_lock);
}

int pawli_durable_commit(struct sqlite_store *store, uint64_t commits, bool has_records, bool syncs, bool *ret_owes)
{
    struct owed *owed = &store->owed;
    struct call call = pawli_call(store->writer, SQL_commit);
    pthread_mutex_lock(&owed->commit_lock);
    sqlite3_file *log = !syncs && may_owe(store, commits) ? log_of(store) : NULL;
    if (has_records)
        atomic_store(&owed->records, commits);
    if (log) {
        atomic_store(&owed->raised, commits);
        pawli_vfs_put_off(log);
    }
    int code = pawli_call_run(&call);
    *ret_owes = log && pawli_vfs_was_put_off(log);
    if (code == SQLITE_OK && !*ret_owes)
        note_durable(owed, commits); /* and all before it */
    if (code == SQLITE_OK)
        atomic_store(&owed->saved, commits);
    else if (log)
        atomic_store(&owed->raised, owed->saved);
    pthread_mutex_unlock(&owed->commit_lock);
    if (!*ret_owes)
        give_byte_back(store);
    return code;
}

void pawli_durable_ring(struct sqlite_store *store)
{
    uint64_t commits = atomic_load(&store->owed.durable), rung = atomic_exchange(&store->own_commits, commits);
    bool has_records = atomic_load(&store->owed.records) > rung; /* or will have: then it rings once more */
    if (commits > rung && store->gate->ops->is_held(store->gate, GATE_LISTEN))
        store->bell->ops->ring(store->bell, commits, news_count(has_records));
}

/* One sync covers what was saved before it began. */
static enum store_result sync_log(struct sqlite_store *store, pawl_error *err)
{
    struct owed *owed = &store->owed;
    uint64_t saved = atomic_load(&owed->saved);
    if (pawli_sqlite_usable(store, NULL) != STORE_OK)
        return pawli_store_fail(err, STORE_UNKNOWN);
    /* Whatever it says: what was written may be lost, and the next sync would not tell. */
    if (owed->log->pMethods->xSync(owed->log, SQLITE_SYNC_NORMAL) != SQLITE_OK)
        return pawli_sqlite_result(store, NULL, SQLITE_IOERR_FSYNC, WRITE_COMMIT, err);
    /* What was written into files that nobody will open again is in no store. */
    if (pawli_sqlite_guard(store, err) != STORE_OK)
        return STORE_UNKNOWN;
    note_durable(owed, saved);
    give_byte_back(store);
    pawli_durable_ring(store);
    return STORE_OK;
}

static bool is_durable(const struct owed *owed, uint64_t commits)
{
    uint64_t saved = atomic_load(&owed->saved); /* what is beyond it was not made here, and its COMMIT synced */
    return atomic_load(&owed->durable) >= (commits < saved ? commits : saved);
}

enum store_result pawli_sqlite_sync(struct store *base, uint64_t commits, pawl_error *err)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct owed *owed = &store->owed;
    if (!pawli_store_is_here(base))
        return pawli_sqlite_usable(store, err);
    if (is_durable(owed, commits))
        return STORE_OK;
    pthread_mutex_lock(&owed->sync_lock);
    enum store_result result = is_durable(owed, commits) ? STORE_OK : sync_log(store, err);
    pthread_mutex_unlock(&owed->sync_lock);
    return result;
}

enum store_result pawli_sqlite_sync_seen(struct sqlite_store *store, pawl_error *err)
{
    struct owed *owed = &store->owed;
    if (atomic_load(&owed->raised) <= atomic_load(&owed->durable))
        return STORE_OK;
    /* One that is being committed can be seen before COMMIT returns. */
    pthread_mutex_lock(&owed->commit_lock);
    uint64_t saved = atomic_load(&owed->saved);
    pthread_mutex_unlock(&owed->commit_lock);
    return pawli_sqlite_sync(&store->store, saved, err);
}

int pawli_durable_pass(struct sqlite_store *store, struct boot_time until, pawl_error *err)
{
    static const int64_t bytes[] = {GATE_NEXT, GATE_WRITE};
    const struct gate_ops *gate = store->gate->ops;
    size_t taken = 0;
    while (taken < COUNT_OF(bytes) && gate->lock(store->gate, bytes[taken], GATE_SHARED, until) == GATE_LOCKED)
        taken++;
    bool passed = taken == COUNT_OF(bytes);
    while (taken > 0)
        gate->unlock(store->gate, bytes[--taken]);
    if (passed && gate->lock(store->gate, GATE_OWED, GATE_SHARED, until) == GATE_LOCKED) {
        gate->unlock(store->gate, GATE_OWED);
        return PAWL_OK;
    }
    return pawli_hint(err, pawli_fail(err, PAWL_EBUSY, "another process has not finished writing \"%s\"", store->path),
                      "try again; if it stays so, storage failed under that process: end it, and check the disk");
}
