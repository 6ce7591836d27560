/* SPDX-License-Identifier: MIT */
/* What time does: claims that nobody holds any more, messages past their age limit, outcomes that never came, retention. */
#include "commit/sweep.h"

#include "commit/workflow.h"

static bool is_lost(const struct view_task *task)
{
    return task->lost && task->slot.exists && task->row.place == PLACE_CLAIMED && task->body;
}

/* At once: whoever held it is gone, there is nobody to spare. */
static bool stay_unknown(struct view *view, struct view_task *task, enum task_event event, struct text by)
{
    if (pawli_is_lock(task)) /* nothing was tried in its name: the next one has it */
        return pawli_lock_free(view, task, EVENT_RESEND);
    if (task->kind == TASK_WORKFLOW && event == EVENT_GIVE_UP) /* its program, or a person, ends it */
        event = EVENT_EXHAUST_HOLD;
    switch (event) {
    case EVENT_EXHAUST_HOLD:
        return pawli_task_hold(view, task, event, TEXT("exhausted"), WALL_NEVER);
    case EVENT_RESEND:
        return pawli_task_pend(view, task, event, view->wall, false);
    case EVENT_POISON:
        return pawli_task_hold(view, task, event, TEXT("crashes"), WALL_NEVER);
    case EVENT_SUSPECT:
        return pawli_suspect(view, task);
    default:
        PAWL_ASSERT(event == EVENT_GIVE_UP);
        return pawli_task_end(view, task, event, TEXT("gave up; may have arrived"), by);
    }
}

static bool lose(struct view *view, struct view_task *task)
{
    const struct policy *policy = &task->queue->policy;
    struct text why = TEXT("the claim was lost: its lease ended, or its process did");
    if (task->row.phase != PHASE_SEND) /* nothing was sent: somebody else looks */
        return pawli_view_touch(view, &task->slot) && pawli_task_attempt(view, task, "lost", ERROR_UNKNOWN, 0, why) &&
               pawli_task_look(view, task, view->wall);
    if (!pawli_view_touch(view, &task->slot))
        return false;
    struct text by = task->row.consumer;
    task->row.crashes += task->row.committer != 0; /* who claims by hand need not have died */
    pawli_task_fail(view, task, ERROR_UNKNOWN, why);
    struct trial trial = pawli_trial_of(task);
    enum task_event event = pawli_event_of_unknown(&trial, policy);
    return pawli_task_attempt(view, task, "lost", ERROR_UNKNOWN, 0, why) && stay_unknown(view, task, event, by);
}

bool pawli_lose(struct view *view, struct view_task *task)
{
    return !is_lost(task) || lose(view, task);
}

bool pawli_settle_lost(struct view *view)
{
    for (size_t i = 0; i < view->tasks.count; i++)
        if (!pawli_lose(view, view->tasks.at[i]))
            return false;
    for (size_t i = 0; i < view->queues.count; i++) {
        struct view_queue *queue = view->queues.at[i];
        if (!queue->lost_seen)
            continue;
        if (!pawli_view_touch(view, &queue->slot))
            return false;
        queue->row.lease = queue->next_lease;
        queue->row.looks = view->store.row.looks;
    }
    if (!view->lost_all_seen)
        return true;
    /* Every claim was looked at: the next look is due when the first of the others ends, and the dead hold nothing more. */
    if (!pawli_view_touch(view, &view->store.slot))
        return false;
    view->store.row.lease = view->next_lease;
    view->forget_dead = true;
    return true;
}

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct sweep *sweep = (struct sweep *)effect;
    view->wants_lost = true;
    view->lost_limit = LOST_LIMIT;
    view->sweeps_lost = true;
    sweep->tasks = arena_array(view->arena, struct view_task *, sweep->count + 1);
    sweep->bound_slots = arena_array(view->arena, struct view_bound *, sweep->bound_count + 1);
    if (!sweep->tasks || !sweep->bound_slots)
        return false;
    for (size_t i = 0; i < sweep->count; i++) {
        const struct sweep_task *item = &sweep->items[i];
        struct view_queue *queue = pawli_view_queue(view, unit->view_scope, item->kind, item->lane, item->target);
        if (!queue || !pawli_view_wants_subjects(view, queue))
            return false;
        sweep->tasks[i] = pawli_view_task(view, unit->view_scope, item->kind, number_in_scope(item->number));
        if (!sweep->tasks[i])
            return false;
        sweep->tasks[i]->wants_body = sweep->tasks[i]->wants_bounds = true;
    }
    for (size_t i = 0; i < sweep->bound_count; i++) {
        const struct sweep_bound *bound = &sweep->bounds[i];
        struct view_queue *queue = pawli_view_queue(view, unit->view_scope, bound->of, bound->lane, bound->target);
        if (queue)
            queue->wants_policy = true;
        sweep->bound_slots[i] = queue ? pawli_view_bound(view, queue, bound->kind, bound->key) : NULL;
        if (!sweep->bound_slots[i])
            return false;
    }
    return true;
}

/* A purged message leaves its dedupe keys behind for a while: a late retry must not become a new message. */
static bool keep_bounds(struct view *view, struct view_task *task)
{
    int64_t keep = policy_get(&task->queue->policy, POLICY_DEDUPE_KEEP_MS);
    for (size_t i = 0; i < COUNT_OF(task->bounds); i++) {
        struct view_bound *bound = task->bounds[i];
        if (!bound || !bound->slot.exists || bound->task != task) /* it may lead to another by now */
            continue;
        if (!pawli_view_touch(view, &bound->slot))
            return false;
        /* A successor that is gone by now ended later than its predecessor: nobody knows when. */
        bool had_successor = !uuid_is_nil(&task->row.successor);
        bound->row.until = wall_after_ms(had_successor ? view->wall : task->row.ended_at, keep);
        bound->row.state = task->row.ended;
    }
    return true;
}

bool pawli_purge(struct view *view, struct view_task *task)
{
    return keep_bounds(view, task) && pawli_task_purge(view, task);
}

/* A key stays bound through the chain of successors. */
static bool may_purge(const struct view *view, const struct view_task *task)
{
    int64_t keep = pawli_policy_keep_ms(&task->queue->policy, task->row.ended);
    for (size_t i = 0; i < COUNT_OF(task->bounds); i++)
        if (task->bounds[i] && task->bounds[i]->slot.is_damaged)
            return false;
    return keep > 0 && !task->row.holds_key && !pawli_leads_to_successor(view, task) &&
           pawli_end_of(&view->store.row.clock, task->row.ended_at, keep).ms <= view->wall.ms;
}

/* Of what waits to be sent: over, or waiting for a false date. What is held has time, and does not wait for any. */
static bool sweep_waiting(struct view *view, struct sweep *sweep, struct view_task *task)
{
    if (pawli_is_misdated(&view->store.row.clock, task->body, &task->row) && !pawli_task_redate(view, task))
        return false;
    struct paused paused = pawli_paused_of(view, task->queue);
    if (pawli_paused_until(&paused).ms > view->wall.ms || !pawli_task_is_over(view, task, &paused))
        return true;
    sweep->expired++;
    return pawli_task_expire(view, task);
}

/* While its target is held nobody is asked: that time does not count. */
static bool had_time_to_ask(const struct view *view, const struct view_task *task)
{
    const struct policy *policy = &task->queue->policy;
    bool is_poll = task->row.phase == PHASE_POLL;
    int64_t length = policy_get(policy, is_poll ? POLICY_POLL_DEADLINE_MS : POLICY_PROBE_LIMIT_MS);
    struct paused paused = pawli_paused_of(view, task->queue);
    struct wall_time until = task->row.until;
    return pawli_put_off(&paused, wall_after_ms(until, -length), until, view->wall).ms <= view->wall.ms;
}

/* Of what waits for its outcome: it did not come in time. */
static bool sweep_unasked(struct view *view, struct sweep *sweep, struct view_task *task)
{
    if (task->row.place == PLACE_READY && !had_time_to_ask(view, task))
        return true;
    struct trial trial = pawli_trial_of(task);
    bool is_poll = task->row.phase == PHASE_POLL;
    sweep->suspected += is_poll;
    if (!pawli_view_touch(view, &task->slot))
        return false;
    pawli_task_fail(view, task, ERROR_UNKNOWN,
                    is_poll ? TEXT("its outcome did not come in time") : TEXT("no probe could tell what became of it"));
    if (is_poll)
        return pawli_suspect(view, task);
    enum task_event event = pawli_event_of_unasked(&trial, &task->queue->policy);
    return event == EVENT_COUNT ? pawli_task_await_person(view, task) : stay_unknown(view, task, event, TEXT("pawl"));
}

static bool waits_to_be_sent(const struct view_task *task)
{
    return task->row.phase == PHASE_SEND && (task->row.place == PLACE_READY || task->row.place == PLACE_BLOCKED);
}

/* What is sent again because nobody could tell may be too old for that by now. */
static bool sweep_one(struct view *view, struct sweep *sweep, struct view_task *task)
{
    if (!task->slot.exists || !task->body)
        return true;
    bool waits = task->row.place == PLACE_HELD || task->row.place == PLACE_READY;
    if (waits && task->row.phase != PHASE_SEND && task->row.until.ms <= view->wall.ms &&
        !sweep_unasked(view, sweep, task))
        return false;
    if (waits_to_be_sent(task))
        return sweep_waiting(view, sweep, task);
    if (task->row.place == PLACE_ENDED && may_purge(view, task)) {
        sweep->purged++;
        return pawli_purge(view, task);
    }
    return true;
}

#define REMEMBERED_MS 86400000 /* at most; as long as it was kept, where that is less */

/* First it binds no more, then it goes: who enqueues finds it in between, where he looks anyway. */
static bool forget(struct view *view, struct sweep *sweep, struct view_bound *bound)
{
    bool is_forgotten = bound_is_forgotten(&bound->row);
    if (!bound->slot.exists || bound->slot.is_damaged || pawli_is_bound(view, bound) ||
        (is_forgotten && bound->row.until.ms > view->wall.ms))
        return true;
    int64_t keep = policy_get(&bound->queue->policy, POLICY_DEDUPE_KEEP_MS);
    if (!pawli_view_touch(view, &bound->slot))
        return false;
    bound->row.state = STATE_PENDING;
    bound->row.until = wall_after_ms(view->wall, keep < REMEMBERED_MS ? keep : REMEMBERED_MS);
    bound->slot.exists = !is_forgotten && bound->row.until.ms > view->wall.ms;
    sweep->forgotten += !is_forgotten;
    sweep->removed += !bound->slot.exists;
    return true;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct sweep *sweep = (struct sweep *)effect;
    (void)unit;
    sweep->expired = sweep->purged = sweep->suspected = sweep->forgotten = sweep->removed = sweep->lost = 0;
    for (size_t i = 0; i < view->tasks.count; i++)
        sweep->lost += is_lost(view->tasks.at[i]);
    for (size_t i = 0; i < sweep->count; i++)
        if (!sweep_one(view, sweep, sweep->tasks[i]))
            return pawli_no_memory(err);
    for (size_t i = 0; i < sweep->bound_count; i++)
        if (!forget(view, sweep, sweep->bound_slots[i]))
            return pawli_no_memory(err);
    if (sweep->mended > view->store.row.clock.mended && sweep->mended <= view->store.row.clock.backs) {
        if (!pawli_view_touch(view, &view->store.slot))
            return pawli_no_memory(err);
        view->store.row.clock.mended = sweep->mended;
    }
    return pawli_arena_failed(view->arena) ? pawli_no_memory(err) : PAWL_OK;
}

const struct effect_ops pawli_effect_sweep = {
    .name = "sweep", .size = sizeof(struct sweep), .gather = gather, .decide = decide};
