/* SPDX-License-Identifier: MIT */
/* Pages of messages, counts. */
#include <strings.h>

#include "base/codec.h"
#include "base/json.h"
#include "model/check.h"
#include "model/urls.h"
#include "outbox/claim.h"
#include "outbox/select.h"
#include "outbox/views.h"

struct pawl_messages {
    struct arena arena;
    size_t count, room, attempt_count;
    bool has_more;
    pawl_message_view *items;
    pawl_attempt *attempts;
    const struct route **routes; /* of what was claimed */
};

size_t pawl_messages_count(const pawl_messages *messages)
{
    return messages ? messages->count : 0;
}

const pawl_message_view *pawl_messages_get(const pawl_messages *messages, size_t index)
{
    return index < pawl_messages_count(messages) ? &messages->items[index] : NULL;
}

const struct route *pawli_messages_route(const pawl_messages *messages, size_t index)
{
    return index < pawl_messages_count(messages) && messages->routes ? messages->routes[index] : NULL;
}

int pawl_messages_has_more(const pawl_messages *messages)
{
    return messages && messages->has_more;
}

size_t pawl_messages_attempt_count(const pawl_messages *messages)
{
    return messages ? messages->attempt_count : 0;
}

const pawl_attempt *pawl_messages_attempt(const pawl_messages *messages, size_t index)
{
    return index < pawl_messages_attempt_count(messages) ? &messages->attempts[index] : NULL;
}

void pawl_messages_free(pawl_messages *messages)
{
    if (!messages)
        return;
    pawli_arena_done(&messages->arena);
    pawli_free(messages);
}

/* ---- rows to views ---- */

static void view_headers(struct arena *arena, struct text json, pawl_message_view *view)
{
    struct text name, value;
    size_t room = 0;
    pawl_header *headers = NULL;
    if (!json.data || pawli_json_check(json, NULL, NULL) != JSON_GOOD || json.data[0] != '{')
        return;
    struct json_walk walk = pawli_json_walk(json);
    while (pawli_json_member(&walk, &name, &value)) {
        if (!pawli_arena_reserve(arena, (void **)&headers, sizeof *headers, view->header_count + 1, &room))
            return;
        headers[view->header_count].name = pawli_arena_text(arena, pawli_json_string(arena, name)).data;
        headers[view->header_count++].value = pawli_arena_text(arena, pawli_json_string(arena, value)).data;
    }
    view->headers = headers;
}

static int64_t or_zero(struct wall_time time)
{
    return time.ms == INT64_MAX ? 0 : time.ms;
}

static void view_message(struct arena *arena, const struct message_row *message, pawl_message_view *view)
{
    view->id = message_id(message);
    view->data = message->payload.data;
    view->data_size = message->payload.size;
    view->content_type = message->content_type.data;
    view->key = message->key.data;
    view->dedupe = message->dedupe.data;
    view->sender = message->sender.data;
    view->priority = (int32_t)message->priority;
    view->max_attempts = message->max_attempts;
    view->seq = message->seq;
    view->request_id = message->request_id;
    memcpy(view->fingerprint, message->fingerprint.bytes, DIGEST_SIZE);
    view->expires_at_ms = or_zero(message->expires);
    view->deadline_ms = or_zero(message->deadline);
    view->resent_of = message->resent_of;
    view->created_at_ms = message->created.ms;
    view_headers(arena, message->headers, view);
}

static void view_task(const struct task_row *task, pawl_message_view *view)
{
    view->state = task->place == PLACE_NONE ? "missing" : pawli_state_text(task_state(task));
    view->attempts = task->attempts;
    view->deferrals = task->deferrals;
    view->crashes = task->crashes;
    view->retries = task->retried.times;
    if (task->place == PLACE_READY || task->place == PLACE_BLOCKED)
        view->available_at_ms = task->due.ms;
    view->updated_at_ms = task->updated.ms;
    view->claimed_by = task->consumer.data;
    if (task->failure.class != ERROR_NONE) {
        view->error_class = pawli_error_class_text(task->failure.class);
        view->error_text = task->failure.text.data ? task->failure.text.data : "";
        view->error_at_ms = task->failure.at.ms;
    }
    view->remote_id = task->remote_id.data;
    view->progress = task->progress.size ? task->progress.data : NULL;
    view->progress_size = task->progress.size;
    view->hold = task->place == PLACE_HELD ? task->hold.data : NULL;
    if (task->place != PLACE_NONE && task->place != PLACE_ENDED)
        view->phase = pawli_phase_text(task->phase);
    if (task->place == PLACE_ENDED) {
        view->durability = pawli_durability_text(task->answer.durability);
        view->ended_at_ms = task->ended_at.ms;
        view->ended_reason = task->ended_reason.data;
        view->ended_by = task->ended_by.data;
        view->superseded_by = task->successor;
    }
}

static pawl_messages *new_messages(size_t count)
{
    pawl_messages *messages = pawli_alloc(sizeof *messages);
    if (!messages)
        return NULL;
    messages->items = arena_array(&messages->arena, pawl_message_view, count ? count : 1);
    return messages;
}

static int finish(pawl_messages *messages, pawl_messages **ret_messages, pawl_error *err)
{
    if (pawli_arena_failed(&messages->arena)) {
        pawl_messages_free(messages);
        return pawli_no_memory(err);
    }
    *ret_messages = messages;
    return PAWL_OK;
}

/* Texts of a claim belong to its unit, which ends: they are copied. */
static void keep_texts(struct arena *arena, struct claimed *item)
{
    struct text *texts[] = {&item->task.remote_id, &item->task.failure.text, &item->task.consumer,
                            &item->task.progress};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = pawli_arena_text(arena, *texts[i]);
    item->body = pawli_task_kinds[TASK_MESSAGE].copy(item->body, arena);
}

int pawli_messages_of_claim(struct text scope, const struct claim *claim, pawl_messages **ret_messages, pawl_error *err)
{
    pawl_messages *messages = new_messages(claim->count);
    if (!messages)
        return pawli_no_memory(err);
    struct arena *arena = &messages->arena;
    const char *scope_text = pawli_arena_text(arena, scope).data, *lane = pawli_arena_text(arena, claim->lane).data;
    const char *target = pawli_arena_text(arena, claim->target).data;
    messages->routes = arena_array(arena, const struct route *, claim->count + 1);
    for (size_t i = 0; messages->items && messages->routes && i < claim->count; i++) {
        struct claimed item = claim->items[i];
        pawl_message_view *view = &messages->items[messages->count++];
        keep_texts(arena, &item);
        *view = (pawl_message_view){.struct_size = sizeof *view, .scope = scope_text, .lane = lane, .target = target};
        if (item.body)
            view_message(arena, message_in(item.body), view);
        view_task(&item.task, view);
        messages->routes[i] = pawli_route_copy(item.route, arena);
        view->token = item.task.token;
        view->lease_until_ms = item.lease_until.ms;
    }
    return finish(messages, ret_messages, err);
}

/* The attempt that delivered it is told by its task alone. */
static void add_delivered(pawl_messages *messages, const struct task_row *task)
{
    if (task->place != PLACE_ENDED || task->ended != STATE_DELIVERED || task->claimed.ms == 0)
        return;
    messages->attempts[messages->attempt_count++] = (pawl_attempt){.struct_size = sizeof(pawl_attempt),
                                                                   .number = task->attempts,
                                                                   .ordinal = task->retried.attempts + task->attempts +
                                                                              task->looked.times,
                                                                   .began_at_ms = task->claimed.ms,
                                                                   .ended_at_ms = task->ended_at.ms,
                                                                   .worker = task->ended_by.data,
                                                                   .verdict = "delivered",
                                                                   .text = task->answer.text.data,
                                                                   .status = task->answer.status,
                                                                   .phase = pawli_phase_text(PHASE_SEND)};
}

static enum store_result read_attempts(struct store *store, struct reader *reader, const struct task_row *task,
                                       pawl_messages *messages, pawl_error *err)
{
    struct page page = {.arena = messages->arena}; /* its rows shall live as long as the messages */
    struct query query = {.kind = QUERY_ATTEMPTS, .number = task->number};
    enum store_result result = pawli_store_read(store, reader, &query, &page, err);
    messages->arena = page.arena;
    if (result != STORE_OK)
        return result;
    messages->attempts = arena_array(&messages->arena, pawl_attempt, page.count + 2);
    for (size_t i = 0; messages->attempts && i < page.count; i++) {
        const struct attempt_row *row = &page.attempts[i];
        messages->attempts[messages->attempt_count++] = (pawl_attempt){
            .struct_size = sizeof(pawl_attempt),
            .number = row->n,
            .ordinal = row->ordinal,
            .began_at_ms = row->began.ms,
            .ended_at_ms = row->ended.ms,
            .worker = row->worker.data,
            .verdict = row->verdict.data,
            .error_class = row->class == ERROR_NONE ? NULL : pawli_error_class_text(row->class),
            .text = row->text.data,
            .status = row->status,
            .phase = pawli_phase_text(row->phase)};
    }
    if (messages->attempts)
        add_delivered(messages, task);
    return STORE_OK;
}

static void view_item(pawl_messages *messages, const struct page *page, const struct message_item *item)
{
    pawl_message_view *view = &messages->items[messages->count++];
    *view = (pawl_message_view){
        .struct_size = sizeof *view, .scope = item->scope.data, .lane = item->lane.data, .target = item->target.data};
    view_message(&messages->arena, &item->message, view);
    view_task(&item->task, view);
    if (item->is_damaged)
        view->state = "damaged";
    if (item->task.place == PLACE_CLAIMED)
        view->lease_until_ms = wall_after_ms(page->wall, lease_left_ms(&item->task, page->boot)).ms;
}

/* What the message's own rows do not say: its cap, and the request id of the record that made it. */
static enum store_result read_context(struct store *store, struct reader *reader, const struct message_item *item,
                                      pawl_message_view *view, pawl_error *err)
{
    struct page page = {0};
    struct query query = {
        .kind = QUERY_QUEUES, .scope = item->scope, .lane = item->lane, .target = item->target, .limit = 1};
    enum store_result result = pawli_store_read(store, reader, &query, &page, err);
    if (result == STORE_OK && page.count)
        view->cap = pawli_cap_of(&item->message.body, &page.queues[0].policy);
    pawli_page_done(&page);
    if (result != STORE_OK || !item->message.seq)
        return result;
    page = (struct page){0};
    query = (struct query){.kind = QUERY_RECORD, .scope = item->scope, .seq = item->message.seq};
    result = pawli_store_read(store, reader, &query, &page, err);
    if (result == STORE_OK && page.count)
        view->created_by = page.records[0].request_id;
    pawli_page_done(&page);
    return result;
}

static enum store_result read_one(struct store *store, struct reader *reader, struct text scope, uint64_t number,
                                  pawl_messages *messages, pawl_error *err)
{
    struct page page = {0};
    struct query query = {.kind = QUERY_MESSAGE, .scope = scope, .number = number};
    enum store_result result = pawli_store_read(store, reader, &query, &page, err);
    if (result != STORE_OK) {
        pawli_page_done(&page);
        return result;
    }
    messages->arena = page.arena; /* the rows live as long as the views on them */
    messages->items = arena_array(&messages->arena, pawl_message_view, 1);
    if (page.count == 0 || !messages->items)
        return STORE_OK;
    view_item(messages, &page, &page.messages[0]);
    result = read_context(store, reader, &page.messages[0], &messages->items[0], err);
    return result == STORE_OK ? read_attempts(store, reader, &page.messages[0].task, messages, err) : result;
}

/* ---- reading ---- */

static int no_such_message(const pawl_store *store, pawl_error *err)
{
    return pawli_hint(err, pawli_fail(err, PAWL_ENOTFOUND, "no such message in scope \"%s\"", store->scope_text),
                      "see \"pawl messages list\"");
}

int pawl_message_get(pawl_store *store, const pawl_uuid *id, pawl_messages **ret_messages, pawl_error *err)
{
    uint64_t number, tail;
    struct reader *reader;
    int status = pawli_check_given(err, store, id, ret_messages);
    if (status < 0)
        return status;
    struct store *inner = store->opened->store;
    if (!message_id_split(id, &number, &tail))
        return no_such_message(store, err);
    pawl_messages *messages = pawli_alloc(sizeof *messages);
    if (!messages)
        return pawli_no_memory(err);
    status = pawli_store_status(pawli_store_reader(inner, &reader, err));
    if (status == PAWL_OK) {
        status = pawli_store_status(read_one(inner, reader, store->scope, number, messages, err));
        pawli_store_done(inner, reader);
    }
    if (status == PAWL_OK && messages->count && strcmp(messages->items[0].state, "damaged") == 0) {
        pawl_messages_free(messages);
        return pawli_hint(err, pawli_fail(err, PAWL_ECORRUPT, "the message cannot be read"),
                          "run \"pawl verify\", which names what is damaged");
    }
    bool is_there = messages->count && uuid_equal(&messages->items[0].id, id) &&
                    strcmp(messages->items[0].scope, store->scope_text) == 0;
    if (status == PAWL_OK && !is_there && !pawli_arena_failed(&messages->arena))
        status = no_such_message(store, err);
    if (status == PAWL_OK)
        return finish(messages, ret_messages, err);
    pawl_messages_free(messages);
    return status;
}

/* An item's texts belong to its page, which ends. */
static bool take_item(void *data, const struct page *page, const struct message_item *found)
{
    pawl_messages *messages = data;
    struct arena *arena = &messages->arena;
    struct message_item item = *found;
    struct text *texts[] = {
        &item.message.sender,  &item.message.key,     &item.message.dedupe, &item.message.content_type,
        &item.message.payload, &item.message.headers, &item.task.consumer,  &item.task.failure.text,
        &item.task.remote_id,  &item.task.progress,   &item.task.hold,      &item.task.ended_reason,
        &item.task.ended_by,   &item.scope,           &item.lane,           &item.target};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = pawli_arena_text(arena, *texts[i]);
    if (!pawli_arena_reserve(arena, (void **)&messages->items, sizeof *messages->items, messages->count + 1,
                             &messages->room))
        return false;
    view_item(messages, page, &item);
    return !pawli_arena_failed(arena);
}

int pawl_messages_list(pawl_store *store, const pawl_messages_query *given, pawl_messages **ret_messages,
                       pawl_error *err)
{
    pawl_messages_query options;
    struct selection selection;
    struct reader *reader;
    int status = pawli_check_given(err, store, ret_messages);
    if (status < 0)
        return status;
    struct store *inner = store->opened->store;
    if (!pawli_copy_options(&options, sizeof options, given))
        return pawli_bad_struct("pawl_messages_query", err);
    status = pawli_selection_init(&selection, store, &options, err);
    if (status == PAWL_OK)
        status = pawli_check_range("limit", options.limit, 0, LIMIT_LIST, err);
    if (status < 0)
        return status;
    pawl_messages *messages = pawli_alloc(sizeof *messages);
    if (!messages)
        return pawli_no_memory(err);
    status = pawli_store_status(pawli_store_reader(inner, &reader, err));
    if (status == PAWL_OK) {
        status = pawli_select(inner, reader, &selection, options.limit ? options.limit : 50, take_item, messages,
                              &messages->has_more, err);
        pawli_store_done(inner, reader);
    }
    if (status == PAWL_OK)
        return finish(messages, ret_messages, err);
    pawl_messages_free(messages);
    return status;
}

int pawl_message_find(pawl_store *store, const char *text, pawl_uuid *ret_id, pawl_error *err)
{
    int status = pawli_check_given(err, store, text, ret_id);
    if (status < 0)
        return status;
    struct text given = text_of(text);
    const char *dash = memchr(given.data, '-', given.size);
    size_t digits = dash ? (size_t)(dash - given.data) : 0;
    uint64_t number;
    struct page page;
    char id[PAWL_UUID_TEXT_SIZE];
    if (given.size - digits != 5 || !pawli_parse_u64((struct text){given.data, digits}, &number))
        return pawl_uuid_parse(text, ret_id, err);
    struct query query = {.kind = QUERY_MESSAGE, .scope = store->scope, .number = number};
    status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    const struct message_item *item = page.count ? &page.messages[0] : NULL;
    pawl_uuid found = item ? message_id(&item->message) : (pawl_uuid){0};
    bool is_meant = item && text_equal(item->scope, store->scope) &&
                    strncasecmp(pawl_uuid_format(&found, id) + PAWL_UUID_TEXT_SIZE - 5, dash + 1, 4) == 0;
    pawli_page_done(&page);
    if (!is_meant)
        return no_such_message(store, err);
    *ret_id = found;
    return PAWL_OK;
}

/* ---- counts ---- */

struct pawl_stats {
    struct page page;
    pawl_queue_stats *items;
};

size_t pawl_stats_count(const pawl_stats *stats)
{
    return stats ? stats->page.count : 0;
}

const pawl_queue_stats *pawl_stats_get(const pawl_stats *stats, size_t index)
{
    return index < pawl_stats_count(stats) ? &stats->items[index] : NULL;
}

void pawl_stats_free(pawl_stats *stats)
{
    if (!stats)
        return;
    pawli_page_done(&stats->page);
    pawli_free(stats);
}

void pawli_fill_queue_stats(const struct queue_item *item, pawl_queue_stats *stats)
{
    const uint64_t *counts = item->row.counts;
    *stats = (pawl_queue_stats){.struct_size = sizeof *stats,
                                .due = item->ages.due,
                                .held = item->ages.held_apart,
                                .oldest_due_at_ms = or_zero(item->ages.oldest_due),
                                .next_due_at_ms = or_zero(item->ages.later_due),
                                .scope = item->scope.data,
                                .lane = item->row.lane.data,
                                .target = item->row.target.data,
                                .pending = counts[STATE_PENDING],
                                .claimed = counts[STATE_CLAIMED],
                                .awaiting = counts[STATE_AWAITING],
                                .uncertain = counts[STATE_UNCERTAIN],
                                .delivered = counts[STATE_DELIVERED],
                                .dead = counts[STATE_DEAD],
                                .cancelled = counts[STATE_CANCELLED],
                                .after_expiry = item->row.late};
}

int pawl_stats_read(pawl_store *store, const char *lane, const char *target, pawl_stats **ret_stats, pawl_error *err)
{
    int status = pawli_check_given(err, store, ret_stats);
    if (status < 0)
        return status;
    pawl_stats *stats = pawli_alloc(sizeof *stats);
    if (!stats)
        return pawli_no_memory(err);
    struct query query = {.kind = QUERY_QUEUES,
                          .scope = store->scope,
                          .lane = text_of(lane),
                          .target = text_of(target),
                          .wants_ages = true,
                          .limit = UINT32_MAX};
    status = pawli_store_query(store->opened->store, &query, &stats->page, err);
    if (status == PAWL_OK) {
        stats->items = arena_array(&stats->page.arena, pawl_queue_stats, stats->page.count + 1);
        if (!stats->items)
            status = pawli_no_memory(err);
    }
    if (status < 0) {
        pawl_stats_free(stats);
        return status;
    }
    for (size_t i = 0; i < stats->page.count; i++)
        pawli_fill_queue_stats(&stats->page.queues[i], &stats->items[i]);
    *ret_stats = stats;
    return PAWL_OK;
}
