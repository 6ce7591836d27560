/* SPDX-License-Identifier: MIT */
/* Read: a page at a time, copied out of the tables while the lock is held. */
#include "model/decide.h"
#include "store/memory/memory.h"

struct reading {
    const struct tables *tables;
    struct env *env;
    const struct query *query;
    struct page *page;
    struct arena *arena;
    pawl_uuid boot_id;
    size_t room; /* of the page's items */
};

/* Room for one more item of a page; NULL: out of memory. */
static void *add_item(struct reading *reading, void **items, size_t item_size)
{
    if (!pawli_arena_reserve(reading->arena, items, item_size, reading->page->count + 1, &reading->room))
        return NULL;
    return (char *)*items + reading->page->count++ * item_size;
}

#define ADD_ITEM(reading, items) add_item((reading), (void **)&(reading)->page->items, sizeof *(reading)->page->items)

/* Whether the page has all that it may have; then there is more. */
static bool is_cut(struct reading *reading)
{
    reading->page->more = reading->page->count == reading->query->limit;
    return reading->page->more;
}

static const void *find(const struct reading *reading, enum row_kind table, const void *probe)
{
    return pawli_table_find(reading->tables, table, ORDER_FIRST, probe);
}

static const void *after(const struct reading *reading, enum row_kind table, const void *probe)
{
    return pawli_table_after(reading->tables, table, ORDER_FIRST, probe);
}

static const void *before(const struct reading *reading, enum row_kind table, const void *probe)
{
    return pawli_table_before(reading->tables, table, ORDER_FIRST, probe);
}

static const struct task_row *next_task(const struct reading *reading, const struct task_row *row)
{
    return pawli_table_after(reading->tables, TASKS, ORDER_SECOND, row);
}

static bool is_lost(const struct reading *reading, const struct task_row *claimed)
{
    const struct tables *tables = reading->tables;
    return pawli_claim_lost(claimed, &tables->store, reading->page->boot, &reading->boot_id, &tables->committer,
                            tables->committer.id != 0);
}

/* 0: there is none of that name. */
static uint64_t scope_id(const struct reading *reading, struct text name)
{
    const struct scope_row *row = pawli_table_find(reading->tables, ROW_SCOPE, ORDER_SECOND,
                                                   &(struct scope_row){.name = name});
    return row ? row->id : 0;
}

static struct text scope_name(struct reading *reading, uint64_t id)
{
    const struct scope_row *row = find(reading, ROW_SCOPE, &(struct scope_row){.id = id});
    return row ? pawli_arena_text(reading->arena, row->name) : (struct text){0};
}

static const struct queue_row *find_queue(const struct reading *reading, uint64_t scope)
{
    const struct query *query = reading->query;
    return pawli_table_find(reading->tables, ROW_QUEUE, ORDER_SECOND,
                            &(struct queue_row){.scope = scope, .lane = query->lane, .target = query->target});
}

/* ---- the store, scopes, records ---- */

static bool read_store(struct reading *reading)
{
    reading->page->store = reading->tables->store;
    reading->page->count = 1;
    return true;
}

static bool read_scopes(struct reading *reading)
{
    const struct scope_row *row = &(struct scope_row){.id = reading->query->after};
    while ((row = after(reading, ROW_SCOPE, row)) != NULL && !is_cut(reading)) {
        struct scope_row *item = ADD_ITEM(reading, scopes);
        if (!item)
            return false;
        pawli_table_copy(ROW_SCOPE, row, item, reading->arena);
        reading->page->next = row->id;
    }
    return true;
}

static bool add_record(struct reading *reading, const struct record_row *row)
{
    struct record_row *item = ADD_ITEM(reading, records);
    if (!item)
        return false;
    pawli_table_copy(ROW_RECORD, row, item, reading->arena);
    return true;
}

static bool read_one_record(struct reading *reading)
{
    const struct query *query = reading->query;
    struct record_row probe = {.scope = scope_id(reading, query->scope), .seq = query->seq, .request_id = query->id};
    const struct record_row *row = pawli_table_find(reading->tables, ROW_RECORD,
                                                    query->seq ? ORDER_FIRST : ORDER_SECOND, &probe);
    return !row || add_record(reading, row);
}

static bool read_records(struct reading *reading)
{
    const struct query *query = reading->query;
    uint64_t scope = scope_id(reading, query->scope), newest = query->before ? query->before : INT64_MAX;
    const struct record_row *row = &(struct record_row){.scope = scope, .seq = query->down ? newest : query->after};
    for (;;) {
        row = query->down ? before(reading, ROW_RECORD, row) : after(reading, ROW_RECORD, row);
        if (!row || row->scope != scope)
            return true;
        bool differs = (query->ref.data && !text_equal(query->ref, row->ref)) ||
                       (query->type.data && !text_equal(query->type, row->type)) || row->committed.ms < query->since.ms;
        if (differs)
            continue;
        if (is_cut(reading))
            return true;
        if (!add_record(reading, row))
            return false;
        reading->page->next = row->seq;
    }
}

/* ---- when a queue has something, and what holds it ---- */

static struct wall_time first_due(const struct reading *reading, uint64_t queue, enum phase phase)
{
    struct wall_time due = WALL_NEVER;
    for (uint32_t priority = 1; priority <= 9; priority++) {
        const struct task_row *row = next_task(
            reading,
            &(struct task_row){
                .place = PLACE_READY, .queue = queue, .phase = phase, .priority = priority, .due = {INT64_MIN}});
        if (row && row->place == PLACE_READY && row->queue == queue && row->phase == phase &&
            row->priority == priority && row->due.ms < due.ms)
            due = row->due;
    }
    return due;
}

#define SUBJECTS 4

/* What may hold a queue, as probes that stand before all holds of each. */
static void list_subjects(uint64_t scope, struct text lane, struct text target, struct hold_row subjects[SUBJECTS])
{
    subjects[0] = (struct hold_row){.kind = HOLD_STORE};
    subjects[1] = (struct hold_row){.kind = HOLD_LANE, .scope = scope, .lane = lane};
    subjects[2] = (struct hold_row){.kind = HOLD_TARGET, .scope = scope, .target = target};
    subjects[3] = (struct hold_row){.kind = HOLD_QUEUE, .scope = scope, .lane = lane, .target = target};
}

/* The first hold of a subject behind one of it, or behind its probe; NULL: there is none. */
static const struct hold_row *next_hold(const struct reading *reading, const struct hold_row *subject,
                                        const struct hold_row *row)
{
    row = after(reading, ROW_HOLD, row);
    bool same = row && row->kind == subject->kind && row->scope == subject->scope &&
                text_equal(row->lane, subject->lane) && text_equal(row->target, subject->target);
    return same ? row : NULL;
}

static struct paused paused_of(const struct reading *reading, const struct queue_row *queue)
{
    struct hold_row subjects[SUBJECTS];
    struct paused paused = {0};
    list_subjects(queue->scope, queue->lane, queue->target, subjects);
    for (size_t i = 0; i < SUBJECTS; i++)
        for (const struct hold_row *row = &subjects[i]; (row = next_hold(reading, &subjects[i], row)) != NULL;)
            pawli_paused_add(&paused, row, reading->page->wall);
    return paused;
}

/* ---- queues ---- */

static bool queue_matches(const struct query *query, uint64_t scope, const struct queue_row *row)
{
    return (!query->scope.data || row->scope == scope) && (!query->lane.data || text_equal(query->lane, row->lane)) &&
           (!query->target.data || text_equal(query->target, row->target));
}

static const struct lane_row *lane_of(const struct reading *reading, const struct queue_row *row)
{
    return find(reading, ROW_LANE, &(struct lane_row){.scope = row->scope, .name = row->lane});
}

static const struct target_row *target_of(const struct reading *reading, const struct queue_row *row)
{
    return find(reading, ROW_TARGET, &(struct target_row){.scope = row->scope, .name = row->target});
}

static void describe_queue(struct reading *reading, const struct queue_row *row, struct queue_item *item)
{
    const struct lane_row *lane = lane_of(reading, row);
    const struct target_row *target = target_of(reading, row);
    if (lane)
        item->lane_policy = lane->policy;
    if (target) {
        item->target_policy = target->policy;
        item->url = pawli_arena_text(reading->arena, target->url);
        item->secret_file = pawli_arena_text(reading->arena, target->secret_file);
        item->headers = pawli_arena_text(reading->arena, target->headers);
    }
    item->policy = pawli_policy_effective(&item->lane_policy, &item->target_policy);
}

/* Ready ones stand in the order of queue, phase, priority, due; held ones in that of their numbers. */
static void read_ages(const struct reading *reading, uint64_t queue, struct queue_ages *ages)
{
    const struct task_row *row = &(struct task_row){.place = PLACE_READY, .queue = queue, .due = {INT64_MIN}};
    int64_t now = reading->page->wall.ms;
    *ages = (struct queue_ages){.oldest_due = WALL_NEVER, .later_due = WALL_NEVER};
    while ((row = next_task(reading, row)) != NULL && row->place == PLACE_READY && row->queue == queue) {
        bool is_due = row->due.ms <= now;
        struct wall_time *first = is_due ? &ages->oldest_due : &ages->later_due;
        if (row->phase != PHASE_SEND)
            continue;
        ages->due += is_due;
        if (row->due.ms < first->ms)
            *first = row->due;
    }
    row = &(struct task_row){.place = PLACE_HELD};
    while ((row = next_task(reading, row)) != NULL && row->place == PLACE_HELD)
        ages->held_apart += row->queue == queue;
}

static bool can_be_sent(const struct reading *reading, const struct queue_row *row)
{
    const struct target_row *target = target_of(reading, row);
    return row->counts[STATE_PENDING] > 0 && target && target->url.data;
}

static bool add_queue(struct reading *reading, const struct queue_row *row)
{
    const struct query *query = reading->query;
    struct queue_item *item = ADD_ITEM(reading, queues);
    if (!item)
        return false;
    pawli_table_copy(ROW_QUEUE, row, &item->row, reading->arena);
    item->scope = scope_name(reading, row->scope);
    describe_queue(reading, row, item);
    if (query->wants_due) {
        item->next_due = first_due(reading, row->id, PHASE_SEND);
        item->paused = paused_of(reading, row);
    }
    if (query->wants_ages)
        read_ages(reading, row->id, &item->ages);
    return true;
}

static bool is_wanted(const struct reading *reading, uint64_t scope, const struct queue_row *row)
{
    return queue_matches(reading->query, scope, row) && (!reading->query->wants_due || can_be_sent(reading, row));
}

static bool read_news(struct reading *reading, uint64_t scope)
{
    const struct queue_row *row = &(struct queue_row){.id = 0};
    while ((row = after(reading, ROW_QUEUE, row)) != NULL)
        if (row->added > reading->query->after && is_wanted(reading, scope, row) && !add_queue(reading, row))
            return false;
    reading->page->next = reading->tables->store.commits;
    return true;
}

static bool read_queues(struct reading *reading)
{
    const struct query *query = reading->query;
    uint64_t scope = scope_id(reading, query->scope);
    const struct queue_row *row = &(struct queue_row){.id = query->after};
    if (query->wants_news)
        return read_news(reading, scope);
    while ((row = after(reading, ROW_QUEUE, row)) != NULL) {
        if (!is_wanted(reading, scope, row))
            continue;
        if (is_cut(reading))
            break;
        if (!add_queue(reading, row))
            return false;
        reading->page->next = row->id;
    }
    return true;
}

/* ---- messages ---- */

static bool add_message(struct reading *reading, const struct message_row *row, const struct task_row *task)
{
    const struct queue_row *queue = find(reading, ROW_QUEUE, &(struct queue_row){.id = row->queue});
    struct message_item *item = ADD_ITEM(reading, messages);
    if (!item)
        return false;
    pawli_table_copy(ROW_MESSAGE, row, &item->message, reading->arena);
    item->task = (struct task_row){.number = row->number, .place = PLACE_NONE};
    if (task)
        pawli_table_copy(TASKS, task, &item->task, reading->arena);
    item->scope = scope_name(reading, queue->scope);
    item->lane = pawli_arena_text(reading->arena, queue->lane);
    item->target = pawli_arena_text(reading->arena, queue->target);
    item->places = reading->query->wants_places && task; /* never two: a task is found by its number */
    reading->page->next = row->number;
    return true;
}

static const struct task_row *find_task(const struct reading *reading, uint64_t number)
{
    return find(reading, TASKS, &(struct task_row){.number = number});
}

static bool read_one_message(struct reading *reading)
{
    uint64_t number = query_number(scope_id(reading, reading->query->scope), reading->query->number);
    const struct message_row *row = find(reading, ROW_MESSAGE, &(struct message_row){.number = number});
    const struct task_row *task = find_task(reading, number);
    if (!row)
        return true;
    if (!add_message(reading, row, task))
        return false;
    reading->page->messages[0].lost = task && task->place == PLACE_CLAIMED && is_lost(reading, task);
    return true;
}

static bool message_matches(const struct reading *reading, uint64_t scope, const struct message_row *row,
                            const struct task_row *task)
{
    const struct query *query = reading->query;
    if (query->key.data && !text_equal(query->key, row->key))
        return false;
    if (!query->any_state && (!task || task_state(task) != query->state))
        return false;
    return queue_matches(query, scope, find(reading, ROW_QUEUE, &(struct queue_row){.id = row->queue}));
}

static bool read_messages(struct reading *reading)
{
    const struct query *query = reading->query;
    uint64_t scope = scope_id(reading, query->scope);
    uint64_t start = query->after ? query_number(scope, query->after) : number_of(scope, 0);
    uint64_t end = query->before ? query_number(scope, query->before) : scope ? number_of(scope + 1, 0) : INT64_MAX;
    const struct message_row *row = &(struct message_row){.number = query->down ? end : start};
    for (;;) {
        row = query->down ? before(reading, ROW_MESSAGE, row) : after(reading, ROW_MESSAGE, row);
        if (!row || row->number <= start || row->number >= end)
            return true;
        const struct task_row *task = find_task(reading, row->number);
        if (!message_matches(reading, scope, row, task))
            continue;
        if (is_cut(reading))
            return true;
        if (!add_message(reading, row, task))
            return false;
    }
}

static bool read_attempts(struct reading *reading)
{
    uint64_t number = reading->query->number;
    const struct attempt_row *row = &(struct attempt_row){.number = number};
    while ((row = after(reading, ROW_ATTEMPT, row)) != NULL && row->number == number) {
        struct attempt_row *item = ADD_ITEM(reading, attempts);
        if (!item)
            return false;
        pawli_table_copy(ROW_ATTEMPT, row, item, reading->arena);
    }
    return true;
}

/* ---- lanes, targets, holds ---- */

static bool read_lanes(struct reading *reading)
{
    uint64_t scope = scope_id(reading, reading->query->scope);
    const struct lane_row *row = &(struct lane_row){.scope = scope};
    while ((row = after(reading, ROW_LANE, row)) != NULL && row->scope == scope && !is_cut(reading)) {
        struct lane_row *item = ADD_ITEM(reading, lanes);
        if (!item)
            return false;
        pawli_table_copy(ROW_LANE, row, item, reading->arena);
    }
    return true;
}

static bool read_targets(struct reading *reading)
{
    uint64_t scope = scope_id(reading, reading->query->scope);
    const struct target_row *row = &(struct target_row){.scope = scope};
    while ((row = after(reading, ROW_TARGET, row)) != NULL && row->scope == scope && !is_cut(reading)) {
        struct target_row *item = ADD_ITEM(reading, targets);
        if (!item)
            return false;
        pawli_table_copy(ROW_TARGET, row, item, reading->arena);
    }
    return true;
}

static bool read_holds(struct reading *reading)
{
    uint64_t scope = scope_id(reading, reading->query->scope);
    const struct hold_row *row = &(struct hold_row){.since = WALL_NEVER};
    while ((row = pawli_table_after(reading->tables, ROW_HOLD, ORDER_SECOND, row)) != NULL) {
        bool is_of_other = reading->query->scope.data && row->kind != HOLD_STORE && row->scope != scope;
        if (is_of_other || !hold_is_on(row, reading->page->wall))
            continue;
        if (is_cut(reading))
            break;
        struct hold_item *item = ADD_ITEM(reading, holds);
        if (!item)
            return false;
        pawli_table_copy(ROW_HOLD, row, &item->row, reading->arena);
        item->scope = scope_name(reading, row->scope);
    }
    return true;
}

/* ---- a look at a queue, without a write ---- */

static bool look_for_holds(struct reading *reading, uint64_t scope)
{
    const struct query *query = reading->query;
    struct hold_row subjects[SUBJECTS];
    struct page *page = reading->page;
    size_t room = 0;
    list_subjects(scope, query->lane, query->target, subjects);
    for (size_t i = 0; i < SUBJECTS; i++)
        for (const struct hold_row *row = &subjects[i]; (row = next_hold(reading, &subjects[i], row)) != NULL;) {
            if (!pawli_arena_reserve(reading->arena, (void **)&page->look_holds, sizeof *page->look_holds,
                                     page->look_hold_count + 1, &room))
                return false;
            struct hold_item *item = &page->look_holds[page->look_hold_count++];
            pawli_table_copy(ROW_HOLD, row, &item->row, reading->arena);
            item->scope = row->scope ? query->scope : (struct text){0};
        }
    return true;
}

/* queue: whose; NULL: of all. */
static void look_for_lost(struct reading *reading, const struct queue_row *queue)
{
    struct look *look = &reading->page->look;
    const struct store_row *store = &reading->tables->store;
    struct boot_time now = reading->page->boot;
    bool all_early = uuid_equal(&store->boot_id, &reading->boot_id) && boot_before(now, store->lease);
    look->next_lease = !queue                                           ? store->lease
                       : boot_before(reading->page->boot, queue->lease) ? queue->lease
                                                                        : BOOT_NEVER;
    if (queue ? !pawli_may_have_lost(queue, store, &reading->boot_id, now) : all_early)
        return;
    look->next_lease = BOOT_NEVER;
    const struct task_row *row = next_task(reading, &(struct task_row){.place = PLACE_CLAIMED});
    for (; row && row->place == PLACE_CLAIMED && !look->is_lost; row = next_task(reading, row)) {
        if (queue && row->queue != queue->id)
            continue;
        look->is_lost = is_lost(reading, row);
        if (!look->is_lost)
            look->next_lease = boot_earlier(look->next_lease, row->lease);
    }
}

static bool read_look(struct reading *reading)
{
    reading->page->look = (struct look){.next_due = WALL_NEVER, .next_lease = BOOT_NEVER};
    if (!reading->query->lane.data) {
        look_for_lost(reading, NULL);
        return true;
    }
    uint64_t scope = scope_id(reading, reading->query->scope);
    const struct queue_row *queue = find_queue(reading, scope);
    if (queue) {
        reading->page->look.next_due = first_due(reading, queue->id, reading->query->phase);
        reading->page->look.is_due = reading->page->look.next_due.ms <= reading->page->wall.ms;
    }
    if (queue)
        look_for_lost(reading, queue);
    return !queue || look_for_holds(reading, scope);
}

static bool read_line(struct reading *reading)
{
    const struct queue_row *queue = find_queue(reading, scope_id(reading, reading->query->scope));
    const struct line_row *row = !queue ? NULL
                                        : find(reading, ROW_LINE,
                                               &(struct line_row){.queue = queue->id, .key = reading->query->key});
    struct line_item *line = &reading->page->line;
    line->found = row != NULL;
    if (row) {
        line->row = *row;
        line->row.key = reading->query->key;
    }
    const struct task_cursor *cursor = &reading->query->cursor;
    const struct task_row *task = &(struct task_row){
        .place = PLACE_BLOCKED, .queue = queue ? queue->id : 0, .key = reading->query->key};
    while (cursor->number && queue && (task = next_task(reading, task)) != NULL && task->place == PLACE_BLOCKED &&
           task->queue == queue->id && text_equal(task->key, reading->query->key) &&
           (task->order < cursor->position || (task->order == cursor->position && task->number < cursor->number)))
        line->before++;
    return true;
}

/* ---- what time may end ---- */

static void describe_old(struct reading *reading, const struct task_row *row, struct old_item *item)
{
    const struct queue_row *queue = find(reading, ROW_QUEUE, &(struct queue_row){.id = row->queue});
    const struct message_row *message = find(reading, ROW_MESSAGE, &(struct message_row){.number = row->number});
    const struct lane_row *lane = lane_of(reading, queue);
    const struct target_row *target = target_of(reading, queue);
    *item = (struct old_item){
        .scope = scope_name(reading, queue->scope),
        .lane = pawli_arena_text(reading->arena, queue->lane),
        .target = pawli_arena_text(reading->arena, queue->target),
        .number = row->number,
        .created = message->created,
        .available = message->available,
        .expires = message->expires,
        .policy = pawli_policy_effective(lane ? &lane->policy : NULL, target ? &target->policy : NULL)};
    if (row->place == PLACE_ENDED) {
        item->task = (struct task_row){.until = row->ended_at, .since = WALL_NEVER};
        return;
    }
    item->task = (struct task_row){.queue = row->queue,
                                   .phase = row->phase,
                                   .priority = row->priority,
                                   .due = row->due,
                                   .since = row->since,
                                   .until = row->until,
                                   .retried = row->retried,
                                   .updated = row->updated};
    item->paused = paused_of(reading, queue);
}

static bool is_by_date(enum old old)
{
    return old == OLD_BLOCKED_UNTIL || old == OLD_READY_UNTIL || old == OLD_HELD_UNTIL;
}

/* By which a walk finds it; WALL_NEVER: it does not. */
static struct wall_time time_of(enum old old, const struct task_row *row)
{
    if (is_by_date(old))
        return row->until;
    if (old == OLD_READY)
        return row->phase == PHASE_SEND && row->until.ms == INT64_MAX ? row->due : WALL_NEVER;
    return old == OLD_BLOCKED && is_due_first(row) ? row->due : row->since;
}

static bool is_old(const struct reading *reading, const struct old_item *item)
{
    const struct query *query = reading->query;
    struct wall_time now = reading->page->wall, at = time_of(query->old, &item->task);
    if (query->old == OLD_ENDED)
        return !query->since.ms || item->created.ms <= query->since.ms;
    if (is_by_date(query->old) || query->all)
        return at.ms < INT64_MAX && (query->all || at.ms <= now.ms);
    struct clock clock = pawli_clock_at(&reading->tables->store, &reading->boot_id, now, reading->page->boot);
    return at.ms <= pawli_oldest_start(&clock, policy_get(&item->policy, POLICY_AGE_LIMIT_MS), &item->paused).ms;
}

/* As the indexes of SQLite have them. Of what ended only the number is compared. */
static int by_cursor(const struct task_cursor *a, const struct task_cursor *b)
{
    if (a->queue != b->queue)
        return a->queue < b->queue ? -1 : 1;
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return a->at != b->at ? (a->at < b->at ? -1 : 1) : (a->number > b->number) - (a->number < b->number);
}

static struct task_cursor cursor_of(enum old old, const struct old_item *item)
{
    if (old == OLD_ENDED)
        return (struct task_cursor){.number = item->number};
    return (struct task_cursor){.queue = item->task.queue,
                                .priority = old == OLD_READY ? item->task.priority : 0,
                                .at = time_of(old, &item->task).ms,
                                .number = item->number};
}

/* Keeps the first that are behind the cursor, in order: here all of a place is walked. */
static bool keep_old(struct reading *reading, const struct old_item *item)
{
    struct page *page = reading->page;
    enum old old = reading->query->old;
    struct task_cursor at = cursor_of(old, item), other;
    size_t i = page->count;
    if (by_cursor(&at, &reading->query->cursor) <= 0)
        return true;
    if (is_cut(reading)) {
        other = cursor_of(old, &page->olds[--i]);
        if (by_cursor(&at, &other) > 0)
            return true;
    } else if (!ADD_ITEM(reading, olds)) {
        return false;
    }
    for (; i > 0 && (other = cursor_of(old, &page->olds[i - 1]), by_cursor(&at, &other) < 0); i--)
        page->olds[i] = page->olds[i - 1];
    page->olds[i] = *item;
    page->cursor = cursor_of(old, &page->olds[page->count - 1]);
    return true;
}

static bool read_old(struct reading *reading)
{
    enum place place = place_of_old(reading->query->old);
    const struct task_row *row = &(struct task_row){.place = place, .due = {INT64_MIN}};
    reading->page->cursor = reading->query->cursor;
    while ((row = next_task(reading, row)) != NULL && row->place == place) {
        struct old_item item;
        describe_old(reading, row, &item);
        if (is_old(reading, &item) && !keep_old(reading, &item))
            return false;
    }
    return true;
}

static bool read_old_bounds(struct reading *reading)
{
    const struct bound_row *row = &(struct bound_row){.until = {INT64_MIN}};
    while ((row = pawli_table_after(reading->tables, ROW_BOUND, ORDER_SECOND, row)) != NULL &&
           row->until.ms <= reading->page->wall.ms && !is_cut(reading)) {
        struct bound_item *item = ADD_ITEM(reading, bounds);
        if (!item)
            return false;
        const struct queue_row *queue = find(reading, ROW_QUEUE, &(struct queue_row){.id = row->queue});
        *item = (struct bound_item){.queue = row->queue,
                                    .kind = row->kind,
                                    .key = pawli_arena_text(reading->arena, row->key),
                                    .scope = scope_name(reading, queue->scope),
                                    .lane = pawli_arena_text(reading->arena, queue->lane),
                                    .target = pawli_arena_text(reading->arena, queue->target)};
    }
    return true;
}

/* ---- who works ---- */

static bool read_workers(struct reading *reading)
{
    const struct worker_row *row = &(struct worker_row){.id = reading->query->after};
    while ((row = after(reading, ROW_WORKER, row)) != NULL && !is_cut(reading)) {
        struct worker_item *item = ADD_ITEM(reading, workers);
        if (!item)
            return false;
        pawli_table_copy(ROW_WORKER, row, &item->row, reading->arena);
        item->is_alive = pawli_worker_alive(row, &reading->tables->committer, reading->tables->committer.id != 0);
        reading->page->next = row->id;
    }
    return true;
}

static bool read_claims(struct reading *reading)
{
    const struct task_row *row = &(struct task_row){.place = PLACE_CLAIMED, .number = reading->query->after};
    while ((row = next_task(reading, row)) != NULL && row->place == PLACE_CLAIMED && !is_cut(reading)) {
        const struct queue_row *queue = find(reading, ROW_QUEUE, &(struct queue_row){.id = row->queue});
        struct claim_item *item = ADD_ITEM(reading, claims);
        if (!item)
            return false;
        *item = (struct claim_item){.committer = row->committer,
                                    .consumer = pawli_arena_text(reading->arena, row->consumer),
                                    .scope = scope_name(reading, queue->scope),
                                    .lane = pawli_arena_text(reading->arena, queue->lane),
                                    .claimed = row->claimed,
                                    .updated = row->updated,
                                    .is_lost = is_lost(reading, row)};
        reading->page->next = row->number;
    }
    return true;
}

/* What never left memory is what was put there. */
static bool read_damage(struct reading *reading)
{
    (void)reading;
    return true;
}

static bool (*const readers[QUERY_KIND_COUNT])(struct reading *reading) = {
    [QUERY_STORE] = read_store,
    [QUERY_SCOPES] = read_scopes,
    [QUERY_RECORD] = read_one_record,
    [QUERY_RECORDS] = read_records,
    [QUERY_MESSAGE] = read_one_message,
    [QUERY_MESSAGES] = read_messages,
    [QUERY_ATTEMPTS] = read_attempts,
    [QUERY_QUEUES] = read_queues,
    [QUERY_LANES] = read_lanes,
    [QUERY_TARGETS] = read_targets,
    [QUERY_HOLDS] = read_holds,
    [QUERY_LOOK] = read_look,
    [QUERY_LINE] = read_line,
    [QUERY_OLD] = read_old,
    [QUERY_OLD_BOUNDS] = read_old_bounds,
    [QUERY_WORKERS] = read_workers,
    [QUERY_CLAIMS] = read_claims,
    [QUERY_DAMAGE] = read_damage,
};

enum store_result pawli_memory_read(struct store *store, struct reader *reader, const struct query *query,
                                    struct page *page, pawl_error *err)
{
    (void)reader;
    struct env *env = store->env;
    struct reading reading = {
        .tables = &memory_of(store)->tables, .env = env, .query = query, .page = page, .arena = &page->arena};
    env->ops->boot_id(env, &reading.boot_id);
    page->wall = env->ops->wall_now(env);
    page->boot = env->ops->boot_now(env);
    bool good = readers[query->kind](&reading) && !pawli_arena_failed(&page->arena);
    return good ? STORE_OK : pawli_store_fail(err, STORE_NO_MEMORY);
}
