/* SPDX-License-Identifier: MIT */
/* Loading a view one row at a time, for stores that look rows up so: what each slot implies, in an order in which whatever is
 * implied comes later, and what of all that cannot be read or does not agree. Such a store says how it finds a row by its
 * key, and how it walks over a few ranges; it knows nothing of the view. */
#ifndef PAWLI_WALK_H
#define PAWLI_WALK_H

#include "model/columns.h"
#include "store/view.h"

enum find { FIND_NOTHING, FIND_ROW, FIND_DAMAGED /* there is one that cannot be read */, FIND_FAILED };

enum range_kind {
    RANGE_WORKERS,   /* worker_row, by id */
    RANGE_HOLDS,     /* hold_row, of a subject */
    RANGE_CLAIMED,   /* task_row: what is claimed of queues that the view needs more claims of */
    RANGE_DUE,       /* task_row, of a queue, phase and priority: ready and due until `until`, by due time and number */
    RANGE_FOLLOWERS, /* task_row, of a queue and key: blocked, in the order of the line */
};

struct range {
    enum range_kind kind;
    struct hold_row subject; /* its code is absent */
    uint64_t queue;
    struct text key;
    enum phase phase;
    uint32_t priority;
    struct wall_time until;
    const void *at; /* the store's */
};

struct walk;

struct finders {
    /* By its key, which stands in the row; where nothing is found or can be read, the row is as it was. */
    enum find (*fact)(struct walk *walk, enum row_kind kind, void *row);
    enum find (*queue)(struct walk *walk, uint64_t id, struct queue_row *row);
    /* Wherever it is; body: of this kind, NULL when it is not known. */
    enum find (*task)(struct walk *walk, enum task_kind kind, uint64_t number, const struct task_body *body,
                      struct task_row *row);
    bool (*begin)(struct walk *walk, struct range *range);                /* one is open at a time */
    enum find (*next)(struct walk *walk, struct range *range, void *row); /* damaged: only the row's key may be there */
    bool (*end)(struct walk *walk, struct range *range);
    /* FIND_DAMAGED: the task of this body is not in one place. Asked only where doubts_places. */
    enum find (*place)(struct walk *walk, const struct task_body *body);
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
