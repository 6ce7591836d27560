/* SPDX-License-Identifier: MIT */
/* The effect of an operator on messages: retry, requeue, cancel, resolve, purge. */
#include "commit/move.h"

#include <inttypes.h>

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    struct move *move = (struct move *)effect;
    uint64_t number, tail;
    view->wants_lost = true;
    for (size_t i = 0; i < move->count; i++) {
        struct move_item *item = &move->items[i];
        item->task = NULL;
        if (!message_id_split(&item->id, &number, &tail))
            continue;
        item->task = pawli_view_task(view, unit->view_scope, TASK_MESSAGE, number);
        if (!item->task)
            return false;
        item->task->wants_body = item->task->wants_bounds = true;
    }
    return true;
}

/* Its key was given to another message: to send both were to do it twice. */
static bool lost_its_key(const struct task_row *row)
{
    return row->place == PLACE_ENDED && row->ended == STATE_DEAD && !uuid_is_nil(&row->successor);
}

/* Pending, and only an operator moves it on. */
static bool is_set_aside(const struct task_row *row)
{
    return row->place == PLACE_HELD && row->phase == PHASE_SEND;
}

bool pawli_may_move(const struct move *move, const struct task_row *row)
{
    static const enum task_event events[] = {
        [MOVE_RETRY] = EVENT_RENEW, [MOVE_REQUEUE] = EVENT_CANCEL, [MOVE_CANCEL] = EVENT_CANCEL};
    enum state ignored, before = task_state(row);
    if (lost_its_key(row) && (move->kind == MOVE_RETRY || move->kind == MOVE_REQUEUE))
        return false;
    switch (move->kind) {
    case MOVE_PURGE:
        return row->place == PLACE_ENDED;
    case MOVE_RESOLVE:
        return before != STATE_CLAIMED && pawli_state_next(before, move->outcome, &ignored);
    case MOVE_RETRY:
        return before == STATE_DEAD || is_set_aside(row);
    case MOVE_REQUEUE:
        if (before == STATE_DELIVERED)
            return move->again;
        break;
    case MOVE_CANCEL:
        break;
    }
    return pawli_state_next(before, events[move->kind], &ignored);
}

static int refuse(const struct move *move, const struct move_item *item, const struct view *view, pawl_error *err)
{
    static const struct {
        const char *what, *hint;
    } texts[] = {
        [MOVE_RETRY] = {"retried", "only dead ones can be, and pending ones that are held by themselves"},
        [MOVE_REQUEUE] = {"requeued", "only pending, uncertain and dead messages can be; a delivered one with --again"},
        [MOVE_CANCEL] = {"cancelled",
                         "only pending, uncertain and dead messages can be; a claimed one is settled first"},
        [MOVE_RESOLVE] = {"resolved so", "uncertain messages can be resolved; awaiting ones as delivered or dead"},
        [MOVE_PURGE] = {"purged", "only delivered, dead and cancelled messages can be"}};
    const struct task_row *row = &item->task->row;
    char successor[PAWL_UUID_TEXT_SIZE];
    if (lost_its_key(row) && move->kind != MOVE_RESOLVE)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_EREFUSED, "its dedupe key was given to %s",
                                     pawl_uuid_format(&row->successor, successor)),
                          "move that one; this one can be cancelled or purged");
    const char *state = pawli_state_text(item->before), *what = texts[move->kind].what;
    int status = row->place != PLACE_CLAIMED
                     ? pawli_fail(err, PAWL_EREFUSED, "a message that is %s cannot be %s", state, what)
                     : pawli_fail(err, PAWL_EREFUSED,
                                  "a message that is %s cannot be %s: %.*s has it, for %" PRId64 " ms more unless it "
                                  "renews",
                                  state, what, TEXT_ARG(row->consumer), lease_left_ms(row, view->boot));
    return pawli_hint(err, status, "%s", texts[move->kind].hint);
}

/* The same message and the same id: attempts and age are counted anew, and its place in the line is its old one. */
static int retry(struct move *move, struct move_item *item, struct view *view, pawl_error *err)
{
    struct view_task *task = item->task;
    struct task_row *row = &task->row;
    const struct paused none = {0}; /* a date of its own is refused as it is written, whatever was held meanwhile */
    struct wall_time end = pawli_expiry_of(&view->store.row.clock, task->body, view->wall, &task->queue->policy, &none);
    (void)move;
    if (task->body->expires.ms != INT64_MAX && end.ms <= view->wall.ms)
        return pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "the time by which the message expires has passed"),
                          "\"requeue\" makes a new message, which has no such time");
    if (!pawli_view_touch(view, &task->slot))
        return pawli_no_memory(err);
    row->retried.attempts += row->attempts;
    row->attempts = row->crashes = 0;
    row->retried.times++;
    row->retried.at = view->wall;
    row->ended_at = (struct wall_time){0};
    row->ended_reason = row->ended_by = (struct text){0};
    row->priority = task->body->priority;
    return pawli_task_pend(view, task, EVENT_RENEW, view->wall, false) ? PAWL_OK : pawli_no_memory(err);
}

static int cancel(struct move *move, struct move_item *item, struct view *view, pawl_error *err)
{
    if (!pawli_view_touch(view, &item->task->slot))
        return pawli_no_memory(err);
    return pawli_task_end(view, item->task, EVENT_CANCEL, move->reason, move->by) ? PAWL_OK : pawli_no_memory(err);
}

static void copy_message(struct move_item *item)
{
    const struct view_task *task = item->task;
    struct message_draft *draft = &item->successor;
    *draft = (struct message_draft){.row = *message_in(task->body),
                                    .lane = task->queue->row.lane,
                                    .target = task->queue->row.target,
                                    .delay_ms = 0,
                                    .expires_in_ms = -1,
                                    .queue = task->queue,
                                    .line = task->line,
                                    .sender = task->sender};
    draft->row.tail = item->successor_tail;
    draft->row.dedupe = (struct text){0}; /* the old one stays bound, through the chain */
    draft->row.request_id = (pawl_uuid){0};
    draft->row.expires = WALL_NEVER;
    draft->row.available = (struct wall_time){0};
    draft->row.resent_of = item->id;
}

/* Everything is copied: route, identity, priority, headers. A message never goes where its predecessor did not. */
static int requeue(struct move *move, struct move_item *item, struct view *view, pawl_error *err)
{
    struct view_task *task = item->task;
    if (!task->queue->scope)
        return pawli_fail(err, PAWL_ENOTFOUND, "no such message");
    copy_message(item);
    if (item->before == STATE_DELIVERED) /* which stays as it is */
        return pawli_enqueue_one(view, task->queue->scope, &item->successor, 0, err);
    bool blocks = policy_get(&task->queue->policy, POLICY_KEY_DEAD) == KEY_DEAD_BLOCK;
    bool inherits = task->row.key.data && blocks && (task->row.holds_key || task->row.place == PLACE_BLOCKED);
    if (inherits)
        item->successor.order = task->row.order;
    if (!pawli_view_touch(view, &task->slot))
        return pawli_no_memory(err);
    /* A predecessor that holds its key hands it on itself, not to the next in line. */
    enum holds held = inherits ? task->row.holds_key : HOLDS_NOT;
    if (held)
        task->row.holds_key = HOLDS_NOT;
    if (!pawli_task_end(view, task, EVENT_CANCEL, move->reason, move->by))
        return pawli_no_memory(err);
    int status = held ? pawli_enqueue_successor(view, &item->successor, held, err)
                      : pawli_enqueue_one(view, task->queue->scope, &item->successor, 0, err);
    if (status < 0)
        return status;
    task->row.successor = item->successor.id;
    return PAWL_OK;
}

static int resolve(struct move *move, struct move_item *item, struct view *view, pawl_error *err)
{
    struct view_task *task = item->task;
    enum task_event event = move->outcome;
    if (event == EVENT_RETRY && task->row.attempts >= pawli_cap_of(task->body, &task->queue->policy))
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

static int purge(struct move *move, struct move_item *item, struct view *view, pawl_error *err)
{
    struct view_task *task = item->task;
    (void)move;
    for (size_t i = 0; i < COUNT_OF(task->bounds); i++)
        if (task->bounds[i] && task->bounds[i]->slot.is_damaged)
            return pawli_refuse_damaged("its dedupe key", err);
    if (task->row.holds_key)
        return pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "the message holds its ordering key"),
                          "retry, requeue or cancel it first: its line waits for that");
    if (pawli_leads_to_successor(view, task))
        return pawli_hint(err, pawli_fail(err, PAWL_EREFUSED, "its dedupe key leads to a successor that is kept"),
                          "purge the successor first, when it ended: until then a repetition must find it");
    return pawli_purge(view, task) ? PAWL_OK : pawli_no_memory(err);
}

static int (*const moves[])(struct move *move, struct move_item *item, struct view *view,
                            pawl_error *err) = {[MOVE_RETRY] = retry,
                                                [MOVE_REQUEUE] = requeue,
                                                [MOVE_CANCEL] = cancel,
                                                [MOVE_RESOLVE] = resolve,
                                                [MOVE_PURGE] = purge};

static int move_one(struct unit *unit, struct move *move, struct move_item *item, struct view *view, pawl_error *err)
{
    const struct view_task *task = item->task;
    if (task && task->slot.is_damaged)
        return pawli_refuse_damaged("the message", err);
    bool visible = task && task->slot.exists && task->body && task->queue->scope == unit->view_scope;
    if (visible) {
        pawl_uuid id = body_id(task->body);
        visible = uuid_equal(&id, &item->id);
    }
    if (!visible)
        return pawli_hint(err,
                          pawli_fail(err, PAWL_ENOTFOUND, "no such message in scope \"%.*s\"", TEXT_ARG(unit->scope)),
                          "see \"pawl messages list\"");
    if (!pawli_lose(view, item->task))
        return pawli_no_memory(err);
    item->before = item->after = task_state(&task->row);
    if (!pawli_may_move(move, &task->row))
        return refuse(move, item, view, err);
    int status = moves[move->kind](move, item, view, err);
    if (status == PAWL_OK)
        item->after = task_state(&task->row);
    return status;
}

/* What refuses a message is looked at before anything of it is changed, so that its neighbours go on. */
static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct move *move = (struct move *)effect;
    for (size_t i = 0; i < move->count; i++) {
        struct move_item *item = &move->items[i];
        int status = move_one(unit, move, item, view, err);
        item->is_refused = status == PAWL_EREFUSED || status == PAWL_ENOTFOUND;
        if (status < 0 && !(move->by_filter && item->is_refused))
            return status;
        if (status < 0 && err)
            *err = (pawl_error){0};
    }
    return PAWL_OK;
}

static void describe_states(const struct move *move, const struct move_item *item, struct json_writer *writer)
{
    char id[PAWL_UUID_TEXT_SIZE];
    pawli_json_put_string(writer, "before", pawli_state_text(item->before));
    pawli_json_put_string(writer, "after", pawli_state_text(item->after));
    if (move->kind == MOVE_REQUEUE)
        pawli_json_put_string(writer, "successor", pawl_uuid_format(&item->successor.id, id));
}

static void describe_part(const struct move *move, struct json_writer *writer)
{
    char id[PAWL_UUID_TEXT_SIZE];
    size_t refused = 0;
    for (size_t i = 0; i < move->count; i++)
        refused += move->items[i].is_refused;
    pawli_json_put_u64(writer, "matched", move->count);
    pawli_json_put_u64(writer, "moved", move->count - refused);
    pawli_json_put_u64(writer, "refused", refused);
    pawli_json_put_u64(writer, "seen_to", move->seen_to);
    pawli_json_put_u64(writer, "last_to", move->last_to);
    pawli_json_put_bool(writer, "ends", move->ends);
    pawli_json_key(writer, "messages");
    pawli_json_open(writer, '[');
    for (size_t i = 0; i < move->count; i++) {
        const struct move_item *item = &move->items[i];
        if (item->is_refused)
            continue;
        pawli_json_comma(writer);
        pawli_json_open(writer, '{');
        pawli_json_put_string(writer, "id", pawl_uuid_format(&item->id, id));
        describe_states(move, item, writer);
        pawli_json_close(writer, '}');
    }
    pawli_json_close(writer, ']');
}

static void describe(const struct effect *effect, struct json_writer *writer)
{
    const struct move *move = (const struct move *)effect;
    if (move->by_filter)
        describe_part(move, writer);
    else
        describe_states(move, &move->items[0], writer);
}

const struct effect_ops pawli_effect_move = {
    .name = "move", .size = sizeof(struct move), .gather = gather, .decide = decide, .describe = describe};
