/* SPDX-License-Identifier: MIT */
/* Columns to rows. A row that cannot be read is false: its caller decides whether that is corruption or a row to set
 * apart. The order of columns is that of statements.sql. */
#include "base/json.h"
#include "store/sqlite/sqlite.h"

bool pawli_read_store(struct call *call, struct store_row *row)
{
    *row = (struct store_row){0};
    bool good = pawli_column_bytes(call, &row->life, sizeof row->life);
    row->epoch = pawli_column_u64(call);
    row->commits = pawli_column_u64(call);
    row->last_number = pawli_column_u64(call);
    row->last_token = pawli_column_u64(call);
    row->last_scope = pawli_column_u64(call);
    row->last_queue = pawli_column_u64(call);
    row->last_committer = pawli_column_u64(call);
    good = pawli_column_bytes(call, &row->boot_id, sizeof row->boot_id) && good;
    row->boot = pawli_column_u64(call);
    row->lease = (struct boot_time){pawli_column_i64(call)};
    return good;
}

void pawli_read_queue(struct call *call, struct queue_row *row, struct arena *arena)
{
    *row = (struct queue_row){0};
    row->id = pawli_column_u64(call);
    row->scope = pawli_column_u64(call);
    row->lane = pawli_column_text(call, arena);
    row->target = pawli_column_text(call, arena);
    for (size_t i = 0; i < STATE_COUNT; i++)
        row->counts[i] = pawli_column_u64(call);
}

bool pawli_read_record(struct call *call, struct record_row *row, struct arena *arena)
{
    *row = (struct record_row){0};
    row->scope = pawli_column_u64(call);
    row->seq = pawli_column_u64(call);
    bool good = pawli_column_bytes(call, &row->request_id, sizeof row->request_id);
    good = pawli_column_bytes(call, &row->fingerprint, DIGEST_SIZE) && good;
    row->type = pawli_column_text(call, arena);
    row->ref = pawli_column_text(call, arena);
    row->content_type = pawli_column_content_type(call, arena);
    row->command = pawli_column_text(call, arena);
    row->response_type = pawli_column_content_type(call, arena);
    row->response = pawli_column_text(call, arena);
    if (!row->response.data)
        row->response_type = (struct text){0};
    row->pre = pawli_column_text(call, arena);
    row->post = pawli_column_text(call, arena);
    row->duration_us = pawli_column_u64(call);
    row->received = pawli_column_wall(call);
    row->committed = pawli_column_wall(call);
    row->epoch = pawli_column_u64(call);
    good = pawli_column_bytes(call, &row->digest, DIGEST_SIZE) && good;
    row->events = pawli_column_text(call, arena);
    row->messages = pawli_column_text(call, arena);
    row->settled = pawli_column_text(call, arena);
    row->hashes = pawli_column_text(call, arena);
    return good && row->messages.size % RECORD_MESSAGE_SIZE == 0;
}

bool pawli_read_message(struct call *call, struct message_row *row, struct arena *arena)
{
    *row = (struct message_row){0};
    row->number = pawli_column_u64(call);
    row->tail = pawli_column_u64(call);
    row->queue = pawli_column_u64(call);
    row->seq = pawli_column_u64(call);
    row->sender = pawli_column_text(call, arena);
    row->key = pawli_column_text(call, arena);
    row->dedupe = pawli_column_text(call, arena);
    if (!pawli_column_bytes(call, &row->request_id, sizeof row->request_id))
        row->request_id = (pawl_uuid){0};
    row->priority = pawli_column_u32(call);
    row->content_type = pawli_column_content_type(call, arena);
    row->payload = pawli_column_text(call, arena);
    row->headers = pawli_column_text(call, arena);
    bool good = pawli_column_bytes(call, &row->fingerprint, DIGEST_SIZE);
    row->deadline = pawli_column_wall(call);
    row->available = pawli_column_wall(call);
    row->expires = pawli_column_wall(call);
    row->max_attempts = pawli_column_u32(call);
    if (!pawli_column_bytes(call, &row->resent_of, sizeof row->resent_of))
        row->resent_of = (pawl_uuid){0};
    row->created = pawli_column_wall(call);
    return good && row->tail <= MESSAGE_TAIL_MAX && row->priority >= 1 && row->priority <= 9;
}

/* {"class":"transient","at":1700000000000,"text":"…"} */
static bool read_failure(struct call *call, struct failure *failure, struct arena *arena)
{
    struct text json = pawli_column_text(call, arena);
    *failure = (struct failure){0};
    if (!json.data)
        return true;
    if (pawli_json_check(json, NULL, NULL) != JSON_GOOD || pawli_json_type(json) != JSON_OBJECT)
        return false;
    struct json_walk walk = pawli_json_walk(json);
    struct text name, value;
    bool good = true;
    while (pawli_json_member(&walk, &name, &value)) {
        if (pawli_json_name_is(name, "class"))
            good = pawli_json_type(value) == JSON_STRING &&
                   pawli_error_class_parse(pawli_json_string(arena, value), &failure->class) && good;
        else if (pawli_json_name_is(name, "at"))
            good = pawli_json_i64(value, &failure->at.ms) && good;
        else if (pawli_json_name_is(name, "text") && pawli_json_type(value) == JSON_STRING)
            failure->text = pawli_arena_text(arena, pawli_json_string(arena, value));
    }
    return good;
}

static void read_counts(struct call *call, struct task_row *row)
{
    row->attempts = pawli_column_u32(call);
    row->deferrals = pawli_column_u32(call);
    row->crashes = pawli_column_u32(call);
    row->retries = pawli_column_u32(call);
    row->retried = (struct wall_time){pawli_column_i64(call)};
    row->earlier = pawli_column_u32(call);
}

static void read_key(struct call *call, struct task_row *row, struct arena *arena)
{
    row->key = pawli_column_text(call, arena);
    row->order = pawli_column_u64(call);
}

static bool read_history(struct call *call, struct task_row *row, struct arena *arena)
{
    bool good = read_failure(call, &row->failure, arena);
    row->progress = pawli_column_text(call, arena);
    row->remote_id = pawli_column_text(call, arena);
    row->updated = pawli_column_wall(call);
    return good;
}

static bool read_phase(struct call *call, struct task_row *row)
{
    uint64_t phase = pawli_column_u64(call);
    row->phase = phase < PHASE_COUNT ? (enum phase)phase : PHASE_SEND;
    return phase < PHASE_COUNT;
}

bool pawli_read_ready(struct call *call, struct task_row *row, struct arena *arena)
{
    *row = (struct task_row){.place = PLACE_READY};
    row->queue = pawli_column_u64(call);
    row->number = pawli_column_u64(call);
    bool good = read_phase(call, row);
    row->priority = pawli_column_u32(call);
    row->due = pawli_column_wall(call);
    row->is_due_first = pawli_column_i64(call) != 0;
    read_counts(call, row);
    read_key(call, row, arena);
    row->holds_key = row->key.data != NULL;
    return read_history(call, row, arena) && good;
}

bool pawli_read_blocked(struct call *call, struct task_row *row, struct arena *arena)
{
    *row = (struct task_row){.place = PLACE_BLOCKED};
    row->queue = pawli_column_u64(call);
    row->number = pawli_column_u64(call);
    row->priority = pawli_column_u32(call);
    row->due = pawli_column_wall(call);
    row->is_due_first = pawli_column_i64(call) != 0;
    read_counts(call, row);
    read_key(call, row, arena);
    return read_history(call, row, arena);
}

bool pawli_read_claimed(struct call *call, struct task_row *row, struct arena *arena)
{
    *row = (struct task_row){.place = PLACE_CLAIMED};
    row->queue = pawli_column_u64(call);
    row->number = pawli_column_u64(call);
    row->tail = pawli_column_u64(call);
    bool good = read_phase(call, row);
    row->priority = pawli_column_u32(call);
    row->due = pawli_column_wall(call);
    row->is_due_first = pawli_column_i64(call) != 0;
    row->token = pawli_column_u64(call);
    row->committer = pawli_column_u64(call);
    row->consumer = pawli_column_text(call, arena);
    row->claimed = pawli_column_wall(call);
    row->lease = (struct boot_time){pawli_column_i64(call)};
    row->boot = pawli_column_u64(call);
    read_counts(call, row);
    read_key(call, row, arena);
    row->holds_key = row->key.data != NULL;
    return read_history(call, row, arena) && good && row->token != 0;
}

bool pawli_read_held(struct call *call, struct task_row *row, struct arena *arena)
{
    *row = (struct task_row){.place = PLACE_HELD};
    row->queue = pawli_column_u64(call);
    row->number = pawli_column_u64(call);
    bool good = read_phase(call, row);
    row->priority = pawli_column_u32(call);
    row->due = pawli_column_wall(call);
    row->is_due_first = pawli_column_i64(call) != 0;
    row->hold = pawli_column_text(call, arena);
    row->until = pawli_column_wall(call);
    row->token = pawli_column_u64(call);
    read_counts(call, row);
    read_key(call, row, arena);
    row->holds_key = pawli_column_i64(call) != 0;
    return read_history(call, row, arena) && good;
}

bool pawli_read_ended(struct call *call, struct task_row *row, struct arena *arena)
{
    *row = (struct task_row){.place = PLACE_ENDED};
    row->queue = pawli_column_u64(call);
    row->number = pawli_column_u64(call);
    struct text state = pawli_column_text(call, arena);
    bool good = state.data && pawli_state_parse(state, &row->ended) && pawli_state_kind(row->ended) != STATE_KIND_OPEN;
    read_counts(call, row);
    read_key(call, row, arena);
    row->holds_key = pawli_column_i64(call) != 0;
    good = read_failure(call, &row->failure, arena) && good;
    row->remote_id = pawli_column_text(call, arena);
    row->claimed = (struct wall_time){pawli_column_i64(call)};
    row->ended_at = row->updated = pawli_column_wall(call);
    row->ended_reason = pawli_column_text(call, arena);
    row->ended_by = pawli_column_text(call, arena);
    if (!pawli_column_bytes(call, &row->successor, sizeof row->successor))
        row->successor = (pawl_uuid){0};
    return good;
}

bool pawli_read_hold(struct call *call, struct hold_row *row, struct arena *arena)
{
    row->code = pawli_column_text(call, arena);
    row->reason = pawli_column_text(call, arena);
    row->by = pawli_column_text(call, arena);
    row->since = pawli_column_wall(call);
    row->until = pawli_column_wall(call);
    return row->code.data != NULL;
}

int pawli_get_message(struct connection *connection, uint64_t number, struct message_row *row, bool *found,
                      struct arena *arena)
{
    struct call call = pawli_call(connection, SQL_get_message);
    pawli_bind_u64(&call, number);
    *found = pawli_call_row(&call);
    if (*found && !pawli_read_message(&call, row, arena))
        call.code = SQLITE_CORRUPT;
    return pawli_call_end(&call);
}

typedef bool read_task(struct call *call, struct task_row *row, struct arena *arena);

static int try_place(struct call call, read_task *read, struct task_row *row, bool *found, struct arena *arena)
{
    *found = pawli_call_row(&call);
    if (*found && !read(&call, row, arena))
        call.code = SQLITE_CORRUPT;
    return pawli_call_end(&call);
}

int pawli_find_task(struct connection *connection, uint64_t number, const struct message_row *message,
                    struct task_row *row, bool *found, struct arena *arena)
{
    static const struct {
        enum sql sql;
        read_task *read;
    } by_number[] = {{SQL_get_claimed, pawli_read_claimed},
                     {SQL_get_ended, pawli_read_ended},
                     {SQL_get_held, pawli_read_held},
                     {SQL_get_ready_again, pawli_read_ready},
                     {SQL_get_blocked_moved, pawli_read_blocked}};
    struct message_row own;
    *found = false;
    for (size_t i = 0; i < COUNT_OF(by_number); i++) {
        struct call call = pawli_call(connection, by_number[i].sql);
        pawli_bind_u64(&call, number);
        int code = try_place(call, by_number[i].read, row, found, arena);
        if (code != SQLITE_OK || *found)
            return code;
    }
    /* The rest is found by what its message says: when it is due for the first time, and its place in its line. */
    if (!message) {
        bool exists;
        int code = pawli_get_message(connection, number, &own, &exists, arena);
        if (code != SQLITE_OK || !exists)
            return code;
        message = &own;
    }
    struct call call = pawli_call(connection, SQL_get_ready_first);
    pawli_bind_u64(&call, message->queue);
    pawli_bind_i64(&call, message->priority);
    pawli_bind_wall(&call, message->available);
    pawli_bind_u64(&call, number);
    int code = try_place(call, pawli_read_ready, row, found, arena);
    if (code != SQLITE_OK || *found || !message->key.data)
        return code;
    call = pawli_call(connection, SQL_get_blocked_at);
    pawli_bind_u64(&call, message->queue);
    pawli_bind_text(&call, message->key);
    pawli_bind_u64(&call, number);
    pawli_bind_u64(&call, number);
    return try_place(call, pawli_read_blocked, row, found, arena);
}

static int get_policy(struct call call, bool target, struct policy *policy, struct text *url, struct text *secret,
                      struct arena *arena)
{
    *policy = (struct policy){0};
    if (pawli_call_row(&call)) {
        struct text ignored;
        *(url ? url : &ignored) = target ? pawli_column_text(&call, arena) : (struct text){0};
        *(secret ? secret : &ignored) = target ? pawli_column_text(&call, arena) : (struct text){0};
        struct text json = pawli_column_text(&call, arena);
        if (!json.data || pawli_policy_parse(json, policy, NULL) < 0)
            call.code = SQLITE_CORRUPT;
    }
    return pawli_call_end(&call);
}

int pawli_policy_of(struct connection *connection, uint64_t scope, struct text lane, struct text target,
                    struct policy *lane_policy, struct policy *target_policy, struct text *url, struct text *secret,
                    struct arena *arena)
{
    struct call call = pawli_call(connection, SQL_get_lane);
    pawli_bind_u64(&call, scope);
    pawli_bind_text(&call, lane);
    int code = get_policy(call, false, lane_policy, NULL, NULL, arena);
    if (code != SQLITE_OK)
        return code;
    call = pawli_call(connection, SQL_get_target);
    pawli_bind_u64(&call, scope);
    pawli_bind_text(&call, target);
    return get_policy(call, true, target_policy, url, secret, arena);
}
