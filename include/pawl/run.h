/* SPDX-License-Identifier: MIT */
/* Workflows as code: an ordinary function, whose steps are recorded. It is called again from the top whenever it goes on, and
 * what was recorded is not done again: each call here gives what it gave then. So between these calls the function must
 * do the same each time: no clock, no chance, no other state. */
#ifndef PAWL_RUN_H
#define PAWL_RUN_H

#include "pawl/executor.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Every call below answers PAWL_OK, a negative status, or PAWL_SUSPENDED: it has to wait. Then the function returns at once;
 * all later calls of this run do nothing and answer the same. The name of a call is its identity: where the function meets
 * another one than is recorded at its place, the run is stopped (stuck), and both are named.
 *
 * What a call came to is recorded before anything that may depend on it goes out: in a commit that is made before the next
 * step is called, and by every call that changes something, sends or waits, and when the function returns. So the steps of a run
 * are a commit each, and now, random, uuid, version and the end of the run share one of those. A step whose process died before
 * its commit is called again: it takes its key from pawl_run_uuid, which is recorded by then.
 *
 * The function returns: PAWL_OK, it finished; PAWL_SUSPENDED; PAWL_EREJECTED, it failed (as the kind's hook says); another
 * error: it is called again after the backoff.
 */
enum { PAWL_SUSPENDED = 1 };

PAWL_API const char *pawl_run_id(pawl_run *run);
PAWL_API const void *pawl_run_input(pawl_run *run, size_t *ret_size);            /* what it was started with */
PAWL_API void pawl_run_receipt(pawl_run *run, const void *receipt, size_t size); /* what it ends with */

/* Calls fn(arg, err) until it answers PAWL_OK, or refuses (PAWL_EREJECTED): then that is recorded with the `size` bytes at
 * `result` (NULL: none), and given in every later run. Any other error is returned, for the function to return. */
PAWL_API int pawl_run_step(pawl_run *run, const char *name, pawl_call *fn, void *arg, void *result, size_t size,
                           pawl_error *err);

/*
 * pawl_run_undo: what undoes what comes next; an undo may come without it: a step may be cut off before it is called.
 * pawl_run_compensate: calls the undos, the last first, each as a step of its own. Then PAWL_EREJECTED, with the text that was in
 *   err: return it, and the run failed. An undo that is refused is for a person: stuck.
 * pawl_run_no_return: from here on it cannot be cancelled. PAWL_EREJECTED: it was.
 *
 * One that was cancelled answers PAWL_EREJECTED from its next call that would do something new.
 */
PAWL_API void pawl_run_undo(pawl_run *run, const char *name, pawl_call *fn, void *arg);
PAWL_API int pawl_run_compensate(pawl_run *run, pawl_error *err);
PAWL_API int pawl_run_no_return(pawl_run *run, const char *name, pawl_error *err);

PAWL_API int pawl_run_sleep(pawl_run *run, const char *name, int64_t ms, pawl_error *err);
/* The oldest signal of this name: at most *size bytes of it come to data, and *size is what it had; either may be NULL.
 * PAWL_ENOTFOUND: none came in wait_ms (-1: it waits for ever). */
PAWL_API int pawl_run_signal(pawl_run *run, const char *name, int64_t wait_ms, void *data, size_t *size,
                             pawl_error *err);

PAWL_API int pawl_run_hold(pawl_run *run, const char *resource, pawl_error *err);
PAWL_API int pawl_run_release(pawl_run *run, const char *resource, pawl_error *err);
PAWL_API int pawl_run_consume(pawl_run *run, const char *resource, pawl_error *err);
PAWL_API int pawl_run_post(pawl_run *run, const char *name, const pawl_post *posts, size_t count, pawl_error *err);
PAWL_API int pawl_run_event(pawl_run *run, const char *name, const pawl_event *event, pawl_error *err);

/* Sends it, and waits for its end, which wakes the run in its own commit. PAWL_EREJECTED: it is dead or cancelled. While nobody
 * knows whether it arrived the run waits. */
PAWL_API int pawl_run_send(pawl_run *run, const char *name, const pawl_message *message, pawl_error *err);
/* Starts it with the commit of this call, and waits for its end. Its id must be this one's own, unless it has keep_existing: then
 * others may share it, of whom one is woken by its end; the others look, a minute later at most. PAWL_EREJECTED: it failed, or is
 * there. Its receipt comes as a signal's data does. */
PAWL_API int pawl_run_child(pawl_run *run, const char *name, const pawl_start *start, void *receipt, size_t *size,
                            pawl_error *err);

PAWL_API int pawl_run_now_ms(pawl_run *run, const char *name, int64_t *ret_ms, pawl_error *err);
PAWL_API int pawl_run_random(pawl_run *run, const char *name, uint64_t *ret_random, pawl_error *err);
PAWL_API int pawl_run_uuid(pawl_run *run, const char *name, pawl_uuid *ret_id, pawl_error *err);
/* For code that was changed while workflows run: the highest version that the code had when it first came here, `newest` where
 * that is now; one that came by before this call was in the code has 0. */
PAWL_API int pawl_run_version(pawl_run *run, const char *name, uint32_t newest, uint32_t *ret_version, pawl_error *err);

/* Begins anew with another input: nothing recorded so far counts any more. Return what it answers. */
PAWL_API int pawl_run_continue(pawl_run *run, const void *input, size_t size, pawl_error *err);

/* ---- before a new program is deployed ---- */

/*
 * pawl_workflow_check: replays every workflow of the kinds given that runs in the handle's scope, as far as it is recorded: no
 *   call is made, nothing is written. found (may be NULL) is told of each that meets something else than is recorded.
 *   Returns 0 when there was none, 1 when there was; or an error.
 * pawl_workflow_check_main: the same as a program: "PROGRAM STORE_URL [SCOPE]" prints a line for each, and its exit status is
 *   0 or 8.
 */
typedef void pawl_diverged(void *data, const char *kind, const char *id, const char *text);
PAWL_API int pawl_workflow_check(pawl_store *store, const pawl_kind *kinds, size_t count, pawl_diverged *found,
                                 void *data, uint64_t *ret_checked, pawl_error *err);
PAWL_API int pawl_workflow_check_main(int argc, char **argv, const pawl_kind *kinds, size_t count);

#ifdef __cplusplus
}
#endif

#endif
