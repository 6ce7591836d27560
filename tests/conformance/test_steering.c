/* SPDX-License-Identifier: MIT */
/* What people do to workflows: cancellations with what undoes them, points of no return, retries from a step, forks; forms of
 * states that are older than the program; and rows that cannot be read. */
#include "driving.h"

#include <sqlite3.h>

#include "database.h"

static int fork_at(const struct world *w, const char *id, uint64_t generation)
{
    return pawl_workflow_fork(w->store, "k", "w", id, generation, NULL, NULL, &err);
}

static int retry_from(const struct world *w, uint64_t generation)
{
    return pawl_workflow_steer(
        w->store, &(pawl_steering){PAWL_STEERING, .kind = "k", .id = "w", .what = PAWL_STEER_RETRY, .from = generation},
        &(pawl_operation){PAWL_OPERATION, .reason = "test", .actor = "ops"}, NULL, &err);
}

/* Two steps that can be undone, and one that cannot. */
static void make_three(const struct world *w)
{
    assert_ok(pawl_resource_add(w->store, "r", NULL, &err));
    assert_ok(START(w, "w", .state = "a", .data = "1", .data_size = 1));
    struct claim claim = take(w, "w");
    assert_ok(STEP_WITH(w, claim, "hold r", NEXT, .state = "b", .undo = "unhold", .undo_data = "{\"n\":1}",
                        .undo_data_size = 7));
    claim = take(w, "w");
    assert_ok(STEP(w, claim, NEXT, .state = "c", .data = "2", .data_size = 1, .undo = "unpay"));
    claim = take(w, "w");
    assert_ok(STEP(w, claim, PARK, .state = "d"));
}

static void assert_undone(const struct world *w, const char *text)
{
    const pawl_workflow_view *view = see(w, "k", "w");
    assert_string_equal(view->status, "failed");
    assert_string_equal(view->last_error.error_class, "cancelled");
    assert_string_equal(view->last_error.text, text);
    assert_string_equal(view->cancel_reason, "test");
    assert_where(w, "r", "available");
}

/* ---- cancelling ---- */

static void a232_a_cancellation_undoes_the_last_step_first(struct world *w)
{
    make_three(w);
    assert_ok(steer(w, "w", PAWL_STEER_CANCEL));
    assert_ok(steer(w, "w", PAWL_STEER_CANCEL)); /* it was asked for */
    assert_workflow(w, "w", "runnable");
    struct claim claim = TAKE(w);
    assert_string_equal(claim.state, "unpay");
    assert_ok(STEP(w, claim, PARK, .error = "the bank is busy")); /* which may take its time */
    assert_workflow(w, "w", "parked");
    claim = take(w, "w");
    assert_string_equal(claim.state, "unpay");
    assert_int_equal(claim.attempts, 2);
    assert_ok(STEP(w, claim, NEXT, .state = "unpaid")); /* and several steps */
    claim = take(w, "w");
    assert_string_equal(claim.state, "unpaid");
    assert_ok(STEP(w, claim, DONE));
    claim = take(w, "w");
    assert_string_equal(claim.state, "unhold");
    const pawl_workflow_view *view = see(w, "k", "w");
    assert_bytes(view->data, view->data_size, "{\"n\":1}");
    assert_where(w, "r", "held k/w");
    assert_ok(STEP(w, claim, NEXT)); /* it stays where it is: it is done */
    assert_undone(w, "it was cancelled: test");
    assert_int_equal(see(w, "k", "w")->total_attempts, 7);
    verify_all(w);
}

static void what_runs_is_undone_when_its_step_is_made(struct world *w)
{
    make_three(w);
    assert_ok(steer(w, "w", PAWL_STEER_RETRY));
    struct claim claim = TAKE(w);
    assert_ok(steer(w, "w", PAWL_STEER_CANCEL));
    assert_workflow(w, "w", "running");
    assert_ok(STEP(w, claim, NEXT, .state = "e", .undo = "unsend")); /* what it did is undone, too */
    static const char *const undos[] = {"unsend", "unpay", "unhold"};
    for (size_t i = 0; i < COUNT_OF(undos); i++) {
        claim = TAKE(w);
        assert_string_equal(claim.state, undos[i]);
        assert_ok(STEP(w, claim, DONE));
    }
    assert_undone(w, "it was cancelled: test");
    verify_all(w);
}

static void one_that_finished_first_is_finished(struct world *w)
{
    assert_ok(START(w, "w", .state = "a"));
    struct claim claim = take(w, "w");
    assert_ok(steer(w, "w", PAWL_STEER_CANCEL));
    assert_ok(STEP(w, claim, DONE, .receipt = "1", .receipt_size = 1));
    assert_workflow(w, "w", "finished");
    assert_ok(START(w, "v", .state = "a")); /* one that did nothing ends at once */
    assert_ok(steer(w, "v", PAWL_STEER_CANCEL));
    assert_workflow(w, "v", "failed");
    verify_all(w);
}

static void one_that_cannot_be_undone_fails(struct world *w)
{
    make_three(w);
    assert_ok(steer(w, "w", PAWL_STEER_CANCEL));
    struct claim claim = TAKE(w);
    assert_ok(STEP(w, claim, FAIL, .error = "the bank kept it"));
    assert_undone(w, "the bank kept it");
    verify_all(w);
}

static void a208_a232_behind_the_point_of_no_return_it_goes_on(struct world *w)
{
    assert_ok(pawl_resource_add(w->store, "r", NULL, &err));
    assert_ok(START(w, "w", .state = "a"));
    struct claim claim = take(w, "w");
    assert_ok(STEP_WITH(w, claim, "hold r", NEXT, .state = "call", .no_return = 1, .undo = "undo"));
    assert_status(steer(w, "w", PAWL_STEER_CANCEL), PAWL_EREFUSED);
    TAKE(w, .lease_ms = 1);
    assert_status(steer(w, "w", PAWL_STEER_CANCEL), PAWL_EREFUSED);
    pawli_sim_advance_ms(w->env, 1); /* whoever made the call is gone */
    assert_status(steer(w, "w", PAWL_STEER_CANCEL), PAWL_EREFUSED);
    claim = TAKE(w);
    assert_string_equal(claim.state, "call"); /* forward, never the way of a cancellation */
    assert_ok(STEP(w, claim, NEXT, .state = "called"));
    assert_int_equal(see(w, "k", "w")->no_return, 1);
    assert_status(steer(w, "w", PAWL_STEER_CANCEL), PAWL_EREFUSED);
    assert_null(see(w, "k", "w")->cancel_reason);
    claim = TAKE(w);
    assert_ok(STEP_WITH(w, claim, "consume r", DONE));
    verify_all(w);
}

/* The other way round: who asked first is first. */
static void one_that_was_cancelled_does_not_pass_it(struct world *w)
{
    assert_ok(pawl_resource_add(w->store, "r", NULL, &err));
    assert_ok(START(w, "w", .state = "a"));
    struct claim claim = take(w, "w");
    assert_ok(STEP_WITH(w, claim, "hold r", NEXT, .undo = "u", .keep = 1));
    claim.generation++;
    assert_ok(steer(w, "w", PAWL_STEER_CANCEL));
    assert_status(STEP(w, claim, NEXT, .state = "call", .no_return = 1), PAWL_EREFUSED);
    assert_status(STEP(w, claim, PARK, .no_return = 1), PAWL_EREFUSED);
    const pawl_workflow_view *view = see(w, "k", "w");
    assert_int_equal(view->no_return, 0);
    assert_string_equal(view->state, "a");
    assert_string_equal(view->status, "running");
    assert_ok(STEP(w, claim, PARK)); /* its claim holds */
    claim = TAKE(w);
    assert_string_equal(claim.state, "u");
    assert_ok(STEP(w, claim, DONE));
    assert_undone(w, "it was cancelled: test");
    verify_all(w);
}

static void a_cancellation_lifts_what_is_stuck_or_parked(struct world *w)
{
    set_kind(w, "max_attempts", "1");
    assert_ok(pawl_resource_add(w->store, "r", NULL, &err));
    assert_ok(START(w, "w", .state = "a"));
    struct claim claim = take(w, "w");
    assert_ok(STEP(w, claim, NEXT, .undo = "u"));
    claim = take(w, "w");
    assert_ok(STEP(w, claim, PARK, .error = "e"));
    assert_workflow(w, "w", "stuck");
    assert_ok(steer(w, "w", PAWL_STEER_CANCEL));
    assert_workflow(w, "w", "runnable");
    assert_int_equal(see(w, "k", "w")->total_attempts, 2);
    claim = TAKE(w);
    assert_int_equal(claim.attempts, 1);
    assert_ok(STEP(w, claim, DONE));
    assert_undone(w, "it was cancelled: test");
    verify_all(w);
}

/* ---- pausing ---- */

static void nobody_takes_what_is_paused(struct world *w)
{
    assert_ok(START(w, "w", .state = "a"));
    assert_ok(steer(w, "w", PAWL_STEER_PAUSE));
    const pawl_workflow_view *view = see(w, "k", "w");
    assert_string_equal(view->status, "runnable");
    assert_string_equal(view->held_reason, "test");
    assert_string_equal(view->held_by, "ops");
    assert_int_equal(TAKE(w).token, 0);
    assert_int_equal(TAKE(w, .id = "w").token, 0);
    assert_ok(send(w, "w", "one", "1"));
    assert_ok(steer(w, "w", PAWL_STEER_RETRY));
    assert_int_equal(TAKE(w).token, 0);
    assert_ok(steer(w, "w", PAWL_STEER_RESUME));
    assert_null(see(w, "k", "w")->held_reason);
    struct claim claim = TAKE(w);
    assert_string_equal(claim.signals, "one ");
    assert_ok(steer(w, "w", PAWL_STEER_PAUSE)); /* what runs ends its step */
    assert_ok(STEP(w, claim, NEXT));
    assert_int_equal(TAKE(w).token, 0);
    assert_ok(steer(w, "w", PAWL_STEER_RESUME));
    claim = TAKE(w);
    assert_ok(STEP(w, claim, PARK)); /* what waits, waits on, and is due when it was woken meanwhile */
    assert_ok(steer(w, "w", PAWL_STEER_PAUSE));
    assert_workflow(w, "w", "parked");
    assert_ok(send(w, "w", "two", "1"));
    assert_int_equal(TAKE(w).token, 0);
    assert_ok(steer(w, "w", PAWL_STEER_RESUME));
    assert_string_equal(TAKE(w).signals, "two ");
    verify_all(w);
}

/* ---- from a step ---- */

static void a_retry_from_a_step_has_its_checkpoint(struct world *w)
{
    make_three(w);
    assert_status(retry_from(w, 4), PAWL_ENOTFOUND);
    assert_ok(retry_from(w, 2));
    const pawl_workflow_view *view = see(w, "k", "w");
    assert_string_equal(view->status, "runnable");
    assert_string_equal(view->state, "b"); /* with which the second began */
    assert_bytes(view->data, view->data_size, "1");
    assert_int_equal(view->generation, 4);
    assert_where(w, "r", "held k/w"); /* what was done is not undone */
    struct claim claim = TAKE(w);
    assert_status(retry_from(w, 1), PAWL_EREFUSED); /* it runs */
    assert_status(steer(w, "w", PAWL_STEER_RETRY), PAWL_EREFUSED);
    assert_ok(STEP_WITH(w, claim, "release r", DONE));
    assert_status(retry_from(w, 1), PAWL_EREFUSED);
    verify_all(w);
}

static void a_fork_is_another_one_from_there(struct world *w)
{
    make_three(w);
    assert_status(fork_at(w, "new", 9), PAWL_ENOTFOUND);
    assert_status(fork_at(w, "a/b", 1), PAWL_EINVAL);
    assert_status(fork_at(w, "w", 1), PAWL_EINVAL);
    assert_ok(fork_at(w, "new", 2));
    const pawl_workflow_view *view = see(w, "k", "new");
    assert_string_equal(view->state, "b");
    assert_bytes(view->data, view->data_size, "1");
    assert_int_equal(view->generation, 0);
    assert_int_equal(view->resource_count, 0);
    assert_int_equal(pawl_workflows_step_count(seen_last), 0);
    assert_ok(fork_at(w, "new", 2)); /* the same */
    assert_status(fork_at(w, "new", 0), PAWL_ECONFLICT);
    assert_ok(fork_at(w, "now", 0));
    assert_string_equal(see(w, "k", "now")->state, "d");
    assert_string_equal(see(w, "k", "w")->state, "d"); /* as it was */
    assert_workflow(w, "w", "parked");
    assert_where(w, "r", "held k/w");
    verify_all(w);
}

static void an_operation_again_is_the_stored_answer(struct world *w)
{
    pawl_steered steered = {PAWL_STEERED};
    const pawl_steering steering = {PAWL_STEERING, .kind = "k", .id = "w", .what = PAWL_STEER_STOP};
    assert_ok(START(w, "w", .state = "a"));
    for (uint32_t i = 0; i < 2; i++) {
        assert_ok(pawl_workflow_steer(w->store, &steering, BECAUSE(1), &steered, &err));
        assert_int_equal(steered.was_replayed, i);
        assert_string_equal(steered.before, "runnable");
        assert_string_equal(steered.after, "failed");
    }
    assert_ok(START(w, "w", .state = "a"));
    assert_ok(pawl_workflow_steer(w->store, &steering, BECAUSE(1), &steered, &err));
    assert_workflow(w, "w", "runnable"); /* it was answered, and not done again */
    verify_all(w);
}

/* What the last record of the operators' scope says, and its number. */
static uint64_t assert_operator_did(const struct world *w, const char *type, const char *command)
{
    pawl_store *operators;
    pawl_records *records;
    assert_ok(pawl_store_scope(w->store, "pawl.operator", &operators, &err));
    assert_ok(pawl_records_list(operators, &(pawl_records_query){PAWL_RECORDS_QUERY, .newest_first = 1, .limit = 1},
                                &records, &err));
    const pawl_record *record = pawl_records_get(records, 0);
    uint64_t seq = record->seq;
    assert_string_equal(record->type, type);
    assert_bytes(record->data, record->data_size, command);
    pawl_records_free(records);
    pawl_store_close(operators);
    return seq;
}

static void a_fork_is_recorded_and_made_once(struct world *w)
{
    static const char command[] = "{\"scope\":\"default\",\"kind\":\"k\",\"id\":\"w\",\"new_id\":\"new\","
                                  "\"reason\":\"test\",\"actor\":\"ops\"}";
    assert_ok(START(w, "w", .state = "a"));
    for (uint32_t i = 0; i < 2; i++) {
        pawl_workflows *made;
        assert_ok(pawl_workflow_fork(w->store, "k", "w", "new", 0, BECAUSE(1), &made, &err));
        const pawl_workflow_view *view = pawl_workflows_get(made, 0);
        assert_string_equal(view->id, "new");
        assert_string_equal(view->state, i == 0 ? "a" : "b");
        assert_int_equal(view->was_replayed, i);
        pawl_workflows_free(made);
        assert_int_equal(assert_operator_did(w, "pawl.workflow.fork", command), 1);
        struct claim claim = take(w, i == 0 ? "new" : "w");
        assert_ok(STEP(w, claim, NEXT, .state = "b"));
    }
    assert_status(pawl_workflow_fork(w->store, "k", "w", "other", 0, BECAUSE(1), NULL, &err), PAWL_ECONFLICT);
    assert_status(pawl_workflow_fork(w->store, "k", "w", "new", 0, BECAUSE(2), NULL, &err), PAWL_ECONFLICT);
    assert_int_equal(assert_operator_did(w, "pawl.workflow.fork", command), 1); /* of these there is none */
    verify_all(w);
    if (w->kind->is_durable) { /* its own scope's journal has nothing of it */
        sqlite3 *db;
        assert_int_equal(sqlite3_open(w->file, &db), SQLITE_OK);
        assert_int_equal(ask_sql(db, w->kind->is_into ? "SELECT seq FROM pawl_workflow WHERE id = 'new'"
                                                      : "SELECT seq FROM workflow WHERE id = 'new'"),
                         0);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
    }
}

static void an_operators_signal_is_recorded_and_sent_once(struct world *w)
{
    static const char type[] = "pawl.workflow.signal",
                      command[] = "{\"scope\":\"default\",\"kind\":\"k\",\"id\":\"w\",\"name\":\"paid\","
                                  "\"data\":{\"n\":1},\"reason\":\"test\",\"actor\":\"ops\"}";
    pawl_signal signal = {PAWL_SIGNAL, .kind = "k", .id = "w", .name = "paid", .data = "{\"n\":1}", .data_size = 7};
    assert_ok(START(w, "w", .state = "a"));
    signal.operation = BECAUSE(1);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t was_replayed;
        assert_ok(pawl_workflow_signal(w->store, &signal, &was_replayed, &err));
        assert_int_equal(was_replayed, i);
        assert_int_equal(assert_operator_did(w, type, command), 1);
    }
    signal.data = "{\"n\":2}";
    assert_status(pawl_workflow_signal(w->store, &signal, NULL, &err), PAWL_ECONFLICT);
    signal.operation = NULL; /* a program's */
    assert_ok(pawl_workflow_signal(w->store, &signal, NULL, &err));
    assert_int_equal(assert_operator_did(w, type, command), 1);
    see(w, "k", "w");
    assert_int_equal(pawl_workflows_signal_count(seen_last), 2);
    verify_all(w);
}

/* ---- forms of states ---- */

static void a211_a_state_says_which_form_it_has(struct world *w)
{
    assert_ok(START(w, "old", .state = "a", .data = "{}", .data_size = 2)); /* by a program that counts none */
    assert_ok(START(w, "new", .state = "a", .data = "{}", .data_size = 2, .version = 2));
    assert_int_equal(see(w, "k", "old")->version, 0);
    assert_int_equal(see(w, "k", "new")->version, 2);
    struct claim claim = take(w, "old");
    assert_ok(STEP(w, claim, NEXT, .state = "b")); /* nothing said of it: as it was */
    assert_int_equal(see(w, "k", "old")->version, 0);
    claim = take(w, "old");
    assert_ok(STEP(w, claim, NEXT, .data = "{\"new\":1}", .data_size = 9, .version = 2, .has_version = 1));
    assert_int_equal(see(w, "k", "old")->version, 2);
    claim = take(w, "old");
    assert_ok(STEP(w, claim, NEXT, .has_version = 1));
    assert_int_equal(see(w, "k", "old")->version, 0);
    see(w, "k", "old");
    static const uint32_t versions[] = {0, 0, 2};
    for (size_t i = 0; i < COUNT_OF(versions); i++)
        assert_int_equal(pawl_workflows_step(seen_last, i)->version, versions[i]);
    assert_status(START(w, "new", .state = "a", .data = "{}", .data_size = 2, .version = 3), PAWL_ECONFLICT);
    verify_all(w);
}

/* ---- what cannot be read ---- */

static void damage(const struct world *w, const char *sql)
{
    sqlite3 *db;
    char text[160];
    snprintf(text, sizeof text, "UPDATE %s%s", w->kind->is_into ? "pawl_" : "", sql);
    assert_int_equal(sqlite3_open(w->file, &db), SQLITE_OK);
    run_sql(db, text);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a212_one_that_cannot_be_read_is_set_apart(struct world *w)
{
    pawl_workflows *list, *none;
    pawl_verification *found = NULL;
    if (!w->kind->is_durable)
        return;
    for (int i = 0; i < 3; i++)
        assert_ok(START(w, i == 0 ? "a" : i == 1 ? "bad" : "c", .state = "a"));
    damage(w, "workflow SET data = x'00' WHERE id = 'bad'");
    struct claim claim;
    while ((claim = TAKE(w)).token) {
        assert_string_not_equal(claim.id, "bad");
        assert_ok(STEP(w, claim, DONE));
    }
    assert_workflow(w, "a", "finished");
    assert_workflow(w, "c", "finished");
    assert_int_equal(TAKE(w, .id = "bad").token, 0);
    assert_status(pawl_workflow_get(w->store, "k", "bad", &none, &err), PAWL_ECORRUPT);
    assert_status(steer(w, "bad", PAWL_STEER_STOP), PAWL_ECORRUPT);
    assert_status(send(w, "bad", NULL, "1"), PAWL_ECORRUPT);
    assert_status(START(w, "bad", .state = "a"), PAWL_ECORRUPT);
    assert_ok(pawl_workflows_list(w->store, NULL, &list, &err));
    assert_int_equal(pawl_workflows_count(list), 3);
    assert_non_null(pawl_workflows_get(list, 1)->error);
    pawl_workflows_free(list);
    pawli_sim_advance_ms(w->env, 60000);
    sweep(w);
    assert_status(pawl_verify(w->store, NULL, NULL, NULL, &found, &err), PAWL_ECORRUPT);
    pawl_verification_free(found);
    pawl_workflows_free(seen_last);
    seen_last = NULL;
}

static void one_that_fails_is_undone_where_it_asks_for_that(struct world *w)
{
    make_three(w);
    struct claim claim = take(w, "w");
    assert_status(STEP(w, claim, PARK, .compensate = 1), PAWL_EINVAL);
    assert_ok(STEP(w, claim, FAIL, .error = "no money", .compensate = 1));
    claim = TAKE(w);
    assert_string_equal(claim.state, "unpay");
    assert_ok(STEP(w, claim, DONE));
    claim = TAKE(w);
    assert_string_equal(claim.state, "unhold");
    assert_ok(STEP(w, claim, DONE));
    assert_workflow(w, "w", "failed");
    assert_string_equal(see(w, "k", "w")->last_error.text, "it was cancelled: no money");
    assert_where(w, "r", "available");
    assert_ok(START(w, "bare", .state = "a"));
    claim = take(w, "bare");
    assert_ok(STEP(w, claim, FAIL, .error = "no money", .compensate = 1)); /* nothing is to be undone */
    assert_string_equal(see(w, "k", "bare")->last_error.text, "no money");
    verify_all(w);
}

static void a_resource_that_cannot_be_read_is_nobodys(struct world *w)
{
    if (!w->kind->is_durable)
        return;
    assert_ok(pawl_resource_add(w->store, "bad", NULL, &err));
    assert_ok(pawl_resource_add(w->store, "good", NULL, &err));
    assert_ok(START(w, "w", .state = "a"));
    damage(w, "resource SET state = 'lost' WHERE id = 'bad'");
    struct claim claim = take(w, "w");
    assert_status(STEP_WITH(w, claim, "hold bad", NEXT), PAWL_ECORRUPT);
    assert_status(STEP_WITH(w, claim, "hold good hold bad", NEXT), PAWL_ECORRUPT);
    assert_where(w, "good", "available");
    assert_ok(STEP_WITH(w, claim, "hold good", FAIL, .error = "e"));
    assert_where(w, "good", "available");
    pawl_workflows_free(seen_last);
    seen_last = NULL;
}

static void assert_listed(const struct world *w, int64_t since_ms, int64_t until_ms, const char *expected)
{
    const pawl_workflows_query query = {PAWL_WORKFLOWS_QUERY, .since_ms = since_ms, .until_ms = until_ms};
    char ids[32] = "";
    pawl_workflows *list;
    assert_ok(pawl_workflows_list(w->store, &query, &list, &err));
    for (size_t i = 0; i < pawl_workflows_count(list); i++)
        snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "%s ", pawl_workflows_get(list, i)->id);
    pawl_workflows_free(list);
    assert_string_equal(ids, expected);
}

/* By when they were started, and by how long nothing was done to them. */
static void a_list_is_of_an_age(struct world *w)
{
    const int64_t began = now_ms(w);
    assert_ok(START(w, "a"));
    pawli_sim_advance_ms(w->env, 1000);
    assert_ok(START(w, "b"));
    struct claim claim = take(w, "a");
    assert_ok(STEP(w, claim, PARK));
    pawli_sim_advance_ms(w->env, 1000);
    assert_listed(w, 0, 0, "b a ");
    assert_listed(w, began + 1, 0, "b ");
    assert_listed(w, began + 1000, 0, "b ");
    assert_listed(w, began + 1001, 0, "");
    assert_listed(w, 0, began + 1000, "");
    assert_listed(w, 0, began + 1001, "b a ");
    assert_ok(send(w, "a", NULL, "1"));
    assert_listed(w, 0, began + 1001, "b ");
    pawl_workflows *none;
    assert_status(
        pawl_workflows_list(w->store, &(pawl_workflows_query){PAWL_WORKFLOWS_QUERY, .since_ms = -1}, &none, &err),
        PAWL_EINVAL);
    verify_all(w);
}

static const struct conformance_case cases[] = {
    CASE(a232_a_cancellation_undoes_the_last_step_first),
    CASE(what_runs_is_undone_when_its_step_is_made),
    CASE(one_that_finished_first_is_finished),
    CASE(one_that_cannot_be_undone_fails),
    CASE(a208_a232_behind_the_point_of_no_return_it_goes_on),
    CASE(one_that_was_cancelled_does_not_pass_it),
    CASE(a_cancellation_lifts_what_is_stuck_or_parked),
    CASE(nobody_takes_what_is_paused),
    CASE(a_retry_from_a_step_has_its_checkpoint),
    CASE(a_fork_is_another_one_from_there),
    CASE(an_operation_again_is_the_stored_answer),
    CASE(a_fork_is_recorded_and_made_once),
    CASE(an_operators_signal_is_recorded_and_sent_once),
    CASE(a211_a_state_says_which_form_it_has),
    CASE(a212_one_that_cannot_be_read_is_set_apart),
    CASE(one_that_fails_is_undone_where_it_asks_for_that),
    CASE(a_resource_that_cannot_be_read_is_nobodys),
    CASE(a_list_is_of_an_age),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
