/* SPDX-License-Identifier: MIT */
#include "store/walk.h"

#include "model/decide.h"

static void set_found(struct slot *slot)
{
    slot->found = slot->exists = true;
}

/* A row that cannot be read stops only who needs it. */
static bool note(struct slot *slot, enum find found)
{
    if (found == FIND_ROW || found == FIND_DAMAGED)
        set_found(slot);
    slot->is_damaged |= found == FIND_DAMAGED;
    return found != FIND_FAILED;
}

/* ---- facts ---- */

/* What belongs to something that does not exist is not there either, and what belongs to something that cannot be read is as
 * good as that. */
static bool load_fact(struct walk *walk, struct slot *slot)
{
    const struct slot *owner = pawli_slot_owner(slot);
    if (owner && owner->is_damaged)
        return note(slot, FIND_DAMAGED);
    if (owner && !owner->found)
        return true;
    return note(slot, walk->finders->fact(walk, pawli_slot_row_kind(slot), pawli_slot_row(slot)));
}

static bool load_facts(struct walk *walk, const struct slots *slots)
{
    for (size_t i = 0; i < slots->count; i++)
        if (!load_fact(walk, slots->at[i]))
            return false;
    return true;
}

static bool load_request(struct walk *walk, struct view_request *request)
{
    bool good = load_fact(walk, &request->slot);
    request->found = request->row.digest;
    return good;
}

static struct view_scope *scope_by_id(const struct view *view, uint64_t id)
{
    for (size_t i = 0; i < view->scopes.count; i++) {
        struct view_scope *scope = view->scopes.at[i];
        if (scope->row.id == id && !scope->slot.is_damaged)
            return scope;
    }
    return NULL;
}

static bool load_queue(struct walk *walk, struct view_queue *queue)
{
    if (queue->slot.found)
        return true;
    if (!queue->found_by_id) {
        bool good = load_fact(walk, &queue->slot);
        queue->claimed_found = queue->row.counts[STATE_CLAIMED];
        return good;
    }
    enum find found = walk->finders->by_id(walk, ROW_QUEUE, queue->row.id, &queue->row);
    /* A task of a queue that does not exist. */
    bool good = note(&queue->slot, found == FIND_NOTHING ? FIND_DAMAGED : found);
    if (found == FIND_ROW)
        queue->scope = scope_by_id(walk->view, queue->row.scope);
    queue->claimed_found = queue->row.counts[STATE_CLAIMED];
    return good;
}

/* Queues that tasks implied are appended while we walk. */
static bool load_queues(struct walk *walk, size_t *done)
{
    bool good = true;
    for (; good && *done < walk->view->queues.count; (*done)++)
        good = load_queue(walk, walk->view->queues.at[*done]);
    return good;
}

/* ---- ranges ---- */

static bool load_workers(struct walk *walk)
{
    struct range range = {.kind = RANGE_WORKERS};
    struct worker_row row;
    enum find found = FIND_NOTHING;
    bool good = walk->finders->begin(walk, &range);
    while (good && (found = walk->finders->next(walk, &range, &row)) != FIND_NOTHING && found != FIND_FAILED) {
        struct view_worker *worker = pawli_view_add_worker(walk->view);
        if (!(good = worker != NULL))
            break;
        note(&worker->slot, found);
        /* One that cannot be read says nothing; what is known is where it stands, so that it can be taken away. */
        worker->row = found == FIND_ROW ? row : (struct worker_row){.id = row.id};
        worker->is_alive = found == FIND_ROW && pawli_worker_alive(&row, walk->view->alive, walk->view->alive_count);
    }
    return walk->finders->end(walk, &range) && good;
}

static bool load_subject(struct walk *walk, struct view_subject *subject)
{
    if (subject->scope && subject->scope->slot.is_damaged)
        return note(&subject->slot, FIND_DAMAGED);
    if (subject->scope && !subject->scope->slot.found)
        return true;
    struct range range = {.kind = RANGE_HOLDS, .subject = *(struct hold_row *)pawli_slot_row(&subject->slot)};
    struct hold_row row;
    enum find found = FIND_NOTHING;
    bool good = walk->finders->begin(walk, &range);
    while (good && (found = walk->finders->next(walk, &range, &row)) != FIND_NOTHING && found != FIND_FAILED) {
        struct view_hold *hold = pawli_view_add_hold(walk->view, subject);
        if (!(good = hold != NULL))
            break;
        set_found(&hold->slot);
        hold->row = row;
        if (found == FIND_DAMAGED)
            pawli_hold_unreadable(&hold->row);
        hold->row.kind = range.subject.kind;
        hold->row.scope = range.subject.scope;
        hold->row.lane = range.subject.lane;
        hold->row.target = range.subject.target;
    }
    return walk->finders->end(walk, &range) && good;
}

/* ---- policies, and what they limit ---- */

/* What nobody asked for: another queue may have brought it already. */
static bool load_flow(struct walk *walk, struct view_queue *queue, struct view_limits *limits,
                      const struct flow_row *key)
{
    size_t before = walk->view->facts.count;
    limits->flow = pawli_view_fact(walk->view, ROW_FLOW, &queue->scope->slot, key);
    return limits->flow && (walk->view->facts.count == before || load_fact(walk, &limits->flow->slot));
}

static bool load_holds_of_target(struct walk *walk, struct view_queue *queue)
{
    size_t before = walk->view->subjects.count;
    struct view_subject **subject = &queue->subjects[HOLD_TARGET];
    *subject = pawli_view_subject(walk->view, HOLD_TARGET, queue->scope, (struct text){0}, queue->row.target);
    return *subject && (walk->view->subjects.count == before || load_subject(walk, *subject));
}

static bool load_limits(struct walk *walk, struct view_queue *queue, int which)
{
    struct view_limits *limits = &queue->limits[which];
    bool is_lane = which == LIMITS_LANE;
    bool has_lane = is_lane || queue->row.kind != TASK_MESSAGE;
    struct flow_row key = {.scope = queue->row.scope,
                           .lane = has_lane ? queue->row.lane : (struct text){0},
                           .target = is_lane ? (struct text){0} : queue->row.target};
    if (!queue->scope || !queue->slot.found || queue->is_policy_damaged)
        return true;
    if (limits_need_flow(&limits->of) && !load_flow(walk, queue, limits, &key))
        return false;
    if (limits->of.breaks && !load_holds_of_target(walk, queue))
        return false;
    /* What is in flight to a target is counted whoever said how much may be. */
    bool counts = queue->due[PHASE_SEND] && (!is_lane || limits->of.concurrency != POLICY_NONE);
    if (counts && !is_lane && queue->row.kind != TASK_MESSAGE) {
        limits->claimed = queue->row.counts[STATE_CLAIMED];
        return true;
    }
    return !counts || walk->finders->claimed(walk, &key, &limits->claimed) != FIND_FAILED;
}

/* What the target of a queue says: of workflows their kind does. */
static enum find find_target(struct walk *walk, const struct queue_row *queue, struct target_row *target)
{
    struct kind_row kind = {.scope = target->scope, .name = target->name};
    if (queue->kind == TASK_MESSAGE)
        return walk->finders->fact(walk, ROW_TARGET, target);
    enum find found = walk->finders->fact(walk, ROW_KIND, &kind);
    target->policy = kind.policy;
    return found;
}

static bool load_policy(struct walk *walk, struct view_queue *queue)
{
    if (!queue->wants_policy || queue->has_policy || queue->slot.is_damaged)
        return true;
    uint64_t scope = queue->slot.found ? queue->row.scope : queue->scope->row.id;
    struct lane_row lane = {.scope = scope, .name = queue->row.lane};
    struct target_row target = {.scope = scope, .name = queue->row.target};
    queue->has_policy = true;
    enum find found[] = {scope ? walk->finders->fact(walk, ROW_LANE, &lane) : FIND_NOTHING,
                         scope ? find_target(walk, &queue->row, &target) : FIND_NOTHING};
    queue->is_policy_damaged = found[0] == FIND_DAMAGED || found[1] == FIND_DAMAGED;
    queue->policy = pawli_policy_effective(pawli_task_kinds[queue->row.kind].policy, &lane.policy, &target.policy);
    queue->has_probe = target.probe.data != NULL;
    queue->has_poll = target.poll.data != NULL;
    struct limits limits[LIMITS];
    pawli_limits_of(pawli_task_kinds[queue->row.kind].policy, &lane.policy, &target.policy, limits);
    bool good = found[0] != FIND_FAILED && found[1] != FIND_FAILED;
    for (int i = 0; good && i < LIMITS; i++) {
        queue->limits[i].of = limits[i];
        good = load_limits(walk, queue, i);
    }
    return good;
}

/* ---- tasks ---- */

/* A task that cannot be read is one that nothing moves. */
static void set_task_apart(struct view_task *task)
{
    task->slot.found = task->slot.exists = false;
    task->slot.is_damaged = true;
    task->body = NULL;
}

static enum find load_body(struct walk *walk, struct view_task *task)
{
    enum row_kind kind = pawli_task_kinds[task->kind].body;
    if (task->body)
        return FIND_ROW;
    struct task_body *body = pawli_arena_alloc(walk->view->arena, pawli_rows[kind].size);
    if (!body)
        return FIND_FAILED;
    body->number = task->number;
    enum find found = walk->finders->fact(walk, kind, body);
    if (found == FIND_ROW)
        task->body = body;
    return found;
}

/* Of a task that was found: without its body it is one that cannot be read. */
static bool load_body_of(struct walk *walk, struct view_task *task)
{
    enum find found = load_body(walk, task);
    if (found == FIND_NOTHING || found == FIND_DAMAGED)
        set_task_apart(task);
    return found != FIND_FAILED;
}

/* A task in two places is in none. */
static bool check_place(struct walk *walk, struct view_task *task)
{
    if (!walk->doubts_places)
        return true;
    enum find found = load_body(walk, task);
    uint32_t places = 1;
    if (found == FIND_ROW)
        found = walk->finders->places(walk, task->body, &places);
    if (found == FIND_DAMAGED || places != 1)
        set_task_apart(task);
    return found != FIND_FAILED;
}

/* A row was read into task->row by whoever found it. */
static bool task_found(struct walk *walk, struct view_task *task)
{
    struct view *view = walk->view;
    if (!pawli_view_task_found(view, task) || !check_place(walk, task))
        return false;
    if (task->slot.found && task->row.place == PLACE_CLAIMED && view->wants_lost)
        task->lost = pawli_claim_lost(&task->row, &view->store.row, view->boot, &view->boot_id, view->alive,
                                      view->alive_count);
    return true;
}

/* A number is one task's, whatever its kind: who asks for one of another kind asks for what is not there. */
static enum find check_kind(struct walk *walk, const struct view_task *task)
{
    struct view_queue *queue = pawli_view_queue_by_id(walk->view, task->row.queue);
    if (!queue || !load_queue(walk, queue))
        return FIND_FAILED;
    return queue->slot.is_damaged || queue->row.kind == task->kind ? FIND_DAMAGED : FIND_NOTHING;
}

/* One without the other cannot be. */
static enum find find_task(struct walk *walk, struct view_task *task)
{
    enum find body = task->wants_body ? load_body(walk, task) : FIND_NOTHING;
    if (body == FIND_FAILED || body == FIND_DAMAGED || task->slot.found)
        return body == FIND_FAILED || body == FIND_DAMAGED ? body : FIND_ROW;
    enum find found = walk->finders->task(walk, task->kind, task->number, task->body, &task->row);
    bool wants = task->wants_body || (task->wants_tail && task->row.place != PLACE_CLAIMED);
    if (found == FIND_ROW && wants && (body = load_body(walk, task)) != FIND_ROW)
        return body == FIND_NOTHING ? check_kind(walk, task) : body;
    if (found == FIND_NOTHING && task->body)
        return FIND_DAMAGED;
    return found == FIND_ROW && !task_found(walk, task) ? FIND_FAILED : found;
}

static bool load_task(struct walk *walk, struct view_task *task)
{
    if (task->slot.is_damaged || task->number == 0)
        return true;
    enum find found = find_task(walk, task);
    if (found == FIND_DAMAGED)
        set_task_apart(task);
    return found != FIND_FAILED && (!task->slot.found || pawli_view_task_bounds(walk->view, task));
}

static bool load_tasks(struct walk *walk, size_t *done)
{
    bool good = true;
    for (; good && *done < walk->view->tasks.count; (*done)++)
        good = load_task(walk, walk->view->tasks.at[*done]);
    return good;
}

/* ---- what hangs on a workflow ---- */

static bool add_fact(struct walk *walk, struct view_fact ***list, uint32_t *count, size_t *room, enum row_kind kind,
                     struct slot *owner, const void *row)
{
    if (!pawli_arena_reserve(walk->view->arena, (void **)list, sizeof **list, *count + 1, room))
        return false;
    struct view_fact *fact = pawli_view_found_fact(walk->view, kind, owner, row);
    if (fact)
        (*list)[(*count)++] = fact;
    return fact != NULL;
}

/* What cannot be read is left out: it is not shown, and not given back. */
static bool load_signals(struct walk *walk, struct view_task *task)
{
    struct range range = {.kind = RANGE_PENDING, .queue = task->row.queue, .key = workflow_in(task->body)->id};
    struct signal_row row;
    enum find found = FIND_NOTHING;
    size_t room = 0;
    bool good = walk->finders->begin(walk, &range);
    while (good && task->signal_count < LIMIT_SIGNALS &&
           (found = walk->finders->next(walk, &range, &row)) != FIND_NOTHING && found != FIND_FAILED)
        good = found == FIND_DAMAGED || row.number != task->number ||
               add_fact(walk, &task->signals, &task->signal_count, &room, ROW_SIGNAL, &task->queue->slot, &row);
    return walk->finders->end(walk, &range) && good;
}

static bool load_resources(struct walk *walk, struct view_task *task)
{
    const struct queue_row *queue = &task->queue->row;
    struct text holder = pawli_arena_format(walk->view->arena, "%.*s/%.*s", TEXT_ARG(queue->target),
                                            TEXT_ARG(workflow_in(task->body)->id));
    struct range range = {.kind = RANGE_HELD, .scope = queue->scope, .key = holder};
    struct resource_row row;
    enum find found = FIND_NOTHING;
    size_t room = 0;
    bool good = holder.data && walk->finders->begin(walk, &range);
    if (!good)
        return false;
    while (good && (found = walk->finders->next(walk, &range, &row)) != FIND_NOTHING && found != FIND_FAILED)
        good = found == FIND_DAMAGED || add_fact(walk, &task->resources, &task->resource_count, &room, ROW_RESOURCE,
                                                 &task->queue->scope->slot, &row);
    return walk->finders->end(walk, &range) && good;
}

static bool load_lists(struct walk *walk, struct view_task *task)
{
    bool is_claimed_from = task->queue && task->queue->due[PHASE_SEND]; /* whatever becomes ready may be taken */
    if ((!task->wants_lists && !is_claimed_from) || task->kind != TASK_WORKFLOW || !task->slot.found || !task->body ||
        !task->queue->scope || task->queue->slot.is_damaged)
        return true;
    return (workflow_in(task->body)->pending == 0 || load_signals(walk, task)) &&
           (workflow_in(task->body)->holds == 0 || load_resources(walk, task));
}

/* Follows the successors of the bound message to the one that counts now. Each was made after its predecessor. */
static bool load_chain(struct walk *walk, struct view_bound *bound)
{
    uint64_t number, tail;
    pawl_uuid id = bound->row.message;
    while (message_id_split(&id, &number, &tail)) {
        const struct queue_row *queue = &bound->queue->row;
        struct view_task *task = pawli_view_task_at(walk->view, queue->kind, number_of(queue->scope, number));
        if (!task)
            return false;
        task->wants_body = true;
        if (!load_task(walk, task))
            return false;
        if (task->slot.is_damaged || (task->body && task->body->tail != tail))
            return note(&bound->slot, FIND_DAMAGED);
        if (!task->slot.found || !task->body)
            return true; /* purged */
        if (!bound->task)
            bound->task = task;
        task->wants_lists |= bound->wants_lists;
        id = task->row.place == PLACE_ENDED ? task->row.successor : (pawl_uuid){0};
    }
    return true;
}

static bool load_bound(struct walk *walk, struct view_bound *bound)
{
    bool good = load_fact(walk, &bound->slot);
    return good && bound->slot.found && !bound->slot.is_damaged ? load_chain(walk, bound) : good;
}

/* A task of a range: it may be in the view already, because a unit named it. NULL: it failed. */
static struct view_task *keep_found(struct walk *walk, const struct task_row *row, const struct view_queue *queue,
                                    struct view_line *line)
{
    struct view_task *task = pawli_view_task_at(walk->view, queue->row.kind, row->number);
    if (!task || task->slot.found || task->slot.is_damaged)
        return task;
    task->row = *row;
    if (line)
        task->line = line;
    return task_found(walk, task) ? task : NULL;
}

/* ---- claims that nobody holds any more ---- */

static bool needs_more(const void *data, uint64_t queue, struct text key)
{
    (void)key;
    return pawli_view_needs_more(data, queue);
}

static bool load_lost(struct walk *walk)
{
    struct view *view = walk->view;
    struct range range = {.kind = RANGE_CLAIMED, .wants = needs_more, .data = view};
    struct task_row row;
    enum find found = FIND_NOTHING;
    if (!pawli_view_needs_claims(view))
        return true;
    bool good = walk->finders->begin(walk, &range);
    while (good && view->lost_open > 0 && (found = walk->finders->next(walk, &range, &row)) != FIND_NOTHING &&
           found != FIND_FAILED) {
        if (found == FIND_DAMAGED)
            continue;
        if (!pawli_claim_lost(&row, &view->store.row, view->boot, &view->boot_id, view->alive, view->alive_count)) {
            pawli_view_living(view, &row);
            continue;
        }
        if (!pawli_view_lost(view, &row))
            continue;
        struct view_queue *queue = pawli_view_queue_by_id(view, row.queue);
        good = queue && load_queue(walk, queue);
        if (!good || queue->slot.is_damaged)
            continue;
        struct view_task *task = keep_found(walk, &row, queue, NULL);
        good = task && (!task->slot.found || load_body_of(walk, task));
    }
    return walk->finders->end(walk, &range) && good;
}

/* ---- what is due ---- */

static bool load_due_of(struct walk *walk, struct view_due *due, uint32_t priority, uint64_t *size)
{
    struct range range = {.kind = RANGE_DUE,
                          .queue = due->queue->row.id,
                          .phase = due->phase,
                          .priority = priority,
                          .until = walk->view->wall};
    struct task_row row;
    enum find found = FIND_NOTHING;
    uint64_t behind = 0;
    bool good = walk->finders->begin(walk, &range);
    while (good && due->count < due->limit && *size < due->size_max &&
           (found = walk->finders->next(walk, &range, &row)) != FIND_NOTHING && found != FIND_FAILED) {
        uint64_t last = behind;
        behind = 0;
        if (found == FIND_DAMAGED)
            continue;
        struct view_task *task = keep_found(walk, &row, due->queue, NULL);
        good = task && (!task->slot.found || load_body_of(walk, task));
        if (!good || !task->slot.found || task->queue != due->queue || task->row.place != PLACE_READY)
            continue;
        task->is_next = true;
        task->behind = last;
        behind = task->number;
        due->tasks[due->count++] = task;
        *size += pawli_task_kinds[task->kind].size(task->body);
    }
    return walk->finders->end(walk, &range) && good;
}

/* Priority by priority: in one walk the delayed ones of the first would stand before the due ones of the next. */
static bool load_due(struct walk *walk, struct view_due *due)
{
    if (!due->queue->slot.found || due->queue->slot.is_damaged)
        return true;
    due->tasks = arena_array(walk->view->arena, struct view_task *, due->limit ? due->limit : 1);
    bool good = due->tasks != NULL;
    uint64_t size = 0;
    for (uint32_t priority = 1; good && priority <= 9 && due->count < due->limit && size < due->size_max; priority++)
        good = load_due_of(walk, due, priority, &size);
    return good;
}

/* ---- lines ---- */

/* As many as this batch may give the key: for each that leaves the next, and as many as have room beside those that hold it.
 * A claim may find each of these too old, and end it too. */
static uint64_t followers_wanted(const struct view_line *line)
{
    uint64_t holders = line_holders(&line->row);
    uint64_t may_hold = (uint64_t)policy_get(&line->queue->policy, POLICY_KEY_CONCURRENCY);
    uint64_t room = line->row.depth > holders && may_hold > holders ? may_hold - holders : 0;
    return line->exits ? 2 * (room + line->exits) : room;
}

static bool load_followers(struct walk *walk, struct view_line *line)
{
    struct range range = {.kind = RANGE_FOLLOWERS, .queue = line->row.queue, .key = line->row.key};
    uint64_t wanted = followers_wanted(line);
    bool wants_body = line->queue->due[PHASE_SEND] != NULL;
    struct task_row row;
    enum find found = FIND_NOTHING;
    bool good = walk->finders->begin(walk, &range);
    while (good && line->follower_count < wanted && (found = walk->finders->next(walk, &range, &row)) != FIND_NOTHING &&
           found != FIND_FAILED) {
        if (found == FIND_DAMAGED)
            continue;
        struct view_task *task = keep_found(walk, &row, line->queue, line);
        good = task && (!wants_body || !task->slot.found || load_body_of(walk, task));
        if (good && task->slot.found && task->line == line && task->row.place == PLACE_BLOCKED)
            good = pawli_view_add_follower(walk->view, line, task);
    }
    return walk->finders->end(walk, &range) && good;
}

/* By it what waits is sent, or ends. Where nobody named the scope, a claim is only given back. */
static bool load_sender(struct walk *walk, struct view_task *task)
{
    const struct view_queue *queue = task->queue;
    size_t count = walk->view->facts.count;
    if (!task->slot.found || !task->body || !task->body->sender.data || !queue->scope || queue->slot.is_damaged)
        return true;
    task->sender = pawli_view_sender(walk->view, queue, task->body->sender);
    bool is_new = walk->view->facts.count > count;
    return task->sender && (!is_new || load_fact(walk, &task->sender->slot));
}

static bool load_line(struct walk *walk, struct view_line *line)
{
    bool good = load_fact(walk, &line->slot) && load_policy(walk, line->queue);
    bool goes_on = good && line->slot.found && !line->queue->slot.is_damaged && followers_wanted(line) > 0;
    return goes_on ? load_followers(walk, line) : good;
}

/* Lines bring followers, and tasks those who wait for their ends, who stand in lines. */
static bool load_lines(struct walk *walk, size_t *queues, size_t *tasks)
{
    const struct view *view = walk->view;
    size_t lines = 0;
    bool good = true;
    while (good && (lines < view->lines.count || *tasks < view->tasks.count)) {
        for (; good && lines < view->lines.count; lines++)
            good = load_line(walk, view->lines.at[lines]);
        good = good && load_tasks(walk, tasks) && load_queues(walk, queues); /* bodies of what was found on the way */
    }
    return good;
}

/* ---- what does not agree ---- */

static bool is_in_line(const struct task_row *row)
{
    return row->key.data && (row->holds_key || row->place == PLACE_BLOCKED);
}

/* A task, its body, its queue and its line are rows of their own: a move needs that they agree. */
static bool agrees(const struct view_task *task)
{
    const struct view_line *line = task->line;
    const struct task_body *body = task->body;
    if (body && (body->queue != task->row.queue || !text_equal(body->key, task->row.key)))
        return false;
    if (body && task->row.place != PLACE_ENDED && !text_equal(body->sender, task->row.sender))
        return false;
    if (task->queue->slot.is_damaged || task->queue->is_policy_damaged || task->queue->row.kind != task->kind)
        return false;
    if (!is_in_line(&task->row))
        return !line || !line->slot.is_damaged;
    return line && line->slot.found && !line->slot.is_damaged &&
           (line->row.head == task->number) == (task->row.holds_key == HOLDS_AS_HEAD) &&
           (task->row.holds_key != HOLDS_BESIDE || line->row.beside > 0);
}

static void check_tasks(const struct view *view)
{
    for (size_t i = 0; i < view->tasks.count; i++) {
        struct view_task *task = view->tasks.at[i];
        if (task->slot.found && !agrees(task))
            set_task_apart(task);
    }
}

/* ---- all of it ---- */

#define FOR_ALL(slots, type, load)                                                                                     \
    for (size_t i = 0; good && i < (slots).count; i++)                                                                 \
    good = load(walk, view_at(slots, type, i))

bool pawli_walk(struct walk *walk)
{
    struct view *view = walk->view;
    size_t queues = 0, tasks = 0;
    bool good = (!view->wants_workers || load_workers(walk)) && load_facts(walk, &view->scopes) &&
                pawli_view_number_tasks(view);
    FOR_ALL(view->requests, struct view_request, load_request);
    good = good && load_queues(walk, &queues) && load_facts(walk, &view->facts);
    FOR_ALL(view->subjects, struct view_subject, load_subject);
    good = good && load_tasks(walk, &tasks) && load_queues(walk, &queues);
    FOR_ALL(view->bounds, struct view_bound, load_bound);
    good = good && (view->lost_limit == 0 || load_lost(walk));
    for (size_t i = 0; good && i < view->due_count; i++)
        good = load_due(walk, view->dues[i]);
    good = good && load_queues(walk, &queues) && load_lines(walk, &queues, &tasks);
    FOR_ALL(view->queues, struct view_queue, load_policy);
    FOR_ALL(view->tasks, struct view_task, load_sender);
    FOR_ALL(view->tasks, struct view_task, load_lists);
    check_tasks(view);
    return good;
}
