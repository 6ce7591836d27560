/* SPDX-License-Identifier: MIT */
/* Inside the worker: an engine on the store's loop.
 *
 *   survey    a job on another thread reads which queues have something due, their policies, targets and holds: those of
 *             the newest messages at once, all of them as often as they take a fifth of the time
 *   claim     for each queue with room at its target a unit takes what is due; the attempt is counted there
 *   send      each message goes to the sink of its target; nothing is sent that was not claimed, nothing is claimed that
 *             is not handed to a sink in the same step
 *   settle    what the sinks said is settled in arrays; settlements and the next claims share a commit
 *
 * Beside these run: renewal of leases at a third of their length, cancelling what is past its deadline, the sweep, and
 * telling the store now and then that somebody works here. */
#ifndef PAWLI_WORK_H
#define PAWLI_WORK_H

#include <stdio.h>

#include "base/links.h"
#include "commit/handle.h"
#include "commit/register.h"
#include "pawl/worker.h"
#include "sink/callback/callback.h"
#include "model/limits.h"
#include "sink/sink.h"
#include "work/budget.h"
#include "work/due.h"

#define CLAIM_MAX   100
#define SETTLE_MAX  1000
#define PAUSE_MS    1000  /* after a failed claim or settlement */
#define SWEEP_MS    30000 /* between two sweeps for expiry and retention */
#define SEEN_MS     60000 /* between two times that the store is told who works here */
#define SET_BACK_MS 1000  /* a wall clock that lost so much since the last survey was set back */
#define REST_POLLS  10    /* surveys that are left out where nothing is due or claimed, and what comes is told */
#define HINTS_MAX   64
#define STEP_QUEUES 1000 /* at most so many are learned, and so many tried, in one step: others want the thread too */
#define SINKS       6

#define LEASE_MIN_MS  1000 /* of a worker's own claims */
#define RENEW_TICK_MS 100  /* what is renewed takes with it what would be within so much: they share a commit */
#define LOST_MS       100  /* between two looks for claims that ended */

/* Sends in flight of a scope, over all its targets. */
struct scope {
    struct link link; /* in worker.scopes, by its name */
    unsigned targets;
    char *name;
    struct usage usage;
    struct due_scope due;
};

/* Sends in flight to a target of a scope, over all its lanes. */
struct target {
    struct link link; /* in worker.targets, by its names */
    unsigned queues;  /* that lead to it */
    struct scope *scope;
    char *name;
    struct usage usage;
    bool is_holding;      /* a hold is being set on it */
    struct due_line line; /* its queues that are due and have no room */
};

/* What there is to do in a queue: to send, to poll or to probe. All three share its target's room, and wait for it in turn. */
struct duty {
    struct due_at at; /* in worker.due */
    struct queue *queue;
    enum phase phase;
    char *url;                /* who is asked; NULL: nobody. Where it is sent to its route says */
    struct sink *sink;        /* of the first URL that one of this process serves; NULL: none does */
    struct boot_time due;     /* when a claim is worth it; BOOT_NEVER: the next survey will say */
    struct boot_time limited; /* nor until then: of its lane or target enough was */
    bool is_claiming, told_no_sink;
    uint32_t asked;            /* the limit of the claim under way */
    struct claimed_page *page; /* and where its messages will go */
};

/* What is known about a queue: as the last survey found it. */
struct queue {
    struct link link; /* in worker.by_name, by pawli_queue_hash */
    struct queue *next;
    struct worker *worker;
    char *scope, *lane, *name; /* name: of the target */
    pawl_store *store;         /* a handle of its scope */
    struct target *target;
    struct policy policy;
    char *urls, *secret_file, *headers; /* of the target: for messages without a sender */
    bool has_senders;                   /* and for the others, whose routes come with their claims */
    struct secret *secret;
    bool secret_failed;    /* and that was told */
    bool secret_doubted;   /* a receiver refused what was signed with it */
    struct boot_time held; /* until then nothing is claimed */
    bool is_listed;
    bool is_hinted;          /* told that something is ready, since the claim under way was submitted */
    struct boot_time hinted; /* when that, or news of it, came last; 0: a claim found no more since */
    struct duty duties[PHASE_COUNT];
    uint32_t in_flight;
};

struct delivery {
    struct send send;
    struct delivery *next, **link; /* in the list of those in flight */
    struct arena arena;
    struct queue *queue;
    struct claimed_page *page;
    struct secret *secret;               /* held, as the queue may learn another */
    struct sink *sink;                   /* that it was handed to last */
    struct text urls[LIMIT_URLS], tried; /* its route; and what became of those that were tried */
    size_t url_count, url_at;
    struct {
        enum verdict verdict;
        enum target_fault fault;
    } first; /* what became of the first */
    struct boot_time began, renew_at;
    int64_t lease_ms;
    uint64_t size; /* of its message, in the budget */
    bool is_cancelled, is_renewing, is_done;
};

/* Messages of one claim, kept until the last of their sends and calls is over; and room to deliver each. */
struct claimed_page {
    struct message_lease lease;
    pawl_messages *messages;
    unsigned holds;
    uint32_t used;
    struct delivery deliveries[];
};

struct survey {
    struct job job;
    struct worker *worker;
    bool is_news; /* only of queues that have new messages */
    bool is_running, is_wanted;
    bool is_read;                       /* and is being learned */
    bool finds_work;                    /* or something that only a look will tell of */
    bool began_resting;                 /* the one before found nothing */
    struct boot_time began, not_before; /* a survey takes a fifth of the time at most */
    int status;
    pawl_error error, relay_error;
    struct boot_time next_lease; /* when the first claim ends that had not */
    struct page page;
    size_t learned;
};

/* Apart from the survey, which does not wait until millions of messages were looked at. */
struct sweeping {
    struct job job;
    struct worker *worker;
    bool is_running;
    _Atomic bool shall_end;
    int status;
    pawl_error error;
    pawl_swept swept;
};

/* What schedules fire: in a job of its own, when the first of them is due. */
struct scheduling {
    struct job job;
    struct worker *worker;
    bool is_running, is_wanted; /* wanted: something may have changed since it began */
    struct wall_time next;      /* when something is due; WALL_NEVER: nothing is */
    struct boot_time at;        /* when it is looked at again */
    pawl_error error;
};

/* What the store is told of who works here: when it starts, every SEEN_MS, and when it stops. */
struct presence {
    struct worker_row row;
    struct boot_time next;
    bool is_running, was_told, has_left;
    bool failed; /* the last time, and that was said */
};

enum worker_state { WORKER_IDLE, WORKER_WORKS, WORKER_STOPS, WORKER_STOPPED };

struct worker {
    struct engine engine;
    pawl_store *store;
    struct opened *opened;
    struct listener listener;
    pawl_worker_options options;
    struct arena texts; /* the options' own */
    struct sink_rules rules;
    struct callback *callbacks;
    size_t callback_count;
    struct sink *sinks[SINKS];
    bool sink_failed[SINKS];

    _Atomic int state; /* enum worker_state */
    struct boot_time stop_by;
    pthread_mutex_t lock; /* of the stats */
    pawl_worker_stats stats;

    struct survey survey, news;
    uint64_t seen_news; /* up to what a survey of news has seen, as the store counts it */
    struct sweeping sweeping;
    struct scheduling scheduling;
    struct presence presence;
    pthread_mutex_t hint_lock;
    uint64_t hints[HINTS_MAX]; /* queues that have something ready */
    size_t hint_count;
    bool has_news; /* something happened that no hint describes */
    struct boot_time next_survey, next_sweep, next_check, next_renewal;
    struct wall_time seen_wall; /* the clocks as of the last survey */
    struct boot_time seen_boot;
    struct queue *queues;
    struct links by_name, targets, scopes;
    struct due due;                             /* of what there is to do in the queues */
    uint32_t send_max;                          /* sends at once */
    struct usage usage;                         /* of all targets */
    struct delivery *in_flight;                 /* at their sinks */
    struct delivery *finished, **finished_last; /* said, not yet settled */
    struct boot_time settle_at;                 /* after a failed settlement: not before */
    unsigned units;                             /* claims and settlements under way */
};

struct pawl_worker {
    struct worker worker;
};

/* ---- survey.c ---- */
struct boot_time pawli_survey_step(struct worker *worker, struct boot_time now); /* starts them, learns; when next */
void pawli_survey_end(struct worker *worker);                                    /* learns no more */
bool pawli_survey_is_running(const struct worker *worker);
void pawli_sweep_start(struct worker *worker);

/* ---- schedules.c ---- */
struct boot_time pawli_schedules_step(struct worker *worker, struct boot_time now); /* when next */
void pawli_worker_forget(struct worker *worker);                                    /* queues, targets and scopes */
void pawli_take_hints(struct worker *worker, struct boot_time now);

void pawli_queue_read_secret(struct queue *queue); /* where its file changed, or it is in doubt */
void pawli_replace(char **string, struct text text);
void pawli_tell_no_sink(struct duty *duty, const char *url); /* once for each URL */

/* ---- routing.c ---- */
void pawli_route_learn(struct queue *queue, const struct route *route); /* that of its target */
/* Hands the delivery to the sink of its first URL, or answers it where its route is missing, incomplete or not ready. */
void pawli_route_begin(struct delivery *delivery, const struct route *sender);
/* What was sent nowhere goes to the next URL. False: the answer stands. */
bool pawli_route_go_on(struct delivery *delivery);

/* ---- deliver.c ---- */
void pawli_claim_due(struct worker *worker, struct boot_time now);
bool pawli_settle_finished(struct worker *worker, struct boot_time now);
struct boot_time pawli_check_deliveries(struct worker *worker, struct boot_time now); /* renews, cancels */
void pawli_queue_schedule(struct queue *queue, struct boot_time now); /* after whatever says when to claim changed */
bool pawli_queue_is_claiming(const struct queue *queue);
void pawli_abandon_finished(struct worker *worker); /* what a stopped worker could not settle */

/* ---- presence.c ---- */
bool pawli_presence_init(struct worker *worker);                                   /* false: out of memory */
struct boot_time pawli_presence_tell(struct worker *worker, struct boot_time now); /* when next */
bool pawli_presence_leave(struct worker *worker); /* false: what it says is not answered yet */

/* ---- worker.c ---- */
extern const struct sink_ops *const pawli_sinks[SINKS];
struct sink *pawli_sink_for(struct worker *worker, const char *url, enum phase phase);
void pawli_tell(struct worker *worker, const pawl_worker_event *event);
void pawli_tell_error(struct worker *worker, const char *name, int level, const pawl_error *error);
void pawli_count(struct worker *worker, uint64_t *counter);

#endif
