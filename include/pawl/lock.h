/* SPDX-License-Identifier: MIT */
/* Named locks in the store: one holder at a time among all programs that have it open, under a lease, with a fencing token. A
 * lock is a workflow of the kind pawl.lock with the lock's name as its id, which somebody has claimed or nobody: it is listed,
 * shown, explained, paused and stopped as one. */
#ifndef PAWL_LOCK_H
#define PAWL_LOCK_H

#include "pawl/transition.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pawl_lock_options {
    size_t struct_size;         /* PAWL_LOCK_OPTIONS sets it */
    const char *name;           /* 1 to 200 of A-Z a-z 0-9 . _ - : that begin and end with a letter or a digit */
    const char *holder;         /* a name, for those who wait and who look; NULL: "unnamed" */
    int64_t lease_ms;           /* 1..86 400 000; 0: 30 000 */
    int64_t wait_ms;            /* how long to wait while somebody else has it; 0: not at all */
    uint32_t ends_with_process; /* 1: it is lost when this process dies, whatever its lease says */
} pawl_lock_options;
#define PAWL_LOCK_OPTIONS .struct_size = sizeof(pawl_lock_options)

typedef struct pawl_lock {
    size_t struct_size; /* PAWL_LOCK sets it */
    uint64_t token;     /* of this claim: what extends and releases it, and what is written under it */
    uint64_t fence;     /* for other systems: of the acquisitions of this name a later one has a greater one */
    int64_t lease_until_ms;
} pawl_lock;
#define PAWL_LOCK .struct_size = sizeof(pawl_lock)

/*
 * pawl_lock_acquire: takes the lock of this name in the handle's scope, if nobody has it, or as soon as nobody does. One whose
 *   lease is over, or whose process died, is had by nobody. It is not recursive: who has it waits for himself.
 *
 * Waits      In no order: of several that wait any one gets it.
 * Durable    When it returns.
 * Errors     PAWL_EINVAL   name, holder or a number
 *            PAWL_EBUSY    somebody else has it (the text says who, and how long its lease still runs), or it is paused, and
 *                          that was so until wait_ms were over; or the store is busy
 *            PAWL_EREFUSED storage full, restored store
 *            PAWL_EUNCERTAIN  outcome unknown: where it was acquired, it is free when its lease is over
 * Outputs    Untouched on error.
 */
PAWL_API int pawl_lock_acquire(pawl_store *store, const pawl_lock_options *options, pawl_lock *ret_lock,
                               pawl_error *err);

/*
 * pawl_lock_extend: the claim holds from now on so long (lease_ms as in the options).
 * pawl_lock_release: nobody has it any more; who waits goes on.
 *
 * A claim is lost once somebody else has the lock, a sweep found it over, or an operator stopped it: until then the holder can
 * extend and release it, even when its lease is over.
 *
 * Errors     PAWL_EFENCED  it was lost, or released: nothing is changed
 */
PAWL_API int pawl_lock_extend(pawl_store *store, const char *name, uint64_t token, int64_t lease_ms, pawl_error *err);
PAWL_API int pawl_lock_release(pawl_store *store, const char *name, uint64_t token, pawl_error *err);

/*
 * pawl_transition_lock: the transition, or step, commits only while this claim of the lock holds; a claim that is lost makes
 *   commit answer PAWL_EFENCED, and nothing of it is written. Several locks may be named. What was committed before is
 *   replayed, whoever has the lock now.
 */
PAWL_API void pawl_transition_lock(pawl_transition *transition, const char *name, uint64_t token);

#ifdef __cplusplus
}
#endif

#endif
