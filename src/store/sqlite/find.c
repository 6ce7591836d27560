/* SPDX-License-Identifier: MIT */
/* How rows are found, for the walk that fills a view (store/walk.h) and for pages (store/page.h). */
#include "store/sqlite/sqlite.h"

static enum find end(struct walk *walk, int code, bool found)
{
    if (code == BAD_ROW)
        return FIND_DAMAGED;
    if (code == SQLITE_OK)
        return found ? FIND_ROW : FIND_NOTHING;
    finder_of(walk)->code = code;
    return FIND_FAILED;
}

static enum find find_fact(struct walk *walk, enum row_kind kind, void *row)
{
    struct finder *finder = finder_of(walk);
    bool found;
    int code = pawli_get_fact(finder->connection, kind, row, &found, finder->arena);
    return end(walk, code, found);
}

static enum find find_by_id(struct walk *walk, enum row_kind kind, uint64_t id, void *row)
{
    struct finder *finder = finder_of(walk);
    bool found;
    int code = pawli_get_by_id(finder->connection, kind, id, row, &found, finder->arena);
    return end(walk, code, found);
}

static enum find find_task(struct walk *walk, enum task_kind kind, uint64_t number, const struct task_body *body,
                           struct task_row *row)
{
    struct finder *finder = finder_of(walk);
    bool found;
    int code = pawli_find_task(finder->connection, kind, number, body, row, &found, finder->arena);
    return end(walk, code, found);
}

static enum find count_places(struct walk *walk, const struct task_body *body, uint32_t *count)
{
    struct call call = pawli_call(finder_of(walk)->connection, SQL_count_places);
    pawli_bind_u64(&call, body->queue);
    pawli_bind_i64(&call, body->priority);
    pawli_bind_wall(&call, body->available);
    pawli_bind_u64(&call, body->number);
    pawli_bind_text(&call, body->key);
    if (pawli_call_row(&call))
        *count = (uint32_t)pawli_raw_number(&call, 0);
    return end(walk, pawli_call_end(&call), true);
}

static enum find find_committers(struct walk *walk, struct living *living)
{
    struct finder *finder = finder_of(walk);
    int code = pawli_list_committers(finder->store, finder->connection, &living->alive, &living->alive_count,
                                     &living->dead, &living->dead_count, finder->arena);
    return end(walk, code, true);
}

/* Without those that are held apart: read.c. */
static enum find count_claimed(struct walk *walk, const struct flow_row *subject, uint64_t *count)
{
    bool is_lane = subject->lane.data != NULL;
    struct call call = pawli_call(finder_of(walk)->connection,
                                  is_lane ? SQL_count_claimed_of_lane : SQL_count_claimed_of_target);
    pawli_bind_u64(&call, subject->scope);
    pawli_bind_text(&call, is_lane ? subject->lane : subject->target);
    if (pawli_call_row(&call))
        *count = (uint64_t)pawli_column_between(&call, 0, INT64_MAX);
    return end(walk, pawli_call_end(&call), true);
}

static enum find find_ages(struct walk *walk, uint64_t queue, struct wall_time now, struct queue_ages *ages)
{
    int code = SQLITE_OK;
    ages->oldest_due = ages->later_due = WALL_NEVER;
    for (int64_t priority = 1; code == SQLITE_OK && priority <= 9; priority++)
        for (int later = 0; code == SQLITE_OK && later < 2; later++) {
            struct call call = pawli_call(finder_of(walk)->connection, later ? SQL_later_due : SQL_count_due);
            pawli_bind_u64(&call, queue);
            pawli_bind_i64(&call, priority);
            pawli_bind_i64(&call, now.ms);
            if (pawli_call_row(&call)) {
                struct wall_time *first = later ? &ages->later_due : &ages->oldest_due;
                ages->due += later ? 0 : (uint64_t)pawli_column_between(&call, 0, INT64_MAX);
                struct wall_time due = pawli_column_wall_or_never(&call);
                if (due.ms < first->ms)
                    *first = due;
            }
            code = pawli_call_end(&call);
        }
    return end(walk, code, true);
}

static enum find count_before(struct walk *walk, uint64_t queue, const struct query *query, uint64_t *count)
{
    struct call call = pawli_call(finder_of(walk)->connection, SQL_count_before);
    pawli_bind_u64(&call, queue);
    pawli_bind_text(&call, query->key);
    pawli_bind_u64(&call, query->cursor.position);
    pawli_bind_u64(&call, query->cursor.number);
    if (pawli_call_row(&call))
        *count = pawli_raw_number(&call, 0);
    return end(walk, pawli_call_end(&call), true);
}

/* ---- ranges ---- */

static struct call call_workers(struct connection *connection, const struct range *range)
{
    (void)range;
    return pawli_call(connection, SQL_list_workers);
}

static struct call call_holds(struct connection *connection, const struct range *range)
{
    struct call call = pawli_call(connection, SQL_find_holds);
    const struct hold_row *subject = &range->subject;
    pawli_bind_text(&call, text_of(pawli_hold_kind_text(subject->kind)));
    pawli_bind_u64(&call, subject->scope);
    pawli_bind_text(&call, subject->lane.data ? subject->lane : TEXT(""));
    pawli_bind_text(&call, subject->target.data ? subject->target : TEXT(""));
    return call;
}

static struct call call_claimed(struct connection *connection, const struct range *range)
{
    (void)range;
    return pawli_call(connection, SQL_list_claimed);
}

static struct call call_due(struct connection *connection, const struct range *range)
{
    struct call call = pawli_call(connection, SQL_find_due);
    pawli_bind_u64(&call, range->queue);
    pawli_bind_i64(&call, range->phase);
    pawli_bind_i64(&call, range->priority);
    pawli_bind_i64(&call, range->until.ms);
    return call;
}

static struct call call_followers(struct connection *connection, const struct range *range)
{
    struct call call = pawli_call(connection, SQL_find_followers);
    pawli_bind_u64(&call, range->queue);
    pawli_bind_text(&call, range->key);
    return call;
}

static struct call call_behind(struct connection *connection, enum sql sql, uint64_t number)
{
    struct call call = pawli_call(connection, sql);
    pawli_bind_u64(&call, number);
    return call;
}

static struct call call_scopes(struct connection *connection, const struct range *range)
{
    return call_behind(connection, SQL_list_scopes, range->after);
}

/* By the index that finds the fewest. */
static struct call call_records(struct connection *connection, const struct range *range)
{
    static const enum sql statements[][2] = {{SQL_list_records_up, SQL_list_records_down},
                                             {SQL_list_records_of_type_up, SQL_list_records_of_type_down},
                                             {SQL_list_records_of_ref_up, SQL_list_records_of_ref_down}};
    const struct query *query = range->query;
    size_t by = query->ref.data ? 2 : query->type.data ? 1 : 0;
    struct call call = pawli_call(connection, statements[by][query->down]);
    pawli_bind_u64(&call, range->scope);
    pawli_bind_u64(&call, query->down ? range->before : range->after);
    pawli_bind_i64(&call, query->since.ms);
    if (by == 2)
        pawli_bind_text(&call, query->ref);
    if (by >= 1)
        pawli_bind_text(&call, query->type);
    return call;
}

/* By as much of the key as is given. */
static struct call call_queues(struct connection *connection, const struct range *range)
{
    const struct query *query = range->query;
    bool has_lane = query->lane.data != NULL, has_both = has_lane && query->target.data;
    struct call call = pawli_call(connection, !query->scope.data ? SQL_list_queues
                                              : has_both         ? SQL_get_queue
                                              : has_lane         ? SQL_list_queues_of_lane
                                                                 : SQL_list_queues_of_scope);
    pawli_bind_u64(&call, query->scope.data ? range->scope : range->after);
    if (query->scope.data && has_lane)
        pawli_bind_text(&call, query->lane);
    if (query->scope.data && has_both) {
        pawli_bind_text(&call, query->target);
        pawli_bind_text(&call, text_of(pawli_task_kinds[task_kind_of(query->lane)].name));
    }
    return call;
}

static struct call call_news(struct connection *connection, const struct range *range)
{
    struct call call = call_behind(connection, SQL_list_news, range->after);
    pawli_bind_i64(&call, NEWS_MAX);
    return call;
}

static struct call call_messages(struct connection *connection, const struct range *range)
{
    struct call call = call_behind(connection, range->query->down ? SQL_list_messages_down : SQL_list_messages_up,
                                   range->after);
    pawli_bind_u64(&call, range->before);
    return call;
}

static struct call call_attempts(struct connection *connection, const struct range *range)
{
    return call_behind(connection, SQL_list_attempts, range->query->number);
}

static struct call call_lanes(struct connection *connection, const struct range *range)
{
    return call_behind(connection, SQL_list_lanes, range->scope);
}

static struct call call_targets(struct connection *connection, const struct range *range)
{
    return call_behind(connection, SQL_list_targets, range->scope);
}

static struct call call_senders(struct connection *connection, const struct range *range)
{
    struct call call = call_behind(connection, range->key.data ? SQL_list_senders_of : SQL_list_senders, range->scope);
    if (range->key.data)
        pawli_bind_text(&call, range->key);
    return call;
}

static struct call call_until(struct connection *connection, enum sql sql, struct wall_time until)
{
    struct call call = pawli_call(connection, sql);
    pawli_bind_i64(&call, until.ms);
    return call;
}

static struct call call_gone_ready(struct connection *connection, const struct range *range)
{
    return call_until(connection, SQL_list_gone_ready, range->until);
}

static struct call call_gone_blocked(struct connection *connection, const struct range *range)
{
    return call_until(connection, SQL_list_gone_blocked, range->until);
}

static struct call call_put_off(struct connection *connection, const struct range *range)
{
    struct call call = call_behind(connection, SQL_list_put_off, range->queue);
    pawli_bind_text(&call, range->key);
    pawli_bind_u64(&call, range->priority);
    pawli_bind_i64(&call, range->until.ms);
    pawli_bind_u64(&call, range->after);
    return call;
}

static struct call call_all_holds(struct connection *connection, const struct range *range)
{
    (void)range;
    return pawli_call(connection, SQL_list_holds);
}

static struct call call_bounds(struct connection *connection, const struct range *range)
{
    return call_until(connection, SQL_list_bounds_until, range->until);
}

static struct call call_claims(struct connection *connection, const struct range *range)
{
    return call_behind(connection, SQL_page_claimed, range->after);
}

static struct call call_assets(struct connection *connection, const struct range *range)
{
    return call_behind(connection, SQL_list_assets, range->scope);
}

static struct call call_counters(struct connection *connection, const struct range *range)
{
    return call_behind(connection, SQL_list_counters, range->scope);
}

static struct call call_types(struct connection *connection, const struct range *range)
{
    return call_behind(connection, SQL_list_types, range->scope);
}

static struct call call_subscriptions(struct connection *connection, const struct range *range)
{
    return range->query->scope.data ? call_behind(connection, SQL_list_subscriptions, range->scope)
                                    : pawli_call(connection, SQL_all_subscriptions);
}

static struct call call_snapshots(struct connection *connection, const struct range *range)
{
    struct call call = call_behind(connection, SQL_list_snapshots, range->scope);
    pawli_bind_u64(&call, range->query->after);
    return call;
}

static struct call call_chunks(struct connection *connection, const struct range *range)
{
    struct call call = call_behind(connection, SQL_list_chunks, range->scope);
    pawli_bind_u64(&call, range->query->after);
    pawli_bind_u64(&call, range->query->after_index);
    return call;
}

static struct text or_empty(struct text text)
{
    return text.data ? text : TEXT("");
}

static struct call call_accounts(struct connection *connection, const struct range *range)
{
    const struct query *query = range->query;
    struct call call = call_behind(connection, SQL_list_accounts, range->scope);
    pawli_bind_text(&call, or_empty(query->after_name.data ? query->after_name : query->account));
    pawli_bind_text(&call, or_empty(query->after_key));
    pawli_bind_text(&call, query->account);
    pawli_bind_text(&call, query->asset);
    return call;
}

static struct call call_entries(struct connection *connection, const struct range *range)
{
    const struct query *query = range->query;
    struct call call = call_behind(connection, query->account.data ? SQL_list_entries_of : SQL_list_entries,
                                   range->scope);
    if (query->account.data)
        pawli_bind_text(&call, query->account);
    pawli_bind_u64(&call, query->after);
    pawli_bind_u64(&call, query->after_index);
    pawli_bind_text(&call, query->asset);
    return call;
}

static struct call call_fills(struct connection *connection, const struct range *range)
{
    struct call call = call_behind(connection, SQL_list_fills, range->scope);
    pawli_bind_u64(&call, range->query->after);
    pawli_bind_u64(&call, range->query->after_index);
    return call;
}

static struct call call_projections(struct connection *connection, const struct range *range)
{
    const struct query *query = range->query;
    struct call call = call_behind(connection, SQL_list_projections, range->scope);
    pawli_bind_text(&call, query->name);
    pawli_bind_text(&call, or_empty(query->after_key));
    pawli_bind_text(&call, or_empty(query->prefix));
    return call;
}

/* ---- workflows ---- */

static struct call call_workflows(struct connection *connection, const struct range *range)
{
    struct call call = call_behind(connection, range->query->down ? SQL_list_workflows_down : SQL_list_workflows_up,
                                   range->after);
    pawli_bind_u64(&call, range->before);
    return call;
}

static struct call call_kinds(struct connection *connection, const struct range *range)
{
    return call_behind(connection, SQL_list_kinds, range->scope);
}

static struct call call_of_key(struct connection *connection, enum sql sql, uint64_t owner, struct text key)
{
    struct call call = call_behind(connection, sql, owner);
    pawli_bind_text(&call, key);
    return call;
}

static struct call call_pending(struct connection *connection, const struct range *range)
{
    return call_of_key(connection, SQL_list_pending, range->queue, range->key);
}

static struct call call_signals(struct connection *connection, const struct range *range)
{
    return call_of_key(connection, SQL_list_signals, range->queue, range->key);
}

static struct call call_steps(struct connection *connection, const struct range *range)
{
    struct call call = call_behind(connection, SQL_list_steps, range->query->number);
    pawli_bind_u64(&call, range->after);
    return call;
}

static struct call call_schedules(struct connection *connection, const struct range *range)
{
    return range->query->scope.data ? call_behind(connection, SQL_list_schedules, range->scope)
                                    : pawli_call(connection, SQL_all_schedules);
}

static struct call call_held(struct connection *connection, const struct range *range)
{
    return call_of_key(connection, SQL_list_held, range->scope, range->key);
}

static struct call call_resources(struct connection *connection, const struct range *range)
{
    return call_of_key(connection, SQL_list_resources, range->scope, or_empty(range->query->after_key));
}

static struct call call_resource_moves(struct connection *connection, const struct range *range)
{
    return call_of_key(connection, SQL_list_resource_moves, range->scope, range->query->key);
}

static const struct {
    struct call (*call)(struct connection *connection, const struct range *range);
    enum row_kind row;
    /* Columns, as far as somebody asks what they say before the row is read, or where it cannot be. */
    int number, queue, key;
} ranges[RANGE_KIND_COUNT] = {
    [RANGE_WORKERS] = {.call = call_workers, .row = ROW_WORKER},
    [RANGE_HOLDS] = {.call = call_holds, .row = ROW_HOLD},
    [RANGE_CLAIMED] = {.call = call_claimed, .row = ROW_CLAIMED},
    [RANGE_DUE] = {.call = call_due, .row = ROW_READY},
    [RANGE_FOLLOWERS] = {.call = call_followers, .row = ROW_BLOCKED},
    [RANGE_SCOPES] = {.call = call_scopes, .row = ROW_SCOPE},
    [RANGE_RECORDS] = {.call = call_records, .row = ROW_RECORD, .number = 1},
    [RANGE_QUEUES] = {.call = call_queues, .row = ROW_QUEUE},
    [RANGE_NEWS] = {.call = call_news, .row = ROW_QUEUE},
    [RANGE_MESSAGES] = {.call = call_messages, .row = ROW_MESSAGE, .queue = 2, .key = 5},
    [RANGE_ATTEMPTS] = {.call = call_attempts, .row = ROW_ATTEMPT},
    [RANGE_LANES] = {.call = call_lanes, .row = ROW_LANE},
    [RANGE_TARGETS] = {.call = call_targets, .row = ROW_TARGET},
    [RANGE_SENDERS] = {.call = call_senders, .row = ROW_SENDER},
    [RANGE_ALL_HOLDS] = {.call = call_all_holds, .row = ROW_HOLD},
    [RANGE_BOUNDS] = {.call = call_bounds, .row = ROW_BOUND},
    [RANGE_CLAIMS] = {.call = call_claims, .row = ROW_CLAIMED, .number = 1},
    [RANGE_GONE_READY] = {.call = call_gone_ready, .row = ROW_READY, .number = 1},
    [RANGE_GONE_BLOCKED] = {.call = call_gone_blocked, .row = ROW_BLOCKED, .number = 1},
    [RANGE_PUT_OFF] = {.call = call_put_off, .row = ROW_READY, .number = 1},
    [RANGE_ASSETS] = {.call = call_assets, .row = ROW_ASSET},
    [RANGE_ACCOUNTS] = {.call = call_accounts, .row = ROW_ACCOUNT},
    [RANGE_ENTRIES] = {.call = call_entries, .row = ROW_ENTRY},
    [RANGE_ENTRIES_OF] = {.call = call_entries, .row = ROW_ENTRY},
    [RANGE_FILLS] = {.call = call_fills, .row = ROW_FILL},
    [RANGE_PROJECTIONS] = {.call = call_projections, .row = ROW_PROJECTION},
    [RANGE_COUNTERS] = {.call = call_counters, .row = ROW_COUNTER},
    [RANGE_TYPES] = {.call = call_types, .row = ROW_TYPE},
    [RANGE_SNAPSHOTS] = {.call = call_snapshots, .row = ROW_SNAPSHOT},
    [RANGE_CHUNKS] = {.call = call_chunks, .row = ROW_CHUNK},
    [RANGE_SUBSCRIPTIONS] = {.call = call_subscriptions, .row = ROW_SUBSCRIPTION},
    [RANGE_WORKFLOWS] = {.call = call_workflows, .row = ROW_WORKFLOW, .queue = 2, .key = 5},
    [RANGE_KINDS] = {.call = call_kinds, .row = ROW_KIND},
    [RANGE_PENDING] = {.call = call_pending, .row = ROW_SIGNAL},
    [RANGE_SIGNALS] = {.call = call_signals, .row = ROW_SIGNAL},
    [RANGE_STEPS] = {.call = call_steps, .row = ROW_STEP, .number = 1},
    [RANGE_SCHEDULES] = {.call = call_schedules, .row = ROW_SCHEDULE},
    [RANGE_HELD] = {.call = call_held, .row = ROW_RESOURCE},
    [RANGE_RESOURCES] = {.call = call_resources, .row = ROW_RESOURCE},
    [RANGE_RESOURCE_MOVES] = {.call = call_resource_moves, .row = ROW_RESOURCE_MOVE},
};

static struct call *call_of(struct walk *walk, const struct range *range)
{
    return &finder_of(walk)->connection->ranges[range->kind];
}

static bool begin_range(struct walk *walk, struct range *range)
{
    struct connection *connection = finder_of(walk)->connection;
    *call_of(walk, range) = ranges[range->kind].call(connection, range);
    return true; /* what is wrong is said by the end */
}

bool pawli_is_wanted(struct call *call, const struct range *range, int queue, int key)
{
    struct text found = {0};
    if (key && range->query->key.data)
        found = (struct text){sqlite3_column_blob(call->statement, key),
                              (size_t)sqlite3_column_bytes(call->statement, key)};
    return range->wants(range->data, pawli_raw_number(call, queue), found);
}

static enum find next_in_range(struct walk *walk, struct range *range, void *row)
{
    struct call *call = call_of(walk, range);
    do {
        if (!pawli_call_row(call))
            return FIND_NOTHING;
    } while (range->wants && !pawli_is_wanted(call, range, ranges[range->kind].queue, ranges[range->kind].key));
    if (pawli_read_row(call, ranges[range->kind].row, row, finder_of(walk)->arena))
        return FIND_ROW;
    range->is_unreadable = call->bad;
    range->number = pawli_raw_number(call, ranges[range->kind].number);
    range->row_queue = pawli_raw_number(call, ranges[range->kind].queue);
    return FIND_DAMAGED;
}

static bool end_range(struct walk *walk, struct range *range)
{
    return end(walk, pawli_call_end(call_of(walk, range)), false) != FIND_FAILED;
}

const struct finders pawli_sqlite_finders = {
    .fact = find_fact,
    .by_id = find_by_id,
    .task = find_task,
    .begin = begin_range,
    .next = next_in_range,
    .end = end_range,
    .places = count_places,
    .committers = find_committers,
    .claimed = count_claimed,
    .ages = find_ages,
    .before = count_before,
};
