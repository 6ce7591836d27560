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

static int bad_row(struct call *call)
{
    call->code = SQLITE_CORRUPT;
    return pawli_call_end(call);
}

static int load_store(struct loading *loading)
{
    struct view *view = loading->view;
    struct env *env = loading->txn->store->store.env;
    view->wall = env->ops->wall_now(env);
    view->boot = env->ops->boot_now(env);
    env->ops->boot_id(env, &view->boot_id);
    struct call call = pawli_call(loading->connection, SQL_get_store);
    if (pawli_call_row(&call) && !pawli_read_store(&call, &view->store.row))
        return bad_row(&call);
    view->store.slot.found = view->store.slot.exists = view->store.row.epoch > 0;
    if (call.code == SQLITE_OK && !view->store.slot.found)
        return bad_row(&call);
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

static int load_scope(struct loading *loading, struct view_scope *scope)
{
    struct call call = pawli_call(loading->connection, SQL_get_scope);
    pawli_bind_text(&call, scope->name);
    if (pawli_call_row(&call)) {
        scope->slot.found = scope->slot.exists = true;
        scope->row.id = pawli_column_u64(&call);
        scope->row.seq = pawli_column_u64(&call);
        scope->row.name = scope->name;
        if (!pawli_column_bytes(&call, &scope->row.head, DIGEST_SIZE))
            return bad_row(&call);
    }
    return pawli_call_end(&call);
}

static int load_request(struct loading *loading, struct view_request *request)
{
    if (!request->scope->slot.found)
        return SQLITE_OK;
    struct call call = pawli_call(loading->connection, SQL_find_request);
    pawli_bind_blob(&call, &request->id, sizeof request->id);
    pawli_bind_u64(&call, request->scope->row.id);
    if (pawli_call_row(&call)) {
        request->slot.found = request->slot.exists = true;
        if (!pawli_read_record(&call, &request->row, loading->arena))
            return bad_row(&call);
    }
    return pawli_call_end(&call);
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

static int load_policy(struct loading *loading, struct view_queue *queue)
{
    struct policy lane, target;
    if (!queue->wants_policy || queue->has_policy)
        return SQLITE_OK;
    queue->has_policy = true;
    uint64_t scope = queue->slot.found ? queue->row.scope : queue->scope->row.id;
    int code = pawli_policy_of(loading->connection, scope, queue->lane, queue->target, &lane, &target, NULL, NULL,
                               loading->arena);
    queue->policy = pawli_policy_effective(&lane, &target);
    return code;
}

static int load_queue(struct loading *loading, struct view_queue *queue)
{
    struct call call;
    if (queue->found_by_id) {
        call = pawli_call(loading->connection, SQL_get_queue_by_id);
        pawli_bind_u64(&call, queue->row.id);
    } else {
        if (!queue->scope->slot.found)
            return SQLITE_OK;
        call = pawli_call(loading->connection, SQL_get_queue);
        pawli_bind_u64(&call, queue->scope->row.id);
        pawli_bind_text(&call, queue->lane);
        pawli_bind_text(&call, queue->target);
    }
    if (pawli_call_row(&call)) {
        queue->slot.found = queue->slot.exists = true;
        pawli_read_queue(&call, &queue->row, loading->arena);
        queue->lane = queue->row.lane;
        queue->target = queue->row.target;
        if (!queue->scope)
            queue->scope = scope_by_id(loading->view, queue->row.scope);
    }
    int code = pawli_call_end(&call);
    if (code == SQLITE_OK && queue->found_by_id && !queue->slot.found)
        code = SQLITE_CORRUPT; /* a task of a queue that does not exist */
    return code;
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

/* A row was read into task->row by whoever found it. */
static int task_found(struct loading *loading, struct view_task *task)
{
    if (!pawli_view_task_found(loading->view, task))
        return SQLITE_NOMEM;
    const struct view *view = loading->view;
    if (task->row.place == PLACE_CLAIMED && view->lost_limit)
        task->lost = pawli_claim_lost(&task->row, &view->store.row, view->boot, &view->boot_id, loading->alive,
                                      loading->alive_count);
    return SQLITE_OK;
}

static int load_task(struct loading *loading, struct view_task *task)
{
    bool found = false;
    int code = task->wants_message ? load_message(loading, task) : SQLITE_OK;
    if (code != SQLITE_OK || task->slot.found)
        return code;
    code = pawli_find_task(loading->connection, task->number, task->message, &task->row, &found, loading->arena);
    if (code == SQLITE_OK && found && task->wants_tail && task->row.place != PLACE_CLAIMED)
        code = load_message(loading, task);
    if (code == SQLITE_OK && found)
        code = task_found(loading, task);
    return code == SQLITE_OK && found && !pawli_view_task_bounds(loading->view, task) ? SQLITE_NOMEM : code;
}

static int load_tasks(struct loading *loading, size_t *done)
{
    int code = SQLITE_OK;
    for (; code == SQLITE_OK && *done < loading->view->tasks.count; (*done)++)
        code = load_task(loading, loading->view->tasks.at[*done]);
    return code;
}

static int load_subject(struct loading *loading, struct view_subject *subject)
{
    if (subject->scope && !subject->scope->slot.found)
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
        hold->row = (struct hold_row){.kind = subject->kind,
                                      .scope = subject->scope ? subject->scope->row.id : 0,
                                      .lane = subject->lane,
                                      .target = subject->target};
        if (!pawli_read_hold(&call, &hold->row, loading->arena))
            return bad_row(&call);
    }
    return pawli_call_end(&call);
}

static int load_lane(struct loading *loading, struct view_lane *lane)
{
    if (!lane->scope->slot.found)
        return SQLITE_OK;
    struct call call = pawli_call(loading->connection, SQL_get_lane);
    pawli_bind_u64(&call, lane->scope->row.id);
    pawli_bind_text(&call, lane->name);
    if (pawli_call_row(&call)) {
        lane->slot.found = lane->slot.exists = true;
        if (pawli_policy_parse(pawli_column_text(&call, loading->arena), &lane->row.policy, NULL) < 0)
            return bad_row(&call);
    }
    return pawli_call_end(&call);
}

static int load_target(struct loading *loading, struct view_target *target)
{
    if (!target->scope->slot.found)
        return SQLITE_OK;
    struct call call = pawli_call(loading->connection, SQL_get_target);
    pawli_bind_u64(&call, target->scope->row.id);
    pawli_bind_text(&call, target->name);
    if (pawli_call_row(&call)) {
        target->slot.found = target->slot.exists = true;
        target->row.url = pawli_column_text(&call, loading->arena);
        target->row.secret_file = pawli_column_text(&call, loading->arena);
        if (pawli_policy_parse(pawli_column_text(&call, loading->arena), &target->row.policy, NULL) < 0)
            return bad_row(&call);
    }
    return pawli_call_end(&call);
}

/* Follows the successors of the bound message to the one that counts now. */
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
        if (!task->slot.found || !task->message)
            return SQLITE_OK; /* purged */
        if (!bound->task)
            bound->task = task;
        id = task->row.place == PLACE_ENDED ? task->row.successor : (pawl_uuid){0};
    }
    return SQLITE_OK;
}

static int load_bound(struct loading *loading, struct view_bound *bound)
{
    if (!bound->queue->slot.found)
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
        bound->row = (struct bound_row){.queue = bound->queue->row.id, .kind = bound->kind, .key = bound->key};
        bool good = pawli_column_bytes(&call, &bound->row.message, sizeof bound->row.message);
        good = pawli_column_bytes(&call, &bound->row.fingerprint, DIGEST_SIZE) && good;
        bound->row.until = pawli_column_wall(&call);
        struct text state = pawli_column_text(&call, loading->arena);
        if (!good || (state.data && !pawli_state_parse(state, &bound->row.state)))
            return bad_row(&call);
    }
    int code = pawli_call_end(&call);
    return code == SQLITE_OK && bound->slot.found ? load_chain(loading, bound) : code;
}

/* A task that a statement of many rows found: it may be in the view already, because a unit named it. */
static int keep_found(struct loading *loading, const struct task_row *row, struct view_task **ret_task)
{
    struct view_task *task = pawli_view_task(loading->view, row->number);
    *ret_task = task;
    if (!task)
        return SQLITE_NOMEM;
    if (task->slot.found)
        return SQLITE_OK;
    task->row = *row;
    return task_found(loading, task);
}

static int load_lost(struct loading *loading)
{
    struct view *view = loading->view;
    const struct store_row *store = &view->store.row;
    bool same_boot = uuid_equal(&store->boot_id, &view->boot_id);
    if (same_boot && boot_before(view->boot, store->lease) && view->dead_count == 0)
        return SQLITE_OK;
    uint32_t found = 0;
    struct call call = pawli_call(loading->connection, SQL_list_claimed);
    while (found < view->lost_limit && pawli_call_row(&call)) {
        struct task_row row;
        struct view_task *task;
        if (!pawli_read_claimed(&call, &row, loading->arena))
            return bad_row(&call);
        if (!pawli_claim_lost(&row, store, view->boot, &view->boot_id, loading->alive, loading->alive_count)) {
            view->next_lease = boot_earlier(view->next_lease, row.lease);
            continue;
        }
        call.code = keep_found(loading, &row, &task);
        if (call.code == SQLITE_OK)
            call.code = load_message(loading, task);
        found++;
    }
    view->lost_all_seen = found < view->lost_limit;
    return pawli_call_end(&call);
}

static int load_due(struct loading *loading, struct view_due *due)
{
    if (!due->queue->slot.found)
        return SQLITE_OK;
    due->tasks = arena_array(loading->arena, struct view_task *, due->limit ? due->limit : 1);
    if (!due->tasks)
        return SQLITE_NOMEM;
    uint64_t size = 0;
    for (int64_t priority = 1; priority <= 9 && due->count < due->limit && size < due->size_max; priority++) {
        struct call call = pawli_call(loading->connection, SQL_find_due);
        pawli_bind_u64(&call, due->queue->row.id);
        pawli_bind_i64(&call, PHASE_SEND);
        pawli_bind_i64(&call, priority);
        pawli_bind_i64(&call, loading->view->wall.ms);
        pawli_bind_i64(&call, due->limit - due->count);
        while (size < due->size_max && pawli_call_row(&call)) {
            struct task_row row;
            struct view_task *task;
            if (!pawli_read_ready(&call, &row, loading->arena))
                return bad_row(&call);
            call.code = keep_found(loading, &row, &task);
            if (call.code == SQLITE_OK)
                call.code = load_message(loading, task);
            if (call.code == SQLITE_OK && !task->message)
                call.code = SQLITE_CORRUPT;
            if (call.code != SQLITE_OK)
                break;
            due->tasks[due->count++] = task;
            size += task->message->payload.size;
        }
        int code = pawli_call_end(&call);
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}

static int load_line(struct loading *loading, struct view_line *line)
{
    if (!line->queue->slot.found)
        return SQLITE_OK;
    struct call call = pawli_call(loading->connection, SQL_get_line);
    pawli_bind_u64(&call, line->queue->row.id);
    pawli_bind_text(&call, line->key);
    if (pawli_call_row(&call)) {
        line->slot.found = line->slot.exists = true;
        line->row = (struct line_row){.queue = line->queue->row.id, .key = line->key};
        line->row.head = pawli_column_u64(&call);
        line->row.order = pawli_column_u64(&call);
        line->row.depth = pawli_column_u64(&call);
    }
    int code = pawli_call_end(&call);
    if (code != SQLITE_OK || line->exits == 0)
        return code;
    bool wants_message = line->queue->due != NULL;
    call = pawli_call(loading->connection, SQL_find_followers);
    pawli_bind_u64(&call, line->queue->row.id);
    pawli_bind_text(&call, line->key);
    pawli_bind_i64(&call, (int64_t)line->exits + 1);
    while (pawli_call_row(&call)) {
        struct task_row row;
        if (!pawli_read_blocked(&call, &row, loading->arena))
            return bad_row(&call);
        struct view_task *task = pawli_view_task(loading->view, row.number);
        if (!task) {
            call.code = SQLITE_NOMEM;
            break;
        }
        if (!task->slot.found) {
            task->row = row;
            task->line = line;
            call.code = task_found(loading, task);
        }
        if (call.code == SQLITE_OK && !pawli_view_add_follower(loading->view, line, task))
            call.code = SQLITE_NOMEM;
        if (call.code == SQLITE_OK && wants_message)
            call.code = load_message(loading, task);
        if (call.code != SQLITE_OK)
            break;
    }
    return pawli_call_end(&call);
}

static int load_all(struct loading *loading)
{
    struct view *view = loading->view;
    size_t queues = 0, tasks = 0;
    int code = load_store(loading);
    if (code == SQLITE_OK)
        code = load_committer(loading);
    if (code == SQLITE_OK && view->lost_limit)
        code = pawli_list_committers(loading->txn->store, loading->connection, &loading->alive, &loading->alive_count,
                                     &view->dead, &view->dead_count, loading->arena);
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
    return code;
}

enum store_result pawli_sqlite_load(struct txn *txn, struct view *view, pawl_error *err)
{
    struct loading loading = {.txn = txn, .connection = txn->connection, .view = view, .arena = view->arena};
    int code = load_all(&loading);
    if (code == SQLITE_OK && pawli_arena_failed(view->arena))
        code = SQLITE_NOMEM;
    if (code == SQLITE_CORRUPT && sqlite3_errcode(txn->connection->db) != SQLITE_CORRUPT) {
        pawli_hint(err, pawli_fail(err, PAWL_ECORRUPT, "\"%s\" has a row that cannot be read", txn->store->path),
                   "run \"pawl verify\"; restore a backup if it finds more");
        return STORE_CORRUPT;
    }
    return pawli_sqlite_result(txn->store, txn->connection->db, code, WRITE_BEFORE_COMMIT, err);
}
