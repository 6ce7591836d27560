/* SPDX-License-Identifier: MIT */
#include "store/page.h"

#include "model/decide.h"
#include "model/urls.h"

#define NONE SIZE_MAX

/* ---- items ---- */

void *pawli_add_item(struct reading *reading, size_t item_size)
{
    void **items = (void **)&reading->page->scopes; /* whichever they are */
    if (!pawli_arena_reserve(reading->arena, items, item_size, reading->page->count + 1, &reading->room))
        return NULL;
    return memset((char *)*items + reading->page->count++ * item_size, 0, item_size);
}

bool pawli_is_cut(struct reading *reading)
{
    const struct query *query = reading->query;
    reading->page->more = query->limit && reading->page->count == query->limit;
    return reading->page->more;
}

/* ---- what an item needs besides its row ---- */

bool pawli_find_named(struct reading *reading, enum row_kind kind, void *row, bool *found)
{
    enum find what = reading_fact(reading, kind, row);
    *found = what == FIND_ROW;
    reading->is_bad |= what == FIND_DAMAGED;
    return what != FIND_FAILED && what != FIND_DAMAGED;
}

bool pawli_name_scope(struct reading *reading, uint64_t id, struct text *name)
{
    struct scope_row *last = &reading->last_scope;
    enum find found = FIND_ROW;
    if (id != last->id) {
        struct scope_row row = {.id = id};
        found = reading->walk->finders->by_id(reading->walk, ROW_SCOPE, id, &row);
        *last = found == FIND_ROW ? row : (struct scope_row){.id = id};
    }
    *name = last->name;
    return found != FIND_FAILED;
}

static const struct named_queue *find_listed(const struct reading *reading, uint64_t id)
{
    size_t low = 0, high = reading->queue_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (reading->queues[middle].row.id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < reading->queue_count && reading->queues[low].row.id == id ? &reading->queues[low] : NULL;
}

const struct named_queue *pawli_name_queue(struct reading *reading, uint64_t id)
{
    const struct named_queue *listed = find_listed(reading, id);
    struct named_queue *last = &reading->last;
    if (listed || (id && last->row.id == id))
        return listed ? listed : last;
    *last = (struct named_queue){.row = {0}};
    enum find found = reading->walk->finders->by_id(reading->walk, ROW_QUEUE, id, &last->row);
    if (found != FIND_ROW)
        last->row = (struct queue_row){.id = id};
    else if (!pawli_name_scope(reading, last->row.scope, &last->scope))
        found = FIND_FAILED;
    return found != FIND_FAILED ? last : NULL;
}

bool pawli_know_living(struct reading *reading)
{
    struct living *living = &reading->living;
    bool found;
    if (reading->has_living)
        return true;
    reading->has_living = true;
    reading->env->ops->boot_id(reading->env, &living->boot_id);
    if (!pawli_find_named(reading, ROW_STORE, &living->store, &found))
        return false;
    reading->is_bad |= !found;
    return found && reading->walk->finders->committers(reading->walk, living) != FIND_FAILED;
}

bool pawli_is_lost(const struct reading *reading, const struct task_row *row)
{
    const struct living *living = &reading->living;
    return pawli_claim_lost(row, &living->store, reading->page->boot, &living->boot_id, living->alive,
                            living->alive_count);
}

bool pawli_policies_of(struct reading *reading, const struct queue_row *queue, struct lane_row *lane,
                       struct target_row *target, bool *is_damaged)
{
    bool is_message = queue->kind == TASK_MESSAGE;
    *lane = (struct lane_row){.scope = queue->scope, .name = queue->lane};
    *target = (struct target_row){.scope = queue->scope, .name = queue->target};
    struct kind_row kind = {.scope = queue->scope, .name = queue->target};
    enum find found[] = {
        reading_fact(reading, ROW_LANE, lane),
        reading_fact(reading, is_message ? ROW_TARGET : ROW_KIND, is_message ? (void *)target : &kind)};
    if (!is_message)
        target->policy = kind.policy;
    *is_damaged = found[0] == FIND_DAMAGED || found[1] == FIND_DAMAGED;
    return found[0] != FIND_FAILED && found[1] != FIND_FAILED;
}

bool pawli_describe_old(struct reading *reading, uint64_t id, struct old_item *item, bool *is_good)
{
    struct lane_row lane;
    struct target_row target;
    bool is_damaged = false;
    const struct named_queue *queue = pawli_name_queue(reading, id);
    *item = (struct old_item){0};
    *is_good = queue && queue->scope.data;
    if (!*is_good)
        return queue != NULL;
    if (!pawli_policies_of(reading, &queue->row, &lane, &target, &is_damaged))
        return false;
    *is_good = !is_damaged;
    item->scope = queue->scope;
    item->lane = queue->row.lane;
    item->target = queue->row.target;
    item->policy = pawli_policy_effective(pawli_task_kinds[queue->row.kind].policy, &lane.policy, &target.policy);
    return reading->query->old == OLD_ENDED || pawli_pauses_of(reading, &queue->row, &item->paused);
}

/* ---- lists: whether one is wanted, and what makes an item of its row ---- */

bool pawli_queue_matches(const struct reading *reading, const struct queue_row *row)
{
    const struct query *query = reading->query;
    bool is_meant = query->kind == QUERY_MESSAGES    ? row->kind == TASK_MESSAGE
                    : query->kind == QUERY_WORKFLOWS ? row->kind == TASK_WORKFLOW
                                                     : true;
    return is_meant && (!query->scope.data || row->scope == reading->scope) &&
           (!query->lane.data || text_equal(query->lane, row->lane)) &&
           (!query->target.data || text_equal(query->target, row->target));
}

static bool wants_worker(struct reading *reading, void *row, enum find found)
{
    (void)found;
    return ((struct worker_row *)row)->id > reading->query->after;
}

static bool wants_hold(struct reading *reading, void *row, enum find found)
{
    struct hold_row *hold = row;
    if (found == FIND_DAMAGED)
        pawli_hold_unreadable(hold);
    bool is_of_other = reading->query->scope.data && hold->kind != HOLD_STORE && hold->scope != reading->scope;
    return !is_of_other && hold_is_on(hold, reading->page->wall);
}

/* These answer FIND_NOTHING where there is no item of it after all. */
static enum find made(bool good)
{
    return good ? FIND_ROW : FIND_FAILED;
}

static enum find make_record(struct reading *reading, const struct range *range, const void *row, void *made_of)
{
    struct record_row *item = made_of;
    (void)reading;
    (void)row;
    /* A sum that differs is told apart: where the chain says what was changed, that is the better answer. */
    if (item->is_damaged && range->is_unreadable)
        *item = (struct record_row){.seq = range->number, .is_damaged = true, .is_unreadable = true};
    return FIND_ROW;
}

static enum find make_hold(struct reading *reading, const struct range *range, const void *row, void *made_of)
{
    struct hold_item *item = made_of;
    (void)range;
    (void)row;
    return made(pawli_name_scope(reading, item->row.scope, &item->scope));
}

/* What waits for a sender that was removed: whether that is long enough. */
static enum find make_gone(struct reading *reading, const struct range *range, const void *row, void *made_of)
{
    const struct task_row *task = row;
    const struct living *living = &reading->living;
    struct old_item *item = made_of;
    struct message_row message = {.number = task->number};
    const struct named_queue *queue = pawli_name_queue(reading, task->queue);
    bool is_good;
    (void)range;
    if (!queue)
        return FIND_FAILED;
    struct sender_row sender = {.scope = queue->row.scope, .target = queue->row.target, .sender = task->sender};
    if (!pawli_describe_old(reading, task->queue, item, &is_good))
        return FIND_FAILED;
    enum find found[] = {reading_fact(reading, ROW_MESSAGE, &message), reading_fact(reading, ROW_SENDER, &sender)};
    if (found[0] == FIND_FAILED || found[1] == FIND_FAILED)
        return FIND_FAILED;
    struct clock clock = pawli_clock_at(&living->store, &living->boot_id, reading->page->wall, reading->page->boot);
    bool is_over = is_good && found[0] == FIND_ROW && found[1] == FIND_ROW &&
                   pawli_paused_until(&item->paused).ms <= reading->page->wall.ms &&
                   pawli_gone_of(&clock, &message.body, task->retried.at, sender.removed, &item->policy).ms <=
                       reading->page->wall.ms;
    item->number = task->number;
    return is_over ? FIND_ROW : FIND_NOTHING;
}

static enum find make_put_off(struct reading *reading, const struct range *range, const void *row, void *made_of)
{
    const struct task_row *task = row;
    (void)range;
    reading->page->cursor = (struct task_cursor){
        .priority = task->priority, .at = task->due.ms, .number = task->number};
    ((struct old_item *)made_of)->number = task->number;
    return pawli_waits_for_sender(task) && reading->page->wall.ms < task->due.ms ? FIND_ROW : FIND_NOTHING;
}

static enum find make_bound(struct reading *reading, const struct range *range, const void *row, void *made_of)
{
    const struct bound_row *bound = row;
    const struct named_queue *queue = pawli_name_queue(reading, bound->queue);
    (void)range;
    if (!queue || !queue->scope.data)
        return queue ? FIND_NOTHING : FIND_FAILED;
    *(struct bound_item *)made_of = (struct bound_item){.queue = bound->queue,
                                                        .kind = bound->kind,
                                                        .key = bound->key,
                                                        .scope = queue->scope,
                                                        .lane = queue->row.lane,
                                                        .target = queue->row.target};
    return FIND_ROW;
}

static enum find make_worker(struct reading *reading, const struct range *range, const void *row, void *made_of)
{
    const struct living *living = &reading->living;
    (void)range;
    ((struct worker_item *)made_of)->is_alive = pawli_worker_alive(row, living->alive, living->alive_count);
    return FIND_ROW;
}

static enum find make_claim(struct reading *reading, const struct range *range, const void *row, void *made_of)
{
    const struct task_row *task = row;
    const struct named_queue *queue = find_listed(reading, task->queue);
    (void)range;
    if (!queue || !queue->scope.data)
        return FIND_NOTHING;
    *(struct claim_item *)made_of = (struct claim_item){.committer = task->committer,
                                                        .consumer = task->consumer,
                                                        .scope = queue->scope,
                                                        .lane = queue->row.lane,
                                                        .claimed = task->claimed,
                                                        .updated = task->updated,
                                                        .is_lost = pawli_is_lost(reading, task)};
    return FIND_ROW;
}

/* A row that cannot be read hides no other: its message is said to be damaged. */
static enum find make_message(struct reading *reading, const struct range *range, const void *row, void *made_of)
{
    struct message_item *item = made_of;
    const struct finders *finders = reading->walk->finders;
    enum find found = FIND_ROW;
    (void)row;
    if (item->is_message_damaged)
        item->message = (struct message_row){
            .number = range->number, .priority = 5, .queue = range->row_queue /* for all that it is worth */};
    else
        found = finders->task(reading->walk, TASK_MESSAGE, item->message.number, &item->message.body, &item->task);
    item->is_damaged = item->is_message_damaged || found == FIND_DAMAGED;
    if (item->is_damaged || found == FIND_NOTHING)
        item->task = (struct task_row){.number = item->message.number, .place = PLACE_NONE};
    if (!item->is_damaged && found != FIND_FAILED && reading->query->wants_places)
        found = finders->places(reading->walk, &item->message.body, &item->places);
    const struct named_queue *queue = found == FIND_FAILED ? NULL : pawli_name_queue(reading, item->message.queue);
    if (!queue)
        return FIND_FAILED;
    item->scope = queue->scope;
    item->lane = queue->row.lane;
    item->target = queue->row.target;
    item->is_damaged |= !item->scope.data;
    return FIND_ROW;
}

static enum find make_schedule(struct reading *reading, const struct range *range, const void *row, void *at)
{
    struct schedule_item *item = at;
    (void)range;
    return made(pawli_name_scope(reading, ((const struct schedule_row *)row)->scope, &item->scope));
}

static enum find make_workflow(struct reading *reading, const struct range *range, const void *row, void *made_of)
{
    struct workflow_item *item = made_of;
    enum find found = FIND_ROW;
    (void)row;
    if (item->is_workflow_damaged)
        item->workflow = (struct workflow_row){.number = range->number, .priority = 5, .queue = range->row_queue};
    else
        found = reading->walk->finders->task(reading->walk, TASK_WORKFLOW, item->workflow.number, &item->workflow.body,
                                             &item->task);
    item->is_damaged = item->is_workflow_damaged || found != FIND_ROW;
    const struct named_queue *queue = found == FIND_FAILED ? NULL : pawli_name_queue(reading, item->workflow.queue);
    if (!queue)
        return FIND_FAILED;
    item->scope = queue->scope;
    item->kind = queue->row.target;
    item->is_damaged |= !item->scope.data;
    if (item->is_damaged)
        item->task = (struct task_row){.number = item->workflow.number, .place = PLACE_NONE};
    if (item->task.place != PLACE_CLAIMED)
        return FIND_ROW;
    bool good = pawli_know_living(reading);
    item->lost = good && pawli_is_lost(reading, &item->task);
    return made(good);
}

static enum find make_subscription(struct reading *reading, const struct range *range, const void *row, void *at)
{
    struct subscription_item *item = at;
    (void)range;
    return pawli_name_scope(reading, ((const struct subscription_row *)row)->scope, &item->scope) ? FIND_ROW
                                                                                                  : FIND_FAILED;
}

/* ---- one row, where the query names it: its key, but for its scope ---- */

static bool names_asset(const struct query *query, union any_row *row)
{
    row->asset.name = query->asset;
    return query->asset.data != NULL;
}

static bool names_account(const struct query *query, union any_row *row)
{
    row->account.account = query->account;
    row->account.asset = query->asset;
    return query->account.data && query->asset.data;
}

static bool names_fill(const struct query *query, union any_row *row)
{
    row->fill.trade = query->key;
    return query->key.data != NULL;
}

static bool names_projection(const struct query *query, union any_row *row)
{
    row->projection.name = query->name;
    row->projection.key = query->key;
    return query->key.data != NULL;
}

static bool names_counter(const struct query *query, union any_row *row)
{
    row->counter.name = query->name;
    return query->name.data != NULL;
}

static bool names_type(const struct query *query, union any_row *row)
{
    row->type.name = query->name;
    return query->name.data != NULL;
}

static bool names_subscription(const struct query *query, union any_row *row)
{
    row->subscription.name = query->name;
    return query->name.data != NULL;
}

static bool names_schedule(const struct query *query, union any_row *row)
{
    row->schedule.name = query->name;
    return query->name.data != NULL;
}

static bool names_resource(const struct query *query, union any_row *row)
{
    row->resource.id = query->key;
    return query->key.data != NULL;
}

/* ---- the loop ---- */

static const struct listing {
    enum range_kind range;
    size_t row_size, item_size;
    bool shows_damaged;                                                 /* else what cannot be read is passed by */
    bool (*wants)(struct reading *reading, void *row, enum find found); /* NULL: all */
    enum find (*make)(struct reading *reading, const struct range *range, const void *row, void *item);
    size_t row_at;     /* of the item; NONE: it has no row */
    size_t damaged_at; /* of the item, where it says so */
    size_t number_at;  /* of the row: where the next page goes on */
    reading_fn *needs;
    /* NULL: none does */
    bool (*names)(const struct query *query, union any_row *row);
    enum row_kind kind; /* of what it names */
} listings[QUERY_KIND_COUNT] = {
#define LISTED(range, type, item) RANGE_##range, sizeof(struct type##_row), sizeof(struct item)
    [QUERY_SCOPES] = {LISTED(SCOPES, scope, scope_row), .damaged_at = NONE,
                      .number_at = offsetof(struct scope_row, id)},
    [QUERY_RECORDS] = {LISTED(RECORDS, record, record_row), .shows_damaged = true, .make = make_record,
                       .damaged_at = offsetof(struct record_row, is_damaged),
                       .number_at = offsetof(struct record_row, seq)},
    [QUERY_MESSAGES] = {LISTED(MESSAGES, message, message_item), .shows_damaged = true, .make = make_message,
                        .row_at = offsetof(struct message_item, message),
                        .damaged_at = offsetof(struct message_item, is_message_damaged),
                        .number_at = offsetof(struct message_row, number), .needs = pawli_list_queues},
    [QUERY_ATTEMPTS] = {LISTED(ATTEMPTS, attempt, attempt_row), .damaged_at = NONE, .number_at = NONE},
    [QUERY_QUEUES] = {LISTED(QUEUES, queue, queue_item), .wants = pawli_wants_queue, .make = pawli_make_queue,
                      .row_at = offsetof(struct queue_item, row), .damaged_at = NONE,
                      .number_at = offsetof(struct queue_row, id)},
    [QUERY_LANES] = {LISTED(LANES, lane, lane_row), .shows_damaged = true,
                     .damaged_at = offsetof(struct lane_row, is_damaged), .number_at = NONE},
    [QUERY_TARGETS] = {LISTED(TARGETS, target, target_row), .shows_damaged = true,
                       .damaged_at = offsetof(struct target_row, is_damaged), .number_at = NONE},
    [QUERY_SENDERS] = {LISTED(SENDERS, sender, sender_row), .shows_damaged = true,
                       .damaged_at = offsetof(struct sender_row, is_damaged), .number_at = NONE},
    [QUERY_HOLDS] = {LISTED(ALL_HOLDS, hold, hold_item), .shows_damaged = true, .wants = wants_hold, .make = make_hold,
                     .row_at = offsetof(struct hold_item, row), .damaged_at = NONE, .number_at = NONE},
    [QUERY_OLD_BOUNDS] = {LISTED(BOUNDS, bound, bound_item), .make = make_bound, .row_at = NONE, .damaged_at = NONE,
                          .number_at = NONE},
    [QUERY_GONE] = {LISTED(GONE_READY, task, old_item), .make = make_gone, .row_at = NONE, .damaged_at = NONE,
                    .number_at = offsetof(struct task_row, number), .needs = pawli_know_living},
    [QUERY_PUT_OFF] = {LISTED(PUT_OFF, task, old_item), .make = make_put_off, .row_at = NONE, .damaged_at = NONE,
                       .number_at = NONE},
    [QUERY_WORKERS] = {LISTED(WORKERS, worker, worker_item), .wants = wants_worker, .make = make_worker,
                       .row_at = offsetof(struct worker_item, row), .damaged_at = NONE,
                       .number_at = offsetof(struct worker_row, id), .needs = pawli_know_living},
    [QUERY_CLAIMS] = {LISTED(CLAIMS, task, claim_item), .make = make_claim, .row_at = NONE, .damaged_at = NONE,
                      .number_at = offsetof(struct task_row, number), .needs = pawli_know_living},
#define KEPT(range, type, row)                                                                                         \
    LISTED(range, type, type##_row), .shows_damaged = true, .damaged_at = offsetof(struct type##_row, is_damaged),     \
                                     .number_at = NONE, .kind = ROW_##row
    [QUERY_ASSETS] = {KEPT(ASSETS, asset, ASSET), .names = names_asset},
    [QUERY_ACCOUNTS] = {KEPT(ACCOUNTS, account, ACCOUNT), .names = names_account},
    [QUERY_ENTRIES] = {KEPT(ENTRIES, entry, ENTRY)},
    [QUERY_FILLS] = {KEPT(FILLS, fill, FILL), .names = names_fill},
    [QUERY_PROJECTIONS] = {KEPT(PROJECTIONS, projection, PROJECTION), .names = names_projection},
    [QUERY_COUNTERS] = {KEPT(COUNTERS, counter, COUNTER), .names = names_counter},
    [QUERY_TYPES] = {KEPT(TYPES, type, TYPE), .names = names_type},
    [QUERY_SNAPSHOTS] = {KEPT(SNAPSHOTS, snapshot, SNAPSHOT)},
    [QUERY_CHUNKS] = {KEPT(CHUNKS, chunk, CHUNK)},
#undef KEPT
    [QUERY_WORKFLOWS] = {LISTED(WORKFLOWS, workflow, workflow_item), .shows_damaged = true, .make = make_workflow,
                         .row_at = offsetof(struct workflow_item, workflow),
                         .damaged_at = offsetof(struct workflow_item, is_workflow_damaged),
                         .number_at = offsetof(struct workflow_row, number), .needs = pawli_list_queues},
    [QUERY_SCHEDULES] = {LISTED(SCHEDULES, schedule, schedule_item), .shows_damaged = true, .make = make_schedule,
                         .damaged_at = offsetof(struct schedule_item, row.is_damaged), .number_at = NONE,
                         .names = names_schedule, .kind = ROW_SCHEDULE},
    [QUERY_KINDS] = {LISTED(KINDS, kind, kind_row), .shows_damaged = true,
                     .damaged_at = offsetof(struct kind_row, is_damaged), .number_at = NONE},
    [QUERY_SIGNALS] = {LISTED(SIGNALS, signal, signal_row), .shows_damaged = true,
                       .damaged_at = offsetof(struct signal_row, is_damaged), .number_at = NONE},
    [QUERY_STEPS] = {LISTED(STEPS, step, step_row), .shows_damaged = true,
                     .damaged_at = offsetof(struct step_row, is_damaged),
                     .number_at = offsetof(struct step_row, generation)},
    [QUERY_RESOURCES] = {LISTED(RESOURCES, resource, resource_row), .shows_damaged = true,
                         .damaged_at = offsetof(struct resource_row, is_damaged), .number_at = NONE,
                         .names = names_resource, .kind = ROW_RESOURCE},
    [QUERY_RESOURCE_MOVES] = {LISTED(RESOURCE_MOVES, resource_move, resource_move_row), .shows_damaged = true,
                              .damaged_at = offsetof(struct resource_move_row, is_damaged), .number_at = NONE},
    [QUERY_SUBSCRIPTIONS] = {LISTED(SUBSCRIPTIONS, subscription, subscription_item), .shows_damaged = true,
                             .make = make_subscription,
                             .damaged_at = offsetof(struct subscription_item, row.is_damaged), .number_at = NONE,
                             .names = names_subscription, .kind = ROW_SUBSCRIPTION},
#undef LISTED
};

static bool keep(struct reading *reading, const struct listing *listing, const struct range *range, enum find found,
                 const void *row)
{
    char *item = pawli_add_item(reading, listing->item_size);
    if (!item)
        return false;
    if (listing->row_at != NONE)
        memcpy(item + listing->row_at, row, listing->row_size);
    if (listing->damaged_at != NONE)
        item[listing->damaged_at] = found == FIND_DAMAGED;
    enum find made = listing->make ? listing->make(reading, range, row, item) : FIND_ROW;
    reading->page->count -= made == FIND_NOTHING;
    return made != FIND_FAILED;
}

/* Whatever cannot be read ends no list, and only where another one is wanted does the limit cut one. */
static bool list(struct reading *reading, const struct listing *listing, struct range *range)
{
    union any_row row;
    enum find found = FIND_NOTHING;
    bool good = reading_begin(reading, range);
    while (good && reading_next(reading, range, &row, &found)) {
        bool is_damaged = found == FIND_DAMAGED, passes = is_damaged && !listing->shows_damaged;
        if (!passes && listing->wants && !listing->wants(reading, &row, found))
            continue;
        if (!passes && pawli_is_cut(reading))
            break;
        good = passes || keep(reading, listing, range, found, &row);
        if (listing->number_at != NONE)
            reading->page->next = is_damaged ? range->number : *(uint64_t *)((char *)&row + listing->number_at);
    }
    return reading_end(reading, range) && good && found != FIND_FAILED;
}

/* ---- queues that a query means ---- */

static bool read_queues(struct reading *reading, struct range *range)
{
    struct queue_row row;
    enum find found;
    bool good = reading_begin(reading, range);
    while (good && reading_next(reading, range, &row, &found)) {
        if (found == FIND_DAMAGED || !pawli_queue_matches(reading, &row))
            continue;
        good = pawli_arena_reserve(reading->arena, (void **)&reading->queues, sizeof *reading->queues,
                                   reading->queue_count + 1, &reading->queue_room);
        if (!good)
            break;
        struct named_queue *queue = &reading->queues[reading->queue_count++];
        *queue = (struct named_queue){.row = row};
        good = pawli_name_scope(reading, row.scope, &queue->scope);
    }
    return reading_end(reading, range) && good;
}

bool pawli_list_queues(struct reading *reading)
{
    struct range range = {.kind = RANGE_QUEUES, .query = reading->query, .scope = reading->scope};
    bool good = reading->has_queues || read_queues(reading, &range);
    reading->has_queues = true;
    return good;
}

static bool wants_message(const void *data, uint64_t queue, struct text key)
{
    const struct reading *reading = data;
    struct text wanted = reading->query->key;
    return find_listed(reading, queue) && (!wanted.data || (key.data && text_equal(wanted, key)));
}

/* ---- what is no list ---- */

static bool read_store(struct reading *reading)
{
    bool found;
    reading->page->count = 1;
    bool good = pawli_find_named(reading, ROW_STORE, &reading->page->store, &found);
    reading->is_bad |= good && !found;
    return good;
}

static bool read_scope(struct reading *reading)
{
    struct scope_row row = {.name = reading->query->scope};
    const struct range range = {.kind = RANGE_SCOPES};
    bool found;
    return pawli_find_named(reading, ROW_SCOPE, &row, &found) &&
           (!found || keep(reading, &listings[QUERY_SCOPES], &range, FIND_ROW, &row));
}

static bool read_record(struct reading *reading)
{
    const struct query *query = reading->query;
    struct record_row row = {.scope = reading->scope, .request_id = query->id};
    const struct query all = {.kind = QUERY_RECORD};
    struct range range = {.kind = RANGE_RECORDS, .query = &all, .scope = row.scope, .after = query->seq - 1};
    enum find found = FIND_NOTHING;
    bool good = true;
    if (!query->seq) {
        found = reading_fact(reading, ROW_RECORD, &row);
    } else {
        good = reading_begin(reading, &range);
        if (good && reading_next(reading, &range, &row, &found) &&
            (found == FIND_ROW ? row.seq : range.number) != query->seq)
            found = FIND_NOTHING;
        good = reading_end(reading, &range) && good;
    }
    reading->is_bad |= found == FIND_DAMAGED;
    if (!good || found != FIND_ROW)
        return good && found == FIND_NOTHING;
    return keep(reading, &listings[QUERY_RECORDS], &range, found, &row);
}

bool pawli_add_message(struct reading *reading, uint64_t number)
{
    struct message_row row = {.number = number};
    struct range range = {.number = number};
    enum find found = reading_fact(reading, ROW_MESSAGE, &row);
    if (found == FIND_NOTHING || found == FIND_FAILED)
        return found == FIND_NOTHING;
    if (reading->has_queues && (found == FIND_DAMAGED || !find_listed(reading, row.queue)))
        return true;
    reading->page->next = number;
    return keep(reading, &listings[QUERY_MESSAGES], &range, found, &row);
}

/* One row that the query names; what cannot be read is an item, too. */
static bool read_named(struct reading *reading, const struct listing *listing, union any_row *row)
{
    *(uint64_t *)((char *)row + pawli_rows[listing->kind].owner) = reading->scope;
    struct range range = {.kind = listing->range};
    enum find found = reading->walk->finders->fact(reading->walk, listing->kind, row);
    return found == FIND_ROW || found == FIND_DAMAGED ? keep(reading, listing, &range, found, row)
                                                      : found == FIND_NOTHING;
}

static bool read_sender(struct reading *reading)
{
    const struct query *query = reading->query;
    struct sender_row row = {.scope = reading->scope, .target = query->target, .sender = query->key};
    struct range range = {.kind = RANGE_SENDERS};
    enum find found = reading_fact(reading, ROW_SENDER, &row);
    return found == FIND_ROW || found == FIND_DAMAGED ? keep(reading, &listings[QUERY_SENDERS], &range, found, &row)
                                                      : found == FIND_NOTHING;
}

static bool read_put_off(struct reading *reading)
{
    const struct query *query = reading->query;
    struct queue_row queue = {.scope = reading->scope, .lane = query->lane, .target = query->target};
    bool found;
    if (!pawli_find_named(reading, ROW_QUEUE, &queue, &found))
        return false;
    struct range range = {.kind = RANGE_PUT_OFF,
                          .queue = queue.id,
                          .key = query->key,
                          .priority = (uint32_t)query->cursor.priority,
                          .until = {query->cursor.at},
                          .after = query->cursor.number};
    return !found || list(reading, &listings[QUERY_PUT_OFF], &range);
}

static bool read_message(struct reading *reading)
{
    struct page *page = reading->page;
    bool good = pawli_add_message(reading, query_number(reading->scope, reading->query->number));
    if (!good || page->count == 0 || page->messages->task.place != PLACE_CLAIMED)
        return good;
    good = pawli_know_living(reading);
    page->messages->lost = good && pawli_is_lost(reading, &page->messages->task);
    return good;
}

static bool read_line(struct reading *reading)
{
    const struct query *query = reading->query;
    struct queue_row queue = {
        .scope = reading->scope, .lane = query->lane, .target = query->target, .kind = task_kind_of(query->lane)};
    struct line_item *line = &reading->page->line;
    bool found;
    bool good = pawli_find_named(reading, ROW_QUEUE, &queue, &found);
    if (!good || !found)
        return good;
    line->row = (struct line_row){.queue = queue.id, .key = query->key};
    if (!pawli_find_named(reading, ROW_LINE, &line->row, &line->found))
        return false;
    const struct finders *finders = reading->walk->finders;
    return !query->cursor.number || finders->before(reading->walk, queue.id, query, &line->before) != FIND_FAILED;
}

/* ---- workflows ---- */

/* The queue of a kind; 0: there is none. */
static bool find_kind(struct reading *reading, uint64_t *ret_queue)
{
    struct queue_row queue = {
        .scope = reading->scope, .lane = TEXT(WORKFLOW_LANE), .target = reading->query->target, .kind = TASK_WORKFLOW};
    bool found;
    bool good = pawli_find_named(reading, ROW_QUEUE, &queue, &found);
    *ret_queue = queue.id;
    return good;
}

static bool read_workflow(struct reading *reading)
{
    struct bound_row bound = {.kind = BOUND_DEDUPE, .key = reading->query->name};
    uint64_t number, tail;
    bool found;
    if (!find_kind(reading, &bound.queue))
        return false;
    if (!bound.queue)
        return true;
    if (!pawli_find_named(reading, ROW_BOUND, &bound, &found))
        return false;
    if (!found || !message_id_split(&bound.message, &number, &tail))
        return true;
    struct workflow_row row = {.number = number_of(reading->scope, number)};
    struct range range = {.number = row.number, .row_queue = bound.queue};
    enum find what = reading_fact(reading, ROW_WORKFLOW, &row);
    if (what == FIND_NOTHING || what == FIND_FAILED)
        return what == FIND_NOTHING;
    return keep(reading, &listings[QUERY_WORKFLOWS], &range, what, &row);
}

static bool read_signals(struct reading *reading)
{
    struct range range = {.kind = RANGE_SIGNALS, .query = reading->query, .key = reading->query->name};
    if (!find_kind(reading, &range.queue))
        return false;
    return !range.queue || list(reading, &listings[QUERY_SIGNALS], &range);
}

/* ---- all of it ---- */

static reading_fn *const readers[QUERY_KIND_COUNT] = {
    [QUERY_STORE] = read_store,     [QUERY_SCOPE] = read_scope,     [QUERY_RECORD] = read_record,
    [QUERY_MESSAGE] = read_message, [QUERY_LOOK] = pawli_read_look, [QUERY_LINE] = read_line,
    [QUERY_SENDER] = read_sender,   [QUERY_PUT_OFF] = read_put_off, [QUERY_WORKFLOW] = read_workflow,
    [QUERY_SIGNALS] = read_signals,
};

struct range pawli_messages_range(struct reading *reading)
{
    const struct query *query = reading->query;
    uint64_t scope = reading->scope;
    return (struct range){.kind = RANGE_MESSAGES,
                          .query = query,
                          .after = query->after ? query_number(scope, query->after) : number_of(scope, 0),
                          .before = query->before ? query_number(scope, query->before)
                                    : scope       ? number_of(scope + 1, 0)
                                                  : INT64_MAX,
                          .wants = wants_message,
                          .data = reading};
}

static struct range range_of(struct reading *reading, enum range_kind kind)
{
    const struct query *query = reading->query;
    if (kind == RANGE_MESSAGES || kind == RANGE_WORKFLOWS) {
        struct range range = pawli_messages_range(reading);
        range.kind = kind;
        return range;
    }
    if (kind == RANGE_RESOURCES && query->name.data)
        return (struct range){.kind = RANGE_HELD, .query = query, .scope = reading->scope, .key = query->name};
    if (kind == RANGE_GONE_READY && query->place == PLACE_BLOCKED)
        kind = RANGE_GONE_BLOCKED;
    if (kind == RANGE_ENTRIES && query->account.data)
        kind = RANGE_ENTRIES_OF;
    return (struct range){.kind = query->wants_news ? RANGE_NEWS : kind,
                          .query = query,
                          .scope = reading->scope,
                          .key = kind == RANGE_SENDERS ? query->target : (struct text){0},
                          .after = query->after,
                          .before = query->before ? query->before : INT64_MAX,
                          .until = reading->page->wall};
}

bool pawli_read_listed(struct reading *reading)
{
    const struct query *query = reading->query;
    const struct listing *listing = &listings[query->kind];
    bool found;
    union any_row row = {.line = {.queue = 0}};
    if (readers[query->kind])
        return readers[query->kind](reading);
    if (listing->names && listing->names(query, &row))
        return read_named(reading, listing, &row);
    bool good = !listing->needs || listing->needs(reading);
    if (good && query->kind == QUERY_CLAIMS)
        good = pawli_list_queues(reading);
    struct range range = range_of(reading, listing->range);
    if (!good || !listing->item_size || !list(reading, listing, &range))
        return good && !listing->item_size;
    struct store_row store = {0};
    good = !query->wants_news || pawli_find_named(reading, ROW_STORE, &store, &found);
    if (query->wants_news)
        reading->page->next = store.commits;
    return good;
}

bool pawli_read_page(struct reading *reading, reading_fn *own)
{
    const struct text name = reading->query->scope;
    struct scope_row scope = {.name = name};
    bool found;
    reading->page->wall = reading->env->ops->wall_now(reading->env);
    reading->page->boot = reading->env->ops->boot_now(reading->env);
    if (name.data && !pawli_find_named(reading, ROW_SCOPE, &scope, &found))
        return false;
    reading->scope = scope.id;
    return own ? own(reading) : pawli_read_listed(reading);
}
