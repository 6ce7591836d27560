/* SPDX-License-Identifier: MIT */
/* Messages: durable units of delivery on a lane (a kind of work) to a target (a destination). */
#ifndef PAWL_MESSAGE_H
#define PAWL_MESSAGE_H

#include "pawl/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pawl_header {
    const char *name; /* lower case */
    const char *value;
} pawl_header;

/*
 * pawl_message: what to deliver. Everything is borrowed for the call only.
 */
typedef struct pawl_message {
    size_t struct_size; /* PAWL_MESSAGE sets it */
    const char *lane;   /* 1..128 of A-Z a-z 0-9 . _ - ; needs no creation */
    const char *target; /* as lane */
    const void *data;   /* the payload: 0..1 MiB, any bytes, delivered as they are */
    size_t data_size;
    const char *content_type; /* NULL: application/json when it parses as JSON, else application/octet-stream */
    const char *key;          /* ordering key: messages that share it go one at a time, in order; NULL: none */
    const char *dedupe;       /* unique in the queue: the same content again is the stored message; NULL: none */
    const char *sender;       /* NULL: none */
    const pawl_header *headers;
    size_t header_count;     /* at most 64 */
    int32_t priority;        /* 1 first .. 9 last; 0: 5 */
    uint32_t max_attempts;   /* 0: the policy's */
    int64_t available_at_ms; /* Unix milliseconds: earliest first attempt; 0: at once */
    int64_t delay_ms;        /* as available_at_ms, from now on; not both; 0: none */
    int64_t expires_in_ms;   /* dead when it was not delivered by then, counted from now: longer than the delay, else
                                PAWL_EINVAL; 0: the policy's age limit, counted from when it is available */
    int64_t deadline_ms;     /* Unix milliseconds, information for the receiver only; 0: none */
    pawl_uuid request_id;    /* outside a transition, in place of dedupe: bound like one; nil: none */
} pawl_message;
#define PAWL_MESSAGE .struct_size = sizeof(pawl_message)

/* What became of one message of an enqueue. Never grows: what more there is to know, pawl_message_get tells. */
typedef struct pawl_enqueued {
    pawl_uuid id;
    int32_t status;        /* PAWL_OK or PAWL_ECONFLICT */
    uint32_t was_replayed; /* it was there already: id is the stored one's, or its last successor's */
    const char *state;     /* static: "pending", or where the stored one is */
} pawl_enqueued;

/*
 * pawl_enqueue: adds messages.
 *
 * Does       All in one commit. A conflict refuses its message only, the others are added; the first one's status is
 *            returned.
 * Idempotent Same dedupe key (or request id) and same content: the stored message, was_replayed = 1.
 * Shapes     1..4096 messages; results (may be NULL) has room for as many.
 * Durable    When it returns.
 * Errors     PAWL_EINVAL     malformed: the text names message and field; nothing was added
 *            PAWL_ELIMIT     a payload over 1 MiB; nothing was added
 *            PAWL_ECONFLICT  as above
 *            PAWL_EBUSY, PAWL_EUNAVAIL  nothing was added
 *            PAWL_EUNCERTAIN outcome unknown: ask again with the same keys
 *            PAWL_EREFUSED   storage full, restored or read-only store; PAWL_EIO  storage failed
 * Outputs    results are filled on PAWL_OK and PAWL_ECONFLICT; untouched otherwise.
 */
PAWL_API int pawl_enqueue(pawl_store *store, const pawl_message *messages, size_t count, pawl_enqueued *results,
                          pawl_error *err);

/*
 * pawl_enqueue_submit: as pawl_enqueue, answered by a callback in a step of the store's engine (pawl_store_start).
 *
 * Threads    done runs on the engine's thread, no lock held; it may submit more, never block. results and error live for
 *            the call only.
 * Errors     What is wrong with the messages, and PAWL_EBUSY, are returned, and done is not called.
 */
typedef void pawl_enqueue_done(void *data, int status, const pawl_enqueued *results, size_t count,
                               const pawl_error *error);
PAWL_API int pawl_enqueue_submit(pawl_store *store, const pawl_message *messages, size_t count, pawl_enqueue_done *done,
                                 void *data, pawl_error *err);

/*
 * pawl_message_view: a message as it is stored. Texts are NULL where absent; all live as long as what they came from.
 */
typedef struct pawl_message_view {
    size_t struct_size;
    pawl_uuid id;
    const char *scope, *lane, *target, *state;
    const void *data;
    size_t data_size;
    const char *content_type, *key, *dedupe, *sender;
    const pawl_header *headers;
    size_t header_count;
    int32_t priority;
    uint32_t attempts, deferrals, crashes, max_attempts; /* max_attempts 0: the policy's */
    uint64_t seq;         /* of the record that made it; 0: enqueued outside a transition */
    uint64_t token;       /* of the claim; only in what a claim returns */
    pawl_uuid request_id; /* nil: none */
    uint8_t fingerprint[32];
    int64_t available_at_ms; /* when it is due; 0 where that means nothing */
    int64_t expires_at_ms;   /* 0: none of its own; later by as long as it was held */
    int64_t deadline_ms;
    int64_t created_at_ms, updated_at_ms, ended_at_ms; /* 0: not */
    int64_t lease_until_ms;                            /* wall now plus what is left; 0: not claimed */
    const char *claimed_by;
    const char *error_class, *error_text; /* of the last error: "transient", "permanent", "unknown", "expired" */
    int64_t error_at_ms;
    const char *remote_id;
    const char *hold; /* why it is held apart; NULL: it is not */
    const char *ended_reason, *ended_by;
    pawl_uuid superseded_by; /* nil: none */
    pawl_uuid resent_of;     /* the message that it is a copy of: a requeue made it; nil: none */
    uint32_t retries;        /* how often an operator gave it all its attempts again */
    uint32_t cap;            /* attempts at most: its own, or the policy's as it is now; here and */
    pawl_uuid created_by;    /* the request id of the record that made it: only in what pawl_message_get returns */
    const void
        *progress; /* what an attempt stored before it went on (pawl_progress): of claims, and of pawl_message_get */
    size_t progress_size;
    const char *durability; /* static: what the receiver of a delivered one vouches for, "received", "stored" or
                               "replicated"; NULL: it did not say */
    const char *phase;      /* static: what is to be done with one that has not ended, "send", "poll" or "probe" */
} pawl_message_view;

/* An attempt, or a look for the outcome of one; all of them are kept as long as the message, in the order in which they were. */
typedef struct pawl_attempt {
    size_t struct_size;
    uint32_t number; /* since the last retry by an operator; of polls and probes since it waits for its outcome */
    int64_t began_at_ms, ended_at_ms;
    const char *worker, *verdict, *error_class, *text; /* NULL where absent */
    uint32_t ordinal;  /* of all attempts, polls and probes of the message; never used again */
    uint32_t status;   /* of HTTP; 0: none */
    const char *phase; /* static: "send", "poll" or "probe" */
} pawl_attempt;

/* A page of messages, in memory of its own: views live as long as it does. NULL for an index that is not there. */
typedef struct pawl_messages pawl_messages;
PAWL_API size_t pawl_messages_count(const pawl_messages *messages);
PAWL_API const pawl_message_view *pawl_messages_get(const pawl_messages *messages, size_t index);
PAWL_API int pawl_messages_has_more(const pawl_messages *messages);         /* the limit cut it */
PAWL_API size_t pawl_messages_attempt_count(const pawl_messages *messages); /* of pawl_message_get */
PAWL_API const pawl_attempt *pawl_messages_attempt(const pawl_messages *messages, size_t index);
PAWL_API void pawl_messages_free(pawl_messages *messages);

/*
 * pawl_message_get: one message of the handle's scope, with its attempts. PAWL_ENOTFOUND when there is none.
 */
PAWL_API int pawl_message_get(pawl_store *store, const pawl_uuid *id, pawl_messages **ret_messages, pawl_error *err);

/*
 * pawl_message_find: the id of a message of the handle's scope by the text of it, or by the short form that tables show:
 * NUMBER-XXXX, its number and the last four digits of its id.
 *
 * Errors     PAWL_EINVAL  neither of them; PAWL_ENOTFOUND  no message has that short form
 */
PAWL_API int pawl_message_find(pawl_store *store, const char *text, pawl_uuid *ret_id, pawl_error *err);

typedef struct pawl_messages_query {
    size_t struct_size;                      /* PAWL_MESSAGES_QUERY sets it */
    const char *lane, *target, *state, *key; /* NULL: any */
    pawl_uuid before;                        /* older than this one; nil: from the newest */
    uint32_t limit;                          /* 1..10000; 0: 50 */
    uint32_t oldest_first;                   /* 1: in the order in which they were made */
    pawl_uuid after;                         /* newer than this one; nil: from the oldest */
    uint64_t seq;                            /* that the record of this seq made; 0: any */
    const char *ref;                         /* that records with this ref made; NULL: any */
    const char *error;                       /* whose last error has this in its text; NULL: any */
    int64_t until_ms;                        /* Unix milliseconds: ended, or else created, before; 0: whenever */
} pawl_messages_query;
#define PAWL_MESSAGES_QUERY .struct_size = sizeof(pawl_messages_query)

/*
 * pawl_messages_list: messages of the handle's scope, newest first. The next page: before = the last id of this one; after,
 * where the oldest come first. pawl_messages_has_more says whether there is one.
 *
 * Note       A page is one snapshot, the next page another: what moved in between is shown as it was when its page was read.
 *            One that cannot be read hides no other: its state is "damaged". pawl_verify says where.
 * Errors     PAWL_EINVAL  a name, key or state that cannot be
 */
PAWL_API int pawl_messages_list(pawl_store *store, const pawl_messages_query *query, pawl_messages **ret_messages,
                                pawl_error *err);

typedef struct pawl_queue_stats {
    size_t struct_size;
    const char *scope, *lane, *target;
    uint64_t pending, claimed, awaiting, uncertain, delivered, dead, cancelled;
    uint64_t due, held;       /* of those: to be sent by now; held apart (exhausted, awaiting, uncertain) */
    int64_t oldest_due_at_ms; /* since when the first of them is due; 0: none is */
    int64_t next_due_at_ms;   /* the first in the future; 0: none */
} pawl_queue_stats;

typedef struct pawl_stats pawl_stats;
PAWL_API size_t pawl_stats_count(const pawl_stats *stats);
PAWL_API const pawl_queue_stats *pawl_stats_get(const pawl_stats *stats, size_t index);
PAWL_API void pawl_stats_free(pawl_stats *stats);

/*
 * pawl_stats_read: how many messages each queue of the handle's scope has by state; only of a lane or target where these
 * are not NULL. Counts are kept; only those that are due, or held apart, are counted when it is asked.
 */
PAWL_API int pawl_stats_read(pawl_store *store, const char *lane, const char *target, pawl_stats **ret_stats,
                             pawl_error *err);

/* ---- consuming by hand ---- */

typedef struct pawl_claim_options {
    size_t struct_size; /* PAWL_CLAIM_OPTIONS sets it */
    const char *lane, *target;
    const char *consumer;       /* a name; NULL: "unnamed" */
    pawl_uuid id;               /* this one, whatever its time; nil: the next of the queue */
    uint32_t limit;             /* at most so many, 0..4096; with id: 1 */
    int64_t lease_ms;           /* 1..86 400 000; 0: the policy's */
    int64_t wait_ms;            /* how long to wait when there is nothing; 0: not at all */
    uint32_t ends_with_process; /* 1: the claim is lost when this process dies, whatever its lease says */
    uint64_t size_max;          /* no further one once their payloads have so many bytes; 0: no limit */
} pawl_claim_options;
#define PAWL_CLAIM_OPTIONS .struct_size = sizeof(pawl_claim_options)

/*
 * pawl_claim: takes messages that are due, under a token and a lease. Each counts an attempt.
 *
 * Does       First settles claims of the queue that nobody holds any more; those of other queues are their own
 *            claims' and a sweep's. What has expired is ended on the way, not taken, and the claim
 *            goes on behind it. Nothing to take: an empty page and PAWL_OK; so with limit 0.
 *            A wait sleeps in this thread, until something is due, the store wakes it, or wait_ms passed.
 * Owns       *ret_messages is freed with pawl_messages_free; each view has its token.
 * Durable    When it returns.
 * Errors     PAWL_EINVAL  a name or a number; else as pawl_enqueue. An id that is not there, not pending, held or
 *            behind its key is an empty page. What PAWL_EUNCERTAIN may have claimed comes back when its lease ends.
 */
PAWL_API int pawl_claim(pawl_store *store, const pawl_claim_options *options, pawl_messages **ret_messages,
                        pawl_error *err);

enum pawl_verdict {
    PAWL_VERDICT_DELIVERED,
    PAWL_VERDICT_RETRY,     /* failed for now */
    PAWL_VERDICT_DEAD,      /* impossible */
    PAWL_VERDICT_UNCERTAIN, /* nobody knows whether it arrived */
    PAWL_VERDICT_DEFERRED,  /* looked, sent nothing: the attempt is given back */
    PAWL_VERDICT_RELEASED,  /* nothing was started: the attempt is given back */
    PAWL_VERDICT_SUBMITTED, /* handed over; the outcome is reported later, under the same token */
    PAWL_VERDICT_EXTEND,    /* not settled: the lease is renewed */
    PAWL_VERDICT_COUNT
};

enum pawl_result {
    PAWL_RESULT_DELIVERED,
    PAWL_RESULT_REQUEUED,
    PAWL_RESULT_DEAD,
    PAWL_RESULT_UNCERTAIN,
    PAWL_RESULT_AWAITING,
    PAWL_RESULT_DEFERRED,
    PAWL_RESULT_RELEASED,
    PAWL_RESULT_EXTENDED,
    PAWL_RESULT_LOST, /* the token is no longer the claim's: nothing was changed */
    PAWL_RESULT_COUNT
};

/* How much the receiver of a delivered message vouches for, where it says so. */
enum pawl_durability {
    PAWL_DURABILITY_UNKNOWN,
    PAWL_DURABILITY_RECEIVED,   /* it was taken */
    PAWL_DURABILITY_STORED,     /* and written */
    PAWL_DURABILITY_REPLICATED, /* by more than one */
    PAWL_DURABILITY_COUNT
};

typedef struct pawl_settlement {
    size_t struct_size; /* PAWL_SETTLEMENT sets it */
    pawl_uuid id;
    uint64_t token;
    int32_t verdict;       /* enum pawl_verdict */
    const char *error;     /* up to 1 KiB is kept, cut between characters */
    const char *remote_id; /* what the receiver calls it */
    int64_t retry_in_ms;   /* RETRY, UNCERTAIN, DEFERRED: when to try again; SUBMITTED: by when the outcome must come;
                              EXTEND: the new lease */
    uint32_t has_retry_in; /* 1: retry_in_ms counts; 0: as the policy says */
    const pawl_message *messages; /* follow-ups, enqueued in the same transaction; of a transition they are its own */
    size_t message_count;
    const void *progress; /* the sink's own, up to 64 KiB, kept with the message; NULL: as it was */
    size_t progress_size;
    const char *response; /* a summary, kept with the attempt */
    uint32_t
        retry_is_least; /* 1: retry_in_ms is the least that is waited: the policy's backoff holds where it is longer,
                                and chance makes it longer, not shorter */
    uint32_t status;    /* of HTTP, that the receiver answered with; 0: none */
    int32_t durability; /* DELIVERED: enum pawl_durability */
} pawl_settlement;
#define PAWL_SETTLEMENT .struct_size = sizeof(pawl_settlement)

/* What became of one settlement. Never grows, as pawl_enqueued. */
typedef struct pawl_settled {
    int32_t result;    /* enum pawl_result */
    const char *state; /* static: where the message is now; NULL when there is no such message here */
} pawl_settled;

/*
 * pawl_settle: says what became of claimed messages. One that was lost changes nothing and fails no neighbour.
 *
 * Shapes     1..4096 settlements; results (may be NULL) has room for as many.
 * Durable    When it returns.
 * Errors     As pawl_enqueue; a lost claim is a result, not an error.
 */
PAWL_API int pawl_settle(pawl_store *store, const pawl_settlement *settlements, size_t count, pawl_settled *results,
                         pawl_error *err);

/*
 * pawl_settle_submit: as pawl_settle, answered by a callback as in pawl_enqueue_submit. Everything given is copied.
 */
typedef void pawl_settle_done(void *data, int status, const pawl_settled *results, size_t count,
                              const pawl_error *error);
PAWL_API int pawl_settle_submit(pawl_store *store, const pawl_settlement *settlements, size_t count,
                                pawl_settle_done *done, void *data, pawl_error *err);

/*
 * pawl_progress: stores what an attempt has done so far, under the token of its claim, before it goes on: the signed bytes of
 * what it is about to submit, say. Whoever claims the message next is given them, so that he submits the same. What was
 * stored before is replaced; it stays through retries, until the message ends. The claim and its lease stay as they are.
 *
 * Shapes     1 byte to 64 KiB of any bytes.
 * Durable    When it returns: submit after that.
 * Errors     PAWL_EFENCED   the claim was lost: nothing was stored, submit nothing
 *            PAWL_ENOTFOUND no such message in the handle's scope; others as pawl_enqueue
 */
PAWL_API int pawl_progress(pawl_store *store, const pawl_uuid *id, uint64_t token, const void *data, size_t data_size,
                           pawl_error *err);

PAWL_API const char *pawl_verdict_text(int verdict); /* "delivered"; NULL: no such verdict */
PAWL_API int pawl_verdict_parse(const char *text);   /* enum pawl_verdict, or -1 */
PAWL_API const char *pawl_result_text(int result);   /* "requeued"; NULL: no such result */

/* What a sweep did. */
typedef struct pawl_swept {
    size_t struct_size; /* PAWL_SWEPT sets it */
    uint32_t expired;   /* dead: past their age limit */
    uint32_t purged;    /* ended messages past their policy's keep_ms */
    uint32_t suspected; /* uncertain: an outcome that never came */
    uint32_t forgotten; /* dedupe keys past their policy's dedupe_keep_ms */
} pawl_swept;
#define PAWL_SWEPT .struct_size = sizeof(pawl_swept)

/*
 * pawl_sweep: does what time asks for, over all scopes: settles lost claims, ends messages past their age limit, doubts
 * outcomes that never came, purges what its retention no longer keeps. What waits for a date that a clock which was ahead
 * had reckoned gets one of the clock of now. After a boot or a jump of the wall clock an age counts from there, until the
 * clock ran for an hour. An age does not count how long the message's store, lane, target or queue was held, and nothing
 * ends while it is. A started worker sweeps by itself. ret_swept may be NULL. Errors as pawl_enqueue; what was swept before
 * stays swept.
 */
PAWL_API int pawl_sweep(pawl_store *store, pawl_swept *ret_swept, pawl_error *err);

#ifdef __cplusplus
}
#endif
#endif
