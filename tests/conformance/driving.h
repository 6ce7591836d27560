/* SPDX-License-Identifier: MIT */
/* Shorthands of cases that drive workflows by hand. Each fails the case where a call fails that must not. */
#ifndef TESTS_DRIVING_H
#define TESTS_DRIVING_H

#include "conformance.h"

#define START(w, name, ...)                                                                                            \
    pawl_workflow_start((w)->store, &(pawl_start){PAWL_START, .kind = "k", .id = (name), __VA_ARGS__}, NULL, &err)

/* What there is of one; texts are those of what was read, which the next look frees. */
static pawl_workflows *seen_last;

static inline const pawl_workflow_view *see(const struct world *w, const char *kind, const char *id)
{
    pawl_workflows_free(seen_last);
    seen_last = NULL;
    assert_ok(pawl_workflow_get(w->store, kind, id, &seen_last, &err));
    return pawl_workflows_get(seen_last, 0);
}

static inline const char *status_of(const struct world *w, const char *id)
{
    return see(w, "k", id)->status; /* static */
}
#define assert_workflow(w, id, expected) assert_string_equal(status_of((w), (id)), (expected))

/* A claim: as much of it as a step needs. Its token is 0: there was none to be had. */
struct claim {
    char kind[8], id[16], state[16], signals[80];
    uint64_t token, generation, total;
    uint32_t attempts;
    size_t resources;
    int64_t lease_until;
};

static inline struct claim claim_with(const struct world *w, const pawl_workflow_claim_options *options)
{
    struct claim claim = {0};
    pawl_workflows *claimed;
    assert_ok(pawl_workflow_claim(w->store, options, &claimed, &err));
    const pawl_workflow_view *view = pawl_workflows_get(claimed, 0);
    if (view) {
        snprintf(claim.kind, sizeof claim.kind, "%s", view->kind);
        snprintf(claim.id, sizeof claim.id, "%s", view->id);
        snprintf(claim.state, sizeof claim.state, "%s", view->state ? view->state : "");
        for (size_t i = 0; i < view->signal_count; i++)
            snprintf(claim.signals + strlen(claim.signals), sizeof claim.signals - strlen(claim.signals), "%s ",
                     view->signals[i].id);
        claim.token = view->token;
        claim.generation = view->generation;
        claim.total = view->total_attempts;
        claim.attempts = view->attempts;
        claim.resources = view->resource_count;
        claim.lease_until = view->lease_until_ms;
        assert_string_equal(view->status, "running");
    }
    pawl_workflows_free(claimed);
    return claim;
}

#define TAKE(w, ...)                                                                                                   \
    claim_with((w), &(pawl_workflow_claim_options){PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "k", .limit = 1, __VA_ARGS__})

static inline struct claim take(const struct world *w, const char *id)
{
    struct claim claim = TAKE(w, .id = id);
    assert_true(claim.token > 0);
    return claim;
}

/* `what`: "hold a release b start c", added to the step; NULL: nothing. */
static inline void add_effects(pawl_transition *transition, const char *what, const char *holder)
{
    static const char *const actions[] = {"add", "hold", "release", "consume", "withdraw"};
    char action[16], id[16];
    int read;
    for (; what && sscanf(what, "%15s %15s%n", action, id, &read) == 2; what += read) {
        if (strcmp(action, "start") == 0)
            pawl_transition_start(transition, &(pawl_start){PAWL_START, .kind = "k", .id = id, .state = "s0",
                                                            .data = "0", .data_size = 1});
        for (int32_t i = 0; i < 5; i++)
            if (strcmp(action, actions[i]) == 0)
                pawl_transition_resource(
                    transition, &(pawl_resource){PAWL_RESOURCE, .id = id, .action = i, .holder = i ? holder : NULL});
    }
}

static inline int make_step(const struct world *w, const struct claim *claim, pawl_step_outcome outcome,
                            const char *what)
{
    outcome.struct_size = sizeof outcome;
    outcome.kind = claim->kind;
    outcome.id = claim->id;
    outcome.token = claim->token;
    outcome.generation = claim->generation;
    outcome.has_generation = 1;
    pawl_transition *step = pawl_transition_of_step(w->store, &outcome);
    add_effects(step, what, NULL);
    int status = pawl_transition_commit(step, NULL, &err);
    pawl_transition_free(step);
    return status;
}
#define STEP(w, claim, name, ...)                                                                                      \
    make_step((w), &(claim), (pawl_step_outcome){.result = PAWL_STEP_##name, __VA_ARGS__}, NULL)
#define STEP_WITH(w, claim, what, name, ...)                                                                           \
    make_step((w), &(claim), (pawl_step_outcome){.result = PAWL_STEP_##name, __VA_ARGS__}, (what))

static inline int steer(const struct world *w, const char *id, int what)
{
    return pawl_workflow_steer(w->store, &(pawl_steering){PAWL_STEERING, .kind = "k", .id = id, .what = what},
                               &(pawl_operation){PAWL_OPERATION, .reason = "test", .actor = "ops"}, NULL, &err);
}

static inline int send(const struct world *w, const char *id, const char *dedupe, const char *data)
{
    const pawl_signal signal = {PAWL_SIGNAL,
                                .kind = "k",
                                .id = id,
                                .name = "go",
                                .dedupe = dedupe,
                                .data = data,
                                .data_size = data ? strlen(data) : 0};
    return pawl_workflow_signal(w->store, &signal, NULL, &err);
}

static inline void set_kind(const struct world *w, const char *key, const char *value)
{
    assert_ok(pawl_kind_set(w->store, "k", &(pawl_setting){key, value}, 1, NULL, &err));
}

/* "available", "held k/w", "consumed" */
static inline const char *where(const struct world *w, const char *id)
{
    static char text[80];
    pawl_resources *resources;
    assert_ok(pawl_resource_get(w->store, id, &resources, &err));
    const pawl_resource_view *view = pawl_resources_get(resources, 0);
    snprintf(text, sizeof text, "%s%s%s", view->state, view->holder ? " " : "", view->holder ? view->holder : "");
    pawl_resources_free(resources);
    return text;
}
#define assert_where(w, id, expected) assert_string_equal(where((w), (id)), (expected))

/* With everything it reads given back. */
static inline void verify_all(struct world *w)
{
    pawl_workflows_free(seen_last);
    seen_last = NULL;
    verify(w);
}

#endif
