/* SPDX-License-Identifier: MIT */
/* Pages of records and events. */
#include "pawl/journal.h"

#include "base/json.h"
#include "commit/handle.h"
#include "model/check.h"

struct pawl_records {
    struct page page;
    size_t count;
    pawl_record *items;
};

size_t pawl_records_count(const pawl_records *records)
{
    return records ? records->count : 0;
}

const pawl_record *pawl_records_get(const pawl_records *records, size_t index)
{
    return index < pawl_records_count(records) ? &records->items[index] : NULL;
}

int pawl_records_has_more(const pawl_records *records)
{
    return records && records->page.more;
}

void pawl_records_free(pawl_records *records)
{
    if (!records)
        return;
    pawli_page_done(&records->page);
    pawli_free(records);
}

/* Texts of events are slices of the record's column, which is one text: those that are shown get a NUL behind them. */
static void view_event(struct arena *arena, uint64_t seq, uint32_t index, const struct event *event,
                       pawl_event_view *view)
{
    *view = (pawl_event_view){.struct_size = sizeof *view,
                              .seq = seq,
                              .index = index,
                              .keep = (int32_t)event->keep,
                              .topic = pawli_arena_text(arena, event->topic).data,
                              .type = pawli_arena_text(arena, event->type).data,
                              .key = pawli_arena_text(arena, event->key).data,
                              .content_type = pawli_arena_text(arena, event->content_type).data,
                              .data = event_has_body(event) ? event->data.data : NULL,
                              .data_size = event_has_body(event) ? event->data.size : 0,
                              .stream_seq = event->stream_seq,
                              .has_stream_seq = event->has_stream_seq};
}

static int corrupt(const struct record_row *row, const char *what, pawl_error *err)
{
    return pawli_hint(
        err, pawli_fail(err, PAWL_ECORRUPT, "the %s of record %llu cannot be read", what, (unsigned long long)row->seq),
        "run \"pawl verify\"");
}

static int view_events(struct arena *arena, const struct record_row *row, pawl_record *record, pawl_error *err)
{
    struct trace_walk walk;
    struct event event;
    pawl_event_view *events = NULL;
    size_t room = 0;
    enum trace_step step;
    if (!pawli_trace_begin(&walk, row->events))
        return corrupt(row, "events", err);
    for (uint32_t index = 0; (step = pawli_trace_next(&walk, arena, &event)) == TRACE_EVENT; index++) {
        if (event.keep == KEEP_NONE)
            continue;
        if (!pawli_arena_reserve(arena, (void **)&events, sizeof *events, record->event_count + 1, &room))
            return pawli_no_memory(err);
        view_event(arena, row->seq, index, &event, &events[record->event_count++]);
    }
    record->events = events;
    return step == TRACE_BAD ? corrupt(row, "events", err) : PAWL_OK;
}

static int check_effects(const struct record_row *row, pawl_error *err)
{
    enum json_verdict verdict = row->effects.data ? pawli_json_check_holder(row->effects, NULL, NULL) : JSON_GOOD;
    if (verdict == JSON_NO_MEMORY)
        return pawli_no_memory(err);
    return verdict == JSON_BAD ? corrupt(row, "effects", err) : PAWL_OK;
}

static const char unreadable[] = "the record cannot be read";

static int view_record(struct arena *arena, const char *scope, const struct record_row *row, pawl_record *record,
                       pawl_error *err)
{
    if (row->is_damaged) {
        *record = (pawl_record){.struct_size = sizeof *record, .scope = scope, .seq = row->seq, .error = unreadable};
        return PAWL_OK;
    }
    size_t count;
    const struct record_message *entries = record_messages(row, &count);
    pawl_uuid *messages = arena_array(arena, pawl_uuid, count ? count : 1);
    if (!messages)
        return pawli_no_memory(err);
    for (size_t i = 0; i < count; i++)
        messages[i] = entries[i].id;
    *record = (pawl_record){.struct_size = sizeof *record,
                            .scope = scope,
                            .seq = row->seq,
                            .request_id = row->request_id,
                            .type = row->type.data,
                            .ref = row->ref.data,
                            .content_type = row->content_type.data,
                            .data = row->command.data,
                            .data_size = row->command.size,
                            .response_type = row->response_type.data,
                            .response = row->response.data,
                            .response_size = row->response.size,
                            .state_pre = row->pre.data,
                            .state_pre_size = row->pre.size,
                            .state_post = row->post.data,
                            .state_post_size = row->post.size,
                            .duration_us = row->duration_us,
                            .received_at_ms = row->received.ms,
                            .committed_at_ms = row->committed.ms,
                            .epoch = row->epoch,
                            .messages = messages,
                            .message_count = count,
                            .effects = row->effects.data};
    memcpy(record->fingerprint, row->fingerprint.bytes, DIGEST_SIZE);
    memcpy(record->digest, row->digest.bytes, DIGEST_SIZE);
    int status = view_events(arena, row, record, err);
    if (status == PAWL_OK)
        status = check_effects(row, err);
    if (status == PAWL_ECORRUPT)
        *record = (pawl_record){.struct_size = sizeof *record, .scope = scope, .seq = row->seq, .error = unreadable};
    return status == PAWL_ECORRUPT ? PAWL_OK : status;
}

static int read_records(pawl_store *store, const struct query *query, pawl_records **ret_records, pawl_error *err)
{
    pawl_records *records = pawli_alloc(sizeof *records);
    if (!records)
        return pawli_no_memory(err);
    int status = pawli_store_query(store->opened->store, query, &records->page, err);
    struct arena *arena = &records->page.arena;
    const char *scope = status == PAWL_OK ? pawli_arena_text(arena, store->scope).data : NULL;
    if (status == PAWL_OK)
        records->items = arena_array(arena, pawl_record, records->page.count + 1);
    for (size_t i = 0; status == PAWL_OK && records->items && i < records->page.count; i++, records->count++)
        status = view_record(arena, scope, &records->page.records[i], &records->items[i], err);
    if (status == PAWL_OK && pawli_arena_failed(arena))
        status = pawli_no_memory(err);
    if (status < 0) {
        pawl_records_free(records);
        return status;
    }
    *ret_records = records;
    return PAWL_OK;
}

int pawl_record_get(pawl_store *store, const pawl_uuid *request_id, uint64_t seq, pawl_records **ret_records,
                    pawl_error *err)
{
    pawl_records *records;
    int status = pawli_check_given(err, store, ret_records);
    if (status < 0)
        return status;
    struct query query = {.kind = QUERY_RECORD, .scope = store->scope, .seq = seq};
    if (seq == 0 && (!request_id || uuid_is_nil(request_id)))
        return pawli_fail(err, PAWL_EINVAL, "neither request_id nor seq is given");
    if (seq > INT64_MAX)
        return pawli_fail(err, PAWL_EINVAL, "seq is outside its range");
    if (request_id)
        query.id = *request_id;
    status = read_records(store, &query, &records, err);
    if (status < 0)
        return status;
    if (records->count == 0) {
        pawl_records_free(records);
        return pawli_hint(err, pawli_fail(err, PAWL_ENOTFOUND, "no such record in scope \"%s\"", store->scope_text),
                          "see \"pawl journal list\"");
    }
    if (records->items[0].error) {
        int bad = corrupt(&records->page.records[0], "contents", err);
        pawl_records_free(records);
        return bad;
    }
    *ret_records = records;
    return PAWL_OK;
}

int pawl_record_exists(pawl_store *store, const pawl_uuid *request_id, pawl_error *err)
{
    struct page page;
    int status = pawli_check_given(err, store, request_id);
    if (status < 0)
        return status;
    struct query query = {.kind = QUERY_RECORD, .scope = store->scope, .id = *request_id};
    status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    status = page.count > 0;
    pawli_page_done(&page);
    return status;
}

int pawl_records_list(pawl_store *store, const pawl_records_query *given, pawl_records **ret_records, pawl_error *err)
{
    pawl_records_query options;
    int status = pawli_check_given(err, store, ret_records);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&options, sizeof options, given))
        return pawli_bad_struct("pawl_records_query", err);
    status = pawli_check_range("limit", options.limit, 0, LIMIT_LIST, err);
    if (status == PAWL_OK && (options.after_seq > INT64_MAX || options.before_seq > INT64_MAX))
        status = pawli_fail(err, PAWL_EINVAL, "%s is outside its range",
                            options.after_seq > INT64_MAX ? "after" : "before");
    if (status == PAWL_OK)
        status = pawli_check_key("ref", text_of(options.ref), err);
    if (status == PAWL_OK) /* a reserved one too: operators are looked at by it */
        status = pawli_check_key("type", text_of(options.type), err);
    if (status < 0)
        return status;
    struct query query = {.kind = QUERY_RECORDS,
                          .scope = store->scope,
                          .ref = text_of(options.ref),
                          .type = text_of(options.type),
                          .since = {options.newest_first ? 0 : options.since_ms},
                          .after = options.after_seq,
                          .before = options.before_seq,
                          .down = options.newest_first,
                          .limit = options.limit ? options.limit : 50};
    status = read_records(store, &query, ret_records, err);
    if (status < 0 || !options.newest_first || options.since_ms == 0)
        return status;
    pawl_records *records = *ret_records;
    while (records->count && records->items[records->count - 1].committed_at_ms < options.since_ms) {
        records->count--;
        records->page.more = false;
    }
    return PAWL_OK;
}

/* ---- events ---- */

struct pawl_events {
    struct arena arena;
    pawl_event_view *items;
    size_t count, room;
    pawl_cursor next;
    bool has_more;
};

size_t pawl_events_count(const pawl_events *events)
{
    return events ? events->count : 0;
}

const pawl_event_view *pawl_events_get(const pawl_events *events, size_t index)
{
    return index < pawl_events_count(events) ? &events->items[index] : NULL;
}

pawl_cursor pawl_events_next(const pawl_events *events)
{
    return events ? events->next : (pawl_cursor){0, 0};
}

int pawl_events_has_more(const pawl_events *events)
{
    return events && events->has_more;
}

const pawl_event_view *pawl_record_event(const pawl_record *record, size_t index)
{
    return record && index < record->event_count ? &record->events[index] : NULL;
}

void pawl_events_free(pawl_events *events)
{
    if (!events)
        return;
    pawli_arena_done(&events->arena);
    pawli_free(events);
}

static bool begins_with(struct text text, const char *prefix)
{
    size_t size = strlen(prefix);
    return text.size >= size && (size == 0 || memcmp(text.data, prefix, size) == 0);
}

static bool is_wanted(const pawl_events_query *query, const struct event *event)
{
    if (query->key_prefix && !begins_with(event->key, query->key_prefix))
        return false;
    return event->keep != KEEP_NONE && (!query->topic || text_is(event->topic, query->topic)) &&
           (!query->key || text_is(event->key, query->key));
}

/* Whether the cursor stands behind this event already. */
static bool is_behind(const pawl_cursor *cursor, uint64_t seq, uint32_t index)
{
    return seq < cursor->seq || (seq == cursor->seq && (cursor->index == PAWL_WHOLE_RECORD || index <= cursor->index));
}

/* A record that cannot be read is an item of its own: whoever reads on passes it. */
static int take_damaged(pawl_events *events, const pawl_events_query *query, uint64_t seq, pawl_error *err)
{
    if (is_behind(&query->after, seq, 0))
        return PAWL_OK;
    if (events->count == query->limit) {
        events->has_more = true;
        return PAWL_OK;
    }
    if (!pawli_arena_reserve(&events->arena, (void **)&events->items, sizeof *events->items, events->count + 1,
                             &events->room))
        return pawli_no_memory(err);
    events->items[events->count++] = (pawl_event_view){
        .struct_size = sizeof *events->items, .seq = seq, .keep = PAWL_KEEP_NONE, .error = unreadable};
    events->next = (pawl_cursor){seq, PAWL_WHOLE_RECORD};
    return PAWL_OK;
}

static int take_events(pawl_events *events, const pawl_events_query *query, const struct record_row *row,
                       pawl_error *err)
{
    struct trace_walk walk;
    struct event event;
    enum trace_step step;
    if (row->is_damaged || !pawli_trace_begin(&walk, row->events))
        return take_damaged(events, query, row->seq, err);
    for (uint32_t index = 0; (step = pawli_trace_next(&walk, &events->arena, &event)) == TRACE_EVENT; index++) {
        if (is_behind(&query->after, row->seq, index) || !is_wanted(query, &event))
            continue;
        if (events->count == query->limit) {
            events->has_more = true;
            return PAWL_OK;
        }
        if (!pawli_arena_reserve(&events->arena, (void **)&events->items, sizeof *events->items, events->count + 1,
                                 &events->room))
            return pawli_no_memory(err);
        pawl_event_view *view = &events->items[events->count++];
        view_event(&events->arena, row->seq, index, &event, view);
        struct text data = {view->data, view->data_size};
        view->data = pawli_arena_text(&events->arena, data).data; /* the record's page ends before this one */
        events->next = (pawl_cursor){row->seq, index};
    }
    if (step == TRACE_BAD)
        return take_damaged(events, query, row->seq, err);
    events->next = (pawl_cursor){row->seq, PAWL_WHOLE_RECORD};
    return PAWL_OK;
}

#define RECORDS_A_READ 200

static int scan_events(struct store *store, struct reader *reader, const struct text scope,
                       const pawl_events_query *query, pawl_events *events, pawl_error *err)
{
    struct query records = {.kind = QUERY_RECORDS, .scope = scope, .limit = RECORDS_A_READ};
    bool whole = query->after.index == PAWL_WHOLE_RECORD;
    records.after = whole || query->after.seq == 0 ? query->after.seq : query->after.seq - 1;
    for (bool more = true; more && !events->has_more;) {
        struct page page = {0};
        enum store_result result = pawli_store_read(store, reader, &records, &page, err);
        int status = pawli_store_status(result);
        for (size_t i = 0; status == PAWL_OK && !events->has_more && i < page.count; i++)
            status = take_events(events, query, &page.records[i], err);
        more = page.more;
        records.after = page.next;
        pawli_page_done(&page);
        if (status < 0)
            return status;
    }
    return pawli_arena_failed(&events->arena) ? pawli_no_memory(err) : PAWL_OK;
}

static int head_of(struct store *store, struct reader *reader, struct text scope, uint64_t *seq, pawl_error *err)
{
    struct page page = {0};
    struct query query = {.kind = QUERY_RECORDS, .scope = scope, .down = true, .limit = 1};
    enum store_result result = pawli_store_read(store, reader, &query, &page, err);
    *seq = page.count ? page.records[0].seq : 0;
    pawli_page_done(&page);
    return pawli_store_status(result);
}

int pawl_events_read(pawl_store *store, const pawl_events_query *given, pawl_events **ret_events, pawl_error *err)
{
    pawl_events_query options;
    struct reader *reader = NULL;
    uint64_t head;
    int status = pawli_check_given(err, store, ret_events);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&options, sizeof options, given))
        return pawli_bad_struct("pawl_events_query", err);
    struct store *inner = store->opened->store;
    status = options.topic ? pawli_check_topic("topic", text_of(options.topic), err) : PAWL_OK;
    if (status == PAWL_OK)
        status = pawli_check_key("key", text_of(options.key), err);
    if (status == PAWL_OK)
        status = pawli_check_text("key_prefix", text_of(options.key_prefix), LIMIT_KEY, err);
    if (status == PAWL_OK)
        status = pawli_check_range("limit", options.limit, 0, LIMIT_LIST, err);
    if (status < 0)
        return status;
    if (options.limit == 0)
        options.limit = 50;
    pawl_events *events = pawli_alloc(sizeof *events);
    if (!events)
        return pawli_no_memory(err);
    events->next = options.after;
    status = pawli_store_status(pawli_store_reader(inner, &reader, err));
    if (status == PAWL_OK)
        status = head_of(inner, reader, store->scope, &head, err);
    if (status == PAWL_OK && options.after.seq > head)
        status = pawli_hint(err,
                            pawli_fail(err, PAWL_EINVAL, "the cursor is at record %llu, the last one is %llu",
                                       (unsigned long long)options.after.seq, (unsigned long long)head),
                            "was the store restored? Read from a record that it has");
    if (status == PAWL_OK)
        status = scan_events(inner, reader, store->scope, &options, events, err);
    pawli_store_done(inner, reader);
    if (status < 0) {
        pawl_events_free(events);
        return status;
    }
    *ret_events = events;
    return PAWL_OK;
}

static int wait_for_record(pawl_store *store, uint64_t after_seq, struct boot_time until, pawl_error *err)
{
    struct env *env = store->opened->env;
    struct store *inner = store->opened->store;
    for (;;) {
        uint64_t seen = pawli_store_news(inner, NEWS_RECORD), head;
        struct reader *reader;
        int status = pawli_store_status(pawli_store_reader(inner, &reader, err));
        if (status == PAWL_OK) {
            status = head_of(inner, reader, store->scope, &head, err);
            pawli_store_done(inner, reader);
        }
        if (status < 0)
            return status;
        if (head > after_seq)
            return 1;
        if (env->ops->boot_now(env).ns >= until.ns)
            return 0;
        pawli_store_wait(inner, NEWS_RECORD, seen, until);
    }
}

int pawl_journal_wait(pawl_store *store, uint64_t after_seq, int64_t wait_ms, pawl_error *err)
{
    int status = pawli_check_given(err, store);
    if (status < 0)
        return status;
    struct env *env = store->opened->env;
    struct store *inner = store->opened->store;
    status = pawli_store_check(inner, err);
    if (status < 0)
        return status;
    pawli_store_listen(inner, true);
    status = wait_for_record(store, after_seq, boot_after_ms(env->ops->boot_now(env), wait_ms), err);
    pawli_store_listen(inner, false);
    return status;
}
