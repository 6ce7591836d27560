/* SPDX-License-Identifier: MIT */
#include "model/trace.h"

#include "base/codec.h"
#include "base/json.h"

void pawli_trace_open(struct buffer *out)
{
    pawli_buffer_add_char(out, '[');
}

void pawli_trace_close(struct buffer *out)
{
    pawli_buffer_add_char(out, ']');
}

static void put_item(struct json_writer *items, struct text text)
{
    pawli_json_comma(items);
    if (text.data)
        pawli_json_quote(items->out, text);
    else
        pawli_buffer_add_string(items->out, "null");
}

/* What is not the default, as an object; nothing when all is. */
static void put_rest(struct json_writer *items, const struct event *event)
{
    bool is_json = text_is(event->content_type, "application/json");
    if (is_json && !event->has_stream_seq && event_has_body(event))
        return;
    struct json_writer writer = {items->out, false};
    pawli_json_comma(items);
    pawli_json_open(&writer, '{');
    if (event->has_stream_seq)
        pawli_json_put_u64(&writer, "stream_seq", event->stream_seq);
    if (event->keep != KEEP_FULL)
        pawli_json_put_string(&writer, "keep", pawli_keep_text(event->keep));
    if (event->is_pruned)
        pawli_json_put_bool(&writer, "pruned", true);
    if (!is_json)
        pawli_json_put_text(&writer, "content_type", event->content_type);
    pawli_json_close(&writer, '}');
}

/* The body comes last, so that it ends where the array does: with it, the white space around a JSON body is kept. */
static void put_body(struct json_writer *items, struct arena *scratch, const struct event *event)
{
    char hex[2 * DIGEST_SIZE + 1];
    pawli_json_comma(items);
    if (!event_has_body(event)) {
        pawli_hex(event->hash.bytes, DIGEST_SIZE, hex);
        pawli_json_quote(items->out, (struct text){hex, 2 * DIGEST_SIZE});
    } else if (text_is(event->content_type, "application/json")) {
        pawli_buffer_add_text(items->out, event->data);
    } else {
        pawli_json_quote(items->out, pawli_base64(scratch, event->data));
    }
}

void pawli_trace_event(struct buffer *out, struct arena *scratch, const struct event *event, uint32_t index)
{
    struct json_writer items = {out, index > 0};
    pawli_json_comma(&items);
    pawli_json_open(&items, '[');
    put_item(&items, event->topic);
    put_item(&items, event->type);
    put_item(&items, event->key);
    put_rest(&items, event);
    put_body(&items, scratch, event);
    pawli_json_close(&items, ']');
}

bool pawli_trace_begin(struct trace_walk *walk, struct text events)
{
    *walk = (struct trace_walk){.json = events};
    if (!events.data)
        return true;
    if (events.size < 2 || events.data[0] != '[' || events.data[events.size - 1] != ']' ||
        pawli_json_check_holder(events, NULL, NULL) != JSON_GOOD)
        return false;
    walk->at = events.data + 1;
    walk->end = events.data + events.size - 1;
    return true;
}

static bool read_string(struct json_walk *items, struct arena *arena, struct text *string)
{
    struct text value;
    if (!pawli_json_item(items, &value) || pawli_json_type(value) != JSON_STRING)
        return false;
    *string = pawli_json_string(arena, value);
    return true;
}

static bool read_key(struct json_walk *items, struct arena *arena, struct text *key)
{
    struct json_walk ahead = *items;
    struct text value;
    if (!pawli_json_item(&ahead, &value) || pawli_json_type(value) != JSON_NULL)
        return read_string(items, arena, key);
    *items = ahead;
    return true;
}

static bool read_member(struct event *event, struct arena *arena, struct text name, struct text value)
{
    bool quoted = pawli_json_type(value) == JSON_STRING;
    if (pawli_json_name_is(name, "stream_seq")) {
        event->has_stream_seq = true;
        return pawli_json_u64(value, &event->stream_seq);
    }
    if (pawli_json_name_is(name, "content_type")) {
        if (quoted)
            event->content_type = pawli_json_string(arena, value);
        return quoted;
    }
    if (pawli_json_name_is(name, "pruned")) {
        event->is_pruned = true;
        return text_is(value, "true");
    }
    return pawli_json_name_is(name, "keep") && quoted &&
           pawli_keep_parse(pawli_json_string(arena, value), &event->keep);
}

/* An object is what is not the default if something follows it, and otherwise the body. */
static bool read_rest(struct json_walk *items, struct arena *arena, struct event *event)
{
    struct json_walk ahead = *items;
    struct text rest, name, value;
    if (!pawli_json_item(&ahead, &rest) || ahead.at == ahead.end || *ahead.at != ',')
        return true;
    *items = ahead;
    if (pawli_json_type(rest) != JSON_OBJECT)
        return false;
    struct json_walk members = pawli_json_walk(rest);
    while (pawli_json_member(&members, &name, &value))
        if (!read_member(event, arena, name, value))
            return false;
    return true;
}

/* All of the bytes behind the comma: writing puts nothing in between. */
static bool read_body(struct json_walk *items, struct arena *arena, struct event *event)
{
    if (items->at == items->end || *items->at != ',')
        return false;
    struct text value, more, body = {items->at + 1, (size_t)(items->end - items->at) - 1};
    if (!pawli_json_item(items, &value) || pawli_json_item(items, &more))
        return false;
    if (event_has_body(event) && text_is(event->content_type, "application/json")) {
        event->data = body;
        return true;
    }
    if (pawli_json_type(value) != JSON_STRING)
        return false;
    struct text string = pawli_json_string(arena, value);
    return event_has_body(event) ? pawli_unbase64(arena, string, &event->data)
                                 : pawli_unhex(string, event->hash.bytes, DIGEST_SIZE);
}

enum trace_step pawli_trace_next(struct trace_walk *walk, struct arena *arena, struct event *event)
{
    struct json_walk events = {walk->at, walk->end};
    struct text item;
    if (!walk->json.data || !pawli_json_item(&events, &item))
        return TRACE_END;
    walk->at = events.at;
    *event = (struct event){.content_type = TEXT("application/json"), .asked = KEEP_COUNT};
    if (pawli_json_type(item) != JSON_ARRAY)
        return TRACE_BAD;
    struct json_walk items = pawli_json_walk(item);
    bool good = read_string(&items, arena, &event->topic) && read_string(&items, arena, &event->type) &&
                read_key(&items, arena, &event->key) && read_rest(&items, arena, event) &&
                read_body(&items, arena, event);
    return good ? TRACE_EVENT : TRACE_BAD;
}

bool pawli_stored_hash(struct text hashes, char kind, struct digest *hash)
{
    for (size_t at = 0; at + 1 + DIGEST_SIZE <= hashes.size; at += 1 + DIGEST_SIZE)
        if (hashes.data[at] == kind) {
            memcpy(hash->bytes, hashes.data + at + 1, DIGEST_SIZE);
            return true;
        }
    return false;
}
