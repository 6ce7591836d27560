/* SPDX-License-Identifier: MIT */
#include "model/trace.h"

#include "base/codec.h"
#include "base/json.h"

static const char *const keep_texts[KEEP_COUNT] = {"full", "reference", "none"};

const char *pawli_keep_text(enum keep keep)
{
    PAWL_ASSERT(keep < KEEP_COUNT);
    return keep_texts[keep];
}

bool pawli_keep_parse(struct text text, enum keep *keep)
{
    for (*keep = 0; *keep < KEEP_COUNT; (*keep)++)
        if (text_is(text, keep_texts[*keep]))
            return true;
    return false;
}

void pawli_trace_open(struct buffer *out)
{
    pawli_buffer_add_char(out, '[');
}

void pawli_trace_close(struct buffer *out)
{
    pawli_buffer_add_char(out, ']');
}

/* The body comes last, so that it ends where the object does: with it, the white space around a JSON body is kept. */
static void put_body(struct json_writer *writer, struct arena *scratch, const struct event *event)
{
    char hex[2 * DIGEST_SIZE + 1];
    if (event->keep != KEEP_FULL) {
        pawli_hex(event->hash.bytes, DIGEST_SIZE, hex);
        pawli_json_put_string(writer, "hash", hex);
    } else if (text_is(event->content_type, "application/json")) {
        pawli_json_key(writer, "data");
        pawli_buffer_add_text(writer->out, event->data);
    } else {
        pawli_json_put_text(writer, "data_base64", pawli_base64(scratch, event->data));
    }
}

void pawli_trace_event(struct buffer *out, struct arena *scratch, const struct event *event, uint32_t index)
{
    struct json_writer writer = {out, index > 0};
    pawli_json_comma(&writer);
    pawli_json_open(&writer, '{');
    pawli_json_put_text(&writer, "topic", event->topic);
    pawli_json_put_text(&writer, "type", event->type);
    pawli_json_put_text(&writer, "key", event->key);
    if (event->has_stream_seq)
        pawli_json_put_u64(&writer, "stream_seq", event->stream_seq);
    if (event->keep != KEEP_FULL)
        pawli_json_put_string(&writer, "keep", pawli_keep_text(event->keep));
    if (!text_is(event->content_type, "application/json"))
        pawli_json_put_text(&writer, "content_type", event->content_type);
    put_body(&writer, scratch, event);
    pawli_json_close(&writer, '}');
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

static bool read_member(struct event *event, struct arena *arena, struct text name, struct text value, const char *end)
{
    const struct {
        const char *name;
        struct text *out;
    } texts[] = {
        {"topic", &event->topic}, {"type", &event->type}, {"key", &event->key}, {"content_type", &event->content_type}};
    bool quoted = pawli_json_type(value) == JSON_STRING;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (pawli_json_name_is(name, texts[i].name)) {
            if (quoted)
                *texts[i].out = pawli_json_string(arena, value);
            return quoted;
        }
    if (pawli_json_name_is(name, "stream_seq")) {
        event->has_stream_seq = true;
        return pawli_json_u64(value, &event->stream_seq);
    }
    if (pawli_json_name_is(name, "keep"))
        return quoted && pawli_keep_parse(pawli_json_string(arena, value), &event->keep);
    if (pawli_json_name_is(name, "hash"))
        return quoted && pawli_unhex(pawli_json_string(arena, value), event->hash.bytes, DIGEST_SIZE);
    if (pawli_json_name_is(name, "data_base64"))
        return quoted && pawli_unbase64(arena, pawli_json_string(arena, value), &event->data);
    if (pawli_json_name_is(name, "data")) {
        const char *begin = name.data + name.size + 1; /* behind the colon: writing puts nothing in between */
        event->data = (struct text){begin, (size_t)(end - begin)};
        return true;
    }
    return false;
}

enum trace_step pawli_trace_next(struct trace_walk *walk, struct arena *arena, struct event *event)
{
    struct json_walk items = {walk->at, walk->end};
    struct text item, name, value;
    if (!walk->json.data || !pawli_json_item(&items, &item))
        return TRACE_END;
    walk->at = items.at;
    *event = (struct event){.content_type = TEXT("application/json")};
    if (pawli_json_type(item) != JSON_OBJECT)
        return TRACE_BAD;
    struct json_walk members = pawli_json_walk(item);
    while (pawli_json_member(&members, &name, &value))
        if (!read_member(event, arena, name, value, item.data + item.size - 1))
            return TRACE_BAD;
    return event->topic.data && event->type.data ? TRACE_EVENT : TRACE_BAD;
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
