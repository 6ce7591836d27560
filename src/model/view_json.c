/* SPDX-License-Identifier: MIT */
#include "model/view_json.h"

#include <stdio.h>
#include <strings.h>

#include "base/codec.h"
#include "base/escape.h"
#include "base/uuid.h"
#include "model/rows.h"

/* "application/json", "application/problem+json; charset=utf-8" */
static bool says_json(const char *content_type)
{
    struct text type = text_of(content_type);
    const char *end = type.data ? strchr(type.data, ';') : NULL;
    if (end)
        type.size = (size_t)(end - type.data);
    while (type.size > 0 && type.data[type.size - 1] == ' ')
        type.size--;
    static const char plain[] = "application/json", suffix[] = "+json";
    size_t suffix_size = sizeof suffix - 1;
    return (type.size == sizeof plain - 1 && strncasecmp(type.data, plain, type.size) == 0) ||
           (type.size > suffix_size && strncasecmp(type.data + type.size - suffix_size, suffix, suffix_size) == 0);
}

void pawli_body_json(struct json_writer *writer, const char *name, const char *content_type, struct text body)
{
    if (!body.data)
        return;
    if (says_json(content_type) && pawli_json_check(body, NULL, NULL) == JSON_GOOD) {
        pawli_json_put_raw(writer, name, body);
        return;
    }
    char key[64];
    struct arena arena = {0};
    struct text base64 = pawli_base64(&arena, body);
    snprintf(key, sizeof key, "%s_base64", name);
    pawli_json_put_text(writer, key, base64);
    writer->out->failed |= pawli_arena_failed(&arena);
    pawli_arena_done(&arena);
}

static void put_uuid(struct json_writer *writer, const char *name, const pawl_uuid *id)
{
    char text[PAWL_UUID_TEXT_SIZE];
    if (!uuid_is_nil(id))
        pawli_json_put_string(writer, name, pawl_uuid_format(id, text));
}

/* Times and counts that are 0 where they mean nothing. */
static void put_number(struct json_writer *writer, const char *name, int64_t number)
{
    if (number != 0)
        pawli_json_put_i64(writer, name, number);
}

static void put_headers(struct json_writer *writer, const pawl_message_view *message)
{
    if (message->header_count == 0)
        return;
    pawli_json_key(writer, "headers");
    pawli_json_open(writer, '{');
    for (size_t i = 0; i < message->header_count; i++)
        pawli_json_put_string(writer, message->headers[i].name, message->headers[i].value);
    pawli_json_close(writer, '}');
}

static void put_last_error(struct json_writer *writer, const pawl_message_view *message)
{
    if (!message->error_class)
        return;
    pawli_json_key(writer, "last_error");
    pawli_json_open(writer, '{');
    pawli_json_put_string(writer, "class", message->error_class);
    pawli_json_put_string(writer, "text", message->error_text);
    pawli_json_put_i64(writer, "at", message->error_at_ms);
    pawli_json_close(writer, '}');
}

void pawli_message_json(struct json_writer *writer, const pawl_message_view *message)
{
    char fingerprint[2 * sizeof message->fingerprint + 1];
    pawli_hex(message->fingerprint, sizeof message->fingerprint, fingerprint);
    put_uuid(writer, "id", &message->id);
    pawli_json_put_string(writer, "scope", message->scope);
    pawli_json_put_string(writer, "lane", message->lane);
    pawli_json_put_string(writer, "target", message->target);
    pawli_json_put_string(writer, "state", message->state);
    pawli_json_put_string(writer, "phase", message->phase);
    pawli_json_put_string(writer, "hold", message->hold);
    pawli_json_put_string(writer, "content_type", message->content_type);
    pawli_body_json(writer, "data", message->content_type, (struct text){message->data, message->data_size});
    pawli_json_put_string(writer, "key", message->key);
    pawli_json_put_string(writer, "dedupe", message->dedupe);
    put_uuid(writer, "request_id", &message->request_id);
    pawli_json_put_i64(writer, "priority", message->priority);
    put_number(writer, "available_at", message->available_at_ms);
    put_number(writer, "expires_at", message->expires_at_ms);
    put_number(writer, "max_attempts", message->max_attempts);
    put_headers(writer, message);
    pawli_json_put_string(writer, "sender", message->sender);
    put_number(writer, "deadline", message->deadline_ms);
    pawli_json_put_i64(writer, "attempts", message->attempts);
    pawli_json_put_i64(writer, "deferrals", message->deferrals);
    put_number(writer, "crashes", message->crashes);
    put_number(writer, "retries", message->retries);
    put_number(writer, "seq", (int64_t)message->seq);
    put_uuid(writer, "created_by", &message->created_by);
    pawli_json_put_string(writer, "claimed_by", message->claimed_by);
    put_number(writer, "lease_until", message->lease_until_ms);
    put_last_error(writer, message);
    pawli_json_put_string(writer, "remote_id", message->remote_id);
    pawli_json_put_string(writer, "durability", message->durability);
    put_number(writer, "ended_at", message->ended_at_ms);
    pawli_json_put_string(writer, "ended_reason", message->ended_reason);
    pawli_json_put_string(writer, "ended_by", message->ended_by);
    put_uuid(writer, "superseded_by", &message->superseded_by);
    put_uuid(writer, "resent_of", &message->resent_of);
    pawli_json_put_string(writer, "fingerprint", fingerprint);
    put_number(writer, "created_at", message->created_at_ms);
    put_number(writer, "updated_at", message->updated_at_ms);
}

void pawli_event_json(struct json_writer *writer, const pawl_event_view *event)
{
    pawli_json_put_u64(writer, "seq", event->seq);
    if (event->error) {
        pawli_json_put_string(writer, "error", event->error);
        return;
    }
    pawli_json_put_u64(writer, "index", event->index);
    pawli_json_put_string(writer, "topic", event->topic);
    pawli_json_put_string(writer, "type", event->type);
    pawli_json_put_string(writer, "key", event->key);
    if (event->has_stream_seq)
        pawli_json_put_u64(writer, "stream_seq", event->stream_seq);
    pawli_json_put_string(writer, "keep", pawli_keep_text((enum keep)event->keep));
    pawli_json_put_string(writer, "content_type", event->content_type);
    pawli_body_json(writer, "data", event->content_type, (struct text){event->data, event->data_size});
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool stands_in_a_line(struct text body, struct text type)
{
    return text_is(type, "application/json") && body.size > 0 && !is_space(body.data[0]) &&
           !is_space(body.data[body.size - 1]) && !memchr(body.data, '\n', body.size) &&
           !memchr(body.data, '\r', body.size) && pawli_is_plain_json(body);
}

void pawli_exact_json(struct json_writer *writer, const char *name, struct text content_type, struct text body)
{
    char encoded[64];
    if (!body.data)
        return;
    if (stands_in_a_line(body, content_type)) {
        pawli_json_key(writer, name);
        pawli_buffer_add_text(writer->out, body);
        return;
    }
    struct arena scratch = {0};
    snprintf(encoded, sizeof encoded, "%s_base64", name);
    pawli_json_put_text(writer, encoded, pawli_base64(&scratch, body));
    writer->out->failed |= pawli_arena_failed(&scratch);
    pawli_arena_done(&scratch);
}
