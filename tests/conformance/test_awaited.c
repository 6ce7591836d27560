/* SPDX-License-Identifier: MIT */
/* Ends that somebody waits for: the commit that ends a message or a workflow makes due who asked for that. */
#include "driving.h"

#define HOUR        3600000
#define FOR_AN_HOUR .result = PAWL_STEP_PARK, .wake_in_ms = HOUR, .has_wake = 1

static pawl_transition *begin_step(const struct world *w, const struct claim *claim, pawl_step_outcome outcome)
{
    outcome.struct_size = sizeof outcome;
    outcome.kind = claim->kind;
    outcome.id = claim->id;
    outcome.token = claim->token;
    return pawl_transition_of_step(w->store, &outcome);
}

static void commit(pawl_transition *step)
{
    assert_ok(pawl_transition_commit(step, NULL, &err));
    pawl_transition_free(step);
}

/* It sends a message and starts a child, and waits an hour. */
static void park_for_both(const struct world *w, const char *id)
{
    struct claim claim = take(w, id);
    pawl_transition *step = begin_step(w, &claim, (pawl_step_outcome){FOR_AN_HOUR, .await = 1});
    pawl_transition_message(step, MESSAGE("hello"));
    pawl_transition_start(step, &(pawl_start){PAWL_START, .kind = "k", .id = "child", .key = "c"});
    commit(step);
    assert_workflow(w, id, "parked");
}

static void begin(struct world *w)
{
    assert_ok(START(w, "w", .key = "x"));
    park_for_both(w, "w");
}

/* Looks for it, and waits for another hour. */
static void park_again(const struct world *w)
{
    struct claim claim = take(w, "w");
    assert_ok(STEP(w, claim, PARK, .wake_in_ms = HOUR, .has_wake = 1));
    assert_workflow(w, "w", "parked");
}

/* ---- what an end is ---- */

static void the_end_of_a_message_wakes(struct world *w)
{
    begin(w);
    struct held held = claim_one(w, CLAIM());
    assert_workflow(w, "w", "parked");
    assert_int_equal(settle(w, SETTLE(held, RETRY, .has_retry_in = 1)), PAWL_RESULT_REQUEUED);
    assert_workflow(w, "w", "parked"); /* it did not end */
    assert_int_equal(claim_and(w, PAWL_VERDICT_DELIVERED), PAWL_RESULT_DELIVERED);
    assert_workflow(w, "w", "runnable");
    park_again(w);
    verify_all(w);
}

static void a_message_that_died_wakes(struct world *w)
{
    begin(w);
    struct held held = claim_one(w, CLAIM());
    assert_int_equal(settle(w, SETTLE(held, DEAD)), PAWL_RESULT_DEAD);
    assert_workflow(w, "w", "runnable");
    park_again(w);
    verify_all(w);
}

/* Also where nobody settles it: it is found too old by whoever claims next. */
static void a_message_whose_time_was_over_wakes(struct world *w)
{
    assert_ok(START(w, "w", .key = "x"));
    struct claim claim = take(w, "w");
    pawl_transition *step = begin_step(w, &claim, (pawl_step_outcome){FOR_AN_HOUR, .await = 1});
    pawl_transition_message(step, MESSAGE("hello", .expires_in_ms = 1000));
    commit(step);
    pawli_sim_advance_ms(w->env, 2000);
    assert_workflow(w, "w", "parked");
    claim_none(w, CLAIM());
    assert_workflow(w, "w", "runnable");
    verify_all(w);
}

static void the_end_of_a_child_wakes(struct world *w)
{
    begin(w);
    struct claim child = take(w, "child");
    assert_ok(STEP(w, child, NEXT, .keep = 1, .state = "b"));
    assert_workflow(w, "w", "parked");
    child.generation++;
    assert_ok(STEP(w, child, DONE));
    assert_workflow(w, "w", "runnable");
    park_again(w);
    verify_all(w);
}

static void a_child_that_failed_wakes(struct world *w)
{
    begin(w);
    struct claim child = take(w, "child");
    assert_ok(STEP(w, child, FAIL, .error = "no"));
    assert_workflow(w, "w", "runnable");
    verify_all(w);
}

static void a_child_that_was_stopped_wakes(struct world *w)
{
    begin(w);
    assert_ok(steer(w, "child", PAWL_STEER_STOP));
    assert_workflow(w, "w", "runnable");
    verify_all(w);
}

static void nobody_is_woken_who_did_not_ask(struct world *w)
{
    assert_ok(START(w, "w"));
    struct claim claim = take(w, "w");
    pawl_transition *step = begin_step(w, &claim, (pawl_step_outcome){FOR_AN_HOUR});
    pawl_transition_message(step, MESSAGE("hello"));
    pawl_transition_start(step, &(pawl_start){PAWL_START, .kind = "k", .id = "child"});
    commit(step);
    assert_int_equal(claim_and(w, PAWL_VERDICT_DELIVERED), PAWL_RESULT_DELIVERED);
    assert_ok(steer(w, "child", PAWL_STEER_STOP));
    assert_workflow(w, "w", "parked");
    verify_all(w);
}

/* ---- how it stands meanwhile ---- */

/* Between its look and its park: nobody else tells it of that any more. */
static void an_end_during_a_step_is_not_missed(struct world *w)
{
    begin(w);
    pawli_sim_advance_ms(w->env, HOUR);
    struct claim claim = take(w, "w");
    assert_int_equal(claim_and(w, PAWL_VERDICT_DELIVERED), PAWL_RESULT_DELIVERED);
    assert_ok(STEP(w, claim, PARK, .wake_in_ms = HOUR, .has_wake = 1));
    assert_workflow(w, "w", "runnable");
    park_again(w); /* once is enough */
    verify_all(w);
}

static void who_waits_for_a_signal_is_woken_too(struct world *w)
{
    begin(w);
    pawli_sim_advance_ms(w->env, HOUR);
    struct claim claim = take(w, "w");
    assert_ok(STEP(w, claim, PARK));
    assert_workflow(w, "w", "parked");
    struct claim child = take(w, "child");
    assert_ok(STEP(w, child, DONE));
    assert_workflow(w, "w", "runnable");
    verify_all(w);
}

static void what_is_paused_is_due_when_it_is_resumed(struct world *w)
{
    begin(w);
    assert_ok(steer(w, "w", PAWL_STEER_PAUSE));
    assert_ok(steer(w, "child", PAWL_STEER_STOP));
    assert_int_equal(TAKE(w).token, 0);
    assert_ok(steer(w, "w", PAWL_STEER_RESUME));
    assert_workflow(w, "w", "runnable");
    verify_all(w);
}

/* Whoever looks at the child sees who waits for it, too: that is no place in the queue. */
static void who_waits_is_taken_in_its_turn(struct world *w)
{
    begin(w);
    struct claim child = take(w, "child");
    assert_ok(steer(w, "child", PAWL_STEER_PAUSE));
    assert_ok(STEP(w, child, NEXT)); /* due, and passed over */
    assert_ok(START(w, "between"));
    pawli_sim_advance_ms(w->env, HOUR);
    assert_string_equal(TAKE(w).id, "between");
    assert_string_equal(TAKE(w).id, "w");
    verify_all(w);
}

static void what_is_stuck_waits_for_a_person(struct world *w)
{
    begin(w);
    pawli_sim_advance_ms(w->env, HOUR);
    struct claim claim = take(w, "w");
    assert_ok(STEP(w, claim, PARK, .stuck = 1, .error = "no"));
    assert_ok(steer(w, "child", PAWL_STEER_STOP));
    assert_workflow(w, "w", "stuck");
    verify_all(w);
}

static void who_is_gone_stops_nobody(struct world *w)
{
    begin(w);
    assert_ok(steer(w, "w", PAWL_STEER_STOP));
    assert_int_equal(claim_and(w, PAWL_VERDICT_DELIVERED), PAWL_RESULT_DELIVERED);
    struct claim child = take(w, "child");
    assert_ok(STEP(w, child, DONE));
    assert_workflow(w, "child", "finished");
    assert_workflow(w, "w", "failed");
    verify_all(w);
}

/* A grandchild ends, and with the one commit nobody but its own parent is due. */
static void it_goes_no_further_than_who_asked(struct world *w)
{
    begin(w);
    struct claim claim = take(w, "child");
    pawl_transition *step = begin_step(w, &claim, (pawl_step_outcome){.result = PAWL_STEP_PARK, .await = 1});
    pawl_transition_start(step, &(pawl_start){PAWL_START, .kind = "k", .id = "grandchild"});
    commit(step);
    struct claim grandchild = take(w, "grandchild");
    assert_ok(STEP(w, grandchild, DONE));
    assert_workflow(w, "child", "runnable");
    assert_workflow(w, "w", "parked");
    claim = take(w, "child");
    assert_ok(STEP(w, claim, DONE));
    assert_workflow(w, "w", "runnable");
    verify_all(w);
}

static void an_end_that_is_refused_wakes_nobody(struct world *w)
{
    begin(w);
    assert_ok(pawl_resource_add(w->store, "r", NULL, &err));
    struct claim child = take(w, "child");
    assert_status(STEP_WITH(w, child, "hold r", DONE), PAWL_EREFUSED);
    assert_workflow(w, "w", "parked");
    assert_ok(STEP_WITH(w, child, "hold r release r", DONE));
    assert_workflow(w, "w", "runnable");
    verify_all(w);
}

/* ---- children that may be there ---- */

static int start_or_find(const struct world *w, const struct claim *claim, const char *child, uint32_t await)
{
    pawl_transition *step = begin_step(w, claim, (pawl_step_outcome){FOR_AN_HOUR, .await = await});
    pawl_transition_start(
        step, &(pawl_start){PAWL_START, .kind = "k", .id = child, .state = "a", .key = "c", .keep_existing = 1});
    int status = pawl_transition_commit(step, NULL, &err);
    pawl_transition_free(step);
    return status;
}

static void finish(const struct world *w, const char *id)
{
    struct claim claim = take(w, id);
    assert_ok(STEP(w, claim, DONE));
}

static void a_child_is_started_once_and_found_again(struct world *w)
{
    assert_ok(START(w, "w", .key = "x"));
    assert_ok(START(w, "other", .key = "y"));
    struct claim claim = take(w, "w"), other = take(w, "other");
    assert_ok(start_or_find(w, &claim, "child", 1));
    assert_ok(steer(w, "w", PAWL_STEER_RETRY));
    claim = take(w, "w");
    assert_ok(start_or_find(w, &claim, "child", 1)); /* who waits for it already */
    assert_status(start_or_find(w, &other, "child", 1), PAWL_EREFUSED);
    assert_non_null(strstr(err.text, "another workflow waits for the end"));
    assert_ok(start_or_find(w, &other, "child", 0));
    finish(w, "child");
    assert_workflow(w, "w", "runnable");
    assert_workflow(w, "other", "parked");
    verify_all(w);
}

/* By its dedupe key it was sent before, by another one. */
static void a_message_that_was_there_wakes_too(struct world *w)
{
    for (int has_ended = 0; has_ended < 2; has_ended++) {
        assert_ok(START(w, "w", .key = "x"));
        struct claim claim = take(w, "w");
        add(w, MESSAGE("hello", .dedupe = has_ended ? "ended" : "sent"));
        if (has_ended)
            assert_int_equal(claim_and(w, PAWL_VERDICT_DELIVERED), PAWL_RESULT_DELIVERED);
        pawl_transition *step = begin_step(w, &claim, (pawl_step_outcome){FOR_AN_HOUR, .await = 1});
        pawl_transition_message(step, MESSAGE("hello", .dedupe = has_ended ? "ended" : "sent"));
        commit(step);
        if (!has_ended) {
            assert_workflow(w, "w", "parked");
            assert_int_equal(claim_and(w, PAWL_VERDICT_DELIVERED), PAWL_RESULT_DELIVERED);
        }
        assert_workflow(w, "w", "runnable");
        assert_ok(steer(w, "w", PAWL_STEER_STOP));
    }
    verify_all(w);
}

/* The one that was started anew waits for the child of its earlier life. */
static void who_ended_waits_no_more(struct world *w)
{
    for (int life = 0; life < 2; life++) {
        assert_ok(START(w, "w", .key = "x"));
        struct claim claim = take(w, "w");
        assert_ok(start_or_find(w, &claim, "child", 1));
        assert_workflow(w, "w", "parked");
        if (life == 0)
            assert_ok(steer(w, "w", PAWL_STEER_STOP));
    }
    finish(w, "child");
    assert_workflow(w, "w", "runnable");
    verify_all(w);
}

static void a_child_of_other_content_is_none(struct world *w)
{
    assert_ok(START(w, "w", .key = "x"));
    assert_ok(START(w, "child", .state = "b", .key = "c"));
    struct claim claim = take(w, "w");
    assert_status(start_or_find(w, &claim, "child", 1), PAWL_ECONFLICT);
    assert_workflow(w, "w", "running");
    finish(w, "child");
    assert_ok(STEP(w, claim, PARK, .wake_in_ms = HOUR, .has_wake = 1));
    assert_workflow(w, "w", "parked"); /* it waits for nobody */
    verify_all(w);
}

/* Wherever it is, its end wakes; one that ended has. */
static void a_child_that_was_there_wakes_too(struct world *w)
{
    static const char *const children[] = {"ready", "runs", "paused", "blocked", "ended", "failed"};
    struct claim runs = {0};
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        const char *child = children[i];
        assert_ok(START(w, "w", .key = "x"));
        struct claim claim = take(w, "w");
        if (strcmp(child, "blocked") == 0)
            assert_ok(START(w, "first", .key = "c"));
        assert_ok(START(w, child, .state = "a", .key = "c"));
        if (strcmp(child, "runs") == 0)
            runs = take(w, child);
        if (strcmp(child, "paused") == 0)
            assert_ok(steer(w, child, PAWL_STEER_PAUSE));
        if (strcmp(child, "ended") == 0)
            finish(w, child);
        if (strcmp(child, "failed") == 0) /* that begins anew */
            assert_ok(steer(w, child, PAWL_STEER_STOP));
        assert_ok(start_or_find(w, &claim, child, 1));
        if (strcmp(child, "blocked") == 0)
            finish(w, "first");
        if (strcmp(child, "paused") == 0)
            assert_ok(steer(w, child, PAWL_STEER_RESUME));
        if (strcmp(child, "ended") != 0) {
            assert_workflow(w, "w", "parked");
            if (strcmp(child, "runs") == 0)
                assert_ok(STEP(w, runs, DONE));
            else
                finish(w, child);
        }
        assert_workflow(w, "w", "runnable");
        assert_ok(steer(w, "w", PAWL_STEER_STOP));
    }
    verify_all(w);
}

static void only_what_goes_on_can_wait(struct world *w)
{
    assert_ok(START(w, "w"));
    struct claim claim = take(w, "w");
    assert_status(STEP(w, claim, DONE, .await = 1), PAWL_EINVAL);
    assert_ok(STEP(w, claim, DONE));
    verify_all(w);
}

static const struct conformance_case cases[] = {
    CASE(the_end_of_a_message_wakes),
    CASE(a_message_that_died_wakes),
    CASE(a_message_whose_time_was_over_wakes),
    CASE(the_end_of_a_child_wakes),
    CASE(a_child_that_failed_wakes),
    CASE(a_child_that_was_stopped_wakes),
    CASE(nobody_is_woken_who_did_not_ask),
    CASE(an_end_during_a_step_is_not_missed),
    CASE(who_waits_for_a_signal_is_woken_too),
    CASE(what_is_paused_is_due_when_it_is_resumed),
    CASE(who_waits_is_taken_in_its_turn),
    CASE(what_is_stuck_waits_for_a_person),
    CASE(who_is_gone_stops_nobody),
    CASE(it_goes_no_further_than_who_asked),
    CASE(an_end_that_is_refused_wakes_nobody),
    CASE(a_child_is_started_once_and_found_again),
    CASE(a_message_that_was_there_wakes_too),
    CASE(who_ended_waits_no_more),
    CASE(a_child_of_other_content_is_none),
    CASE(a_child_that_was_there_wakes_too),
    CASE(only_what_goes_on_can_wait),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
