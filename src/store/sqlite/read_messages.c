/* SPDX-License-Identifier: MIT */
/* Read: messages by their state: over the places where such may be. */
#include "store/sqlite/sqlite.h"

/* The first numbers of what was walked, in the direction that was asked for. */
struct first {
    uint64_t *numbers;
    size_t count, room;
    struct range range; /* of which it is */
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

/* Walks one statement of a place; those in order of number stop as soon as enough were kept. */
static int walk(struct reading *reading, struct call call, enum place place, bool ordered, struct first *first)
{
    const struct range *range = &first->range;
    while (pawli_call_row(&call)) {
        uint64_t number = pawli_raw_number(&call, 0);
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
        if (number <= range->after || number >= range->before || state != reading->query->state ||
            !pawli_is_wanted(&call, range, 2, 3))
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

static int walk_ordered(struct reading *reading, struct directions sql, enum place place, struct first *first)
{
    struct call call = pawli_call(connection_of(reading), first->down ? sql.down : sql.up);
    pawli_bind_u64(&call, first->range.after);
    pawli_bind_u64(&call, first->range.before);
    return walk(reading, call, place, true, first);
}

/* Two ordered walks must not stop each other: each gets room of its own, then they are merged. */
static int walk_also(struct reading *reading, struct directions sql, enum place place, struct first *first)
{
    struct first other = *first;
    other.count = 0;
    other.numbers = arena_array(reading->arena, uint64_t, first->room);
    if (!other.numbers)
        return SQLITE_NOMEM;
    int code = walk_ordered(reading, sql, place, &other);
    for (size_t i = 0; i < other.count; i++)
        keep_first(first, other.numbers[i]);
    return code;
}

static int find_by_state(struct reading *reading, struct first *first)
{
    static const struct {
        enum sql sql;
        enum place place;
    } unordered[] = {{SQL_walk_ready, PLACE_READY}, {SQL_walk_blocked, PLACE_BLOCKED}};
    int code = SQLITE_OK;
    if (reading->query->place == PLACE_HELD)
        return walk_ordered(reading, walk_held, PLACE_HELD, first);
    PAWL_ASSERT(reading->query->place == PLACE_NONE);
    switch (reading->query->state) {
    case STATE_DELIVERED:
        return walk_ordered(reading, walk_delivered, PLACE_ENDED, first);
    case STATE_DEAD:
    case STATE_CANCELLED:
        return walk_ordered(reading, walk_ended_other, PLACE_ENDED, first);
    case STATE_CLAIMED:
        return walk_ordered(reading, walk_claimed, PLACE_CLAIMED, first);
    case STATE_PENDING:
    case STATE_AWAITING:
    case STATE_UNCERTAIN:
    case STATE_COUNT:
        break;
    }
    for (size_t i = 0; code == SQLITE_OK && i < reading->queue_count; i++)
        for (size_t j = 0; code == SQLITE_OK && j < COUNT_OF(unordered); j++) {
            struct call call = pawli_call(connection_of(reading), unordered[j].sql);
            pawli_bind_u64(&call, reading->queues[i].row.id);
            code = walk(reading, call, unordered[j].place, false, first);
        }
    if (code == SQLITE_OK)
        code = walk_also(reading, walk_held, PLACE_HELD, first);
    if (code == SQLITE_OK && reading->query->state != STATE_PENDING)
        code = walk_also(reading, walk_claimed, PLACE_CLAIMED, first);
    return code;
}

bool pawli_read_messages(struct reading *reading)
{
    const struct query *query = reading->query;
    if (query->any_state)
        return pawli_read_listed(reading);
    if (!pawli_list_queues(reading))
        return false;
    /* One more than the limit, to know whether there is more. */
    struct first first = {
        .room = (size_t)query->limit + 1, .range = pawli_messages_range(reading), .down = query->down};
    first.numbers = arena_array(reading->arena, uint64_t, first.room);
    bool good = first.numbers && is_good(reading, find_by_state(reading, &first));
    for (size_t i = 0; good && i < first.count && !pawli_is_cut(reading); i++)
        good = pawli_add_message(reading, first.numbers[i]);
    return good;
}
