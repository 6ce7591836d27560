/* SPDX-License-Identifier: MIT */
/* Read: a page at a time, all in the snapshot of the reader. Here: the store, scopes, records, what is set apart. What else is
 * read has a file each: read_messages.c, read_queues.c, read_settings.c, read_workers.c, read_old.c. */
#include "store/sqlite/read.h"

/* Room for one more item of a page. */
void *pawli_add_item(struct reading *reading, void **items, size_t item_size)
{
    if (!pawli_arena_reserve(reading->arena, items, item_size, reading->page->count + 1, &reading->room))
        return NULL;
    return (char *)*items + reading->page->count++ * item_size;
}

int pawli_scope_id(struct reading *reading, struct text name, uint64_t *id)
{
    struct scope_row row = {.name = name};
    bool found;
    int code = pawli_get_fact(reading->connection, ROW_SCOPE, &row, &found, reading->arena);
    *id = row.id;
    return code;
}

/* Absent where there is none, or none that can be read. */
int pawli_scope_name(struct reading *reading, uint64_t id, struct text *name)
{
    struct scope_row row = {0};
    struct call call = pawli_call(reading->connection, SQL_get_scope_by_id);
    pawli_bind_u64(&call, id);
    if (pawli_call_row(&call) && !pawli_read_row(&call, ROW_SCOPE, &row, reading->arena))
        row.name = (struct text){0};
    *name = row.name;
    return pawli_call_end(&call);
}

static int read_store(struct reading *reading)
{
    reading->page->count = 1;
    return pawli_get_store(reading->connection, &reading->page->store);
}

static int read_scopes(struct reading *reading)
{
    struct call call = pawli_call(reading->connection, SQL_list_scopes);
    pawli_bind_u64(&call, reading->query->after);
    pawli_bind_i64(&call, limit_of(reading));
    while (pawli_call_row(&call)) {
        if ((reading->page->more = is_full(reading)))
            break;
        uint64_t id = raw_number(&call, 0);
        struct scope_row row, *kept;
        if (pawli_read_row(&call, ROW_SCOPE, &row, reading->arena)) {
            kept = pawli_add_item(reading, (void **)&reading->page->scopes, sizeof *kept);
            if (!kept)
                return SQLITE_NOMEM;
            *kept = row;
        }
        reading->page->next = id;
    }
    return pawli_call_end(&call);
}

/* One that cannot be read is an item of its own, and the others follow. */
static int add_record(struct reading *reading, struct call *call)
{
    struct record_row *row = pawli_add_item(reading, (void **)&reading->page->records, sizeof *row);
    if (!row)
        return SQLITE_NOMEM;
    uint64_t seq = raw_number(call, 1);
    /* A sum that differs is told apart: where the chain says what was changed, that is the better answer. */
    bool good = pawli_read_row(call, ROW_RECORD, row, reading->arena);
    if (call->bad)
        *row = (struct record_row){.seq = seq, .is_unreadable = true};
    row->is_damaged = !good;
    reading->page->next = seq;
    return SQLITE_OK;
}

static int read_one_record(struct reading *reading)
{
    const struct query *query = reading->query;
    uint64_t scope;
    int code = pawli_scope_id(reading, query->scope, &scope);
    if (code != SQLITE_OK || scope == 0)
        return code;
    struct call call = pawli_call(reading->connection, query->seq ? SQL_get_record : SQL_find_request);
    pawli_bind_u64(&call, scope);
    if (query->seq)
        pawli_bind_u64(&call, query->seq);
    else
        pawli_bind_blob(&call, &query->id, sizeof query->id);
    if (pawli_call_row(&call))
        call.code = add_record(reading, &call);
    if (call.code == SQLITE_OK && reading->page->count && reading->page->records[0].is_damaged)
        call.code = BAD_ROW;
    return pawli_call_end(&call);
}

static int read_records(struct reading *reading)
{
    const struct query *query = reading->query;
    uint64_t scope;
    int code = pawli_scope_id(reading, query->scope, &scope);
    if (code != SQLITE_OK || scope == 0)
        return code;
    struct call call = pawli_call(reading->connection, query->down ? SQL_list_records_down : SQL_list_records_up);
    pawli_bind_u64(&call, scope);
    pawli_bind_i64(&call, query->down && query->before == 0 ? INT64_MAX
                                                            : (int64_t)(query->down ? query->before : query->after));
    pawli_bind_text(&call, query->ref);
    pawli_bind_text(&call, query->type);
    pawli_bind_i64(&call, query->since.ms);
    pawli_bind_i64(&call, limit_of(reading));
    while (pawli_call_row(&call)) {
        if ((reading->page->more = is_full(reading)))
            break;
        call.code = add_record(reading, &call);
        if (call.code != SQLITE_OK)
            break;
    }
    return pawli_call_end(&call);
}

/* ---- what is set apart ---- */

static int add_damage(void *data, uint64_t scope, uint64_t queue, struct text what)
{
    struct reading *reading = data;
    struct queue_row row = {0};
    bool found;
    if ((reading->page->more = is_full(reading)))
        return SQLITE_OK;
    struct damage_item *item = pawli_add_item(reading, (void **)&reading->page->damages, sizeof *item);
    if (!item)
        return SQLITE_NOMEM;
    *item = (struct damage_item){.what = what};
    int code = queue ? pawli_read_queue_by_id(reading, queue, &row, &found) : SQLITE_OK;
    if (queue)
        scope = row.scope;
    return code == SQLITE_OK && scope ? pawli_scope_name(reading, scope, &item->scope) : code;
}

static int read_damage(struct reading *reading)
{
    return pawli_find_damage(reading->connection, reading->arena, add_damage, reading);
}

static int (*const readers[QUERY_KIND_COUNT])(struct reading *reading) = {
    [QUERY_STORE] = read_store,
    [QUERY_SCOPES] = read_scopes,
    [QUERY_RECORD] = read_one_record,
    [QUERY_RECORDS] = read_records,
    [QUERY_MESSAGE] = pawli_query_one_message,
    [QUERY_MESSAGES] = pawli_query_messages,
    [QUERY_ATTEMPTS] = pawli_query_attempts,
    [QUERY_QUEUES] = pawli_query_queues,
    [QUERY_LANES] = pawli_query_lanes,
    [QUERY_TARGETS] = pawli_query_targets,
    [QUERY_HOLDS] = pawli_query_holds,
    [QUERY_LOOK] = pawli_query_look,
    [QUERY_LINE] = pawli_query_line,
    [QUERY_OLD] = pawli_query_old,
    [QUERY_OLD_BOUNDS] = pawli_query_old_bounds,
    [QUERY_WORKERS] = pawli_query_workers,
    [QUERY_CLAIMS] = pawli_query_claims,
    [QUERY_DAMAGE] = read_damage,
};

enum store_result pawli_sqlite_read(struct sqlite_store *store, struct connection *connection,
                                    const struct query *query, struct page *page, pawl_error *err)
{
    struct env *env = store->store.env;
    struct reading reading = {
        .store = store, .connection = connection, .query = query, .page = page, .arena = &page->arena};
    page->wall = env->ops->wall_now(env);
    page->boot = env->ops->boot_now(env);
    int code = readers[query->kind](&reading);
    if ((code == SQLITE_OK || code == BAD_ROW) && pawli_arena_failed(&page->arena))
        code = SQLITE_NOMEM;
    return pawli_sqlite_result(store, connection->db, code, READ_ONLY, err);
}
