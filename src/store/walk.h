/* SPDX-License-Identifier: MIT */
/* Loading a view one row at a time, for stores that look rows up so: what each slot implies, in an order in which whatever is
 * implied comes later, and what of all that cannot be read or does not agree. Such a store says how it finds a row by its
 * key, and how it walks over a few ranges; it knows nothing of the view. Pages are read so, too (page.h). */
#ifndef PAWLI_WALK_H
#define PAWLI_WALK_H

#include "model/columns.h"
#include "store/view.h"

enum find { FIND_NOTHING, FIND_ROW, FIND_DAMAGED /* there is one that cannot be read */, FIND_FAILED };

enum range_kind {
    RANGE_WORKERS,   /* worker_row, by id */
    RANGE_HOLDS,     /* hold_row, of a subject */
    RANGE_CLAIMED,   /* task_row: what is claimed */
    RANGE_DUE,       /* task_row, of a queue, phase and priority: ready and due until `until`, by due time and number */
    RANGE_FOLLOWERS, /* task_row, of a queue and key: blocked, in the order of the line */
    /* Of pages; `after` is not in them. */
    RANGE_SCOPES,  /* scope_row, by id, behind `after` */
    RANGE_RECORDS, /* record_row, of a scope, between `after` and `before`, as the query says: down, ref, type, since */
    RANGE_QUEUES,  /* queue_row, by id; at least what is behind `after` and matches the query */
    RANGE_NEWS,    /* queue_row: to which something was added after `after` */
    RANGE_MESSAGES,     /* message_row, by number, between `after` and `before`; down, where the query says so */
    RANGE_ATTEMPTS,     /* attempt_row, of the query's number */
    RANGE_LANES,        /* lane_row, of a scope */
    RANGE_TARGETS,      /* target_row, of a scope */
    RANGE_SENDERS,      /* sender_row, of a scope; of `key` as target, where it is given */
    RANGE_ALL_HOLDS,    /* hold_row, the latest first */
    RANGE_BOUNDS,       /* bound_row, whose time is over at `until`, by it */
    RANGE_CLAIMS,       /* task_row: what is claimed, by number, behind `after` */
    RANGE_GONE_READY,   /* task_row: ready to be sent, or */
    RANGE_GONE_BLOCKED, /* blocked, for a sender that was removed until `until` */
    RANGE_PUT_OFF,      /* task_row, of a queue: ready to be sent, for the sender `key`; the key of its table is behind
                           `priority`, `until` and `after` */
    /* Of a scope, as the query says: by key, or by record. */
    RANGE_ASSETS,
    RANGE_ACCOUNTS,
    RANGE_ENTRIES,    /* of all accounts */
    RANGE_ENTRIES_OF, /* of the query's account */
    RANGE_FILLS,
    RANGE_PROJECTIONS, /* of the query's name, whose keys begin with its prefix */
    RANGE_COUNTERS,
    RANGE_TYPES,
    RANGE_SNAPSHOTS, /* by record, behind `after` of the query */
    RANGE_CHUNKS,    /* from the query's after and after_index on */
    RANGE_SUBSCRIPTIONS,
    /* Of workflows. */
    RANGE_WORKFLOWS,      /* workflow_row: as RANGE_MESSAGES */
    RANGE_KINDS,          /* kind_row, of a scope */
    RANGE_PENDING,        /* signal_row, of `queue` and the workflow `key`: those that nobody took, by arrival */
    RANGE_SIGNALS,        /* the same, and those that were taken */
    RANGE_STEPS,          /* step_row, of the query's number, behind `after` */
    RANGE_HELD,           /* resource_row, of `scope` and the holder `key`, by id */
    RANGE_RESOURCES,      /* resource_row, of a scope, by id, behind after_key of the query */
    RANGE_RESOURCE_MOVES, /* resource_move_row, of a scope and the query's key */
    RANGE_SCHEDULES,      /* schedule_row, of a scope, or of all */
    RANGE_KIND_COUNT
};

struct walk;
struct query;

struct range {
    enum range_kind kind;
    struct hold_row subject; /* its code is absent */
    uint64_t queue;
    struct text key;
    enum phase phase;
    uint32_t priority;
    struct wall_time until;
    const struct query *query;
    uint64_t scope, after, before;
    /* Of messages and what is claimed: others are passed by unread. NULL: none is. The key is there where the query
     * has one. */
    bool (*wants)(const void *data, uint64_t queue, struct text key);
    const void *data;
    const void *at;     /* the store's */
    uint64_t number;    /* where the last one that is damaged stands, */
    bool is_unreadable; /* and whether it cannot be read at all, or is only not what was written */
    uint64_t row_queue; /* the queue that a damaged message says */
};

/* What tells whether a claim is lost. */
struct living {
    struct store_row store;
    pawl_uuid boot_id;
    struct committer_row *alive, *dead;
    size_t alive_count, dead_count;
};

struct queue_ages;

struct finders {
    /* By its key, which stands in the row; where nothing is found or can be read, the row is as it was. */
    enum find (*fact)(struct walk *walk, enum row_kind kind, void *row);
    enum find (*by_id)(struct walk *walk, enum row_kind kind, uint64_t id, void *row); /* of a scope, or queue */
    /* Wherever it is; body: of this kind, NULL when it is not known. */
    enum find (*task)(struct walk *walk, enum task_kind kind, uint64_t number, const struct task_body *body,
                      struct task_row *row);
    bool (*begin)(struct walk *walk, struct range *range);                /* of a kind one is open at a time */
    enum find (*next)(struct walk *walk, struct range *range, void *row); /* damaged: only the row's key may be there */
    bool (*end)(struct walk *walk, struct range *range);
    /* In how many places the task of a body is. Of a view asked only where doubts_places. */
    enum find (*places)(struct walk *walk, const struct task_body *body, uint32_t *count);
    enum find (*committers)(struct walk *walk, struct living *living);
    /* How many sends of a lane or to a target are claimed; the other one is absent. */
    enum find (*claimed)(struct walk *walk, const struct flow_row *subject, uint64_t *count);
    /* Of pages: how old what waits in a queue is, and how many stand before a place of a line. */
    enum find (*ages)(struct walk *walk, uint64_t queue, struct wall_time now, struct queue_ages *ages);
    enum find (*before)(struct walk *walk, uint64_t queue, const struct query *query, uint64_t *count);
};

struct walk {
    const struct finders *finders;
    struct view *view;
    bool doubts_places; /* once a row could not be added because another stood there */
};

/* The row of the store, the clocks, and where they are wanted the committers, are in the view already. False when a finder
 * failed or memory is out. */
bool pawli_walk(struct walk *walk);

#endif
