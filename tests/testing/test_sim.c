/* SPDX-License-Identifier: MIT */
/* pawl_sim: what is right ends the same, each mistake is found and named, and every run can be made again. */
#include "payment.h"

static pawl_error err;

/* A sim of its kinds, and what it came to; freed with the next. */
static pawl_sim *sim;
static pawl_sim_report report;

static void new_sim(const pawl_sim_options *options)
{
    pawl_sim_free(sim);
    sim = NULL;
    report = (pawl_sim_report){PAWL_SIM_REPORT};
    err = (pawl_error){0};
    assert_ok(pawl_sim_new(options, &sim, &err));
}

static int run_sim(pawl_kind kind)
{
    kind.struct_size = sizeof kind;
    assert_ok(pawl_sim_register(sim, &kind, &err));
    return pawl_sim_run(sim, &report, &err);
}

#define assert_tells(text, part)                                                                                       \
    do {                                                                                                               \
        if (!strstr(text, part))                                                                                       \
            fail_msg("\"%s\" has no \"%s\"", text, part);                                                              \
    } while (0)

/* ---- what is right ---- */

static void assert_pays(bool is_code, int answer)
{
    struct peer peer = {.answer = answer};
    const pawl_kind booking = {PAWL_KIND, .name = "book", .advance = book};
    new_sim(&(pawl_sim_options){PAWL_SIM_OPTIONS, .seed = 7, .double_drive = 1, .reset = pay_reset, .begin = pay_begin,
                                .check = pay_check, .user = &peer});
    assert_ok(pawl_sim_register(sim, &booking, &err));
    int status = run_sim((pawl_kind){.name = "pay",
                                     .version = 1,
                                     .advance = is_code ? NULL : pay_advance,
                                     .code = is_code ? pay_code : NULL,
                                     .on_rejection = is_code ? NULL : pay_rejected,
                                     .retries = 3,
                                     .user = &peer});
    if (status != 0)
        fail_msg("%d: %s", status, status < 0 ? err.text : report.text);
    print_message("# %s\n", report.text);
    assert_true(report.kills > 10);
    assert_true(report.lost_replies > 0);
    assert_true(report.runs > report.kills / 2);
}

static void a_machine_that_is_right_ends_the_same(void **state)
{
    (void)state;
    assert_pays(false, PAWL_OK);
}

static void a_machine_that_takes_back_ends_the_same(void **state)
{
    (void)state;
    assert_pays(false, PAWL_EREJECTED);
}

static void code_that_is_right_ends_the_same(void **state)
{
    (void)state;
    assert_pays(true, PAWL_OK);
}

static void code_that_takes_back_ends_the_same(void **state)
{
    (void)state;
    assert_pays(true, PAWL_EREJECTED);
}

/* ---- small workflows, one of each test ---- */

static int calls; /* that reached a receiver who knows none of them again */

static int call_out(void *arg, pawl_error *error)
{
    (void)arg, (void)error;
    calls++;
    return PAWL_OK;
}

static void forget(void *user)
{
    (void)user;
    calls = 0;
}

static int start_one(void *user, pawl_store *store, pawl_error *error)
{
    (void)user;
    pawl_workflows *started;
    int status = pawl_workflow_start(
        store, &(pawl_start){PAWL_START, .kind = "one", .id = "1", .state = "first", .data = "{}", .data_size = 2},
        &started, error);
    if (status == PAWL_OK)
        pawl_workflows_free(started);
    return status;
}

static int is_called_once(void *user, pawl_store *store, pawl_error *error)
{
    (void)user, (void)store;
    return calls == 1 ? PAWL_OK : pawl_error_set(error, PAWL_ECORRUPT, "called %d times", calls);
}

static const pawl_sim_options small = {PAWL_SIM_OPTIONS, .seed = 3, .reset = forget, .begin = start_one};

static int run_small(pawl_sim_options options, pawl_advance *advance)
{
    new_sim(&options);
    return run_sim((pawl_kind){.name = "one", .advance = advance});
}

static pawl_sim_options strictly(void)
{
    pawl_sim_options options = small;
    options.double_drive = 1;
    return options;
}

static int calls_and_ends(void *user, pawl_step *step, pawl_error *error)
{
    (void)user;
    int status = pawl_step_call(step, "post", call_out, NULL, error);
    return status < 0 ? status : pawl_step_done(step, NULL, 0);
}

static void a_receiver_that_knows_no_call_again_is_seen_to_be_called_twice(void **state)
{
    (void)state;
    pawl_sim_options options = small;
    options.check = is_called_once;
    assert_int_equal(run_small(options, calls_and_ends), 1);
    assert_string_equal(report.step, "post");
    assert_string_equal(report.what, "check: called 2 times");
    assert_tells(report.text, "seed 3, point ");
    assert_int_equal(report.kills, 2); /* before the call it is not told; behind it, it is */

    options.point = 3 * 8; /* the answer is the third place */
    assert_int_equal(run_small(options, calls_and_ends), 1);
    assert_int_equal(report.point, 24);
    assert_int_equal(report.lost_replies, 1);
    assert_int_equal(report.runs, 2);
    assert_tells(report.text, "with the answer lost of call \"post\"");
    assert_string_equal(report.what, "check: called 2 times");
}

static void the_same_seed_tells_the_same_and_its_point_is_run_alone(void **state)
{
    (void)state;
    char first[1024];
    pawl_sim_options options = small;
    options.check = is_called_once;
    assert_int_equal(run_small(options, calls_and_ends), 1);
    snprintf(first, sizeof first, "%s", report.text);
    const pawl_sim_report before = report;
    assert_int_equal(pawl_sim_run(sim, &report, &err), 1);
    assert_string_equal(report.text, first);
    assert_int_equal(report.runs, before.runs);
    options.point = report.point;
    assert_int_equal(run_small(options, calls_and_ends), 1);
    assert_string_equal(report.text, first);
    assert_int_equal(report.runs, 2);
}

/* ---- mistakes ---- */

static int draws_data(void *user, pawl_step *step, pawl_error *error)
{
    (void)user, (void)error;
    pawl_uuid id = pawl_request_id_new();
    return strcmp(pawl_step_state(step), "first") == 0 ? pawl_step_next(step, "second", &id, sizeof id)
                                                       : pawl_step_done(step, NULL, 0);
}

static int draws_child(void *user, pawl_step *step, pawl_error *error)
{
    char id[40];
    (void)user, (void)error;
    pawl_uuid drawn = pawl_request_id_new();
    pawl_uuid_format(&drawn, id);
    pawl_step_start(step, &(pawl_start){PAWL_START, .kind = "one", .id = id, .state = "child"});
    return strcmp(pawl_step_state(step), "first") == 0 ? pawl_step_next(step, "second", NULL, 0)
                                                       : pawl_step_done(step, NULL, 0);
}

static int drawn_children(void *user, pawl_step *step, pawl_error *error)
{
    return strcmp(pawl_step_state(step), "child") == 0 ? pawl_step_done(step, NULL, 0) : draws_child(user, step, error);
}

static int draws_message(void *user, pawl_step *step, pawl_error *error)
{
    (void)user, (void)error;
    pawl_uuid id = pawl_request_id_new();
    pawl_step_message(
        step, &(pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "smtp", .data = &id, .data_size = sizeof id});
    return pawl_step_done(step, NULL, 0);
}

static void a_step_that_draws_is_named_with_what_it_draws(void **state)
{
    static const struct {
        pawl_advance *advance;
        const char *what;
    } mistakes[] = {{draws_data, "other data"},
                    {drawn_children, "other resources, posts or starts"},
                    {draws_message, "other messages"}};
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        assert_int_equal(run_small(strictly(), mistakes[i].advance), 1);
        assert_string_equal(report.step, "first");
        assert_tells(report.what, mistakes[i].what);
        assert_tells(report.what, "workflow one/1: made twice");
        assert_int_equal(report.kills, 0);
        char first[1024];
        snprintf(first, sizeof first, "%s", report.text);
        pawl_sim_options options = small;
        options.point = report.point;
        assert_int_equal(run_small(options, mistakes[i].advance), 1);
        assert_string_equal(report.text, first);
    }
}

/* What is drawn once and kept is right: it differs by chance, and not by what was cut. */
static void what_chance_changes_is_no_difference(void **state)
{
    (void)state;
    assert_int_equal(run_small(small, draws_data), 0);
    assert_int_equal(run_small(small, draws_message), 0);
}

static int started; /* in this process: what a program keeps outside of its store */

static int starts_outside(void *user, pawl_step *step, pawl_error *error)
{
    (void)user, (void)error;
    if (strcmp(pawl_step_state(step), "first") == 0)
        return pawl_step_next(step, started++ ? "again" : "second", NULL, 0);
    return pawl_step_done(step, pawl_step_state(step), strlen(pawl_step_state(step)));
}

static void forget_started(void *user)
{
    (void)user;
    started = 0;
}

static void what_a_process_remembers_is_lost_with_it(void **state)
{
    (void)state;
    pawl_sim_options options = small;
    options.reset = forget_started;
    assert_int_equal(run_small(options, starts_outside), 1);
    assert_string_equal(report.step, "first");
    assert_string_equal(report.what,
                        "workflow one/1 finished with receipt \"again\"; undisturbed: workflow one/1 finished "
                        "with receipt \"second\"");
}

static int change_again(void *user, pawl_step *step, pawl_error *error)
{
    bool again = started++ > 0;
    (void)error;
    switch (*(const char *)user) {
    case 'b':
        pawl_step_post(step, &(pawl_post){PAWL_POST, .account = "a", .asset = "EUR", .delta = again ? "2" : "1"});
        break;
    case 'r':
        if (again)
            pawl_step_consume(step, "coin-1");
        break;
    case 'e':
        pawl_step_event(step, &(pawl_event){PAWL_EVENT, .topic = "t", .type = "Told", .key = again ? "2" : "1"});
        break;
    default:
        pawl_step_message(step, &(pawl_message){PAWL_MESSAGE, .lane = "l", .target = again ? "other" : "t"});
    }
    return pawl_step_done(step, NULL, 0);
}

static int add_and_start(void *user, pawl_store *store, pawl_error *error)
{
    int status = pawl_resource_add(store, "coin-1", "coin", error);
    return status < 0 ? status : start_one(user, store, error);
}

static void each_kind_of_difference_is_told(void **state)
{
    static const char *const told[] = {
        "b account a has 2 EUR; undisturbed: account a has 1 EUR",
        "r resource coin-1 consumed; undisturbed: resource coin-1 available",
        "e event Told of topic t, key 2, with data \"\"; undisturbed: event Told of topic t, key 1, with data \"\"",
        ("m message to other of lane l, delivered, with data \"\"; undisturbed: message to t "
         "of lane l, delivered, with data \"\"")};
    (void)state;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        pawl_sim_options options = small;
        options.reset = forget_started;
        options.begin = add_and_start;
        new_sim(&options);
        assert_int_equal(run_sim((pawl_kind){.name = "one", .advance = change_again, .user = (void *)told[i]}), 1);
        assert_string_equal(report.what, told[i] + 2);
        assert_string_equal(report.step, "first");
    }
}

static int counted;

static int diverges(void *user, pawl_run *run, pawl_error *error)
{
    (void)user;
    int status = pawl_run_step(run, counted++ ? "b" : "a", call_out, NULL, NULL, 0, error);
    return status == PAWL_OK ? pawl_run_step(run, "end", call_out, NULL, NULL, 0, error) : status;
}

static void forget_counted(void *user)
{
    (void)user;
    counted = 0;
}

static void code_that_is_another_when_it_comes_back_is_found(void **state)
{
    (void)state;
    pawl_sim_options options = small;
    options.reset = forget_counted;
    new_sim(&options);
    assert_int_equal(run_sim((pawl_kind){.name = "one", .code = diverges}), 1);
    assert_tells(report.what, "the code diverged");
    assert_tells(report.what, "undisturbed: workflow one/1 finished");
    assert_tells(report.text, "killed behind the commit of \"step:a\"");
}

/* ---- what does not end ---- */

static int waits_for_ever(void *user, pawl_step *step, pawl_error *error)
{
    (void)user, (void)error;
    return pawl_step_park(step, "waiting", NULL, 0, 60000, NULL);
}

static void what_never_ends_is_told_with_its_limits(void **state)
{
    (void)state;
    pawl_sim_options options = small;
    assert_int_equal(run_small(options, waits_for_ever), PAWL_ELIMIT);
    assert_tells(err.text, "it does not end: after 10001 rounds");
    assert_tells(err.text, "workflow one/1 is parked");
    assert_tells(err.hint, "rounds_max");
    options.time_max_ms = 3600000;
    assert_int_equal(run_small(options, waits_for_ever), PAWL_ELIMIT);
    assert_tells(err.text, "after 61 rounds and 3660000 ms");
}

static int has_a_strange_child(void *user, pawl_run *run, pawl_error *error)
{
    size_t none = 0;
    (void)user;
    return pawl_run_child(run, "child", &(pawl_start){PAWL_START, .kind = "strange", .id = "2"}, NULL, &none, error);
}

static void a_child_that_nobody_drives_is_named(void **state)
{
    (void)state;
    pawl_sim_options options = small;
    options.time_max_ms = 600000;
    new_sim(&options);
    assert_int_equal(run_sim((pawl_kind){.name = "one", .code = has_a_strange_child}), PAWL_ELIMIT);
    assert_tells(err.text, "workflow one/1 is parked");
    assert_tells(err.text, "the kind of strange/2 is not registered");
}

static int waits_once_killed(void *user, pawl_step *step, pawl_error *error)
{
    if (pawl_step_attempts(step) > 1 || strcmp(pawl_step_state(step), "waiting") == 0)
        return waits_for_ever(user, step, error);
    return pawl_step_done(step, NULL, 0);
}

static void what_ends_only_undisturbed_differs(void **state)
{
    (void)state;
    assert_int_equal(run_small(small, waits_once_killed), 1);
    assert_string_equal(report.step, "first");
    assert_tells(report.what, "it does not end");
    assert_tells(report.text, "killed before the commit of \"first\"");
}

/* ---- others ---- */

static int asks(void *user, pawl_run *run, pawl_error *error)
{
    char answer[8];
    size_t size = sizeof answer;
    (void)user;
    int status = pawl_run_send(run, "ask", &(pawl_message){PAWL_MESSAGE, .lane = "l", .target = "t"}, error);
    bool was_refused = status == PAWL_EREJECTED;
    if (status == PAWL_OK || was_refused)
        status = pawl_run_signal(run, "answer", -1, answer, &size, error);
    if (status == PAWL_OK)
        pawl_run_receipt(run, was_refused ? "refused" : "sent", was_refused ? 7 : 4);
    return status;
}

static int64_t began_ms;

static void forget_time(void *user)
{
    (void)user;
    began_ms = 0;
}

/* The message is dead, and the answer comes an hour later. */
static int answer_later(void *user, pawl_store *store, int64_t now_ms, int64_t *ret_wake_in_ms, pawl_error *error)
{
    uint32_t was_there;
    (void)user;
    began_ms = began_ms ? began_ms : now_ms;
    int status = pawl_sim_settle(store, "l", NULL, PAWL_VERDICT_DEAD, NULL, error);
    if (status != 0)
        return status;
    if (now_ms < began_ms + 3600000) {
        *ret_wake_in_ms = began_ms + 3600000 - now_ms;
        return 0;
    }
    status = pawl_workflow_signal(
        store, &(pawl_signal){PAWL_SIGNAL, .kind = "one", .id = "1", .name = "answer", .dedupe = "1"}, &was_there,
        error);
    return status == PAWL_EREFUSED ? 0 : status < 0 ? status : !was_there;
}

static int was_refused(void *user, pawl_store *store, pawl_error *error)
{
    pawl_workflows *page;
    (void)user;
    int status = pawl_workflow_get(store, "one", "1", &page, error);
    if (status < 0)
        return status;
    const pawl_workflow_view *view = pawl_workflows_get(page, 0);
    bool good = view->receipt_size == 7 && view->ended_at_ms - view->started_at_ms >= 3600000;
    pawl_workflows_free(page);
    return good ? PAWL_OK : pawl_error_set(error, PAWL_ECORRUPT, "it was not refused, or not an hour later");
}

static void idle_settles_messages_and_sends_signals_later(void **state)
{
    (void)state;
    pawl_sim_options options = small;
    options.reset = forget_time;
    options.idle = answer_later;
    options.check = was_refused;
    new_sim(&options);
    int status = run_sim((pawl_kind){.name = "one", .code = asks});
    if (status != 0)
        fail_msg("%d: %s", status, status < 0 ? err.text : report.text);
    assert_true(report.kills > 5);
}

/* ---- limits and errors ---- */

static int has_steps(void *user, pawl_step *step, pawl_error *error)
{
    const char *state = pawl_step_state(step);
    char next[] = "a";
    (void)user, (void)error;
    next[0] = strlen(state) == 1 ? (char)(state[0] + 1) : 'a';
    return next[0] > 'z' ? pawl_step_done(step, NULL, 0) : pawl_step_next(step, next, NULL, 0);
}

static void a_limit_spreads_the_runs(void **state)
{
    (void)state;
    pawl_sim_options options = small;
    assert_int_equal(run_small(options, has_steps), 0);
    assert_int_equal(report.runs, 1 + 54 + 27); /* 27 commits, cut before and behind */
    options.runs_max = 10;
    assert_int_equal(run_small(options, has_steps), 0);
    assert_int_equal(report.runs, 1 + 10);
    assert_int_equal(report.kills, 10);
}

static int cannot_begin(void *user, pawl_store *store, pawl_error *error)
{
    (void)user, (void)store;
    return pawl_error_set(error, PAWL_EUNAVAIL, "no world");
}

static void errors_are_told(void **state)
{
    (void)state;
    pawl_sim_options options = small;
    new_sim(&options);
    assert_status(pawl_sim_run(sim, &report, &err), PAWL_EREFUSED);
    const pawl_kind kind = {PAWL_KIND, .name = "one", .advance = has_steps};
    assert_ok(pawl_sim_register(sim, &kind, &err));
    assert_status(pawl_sim_register(sim, &kind, &err), PAWL_EREFUSED);
    options.begin = cannot_begin;
    assert_int_equal(run_small(options, has_steps), PAWL_EUNAVAIL);
    assert_string_equal(err.text, "what is there first: no world");
    pawl_sim *other;
    options = small;
    options.point = 5;
    assert_status(pawl_sim_new(&options, &other, &err), PAWL_EINVAL);
    options = small;
    options.begin = NULL;
    assert_status(pawl_sim_new(&options, &other, &err), PAWL_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_that_is_right_ends_the_same),
        cmocka_unit_test(a_machine_that_takes_back_ends_the_same),
        cmocka_unit_test(code_that_is_right_ends_the_same),
        cmocka_unit_test(code_that_takes_back_ends_the_same),
        cmocka_unit_test(a_receiver_that_knows_no_call_again_is_seen_to_be_called_twice),
        cmocka_unit_test(the_same_seed_tells_the_same_and_its_point_is_run_alone),
        cmocka_unit_test(a_step_that_draws_is_named_with_what_it_draws),
        cmocka_unit_test(what_chance_changes_is_no_difference),
        cmocka_unit_test(what_a_process_remembers_is_lost_with_it),
        cmocka_unit_test(each_kind_of_difference_is_told),
        cmocka_unit_test(code_that_is_another_when_it_comes_back_is_found),
        cmocka_unit_test(what_never_ends_is_told_with_its_limits),
        cmocka_unit_test(a_child_that_nobody_drives_is_named),
        cmocka_unit_test(what_ends_only_undisturbed_differs),
        cmocka_unit_test(idle_settles_messages_and_sends_signals_later),
        cmocka_unit_test(a_limit_spreads_the_runs),
        cmocka_unit_test(errors_are_told),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pawl_sim_free(sim);
    return failed;
}
