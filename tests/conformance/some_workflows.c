/* SPDX-License-Identifier: MIT */
#include "some_workflows.h"

#include "conformance.h"

#define CHILD "child" /* of "held" */

static void step_on(pawl_store *store, const pawl_workflow_view *claim, pawl_step_outcome outcome, const char *hold)
{
    outcome.struct_size = sizeof outcome;
    outcome.kind = claim->kind;
    outcome.id = claim->id;
    outcome.token = claim->token;
    pawl_transition *step = pawl_transition_of_step(store, &outcome);
    if (hold)
        pawl_transition_resource(step, &(pawl_resource){PAWL_RESOURCE, .id = hold, .action = PAWL_RESOURCE_HOLD});
    if (outcome.await)
        pawl_transition_start(step, &(pawl_start){PAWL_START, .kind = "k", .id = CHILD, .key = "y"});
    pawl_transition_commit(step, NULL, &err);
    pawl_transition_free(step);
}

static void claim_and_step(pawl_store *store, const char *id, pawl_step_outcome outcome, const char *hold)
{
    const pawl_workflow_claim_options options = {PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "k", .id = id, .limit = 1};
    pawl_workflows *claimed;
    if (pawl_workflow_claim(store, &options, &claimed, &err) < 0)
        return;
    for (size_t i = 0; i < pawl_workflows_count(claimed); i++)
        step_on(store, pawl_workflows_get(claimed, i), outcome, hold);
    pawl_workflows_free(claimed);
}

static int steer(pawl_store *store, const char *id, int what, unsigned n)
{
    const pawl_steering steering = {PAWL_STEERING, .kind = "k", .id = id, .what = what,
                                    .force = what == PAWL_STEER_STOP};
    return pawl_workflow_steer(store, &steering, BECAUSE(n), NULL, &err);
}

static const char *const workflow_ids[] = {"held", "paused", "cancelled", "claimed", "behind", "done", "stuck"};

uint64_t add_workflows(pawl_store *store)
{
    const pawl_setting setting = {"max_attempts", "1"};
    pawl_workflows *claimed;
    assert_ok(pawl_kind_set(store, "k", &setting, 1, BECAUSE(91), &err));
    assert_ok(pawl_resource_add(store, "r/1", "coin", &err));
    assert_ok(pawl_resource_add(store, "r/2", NULL, &err));
    for (size_t i = 0; i < COUNT_OF(workflow_ids); i++) {
        assert_ok(pawl_workflow_start(store,
                                      &(pawl_start){PAWL_START, .kind = "k", .id = workflow_ids[i], .state = "a",
                                                    .data = "{}", .data_size = 2, .version = 3,
                                                    .key = i == 3 || i == 4 ? "x" : NULL},
                                      NULL, &err));
        assert_ok(pawl_workflow_signal(
            store, &(pawl_signal){PAWL_SIGNAL, .kind = "k", .id = workflow_ids[i], .name = "go", .dedupe = "d"}, NULL,
            &err));
    }
    claim_and_step(store, "held", (pawl_step_outcome){.state = "b", .result = PAWL_STEP_PARK, .undo = "u", .await = 1},
                   "r/1");
    claim_and_step(store, "paused", (pawl_step_outcome){.no_return = 1}, NULL);
    assert_ok(steer(store, "paused", PAWL_STEER_PAUSE, 92));
    claim_and_step(store, "cancelled", (pawl_step_outcome){.undo = "u"}, NULL);
    claim_and_step(store, "cancelled", (pawl_step_outcome){.undo = "v"}, NULL);
    assert_ok(steer(store, "cancelled", PAWL_STEER_CANCEL, 93));
    claim_and_step(store, "done", (pawl_step_outcome){.result = PAWL_STEP_DONE, .receipt = "1", .receipt_size = 1},
                   NULL);
    claim_and_step(store, "stuck", (pawl_step_outcome){.result = PAWL_STEP_PARK, .error = "e"}, NULL);
    const pawl_workflow_claim_options options = {PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "k", .id = "claimed"};
    assert_ok(pawl_workflow_claim(store, &options, &claimed, &err));
    assert_int_equal(pawl_workflows_count(claimed), 1);
    uint64_t token = pawl_workflows_get(claimed, 0)->token;
    pawl_workflows_free(claimed);
    return token;
}

void look_at_workflows(pawl_store *store)
{
    pawl_workflows *workflows;
    pawl_resources *resources;
    pawl_kinds *sorts;
    pawl_why *why;
    if (pawl_workflows_list(store, NULL, &workflows, &err) == PAWL_OK)
        pawl_workflows_free(workflows);
    for (size_t i = 0; i < COUNT_OF(workflow_ids); i++) {
        if (pawl_workflow_get(store, "k", workflow_ids[i], &workflows, &err) == PAWL_OK)
            pawl_workflows_free(workflows);
        if (pawl_why_workflow(store, "k", workflow_ids[i], &why, &err) == PAWL_OK)
            pawl_why_free(why);
    }
    if (pawl_resources_list(store, NULL, &resources, &err) == PAWL_OK)
        pawl_resources_free(resources);
    if (pawl_resource_get(store, "r/1", &resources, &err) == PAWL_OK)
        pawl_resources_free(resources);
    if (pawl_kinds_list(store, &sorts, &err) == PAWL_OK)
        pawl_kinds_free(sorts);
}

void use_workflows(pawl_store *store, uint64_t token)
{
    const pawl_workflow_view claim = {.kind = "k", .id = "claimed", .token = token};
    claim_and_step(store, CHILD, (pawl_step_outcome){.result = PAWL_STEP_DONE}, NULL);
    step_on(store, &claim, (pawl_step_outcome){.keep = 1, .undo = "u"}, "r/1");
    step_on(store, &claim, (pawl_step_outcome){.result = PAWL_STEP_DONE}, "r/2");
    for (unsigned i = 0; i < COUNT_OF(workflow_ids); i++) {
        const char *id = workflow_ids[i];
        for (int what = PAWL_STEER_RESUME; what > PAWL_STEER_STOP; what--)
            steer(store, id, what, 200 + 10 * i + (unsigned)what);
        pawl_workflow_signal(store, &(pawl_signal){PAWL_SIGNAL, .kind = "k", .id = id, .name = "go", .dedupe = "d"},
                             NULL, &err);
        pawl_workflow_signal(store, &(pawl_signal){PAWL_SIGNAL, .kind = "k", .id = id, .name = "go"}, NULL, &err);
        claim_and_step(store, id, (pawl_step_outcome){.result = i % 2 ? PAWL_STEP_NEXT : PAWL_STEP_PARK}, NULL);
        pawl_workflow_fork(store, "k", id, i % 2 ? "fork1" : "fork2", i % 3, NULL, NULL, &err);
        steer(store, id, PAWL_STEER_RETRY, 300 + i);
        steer(store, id, PAWL_STEER_STOP, 320 + i);
        pawl_workflow_start(store, &(pawl_start){PAWL_START, .kind = "k", .id = id, .state = "a"}, NULL, &err);
    }
    claim_and_step(store, NULL, (pawl_step_outcome){.result = PAWL_STEP_FAIL, .error = "e"}, NULL);
    pawl_kind_set(store, "k", &(pawl_setting){"max_attempts", "2"}, 1, NULL, &err);
    pawl_transition *t = pawl_transition_new(store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Move"});
    pawl_transition_resource(t, &(pawl_resource){PAWL_RESOURCE, .id = "r/2", .action = PAWL_RESOURCE_WITHDRAW});
    pawl_transition_resource(
        t, &(pawl_resource){PAWL_RESOURCE, .id = "r/1", .action = PAWL_RESOURCE_CONSUME, .holder = "k/held"});
    pawl_transition_commit(t, NULL, &err);
    pawl_transition_free(t);
}
