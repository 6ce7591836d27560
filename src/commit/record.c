/* SPDX-License-Identifier: MIT */
/* The record of a unit: known already, or appended to the chain of its scope. */
#include <stdio.h>

#include "base/codec.h"
#include "commit/unit.h"

bool pawli_gather_record(struct unit *unit, struct view *view)
{
    struct record_draft *record = unit->record;
    record->request = pawli_view_request(view, unit->view_record_scope, &record->row.request_id);
    return record->request != NULL && pawli_gather_types(unit, view);
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

static bool has_same_events(const struct record_row *given, const struct record_row *stored)
{
    return given->events.size == stored->events.size &&
           (given->events.size == 0 || memcmp(given->events.data, stored->events.data, given->events.size) == 0);
}

/* The fingerprint leaves out what a retry may compute anew; whether it did is told. How much of an event stays its type may
 * have said otherwise since. */
static bool differs(struct unit *unit, const struct record_row *stored)
{
    struct record_row *given = &unit->record->row;
    size_t count, stored_count;
    const struct record_message *messages = record_messages(given, &count);
    const struct record_message *stored_messages = record_messages(stored, &stored_count);
    if (count != stored_count)
        return true;
    for (size_t i = 0; i < count; i++)
        if (!digest_equal(&messages[i].fingerprint, &stored_messages[i].fingerprint))
            return true;
    if (!has_same_events(given, stored) && pawli_keep_as_stored(unit, stored->events))
        given->events = pawli_trace_events(unit);
    return !has_same_events(given, stored);
}

int pawli_tell_conflict(pawl_error *err, int status, const struct conflict *conflict)
{
    if (!err)
        return status;
    bool match = digest_equal(conflict->given, conflict->stored);
    snprintf(err->reason, sizeof err->reason, "%s_fingerprint_%s", conflict->state, match ? "match" : "mismatch");
    pawli_hex(conflict->given->bytes, (sizeof err->fingerprint - 1) / 2, err->fingerprint);
    pawli_hex(conflict->stored->bytes, (sizeof err->stored_fingerprint - 1) / 2, err->stored_fingerprint);
    static_assert(sizeof err->remote_id == LIMIT_REMOTE_ID + 1, "it is told whole");
    snprintf(err->remote_id, sizeof err->remote_id, "%.*s", TEXT_ARG(conflict->remote_id));
    return status;
}

static int refuse_conflict(const struct record_draft *record, pawl_error *err)
{
    char stored[2 * DIGEST_SIZE + 1], given[2 * DIGEST_SIZE + 1];
    const struct conflict conflict = {
        .state = "recorded", .given = &record->row.fingerprint, .stored = &record->request->row.fingerprint};
    pawli_hex(conflict.stored->bytes, DIGEST_SIZE, stored);
    pawli_hex(conflict.given->bytes, DIGEST_SIZE, given);
    int status = pawli_fail(err, PAWL_ECONFLICT,
                            "the request id is bound to other content: stored fingerprint %s, given %s", stored, given);
    pawli_hint(err, status, "use a new request id for a new command, or the same content for this one");
    return pawli_tell_conflict(err, status, &conflict);
}

enum record_check pawli_check_record(struct unit *unit, struct view *view, pawl_error *err)
{
    struct record_draft *record = unit->record;
    const struct view_request *request = record->request;
    (void)view;
    if (pawli_check_types(unit, err) < 0)
        return CHECK_REFUSED;
    if (request->slot.is_damaged) {
        pawli_refuse_damaged("the record of this request id", err);
        return CHECK_REFUSED;
    }
    if (request->slot.exists) {
        if (!digest_equal(&request->row.fingerprint, &record->row.fingerprint) && !record->is_optional) {
            refuse_conflict(record, err);
            return CHECK_REFUSED;
        }
        if (record->is_optional && !record->was_uncertain) {
            pawli_hint(err, pawli_fail(err, PAWL_EFENCED, "the step was made already, and its token is used up"),
                       "nothing was changed; claim the workflow anew");
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

/* The messages of all effects, in their order. */
static struct text list_messages(const struct unit *unit, struct arena *arena)
{
    size_t count = 0, at = 0;
    for (const struct effect *effect = unit->effects; effect; effect = effect->next)
        count += effect->ops->list ? effect->ops->list(effect, NULL) : 0;
    struct record_message *list = count ? arena_array(arena, struct record_message, count) : NULL;
    if (!list)
        return (struct text){0};
    for (const struct effect *effect = unit->effects; effect; effect = effect->next)
        at += effect->ops->list ? effect->ops->list(effect, &list[at]) : 0;
    return (struct text){(const char *)list, count * RECORD_MESSAGE_SIZE};
}

static struct text take_buffer(struct buffer *buffer, struct arena *arena)
{
    struct text text = pawli_arena_text(arena, buffer_text(buffer));
    arena->failed |= buffer->failed;
    pawli_buffer_done(buffer);
    return text;
}

/* One object, of what each effect says of itself; absent where none has anything to say. */
static struct text put_effects(struct unit *unit)
{
    struct buffer buffer;
    const struct effect *first = unit->effects;
    while (first && !first->ops->put)
        first = first->next;
    if (!first)
        return (struct text){0};
    buffer_init(&buffer, LIMIT_UNIT_SIZE);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '{');
    for (const struct effect *effect = first; effect; effect = effect->next)
        if (effect->ops->put)
            effect->ops->put(effect, &writer);
    pawli_json_close(&writer, '}');
    return take_buffer(&buffer, &unit->arena);
}

bool pawli_seal_record(struct unit *unit, struct hasher *hasher)
{
    struct record_draft *record = unit->record;
    struct record_row *row = &record->row;
    struct record_body body = {.row = row, .event_count = record->event_count};
    row->events = pawli_trace_events(unit);
    row->messages = list_messages(unit, &unit->arena);
    row->effects = put_effects(unit);
    body.command = pawli_sha256(hasher, row->command);
    row->fingerprint = pawli_transition_fingerprint(hasher, row->type, row->ref, row->content_type, &body.command);
    body.has_response = row->response.data != NULL;
    if (body.has_response)
        body.response = pawli_sha256(hasher, row->response);
    pawli_record_body_begin(hasher, &body);
    for (size_t i = 0; i < record->event_count; i++)
        pawli_record_body_event(hasher, &record->events[i]);
    record->body = pawli_record_body_end(hasher, &body);
    return !hasher->failed && !pawli_arena_failed(&unit->arena);
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
        if (effect->ops->describe)
            effect->ops->describe(effect, &writer);
    pawli_json_close(&writer, '}');
    row->response = take_buffer(&buffer, &unit->arena);
    row->response_type = TEXT("application/json");
    return row->response.data != NULL;
}

int pawli_append_record(struct unit *unit, struct view *view, struct hasher *hasher, pawl_error *err)
{
    struct record_draft *record = unit->record;
    struct view_scope *scope = unit->view_record_scope;
    struct view_request *request = record->request;
    int status = pawli_make_scope(view, scope, err);
    if (status < 0)
        return status;
    if (!pawli_view_touch(view, &scope->slot) || !pawli_view_touch(view, &request->slot))
        return pawli_no_memory(err);
    bool is_kept_anew = pawli_keep_by_types(unit);
    if (record->seals_late && !describe(unit))
        return pawli_no_memory(err);
    if ((record->seals_late || is_kept_anew) && !pawli_seal_record(unit, hasher))
        return pawli_no_memory(err);
    struct record_row *row = &request->row;
    *row = record->row;
    row->scope = scope->row.id;
    row->seq = scope->row.seq + 1;
    row->epoch = view->store.row.epoch;
    row->committed = view->wall;
    row->messages = list_messages(unit, view->arena);
    row->digest = pawli_record_digest(hasher, scope->row.name, row, &scope->row.head, &record->body);
    if (hasher->failed || pawli_arena_failed(view->arena))
        return pawli_no_memory(err);
    scope->row.seq = row->seq;
    scope->row.head = row->digest;
    request->slot.exists = true;
    return answer(unit, row, false) ? PAWL_OK : pawli_no_memory(err);
}
