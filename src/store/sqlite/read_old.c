/* SPDX-License-Identifier: MIT */
/* Read: what time may end. */
#include "store/sqlite/sqlite.h"

/* ---- how it is found ---- */

static const struct old_walk {
    enum sql next, rows; /* next: the first of the group behind one */
    bool by_age;         /* else by a date of its own */
    bool has_priority;   /* a group is a priority of a queue, else a queue */
} walks[OLD_COUNT] = {
    [OLD_BLOCKED] = {SQL_next_blocked, SQL_old_blocked, true, false},
    [OLD_BLOCKED_UNTIL] = {SQL_next_blocked_until, SQL_old_blocked_until, false, false},
    [OLD_READY] = {SQL_next_ready, SQL_old_ready, true, true},
    [OLD_READY_AGAIN] = {SQL_next_ready_again, SQL_old_ready_again, true, false},
    [OLD_READY_UNTIL] = {SQL_next_ready_until, SQL_old_ready_until, false, false},
    [OLD_HELD_UNTIL] = {SQL_next_held_until, SQL_old_held_until, false, false},
    [OLD_ENDED] = {SQL_old_ended, SQL_old_ended, false, false},
};

struct old_walking {
    struct reading *reading;
    const struct old_walk *walk;
    struct clock clock;
    struct old_item queue; /* what is known of its queue: most of a page is of one */
    uint64_t described;
    bool is_good;  /* its queue, and the policy of that, can be read */
    bool is_young; /* what follows in its scope was made too late */
};

/* ---- rows ---- */

static void bind_cursor(const struct old_walking *w, struct call *call, struct wall_time until)
{
    const struct task_cursor *cursor = &w->reading->page->cursor;
    bool is_grouped = w->reading->query->old != OLD_ENDED;
    if (is_grouped) {
        pawli_bind_u64(call, cursor->queue);
        pawli_bind_i64(call, cursor->at);
    }
    pawli_bind_u64(call, cursor->number);
    if (is_grouped)
        pawli_bind_i64(call, until.ms);
    pawli_bind_i64(call, (int64_t)w->reading->query->limit + 1);
    if (w->walk->has_priority)
        pawli_bind_i64(call, cursor->priority);
}

static bool read_old_item(const struct old_walking *w, struct call *call, struct old_item *item, uint64_t *queue)
{
    struct message_row message = {0};
    struct arena *arena = w->reading->arena;
    *item = (struct old_item){0};
    pawli_read_field(call, ROW_MESSAGE, "queue", &message, arena);
    pawli_read_field(call, ROW_MESSAGE, "number", &message, arena);
    pawli_read_field(call, ROW_MESSAGE, "created", &message, arena);
    pawli_read_field(call, ROW_MESSAGE, "available", &message, arena);
    pawli_read_field(call, ROW_MESSAGE, "expires", &message, arena);
    pawli_read_field(call, ROW_READY, "until", &item->task, arena);
    pawli_read_field(call, ROW_READY, "due", &item->task, arena);
    pawli_read_field(call, ROW_READY, "since", &item->task, arena);
    pawli_read_field(call, ROW_READY, "updated", &item->task, arena);
    pawli_read_field(call, ROW_READY, "retried", &item->task, arena);
    pawli_read_field(call, ROW_READY, "phase", &item->task, arena);
    if (w->reading->query->old == OLD_ENDED)
        pawli_read_field(call, ROW_ENDED, "state", &item->task, arena);
    *queue = message.queue;
    item->number = message.number;
    item->created = message.created;
    item->available = message.available;
    item->expires = message.expires;
    return !call->bad;
}

static int describe_queue(struct old_walking *w, uint64_t queue)
{
    if (queue == w->described)
        return SQLITE_OK;
    w->described = queue;
    bool done = pawli_describe_old(w->reading, queue, &w->queue, &w->is_good);
    int code = finder_of(w->reading->walk)->code;
    return done ? SQLITE_OK : code ? code : SQLITE_NOMEM;
}

static int keep_item(struct old_walking *w, const struct old_item *item)
{
    struct old_item *kept = pawli_add_item(w->reading, sizeof *kept);
    if (!kept)
        return SQLITE_NOMEM;
    *kept = w->queue;
    kept->number = item->number;
    kept->created = item->created;
    kept->available = item->available;
    kept->expires = item->expires;
    kept->task = item->task;
    return SQLITE_OK;
}

/* Rows that cannot be read are walked past: nothing ends them. */
static int read_rows(struct old_walking *w, struct wall_time until)
{
    const struct query *query = w->reading->query;
    struct page *page = w->reading->page;
    struct call call = pawli_call(connection_of(w->reading), w->walk->rows);
    uint64_t seen = 0;
    bind_cursor(w, &call, until);
    while (pawli_call_row(&call)) {
        struct old_item item;
        uint64_t queue;
        if ((page->more = ++seen > query->limit || pawli_is_cut(w->reading)))
            break;
        page->cursor.queue = pawli_raw_number(&call, 0); /* where the walk goes on, whatever the row is worth */
        page->cursor.number = pawli_raw_number(&call, 1);
        page->cursor.at = sqlite3_column_int64(call.statement, 11);
        if (!read_old_item(w, &call, &item, &queue))
            continue;
        w->is_young = query->old == OLD_ENDED && query->since.ms && item.created.ms > query->since.ms;
        if (w->is_young)
            break;
        call.code = describe_queue(w, queue);
        if (call.code == SQLITE_OK && w->is_good)
            call.code = keep_item(w, &item);
    }
    return pawli_call_end(&call);
}

/* ---- groups ---- */

static bool is_same_group(const struct task_cursor *a, const struct task_cursor *b)
{
    return a->queue == b->queue && a->phase == b->phase && a->priority == b->priority;
}

/* What is no number stands behind all numbers: behind that the next group is another's. */
static void skip_damaged(const struct call *call, const struct task_cursor *last, struct task_cursor *cursor,
                         struct wall_time *first)
{
    bool good_phase = sqlite3_column_type(call->statement, 1) == SQLITE_INTEGER;
    bool good_priority = sqlite3_column_type(call->statement, 2) == SQLITE_INTEGER && !is_same_group(last, cursor);
    if (good_phase && good_priority)
        return;
    cursor->queue += !good_phase;
    cursor->phase = good_phase ? cursor->phase + 1 : -1;
    cursor->priority = INT64_MIN;
    first->ms = INT64_MAX;
}

static int next_group(struct old_walking *w, bool *found, struct wall_time *first)
{
    struct task_cursor *cursor = &w->reading->page->cursor, last = *cursor;
    struct call call = pawli_call(connection_of(w->reading), w->walk->next);
    pawli_bind_u64(&call, cursor->queue);
    if (w->walk->has_priority) {
        pawli_bind_i64(&call, cursor->phase);
        pawli_bind_i64(&call, cursor->priority);
    }
    *found = pawli_call_row(&call) && sqlite3_column_type(call.statement, 0) == SQLITE_INTEGER;
    if (*found) {
        *cursor = (struct task_cursor){.queue = pawli_raw_number(&call, 0), .at = INT64_MIN};
        cursor->phase = sqlite3_column_int64(call.statement, 1);
        cursor->priority = sqlite3_column_int64(call.statement, 2);
        first->ms = sqlite3_column_int64(call.statement, 3);
        skip_damaged(&call, &last, cursor, first);
    }
    return pawli_call_end(&call);
}

/* What may be over is at the beginning of a group. */
static int read_group(struct old_walking *w, struct wall_time first)
{
    const struct page *page = w->reading->page;
    struct wall_time until = w->reading->query->all ? (struct wall_time){INT64_MAX} : page->wall;
    if (page->cursor.phase != PHASE_SEND || first.ms > until.ms) /* only what waits to be sent has an age */
        return SQLITE_OK;
    int code = describe_queue(w, page->cursor.queue);
    if (code != SQLITE_OK || !w->is_good)
        return code;
    if (w->walk->by_age && !w->reading->query->all)
        until = pawli_oldest_start(&w->clock, policy_get(&w->queue.policy, POLICY_AGE_LIMIT_MS), &w->queue.paused);
    return first.ms > until.ms ? SQLITE_OK : read_rows(w, until);
}

static bool read_clock(struct old_walking *w)
{
    struct reading *reading = w->reading;
    if (!pawli_know_living(reading))
        return false;
    w->clock = pawli_clock_at(&reading->living.store, &reading->living.boot_id, reading->page->wall,
                              reading->page->boot);
    return true;
}

/* Scope by scope: in each, numbers ascend with the times at which they were given. */
static int read_ended(struct old_walking *w)
{
    struct page *page = w->reading->page;
    int code;
    do {
        w->is_young = false;
        code = read_rows(w, page->wall);
        if (w->is_young)
            page->cursor.number = number_of((page->cursor.number >> NUMBER_BITS) + 1, 0);
    } while (code == SQLITE_OK && w->is_young && !page->more);
    return code;
}

bool pawli_read_old(struct reading *reading)
{
    struct old_walking w = {.reading = reading, .walk = &walks[reading->query->old]};
    struct page *page = reading->page;
    struct wall_time first = {INT64_MIN};
    bool found = true;
    int code = SQLITE_OK;
    page->cursor = reading->query->cursor;
    if (reading->query->old == OLD_ENDED)
        return is_good(reading, read_ended(&w));
    if (!read_clock(&w))
        return false;
    if (page->cursor.queue != 0) /* the group in which the page before ended */
        code = read_group(&w, first);
    while (code == SQLITE_OK && !page->more && found) {
        code = next_group(&w, &found, &first);
        if (code == SQLITE_OK && found)
            code = read_group(&w, first);
    }
    return is_good(reading, code);
}
