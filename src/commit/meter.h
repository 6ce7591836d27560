/* SPDX-License-Identifier: MIT */
/* What this opening committed, counted: what became of tasks by queue, commits, and how long their syncs took.
 *
 *   1  Counted when a round is answered, after its sync: what was refused, rolled back or raced never is, and nothing twice.
 *      What stands in a transaction of another program is that one's.
 *   2  Counts only while somebody wants it.
 *   3  So many queues have counts of their own, those that came first; what is of others is summed. */
#ifndef PAWLI_METER_H
#define PAWLI_METER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/links.h"
#include "store/view.h"

#define METER_QUEUES  1000
#define METER_BUCKETS 10

extern const int64_t pawli_meter_bounds_us[METER_BUCKETS];

struct metered {
    struct link link; /* by the number of the queue */
    uint64_t queue, scope;
    enum task_kind kind;
    struct text lane, target;
    uint64_t counts[COUNTED_COUNT];
};

struct meter_sums {
    uint64_t rest[TASK_KIND_COUNT][COUNTED_COUNT]; /* of all other queues */
    uint64_t commits, syncs, sync_ns;
    uint64_t within[METER_BUCKETS]; /* syncs that took no longer than that bound */
};

struct meter {
    _Atomic bool is_on;
    pthread_mutex_t lock;
    struct arena arena;
    struct links by_queue;
    struct metered *queues[METER_QUEUES];
    size_t count;
    struct meter_sums sums;
};

void pawli_meter_init(struct meter *meter);
void pawli_meter_done(struct meter *meter);

void pawli_meter_commit(struct meter *meter, const struct view *view); /* that is durable */
void pawli_meter_sync(struct meter *meter, int64_t ns);

/* A copy of what is counted by now, in the arena; false: out of memory. */
bool pawli_meter_read(struct meter *meter, struct arena *arena, struct metered **ret_queues, size_t *ret_count,
                      struct meter_sums *ret_sums);

#endif
