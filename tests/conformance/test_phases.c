/* SPDX-License-Identifier: MIT */
/* Polls and probes are claimed, leased and swept like sends; they count no attempt and keep the message's state, and the date
 * until which an outcome may come goes with them. */
#include "commit/claim.h"
#include "commit/handle.h"

#include "conformance.h"

/* ---- an outcome shall be asked for ---- */

struct looking {
    struct effect effect;
    uint64_t number;
    struct view_task *task;
};

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct looking *looking = (struct looking *)effect;
    looking->task = pawli_view_task(view, unit->view_scope, TASK_MESSAGE, looking->number);
    return looking->task != NULL;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *error)
{
    struct view_task *task = ((struct looking *)effect)->task;
    (void)unit, (void)error;
    assert_true(task->slot.exists);
    assert_true(pawli_view_touch(view, &task->slot));
    assert_true(pawli_task_look(view, task, view->wall));
    return PAWL_OK;
}

static void run_effect(struct world *w, struct effect *effect, const struct effect_ops *ops, struct unit *unit)
{
    pawli_unit_init(unit, &w->store->opened->committer, TEXT("default"));
    pawli_unit_add(unit, effect, ops);
    unit->deadline = BOOT_NEVER;
    assert_ok(pawli_commit(unit, &err));
}

static void look_for(struct world *w, pawl_uuid id)
{
    static const struct effect_ops ops = {
        .name = "look", .size = sizeof(struct looking), .gather = gather, .decide = decide};
    struct looking looking = {0};
    struct unit unit;
    uint64_t tail;
    assert_true(pawli_message_id_split(&id, &looking.number, &tail));
    run_effect(w, &looking.effect, &ops, &unit);
    pawli_unit_done(&unit);
}

/* A target that has somebody to ask. */
struct asking {
    struct effect effect;
    const char *probe, *poll;
    struct view_fact *target;
};

static bool gather_asking(struct unit *unit, struct effect *effect, struct view *view)
{
    struct asking *asking = (struct asking *)effect;
    asking->target = pawli_view_fact(view, ROW_TARGET, &unit->view_scope->slot,
                                     &(struct target_row){.name = TEXT(TARGET)});
    return asking->target != NULL;
}

static int decide_asking(struct unit *unit, struct effect *effect, struct view *view, pawl_error *error)
{
    struct asking *asking = (struct asking *)effect;
    assert_ok(pawli_make_scope(view, unit->view_scope, error));
    assert_true(pawli_view_touch(view, &asking->target->slot));
    asking->target->slot.exists = true;
    struct target_row *row = &asking->target->row.target;
    row->scope = unit->view_scope->row.id;
    row->probe = asking->probe ? text_of(asking->probe) : (struct text){0};
    row->poll = asking->poll ? text_of(asking->poll) : (struct text){0};
    return PAWL_OK;
}

static void let_ask(struct world *w, const char *probe, const char *poll)
{
    static const struct effect_ops ops = {
        .name = "ask", .size = sizeof(struct asking), .gather = gather_asking, .decide = decide_asking};
    struct asking asking = {.probe = probe, .poll = poll};
    struct unit unit;
    run_effect(w, &asking.effect, &ops, &unit);
    pawli_unit_done(&unit);
}

static struct held claim_for(struct world *w, enum phase phase, size_t count)
{
    struct claim claim = {.lane = TEXT(LANE),
                          .target = TEXT(TARGET),
                          .consumer = TEXT("poller"),
                          .phase = phase,
                          .limit = 1,
                          .size_max = UINT64_MAX,
                          .look = 1,
                          .lease_ms = 1000,
                          .by_hand = true};
    struct held held = {0};
    struct unit unit;
    run_effect(w, &claim.effect, &pawli_effect_claim, &unit);
    assert_int_equal(claim.count, count);
    if (count) {
        const struct claimed *item = &claim.items[0];
        held = (struct held){body_id(item->body), item->task.token, item->task.attempts, item->lease_until.ms};
    }
    pawli_unit_done(&unit);
    return held;
}

/* What the next one is told, and what became of it. */
static int send_and(struct world *w, int32_t verdict, int64_t retry_in_ms)
{
    struct held held = claim_one(w, CLAIM());
    pawl_settlement settlement = *SETTLE(held, DELIVERED, .has_retry_in = 1, .retry_in_ms = retry_in_ms);
    settlement.verdict = verdict;
    return settle(w, &settlement);
}

static int look_and(struct world *w, enum phase phase, int32_t verdict)
{
    struct held held = claim_for(w, phase, 1);
    pawl_settlement settlement = *SETTLE(held, DELIVERED, .has_retry_in = 1, .retry_in_ms = 0);
    settlement.verdict = verdict;
    return settle(w, &settlement);
}

/* Handed over, with an hour for its outcome, and asked for; or of unknown outcome, and asked for. */
static pawl_uuid handed_over(struct world *w, const char *key)
{
    pawl_uuid id = add(w, MESSAGE("1", .key = key)).id;
    assert_int_equal(send_and(w, PAWL_VERDICT_SUBMITTED, 3600000), PAWL_RESULT_AWAITING);
    look_for(w, id);
    assert_state(w, id, "awaiting");
    return id;
}

static pawl_uuid in_doubt(struct world *w)
{
    set_lane(w, "unknown", "hold");
    pawl_uuid id = add(w, MESSAGE("1")).id;
    claim_and(w, PAWL_VERDICT_UNCERTAIN);
    look_for(w, id);
    assert_state(w, id, "uncertain");
    return id;
}

static uint32_t attempts_of(struct world *w, pawl_uuid id)
{
    pawl_messages *messages = get(w, id);
    uint32_t attempts = pawl_messages_get(messages, 0)->attempts;
    pawl_messages_free(messages);
    return attempts;
}

/* ---- cases ---- */

static void a_poll_is_claimed_as_such(struct world *w)
{
    LAW(O1, O3);
    pawl_uuid id = handed_over(w, "k"), next = add(w, MESSAGE("2", .key = "k")).id;
    claim_none(w, CLAIM()); /* its key is held, and nobody sends it again */
    claim_none(w, CLAIM(.id = id));
    claim_for(w, PHASE_PROBE, 0);
    struct held held = claim_for(w, PHASE_POLL, 1);
    assert_id(held.id, id);
    assert_state(w, id, "awaiting");
    assert_int_equal(stats(w).awaiting, 1);
    claim_for(w, PHASE_POLL, 0);
    assert_int_equal(settle(w, SETTLE(held, EXTEND, .has_retry_in = 1, .retry_in_ms = 5000)), PAWL_RESULT_EXTENDED);
    verify(w);
    assert_int_equal(settle(w, SETTLE(held, RETRY, .has_retry_in = 1, .retry_in_ms = 700)), PAWL_RESULT_AWAITING);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_LOST);
    claim_for(w, PHASE_POLL, 0);
    pawli_sim_advance_ms(w->env, 700);
    held = claim_for(w, PHASE_POLL, 1);
    verify(w);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_DELIVERED);
    assert_int_equal(attempts_of(w, id), 1);
    assert_id(claim_one(w, CLAIM()).id, next);
    verify(w);
}

/* Handed over to a receiver that can be polled, with an hour for its outcome. */
static struct held hand_over(struct world *w)
{
    let_ask(w, NULL, "https://example.com/poll");
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM());
    assert_int_equal(settle(w, SETTLE(held, SUBMITTED, .has_retry_in = 1, .retry_in_ms = 3600000)),
                     PAWL_RESULT_AWAITING);
    return held;
}

static void wait_for_poll(struct world *w)
{
    pawli_sim_advance_ms(w->env, 60000);
}

static struct held poll_is_claimed(struct world *w)
{
    wait_for_poll(w);
    return claim_for(w, PHASE_POLL, 1);
}

static struct held poll_found_nothing(struct world *w)
{
    assert_int_equal(settle(w, SETTLE(poll_is_claimed(w), RETRY)), PAWL_RESULT_AWAITING);
    return (struct held){0};
}

static struct held poll_was_lost(struct world *w)
{
    struct held held = poll_is_claimed(w);
    pawli_sim_advance_ms(w->env, 1000);
    sweep(w);
    return held;
}

static struct held nobody_polled(struct world *w)
{
    (void)w;
    return (struct held){0};
}

/* Until the outcome is known, and nothing but the outcome; who polls meanwhile has lost his claim then. */
static void who_handed_it_over_may_report_however_it_is_polled(struct world *w)
{
    LAW(O1, O2);
    static const struct {
        int32_t verdict;
        int result;
        const char *state;
    } reports[] = {{PAWL_VERDICT_DELIVERED, PAWL_RESULT_DELIVERED, "delivered"},
                   {PAWL_VERDICT_DEAD, PAWL_RESULT_DEAD, "dead"},
                   {PAWL_VERDICT_UNCERTAIN, PAWL_RESULT_UNCERTAIN, "uncertain"}};
    static struct held (*const polls[])(struct world * w) = {nobody_polled, poll_is_claimed, poll_found_nothing,
                                                             poll_was_lost};
    for (size_t i = 0; i < COUNT_OF(polls); i++)
        for (size_t j = 0; j < COUNT_OF(reports); j++) {
            struct held held = hand_over(w), poll = polls[i](w);
            assert_int_equal(settle(w, SETTLE(held, RETRY)), PAWL_RESULT_LOST);
            assert_int_equal(settle(w, SETTLE(held, EXTEND)), PAWL_RESULT_LOST);
            struct held other = {.id = held.id, .token = held.token + 1000};
            assert_int_equal(settle(w, SETTLE(other, DELIVERED)), PAWL_RESULT_LOST);
            pawl_settlement report = *SETTLE(held, DELIVERED);
            report.verdict = reports[j].verdict;
            assert_int_equal(settle(w, &report), reports[j].result);
            assert_state(w, held.id, reports[j].state);
            assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_LOST);
            if (poll.token)
                assert_int_equal(settle(w, SETTLE(poll, DELIVERED)), PAWL_RESULT_LOST);
            pawl_messages *messages = get(w, held.id);
            assert_null(pawl_messages_get(messages, 0)->ended_by);
            pawl_messages_free(messages);
            assert_int_equal(attempts_of(w, held.id), 1);
            verify(w);
        }
}

/* By a poll, or because its time was over. */
static void an_outcome_that_is_in_doubt_is_not_reported_any_more(struct world *w)
{
    LAW(O2, O4);
    set_lane(w, "unknown", "hold");
    struct held held = hand_over(w);
    assert_int_equal(settle(w, SETTLE(poll_is_claimed(w), UNCERTAIN)), PAWL_RESULT_UNCERTAIN);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_LOST);
    held = hand_over(w);
    pawli_sim_advance_ms(w->env, 3600000);
    assert_int_equal(sweep(w).suspected, 1);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_LOST);
    verify(w);
}

static void a_lost_poll_is_made_by_another(struct world *w)
{
    LAW(O4);
    pawl_uuid id = handed_over(w, NULL);
    struct held held = claim_for(w, PHASE_POLL, 1);
    pawli_sim_advance_ms(w->env, 1000);
    assert_id(claim_for(w, PHASE_POLL, 1).id, id);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_LOST);
    assert_int_equal(attempts_of(w, id), 1);
    pawli_sim_reboot(w->env);
    sweep(w);
    assert_state(w, id, "awaiting");
    assert_int_equal(look_and(w, PHASE_POLL, PAWL_VERDICT_DEAD), PAWL_RESULT_DEAD);
    verify(w);
}

/* Claimed or not, asked again and again: the outcome's time is the one that was given when it was handed over. */
static void an_outcome_has_its_time_whoever_asks(struct world *w)
{
    LAW(O4);
    pawl_uuid id = handed_over(w, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(look_and(w, PHASE_POLL, PAWL_VERDICT_RELEASED), PAWL_RESULT_RELEASED);
    pawli_sim_advance_ms(w->env, 3600000 - 1);
    assert_int_equal(sweep(w).suspected, 0);
    struct held held = claim_for(w, PHASE_POLL, 1);
    pawli_sim_advance_ms(w->env, 1);
    assert_int_equal(sweep(w).suspected, 0); /* who asks may be told */
    assert_int_equal(settle(w, SETTLE(held, RETRY, .has_retry_in = 1, .retry_in_ms = 0)), PAWL_RESULT_AWAITING);
    assert_int_equal(sweep(w).suspected, 1);
    assert_state(w, id, "uncertain");
    verify(w);
}

static void a_probe_tells_what_happened(struct world *w)
{
    LAW(O3, O4);
    pawl_uuid id = in_doubt(w);
    claim_none(w, CLAIM());
    assert_int_equal(look_and(w, PHASE_PROBE, PAWL_VERDICT_UNCERTAIN), PAWL_RESULT_UNCERTAIN);
    assert_int_equal(look_and(w, PHASE_PROBE, PAWL_VERDICT_RETRY), PAWL_RESULT_REQUEUED);
    assert_state(w, id, "pending");
    verify(w);
    struct held held = claim_one(w, CLAIM());
    assert_id(held.id, id);
    assert_int_equal(held.attempts, 2);
    settle(w, SETTLE(held, DELIVERED));
    id = in_doubt(w);
    assert_int_equal(look_and(w, PHASE_PROBE, PAWL_VERDICT_DELIVERED), PAWL_RESULT_DELIVERED);
    assert_state(w, id, "delivered");
    verify(w);
}

/* One of so many, as it is kept. */
static void expect_attempt(struct world *w, pawl_uuid id, size_t index, size_t count, pawl_attempt expected)
{
    pawl_messages *messages = get(w, id);
    assert_int_equal(pawl_messages_attempt_count(messages), count);
    const pawl_attempt *attempt = pawl_messages_attempt(messages, index);
    assert_string_equal(attempt->phase, expected.phase);
    assert_string_equal(attempt->verdict, expected.verdict);
    assert_int_equal(attempt->ordinal, index + 1);
    assert_int_equal(attempt->number, expected.number);
    assert_int_equal(attempt->status, expected.status);
    pawl_messages_free(messages);
}

/* O4. Who can be asked is asked before anything is sent again, whatever the policy says of unknown outcomes; for as long as
 * the policy has it, and with waits of its own. */
static void an_unknown_outcome_is_asked_for_before_it_is_sent_again(struct world *w)
{
    LAW(O3, O4);
    static const struct {
        const char *unknown, *state;
    } after[] = {{"resend", "pending"}, {"hold", "uncertain"}};
    let_ask(w, "https://example.com/probe", NULL);
    set_lane(w, "jitter_percent", "0");
    set_lane(w, "probe_backoff_ms", "100");
    set_lane(w, "probe_limit_ms", "5000");
    for (size_t i = 0; i < COUNT_OF(after); i++) {
        set_lane(w, "unknown", after[i].unknown);
        pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
        claim_and(w, PAWL_VERDICT_UNCERTAIN);
        assert_state(w, id, "uncertain");
        claim_none(w, CLAIM());
        claim_for(w, PHASE_PROBE, 0);
        int64_t waits[] = {100, 200, 400, 800};
        for (size_t j = 0; j < COUNT_OF(waits); j++) {
            pawli_sim_advance_ms(w->env, waits[j] - 1);
            claim_for(w, PHASE_PROBE, 0);
            pawli_sim_advance_ms(w->env, 1);
            struct held held = claim_for(w, PHASE_PROBE, 1);
            assert_int_equal(settle(w, SETTLE(held, UNCERTAIN)), PAWL_RESULT_UNCERTAIN);
        }
        pawli_sim_advance_ms(w->env, 5000 - 1500 - 1);
        assert_int_equal(sweep(w).suspected, 0);
        assert_state(w, id, "uncertain");
        pawli_sim_advance_ms(w->env, 1);
        sweep(w);
        assert_state(w, id, after[i].state);
        verify(w);
        claim_for(w, PHASE_PROBE, 0);
        assert_int_equal(attempts_of(w, id), 1);
        expect_attempt(w, id, 0, 5, (pawl_attempt){.phase = "send", .verdict = "uncertain", .number = 1});
        expect_attempt(w, id, 4, 5, (pawl_attempt){.phase = "probe", .verdict = "uncertain", .number = 4});
        if (i == 0)
            claim_and(w, PAWL_VERDICT_DELIVERED);
    }
}

/* Nobody is asked while the target is held, so that time does not count. */
static void a_pause_takes_no_time_from_a_probe(struct world *w)
{
    LAW(O4);
    const pawl_subject target = {PAWL_SUBJECT, .target = TARGET};
    const pawl_operation operation = {PAWL_OPERATION, .reason = "test"};
    let_ask(w, "https://example.com/probe", NULL);
    set_lane(w, "probe_limit_ms", "5000");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    claim_and(w, PAWL_VERDICT_UNCERTAIN);
    pawli_sim_advance_ms(w->env, 1000);
    assert_ok(pawl_hold_set(w->store, &target, "paused", 0, &operation, &err));
    pawli_sim_advance_ms(w->env, 60000);
    sweep(w);
    assert_state(w, id, "uncertain");
    assert_ok(pawl_hold_release(w->store, &target, NULL, &operation, &err));
    pawli_sim_advance_ms(w->env, 3999);
    sweep(w);
    assert_state(w, id, "uncertain");
    pawli_sim_advance_ms(w->env, 1);
    sweep(w);
    assert_state(w, id, "pending");
    verify(w);
}

/* A lost claim is an unknown outcome, too; and one that is lost again and again stays one at its cap. */
static void at_the_cap_nobody_sends_what_no_probe_could_tell(struct world *w)
{
    LAW(O3, O4);
    let_ask(w, "https://example.com/probe", NULL);
    set_lane(w, "max_attempts", "1");
    set_lane(w, "probe_limit_ms", "5000");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    claim_one(w, CLAIM(.lease_ms = 10));
    pawli_sim_advance_ms(w->env, 10);
    sweep(w);
    assert_state(w, id, "uncertain");
    pawli_sim_advance_ms(w->env, 5000);
    sweep(w);
    assert_state(w, id, "dead");
    pawl_messages *messages = get(w, id);
    assert_string_equal(pawl_messages_get(messages, 0)->error_class, "unknown");
    assert_non_null(strstr(pawl_messages_get(messages, 0)->ended_reason, "may have arrived"));
    pawl_messages_free(messages);
    verify(w);
}

/* The sweep that gives up asking ends what is too old to be sent again by then; it does not leave that to the next one. */
static void what_is_sent_again_too_late_ends_in_that_sweep(struct world *w)
{
    LAW(O4);
    let_ask(w, "https://example.com/probe", NULL);
    set_lane(w, "probe_limit_ms", "5000");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL, .expires_in_ms = 4000)).id;
    claim_and(w, PAWL_VERDICT_UNCERTAIN);
    pawli_sim_advance_ms(w->env, 4999);
    sweep(w);
    assert_state(w, id, "uncertain");
    pawli_sim_advance_ms(w->env, 1);
    sweep(w);
    assert_state(w, id, "dead");
    pawl_messages *messages = get(w, id);
    assert_string_equal(pawl_messages_get(messages, 0)->error_class, "expired");
    pawl_messages_free(messages);
    verify(w);
}

/* Every look is kept, with the attempts, in the order in which they were. */
static void what_a_probe_was_told_is_kept(struct world *w)
{
    LAW(O4);
    let_ask(w, "https://example.com/probe", NULL);
    set_lane(w, "probe_backoff_ms", "0");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    claim_and(w, PAWL_VERDICT_UNCERTAIN);
    struct held held = claim_for(w, PHASE_PROBE, 1);
    settle(w, SETTLE(held, UNCERTAIN, .status = 503, .error = "try again later", .has_retry_in = 1));
    claim_for(w, PHASE_PROBE, 1);
    pawli_sim_advance_ms(w->env, 1000); /* its lease */
    held = claim_for(w, PHASE_PROBE, 1);
    assert_int_equal(settle(w, SETTLE(held, RETRY, .status = 404, .has_retry_in = 1)), PAWL_RESULT_REQUEUED);
    claim_and(w, PAWL_VERDICT_RETRY);
    static const pawl_attempt kept[] = {{.phase = "send", .verdict = "uncertain", .number = 1},
                                        {.phase = "probe", .verdict = "uncertain", .number = 1, .status = 503},
                                        {.phase = "probe", .verdict = "lost", .number = 2},
                                        {.phase = "probe", .verdict = "retry", .number = 3, .status = 404},
                                        {.phase = "send", .verdict = "retry", .number = 2}};
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        expect_attempt(w, id, i, COUNT_OF(kept), kept[i]);
    verify(w);
}

static void an_outcome_that_was_handed_over_is_polled(struct world *w)
{
    LAW(O3, O4);
    let_ask(w, NULL, "https://example.com/poll");
    set_lane(w, "jitter_percent", "0");
    set_lane(w, "poll_deadline_ms", "3000");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    claim_and(w, PAWL_VERDICT_SUBMITTED);
    assert_state(w, id, "awaiting");
    claim_for(w, PHASE_POLL, 0);
    pawli_sim_advance_ms(w->env, 1000);
    struct held held = claim_for(w, PHASE_POLL, 1);
    assert_int_equal(settle(w, SETTLE(held, RETRY)), PAWL_RESULT_AWAITING);
    pawli_sim_advance_ms(w->env, 2000);
    assert_int_equal(sweep(w).suspected, 1); /* its time began when it was handed over */
    assert_state(w, id, "uncertain");
    verify(w);
}

/* Under a token of before nothing moves. */
static void a_probe_under_an_old_token_changes_nothing(struct world *w)
{
    LAW(O2);
    let_ask(w, "https://example.com/probe", NULL);
    set_lane(w, "probe_backoff_ms", "0");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    struct held sent = claim_one(w, CLAIM());
    settle(w, SETTLE(sent, UNCERTAIN));
    struct held old = claim_for(w, PHASE_PROBE, 1);
    pawli_sim_advance_ms(w->env, 1000);
    struct held held = claim_for(w, PHASE_PROBE, 1);
    assert_int_equal(settle(w, SETTLE(sent, DELIVERED)), PAWL_RESULT_LOST);
    assert_int_equal(settle(w, SETTLE(old, DELIVERED)), PAWL_RESULT_LOST);
    assert_state(w, id, "uncertain");
    assert_int_equal(settle(w, SETTLE(held, DEAD)), PAWL_RESULT_DEAD);
    verify(w);
}

/* ---- what kills its workers ---- */

static void die_of_it(struct world *w)
{
    claim_one(w, CLAIM(.ends_with_process = 1, .lease_ms = 10));
    pawli_sim_advance_ms(w->env, 10);
    sweep(w);
}

static void a_message_under_which_workers_die_is_set_aside(struct world *w)
{
    LAW(O3, O4);
    set_lane(w, "crash_limit", "2");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    for (int round = 0; round < 2; round++) {
        claim_one(w, CLAIM(.lease_ms = 10)); /* who claims by hand need not have died */
        pawli_sim_advance_ms(w->env, 10);
        die_of_it(w);
        assert_state(w, id, "pending");
        die_of_it(w);
        pawl_messages *messages = get(w, id);
        assert_string_equal(pawl_messages_get(messages, 0)->state, "pending");
        assert_string_equal(pawl_messages_get(messages, 0)->hold, "crashes");
        assert_int_equal(pawl_messages_get(messages, 0)->crashes, 2);
        assert_string_equal(pawl_messages_get(messages, 0)->error_class, "unknown");
        pawl_messages_free(messages);
        claim_none(w, CLAIM());
        verify(w);
        assert_ok(pawl_message_retry(w->store, &id, &(pawl_operation){PAWL_OPERATION, .reason = "mended"}, NULL, &err));
    }
    claim_and(w, PAWL_VERDICT_DELIVERED);
    assert_state(w, id, "delivered");
    verify(w);
}

/* That nobody knows what became of it is a failure of its target, also where it is set aside for that. */
static void an_unknown_outcome_of_what_is_set_aside_counts_for_the_breaker(struct world *w)
{
    set_lane(w, "crash_limit", "2");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    die_of_it(w);
    set_lane(w, "crash_limit", "1");
    set_lane(w, "breaker", "100%/1");
    struct held held = claim_one(w, CLAIM());
    pawl_uuid next = add(w, MESSAGE("2", .key = NULL)).id;
    assert_int_equal(settle(w, SETTLE(held, UNCERTAIN)), PAWL_RESULT_REQUEUED);
    pawl_messages *messages = get(w, id);
    assert_string_equal(pawl_messages_get(messages, 0)->hold, "crashes");
    pawl_messages_free(messages);
    claim_none(w, CLAIM());
    pawli_sim_advance_ms(w->env, 30000);
    assert_id(claim_one(w, CLAIM()).id, next); /* the trial */
    verify(w);
}

/* A probe that says that nothing happened does not let it kill the next one. */
static void what_kills_its_workers_stays_aside_though_nothing_happened(struct world *w)
{
    LAW(O4);
    let_ask(w, "https://example.com/probe", NULL);
    set_lane(w, "crash_limit", "1");
    set_lane(w, "probe_backoff_ms", "0");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    die_of_it(w);
    assert_state(w, id, "uncertain");
    struct held held = claim_for(w, PHASE_PROBE, 1);
    assert_int_equal(settle(w, SETTLE(held, RETRY)), PAWL_RESULT_REQUEUED);
    pawl_messages *messages = get(w, id);
    assert_string_equal(pawl_messages_get(messages, 0)->hold, "crashes");
    pawl_messages_free(messages);
    verify(w);
}

/* ---- how long what ended is kept ---- */

static void each_end_is_kept_as_long_as_its_policy_says(struct world *w)
{
    set_lane(w, "keep_ms", "3000");
    set_lane(w, "keep_delivered_ms", "1000");
    set_lane(w, "keep_dead_ms", "2000");
    pawl_uuid ids[3];
    for (int i = 0; i < 3; i++)
        ids[i] = add(w, MESSAGE("1", .key = NULL)).id;
    claim_and(w, PAWL_VERDICT_DELIVERED);
    claim_and(w, PAWL_VERDICT_DEAD);
    assert_ok(pawl_message_cancel(w->store, &ids[2], &(pawl_operation){PAWL_OPERATION, .reason = "test"}, NULL, &err));
    for (uint64_t left = 3; left > 0; left--) {
        pawli_sim_advance_ms(w->env, 999);
        assert_int_equal(sweep(w).purged, 0);
        pawli_sim_advance_ms(w->env, 1);
        assert_int_equal(sweep(w).purged, 1);
        assert_int_equal(stats(w).delivered + stats(w).dead + stats(w).cancelled, left - 1);
    }
    verify(w);
}

/* A key that was released at submission is not taken back by who asks for the outcome. */
static void a_poll_does_not_take_its_key_back(struct world *w)
{
    LAW(O5);
    set_lane(w, "key_release", "submitted");
    pawl_uuid first = handed_over(w, "k"), second = add(w, MESSAGE("2", .key = "k")).id;
    struct held poll = claim_for(w, PHASE_POLL, 1);
    verify(w);
    struct held send = claim_one(w, CLAIM());
    assert_id(poll.id, first);
    assert_id(send.id, second);
    assert_int_equal(settle(w, SETTLE(poll, DELIVERED)), PAWL_RESULT_DELIVERED);
    assert_int_equal(settle(w, SETTLE(send, DELIVERED)), PAWL_RESULT_DELIVERED);
    verify(w);
}

/* A date of its own stays with a message wherever it waits. */
static void a_date_of_its_own_is_kept(struct world *w)
{
    LAW(C1);
    pawl_uuid ids[3];
    for (int i = 0; i < 3; i++)
        ids[i] = add(w, MESSAGE("1", .key = "k", .expires_in_ms = 10000)).id;
    send_and(w, PAWL_VERDICT_RETRY, 0);
    send_and(w, PAWL_VERDICT_RELEASED, 0);
    send_and(w, PAWL_VERDICT_DEFERRED, 20000);
    pawli_sim_advance_ms(w->env, 9999);
    assert_int_equal(sweep(w).expired, 0);
    pawli_sim_advance_ms(w->env, 1);
    assert_int_equal(sweep(w).expired, 3);
    for (int i = 0; i < 3; i++)
        assert_state(w, ids[i], "dead");
    verify(w);
}

/* It keeps the claim and its lease, stays through retries, and goes when the message ends. */
static void progress_is_stored_under_the_token(struct world *w)
{
    LAW(O1);
    static char big[65537];
    pawl_uuid id = add(w, MESSAGE("1")).id, nobody = make_id(7);
    struct held held = claim_one(w, CLAIM(.lease_ms = 5000));
    assert_int_equal(pawl_progress(w->store, &id, held.token, big, sizeof big, &err), PAWL_ELIMIT);
    assert_int_equal(pawl_progress(w->store, &id, held.token, big, 0, &err), PAWL_EINVAL);
    assert_int_equal(pawl_progress(w->store, &id, held.token + 1, big, 1, &err), PAWL_EFENCED);
    assert_int_equal(pawl_progress(w->store, &nobody, held.token, big, 1, &err), PAWL_ENOTFOUND);
    pawli_sim_advance_ms(w->env, 4000);
    assert_ok(pawl_progress(w->store, &id, held.token, big, sizeof big - 1, &err));
    pawl_messages *messages = get(w, id);
    assert_int_equal(pawl_messages_get(messages, 0)->lease_until_ms, now_ms(w) + 1000);
    assert_int_equal(pawl_messages_get(messages, 0)->progress_size, sizeof big - 1);
    pawl_messages_free(messages);
    assert_ok(pawl_progress(w->store, &id, held.token, "signed", 6, &err));
    settle(w, SETTLE(held, RETRY, .has_retry_in = 1));
    assert_int_equal(pawl_progress(w->store, &id, held.token, big, 1, &err), PAWL_EFENCED);
    messages = claim(w, CLAIM(.limit = 1));
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_bytes(view->progress, view->progress_size, "signed");
    held.token = view->token;
    pawl_messages_free(messages);
    settle(w, SETTLE(held, DELIVERED));
    messages = get(w, id);
    assert_null(pawl_messages_get(messages, 0)->progress);
    pawl_messages_free(messages);
    verify(w);
}

static const struct conformance_case cases[] = {
    CASE(progress_is_stored_under_the_token),
    CASE(a_poll_is_claimed_as_such),
    CASE(who_handed_it_over_may_report_however_it_is_polled),
    CASE(an_outcome_that_is_in_doubt_is_not_reported_any_more),
    CASE(a_lost_poll_is_made_by_another),
    CASE(an_outcome_has_its_time_whoever_asks),
    CASE(a_probe_tells_what_happened),
    CASE(a_poll_does_not_take_its_key_back),
    CASE(a_date_of_its_own_is_kept),
    CASE(an_unknown_outcome_is_asked_for_before_it_is_sent_again),
    CASE(a_pause_takes_no_time_from_a_probe),
    CASE(at_the_cap_nobody_sends_what_no_probe_could_tell),
    CASE(what_is_sent_again_too_late_ends_in_that_sweep),
    CASE(what_a_probe_was_told_is_kept),
    CASE(an_outcome_that_was_handed_over_is_polled),
    CASE(a_probe_under_an_old_token_changes_nothing),
    CASE(a_message_under_which_workers_die_is_set_aside),
    CASE(what_kills_its_workers_stays_aside_though_nothing_happened),
    CASE(an_unknown_outcome_of_what_is_set_aside_counts_for_the_breaker),
    CASE(each_end_is_kept_as_long_as_its_policy_says),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
