/* SPDX-License-Identifier: MIT */
#include "store/view.h"

#include "model/decide.h"

struct undo {
    struct undo *next;
    struct slot *slot;
    max_align_t copy[];
};

#define SLOT(name, slots_of)                                                                                           \
    {                                                                                                                  \
        .size = sizeof(struct view_##name), .slots = offsetof(struct view, slots_of)                                   \
    }
#define ROW(name, slots_of, kind, owner_at)                                                                            \
    {                                                                                                                  \
        .size = sizeof(struct view_##name), .slots = offsetof(struct view, slots_of),                                  \
        .row = offsetof(struct view_##name, row), .row_kind = ROW_##kind, .owner = owner_at                            \
    }
const struct slot_form pawli_slots[SLOT_KIND_COUNT] = {
    [SLOT_STORE] = SLOT(store, store),
    [SLOT_COMMITTER] = SLOT(committer, committer),
    [SLOT_SCOPE] = ROW(scope, scopes, SCOPE, 0),
    [SLOT_REQUEST] = ROW(request, requests, RECORD, offsetof(struct view_request, scope)),
    [SLOT_QUEUE] = ROW(queue, queues, QUEUE, offsetof(struct view_queue, scope)),
    [SLOT_FACT] = ROW(fact, facts, KIND_COUNT, offsetof(struct view_fact, owner)),
    [SLOT_SUBJECT] = ROW(subject, subjects, HOLD, offsetof(struct view_subject, scope)),
    [SLOT_HOLD] = ROW(hold, holds, HOLD, 0),
    [SLOT_BOUND] = ROW(bound, bounds, BOUND, offsetof(struct view_bound, queue)),
    [SLOT_LINE] = ROW(line, lines, LINE, offsetof(struct view_line, queue)),
    [SLOT_TASK] = SLOT(task, tasks),
    [SLOT_WORKER] = ROW(worker, workers, WORKER, 0),
    [SLOT_ENTRY] = ROW(entry, entries, ENTRY, 0),
    [SLOT_STEP] = ROW(step, steps, STEP, 0),
    [SLOT_RESOURCE_MOVE] = ROW(resource_move, resource_moves, RESOURCE_MOVE, 0),
};

/* Of these a unit adds, and what it added goes with it. */
static const enum slot_kind added[] = {SLOT_TASK, SLOT_ENTRY, SLOT_STEP, SLOT_RESOURCE_MOVE};

void pawli_view_init(struct view *view, struct arena *arena, uint64_t seed)
{
    *view = (struct view){.arena = arena, .seed = seed, .next_lease = BOOT_NEVER};
    view->store.slot.kind = SLOT_STORE;
    view->committer.slot.kind = SLOT_COMMITTER;
}

static struct slots *slots_of(struct view *view, enum slot_kind kind)
{
    return (struct slots *)((char *)view + pawli_slots[kind].slots);
}

static void *add_slot(struct view *view, enum slot_kind kind)
{
    struct slots *slots = slots_of(view, kind);
    if (!pawli_arena_reserve(view->arena, (void **)&slots->at, sizeof(void *), slots->count + 1, &slots->room))
        return NULL;
    struct slot *slot = pawli_arena_alloc(view->arena, pawli_slots[kind].size);
    if (!slot)
        return NULL;
    slot->kind = kind;
    slots->at[slots->count++] = slot;
    return slot;
}

static void *add_hashed(struct view *view, enum slot_kind kind, uint64_t hash)
{
    struct slots *slots = slots_of(view, kind);
    void *slot = add_slot(view, kind);
    if (slot && !pawli_map_put(&slots->map, view->arena, hash, (uint32_t)(slots->count - 1)))
        return NULL;
    return slot;
}

/* ---- facts ---- */

static void *row_in(const struct slot *slot)
{
    return (char *)slot + pawli_slots[slot->kind].row;
}

enum row_kind pawli_slot_row_kind(const struct slot *slot)
{
    return slot->kind == SLOT_FACT ? ((const struct view_fact *)slot)->kind : pawli_slots[slot->kind].row_kind;
}

struct slot *pawli_slot_owner(const struct slot *slot)
{
    struct slot *owner = NULL;
    if (pawli_slots[slot->kind].owner)
        memcpy(&owner, (const char *)slot + pawli_slots[slot->kind].owner, sizeof owner);
    return owner;
}

/* What owns something has a number: a scope or a queue. */
static uint64_t id_of(const struct slot *owner)
{
    return owner->kind == SLOT_SCOPE ? ((const struct view_scope *)owner)->row.id
                                     : ((const struct view_queue *)owner)->row.id;
}

void *pawli_slot_row(struct slot *slot)
{
    const struct slot *owner = pawli_slot_owner(slot);
    char *row = row_in(slot);
    if (owner)
        *(uint64_t *)(row + pawli_rows[pawli_slot_row_kind(slot)].owner) = id_of(owner);
    return row;
}

/* The slot of that key, as it is or new. */
static void *want(struct view *view, enum slot_kind kind, enum row_kind row_kind, void *owner, const void *key)
{
    const struct slot_form *form = &pawli_slots[kind];
    struct slots *slots = slots_of(view, kind);
    size_t but = form->owner ? pawli_rows[row_kind].owner : SIZE_MAX;
    uint64_t seed = pawli_hash_number(view->seed + row_kind, (uint64_t)(uintptr_t)owner);
    uint64_t hash = pawli_row_hash(row_kind, key, but, seed);
    struct map_probe probe = map_probe(&slots->map, hash);
    for (uint32_t i; map_next(&slots->map, &probe, &i);) {
        struct slot *slot = slots->at[i];
        if (pawli_slot_owner(slot) == owner && pawli_slot_row_kind(slot) == row_kind &&
            pawli_row_compare(row_kind, row_in(slot), key, but) == 0)
            return slot;
    }
    struct slot *slot = add_hashed(view, kind, hash);
    if (!slot)
        return NULL;
    memcpy(row_in(slot), key, pawli_rows[row_kind].size);
    if (form->owner)
        memcpy((char *)slot + form->owner, &owner, sizeof owner);
    if (kind == SLOT_FACT)
        ((struct view_fact *)slot)->kind = row_kind;
    return slot;
}

struct view_fact *pawli_view_fact(struct view *view, enum row_kind kind, struct slot *owner, const void *key)
{
    return want(view, SLOT_FACT, kind, owner, key);
}

struct view_fact *pawli_view_found_fact(struct view *view, enum row_kind kind, struct slot *owner, const void *row)
{
    size_t before = view->facts.count;
    struct view_fact *fact = pawli_view_fact(view, kind, owner, row);
    if (fact && view->facts.count > before) {
        memcpy(&fact->row, row, pawli_rows[kind].size);
        fact->slot.found = fact->slot.exists = true;
    }
    return fact;
}

struct view_fact *pawli_view_sender(struct view *view, const struct view_queue *queue, struct text sender)
{
    return pawli_view_fact(view, ROW_SENDER, &queue->scope->slot,
                           &(struct sender_row){.target = queue->row.target, .sender = sender, .removed = WALL_NEVER});
}

struct view_scope *pawli_view_scope(struct view *view, struct text name)
{
    return want(view, SLOT_SCOPE, ROW_SCOPE, NULL, &(struct scope_row){.name = name});
}

struct view_request *pawli_view_request(struct view *view, struct view_scope *scope, const pawl_uuid *id)
{
    return want(view, SLOT_REQUEST, ROW_RECORD, scope, &(struct record_row){.request_id = *id});
}

struct view_queue *pawli_view_queue(struct view *view, struct view_scope *scope, enum task_kind kind, struct text lane,
                                    struct text target)
{
    const struct queue_row key = {.lane = lane, .target = target, .kind = kind};
    return want(view, SLOT_QUEUE, ROW_QUEUE, scope, &key);
}

struct view_subject *pawli_view_subject(struct view *view, enum hold_kind kind, struct view_scope *scope,
                                        struct text lane, struct text target)
{
    return want(view, SLOT_SUBJECT, ROW_HOLD, scope, &(struct hold_row){.kind = kind, .lane = lane, .target = target});
}

struct view_bound *pawli_view_bound(struct view *view, struct view_queue *queue, enum bound_kind kind, struct text key)
{
    return want(view, SLOT_BOUND, ROW_BOUND, queue, &(struct bound_row){.kind = kind, .key = key});
}

struct view_line *pawli_view_line(struct view *view, struct view_queue *queue, struct text key)
{
    return want(view, SLOT_LINE, ROW_LINE, queue, &(struct line_row){.key = key});
}

/* ---- the others ---- */

/* Few queues come by id alone (with tasks), and a batch has few queues: a scan is enough. */
struct view_queue *pawli_view_queue_by_id(struct view *view, uint64_t id)
{
    for (size_t i = 0; i < view->queues.count; i++) {
        struct view_queue *queue = view->queues.at[i];
        if (queue->row.id == id)
            return queue;
    }
    struct view_queue *queue = add_slot(view, SLOT_QUEUE);
    if (queue) {
        queue->row.id = id;
        queue->found_by_id = true;
    }
    return queue;
}

struct view_task *pawli_view_task(struct view *view, struct view_scope *scope, enum task_kind kind, uint64_t in_scope)
{
    uint64_t hash = pawli_hash_number(pawli_hash_number(view->seed, (uint64_t)(uintptr_t)scope), in_scope);
    struct map_probe probe = map_probe(&view->tasks.map, hash);
    for (uint32_t i; map_next(&view->tasks.map, &probe, &i);) {
        struct view_task *task = view->tasks.at[i];
        if (task->scope == scope && task->wanted == in_scope && task->kind == kind)
            return task;
    }
    struct view_task *task = add_hashed(view, SLOT_TASK, hash);
    if (task) {
        task->scope = scope;
        task->wanted = in_scope;
        task->kind = kind;
    }
    return task;
}

static bool put_number(struct view *view, size_t index, uint64_t number)
{
    ((struct view_task *)view->tasks.at[index])->number = number;
    return pawli_map_put(&view->numbered, view->arena, pawli_hash_number(view->seed, number), (uint32_t)index);
}

bool pawli_view_number_tasks(struct view *view)
{
    for (size_t i = 0; i < view->tasks.count; i++) {
        const struct view_task *task = view->tasks.at[i];
        const struct view_scope *scope = task->scope;
        if (scope->slot.found && !scope->slot.is_damaged && task->wanted <= NUMBER_MAX &&
            !put_number(view, i, number_of(scope->row.id, task->wanted)))
            return false;
    }
    return true;
}

struct view_task *pawli_view_task_at(struct view *view, enum task_kind kind, uint64_t number)
{
    struct map_probe probe = map_probe(&view->numbered, pawli_hash_number(view->seed, number));
    for (uint32_t i; map_next(&view->numbered, &probe, &i);) {
        struct view_task *task = view->tasks.at[i];
        if (task->number == number && task->kind == kind)
            return task;
    }
    struct view_task *task = add_slot(view, SLOT_TASK);
    if (!task || !put_number(view, view->tasks.count - 1, number))
        return NULL;
    task->kind = kind;
    return task;
}

bool pawli_view_wants_subjects(struct view *view, struct view_queue *queue)
{
    struct text none = {0};
    queue->wants_policy = true;
    queue->subjects[HOLD_STORE] = pawli_view_subject(view, HOLD_STORE, NULL, none, none);
    queue->subjects[HOLD_LANE] = pawli_view_subject(view, HOLD_LANE, queue->scope, queue->row.lane, none);
    if (queue->row.kind == TASK_MESSAGE) /* what others call a kind is no target */
        queue->subjects[HOLD_TARGET] = pawli_view_subject(view, HOLD_TARGET, queue->scope, none, queue->row.target);
    queue->subjects[HOLD_QUEUE] = pawli_view_subject(view, HOLD_QUEUE, queue->scope, queue->row.lane,
                                                     queue->row.target);
    for (size_t i = 0; i < COUNT_OF(queue->subjects); i++)
        if (!queue->subjects[i] && (i != HOLD_TARGET || queue->row.kind == TASK_MESSAGE))
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

/* A boot counts up when the machine's differs from the one that the store saw last: every lease of before is over. */
void pawli_view_begin_commit(struct view *view)
{
    struct store_row *store = &view->store.row;
    view->seen_commits = store->commits++;
    store->clock = pawli_clock_at(store, &view->boot_id, view->wall, view->boot);
    if (uuid_equal(&store->boot_id, &view->boot_id))
        return;
    store->boot_id = view->boot_id;
    store->boot++;
    store->looks++;
    store->lease = (struct boot_time){0}; /* the next sweep looks at all claims, the next claim at those of its queue */
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
    struct view_hold *hold = add_slot(view, SLOT_HOLD);
    if (!hold)
        return NULL;
    hold->subject = subject;
    hold->next = subject->holds;
    subject->holds = hold;
    return hold;
}

struct view_worker *pawli_view_add_worker(struct view *view)
{
    return add_slot(view, SLOT_WORKER);
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
    if (task->row.waiter) {
        task->waiter = pawli_view_task_at(view, TASK_WORKFLOW, task->row.waiter);
        if (!task->waiter)
            return false;
        task->waiter->wants_body = true;
    }
    if (!task->row.key.data || task->line)
        return true;
    task->line = pawli_view_line(view, task->queue, task->row.key);
    if (task->line)
        task->line->exits++;
    return task->line != NULL;
}

bool pawli_view_task_bounds(struct view *view, struct view_task *task)
{
    if (!task->wants_bounds || !task->body || !task->queue)
        return true;
    for (enum bound_kind kind = 0; kind < BOUND_KIND_COUNT; kind++) {
        struct text key = pawli_task_kinds[task->kind].bound(task->body, kind);
        if (key.data && !(task->bounds[kind] = pawli_view_bound(view, task->queue, kind, key)))
            return false;
    }
    return true;
}

void pawli_view_begin_unit(struct view *view)
{
    view->unit++;
    view->undos = NULL;
    for (size_t i = 0; i < COUNT_OF(added); i++)
        view->marks[added[i]] = slots_of(view, added[i])->count;
}

void pawli_view_undo_unit(struct view *view)
{
    for (struct undo *undo = view->undos; undo; undo = undo->next)
        memcpy(undo->slot, undo->copy, pawli_slots[undo->slot->kind].size);
    view->undos = NULL;
    for (size_t i = 0; i < COUNT_OF(added); i++) /* what the unit made was never put into a map */
        slots_of(view, added[i])->count = view->marks[added[i]];
}

bool pawli_view_touch(struct view *view, struct slot *slot)
{
    PAWL_ASSERT(view->unit > 0);
    if (slot->touched_in != view->unit) {
        size_t size = pawli_slots[slot->kind].size;
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

#define TOKENS_AT_ONCE 1024

bool pawli_view_token(struct view *view, uint64_t *ret_token)
{
    struct store_row *store = &view->store.row;
    struct tokens *tokens = &view->store.tokens;
    if (tokens->epoch != store->epoch || tokens->next > tokens->last) {
        if (!pawli_view_touch(view, &view->store.slot))
            return false;
        *tokens = (struct tokens){store->epoch, store->last_token + 1, store->last_token + TOKENS_AT_ONCE};
        store->last_token = tokens->last;
    }
    *ret_token = store->epoch << 47 | tokens->next++;
    return true;
}

struct view_task *pawli_view_new_task(struct view *view)
{
    struct view_task *task = add_slot(view, SLOT_TASK);
    if (!task)
        return NULL;
    task->slot.touched_in = view->unit;
    task->slot.changed = task->slot.exists = true;
    return task;
}

bool pawli_view_add_row(struct view *view, enum slot_kind kind, const void *row)
{
    struct slot *slot = add_slot(view, kind);
    if (!slot)
        return false;
    slot->touched_in = view->unit;
    slot->changed = slot->exists = true;
    memcpy(row_in(slot), row, pawli_rows[pawli_slots[kind].row_kind].size);
    return true;
}

bool pawli_view_has_records(const struct view *view)
{
    for (size_t i = 0; i < view->requests.count; i++) {
        const struct slot *slot = &view_at(view->requests, struct view_request, i)->slot;
        if (slot->changed && !slot->found)
            return true;
    }
    return false;
}
