/* SPDX-License-Identifier: MIT */
/* What time does is found by index: a sweep, and a claim that looks for lost ones, read no more when more waits. What is
 * read is counted by SQLite, in steps of its machine: a row more is some steps more. */
#include <sqlite3.h>

#include "conformance.h"

static const struct kind file_store = {"sqlite", "sqlite:%s/store.db", true, false};
static int64_t steps;

static int count_steps(unsigned what, void *data, void *statement, void *time)
{
    (void)what, (void)data, (void)time;
    steps += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
    return 0;
}

static int count_in(sqlite3 *db, char **text, const sqlite3_api_routines *api)
{
    (void)text, (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, count_steps, NULL);
}

/* Some of every way to wait: new, with a key, blocked behind one, with a date of its own, failed once, and ended. */
static void fill(struct world *w, unsigned thousands)
{
    pawl_message messages[1000];
    pawl_enqueued results[1000];
    for (int i = 0; i < 1000; i++)
        messages[i] = *MESSAGE("1", .priority = (uint32_t)i % 9 + 1,
                               .key = i % 4   ? NULL
                                      : i % 8 ? "a"
                                              : "b",
                               .expires_in_ms = i % 5 ? 0 : 3600000, .delay_ms = i % 7 ? 0 : 600000);
    for (unsigned i = 0; i < thousands; i++) {
        assert_ok(pawl_enqueue(w->store, messages, COUNT_OF(messages), results, &err));
        pawl_messages *claimed = claim(w, CLAIM(.limit = 100));
        for (size_t j = 0; j < pawl_messages_count(claimed); j++) {
            const pawl_message_view *view = pawl_messages_get(claimed, j);
            struct held held = {view->id, view->token, 0, 0};
            settle(w, j % 2 ? SETTLE(held, DELIVERED) : SETTLE(held, RETRY, .retry_in_ms = 900000));
        }
        pawl_messages_free(claimed);
        pawli_sim_advance_ms(w->env, 10);
    }
}

static int64_t steps_of_sweep(struct world *w)
{
    steps = 0;
    pawl_swept swept = sweep(w);
    assert_int_equal(swept.expired + swept.purged + swept.suspected, 0);
    return steps;
}

static void a_sweep_reads_no_more_when_more_waits(void **state)
{
    (void)state;
    LAW(C1);
    struct world w;
    open_world(&w, &file_store, 1);
    set_lane(&w, "keep_ms", "86400000");
    fill(&w, 2);
    steps_of_sweep(&w); /* prepares its statements */
    int64_t few = steps_of_sweep(&w);
    fill(&w, 8);
    int64_t many = steps_of_sweep(&w);
    assert_in_range(few, 100, 5000); /* some rows: fewer than 1000 */
    assert_in_range(many, few / 2, few + few / 10);
    pawli_sim_advance_ms(w.env, 3600000);
    assert_true(sweep(&w).expired > 1000);
    pawli_sim_advance_ms(w.env, 7 * 86400000LL);
    assert_true(sweep(&w).expired > 5000);
    assert_int_equal(stats(&w).pending, 0);
    verify(&w);
    close_world(&w);
}

/* Only while the clock is behind where it was, and until all was looked at. */
static void dates_are_mended_once(void **state)
{
    (void)state;
    LAW(C1);
    struct world w;
    open_world(&w, &file_store, 1);
    int64_t now = now_ms(&w);
    fill(&w, 2);
    pawli_sim_set_wall_ms(w.env, now + 40 * 86400000LL);
    pawl_uuid id = add(&w, MESSAGE("1")).id;
    pawli_sim_set_wall_ms(w.env, now + 60000);
    steps = 0;
    sweep(&w);
    int64_t all = steps;
    int64_t few = steps_of_sweep(&w);
    assert_true(all > 10 * few);
    claim_one(&w, CLAIM(.id = id));
    verify(&w);
    close_world(&w);
}

/* Claims so many of LANE, whose leases end at once; then what a claim of another queue costs, which has a claim of its own. */
static int64_t steps_of_claim(struct world *w, unsigned others)
{
    pawl_message messages[1000];
    pawl_enqueued results[1000];
    for (int i = 0; i < 1000; i++)
        messages[i] = *MESSAGE("1");
    const pawl_message other = {PAWL_MESSAGE, .lane = "other", .target = TARGET, .data = "1", .data_size = 1};
    pawl_claim_options options = *CLAIM(.limit = 1, .lease_ms = 3600000);
    options.lane = "other";
    assert_ok(pawl_enqueue(w->store, messages, others, results, &err));
    pawl_messages_free(claim(w, CLAIM(.limit = others, .lease_ms = 1000)));
    for (int i = 0; i < 3; i++)
        assert_ok(pawl_enqueue(w->store, &other, 1, results, &err));
    pawl_messages_free(claim(w, &options));
    pawli_sim_advance_ms(w->env, 1000);
    steps = 0;
    pawl_messages_free(claim(w, &options));
    return steps;
}

static void a_claim_looks_for_lost_ones_of_its_queue(void **state)
{
    (void)state;
    LAW(O4);
    struct world w;
    open_world(&w, &file_store, 1);
    steps_of_claim(&w, 1);
    int64_t few = steps_of_claim(&w, 10), many = steps_of_claim(&w, 1000);
    assert_in_range(many, few / 2, few + few / 10);
    pawl_messages *retaken = claim(&w,
                                   CLAIM(.limit = 1000)); /* its own are taken up by the next claim, without a sweep */
    assert_int_equal(pawl_messages_count(retaken), 1000);
    pawl_messages_free(retaken);
    verify(&w);
    close_world(&w);
}

/* Queues of one message each, `from` to `to`; then what it costs to say why one of LANE waits, and to list and count those of it. */
static int64_t steps_of_looks(struct world *w, int from, int to)
{
    char target[32];
    pawl_uuid id = add(w, MESSAGE("1")).id;
    pawl_messages *messages;
    pawl_stats *queues;
    pawl_why *why;
    for (int i = from; i < to; i++) {
        pawl_enqueued result;
        snprintf(target, sizeof target, "t%d", i);
        const pawl_message other = {PAWL_MESSAGE, .lane = "other", .target = target, .data = "1", .data_size = 1};
        assert_ok(pawl_enqueue(w->store, &other, 1, &result, &err));
    }
    id = add(w, MESSAGE("1")).id;
    steps = 0;
    assert_ok(pawl_why_message(w->store, &id, &why, &err));
    pawl_why_free(why);
    assert_ok(pawl_stats_read(w->store, LANE, TARGET, &queues, &err));
    assert_int_equal(pawl_stats_count(queues), 1);
    pawl_stats_free(queues);
    const pawl_messages_query query = {PAWL_MESSAGES_QUERY, .lane = LANE, .state = "pending", .limit = 10};
    assert_ok(pawl_messages_list(w->store, &query, &messages, &err));
    pawl_messages_free(messages);
    return steps;
}

static void one_queue_is_looked_at_alone(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, &file_store, 1);
    steps_of_looks(&w, 0, 1);
    int64_t few = steps_of_looks(&w, 1, 10), many = steps_of_looks(&w, 10, 500);
    assert_in_range(many, few / 2, few + few / 5);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sweep_reads_no_more_when_more_waits),
        cmocka_unit_test(dates_are_mended_once),
        cmocka_unit_test(a_claim_looks_for_lost_ones_of_its_queue),
        cmocka_unit_test(one_queue_is_looked_at_alone),
    };
    sqlite3_auto_extension((void (*)(void))count_in);
    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
