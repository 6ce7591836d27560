/* SPDX-License-Identifier: MIT */
/* Reading a page, for stores that find rows as walk.h says: one loop for whatever is a list, and what an item needs besides its
 * row. What a list is says a table, in page.c; how a queue stands, standing.c. What a store reads its own way it does with the
 * help of the rest of this. */
#ifndef PAWLI_PAGE_H
#define PAWLI_PAGE_H

#include "store/store.h"
#include "store/walk.h"

/* A queue, and whose it is. */
struct named_queue {
    struct queue_row row;
    struct text scope; /* absent: it or its queue cannot be read */
};

struct reading {
    struct walk *walk; /* its finders; it has no view */
    struct env *env;
    const struct query *query;
    struct page *page;
    struct arena *arena;
    size_t room;          /* of the page's items */
    uint64_t scope;       /* of the name that the query gives; 0: there is none */
    bool is_bad;          /* what was asked for by itself cannot be read */
    bool has_queues;      /* all that the query means are in */
    bool has_living;      /* what tells whether claims are lost is known */
    bool looked_at_holds; /* of the store: */
    bool has_holds;
    struct named_queue *queues; /* by ascending id */
    size_t queue_count, queue_room;
    struct named_queue last; /* of those that were looked for by id: most of a page is of one */
    struct scope_row last_scope;
    struct living living;
};

typedef bool reading_fn(struct reading *reading); /* false: a finder failed, or memory is out */

/* own: how the store reads this; NULL: as it is listed. False: is_bad, or what failed is known to the walk and the arena. */
bool pawli_read_page(struct reading *reading, reading_fn *own);
reading_fn pawli_read_listed; /* as if the store had none of its own */

static inline enum find reading_fact(struct reading *reading, enum row_kind kind, void *row)
{
    return reading->walk->finders->fact(reading->walk, kind, row);
}

static inline bool reading_begin(struct reading *reading, struct range *range)
{
    return reading->walk->finders->begin(reading->walk, range);
}

/* False: at its end, or it failed, which the end says. Damaged: the row is what can be read of it. */
static inline bool reading_next(struct reading *reading, struct range *range, void *row, enum find *found)
{
    *found = reading->walk->finders->next(reading->walk, range, row);
    return *found == FIND_ROW || *found == FIND_DAMAGED;
}

static inline bool reading_end(struct reading *reading, struct range *range)
{
    return reading->walk->finders->end(reading->walk, range);
}

void *pawli_add_item(struct reading *reading, size_t item_size); /* zeros; NULL: out of memory */
/* Whether the page has all that it may have; then there is more. To be asked where there is one for it. */
bool pawli_is_cut(struct reading *reading);

/* What a query names: without it nothing can be said. */
bool pawli_find_named(struct reading *reading, enum row_kind kind, void *row, bool *found);
/* Absent where there is none, or none that can be read. */
bool pawli_name_scope(struct reading *reading, uint64_t id, struct text *name);
/* NULL: it failed. What is found is good until the next one. */
const struct named_queue *pawli_name_queue(struct reading *reading, uint64_t id);
reading_fn pawli_list_queues; /* into `queues` */
bool pawli_policies_of(struct reading *reading, const struct queue_row *queue, struct lane_row *lane,
                       struct target_row *target, bool *is_damaged); /* zeros where nothing is set */
struct range pawli_messages_range(struct reading *reading); /* what the query means of them, by its queues and key */
/* One message, where there is one; of a list, where its queue is of those. */
bool pawli_add_message(struct reading *reading, uint64_t number);
/* What of an old item is of its queue. is_good: it can be read, and its policy. */
bool pawli_describe_old(struct reading *reading, uint64_t queue, struct old_item *item, bool *is_good);
reading_fn pawli_know_living;                                                         /* into `living` */
bool pawli_is_lost(const struct reading *reading, const struct task_row *row);        /* by what lives */
bool pawli_queue_matches(const struct reading *reading, const struct queue_row *row); /* what the query means */

/* ---- standing.c: how a queue stands ---- */

bool pawli_pauses_of(struct reading *reading, const struct queue_row *queue, struct paused *paused);
bool pawli_wants_queue(struct reading *reading, void *row, enum find found);
enum find pawli_make_queue(struct reading *reading, const struct range *range, const void *row, void *item);
reading_fn pawli_read_look; /* a look at a queue, without a write */

#endif
