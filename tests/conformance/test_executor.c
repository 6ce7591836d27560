/* SPDX-License-Identifier: MIT */
/* Executors: state machines that are driven by their callbacks, one at a time in this thread. */
#include "driving.h"

/* What the callbacks of a case do, and what was seen of them. */
static struct {
    int refuse; /* so often the step "b" fails before it goes on; with this status */
    int status;
    int calls, hook_calls, cause, attempts[8];
    int (*on_b)(pawl_step *step, pawl_error *error);
    int (*hook)(pawl_step *step, const pawl_error *cause, pawl_error *error);
    pawl_uuid key;
    char reason[80];
} plan;

static int advance(void *user, pawl_step *step, pawl_error *error)
{
    (void)user;
    const char *state = pawl_step_state(step);
    if (strcmp(state, "a") == 0)
        return pawl_step_next(step, "b", "2", 1);
    if (strcmp(state, "c") == 0)
        return pawl_step_done(step, "\"receipt\"", 9);
    plan.attempts[plan.calls % 8] = (int)pawl_step_attempts(step);
    plan.calls++;
    plan.key = pawl_step_uuid(step, "key");
    if (plan.refuse != 0) {
        plan.refuse--;
        pawl_error_set(error, plan.status, "no answer");
        return pawl_error_wrap(error, "calling the bank");
    }
    return plan.on_b ? plan.on_b(step, error) : pawl_step_next(step, "c", NULL, 0);
}

static int hook(void *user, pawl_step *step, const pawl_error *cause, pawl_error *error)
{
    (void)user;
    plan.hook_calls++;
    plan.cause = cause->status;
    return plan.hook(step, cause, error);
}

static pawl_executor *executor;

static void open_with(struct world *w, pawl_kind kind)
{
    kind.struct_size = sizeof kind;
    kind.name = kind.name ? kind.name : "k";
    kind.advance = kind.advance ? kind.advance : advance;
    if (!executor)
        assert_ok(pawl_executor_new(w->store, NULL, &executor, &err));
    assert_ok(pawl_executor_register(executor, &kind, &err));
}
#define OPEN(w, ...) open_with((w), (pawl_kind){__VA_ARGS__})

static void begin(struct world *w)
{
    memset(&plan, 0, sizeof plan);
    pawl_executor_free(executor); /* of a case that failed */
    executor = NULL;
    assert_ok(pawl_resource_add(w->store, "r", NULL, &err));
    assert_ok(START(w, "w", .state = "a", .data = "1", .data_size = 1));
}

static void end(struct world *w)
{
    pawl_executor_free(executor);
    executor = NULL;
    verify_all(w);
}

/* Until it parks; or, until it is done, in so many milliseconds of the simulated clock. */
static int drive(const char *id)
{
    return pawl_executor_drive(executor, "k", id, 0, 0, NULL, &err);
}

static int drive_until_done(const char *id, int64_t ms)
{
    return pawl_executor_drive(executor, "k", id, 1, ms, NULL, &err);
}

static void assert_state_is(const struct world *w, const char *state)
{
    assert_string_equal(see(w, "k", "w")->state, state);
}

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

static int wait_for_go(pawl_step *step, pawl_error *error)
{
    (void)error;
    size_t size;
    const char *data = pawl_step_signal(step, "go", &size);
    if (!data)
        return pawl_step_park(step, "b", NULL, 0, -1, NULL);
    assert_bytes(data, size, "\"1\"");
    data = pawl_step_signal(step, "go", &size);
    assert_bytes(data, size, "\"2\"");
    assert_null(pawl_step_signal(step, "go", &size));
    return pawl_step_next(step, "c", NULL, 0);
}

static void signals_wait_until_a_step_takes_them(struct world *w)
{
    begin(w);
    OPEN(w);
    plan.on_b = wait_for_go;
    assert_ok(send(w, "w", "s1", "\"1\"")); /* before anybody waits */
    assert_ok(send(w, "w", "s2", "\"2\""));
    assert_ok(send(w, "w", "s1", "\"1\""));
    assert_ok(drive("w"));
    assert_workflow(w, "w", "finished");
    see(w, "k", "w");
    assert_int_equal(pawl_workflows_signal_count(seen_last), 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pawl_workflows_signal(seen_last, i)->taken, 2);
    end(w);
}

static int wait_elsewhere(pawl_step *step, pawl_error *error)
{
    (void)error;
    return pawl_step_park(step, "c", NULL, 0, -1, NULL);
}

/* To and fro, by the clock: a signal that nobody takes makes no haste. */
static int look_now_and_then(pawl_step *step, pawl_error *error)
{
    (void)error;
    return pawl_step_park(step, "c", NULL, 0, 1000, NULL);
}

static int wait_here(pawl_step *step, pawl_error *error)
{
    (void)error;
    return pawl_step_park(step, "b", NULL, 0, -1, NULL);
}

/* Whoever parks in another state has not looked from there; who stays has. */
static void a_signal_that_came_before_its_state_is_not_missed(struct world *w)
{
    begin(w);
    OPEN(w);
    plan.on_b = wait_elsewhere;
    assert_ok(send(w, "w", "s", NULL));
    assert_ok(drive("w"));
    assert_workflow(w, "w", "finished");
    plan.on_b = wait_here;
    assert_ok(START(w, "v", .state = "a", .data = "1", .data_size = 1));
    assert_ok(send(w, "v", "s", NULL));
    assert_ok(drive("v"));
    assert_workflow(w, "v", "parked");
    plan.on_b = look_now_and_then;
    assert_ok(START(w, "u", .state = "a", .data = "1", .data_size = 1));
    assert_ok(send(w, "u", "s", NULL));
    assert_ok(drive("u"));
    assert_workflow(w, "u", "parked");
    end(w);
}

static int signal_meanwhile(pawl_step *step, pawl_error *error)
{
    (void)error;
    if (pawl_step_signal(step, "go", NULL))
        return pawl_step_next(step, "c", NULL, 0);
    if (plan.calls == 1)
        assert_ok(send(acting, "w", "s", NULL)); /* behind the look, before the park */
    return pawl_step_park(step, "b", NULL, 0, -1, NULL);
}

static void a242_a_signal_during_a_step_is_not_missed(struct world *w)
{
    begin(w);
    OPEN(w);
    acting = w;
    plan.on_b = signal_meanwhile;
    assert_ok(drive_until_done("w", 1000));
    assert_workflow(w, "w", "finished");
    assert_int_equal(plan.calls, 2);
    end(w);
}

static int go_past_the_point(pawl_step *step, pawl_error *error)
{
    (void)error;
    pawl_step_no_return(step);
    return pawl_step_park(step, "c", NULL, 0, 1000, NULL);
}

static void a208_behind_the_point_of_no_return_it_goes_on(struct world *w)
{
    begin(w);
    OPEN(w);
    plan.on_b = go_past_the_point;
    assert_ok(drive("w"));
    assert_status(steer(w, "w", PAWL_STEER_CANCEL), PAWL_EREFUSED);
    assert_ok(drive("w"));
    assert_workflow(w, "w", "finished");
    end(w);
}

static int undo_later(void *user, pawl_step *step, pawl_error *error)
{
    (void)user, (void)error;
    const char *state = pawl_step_state(step);
    if (strcmp(state, "a") == 0) {
        pawl_step_undo(step, "undo a", "1", 1);
        return pawl_step_next(step, "b", NULL, 0);
    }
    if (strcmp(state, "b") == 0) {
        pawl_step_undo(step, "undo b", "2", 1);
        return pawl_step_park(step, "wait", NULL, 0, -1, NULL);
    }
    size_t size;
    const char *data = pawl_step_data(step, &size);
    assert_string_equal(pawl_step_cancelled(step), "test");
    snprintf(plan.reason + strlen(plan.reason), sizeof plan.reason - strlen(plan.reason), "%s %.*s,", state, (int)size,
             data);
    return pawl_step_done(step, NULL, 0);
}

static void a232_a_cancelled_one_is_undone_backwards(struct world *w)
{
    begin(w);
    OPEN(w, .advance = undo_later);
    assert_ok(drive("w"));
    assert_ok(steer(w, "w", PAWL_STEER_CANCEL));
    assert_status(drive_until_done("w", 1000), PAWL_EREJECTED);
    assert_string_equal(plan.reason, "undo b 2,undo a 1,");
    assert_workflow(w, "w", "failed");
    end(w);
}

static int undo_refused(void *user, pawl_step *step, pawl_error *error)
{
    (void)user;
    if (strcmp(pawl_step_state(step), "") == 0) {
        pawl_step_undo(step, "undo", NULL, 0);
        return pawl_step_next(step, "b", NULL, 0);
    }
    if (strcmp(pawl_step_state(step), "b") == 0 || plan.refuse)
        return pawl_error_set(error, PAWL_EREJECTED, "%s is refused", pawl_step_state(step));
    return pawl_step_done(step, NULL, 0);
}

static void a_refusal_is_undone_and_a_refused_undo_is_for_a_person(struct world *w)
{
    begin(w);
    OPEN(w, .advance = undo_refused);
    plan.refuse = 1;
    assert_ok(START(w, "u", .data = "1", .data_size = 1));
    assert_status(drive_until_done("u", 1000), PAWL_EREJECTED);
    assert_string_equal(err.text, "undo is refused");
    assert_workflow(w, "u", "stuck");
    plan.refuse = 0;
    assert_ok(steer(w, "u", PAWL_STEER_RETRY));
    assert_status(drive_until_done("u", 1000), PAWL_EREJECTED);
    assert_string_equal(err.text, "it was cancelled: b is refused");
    assert_workflow(w, "u", "failed");
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
    CASE(signals_wait_until_a_step_takes_them),
    CASE(a_signal_that_came_before_its_state_is_not_missed),
    CASE(a242_a_signal_during_a_step_is_not_missed),
    CASE(a208_behind_the_point_of_no_return_it_goes_on),
    CASE(a232_a_cancelled_one_is_undone_backwards),
    CASE(a_refusal_is_undone_and_a_refused_undo_is_for_a_person),
    CASE(a211_an_older_form_is_brought_up),
    CASE(a212_what_cannot_be_read_is_set_apart),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
