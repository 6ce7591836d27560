/* SPDX-License-Identifier: MIT */
/* Backups of a store in a file: one snapshot, never over anything, and whole or not there. */
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "conformance.h"

static const struct kind file_store = {"sqlite", "sqlite:%s/store.db", true, false};
static char big[1 << 20];

static int open_store(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        return -1;
    memset(big, 'x', sizeof big);
    open_world(w, &file_store, 1);
    *state = w;
    return 0;
}

static int close_store(void **state)
{
    close_world(*state);
    free(*state);
    return 0;
}

static char *path_of(const struct world *w, const char *name)
{
    static char paths[4][160];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", w->folder, name);
    return path;
}

static bool exists(const struct world *w, const char *name)
{
    struct stat facts;
    return lstat(path_of(w, name), &facts) == 0;
}

static void add_big(struct world *w, unsigned count)
{
    pawl_message message = {PAWL_MESSAGE, .lane = LANE, .target = TARGET, .data = big, .data_size = sizeof big};
    for (unsigned i = 0; i < count; i++)
        assert_ok(pawl_enqueue(w->store, &message, 1, NULL, &err));
}

static uint64_t count_in(const char *path, bool *is_restored)
{
    char url[200];
    pawl_store *copy;
    pawl_stats *stats;
    pawl_verification *found = NULL;
    pawl_store_info info = {PAWL_STORE_INFO};
    snprintf(url, sizeof url, "sqlite:%s", path);
    assert_ok(pawl_store_open(url, &(pawl_store_options){PAWL_STORE_OPTIONS, .must_exist = 1}, &copy, &err));
    assert_ok(pawl_store_get_info(copy, &info, &err));
    assert_ok(pawl_verify(copy, NULL, NULL, NULL, &found, &err));
    assert_ok(pawl_stats_read(copy, LANE, TARGET, &stats, &err));
    uint64_t count = pawl_stats_get(stats, 0)->pending;
    *is_restored = info.is_restored;
    pawl_stats_free(stats);
    pawl_verification_free(found);
    pawl_store_close(copy);
    return count;
}

struct busy_writer {
    struct world *w;
    unsigned calls;
};

static void write_more(void *data, int left, int total)
{
    struct busy_writer *writer = data;
    (void)left, (void)total;
    if (++writer->calls < 100) /* who begins anew with each commit would go on for as long */
        add(writer->w, MESSAGE("1", .key = NULL));
}

static void a_backup_beside_a_writer_is_one_snapshot(void **state)
{
    struct world *w = *state;
    struct busy_writer writer = {.w = w};
    bool is_restored = false;
    add_big(w, 20);
    assert_ok(pawl_store_backup(w->store, path_of(w, "copy.db"), write_more, &writer, &err));
    assert_true(writer.calls > 3);
    assert_true(writer.calls < 20); /* each page once */
    assert_int_equal(count_in(path_of(w, "copy.db"), &is_restored), 20);
    assert_true(is_restored);
    assert_int_equal(stats(w).pending, 20 + writer.calls);
    verify(w);
}

static void a_backup_is_for_nobody_else_and_leaves_nothing_beside_it(void **state)
{
    struct world *w = *state;
    struct stat facts;
    mode_t mask = umask(0);
    add(w, MESSAGE("1", .key = NULL));
    assert_ok(pawl_store_backup(w->store, path_of(w, "copy.db"), NULL, NULL, &err));
    umask(mask);
    assert_int_equal(stat(path_of(w, "copy.db"), &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    assert_false(exists(w, "copy.db-partial"));
    assert_false(exists(w, "copy.db-journal"));
}

static void see_partial(void *data, int left, int total)
{
    const char *partial = data;
    struct stat facts;
    (void)total;
    if (left == 0)
        return;
    assert_int_equal(stat(partial, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
}

/* What a group may read it may read in the backup, once that is whole. */
static void a_backup_has_mode_and_owner_of_the_database(void **state)
{
    struct world *w = *state;
    struct stat facts, copy;
    bool is_root = geteuid() == 0;
    mode_t mask = umask(077);
    add_big(w, 20);
    assert_int_equal(chmod(path_of(w, "store.db"), 0640), 0);
    if (is_root)
        assert_int_equal(chown(path_of(w, "store.db"), 65534, 65533), 0);
    assert_ok(pawl_store_backup(w->store, path_of(w, "copy.db"), see_partial, path_of(w, "copy.db-partial"), &err));
    umask(mask);
    assert_int_equal(stat(path_of(w, "store.db"), &facts), 0);
    assert_int_equal(stat(path_of(w, "copy.db"), &copy), 0);
    assert_int_equal(copy.st_mode & 07777, 0640);
    assert_int_equal(copy.st_uid, facts.st_uid);
    assert_int_equal(copy.st_gid, facts.st_gid);
}

/* By its name, by another one, by links, and the files that belong to it. */
static void a_backup_is_never_the_store_itself(void **state)
{
    struct world *w = *state;
    static const char *const own[] = {"store.db",     "./store.db",    "symlink.db",      "hardlink.db",
                                      "store.db-wal", "store.db-gate", "store.db-journal"};
    add(w, MESSAGE("1", .key = NULL));
    assert_int_equal(symlink("store.db", path_of(w, "symlink.db")), 0);
    assert_int_equal(link(path_of(w, "store.db"), path_of(w, "hardlink.db")), 0);
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        assert_status(pawl_store_backup(w->store, path_of(w, own[i]), NULL, NULL, &err), PAWL_EINVAL);
        assert_non_null(strstr(err.text, "the store itself"));
    }
    assert_int_equal(unlink(path_of(w, "hardlink.db")), 0);
    assert_false(exists(w, "store.db-journal"));
    assert_int_equal(stats(w).pending, 1);
    verify(w);
}

static void a_backup_goes_over_no_file_and_through_no_link(void **state)
{
    struct world *w = *state;
    static const char *const taken[] = {"file", "link", "dangling"};
    FILE *file = fopen(path_of(w, "file"), "w");
    assert_non_null(file);
    fputs("mine", file);
    fclose(file);
    assert_int_equal(symlink("file", path_of(w, "link")), 0);
    assert_int_equal(symlink("nowhere", path_of(w, "dangling")), 0);
    for (size_t i = 0; i < COUNT_OF(taken); i++)
        assert_status(pawl_store_backup(w->store, path_of(w, taken[i]), NULL, NULL, &err), PAWL_EREFUSED);
    assert_int_equal(symlink("nowhere", path_of(w, "copy.db-partial")), 0);
    assert_status(pawl_store_backup(w->store, path_of(w, "copy.db"), NULL, NULL, &err), PAWL_EREFUSED);
    assert_false(exists(w, "nowhere"));
    assert_false(exists(w, "copy.db"));
    struct stat facts;
    assert_int_equal(stat(path_of(w, "file"), &facts), 0);
    assert_int_equal(facts.st_size, 4);
    assert_status(pawl_store_backup(w->store, path_of(w, "no/such/copy.db"), NULL, NULL, &err), PAWL_EINVAL);
}

static void a_backup_that_fails_is_not_there(void **state)
{
    struct world *w = *state;
    struct rlimit was, small;
    add_big(w, 4);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = (struct rlimit){1 << 20, was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int status = pawl_store_backup(w->store, path_of(w, "copy.db"), NULL, NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_true(status == PAWL_EUNAVAIL || status == PAWL_EREFUSED);
    assert_false(exists(w, "copy.db"));
    assert_false(exists(w, "copy.db-partial"));
    assert_ok(
        pawl_store_backup(w->store, path_of(w, "copy.db"), NULL, NULL, &err)); /* the store is as well as before */
    add(w, MESSAGE("1", .key = NULL));
    verify(w);
}

/* Three open it before: one that writes, one that reads, and the one that adopts it. */
static void what_one_adopted_is_everybodys(void **state)
{
    LAW(F1);
    struct world *w = *state;
    char url[200];
    pawl_store *early, *reader, *operator;
    pawl_store_info info = {PAWL_STORE_INFO};
    add(w, MESSAGE("1", .key = NULL));
    assert_ok(pawl_store_backup(w->store, path_of(w, "copy.db"), NULL, NULL, &err));
    snprintf(url, sizeof url, "sqlite:%s", path_of(w, "copy.db"));
    assert_ok(pawl_store_open(url, NULL, &early, &err));
    assert_ok(pawl_store_open(url, &(pawl_store_options){PAWL_STORE_OPTIONS, .read_only = 1}, &reader, &err));
    assert_ok(pawl_store_open(url, NULL, &operator, & err));
    assert_status(pawl_enqueue(early, MESSAGE("2", .key = NULL), 1, NULL, &err), PAWL_EREFUSED);
    assert_ok(pawl_store_get_info(reader, &info, &err));
    assert_true(info.is_restored);
    assert_ok(pawl_store_adopt(operator, BECAUSE(1), &err));
    assert_ok(pawl_store_get_info(reader, &info, &err));
    assert_false(info.is_restored);
    assert_status(pawl_store_adopt(early, BECAUSE(2), &err), PAWL_EREFUSED);
    assert_ok(pawl_enqueue(early, MESSAGE("2", .key = NULL), 1, NULL, &err));
    assert_ok(pawl_enqueue(operator, MESSAGE("3", .key = NULL), 1, NULL, &err));
    pawl_store_close(operator);
    pawl_store_close(reader);
    pawl_store_close(early);
    assert_ok(pawl_store_open(url, NULL, &early, &err)); /* and it is anchored as it is now */
    assert_ok(pawl_store_get_info(early, &info, &err));
    assert_false(info.is_restored);
    pawl_store_close(early);
}

/* A program that leaves its transaction open keeps the log from being copied: the store says how much waits. */
static void a_reader_that_holds_the_log_back_is_told(void **state)
{
    struct world *w = *state;
    sqlite3 *foreign;
    pawl_store_info info = {PAWL_STORE_INFO};
    uint64_t size;
    assert_ok(pawl_store_get_info(w->store, &info, &err));
    assert_true(info.log_waiting <= info.log_size && info.log_waiting < PAWL_LOG_WAITING);
    assert_int_equal(sqlite3_open(path_of(w, "store.db"), &foreign), SQLITE_OK);
    assert_int_equal(sqlite3_exec(foreign, "BEGIN; SELECT * FROM store", NULL, NULL, NULL), SQLITE_OK);
    add_big(w, 80);
    assert_ok(pawl_store_get_info(w->store, &info, &err));
    assert_true(info.log_waiting > PAWL_LOG_WAITING);
    assert_true(info.log_size >= info.log_waiting);
    size = info.log_size;
    assert_int_equal(sqlite3_close(foreign), SQLITE_OK);
    for (unsigned i = 0; i < 3; i++) /* copied after one, begun anew with another */
        add(w, MESSAGE("1", .key = NULL));
    assert_ok(pawl_store_get_info(w->store, &info, &err));
    assert_true(info.log_waiting < PAWL_LOG_WAITING);
    assert_true(info.log_size < size); /* nor does its file stay as large as it was once */
}

/* What has the file open to read may have it open for hours. */
static void who_opens_or_closes_waits_for_no_reader(void **state)
{
    struct world *w = *state;
    sqlite3 *foreign;
    pawl_store *store;
    const pawl_store_options patient = {PAWL_STORE_OPTIONS, .busy_ms = 1000 * 3600};
    add(w, MESSAGE("1", .key = NULL));
    pawl_store_close(w->store);
    assert_int_equal(sqlite3_open(path_of(w, "store.db"), &foreign), SQLITE_OK);
    assert_int_equal(sqlite3_exec(foreign, "BEGIN; SELECT * FROM store", NULL, NULL, NULL), SQLITE_OK);
    alarm(60); /* who waits is ended by it */
    for (unsigned i = 0; i < 2; i++) {
        assert_ok(pawl_store_open(w->url, &patient, &store, &err));
        assert_ok(pawl_enqueue(store, MESSAGE("1", .key = NULL), 1, NULL, &err));
        pawl_store_close(store);
    }
    alarm(0);
    assert_int_equal(sqlite3_close(foreign), SQLITE_OK);
    assert_ok(pawl_store_open(w->url, NULL, &w->store, &err));
    assert_int_equal(stats(w).pending, 3);
    verify(w);
}

#define BACKUP(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BACKUP(a_backup_beside_a_writer_is_one_snapshot),
        BACKUP(a_backup_is_for_nobody_else_and_leaves_nothing_beside_it),
        BACKUP(a_backup_has_mode_and_owner_of_the_database),
        BACKUP(a_backup_is_never_the_store_itself),
        BACKUP(a_backup_goes_over_no_file_and_through_no_link),
        BACKUP(a_backup_that_fails_is_not_there),
        BACKUP(what_one_adopted_is_everybodys),
        BACKUP(a_reader_that_holds_the_log_back_is_told),
        BACKUP(who_opens_or_closes_waits_for_no_reader),
    };
    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
