/* SPDX-License-Identifier: MIT */
/* Testing a program's workflows: a sim runs them in one thread, on a store in memory, by a clock that jumps to what is due next.
 * It kills them at each commit and at each call to others (before, behind, and with the answer lost), starts them again, and
 * compares what comes of it with what came of a run that nobody disturbed. Not part of pawl.h: a program's tests include it. */
#ifndef PAWL_TESTING_H
#define PAWL_TESTING_H

#include "pawl/executor.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The world of a run. All functions are called in the thread of pawl_sim_run; none but `begin` must be given. The store is the
 * same handle throughout a run, a store of its own for each, empty before `begin`, and gone behind `check`; nothing is started on it
 * that has threads, no worker and no executor.
 *   reset  the outside world, as new: before each run. What calls to others change must be put back here
 *   begin  what is there first: starts workflows, adds resources, sends signals
 *   idle   nothing is due now: plays the others, who settle messages and send signals, or start more. Returns 1 when it did
 *          something, 0 when not, or an error. *ret_wake_in_ms: to be asked again then at the latest; as it was (-1): when
 *          something was due again. NULL: every message is delivered
 *   check  what must hold at the end, however it came there; its error is a difference
 */
typedef struct pawl_sim_options {
    size_t struct_size;    /* PAWL_SIM_OPTIONS sets it */
    uint64_t seed;         /* of all chance in the sim: the same again is the same again */
    uint32_t double_drive; /* 1: strictly: each step is made twice, too, and more; see pawl_sim_run */
    void (*reset)(void *user);
    int (*begin)(void *user, pawl_store *store, pawl_error *err);
    int (*idle)(void *user, pawl_store *store, int64_t now_ms, int64_t *ret_wake_in_ms, pawl_error *err);
    int (*check)(void *user, pawl_store *store, pawl_error *err);
    void *user;          /* for these four */
    uint64_t point;      /* only this run, of an earlier report, and those with which it is compared; 0: all */
    uint32_t runs_max;   /* more runs with a cut than this: these are spread over all of its places; 0: no limit */
    uint32_t rounds_max; /* how often something may be driven, and `idle` asked, in a run; 0: 10,000 */
    int64_t time_max_ms; /* how long a run may take by its own clock; 0: 366 days */
} pawl_sim_options;
#define PAWL_SIM_OPTIONS .struct_size = sizeof(pawl_sim_options)

/* What a sim came to. Texts live until its next run, or its end. */
typedef struct pawl_sim_report {
    size_t struct_size;    /* PAWL_SIM_REPORT sets it */
    uint64_t runs;         /* that were made, undisturbed ones too; */
    uint64_t kills;        /* in them, of the process; */
    uint64_t lost_replies; /* and of answers to calls */
    uint64_t point;        /* of a difference: which run; see pawl_sim_options. 0: the undisturbed one */
    const char *step;      /* the step or call at which it was cut, or that did not do the same twice; "": none */
    const char *what;      /* the difference; "": none */
    const char *text;      /* all of it, with the seed and the point; never NULL behind a run */
} pawl_sim_report;
#define PAWL_SIM_REPORT .struct_size = sizeof(pawl_sim_report)

typedef struct pawl_sim pawl_sim;

/*
 * pawl_sim_new, _register, _run: in this order; each kind once, those of children too. pawl_sim_run may be called again.
 *
 * Does       Runs undisturbed, and cut at each place, at every second one twice. Where something differs, also undisturbed with another
 *            chance and at another time: what differs there, too (keys that are drawn, times), is compared by number only.
 *            With double_drive also with each step of state machines, and each step call of functions, made twice; and undisturbed
 *            again, where all must be the same to the byte: what is not was taken from elsewhere than the sim, a clock or
 *            chance of the program's own. That takes up to a second, so that whoever reads the real clock is told another one.
 *            A kill loses what was not committed, and the claim; what runs next begins at the last checkpoint.
 *            A run ends when nothing is due any more, nor will be by time alone.
 * Compares   Balances, messages (lane, target, state, content), events, records of the program's own transitions, resources
 *            (state, holder), and workflows (status, receipt). Their order, ids that pawl gives, times, and how often something
 *            was tried are not. What hooks do after an error counts: a run with a lost answer does it, the undisturbed one not.
 * Returns    0: the same end; 1: it differs, and the report says in what; or an error
 * Errors     PAWL_ELIMIT  the undisturbed run does not end: the text names what goes on; with a cut that is a difference
 *            PAWL_EREFUSED  no kind is registered, or twice; others: of `begin` and `idle`
 */
PAWL_API int pawl_sim_new(const pawl_sim_options *options, pawl_sim **ret_sim, pawl_error *err);
PAWL_API int pawl_sim_register(pawl_sim *sim, const pawl_kind *kind, pawl_error *err);
PAWL_API int pawl_sim_run(pawl_sim *sim, pawl_sim_report *ret_report, pawl_error *err);
PAWL_API void pawl_sim_free(pawl_sim *sim); /* NULL is fine */

/*
 * pawl_sim_settle: for `idle`: claims all messages that are due of a lane and a target (NULL: of all), and settles them so
 * (enum pawl_verdict). ret_wake_in_ms (may be NULL): when the next is due; -1: none. Returns how many, or an error.
 */
PAWL_API int pawl_sim_settle(pawl_store *store, const char *lane, const char *target, int32_t verdict,
                             int64_t *ret_wake_in_ms, pawl_error *err);

#ifdef __cplusplus
}
#endif

#endif
