/* SPDX-License-Identifier: MIT */
/* The JSON shapes: one form of transitions, messages, settlements and what comes back, for the command and for HTTP.
 *
 * Reading is strict: a field that the shape does not have is refused by name, a value of the wrong type too, and what is
 * read is left as it was written. Bodies are slices of the JSON text: it lives as long as they are used. */
#ifndef PAWLI_API_H
#define PAWLI_API_H

#include "base/arena.h"
#include "base/json.h"
#include "pawl/pawl.h"

/* ---- in ---- */

/* Each reads one JSON object out of text that was not looked at yet. EINVAL names the field; ELIMIT a size. Texts go to
 * the arena. Values are checked by the call that they are given to. */
struct api_reading {
    struct arena arena;
    const char *unknown_keep; /* of an event, which is kept in full: the caller warns; NULL: none had one */
};
struct api_step {
    const char *kind, *id, *result; /* in the reading's arena, result static */
};
int pawli_api_transition(pawl_store *store, struct api_reading *in, struct text json, pawl_transition **ret_transition,
                         pawl_error *err);
int pawli_api_message(struct arena *arena, struct text json, pawl_message *ret_message, pawl_error *err);
int pawli_api_settlement(struct arena *arena, struct text json, pawl_settlement *ret_settlement, pawl_error *err);

/* A step of a workflow: what became of it, and what it does besides. */
int pawli_api_step(pawl_store *store, struct api_reading *in, struct text json, pawl_transition **ret_step,
                   struct api_step *ret_named, pawl_error *err);

/* A claim's token: 1 to 20 digits; one past the greatest that there can be is read as a token that nobody has. */
bool pawli_api_token(struct text text, uint64_t *token);

/* ---- out: each puts the members of its shape into an object that is open ---- */

const char *pawli_api_keep(int32_t keep); /* the word of an enum pawl_keep */
void pawli_api_put_receipt(struct json_writer *out, const pawl_receipt *receipt);
void pawli_api_put_record(struct json_writer *out, const pawl_record *record);
void pawli_api_put_event(struct json_writer *out, const pawl_event_view *event);
void pawli_api_put_claim(struct json_writer *out, const pawl_message_view *message);
void pawli_api_put_attempts(struct json_writer *out, const pawl_messages *messages); /* of pawl_message_get */
void pawli_api_put_conflict(struct json_writer *out, const pawl_error *error);       /* nothing where it is none */
void pawli_api_put_enqueued(struct json_writer *out, const pawl_enqueued *enqueued);
void pawli_api_put_settled(struct json_writer *out, const pawl_uuid *id, const pawl_settled *settled);
void pawli_api_put_moved(struct json_writer *out, const pawl_uuid *id, const pawl_moved *moved);
void pawli_api_put_moves(struct json_writer *out, const pawl_moves_done *done);
void pawli_api_put_stats(struct json_writer *out, const pawl_queue_stats *stats);
void pawli_api_put_lane(struct json_writer *out, const pawl_lane_view *lane);
void pawli_api_put_target(struct json_writer *out, const pawl_target_view *target);
void pawli_api_put_sender(struct json_writer *out, const pawl_sender_view *sender);
void pawli_api_put_hold(struct json_writer *out, const pawl_hold_view *hold);
void pawli_api_put_worker(struct json_writer *out, const pawl_worker_view *worker);
void pawli_api_put_why(struct json_writer *out, const char *id, const pawl_why *why);
void pawli_api_put_asset(struct json_writer *out, const pawl_asset *asset);
void pawli_api_put_balance(struct json_writer *out, const pawl_balance *balance);
void pawli_api_put_entry(struct json_writer *out, const pawl_entry *entry);
void pawli_api_put_fill(struct json_writer *out, const pawl_fill_view *fill);
void pawli_api_put_projection(struct json_writer *out, const pawl_projection_view *projection);
void pawli_api_put_counter(struct json_writer *out, const pawl_counter *counter);
void pawli_api_put_type(struct json_writer *out, const pawl_type *type);
void pawli_api_put_checked(struct json_writer *out, const char *scope, const pawl_ledger_checked *checked);
void pawli_api_put_replayed(struct json_writer *out, const char *scope, const pawl_replayed *replayed);
void pawli_api_put_snapshot(struct json_writer *out, const pawl_snapshot_view *snapshot);
void pawli_api_put_subscription(struct json_writer *out, const pawl_subscription_view *subscription);
void pawli_api_put_workflow(struct json_writer *out, const pawl_workflow_view *workflow);
void pawli_api_put_steps(struct json_writer *out,
                         const pawl_workflows *workflow); /* of pawl_workflow_get: signals, too */
void pawli_api_put_steered(struct json_writer *out, const pawl_steering *steering, const pawl_steered *steered);
void pawli_api_put_resource(struct json_writer *out, const pawl_resource_view *resource);
void pawli_api_put_schedule(struct json_writer *out, const pawl_schedule_view *schedule);
const char *pawli_api_missed(int32_t missed); /* the word of an enum pawl_missed; NULL: none */
bool pawli_api_missed_parse(const char *text, int32_t *ret_missed);
void pawli_api_put_kind(struct json_writer *out, const pawl_kind_view *kind);
void pawli_api_put_verified(struct json_writer *out, const pawl_verified *verified);

#endif
