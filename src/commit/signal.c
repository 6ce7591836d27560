/* SPDX-License-Identifier: MIT */
/* The effect that sends a signal to a workflow. */
#include "commit/workflow.h"

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct signal_draft *draft = (struct signal_draft *)effect;
    if (!pawli_gather_workflow(view, unit->view_scope, &draft->ref, false))
        return false;
    draft->slot = pawli_view_fact(view, ROW_SIGNAL, &draft->ref.queue->slot,
                                  &(struct signal_row){.workflow = draft->ref.id, .key = draft->row.key});
    return draft->slot != NULL;
}

static int answer_stored(struct signal_draft *draft, const struct signal_row *stored, pawl_error *err)
{
    const struct signal_row *given = &draft->row;
    if (!text_equal(given->name, stored->name) || !text_equal(given->content_type, stored->content_type) ||
        !text_equal(given->data, stored->data))
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ECONFLICT, "the dedupe key is that of another signal of the workflow"),
                          "use another key for other content");
    draft->replayed = true;
    return PAWL_OK;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct signal_draft *draft = (struct signal_draft *)effect;
    struct signal_row *row = &draft->slot->row.signal;
    struct view_task *task;
    draft->replayed = false;
    int status = pawli_find_workflow(unit, &draft->ref, &task, err);
    if (status < 0)
        return status;
    if (draft->slot->slot.is_damaged)
        return pawli_refuse_damaged("a signal of this dedupe key", err);
    if (draft->slot->slot.exists && row->number == task->number) /* of one before it: that is over */
        return answer_stored(draft, row, err);
    if (task->row.place == PLACE_ENDED)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EREFUSED, "workflow %.*s/%.*s ended: it takes no signals any more",
                                     TEXT_ARG(draft->ref.kind), TEXT_ARG(draft->ref.id)),
                          "see what it ended with: \"pawl workflows show\"");
    struct workflow_row *workflow = pawli_task_edit(view, task);
    if (!workflow || !pawli_view_touch(view, &draft->slot->slot))
        return pawli_no_memory(err);
    workflow->pending++;
    *row = draft->row;
    row->queue = task->row.queue;
    row->number = task->number;
    row->ordinal = ++workflow->signals;
    row->at = view->wall;
    draft->slot->slot.exists = true;
    return pawli_task_wake(view, task) ? PAWL_OK : pawli_no_memory(err);
}

static size_t weigh(const struct effect *effect)
{
    return 300 + ((const struct signal_draft *)effect)->row.data.size;
}

const struct effect_ops pawli_effect_signal = {
    .name = "signal", .size = sizeof(struct signal_draft), .gather = gather, .decide = decide, .weigh = weigh};
