/* SPDX-License-Identifier: MIT */
/* Read: what time may end. */
#include "store/sqlite/read.h"

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
    struct message_row message = {0};
    struct task_row task = {0};
    pawli_read_field(call, ROW_MESSAGE, "queue", &message, reading->arena);
    pawli_read_field(call, ROW_MESSAGE, "number", &message, reading->arena);
    pawli_read_field(call, ROW_MESSAGE, "created", &message, reading->arena);
    pawli_read_field(call, ROW_MESSAGE, "available", &message, reading->arena);
    pawli_read_field(call, ROW_MESSAGE, "expires", &message, reading->arena);
    item->ends = pawli_column_wall_or_never(call);
    pawli_read_field(call, ROW_READY, "is_first", &task, reading->arena);
    pawli_read_field(call, ROW_READY, "updated", &task, reading->arena);
    pawli_read_field(call, ROW_READY, "retried", &task, reading->arena);
    *queue = message.queue;
    item->number = message.number;
    item->created = message.created;
    item->available = message.available;
    item->expires = message.expires;
    item->is_due_first = task.is_due_first;
    item->updated = task.updated;
    item->retried = task.retried.at;
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
    int code = pawli_read_queue_by_id(reading, queue, &row, good);
    if (code == SQLITE_OK && *good)
        code = pawli_policy_of(reading->connection, &row, &lane, &target, reading->arena);
    *good = *good && code == SQLITE_OK;
    item->policy = pawli_policy_effective(&lane.policy, &target.policy);
    item->lane = row.lane;
    item->target = row.target;
    item->paused = (struct paused){0};
    bool waits = reading->query->place == PLACE_READY || reading->query->place == PLACE_BLOCKED;
    if (code == SQLITE_OK && *good && waits)
        code = pawli_add_pauses(reading, &row, &item->paused);
    if (code == SQLITE_OK && *good)
        code = pawli_scope_name(reading, row.scope, &item->scope);
    *good = *good && item->scope.data;
    return code == BAD_ROW ? SQLITE_OK : code;
}

/* Rows that cannot be read are walked past: nothing ends them. */
int pawli_query_old(struct reading *reading)
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
        struct old_item *kept = pawli_add_item(reading, (void **)&reading->page->olds, sizeof *kept);
        if (!kept)
            return SQLITE_NOMEM;
        *kept = item;
    }
    return pawli_call_end(&call);
}

int pawli_query_old_bounds(struct reading *reading)
{
    int code = SQLITE_OK;
    struct call call = pawli_call(reading->connection, SQL_list_bounds_until);
    pawli_bind_i64(&call, reading->page->wall.ms);
    while (code == SQLITE_OK && pawli_call_row(&call)) {
        struct bound_row row;
        struct queue_row queue;
        struct text scope = {0};
        bool good = pawli_read_row(&call, ROW_BOUND, &row, reading->arena);
        if (good)
            code = pawli_read_queue_by_id(reading, row.queue, &queue, &good);
        if (code == SQLITE_OK && good)
            code = pawli_scope_name(reading, queue.scope, &scope);
        if (code != SQLITE_OK || !scope.data)
            continue;
        if ((reading->page->more = is_full(reading)))
            break;
        struct bound_item *item = pawli_add_item(reading, (void **)&reading->page->bounds, sizeof *item);
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
