/* SPDX-License-Identifier: MIT */
/* Executors: what a state machine is told while it waits or acts: signals, and that it is cancelled. */
#include "planned.h"

/* ---- signals ---- */

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

static const struct world *acting;

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

/* ---- cancellation, and what is undone ---- */

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

static const struct conformance_case cases[] = {
    CASE(signals_wait_until_a_step_takes_them),      CASE(a_signal_that_came_before_its_state_is_not_missed),
    CASE(a242_a_signal_during_a_step_is_not_missed), CASE(a208_behind_the_point_of_no_return_it_goes_on),
    CASE(a232_a_cancelled_one_is_undone_backwards),  CASE(a_refusal_is_undone_and_a_refused_undo_is_for_a_person),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
