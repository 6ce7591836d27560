/* SPDX-License-Identifier: MIT */
/* Read: queues, what holds them, when they have something, and their lines. */
#include "store/sqlite/read.h"

/* ---- queues, and which of them a query means ---- */

static bool queue_matches(const struct query *query, uint64_t scope, const struct queue_row *row)
{
    return (!query->scope.data || row->scope == scope) && (!query->lane.data || text_equal(query->lane, row->lane)) &&
           (!query->target.data || text_equal(query->target, row->target));
}

const struct queue_row *pawli_in_set(const struct queue_set *set, uint64_t id, size_t *index)
{
    size_t low = 0, high = set->count; /* ids ascend */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (set->rows[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return low < set->count && set->rows[low].id == id ? &set->rows[low] : NULL;
}

/* One queue by its id. false: there is none that can be read. */
int pawli_read_queue_by_id(struct reading *reading, uint64_t id, struct queue_row *row, bool *found)
{
    struct call call = pawli_call(reading->connection, SQL_get_queue_by_id);
    pawli_bind_u64(&call, id);
    *found = pawli_call_row(&call) && pawli_read_row(&call, ROW_QUEUE, row, reading->arena);
    if (!*found)
        *row = (struct queue_row){0};
    return pawli_call_end(&call);
}

static int keep_queue(struct reading *reading, struct queue_set *set, const struct queue_row *row)
{
    if (!pawli_arena_reserve(reading->arena, (void **)&set->rows, sizeof *row, set->count + 1, &set->room) ||
        !pawli_arena_reserve(reading->arena, (void **)&set->scopes, sizeof(struct text), set->count + 1,
                             &set->scope_room))
        return SQLITE_NOMEM;
    set->rows[set->count++] = *row;
    return SQLITE_OK;
}

/* By as much of the key as is given. */
static struct call call_queues(struct reading *reading, uint64_t scope)
{
    const struct query *query = reading->query;
    bool has_lane = query->lane.data != NULL, has_both = has_lane && query->target.data;
    struct call call = pawli_call(reading->connection, !query->scope.data ? SQL_list_queues
                                                       : has_both         ? SQL_get_queue
                                                       : has_lane         ? SQL_list_queues_of_lane
                                                                          : SQL_list_queues_of_scope);
    pawli_bind_u64(&call, query->scope.data ? scope : 0);
    if (!query->scope.data)
        pawli_bind_i64(&call, INT64_MAX);
    else if (has_lane)
        pawli_bind_text(&call, query->lane);
    if (query->scope.data && has_both)
        pawli_bind_text(&call, query->target), pawli_bind_text(&call, text_of(pawli_task_kinds[TASK_MESSAGE].name));
    return call;
}

static int list_queues(struct reading *reading, uint64_t scope, struct queue_set *set)
{
    struct call call = call_queues(reading, scope);
    while (pawli_call_row(&call)) {
        struct queue_row row;
        if (pawli_read_row(&call, ROW_QUEUE, &row, reading->arena) && queue_matches(reading->query, scope, &row))
            call.code = keep_queue(reading, set, &row);
    }
    return pawli_call_end(&call);
}

static int list_news(struct reading *reading, uint64_t scope, struct queue_set *set)
{
    struct store_row store = {0};
    int code = pawli_get_store(reading->connection, &store);
    reading->page->next = store.commits;
    struct call call = pawli_call(reading->connection, SQL_list_news);
    pawli_bind_u64(&call, reading->query->after);
    pawli_bind_i64(&call, NEWS_MAX);
    while (code == SQLITE_OK && pawli_call_row(&call)) {
        struct queue_row row;
        bool good;
        code = pawli_read_queue_by_id(reading, raw_number(&call, 0), &row, &good);
        if (code == SQLITE_OK && good && queue_matches(reading->query, scope, &row))
            code = keep_queue(reading, set, &row);
    }
    int ended = pawli_call_end(&call);
    return code == SQLITE_OK ? ended : code;
}

int pawli_read_queue_set(struct reading *reading, struct queue_set *set)
{
    uint64_t scope = 0;
    int code = reading->query->scope.data ? pawli_scope_id(reading, reading->query->scope, &scope) : SQLITE_OK;
    if (code == SQLITE_OK)
        code = reading->query->wants_news ? list_news(reading, scope, set) : list_queues(reading, scope, set);
    for (size_t i = 0; code == SQLITE_OK && i < set->count; i++) {
        bool same = i > 0 && set->rows[i - 1].scope == set->rows[i].scope;
        if (same)
            set->scopes[i] = set->scopes[i - 1];
        else
            code = pawli_scope_name(reading, set->rows[i].scope, &set->scopes[i]);
    }
    return code;
}

/* ---- what holds a queue, and when it has something ---- */

#define SUBJECTS 4
struct subject {
    enum hold_kind kind;
    uint64_t scope;
    struct text lane, target;
};

static void list_subjects(uint64_t scope, struct text lane, struct text target, struct subject subjects[SUBJECTS])
{
    const struct text none = TEXT("");
    subjects[0] = (struct subject){HOLD_STORE, 0, none, none};
    subjects[1] = (struct subject){HOLD_LANE, scope, lane, none};
    subjects[2] = (struct subject){HOLD_TARGET, scope, none, target};
    subjects[3] = (struct subject){HOLD_QUEUE, scope, lane, target};
}

static struct call call_holds(struct reading *reading, const struct subject *subject)
{
    struct call call = pawli_call(reading->connection, SQL_find_holds);
    pawli_bind_text(&call, text_of(pawli_hold_kind_text(subject->kind)));
    pawli_bind_u64(&call, subject->scope);
    pawli_bind_text(&call, subject->lane);
    pawli_bind_text(&call, subject->target);
    return call;
}

/* When the first that a claim could take is due. One that cannot be read is taken by nobody; whether its message can be
 * is seen where somebody waits for this very queue. */
static int first_due(struct reading *reading, uint64_t queue, enum phase phase, bool looks, struct wall_time *due)
{
    int code = SQLITE_OK;
    for (int64_t priority = 1; code == SQLITE_OK && priority <= 9; priority++) {
        struct call call = pawli_call(reading->connection, SQL_find_due);
        pawli_bind_u64(&call, queue);
        pawli_bind_i64(&call, phase);
        pawli_bind_i64(&call, priority);
        pawli_bind_i64(&call, due->ms - 1);
        while (pawli_call_row(&call)) {
            struct task_row row;
            struct message_row message = {0};
            bool found = true;
            if (!pawli_read_row(&call, ROW_READY, &row, reading->arena))
                continue;
            message.number = row.number;
            code = looks ? pawli_get_fact(reading->connection, ROW_MESSAGE, &message, &found, reading->arena)
                         : SQLITE_OK;
            if (code == BAD_ROW || !found)
                continue;
            *due = row.due;
            break;
        }
        code = pawli_call_end(&call);
    }
    return code;
}

int pawli_add_pauses(struct reading *reading, const struct queue_row *queue, struct paused *paused)
{
    struct subject subjects[SUBJECTS];
    int code = SQLITE_OK;
    list_subjects(queue->scope, queue->lane, queue->target, subjects);
    for (size_t i = 0; code == SQLITE_OK && i < SUBJECTS; i++) {
        struct call call = call_holds(reading, &subjects[i]);
        while (pawli_call_row(&call)) {
            struct hold_row row;
            if (!pawli_read_row(&call, ROW_HOLD, &row, reading->arena))
                pawli_hold_unreadable(&row);
            row.kind = subjects[i].kind;
            pawli_paused_add(paused, &row, reading->page->wall);
        }
        code = pawli_call_end(&call);
    }
    return code;
}

/* When a worker would find something in a queue, and until when it may not take it. */
static int look_at_queue(struct reading *reading, bool any_holds, struct queue_item *item)
{
    item->next_due = WALL_NEVER;
    item->paused = (struct paused){0};
    int code = first_due(reading, item->row.id, PHASE_SEND, false, &item->next_due);
    return code == SQLITE_OK && any_holds ? pawli_add_pauses(reading, &item->row, &item->paused) : code;
}

static int read_ages(struct reading *reading, struct queue_item *item)
{
    struct queue_ages *ages = &item->ages;
    int code = SQLITE_OK;
    ages->oldest_due = ages->later_due = WALL_NEVER;
    for (int64_t priority = 1; code == SQLITE_OK && priority <= 9; priority++)
        for (int later = 0; code == SQLITE_OK && later < 2; later++) {
            struct call call = pawli_call(reading->connection, later ? SQL_later_due : SQL_count_due);
            pawli_bind_u64(&call, item->row.id);
            pawli_bind_i64(&call, priority);
            pawli_bind_i64(&call, reading->page->wall.ms);
            if (pawli_call_row(&call)) {
                struct wall_time *first = later ? &ages->later_due : &ages->oldest_due;
                ages->due += later ? 0 : (uint64_t)pawli_column_between(&call, 0, INT64_MAX);
                struct wall_time due = pawli_column_wall_or_never(&call);
                if (due.ms < first->ms)
                    *first = due;
            }
            code = pawli_call_end(&call);
        }
    return code;
}

/* Few are held apart: one look at all of them, whatever number of queues there is. */
static int count_held(struct reading *reading)
{
    struct page *page = reading->page;
    struct call call = pawli_call(reading->connection, SQL_count_held);
    size_t at = 0; /* both ascend */
    while (pawli_call_row(&call)) {
        uint64_t queue = raw_number(&call, 0), count = raw_number(&call, 1);
        while (at < page->count && page->queues[at].row.id < queue)
            at++;
        if (at < page->count && page->queues[at].row.id == queue)
            page->queues[at].ages.held_apart = count;
    }
    return pawli_call_end(&call);
}

/* Most stores have none, and then nobody asks for those of each queue. */
static int find_any_hold(struct reading *reading, bool *any)
{
    struct call call = pawli_call(reading->connection, SQL_list_holds);
    *any = pawli_call_row(&call);
    return pawli_call_end(&call);
}

static int describe_queue(struct reading *reading, struct queue_item *item)
{
    struct lane_row lane = {0};
    struct target_row target = {0};
    int code = pawli_policy_of(reading->connection, &item->row, &lane, &target, reading->arena);
    item->is_damaged = code == BAD_ROW;
    item->lane_policy = lane.policy;
    item->target_policy = target.policy;
    item->url = target.url;
    item->secret_file = target.secret_file;
    item->headers = target.headers;
    item->policy = pawli_policy_effective(&item->lane_policy, &item->target_policy);
    return item->is_damaged ? SQLITE_OK : code;
}

int pawli_query_queues(struct reading *reading)
{
    struct queue_set set = {0};
    bool any_holds = false, wants_due = reading->query->wants_due;
    int code = pawli_read_queue_set(reading, &set);
    if (code == SQLITE_OK && wants_due)
        code = find_any_hold(reading, &any_holds);
    for (size_t i = 0; code == SQLITE_OK && i < set.count; i++) {
        struct queue_item item = {.row = set.rows[i], .scope = set.scopes[i]};
        bool was_before = !reading->query->wants_news && item.row.id <= reading->query->after;
        bool skip = wants_due && item.row.counts[STATE_PENDING] == 0;
        if (was_before || skip || !item.scope.data)
            continue;
        code = describe_queue(reading, &item);
        if (code != SQLITE_OK || (wants_due && (item.is_damaged || !item.url.data)))
            continue; /* no worker can claim from it */
        if ((reading->page->more = is_full(reading)))
            break;
        if (wants_due)
            code = look_at_queue(reading, any_holds, &item);
        if (code == SQLITE_OK && reading->query->wants_ages)
            code = read_ages(reading, &item);
        struct queue_item *kept = pawli_add_item(reading, (void **)&reading->page->queues, sizeof *kept);
        if (!kept)
            return SQLITE_NOMEM;
        *kept = item;
        if (!reading->query->wants_news)
            reading->page->next = item.row.id;
    }
    return code == SQLITE_OK && reading->query->wants_ages ? count_held(reading) : code;
}

static struct text absent_if_empty(struct text text)
{
    return text.size ? text : (struct text){0};
}

static int look_for_holds(struct reading *reading, uint64_t scope)
{
    const struct query *query = reading->query;
    struct subject subjects[SUBJECTS];
    struct page *page = reading->page;
    size_t room = 0;
    list_subjects(scope, query->lane, query->target, subjects);
    for (size_t i = 0; i < SUBJECTS; i++) {
        struct call call = call_holds(reading, &subjects[i]);
        while (pawli_call_row(&call)) {
            if (!pawli_arena_reserve(reading->arena, (void **)&page->look_holds, sizeof *page->look_holds,
                                     page->look_hold_count + 1, &room)) {
                call.code = SQLITE_NOMEM;
                break;
            }
            struct hold_item *item = &page->look_holds[page->look_hold_count++];
            if (!pawli_read_row(&call, ROW_HOLD, &item->row, reading->arena))
                pawli_hold_unreadable(&item->row);
            item->row.kind = subjects[i].kind;
            item->scope = query->scope;
            item->row.lane = absent_if_empty(subjects[i].lane);
            item->row.target = absent_if_empty(subjects[i].target);
        }
        int code = pawli_call_end(&call);
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}

/* queue: whose; NULL: of all. */
static int look_for_lost(struct reading *reading, const struct queue_row *queue)
{
    struct look *look = &reading->page->look;
    struct living living;
    int code = pawli_read_living(reading, &living);
    if (code != SQLITE_OK)
        return code;
    const struct store_row *store = &living.store;
    bool all_early = uuid_equal(&store->boot_id, &living.boot_id) && boot_before(reading->page->boot, store->lease);
    bool early = queue ? !pawli_may_have_lost(queue, store, &living.boot_id, reading->page->boot) : all_early;
    look->next_lease = !queue                                           ? store->lease
                       : boot_before(reading->page->boot, queue->lease) ? queue->lease
                                                                        : BOOT_NEVER;
    if (early && living.dead_count == 0)
        return SQLITE_OK;
    look->next_lease = BOOT_NEVER;
    struct call call = pawli_call(reading->connection, SQL_list_claimed);
    while (pawli_call_row(&call)) {
        struct task_row row;
        if (queue && raw_number(&call, 0) != queue->id)
            continue;
        if (!pawli_read_row(&call, ROW_CLAIMED, &row, reading->arena))
            continue;
        if (pawli_is_lost(reading, &living, &row)) {
            look->is_lost = true;
            break;
        }
        look->next_lease = boot_earlier(look->next_lease, row.lease);
    }
    return pawli_call_end(&call);
}

int pawli_query_look(struct reading *reading)
{
    uint64_t scope, queue = 0;
    struct queue_row row = {0};
    if (!reading->query->lane.data)
        return look_for_lost(reading, NULL);
    reading->page->look = (struct look){.next_due = WALL_NEVER, .next_lease = BOOT_NEVER};
    int code = pawli_scope_id(reading, reading->query->scope, &scope);
    if (code == SQLITE_OK && scope) {
        bool found;
        row = (struct queue_row){.scope = scope, .lane = reading->query->lane, .target = reading->query->target};
        code = pawli_get_fact(reading->connection, ROW_QUEUE, &row, &found, reading->arena);
        queue = row.id;
    }
    if (code == SQLITE_OK && queue)
        code = first_due(reading, queue, reading->query->phase, true, &reading->page->look.next_due);
    reading->page->look.is_due = reading->page->look.next_due.ms <= reading->page->wall.ms;
    if (code == SQLITE_OK && queue)
        code = look_for_holds(reading, scope);
    return code == SQLITE_OK && queue ? look_for_lost(reading, &row) : code;
}

int pawli_query_line(struct reading *reading)
{
    const struct query *query = reading->query;
    struct queue_row queue = {.lane = query->lane, .target = query->target};
    struct line_item *line = &reading->page->line;
    bool found;
    int code = pawli_scope_id(reading, query->scope, &queue.scope);
    if (code == SQLITE_OK)
        code = pawli_get_fact(reading->connection, ROW_QUEUE, &queue, &found, reading->arena);
    if (code != SQLITE_OK || !found)
        return code;
    line->row = (struct line_row){.queue = queue.id, .key = query->key};
    code = pawli_get_fact(reading->connection, ROW_LINE, &line->row, &line->found, reading->arena);
    if (code != SQLITE_OK || query->cursor.number == 0)
        return code;
    struct call call = pawli_call(reading->connection, SQL_count_before);
    pawli_bind_u64(&call, queue.id);
    pawli_bind_text(&call, query->key);
    pawli_bind_u64(&call, query->cursor.position);
    pawli_bind_u64(&call, query->cursor.number);
    if (pawli_call_row(&call))
        line->before = raw_number(&call, 0);
    return pawli_call_end(&call);
}
