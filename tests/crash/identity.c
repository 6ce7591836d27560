/* SPDX-License-Identifier: MIT */
/* A store is its files, where they were and as they were left: what is removed, replaced, moved, cut or written over under an
 * open handle, or behind everybody's back, is noticed before anything is acknowledged. Real files, real processes. LAW(J1) LAW(F1) */
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/base.h"
#include "support.h"

#include "commit/handle.h"
#include "pawl/operator.h"
#include "store/sqlite/guard.h"

static pawl_error err;

struct home {
    char folder[64], url[128];
    pawl_store *store;
};

/* Whether it is in the database of another program, which has tables of its own there. */
static bool is_into;

static int beside_others(void **state)
{
    (void)state;
    is_into = true;
    return 0;
}

static int in_its_own_file(void **state)
{
    (void)state;
    is_into = false;
    return 0;
}

static void make_others_tables(const char *path)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix"), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "CREATE TABLE message (a); CREATE TABLE t (b); INSERT INTO t VALUES (1)", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void set_up(struct home *at)
{
    *at = (struct home){0};
    char path[96];
    make_folder(at->folder);
    snprintf(path, sizeof path, "%s/s.db", at->folder);
    if (is_into)
        make_others_tables(path);
    snprintf(at->url, sizeof at->url, "sqlite:%s%s", path, is_into ? "?into=1" : "");
    assert_ok(pawl_store_open(at->url, NULL, &at->store, &err));
}

static void tear_down(struct home *at)
{
    pawl_store_close(at->store);
    remove_folder(at->folder);
}

static const char *path_of(const struct home *at, const char *suffix)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/s.db%s", at->folder, suffix);
    return path;
}

static int enqueue(const struct home *at)
{
    pawl_enqueued result;
    return pawl_enqueue(at->store, &(pawl_message){PAWL_MESSAGE, .lane = "l", .target = "t"}, 1, &result, &err);
}

static unsigned pending(const struct home *at)
{
    pawl_stats *stats = NULL;
    assert_ok(pawl_stats_read(at->store, "l", "t", &stats, &err));
    unsigned count = pawl_stats_count(stats) ? (unsigned)pawl_stats_get(stats, 0)->pending : 0;
    pawl_stats_free(stats);
    return count;
}

static void shell(const struct home *at, const char *command)
{
    char whole[512];
    snprintf(whole, sizeof whole, "cd '%s' && %s", at->folder, command);
    assert_int_equal(system(whole), 0);
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* ---- what other processes do ---- */

/* Reads with an SQLite of its own and leaves, as the last one if it may believe so. */
static int read_it(const char *path)
{
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix");
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, "SELECT count(*) FROM message", NULL, NULL, NULL);
    sqlite3_close(db);
    return code == SQLITE_OK ? 0 : 1;
}

/* Whether anybody holds what keeps others from believing that they are the last. */
static int look_for_locks(const char *path)
{
    static const struct {
        const char *suffix;
        off_t first, count;
    } rows[] = {{"", 0x40000000, 512}, {"-shm", 120, 9}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char name[200];
        struct flock lock = {.l_type = F_WRLCK, .l_start = rows[i].first, .l_len = rows[i].count};
        snprintf(name, sizeof name, "%s%s", path, rows[i].suffix);
        int fd = open(name, O_RDWR | O_CLOEXEC);
        if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0)
            return 2;
        if (lock.l_type != F_UNLCK)
            return 0;
    }
    return 1;
}

static int open_it(const char *path)
{
    char url[200];
    pawl_store *store = NULL;
    snprintf(url, sizeof url, "sqlite:%s", path);
    int status = pawl_store_open(url, &(pawl_store_options){PAWL_STORE_OPTIONS, .busy_ms = 50}, &store, &err);
    pawl_store_close(store);
    return -status;
}

/* Ends as if it were killed, and leaves a child that does nothing until standard input ends. */
static int leave_a_child(const char *path)
{
    char url[200], byte;
    pawl_store *store = NULL;
    snprintf(url, sizeof url, "sqlite:%s", path);
    int ends[2];
    if (pawl_store_open(url, NULL, &store, &err) < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return 1;
    pid_t pid = fork();
    if (pid == 0) {
        bool lives = write(ends[1], "", 1) == 1;
        while (lives && read(STDIN_FILENO, &byte, 1) > 0)
            ;
        _exit(0);
    }
    _exit(pid < 0 || read(ends[0], &byte, 1) != 1); /* no sooner than the child is one */
}

static const struct {
    const char *name;
    int (*run)(const char *path);
} others[] = {{"read", read_it}, {"look", look_for_locks}, {"open", open_it}, {"leave", leave_a_child}};

static int in_another_process(const char *what, const char *path)
{
    int how;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execl("/proc/self/exe", "identity", what, path, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFEXITED(how));
    return WEXITSTATUS(how);
}

/* ---- under an open handle ---- */

static const struct hurt {
    const char *name, *command;
} hurts[] = {
    {"the database is removed", "rm s.db"},
    {"everything is removed", "rm s.db*"},
    {"everything is removed and the database made anew", "rm s.db* && touch s.db"},
    {"the database is moved away", "mv s.db t.db"},
    {"the database is replaced by a copy", "cp s.db c.db && mv c.db s.db"},
    {"the database gets a second name", "ln s.db t.db"},
    {"the log is removed", "rm s.db-wal"},
    {"the log is replaced", "cp s.db-wal c && mv c s.db-wal"},
    {"the index of the log is removed", "rm s.db-shm"},
    {"the index of the log is cut", ": > s.db-shm"},
    {"the anchor is removed", "rm s.db-anchor"},
    {"the gate is removed", "rm s.db-gate"},
    {"the gate is made anew", "rm s.db-gate && touch s.db-gate"},
    {"the folder is moved", "mv \"$PWD\" \"$PWD.moved\" && mkdir \"$PWD\""},
};

static void nothing_is_acknowledged_when(void **state)
{
    const struct hurt *hurt = *state;
    struct home at;
    pawl_store_info info = {PAWL_STORE_INFO};
    pawl_messages *messages = NULL;
    char moved[96];
    unsigned before = open_descriptors();
    set_up(&at);
    assert_ok(enqueue(&at));
    assert_int_equal(pending(&at), 1);
    shell(&at, hurt->command);
    assert_status(enqueue(&at), PAWL_EIO);
    assert_non_null(strstr(err.text, "answers nothing more: its "));
    assert_true(err.hint[0] != '\0');
    assert_status(pawl_claim(at.store,
                             &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "l", .target = "t", .limit = 1},
                             &messages, &err),
                  PAWL_EIO);
    assert_status(pawl_store_get_info(at.store, &info, &err), PAWL_EIO);
    tear_down(&at);
    snprintf(moved, sizeof moved, "%s.moved", at.folder);
    remove_folder(moved);
    assert_int_equal(open_descriptors(), before);
}

static void it_is_said_before_the_first_answer(void **state)
{
    struct home at;
    (void)state;
    set_up(&at);
    assert_ok(enqueue(&at));
    shell(&at, "rm s.db");
    assert_status(enqueue(&at), PAWL_EIO);
    /* And nobody else of this process gets a handle on what is no longer there. */
    pawl_store *second = NULL;
    assert_status(pawl_store_open(at.url, NULL, &second, &err), PAWL_EIO);
    assert_null(second);
    pawl_store_close(at.store);
    at.store = NULL;
    shell(&at, "rm -f s.db*");
    assert_ok(pawl_store_open(at.url, NULL, &at.store, &err)); /* closed everywhere, it is a place like any other */
    assert_ok(enqueue(&at));
    tear_down(&at);
}

/* The look before a commit may come too early: the store is taken away between its beginning and its end. */
static char command_in_commit[256];
static unsigned looks_before; /* at the clock, by the call before it commits */
static const struct env_ops *real_ops;

static struct wall_time hurting_wall_now(struct env *env)
{
    if (command_in_commit[0] && looks_before-- == 0) {
        int ended = system(command_in_commit);
        command_in_commit[0] = '\0';
        assert_int_equal(ended, 0);
    }
    return real_ops->wall_now(env);
}

static void what_became_of_a_commit_into_files_that_were_taken_away_is_unknown(void **state)
{
    struct home at;
    struct env *env = NULL;
    struct env_ops ops;
    (void)state;
    set_up(&at);
    pawl_store_close(at.store);
    assert_ok(pawli_env_real(&env, &err));
    real_ops = env->ops;
    ops = *env->ops;
    ops.wall_now = hurting_wall_now;
    env->ops = &ops;
    assert_ok(pawli_open_in(env, at.url, NULL, &at.store, &err));
    assert_ok(enqueue(&at));
    snprintf(command_in_commit, sizeof command_in_commit, "rm %s", path_of(&at, ""));
    looks_before = 1; /* for the dates of the message */
    assert_status(enqueue(&at), PAWL_EUNCERTAIN);
    assert_int_equal(command_in_commit[0], '\0');
    assert_non_null(strstr(err.text, "removed"));
    assert_status(enqueue(&at), PAWL_EIO);
    pawl_store_close(at.store);
    at.store = NULL;
    env->ops = real_ops;
    env->ops->close(env);
    tear_down(&at);
}

/* ---- forks ---- */

/* A child that lives on keeps no lock of its parent, and may not close what is not its own. */
static void the_child_of_a_fork_holds_nothing(void **state)
{
    struct home at, own;
    int ends[2], how;
    char byte;
    (void)state;
    set_up(&at);
    assert_ok(enqueue(&at));
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[1]);
        set_up(&own); /* its descriptors get the numbers of those that were closed */
        pawl_store_close(at.store);
        bool good = enqueue(&own) == PAWL_OK;
        tear_down(&own);
        while (read(ends[0], &byte, 1) > 0)
            ;
        _exit(good ? 0 : 1);
    }
    close(ends[0]);
    assert_ok(enqueue(&at));
    pawl_store_close(at.store);
    assert_int_equal(in_another_process("look", path_of(&at, "")), 1); /* nobody holds anything */
    assert_ok(pawl_store_open(at.url, NULL, &at.store, &err));
    assert_ok(enqueue(&at));
    assert_int_equal(pending(&at), 3);
    close(ends[1]);
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    tear_down(&at);
}

static void who_was_killed_holds_nothing_though_a_child_lives(void **state)
{
    struct home at;
    int ends[2], input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    (void)state;
    set_up(&at);
    pawl_store_close(at.store);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    assert_int_equal(in_another_process("leave", path_of(&at, "")), 0);
    assert_int_equal(in_another_process("look", path_of(&at, "")), 1);
    assert_ok(pawl_store_open(at.url, NULL, &at.store, &err));
    assert_ok(enqueue(&at));
    close(ends[1]);
    if (input >= 0)
        dup2(input, STDIN_FILENO);
    close(input);
    tear_down(&at);
}

/* ---- locks ---- */

static void what_else_opens_and_closes_the_file_drops_no_lock(void **state)
{
    struct home at;
    struct stat before, after;
    (void)state;
    set_up(&at);
    assert_ok(enqueue(&at));
    static const char *const suffixes[] = {"", "-wal", "-shm", "-gate", "-anchor"};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++)
        close(open(path_of(&at, suffixes[i]), O_RDWR | O_CLOEXEC)); /* a copy, a hash */
    assert_int_equal(read_it(path_of(&at, "")), 0);
    assert_int_equal(stat(path_of(&at, "-wal"), &before), 0);
    assert_int_equal(in_another_process("read", path_of(&at, "")), 0);
    assert_int_equal(stat(path_of(&at, "-wal"), &after), 0);
    assert_true(before.st_ino == after.st_ino);
    assert_ok(enqueue(&at));
    assert_int_equal(pending(&at), 2);
    tear_down(&at);
}

static void the_locks_of_another_connection_in_this_process_outlive_a_handle(void **state)
{
    struct home at;
    sqlite3 *db = NULL;
    unsigned before = open_descriptors();
    (void)state;
    set_up(&at);
    assert_ok(enqueue(&at));
    assert_int_equal(sqlite3_open_v2(path_of(&at, ""), &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT count(*) FROM message", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 3; i++) { /* what is kept open for them does not add up */
        pawl_store_close(at.store);
        assert_ok(pawl_store_open(at.url, NULL, &at.store, &err));
        assert_ok(enqueue(&at));
    }
    unsigned held = open_descriptors();
    for (int i = 0; i < 3; i++) {
        pawl_store_close(at.store);
        assert_ok(pawl_store_open(at.url, NULL, &at.store, &err));
        assert_ok(enqueue(&at));
    }
    assert_int_equal(open_descriptors(), held);
    pawl_store_close(at.store);
    assert_int_equal(in_another_process("look", path_of(&at, "")), 0);
    sqlite3_close(db);
    assert_ok(pawl_store_open(at.url, NULL, &at.store, &err));
    tear_down(&at);
    assert_int_equal(open_descriptors(), before);
}

static void a_second_gate_makes_no_second_world(void **state)
{
    struct home at;
    (void)state;
    set_up(&at);
    assert_ok(enqueue(&at));
    assert_int_equal(in_another_process("open", path_of(&at, "")), 0);
    shell(&at, "rm s.db-gate");
    assert_int_equal(in_another_process("open", path_of(&at, "")), -PAWL_EBUSY);
    assert_int_equal(in_another_process("open", path_of(&at, "")), -PAWL_EBUSY); /* it has made a gate by now */
    pawl_store_close(at.store);
    at.store = NULL;
    assert_int_equal(in_another_process("open", path_of(&at, "")), 0);
    tear_down(&at);
}

static void a_database_that_was_replaced_is_not_opened_beside_the_old_one(void **state)
{
    struct home at;
    (void)state;
    set_up(&at);
    assert_ok(enqueue(&at));
    shell(&at, "cp s.db c.db && mv c.db s.db");
    assert_int_equal(in_another_process("open", path_of(&at, "")), -PAWL_EBUSY);
    tear_down(&at);
}

/* ---- behind everybody's back ---- */

/* Restored: what is there can be read, and nothing is written. */
static void assert_restored(struct home *at, unsigned count, const char *why)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    assert_ok(pawl_store_open(at->url, NULL, &at->store, &err));
    assert_ok(pawl_store_get_info(at->store, &info, &err));
    if (!info.is_restored || !strstr(info.restored_why, why))
        fail_msg("restored %d: \"%s\" does not say \"%s\"", info.is_restored, info.restored_why, why);
    assert_int_equal(pending(at), count);
    assert_status(enqueue(at), PAWL_EREFUSED);
    pawl_store_close(at->store);
    at->store = NULL;
}

static void adopt(struct home *at)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    assert_ok(pawl_store_open(at->url, NULL, &at->store, &err));
    assert_ok(pawl_store_adopt(at->store, &(pawl_operation){PAWL_OPERATION, .reason = "a test"}, &err));
    assert_ok(enqueue(at));
    pawl_store_close(at->store);
    assert_ok(pawl_store_open(at->url, NULL, &at->store, &err));
    assert_ok(pawl_store_get_info(at->store, &info, &err));
    assert_false(info.is_restored);
}

static void reopen(struct home *at)
{
    pawl_store_close(at->store);
    at->store = NULL;
    assert_ok(pawl_store_open(at->url, NULL, &at->store, &err));
}

/* Leaves the files as a kill at this moment would. */
static void kill_here(struct home *at)
{
    shell(at, "mkdir left && cp -a s.db s.db-* left");
    pawl_store_close(at->store);
    at->store = NULL;
    shell(at, "for f in left/*; do cat \"$f\" > \"$(basename \"$f\")\"; done; rm -r left");
}

static void an_older_copy_beside_the_log_of_today_is_not_mixed_with_it(void **state)
{
    const char *const *forget = *state;
    struct home at;
    set_up(&at);
    assert_ok(enqueue(&at));
    reopen(&at);
    shell(&at, "cp s.db copy");
    for (int i = 0; i < 5; i++)
        assert_ok(enqueue(&at));
    reopen(&at); /* a checkpoint: the log does not hold all that changed since */
    for (int i = 0; i < 5; i++)
        assert_ok(enqueue(&at));
    kill_here(&at);
    shell(&at, "cat copy > s.db");
    if (forget)
        shell(&at, *forget);
    assert_restored(&at, 1, forget ? "anchor" : "log");
    assert_int_equal(access(path_of(&at, "-wal-old"), F_OK), 0); /* it may be all that is left of something */
    assert_restored(&at, 1, forget ? "anchor" : "log");          /* and is so for everybody who comes later */
    adopt(&at);
    tear_down(&at);
}

static const char *const without_anchor = "rm s.db-anchor";

static void a_log_older_than_the_database_is_not_replayed(void **state)
{
    struct home at;
    (void)state;
    set_up(&at);
    assert_ok(enqueue(&at));
    shell(&at, "cp s.db-wal log");
    assert_ok(enqueue(&at));
    pawl_store_close(at.store);
    at.store = NULL;
    shell(&at, "cat log > s.db-wal");
    assert_restored(&at, 2, "log");
    assert_restored(&at, 2, "log"); /* though the database alone would look well */
    adopt(&at);
    tear_down(&at);
}

static void a_log_that_a_kill_left_is_replayed(void **state)
{
    struct home at;
    pawl_store_info info = {PAWL_STORE_INFO};
    (void)state;
    set_up(&at);
    for (unsigned i = 1; i <= 4; i++) {
        assert_ok(enqueue(&at));
        reopen(&at);
        assert_ok(enqueue(&at));
        kill_here(&at);
        assert_ok(pawl_store_open(at.url, NULL, &at.store, &err));
        assert_ok(pawl_store_get_info(at.store, &info, &err));
        if (info.is_restored)
            fail_msg("%s", info.restored_why);
        assert_int_equal(pending(&at), 2 * i);
    }
    tear_down(&at);
}

static void older_copies_of_all_files_written_over_them_are_recognised(void **state)
{
    struct home at;
    pawl_messages *messages = NULL;
    (void)state;
    set_up(&at);
    if (setxattr(at.folder, "user.test", "", 0, 0) < 0) {
        tear_down(&at);
        skip(); /* nothing can be kept beside a file here */
    }
    assert_ok(enqueue(&at));
    reopen(&at);
    pawl_store_close(at.store);
    shell(&at, "mkdir copy && cp s.db* copy");
    assert_ok(pawl_store_open(at.url, NULL, &at.store, &err));
    assert_ok(pawl_claim(at.store, &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "l", .target = "t", .limit = 1},
                         &messages, &err));
    assert_int_equal(pawl_messages_count(messages), 1);
    pawl_messages_free(messages);
    pawl_store_close(at.store);
    shell(&at, "for f in copy/*; do cat \"$f\" > \"$(basename \"$f\")\"; done");
    assert_restored(&at, 1, "older copy");
    adopt(&at);
    tear_down(&at);
}

/* Who maps the index as the first of all begins it anew, and that is shorter than what somebody had mapped before. */
static void an_index_is_cut_only_while_somebody_here_has_it_mapped(void **state)
{
    (void)state;
    struct home at;
    set_up(&at);
    enqueue(&at);
    enum store_file what;
    struct database_file *file = pawli_database_find(path_of(&at, ""), &what);
    assert_non_null(file);
    struct mapped_index mapped = file->index;
    assert_true(mapped.maps > 0 && mapped.size > 0);
    assert_null(pawli_guard_look(file));
    struct stat facts;
    assert_int_equal(stat(path_of(&at, "-shm"), &facts), 0);
    pawli_guard_map(file, true, facts.st_size + 1);
    assert_string_equal(pawli_guard_look(file), "its -shm was cut");
    for (unsigned i = 0; i <= mapped.maps; i++)
        pawli_guard_unmap(file);
    assert_null(pawli_guard_look(file));
    for (unsigned i = 0; i < mapped.maps; i++)
        pawli_guard_map(file, true, mapped.size);
    assert_null(pawli_guard_look(file));
    tear_down(&at);
}

int main(int count, char **arguments)
{
    for (size_t i = 0; count == 3 && i < COUNT_OF(others); i++)
        if (strcmp(arguments[1], others[i].name) == 0)
            return others[i].run(arguments[2]);
    struct CMUnitTest tests[2 * (COUNT_OF(hurts) + 20)] = {0};
    static char names[COUNT_OF(tests)][120];
    size_t n = 0;
    for (; n < COUNT_OF(hurts); n++)
        tests[n] = (struct CMUnitTest){hurts[n].name, nothing_is_acknowledged_when, NULL, NULL,
                                       (void *)(uintptr_t)&hurts[n]};
    const struct CMUnitTest more[] = {
        cmocka_unit_test(it_is_said_before_the_first_answer),
        cmocka_unit_test(what_became_of_a_commit_into_files_that_were_taken_away_is_unknown),
        cmocka_unit_test(the_child_of_a_fork_holds_nothing),
        cmocka_unit_test(who_was_killed_holds_nothing_though_a_child_lives),
        cmocka_unit_test(what_else_opens_and_closes_the_file_drops_no_lock),
        cmocka_unit_test(the_locks_of_another_connection_in_this_process_outlive_a_handle),
        cmocka_unit_test(a_second_gate_makes_no_second_world),
        cmocka_unit_test(a_database_that_was_replaced_is_not_opened_beside_the_old_one),
        cmocka_unit_test(an_older_copy_beside_the_log_of_today_is_not_mixed_with_it),
        {"an older copy beside the log of today, without an anchor",
         an_older_copy_beside_the_log_of_today_is_not_mixed_with_it, NULL, NULL, (void *)(uintptr_t)&without_anchor},
        cmocka_unit_test(a_log_older_than_the_database_is_not_replayed),
        cmocka_unit_test(a_log_that_a_kill_left_is_replayed),
        cmocka_unit_test(older_copies_of_all_files_written_over_them_are_recognised),
        cmocka_unit_test(an_index_is_cut_only_while_somebody_here_has_it_mapped),
    };
    for (size_t i = 0; i < COUNT_OF(more); i++)
        tests[n++] = more[i];
    /* And all of it beside another program's tables: there nobody but the anchor knows where the row of the store is. */
    size_t own = n;
    for (size_t i = 0; i < own; i++) {
        tests[i].setup_func = in_its_own_file;
        if (tests[i].initial_state == (void *)(uintptr_t)&without_anchor)
            continue;
        tests[n] = tests[i];
        tests[n].setup_func = beside_others;
        snprintf(names[n], sizeof names[n], "beside others: %s", tests[i].name);
        tests[n].name = names[n];
        n++;
    }
    return _cmocka_run_group_tests("identity", tests, n, NULL, NULL);
}
