/* SPDX-License-Identifier: MIT */
/* Executors: they run a program's workflows. A kind is either a state machine (advance) or an ordinary function (code, see
 * run.h); what a step does besides is committed with its checkpoint, and a step that was interrupted is made again. */
#ifndef PAWL_EXECUTOR_H
#define PAWL_EXECUTOR_H

#include "pawl/ledger.h"
#include "pawl/workflow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- one step ----
 *
 * A step was claimed, and loaded after its claim was taken. It is good until the callback returns, on its thread only; so
 * are all texts and bytes that come out of it. What its builders are given is copied; their first error comes out of the
 * commit, which is made after the callback returned.
 */
typedef struct pawl_step pawl_step;
PAWL_API const char *pawl_step_kind(const pawl_step *step);
PAWL_API const char *pawl_step_id(const pawl_step *step);
PAWL_API const char *pawl_step_state(const pawl_step *step); /* "": none */
PAWL_API const void *pawl_step_data(const pawl_step *step, size_t *ret_size);
PAWL_API uint32_t pawl_step_version(const pawl_step *step);
PAWL_API uint32_t pawl_step_attempts(const pawl_step *step); /* since progress, this one counted */
PAWL_API uint64_t pawl_step_generation(const pawl_step *step);
PAWL_API int64_t pawl_step_now_ms(const pawl_step *step); /* when the step began, Unix milliseconds */
/* The key of a call to others, another for each name: the same in every try, until the workflow goes on (next), or parks in
 * another state. */
PAWL_API pawl_uuid pawl_step_uuid(const pawl_step *step, const char *name);
/* The oldest signal of this name that nobody took; NULL: there is none. It is taken when the step commits, not before. */
PAWL_API const void *pawl_step_signal(pawl_step *step, const char *name, size_t *ret_size);
/* Why somebody asked for its end; NULL: nobody did. */
PAWL_API const char *pawl_step_cancelled(const pawl_step *step);

PAWL_API void pawl_step_hold(pawl_step *step, const char *resource);
PAWL_API void pawl_step_release(pawl_step *step, const char *resource);
PAWL_API void pawl_step_consume(pawl_step *step, const char *resource);
PAWL_API void pawl_step_message(pawl_step *step, const pawl_message *message);
PAWL_API void pawl_step_event(pawl_step *step, const pawl_event *event);
PAWL_API void pawl_step_post(pawl_step *step, const pawl_post *post);
PAWL_API void pawl_step_start(pawl_step *step, const pawl_start *start);
/* The end of each message and workflow that this step sends and starts wakes it: parked, it is due at once. Of what was there
 * before, too (a dedupe key, keep_existing), unless another one waits for it: that refuses the step (PAWL_EREFUSED). */
PAWL_API void pawl_step_await(pawl_step *step);
/* The state, and JSON, with which this step is undone when the workflow is cancelled, or fails with `compensate`: of `next` and
 * `park`. In that state it is undone when it answers `done`, or `next` in the same; then comes the one before. */
PAWL_API void pawl_step_undo(pawl_step *step, const char *state, const void *data, size_t size);
/* From here on it cannot be cancelled: refused where somebody asked for its end, so that the step behind it never comes. */
PAWL_API void pawl_step_no_return(pawl_step *step);

/* Calls fn(arg, err), and returns what it returned. Calls to others go through here: what tests a workflow (testing.h) cuts it
 * off before, behind it, and loses its answer (PAWL_EUNCERTAIN). */
typedef int pawl_call(void *arg, pawl_error *err);
PAWL_API int pawl_step_call(pawl_step *step, const char *name, pawl_call *fn, void *arg, pawl_error *err);

/*
 * What a callback returns: one of these, once, or an error. State or data NULL: as it was.
 *   next   goes on at once in this state
 *   park   waits so long; -1: until a signal comes, not at all in another state where one is there that nobody took. why:
 *          the error that it waits because of (NULL: none): counted as an attempt, kept, shown and returned to who drives; with
 *          wake_in_ms -1 it waits by the policy's backoff
 *   stuck  waits for a person, who retries or stops it
 *   done   finished, with a receipt (NULL: none); what it still holds is an error
 *   fail   ended, what it holds is released; the id may start again. Nothing is undone
 *   compensate  its undos run first, the last first, as if it were cancelled; then it failed. Without undos: fail
 *
 * An error is answered by a hook. So is one of the commit (PAWL_EREFUSED of a resource that another holds, …): nothing was changed
 * then. PAWL_ECORRUPT says that the checkpoint cannot be read: it is stuck at once. A hook that answers `next` made progress,
 * unless that is the state it was in.
 */
PAWL_API int pawl_step_next(pawl_step *step, const char *state, const void *data, size_t size);
PAWL_API int pawl_step_park(pawl_step *step, const char *state, const void *data, size_t size, int64_t wake_in_ms,
                            const pawl_error *why);
PAWL_API int pawl_step_stuck(pawl_step *step, const char *state, const void *data, size_t size, const pawl_error *why);
PAWL_API int pawl_step_done(pawl_step *step, const void *receipt, size_t size);
PAWL_API int pawl_step_fail(pawl_step *step, const pawl_error *why);
PAWL_API int pawl_step_compensate(pawl_step *step, const pawl_error *why);

typedef int pawl_advance(void *user, pawl_step *step, pawl_error *err);
typedef int pawl_hook(void *user, pawl_step *step, const pawl_error *cause, pawl_error *err);

/* ---- a kind ---- */

typedef struct pawl_run pawl_run;
/* A workflow as an ordinary function: run.h. */
typedef int pawl_code(void *user, pawl_run *run, pawl_error *err);

typedef struct pawl_kind {
    size_t struct_size; /* PAWL_KIND sets it */
    const char *name;
    uint32_t version;        /* of its states; what is older goes through upgrade first */
    pawl_advance *advance;   /* of a state machine; */
    pawl_code *code;         /* or of a function: one of them */
    pawl_hook *on_retry;     /* after an error; NULL: it parks with the policy's backoff */
    pawl_hook *on_rejection; /* after PAWL_EREJECTED; NULL: compensate; an undo that is refused is stuck */
    pawl_advance *upgrade;   /* of a checkpoint of an older version: answers `next`; NULL: that is set apart (stuck) */
    uint32_t retries;    /* behind the first attempt, since progress; 0: the policy's max_attempts. Then it is stuck */
    uint32_t rejections; /* since progress; 0: the policy's max_rejections. Then it is stuck */
    void *user;          /* for the callbacks; must outlive the executor */
} pawl_kind;
#define PAWL_KIND .struct_size = sizeof(pawl_kind)

/* ---- who runs them ---- */

typedef struct pawl_executor_event {
    size_t struct_size;
    const char *
        name; /* "step", "parked", "stuck", "finished", "failed", "lost", "claim_failed", "commit_failed"; more may come */
    const char *kind, *id, *state;
    uint64_t generation;
    const char *text; /* the error; NULL: none */
} pawl_executor_event;

typedef struct pawl_executor_options {
    size_t struct_size;                                         /* PAWL_EXECUTOR_OPTIONS sets it */
    const char *consumer;                                       /* the name under which it claims; NULL: "executor" */
    uint32_t threads;                                           /* that run steps; 0: 8; at most 1,024 */
    int64_t lease_ms;                                           /* renewed while a step runs; 0: the kind's policy */
    void (*tell)(void *data, const pawl_executor_event *event); /* on the thread that ran it; may be NULL */
    void *tell_data;
} pawl_executor_options;
#define PAWL_EXECUTOR_OPTIONS .struct_size = sizeof(pawl_executor_options)

typedef struct pawl_executor pawl_executor;

/*
 * pawl_executor_new, _register, _start: in this order; each kind once. It runs what is due of its kinds, of the handle's scope,
 *   on threads of its own, until it is stopped. Claims are lost when the process dies, whatever their lease says.
 * pawl_executor_stop: begins nothing any more; returns once what runs has made its step, or grace_ms passed (then its claims
 *   are lost when their leases end). pawl_executor_free stops it, and frees it.
 * pawl_executor_run: starts a workflow, and drives it as the next does; start and claim are one commit.
 * pawl_executor_drive: runs one workflow in this thread, started or not. until_done 0: until it parks; 1: it sleeps through
 *   parks that have a time, and waits for signals; at most wait_ms in all (0: only until it would have to wait).
 *   ret_workflow (may be NULL): how it stands then, also where an error comes back.
 *
 * Errors     of drive: that of its park or its end, in its class; PAWL_EBUSY: somebody else drives it, or it did not end in
 *            time; PAWL_ENOTFOUND
 */
PAWL_API int pawl_executor_new(pawl_store *store, const pawl_executor_options *options, pawl_executor **ret_executor,
                               pawl_error *err);
PAWL_API int pawl_executor_register(pawl_executor *executor, const pawl_kind *kind, pawl_error *err);
PAWL_API int pawl_executor_start(pawl_executor *executor, pawl_error *err);
PAWL_API void pawl_executor_stop(pawl_executor *executor, int64_t grace_ms);
PAWL_API void pawl_executor_free(pawl_executor *executor); /* NULL is fine */
PAWL_API int pawl_executor_run(pawl_executor *executor, const pawl_start *start, int until_done, int64_t wait_ms,
                               pawl_workflows **ret_workflow, pawl_error *err);
PAWL_API int pawl_executor_drive(pawl_executor *executor, const char *kind, const char *id, int until_done,
                                 int64_t wait_ms, pawl_workflows **ret_workflow, pawl_error *err);

#ifdef __cplusplus
}
#endif

#endif
