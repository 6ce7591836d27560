/* SPDX-License-Identifier: MIT */
/* Read: a page at a time, copied out of the tables while the lock is held, by the shared loop (store/page.h). Here is what is
 * read another way: what time may end. */
#include "model/decide.h"
#include "model/task_kind.h"
#include "store/memory/memory.h"

/* Only messages end of their age: of workflows those that ended are looked at, which go when they were kept long enough. */
static bool describe_old(struct reading *reading, const struct task_row *row, struct old_item *item, bool *is_meant)
{
    if (!pawli_describe_old(reading, row->queue, item, is_meant))
        return false;
    enum task_kind kind = task_kind_of(item->lane);
    const struct task_body *body = pawli_table_find(finder_of(reading->walk)->tables, pawli_task_kinds[kind].body,
                                                    ORDER_FIRST, &(struct task_body){.number = row->number});
    *is_meant &= body && (kind == TASK_MESSAGE || row->place == PLACE_ENDED);
    if (!*is_meant)
        return true;
    item->number = row->number;
    item->created = body->created;
    item->available = body->available;
    item->expires = body->expires;
    item->task = row->place == PLACE_ENDED
                     ? (struct task_row){.ended = row->ended, .until = row->ended_at, .since = WALL_NEVER}
                     : (struct task_row){.queue = row->queue,
                                         .phase = row->phase,
                                         .priority = row->priority,
                                         .due = row->due,
                                         .since = row->since,
                                         .until = row->until,
                                         .retried = row->retried,
                                         .updated = row->updated};
    return true;
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
    struct clock clock = pawli_clock_at(&reading->living.store, &reading->living.boot_id, now, reading->page->boot);
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
    if (pawli_is_cut(reading)) {
        other = cursor_of(old, &page->olds[--i]);
        if (by_cursor(&at, &other) > 0)
            return true;
    } else if (!pawli_add_item(reading, sizeof *item)) {
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
    const struct tables *tables = finder_of(reading->walk)->tables;
    bool good = pawli_know_living(reading);
    reading->page->cursor = reading->query->cursor;
    while (good && (row = pawli_table_after(tables, TASKS, ORDER_SECOND, row)) != NULL && row->place == place) {
        struct old_item item;
        bool is_meant;
        good = describe_old(reading, row, &item, &is_meant) &&
               (!is_meant || !is_old(reading, &item) || keep_old(reading, &item));
    }
    return good;
}

enum store_result pawli_memory_read(struct store *store, struct reader *reader, const struct query *query,
                                    struct page *page, pawl_error *err)
{
    (void)reader;
    struct finder finder = {
        .walk = {.finders = &pawli_memory_finders}, .tables = &memory_of(store)->tables, .arena = &page->arena};
    struct reading reading = {
        .walk = &finder.walk, .env = store->env, .query = query, .page = page, .arena = &page->arena};
    bool good = pawli_read_page(&reading, query->kind == QUERY_OLD ? read_old : NULL) &&
                !pawli_arena_failed(&page->arena);
    return good ? STORE_OK : pawli_store_fail(err, STORE_NO_MEMORY);
}
