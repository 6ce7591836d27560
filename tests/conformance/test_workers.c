/* SPDX-License-Identifier: MIT */
/* Who works: what workers tell the store of themselves, what is shown of it, and what is made of it where a message waits. */
#include <sqlite3.h>

#include "conformance.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MS    (24 * 60 * MINUTE_MS)

static void deliver(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)data, (void)message, (void)outcome;
}

static unsigned told;

static void tell(void *data, const pawl_worker_event *event)
{
    (void)data;
    told += strcmp(event->name, "register_failed") == 0;
}

/* All that is due now. */
static void work_on(struct world *w)
{
    int64_t next_ms = 0;
    for (int i = 0; next_ms == 0; i++) {
        assert_true(i < 1000);
        assert_ok(pawl_store_step(w->store, 0, &next_ms, &err));
        if (pawli_sim_run_jobs(w->env) > 0)
            next_ms = 0;
    }
}

/* Time passes, second by second. */
static void work_for(struct world *w, int64_t ms)
{
    for (; ms > 0; ms -= 1000) {
        pawli_sim_advance_ms(w->env, ms < 1000 ? ms : 1000);
        work_on(w);
    }
}

static pawl_worker *start(struct world *w, const char *consumer, const char *lane)
{
    pawl_worker *worker;
    const pawl_worker_options options = {PAWL_WORKER_OPTIONS, .consumer = consumer, .lanes = &lane,
                                         .lane_count = lane != NULL, .tell = tell};
    assert_ok(pawl_worker_new(w->store, &options, &worker, &err));
    assert_ok(pawl_worker_callback(worker, "deliver", deliver, NULL, &err));
    assert_ok(pawl_worker_start(worker, &err));
    work_on(w);
    return worker;
}

static void stop(struct world *w, pawl_worker *worker)
{
    work_on(w); /* what others began, too: in stop nobody runs their jobs */
    pawl_worker_stop(worker, 0);
    pawl_worker_free(worker);
}

static pawl_workers *list(struct world *w, const char *scope, size_t count)
{
    pawl_workers *workers;
    assert_ok(pawl_workers_list(w->store, scope, &workers, &err));
    assert_int_equal(pawl_workers_count(workers), count);
    return workers;
}

static uint64_t commits(struct world *w)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    assert_ok(pawl_store_get_info(w->store, &info, &err));
    return info.commits;
}

/* The text of the reason "unserved" of a message; absent: "". */
static const char *unserved(struct world *w, pawl_uuid id, char text[512], int64_t *since_ms)
{
    pawl_why *why;
    text[0] = '\0';
    *since_ms = 0;
    assert_ok(pawl_why_message(w->store, &id, &why, &err));
    for (size_t i = 0; i < pawl_why_count(why); i++) {
        const pawl_reason *reason = pawl_why_get(why, i);
        if (strcmp(reason->code, "unserved") != 0)
            continue;
        snprintf(text, 512, "%s", reason->text);
        *since_ms = reason->since_ms;
    }
    pawl_why_free(why);
    return text;
}

/* ---- what is shown ---- */

static void who_works_is_seen_from_start_to_stop(struct world *w)
{
    int64_t began = now_ms(w);
    pawl_workers_free(list(w, NULL, 0));
    pawl_worker *worker = start(w, "me", "email");
    pawl_workers *workers = list(w, NULL, 1);
    const pawl_worker_view *view = pawl_workers_get(workers, 0);
    assert_string_equal(view->consumer, "me");
    assert_string_equal(view->scope, "default");
    assert_int_equal(view->lane_count, 1);
    assert_string_equal(view->lanes[0], "email");
    assert_int_equal(view->sink_count, 7);
    assert_string_equal(view->sinks[0], "http");
    assert_string_equal(view->sinks[4], "nats");
    assert_string_equal(view->sinks[6], "callback:deliver");
    assert_int_equal(view->pid, getpid());
    assert_int_equal(view->since_ms, began);
    assert_int_equal(view->last_seen_ms, began);
    assert_int_equal(view->stopped_ms, 0);
    assert_true(view->is_alive);
    assert_false(view->is_by_hand);
    assert_null(pawl_workers_get(workers, 1));
    pawl_workers_free(workers);
    pawli_sim_advance_ms(w->env, 5000);
    stop(w, worker);
    workers = list(w, "default", 1);
    view = pawl_workers_get(workers, 0);
    assert_false(view->is_alive);
    assert_int_equal(view->since_ms, began);
    assert_int_equal(view->stopped_ms, began + 5000);
    pawl_workers_free(workers);
    pawl_workers_free(list(w, "other", 0));
    assert_status(pawl_workers_list(w->store, "no name", &workers, &err), PAWL_EINVAL);
    verify(w);
}

static void it_is_told_once_a_minute(struct world *w)
{
    int64_t began = now_ms(w);
    pawl_worker *worker = start(w, "me", NULL);
    uint64_t before = commits(w);
    work_for(w, MINUTE_MS - 1);
    assert_int_equal(commits(w), before); /* what has nothing to do writes nothing */
    work_for(w, 1);
    pawl_workers *workers = list(w, NULL, 1);
    assert_int_equal(pawl_workers_get(workers, 0)->last_seen_ms, began + MINUTE_MS);
    assert_int_equal(pawl_workers_get(workers, 0)->since_ms, began);
    pawl_workers_free(workers);
    work_for(w, 59 * MINUTE_MS);
    assert_int_equal(commits(w), before + 60);
    stop(w, worker);
}

static void claim_some(struct world *w, const char *consumer, unsigned count, int64_t lease_ms)
{
    pawl_messages *messages = claim(w, CLAIM(.consumer = consumer, .limit = count, .lease_ms = lease_ms));
    assert_int_equal(pawl_messages_count(messages), count);
    pawl_messages_free(messages);
}

/* More than a page of them. */
static void claims_are_counted_by_who_has_them(struct world *w)
{
    static pawl_message messages[2600];
    int64_t began = now_ms(w);
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        messages[i] = *MESSAGE("1", .key = NULL);
    assert_ok(pawl_enqueue(w->store, messages, COUNT_OF(messages), NULL, &err));
    add(w, &(pawl_message){PAWL_MESSAGE, .lane = "sms", .target = TARGET});
    claim_some(w, "bob", 1500, 3600000);
    pawli_sim_advance_ms(w->env, 1000);
    claim_some(w, "ann", 1000, 3600000);
    claim_some(w, "gone", 1, 1000);
    struct held sms = claim_one(w, &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "sms", .target = TARGET,
                                                         .consumer = "bob", .lease_ms = 3600000, .limit = 1});
    pawli_sim_advance_ms(w->env, 2000);
    pawl_workers *workers = list(w, NULL, 2); /* a claim that ended is nobody's */
    const pawl_worker_view *ann = pawl_workers_get(workers, 0), *bob = pawl_workers_get(workers, 1);
    assert_string_equal(ann->consumer, "ann");
    assert_int_equal(ann->claims, 1000);
    assert_int_equal(ann->lane_count, 1);
    assert_string_equal(bob->consumer, "bob");
    assert_int_equal(bob->claims, 1501);
    assert_int_equal(bob->lane_count, 2);
    assert_true(bob->is_by_hand);
    assert_false(bob->is_alive);
    assert_int_equal(bob->pid, 0);
    assert_int_equal(bob->since_ms, began);
    assert_int_equal(bob->last_seen_ms, began + 1000);
    pawl_workers_free(workers);
    pawl_settled settled;
    assert_ok(pawl_settle(w->store, SETTLE(sms, EXTEND, .retry_in_ms = 3600000, .has_retry_in = 1), 1, &settled, &err));
    workers = list(w, "default", 2);
    assert_int_equal(pawl_workers_get(workers, 1)->last_seen_ms, began + 3000);
    pawl_workers_free(workers);
    pawl_workers_free(list(w, "other", 0));
}

/* What a call of the worker sees: its own claim. */
static void deliver_and_look(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    struct world *w = data;
    pawl_workers *workers = list(w, NULL, 2);
    const pawl_worker_view *view = pawl_workers_get(workers, 0);
    (void)message, (void)outcome;
    assert_string_equal(view->consumer, "me");
    assert_true(view->is_alive);
    assert_int_equal(view->claims, 1);
    assert_int_equal(pawl_workers_get(workers, 1)->claims, 1);
    assert_true(pawl_workers_get(workers, 1)->is_by_hand);
    pawl_workers_free(workers);
}

static void a_worker_s_claims_are_its_own(struct world *w)
{
    pawl_worker *worker;
    assert_ok(pawl_target_add(w->store, TARGET, "callback:look", NULL, NULL, 0, BECAUSE(1), &err));
    add(w, MESSAGE("1", .key = NULL));
    claim_some(w, "me", 1, 3600000); /* by hand, under the same name */
    pawl_uuid id = add(w, MESSAGE("2", .key = NULL)).id;
    assert_ok(pawl_worker_new(w->store, &(pawl_worker_options){PAWL_WORKER_OPTIONS, .consumer = "me"}, &worker, &err));
    assert_ok(pawl_worker_callback(worker, "look", deliver_and_look, w, &err));
    assert_ok(pawl_worker_start(worker, &err));
    work_on(w);
    assert_state(w, id, "delivered");
    stop(w, worker);
}

/* ---- who is gone ---- */

static void another_takes_the_place_of_its_like(struct world *w)
{
    stop(w, start(w, "me", "email"));
    stop(w, start(w, "me", "sms"));
    stop(w, start(w, "other", "email"));
    pawl_workers_free(list(w, NULL, 3));
    pawl_worker *worker = start(w, "me", "email");
    pawl_worker *twin = start(w, "me", "email"); /* who works has his own place */
    pawl_workers *workers = list(w, NULL, 4);
    assert_true(pawl_workers_get(workers, 0)->is_alive);
    assert_true(pawl_workers_get(workers, 1)->is_alive);
    assert_false(pawl_workers_get(workers, 2)->is_alive);
    pawl_workers_free(workers);
    stop(w, worker);
    stop(w, twin);
    pawl_workers_free(list(w, NULL, 3)); /* who leaves last stands for both */
}

static void who_is_gone_is_forgotten_after_a_month(struct world *w)
{
    stop(w, start(w, "old", NULL));
    pawli_sim_advance_ms(w->env, 30 * DAY_MS - 1000);
    pawl_worker *worker = start(w, "me", NULL);
    pawl_workers_free(list(w, NULL, 2));
    work_for(w, 2 * MINUTE_MS);
    pawl_workers *workers = list(w, NULL, 1);
    assert_string_equal(pawl_workers_get(workers, 0)->consumer, "me");
    pawl_workers_free(workers);
    stop(w, worker);
}

static void of_many_that_are_gone_the_last_are_kept(struct world *w)
{
    char consumer[16];
    for (int i = 0; i < 103; i++) {
        snprintf(consumer, sizeof consumer, "c%d", i);
        stop(w, start(w, consumer, NULL));
        pawli_sim_advance_ms(w->env, 1000);
    }
    pawl_worker *worker = start(w, "me", NULL);
    pawl_workers *workers = list(w, NULL, 101);
    assert_string_equal(pawl_workers_get(workers, 0)->consumer, "me");
    assert_string_equal(pawl_workers_get(workers, 1)->consumer, "c102");
    assert_string_equal(pawl_workers_get(workers, 100)->consumer, "c3");
    pawl_workers_free(workers);
    stop(w, worker);
}

/* ---- what cannot be read ---- */

static void touch_all_but(struct world *w, const char *consumer, int changes)
{
    sqlite3 *db;
    char sql[200];
    snprintf(sql, sizeof sql, "UPDATE %sworker SET seen = seen + 1 WHERE consumer <> '%s'",
             w->kind->is_into ? "pawl_" : "", consumer);
    assert_int_equal(sqlite3_open(w->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_changes(db), changes);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void assert_damaged(struct world *w)
{
    pawl_verification *found = NULL;
    assert_status(pawl_verify(w->store, NULL, NULL, NULL, &found, &err), PAWL_ECORRUPT);
    assert_non_null(strstr(err.text, "table worker"));
    pawl_verification_free(found);
}

/* By itself, or taken away by another. */
static void a_row_that_cannot_be_read_is_written_anew(struct world *w)
{
    if (!w->kind->is_durable)
        return;
    stop(w, start(w, "gone", NULL));
    pawl_worker *worker = start(w, "me", NULL), *other = start(w, "other", NULL);
    touch_all_but(w, "other", 2);
    assert_damaged(w);
    pawl_workers *workers = list(w, NULL, 1); /* the others are there all the same */
    assert_string_equal(pawl_workers_get(workers, 0)->consumer, "other");
    pawl_workers_free(workers);
    work_for(w, 2 * MINUTE_MS);
    verify(w);
    workers = list(w, NULL, 2);
    assert_true(pawl_workers_get(workers, 0)->is_alive);
    assert_true(pawl_workers_get(workers, 1)->is_alive);
    pawl_workers_free(workers);
    stop(w, worker);
    stop(w, other);
}

/* ---- why a message waits ---- */

static void why_says_since_when_nobody_serves(struct world *w)
{
    char text[512];
    int64_t since;
    assert_ok(pawl_target_add(w->store, TARGET, "callback:deliver", NULL, NULL, 0, BECAUSE(1), &err));
    pawl_uuid id = add(w, MESSAGE("1", .delay_ms = DAY_MS)).id;
    assert_non_null(strstr(unserved(w, id, text, &since), "no worker has ever served this queue"));
    assert_non_null(strstr(text, "run the program that registers callback:deliver"));
    assert_int_equal(since, 0);
    pawl_worker *other = start(w, "other", "sms");
    assert_non_null(strstr(unserved(w, id, text, &since), "no worker has ever served this queue"));
    assert_non_null(strstr(text, "1 that works takes other lanes, scopes or URLs"));
    pawl_worker *worker = start(w, "me", LANE);
    assert_string_equal(unserved(w, id, text, &since), "");
    pawli_sim_advance_ms(w->env, 5000);
    int64_t stopped = now_ms(w);
    stop(w, worker);
    pawli_sim_advance_ms(w->env, 5000);
    assert_non_null(strstr(unserved(w, id, text, &since), "no worker has served this queue since "));
    assert_non_null(strstr(text, ", when me (pid "));
    assert_int_equal(since, stopped);
    assert_ok(pawl_target_set(w->store, TARGET, "callback:elsewhere", NULL, NULL, 0, BECAUSE(2), &err));
    assert_non_null(strstr(unserved(w, id, text, &since), "no worker has ever served this queue"));
    assert_ok(pawl_target_set(w->store, TARGET, "https://example.com/", NULL, NULL, 0, BECAUSE(3), &err));
    assert_non_null(strstr(unserved(w, id, text, &since), "no worker has served this queue since "));
    assert_non_null(strstr(text, "run \"pawl serve\""));
    assert_ok(pawl_target_remove(w->store, TARGET, BECAUSE(4), &err));
    assert_string_equal(unserved(w, id, text, &since), ""); /* it says that there is no target */
    stop(w, other);
}

static void a_worker_of_another_scope_does_not_serve(struct world *w)
{
    char text[512];
    int64_t since;
    struct world other = *w;
    assert_ok(pawl_target_add(w->store, TARGET, "https://example.com/", NULL, NULL, 0, BECAUSE(1), &err));
    pawl_uuid id = add(w, MESSAGE("1", .delay_ms = DAY_MS)).id;
    assert_ok(pawl_store_scope(w->store, "other", &other.store, &err));
    pawl_worker *worker = start(&other, "me", NULL);
    assert_non_null(strstr(unserved(w, id, text, &since), "no worker has ever served this queue"));
    pawl_workers_free(list(w, "default", 0));
    pawl_workers_free(list(w, "other", 1));
    stop(w, worker);
    pawl_store_close(other.store);
}

/* ---- what cannot be written ---- */

static void a_full_disk_makes_it_late_and_no_more(struct world *w)
{
    struct store *filter = put_filter(w->store);
    told = 0;
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 1, 0, FAULT_BEFORE, STORE_FULL});
    pawl_worker *worker = start(w, "me", NULL);
    work_for(w, MINUTE_MS);
    assert_int_equal(told, 1); /* said once, not each time */
    pawl_workers_free(list(w, NULL, 0));
    pawli_fault_set(filter, NULL);
    work_for(w, 10000);
    pawl_workers_free(list(w, NULL, 1));
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 1, 0, FAULT_BEFORE, STORE_FULL});
    pawl_worker_stop(worker, 0); /* without a word, but it stops */
    assert_int_equal(told, 2);
    pawl_worker_free(worker);
    pawli_fault_set(filter, NULL);
}

static void a_worker_has_so_many_lanes(struct world *w)
{
    static const char *lanes[1025];
    pawl_worker *worker;
    for (size_t i = 0; i < COUNT_OF(lanes); i++)
        lanes[i] = "email";
    pawl_worker_options options = {PAWL_WORKER_OPTIONS, .lanes = lanes, .lane_count = COUNT_OF(lanes)};
    assert_status(pawl_worker_new(w->store, &options, &worker, &err), PAWL_ELIMIT);
    options.lane_count--;
    assert_ok(pawl_worker_new(w->store, &options, &worker, &err));
    assert_ok(pawl_worker_start(worker, &err));
    work_on(w);
    pawl_workers *workers = list(w, NULL, 1);
    assert_int_equal(pawl_workers_get(workers, 0)->lane_count, 1024);
    pawl_workers_free(workers);
    stop(w, worker);
}

static const struct conformance_case cases[] = {
    CASE(who_works_is_seen_from_start_to_stop),    CASE(it_is_told_once_a_minute),
    CASE(claims_are_counted_by_who_has_them),      CASE(a_worker_s_claims_are_its_own),
    CASE(another_takes_the_place_of_its_like),     CASE(who_is_gone_is_forgotten_after_a_month),
    CASE(of_many_that_are_gone_the_last_are_kept), CASE(a_row_that_cannot_be_read_is_written_anew),
    CASE(why_says_since_when_nobody_serves),       CASE(a_worker_of_another_scope_does_not_serve),
    CASE(a_full_disk_makes_it_late_and_no_more),   CASE(a_worker_has_so_many_lanes),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
