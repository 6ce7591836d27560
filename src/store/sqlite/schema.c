/* SPDX-License-Identifier: MIT */
/* Makes a new store, brings an older one up to date in one transaction, refuses a newer one by name. */
#include "store/sqlite/sqlite.h"

#include <stdio.h>

#define APPLICATION_ID 0x7061776c /* "pawl" */

static int read_number(struct sqlite_store *store, const char *sql, int64_t *value)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(store->writer->db, sql, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    if (sqlite3_step(statement) == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    return sqlite3_finalize(statement);
}

/* A store in another program's database has its version in a row: the program may count its own schema in user_version. */
static int read_version(struct sqlite_store *store, int64_t *version)
{
    int64_t has_store = 0;
    *version = 0;
    if (store->names == NAMES_OWN)
        return read_number(store, "PRAGMA user_version", version);
    int code = read_number(store, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'pawl_store'",
                           &has_store);
    if (code != SQLITE_OK || has_store == 0)
        return code;
    *version = -1; /* unless there is a row */
    return read_number(store, pawli_sql[SQL_get_version].text[NAMES_INTO], version);
}

static int refuse_version(struct sqlite_store *store, int64_t version, pawl_error *err)
{
    if (version < 0)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ECORRUPT, "\"%s\" has schema %lld, which no pawl wrote", store->path,
                                     (long long)version),
                          "keep a copy of it, then restore a backup");
    if (version > pawli_migration_count)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EUNSUPPORTED,
                                     "\"%s\" has schema %lld, written by a newer pawl; this one knows %d", store->path,
                                     (long long)version, pawli_migration_count),
                          "install the newer pawl; a store is never taken back");
    return PAWL_OK;
}

static int refuse_foreign(struct sqlite_store *store, pawl_error *err)
{
    return pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "\"%s\" is a database of something else", store->path),
                      "give pawl a file of its own; or make a store beside its tables with \"pawl init --into "
                      "sqlite:FILE\"; one that was made so is opened as sqlite:FILE?into=1");
}

static uint32_t be32_at(const struct page_facts *page, size_t at)
{
    const uint8_t *bytes = page->first + at;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Where the header of a database says it, and the count of cells on its first page. */
enum { ENCODING_AT = 56, APPLICATION_ID_AT = 68, CELLS_AT = HEADER_SIZE + 1 };

/* pawl's texts are UTF-8, and read as they are. */
static int refuse_encoding(struct sqlite_store *store, uint32_t encoding, pawl_error *err)
{
    if (encoding <= SQLITE_UTF8)
        return PAWL_OK;
    return pawli_hint(err, pawli_fail(err, PAWL_EUNSUPPORTED, "\"%s\" has its texts in UTF-16", store->path),
                      "a store needs a database in UTF-8: give pawl a file of its own");
}

/* Before anything is made or altered: what is not ours is left as it was. What a log has counts, for a new database may be
 * all in it. */
int pawli_schema_names(struct sqlite_store *store, pawl_error *err)
{
    static const char magic[] = "SQLite format 3";
    struct page_facts page;
    struct log_facts log;
    int code = pawli_read_pages(store, 0, &page);
    if (code != SQLITE_OK)
        return pawli_store_status(pawli_sqlite_result(store, NULL, code, READ_ONLY, err));
    if (page.file_size > 0 && (!page.has_first || memcmp(page.first, magic, sizeof magic) != 0))
        return pawli_store_status(pawli_sqlite_result(store, NULL, SQLITE_NOTADB, READ_ONLY, err));
    if (page.file_size > 0 && be32_at(&page, APPLICATION_ID_AT) != APPLICATION_ID &&
        pawli_wal_audit(store, NULL, &log, NULL) == STORE_OK && log.last.has_first)
        page = log.last;
    bool is_own = page.has_first && be32_at(&page, APPLICATION_ID_AT) == APPLICATION_ID;
    if (is_own && store->names == NAMES_INTO)
        return pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "\"%s\" is a store itself", store->path),
                          "open it as sqlite:FILE, without into");
    if (is_own)
        return PAWL_OK;
    if (pawli_anchor_is_into(store))
        store->names = NAMES_INTO;
    if (!page.has_first)
        return PAWL_OK;
    bool is_named = be32_at(&page, APPLICATION_ID_AT) != 0;
    store->has_other_tables = is_named || (be32_at(&page, CELLS_AT) & 0xFFFF) != 0;
    if (store->names == NAMES_INTO)
        return refuse_encoding(store, be32_at(&page, ENCODING_AT), err);
    return store->has_other_tables ? refuse_foreign(store, err) : PAWL_OK;
}

/* An anchor that remembers commits beside an empty database: somebody took the database away. */
static int refuse_lost(struct sqlite_store *store, pawl_error *err)
{
    struct anchor anchor;
    int status = pawli_anchor_open(store, false, err);
    if (status < 0)
        return status == PAWL_ENOTFOUND ? PAWL_OK : status;
    bool lost = pawli_anchor_read(store, &anchor) && anchor.commits > 0;
    pawli_anchor_close(store);
    if (!lost)
        return PAWL_OK;
    return pawli_hint(err,
                      pawli_fail(err, PAWL_ECORRUPT,
                                 "\"%s\" is gone or empty, but \"%s-anchor\" remembers %llu commits", store->path,
                                 store->path, (unsigned long long)anchor.commits),
                      "restore a backup; or remove the -anchor file to begin anew");
}

/* What the migrations make against what the file says: types, names and texts of all that is pawl's. A file may have tables of
 * its own beside them, but no trigger on one of ours (they are switched off, too). */
static const char schema_sql[] = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL";
#define OBJECTS_MAX 256

/* Opening a file of somebody who makes its schema endless shall end. */
#define SCHEMA_STEPS 50000000
static int give_up(void *data)
{
    (void)data;
    return 1;
}

static size_t list_objects(const struct sqlite_store *store, int versions, const struct schema_object **objects)
{
    size_t count = 0;
    for (int i = 0; i < versions; i++)
        for (const struct schema_object *object = pawli_migrations[i].objects[store->names]; object->name; object++) {
            PAWL_ASSERT(count < OBJECTS_MAX);
            objects[count++] = object;
        }
    return count;
}

static bool is_object(sqlite3_stmt *row, const struct schema_object *object)
{
    const char *const wanted[] = {object->type, object->name, object->table, object->sql};
    for (int i = 0; i < (int)COUNT_OF(wanted); i++) {
        const char *found = (const char *)sqlite3_column_text(row, i);
        if (!found || strcmp(found, wanted[i]) != 0)
            return false;
    }
    return true;
}

/* Those that are as they were made leave the list. */
static int find_each(sqlite3 *db, const struct schema_object **objects, size_t count)
{
    sqlite3_stmt *row;
    int code = sqlite3_prepare_v2(db, schema_sql, -1, &row, NULL);
    if (code != SQLITE_OK)
        return code;
    while (sqlite3_step(row) == SQLITE_ROW)
        for (size_t i = 0; i < count; i++)
            if (objects[i] && is_object(row, objects[i]))
                objects[i] = NULL;
    return sqlite3_finalize(row);
}

static int check_schema(struct sqlite_store *store, int version, pawl_error *err)
{
    const struct schema_object *objects[OBJECTS_MAX];
    sqlite3 *db = store->writer->db;
    size_t count = list_objects(store, version, objects);
    sqlite3_progress_handler(db, SCHEMA_STEPS, give_up, NULL);
    int code = find_each(db, objects, count);
    int status = pawli_store_status(pawli_sqlite_result(store, db, code, READ_ONLY, err));
    sqlite3_progress_handler(db, 0, NULL, NULL);
    for (size_t i = 0; status == PAWL_OK && i < count; i++)
        if (objects[i])
            status = pawli_hint(err,
                                pawli_fail(err, PAWL_ECORRUPT,
                                           "the schema of \"%s\" is not what pawl made: \"%s\" is missing or another",
                                           store->path, objects[i]->name),
                                "keep a copy of it, then restore a backup");
    return status;
}

static int begin_life(struct sqlite_store *store)
{
    struct env *env = store->store.env;
    struct store_row row = {.epoch = 1, .lease = {INT64_MAX}, .boot = 1};
    env->ops->random(env, &row.life, sizeof row.life);
    env->ops->boot_id(env, &row.boot_id);
    struct call call = pawli_call(store->writer, SQL_add_store);
    pawli_bind_row(&call, ROW_STORE, &row, NULL);
    int code = pawli_call_run(&call);
    if (code != SQLITE_OK)
        return code;
    /* Before the schema commits: a store without an anchor is one that was restored. */
    if (pawli_anchor_open(store, true, NULL) < 0)
        return SQLITE_CANTOPEN;
    struct anchor anchor = pawli_anchor_of(store, &row);
    return pawli_anchor_found(store, &anchor);
}

static int put_version(struct sqlite_store *store)
{
    char sql[96];
    struct call call = pawli_call(store->writer, SQL_put_version);
    pawli_bind_i64(&call, pawli_migration_count);
    int code = pawli_call_run(&call);
    if (code != SQLITE_OK || store->names == NAMES_INTO)
        return code;
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID,
             pawli_migration_count);
    return sqlite3_exec(store->writer->db, sql, NULL, NULL, NULL);
}

static int migrate(struct sqlite_store *store, int64_t from)
{
    int code = SQLITE_OK;
    for (int i = (int)from; i < pawli_migration_count; i++)
        for (const struct schema_object *object = pawli_migrations[i].objects[store->names];
             code == SQLITE_OK && object->name; object++)
            code = sqlite3_exec(store->writer->db, object->sql, NULL, NULL, NULL);
    if (code == SQLITE_OK && from == 0)
        code = begin_life(store);
    return code == SQLITE_OK ? put_version(store) : code;
}

static enum store_result write_schema(struct sqlite_store *store, int64_t from, pawl_error *err)
{
    sqlite3 *db = store->writer->db;
    int code = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return pawli_sqlite_result(store, db, code, READ_ONLY, err);
    int64_t now = 0;
    code = read_version(store, &now);
    if (code == SQLITE_OK && now == from) /* else somebody was quicker */
        code = migrate(store, from);
    enum store_result result = pawli_sqlite_result(store, db, code, WRITE_BEFORE_COMMIT, err);
    if (result == STORE_OK)
        result = pawli_sqlite_result(store, db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), WRITE_COMMIT, err);
    if (result != STORE_OK)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return result;
}

/* Where no store is, at the least. */
static int refuse_taken(struct sqlite_store *store, pawl_error *err)
{
    static const char *const counts[] = {
        [NAMES_OWN] = "SELECT count(*) FROM sqlite_schema",
        [NAMES_INTO] = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'pawl\\_%' ESCAPE '\\'",
    };
    int64_t application_id = APPLICATION_ID, taken = 0;
    int code = SQLITE_OK;
    if (store->names == NAMES_OWN)
        code = read_number(store, "PRAGMA application_id", &application_id);
    if (code == SQLITE_OK)
        code = read_number(store, counts[store->names], &taken);
    if (code != SQLITE_OK)
        return pawli_store_status(pawli_sqlite_result(store, store->writer->db, code, READ_ONLY, err));
    if (taken == 0)
        return PAWL_OK;
    if (store->names == NAMES_OWN)
        return application_id == APPLICATION_ID ? PAWL_OK : refuse_foreign(store, err);
    return pawli_hint(err,
                      pawli_fail(err, PAWL_EREFUSED,
                                 "\"%s\" has a table, index, view or trigger whose name begins with pawl_, and no "
                                 "store",
                                 store->path),
                      "rename it: such names are pawl's");
}

static int make_schema(struct sqlite_store *store, const struct store_open *how, int64_t version, pawl_error *err)
{
    if (how->read_only || (version == 0 && how->must_exist))
        return pawli_hint(err,
                          version == 0 ? pawli_fail(err, PAWL_ENOTFOUND, "\"%s\" is not a store yet", store->path)
                                       : pawli_fail(err, PAWL_EREFUSED, "\"%s\" has the older schema %lld", store->path,
                                                    (long long)version),
                          store->names == NAMES_OWN ? "run \"pawl init\"" : "run \"pawl init --into sqlite:FILE\"");
    int status = version == 0 ? refuse_lost(store, err) : PAWL_OK;
    return status < 0 ? status : pawli_store_status(write_schema(store, version, err));
}

int pawli_schema(struct sqlite_store *store, const struct store_open *how, struct store_facts *facts, pawl_error *err)
{
    int64_t version = 0;
    int code = read_version(store, &version);
    if (code != SQLITE_OK)
        return pawli_store_status(pawli_sqlite_result(store, store->writer->db, code, READ_ONLY, err));
    int status = refuse_version(store, version, err);
    if (status == PAWL_OK && (version == 0 || store->names == NAMES_OWN))
        status = refuse_taken(store, err);
    if (status == PAWL_OK && version > 0)
        status = check_schema(store, (int)version, err);
    if (status == PAWL_OK && version < pawli_migration_count)
        status = make_schema(store, how, version, err);
    if (status < 0)
        return status;
    facts->was_created = version == 0;
    facts->was_migrated = version != 0 && version < pawli_migration_count;
    facts->schema = pawli_migration_count;
    return PAWL_OK;
}
