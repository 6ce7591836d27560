/* SPDX-License-Identifier: MIT */
/* Connections, their settings, their statements, and the one translation of SQLite's codes. */
#include "base/map.h"
#include "model/check.h"
#include "store/sqlite/sqlite.h"

#include <ctype.h>
#include <stdio.h>

#define PAGE_SIZE "4096"
#define LOG_KEEPS "67108864" /* bytes that the log's file keeps when it begins anew */

struct setting {
    const char *set, *get;
    int64_t value;
};

/* Set, then read back: a setting that did not take is a store that does not keep its promises. */
static const struct setting settings[] = {
    {"PRAGMA synchronous = FULL", "PRAGMA synchronous", 2},
    {"PRAGMA foreign_keys = ON", "PRAGMA foreign_keys", 1},
    {"PRAGMA trusted_schema = OFF", "PRAGMA trusted_schema", 0},
    {"PRAGMA cell_size_check = ON", "PRAGMA cell_size_check", 1},
    {"PRAGMA wal_autocheckpoint = 0", "PRAGMA wal_autocheckpoint", 0},
};

static int read_number(sqlite3 *db, const char *sql, int64_t *value)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    *value = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    return sqlite3_finalize(statement);
}

int pawli_connection_settings(sqlite3 *db, pawl_error *err)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        int64_t value = -1;
        int code = sqlite3_exec(db, settings[i].set, NULL, NULL, NULL);
        if (code == SQLITE_OK)
            code = read_number(db, settings[i].get, &value);
        if (code != SQLITE_OK)
            return code;
        if (value != settings[i].value) {
            pawli_fail(err, PAWL_EUNAVAIL, "SQLite did not take the setting \"%s\"", settings[i].set);
            return SQLITE_MISUSE;
        }
    }
    return SQLITE_OK;
}

static int refuse_defaults(sqlite3 *db)
{
    int code = sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    if (code == SQLITE_OK) /* pawl has none: one in the file is somebody else's */
        code = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    if (code == SQLITE_OK) /* pawl reads its tables; its views are for people */
        code = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    if (code == SQLITE_OK) /* a plan that depends on what is bound is made anew at every binding */
        code = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_extended_result_codes(db, 1);
    return code;
}

static int ask_for_wal(sqlite3 *db, const char *sql, bool *is_wal)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    *is_wal = sqlite3_step(statement) == SQLITE_ROW &&
              sqlite3_stricmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
    return sqlite3_finalize(statement);
}

/* Another program's database may have been in another mode for years: whoever puts it into this one says so. */
static int use_wal(struct sqlite_store *store, sqlite3 *db, bool *is_wal)
{
    bool was_wal = true;
    int code = ask_for_wal(db, "PRAGMA journal_mode", &was_wal);
    if (code == SQLITE_OK)
        code = ask_for_wal(db, "PRAGMA journal_mode = WAL", is_wal);
    bool is_busy = (code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_LOCKED;
    if (store->names == NAMES_INTO && !was_wal && is_busy) {
        *is_wal = false;
        return SQLITE_OK;
    }
    store->was_put_into_wal |= store->has_other_tables && code == SQLITE_OK && *is_wal && !was_wal;
    return code;
}

static int open_to_write(struct sqlite_store *store, bool makes, sqlite3 **db)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (makes ? SQLITE_OPEN_CREATE : 0);
    return sqlite3_open_v2(store->path, db, flags, store->gathering->zName);
}

static int open_to_read(struct sqlite_store *store, sqlite3 **db)
{
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    if (!store->is_read_as_found)
        return sqlite3_open_v2(store->path, db, flags, store->gathering->zName);
    /* Only a URI says that nobody writes; whatever could mean something in one is escaped. */
    static const char immutable[] = "?immutable=1";
    size_t size = strlen("file:") + strlen(store->path) * 3 + sizeof immutable;
    char *uri = pawli_alloc(size);
    if (!uri)
        return SQLITE_NOMEM;
    size_t used = (size_t)snprintf(uri, size, "file:");
    for (const char *from = store->path; *from; from++)
        used += (size_t)snprintf(uri + used, size - used,
                                 isalnum((unsigned char)*from) || *from == '/' ? "%c" : "%%%02X", (unsigned char)*from);
    memcpy(uri + used, immutable, sizeof immutable);
    int code = sqlite3_open_v2(uri, db, flags | SQLITE_OPEN_URI, store->gathering->zName);
    pawli_free(uri);
    return code;
}

int pawli_connection_waits(struct connection *connection, int64_t ms)
{
    return sqlite3_busy_timeout(connection->db, ms > INT_MAX ? INT_MAX : (int)ms);
}

int pawli_connection_open(struct sqlite_store *store, bool writer, struct connection **ret_connection, pawl_error *err)
{
    struct connection *connection = pawli_alloc(sizeof *connection);
    if (!connection)
        return pawli_no_memory(err);
    connection->names = store->names;
    bool read_only = store->store.read_only;
    int code = read_only ? open_to_read(store, &connection->db) : open_to_write(store, writer, &connection->db);
    if (code == SQLITE_OK)
        code = refuse_defaults(connection->db);
    if (code == SQLITE_OK)
        code = pawli_connection_waits(connection, store->store.busy_ms);
    bool is_wal = true;
    if (code == SQLITE_OK && writer && !read_only)
        code = sqlite3_exec(connection->db, "PRAGMA page_size = " PAGE_SIZE, NULL, NULL, NULL);
    if (code == SQLITE_OK && writer && !read_only)
        code = use_wal(store, connection->db, &is_wal);
    if (code == SQLITE_OK)
        code = sqlite3_exec(connection->db,
                            "PRAGMA journal_size_limit = " LOG_KEEPS
                            "; PRAGMA mmap_size = 0; PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY"
                            "; PRAGMA cache_spill = OFF; PRAGMA checkpoint_fullfsync = ON", /* vfs.c */
                            NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = pawli_connection_settings(connection->db, err);
    if (code == SQLITE_OK && is_wal) {
        *ret_connection = connection;
        return PAWL_OK;
    }
    int status;
    if (!is_wal && store->names == NAMES_INTO)
        status = pawli_hint(
            err, pawli_fail(err, PAWL_EBUSY, "\"%s\" is not in WAL mode, and another program has it open", store->path),
            "close it for a moment, or let it run \"PRAGMA journal_mode = WAL\" itself; then try again");
    else if (!is_wal)
        status = pawli_hint(err, pawli_fail(err, PAWL_EUNAVAIL, "\"%s\" cannot be put into WAL mode", store->path),
                            "use a local file system, and close programs that have the file open");
    else if (code == SQLITE_MISUSE)
        status = PAWL_EUNAVAIL; /* a setting did not take: the error says which */
    else
        status = pawli_store_status(pawli_sqlite_result(store, connection->db, code, READ_ONLY, err));
    pawli_connection_close(connection);
    return status;
}

void pawli_connection_close(struct connection *connection)
{
    if (!connection)
        return;
    pawli_connection_finalize(connection);
    sqlite3_close(connection->db);
    pawli_free(connection);
}

enum store_result pawli_sqlite_usable(const struct sqlite_store *store, pawl_error *err)
{
    if (pawli_store_check(&store->store, err) < 0)
        return STORE_POISONED;
    const char *gone = atomic_load(&store->file->gone);
    if (gone) {
        pawli_hint(err, pawli_fail(err, PAWL_EIO, "\"%s\" answers nothing more: %s", store->path, gone),
                   "stop all that has the store open; put its files back, or restore a backup, before starting again");
        return STORE_POISONED;
    }
    if (atomic_load(&store->file->poisoned)) {
        pawli_hint(err, pawli_fail(err, PAWL_EIO, "storage failed earlier: \"%s\" answers nothing more", store->path),
                   "close every handle on it in this process and open it again; check the disk");
        return STORE_POISONED;
    }
    return STORE_OK;
}

enum store_result pawli_sqlite_guard(struct sqlite_store *store, pawl_error *err)
{
    struct env *env = store->store.env;
    int64_t now_ns = env->ops->boot_now(env).ns;
    const char *gone = atomic_load(&store->file->poisoned) ? NULL : pawli_guard_look(store->file);
    atomic_store(&store->looked_ns, now_ns);
    if (gone) {
        atomic_store(&store->file->gone, gone);
        atomic_store(&store->file->poisoned, true);
    }
    return pawli_sqlite_usable(store, err);
}

enum store_result pawli_sqlite_result(struct sqlite_store *store, sqlite3 *db, int code, enum phase_of_write phase,
                                      pawl_error *err)
{
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
        return STORE_OK;
    const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    /* What could not be read says nothing of what was written: a transaction is rolled back, a checkpoint done again. */
    bool writes = phase != READ_ONLY && (phase == WRITE_COMMIT || code != SQLITE_IOERR_READ);
    switch (code == BAD_ROW ? BAD_ROW : code & 0xFF) {
    case BAD_ROW:
        pawli_hint(err, pawli_fail(err, PAWL_ECORRUPT, "\"%s\" has a row that cannot be read", store->path),
                   "run \"pawl verify\"; restore a backup if it finds more");
        return STORE_CORRUPT;
    case SQLITE_BUSY:
        pawli_hint(err, pawli_fail(err, PAWL_EBUSY, "the store is locked by another process"), "try again");
        return STORE_BUSY;
    case SQLITE_FULL: /* a page that could not be written: its transaction has no commit mark, so nothing was */
        return pawli_store_fail(err, STORE_FULL);
    case SQLITE_NOMEM:
        if (phase != WRITE_COMMIT && phase != WRITE_CHECKPOINT)
            return pawli_store_fail(err, STORE_NO_MEMORY);
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        if (writes)
            atomic_store(&store->file->poisoned, true);
        pawli_hint(err, pawli_fail(err, PAWL_ECORRUPT, "\"%s\" is damaged: %s", store->path, text),
                   "keep a copy of it, then restore a backup and run \"pawl adopt\"");
        return STORE_CORRUPT;
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT: /* a table or column that is not there, a row where none can be: nothing was written */
        if (phase == WRITE_COMMIT || phase == WRITE_CHECKPOINT)
            break;
        pawli_hint(err, pawli_fail(err, PAWL_ECORRUPT, "\"%s\" is not what pawl wrote: %s", store->path, text),
                   "run \"pawl verify\"; keep a copy of the file, then restore a backup");
        return STORE_CORRUPT;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        if (phase == READ_ONLY) {
            pawli_hint(err, pawli_fail(err, PAWL_EUNAVAIL, "cannot open \"%s\": %s", store->path, text),
                       "check that its folder exists and may be written to");
            return STORE_UNAVAILABLE;
        }
        break;
    default:
        break;
    }
    if (!writes) {
        int status = pawli_fail(err, PAWL_EUNAVAIL, "cannot read \"%s\": %s", store->path, text);
        pawli_hint(err, pawli_native(err, status, code), "try again; if it stays so, check the disk");
        return STORE_UNAVAILABLE;
    }
    atomic_store(&store->file->poisoned, true);
    int status = phase == WRITE_COMMIT ? PAWL_EUNCERTAIN : PAWL_EIO;
    pawli_native(err, pawli_fail(err, status, "writing \"%s\" failed: %s", store->path, text), code);
    return phase == WRITE_COMMIT ? STORE_UNKNOWN : STORE_POISONED;
}
