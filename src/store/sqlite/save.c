/* SPDX-License-Identifier: MIT */
/* Save: writes every row of a view that differs from what load found, and commits. Under the write lock a guard cannot
 * fail, unless an index and its table do not agree: then nothing is written. */
#include "base/json.h"
#include "store/sqlite/sqlite.h"

struct saving {
    struct connection *connection;
    const struct view *view;
    struct sqlite_store *store;
    struct arena *arena; /* for the JSON of failures, and lists of rows */
    struct {
        const struct task_row *first, *last;
        int count;
    } run; /* rows that leave ready, one behind the other */
};

/* A kind of row of which a batch may add many. Starting a statement costs about as much as a row does, so as many as there
 * are go to one. They fail together with the transaction: none takes a journal of its own. */
static const size_t rows_at_once[] = {32, 8, 1};

struct insertion {
    enum sql sql[COUNT_OF(rows_at_once)];
    void (*bind)(struct saving *saving, struct call *call, const void *row);
};

struct rows {
    const void **at;
    size_t count;
};

static bool rows_init(struct rows *rows, struct arena *arena, size_t room)
{
    *rows = (struct rows){room ? arena_array(arena, const void *, room) : NULL, 0};
    return rows->at || !room;
}

static int insert(struct saving *saving, const struct insertion *insertion, const struct rows *rows)
{
    int code = SQLITE_OK;
    size_t done = 0;
    for (size_t size = 0; size < COUNT_OF(rows_at_once); size++)
        while (code == SQLITE_OK && rows->count - done >= rows_at_once[size]) {
            struct call call = pawli_call(saving->connection, insertion->sql[size]);
            for (size_t end = done + rows_at_once[size]; done < end; done++)
                insertion->bind(saving, &call, rows->at[done]);
            code = pawli_call_run(&call);
        }
    return code;
}

/* A statement that must move exactly so many rows. */
static int run_some(struct saving *saving, struct call *call, int count)
{
    int code = pawli_call_run(call);
    return code == SQLITE_OK && sqlite3_changes(saving->connection->db) != count ? BAD_ROW : code;
}

static int run_one(struct saving *saving, struct call *call)
{
    return run_some(saving, call, 1);
}

/* What few rows have is one column of JSON: a column that is NULL in nearly all of them costs each only its place. */
static void bind_json(struct saving *saving, struct call *call, struct buffer *buffer)
{
    struct text json = pawli_arena_text(saving->arena, buffer_text(buffer));
    if (buffer->failed || !json.data)
        call->code = SQLITE_NOMEM;
    pawli_bind_text(call, json);
    pawli_buffer_done(buffer);
}

static void bind_failure(struct saving *saving, struct call *call, const struct failure *failure)
{
    if (failure->class == ERROR_NONE) {
        pawli_bind_null(call);
        return;
    }
    struct buffer buffer;
    buffer_init(&buffer, 16 * LIMIT_ERROR_TEXT);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '{');
    pawli_json_put_string(&writer, "class", pawli_error_class_text(failure->class));
    pawli_json_put_i64(&writer, "at", failure->at.ms);
    pawli_json_put_text(&writer, "text", failure->text);
    pawli_json_close(&writer, '}');
    bind_json(saving, call, &buffer);
}

static void bind_retried(struct saving *saving, struct call *call, const struct task_row *row)
{
    if (row->retries == 0) {
        pawli_bind_null(call);
        return;
    }
    struct buffer buffer;
    buffer_init(&buffer, 128);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '{');
    pawli_json_put_i64(&writer, "times", row->retries);
    pawli_json_put_i64(&writer, "at", row->retried.ms);
    pawli_json_put_i64(&writer, "attempts", row->earlier);
    pawli_json_close(&writer, '}');
    bind_json(saving, call, &buffer);
}

static void bind_counts(struct saving *saving, struct call *call, const struct task_row *row)
{
    pawli_bind_i64(call, row->attempts);
    pawli_bind_i64(call, row->deferrals);
    pawli_bind_i64(call, row->crashes);
    bind_retried(saving, call, row);
}

static void bind_key(struct call *call, const struct task_row *row)
{
    pawli_bind_text(call, row->key);
    pawli_bind_u64_or_null(call, row->key.data ? row->order : 0);
}

static void bind_due(struct call *call, const struct task_row *row)
{
    pawli_bind_i64(call, row->priority);
    pawli_bind_i64(call, row->due.ms);
    pawli_bind_wall(call, row->since);
    pawli_bind_wall(call, row->until);
}

static void bind_history(struct saving *saving, struct call *call, const struct task_row *row)
{
    bind_failure(saving, call, &row->failure);
    pawli_bind_blob(call, row->progress.data, row->progress.size);
    pawli_bind_text(call, row->remote_id);
    pawli_bind_i64(call, row->updated.ms);
    pawli_bind_sum(call);
}

static void bind_ready(struct saving *saving, struct call *call, const void *item)
{
    const struct task_row *row = item;
    pawli_bind_u64(call, row->queue);
    pawli_bind_u64(call, row->number);
    pawli_bind_i64(call, row->phase);
    bind_due(call, row);
    bind_counts(saving, call, row);
    bind_key(call, row);
    pawli_bind_i64(call, row->holds_key);
    bind_history(saving, call, row);
}

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

static void bind_blocked(struct saving *saving, struct call *call, const void *item)
{
    const struct task_row *row = item;
    pawli_bind_u64(call, row->queue);
    pawli_bind_u64(call, row->number);
    bind_due(call, row);
    bind_counts(saving, call, row);
    bind_key(call, row);
    bind_history(saving, call, row);
}

static int remove_blocked(struct saving *saving, const struct view_task *task)
{
    const struct task_row *row = &task->was;
    struct call call = pawli_call(saving->connection, SQL_remove_blocked);
    pawli_bind_u64(&call, row->queue);
    pawli_bind_text(&call, row->key);
    pawli_bind_u64(&call, row->order);
    pawli_bind_u64(&call, row->number);
    return run_one(saving, &call);
}

static void bind_claimed(struct saving *saving, struct call *call, const void *item)
{
    const struct task_row *row = item;
    pawli_bind_u64(call, row->queue);
    pawli_bind_u64(call, row->number);
    pawli_bind_u64(call, row->tail);
    pawli_bind_i64(call, row->phase);
    bind_due(call, row);
    pawli_bind_u64(call, row->token);
    pawli_bind_u64_or_null(call, row->committer);
    pawli_bind_text(call, row->consumer);
    pawli_bind_i64(call, row->claimed.ms);
    pawli_bind_i64(call, row->lease.ns);
    pawli_bind_u64(call, row->boot);
    bind_counts(saving, call, row);
    bind_key(call, row);
    pawli_bind_i64(call, row->holds_key);
    bind_history(saving, call, row);
}

static int put_claimed(struct saving *saving, const struct task_row *row)
{
    struct call call = pawli_call(saving->connection, SQL_put_claimed);
    bind_claimed(saving, &call, row);
    return run_one(saving, &call);
}

static int remove_claimed(struct saving *saving, const struct view_task *task)
{
    const struct task_row *row = &task->was;
    struct call call = pawli_call(saving->connection, SQL_remove_claimed);
    pawli_bind_u64(&call, row->number);
    pawli_bind_u64(&call, row->token);
    return run_one(saving, &call);
}

static void bind_held(struct saving *saving, struct call *call, const void *item)
{
    const struct task_row *row = item;
    pawli_bind_u64(call, row->queue);
    pawli_bind_u64(call, row->number);
    pawli_bind_i64(call, row->phase);
    bind_due(call, row);
    pawli_bind_text(call, row->hold);
    pawli_bind_u64(call, row->token);
    bind_counts(saving, call, row);
    bind_key(call, row);
    pawli_bind_i64(call, row->holds_key);
    bind_history(saving, call, row);
}

static int remove_held(struct saving *saving, const struct view_task *task)
{
    const struct task_row *row = &task->was;
    struct call call = pawli_call(saving->connection, SQL_remove_held);
    pawli_bind_u64(&call, row->number);
    return run_one(saving, &call);
}

static void bind_ended(struct saving *saving, struct call *call, const void *item)
{
    const struct task_row *row = item;
    pawli_bind_u64(call, row->queue);
    pawli_bind_u64(call, row->number);
    pawli_bind_text(call, text_of(pawli_state_text(row->ended)));
    bind_counts(saving, call, row);
    bind_key(call, row);
    pawli_bind_i64(call, row->holds_key);
    bind_failure(saving, call, &row->failure);
    pawli_bind_text(call, row->remote_id);
    if (row->claimed.ms)
        pawli_bind_i64(call, row->claimed.ms);
    else
        pawli_bind_null(call);
    pawli_bind_i64(call, row->ended_at.ms);
    pawli_bind_text(call, row->ended_reason);
    pawli_bind_text(call, row->ended_by);
    pawli_bind_blob(call, uuid_is_nil(&row->successor) ? NULL : &row->successor, sizeof row->successor);
    pawli_bind_sum(call);
}

static int remove_ended(struct saving *saving, const struct view_task *task)
{
    const struct task_row *row = &task->was;
    struct call call = pawli_call(saving->connection, SQL_remove_ended);
    pawli_bind_u64(&call, row->number);
    pawli_bind_text(&call, text_of(pawli_state_text(row->ended)));
    return run_one(saving, &call);
}

/* Moving a task is taking it out of one place and putting it into another. */
static const struct {
    struct insertion insertion;
    int (*remove)(struct saving *saving, const struct view_task *task);
} places[PLACE_COUNT] = {
    [PLACE_READY] = {{{SQL_add_ready_32, SQL_add_ready_8, SQL_add_ready}, bind_ready}, remove_ready},
    [PLACE_BLOCKED] = {{{SQL_add_blocked_32, SQL_add_blocked_8, SQL_add_blocked}, bind_blocked}, remove_blocked},
    [PLACE_CLAIMED] = {{{SQL_add_claimed_32, SQL_add_claimed_8, SQL_add_claimed}, bind_claimed}, remove_claimed},
    [PLACE_HELD] = {{{SQL_add_held_32, SQL_add_held_8, SQL_add_held}, bind_held}, remove_held},
    [PLACE_ENDED] = {{{SQL_add_ended_32, SQL_add_ended_8, SQL_add_ended}, bind_ended}, remove_ended},
};

static void bind_message(struct saving *saving, struct call *call, const void *item)
{
    const struct message_row *row = item;
    (void)saving;
    pawli_bind_u64(call, row->number);
    pawli_bind_u64(call, row->tail);
    pawli_bind_u64(call, row->queue);
    pawli_bind_u64_or_null(call, row->seq);
    pawli_bind_text(call, row->sender);
    pawli_bind_text(call, row->key);
    pawli_bind_text(call, row->dedupe);
    pawli_bind_blob(call, uuid_is_nil(&row->request_id) ? NULL : &row->request_id, sizeof row->request_id);
    pawli_bind_i64(call, row->priority);
    pawli_bind_content_type(call, row->content_type);
    pawli_bind_body(call, row->payload, row->content_type);
    pawli_bind_text(call, row->headers);
    pawli_bind_blob(call, &row->fingerprint, DIGEST_SIZE);
    pawli_bind_wall(call, row->deadline);
    pawli_bind_wall(call, row->available);
    pawli_bind_wall(call, row->expires);
    pawli_bind_u64_or_null(call, row->max_attempts);
    pawli_bind_blob(call, uuid_is_nil(&row->resent_of) ? NULL : &row->resent_of, sizeof row->resent_of);
    pawli_bind_wall(call, row->created);
    pawli_bind_sum(call);
}

static int remove_attempts(struct saving *saving, uint64_t number)
{
    struct call call = pawli_call(saving->connection, SQL_remove_attempts);
    pawli_bind_u64(&call, number);
    return pawli_call_run(&call);
}

static int add_attempt(struct saving *saving, const struct attempt_row *row)
{
    struct call call = pawli_call(saving->connection, SQL_add_attempt);
    pawli_bind_u64(&call, row->number);
    pawli_bind_i64(&call, row->ordinal);
    pawli_bind_i64(&call, row->n);
    pawli_bind_wall(&call, row->began);
    pawli_bind_wall(&call, row->ended);
    pawli_bind_text(&call, row->worker);
    pawli_bind_text(&call, row->verdict);
    pawli_bind_text(&call, text_of(pawli_error_class_text(row->class)));
    pawli_bind_text(&call, row->text);
    pawli_bind_sum(&call);
    return pawli_call_run(&call);
}

static int purge(struct saving *saving, const struct view_task *task)
{
    struct call call = pawli_call(saving->connection, SQL_remove_message);
    pawli_bind_u64(&call, task->number);
    int code = run_one(saving, &call);
    if (code == SQLITE_OK)
        code = places[task->was.place].remove(saving, task);
    return code == SQLITE_OK ? remove_attempts(saving, task->number) : code;
}

/* Whatever is done to a task but the insertions: those are listed. */
static int save_task(struct saving *saving, const struct view_task *task, struct rows *messages, struct rows *placed)
{
    if (task->purged)
        return purge(saving, task);
    if (task->slot.found && task->was.place == PLACE_CLAIMED && task->row.place == PLACE_CLAIMED &&
        task->was.token == task->row.token)
        return put_claimed(saving, &task->row);
    struct rows *place = &placed[task->row.place];
    place->at[place->count++] = &task->row;
    if (!task->slot.found)
        messages->at[messages->count++] = task->message;
    int code = task->slot.found ? places[task->was.place].remove(saving, task) : SQLITE_OK;
    return code == SQLITE_OK && task->attempt ? add_attempt(saving, task->attempt) : code;
}

static int save_tasks(struct saving *saving, const struct slots *tasks)
{
    static const struct insertion message = {{SQL_add_message_32, SQL_add_message_8, SQL_add_message}, bind_message};
    struct rows messages, placed[PLACE_COUNT];
    bool good = rows_init(&messages, saving->arena, tasks->count);
    for (size_t i = 0; i < PLACE_COUNT; i++)
        good &= rows_init(&placed[i], saving->arena, tasks->count);
    int code = good ? SQLITE_OK : SQLITE_NOMEM;
    for (size_t i = 0; code == SQLITE_OK && i < tasks->count; i++) {
        const struct view_task *task = tasks->at[i];
        if (task->slot.changed)
            code = save_task(saving, task, &messages, placed);
    }
    if (code == SQLITE_OK)
        code = end_run(saving);
    if (code == SQLITE_OK)
        code = insert(saving, &message, &messages);
    for (size_t i = 0; code == SQLITE_OK && i < PLACE_COUNT; i++)
        code = insert(saving, &places[i].insertion, &placed[i]);
    return code;
}

static void bind_record(struct saving *saving, struct call *call, const void *item)
{
    const struct record_row *row = item;
    (void)saving;
    pawli_bind_u64(call, row->scope);
    pawli_bind_u64(call, row->seq);
    pawli_bind_blob(call, &row->request_id, sizeof row->request_id);
    pawli_bind_blob(call, &row->fingerprint, DIGEST_SIZE);
    pawli_bind_text(call, row->type);
    pawli_bind_text(call, row->ref);
    pawli_bind_content_type(call, row->content_type);
    pawli_bind_body(call, row->command, row->content_type);
    pawli_bind_content_type(call, row->response_type);
    pawli_bind_body(call, row->response, row->response_type);
    pawli_bind_blob(call, row->pre.data, row->pre.size);
    pawli_bind_blob(call, row->post.data, row->post.size);
    pawli_bind_u64_or_null(call, row->duration_us);
    pawli_bind_wall(call, row->received);
    pawli_bind_wall(call, row->committed);
    pawli_bind_u64(call, row->epoch);
    pawli_bind_blob(call, &row->digest, DIGEST_SIZE);
    pawli_bind_text(call, row->events);
    pawli_bind_blob(call, row->messages.data, row->messages.size);
    pawli_bind_text(call, row->settled);
    pawli_bind_blob(call, row->hashes.data, row->hashes.size);
    pawli_bind_sum(call);
}

static int save_requests(struct saving *saving, const struct slots *requests)
{
    static const struct insertion record = {{SQL_add_record_32, SQL_add_record_8, SQL_add_record}, bind_record};
    struct rows records;
    if (!rows_init(&records, saving->arena, requests->count))
        return SQLITE_NOMEM;
    for (size_t i = 0; i < requests->count; i++) {
        const struct view_request *request = requests->at[i];
        if (request->slot.changed)
            records.at[records.count++] = &request->row;
    }
    return insert(saving, &record, &records);
}

static int save_scope(struct saving *saving, const struct slot *slot)
{
    const struct view_scope *scope = (const struct view_scope *)slot;
    struct call call = pawli_call(saving->connection, scope->slot.found ? SQL_put_scope : SQL_add_scope);
    if (!scope->slot.found) {
        pawli_bind_u64(&call, scope->row.id);
        pawli_bind_text(&call, scope->name);
        pawli_bind_sum(&call);
    }
    pawli_bind_u64(&call, scope->row.seq);
    pawli_bind_blob(&call, &scope->row.head, DIGEST_SIZE);
    if (scope->slot.found)
        pawli_bind_u64(&call, scope->row.id);
    return run_one(saving, &call);
}

static int save_queue(struct saving *saving, const struct slot *slot)
{
    const struct view_queue *queue = (const struct view_queue *)slot;
    struct call call = pawli_call(saving->connection, queue->slot.found ? SQL_put_queue : SQL_add_queue);
    if (!queue->slot.found) {
        pawli_bind_u64(&call, queue->row.id);
        pawli_bind_u64(&call, queue->row.scope);
        pawli_bind_text(&call, queue->lane);
        pawli_bind_text(&call, queue->target);
        pawli_bind_sum(&call);
    }
    for (size_t i = 0; i < STATE_COUNT; i++)
        pawli_bind_u64(&call, queue->row.counts[i]);
    pawli_bind_i64(&call, queue->row.lease.ns);
    pawli_bind_u64(&call, queue->row.looks);
    if (queue->slot.found)
        pawli_bind_u64(&call, queue->row.id);
    return run_one(saving, &call);
}

static int save_lane(struct saving *saving, const struct slot *slot)
{
    const struct view_lane *lane = (const struct view_lane *)slot;
    struct call call = pawli_call(saving->connection, SQL_put_lane);
    pawli_bind_u64(&call, lane->scope->row.id);
    pawli_bind_text(&call, lane->name);
    pawli_bind_text(&call, pawli_policy_json(&lane->row.policy, saving->arena));
    pawli_bind_sum(&call);
    return run_one(saving, &call);
}

static int save_target(struct saving *saving, const struct slot *slot)
{
    const struct view_target *target = (const struct view_target *)slot;
    if (!target->slot.exists && !target->slot.found)
        return SQLITE_OK;
    struct call call = pawli_call(saving->connection, target->slot.exists ? SQL_put_target : SQL_remove_target);
    pawli_bind_u64(&call, target->scope->row.id);
    pawli_bind_text(&call, target->name);
    if (target->slot.exists) {
        pawli_bind_text(&call, target->row.url);
        pawli_bind_text(&call, target->row.secret_file);
        pawli_bind_text(&call, target->row.headers);
        pawli_bind_text(&call, pawli_policy_json(&target->row.policy, saving->arena));
        pawli_bind_sum(&call);
    }
    return run_one(saving, &call);
}

static int save_hold(struct saving *saving, const struct slot *slot)
{
    const struct view_hold *hold = (const struct view_hold *)slot;
    if (!hold->slot.exists)
        return SQLITE_OK;
    const struct hold_row *row = &hold->row;
    struct call call = pawli_call(saving->connection, SQL_put_hold);
    pawli_bind_text(&call, text_of(pawli_hold_kind_text(row->kind)));
    pawli_bind_u64(&call, row->scope);
    pawli_bind_text(&call, row->lane.data ? row->lane : TEXT(""));
    pawli_bind_text(&call, row->target.data ? row->target : TEXT(""));
    pawli_bind_text(&call, row->code);
    pawli_bind_text(&call, row->reason);
    pawli_bind_text(&call, row->by);
    pawli_bind_i64(&call, row->since.ms);
    pawli_bind_wall(&call, row->until);
    pawli_bind_i64(&call, row->before_ms);
    pawli_bind_sum(&call);
    return run_one(saving, &call);
}

static int save_bound(struct saving *saving, const struct slot *slot)
{
    const struct view_bound *bound = (const struct view_bound *)slot;
    const struct bound_row *row = &bound->row;
    if (!bound->slot.exists && !bound->slot.found)
        return SQLITE_OK;
    struct call call = pawli_call(saving->connection, bound->slot.exists ? SQL_put_bound : SQL_remove_bound);
    pawli_bind_u64(&call, row->queue);
    pawli_bind_i64(&call, row->kind);
    if (row->kind == BOUND_DEDUPE)
        pawli_bind_text(&call, bound->key);
    else
        pawli_bind_blob(&call, bound->key.data, bound->key.size);
    if (bound->slot.exists) {
        pawli_bind_blob(&call, &row->message, sizeof row->message);
        pawli_bind_blob(&call, &row->fingerprint, DIGEST_SIZE);
        pawli_bind_wall(&call, row->until);
        pawli_bind_text(&call, row->until.ms == INT64_MAX ? (struct text){0} : text_of(pawli_state_text(row->state)));
        pawli_bind_sum(&call);
    }
    return run_one(saving, &call);
}

static int save_worker(struct saving *saving, const struct slot *slot)
{
    const struct worker_row *row = &((const struct view_worker *)slot)->row;
    if (!slot->exists && !slot->found)
        return SQLITE_OK;
    struct call call = pawli_call(saving->connection, slot->exists ? SQL_put_worker : SQL_remove_worker);
    pawli_bind_u64(&call, row->id);
    if (slot->exists) {
        pawli_bind_text(&call, row->consumer);
        pawli_bind_u64(&call, row->committer);
        pawli_bind_u64(&call, row->pid);
        pawli_bind_text(&call, row->scope);
        pawli_bind_text(&call, row->lanes);
        pawli_bind_text(&call, row->sinks);
        pawli_bind_i64(&call, row->since.ms);
        pawli_bind_i64(&call, row->seen.ms);
        pawli_bind_wall(&call, row->stopped);
        pawli_bind_sum(&call);
    }
    return run_one(saving, &call);
}

static int save_line(struct saving *saving, const struct slot *slot)
{
    const struct view_line *line = (const struct view_line *)slot;
    if (!line->slot.exists && !line->slot.found)
        return SQLITE_OK;
    struct call call = pawli_call(saving->connection, line->slot.exists ? SQL_put_line : SQL_remove_line);
    pawli_bind_u64(&call, line->row.queue);
    pawli_bind_text(&call, line->key);
    if (line->slot.exists) {
        pawli_bind_u64(&call, line->row.head);
        pawli_bind_u64(&call, line->row.order);
        pawli_bind_u64(&call, line->row.depth);
    }
    return run_one(saving, &call);
}

void pawli_bind_store(struct call *call, const struct store_row *row)
{
    pawli_bind_blob(call, &row->life, sizeof row->life);
    pawli_bind_u64(call, row->epoch);
    pawli_bind_u64(call, row->commits);
    pawli_bind_u64(call, row->last_number);
    pawli_bind_u64(call, row->last_token);
    pawli_bind_u64(call, row->last_scope);
    pawli_bind_u64(call, row->last_queue);
    pawli_bind_u64(call, row->last_committer);
    pawli_bind_blob(call, &row->boot_id, sizeof row->boot_id);
    pawli_bind_u64(call, row->boot);
    pawli_bind_u64(call, row->looks);
    pawli_bind_i64(call, row->lease.ns);
    pawli_bind_i64(call, row->clock.wall.ms);
    pawli_bind_i64(call, row->clock.boot.ns);
    pawli_bind_i64(call, row->clock.steady.ms);
    pawli_bind_i64(call, row->clock.steady_boot.ns);
    pawli_bind_i64(call, row->clock.floor.ms);
    pawli_bind_i64(call, row->clock.leapt_ms);
    pawli_bind_wall(call, row->clock.ahead);
    pawli_bind_u64(call, row->clock.backs);
    pawli_bind_u64(call, row->clock.mended);
    pawli_bind_sum(call);
}

static int save_store(struct saving *saving)
{
    struct call call = pawli_call(saving->connection, SQL_put_store);
    pawli_bind_store(&call, &saving->view->store.row);
    return run_one(saving, &call);
}

static int remove_committer(struct saving *saving, uint64_t id)
{
    struct call call = pawli_call(saving->connection, SQL_remove_committer);
    pawli_bind_u64(&call, id);
    return pawli_call_run(&call);
}

/* Written once: with one writer at a time the commit number is the marker of a batch. */
static int add_committer(struct saving *saving)
{
    const struct committer_row *row = &saving->view->committer.row;
    atomic_store(&saving->store->committer, row->id);
    struct call call = pawli_call(saving->connection, SQL_add_committer);
    pawli_bind_u64(&call, row->id);
    pawli_bind_u64(&call, row->slot);
    pawli_bind_sum(&call);
    int code = run_one(saving, &call);
    if (code != SQLITE_OK)
        return code;
    call = pawli_call(saving->connection, SQL_remove_committers_of_slot);
    pawli_bind_u64(&call, row->slot);
    pawli_bind_u64(&call, row->id);
    return pawli_call_run(&call);
}

/* Kinds of which a batch changes few rows. In the order in which a person would read them; nothing depends on it. */
static const struct {
    size_t slots; /* where in the view */
    int (*save)(struct saving *saving, const struct slot *slot);
} kinds[] = {
    {offsetof(struct view, scopes), save_scope}, {offsetof(struct view, queues), save_queue},
    {offsetof(struct view, lines), save_line},   {offsetof(struct view, bounds), save_bound},
    {offsetof(struct view, lanes), save_lane},   {offsetof(struct view, targets), save_target},
    {offsetof(struct view, holds), save_hold},   {offsetof(struct view, workers), save_worker},
};

static int save_all(struct saving *saving)
{
    const struct view *view = saving->view;
    int code = save_requests(saving, &view->requests);
    if (code == SQLITE_OK)
        code = save_tasks(saving, &view->tasks);
    for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
        const struct slots *slots = (const struct slots *)((const char *)view + kinds[kind].slots);
        for (size_t i = 0; code == SQLITE_OK && i < slots->count; i++) {
            const struct slot *slot = slots->at[i];
            if (slot->changed)
                code = kinds[kind].save(saving, slot);
        }
    }
    for (size_t i = 0; code == SQLITE_OK && view->forget_dead && i < view->dead_count; i++)
        code = remove_committer(saving, view->dead[i].id);
    if (code == SQLITE_OK && view->committer.slot.changed && !view->committer.slot.found)
        code = add_committer(saving);
    return code == SQLITE_OK ? save_store(saving) : code;
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
