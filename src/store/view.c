/* SPDX-License-Identifier: MIT */
#include "store/view.h"

#include "model/decide.h"

struct undo {
    struct undo *next;
    struct slot *slot;
    max_align_t copy[];
};

static const size_t slot_sizes[SLOT_KIND_COUNT] = {
    [SLOT_STORE] = sizeof(struct view_store),   [SLOT_COMMITTER] = sizeof(struct view_committer),
    [SLOT_SCOPE] = sizeof(struct view_scope),   [SLOT_REQUEST] = sizeof(struct view_request),
    [SLOT_QUEUE] = sizeof(struct view_queue),   [SLOT_LANE] = sizeof(struct view_lane),
    [SLOT_TARGET] = sizeof(struct view_target), [SLOT_SUBJECT] = sizeof(struct view_subject),
    [SLOT_HOLD] = sizeof(struct view_hold),     [SLOT_BOUND] = sizeof(struct view_bound),
    [SLOT_LINE] = sizeof(struct view_line),     [SLOT_TASK] = sizeof(struct view_task),
    [SLOT_WORKER] = sizeof(struct view_worker),
};

void pawli_view_init(struct view *view, struct arena *arena, uint64_t seed)
{
    *view = (struct view){.arena = arena, .seed = seed, .next_lease = BOOT_NEVER};
    view->store.slot.kind = SLOT_STORE;
    view->committer.slot.kind = SLOT_COMMITTER;
}

static void *add_slot(struct view *view, struct slots *slots, enum slot_kind kind)
{
    if (!pawli_arena_reserve(view->arena, (void **)&slots->at, sizeof(void *), slots->count + 1, &slots->room))
        return NULL;
    struct slot *slot = pawli_arena_alloc(view->arena, slot_sizes[kind]);
    if (!slot)
        return NULL;
    slot->kind = kind;
    slots->at[slots->count++] = slot;
    return slot;
}

static void *add_hashed(struct view *view, struct slots *slots, enum slot_kind kind, uint64_t hash)
{
    void *slot = add_slot(view, slots, kind);
    if (slot && !pawli_map_put(&slots->map, view->arena, hash, (uint32_t)(slots->count - 1)))
        return NULL;
    return slot;
}

static uint64_t hash_text(uint64_t hash, struct text text)
{
    return pawli_hash_bytes(hash, text.data, text.size);
}

static uint64_t hash_pointer(const struct view *view, const void *pointer)
{
    return pawli_hash_number(view->seed, (uint64_t)(uintptr_t)pointer);
}

struct view_scope *pawli_view_scope(struct view *view, struct text name)
{
    uint64_t hash = hash_text(view->seed, name);
    struct map_probe probe = map_probe(&view->scopes.map, hash);
    for (uint32_t i; map_next(&view->scopes.map, &probe, &i);) {
        struct view_scope *scope = view->scopes.at[i];
        if (text_equal(scope->name, name))
            return scope;
    }
    struct view_scope *scope = add_hashed(view, &view->scopes, SLOT_SCOPE, hash);
    if (scope)
        scope->name = name;
    return scope;
}

struct view_request *pawli_view_request(struct view *view, struct view_scope *scope, const pawl_uuid *id)
{
    uint64_t hash = pawli_hash_bytes(hash_pointer(view, scope), id, sizeof *id);
    struct map_probe probe = map_probe(&view->requests.map, hash);
    for (uint32_t i; map_next(&view->requests.map, &probe, &i);) {
        struct view_request *request = view->requests.at[i];
        if (request->scope == scope && uuid_equal(&request->id, id))
            return request;
    }
    struct view_request *request = add_hashed(view, &view->requests, SLOT_REQUEST, hash);
    if (request) {
        request->scope = scope;
        request->id = *id;
    }
    return request;
}

struct view_queue *pawli_view_queue(struct view *view, struct view_scope *scope, struct text lane, struct text target)
{
    uint64_t hash = hash_text(hash_text(hash_pointer(view, scope), lane), target);
    struct map_probe probe = map_probe(&view->queues.map, hash);
    for (uint32_t i; map_next(&view->queues.map, &probe, &i);) {
        struct view_queue *queue = view->queues.at[i];
        if (queue->scope == scope && text_equal(queue->lane, lane) && text_equal(queue->target, target))
            return queue;
    }
    struct view_queue *queue = add_hashed(view, &view->queues, SLOT_QUEUE, hash);
    if (queue) {
        queue->scope = scope;
        queue->lane = lane;
        queue->target = target;
    }
    return queue;
}

/* Few queues come by id alone (with tasks), and a batch has few queues: a scan is enough. */
struct view_queue *pawli_view_queue_by_id(struct view *view, uint64_t id)
{
    for (size_t i = 0; i < view->queues.count; i++) {
        struct view_queue *queue = view->queues.at[i];
        if (queue->row.id == id)
            return queue;
    }
    struct view_queue *queue = add_slot(view, &view->queues, SLOT_QUEUE);
    if (queue) {
        queue->row.id = id;
        queue->found_by_id = true;
    }
    return queue;
}

struct view_lane *pawli_view_lane(struct view *view, struct view_scope *scope, struct text name)
{
    for (size_t i = 0; i < view->lanes.count; i++) {
        struct view_lane *lane = view->lanes.at[i];
        if (lane->scope == scope && text_equal(lane->name, name))
            return lane;
    }
    struct view_lane *lane = add_slot(view, &view->lanes, SLOT_LANE);
    if (lane) {
        lane->scope = scope;
        lane->name = name;
    }
    return lane;
}

struct view_target *pawli_view_target(struct view *view, struct view_scope *scope, struct text name)
{
    for (size_t i = 0; i < view->targets.count; i++) {
        struct view_target *target = view->targets.at[i];
        if (target->scope == scope && text_equal(target->name, name))
            return target;
    }
    struct view_target *target = add_slot(view, &view->targets, SLOT_TARGET);
    if (target) {
        target->scope = scope;
        target->name = name;
    }
    return target;
}

struct view_subject *pawli_view_subject(struct view *view, enum hold_kind kind, struct view_scope *scope,
                                        struct text lane, struct text target)
{
    uint64_t hash = hash_text(hash_text(pawli_hash_number(hash_pointer(view, scope), kind), lane), target);
    struct map_probe probe = map_probe(&view->subjects.map, hash);
    for (uint32_t i; map_next(&view->subjects.map, &probe, &i);) {
        struct view_subject *subject = view->subjects.at[i];
        if (subject->kind == kind && subject->scope == scope && text_equal(subject->lane, lane) &&
            text_equal(subject->target, target))
            return subject;
    }
    struct view_subject *subject = add_hashed(view, &view->subjects, SLOT_SUBJECT, hash);
    if (subject) {
        subject->kind = kind;
        subject->scope = scope;
        subject->lane = lane;
        subject->target = target;
    }
    return subject;
}

struct view_bound *pawli_view_bound(struct view *view, struct view_queue *queue, enum bound_kind kind, struct text key)
{
    uint64_t hash = hash_text(pawli_hash_number(hash_pointer(view, queue), kind), key);
    struct map_probe probe = map_probe(&view->bounds.map, hash);
    for (uint32_t i; map_next(&view->bounds.map, &probe, &i);) {
        struct view_bound *bound = view->bounds.at[i];
        if (bound->queue == queue && bound->kind == kind && text_equal(bound->key, key))
            return bound;
    }
    struct view_bound *bound = add_hashed(view, &view->bounds, SLOT_BOUND, hash);
    if (bound) {
        bound->queue = queue;
        bound->kind = kind;
        bound->key = key;
    }
    return bound;
}

struct view_line *pawli_view_line(struct view *view, struct view_queue *queue, struct text key)
{
    uint64_t hash = hash_text(hash_pointer(view, queue), key);
    struct map_probe probe = map_probe(&view->lines.map, hash);
    for (uint32_t i; map_next(&view->lines.map, &probe, &i);) {
        struct view_line *line = view->lines.at[i];
        if (line->queue == queue && text_equal(line->key, key))
            return line;
    }
    struct view_line *line = add_hashed(view, &view->lines, SLOT_LINE, hash);
    if (line) {
        line->queue = queue;
        line->key = key;
    }
    return line;
}

struct view_task *pawli_view_task(struct view *view, uint64_t number)
{
    uint64_t hash = pawli_hash_number(view->seed, number);
    struct map_probe probe = map_probe(&view->tasks.map, hash);
    for (uint32_t i; map_next(&view->tasks.map, &probe, &i);) {
        struct view_task *task = view->tasks.at[i];
        if (task->number == number)
            return task;
    }
    struct view_task *task = add_hashed(view, &view->tasks, SLOT_TASK, hash);
    if (task)
        task->number = number;
    return task;
}

bool pawli_view_wants_subjects(struct view *view, struct view_queue *queue)
{
    struct text none = {0};
    queue->wants_policy = true;
    queue->subjects[HOLD_STORE] = pawli_view_subject(view, HOLD_STORE, NULL, none, none);
    queue->subjects[HOLD_LANE] = pawli_view_subject(view, HOLD_LANE, queue->scope, queue->lane, none);
    queue->subjects[HOLD_TARGET] = pawli_view_subject(view, HOLD_TARGET, queue->scope, none, queue->target);
    queue->subjects[HOLD_QUEUE] = pawli_view_subject(view, HOLD_QUEUE, queue->scope, queue->lane, queue->target);
    for (size_t i = 0; i < COUNT_OF(queue->subjects); i++)
        if (!queue->subjects[i])
            return false;
    return true;
}

bool pawli_view_due(struct view *view, struct view_queue *queue, enum phase phase, uint32_t limit, uint64_t size_max)
{
    struct view_due *due = queue->due[phase];
    if (!due) {
        if (!pawli_arena_reserve(view->arena, (void **)&view->dues, sizeof(struct view_due *), view->due_count + 1,
                                 &view->due_room))
            return false;
        due = arena_new(view->arena, struct view_due);
        if (!due)
            return false;
        due->queue = queue;
        due->phase = phase;
        view->dues[view->due_count++] = queue->due[phase] = due;
    }
    due->limit += limit;
    if (__builtin_add_overflow(due->size_max, size_max, &due->size_max))
        due->size_max = UINT64_MAX;
    return pawli_view_wants_subjects(view, queue);
}

bool pawli_view_needs_claims(struct view *view)
{
    const struct store_row *store = &view->store.row;
    bool is_early = uuid_equal(&store->boot_id, &view->boot_id) && boot_before(view->boot, store->lease);
    view->lost_all_seen = view->dead_count > 0 || (view->sweeps_lost && !is_early);
    view->lost_open = view->lost_all_seen;
    for (size_t i = 0; i < view->queues.count; i++) {
        struct view_queue *queue = view->queues.at[i];
        if (!queue->wants_lost || !queue->slot.found || queue->slot.is_damaged)
            continue;
        queue->lost_seen = view->dead_count > 0 || pawli_may_have_lost(&queue->row, store, &view->boot_id, view->boot);
        queue->next_lease = BOOT_NEVER;
        view->lost_open += queue->lost_seen;
    }
    return view->lost_open > 0;
}

/* Few are claimed from in one batch. */
static struct view_queue *asks_for(const struct view *view, uint64_t id)
{
    for (size_t i = 0; i < view->queues.count; i++) {
        struct view_queue *queue = view->queues.at[i];
        if (queue->row.id == id)
            return queue->wants_lost ? queue : NULL;
    }
    return NULL;
}

bool pawli_view_needs_more(const struct view *view, uint64_t queue)
{
    const struct view_queue *own = asks_for(view, queue);
    return view->lost_open > 0 && (own ? own->lost_seen : view->lost_all_seen);
}

void pawli_view_living(struct view *view, const struct task_row *row)
{
    struct view_queue *own = asks_for(view, row->queue);
    view->next_lease = boot_earlier(view->next_lease, row->lease);
    if (own)
        own->next_lease = boot_earlier(own->next_lease, row->lease);
}

bool pawli_view_lost(struct view *view, const struct task_row *row)
{
    struct view_queue *own = asks_for(view, row->queue);
    uint32_t *count = own ? &own->lost_count : &view->lost_count;
    if ((own || view->sweeps_lost) && (*count)++ < view->lost_limit)
        return true;
    view->lost_open--;
    view->lost_all_seen = false;
    if (own)
        own->lost_seen = false;
    return false;
}

struct view_hold *pawli_view_add_hold(struct view *view, struct view_subject *subject)
{
    struct view_hold *hold = add_slot(view, &view->holds, SLOT_HOLD);
    if (!hold)
        return NULL;
    hold->subject = subject;
    hold->next = subject->holds;
    subject->holds = hold;
    return hold;
}

struct view_worker *pawli_view_add_worker(struct view *view)
{
    return add_slot(view, &view->workers, SLOT_WORKER);
}

static bool follows(const struct view_task *a, const struct view_task *b)
{
    return a->row.order > b->row.order || (a->row.order == b->row.order && a->row.number > b->row.number);
}

/* In the order of the line. Appending leaves what is there alone; an insertion goes into a copy, so that an undo, which
 * restores the line's pointer and count, finds the old list as it was. */
bool pawli_view_add_follower(struct view *view, struct view_line *line, struct view_task *task)
{
    uint32_t count = line->follower_count, at = count;
    while (at > line->next_follower && follows(line->followers[at - 1], task))
        at--;
    if (at < count || count == line->follower_room) {
        uint32_t room = count < 4 ? 8 : count * 2;
        struct view_task **list = arena_array(view->arena, struct view_task *, room);
        if (!list)
            return false;
        if (count)
            memcpy(list, line->followers, count * sizeof *list);
        line->followers = list;
        line->follower_room = room;
    }
    if (at < count)
        memmove(&line->followers[at + 1], &line->followers[at], (count - at) * sizeof(struct view_task *));
    line->followers[at] = task;
    line->follower_count++;
    task->line = line;
    return true;
}

bool pawli_view_task_found(struct view *view, struct view_task *task)
{
    PAWL_ASSERT(task->row.number == task->number);
    task->slot.found = task->slot.exists = true;
    task->was = task->row;
    task->queue = pawli_view_queue_by_id(view, task->row.queue);
    if (!task->queue)
        return false;
    task->queue->wants_policy = true;
    if (!task->row.key.data || task->line)
        return true;
    task->line = pawli_view_line(view, task->queue, task->row.key);
    if (task->line)
        task->line->exits++;
    return task->line != NULL;
}

static bool is_in_line(const struct task_row *row)
{
    return row->key.data && (row->holds_key || row->place == PLACE_BLOCKED);
}

/* A task, its message, its queue and its line are rows of their own: a move needs that they agree. */
static bool agrees(const struct view_task *task)
{
    const struct view_line *line = task->line;
    const struct message_row *message = task->message;
    if (message && (message->queue != task->row.queue || !text_equal(message->key, task->row.key)))
        return false;
    if (task->queue->slot.is_damaged || task->queue->is_policy_damaged)
        return false;
    if (!is_in_line(&task->row))
        return !line || !line->slot.is_damaged;
    return line && line->slot.found && !line->slot.is_damaged &&
           (line->row.head == task->number) == task->row.holds_key;
}

void pawli_view_set_apart(struct view *view)
{
    for (size_t i = 0; i < view->tasks.count; i++) {
        struct view_task *task = view->tasks.at[i];
        if (!task->slot.found || agrees(task))
            continue;
        task->slot.found = task->slot.exists = false;
        task->slot.is_damaged = true;
    }
}

bool pawli_view_task_bounds(struct view *view, struct view_task *task)
{
    const struct message_row *message = task->message;
    if (!task->wants_bounds || !message || !task->queue)
        return true;
    if (message->dedupe.data && !(task->bounds[0] = pawli_view_bound(view, task->queue, BOUND_DEDUPE, message->dedupe)))
        return false;
    struct text id = {(const char *)&message->request_id, sizeof message->request_id};
    return uuid_is_nil(&message->request_id) ||
           (task->bounds[1] = pawli_view_bound(view, task->queue, BOUND_REQUEST, id)) != NULL;
}

void pawli_view_begin_unit(struct view *view)
{
    view->unit++;
    view->undos = NULL;
    view->task_mark = view->tasks.count;
}

void pawli_view_undo_unit(struct view *view)
{
    for (struct undo *undo = view->undos; undo; undo = undo->next)
        memcpy(undo->slot, undo->copy, slot_sizes[undo->slot->kind]);
    view->undos = NULL;
    view->tasks.count = view->task_mark; /* tasks that the unit made were never put into the map */
}

bool pawli_view_touch(struct view *view, struct slot *slot)
{
    PAWL_ASSERT(view->unit > 0);
    if (slot->touched_in != view->unit) {
        size_t size = slot_sizes[slot->kind];
        struct undo *undo = pawli_arena_alloc_raw(view->arena, sizeof *undo + size);
        if (!undo)
            return false;
        undo->slot = slot;
        undo->next = view->undos;
        memcpy(undo->copy, slot, size);
        view->undos = undo;
        slot->touched_in = view->unit;
    }
    slot->changed = true;
    return true;
}

struct view_task *pawli_view_new_task(struct view *view)
{
    struct view_task *task = add_slot(view, &view->tasks, SLOT_TASK);
    if (!task)
        return NULL;
    task->slot.touched_in = view->unit;
    task->slot.changed = task->slot.exists = true;
    return task;
}

bool pawli_view_has_records(const struct view *view)
{
    for (size_t i = 0; i < view->requests.count; i++)
        if (view_at(view->requests, struct view_request, i)->slot.changed)
            return true;
    return false;
}
