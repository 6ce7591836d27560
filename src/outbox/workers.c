/* SPDX-License-Identifier: MIT */
/* Who works: the rows of workers, and the claims that are theirs; what is claimed by nobody of these is grouped by consumer.
 * One walk over what is claimed, a page at a time, all in one snapshot. */
#include <stdlib.h>

#include "base/json.h"
#include "base/map.h"
#include "commit/handle.h"
#include "model/check.h"
#include "model/serving.h"
#include "pawl/worker.h"

#define PAGE 1000

struct pawl_workers {
    struct arena arena;
    pawl_worker_view *views;
    size_t count;
};

size_t pawl_workers_count(const pawl_workers *workers)
{
    return workers ? workers->count : 0;
}

const pawl_worker_view *pawl_workers_get(const pawl_workers *workers, size_t index)
{
    return index < pawl_workers_count(workers) ? &workers->views[index] : NULL;
}

void pawl_workers_free(pawl_workers *workers)
{
    if (!workers)
        return;
    pawli_arena_done(&workers->arena);
    pawli_free(workers);
}

/* ---- gathering ---- */

/* A worker, or a consumer by hand in a scope. */
struct member {
    struct worker_row row; /* by hand: consumer, scope, since and seen */
    bool is_alive, is_by_hand;
    uint64_t claims;
    const char **lanes; /* by hand */
    size_t lane_count, lane_room;
};

struct listing {
    struct store *store;
    struct reader *reader;
    struct arena *arena;
    struct text scope; /* absent: all */
    struct member *members;
    size_t count, room;
    struct map by_claimer, by_lane; /* to members; by the lane of one by hand: to have each once */
    uint64_t seed;
    pawl_error *err;
};

static uint64_t hash_of(const struct listing *l, struct text consumer, uint64_t committer, struct text scope)
{
    uint64_t hash = pawli_hash_number(l->seed, committer);
    hash = pawli_hash_bytes(hash, consumer.data, consumer.size);
    return pawli_hash_bytes(hash, scope.data, scope.size);
}

static struct member *add_member(struct listing *l, uint64_t hash)
{
    if (!pawli_arena_reserve(l->arena, (void **)&l->members, sizeof *l->members, l->count + 1, &l->room) ||
        !pawli_map_put(&l->by_claimer, l->arena, hash, (uint32_t)l->count))
        return NULL;
    l->members[l->count] = (struct member){0};
    return &l->members[l->count++];
}

static bool add_worker(struct listing *l, const struct worker_item *item)
{
    const struct worker_row *row = &item->row;
    if (l->scope.data && row->scope.data && !text_equal(row->scope, l->scope))
        return true;
    struct member *member = add_member(l, hash_of(l, row->consumer, row->committer, TEXT("")));
    if (!member)
        return false;
    member->row = *row;
    member->is_alive = item->is_alive;
    member->row.consumer = pawli_arena_text(l->arena, row->consumer);
    member->row.scope = pawli_arena_text(l->arena, row->scope);
    member->row.lanes = pawli_arena_text(l->arena, row->lanes);
    member->row.sinks = pawli_arena_text(l->arena, row->sinks);
    return true;
}

static struct member *worker_of(struct listing *l, const struct claim_item *item)
{
    uint64_t hash = hash_of(l, item->consumer, item->committer, TEXT(""));
    struct map_probe probe = map_probe(&l->by_claimer, hash);
    for (uint32_t i; map_next(&l->by_claimer, &probe, &i);) {
        struct member *member = &l->members[i];
        if (!member->is_by_hand && member->row.committer == item->committer &&
            text_equal(member->row.consumer, item->consumer) &&
            pawli_worker_claims(&member->row, item->scope, item->lane, l->arena))
            return member;
    }
    return NULL;
}

/* The consumer by hand behind a claim; a new one where there is none yet. */
static struct member *consumer_of(struct listing *l, const struct claim_item *item)
{
    uint64_t hash = hash_of(l, item->consumer, 0, item->scope);
    struct map_probe probe = map_probe(&l->by_claimer, hash);
    for (uint32_t i; map_next(&l->by_claimer, &probe, &i);) {
        struct member *member = &l->members[i];
        if (member->is_by_hand && text_equal(member->row.consumer, item->consumer) &&
            text_equal(member->row.scope, item->scope))
            return member;
    }
    struct member *member = add_member(l, hash);
    if (!member)
        return NULL;
    member->is_by_hand = true;
    member->row = (struct worker_row){.consumer = pawli_arena_text(l->arena, item->consumer),
                                      .scope = pawli_arena_text(l->arena, item->scope),
                                      .since = item->claimed,
                                      .seen = item->updated,
                                      .stopped = WALL_NEVER};
    return member;
}

static bool add_lane(struct listing *l, struct member *member, struct text lane)
{
    uint64_t hash = pawli_hash_bytes(pawli_hash_number(l->seed, (uint64_t)(member - l->members)), lane.data, lane.size);
    struct map_probe probe = map_probe(&l->by_lane, hash);
    for (uint32_t i; map_next(&l->by_lane, &probe, &i);)
        if (i < member->lane_count && text_is(lane, member->lanes[i]))
            return true;
    if (!pawli_map_put(&l->by_lane, l->arena, hash, (uint32_t)member->lane_count) ||
        !pawli_arena_reserve(l->arena, (void **)&member->lanes, sizeof *member->lanes, member->lane_count + 1,
                             &member->lane_room))
        return false;
    member->lanes[member->lane_count++] = pawli_arena_text(l->arena, lane).data;
    return true;
}

static bool add_claim(struct listing *l, const struct claim_item *item)
{
    if (l->scope.data && !text_equal(l->scope, item->scope))
        return true;
    struct member *member = worker_of(l, item);
    if (!member && item->is_lost)
        return true;
    if (!member)
        member = consumer_of(l, item);
    if (!member)
        return false;
    member->claims++;
    if (!member->is_by_hand)
        return true;
    if (item->claimed.ms < member->row.since.ms)
        member->row.since = item->claimed;
    if (item->updated.ms > member->row.seen.ms)
        member->row.seen = item->updated;
    return add_lane(l, member, item->lane);
}

/* All pages of a query. */
static int walk(struct listing *l, enum query_kind kind)
{
    struct query query = {.kind = kind, .limit = PAGE};
    int status = PAWL_OK;
    for (bool more = true, good = true; more && status == PAWL_OK;) {
        struct page page = {0};
        status = pawli_store_status(pawli_store_read(l->store, l->reader, &query, &page, l->err));
        for (size_t i = 0; status == PAWL_OK && good && i < page.count; i++)
            good = kind == QUERY_WORKERS ? add_worker(l, &page.workers[i]) : add_claim(l, &page.claims[i]);
        if (status == PAWL_OK && (!good || pawli_arena_failed(l->arena)))
            status = pawli_no_memory(l->err);
        more = page.more;
        query.after = page.next;
        pawli_page_done(&page);
    }
    return status;
}

/* ---- what is shown ---- */

static int rank(const struct member *member)
{
    return member->is_by_hand ? 2 : !member->is_alive;
}

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Who works by how long, who is gone by how short, consumers by name. */
static int by_rank(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = compare(rank(x), rank(y));
    if (order == 0 && rank(x) == 0)
        order = compare(x->row.since.ms, y->row.since.ms);
    if (order == 0 && rank(x) == 1)
        order = compare(pawli_worker_last(&y->row).ms, pawli_worker_last(&x->row).ms);
    if (order == 0)
        order = pawli_text_compare(x->row.consumer, y->row.consumer);
    if (order == 0)
        order = pawli_text_compare(x->row.scope, y->row.scope);
    return order ? order : compare((int64_t)x->row.id, (int64_t)y->row.id);
}

static const char *const *list_names(struct text json, size_t *count, struct arena *arena)
{
    struct json_walk walk = pawli_json_walk(json);
    struct text name;
    size_t room = 0;
    const char **names = NULL;
    while (pawli_json_item(&walk, &name)) {
        if (!pawli_arena_reserve(arena, (void **)&names, sizeof *names, *count + 1, &room))
            return NULL;
        names[(*count)++] = pawli_arena_text(arena, pawli_json_string(arena, name)).data;
    }
    return names;
}

static void show(const struct member *member, pawl_worker_view *view, struct arena *arena)
{
    const struct worker_row *row = &member->row;
    *view = (pawl_worker_view){.struct_size = sizeof *view,
                               .consumer = row->consumer.data,
                               .scope = row->scope.data,
                               .lanes = member->lanes,
                               .lane_count = member->lane_count,
                               .pid = row->pid,
                               .since_ms = row->since.ms,
                               .last_seen_ms = row->seen.ms,
                               .stopped_ms = row->stopped.ms == INT64_MAX ? 0 : row->stopped.ms,
                               .claims = member->claims,
                               .is_alive = member->is_alive,
                               .is_by_hand = member->is_by_hand};
    if (row->lanes.data)
        view->lanes = list_names(row->lanes, &view->lane_count, arena);
    if (row->sinks.data)
        view->sinks = list_names(row->sinks, &view->sink_count, arena);
}

static int list(struct listing *l, pawl_workers *workers)
{
    int status = pawli_store_status(pawli_store_reader(l->store, &l->reader, l->err));
    if (status == PAWL_OK)
        status = walk(l, QUERY_WORKERS);
    if (status == PAWL_OK)
        status = walk(l, QUERY_CLAIMS);
    pawli_store_done(l->store, l->reader);
    if (status < 0)
        return status;
    workers->views = arena_array(l->arena, pawl_worker_view, l->count + 1);
    if (l->count)
        qsort(l->members, l->count, sizeof *l->members, by_rank);
    for (size_t i = 0; workers->views && i < l->count; i++)
        show(&l->members[i], &workers->views[i], l->arena);
    workers->count = l->count;
    return pawli_arena_failed(l->arena) ? pawli_no_memory(l->err) : PAWL_OK;
}

int pawl_workers_list(pawl_store *store, const char *scope, pawl_workers **ret_workers, pawl_error *err)
{
    int status = pawli_check_given(err, store, ret_workers);
    if (status == PAWL_OK && scope)
        status = pawli_check_name_or_reserved("scope", text_of(scope), err);
    if (status < 0)
        return status;
    pawl_workers *workers = pawli_alloc(sizeof *workers);
    if (!workers)
        return pawli_no_memory(err);
    struct opened *opened = store->opened;
    struct listing l = {.store = opened->store,
                        .arena = &workers->arena,
                        .scope = text_of(scope),
                        .seed = opened->committer.seed,
                        .err = err};
    status = list(&l, workers);
    if (status < 0) {
        pawl_workers_free(workers);
        return status;
    }
    *ret_workers = workers;
    return PAWL_OK;
}
