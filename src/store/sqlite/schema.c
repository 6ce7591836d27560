/* SPDX-License-Identifier: MIT */
/* Makes a new store, brings an older one up to date in one transaction, refuses a newer one by name. */
#include "store/sqlite/migrations.h"
#include "store/sqlite/sqlite.h"

#include <stdio.h>

#define APPLICATION_ID 0x7061776c /* "pawl" */

static int read_pragma(struct sqlite_store *store, const char *sql, int64_t *value)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(store->writer->db, sql, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    if (sqlite3_step(statement) == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    return sqlite3_finalize(statement);
}

static int refuse_foreign(struct sqlite_store *store, int64_t application_id, int64_t version, int64_t tables,
                          pawl_error *err)
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
    if (application_id != APPLICATION_ID && tables > 0)
        return pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "\"%s\" is a database of something else", store->path),
                          "give pawl a file of its own");
    return PAWL_OK;
}

static uint32_t be32_at(const struct page_facts *page, size_t at)
{
    const uint8_t *bytes = page->first + at;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* As `refuse_foreign`, but before anything is made or altered: what is not ours is left as it was. What a log has counts,
 * for a new database may be all in it. */
int pawli_schema_refuse(struct sqlite_store *store, pawl_error *err)
{
    static const char magic[] = "SQLite format 3";
    struct page_facts page;
    struct log_facts log;
    int code = pawli_read_pages(store, &page);
    if (code != SQLITE_OK || page.file_size == 0)
        return pawli_store_status(pawli_sqlite_result(store, NULL, code, READ_ONLY, err));
    if (!page.has_first || memcmp(page.first, magic, sizeof magic) != 0)
        return pawli_store_status(pawli_sqlite_result(store, NULL, SQLITE_NOTADB, READ_ONLY, err));
    if (be32_at(&page, 68) == APPLICATION_ID)
        return PAWL_OK;
    if (pawli_wal_audit(store, &log, NULL) == STORE_OK && log.last.has_first)
        page = log.last;
    bool has_tables = be32_at(&page, HEADER_SIZE + 1) & 0xFFFF; /* cells on its first page */
    return refuse_foreign(store, be32_at(&page, 68), 0, has_tables || be32_at(&page, 68) != 0, err);
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

/* What the migrations make, made in memory, against what the file says: names, kinds and texts of all that is pawl's. A
 * file may have tables of its own beside them, but no trigger on one of ours (they are switched off, too). */
static const char schema_sql[] =
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
static const char find_sql[] =
    "SELECT 1 FROM sqlite_schema WHERE type = ?1 AND name = ?2 AND tbl_name = ?3 AND sql = ?4";

/* Opening a file of somebody who makes its schema endless shall end. */
#define SCHEMA_STEPS 50000000
static int give_up(void *data)
{
    (void)data;
    return 1;
}

static int open_model(sqlite3 **model, enum names names, int versions)
{
    int code = sqlite3_open_v2(":memory:", model, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                               NULL);
    for (int i = 0; code == SQLITE_OK && i < versions; i++)
        code = sqlite3_exec(*model, pawli_migrations[i].sql[names], NULL, NULL, NULL);
    return code;
}

static int find_each(sqlite3_stmt *wanted, sqlite3_stmt *find, struct text *missing, struct arena *arena)
{
    int code;
    while ((code = sqlite3_step(wanted)) == SQLITE_ROW) {
        for (int i = 0; i < 4; i++)
            sqlite3_bind_value(find, i + 1, sqlite3_column_value(wanted, i));
        code = sqlite3_step(find);
        if (code == SQLITE_DONE && !missing->data)
            *missing = pawli_arena_text(arena, text_of((const char *)sqlite3_column_text(wanted, 1)));
        code = code == SQLITE_ROW || code == SQLITE_DONE ? sqlite3_reset(find) : code;
        if (code != SQLITE_OK)
            return code;
    }
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int check_schema(struct sqlite_store *store, int version, pawl_error *err)
{
    sqlite3 *model = NULL, *db = store->writer->db;
    sqlite3_stmt *wanted = NULL, *find = NULL;
    struct arena arena = {0};
    struct text missing = {0};
    int code = open_model(&model, store->names, version);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(model, schema_sql, -1, &wanted, NULL);
    sqlite3_progress_handler(db, SCHEMA_STEPS, give_up, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db, find_sql, -1, &find, NULL);
    if (code == SQLITE_OK)
        code = find_each(wanted, find, &missing, &arena);
    int status = pawli_store_status(pawli_sqlite_result(store, db, code, READ_ONLY, err));
    if (status == PAWL_OK && missing.data)
        status = pawli_hint(err,
                            pawli_fail(err, PAWL_ECORRUPT,
                                       "the schema of \"%s\" is not what pawl made: \"%s\" is missing or another",
                                       store->path, missing.data),
                            "keep a copy of it, then restore a backup");
    sqlite3_finalize(find);
    sqlite3_finalize(wanted);
    sqlite3_close(model);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    pawli_arena_done(&arena);
    return status;
}

static int begin_life(struct sqlite_store *store)
{
    struct env *env = store->store.env;
    struct store_row row = {.epoch = 1, .lease = {INT64_MAX}, .boot = 1};
    env->ops->random(env, &row.life, sizeof row.life);
    env->ops->boot_id(env, &row.boot_id);
    struct call call = pawli_call(store->writer, SQL_add_store);
    pawli_bind_store(&call, &row);
    int code = pawli_call_run(&call);
    if (code != SQLITE_OK)
        return code;
    /* Before the schema commits: a store without an anchor is one that was restored. */
    if (pawli_anchor_open(store, true, NULL) < 0)
        return SQLITE_CANTOPEN;
    struct anchor anchor = pawli_anchor_of(store, &row);
    return pawli_anchor_found(store, &anchor);
}

static int migrate(struct sqlite_store *store, int64_t from)
{
    sqlite3 *db = store->writer->db;
    enum names names = store->names;
    char version[96];
    int code = SQLITE_OK;
    for (int i = (int)from; code == SQLITE_OK && i < pawli_migration_count; i++)
        code = sqlite3_exec(db, pawli_migrations[i].sql[names], NULL, NULL, NULL);
    snprintf(version, sizeof version, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID,
             pawli_migration_count);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, version, NULL, NULL, NULL);
    if (code == SQLITE_OK && from == 0)
        code = begin_life(store);
    return code;
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
    code = read_pragma(store, "PRAGMA user_version", &now);
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

int pawli_schema(struct sqlite_store *store, const struct store_open *how, struct store_facts *facts, pawl_error *err)
{
    int64_t version = 0, application_id = 0, tables = 0;
    int code = read_pragma(store, "PRAGMA user_version", &version);
    if (code == SQLITE_OK)
        code = read_pragma(store, "PRAGMA application_id", &application_id);
    if (code == SQLITE_OK)
        code = read_pragma(store, "SELECT count(*) FROM sqlite_schema", &tables);
    if (code != SQLITE_OK)
        return pawli_store_status(pawli_sqlite_result(store, store->writer->db, code, READ_ONLY, err));
    int status = refuse_foreign(store, application_id, version, tables, err);
    if (status < 0)
        return status;
    if (version > 0 && (status = check_schema(store, (int)version, err)) < 0)
        return status;
    facts->schema = (int)version;
    if (version == pawli_migration_count)
        return PAWL_OK;
    if (how->read_only || (version == 0 && how->must_exist))
        return pawli_hint(err,
                          version == 0 ? pawli_fail(err, PAWL_ENOTFOUND, "\"%s\" is not a store yet", store->path)
                                       : pawli_fail(err, PAWL_EREFUSED, "\"%s\" has the older schema %lld", store->path,
                                                    (long long)version),
                          "run \"pawl init\"");
    if (version == 0 && (status = refuse_lost(store, err)) < 0)
        return status;
    enum store_result result = write_schema(store, version, err);
    if (result != STORE_OK)
        return pawli_store_status(result);
    facts->was_created = version == 0;
    facts->was_migrated = version != 0;
    facts->schema = pawli_migration_count;
    return PAWL_OK;
}
