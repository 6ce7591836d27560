/* SPDX-License-Identifier: MIT */
#include "model/fingerprint.h"

#include "base/codec.h"
#include "base/json.h"

struct digest pawli_transition_fingerprint(struct hasher *hasher, struct text type, struct text ref,
                                           struct text content_type, const struct digest *command)
{
    pawli_hash_begin(hasher, "pawl.transition.1");
    pawli_hash_text(hasher, type);
    pawli_hash_text(hasher, ref);
    pawli_hash_text(hasher, content_type);
    pawli_hash_digest(hasher, command);
    return pawli_hash_end(hasher);
}

/* The headers are a JSON object whose names are sorted and unique: its members in order. */
static void hash_headers(struct hasher *hasher, struct text headers)
{
    struct text name, value;
    uint64_t count = 0;
    struct json_walk walk;
    if (headers.data) {
        walk = pawli_json_walk(headers);
        while (pawli_json_member(&walk, &name, &value))
            count++;
    }
    pawli_hash_u64(hasher, count);
    if (!count)
        return;
    struct arena arena = {0};
    walk = pawli_json_walk(headers);
    while (pawli_json_member(&walk, &name, &value)) {
        pawli_hash_text(hasher, pawli_json_string(&arena, name));
        pawli_hash_text(hasher, pawli_json_string(&arena, value));
    }
    hasher->failed |= pawli_arena_failed(&arena);
    pawli_arena_done(&arena);
}

struct digest pawli_message_fingerprint(struct hasher *hasher, struct text lane, struct text target,
                                        const struct message_row *message)
{
    struct digest payload = pawli_sha256(hasher, message->payload);
    pawli_hash_begin(hasher, "pawl.message.1");
    pawli_hash_text(hasher, lane);
    pawli_hash_text(hasher, target);
    pawli_hash_text(hasher, message->sender);
    pawli_hash_text(hasher, message->key);
    pawli_hash_u64(hasher, message->priority);
    pawli_hash_text(hasher, message->content_type);
    pawli_hash_digest(hasher, &payload);
    hash_headers(hasher, message->headers);
    if (message->deadline.ms == INT64_MAX)
        pawli_hash_text(hasher, (struct text){0});
    else
        pawli_hash_i64(hasher, message->deadline.ms);
    return pawli_hash_end(hasher);
}

struct digest pawli_start_fingerprint(struct hasher *hasher, const struct workflow_row *workflow)
{
    struct digest data = pawli_sha256(hasher, workflow->data);
    pawli_hash_begin(hasher, "pawl.start.1");
    pawli_hash_text(hasher, workflow->key);
    pawli_hash_text(hasher, workflow->state);
    pawli_hash_u64(hasher, workflow->version);
    pawli_hash_text(hasher, workflow->content_type);
    pawli_hash_digest(hasher, &data);
    return pawli_hash_end(hasher);
}

void pawli_record_body_begin(struct hasher *hasher, const struct record_body *body)
{
    const struct record_row *row = body->row;
    pawli_hash_begin(hasher, "pawl.record-body.1");
    pawli_hash_raw(hasher, &row->request_id, sizeof row->request_id);
    pawli_hash_digest(hasher, &row->fingerprint);
    pawli_hash_text(hasher, row->type);
    pawli_hash_text(hasher, row->ref);
    pawli_hash_i64(hasher, row->received.ms);
    pawli_hash_digest(hasher, &body->command);
    if (body->has_response)
        pawli_hash_digest(hasher, &body->response);
    else
        pawli_hash_text(hasher, (struct text){0});
    pawli_hash_text(hasher, row->pre);
    pawli_hash_text(hasher, row->post);
    pawli_hash_u64(hasher, row->duration_us);
    pawli_hash_u64(hasher, body->event_count);
}

void pawli_record_body_event(struct hasher *hasher, const struct event *event)
{
    pawli_hash_text(hasher, event->topic);
    pawli_hash_text(hasher, event->type);
    pawli_hash_text(hasher, event->key);
    pawli_hash_text(hasher, event->content_type);
    if (event->has_stream_seq)
        pawli_hash_u64(hasher, event->stream_seq);
    else
        pawli_hash_text(hasher, (struct text){0});
    pawli_hash_u64(hasher, event->keep);
    pawli_hash_digest(hasher, &event->hash);
}

struct digest pawli_record_body_end(struct hasher *hasher, const struct record_body *body)
{
    size_t count;
    const struct record_message *messages = record_messages(body->row, &count);
    pawli_hash_u64(hasher, count);
    for (size_t i = 0; i < count; i++)
        pawli_hash_digest(hasher, &messages[i].fingerprint);
    pawli_hash_text(hasher, body->row->effects);
    return pawli_hash_end(hasher);
}

/* Those that were given, in the order of their messages. */
static void hash_nonces(struct hasher *hasher, const struct record_row *row)
{
    size_t count;
    const struct record_message *messages = record_messages(row, &count);
    uint64_t given = 0;
    for (size_t i = 0; i < count; i++)
        given += get_be64(messages[i].nonce) != NONCE_NONE;
    pawli_hash_u64(hasher, given);
    for (size_t i = 0; given && i < count; i++)
        if (get_be64(messages[i].nonce) != NONCE_NONE)
            pawli_hash_u64(hasher, get_be64(messages[i].nonce));
}

struct digest pawli_record_digest(struct hasher *hasher, struct text scope, const struct record_row *row,
                                  const struct digest *previous, const struct digest *body)
{
    pawli_hash_begin(hasher, "pawl.record.1");
    pawli_hash_text(hasher, scope);
    pawli_hash_u64(hasher, row->epoch);
    pawli_hash_u64(hasher, row->seq);
    pawli_hash_digest(hasher, previous);
    pawli_hash_digest(hasher, body);
    hash_nonces(hasher, row);
    pawli_hash_i64(hasher, row->committed.ms);
    return pawli_hash_end(hasher);
}
