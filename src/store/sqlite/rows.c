/* SPDX-License-Identifier: MIT */
/* Columns to rows, one function a kind. What is stored is input: a column that is not of its type, a value outside its range,
 * fields that do not go together, or a sum that differs make the row one that cannot be read. Each function then answers
 * false, and its caller sets the row apart; nobody else looks at what it left in the struct. The order of columns is that of
 * statements.sql, and that in which save.c binds them. */
#include "base/json.h"
#include "model/check.h"
#include "model/serving.h"
#include "store/sqlite/sqlite.h"

/* Counters go up: one that is near its end was not reached by counting. */
#define COUNTER_MAX (INT64_MAX / 2)

static uint64_t column_number(struct call *call)
{
    return (uint64_t)pawli_column_between(call, 1, MESSAGE_NUMBER_MAX);
}

/* With room to go up and down by one. */
static uint32_t column_count(struct call *call)
{
    return (uint32_t)pawli_column_between(call, 0, INT32_MAX);
}

static uint32_t column_cap(struct call *call)
{
    uint64_t cap = pawli_column_u64_or_null(call);
    call->bad |= cap > INT32_MAX;
    return (uint32_t)cap;
}

static struct text column_name(struct call *call, struct arena *arena)
{
    struct text name = pawli_column_text(call, arena);
    call->bad |= pawli_check_name_or_reserved("", name, NULL) < 0;
    return name;
}

/* A lane or target of a hold that has none is ''. */
static struct text column_name_or_empty(struct call *call, struct arena *arena)
{
    struct text name = pawli_column_text(call, arena);
    if (name.data && name.size == 0)
        return (struct text){0};
    call->bad |= pawli_check_name_or_reserved("", name, NULL) < 0;
    return name;
}

static struct text column_key(struct call *call, struct arena *arena)
{
    struct text key = pawli_column_text(call, arena);
    call->bad |= pawli_check_key("", key, NULL) < 0;
    return key;
}

static struct text column_text_up_to(struct call *call, size_t limit, struct arena *arena)
{
    struct text text = pawli_column_text(call, arena);
    call->bad |= pawli_check_text("", text, limit, NULL) < 0;
    return text;
}

bool pawli_read_store(struct call *call, struct store_row *row)
{
    *row = (struct store_row){0};
    pawli_column_bytes(call, &row->life, sizeof row->life);
    row->epoch = (uint64_t)pawli_column_between(call, 1, UINT16_MAX);
    row->commits = (uint64_t)pawli_column_between(call, 0, COUNTER_MAX);
    row->last_number = (uint64_t)pawli_column_between(call, 0, MESSAGE_NUMBER_MAX / 2);
    row->last_token = (uint64_t)pawli_column_between(call, 0, TOKEN_COUNTER_MAX / 2);
    row->last_scope = (uint64_t)pawli_column_between(call, 0, COUNTER_MAX);
    row->last_queue = (uint64_t)pawli_column_between(call, 0, COUNTER_MAX);
    row->last_committer = (uint64_t)pawli_column_between(call, 0, COUNTER_MAX);
    pawli_column_bytes(call, &row->boot_id, sizeof row->boot_id);
    row->boot = (uint64_t)pawli_column_between(call, 0, COUNTER_MAX);
    row->looks = (uint64_t)pawli_column_between(call, 0, COUNTER_MAX);
    row->lease = (struct boot_time){pawli_column_between(call, 0, INT64_MAX)};
    row->clock.wall = pawli_column_wall(call);
    row->clock.boot = (struct boot_time){pawli_column_between(call, 0, INT64_MAX)};
    row->clock.steady = pawli_column_wall(call);
    row->clock.steady_boot = (struct boot_time){pawli_column_between(call, 0, INT64_MAX)};
    row->clock.floor = pawli_column_wall(call);
    row->clock.leapt_ms = pawli_column_between(call, 0, INT64_MAX);
    row->clock.ahead = pawli_column_wall(call);
    row->clock.backs = pawli_column_u64(call);
    row->clock.mended = pawli_column_u64(call);
    return pawli_column_sum(call);
}

bool pawli_read_committer(struct call *call, struct committer_row *row)
{
    *row = (struct committer_row){0};
    row->id = pawli_column_id(call);
    row->slot = pawli_column_u64(call);
    return pawli_column_sum(call);
}

static struct text column_name_or_null(struct call *call, struct arena *arena)
{
    struct text name = pawli_column_text(call, arena);
    call->bad |= name.data && pawli_check_name_or_reserved("", name, NULL) < 0;
    return name;
}

bool pawli_read_worker(struct call *call, struct worker_row *row, struct arena *arena)
{
    *row = (struct worker_row){0};
    row->id = pawli_column_id(call);
    row->consumer = column_name(call, arena);
    row->committer = pawli_column_id(call);
    row->pid = (uint64_t)pawli_column_between(call, 1, INT32_MAX);
    row->scope = column_name_or_null(call, arena);
    row->lanes = pawli_column_text(call, arena);
    row->sinks = pawli_column_text(call, arena);
    row->since = pawli_column_wall(call);
    row->seen = pawli_column_wall(call);
    row->stopped = pawli_column_wall_or_never(call);
    call->bad |= (row->lanes.data && !pawli_names_check(row->lanes, arena)) || !pawli_names_check(row->sinks, arena);
    return pawli_column_sum(call);
}

bool pawli_read_scope(struct call *call, struct scope_row *row, struct arena *arena)
{
    *row = (struct scope_row){0};
    row->id = pawli_column_id(call);
    row->name = column_name(call, arena);
    pawli_column_sum(call);
    row->seq = (uint64_t)pawli_column_between(call, 0, COUNTER_MAX);
    pawli_column_bytes(call, &row->head, DIGEST_SIZE);
    return !call->bad;
}

bool pawli_read_queue(struct call *call, struct queue_row *row, struct arena *arena)
{
    *row = (struct queue_row){0};
    row->id = pawli_column_id(call);
    row->scope = pawli_column_id(call);
    row->lane = column_name(call, arena);
    row->target = column_name(call, arena);
    pawli_column_sum(call);
    for (size_t i = 0; i < STATE_COUNT; i++)
        row->counts[i] = (uint64_t)pawli_column_between(call, 0, COUNTER_MAX);
    row->lease = (struct boot_time){pawli_column_between(call, 0, INT64_MAX)};
    row->looks = (uint64_t)pawli_column_between(call, 0, COUNTER_MAX);
    return !call->bad;
}

static void read_policy(struct call *call, struct policy *policy, struct arena *arena)
{
    struct text json = pawli_column_text(call, arena);
    *policy = (struct policy){0};
    call->bad |= !json.data || pawli_policy_parse(json, policy, NULL) < 0;
}

bool pawli_read_lane(struct call *call, struct lane_row *row, struct arena *arena)
{
    *row = (struct lane_row){0};
    row->scope = pawli_column_id(call);
    row->name = column_name(call, arena);
    read_policy(call, &row->policy, arena);
    return pawli_column_sum(call);
}

/* Whether it is a JSON object, which can then be walked. */
static bool is_object(struct text json, struct arena *arena)
{
    if (json.size < 2 || json.data[0] != '{')
        return false;
    enum json_verdict verdict = pawli_json_check(json, NULL, NULL);
    arena->failed |= verdict == JSON_NO_MEMORY;
    return verdict == JSON_GOOD;
}

/* An object of texts, its names sorted and each there once. */
static bool are_headers(struct text json, struct arena *arena)
{
    struct text name, value, last = {0};
    size_t count = 0;
    if (!json.data)
        return true;
    if (!is_object(json, arena))
        return false;
    struct json_walk walk = pawli_json_walk(json);
    while (pawli_json_member(&walk, &name, &value)) {
        if (++count > LIMIT_HEADERS || pawli_json_type(value) != JSON_STRING)
            return false;
        struct text plain = pawli_json_string(arena, name);
        if (pawli_check_header(plain, pawli_json_string(arena, value), NULL) < 0 ||
            (last.data && pawli_text_compare(last, plain) >= 0))
            return false;
        last = plain;
    }
    return count > 0;
}

bool pawli_read_target(struct call *call, struct target_row *row, struct arena *arena)
{
    *row = (struct target_row){0};
    row->scope = pawli_column_id(call);
    row->name = column_name(call, arena);
    row->url = column_text_up_to(call, LIMIT_URL, arena);
    row->secret_file = column_text_up_to(call, LIMIT_URL, arena);
    row->headers = pawli_column_text(call, arena);
    read_policy(call, &row->policy, arena);
    call->bad |= !are_headers(row->headers, arena);
    return pawli_column_sum(call);
}

bool pawli_read_hold(struct call *call, struct hold_row *row, struct arena *arena)
{
    *row = (struct hold_row){0};
    struct text kind = pawli_column_text(call, arena);
    call->bad |= !pawli_hold_kind_parse(kind, &row->kind);
    row->scope = pawli_column_u64(call);
    row->lane = column_name_or_empty(call, arena);
    row->target = column_name_or_empty(call, arena);
    row->code = column_key(call, arena);
    row->reason = column_text_up_to(call, LIMIT_REASON, arena);
    row->by = column_key(call, arena);
    row->since = pawli_column_wall(call);
    row->until = pawli_column_wall_or_never(call);
    row->before_ms = pawli_column_between(call, 0, INT64_MAX);
    call->bad |= !row->code.data;
    return pawli_column_sum(call);
}

bool pawli_read_line(struct call *call, struct line_row *row, struct arena *arena)
{
    *row = (struct line_row){0};
    row->queue = pawli_column_id(call);
    row->key = column_key(call, arena);
    row->head = column_number(call);
    row->order = column_number(call);
    row->depth = (uint64_t)pawli_column_between(call, 1, COUNTER_MAX);
    return !call->bad && row->key.data;
}

bool pawli_read_bound(struct call *call, struct bound_row *row, struct arena *arena)
{
    uint64_t number, tail;
    *row = (struct bound_row){0};
    row->queue = pawli_column_id(call);
    row->kind = pawli_column_between(call, BOUND_DEDUPE, BOUND_REQUEST) == BOUND_DEDUPE ? BOUND_DEDUPE : BOUND_REQUEST;
    row->key = row->kind == BOUND_DEDUPE ? column_key(call, arena) : pawli_column_blob(call, arena);
    call->bad |= !row->key.data || (row->kind == BOUND_REQUEST && row->key.size != sizeof(pawl_uuid));
    pawli_column_bytes(call, &row->message, sizeof row->message);
    pawli_column_bytes(call, &row->fingerprint, DIGEST_SIZE);
    row->until = pawli_column_wall_or_never(call);
    struct text state = pawli_column_text(call, arena);
    bool is_kept = row->until.ms == INT64_MAX; /* its message is */
    call->bad |= is_kept ? state.data != NULL : !state.data || !pawli_state_parse(state, &row->state);
    call->bad |= !pawli_message_id_split(&row->message, &number, &tail);
    return pawli_column_sum(call);
}

/* A sum that differs is told apart: where the chain says what was changed, that is the better answer. */
bool pawli_read_record(struct call *call, struct record_row *row, bool *ret_same, struct arena *arena)
{
    *row = (struct record_row){0};
    row->scope = pawli_column_id(call);
    row->seq = (uint64_t)pawli_column_between(call, 1, COUNTER_MAX);
    pawli_column_bytes(call, &row->request_id, sizeof row->request_id);
    pawli_column_bytes(call, &row->fingerprint, DIGEST_SIZE);
    row->type = column_name(call, arena);
    row->ref = column_key(call, arena);
    row->content_type = pawli_column_content_type(call, arena);
    row->command = pawli_column_body(call, arena, row->content_type);
    row->response_type = pawli_column_content_type(call, arena);
    row->response = pawli_column_body(call, arena, row->response_type);
    if (!row->response.data)
        row->response_type = (struct text){0};
    row->pre = pawli_column_blob(call, arena);
    row->post = pawli_column_blob(call, arena);
    row->duration_us = pawli_column_u64_or_null(call);
    row->received = pawli_column_wall(call);
    row->committed = pawli_column_wall(call);
    row->epoch = (uint64_t)pawli_column_between(call, 1, UINT16_MAX);
    pawli_column_bytes(call, &row->digest, DIGEST_SIZE);
    row->events = pawli_column_text(call, arena);
    row->messages = pawli_column_blob(call, arena);
    row->settled = pawli_column_text(call, arena);
    row->hashes = pawli_column_blob(call, arena);
    bool good = !call->bad && row->messages.size % RECORD_MESSAGE_SIZE == 0 && row->hashes.size % RECORD_HASH_SIZE == 0;
    *ret_same = pawli_column_sum(call);
    return good;
}

bool pawli_read_message(struct call *call, struct message_row *row, struct arena *arena)
{
    *row = (struct message_row){0};
    row->number = column_number(call);
    row->tail = (uint64_t)pawli_column_between(call, 0, MESSAGE_TAIL_MAX);
    row->queue = pawli_column_id(call);
    row->seq = pawli_column_u64_or_null(call);
    row->sender = column_key(call, arena);
    row->key = column_key(call, arena);
    row->dedupe = column_key(call, arena);
    pawli_column_bytes_or_null(call, &row->request_id, sizeof row->request_id);
    row->priority = (uint32_t)pawli_column_between(call, 1, 9);
    row->content_type = pawli_column_content_type(call, arena);
    row->payload = pawli_column_body(call, arena, row->content_type);
    row->headers = pawli_column_text(call, arena);
    pawli_column_bytes(call, &row->fingerprint, DIGEST_SIZE);
    row->deadline = pawli_column_wall_or_never(call);
    row->available = pawli_column_wall(call);
    row->expires = pawli_column_wall_or_never(call);
    row->max_attempts = column_cap(call);
    pawli_column_bytes_or_null(call, &row->resent_of, sizeof row->resent_of);
    row->created = pawli_column_wall(call);
    call->bad |= !row->payload.data || !are_headers(row->headers, arena);
    return pawli_column_sum(call);
}

/* {"class":"transient","at":1700000000000,"text":"…"} */
static bool parse_failure(struct text json, struct failure *failure, struct arena *arena)
{
    bool has_class = false, has_time = false;
    if (!is_object(json, arena))
        return false;
    struct json_walk walk = pawli_json_walk(json);
    struct text name, value;
    while (pawli_json_member(&walk, &name, &value)) {
        bool quoted = pawli_json_type(value) == JSON_STRING;
        if (pawli_json_name_is(name, "class"))
            has_class = quoted && pawli_error_class_parse(pawli_json_string(arena, value), &failure->class);
        else if (pawli_json_name_is(name, "at"))
            has_time = pawli_json_i64(value, &failure->at.ms);
        else if (pawli_json_name_is(name, "text") && quoted)
            failure->text = pawli_arena_text(arena, pawli_json_string(arena, value));
    }
    return has_class && has_time;
}

static void read_failure(struct call *call, struct failure *failure, struct arena *arena)
{
    struct text json = pawli_column_text(call, arena);
    *failure = (struct failure){0};
    call->bad |= json.data && !parse_failure(json, failure, arena);
}

/* A place, where the row says that it is: what all of them begin with. */
static void read_identity(struct call *call, struct task_row *row, enum place place)
{
    *row = (struct task_row){.place = place};
    row->queue = pawli_column_id(call);
    row->number = column_number(call);
}

static void read_due(struct call *call, struct task_row *row)
{
    row->priority = (uint32_t)pawli_column_between(call, 1, 9);
    row->due = pawli_column_wall(call);
    row->since = pawli_column_wall_or_never(call);
    row->until = pawli_column_wall_or_never(call);
}

static void read_phase(struct call *call, struct task_row *row)
{
    row->phase = (enum phase)pawli_column_between(call, 0, PHASE_COUNT - 1);
}

/* {"times":1,"at":1700000000000,"attempts":40} */
static bool parse_retried(struct text json, struct task_row *row, struct arena *arena)
{
    uint64_t times = 0, attempts = INT32_MAX + UINT64_C(1);
    if (!is_object(json, arena))
        return false;
    struct json_walk walk = pawli_json_walk(json);
    struct text name, value;
    while (pawli_json_member(&walk, &name, &value))
        if (!(pawli_json_name_is(name, "times")      ? pawli_json_u64(value, &times)
              : pawli_json_name_is(name, "at")       ? pawli_json_i64(value, &row->retried.ms)
              : pawli_json_name_is(name, "attempts") ? pawli_json_u64(value, &attempts)
                                                     : false))
            return false;
    row->retries = (uint32_t)times;
    row->earlier = (uint32_t)attempts;
    return times >= 1 && times <= INT32_MAX && attempts <= INT32_MAX && row->retried.ms > 0;
}

void pawli_read_retried(struct call *call, struct task_row *row, struct arena *arena)
{
    struct text json = pawli_column_text(call, arena);
    call->bad |= json.data && !parse_retried(json, row, arena);
}

static void read_counts(struct call *call, struct task_row *row, struct arena *arena)
{
    row->attempts = column_count(call);
    row->deferrals = column_count(call);
    row->crashes = column_count(call);
    pawli_read_retried(call, row, arena);
}

static void read_key(struct call *call, struct task_row *row, struct arena *arena)
{
    row->key = column_key(call, arena);
    row->order = pawli_column_u64_or_null(call);
    call->bad |= (row->key.data != NULL) != (row->order != 0) || row->order > MESSAGE_NUMBER_MAX;
}

static void read_holds_key(struct call *call, struct task_row *row)
{
    row->holds_key = pawli_column_bool(call);
    call->bad |= row->holds_key && !row->key.data;
}

static bool read_history(struct call *call, struct task_row *row, struct arena *arena)
{
    read_failure(call, &row->failure, arena);
    row->progress = pawli_column_blob(call, arena);
    row->remote_id = column_text_up_to(call, LIMIT_REMOTE_ID, arena);
    row->updated = pawli_column_wall(call);
    call->bad |= row->progress.size > LIMIT_PROGRESS;
    return pawli_column_sum(call);
}

bool pawli_read_ready(struct call *call, struct task_row *row, struct arena *arena)
{
    read_identity(call, row, PLACE_READY);
    read_phase(call, row);
    read_due(call, row);
    read_counts(call, row, arena);
    read_key(call, row, arena);
    read_holds_key(call, row);
    call->bad |= row->phase == PHASE_SEND && row->key.data && !row->holds_key;
    return read_history(call, row, arena);
}

bool pawli_read_blocked(struct call *call, struct task_row *row, struct arena *arena)
{
    read_identity(call, row, PLACE_BLOCKED);
    read_due(call, row);
    read_counts(call, row, arena);
    read_key(call, row, arena);
    call->bad |= !row->key.data;
    return read_history(call, row, arena);
}

bool pawli_read_claimed(struct call *call, struct task_row *row, struct arena *arena)
{
    read_identity(call, row, PLACE_CLAIMED);
    row->tail = (uint64_t)pawli_column_between(call, 0, MESSAGE_TAIL_MAX);
    read_phase(call, row);
    read_due(call, row);
    row->token = pawli_column_id(call);
    row->committer = pawli_column_u64_or_null(call);
    row->consumer = column_text_up_to(call, LIMIT_NAME, arena);
    row->claimed = pawli_column_wall(call);
    row->lease = (struct boot_time){pawli_column_between(call, 0, INT64_MAX)};
    row->boot = pawli_column_u64(call);
    read_counts(call, row, arena);
    read_key(call, row, arena);
    read_holds_key(call, row);
    call->bad |= row->phase == PHASE_SEND && row->attempts == 0; /* counted before it is made */
    return read_history(call, row, arena);
}

bool pawli_read_held(struct call *call, struct task_row *row, struct arena *arena)
{
    read_identity(call, row, PLACE_HELD);
    read_phase(call, row);
    read_due(call, row);
    row->hold = column_key(call, arena);
    row->token = pawli_column_u64(call);
    read_counts(call, row, arena);
    read_key(call, row, arena);
    read_holds_key(call, row);
    call->bad |= !row->hold.data;
    return read_history(call, row, arena);
}

bool pawli_read_ended(struct call *call, struct task_row *row, struct arena *arena)
{
    read_identity(call, row, PLACE_ENDED);
    struct text state = pawli_column_text(call, arena);
    call->bad |= !state.data || !pawli_state_parse(state, &row->ended) ||
                 pawli_state_kind(row->ended) == STATE_KIND_OPEN;
    read_counts(call, row, arena);
    read_key(call, row, arena);
    read_holds_key(call, row);
    read_failure(call, &row->failure, arena);
    row->remote_id = column_text_up_to(call, LIMIT_REMOTE_ID, arena);
    row->claimed = pawli_column_time_or_none(call);
    row->ended_at = row->updated = pawli_column_wall(call);
    row->ended_reason = column_text_up_to(call, LIMIT_REASON, arena);
    row->ended_by = column_text_up_to(call, LIMIT_KEY, arena);
    pawli_column_bytes_or_null(call, &row->successor, sizeof row->successor);
    call->bad |= row->holds_key && row->ended != STATE_DEAD;
    return pawli_column_sum(call);
}

bool pawli_read_attempt(struct call *call, struct attempt_row *row, struct arena *arena)
{
    *row = (struct attempt_row){0};
    row->number = column_number(call);
    row->ordinal = column_count(call);
    row->n = column_count(call);
    row->began = pawli_column_wall(call);
    row->ended = pawli_column_wall(call);
    row->worker = column_text_up_to(call, LIMIT_NAME, arena);
    row->verdict = column_text_up_to(call, LIMIT_NAME, arena);
    struct text class = pawli_column_text(call, arena);
    call->bad |= !row->verdict.data || !class.data || !pawli_error_class_parse(class, &row->class);
    row->text = column_text_up_to(call, LIMIT_JSON, arena);
    return pawli_column_sum(call);
}

/* ---- what is found by more than one statement ---- */

int pawli_get_message(struct connection *connection, uint64_t number, struct message_row *row, bool *found,
                      struct arena *arena)
{
    struct call call = pawli_call(connection, SQL_get_message);
    pawli_bind_u64(&call, number);
    *found = pawli_call_row(&call);
    if (*found && !pawli_read_message(&call, row, arena))
        call.code = BAD_ROW;
    return pawli_call_end(&call);
}

typedef bool read_task(struct call *call, struct task_row *row, struct arena *arena);

static int try_place(struct call call, read_task *read, uint64_t number, struct task_row *row, bool *found,
                     struct arena *arena)
{
    *found = pawli_call_row(&call);
    if (*found && (!read(&call, row, arena) || row->number != number))
        call.code = BAD_ROW;
    return pawli_call_end(&call);
}

/* Where the task of a message that is there for the first time is, and nowhere else. */
static int find_by_message(struct connection *connection, const struct message_row *message, struct task_row *row,
                           bool *found, struct arena *arena)
{
    struct call call = pawli_call(connection, SQL_get_ready_first);
    pawli_bind_u64(&call, message->queue);
    pawli_bind_i64(&call, message->priority);
    pawli_bind_wall(&call, message->available);
    pawli_bind_u64(&call, message->number);
    int code = try_place(call, pawli_read_ready, message->number, row, found, arena);
    if (code != SQLITE_OK || *found || !message->key.data)
        return code;
    call = pawli_call(connection, SQL_get_blocked_at);
    pawli_bind_u64(&call, message->queue);
    pawli_bind_text(&call, message->key);
    pawli_bind_u64(&call, message->number);
    pawli_bind_u64(&call, message->number);
    return try_place(call, pawli_read_blocked, message->number, row, found, arena);
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
    int code = SQLITE_OK;
    *found = false;
    for (size_t i = 0; code == SQLITE_OK && !*found && i < COUNT_OF(by_number); i++) {
        struct call call = pawli_call(connection, by_number[i].sql);
        pawli_bind_u64(&call, number);
        code = try_place(call, by_number[i].read, number, row, found, arena);
    }
    if (code != SQLITE_OK)
        return code;
    /* The rest is found by what its message says: when it is due for the first time, and its place in its line. */
    if (!*found && !message) {
        bool exists;
        code = pawli_get_message(connection, number, &own, &exists, arena);
        if (code != SQLITE_OK || !exists)
            return code;
        message = &own;
    }
    if (!*found)
        code = find_by_message(connection, message, row, found, arena);
    if (code == SQLITE_OK && *found && message && row->queue != message->queue)
        code = BAD_ROW;
    return code;
}

int pawli_get_lane(struct connection *connection, uint64_t scope, struct text name, struct lane_row *row, bool *found,
                   struct arena *arena)
{
    struct call call = pawli_call(connection, SQL_get_lane);
    pawli_bind_u64(&call, scope);
    pawli_bind_text(&call, name);
    *row = (struct lane_row){0};
    *found = pawli_call_row(&call);
    if (*found && !pawli_read_lane(&call, row, arena))
        call.code = BAD_ROW;
    return pawli_call_end(&call);
}

int pawli_get_target(struct connection *connection, uint64_t scope, struct text name, struct target_row *row,
                     bool *found, struct arena *arena)
{
    struct call call = pawli_call(connection, SQL_get_target);
    pawli_bind_u64(&call, scope);
    pawli_bind_text(&call, name);
    *row = (struct target_row){0};
    *found = pawli_call_row(&call);
    if (*found && !pawli_read_target(&call, row, arena))
        call.code = BAD_ROW;
    return pawli_call_end(&call);
}

int pawli_policy_of(struct connection *connection, const struct queue_row *queue, struct lane_row *lane,
                    struct target_row *target, struct arena *arena)
{
    bool found;
    int code = pawli_get_lane(connection, queue->scope, queue->lane, lane, &found, arena);
    return code == SQLITE_OK ? pawli_get_target(connection, queue->scope, queue->target, target, &found, arena) : code;
}
