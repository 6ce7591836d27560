/* SPDX-License-Identifier: MIT */
/* A caller's own SQLite transaction, in which transitions and messages are written: they are there when it commits and were
 * never there when it does not; what is refused leaves the rest of it alone. */
#include <sys/resource.h>

#include "conformance.h"
#include "database.h"

/* A program with a table of its own in the file of a store. */
struct program {
    struct world w;
    sqlite3 *db;
    pawl_join *join;
};

static int64_t count_rows(struct program *p)
{
    return ask_sql(p->db, "SELECT count(*) FROM stock");
}

static int open_program(void **state)
{
    struct program *p = calloc(1, sizeof *p);
    if (!p)
        return -1;
    open_world(&p->w, *state, 1);
    assert_int_equal(sqlite3_open(p->w.file, &p->db), SQLITE_OK);
    assert_ok(pawl_join_attach(p->w.store, p->db, &p->join, &err));
    run_sql(p->db, "CREATE TABLE stock (item TEXT)");
    *state = p;
    return 0;
}

static int close_program(void **state)
{
    struct program *p = *state;
    pawl_join_detach(p->join);
    assert_int_equal(sqlite3_close(p->db), SQLITE_OK);
    close_world(&p->w);
    free(p);
    return 0;
}

static int join_message(struct program *p, const pawl_message *message, pawl_enqueued *result)
{
    return pawl_join_enqueue(p->join, message, 1, result, &err);
}

static pawl_transition *order(struct program *p, unsigned id, const char *command, const char *message)
{
    pawl_transition *t = pawl_transition_new(
        p->w.store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "order", .request_id = make_id(id)});
    assert_non_null(t);
    pawl_transition_command(t, command, strlen(command));
    if (message)
        pawl_transition_message(t, MESSAGE(message, .dedupe = "K"));
    return t;
}

static int append(struct program *p, pawl_transition *t, pawl_receipt **ret_promise)
{
    int status = pawl_join_append(p->join, t, ret_promise, &err);
    pawl_transition_free(t);
    return status;
}

static int is_recorded(struct program *p, unsigned id)
{
    pawl_uuid request_id = make_id(id);
    return pawl_record_exists(p->w.store, &request_id, &err);
}

/* What others watch to know whether anything changed. */
static uint64_t commits(struct program *p)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    assert_ok(pawl_store_get_info(p->w.store, &info, &err));
    return info.commits;
}

static void the_commit_number_tells_of_what_was_written(void **state)
{
    struct program *p = *state;
    pawl_enqueued enqueued;
    add(&p->w, MESSAGE("1", .dedupe = "K"));
    uint64_t before = commits(p);
    run_sql(p->db, "BEGIN IMMEDIATE");
    assert_status(join_message(p, MESSAGE("2", .dedupe = "K"), &enqueued), PAWL_ECONFLICT);
    run_sql(p->db, "COMMIT; BEGIN IMMEDIATE");
    assert_ok(join_message(p, MESSAGE("1", .dedupe = "J"), &enqueued));
    run_sql(p->db, "ROLLBACK");
    assert_int_equal(commits(p), before);
    run_sql(p->db, "BEGIN IMMEDIATE");
    assert_ok(join_message(p, MESSAGE("1", .dedupe = "J"), &enqueued));
    run_sql(p->db, "COMMIT");
    assert_int_equal(commits(p), before + 1);
}

static void a15_what_was_joined_is_there_after_the_commit(void **state)
{
    LAW(J2);
    struct program *p = *state;
    pawl_enqueued enqueued;
    pawl_receipt *promise;
    run_sql(p->db, "BEGIN IMMEDIATE; INSERT INTO stock VALUES ('one')");
    assert_ok(join_message(p, MESSAGE("1", .dedupe = "J"), &enqueued));
    assert_ok(append(p, order(p, 1, "{}", "m"), &promise));
    assert_int_equal(stats(&p->w).pending, 0); /* nobody else sees it yet */
    assert_int_equal(is_recorded(p, 1), 0);
    run_sql(p->db, "COMMIT");
    assert_int_equal(count_rows(p), 1);
    assert_int_equal(stats(&p->w).pending, 2);
    assert_int_equal(is_recorded(p, 1), 1);
    pawl_records *records;
    assert_ok(pawl_record_get(p->w.store, NULL, pawl_receipt_seq(promise), &records, &err)); /* as it was promised */
    assert_memory_equal(pawl_records_get(records, 0)->digest, pawl_receipt_digest(promise), 32);
    assert_id(pawl_records_get(records, 0)->messages[0], pawl_receipt_message(promise, 0));
    pawl_records_free(records);
    assert_id(claim_one(&p->w, CLAIM()).id, enqueued.id);
    assert_id(claim_one(&p->w, CLAIM()).id, pawl_receipt_message(promise, 0));
    pawl_receipt_free(promise);
    verify(&p->w);
}

static void a15_what_was_rolled_back_never_was(void **state)
{
    LAW(J2, J3);
    struct program *p = *state;
    pawl_enqueued enqueued;
    pawl_receipt *receipt;
    pawl_transition *t = order(p, 1, "{}", "m");
    run_sql(p->db, "BEGIN IMMEDIATE; INSERT INTO stock VALUES ('one')");
    assert_ok(join_message(p, MESSAGE("1", .dedupe = "J"), &enqueued));
    assert_ok(pawl_join_append(p->join, t, NULL, &err));
    run_sql(p->db, "ROLLBACK");
    assert_int_equal(count_rows(p), 0);
    assert_int_equal(stats(&p->w).pending, 0);
    assert_int_equal(is_recorded(p, 1), 0);
    pawl_messages *messages;
    assert_status(pawl_message_get(p->w.store, &enqueued.id, &messages, &err), PAWL_ENOTFOUND);
    assert_false(add(&p->w, MESSAGE("other", .dedupe = "J")).was_replayed); /* J was not bound */
    assert_ok(pawl_transition_commit(t, &receipt, &err));                   /* the same one, in a commit of its own */
    assert_false(pawl_receipt_was_replayed(receipt));
    assert_int_equal(pawl_receipt_seq(receipt), 1); /* no gap */
    pawl_receipt_free(receipt);
    pawl_transition_free(t);
    assert_int_equal(stats(&p->w).pending, 2);
    verify(&p->w);
}

static void a14_a_conflict_leaves_the_transaction_usable(void **state)
{
    LAW(J1, J2);
    struct program *p = *state;
    pawl_enqueued enqueued;
    add(&p->w, MESSAGE("1", .dedupe = "K"));
    run_sql(p->db, "BEGIN IMMEDIATE; INSERT INTO stock VALUES ('one')");
    assert_ok(join_message(p, MESSAGE("before", .dedupe = "A"), &enqueued));
    pawl_message two[] = {*MESSAGE("new", .dedupe = "B"), *MESSAGE("2", .dedupe = "K")};
    pawl_enqueued results[2];
    assert_status(pawl_join_enqueue(p->join, two, 2, results, &err), PAWL_ECONFLICT);
    assert_status(append(p, order(p, 1, "{}", "2"), NULL), PAWL_ECONFLICT); /* K again, in a transition */
    assert_status(join_message(p, MESSAGE("x", .key = ""), &enqueued), PAWL_EINVAL);
    assert_ok(append(p, order(p, 1, "{}", NULL), NULL));
    assert_status(append(p, order(p, 1, "[]", NULL), NULL), PAWL_ECONFLICT); /* with what is not committed yet */
    run_sql(p->db, "INSERT INTO stock VALUES ('two'); COMMIT");
    assert_int_equal(count_rows(p), 2);
    assert_int_equal(stats(&p->w).pending, 2); /* K and A */
    assert_false(add(&p->w, MESSAGE("other", .dedupe = "B")).was_replayed);
    pawl_records *records;
    assert_ok(pawl_record_get(p->w.store, NULL, 1, &records, &err));
    assert_bytes(pawl_records_get(records, 0)->data, pawl_records_get(records, 0)->data_size, "{}");
    pawl_records_free(records);
    verify(&p->w);
}

/* Both are about what this opening does by itself: it refuses, and counts what it committed. */
static void a138_a_full_disk_refuses_what_is_joined_and_nothing_joined_is_counted(void **state)
{
    struct program *p = *state;
    pawl_enqueued enqueued;
    pawl_metrics *metrics;
    assert_ok(pawl_metrics_start(p->w.store, &err));
    run_sql(p->db, "BEGIN IMMEDIATE; INSERT INTO stock VALUES ('one')");
    assert_ok(join_message(p, MESSAGE("1", .dedupe = "J"), &enqueued));
    pawli_sim_set_room(p->w.env, 1000, 40);
    pawli_sim_advance_ms(p->w.env, 1000);
    assert_status(join_message(p, MESSAGE("2", .key = NULL), &enqueued), PAWL_EREFUSED);
    assert_non_null(strstr(err.text, "96 %"));
    assert_ok(join_message(p, MESSAGE("1", .dedupe = "J"), &enqueued));
    assert_true(enqueued.was_replayed);
    run_sql(p->db, "COMMIT");
    assert_int_equal(count_rows(p), 1);
    assert_int_equal(stats(&p->w).pending, 1);
    assert_ok(pawl_metrics_read(p->w.store, &metrics, &err));
    assert_null(pawl_metrics_get_count(metrics, 0));
    pawl_metrics_free(metrics);
    verify(&p->w);
}

static void a14_what_is_there_already_is_answered_as_ever(void **state)
{
    LAW(J1);
    struct program *p = *state;
    pawl_enqueued stored = add(&p->w, MESSAGE("1", .dedupe = "K")), enqueued;
    pawl_receipt *first, *again;
    pawl_transition *t = order(p, 1, "{}", NULL);
    assert_ok(pawl_transition_commit(t, &first, &err));
    pawl_transition_free(t);
    run_sql(p->db, "BEGIN IMMEDIATE");
    assert_ok(join_message(p, MESSAGE("1", .dedupe = "K"), &enqueued));
    assert_true(enqueued.was_replayed);
    assert_id(enqueued.id, stored.id);
    assert_ok(append(p, order(p, 1, "{}", NULL), &again));
    assert_true(pawl_receipt_was_replayed(again));
    assert_memory_equal(pawl_receipt_digest(again), pawl_receipt_digest(first), 32);
    run_sql(p->db, "COMMIT");
    assert_int_equal(stats(&p->w).pending, 1);
    pawl_receipt_free(first);
    pawl_receipt_free(again);
    verify(&p->w);
}

/* Joined ones and others by turns: each sees the other's, and sequences have no gap. */
static void what_is_joined_and_what_is_not_make_one_journal(void **state)
{
    LAW(J3);
    struct program *p = *state;
    for (unsigned i = 1; i <= 9; i++) {
        pawl_transition *t = order(p, i, "{}", NULL);
        pawl_receipt *receipt;
        if (i % 3 == 0) {
            assert_ok(pawl_transition_commit(t, &receipt, &err));
        } else {
            run_sql(p->db, "BEGIN IMMEDIATE");
            assert_ok(pawl_join_append(p->join, t, NULL, &err));
            run_sql(p->db, i % 3 == 1 ? "COMMIT" : "ROLLBACK");
            assert_ok(pawl_transition_commit(t, &receipt, &err));
            assert_int_equal(pawl_receipt_was_replayed(receipt) != 0, i % 3 == 1);
        }
        assert_int_equal(pawl_receipt_seq(receipt), i);
        pawl_receipt_free(receipt);
        pawl_transition_free(t);
    }
    verify(&p->w);
}

/* One in this process, one in another: both are told by the bell. */
static bool rings(struct program *p, const char *end)
{
    struct store *store = p->w.store->opened->store;
    pawl_enqueued enqueued;
    uint64_t seen = pawli_store_news(store, NEWS_COMMIT);
    run_sql(p->db, "BEGIN IMMEDIATE; SAVEPOINT s");
    assert_ok(join_message(p, MESSAGE("1", .key = NULL), &enqueued));
    assert_int_equal(pawli_store_news(store, NEWS_COMMIT), seen); /* not before it can be seen */
    run_sql(p->db, end);
    return pawli_store_news(store, NEWS_COMMIT) != seen;
}

/* The number that a rollback takes back is the next commit's: had it rung, that one would wake nobody. */
static void who_waits_is_told_of_a_joined_commit_and_of_no_rollback(void **state)
{
    struct program *p = *state;
    struct store *store = p->w.store->opened->store;
    pawli_store_listen(store, true);
    assert_true(rings(p, "COMMIT"));
    assert_false(pawli_store_rang(store)); /* its own process was told already */
    assert_false(rings(p, "ROLLBACK"));
    assert_true(rings(p, "COMMIT"));
    assert_false(rings(p, "ROLLBACK TO s; INSERT INTO stock VALUES ('x'); COMMIT"));
    uint64_t seen = pawli_store_news(store, NEWS_COMMIT);
    add(&p->w, MESSAGE("1", .key = NULL));
    assert_true(pawli_store_news(store, NEWS_COMMIT) != seen);
    pawli_store_listen(store, false);
}

/* ---- who is woken ---- */

struct told {
    struct listener listener;
    struct program *p;
    unsigned count;
    uint64_t pending; /* what could be read when it was told */
    int64_t moment;   /* when a message arrived */
};

static void hear(struct listener *listener, const uint64_t *queues, size_t count)
{
    struct told *told = (struct told *)listener;
    (void)queues;
    assert_int_equal(count, 0);
    told->count++;
    told->pending = stats(&told->p->w).pending;
}

static unsigned times_told(struct told *told, const char *end)
{
    pawl_enqueued enqueued;
    unsigned before = told->count;
    run_sql(told->p->db, "BEGIN IMMEDIATE; SAVEPOINT s; INSERT INTO stock VALUES ('one')");
    assert_ok(join_message(told->p, MESSAGE("1", .key = NULL), &enqueued));
    assert_int_equal(told->count, before);
    run_sql(told->p->db, end);
    return told->count - before;
}

static void listeners_are_told_in_the_commit_and_can_read_it_then(void **state)
{
    struct program *p = *state;
    struct told told = {.listener = {.news = hear}, .p = p};
    pawli_committer_listen(&p->w.store->opened->committer, &told.listener);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(times_told(&told, "COMMIT"), 1);
        assert_int_equal(told.pending, i);
        assert_int_equal(times_told(&told, "ROLLBACK"), 0);
        assert_int_equal(times_told(&told, "ROLLBACK TO s; COMMIT"), 0);
        assert_ok(pawl_join_committed(p->join, &err)); /* all was said */
        assert_int_equal(told.count, i);
    }
    run_sql(p->db, "INSERT INTO stock VALUES ('two')"); /* nothing of pawl's */
    assert_int_equal(told.count, 3);
    pawli_committer_unlisten(&p->w.store->opened->committer, &told.listener);
}

static void note_moment(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    struct told *told = data;
    (void)message;
    outcome->verdict = PAWL_VERDICT_DELIVERED;
    told->moment = now_ms(&told->p->w);
}

static void turn_until_nothing_is_due(struct program *p)
{
    int64_t next_ms = 0;
    for (unsigned i = 0; i < 1000 && next_ms == 0; i++) {
        assert_ok(pawl_store_step(p->w.store, 0, &next_ms, &err));
        next_ms = pawli_sim_run_jobs(p->w.env) > 0 ? 0 : next_ms;
    }
}

/* The bell of a simulated world cannot be watched: only who is told does not come by a poll, later. */
static void a_joined_message_is_delivered_at_the_moment_of_its_commit(void **state)
{
    struct program *p = *state;
    struct told told = {.p = p};
    pawl_worker *worker;
    pawl_enqueued enqueued;
    assert_ok(pawl_target_add(p->w.store, TARGET, "callback:note", NULL, NULL, 0, BECAUSE(1), &err));
    assert_ok(
        pawl_worker_new(p->w.store, &(pawl_worker_options){PAWL_WORKER_OPTIONS, .consumer = "me"}, &worker, &err));
    assert_ok(pawl_worker_callback(worker, "note", note_moment, &told, &err));
    assert_ok(pawl_worker_start(worker, &err));
    turn_until_nothing_is_due(p);
    for (unsigned i = 0; i < 3; i++) {
        pawli_sim_advance_ms(p->w.env, 1); /* no poll is due */
        run_sql(p->db, "BEGIN IMMEDIATE");
        assert_ok(join_message(p, MESSAGE("1", .key = NULL), &enqueued));
        turn_until_nothing_is_due(p);
        run_sql(p->db, "COMMIT");
        turn_until_nothing_is_due(p);
        assert_int_equal(told.moment, now_ms(&p->w));
        assert_state(&p->w, enqueued.id, "delivered");
    }
    pawl_worker_stop(worker, 0);
    pawl_worker_free(worker);
    verify(&p->w);
}

/* ---- who follows the journal, or waits for a claim ---- */

struct ending {
    struct program *p;
    const char *sql;
};

static void append_and_end(void *data)
{
    struct ending *ending = data;
    pawl_transition *t = order(ending->p, 1, "{}", "m");
    run_sql(ending->p->db, "BEGIN IMMEDIATE; SAVEPOINT s");
    assert_ok(append(ending->p, t, NULL));
    run_sql(ending->p->db, ending->sql);
}

static void expect_waits(struct program *p, pawl_store *store, const char *sql, int64_t ms)
{
    struct ending ending = {p, sql};
    int64_t began = now_ms(&p->w);
    pawli_sim_meanwhile(p->w.env, 300, append_and_end, &ending);
    assert_int_equal(pawl_journal_wait(store, 0, 1000, &err), ms < 1000);
    assert_int_equal(now_ms(&p->w), began + ms);
}

static void a_joined_record_is_read_at_the_moment_of_its_commit(void **state)
{
    struct program *p = *state;
    expect_waits(p, p->w.store, "ROLLBACK", 1000);
    expect_waits(p, p->w.store, "ROLLBACK TO s; COMMIT", 1000);
    expect_waits(p, p->w.store, "COMMIT", 300);
}

static void a_joined_record_is_read_elsewhere_at_the_moment_of_its_commit(void **state)
{
    struct program *p = *state;
    pawl_store *other; /* another process for pawl */
    assert_ok(pawli_open_in(p->w.env, p->w.url, NULL, &other, &err));
    expect_waits(p, other, "ROLLBACK", 1000);
    expect_waits(p, other, "COMMIT", 300);
    pawl_store_close(other);
}

static void a_waiting_claim_gets_a_joined_message_at_the_moment_of_its_commit(void **state)
{
    struct program *p = *state;
    struct ending ending = {p, "COMMIT"};
    int64_t began = now_ms(&p->w);
    pawli_sim_meanwhile(p->w.env, 300, append_and_end, &ending);
    claim_one(&p->w, CLAIM(.wait_ms = 1000));
    assert_int_equal(now_ms(&p->w), began + 300);
}

/* The hooks are the program's: they run, and may say no. */
static int count_commit(void *data)
{
    return ++*(unsigned *)data > 1;
}

static void count_rollback(void *data)
{
    ++*(unsigned *)data;
}

static int count_log(void *data, sqlite3 *db, const char *name, int frames)
{
    (void)db, (void)name, (void)frames;
    ++*(unsigned *)data;
    return SQLITE_OK;
}

static void hooks_of_the_program_go_on_working(void **state)
{
    struct program *p = *state;
    struct told told = {.listener = {.news = hear}, .p = p};
    unsigned commits = 0, rollbacks = 0, logs = 0;
    pawl_enqueued enqueued;
    sqlite3_commit_hook(p->db, count_commit, &commits);
    sqlite3_rollback_hook(p->db, count_rollback, &rollbacks);
    sqlite3_wal_hook(p->db, count_log, &logs);
    pawli_committer_listen(&p->w.store->opened->committer, &told.listener);
    assert_int_equal(times_told(&told, "COMMIT"), 1);
    run_sql(p->db, "BEGIN IMMEDIATE");
    assert_ok(join_message(p, MESSAGE("no", .key = NULL), &enqueued));
    assert_int_equal(sqlite3_exec(p->db, "COMMIT", NULL, NULL, NULL), SQLITE_CONSTRAINT); /* the hook forbids it */
    assert_int_equal(told.count, 1);
    assert_int_equal(commits, 2);
    assert_int_equal(rollbacks, 1);
    assert_int_equal(logs, 1);
    pawli_committer_unlisten(&p->w.store->opened->committer, &told.listener);
    pawl_join_detach(p->join);
    assert_ptr_equal(sqlite3_commit_hook(p->db, NULL, NULL), &commits);
    assert_ptr_equal(sqlite3_rollback_hook(p->db, NULL, NULL), &rollbacks);
    assert_ptr_equal(sqlite3_wal_hook(p->db, NULL, NULL), &logs);
    assert_ok(pawl_join_attach(p->w.store, p->db, &p->join, &err));
    assert_int_equal(stats(&p->w).pending, 1);
}

/* The process has no descriptor left at the moment of the commit, so nothing can be read: nobody is told, nor told wrongly,
 * until the program says so. */
static void news_that_could_not_be_given_are_given_when_the_program_says_so(void **state)
{
    struct program *p = *state;
    struct store *store = p->w.store->opened->store;
    struct told told = {.listener = {.news = hear}, .p = p};
    struct reader *readers[8]; /* more than are kept for the next who reads */
    struct rlimit limit, none;
    pawl_enqueued enqueued;
    pawli_committer_listen(&p->w.store->opened->committer, &told.listener);
    run_sql(p->db, "BEGIN IMMEDIATE");
    assert_ok(join_message(p, MESSAGE("1", .key = NULL), &enqueued));
    assert_status(pawl_join_committed(p->join, &err), PAWL_EINVAL); /* not yet */
    for (size_t i = 0; i < COUNT_OF(readers); i++)
        assert_int_equal(pawli_store_reader(store, &readers[i], &err), STORE_OK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    run_sql(p->db, "COMMIT");
    int status = pawl_join_committed(p->join, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(status < 0);
    assert_true(status != PAWL_EINVAL);
    for (size_t i = 0; i < COUNT_OF(readers); i++)
        pawli_store_done(store, readers[i]);
    assert_int_equal(told.count, 0);
    uint64_t seen = pawli_store_news(store, NEWS_RECORD);
    assert_ok(pawl_join_committed(p->join, &err));
    assert_int_equal(told.count, 1);
    assert_int_equal(told.pending, 1);
    assert_true(pawli_store_news(store, NEWS_RECORD) != seen);
    assert_ok(pawl_join_committed(p->join, &err));
    assert_int_equal(told.count, 1);
    add(&p->w, MESSAGE("2", .key = NULL)); /* the turnstile was left */
    pawli_committer_unlisten(&p->w.store->opened->committer, &told.listener);
}

static void a_connection_is_attached_more_than_once(void **state)
{
    struct program *p = *state;
    pawl_join *second;
    pawl_store *other;
    pawl_enqueued enqueued;
    assert_ok(pawl_store_scope(p->w.store, "other", &other, &err));
    assert_ok(pawl_join_attach(other, p->db, &second, &err));
    run_sql(p->db, "BEGIN IMMEDIATE");
    assert_ok(join_message(p, MESSAGE("1", .key = NULL), &enqueued));
    assert_ok(pawl_join_enqueue(second, MESSAGE("1", .key = NULL), 1, &enqueued, &err));
    run_sql(p->db, "COMMIT");
    pawl_join_detach(second);
    pawl_store_close(other);
    run_sql(p->db, "BEGIN IMMEDIATE");
    assert_ok(join_message(p, MESSAGE("1", .key = NULL), &enqueued));
    run_sql(p->db, "COMMIT");
    assert_int_equal(stats(&p->w).pending, 2);
    assert_ok(pawl_store_open(p->w.url, NULL, &other, &err));
    assert_status(pawl_join_attach(other, p->db, &second, &err), PAWL_EINVAL);
    pawl_store_close(other);
}

/* Whatever ends a transaction of the program, the next of the store's own callers gets the lock. */
static void a_transaction_leaves_the_turnstile_however_it_ends(void **state)
{
    static const char *const ends[] = {"BEGIN IMMEDIATE; COMMIT",
                                       "BEGIN IMMEDIATE; ROLLBACK",
                                       "BEGIN; INSERT INTO stock VALUES ('x'); COMMIT",
                                       "INSERT INTO stock VALUES ('x')",
                                       "BEGIN; SELECT * FROM stock; COMMIT",
                                       "SAVEPOINT s; INSERT INTO stock VALUES ('x'); ROLLBACK TO s; RELEASE s",
                                       "PRAGMA wal_checkpoint(TRUNCATE)",
                                       "PRAGMA wal_checkpoint(RESTART)"};
    struct program *p = *state;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        run_sql(p->db, ends[i]);
        add(&p->w, MESSAGE("1", .key = NULL));
    }
    sqlite3_exec(p->db, "BEGIN IMMEDIATE; INSERT INTO nowhere VALUES (1)", NULL, NULL, NULL);
    run_sql(p->db, "ROLLBACK");
    add(&p->w, MESSAGE("1", .key = NULL));
    assert_int_equal(stats(&p->w).pending, COUNT_OF(ends) + 1);
}

/* One that does not pass the turnstile has SQLite's lock: the program is told busy in time, and keeps nothing. */
static void a_begin_that_is_refused_keeps_no_lock(void **state)
{
    struct program *p = *state;
    sqlite3 *foreign;
    pawl_store *store;
    pawl_join *join;
    pawl_join_detach(p->join);
    pawl_store_close(p->w.store); /* real time: who waits sleeps */
    assert_ok(pawl_store_open(p->w.url, &(pawl_store_options){PAWL_STORE_OPTIONS, .busy_ms = 50}, &store, &err));
    p->w.store = store;
    assert_ok(pawl_join_attach(store, p->db, &join, &err));
    p->join = join;
    assert_int_equal(sqlite3_open(p->w.file, &foreign), SQLITE_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sqlite3_exec(foreign, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_exec(p->db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_BUSY);
        assert_status(try_add(&p->w, MESSAGE("1", .key = NULL)), PAWL_EBUSY);
        assert_int_equal(sqlite3_exec(foreign, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
        add(&p->w, MESSAGE("1", .key = NULL));
        run_sql(p->db, "BEGIN IMMEDIATE; INSERT INTO stock VALUES ('x')");
        assert_status(try_add(&p->w, MESSAGE("1", .key = NULL)), PAWL_EBUSY);
        run_sql(p->db, "COMMIT");
    }
    assert_int_equal(stats(&p->w).pending, 3);
    assert_int_equal(sqlite3_close(foreign), SQLITE_OK);
}

/* Pending three times, and for ever: a promise is made, or none, and the rest of the transaction is as it was. */
static void what_is_pending_is_waited_for(void **state)
{
    static const enum fault_call calls[] = {FAULT_JOIN, FAULT_LOAD, FAULT_SAVE};
    struct program *p = *state;
    struct store *filter = put_filter(p->w.store);
    for (unsigned i = 0; i < COUNT_OF(calls); i++) {
        int64_t began = now_ms(&p->w);
        run_sql(p->db, "BEGIN IMMEDIATE; INSERT INTO stock VALUES ('lamp')");
        pawli_fault_set(filter, &(struct fault){calls[i], 1, 3, FAULT_BEFORE, STORE_PENDING});
        assert_ok(append(p, order(p, 2 * i, "{}", NULL), NULL));
        assert_int_equal(now_ms(&p->w) - began, 3 * FAULT_PENDING_MS);
        pawli_fault_set(filter, &(struct fault){calls[i], 1, 0, FAULT_BEFORE, STORE_PENDING});
        began = now_ms(&p->w);
        assert_status(append(p, order(p, 2 * i + 1, "{}", NULL), NULL), PAWL_EBUSY);
        assert_int_equal(now_ms(&p->w) - began, 30000);
        assert_int_equal(pawli_fault_calls(filter, FAULT_RESOLVE), 0); /* the caller's COMMIT is its own */
        pawli_fault_set(filter, NULL);
        run_sql(p->db, "COMMIT");
        assert_int_equal(is_recorded(p, 2 * i), 1);
        assert_int_equal(is_recorded(p, 2 * i + 1), 0);
        assert_int_equal(count_rows(p), i + 1);
    }
}

static void a_transaction_without_the_write_lock_is_refused(void **state)
{
    struct program *p = *state;
    pawl_enqueued enqueued;
    pawl_join *second;
    assert_status(join_message(p, MESSAGE("1", .key = NULL), &enqueued), PAWL_EINVAL);
    run_sql(p->db, "BEGIN");
    count_rows(p);
    assert_status(join_message(p, MESSAGE("1", .key = NULL), &enqueued), PAWL_EINVAL);
    assert_status(append(p, order(p, 1, "{}", NULL), NULL), PAWL_EINVAL);
    assert_status(pawl_join_attach(p->w.store, p->db, &second, &err), PAWL_EINVAL);
    run_sql(p->db, "COMMIT");
    assert_int_equal(stats(&p->w).pending, 0);
}

static void a188_stores_are_not_mixed(void **state)
{
    LAW(J2, T1);
    struct program *p = *state;
    struct world other;
    pawl_join *join;
    open_world(&other, p->w.kind, 2);
    assert_status(pawl_join_attach(other.store, p->db, &join, &err), PAWL_EINVAL);
    assert_non_null(strstr(err.text, other.file));
    assert_non_null(strstr(err.text, p->w.file));
    pawl_transition *theirs = pawl_transition_new(
        other.store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "order", .request_id = make_id(1)});
    run_sql(p->db, "BEGIN IMMEDIATE");
    assert_status(pawl_join_append(p->join, theirs, NULL, &err), PAWL_EINVAL);
    assert_non_null(strstr(err.text, other.file));
    assert_non_null(strstr(err.text, p->w.file));
    run_sql(p->db, "COMMIT");
    assert_int_equal(is_recorded(p, 1), 0);
    assert_ok(pawl_transition_commit(theirs, NULL, &err)); /* nothing happened to it */
    pawl_transition_free(theirs);
    verify(&p->w);
    verify(&other);
    close_world(&other);
}

#define JOINED(test)                                                                                                   \
    {                                                                                                                  \
#test, test                                                                                                    \
    }

int main(void)
{
    static const struct {
        const char *name;
        CMUnitTestFunction run;
    } cases[] = {
        JOINED(a15_what_was_joined_is_there_after_the_commit),
        JOINED(a15_what_was_rolled_back_never_was),
        JOINED(a14_a_conflict_leaves_the_transaction_usable),
        JOINED(a14_what_is_there_already_is_answered_as_ever),
        JOINED(a138_a_full_disk_refuses_what_is_joined_and_nothing_joined_is_counted),
        JOINED(the_commit_number_tells_of_what_was_written),
        JOINED(what_is_joined_and_what_is_not_make_one_journal),
        JOINED(who_waits_is_told_of_a_joined_commit_and_of_no_rollback),
        JOINED(listeners_are_told_in_the_commit_and_can_read_it_then),
        JOINED(a_joined_message_is_delivered_at_the_moment_of_its_commit),
        JOINED(a_joined_record_is_read_at_the_moment_of_its_commit),
        JOINED(a_joined_record_is_read_elsewhere_at_the_moment_of_its_commit),
        JOINED(a_waiting_claim_gets_a_joined_message_at_the_moment_of_its_commit),
        JOINED(hooks_of_the_program_go_on_working),
        JOINED(news_that_could_not_be_given_are_given_when_the_program_says_so),
        JOINED(a_connection_is_attached_more_than_once),
        JOINED(a_transaction_leaves_the_turnstile_however_it_ends),
        JOINED(a_begin_that_is_refused_keeps_no_lock),
        JOINED(what_is_pending_is_waited_for),
        JOINED(a_transaction_without_the_write_lock_is_refused),
        JOINED(a188_stores_are_not_mixed),
    };
    struct CMUnitTest tests[2 * COUNT_OF(cases)];
    char names[2 * COUNT_OF(cases)][96];
    size_t count = 0;
    for (size_t i = 0; i < kind_count; i++)
        for (size_t j = 0; kinds[i].is_durable && j < COUNT_OF(cases); j++, count++) {
            snprintf(names[count], sizeof names[count], "%s: %s", kinds[i].name, cases[j].name);
            tests[count] = (struct CMUnitTest){names[count], cases[j].run, open_program, close_program,
                                               (void *)&kinds[i]};
        }
    return _cmocka_run_group_tests("join", tests, count, NULL, NULL);
}
