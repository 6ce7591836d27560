/* SPDX-License-Identifier: MIT */
/* A law: after a call that failed, descriptors and locks are what they were before it. A lock that is kept on the way out
 * of a failure stalls everybody else, one that is lost lets two write. */
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "conformance.h"
#include "failing.h"

static const struct kind file_store = {"sqlite", "sqlite:%s/store.db", true, false};

/* ---- what a process has open ---- */

#define KEPT_MAX 400

/* A line for each descriptor, and for each lock of its description. */
struct kept {
    char lines[KEPT_MAX][200];
    size_t count;
};

static void keep(struct kept *kept, const char *what, const char *detail)
{
    assert_true(kept->count < KEPT_MAX);
    snprintf(kept->lines[kept->count++], sizeof kept->lines[0], "%.100s %.90s", what, detail);
}

static void keep_locks(struct kept *kept, const char *descriptor, const char *file)
{
    char path[300], line[200];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%.20s", descriptor);
    FILE *info = fopen(path, "r");
    if (!info)
        return; /* of the folder that is being read */
    while (fgets(line, sizeof line, info))
        if (strncmp(line, "lock:", 5) == 0)
            keep(kept, file, strchr(line + 5, ':'));
    fclose(info);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static struct kept look(void)
{
    static struct kept kept;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    kept.count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[300], file[160] = "";
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(folder))
            continue;
        snprintf(path, sizeof path, "/proc/self/fd/%.20s", entry->d_name);
        ssize_t size = readlink(path, file, sizeof file - 1);
        assert_true(size > 0);
        keep(&kept, file, "");
        keep_locks(&kept, entry->d_name, file);
    }
    closedir(folder);
    qsort(kept.lines, kept.count, sizeof kept.lines[0], by_text);
    return kept;
}

static void same_as(const struct kept *before, const char *what)
{
    struct kept after = look();
    for (size_t i = 0; i < before->count && i < after.count; i++)
        if (strcmp(before->lines[i], after.lines[i]) != 0)
            fail_msg("after %s: \"%s\" where \"%s\" was", what, after.lines[i], before->lines[i]);
    if (before->count != after.count)
        fail_msg("after %s: %zu descriptors and locks, before it %zu", what, after.count, before->count);
}

/* ---- calls on an open store ---- */

/* In real time, and with what is opened at the first use: readers, their shared memory. */
static int open_store(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        return -1;
    open_world(w, &file_store, 1);
    pawl_store_close(w->store);
    assert_ok(pawl_store_open(w->url, &(pawl_store_options){PAWL_STORE_OPTIONS, .busy_ms = 5}, &w->store, &err));
    add(w, MESSAGE("1", .key = NULL));
    stats(w);
    *state = w;
    return 0;
}

static int close_store(void **state)
{
    close_world(*state);
    free(*state);
    return 0;
}

typedef int call_of_a_store(struct world *w);

static int enqueue(struct world *w)
{
    return try_add(w, MESSAGE("2", .key = NULL));
}

static int commit(struct world *w)
{
    pawl_transition *t = pawl_transition_new(w->store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "t"});
    int status = pawl_transition_commit(t, NULL, &err);
    pawl_transition_free(t);
    return status;
}

static int take(struct world *w)
{
    pawl_messages *messages = NULL;
    int status = pawl_claim(w->store, CLAIM(.limit = 1), &messages, &err);
    pawl_messages_free(messages);
    return status;
}

static int wait_and_take(struct world *w)
{
    pawl_messages *messages = NULL;
    int status = pawl_claim(w->store, CLAIM(.limit = 1, .wait_ms = 1), &messages, &err);
    pawl_messages_free(messages);
    return status;
}

static int pause_lane(struct world *w)
{
    pawl_subject subject = {PAWL_SUBJECT, .lane = LANE};
    return pawl_hold_set(w->store, &subject, "paused", 0,
                         &(pawl_operation){PAWL_OPERATION, .reason = "test", .actor = "ops"}, &err);
}

static int count_all(struct world *w)
{
    pawl_stats *found = NULL;
    int status = pawl_stats_read(w->store, NULL, NULL, &found, &err);
    pawl_stats_free(found);
    return status;
}

static int wait_for_record(struct world *w)
{
    return pawl_journal_wait(w->store, 100, 1, &err);
}

static int back_up(struct world *w)
{
    char path[200];
    snprintf(path, sizeof path, "%s/missing/copy.db", w->folder);
    return pawl_store_backup(w->store, path, NULL, NULL, &err);
}

static const struct {
    const char *name;
    call_of_a_store *run;
    bool writes;
} calls[] = {{"enqueue", enqueue, true},
             {"commit", commit, true},
             {"claim", take, true},
             {"waiting claim", wait_and_take, true},
             {"pause", pause_lane, true},
             {"stats", count_all, false},
             {"wait", wait_for_record, false},
             {"backup", back_up, false}};

/* Somebody who passes no turnstile has SQLite's own lock: BEGIN fails while the write byte is held. */
static void a_begin_that_fails_keeps_no_lock(void **state)
{
    struct world *w = *state;
    sqlite3 *foreign;
    assert_int_equal(sqlite3_open(w->file, &foreign), SQLITE_OK);
    assert_int_equal(sqlite3_exec(foreign, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct kept before = look();
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        if (calls[i].writes) {
            assert_status(calls[i].run(w), PAWL_EBUSY);
            same_as(&before, calls[i].name);
        }
    sqlite3_close(foreign);
}

/* Each call of each kind on the store fails. */
static void a_call_that_fails_keeps_nothing(void **state)
{
    struct world *w = *state;
    static const enum store_result results[] = {STORE_BUSY, STORE_UNAVAILABLE, STORE_NO_MEMORY, STORE_CORRUPT};
    struct store *filter = put_filter(w->store);
    struct kept before = look();
    unsigned failed = 0;
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        for (size_t j = 0; j < COUNT_OF(results); j++)
            for (uint64_t nth = 1; nth < 20; nth++) {
                struct fault fault = {.call = FAULT_ANY, .nth = nth, .times = 1, .result = results[j]};
                pawli_fault_set(filter, &fault);
                int status = calls[i].run(w);
                uint64_t hits = pawli_fault_hits(filter);
                pawli_fault_set(filter, NULL);
                failed += status < 0;
                same_as(&before, calls[i].name);
                if (hits == 0)
                    break;
            }
    assert_true(failed > 50);
}

/* ---- opening and closing ---- */

static void write_file(const struct world *w, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", w->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void make_sub_folder(const struct world *w, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", w->folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void what_is_closed_keeps_nothing(void **state)
{
    struct world *w = *state;
    pawl_store_close(w->store);
    w->store = NULL;
    struct kept before = look();
    for (unsigned read_only = 0; read_only < 2; read_only++) {
        pawl_store *store;
        assert_ok(
            pawl_store_open(w->url, &(pawl_store_options){PAWL_STORE_OPTIONS, .read_only = read_only}, &store, &err));
        w->store = store;
        stats(w);
        if (!read_only)
            add(w, MESSAGE("2", .key = NULL));
        assert_ok(pawl_store_start(store, &err));
        pawl_store_close(store);
        w->store = NULL;
        same_as(&before, read_only ? "closing one that read" : "closing");
    }
}

static void an_opening_that_fails_keeps_nothing(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name, *folder; /* the folder is in the way */
        pawl_store_options options;
    } openings[] = {{"missing/store.db", NULL, {PAWL_STORE_OPTIONS}},
                    {"none.db", NULL, {PAWL_STORE_OPTIONS, .must_exist = 1}},
                    {"none.db", NULL, {PAWL_STORE_OPTIONS, .read_only = 1}},
                    {"garbage.db", NULL, {PAWL_STORE_OPTIONS}},
                    {"garbage.db", NULL, {PAWL_STORE_OPTIONS, .read_only = 1}},
                    {"a.db", "a.db", {PAWL_STORE_OPTIONS}},
                    {"b.db", "b.db-gate", {PAWL_STORE_OPTIONS}},
                    {"c.db", "c.db-bell", {PAWL_STORE_OPTIONS}},
                    {"d.db", "d.db-wal", {PAWL_STORE_OPTIONS}},
                    {"e.db", "e.db-anchor", {PAWL_STORE_OPTIONS}}};
    write_file(w, "garbage.db",
               "this is no database, though it is longer than the header of one would be: 100 bytes, "
               "and then some more of them");
    struct kept before = look();
    for (size_t i = 0; i < COUNT_OF(openings); i++) {
        pawl_store *store = NULL;
        char url[200];
        if (openings[i].folder)
            make_sub_folder(w, openings[i].folder);
        snprintf(url, sizeof url, "sqlite:%s/%s", w->folder, openings[i].name);
        assert_true(pawl_store_open(url, &openings[i].options, &store, &err) < 0);
        same_as(&before, openings[i].name);
    }
}

static unsigned long every = 1;

/* Whichever allocation of an opening fails, or one of so many; those of SQLite itself too. */
static void an_opening_without_memory_keeps_nothing(void **state)
{
    struct world *w = *state;
    pawl_store_close(w->store);
    w->store = NULL;
    struct kept before = look();
    unsigned failed = 0;
    for (unsigned read_only = 0; read_only < 2; read_only++)
        for (unsigned long nth = 1;; nth += every) {
            pawl_store *store = NULL;
            pawl_store_options options = {PAWL_STORE_OPTIONS, .read_only = read_only};
            fail_allocation(nth);
            int status = pawl_store_open(w->url, &options, &store, &err);
            bool reached = stop_failing();
            pawl_store_close(store);
            failed += status < 0;
            same_as(&before, "an opening without memory");
            if (!reached)
                break;
        }
    assert_true(failed > 20);
}

#define KEPT(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)

int main(int count, char **arguments)
{
    if (count == 3 && strcmp(arguments[1], "--every") == 0)
        every = strtoul(arguments[2], NULL, 10);
    if (every == 0 || (count != 1 && count != 3))
        return fprintf(stderr, "usage: %s [--every N]\n", arguments[0]), 2;
    const struct CMUnitTest tests[] = {
        KEPT(a_begin_that_fails_keeps_no_lock),
        KEPT(a_call_that_fails_keeps_nothing),
        KEPT(what_is_closed_keeps_nothing),
        KEPT(an_opening_that_fails_keeps_nothing),
        KEPT(an_opening_without_memory_keeps_nothing),
    };
    return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
