/* SPDX-License-Identifier: MIT */
/* Transitions, messages and settlements out of JSON. */
#include <stdio.h>

#include "api/items.h"
#include "api/shape.h"
#include "base/codec.h"
#include "base/uuid.h"
#include "model/limits.h"

bool pawli_api_token(struct text text, uint64_t *token)
{
    if (text.size < 1 || text.size > 20)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    if (!pawli_parse_u64(text, token))
        *token = UINT64_MAX;
    return true;
}

/* Which item of a list an error is about. */
static int in_item(const char *list, size_t index, int status, pawl_error *err)
{
    if (status < 0)
        pawli_fail_in(err, "%s %zu", list, index + 1);
    return status;
}

static size_t count_items(struct text array)
{
    struct text item;
    size_t count = 0;
    for (struct json_walk walk = pawli_json_walk(array); pawli_json_item(&walk, &item);)
        count++;
    return count;
}

/* Items are counted before anything is made of them. */
static int check_list(const char *name, struct text array, size_t limit, size_t *count, pawl_error *err)
{
    *count = array.data ? count_items(array) : 0;
    if (*count > limit)
        return pawli_fail(err, PAWL_ELIMIT, "%s has %zu items, the limit is %zu", name, *count, limit);
    return PAWL_OK;
}

int pawli_api_choose_body(const char *name, struct text json, struct text bytes, struct text *body, pawl_error *err)
{
    if (json.data && bytes.data)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s and %s_base64 are both given", name, name),
                          "give JSON as %s, anything else as %s_base64", name, name);
    *body = json.data ? json : bytes;
    return PAWL_OK;
}

const char *pawli_api_type_of(const char *content_type, struct text json)
{
    return content_type || !json.data ? content_type : "application/json";
}

int pawli_api_check_json(const char *name, struct text json, pawl_error *err)
{
    const char *problem;
    size_t at;
    switch (json.data ? pawli_json_check(json, &problem, &at) : JSON_GOOD) {
    case JSON_NO_MEMORY:
        return pawli_no_memory(err);
    case JSON_BAD:
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s is not JSON: %s, at byte %zu", name, problem, at + 1),
                          "mend it, or give it as %s_base64", name);
    case JSON_GOOD:
        break;
    }
    return PAWL_OK;
}

static int not_an_object(const char *list, pawl_error *err)
{
    return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "an item of %s must be an object", list),
                      "write %s as [{…}, …]", list);
}

/* ---- messages ---- */

struct message_in {
    const char *lane, *target, *content_type, *key, *dedupe, *sender;
    struct text data, data_base64, headers;
    int64_t priority, max_attempts, available_at, delay_ms, expires_in_ms, deadline;
    pawl_uuid request_id;
};

#define IN(member) offsetof(struct message_in, member)
static const struct field message_fields[] = {
    {"lane", FIELD_STRING, IN(lane), 0, 0},
    {"target", FIELD_STRING, IN(target), 0, 0},
    {"data", FIELD_JSON, IN(data), 0, 0},
    {"data_base64", FIELD_BASE64, IN(data_base64), 0, 0},
    {"content_type", FIELD_STRING, IN(content_type), 0, 0},
    {"key", FIELD_STRING, IN(key), 0, 0},
    {"dedupe", FIELD_STRING, IN(dedupe), 0, 0},
    {"priority", FIELD_NUMBER, IN(priority), 1, 9},
    {"available_at", FIELD_NUMBER, IN(available_at), 0, 0},
    {"delay_ms", FIELD_NUMBER, IN(delay_ms), 0, 0},
    {"expires_in_ms", FIELD_NUMBER, IN(expires_in_ms), 1, INT64_MAX - 1},
    {"max_attempts", FIELD_NUMBER, IN(max_attempts), 1, 1000000},
    {"headers", FIELD_OBJECT, IN(headers), 0, 0},
    {"sender", FIELD_STRING, IN(sender), 0, 0},
    {"deadline", FIELD_NUMBER, IN(deadline), 0, 0},
    {"request_id", FIELD_UUID, IN(request_id), 0, 0},
};
#undef IN
static const struct shape message_shape = {"a message", message_fields, COUNT_OF(message_fields)};

static int read_headers(struct arena *arena, struct text json, pawl_message *message, pawl_error *err)
{
    struct text name, value, texts[2];
    pawl_header *headers = NULL;
    size_t room = 0;
    if (!json.data)
        return PAWL_OK;
    for (struct json_walk walk = pawli_json_walk(json); pawli_json_member(&walk, &name, &value);) {
        if (message->header_count == LIMIT_HEADERS)
            return pawli_fail(err, PAWL_ELIMIT, "headers has over %d members, which is the limit", LIMIT_HEADERS);
        int status = pawli_shape_string("the name of a header", arena, name, &texts[0], err);
        if (status == PAWL_OK)
            status = pawli_shape_string("the value of a header", arena, value, &texts[1], err);
        if (status < 0)
            return status;
        if (!pawli_arena_reserve(arena, (void **)&headers, sizeof *headers, message->header_count + 1, &room))
            return pawli_no_memory(err);
        headers[message->header_count++] = (pawl_header){texts[0].data, texts[1].data};
    }
    message->headers = headers;
    return PAWL_OK;
}

static int read_message(struct arena *arena, struct text json, pawl_message *ret_message, pawl_error *err)
{
    struct message_in in = {0};
    struct text body = {0};
    int status = pawli_shape_read(&message_shape, arena, json, &in, err);
    if (status == PAWL_OK)
        status = pawli_api_choose_body("data", in.data, in.data_base64, &body, err);
    if (status < 0)
        return status;
    pawl_message message = {PAWL_MESSAGE,
                            .lane = in.lane,
                            .target = in.target,
                            .data = body.data,
                            .data_size = body.size,
                            .content_type = pawli_api_type_of(in.content_type, in.data),
                            .key = in.key,
                            .dedupe = in.dedupe,
                            .sender = in.sender,
                            .priority = (int32_t)in.priority,
                            .max_attempts = (uint32_t)in.max_attempts,
                            .available_at_ms = in.available_at,
                            .delay_ms = in.delay_ms,
                            .expires_in_ms = in.expires_in_ms,
                            .deadline_ms = in.deadline,
                            .request_id = in.request_id};
    status = read_headers(arena, in.headers, &message, err);
    if (status == PAWL_OK)
        *ret_message = message;
    return status;
}

int pawli_api_message(struct arena *arena, struct text json, pawl_message *ret_message, pawl_error *err)
{
    int status = pawli_shape_check(&message_shape, &json, err);
    return status == PAWL_OK ? read_message(arena, json, ret_message, err) : status;
}

/* ---- settlements ---- */

struct settlement_in {
    pawl_uuid id;
    struct field_count token;
    const char *verdict, *error, *remote_id;
    int64_t retry_in_ms;
    struct text messages;
};

#define IN(member) offsetof(struct settlement_in, member)
static const struct field settlement_fields[] = {
    {"id", FIELD_UUID, IN(id), 0, 0},
    {"token", FIELD_TOKEN, IN(token), 0, 0},
    {"verdict", FIELD_STRING, IN(verdict), 0, 0},
    {"error", FIELD_STRING, IN(error), 0, 0},
    {"retry_in_ms", FIELD_NUMBER, IN(retry_in_ms), 0, 0},
    {"remote_id", FIELD_STRING, IN(remote_id), 0, 0},
    {"messages", FIELD_ARRAY, IN(messages), 0, 0},
};
#undef IN
static const struct shape settlement_shape = {"a settlement", settlement_fields, COUNT_OF(settlement_fields)};

static int read_follow_ups(struct arena *arena, struct text json, pawl_settlement *settlement, pawl_error *err)
{
    size_t count;
    struct text item;
    int status = check_list("messages", json, LIMIT_MESSAGES, &count, err);
    if (status < 0 || count == 0)
        return status;
    pawl_message *messages = arena_array(arena, pawl_message, count);
    if (!messages)
        return pawli_no_memory(err);
    struct json_walk walk = pawli_json_walk(json);
    for (size_t i = 0; status == PAWL_OK && pawli_json_item(&walk, &item); i++) {
        status = pawli_json_type(item) == JSON_OBJECT ? read_message(arena, item, &messages[i], err)
                                                      : not_an_object("messages", err);
        status = in_item("message", i, status, err);
    }
    settlement->messages = messages;
    settlement->message_count = count;
    return status;
}

static int check_settlement(const struct settlement_in *in, int verdict, pawl_error *err)
{
    if (!in->token.given)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "token is missing"), "give the token of the claim");
    if (verdict < 0)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EINVAL, "verdict %s%.40s%s", in->verdict ? "\"" : "is missing",
                                     in->verdict ? in->verdict : "", in->verdict ? "\" is none" : ""),
                          "use delivered, retry, dead, uncertain, deferred, released, submitted or extend");
    return PAWL_OK;
}

static int read_settlement(struct arena *arena, struct text json, pawl_settlement *ret_settlement, pawl_error *err)
{
    struct settlement_in in = {.retry_in_ms = -1};
    int status = pawli_shape_read(&settlement_shape, arena, json, &in, err);
    int verdict = pawl_verdict_parse(in.verdict);
    if (status == PAWL_OK)
        status = check_settlement(&in, verdict, err);
    if (status < 0)
        return status;
    pawl_settlement settlement = {PAWL_SETTLEMENT,
                                  .id = in.id,
                                  .token = in.token.value,
                                  .verdict = verdict,
                                  .error = in.error,
                                  .remote_id = in.remote_id,
                                  .retry_in_ms = in.retry_in_ms < 0 ? 0 : in.retry_in_ms,
                                  .has_retry_in = in.retry_in_ms >= 0};
    status = read_follow_ups(arena, in.messages, &settlement, err);
    if (status == PAWL_OK)
        *ret_settlement = settlement;
    return status;
}

int pawli_api_settlement(struct arena *arena, struct text json, pawl_settlement *ret_settlement, pawl_error *err)
{
    int status = pawli_shape_check(&settlement_shape, &json, err);
    return status == PAWL_OK ? read_settlement(arena, json, ret_settlement, err) : status;
}

/* ---- transitions ---- */

struct event_in {
    const char *topic, *type, *key, *content_type, *keep;
    struct text data, data_base64;
    struct field_count stream_seq;
};

#define IN(member) offsetof(struct event_in, member)
static const struct field event_fields[] = {
    {"topic", FIELD_STRING, IN(topic), 0, 0},
    {"type", FIELD_STRING, IN(type), 0, 0},
    {"key", FIELD_STRING, IN(key), 0, 0},
    {"data", FIELD_JSON, IN(data), 0, 0},
    {"data_base64", FIELD_BASE64, IN(data_base64), 0, 0},
    {"content_type", FIELD_STRING, IN(content_type), 0, 0},
    {"keep", FIELD_STRING, IN(keep), 0, 0},
    {"stream_seq", FIELD_COUNT, IN(stream_seq), 0, 0},
};
#undef IN
static const struct shape event_shape = {"an event", event_fields, COUNT_OF(event_fields)};

static int add_event(pawl_transition *transition, struct api_reading *reading, struct text json, pawl_error *err)
{
    struct event_in in = {0};
    struct text body = {0};
    int status = pawli_shape_read(&event_shape, &reading->arena, json, &in, err);
    if (status == PAWL_OK)
        status = pawli_api_choose_body("data", in.data, in.data_base64, &body, err);
    if (status < 0)
        return status;
    int32_t keep = pawl_keep_parse(in.keep);
    if (in.keep && keep < 0 && !reading->unknown_keep)
        reading->unknown_keep = in.keep;
    pawl_transition_event(
        transition, &(pawl_event){PAWL_EVENT, .topic = in.topic, .type = in.type, .key = in.key, .data = body.data,
                                  .data_size = body.size, .content_type = pawli_api_type_of(in.content_type, in.data),
                                  .stream_seq = in.stream_seq.value, .has_stream_seq = in.stream_seq.given,
                                  .keep = keep < 0 ? PAWL_KEEP_FULL : keep, .has_keep = in.keep != NULL});
    return PAWL_OK;
}

static int add_message(pawl_transition *transition, struct api_reading *reading, struct text json, pawl_error *err)
{
    pawl_message message;
    int status = read_message(&reading->arena, json, &message, err);
    if (status == PAWL_OK)
        pawl_transition_message(transition, &message);
    return status;
}

static int add_settlement(pawl_transition *transition, struct api_reading *reading, struct text json, pawl_error *err)
{
    pawl_settlement settlement;
    int status = read_settlement(&reading->arena, json, &settlement, err);
    if (status == PAWL_OK)
        pawl_transition_settle(transition, &settlement);
    return status;
}

struct transition_in {
    pawl_uuid request_id;
    const char *type, *ref, *content_type, *id_from;
    struct text data, data_base64, response, response_base64, state_digest;
    struct lists_in lists;
    int64_t duration_us, received_at, expect_seq;
};

#define IN(member) offsetof(struct transition_in, member)
static const struct field transition_fields[] = {
    {"type", FIELD_STRING, IN(type), 0, 0},
    {"request_id", FIELD_UUID, IN(request_id), 0, 0},
    {"id_from", FIELD_STRING, IN(id_from), 0, 0},
    {"ref", FIELD_STRING, IN(ref), 0, 0},
    {"data", FIELD_JSON, IN(data), 0, 0},
    {"data_base64", FIELD_BASE64, IN(data_base64), 0, 0},
    {"content_type", FIELD_STRING, IN(content_type), 0, 0},
    {"response", FIELD_JSON, IN(response), 0, 0},
    {"response_base64", FIELD_BASE64, IN(response_base64), 0, 0},
    LIST_FIELDS(struct transition_in, lists),
    {"state_digest", FIELD_OBJECT, IN(state_digest), 0, 0},
    {"duration_us", FIELD_NUMBER, IN(duration_us), 0, 0},
    {"received_at", FIELD_NUMBER, IN(received_at), 1, INT64_MAX - 1},
    {"expect_seq", FIELD_NUMBER, IN(expect_seq), 1, INT64_MAX - 1},
};
#undef IN
static const struct shape transition_shape = {"a transition", transition_fields, COUNT_OF(transition_fields)};

struct digests_in {
    struct text pre, post;
};

static const struct field digest_fields[] = {
    {"pre", FIELD_HEX, offsetof(struct digests_in, pre), 0, 0},
    {"post", FIELD_HEX, offsetof(struct digests_in, post), 0, 0},
};
static const struct shape digest_shape = {"state_digest", digest_fields, COUNT_OF(digest_fields)};

/* What a transition has lists of. */
struct list {
    const char *name, *item;
    size_t limit;
    pawli_api_add *add;
    size_t at; /* in what was read */
};

static int add_list(pawl_transition *transition, struct api_reading *reading, const struct list *list, struct text json,
                    pawl_error *err)
{
    size_t count;
    struct text item;
    int status = check_list(list->name, json, list->limit, &count, err);
    if (status < 0 || count == 0)
        return status;
    struct json_walk walk = pawli_json_walk(json);
    for (size_t i = 0; status == PAWL_OK && pawli_json_item(&walk, &item); i++) {
        status = pawli_json_type(item) == JSON_OBJECT ? list->add(transition, reading, item, err)
                                                      : not_an_object(list->name, err);
        status = in_item(list->item, i, status, err);
    }
    return status;
}

#define IN(member) offsetof(struct lists_in, member)
static const struct list lists[] = {
    {"events", "event", LIMIT_EVENTS, add_event, IN(events)},
    {"messages", "message", LIMIT_MESSAGES, add_message, IN(messages)},
    {"settle", "settlement", LIMIT_SETTLEMENTS, add_settlement, IN(settle)},
    {"posts", "post", LIMIT_POSTS, pawli_api_add_post, IN(posts)},
    {"fills", "fill", LIMIT_POSTS, pawli_api_add_fill, IN(fills)},
    {"projections", "projection", LIMIT_POSTS, pawli_api_add_projection, IN(projections)},
    {"counters", "counter", LIMIT_POSTS, pawli_api_add_counter, IN(counters)},
    {"starts", "start", LIMIT_STARTS, pawli_api_add_start, IN(starts)},
    {"resources", "resource", LIMIT_STARTS, pawli_api_add_resource, IN(resources)},
};
#undef IN

int pawli_api_add_lists(pawl_transition *transition, struct api_reading *reading, const struct lists_in *in,
                        pawl_error *err)
{
    int status = PAWL_OK;
    if (in->balanced)
        pawl_transition_balanced(transition);
    for (size_t i = 0; status == PAWL_OK && i < COUNT_OF(lists); i++)
        status = add_list(transition, reading, &lists[i], *(const struct text *)((const char *)in + lists[i].at), err);
    return status;
}

static int build(pawl_transition *transition, struct api_reading *reading, const struct transition_in *in,
                 pawl_error *err)
{
    struct text command = {0}, response = {0};
    int status = pawli_api_choose_body("data", in->data, in->data_base64, &command, err);
    if (status == PAWL_OK)
        status = pawli_api_choose_body("response", in->response, in->response_base64, &response, err);
    if (status == PAWL_OK)
        status = pawli_api_check_json("response", in->response, err);
    if (status < 0)
        return status;
    pawl_transition_command(transition, command.data, command.size);
    if (response.data)
        pawl_transition_response(transition, response.data, response.size);
    return pawli_api_add_lists(transition, reading, &in->lists, err);
}

int pawli_api_transition(pawl_store *store, struct api_reading *reading, struct text json,
                         pawl_transition **ret_transition, pawl_error *err)
{
    struct transition_in in = {0};
    struct digests_in digests = {0};
    int status = pawli_shape_check(&transition_shape, &json, err);
    if (status == PAWL_OK)
        status = pawli_shape_read(&transition_shape, &reading->arena, json, &in, err);
    if (status == PAWL_OK && in.state_digest.data)
        status = pawli_shape_read(&digest_shape, &reading->arena, in.state_digest, &digests, err);
    if (status < 0)
        return status;
    if (in.id_from && (!uuid_is_nil(&in.request_id) || !*in.id_from))
        return pawli_hint(
            err,
            pawli_fail(err, PAWL_EINVAL, *in.id_from ? "request_id and id_from are both given" : "id_from is blank"),
            "request_id takes a UUID, id_from makes one of any text");
    if (in.id_from)
        in.request_id = pawl_request_id_from(in.id_from, strlen(in.id_from));
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS,
                                       .type = in.type,
                                       .request_id = in.request_id,
                                       .ref = in.ref,
                                       .content_type = pawli_api_type_of(in.content_type, in.data),
                                       .received_at_ms = in.received_at,
                                       .expect_seq = (uint64_t)in.expect_seq,
                                       .duration_us = (uint64_t)in.duration_us,
                                       .state_pre = digests.pre.data,
                                       .state_pre_size = digests.pre.size,
                                       .state_post = digests.post.data,
                                       .state_post_size = digests.post.size};
    pawl_transition *transition = pawl_transition_new(store, &options);
    if (!transition)
        return pawli_no_memory(err);
    status = build(transition, reading, &in, err);
    if (status == PAWL_OK && pawli_arena_failed(&reading->arena))
        status = pawli_no_memory(err);
    if (status < 0) {
        pawl_transition_free(transition);
        return status;
    }
    *ret_transition = transition;
    return PAWL_OK;
}
