/* SPDX-License-Identifier: MIT */
/* Workers: they take due messages, hand each to the sink of its target, and settle what became of it. */
#ifndef PAWL_WORKER_H
#define PAWL_WORKER_H

#include "pawl/message.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pawl_worker pawl_worker;

/* What a worker did or met, told as it happens. Texts live for the call only. */
typedef struct pawl_worker_event {
    size_t struct_size;
    const char *name; /* what became of an attempt: "delivered", "retry", "dead", "uncertain", "awaiting", "deferred",
                          "released", "lost", and of a look that found nothing "polled", "probed"; what the worker met:
                          "no_sink", "secret_unreadable", "target_gone", "target_malformed", "swept", "sink_failed",
                          "claim_failed", "settle_failed", "renew_failed", "hold_failed", "survey_failed",
                          "sweep_failed", "register_failed", "store_failed"; more may come */
    int32_t level;    /* 0 a person must act, 1 it healed, 2 life cycle, 3 each step */
    const char *scope, *lane, *target; /* NULL where they do not apply */
    pawl_uuid message;                 /* nil where it does not apply */
    uint32_t attempt;
    int64_t duration_us;
    const char *text;   /* the error, NULL when none */
    int32_t status;     /* that the receiver answered with, of HTTP; 0: none */
    const char *answer; /* what it answered, such as "204 No Content"; NULL: nothing */
    const char *phase;  /* what was done: "send", "poll", "probe"; NULL where that does not apply */
} pawl_worker_event;

typedef struct pawl_worker_options {
    size_t struct_size;       /* PAWL_WORKER_OPTIONS sets it */
    const char *consumer;     /* the name under which it claims; NULL: "worker" */
    uint32_t all_scopes;      /* 1: of every scope; 0: of the handle's */
    const char *const *lanes; /* only these */
    size_t lane_count;        /* 0: all; at most 1024 */
    uint32_t poll_ms; /* behind the wake-ups stands a poll; 0: 1000. While nothing is due ten times less often */
    const char *const *allow_addresses; /* CIDR blocks that may be sent to though they are private or loopback */
    size_t allow_address_count;
    const char *const *allow_exec; /* folders that exist: exec: targets run programs below them only */
    size_t allow_exec_count;
    const char *const *allow_file; /* folders that exist: file: targets write below them only */
    size_t allow_file_count;
    const char *own_address; /* host:port that this process listens on: never sent to */
    const char *ca_file;     /* PEM of the authorities that https: trusts; NULL: the system's */
    void (*tell)(void *data, const pawl_worker_event *event); /* on the engine's thread; never blocks; may be NULL */
    void *tell_data;
} pawl_worker_options;
#define PAWL_WORKER_OPTIONS .struct_size = sizeof(pawl_worker_options)

/*
 * pawl_worker_new: a worker on a store; it runs on the store's engine (pawl_store_start or pawl_store_step).
 *
 * Owns       Free it before the store is closed. Everything in the options is copied; tell_data must outlive it.
 * Bounds     All targets together have at most 2048 sends and 128 MiB of messages under way, fewer sends where the process
 *            may open few descriptors; a target half of that.
 * Errors     PAWL_EINVAL  an option: the text names it; PAWL_ELIMIT  over 1024 lanes
 */
PAWL_API int pawl_worker_new(pawl_store *store, const pawl_worker_options *options, pawl_worker **ret_worker,
                             pawl_error *err);

/* What a callback says became of a message; the fields mean what those of pawl_settlement do. */
typedef struct pawl_outcome {
    size_t struct_size;
    int32_t verdict; /* enum pawl_verdict; PAWL_VERDICT_DELIVERED as it comes in; to a probe _UNCERTAIN */
    char error[1024];
    char remote_id[257];
    int64_t retry_in_ms; /* -1 as it comes in */
} pawl_outcome;

/*
 * pawl_worker_callback: messages whose target's URL is "callback:NAME" are given to this function.
 *
 * Threads    It runs on a thread of the worker's pool, several at once; it may block, and call the store.
 * Note       Register before pawl_worker_start, at most 1024, with those of pawl_worker_probe. A call past its timeout counts
 *            as uncertain; its answer is then dropped.
 */
typedef void pawl_deliver(void *data, const pawl_message_view *message, pawl_outcome *outcome);
/* name: what stands behind "callback:" in the URL; copied. data must outlive the worker. */
PAWL_API int pawl_worker_callback(pawl_worker *worker, const char *name, pawl_deliver *deliver, void *data,
                                  pawl_error *err);

/*
 * pawl_worker_probe: where a target has the setting "probe=callback:NAME" or "poll=callback:NAME", this function is asked
 * what became of a message: of one whose outcome nobody knows (the view's phase is "probe"), or of one that was handed over
 * ("poll"). It sends nothing. One name may have a function of each kind.
 *
 * Does       Its outcome's verdict says what it found: PAWL_VERDICT_DELIVERED it happened; _RETRY it did not (of a poll: it
 *            is not there, nobody knows); _DEAD it never will, give up; _UNCERTAIN, as it comes in, and all others: it could
 *            not be told, ask again. retry_in_ms: when to ask again; -1: as the policy's probe_backoff_ms says.
 * Threads    As pawl_worker_callback. A call past its timeout is asked again.
 */
typedef void pawl_probe(void *data, const pawl_message_view *message, pawl_outcome *outcome);
PAWL_API int pawl_worker_probe(pawl_worker *worker, const char *name, pawl_probe *probe, void *data, pawl_error *err);

/*
 * pawl_worker_start: begins to work. pawl_worker_stop: takes nothing new, waits up to grace_ms for what is under way, then
 * gives the rest back; when it returns, no message is claimed by this worker (but for what the store refused to take back).
 * Where the program steps the engine itself, stop steps it meanwhile: call it from the thread that steps.
 */
PAWL_API int pawl_worker_start(pawl_worker *worker, pawl_error *err);
PAWL_API void pawl_worker_stop(pawl_worker *worker, int64_t grace_ms);
PAWL_API void pawl_worker_free(pawl_worker *worker); /* stops it first; NULL is fine */

typedef struct pawl_worker_stats {
    size_t struct_size;                                                     /* PAWL_WORKER_STATS sets it */
    uint64_t claimed, delivered, requeued, dead, uncertain, deferred, lost; /* counted after their commit */
    uint32_t in_flight;                                                     /* now */
    uint64_t asked; /* how often outcomes were asked for: polls and probes; not counted in claimed */
} pawl_worker_stats;
#define PAWL_WORKER_STATS .struct_size = sizeof(pawl_worker_stats)
/* A ret_stats whose struct_size is not set is left alone. */
PAWL_API void pawl_worker_get_stats(pawl_worker *worker, pawl_worker_stats *ret_stats);

/* ---- who works ---- */

/* A worker of any process, or a consumer that has messages claimed by hand. */
typedef struct pawl_worker_view {
    size_t struct_size;
    const char *consumer;     /* the name under which it claims */
    const char *scope;        /* NULL: all of them */
    const char *const *lanes; /* that it claims from; by hand: that it has claims of */
    size_t lane_count;        /* 0: all */
    const char *const *sinks; /* what it sends to and asks: schemes of URLs, whole URLs of callbacks, behind "probe:"
                                 where they are asked; by hand: none */
    size_t sink_count;
    uint64_t pid;         /* of its process, as that knows it; 0: not known */
    int64_t since_ms;     /* Unix milliseconds: when it started; by hand: of its first claim */
    int64_t last_seen_ms; /* when it told of itself, to a minute; by hand: of its last claim or extend */
    int64_t stopped_ms;   /* when it said that it stops; 0: it did not */
    uint64_t claims;      /* messages that are claimed by it now */
    uint32_t is_alive;    /* it works; 0: it stopped, or its process is gone; by hand: nobody knows */
    uint32_t is_by_hand;
} pawl_worker_view;

/* In memory of its own: views live as long as it does. NULL for an index that is not there. */
typedef struct pawl_workers pawl_workers;
PAWL_API size_t pawl_workers_count(const pawl_workers *workers);
PAWL_API const pawl_worker_view *pawl_workers_get(const pawl_workers *workers, size_t index);
PAWL_API void pawl_workers_free(pawl_workers *workers); /* NULL is fine */

/*
 * pawl_workers_list: who works, or did: first those who do, then those who are gone, then claims by hand, by consumer and
 * scope. Those who are gone are kept for 30 days, at most a hundred of them; not where another took the place: the same
 * consumer, scope, lanes and sinks. Claims by hand whose lease ended are not counted.
 *
 * Shapes     scope: only who may claim of it; NULL: all of the store.
 * Owns       *ret_workers is freed with pawl_workers_free.
 * Errors     PAWL_EINVAL  a scope that cannot be
 */
PAWL_API int pawl_workers_list(pawl_store *store, const char *scope, pawl_workers **ret_workers, pawl_error *err);

#ifdef __cplusplus
}
#endif
#endif
