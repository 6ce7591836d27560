/* SPDX-License-Identifier: MIT */
/* The SQLite store: opening and closing, the turnstile, transactions, readers, and its table of operations.
 *
 *   1  A writer holds GATE_WRITE from before BEGIN IMMEDIATE until after the anchor was written. Writers queue at
 *      GATE_NEXT, so one that commits without pause cannot keep the others out.
 *   2  The first handle of all audits the log and copies it into the database, synced, before anything that it reads
 *      counts: frames that were recovered may never have been synced by whoever wrote them.
 *   3  After a storage error that was not one of reading, the file is poisoned in this process (struct database_file).
 *   4  A handle holds a byte (its slot) for life: whose slot is free is dead, whatever its leases say.
 *   5  A commit may be synced after its COMMIT, while nobody else has the store open: durable.c. */
#include "store/sqlite/durable.h"
#include "store/sqlite/vfs.h"

#include <stdio.h>
#include <stdlib.h>

#define READER_KEEPS (2 * 1024 * 1024) /* of cached pages, between two reads */

static struct sqlite_store *sqlite_of(struct store *store)
{
    return (struct sqlite_store *)store;
}

/* ---- opening ---- */

static struct boot_time deadline(const struct sqlite_store *store)
{
    struct env *env = store->store.env;
    return boot_after_ms(env->ops->boot_now(env), store->store.busy_ms);
}

char *pawli_sqlite_path(const char *path, const char *suffix)
{
    size_t size = strlen(path), more = strlen(suffix) + 1;
    char *out = pawli_alloc(size + more);
    if (out) {
        memcpy(out, path, size);
        memcpy(out + size, suffix, more);
    }
    return out;
}

static int resolve_path(struct sqlite_store *store, struct text path, pawl_error *err)
{
    PAWL_AUTO(pawli_freep) char *given = pawli_alloc(path.size + 1);
    sqlite3_vfs *vfs = store->below;
    if (!given)
        return pawli_no_memory(err);
    memcpy(given, path.data, path.size);
    store->path = pawli_alloc((size_t)vfs->mxPathname + 1);
    if (!store->path)
        return pawli_no_memory(err);
    int code = vfs->xFullPathname(vfs, given, vfs->mxPathname, store->path);
    if (code != SQLITE_OK && code != SQLITE_OK_SYMLINK)
        return pawli_fail(err, PAWL_EINVAL, "\"%s\" is not a path that SQLite takes", given);
    return PAWL_OK;
}

static int use_vfs(struct sqlite_store *store, struct text vfs, pawl_error *err)
{
    if (vfs.data) {
        store->vfs = pawli_alloc(vfs.size + 1);
        if (!store->vfs)
            return pawli_no_memory(err);
        memcpy(store->vfs, vfs.data, vfs.size);
    }
    store->gathering = pawli_vfs_over(store->vfs, &store->below);
    if (!store->below)
        return pawli_fail(err, PAWL_EINVAL, "no SQLite VFS is called \"%s\"", store->vfs ? store->vfs : "");
    return store->gathering ? PAWL_OK : pawli_no_memory(err);
}

static int busy(struct sqlite_store *store, pawl_error *err)
{
    return pawli_hint(err,
                      pawli_fail(err, PAWL_EBUSY, "\"%s\" is being opened or closed by another process", store->path),
                      "try again");
}

int pawli_sqlite_gate(const struct sqlite_store *store, struct gate **ret_gate, pawl_error *err)
{
    struct env *env = store->store.env;
    struct file_at at = pawli_database_at(store->file, FILE_GATE);
    return (store->store.read_only ? env->ops->gate_as_found : env->ops->gate)(env, &at, ret_gate, err);
}

static int open_side_files(struct sqlite_store *store, pawl_error *err)
{
    struct env *env = store->store.env;
    struct file_at bell = pawli_database_at(store->file, FILE_BELL);
    int status = pawli_sqlite_gate(store, &store->gate, err);
    if (status < 0)
        return status;
    int fd = store->gate->ops->fd(store->gate);
    if (fd >= 0 && !pawli_guard_admit(store->file, FILE_GATE, fd)) {
        status = pawli_store_status(pawli_sqlite_guard(store, err));
        return status == PAWL_OK ? busy(store, err) : status;
    }
    return (store->store.read_only ? env->ops->bell_as_found : env->ops->bell)(env, &bell, &store->bell, err);
}

static int database_exists(struct sqlite_store *store, bool *exists)
{
    int found = 0, code = store->below->xAccess(store->below, store->path, SQLITE_ACCESS_EXISTS, &found);
    *exists = found != 0;
    return code;
}

/* Somebody who is no pawl reads or writes, and kept it from being copied. */
static int sync_found_log(struct sqlite_store *store, pawl_error *err)
{
    sqlite3_file *log = NULL;
    int code = sqlite3_file_control(store->writer->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (code == SQLITE_OK && log && log->pMethods)
        code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    return pawli_store_status(pawli_sqlite_result(store, store->writer->db, code, WRITE_CHECKPOINT, err));
}

/* First of all: nobody else has the store open, in any process. */
static int open_first(struct sqlite_store *store, pawl_error *err)
{
    int status = pawli_log_belongs(store, err), left;
    if (status < 0)
        return status;
    pawli_guard_forget_log(store->file);
    status = pawli_connection_open(store, true, &store->writer, err);
    if (status == PAWL_OK) {
        int result = pawli_checkpoint(store, store->writer, SQLITE_CHECKPOINT_TRUNCATE, &left, err);
        status = pawli_store_status((enum store_result)result);
    }
    if (status == PAWL_OK && left != 0)
        status = sync_found_log(store, err);
    if (status == PAWL_OK &&
        store->gate->ops->lock(store->gate, GATE_OPEN, GATE_SHARED, deadline(store)) != GATE_LOCKED)
        status = busy(store, err);
    return status;
}

static int connect(struct sqlite_store *store, pawl_error *err)
{
    for (;;) {
        enum gate_result got = store->gate->ops->lock(store->gate, GATE_OPEN, GATE_EXCLUSIVE, (struct boot_time){0});
        if (got == GATE_LOCKED)
            return open_first(store, err);
        got = store->gate->ops->lock(store->gate, GATE_OPEN, GATE_SHARED, deadline(store));
        if (got != GATE_LOCKED)
            return busy(store, err);
        int status = pawli_durable_pass(store, deadline(store), err);
        if (status < 0)
            return status;
        pawli_guard_forget_log(store->file);
        status = pawli_connection_open(store, true, &store->writer, err);
        if (status < 0)
            return status;
        struct call call = pawli_call(store->writer, SQL_list_committers);
        pawli_call_row(&call); /* maps the log's index; fails on no schema */
        pawli_call_end(&call);
        if (store->gate->ops->is_held_by_others(store->gate, GATE_OPEN))
            return PAWL_OK;
        /* Whoever made us second is gone, and nobody vouches for the log: begin again as the first. */
        pawli_connection_close(store->writer);
        store->writer = NULL;
        store->gate->ops->unlock(store->gate, GATE_OPEN);
    }
}

static bool lock_slot(struct sqlite_store *store, uint64_t slot)
{
    return store->gate->ops->lock(store->gate, GATE_SLOT + (int64_t)slot, GATE_EXCLUSIVE, (struct boot_time){0}) ==
           GATE_LOCKED;
}

/* A slot that no committer's row names: whoever holds the slot of a dead one makes that one's claims look alive, until he
 * commits himself. */
static int take_slot(struct sqlite_store *store, pawl_error *err)
{
    bool is_named[GATE_SLOTS] = {false};
    struct call call = pawli_call(store->writer, SQL_list_committers);
    while (pawli_call_row(&call)) {
        struct committer_row row;
        if (pawli_read_row(&call, ROW_COMMITTER, &row, NULL) && row.slot < GATE_SLOTS)
            is_named[row.slot] = true;
    }
    int code = pawli_call_end(&call);
    if (code != SQLITE_OK)
        return pawli_store_status(pawli_sqlite_result(store, store->writer->db, code, READ_ONLY, err));
    for (unsigned named = 0; named < 2; named++)
        for (uint64_t slot = 0; slot < GATE_SLOTS; slot++)
            if (is_named[slot] == (named == 1) && lock_slot(store, slot)) {
                store->slot = slot;
                return PAWL_OK;
            }
    return pawli_fail(err, PAWL_EUNAVAIL, "%d handles have this store open already", GATE_SLOTS);
}

static int open_anchor(struct sqlite_store *store, struct store_facts *facts, pawl_error *err)
{
    if (!store->anchor_file) {
        int status = pawli_anchor_open(store, false, err);
        if (status < 0 && status != PAWL_ENOTFOUND)
            return status;
    }
    return pawli_store_status(pawli_anchor_compare(store, facts, err));
}

/* As with the log: what the first handle of all found may never have been synced by whoever wrote it. */
static int sync_found_anchor(struct sqlite_store *store, pawl_error *err)
{
    if (store->store.read_only || store->is_restored || store->gate->ops->is_held_by_others(store->gate, GATE_OPEN))
        return PAWL_OK;
    return pawli_store_status(pawli_sqlite_result(store, NULL, pawli_anchor_sync(store), WRITE_CHECKPOINT, err));
}

static int open_locked(struct sqlite_store *store, const struct store_open *how, struct store_facts *facts,
                       pawl_error *err)
{
    bool gate_is_open = store->gate->ops->is_held(store->gate, GATE_OPEN);
    int status = pawli_guard_enter(store->file, gate_is_open, err);
    if (status == PAWL_OK)
        status = store->store.read_only ? pawli_open_read_only(store, deadline(store), err) : connect(store, err);
    if (status == PAWL_OK)
        status = pawli_schema(store, how, facts, err);
    if (status == PAWL_OK)
        status = open_anchor(store, facts, err);
    if (status == PAWL_OK)
        status = sync_found_anchor(store, err);
    if (status == PAWL_OK && !store->store.read_only)
        status = take_slot(store, err);
    return status;
}

static void close_connections(struct sqlite_store *store)
{
    while (store->readers) {
        struct connection *reader = store->readers;
        store->readers = reader->next;
        pawli_connection_close(reader);
    }
    pawli_connection_close(store->tender);
    store->tender = NULL;
}

static void free_store(struct sqlite_store *store)
{
    close_connections(store);
    pawli_connection_close(store->writer);
    pawli_anchor_close(store);
    if (store->gate)
        store->gate->ops->close(store->gate);
    if (store->bell)
        store->bell->ops->close(store->bell);
    if (store->file)
        pawli_database_leave(store->file);
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->tend_lock);
    pawli_durable_done(store);
    pawli_free(store->path);
    pawli_free(store->vfs);
    pawli_free(store);
}

static int read_checkpoint_frames(struct sqlite_store *store, const struct store_url *url, pawl_error *err)
{
    struct text given = pawli_store_url_option(url, "checkpoint_frames");
    int frames = 0;
    bool good = given.size <= 8;
    store->checkpoint_frames = CHECKPOINT_FRAMES;
    if (!given.data)
        return PAWL_OK;
    for (size_t i = 0; good && i < given.size; i++) {
        good = given.data[i] >= '0' && given.data[i] <= '9';
        frames = frames * 10 + given.data[i] - '0';
    }
    if (!good || frames < 1)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "checkpoint_frames is not a number of frames"),
                          "give 1 to 99999999");
    store->checkpoint_frames = frames;
    return PAWL_OK;
}

/* As SQLite reads a URI: two slashes begin a host, three an absolute path. There are no hosts here. */
static int read_path(struct text *path, pawl_error *err)
{
    const char *data = path->data;
    if (path->size == 0)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "the store has no file name"), "write sqlite:FILE");
    if (path->size < 2 || data[0] != '/' || data[1] != '/')
        return PAWL_OK;
    if (path->size < 3 || data[2] != '/')
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "\"sqlite://\" is followed by a host, and a file has none"),
                          "write sqlite:FILE, or sqlite:///FOLDER/FILE for an absolute path");
    *path = (struct text){data + 2, path->size - 2};
    return PAWL_OK;
}

/* What the mode says is as if the options had said it. */
static int read_mode(struct store_open *how, pawl_error *err)
{
    struct text mode = pawli_store_url_option(&how->url, "mode");
    if (!mode.data || text_is(mode, "rwc"))
        return PAWL_OK;
    how->read_only |= text_is(mode, "ro");
    how->must_exist = true;
    return text_is(mode, "ro") || text_is(mode, "rw")
               ? PAWL_OK
               : pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "mode is not a mode"), "write mode=ro, rw or rwc");
}

static int read_names(struct sqlite_store *store, const struct store_url *url, pawl_error *err)
{
    struct text given = pawli_store_url_option(url, "into");
    if (!given.data)
        return PAWL_OK;
    store->names = NAMES_INTO;
    return text_is(given, "1") ? PAWL_OK
                               : pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "into takes 1 and nothing else"),
                                            "write into=1 for a store in another program's database, or leave it out");
}

static int prepare(struct sqlite_store *store, const struct store_open *how, pawl_error *err)
{
    struct text vfs = pawli_store_url_option(&how->url, "vfs");
    if (sqlite3_threadsafe() == 0)
        return pawli_fail(err, PAWL_EUNSUPPORTED, "the linked SQLite was built without threads");
    int status = read_checkpoint_frames(store, &how->url, err);
    if (status == PAWL_OK)
        status = read_names(store, &how->url, err);
    if (status == PAWL_OK)
        status = use_vfs(store, vfs, err);
    if (status == PAWL_OK)
        status = resolve_path(store, how->url.path, err);
    if (status < 0)
        return status;
    bool exists;
    int code = database_exists(store, &exists);
    if (code == SQLITE_OK && !exists && (how->must_exist || how->read_only))
        return pawli_hint(err, pawli_fail(err, PAWL_ENOTFOUND, "there is no store at \"%s\"", store->path),
                          "run \"pawl init\", or name another with --store");
    store->file = pawli_database_use(store->path);
    if (!store->file)
        return pawli_no_memory(err);
    if (!store->vfs)
        status = pawli_guard_open(store->file, !how->must_exist && !how->read_only, err);
    if (status == PAWL_OK)
        status = pawli_store_status(pawli_sqlite_guard(store, err));
    if (status == PAWL_OK && !store->vfs)
        status = pawli_schema_names(store, err);
    return status == PAWL_OK ? open_side_files(store, err) : status;
}

static int sqlite_open(const struct store_open *given, struct env *env, struct store **ret_store,
                       struct store_facts *facts, pawl_error *err)
{
    static const char *const options[] = {"mode", "vfs", "checkpoint_frames", "into", "disk_warn", "disk_refuse"};
    struct store_open with = *given, *how = &with;
    int status = pawli_store_url_check(&how->url, options, COUNT_OF(options), err);
    if (status == PAWL_OK)
        status = read_path(&how->url.path, err);
    if (status == PAWL_OK)
        status = read_mode(how, err);
    if (status < 0)
        return status;
    struct sqlite_store *store = pawli_alloc(sizeof *store);
    if (!store)
        return pawli_no_memory(err);
    store->store = (struct store){.ops = &pawli_store_sqlite,
                                  .env = env,
                                  .busy_ms = how->busy_ms,
                                  .forks = pawli_file_forks(),
                                  .read_only = how->read_only};
    pthread_mutex_init(&store->lock, NULL);
    pthread_mutex_init(&store->tend_lock, NULL);
    pawli_durable_init(store);
    *facts = (struct store_facts){0};
    snprintf(facts->engine, sizeof facts->engine, "SQLite %s", sqlite3_libversion());
    status = prepare(store, how, err);
    if (status == PAWL_OK) {
        bool locks = !store->store.read_only; /* and one that reads asks for itself */
        if (locks && store->gate->ops->lock(store->gate, GATE_OPENING, GATE_EXCLUSIVE, deadline(store)) != GATE_LOCKED)
            status = busy(store, err);
        else
            status = open_locked(store, how, facts, err);
        if (locks && status == PAWL_OK)
            store->gate->ops->unlock(store->gate, GATE_OPENING);
    }
    if (status < 0) {
        free_store(store);
        return status;
    }
    facts->is_into = store->names == NAMES_INTO;
    facts->was_put_into_wal = store->was_put_into_wal;
    atomic_store(&store->heard_commits, store->bell->ops->value(store->bell, NEWS_COMMIT));
    *ret_store = &store->store;
    return PAWL_OK;
}

/* The last one out copies the log into the database and empties it. */
static void sqlite_close(struct store *base)
{
    struct sqlite_store *store = sqlite_of(base);
    bool usable = !base->read_only && pawli_sqlite_guard(store, NULL) == STORE_OK &&
                  pawli_sqlite_sync_seen(store, NULL) == STORE_OK;
    close_connections(store);
    if (usable && store->gate->ops->lock(store->gate, GATE_OPENING, GATE_EXCLUSIVE, deadline(store)) == GATE_LOCKED) {
        int left;
        if (!store->gate->ops->is_held_by_others(store->gate, GATE_OPEN) &&
            pawli_checkpoint(store, store->writer, SQLITE_CHECKPOINT_TRUNCATE, &left, NULL) == STORE_OK &&
            store->anchor_file && !store->is_restored) {
            if (store->owed.anchor.commits > store->anchor.commits)
                pawli_anchor_write(store, &store->owed.anchor);
            pawli_anchor_keep(store, left == 0);
        }
    }
    free_store(store); /* closing the gate gives up all its bytes */
}

/* ---- writing ---- */

#define LOOKED_NS 1000000

/* Batches follow each other: what was looked at behind the commit of the one before need not be looked at again before this
 * one, since behind its own commit it will be. */
static enum store_result look_again(struct sqlite_store *store, pawl_error *err)
{
    struct env *env = store->store.env;
    bool is_fresh = env->ops->boot_now(env).ns - atomic_load(&store->looked_ns) < LOOKED_NS;
    return is_fresh ? pawli_sqlite_usable(store, err) : pawli_sqlite_guard(store, err);
}

static enum store_result begin(struct store *base, struct boot_time until, struct txn **ret_txn, pawl_error *err)
{
    struct sqlite_store *store = sqlite_of(base);
    enum store_result result = look_again(store, err);
    if (result != STORE_OK)
        return result;
    struct txn *txn = pawli_alloc(sizeof *txn);
    if (!txn)
        return pawli_store_fail(err, STORE_NO_MEMORY);
    const struct gate_ops *gate = store->gate->ops;
    until = boot_earlier(until, deadline(store));
    *txn = (struct txn){.store = store, .connection = store->writer};
    if (gate->lock(store->gate, GATE_NEXT, GATE_EXCLUSIVE, until) == GATE_LOCKED) {
        txn->holds_gate = gate->lock(store->gate, GATE_WRITE, GATE_EXCLUSIVE, until) == GATE_LOCKED;
        gate->unlock(store->gate, GATE_NEXT);
    }
    if (!txn->holds_gate) {
        pawli_free(txn);
        pawli_hint(err, pawli_fail(err, PAWL_EBUSY, "other processes kept the store's write lock for too long"),
                   "try again");
        return STORE_BUSY;
    }
    struct call call = pawli_call(store->writer, SQL_begin);
    int code = pawli_call_run(&call);
    if (code != SQLITE_OK) {
        gate->unlock(store->gate, GATE_WRITE);
        pawli_free(txn);
        return pawli_sqlite_result(store, store->writer->db, code, READ_ONLY, err); /* nothing was written yet */
    }
    txn->active = true;
    *ret_txn = txn;
    return STORE_OK;
}

static void remember_heads(struct sqlite_store *store, const struct view *view, struct anchor *anchor)
{
    uint32_t count = 0;
    *anchor = store->anchor;
    anchor->commits = view->store.row.commits;
    anchor->epoch = view->store.row.epoch;
    anchor->device = store->file->files[FILE_DATABASE].device;
    anchor->boot_id = view->boot_id;
    for (size_t i = 0; i < view->scopes.count && count < COUNT_OF(anchor->heads); i++) {
        const struct view_scope *scope = view->scopes.at[i];
        if (!scope->slot.changed)
            continue;
        anchor->heads[count].scope = scope->row.id;
        anchor->heads[count].seq = scope->row.seq;
        anchor->heads[count++].head = scope->row.head;
    }
    if (count)
        anchor->head_count = count;
}

/* Behind GATE_WRITE, and never of a commit that is owed still: of those the first that is durable by then. */
static void write_anchor(struct sqlite_store *store, const struct view *view, bool owes)
{
    struct anchor *waiting = &store->owed.anchor, now;
    bool is_free = waiting->commits == 0, is_due = !is_free && waiting->commits <= store->owed.durable;
    if (!store->anchor_file || store->is_restored)
        return;
    if (owes && is_due && waiting->commits > store->anchor.commits)
        pawli_anchor_write(store, waiting); /* unsynced, and "at least": a lost one is an older one */
    remember_heads(store, view, &now);
    if (owes && (is_free || is_due))
        *waiting = now;
    if (owes)
        return;
    waiting->commits = 0;
    if (now.commits > store->anchor.commits)
        pawli_anchor_write(store, &now);
}

static enum store_result commit(struct txn *txn, const struct view *view, bool syncs, pawl_error *err)
{
    struct sqlite_store *store = txn->store;
    bool has_records = pawli_view_has_records(view);
    int code = pawli_durable_commit(store, view->store.row.commits, has_records, syncs, &txn->owes);
    enum store_result result = pawli_sqlite_result(store, txn->connection->db, code, WRITE_COMMIT, err);
    if (result != STORE_OK)
        return result;
    txn->active = false;
    write_anchor(store, view, txn->owes);
    if (txn->owes)
        return STORE_OK;
    /* What was written into files that nobody will open again is in no store. */
    return pawli_sqlite_guard(store, err) == STORE_OK ? STORE_OK : STORE_UNKNOWN;
}

static int count_frames(void *data, sqlite3 *db, const char *name, int frames)
{
    (void)db, (void)name;
    struct sqlite_store *store = data;
    atomic_store(&store->wal_frames, frames);
    return SQLITE_OK;
}

static enum store_result save(struct store *base, struct txn *txn, const struct view *view, bool syncs, pawl_error *err)
{
    struct sqlite_store *store = sqlite_of(base);
    if (!txn->joined)
        sqlite3_wal_hook(store->writer->db, count_frames, store);
    enum store_result result = pawli_sqlite_save(txn, view, err);
    if (result != STORE_OK)
        return result;
    if (txn->joined) {
        struct call call = pawli_call(txn->connection, SQL_savepoint_release);
        result = pawli_sqlite_result(store, txn->connection->db, pawli_call_run(&call), WRITE_BEFORE_COMMIT, err);
        txn->active = result != STORE_OK;
        return result;
    }
    result = commit(txn, view, syncs, err);
    txn->saved = result == STORE_OK;
    return result;
}

void pawli_sqlite_drop(struct store *base, struct txn *txn)
{
    struct sqlite_store *store = sqlite_of(base);
    if (txn->active) {
        struct call call = pawli_call(txn->connection, txn->joined ? SQL_savepoint_rollback : SQL_rollback);
        pawli_call_run(&call); /* SQLite may have rolled back by itself */
        if (txn->joined) {
            call = pawli_call(txn->connection, SQL_savepoint_release);
            pawli_call_run(&call);
        }
    }
    if (txn->saved) {
        if (!txn->owes)
            pawli_durable_ring(store);
        pawli_checkpoint_after_commit(store);
    } else if (!txn->joined) {
        pawli_sqlite_guard(store, NULL); /* or what found nothing would look in lost files for ever */
    }
    if (txn->holds_gate)
        store->gate->ops->unlock(store->gate, GATE_WRITE);
    if (txn->joined) {
        pawli_connection_finalize(txn->connection);
        pawli_free(txn->connection);
    }
    pawli_free(txn);
}

static enum store_result resolve(struct store *base, const struct committer_row *marker, bool *ret_committed,
                                 pawl_error *err)
{
    (void)base, (void)marker, (void)ret_committed;
    /* The file is poisoned: only a new opening knows, and the request id asks it. */
    pawli_fail(err, PAWL_EUNCERTAIN, "the outcome is known only after the store was opened again");
    return STORE_UNKNOWN;
}

/* ---- reading ---- */

enum store_result pawli_sqlite_reader(struct store *base, struct reader **ret_reader, pawl_error *err)
{
    struct sqlite_store *store = sqlite_of(base);
    enum store_result result = pawli_sqlite_guard(store, err);
    if (result == STORE_OK)
        result = pawli_check_as_found(store, err);
    if (result != STORE_OK)
        return result;
    struct reader *reader = pawli_alloc(sizeof *reader);
    if (!reader)
        return pawli_store_fail(err, STORE_NO_MEMORY);
    pthread_mutex_lock(&store->lock);
    reader->connection = store->readers;
    if (reader->connection)
        store->readers = reader->connection->next;
    pthread_mutex_unlock(&store->lock);
    if (!reader->connection) {
        int status = pawli_connection_open(store, false, &reader->connection, err);
        if (status < 0) {
            pawli_free(reader);
            return status == PAWL_ENOMEM ? STORE_NO_MEMORY : STORE_UNAVAILABLE;
        }
    }
    struct call call = pawli_call(reader->connection, SQL_begin_read);
    result = pawli_sqlite_result(store, reader->connection->db, pawli_call_run(&call), READ_ONLY, err);
    if (result != STORE_OK) {
        pawli_connection_close(reader->connection);
        pawli_free(reader);
        return result;
    }
    *ret_reader = reader;
    return STORE_OK;
}

static enum store_result read_page(struct store *base, struct reader *reader, const struct query *query,
                                   struct page *page, pawl_error *err)
{
    struct sqlite_store *store = sqlite_of(base);
    enum store_result result = pawli_sqlite_usable(store, err);
    if (result == STORE_OK)
        result = pawli_sqlite_read(store, reader->connection, query, page, err);
    if (result == STORE_OK && !reader->is_durable)
        result = pawli_sqlite_sync_seen(store, err);
    reader->is_durable = result == STORE_OK;
    return result;
}

/* A walk fills the cache of its connection, which would keep it though nobody reads those pages again. */
static void trim(sqlite3 *db)
{
    int used = 0, most;
    sqlite3_db_status(db, SQLITE_DBSTATUS_CACHE_USED, &used, &most, 0);
    if (used > READER_KEEPS)
        sqlite3_db_release_memory(db);
}

void pawli_sqlite_reader_done(struct store *base, struct reader *reader)
{
    struct sqlite_store *store = sqlite_of(base);
    struct call call = pawli_call(reader->connection, SQL_rollback);
    if (pawli_call_run(&call) != SQLITE_OK) {
        pawli_connection_close(reader->connection);
    } else {
        trim(reader->connection->db);
        pthread_mutex_lock(&store->lock);
        reader->connection->next = store->readers;
        store->readers = reader->connection;
        pthread_mutex_unlock(&store->lock);
    }
    pawli_free(reader);
}

/* ---- the rest ---- */

static uint64_t own_slot(struct store *base)
{
    return sqlite_of(base)->slot;
}

/* Commits ring only where somebody listens, in any process: a byte lock is cheaper to ask for than the bell to ring. */
static void listen_to_bell(struct store *base, bool yes)
{
    struct sqlite_store *store = sqlite_of(base);
    const struct gate_ops *gate = store->gate->ops;
    pthread_mutex_lock(&store->lock);
    if (yes && store->listening++ == 0)
        gate->lock(store->gate, GATE_LISTEN, GATE_SHARED, (struct boot_time){0});
    if (!yes && --store->listening == 0)
        gate->unlock(store->gate, GATE_LISTEN);
    pthread_mutex_unlock(&store->lock);
}

static uint64_t news(struct store *base, enum news what)
{
    struct sqlite_store *store = sqlite_of(base);
    return store->bell->ops->value(store->bell, what);
}

static void wait_for_news(struct store *base, enum news what, uint64_t seen, struct boot_time until)
{
    struct sqlite_store *store = sqlite_of(base);
    store->bell->ops->wait(store->bell, what, seen, until);
}

static int watch_fd(struct store *base, struct boot_time *poll)
{
    struct sqlite_store *store = sqlite_of(base);
    int fd = store->bell->ops->fd(store->bell);
    *poll = (struct boot_time){fd >= 0 ? 10000000000 : 100000000};
    return fd;
}

static bool rang(struct store *base)
{
    struct sqlite_store *store = sqlite_of(base);
    store->bell->ops->drain(store->bell);
    uint64_t value = store->bell->ops->value(store->bell, NEWS_COMMIT);
    bool news = value != atomic_load(&store->heard_commits) && value != atomic_load(&store->own_commits);
    atomic_store(&store->heard_commits, value);
    return news;
}

static void engine_tends(struct store *base, bool yes)
{
    atomic_store(&sqlite_of(base)->engine_tends, yes);
}

static enum store_result adopt(struct store *base, pawl_error *err)
{
    struct sqlite_store *store = sqlite_of(base);
    struct store_row row;
    int code = pawli_get_store(store->writer, &row);
    if (code != SQLITE_OK)
        return pawli_sqlite_result(store, store->writer->db, code, READ_ONLY, err);
    if (!store->anchor_file && pawli_anchor_open(store, true, err) < 0)
        return STORE_UNAVAILABLE;
    struct anchor anchor = pawli_anchor_of(store, &row);
    code = pawli_anchor_found(store, &anchor);
    if (code == SQLITE_OK)
        store->is_restored = false;
    return pawli_sqlite_result(store, NULL, code, WRITE_BEFORE_COMMIT, err);
}

/* Looks as one does who opens it now. */
static bool opens_as_restored(struct sqlite_store *store)
{
    struct store *again;
    struct store_facts facts;
    bool is_into = store->names == NAMES_INTO;
    PAWL_AUTO(pawli_freep)
    char *vfs = store->vfs ? pawli_sqlite_path(is_into ? "into=1&vfs=" : "vfs=", store->vfs) : NULL;
    struct text options = store->vfs ? text_of(vfs) : is_into ? TEXT("into=1") : (struct text){0};
    struct store_open how = {
        .url = {.path = text_of(store->path), .options = options}, .read_only = true, .busy_ms = store->store.busy_ms};
    if ((store->vfs && !vfs) || sqlite_open(&how, store->store.env, &again, &facts, NULL) < 0)
        return true;
    sqlite_close(again);
    return facts.was_restored;
}

/* What another handle founded is the anchor of this one, too. */
static bool was_adopted(struct store *base)
{
    struct sqlite_store *store = sqlite_of(base);
    pthread_mutex_lock(&store->tend_lock);
    if (store->is_restored && !opens_as_restored(store) &&
        (store->anchor_file || pawli_anchor_open(store, false, NULL) == PAWL_OK) &&
        pawli_anchor_read(store, &store->anchor))
        store->is_restored = false;
    pthread_mutex_unlock(&store->tend_lock);
    return !store->is_restored;
}

/* Under a VFS of the caller's own there is no folder to ask. */
static bool room_of(struct store *base, struct file_room *ret_room)
{
    struct env *env = base->env;
    int folder = sqlite_of(base)->file->folder;
    return folder >= 0 && env->ops->room(env, folder, ret_room);
}

const struct store_ops pawli_store_sqlite = {
    .name = "sqlite",
    .can = STORE_CAN_JOIN | STORE_CAN_SHARE | STORE_IS_DURABLE,
    .version = sqlite3_libversion,
    .open = sqlite_open,
    .close = sqlite_close,
    .begin = begin,
    .join = pawli_sqlite_join,
    .load = pawli_sqlite_load,
    .save = save,
    .sync = pawli_sqlite_sync,
    .drop = pawli_sqlite_drop,
    .resolve = resolve,
    .reader = pawli_sqlite_reader,
    .read = read_page,
    .done = pawli_sqlite_reader_done,
    .attach = pawli_sqlite_attach,
    .detach = pawli_sqlite_detach,
    .committed = pawli_sqlite_committed,
    .slot = own_slot,
    .listen = listen_to_bell,
    .news = news,
    .wait = wait_for_news,
    .watch_fd = watch_fd,
    .rang = rang,
    .tend = pawli_sqlite_tend,
    .needs_tending = pawli_sqlite_needs_tending,
    .engine_tends = engine_tends,
    .backup = pawli_sqlite_backup,
    .adopt = adopt,
    .was_adopted = was_adopted,
    .log = pawli_sqlite_log,
    .room = room_of,
};
