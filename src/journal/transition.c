/* SPDX-License-Identifier: MIT */
/* Building transitions, and what comes back: receipts. */
#include "pawl/transition.h"

#include <stdio.h>

#include "base/codec.h"
#include "base/json.h"
#include "commit/draft.h"
#include "model/check.h"

struct pawl_transition {
    pawl_store *store;
    struct unit unit;
    struct drafting drafting;
    struct record_draft record;
    struct event *events;
    size_t event_count, event_room;
    struct enqueue enqueue;
    size_t message_room;
    struct settle settle;
    size_t settle_room;
    bool has_content_type;
    pawl_error error; /* the first of building */
    pawl_transition_done *done;
    void *done_data;
};

struct pawl_receipt {
    uint64_t seq;
    pawl_uuid request_id;
    struct digest digest;
    bool was_replayed, differs;
    char scope[LIMIT_NAME + 1];
    struct text response, response_type, messages;
    char memory[];
};

/* ---- building ---- */

static bool may_build(const pawl_transition *t)
{
    return t && t->error.status == PAWL_OK && !t->unit.sealed;
}

static int read_options(pawl_transition *t, const pawl_transition_options *given, pawl_error *err)
{
    pawl_transition_options options;
    struct record_row *row = &t->record.row;
    if (!pawli_copy_options(&options, sizeof options, given))
        return pawli_bad_struct("pawl_transition_options", err);
    int status = pawli_check_name("type", text_of(options.type), err);
    if (status == PAWL_OK)
        status = pawli_check_key("ref", text_of(options.ref), err);
    if (status == PAWL_OK)
        status = pawli_check_content_type(text_of(options.content_type), err);
    if (status == PAWL_OK)
        status = pawli_check_range("received_at", options.received_at_ms, 0, INT64_MAX - 1, err);
    if (status == PAWL_OK && (options.expect_seq > INT64_MAX || options.duration_us > INT64_MAX))
        status = pawli_fail(err, PAWL_EINVAL, "%s is outside its range",
                            options.expect_seq > INT64_MAX ? "expect_seq" : "duration_us");
    if (status == PAWL_OK)
        status = pawli_check_bytes("state_pre", options.state_pre, options.state_pre_size, err);
    if (status == PAWL_OK)
        status = pawli_check_bytes("state_post", options.state_post, options.state_post_size, err);
    if (status == PAWL_OK &&
        (options.state_pre_size > LIMIT_STATE_DIGEST || options.state_post_size > LIMIT_STATE_DIGEST))
        status = pawli_fail(err, PAWL_EINVAL, "state_digest is longer than %d bytes", LIMIT_STATE_DIGEST);
    if (status < 0)
        return status;
    row->type = pawli_draft_text(&t->drafting, options.type);
    row->ref = pawli_draft_text(&t->drafting, options.ref);
    row->content_type = pawli_draft_text(&t->drafting, options.content_type);
    row->request_id = options.request_id;
    row->received = (struct wall_time){options.received_at_ms};
    row->duration_us = options.duration_us;
    t->record.expect_seq = options.expect_seq;
    if (options.state_pre)
        row->pre = pawli_arena_text(&t->unit.arena, (struct text){options.state_pre, options.state_pre_size});
    if (options.state_post)
        row->post = pawli_arena_text(&t->unit.arena, (struct text){options.state_post, options.state_post_size});
    t->has_content_type = options.content_type != NULL;
    return PAWL_OK;
}

pawl_transition *pawl_transition_new(pawl_store *store, const pawl_transition_options *options)
{
    pawl_transition *t = pawli_alloc(sizeof *t);
    if (!t)
        return NULL;
    if (pawli_check_given(&t->error, store) < 0)
        return t;
    struct env *env = store->opened->env;
    t->store = store;
    pawli_unit_init(&t->unit, &store->opened->committer, store->scope);
    pawli_drafting_init(&t->drafting, env, &t->unit.arena);
    t->record.row.command = TEXT("");
    if (pawli_check_given(&t->error, options) == PAWL_OK)
        read_options(t, options, &t->error);
    if (uuid_is_nil(&t->record.row.request_id)) {
        uint8_t random[10];
        env->ops->random(env, random, sizeof random);
        t->record.row.request_id = pawli_uuid_v7(env->ops->wall_now(env).ms, (uint16_t)(random[8] << 8 | random[9]),
                                                 random);
    }
    return t;
}

void pawl_transition_free(pawl_transition *t)
{
    if (!t)
        return;
    if (!t->store) {
        pawli_free(t);
        return;
    }
    pawli_drafting_done(&t->drafting);
    pawli_unit_done(&t->unit);
    pawli_free(t);
}

pawl_uuid pawl_transition_request_id(const pawl_transition *t)
{
    return t ? t->record.row.request_id : (pawl_uuid){{0}};
}

void pawl_transition_command(pawl_transition *t, const void *data, size_t size)
{
    if (may_build(t))
        pawli_draft_body(&t->drafting, "data", data, size, &t->record.row.command, &t->error);
}

void pawl_transition_response(pawl_transition *t, const void *response, size_t size)
{
    if (may_build(t))
        pawli_draft_body(&t->drafting, "response", response, size, &t->record.row.response, &t->error);
}

static int add_event(pawl_transition *t, const pawl_event *event, pawl_error *err)
{
    pawl_event copy;
    struct drafting *drafting = &t->drafting;
    int status = pawli_check_given(err, event);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&copy, sizeof copy, event))
        return pawli_bad_struct("pawl_event", err);
    if (t->event_count == LIMIT_EVENTS)
        return pawli_fail(err, PAWL_ELIMIT, "events has over %d items", LIMIT_EVENTS);
    status = pawli_check_topic("topic", text_of(copy.topic), err);
    if (status == PAWL_OK)
        status = pawli_check_name("event type", text_of(copy.type), err);
    if (status == PAWL_OK)
        status = pawli_check_key("event key", text_of(copy.key), err);
    if (status == PAWL_OK)
        status = pawli_check_range("keep", copy.keep, 0, KEEP_COUNT - 1, err);
    if (status < 0)
        return status;
    if (!pawli_arena_reserve(&t->unit.arena, (void **)&t->events, sizeof *t->events, t->event_count + 1,
                             &t->event_room))
        return pawli_no_memory(err);
    struct event *draft = &t->events[t->event_count];
    *draft = (struct event){
        .has_stream_seq = copy.has_stream_seq, .stream_seq = copy.stream_seq, .keep = (enum keep)copy.keep};
    status = pawli_draft_body(drafting, "event data", copy.data, copy.data_size, &draft->data, err);
    if (status == PAWL_OK)
        status = pawli_draft_content_type(drafting, "event data", copy.content_type, draft->data, &draft->content_type,
                                          err);
    if (status < 0)
        return status;
    draft->topic = pawli_draft_text(drafting, copy.topic);
    draft->type = pawli_draft_text(drafting, copy.type);
    draft->key = pawli_draft_text(drafting, copy.key);
    draft->hash = pawli_sha256(&drafting->hasher, draft->data);
    t->event_count++;
    return PAWL_OK;
}

void pawl_transition_event(pawl_transition *t, const pawl_event *event)
{
    if (may_build(t) && add_event(t, event, &t->error) < 0)
        pawli_error_item(&t->error, "event", t->event_count, 2);
}

static int add_draft(pawl_transition *t, const struct message_draft *draft, pawl_error *err)
{
    struct enqueue *enqueue = &t->enqueue;
    if (enqueue->count == LIMIT_MESSAGES)
        return pawli_fail(err, PAWL_ELIMIT, "messages has over %d items", LIMIT_MESSAGES);
    if (draft->has_bound && draft->bound_kind == BOUND_REQUEST)
        return pawli_fail(err, PAWL_EINVAL, "request_id belongs to the transition; a message of it takes dedupe");
    if (!pawli_arena_reserve(&t->unit.arena, (void **)&enqueue->messages, sizeof *enqueue->messages, enqueue->count + 1,
                             &t->message_room))
        return pawli_no_memory(err);
    enqueue->messages[enqueue->count++] = *draft;
    return PAWL_OK;
}

static int add_message(pawl_transition *t, const pawl_message *message, pawl_error *err)
{
    struct message_draft draft;
    int status = pawli_check_given(err, message);
    if (status == PAWL_OK)
        status = pawli_draft_message(&t->drafting, message, 0, &draft, err);
    return status == PAWL_OK ? add_draft(t, &draft, err) : status;
}

void pawl_transition_message(pawl_transition *t, const pawl_message *message)
{
    if (may_build(t) && add_message(t, message, &t->error) < 0)
        pawli_error_item(&t->error, "message", t->enqueue.count, 2);
}

static int add_settlement(pawl_transition *t, const pawl_settlement *settlement, pawl_error *err)
{
    struct settle *settle = &t->settle;
    int status = pawli_check_given(err, settlement);
    if (status < 0)
        return status;
    if (settle->count == LIMIT_SETTLEMENTS)
        return pawli_fail(err, PAWL_ELIMIT, "settle has over %d items", LIMIT_SETTLEMENTS);
    if (!pawli_arena_reserve(&t->unit.arena, (void **)&settle->items, sizeof *settle->items, settle->count + 1,
                             &t->settle_room))
        return pawli_no_memory(err);
    struct settlement *draft = &settle->items[settle->count];
    status = pawli_draft_settlement(&t->drafting, settlement, 0, draft, err);
    /* Its messages are the transition's, which is their record: a lost claim refuses them all the same. */
    for (size_t i = 0; status == PAWL_OK && i < draft->message_count; i++)
        status = add_draft(t, &draft->messages[i], err);
    draft->message_count = 0;
    if (status == PAWL_OK)
        settle->count++;
    return status;
}

void pawl_transition_settle(pawl_transition *t, const pawl_settlement *settlement)
{
    if (may_build(t) && add_settlement(t, settlement, &t->error) < 0)
        pawli_error_item(&t->error, "settlement", t->settle.count, 2);
}

/* ---- sealing ---- */

static struct text take_buffer(struct buffer *buffer, struct arena *arena)
{
    struct text text = pawli_arena_text(arena, buffer_text(buffer));
    arena->failed |= buffer->failed;
    pawli_buffer_done(buffer);
    return text;
}

/* Written straight into the arena: at worst every byte of a text is escaped as six, and of a body encoded as 4/3. */
static struct text trace_events(pawl_transition *t)
{
    struct buffer buffer;
    size_t room = 2;
    if (t->event_count == 0)
        return (struct text){0};
    for (size_t i = 0; i < t->event_count; i++) {
        const struct event *event = &t->events[i];
        room += 250 + event->data.size / 3 * 4 +
                6 * (event->topic.size + event->type.size + event->key.size + event->content_type.size);
    }
    buffer_init_over(&buffer, pawli_arena_alloc_raw(&t->unit.arena, room), room);
    pawli_trace_open(&buffer);
    for (size_t i = 0; i < t->event_count; i++)
        pawli_trace_event(&buffer, &t->unit.arena, &t->events[i], (uint32_t)i);
    pawli_trace_close(&buffer);
    t->unit.arena.failed |= buffer.failed;
    return buffer_text(&buffer);
}

/* The settlements as they were given. */
static struct text trace_settlements(pawl_transition *t)
{
    struct buffer buffer;
    char id[PAWL_UUID_TEXT_SIZE], token[24];
    if (t->settle.count == 0)
        return (struct text){0};
    buffer_init(&buffer, LIMIT_UNIT_SIZE);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '[');
    for (size_t i = 0; i < t->settle.count; i++) {
        const struct settlement *item = &t->settle.items[i];
        pawli_json_comma(&writer);
        pawli_json_open(&writer, '{');
        pawli_json_put_string(&writer, "id", pawl_uuid_format(&item->id, id));
        snprintf(token, sizeof token, "%llu", (unsigned long long)item->token);
        pawli_json_put_string(&writer, "token", token);
        pawli_json_put_string(&writer, "verdict", pawli_verdict_text(item->verdict));
        pawli_json_put_text(&writer, "error", item->error);
        pawli_json_put_text(&writer, "remote_id", item->remote_id);
        if (item->retry_in_ms >= 0)
            pawli_json_put_i64(&writer, "retry_in_ms", item->retry_in_ms);
        pawli_json_close(&writer, '}');
    }
    pawli_json_close(&writer, ']');
    return take_buffer(&buffer, &t->unit.arena);
}

static int seal(pawl_transition *t, pawl_error *err)
{
    struct record_row *row = &t->record.row;
    struct env *env = t->store->opened->env;
    struct arena *arena = &t->unit.arena;
    if (!t->has_content_type)
        row->content_type = pawli_content_type_of(row->command);
    else if (text_is(row->content_type, "application/json")) {
        struct text ignored;
        int status = pawli_draft_content_type(&t->drafting, "data", row->content_type.data, row->command, &ignored,
                                              err);
        if (status < 0)
            return status;
    }
    if (row->response.data)
        row->response_type = pawli_content_type_of(row->response);
    if (!row->content_type.data || (row->response.data && !row->response_type.data))
        return pawli_no_memory(err);
    if (row->received.ms == 0)
        row->received = env->ops->wall_now(env);
    row->events = trace_events(t);
    row->settled = trace_settlements(t);
    struct digest *fingerprints = arena_array(arena, struct digest, t->enqueue.count + 1);
    if (!fingerprints)
        return pawli_no_memory(err);
    for (size_t i = 0; i < t->enqueue.count; i++)
        fingerprints[i] = t->enqueue.messages[i].row.fingerprint;
    t->record.body = pawli_seal_body(&t->record, &t->drafting.hasher, t->events, t->event_count, fingerprints,
                                     t->enqueue.count);
    if (pawli_arena_failed(arena) || t->drafting.hasher.failed)
        return pawli_no_memory(err);
    t->unit.record = &t->record;
    t->unit.weight = t->drafting.weight + 500;
    t->settle.atomic = t->enqueue.atomic = true;
    if (t->settle.count)
        pawli_unit_add(&t->unit, &t->settle.effect, &pawli_effect_settle);
    if (t->enqueue.count)
        pawli_unit_add(&t->unit, &t->enqueue.effect, &pawli_effect_enqueue);
    t->unit.sealed = true;
    return PAWL_OK;
}

static int prepare(pawl_transition *t, pawl_error *err)
{
    if (t->error.status < 0) {
        if (err)
            *err = t->error;
        return t->error.status;
    }
    struct opened *opened = t->store->opened;
    int status = pawli_store_check_write(opened->store, err);
    if (status == PAWL_OK)
        status = pawli_check_own_scope(t->store->scope, err);
    if (status == PAWL_OK && !t->unit.sealed)
        status = seal(t, err);
    t->unit.deadline = pawli_deadline(opened, 0);
    return status;
}

/* ---- receipts ---- */

static struct text move_text(char **at, struct text text)
{
    if (!text.data)
        return text;
    char *copy = *at;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    *at += text.size + 1;
    return (struct text){copy, text.size};
}

static int make_receipt(const pawl_transition *t, pawl_receipt **ret_receipt, pawl_error *err)
{
    const struct record_row *row = &t->record.stored;
    pawl_receipt *receipt = pawli_alloc(sizeof *receipt + row->response.size + row->response_type.size +
                                        row->messages.size + 3);
    if (!receipt)
        return pawli_no_memory(err);
    receipt->seq = row->seq;
    receipt->request_id = row->request_id;
    receipt->digest = row->digest;
    receipt->was_replayed = t->record.replayed;
    receipt->differs = t->record.differs;
    memcpy(receipt->scope, t->unit.scope.data, t->unit.scope.size);
    char *at = receipt->memory;
    receipt->response = move_text(&at, row->response);
    receipt->response_type = move_text(&at, row->response_type);
    receipt->messages = move_text(&at, row->messages);
    *ret_receipt = receipt;
    return PAWL_OK;
}

int pawl_transition_commit(pawl_transition *t, pawl_receipt **ret_receipt, pawl_error *err)
{
    if (!t)
        return pawli_no_memory(err);
    int status = prepare(t, err);
    if (status == PAWL_OK)
        status = pawli_commit(&t->unit, err);
    if (status == PAWL_OK && ret_receipt)
        status = make_receipt(t, ret_receipt, err);
    return status;
}

static void submitted(struct unit *unit, void *data)
{
    pawl_transition *t = data;
    pawl_receipt *receipt = NULL;
    int status = unit->status;
    if (status == PAWL_OK)
        status = make_receipt(t, &receipt, &unit->error);
    t->done(t->done_data, status, receipt, &unit->error);
    pawl_transition_free(t);
}

int pawl_transition_submit(pawl_transition *t, pawl_transition_done *done, void *data, pawl_error *err)
{
    if (!t)
        return pawli_no_memory(err);
    int status = pawli_check_call(err, "done", done != NULL);
    if (status == PAWL_OK)
        status = prepare(t, err);
    t->done = done;
    t->done_data = data;
    return status == PAWL_OK ? pawli_commit_later(&t->unit, submitted, t, err) : status;
}

void pawl_receipt_free(pawl_receipt *receipt)
{
    pawli_free(receipt);
}

const char *pawl_receipt_scope(const pawl_receipt *receipt)
{
    return receipt ? receipt->scope : NULL;
}

uint64_t pawl_receipt_seq(const pawl_receipt *receipt)
{
    return receipt ? receipt->seq : 0;
}

pawl_uuid pawl_receipt_request_id(const pawl_receipt *receipt)
{
    return receipt ? receipt->request_id : (pawl_uuid){{0}};
}

const uint8_t *pawl_receipt_digest(const pawl_receipt *receipt)
{
    return receipt ? receipt->digest.bytes : NULL;
}

int pawl_receipt_was_replayed(const pawl_receipt *receipt)
{
    return receipt && receipt->was_replayed;
}

int pawl_receipt_differs(const pawl_receipt *receipt)
{
    return receipt && receipt->differs;
}

const void *pawl_receipt_response(const pawl_receipt *receipt, size_t *ret_size)
{
    if (ret_size)
        *ret_size = receipt ? receipt->response.size : 0;
    return receipt ? receipt->response.data : NULL;
}

const char *pawl_receipt_response_type(const pawl_receipt *receipt)
{
    return receipt ? receipt->response_type.data : NULL;
}

size_t pawl_receipt_message_count(const pawl_receipt *receipt)
{
    return receipt ? receipt->messages.size / RECORD_MESSAGE_SIZE : 0;
}

pawl_uuid pawl_receipt_message(const pawl_receipt *receipt, size_t index)
{
    pawl_uuid id = {{0}};
    if (index < pawl_receipt_message_count(receipt))
        memcpy(&id, receipt->messages.data + index * RECORD_MESSAGE_SIZE, sizeof id);
    return id;
}

/* ---- inside a caller's own transaction ---- */

struct pawl_join {
    pawl_store *store;
    void *native, *attachment;
};

int pawl_join_attach(pawl_store *store, void *sqlite3_connection, pawl_join **ret_join, pawl_error *err)
{
    int status = pawli_check_given(err, store, sqlite3_connection, ret_join);
    if (status < 0)
        return status;
    pawl_join *join = pawli_alloc(sizeof *join);
    if (!join)
        return pawli_no_memory(err);
    join->store = store;
    join->native = sqlite3_connection;
    status = pawli_store_attach(store->opened->store, sqlite3_connection, &join->attachment, err);
    if (status < 0)
        pawli_free(join);
    else
        *ret_join = join;
    return status;
}

void pawl_join_detach(pawl_join *join)
{
    if (!join)
        return;
    pawli_store_detach(join->store->opened->store, join->attachment);
    pawli_free(join);
}

int pawl_join_committed(pawl_join *join, pawl_error *err)
{
    int status = pawli_check_given(err, join);
    if (status == PAWL_OK)
        status = pawli_store_check(join->store->opened->store, err);
    return status < 0 ? status : pawli_store_committed(join->store->opened->store, join->attachment, err);
}

int pawl_join_append(pawl_join *join, pawl_transition *t, pawl_receipt **ret_promise, pawl_error *err)
{
    int status = pawli_check_given(err, join);
    if (status < 0)
        return status;
    if (!t)
        return pawli_no_memory(err);
    status = prepare(t, err);
    if (status == PAWL_OK)
        status = pawli_commit_joined(&t->unit, join->native, err);
    if (status == PAWL_OK && ret_promise)
        status = make_receipt(t, ret_promise, err);
    return status;
}

static int join_messages(pawl_join *join, struct drafting *drafting, struct enqueue *enqueue, struct unit *unit,
                         const pawl_message *messages, pawl_error *err)
{
    for (size_t i = 0; i < enqueue->count; i++) {
        int status = pawli_draft_message(drafting, messages, i, &enqueue->messages[i], err);
        if (status < 0) {
            pawli_error_item(err, "message", i, enqueue->count);
            return status;
        }
    }
    pawli_unit_add(unit, &enqueue->effect, &pawli_effect_enqueue);
    return pawli_commit_joined(unit, join->native, err);
}

int pawl_join_enqueue(pawl_join *join, const pawl_message *messages, size_t count, pawl_enqueued *results,
                      pawl_error *err)
{
    struct unit unit;
    struct drafting drafting;
    int status = pawli_check_given(err, join, messages);
    if (status == PAWL_OK)
        status = pawli_store_check_write(join->store->opened->store, err);
    if (status == PAWL_OK)
        status = pawli_check_own_scope(join->store->scope, err);
    if (status < 0)
        return status;
    if (count == 0 || count > LIMIT_MESSAGES)
        return pawli_fail(err, PAWL_EINVAL, "an enqueue has 1 to %d messages, not %zu", LIMIT_MESSAGES, count);
    pawli_unit_init(&unit, &join->store->opened->committer, join->store->scope);
    unit.deadline = pawli_deadline(join->store->opened, 0);
    pawli_drafting_init(&drafting, join->store->opened->env, &unit.arena);
    struct enqueue enqueue = {
        .count = count, .atomic = true, .messages = arena_array(&unit.arena, struct message_draft, count)};
    status = enqueue.messages ? join_messages(join, &drafting, &enqueue, &unit, messages, err) : pawli_no_memory(err);
    for (size_t i = 0; status == PAWL_OK && results && i < count; i++) {
        const struct message_draft *draft = &enqueue.messages[i];
        results[i] = (pawl_enqueued){.id = draft->id,
                                     .status = draft->status,
                                     .was_replayed = draft->replayed,
                                     .state = pawli_state_text(draft->state)};
    }
    pawli_drafting_done(&drafting);
    pawli_unit_done(&unit);
    return status;
}
