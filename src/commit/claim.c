/* SPDX-License-Identifier: MIT */
/* The effect that claims tasks. Decided after everything else of its batch, so that it may take what the batch made. */
#include <stdlib.h>

#include "commit/claim.h"
#include "commit/flow.h"

#include "model/urls.h"

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct claim *claim = (struct claim *)effect;
    claim->task = NULL;
    view->wants_lost = true;
    view->lost_limit = LOST_LIMIT;
    claim->queue = pawli_view_queue(view, unit->view_scope, claim->kind, claim->lane, claim->target);
    if (!claim->queue)
        return false;
    claim->queue->wants_lost = true;
    if (claim->named.data)
        claim->bound = pawli_view_bound(view, claim->queue, BOUND_DEDUPE, claim->named);
    if (claim->named.data && !claim->bound)
        return false;
    if (claim->bound)
        claim->bound->wants_lists = true;
    else if (uuid_is_nil(&claim->id))
        return pawli_view_due(view, claim->queue, claim->phase, claim->look, claim->size_max);
    uint64_t number, tail;
    if (message_id_split(&claim->id, &number, &tail)) {
        claim->task = pawli_view_task(view, unit->view_scope, claim->kind, number);
        if (!claim->task)
            return false;
        claim->task->wants_body = true;
    }
    return pawli_view_wants_subjects(view, claim->queue);
}

struct paused pawli_paused_of(const struct view *view, const struct view_queue *queue)
{
    struct paused paused = {0};
    for (size_t i = 0; i < COUNT_OF(queue->subjects); i++)
        for (const struct view_hold *hold = queue->subjects[i] ? queue->subjects[i]->holds : NULL; hold;
             hold = hold->next)
            if (hold->slot.exists)
                pawli_paused_add(&paused, &hold->row, view->wall);
    return paused;
}

static int by_order_of_claim(const void *a, const void *b)
{
    const struct task_row *x = &(*(struct view_task *const *)a)->row, *y = &(*(struct view_task *const *)b)->row;
    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    if (x->due.ms != y->due.ms)
        return x->due.ms < y->due.ms ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static bool is_claimable(const struct view *view, const struct view_task *task)
{
    return task->slot.exists && !task->purged && task->row.place == PLACE_READY && task->row.due.ms <= view->wall.ms &&
           task->body;
}

/* What was due before this batch, and is not among the first, stands behind others that load did not look at. */
static bool is_candidate(const struct view *view, const struct view_task *task)
{
    const struct task_row *was = &task->was;
    bool was_due = task->slot.found && was->place == PLACE_READY && was->phase == task->row.phase &&
                   was->due.ms <= view->wall.ms;
    return is_claimable(view, task) && (task->is_next || !was_due);
}

static struct view_due *due_of(const struct view_task *task)
{
    return task->queue ? task->queue->due[task->row.phase] : NULL;
}

/* What load found and what the batch made, for each queue in the order in which claims take it. */
static bool list_candidates(struct view *view)
{
    view->has_candidates = true;
    for (size_t i = 0; i < view->tasks.count; i++) {
        const struct view_task *task = view->tasks.at[i];
        struct view_due *due = due_of(task);
        if (due)
            due->candidate_count += is_candidate(view, task);
    }
    for (size_t i = 0; i < view->due_count; i++) {
        struct view_due *due = view->dues[i];
        due->candidates = arena_array(view->arena, struct view_task *, due->candidate_count + 1);
        if (!due->candidates)
            return false;
        due->candidate_count = 0;
    }
    for (size_t i = 0; i < view->tasks.count; i++) {
        struct view_task *task = view->tasks.at[i];
        struct view_due *due = due_of(task);
        if (due && is_candidate(view, task))
            due->candidates[due->candidate_count++] = task;
    }
    for (size_t i = 0; i < view->due_count; i++)
        qsort(view->dues[i]->candidates, view->dues[i]->candidate_count, sizeof(struct view_task *), by_order_of_claim);
    return true;
}

static struct view_task *next_candidate(struct view *view, struct view_due *due)
{
    while (due->next_candidate < due->candidate_count) {
        struct view_task *task = due->candidates[due->next_candidate++];
        if (is_claimable(view, task))
            return task;
    }
    return NULL;
}

/* As it stands in the batch that claims: what is removed later takes nothing back that is under way. */
static const struct route *route_of(const struct view_task *task)
{
    const struct view_fact *fact = task->sender;
    bool is_ready = fact && fact->slot.exists && !fact->slot.is_damaged && fact->row.sender.removed.ms == INT64_MAX;
    return is_ready ? &fact->row.sender.route : NULL;
}

/* What nobody took so far, and whoever claims it sees: the body says up to where. It waits for none any more. */
static bool show_signals(struct view *view, struct view_task *task)
{
    uint64_t shown = 0;
    for (uint32_t i = 0; i < task->signal_count; i++)
        if (task->signals[i]->row.signal.taken == 0)
            shown = task->signals[i]->row.signal.ordinal;
    if (task->kind != TASK_WORKFLOW)
        return true;
    const struct workflow_row *stored = workflow_in(task->body);
    if (shown <= stored->shown && !stored->waits)
        return true;
    struct workflow_row *row = pawli_task_edit(view, task);
    if (!row)
        return false;
    row->shown = shown > row->shown ? shown : row->shown;
    row->waits = false;
    return true;
}

static void answer_signals(struct claimed *item, const struct view_task *task, struct arena *arena)
{
    if (task->signal_count == 0)
        return;
    struct signal_row *signals = arena_array(arena, struct signal_row, task->signal_count);
    for (uint32_t i = 0; signals && i < task->signal_count; i++) {
        struct signal_row *row = &signals[item->signal_count];
        *row = task->signals[i]->row.signal;
        if (row->taken)
            continue;
        struct text *texts[] = {&row->workflow, &row->key, &row->name, &row->content_type, &row->data};
        for (size_t j = 0; j < COUNT_OF(texts); j++)
            *texts[j] = pawli_arena_text(arena, *texts[j]);
        item->signal_count++;
    }
    item->signals = signals;
}

/* The answer outlives the batch: its texts are copied into the unit, whose arena remembers when they could not be. */
static void answer(struct unit *unit, struct claim *claim, const struct view *view, const struct view_task *task)
{
    struct claimed *item = &claim->items[claim->count++];
    struct arena *arena = &unit->arena;
    const struct task_kind_form *kind = &pawli_task_kinds[task->kind];
    claim->size += kind->size(task->body);
    item->body = kind->copy(task->body, arena);
    item->task = task->row;
    item->route = pawli_route_copy(route_of(task), arena);
    item->lease_until = wall_after_ms(view->wall, lease_left_ms(&task->row, view->boot));
    struct text *texts[] = {&item->task.key, &item->task.progress, &item->task.remote_id, &item->task.failure.text,
                            &item->task.consumer};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = pawli_arena_text(arena, *texts[i]);
    answer_signals(item, task, arena);
}

static bool exhaust(struct view *view, struct view_task *task)
{
    enum task_event event = pawli_event_of_exhausted(&task->queue->policy);
    return event == EVENT_EXHAUST_HOLD ? pawli_task_hold(view, task, event, TEXT("exhausted"), WALL_NEVER)
                                       : pawli_task_end(view, task, event, TEXT("max_attempts"), TEXT("pawl"));
}

/* One that may not be sent any more is moved on instead: it is too old, its sender is gone, or its cap was lowered. False: take it. */
static bool pass_over(struct claim *claim, const struct paused *paused, struct view *view, struct view_task *task)
{
    const struct policy *policy = &task->queue->policy;
    if (task->row.phase != PHASE_SEND)
        return false;
    if (task->kind == TASK_WORKFLOW && workflow_in(task->body)->paused.data) {
        claim->passed++;
        pawli_task_pause(view, task, TEXT("paused"));
        return true;
    }
    bool is_over = pawli_task_is_over(view, task, paused);
    bool has_own_budget = task->kind == TASK_WORKFLOW; /* its kind may give more than its policy: its commits count */
    if (!is_over && (has_own_budget || task->row.attempts < pawli_cap_of(task->body, policy)))
        return false;
    claim->passed++;
    if (is_over)
        pawli_task_expire(view, task);
    else
        exhaust(view, task);
    return true;
}

static bool take(struct unit *unit, struct claim *claim, struct view *view, struct view_task *task)
{
    int64_t lease = claim->lease_ms ? claim->lease_ms : policy_get(&task->queue->policy, POLICY_LEASE_MS);
    uint64_t token;
    if (!pawli_view_token(view, &token) || !show_signals(view, task) || !pawli_task_claim(view, task, token, lease))
        return false;
    task->row.committer = claim->by_hand ? 0 : view->committer.row.id;
    task->row.consumer = claim->consumer;
    answer(unit, claim, view, task);
    return true;
}

/* The one that was named: its time does not matter, its key and what holds it do. */
static bool may_take_named(const struct claim *claim)
{
    const struct view_task *task = claim->task;
    if (!task || !task->slot.exists || !task->body || task->queue != claim->queue || task->row.place != PLACE_READY ||
        task->row.phase != claim->phase)
        return false;
    pawl_uuid id = body_id(task->body);
    return claim->bound || uuid_equal(&id, &claim->id);
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct claim *claim = (struct claim *)effect;
    struct view_task *task;
    if (claim->bound)
        claim->task = claim->bound->task;
    claim->count = claim->passed = 0;
    claim->again = (struct boot_time){0};
    claim->size = 0;
    if (!claim->items)
        claim->items = arena_array(&unit->arena, struct claimed, claim->limit ? claim->limit : 1);
    if (!claim->items || (!view->has_candidates && !list_candidates(view)))
        return pawli_no_memory(err);
    if (claim->queue->slot.is_damaged || claim->queue->is_policy_damaged)
        return pawli_refuse_damaged("the queue, or the policy of its lane or target,", err);
    if (claim->task && claim->task->slot.is_damaged)
        return pawli_refuse_damaged("the message", err);
    const struct paused paused = pawli_paused_of(view, claim->queue);
    if (!claim->queue->slot.exists || pawli_paused_until(&paused).ms > view->wall.ms)
        return PAWL_OK;
    if (may_take_named(claim) && !pass_over(claim, &paused, view, claim->task) && !take(unit, claim, view, claim->task))
        return pawli_no_memory(err);
    bool is_send = claim->phase == PHASE_SEND;
    uint64_t most = uuid_is_nil(&claim->id) && !claim->bound ? claim->limit : 0;
    uint64_t room = is_send && most > 0 ? pawli_flow_room(view, claim->queue, claim->by_hand, &claim->again)
                                        : UINT64_MAX;
    while (claim->count < most && claim->count < room && claim->size < claim->size_max &&
           (task = next_candidate(view, claim->queue->due[claim->phase])) != NULL)
        if (!pass_over(claim, &paused, view, task) && !take(unit, claim, view, task))
            return pawli_no_memory(err);
    if (claim->count < room || claim->count == most)
        claim->again = (struct boot_time){0};
    if (is_send && !pawli_flow_took(view, claim->queue, claim->count))
        return pawli_no_memory(err);
    return pawli_arena_failed(view->arena) || pawli_arena_failed(&unit->arena) ? pawli_no_memory(err) : PAWL_OK;
}

const struct effect_ops pawli_effect_claim = {
    .name = "claim", .size = sizeof(struct claim), .claims = true, .gather = gather, .decide = decide};
