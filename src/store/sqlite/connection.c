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

static void finalize(struct statement *statement)
{
    sqlite3_finalize(statement->handle);
    pawli_free(statement->is_bound);
    *statement = (struct statement){0};
}

void pawli_connection_finalize(struct connection *connection)
{
    for (size_t i = 0; i < SQL_COUNT; i++)
        finalize(&connection->statements[i]);
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
        pawli_hint(err, pawli_fail(err, PAWL_EUNAVAIL, "cannot read \"%s\": %s", store->path, text),
                   "try again; if it stays so, check the disk");
        if (err)
            err->native = code;
        return STORE_UNAVAILABLE;
    }
    atomic_store(&store->file->poisoned, true);
    int status = phase == WRITE_COMMIT ? PAWL_EUNCERTAIN : PAWL_EIO;
    pawli_fail(err, status, "writing \"%s\" failed: %s", store->path, text);
    if (err)
        err->native = code;
    return phase == WRITE_COMMIT ? STORE_UNKNOWN : STORE_POISONED;
}

/* ---- statements ---- */

static int prepare(struct connection *connection, enum sql sql)
{
    struct statement *statement = &connection->statements[sql];
    int params = pawli_sql[sql].params;
    statement->is_bound = pawli_alloc(((size_t)params + 1) * sizeof *statement->is_bound);
    if (!statement->is_bound)
        return SQLITE_NOMEM;
    int code = sqlite3_prepare_v3(connection->db, pawli_sql[sql].text[connection->names], -1, SQLITE_PREPARE_PERSISTENT,
                                  &statement->handle, NULL);
    PAWL_ASSERT(code != SQLITE_OK || sqlite3_bind_parameter_count(statement->handle) == params);
    if (code != SQLITE_OK)
        finalize(statement);
    return code;
}

struct call pawli_call(struct connection *connection, enum sql sql)
{
    const struct statement *statement = &connection->statements[sql];
    struct call call = {.connection = connection, .next = 1};
    if (!statement->handle)
        call.code = prepare(connection, sql);
    call.statement = statement->handle;
    call.is_bound = statement->is_bound;
    return call;
}

/* Where the next value goes. Nowhere, once something failed. */
static int next_parameter(struct call *call, bool is_value)
{
    if (!call->statement)
        return 0;
    int parameter = call->next++;
    bool stays = !is_value && !call->is_bound[parameter];
    call->is_bound[parameter] = is_value;
    return stays ? 0 : parameter;
}

static void bound(struct call *call, int code)
{
    if (call->code == SQLITE_OK)
        call->code = code;
}

/* ---- sums: what was bound, in the order of binding, must be what is read in the order of the columns ---- */

enum sum_kind { SUM_NULL, SUM_NUMBER, SUM_TEXT, SUM_BLOB };

/* Each column is hashed by itself, with its place in the row, so that none waits for the one before. */
static uint64_t place_of(struct call *call, enum sum_kind kind)
{
    return (uint64_t)(call->summed++ * 4 + kind) * 0xd6e8feb86659fd93u;
}

static void sum_number(struct call *call, int64_t value)
{
    call->sum += pawli_hash_number(place_of(call, SUM_NUMBER), (uint64_t)value);
}

static void sum_bytes(struct call *call, enum sum_kind kind, const void *data, size_t size)
{
    call->sum += pawli_hash_bytes(place_of(call, kind), data, size);
}

static void sum_null(struct call *call)
{
    call->sum += place_of(call, SUM_NULL);
}

static int64_t sum_so_far(const struct call *call)
{
    return (int32_t)(uint32_t)(call->sum ^ call->sum >> 32);
}

static void begin_sum(struct call *call)
{
    call->sum = call->summed = 0;
}

void pawli_bind_i64(struct call *call, int64_t value)
{
    sum_number(call, value);
    bound(call, sqlite3_bind_int64(call->statement, next_parameter(call, true), value));
}

void pawli_bind_u64(struct call *call, uint64_t value)
{
    PAWL_ASSERT(value <= INT64_MAX);
    pawli_bind_i64(call, (int64_t)value);
}

void pawli_bind_u64_or_null(struct call *call, uint64_t value)
{
    if (value)
        pawli_bind_u64(call, value);
    else
        pawli_bind_null(call);
}

void pawli_bind_null(struct call *call)
{
    sum_null(call);
    int parameter = next_parameter(call, false);
    if (parameter)
        bound(call, sqlite3_bind_null(call->statement, parameter));
}

void pawli_bind_text(struct call *call, struct text text)
{
    if (!text.data) {
        pawli_bind_null(call);
        return;
    }
    sum_bytes(call, SUM_TEXT, text.data, text.size);
    int parameter = next_parameter(call, true);
    bound(call, sqlite3_bind_text64(call->statement, parameter, text.data, text.size, SQLITE_STATIC, SQLITE_UTF8));
}

void pawli_bind_blob(struct call *call, const void *data, size_t size)
{
    if (!data) {
        pawli_bind_null(call);
        return;
    }
    sum_bytes(call, SUM_BLOB, data, size);
    int parameter = next_parameter(call, true);
    bound(call, size ? sqlite3_bind_blob64(call->statement, parameter, data, size, SQLITE_STATIC)
                     : sqlite3_bind_zeroblob(call->statement, parameter, 0));
}

void pawli_bind_body(struct call *call, struct text body, struct text content_type)
{
    if (text_is(content_type, "application/json"))
        pawli_bind_text(call, body);
    else
        pawli_bind_blob(call, body.data, body.size);
}

void pawli_bind_content_type(struct call *call, struct text content_type)
{
    pawli_bind_text(call, text_is(content_type, "application/json") ? (struct text){0} : content_type);
}

void pawli_bind_wall(struct call *call, struct wall_time time)
{
    if (time.ms == INT64_MAX)
        pawli_bind_null(call);
    else
        pawli_bind_i64(call, time.ms);
}

void pawli_bind_sum(struct call *call)
{
    pawli_bind_i64(call, sum_so_far(call));
    begin_sum(call); /* of the next row of the statement */
}

bool pawli_call_row(struct call *call)
{
    if (call->code != SQLITE_OK)
        return false;
    int code = sqlite3_step(call->statement);
    call->next = 0;
    begin_sum(call);
    call->bad = false;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        call->code = code;
    return code == SQLITE_ROW;
}

int pawli_call_end(struct call *call)
{
    if (call->statement)
        sqlite3_reset(call->statement); /* repeats the error of the step, which call->code already has */
    return call->code;
}

int pawli_call_run(struct call *call)
{
    bool row = pawli_call_row(call);
    PAWL_ASSERT(!row);
    return pawli_call_end(call);
}

/* ---- columns: what is not of its type or outside its range makes the row bad, and reads as nothing ---- */

/* A column is fetched once. Nobody else uses its connection meanwhile, so that what SQLite calls an unprotected value is as
 * good as any. */
static sqlite3_value *take(struct call *call, int type)
{
    sqlite3_value *value = sqlite3_column_value(call->statement, call->next++);
    int found = sqlite3_value_type(value);
    if (found == type)
        return value;
    if (found == SQLITE_NULL)
        sum_null(call);
    else
        call->bad = true;
    return NULL;
}

static bool take_number(struct call *call, int64_t *number)
{
    sqlite3_value *value = take(call, SQLITE_INTEGER);
    *number = value ? sqlite3_value_int64(value) : 0;
    if (value)
        sum_number(call, *number);
    return value;
}

int64_t pawli_column_i64(struct call *call)
{
    int64_t value;
    call->bad |= !take_number(call, &value);
    return value;
}

int64_t pawli_column_between(struct call *call, int64_t min, int64_t max)
{
    int64_t value = pawli_column_i64(call);
    bool good = value >= min && value <= max;
    call->bad |= !good;
    return good ? value : min;
}

uint64_t pawli_column_u64(struct call *call)
{
    return (uint64_t)pawli_column_between(call, 0, INT64_MAX);
}

uint64_t pawli_column_id(struct call *call)
{
    return (uint64_t)pawli_column_between(call, 1, INT64_MAX - 1);
}

uint64_t pawli_column_u64_or_null(struct call *call)
{
    int64_t value;
    if (take_number(call, &value))
        call->bad |= value < 1;
    return value < 0 ? 0 : (uint64_t)value;
}

uint32_t pawli_column_u32(struct call *call)
{
    return (uint32_t)pawli_column_between(call, 0, UINT32_MAX);
}

bool pawli_column_bool(struct call *call)
{
    return pawli_column_between(call, 0, 1) == 1;
}

/* Far enough from the ends of its type that the difference of any two is a number. */
#define WALL_MIN (-(INT64_C(1) << 61))

struct wall_time pawli_column_wall(struct call *call)
{
    return (struct wall_time){pawli_column_between(call, WALL_MIN, INT64_MAX - 1)};
}

struct wall_time pawli_column_wall_or_never(struct call *call)
{
    int64_t value;
    if (!take_number(call, &value))
        return WALL_NEVER;
    call->bad |= value < WALL_MIN || value == INT64_MAX;
    return (struct wall_time){value < WALL_MIN ? WALL_MIN : value};
}

struct wall_time pawli_column_time_or_none(struct call *call)
{
    struct wall_time time = pawli_column_wall_or_never(call);
    return time.ms == INT64_MAX ? (struct wall_time){0} : time;
}

static bool take_bytes(struct call *call, struct arena *arena, bool as_text, bool as_blob, struct text *bytes)
{
    sqlite3_value *value = sqlite3_column_value(call->statement, call->next++);
    int type = sqlite3_value_type(value);
    *bytes = (struct text){0};
    if (type == SQLITE_NULL)
        sum_null(call);
    else if ((type == SQLITE_TEXT && as_text) || (type == SQLITE_BLOB && as_blob)) {
        const char *data = sqlite3_value_blob(value); /* the bytes, whether text or blob */
        size_t size = (size_t)sqlite3_value_bytes(value);
        if (!data && size > 0)
            arena->failed = true;
        *bytes = pawli_arena_text(arena, (struct text){data ? data : "", data ? size : 0});
        sum_bytes(call, type == SQLITE_TEXT ? SUM_TEXT : SUM_BLOB, data ? data : "", data ? size : 0);
    } else {
        call->bad = true;
    }
    return bytes->data != NULL;
}

struct text pawli_column_text(struct call *call, struct arena *arena)
{
    struct text text;
    take_bytes(call, arena, true, false, &text);
    return text;
}

struct text pawli_column_blob(struct call *call, struct arena *arena)
{
    struct text bytes;
    take_bytes(call, arena, false, true, &bytes);
    return bytes;
}

struct text pawli_column_body(struct call *call, struct arena *arena, struct text content_type)
{
    struct text body;
    bool is_json = text_is(content_type, "application/json");
    take_bytes(call, arena, is_json, !is_json, &body);
    return body;
}

struct text pawli_column_content_type(struct call *call, struct arena *arena)
{
    struct text content_type = pawli_column_text(call, arena);
    call->bad |= pawli_check_content_type(content_type, NULL) < 0;
    return content_type.data ? content_type : TEXT("application/json");
}

/* Exactly so many bytes, or NULL. */
bool pawli_column_bytes_or_null(struct call *call, void *out, size_t size)
{
    memset(out, 0, size);
    sqlite3_value *value = take(call, SQLITE_BLOB);
    if (!value)
        return false;
    const void *data = sqlite3_value_blob(value);
    bool good = data && sqlite3_value_bytes(value) == (int)size;
    call->bad |= !good;
    if (!good)
        return false;
    memcpy(out, data, size);
    sum_bytes(call, SUM_BLOB, data, size);
    return true;
}

void pawli_column_bytes(struct call *call, void *out, size_t size)
{
    call->bad |= !pawli_column_bytes_or_null(call, out, size);
}

bool pawli_column_sum(struct call *call)
{
    int64_t sum = sum_so_far(call), stored = pawli_column_i64(call);
    begin_sum(call);
    call->bad |= sum != stored;
    return !call->bad;
}
