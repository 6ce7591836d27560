/* SPDX-License-Identifier: MIT */
/* Figures for whoever watches: what was counted, and what waits, of all scopes and within bounds. */
#include "pawl/metrics.h"

#include "commit/handle.h"
#include "model/check.h"
#include "outbox/views.h"

#define PAGE_QUEUES 1000
#define READ_QUEUES 10000

struct pawl_metrics {
    struct arena arena;
    pawl_metrics_count *counts;
    size_t count_count, count_room;
    pawl_queue_stats *queues;
    size_t queue_count;
    pawl_metrics_bucket buckets[METER_BUCKETS];
    pawl_metrics_sums sums;
};

int pawl_metrics_start(pawl_store *store, pawl_error *err)
{
    int status = pawli_check_given(err, store);
    if (status == PAWL_OK)
        status = pawli_store_check(store->opened->store, err);
    if (status == PAWL_OK)
        atomic_store(&store->opened->committer.meter.is_on, true);
    return status;
}

/* ---- what waits ---- */

static int64_t first_of(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static void add_to(pawl_queue_stats *sum, const pawl_queue_stats *queue)
{
    static const size_t counts[] = {offsetof(pawl_queue_stats, pending),   offsetof(pawl_queue_stats, claimed),
                                    offsetof(pawl_queue_stats, awaiting),  offsetof(pawl_queue_stats, uncertain),
                                    offsetof(pawl_queue_stats, delivered), offsetof(pawl_queue_stats, dead),
                                    offsetof(pawl_queue_stats, cancelled), offsetof(pawl_queue_stats, due),
                                    offsetof(pawl_queue_stats, held)};
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        *(uint64_t *)((char *)sum + counts[i]) += *(const uint64_t *)((const char *)queue + counts[i]);
    sum->oldest_due_at_ms = first_of(sum->oldest_due_at_ms, queue->oldest_due_at_ms);
    sum->next_due_at_ms = first_of(sum->next_due_at_ms, queue->next_due_at_ms);
}

static bool add_queue(pawl_metrics *metrics, const struct queue_item *item)
{
    pawl_queue_stats *queue = &metrics->queues[metrics->queue_count];
    if (item->row.kind != TASK_MESSAGE)
        return true;
    metrics->sums.queues++;
    if (metrics->queue_count == PAWL_METRICS_QUEUES) {
        pawl_queue_stats one;
        pawli_fill_queue_stats(item, &one);
        if (!queue->target)
            *queue = (pawl_queue_stats){sizeof *queue, .scope = "", .lane = "", .target = "other"};
        add_to(queue, &one);
        return true;
    }
    pawli_fill_queue_stats(item, queue);
    queue->scope = pawli_arena_text(&metrics->arena, item->scope).data;
    queue->lane = pawli_arena_text(&metrics->arena, item->row.lane).data;
    queue->target = pawli_arena_text(&metrics->arena, item->row.target).data;
    metrics->queue_count++;
    return queue->scope && queue->lane && queue->target;
}

static int read_queues(pawl_metrics *metrics, struct store *store, pawl_error *err)
{
    struct query query = {.kind = QUERY_QUEUES, .wants_ages = true, .limit = PAGE_QUEUES};
    metrics->queues = arena_array(&metrics->arena, pawl_queue_stats, PAWL_METRICS_QUEUES + 1);
    if (!metrics->queues)
        return pawli_no_memory(err);
    for (size_t read = 0; read < READ_QUEUES; read += PAGE_QUEUES) {
        struct page page;
        bool is_added = true;
        int status = pawli_store_query(store, &query, &page, err);
        if (status < 0)
            return status;
        for (size_t i = 0; is_added && i < page.count; i++)
            is_added = add_queue(metrics, &page.queues[i]);
        bool more = page.more;
        metrics->sums.at_ms = page.wall.ms;
        query.after = page.next;
        pawli_page_done(&page);
        if (!is_added)
            return pawli_no_memory(err);
        metrics->sums.is_cut = more;
        if (!more)
            break;
    }
    return PAWL_OK;
}

/* ---- what was counted ---- */

/* Names of scopes by their numbers; a queue that was found by a task knows the number alone. */
struct names {
    struct map map;
    struct text *names;
    uint64_t *scopes;
    size_t count;
};

static int name_of(struct names *names, pawl_metrics *metrics, struct store *store, uint64_t scope, const char **ret,
                   pawl_error *err)
{
    uint32_t index;
    uint64_t hash = pawli_hash_number(0, scope);
    for (struct map_probe probe = map_probe(&names->map, hash); map_next(&names->map, &probe, &index);)
        if (names->scopes[index] == scope) {
            *ret = names->names[index].data;
            return PAWL_OK;
        }
    struct page page;
    int status = pawli_store_query(store, &(struct query){.kind = QUERY_SCOPES, .after = scope - 1, .limit = 1}, &page,
                                   err);
    if (status < 0)
        return status;
    bool is_found = page.count == 1 && page.scopes[0].id == scope;
    struct text name = pawli_arena_text(&metrics->arena, is_found ? page.scopes[0].name : TEXT(""));
    pawli_page_done(&page);
    names->scopes[names->count] = scope;
    names->names[names->count] = name;
    if (!name.data || !pawli_map_put(&names->map, &metrics->arena, hash, (uint32_t)names->count))
        return pawli_no_memory(err);
    names->count++;
    *ret = name.data;
    return PAWL_OK;
}

static bool add_counts(pawl_metrics *metrics, const pawl_metrics_count *of, const uint64_t counts[COUNTED_COUNT])
{
    if (!pawli_arena_reserve(&metrics->arena, (void **)&metrics->counts, sizeof *metrics->counts,
                             metrics->count_count + COUNTED_COUNT, &metrics->count_room))
        return false;
    for (enum counted counted = 0; counted < COUNTED_COUNT; counted++) {
        if (counts[counted] == 0)
            continue;
        pawl_metrics_count *count = &metrics->counts[metrics->count_count++];
        *count = *of;
        count->result = pawli_counted_text(counted);
        count->count = counts[counted];
    }
    return true;
}

static int read_counts(pawl_metrics *metrics, struct opened *opened, pawl_error *err)
{
    struct metered *queues;
    struct meter_sums sums;
    struct names names = {.names = arena_array(&metrics->arena, struct text, METER_QUEUES),
                          .scopes = arena_array(&metrics->arena, uint64_t, METER_QUEUES)};
    size_t count;
    if (!names.names || !names.scopes ||
        !pawli_meter_read(&opened->committer.meter, &metrics->arena, &queues, &count, &sums))
        return pawli_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        pawl_metrics_count of = {sizeof of, .scope = NULL, .lane = queues[i].lane.data,
                                 .target = queues[i].target.data};
        if (queues[i].kind != TASK_MESSAGE)
            continue;
        int status = name_of(&names, metrics, opened->store, queues[i].scope, &of.scope, err);
        if (status < 0)
            return status;
        if (!add_counts(metrics, &of, queues[i].counts))
            return pawli_no_memory(err);
    }
    const pawl_metrics_count rest = {sizeof rest, .scope = "", .lane = "", .target = "other"};
    if (!add_counts(metrics, &rest, sums.rest[TASK_MESSAGE]))
        return pawli_no_memory(err);
    metrics->sums.commits = sums.commits;
    metrics->sums.syncs = sums.syncs;
    metrics->sums.sync_us = sums.sync_ns / 1000;
    for (size_t i = 0; i < METER_BUCKETS; i++)
        metrics->buckets[i] = (pawl_metrics_bucket){sizeof metrics->buckets[i], pawli_meter_bounds_us[i],
                                                    sums.within[i]};
    return PAWL_OK;
}

int pawl_metrics_read(pawl_store *store, pawl_metrics **ret_metrics, pawl_error *err)
{
    int status = pawli_check_given(err, store, ret_metrics);
    if (status < 0)
        return status;
    pawl_metrics *metrics = pawli_alloc(sizeof *metrics);
    if (!metrics)
        return pawli_no_memory(err);
    metrics->sums.struct_size = sizeof metrics->sums;
    status = read_queues(metrics, store->opened->store, err);
    if (status == PAWL_OK)
        status = read_counts(metrics, store->opened, err);
    if (status < 0)
        pawl_metrics_free(metrics);
    else
        *ret_metrics = metrics;
    return status;
}

/* ---- what it is asked ---- */

const pawl_metrics_count *pawl_metrics_get_count(const pawl_metrics *metrics, size_t index)
{
    return metrics && index < metrics->count_count ? &metrics->counts[index] : NULL;
}

const pawl_queue_stats *pawl_metrics_get_queue(const pawl_metrics *metrics, size_t index)
{
    bool has_rest = metrics && metrics->queue_count == PAWL_METRICS_QUEUES &&
                    metrics->queues[metrics->queue_count].target;
    return metrics && index < metrics->queue_count + has_rest ? &metrics->queues[index] : NULL;
}

const pawl_metrics_bucket *pawl_metrics_get_bucket(const pawl_metrics *metrics, size_t index)
{
    return metrics && index < METER_BUCKETS ? &metrics->buckets[index] : NULL;
}

void pawl_metrics_get_sums(const pawl_metrics *metrics, pawl_metrics_sums *ret_sums)
{
    if (metrics)
        pawli_give_out(ret_sums, &metrics->sums, sizeof metrics->sums);
}

void pawl_metrics_free(pawl_metrics *metrics)
{
    if (!metrics)
        return;
    pawli_arena_done(&metrics->arena);
    pawli_free(metrics);
}
