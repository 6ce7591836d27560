/* SPDX-License-Identifier: MIT */
/* Reading the journal: records, events, and the proof that nothing was changed. */
#ifndef PAWL_JOURNAL_H
#define PAWL_JOURNAL_H

#include "pawl/operator.h"
#include "pawl/transition.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An event as it is stored. Texts live as long as the page. data is NULL unless keep is full. */
typedef struct pawl_event_view {
    size_t struct_size;
    uint64_t seq;   /* of its record */
    uint32_t index; /* of its emission; never renumbered */
    int32_t keep;   /* enum pawl_keep */
    const char *topic, *type, *key, *content_type;
    const void *data;
    size_t data_size;
    uint64_t stream_seq;
    uint32_t has_stream_seq;
    const char *error; /* NULL; else its record cannot be read, and nothing but seq means anything */
} pawl_event_view;

typedef struct pawl_record {
    size_t struct_size;
    const char *scope;
    uint64_t seq;
    pawl_uuid request_id;
    const char *type, *ref, *content_type;
    const void *data; /* the command; NULL: pruned */
    size_t data_size;
    const char *response_type;
    const void *response; /* NULL: none */
    size_t response_size;
    const void *state_pre, *state_post; /* NULL: none */
    size_t state_pre_size, state_post_size;
    uint64_t duration_us;
    int64_t received_at_ms, committed_at_ms;
    uint64_t epoch;
    uint8_t fingerprint[32], digest[32];
    const pawl_uuid *messages;
    size_t message_count;
    const pawl_event_view *events; /* pawl_record_event finds each */
    size_t event_count;
    const char *error; /* in a list: why it cannot be read; then nothing but scope and seq means anything. NULL: it can */
    const char *effects; /* a JSON object: what it did besides, each kind in its own words; NULL: nothing */
} pawl_record;

/* The event at a place of record->events; its own index may be another, where some are kept without. */
PAWL_API const pawl_event_view *pawl_record_event(const pawl_record *record, size_t index);

/* A page of records, in memory of its own: views live as long as it does. NULL for an index that is not there. */
typedef struct pawl_records pawl_records;
PAWL_API size_t pawl_records_count(const pawl_records *records);
PAWL_API const pawl_record *pawl_records_get(const pawl_records *records, size_t index);
PAWL_API int pawl_records_has_more(const pawl_records *records);
PAWL_API void pawl_records_free(pawl_records *records);

/*
 * pawl_record_get: one record of the handle's scope, by seq, or by request id where seq is 0 (then request_id is not NULL).
 *
 * Owns       *ret_records, with one record, is freed with pawl_records_free.
 * Errors     PAWL_ENOTFOUND; PAWL_EINVAL: neither is given; PAWL_ECORRUPT: this record cannot be read
 */
PAWL_API int pawl_record_get(pawl_store *store, const pawl_uuid *request_id, uint64_t seq, pawl_records **ret_records,
                             pawl_error *err);

/*
 * pawl_record_exists: 1 when the request id is bound in the handle's scope, 0 when not, or a status.
 */
PAWL_API int pawl_record_exists(pawl_store *store, const pawl_uuid *request_id, pawl_error *err);

typedef struct pawl_records_query {
    size_t struct_size;    /* PAWL_RECORDS_QUERY sets it */
    uint64_t after_seq;    /* oldest first, from behind this one; 0: the first */
    uint64_t before_seq;   /* newest first, from before this one; 0: the newest */
    uint32_t newest_first; /* 1: before_seq counts; 0: after_seq does */
    uint32_t limit;        /* 1..10000; 0: 50 */
    int64_t since_ms;      /* only what was committed then or later; newest first: stops at the first before; 0: any */
    const char *ref;       /* only with this ref; NULL: any */
    const char *type;      /* only of this type; NULL: any */
} pawl_records_query;
#define PAWL_RECORDS_QUERY .struct_size = sizeof(pawl_records_query)

/*
 * pawl_records_list: records of the handle's scope. Every seq up to the last is there, so whoever reads from the last one
 * that it saw misses none and sees none twice. By ref or type it goes through an index, and newest first by time too: it ends at the first before.
 */
PAWL_API int pawl_records_list(pawl_store *store, const pawl_records_query *query, pawl_records **ret_records,
                               pawl_error *err);

/* Where a reader of events is: behind the event `index` of record `seq`; index PAWL_WHOLE_RECORD: behind all of them. */
#define PAWL_WHOLE_RECORD UINT32_MAX
typedef struct pawl_cursor {
    uint64_t seq;
    uint32_t index;
} pawl_cursor;

typedef struct pawl_events_query {
    size_t struct_size; /* PAWL_EVENTS_QUERY sets it */
    const char *topic;  /* NULL: any */
    const char *key;    /* NULL: any */
    pawl_cursor after;  /* seq 0: from the beginning */
    uint32_t limit;     /* 1..10000; 0: 50 */
    const char *key_prefix; /* only events whose key begins so; NULL: any */
} pawl_events_query;
#define PAWL_EVENTS_QUERY .struct_size = sizeof(pawl_events_query)

typedef struct pawl_events pawl_events;
PAWL_API size_t pawl_events_count(const pawl_events *events);
PAWL_API const pawl_event_view *pawl_events_get(const pawl_events *events, size_t index);
PAWL_API pawl_cursor pawl_events_next(const pawl_events *events); /* where to read on, even behind an empty page */
PAWL_API int pawl_events_has_more(const pawl_events *events);
PAWL_API void pawl_events_free(pawl_events *events);

/*
 * pawl_events_read: events of the handle's scope, in order, from a cursor. Scans forward from it, nothing more.
 *
 * Errors     PAWL_EINVAL  the cursor is past the last record
 */
PAWL_API int pawl_events_read(pawl_store *store, const pawl_events_query *query, pawl_events **ret_events,
                              pawl_error *err);

/*
 * pawl_journal_wait: sleeps until the handle's scope has a record behind after_seq, or wait_ms passed. The commit of a
 * record wakes it, in whatever process it was made, and in a caller's own transaction too; other commits do not.
 * Returns 1 when there is one, 0 when not, or a status.
 */
PAWL_API int pawl_journal_wait(pawl_store *store, uint64_t after_seq, int64_t wait_ms, pawl_error *err);

/*
 * pawl_journal_prune: drops the bodies of the records before before_seq: commands, responses, and those of events. Records,
 *   events, effects and hashes stay, so the chain is what it was, and pawl_verify proves it. Not undone: a snapshot must
 *   stand at or behind the last of them, whose bytes are all there, and no subscription that is relayed before it. Needs a reason.
 *   In commits of some hundreds, each a record in pawl.operator; repeated under its request id it goes on where it stopped.
 *   A receipt of a pruned record that is asked for again is the same, without its response.
 *
 * Errors     PAWL_EINVAL  the record before it is not there; PAWL_EREFUSED  see above; PAWL_ECORRUPT  the snapshot
 * Outputs    *ret_pruned (may be NULL): how many records
 * Law        docs/laws.md J1, J3
 */
PAWL_API int pawl_journal_prune(pawl_store *store, uint64_t before_seq, const pawl_operation *operation,
                                uint64_t *ret_pruned, pawl_error *err);

/* What a verification found in one scope. */
typedef struct pawl_verified {
    size_t struct_size;
    const char *scope;
    uint64_t records; /* that were checked */
    uint32_t is_ok;
    uint64_t first_bad_seq; /* 0 when ok, or when what is bad is no record */
    const char *what;       /* what is wrong; NULL when ok */
} pawl_verified;

/* One entry a scope, in memory of its own. */
typedef struct pawl_verification pawl_verification;
PAWL_API size_t pawl_verification_count(const pawl_verification *verification);
PAWL_API const pawl_verified *pawl_verification_get(const pawl_verification *verification, size_t index);
PAWL_API void pawl_verification_free(pawl_verification *verification);

/*
 * pawl_verify: recomputes the chain of every scope (of one, where scope is not NULL): each record's fingerprint and
 * digests, gapless sequences, the head; and checks that every message is in exactly one place and counted, and that it and
 * the record that made it name each other. All in one snapshot, whatever is written meanwhile. progress may be NULL; it is
 * told how many records and messages were checked.
 *
 * Errors     PAWL_ECORRUPT  something does not fit; *ret_verification says what, and is filled all the same
 * Law        docs/laws.md J3
 */
PAWL_API int pawl_verify(pawl_store *store, const char *scope, void (*progress)(void *data, uint64_t checked),
                         void *data, pawl_verification **ret_verification, pawl_error *err);

#ifdef __cplusplus
}
#endif
#endif
