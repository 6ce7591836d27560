/* SPDX-License-Identifier: MIT */
/* What is counted is what this opening committed: each move once, after its sync, and none that was refused, rolled back
 * or raced. */
#include "conformance.h"
#include "pawl/metrics.h"

static void start(struct world *w)
{
    assert_ok(pawl_metrics_start(w->store, &err));
}

static pawl_metrics *read_metrics(struct world *w)
{
    pawl_metrics *metrics;
    assert_ok(pawl_metrics_read(w->store, &metrics, &err));
    return metrics;
}

/* Of all queues that have this scope, lane and target; NULL: whichever. */
static uint64_t counted_of(struct world *w, const char *scope, const char *target, const char *result)
{
    uint64_t sum = 0;
    const pawl_metrics_count *count;
    pawl_metrics *metrics = read_metrics(w);
    for (size_t i = 0; (count = pawl_metrics_get_count(metrics, i)) != NULL; i++)
        if ((!scope || strcmp(count->scope, scope) == 0) && (!target || strcmp(count->target, target) == 0) &&
            (!result || strcmp(count->result, result) == 0))
            sum += count->count;
    pawl_metrics_free(metrics);
    return sum;
}

static uint64_t counted(struct world *w, const char *result)
{
    return counted_of(w, NULL, NULL, result);
}

static void nothing_is_counted_before_somebody_wants_it(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
    assert_int_equal(counted(w, NULL), 0);
    start(w);
    start(w);
    assert_int_equal(counted(w, NULL), 0);
    add(w, MESSAGE("2", .key = NULL));
    assert_int_equal(counted(w, "enqueued"), 1);
}

static void each_move_is_counted_as_what_it_is(struct world *w)
{
    static const struct {
        int verdict;
        const char *result;
    } settled[] = {{PAWL_VERDICT_RETRY, "retried"},     {PAWL_VERDICT_UNCERTAIN, "resent"},
                   {PAWL_VERDICT_DEFERRED, "deferred"}, {PAWL_VERDICT_RELEASED, "released"},
                   {PAWL_VERDICT_DEAD, "dead"},         {PAWL_VERDICT_DELIVERED, "delivered"},
                   {PAWL_VERDICT_SUBMITTED, "awaiting"}};
    start(w);
    set_lane(w, "backoff_ms", "0");
    for (size_t i = 0; i < COUNT_OF(settled); i++) {
        pawl_uuid id = add(w, MESSAGE("1", .priority = 1)).id;
        assert_int_equal(counted(w, "enqueued"), i + 1);
        claim_and(w, settled[i].verdict);
        assert_int_equal(counted(w, "claimed"), i + 1);
        assert_int_equal(counted(w, settled[i].result), 1);
        pawl_message_cancel(w->store, &id, BECAUSE(100 + (unsigned)i), NULL, &err);
    }
    assert_int_equal(counted(w, "cancelled"), 5); /* four pending ones, and the dead one */
    set_lane(w, "unknown", "hold");
    pawl_uuid id = add(w, MESSAGE("2", .max_attempts = 1)).id;
    claim_and(w, PAWL_VERDICT_UNCERTAIN);
    assert_int_equal(counted(w, "uncertain"), 1);
    assert_ok(pawl_message_resolve(w->store, &id, PAWL_VERDICT_DEAD, BECAUSE(1), NULL, &err));
    assert_int_equal(counted(w, "dead"), 2);
    assert_ok(pawl_message_retry(w->store, &id, BECAUSE(2), NULL, &err));
    assert_int_equal(counted(w, "renewed"), 1);
    set_lane(w, "exhausted", "hold");
    claim_and(w, PAWL_VERDICT_RETRY);
    assert_int_equal(counted(w, "held"), 1);
    assert_ok(pawl_message_cancel(w->store, &id, BECAUSE(3), NULL, &err));
    assert_ok(pawl_message_purge(w->store, &id, BECAUSE(4), NULL, &err));
    assert_int_equal(counted(w, "purged"), 1);
    add(w, MESSAGE("3", .expires_in_ms = 10));
    pawli_sim_advance_ms(w->env, 11);
    sweep(w);
    assert_int_equal(counted(w, "expired"), 1);
    assert_int_equal(counted(w, "dead"), 2);
    verify(w);
}

static void a153_a_death_that_fails_to_commit_twice_is_counted_once(struct world *w)
{
    struct store *filter = put_filter(w->store);
    start(w);
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM());
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 1, 2, FAULT_BEFORE, STORE_FULL});
    for (int i = 0; i < 2; i++) {
        assert_status(pawl_settle(w->store, SETTLE(held, DEAD), 1, NULL, &err), PAWL_EREFUSED);
        assert_int_equal(counted(w, "dead"), 0);
    }
    assert_int_equal(settle(w, SETTLE(held, DEAD)), PAWL_RESULT_DEAD);
    assert_int_equal(counted(w, "dead"), 1);
    assert_int_equal(settle(w, SETTLE(held, DEAD)), PAWL_RESULT_LOST); /* its claim is spent */
    assert_int_equal(counted(w, "dead"), 1);
}

static void what_was_raced_is_counted_once(struct world *w)
{
    struct store *filter = put_filter(w->store);
    start(w);
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 1, 3, FAULT_BEFORE, STORE_RACE});
    add(w, MESSAGE("1", .key = NULL));
    assert_int_equal(pawli_fault_hits(filter), 3);
    assert_int_equal(counted(w, "enqueued"), 1);
}

/* Nobody knows whether it was: then it is not said that it was. Where its marker tells, it is. */
static void what_is_unknown_is_not_counted_and_what_is_found_is(struct world *w)
{
    struct store *filter = put_filter(w->store);
    start(w);
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 1, 1, FAULT_AFTER, STORE_UNKNOWN});
    pawli_fault_outcome(filter, FAULT_STAYS_UNKNOWN);
    assert_status(try_add(w, MESSAGE("1", .key = NULL)), PAWL_EUNCERTAIN);
    assert_int_equal(counted(w, NULL), 0);
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 1, 1, FAULT_AFTER, STORE_UNKNOWN});
    pawli_fault_outcome(filter, FAULT_COMMITTED);
    add(w, MESSAGE("2", .key = NULL));
    assert_int_equal(counted(w, "enqueued"), 1);
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 1, 1, FAULT_BEFORE, STORE_UNKNOWN});
    pawli_fault_outcome(filter, FAULT_NOT_COMMITTED);
    add(w, MESSAGE("3", .key = NULL));
    assert_int_equal(counted(w, "enqueued"), 2);
}

static void told(void *data, int status, const pawl_enqueued *results, size_t count, const pawl_error *error)
{
    (void)results, (void)count, (void)error;
    *(int *)data += status == PAWL_OK ? 1 : 1000;
}

/* Several units share a round: what the refused one had changed is not counted with the others. */
static void a_refused_unit_leaves_its_neighbours_counted(struct world *w)
{
    int answers = 0;
    start(w);
    add(w, MESSAGE("1", .dedupe = "K"));
    pawl_transition *t = pawl_transition_new(w->store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "T"});
    pawl_transition_message(t, MESSAGE("2", .key = NULL));
    pawl_transition_message(t, MESSAGE("3", .dedupe = "K")); /* a conflict: none of it is written */
    assert_ok(pawl_enqueue_submit(w->store, MESSAGE("4", .key = NULL), 1, told, &answers, &err));
    assert_status(pawl_transition_commit(t, NULL, &err), PAWL_ECONFLICT);
    pawl_transition_free(t);
    while (answers == 0)
        assert_ok(pawl_store_step(w->store, 0, NULL, &err));
    assert_int_equal(answers, 1);
    assert_int_equal(counted(w, "enqueued"), 2);
    assert_int_equal(stats(w).pending, 2);
}

/* The sync of a round comes after its save, when others overlap it: until then, and where it fails, nothing is counted. */
static void what_was_saved_is_not_counted_before_its_sync(struct world *w)
{
    struct store *filter = put_filter(w->store);
    int answers = 0;
    start(w);
    pawli_fault_set(filter, &(struct fault){FAULT_SYNC, 1, 0, FAULT_BEFORE, STORE_UNKNOWN});
    for (int i = 0; i < 4; i++)
        assert_ok(pawl_enqueue_submit(w->store, MESSAGE("1", .key = NULL), 1, told, &answers, &err));
    while (answers < 4000) {
        assert_ok(pawl_store_step(w->store, 0, NULL, &err));
        pawli_sim_run_jobs(w->env);
    }
    assert_true(pawli_fault_hits(filter) > 0);
    pawli_fault_set(filter, NULL);
    assert_int_equal(counted(w, NULL), 0);
}

/* A claim that ended is settled by whoever looks, under a scope of which he knows the number alone. */
static void what_a_sweep_finds_in_other_scopes_has_their_names(struct world *w)
{
    pawl_store *other;
    pawl_messages *claimed;
    assert_ok(pawl_store_scope(w->store, "other.scope", &other, &err));
    assert_ok(pawl_enqueue(other, MESSAGE("1", .key = NULL), 1, NULL, &err));
    assert_ok(pawl_claim(other, CLAIM(.limit = 1, .lease_ms = 100), &claimed, &err));
    assert_int_equal(pawl_messages_count(claimed), 1);
    pawl_messages_free(claimed);
    start(w);
    pawli_sim_advance_ms(w->env, 101);
    sweep(w);
    assert_int_equal(counted(w, NULL), 1);
    assert_int_equal(counted_of(w, "other.scope", TARGET, "resent"), 1);
    pawl_store_close(other);
}

static void queues_beyond_the_limit_are_summed(struct world *w)
{
    enum { MORE = 20 };
    char target[16];
    pawl_message messages[PAWL_METRICS_QUEUES + MORE];
    char targets[PAWL_METRICS_QUEUES + MORE][16];
    start(w);
    for (unsigned i = 0; i < COUNT_OF(messages); i++) {
        snprintf(targets[i], sizeof targets[i], "t%04u", i);
        messages[i] = (pawl_message){PAWL_MESSAGE, .lane = LANE, .target = targets[i]};
    }
    assert_ok(pawl_enqueue(w->store, messages, COUNT_OF(messages), NULL, &err));
    assert_int_equal(counted(w, "enqueued"), COUNT_OF(messages));
    assert_int_equal(counted_of(w, "", "other", "enqueued"), MORE);
    snprintf(target, sizeof target, "t%04u", PAWL_METRICS_QUEUES - 1);
    assert_int_equal(counted_of(w, "default", target, "enqueued"), 1);
    pawl_metrics *metrics = read_metrics(w);
    const pawl_queue_stats *rest = pawl_metrics_get_queue(metrics, PAWL_METRICS_QUEUES);
    assert_string_equal(rest->target, "other");
    assert_string_equal(rest->scope, "");
    assert_int_equal(rest->pending, MORE);
    assert_int_equal(rest->due, MORE);
    assert_true(rest->oldest_due_at_ms == now_ms(w));
    assert_null(pawl_metrics_get_queue(metrics, PAWL_METRICS_QUEUES + 1));
    pawl_metrics_sums sums = {PAWL_METRICS_SUMS};
    pawl_metrics_get_sums(metrics, &sums);
    assert_int_equal(sums.queues, COUNT_OF(messages));
    assert_int_equal(sums.is_cut, 0);
    pawl_metrics_free(metrics);
}

static void what_waits_is_read_of_all_scopes(struct world *w)
{
    pawl_store *other;
    assert_ok(pawl_store_scope(w->store, "other", &other, &err));
    add(w, MESSAGE("1", .delay_ms = 1000));
    pawli_sim_advance_ms(w->env, 10);
    assert_ok(pawl_enqueue(other, MESSAGE("2", .key = NULL), 1, NULL, &err));
    pawl_metrics *metrics = read_metrics(w);
    const pawl_queue_stats *first = pawl_metrics_get_queue(metrics, 0), *second = pawl_metrics_get_queue(metrics, 1);
    assert_string_equal(first->scope, "default");
    assert_true(first->next_due_at_ms == now_ms(w) + 990);
    assert_int_equal(first->due, 0);
    assert_string_equal(second->scope, "other");
    assert_int_equal(second->due, 1);
    assert_true(second->oldest_due_at_ms == now_ms(w));
    assert_null(pawl_metrics_get_queue(metrics, 2));
    pawl_metrics_free(metrics);
    pawl_store_close(other);
}

static void commits_and_their_syncs_are_counted(struct world *w)
{
    struct store *filter = put_filter(w->store);
    pawl_metrics_sums sums = {PAWL_METRICS_SUMS};
    start(w);
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 2, 1, FAULT_BEFORE, STORE_FULL});
    for (int i = 0; i < 3; i++)
        try_add(w, MESSAGE("1", .key = NULL));
    claim_none(w, (&(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "nobody",
                                         .target = TARGET})); /* nothing was found: nothing is committed */
    pawl_metrics *metrics = read_metrics(w);
    pawl_metrics_get_sums(metrics, &sums);
    assert_int_equal(sums.commits, 2);
    const pawl_metrics_bucket *bucket = NULL;
    int64_t last = 0;
    for (size_t i = 0; pawl_metrics_get_bucket(metrics, i); i++) {
        bucket = pawl_metrics_get_bucket(metrics, i);
        assert_true(bucket->within_us > last);
        last = bucket->within_us;
    }
    assert_true(bucket->count == sums.syncs); /* a simulated disk takes no time */
    pawl_metrics_free(metrics);
}

int main(void)
{
    static const struct conformance_case cases[] = {
        CASE(nothing_is_counted_before_somebody_wants_it),
        CASE(each_move_is_counted_as_what_it_is),
        CASE(a153_a_death_that_fails_to_commit_twice_is_counted_once),
        CASE(what_was_raced_is_counted_once),
        CASE(what_is_unknown_is_not_counted_and_what_is_found_is),
        CASE(a_refused_unit_leaves_its_neighbours_counted),
        CASE(what_was_saved_is_not_counted_before_its_sync),
        CASE(what_a_sweep_finds_in_other_scopes_has_their_names),
        CASE(queues_beyond_the_limit_are_summed),
        CASE(what_waits_is_read_of_all_scopes),
        CASE(commits_and_their_syncs_are_counted),
    };
    return run_on_every_store(cases, COUNT_OF(cases));
}
