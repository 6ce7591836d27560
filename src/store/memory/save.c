/* SPDX-License-Identifier: MIT */
/* Save: whatever can fail comes first. Every row that differs from what load found is copied into an entry of its own; only
 * when all are there do they take the place of the old ones, and that cannot fail. */
#include "store/memory/memory.h"

struct change {
    enum row_kind table;
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
static bool add_change(struct saving *saving, enum row_kind table, const void *was, const void *row)
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
static bool replace(struct saving *saving, enum row_kind table, const struct slot *slot, const void *row)
{
    const void *was = pawli_table_find(saving->tables, table, ORDER_FIRST, row);
    PAWL_ASSERT(slot->found == (was != NULL));
    return (!slot->found && !slot->exists) || add_change(saving, table, was, slot->exists ? row : NULL);
}

static bool save_row(struct saving *saving, struct slot *slot)
{
    return replace(saving, pawli_slot_row_kind(slot), slot, pawli_slot_row(slot));
}

/* ---- tasks ---- */

static bool remove_attempts(struct saving *saving, uint64_t number)
{
    const struct attempt_row *row = &(struct attempt_row){.number = number};
    while ((row = pawli_table_after(saving->tables, ROW_ATTEMPT, ORDER_FIRST, row)) != NULL && row->number == number)
        if (!add_change(saving, ROW_ATTEMPT, row, NULL))
            return false;
    return true;
}

/* What hangs on a workflow. */
static bool remove_lists(struct saving *saving, const struct view_task *task)
{
    const struct step_row *step = &(struct step_row){.number = task->number};
    while ((step = pawli_table_after(saving->tables, ROW_STEP, ORDER_FIRST, step)) != NULL &&
           step->number == task->number)
        if (!add_change(saving, ROW_STEP, step, NULL))
            return false;
    struct text id = workflow_in(task->body)->id;
    const struct signal_row *signal = &(struct signal_row){.queue = task->was.queue, .workflow = id};
    while ((signal = pawli_table_after(saving->tables, ROW_SIGNAL, ORDER_SECOND, signal)) != NULL &&
           signal->queue == task->was.queue && text_equal(signal->workflow, id))
        if (signal->number == task->number && !add_change(saving, ROW_SIGNAL, signal, NULL))
            return false;
    return true;
}

static bool add_attempt(struct saving *saving, const struct attempt_row *row)
{
    const void *was = pawli_table_find(saving->tables, ROW_ATTEMPT, ORDER_FIRST, row);
    return add_change(saving, ROW_ATTEMPT, was, row);
}

static bool purge(struct saving *saving, const struct view_task *task)
{
    enum row_kind table = pawli_task_kinds[task->kind].body;
    const void *body = pawli_table_find(saving->tables, table, ORDER_FIRST,
                                        &(struct task_body){.number = task->number});
    PAWL_ASSERT(body != NULL);
    return add_change(saving, table, body, NULL) &&
           replace(saving, TASKS, &task->slot, &(struct task_row){.number = task->number}) &&
           remove_attempts(saving, task->number) && (task->kind != TASK_WORKFLOW || remove_lists(saving, task));
}

static bool save_task(struct saving *saving, struct slot *slot)
{
    const struct view_task *task = (const struct view_task *)slot;
    struct task_row kept;
    if (task->purged)
        return purge(saving, task);
    enum row_kind table = pawli_task_kinds[task->kind].body;
    const void *body = task->is_edited && slot->found ? pawli_table_find(saving->tables, table, ORDER_FIRST, task->body)
                                                      : NULL;
    if ((!slot->found || task->is_edited) && !add_change(saving, table, body, task->body))
        return false;
    /* What the place before left in the row must not come back with it. */
    pawli_row_keep(row_kind_of(task->row.place), &task->row, &kept);
    return replace(saving, TASKS, slot, &kept) && (!task->attempt || add_attempt(saving, task->attempt));
}

/* ---- all of it ---- */

static bool (*const savers[SLOT_KIND_COUNT])(struct saving *saving, struct slot *slot) = {
    [SLOT_SCOPE] = save_row,  [SLOT_QUEUE] = save_row, [SLOT_REQUEST] = save_row, [SLOT_TASK] = save_task,
    [SLOT_LINE] = save_row,   [SLOT_BOUND] = save_row, [SLOT_FACT] = save_row,    [SLOT_HOLD] = save_row,
    [SLOT_WORKER] = save_row, [SLOT_ENTRY] = save_row, [SLOT_STEP] = save_row,    [SLOT_RESOURCE_MOVE] = save_row,
};

static bool gather(struct saving *saving, const struct view *view)
{
    for (enum slot_kind kind = 0; kind < SLOT_KIND_COUNT; kind++) {
        if (!savers[kind])
            continue;
        const struct slots *slots = (const struct slots *)((const char *)view + pawli_slots[kind].slots);
        for (size_t i = 0; i < slots->count; i++) {
            struct slot *slot = slots->at[i];
            if (slot->changed && !savers[kind](saving, slot))
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
