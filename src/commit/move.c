/* SPDX-License-Identifier: MIT */
/* The effect of an operator on one message: cancel, requeue, resolve, purge. */
#include <inttypes.h>

#include "commit/unit.h"

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct move *move = (struct move *)effect;
    uint64_t number, tail;
    (void)unit;
    move->task = NULL;
    if (!pawli_message_id_split(&move->id, &number, &tail))
        return true;
    move->task = pawli_view_task(view, number);
    if (move->task)
        move->task->wants_message = move->task->wants_bounds = view->wants_lost = true;
    return move->task != NULL;
}

static int refuse(const struct move *move, const struct view *view, const char *what, const char *hint, pawl_error *err)
{
    const struct task_row *row = &move->task->row;
    const char *state = pawli_state_text(move->before);
    int status = row->place != PLACE_CLAIMED
                     ? pawli_fail(err, PAWL_EREFUSED, "a message that is %s cannot be %s", state, what)
                     : pawli_fail(err, PAWL_EREFUSED,
                                  "a message that is %s cannot be %s: %.*s has it, for %" PRId64 " ms more unless it "
                                  "renews",
                                  state, what, TEXT_ARG(row->consumer), lease_left_ms(row, view->boot));
    return pawli_hint(err, status, "%s", hint);
}

static bool may(const struct move *move, enum task_event event)
{
    enum state ignored;
    return pawli_state_next(move->before, event, &ignored);
}

static int cancel(struct move *move, struct view *view, pawl_error *err)
{
    if (!may(move, EVENT_CANCEL))
        return refuse(move, view, "cancelled",
                      "only pending, uncertain and dead messages can be; a claimed one is settled first", err);
    if (!pawli_view_touch(view, &move->task->slot))
        return pawli_no_memory(err);
    return pawli_task_end(view, move->task, EVENT_CANCEL, move->reason, move->by) ? PAWL_OK : pawli_no_memory(err);
}

static void copy_message(struct move *move)
{
    const struct view_task *task = move->task;
    struct message_draft *draft = &move->successor;
    *draft = (struct message_draft){.row = *task->message,
                                    .lane = task->queue->lane,
                                    .target = task->queue->target,
                                    .delay_ms = 0,
                                    .expires_in_ms = -1,
                                    .queue = task->queue,
                                    .line = task->line};
    draft->row.tail = move->successor_tail;
    draft->row.dedupe = (struct text){0}; /* the old one stays bound, through the chain */
    draft->row.request_id = (pawl_uuid){0};
    draft->row.expires = WALL_NEVER;
    draft->row.available = (struct wall_time){0};
}

/* Everything is copied: route, identity, priority, headers. A message never goes where its predecessor did not. */
static int requeue(struct move *move, struct view *view, pawl_error *err)
{
    struct view_task *task = move->task;
    if (!may(move, EVENT_CANCEL))
        return refuse(move, view, "requeued", "only pending, uncertain and dead messages can be", err);
    if (!task->queue->scope)
        return pawli_fail(err, PAWL_ENOTFOUND, "no such message");
    copy_message(move);
    bool blocks = policy_get(&task->queue->policy, POLICY_KEY_DEAD) == KEY_DEAD_BLOCK;
    bool inherits = task->row.key.data && blocks && (task->row.holds_key || task->row.place == PLACE_BLOCKED);
    if (inherits)
        move->successor.order = task->row.order;
    if (!pawli_view_touch(view, &task->slot))
        return pawli_no_memory(err);
    /* A predecessor that holds its key hands it on itself, not to the next in line. */
    bool hands_on = inherits && task->row.holds_key;
    if (hands_on)
        task->row.holds_key = false;
    if (!pawli_task_end(view, task, EVENT_CANCEL, move->reason, move->by))
        return pawli_no_memory(err);
    int status = hands_on ? pawli_enqueue_successor(view, &move->successor, err)
                          : pawli_enqueue_one(view, task->queue->scope, &move->successor, 0, err);
    if (status < 0)
        return status;
    task->row.successor = move->successor.id;
    return PAWL_OK;
}

static int resolve(struct move *move, struct view *view, pawl_error *err)
{
    struct view_task *task = move->task;
    enum task_event event = move->outcome;
    if (!may(move, event) || move->before == STATE_CLAIMED)
        return refuse(move, view, "resolved so",
                      "uncertain messages can be resolved; awaiting ones as delivered or dead", err);
    if (event == EVENT_RETRY && task->row.attempts >= pawli_cap_of(task->message, &task->queue->policy))
        event = EVENT_EXHAUST;
    if (!pawli_view_touch(view, &task->slot))
        return pawli_no_memory(err);
    bool moved;
    if (event == EVENT_RETRY)
        moved = pawli_task_pend(view, task, event, view->wall, false);
    else
        moved = pawli_task_end(view, task, event, event == EVENT_EXHAUST ? TEXT("max_attempts") : move->reason,
                               move->by);
    return moved ? PAWL_OK : pawli_no_memory(err);
}

static int purge(struct move *move, struct view *view, pawl_error *err)
{
    struct view_task *task = move->task;
    for (size_t i = 0; i < COUNT_OF(task->bounds); i++)
        if (task->bounds[i] && task->bounds[i]->slot.is_damaged)
            return pawli_refuse_damaged("its dedupe key", err);
    if (task->row.place != PLACE_ENDED)
        return refuse(move, view, "purged", "only delivered, dead and cancelled messages can be", err);
    if (task->row.holds_key)
        return pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "the message holds its ordering key"),
                          "requeue or cancel it first: its line waits for that");
    if (pawli_leads_to_successor(view, task))
        return pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "its dedupe key leads to a successor that is kept"),
                          "purge the successor first, when it ended: until then a repetition must find it");
    return pawli_purge(view, task) ? PAWL_OK : pawli_no_memory(err);
}

static int (*const moves[])(struct move *move, struct view *view, pawl_error *err) = {
    [MOVE_CANCEL] = cancel, [MOVE_REQUEUE] = requeue, [MOVE_RESOLVE] = resolve, [MOVE_PURGE] = purge};

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct move *move = (struct move *)effect;
    const struct view_task *task = move->task;
    if (task && task->slot.is_damaged)
        return pawli_refuse_damaged("the message", err);
    bool visible = task && task->slot.exists && task->message && task->queue->scope == unit->view_scope;
    if (visible) {
        pawl_uuid id = pawli_message_id(task->number, task->message->tail);
        visible = uuid_equal(&id, &move->id);
    }
    if (!visible)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ENOTFOUND, "no such message in scope \"%.*s\"", TEXT_ARG(unit->scope)),
                          "see \"pawl messages list\"");
    if (!pawli_lose(view, move->task))
        return pawli_no_memory(err);
    move->before = task_state(&task->row);
    int status = moves[move->kind](move, view, err);
    move->after = status < 0 ? move->before : task_state(&task->row);
    return status;
}

static void describe(const struct effect *effect, struct json_writer *writer)
{
    const struct move *move = (const struct move *)effect;
    char id[PAWL_UUID_TEXT_SIZE];
    pawli_json_put_string(writer, "before", pawli_state_text(move->before));
    pawli_json_put_string(writer, "after", pawli_state_text(move->after));
    if (move->kind == MOVE_REQUEUE)
        pawli_json_put_string(writer, "successor", pawl_uuid_format(&move->successor.id, id));
}

const struct effect_ops pawli_effect_move = {"move", gather, decide, describe};
