/* SPDX-License-Identifier: MIT */
/* Load: how rows are found in the tables, for the walk that fills a view (store/walk.h). The lock is held, so nothing can
 * change before save. What could not be copied is remembered by the arena and looked at once, at the end. */
#include "store/memory/memory.h"
#include "store/walk.h"

struct loading {
    struct walk walk;
    const struct tables *tables;
    struct arena *arena;
};

static struct loading *loading_of(struct walk *walk)
{
    return (struct loading *)((char *)walk - offsetof(struct loading, walk));
}

static enum find copy(struct loading *loading, enum row_kind table, const void *row, void *out)
{
    if (!row)
        return FIND_NOTHING;
    pawli_table_copy(table, row, out, loading->arena);
    return FIND_ROW;
}

static enum find find_fact(struct walk *walk, enum row_kind kind, void *row)
{
    struct loading *loading = loading_of(walk);
    return copy(loading, kind, pawli_table_find(loading->tables, kind, pawli_order_of_key(kind), row), row);
}

static enum find find_queue(struct walk *walk, uint64_t id, struct queue_row *row)
{
    struct loading *loading = loading_of(walk);
    const struct queue_row probe = {.id = id};
    return copy(loading, ROW_QUEUE, pawli_table_find(loading->tables, ROW_QUEUE, ORDER_FIRST, &probe), row);
}

static enum find find_task(struct walk *walk, enum task_kind kind, uint64_t number, const struct task_body *body,
                           struct task_row *row)
{
    struct loading *loading = loading_of(walk);
    const struct task_row probe = {.number = number};
    (void)kind, (void)body;
    return copy(loading, TASKS, pawli_table_find(loading->tables, TASKS, ORDER_FIRST, &probe), row);
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

static const struct {
    enum row_kind table;
    enum order order;
    bool (*has)(const struct range *range, const void *row); /* NULL: all of the table */
} ranges[] = {
    [RANGE_WORKERS] = {ROW_WORKER, ORDER_FIRST, NULL},      [RANGE_HOLDS] = {ROW_HOLD, ORDER_FIRST, is_of_subject},
    [RANGE_CLAIMED] = {TASKS, ORDER_SECOND, is_claimed},    [RANGE_DUE] = {TASKS, ORDER_SECOND, is_due},
    [RANGE_FOLLOWERS] = {TASKS, ORDER_SECOND, is_follower},
};

static bool begin_range(struct walk *walk, struct range *range)
{
    union any_row probe = {.worker = {0}};
    if (range->kind == RANGE_HOLDS)
        probe.hold = range->subject;
    else if (range->kind != RANGE_WORKERS)
        probe.task = (struct task_row){.place = range->kind == RANGE_CLAIMED ? PLACE_CLAIMED
                                                : range->kind == RANGE_DUE   ? PLACE_READY
                                                                             : PLACE_BLOCKED,
                                       .queue = range->queue,
                                       .key = range->key,
                                       .phase = range->phase,
                                       .priority = range->priority,
                                       .due = {INT64_MIN}};
    range->at = pawli_table_after(loading_of(walk)->tables, ranges[range->kind].table, ranges[range->kind].order,
                                  &probe);
    return true;
}

static enum find next_in_range(struct walk *walk, struct range *range, void *row)
{
    struct loading *loading = loading_of(walk);
    const void *at = range->at;
    enum row_kind table = ranges[range->kind].table;
    while (range->kind == RANGE_CLAIMED && at && is_claimed(range, at) &&
           !pawli_view_needs_more(walk->view, ((const struct task_row *)at)->queue))
        at = pawli_table_after(loading->tables, table, ORDER_SECOND, at);
    if (!at || (ranges[range->kind].has && !ranges[range->kind].has(range, at)))
        return FIND_NOTHING;
    range->at = pawli_table_after(loading->tables, table, ranges[range->kind].order, at);
    return copy(loading, table, at, row);
}

static bool end_range(struct walk *walk, struct range *range)
{
    (void)walk;
    (void)range;
    return true;
}

static const struct finders finders = {
    .fact = find_fact,
    .queue = find_queue,
    .task = find_task,
    .begin = begin_range,
    .next = next_in_range,
    .end = end_range,
};

/* ---- what every batch needs ---- */

/* Here nobody's process dies alone: the one handle's committer lives, once it wrote. */
static bool load_store(struct loading *loading, struct env *env)
{
    struct view *view = loading->walk.view;
    struct view_committer *own = &view->committer;
    view->wall = env->ops->wall_now(env);
    view->boot = env->ops->boot_now(env);
    env->ops->boot_id(env, &view->boot_id);
    view->store.row = loading->tables->store;
    view->store.slot.found = view->store.slot.exists = true;
    pawli_view_begin_commit(view);
    own->slot.found = own->slot.exists = own->row.id != 0 && own->row.id == loading->tables->committer.id;
    view->alive = arena_new(loading->arena, struct committer_row);
    if (!view->alive)
        return false;
    *view->alive = loading->tables->committer;
    view->alive_count = loading->tables->committer.id != 0;
    return true;
}

enum store_result pawli_memory_load(struct store *store, struct txn *txn, struct view *view, pawl_error *err)
{
    (void)txn;
    struct loading loading = {
        .walk = {&finders, view, false}, .tables = &memory_of(store)->tables, .arena = view->arena};
    bool good = load_store(&loading, store->env) && pawli_walk(&loading.walk) && !pawli_arena_failed(view->arena);
    return good ? STORE_OK : pawli_store_fail(err, STORE_NO_MEMORY);
}
