/* SPDX-License-Identifier: MIT */
/* What operators do: moves of single messages, policies, targets, holds. Each is recorded in the scope "pawl.operator" of
 * the store, idempotent by its request id. */
#ifndef PAWL_OPERATOR_H
#define PAWL_OPERATOR_H

#include "pawl/message.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a move did. */
typedef struct pawl_moved {
    size_t struct_size;   /* PAWL_MOVED sets it */
    pawl_uuid request_id; /* given or minted */
    uint32_t was_replayed;
    const char *before, *after; /* states; static */
    pawl_uuid successor;        /* of a requeue; else nil */
} pawl_moved;
#define PAWL_MOVED .struct_size = sizeof(pawl_moved)

/*
 * pawl_message_retry: lets a dead message, or one that is set aside (exhausted, crashes), be sent again: the same under the same
 *   id, its attempts and its age counted anew. Refused when its own expires_in_ms passed.
 * pawl_message_requeue: retires a pending, uncertain or dead message in favour of a new one with the same route, key,
 *   priority, headers and payload, which names it (resent_of).
 * pawl_message_resend: as requeue; of a delivered message, which stays as it is, it makes such a copy.
 * pawl_message_cancel: retires a pending, uncertain or dead message.
 * pawl_message_resolve: says what became of an uncertain message: PAWL_VERDICT_DELIVERED, _RETRY (it did not happen; at
 *   the cap it is dead) or _DEAD (give up); of an awaiting one: PAWL_VERDICT_DELIVERED or _DEAD.
 * pawl_message_purge: removes an ended message; its dedupe key stays bound as long as the policy says. Refused while it
 *   holds its ordering key, or its dedupe key leads to a successor that is kept.
 *
 * Outputs    ret_moved may be NULL. Untouched on error.
 * Idempotent The same request id gives the stored answer; under another the move is judged by the state.
 * Errors     PAWL_ENOTFOUND, PAWL_EREFUSED (not in this state), PAWL_EINVAL (no reason)
 */
PAWL_API int pawl_message_cancel(pawl_store *store, const pawl_uuid *id, const pawl_operation *operation,
                                 pawl_moved *ret_moved, pawl_error *err);
PAWL_API int pawl_message_retry(pawl_store *store, const pawl_uuid *id, const pawl_operation *operation,
                                pawl_moved *ret_moved, pawl_error *err);
PAWL_API int pawl_message_requeue(pawl_store *store, const pawl_uuid *id, const pawl_operation *operation,
                                  pawl_moved *ret_moved, pawl_error *err);
PAWL_API int pawl_message_resend(pawl_store *store, const pawl_uuid *id, const pawl_operation *operation,
                                 pawl_moved *ret_moved, pawl_error *err);
PAWL_API int pawl_message_resolve(pawl_store *store, const pawl_uuid *id, int32_t outcome,
                                  const pawl_operation *operation, pawl_moved *ret_moved, pawl_error *err);
PAWL_API int pawl_message_purge(pawl_store *store, const pawl_uuid *id, const pawl_operation *operation,
                                pawl_moved *ret_moved, pawl_error *err);

/* ---- many messages ---- */

enum pawl_move { PAWL_MOVE_RETRY, PAWL_MOVE_REQUEUE, PAWL_MOVE_CANCEL, PAWL_MOVE_RESOLVE, PAWL_MOVE_PURGE };

/* What a move by filter did, over all its parts. */
typedef struct pawl_moves_done {
    size_t struct_size;               /* PAWL_MOVES_DONE sets it */
    pawl_uuid request_id;             /* given or minted */
    uint64_t matched, moved, refused; /* refused: not in a state to be moved */
    uint32_t was_replayed;            /* all of it was done before */
} pawl_moves_done;
#define PAWL_MOVES_DONE .struct_size = sizeof(pawl_moves_done)

/* Told after each part. 0: go on; else it stops there, which is no error: the same again goes on. */
typedef int pawl_moves_progress(void *data, const pawl_moves_done *so_far);

typedef struct pawl_moves {
    size_t struct_size;               /* PAWL_MOVES sets it */
    int32_t kind;                     /* enum pawl_move */
    int32_t outcome;                  /* of PAWL_MOVE_RESOLVE, as in pawl_message_resolve */
    uint32_t again;                   /* 1: PAWL_MOVE_REQUEUE takes delivered messages too, as pawl_message_resend */
    uint32_t dry_run;                 /* 1: nothing is moved, only counted */
    const pawl_messages_query *which; /* at least one of its fields; its limit and order mean nothing here */
    uint64_t limit;                   /* moves at most so many; 0: all that there are */
    pawl_moves_progress *progress;    /* after each part; NULL: none */
    void *data;                       /* for progress */
} pawl_moves;
#define PAWL_MOVES .struct_size = sizeof(pawl_moves)

/*
 * pawl_messages_move: moves the messages that a filter finds, oldest first: those that there are when it begins.
 *
 * Does       In commits of at most 1,000 messages, each with a record that names the operation (its request id) and part.
 *            A message that is not in a state to be moved is counted and hinders no other.
 * Idempotent Repeated under its request id it answers what it did, or goes on where it stopped.
 * Outputs    ret_done may be NULL; on error it has what was done so far.
 * Errors     As of the single moves. PAWL_EINVAL  no reason, or no filter; PAWL_ECONFLICT  the request id had another filter
 */
PAWL_API int pawl_messages_move(pawl_store *store, const pawl_moves *moves, const pawl_operation *operation,
                                pawl_moves_done *ret_done, pawl_error *err);

/* ---- policies and targets ---- */

/* One key of a policy (see pawl_policy_key); an empty value unsets it. */
typedef struct pawl_setting {
    const char *key, *value;
} pawl_setting;

/* The keys that there are: 0, 1, … until NULL; with default and meaning, where these are not NULL. All static. */
PAWL_API const char *pawl_policy_key(size_t index, const char **ret_default, const char **ret_meaning);

/* The presets that there are, as the keys: with meaning and what they set, where these are not NULL. All static. */
PAWL_API const char *pawl_policy_preset(size_t index, const char **ret_meaning, const pawl_setting **ret_settings,
                                        size_t *ret_count);

/*
 * pawl_lane_set: sets keys of a lane's policy; the others stay. It counts for what is decided from then on. A reason may
 * be given, here and below, unless a call says that it needs one. The key "preset" sets all that its value names, in its
 * place among the settings: what stands behind it beats it.
 *
 * Errors     PAWL_EINVAL  the text names the key, the hint what it takes; nothing was changed
 */
PAWL_API int pawl_lane_set(pawl_store *store, const char *lane, const pawl_setting *settings, size_t count,
                           const pawl_operation *operation, pawl_error *err);

/*
 * pawl_target_add: says where a target's messages go. The scheme of the URL picks the sink: http, https, exec, file,
 *   callback. secret_file (may be NULL) names a file, read by the process that sends. One that is there with the same values
 *   is left as it is, and nothing is written; with other values it is a conflict. url NULL: only keys of its policy are set.
 *   A setting "header:NAME" is no key of its policy but a header that is sent with every message; one of the message's own
 *   beats it. "probe" and "poll" are URLs (http, https, exec, callback): who is asked whether a message happened whose
 *   outcome nobody knows, before it is sent again; and what became of one that was handed over.
 * pawl_target_set: changes what is given: url and secret_file where not NULL ("": no secret), headers, and keys of its policy.
 * pawl_target_remove: forgets all that: messages for it wait (see pawl_why_message) until it is added again, or taken by
 *   hand.
 *
 * Errors     PAWL_EINVAL     the URL has no sink, or a setting is wrong; paths and addresses are judged by who sends
 *            PAWL_ECONFLICT  pawl_target_add: it is there, with other values
 *            PAWL_ENOTFOUND  pawl_target_set of a place, pawl_target_remove: no target has that name
 */
PAWL_API int pawl_target_add(pawl_store *store, const char *target, const char *url, const char *secret_file,
                             const pawl_setting *settings, size_t count, const pawl_operation *operation,
                             pawl_error *err);
PAWL_API int pawl_target_set(pawl_store *store, const char *target, const char *url, const char *secret_file,
                             const pawl_setting *settings, size_t count, const pawl_operation *operation,
                             pawl_error *err);
PAWL_API int pawl_target_remove(pawl_store *store, const char *target, const pawl_operation *operation,
                                pawl_error *err);

/* Where messages go, and with what: those of one sender to a target, or those without one. */
typedef struct pawl_route {
    size_t struct_size; /* PAWL_ROUTE sets it */
    const char *target; /* required */
    const char *sender; /* NULL: of messages that have none */
    const char *const
        *urls; /* at most 8, in the order in which they are tried: the next one only where nothing was sent */
    size_t url_count;
    const char *secret_file;      /* as in pawl_target_add. That of the target never goes for a sender's route. */
    const pawl_setting *settings; /* "header:NAME"; without a sender keys of the target's policy, too */
    size_t setting_count;
} pawl_route;
#define PAWL_ROUTE .struct_size = sizeof(pawl_route)

/*
 * pawl_route_add: as pawl_target_add, with several URLs, or for a sender. A message with a sender goes by the route of that
 *   sender or not at all, one without by that of its target. A target that is not there is made. What was put off because
 *   the sender was not ready is due at once; where the process ends before that, the same again does it.
 * pawl_route_set: changes what is given, as pawl_target_set.
 * pawl_sender_remove: the sender is gone: what waits for it longer than the policy's gone_ms is dead (sender_gone), unless
 *   it is added again. pawl_target_remove forgets the routes of all senders, and makes none of them gone.
 *
 * Errors     As of those. PAWL_EINVAL  an incomplete route: without a URL; PAWL_ELIMIT  over 8 URLs
 *            PAWL_ENOTFOUND  set and remove: the target has no route of that sender
 */
PAWL_API int pawl_route_add(pawl_store *store, const pawl_route *route, const pawl_operation *operation,
                            pawl_error *err);
PAWL_API int pawl_route_set(pawl_store *store, const pawl_route *route, const pawl_operation *operation,
                            pawl_error *err);
PAWL_API int pawl_sender_remove(pawl_store *store, const char *target, const char *sender,
                                const pawl_operation *operation, pawl_error *err);

typedef struct pawl_lane_view {
    size_t struct_size;
    const char *name;
    const char *policy; /* JSON object of the keys that are set */
} pawl_lane_view;

typedef struct pawl_target_view {
    size_t struct_size;
    const char *name;
    const char *url, *secret_file; /* NULL: none */
    const char *policy;            /* as of a lane */
    const char *headers;           /* JSON object, sent with every message; NULL: none */
    const char *urls;              /* JSON array, where there are several; else NULL */
    const char *probe, *poll;      /* URLs; NULL: none */
} pawl_target_view;

typedef struct pawl_sender_view {
    size_t struct_size;
    const char *target, *sender;
    const char *url, *urls, *secret_file, *headers; /* as of a target */
    int64_t removed_at_ms;                          /* 0: it was not */
} pawl_sender_view;

typedef struct pawl_hold_view {
    size_t struct_size;
    const char *kind;                  /* "store", "lane", "target", "queue", "message" */
    const char *scope, *lane, *target; /* NULL where it does not apply */
    pawl_uuid message;                 /* of kind "message" */
    const char *code; /* "paused", "gone", "restored", "exhausted", "crashes", "uncertain", "awaiting" */
    const char *reason, *by;
    int64_t since_ms, until_ms; /* until 0: until it is released */
} pawl_hold_view;

/* All of one of them, in memory of its own: what pawl_lanes_list gave is read with pawl_settings_lane, and so on. NULL for
 * an index that is not there. Of the handle's scope; holds of the store too. */
typedef struct pawl_settings pawl_settings;
PAWL_API size_t pawl_settings_count(const pawl_settings *settings);
PAWL_API const pawl_lane_view *pawl_settings_lane(const pawl_settings *settings, size_t index);
PAWL_API const pawl_target_view *pawl_settings_target(const pawl_settings *settings, size_t index);
PAWL_API const pawl_sender_view *pawl_settings_sender(const pawl_settings *settings, size_t index);
PAWL_API const pawl_hold_view *pawl_settings_hold(const pawl_settings *settings, size_t index);
PAWL_API void pawl_settings_free(pawl_settings *settings);
PAWL_API int pawl_lanes_list(pawl_store *store, pawl_settings **ret_settings, pawl_error *err);
PAWL_API int pawl_targets_list(pawl_store *store, pawl_settings **ret_settings, pawl_error *err);
/* Of one target; NULL: of all. Those that were removed, too. */
PAWL_API int pawl_senders_list(pawl_store *store, const char *target, pawl_settings **ret_settings, pawl_error *err);
PAWL_API int pawl_holds_list(pawl_store *store, pawl_settings **ret_settings, pawl_error *err);

/* ---- holds ---- */

/* What is held: a lane, a target, both (their queue), or neither: the store. A message that is held by itself moves on by
 * pawl_message_retry, _requeue, _cancel or _resolve. */
typedef struct pawl_subject {
    size_t struct_size; /* PAWL_SUBJECT sets it */
    const char *lane, *target;
} pawl_subject;
#define PAWL_SUBJECT .struct_size = sizeof(pawl_subject)

/*
 * pawl_hold_set: nothing of the subject moves until it is released, or until_ms (Unix milliseconds; 0: no end). The code
 * is a name such as "paused"; one hold of each code: the same code again replaces reason and end. Needs a reason. What
 * waits meanwhile does not age; what waited through a part of several holds of a subject may be given more time than it was
 * held, never less.
 */
PAWL_API int pawl_hold_set(pawl_store *store, const pawl_subject *subject, const char *code, int64_t until_ms,
                           const pawl_operation *operation, pawl_error *err);

/*
 * pawl_hold_release: releases the subject's holds; only those of a code where that is not NULL. Needs a reason.
 *
 * Errors     PAWL_ENOTFOUND  nothing holds it
 */
PAWL_API int pawl_hold_release(pawl_store *store, const pawl_subject *subject, const char *code,
                               const pawl_operation *operation, pawl_error *err);

#ifdef __cplusplus
}
#endif
#endif
