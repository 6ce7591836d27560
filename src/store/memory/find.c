/* SPDX-License-Identifier: MIT */
/* How rows are found in the tables, for the walk that fills a view (store/walk.h) and for pages (store/page.h). The lock is
 * held. What could not be copied is remembered by the arena and looked at once, at the end. */
#include "store/memory/memory.h"

static enum find copy(struct finder *finder, enum row_kind table, const void *row, void *out)
{
    if (!row)
        return FIND_NOTHING;
    pawli_table_copy(table, row, out, finder->arena);
    return FIND_ROW;
}

static enum find find_fact(struct walk *walk, enum row_kind kind, void *row)
{
    struct finder *finder = finder_of(walk);
    if (kind != ROW_STORE)
        return copy(finder, kind, pawli_table_find(finder->tables, kind, pawli_order_of_key(kind), row), row);
    *(struct store_row *)row = finder->tables->store;
    return FIND_ROW;
}

static enum find find_by_id(struct walk *walk, enum row_kind kind, uint64_t id, void *row)
{
    const union any_row probe = kind == ROW_SCOPE ? (union any_row){.scope = {.id = id}}
                                                  : (union any_row){.queue = {.id = id}};
    return copy(finder_of(walk), kind, pawli_table_find(finder_of(walk)->tables, kind, ORDER_FIRST, &probe), row);
}

static const struct task_row *task_at(struct walk *walk, uint64_t number)
{
    const struct task_row probe = {.number = number};
    return pawli_table_find(finder_of(walk)->tables, TASKS, ORDER_FIRST, &probe);
}

static enum find find_task(struct walk *walk, enum task_kind kind, uint64_t number, const struct task_body *body,
                           struct task_row *row)
{
    (void)kind, (void)body;
    return copy(finder_of(walk), TASKS, task_at(walk, number), row);
}

/* Never two: a task is found by its number. */
static enum find count_places(struct walk *walk, const struct task_body *body, uint32_t *count)
{
    *count = task_at(walk, body->number) != NULL;
    return FIND_ROW;
}

/* Here nobody's process dies alone: the one handle's committer lives, once it wrote. */
static enum find find_committers(struct walk *walk, struct living *living)
{
    struct finder *finder = finder_of(walk);
    living->alive = arena_new(finder->arena, struct committer_row);
    if (!living->alive)
        return FIND_FAILED;
    *living->alive = finder->tables->committer;
    living->alive_count = finder->tables->committer.id != 0;
    return FIND_ROW;
}

static enum find count_claimed(struct walk *walk, const struct flow_row *subject, uint64_t *count)
{
    const union any_row *queue = NULL, before = {.queue = {0}};
    for (queue = &before;
         (queue = pawli_table_after(finder_of(walk)->tables, ROW_QUEUE, ORDER_FIRST, queue)) != NULL;) {
        const struct queue_row *row = &queue->queue;
        bool is_meant = subject->lane.data ? text_equal(row->lane, subject->lane)
                                           : row->kind == TASK_MESSAGE && text_equal(row->target, subject->target);
        *count += row->scope == subject->scope && is_meant ? row->counts[STATE_CLAIMED] : 0;
    }
    return FIND_ROW;
}

static const struct task_row *next_task(struct walk *walk, const struct task_row *row)
{
    return pawli_table_after(finder_of(walk)->tables, TASKS, ORDER_SECOND, row);
}

/* Ready ones stand in the order of queue, phase, priority, due; held ones in that of their numbers. */
static enum find find_ages(struct walk *walk, uint64_t queue, struct wall_time now, struct queue_ages *ages)
{
    const struct task_row *row = &(struct task_row){.place = PLACE_READY, .queue = queue, .due = {INT64_MIN}};
    *ages = (struct queue_ages){.oldest_due = WALL_NEVER, .later_due = WALL_NEVER};
    while ((row = next_task(walk, row)) != NULL && row->place == PLACE_READY && row->queue == queue) {
        bool is_due = row->due.ms <= now.ms;
        struct wall_time *first = is_due ? &ages->oldest_due : &ages->later_due;
        if (row->phase != PHASE_SEND)
            continue;
        ages->due += is_due;
        if (row->due.ms < first->ms)
            *first = row->due;
    }
    row = &(struct task_row){.place = PLACE_HELD};
    while ((row = next_task(walk, row)) != NULL && row->place == PLACE_HELD)
        ages->held_apart += row->queue == queue;
    return FIND_ROW;
}

static enum find count_before(struct walk *walk, uint64_t queue, const struct query *query, uint64_t *count)
{
    const struct task_cursor *cursor = &query->cursor;
    const struct task_row *row = &(struct task_row){.place = PLACE_BLOCKED, .queue = queue, .key = query->key};
    while ((row = next_task(walk, row)) != NULL && row->place == PLACE_BLOCKED && row->queue == queue &&
           text_equal(row->key, query->key) &&
           (row->order < cursor->position || (row->order == cursor->position && row->number < cursor->number)))
        ++*count;
    return FIND_ROW;
}

/* ---- ranges: from a probe that stands before the first row, as long as rows are in it ---- */

static bool is_of_subject(const struct range *range, const void *at)
{
    const struct hold_row *row = at, *subject = &range->subject;
    return row->kind == subject->kind && row->scope == subject->scope && text_equal(row->lane, subject->lane) &&
           text_equal(row->target, subject->target);
}

static bool is_claimed(const struct range *range, const void *at)
{
    (void)range;
    return ((const struct task_row *)at)->place == PLACE_CLAIMED;
}

static bool is_due(const struct range *range, const void *at)
{
    const struct task_row *row = at;
    return row->place == PLACE_READY && row->queue == range->queue && row->phase == range->phase &&
           row->priority == range->priority && row->due.ms <= range->until.ms;
}

static bool is_follower(const struct range *range, const void *at)
{
    const struct task_row *row = at;
    return row->place == PLACE_BLOCKED && row->queue == range->queue && text_equal(row->key, range->key);
}

static bool is_of_scope(const struct range *range, const void *at)
{
    return *(const uint64_t *)at == range->scope;
}
static_assert(offsetof(struct record_row, scope) == 0 && offsetof(struct lane_row, scope) == 0 &&
                  offsetof(struct target_row, scope) == 0 && offsetof(struct sender_row, scope) == 0,
              "as it is read there");

static bool is_of_scope_or_any(const struct range *range, const void *at)
{
    return !range->query->scope.data || is_of_scope(range, at);
}

static bool is_account(const struct range *range, const void *at)
{
    const struct account_row *row = at;
    struct text account = range->query->account;
    return row->scope == range->scope && (!account.data || text_equal(row->account, account));
}

static bool begins_with(struct text text, struct text prefix)
{
    return text.size >= prefix.size && (prefix.size == 0 || memcmp(text.data, prefix.data, prefix.size) == 0);
}

/* Or stands before those that are. */
static bool is_projection(const struct range *range, const void *at)
{
    const struct projection_row *row = at;
    struct text prefix = range->query->prefix;
    return row->scope == range->scope && text_equal(row->name, range->query->name) &&
           (begins_with(row->key, prefix) || pawli_text_compare(row->key, prefix) < 0);
}

static bool is_sender(const struct range *range, const void *at)
{
    const struct sender_row *row = at;
    return row->scope == range->scope && (!range->key.data || text_equal(row->target, range->key));
}

static bool is_ready(const struct range *range, const void *at)
{
    (void)range;
    return ((const struct task_row *)at)->place == PLACE_READY;
}

static bool is_to_send(const struct range *range, const void *at)
{
    const struct task_row *row = at;
    return row->place == PLACE_READY && row->queue == range->queue && row->phase == PHASE_SEND;
}

static bool is_blocked(const struct range *range, const void *at)
{
    (void)range;
    return ((const struct task_row *)at)->place == PLACE_BLOCKED;
}

static bool is_between(const struct range *range, const void *at)
{
    const struct task_body *row = at;
    return row->number > range->after && row->number < range->before;
}

static bool is_attempt(const struct range *range, const void *at)
{
    return ((const struct attempt_row *)at)->number == range->query->number;
}

static bool is_over(const struct range *range, const void *at)
{
    return ((const struct bound_row *)at)->until.ms <= range->until.ms;
}

static bool is_signal(const struct range *range, const void *at)
{
    const struct signal_row *row = at;
    return row->queue == range->queue && text_equal(row->workflow, range->key);
}

static bool is_step(const struct range *range, const void *at)
{
    return ((const struct step_row *)at)->number == range->query->number;
}

static bool is_held_by(const struct range *range, const void *at)
{
    const struct resource_row *row = at;
    return row->scope == range->scope && text_equal(row->holder, range->key);
}

static bool is_resource_move(const struct range *range, const void *at)
{
    const struct resource_move_row *row = at;
    return row->scope == range->scope && text_equal(row->id, range->query->key);
}

/* ---- what is passed by in one ---- */

static bool is_pending(struct walk *walk, const struct range *range, const void *at)
{
    (void)walk;
    (void)range;
    return ((const struct signal_row *)at)->taken == 0;
}

static bool is_listed(struct walk *walk, const struct range *range, const void *at)
{
    const struct workflow_row *row = at;
    (void)walk;
    return range->wants(range->data, row->queue, row->key);
}

static bool is_record(struct walk *walk, const struct range *range, const void *at)
{
    const struct record_row *row = at;
    const struct query *query = range->query;
    (void)walk;
    return (!query->ref.data || text_equal(query->ref, row->ref)) &&
           (!query->type.data || text_equal(query->type, row->type)) && row->committed.ms >= query->since.ms;
}

static bool is_entry(struct walk *walk, const struct range *range, const void *at)
{
    const struct entry_row *row = at;
    const struct query *query = range->query;
    (void)walk;
    return (!query->account.data || text_equal(query->account, row->account)) &&
           (!query->asset.data || text_equal(query->asset, row->asset)) &&
           (row->seq > query->after || row->index >= query->after_index);
}

static bool is_fill(struct walk *walk, const struct range *range, const void *at)
{
    const struct fill_row *row = at;
    (void)walk;
    return row->seq > range->query->after || row->event >= range->query->after_index;
}

static bool is_chunk(struct walk *walk, const struct range *range, const void *at)
{
    const struct chunk_row *row = at;
    (void)walk;
    return row->seq > range->query->after || row->index >= range->query->after_index;
}

static bool has_prefix(struct walk *walk, const struct range *range, const void *at)
{
    (void)walk;
    return begins_with(((const struct projection_row *)at)->key, range->query->prefix);
}

static bool is_balance(struct walk *walk, const struct range *range, const void *at)
{
    const struct account_row *row = at;
    const struct query *query = range->query;
    (void)walk;
    return !query->asset.data || text_equal(query->asset, row->asset);
}

static bool is_news(struct walk *walk, const struct range *range, const void *at)
{
    (void)walk;
    return ((const struct queue_row *)at)->added > range->after;
}

static bool is_message(struct walk *walk, const struct range *range, const void *at)
{
    const struct message_row *row = at;
    const struct query *query = range->query;
    const struct task_row *task = query->any_state ? NULL : task_at(walk, row->number);
    return range->wants(range->data, row->queue, row->key) &&
           (query->any_state ||
            (task && task_state(task) == query->state && (query->place == PLACE_NONE || task->place == query->place)));
}

static bool is_gone(struct walk *walk, const struct range *range, const void *at)
{
    const struct tables *tables = finder_of(walk)->tables;
    const struct task_row *row = at;
    const struct queue_row *queue = pawli_table_find(tables, ROW_QUEUE, ORDER_FIRST,
                                                     &(struct queue_row){.id = row->queue});
    if (!row->sender.data || row->phase != PHASE_SEND || !queue)
        return false;
    const struct sender_row *sender = pawli_table_find(
        tables, ROW_SENDER, ORDER_FIRST,
        &(struct sender_row){.scope = queue->scope, .target = queue->target, .sender = row->sender});
    return sender && sender->removed.ms < INT64_MAX && sender->removed.ms <= range->until.ms;
}

static bool is_of_sender(struct walk *walk, const struct range *range, const void *at)
{
    (void)walk;
    return text_equal(((const struct task_row *)at)->sender, range->key);
}

static bool is_wanted(struct walk *walk, const struct range *range, const void *at)
{
    const struct task_row *row = at;
    (void)walk;
    return !range->wants || range->wants(range->data, row->queue, row->key);
}

static const struct {
    enum row_kind table;
    enum order order;
    bool (*has)(const struct range *range, const void *row);                      /* NULL: all of the table */
    bool (*wants)(struct walk *walk, const struct range *range, const void *row); /* NULL: all that it has */
} ranges[RANGE_KIND_COUNT] = {
    [RANGE_WORKERS] = {ROW_WORKER, ORDER_FIRST, NULL, NULL},
    [RANGE_HOLDS] = {ROW_HOLD, ORDER_FIRST, is_of_subject, NULL},
    [RANGE_CLAIMED] = {TASKS, ORDER_SECOND, is_claimed, is_wanted},
    [RANGE_DUE] = {TASKS, ORDER_SECOND, is_due, NULL},
    [RANGE_FOLLOWERS] = {TASKS, ORDER_SECOND, is_follower, NULL},
    [RANGE_SCOPES] = {ROW_SCOPE, ORDER_FIRST, NULL, NULL},
    [RANGE_RECORDS] = {ROW_RECORD, ORDER_FIRST, is_of_scope, is_record},
    [RANGE_QUEUES] = {ROW_QUEUE, ORDER_FIRST, NULL, NULL},
    [RANGE_NEWS] = {ROW_QUEUE, ORDER_FIRST, NULL, is_news},
    [RANGE_MESSAGES] = {ROW_MESSAGE, ORDER_FIRST, is_between, is_message},
    [RANGE_ATTEMPTS] = {ROW_ATTEMPT, ORDER_FIRST, is_attempt, NULL},
    [RANGE_LANES] = {ROW_LANE, ORDER_FIRST, is_of_scope, NULL},
    [RANGE_TARGETS] = {ROW_TARGET, ORDER_FIRST, is_of_scope, NULL},
    [RANGE_SENDERS] = {ROW_SENDER, ORDER_FIRST, is_sender, NULL},
    [RANGE_ALL_HOLDS] = {ROW_HOLD, ORDER_SECOND, NULL, NULL},
    [RANGE_BOUNDS] = {ROW_BOUND, ORDER_SECOND, is_over, NULL},
    [RANGE_CLAIMS] = {TASKS, ORDER_SECOND, is_claimed, NULL},
    [RANGE_GONE_READY] = {TASKS, ORDER_SECOND, is_ready, is_gone},
    [RANGE_GONE_BLOCKED] = {TASKS, ORDER_SECOND, is_blocked, is_gone},
    [RANGE_PUT_OFF] = {TASKS, ORDER_SECOND, is_to_send, is_of_sender},
    [RANGE_ASSETS] = {ROW_ASSET, ORDER_FIRST, is_of_scope, NULL},
    [RANGE_ACCOUNTS] = {ROW_ACCOUNT, ORDER_FIRST, is_account, is_balance},
    [RANGE_ENTRIES] = {ROW_ENTRY, ORDER_FIRST, is_of_scope, is_entry},
    [RANGE_ENTRIES_OF] = {ROW_ENTRY, ORDER_FIRST, is_of_scope, is_entry},
    [RANGE_FILLS] = {ROW_FILL, ORDER_SECOND, is_of_scope, is_fill},
    [RANGE_PROJECTIONS] = {ROW_PROJECTION, ORDER_FIRST, is_projection, has_prefix},
    [RANGE_COUNTERS] = {ROW_COUNTER, ORDER_FIRST, is_of_scope, NULL},
    [RANGE_TYPES] = {ROW_TYPE, ORDER_FIRST, is_of_scope, NULL},
    [RANGE_SNAPSHOTS] = {ROW_SNAPSHOT, ORDER_FIRST, is_of_scope, NULL},
    [RANGE_CHUNKS] = {ROW_CHUNK, ORDER_FIRST, is_of_scope, is_chunk},
    [RANGE_SUBSCRIPTIONS] = {ROW_SUBSCRIPTION, ORDER_FIRST, is_of_scope_or_any, NULL},
    [RANGE_WORKFLOWS] = {ROW_WORKFLOW, ORDER_FIRST, is_between, is_listed},
    [RANGE_KINDS] = {ROW_KIND, ORDER_FIRST, is_of_scope, NULL},
    [RANGE_PENDING] = {ROW_SIGNAL, ORDER_SECOND, is_signal, is_pending},
    [RANGE_SIGNALS] = {ROW_SIGNAL, ORDER_SECOND, is_signal, NULL},
    [RANGE_STEPS] = {ROW_STEP, ORDER_FIRST, is_step, NULL},
    [RANGE_SCHEDULES] = {ROW_SCHEDULE, ORDER_FIRST, is_of_scope_or_any, NULL},
    [RANGE_HELD] = {ROW_RESOURCE, ORDER_SECOND, is_held_by, NULL},
    [RANGE_RESOURCES] = {ROW_RESOURCE, ORDER_FIRST, is_of_scope, NULL},
    [RANGE_RESOURCE_MOVES] = {ROW_RESOURCE_MOVE, ORDER_FIRST, is_resource_move, NULL},
};

/* Goes backwards where the query says so. */
static const void *step(struct walk *walk, const struct range *range, const void *from)
{
    const struct tables *tables = finder_of(walk)->tables;
    enum row_kind table = ranges[range->kind].table;
    enum order order = ranges[range->kind].order;
    bool down = range->query && range->query->down &&
                (table == ROW_RECORD || table == ROW_MESSAGE || table == ROW_WORKFLOW);
    return down ? pawli_table_before(tables, table, order, from) : pawli_table_after(tables, table, order, from);
}

/* It stands before what begins with the text. */
static struct text shorter(struct text text)
{
    return text.size ? (struct text){text.data, text.size - 1} : (struct text){0};
}

/* A row that stands before all of the range. */
static union any_row probe_of(const struct range *range)
{
    const struct query *query = range->query;
    uint64_t edge = range->query && range->query->down ? range->before : range->after;
    switch (range->kind) {
    case RANGE_HOLDS:
        return (union any_row){.hold = range->subject};
    case RANGE_SCOPES:
        return (union any_row){.scope = {.id = range->after}};
    case RANGE_RECORDS:
        return (union any_row){.record = {.scope = range->scope, .seq = edge}};
    case RANGE_QUEUES:
        return (union any_row){.queue = {.id = range->after}};
    case RANGE_MESSAGES:
        return (union any_row){.message = {.number = edge}};
    case RANGE_ATTEMPTS:
        return (union any_row){.attempt = {.number = range->query->number}};
    case RANGE_LANES:
        return (union any_row){.lane = {.scope = range->scope}};
    case RANGE_TARGETS:
        return (union any_row){.target = {.scope = range->scope}};
    case RANGE_SENDERS:
        return (union any_row){.sender = {.scope = range->scope, .target = range->key}};
    case RANGE_ALL_HOLDS:
        return (union any_row){.hold = {.since = WALL_NEVER}};
    case RANGE_BOUNDS:
        return (union any_row){.bound = {.until = {INT64_MIN}}};
    case RANGE_WORKERS:
    case RANGE_NEWS:
        return (union any_row){.queue = {.id = 0}};
    case RANGE_ASSETS:
        return (union any_row){.asset = {.scope = range->scope}};
    case RANGE_COUNTERS:
        return (union any_row){.counter = {.scope = range->scope}};
    case RANGE_TYPES:
        return (union any_row){.type = {.scope = range->scope}};
    case RANGE_SUBSCRIPTIONS:
        return (union any_row){.subscription = {.scope = range->scope}};
    case RANGE_SNAPSHOTS:
        return (union any_row){.snapshot = {.scope = range->scope, .seq = edge}};
    case RANGE_CHUNKS:
        return (union any_row){.chunk = {.scope = range->scope, .seq = edge ? edge - 1 : 0, .index = UINT32_MAX}};
    case RANGE_ACCOUNTS:
        return (union any_row){.account = {.scope = range->scope,
                                           .account = query->after_name.data ? query->after_name : query->account,
                                           .asset = query->after_key}};
    case RANGE_ENTRIES:
    case RANGE_ENTRIES_OF:
        return (union any_row){.entry = {.scope = range->scope, .seq = edge ? edge - 1 : 0, .index = UINT32_MAX}};
    case RANGE_FILLS:
        return (union any_row){.fill = {.scope = range->scope, .seq = edge ? edge - 1 : 0, .event = UINT32_MAX}};
    case RANGE_PROJECTIONS:
        return (union any_row){
            .projection = {.scope = range->scope,
                           .name = query->name,
                           .key = query->after_key.data ? query->after_key : shorter(query->prefix)}};
    case RANGE_WORKFLOWS:
        return (union any_row){.body = {.number = edge}};
    case RANGE_KINDS:
        return (union any_row){.kind = {.scope = range->scope}};
    case RANGE_SCHEDULES:
        return (union any_row){.schedule = {.scope = range->scope}};
    case RANGE_PENDING:
    case RANGE_SIGNALS:
        return (union any_row){.signal = {.queue = range->queue, .workflow = range->key}};
    case RANGE_STEPS:
        return (union any_row){.step = {.number = query->number, .generation = range->after}};
    case RANGE_HELD:
        return (union any_row){.resource = {.scope = range->scope, .holder = range->key}};
    case RANGE_RESOURCES:
        return (union any_row){.resource = {.scope = range->scope, .id = query->after_key}};
    case RANGE_RESOURCE_MOVES:
        return (union any_row){.resource_move = {.scope = range->scope, .id = query->key}};
    case RANGE_CLAIMED:
    case RANGE_CLAIMS:
        return (union any_row){.task = {.place = PLACE_CLAIMED, .number = range->after}};
    case RANGE_PUT_OFF:
        return (union any_row){.task = {.place = PLACE_READY,
                                        .queue = range->queue,
                                        .phase = PHASE_SEND,
                                        .priority = range->priority,
                                        .due = range->until,
                                        .number = range->after}};
    case RANGE_DUE:
    case RANGE_FOLLOWERS:
    case RANGE_GONE_READY:
    case RANGE_GONE_BLOCKED:
    case RANGE_KIND_COUNT:
        break;
    }
    bool of_ready = range->kind == RANGE_DUE || range->kind == RANGE_GONE_READY;
    return (union any_row){.task = {.place = of_ready ? PLACE_READY : PLACE_BLOCKED,
                                    .queue = range->queue,
                                    .key = range->key,
                                    .phase = range->phase,
                                    .priority = range->priority,
                                    .due = {INT64_MIN}}};
}

static bool begin_range(struct walk *walk, struct range *range)
{
    union any_row probe = probe_of(range);
    range->at = step(walk, range, &probe);
    return true;
}

static enum find next_in_range(struct walk *walk, struct range *range, void *row)
{
    const void *at = range->at;
    bool (*has)(const struct range *range, const void *row) = ranges[range->kind].has;
    while (at && (!has || has(range, at)) && ranges[range->kind].wants && !ranges[range->kind].wants(walk, range, at))
        at = step(walk, range, at);
    range->at = at;
    if (!at || (has && !has(range, at)))
        return FIND_NOTHING;
    range->at = step(walk, range, at);
    return copy(finder_of(walk), ranges[range->kind].table, at, row);
}

static bool end_range(struct walk *walk, struct range *range)
{
    (void)walk;
    (void)range;
    return true;
}

const struct finders pawli_memory_finders = {
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
