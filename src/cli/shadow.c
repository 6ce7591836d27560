/* SPDX-License-Identifier: MIT */
/* Both sides are brought to one form, an array of objects with their members in one order and without what is the default,
 * and compared as texts: so what is printed is what differs. */
#include "cli/shadow.h"

#include <inttypes.h>

#include "api/api.h"
#include "model/amount.h"
#include "model/view_json.h"

const char *const cli_shadow_names[SHADOW_COUNT] = {
    [SHADOW_POSTS] = "posts", [SHADOW_EVENTS] = "events", [SHADOW_MESSAGES] = "messages"};

/* ---- one form ---- */

static bool put_plain(struct json_writer *out, const char *name, struct text value, struct arena *arena)
{
    if (pawli_json_type(value) == JSON_STRING)
        pawli_json_put_text(out, name, pawli_json_string(arena, value));
    else
        pawli_json_put_raw(out, name, value);
    return true;
}

static bool put_amount(struct json_writer *out, const char *name, struct text value, struct arena *arena)
{
    struct decimal amount;
    if (pawli_json_type(value) != JSON_STRING ||
        pawli_amount_read(name, pawli_arena_text(arena, pawli_json_string(arena, value)).data, &amount, NULL) < 0)
        return false;
    pawli_amount_put(out, name, amount);
    return true;
}

struct field {
    const char *name;
    bool (*put)(struct json_writer *out, const char *name, struct text value, struct arena *arena);
    const char *unless; /* this text of it is the default */
};

static const struct field post_fields[] = {{"account", put_plain, NULL},   {"asset", put_plain, NULL},
                                           {"delta", put_amount, NULL},    {"expect", put_amount, NULL},
                                           {"floor", put_amount, NULL},    {"reason", put_plain, NULL},
                                           {"reference", put_plain, NULL}, {"update_seq", put_plain, NULL}};
static const struct field event_fields[] = {{"topic", put_plain, NULL}, {"type", put_plain, NULL},
                                            {"key", put_plain, NULL},   {"stream_seq", put_plain, NULL},
                                            {"data", put_plain, NULL},  {"data_base64", put_plain, NULL}};
static const struct field message_fields[] = {{"lane", put_plain, NULL},    {"target", put_plain, NULL},
                                              {"data", put_plain, NULL},    {"data_base64", put_plain, NULL},
                                              {"key", put_plain, NULL},     {"dedupe", put_plain, NULL},
                                              {"priority", put_plain, "5"}, {"headers", put_plain, NULL},
                                              {"sender", put_plain, NULL},  {"deadline", put_plain, NULL}};

static const struct {
    const struct field *fields;
    size_t count;
} forms[SHADOW_COUNT] = {[SHADOW_POSTS] = {post_fields, COUNT_OF(post_fields)},
                         [SHADOW_EVENTS] = {event_fields, COUNT_OF(event_fields)},
                         [SHADOW_MESSAGES] = {message_fields, COUNT_OF(message_fields)}};

static bool find(struct text object, const char *wanted, struct text *value)
{
    struct text name;
    struct json_walk walk = pawli_json_walk(object);
    while (pawli_json_member(&walk, &name, value))
        if (pawli_json_name_is(name, wanted))
            return pawli_json_type(*value) != JSON_NULL;
    return false;
}

/* A body that is not known of the recorded side is left out of both. */
static bool put_item(struct json_writer *out, enum shadow_kind kind, struct text item, bool hides_data,
                     struct arena *arena)
{
    struct text value;
    bool good = pawli_json_type(item) == JSON_OBJECT;
    pawli_json_comma(out);
    pawli_json_open(out, '{');
    for (size_t f = 0; good && f < forms[kind].count; f++) {
        const struct field *field = &forms[kind].fields[f];
        bool is_hidden = hides_data && strncmp(field->name, "data", 4) == 0;
        if (!is_hidden && find(item, field->name, &value) && !(field->unless && text_is(value, field->unless)))
            good = field->put(out, field->name, value, arena);
    }
    pawli_json_close(out, '}');
    return good;
}

/* ---- what was recorded, as JSON ---- */

static void put_recorded_event(struct json_writer *out, const pawl_event_view *event)
{
    pawli_json_comma(out);
    pawli_json_open(out, '{');
    pawli_event_json(out, event);
    pawli_json_close(out, '}');
}

/* One that was purged is not known. */
static int put_recorded_message(struct cli *cli, struct json_writer *out, const pawl_uuid *id)
{
    pawl_messages *messages;
    int status = pawl_message_get(cli->store, id, &messages, &cli->error);
    pawli_json_comma(out);
    pawli_json_open(out, '{');
    if (status == PAWL_OK) {
        pawli_message_json(out, pawl_messages_get(messages, 0));
        pawl_messages_free(messages);
    }
    pawli_json_close(out, '}');
    return status == PAWL_ENOTFOUND ? PAWL_OK : status;
}

static int put_recorded(struct cli *cli, enum shadow_kind kind, const pawl_record *record, struct buffer *buffer)
{
    struct json_writer out = {buffer, false};
    struct text posts;
    int status = PAWL_OK;
    if (kind == SHADOW_POSTS) {
        if (record->effects && find(text_of(record->effects), "posts", &posts))
            pawli_buffer_add_text(buffer, posts);
        else
            pawli_buffer_add_string(buffer, "[]");
        return PAWL_OK;
    }
    pawli_json_open(&out, '[');
    for (size_t i = 0; kind == SHADOW_EVENTS && i < record->event_count; i++)
        put_recorded_event(&out, &record->events[i]);
    for (size_t i = 0; kind == SHADOW_MESSAGES && status == PAWL_OK && i < record->message_count; i++)
        status = put_recorded_message(cli, &out, &record->messages[i]);
    pawli_json_close(&out, ']');
    return status;
}

/* ---- one beside the other ---- */

/* The item of the other side that stands for this one: events by their index, as some are kept without. */
static bool is_unknown(enum shadow_kind kind, const pawl_record *record, size_t index, bool *hides_data)
{
    *hides_data = false;
    if (kind != SHADOW_EVENTS)
        return false;
    for (size_t i = 0; i < record->event_count; i++)
        if (record->events[i].index == index) {
            *hides_data = record->events[i].data == NULL;
            return false;
        }
    return record->event_count > 0 && index < record->events[record->event_count - 1].index;
}

static bool put_all(struct buffer *buffer, enum shadow_kind kind, struct text array, const pawl_record *record,
                    bool is_recorded, struct arena *arena)
{
    struct json_writer out = {buffer, false};
    struct text item;
    bool good = true;
    size_t index = 0;
    pawli_json_open(&out, '[');
    struct json_walk walk = pawli_json_walk(array.data ? array : TEXT("[]"));
    for (size_t at = 0; good && pawli_json_item(&walk, &item); at++, index++) {
        bool hides_data;
        if (is_recorded && kind == SHADOW_EVENTS)
            index = record->events[at].index;
        if (is_unknown(kind, record, index, &hides_data))
            continue;
        good = put_item(&out, kind, item, hides_data, arena);
    }
    pawli_json_close(&out, ']');
    return good;
}

static void print(struct cli *cli, uint64_t seq, enum shadow_kind kind, struct text recorded, struct text computed)
{
    if (!cli->json) {
        cli_print("record %" PRIu64 ", %s: recorded %.*s, computed %.*s", seq, cli_shadow_names[kind],
                  TEXT_ARG(recorded), TEXT_ARG(computed));
        return;
    }
    struct json_writer *out = cli_object(cli);
    pawli_json_put_u64(out, "seq", seq);
    pawli_json_put_string(out, "what", cli_shadow_names[kind]);
    pawli_json_put_raw(out, "recorded", recorded);
    pawli_json_put_raw(out, "computed", computed);
    cli_object_end(cli);
}

static int compare(struct cli *cli, enum shadow_kind kind, const pawl_record *record, struct text given,
                   uint64_t *differences)
{
    struct buffer raw, recorded, computed;
    struct arena arena = {0};
    buffer_init(&raw, SIZE_MAX / 2);
    buffer_init(&recorded, SIZE_MAX / 2);
    buffer_init(&computed, SIZE_MAX / 2);
    int status = put_recorded(cli, kind, record, &raw);
    if (status == PAWL_OK) {
        bool good = put_all(&recorded, kind, buffer_text(&raw), record, true, &arena);
        bool is_good = put_all(&computed, kind, given, record, false, &arena);
        if (raw.failed || recorded.failed || computed.failed || pawli_arena_failed(&arena) || !good)
            status = pawli_no_memory(&cli->error);
        else if (!is_good)
            status = cli_hint(cli,
                              cli_fail(cli, PAWL_EINVAL, "the answer to record %" PRIu64 " has %s that cannot be read",
                                       record->seq, cli_shadow_names[kind]),
                              "each is an array of objects, as in a transition that is submitted");
        else if (!text_equal(buffer_text(&recorded), buffer_text(&computed))) {
            ++*differences;
            print(cli, record->seq, kind, buffer_text(&recorded), buffer_text(&computed));
        }
    }
    pawli_buffer_done(&raw);
    pawli_buffer_done(&recorded);
    pawli_buffer_done(&computed);
    pawli_arena_done(&arena);
    return status;
}

int cli_shadow_compare(struct cli *cli, const pawl_record *record, const struct text computed[SHADOW_COUNT],
                       uint64_t *differences)
{
    int status = PAWL_OK;
    for (enum shadow_kind kind = 0; status == PAWL_OK && kind < SHADOW_COUNT; kind++)
        status = compare(cli, kind, record, computed[kind], differences);
    return status;
}
