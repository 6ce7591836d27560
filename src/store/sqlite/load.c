/* SPDX-License-Identifier: MIT */
/* Load: what every batch needs; the rest is found by the walk that fills a view (find.c). Everything is read under the write
 * lock, so nothing can change before save. */
#include "model/decide.h"
#include "store/sqlite/sqlite.h"

static int load_store(struct finder *finder, struct txn *txn)
{
    struct view *view = finder->walk.view;
    struct env *env = finder->store->store.env;
    view->wall = env->ops->wall_now(env);
    view->boot = env->ops->boot_now(env);
    env->ops->boot_id(env, &view->boot_id);
    int code = pawli_get_store(finder->connection, &view->store.row);
    view->store.slot.found = view->store.slot.exists = code == SQLITE_OK;
    txn->commits = view->store.row.commits;
    if (code == SQLITE_OK)
        pawli_view_begin_commit(view);
    return code;
}

static int load_committers(struct finder *finder)
{
    struct view *view = finder->walk.view;
    struct view_committer *own = &view->committer;
    struct committer_row row = own->row;
    int code = SQLITE_OK;
    if (own->row.id != 0) /* its batch is above the door: here the commit number is */
        code = pawli_get_fact(finder->connection, ROW_COMMITTER, &row, &own->slot.found, finder->arena);
    if (code == BAD_ROW) {
        own->slot.found = true;
        code = SQLITE_OK;
    }
    own->slot.exists = own->slot.found;
    if (code == SQLITE_OK && (view->wants_lost || view->wants_workers))
        code = pawli_list_committers(finder->store, finder->connection, &view->alive, &view->alive_count, &view->dead,
                                     &view->dead_count, finder->arena);
    return code;
}

enum store_result pawli_sqlite_load(struct store *base, struct txn *txn, struct view *view, pawl_error *err)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct finder finder = {
        .walk = {&pawli_sqlite_finders, view, atomic_load(&store->doubts_places)},
        .store = store,
        .connection = txn->connection,
        .arena = view->arena,
    };
    int code = load_store(&finder, txn);
    if (code == SQLITE_OK)
        code = load_committers(&finder);
    if (code == SQLITE_OK && !pawli_walk(&finder.walk))
        code = finder.code ? finder.code : SQLITE_NOMEM;
    if ((code == SQLITE_OK || code == BAD_ROW) && pawli_arena_failed(view->arena))
        code = SQLITE_NOMEM;
    return pawli_sqlite_result(store, txn->connection->db, code, READ_ONLY, err);
}
