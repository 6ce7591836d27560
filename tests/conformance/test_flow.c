/* SPDX-License-Identifier: MIT */
/* Limits of lanes and targets stand in the store: however many claim, together they keep them. */
#include "conformance.h"

static pawl_store *another_handle(struct world *w)
{
    pawl_store *store = w->store;
    if (w->kind->is_durable)
        assert_ok(pawli_open_in(w->env, w->url, NULL, &store, &err));
    return store;
}

static void close_handle(struct world *w, pawl_store *store)
{
    if (store != w->store)
        pawl_store_close(store);
}

static size_t claim_from(pawl_store *store, const char *lane, const char *target, bool by_hand, struct held *held)
{
    pawl_messages *messages;
    assert_ok(pawl_claim(store,
                         &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = lane, .target = target, .limit = 100,
                                               .consumer = "c", .ends_with_process = !by_hand},
                         &messages, &err));
    size_t count = pawl_messages_count(messages);
    for (size_t i = 0; held && i < count; i++)
        held[i] = (struct held){pawl_messages_get(messages, i)->id, pawl_messages_get(messages, i)->token, 1, 0};
    pawl_messages_free(messages);
    return count;
}

static void add_many(struct world *w, const char *lane, const char *target, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(w, &(pawl_message){PAWL_MESSAGE, .lane = lane, .target = target, .data = "1", .data_size = 1});
}

static void settle_as(struct world *w, struct held held, int32_t verdict)
{
    pawl_settlement settlement = *SETTLE(held, DELIVERED);
    settlement.verdict = verdict;
    settle(w, &settlement);
}

static void add_target_here(struct world *w)
{
    assert_ok(pawl_target_add(w->store, TARGET, "https://example.com/", NULL, NULL, 0,
                              &(pawl_operation){PAWL_OPERATION, .reason = "test"}, &err));
}

/* Sends in flight to a target are those of all its lanes and of all who claim. */
static void a_target_has_no_more_in_flight_than_its_concurrency(struct world *w)
{
    struct held held[100];
    add_target_here(w);
    set_target(w, "concurrency", "3");
    add_many(w, LANE, TARGET, 5);
    add_many(w, "other", TARGET, 5);
    pawl_store *second = another_handle(w);
    assert_int_equal(claim_from(w->store, LANE, TARGET, false, held), 3);
    assert_int_equal(claim_from(second, "other", TARGET, false, NULL), 0);
    assert_int_equal(claim_from(second, LANE, TARGET, true, NULL), 0); /* somebody set it: whoever claims */
    settle_as(w, held[0], PAWL_VERDICT_DELIVERED);
    assert_int_equal(claim_from(second, "other", TARGET, false, NULL), 1);
    assert_int_equal(claim_from(w->store, LANE, TARGET, false, NULL), 0);
    settle_as(w, held[1], PAWL_VERDICT_RETRY);
    settle_as(w, held[2], PAWL_VERDICT_UNCERTAIN);
    assert_int_equal(claim_from(w->store, LANE, TARGET, false, NULL), 2);
    close_handle(w, second);
    verify(w);
}

/* What is there by default limits workers: who claims by hand says himself how many. */
static void the_default_limits_no_claim_by_hand(struct world *w)
{
    add_many(w, LANE, TARGET, 80);
    assert_int_equal(claim_from(w->store, LANE, TARGET, false, NULL), 32);
    assert_int_equal(claim_from(w->store, LANE, TARGET, true, NULL), 48);
}

static void a_lane_has_no_more_in_flight_than_its_own(struct world *w)
{
    struct held held[100];
    set_lane(w, "lane_concurrency", "4");
    add_many(w, LANE, "a", 3);
    add_many(w, LANE, "b", 3);
    add_many(w, "other", "a", 3);
    assert_int_equal(claim_from(w->store, LANE, "a", false, held), 3);
    assert_int_equal(claim_from(w->store, LANE, "b", false, NULL), 1);
    assert_int_equal(claim_from(w->store, "other", "a", false, NULL), 3);
    settle_as(w, held[0], PAWL_VERDICT_DELIVERED);
    assert_int_equal(claim_from(w->store, LANE, "b", false, NULL), 1);
    verify(w);
}

static void a_rate_is_kept_by_all_who_claim(struct world *w)
{
    struct held held[100];
    add_target_here(w);
    set_target(w, "rate", "10/1s");
    set_target(w, "burst", "2");
    add_many(w, LANE, TARGET, 40);
    add_many(w, "other", TARGET, 40);
    pawl_store *second = another_handle(w);
    assert_int_equal(claim_from(w->store, LANE, TARGET, false, held), 2);
    assert_int_equal(claim_from(second, "other", TARGET, true, NULL), 0);
    settle_as(w, held[0], PAWL_VERDICT_DELIVERED);
    assert_int_equal(claim_from(second, "other", TARGET, true, NULL), 0); /* it was sent */
    settle_as(w, held[1], PAWL_VERDICT_RELEASED);
    assert_int_equal(claim_from(second, "other", TARGET, true, NULL), 1); /* it was not */
    size_t count = 0;
    for (int i = 0; i < 200; i++) {
        pawli_sim_advance_ms(w->env, 10);
        count += claim_from(i % 2 ? second : w->store, i % 2 ? LANE : "other", TARGET, false, NULL);
    }
    assert_in_range(count, 19, 21);
    close_handle(w, second);
    verify(w);
}

/* Set on a lane it is the lane's. */
static void a_rate_of_a_lane_is_of_all_its_targets(struct world *w)
{
    set_lane(w, "rate", "5/1s");
    add_many(w, LANE, "a", 10);
    add_many(w, LANE, "b", 10);
    assert_int_equal(claim_from(w->store, LANE, "a", false, NULL), 5);
    assert_int_equal(claim_from(w->store, LANE, "b", false, NULL), 0);
    pawli_sim_advance_ms(w->env, 400);
    assert_int_equal(claim_from(w->store, LANE, "b", false, NULL), 2);
    pawli_sim_reboot(w->env); /* nobody knows what was before */
    assert_int_equal(claim_from(w->store, LANE, "b", false, NULL), 5);
    verify(w);
}

/* Who waits for a claim is let go on when the rate says so. */
static void a_waiting_claim_waits_for_the_rate(struct world *w)
{
    set_lane(w, "rate", "1/5s");
    add_many(w, LANE, TARGET, 2);
    assert_int_equal(claim_from(w->store, LANE, TARGET, true, NULL), 1);
    pawl_messages *messages;
    int64_t began = now_ms(w);
    assert_ok(pawl_claim(w->store, CLAIM(.limit = 1, .wait_ms = 60000), &messages, &err));
    assert_int_equal(pawl_messages_count(messages), 1);
    assert_in_range(now_ms(w) - began, 4999, 5001);
    pawl_messages_free(messages);
}

static void expect_reason(struct world *w, pawl_uuid id, const char *code, int64_t until_ms)
{
    pawl_why *why;
    bool found = false;
    assert_ok(pawl_why_message(w->store, &id, &why, &err));
    for (size_t i = 0; i < pawl_why_count(why); i++)
        if (strcmp(pawl_why_get(why, i)->code, code) == 0) {
            found = true;
            assert_int_equal(pawl_why_get(why, i)->until_ms, until_ms);
        }
    pawl_why_free(why);
    if (!found)
        fail_msg("nobody says that it is %s", code);
}

static void why_names_the_limit(struct world *w)
{
    set_lane(w, "lane_concurrency", "1");
    add_many(w, LANE, TARGET, 1);
    pawl_uuid id = add(w, MESSAGE("2", .key = NULL)).id;
    claim_from(w->store, LANE, TARGET, false, NULL);
    expect_reason(w, id, "full", 0);
    set_lane(w, "lane_concurrency", "");
    set_lane(w, "rate", "1/5s");
    add_many(w, LANE, "other", 1);
    assert_int_equal(claim_from(w->store, LANE, "other", false, NULL), 1);
    expect_reason(w, id, "rate", now_ms(w) + 5000);
    pawli_sim_advance_ms(w->env, 5000);
    assert_int_equal(claim_from(w->store, LANE, TARGET, false, NULL), 1);
}

/* ---- breakers ---- */

static const char *hold_code(struct world *w, int64_t *until)
{
    static char code[32];
    pawl_settings *holds;
    assert_ok(pawl_holds_list(w->store, &holds, &err));
    code[0] = '\0';
    for (size_t i = 0; i < pawl_settings_count(holds); i++) {
        snprintf(code, sizeof code, "%s", pawl_settings_hold(holds, i)->code);
        *until = pawl_settings_hold(holds, i)->until_ms;
        assert_string_equal(pawl_settings_hold(holds, i)->target, TARGET);
        assert_non_null(pawl_settings_hold(holds, i)->reason);
    }
    pawl_settings_free(holds);
    return code;
}

static void fail_all(struct world *w, size_t count)
{
    struct held held[100];
    assert_int_equal(claim_from(w->store, LANE, TARGET, false, held), count);
    for (size_t i = 0; i < count; i++)
        settle_as(w, held[i], PAWL_VERDICT_RETRY);
}

static void a_breaker_holds_its_target_for_all(struct world *w)
{
    int64_t until = 0;
    struct held held[100];
    add_target_here(w);
    set_lane(w, "breaker", "50%/4");
    set_lane(w, "breaker_disable", "2");
    set_lane(w, "breaker_open_ms", "5000");
    set_lane(w, "concurrency", "4");
    set_lane(w, "backoff_ms", "0");
    add_many(w, LANE, TARGET, 30);
    pawl_uuid waits = add(w, MESSAGE("2", .key = NULL)).id;
    fail_all(w, 4);
    assert_string_equal(hold_code(w, &until), "breaker");
    assert_int_equal(until, now_ms(w) + 5000);
    pawl_store *second = another_handle(w);
    assert_int_equal(claim_from(second, LANE, TARGET, false, NULL), 0);
    for (int i = 0; i < 2; i++) { /* one trial at a time, whoever makes it */
        pawli_sim_advance_ms(w->env, 5000);
        assert_int_equal(claim_from(second, LANE, TARGET, false, held), 1);
        assert_int_equal(claim_from(w->store, LANE, TARGET, false, NULL), 0);
        expect_reason(w, waits, "healing", 0);
        settle_as(w, held[0], PAWL_VERDICT_RETRY);
        assert_string_equal(hold_code(w, &until), "breaker");
    }
    assert_int_equal(until, 0); /* until a person looks */
    pawli_sim_advance_ms(w->env, 3600000);
    assert_int_equal(claim_from(w->store, LANE, TARGET, false, NULL), 0);
    assert_ok(pawl_hold_release(w->store, &(pawl_subject){PAWL_SUBJECT, .target = TARGET}, NULL,
                                &(pawl_operation){PAWL_OPERATION, .reason = "mended"}, &err));
    assert_int_equal(claim_from(w->store, LANE, TARGET, false, held), 1);
    settle_as(w, held[0], PAWL_VERDICT_DELIVERED);
    assert_string_equal(hold_code(w, &until), "");
    assert_int_equal(claim_from(w->store, LANE, TARGET, false, NULL), 1);
    close_handle(w, second);
    verify(w);
}

/* Lost claims and what was given back say nothing of the target; what it refuses is an answer. */
static void only_what_a_target_did_counts(struct world *w)
{
    int64_t until = 0;
    struct held held[100];
    add_target_here(w);
    set_lane(w, "breaker", "50%/2");
    set_lane(w, "concurrency", "4");
    add_many(w, LANE, TARGET, 30);
    for (int i = 0; i < 3; i++) {
        static const int32_t verdicts[] = {PAWL_VERDICT_DEFERRED, PAWL_VERDICT_RELEASED, PAWL_VERDICT_DEAD};
        assert_int_equal(claim_from(w->store, LANE, TARGET, false, held), 4);
        for (int j = 0; j < 4; j++)
            settle_as(w, held[j], verdicts[i]);
        assert_string_equal(hold_code(w, &until), "");
    }
    assert_int_equal(claim_from(w->store, LANE, TARGET, true, held), 4);
    pawli_sim_advance_ms(w->env, 30000);
    sweep(w);
    assert_string_equal(hold_code(w, &until), "");
    verify(w);
}

/* One second of a target that takes so much, or refuses all: what it took. */
static uint64_t a_second(struct world *w, bool is_well, unsigned capacity)
{
    struct held held[100];
    uint64_t took = 0;
    for (int i = 0; i < 10; i++) {
        size_t count = claim_from(w->store, LANE, TARGET, false, held);
        for (size_t j = 0; j < count; j++)
            settle_as(w, held[j], is_well && j < capacity ? PAWL_VERDICT_DELIVERED : PAWL_VERDICT_RETRY);
        took += count;
        pawli_sim_advance_ms(w->env, 100);
    }
    return took;
}

/* Ten a second is normal; ten minutes it fails, and 10,000 wait. In the first minute it gets twice what is normal at most. */
static void a_target_that_healed_is_not_stampeded(struct world *w)
{
    add_target_here(w);
    set_lane(w, "breaker", "50%/20");
    set_lane(w, "breaker_disable", "100");
    set_lane(w, "concurrency", "100");
    for (int i = 0; i < 60; i++) {
        add_many(w, LANE, TARGET, 10);
        a_second(w, true, 100);
    }
    add_many(w, LANE, TARGET, w->kind->is_durable ? 3000 : 10000);
    uint64_t sent = 0;
    for (int i = 0; i < 600; i++)
        sent += a_second(w, false, 0);
    assert_in_range(sent, 20, 200); /* it is left alone */
    uint64_t first = 0, second = 0;
    int waited = 0;
    for (; waited < 40 && first == 0; waited++)
        first = a_second(w, true, 100);
    assert_in_range(waited, 1, 31); /* a trial is made */
    for (int i = 1; i < 60; i++)
        first += a_second(w, true, 100);
    for (int i = 0; i < 60; i++)
        second += a_second(w, true, 100);
    assert_in_range(first, 600, 2 * 600 + 20);
    assert_in_range(second, 1200, 4 * 600 + 20);
    verify(w);
}

static const struct conformance_case cases[] = {
    CASE(a_target_has_no_more_in_flight_than_its_concurrency),
    CASE(the_default_limits_no_claim_by_hand),
    CASE(a_lane_has_no_more_in_flight_than_its_own),
    CASE(a_rate_is_kept_by_all_who_claim),
    CASE(a_rate_of_a_lane_is_of_all_its_targets),
    CASE(a_waiting_claim_waits_for_the_rate),
    CASE(why_names_the_limit),
    CASE(a_breaker_holds_its_target_for_all),
    CASE(only_what_a_target_did_counts),
    CASE(a_target_that_healed_is_not_stampeded),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
