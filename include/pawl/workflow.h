/* SPDX-License-Identifier: MIT */
/* Workflows: operations of several steps that are taken up where they stopped. A workflow is known by its kind and its id; a
 * step is claimed, made, and committed with all that it changes, and the checkpoint behind it is where the next one begins.
 * This header is what a program in any language does by hand. */
#ifndef PAWL_WORKFLOW_H
#define PAWL_WORKFLOW_H

#include "pawl/operator.h"
#include "pawl/transition.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- starting ---- */

typedef struct pawl_start {
    size_t struct_size; /* PAWL_START sets it */
    const char *kind;   /* a name */
    const char *id;     /* 1 to 200 of A-Z a-z 0-9 . _ - : ; derive it from what the operation is about */
    const char *key;    /* ordering key: of workflows of a kind that share it one goes at a time; NULL: none */
    const char *state;  /* the name of the state that it begins in, up to 128 bytes; NULL: none */
    const void *data;   /* of that state */
    size_t data_size;
    const char *content_type; /* NULL: application/json when it parses as JSON */
    uint32_t version;         /* of the form of its states, as its program counts; 0 is one, too */
    int64_t wake_in_ms;       /* earliest first step, from now on */
    uint32_t
        keep_existing; /* 1: in a transition, one that was started with the same stays, and is the one; 0: it refuses all */
} pawl_start;
#define PAWL_START .struct_size = sizeof(pawl_start)

/* ---- what there is of a workflow ---- */

typedef struct pawl_signal_view {
    size_t struct_size;
    const char *id; /* of the signal, among those of its workflow: its dedupe key, or drawn */
    const char *name;
    const void *data;
    size_t data_size;
    const char *content_type;
    int64_t at_ms;
    uint64_t taken; /* by the step of this generation; 0: nobody took it */
} pawl_signal_view;

typedef struct pawl_step_view {
    size_t struct_size;
    uint64_t generation; /* which it made */
    const char *state;   /* the checkpoint that it began with; NULL: no state */
    const void *data;
    size_t data_size;
    const char *content_type;
    uint32_t version;
    const char *result; /* next, park, done, fail, ... */
    uint32_t attempts;
    int64_t began_at_ms, ended_at_ms;
    const char *worker, *error; /* NULL: none */
    uint64_t seq;               /* of its record; 0: it only changed its own state */
} pawl_step_view;

typedef struct pawl_workflow_view {
    size_t struct_size;
    const char *scope, *kind, *id, *key;
    const char *status; /* runnable, running, parked, stuck, finished, failed; static */
    const char *state;  /* NULL: none */
    const void *data;
    size_t data_size;
    const char *content_type;
    uint32_t version;
    uint64_t generation;     /* counts the steps that were committed */
    uint32_t attempts;       /* since it made progress last: next, or park without an error */
    uint64_t total_attempts; /* of all its steps */
    int64_t wake_at_ms;      /* when it is due; 0: it is not parked, or waits for a signal */
    struct {
        const char *error_class; /* transient, permanent, unknown, stopped, cancelled; NULL: there was no error */
        const char *text;
        int64_t at_ms;
    } last_error;
    const char *held_reason, *held_by; /* it is paused, and nobody takes it; NULL: it is not */
    int64_t held_since_ms;
    const char *cancel_reason;    /* its end was asked for, and its compensation runs; NULL: it was not */
    const char *stuck_why;        /* exhausted, crashes, rejected, stuck: its step said so; NULL: it is not */
    uint32_t waits;               /* 1: parked until a signal comes */
    uint32_t no_return;           /* 1: it cannot be cancelled any more */
    const char *const *resources; /* that it holds: their ids */
    size_t resource_count;
    const void *receipt; /* what it ended with; NULL: none */
    size_t receipt_size;
    const char *receipt_type;
    int64_t started_at_ms, updated_at_ms, ended_at_ms; /* 0: it did not end */
    const char *claimed_by;                            /* running: by this consumer, */
    int64_t lease_until_ms;                            /* until then */
    uint32_t was_replayed;                             /* of a start: it was there */
    /* Of a claim: */
    uint64_t token;
    const pawl_signal_view *signals; /* that nobody took, by arrival */
    size_t signal_count;
    const char *error; /* NULL; else it cannot be read, and nothing but kind and id means anything */
} pawl_workflow_view;

/* Workflows, in memory of their own. */
typedef struct pawl_workflows pawl_workflows;
PAWL_API size_t pawl_workflows_count(const pawl_workflows *workflows);
PAWL_API const pawl_workflow_view *pawl_workflows_get(const pawl_workflows *workflows, size_t index);
PAWL_API int pawl_workflows_has_more(const pawl_workflows *workflows);  /* of a list: its limit cut it */
PAWL_API uint64_t pawl_workflows_next(const pawl_workflows *workflows); /* `before` of the next page */
/* Of pawl_workflow_get: its steps, oldest first, and its signals, by arrival. */
PAWL_API size_t pawl_workflows_step_count(const pawl_workflows *workflows);
PAWL_API const pawl_step_view *pawl_workflows_step(const pawl_workflows *workflows, size_t index);
PAWL_API size_t pawl_workflows_signal_count(const pawl_workflows *workflows);
PAWL_API const pawl_signal_view *pawl_workflows_signal(const pawl_workflows *workflows, size_t index);
PAWL_API void pawl_workflows_free(pawl_workflows *workflows); /* NULL is fine */

/*
 * pawl_workflow_start: starts one outside a transition. The same again, with the same kind, id, key, state, version and data,
 *   gives the one that is there (was_replayed), and its receipt when it finished; with other content it is a conflict. One
 *   that failed starts anew, and its generation goes on; one that finished does where its kind says may_start_again.
 * pawl_transition_start: starts one with a transition, in its commit: one that is there and did not fail refuses it whole.
 *
 * Durable    When the call, or the commit, returns: from then on it is run, whatever becomes of this process.
 * Errors     PAWL_EINVAL, PAWL_ELIMIT; PAWL_ECONFLICT  other content; PAWL_EREFUSED  of a transition: it is there
 */
PAWL_API int pawl_workflow_start(pawl_store *store, const pawl_start *start, pawl_workflows **ret_workflow,
                                 pawl_error *err);
PAWL_API void pawl_transition_start(pawl_transition *transition, const pawl_start *start);

/* ---- resources ---- */

enum pawl_resource_action {
    PAWL_RESOURCE_ADD,     /* makes it, available; one that is there stays as it is */
    PAWL_RESOURCE_HOLD,    /* available ones only; held by the same holder already: no change */
    PAWL_RESOURCE_RELEASE, /* held by the holder: available again */
    PAWL_RESOURCE_CONSUME, /* held by the holder, or available: used up, for ever */
    PAWL_RESOURCE_WITHDRAW /* available: taken out of use */
};

typedef struct pawl_resource {
    size_t struct_size; /* PAWL_RESOURCE sets it */
    const char *id;     /* 1 to 128 of A-Z a-z 0-9 . _ - : / */
    const char *kind;   /* of ADD: a name; NULL: none */
    int32_t action;     /* enum pawl_resource_action */
    const char *holder; /* "KIND/ID" of a workflow; NULL: in a step, its own, else nobody */
} pawl_resource;
#define PAWL_RESOURCE .struct_size = sizeof(pawl_resource)

/*
 * What a transition, or a step, does to resources: all of it or nothing. What is so already is no change, and no history.
 *
 * Errors     of commit: PAWL_ENOTFOUND  no such resource, or holder; PAWL_EREFUSED  held by another, or in another state
 */
PAWL_API void pawl_transition_resource(pawl_transition *transition, const pawl_resource *resource);
PAWL_API int pawl_resource_add(pawl_store *store, const char *id, const char *kind, pawl_error *err);

typedef struct pawl_resource_view {
    size_t struct_size;
    const char *id, *kind;
    const char *state;   /* available, held, consumed, withdrawn; static */
    const char *holder;  /* "KIND/ID"; NULL: nobody */
    uint64_t generation; /* counts what was done to it */
    int64_t updated_at_ms;
    uint64_t seq;      /* of an item of its history: the record that did it; 0: none */
    const char *error; /* NULL; else it cannot be read */
} pawl_resource_view;

typedef struct pawl_resources_query {
    size_t struct_size;                /* PAWL_RESOURCES_QUERY sets it */
    const char *kind, *state, *holder; /* only these; NULL: any */
    const char *after;                 /* behind this id; NULL: from the first */
    uint32_t limit;                    /* 0: 50 */
} pawl_resources_query;
#define PAWL_RESOURCES_QUERY .struct_size = sizeof(pawl_resources_query)

typedef struct pawl_resources pawl_resources;
PAWL_API int pawl_resources_list(pawl_store *store, const pawl_resources_query *query, pawl_resources **ret_resources,
                                 pawl_error *err); /* by id */
/* One of them, and behind it its history, oldest first. PAWL_ENOTFOUND when there is none. */
PAWL_API int pawl_resource_get(pawl_store *store, const char *id, pawl_resources **ret_resources, pawl_error *err);
PAWL_API size_t pawl_resources_count(const pawl_resources *resources);
PAWL_API const pawl_resource_view *pawl_resources_get(const pawl_resources *resources, size_t index);
PAWL_API int pawl_resources_has_more(const pawl_resources *resources);
PAWL_API void pawl_resources_free(pawl_resources *resources); /* NULL is fine */

/* ---- steps by hand ---- */

typedef struct pawl_workflow_claim_options {
    size_t struct_size; /* PAWL_WORKFLOW_CLAIM_OPTIONS sets it */
    const char *kind;
    const char *id;             /* this one, whatever its time; NULL: the next of the kind */
    const char *consumer;       /* a name; NULL: "unnamed" */
    uint32_t limit;             /* at most so many, 0..4096; with id: 1 */
    int64_t lease_ms;           /* 1..86 400 000; 0: the policy's */
    int64_t wait_ms;            /* how long to wait when there is nothing; 0: not at all */
    uint32_t ends_with_process; /* 1: the claim is lost when this process dies, whatever its lease says */
} pawl_workflow_claim_options;
#define PAWL_WORKFLOW_CLAIM_OPTIONS .struct_size = sizeof(pawl_workflow_claim_options)

/* As pawl_claim: takes workflows that are due, under a token and a lease, each at the checkpoint behind its last step. */
PAWL_API int pawl_workflow_claim(pawl_store *store, const pawl_workflow_claim_options *options,
                                 pawl_workflows **ret_workflows, pawl_error *err);

enum pawl_step_result {
    PAWL_STEP_NEXT, /* goes on in this state */
    PAWL_STEP_PARK, /* waits: for a time, for a signal, or because of an error */
    PAWL_STEP_DONE, /* finished; each resource that it holds has been released, consumed or withdrawn */
    PAWL_STEP_FAIL  /* ended; what it holds is released, and its id may start anew */
};

typedef struct pawl_step_outcome {
    size_t struct_size; /* PAWL_STEP_OUTCOME sets it */
    const char *kind, *id;
    uint64_t token;          /* of the claim */
    uint64_t generation;     /* at which it was claimed; see has_generation */
    uint32_t has_generation; /* 0: it is looked up now */
    int32_t result;          /* enum pawl_step_result */
    const char *state;       /* of NEXT and PARK: from now on; NULL: as it was */
    const void *data;        /* of the state; NULL: as it was */
    size_t data_size;
    const char *content_type;
    uint32_t version;     /* of its form; see has_version */
    uint32_t has_version; /* 0: as it was */
    uint32_t keep;        /* NEXT, 1: the claim goes on, with the same token and a new lease */
    int64_t wake_in_ms;   /* PARK: see has_wake */
    uint32_t has_wake;    /* 0: with an error the policy's backoff, without one when a signal comes */
    const char *error;    /* PARK, FAIL: why; up to 1 KiB is kept */
    uint32_t rejected; /* 1: the error is a refusal for good: it counts against max_rejections, and not as an attempt */
    const void *receipt; /* DONE: what it ended with; NULL: nothing */
    size_t receipt_size;
    const char *const *take; /* ids of signals that this step took; see has_take */
    size_t take_count;
    uint32_t has_take;     /* 0: all that its claim was shown */
    uint32_t no_return;    /* NEXT, PARK, 1: from here on it cannot be cancelled; refused when somebody asked for it */
    const char *undo;      /* NEXT, PARK: the state in which this step is undone, when it is cancelled later; */
    const void *undo_data; /* JSON */
    size_t undo_data_size;
    uint32_t compensate; /* FAIL, 1: its undos run first, as if it were cancelled, with the error as reason */
    uint32_t stuck;      /* PARK, 1: it waits for a person, who retries or stops it, whatever its budget */
    uint32_t await;      /* NEXT, PARK, 1: the end of each message and workflow that is added to the step wakes it; see
                            pawl_step_await */
} pawl_step_outcome;
#define PAWL_STEP_OUTCOME .struct_size = sizeof(pawl_step_outcome)

/*
 * pawl_transition_of_step: a transition that commits a step, with all that is added to it (events, messages, posts, resources, starts of
 *   others): conditional on the token, and on the generation. One that does something has a record of type pawl.step, whose
 *   request id is made of kind, id and generation; one that only changes its own state has none, and its receipt seq 0.
 *
 * Errors     of commit: PAWL_EFENCED    the claim was lost, or its token was used: nothing is changed
 *            PAWL_ENOTFOUND  no such workflow, resource or signal
 *            PAWL_EREFUSED   DONE with a resource that is held; NO_RETURN of one that is cancelled; and what else a
 *                            transition is refused for: the claim stays
 * Returns    As pawl_transition_new; freed with pawl_transition_free.
 */
PAWL_API pawl_transition *pawl_transition_of_step(pawl_store *store, const pawl_step_outcome *outcome);
/* What the workflow is once it was committed, as pawl_workflow_view has it (static), and its generation. */
PAWL_API const char *pawl_transition_step_status(const pawl_transition *step, uint64_t *ret_generation);

/* The claim holds from now on so long. PAWL_EFENCED: it was lost. */
PAWL_API int pawl_workflow_extend(pawl_store *store, const char *kind, const char *id, uint64_t token, int64_t lease_ms,
                                  pawl_error *err);

/* ---- signals ---- */

typedef struct pawl_signal {
    size_t struct_size; /* PAWL_SIGNAL sets it */
    const char *kind, *id;
    const char *name; /* a name: what it is */
    const void *data;
    size_t data_size;
    const char *content_type;
    const char *dedupe; /* a key: the same again is the same signal, as long as the workflow lives; NULL: drawn */
    const pawl_operation
        *operation; /* an operator's, recorded in pawl.operator; NULL: a program's, which has no record */
} pawl_signal;
#define PAWL_SIGNAL .struct_size = sizeof(pawl_signal)

/*
 * pawl_workflow_signal: keeps it until a step takes it, whether anybody waits for it or not; one that is parked is due at once.
 *   ret_replayed (may be NULL): 1, it was there.
 *
 * Errors     PAWL_ENOTFOUND  no such workflow; PAWL_EREFUSED  it ended; PAWL_ECONFLICT  the dedupe key has other content
 */
PAWL_API int pawl_workflow_signal(pawl_store *store, const pawl_signal *signal, uint32_t *ret_replayed,
                                  pawl_error *err);

/* ---- reading ---- */

typedef struct pawl_workflows_query {
    size_t struct_size;              /* PAWL_WORKFLOWS_QUERY sets it */
    const char *kind, *status, *key; /* only these; NULL: any */
    uint64_t before;                 /* of an earlier page; 0: the newest */
    uint32_t limit;                  /* 0: 50 */
    uint32_t all;                    /* 1: also those that failed, and were started anew */
    int64_t since_ms;                /* Unix milliseconds: stops at the first that was started before; 0: any */
    int64_t until_ms;                /* nothing was done to it since then; 0: any */
} pawl_workflows_query;
#define PAWL_WORKFLOWS_QUERY .struct_size = sizeof(pawl_workflows_query)

PAWL_API int pawl_workflows_list(pawl_store *store, const pawl_workflows_query *query, pawl_workflows **ret_workflows,
                                 pawl_error *err); /* newest first */
/* One of them, with its steps and signals. PAWL_ENOTFOUND when there is none. */
PAWL_API int pawl_workflow_get(pawl_store *store, const char *kind, const char *id, pawl_workflows **ret_workflow,
                               pawl_error *err);

/* ---- operating ---- */

enum pawl_steer {
    PAWL_STEER_RETRY,  /* what is parked or stuck runs now, with all its attempts */
    PAWL_STEER_STOP,   /* ends it, failed, at once: what it holds is released */
    PAWL_STEER_CANCEL, /* asks for its end: its compensation runs, the last undo first; then it failed */
    PAWL_STEER_PAUSE,  /* nobody takes it, until */
    PAWL_STEER_RESUME  /* it is resumed */
};

typedef struct pawl_steering {
    size_t struct_size; /* PAWL_STEERING sets it */
    const char *kind, *id;
    int32_t what;   /* enum pawl_steer */
    uint32_t force; /* STOP: one that runs, too */
    uint64_t
        from; /* RETRY: from the step that made this generation, with the checkpoint that it began with; 0: where it is */
} pawl_steering;
#define PAWL_STEERING .struct_size = sizeof(pawl_steering)

typedef struct pawl_steered {
    size_t struct_size; /* PAWL_STEERED sets it */
    pawl_uuid request_id;
    uint32_t was_replayed;
    const char *before, *after; /* statuses; static */
} pawl_steered;
#define PAWL_STEERED .struct_size = sizeof(pawl_steered)

/*
 * pawl_workflow_steer: what an operator does to a workflow, recorded in pawl.operator.
 *
 * Errors     PAWL_ENOTFOUND; PAWL_EREFUSED  it ended, it runs, it is behind its point of no return
 */
PAWL_API int pawl_workflow_steer(pawl_store *store, const pawl_steering *steering, const pawl_operation *operation,
                                 pawl_steered *ret_steered, pawl_error *err);
/*
 * pawl_workflow_fork: a new workflow of the kind with the checkpoint that the step of this generation began with; 0: where it
 *   is. Recorded in pawl.operator; a reason may be given, and operation and ret_workflow may be NULL.
 *
 * Errors     PAWL_ENOTFOUND  no such workflow or step; PAWL_EREFUSED  a step of a function; as of pawl_workflow_start
 */
PAWL_API int pawl_workflow_fork(pawl_store *store, const char *kind, const char *id, const char *new_id,
                                uint64_t generation, const pawl_operation *operation, pawl_workflows **ret_workflow,
                                pawl_error *err);

/* What holds for all workflows of a kind, as pawl_lane_set: see pawl_kind_key for the keys. */
PAWL_API int pawl_kind_set(pawl_store *store, const char *kind, const pawl_setting *settings, size_t count,
                           const pawl_operation *operation, pawl_error *err);
typedef struct pawl_kind_view {
    size_t struct_size;
    const char *name;
    const char *policy; /* JSON object of the keys that are set */
    const char *error;  /* NULL; else it cannot be read */
} pawl_kind_view;

typedef struct pawl_kinds pawl_kinds;
PAWL_API int pawl_kinds_list(pawl_store *store, pawl_kinds **ret_kinds, pawl_error *err); /* by name */
PAWL_API size_t pawl_kinds_count(const pawl_kinds *kinds);
PAWL_API const pawl_kind_view *pawl_kinds_get(const pawl_kinds *kinds, size_t index);
PAWL_API void pawl_kinds_free(pawl_kinds *kinds); /* NULL is fine */
PAWL_API const char *pawl_kind_key(size_t index, const char **ret_default,
                                   const char **ret_meaning); /* NULL: no more */

#ifdef __cplusplus
}
#endif

#endif
