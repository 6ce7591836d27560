/* SPDX-License-Identifier: MIT */
/* The effects on locks. A lock is a workflow of the kind pawl.lock that never makes a step: whoever has claimed it has the lock,
 * so that its lease, a claim that is lost and what an operator sees of it are those of a workflow.
 *
 *   1  Its generation counts how often it was acquired, and is the fencing token: a later holder has a greater one. One that an
 *      operator ended starts anew behind where it was.
 *   2  One that nobody has, released or lost, is parked without an end, with no attempt and no crash to its name: however often
 *      holders die, nothing sets it aside. */
#include "commit/workflow.h"

#include <inttypes.h>
#include <stdio.h>

bool pawli_is_lock(const struct view_task *task)
{
    return task->kind == TASK_WORKFLOW && text_is(task->queue->row.target, LOCK_KIND);
}

bool pawli_lock_free(struct view *view, struct view_task *task, enum task_event event)
{
    struct workflow_row *row = pawli_task_edit(view, task);
    if (!row)
        return false;
    row->waits = true;
    row->total += task->row.attempts;
    task->row.attempts = task->row.crashes = 0;
    return pawli_task_pend(view, task, event, (struct wall_time){PARKED_MS}, false);
}

/* ---- acquiring ---- */

#define LOOK_MS 1000 /* nothing tells of a process that dies */

void pawli_lock_look(const struct workflow_row *row, const struct task_row *task, struct boot_time now,
                     struct lock_state *state)
{
    bool is_claimed = task->place == PLACE_CLAIMED, has_ended = task->place == PLACE_ENDED;
    state->is_paused = !is_claimed && !has_ended && (row->paused.data || task->place != PLACE_READY);
    state->is_free = !is_claimed && !state->is_paused;
    state->until = is_claimed ? task->lease : BOOT_NEVER;
    state->again = is_claimed && task->committer ? boot_earlier(task->lease, boot_after_ms(now, LOOK_MS))
                                                 : state->until;
    snprintf(state->holder, sizeof state->holder, "%.*s", TEXT_ARG(task->consumer));
}

static bool gather_acquiring(struct unit *unit, struct effect *effect, struct view *view)
{
    view->wants_lost = true;
    return pawli_gather_start(view, unit->view_scope, &((struct acquiring *)effect)->start);
}

static bool acquire(struct acquiring *acquiring, struct view *view, struct view_task *task)
{
    struct workflow_row *row = pawli_task_edit(view, task);
    int64_t lease = acquiring->lease_ms ? acquiring->lease_ms : policy_get(&task->queue->policy, POLICY_LEASE_MS);
    if (!row || !pawli_view_token(view, &acquiring->token))
        return false;
    acquiring->fence = ++row->generation;
    if (!pawli_task_claim(view, task, acquiring->token, lease))
        return false;
    task->row.committer = acquiring->by_hand ? 0 : view->committer.row.id;
    task->row.consumer = acquiring->holder;
    acquiring->lease_until = wall_after_ms(view->wall, lease);
    acquiring->is_acquired = true;
    return true;
}

static int decide_acquiring(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct acquiring *acquiring = (struct acquiring *)effect;
    acquiring->is_acquired = false;
    int status = pawli_start_one(unit, &acquiring->start, false, view, err);
    if (status < 0)
        return status;
    struct view_task *task = acquiring->start.task;
    if (!pawli_lose(view, task))
        return pawli_no_memory(err);
    pawli_lock_look(workflow_in(task->body), &task->row, view->boot, &acquiring->state);
    return !acquiring->state.is_free || acquire(acquiring, view, task) ? PAWL_OK : pawli_no_memory(err);
}

/* Decided behind what others of its batch release, and where somebody has it nothing is written. */
const struct effect_ops pawli_effect_acquiring = {.name = "acquiring",
                                                  .size = sizeof(struct acquiring),
                                                  .claims = true,
                                                  .gather = gather_acquiring,
                                                  .decide = decide_acquiring};

/* ---- whether a claim holds ---- */

static int refuse_lost(const struct workflow_ref *ref, const struct view_task *task, const struct view *view,
                       pawl_error *err)
{
    int status = pawli_fail(err, PAWL_EFENCED, "the lock \"%.*s\" is not held under this token any more",
                            TEXT_ARG(ref->id));
    if (task && task->row.place == PLACE_CLAIMED)
        return pawli_hint(err, status,
                          "nothing was changed: %.*s has it now, for %" PRId64 " ms more unless it extends",
                          TEXT_ARG(task->row.consumer), lease_left_ms(&task->row, view->boot));
    return pawli_hint(err, status, "nothing was changed: it was released, or lost; acquire it anew");
}

static int find_held(const struct unit *unit, const struct workflow_ref *ref, uint64_t token, const struct view *view,
                     struct view_task **ret_task, pawl_error *err)
{
    struct view_task *task = NULL;
    int status = pawli_find_workflow(unit, ref, &task, err);
    if (status < 0 && status != PAWL_ENOTFOUND)
        return status;
    *ret_task = task;
    return task && task->row.place == PLACE_CLAIMED && task->row.token == token ? PAWL_OK
                                                                                : refuse_lost(ref, task, view, err);
}

/* ---- what its holder does ---- */

static bool gather_change(struct unit *unit, struct effect *effect, struct view *view)
{
    return pawli_gather_workflow(view, unit->view_scope, &((struct lock_change *)effect)->ref, false);
}

static int extend(const struct lock_change *change, struct view *view, struct view_task *task, pawl_error *err)
{
    int64_t lease = change->lease_ms ? change->lease_ms : policy_get(&task->queue->policy, POLICY_LEASE_MS);
    if (!pawli_view_touch(view, &task->slot))
        return pawli_no_memory(err);
    task->row.updated = view->wall;
    return pawli_task_lease(view, task, lease) ? PAWL_OK : pawli_no_memory(err);
}

/* One that was cancelled meanwhile has no step to undo: it ends, and starts anew with the next holder. */
static int release(const struct unit *unit, struct view *view, struct view_task *task, pawl_error *err)
{
    if (workflow_in(task->body)->cancelled.data)
        return pawli_undo_next(unit, view, task, 0, err);
    return pawli_lock_free(view, task, EVENT_RELEASE) ? PAWL_OK : pawli_no_memory(err);
}

static int decide_change(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    const struct lock_change *change = (const struct lock_change *)effect;
    struct view_task *task;
    int status = find_held(unit, &change->ref, change->token, view, &task, err);
    if (status < 0)
        return status;
    return change->releases ? release(unit, view, task, err) : extend(change, view, task, err);
}

const struct effect_ops pawli_effect_lock_change = {
    .name = "lock", .size = sizeof(struct lock_change), .gather = gather_change, .decide = decide_change};

/* ---- what is written under locks ---- */

static bool gather_fences(struct unit *unit, struct effect *effect, struct view *view)
{
    struct fences *fences = (struct fences *)effect;
    for (size_t i = 0; i < fences->count; i++)
        if (!pawli_gather_workflow(view, unit->view_scope, &fences->items[i].ref, false))
            return false;
    return true;
}

static int decide_fences(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    const struct fences *fences = (const struct fences *)effect;
    struct view_task *task;
    int status = PAWL_OK;
    for (size_t i = 0; status == PAWL_OK && i < fences->count; i++)
        status = find_held(unit, &fences->items[i].ref, fences->items[i].token, view, &task, err);
    return status;
}

/* What was written under a lock is told, not the lock. */
static bool is_told(const struct effect *effect)
{
    (void)effect;
    return false;
}

const struct effect_ops pawli_effect_fences = {.name = "fences",
                                               .size = sizeof(struct fences),
                                               .gather = gather_fences,
                                               .decide = decide_fences,
                                               .is_told = is_told};
