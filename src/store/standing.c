/* SPDX-License-Identifier: MIT */
/* How a queue stands, for pages: what holds it, what of it is due, what limits it, who could serve it. */
#include "store/page.h"

#include "model/decide.h"
#include "model/urls.h"

/* ---- what holds it ---- */

#define SUBJECTS 4

/* What may hold a queue. */
static void list_subjects(uint64_t scope, struct text lane, struct text target, struct hold_row subjects[SUBJECTS])
{
    subjects[0] = (struct hold_row){.kind = HOLD_STORE};
    subjects[1] = (struct hold_row){.kind = HOLD_LANE, .scope = scope, .lane = lane};
    subjects[2] = (struct hold_row){.kind = HOLD_TARGET, .scope = scope, .target = target};
    subjects[3] = (struct hold_row){.kind = HOLD_QUEUE, .scope = scope, .lane = lane, .target = target};
}

/* Most stores have none, and then nobody asks for those of each queue. */
static bool look_for_any_hold(struct reading *reading)
{
    struct range range = {.kind = RANGE_ALL_HOLDS};
    struct hold_row row;
    enum find found;
    if (reading->looked_at_holds)
        return true;
    bool good = reading_begin(reading, &range);
    reading->has_holds = good && reading_next(reading, &range, &row, &found);
    reading->looked_at_holds = true;
    return reading_end(reading, &range) && good;
}

/* Calls `add` with each hold of each subject. */
static bool walk_holds(struct reading *reading, uint64_t scope, struct text lane, struct text target, void *data,
                       bool (*add)(struct reading *reading, const struct hold_row *row, void *data))
{
    struct hold_row subjects[SUBJECTS], row;
    enum find found;
    bool good = true;
    list_subjects(scope, lane, target, subjects);
    for (size_t i = 0; good && i < SUBJECTS; i++) {
        if (subjects[i].kind == HOLD_TARGET && task_kind_of(lane) != TASK_MESSAGE)
            continue; /* what others call a kind is no target */
        struct range range = {.kind = RANGE_HOLDS, .subject = subjects[i]};
        good = reading_begin(reading, &range);
        while (good && reading_next(reading, &range, &row, &found)) {
            if (found == FIND_DAMAGED)
                pawli_hold_unreadable(&row);
            row.kind = subjects[i].kind;
            row.scope = subjects[i].scope;
            row.lane = subjects[i].lane;
            row.target = subjects[i].target;
            good = add(reading, &row, data);
        }
        good = reading_end(reading, &range) && good;
    }
    return good;
}

static bool add_pause(struct reading *reading, const struct hold_row *row, void *data)
{
    pawli_paused_add(data, row, reading->page->wall);
    return true;
}

bool pawli_pauses_of(struct reading *reading, const struct queue_row *queue, struct paused *paused)
{
    return walk_holds(reading, queue->scope, queue->lane, queue->target, paused, add_pause);
}

/* ---- what of it is due ---- */

/* When the first that a claim could take is due. One that cannot be read is taken by nobody; whether its message can be
 * is seen where somebody waits for this very queue. */
static bool find_due(struct reading *reading, const struct queue_row *queue, enum phase phase, bool looks,
                     struct wall_time *due)
{
    enum row_kind body = pawli_task_kinds[queue->kind].body;
    bool good = true;
    *due = WALL_NEVER;
    for (uint32_t priority = 1; good && priority <= 9; priority++) {
        struct range range = {
            .kind = RANGE_DUE, .queue = queue->id, .phase = phase, .priority = priority, .until = {due->ms - 1}};
        struct task_row row;
        enum find found, message = FIND_NOTHING;
        good = reading_begin(reading, &range);
        while (good && message != FIND_ROW && reading_next(reading, &range, &row, &found)) {
            if (found == FIND_DAMAGED)
                continue;
            union any_row key = {.body = {.number = row.number}};
            message = looks ? reading_fact(reading, body, &key) : FIND_ROW;
            good = message != FIND_FAILED;
            if (message == FIND_ROW)
                *due = row.due;
        }
        good = reading_end(reading, &range) && good;
    }
    return good;
}

/* How many messages there may be for a phase. */
static uint64_t count_of(const struct queue_row *queue, enum phase phase)
{
    return queue->counts[pawli_state_of(phase, PLACE_READY)];
}

/* ---- as an item of a list ---- */

bool pawli_wants_queue(struct reading *reading, void *row, enum find found)
{
    const struct queue_row *queue = row;
    (void)found;
    bool is_behind = reading->query->wants_news || queue->id > reading->query->after, any = false;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        any |= count_of(queue, phase) > 0;
    return is_behind && pawli_queue_matches(reading, queue) && (!reading->query->wants_due || any);
}

/* Those that were removed, too: what waits for them is looked at, and told. */
static bool look_for_senders(struct reading *reading, struct queue_item *item)
{
    struct range range = {.kind = RANGE_SENDERS, .scope = item->row.scope, .key = item->row.target};
    struct sender_row row;
    enum find found;
    bool good = reading_begin(reading, &range);
    item->has_senders = good && reading_next(reading, &range, &row, &found);
    return reading_end(reading, &range) && good;
}

/* Whether a worker could do something in a queue, of this phase. Nobody sends, or asks, without an address. */
static bool is_served(const struct queue_item *item, enum phase phase)
{
    bool is_routed = phase == PHASE_SEND ? route_is_set(&item->route) || item->has_senders
                                         : item->asked[phase].data != NULL;
    return is_routed && count_of(&item->row, phase) > 0;
}

/* When a worker would find something in a queue, and until when it may not take it. */
static bool look_at_queue(struct reading *reading, struct queue_item *item)
{
    bool good = true;
    for (enum phase phase = 0; good && phase < PHASE_COUNT; phase++)
        good = !is_served(item, phase) || find_due(reading, &item->row, phase, false, &item->next_due[phase]);
    return good && look_for_any_hold(reading) &&
           (!reading->has_holds || pawli_pauses_of(reading, &item->row, &item->paused));
}

static bool find_limits(struct reading *reading, struct queue_item *item)
{
    struct walk *walk = reading->walk;
    for (int i = 0; i < LIMITS; i++) {
        struct flow_row *flow = &item->limits[i].flow;
        bool is_lane = i == LIMITS_LANE, is_kind = !is_lane && item->row.kind != TASK_MESSAGE;
        *flow = (struct flow_row){.scope = item->row.scope,
                                  .lane = is_lane || is_kind ? item->row.lane : (struct text){0},
                                  .target = is_lane ? (struct text){0} : item->row.target};
        if (is_kind)
            item->limits[i].claimed = item->row.counts[STATE_CLAIMED];
        else if (walk->finders->claimed(walk, flow, &item->limits[i].claimed) == FIND_FAILED)
            return false;
        if (reading_fact(reading, ROW_FLOW, flow) == FIND_FAILED || !pawli_know_living(reading))
            return false;
        pawli_flow_wake(flow, reading->living.store.boot);
    }
    return true;
}

static bool is_served_at_all(const struct queue_item *item)
{
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        if (is_served(item, phase))
            return true;
    return false;
}

enum find pawli_make_queue(struct reading *reading, const struct range *range, const void *row, void *made_of)
{
    struct queue_item *item = made_of;
    const struct query *query = reading->query;
    struct lane_row lane;
    struct target_row target;
    (void)range;
    (void)row;
    if (!pawli_name_scope(reading, item->row.scope, &item->scope) ||
        !pawli_policies_of(reading, &item->row, &lane, &target, &item->is_damaged))
        return FIND_FAILED;
    item->route = target.route;
    item->asked[PHASE_POLL] = target.poll;
    item->asked[PHASE_PROBE] = target.probe;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        item->next_due[phase] = WALL_NEVER;
    if (query->wants_due && !look_for_senders(reading, item))
        return FIND_FAILED;
    if (!item->scope.data || (query->wants_due && (item->is_damaged || !is_served_at_all(item))))
        return FIND_NOTHING;
    item->lane_policy = lane.policy;
    item->target_policy = target.policy;
    item->policy = pawli_policy_effective(pawli_task_kinds[item->row.kind].policy, &item->lane_policy,
                                          &item->target_policy);
    if ((query->wants_due && !look_at_queue(reading, item)) || (query->wants_limits && !find_limits(reading, item)))
        return FIND_FAILED;
    return query->wants_ages
               ? reading->walk->finders->ages(reading->walk, item->row.id, reading->page->wall, &item->ages)
               : FIND_ROW;
}

/* ---- a look at a queue, without a write ---- */

static bool add_look_hold(struct reading *reading, const struct hold_row *row, void *data)
{
    struct page *page = reading->page;
    if (!pawli_arena_reserve(reading->arena, (void **)&page->look_holds, sizeof *page->look_holds,
                             page->look_hold_count + 1, data))
        return false;
    page->look_holds[page->look_hold_count++] = (struct hold_item){
        .row = *row, .scope = row->scope ? reading->query->scope : (struct text){0}};
    return true;
}

static bool is_of_queue(const void *data, uint64_t queue, struct text key)
{
    const struct queue_row *wanted = data;
    (void)key;
    return !wanted || wanted->id == queue;
}

/* queue: whose; NULL: of all. */
static bool look_for_lost(struct reading *reading, const struct queue_row *queue)
{
    struct look *look = &reading->page->look;
    const struct living *living = &reading->living;
    const struct store_row *store = &living->store;
    struct boot_time now = reading->page->boot;
    if (!pawli_know_living(reading))
        return false;
    bool all_early = uuid_equal(&store->boot_id, &living->boot_id) && boot_before(now, store->lease);
    bool early = queue ? !pawli_may_have_lost(queue, store, &living->boot_id, now) : all_early;
    look->next_lease = !queue ? store->lease : boot_before(now, queue->lease) ? queue->lease : BOOT_NEVER;
    if (early && living->dead_count == 0)
        return true;
    look->next_lease = BOOT_NEVER;
    struct range range = {.kind = RANGE_CLAIMED, .wants = is_of_queue, .data = queue};
    struct task_row row;
    enum find found;
    bool good = reading_begin(reading, &range);
    while (good && !look->is_lost && reading_next(reading, &range, &row, &found)) {
        look->is_lost = found == FIND_ROW && pawli_is_lost(reading, &row);
        if (found == FIND_ROW && !look->is_lost)
            look->next_lease = boot_earlier(look->next_lease, row.lease);
    }
    return reading_end(reading, &range) && good;
}

bool pawli_read_look(struct reading *reading)
{
    const struct query *query = reading->query;
    struct look *look = &reading->page->look;
    struct queue_row queue = {
        .scope = reading->scope, .lane = query->lane, .target = query->target, .kind = task_kind_of(query->lane)};
    size_t room = 0;
    bool found;
    *look = (struct look){.next_due = WALL_NEVER, .next_lease = BOOT_NEVER};
    if (!query->lane.data)
        return look_for_lost(reading, NULL);
    bool good = pawli_find_named(reading, ROW_QUEUE, &queue, &found);
    if (!good || !found)
        return good;
    good = find_due(reading, &queue, query->phase, true, &look->next_due);
    look->is_due = look->next_due.ms <= reading->page->wall.ms;
    return good && walk_holds(reading, reading->scope, query->lane, query->target, &room, add_look_hold) &&
           look_for_lost(reading, &queue);
}
