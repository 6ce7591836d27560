/* SPDX-License-Identifier: MIT */
/* The effect that adds messages. */
#include "base/codec.h"
#include "commit/unit.h"

bool pawli_scope_exists(struct view *view, struct view_scope *scope)
{
    if (scope->slot.exists)
        return true;
    if (!pawli_view_touch(view, &scope->slot) || !pawli_view_touch(view, &view->store.slot))
        return false;
    scope->slot.exists = true;
    scope->row = (struct scope_row){.id = ++view->store.row.last_scope, .name = scope->name};
    return true;
}

bool pawli_queue_exists(struct view *view, struct view_queue *queue)
{
    if (queue->slot.exists)
        return true;
    if (!pawli_scope_exists(view, queue->scope) || !pawli_view_touch(view, &queue->slot) ||
        !pawli_view_touch(view, &view->store.slot))
        return false;
    queue->slot.exists = true;
    queue->row = (struct queue_row){.id = ++view->store.row.last_queue,
                                    .scope = queue->scope->row.id,
                                    .lane = queue->lane,
                                    .target = queue->target,
                                    .lease = BOOT_NEVER,
                                    .looks = view->store.row.looks};
    return true;
}

bool pawli_gather_message(struct view *view, struct view_scope *scope, struct message_draft *draft)
{
    draft->queue = pawli_view_queue(view, scope, draft->lane, draft->target);
    if (!draft->queue)
        return false;
    if (draft->has_bound) {
        draft->bound = pawli_view_bound(view, draft->queue, draft->bound_kind, draft->bound_key);
        if (!draft->bound)
            return false;
        draft->queue->wants_policy = true; /* how long it is bound */
    }
    if (draft->row.key.data)
        draft->line = pawli_view_line(view, draft->queue, draft->row.key);
    return !draft->row.key.data || draft->line;
}

static const struct view_task *find_task(const struct view *view, uint64_t number)
{
    for (size_t i = view->tasks.count; i-- > 0;) {
        const struct view_task *task = view->tasks.at[i];
        if (task->slot.exists && task->message && task->number == number)
            return task;
    }
    return NULL;
}

/* Load brought the whole chain; what is in it besides was made or purged in this batch. */
static const struct view_task *successor_of(const struct view *view, const struct view_task *task)
{
    uint64_t number, tail;
    if (task->row.place != PLACE_ENDED || !pawli_message_id_split(&task->row.successor, &number, &tail))
        return NULL;
    return find_task(view, number);
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

/* The message that a key is bound to: the last of its successors that is kept, in whatever state it is. */
static void answer_bound(const struct view *view, struct message_draft *draft, const struct view_bound *bound)
{
    const struct view_task *task = bound->task, *next;
    draft->replayed = true;
    draft->status = PAWL_OK;
    if (!task || !task->slot.exists) {
        draft->id = bound->row.message;
        draft->state = bound->row.state;
        return;
    }
    while ((next = successor_of(view, task)) != NULL)
        task = next;
    draft->id = pawli_message_id(task->number, task->message->tail);
    draft->state = task_state(&task->row);
}

bool pawli_is_bound(const struct view *view, const struct view_bound *bound)
{
    int64_t keep = policy_get(&bound->queue->policy, POLICY_DEDUPE_KEEP_MS);
    struct wall_time until = bound->row.until, from = {add_saturating(until.ms, -keep)};
    return until.ms == INT64_MAX || pawli_end_of(&view->store.row.clock, from, keep).ms > view->wall.ms;
}

static int refuse_conflict(struct message_draft *draft, const struct view_bound *bound, pawl_error *err)
{
    char stored[17], given[17];
    pawli_hex(bound->row.fingerprint.bytes, 8, stored);
    pawli_hex(draft->row.fingerprint.bytes, 8, given);
    draft->status = PAWL_ECONFLICT;
    draft->stored_fingerprint = bound->row.fingerprint;
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
    uint64_t number = ++view->store.row.last_number;
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
    task->message = message;
    task->queue = draft->queue;
    task->line = draft->line;
    task->row = (struct task_row){.number = number,
                                  .queue = message->queue,
                                  .priority = message->priority,
                                  .due = message->available,
                                  .since = message->available.ms < view->wall.ms ? view->wall : WALL_NEVER,
                                  .key = message->key,
                                  .order = draft->order ? draft->order : number,
                                  .until = message->expires};
    return task;
}

int pawli_enqueue_one(struct view *view, struct view_scope *scope, struct message_draft *draft, uint64_t seq,
                      pawl_error *err)
{
    PAWL_ASSERT(draft->queue->scope == scope);
    draft->status = PAWL_OK;
    draft->replayed = false;
    draft->state = STATE_PENDING;
    struct view_bound *bound = draft->bound;
    if (draft->queue->slot.is_damaged)
        return draft->status = pawli_refuse_damaged("the queue of this lane and target", err);
    if (bound && (bound->slot.is_damaged || (bound->task && bound->task->slot.is_damaged)))
        return draft->status = pawli_refuse_damaged("what this key is bound to", err);
    if (draft->line && draft->line->slot.is_damaged)
        return draft->status = pawli_refuse_damaged("the line of this ordering key", err);
    bool is_bound = bound && bound->slot.exists && pawli_is_bound(view, bound);
    if (is_bound && !digest_equal(&bound->row.fingerprint, &draft->row.fingerprint))
        return refuse_conflict(draft, bound, err);
    if (is_bound) {
        answer_bound(view, draft, bound);
        return PAWL_OK;
    }
    if (!pawli_queue_exists(view, draft->queue) || !pawli_view_touch(view, &view->store.slot))
        return pawli_no_memory(err);
    struct view_task *task = make_task(view, draft, seq);
    if (!task)
        return pawli_no_memory(err);
    draft->task = task;
    draft->id = pawli_message_id(task->number, task->message->tail);
    if (!bind(view, draft, task) || !pawli_task_add(view, task))
        return pawli_no_memory(err);
    return PAWL_OK;
}

/* In the place of a predecessor that held its ordering key and left without handing it on. */
int pawli_enqueue_successor(struct view *view, struct message_draft *draft, pawl_error *err)
{
    struct view_line *line = draft->line;
    draft->status = PAWL_OK;
    draft->state = STATE_PENDING;
    if (!pawli_view_touch(view, &view->store.slot) || !pawli_view_touch(view, &line->slot))
        return pawli_no_memory(err);
    struct view_task *task = make_task(view, draft, 0);
    if (!task)
        return pawli_no_memory(err);
    draft->task = task;
    draft->id = pawli_message_id(task->number, task->message->tail);
    task->row.holds_key = true;
    line->row.head = task->number;
    return pawli_task_add(view, task) ? PAWL_OK : pawli_no_memory(err);
}

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
        if (status < 0 && (enqueue->atomic || status != PAWL_ECONFLICT))
            return status;
        if (first_bad == PAWL_OK)
            first_bad = status;
    }
    unit->status = first_bad; /* the good ones are written all the same */
    return PAWL_OK;
}

const struct effect_ops pawli_effect_enqueue = {"enqueue", gather, decide, NULL};
