/* SPDX-License-Identifier: MIT */
/* A caller's own transaction: a connection that the program opened, on the file of a store.
 *
 *   1  Such a connection writes behind the turnstile like everybody. It takes GATE_WRITE just before SQLite's own write
 *      lock and gives it back just after, in a shim around its file's xShmLock: nothing else tells when a transaction
 *      of somebody else begins and ends, and hooks of the connection belong to the program.
 *   2  It never waits for the gate while it holds anything of SQLite's: the lock is refused, and its busy handler waits.
 *      So it has no old snapshot when its turn has come, and keeps no checkpoint back.
 *   3  Once SQLite's lock is free again what was joined is committed or gone, and the store says which. So nobody is told
 *      before he can read it, nor of what was rolled back; a commit hook would tell too early, and has one owner. */
#include "store/sqlite/durable.h"

#define WAL_WRITE_LOCK 0 /* of the shared memory's lock bytes: fixed by the format of SQLite's log */

struct attachment {
    sqlite3_io_methods methods; /* of the connection's file while it is attached */
    const sqlite3_io_methods *real;
    sqlite3_file *file;
    sqlite3 *db;
    struct sqlite_store *store;
    struct gate *gate; /* an opening of its own: the store's would not stand in its own way */
    struct boot_time until;
    unsigned uses;
    bool was_refused; /* by the gate, not by SQLite */
    bool holds_gate, writes;
    bool is_untold; /* something of pawl's was joined, and nobody was told whether it was committed */
    bool is_late;   /* and it could not be read when it was */
};

static struct attachment *attachment_of(sqlite3_file *file)
{
    return (struct attachment *)((char *)(uintptr_t)file->pMethods - offsetof(struct attachment, methods));
}

/* ---- the turnstile ---- */

static bool enter(struct attachment *attachment, struct boot_time until)
{
    struct gate *gate = attachment->gate;
    if (gate->ops->lock(gate, GATE_NEXT, GATE_EXCLUSIVE, until) != GATE_LOCKED)
        return false;
    attachment->holds_gate = gate->ops->lock(gate, GATE_WRITE, GATE_EXCLUSIVE, until) == GATE_LOCKED;
    gate->ops->unlock(gate, GATE_NEXT);
    return attachment->holds_gate;
}

static void leave(struct attachment *attachment)
{
    if (attachment->holds_gate)
        attachment->gate->ops->unlock(attachment->gate, GATE_WRITE);
    attachment->holds_gate = false;
}

static int wait_for_turn(void *data, int tries)
{
    struct attachment *attachment = data;
    struct env *env = attachment->store->store.env;
    if (tries == 0)
        attachment->until = boot_after_ms(env->ops->boot_now(env), attachment->store->store.busy_ms);
    if (attachment->was_refused) {
        attachment->was_refused = false;
        return enter(attachment, attachment->until);
    }
    sqlite3_sleep(1); /* for one who passes no gate */
    return env->ops->boot_now(env).ns < attachment->until.ns;
}

/* Still behind the gate, so numbers ring in order. Who cannot read which it is leaves it untold, and rings later in any
 * case: others may have rung with a number beyond it. */
static int tell(struct attachment *attachment, pawl_error *err)
{
    struct sqlite_store *store = attachment->store;
    struct page page;
    if (attachment->gate->ops->is_held(attachment->gate, GATE_LISTEN)) {
        int status = pawli_store_query(&store->store, &(struct query){.kind = QUERY_STORE}, &page, err);
        attachment->is_late |= status < 0;
        if (status < 0)
            return status;
        if (attachment->is_late || page.store.commits != store->bell->ops->value(store->bell, NEWS_COMMIT)) {
            store->bell->ops->ring(store->bell, page.store.commits, NEWS_COUNT); /* it was not rolled back */
            atomic_store(&store->heard_commits, page.store.commits); /* the bell is for others: ours are told here */
            store->store.joined_news(store->store.joined_news_data);
        }
        pawli_page_done(&page);
    }
    attachment->is_untold = attachment->is_late = false;
    return PAWL_OK;
}

int pawli_sqlite_committed(struct store *store, void *opaque, pawl_error *err)
{
    struct attachment *attachment = opaque;
    struct env *env = store->env;
    if (!sqlite3_get_autocommit(attachment->db))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "the connection is inside a transaction"),
                          "say so after COMMIT");
    if (!attachment->is_untold)
        return PAWL_OK;
    if (!enter(attachment, boot_after_ms(env->ops->boot_now(env), store->busy_ms)))
        return pawli_hint(err, pawli_fail(err, PAWL_EBUSY, "others write: it is not their turn yet to be told"),
                          "try again");
    int status = tell(attachment, err);
    leave(attachment);
    return status;
}

/* ---- the shim ---- */

/* Nothing is written on top of what is not durable, or of what a sync that failed may have lost. */
static int lock_writing(struct attachment *attachment, int flags)
{
    if (!attachment->holds_gate && !enter(attachment, (struct boot_time){0})) {
        attachment->was_refused = true;
        return SQLITE_BUSY;
    }
    if (pawli_sqlite_sync_seen(attachment->store, NULL) != STORE_OK) {
        leave(attachment);
        return SQLITE_IOERR_SHMLOCK;
    }
    int code = attachment->real->xShmLock(attachment->file, WAL_WRITE_LOCK, 1, flags);
    attachment->writes = code == SQLITE_OK;
    if (code != SQLITE_OK)
        leave(attachment);
    return code;
}

static int unlock_writing(struct attachment *attachment, int flags)
{
    int code = attachment->real->xShmLock(attachment->file, WAL_WRITE_LOCK, 1, flags);
    attachment->writes = false;
    if (attachment->is_untold)
        tell(attachment, NULL);
    leave(attachment);
    return code;
}

static int shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    struct attachment *attachment = attachment_of(file);
    if (offset == WAL_WRITE_LOCK && count == 1 && (flags & SQLITE_SHM_EXCLUSIVE))
        return flags & SQLITE_SHM_LOCK ? lock_writing(attachment, flags) : unlock_writing(attachment, flags);
    if ((flags & SQLITE_SHM_UNLOCK) && !attachment->writes)
        leave(attachment); /* it failed before it came to the lock that it had waited for */
    return attachment->real->xShmLock(file, offset, count, flags);
}

static sqlite3_file *file_of(sqlite3 *db)
{
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return code == SQLITE_OK && file && file->pMethods && file->pMethods->iVersion >= 2 ? file : NULL;
}

/* ---- attaching ---- */

/* What is written for one store must not end up in the file of another. */
static int check_file(const struct sqlite_store *store, sqlite3 *db, pawl_error *err)
{
    const char *path = sqlite3_db_filename(db, "main");
    if (path && strcmp(path, store->path) == 0)
        return PAWL_OK;
    return pawli_hint(
        err,
        pawli_fail(err, PAWL_EINVAL, "the connection is on \"%s\", the store is \"%s\"", path ? path : "", store->path),
        "use a connection on the file of the store, and what was made for that store");
}

static int attach_again(struct attachment *attachment, struct sqlite_store *store, void **ret_attachment,
                        pawl_error *err)
{
    if (attachment->store != store)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EINVAL, "the connection is attached to another opening of the store"),
                          "detach it there first");
    attachment->uses++;
    *ret_attachment = attachment;
    return PAWL_OK;
}

static int prepare(struct attachment *attachment, pawl_error *err)
{
    sqlite3 *db = attachment->db;
    int code = pawli_connection_settings(db, err);
    if (code == SQLITE_OK)
        code = sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_handler(db, wait_for_turn, attachment);
    if (code != SQLITE_OK)
        return pawli_fail(err, PAWL_EUNAVAIL, "cannot set the connection up: %s", sqlite3_errmsg(db));
    const sqlite3_io_methods *real = attachment->file->pMethods;
    /* Those of an older version end before the newer ones begin. */
    memcpy(&attachment->methods, real, real->iVersion >= 3 ? sizeof *real : offsetof(sqlite3_io_methods, xFetch));
    attachment->methods.xShmLock = shm_lock;
    attachment->real = real;
    attachment->file->pMethods = &attachment->methods;
    return PAWL_OK;
}

int pawli_sqlite_attach(struct store *base, void *native, void **ret_attachment, pawl_error *err)
{
    sqlite3 *db = native;
    struct sqlite_store *store = (struct sqlite_store *)base;
    if (!sqlite3_get_autocommit(db))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "the connection is inside a transaction"),
                          "attach before BEGIN");
    int status = check_file(store, db, err);
    if (status < 0)
        return status;
    sqlite3_file *file = file_of(db);
    if (!file)
        return pawli_fail(err, PAWL_EUNSUPPORTED, "the connection's VFS has no shared memory");
    if (file->pMethods->xShmLock == shm_lock)
        return attach_again(attachment_of(file), store, ret_attachment, err);
    if (pawli_sqlite_guard(store, err) != STORE_OK)
        return PAWL_EIO;
    PAWL_AUTO(pawli_freep) struct attachment *attachment = pawli_alloc(sizeof *attachment);
    if (!attachment)
        return pawli_no_memory(err);
    *attachment = (struct attachment){.file = file, .db = db, .store = store, .uses = 1};
    status = pawli_sqlite_gate(store, &attachment->gate, err);
    if (status < 0)
        return status;
    status = prepare(attachment, err);
    if (status < 0) {
        sqlite3_busy_handler(db, NULL, NULL);
        attachment->gate->ops->close(attachment->gate);
        return status;
    }
    *ret_attachment = PAWL_TAKE(attachment);
    return PAWL_OK;
}

void pawli_sqlite_detach(struct store *base, void *opaque)
{
    struct attachment *attachment = opaque;
    (void)base;
    if (--attachment->uses > 0)
        return;
    attachment->file->pMethods = attachment->real;
    sqlite3_busy_handler(attachment->db, NULL, NULL);
    attachment->gate->ops->close(attachment->gate);
    pawli_free(attachment);
}

/* ---- joining ---- */

enum store_result pawli_sqlite_join(struct store *base, void *native, struct txn **ret_txn, pawl_error *err)
{
    sqlite3 *db = native;
    struct sqlite_store *store = (struct sqlite_store *)base;
    enum store_result result = pawli_sqlite_guard(store, err);
    if (result != STORE_OK)
        return result;
    if (check_file(store, db, err) < 0)
        return STORE_INVALID;
    if (sqlite3_txn_state(db, "main") != SQLITE_TXN_WRITE) {
        pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "the transaction does not hold the write lock"),
                   "begin it with BEGIN IMMEDIATE");
        return STORE_INVALID;
    }
    struct txn *txn = pawli_alloc(sizeof *txn);
    struct connection *connection = pawli_alloc(sizeof *connection);
    if (!txn || !connection) {
        pawli_free(txn);
        pawli_free(connection);
        return pawli_store_fail(err, STORE_NO_MEMORY);
    }
    connection->db = db;
    connection->names = store->names;
    *txn = (struct txn){.store = store, .connection = connection, .joined = true, .active = true};
    struct call call = pawli_call(connection, SQL_savepoint);
    result = pawli_sqlite_result(store, db, pawli_call_run(&call), READ_ONLY, err);
    if (result != STORE_OK) {
        txn->active = false;
        pawli_sqlite_drop(base, txn);
        return result;
    }
    attachment_of(file_of(db))->is_untold = true;
    *ret_txn = txn;
    return STORE_OK;
}
