/* SPDX-License-Identifier: MIT */
/* A program with an SQLite database of its own has pawl's tables beside its own (docs/into.md): its rows, a record and a
 * message commit as one, or not at all. */
#include <pawl/pawl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static int run(sqlite3 *db, const char *sql, pawl_error *err)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return PAWL_OK;
    *err = (pawl_error){.status = PAWL_EIO};
    snprintf(err->text, sizeof err->text, "%s: %s", sql, sqlite3_errmsg(db));
    return err->status;
}

/* Inside the caller's transaction. What it answers is a promise until that commits. */
static int append(pawl_store *store, pawl_join *join, const char *number, pawl_error *err)
{
    pawl_transition *t = pawl_transition_new(
        store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Ship", .ref = number,
                                          .request_id = pawl_request_id_from(number, strlen(number))});
    pawl_transition_command(t, "{}", 2);
    pawl_transition_message(t, &(pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "smtp", .data = number,
                                               .data_size = strlen(number)});
    pawl_receipt *promise = NULL;
    int status = pawl_join_append(join, t, &promise, err);
    pawl_receipt_free(promise);
    pawl_transition_free(t);
    return status;
}

static int ship(pawl_store *store, sqlite3 *db, pawl_join *join, const char *number, const char *end, pawl_error *err)
{
    char sql[128];
    snprintf(sql, sizeof sql, "INSERT OR IGNORE INTO shipped(number) VALUES ('%s')", number);
    int status = run(db, "BEGIN IMMEDIATE", err); /* the write lock, before anything is read */
    if (status < 0)
        return status;
    status = run(db, sql, err);
    if (status == PAWL_OK)
        status = append(store, join, number, err);
    if (status < 0)
        end = "ROLLBACK";
    int ended = run(db, end, err);
    return status < 0 ? status : ended;
}

static int look(pawl_store *store, const char *number, pawl_error *err)
{
    pawl_uuid id = pawl_request_id_from(number, strlen(number));
    int exists = pawl_record_exists(store, &id, err);
    if (exists >= 0)
        printf("%s: %s\n", number, exists ? "recorded" : "not recorded");
    return exists < 0 ? exists : PAWL_OK;
}

int main(void)
{
    pawl_error err;
    pawl_store *store = NULL;
    pawl_join *join = NULL;
    sqlite3 *db = NULL;

    /* Its tables are called pawl_… here. SQLite must be the copy that libpawl links (pkg-config pawl-sqlite3). */
    int status = pawl_store_open("sqlite:own.db?into=1", NULL, &store, &err);
    if (status == PAWL_OK && sqlite3_open("own.db", &db) != SQLITE_OK)
        status = run(db, "SELECT 1", &err);
    if (status == PAWL_OK)
        status = pawl_join_attach(store, db, &join, &err);
    if (status == PAWL_OK)
        status = run(db, "CREATE TABLE IF NOT EXISTS shipped(number TEXT PRIMARY KEY) STRICT", &err);
    if (status == PAWL_OK)
        status = ship(store, db, join, "order-1", "COMMIT", &err);
    if (status == PAWL_OK)
        status = ship(store, db, join, "order-2", "ROLLBACK", &err);
    if (status == PAWL_OK)
        status = look(store, "order-1", &err);
    if (status == PAWL_OK)
        status = look(store, "order-2", &err);
    if (status < 0)
        fprintf(stderr, "%s\n%s\n", err.text, err.hint);
    pawl_join_detach(join);
    sqlite3_close(db);
    pawl_store_close(store);
    return pawl_status_exit(status);
}
