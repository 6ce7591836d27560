/* SPDX-License-Identifier: MIT */
/* Read: a page at a time, all in the snapshot of the reader. */
#include "store/sqlite/sqlite.h"

struct reading {
    struct sqlite_store *store;
    struct connection *connection;
    const struct query *query;
    struct page *page;
    struct arena *arena;
    size_t room; /* of the page's items */
};

/* Room for one more item of a page. */
static void *add_item(struct reading *reading, void **items, size_t item_size)
{
    if (!pawli_arena_reserve(reading->arena, items, item_size, reading->page->count + 1, &reading->room))
        return NULL;
    return (char *)*items + reading->page->count++ * item_size;
}

/* A page is asked for with one more than its limit, to know whether there is more. */
static int64_t limit_of(const struct reading *reading)
{
    return (int64_t)reading->query->limit + 1;
}

static bool is_full(const struct reading *reading)
{
    return reading->page->count == reading->query->limit;
}

static int scope_id(struct reading *reading, struct text name, uint64_t *id)
{
    struct scope_row row = {0};
    struct call call = pawli_call(reading->connection, SQL_get_scope);
    pawli_bind_text(&call, name);
    if (pawli_call_row(&call) && !pawli_read_scope(&call, &row, reading->arena))
        call.code = BAD_ROW;
    *id = row.id;
    return pawli_call_end(&call);
}

/* Absent where there is none, or none that can be read. */
static int scope_name(struct reading *reading, uint64_t id, struct text *name)
{
    struct scope_row row = {0};
    struct call call = pawli_call(reading->connection, SQL_get_scope_by_id);
    pawli_bind_u64(&call, id);
    if (pawli_call_row(&call) && !pawli_read_scope(&call, &row, reading->arena))
        row.name = (struct text){0};
    *name = row.name;
    return pawli_call_end(&call);
}

/* Where a walk is, whatever else of the row can be read. */
static uint64_t raw_number(const struct call *call, int column)
{
    int64_t number = sqlite3_column_int64(call->statement, column);
    return number < 0 ? 0 : (uint64_t)number;
}

static int get_store(struct reading *reading, struct store_row *row)
{
    struct call call = pawli_call(reading->connection, SQL_get_store);
    bool found = pawli_call_row(&call);
    if (call.code == SQLITE_OK && (!found || !pawli_read_store(&call, row)))
        call.code = BAD_ROW;
    return pawli_call_end(&call);
}

static int read_store(struct reading *reading)
{
    reading->page->count = 1;
    return get_store(reading, &reading->page->store);
}

static int read_scopes(struct reading *reading)
{
    struct call call = pawli_call(reading->connection, SQL_list_scopes);
    pawli_bind_u64(&call, reading->query->after);
    pawli_bind_i64(&call, limit_of(reading));
    while (pawli_call_row(&call)) {
        if ((reading->page->more = is_full(reading)))
            break;
        uint64_t id = raw_number(&call, 0);
        struct scope_row row, *kept;
        if (pawli_read_scope(&call, &row, reading->arena)) {
            kept = add_item(reading, (void **)&reading->page->scopes, sizeof *kept);
            if (!kept)
                return SQLITE_NOMEM;
            *kept = row;
        }
        reading->page->next = id;
    }
    return pawli_call_end(&call);
}

/* One that cannot be read is an item of its own, and the others follow. */
static int add_record(struct reading *reading, struct call *call)
{
    bool same;
    struct record_row *row = add_item(reading, (void **)&reading->page->records, sizeof *row);
    if (!row)
        return SQLITE_NOMEM;
    uint64_t seq = raw_number(call, 1);
    bool good = pawli_read_record(call, row, &same, reading->arena);
    if (!good)
        *row = (struct record_row){.seq = seq, .is_unreadable = true};
    row->is_damaged = !good || !same;
    reading->page->next = seq;
    return SQLITE_OK;
}

static int read_one_record(struct reading *reading)
{
    const struct query *query = reading->query;
    uint64_t scope;
    int code = scope_id(reading, query->scope, &scope);
    if (code != SQLITE_OK || scope == 0)
        return code;
    struct call call = pawli_call(reading->connection, query->seq ? SQL_get_record : SQL_find_request);
    if (query->seq) {
        pawli_bind_u64(&call, scope);
        pawli_bind_u64(&call, query->seq);
    } else {
        pawli_bind_blob(&call, &query->id, sizeof query->id);
        pawli_bind_u64(&call, scope);
    }
    if (pawli_call_row(&call))
        call.code = add_record(reading, &call);
    if (call.code == SQLITE_OK && reading->page->count && reading->page->records[0].is_damaged)
        call.code = BAD_ROW;
    return pawli_call_end(&call);
}

static int read_records(struct reading *reading)
{
    const struct query *query = reading->query;
    uint64_t scope;
    int code = scope_id(reading, query->scope, &scope);
    if (code != SQLITE_OK || scope == 0)
        return code;
    struct call call = pawli_call(reading->connection, query->down ? SQL_list_records_down : SQL_list_records_up);
    pawli_bind_u64(&call, scope);
    pawli_bind_i64(&call, query->down && query->before == 0 ? INT64_MAX
                                                            : (int64_t)(query->down ? query->before : query->after));
    pawli_bind_text(&call, query->ref);
    pawli_bind_text(&call, query->type);
    pawli_bind_i64(&call, query->since.ms);
    pawli_bind_i64(&call, limit_of(reading));
    while (pawli_call_row(&call)) {
        if ((reading->page->more = is_full(reading)))
            break;
        call.code = add_record(reading, &call);
        if (call.code != SQLITE_OK)
            break;
    }
    return pawli_call_end(&call);
}

/* ---- queues, and which of them a query means ---- */

static bool queue_matches(const struct query *query, uint64_t scope, const struct queue_row *row)
{
    return (!query->scope.data || row->scope == scope) && (!query->lane.data || text_equal(query->lane, row->lane)) &&
           (!query->target.data || text_equal(query->target, row->target));
}

struct queue_set {
    struct queue_row *rows;
    struct text *scopes;
    size_t count, room, scope_room;
};

static const struct queue_row *in_set(const struct queue_set *set, uint64_t id, size_t *index)
{
    size_t low = 0, high = set->count; /* ids ascend */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (set->rows[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return low < set->count && set->rows[low].id == id ? &set->rows[low] : NULL;
}

/* One queue by its id. false: there is none that can be read. */
static int read_queue_by_id(struct reading *reading, uint64_t id, struct queue_row *row, bool *found)
{
    struct call call = pawli_call(reading->connection, SQL_get_queue_by_id);
    pawli_bind_u64(&call, id);
    *found = pawli_call_row(&call) && pawli_read_queue(&call, row, reading->arena);
    if (!*found)
        *row = (struct queue_row){0};
    return pawli_call_end(&call);
}

static int keep_queue(struct reading *reading, struct queue_set *set, const struct queue_row *row)
{
    if (!pawli_arena_reserve(reading->arena, (void **)&set->rows, sizeof *row, set->count + 1, &set->room) ||
        !pawli_arena_reserve(reading->arena, (void **)&set->scopes, sizeof(struct text), set->count + 1,
                             &set->scope_room))
        return SQLITE_NOMEM;
    set->rows[set->count++] = *row;
    return SQLITE_OK;
}

static int list_queues(struct reading *reading, uint64_t scope, struct queue_set *set)
{
    bool all = !reading->query->scope.data;
    struct call call = pawli_call(reading->connection, all ? SQL_list_queues : SQL_list_queues_of_scope);
    pawli_bind_u64(&call, all ? 0 : scope);
    if (all)
        pawli_bind_i64(&call, INT64_MAX);
    while (pawli_call_row(&call)) {
        struct queue_row row;
        if (pawli_read_queue(&call, &row, reading->arena) && queue_matches(reading->query, scope, &row))
            call.code = keep_queue(reading, set, &row);
    }
    return pawli_call_end(&call);
}

static int list_news(struct reading *reading, uint64_t scope, struct queue_set *set)
{
    struct store_row store = {0};
    int code = get_store(reading, &store);
    reading->page->next = store.last_number;
    struct call call = pawli_call(reading->connection, SQL_list_news);
    pawli_bind_u64(&call, reading->query->after);
    pawli_bind_i64(&call, NEWS_MAX);
    while (code == SQLITE_OK && pawli_call_row(&call)) {
        struct queue_row row;
        bool good;
        code = read_queue_by_id(reading, raw_number(&call, 0), &row, &good);
        if (code == SQLITE_OK && good && queue_matches(reading->query, scope, &row))
            code = keep_queue(reading, set, &row);
    }
    int ended = pawli_call_end(&call);
    return code == SQLITE_OK ? ended : code;
}

static int read_queue_set(struct reading *reading, struct queue_set *set)
{
    uint64_t scope = 0;
    int code = reading->query->scope.data ? scope_id(reading, reading->query->scope, &scope) : SQLITE_OK;
    if (code == SQLITE_OK)
        code = reading->query->wants_news ? list_news(reading, scope, set) : list_queues(reading, scope, set);
    for (size_t i = 0; code == SQLITE_OK && i < set->count; i++) {
        bool same = i > 0 && set->rows[i - 1].scope == set->rows[i].scope;
        if (same)
            set->scopes[i] = set->scopes[i - 1];
        else
            code = scope_name(reading, set->rows[i].scope, &set->scopes[i]);
    }
    return code;
}

/* ---- messages ---- */

static int count_places(struct reading *reading, struct message_item *item)
{
    struct call call = pawli_call(reading->connection, SQL_count_places);
    pawli_bind_u64(&call, item->message.queue);
    pawli_bind_i64(&call, item->message.priority);
    pawli_bind_wall(&call, item->message.available);
    pawli_bind_u64(&call, item->message.number);
    pawli_bind_text(&call, item->message.key);
    if (pawli_call_row(&call))
        item->places = (uint32_t)raw_number(&call, 0);
    return pawli_call_end(&call);
}

/* A row that cannot be read hides no other: its message is said to be damaged. */
static int fill_message(struct reading *reading, uint64_t number, struct message_item *item, bool *found)
{
    bool placed = false;
    *item = (struct message_item){0};
    int code = pawli_get_message(reading->connection, number, &item->message, found, reading->arena);
    if (code == BAD_ROW) {
        item->message = (struct message_row){.number = number, .priority = 5};
        item->is_message_damaged = true;
    }
    if ((code != SQLITE_OK && code != BAD_ROW) || !*found)
        return code;
    if (code == SQLITE_OK)
        code = pawli_find_task(reading->connection, number, &item->message, &item->task, &placed, reading->arena);
    item->is_damaged = code == BAD_ROW;
    if (!placed || item->is_damaged)
        item->task = (struct task_row){.number = number, .place = PLACE_NONE};
    if (code == SQLITE_OK && reading->query->wants_places)
        code = count_places(reading, item);
    return code == BAD_ROW ? SQLITE_OK : code;
}

static int name_queue(struct reading *reading, struct message_item *item)
{
    struct queue_row row;
    bool found;
    int code = read_queue_by_id(reading, item->message.queue, &row, &found);
    if (code != SQLITE_OK)
        return code;
    item->lane = row.lane;
    item->target = row.target;
    code = scope_name(reading, row.scope, &item->scope);
    item->is_damaged |= !found || !item->scope.data;
    return code;
}

/* What tells whether a claim is lost. */
struct living {
    struct store_row store;
    pawl_uuid boot_id;
    struct committer_row *alive, *dead;
    size_t alive_count, dead_count;
};

static int read_living(struct reading *reading, struct living *living)
{
    struct env *env = reading->store->store.env;
    *living = (struct living){0};
    env->ops->boot_id(env, &living->boot_id);
    int code = get_store(reading, &living->store);
    if (code != SQLITE_OK)
        return code;
    return pawli_list_committers(reading->store, reading->connection, &living->alive, &living->alive_count,
                                 &living->dead, &living->dead_count, reading->arena);
}

static bool is_lost(const struct reading *reading, const struct living *living, const struct task_row *row)
{
    return pawli_claim_lost(row, &living->store, reading->page->boot, &living->boot_id, living->alive,
                            living->alive_count);
}

static int mark_lost(struct reading *reading, struct message_item *item)
{
    struct living living;
    if (item->task.place != PLACE_CLAIMED)
        return SQLITE_OK;
    int code = read_living(reading, &living);
    item->lost = is_lost(reading, &living, &item->task);
    return code;
}

static int read_one_message(struct reading *reading)
{
    struct message_item *item = add_item(reading, (void **)&reading->page->messages, sizeof *item);
    bool found = false;
    if (!item)
        return SQLITE_NOMEM;
    int code = fill_message(reading, reading->query->number, item, &found);
    if (code == SQLITE_OK && found)
        code = name_queue(reading, item);
    if (code == SQLITE_OK && found)
        code = mark_lost(reading, item);
    reading->page->count = found;
    return code;
}

/* The first numbers of what was walked, in the direction that was asked for. */
struct first {
    uint64_t *numbers;
    size_t count, room;
    bool down;
};

static bool comes_before(const struct first *first, uint64_t a, uint64_t b)
{
    return first->down ? a > b : a < b;
}

static void keep_first(struct first *first, uint64_t number)
{
    size_t at = first->count;
    if (at == first->room && (at == 0 || comes_before(first, first->numbers[at - 1], number)))
        return;
    if (at < first->room)
        first->count++;
    else
        at--;
    for (; at > 0 && comes_before(first, number, first->numbers[at - 1]); at--)
        first->numbers[at] = first->numbers[at - 1];
    first->numbers[at] = number;
}

static uint64_t end_of(const struct query *query)
{
    return query->before ? query->before : INT64_MAX;
}

/* Walks one statement of a place; those in order of number stop as soon as enough were kept. */
static int walk(struct reading *reading, struct call call, const struct queue_set *set, enum place place, bool ordered,
                struct first *first)
{
    const struct query *query = reading->query;
    size_t index;
    while (pawli_call_row(&call)) {
        uint64_t number = raw_number(&call, 0), queue = raw_number(&call, 2);
        enum state state;
        if (place == PLACE_ENDED) {
            if (!pawli_state_parse(text_of((const char *)sqlite3_column_text(call.statement, 1)), &state))
                continue;
        } else {
            int64_t phase = sqlite3_column_int64(call.statement, 1);
            if (phase < 0 || phase >= PHASE_COUNT)
                continue;
            state = pawli_state_of((enum phase)phase, place);
        }
        if (number <= query->after || number >= end_of(query) || number > MESSAGE_NUMBER_MAX || state != query->state ||
            !in_set(set, queue, &index))
            continue;
        const char *key = sqlite3_column_blob(call.statement, 3);
        size_t size = (size_t)sqlite3_column_bytes(call.statement, 3);
        if (query->key.data && !(key && text_equal(query->key, (struct text){key, size})))
            continue;
        keep_first(first, number);
        if (ordered && first->count == first->room)
            break;
    }
    return pawli_call_end(&call);
}

struct directions {
    enum sql up, down;
};
static const struct directions walk_delivered = {SQL_walk_delivered_up, SQL_walk_delivered_down},
                               walk_ended_other = {SQL_walk_ended_other_up, SQL_walk_ended_other_down},
                               walk_claimed = {SQL_walk_claimed_up, SQL_walk_claimed_down},
                               walk_held = {SQL_walk_held_up, SQL_walk_held_down};

static int walk_ordered(struct reading *reading, struct directions sql, const struct queue_set *set, enum place place,
                        struct first *first)
{
    struct call call = pawli_call(reading->connection, first->down ? sql.down : sql.up);
    pawli_bind_u64(&call, reading->query->after);
    pawli_bind_u64(&call, end_of(reading->query));
    return walk(reading, call, set, place, true, first);
}

/* Two ordered walks must not stop each other: each gets room of its own, then they are merged. */
static int walk_also(struct reading *reading, struct directions sql, const struct queue_set *set, enum place place,
                     struct first *first)
{
    struct first other = *first;
    other.count = 0;
    other.numbers = arena_array(reading->arena, uint64_t, first->room);
    if (!other.numbers)
        return SQLITE_NOMEM;
    int code = walk_ordered(reading, sql, set, place, &other);
    for (size_t i = 0; i < other.count; i++)
        keep_first(first, other.numbers[i]);
    return code;
}

static int find_by_state(struct reading *reading, const struct queue_set *set, struct first *first)
{
    static const struct {
        enum sql sql;
        enum place place;
    } unordered[] = {{SQL_walk_ready, PLACE_READY}, {SQL_walk_blocked, PLACE_BLOCKED}};
    int code = SQLITE_OK;
    switch (reading->query->state) {
    case STATE_DELIVERED:
        return walk_ordered(reading, walk_delivered, set, PLACE_ENDED, first);
    case STATE_DEAD:
    case STATE_CANCELLED:
        return walk_ordered(reading, walk_ended_other, set, PLACE_ENDED, first);
    case STATE_CLAIMED:
        return walk_ordered(reading, walk_claimed, set, PLACE_CLAIMED, first);
    case STATE_PENDING:
    case STATE_AWAITING:
    case STATE_UNCERTAIN:
    case STATE_COUNT:
        break;
    }
    for (size_t i = 0; code == SQLITE_OK && i < set->count; i++)
        for (size_t j = 0; code == SQLITE_OK && j < COUNT_OF(unordered); j++) {
            struct call call = pawli_call(reading->connection, unordered[j].sql);
            pawli_bind_u64(&call, set->rows[i].id);
            code = walk(reading, call, set, unordered[j].place, false, first);
        }
    if (code == SQLITE_OK)
        code = walk_also(reading, walk_held, set, PLACE_HELD, first);
    if (code == SQLITE_OK && reading->query->state != STATE_PENDING)
        code = walk_also(reading, walk_claimed, set, PLACE_CLAIMED, first);
    return code;
}

static int add_message_item(struct reading *reading, const struct queue_set *set, uint64_t number, uint64_t queue_id)
{
    bool found;
    size_t index;
    struct message_item *item = add_item(reading, (void **)&reading->page->messages, sizeof *item);
    if (!item)
        return SQLITE_NOMEM;
    int code = fill_message(reading, number, item, &found);
    if (found && item->is_message_damaged)
        item->message.queue = queue_id; /* as its row says, for all that it is worth */
    const struct queue_row *queue = found ? in_set(set, item->message.queue, &index) : NULL;
    if (!queue) {
        reading->page->count--;
        return code;
    }
    item->scope = set->scopes[index];
    item->lane = queue->lane;
    item->target = queue->target;
    reading->page->next = number;
    return code;
}

static int read_messages_by_state(struct reading *reading, const struct queue_set *set)
{
    struct first first = {.room = (size_t)limit_of(reading), .down = reading->query->down};
    first.numbers = arena_array(reading->arena, uint64_t, first.room);
    if (!first.numbers)
        return SQLITE_NOMEM;
    int code = find_by_state(reading, set, &first);
    for (size_t i = 0; code == SQLITE_OK && i < first.count; i++) {
        if ((reading->page->more = is_full(reading)))
            break;
        code = add_message_item(reading, set, first.numbers[i], 0);
    }
    return code;
}

static int read_messages(struct reading *reading)
{
    const struct query *query = reading->query;
    struct queue_set set = {0};
    size_t index;
    int code = read_queue_set(reading, &set);
    if (code != SQLITE_OK || set.count == 0)
        return code;
    if (!query->any_state)
        return read_messages_by_state(reading, &set);
    struct call call = pawli_call(reading->connection, query->down ? SQL_list_messages_down : SQL_list_messages_up);
    pawli_bind_u64(&call, query->down ? end_of(query) : query->after);
    pawli_bind_i64(&call, INT64_MAX);
    while (pawli_call_row(&call)) {
        uint64_t number = raw_number(&call, 0), queue = raw_number(&call, 2);
        if (number && (number <= query->after || number >= end_of(query)))
            break;
        const char *key = sqlite3_column_blob(call.statement, 5);
        struct text found = {key, (size_t)sqlite3_column_bytes(call.statement, 5)};
        if (number == 0 || number > MESSAGE_NUMBER_MAX || !in_set(&set, queue, &index) ||
            (query->key.data && !(key && text_equal(query->key, found))))
            continue;
        if ((reading->page->more = is_full(reading)))
            break;
        call.code = add_message_item(reading, &set, number, queue);
        if (call.code != SQLITE_OK)
            break;
    }
    return pawli_call_end(&call);
}

static int read_attempts(struct reading *reading)
{
    struct call call = pawli_call(reading->connection, SQL_list_attempts);
    pawli_bind_u64(&call, reading->query->number);
    while (pawli_call_row(&call)) {
        struct attempt_row row, *kept;
        if (!pawli_read_attempt(&call, &row, reading->arena))
            continue;
        kept = add_item(reading, (void **)&reading->page->attempts, sizeof *kept);
        if (!kept)
            return SQLITE_NOMEM;
        *kept = row;
    }
    return pawli_call_end(&call);
}

/* ---- lanes, targets, holds ---- */

static int read_policies(struct reading *reading, bool targets)
{
    uint64_t scope;
    int code = scope_id(reading, reading->query->scope, &scope);
    if (code != SQLITE_OK || scope == 0)
        return code;
    struct call call = pawli_call(reading->connection, targets ? SQL_list_targets : SQL_list_lanes);
    pawli_bind_u64(&call, scope);
    pawli_bind_text(&call, TEXT(""));
    pawli_bind_i64(&call, limit_of(reading));
    while (pawli_call_row(&call)) {
        if ((reading->page->more = is_full(reading)))
            break;
        struct target_row *target = NULL;
        struct lane_row *lane = NULL;
        if (targets)
            target = add_item(reading, (void **)&reading->page->targets, sizeof *target);
        else
            lane = add_item(reading, (void **)&reading->page->lanes, sizeof *lane);
        if (!target && !lane)
            return SQLITE_NOMEM;
        if (targets)
            target->is_damaged = !pawli_read_target(&call, target, reading->arena);
        else
            lane->is_damaged = !pawli_read_lane(&call, lane, reading->arena);
    }
    return pawli_call_end(&call);
}

static int read_lanes(struct reading *reading)
{
    return read_policies(reading, false);
}

static int read_targets(struct reading *reading)
{
    return read_policies(reading, true);
}

/* One that cannot be read holds all the same, until it is released. */
static void read_hold(struct call *call, struct hold_row *row, struct arena *arena)
{
    if (pawli_read_hold(call, row, arena))
        return;
    row->code = row->code.data ? row->code : TEXT("damaged");
    row->reason = TEXT("the hold cannot be read");
    row->since = (struct wall_time){0};
    row->until = WALL_NEVER;
    row->before_ms = 0;
}

static struct text absent_if_empty(struct text text)
{
    return text.size ? text : (struct text){0};
}

static int read_holds(struct reading *reading)
{
    uint64_t scope = 0;
    int code = reading->query->scope.data ? scope_id(reading, reading->query->scope, &scope) : SQLITE_OK;
    if (code != SQLITE_OK)
        return code;
    struct call call = pawli_call(reading->connection, SQL_list_holds);
    pawli_bind_i64(&call, INT64_MAX);
    while (pawli_call_row(&call)) {
        struct hold_item item = {0};
        read_hold(&call, &item.row, reading->arena);
        bool is_of_other = reading->query->scope.data && item.row.kind != HOLD_STORE && item.row.scope != scope;
        if (is_of_other || !hold_is_on(&item.row, reading->page->wall))
            continue;
        if ((reading->page->more = is_full(reading)))
            break;
        struct hold_item *kept = add_item(reading, (void **)&reading->page->holds, sizeof *kept);
        if (!kept)
            return SQLITE_NOMEM;
        *kept = item;
    }
    code = pawli_call_end(&call);
    for (size_t i = 0; code == SQLITE_OK && i < reading->page->count; i++)
        code = scope_name(reading, reading->page->holds[i].row.scope, &reading->page->holds[i].scope);
    return code;
}

/* ---- a look at a queue, without a write ---- */

#define SUBJECTS 4
struct subject {
    enum hold_kind kind;
    uint64_t scope;
    struct text lane, target;
};

static void list_subjects(uint64_t scope, struct text lane, struct text target, struct subject subjects[SUBJECTS])
{
    const struct text none = TEXT("");
    subjects[0] = (struct subject){HOLD_STORE, 0, none, none};
    subjects[1] = (struct subject){HOLD_LANE, scope, lane, none};
    subjects[2] = (struct subject){HOLD_TARGET, scope, none, target};
    subjects[3] = (struct subject){HOLD_QUEUE, scope, lane, target};
}

static struct call call_holds(struct reading *reading, const struct subject *subject)
{
    struct call call = pawli_call(reading->connection, SQL_find_holds);
    pawli_bind_text(&call, text_of(pawli_hold_kind_text(subject->kind)));
    pawli_bind_u64(&call, subject->scope);
    pawli_bind_text(&call, subject->lane);
    pawli_bind_text(&call, subject->target);
    return call;
}

/* When the first that a claim could take is due. One that cannot be read is taken by nobody; whether its message can be
 * is seen where somebody waits for this very queue. */
static int first_due(struct reading *reading, uint64_t queue, enum phase phase, bool looks, struct wall_time *due)
{
    int code = SQLITE_OK;
    for (int64_t priority = 1; code == SQLITE_OK && priority <= 9; priority++) {
        struct call call = pawli_call(reading->connection, SQL_find_due);
        pawli_bind_u64(&call, queue);
        pawli_bind_i64(&call, phase);
        pawli_bind_i64(&call, priority);
        pawli_bind_i64(&call, due->ms - 1);
        while (pawli_call_row(&call)) {
            struct task_row row;
            struct message_row message;
            bool found = true;
            if (!pawli_read_ready(&call, &row, reading->arena))
                continue;
            code = looks ? pawli_get_message(reading->connection, row.number, &message, &found, reading->arena)
                         : SQLITE_OK;
            if (code == BAD_ROW || !found)
                continue;
            *due = row.due;
            break;
        }
        code = pawli_call_end(&call);
    }
    return code;
}

static int add_pauses(struct reading *reading, const struct queue_row *queue, struct paused *paused)
{
    struct subject subjects[SUBJECTS];
    int code = SQLITE_OK;
    list_subjects(queue->scope, queue->lane, queue->target, subjects);
    for (size_t i = 0; code == SQLITE_OK && i < SUBJECTS; i++) {
        struct call call = call_holds(reading, &subjects[i]);
        while (pawli_call_row(&call)) {
            struct hold_row row;
            read_hold(&call, &row, reading->arena);
            row.kind = subjects[i].kind;
            pawli_paused_add(paused, &row, reading->page->wall);
        }
        code = pawli_call_end(&call);
    }
    return code;
}

/* When a worker would find something in a queue, and until when it may not take it. */
static int look_at_queue(struct reading *reading, bool any_holds, struct queue_item *item)
{
    item->next_due = WALL_NEVER;
    item->paused = (struct paused){0};
    int code = first_due(reading, item->row.id, PHASE_SEND, false, &item->next_due);
    return code == SQLITE_OK && any_holds ? add_pauses(reading, &item->row, &item->paused) : code;
}

static int read_ages(struct reading *reading, struct queue_item *item)
{
    struct queue_ages *ages = &item->ages;
    int code = SQLITE_OK;
    ages->oldest_due = ages->later_due = WALL_NEVER;
    for (int64_t priority = 1; code == SQLITE_OK && priority <= 9; priority++)
        for (int later = 0; code == SQLITE_OK && later < 2; later++) {
            struct call call = pawli_call(reading->connection, later ? SQL_later_due : SQL_count_due);
            pawli_bind_u64(&call, item->row.id);
            pawli_bind_i64(&call, priority);
            pawli_bind_i64(&call, reading->page->wall.ms);
            if (pawli_call_row(&call)) {
                struct wall_time *first = later ? &ages->later_due : &ages->oldest_due;
                ages->due += later ? 0 : (uint64_t)pawli_column_i64(&call);
                struct wall_time due = pawli_column_wall_or_never(&call);
                if (due.ms < first->ms)
                    *first = due;
            }
            code = pawli_call_end(&call);
        }
    return code;
}

/* Few are held apart: one look at all of them, whatever number of queues there is. */
static int count_held(struct reading *reading)
{
    struct page *page = reading->page;
    struct call call = pawli_call(reading->connection, SQL_count_held);
    size_t at = 0; /* both ascend */
    while (pawli_call_row(&call)) {
        uint64_t queue = raw_number(&call, 0), count = raw_number(&call, 1);
        while (at < page->count && page->queues[at].row.id < queue)
            at++;
        if (at < page->count && page->queues[at].row.id == queue)
            page->queues[at].ages.held_apart = count;
    }
    return pawli_call_end(&call);
}

/* Most stores have none, and then nobody asks for those of each queue. */
static int find_any_hold(struct reading *reading, bool *any)
{
    struct call call = pawli_call(reading->connection, SQL_list_holds);
    pawli_bind_i64(&call, 1);
    *any = pawli_call_row(&call);
    return pawli_call_end(&call);
}

static int describe_queue(struct reading *reading, struct queue_item *item)
{
    struct lane_row lane = {0};
    struct target_row target = {0};
    int code = pawli_policy_of(reading->connection, &item->row, &lane, &target, reading->arena);
    item->is_damaged = code == BAD_ROW;
    item->lane_policy = lane.policy;
    item->target_policy = target.policy;
    item->url = target.url;
    item->secret_file = target.secret_file;
    item->headers = target.headers;
    item->policy = pawli_policy_effective(&item->lane_policy, &item->target_policy);
    return item->is_damaged ? SQLITE_OK : code;
}

static int read_queues(struct reading *reading)
{
    struct queue_set set = {0};
    bool any_holds = false, wants_due = reading->query->wants_due;
    int code = read_queue_set(reading, &set);
    if (code == SQLITE_OK && wants_due)
        code = find_any_hold(reading, &any_holds);
    for (size_t i = 0; code == SQLITE_OK && i < set.count; i++) {
        struct queue_item item = {.row = set.rows[i], .scope = set.scopes[i]};
        bool was_before = !reading->query->wants_news && item.row.id <= reading->query->after;
        bool skip = wants_due && item.row.counts[STATE_PENDING] == 0;
        if (was_before || skip || !item.scope.data)
            continue;
        code = describe_queue(reading, &item);
        if (code != SQLITE_OK || (wants_due && (item.is_damaged || !item.url.data)))
            continue; /* no worker can claim from it */
        if ((reading->page->more = is_full(reading)))
            break;
        if (wants_due)
            code = look_at_queue(reading, any_holds, &item);
        if (code == SQLITE_OK && reading->query->wants_ages)
            code = read_ages(reading, &item);
        struct queue_item *kept = add_item(reading, (void **)&reading->page->queues, sizeof *kept);
        if (!kept)
            return SQLITE_NOMEM;
        *kept = item;
        if (!reading->query->wants_news)
            reading->page->next = item.row.id;
    }
    return code == SQLITE_OK && reading->query->wants_ages ? count_held(reading) : code;
}

static int look_for_holds(struct reading *reading, uint64_t scope)
{
    const struct query *query = reading->query;
    struct subject subjects[SUBJECTS];
    struct page *page = reading->page;
    size_t room = 0;
    list_subjects(scope, query->lane, query->target, subjects);
    for (size_t i = 0; i < SUBJECTS; i++) {
        struct call call = call_holds(reading, &subjects[i]);
        while (pawli_call_row(&call)) {
            if (!pawli_arena_reserve(reading->arena, (void **)&page->look_holds, sizeof *page->look_holds,
                                     page->look_hold_count + 1, &room)) {
                call.code = SQLITE_NOMEM;
                break;
            }
            struct hold_item *item = &page->look_holds[page->look_hold_count++];
            read_hold(&call, &item->row, reading->arena);
            item->row.kind = subjects[i].kind;
            item->scope = query->scope;
            item->row.lane = absent_if_empty(subjects[i].lane);
            item->row.target = absent_if_empty(subjects[i].target);
        }
        int code = pawli_call_end(&call);
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}

static int look_for_lost(struct reading *reading)
{
    struct look *look = &reading->page->look;
    struct living living;
    int code = read_living(reading, &living);
    if (code != SQLITE_OK)
        return code;
    const struct store_row *store = &living.store;
    look->next_lease = store->lease;
    if (uuid_equal(&store->boot_id, &living.boot_id) && boot_before(reading->page->boot, store->lease) &&
        living.dead_count == 0)
        return SQLITE_OK;
    look->next_lease = BOOT_NEVER;
    struct call call = pawli_call(reading->connection, SQL_list_claimed);
    while (pawli_call_row(&call)) {
        struct task_row row;
        if (!pawli_read_claimed(&call, &row, reading->arena))
            continue;
        if (is_lost(reading, &living, &row)) {
            look->is_lost = true;
            break;
        }
        look->next_lease = boot_earlier(look->next_lease, row.lease);
    }
    return pawli_call_end(&call);
}

static int read_look(struct reading *reading)
{
    uint64_t scope, queue = 0;
    reading->page->look = (struct look){.next_due = WALL_NEVER, .next_lease = BOOT_NEVER};
    int code = scope_id(reading, reading->query->scope, &scope);
    if (code == SQLITE_OK && scope) {
        struct call call = pawli_call(reading->connection, SQL_get_queue);
        pawli_bind_u64(&call, scope);
        pawli_bind_text(&call, reading->query->lane);
        pawli_bind_text(&call, reading->query->target);
        struct queue_row row = {0};
        if (pawli_call_row(&call) && !pawli_read_queue(&call, &row, reading->arena))
            call.code = BAD_ROW;
        queue = row.id;
        code = pawli_call_end(&call);
    }
    if (code == SQLITE_OK && queue)
        code = first_due(reading, queue, reading->query->phase, true, &reading->page->look.next_due);
    reading->page->look.is_due = reading->page->look.next_due.ms <= reading->page->wall.ms;
    if (code == SQLITE_OK && queue)
        code = look_for_holds(reading, scope);
    return code == SQLITE_OK ? look_for_lost(reading) : code;
}

static int read_line(struct reading *reading)
{
    const struct query *query = reading->query;
    struct queue_row queue = {0};
    uint64_t scope;
    int code = scope_id(reading, query->scope, &scope);
    if (code != SQLITE_OK)
        return code;
    struct call call = pawli_call(reading->connection, SQL_get_queue);
    pawli_bind_u64(&call, scope);
    pawli_bind_text(&call, query->lane);
    pawli_bind_text(&call, query->target);
    if (pawli_call_row(&call) && !pawli_read_queue(&call, &queue, reading->arena))
        call.code = BAD_ROW;
    code = pawli_call_end(&call);
    if (code != SQLITE_OK || queue.id == 0)
        return code;
    call = pawli_call(reading->connection, SQL_get_line);
    pawli_bind_u64(&call, queue.id);
    pawli_bind_text(&call, query->key);
    struct line_item *line = &reading->page->line;
    line->found = pawli_call_row(&call);
    if (line->found && !pawli_read_line(&call, &line->row, reading->arena))
        call.code = BAD_ROW;
    code = pawli_call_end(&call);
    if (code != SQLITE_OK || query->cursor.number == 0)
        return code;
    call = pawli_call(reading->connection, SQL_count_before);
    pawli_bind_u64(&call, queue.id);
    pawli_bind_text(&call, query->key);
    pawli_bind_u64(&call, query->cursor.position);
    pawli_bind_u64(&call, query->cursor.number);
    if (pawli_call_row(&call))
        line->before = raw_number(&call, 0);
    return pawli_call_end(&call);
}

/* ---- what time may end ---- */

static struct call call_old(struct reading *reading)
{
    const struct task_cursor *cursor = &reading->query->cursor;
    struct call call;
    switch (reading->query->place) {
    case PLACE_READY:
        call = pawli_call(reading->connection, SQL_old_ready);
        pawli_bind_u64(&call, cursor->queue);
        pawli_bind_i64(&call, cursor->phase);
        pawli_bind_i64(&call, cursor->priority);
        pawli_bind_i64(&call, cursor->due);
        pawli_bind_u64(&call, cursor->number);
        break;
    case PLACE_BLOCKED:
        call = pawli_call(reading->connection, SQL_old_blocked);
        pawli_bind_u64(&call, cursor->queue);
        pawli_bind_text(&call, cursor->key.data ? cursor->key : TEXT(""));
        pawli_bind_u64(&call, cursor->position);
        pawli_bind_u64(&call, cursor->number);
        break;
    case PLACE_HELD:
    case PLACE_ENDED:
    case PLACE_NONE:
    case PLACE_CLAIMED:
    case PLACE_COUNT:
        call = pawli_call(reading->connection, reading->query->place == PLACE_HELD ? SQL_old_held : SQL_old_ended);
        pawli_bind_u64(&call, cursor->number);
        break;
    }
    pawli_bind_i64(&call, limit_of(reading));
    return call;
}

/* Where the walk goes on, whatever the row is worth. */
static void advance(struct reading *reading, const struct call *call)
{
    struct task_cursor *cursor = &reading->page->cursor;
    *cursor = (struct task_cursor){.queue = raw_number(call, 0), .number = raw_number(call, 1)};
    if (reading->query->place == PLACE_READY) {
        cursor->phase = sqlite3_column_int64(call->statement, 9);
        cursor->priority = sqlite3_column_int64(call->statement, 10);
        cursor->due = sqlite3_column_int64(call->statement, 11);
    } else if (reading->query->place == PLACE_BLOCKED) {
        const char *key = sqlite3_column_blob(call->statement, 9);
        size_t size = (size_t)sqlite3_column_bytes(call->statement, 9);
        cursor->key = pawli_arena_text(reading->arena, (struct text){key ? key : "", key ? size : 0});
        cursor->position = raw_number(call, 10);
    }
}

static bool read_old_item(struct reading *reading, struct call *call, struct old_item *item, uint64_t *queue)
{
    *queue = pawli_column_id(call);
    item->number = (uint64_t)pawli_column_between(call, 1, MESSAGE_NUMBER_MAX);
    item->created = pawli_column_wall(call);
    item->available = pawli_column_wall(call);
    item->expires = pawli_column_wall_or_never(call);
    item->ends = pawli_column_wall_or_never(call);
    item->is_due_first = pawli_column_bool(call);
    item->updated = pawli_column_wall(call);
    struct task_row task = {0};
    pawli_read_retried(call, &task, reading->arena);
    item->retried = task.retried;
    if (reading->query->place == PLACE_READY || reading->query->place == PLACE_HELD)
        item->phase = (enum phase)pawli_column_between(call, 0, PHASE_COUNT - 1);
    return !call->bad;
}

/* False: its queue, or the policy of that, cannot be read. */
static int describe_old(struct reading *reading, uint64_t queue, struct old_item *item, bool *good)
{
    struct queue_row row;
    struct lane_row lane = {0};
    struct target_row target = {0};
    int code = read_queue_by_id(reading, queue, &row, good);
    if (code == SQLITE_OK && *good)
        code = pawli_policy_of(reading->connection, &row, &lane, &target, reading->arena);
    *good = *good && code == SQLITE_OK;
    item->policy = pawli_policy_effective(&lane.policy, &target.policy);
    item->lane = row.lane;
    item->target = row.target;
    item->paused = (struct paused){0};
    bool waits = reading->query->place == PLACE_READY || reading->query->place == PLACE_BLOCKED;
    if (code == SQLITE_OK && *good && waits)
        code = add_pauses(reading, &row, &item->paused);
    if (code == SQLITE_OK && *good)
        code = scope_name(reading, row.scope, &item->scope);
    *good = *good && item->scope.data;
    return code == BAD_ROW ? SQLITE_OK : code;
}

/* Rows that cannot be read are walked past: nothing ends them. */
static int read_old(struct reading *reading)
{
    struct call call = call_old(reading);
    struct old_item described = {0}; /* of the queue of the row before: most of a page is of one queue */
    uint64_t last = 0, seen = 0;
    bool good = false;
    while (pawli_call_row(&call)) {
        if ((reading->page->more = ++seen > reading->query->limit))
            break;
        struct old_item item = {0};
        uint64_t queue;
        advance(reading, &call);
        if (!read_old_item(reading, &call, &item, &queue))
            continue;
        if (queue != last) {
            call.code = describe_old(reading, queue, &described, &good);
            if (call.code != SQLITE_OK)
                break;
        }
        last = queue;
        if (!good)
            continue;
        item.policy = described.policy;
        item.paused = described.paused;
        item.scope = described.scope;
        item.lane = described.lane;
        item.target = described.target;
        struct old_item *kept = add_item(reading, (void **)&reading->page->olds, sizeof *kept);
        if (!kept)
            return SQLITE_NOMEM;
        *kept = item;
    }
    return pawli_call_end(&call);
}

static int read_old_bounds(struct reading *reading)
{
    int code = SQLITE_OK;
    struct call call = pawli_call(reading->connection, SQL_list_bounds_until);
    pawli_bind_i64(&call, reading->page->wall.ms);
    while (code == SQLITE_OK && pawli_call_row(&call)) {
        struct bound_row row;
        struct queue_row queue;
        struct text scope = {0};
        bool good = pawli_read_bound(&call, &row, reading->arena);
        if (good)
            code = read_queue_by_id(reading, row.queue, &queue, &good);
        if (code == SQLITE_OK && good)
            code = scope_name(reading, queue.scope, &scope);
        if (code != SQLITE_OK || !scope.data)
            continue;
        if ((reading->page->more = is_full(reading)))
            break;
        struct bound_item *item = add_item(reading, (void **)&reading->page->bounds, sizeof *item);
        if (!item)
            return SQLITE_NOMEM;
        *item = (struct bound_item){.queue = row.queue,
                                    .kind = row.kind,
                                    .key = row.key,
                                    .scope = scope,
                                    .lane = queue.lane,
                                    .target = queue.target};
    }
    int ended = pawli_call_end(&call);
    return code == SQLITE_OK ? ended : code;
}

/* ---- who works ---- */

static int read_workers(struct reading *reading)
{
    struct living living;
    int code = read_living(reading, &living);
    if (code != SQLITE_OK)
        return code;
    struct call call = pawli_call(reading->connection, SQL_list_workers);
    while (pawli_call_row(&call)) {
        struct worker_row row;
        if (!pawli_read_worker(&call, &row, reading->arena) || row.id <= reading->query->after)
            continue;
        if ((reading->page->more = is_full(reading)))
            break;
        struct worker_item *item = add_item(reading, (void **)&reading->page->workers, sizeof *item);
        if (!item)
            return SQLITE_NOMEM;
        *item = (struct worker_item){row, pawli_worker_alive(&row, living.alive, living.alive_count)};
        reading->page->next = row.id;
    }
    return pawli_call_end(&call);
}

static int read_claims(struct reading *reading)
{
    struct queue_set set = {0};
    struct living living;
    size_t at, seen = 0;
    int code = read_living(reading, &living);
    if (code == SQLITE_OK)
        code = read_queue_set(reading, &set);
    if (code != SQLITE_OK)
        return code;
    struct call call = pawli_call(reading->connection, SQL_page_claimed);
    pawli_bind_u64(&call, reading->query->after);
    pawli_bind_i64(&call, limit_of(reading));
    while (pawli_call_row(&call)) {
        struct task_row row;
        if ((reading->page->more = seen++ == reading->query->limit))
            break;
        reading->page->next = raw_number(&call, 1);
        if (!pawli_read_claimed(&call, &row, reading->arena) || !in_set(&set, row.queue, &at) || !set.scopes[at].data)
            continue;
        struct claim_item *item = add_item(reading, (void **)&reading->page->claims, sizeof *item);
        if (!item)
            return SQLITE_NOMEM;
        *item = (struct claim_item){.committer = row.committer,
                                    .consumer = row.consumer,
                                    .scope = set.scopes[at],
                                    .lane = set.rows[at].lane,
                                    .claimed = row.claimed,
                                    .updated = row.updated,
                                    .is_lost = is_lost(reading, &living, &row)};
    }
    return pawli_call_end(&call);
}

/* ---- what is set apart ---- */

static int add_damage(void *data, uint64_t scope, uint64_t queue, struct text what)
{
    struct reading *reading = data;
    struct queue_row row = {0};
    bool found;
    if ((reading->page->more = is_full(reading)))
        return SQLITE_OK;
    struct damage_item *item = add_item(reading, (void **)&reading->page->damages, sizeof *item);
    if (!item)
        return SQLITE_NOMEM;
    *item = (struct damage_item){.what = what};
    int code = queue ? read_queue_by_id(reading, queue, &row, &found) : SQLITE_OK;
    if (queue)
        scope = row.scope;
    return code == SQLITE_OK && scope ? scope_name(reading, scope, &item->scope) : code;
}

static int read_damage(struct reading *reading)
{
    return pawli_find_damage(reading->connection, reading->arena, add_damage, reading);
}

static int (*const readers[QUERY_KIND_COUNT])(struct reading *reading) = {
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

enum store_result pawli_sqlite_read(struct sqlite_store *store, struct connection *connection,
                                    const struct query *query, struct page *page, pawl_error *err)
{
    struct env *env = store->store.env;
    struct reading reading = {
        .store = store, .connection = connection, .query = query, .page = page, .arena = &page->arena};
    page->wall = env->ops->wall_now(env);
    page->boot = env->ops->boot_now(env);
    int code = readers[query->kind](&reading);
    if ((code == SQLITE_OK || code == BAD_ROW) && pawli_arena_failed(&page->arena))
        code = SQLITE_NOMEM;
    return pawli_sqlite_result(store, connection->db, code, READ_ONLY, err);
}
