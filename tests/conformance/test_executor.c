/* SPDX-License-Identifier: MIT */
/* Executors: state machines that are driven by their callbacks, one at a time in this thread. */
#include "planned.h"

/* ---- steps ---- */

static void a189_each_state_is_stored_before_the_next_step(struct world *w)
{
    begin(w);
    OPEN(w);
    assert_ok(drive("w"));
    const pawl_workflow_view *view = see(w, "k", "w");
    assert_string_equal(view->status, "finished");
    assert_bytes(view->receipt, view->receipt_size, "\"receipt\"");
    assert_int_equal(pawl_workflows_step_count(seen_last), 3);
    static const char *const states[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(pawl_workflows_step(seen_last, i)->state, states[i]);
    assert_ok(drive("w")); /* it ended: its receipt is what it was */
    assert_int_equal(plan.calls, 1);
    end(w);
}

static int hold_and_die(pawl_step *step, pawl_error *error)
{
    pawl_step_hold(step, "r");
    return pawl_error_set(error, PAWL_EUNAVAIL, "killed");
}

static void a190_what_was_not_committed_is_made_again(struct world *w)
{
    begin(w);
    plan.on_b = hold_and_die;
    OPEN(w);
    assert_status(drive("w"), PAWL_EUNAVAIL);
    pawl_uuid key = plan.key;
    assert_state_is(w, "b");
    assert_where(w, "r", "available"); /* nothing of the step that failed */
    plan.on_b = NULL;
    assert_ok(drive("w"));
    assert_int_equal(plan.calls, 2);
    assert_memory_equal(&key, &plan.key, sizeof key); /* the key of its call is the same in every try */
    end(w);
}

static int park_for_a_minute(pawl_step *step, pawl_error *error)
{
    (void)error;
    plan.on_b = NULL;
    return pawl_step_park(step, "b", NULL, 0, 60000, NULL);
}

static int park_with_error(pawl_step *step, pawl_error *error)
{
    (void)error;
    plan.on_b = NULL;
    const pawl_error why = {.status = PAWL_EUNAVAIL, .text = "the bank is shut"};
    return pawl_step_park(step, "b", NULL, 0, 60000, &why);
}

static void a191_until_parked_ends_at_a_park(struct world *w)
{
    begin(w);
    OPEN(w);
    plan.on_b = park_for_a_minute;
    assert_ok(drive("w"));
    assert_workflow(w, "w", "parked");
    plan.on_b = park_with_error;
    assert_status(drive("w"), PAWL_EUNAVAIL); /* an early drive is harmless, and what it waits for is what comes back */
    assert_string_equal(err.text, "the bank is shut");
    assert_string_equal(see(w, "k", "w")->last_error.text, "the bank is shut");
    assert_ok(drive("w"));
    assert_workflow(w, "w", "finished");
    end(w);
}

static void a193_until_done_sleeps_through_parks(struct world *w)
{
    begin(w);
    OPEN(w);
    plan.on_b = park_for_a_minute;
    int64_t began = now_ms(w);
    assert_ok(drive_until_done("w", 70000));
    assert_int_equal(now_ms(w), began + 60000);
    assert_workflow(w, "w", "finished");
    assert_ok(START(w, "late", .state = "a"));
    plan.on_b = park_for_a_minute;
    assert_status(drive_until_done("late", 30000), PAWL_EBUSY); /* its time is not over */
    assert_int_equal(now_ms(w), began + 90000);
    end(w);
}

static void what_is_started_here_is_driven_here(struct world *w)
{
    begin(w);
    OPEN(w);
    const pawl_start start = {PAWL_START, .kind = "k", .id = "run", .state = "a"};
    pawl_workflows *run = NULL;
    assert_ok(pawl_executor_run(executor, &start, 0, 0, &run, &err));
    assert_string_equal(pawl_workflows_get(run, 0)->status, "finished");
    pawl_workflows_free(run);
    assert_int_equal(plan.calls, 1);
    assert_ok(pawl_executor_run(executor, &start, 0, 0, NULL, &err)); /* again: it is there, and ended */
    assert_int_equal(plan.calls, 1);
    const pawl_start other = {PAWL_START, .kind = "k", .id = "run", .state = "b"};
    assert_status(pawl_executor_run(executor, &other, 0, 0, NULL, &err), PAWL_ECONFLICT);
    const pawl_start waits = {PAWL_START, .kind = "k", .id = "waits", .state = "b"};
    plan.on_b = park_for_a_minute;
    assert_ok(pawl_executor_run(executor, &waits, 1, 70000, NULL, &err));
    assert_workflow(w, "waits", "finished");
    const pawl_start kept = {PAWL_START, .kind = "k", .id = "kept", .key = "one", .state = "a"};
    const pawl_start behind = {PAWL_START, .kind = "k", .id = "behind", .key = "one", .state = "a"};
    plan.on_b = park_for_a_minute;
    assert_ok(pawl_executor_run(executor, &kept, 0, 0, NULL, &err));
    assert_status(pawl_executor_run(executor, &behind, 0, 0, NULL, &err), PAWL_EBUSY); /* its key is another's */
    assert_ok(drive("kept"));
    assert_ok(drive("behind"));
    end(w);
}

/* ---- errors ---- */

static void a195_a196_an_error_keeps_its_class(struct world *w)
{
    static const struct {
        int status;
        const char *ends_as;
    } classes[] = {
        {PAWL_EREJECTED, "failed"}, {PAWL_EUNAVAIL, "parked"}, {PAWL_EUNCERTAIN, "parked"}, {PAWL_EIO, "parked"}};
    begin(w);
    OPEN(w);
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        char id[8];
        snprintf(id, sizeof id, "w%zu", i);
        assert_ok(START(w, id, .state = "a"));
        plan.refuse = 1;
        plan.status = classes[i].status;
        assert_status(drive(id), classes[i].status);
        assert_string_equal(err.text, "calling the bank: no answer");
        assert_workflow(w, id, classes[i].ends_as);
    }
    end(w);
}

static int park_on(pawl_step *step, const pawl_error *cause, pawl_error *error)
{
    (void)error;
    return pawl_step_park(step, NULL, NULL, 0, 1000, cause);
}

static void a195_the_hook_is_told_which_attempt_it_was(struct world *w)
{
    begin(w);
    OPEN(w, .on_retry = hook);
    plan.hook = park_on;
    plan.refuse = 2;
    plan.status = PAWL_EUNAVAIL;
    assert_status(drive("w"), PAWL_EUNAVAIL);
    assert_int_equal(see(w, "k", "w")->wake_at_ms, now_ms(w) + 1000);
    assert_status(drive("w"), PAWL_EUNAVAIL);
    assert_ok(drive("w"));
    assert_int_equal(plan.hook_calls, 2);
    assert_int_equal(plan.cause, PAWL_EUNAVAIL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(plan.attempts[i], i + 1);
    end(w);
}

static int go_to_c(pawl_step *step, const pawl_error *cause, pawl_error *error)
{
    (void)cause, (void)error;
    return pawl_step_next(step, "c", NULL, 0);
}

static void a195_a_rejection_has_its_own_hook(struct world *w)
{
    begin(w);
    OPEN(w, .on_rejection = hook);
    plan.hook = go_to_c;
    plan.refuse = 1;
    plan.status = PAWL_EREJECTED;
    assert_ok(drive("w"));
    assert_int_equal(plan.hook_calls, 1);
    assert_workflow(w, "w", "finished");
    end(w);
}

static int fail_in_hook(pawl_step *step, const pawl_error *cause, pawl_error *error)
{
    (void)cause;
    pawl_step_hold(step, "r");
    return pawl_error_set(error, PAWL_EUNAVAIL, "the hook failed");
}

static void a198_a_hook_that_fails_changes_nothing(struct world *w)
{
    begin(w);
    OPEN(w, .on_retry = hook, .on_rejection = hook);
    plan.hook = fail_in_hook;
    plan.refuse = 1;
    plan.status = PAWL_EREJECTED;
    assert_status(drive("w"), PAWL_EUNAVAIL);
    assert_string_equal(err.text, "the hook failed");
    assert_state_is(w, "b");
    assert_where(w, "r", "available");
    assert_workflow(w, "w", "parked");
    end(w);
}

static void a197_progress_counts_attempts_anew(struct world *w)
{
    set_kind(w, "backoff_ms", "1000");
    set_kind(w, "backoff_max_ms", "4000");
    begin(w);
    OPEN(w);
    plan.refuse = 4;
    plan.status = PAWL_EUNAVAIL;
    int64_t longest = 0;
    for (int i = 0; i < 4; i++) {
        assert_status(drive("w"), PAWL_EUNAVAIL);
        int64_t wait = see(w, "k", "w")->wake_at_ms - now_ms(w);
        longest = wait > longest ? wait : longest;
        assert_in_range(wait, 500, 4000);
    }
    assert_true(longest >= 2000);
    plan.on_b = park_for_a_minute;
    assert_ok(drive("w"));
    assert_int_equal(see(w, "k", "w")->attempts, 0);
    assert_int_equal(see(w, "k", "w")->total_attempts, 6); /* "a", four that failed, one that parked */
    end(w);
}

static void a230_a_budget_spent_is_stuck(struct world *w)
{
    begin(w);
    OPEN(w, .retries = 3, .on_retry = hook);
    plan.hook = park_on;
    plan.refuse = -1;
    plan.status = PAWL_EUNAVAIL;
    for (int i = 0; i < 4; i++)
        assert_status(drive("w"), PAWL_EUNAVAIL);
    assert_workflow(w, "w", "stuck");
    assert_int_equal(plan.calls, 4);
    assert_int_equal(plan.hook_calls, 3);
    assert_status(drive("w"), PAWL_EUNAVAIL); /* it is not driven any more, and says why */
    assert_string_equal(err.text, "calling the bank: no answer");
    assert_int_equal(plan.calls, 4);
    plan.refuse = 0;
    assert_ok(steer(w, "w", PAWL_STEER_RETRY));
    assert_ok(drive("w"));
    end(w);
}

static void a231_a_budget_that_is_not_spent_is_enough(struct world *w)
{
    begin(w);
    OPEN(w, .retries = 2);
    plan.refuse = 2;
    plan.status = PAWL_EUNAVAIL;
    assert_status(drive("w"), PAWL_EUNAVAIL);
    assert_status(drive("w"), PAWL_EUNAVAIL);
    assert_ok(drive("w"));
    end(w);
}

static int stay(pawl_step *step, const pawl_error *cause, pawl_error *error)
{
    (void)cause, (void)error;
    assert_true(plan.calls < 10); /* it is called for ever where staying counts as progress */
    return pawl_step_next(step, "b", NULL, 0);
}

static void a_hook_that_goes_nowhere_is_no_progress(struct world *w)
{
    begin(w);
    OPEN(w, .retries = 2, .rejections = 2, .on_retry = hook, .on_rejection = hook);
    plan.hook = stay;
    plan.refuse = -1;
    plan.status = PAWL_EREJECTED;
    for (int i = 0; i < 3; i++)
        assert_status(drive("w"), PAWL_EREJECTED);
    assert_workflow(w, "w", "stuck");
    assert_int_equal(plan.calls, 3);
    assert_string_equal(see(w, "k", "w")->stuck_why, "rejected");
    end(w);
}

static int answer_nothing(pawl_step *step, pawl_error *error)
{
    (void)step, (void)error;
    return PAWL_OK;
}

static int answer_twice(pawl_step *step, pawl_error *error)
{
    (void)error;
    pawl_step_next(step, "c", NULL, 0);
    return pawl_step_done(step, NULL, 0);
}

static void a_step_is_answered_once(struct world *w)
{
    begin(w);
    OPEN(w);
    plan.on_b = answer_nothing;
    assert_status(drive("w"), PAWL_EINVAL);
    assert_string_equal(err.text, "the callback returned, and answered nothing");
    plan.on_b = answer_twice;
    assert_status(drive("w"), PAWL_EINVAL);
    assert_state_is(w, "b");
    end(w);
}

/* ---- who drives ---- */

static void a200_somebody_else_drives_it(struct world *w)
{
    begin(w);
    OPEN(w);
    struct claim claim = take(w, "w");
    assert_status(drive("w"), PAWL_EBUSY);
    assert_int_equal(plan.calls, 0);
    assert_ok(STEP(w, claim, DONE, .receipt = "1", .receipt_size = 1));
    assert_ok(drive("w"));
    assert_int_equal(plan.calls, 0);
    end(w);
}

static const struct world *acting;
static struct claim held_claim;

static void finish_meanwhile(void *data)
{
    (void)data;
    assert_ok(STEP(acting, held_claim, DONE, .receipt = "1", .receipt_size = 1));
}

static void a200_who_waits_is_given_the_end(struct world *w)
{
    begin(w);
    OPEN(w);
    held_claim = take(w, "w");
    acting = w;
    pawli_sim_meanwhile(w->env, 500, finish_meanwhile, NULL);
    assert_ok(drive_until_done("w", 5000));
    assert_workflow(w, "w", "finished");
    assert_int_equal(plan.calls, 0);
    end(w);
}

static int lose_the_claim(pawl_step *step, pawl_error *error)
{
    (void)error;
    plan.on_b = NULL;
    pawli_sim_advance_ms(acting->env, 3600000);
    held_claim = take(acting, "w"); /* its lease is over: another one takes it */
    return pawl_step_next(step, "c", NULL, 0);
}

static void a_step_that_lost_its_claim_changes_nothing(struct world *w)
{
    begin(w);
    OPEN(w);
    acting = w;
    plan.on_b = lose_the_claim;
    assert_status(drive("w"), PAWL_EBUSY);
    assert_state_is(w, "b");
    assert_workflow(w, "w", "running");
    assert_ok(STEP(w, held_claim, DONE));
    end(w);
}

static void a202_two_kinds_with_equal_ids(struct world *w)
{
    begin(w);
    OPEN(w);
    OPEN(w, .name = "other");
    assert_ok(
        pawl_workflow_start(w->store, &(pawl_start){PAWL_START, .kind = "other", .id = "w", .state = "c"}, NULL, &err));
    assert_ok(pawl_executor_drive(executor, "other", "w", 0, 0, NULL, &err));
    assert_workflow(w, "w", "runnable");
    assert_ok(drive("w"));
    end(w);
}

static void what_is_not_there_is_not_driven(struct world *w)
{
    begin(w);
    OPEN(w);
    assert_status(drive("missing"), PAWL_ENOTFOUND);
    assert_status(pawl_executor_drive(executor, "unknown", "w", 0, 0, NULL, &err), PAWL_EREFUSED);
    assert_status(pawl_executor_register(executor, &(pawl_kind){PAWL_KIND, .name = "k", .advance = advance}, &err),
                  PAWL_EREFUSED);
    assert_status(pawl_executor_register(executor, &(pawl_kind){PAWL_KIND, .name = "none"}, &err), PAWL_EINVAL);
    end(w);
}

/* ---- what a step does besides ---- */

static int hold_and_go_on(pawl_step *step, pawl_error *error)
{
    (void)error;
    pawl_step_hold(step, "r");
    pawl_step_event(step, &(pawl_event){PAWL_EVENT, .topic = "t", .type = "held"});
    return pawl_step_next(step, "c", NULL, 0);
}

static void a207_done_with_a_leftover_is_an_error(struct world *w)
{
    begin(w);
    OPEN(w);
    plan.on_b = hold_and_go_on;
    assert_status(drive("w"), PAWL_EREFUSED);
    assert_state_is(w, "c");
    assert_workflow(w, "w", "parked");
    assert_where(w, "r", "held k/w");
    assert_ok(steer(w, "w", PAWL_STEER_STOP)); /* A209 */
    assert_where(w, "r", "available");
    end(w);
}

static int hold_and_consume(pawl_step *step, pawl_error *error)
{
    (void)error;
    pawl_step_hold(step, "r");
    pawl_step_consume(step, "r");
    pawl_step_message(step, MESSAGE("paid"));
    pawl_step_start(step, &(pawl_start){PAWL_START, .kind = "k", .id = "next", .state = "c"});
    return pawl_step_done(step, NULL, 0);
}

static void a206_an_end_is_one_commit(struct world *w)
{
    begin(w);
    OPEN(w);
    plan.on_b = hold_and_consume;
    assert_ok(drive("w"));
    assert_where(w, "r", "consumed");
    assert_int_equal(stats(w).pending, 1);
    assert_workflow(w, "next", "runnable");
    end(w);
}

static int fail_it(pawl_step *step, pawl_error *error)
{
    (void)error;
    pawl_step_hold(step, "r");
    const pawl_error why = {.status = PAWL_EREJECTED, .text = "no money"};
    return pawl_step_fail(step, &why);
}

static void a194_a_failure_cleans_up(struct world *w)
{
    begin(w);
    OPEN(w);
    plan.on_b = fail_it;
    assert_status(drive("w"), PAWL_EREJECTED);
    assert_string_equal(err.text, "no money");
    assert_where(w, "r", "available");
    plan.on_b = NULL;
    assert_ok(START(w, "w", .state = "a", .data = "1", .data_size = 1)); /* A224: the id is not used up */
    assert_ok(drive("w"));
    assert_workflow(w, "w", "finished");
    end(w);
}

/* ---- forms of states ---- */

static int upgrade(void *user, pawl_step *step, pawl_error *error)
{
    (void)user, (void)error;
    assert_int_equal(pawl_step_version(step), 1);
    return pawl_step_next(step, "b", "\"new\"", 5);
}

static int read_new(pawl_step *step, pawl_error *error)
{
    size_t size;
    const char *data = pawl_step_data(step, &size);
    if (size != 5)
        return pawl_error_set(error, PAWL_ECORRUPT, "no state of form 2");
    assert_memory_equal(data, "\"new\"", 5);
    return pawl_step_next(step, "c", NULL, 0);
}

static void a211_an_older_form_is_brought_up(struct world *w)
{
    begin(w);
    OPEN(w, .version = 2, .upgrade = upgrade);
    plan.on_b = read_new;
    assert_ok(START(w, "old", .state = "x", .version = 1));
    assert_ok(drive("old"));
    assert_workflow(w, "old", "finished");
    assert_int_equal(see(w, "k", "old")->version, 2);
    end(w);
}

static void a212_what_cannot_be_read_is_set_apart(struct world *w)
{
    begin(w);
    OPEN(w, .version = 2);
    plan.on_b = read_new;
    assert_ok(START(w, "old", .state = "x", .version = 1));
    assert_ok(START(w, "bad", .state = "b", .version = 2));
    assert_ok(START(w, "newer", .state = "b", .version = 3));
    assert_status(drive("old"), PAWL_ECORRUPT);
    assert_workflow(w, "old", "stuck");
    assert_status(drive("bad"), PAWL_ECORRUPT);
    assert_workflow(w, "bad", "stuck");
    assert_status(drive("newer"), PAWL_EUNSUPPORTED); /* a newer program will take it */
    assert_workflow(w, "newer", "parked");
    assert_int_equal(see(w, "k", "newer")->version, 3);
    assert_ok(START(w, "good", .state = "c", .version = 2));
    assert_ok(drive("good"));
    end(w);
}

static const struct conformance_case cases[] = {
    CASE(a189_each_state_is_stored_before_the_next_step),
    CASE(a190_what_was_not_committed_is_made_again),
    CASE(a191_until_parked_ends_at_a_park),
    CASE(a193_until_done_sleeps_through_parks),
    CASE(what_is_started_here_is_driven_here),
    CASE(a195_a196_an_error_keeps_its_class),
    CASE(a195_the_hook_is_told_which_attempt_it_was),
    CASE(a195_a_rejection_has_its_own_hook),
    CASE(a198_a_hook_that_fails_changes_nothing),
    CASE(a197_progress_counts_attempts_anew),
    CASE(a230_a_budget_spent_is_stuck),
    CASE(a231_a_budget_that_is_not_spent_is_enough),
    CASE(a_hook_that_goes_nowhere_is_no_progress),
    CASE(a_step_is_answered_once),
    CASE(a200_somebody_else_drives_it),
    CASE(a200_who_waits_is_given_the_end),
    CASE(a_step_that_lost_its_claim_changes_nothing),
    CASE(a202_two_kinds_with_equal_ids),
    CASE(what_is_not_there_is_not_driven),
    CASE(a207_done_with_a_leftover_is_an_error),
    CASE(a206_an_end_is_one_commit),
    CASE(a194_a_failure_cleans_up),
    CASE(a211_an_older_form_is_brought_up),
    CASE(a212_what_cannot_be_read_is_set_apart),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
