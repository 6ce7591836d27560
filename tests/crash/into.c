/* SPDX-License-Identifier: MIT */
/* A store in the database of a program that goes on using it: it commits, copies the log, vacuums, alters its tables and is
 * killed, before, between and after what pawl commits. What pawl promised holds, and what is the program's is left
 * alone. Real files; the program has an SQLite connection of its own, with the VFS that everybody has. LAW(J1) LAW(J3) */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/base.h"
#include "database.h"

#include "pawl/journal.h"
#include "pawl/operator.h"

static pawl_error err;

struct home {
    char folder[64], file[96], url[128];
    sqlite3 *program;
    pawl_store *store;
    unsigned sent; /* messages that were accepted */
};

/* ---- the program ---- */

static sqlite3 *open_program(const char *file)
{
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    assert_int_equal(sqlite3_open_v2(file, &db, flags, "unix"), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

/* ---- the store ---- */

static void open_store(struct home *at)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    assert_ok(pawl_store_open(at->url, &(pawl_store_options){PAWL_STORE_OPTIONS, .busy_ms = 2000}, &at->store, &err));
    assert_ok(pawl_store_get_info(at->store, &info, &err));
    if (info.is_restored)
        fail_msg("restored: %s", info.restored_why);
    assert_true(info.is_into);
}

static void close_store(struct home *at)
{
    pawl_store_close(at->store);
    at->store = NULL;
}

static void set_up(struct home *at, const char *made_with)
{
    *at = (struct home){0};
    make_folder(at->folder);
    snprintf(at->file, sizeof at->file, "%s/app.db", at->folder);
    snprintf(at->url, sizeof at->url, "sqlite:%s?into=1", at->file);
    at->program = open_program(at->file);
    run_sql(at->program, made_with);
    run_sql(at->program, "PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB);"
                         "INSERT INTO t (b) VALUES (randomblob(20000)), (randomblob(20000))");
    open_store(at);
}

static void tear_down(struct home *at)
{
    close_store(at);
    assert_int_equal(sqlite3_close(at->program), SQLITE_OK);
    remove_folder(at->folder);
}

static void send(struct home *at)
{
    pawl_enqueued result;
    assert_ok(pawl_enqueue(at->store, &(pawl_message){PAWL_MESSAGE, .lane = "l", .target = "t"}, 1, &result, &err));
    at->sent++;
}

static void check(struct home *at, const char *after)
{
    pawl_verification *found = NULL;
    pawl_stats *stats = NULL;
    if (pawl_verify(at->store, NULL, NULL, NULL, &found, &err) < 0)
        fail_msg("after %s: %s", after, err.text);
    pawl_verification_free(found);
    assert_ok(pawl_stats_read(at->store, "l", "t", &stats, &err));
    if (at->sent && (!pawl_stats_count(stats) || pawl_stats_get(stats, 0)->pending != at->sent))
        fail_msg("after %s: there are not %u messages", after, at->sent);
    pawl_stats_free(stats);
}

static void shell(const struct home *at, const char *command)
{
    char whole[512];
    snprintf(whole, sizeof whole, "cd '%s' && %s", at->folder, command);
    assert_int_equal(system(whole), 0);
}

/* Leaves the files as a kill of everybody at this moment would. */
static void kill_here(struct home *at)
{
    shell(at, "mkdir left && cp -a app.db app.db-* left");
    close_store(at);
    assert_int_equal(sqlite3_close(at->program), SQLITE_OK);
    shell(at, "for f in left/*; do cat \"$f\" > \"$(basename \"$f\")\"; done; rm -r left");
}

static bool exists(const struct home *at, const char *suffix)
{
    char path[120];
    snprintf(path, sizeof path, "%s%s", at->file, suffix);
    return access(path, F_OK) == 0;
}

static off_t log_size(const struct home *at)
{
    char path[120];
    struct stat facts;
    snprintf(path, sizeof path, "%s-wal", at->file);
    assert_int_equal(stat(path, &facts), 0);
    return facts.st_size;
}

static void flip_log(const struct home *at, off_t offset)
{
    char path[120];
    unsigned char byte;
    snprintf(path, sizeof path, "%s-wal", at->file);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

/* ---- what the program does meanwhile ---- */

static const char *const doings[] = {
    "INSERT INTO t (b) VALUES (randomblob(9000))",
    "PRAGMA wal_checkpoint(PASSIVE)",
    "DELETE FROM t WHERE a % 2; INSERT INTO t (b) VALUES (randomblob(30000))",
    "PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t (b) VALUES (randomblob(90))",
    "CREATE TABLE u (a); INSERT INTO u VALUES (randomblob(50000)); CREATE INDEX v ON u (a)",
    "DROP TABLE u", /* where the file shrinks by itself, the store's pages move */
    "ALTER TABLE t ADD COLUMN c TEXT; PRAGMA wal_checkpoint(RESTART)",
    "VACUUM",
    "PRAGMA user_version = 8; PRAGMA incremental_vacuum",
    "BEGIN IMMEDIATE; INSERT INTO t (b) VALUES ('x'); ROLLBACK",
    "DELETE FROM t; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)",
    "ALTER TABLE t DROP COLUMN c; INSERT INTO t (b) VALUES (randomblob(100000))",
};

/* Each is done while the store is open, while it is closed, and before everybody is killed. */
static void what_the_program_does_hurts_no_store(void **state)
{
    struct home at;
    set_up(&at, *state);
    for (size_t i = 0; i < COUNT_OF(doings); i++)
        for (int how = 0; how < 3; how++) {
            bool is_repeatable = !strstr(doings[i], "CREATE") && !strstr(doings[i], "ALTER") &&
                                 !strstr(doings[i], "DROP");
            if (!is_repeatable && how != (int)(i % 3))
                continue;
            send(&at);
            if (how == 1)
                close_store(&at);
            run_sql(at.program, doings[i]);
            if (how == 1)
                open_store(&at);
            send(&at);
            check(&at, doings[i]);
            if (how == 2) {
                kill_here(&at);
                at.program = open_program(at.file);
                open_store(&at);
                check(&at, doings[i]);
            }
        }
    assert_int_equal(ask_sql(at.program, "PRAGMA user_version"), 8);
    assert_false(exists(&at, "-wal-old"));
    tear_down(&at);
}

/* It waits as for any writer, and says busy in time. */
static void a_program_that_writes_holds_commits_up_and_breaks_none(void **state)
{
    (void)state;
    struct home at;
    pawl_enqueued result;
    pawl_store *patient;
    set_up(&at, "");
    assert_ok(pawl_store_open(at.url, &(pawl_store_options){PAWL_STORE_OPTIONS, .busy_ms = 20}, &patient, &err));
    run_sql(at.program, "BEGIN IMMEDIATE; INSERT INTO t (b) VALUES ('x')");
    const pawl_message *message = &(pawl_message){PAWL_MESSAGE, .lane = "l", .target = "t"};
    assert_status(pawl_enqueue(patient, message, 1, &result, &err), PAWL_EBUSY);
    run_sql(at.program, "COMMIT");
    assert_ok(pawl_enqueue(patient, message, 1, &result, &err));
    at.sent++;
    check(&at, "a lock");
    pawl_store_close(patient);
    tear_down(&at);
}

/* ---- what a crash leaves ---- */

/* With synchronous=OFF its commits are synced by nobody: any of what it wrote last may be torn, and be no loss of pawl's. */
static void the_torn_end_of_what_the_program_did_not_sync_is_no_damage(void **state)
{
    (void)state;
    struct home at;
    set_up(&at, "");
    close_store(&at);
    run_sql(at.program, "PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0");
    open_store(&at);
    send(&at);
    send(&at);
    off_t end = log_size(&at);
    for (int i = 0; i < 5; i++)
        run_sql(at.program, "INSERT INTO t (b) VALUES (randomblob(90))");
    assert_true(log_size(&at) > end);
    kill_here(&at);
    flip_log(&at, end + 100);
    open_store(&at);
    at.program = open_program(at.file);
    check(&at, "a torn end");
    assert_int_equal(ask_sql(at.program, "SELECT count(*) FROM t"), 2);
    tear_down(&at);
}

static void a_flipped_bit_before_what_pawl_synced_is_damage(void **state)
{
    (void)state;
    struct home at;
    set_up(&at, "");
    send(&at); /* the row's first page is in the database by the next opening */
    close_store(&at);
    run_sql(at.program, "PRAGMA wal_autocheckpoint = 0");
    open_store(&at);
    run_sql(at.program, "INSERT INTO t (b) VALUES (randomblob(90))");
    send(&at);
    send(&at);
    kill_here(&at);
    flip_log(&at, 32 + 24 + 100);
    assert_status(pawl_store_open(at.url, NULL, &at.store, &err), PAWL_ECORRUPT);
    assert_non_null(strstr(err.text, "damaged at frame 1"));
    at.program = NULL;
    at.store = NULL;
    tear_down(&at);
}

/* Its SQLite has recovered the log already, and reads and writes it: it is neither judged nor emptied. */
static void a_log_that_the_program_has_open_is_left_alone(void **state)
{
    (void)state;
    struct home at;
    set_up(&at, "");
    run_sql(at.program, "PRAGMA wal_autocheckpoint = 0");
    send(&at);
    close_store(&at);
    open_store(&at); /* a checkpoint that the anchor knows */
    send(&at);
    shell(&at, "cp app.db older");
    close_store(&at);
    open_store(&at);
    send(&at);
    send(&at);
    kill_here(&at);
    shell(&at, "cat older > app.db"); /* alone, this log would be set aside */
    at.program = open_program(at.file);
    run_sql(at.program, "BEGIN; SELECT count(*) FROM t");
    off_t size = log_size(&at);
    if (pawl_store_open(at.url, NULL, &at.store, &err) < 0)
        at.store = NULL;
    assert_false(exists(&at, "-wal-old"));
    assert_true(log_size(&at) >= size);
    run_sql(at.program, "COMMIT");
    tear_down(&at);
}

/* ---- what did not come to be ---- */

/* So much that pages of it go into the log before its end, and are then of no commit: nothing of them may be written later, where
 * the program's frames are by then. */
static void what_was_rolled_back_is_not_written_over_what_came_after(void **state)
{
    (void)state;
    enum { SIZE = 1000 * 1024, COUNT = 10 };
    struct home at;
    pawl_message messages[COUNT];
    pawl_enqueued results[COUNT];
    set_up(&at, "");
    run_sql(at.program, "PRAGMA wal_autocheckpoint = 0");
    run_sql(at.program,
            "CREATE UNIQUE INDEX mine ON pawl_message (priority) WHERE length(payload) > 1000"); /* and may not */
    PAWL_AUTO(pawli_freep) char *data = pawli_alloc(SIZE);
    assert_non_null(data);
    for (uint32_t i = 0; i < COUNT; i++)
        messages[i] = (pawl_message){PAWL_MESSAGE, .lane = "l",       .target = "t",
                                     .data = data, .data_size = SIZE, .priority = i < 9 ? i + 1 : 9};
    assert_status(pawl_enqueue(at.store, messages, COUNT, results, &err), PAWL_ECORRUPT);
    run_sql(at.program, "DROP INDEX mine; INSERT INTO t (b) VALUES (randomblob(4000000))");
    int64_t sum = ask_sql(at.program, "SELECT sum(unicode(hex(b))) FROM t");
    send(&at);
    assert_int_equal(sqlite3_close(at.program), SQLITE_OK);
    at.program = open_program(at.file);
    assert_int_equal(ask_sql(at.program, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
                     1);
    assert_int_equal(ask_sql(at.program, "SELECT sum(unicode(hex(b))) FROM t"), sum);
    check(&at, "a rollback");
    tear_down(&at);
}

#define PROGRAM(how, text)                                                                                             \
    {                                                                                                                  \
        "what the program does hurts no store: " how, what_the_program_does_hurts_no_store, NULL, NULL, text           \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROGRAM("as it comes", (void *)""),
        PROGRAM("small pages, vacuumed by itself", (void *)"PRAGMA page_size = 1024; PRAGMA auto_vacuum = FULL"),
        PROGRAM("the smallest pages", (void *)"PRAGMA page_size = 512; PRAGMA auto_vacuum = INCREMENTAL"),
        PROGRAM("the largest pages", (void *)"PRAGMA page_size = 65536"),
        cmocka_unit_test(a_program_that_writes_holds_commits_up_and_breaks_none),
        cmocka_unit_test(the_torn_end_of_what_the_program_did_not_sync_is_no_damage),
        cmocka_unit_test(a_flipped_bit_before_what_pawl_synced_is_damage),
        cmocka_unit_test(a_log_that_the_program_has_open_is_left_alone),
        cmocka_unit_test(what_was_rolled_back_is_not_written_over_what_came_after),
    };
    return cmocka_run_group_tests_name("into", tests, NULL, NULL);
}
