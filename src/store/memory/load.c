/* SPDX-License-Identifier: MIT */
/* Load: fills a view from the tables, in an order in which whatever is implied comes later. The lock is held, so nothing
 * can change before save. What could not be copied is remembered by the arena and looked at once, at the end. */
#include "store/memory/memory.h"

struct loading {
    const struct tables *tables;
    struct view *view;
    struct arena *arena;
};

static const void *find(const struct loading *loading, enum table table, const void *probe)
{
    return pawli_table_find(loading->tables, table, ORDER_FIRST, probe);
}

static void set_found(struct slot *slot)
{
    slot->found = slot->exists = true;
}

static void load_store(struct loading *loading, struct env *env)
{
    struct view *view = loading->view;
    view->wall = env->ops->wall_now(env);
    view->boot = env->ops->boot_now(env);
    env->ops->boot_id(env, &view->boot_id);
    view->store.row = loading->tables->store;
    set_found(&view->store.slot);
    struct view_committer *own = &view->committer;
    own->slot.found = own->slot.exists = own->row.id != 0 && own->row.id == loading->tables->committer.id;
}

static bool load_scope(struct loading *loading, struct view_scope *scope)
{
    const struct scope_row *row = pawli_table_find(loading->tables, TABLE_SCOPE, ORDER_SECOND,
                                                   &(struct scope_row){.name = scope->name});
    if (!row)
        return true;
    set_found(&scope->slot);
    scope->row = *row;
    scope->row.name = scope->name;
    return true;
}

static bool load_request(struct loading *loading, struct view_request *request)
{
    if (!request->scope->slot.found)
        return true;
    const struct record_row *row = pawli_table_find(
        loading->tables, TABLE_RECORD, ORDER_SECOND,
        &(struct record_row){.scope = request->scope->row.id, .request_id = request->id});
    if (!row)
        return true;
    set_found(&request->slot);
    pawli_table_copy(TABLE_RECORD, row, &request->row, loading->arena);
    return true;
}

static struct view_scope *scope_by_id(const struct view *view, uint64_t id)
{
    for (size_t i = 0; i < view->scopes.count; i++) {
        struct view_scope *scope = view->scopes.at[i];
        if (scope->row.id == id)
            return scope;
    }
    return NULL;
}

static void load_policy(struct loading *loading, struct view_queue *queue)
{
    if (!queue->wants_policy || queue->has_policy)
        return;
    queue->has_policy = true;
    uint64_t scope = queue->slot.found ? queue->row.scope : queue->scope->row.id;
    const struct lane_row *lane = find(loading, TABLE_LANE, &(struct lane_row){.scope = scope, .name = queue->lane});
    const struct target_row *target = find(loading, TABLE_TARGET,
                                           &(struct target_row){.scope = scope, .name = queue->target});
    queue->policy = pawli_policy_effective(lane ? &lane->policy : NULL, target ? &target->policy : NULL);
}

static bool load_queue(struct loading *loading, struct view_queue *queue)
{
    const struct queue_row *row;
    if (queue->found_by_id) {
        row = find(loading, TABLE_QUEUE, &queue->row);
        PAWL_ASSERT(row != NULL); /* a task has a queue */
    } else {
        if (!queue->scope->slot.found)
            return true;
        row = pawli_table_find(
            loading->tables, TABLE_QUEUE, ORDER_SECOND,
            &(struct queue_row){.scope = queue->scope->row.id, .lane = queue->lane, .target = queue->target});
    }
    if (!row)
        return true;
    set_found(&queue->slot);
    pawli_table_copy(TABLE_QUEUE, row, &queue->row, loading->arena);
    queue->lane = queue->row.lane;
    queue->target = queue->row.target;
    if (!queue->scope)
        queue->scope = scope_by_id(loading->view, queue->row.scope);
    return true;
}

static bool load_message(struct loading *loading, struct view_task *task)
{
    const struct message_row *row = task->message
                                        ? NULL
                                        : find(loading, TABLE_MESSAGE, &(struct message_row){.number = task->number});
    if (!row)
        return true;
    task->message = arena_new(loading->arena, struct message_row);
    if (task->message)
        pawli_table_copy(TABLE_MESSAGE, row, task->message, loading->arena);
    return task->message != NULL;
}

/* A task of the tables that the view has no row of yet. */
static bool task_found(struct loading *loading, struct view_task *task, const struct task_row *row)
{
    struct view *view = loading->view;
    pawli_table_copy(TABLE_TASK, row, &task->row, loading->arena);
    if (!pawli_view_task_found(view, task))
        return false;
    if (row->place == PLACE_CLAIMED && view->wants_lost)
        task->lost = pawli_memory_claim_lost(loading->tables, row, view->boot, &view->boot_id);
    return true;
}

static bool load_task(struct loading *loading, struct view_task *task)
{
    if (task->wants_message && !load_message(loading, task))
        return false;
    if (task->slot.found)
        return true;
    const struct task_row *row = find(loading, TABLE_TASK, &(struct task_row){.number = task->number});
    if (row && task->wants_tail && row->place != PLACE_CLAIMED && !load_message(loading, task))
        return false;
    return !row || (task_found(loading, task, row) && pawli_view_task_bounds(loading->view, task));
}

static bool load_subject(struct loading *loading, struct view_subject *subject)
{
    if (subject->scope && !subject->scope->slot.found)
        return true;
    struct hold_row probe = {.kind = subject->kind,
                             .scope = subject->scope ? subject->scope->row.id : 0,
                             .lane = subject->lane,
                             .target = subject->target};
    const struct hold_row *row = &probe;
    while ((row = pawli_table_after(loading->tables, TABLE_HOLD, ORDER_FIRST, row)) != NULL &&
           row->kind == probe.kind && row->scope == probe.scope && text_equal(row->lane, probe.lane) &&
           text_equal(row->target, probe.target)) {
        struct view_hold *hold = pawli_view_add_hold(loading->view, subject);
        if (!hold)
            return false;
        set_found(&hold->slot);
        pawli_table_copy(TABLE_HOLD, row, &hold->row, loading->arena);
    }
    return true;
}

static bool load_lane(struct loading *loading, struct view_lane *lane)
{
    const struct lane_row *row = find(loading, TABLE_LANE,
                                      &(struct lane_row){.scope = lane->scope->row.id, .name = lane->name});
    if (!row)
        return true;
    set_found(&lane->slot);
    pawli_table_copy(TABLE_LANE, row, &lane->row, loading->arena);
    return true;
}

static bool load_target(struct loading *loading, struct view_target *target)
{
    const struct target_row *row = find(loading, TABLE_TARGET,
                                        &(struct target_row){.scope = target->scope->row.id, .name = target->name});
    if (!row)
        return true;
    set_found(&target->slot);
    pawli_table_copy(TABLE_TARGET, row, &target->row, loading->arena);
    return true;
}

/* Follows the successors of the bound message to the one that counts now. */
static bool load_chain(struct loading *loading, struct view_bound *bound)
{
    uint64_t number, tail;
    pawl_uuid id = bound->row.message;
    while (pawli_message_id_split(&id, &number, &tail)) {
        struct view_task *task = pawli_view_task(loading->view, number);
        if (!task)
            return false;
        task->wants_message = true;
        if (!load_task(loading, task))
            return false;
        if (!task->slot.found || !task->message)
            return true; /* purged */
        if (!bound->task)
            bound->task = task;
        id = task->row.place == PLACE_ENDED ? task->row.successor : (pawl_uuid){0};
    }
    return true;
}

static bool load_bound(struct loading *loading, struct view_bound *bound)
{
    const struct bound_row *row = !bound->queue->slot.found ? NULL
                                                            : find(loading, TABLE_BOUND,
                                                                   &(struct bound_row){.queue = bound->queue->row.id,
                                                                                       .kind = bound->kind,
                                                                                       .key = bound->key});
    if (!row)
        return true;
    set_found(&bound->slot);
    bound->row = *row;
    bound->row.key = bound->key;
    return load_chain(loading, bound);
}

/* A task that a walk found: it may be in the view already, because a unit named it. */
static struct view_task *keep_found(struct loading *loading, const struct task_row *row)
{
    struct view_task *task = pawli_view_task(loading->view, row->number);
    if (task && !task->slot.found && !task_found(loading, task, row))
        return NULL;
    return task;
}

static const struct task_row *next_task(const struct loading *loading, const struct task_row *row)
{
    return pawli_table_after(loading->tables, TABLE_TASK, ORDER_SECOND, row);
}

static bool load_lost(struct loading *loading)
{
    struct view *view = loading->view;
    const struct task_row *row = &(struct task_row){.place = PLACE_CLAIMED};
    if (!pawli_view_needs_claims(view))
        return true;
    while (view->lost_open > 0 && (row = next_task(loading, row)) != NULL && row->place == PLACE_CLAIMED) {
        if (!pawli_view_needs_more(view, row->queue))
            continue;
        if (!pawli_memory_claim_lost(loading->tables, row, view->boot, &view->boot_id)) {
            pawli_view_living(view, row);
            continue;
        }
        struct view_task *task;
        if (pawli_view_lost(view, row) && (!(task = keep_found(loading, row)) || !load_message(loading, task)))
            return false;
    }
    return true;
}

static bool is_due(const struct loading *loading, const struct task_row *row, const struct task_row *probe)
{
    return row && row->place == PLACE_READY && row->queue == probe->queue && row->phase == probe->phase &&
           row->priority == probe->priority && row->due.ms <= loading->view->wall.ms;
}

/* Priority by priority: in one walk the delayed ones of the first would stand before the due ones of the next. */
static bool load_due(struct loading *loading, struct view_due *due)
{
    if (!due->queue->slot.found)
        return true;
    due->tasks = arena_array(loading->arena, struct view_task *, due->limit ? due->limit : 1);
    if (!due->tasks)
        return false;
    uint64_t size = 0;
    for (uint32_t priority = 1; priority <= 9; priority++) {
        const struct task_row probe = {.place = PLACE_READY,
                                       .queue = due->queue->row.id,
                                       .phase = due->phase,
                                       .priority = priority,
                                       .due = {INT64_MIN}};
        const struct task_row *row = next_task(loading, &probe);
        for (; due->count < due->limit && size < due->size_max && is_due(loading, row, &probe);
             row = next_task(loading, row)) {
            struct view_task *task = keep_found(loading, row);
            if (!task || !load_message(loading, task))
                return false;
            due->tasks[due->count++] = task;
            size += task->message->payload.size;
        }
    }
    return true;
}

static bool load_followers(struct loading *loading, struct view_line *line)
{
    struct task_row probe = {.place = PLACE_BLOCKED, .queue = line->row.queue, .key = line->key};
    const struct task_row *row = next_task(loading, &probe);
    bool wants_message = line->queue->due[PHASE_SEND] != NULL;
    for (uint32_t i = 0; i <= line->exits && row && row->place == PLACE_BLOCKED && row->queue == probe.queue &&
                         text_equal(row->key, line->key);
         i++, row = next_task(loading, row)) {
        struct view_task *task = pawli_view_task(loading->view, row->number);
        if (!task)
            return false;
        if (!task->slot.found) {
            task->line = line;
            if (!task_found(loading, task, row))
                return false;
        }
        if (!pawli_view_add_follower(loading->view, line, task) || (wants_message && !load_message(loading, task)))
            return false;
    }
    return true;
}

static bool load_line(struct loading *loading, struct view_line *line)
{
    if (!line->queue->slot.found)
        return true;
    const struct line_row *row = find(loading, TABLE_LINE,
                                      &(struct line_row){.queue = line->queue->row.id, .key = line->key});
    if (row) {
        set_found(&line->slot);
        line->row = *row;
        line->row.key = line->key;
    }
    return !row || line->exits == 0 || load_followers(loading, line);
}

/* Queues and tasks that others imply are appended while we walk. */
static bool load_queues(struct loading *loading, size_t *done)
{
    bool good = true;
    for (; good && *done < loading->view->queues.count; (*done)++)
        good = load_queue(loading, loading->view->queues.at[*done]);
    return good;
}

static bool load_tasks(struct loading *loading, size_t *done)
{
    bool good = true;
    for (; good && *done < loading->view->tasks.count; (*done)++)
        good = load_task(loading, loading->view->tasks.at[*done]);
    return good;
}

static bool load_workers(struct loading *loading)
{
    const struct worker_row *row = &(struct worker_row){0};
    while ((row = pawli_table_after(loading->tables, TABLE_WORKER, ORDER_FIRST, row)) != NULL) {
        struct view_worker *worker = pawli_view_add_worker(loading->view);
        if (!worker)
            return false;
        set_found(&worker->slot);
        pawli_table_copy(TABLE_WORKER, row, &worker->row, loading->arena);
        worker->is_alive = pawli_memory_worker_alive(loading->tables, row);
    }
    return true;
}

static bool load_all(struct loading *loading)
{
    struct view *view = loading->view;
    size_t queues = 0, tasks = 0;
    bool good = !view->wants_workers || load_workers(loading);
    for (size_t i = 0; good && i < view->scopes.count; i++)
        good = load_scope(loading, view->scopes.at[i]);
    for (size_t i = 0; good && i < view->requests.count; i++)
        good = load_request(loading, view->requests.at[i]);
    good = good && load_queues(loading, &queues);
    for (size_t i = 0; good && i < view->lanes.count; i++)
        good = load_lane(loading, view->lanes.at[i]);
    for (size_t i = 0; good && i < view->targets.count; i++)
        good = load_target(loading, view->targets.at[i]);
    for (size_t i = 0; good && i < view->subjects.count; i++)
        good = load_subject(loading, view->subjects.at[i]);
    good = good && load_tasks(loading, &tasks) && load_queues(loading, &queues);
    for (size_t i = 0; good && i < view->bounds.count; i++)
        good = load_bound(loading, view->bounds.at[i]);
    good = good && (view->lost_limit == 0 || load_lost(loading));
    for (size_t i = 0; good && i < view->due_count; i++)
        good = load_due(loading, view->dues[i]);
    good = good && load_queues(loading, &queues);
    for (size_t i = 0; good && i < view->lines.count; i++)
        good = load_line(loading, view->lines.at[i]);
    good = good && load_tasks(loading, &tasks) && load_queues(loading, &queues);
    for (size_t i = 0; good && i < view->queues.count; i++)
        load_policy(loading, view->queues.at[i]);
    return good;
}

enum store_result pawli_memory_load(struct store *store, struct txn *txn, struct view *view, pawl_error *err)
{
    (void)txn;
    struct loading loading = {.tables = &memory_of(store)->tables, .view = view, .arena = view->arena};
    load_store(&loading, store->env);
    bool good = load_all(&loading) && !pawli_arena_failed(view->arena);
    return good ? STORE_OK : pawli_store_fail(err, STORE_NO_MEMORY);
}
