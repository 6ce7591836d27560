/* SPDX-License-Identifier: MIT */
/* Moving tasks. Nothing else in pawl changes a task's place or state.
 *
 *   1  A move is an edge of the table of states; anything else is a bug of the caller, and an assertion.
 *   2  The counts of a queue change with the move.
 *   3  A task with an ordering key is in the line of its key while it is blocked or holds the key. Whoever leaves the head
 *      promotes the next in the same transaction.
 *   4  Each move is noted with its queue, once, to be counted when it is committed (meter.h): a unit that is refused takes its
 *      notes along.
 *   5  What was stored may be wrong: counts and depths are never below zero, and a line without a next one ends. Verify tells
 *      what does not add up.
 *   6  The move that ends a task wakes the workflow that waits for its end. */
#include "commit/unit.h"

static bool touch(struct view *view, struct view_task *task)
{
    return pawli_view_touch(view, &task->slot) && pawli_view_touch(view, &task->queue->slot);
}

static void count(struct view_task *task, enum state from, enum state to, enum task_event event)
{
    struct queue_row *queue = &task->queue->row;
    queue->counts[from] -= queue->counts[from] > 0;
    queue->counts[to]++;
    task->queue->counted[pawli_event_counted(event)]++;
}

static enum state next_state(const struct view_task *task, enum task_event event)
{
    enum state from = task_state(&task->row), to = from;
    bool allowed = pawli_state_next(from, event, &to);
    PAWL_ASSERT(allowed);
    return to;
}

/* What only a claim means ends with it. */
static void clear_claim(struct task_row *row)
{
    row->token = 0;
    row->tail = 0;
    row->committer = 0;
    row->consumer = (struct text){0};
    row->claimed = (struct wall_time){0};
    row->lease = (struct boot_time){0};
    row->boot = 0;
}

static bool is_in_line(const struct task_row *row)
{
    return row->key.data && (row->holds_key || row->place == PLACE_BLOCKED);
}

/* Workers of this process are told which queues have something for them; what is due later they find out by looking. */
static bool note_ready(struct view *view, struct view_task *task)
{
    if (task->row.due.ms > view->wall.ms) {
        view->wakes = true;
        return true;
    }
    if (!pawli_view_touch(view, &task->queue->slot))
        return false;
    task->queue->has_ready = true;
    return true;
}

int pawli_refuse_damaged(const char *what, pawl_error *err)
{
    return pawli_hint(err, pawli_fail(err, PAWL_ECORRUPT, "%s cannot be read", what),
                      "run \"pawl verify\", which names it; restore a backup if it finds more");
}

/* ---- lines ---- */

static struct view_task *next_follower(struct view_line *line)
{
    while (line->next_follower < line->follower_count) {
        struct view_task *task = line->followers[line->next_follower++];
        if (task->slot.exists && task->row.place == PLACE_BLOCKED)
            return task;
    }
    return NULL;
}

/* It holds the key from now on: as the head, where there is none. */
static void give_key(struct line_row *line, struct task_row *row)
{
    row->holds_key = line->head ? HOLDS_BESIDE : HOLDS_AS_HEAD;
    if (line->head) {
        line->beside++;
    } else {
        line->head = row->number;
        line->order = row->order;
    }
}

static void take_key(struct line_row *line, struct task_row *row)
{
    if (row->holds_key == HOLDS_BESIDE)
        line->beside -= line->beside > 0;
    else
        line->head = line->order = 0;
    row->holds_key = HOLDS_NOT;
}

static bool has_room(const struct view_line *line)
{
    return line_holders(&line->row) < (uint64_t)policy_get(&line->queue->policy, POLICY_KEY_CONCURRENCY);
}

/* The first in line hold the key, as many as may at a time. */
static bool promote(struct view *view, struct view_line *line)
{
    struct view_task *next;
    while (has_room(line) && (next = next_follower(line)) != NULL) { /* load brought as many as may be needed */
        if (!pawli_view_touch(view, &next->slot))
            return false;
        next->row.place = PLACE_READY;
        give_key(&line->row, &next->row);
        if (!note_ready(view, next))
            return false;
    }
    uint64_t holders = line_holders(&line->row);
    line->slot.exists = holders > 0;
    if (line->row.depth < holders)
        line->row.depth = holders;
    return true;
}

/* The task leaves its line; if it held the key, the next one gets it. */
static bool leave_line(struct view *view, struct view_task *task)
{
    struct view_line *line = task->line;
    if (!is_in_line(&task->row))
        return true;
    PAWL_ASSERT(line != NULL);
    if (!pawli_view_touch(view, &line->slot))
        return false;
    line->row.depth -= line->row.depth > 0;
    if (!task->row.holds_key)
        return true;
    take_key(&line->row, &task->row);
    return promote(view, line);
}

/* Puts a pending task where its key allows: ready where it holds it, blocked behind those that do. */
static bool enter_line(struct view *view, struct view_task *task)
{
    struct view_line *line = task->line;
    if (!task->row.key.data || task->row.holds_key) {
        task->row.place = PLACE_READY;
        return note_ready(view, task);
    }
    PAWL_ASSERT(line != NULL);
    if (!pawli_view_touch(view, &line->slot))
        return false;
    if (!line->slot.exists)
        line->row = (struct line_row){.queue = task->row.queue, .key = line->row.key};
    line->row.depth++;
    task->row.place = PLACE_BLOCKED;
    return pawli_view_add_follower(view, line, task) && promote(view, line);
}

/* ---- moves ---- */

bool pawli_task_add(struct view *view, struct view_task *task)
{
    if (!pawli_view_touch(view, &task->queue->slot))
        return false;
    PAWL_ASSERT(task->row.place == PLACE_NONE);
    task->queue->row.counts[STATE_PENDING]++;
    task->queue->counted[COUNTED_ENQUEUED]++;
    task->queue->row.added = view->store.row.commits;
    task->row.phase = PHASE_SEND;
    task->row.updated = view->wall;
    return enter_line(view, task);
}

bool pawli_task_claim(struct view *view, struct view_task *task, uint64_t token, int64_t lease_ms)
{
    bool is_send = task->row.phase == PHASE_SEND; /* else its state is kept, and no attempt is counted */
    enum state from = task_state(&task->row), to = is_send ? next_state(task, EVENT_CLAIM) : from;
    if (!touch(view, task))
        return false;
    PAWL_ASSERT(task->row.place == PLACE_READY);
    if (is_send)
        count(task, from, to, EVENT_CLAIM);
    task->row.place = PLACE_CLAIMED;
    task->row.token = token;
    task->row.tail = task->body->tail;
    task->row.attempts += is_send;
    task->row.claimed = task->row.updated = view->wall;
    return pawli_task_lease(view, task, lease_ms);
}

/* The bounds of leases may be too early, never too late. Most are later than those that are out: nothing of them changes. */
bool pawli_task_lease(struct view *view, struct view_task *task, int64_t lease_ms)
{
    struct view_queue *queue = task->queue;
    struct boot_time lease = boot_after_ms(view->boot, lease_ms);
    task->row.lease = lease;
    task->row.boot = view->store.row.boot;
    if ((boot_before(lease, queue->row.lease) && !pawli_view_touch(view, &queue->slot)) ||
        (boot_before(lease, view->store.row.lease) && !pawli_view_touch(view, &view->store.slot)))
        return false;
    queue->row.lease = boot_earlier(queue->row.lease, lease);
    view->store.row.lease = boot_earlier(view->store.row.lease, lease);
    return true;
}

static struct wall_time age_begins(const struct view_task *task)
{
    if (task->body)
        return pawli_age_begins(task->body, task->row.retried.at);
    return is_due_first(&task->row) ? task->row.due : task->row.since;
}

bool pawli_task_pend(struct view *view, struct view_task *task, enum task_event event, struct wall_time due,
                     bool due_first)
{
    enum state from = task_state(&task->row), to = next_state(task, event);
    PAWL_ASSERT(to == STATE_PENDING);
    if (!touch(view, task))
        return false;
    count(task, from, to, event);
    clear_claim(&task->row);
    task->row.looked.token = 0;
    task->row.phase = PHASE_SEND;
    task->row.hold = (struct text){0};
    PAWL_ASSERT(task->body || from == STATE_CLAIMED); /* of which the claim kept all that is needed */
    if (task->body) {
        task->row.until = task->body->expires;
        task->row.sender = task->body->sender;
    }
    if (!due_first)
        task->row.since = age_begins(task);
    task->row.due = due;
    task->row.updated = view->wall;
    return enter_line(view, task);
}

/* A date of its own says until when. */
bool pawli_task_look(struct view *view, struct view_task *task, struct wall_time due)
{
    PAWL_ASSERT(task->row.phase != PHASE_SEND && task->row.place != PLACE_ENDED);
    if (!touch(view, task))
        return false;
    clear_claim(&task->row);
    task->row.hold = (struct text){0};
    task->row.since = age_begins(task);
    task->row.due = due;
    task->row.updated = view->wall;
    task->row.place = PLACE_READY;
    return note_ready(view, task);
}

/* It is not pending any more, or not as others are: `why` or who asks for its outcome moves it on. */
static bool set_aside(struct view *view, struct view_task *task, enum task_event event, enum place place,
                      struct wall_time until)
{
    enum state from = task_state(&task->row), to = next_state(task, event);
    if (!touch(view, task))
        return false;
    count(task, from, to, event);
    uint64_t token = task->row.token;
    clear_claim(&task->row);
    /* Whoever handed it over may report its outcome, also while somebody asks for it under a token of his own. */
    if (to == STATE_AWAITING && place == PLACE_HELD)
        task->row.token = token;
    task->row.looked.token = to == STATE_AWAITING && place == PLACE_READY ? token : 0;
    task->row.place = place;
    task->row.phase = pawli_phase_of(to);
    task->row.until = until;
    task->row.updated = view->wall;
    task->row.looked.before = task->row.looked.times;
    bool releases = to == STATE_AWAITING &&
                    policy_get(&task->queue->policy, POLICY_KEY_RELEASE) == KEY_RELEASE_SUBMITTED;
    return !releases || leave_line(view, task);
}

bool pawli_task_hold(struct view *view, struct view_task *task, enum task_event event, struct text why,
                     struct wall_time until)
{
    if (!set_aside(view, task, event, PLACE_HELD, until))
        return false;
    task->row.hold = why;
    return true;
}

bool pawli_task_ask(struct view *view, struct view_task *task, enum task_event event, struct wall_time due,
                    struct wall_time until)
{
    struct wall_time since = age_begins(task);
    if (!set_aside(view, task, event, PLACE_READY, until))
        return false;
    task->row.hold = (struct text){0};
    task->row.since = since;
    task->row.due = due;
    return note_ready(view, task);
}

bool pawli_task_await_person(struct view *view, struct view_task *task)
{
    PAWL_ASSERT(task_state(&task->row) == STATE_UNCERTAIN && task->row.place == PLACE_READY);
    if (!touch(view, task))
        return false;
    task->row.place = PLACE_HELD;
    task->row.hold = TEXT("uncertain");
    task->row.until = WALL_NEVER;
    task->row.updated = view->wall;
    return true;
}

/* What waits for a time or a signal is due now: what is paused, once it is resumed, and what is blocked, once it has its key.
 * What is stuck waits for a person. */
bool pawli_task_wake(struct view *view, struct view_task *task)
{
    struct workflow_row *row = pawli_task_edit(view, task);
    if (!row)
        return false;
    row->waits = false;
    if (task->row.due.ms <= view->wall.ms)
        return true;
    if (task->row.place == PLACE_READY)
        return pawli_task_hasten(view, task);
    bool is_paused = task->row.place == PLACE_HELD && text_is(task->row.hold, "paused");
    if (is_paused || task->row.place == PLACE_BLOCKED) {
        task->row.since = age_begins(task);
        task->row.due = view->wall;
    }
    return true;
}

static bool still_waits(const struct view_task *waiter)
{
    return waiter && waiter->slot.exists && waiter->body && waiter->row.place != PLACE_ENDED;
}

/* One whose step is under way looked before this: it does so once more when it parks. */
static bool tell(struct view *view, struct view_task *waiter)
{
    if (!still_waits(waiter))
        return true;
    if (waiter->row.place == PLACE_CLAIMED) {
        struct workflow_row *row = pawli_task_edit(view, waiter);
        if (row)
            row->told = true;
        return row != NULL;
    }
    return pawli_task_wake(view, waiter);
}

static bool tell_waiter(struct view *view, struct view_task *task)
{
    task->row.waiter = 0;
    return tell(view, task->waiter);
}

void pawli_task_set_waiter(const struct unit *unit, struct view_task *task)
{
    task->waiter = unit->waiter && unit->waiter->slot.exists ? unit->waiter->task : NULL;
    task->row.waiter = task->waiter ? task->waiter->number : 0;
}

int pawli_task_await(const struct unit *unit, struct view *view, struct view_task *task, pawl_error *err)
{
    struct view_task *waiter = unit->waiter && unit->waiter->slot.exists ? unit->waiter->task : NULL;
    if (!waiter)
        return PAWL_OK;
    if (!task || task->row.place == PLACE_ENDED)
        return tell(view, waiter) ? PAWL_OK : pawli_no_memory(err);
    if (task->waiter == waiter)
        return PAWL_OK;
    if (still_waits(task->waiter))
        return unit->waiter_looks
                   ? PAWL_OK
                   : pawli_hint(
                         err,
                         pawli_fail(err, PAWL_EREFUSED, "another workflow waits for the end of what was there before"),
                         "one is woken by it: do not ask for that, park with a time, and look");
    if (!touch(view, task))
        return pawli_no_memory(err);
    pawli_task_set_waiter(unit, task);
    return PAWL_OK;
}

bool pawli_task_end(struct view *view, struct view_task *task, enum task_event event, struct text reason,
                    struct text by)
{
    enum state from = task_state(&task->row), to = next_state(task, event);
    PAWL_ASSERT(pawli_state_kind(to) != STATE_KIND_OPEN);
    if (!touch(view, task))
        return false;
    count(task, from, to, event);
    struct wall_time claimed = from == STATE_CLAIMED ? task->row.claimed : (struct wall_time){0};
    clear_claim(&task->row);
    task->row.looked.token = 0;
    task->row.claimed = claimed;
    bool keeps_key = to == STATE_DEAD && task->row.holds_key &&
                     policy_get(&task->queue->policy, POLICY_KEY_DEAD) == KEY_DEAD_BLOCK;
    if (!keeps_key && !leave_line(view, task))
        return false;
    task->row.place = PLACE_ENDED;
    task->row.ended = to;
    task->row.ended_at = task->row.updated = view->wall;
    task->row.ended_reason = reason;
    task->row.ended_by = by;
    task->row.progress = (struct text){0};
    task->row.hold = (struct text){0};
    if (to != STATE_DELIVERED)
        task->row.answer = (struct answer){0};
    return tell_waiter(view, task);
}

static bool is_sender_gone(const struct view *view, const struct view_task *task)
{
    const struct view_fact *sender = task->sender;
    return sender && sender->slot.exists && !sender->slot.is_damaged &&
           pawli_gone_of(&view->store.row.clock, task->body, task->row.retried.at, sender->row.sender.removed,
                         &task->queue->policy)
                   .ms <= view->wall.ms;
}

bool pawli_task_is_over(const struct view *view, const struct view_task *task, const struct paused *paused)
{
    struct wall_time expiry = pawli_expiry_of(&view->store.row.clock, task->body, task->row.retried.at,
                                              &task->queue->policy, paused);
    return expiry.ms <= view->wall.ms || is_sender_gone(view, task);
}

bool pawli_task_expire(struct view *view, struct view_task *task)
{
    if (!touch(view, task))
        return false;
    if (is_sender_gone(view, task)) {
        pawli_task_fail(view, task, ERROR_EXPIRED, TEXT("its sender was removed, and did not come back in time"));
        return pawli_task_end(view, task, EVENT_EXPIRE, TEXT("sender_gone"), TEXT("pawl"));
    }
    pawli_task_fail(view, task, ERROR_EXPIRED, TEXT("the age limit passed before it was delivered"));
    return pawli_task_end(view, task, EVENT_EXPIRE, TEXT("expired"), TEXT("pawl"));
}

bool pawli_task_redate(struct view *view, struct view_task *task)
{
    struct task_row *row = &task->row;
    if (!pawli_view_touch(view, &task->slot))
        return false;
    int64_t wait_ms = add_saturating(row->due.ms, -row->updated.ms);
    row->due = wall_after_ms(view->wall, wait_ms > 0 ? wait_ms : 0);
    row->since = age_begins(task);
    row->updated = view->wall;
    return row->place != PLACE_READY || note_ready(view, task);
}

bool pawli_task_hasten(struct view *view, struct view_task *task)
{
    if (!pawli_view_touch(view, &task->slot))
        return false;
    PAWL_ASSERT(task->row.place == PLACE_READY);
    task->row.since = age_begins(task);
    task->row.due = task->row.updated = view->wall;
    return note_ready(view, task);
}

bool pawli_task_pause(struct view *view, struct view_task *task, struct text why)
{
    PAWL_ASSERT(task->row.phase == PHASE_SEND && task->row.place == PLACE_READY);
    if (!touch(view, task))
        return false;
    task->row.place = PLACE_HELD;
    task->row.hold = why;
    task->row.since = age_begins(task);
    task->row.updated = view->wall;
    return true;
}

bool pawli_task_resume(struct view *view, struct view_task *task)
{
    PAWL_ASSERT(task->row.phase == PHASE_SEND && task->row.place == PLACE_HELD);
    if (!touch(view, task))
        return false;
    task->row.hold = (struct text){0};
    task->row.since = age_begins(task);
    task->row.updated = view->wall;
    return enter_line(view, task);
}

struct workflow_row *pawli_task_edit(struct view *view, struct view_task *task)
{
    if (!pawli_view_touch(view, &task->slot))
        return NULL;
    if (task->edited_in != view->unit) {
        struct workflow_row *copy = arena_new(view->arena, struct workflow_row);
        if (!copy)
            return NULL;
        *copy = *workflow_in(task->body);
        task->body = &copy->body;
        task->edited_in = view->unit;
        task->is_edited = true;
    }
    return (struct workflow_row *)task->body;
}

bool pawli_task_purge(struct view *view, struct view_task *task)
{
    if (!touch(view, task))
        return false;
    PAWL_ASSERT(task->row.place == PLACE_ENDED);
    PAWL_ASSERT(!task->row.holds_key);
    uint64_t *ended = &task->queue->row.counts[task->row.ended];
    *ended -= *ended > 0;
    task->queue->counted[COUNTED_PURGED]++;
    task->purged = true;
    task->slot.exists = false;
    return true;
}

void pawli_task_fail(struct view *view, struct view_task *task, enum error_class class, struct text text)
{
    PAWL_ASSERT(task->slot.touched_in == view->unit);
    task->row.failure = (struct failure){class, text, view->wall};
}

bool pawli_task_attempt(struct view *view, struct view_task *task, const char *verdict, enum error_class class,
                        uint32_t status, struct text text)
{
    struct task_row *row = &task->row;
    struct attempt_row *attempt = arena_new(view->arena, struct attempt_row);
    bool is_send = row->phase == PHASE_SEND;
    if (!attempt)
        return false;
    row->looked.times += !is_send;
    *attempt = (struct attempt_row){.number = row->number,
                                    .ordinal = row->retried.attempts + row->attempts + row->looked.times,
                                    .phase = row->phase,
                                    .n = is_send ? row->attempts : row->looked.times - row->looked.before,
                                    .began = row->claimed,
                                    .ended = view->wall,
                                    .worker = row->consumer,
                                    .verdict = text_of(verdict),
                                    .class = class,
                                    .status = status,
                                    .text = text};
    task->attempt = attempt;
    return true;
}
