/* SPDX-License-Identifier: MIT */
/* Building transitions, and what comes back: receipts. */
#include "commit/draft.h"
#include "model/check.h"

struct pawl_transition {
    struct drafting drafting; /* first: pawli_building() */
    struct record_draft record;
    size_t event_room;
    bool has_content_type;
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

static_assert(offsetof(struct pawl_transition, drafting) == 0, "other rooms know it by that");

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
        row->pre = pawli_arena_text(&t->drafting.unit.arena, (struct text){options.state_pre, options.state_pre_size});
    if (options.state_post)
        row->post = pawli_arena_text(&t->drafting.unit.arena,
                                     (struct text){options.state_post, options.state_post_size});
    t->has_content_type = options.content_type != NULL;
    return PAWL_OK;
}

pawl_transition *pawl_transition_new(pawl_store *store, const pawl_transition_options *options)
{
    pawl_transition *t = pawli_alloc(sizeof *t);
    if (!t)
        return NULL;
    if (pawli_check_given(&t->drafting.error, store) < 0)
        return t;
    struct env *env = store->opened->env;
    pawli_drafting_init(&t->drafting, store);
    t->drafting.unit.record = &t->record;
    t->record.row.command = TEXT("");
    if (pawli_check_given(&t->drafting.error, options) == PAWL_OK)
        read_options(t, options, &t->drafting.error);
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
    if (t->drafting.store)
        pawli_drafting_done(&t->drafting);
    pawli_free(t);
}

pawl_uuid pawl_transition_request_id(const pawl_transition *t)
{
    return t ? t->record.row.request_id : (pawl_uuid){{0}};
}

void pawl_transition_command(pawl_transition *t, const void *data, size_t size)
{
    if (pawli_building(t))
        pawli_draft_body(&t->drafting, "data", data, size, &t->record.row.command, &t->drafting.error);
}

void pawl_transition_response(pawl_transition *t, const void *response, size_t size)
{
    if (pawli_building(t))
        pawli_draft_body(&t->drafting, "response", response, size, &t->record.row.response, &t->drafting.error);
}

int32_t pawl_keep_parse(const char *text)
{
    enum keep keep;
    return text && pawli_keep_parse(text_of(text), &keep) ? (int32_t)keep : -1;
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
    struct record_draft *record = &t->record;
    if (record->event_count == LIMIT_EVENTS)
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
    if (!pawli_arena_reserve(&t->drafting.unit.arena, (void **)&record->events, sizeof *record->events,
                             record->event_count + 1, &t->event_room))
        return pawli_no_memory(err);
    struct event *draft = &record->events[record->event_count];
    *draft = (struct event){.has_stream_seq = copy.has_stream_seq,
                            .stream_seq = copy.stream_seq,
                            .keep = (enum keep)copy.keep,
                            .asked = copy.keep || copy.has_keep ? (enum keep)copy.keep : KEEP_COUNT};
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
    record->event_count++;
    return PAWL_OK;
}

void pawl_transition_event(pawl_transition *t, const pawl_event *event)
{
    if (pawli_building(t) && add_event(t, event, &t->drafting.error) < 0)
        pawli_error_item(&t->drafting.error, "event", t->record.event_count, 2);
}

/* ---- sealing ---- */

static int seal(pawl_transition *t, pawl_error *err)
{
    struct record_row *row = &t->record.row;
    struct env *env = t->drafting.store->opened->env;
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
    return pawli_seal_record(&t->drafting.unit, &t->drafting.hasher) ? PAWL_OK : pawli_no_memory(err);
}

static int check_effects(pawl_transition *t, pawl_error *err)
{
    struct unit *unit = &t->drafting.unit;
    int status = PAWL_OK;
    for (const struct effect *effect = unit->effects; status == PAWL_OK && effect; effect = effect->next)
        if (effect->ops->check)
            status = effect->ops->check(unit, effect, err);
    return status;
}

/* A step that changes nothing but its own workflow is no fact for others. */
static bool has_record(const pawl_transition *t)
{
    if (!t->record.is_optional || t->record.event_count > 0)
        return true;
    for (const struct effect *effect = t->drafting.unit.effects; effect; effect = effect->next)
        if (!effect->ops->is_told || effect->ops->is_told(effect))
            return true;
    return false;
}

static int prepare(pawl_transition *t, pawl_error *err)
{
    struct drafting *drafting = &t->drafting;
    if (drafting->error.status < 0) {
        if (err)
            *err = drafting->error;
        return drafting->error.status;
    }
    int status = pawli_store_check_write(drafting->store->opened->store, err);
    if (status == PAWL_OK)
        status = pawli_check_own_scope(drafting->store->scope, err);
    if (status == PAWL_OK && !drafting->unit.sealed)
        status = check_effects(t, err);
    if (status < 0 || drafting->unit.sealed)
        return status;
    if (!has_record(t))
        drafting->unit.record = NULL;
    return drafting->unit.record ? seal(t, err) : PAWL_OK;
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
    memcpy(receipt->scope, t->drafting.unit.scope.data, t->drafting.unit.scope.size);
    char *at = receipt->memory;
    receipt->response = move_text(&at, row->response);
    receipt->response_type = move_text(&at, row->response_type);
    receipt->messages = move_text(&at, row->messages);
    *ret_receipt = receipt;
    return PAWL_OK;
}

static int commit(pawl_transition *t, const pawl_join *join, pawl_receipt **ret_receipt, pawl_error *err)
{
    if (!t)
        return pawli_no_memory(err);
    int status = prepare(t, err);
    if (status == PAWL_OK)
        status = pawli_draft_commit(&t->drafting, join, err);
    t->record.was_uncertain |= status == PAWL_EUNCERTAIN;
    return status == PAWL_OK && ret_receipt ? make_receipt(t, ret_receipt, err) : status;
}

int pawl_transition_commit(pawl_transition *t, pawl_receipt **ret_receipt, pawl_error *err)
{
    return commit(t, NULL, ret_receipt, err);
}

int pawl_join_append(pawl_join *join, pawl_transition *t, pawl_receipt **ret_promise, pawl_error *err)
{
    int status = pawli_check_given(err, join);
    return status < 0 ? status : commit(t, join, ret_promise, err);
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
    return status == PAWL_OK ? pawli_draft_submit(&t->drafting, submitted, t, err) : status;
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
        id = ((const struct record_message *)receipt->messages.data)[index].id;
    return id;
}
