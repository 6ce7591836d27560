/* SPDX-License-Identifier: MIT */
/* Load: how rows are found, for the walk that fills a view (store/walk.h). Everything is read under the write lock, so
 * nothing can change before save. */
#include "model/decide.h"
#include "store/sqlite/sqlite.h"
#include "store/walk.h"

struct loading {
    struct walk walk;
    struct txn *txn;
    struct connection *connection;
    struct arena *arena;
    struct call range; /* the one that is open */
    int code;          /* the first error */
};

static struct loading *loading_of(struct walk *walk)
{
    return (struct loading *)((char *)walk - offsetof(struct loading, walk));
}

static enum find end(struct walk *walk, int code, bool found)
{
    if (code == BAD_ROW)
        return FIND_DAMAGED;
    if (code == SQLITE_OK)
        return found ? FIND_ROW : FIND_NOTHING;
    loading_of(walk)->code = code;
    return FIND_FAILED;
}

static enum find find_fact(struct walk *walk, enum row_kind kind, void *row)
{
    struct loading *loading = loading_of(walk);
    bool found;
    int code = pawli_get_fact(loading->connection, kind, row, &found, loading->arena);
    return end(walk, code, found);
}

static enum find find_queue(struct walk *walk, uint64_t id, struct queue_row *row)
{
    struct loading *loading = loading_of(walk);
    bool found;
    int code = pawli_get_queue(loading->connection, id, row, &found, loading->arena);
    return end(walk, code, found);
}

static enum find find_task(struct walk *walk, enum task_kind kind, uint64_t number, const struct task_body *body,
                           struct task_row *row)
{
    struct loading *loading = loading_of(walk);
    bool found;
    int code = pawli_find_task(loading->connection, kind, number, body, row, &found, loading->arena);
    return end(walk, code, found);
}

static enum find find_place(struct walk *walk, const struct task_body *body)
{
    struct call call = pawli_call(loading_of(walk)->connection, SQL_count_places);
    pawli_bind_u64(&call, body->queue);
    pawli_bind_i64(&call, body->priority);
    pawli_bind_wall(&call, body->available);
    pawli_bind_u64(&call, body->number);
    pawli_bind_text(&call, body->key);
    if (pawli_call_row(&call) && sqlite3_column_int64(call.statement, 0) != 1)
        call.code = BAD_ROW;
    return end(walk, pawli_call_end(&call), true);
}

/* ---- ranges ---- */

static struct call call_workers(struct connection *connection, const struct range *range)
{
    (void)range;
    return pawli_call(connection, SQL_list_workers);
}

static struct call call_holds(struct connection *connection, const struct range *range)
{
    struct call call = pawli_call(connection, SQL_find_holds);
    const struct hold_row *subject = &range->subject;
    pawli_bind_text(&call, text_of(pawli_hold_kind_text(subject->kind)));
    pawli_bind_u64(&call, subject->scope);
    pawli_bind_text(&call, subject->lane.data ? subject->lane : TEXT(""));
    pawli_bind_text(&call, subject->target.data ? subject->target : TEXT(""));
    return call;
}

static struct call call_claimed(struct connection *connection, const struct range *range)
{
    (void)range;
    return pawli_call(connection, SQL_list_claimed);
}

static struct call call_due(struct connection *connection, const struct range *range)
{
    struct call call = pawli_call(connection, SQL_find_due);
    pawli_bind_u64(&call, range->queue);
    pawli_bind_i64(&call, range->phase);
    pawli_bind_i64(&call, range->priority);
    pawli_bind_i64(&call, range->until.ms);
    return call;
}

static struct call call_followers(struct connection *connection, const struct range *range)
{
    struct call call = pawli_call(connection, SQL_find_followers);
    pawli_bind_u64(&call, range->queue);
    pawli_bind_text(&call, range->key);
    return call;
}

static const struct {
    struct call (*call)(struct connection *connection, const struct range *range);
    enum row_kind row;
} ranges[] = {
    [RANGE_WORKERS] = {call_workers, ROW_WORKER},      [RANGE_HOLDS] = {call_holds, ROW_HOLD},
    [RANGE_CLAIMED] = {call_claimed, ROW_CLAIMED},     [RANGE_DUE] = {call_due, ROW_READY},
    [RANGE_FOLLOWERS] = {call_followers, ROW_BLOCKED},
};

static bool begin_range(struct walk *walk, struct range *range)
{
    struct loading *loading = loading_of(walk);
    loading->range = ranges[range->kind].call(loading->connection, range);
    return true; /* what is wrong is said by the end */
}

static enum find next_in_range(struct walk *walk, struct range *range, void *row)
{
    struct loading *loading = loading_of(walk);
    const bool chooses = range->kind == RANGE_CLAIMED;
    do {
        if (!pawli_call_row(&loading->range))
            return FIND_NOTHING;
    } while (chooses &&
             !pawli_view_needs_more(walk->view, (uint64_t)sqlite3_column_int64(loading->range.statement, 0)));
    return pawli_read_row(&loading->range, ranges[range->kind].row, row, loading->arena) ? FIND_ROW : FIND_DAMAGED;
}

static bool end_range(struct walk *walk, struct range *range)
{
    (void)range;
    return end(walk, pawli_call_end(&loading_of(walk)->range), false) != FIND_FAILED;
}

static const struct finders finders = {
    .fact = find_fact,
    .queue = find_queue,
    .task = find_task,
    .place = find_place,
    .begin = begin_range,
    .next = next_in_range,
    .end = end_range,
};

/* ---- what every batch needs ---- */

static int load_store(struct loading *loading)
{
    struct view *view = loading->walk.view;
    struct env *env = loading->txn->store->store.env;
    view->wall = env->ops->wall_now(env);
    view->boot = env->ops->boot_now(env);
    env->ops->boot_id(env, &view->boot_id);
    int code = pawli_get_store(loading->connection, &view->store.row);
    view->store.slot.found = view->store.slot.exists = code == SQLITE_OK;
    loading->txn->commits = view->store.row.commits;
    if (code == SQLITE_OK)
        pawli_view_begin_commit(view);
    return code;
}

static int load_committers(struct loading *loading)
{
    struct view *view = loading->walk.view;
    struct view_committer *own = &view->committer;
    struct committer_row row = own->row;
    int code = SQLITE_OK;
    if (own->row.id != 0) /* its batch is above the door: here the commit number is */
        code = pawli_get_fact(loading->connection, ROW_COMMITTER, &row, &own->slot.found, loading->arena);
    if (code == BAD_ROW) {
        own->slot.found = true;
        code = SQLITE_OK;
    }
    own->slot.exists = own->slot.found;
    if (code == SQLITE_OK && (view->wants_lost || view->wants_workers))
        code = pawli_list_committers(loading->txn->store, loading->connection, &view->alive, &view->alive_count,
                                     &view->dead, &view->dead_count, loading->arena);
    return code;
}

enum store_result pawli_sqlite_load(struct store *base, struct txn *txn, struct view *view, pawl_error *err)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct loading loading = {
        .walk = {&finders, view, atomic_load(&store->doubts_places)},
        .txn = txn,
        .connection = txn->connection,
        .arena = view->arena,
    };
    int code = load_store(&loading);
    if (code == SQLITE_OK)
        code = load_committers(&loading);
    if (code == SQLITE_OK && !pawli_walk(&loading.walk))
        code = loading.code ? loading.code : SQLITE_NOMEM;
    if ((code == SQLITE_OK || code == BAD_ROW) && pawli_arena_failed(view->arena))
        code = SQLITE_NOMEM;
    return pawli_sqlite_result(store, txn->connection->db, code, READ_ONLY, err);
}
