/* SPDX-License-Identifier: MIT */
#include "commit/hasten.h"

#include "model/decide.h"

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct hasten *hasten = (struct hasten *)effect;
    hasten->tasks = arena_array(view->arena, struct view_task *, hasten->count + 1);
    if (!hasten->tasks || !pawli_view_queue(view, unit->view_scope, TASK_MESSAGE, hasten->lane, hasten->target))
        return false;
    for (size_t i = 0; i < hasten->count; i++) {
        hasten->tasks[i] = pawli_view_task(view, unit->view_scope, TASK_MESSAGE, number_in_scope(hasten->numbers[i]));
        if (!hasten->tasks[i])
            return false;
        hasten->tasks[i]->wants_body = true;
    }
    return true;
}

/* It may have been tried, or its sender removed, since it was found. */
static bool may_hasten(const struct hasten *hasten, const struct view *view, const struct view_task *task)
{
    const struct view_fact *sender = task->sender;
    return task->slot.exists && task->body && pawli_waits_for_sender(&task->row) && view->wall.ms < task->row.due.ms &&
           text_equal(task->row.sender, hasten->sender) && sender && sender->slot.exists && !sender->slot.is_damaged &&
           sender->row.sender.removed.ms == INT64_MAX;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct hasten *hasten = (struct hasten *)effect;
    (void)unit;
    for (size_t i = 0; i < hasten->count; i++)
        if (may_hasten(hasten, view, hasten->tasks[i]) && !pawli_task_hasten(view, hasten->tasks[i]))
            return pawli_no_memory(err);
    return PAWL_OK;
}

const struct effect_ops pawli_effect_hasten = {
    .name = "hasten", .size = sizeof(struct hasten), .gather = gather, .decide = decide};
