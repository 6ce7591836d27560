/* SPDX-License-Identifier: MIT */
/* Which committers live: those of processes that are gone left their claims to nobody. */
#include "store/sqlite/sqlite.h"

/* Of one's own slot only the own committer is alive: whoever had the slot before is gone. */
static bool is_alive(struct sqlite_store *store, const struct committer_row *row)
{
    if (!store->store.read_only && row->slot == store->slot)
        return row->id == atomic_load(&store->committer);
    return row->slot < GATE_SLOTS && store->gate->ops->is_held(store->gate, GATE_SLOT + (int64_t)row->slot);
}

int pawli_list_committers(struct sqlite_store *store, struct connection *connection, struct committer_row **ret_alive,
                          size_t *ret_alive_count, struct committer_row **ret_dead, size_t *ret_dead_count,
                          struct arena *arena)
{
    size_t alive_room = 0, dead_room = 0;
    struct call call = pawli_call(connection, SQL_list_committers);
    while (pawli_call_row(&call)) {
        struct committer_row row;
        /* Nobody knows whether the process of a row that cannot be read lives: the leases of its claims tell. */
        bool alive = !pawli_read_row(&call, ROW_COMMITTER, &row, arena) || is_alive(store, &row);
        struct committer_row **rows = alive ? ret_alive : ret_dead;
        size_t *count = alive ? ret_alive_count : ret_dead_count, *room = alive ? &alive_room : &dead_room;
        if (!pawli_arena_reserve(arena, (void **)rows, sizeof **rows, *count + 1, room)) {
            call.code = SQLITE_NOMEM;
            break;
        }
        (*rows)[(*count)++] = row;
    }
    return pawli_call_end(&call);
}
