/* SPDX-License-Identifier: MIT */
/* Read: a page at a time, all in the snapshot of the reader. Most of it is the shared loop's (store/page.h) over what find.c
 * finds. Here is what is read another way: read_messages.c by state, read_old.c what time may end. */
#include "store/sqlite/sqlite.h"

/* Few are held apart: one look at all of them, whatever number of queues there is. */
static bool read_queues(struct reading *reading)
{
    struct page *page = reading->page;
    size_t at = 0; /* both ascend */
    if (!pawli_read_listed(reading))
        return false;
    if (!reading->query->wants_ages)
        return true;
    struct call call = pawli_call(connection_of(reading), SQL_count_held);
    while (pawli_call_row(&call)) {
        uint64_t queue = pawli_raw_number(&call, 0), count = pawli_raw_number(&call, 1);
        while (at < page->count && page->queues[at].row.id < queue)
            at++;
        if (at < page->count && page->queues[at].row.id == queue)
            page->queues[at].ages.held_apart = count;
    }
    return is_good(reading, pawli_call_end(&call));
}

/* ---- what is set apart ---- */

static int add_damage(void *data, uint64_t scope, uint64_t queue, struct text what)
{
    struct reading *reading = data;
    if (pawli_is_cut(reading))
        return SQLITE_OK;
    const struct named_queue *named = queue ? pawli_name_queue(reading, queue) : NULL;
    struct damage_item *item = pawli_add_item(reading, sizeof *item);
    struct text name = named ? named->scope : (struct text){0};
    if (!item || (queue && !named) || (!queue && scope && !pawli_name_scope(reading, scope, &name)))
        return finder_of(reading->walk)->code ? finder_of(reading->walk)->code : SQLITE_NOMEM;
    *item = (struct damage_item){.scope = name, .what = what};
    return SQLITE_OK;
}

static bool read_damage(struct reading *reading)
{
    return is_good(reading, pawli_find_damage(connection_of(reading), reading->arena, add_damage, reading));
}

static reading_fn *const own[QUERY_KIND_COUNT] = {
    [QUERY_MESSAGES] = pawli_read_messages,
    [QUERY_QUEUES] = read_queues,
    [QUERY_OLD] = pawli_read_old,
    [QUERY_DAMAGE] = read_damage,
};

enum store_result pawli_sqlite_read(struct sqlite_store *store, struct connection *connection,
                                    const struct query *query, struct page *page, pawl_error *err)
{
    struct finder finder = {
        .walk = {.finders = &pawli_sqlite_finders}, .store = store, .connection = connection, .arena = &page->arena};
    struct reading reading = {
        .walk = &finder.walk, .env = store->store.env, .query = query, .page = page, .arena = &page->arena};
    bool good = pawli_read_page(&reading, own[query->kind]);
    int code = finder.code;
    if (code == SQLITE_OK && reading.is_bad)
        code = BAD_ROW;
    if ((code == SQLITE_OK || code == BAD_ROW) && pawli_arena_failed(&page->arena))
        code = SQLITE_NOMEM;
    if (!good && code == SQLITE_OK)
        code = SQLITE_NOMEM;
    return pawli_sqlite_result(store, connection->db, code, READ_ONLY, err);
}
