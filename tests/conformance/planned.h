/* SPDX-License-Identifier: MIT */
/* A state machine whose steps do what a case planned, driven in this thread: a, b, c, done; in b it is the case's. */
#ifndef TESTS_PLANNED_H
#define TESTS_PLANNED_H

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

static inline int advance(void *user, pawl_step *step, pawl_error *error)
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

static inline int hook(void *user, pawl_step *step, const pawl_error *cause, pawl_error *error)
{
    (void)user;
    plan.hook_calls++;
    plan.cause = cause->status;
    return plan.hook(step, cause, error);
}

static pawl_executor *executor;

static inline void open_with(struct world *w, pawl_kind kind)
{
    kind.struct_size = sizeof kind;
    kind.name = kind.name ? kind.name : "k";
    kind.advance = kind.advance ? kind.advance : advance;
    if (!executor)
        assert_ok(pawl_executor_new(w->store, NULL, &executor, &err));
    assert_ok(pawl_executor_register(executor, &kind, &err));
}
#define OPEN(w, ...) open_with((w), (pawl_kind){__VA_ARGS__})

static inline void begin(struct world *w)
{
    memset(&plan, 0, sizeof plan);
    pawl_executor_free(executor); /* of a case that failed */
    executor = NULL;
    assert_ok(pawl_resource_add(w->store, "r", NULL, &err));
    assert_ok(START(w, "w", .state = "a", .data = "1", .data_size = 1));
}

static inline void end(struct world *w)
{
    pawl_executor_free(executor);
    executor = NULL;
    verify_all(w);
}

/* Until it parks; or, until it is done, in so many milliseconds of the simulated clock. */
static inline int drive(const char *id)
{
    return pawl_executor_drive(executor, "k", id, 0, 0, NULL, &err);
}

static inline int drive_until_done(const char *id, int64_t ms)
{
    return pawl_executor_drive(executor, "k", id, 1, ms, NULL, &err);
}

static inline void assert_state_is(const struct world *w, const char *state)
{
    assert_string_equal(see(w, "k", "w")->state, state);
}

#endif
