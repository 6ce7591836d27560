/* SPDX-License-Identifier: MIT */
/* Inside reading: what the files read*.c share. Each of them has readers, which read.c calls by the kind of the query; a
 * reader fills the page and returns a code of SQLite. */
#ifndef PAWLI_SQLITE_READ_H
#define PAWLI_SQLITE_READ_H

#include "store/sqlite/sqlite.h"

struct reading {
    struct sqlite_store *store;
    struct connection *connection;
    const struct query *query;
    struct page *page;
    struct arena *arena;
    size_t room;            /* of the page's items */
    uint64_t after, before; /* numbers between which messages are listed */
};

void *pawli_add_item(struct reading *reading, void **items, size_t item_size); /* NULL: out of memory */

/* A page is asked for with one more than its limit, to know whether there is more. */
static inline int64_t limit_of(const struct reading *reading)
{
    return (int64_t)reading->query->limit + 1;
}

static inline bool is_full(const struct reading *reading)
{
    return reading->page->count == reading->query->limit;
}

/* Where a walk is, whatever else of the row can be read. */
static inline uint64_t raw_number(const struct call *call, int column)
{
    int64_t number = sqlite3_column_int64(call->statement, column);
    return number < 0 ? 0 : (uint64_t)number;
}

int pawli_scope_id(struct reading *reading, struct text name, uint64_t *id);   /* 0: there is none of that name */
int pawli_scope_name(struct reading *reading, uint64_t id, struct text *name); /* absent: none that can be read */

/* ---- read_queues.c: which queues a query means ---- */

struct queue_set {
    struct queue_row *rows; /* by ascending id */
    struct text *scopes;
    size_t count, room, scope_room;
};
int pawli_read_queue_set(struct reading *reading, struct queue_set *set);
const struct queue_row *pawli_in_set(const struct queue_set *set, uint64_t id, size_t *index);
int pawli_read_queue_by_id(struct reading *reading, uint64_t id, struct queue_row *row, bool *found);
int pawli_add_pauses(struct reading *reading, const struct queue_row *queue, struct paused *paused);

/* ---- read_workers.c: what tells whether a claim is lost ---- */

struct living {
    struct store_row store;
    pawl_uuid boot_id;
    struct committer_row *alive, *dead;
    size_t alive_count, dead_count;
};
int pawli_read_living(struct reading *reading, struct living *living);
bool pawli_is_lost(const struct reading *reading, const struct living *living, const struct task_row *row);

/* ---- the readers ---- */
int pawli_query_one_message(struct reading *reading);
int pawli_query_messages(struct reading *reading);
int pawli_query_attempts(struct reading *reading);
int pawli_query_queues(struct reading *reading);
int pawli_query_look(struct reading *reading);
int pawli_query_line(struct reading *reading);
int pawli_query_lanes(struct reading *reading);
int pawli_query_targets(struct reading *reading);
int pawli_query_holds(struct reading *reading);
int pawli_query_old(struct reading *reading);
int pawli_query_old_bounds(struct reading *reading);
int pawli_query_workers(struct reading *reading);
int pawli_query_claims(struct reading *reading);

#endif
