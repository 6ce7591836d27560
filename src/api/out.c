/* SPDX-License-Identifier: MIT */
/* What comes back, as JSON. Absent fields are left out. */
#include <inttypes.h>
#include <stdio.h>

#include "api/api.h"
#include "base/codec.h"
#include "base/uuid.h"
#include "model/view_json.h"
#include "model/rows.h"

static void put_id(struct json_writer *out, const char *name, const pawl_uuid *id)
{
    char text[PAWL_UUID_TEXT_SIZE];
    if (!uuid_is_nil(id))
        pawli_json_put_string(out, name, pawl_uuid_format(id, text));
}

static void put_ids(struct json_writer *out, const char *name, const pawl_uuid *ids, size_t count)
{
    char text[PAWL_UUID_TEXT_SIZE];
    pawli_json_key(out, name);
    pawli_json_open(out, '[');
    for (size_t i = 0; i < count; i++) {
        pawli_json_comma(out);
        pawli_json_quote(out->out, text_of(pawl_uuid_format(&ids[i], text)));
    }
    pawli_json_close(out, ']');
}

static void put_hex(struct json_writer *out, const char *name, const void *bytes, size_t size)
{
    char text[2 * 64 + 1];
    PAWL_ASSERT(size <= 64);
    if (!bytes)
        return;
    pawli_hex(bytes, size, text);
    pawli_json_put_string(out, name, text);
}

static void put_time(struct json_writer *out, const char *name, int64_t ms)
{
    if (ms)
        pawli_json_put_i64(out, name, ms);
}

static void put_token(struct json_writer *out, uint64_t token)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, token);
    pawli_json_put_string(out, "token", text);
}

/* ---- journal ---- */

void pawli_api_put_receipt(struct json_writer *out, const pawl_receipt *receipt)
{
    size_t size;
    pawl_uuid id = pawl_receipt_request_id(receipt);
    const void *response = pawl_receipt_response(receipt, &size);
    pawli_json_put_string(out, "scope", pawl_receipt_scope(receipt));
    pawli_json_put_u64(out, "seq", pawl_receipt_seq(receipt));
    put_id(out, "request_id", &id);
    put_hex(out, "digest", pawl_receipt_digest(receipt), 32);
    pawli_json_put_bool(out, "replayed", pawl_receipt_was_replayed(receipt));
    if (pawl_receipt_differs(receipt))
        pawli_json_put_bool(out, "differs", true);
    pawli_body_json(out, "response", pawl_receipt_response_type(receipt), (struct text){response, size});
    pawli_json_key(out, "messages");
    pawli_json_open(out, '[');
    for (size_t i = 0; i < pawl_receipt_message_count(receipt); i++) {
        char text[PAWL_UUID_TEXT_SIZE];
        pawl_uuid message = pawl_receipt_message(receipt, i);
        pawli_json_comma(out);
        pawli_json_quote(out->out, text_of(pawl_uuid_format(&message, text)));
    }
    pawli_json_close(out, ']');
}

const char *pawli_api_keep(int32_t keep)
{
    return pawli_keep_text((enum keep)keep);
}

void pawli_api_put_event(struct json_writer *out, const pawl_event_view *event)
{
    pawli_event_json(out, event);
}

static void put_events(struct json_writer *out, const pawl_record *record)
{
    pawli_json_key(out, "events");
    pawli_json_open(out, '[');
    for (size_t i = 0; i < record->event_count; i++) {
        pawli_json_comma(out);
        pawli_json_open(out, '{');
        pawli_api_put_event(out, &record->events[i]);
        pawli_json_close(out, '}');
    }
    pawli_json_close(out, ']');
}

void pawli_api_put_record(struct json_writer *out, const pawl_record *record)
{
    pawli_json_put_string(out, "scope", record->scope);
    pawli_json_put_u64(out, "seq", record->seq);
    if (record->error) {
        pawli_json_put_string(out, "error", record->error);
        return;
    }
    put_id(out, "request_id", &record->request_id);
    pawli_json_put_string(out, "type", record->type);
    pawli_json_put_string(out, "ref", record->ref);
    pawli_json_put_string(out, "content_type", record->content_type);
    pawli_body_json(out, "data", record->content_type, (struct text){record->data, record->data_size});
    pawli_body_json(out, "response", record->response_type, (struct text){record->response, record->response_size});
    put_events(out, record);
    put_ids(out, "messages", record->messages, record->message_count);
    if (record->effects)
        pawli_json_put_raw(out, "effects", text_of(record->effects));
    put_hex(out, "fingerprint", record->fingerprint, 32);
    put_hex(out, "digest", record->digest, 32);
    if (record->state_pre || record->state_post) {
        pawli_json_key(out, "state_digest");
        pawli_json_open(out, '{');
        put_hex(out, "pre", record->state_pre, record->state_pre_size);
        put_hex(out, "post", record->state_post, record->state_post_size);
        pawli_json_close(out, '}');
    }
    put_time(out, "received_at", record->received_at_ms);
    put_time(out, "committed_at", record->committed_at_ms);
    if (record->duration_us)
        pawli_json_put_u64(out, "duration_us", record->duration_us);
    pawli_json_put_u64(out, "epoch", record->epoch);
}

void pawli_api_put_verified(struct json_writer *out, const pawl_verified *verified)
{
    pawli_json_put_string(out, "scope", verified->scope);
    pawli_json_put_u64(out, "records", verified->records);
    pawli_json_put_bool(out, "ok", verified->is_ok);
    if (verified->is_ok)
        return;
    pawli_json_key(out, "first_bad");
    pawli_json_open(out, '{');
    if (verified->first_bad_seq)
        pawli_json_put_u64(out, "seq", verified->first_bad_seq);
    pawli_json_put_string(out, "what", verified->what);
    pawli_json_close(out, '}');
}

void pawli_api_put_replayed(struct json_writer *out, const char *scope, const pawl_replayed *replayed)
{
    pawli_json_put_string(out, "scope", scope);
    pawli_json_put_u64(out, "records", replayed->records);
    pawli_json_put_u64(out, "compared", replayed->compared);
    if (replayed->snapshot_seq)
        pawli_json_put_u64(out, "snapshot", replayed->snapshot_seq);
    pawli_json_put_bool(out, "ok", replayed->ok);
    if (replayed->ok)
        return;
    pawli_json_key(out, "first_diff");
    pawli_json_open(out, '{');
    pawli_json_put_u64(out, "seq", replayed->diff_seq);
    put_hex(out, "recorded", replayed->recorded, replayed->recorded_size);
    if (replayed->computed_size)
        put_hex(out, "computed", replayed->computed, replayed->computed_size);
    pawli_json_close(out, '}');
}

void pawli_api_put_subscription(struct json_writer *out, const pawl_subscription_view *subscription)
{
    pawli_json_put_string(out, "name", subscription->name);
    if (!subscription->error) {
        char position[40];
        snprintf(position, sizeof position, "%" PRIu64 ".%" PRIu32, subscription->position.seq,
                 subscription->position.index);
        pawli_json_put_string(out, "topic", subscription->topic);
        pawli_json_put_string(out, "key_prefix", subscription->key_prefix);
        pawli_json_put_string(out, "lane", subscription->lane);
        pawli_json_put_string(out, "target", subscription->target);
        pawli_json_put_string(out, "position", position);
        pawli_json_put_u64(out, "behind", subscription->behind);
    }
    pawli_json_put_string(out, "error", subscription->error);
}

void pawli_api_put_snapshot(struct json_writer *out, const pawl_snapshot_view *snapshot)
{
    pawli_json_put_u64(out, "seq", snapshot->seq);
    if (!snapshot->error) {
        pawli_json_put_u64(out, "size", snapshot->size);
        put_hex(out, "sha256", snapshot->sha256, sizeof snapshot->sha256);
        put_hex(out, "digest", snapshot->digest, sizeof snapshot->digest);
        pawli_json_put_i64(out, "made_at", snapshot->made_at_ms);
    }
    pawli_json_put_string(out, "error", snapshot->error);
}

/* ---- messages ---- */

void pawli_api_put_claim(struct json_writer *out, const pawl_message_view *message)
{
    put_token(out, message->token);
    pawli_json_put_u64(out, "attempt", message->attempts);
    pawli_message_json(out, message);
    if (message->progress)
        pawli_body_json(out, "progress", "application/json", (struct text){message->progress, message->progress_size});
}

void pawli_api_put_attempts(struct json_writer *out, const pawl_messages *messages)
{
    pawli_json_key(out, "history");
    pawli_json_open(out, '[');
    for (size_t i = 0; i < pawl_messages_attempt_count(messages); i++) {
        const pawl_attempt *attempt = pawl_messages_attempt(messages, i);
        pawli_json_comma(out);
        pawli_json_open(out, '{');
        pawli_json_put_string(out, "phase", attempt->phase);
        pawli_json_put_u64(out, "attempt", attempt->number);
        pawli_json_put_u64(out, "ordinal", attempt->ordinal);
        put_time(out, "began_at", attempt->began_at_ms);
        put_time(out, "ended_at", attempt->ended_at_ms);
        pawli_json_put_string(out, "worker", attempt->worker);
        pawli_json_put_string(out, "verdict", attempt->verdict);
        if (attempt->status)
            pawli_json_put_u64(out, "status", attempt->status);
        pawli_json_put_string(out, "class", attempt->error_class);
        pawli_json_put_string(out, "text", attempt->text);
        pawli_json_close(out, '}');
    }
    pawli_json_close(out, ']');
}

void pawli_api_put_conflict(struct json_writer *out, const pawl_error *error)
{
    const struct {
        const char *name, *value;
    } fields[] = {{"reason", error->reason},
                  {"fingerprint", error->fingerprint},
                  {"stored_fingerprint", error->stored_fingerprint},
                  {"remote_id", error->remote_id}};
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (fields[i].value[0])
            pawli_json_put_string(out, fields[i].name, fields[i].value);
}

void pawli_api_put_enqueued(struct json_writer *out, const pawl_enqueued *enqueued)
{
    put_id(out, "id", &enqueued->id);
    pawli_json_put_string(out, "state", enqueued->state);
    pawli_json_put_bool(out, "replayed", enqueued->was_replayed);
}

void pawli_api_put_settled(struct json_writer *out, const pawl_uuid *id, const pawl_settled *settled)
{
    put_id(out, "id", id);
    pawli_json_put_string(out, "result", pawl_result_text(settled->result));
    pawli_json_put_string(out, "state", settled->state);
}

/* ---- operators ---- */

void pawli_api_put_moved(struct json_writer *out, const pawl_uuid *id, const pawl_moved *moved)
{
    put_id(out, "id", id);
    pawli_json_put_string(out, "before", moved->before);
    pawli_json_put_string(out, "after", moved->after);
    put_id(out, "successor", &moved->successor);
    put_id(out, "request_id", &moved->request_id);
    pawli_json_put_bool(out, "replayed", moved->was_replayed);
}

void pawli_api_put_moves(struct json_writer *out, const pawl_moves_done *done)
{
    pawli_json_put_u64(out, "matched", done->matched);
    pawli_json_put_u64(out, "moved", done->moved);
    pawli_json_put_u64(out, "refused", done->refused);
    put_id(out, "request_id", &done->request_id);
    pawli_json_put_bool(out, "replayed", done->was_replayed);
}

void pawli_api_put_stats(struct json_writer *out, const pawl_queue_stats *stats)
{
    const struct {
        const char *state;
        uint64_t count;
    } counts[] = {{"pending", stats->pending},     {"claimed", stats->claimed},     {"awaiting", stats->awaiting},
                  {"uncertain", stats->uncertain}, {"delivered", stats->delivered}, {"dead", stats->dead},
                  {"cancelled", stats->cancelled}};
    pawli_json_put_string(out, "lane", stats->lane);
    pawli_json_put_string(out, "target", stats->target);
    pawli_json_key(out, "counts");
    pawli_json_open(out, '{');
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        pawli_json_put_u64(out, counts[i].state, counts[i].count);
    pawli_json_close(out, '}');
    pawli_json_put_u64(out, "due", stats->due);
    put_time(out, "oldest_due_at", stats->oldest_due_at_ms);
    put_time(out, "next_due_at", stats->next_due_at_ms);
    pawli_json_put_u64(out, "held", stats->held);
    if (stats->after_expiry)
        pawli_json_put_u64(out, "after_expiry", stats->after_expiry);
}

static void put_policy(struct json_writer *out, const char *policy)
{
    pawli_json_put_raw(out, "policy", policy ? text_of(policy) : TEXT("{}"));
}

void pawli_api_put_lane(struct json_writer *out, const pawl_lane_view *lane)
{
    pawli_json_put_string(out, "lane", lane->name);
    put_policy(out, lane->policy);
}

static void put_route(struct json_writer *out, const char *url, const char *urls)
{
    pawli_json_put_string(out, "url", url);
    if (urls)
        pawli_json_put_raw(out, "urls", text_of(urls));
}

void pawli_api_put_target(struct json_writer *out, const pawl_target_view *target)
{
    pawli_json_put_string(out, "target", target->name);
    put_route(out, target->url, target->urls);
    pawli_json_put_string(out, "secret_file", target->secret_file);
    pawli_json_put_string(out, "probe", target->probe);
    pawli_json_put_string(out, "poll", target->poll);
    if (target->headers)
        pawli_json_put_raw(out, "headers", text_of(target->headers));
    put_policy(out, target->policy);
}

void pawli_api_put_sender(struct json_writer *out, const pawl_sender_view *sender)
{
    pawli_json_put_string(out, "sender", sender->sender);
    put_route(out, sender->url, sender->urls);
    pawli_json_put_string(out, "secret_file", sender->secret_file);
    if (sender->headers)
        pawli_json_put_raw(out, "headers", text_of(sender->headers));
    put_time(out, "removed_at", sender->removed_at_ms);
}

void pawli_api_put_hold(struct json_writer *out, const pawl_hold_view *hold)
{
    pawli_json_put_string(out, "kind", hold->kind);
    pawli_json_put_string(out, "scope", hold->scope);
    pawli_json_put_string(out, "lane", hold->lane);
    pawli_json_put_string(out, "target", hold->target);
    put_id(out, "message", &hold->message);
    pawli_json_put_string(out, "code", hold->code);
    pawli_json_put_string(out, "reason", hold->reason);
    pawli_json_put_string(out, "by", hold->by);
    put_time(out, "since", hold->since_ms);
    put_time(out, "until", hold->until_ms);
}

void pawli_api_put_why(struct json_writer *out, const char *id, const pawl_why *why)
{
    pawli_json_put_string(out, "id", id);
    pawli_json_put_string(out, "state", pawl_why_state(why));
    pawli_json_key(out, "reasons");
    pawli_json_open(out, '[');
    for (size_t i = 0; i < pawl_why_count(why); i++) {
        const pawl_reason *reason = pawl_why_get(why, i);
        pawli_json_comma(out);
        pawli_json_open(out, '{');
        pawli_json_put_string(out, "code", reason->code);
        pawli_json_put_string(out, "text", reason->text);
        put_time(out, "since", reason->since_ms);
        put_time(out, "until", reason->until_ms);
        pawli_json_put_string(out, "by", reason->by);
        pawli_json_close(out, '}');
    }
    pawli_json_close(out, ']');
}

static void put_names(struct json_writer *out, const char *name, const char *const *names, size_t count)
{
    if (count == 0)
        return;
    pawli_json_key(out, name);
    pawli_json_open(out, '[');
    for (size_t i = 0; i < count; i++) {
        pawli_json_comma(out);
        pawli_json_quote(out->out, text_of(names[i]));
    }
    pawli_json_close(out, ']');
}

void pawli_api_put_worker(struct json_writer *out, const pawl_worker_view *worker)
{
    pawli_json_put_string(out, "consumer", worker->consumer);
    pawli_json_put_bool(out, "by_hand", worker->is_by_hand);
    if (!worker->is_by_hand) {
        pawli_json_put_bool(out, "alive", worker->is_alive);
        pawli_json_put_u64(out, "pid", worker->pid);
    }
    pawli_json_put_string(out, "scope", worker->scope);
    put_names(out, "lanes", worker->lanes, worker->lane_count);
    put_names(out, "sinks", worker->sinks, worker->sink_count);
    put_time(out, "since", worker->since_ms);
    pawli_json_put_u64(out, "claims", worker->claims);
    put_time(out, "last_seen", worker->last_seen_ms);
    put_time(out, "stopped", worker->stopped_ms);
}
