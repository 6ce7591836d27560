/* SPDX-License-Identifier: MIT */
#include "commit/draft.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/json.h"
#include "model/check.h"

void pawli_drafting_init(struct drafting *drafting, struct env *env, struct arena *arena)
{
    drafting->env = env;
    drafting->arena = arena;
    drafting->weight = 0;
    pawli_hasher_init(&drafting->hasher);
}

void pawli_drafting_done(struct drafting *drafting)
{
    pawli_hasher_done(&drafting->hasher);
}

struct text pawli_draft_text(struct drafting *drafting, const char *string)
{
    struct text text = text_of(string);
    drafting->weight += text.size;
    return pawli_arena_text(drafting->arena, text);
}

int pawli_draft_body(struct drafting *drafting, const char *field, const void *data, size_t size, struct text *body,
                     pawl_error *err)
{
    struct text given = {data ? data : "", size};
    int status = pawli_check_bytes(field, data, size, err);
    if (status == PAWL_OK)
        status = pawli_check_body(field, given, err);
    if (status < 0)
        return status;
    drafting->weight += size;
    if (drafting->weight > LIMIT_UNIT_SIZE)
        return pawli_fail(err, PAWL_ELIMIT, "the bodies together are over the limit of %d bytes", LIMIT_UNIT_SIZE);
    *body = pawli_arena_text(drafting->arena, given);
    return body->data ? PAWL_OK : pawli_no_memory(err);
}

int pawli_draft_content_type(struct drafting *drafting, const char *field, const char *given, struct text body,
                             struct text *content_type, pawl_error *err)
{
    const char *problem;
    size_t at;
    if (!given) {
        *content_type = pawli_content_type_of(body);
        return content_type->data ? PAWL_OK : pawli_no_memory(err);
    }
    int status = pawli_check_content_type(text_of(given), err);
    if (status < 0)
        return status;
    enum json_verdict verdict = strcmp(given, "application/json") == 0 ? pawli_json_check(body, &problem, &at)
                                                                       : JSON_GOOD;
    if (verdict == JSON_NO_MEMORY)
        return pawli_no_memory(err);
    if (verdict == JSON_BAD)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "%s is not JSON: %s, at byte %zu", field, problem, at + 1),
                          "mend it, or give another content_type");
    *content_type = pawli_draft_text(drafting, given);
    return PAWL_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const pawl_header *)a)->name, ((const pawl_header *)b)->name);
}

/* A JSON object with sorted names: one form for one set of headers. */
static int draft_headers(struct drafting *drafting, const pawl_message *message, struct text *headers, pawl_error *err)
{
    size_t count = message->header_count;
    if (count == 0)
        return PAWL_OK;
    int status = pawli_check_bytes("headers", message->headers, count, err);
    if (status < 0)
        return status;
    if (count > LIMIT_HEADERS)
        return pawli_fail(err, PAWL_ELIMIT, "headers has %zu members, the limit is %d", count, LIMIT_HEADERS);
    pawl_header *sorted = arena_array(drafting->arena, pawl_header, count);
    if (!sorted)
        return pawli_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = message->headers[i];
        status = pawli_check_header(text_of(sorted[i].name), text_of(sorted[i].value ? sorted[i].value : ""), err);
        if (status < 0)
            return status;
    }
    qsort(sorted, count, sizeof *sorted, by_name);
    struct buffer buffer;
    buffer_init(&buffer, (size_t)LIMIT_HEADERS * LIMIT_HEADER * 6);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '{');
    const char *twice = NULL;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(sorted[i - 1].name, sorted[i].name) == 0)
            twice = sorted[i].name;
        pawli_json_put_text(&writer, sorted[i].name, text_of(sorted[i].value ? sorted[i].value : ""));
    }
    pawli_json_close(&writer, '}');
    *headers = pawli_arena_text(drafting->arena, buffer_text(&buffer));
    drafting->weight += buffer.size;
    bool failed = buffer.failed;
    pawli_buffer_done(&buffer);
    if (twice)
        return pawli_fail(err, PAWL_EINVAL, "headers has \"%.64s\" twice", twice);
    return failed || !headers->data ? pawli_no_memory(err) : PAWL_OK;
}

static int check_times(const pawl_message *message, struct wall_time now, pawl_error *err)
{
    if (message->available_at_ms && message->delay_ms)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "available_at and delay_ms are both given"),
                          "give a time, or a delay from now");
    const struct {
        const char *field;
        int64_t value;
    } times[] = {{"available_at", message->available_at_ms},
                 {"delay_ms", message->delay_ms},
                 {"expires_in_ms", message->expires_in_ms},
                 {"deadline", message->deadline_ms}};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        int status = pawli_check_range(times[i].field, times[i].value, 0, INT64_MAX - 1, err);
        if (status < 0)
            return status;
    }
    int64_t available = message->available_at_ms ? message->available_at_ms : wall_after_ms(now, message->delay_ms).ms;
    if (message->expires_in_ms && available >= wall_after_ms(now, message->expires_in_ms).ms)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "expires_in_ms is over before the message is available"),
                          "it counts from now: let it be longer than the delay");
    return PAWL_OK;
}

static int check_message(const pawl_message *message, struct wall_time now, pawl_error *err)
{
    int status = pawli_check_name("lane", text_of(message->lane), err);
    if (status == PAWL_OK)
        status = pawli_check_name("target", text_of(message->target), err);
    if (status == PAWL_OK)
        status = pawli_check_key("key", text_of(message->key), err);
    if (status == PAWL_OK)
        status = pawli_check_key("dedupe", text_of(message->dedupe), err);
    if (status == PAWL_OK)
        status = pawli_check_key("sender", text_of(message->sender), err);
    if (status == PAWL_OK && message->priority != 0)
        status = pawli_check_range("priority", message->priority, 1, 9, err);
    if (status == PAWL_OK && message->max_attempts != 0)
        status = pawli_check_range("max_attempts", message->max_attempts, 1, 1000000, err);
    if (status == PAWL_OK && message->dedupe && !uuid_is_nil(&message->request_id))
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "dedupe and request_id are both given"),
                            "give one: either makes the same again the stored message");
    return status == PAWL_OK ? check_times(message, now, err) : status;
}

static struct wall_time wall_or_never(int64_t ms)
{
    return ms ? (struct wall_time){ms} : WALL_NEVER;
}

int pawli_draft_message(struct drafting *drafting, const pawl_message *messages, size_t index,
                        struct message_draft *draft, pawl_error *err)
{
    pawl_message message;
    if (!pawli_copy_item(&message, sizeof message, messages, index))
        return pawli_bad_struct("pawl_message", err);
    int status = check_message(&message, drafting->env->ops->wall_now(drafting->env), err);
    if (status < 0)
        return status;
    *draft = (struct message_draft){.delay_ms = message.delay_ms ? message.delay_ms : -1,
                                    .expires_in_ms = message.expires_in_ms ? message.expires_in_ms : -1};
    struct message_row *row = &draft->row;
    status = pawli_draft_body(drafting, "data", message.data, message.data_size, &row->payload, err);
    if (status == PAWL_OK)
        status = pawli_draft_content_type(drafting, "data", message.content_type, row->payload, &row->content_type,
                                          err);
    if (status == PAWL_OK)
        status = draft_headers(drafting, &message, &row->headers, err);
    if (status < 0)
        return status;
    draft->lane = pawli_draft_text(drafting, message.lane);
    draft->target = pawli_draft_text(drafting, message.target);
    row->sender = pawli_draft_text(drafting, message.sender);
    row->key = pawli_draft_text(drafting, message.key);
    row->dedupe = pawli_draft_text(drafting, message.dedupe);
    row->request_id = message.request_id;
    row->priority = message.priority ? (uint32_t)message.priority : 5;
    row->max_attempts = message.max_attempts;
    row->available = (struct wall_time){message.available_at_ms};
    row->deadline = wall_or_never(message.deadline_ms);
    row->expires = WALL_NEVER;
    drafting->env->ops->random(drafting->env, &row->tail, sizeof row->tail);
    row->tail &= MESSAGE_TAIL_MAX;
    row->fingerprint = pawli_message_fingerprint(&drafting->hasher, draft->lane, draft->target, row);
    draft->has_bound = row->dedupe.data || !uuid_is_nil(&row->request_id);
    draft->bound_kind = row->dedupe.data ? BOUND_DEDUPE : BOUND_REQUEST;
    draft->bound_key = row->dedupe.data
                           ? row->dedupe
                           : pawli_arena_text(drafting->arena, (struct text){(const char *)&row->request_id, 16});
    drafting->weight += 200; /* about what the rows around a body take */
    return pawli_arena_failed(drafting->arena) || drafting->hasher.failed ? pawli_no_memory(err) : PAWL_OK;
}

/* Error texts are data of other systems: whatever they are, a readable beginning of them is kept. */
static struct text draft_cut(struct drafting *drafting, const char *string, size_t limit)
{
    struct text text = text_of(string);
    if (!text.data)
        return text;
    text.size = pawli_utf8_cut(text, limit);
    char *copy = pawli_arena_alloc_raw(drafting->arena, text.size + 1);
    if (!copy)
        return (struct text){0};
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)copy[i] < 0x20 && copy[i] != '\n' && copy[i] != '\t')
            copy[i] = ' ';
    struct text kept = {copy, text.size};
    for (size_t i = 0; !pawli_utf8_valid(kept) && i < text.size; i++)
        if ((unsigned char)copy[i] >= 0x80)
            copy[i] = '?';
    return kept;
}

int pawli_draft_settlement(struct drafting *drafting, const pawl_settlement *settlements, size_t index,
                           struct settlement *draft, pawl_error *err)
{
    pawl_settlement settlement;
    if (!pawli_copy_item(&settlement, sizeof settlement, settlements, index))
        return pawli_bad_struct("pawl_settlement", err);
    int status = pawli_check_range("verdict", settlement.verdict, 0, PAWL_VERDICT_COUNT - 1, err);
    if (status == PAWL_OK)
        status = pawli_check_range("retry_in_ms", settlement.retry_in_ms, 0, INT64_MAX - 1, err);
    if (status == PAWL_OK && settlement.verdict == PAWL_VERDICT_EXTEND && settlement.has_retry_in)
        status = pawli_check_range("lease", settlement.retry_in_ms, 1, LIMIT_LEASE_MS, err);
    if (status == PAWL_OK && uuid_is_nil(&settlement.id))
        status = pawli_fail(err, PAWL_EINVAL, "id is missing");
    if (status == PAWL_OK)
        status = pawli_check_text("remote_id", text_of(settlement.remote_id), LIMIT_REMOTE_ID, err);
    if (status == PAWL_OK)
        status = pawli_check_bytes("progress", settlement.progress, settlement.progress_size, err);
    if (status == PAWL_OK)
        status = pawli_check_bytes("messages", settlement.messages, settlement.message_count, err);
    if (status == PAWL_OK && settlement.progress_size > LIMIT_PROGRESS)
        status = pawli_fail(err, PAWL_ELIMIT, "progress is %zu bytes long, the limit is %d", settlement.progress_size,
                            LIMIT_PROGRESS);
    if (status == PAWL_OK && settlement.message_count > LIMIT_MESSAGES)
        status = pawli_fail(err, PAWL_ELIMIT, "messages has %zu items, the limit is %d", settlement.message_count,
                            LIMIT_MESSAGES);
    if (status < 0)
        return status;
    *draft = (struct settlement){.id = settlement.id,
                                 .token = settlement.token,
                                 .verdict = (enum verdict)settlement.verdict,
                                 .retry_in_ms = settlement.has_retry_in ? settlement.retry_in_ms : -1,
                                 .retry_is_least = settlement.retry_is_least};
    draft->error = draft_cut(drafting, settlement.error, LIMIT_ERROR_TEXT);
    draft->response = draft_cut(drafting, settlement.response, LIMIT_ERROR_TEXT);
    draft->remote_id = pawli_draft_text(drafting, settlement.remote_id);
    if (settlement.progress)
        draft->progress = pawli_arena_text(drafting->arena,
                                           (struct text){settlement.progress, settlement.progress_size});
    drafting->env->ops->random(drafting->env, &draft->random, sizeof draft->random);
    drafting->weight += 100;
    if (settlement.message_count == 0)
        return pawli_arena_failed(drafting->arena) ? pawli_no_memory(err) : PAWL_OK;
    draft->messages = arena_array(drafting->arena, struct message_draft, settlement.message_count);
    if (!draft->messages)
        return pawli_no_memory(err);
    for (size_t i = 0; i < settlement.message_count; i++, draft->message_count++) {
        status = pawli_draft_message(drafting, settlement.messages, i, &draft->messages[i], err);
        if (status < 0)
            return status;
    }
    return PAWL_OK;
}

void pawli_error_item(pawl_error *err, const char *what, size_t index, size_t count)
{
    if (count >= 2)
        pawli_fail_in(err, "%s %zu", what, index + 1);
}
