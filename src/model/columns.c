/* SPDX-License-Identifier: MIT */
#include "model/columns.h"

#include "model/cells.h"
#include "model/schedule.h"

#define ROW store_row
static const struct column store_columns[] = {
    COLUMN("life", BYTES, life, .size = sizeof(pawl_uuid)),
    COLUMN("epoch", U64, epoch, EPOCH),
    COLUMN("commits", U64, commits, COUNTER),
    COLUMN("last_token", U64, last_token, .max = TOKEN_COUNTER_MAX / 2),
    COLUMN("last_scope", U64, last_scope, COUNTER),
    COLUMN("last_queue", U64, last_queue, COUNTER),
    COLUMN("last_committer", U64, last_committer, COUNTER),
    COLUMN("boot_id", BYTES, boot_id, .size = sizeof(pawl_uuid)),
    COLUMN("boot", U64, boot, COUNTER),
    COLUMN("looks", U64, looks, COUNTER),
    COLUMN("lease", TIME, lease, BOOT),
    COLUMN("wall", TIME, clock.wall, WALL),
    COLUMN("seen", TIME, clock.boot, BOOT),
    COLUMN("steady", TIME, clock.steady, WALL),
    COLUMN("steady_boot", TIME, clock.steady_boot, BOOT),
    COLUMN("floor", TIME, clock.floor, WALL),
    COLUMN("leapt", TIME, clock.leapt_ms, ANY),
    COLUMN("ahead", TIME, clock.ahead, WALL),
    COLUMN("backs", U64, clock.backs, ANY),
    COLUMN("mended", U64, clock.mended, ANY),
    SUM,
};
#undef ROW

#define ROW committer_row
static const struct column committer_columns[] = {
    COLUMN("id", U64, id, KEY, ID),
    COLUMN("slot", U64, slot, ANY),
    SUM,
};
#undef ROW

#define ROW worker_row
static const struct column worker_columns[] = {
    COLUMN("id", U64, id, KEY, ID),
    COLUMN("consumer", TEXT, consumer, NEEDED, .is_good = is_name),
    COLUMN("committer", U64, committer, ID),
    COLUMN("pid", U64, pid, .min = 1, .max = INT32_MAX),
    COLUMN("scope", TEXT, scope, .is_good = is_name),
    COLUMN("lanes", TEXT, lanes, .is_good = pawli_names_check),
    COLUMN("sinks", TEXT, sinks, NEEDED, .is_good = pawli_names_check),
    COLUMN("since", TIME, since, WALL),
    COLUMN("seen", TIME, seen, WALL),
    COLUMN("stopped", TIME_OR_NEVER, stopped, WALL),
    SUM,
};
#undef ROW

#define ROW scope_row
static const struct column scope_columns[] = {
    COLUMN("id", U64, id, .min = 1, .max = SCOPE_MAX),
    COLUMN("name", TEXT, name, KEY, NEEDED, .is_good = is_name),
    COLUMN("seq", U64, seq, COUNTER),
    COLUMN("head", BYTES, head, .size = DIGEST_SIZE),
    COLUMN("last_number", U64, last_number, .max = NUMBER_MAX),
    COLUMN("fill_types", U64, fill_types, COUNTER),
    COLUMN("pruned", U64, pruned, COUNTER),
    SUM,
};
#undef ROW

#define ROW lane_row
static const struct column lane_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("name", TEXT, name, KEY, NEEDED, .is_good = is_name),
    COLUMN("policy", JSON, policy, NEEDED, .form = &policies),
    SUM,
};
#undef ROW

#define ROUTE                                                                                                          \
    COLUMN("urls", TEXT, route.urls, .is_good = pawli_urls_check),                                                     \
        COLUMN("secret_file", TEXT, route.secret_file, .max = LIMIT_URL, .is_good = is_text),                          \
        COLUMN("headers", TEXT, route.headers, .is_good = are_headers)

#define ROW target_row
static const struct column target_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("name", TEXT, name, KEY, NEEDED, .is_good = is_name),
    ROUTE,
    COLUMN("probe", TEXT, probe, .max = LIMIT_URL, .is_good = is_text),
    COLUMN("poll", TEXT, poll, .max = LIMIT_URL, .is_good = is_text),
    COLUMN("policy", JSON, policy, NEEDED, .form = &policies),
    SUM,
};
#undef ROW

#define ROW sender_row
static const struct column sender_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("target", TEXT, target, KEY, NEEDED, .is_good = is_name),
    COLUMN("sender", TEXT, sender, KEY, NEEDED, .is_good = is_key),
    ROUTE,
    COLUMN("removed", TIME_OR_NEVER, removed, WALL),
    SUM,
};
#undef ROW

#define ROW hold_row
static const struct column hold_columns[] = {
    COLUMN("kind", WORD, kind, KEY, .words = &pawli_words_of_hold_kinds),
    COLUMN("scope", U64, scope, KEY, ANY),
    COLUMN("lane", TEXT_OR_EMPTY, lane, KEY, .is_good = is_name),
    COLUMN("target", TEXT_OR_EMPTY, target, KEY, .is_good = is_name),
    COLUMN("code", TEXT, code, KEY, NEEDED, .is_good = is_key),
    COLUMN("reason", TEXT, reason, .max = LIMIT_REASON, .is_good = is_text),
    COLUMN("by", TEXT, by, .is_good = is_key),
    COLUMN("since", TIME, since, WALL),
    COLUMN("until", TIME_OR_NEVER, until, WALL),
    COLUMN("before_ms", TIME, before_ms, ANY),
    SUM,
};
#undef ROW

#define ROW flow_row
static const struct column flow_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("lane", TEXT_OR_EMPTY, lane, KEY, .is_good = is_name),
    COLUMN("target", TEXT_OR_EMPTY, target, KEY, .is_good = is_name),
    COLUMN("boot", U64, boot, ANY),
    COLUMN("rate_next", TIME, rate_next, BOOT),
    COLUMN("breaker", U32, breaker, .max = BREAKER_COUNT - 1),
    COLUMN("calls", U32, calls, COUNT),
    COLUMN("failures", U32, failures, COUNT),
    COLUMN("opened", U32, opened, COUNT),
    COLUMN("until", TIME_OR_NEVER, until, WALL),
    COLUMN("healed", TIME, healed, BOOT),
    COLUMN("pace_next", TIME, pace_next, BOOT),
    COLUMN("retry_next", TIME, retry_next, BOOT),
    COLUMN("since", TIME, since, BOOT),
    COLUMN("sent", U32, sent, COUNT),
    COLUMN("normal", U64, normal, COUNTER),
    SUM,
};
#undef ROW

#define ROW queue_row
static const struct column queue_columns[] = {
    COLUMN("id", U64, id, ID),
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("lane", TEXT, lane, KEY, NEEDED, .is_good = is_name),
    COLUMN("target", TEXT, target, KEY, NEEDED, .is_good = is_name),
    COLUMN("kind", WORD, kind, KEY, .words = &pawli_words_of_task_kinds),
    COLUMN("pending", U64, counts[STATE_PENDING], COUNTER),
    COLUMN("claimed", U64, counts[STATE_CLAIMED], COUNTER),
    COLUMN("awaiting", U64, counts[STATE_AWAITING], COUNTER),
    COLUMN("uncertain", U64, counts[STATE_UNCERTAIN], COUNTER),
    COLUMN("delivered", U64, counts[STATE_DELIVERED], COUNTER),
    COLUMN("dead", U64, counts[STATE_DEAD], COUNTER),
    COLUMN("cancelled", U64, counts[STATE_CANCELLED], COUNTER),
    COLUMN("lease", TIME, lease, BOOT),
    COLUMN("looks", U64, looks, COUNTER),
    COLUMN("added", U64, added, COUNTER),
    COLUMN("late", U64, late, COUNTER),
    SUM,
};
#undef ROW

#define ROW record_row
static const struct column record_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("seq", U64, seq, FROM_ONE),
    COLUMN("request_id", BYTES, request_id, KEY, .size = sizeof(pawl_uuid)),
    COLUMN("fingerprint", BYTES, fingerprint, .size = DIGEST_SIZE),
    COLUMN("type", TEXT, type, NEEDED, .is_good = is_name),
    COLUMN("ref", TEXT, ref, .is_good = is_key),
    COLUMN("content_type", CONTENT_TYPE, content_type),
    COLUMN("command", BODY, command, WITH(content_type)),
    COLUMN("response_type", CONTENT_TYPE, response_type),
    COLUMN("response", BODY, response, WITH(response_type)),
    COLUMN("pre", BLOB, pre),
    COLUMN("post", BLOB, post),
    COLUMN("duration_us", U64_OR_NULL, duration_us, ANY),
    COLUMN("committed", TIME, committed, WALL),
    COLUMN("waited", TIME_BEFORE, received, WITH(committed), WALL),
    COLUMN("epoch", U64, epoch, EPOCH),
    COLUMN("digest", BYTES, digest, .size = DIGEST_SIZE),
    COLUMN("events", TEXT, events),
    COLUMN("messages", BLOB, messages),
    COLUMN("effects", TEXT, effects),
    COLUMN("hashes", BLOB, hashes),
    SUM,
};
#undef ROW

static bool complete_record(void *at)
{
    struct record_row *row = at;
    if (!row->response.data)
        row->response_type = (struct text){0};
    return row->messages.size % RECORD_MESSAGE_SIZE == 0 && row->hashes.size % RECORD_HASH_SIZE == 0;
}

#define ROW message_row
static const struct column message_columns[] = {
    COLUMN("number", U64, number, KEY, NUMBER),
    COLUMN("tail", U64, tail, TAIL),
    COLUMN("queue", U64, queue, ID),
    COLUMN("seq", U64_OR_NULL, seq, ANY),
    COLUMN("sender", TEXT, sender, .is_good = is_key),
    COLUMN("key", TEXT, key, .is_good = is_key),
    COLUMN("dedupe", TEXT, dedupe, .is_good = is_key),
    COLUMN("request_id", UUID_OR_NULL, request_id),
    COLUMN("priority", U32, priority, .min = 1, .max = 9),
    COLUMN("content_type", CONTENT_TYPE, content_type),
    COLUMN("payload", BODY, payload, NEEDED, WITH(content_type)),
    COLUMN("headers", TEXT, headers, .is_good = are_headers),
    COLUMN("fingerprint", BYTES, fingerprint, .size = DIGEST_SIZE),
    COLUMN("deadline", TIME_OR_NEVER, deadline, WALL),
    COLUMN("available", TIME, available, WALL),
    COLUMN("expires", TIME_OR_NEVER, expires, WALL),
    COLUMN("max_attempts", U32_OR_NULL, max_attempts, COUNT),
    COLUMN("resent_of", UUID_OR_NULL, resent_of),
    COLUMN("created", TIME, created, WALL),
    SUM,
};
#undef ROW

#define ROW bound_row
static const struct column bound_columns[] = {
    COLUMN("queue", U64, queue, KEY, ID),
    COLUMN("kind", U32, kind, KEY, .min = BOUND_DEDUPE, .max = BOUND_REQUEST),
    COLUMN("key", BOUND_KEY, key, KEY, NEEDED, WITH(kind), .is_good = is_key),
    COLUMN("message", BYTES, message, .size = sizeof(pawl_uuid)),
    COLUMN("fingerprint", BYTES, fingerprint, .size = DIGEST_SIZE),
    COLUMN("until", TIME_OR_NEVER, until, WALL),
    COLUMN("state", WORD, state, .words = &pawli_words_of_last_states),
    SUM,
};
#undef ROW

static bool complete_bound(void *at)
{
    const struct bound_row *row = at;
    uint64_t number, tail;
    bool is_kept = row->until.ms == INT64_MAX; /* its message is */
    return (!is_kept || row->state == STATE_PENDING) && message_id_split(&row->message, &number, &tail) &&
           (row->kind == BOUND_DEDUPE || row->key.size == sizeof(pawl_uuid));
}

#define ROW line_row
static const struct column line_columns[] = {
    COLUMN("queue", U64, queue, KEY, ID),      COLUMN("key", TEXT, key, KEY, NEEDED, .is_good = is_key),
    COLUMN("head", U64_OR_NULL, head, NUMBER), COLUMN("position", U64_OR_NULL, order, NUMBER),
    COLUMN("beside", U64, beside, ANY),        COLUMN("depth", U64, depth, FROM_ONE),
};
#undef ROW

#define ROW   task_row
#define TASK  COLUMN("queue", U64, queue, ID), COLUMN("number", U64, number, KEY, NUMBER)
#define PHASE COLUMN("phase", U32, phase, .max = PHASE_COUNT - 1)
#define DUE                                                                                                            \
    COLUMN("priority", U32, priority, .min = 1, .max = 9), COLUMN("due", TIME, due, WALL),                             \
        COLUMN("since", TIME_OR_NEVER, since, WALL), COLUMN("until", TIME_OR_NEVER, until, WALL),                      \
        COLUMN("sender", TEXT, sender, .is_good = is_key)
#define COUNTS                                                                                                         \
    COLUMN("attempts", U32, attempts, COUNT), COLUMN("deferrals", U32, deferrals, COUNT),                              \
        COLUMN("crashes", U32, crashes, COUNT), COLUMN("retried", JSON, retried, .form = &retries),                    \
        COLUMN("looked", JSON, looked, .form = &looks)
#define WAITER    COLUMN("waiter", U64_OR_NULL, waiter, NUMBER)
#define LINE      COLUMN("key", TEXT, key, .is_good = is_key), COLUMN("position", U64_OR_NULL, order, NUMBER)
#define HOLDS_KEY COLUMN("holds_key", U32, holds_key, .max = HOLDS_COUNT - 1)
#define FAILURE   COLUMN("failure", JSON, failure, .form = &failures)
#define REMOTE_ID COLUMN("remote_id", TEXT, remote_id, .max = LIMIT_REMOTE_ID, .is_good = is_text)
#define HISTORY                                                                                                        \
    FAILURE, COLUMN("progress", BLOB, progress, .max = LIMIT_PROGRESS), REMOTE_ID,                                     \
        COLUMN("updated", TIME, updated, WALL), SUM

static const struct column ready_columns[] = {TASK, PHASE, DUE, COUNTS, WAITER, LINE, HOLDS_KEY, HISTORY};
static const struct column blocked_columns[] = {TASK, DUE, COUNTS, WAITER, LINE, HISTORY};
static const struct column claimed_columns[] = {
    TASK,
    COLUMN("tail", U64, tail, TAIL),
    PHASE,
    DUE,
    COLUMN("token", U64, token, ID),
    COLUMN("committer", U64_OR_NULL, committer, ANY),
    COLUMN("consumer", TEXT, consumer, .max = LIMIT_NAME, .is_good = is_text),
    COLUMN("claimed", TIME, claimed, WALL),
    COLUMN("lease", TIME, lease, BOOT),
    COLUMN("boot", U64, boot, ANY),
    COUNTS,
    WAITER,
    LINE,
    HOLDS_KEY,
    HISTORY,
};
static const struct column held_columns[] = {
    TASK,
    PHASE,
    DUE,
    COLUMN("hold", TEXT, hold, NEEDED, .is_good = is_key),
    COLUMN("token", U64, token, ANY),
    COUNTS,
    WAITER,
    LINE,
    HOLDS_KEY,
    HISTORY,
};
static const struct column ended_columns[] = {
    TASK,
    COLUMN("state", WORD, ended, .words = &pawli_words_of_states),
    COUNTS,
    LINE,
    HOLDS_KEY,
    FAILURE,
    REMOTE_ID,
    COLUMN("answer", JSON, answer, .form = &answers),
    COLUMN("claimed", TIME_OR_NONE, claimed, WALL),
    COLUMN("ended", TIME, ended_at, WALL),
    COLUMN("reason", TEXT, ended_reason, .max = LIMIT_REASON, .is_good = is_text),
    COLUMN("by", TEXT, ended_by, .max = LIMIT_KEY, .is_good = is_text),
    COLUMN("successor", UUID_OR_NULL, successor),
    SUM,
};
#undef ROW

static bool is_in_place(struct task_row *row, enum place place)
{
    row->place = place;
    return (row->key.data != NULL) == (row->order != 0) && (!row->holds_key || row->key.data);
}

static bool complete_ready(void *at)
{
    struct task_row *row = at;
    return is_in_place(row, PLACE_READY) && (row->phase != PHASE_SEND || !row->key.data || row->holds_key);
}

static bool complete_blocked(void *at)
{
    struct task_row *row = at;
    return is_in_place(row, PLACE_BLOCKED) && row->key.data;
}

static bool complete_claimed(void *at)
{
    struct task_row *row = at;
    return is_in_place(row, PLACE_CLAIMED) &&
           (row->phase != PHASE_SEND || row->attempts > 0); /* counted before it is made */
}

static bool complete_held(void *at)
{
    struct task_row *row = at;
    return is_in_place(row, PLACE_HELD);
}

static bool complete_ended(void *at)
{
    struct task_row *row = at;
    row->updated = row->ended_at;
    return is_in_place(row, PLACE_ENDED) && (!row->holds_key || row->ended == STATE_DEAD);
}

#define ROW attempt_row
static const struct column attempt_columns[] = {
    COLUMN("number", U64, number, KEY, NUMBER),
    COLUMN("ordinal", U32, ordinal, KEY, COUNT),
    PHASE,
    COLUMN("n", U32, n, COUNT),
    COLUMN("began", TIME, began, WALL),
    COLUMN("ended", TIME, ended, WALL),
    COLUMN("worker", TEXT, worker, .max = LIMIT_NAME, .is_good = is_text),
    COLUMN("verdict", TEXT, verdict, NEEDED, .max = LIMIT_NAME, .is_good = is_text),
    COLUMN("status", U32_OR_NULL, status, COUNT),
    COLUMN("class", WORD, class, .words = &pawli_words_of_error_classes),
    COLUMN("text", TEXT, text, .max = LIMIT_JSON, .is_good = is_text),
    SUM,
};
#undef ROW

#define ROW asset_row
static const struct column asset_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("name", TEXT, name, KEY, NEEDED, .is_good = is_name),
    COLUMN("scale", U32, scale, .max = DECIMAL_SCALE_MAX),
    SUM,
};
#undef ROW

#define ROW account_row
static const struct column account_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("account", TEXT, account, KEY, NEEDED, .is_good = is_account),
    COLUMN("asset", TEXT, asset, KEY, NEEDED, .is_good = is_name),
    COLUMN("balance", DECIMAL, balance),
    COLUMN("entries", U64, entries, FROM_ONE),
    COLUMN("seq", U64, seq, FROM_ONE),
    COLUMN("update_seq", U64_OR_NULL, update_seq, ANY),
    SUM,
};
#undef ROW

#define ROW entry_row
static const struct column entry_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("seq", U64, seq, KEY, FROM_ONE),
    COLUMN("post", U32, index, KEY, COUNT),
    COLUMN("account", TEXT, account, NEEDED, .is_good = is_account),
    COLUMN("asset", TEXT, asset, NEEDED, .is_good = is_name),
    COLUMN("delta", DECIMAL, delta),
    COLUMN("balance", DECIMAL, balance),
    COLUMN("reason", TEXT, reason, .max = LIMIT_REASON, .is_good = is_text),
    COLUMN("reference", TEXT, reference, .is_good = is_key),
    COLUMN("update_seq", U64_OR_NULL, update_seq, ANY),
    SUM,
};
#undef ROW

#define ROW fill_row
static const struct column fill_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("trade", TEXT, trade, KEY, NEEDED, .is_good = is_key),
    COLUMN("seq", U64, seq, FROM_ONE),
    COLUMN("event", U32, event, COUNT),
    COLUMN("market", TEXT, market, NEEDED, .is_good = is_name),
    COLUMN("buyer", TEXT, buyer, NEEDED, .is_good = is_account),
    COLUMN("seller", TEXT, seller, NEEDED, .is_good = is_account),
    COLUMN("price", DECIMAL, price),
    COLUMN("size", DECIMAL, size),
    COLUMN("fee", DECIMAL, fee),
    COLUMN("profit", DECIMAL, profit),
    SUM,
};
#undef ROW

#define ROW projection_row
static const struct column projection_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("name", TEXT, name, KEY, NEEDED, .is_good = is_name),
    COLUMN("key", TEXT, key, KEY, NEEDED, .is_good = is_key),
    COLUMN("content_type", CONTENT_TYPE, content_type),
    COLUMN("data", BODY, data, NEEDED, WITH(content_type)),
    COLUMN("version", U64, version, FROM_ONE),
    COLUMN("seq", U64, seq, FROM_ONE),
    SUM,
};
#undef ROW

#define ROW counter_row
static const struct column counter_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("name", TEXT, name, KEY, NEEDED, .is_good = is_name),
    COLUMN("value", U64, value, ANY),
    COLUMN("seq", U64, seq, FROM_ONE),
    SUM,
};
#undef ROW

#define ROW type_row
static const struct column type_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("name", TEXT, name, KEY, NEEDED, .is_good = is_name),
    COLUMN("needs", WORD, needs, .words = &pawli_words_of_needs),
    COLUMN("keep", WORD, keep, .words = &pawli_words_of_keeps),
    COLUMN("critical", BOOL, critical, .max = 1),
    SUM,
};
#undef ROW

#define ROW snapshot_row
static const struct column snapshot_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("seq", U64, seq, KEY, FROM_ONE),
    COLUMN("record", BYTES, record, .size = DIGEST_SIZE),
    COLUMN("hash", BYTES, hash, .size = DIGEST_SIZE),
    COLUMN("size", U64, size, COUNTER),
    COLUMN("made", TIME, made, WALL),
    SUM,
};
#undef ROW

#define ROW chunk_row
static const struct column chunk_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("seq", U64, seq, KEY, FROM_ONE),
    COLUMN("piece", U32, index, KEY, COUNT),
    COLUMN("data", BLOB, data, NEEDED),
    SUM,
};
#undef ROW

#define ROW subscription_row
static const struct column subscription_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("name", TEXT, name, KEY, NEEDED, .is_good = is_name),
    COLUMN("topic", TEXT, topic, .is_good = is_topic),
    COLUMN("prefix", TEXT, prefix, .max = LIMIT_KEY, .is_good = is_text),
    COLUMN("lane", TEXT, lane, .is_good = is_name),
    COLUMN("target", TEXT, target, .is_good = is_name),
    COLUMN("seq", U64, seq, COUNTER),
    COLUMN("event", U32, index, .max = EVENT_WHOLE),
    SUM,
};
#undef ROW

static bool complete_subscription(void *at)
{
    const struct subscription_row *row = at;
    return (row->lane.data != NULL) == (row->target.data != NULL);
}

#define ROW workflow_row
static const struct column workflow_columns[] = {
    COLUMN("number", U64, number, KEY, NUMBER),
    COLUMN("tail", U64, tail, TAIL),
    COLUMN("queue", U64, queue, ID),
    COLUMN("id", TEXT, id, NEEDED, .is_good = is_workflow_id),
    COLUMN("seq", U64_OR_NULL, seq, ANY),
    COLUMN("key", TEXT, key, .is_good = is_key),
    COLUMN("priority", U32, priority, .min = 1, .max = 9),
    COLUMN("fingerprint", BYTES, fingerprint, .size = DIGEST_SIZE),
    COLUMN("available", TIME, available, WALL),
    COLUMN("created", TIME, created, WALL),
    COLUMN("first", U64, first, COUNTER),
    COLUMN("generation", U64, generation, COUNTER),
    COLUMN("state", TEXT, state, .max = LIMIT_NAME, .is_good = is_text),
    COLUMN("version", U32, version, COUNT),
    COLUMN("content_type", CONTENT_TYPE, content_type),
    COLUMN("data", BODY, data, NEEDED, WITH(content_type)),
    COLUMN("total", U64, total, COUNTER),
    COLUMN("rejections", U32, rejections, COUNT),
    COLUMN("waits", BOOL, waits, .max = 1),
    COLUMN("told", BOOL, told, .max = 1),
    COLUMN("coded", BOOL, coded, .max = 1),
    COLUMN("entered", U64, entered, COUNTER),
    COLUMN("run", U64, run, COUNTER),
    COLUMN("undoing", BOOL, undoing, .max = 1),
    COLUMN("no_return", BOOL, no_return, .max = 1),
    COLUMN("undos", TEXT, undos, .is_good = is_array),
    COLUMN("signals", U64, signals, COUNTER),
    COLUMN("pending", U64, pending, COUNTER),
    COLUMN("shown", U64, shown, COUNTER),
    COLUMN("holds", U64, holds, COUNTER),
    COLUMN("paused", TEXT, paused, .is_good = is_object),
    COLUMN("cancelled", TEXT, cancelled, .is_good = is_object),
    COLUMN("receipt_type", CONTENT_TYPE, receipt_type),
    COLUMN("receipt", BODY, receipt, WITH(receipt_type)),
    SUM,
};
#undef ROW

static bool complete_workflow(void *at)
{
    struct workflow_row *row = at;
    row->expires = WALL_NEVER;
    if (!row->receipt.data)
        row->receipt_type = (struct text){0};
    return row->first <= row->generation && row->pending <= row->signals && row->shown <= row->signals;
}

#define ROW kind_row
static const struct column kind_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("name", TEXT, name, KEY, NEEDED, .is_good = is_name),
    COLUMN("policy", JSON, policy, NEEDED, .form = &policies),
    SUM,
};
#undef ROW

#define ROW signal_row
static const struct column signal_columns[] = {
    COLUMN("queue", U64, queue, KEY, ID),
    COLUMN("workflow", TEXT, workflow, KEY, NEEDED, .is_good = is_workflow_id),
    COLUMN("key", TEXT, key, KEY, NEEDED, .is_good = is_key),
    COLUMN("number", U64, number, NUMBER),
    COLUMN("ordinal", U64, ordinal, FROM_ONE),
    COLUMN("name", TEXT, name, NEEDED, .is_good = is_name),
    COLUMN("content_type", CONTENT_TYPE, content_type),
    COLUMN("data", BODY, data, NEEDED, WITH(content_type)),
    COLUMN("at", TIME, at, WALL),
    COLUMN("taken", U64_OR_NULL, taken, COUNTER),
    SUM,
};
#undef ROW

#define ROW step_row
static const struct column step_columns[] = {
    COLUMN("number", U64, number, KEY, NUMBER),
    COLUMN("generation", U64, generation, KEY, FROM_ONE),
    COLUMN("state", TEXT, state, .max = LIMIT_NAME + 16, .is_good = is_text),
    COLUMN("version", U32, version, COUNT),
    COLUMN("content_type", CONTENT_TYPE, content_type),
    COLUMN("data", BODY, data, NEEDED, WITH(content_type)),
    COLUMN("result", TEXT, result, NEEDED, .max = LIMIT_NAME, .is_good = is_text),
    COLUMN("attempts", U32, attempts, COUNT),
    COLUMN("began", TIME, began, WALL),
    COLUMN("ended", TIME, ended, WALL),
    COLUMN("worker", TEXT, worker, .max = LIMIT_NAME, .is_good = is_text),
    COLUMN("error", TEXT, error, .max = LIMIT_JSON, .is_good = is_text),
    COLUMN("seq", U64_OR_NULL, seq, ANY),
    SUM,
};
#undef ROW

#define ROW resource_row
static const struct column resource_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("id", TEXT, id, KEY, NEEDED, .is_good = is_account),
    COLUMN("kind", TEXT, kind, .is_good = is_name),
    COLUMN("state", WORD, state, .words = &pawli_words_of_resource_states),
    COLUMN("holder", TEXT, holder, .is_good = is_holder),
    COLUMN("generation", U64, generation, FROM_ONE),
    COLUMN("updated", TIME, updated, WALL),
    SUM,
};
#undef ROW

static bool complete_resource(void *at)
{
    const struct resource_row *row = at;
    return (row->state == RESOURCE_HELD) == (row->holder.data != NULL);
}

#define ROW resource_move_row
static const struct column resource_move_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("id", TEXT, id, KEY, NEEDED, .is_good = is_account),
    COLUMN("generation", U64, generation, KEY, FROM_ONE),
    COLUMN("state", WORD, state, .words = &pawli_words_of_resource_states),
    COLUMN("holder", TEXT, holder, .is_good = is_holder),
    COLUMN("at", TIME, at, WALL),
    COLUMN("seq", U64_OR_NULL, seq, ANY),
    SUM,
};
#undef ROW

#define ROW schedule_row
static const struct column schedule_columns[] = {
    COLUMN("scope", U64, scope, KEY, ID),
    COLUMN("name", TEXT, name, KEY, NEEDED, .is_good = is_name),
    COLUMN("cron", TEXT, cron, .max = LIMIT_JSON, .is_good = is_text),
    COLUMN("zone", TEXT, zone, .max = LIMIT_NAME, .is_good = is_text),
    COLUMN("every", TIME, every_ms, .max = INT64_MAX / 4),
    COLUMN("missed", U32, missed, .max = MISSED_COUNT - 1),
    COLUMN("catch_up", U32, catch_up, .min = 1, .max = LIMIT_CATCH_UP),
    COLUMN("jitter", TIME, jitter_ms, .max = INT64_MAX / 4),
    COLUMN("lane", TEXT, lane, .is_good = is_name),
    COLUMN("target", TEXT, target, .is_good = is_name),
    COLUMN("starts", TEXT, kind, .is_good = is_name),
    COLUMN("content_type", CONTENT_TYPE, content_type),
    COLUMN("data", BODY, data, NEEDED, WITH(content_type)),
    COLUMN("added", TIME, added, WALL),
    COLUMN("last", TIME, last, WALL),
    COLUMN("fired", U64, fired, COUNTER),
    COLUMN("revision", U64, revision, FROM_ONE),
    COLUMN("paused", TEXT, paused, .is_good = is_object),
    SUM,
};
#undef ROW

static bool complete_schedule(void *at)
{
    const struct schedule_row *row = at;
    return (row->cron.data != NULL) == (row->every_ms == 0) && (row->lane.data != NULL) == (row->target.data != NULL) &&
           (row->lane.data != NULL) != (row->kind.data != NULL) && row->last.ms >= row->added.ms;
}

/* keys: of the first so many columns; owner: whose it is, as part of the key. */
#define NOBODY SIZE_MAX
#define FORM(name, row, keys, owner, complete)                                                                         \
    {                                                                                                                  \
#name, sizeof(struct row), name##_columns, COUNT_OF(name##_columns), keys, owner, complete                     \
    }
const struct row_form pawli_rows[ROW_KIND_COUNT] = {
    [ROW_STORE] = FORM(store, store_row, 0, NOBODY, NULL),
    [ROW_COMMITTER] = FORM(committer, committer_row, 1, NOBODY, NULL),
    [ROW_WORKER] = FORM(worker, worker_row, 1, NOBODY, NULL),
    [ROW_SCOPE] = FORM(scope, scope_row, 2, NOBODY, NULL),
    [ROW_LANE] = FORM(lane, lane_row, 2, offsetof(struct lane_row, scope), NULL),
    [ROW_TARGET] = FORM(target, target_row, 2, offsetof(struct target_row, scope), NULL),
    [ROW_SENDER] = FORM(sender, sender_row, 3, offsetof(struct sender_row, scope), NULL),
    [ROW_HOLD] = FORM(hold, hold_row, 5, offsetof(struct hold_row, scope), NULL),
    [ROW_FLOW] = FORM(flow, flow_row, 3, offsetof(struct flow_row, scope), NULL),
    [ROW_QUEUE] = FORM(queue, queue_row, 5, offsetof(struct queue_row, scope), NULL),
    [ROW_RECORD] = FORM(record, record_row, 3, offsetof(struct record_row, scope), complete_record),
    [ROW_MESSAGE] = FORM(message, message_row, 1, NOBODY, NULL),
    [ROW_BOUND] = FORM(bound, bound_row, 3, offsetof(struct bound_row, queue), complete_bound),
    [ROW_LINE] = FORM(line, line_row, 2, offsetof(struct line_row, queue), NULL),
    [ROW_READY] = FORM(ready, task_row, 2, NOBODY, complete_ready),
    [ROW_BLOCKED] = FORM(blocked, task_row, 2, NOBODY, complete_blocked),
    [ROW_CLAIMED] = FORM(claimed, task_row, 2, NOBODY, complete_claimed),
    [ROW_HELD] = FORM(held, task_row, 2, NOBODY, complete_held),
    [ROW_ENDED] = FORM(ended, task_row, 2, NOBODY, complete_ended),
    [ROW_ATTEMPT] = FORM(attempt, attempt_row, 2, NOBODY, NULL),
    [ROW_ASSET] = FORM(asset, asset_row, 2, offsetof(struct asset_row, scope), NULL),
    [ROW_ACCOUNT] = FORM(account, account_row, 3, offsetof(struct account_row, scope), NULL),
    [ROW_ENTRY] = FORM(entry, entry_row, 3, offsetof(struct entry_row, scope), NULL),
    [ROW_FILL] = FORM(fill, fill_row, 2, offsetof(struct fill_row, scope), NULL),
    [ROW_PROJECTION] = FORM(projection, projection_row, 3, offsetof(struct projection_row, scope), NULL),
    [ROW_COUNTER] = FORM(counter, counter_row, 2, offsetof(struct counter_row, scope), NULL),
    [ROW_TYPE] = FORM(type, type_row, 2, offsetof(struct type_row, scope), NULL),
    [ROW_SNAPSHOT] = FORM(snapshot, snapshot_row, 2, offsetof(struct snapshot_row, scope), NULL),
    [ROW_CHUNK] = FORM(chunk, chunk_row, 3, offsetof(struct chunk_row, scope), NULL),
    [ROW_SUBSCRIPTION] = FORM(subscription, subscription_row, 2, offsetof(struct subscription_row, scope),
                              complete_subscription),
    [ROW_WORKFLOW] = FORM(workflow, workflow_row, 1, NOBODY, complete_workflow),
    [ROW_KIND] = FORM(kind, kind_row, 2, offsetof(struct kind_row, scope), NULL),
    [ROW_SIGNAL] = FORM(signal, signal_row, 3, offsetof(struct signal_row, queue), NULL),
    [ROW_STEP] = FORM(step, step_row, 2, NOBODY, NULL),
    [ROW_RESOURCE] = FORM(resource, resource_row, 2, offsetof(struct resource_row, scope), complete_resource),
    [ROW_SCHEDULE] = FORM(schedule, schedule_row, 2, offsetof(struct schedule_row, scope), complete_schedule),
    [ROW_RESOURCE_MOVE] = FORM(resource_move, resource_move_row, 3, offsetof(struct resource_move_row, scope), NULL),
};
