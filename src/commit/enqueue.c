/* SPDX-License-Identifier: MIT */
/* The effect that adds messages. */
#include "commit/enqueue.h"

#include <errno.h>
#include <stdlib.h>

#include "base/codec.h"
#include "model/check.h"

int pawli_make_scope(struct view *view, struct view_scope *scope, pawl_error *err)
{
    if (scope->slot.exists)
        return PAWL_OK;
    if (view->store.row.last_scope == SCOPE_MAX)
        return pawli_fail(err, PAWL_ELIMIT, "the store has %llu scopes, which is the limit",
                          (unsigned long long)SCOPE_MAX);
    if (!pawli_view_touch(view, &scope->slot) || !pawli_view_touch(view, &view->store.slot))
        return pawli_no_memory(err);
    scope->slot.exists = true;
    scope->row = (struct scope_row){.id = ++view->store.row.last_scope, .name = scope->row.name};
    return PAWL_OK;
}

int pawli_add_queue(struct view *view, struct view_queue *queue, pawl_error *err)
{
    if (queue->slot.exists)
        return PAWL_OK;
    int status = pawli_make_scope(view, queue->scope, err);
    if (status < 0)
        return status;
    if (!pawli_view_touch(view, &queue->slot) || !pawli_view_touch(view, &view->store.slot))
        return pawli_no_memory(err);
    queue->slot.exists = true;
    queue->row = (struct queue_row){.id = ++view->store.row.last_queue,
                                    .scope = queue->scope->row.id,
                                    .lane = queue->row.lane,
                                    .target = queue->row.target,
                                    .kind = queue->row.kind,
                                    .lease = BOOT_NEVER,
                                    .looks = view->store.row.looks};
    return PAWL_OK;
}

int pawli_touch_numbers(struct view *view, struct view_scope *scope, pawl_error *err)
{
    if (scope->row.last_number == MESSAGE_NUMBER_MAX)
        return pawli_fail(err, PAWL_ELIMIT, "the scope has had %llu messages, which is the limit",
                          (unsigned long long)MESSAGE_NUMBER_MAX);
    return pawli_view_touch(view, &scope->slot) ? PAWL_OK : pawli_no_memory(err);
}

bool pawli_gather_message(struct view *view, struct view_scope *scope, struct message_draft *draft)
{
    draft->queue = pawli_view_queue(view, scope, TASK_MESSAGE, draft->lane, draft->target);
    if (!draft->queue)
        return false;
    if (draft->has_bound) {
        draft->bound = pawli_view_bound(view, draft->queue, draft->bound_kind, draft->bound_key);
        if (!draft->bound)
            return false;
        draft->queue->wants_policy = true; /* how long it is bound */
    }
    if (draft->row.key.data) {
        draft->line = pawli_view_line(view, draft->queue, draft->row.key);
        if (!draft->line)
            return false;
        draft->queue->wants_policy = true; /* how many may hold the key */
    }
    if (draft->row.sender.data && !(draft->sender = pawli_view_sender(view, draft->queue, draft->row.sender)))
        return false;
    return true;
}

static struct view_task *find_task(const struct view *view, uint64_t number)
{
    for (size_t i = view->tasks.count; i-- > 0;) {
        struct view_task *task = view->tasks.at[i];
        if (task->slot.exists && task->body && task->number == number)
            return task;
    }
    return NULL;
}

/* Load brought the whole chain; what is in it besides was made or purged in this batch. */
static struct view_task *successor_of(const struct view *view, const struct view_task *task)
{
    uint64_t number, tail;
    if (task->row.place != PLACE_ENDED || !message_id_split(&task->row.successor, &number, &tail))
        return NULL;
    return find_task(view, number_of(task->queue->row.scope, number));
}

bool pawli_leads_to_successor(const struct view *view, const struct view_task *task)
{
    for (size_t i = 0; i < COUNT_OF(task->bounds); i++) {
        const struct view_bound *bound = task->bounds[i];
        if (bound && bound->slot.exists && bound->task == task && successor_of(view, task))
            return true;
    }
    return false;
}

/* The message that a key is bound to: the last of its successors that is kept. NULL: it was purged. */
static struct view_task *last_of(const struct view *view, const struct view_bound *bound)
{
    struct view_task *task = bound->task && bound->task->slot.exists ? bound->task : NULL, *next;
    while (task && (next = successor_of(view, task)) != NULL)
        task = next;
    return task;
}

bool pawli_is_bound(const struct view *view, const struct view_bound *bound)
{
    int64_t keep = policy_get(&bound->queue->policy, POLICY_DEDUPE_KEEP_MS);
    struct wall_time until = bound->row.until, from = {add_saturating(until.ms, -keep)};
    if (bound_is_forgotten(&bound->row))
        return false;
    return until.ms == INT64_MAX || pawli_end_of(&view->store.row.clock, from, keep).ms > view->wall.ms;
}

/* Of the same content it is the lane that refuses; of other content the key. */
static int refuse_same(const struct message_draft *draft, enum accept rule, pawl_error *err)
{
    char id[PAWL_UUID_TEXT_SIZE];
    int status = pawli_fail(err, PAWL_ECONFLICT, "dedupe key \"%.*s\" is bound to message %s, which is %s",
                            draft->bound_key.size > 64 ? 64 : (int)draft->bound_key.size, draft->bound_key.data,
                            pawl_uuid_format(&draft->id, id), pawli_state_text(draft->state));
    return rule == ACCEPT_REFUSE
               ? pawli_hint(err, status, "the lane's accept is refuse: wait until that one ended, or use another key")
               : pawli_hint(err, status, "the lane's accept is bind: retry or requeue that one, or use another key");
}

static int refuse_other(const struct message_draft *draft, const struct conflict *conflict, pawl_error *err)
{
    char stored[17], given[17];
    pawli_hex(conflict->stored->bytes, 8, stored);
    pawli_hex(conflict->given->bytes, 8, given);
    int status = draft->bound_kind == BOUND_DEDUPE
                     ? pawli_fail(
                           err, PAWL_ECONFLICT,
                           "dedupe key \"%.*s\" is bound to a message with other content (stored %s…, given %s…)",
                           draft->bound_key.size > 64 ? 64 : (int)draft->bound_key.size, draft->bound_key.data, stored,
                           given)
                     : pawli_fail(err, PAWL_ECONFLICT,
                                  "the request id is bound to a message with other content (stored %s…, given %s…)",
                                  stored, given);
    return pawli_hint(err, status, "use another key for other content, or the same content for this key");
}

static int refuse_conflict(struct message_draft *draft, enum accept rule, const struct view_task *last, pawl_error *err)
{
    const struct conflict conflict = {.state = pawli_state_text(draft->state),
                                      .given = &draft->row.fingerprint,
                                      .stored = &draft->bound->row.fingerprint,
                                      .remote_id = last ? last->row.remote_id : (struct text){0}};
    bool match = digest_equal(conflict.given, conflict.stored);
    draft->status = match ? refuse_same(draft, rule, err) : refuse_other(draft, &conflict, err);
    return pawli_tell_conflict(err, draft->status, &conflict);
}

/* What the key is bound to is the answer, whatever becomes of the message; so says the lane's rule, of a dedupe key.
 * *ret_last: what is kept of it. */
static enum accepted look_up(const struct view *view, struct message_draft *draft, enum accept *ret_rule,
                             struct view_task **ret_last)
{
    const struct view_bound *bound = draft->bound;
    *ret_last = NULL;
    if (!bound || !bound->slot.exists || !pawli_is_bound(view, bound))
        return ACCEPTED_NEW;
    struct view_task *last = *ret_last = last_of(view, bound);
    draft->id = last ? body_id(last->body) : bound->row.message;
    draft->state = last ? task_state(&last->row) : bound->row.state;
    if (draft->bound_kind == BOUND_DEDUPE)
        *ret_rule = (enum accept)policy_get(&draft->queue->policy, POLICY_ACCEPT);
    /* What a requeue made of it, and what was purged since, may have been delivered. */
    bool is_known = last ? uuid_is_nil(&last->row.successor) : draft->state != STATE_CANCELLED;
    if (*ret_rule == ACCEPT_REBIND && !is_known)
        *ret_rule = ACCEPT_RETURN;
    return pawli_accept(*ret_rule, draft->state, digest_equal(&bound->row.fingerprint, &draft->row.fingerprint));
}

/* A repetition of what was forgotten. How would it be known that it is none: who waits so long may do it twice. */
static bool came_too_late(const struct view *view, const struct message_draft *draft)
{
    const struct view_bound *bound = draft->bound;
    return bound && bound->slot.exists && !pawli_is_bound(view, bound) &&
           digest_equal(&bound->row.fingerprint, &draft->row.fingerprint);
}

/* The key moves on: the one that had it says where, unless it had a successor, which was purged. */
static bool supersede(struct view *view, struct view_task *last, const struct message_draft *draft)
{
    if (!last || !uuid_is_nil(&last->row.successor))
        return true;
    if (!pawli_view_touch(view, &last->slot))
        return false;
    last->row.successor = draft->id;
    return true;
}

static bool bind(struct view *view, struct message_draft *draft, struct view_task *task)
{
    struct view_bound *bound = draft->bound;
    if (!bound)
        return true;
    if (!pawli_view_touch(view, &bound->slot))
        return false;
    bound->slot.exists = true;
    bound->task = task;
    bound->row = (struct bound_row){.queue = draft->queue->row.id,
                                    .kind = draft->bound_kind,
                                    .key = draft->bound_key,
                                    .message = draft->id,
                                    .fingerprint = draft->row.fingerprint,
                                    .until = WALL_NEVER};
    return true;
}

static struct view_task *make_task(struct view *view, struct message_draft *draft, uint64_t seq)
{
    struct message_row *message = arena_new(view->arena, struct message_row);
    struct view_task *task = pawli_view_new_task(view);
    if (!message || !task)
        return NULL;
    struct view_scope *scope = draft->queue->scope;
    uint64_t number = number_of(scope->row.id, ++scope->row.last_number);
    *message = draft->row;
    message->number = number;
    message->queue = draft->queue->row.id;
    message->seq = seq;
    message->created = view->wall;
    if (draft->delay_ms >= 0)
        message->available = wall_after_ms(view->wall, draft->delay_ms);
    else if (message->available.ms == 0)
        message->available = view->wall;
    if (draft->expires_in_ms >= 0)
        message->expires = wall_after_ms(view->wall, draft->expires_in_ms);
    task->number = number;
    task->kind = draft->queue->row.kind;
    task->body = &message->body;
    task->queue = draft->queue;
    task->line = draft->line;
    task->sender = draft->sender;
    task->row = (struct task_row){.number = number,
                                  .queue = message->queue,
                                  .priority = message->priority,
                                  .due = message->available,
                                  .since = message->available.ms < view->wall.ms ? view->wall : WALL_NEVER,
                                  .key = message->key,
                                  .order = !message->key.data ? 0
                                           : draft->order     ? draft->order
                                                              : number,
                                  .until = message->expires,
                                  .sender = message->sender};
    return task;
}

int pawli_refuse_work(const struct view *view, pawl_error *err)
{
    int status = pawli_fail(err, PAWL_EREFUSED, "the disk of the store is %u %% full: no new messages are taken",
                            view->full_percent);
    return pawli_hint(err, pawli_native(err, status, ENOSPC),
                      "make room, by purging messages that ended or with a larger disk; those that are there are "
                      "delivered meanwhile. \"pawl doctor\" shows how full it is");
}

int pawli_enqueue_one(struct view *view, struct view_scope *scope, struct message_draft *draft, uint64_t seq,
                      pawl_error *err)
{
    PAWL_ASSERT(draft->queue->scope == scope);
    struct view_bound *bound = draft->bound;
    struct view_task *last;
    enum accept rule = ACCEPT_RETURN;
    draft->status = PAWL_OK;
    if (draft->queue->slot.is_damaged)
        return draft->status = pawli_refuse_damaged("the queue of this lane and target", err);
    if (bound && (bound->slot.is_damaged || (bound->task && bound->task->slot.is_damaged)))
        return draft->status = pawli_refuse_damaged("what this key is bound to", err);
    if (draft->line && draft->line->slot.is_damaged)
        return draft->status = pawli_refuse_damaged("the line of this ordering key", err);
    enum accepted accepted = look_up(view, draft, &rule, &last);
    draft->replayed = accepted == ACCEPTED_STORED;
    if (accepted == ACCEPTED_CONFLICT)
        return refuse_conflict(draft, rule, last, err);
    draft->task = last;
    if (accepted == ACCEPTED_STORED)
        return PAWL_OK;
    if (draft->is_work && view->full_percent)
        return draft->status = pawli_refuse_work(view, err);
    bool is_late = came_too_late(view, draft);
    int status = pawli_add_queue(view, draft->queue, err);
    if (status == PAWL_OK)
        status = pawli_touch_numbers(view, scope, err);
    if (status < 0)
        return draft->status = status;
    struct view_task *task = make_task(view, draft, seq);
    if (!task)
        return pawli_no_memory(err);
    draft->task = task;
    draft->id = body_id(task->body);
    draft->state = STATE_PENDING;
    if (!supersede(view, last, draft) || !bind(view, draft, task) || !pawli_task_add(view, task))
        return pawli_no_memory(err);
    draft->queue->row.late += is_late;
    return PAWL_OK;
}

/* In the place of a predecessor that held its ordering key and left without handing it on. */
int pawli_enqueue_successor(struct view *view, struct message_draft *draft, enum holds held, pawl_error *err)
{
    struct view_line *line = draft->line;
    draft->status = PAWL_OK;
    draft->state = STATE_PENDING;
    int status = pawli_touch_numbers(view, draft->queue->scope, err);
    if (status < 0)
        return status;
    if (!pawli_view_touch(view, &line->slot))
        return pawli_no_memory(err);
    struct view_task *task = make_task(view, draft, 0);
    if (!task)
        return pawli_no_memory(err);
    draft->task = task;
    draft->id = body_id(task->body);
    task->row.holds_key = held;
    if (held == HOLDS_AS_HEAD)
        line->row.head = task->number;
    return pawli_task_add(view, task) ? PAWL_OK : pawli_no_memory(err);
}

/* ---- what a caller gives ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const pawl_header *)a)->name, ((const pawl_header *)b)->name);
}

/* A JSON object with sorted names: one form for one set of headers. */
static int draft_headers(struct drafting *drafting, const pawl_message *message, struct text *headers, pawl_error *err)
{
    size_t count = message->header_count;
    if (count == 0)
        return PAWL_OK;
    int status = pawli_check_bytes("headers", message->headers, count, err);
    if (status < 0)
        return status;
    if (count > LIMIT_HEADERS)
        return pawli_fail(err, PAWL_ELIMIT, "headers has %zu members, the limit is %d", count, LIMIT_HEADERS);
    pawl_header *sorted = arena_array(&drafting->unit.arena, pawl_header, count);
    if (!sorted)
        return pawli_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = message->headers[i];
        status = pawli_check_header(text_of(sorted[i].name), text_of(sorted[i].value ? sorted[i].value : ""), err);
        if (status < 0)
            return status;
    }
    qsort(sorted, count, sizeof *sorted, by_name);
    struct buffer buffer;
    buffer_init(&buffer, (size_t)LIMIT_HEADERS * LIMIT_HEADER * 6);
    struct json_writer writer = {&buffer, false};
    pawli_json_open(&writer, '{');
    const char *twice = NULL;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(sorted[i - 1].name, sorted[i].name) == 0)
            twice = sorted[i].name;
        pawli_json_put_text(&writer, sorted[i].name, text_of(sorted[i].value ? sorted[i].value : ""));
    }
    pawli_json_close(&writer, '}');
    *headers = pawli_arena_text(&drafting->unit.arena, buffer_text(&buffer));
    drafting->size += buffer.size;
    bool failed = buffer.failed;
    pawli_buffer_done(&buffer);
    if (twice)
        return pawli_fail(err, PAWL_EINVAL, "headers has \"%.64s\" twice", twice);
    return failed || !headers->data ? pawli_no_memory(err) : PAWL_OK;
}

static int check_times(const pawl_message *message, struct wall_time now, pawl_error *err)
{
    if (message->available_at_ms && message->delay_ms)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "available_at and delay_ms are both given"),
                          "give a time, or a delay from now");
    const struct {
        const char *field;
        int64_t value;
    } times[] = {{"available_at", message->available_at_ms},
                 {"delay_ms", message->delay_ms},
                 {"expires_in_ms", message->expires_in_ms},
                 {"deadline", message->deadline_ms}};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        int status = pawli_check_range(times[i].field, times[i].value, 0, INT64_MAX - 1, err);
        if (status < 0)
            return status;
    }
    int64_t available = message->available_at_ms ? message->available_at_ms : wall_after_ms(now, message->delay_ms).ms;
    if (message->expires_in_ms && available >= wall_after_ms(now, message->expires_in_ms).ms)
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "expires_in_ms is over before the message is available"),
                          "it counts from now: let it be longer than the delay");
    return PAWL_OK;
}

static int check_message(const pawl_message *message, struct wall_time now, pawl_error *err)
{
    int status = pawli_check_name("lane", text_of(message->lane), err);
    if (status == PAWL_OK)
        status = pawli_check_name("target", text_of(message->target), err);
    if (status == PAWL_OK)
        status = pawli_check_key("key", text_of(message->key), err);
    if (status == PAWL_OK)
        status = pawli_check_key("dedupe", text_of(message->dedupe), err);
    if (status == PAWL_OK)
        status = pawli_check_key("sender", text_of(message->sender), err);
    if (status == PAWL_OK && message->priority != 0)
        status = pawli_check_range("priority", message->priority, 1, 9, err);
    if (status == PAWL_OK && message->max_attempts != 0)
        status = pawli_check_range("max_attempts", message->max_attempts, 1, 1000000, err);
    if (status == PAWL_OK && message->dedupe && !uuid_is_nil(&message->request_id))
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "dedupe and request_id are both given"),
                            "give one: either makes the same again the stored message");
    return status == PAWL_OK ? check_times(message, now, err) : status;
}

static struct wall_time wall_or_never(int64_t ms)
{
    return ms ? (struct wall_time){ms} : WALL_NEVER;
}

int pawli_draft_message(struct drafting *drafting, const pawl_message *messages, size_t index,
                        struct message_draft *draft, pawl_error *err)
{
    pawl_message message;
    struct env *env = drafting->store->opened->env;
    if (!pawli_copy_item(&message, sizeof message, messages, index))
        return pawli_bad_struct("pawl_message", err);
    int status = check_message(&message, env->ops->wall_now(env), err);
    if (status < 0)
        return status;
    *draft = (struct message_draft){.delay_ms = message.delay_ms ? message.delay_ms : -1,
                                    .expires_in_ms = message.expires_in_ms ? message.expires_in_ms : -1};
    struct message_row *row = &draft->row;
    status = pawli_draft_body(drafting, "data", message.data, message.data_size, &row->payload, err);
    if (status == PAWL_OK)
        status = pawli_draft_content_type(drafting, "data", message.content_type, row->payload, &row->content_type,
                                          err);
    if (status == PAWL_OK)
        status = draft_headers(drafting, &message, &row->headers, err);
    if (status < 0)
        return status;
    draft->lane = pawli_draft_text(drafting, message.lane);
    draft->target = pawli_draft_text(drafting, message.target);
    row->sender = pawli_draft_text(drafting, message.sender);
    row->key = pawli_draft_text(drafting, message.key);
    row->dedupe = pawli_draft_text(drafting, message.dedupe);
    row->request_id = message.request_id;
    row->priority = message.priority ? (uint32_t)message.priority : 5;
    row->max_attempts = message.max_attempts;
    row->available = (struct wall_time){message.available_at_ms};
    row->deadline = wall_or_never(message.deadline_ms);
    row->expires = WALL_NEVER;
    env->ops->random(env, &row->tail, sizeof row->tail);
    row->tail &= MESSAGE_TAIL_MAX;
    row->fingerprint = pawli_message_fingerprint(&drafting->hasher, draft->lane, draft->target, row);
    draft->has_bound = row->dedupe.data || !uuid_is_nil(&row->request_id);
    draft->bound_kind = row->dedupe.data ? BOUND_DEDUPE : BOUND_REQUEST;
    draft->bound_key = row->dedupe.data
                           ? row->dedupe
                           : pawli_arena_text(&drafting->unit.arena, (struct text){(const char *)&row->request_id, 16});
    return pawli_arena_failed(&drafting->unit.arena) || drafting->hasher.failed ? pawli_no_memory(err) : PAWL_OK;
}

int pawli_draft_enqueue(struct drafting *drafting, const pawl_message *messages, size_t count, pawl_error *err)
{
    struct enqueue *enqueue = pawli_draft_effect(drafting, &pawli_effect_enqueue);
    if (!enqueue || !pawli_arena_reserve(&drafting->unit.arena, (void **)&enqueue->messages, sizeof *enqueue->messages,
                                         enqueue->count + count, &enqueue->room))
        return pawli_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        int status = pawli_draft_message(drafting, messages, i, &enqueue->messages[enqueue->count], err);
        if (status < 0) {
            pawli_error_item(err, "message", i, count);
            return status;
        }
        enqueue->messages[enqueue->count].is_work = true;
        enqueue->count++;
    }
    return PAWL_OK;
}

/* ---- the effect ---- */

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct enqueue *enqueue = (struct enqueue *)effect;
    for (size_t i = 0; i < enqueue->count; i++)
        if (!pawli_gather_message(view, unit->view_scope, &enqueue->messages[i]))
            return false;
    return true;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct enqueue *enqueue = (struct enqueue *)effect;
    uint64_t seq = unit->record ? unit->view_record_scope->row.seq + 1 : 0;
    int first_bad = PAWL_OK;
    for (size_t i = 0; i < enqueue->count; i++) {
        int status = pawli_enqueue_one(view, unit->view_scope, &enqueue->messages[i], seq,
                                       first_bad == PAWL_OK ? err : NULL);
        if (status == PAWL_OK && enqueue->messages[i].replayed)
            status = pawli_task_await(unit, view, enqueue->messages[i].task, err);
        else if (status == PAWL_OK)
            pawli_task_set_waiter(unit, enqueue->messages[i].task);
        if (status < 0 && (enqueue->atomic || status != PAWL_ECONFLICT))
            return status;
        if (first_bad == PAWL_OK)
            first_bad = status;
    }
    unit->status = first_bad; /* the good ones are written all the same */
    return PAWL_OK;
}

size_t pawli_weigh_message(const struct message_draft *draft)
{
    const struct message_row *row = &draft->row;
    return 200 + row->payload.size + row->headers.size + row->key.size + row->dedupe.size;
}

static size_t weigh(const struct effect *effect)
{
    const struct enqueue *enqueue = (const struct enqueue *)effect;
    size_t weight = 0;
    for (size_t i = 0; i < enqueue->count; i++)
        weight += pawli_weigh_message(&enqueue->messages[i]);
    return weight;
}

static size_t list(const struct effect *effect, struct record_message *list)
{
    const struct enqueue *enqueue = (const struct enqueue *)effect;
    for (size_t i = 0; list && i < enqueue->count; i++) {
        const struct message_draft *draft = &enqueue->messages[i];
        list[i] = (struct record_message){.id = draft->id, .fingerprint = draft->row.fingerprint};
        put_be64(list[i].nonce, NONCE_NONE);
    }
    return enqueue->count;
}

const struct effect_ops pawli_effect_enqueue = {.name = "enqueue",
                                                .size = sizeof(struct enqueue),
                                                .gather = gather,
                                                .decide = decide,
                                                .weigh = weigh,
                                                .list = list};
