/* SPDX-License-Identifier: MIT */
/* Transitions: a command and all that it changes, built in memory and committed whole. */
#ifndef PAWL_TRANSITION_H
#define PAWL_TRANSITION_H

#include "pawl/message.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pawl_transition pawl_transition;
typedef struct pawl_receipt pawl_receipt;

typedef struct pawl_transition_options {
    size_t struct_size;                 /* PAWL_TRANSITION_OPTIONS sets it */
    const char *type;                   /* a name: what kind of command */
    pawl_uuid request_id;               /* bound for ever; nil: one is minted */
    const char *ref;                    /* a key: what it is about, such as an order number; NULL: none */
    const char *content_type;           /* of the command; NULL: application/json when it parses as JSON */
    int64_t received_at_ms;             /* Unix milliseconds; 0: now */
    uint64_t expect_seq;                /* the seq that this record must get; another is a conflict; 0: any */
    uint64_t duration_us;               /* how long it took to decide; 0: not measured */
    const void *state_pre, *state_post; /* digests of the caller's own state before and after, up to 64 bytes each */
    size_t state_pre_size, state_post_size;
} pawl_transition_options;
#define PAWL_TRANSITION_OPTIONS .struct_size = sizeof(pawl_transition_options)

enum pawl_keep {
    PAWL_KEEP_FULL,      /* the event is stored whole */
    PAWL_KEEP_REFERENCE, /* without its body: topic, type, key and a hash */
    PAWL_KEEP_NONE       /* as reference, and no reader is shown it */
};

/* An enum pawl_keep by its word, in letters of any case; less than 0: it is none. */
PAWL_API int32_t pawl_keep_parse(const char *text);

typedef struct pawl_event {
    size_t struct_size; /* PAWL_EVENT sets it */
    const char *topic;  /* a name that may have '/' */
    const char *type;   /* a name */
    const char *key;    /* NULL: none */
    const void *data;
    size_t data_size;
    const char *content_type; /* NULL: application/json when it parses as JSON */
    uint64_t stream_seq;      /* the caller's own numbering; see has_stream_seq */
    uint32_t has_stream_seq;  /* 1: stream_seq counts; 0: none */
    int32_t keep;             /* enum pawl_keep; 0 without has_keep: what its type says (pawl_type_set), else full */
    uint32_t has_keep;        /* 1: keep counts, PAWL_KEEP_FULL too. A critical type is kept in full all the same */
} pawl_event;
#define PAWL_EVENT .struct_size = sizeof(pawl_event)

/*
 * pawl_transition_new: begins one. NULL when out of memory, which the calls below take and commit says (PAWL_ENOMEM).
 * What is wrong with it, a NULL among its arguments too, is said by commit.
 *
 * Owns       Everything given to a builder is copied.
 * Threads    A transition belongs to one thread at a time.
 */
PAWL_API pawl_transition *pawl_transition_new(pawl_store *store, const pawl_transition_options *options);
PAWL_API void pawl_transition_free(pawl_transition *transition); /* NULL is fine */

/*
 * The builders. An error is kept and comes out of commit; the first one counts. After commit they do nothing.
 *
 * Shapes     command, response, event bodies and payloads 0..1 MiB; 65,536 events, 4,096 messages, 4,096 settlements.
 */
PAWL_API void pawl_transition_command(pawl_transition *transition, const void *data, size_t size);
PAWL_API void pawl_transition_response(pawl_transition *transition, const void *response, size_t size);
PAWL_API void pawl_transition_event(pawl_transition *transition, const pawl_event *event);
PAWL_API void pawl_transition_message(pawl_transition *transition, const pawl_message *message);
PAWL_API void pawl_transition_settle(pawl_transition *transition, const pawl_settlement *settlement);

/*
 * pawl_transition_request_id: the id that it has, given or minted. Keep it: after PAWL_EUNCERTAIN it is what to ask for.
 */
PAWL_API pawl_uuid pawl_transition_request_id(const pawl_transition *transition);

/*
 * pawl_transition_commit: writes it, and all that it carries, in one transaction.
 *
 * Does       Seals the transition and leaves it the caller's: after PAWL_EBUSY or PAWL_EUNCERTAIN commit it again.
 * Idempotent Same request id and same content (type, ref, content type, command): the stored answer, replayed.
 * Durable    When it returns PAWL_OK.
 * Errors     PAWL_EINVAL      malformed: the text names the field
 *            PAWL_ELIMIT      over a size limit, named
 *            PAWL_ECONFLICT   the request id has other content (both fingerprints in the text), a dedupe key of a
 *                             message has, or expect_seq is another
 *            PAWL_EFENCED     a claim that it settles was lost
 *            PAWL_EREFUSED    not in this state: storage full, restored store
 *            PAWL_EBUSY, PAWL_EUNAVAIL  nothing was written
 *            PAWL_EUNCERTAIN  outcome unknown: commit it again, or read the record by its request id
 *            PAWL_EIO         storage failed: close the store and open it again
 * Outputs    *ret_receipt (may be NULL) is freed with pawl_receipt_free. Untouched on error.
 * Law        docs/laws.md J1, J2
 */
PAWL_API int pawl_transition_commit(pawl_transition *transition, pawl_receipt **ret_receipt, pawl_error *err);

/*
 * pawl_transition_submit: as commit, answered by a callback in a step of the store's engine, in the order of seq within
 * a scope. Takes the transition. Where it is refused at once, done is not called and the transition stays the caller's.
 *
 * Threads    done runs on the engine's thread, no lock held; it may submit more, never block. It frees the receipt, which
 *            is NULL where status is an error; error lives for the call only.
 * Errors     At once: what is malformed, PAWL_EBUSY and PAWL_ENOMEM; the others come to done, as from commit.
 */
typedef void pawl_transition_done(void *data, int status, pawl_receipt *receipt, const pawl_error *error);
PAWL_API int pawl_transition_submit(pawl_transition *transition, pawl_transition_done *done, void *data,
                                    pawl_error *err);

/* A receipt, and what it says; texts and ids live as long as it does. */
PAWL_API void pawl_receipt_free(pawl_receipt *receipt); /* NULL is fine */
PAWL_API const char *pawl_receipt_scope(const pawl_receipt *receipt);
PAWL_API uint64_t pawl_receipt_seq(const pawl_receipt *receipt);
PAWL_API pawl_uuid pawl_receipt_request_id(const pawl_receipt *receipt);
PAWL_API const uint8_t *pawl_receipt_digest(const pawl_receipt *receipt); /* 32 bytes */
PAWL_API int pawl_receipt_was_replayed(const pawl_receipt *receipt);
PAWL_API int pawl_receipt_differs(const pawl_receipt *receipt); /* replayed, and the events or messages that were given
                                                                  are not the stored ones, which hold */
PAWL_API const void *pawl_receipt_response(const pawl_receipt *receipt,
                                           size_t *ret_size);                 /* NULL: none; ret_size may be NULL */
PAWL_API const char *pawl_receipt_response_type(const pawl_receipt *receipt); /* NULL: no response */
PAWL_API size_t pawl_receipt_message_count(const pawl_receipt *receipt);
PAWL_API pawl_uuid pawl_receipt_message(const pawl_receipt *receipt,
                                        size_t index); /* in the order of building; nil: none */

/* ---- inside a caller's own SQLite transaction ---- */

/*
 * pawl_join: a caller's own SQLite connection on the database file of a store, so that its rows and a transition or
 * message commit as one. The connection must come from the copy of SQLite that libpawl links.
 */
typedef struct pawl_join pawl_join;

/*
 * pawl_join_attach: prepares a connection (a sqlite3 *), outside a transaction: sets synchronous=FULL, and queues its
 * write transactions with all others: each gets its turn, and waits for it as long as the store's busy_ms. The busy
 * handler is pawl's until pawl_join_detach, which comes before the store or the connection is closed; the connection stays
 * the caller's, and so do its hooks: those for commits, rollbacks and the log are not touched.
 *
 * Errors     PAWL_EINVAL  inside a transaction, or another file; PAWL_EUNSUPPORTED  not an SQLite store
 */
PAWL_API int pawl_join_attach(pawl_store *store, void *sqlite3_connection, pawl_join **ret_join, pawl_error *err);
PAWL_API void pawl_join_detach(pawl_join *join);

/*
 * pawl_join_append, pawl_join_enqueue: write inside the caller's transaction, which must hold the write lock (BEGIN
 * IMMEDIATE). What is answered is a promise until the caller's COMMIT; then read the record by its request id. A refusal
 * leaves the transaction usable and nothing of the call in it. ret_promise and results may be NULL.
 *
 * Threads    The connection's thread, which may not block in another call on this store until its transaction ended.
 * Errors     As pawl_transition_commit and pawl_enqueue; PAWL_EINVAL without the write lock, or for a transition of another
 *            store.
 */
PAWL_API int pawl_join_append(pawl_join *join, pawl_transition *transition, pawl_receipt **ret_promise,
                              pawl_error *err);
PAWL_API int pawl_join_enqueue(pawl_join *join, const pawl_message *messages, size_t count, pawl_enqueued *results,
                               pawl_error *err);

/*
 * pawl_join_committed: says that the caller's COMMIT returned, so that who waits for what was joined is woken: workers,
 * waiting claims and followers of the journal, in this process and in others. On SQLite the COMMIT itself wakes them, once
 * what they wait for can be read, and a ROLLBACK wakes nobody; then this finds nothing left to do, and costs nothing. It is for
 * the commit whose news could not be given (no memory, an error of the disk), and for stores that cannot see the caller's commit:
 * a program that always calls it works with all. Nothing is lost without it: who waits looks by himself in the end.
 *
 * Threads    The connection's thread.
 * Errors     PAWL_EINVAL  inside a transaction; PAWL_EBUSY  others write; PAWL_EIO, PAWL_ENOMEM  nobody was told, try again
 */
PAWL_API int pawl_join_committed(pawl_join *join, pawl_error *err);

#ifdef __cplusplus
}
#endif
#endif
