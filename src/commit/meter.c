/* SPDX-License-Identifier: MIT */
#include "commit/meter.h"

const int64_t pawli_meter_bounds_us[METER_BUCKETS] = {100, 250, 500, 1000, 2500, 10000, 50000, 100000, 500000, 2500000};

void pawli_meter_init(struct meter *meter)
{
    *meter = (struct meter){.count = 0};
    pthread_mutex_init(&meter->lock, NULL);
}

void pawli_meter_done(struct meter *meter)
{
    pawli_links_done(&meter->by_queue);
    pawli_arena_done(&meter->arena);
    pthread_mutex_destroy(&meter->lock);
}

static struct metered *find(const struct meter *meter, uint64_t queue)
{
    return (struct metered *)pawli_links_find(&meter->by_queue, NULL, queue);
}

/* NULL: no more queues have counts of their own, or there is no memory. */
static struct metered *add(struct meter *meter, const struct queue_row *row)
{
    struct metered *metered = meter->count < METER_QUEUES ? arena_new(&meter->arena, struct metered) : NULL;
    if (!metered)
        return NULL;
    metered->queue = row->id;
    metered->scope = row->scope;
    metered->kind = row->kind;
    metered->lane = pawli_arena_text(&meter->arena, row->lane);
    metered->target = pawli_arena_text(&meter->arena, row->target);
    if (!metered->lane.data || !metered->target.data || !pawli_links_add(&meter->by_queue, &metered->link, row->id))
        return NULL;
    meter->queues[meter->count++] = metered;
    return metered;
}

static void count(struct meter *meter, const struct view_queue *queue)
{
    struct metered *metered = NULL;
    for (size_t i = 0; i < COUNTED_COUNT; i++) {
        if (queue->counted[i] == 0)
            continue;
        if (!metered && !(metered = find(meter, queue->row.id)))
            metered = add(meter, &queue->row);
        uint64_t *counts = metered ? metered->counts : meter->sums.rest[queue->row.kind];
        counts[i] += queue->counted[i];
    }
}

void pawli_meter_commit(struct meter *meter, const struct view *view)
{
    if (!atomic_load_explicit(&meter->is_on, memory_order_relaxed))
        return;
    pthread_mutex_lock(&meter->lock);
    meter->sums.commits++;
    for (size_t i = 0; i < view->queues.count; i++)
        count(meter, view_at(view->queues, struct view_queue, i));
    pthread_mutex_unlock(&meter->lock);
}

void pawli_meter_sync(struct meter *meter, int64_t ns)
{
    if (!atomic_load_explicit(&meter->is_on, memory_order_relaxed))
        return;
    pthread_mutex_lock(&meter->lock);
    meter->sums.syncs++;
    meter->sums.sync_ns += (uint64_t)ns;
    for (size_t i = 0; i < METER_BUCKETS; i++)
        meter->sums.within[i] += ns <= pawli_meter_bounds_us[i] * 1000;
    pthread_mutex_unlock(&meter->lock);
}

/* Lanes and targets stay where they are as long as the store is open. */
bool pawli_meter_read(struct meter *meter, struct arena *arena, struct metered **ret_queues, size_t *ret_count,
                      struct meter_sums *ret_sums)
{
    struct metered *queues = arena_array(arena, struct metered, METER_QUEUES);
    if (!queues)
        return false;
    pthread_mutex_lock(&meter->lock);
    for (size_t i = 0; i < meter->count; i++)
        queues[i] = *meter->queues[i];
    *ret_count = meter->count;
    *ret_sums = meter->sums;
    pthread_mutex_unlock(&meter->lock);
    *ret_queues = queues;
    return true;
}
