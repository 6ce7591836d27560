/* SPDX-License-Identifier: MIT */
/* Read: messages, by number and by what a list asks for. */
#include "store/sqlite/read.h"

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
    *item = (struct message_item){.message = {.number = number}};
    int code = pawli_get_fact(reading->connection, ROW_MESSAGE, &item->message, found, reading->arena);
    if (code == BAD_ROW) {
        item->message = (struct message_row){.number = number, .priority = 5};
        item->is_message_damaged = true;
    }
    if ((code != SQLITE_OK && code != BAD_ROW) || !*found)
        return code;
    if (code == SQLITE_OK)
        code = pawli_find_task(reading->connection, TASK_MESSAGE, number, &item->message.body, &item->task, &placed,
                               reading->arena);
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
    int code = pawli_read_queue_by_id(reading, item->message.queue, &row, &found);
    if (code != SQLITE_OK)
        return code;
    item->lane = row.lane;
    item->target = row.target;
    code = pawli_scope_name(reading, row.scope, &item->scope);
    item->is_damaged |= !found || !item->scope.data;
    return code;
}

static int mark_lost(struct reading *reading, struct message_item *item)
{
    struct living living;
    if (item->task.place != PLACE_CLAIMED)
        return SQLITE_OK;
    int code = pawli_read_living(reading, &living);
    item->lost = pawli_is_lost(reading, &living, &item->task);
    return code;
}

int pawli_query_one_message(struct reading *reading)
{
    struct message_item *item = pawli_add_item(reading, (void **)&reading->page->messages, sizeof *item);
    bool found = false;
    if (!item)
        return SQLITE_NOMEM;
    uint64_t scope = 0;
    int code = reading->query->scope.data ? pawli_scope_id(reading, reading->query->scope, &scope) : SQLITE_OK;
    if (code == SQLITE_OK)
        code = fill_message(reading, query_number(scope, reading->query->number), item, &found);
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

/* What lies between two numbers: of the scope that the query names, else of all. */
static int set_range(struct reading *reading)
{
    const struct query *query = reading->query;
    uint64_t scope = 0;
    int code = query->scope.data ? pawli_scope_id(reading, query->scope, &scope) : SQLITE_OK;
    reading->after = query->after ? query_number(scope, query->after) : number_of(scope, 0);
    reading->before = query->before ? query_number(scope, query->before) : scope ? number_of(scope + 1, 0) : INT64_MAX;
    return code;
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
        if (number <= reading->after || number >= reading->before || state != query->state ||
            !pawli_in_set(set, queue, &index))
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
    pawli_bind_u64(&call, reading->after);
    pawli_bind_u64(&call, reading->before);
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
    struct message_item *item = pawli_add_item(reading, (void **)&reading->page->messages, sizeof *item);
    if (!item)
        return SQLITE_NOMEM;
    int code = fill_message(reading, number, item, &found);
    if (found && item->is_message_damaged)
        item->message.queue = queue_id; /* as its row says, for all that it is worth */
    const struct queue_row *queue = found ? pawli_in_set(set, item->message.queue, &index) : NULL;
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

int pawli_query_messages(struct reading *reading)
{
    const struct query *query = reading->query;
    struct queue_set set = {0};
    size_t index;
    int code = set_range(reading);
    if (code == SQLITE_OK)
        code = pawli_read_queue_set(reading, &set);
    if (code != SQLITE_OK || set.count == 0)
        return code;
    if (!query->any_state)
        return read_messages_by_state(reading, &set);
    struct call call = pawli_call(reading->connection, query->down ? SQL_list_messages_down : SQL_list_messages_up);
    pawli_bind_u64(&call, query->down ? reading->before : reading->after);
    pawli_bind_i64(&call, INT64_MAX);
    while (pawli_call_row(&call)) {
        uint64_t number = raw_number(&call, 0), queue = raw_number(&call, 2);
        if (number && (number <= reading->after || number >= reading->before))
            break;
        const char *key = sqlite3_column_blob(call.statement, 5);
        struct text found = {key, (size_t)sqlite3_column_bytes(call.statement, 5)};
        if (number == 0 || !pawli_in_set(&set, queue, &index) ||
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

int pawli_query_attempts(struct reading *reading)
{
    struct call call = pawli_call(reading->connection, SQL_list_attempts);
    pawli_bind_u64(&call, reading->query->number);
    while (pawli_call_row(&call)) {
        struct attempt_row row, *kept;
        if (!pawli_read_row(&call, ROW_ATTEMPT, &row, reading->arena))
            continue;
        kept = pawli_add_item(reading, (void **)&reading->page->attempts, sizeof *kept);
        if (!kept)
            return SQLITE_NOMEM;
        *kept = row;
    }
    return pawli_call_end(&call);
}
