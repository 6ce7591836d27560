/* SPDX-License-Identifier: MIT */
/* Read-only handles: they make no file, take shared locks only, run no checkpoint and recover nothing.
 *
 *   1  What a log says counts while somebody vouches for it: a handle that writes and is open. Where nobody is, an empty log
 *      can be read by anybody; one that is not empty is for a writer to audit and to recover.
 *   2  Where SQLite's files are not there and may not be made, the database file is read as it is, without a lock. Each
 *      reading looks whether it still is that file: whoever writes changes it, or begins a log. */
#include "store/sqlite/durable.h"

#include <sys/stat.h>

int pawli_sqlite_log_size(struct sqlite_store *store, sqlite3_int64 *size)
{
    sqlite3_vfs *vfs = store->below;
    struct arena arena = {0};
    struct text path = pawli_arena_format(&arena, "%s-wal%c%c", store->path, 0, 0);
    sqlite3_file *file = pawli_arena_alloc(&arena, (size_t)vfs->szOsFile);
    int found = 0, code = pawli_arena_failed(&arena) ? SQLITE_NOMEM : SQLITE_OK;
    *size = 0;
    if (code == SQLITE_OK)
        code = vfs->xAccess(vfs, path.data, SQLITE_ACCESS_EXISTS, &found);
    if (code == SQLITE_OK && found) {
        code = vfs->xOpen(vfs, path.data, file, SQLITE_OPEN_READONLY | SQLITE_OPEN_WAL, NULL);
        if (code == SQLITE_OK) {
            code = file->pMethods->xFileSize(file, size);
            file->pMethods->xClose(file);
        }
    }
    pawli_arena_done(&arena);
    return code;
}

static bool has(struct sqlite_store *store, const char *suffix)
{
    PAWL_AUTO(pawli_freep) char *path = pawli_sqlite_path(store->path, suffix);
    struct stat facts;
    return path && stat(path, &facts) == 0;
}

static bool is_as_found(struct sqlite_store *store)
{
    struct stat now;
    sqlite3_int64 log_size;
    return stat(store->path, &now) == 0 && now.st_ino == store->found.st_ino && now.st_dev == store->found.st_dev &&
           now.st_size == store->found.st_size && now.st_mtim.tv_sec == store->found.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == store->found.st_mtim.tv_nsec &&
           pawli_sqlite_log_size(store, &log_size) == SQLITE_OK && log_size == 0;
}

enum store_result pawli_check_as_found(struct sqlite_store *store, pawl_error *err)
{
    bool is_unseen = store->store.read_only && !store->is_seen && has(store, "-gate");
    if (!is_unseen && (!store->is_read_as_found || is_as_found(store)))
        return STORE_OK;
    pawli_hint(err, pawli_fail(err, PAWL_EUNAVAIL, "\"%s\" is written to by another process now", store->path),
               "close this read-only handle and open it again");
    return STORE_UNAVAILABLE;
}

static int find(struct sqlite_store *store, bool somebody_writes, pawl_error *err)
{
    sqlite3_int64 log_size;
    int code = pawli_sqlite_log_size(store, &log_size);
    if (code != SQLITE_OK)
        return pawli_store_status(pawli_sqlite_result(store, NULL, code, READ_ONLY, err));
    if (!somebody_writes && log_size > 0 && store->names == NAMES_INTO)
        return pawli_hint(
            err, pawli_fail(err, PAWL_EUNAVAIL, "\"%s-wal\" has commits that no pawl vouches for", store->path),
            "open the store once by one that may write");
    if (!somebody_writes && log_size > 0)
        return pawli_hint(
            err,
            pawli_fail(err, PAWL_EUNAVAIL, "\"%s-wal\" was left by a process that ended without closing", store->path),
            "recovery needs a writer: open the store once by one that may write");
    /* Files of another VFS are its own business. */
    store->is_read_as_found = !store->vfs && (!has(store, "-wal") || !has(store, "-shm"));
    if (store->is_read_as_found && stat(store->path, &store->found) != 0)
        return pawli_fail(err, PAWL_EUNAVAIL, "cannot look at \"%s\"", store->path);
    return pawli_connection_open(store, true, &store->writer, err);
}

int pawli_open_read_only(struct sqlite_store *store, struct boot_time until, pawl_error *err)
{
    const struct gate_ops *gate = store->gate->ops;
    enum gate_result opening = gate->lock(store->gate, GATE_OPENING, GATE_SHARED, until);
    if (opening == GATE_TAKEN)
        return pawli_hint(
            err, pawli_fail(err, PAWL_EBUSY, "\"%s\" is being opened or closed by another process", store->path),
            "try again");
    /* Whoever writes then syncs before he shows anything. Without a gate nobody writes. */
    bool holds = gate->lock(store->gate, GATE_READ, GATE_SHARED, (struct boot_time){0}) == GATE_LOCKED;
    int status = holds ? pawli_durable_pass(store, until, err) : PAWL_OK;
    store->is_seen = holds;
    if (status == PAWL_OK)
        status = find(store, gate->is_held(store->gate, GATE_OPEN), err);
    gate->unlock(store->gate, GATE_OPENING);
    return status;
}
