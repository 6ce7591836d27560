/* SPDX-License-Identifier: MIT */
/* Figures of a store: what this process committed, and what waits. */
#ifndef PAWL_METRICS_H
#define PAWL_METRICS_H

#include "pawl/message.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PAWL_METRICS_QUEUES 1000 /* that have figures of their own; those of the rest are summed */

/*
 * pawl_metrics_start: from here on what is committed through this opening of the store, by whatever handle, is counted.
 * Before, pawl_metrics_read finds nothing counted. A second call does nothing.
 */
PAWL_API int pawl_metrics_start(pawl_store *store, pawl_error *err);

/* How often something became of messages of a queue. */
typedef struct pawl_metrics_count {
    size_t struct_size;
    const char *scope, *lane, *target;
    const char *result; /* "enqueued", "claimed", "delivered", "awaiting", "retried", "deferred", "released", "resent",
                           "uncertain", "held", "dead", "expired", "renewed", "cancelled", "purged"; more may come */
    uint64_t count;
} pawl_metrics_count;

/* Syncs that took no longer than a bound. */
typedef struct pawl_metrics_bucket {
    size_t struct_size;
    int64_t within_us;
    uint64_t count;
} pawl_metrics_bucket;

typedef struct pawl_metrics_sums {
    size_t struct_size;      /* PAWL_METRICS_SUMS sets it */
    uint64_t commits;        /* that are durable */
    uint64_t syncs, sync_us; /* waits for the disk: a sync, or a commit with its own */
    uint64_t queues;         /* that were read, for what waits: the first 10,000 */
    uint32_t is_cut;         /* there are more */
    int64_t at_ms;           /* Unix milliseconds by the store's clock, when what waits was read */
} pawl_metrics_sums;
#define PAWL_METRICS_SUMS .struct_size = sizeof(pawl_metrics_sums)

/* In memory of its own: what its getters return lives as long as it does. NULL for an index that is not there. */
typedef struct pawl_metrics pawl_metrics;
PAWL_API const pawl_metrics_count *pawl_metrics_get_count(const pawl_metrics *metrics, size_t index);
PAWL_API const pawl_queue_stats *pawl_metrics_get_queue(const pawl_metrics *metrics, size_t index);
PAWL_API const pawl_metrics_bucket *pawl_metrics_get_bucket(const pawl_metrics *metrics, size_t index);
PAWL_API void pawl_metrics_get_sums(const pawl_metrics *metrics, pawl_metrics_sums *ret_sums);
PAWL_API void pawl_metrics_free(pawl_metrics *metrics); /* NULL is fine */

/*
 * pawl_metrics_read: all of it, of all scopes. What became of messages is counted after the sync of its commit, once, and
 * only what this process committed; nothing that was refused or rolled back, and nothing that stands in a transaction of
 * another program (pawl_join_enqueue). What waits is read from counts and indexes, never by walking over messages.
 *
 * Bounds     PAWL_METRICS_QUEUES queues have figures of their own: counts those in which this process moved something first,
 *            what waits those that the store has had for longest; the sums of the rest have a target "other", and neither
 *            scope nor lane.
 * Owns       *ret_metrics is freed with pawl_metrics_free.
 * Outputs    Untouched on error.
 */
PAWL_API int pawl_metrics_read(pawl_store *store, pawl_metrics **ret_metrics, pawl_error *err);

#ifdef __cplusplus
}
#endif
#endif
