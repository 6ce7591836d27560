/* SPDX-License-Identifier: MIT */
/* Load: what every batch needs; the rest is found by the walk that fills a view (find.c). */
#include "store/memory/memory.h"

static bool load_store(struct finder *finder, struct env *env)
{
    struct view *view = finder->walk.view;
    struct view_committer *own = &view->committer;
    view->wall = env->ops->wall_now(env);
    view->boot = env->ops->boot_now(env);
    env->ops->boot_id(env, &view->boot_id);
    view->store.row = finder->tables->store;
    view->store.slot.found = view->store.slot.exists = true;
    pawli_view_begin_commit(view);
    own->slot.found = own->slot.exists = own->row.id != 0 && own->row.id == finder->tables->committer.id;
    struct living living;
    if (finder->walk.finders->committers(&finder->walk, &living) == FIND_FAILED)
        return false;
    view->alive = living.alive;
    view->alive_count = living.alive_count;
    return true;
}

enum store_result pawli_memory_load(struct store *store, struct txn *txn, struct view *view, pawl_error *err)
{
    (void)txn;
    struct finder finder = {
        .walk = {&pawli_memory_finders, view, false}, .tables = &memory_of(store)->tables, .arena = view->arena};
    bool good = load_store(&finder, store->env) && pawli_walk(&finder.walk) && !pawli_arena_failed(view->arena);
    return good ? STORE_OK : pawli_store_fail(err, STORE_NO_MEMORY);
}
