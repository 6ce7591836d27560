/* SPDX-License-Identifier: MIT */
/* Save: writes every row of a view that differs from what load found, and commits. Under the write lock a guard cannot
 * fail, unless an index and its table do not agree: then nothing is written. */
#include "store/sqlite/sqlite.h"

struct saving {
    struct connection *connection;
    const struct view *view;
    struct sqlite_store *store;
    struct arena *arena; /* for the JSON of rows, and lists of rows */
    struct {
        const struct task_row *first, *last;
        int count;
    } run; /* rows that leave ready, one behind the other */
};

/* ---- rows of which a batch may add many ---- */

/* Starting a statement costs about as much as a row does, so as many as there are go to one. They fail together with the
 * transaction: none takes a journal of its own. */
static const size_t rows_at_once[] = {32, 8, 1};

struct rows {
    const void **at;
    size_t count;
};

static bool rows_init(struct rows *rows, struct arena *arena, size_t room)
{
    *rows = (struct rows){room ? arena_array(arena, const void *, room) : NULL, 0};
    return rows->at || !room;
}

static int insert(struct saving *saving, enum row_kind kind, const struct rows *rows)
{
    int code = SQLITE_OK;
    size_t done = 0;
    for (size_t size = 0; size < COUNT_OF(rows_at_once); size++)
        while (code == SQLITE_OK && rows->count - done >= rows_at_once[size]) {
            struct call call = pawli_call(saving->connection, pawli_row_sql[kind].add[size]);
            for (size_t end = done + rows_at_once[size]; done < end; done++)
                pawli_bind_row(&call, kind, rows->at[done], saving->arena);
            code = pawli_call_run(&call);
        }
    return code;
}

/* ---- one row ---- */

/* A statement that must move exactly so many rows. */
static int run_some(struct saving *saving, struct call *call, int count)
{
    int code = pawli_call_run(call);
    return code == SQLITE_OK && sqlite3_changes(saving->connection->db) != count ? BAD_ROW : code;
}

static int put(struct saving *saving, enum row_kind kind, const void *row)
{
    struct call call = pawli_call(saving->connection, pawli_row_sql[kind].put);
    pawli_bind_row(&call, kind, row, saving->arena);
    return run_some(saving, &call, 1);
}

static int take_away(struct saving *saving, enum row_kind kind, const void *row)
{
    struct call call = pawli_call(saving->connection, pawli_row_sql[kind].remove);
    pawli_bind_key(&call, kind, row);
    return run_some(saving, &call, 1);
}

static int save_fact(struct saving *saving, struct slot *slot)
{
    enum row_kind kind = pawli_slot_row_kind(slot);
    if (slot->exists)
        return put(saving, kind, pawli_slot_row(slot));
    return slot->found ? take_away(saving, kind, pawli_slot_row(slot)) : SQLITE_OK;
}

/* ---- tasks: moving one is taking it out of one place and putting it into another ---- */

/* Claims take what is due from the front, so most rows leave as a run. Finding each again would cost more than removing it. */
static int end_run(struct saving *saving)
{
    const struct task_row *first = saving->run.first, *last = saving->run.last;
    int count = saving->run.count;
    saving->run.count = 0;
    if (count == 0)
        return SQLITE_OK;
    struct call call = pawli_call(saving->connection, count == 1 ? SQL_remove_ready : SQL_remove_ready_run);
    pawli_bind_u64(&call, first->queue);
    pawli_bind_i64(&call, first->phase);
    pawli_bind_i64(&call, first->priority);
    pawli_bind_i64(&call, first->due.ms);
    pawli_bind_u64(&call, first->number);
    if (count > 1) {
        pawli_bind_i64(&call, last->due.ms);
        pawli_bind_u64(&call, last->number);
    }
    return run_some(saving, &call, count);
}

static int remove_ready(struct saving *saving, const struct view_task *task)
{
    bool goes_on = saving->run.count > 0 && task->behind == saving->run.last->number;
    int code = goes_on ? SQLITE_OK : end_run(saving);
    if (!goes_on)
        saving->run.first = &task->was;
    saving->run.last = &task->was;
    saving->run.count++;
    return code;
}

static int remove_blocked(struct saving *saving, const struct view_task *task)
{
    const struct task_row *row = &task->was;
    struct call call = pawli_call(saving->connection, SQL_remove_blocked);
    pawli_bind_u64(&call, row->queue);
    pawli_bind_text(&call, row->key);
    pawli_bind_u64(&call, row->order);
    pawli_bind_u64(&call, row->number);
    return run_some(saving, &call, 1);
}

static int remove_claimed(struct saving *saving, const struct view_task *task)
{
    struct call call = pawli_call(saving->connection, SQL_remove_claimed);
    pawli_bind_u64(&call, task->was.number);
    pawli_bind_u64(&call, task->was.token);
    return run_some(saving, &call, 1);
}

static int remove_held(struct saving *saving, const struct view_task *task)
{
    struct call call = pawli_call(saving->connection, SQL_remove_held);
    pawli_bind_u64(&call, task->was.number);
    return run_some(saving, &call, 1);
}

static int remove_ended(struct saving *saving, const struct view_task *task)
{
    struct call call = pawli_call(saving->connection, SQL_remove_ended);
    pawli_bind_u64(&call, task->was.number);
    pawli_bind_text(&call, text_of(pawli_state_text(task->was.ended)));
    return run_some(saving, &call, 1);
}

static int (*const removals[PLACE_COUNT])(struct saving *saving, const struct view_task *task) = {
    [PLACE_READY] = remove_ready, [PLACE_BLOCKED] = remove_blocked, [PLACE_CLAIMED] = remove_claimed,
    [PLACE_HELD] = remove_held,   [PLACE_ENDED] = remove_ended,
};

/* What hangs on a task. */
static int remove_all(struct saving *saving, enum sql sql, uint64_t number)
{
    struct call call = pawli_call(saving->connection, sql);
    pawli_bind_u64(&call, number);
    return pawli_call_run(&call);
}

static int remove_signals(struct saving *saving, const struct view_task *task)
{
    struct call call = pawli_call(saving->connection, SQL_remove_signals);
    pawli_bind_u64(&call, task->was.queue);
    pawli_bind_text(&call, workflow_in(task->body)->id);
    pawli_bind_u64(&call, task->number);
    return pawli_call_run(&call);
}

static int purge(struct saving *saving, const struct view_task *task)
{
    int code = take_away(saving, pawli_task_kinds[task->kind].body, &(struct task_body){.number = task->number});
    if (code == SQLITE_OK)
        code = removals[task->was.place](saving, task);
    if (code == SQLITE_OK)
        code = remove_all(saving, SQL_remove_attempts, task->number);
    if (code != SQLITE_OK || task->kind != TASK_WORKFLOW)
        return code;
    code = remove_all(saving, SQL_remove_steps, task->number);
    return code == SQLITE_OK ? remove_signals(saving, task) : code;
}

/* Whatever is done to a task but the insertions: those are listed. */
static int save_task(struct saving *saving, const struct view_task *task, struct rows *bodies, struct rows *placed)
{
    if (task->purged)
        return purge(saving, task);
    int code = SQLITE_OK;
    if (!task->slot.found)
        bodies[task->kind].at[bodies[task->kind].count++] = task->body;
    else if (task->is_edited)
        code = put(saving, pawli_task_kinds[task->kind].body, task->body);
    bool stays = task->slot.found && task->was.place == PLACE_CLAIMED && task->row.place == PLACE_CLAIMED &&
                 task->was.token == task->row.token;
    if (code == SQLITE_OK && stays)
        code = put(saving, ROW_CLAIMED, &task->row);
    if (code != SQLITE_OK || stays)
        return code;
    struct rows *place = &placed[task->row.place];
    place->at[place->count++] = &task->row;
    code = task->slot.found ? removals[task->was.place](saving, task) : SQLITE_OK;
    return code == SQLITE_OK && task->attempt ? put(saving, ROW_ATTEMPT, task->attempt) : code;
}

static int save_tasks(struct saving *saving, const struct slots *tasks)
{
    struct rows bodies[TASK_KIND_COUNT], placed[PLACE_COUNT];
    bool good = true;
    for (enum task_kind kind = 0; kind < TASK_KIND_COUNT; kind++)
        good &= rows_init(&bodies[kind], saving->arena, tasks->count);
    for (enum place place = PLACE_READY; place < PLACE_COUNT; place++)
        good &= rows_init(&placed[place], saving->arena, tasks->count);
    int code = good ? SQLITE_OK : SQLITE_NOMEM;
    for (size_t i = 0; code == SQLITE_OK && i < tasks->count; i++) {
        const struct view_task *task = tasks->at[i];
        if (task->slot.changed)
            code = save_task(saving, task, bodies, placed);
    }
    if (code == SQLITE_OK)
        code = end_run(saving);
    for (enum task_kind kind = 0; code == SQLITE_OK && kind < TASK_KIND_COUNT; kind++)
        code = insert(saving, pawli_task_kinds[kind].body, &bodies[kind]);
    for (enum place place = PLACE_READY; code == SQLITE_OK && place < PLACE_COUNT; place++)
        code = insert(saving, row_kind_of(place), &placed[place]);
    return code;
}

/* Rows of which nearly each that changed is new. */
static int save_new(struct saving *saving, enum row_kind kind, const struct slots *slots)
{
    struct rows rows;
    int code = rows_init(&rows, saving->arena, slots->count) ? SQLITE_OK : SQLITE_NOMEM;
    for (size_t i = 0; code == SQLITE_OK && i < slots->count; i++) {
        struct slot *slot = slots->at[i];
        if (slot->changed && slot->found)
            code = put(saving, kind, pawli_slot_row(slot));
        else if (slot->changed)
            rows.at[rows.count++] = pawli_slot_row(slot);
    }
    return code == SQLITE_OK ? insert(saving, kind, &rows) : code;
}

/* ---- who writes ---- */

/* Written once: with one writer at a time the commit number is the marker of a batch. */
static int add_committer(struct saving *saving)
{
    const struct committer_row *row = &saving->view->committer.row;
    atomic_store(&saving->store->committer, row->id);
    int code = put(saving, ROW_COMMITTER, row);
    struct call call = pawli_call(saving->connection, SQL_remove_committers_of_slot);
    pawli_bind_u64(&call, row->slot);
    pawli_bind_u64(&call, row->id);
    return code == SQLITE_OK ? pawli_call_run(&call) : code;
}

/* ---- all of it ---- */

/* Facts, of which a batch changes few. In the order in which a person would read them; nothing depends on it. */
static const enum slot_kind facts[] = {SLOT_SCOPE, SLOT_QUEUE, SLOT_LINE,  SLOT_BOUND,
                                       SLOT_FACT,  SLOT_HOLD,  SLOT_WORKER};

static int save_all(struct saving *saving)
{
    const struct view *view = saving->view;
    int code = save_new(saving, ROW_RECORD, &view->requests);
    if (code == SQLITE_OK)
        code = save_new(saving, ROW_ENTRY, &view->entries);
    if (code == SQLITE_OK)
        code = save_new(saving, ROW_STEP, &view->steps);
    if (code == SQLITE_OK)
        code = save_new(saving, ROW_RESOURCE_MOVE, &view->resource_moves);
    if (code == SQLITE_OK)
        code = save_tasks(saving, &view->tasks);
    for (size_t kind = 0; kind < COUNT_OF(facts); kind++) {
        const struct slots *slots = (const struct slots *)((const char *)view + pawli_slots[facts[kind]].slots);
        for (size_t i = 0; code == SQLITE_OK && i < slots->count; i++) {
            struct slot *slot = slots->at[i];
            if (slot->changed)
                code = save_fact(saving, slot);
        }
    }
    for (size_t i = 0; code == SQLITE_OK && view->forget_dead && i < view->dead_count; i++)
        code = take_away(saving, ROW_COMMITTER, &view->dead[i]);
    if (code == SQLITE_OK && view->committer.slot.changed && !view->committer.slot.found)
        code = add_committer(saving);
    return code == SQLITE_OK ? put(saving, ROW_STORE, &view->store.row) : code;
}

enum store_result pawli_sqlite_save(struct txn *txn, const struct view *view, pawl_error *err)
{
    struct saving saving = {.store = txn->store, .connection = txn->connection, .view = view, .arena = view->arena};
    int code = save_all(&saving);
    if (code == SQLITE_OK && pawli_arena_failed(view->arena))
        code = SQLITE_NOMEM;
    if ((code & 0xFF) == SQLITE_CONSTRAINT)
        atomic_store(&txn->store->doubts_places, true);
    return pawli_sqlite_result(txn->store, txn->connection->db, code, WRITE_BEFORE_COMMIT, err);
}
