/* SPDX-License-Identifier: MIT */
/* Workers that ask what became of a message, on every store: of unknown outcomes before anything is sent again, of what was
 * handed over until its outcome is known. */
#include "working.h"

#define ASKED                                                                                                          \
    {"probe", "callback:deliver"}, {"poll", "callback:deliver"}, {"jitter_percent", "0"},                              \
    {                                                                                                                  \
        "backoff_ms", "500"                                                                                            \
    }

static void lose_the_first_answer(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    if (work->count == 1)
        lose_the_answer(work, message, outcome);
}

static void hand_over(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)work, (void)message;
    outcome->verdict = PAWL_VERDICT_SUBMITTED;
    snprintf(outcome->remote_id, sizeof outcome->remote_id, "batch 7");
}

static void it_happened(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)work, (void)message;
    assert_int_equal(outcome->verdict, PAWL_VERDICT_UNCERTAIN); /* whoever says nothing says that nobody knows */
    outcome->verdict = PAWL_VERDICT_DELIVERED;
}

static void it_did_not(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)work, (void)message;
    say(outcome, PAWL_VERDICT_RETRY, "no such payment");
}

static void it_never_will(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)work, (void)message;
    say(outcome, PAWL_VERDICT_DEAD, "the account is closed");
}

/* Nobody knows at first. */
static void it_happened_after_all(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    if (work->look_count < 4)
        nobody_knows(work, message, outcome);
    else
        it_happened(work, message, outcome);
}

static void poll_says_nothing_yet(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    assert_string_equal(message->phase, "poll");
    assert_string_equal(message->remote_id, "batch 7");
    it_happened_after_all(work, message, outcome);
}

/* ---- probes ---- */

static void an_unknown_outcome_is_asked_for_before_it_is_sent_again(struct world *w)
{
    LAW(O4);
    static const pawl_setting settings[] = {ASKED};
    struct work work;
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = lose_the_first_answer;
    work.probe = it_did_not;
    pawl_uuid id = add(w, MESSAGE("1", .key = "k")).id, next = add(w, MESSAGE("2", .key = "k")).id;
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "uncertain");
    assert_int_equal(work.look_count, 0);
    claim_none(w, CLAIM()); /* it holds its key */
    work_until(&work, id, "delivered");
    assert_int_equal(work.look_count, 1);
    assert_id(work.looks[0].id, id);
    assert_int_equal(work.looks[0].at_ms - work.calls[0].at_ms, 1000); /* probe_backoff_ms */
    assert_int_equal(work.calls[1].at_ms - work.looks[0].at_ms, 500);  /* it did not happen: the backoff of sends */
    assert_id(work.calls[1].id, id);
    assert_int_equal(work.calls[1].attempt, 2);
    work_until(&work, next, "delivered");
    assert_int_equal(work.count, 3);
    pawl_worker_stats counts = counted(worker);
    assert_int_equal(counts.claimed, 3);
    assert_int_equal(counts.asked, 1);
    end(&work, worker);
}

static void what_a_probe_found_is_not_sent_again(struct world *w)
{
    LAW(O4);
    static const pawl_setting settings[] = {ASKED};
    static const struct {
        deliver_function *probe;
        const char *state;
    } rows[] = {{it_happened, "delivered"}, {it_never_will, "dead"}};
    struct work work;
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = lose_the_answer;
    pawl_worker *worker = start(&work, "me");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        work.probe = rows[i].probe;
        pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
        work_until(&work, id, rows[i].state);
        assert_int_equal(work.count, i + 1);
        assert_int_equal(work.look_count, i + 1);
    }
    end(&work, worker);
}

static void it_is_asked_again_with_a_backoff_of_its_own(struct world *w)
{
    static const pawl_setting settings[] = {ASKED, {"probe_backoff_ms", "300"}};
    static const int64_t delays[] = {300, 600, 1200, 2400};
    static const char *const told[] = {"the connection was lost", "the ledger is busy", "the ledger is busy",
                                       "the ledger is busy", NULL};
    struct work work;
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = lose_the_answer;
    work.probe = it_happened_after_all;
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "delivered");
    assert_int_equal(work.count, 1);
    assert_int_equal(work.look_count, COUNT_OF(delays));
    int64_t before = work.calls[0].at_ms;
    for (size_t i = 0; i < COUNT_OF(delays); before = work.looks[i++].at_ms)
        assert_int_equal(work.looks[i].at_ms - before, delays[i]);
    /* All of it is kept. */
    pawl_messages *messages = get(w, id);
    assert_int_equal(pawl_messages_attempt_count(messages), COUNT_OF(told));
    for (size_t i = 0; i < COUNT_OF(told); i++) {
        const pawl_attempt *attempt = pawl_messages_attempt(messages, i);
        assert_string_equal(attempt->phase, i == 0 ? "send" : "probe");
        assert_int_equal(attempt->number, i == 0 ? 1 : i);
        assert_int_equal(attempt->ordinal, i + 1);
        assert_string_equal(attempt->worker, "me");
        if (told[i])
            assert_string_equal(attempt->text, told[i]);
    }
    assert_string_equal(pawl_messages_attempt(messages, COUNT_OF(told) - 1)->verdict, "delivered");
    pawl_messages_free(messages);
    end(&work, worker);
}

static void a_probe_that_never_knows_leaves_it_to_the_policy(struct world *w)
{
    LAW(O4);
    for (int holds = 0; holds < 2; holds++) {
        const pawl_setting settings[] = {ASKED, {"probe_limit_ms", "60000"}, {"unknown", holds ? "hold" : "resend"}};
        struct world fresh;
        struct work work;
        open_world(&fresh, w->kind, 1);
        begin(&work, &fresh, settings, COUNT_OF(settings));
        work.deliver = lose_the_first_answer;
        pawl_uuid id = add(&fresh, MESSAGE("1", .key = NULL)).id;
        pawl_worker *worker = start(&work, "me");
        if (holds) {
            for (int i = 0; i < 100; i++) {
                work_on(&work);
                pawli_sim_advance_ms(fresh.env, 1000);
            }
            assert_int_equal(work.count, 1);
            assert_state(&fresh, id, "uncertain");
            size_t looks = work.look_count;
            pawli_sim_advance_ms(fresh.env, 3600000);
            work_on(&work);
            assert_int_equal(work.look_count, looks); /* a person is waited for */
        } else {
            work_until(&work, id, "delivered");
            assert_int_equal(work.count, 2);
            assert_true(work.calls[1].at_ms - work.calls[0].at_ms >= 60000);
        }
        assert_in_range(work.look_count, 5, 7); /* 1 + 2 + 4 + … seconds */
        end(&work, worker);
        close_world(&fresh);
    }
}

/* ---- polls ---- */

static void what_was_handed_over_is_asked_for_until_it_is_done(struct world *w)
{
    LAW(O1, O3);
    static const pawl_setting settings[] = {ASKED};
    struct work work;
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = hand_over;
    work.probe = poll_says_nothing_yet;
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "awaiting");
    work_until(&work, id, "delivered");
    assert_int_equal(work.count, 1);
    assert_int_equal(work.look_count, 4);
    pawl_messages *messages = get(w, id);
    assert_int_equal(pawl_messages_get(messages, 0)->attempts, 1);
    assert_string_equal(pawl_messages_get(messages, 0)->remote_id, "batch 7");
    pawl_messages_free(messages);
    end(&work, worker);
}

/* One that nobody knows of any more is probed, and sent again if it is not there. */
static void a_poll_that_finds_nothing_leaves_the_outcome_unknown(struct world *w)
{
    LAW(O4);
    static const pawl_setting settings[] = {ASKED};
    struct work work;
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = hand_over;
    work.probe = it_did_not;
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "awaiting");
    work_until(&work, id, "uncertain");
    assert_int_equal(work.look_count, 1);
    work_until(&work, id, "pending");
    assert_int_equal(work.look_count, 2);
    assert_int_equal(work.count, 1);
    work.probe = it_happened;
    work_until(&work, id, "delivered");
    assert_int_equal(work.count, 2);
    end(&work, worker);
}

/* ---- who asks, and when not ---- */

/* Under a lost claim it finds out that nothing happened, and then somebody else that it did. */
static void be_late(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    if (work->look_count == 1)
        it_did_not(work, message, outcome);
    else
        it_happened(work, message, outcome);
}

static bool is_claimed(struct world *w, pawl_uuid id)
{
    pawl_messages *messages = get(w, id);
    bool is = pawl_messages_get(messages, 0)->claimed_by != NULL;
    pawl_messages_free(messages);
    return is;
}

/* It is claimed to be asked for, and whoever is asked has not heard of it yet. */
static void hold_the_answer(struct work *work, pawl_uuid id)
{
    for (int i = 0; i < TURNS_MAX && !is_claimed(work->w, id); i++) {
        int64_t next_ms;
        assert_int_equal(work->look_count, 0);
        assert_ok(pawl_store_step(work->w->store, 0, &next_ms, &err));
        if (!is_claimed(work->w, id))
            pawli_sim_run_jobs(work->w->env); /* a survey */
    }
}

static void what_is_found_out_under_a_lost_claim_moves_nothing(struct world *w)
{
    LAW(O2, O4);
    static const pawl_setting settings[] = {ASKED, {"lease_ms", "1000"}};
    struct work work;
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = lose_the_answer;
    work.probe = be_late;
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "uncertain");
    pawli_sim_advance_ms(w->env, 1000);
    hold_the_answer(&work, id);
    pawli_sim_advance_ms(w->env, 5000);
    sweep(w); /* its claim is lost */
    work_on(&work);
    assert_int_equal(counted(worker).lost, 1);
    work_until(&work, id, "delivered");
    assert_int_equal(work.look_count, 2);
    assert_int_equal(work.count, 1);
    pawl_messages *messages = get(w, id);
    assert_string_equal(pawl_messages_attempt(messages, 1)->verdict, "lost");
    assert_string_equal(pawl_messages_attempt(messages, 2)->verdict, "delivered");
    pawl_messages_free(messages);
    end(&work, worker);
}

/* A person knows before whoever is asked does. */
static void a_person_may_say_while_somebody_is_asked(struct world *w)
{
    LAW(O1, O2);
    static const pawl_setting settings[] = {ASKED};
    struct work work;
    pawl_moved moved = {PAWL_MOVED};
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = lose_the_answer;
    work.probe = it_did_not;
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "uncertain");
    pawli_sim_advance_ms(w->env, 1000);
    hold_the_answer(&work, id);
    assert_ok(pawl_message_resolve(w->store, &id, PAWL_VERDICT_DELIVERED, BECAUSE(2), &moved, &err));
    assert_string_equal(moved.before, "uncertain");
    work_on(&work);
    assert_int_equal(work.look_count, 1);
    assert_state(w, id, "delivered");
    assert_int_equal(counted(worker).lost, 1);
    end(&work, worker);
}

static void what_is_held_is_not_asked_for(struct world *w)
{
    static const pawl_subject target = {PAWL_SUBJECT, .target = TARGET};
    static const pawl_setting settings[] = {ASKED};
    struct work work;
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = lose_the_answer;
    work.probe = it_happened;
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "uncertain");
    assert_ok(pawl_hold_set(w->store, &target, "paused", 0, BECAUSE(2), &err));
    for (int i = 0; i < 10; i++) {
        pawli_sim_advance_ms(w->env, 1000);
        work_on(&work);
    }
    assert_int_equal(work.look_count, 0);
    assert_ok(pawl_hold_release(w->store, &target, NULL, BECAUSE(3), &err));
    work_on(&work);
    assert_state(w, id, "delivered");
    end(&work, worker);
}

/* One at a time for sends and looks together, always something to send, and always something to ask: each gets its turn. */
static void neither_sends_nor_looks_wait_for_the_others_to_end(struct world *w)
{
    static const pawl_setting settings[] = {{"probe", "callback:deliver"},
                                            {"concurrency", "1"},
                                            {"backoff_ms", "1"},
                                            {"probe_backoff_ms", "1"},
                                            {"backoff_max_ms", "1"}};
    struct work work;
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = lose_the_answer;
    pawl_worker *worker = start(&work, "me");
    for (int i = 0; i < 4; i++)
        add(w, MESSAGE("1", .key = NULL));
    for (int i = 0; i < 20 && stats(w).uncertain < 4; i++) {
        work_on(&work);
        pawli_sim_advance_ms(w->env, 1);
    }
    assert_int_equal(stats(w).uncertain, 4); /* from here on something is always to be asked for */
    work.deliver = NULL;
    for (int i = 0; i < 40; i++)
        add(w, MESSAGE("2", .key = NULL));
    size_t looks = work.look_count, sends = work.count;
    for (int i = 0; i < 400 && (work.count < sends + 20); i++) {
        turn(&work);
        pawli_sim_advance_ms(w->env, 1);
    }
    assert_true(work.look_count >= looks + 10);
    work.probe = it_happened;
    for (int i = 0; i < 400 && stats(w).delivered < 44; i++) {
        work_on(&work);
        pawli_sim_advance_ms(w->env, 10);
    }
    assert_int_equal(stats(w).delivered, 44);
    end(&work, worker);
}

/* What it delivers by another function: this worker is asked nothing. */
static void who_has_no_probe_claims_nothing_to_ask(struct world *w)
{
    static const pawl_setting settings[] = {ASKED};
    struct work work;
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = lose_the_answer;
    pawl_worker *worker = start_unasked(&work, "me");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    work_until(&work, id, "uncertain");
    for (int i = 0; i < 10; i++) {
        pawli_sim_advance_ms(w->env, 1000);
        work_on(&work);
    }
    pawl_messages *messages = get(w, id);
    assert_null(pawl_messages_get(messages, 0)->claimed_by);
    assert_int_equal(pawl_messages_attempt_count(messages), 1);
    pawl_messages_free(messages);
    assert_int_equal(work.count, 1);
    end(&work, worker);
}

/* ---- settings ---- */

static int try_target(struct world *w, unsigned n, const char *key, const char *value)
{
    return pawl_target_set(w->store, TARGET, NULL, NULL, &(pawl_setting){key, value}, 1, BECAUSE(n), &err);
}

static void who_is_asked_is_a_setting_of_its_target(struct world *w)
{
    static const pawl_setting both[] = {{"probe", "https://bank.example/was"}, {"poll", "exec:/bin/is-it-done"}},
                              other[] = {{"probe", "https://bank.example/other"}};
    static const char *const wrong[] = {"file:/var/log/x", "ftp://x",          "http://",
                                        "exec:relative",   "callback:no name", " "};
    pawl_settings *settings;
    assert_ok(pawl_target_add(w->store, TARGET, "https://bank.example/in", NULL, both, 2, BECAUSE(1), &err));
    assert_ok(pawl_target_add(w->store, TARGET, "https://bank.example/in", NULL, both, 2, BECAUSE(2), &err));
    assert_int_equal(pawl_target_add(w->store, TARGET, "https://bank.example/in", NULL, other, 1, BECAUSE(3), &err),
                     PAWL_ECONFLICT);
    assert_int_equal(pawl_target_add(w->store, TARGET, "https://bank.example/in", NULL, NULL, 0, BECAUSE(4), &err),
                     PAWL_ECONFLICT);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(try_target(w, 5, "probe", wrong[i]), PAWL_EINVAL);
        assert_int_equal(try_target(w, 5, "poll", wrong[i]), PAWL_EINVAL);
    }
    assert_int_equal(pawl_lane_set(w->store, LANE, other, 1, BECAUSE(5), &err), PAWL_EINVAL);
    assert_ok(try_target(w, 6, "poll", ""));
    assert_ok(try_target(w, 7, "max_attempts", "3"));
    assert_ok(pawl_targets_list(w->store, &settings, &err));
    const pawl_target_view *view = pawl_settings_target(settings, 0);
    assert_string_equal(view->probe, "https://bank.example/was");
    assert_null(view->poll);
    pawl_settings_free(settings);
    /* Gone with its target, and not back with the next of that name. */
    assert_ok(pawl_target_remove(w->store, TARGET, BECAUSE(8), &err));
    assert_int_equal(try_target(w, 9, "probe", "https://bank.example/was"), PAWL_ENOTFOUND);
    assert_ok(pawl_target_add(w->store, TARGET, "https://bank.example/in", NULL, NULL, 0, BECAUSE(10), &err));
    assert_ok(pawl_targets_list(w->store, &settings, &err));
    assert_null(pawl_settings_target(settings, 0)->probe);
    pawl_settings_free(settings);
    verify(w);
}

static const struct conformance_case cases[] = {
    CASE(an_unknown_outcome_is_asked_for_before_it_is_sent_again),
    CASE(what_a_probe_found_is_not_sent_again),
    CASE(it_is_asked_again_with_a_backoff_of_its_own),
    CASE(a_probe_that_never_knows_leaves_it_to_the_policy),
    CASE(what_was_handed_over_is_asked_for_until_it_is_done),
    CASE(a_poll_that_finds_nothing_leaves_the_outcome_unknown),
    CASE(what_is_found_out_under_a_lost_claim_moves_nothing),
    CASE(a_person_may_say_while_somebody_is_asked),
    CASE(what_is_held_is_not_asked_for),
    CASE(neither_sends_nor_looks_wait_for_the_others_to_end),
    CASE(who_has_no_probe_claims_nothing_to_ask),
    CASE(who_is_asked_is_a_setting_of_its_target),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
