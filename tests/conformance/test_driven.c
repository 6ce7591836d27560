/* SPDX-License-Identifier: MIT */
/* Workflows that are driven while memory or the store fails: each step is made once, and nothing by halves. */
#include "driving.h"
#include "failing.h"

/* ---- what is driven ---- */

/* A state machine: each of its three steps posts 1 to the account of its id, and does what a step can do besides. */
static const char *account_of(const char *id)
{
    static char account[32];
    snprintf(account, sizeof account, "acct:%s", id);
    return account;
}

static bool leaves_records; /* the steps post and tell; else none of them has a record */
static int machine_calls;

static void do_besides(pawl_step *step)
{
    char id[24];
    const char *state = pawl_step_state(step);
    const pawl_post post = {PAWL_POST, .account = account_of(pawl_step_id(step)), .asset = "N", .delta = "1"};
    if (!leaves_records)
        return;
    pawl_step_post(step, &post);
    pawl_step_event(step, &(pawl_event){PAWL_EVENT, .topic = "steps", .type = "made", .data = "1", .data_size = 1});
    if (strcmp(state, "a") == 0)
        pawl_step_hold(step, "r");
    if (strcmp(state, "b") == 0)
        pawl_step_undo(step, "undo", "1", 1);
    if (strcmp(state, "c") != 0)
        return;
    pawl_step_release(step, "r");
    pawl_step_message(step, MESSAGE("done"));
    snprintf(id, sizeof id, "%.16s.next", pawl_step_id(step));
    pawl_step_start(step, &(pawl_start){PAWL_START, .kind = "child", .id = id});
}

static int advance(void *user, pawl_step *step, pawl_error *error)
{
    (void)user, (void)error;
    const char *state = pawl_step_state(step);
    size_t size;
    const void *data = pawl_step_data(step, &size);
    assert_bytes(data, size, strcmp(state, "a") == 0 ? "1" : "2"); /* as the step before left it */
    machine_calls++;
    do_besides(step);
    if (strcmp(state, "a") == 0)
        return pawl_step_next(step, "b", "2", 1);
    if (strcmp(state, "b") == 0)
        return pawl_step_next(step, "c", NULL, 0);
    return pawl_step_done(step, "\"receipt\"", 9);
}

static int count_call(void *arg, pawl_error *error)
{
    (void)error;
    ++*(int *)arg;
    return PAWL_OK;
}

/* A function with a call of every kind. */
static int charged, undone;

static int draw_and_charge(pawl_run *run, pawl_error *error)
{
    int64_t now;
    uint64_t random;
    pawl_uuid key;
    uint32_t version;
    int status = pawl_run_now_ms(run, "now", &now, error);
    if (status == PAWL_OK)
        status = pawl_run_random(run, "random", &random, error);
    if (status == PAWL_OK)
        status = pawl_run_uuid(run, "key", &key, error);
    if (status == PAWL_OK)
        status = pawl_run_version(run, "version", 1, &version, error);
    pawl_run_undo(run, "uncharge", count_call, &undone);
    return status == PAWL_OK ? pawl_run_step(run, "charge", count_call, &charged, &charged, sizeof charged, error)
                             : status;
}

static int send_and_start(pawl_run *run, pawl_error *error)
{
    char id[24], receipt[16];
    size_t size = sizeof receipt;
    snprintf(id, sizeof id, "%.16s.c", pawl_run_id(run));
    int status = pawl_run_send(run, "mail", MESSAGE("hello"), error);
    if (status == PAWL_OK)
        status = pawl_run_child(run, "child", &(pawl_start){PAWL_START, .kind = "child", .id = id}, receipt, &size,
                                error);
    return status;
}

static int post_and_wait(pawl_run *run, pawl_error *error)
{
    const pawl_post post = {PAWL_POST, .account = account_of(pawl_run_id(run)), .asset = "N", .delta = "3"};
    const pawl_event event = {PAWL_EVENT, .topic = "steps", .type = "made", .data = "1", .data_size = 1};
    int status = pawl_run_hold(run, "r", error);
    if (status == PAWL_OK)
        status = pawl_run_post(run, "post", &post, 1, error);
    if (status == PAWL_OK)
        status = pawl_run_event(run, "told", &event, error);
    if (status == PAWL_OK)
        status = pawl_run_release(run, "r", error);
    if (status == PAWL_OK)
        status = pawl_run_sleep(run, "nap", 10, error);
    if (status == PAWL_OK)
        status = pawl_run_signal(run, "go", 10, NULL, NULL, error);
    return status == PAWL_ENOTFOUND ? PAWL_OK : status;
}

static int run_all(void *user, pawl_run *run, pawl_error *error)
{
    (void)user;
    int status = draw_and_charge(run, error);
    if (status == PAWL_OK)
        status = post_and_wait(run, error);
    if (status == PAWL_OK)
        status = send_and_start(run, error);
    if (status == PAWL_OK)
        pawl_run_receipt(run, "\"receipt\"", 9);
    return status;
}

static int finish_child(void *user, pawl_step *step, pawl_error *error)
{
    (void)user, (void)error;
    return pawl_step_done(step, "7", 1);
}

static const pawl_kind programs[] = {{PAWL_KIND, .name = "k", .advance = advance},
                                     {PAWL_KIND, .name = "f", .code = run_all},
                                     {PAWL_KIND, .name = "child", .advance = finish_child}};

static int open_executor(const struct world *w, pawl_executor **executor)
{
    int status = pawl_executor_new(w->store, NULL, executor, &err);
    for (size_t i = 0; status == PAWL_OK && i < COUNT_OF(programs); i++)
        status = pawl_executor_register(*executor, &programs[i], &err);
    return status;
}

static void begin(struct world *w)
{
    leaves_records = true;
    machine_calls = charged = undone = 0;
    assert_ok(pawl_resource_add(w->store, "r", NULL, &err));
}

/* Starts it, and drives it until it parks. */
static int drive_new(struct world *w, const char *kind, const char *id)
{
    pawl_executor *executor = NULL;
    pawl_workflows *workflow = NULL;
    const pawl_start start = {PAWL_START, .kind = kind, .id = id, .state = "a", .data = "1", .data_size = 1};
    int status = open_executor(w, &executor);
    if (status == PAWL_OK)
        status = pawl_executor_run(executor, &start, 0, 0, &workflow, &err);
    pawl_workflows_free(workflow);
    pawl_executor_free(executor);
    return status;
}

static void end_child(pawl_executor *executor, const char *parent)
{
    char id[24];
    snprintf(id, sizeof id, "%s.c", parent);
    int status = pawl_executor_drive(executor, "child", id, 1, 3600000, NULL, &err);
    assert_true(status == PAWL_OK || status == PAWL_ENOTFOUND);
}

/* Whatever became of it, it goes on to its end: when claims and backoffs of those before are over. */
static void go_on_to_the_end(struct world *w, const char *kind, const char *id)
{
    pawl_executor *executor;
    assert_ok(open_executor(w, &executor));
    const pawl_start start = {PAWL_START, .kind = kind, .id = id, .state = "a", .data = "1", .data_size = 1};
    assert_ok(pawl_workflow_start(w->store, &start, NULL, &err)); /* where it had not been, or again */
    for (int i = 0; i < 20 && strcmp(see(w, kind, id)->status, "finished") != 0; i++) {
        pawl_messages *messages = claim(w, CLAIM(.limit = 10));
        for (size_t j = 0; j < pawl_messages_count(messages); j++) {
            const pawl_message_view *view = pawl_messages_get(messages, j);
            const struct held held = {.id = view->id, .token = view->token};
            settle(w, SETTLE(held, DELIVERED));
        }
        pawl_messages_free(messages);
        if (strcmp(kind, "f") == 0)
            end_child(executor, id);
        pawli_sim_advance_ms(w->env, 3600000);
        int status = pawl_executor_drive(executor, kind, id, 0, 0, NULL, &err);
        if (status != PAWL_OK)
            fail_msg("%s/%s: %d %s", kind, id, status, err.text);
    }
    assert_string_equal(see(w, kind, id)->status, "finished");
    pawl_executor_free(executor);
}

static void assert_posted(struct world *w, const char *id, const char *expected)
{
    pawl_ledger *ledger;
    assert_ok(pawl_ledger_list(
        w->store, &(pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_BALANCES, .account = account_of(id)}, &ledger,
        &err));
    assert_int_equal(pawl_ledger_count(ledger), 1);
    assert_string_equal(pawl_ledger_balance(ledger, 0)->balance, expected);
    pawl_ledger_free(ledger);
}

/* ---- memory ---- */

#define MANY 20000 /* no call here allocates so often */

/* Each allocation where all is in memory; a sample of them where a file takes longer. */
static unsigned long next_of(const struct world *w, unsigned long n)
{
    return n + (w->kind->is_durable && n > 40 ? 1 + n % 13 : 1);
}

static void survives_failed_allocations(struct world *w, const char *kind)
{
    begin(w);
    bool failed = true;
    for (unsigned long n = 1; failed; n = next_of(w, n)) {
        char id[16];
        assert_true(n < MANY);
        snprintf(id, sizeof id, "%s%lu", kind, n);
        fail_allocation(n);
        int status = drive_new(w, kind, id);
        failed = stop_failing();
        bool is_told = status == PAWL_ENOMEM || status == PAWL_EUNCERTAIN || status == PAWL_EBUSY;
        if (status != PAWL_OK && !(failed && is_told))
            fail_msg("allocation %lu: %d %s", n, status, err.text);
        go_on_to_the_end(w, kind, id);
        assert_posted(w, id, "3");
        assert_where(w, "r", "available");
        if (n % 50 == 1 || !failed)
            verify(w);
    }
}

static void a_state_machine_survives_every_failed_allocation(struct world *w)
{
    survives_failed_allocations(w, "k");
    verify_all(w);
}

static void a_function_survives_every_failed_allocation(struct world *w)
{
    survives_failed_allocations(w, "f");
    verify_all(w);
}

static void a_check_survives_every_failed_allocation(struct world *w)
{
    begin(w);
    assert_ok(drive_new(w, "f", "w"));
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        uint64_t checked = 77;
        fail_allocation(n);
        int status = pawl_workflow_check(w->store, programs, COUNT_OF(programs), NULL, NULL, &checked, &err);
        failed = stop_failing();
        assert_true(status == 0 || (failed && status == PAWL_ENOMEM));
        assert_int_equal(checked, status == 0 ? 1 : 77); /* it was looked at, or nobody says that it was */
        assert_true(n < MANY);
    }
    verify_all(w);
}

/* ---- the store ---- */

static const struct fault uncertain = {FAULT_SAVE, 2, 1, FAULT_AFTER, STORE_UNKNOWN}; /* of its first step */

static void a_step_whose_commit_is_uncertain_is_made_once(struct world *w)
{
    struct store *filter = put_filter(w->store);
    for (int i = 0; i < 2; i++) {
        static const char *const ids[] = {"plain", "told"};
        if (i == 0)
            begin(w);
        leaves_records = i;
        machine_calls = 0;
        int64_t began = now_ms(w);
        pawli_fault_set(filter, &uncertain);
        assert_ok(drive_new(w, "k", ids[i]));
        assert_int_equal(pawli_fault_hits(filter), 1);
        pawli_fault_set(filter, NULL);
        assert_string_equal(see(w, "k", ids[i])->status, "finished");
        assert_int_equal(pawl_workflows_step_count(seen_last), 3);
        assert_int_equal(machine_calls, 3);
        assert_true(now_ms(w) < began + 5000); /* no claim had to end first */
    }
    assert_posted(w, "told", "3");
    verify_all(w);
}

static void a_busy_store_is_asked_again(struct world *w)
{
    static const enum store_result results[] = {STORE_BUSY, STORE_UNAVAILABLE};
    struct store *filter = put_filter(w->store);
    begin(w);
    for (size_t i = 0; i < COUNT_OF(results); i++) {
        char id[8];
        snprintf(id, sizeof id, "w%zu", i);
        pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 2, 4, FAULT_BEFORE, results[i]});
        assert_ok(drive_new(w, "k", id));
        assert_int_equal(pawli_fault_hits(filter), 4);
        pawli_fault_set(filter, NULL);
        assert_string_equal(see(w, "k", id)->status, "finished");
        assert_posted(w, id, "3");
    }
    assert_int_equal(machine_calls, 6); /* the step was made once, whatever became of its commits */
    verify_all(w);
}

/* Every call of the store that a drive makes, failed in turn. */
static void whichever_call_fails(struct world *w, const char *kind, enum fault_when when, enum store_result result)
{
    bool more = true;
    for (uint64_t nth = 1; more; nth++) {
        char id[16];
        snprintf(id, sizeof id, "%s%u.%u", kind, (unsigned)nth, (unsigned)result);
        struct world fresh;
        open_world(&fresh, w->kind, nth);
        struct store *filter = put_filter(fresh.store);
        begin(&fresh);
        pawli_fault_set(filter, &(struct fault){FAULT_ANY, nth, 1, when, result});
        drive_new(&fresh, kind, id);
        more = pawli_fault_hits(filter) > 0;
        pawli_fault_set(filter, NULL);
        go_on_to_the_end(&fresh, kind, id);
        assert_posted(&fresh, id, "3");
        assert_where(&fresh, "r", "available");
        verify_all(&fresh);
        close_world(&fresh);
        assert_true(nth < 200);
    }
}

static void whichever_call_of_a_drive_fails_each_step_is_made_once(struct world *w)
{
    static const char *const both[] = {"k", "f"};
    for (size_t i = 0; i < COUNT_OF(both); i++) {
        whichever_call_fails(w, both[i], FAULT_BEFORE, STORE_BUSY);
        whichever_call_fails(w, both[i], FAULT_AFTER, STORE_UNKNOWN);
        whichever_call_fails(w, both[i], FAULT_BEFORE, STORE_FULL);
    }
}

static void a_check_that_cannot_read_says_so(struct world *w)
{
    struct store *filter = put_filter(w->store);
    begin(w);
    assert_ok(drive_new(w, "f", "w"));
    for (uint64_t nth = 1; nth <= 4; nth++) { /* pages of the kinds, and of its steps */
        pawli_fault_set(filter, &(struct fault){FAULT_READ, nth, 1, FAULT_BEFORE, STORE_UNAVAILABLE});
        assert_status(pawl_workflow_check(w->store, programs, COUNT_OF(programs), NULL, NULL, NULL, &err),
                      PAWL_EUNAVAIL);
    }
    pawli_fault_set(filter, NULL);
    assert_status(pawl_workflow_check(w->store, programs, COUNT_OF(programs), NULL, NULL, NULL, &err), 0);
    verify_all(w);
}

/* ---- functions: what is recorded, and when ---- */

static int (*code)(pawl_run *run, pawl_error *error);
static int refuse_undo;

static int call_code(void *user, pawl_run *run, pawl_error *error)
{
    (void)user;
    return code(run, error);
}

static pawl_executor *execute(struct world *w, int (*function)(pawl_run *run, pawl_error *error))
{
    pawl_executor *executor;
    code = function;
    begin(w);
    assert_ok(START(w, "w", .state = "a"));
    assert_ok(pawl_executor_new(w->store, NULL, &executor, &err));
    assert_ok(pawl_executor_register(executor, &(pawl_kind){PAWL_KIND, .name = "k", .code = call_code}, &err));
    return executor;
}

static int drive(pawl_executor *executor)
{
    return pawl_executor_drive(executor, "k", "w", 0, 0, NULL, &err);
}

static const struct world *acting;

/* Whoever is called sees that all that it may depend on is recorded. */
static int look_what_is_recorded(void *arg, pawl_error *error)
{
    static const char *const names[] = {"uuid:key", "step:charge"};
    (void)arg, (void)error;
    see(acting, "k", "w");
    assert_int_equal(pawl_workflows_step_count(seen_last), COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_string_equal(pawl_workflows_step(seen_last, i)->state, names[i]);
    return PAWL_OK;
}

static int charge_and_look(pawl_run *run, pawl_error *error)
{
    pawl_uuid key;
    int status = pawl_run_uuid(run, "key", &key, error);
    if (status == PAWL_OK)
        status = pawl_run_step(run, "charge", count_call, &charged, NULL, 0, error);
    return status == PAWL_OK ? pawl_run_step(run, "look", look_what_is_recorded, NULL, NULL, 0, error) : status;
}

static void what_a_call_came_to_is_recorded_before_the_next_is_called(struct world *w)
{
    pawl_executor *executor = execute(w, charge_and_look);
    acting = w;
    assert_ok(drive(executor));
    assert_workflow(w, "w", "finished");
    pawl_executor_free(executor);
    verify_all(w);
}

static int refuse(void *arg, pawl_error *error)
{
    (void)arg;
    charged++;
    return pawl_error_set(error, PAWL_EREJECTED, "no money");
}

static int runs;

static int refused_and_asleep(pawl_run *run, pawl_error *error)
{
    pawl_error said = {0};
    runs++;
    assert_status(pawl_run_step(run, "charge", refuse, NULL, NULL, 0, &said), PAWL_EREJECTED);
    assert_string_equal(said.text, "no money");
    said.text[0] = '\0';
    assert_status(pawl_run_hold(run, "missing", &said), PAWL_EREJECTED);
    assert_non_null(strstr(said.text, "missing"));
    return pawl_run_sleep(run, "nap", 1000, error);
}

static void a_refusal_is_the_same_in_every_run(struct world *w)
{
    pawl_executor *executor = execute(w, refused_and_asleep);
    runs = 0;
    assert_ok(pawl_executor_drive(executor, "k", "w", 1, 3600000, NULL, &err));
    assert_true(runs > 1);
    assert_int_equal(charged, 1);
    pawl_executor_free(executor);
    verify_all(w);
}

static int take_all(pawl_run *run, pawl_error *error)
{
    int status = pawl_run_signal(run, "go", -1, NULL, NULL, error);
    if (status == PAWL_OK)
        status = pawl_run_sleep(run, "nap", 10, error); /* the next run claims anew */
    if (status != PAWL_OK)
        return status;
    assert_status(pawl_run_signal(run, "go", 0, NULL, NULL, error), PAWL_ENOTFOUND); /* there was one */
    return PAWL_OK;
}

/* Its note and that it is taken are one commit. */
static void a_signal_is_taken_where_it_is_noted(struct world *w)
{
    struct store *filter = put_filter(w->store);
    pawl_executor *executor = execute(w, take_all);
    assert_ok(send(w, "w", "s", NULL));
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 2, 1, FAULT_BEFORE, STORE_FULL});
    assert_status(drive(executor), PAWL_EREFUSED);
    pawli_fault_set(filter, NULL);
    assert_ok(pawl_executor_drive(executor, "k", "w", 1, 3600000, NULL, &err));
    assert_workflow(w, "w", "finished");
    assert_int_equal(pawl_workflows_signal_count(seen_last), 1);
    assert_true(pawl_workflows_signal(seen_last, 0)->taken > 0);
    pawl_executor_free(executor);
    verify_all(w);
}

static int charge_and_hold(pawl_run *run, pawl_error *error)
{
    int status = pawl_run_step(run, "charge", count_call, &charged, NULL, 0, error);
    if (status == PAWL_OK)
        status = pawl_run_hold(run, "r", error);
    return status == PAWL_OK ? pawl_run_release(run, "r", error) : status;
}

/* That the disk is full is no answer to what was asked; and what was done before is noted, once that can be. */
static void a_full_disk_is_nothing_to_remember(struct world *w)
{
    struct store *filter = put_filter(w->store);
    pawl_executor *executor = execute(w, charge_and_hold);
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 2, 1, FAULT_BEFORE, STORE_FULL});
    assert_status(drive(executor), PAWL_EREFUSED);
    pawli_fault_set(filter, NULL);
    assert_workflow(w, "w", "parked");
    assert_ok(drive(executor));
    assert_workflow(w, "w", "finished");
    assert_int_equal(charged, 1);
    pawl_executor_free(executor);
    verify_all(w);
}

static int send_one(pawl_run *run, pawl_error *error)
{
    return pawl_run_send(run, "mail", MESSAGE("hello"), error);
}

static void set_disk(struct world *w, uint64_t percent)
{
    pawli_sim_set_room(w->env, 1000, 10 * (100 - percent));
    pawli_sim_advance_ms(w->env, 60000); /* until somebody looks again */
}

static void a_disk_that_is_nearly_full_is_nothing_to_remember(struct world *w)
{
    pawl_executor *executor = execute(w, send_one);
    set_disk(w, 99);
    assert_status(drive(executor), w->kind->is_durable ? PAWL_EREFUSED : PAWL_OK);
    set_disk(w, 10);
    assert_ok(drive(executor));
    assert_workflow(w, "w", "parked"); /* until it is delivered */
    assert_int_equal(stats(w).pending, 1);
    pawl_executor_free(executor);
    verify_all(w);
}

static int charge_and_post_wrongly(pawl_run *run, pawl_error *error)
{
    const pawl_post post = {PAWL_POST, .account = "a", .asset = "N", .delta = "not a number"};
    int status = pawl_run_step(run, "charge", count_call, &charged, NULL, 0, error);
    return status == PAWL_OK ? pawl_run_post(run, "post", &post, 1, error) : status;
}

static void what_was_done_before_an_error_is_not_done_again(struct world *w)
{
    pawl_executor *executor = execute(w, charge_and_post_wrongly);
    for (int i = 0; i < 3; i++) {
        assert_status(drive(executor), PAWL_EINVAL);
        assert_int_equal(see(w, "k", "w")->attempts, i + 1); /* behind what was noted */
    }
    assert_int_equal(charged, 1);
    pawl_executor_free(executor);
    verify_all(w);
}

static int refuse_or_count(void *arg, pawl_error *error)
{
    if (refuse_undo)
        return pawl_error_set(error, PAWL_EREJECTED, "it has been spent");
    return count_call(arg, error);
}

static int charge_and_undo(pawl_run *run, pawl_error *error)
{
    pawl_run_undo(run, "uncharge", refuse_or_count, &undone);
    int status = pawl_run_step(run, "charge", count_call, &charged, NULL, 0, error);
    if (status == PAWL_OK)
        status = pawl_run_hold(run, "missing", error);
    return status == PAWL_EREJECTED ? pawl_run_compensate(run, error) : status;
}

static void an_undo_that_was_refused_is_for_a_person_who_retries_it(struct world *w)
{
    pawl_executor *executor = execute(w, charge_and_undo);
    refuse_undo = 1;
    assert_status(drive(executor), PAWL_EREJECTED);
    assert_string_equal(err.text, "undoing \"uncharge\" was refused: it has been spent");
    assert_workflow(w, "w", "stuck");
    refuse_undo = 0;
    assert_ok(steer(w, "w", PAWL_STEER_RETRY));
    assert_status(drive(executor), PAWL_EREJECTED);
    assert_workflow(w, "w", "failed");
    assert_int_equal(charged, 1);
    assert_int_equal(undone, 1);
    pawl_executor_free(executor);
    verify_all(w);
}

static const struct conformance_case cases[] = {
    CASE(a_state_machine_survives_every_failed_allocation),
    CASE(a_function_survives_every_failed_allocation),
    CASE(a_check_survives_every_failed_allocation),
    CASE(a_step_whose_commit_is_uncertain_is_made_once),
    CASE(a_busy_store_is_asked_again),
    CASE(whichever_call_of_a_drive_fails_each_step_is_made_once),
    CASE(a_check_that_cannot_read_says_so),
    CASE(what_a_call_came_to_is_recorded_before_the_next_is_called),
    CASE(a_refusal_is_the_same_in_every_run),
    CASE(a_signal_is_taken_where_it_is_noted),
    CASE(a_full_disk_is_nothing_to_remember),
    CASE(a_disk_that_is_nearly_full_is_nothing_to_remember),
    CASE(what_was_done_before_an_error_is_not_done_again),
    CASE(an_undo_that_was_refused_is_for_a_person_who_retries_it),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
