/* SPDX-License-Identifier: MIT */
/* Save: whatever can fail comes first. Every row that differs from what load found is copied into an entry of its own; only
 * when all are there do they take the place of the old ones, and that cannot fail. */
#include "store/memory/memory.h"

struct change {
    enum table table;
    const void *was;     /* NULL: there was none */
    struct entry *entry; /* NULL: there shall be none */
};

struct saving {
    struct tables *tables;
    struct arena *arena; /* of the list, not of what is kept */
    struct change *changes;
    size_t count, room;
};

/* `was` is the stored row that goes, `row` the one that comes. */
static bool add_change(struct saving *saving, enum table table, const void *was, const void *row)
{
    PAWL_ASSERT(was || row);
    if (!pawli_arena_reserve(saving->arena, (void **)&saving->changes, sizeof *saving->changes, saving->count + 1,
                             &saving->room))
        return false;
    struct entry *entry = row ? pawli_table_make(saving->tables, table, row) : NULL;
    saving->changes[saving->count] = (struct change){table, was, entry};
    saving->count += !row || entry;
    return !row || entry;
}

/* A row that load found must still be there, and one that it did not find must not. */
static bool replace(struct saving *saving, enum table table, const struct slot *slot, const void *row)
{
    const void *was = pawli_table_find(saving->tables, table, ORDER_FIRST, row);
    PAWL_ASSERT(slot->found == (was != NULL));
    return (!slot->found && !slot->exists) || add_change(saving, table, was, slot->exists ? row : NULL);
}

static bool save_scope(struct saving *saving, const struct slot *slot)
{
    return replace(saving, TABLE_SCOPE, slot, &((const struct view_scope *)slot)->row);
}

static bool save_request(struct saving *saving, const struct slot *slot)
{
    return replace(saving, TABLE_RECORD, slot, &((const struct view_request *)slot)->row);
}

static bool save_queue(struct saving *saving, const struct slot *slot)
{
    return replace(saving, TABLE_QUEUE, slot, &((const struct view_queue *)slot)->row);
}

static bool save_lane(struct saving *saving, const struct slot *slot)
{
    return replace(saving, TABLE_LANE, slot, &((const struct view_lane *)slot)->row);
}

static bool save_target(struct saving *saving, const struct slot *slot)
{
    return replace(saving, TABLE_TARGET, slot, &((const struct view_target *)slot)->row);
}

static bool save_hold(struct saving *saving, const struct slot *slot)
{
    return replace(saving, TABLE_HOLD, slot, &((const struct view_hold *)slot)->row);
}

static bool save_bound(struct saving *saving, const struct slot *slot)
{
    return replace(saving, TABLE_BOUND, slot, &((const struct view_bound *)slot)->row);
}

static bool save_line(struct saving *saving, const struct slot *slot)
{
    return replace(saving, TABLE_LINE, slot, &((const struct view_line *)slot)->row);
}

static bool save_worker(struct saving *saving, const struct slot *slot)
{
    return replace(saving, TABLE_WORKER, slot, &((const struct view_worker *)slot)->row);
}

/* ---- tasks ---- */

static struct task_row keep_ready(const struct task_row *row)
{
    return (struct task_row){.phase = row->phase,
                             .priority = row->priority,
                             .due = row->due,
                             .since = row->since,
                             .until = row->until,
                             .holds_key = row->holds_key,
                             .progress = row->progress,
                             .updated = row->updated};
}

static struct task_row keep_blocked(const struct task_row *row)
{
    struct task_row kept = keep_ready(row);
    kept.phase = PHASE_SEND;
    kept.holds_key = false;
    return kept;
}

static struct task_row keep_claimed(const struct task_row *row)
{
    struct task_row kept = keep_ready(row);
    kept.tail = row->tail;
    kept.token = row->token;
    kept.committer = row->committer;
    kept.consumer = row->consumer;
    kept.claimed = row->claimed;
    kept.lease = row->lease;
    kept.boot = row->boot;
    return kept;
}

static struct task_row keep_held(const struct task_row *row)
{
    struct task_row kept = keep_ready(row);
    kept.hold = row->hold;
    kept.token = row->token;
    kept.holds_key = row->holds_key;
    return kept;
}

static struct task_row keep_ended(const struct task_row *row)
{
    return (struct task_row){.ended = row->ended,
                             .holds_key = row->holds_key,
                             .claimed = row->claimed,
                             .ended_at = row->ended_at,
                             .updated = row->ended_at,
                             .ended_reason = row->ended_reason,
                             .ended_by = row->ended_by,
                             .successor = row->successor};
}

/* A place keeps what means something there: what the place before left in the row must not come back with it. */
static struct task_row keep(const struct task_row *row)
{
    static struct task_row (*const keeps[PLACE_COUNT])(const struct task_row *row) = {
        [PLACE_READY] = keep_ready, [PLACE_BLOCKED] = keep_blocked, [PLACE_CLAIMED] = keep_claimed,
        [PLACE_HELD] = keep_held,   [PLACE_ENDED] = keep_ended,
    };
    struct task_row kept = keeps[row->place](row);
    kept.number = row->number;
    kept.queue = row->queue;
    kept.place = row->place;
    kept.attempts = row->attempts;
    kept.deferrals = row->deferrals;
    kept.crashes = row->crashes;
    kept.retries = row->retries;
    kept.retried = row->retried;
    kept.earlier = row->earlier;
    kept.key = row->key;
    kept.order = row->key.data ? row->order : 0;
    kept.remote_id = row->remote_id;
    if (row->failure.class != ERROR_NONE)
        kept.failure = row->failure;
    return kept;
}

static bool remove_attempts(struct saving *saving, uint64_t number)
{
    const struct attempt_row *row = &(struct attempt_row){.number = number};
    while ((row = pawli_table_after(saving->tables, TABLE_ATTEMPT, ORDER_FIRST, row)) != NULL && row->number == number)
        if (!add_change(saving, TABLE_ATTEMPT, row, NULL))
            return false;
    return true;
}

static bool add_attempt(struct saving *saving, const struct attempt_row *row)
{
    const void *was = pawli_table_find(saving->tables, TABLE_ATTEMPT, ORDER_FIRST, row);
    return add_change(saving, TABLE_ATTEMPT, was, row);
}

static bool purge(struct saving *saving, const struct view_task *task)
{
    const void *message = pawli_table_find(saving->tables, TABLE_MESSAGE, ORDER_FIRST,
                                           &(struct message_row){.number = task->number});
    PAWL_ASSERT(message != NULL);
    return add_change(saving, TABLE_MESSAGE, message, NULL) &&
           replace(saving, TABLE_TASK, &task->slot, &(struct task_row){.number = task->number}) &&
           remove_attempts(saving, task->number);
}

static bool save_task(struct saving *saving, const struct slot *slot)
{
    const struct view_task *task = (const struct view_task *)slot;
    if (task->purged)
        return purge(saving, task);
    if (!slot->found && !add_change(saving, TABLE_MESSAGE, NULL, task->message))
        return false;
    struct task_row kept = keep(&task->row);
    return replace(saving, TABLE_TASK, slot, &kept) && (!task->attempt || add_attempt(saving, task->attempt));
}

/* ---- all of it ---- */

static const struct {
    size_t slots; /* where in the view */
    bool (*save)(struct saving *saving, const struct slot *slot);
} kinds[] = {
    {offsetof(struct view, scopes), save_scope},     {offsetof(struct view, queues), save_queue},
    {offsetof(struct view, requests), save_request}, {offsetof(struct view, tasks), save_task},
    {offsetof(struct view, lines), save_line},       {offsetof(struct view, bounds), save_bound},
    {offsetof(struct view, lanes), save_lane},       {offsetof(struct view, targets), save_target},
    {offsetof(struct view, holds), save_hold},       {offsetof(struct view, workers), save_worker},
};

static bool gather(struct saving *saving, const struct view *view)
{
    for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
        const struct slots *slots = (const struct slots *)((const char *)view + kinds[kind].slots);
        for (size_t i = 0; i < slots->count; i++) {
            const struct slot *slot = slots->at[i];
            if (slot->changed && !kinds[kind].save(saving, slot))
                return false;
        }
    }
    return !pawli_arena_failed(saving->arena);
}

/* All that goes first: what comes may have its place in an order. */
static void apply(struct saving *saving, const struct view *view)
{
    struct tables *tables = saving->tables;
    for (size_t i = 0; i < saving->count; i++)
        if (saving->changes[i].was)
            pawli_table_remove(tables, saving->changes[i].table, saving->changes[i].was);
    for (size_t i = 0; i < saving->count; i++) {
        const struct change *change = &saving->changes[i];
        if (change->was)
            pawli_entry_free(pawli_entry_of(change->was));
        if (change->entry)
            pawli_table_add(tables, change->table, change->entry);
    }
    tables->store = view->store.row;
    if (view->committer.slot.changed)
        tables->committer = view->committer.row;
}

enum store_result pawli_memory_save(struct memory_store *memory, const struct view *view, pawl_error *err)
{
    struct saving saving = {.tables = &memory->tables, .arena = view->arena};
    if (gather(&saving, view)) {
        apply(&saving, view);
        return STORE_OK;
    }
    for (size_t i = 0; i < saving.count; i++)
        pawli_entry_free(saving.changes[i].entry);
    return pawli_store_fail(err, STORE_NO_MEMORY);
}
