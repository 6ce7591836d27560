/* SPDX-License-Identifier: MIT */
#include "scarce.h"

#include "driving.h"
#include "failing.h"

/* What stands around the call that is meant has all the memory that it needs. */
#define CALMLY(...)                                                                                                    \
    do {                                                                                                               \
        unsigned long left_ = fail_allocation(0);                                                                      \
        __VA_ARGS__;                                                                                                   \
        fail_allocation(left_);                                                                                        \
    } while (0)

static char name[16];

static const char *named(char letter, unsigned n)
{
    snprintf(name, sizeof name, "%c%u", letter, n);
    return name;
}

static int set_policy(struct world *w, unsigned n)
{
    const pawl_setting settings[] = {{"max_attempts", n % 2 ? "1000000" : "999999"}, {"keep_ms", "0"}};
    return pawl_kind_set(w->store, "k", settings, 2, BECAUSE(40000 + n), &err);
}

static int add_resource(struct world *w, unsigned n)
{
    return pawl_resource_add(w->store, named('r', n), "coin", &err);
}

static int start(struct world *w, unsigned n)
{
    pawl_workflows *started = NULL;
    const pawl_start given = {PAWL_START, .kind = "k", .id = named('w', n), .state = "a", .data = "{}", .data_size = 2};
    int status = pawl_workflow_start(w->store, &given, &started, &err);
    assert_int_equal(started != NULL, status == PAWL_OK);
    pawl_workflows_free(started);
    return status;
}

static int start_with_record(struct world *w, unsigned n)
{
    char holder[24], what[64];
    pawl_transition *t = pawl_transition_new(w->store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Start"});
    pawl_transition_start(t, &(pawl_start){PAWL_START, .kind = "k", .id = named('t', n), .key = "x"});
    snprintf(holder, sizeof holder, "k/%s", name);
    snprintf(what, sizeof what, "add q%u hold q%u", n, n);
    add_effects(t, what, holder);
    int status = pawl_transition_commit(t, NULL, &err);
    pawl_transition_free(t);
    return status;
}

static int signal_it(struct world *w, unsigned n)
{
    return send(w, "main", n % 2 ? NULL : named('s', n), "{}");
}

/* Whose page could not be made is claimed all the same: until its lease ends. */
static int claim_it(struct world *w, unsigned n)
{
    pawl_workflows *claimed = NULL;
    (void)n;
    CALMLY(pawli_sim_advance_ms(w->env, 60000));
    const pawl_workflow_claim_options options = {PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "k", .id = "main"};
    int status = pawl_workflow_claim(w->store, &options, &claimed, &err);
    if (status == PAWL_OK)
        assert_int_equal(pawl_workflows_count(claimed), 1);
    pawl_workflows_free(claimed);
    return status;
}

static int extend_it(struct world *w, unsigned n)
{
    struct claim claim;
    (void)n;
    CALMLY(pawli_sim_advance_ms(w->env, 60000); claim = take(w, "main"));
    return pawl_workflow_extend(w->store, "k", "main", claim.token, 1000, &err);
}

static int go_on(struct world *w, unsigned n)
{
    struct claim claim;
    CALMLY(pawli_sim_advance_ms(w->env, 60000); claim = take(w, "main"));
    pawl_transition *step = pawl_transition_of_step(
        w->store, &(pawl_step_outcome){PAWL_STEP_OUTCOME, .kind = "k", .id = "main", .token = claim.token,
                                       .result = n % 2 ? PAWL_STEP_NEXT : PAWL_STEP_PARK, .state = "b", .data = "1",
                                       .data_size = 1, .undo = n % 20 ? NULL : "u"});
    add_effects(step, "hold h release h", NULL);
    pawl_transition_event(step, &(pawl_event){PAWL_EVENT, .topic = "t", .type = "e"});
    int status = pawl_transition_commit(step, NULL, &err);
    pawl_transition_free(step);
    return status;
}

/* One of its own, which holds something and has a signal. */
static struct claim prepare(struct world *w, const char *id, const char *undo)
{
    char holds[64];
    snprintf(holds, sizeof holds, "add of-%s hold of-%s", id, id);
    assert_ok(START(w, id, .state = "a"));
    assert_ok(send(w, id, NULL, "1"));
    struct claim claim = take(w, id);
    assert_ok(STEP_WITH(w, claim, NULL, NEXT, .keep = 1, .undo = undo));
    claim.generation++;
    assert_ok(STEP_WITH(w, claim, holds, NEXT, .keep = 1));
    claim.generation++;
    return claim;
}

static int fail_it(struct world *w, unsigned n)
{
    struct claim claim;
    CALMLY(claim = prepare(w, named('f', n), "u"));
    return STEP(w, claim, FAIL, .error = "no funds");
}

static int finish_it(struct world *w, unsigned n)
{
    char what[32];
    struct claim claim;
    CALMLY(claim = prepare(w, named('d', n), NULL));
    snprintf(what, sizeof what, "consume of-d%u", n);
    return STEP_WITH(w, claim, what, DONE, .receipt = "{}", .receipt_size = 2);
}

static int cancel_it(struct world *w, unsigned n)
{
    struct claim claim;
    CALMLY(claim = prepare(w, named('c', n), "u"); assert_ok(STEP(w, claim, PARK)));
    return steer(w, name, PAWL_STEER_CANCEL);
}

static int stop_it(struct world *w, unsigned n)
{
    struct claim claim;
    CALMLY(claim = prepare(w, named('x', n), NULL); assert_ok(STEP(w, claim, PARK)));
    return steer(w, name, PAWL_STEER_STOP);
}

static int pause_it(struct world *w, unsigned n)
{
    return steer(w, "main", n % 2 ? PAWL_STEER_PAUSE : PAWL_STEER_RESUME);
}

static int resume_it(struct world *w, unsigned n)
{
    (void)n;
    return steer(w, "main", PAWL_STEER_RESUME);
}

static int retry_it(struct world *w, unsigned n)
{
    CALMLY(pawli_sim_advance_ms(w->env, 60000));
    return pawl_workflow_steer(
        w->store, &(pawl_steering){PAWL_STEERING, .kind = "k", .id = "main", .what = PAWL_STEER_RETRY, .from = n % 2},
        &(pawl_operation){PAWL_OPERATION, .reason = "test"}, NULL, &err);
}

static int fork_it(struct world *w, unsigned n)
{
    return pawl_workflow_fork(w->store, "k", "main", named('y', n), n % 2, NULL, NULL, &err);
}

static int look(struct world *w, unsigned n)
{
    pawl_workflows *one = NULL, *all = NULL;
    pawl_why *why = NULL;
    (void)n;
    int status = pawl_workflow_get(w->store, "k", "main", &one, &err);
    if (status == PAWL_OK)
        status = pawl_workflows_list(w->store, NULL, &all, &err);
    if (status == PAWL_OK)
        status = pawl_why_workflow(w->store, "k", "main", &why, &err);
    pawl_workflows_free(one);
    pawl_workflows_free(all);
    pawl_why_free(why);
    return status;
}

static int look_at_the_rest(struct world *w, unsigned n)
{
    pawl_resources *one = NULL, *all = NULL;
    pawl_kinds *sorts = NULL;
    (void)n;
    int status = pawl_resource_get(w->store, "h", &one, &err);
    if (status == PAWL_OK)
        status = pawl_resources_list(w->store, NULL, &all, &err);
    if (status == PAWL_OK)
        status = pawl_kinds_list(w->store, &sorts, &err);
    pawl_resources_free(one);
    pawl_resources_free(all);
    pawl_kinds_free(sorts);
    return status;
}

static int add_schedule(struct world *w, unsigned n)
{
    return pawl_schedule_add(
        w->store, &(pawl_schedule){PAWL_SCHEDULE, .name = named('n', n), .every_ms = 50, .kind = "k"}, NULL, &err);
}

static int fire(struct world *w, unsigned n)
{
    (void)n;
    CALMLY(pawli_sim_advance_ms(w->env, 60));
    return pawl_schedules_fire(w->store, NULL, NULL, &err);
}

static int list_schedules(struct world *w, unsigned n)
{
    pawl_schedules *schedules = NULL;
    (void)n;
    int status = pawl_schedules_list(w->store, NULL, &schedules, &err);
    assert_int_equal(schedules != NULL, status == PAWL_OK);
    pawl_schedules_free(schedules);
    return status;
}

int (*const scarce_calls[])(struct world *w, unsigned n) = {
    set_policy, add_resource, start,     start_with_record, signal_it,    claim_it, extend_it,
    go_on,      fail_it,      finish_it, cancel_it,         stop_it,      pause_it, resume_it,
    retry_it,   fork_it,      look,      look_at_the_rest,  add_schedule, fire,     list_schedules};
const size_t scarce_call_count = COUNT_OF(scarce_calls);

void prepare_scarce(struct world *w)
{
    assert_ok(pawl_resource_add(w->store, "h", NULL, &err));
    assert_ok(START(w, "main", .state = "a"));
    assert_ok(send(w, "main", "one", "1"));
    struct claim claim = take(w, "main");
    assert_ok(STEP(w, claim, NEXT, .state = "b"));
}
