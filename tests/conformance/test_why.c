/* SPDX-License-Identifier: MIT */
/* Every reason for which a message may not move is made once, on every store, and told. */
#include <sqlite3.h>

#include "database.h"
#include "working.h"

enum code {
#define CODE(name, text, meaning) CODE_##name,
#include "why/codes.def"
#undef CODE
    CODE_COUNT
};

static const char *const codes[CODE_COUNT] = {
#define CODE(name, text, meaning) [CODE_##name] = text,
#include "why/codes.def"
#undef CODE
};

#define URL "http://bank.example/in"

static void add_target(struct world *w)
{
    assert_ok(pawl_target_add(w->store, TARGET, URL, NULL, NULL, 0, BECAUSE(100), &err));
}

static pawl_uuid one(struct world *w)
{
    return add(w, MESSAGE("1", .key = "k")).id;
}

/* ---- how each comes about ---- */

static pawl_uuid make_ready(struct world *w)
{
    add_target(w);
    return one(w);
}

static pawl_uuid make_not_due(struct world *w)
{
    pawl_uuid id = one(w);
    assert_int_equal(claim_and(w, PAWL_VERDICT_RETRY), PAWL_RESULT_REQUEUED);
    return id;
}

static pawl_uuid make_held(struct world *w)
{
    assert_ok(pawl_hold_set(w->store, &(pawl_subject){PAWL_SUBJECT, .lane = LANE}, "paused", 0, BECAUSE(101), &err));
    return one(w);
}

static pawl_uuid make_behind(struct world *w)
{
    one(w);
    return one(w);
}

static pawl_uuid make_no_target(struct world *w)
{
    return one(w);
}

static pawl_uuid make_awaiting(struct world *w)
{
    pawl_uuid id = one(w);
    claim_and(w, PAWL_VERDICT_SUBMITTED);
    return id;
}

static pawl_uuid make_uncertain(struct world *w)
{
    set_lane(w, "unknown", "hold");
    pawl_uuid id = one(w);
    claim_and(w, PAWL_VERDICT_UNCERTAIN);
    return id;
}

static pawl_uuid make_no_poll(struct world *w)
{
    add_target(w);
    set_target(w, "poll", URL);
    pawl_uuid id = make_awaiting(w);
    set_target(w, "poll", "");
    return id;
}

static pawl_uuid make_no_probe(struct world *w)
{
    add_target(w);
    set_target(w, "probe", URL);
    pawl_uuid id = make_uncertain(w);
    set_target(w, "probe", "");
    return id;
}

/* One is taken, which leaves no room for the other. */
static pawl_uuid make_limited(struct world *w, const char *key, const char *value)
{
    set_lane(w, key, value);
    add(w, MESSAGE("1", .key = NULL));
    pawl_uuid id = add(w, MESSAGE("2", .key = NULL)).id;
    claim_one(w, CLAIM());
    return id;
}

static pawl_uuid make_full(struct world *w)
{
    return make_limited(w, "lane_concurrency", "1");
}

static pawl_uuid make_rate(struct world *w)
{
    return make_limited(w, "rate", "1/5s");
}

/* Two failures open the breaker of its target; then another one is its trial. */
static pawl_uuid make_healing(struct world *w)
{
    set_lane(w, "breaker", "50%/2");
    set_lane(w, "breaker_open_ms", "1000");
    for (int i = 0; i < 3; i++)
        add(w, MESSAGE("1", .key = NULL));
    pawl_uuid id = add(w, MESSAGE("2", .key = NULL)).id;
    for (int i = 0; i < 2; i++)
        claim_and(w, PAWL_VERDICT_RETRY);
    pawli_sim_advance_ms(w->env, 1000);
    claim_one(w, CLAIM(.ends_with_process = 1));
    return id;
}

static pawl_uuid make_sender_not_ready(struct world *w)
{
    add_target(w);
    return add(w, MESSAGE("1", .key = NULL, .sender = "alice")).id;
}

static pawl_uuid make_sender_gone(struct world *w)
{
    static const char *const urls[] = {URL};
    const pawl_route route = {PAWL_ROUTE, .target = TARGET, .sender = "alice", .urls = urls, .url_count = 1};
    assert_ok(pawl_route_add(w->store, &route, BECAUSE(103), &err));
    assert_ok(pawl_sender_remove(w->store, TARGET, "alice", BECAUSE(104), &err));
    return make_sender_not_ready(w);
}

static pawl_uuid make_unserved(struct world *w)
{
    add_target(w);
    return one(w);
}

static pawl_uuid make_claimed(struct world *w)
{
    pawl_uuid id = one(w);
    claim_one(w, CLAIM());
    return id;
}

static pawl_uuid make_lost_claim(struct world *w)
{
    pawl_uuid id = one(w);
    claim_one(w, CLAIM(.lease_ms = 1));
    pawli_sim_advance_ms(w->env, 1);
    return id;
}

static pawl_uuid make_exhausted(struct world *w)
{
    set_lane(w, "exhausted", "hold");
    set_lane(w, "max_attempts", "1");
    pawl_uuid id = one(w);
    claim_and(w, PAWL_VERDICT_RETRY);
    return id;
}

static pawl_uuid make_crashes(struct world *w)
{
    set_lane(w, "crash_limit", "1");
    pawl_uuid id = one(w);
    claim_one(w, CLAIM(.lease_ms = 1, .ends_with_process = 1));
    pawli_sim_advance_ms(w->env, 1);
    sweep(w);
    return id;
}

static pawl_uuid make_ended(struct world *w)
{
    pawl_uuid id = one(w);
    claim_and(w, PAWL_VERDICT_DEAD);
    return id;
}

static pawl_uuid make_superseded(struct world *w)
{
    pawl_uuid id = one(w);
    assert_ok(pawl_message_requeue(w->store, &id, BECAUSE(102), NULL, &err));
    return id;
}

static pawl_uuid make_damaged(struct world *w)
{
    sqlite3 *db;
    pawl_uuid id = one(w);
    assert_int_equal(sqlite3_open(w->file, &db), SQLITE_OK);
    run_sql(db, w->kind->is_into ? "UPDATE pawl_message SET payload = x'00'" : "UPDATE message SET payload = x'00'");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return id;
}

/* ---- of workflows ---- */

static void start_workflow(struct world *w)
{
    assert_ok(pawl_workflow_start(w->store, &(pawl_start){PAWL_START, .kind = "k", .id = "w"}, NULL, &err));
}

/* The step that its next claim makes. */
static void make_step(struct world *w, pawl_step_outcome outcome)
{
    pawl_workflows *claimed;
    assert_ok(pawl_workflow_claim(
        w->store, &(pawl_workflow_claim_options){PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "k", .id = "w"}, &claimed, &err));
    assert_int_equal(pawl_workflows_count(claimed), 1);
    outcome.struct_size = sizeof outcome;
    outcome.kind = "k";
    outcome.id = "w";
    outcome.token = pawl_workflows_get(claimed, 0)->token;
    pawl_transition *step = pawl_transition_of_step(w->store, &outcome);
    assert_ok(pawl_transition_commit(step, NULL, &err));
    pawl_transition_free(step);
    pawl_workflows_free(claimed);
}

static void steer(struct world *w, int what)
{
    assert_ok(pawl_workflow_steer(w->store, &(pawl_steering){PAWL_STEERING, .kind = "k", .id = "w", .what = what},
                                  BECAUSE(105), NULL, &err));
}

static void make_rejected(struct world *w)
{
    assert_ok(pawl_kind_set(w->store, "k", &(pawl_setting){"max_rejections", "1"}, 1, NULL, &err));
    start_workflow(w);
    for (int i = 0; i < 2; i++)
        make_step(w, (pawl_step_outcome){.result = PAWL_STEP_PARK, .error = "no such account", .rejected = 1});
}

static void make_given_up(struct world *w)
{
    start_workflow(w);
    make_step(w, (pawl_step_outcome){.result = PAWL_STEP_PARK, .error = "no way out", .stuck = 1});
}

static void make_stuck(struct world *w)
{
    assert_ok(pawl_kind_set(w->store, "k", &(pawl_setting){"max_attempts", "1"}, 1, NULL, &err));
    start_workflow(w);
    make_step(w, (pawl_step_outcome){.result = PAWL_STEP_PARK, .error = "no route"});
}

static void make_crashed(struct world *w)
{
    assert_ok(pawl_kind_set(w->store, "k", &(pawl_setting){"crash_limit", "1"}, 1, NULL, &err));
    start_workflow(w);
    pawl_workflows *claimed;
    assert_ok(pawl_workflow_claim(w->store,
                                  &(pawl_workflow_claim_options){PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "k", .id = "w",
                                                                 .lease_ms = 1, .ends_with_process = 1},
                                  &claimed, &err));
    pawl_workflows_free(claimed);
    pawli_sim_advance_ms(w->env, 1);
    sweep(w);
}

static void make_paused(struct world *w)
{
    start_workflow(w);
    steer(w, PAWL_STEER_PAUSE);
}

/* It runs, and will be paused. */
static void make_paused_soon(struct world *w)
{
    start_workflow(w);
    pawl_workflows *claimed;
    assert_ok(pawl_workflow_claim(
        w->store, &(pawl_workflow_claim_options){PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "k", .id = "w"}, &claimed, &err));
    pawl_workflows_free(claimed);
    steer(w, PAWL_STEER_PAUSE);
}

static void make_waiting(struct world *w)
{
    start_workflow(w);
    make_step(w, (pawl_step_outcome){.result = PAWL_STEP_PARK});
}

static void make_asleep(struct world *w)
{
    start_workflow(w);
    make_step(w, (pawl_step_outcome){.result = PAWL_STEP_PARK, .has_wake = 1, .wake_in_ms = 1000});
}

static void make_second(struct world *w)
{
    assert_ok(pawl_workflow_start(w->store, &(pawl_start){PAWL_START, .kind = "k", .id = "v", .key = "x"}, NULL, &err));
    assert_ok(pawl_workflow_start(w->store, &(pawl_start){PAWL_START, .kind = "k", .id = "w", .key = "x"}, NULL, &err));
}

static void make_undone(struct world *w)
{
    start_workflow(w);
    make_step(w, (pawl_step_outcome){.undo = "back"});
    steer(w, PAWL_STEER_CANCEL);
}

static void make_finished(struct world *w)
{
    start_workflow(w);
    make_step(w, (pawl_step_outcome){.result = PAWL_STEP_DONE});
}

static void make_failed(struct world *w)
{
    start_workflow(w);
    make_step(w, (pawl_step_outcome){.result = PAWL_STEP_FAIL, .error = "no funds"});
}

static void make_damaged_workflow(struct world *w)
{
    sqlite3 *db;
    start_workflow(w);
    assert_int_equal(sqlite3_open(w->file, &db), SQLITE_OK);
    run_sql(db, w->kind->is_into ? "UPDATE pawl_workflow SET data = x'00'" : "UPDATE workflow SET data = x'00'");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static const struct workflow_recipe {
    enum code code;
    void (*make)(struct world *w);
    const char *state, *text;
    bool has_until;
} workflow_recipes[] = {
    {CODE_READY, start_workflow, "runnable", "whoever runs its kind takes it next", false},
    {CODE_REJECTED, make_rejected, "stuck", "no such account", false},
    {CODE_STUCK, make_given_up, "stuck", "no way out", false},
    {CODE_EXHAUSTED, make_stuck, "stuck", "no route", false},
    {CODE_CRASHES, make_crashed, "stuck", "its workers died", false},
    {CODE_PAUSED, make_paused, "runnable", "paused: test", false},
    {CODE_PAUSED, make_paused_soon, "running", "paused: test", false},
    {CODE_CLAIMED, make_paused_soon, "running", "claimed by unnamed", true},
    {CODE_SIGNAL, make_waiting, "parked", "until a signal comes", false},
    {CODE_NOT_DUE, make_asleep, "parked", "parked until it is due", true},
    {CODE_BEHIND, make_second, "runnable", "behind k/v", false},
    {CODE_AWAITING, make_undone, "runnable", "its compensation runs", false},
    {CODE_ENDED, make_finished, "finished", "it finished", false},
    {CODE_ENDED, make_failed, "failed", "no funds", false},
    {CODE_DAMAGED, make_damaged_workflow, "damaged", "cannot be read", false},
};

static const struct recipe {
    pawl_uuid (*make)(struct world *w); /* NULL: only a workflow has this reason */
    const char *text;                   /* that it says */
    bool has_until;
} recipes[CODE_COUNT] = {
    [CODE_READY] = {make_ready, "nothing holds it", false},
    [CODE_NOT_DUE] = {make_not_due, "waits until it is tried again", true},
    [CODE_HELD] = {make_held, "the lane " LANE " is held (paused): test", false},
    [CODE_BEHIND] = {make_behind, "which holds the ordering key", false},
    [CODE_NO_TARGET] = {make_no_target, "target " TARGET " has no URL", false},
    [CODE_SENDER_NOT_READY] = {make_sender_not_ready, "has no route of its sender alice", false},
    [CODE_SENDER_GONE] = {make_sender_gone, "its sender alice was removed", true},
    [CODE_NO_POLL] = {make_no_poll, "nobody any more who could be asked for its outcome", false},
    [CODE_NO_PROBE] = {make_no_probe, "nobody any more who could be asked whether it arrived", false},
    [CODE_FULL] = {make_full, "1 sends of the lane " LANE " are in flight", false},
    [CODE_RATE] = {make_rate, "the lane " LANE " has had what its rate gives", true},
    [CODE_HEALING] = {make_healing, "the target " TARGET " failed and is tried anew", false},
    [CODE_UNSERVED] = {make_unserved, "no worker has ever served this queue", false},
    [CODE_CLAIMED] = {make_claimed, "claimed by unnamed, attempt 1", true},
    [CODE_LOST_CLAIM] = {make_lost_claim, "its lease ended", false},
    [CODE_AWAITING] = {make_awaiting, "its outcome has not been reported yet", true},
    [CODE_UNCERTAIN] = {make_uncertain, "nobody knows whether it arrived: look at the receiver", false},
    [CODE_EXHAUSTED] = {make_exhausted, "every attempt failed", false},
    [CODE_CRASHES] = {make_crashes, "its workers died", false},
    [CODE_ENDED] = {make_ended, "permanent", false},
    [CODE_SUPERSEDED] = {make_superseded, "replaced by", false},
    [CODE_DAMAGED] = {make_damaged, "cannot be read", false},
};

static const pawl_reason *reason_of(const pawl_why *why, enum code code)
{
    for (size_t i = 0; i < pawl_why_count(why); i++)
        if (strcmp(pawl_why_get(why, i)->code, codes[code]) == 0)
            return pawl_why_get(why, i);
    return NULL;
}

static void assert_told(const pawl_why *why, enum code code, const char *text, bool has_until)
{
    const pawl_reason *reason = reason_of(why, code);
    if (!reason || !strstr(reason->text, text) || (reason->until_ms > 0) != has_until)
        fail_msg("%s: %s, until %lld", codes[code], reason ? reason->text : "it is not told",
                 reason ? (long long)reason->until_ms : -1LL);
}

static void assert_reason(struct world *w, pawl_uuid id, enum code code, const char *text, bool has_until)
{
    pawl_why *why;
    assert_ok(pawl_why_message(w->store, &id, &why, &err));
    assert_told(why, code, text, has_until);
    pawl_why_free(why);
}

static bool has_workflow_recipe(enum code code)
{
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(workflow_recipes); i++)
        found |= workflow_recipes[i].code == code;
    return found;
}

static void each_reason_is_made_and_told(struct world *w)
{
    for (enum code code = 0; code < CODE_COUNT; code++) {
        struct world fresh;
        assert_true(recipes[code].make || has_workflow_recipe(code));
        if (!recipes[code].make)
            continue;
        if (code == CODE_DAMAGED && !w->kind->is_durable)
            continue; /* nobody else writes into memory */
        open_world(&fresh, w->kind, 1);
        assert_reason(&fresh, recipes[code].make(&fresh), code, recipes[code].text, recipes[code].has_until);
        close_world(&fresh);
    }
}

static void each_reason_of_a_workflow_is_made_and_told(struct world *w)
{
    for (size_t i = 0; i < COUNT_OF(workflow_recipes); i++) {
        const struct workflow_recipe *recipe = &workflow_recipes[i];
        struct world fresh;
        pawl_why *why;
        if (recipe->code == CODE_DAMAGED && !w->kind->is_durable)
            continue;
        open_world(&fresh, w->kind, 1);
        recipe->make(&fresh);
        assert_ok(pawl_why_workflow(fresh.store, "k", "w", &why, &err));
        assert_told(why, recipe->code, recipe->text, recipe->has_until);
        assert_string_equal(pawl_why_state(why), recipe->state);
        pawl_why_free(why);
        assert_status(pawl_why_workflow(fresh.store, "k", "none", &why, &err), PAWL_ENOTFOUND);
        close_world(&fresh);
    }
}

/* ---- while somebody is asked ---- */

static void who_is_asked_when_and_until_when_is_told(struct world *w)
{
    static const pawl_setting settings[] = {{"probe", "callback:deliver"}, {"probe_limit_ms", "600000"}};
    struct work work;
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = lose_the_answer;
    work.probe = nobody_knows;
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "uncertain");
    assert_reason(w, id, CODE_UNCERTAIN, "its target is asked; if it cannot tell in time it is sent again", true);
    assert_reason(w, id, CODE_UNCERTAIN, "last error (unknown): the connection was lost", true);
    assert_reason(w, id, CODE_NOT_DUE, "waits until it is asked for", true);
    pawli_sim_advance_ms(w->env, 1000);
    assert_reason(w, id, CODE_READY, "the next claim of its queue asks callback:deliver", false);
    work_on(&work);
    assert_reason(w, id, CODE_UNCERTAIN, ": the ledger is busy", true);
    set_lane(w, "unknown", "hold");
    assert_reason(w, id, CODE_UNCERTAIN, "if it cannot tell in time a person must", true);
    end(&work, worker);
    assert_reason(w, id, CODE_UNSERVED, "run the program that registers a probe callback:deliver", false);
}

/* A worker that sends there, and has no function that could be asked. */
static void a_worker_that_cannot_ask_does_not_serve(struct world *w)
{
    static const pawl_setting settings[] = {{"probe", "callback:deliver"}};
    struct work work;
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = lose_the_answer;
    pawl_worker *worker = start_unasked(&work, "me");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    work_until(&work, id, "uncertain");
    assert_reason(w, id, CODE_UNSERVED, "1 that works takes other lanes", false);
    pawl_uuid next = add(w, MESSAGE("1", .key = NULL, .delay_ms = 1000)).id;
    pawl_why *why;
    assert_ok(pawl_why_message(w->store, &next, &why, &err));
    assert_null(reason_of(why, CODE_UNSERVED));
    pawl_why_free(why);
    end(&work, worker);
}

static const struct conformance_case cases[] = {
    CASE(each_reason_is_made_and_told),
    CASE(each_reason_of_a_workflow_is_made_and_told),
    CASE(who_is_asked_when_and_until_when_is_told),
    CASE(a_worker_that_cannot_ask_does_not_serve),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
