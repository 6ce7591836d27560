/* SPDX-License-Identifier: MIT */
/* Polls and probes are claimed, leased and swept like sends; they count no attempt and keep the message's state, and the date
 * until which an outcome may come goes with them. No policy asks for any yet: an effect of the test does. */
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
    CASE(progress_is_stored_under_the_token), CASE(a_poll_is_claimed_as_such),
    CASE(a_lost_poll_is_made_by_another),     CASE(an_outcome_has_its_time_whoever_asks),
    CASE(a_probe_tells_what_happened),        CASE(a_poll_does_not_take_its_key_back),
    CASE(a_date_of_its_own_is_kept),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
