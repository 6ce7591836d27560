/* SPDX-License-Identifier: MIT */
/* The record of a unit: known already, or appended to the chain of its scope. */
#include "base/codec.h"
#include "commit/enqueue.h"

bool pawli_gather_record(struct unit *unit, struct view *view)
{
    struct record_draft *record = unit->record;
    record->request = pawli_view_request(view, unit->view_record_scope, &record->row.request_id);
    return record->request != NULL;
}

/* The answer is what is stored, copied into the unit: it outlives the batch. */
static bool answer(struct unit *unit, const struct record_row *row, bool replayed)
{
    struct record_draft *record = unit->record;
    record->replayed = replayed;
    record->stored = *row;
    record->stored.response = pawli_arena_text(&unit->arena, row->response);
    record->stored.response_type = pawli_arena_text(&unit->arena, row->response_type);
    record->stored.messages = pawli_arena_text(&unit->arena, row->messages);
    return !pawli_arena_failed(&unit->arena);
}

/* The fingerprint leaves out what a retry may compute anew; whether it did is told. */
static bool differs(const struct unit *unit, const struct record_row *stored)
{
    const struct text events = unit->record->row.events;
    size_t at = 0;
    if (events.size != stored->events.size || (events.size && memcmp(events.data, stored->events.data, events.size)))
        return true;
    for (const struct effect *effect = unit->effects; effect; effect = effect->next) {
        const struct enqueue *enqueue = (const struct enqueue *)effect;
        for (size_t i = 0; effect->ops == &pawli_effect_enqueue && i < enqueue->count; i++, at += RECORD_MESSAGE_SIZE)
            if (at >= stored->messages.size ||
                memcmp(stored->messages.data + at + 16, enqueue->messages[i].row.fingerprint.bytes, DIGEST_SIZE) != 0)
                return true;
    }
    return at != stored->messages.size;
}

static int refuse_conflict(const struct record_draft *record, pawl_error *err)
{
    char stored[2 * DIGEST_SIZE + 1], given[2 * DIGEST_SIZE + 1];
    pawli_hex(record->request->row.fingerprint.bytes, DIGEST_SIZE, stored);
    pawli_hex(record->row.fingerprint.bytes, DIGEST_SIZE, given);
    return pawli_hint(err,
                      pawli_fail(err, PAWL_ECONFLICT,
                                 "the request id is bound to other content: stored fingerprint %s, given %s", stored,
                                 given),
                      "use a new request id for a new command, or the same content for this one");
}

enum record_check pawli_check_record(struct unit *unit, struct view *view, pawl_error *err)
{
    struct record_draft *record = unit->record;
    const struct view_request *request = record->request;
    (void)view;
    if (request->slot.is_damaged) {
        pawli_refuse_damaged("the record of this request id", err);
        return CHECK_REFUSED;
    }
    if (request->slot.exists) {
        if (!digest_equal(&request->row.fingerprint, &record->row.fingerprint)) {
            refuse_conflict(record, err);
            return CHECK_REFUSED;
        }
        if (!answer(unit, &request->row, true)) {
            pawli_no_memory(err);
            return CHECK_REFUSED;
        }
        record->differs = differs(unit, &request->row);
        return CHECK_REPLAY;
    }
    uint64_t next = unit->view_record_scope->row.seq + 1;
    if (record->expect_seq && record->expect_seq != next) {
        pawli_hint(err,
                   pawli_fail(err, PAWL_ECONFLICT, "expect_seq is %llu, the next record is %llu",
                              (unsigned long long)record->expect_seq, (unsigned long long)next),
                   "read what happened since, then decide again");
        return CHECK_REFUSED;
    }
    return CHECK_NEW;
}

static void list_message(uint8_t **at, const struct message_draft *draft)
{
    memcpy(*at, &draft->id, 16);
    memcpy(*at + 16, draft->row.fingerprint.bytes, DIGEST_SIZE);
    *at += RECORD_MESSAGE_SIZE;
}

/* The messages of a transition, in the order in which they were given; those of its settlements behind them. */
static struct text list_messages(const struct unit *unit, struct arena *arena)
{
    size_t count = 0;
    for (const struct effect *effect = unit->effects; effect; effect = effect->next)
        if (effect->ops == &pawli_effect_enqueue)
            count += ((const struct enqueue *)effect)->count;
    if (count == 0)
        return (struct text){0};
    uint8_t *list = pawli_arena_alloc_raw(arena, count * RECORD_MESSAGE_SIZE), *at = list;
    if (!list)
        return (struct text){0};
    for (const struct effect *effect = unit->effects; effect; effect = effect->next) {
        const struct enqueue *enqueue = (const struct enqueue *)effect;
        for (size_t i = 0; effect->ops == &pawli_effect_enqueue && i < enqueue->count; i++)
            list_message(&at, &enqueue->messages[i]);
    }
    return (struct text){(const char *)list, count * RECORD_MESSAGE_SIZE};
}

struct digest pawli_seal_body(struct record_draft *record, struct hasher *hasher, const struct event *events,
                              size_t event_count, const struct digest *fingerprints, size_t message_count)
{
    struct record_body body = {.row = &record->row,
                               .message_fingerprints = fingerprints,
                               .message_count = message_count,
                               .event_count = event_count};
    body.command = pawli_sha256(hasher, record->row.command);
    record->row.fingerprint = pawli_transition_fingerprint(hasher, record->row.type, record->row.ref,
                                                           record->row.content_type, &body.command);
    body.has_response = record->row.response.data != NULL;
    if (body.has_response)
        body.response = pawli_sha256(hasher, record->row.response);
    pawli_record_body_begin(hasher, &body);
    for (size_t i = 0; i < event_count; i++)
        pawli_record_body_event(hasher, &events[i]);
    return pawli_record_body_end(hasher, &body);
}

/* What the effects of an operator did, as the response of its record. */
static bool describe(struct unit *unit)
{
    struct record_row *row = &unit->record->row;
    struct buffer buffer;
    buffer_init(&buffer, LIMIT_BODY);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '{');
    for (const struct effect *effect = unit->effects; effect; effect = effect->next)
        effect->ops->describe(effect, &writer);
    pawli_json_close(&writer, '}');
    row->response = pawli_arena_text(&unit->arena, buffer_text(&buffer));
    row->response_type = TEXT("application/json");
    bool good = !buffer.failed && row->response.data;
    pawli_buffer_done(&buffer);
    return good;
}

int pawli_append_record(struct unit *unit, struct view *view, struct hasher *hasher, pawl_error *err)
{
    struct record_draft *record = unit->record;
    struct view_scope *scope = unit->view_record_scope;
    struct view_request *request = record->request;
    if (!pawli_scope_exists(view, scope) || !pawli_view_touch(view, &scope->slot) ||
        !pawli_view_touch(view, &request->slot))
        return pawli_no_memory(err);
    if (record->seals_late) {
        if (!describe(unit))
            return pawli_no_memory(err);
        record->body = pawli_seal_body(record, hasher, NULL, 0, NULL, 0);
    }
    struct record_row *row = &request->row;
    *row = record->row;
    row->scope = scope->row.id;
    row->seq = scope->row.seq + 1;
    row->epoch = view->store.row.epoch;
    row->committed = view->wall;
    row->messages = list_messages(unit, view->arena);
    row->digest = pawli_record_digest(hasher, scope->name, row->epoch, row->seq, &scope->row.head, &record->body,
                                      row->committed);
    if (hasher->failed || pawli_arena_failed(view->arena))
        return pawli_no_memory(err);
    scope->row.seq = row->seq;
    scope->row.head = row->digest;
    request->slot.exists = true;
    return answer(unit, row, false) ? PAWL_OK : pawli_no_memory(err);
}
