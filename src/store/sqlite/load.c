/* SPDX-License-Identifier: MIT */
/* Load: fills a view, in an order in which whatever is implied comes later. Everything is read under the write lock, so
 * nothing can change before save. */
#include "store/sqlite/sqlite.h"

struct loading {
    struct txn *txn;
    struct connection *connection;
    struct view *view;
    struct arena *arena;
    struct committer_row *alive;
    size_t alive_count;
};

/* A row that cannot be read stops only who needs it. */
static int set_apart(struct slot *slot, int code)
{
    if (code != BAD_ROW)
        return code;
    slot->found = slot->exists = slot->is_damaged = true;
    return SQLITE_OK;
}

/* A task that cannot be read is one that nothing moves. */
static int set_task_apart(struct view_task *task, int code)
{
    if (code != BAD_ROW)
        return code;
    task->slot.found = task->slot.exists = false;
    task->slot.is_damaged = true;
    task->message = NULL;
    return SQLITE_OK;
}

/* What belongs to a scope that cannot be read is as good as the scope. */
static bool is_in_scope(struct slot *slot, const struct view_scope *scope)
{
    if (scope->slot.is_damaged)
        set_apart(slot, BAD_ROW);
    return scope->slot.found && !scope->slot.is_damaged;
}

static int load_store(struct loading *loading)
{
    struct view *view = loading->view;
    struct env *env = loading->txn->store->store.env;
    view->wall = env->ops->wall_now(env);
    view->boot = env->ops->boot_now(env);
    env->ops->boot_id(env, &view->boot_id);
    struct call call = pawli_call(loading->connection, SQL_get_store);
    view->store.slot.found = view->store.slot.exists = pawli_call_row(&call);
    if (call.code == SQLITE_OK && (!view->store.slot.found || !pawli_read_store(&call, &view->store.row)))
        call.code = BAD_ROW; /* every batch needs it */
    loading->txn->commits = view->store.row.commits;
    return pawli_call_end(&call);
}

static int load_committer(struct loading *loading)
{
    struct view_committer *own = &loading->view->committer;
    if (own->row.id == 0)
        return SQLITE_OK;
    struct call call = pawli_call(loading->connection, SQL_get_committer);
    pawli_bind_u64(&call, own->row.id);
    own->slot.found = own->slot.exists = pawli_call_row(&call);
    return pawli_call_end(&call);
}

/* One that cannot be read says nothing; what is known is where it stands, so that it can be taken away. */
static int load_workers(struct loading *loading)
{
    struct call call = pawli_call(loading->connection, SQL_list_workers);
    while (pawli_call_row(&call)) {
        struct view_worker *worker = pawli_view_add_worker(loading->view);
        if (!worker) {
            call.code = SQLITE_NOMEM;
            break;
        }
        uint64_t id = (uint64_t)sqlite3_column_int64(call.statement, 0);
        worker->slot.found = worker->slot.exists = true;
        worker->slot.is_damaged = !pawli_read_worker(&call, &worker->row, loading->arena);
        if (worker->slot.is_damaged)
            worker->row = (struct worker_row){.id = id};
        else
            worker->is_alive = pawli_worker_alive(&worker->row, loading->alive, loading->alive_count);
    }
    return pawli_call_end(&call);
}

static int load_scope(struct loading *loading, struct view_scope *scope)
{
    struct call call = pawli_call(loading->connection, SQL_get_scope);
    pawli_bind_text(&call, scope->name);
    if (pawli_call_row(&call)) {
        scope->slot.found = scope->slot.exists = true;
        if (!pawli_read_scope(&call, &scope->row, loading->arena) || !text_equal(scope->row.name, scope->name))
            call.code = BAD_ROW;
        scope->row.name = scope->name;
    }
    return set_apart(&scope->slot, pawli_call_end(&call));
}

static int load_request(struct loading *loading, struct view_request *request)
{
    bool same;
    if (!is_in_scope(&request->slot, request->scope))
        return SQLITE_OK;
    struct call call = pawli_call(loading->connection, SQL_find_request);
    pawli_bind_blob(&call, &request->id, sizeof request->id);
    pawli_bind_u64(&call, request->scope->row.id);
    if (pawli_call_row(&call)) {
        request->slot.found = request->slot.exists = true;
        if (!pawli_read_record(&call, &request->row, &same, loading->arena) || !same)
            call.code = BAD_ROW;
    }
    return set_apart(&request->slot, pawli_call_end(&call));
}

static struct view_scope *scope_by_id(const struct view *view, uint64_t id)
{
    for (size_t i = 0; i < view->scopes.count; i++) {
        struct view_scope *scope = view->scopes.at[i];
        if (scope->row.id == id && !scope->slot.is_damaged)
            return scope;
    }
    return NULL;
}

static int load_policy(struct loading *loading, struct view_queue *queue)
{
    struct lane_row lane = {0};
    struct target_row target = {0};
    if (!queue->wants_policy || queue->has_policy || queue->slot.is_damaged)
        return SQLITE_OK;
    struct queue_row row = queue->row;
    if (!queue->slot.found)
        row = (struct queue_row){.scope = queue->scope->row.id, .lane = queue->lane, .target = queue->target};
    queue->has_policy = true;
    int code = pawli_policy_of(loading->connection, &row, &lane, &target, loading->arena);
    queue->is_policy_damaged = code == BAD_ROW;
    queue->policy = pawli_policy_effective(&lane.policy, &target.policy);
    return code == BAD_ROW ? SQLITE_OK : code;
}

static bool is_queue_asked_for(const struct view_queue *queue, uint64_t id)
{
    if (queue->found_by_id)
        return queue->row.id == id;
    return queue->row.scope == queue->scope->row.id && text_equal(queue->row.lane, queue->lane) &&
           text_equal(queue->row.target, queue->target);
}

static int load_queue(struct loading *loading, struct view_queue *queue)
{
    struct call call;
    uint64_t id = queue->row.id;
    if (queue->found_by_id) {
        call = pawli_call(loading->connection, SQL_get_queue_by_id);
        pawli_bind_u64(&call, id);
    } else {
        if (!is_in_scope(&queue->slot, queue->scope))
            return SQLITE_OK;
        call = pawli_call(loading->connection, SQL_get_queue);
        pawli_bind_u64(&call, queue->scope->row.id);
        pawli_bind_text(&call, queue->lane);
        pawli_bind_text(&call, queue->target);
    }
    queue->slot.found = queue->slot.exists = pawli_call_row(&call);
    if (queue->slot.found && (!pawli_read_queue(&call, &queue->row, loading->arena) || !is_queue_asked_for(queue, id)))
        call.code = BAD_ROW;
    else if (queue->found_by_id && call.code == SQLITE_OK && !queue->slot.found)
        call.code = BAD_ROW; /* a task of a queue that does not exist */
    if (call.code == SQLITE_OK && queue->slot.found) {
        queue->lane = queue->row.lane;
        queue->target = queue->row.target;
        if (!queue->scope)
            queue->scope = scope_by_id(loading->view, queue->row.scope);
    } else if (queue->found_by_id) {
        queue->row.id = id;
    }
    return set_apart(&queue->slot, pawli_call_end(&call));
}

/* Queues that tasks implied are appended while we walk. */
static int load_queues(struct loading *loading, size_t *done)
{
    int code = SQLITE_OK;
    for (; code == SQLITE_OK && *done < loading->view->queues.count; (*done)++)
        code = load_queue(loading, loading->view->queues.at[*done]);
    return code;
}

static int load_message(struct loading *loading, struct view_task *task)
{
    bool found;
    if (task->message)
        return SQLITE_OK;
    struct message_row *message = arena_new(loading->arena, struct message_row);
    if (!message)
        return SQLITE_NOMEM;
    int code = pawli_get_message(loading->connection, task->number, message, &found, loading->arena);
    if (code == SQLITE_OK && found)
        task->message = message;
    return code;
}

/* Of a task that was found: without its message it is one that cannot be read. */
static int load_message_of(struct loading *loading, struct view_task *task)
{
    int code = load_message(loading, task);
    return set_task_apart(task, code == SQLITE_OK && !task->message ? BAD_ROW : code);
}

/* Once a row could not be added because another stood there: a message in two places is in none. */
static int check_place(struct loading *loading, struct view_task *task)
{
    if (!atomic_load(&loading->txn->store->doubts_places))
        return SQLITE_OK;
    int code = load_message(loading, task);
    if (code != SQLITE_OK || !task->message)
        return code;
    struct call call = pawli_call(loading->connection, SQL_count_places);
    pawli_bind_u64(&call, task->message->queue);
    pawli_bind_i64(&call, task->message->priority);
    pawli_bind_wall(&call, task->message->available);
    pawli_bind_u64(&call, task->number);
    pawli_bind_text(&call, task->message->key);
    if (pawli_call_row(&call) && sqlite3_column_int64(call.statement, 0) != 1)
        call.code = BAD_ROW;
    return pawli_call_end(&call);
}

/* A row was read into task->row by whoever found it. */
static int task_found(struct loading *loading, struct view_task *task)
{
    if (!pawli_view_task_found(loading->view, task))
        return SQLITE_NOMEM;
    int code = set_task_apart(task, check_place(loading, task));
    if (code != SQLITE_OK || task->slot.is_damaged)
        return code;
    const struct view *view = loading->view;
    if (task->row.place == PLACE_CLAIMED && view->wants_lost)
        task->lost = pawli_claim_lost(&task->row, &view->store.row, view->boot, &view->boot_id, loading->alive,
                                      loading->alive_count);
    return SQLITE_OK;
}

static int find_task(struct loading *loading, struct view_task *task, bool *found)
{
    int code = task->wants_message ? load_message(loading, task) : SQLITE_OK;
    *found = task->slot.found;
    if (code != SQLITE_OK || *found)
        return code;
    code = pawli_find_task(loading->connection, task->number, task->message, &task->row, found, loading->arena);
    if (code == SQLITE_OK && *found && task->wants_tail && task->row.place != PLACE_CLAIMED)
        code = load_message(loading, task);
    bool needs_message = task->wants_message || (task->wants_tail && task->row.place != PLACE_CLAIMED);
    if (code == SQLITE_OK && (*found ? needs_message && !task->message : task->message != NULL))
        code = BAD_ROW; /* one without the other */
    return code == SQLITE_OK && *found ? task_found(loading, task) : code;
}

static int load_task(struct loading *loading, struct view_task *task)
{
    bool found;
    if (task->slot.is_damaged)
        return SQLITE_OK;
    int code = set_task_apart(task, find_task(loading, task, &found));
    bool asks = code == SQLITE_OK && task->slot.found;
    return asks && !pawli_view_task_bounds(loading->view, task) ? SQLITE_NOMEM : code;
}

static int load_tasks(struct loading *loading, size_t *done)
{
    int code = SQLITE_OK;
    for (; code == SQLITE_OK && *done < loading->view->tasks.count; (*done)++)
        code = load_task(loading, loading->view->tasks.at[*done]);
    return code;
}

/* A hold that cannot be read holds until it is released: whoever set it had a reason. */
static void read_hold(struct call *call, const struct view_subject *subject, struct hold_row *row, struct arena *arena)
{
    if (!pawli_read_hold(call, row, arena)) {
        row->code = row->code.data ? row->code : TEXT("damaged");
        row->reason = TEXT("the hold cannot be read");
        row->since = (struct wall_time){0};
        row->until = WALL_NEVER;
        row->before_ms = 0;
    }
    row->kind = subject->kind;
    row->scope = subject->scope ? subject->scope->row.id : 0;
    row->lane = subject->lane;
    row->target = subject->target;
}

static int load_subject(struct loading *loading, struct view_subject *subject)
{
    if (subject->scope && !is_in_scope(&subject->slot, subject->scope))
        return SQLITE_OK;
    struct call call = pawli_call(loading->connection, SQL_find_holds);
    pawli_bind_text(&call, text_of(pawli_hold_kind_text(subject->kind)));
    pawli_bind_u64(&call, subject->scope ? subject->scope->row.id : 0);
    pawli_bind_text(&call, subject->lane.data ? subject->lane : TEXT(""));
    pawli_bind_text(&call, subject->target.data ? subject->target : TEXT(""));
    while (pawli_call_row(&call)) {
        struct view_hold *hold = pawli_view_add_hold(loading->view, subject);
        if (!hold) {
            call.code = SQLITE_NOMEM;
            break;
        }
        hold->slot.found = hold->slot.exists = true;
        read_hold(&call, subject, &hold->row, loading->arena);
    }
    return pawli_call_end(&call);
}

static int load_lane(struct loading *loading, struct view_lane *lane)
{
    if (!is_in_scope(&lane->slot, lane->scope))
        return SQLITE_OK;
    int code = pawli_get_lane(loading->connection, lane->scope->row.id, lane->name, &lane->row, &lane->slot.found,
                              loading->arena);
    lane->slot.exists = lane->slot.found;
    return set_apart(&lane->slot, code);
}

static int load_target(struct loading *loading, struct view_target *target)
{
    if (!is_in_scope(&target->slot, target->scope))
        return SQLITE_OK;
    int code = pawli_get_target(loading->connection, target->scope->row.id, target->name, &target->row,
                                &target->slot.found, loading->arena);
    target->slot.exists = target->slot.found;
    return set_apart(&target->slot, code);
}

/* Follows the successors of the bound message to the one that counts now. Each was made after its predecessor. */
static int load_chain(struct loading *loading, struct view_bound *bound)
{
    uint64_t number, tail;
    pawl_uuid id = bound->row.message;
    while (pawli_message_id_split(&id, &number, &tail)) {
        struct view_task *task = pawli_view_task(loading->view, number);
        if (!task)
            return SQLITE_NOMEM;
        task->wants_message = true;
        int code = load_task(loading, task);
        if (code != SQLITE_OK)
            return code;
        if (task->slot.is_damaged)
            return BAD_ROW;
        if (!task->slot.found || !task->message)
            return SQLITE_OK; /* purged */
        if (task->message->tail != tail)
            return BAD_ROW;
        if (!bound->task)
            bound->task = task;
        id = task->row.place == PLACE_ENDED ? task->row.successor : (pawl_uuid){0};
    }
    return SQLITE_OK;
}

static int load_bound(struct loading *loading, struct view_bound *bound)
{
    if (bound->queue->slot.is_damaged || !bound->queue->slot.found)
        return SQLITE_OK;
    struct call call = pawli_call(loading->connection, SQL_get_bound);
    pawli_bind_u64(&call, bound->queue->row.id);
    pawli_bind_i64(&call, bound->kind);
    if (bound->kind == BOUND_DEDUPE)
        pawli_bind_text(&call, bound->key);
    else
        pawli_bind_blob(&call, bound->key.data, bound->key.size);
    if (pawli_call_row(&call)) {
        bound->slot.found = bound->slot.exists = true;
        if (!pawli_read_bound(&call, &bound->row, loading->arena) || !text_equal(bound->row.key, bound->key) ||
            bound->row.queue != bound->queue->row.id || bound->row.kind != bound->kind)
            call.code = BAD_ROW;
    }
    int code = pawli_call_end(&call);
    return set_apart(&bound->slot, code == SQLITE_OK && bound->slot.found ? load_chain(loading, bound) : code);
}

/* A task that a statement of many rows found: it may be in the view already, because a unit named it. */
static int keep_found(struct loading *loading, const struct task_row *row, struct view_task **ret_task)
{
    struct view_task *task = pawli_view_task(loading->view, row->number);
    *ret_task = task;
    if (!task)
        return SQLITE_NOMEM;
    if (task->slot.found || task->slot.is_damaged)
        return SQLITE_OK;
    task->row = *row;
    return task_found(loading, task);
}

static int load_lost(struct loading *loading)
{
    struct view *view = loading->view;
    if (!pawli_view_needs_claims(view))
        return SQLITE_OK;
    struct call call = pawli_call(loading->connection, SQL_list_claimed);
    while (view->lost_open > 0 && pawli_call_row(&call)) {
        struct task_row row;
        struct view_task *task;
        if (!pawli_view_needs_more(view, (uint64_t)sqlite3_column_int64(call.statement, 0)) ||
            !pawli_read_claimed(&call, &row, loading->arena))
            continue;
        if (!pawli_claim_lost(&row, &view->store.row, view->boot, &view->boot_id, loading->alive,
                              loading->alive_count)) {
            pawli_view_living(view, &row);
            continue;
        }
        if (!pawli_view_lost(view, &row))
            continue;
        call.code = keep_found(loading, &row, &task);
        if (call.code == SQLITE_OK)
            call.code = load_message_of(loading, task);
    }
    return pawli_call_end(&call);
}

static int load_due(struct loading *loading, struct view_due *due)
{
    if (!due->queue->slot.found || due->queue->slot.is_damaged)
        return SQLITE_OK;
    due->tasks = arena_array(loading->arena, struct view_task *, due->limit ? due->limit : 1);
    if (!due->tasks)
        return SQLITE_NOMEM;
    uint64_t size = 0;
    for (int64_t priority = 1; priority <= 9 && due->count < due->limit && size < due->size_max; priority++) {
        struct call call = pawli_call(loading->connection, SQL_find_due);
        pawli_bind_u64(&call, due->queue->row.id);
        pawli_bind_i64(&call, due->phase);
        pawli_bind_i64(&call, priority);
        pawli_bind_i64(&call, loading->view->wall.ms);
        uint64_t behind = 0;
        while (due->count < due->limit && size < due->size_max && pawli_call_row(&call)) {
            struct task_row row;
            struct view_task *task;
            uint64_t last = behind;
            behind = 0;
            if (!pawli_read_ready(&call, &row, loading->arena))
                continue;
            call.code = keep_found(loading, &row, &task);
            if (call.code == SQLITE_OK)
                call.code = load_message_of(loading, task);
            if (call.code != SQLITE_OK)
                break;
            if (!task->slot.found || task->queue != due->queue || task->row.place != PLACE_READY)
                continue;
            task->behind = last;
            behind = task->number;
            due->tasks[due->count++] = task;
            size += task->message->payload.size;
        }
        int code = pawli_call_end(&call);
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}

static int find_line(struct loading *loading, struct view_line *line)
{
    struct call call = pawli_call(loading->connection, SQL_get_line);
    pawli_bind_u64(&call, line->queue->row.id);
    pawli_bind_text(&call, line->key);
    line->slot.found = line->slot.exists = pawli_call_row(&call);
    if (line->slot.found && (!pawli_read_line(&call, &line->row, loading->arena) ||
                             line->row.queue != line->queue->row.id || !text_equal(line->row.key, line->key)))
        call.code = BAD_ROW;
    return set_apart(&line->slot, pawli_call_end(&call));
}

/* One more than this batch may need. */
static int load_followers(struct loading *loading, struct view_line *line)
{
    bool wants_message = line->queue->due[PHASE_SEND] != NULL;
    struct call call = pawli_call(loading->connection, SQL_find_followers);
    pawli_bind_u64(&call, line->queue->row.id);
    pawli_bind_text(&call, line->key);
    while (line->follower_count <= line->exits && pawli_call_row(&call)) {
        struct task_row row;
        if (!pawli_read_blocked(&call, &row, loading->arena))
            continue;
        struct view_task *task = pawli_view_task(loading->view, row.number);
        if (!task) {
            call.code = SQLITE_NOMEM;
            break;
        }
        if (!task->slot.found && !task->slot.is_damaged) {
            task->row = row;
            task->line = line;
            call.code = task_found(loading, task);
        }
        if (call.code == SQLITE_OK && wants_message)
            call.code = load_message_of(loading, task);
        if (task->slot.found && task->line == line && task->row.place == PLACE_BLOCKED && call.code == SQLITE_OK &&
            !pawli_view_add_follower(loading->view, line, task))
            call.code = SQLITE_NOMEM;
        if (call.code != SQLITE_OK)
            break;
    }
    return pawli_call_end(&call);
}

static int load_line(struct loading *loading, struct view_line *line)
{
    if (line->queue->slot.is_damaged || !line->queue->slot.found)
        return SQLITE_OK;
    int code = find_line(loading, line);
    return code == SQLITE_OK && line->exits ? load_followers(loading, line) : code;
}

static int load_all(struct loading *loading)
{
    struct view *view = loading->view;
    size_t queues = 0, tasks = 0;
    int code = load_store(loading);
    if (code == SQLITE_OK)
        code = load_committer(loading);
    if (code == SQLITE_OK && (view->wants_lost || view->wants_workers))
        code = pawli_list_committers(loading->txn->store, loading->connection, &loading->alive, &loading->alive_count,
                                     &view->dead, &view->dead_count, loading->arena);
    if (code == SQLITE_OK && view->wants_workers)
        code = load_workers(loading);
    for (size_t i = 0; code == SQLITE_OK && i < view->scopes.count; i++)
        code = load_scope(loading, view->scopes.at[i]);
    for (size_t i = 0; code == SQLITE_OK && i < view->requests.count; i++)
        code = load_request(loading, view->requests.at[i]);
    if (code == SQLITE_OK)
        code = load_queues(loading, &queues);
    for (size_t i = 0; code == SQLITE_OK && i < view->lanes.count; i++)
        code = load_lane(loading, view->lanes.at[i]);
    for (size_t i = 0; code == SQLITE_OK && i < view->targets.count; i++)
        code = load_target(loading, view->targets.at[i]);
    for (size_t i = 0; code == SQLITE_OK && i < view->subjects.count; i++)
        code = load_subject(loading, view->subjects.at[i]);
    if (code == SQLITE_OK)
        code = load_tasks(loading, &tasks);
    if (code == SQLITE_OK)
        code = load_queues(loading, &queues);
    for (size_t i = 0; code == SQLITE_OK && i < view->bounds.count; i++)
        code = load_bound(loading, view->bounds.at[i]);
    if (code == SQLITE_OK && view->lost_limit)
        code = load_lost(loading);
    for (size_t i = 0; code == SQLITE_OK && i < view->due_count; i++)
        code = load_due(loading, view->dues[i]);
    if (code == SQLITE_OK)
        code = load_queues(loading, &queues);
    for (size_t i = 0; code == SQLITE_OK && i < view->lines.count; i++)
        code = load_line(loading, view->lines.at[i]);
    if (code == SQLITE_OK)
        code = load_tasks(loading, &tasks); /* messages of what was found on the way */
    if (code == SQLITE_OK)
        code = load_queues(loading, &queues);
    for (size_t i = 0; code == SQLITE_OK && i < view->queues.count; i++)
        code = load_policy(loading, view->queues.at[i]);
    pawli_view_set_apart(view);
    return code;
}

enum store_result pawli_sqlite_load(struct store *base, struct txn *txn, struct view *view, pawl_error *err)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct loading loading = {.txn = txn, .connection = txn->connection, .view = view, .arena = view->arena};
    int code = load_all(&loading);
    if ((code == SQLITE_OK || code == BAD_ROW) && pawli_arena_failed(view->arena))
        code = SQLITE_NOMEM;
    return pawli_sqlite_result(store, txn->connection->db, code, READ_ONLY, err);
}
