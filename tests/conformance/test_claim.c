/* SPDX-License-Identifier: MIT */
/* Claims, leases and tokens; what may be said of them; what time does. */
#include "conformance.h"

/* ---- which one is claimed ---- */

static void a21_the_older_one_first(struct world *w)
{
    pawl_uuid first = add(w, MESSAGE("1", .key = NULL)).id;
    add(w, MESSAGE("2", .key = NULL));
    pawl_messages *messages = claim(w, CLAIM(.limit = 1, .consumer = "me", .lease_ms = 700));
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_int_equal(pawl_messages_count(messages), 1);
    assert_id(view->id, first);
    assert_string_equal(view->state, "claimed");
    assert_string_equal(view->claimed_by, "me");
    assert_int_equal(view->attempts, 1);
    assert_int_not_equal(view->token, 0);
    assert_int_equal(view->lease_until_ms, now_ms(w) + 700);
    assert_bytes(view->data, view->data_size, "1");
    pawl_messages_free(messages);
    assert_int_equal(stats(w).claimed, 1);
    assert_int_equal(stats(w).pending, 1);
    verify(w);
}

static void a22_only_what_is_due_and_of_the_lane(struct world *w)
{
    pawl_message elsewhere = *MESSAGE("1", .key = NULL);
    elsewhere.lane = "other";
    add(w, MESSAGE("1", .delay_ms = 100));
    add(w, &elsewhere);
    pawl_uuid due = add(w, MESSAGE("1", .key = NULL)).id;
    pawli_sim_advance_ms(w->env, 50);
    pawl_messages *messages = claim(w, CLAIM(.limit = 10));
    assert_int_equal(pawl_messages_count(messages), 1);
    assert_id(pawl_messages_get(messages, 0)->id, due);
    pawl_messages_free(messages);
}

static void a23_a_retry_is_due_to_the_millisecond(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM());
    assert_int_equal(settle(w, SETTLE(held, RETRY, .has_retry_in = 1, .retry_in_ms = 2000)), PAWL_RESULT_REQUEUED);
    pawli_sim_advance_ms(w->env, 1999);
    claim_none(w, CLAIM());
    pawli_sim_advance_ms(w->env, 1);
    assert_int_equal(claim_one(w, CLAIM()).attempts, 2);
}

/* The one that passes the limit is taken, so that one always is. */
static void no_more_is_claimed_than_its_size_allows(struct world *w)
{
    static const struct {
        uint64_t size_max;
        size_t count;
    } rows[] = {{1, 1}, {100, 1}, {101, 2}, {250, 3}, {300, 3}, {301, 4}, {0, 3}};
    char payload[101];
    memset(payload, ' ', 100);
    payload[100] = '\0';
    for (int i = 0; i < 17; i++)
        add(w, MESSAGE(payload, .key = NULL, .priority = (uint32_t)(9 - i / 2)));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        pawl_messages *messages = claim(w, CLAIM(.limit = 4, .size_max = rows[i].size_max));
        assert_int_equal(pawl_messages_count(messages), rows[i].count);
        pawl_messages_free(messages);
    }
    assert_int_equal(stats(w).pending, 0);
    verify(w);
}

static void a27_all_claimed_is_nothing_to_claim(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
    claim_one(w, CLAIM());
    claim_none(w, CLAIM());
}

static void a30_priority_then_due_then_number(struct world *w)
{
    pawl_uuid ids[6];
    ids[5] = add(w, MESSAGE("1", .priority = 9)).id;
    ids[4] = add(w, MESSAGE("1", .delay_ms = 2)).id;
    ids[2] = add(w, MESSAGE("1", .delay_ms = 1)).id;
    ids[3] = add(w, MESSAGE("1", .delay_ms = 1)).id;
    ids[0] = add(w, MESSAGE("1", .priority = 1, .delay_ms = 2)).id;
    ids[1] = add(w, MESSAGE("1", .priority = 4, .delay_ms = 2)).id;
    pawli_sim_advance_ms(w->env, 2);
    pawl_messages *messages = claim(w, CLAIM(.limit = 2));
    assert_int_equal(pawl_messages_count(messages), 2);
    assert_id(pawl_messages_get(messages, 0)->id, ids[0]);
    assert_id(pawl_messages_get(messages, 1)->id, ids[1]);
    pawl_messages_free(messages);
    for (int i = 2; i < 6; i++)
        assert_id(claim_one(w, CLAIM()).id, ids[i]);
    verify(w);
}

static void delayed_urgent_ones_do_not_hide_due_ones(struct world *w)
{
    for (int i = 0; i < 20; i++)
        add(w, MESSAGE("1", .priority = 1, .delay_ms = 1000));
    pawl_uuid due = add(w, MESSAGE("1", .priority = 9)).id;
    assert_id(claim_one(w, CLAIM()).id, due);
    claim_none(w, CLAIM());
}

static void a32_a_claim_is_checked(struct world *w)
{
    pawl_messages *messages;
    pawl_claim_options options = *CLAIM(.limit = 1);
    options.lane = " ";
    assert_status(pawl_claim(w->store, &options, &messages, &err), PAWL_EINVAL);
    options = *CLAIM(.limit = 1);
    options.target = "";
    assert_status(pawl_claim(w->store, &options, &messages, &err), PAWL_EINVAL);
    assert_status(pawl_claim(w->store, CLAIM(.limit = 1, .consumer = " "), &messages, &err), PAWL_EINVAL);
    assert_status(pawl_claim(w->store, CLAIM(.limit = 4097), &messages, &err), PAWL_EINVAL);
    add(w, MESSAGE("1", .key = NULL));
    messages = claim(w, CLAIM(.limit = 0));
    assert_int_equal(pawl_messages_count(messages), 0);
    pawl_messages_free(messages);
    assert_int_equal(stats(w).pending, 1);
}

static void a33_a_lease_is_within_its_range(struct world *w)
{
    pawl_messages *messages;
    int64_t bad[] = {-1, 86400001, INT64_MAX, INT64_MIN};
    add(w, MESSAGE("1", .key = NULL));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_status(pawl_claim(w->store, CLAIM(.limit = 1, .lease_ms = bad[i]), &messages, &err), PAWL_EINVAL);
    assert_int_equal(claim_one(w, CLAIM()).lease_until, now_ms(w) + 30000);
}

static void a42_one_by_its_id_whatever_its_time(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .delay_ms = 1000)).id;
    claim_none(w, CLAIM());
    assert_id(claim_one(w, CLAIM(.id = id)).id, id);
    claim_none(w, CLAIM(.id = id));
    id.bytes[15] ^= 1; /* another tail: no such message */
    claim_none(w, CLAIM(.id = id));
}

/* ---- leases and tokens ---- */

static void a24_a_lease_ends_to_the_millisecond(struct world *w)
{
    set_lane(w, "max_attempts", "5");
    add(w, MESSAGE("1", .key = NULL));
    struct held a = claim_one(w, CLAIM(.lease_ms = 100, .consumer = "a"));
    pawli_sim_advance_ms(w->env, 99);
    claim_none(w, CLAIM());
    pawli_sim_advance_ms(w->env, 1);
    struct held b = claim_one(w, CLAIM(.consumer = "b"));
    assert_id(a.id, b.id);
    assert_int_equal(b.attempts, 2);
    assert_int_not_equal(a.token, b.token);
    pawl_messages *messages = get(w, b.id);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_string_equal(view->claimed_by, "b");
    assert_int_equal(view->crashes, 0); /* who claims by hand need not have died */
    assert_string_equal(view->error_class, "unknown");
    assert_int_equal(pawl_messages_attempt_count(messages), 1);
    assert_string_equal(pawl_messages_attempt(messages, 0)->verdict, "lost");
    assert_string_equal(pawl_messages_attempt(messages, 0)->worker, "a");
    pawl_messages_free(messages);
    verify(w);
}

static void a35_a_lost_claim_at_the_cap_is_dead(struct world *w)
{
    add(w, MESSAGE("1", .max_attempts = 1));
    struct held held = claim_one(w, CLAIM(.lease_ms = 10));
    pawli_sim_advance_ms(w->env, 10);
    sweep(w);
    pawl_messages *messages = get(w, held.id);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_string_equal(view->state, "dead");
    assert_int_equal(view->attempts, 1);
    assert_int_equal(view->lease_until_ms, 0);
    assert_null(view->claimed_by);
    assert_non_null(view->ended_reason);
    pawl_messages_free(messages);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_LOST);
    verify(w);
}

static void a36_a_consumer_that_always_dies_has_a_cap(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .max_attempts = 3)).id;
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(claim_one(w, CLAIM(.lease_ms = 10)).attempts, i);
        pawli_sim_advance_ms(w->env, 10);
    }
    claim_none(w, CLAIM());
    assert_state(w, id, "dead");
    assert_int_equal(stats(w).dead, 1);
}

static void a38_a_lost_claim_is_pending_again(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    claim_one(w, CLAIM(.lease_ms = 10));
    pawli_sim_advance_ms(w->env, 10);
    sweep(w);
    sweep(w);
    pawl_messages *messages = get(w, id);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_string_equal(view->state, "pending");
    assert_int_equal(view->attempts, 1);
    assert_int_equal(view->crashes, 0); /* who claims by hand need not have died */
    assert_int_equal(view->available_at_ms, now_ms(w));
    assert_null(view->claimed_by);
    pawl_messages_free(messages);
    assert_int_equal(stats(w).pending, 1);
    assert_int_equal(stats(w).claimed, 0);
}

static void a_lost_claim_of_a_lane_that_holds_is_uncertain(struct world *w)
{
    set_lane(w, "unknown", "hold");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    claim_one(w, CLAIM(.lease_ms = 10));
    pawli_sim_advance_ms(w->env, 10);
    claim_none(w, CLAIM());
    assert_state(w, id, "uncertain");
    assert_int_equal(stats(w).uncertain, 1);
    verify(w);
}

#define MANY 2500

/* Claims of a lane of their own, for 10 ms. */
static void claim_many_elsewhere(struct world *w)
{
    static pawl_message messages[MANY];
    static pawl_enqueued results[MANY];
    for (size_t i = 0; i < MANY; i++) {
        messages[i] = *MESSAGE("1", .key = NULL);
        messages[i].lane = "other";
    }
    assert_ok(pawl_enqueue(w->store, messages, MANY, results, &err));
    pawl_claim_options options = *CLAIM(.limit = MANY, .lease_ms = 10);
    options.lane = "other";
    pawl_messages *claimed = claim(w, &options);
    assert_int_equal(pawl_messages_count(claimed), MANY);
    pawl_messages_free(claimed);
}

static void lost_claims_of_other_queues_do_not_stand_before_ones_own(struct world *w)
{
    LAW(O1);
    claim_many_elsewhere(w);
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    claim_one(w, CLAIM(.lease_ms = 10));
    pawli_sim_advance_ms(w->env, 10);
    struct held held = claim_one(w, CLAIM());
    assert_id(held.id, id);
    assert_int_equal(held.attempts, 2);
}

static void a_sweep_leaves_no_lost_claim(struct world *w)
{
    claim_many_elsewhere(w);
    pawli_sim_advance_ms(w->env, 10);
    sweep(w);
    pawl_stats *page;
    assert_ok(pawl_stats_read(w->store, "other", TARGET, &page, &err));
    assert_int_equal(pawl_stats_get(page, 0)->claimed, 0);
    assert_int_equal(pawl_stats_get(page, 0)->pending, MANY);
    pawl_stats_free(page);
    verify(w);
}

static void a39_a_lease_is_extended_under_its_token(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM(.lease_ms = 100)), wrong = held;
    wrong.token++;
    assert_int_equal(settle(w, SETTLE(wrong, EXTEND, .has_retry_in = 1, .retry_in_ms = 500)), PAWL_RESULT_LOST);
    pawli_sim_advance_ms(w->env, 50);
    assert_int_equal(settle(w, SETTLE(held, EXTEND, .has_retry_in = 1, .retry_in_ms = 500)), PAWL_RESULT_EXTENDED);
    pawl_messages *messages = get(w, held.id);
    assert_int_equal(pawl_messages_get(messages, 0)->lease_until_ms, now_ms(w) + 500);
    pawl_messages_free(messages);
    pawli_sim_advance_ms(w->env, 499);
    claim_none(w, CLAIM());
    pawli_sim_advance_ms(w->env, 1);
    assert_int_not_equal(claim_one(w, CLAIM()).token, held.token);
}

static void a44_the_wall_clock_ends_no_lease(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM(.lease_ms = 1000));
    pawli_sim_set_wall_ms(w->env, now_ms(w) + 3600000);
    claim_none(w, CLAIM());
    pawli_sim_set_wall_ms(w->env, now_ms(w) - 7200000);
    pawli_sim_advance_ms(w->env, 999);
    claim_none(w, CLAIM());
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_DELIVERED);
}

static void tokens_never_come_again(struct world *w)
{
    uint64_t last = 0;
    add(w, MESSAGE("1", .key = NULL));
    for (int i = 0; i < 5; i++) {
        struct held held = claim_one(w, CLAIM());
        assert_true(held.token > last);
        last = held.token;
        assert_int_equal(settle(w, SETTLE(held, RELEASED)), PAWL_RESULT_RELEASED);
    }
}

/* ---- waiting: in a simulated world a wait lasts exactly as long as it must ---- */

static struct held wait_for_one(struct world *w, int64_t expected_ms)
{
    int64_t began = now_ms(w);
    struct held held = claim_one(w, CLAIM(.wait_ms = 1000, .lease_ms = 50));
    assert_int_equal(now_ms(w), began + expected_ms);
    return held;
}

static void a_claim_waits_until_there_is_something(struct world *w)
{
    int64_t began = now_ms(w);
    claim_none(w, CLAIM(.wait_ms = 1000));
    assert_int_equal(now_ms(w), began + 1000);

    pawl_uuid id = add(w, MESSAGE("1", .delay_ms = 100)).id;
    assert_id(wait_for_one(w, 100).id, id); /* it is due */
    struct held held = wait_for_one(w, 50); /* its lease ended */
    assert_id(held.id, id);
    settle(w, SETTLE(held, RETRY, .has_retry_in = 1, .retry_in_ms = 30));
    held = wait_for_one(w, 30);
    settle(w, SETTLE(held, RELEASED));
    pawl_subject lane = {PAWL_SUBJECT, .lane = LANE};
    assert_ok(pawl_hold_set(w->store, &lane, "limited", now_ms(w) + 70, BECAUSE(1), &err));
    wait_for_one(w, 70); /* nothing holds it any more */
    verify(w);
}

/* A filter that interposes once: what happens right after the next look at the store is over. */
static struct {
    struct store store;
    struct world *world;
    void (*then)(struct world *w);
} interposed;

static void look_is_over(struct store *store, struct reader *reader)
{
    void (*then)(struct world * w) = interposed.then;
    pawli_store_done(store->below, reader);
    interposed.then = NULL;
    if (then)
        then(interposed.world);
}

static void after_the_next_look(struct world *w, void (*then)(struct world *w))
{
    static const struct store_ops looks = {.done = look_is_over};
    struct store *store = w->store->opened->store;
    if (store != &interposed.store) {
        pawli_filter_init(&interposed.store, &looks, store);
        stand_on(w->store, &interposed.store);
    }
    interposed.world = w;
    interposed.then = then;
}

static void add_one(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
}

static void write_record(struct world *w)
{
    pawl_transition *t = pawl_transition_new(w->store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "t"});
    assert_ok(pawl_transition_commit(t, NULL, &err));
    pawl_transition_free(t);
}

/* Looked, found nothing, and slept though something had come: time would pass. */
static void what_comes_between_look_and_sleep_is_not_missed(struct world *w)
{
    int64_t began = now_ms(w);
    after_the_next_look(w, add_one);
    claim_one(w, CLAIM(.wait_ms = 1000));
    assert_int_equal(now_ms(w), began);
    after_the_next_look(w, write_record);
    assert_int_equal(pawl_journal_wait(w->store, 0, 1000, &err), 1);
    assert_int_equal(now_ms(w), began);
    assert_null(interposed.then);
}

/* ---- settling ---- */

static void a45_delivered_once(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM(.consumer = "me"));
    pawl_settled settled;
    assert_ok(pawl_settle(w->store, SETTLE(held, DELIVERED, .remote_id = "r1"), 1, &settled, &err));
    assert_int_equal(settled.result, PAWL_RESULT_DELIVERED);
    assert_string_equal(settled.state, "delivered");
    assert_ok(pawl_settle(w->store, SETTLE(held, DELIVERED), 1, &settled, &err));
    assert_int_equal(settled.result, PAWL_RESULT_LOST);
    assert_string_equal(settled.state, "delivered");
    pawl_messages *messages = get(w, held.id);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_string_equal(view->remote_id, "r1");
    assert_int_equal(view->ended_at_ms, now_ms(w));
    assert_string_equal(view->ended_by, "me");
    assert_null(view->claimed_by);
    assert_int_equal(view->lease_until_ms, 0);
    pawl_messages_free(messages);
    verify(w);
}

static void a46_who_has_no_claim_settles_nothing(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    assert_int_equal(settle(w, SETTLE(((struct held){id, 1, 0, 0}), DELIVERED)), PAWL_RESULT_LOST);
    struct held held = claim_one(w, CLAIM()), wrong = held;
    wrong.token++;
    assert_int_equal(settle(w, SETTLE(wrong, DELIVERED)), PAWL_RESULT_LOST);
    assert_state(w, id, "claimed");
    wrong = held;
    wrong.id.bytes[15] ^= 1;
    assert_int_equal(settle(w, SETTLE(wrong, DELIVERED)), PAWL_RESULT_LOST);
    wrong.id = make_id(7);
    assert_int_equal(settle(w, SETTLE(wrong, DELIVERED)), PAWL_RESULT_LOST);
    assert_int_equal(settle(w, SETTLE(held, RELEASED)), PAWL_RESULT_RELEASED);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_LOST);
    assert_state(w, id, "pending");
    assert_int_equal(stats(w).pending, 1);
}

static void a47_a_claim_of_before_is_fenced(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
    struct held a = claim_one(w, CLAIM(.lease_ms = 10));
    pawli_sim_advance_ms(w->env, 10);
    struct held b = claim_one(w, CLAIM());
    assert_int_equal(settle(w, SETTLE(a, DELIVERED)), PAWL_RESULT_LOST);
    assert_int_equal(settle(w, SETTLE(a, RETRY)), PAWL_RESULT_LOST); /* a50 */
    assert_state(w, b.id, "claimed");
    assert_int_equal(settle(w, SETTLE(b, DELIVERED)), PAWL_RESULT_DELIVERED);
}

static void a48_failed_for_now(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM(.consumer = "me"));
    assert_int_equal(settle(w, SETTLE(held, RETRY, .error = "temporary", .has_retry_in = 1, .retry_in_ms = 50)),
                     PAWL_RESULT_REQUEUED);
    pawl_messages *messages = get(w, held.id);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_string_equal(view->state, "pending");
    assert_int_equal(view->available_at_ms, now_ms(w) + 50);
    assert_string_equal(view->error_class, "transient");
    assert_string_equal(view->error_text, "temporary");
    assert_int_equal(view->error_at_ms, now_ms(w));
    assert_null(view->claimed_by);
    assert_int_equal(pawl_messages_attempt_count(messages), 1);
    const pawl_attempt *attempt = pawl_messages_attempt(messages, 0);
    assert_int_equal(attempt->number, 1);
    assert_string_equal(attempt->worker, "me");
    assert_string_equal(attempt->verdict, "retry");
    assert_string_equal(attempt->error_class, "transient");
    assert_string_equal(attempt->text, "temporary");
    pawl_messages_free(messages);
    verify(w);
}

static void a49_failed_at_the_cap(struct world *w)
{
    add(w, MESSAGE("1", .max_attempts = 2));
    struct held held = claim_one(w, CLAIM());
    settle(w, SETTLE(held, RETRY, .error = "first", .has_retry_in = 1));
    held = claim_one(w, CLAIM());
    assert_int_equal(settle(w, SETTLE(held, RETRY, .error = "last")), PAWL_RESULT_DEAD);
    pawl_messages *messages = get(w, held.id);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_string_equal(view->state, "dead");
    assert_string_equal(view->error_text, "last");
    assert_string_equal(view->ended_reason, "max_attempts");
    assert_int_equal(view->attempts, 2);
    pawl_messages_free(messages);
}

static void at_the_cap_a_lane_may_hold(struct world *w)
{
    set_lane(w, "exhausted", "hold");
    add(w, MESSAGE("1", .max_attempts = 1));
    struct held held = claim_one(w, CLAIM());
    assert_int_equal(settle(w, SETTLE(held, RETRY, .error = "no")), PAWL_RESULT_REQUEUED);
    pawl_messages *messages = get(w, held.id);
    assert_string_equal(pawl_messages_get(messages, 0)->state, "pending");
    assert_string_equal(pawl_messages_get(messages, 0)->hold, "exhausted");
    pawl_messages_free(messages);
    pawli_sim_advance_ms(w->env, 1000000);
    claim_none(w, CLAIM());
    verify(w);
}

static void a_cap_that_was_lowered_counts_for_the_next_attempt(struct world *w)
{
    LAW(O3);
    static const char *const policies[] = {"dead", "hold"};
    for (size_t i = 0; i < COUNT_OF(policies); i++) {
        set_lane(w, "max_attempts", "5");
        set_lane(w, "exhausted", policies[i]);
        pawl_uuid id = add(w, MESSAGE("1", .key = "a")).id, next = add(w, MESSAGE("2", .key = "a")).id;
        for (int j = 0; j < 3; j++) {
            claim_and(w, PAWL_VERDICT_RETRY);
            pawli_sim_advance_ms(w->env, 60000);
        }
        set_lane(w, "max_attempts", "3");
        if (i == 0) { /* it ends, and the next of its line is taken by the same claim */
            struct held held = claim_one(w, CLAIM());
            assert_id(held.id, next);
            settle(w, SETTLE(held, DELIVERED));
        }
        claim_none(w, CLAIM());
        assert_state(w, id, i == 0 ? "dead" : "pending");
        pawl_messages *messages = get(w, id);
        const pawl_message_view *view = pawl_messages_get(messages, 0);
        assert_int_equal(view->attempts, 3);
        if (i == 0)
            assert_string_equal(view->ended_reason, "max_attempts");
        pawl_messages_free(messages);
        claim_none(w, CLAIM(.id = id));
        pawli_sim_advance_ms(w->env, 60000);
        sweep(w);
        verify(w);
    }
}

static void a51_impossible_is_dead_at_once(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM());
    assert_int_equal(settle(w, SETTLE(held, DEAD, .error = "never")), PAWL_RESULT_DEAD);
    pawl_messages *messages = get(w, held.id);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_string_equal(view->state, "dead");
    assert_string_equal(view->error_class, "permanent");
    assert_int_equal(view->attempts, 1);
    pawl_messages_free(messages);
}

static void a54_what_ended_stays(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    struct held held = claim_one(w, CLAIM());
    settle(w, SETTLE(held, DELIVERED));
    for (int verdict = 0; verdict < PAWL_VERDICT_COUNT; verdict++) {
        pawl_settlement late = {PAWL_SETTLEMENT, .id = id, .token = held.token, .verdict = verdict};
        if (verdict == PAWL_VERDICT_EXTEND)
            late.has_retry_in = 1, late.retry_in_ms = 10;
        assert_int_equal(settle(w, &late), PAWL_RESULT_LOST);
    }
    claim_none(w, CLAIM(.id = id));
    pawl_moved moved = {PAWL_MOVED};
    assert_status(pawl_message_cancel(w->store, &id, BECAUSE(1), &moved, &err), PAWL_EREFUSED);
    assert_status(pawl_message_requeue(w->store, &id, BECAUSE(2), &moved, &err), PAWL_EREFUSED);
    assert_state(w, id, "delivered");
    assert_int_equal(stats(w).delivered, 1);
}

static void a57_an_error_is_cut_between_characters(struct world *w)
{
    char *error = calloc(1, 1 << 20);
    for (size_t i = 0; i + 3 < 1 << 20; i += 3)
        memcpy(error + i, "\xe2\x82\xac", 3);
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM());
    settle(w, SETTLE(held, DEAD, .error = error));
    pawl_messages *messages = get(w, held.id);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_int_equal(strlen(view->error_text), 1023); /* 341 characters of three bytes */
    assert_string_equal(view->error_class, "permanent");
    pawl_messages_free(messages);
    free(error);
}

static void a58_the_token_is_the_fence_not_the_time(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM(.lease_ms = 10));
    pawli_sim_advance_ms(w->env, 1000);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_DELIVERED);
    verify(w);
}

static void a_lost_one_fails_no_neighbour(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
    add(w, MESSAGE("2", .key = NULL));
    struct held one = claim_one(w, CLAIM()), stale = one, two = claim_one(w, CLAIM());
    stale.token += 1000;
    pawl_settlement three[] = {*SETTLE(stale, DEAD), *SETTLE(one, DELIVERED), *SETTLE(two, RETRY)};
    pawl_settled results[3];
    assert_ok(pawl_settle(w->store, three, 3, results, &err));
    assert_int_equal(results[0].result, PAWL_RESULT_LOST);
    assert_int_equal(results[1].result, PAWL_RESULT_DELIVERED);
    assert_int_equal(results[2].result, PAWL_RESULT_REQUEUED);
    verify(w);
}

static void the_second_word_on_one_claim_is_lost(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM());
    pawl_settlement two[] = {*SETTLE(held, DELIVERED), *SETTLE(held, DEAD)};
    pawl_settled results[2];
    assert_ok(pawl_settle(w->store, two, 2, results, &err));
    assert_int_equal(results[0].result, PAWL_RESULT_DELIVERED);
    assert_int_equal(results[1].result, PAWL_RESULT_LOST);
    assert_string_equal(results[1].state, "delivered");
}

static void deferred_and_released_give_the_attempt_back(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .max_attempts = 1)).id;
    struct held held = claim_one(w, CLAIM());
    assert_int_equal(settle(w, SETTLE(held, DEFERRED, .has_retry_in = 1, .retry_in_ms = 5)), PAWL_RESULT_DEFERRED);
    claim_none(w, CLAIM());
    pawli_sim_advance_ms(w->env, 5);
    held = claim_one(w, CLAIM());
    assert_int_equal(settle(w, SETTLE(held, RELEASED)), PAWL_RESULT_RELEASED);
    pawl_messages *messages = get(w, id);
    assert_int_equal(pawl_messages_get(messages, 0)->attempts, 0);
    assert_int_equal(pawl_messages_get(messages, 0)->deferrals, 1);
    assert_int_equal(pawl_messages_attempt_count(messages), 0);
    pawl_messages_free(messages);
    assert_int_equal(claim_one(w, CLAIM()).attempts, 1);
    verify(w);
}

static void a_submitted_one_awaits_its_outcome(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    struct held held = claim_one(w, CLAIM());
    assert_int_equal(settle(w, SETTLE(held, SUBMITTED, .remote_id = "r", .has_retry_in = 1, .retry_in_ms = 100)),
                     PAWL_RESULT_AWAITING);
    assert_state(w, id, "awaiting");
    assert_int_equal(stats(w).awaiting, 1);
    struct held wrong = held;
    wrong.token++;
    assert_int_equal(settle(w, SETTLE(wrong, DELIVERED)), PAWL_RESULT_LOST);
    assert_int_equal(settle(w, SETTLE(held, RETRY)), PAWL_RESULT_LOST); /* no outcome of what was handed over */
    pawli_sim_advance_ms(w->env, 99);
    assert_int_equal(sweep(w).suspected, 0);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_DELIVERED);
    verify(w);
}

static void an_outcome_that_never_comes_is_doubted(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    struct held held = claim_one(w, CLAIM());
    settle(w, SETTLE(held, SUBMITTED, .has_retry_in = 1, .retry_in_ms = 100));
    pawli_sim_advance_ms(w->env, 100);
    assert_int_equal(sweep(w).suspected, 1);
    assert_state(w, id, "uncertain");
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_LOST);
    pawl_moved moved = {PAWL_MOVED};
    assert_ok(pawl_message_resolve(w->store, &id, PAWL_VERDICT_RETRY, BECAUSE(1), &moved, &err));
    assert_state(w, id, "pending");
    claim_one(w, CLAIM());
    verify(w);
}

static void follow_ups_come_with_their_settlement(struct world *w)
{
    pawl_message follow = *MESSAGE("f", .dedupe = "F");
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM());
    settle(w, SETTLE(held, DELIVERED, .messages = &follow, .message_count = 1));
    assert_int_equal(stats(w).pending, 1);
    assert_true(add(w, &follow).was_replayed);

    follow.data = "g"; /* a conflict: neither the follow-up nor the settlement is written */
    add(w, MESSAGE("2", .priority = 1));
    held = claim_one(w, CLAIM());
    pawl_settled settled;
    assert_status(
        pawl_settle(w->store, SETTLE(held, DELIVERED, .messages = &follow, .message_count = 1), 1, &settled, &err),
        PAWL_ECONFLICT);
    assert_state(w, held.id, "claimed");
    verify(w);
}

static int consume(struct world *w, unsigned request, const pawl_settlement *settlement, pawl_receipt **ret_receipt)
{
    pawl_transition *t = pawl_transition_new(
        w->store,
        &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "packed", .request_id = make_id(request)});
    pawl_transition_message(t, MESSAGE("own"));
    pawl_transition_settle(t, settlement);
    int status = pawl_transition_commit(t, ret_receipt, &err);
    pawl_transition_free(t);
    return status;
}

static void follow_ups_of_a_transition_are_its_messages(struct world *w)
{
    static const char *const payloads[] = {"own", "f", "g"};
    pawl_message follow_ups[] = {*MESSAGE("f", .dedupe = "F"), *MESSAGE("g")};
    pawl_uuid id = add(w, MESSAGE("1", .priority = 1)).id;
    struct held held = claim_one(w, CLAIM()), wrong = held;
    const pawl_settlement *done = SETTLE(held, DELIVERED, .messages = follow_ups, .message_count = 2);
    pawl_receipt *receipt;

    wrong.token++;
    assert_status(consume(w, 1, SETTLE(wrong, DELIVERED, .messages = follow_ups, .message_count = 2), NULL),
                  PAWL_EFENCED);
    assert_int_equal(stats(w).pending, 0);
    assert_ok(consume(w, 1, done, &receipt));
    assert_state(w, id, "delivered");
    assert_int_equal(pawl_receipt_message_count(receipt), 3);
    for (size_t i = 0; i < 3; i++) {
        pawl_messages *messages = get(w, pawl_receipt_message(receipt, i));
        const pawl_message_view *view = pawl_messages_get(messages, 0);
        assert_bytes(view->data, view->data_size, payloads[i]);
        assert_int_equal(view->seq, pawl_receipt_seq(receipt));
        assert_string_equal(view->state, "pending");
        pawl_messages_free(messages);
    }
    pawl_receipt_free(receipt);
    assert_ok(consume(w, 1, done, &receipt)); /* answered from what is stored: the claim is spent long ago */
    assert_true(pawl_receipt_was_replayed(receipt));
    assert_int_equal(pawl_receipt_message_count(receipt), 3);
    pawl_receipt_free(receipt);

    id = add(w, MESSAGE("2", .priority = 1)).id;
    held = claim_one(w, CLAIM());
    follow_ups[0].data = "h"; /* a conflict refuses all of it */
    assert_status(consume(w, 2, SETTLE(held, DELIVERED, .messages = follow_ups, .message_count = 2), NULL),
                  PAWL_ECONFLICT);
    assert_state(w, id, "claimed");
    assert_int_equal(stats(w).pending, 3);
    follow_ups[0].request_id = make_id(9);
    follow_ups[0].dedupe = NULL;
    assert_status(consume(w, 3, SETTLE(held, DELIVERED, .messages = follow_ups, .message_count = 1), NULL),
                  PAWL_EINVAL);
    assert_non_null(strstr(err.text, "request_id"));
    verify(w);
}

static void every_attempt_is_kept(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    int64_t start = now_ms(w);
    for (int i = 0; i < 14; i++) {
        struct held held = claim_one(w, CLAIM(.consumer = "test"));
        pawli_sim_advance_ms(w->env, 3);
        settle(w, i < 13 ? SETTLE(held, RETRY, .has_retry_in = 1) : SETTLE(held, DELIVERED));
        pawli_sim_advance_ms(w->env, 2);
    }
    pawl_messages *messages = get(w, id);
    assert_int_equal(pawl_messages_attempt_count(messages), 14);
    for (uint32_t i = 0; i < 14; i++) {
        const pawl_attempt *attempt = pawl_messages_attempt(messages, i);
        assert_int_equal(attempt->number, i + 1);
        assert_int_equal(attempt->ordinal, i + 1);
        assert_string_equal(attempt->verdict, i < 13 ? "retry" : "delivered");
        assert_string_equal(attempt->worker, "test");
        assert_int_equal(attempt->began_at_ms, start + i * 5);
        assert_int_equal(attempt->ended_at_ms, start + i * 5 + 3);
    }
    pawl_messages_free(messages);
}

/* ---- ordering keys ---- */

static void a31_one_of_a_key_at_a_time(struct world *w)
{
    pawl_uuid a1 = add(w, MESSAGE("1", .key = "a")).id, a2 = add(w, MESSAGE("2", .key = "a")).id;
    pawl_uuid b = add(w, MESSAGE("3", .key = "b")).id;
    struct held first = claim_one(w, CLAIM());
    assert_id(first.id, a1);
    assert_id(claim_one(w, CLAIM()).id, b);
    claim_none(w, CLAIM());
    claim_none(w, CLAIM(.id = a2));
    settle(w, SETTLE(first, DELIVERED));
    assert_id(claim_one(w, CLAIM()).id, a2);
    verify(w);
}

static void a_retry_keeps_its_place_in_line(struct world *w)
{
    pawl_uuid a1 = add(w, MESSAGE("1", .key = "a")).id;
    add(w, MESSAGE("2", .key = "a", .priority = 1));
    struct held held = claim_one(w, CLAIM());
    settle(w, SETTLE(held, RETRY, .has_retry_in = 1, .retry_in_ms = 100));
    claim_none(w, CLAIM());
    pawli_sim_advance_ms(w->env, 100);
    assert_id(claim_one(w, CLAIM()).id, a1);
    verify(w);
}

/* Any of the first three may end first: the next of the line takes its place. */
static void several_of_a_key_may_go_at_a_time(struct world *w)
{
    set_lane(w, "key_concurrency", "3");
    pawl_uuid ids[7];
    struct held held[7];
    for (int i = 0; i < 6; i++)
        ids[i] = add(w, MESSAGE("1", .key = "a")).id;
    for (int i = 0; i < 3; i++) {
        held[i] = claim_one(w, CLAIM());
        assert_id(held[i].id, ids[i]);
    }
    claim_none(w, CLAIM());
    verify(w);
    settle(w, SETTLE(held[0], DELIVERED)); /* the head */
    held[3] = claim_one(w, CLAIM());
    assert_id(held[3].id, ids[3]);
    settle(w, SETTLE(held[2], DEAD)); /* one beside it */
    settle(w, SETTLE(held[1], RETRY, .has_retry_in = 1, .retry_in_ms = 100));
    held[4] = claim_one(w, CLAIM());
    assert_id(held[4].id, ids[4]);
    claim_none(w, CLAIM()); /* what is tried again keeps its part of the key */
    verify(w);
    pawli_sim_advance_ms(w->env, 100);
    assert_id(claim_one(w, CLAIM()).id, ids[1]);
    verify(w);
}

/* A higher number holds as soon as somebody comes to the line or leaves it; a lower one as they leave. */
static void a_line_follows_its_policy(struct world *w)
{
    pawl_uuid ids[8];
    struct held held[8];
    for (int i = 0; i < 5; i++)
        ids[i] = add(w, MESSAGE("1", .key = "a")).id;
    set_lane(w, "key_concurrency", "3");
    held[0] = claim_one(w, CLAIM());
    claim_none(w, CLAIM());
    ids[5] = add(w, MESSAGE("1", .key = "a")).id;
    for (int i = 1; i < 3; i++)
        assert_id((held[i] = claim_one(w, CLAIM())).id, ids[i]);
    claim_none(w, CLAIM());
    verify(w);
    set_lane(w, "key_concurrency", "1");
    settle(w, SETTLE(held[0], DELIVERED)); /* the head: two are left beside it */
    claim_none(w, CLAIM());
    verify(w);
    settle(w, SETTLE(held[2], DELIVERED));
    claim_none(w, CLAIM());
    settle(w, SETTLE(held[1], DELIVERED));
    verify(w);
    set_lane(w, "key_concurrency", "2");
    held[3] = claim_one(w, CLAIM());
    assert_id(held[3].id, ids[3]);
    settle(w, SETTLE(held[3], DELIVERED));
    for (int i = 4; i < 6; i++)
        assert_id(claim_one(w, CLAIM()).id, ids[i]);
    verify(w);
}

/* Two are lost together, and the two behind them are too old for the claim that meets them: both parts go on, not one of them. */
static void the_parts_of_two_that_are_lost_go_to_two(struct world *w)
{
    set_lane(w, "key_concurrency", "2");
    set_lane(w, "max_attempts", "1");
    pawl_uuid ids[2];
    for (int i = 0; i < 4; i++)
        add(w, MESSAGE("1", .key = "a", .expires_in_ms = 60000));
    for (int i = 0; i < 2; i++)
        claim_one(w, CLAIM());
    pawli_sim_advance_ms(w->env, 60000);
    for (int i = 0; i < 2; i++)
        ids[i] = add(w, MESSAGE("2", .key = "a")).id;
    add(w, MESSAGE("3", .key = NULL)); /* which that claim takes */
    claim_one(w, CLAIM(.limit = 1));
    verify(w);
    for (int i = 0; i < 2; i++)
        assert_id(claim_one(w, CLAIM()).id, ids[i]);
    verify(w);
}

/* Its place among those that hold the key goes to its successor, whichever place that is. */
static void one_beside_the_head_hands_its_part_on(struct world *w)
{
    set_lane(w, "key_concurrency", "2");
    set_lane(w, "key_dead", "block");
    add(w, MESSAGE("1", .key = "a"));
    pawl_uuid beside = add(w, MESSAGE("2", .key = "a")).id;
    pawl_uuid third = add(w, MESSAGE("3", .key = "a")).id;
    struct held head = claim_one(w, CLAIM()), held = claim_one(w, CLAIM());
    assert_id(held.id, beside);
    settle(w, SETTLE(held, DEAD));
    claim_none(w, CLAIM()); /* the dead one keeps its part */
    pawl_moved moved = {PAWL_MOVED};
    assert_ok(pawl_message_requeue(w->store, &beside, BECAUSE(1), &moved, &err));
    verify(w);
    held = claim_one(w, CLAIM());
    assert_id(held.id, moved.successor);
    claim_none(w, CLAIM());
    settle(w, SETTLE(head, DELIVERED));
    assert_id(claim_one(w, CLAIM()).id, third);
    settle(w, SETTLE(held, DELIVERED));
    verify(w);
}

static void a_dead_one_frees_its_key_or_blocks_it(struct world *w)
{
    add(w, MESSAGE("1", .key = "a"));
    pawl_uuid a2 = add(w, MESSAGE("2", .key = "a")).id;
    claim_and(w, PAWL_VERDICT_DEAD);
    struct held held = claim_one(w, CLAIM());
    assert_id(held.id, a2);

    set_lane(w, "key_dead", "block");
    pawl_uuid a3 = add(w, MESSAGE("3", .key = "a")).id;
    settle(w, SETTLE(held, DEAD));
    claim_none(w, CLAIM());
    pawl_moved moved = {PAWL_MOVED};
    assert_status(pawl_message_purge(w->store, &a2, BECAUSE(1), &moved, &err), PAWL_EREFUSED);
    assert_ok(pawl_message_requeue(w->store, &a2, BECAUSE(2), &moved, &err));
    verify(w);
    held = claim_one(w, CLAIM());
    assert_id(held.id, moved.successor); /* in its predecessor's place, before a3 */
    settle(w, SETTLE(held, DELIVERED));
    assert_id(claim_one(w, CLAIM()).id, a3);
    verify(w);
}

static void a_key_may_be_freed_at_submission(struct world *w)
{
    set_lane(w, "key_release", "submitted");
    add(w, MESSAGE("1", .key = "a"));
    pawl_uuid a2 = add(w, MESSAGE("2", .key = "a")).id;
    struct held held = claim_one(w, CLAIM());
    settle(w, SETTLE(held, SUBMITTED));
    assert_id(claim_one(w, CLAIM()).id, a2);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_DELIVERED);
    verify(w);
}

/* One claim ends three of a line: the head is lost at its cap, the next is too old, the third is taken. */
static void a_line_moves_on_within_a_claim(struct world *w)
{
    pawl_uuid lost = add(w, MESSAGE("1", .key = "a", .max_attempts = 1)).id;
    pawl_uuid old = add(w, MESSAGE("2", .key = "a", .expires_in_ms = 10)).id;
    pawl_uuid third = add(w, MESSAGE("3", .key = "a")).id;
    pawl_uuid last = add(w, MESSAGE("4", .key = "a")).id;
    claim_one(w, CLAIM(.lease_ms = 10));
    pawli_sim_advance_ms(w->env, 10);
    struct held held = claim_one(w, CLAIM());
    assert_id(held.id, third);
    assert_state(w, lost, "dead");
    assert_state(w, old, "dead");
    verify(w);
    claim_none(w, CLAIM());
    settle(w, SETTLE(held, DELIVERED));
    assert_id(claim_one(w, CLAIM()).id, last);
    verify(w);
}

static void a_long_line_goes_in_order(struct world *w)
{
    pawl_uuid ids[40];
    for (int i = 0; i < 40; i++)
        ids[i] = add(w, MESSAGE("1", .key = i % 2 ? "odd" : "even")).id;
    pawl_moved moved = {PAWL_MOVED};
    assert_ok(pawl_message_cancel(w->store, &ids[4], BECAUSE(1), &moved, &err)); /* out of the middle */
    assert_ok(pawl_message_cancel(w->store, &ids[1], BECAUSE(2), &moved, &err)); /* the head */
    verify(w);
    for (int i = 0; i < 40; i++) {
        if (i == 1 || i == 4)
            continue;
        pawl_messages *messages = get(w, ids[i]);
        assert_string_equal(pawl_messages_get(messages, 0)->state, "pending");
        pawl_messages_free(messages);
    }
    int even = 0, odd = 3;
    while (even < 40 || odd < 40) {
        pawl_messages *messages = claim(w, CLAIM(.limit = 10));
        size_t count = pawl_messages_count(messages);
        assert_int_equal(count, (even < 40) + (odd < 40));
        pawl_settlement settlements[2];
        pawl_settled results[2];
        for (size_t i = 0; i < count; i++) {
            const pawl_message_view *view = pawl_messages_get(messages, i);
            int *next = strcmp(view->key, "odd") == 0 ? &odd : &even;
            assert_id(view->id, ids[*next]);
            *next += *next == 2 ? 4 : 2;
            settlements[i] = (pawl_settlement){PAWL_SETTLEMENT, .id = view->id, .token = view->token};
        }
        assert_ok(pawl_settle(w->store, settlements, count, results, &err));
        pawl_messages_free(messages);
    }
    claim_none(w, CLAIM());
    verify(w);
}

/* ---- what time does ---- */

static void the_age_limit_ends_what_waits(struct world *w)
{
    pawl_uuid own = add(w, MESSAGE("1", .expires_in_ms = 100)).id;
    pawl_uuid line = add(w, MESSAGE("1", .key = "a", .expires_in_ms = 100)).id;
    pawl_uuid behind = add(w, MESSAGE("1", .key = "a", .expires_in_ms = 100)).id;
    pawl_uuid policy = add(w, MESSAGE("1", .key = NULL)).id;
    pawli_sim_advance_ms(w->env, 99);
    assert_int_equal(sweep(w).expired, 0);
    pawli_sim_advance_ms(w->env, 1);
    assert_int_equal(sweep(w).expired, 3);
    assert_int_equal(sweep(w).expired, 0);
    assert_state(w, own, "dead");
    assert_state(w, line, "dead");
    assert_state(w, behind, "dead");
    assert_state(w, policy, "pending");
    set_lane(w, "age_limit_ms", "200");
    pawli_sim_advance_ms(w->env, 100);
    claim_none(w, CLAIM()); /* a claim does not take what is too old either */
    pawl_messages *messages = get(w, policy);
    assert_string_equal(pawl_messages_get(messages, 0)->state, "dead");
    assert_string_equal(pawl_messages_get(messages, 0)->error_class, "expired");
    assert_string_equal(pawl_messages_get(messages, 0)->ended_reason, "expired");
    pawl_messages_free(messages);
    verify(w);
}

#define DAY_MS 86400000LL

static void an_age_counts_from_the_message_s_own_date(struct world *w)
{
    set_lane(w, "age_limit_ms", "1000");
    set_lane(w, "backoff_ms", "900");
    set_lane(w, "jitter_percent", "0");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL, .delay_ms = 5000)).id;
    pawli_sim_advance_ms(w->env, 5000);
    assert_int_equal(sweep(w).expired, 0);
    assert_id(claim_one(w, CLAIM(.lease_ms = 10)).id, id);
    pawli_sim_advance_ms(w->env, 10);
    claim_and(w, PAWL_VERDICT_RETRY); /* what that waits is no date of the message */
    pawli_sim_advance_ms(w->env, 989);
    assert_int_equal(sweep(w).expired, 0);
    pawli_sim_advance_ms(w->env, 1);
    assert_int_equal(sweep(w).expired, 1);
    assert_state(w, id, "dead");
}

static void an_expiry_before_the_date_is_refused(struct world *w)
{
    int64_t now = now_ms(w);
    assert_status(try_add(w, MESSAGE("1", .delay_ms = 5000, .expires_in_ms = 5000)), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "expires_in_ms"));
    assert_status(try_add(w, MESSAGE("1", .available_at_ms = now + 5000, .expires_in_ms = 5000)), PAWL_EINVAL);
    add(w, MESSAGE("1", .delay_ms = 5000, .expires_in_ms = 5001));
    add(w, MESSAGE("1", .available_at_ms = now + 5000, .expires_in_ms = 5001));
    add(w, MESSAGE("1", .available_at_ms = now - 5000, .expires_in_ms = 1));
}

/* Waits, is ended, and has a key that is bound. */
static void assert_unharmed(struct world *w, const pawl_uuid *waits, const pawl_uuid *ended)
{
    pawl_swept swept = sweep(w);
    assert_int_equal(swept.expired + swept.purged + swept.forgotten, 0);
    assert_state(w, *waits, "pending");
    assert_state(w, *ended, "delivered");
    assert_true(add(w, MESSAGE("1", .dedupe = "K")).was_replayed);
}

static void a_clock_that_was_wrong_ends_nothing(struct world *w)
{
    LAW(C1);
    int64_t now = now_ms(w);
    set_lane(w, "keep_ms", "864000000");
    assert_ok(pawl_target_add(w->store, TARGET, "https://example.com/", NULL, NULL, 0, BECAUSE(9), &err));
    pawl_enqueued bound = add(w, MESSAGE("1", .dedupe = "K"));
    pawl_uuid ended = add(w, MESSAGE("1", .key = NULL)).id;
    claim_and(w, PAWL_VERDICT_DELIVERED);
    claim_and(w, PAWL_VERDICT_DELIVERED);
    assert_ok(pawl_message_purge(w->store, &bound.id, BECAUSE(1), &(pawl_moved){PAWL_MOVED}, &err));
    pawl_uuid waits = add(w, MESSAGE("1", .key = NULL)).id;
    pawli_sim_set_wall_ms(w->env, now + 40 * DAY_MS);
    assert_unharmed(w, &waits, &ended);
    pawl_why *why;
    assert_ok(pawl_why_message(w->store, &waits, &why, &err));
    assert_non_null(strstr(pawl_why_get(why, 0)->text, "too old by the wall clock"));
    pawl_why_free(why);
    pawli_sim_advance_ms(w->env, 2 * 3600000);
    assert_unharmed(w, &waits, &ended);
    pawli_sim_set_wall_ms(w->env, now);
    assert_unharmed(w, &waits, &ended);
    pawli_sim_reboot(w->env);
    pawli_sim_set_wall_ms(w->env, now + 40 * DAY_MS); /* it was off for long, or its clock is wrong */
    assert_unharmed(w, &waits, &ended);
    pawli_sim_set_wall_ms(w->env, 60000); /* 1970 */
    pawl_uuid early = add(w, MESSAGE("1", .key = NULL)).id;
    pawli_sim_set_wall_ms(w->env, now + DAY_MS);
    assert_unharmed(w, &waits, &ended);
    assert_state(w, early, "pending");
    pawli_sim_advance_ms(w->env, 50 * DAY_MS); /* what is over ends all the same */
    assert_int_equal(sweep(w).expired, 2);
    assert_int_equal(sweep(w).forgotten + sweep(w).purged, 0); /* in one go */
    verify(w);
}

static void what_waits_for_a_false_date_is_mended(struct world *w)
{
    LAW(C1);
    int64_t now = now_ms(w);
    set_lane(w, "jitter_percent", "0");
    pawli_sim_set_wall_ms(w->env, now + 365 * DAY_MS);
    pawl_uuid again = add(w, MESSAGE("1", .key = NULL)).id;
    claim_and(w, PAWL_VERDICT_RETRY); /* in a second */
    pawl_uuid soon = add(w, MESSAGE("1", .key = "a")).id, behind = add(w, MESSAGE("1", .key = "a")).id;
    pawl_uuid asked = add(w, MESSAGE("1", .key = NULL, .available_at_ms = now + 400 * DAY_MS)).id;
    pawli_sim_set_wall_ms(w->env, now);
    claim_none(w, CLAIM());
    pawl_why *why;
    assert_ok(pawl_why_message(w->store, &soon, &why, &err));
    assert_non_null(strstr(pawl_why_get(why, pawl_why_count(why) - 1)->text, "by a clock that was ahead"));
    pawl_why_free(why);
    sweep(w);
    assert_id(claim_one(w, CLAIM()).id, soon);
    claim_none(w, CLAIM());
    pawli_sim_advance_ms(w->env, 1000);
    assert_id(claim_one(w, CLAIM()).id, again);
    sweep(w);
    claim_none(w, CLAIM());
    pawl_messages *messages = get(w, asked);
    assert_int_equal(pawl_messages_get(messages, 0)->available_at_ms, now + 400 * DAY_MS);
    pawl_messages_free(messages);
    messages = get(w, behind);
    assert_int_equal(pawl_messages_get(messages, 0)->available_at_ms, now);
    pawl_messages_free(messages);
    verify(w);
}

static void hold(struct world *w, const pawl_subject *subject, int64_t until_ms, int request)
{
    assert_ok(pawl_hold_set(w->store, subject, "paused", until_ms, BECAUSE(request), &err));
}

static void release(struct world *w, const pawl_subject *subject, int request)
{
    assert_ok(pawl_hold_release(w->store, subject, "paused", BECAUSE(request), &err));
}

static const pawl_subject held_subjects[] = {{PAWL_SUBJECT},
                                             {PAWL_SUBJECT, .lane = LANE},
                                             {PAWL_SUBJECT, .target = TARGET},
                                             {PAWL_SUBJECT, .lane = LANE, .target = TARGET}};

/* However long it is held, and by whatever: it is as old after it as before, and then goes on. */
static void an_age_does_not_count_a_pause(struct world *w)
{
    set_lane(w, "age_limit_ms", "100");
    for (int i = 0; i < (int)COUNT_OF(held_subjects); i++) {
        const pawl_subject *subject = &held_subjects[i];
        pawl_uuid first = add(w, MESSAGE("1", .key = NULL)).id;
        pawl_uuid ids[] = {add(w, MESSAGE("1", .key = NULL)).id, add(w, MESSAGE("1", .expires_in_ms = 100)).id,
                           add(w, MESSAGE("1", .key = "a")).id, add(w, MESSAGE("1", .key = "a")).id};
        pawli_sim_advance_ms(w->env, 60);
        hold(w, subject, 0, 10 * i + 1);
        pawli_sim_advance_ms(w->env, 200);
        assert_int_equal(sweep(w).expired, 0);
        release(w, subject, 10 * i + 2);
        assert_int_equal(sweep(w).expired, 0);
        pawl_messages *messages = claim(w, CLAIM(.id = first));
        assert_int_equal(pawl_messages_count(messages), 1);
        pawl_messages_free(messages);
        pawli_sim_advance_ms(w->env, 39);
        assert_int_equal(sweep(w).expired, 0);
        pawli_sim_advance_ms(w->env, 1);
        assert_int_equal(sweep(w).expired, COUNT_OF(ids));
        for (size_t j = 0; j < COUNT_OF(ids); j++)
            assert_state(w, ids[j], "dead");
    }
    verify(w);
}

/* One that ends by itself, one that is set anew while it lasts, and one that is released. */
static void an_age_counts_no_pause_of_many(struct world *w)
{
    const pawl_subject lane = {PAWL_SUBJECT, .lane = LANE}, target = {PAWL_SUBJECT, .target = TARGET};
    pawl_uuid id = add(w, MESSAGE("1", .expires_in_ms = 100)).id;
    hold(w, &lane, now_ms(w) + 150, 1);
    pawli_sim_advance_ms(w->env, 150);
    assert_int_equal(sweep(w).expired, 0);
    assert_status(pawl_hold_release(w->store, &lane, NULL, BECAUSE(2), &err), PAWL_ENOTFOUND); /* it is over */
    pawli_sim_advance_ms(w->env, 50);
    hold(w, &lane, 0, 3);
    pawli_sim_advance_ms(w->env, 150);
    hold(w, &lane, 0, 4);
    pawli_sim_advance_ms(w->env, 150);
    release(w, &lane, 5);
    hold(w, &target, 0, 6);
    pawli_sim_advance_ms(w->env, 150);
    release(w, &target, 7);
    pawli_sim_advance_ms(w->env, 49);
    assert_int_equal(sweep(w).expired, 0);
    pawli_sim_advance_ms(w->env, 1);
    claim_none(w, CLAIM());
    assert_state(w, id, "dead");
    verify(w);
}

static uint64_t commits(struct world *w)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    assert_ok(pawl_store_get_info(w->store, &info, &err));
    return info.commits;
}

static void what_died_before_a_pause_is_dead_after_it(struct world *w)
{
    const pawl_subject lane = {PAWL_SUBJECT, .lane = LANE};
    pawl_uuid id = add(w, MESSAGE("1", .expires_in_ms = 100)).id;
    pawli_sim_advance_ms(w->env, 100);
    hold(w, &lane, 0, 1);
    uint64_t before = commits(w);
    assert_int_equal(sweep(w).expired, 0); /* and costs no commit */
    assert_int_equal(commits(w), before);
    assert_state(w, id, "pending");
    release(w, &lane, 2);
    assert_int_equal(sweep(w).expired, 1);
}

/* However many have expired, a claim that may take one finds the one behind them. */
static void a_claim_goes_on_behind_what_expired(struct world *w)
{
    for (int i = 0; i < 20; i++)
        add(w, MESSAGE("1", .key = i % 2 ? "a" : NULL, .expires_in_ms = 100));
    pawl_uuid behind = add(w, MESSAGE("2", .key = "a", .priority = 9)).id;
    pawli_sim_advance_ms(w->env, 100);
    struct held held = claim_one(w, CLAIM());
    assert_memory_equal(&held.id, &behind, sizeof behind);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_DELIVERED);
    claim_none(w, CLAIM());
    verify(w);
}

static void a_claimed_one_does_not_expire(struct world *w)
{
    add(w, MESSAGE("1", .expires_in_ms = 100));
    struct held held = claim_one(w, CLAIM());
    pawli_sim_advance_ms(w->env, 100);
    assert_int_equal(sweep(w).expired, 0);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_DELIVERED);
}

static void retention_purges_what_ended(struct world *w)
{
    pawl_uuid done = add(w, MESSAGE("1", .key = NULL)).id;
    claim_and(w, PAWL_VERDICT_DELIVERED);
    pawl_uuid waits = add(w, MESSAGE("1", .key = NULL)).id;
    pawli_sim_advance_ms(w->env, 1000000);
    assert_int_equal(sweep(w).purged, 0); /* all is kept, unless a policy says otherwise */
    set_lane(w, "keep_ms", "2000000");
    assert_int_equal(sweep(w).purged, 0);
    pawli_sim_advance_ms(w->env, 1000000);
    assert_int_equal(sweep(w).purged, 1);
    pawl_messages *messages;
    assert_status(pawl_message_get(w->store, &done, &messages, &err), PAWL_ENOTFOUND);
    assert_state(w, waits, "pending");
    assert_int_equal(stats(w).delivered, 0);
    verify(w);
}

static void a_reboot_ends_every_lease(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    struct held held = claim_one(w, CLAIM(.lease_ms = 86400000));
    pawli_sim_reboot(w->env);
    struct held again = claim_one(w, CLAIM());
    assert_id(again.id, id);
    assert_int_equal(again.attempts, 2);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_LOST);
    verify(w);
}

static void sweeps_walk_many_pages(struct world *w)
{
    pawl_message messages[1000];
    pawl_enqueued results[1000];
    for (int i = 0; i < 1000; i++)
        messages[i] = *MESSAGE("1", .expires_in_ms = 10);
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 1000; j++)
            messages[j].key = j % 10 == i ? "k" : NULL;
        assert_ok(pawl_enqueue(w->store, messages, 1000, results, &err));
    }
    pawli_sim_advance_ms(w->env, 10);
    assert_int_equal(sweep(w).expired, 5000);
    assert_int_equal(stats(w).dead, 5000);
    set_lane(w, "keep_ms", "1");
    pawli_sim_advance_ms(w->env, 1);
    assert_int_equal(sweep(w).purged, 5000);
    verify(w);
}

static const struct conformance_case cases[] = {
    CASE(a21_the_older_one_first),
    CASE(a22_only_what_is_due_and_of_the_lane),
    CASE(a23_a_retry_is_due_to_the_millisecond),
    CASE(a24_a_lease_ends_to_the_millisecond),
    CASE(a27_all_claimed_is_nothing_to_claim),
    CASE(a30_priority_then_due_then_number),
    CASE(delayed_urgent_ones_do_not_hide_due_ones),
    CASE(a31_one_of_a_key_at_a_time),
    CASE(several_of_a_key_may_go_at_a_time),
    CASE(a_line_follows_its_policy),
    CASE(one_beside_the_head_hands_its_part_on),
    CASE(the_parts_of_two_that_are_lost_go_to_two),
    CASE(a32_a_claim_is_checked),
    CASE(a33_a_lease_is_within_its_range),
    CASE(a35_a_lost_claim_at_the_cap_is_dead),
    CASE(a36_a_consumer_that_always_dies_has_a_cap),
    CASE(a38_a_lost_claim_is_pending_again),
    CASE(a_lost_claim_of_a_lane_that_holds_is_uncertain),
    CASE(lost_claims_of_other_queues_do_not_stand_before_ones_own),
    CASE(a_sweep_leaves_no_lost_claim),
    CASE(a39_a_lease_is_extended_under_its_token),
    CASE(no_more_is_claimed_than_its_size_allows),
    CASE(a42_one_by_its_id_whatever_its_time),
    CASE(a44_the_wall_clock_ends_no_lease),
    CASE(tokens_never_come_again),
    CASE(a_claim_waits_until_there_is_something),
    CASE(what_comes_between_look_and_sleep_is_not_missed),
    CASE(a45_delivered_once),
    CASE(a46_who_has_no_claim_settles_nothing),
    CASE(a47_a_claim_of_before_is_fenced),
    CASE(a48_failed_for_now),
    CASE(a49_failed_at_the_cap),
    CASE(at_the_cap_a_lane_may_hold),
    CASE(a_cap_that_was_lowered_counts_for_the_next_attempt),
    CASE(a51_impossible_is_dead_at_once),
    CASE(a54_what_ended_stays),
    CASE(a57_an_error_is_cut_between_characters),
    CASE(a58_the_token_is_the_fence_not_the_time),
    CASE(a_lost_one_fails_no_neighbour),
    CASE(the_second_word_on_one_claim_is_lost),
    CASE(deferred_and_released_give_the_attempt_back),
    CASE(a_submitted_one_awaits_its_outcome),
    CASE(an_outcome_that_never_comes_is_doubted),
    CASE(follow_ups_come_with_their_settlement),
    CASE(every_attempt_is_kept),
    CASE(follow_ups_of_a_transition_are_its_messages),
    CASE(a_retry_keeps_its_place_in_line),
    CASE(a_dead_one_frees_its_key_or_blocks_it),
    CASE(a_key_may_be_freed_at_submission),
    CASE(a_line_moves_on_within_a_claim),
    CASE(a_long_line_goes_in_order),
    CASE(the_age_limit_ends_what_waits),
    CASE(a_claim_goes_on_behind_what_expired),
    CASE(an_age_counts_from_the_message_s_own_date),
    CASE(an_expiry_before_the_date_is_refused),
    CASE(a_clock_that_was_wrong_ends_nothing),
    CASE(what_waits_for_a_false_date_is_mended),
    CASE(an_age_does_not_count_a_pause),
    CASE(an_age_counts_no_pause_of_many),
    CASE(what_died_before_a_pause_is_dead_after_it),
    CASE(a_claimed_one_does_not_expire),
    CASE(retention_purges_what_ended),
    CASE(a_reboot_ends_every_lease),
    CASE(sweeps_walk_many_pages),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
