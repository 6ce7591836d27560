/* SPDX-License-Identifier: MIT */
/* Subscriptions: a position each, from which events are read, or made messages of. */
#include "journal/relay.h"

#include <stdio.h>

#include "commit/enqueue.h"
#include "commit/subscribe.h"
#include "model/check.h"
#include "model/view_json.h"
#include "pawl/id.h"

/* ---- finding one ---- */

static int not_found(const pawl_store *store, const char *name, pawl_error *err)
{
    return pawli_hint(err,
                      pawli_fail(err, PAWL_ENOTFOUND, "no subscription %s in scope \"%s\"", name, store->scope_text),
                      "see \"pawl subscriptions list\"; add it with \"pawl subscriptions add\"");
}

static int check_name(pawl_store *store, const char *name, pawl_error *err)
{
    int status = pawli_check_given(err, store, name);
    return status == PAWL_OK ? pawli_check_name("name", text_of(name), err) : status;
}

static int read_rows(pawl_store *store, const char *name, struct page *page, pawl_error *err)
{
    const struct query query = {
        .kind = QUERY_SUBSCRIPTIONS, .scope = store->scope, .name = text_of(name), .limit = UINT32_MAX};
    return pawli_store_query(store->opened->store, &query, page, err);
}

/* The page is the caller's: its first row. */
static int find(pawl_store *store, const char *name, struct page *page, pawl_error *err)
{
    int status = read_rows(store, name, page, err);
    if (status < 0)
        return status;
    if (page->count == 1 && !page->subscriptions->row.is_damaged)
        return PAWL_OK;
    status = page->count ? pawli_hint(err, pawli_fail(err, PAWL_ECORRUPT, "subscription %s cannot be read", name),
                                      "run \"pawl verify\"; remove it, and add it anew")
                         : not_found(store, name, err);
    pawli_page_done(page);
    return status;
}

static int read_scope(pawl_store *store, struct scope_row *scope, pawl_error *err)
{
    struct page page;
    *scope = (struct scope_row){0};
    const struct query query = {.kind = QUERY_SCOPE, .scope = store->scope};
    int status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status == PAWL_OK && page.count)
        *scope = *page.scopes;
    if (status == PAWL_OK)
        pawli_page_done(&page);
    return status;
}

/* ---- adding, removing ---- */

static int read_options(struct drafting *drafting, const void *given, struct subscription_change *change,
                        pawl_error *err)
{
    pawl_subscription_options options;
    if (!pawli_copy_options(&options, sizeof options, given))
        return pawli_bad_struct("pawl_subscription_options", err);
    int status = pawli_check_name("name", text_of(options.name), err);
    if (status == PAWL_OK && options.topic)
        status = pawli_check_topic("topic", text_of(options.topic), err);
    if (status == PAWL_OK && options.key_prefix)
        status = pawli_check_text("key_prefix", text_of(options.key_prefix), LIMIT_KEY, err);
    if (status == PAWL_OK)
        status = pawli_check_range("from", options.from, 0, PAWL_FROM_RECORD, err);
    if (status == PAWL_OK && options.from == PAWL_FROM_RECORD && (options.seq == 0 || options.seq > INT64_MAX - 1))
        status = pawli_fail(err, PAWL_EINVAL, "seq is outside its range");
    if (status == PAWL_OK && !options.lane != !options.target)
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "only one of lane and target is given"),
                            "it is relayed to a target over a lane: give both");
    if (status == PAWL_OK && options.lane)
        status = pawli_check_name("lane", text_of(options.lane), err);
    if (status == PAWL_OK && options.target)
        status = pawli_check_name("target", text_of(options.target), err);
    if (status < 0)
        return status;
    change->row = (struct subscription_row){.name = pawli_draft_text(drafting, options.name),
                                            .topic = pawli_draft_text(drafting, options.topic),
                                            .prefix = pawli_draft_text(drafting, options.key_prefix),
                                            .lane = pawli_draft_text(drafting, options.lane),
                                            .target = pawli_draft_text(drafting, options.target),
                                            .seq = options.from == PAWL_FROM_RECORD ? options.seq - 1 : 0,
                                            .index = EVENT_WHOLE};
    change->from_now = options.from == PAWL_FROM_NOW;
    return pawli_arena_failed(&drafting->unit.arena) ? pawli_no_memory(err) : PAWL_OK;
}

static int check_write(pawl_store *store, pawl_error *err)
{
    int status = pawli_store_check_write(store->opened->store, err);
    return status == PAWL_OK ? pawli_check_own_scope(store->scope, err) : status;
}

/* What a caller gives, into a change of its own commit. */
typedef int fill_change(struct drafting *drafting, const void *given, struct subscription_change *change,
                        pawl_error *err);

static int commit_change(pawl_store *store, fill_change *fill, const void *given, pawl_error *err)
{
    struct drafting drafting;
    int status = check_write(store, err);
    if (status < 0)
        return status;
    pawli_drafting_init(&drafting, store);
    struct subscription_change *change = pawli_draft_effect(&drafting, &pawli_effect_subscription);
    status = change ? fill(&drafting, given, change, err) : pawli_no_memory(err);
    if (status == PAWL_OK)
        status = pawli_draft_commit(&drafting, NULL, err);
    pawli_drafting_done(&drafting);
    return status;
}

int pawl_subscription_add(pawl_store *store, const pawl_subscription_options *options, pawl_error *err)
{
    int status = pawli_check_given(err, store, options);
    return status == PAWL_OK ? commit_change(store, read_options, options, err) : status;
}

static int forget(struct drafting *drafting, const void *given, struct subscription_change *change, pawl_error *err)
{
    (void)drafting, (void)err;
    change->what = UNSUBSCRIBE;
    change->row.name = text_of(given);
    return PAWL_OK;
}

int pawl_subscription_remove(pawl_store *store, const char *name, pawl_error *err)
{
    int status = check_name(store, name, err);
    return status == PAWL_OK ? commit_change(store, forget, name, err) : status;
}

/* ---- moving on ---- */

/* How many events a record has, those of which nothing is kept among them; 0 where it is not there. */
static int count_events(pawl_store *store, uint64_t seq, uint32_t *count, pawl_error *err)
{
    struct page page;
    struct trace_walk walk;
    struct event event;
    const struct query query = {.kind = QUERY_RECORD, .scope = store->scope, .seq = seq};
    *count = 0;
    if (seq == 0)
        return PAWL_OK;
    int status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    if (page.count && pawli_trace_begin(&walk, page.records->events))
        while (pawli_trace_next(&walk, &page.arena, &event) == TRACE_EVENT)
            ++*count;
    pawli_page_done(&page);
    return PAWL_OK;
}

/* The last event of a record is the whole of it: a position is written in one way. */
static int read_position(pawl_store *store, const pawl_cursor *cursor, struct subscription_row *row, pawl_error *err)
{
    uint32_t count;
    if (cursor->seq > INT64_MAX - 1)
        return pawli_fail(err, PAWL_EINVAL, "seq is outside its range");
    row->seq = cursor->seq;
    row->index = cursor->index;
    if (cursor->index == PAWL_WHOLE_RECORD)
        return PAWL_OK;
    int status = count_events(store, cursor->seq, &count, err);
    if (status < 0)
        return status;
    if (cursor->index >= count)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EREFUSED, "record %llu has no event %u", (unsigned long long)cursor->seq,
                                     cursor->index),
                          "acknowledge what was read: SEQ.INDEX of an event");
    if (cursor->index + 1 == count)
        row->index = EVENT_WHOLE;
    return PAWL_OK;
}

struct seen {
    const char *name;
    const pawl_cursor *cursor;
};

static int move_on(struct drafting *drafting, const void *given, struct subscription_change *change, pawl_error *err)
{
    const struct seen *seen = given;
    change->what = SUBSCRIBED_TO;
    change->row.name = text_of(seen->name);
    return read_position(drafting->store, seen->cursor, &change->row, err);
}

int pawl_subscription_ack(pawl_store *store, const char *name, const pawl_cursor *cursor, pawl_error *err)
{
    int status = check_name(store, name, err);
    if (status == PAWL_OK)
        status = pawli_check_given(err, cursor);
    return status == PAWL_OK ? commit_change(store, move_on, &(struct seen){name, cursor}, err) : status;
}

/* ---- reading ---- */

static int check_pruned(pawl_store *store, const struct subscription_row *row, pawl_error *err)
{
    struct scope_row scope;
    int status = read_scope(store, &scope, err);
    if (status == PAWL_OK && row->seq < scope.pruned)
        status = pawli_hint(
            err,
            pawli_fail(err, PAWL_EREFUSED,
                       "subscription %.*s stands behind record %llu, and records up to %llu were pruned",
                       TEXT_ARG(row->name), (unsigned long long)row->seq, (unsigned long long)scope.pruned),
            "what it missed is gone: acknowledge %llu, or remove it and add it anew", (unsigned long long)scope.pruned);
    return status;
}

static int read_behind(pawl_store *store, const struct subscription_row *row, const pawl_cursor *after, uint32_t limit,
                       pawl_events **ret_events, pawl_error *err)
{
    const pawl_events_query query = {PAWL_EVENTS_QUERY, .topic = row->topic.data, .key_prefix = row->prefix.data,
                                     .after = after ? *after : (pawl_cursor){row->seq, row->index}, .limit = limit};
    int status = check_pruned(store, row, err);
    return status == PAWL_OK ? pawl_events_read(store, &query, ret_events, err) : status;
}

int pawl_subscription_read(pawl_store *store, const char *name, const pawl_cursor *after, uint32_t limit,
                           pawl_events **ret_events, pawl_error *err)
{
    struct page page;
    int status = check_name(store, name, err);
    if (status == PAWL_OK)
        status = pawli_check_given(err, ret_events);
    if (status == PAWL_OK)
        status = find(store, name, &page, err);
    if (status < 0)
        return status;
    status = read_behind(store, &page.subscriptions->row, after, limit, ret_events, err);
    pawli_page_done(&page);
    return status;
}

/* ---- relaying ---- */

#define RELAY_MAX  100               /* events in one commit, */
#define RELAY_SIZE (4 * 1024 * 1024) /* or about so many bytes */
#define QUEUED_MAX 1000 /* more is not waiting for its target because of relays: the rest stands in the journal */

static struct text write_event(struct arena *arena, const pawl_event_view *event)
{
    struct buffer buffer;
    buffer_init(&buffer, LIMIT_UNIT_SIZE);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '{');
    pawli_event_json(&writer, event);
    pawli_json_close(&writer, '}');
    struct text text = pawli_arena_text(arena, buffer_text(&buffer));
    arena->failed |= buffer.failed;
    pawli_buffer_done(&buffer);
    return text;
}

/* One that does not fit into a message is told without its body. */
static struct text event_text(struct arena *arena, const pawl_event_view *event)
{
    struct text text = write_event(arena, event);
    if (text.size <= LIMIT_BODY)
        return text;
    pawl_event_view reference = *event;
    reference.keep = PAWL_KEEP_REFERENCE;
    reference.data = NULL;
    reference.data_size = 0;
    return write_event(arena, &reference);
}

/* The same event told to the same subscription is the same message, whoever tells it. */
static pawl_uuid told_as(const struct subscription_row *row, const pawl_event_view *event)
{
    char text[LIMIT_NAME + 64];
    int size = snprintf(text, sizeof text, "pawl.subscription %.*s %llu.%u", TEXT_ARG(row->name),
                        (unsigned long long)event->seq, event->index);
    return pawl_request_id_from(text, (size_t)size);
}

/* As many as one commit may have. */
static int draft_messages(struct drafting *drafting, const struct subscription_row *row, const pawl_events *events,
                          size_t *ret_made, pawl_error *err)
{
    struct arena *arena = &drafting->unit.arena;
    size_t count = pawl_events_count(events), made = 0, size = 0;
    pawl_message *messages = arena_array(arena, pawl_message, count + 1);
    if (!messages)
        return pawli_no_memory(err);
    for (size_t i = 0; i < count && size < RELAY_SIZE; i++) {
        const pawl_event_view *event = pawl_events_get(events, i);
        if (event->error)
            return pawli_hint(err,
                              pawli_fail(err, PAWL_ECORRUPT,
                                         "record %llu cannot be read: subscription %.*s waits there",
                                         (unsigned long long)event->seq, TEXT_ARG(row->name)),
                              "run \"pawl verify\"; to pass it, remove the subscription and add it behind it");
        struct text body = event_text(arena, event);
        size += body.size;
        messages[made++] = (pawl_message){
            PAWL_MESSAGE,      .lane = row->lane.data, .target = row->target.data,       .key = event->key,
            .data = body.data, .data_size = body.size, .request_id = told_as(row, event)};
    }
    if (pawli_arena_failed(arena))
        return pawli_no_memory(err);
    *ret_made = made;
    int status = made ? pawli_draft_enqueue(drafting, messages, made, err) : PAWL_OK;
    if (status == PAWL_OK && made)
        ((struct enqueue *)pawli_draft_effect(drafting, &pawli_effect_enqueue))->atomic = true;
    return status;
}

struct telling {
    const struct subscription_row *row; /* as it was read */
    const pawl_events *events;
    size_t made;
};

static int relay_events(struct drafting *drafting, const void *given, struct subscription_change *change,
                        pawl_error *err)
{
    struct telling *telling = (struct telling *)given;
    const struct subscription_row *row = telling->row;
    int status = draft_messages(drafting, row, telling->events, &telling->made, err);
    if (status < 0)
        return status;
    bool is_all = telling->made == pawl_events_count(telling->events);
    const pawl_event_view *last = is_all ? NULL : pawl_events_get(telling->events, telling->made - 1);
    pawl_cursor next = is_all ? pawl_events_next(telling->events) : (pawl_cursor){last->seq, last->index};
    change->what = SUBSCRIBED_TO;
    change->row.name = row->name;
    change->relays = true;
    change->read_seq = row->seq;
    change->read_index = row->index;
    return read_position(drafting->store, &next, &change->row, err);
}

static int count_room(pawl_store *store, const struct subscription_row *row, uint64_t *room, pawl_error *err)
{
    struct page page;
    uint64_t waits = 0;
    const struct query query = {
        .kind = QUERY_QUEUES, .scope = store->scope, .lane = row->lane, .target = row->target, .limit = UINT32_MAX};
    int status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < page.count; i++)
        waits += page.queues[i].row.counts[STATE_PENDING];
    pawli_page_done(&page);
    *room = waits < QUEUED_MAX ? QUEUED_MAX - waits : 0;
    return PAWL_OK;
}

static int relay(pawl_store *store, const struct subscription_row *row, uint32_t limit, uint64_t *relayed,
                 pawl_error *err)
{
    uint64_t room;
    pawl_events *events;
    int status = count_room(store, row, &room, err);
    if (limit > RELAY_MAX)
        limit = RELAY_MAX;
    if (limit > room)
        limit = (uint32_t)room;
    if (status < 0 || limit == 0)
        return status;
    status = read_behind(store, row, NULL, limit, &events, err);
    if (status < 0)
        return status;
    struct telling telling = {row, events, 0};
    pawl_cursor next = pawl_events_next(events);
    if (position_compare(next.seq, next.index, row->seq, row->index) > 0)
        status = commit_change(store, relay_events, &telling, err);
    *relayed += status == PAWL_OK ? telling.made : 0;
    pawl_events_free(events);
    return status;
}

/* As long as there is something, and room for it. */
static int relay_on(pawl_store *store, const struct subscription_row *row, pawl_error *err)
{
    uint64_t relayed = 1;
    struct page page;
    int status = PAWL_OK;
    struct subscription_row now = *row;
    while (status == PAWL_OK && relayed > 0) {
        relayed = 0;
        int answer = relay(store, &now, RELAY_MAX, &relayed, err);
        if (answer != PAWL_OK && answer != PAWL_EREFUSED)
            return answer;
        status = find(store, row->name.data, &page, err);
        if (status < 0)
            break;
        const struct subscription_row *is = &page.subscriptions->row;
        bool is_moved = position_compare(is->seq, is->index, now.seq, now.index) !=
                        0; /* by another worker: it goes on */
        now.seq = is->seq;
        now.index = is->index;
        pawli_page_done(&page);
        status = answer == PAWL_EREFUSED && !is_moved ? answer : PAWL_OK;
    }
    return status;
}

int pawl_subscription_relay(pawl_store *store, const char *name, uint32_t limit, uint64_t *ret_relayed, pawl_error *err)
{
    struct page page;
    uint64_t relayed = 0;
    int status = check_name(store, name, err);
    if (status == PAWL_OK)
        status = check_write(store, err);
    if (status == PAWL_OK)
        status = find(store, name, &page, err);
    if (status < 0)
        return status;
    if (page.subscriptions->row.lane.data)
        status = relay(store, &page.subscriptions->row, limit, &relayed, err);
    else
        status = pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "subscription %s is read by hand", name),
                            "to relay it, add it with a lane and a target");
    pawli_page_done(&page);
    if (status == PAWL_OK && ret_relayed)
        *ret_relayed = relayed;
    return status;
}

/* One of them that cannot go on keeps no other from it; the first error is what is said. */
int pawli_relay_all(pawl_store *store, bool all_scopes, pawl_error *err)
{
    struct page page;
    pawl_error later;
    int first = PAWL_OK;
    const struct query query = {
        .kind = QUERY_SUBSCRIPTIONS, .scope = all_scopes ? (struct text){0} : store->scope, .limit = UINT32_MAX};
    int status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < page.count; i++) {
        const struct subscription_item *item = &page.subscriptions[i];
        pawl_store *scope = NULL;
        if (item->row.is_damaged || !item->row.lane.data || !item->scope.data)
            continue;
        pawl_error *told = first < 0 ? &later : err;
        status = pawl_store_scope(store, item->scope.data, &scope, told);
        if (status == PAWL_OK)
            status = relay_on(scope, &item->row, told);
        pawl_store_close(scope);
        first = first < 0 ? first : status;
    }
    pawli_page_done(&page);
    return first;
}

/* ---- listing ---- */

struct pawl_subscriptions {
    struct arena arena;
    pawl_subscription_view *items;
    size_t count;
};

static int count_behind(pawl_store *store, const struct subscription_row *row, uint64_t *count, pawl_error *err)
{
    pawl_events_query query = {PAWL_EVENTS_QUERY, .topic = row->topic.data, .key_prefix = row->prefix.data,
                               .after = {row->seq, row->index}, .limit = LIMIT_LIST};
    int status = PAWL_OK;
    for (bool more = true; status == PAWL_OK && more;) {
        pawl_events *events;
        status = pawl_events_read(store, &query, &events, err);
        if (status < 0)
            break;
        *count += pawl_events_count(events);
        more = pawl_events_has_more(events);
        query.after = pawl_events_next(events);
        pawl_events_free(events);
    }
    return status;
}

static int view(pawl_subscriptions *list, pawl_store *store, const struct subscription_row *row,
                pawl_subscription_view *view, pawl_error *err)
{
    struct arena *arena = &list->arena;
    uint32_t count;
    *view = (pawl_subscription_view){.struct_size = sizeof *view,
                                     .name = pawli_arena_text(arena, row->name).data,
                                     .topic = pawli_arena_text(arena, row->topic).data,
                                     .key_prefix = pawli_arena_text(arena, row->prefix).data,
                                     .lane = pawli_arena_text(arena, row->lane).data,
                                     .target = pawli_arena_text(arena, row->target).data,
                                     .position = {row->seq, row->index},
                                     .error = row->is_damaged ? "it cannot be read" : NULL};
    if (row->is_damaged)
        return PAWL_OK;
    int status = count_behind(store, row, &view->behind, err);
    if (status == PAWL_OK && row->index == EVENT_WHOLE) {
        status = count_events(store, row->seq, &count, err);
        view->position.index = count ? count - 1 : 0;
    }
    return status;
}

int pawl_subscriptions_list(pawl_store *store, const char *name, pawl_subscriptions **ret_subscriptions,
                            pawl_error *err)
{
    struct page page;
    int status = pawli_check_given(err, store, ret_subscriptions);
    if (status == PAWL_OK && name)
        status = pawli_check_name("name", text_of(name), err);
    if (status == PAWL_OK)
        status = read_rows(store, name, &page, err);
    if (status < 0)
        return status;
    pawl_subscriptions *list = pawli_alloc(sizeof *list);
    if (list)
        list->items = arena_array(&list->arena, pawl_subscription_view, page.count + 1);
    status = list && list->items ? PAWL_OK : pawli_no_memory(err);
    for (size_t i = 0; status == PAWL_OK && i < page.count; i++, list->count++)
        status = view(list, store, &page.subscriptions[i].row, &list->items[i], err);
    if (status == PAWL_OK && pawli_arena_failed(&list->arena))
        status = pawli_no_memory(err);
    pawli_page_done(&page);
    if (status < 0)
        pawl_subscriptions_free(list);
    else
        *ret_subscriptions = list;
    return status;
}

size_t pawl_subscriptions_count(const pawl_subscriptions *subscriptions)
{
    return subscriptions ? subscriptions->count : 0;
}

const pawl_subscription_view *pawl_subscriptions_get(const pawl_subscriptions *subscriptions, size_t index)
{
    return index < pawl_subscriptions_count(subscriptions) ? &subscriptions->items[index] : NULL;
}

void pawl_subscriptions_free(pawl_subscriptions *subscriptions)
{
    if (!subscriptions)
        return;
    pawli_arena_done(&subscriptions->arena);
    pawli_free(subscriptions);
}
