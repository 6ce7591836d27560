/* SPDX-License-Identifier: MIT */
/* Handles that only read: they write nothing, make nothing, and need nobody's permission to write. And what the URL of a
 * store may say. */
#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "conformance.h"

static const struct kind file_store = {"sqlite", "sqlite:%s/store.db", true, false};
static const pawl_store_options reads = {PAWL_STORE_OPTIONS, .read_only = 1};

/* A store with a message, closed; in real time. */
struct closed {
    struct world w;
    pawl_store *store; /* one that writes, where a case has opened it */
};

static int make_place(void **state)
{
    struct closed *p = calloc(1, sizeof *p);
    if (!p)
        return -1;
    open_world(&p->w, &file_store, 1);
    pawl_store_close(p->w.store); /* the simulated world has no gate that others see */
    assert_ok(pawl_store_open(p->w.url, NULL, &p->w.store, &err));
    add(&p->w, MESSAGE("1", .key = NULL));
    pawl_store_close(p->w.store);
    p->w.store = NULL;
    *state = p;
    return 0;
}

static int leave_place(void **state)
{
    struct closed *p = *state;
    chmod(p->w.folder, 0700);
    pawl_store_close(p->store);
    close_world(&p->w);
    free(p);
    return 0;
}

static unsigned count_files(const struct closed *p)
{
    unsigned count = 0;
    DIR *folder = opendir(p->w.folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static char *path_of(const struct closed *p, const char *suffix)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/store.db%s", p->w.folder, suffix);
    return path;
}

static char *url_of(const struct closed *p, const char *options)
{
    static char url[200];
    snprintf(url, sizeof url, "%s%s", p->w.url, options);
    return url;
}

static uint64_t pending(pawl_store *store)
{
    pawl_stats *found;
    assert_ok(pawl_stats_read(store, LANE, TARGET, &found, &err));
    uint64_t count = pawl_stats_count(found) ? pawl_stats_get(found, 0)->pending : 0;
    pawl_stats_free(found);
    return count;
}

static void check_whole(pawl_store *store)
{
    pawl_verification *found = NULL;
    assert_ok(pawl_verify(store, NULL, NULL, NULL, &found, &err));
    pawl_verification_free(found);
}

static pawl_transition *transition(pawl_store *store)
{
    return pawl_transition_new(store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "t"});
}

static void done(void *data, int status, const pawl_enqueued *results, size_t count, const pawl_error *error)
{
    (void)data, (void)status, (void)results, (void)count, (void)error;
    fail_msg("a call that was refused was answered");
}

static void refuse_every_write(pawl_store *store)
{
    const pawl_operation *op = BECAUSE(7);
    pawl_uuid id = make_id(1);
    pawl_messages *messages = NULL;
    pawl_worker *worker;
    pawl_join *join;
    pawl_moved moved = {.struct_size = sizeof moved};
    pawl_settlement settlement = {PAWL_SETTLEMENT, .id = id, .token = 1};
    pawl_settled settled;
    pawl_subject subject = {PAWL_SUBJECT, .lane = LANE};
    pawl_setting setting = {"max_attempts", "3"};
    pawl_transition *t = transition(store);
    const int answers[] = {
        pawl_enqueue(store, MESSAGE("1", .key = NULL), 1, NULL, &err),
        pawl_enqueue_submit(store, MESSAGE("1", .key = NULL), 1, done, NULL, &err),
        pawl_claim(store, CLAIM(.limit = 1), &messages, &err),
        pawl_claim(store, CLAIM(.limit = 0), &messages, &err),
        pawl_settle(store, &settlement, 1, &settled, &err),
        pawl_sweep(store, NULL, &err),
        pawl_transition_commit(t, NULL, &err),
        pawl_message_cancel(store, &id, op, &moved, &err),
        pawl_message_requeue(store, &id, op, &moved, &err),
        pawl_message_purge(store, &id, op, &moved, &err),
        pawl_message_resolve(store, &id, PAWL_VERDICT_DEAD, op, &moved, &err),
        pawl_lane_set(store, LANE, &setting, 1, op, &err),
        pawl_target_add(store, TARGET, "http://localhost/", NULL, NULL, 0, op, &err),
        pawl_target_remove(store, TARGET, op, &err),
        pawl_hold_set(store, &subject, "paused", 0, op, &err),
        pawl_hold_release(store, &subject, "paused", op, &err),
        pawl_worker_new(store, NULL, &worker, &err),
        pawl_join_attach(store, &setting, &join, &err), /* refused before it is looked at */
    };
    pawl_transition_free(t);
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        if (answers[i] != PAWL_EREFUSED)
            fail_msg("call %zu answered %d", i, answers[i]);
    assert_status(pawl_store_adopt(store, op, &err), PAWL_EREFUSED);
}

static void a_read_only_handle_refuses_every_write(void **state)
{
    LAW(O3);
    struct closed *p = *state;
    unsigned files = count_files(p);
    struct stat before, after;
    assert_int_equal(stat(path_of(p, ""), &before), 0);
    for (unsigned i = 0; i < 2; i++) {
        pawl_store *store;
        assert_ok(pawl_store_open(url_of(p, i ? "?mode=ro" : ""), i ? NULL : &reads, &store, &err));
        refuse_every_write(store);
        assert_int_equal(pending(store), 1);
        check_whole(store);
        pawl_store_close(store);
    }
    assert_int_equal(count_files(p), files);
    assert_int_equal(stat(path_of(p, ""), &after), 0);
    assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    assert_int_equal(stat(path_of(p, "-wal"), &after), 0);
    assert_int_equal(after.st_size, 0);
}

static void a_read_only_handle_makes_no_file(void **state)
{
    struct closed *p = *state;
    static const char *const beside[] = {"-wal", "-shm", "-gate", "-bell", "-anchor"};
    pawl_store *store;
    for (size_t i = 0; i < COUNT_OF(beside); i++)
        assert_int_equal(unlink(path_of(p, beside[i])), 0);
    assert_ok(pawl_store_open(p->w.url, &reads, &store, &err)); /* a copy: all that there is is the database */
    assert_int_equal(pending(store), 1);
    check_whole(store);
    pawl_store_info info = {PAWL_STORE_INFO};
    assert_ok(pawl_store_get_info(store, &info, &err));
    assert_true(info.is_restored);
    assert_int_equal(count_files(p), 1);
    pawl_store_close(store);
    assert_int_equal(count_files(p), 1);
    assert_int_equal(unlink(path_of(p, "")), 0);
    assert_status(pawl_store_open(p->w.url, &reads, &store, &err), PAWL_ENOTFOUND);
    assert_status(pawl_store_open(url_of(p, "?mode=ro"), NULL, &store, &err), PAWL_ENOTFOUND);
    assert_status(pawl_store_open(url_of(p, "?mode=rw"), NULL, &store, &err), PAWL_ENOTFOUND);
    assert_int_equal(count_files(p), 0);
}

/* It has no lock against those who write: then what it read may be no snapshot any more. */
static void what_is_read_as_it_is_answers_no_more_once_somebody_writes(void **state)
{
    struct closed *p = *state;
    pawl_store *store;
    pawl_stats *found;
    assert_int_equal(unlink(path_of(p, "-shm")), 0);
    assert_int_equal(unlink(path_of(p, "-wal")), 0);
    assert_ok(pawl_store_open(p->w.url, &reads, &store, &err));
    assert_int_equal(pending(store), 1);
    assert_ok(pawl_store_open(p->w.url, NULL, &p->store, &err));
    assert_ok(pawl_enqueue(p->store, MESSAGE("2", .key = NULL), 1, NULL, &err));
    assert_status(pawl_stats_read(store, LANE, TARGET, &found, &err), PAWL_EUNAVAIL);
    pawl_store_close(store);
    assert_ok(pawl_store_open(p->w.url, &reads, &store, &err));
    assert_int_equal(pending(store), 2);
    pawl_store_close(store);
}

static void a_read_only_handle_sees_what_others_commit(void **state)
{
    struct closed *p = *state;
    pawl_store *early, *late;
    assert_ok(pawl_store_open(p->w.url, &reads, &early, &err));
    assert_ok(pawl_store_open(p->w.url, NULL, &p->store, &err));
    assert_ok(pawl_store_open(p->w.url, &reads, &late, &err));
    for (unsigned i = 2; i <= 5; i++) {
        assert_ok(pawl_enqueue(p->store, MESSAGE("2", .key = NULL), 1, NULL, &err));
        assert_int_equal(pending(early), i);
        assert_int_equal(pending(late), i);
    }
    pawl_store_close(p->store); /* the last one that writes copies its log, beside those who read */
    p->store = NULL;
    assert_int_equal(pending(early), 5);
    pawl_store_close(early);
    pawl_store_close(late);
}

static void leave_a_log(const struct closed *p)
{
    pid_t pid = fork();
    if (pid == 0) {
        pawl_store *store;
        bool good = pawl_store_open(p->w.url, NULL, &store, NULL) == PAWL_OK &&
                    pawl_enqueue(store, MESSAGE("2", .key = NULL), 1, NULL, NULL) == PAWL_OK;
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void a_log_that_was_left_is_for_a_writer_to_recover(void **state)
{
    LAW(J1, F1);
    struct closed *p = *state;
    pawl_store *store;
    leave_a_log(p);
    assert_status(pawl_store_open(p->w.url, &reads, &store, &err), PAWL_EUNAVAIL);
    assert_non_null(strstr(err.hint, "recovery needs a writer"));
    assert_ok(pawl_store_open(p->w.url, NULL, &p->store, &err));
    assert_ok(pawl_store_open(p->w.url, &reads, &store, &err));
    assert_int_equal(pending(store), 2);
    pawl_store_close(store);
}

/* As somebody who may not write, which the superuser is never. */
static int look_as_nobody(const struct closed *p)
{
    pawl_store *store;
    pawl_stats *found;
    pawl_verification *verification;
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return 1;
    if (access(path_of(p, ""), W_OK) == 0 || access(p->w.folder, W_OK) == 0)
        return 2;
    if (pawl_store_open(p->w.url, &reads, &store, NULL) < 0)
        return 3;
    if (pawl_verify(store, NULL, NULL, NULL, &verification, NULL) < 0)
        return 4;
    if (pawl_stats_read(store, LANE, TARGET, &found, NULL) < 0 || pawl_stats_get(found, 0)->pending != 1)
        return 5;
    pawl_store_close(store);
    return 0;
}

static void to_read_takes_no_permission_to_write(void **state)
{
    struct closed *p = *state;
    static const char *const files[] = {"", "-wal", "-shm", "-gate", "-bell", "-anchor"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        assert_int_equal(chmod(path_of(p, files[i]), 0444), 0);
    assert_int_equal(chmod(p->w.folder, 0555), 0);
    for (unsigned alone = 0; alone < 2; alone++) { /* with all of the store's files, and with the database only */
        if (alone) {
            assert_int_equal(chmod(p->w.folder, 0755), 0);
            for (size_t i = 1; i < COUNT_OF(files); i++)
                assert_int_equal(unlink(path_of(p, files[i])), 0);
            assert_int_equal(chmod(p->w.folder, 0555), 0);
        }
        pid_t pid = fork();
        if (pid == 0)
            _exit(look_as_nobody(p));
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

static void an_option_that_is_unknown_is_refused_by_name(void **state)
{
    struct closed *p = *state;
    static const struct {
        const char *options, *says;
    } wrong[] = {{"?mode=rx", "mode"},
                 {"?mode=", "mode"},
                 {"?mode", "mode"},
                 {"?cache=shared", "cache"},
                 {"?immutable=1", "immutable"},
                 {"?mode=ro&x", "x"},
                 {"?mode=ro&mode=rwc", "mode"},
                 {"?checkpoint_frames=0", "checkpoint_frames"}};
    unsigned files = count_files(p);
    pawl_store *store;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_status(pawl_store_open(url_of(p, wrong[i].options), NULL, &store, &err), PAWL_EINVAL);
        assert_non_null(strstr(err.text, wrong[i].says));
    }
    assert_int_equal(count_files(p), files);
    assert_ok(pawl_store_open(url_of(p, "?mode=rwc&checkpoint_frames=100"), NULL, &p->store, &err));
}

static void slashes_are_read_as_sqlite_reads_them(void **state)
{
    struct closed *p = *state;
    char url[220];
    pawl_store *store;
    snprintf(url, sizeof url, "sqlite://%s", path_of(p, ""));
    assert_ok(pawl_store_open(url, &reads, &store, &err)); /* three of them */
    assert_int_equal(pending(store), 1);
    pawl_store_close(store);
    assert_status(pawl_store_open("sqlite://pawl-no-such.db", NULL, &store, &err), PAWL_EINVAL);
    assert_non_null(strstr(err.hint, "sqlite:FILE"));
    assert_status(pawl_store_open("sqlite://", NULL, &store, &err), PAWL_EINVAL);
    assert_true(access("/pawl-no-such.db", F_OK) != 0);
}

#define READING(test) cmocka_unit_test_setup_teardown(test, make_place, leave_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        READING(a_read_only_handle_refuses_every_write),
        READING(a_read_only_handle_makes_no_file),
        READING(what_is_read_as_it_is_answers_no_more_once_somebody_writes),
        READING(a_read_only_handle_sees_what_others_commit),
        READING(a_log_that_was_left_is_for_a_writer_to_recover),
        READING(to_read_takes_no_permission_to_write),
        READING(an_option_that_is_unknown_is_refused_by_name),
        READING(slashes_are_read_as_sqlite_reads_them),
    };
    return cmocka_run_group_tests_name("read-only", tests, NULL, NULL);
}
