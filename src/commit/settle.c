/* SPDX-License-Identifier: MIT */
/* The effect that settles claims: what a worker says became of an attempt, conditional on the claim's token. */
#include "commit/settle.h"

#include <inttypes.h>
#include <stdio.h>

#include "commit/flow.h"
#include "model/check.h"

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct settle *settle = (struct settle *)effect;
    for (size_t i = 0; i < settle->count; i++) {
        struct settlement *item = &settle->items[i];
        uint64_t number, tail;
        item->task = NULL;
        if (!message_id_split(&item->id, &number, &tail))
            continue; /* no message has such an id */
        item->task = pawli_view_task(view, unit->view_scope, item->kind, number);
        if (!item->task)
            return false;
        item->task->wants_tail = true;
        item->task->wants_body |= item->verdict == VERDICT_RETRY || item->verdict == VERDICT_UNCERTAIN;
        for (size_t j = 0; j < item->message_count; j++)
            if (!pawli_gather_message(view, unit->view_scope, &item->messages[j]))
                return false;
    }
    return true;
}

/* Whether the scope has a message with this very id: a number alone can be guessed. */
static bool is_visible(const struct unit *unit, const struct settlement *item)
{
    const struct view_task *task = item->task;
    uint64_t number, tail;
    if (!task || !task->slot.exists || task->queue->scope != unit->view_scope)
        return false;
    return message_id_split(&item->id, &number, &tail) && tail == (task->body ? task->body->tail : task->was.tail);
}

static bool holds_claim(const struct settlement *item)
{
    return item->task->row.place == PLACE_CLAIMED && item->task->row.token == item->token;
}

/* A message that was handed over may have its outcome reported under the token of the claim that did, until it is known:
 * whoever asks for it meanwhile finds his claim lost. */
static bool may_report(const struct settlement *item)
{
    const struct task_row *row = &item->task->row;
    bool is_outcome = item->verdict == VERDICT_DELIVERED || item->verdict == VERDICT_DEAD ||
                      item->verdict == VERDICT_UNCERTAIN;
    uint64_t token = row->place == PLACE_HELD ? row->token : row->looked.token;
    bool is_awaited = row->phase == PHASE_POLL && row->place != PLACE_ENDED;
    return is_awaited && is_outcome && token && token == item->token;
}

static struct wall_time retry_at(const struct view *view, const struct settlement *item, const struct policy *policy,
                                 uint32_t attempts)
{
    int64_t backoff = pawli_backoff_jittered_ms(policy, attempts, item->random), delay = item->retry_in_ms;
    if (item->retry_is_least && delay >= 0) {
        int64_t asked = pawli_asked_jittered_ms(policy, delay, item->random);
        delay = asked > backoff ? asked : backoff;
    }
    return wall_after_ms(view->wall, delay >= 0 ? delay : backoff);
}

/* Of a target whose breaker watches not before its turn. */
static struct wall_time retry_in_turn(struct view *view, const struct settlement *item, bool is_send)
{
    struct view_queue *queue = item->task->queue;
    struct wall_time due = retry_at(view, item, &queue->policy, item->task->row.attempts);
    return is_send ? pawli_flow_turn(view, queue, due) : due;
}

static struct text or_text(struct text text, struct text otherwise)
{
    return text.data ? text : otherwise;
}

struct trial pawli_trial_of(const struct view_task *task)
{
    return (struct trial){.attempts = task->row.attempts,
                          .crashes = task->row.crashes,
                          .cap = task->body ? pawli_cap_of(task->body, &task->queue->policy) : UINT32_MAX,
                          .can_ask = task->queue->has_probe};
}

static struct wall_time first_look(const struct view *view, const struct policy *policy)
{
    return wall_after_ms(view->wall, pawli_look_backoff_ms(policy, 1));
}

bool pawli_suspect(struct view *view, struct view_task *task)
{
    const struct policy *policy = &task->queue->policy;
    if (!task->queue->has_probe)
        return pawli_task_hold(view, task, EVENT_SUSPECT, TEXT("uncertain"), WALL_NEVER);
    return pawli_task_ask(view, task, EVENT_SUSPECT, first_look(view, policy),
                          wall_after_ms(view->wall, policy_get(policy, POLICY_PROBE_LIMIT_MS)));
}

static bool submit(struct view *view, const struct settlement *item)
{
    struct view_task *task = item->task;
    const struct policy *policy = &task->queue->policy;
    struct wall_time until = wall_after_ms(
        view->wall, item->retry_in_ms >= 0 ? item->retry_in_ms : policy_get(policy, POLICY_POLL_DEADLINE_MS));
    return task->queue->has_poll ? pawli_task_ask(view, task, EVENT_SUBMIT, first_look(view, policy), until)
                                 : pawli_task_hold(view, task, EVENT_SUBMIT, TEXT("awaiting"), until);
}

/* The class of the failure that an event of a verdict is. */
static enum error_class class_of(enum task_event event)
{
    static const enum error_class classes[EVENT_COUNT] = {
        [EVENT_RETRY] = ERROR_TRANSIENT,  [EVENT_EXHAUST] = ERROR_TRANSIENT, [EVENT_EXHAUST_HOLD] = ERROR_TRANSIENT,
        [EVENT_RESEND] = ERROR_UNKNOWN,   [EVENT_GIVE_UP] = ERROR_UNKNOWN,   [EVENT_SUSPECT] = ERROR_UNKNOWN,
        [EVENT_REFUSE] = ERROR_PERMANENT, [EVENT_POISON] = ERROR_UNKNOWN};
    return classes[event];
}

/* An attempt is noted unless it was given back, or all is said where the message ends. What is reported of one that was
 * handed over was noted then. */
static bool note_attempt(struct view *view, const struct settlement *item, enum task_event event, bool held)
{
    struct view_task *task = item->task;
    bool is_send = task->row.phase == PHASE_SEND;
    if (!held || event == EVENT_DEFER || event == EVENT_RELEASE || (is_send && event == EVENT_DELIVER))
        return true;
    struct text text = event == EVENT_SUBMIT ? item->response : or_text(item->response, item->error);
    return pawli_task_attempt(view, task, pawli_verdict_text(item->verdict), class_of(event), item->status, text);
}

/* Applies an event to a task whose claim is held, or whose outcome is reported. */
static bool apply(struct view *view, const struct settlement *item, enum task_event event, bool held)
{
    struct view_task *task = item->task;
    const struct policy *policy = &task->queue->policy;
    struct text by = held ? task->row.consumer : (struct text){0}; /* else of who asks, not of who reports */
    if (!pawli_view_touch(view, &task->slot))
        return false;
    if (item->remote_id.data)
        task->row.remote_id = item->remote_id;
    if (item->progress.data)
        task->row.progress = item->progress;
    if (class_of(event) != ERROR_NONE)
        pawli_task_fail(view, task, class_of(event), item->error);
    bool is_send = held && task->row.phase == PHASE_SEND;
    if (!note_attempt(view, item, event, held) || (is_send && !pawli_flow_ended(view, task, event)))
        return false;
    switch (event) {
    case EVENT_DELIVER:
        task->row.failure = (struct failure){0};
        task->row.answer = (struct answer){item->status, item->durability, item->response};
        return pawli_task_end(view, task, event, (struct text){0}, by);
    case EVENT_SUBMIT:
        return submit(view, item);
    case EVENT_RETRY:
    case EVENT_RESEND:
        return pawli_task_pend(view, task, event, retry_in_turn(view, item, is_send), false);
    case EVENT_SUSPECT:
        return pawli_suspect(view, task);
    case EVENT_EXHAUST_HOLD:
        return pawli_task_hold(view, task, event, TEXT("exhausted"), WALL_NEVER);
    case EVENT_POISON:
        return pawli_task_hold(view, task, event, TEXT("crashes"), WALL_NEVER);
    case EVENT_EXHAUST:
        return pawli_task_end(view, task, event, TEXT("max_attempts"), by);
    case EVENT_GIVE_UP:
        return pawli_task_end(view, task, event, TEXT("gave up; may have arrived"), by);
    case EVENT_REFUSE:
        return pawli_task_end(view, task, event, TEXT("permanent"), by);
    case EVENT_DEFER:
        task->row.attempts--;
        task->row.deferrals += task->row.deferrals < UINT32_MAX;
        if (item->error.data)
            pawli_task_fail(view, task, ERROR_TRANSIENT, item->error);
        return pawli_task_pend(view, task, event, retry_at(view, item, policy, task->row.deferrals), false);
    case EVENT_RELEASE:
        task->row.attempts--;
        return pawli_task_pend(view, task, event, task->row.due, is_due_first(&task->row));
    case EVENT_CLAIM:
    case EVENT_EXPIRE:
    case EVENT_RENEW:
    case EVENT_CANCEL:
    case EVENT_STEP:
    case EVENT_STOP:
    case EVENT_COUNT:
        break;
    }
    PAWL_ASSERT(false && "no verdict is this event");
    return false;
}

static bool renew(struct view *view, const struct settlement *item)
{
    struct view_task *task = item->task;
    int64_t lease = item->retry_in_ms >= 0 ? item->retry_in_ms : policy_get(&task->queue->policy, POLICY_LEASE_MS);
    return pawli_task_lease(view, task, lease);
}

static bool extend(struct view *view, struct settlement *item)
{
    struct view_task *task = item->task;
    if (!pawli_view_touch(view, &task->slot) || (!item->keeps_lease && !renew(view, item)))
        return false;
    task->row.updated = view->wall;
    if (item->progress.data)
        task->row.progress = item->progress;
    item->result = SETTLED_EXTENDED;
    return true;
}

/* What a poll or a probe found out. COUNT: nothing, it looks again. */
static enum task_event event_of_look(const struct settlement *item)
{
    struct trial trial = pawli_trial_of(item->task);
    bool is_probe = item->task->row.phase == PHASE_PROBE;
    switch (item->verdict) {
    case VERDICT_DELIVERED:
        return EVENT_DELIVER;
    case VERDICT_DEAD:
        return EVENT_REFUSE;
    case VERDICT_RETRY: /* a probe: it did not happen */
        return is_probe ? pawli_event_of_nothing(&trial, &item->task->queue->policy) : EVENT_COUNT;
    case VERDICT_UNCERTAIN:
        return is_probe ? EVENT_COUNT : EVENT_SUSPECT;
    case VERDICT_DEFERRED:
    case VERDICT_RELEASED:
    case VERDICT_SUBMITTED:
    case VERDICT_EXTEND:
    case VERDICT_COUNT:
        break;
    }
    return EVENT_COUNT;
}

static struct wall_time look_at(const struct view *view, const struct settlement *item)
{
    const struct task_row *row = &item->task->row;
    const struct policy *policy = &item->task->queue->policy;
    int64_t backoff = pawli_look_backoff_ms(policy, row->looked.times - row->looked.before + UINT64_C(1));
    int64_t asked = item->retry_in_ms;
    return wall_after_ms(view->wall, asked >= 0 && (!item->retry_is_least || asked > backoff) ? asked : backoff);
}

static bool look_again(struct view *view, struct settlement *item)
{
    struct view_task *task = item->task;
    bool is_released = item->verdict == VERDICT_RELEASED, is_poll = task->row.phase == PHASE_POLL;
    bool is_deferred = item->verdict == VERDICT_DEFERRED;
    if (!pawli_view_touch(view, &task->slot))
        return false;
    if (item->progress.data)
        task->row.progress = item->progress;
    item->result = is_released   ? SETTLED_RELEASED
                   : is_deferred ? SETTLED_DEFERRED
                   : is_poll     ? SETTLED_AWAITING
                                 : SETTLED_UNCERTAIN;
    if (!is_released && !is_deferred &&
        !pawli_task_attempt(view, task, pawli_verdict_text(item->verdict), ERROR_TRANSIENT, item->status,
                            or_text(item->response, item->error)))
        return false;
    return pawli_task_look(view, task, is_released ? task->row.due : look_at(view, item));
}

/* What a verdict means for a task whose claim is held, or whose outcome is reported. */
static bool move(struct view *view, struct settlement *item, bool held)
{
    struct trial trial = pawli_trial_of(item->task);
    bool is_look = item->task->row.phase != PHASE_SEND;
    enum task_event event = is_look ? event_of_look(item)
                                    : pawli_event_of(item->verdict, &trial, &item->task->queue->policy);
    PAWL_ASSERT(held || event != EVENT_COUNT);
    if (event == EVENT_COUNT)
        return look_again(view, item);
    item->result = pawli_result_of(event);
    return apply(view, item, event, held);
}

static int settle_one(const struct unit *unit, struct settlement *item, struct view *view, pawl_error *err)
{
    bool visible = is_visible(unit, item), held = visible && holds_claim(item);
    if (!held && !(visible && may_report(item))) {
        item->result = SETTLED_LOST;
        item->state = visible ? task_state(&item->task->row) : STATE_COUNT;
        return PAWL_EFENCED;
    }
    if (!(item->verdict == VERDICT_EXTEND ? extend(view, item) : move(view, item, held)))
        return pawli_no_memory(err);
    item->state = task_state(&item->task->row);
    for (size_t i = 0; i < item->message_count; i++) {
        int status = pawli_enqueue_one(view, unit->view_scope, &item->messages[i],
                                       unit->record ? unit->view_record_scope->row.seq + 1 : 0, err);
        if (status < 0)
            return status; /* the follow-up and the settlement are one: neither is written */
    }
    return PAWL_OK;
}

static int refuse_lost(const struct settlement *item, size_t index, const struct view *view, pawl_error *err)
{
    int status = pawli_fail(err, PAWL_EFENCED, "settlement %zu: the claim was lost", index + 1);
    const struct task_row *row = item->state == STATE_CLAIMED ? &item->task->row : NULL;
    int64_t left = row ? lease_left_ms(row, view->boot) : 0;
    return left > 0 ? pawli_hint(err, status, "%.*s has the message now, for %" PRId64 " ms more unless it renews",
                                 TEXT_ARG(row->consumer), left)
                    : pawli_hint(err, status, "nobody has the message now; look at it, or claim it anew");
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct settle *settle = (struct settle *)effect;
    for (size_t i = 0; i < settle->count; i++) {
        struct settlement *item = &settle->items[i];
        int status = settle_one(unit, item, view, err);
        if (status == PAWL_EFENCED && !settle->atomic)
            continue;
        if (status == PAWL_EFENCED)
            return refuse_lost(item, i, view, err);
        if (status < 0)
            return status;
    }
    return PAWL_OK;
}

/* ---- what a caller gives ---- */

int pawli_draft_settlement(struct drafting *drafting, const pawl_settlement *settlements, size_t index,
                           struct settlement *draft, pawl_error *err)
{
    pawl_settlement settlement;
    struct env *env = drafting->store->opened->env;
    if (!pawli_copy_item(&settlement, sizeof settlement, settlements, index))
        return pawli_bad_struct("pawl_settlement", err);
    int status = pawli_check_range("verdict", settlement.verdict, 0, PAWL_VERDICT_COUNT - 1, err);
    if (status == PAWL_OK)
        status = pawli_check_range("retry_in_ms", settlement.retry_in_ms, 0, INT64_MAX - 1, err);
    if (status == PAWL_OK)
        status = pawli_check_range("status", settlement.status, 0, INT32_MAX, err);
    if (status == PAWL_OK)
        status = pawli_check_range("durability", settlement.durability, 0, PAWL_DURABILITY_COUNT - 1, err);
    if (status == PAWL_OK && settlement.verdict == PAWL_VERDICT_EXTEND && settlement.has_retry_in)
        status = pawli_check_range("lease", settlement.retry_in_ms, 1, LIMIT_LEASE_MS, err);
    if (status == PAWL_OK && uuid_is_nil(&settlement.id))
        status = pawli_fail(err, PAWL_EINVAL, "id is missing");
    if (status == PAWL_OK)
        status = pawli_check_text("remote_id", text_of(settlement.remote_id), LIMIT_REMOTE_ID, err);
    if (status == PAWL_OK)
        status = pawli_check_bytes("progress", settlement.progress, settlement.progress_size, err);
    if (status == PAWL_OK)
        status = pawli_check_bytes("messages", settlement.messages, settlement.message_count, err);
    if (status == PAWL_OK && settlement.progress_size > LIMIT_PROGRESS)
        status = pawli_fail(err, PAWL_ELIMIT, "progress is %zu bytes long, the limit is %d", settlement.progress_size,
                            LIMIT_PROGRESS);
    if (status == PAWL_OK && settlement.message_count > LIMIT_MESSAGES)
        status = pawli_fail(err, PAWL_ELIMIT, "messages has %zu items, the limit is %d", settlement.message_count,
                            LIMIT_MESSAGES);
    if (status < 0)
        return status;
    *draft = (struct settlement){.kind = TASK_MESSAGE,
                                 .id = settlement.id,
                                 .token = settlement.token,
                                 .verdict = (enum verdict)settlement.verdict,
                                 .retry_in_ms = settlement.has_retry_in ? settlement.retry_in_ms : -1,
                                 .retry_is_least = settlement.retry_is_least,
                                 .status = settlement.status,
                                 .durability = (enum durability)settlement.durability};
    draft->error = pawli_draft_cut(drafting, settlement.error, LIMIT_ERROR_TEXT);
    draft->response = pawli_draft_cut(drafting, settlement.response, LIMIT_ERROR_TEXT);
    draft->remote_id = pawli_draft_text(drafting, settlement.remote_id);
    if (settlement.progress)
        draft->progress = pawli_arena_text(&drafting->unit.arena,
                                           (struct text){settlement.progress, settlement.progress_size});
    env->ops->random(env, &draft->random, sizeof draft->random);
    if (settlement.message_count == 0)
        return pawli_arena_failed(&drafting->unit.arena) ? pawli_no_memory(err) : PAWL_OK;
    draft->messages = arena_array(&drafting->unit.arena, struct message_draft, settlement.message_count);
    if (!draft->messages)
        return pawli_no_memory(err);
    for (size_t i = 0; i < settlement.message_count; i++, draft->message_count++) {
        status = pawli_draft_message(drafting, settlement.messages, i, &draft->messages[i], err);
        if (status < 0)
            return status;
    }
    return PAWL_OK;
}

int pawli_draft_settle(struct drafting *drafting, const pawl_settlement *settlements, size_t count, pawl_error *err)
{
    struct settle *settle = pawli_draft_effect(drafting, &pawli_effect_settle);
    if (!settle || !pawli_arena_reserve(&drafting->unit.arena, (void **)&settle->items, sizeof *settle->items,
                                        settle->count + count, &settle->room))
        return pawli_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        int status = pawli_draft_settlement(drafting, settlements, i, &settle->items[settle->count], err);
        if (status < 0) {
            pawli_error_item(err, "settlement", i, count);
            return status;
        }
        settle->count++;
    }
    return PAWL_OK;
}

static size_t weigh(const struct effect *effect)
{
    const struct settle *settle = (const struct settle *)effect;
    size_t weight = 0;
    for (size_t i = 0; i < settle->count; i++) {
        const struct settlement *item = &settle->items[i];
        weight += 100 + item->error.size + item->response.size + item->progress.size;
        for (size_t j = 0; j < item->message_count; j++)
            weight += pawli_weigh_message(&item->messages[j]);
    }
    return weight;
}

/* The settlements as they were given. */
static void put(const struct effect *effect, struct json_writer *effects)
{
    const struct settle *settle = (const struct settle *)effect;
    char id[PAWL_UUID_TEXT_SIZE], token[24];
    pawli_json_key(effects, "settled");
    pawli_json_open(effects, '[');
    for (size_t i = 0; i < settle->count; i++) {
        const struct settlement *item = &settle->items[i];
        pawli_json_comma(effects);
        pawli_json_open(effects, '{');
        pawli_json_put_string(effects, "id", pawl_uuid_format(&item->id, id));
        snprintf(token, sizeof token, "%" PRIu64, item->token);
        pawli_json_put_string(effects, "token", token);
        pawli_json_put_string(effects, "verdict", pawli_verdict_text(item->verdict));
        pawli_json_put_text(effects, "error", item->error);
        pawli_json_put_text(effects, "remote_id", item->remote_id);
        if (item->retry_in_ms >= 0)
            pawli_json_put_i64(effects, "retry_in_ms", item->retry_in_ms);
        pawli_json_close(effects, '}');
    }
    pawli_json_close(effects, ']');
}

const struct effect_ops pawli_effect_settle = {
    .name = "settle", .size = sizeof(struct settle), .gather = gather, .decide = decide, .weigh = weigh, .put = put};
