/* SPDX-License-Identifier: MIT */
/* Workflows: a step counts once, with all that it did; what was stored is where the next one begins; and what one holds, one
 * holds. */
#include "driving.h"

/* ---- steps and checkpoints ---- */

static void a189_each_state_is_stored_before_the_next(struct world *w)
{
    assert_ok(pawl_resource_add(w->store, "r", NULL, &err));
    assert_ok(START(w, "w", .state = "a", .data = "1", .data_size = 1));
    struct claim claim = take(w, "w");
    assert_ok(STEP_WITH(w, claim, "hold r", NEXT, .state = "b", .data = "2", .data_size = 1));
    const pawl_workflow_view *view = see(w, "k", "w");
    assert_string_equal(view->state, "b");
    assert_bytes(view->data, view->data_size, "2");
    assert_int_equal(view->generation, 1);
    claim = take(w, "w");
    assert_string_equal(claim.state, "b");
    assert_int_equal(claim.resources, 1);
    assert_ok(STEP(w, claim, NEXT, .state = "c"));
    claim = take(w, "w");
    assert_ok(STEP_WITH(w, claim, "consume r", DONE, .receipt = "\"paid\"", .receipt_size = 6));
    view = see(w, "k", "w");
    assert_string_equal(view->status, "finished");
    assert_bytes(view->receipt, view->receipt_size, "\"paid\"");
    assert_int_equal(view->generation, 3);
    assert_int_equal(view->total_attempts, 3);
    assert_int_equal(view->resource_count, 0);
    assert_int_equal(view->ended_at_ms, now_ms(w));
    assert_where(w, "r", "consumed");
    static const char *const began_with[] = {"a", "b", "c"}, *const results[] = {"next", "next", "done"};
    assert_int_equal(pawl_workflows_step_count(seen_last), 3);
    for (size_t i = 0; i < 3; i++) {
        const pawl_step_view *step = pawl_workflows_step(seen_last, i);
        assert_string_equal(step->state, began_with[i]);
        assert_string_equal(step->result, results[i]);
        assert_int_equal(step->generation, i + 1);
    }
    verify_all(w);
}

static void a190_what_was_lost_begins_at_the_last_checkpoint(struct world *w)
{
    assert_ok(START(w, "w", .state = "a"));
    struct claim claim = take(w, "w");
    assert_ok(STEP(w, claim, NEXT, .state = "b"));
    struct claim lost = TAKE(w, .id = "w", .lease_ms = 1000);
    pawli_sim_advance_ms(w->env, 1000);
    claim = take(w, "w");
    assert_string_equal(claim.state, "b");
    assert_int_equal(claim.generation, 1);
    assert_int_equal(claim.attempts, 2); /* what was lost was tried */
    assert_int_equal(claim.total, 3);
    assert_status(STEP(w, lost, DONE), PAWL_EFENCED);
    assert_ok(STEP(w, claim, DONE));
    assert_status(STEP(w, lost, DONE), PAWL_EFENCED);
    verify_all(w);
}

/* Each exit by each token that is not the claim's, and at each generation that is not. */
static void no_exit_without_the_claim(struct world *w)
{
    static const int32_t results[] = {PAWL_STEP_NEXT, PAWL_STEP_NEXT, PAWL_STEP_PARK, PAWL_STEP_DONE, PAWL_STEP_FAIL};
    assert_ok(pawl_resource_add(w->store, "r", NULL, &err));
    assert_ok(START(w, "w", .state = "a"));
    struct claim first = take(w, "w");
    assert_ok(STEP(w, first, NEXT, .keep = 1, .state = "b"));
    struct claim claim = first, other = first, ahead = first;
    claim.generation = 1;
    other.generation = 1;
    other.token++;
    ahead.generation = 2;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(results); i++) {
            const pawl_step_outcome outcome = {.result = results[i], .keep = i == 1};
            assert_status(make_step(w, &first, outcome, "hold r"), PAWL_EFENCED); /* at an earlier checkpoint */
            assert_status(make_step(w, &ahead, outcome, "hold r"), PAWL_EFENCED);
            assert_status(make_step(w, &other, outcome, "hold r"), PAWL_EFENCED);
            if (round == 1)
                assert_status(make_step(w, &claim, outcome, "hold r"), PAWL_EFENCED); /* it is used up */
        }
        assert_status(pawl_workflow_extend(w->store, "k", "w", other.token, 1000, &err), PAWL_EFENCED);
        const pawl_workflow_view *view = see(w, "k", "w");
        assert_string_equal(view->status, round ? "runnable" : "running");
        assert_string_equal(view->state, round ? "c" : "b");
        assert_int_equal(view->generation, 1 + round);
        assert_int_equal(pawl_workflows_step_count(seen_last), 1 + round);
        assert_where(w, "r", "available");
        if (round == 0)
            assert_ok(STEP(w, claim, NEXT, .state = "c"));
    }
    assert_status(pawl_workflow_extend(w->store, "k", "w", claim.token, 1000, &err), PAWL_EFENCED);
    assert_int_equal(count_records(w), 0);
    verify_all(w);
}

static void a_lease_is_renewed(struct world *w)
{
    assert_ok(START(w, "w", .state = "a"));
    struct claim claim = TAKE(w, .id = "w", .lease_ms = 1000);
    assert_int_equal(claim.lease_until, now_ms(w) + 1000);
    pawli_sim_advance_ms(w->env, 999);
    assert_ok(pawl_workflow_extend(w->store, "k", "w", claim.token, 5000, &err));
    pawli_sim_advance_ms(w->env, 4999);
    assert_int_equal(TAKE(w).token, 0);
    assert_ok(STEP(w, claim, NEXT, .keep = 1)); /* and by a step that goes on: 30 s, the policy's */
    pawli_sim_advance_ms(w->env, 29999);
    assert_int_equal(TAKE(w).token, 0);
    pawli_sim_advance_ms(w->env, 1);
    assert_true(TAKE(w).token > 0);
    verify_all(w);
}

static void a200_one_has_it(struct world *w)
{
    assert_ok(START(w, "w", .state = "a"));
    take(w, "w");
    assert_int_equal(TAKE(w).token, 0);
    assert_int_equal(TAKE(w, .id = "w").token, 0);
    assert_int_equal(TAKE(w, .id = "none").token, 0);
    verify_all(w);
}

static void a202_kinds_share_no_ids(struct world *w)
{
    const pawl_start other = {PAWL_START, .kind = "j", .id = "w", .state = "x"};
    assert_ok(START(w, "w", .state = "a"));
    assert_ok(pawl_workflow_start(w->store, &other, NULL, &err));
    struct claim claim = take(w, "w"), wrong = claim;
    assert_string_equal(claim.state, "a");
    snprintf(wrong.kind, sizeof wrong.kind, "j");
    assert_status(STEP(w, wrong, DONE), PAWL_EFENCED);
    assert_ok(STEP(w, claim, FAIL, .error = "e"));
    assert_string_equal(see(w, "j", "w")->status, "runnable");
    assert_workflow(w, "w", "failed");
    verify_all(w);
}

static void of_a_key_one_goes_at_a_time(struct world *w)
{
    for (int i = 0; i < 3; i++)
        assert_ok(START(w, i == 0 ? "a" : i == 1 ? "b" : "c", .key = "x"));
    struct claim claim = TAKE(w);
    assert_string_equal(claim.id, "a");
    assert_int_equal(TAKE(w).token, 0);
    assert_int_equal(TAKE(w, .id = "b").token, 0);
    assert_ok(STEP(w, claim, PARK)); /* its turn it is still */
    assert_int_equal(TAKE(w).token, 0);
    assert_ok(steer(w, "a", PAWL_STEER_STOP));
    claim = TAKE(w);
    assert_string_equal(claim.id, "b");
    assert_ok(STEP(w, claim, DONE));
    assert_string_equal(TAKE(w).id, "c");
    verify_all(w);
}

/* ---- waiting ---- */

static void a191_without_a_time_it_waits_to_be_asked(struct world *w)
{
    assert_ok(START(w, "w", .state = "a"));
    struct claim claim = take(w, "w");
    assert_ok(STEP(w, claim, PARK, .state = "b"));
    const pawl_workflow_view *view = see(w, "k", "w");
    assert_string_equal(view->status, "parked");
    assert_int_equal(view->waits, 1);
    assert_int_equal(view->wake_at_ms, 0);
    pawli_sim_advance_ms(w->env, INT64_C(40) * 86400000);
    assert_int_equal(TAKE(w).token, 0);
    assert_ok(steer(w, "w", PAWL_STEER_RETRY));
    assert_workflow(w, "w", "runnable");
    assert_string_equal(TAKE(w).state, "b");
    verify_all(w);
}

static void a192_a193_a_time_is_stored_and_it_wakes_by_itself(struct world *w)
{
    assert_ok(START(w, "w", .state = "a"));
    struct claim claim = take(w, "w");
    assert_ok(STEP(w, claim, PARK, .has_wake = 1, .wake_in_ms = 5000));
    assert_int_equal(see(w, "k", "w")->wake_at_ms, now_ms(w) + 5000);
    assert_workflow(w, "w", "parked");
    pawli_sim_advance_ms(w->env, 4999);
    assert_int_equal(TAKE(w).token, 0);
    pawli_sim_advance_ms(w->env, 1);
    assert_workflow(w, "w", "runnable");
    claim = TAKE(w);
    assert_ok(STEP(w, claim, PARK, .has_wake = 1, .wake_in_ms = 5000));
    assert_ok(send(w, "w", NULL, "1")); /* woken early, it may park again */
    claim = TAKE(w);
    assert_ok(STEP(w, claim, PARK, .has_wake = 1, .wake_in_ms = 5000));
    assert_workflow(w, "w", "parked");
    pawli_sim_advance_ms(w->env, 5000);
    claim = TAKE(w);
    assert_ok(STEP(w, claim, DONE));
    verify_all(w);
}

static void a197_with_an_error_it_waits_longer_and_longer(struct world *w)
{
    static const int64_t waits[] = {1000, 2000, 4000, 5000, 5000};
    set_kind(w, "backoff_max_ms", "5000");
    set_kind(w, "backoff_ms", "1000");
    set_kind(w, "jitter_percent", "0");
    assert_ok(START(w, "w", .state = "a"));
    struct claim claim;
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        claim = take(w, "w");
        assert_int_equal(claim.attempts, i + 1);
        assert_ok(STEP(w, claim, PARK, .error = "no route"));
        const pawl_workflow_view *view = see(w, "k", "w");
        assert_int_equal(view->wake_at_ms, now_ms(w) + waits[i]);
        assert_int_equal(view->attempts, i + 1);
        assert_string_equal(view->last_error.text, "no route");
        assert_string_equal(view->last_error.error_class, "transient");
    }
    claim = take(w, "w");
    assert_ok(STEP(w, claim, NEXT));
    assert_int_equal(see(w, "k", "w")->attempts, 0);
    assert_int_equal(see(w, "k", "w")->total_attempts, 6);
    claim = take(w, "w");
    assert_ok(STEP(w, claim, PARK, .error = "again"));
    assert_int_equal(see(w, "k", "w")->wake_at_ms, now_ms(w) + 1000);
    verify_all(w);
}

static void a230_a231_a_budget_and_what_is_over_it(struct world *w)
{
    set_kind(w, "max_attempts", "3");
    assert_ok(START(w, "w", .state = "a", .data = "1", .data_size = 1));
    struct claim claim;
    for (int i = 0; i < 2; i++) {
        claim = take(w, "w");
        assert_ok(STEP(w, claim, PARK, .error = "e"));
        assert_workflow(w, "w", "parked");
    }
    claim = take(w, "w");
    assert_ok(STEP(w, claim, NEXT, .state = "b")); /* within it: goes on, with all of them again */
    for (int i = 0; i < 3; i++) {
        claim = take(w, "w");
        assert_ok(STEP(w, claim, PARK, .error = "e"));
    }
    const pawl_workflow_view *view = see(w, "k", "w");
    assert_string_equal(view->status, "stuck");
    assert_string_equal(view->stuck_why, "exhausted");
    assert_string_equal(view->state, "b");
    pawli_sim_advance_ms(w->env, INT64_C(40) * 86400000);
    sweep(w);
    assert_int_equal(TAKE(w).token, 0);
    assert_int_equal(TAKE(w, .id = "w").token, 0);
    assert_ok(send(w, "w", NULL, "1")); /* kept; it waits for a person */
    assert_workflow(w, "w", "stuck");
    assert_ok(steer(w, "w", PAWL_STEER_RETRY));
    claim = TAKE(w);
    assert_int_equal(claim.attempts, 1);
    assert_int_equal(claim.total, 7);
    assert_ok(STEP(w, claim, DONE));
    verify_all(w);
}

/* What is refused for good is no attempt, and has a budget of its own. */
static void refusals_are_counted_apart(struct world *w)
{
    set_kind(w, "max_rejections", "2");
    set_kind(w, "max_attempts", "2");
    assert_ok(START(w, "w", .state = "a"));
    struct claim claim;
    for (int i = 0; i < 2; i++) {
        claim = take(w, "w");
        assert_int_equal(claim.attempts, 1);
        assert_ok(STEP(w, claim, PARK, .error = "no such account", .rejected = 1));
        assert_workflow(w, "w", "parked");
        assert_int_equal(see(w, "k", "w")->attempts, 0);
        assert_string_equal(see(w, "k", "w")->last_error.error_class, "permanent");
    }
    claim = take(w, "w");
    assert_ok(STEP(w, claim, NEXT, .error = "no such account", .rejected = 1)); /* into the same state: as a park */
    assert_string_equal(see(w, "k", "w")->stuck_why, "rejected");
    assert_int_equal(see(w, "k", "w")->total_attempts, 3);
    assert_ok(steer(w, "w", PAWL_STEER_RETRY));
    claim = take(w, "w");
    assert_ok(STEP(w, claim, NEXT, .state = "b", .error = "no such account", .rejected = 1)); /* that is progress */
    assert_workflow(w, "w", "runnable");
    verify_all(w);
}

/* ---- signals ---- */

/* A signal comes while another one has the key: when it has it, it is due. */
static void one_that_waits_for_its_key_is_woken_too(struct world *w)
{
    assert_ok(START(w, "first", .key = "x"));
    assert_ok(START(w, "w", .key = "x", .wake_in_ms = 3600000));
    assert_ok(send(w, "w", "s", NULL));
    struct claim claim = take(w, "first");
    assert_ok(STEP(w, claim, DONE));
    assert_workflow(w, "w", "runnable");
    assert_string_equal(TAKE(w).id, "w");
    verify_all(w);
}

static void a_signal_is_kept_until_a_step_takes_it(struct world *w)
{
    assert_status(send(w, "w", NULL, "1"), PAWL_ENOTFOUND);
    assert_ok(START(w, "w", .state = "a"));
    assert_ok(send(w, "w", "one", "1")); /* nobody waits for it yet */
    uint32_t replayed = 0;
    assert_ok(pawl_workflow_signal(
        w->store,
        &(pawl_signal){PAWL_SIGNAL, .kind = "k", .id = "w", .name = "go", .dedupe = "one", .data = "1", .data_size = 1},
        &replayed, &err));
    assert_int_equal(replayed, 1);
    assert_status(send(w, "w", "one", "2"), PAWL_ECONFLICT);
    assert_ok(send(w, "w", "two", "2"));
    struct claim claim = take(w, "w");
    assert_string_equal(claim.signals, "one two ");
    static const char *const one[] = {"one"}, *const none[] = {"three"};
    assert_status(STEP(w, claim, NEXT, .take = none, .take_count = 1), PAWL_ENOTFOUND);
    assert_ok(STEP(w, claim, NEXT, .take = one, .take_count = 1));
    claim = take(w, "w");
    assert_string_equal(claim.signals, "two ");
    assert_ok(STEP(w, claim, NEXT, .has_take = 1)); /* none of them */
    claim = take(w, "w");
    assert_string_equal(claim.signals, "two ");
    assert_ok(STEP(w, claim, NEXT));
    claim = take(w, "w");
    assert_string_equal(claim.signals, "");
    see(w, "k", "w");
    assert_int_equal(pawl_workflows_signal_count(seen_last), 2);
    assert_int_equal(pawl_workflows_signal(seen_last, 0)->taken, 1);
    assert_int_equal(pawl_workflows_signal(seen_last, 1)->taken, 3);
    assert_ok(send(w, "w", "one", "1")); /* it was taken, and is the same all the same */
    assert_ok(STEP(w, claim, DONE));
    assert_ok(send(w, "w", "one", "1"));
    assert_status(send(w, "w", "new", "1"), PAWL_EREFUSED);
    verify_all(w);
}

static void one_that_comes_behind_the_claim_is_not_lost(struct world *w)
{
    assert_ok(START(w, "w", .state = "a"));
    struct claim claim = take(w, "w");
    assert_ok(send(w, "w", "late", "1"));
    assert_ok(STEP(w, claim, PARK)); /* for a signal: it has come */
    assert_workflow(w, "w", "runnable");
    claim = TAKE(w);
    assert_string_equal(claim.signals, "late ");
    assert_ok(STEP(w, claim, PARK));
    assert_workflow(w, "w", "parked");
    assert_ok(send(w, "w", "next", "1"));
    assert_workflow(w, "w", "runnable");
    claim = TAKE(w);
    assert_string_equal(claim.signals, "next ");
    assert_ok(STEP(w, claim, NEXT));
    assert_workflow(w, "w", "runnable"); /* what it waited for once is over */
    claim = take(w, "w");
    assert_ok(STEP(w, claim, PARK, .has_wake = 1, .wake_in_ms = 1000));
    assert_ok(send(w, "w", "early", "1"));
    assert_string_equal(TAKE(w).signals, "early ");
    verify_all(w);
}

static void a_lost_claim_takes_no_signal(struct world *w)
{
    assert_ok(START(w, "w", .state = "a"));
    assert_ok(send(w, "w", "one", "1"));
    struct claim lost = TAKE(w, .lease_ms = 1);
    pawli_sim_advance_ms(w->env, 1);
    struct claim claim = TAKE(w);
    assert_status(STEP(w, lost, NEXT), PAWL_EFENCED);
    assert_string_equal(claim.signals, "one ");
    verify_all(w);
}

/* One of a life before is no repetition. */
static void a_new_life_has_signals_of_its_own(struct world *w)
{
    assert_ok(START(w, "w", .state = "a"));
    assert_ok(send(w, "w", "one", "1"));
    struct claim claim = take(w, "w");
    assert_ok(STEP(w, claim, FAIL, .error = "e"));
    assert_ok(START(w, "w", .state = "a"));
    assert_string_equal(take(w, "w").signals, "");
    assert_ok(send(w, "w", "one", "2"));
    see(w, "k", "w");
    assert_int_equal(pawl_workflows_signal_count(seen_last), 1);
    verify_all(w);
}

/* Taken they are by nobody, and over all the same. */
static void signals_end_with_their_workflow(struct world *w)
{
    assert_ok(START(w, "w", .state = "a"));
    assert_ok(send(w, "w", "one", "1"));
    assert_ok(steer(w, "w", PAWL_STEER_STOP)); /* before any step */
    verify(w);
    assert_ok(START(w, "w", .state = "a"));
    assert_string_equal(take(w, "w").signals, "");
    verify_all(w);
}

/* ---- starting ---- */

static bool was_replayed(const struct world *w, const char *id, const char *state)
{
    pawl_workflows *started;
    assert_ok(pawl_workflow_start(w->store, &(pawl_start){PAWL_START, .kind = "k", .id = id, .state = state}, &started,
                                  &err));
    bool replayed = pawl_workflows_get(started, 0)->was_replayed;
    pawl_workflows_free(started);
    return replayed;
}

static void a222_a223_a225_the_same_again_is_the_stored_one(struct world *w)
{
    assert_false(was_replayed(w, "w", "a"));
    assert_true(was_replayed(w, "w", "a"));
    struct claim claim = take(w, "w");
    assert_true(was_replayed(w, "w", "a")); /* it runs, and is left alone */
    assert_status(START(w, "w", .state = "b"), PAWL_ECONFLICT);
    assert_ok(STEP(w, claim, NEXT, .state = "z", .keep = 1));
    claim.generation++;
    assert_true(was_replayed(w, "w", "a"));
    assert_ok(STEP(w, claim, DONE, .receipt = "7", .receipt_size = 1));
    for (int i = 0; i < 2; i++) {
        pawl_workflows *again;
        assert_ok(pawl_workflow_start(w->store, &(pawl_start){PAWL_START, .kind = "k", .id = "w", .state = "a"}, &again,
                                      &err));
        const pawl_workflow_view *view = pawl_workflows_get(again, 0);
        assert_string_equal(view->status, "finished");
        assert_bytes(view->receipt, view->receipt_size, "7");
        pawl_workflows_free(again);
    }
    assert_status(START(w, "w", .state = "b"), PAWL_ECONFLICT);
    assert_int_equal(TAKE(w).token, 0);
    verify_all(w);
}

static void a217_a_receipt_is_written_once(struct world *w)
{
    assert_ok(START(w, "w", .state = "a"));
    struct claim claim = take(w, "w");
    assert_ok(STEP(w, claim, DONE, .receipt = "1", .receipt_size = 1));
    assert_status(STEP(w, claim, DONE, .receipt = "2", .receipt_size = 1), PAWL_EFENCED);
    claim.generation++;
    assert_status(STEP(w, claim, DONE, .receipt = "2", .receipt_size = 1), PAWL_EFENCED);
    const pawl_workflow_view *view = see(w, "k", "w");
    assert_bytes(view->receipt, view->receipt_size, "1");
    verify_all(w);
}

static void a224_a226_a_failure_says_why_and_its_id_starts_anew(struct world *w)
{
    assert_ok(pawl_resource_add(w->store, "r", NULL, &err));
    assert_false(was_replayed(w, "w", "a"));
    struct claim claim = take(w, "w"), old = claim;
    assert_ok(STEP_WITH(w, claim, "hold r", FAIL, .error = "no funds"));
    const pawl_workflow_view *view = see(w, "k", "w");
    assert_string_equal(view->status, "failed");
    assert_string_equal(view->last_error.text, "no funds");
    assert_null(view->receipt);
    assert_where(w, "r", "available");
    assert_false(was_replayed(w, "w", "b")); /* other content is fine: it is another try */
    view = see(w, "k", "w");
    assert_int_equal(view->generation, 1);
    assert_int_equal(view->total_attempts, 0);
    assert_null(view->last_error.error_class);
    claim = take(w, "w");
    assert_int_equal(claim.generation, 1);
    assert_status(STEP(w, old, DONE), PAWL_EFENCED);
    assert_ok(STEP(w, claim, DONE));
    assert_true(was_replayed(w, "w", "b"));
    pawl_workflows *list;
    for (uint32_t all = 0; all < 2; all++) {
        assert_ok(
            pawl_workflows_list(w->store, &(pawl_workflows_query){PAWL_WORKFLOWS_QUERY, .all = all}, &list, &err));
        assert_int_equal(pawl_workflows_count(list), 1 + all);
        pawl_workflows_free(list);
    }
    set_kind(w, "may_start_again", "1");
    assert_false(was_replayed(w, "w", "b"));
    verify_all(w);
}

static int start_with(const struct world *w, const char *id, const char *holds)
{
    pawl_transition *t = pawl_transition_new(w->store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Order"});
    char holder[32];
    snprintf(holder, sizeof holder, "k/%s", id);
    pawl_transition_start(t, &(pawl_start){PAWL_START, .kind = "k", .id = id, .state = "a"});
    add_effects(t, holds, holder);
    int status = pawl_transition_commit(t, NULL, &err);
    pawl_transition_free(t);
    return status;
}

static void a205_a_start_and_what_it_reserves_are_one(struct world *w)
{
    assert_ok(start_with(w, "other", "add a add b hold b"));
    assert_status(start_with(w, "w", "hold a hold b"), PAWL_EREFUSED);
    pawl_workflows *none;
    assert_status(pawl_workflow_get(w->store, "k", "w", &none, &err), PAWL_ENOTFOUND);
    assert_where(w, "a", "available");
    assert_ok(start_with(w, "w", "hold a"));
    assert_where(w, "a", "held k/w");
    assert_int_equal(take(w, "w").resources, 1);
    assert_status(start_with(w, "w", NULL), PAWL_EREFUSED); /* it is there */
    assert_status(start_with(w, "w", "release a"), PAWL_EREFUSED);
    assert_where(w, "a", "held k/w");
    assert_int_equal(count_records(w), 2);
    assert_ok(pawl_workflow_steer(
        w->store, &(pawl_steering){PAWL_STEERING, .kind = "k", .id = "w", .what = PAWL_STEER_STOP, .force = 1},
        BECAUSE(1), NULL, &err));
    assert_ok(start_with(w, "w", "hold a")); /* it failed: its id is free */
    assert_where(w, "a", "held k/w");
    verify_all(w);
}

/* ---- ending ---- */

static void a206_a207_it_finishes_with_nothing_in_its_hands(struct world *w)
{
    assert_ok(start_with(w, "w", "add a add b hold a hold b"));
    struct claim claim = take(w, "w");
    assert_status(STEP(w, claim, DONE), PAWL_EREFUSED);
    assert_status(STEP_WITH(w, claim, "consume a", DONE, .receipt = "1", .receipt_size = 1), PAWL_EREFUSED);
    assert_where(w, "a", "held k/w"); /* all of it or nothing */
    assert_workflow(w, "w", "running");
    assert_null(see(w, "k", "w")->receipt);
    assert_ok(STEP_WITH(w, claim, "consume a release b", DONE, .receipt = "1", .receipt_size = 1));
    assert_where(w, "a", "consumed");
    assert_where(w, "b", "available");
    assert_workflow(w, "w", "finished");
    verify_all(w);
}

static void a209_a_stop_ends_it_and_gives_all_back(struct world *w)
{
    assert_status(steer(w, "w", PAWL_STEER_STOP), PAWL_ENOTFOUND);
    assert_ok(start_with(w, "w", "add a add b hold a"));
    struct claim claim = take(w, "w");
    assert_status(steer(w, "w", PAWL_STEER_STOP), PAWL_EREFUSED);
    assert_ok(STEP_WITH(w, claim, "hold b", NEXT, .keep = 1));
    claim.generation++;
    assert_ok(pawl_workflow_steer(
        w->store, &(pawl_steering){PAWL_STEERING, .kind = "k", .id = "w", .what = PAWL_STEER_STOP, .force = 1},
        BECAUSE(1), NULL, &err));
    assert_where(w, "a", "available");
    assert_where(w, "b", "available");
    assert_string_equal(see(w, "k", "w")->last_error.error_class, "stopped");
    assert_status(STEP(w, claim, DONE), PAWL_EFENCED);
    for (int what = PAWL_STEER_RETRY; what <= PAWL_STEER_RESUME; what++)
        assert_status(steer(w, "w", what), PAWL_EREFUSED);
    assert_int_equal(TAKE(w, .id = "w").token, 0);
    verify_all(w);
}

static void what_ended_goes_when_it_was_kept_long_enough(struct world *w)
{
    set_kind(w, "keep_ms", "10000");
    assert_ok(START(w, "w", .state = "a"));
    assert_ok(START(w, "v", .state = "a"));
    assert_ok(START(w, "open", .state = "a"));
    assert_ok(send(w, "w", "one", "1"));
    struct claim claim = take(w, "w");
    assert_ok(STEP(w, claim, DONE));
    claim = take(w, "v");
    assert_ok(STEP(w, claim, FAIL, .error = "e"));
    pawli_sim_advance_ms(w->env, 9999);
    assert_int_equal(sweep(w).purged, 0);
    pawli_sim_advance_ms(w->env, 1);
    assert_int_equal(sweep(w).purged, 2);
    pawl_workflows *none;
    assert_status(pawl_workflow_get(w->store, "k", "w", &none, &err), PAWL_ENOTFOUND);
    assert_status(send(w, "w", "one", "1"), PAWL_ENOTFOUND);
    assert_status(START(w, "w", .state = "a"), PAWL_EREFUSED); /* what it ended with is not known any more */
    assert_ok(START(w, "v", .state = "b"));
    assert_workflow(w, "open", "runnable");
    verify_all(w);
}

/* ---- resources ---- */

static void a213_a_resource_is_held_by_one(struct world *w)
{
    assert_ok(start_with(w, "one", "add r add q hold q"));
    assert_ok(START(w, "two"));
    struct claim one = take(w, "one"), two = take(w, "two");
    assert_ok(STEP_WITH(w, one, "hold r", NEXT, .keep = 1));
    one.generation++;
    static const char *const tries[] = {"hold r", "release r", "consume r", "withdraw r", "hold none"};
    for (size_t i = 0; i < COUNT_OF(tries); i++)
        assert_status(STEP_WITH(w, two, tries[i], NEXT), i == 4 ? PAWL_ENOTFOUND : PAWL_EREFUSED);
    assert_where(w, "r", "held k/one");
    pawl_resources *before, *after;
    assert_ok(pawl_resource_get(w->store, "r", &before, &err));
    assert_ok(STEP_WITH(w, one, "hold r", NEXT, .keep = 1)); /* its own again: nothing */
    one.generation++;
    assert_ok(pawl_resource_get(w->store, "r", &after, &err));
    assert_int_equal(pawl_resources_count(after), pawl_resources_count(before));
    assert_int_equal(pawl_resources_get(after, 0)->generation, pawl_resources_get(before, 0)->generation);
    pawl_resources_free(before);
    pawl_resources_free(after);
    assert_int_equal(see(w, "k", "one")->resource_count, 2);
    assert_ok(STEP_WITH(w, one, "release r", NEXT));
    assert_ok(STEP_WITH(w, two, "hold r", NEXT));
    assert_where(w, "r", "held k/two");
    verify_all(w);
}

static void a215_what_may_not_be_changes_nothing(struct world *w)
{
    assert_ok(start_with(w, "w", "add r add q hold r"));
    assert_ok(pawl_resource_add(w->store, "r", NULL, &err)); /* there already: it keeps its state */
    assert_status(pawl_resource_add(w->store, "r", "coin", &err), PAWL_ECONFLICT);
    assert_where(w, "r", "held k/w");
    struct claim claim = take(w, "w");
    assert_ok(STEP_WITH(w, claim, "consume r", NEXT, .keep = 1));
    claim.generation++;
    assert_ok(STEP_WITH(w, claim, "consume r", NEXT, .keep = 1)); /* used up it is */
    claim.generation++;
    static const char *const tries[] = {"hold r", "release r", "withdraw r", "hold q hold r"};
    for (size_t i = 0; i < COUNT_OF(tries); i++)
        assert_status(STEP_WITH(w, claim, tries[i], NEXT), PAWL_EREFUSED);
    assert_where(w, "q", "available");
    static const char *const states[] = {"available", "held", "consumed"};
    pawl_resources *found;
    assert_ok(pawl_resource_get(w->store, "r", &found, &err));
    assert_int_equal(pawl_resources_count(found), 4);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(pawl_resources_get(found, i + 1)->state, states[i]);
        assert_int_equal(pawl_resources_get(found, i + 1)->generation, i + 1);
    }
    pawl_resources_free(found);
    assert_ok(STEP_WITH(w, claim, "withdraw q", DONE));
    assert_where(w, "q", "withdrawn");
    verify_all(w);
}

/* ---- limits of a kind ---- */

static size_t claim_many(const struct world *w)
{
    pawl_workflows *claimed;
    assert_ok(pawl_workflow_claim(
        w->store, &(pawl_workflow_claim_options){PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "k", .limit = 100}, &claimed,
        &err));
    size_t count = pawl_workflows_count(claimed);
    pawl_workflows_free(claimed);
    return count;
}

static void a_kind_runs_no_more_at_once_than_it_may(struct world *w)
{
    set_kind(w, "concurrency", "2");
    for (char id[] = "a"; id[0] < 'e'; id[0]++)
        assert_ok(START(w, id, .state = "a"));
    struct claim first = TAKE(w);
    assert_int_equal(claim_many(w), 1);
    assert_int_equal(claim_many(w), 0);
    assert_ok(STEP(w, first, DONE));
    assert_int_equal(claim_many(w), 1);
    verify_all(w);
}

static void a_kind_runs_no_more_in_a_time_than_it_may(struct world *w)
{
    set_kind(w, "rate", "2/60s");
    for (char id[] = "a"; id[0] < 'e'; id[0]++)
        assert_ok(START(w, id, .state = "a"));
    assert_int_equal(claim_many(w), 2);
    assert_int_equal(claim_many(w), 0);
    pawli_sim_advance_ms(w->env, 60000);
    assert_int_equal(claim_many(w), 2);
    verify_all(w);
}

static void of_those_that_share_a_key_one_runs_at_a_time(struct world *w)
{
    for (char id[] = "a"; id[0] < 'd'; id[0]++)
        assert_ok(START(w, id, .state = "a", .key = "one"));
    assert_ok(START(w, "other", .state = "a", .key = "two"));
    struct claim first = TAKE(w);
    assert_string_equal(first.id, "a");
    assert_int_equal(claim_many(w), 1); /* of the other key */
    assert_int_equal(claim_many(w), 0);
    assert_ok(STEP(w, first, PARK, .has_wake = 1, .wake_in_ms = 1000)); /* its key stays its own */
    assert_int_equal(claim_many(w), 0);
    pawli_sim_advance_ms(w->env, 1000);
    first = TAKE(w);
    assert_string_equal(first.id, "a");
    assert_ok(STEP(w, first, DONE));
    assert_string_equal(TAKE(w).id, "b");
    verify_all(w);
}

static const struct conformance_case cases[] = {
    CASE(a189_each_state_is_stored_before_the_next),
    CASE(a190_what_was_lost_begins_at_the_last_checkpoint),
    CASE(no_exit_without_the_claim),
    CASE(a_lease_is_renewed),
    CASE(a200_one_has_it),
    CASE(a202_kinds_share_no_ids),
    CASE(of_a_key_one_goes_at_a_time),
    CASE(a191_without_a_time_it_waits_to_be_asked),
    CASE(a192_a193_a_time_is_stored_and_it_wakes_by_itself),
    CASE(a197_with_an_error_it_waits_longer_and_longer),
    CASE(a230_a231_a_budget_and_what_is_over_it),
    CASE(refusals_are_counted_apart),
    CASE(one_that_waits_for_its_key_is_woken_too),
    CASE(a_signal_is_kept_until_a_step_takes_it),
    CASE(one_that_comes_behind_the_claim_is_not_lost),
    CASE(a_lost_claim_takes_no_signal),
    CASE(a_new_life_has_signals_of_its_own),
    CASE(signals_end_with_their_workflow),
    CASE(a222_a223_a225_the_same_again_is_the_stored_one),
    CASE(a217_a_receipt_is_written_once),
    CASE(a224_a226_a_failure_says_why_and_its_id_starts_anew),
    CASE(a205_a_start_and_what_it_reserves_are_one),
    CASE(a206_a207_it_finishes_with_nothing_in_its_hands),
    CASE(a209_a_stop_ends_it_and_gives_all_back),
    CASE(what_ended_goes_when_it_was_kept_long_enough),
    CASE(a213_a_resource_is_held_by_one),
    CASE(a215_what_may_not_be_changes_nothing),
    CASE(a_kind_runs_no_more_at_once_than_it_may),
    CASE(a_kind_runs_no_more_in_a_time_than_it_may),
    CASE(of_those_that_share_a_key_one_runs_at_a_time),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
