/* SPDX-License-Identifier: MIT */
/* Workflows as ordinary functions: what is recorded is not done again, what is new is, and what differs is named. */
#include "driving.h"

/* What a case's function calls, one after the other; how often each was done, and in which order. */
struct calls {
    int charge, ship, runs;
    char order[80];
};
static struct calls calls;
static int (*code)(pawl_run *run, pawl_error *error);
static pawl_executor *executor;
static int charge_status;

static int call_code(void *user, pawl_run *run, pawl_error *error)
{
    (void)user;
    calls.runs++;
    return code(run, error);
}

static int charge(void *arg, pawl_error *error)
{
    calls.charge++;
    if (charge_status < 0)
        return pawl_error_set(error, charge_status, "no answer");
    *(int *)arg = 40 + calls.charge;
    return PAWL_OK;
}

static int ship(void *arg, pawl_error *error)
{
    (void)arg;
    calls.ship++;
    return calls.ship > 1 ? PAWL_OK : pawl_error_set(error, PAWL_EUNAVAIL, "the harbour is shut");
}

static int refuse(void *arg, pawl_error *error)
{
    (void)arg;
    return pawl_error_set(error, PAWL_EREJECTED, "no room");
}

static int say(void *arg, pawl_error *error)
{
    (void)error;
    size_t size = strlen(calls.order);
    snprintf(calls.order + size, sizeof calls.order - size, "%s ", (const char *)arg);
    return PAWL_OK;
}

static void open_executor(struct world *w)
{
    pawl_executor_free(executor);
    executor = NULL;
    assert_ok(pawl_executor_new(w->store, NULL, &executor, &err));
    assert_ok(pawl_executor_register(executor, &(pawl_kind){PAWL_KIND, .name = "k", .code = call_code}, &err));
}

static void begin(struct world *w, int (*function)(pawl_run *run, pawl_error *error))
{
    memset(&calls, 0, sizeof calls);
    charge_status = PAWL_OK;
    code = function;
    open_executor(w);
    assert_ok(pawl_resource_add(w->store, "r", NULL, &err));
    assert_ok(START(w, "w", .data = "\"in\"", .data_size = 4));
}

static void end(struct world *w)
{
    pawl_executor_free(executor);
    executor = NULL;
    verify_all(w);
}

static int drive(void)
{
    return pawl_executor_drive(executor, "k", "w", 0, 0, NULL, &err);
}

static int drive_until_done(int64_t ms)
{
    return pawl_executor_drive(executor, "k", "w", 1, ms, NULL, &err);
}

static void assert_receipt(const struct world *w, const char *expected)
{
    const pawl_workflow_view *view = see(w, "k", "w");
    assert_string_equal(view->status, "finished");
    assert_bytes(view->receipt, view->receipt_size, expected);
}

static void assert_waits(const struct world *w, const char *name, const char *text)
{
    pawl_why *why;
    assert_ok(pawl_why_workflow(w->store, "k", "w", &why, &err));
    assert_int_equal(pawl_why_count(why), 1);
    assert_string_equal(pawl_why_get(why, 0)->code, name);
    assert_string_equal(pawl_why_get(why, 0)->text, text);
    pawl_why_free(why);
}

/* ---- steps ---- */

static int charge_and_ship(pawl_run *run, pawl_error *error)
{
    int paid = 0;
    size_t size;
    char receipt[16];
    const void *input = pawl_run_input(run, &size);
    assert_bytes(input, size, "\"in\"");
    int status = pawl_run_step(run, "charge", charge, &paid, &paid, sizeof paid, error);
    if (status == PAWL_OK)
        status = pawl_run_step(run, "ship", ship, NULL, NULL, 0, error);
    snprintf(receipt, sizeof receipt, "%d", paid);
    pawl_run_receipt(run, receipt, strlen(receipt));
    return status;
}

static void what_is_recorded_is_not_done_again(struct world *w)
{
    begin(w, charge_and_ship);
    assert_status(drive(), PAWL_EUNAVAIL);
    assert_workflow(w, "w", "parked");
    open_executor(w); /* another process */
    assert_ok(drive());
    assert_receipt(w, "41");
    assert_int_equal(calls.charge, 1);
    assert_int_equal(calls.ship, 2);
    assert_int_equal(calls.runs, 2);
    static const char *const names[] = {"step:charge", NULL, "step:ship", NULL}; /* NULL: what failed, and the end */
    see(w, "k", "w");
    assert_int_equal(pawl_workflows_step_count(seen_last), COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const pawl_step_view *step = pawl_workflows_step(seen_last, i);
        if (names[i])
            assert_string_equal(step->state, names[i]);
        assert_int_equal(step->generation, i + 1);
    }
    end(w);
}

static int fail_at_once(pawl_run *run, pawl_error *error)
{
    int paid, status = pawl_run_step(run, "charge", charge, &paid, NULL, 0, error);
    assert_int_equal(pawl_run_step(run, "ship", ship, NULL, NULL, 0, error), status); /* nothing is done any more */
    return status;
}

static void behind_an_error_nothing_is_done(struct world *w)
{
    begin(w, fail_at_once);
    charge_status = PAWL_EUNCERTAIN;
    assert_status(drive(), PAWL_EUNCERTAIN);
    assert_int_equal(calls.ship, 0);
    assert_string_equal(see(w, "k", "w")->last_error.text, "no answer");
    end(w);
}

static int refused_and_undone(pawl_run *run, pawl_error *error)
{
    pawl_run_undo(run, "first", say, (void *)"first");
    int status = pawl_run_hold(run, "r", error);
    pawl_run_undo(run, "second", say, (void *)"second");
    if (status == PAWL_OK)
        status = pawl_run_sleep(run, "nap", 1000, error);
    if (status == PAWL_OK)
        status = pawl_run_step(run, "refused", refuse, NULL, NULL, 0, error);
    return status == PAWL_EREJECTED ? pawl_run_compensate(run, error) : status;
}

static void a_refusal_is_undone_backwards(struct world *w)
{
    begin(w, refused_and_undone);
    assert_ok(drive());
    assert_where(w, "r", "held k/w");
    assert_status(drive_until_done(2000), PAWL_EREJECTED);
    assert_string_equal(err.text, "no room");
    assert_string_equal(calls.order, "second first ");
    assert_workflow(w, "w", "failed");
    assert_where(w, "r", "available");
    end(w);
}

static void one_that_is_cancelled_is_undone_backwards(struct world *w)
{
    begin(w, refused_and_undone);
    assert_ok(drive());
    assert_ok(steer(w, "w", PAWL_STEER_CANCEL));
    assert_workflow(w, "w", "runnable"); /* whatever it slept for */
    assert_status(drive(), PAWL_EREJECTED);
    assert_string_equal(err.text, "it was cancelled: test");
    assert_string_equal(calls.order, "second first ");
    assert_string_equal(see(w, "k", "w")->last_error.error_class, "cancelled");
    end(w);
}

static int past_the_point(pawl_run *run, pawl_error *error)
{
    pawl_run_undo(run, "first", say, (void *)"first");
    int status = pawl_run_no_return(run, "sent", error);
    if (status == PAWL_OK)
        status = pawl_run_sleep(run, "nap", 1000, error);
    return status == PAWL_EREJECTED ? pawl_run_compensate(run, error) : status;
}

static void behind_its_point_of_no_return_it_goes_on(struct world *w)
{
    begin(w, past_the_point);
    assert_ok(drive());
    assert_status(steer(w, "w", PAWL_STEER_CANCEL), PAWL_EREFUSED);
    assert_ok(drive_until_done(2000));
    assert_workflow(w, "w", "finished");
    assert_string_equal(calls.order, "");
    end(w);
}

static int give_up_on_time(pawl_run *run, pawl_error *error)
{
    size_t size = 0;
    pawl_run_undo(run, "first", say, (void *)"first");
    int status = pawl_run_signal(run, "go", 1000, NULL, &size, error);
    return status == PAWL_ENOTFOUND ? pawl_run_compensate(run, error) : status;
}

static void what_did_not_come_in_time_is_a_failure_where_it_is_undone(struct world *w)
{
    begin(w, give_up_on_time);
    assert_status(drive_until_done(2000), PAWL_EREJECTED);
    assert_string_equal(err.text, "nothing came in time");
    assert_string_equal(calls.order, "first ");
    assert_workflow(w, "w", "failed");
    end(w);
}

/* ---- waiting ---- */

static int sleep_twice(pawl_run *run, pawl_error *error)
{
    int status = pawl_run_sleep(run, "one", 1000, error);
    assert_true(status == PAWL_OK || pawl_run_sleep(run, "two", 1, error) == PAWL_SUSPENDED);
    return status == PAWL_OK ? pawl_run_sleep(run, "two", 500, error) : status;
}

static void a_sleep_lasts_as_long_as_it_says(struct world *w)
{
    begin(w, sleep_twice);
    int64_t began = now_ms(w);
    assert_ok(drive());
    assert_int_equal(see(w, "k", "w")->wake_at_ms, began + 1000);
    assert_waits(w, "not_due", "parked until it is due");
    assert_ok(drive()); /* early: it sleeps on, and nothing is recorded of that */
    assert_int_equal(see(w, "k", "w")->wake_at_ms, began + 1000);
    assert_int_equal(pawl_workflows_step_count(seen_last), 1);
    assert_ok(drive_until_done(5000));
    assert_int_equal(now_ms(w), began + 1500);
    end(w);
}

static int await_go(pawl_run *run, pawl_error *error)
{
    char data[16];
    size_t size = sizeof data;
    int status = pawl_run_signal(run, "go", 1000, data, &size, error);
    if (status == PAWL_OK)
        pawl_run_receipt(run, data, size);
    return status == PAWL_ENOTFOUND ? (pawl_run_receipt(run, "0", 1), PAWL_OK) : status;
}

static void a_signal_before_anybody_waits_is_kept(struct world *w)
{
    begin(w, await_go);
    assert_ok(send(w, "w", "s", "\"early\""));
    assert_ok(drive());
    assert_receipt(w, "\"early\"");
    end(w);
}

static void a_signal_wakes_who_waits(struct world *w)
{
    begin(w, await_go);
    assert_ok(drive());
    assert_waits(w, "signal", "parked until signal \"go\" comes, or it is due");
    assert_ok(send(w, "w", "s", "\"late\""));
    assert_ok(drive_until_done(0));
    assert_receipt(w, "\"late\"");
    end(w);
}

static void a_signal_that_does_not_come_ends_the_wait(struct world *w)
{
    begin(w, await_go);
    int64_t began = now_ms(w);
    assert_ok(drive_until_done(5000));
    assert_receipt(w, "0");
    assert_int_equal(now_ms(w), began + 1000);
    end(w);
}

/* ---- what a step does besides ---- */

static int hold_and_post(pawl_run *run, pawl_error *error)
{
    const pawl_post post = {PAWL_POST, .account = "cash", .asset = "usd", .delta = "-5", .floor = "0"};
    int status = pawl_run_hold(run, "r", error);
    if (status == PAWL_OK)
        status = pawl_run_event(run, "told", &(pawl_event){PAWL_EVENT, .topic = "t", .type = "held"}, error);
    if (status == PAWL_OK)
        status = pawl_run_hold(run, "missing", error);
    assert_int_equal(status, PAWL_EREJECTED); /* a fact, of which the next run knows */
    status = pawl_run_post(run, "too much", &post, 1, error);
    assert_int_equal(status, PAWL_EREJECTED);
    return pawl_run_consume(run, "r", error);
}

static void what_the_store_refuses_is_recorded(struct world *w)
{
    begin(w, hold_and_post);
    assert_ok(drive());
    assert_where(w, "r", "consumed");
    assert_workflow(w, "w", "finished");
    end(w);
}

static int send_and_await(pawl_run *run, pawl_error *error)
{
    return pawl_run_send(run, "mail", MESSAGE("hello"), error);
}

static void a_message_is_sent_once_and_its_end_awaited(struct world *w)
{
    begin(w, send_and_await);
    assert_ok(drive());
    assert_ok(drive());
    assert_int_equal(stats(w).pending, 1);
    assert_waits(w, "awaiting", "parked until its message \"mail\" ended");
    assert_int_equal(claim_and(w, PAWL_VERDICT_DELIVERED), PAWL_RESULT_DELIVERED);
    assert_workflow(w, "w", "runnable"); /* at once */
    assert_ok(drive());
    assert_workflow(w, "w", "finished");
    end(w);
}

static void a_message_that_died_is_a_refusal(struct world *w)
{
    begin(w, send_and_await);
    assert_ok(drive());
    assert_int_equal(claim_and(w, PAWL_VERDICT_DEAD), PAWL_RESULT_DEAD);
    assert_status(drive(), PAWL_EREJECTED);
    assert_workflow(w, "w", "failed");
    end(w);
}

static uint32_t finds_children;

static int await_child(pawl_run *run, pawl_error *error)
{
    char receipt[16];
    size_t size = sizeof receipt;
    const pawl_start start = {PAWL_START, .kind = "child", .id = "c", .state = "a", .keep_existing = finds_children};
    int status = pawl_run_child(run, "it", &start, receipt, &size, error);
    if (status == PAWL_OK)
        pawl_run_receipt(run, receipt, size);
    return status;
}

static struct claim take_child(const struct world *w)
{
    struct claim claim = claim_with(
        w, &(pawl_workflow_claim_options){PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "child", .limit = 1});
    assert_true(claim.token > 0);
    return claim;
}

static void a_child_gives_its_receipt(struct world *w)
{
    begin(w, await_child);
    assert_ok(drive());
    assert_ok(drive());
    struct claim claim = take_child(w);
    assert_waits(w, "awaiting", "parked until workflow child/c ended, which it started");
    assert_ok(STEP(w, claim, DONE, .receipt = "7", .receipt_size = 1));
    assert_workflow(w, "w", "runnable"); /* at once */
    assert_ok(drive());
    assert_receipt(w, "7");
    end(w);
}

static void a_child_that_fails_is_a_refusal(struct world *w)
{
    begin(w, await_child);
    assert_ok(drive());
    struct claim claim = take_child(w);
    assert_ok(STEP(w, claim, FAIL, .error = "no"));
    assert_status(drive(), PAWL_EREJECTED);
    assert_string_equal(err.text, "workflow child/c failed: no");
    end(w);
}

static void a_child_may_be_there(struct world *w)
{
    assert_ok(
        pawl_workflow_start(w->store, &(pawl_start){PAWL_START, .kind = "child", .id = "c", .state = "a"}, NULL, &err));
    struct claim claim = take_child(w);
    begin(w, await_child);
    assert_status(drive(), PAWL_EREJECTED); /* only one that may */
    assert_workflow(w, "w", "failed");
    finds_children = 1;
    assert_ok(START(w, "w", .data = "5", .data_size = 1));
    assert_ok(START(w, "second", .data = "5", .data_size = 1));
    assert_ok(drive());
    assert_ok(pawl_executor_drive(executor, "k", "second", 0, 0, NULL, &err));
    assert_workflow(w, "w", "parked");
    assert_ok(STEP(w, claim, DONE, .receipt = "7", .receipt_size = 1));
    assert_workflow(w, "w", "runnable");
    assert_workflow(w, "second", "parked"); /* one is woken, the other looks for itself */
    assert_ok(drive());
    assert_receipt(w, "7");
    pawli_sim_advance_ms(w->env, 1000);
    assert_ok(pawl_executor_drive(executor, "k", "second", 0, 0, NULL, &err));
    assert_workflow(w, "second", "finished");
    finds_children = 0;
    end(w);
}

/* ---- what is drawn ---- */

static struct drawn {
    int64_t now;
    uint64_t random;
    pawl_uuid id;
} drawn[4];

static int draw(pawl_run *run, pawl_error *error)
{
    struct drawn *d = &drawn[calls.runs - 1];
    assert_ok(pawl_run_now_ms(run, "n", &d->now, error));
    assert_ok(pawl_run_random(run, "r", &d->random, error));
    assert_ok(pawl_run_uuid(run, "u", &d->id, error));
    return pawl_run_sleep(run, "nap", 1000, error);
}

static void what_was_drawn_stays(struct world *w)
{
    begin(w, draw);
    assert_ok(drive());
    see(w, "k", "w");
    assert_int_equal(pawl_workflows_step_count(seen_last), 4); /* in one commit */
    assert_ok(drive_until_done(2000));
    assert_int_equal(calls.runs, 3); /* the second was early */
    assert_memory_equal(&drawn[0], &drawn[1], sizeof drawn[0]);
    assert_memory_equal(&drawn[0], &drawn[2], sizeof drawn[0]);
    assert_true(drawn[0].random != 0);
    end(w);
}

/* ---- code that was changed ---- */

static int old_code(pawl_run *run, pawl_error *error)
{
    int status = pawl_run_step(run, "one", say, (void *)"one", NULL, 0, error);
    if (status == PAWL_OK)
        status = pawl_run_sleep(run, "nap", 1000, error);
    return status == PAWL_OK ? pawl_run_step(run, "two", say, (void *)"two", NULL, 0, error) : status;
}

static int other_code(pawl_run *run, pawl_error *error)
{
    int status = pawl_run_step(run, "uno", say, (void *)"uno", NULL, 0, error);
    return status == PAWL_OK ? pawl_run_sleep(run, "nap", 1000, error) : status;
}

static int shorter_code(pawl_run *run, pawl_error *error)
{
    return pawl_run_step(run, "one", say, (void *)"one", NULL, 0, error);
}

static int marked_code(pawl_run *run, pawl_error *error)
{
    uint32_t version = 9;
    int status = pawl_run_step(run, "one", say, (void *)"one", NULL, 0, error);
    if (status == PAWL_OK)
        status = pawl_run_version(run, "greeting", 1, &version, error);
    if (status == PAWL_OK && version >= 1)
        status = pawl_run_step(run, "greet", say, (void *)"greet", NULL, 0, error);
    if (status == PAWL_OK)
        status = pawl_run_sleep(run, "nap", 1000, error);
    return status == PAWL_OK ? pawl_run_step(run, "two", say, (void *)"two", NULL, 0, error) : status;
}

static char found_text[256];

static void found(void *data, const char *kind, const char *id, const char *text)
{
    (void)data;
    assert_string_equal(kind, "k");
    assert_string_equal(id, "w");
    snprintf(found_text, sizeof found_text, "%s", text);
}

static int check(const struct world *w, int (*function)(pawl_run *run, pawl_error *error))
{
    uint64_t checked = 0;
    code = function;
    int status = pawl_workflow_check(w->store, &(pawl_kind){PAWL_KIND, .name = "k", .code = call_code}, 1, found, NULL,
                                     &checked, &err);
    assert_int_equal(checked, 1);
    return status;
}

static void code_that_diverges_is_stopped_and_named(struct world *w)
{
    static const char differs[] =
        "the code diverged: at its step of generation 1 \"step:one\" is recorded, and it came to "
        "\"step:uno\"";
    begin(w, old_code);
    assert_ok(drive());
    assert_int_equal(check(w, old_code), 0);
    assert_int_equal(check(w, other_code), 1); /* before it is deployed */
    assert_string_equal(found_text, differs);
    assert_int_equal(check(w, shorter_code), 1);
    assert_string_equal(calls.order, "one ");
    assert_workflow(w, "w", "parked"); /* nothing was changed by that */
    code = other_code;
    assert_status(drive(), PAWL_EREFUSED);
    assert_workflow(w, "w", "stuck");
    assert_string_equal(err.text, differs);
    code = shorter_code;
    assert_ok(steer(w, "w", PAWL_STEER_RETRY));
    assert_status(drive(), PAWL_EREFUSED);
    assert_string_equal(calls.order, "one ");
    code = old_code;
    assert_ok(steer(w, "w", PAWL_STEER_RETRY));
    assert_ok(drive_until_done(2000));
    assert_string_equal(calls.order, "one two ");
    end(w);
}

static void a_marker_lets_old_and_new_runs_go_on(struct world *w)
{
    begin(w, old_code);
    assert_ok(drive());
    assert_int_equal(check(w, marked_code), 0);
    code = marked_code;
    assert_ok(drive_until_done(2000));
    assert_string_equal(calls.order, "one two ");
    assert_ok(START(w, "new", .data = "1", .data_size = 1));
    assert_ok(pawl_executor_drive(executor, "k", "new", 1, 2000, NULL, &err));
    assert_string_equal(calls.order, "one two one greet two ");
    end(w);
}

static int count_down(pawl_run *run, pawl_error *error)
{
    size_t size;
    const char *input = pawl_run_input(run, &size);
    int status = pawl_run_step(run, "one", say, (void *)"one", NULL, 0, error);
    if (status != PAWL_OK || memcmp(input, "\"3\"", 3) == 0)
        return status;
    return pawl_run_continue(run, memcmp(input, "\"2\"", 3) == 0 ? "\"3\"" : "\"2\"", 3, error);
}

static void a_run_that_begins_anew_forgets_what_was_recorded(struct world *w)
{
    begin(w, count_down);
    assert_ok(drive());
    assert_string_equal(calls.order, "one one one ");
    assert_int_equal(calls.runs, 3);
    assert_workflow(w, "w", "finished");
    end(w);
}

static void a_fork_of_a_function_begins_at_its_top(struct world *w)
{
    begin(w, old_code);
    assert_ok(drive());
    assert_status(pawl_workflow_fork(w->store, "k", "w", "f", 1, NULL, NULL, &err), PAWL_EREFUSED);
    assert_status(pawl_workflow_steer(
                      w->store,
                      &(pawl_steering){PAWL_STEERING, .kind = "k", .id = "w", .what = PAWL_STEER_RETRY, .from = 1},
                      BECAUSE(1), NULL, &err),
                  PAWL_EREFUSED);
    assert_ok(pawl_workflow_fork(w->store, "k", "w", "f", 0, NULL, NULL, &err));
    assert_ok(pawl_executor_drive(executor, "k", "f", 1, 2000, NULL, &err));
    assert_string_equal(calls.order, "one one two ");
    end(w);
}

static const struct conformance_case cases[] = {
    CASE(what_is_recorded_is_not_done_again),
    CASE(behind_an_error_nothing_is_done),
    CASE(a_refusal_is_undone_backwards),
    CASE(one_that_is_cancelled_is_undone_backwards),
    CASE(behind_its_point_of_no_return_it_goes_on),
    CASE(what_did_not_come_in_time_is_a_failure_where_it_is_undone),
    CASE(a_sleep_lasts_as_long_as_it_says),
    CASE(a_signal_before_anybody_waits_is_kept),
    CASE(a_signal_wakes_who_waits),
    CASE(a_signal_that_does_not_come_ends_the_wait),
    CASE(what_the_store_refuses_is_recorded),
    CASE(a_message_is_sent_once_and_its_end_awaited),
    CASE(a_message_that_died_is_a_refusal),
    CASE(a_child_gives_its_receipt),
    CASE(a_child_that_fails_is_a_refusal),
    CASE(a_child_may_be_there),
    CASE(what_was_drawn_stays),
    CASE(code_that_diverges_is_stopped_and_named),
    CASE(a_marker_lets_old_and_new_runs_go_on),
    CASE(a_run_that_begins_anew_forgets_what_was_recorded),
    CASE(a_fork_of_a_function_begins_at_its_top),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
