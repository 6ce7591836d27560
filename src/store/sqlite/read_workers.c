/* SPDX-License-Identifier: MIT */
/* Read: who works, on what, and whose claims are lost. */
#include "model/decide.h"
#include "store/sqlite/read.h"

int pawli_read_living(struct reading *reading, struct living *living)
{
    struct env *env = reading->store->store.env;
    *living = (struct living){0};
    env->ops->boot_id(env, &living->boot_id);
    int code = pawli_get_store(reading->connection, &living->store);
    if (code != SQLITE_OK)
        return code;
    return pawli_list_committers(reading->store, reading->connection, &living->alive, &living->alive_count,
                                 &living->dead, &living->dead_count, reading->arena);
}

bool pawli_is_lost(const struct reading *reading, const struct living *living, const struct task_row *row)
{
    return pawli_claim_lost(row, &living->store, reading->page->boot, &living->boot_id, living->alive,
                            living->alive_count);
}

/* ---- who works ---- */

int pawli_query_workers(struct reading *reading)
{
    struct living living;
    int code = pawli_read_living(reading, &living);
    if (code != SQLITE_OK)
        return code;
    struct call call = pawli_call(reading->connection, SQL_list_workers);
    while (pawli_call_row(&call)) {
        struct worker_row row;
        if (!pawli_read_row(&call, ROW_WORKER, &row, reading->arena) || row.id <= reading->query->after)
            continue;
        if ((reading->page->more = is_full(reading)))
            break;
        struct worker_item *item = pawli_add_item(reading, (void **)&reading->page->workers, sizeof *item);
        if (!item)
            return SQLITE_NOMEM;
        *item = (struct worker_item){row, pawli_worker_alive(&row, living.alive, living.alive_count)};
        reading->page->next = row.id;
    }
    return pawli_call_end(&call);
}

int pawli_query_claims(struct reading *reading)
{
    struct queue_set set = {0};
    struct living living;
    size_t at, seen = 0;
    int code = pawli_read_living(reading, &living);
    if (code == SQLITE_OK)
        code = pawli_read_queue_set(reading, &set);
    if (code != SQLITE_OK)
        return code;
    struct call call = pawli_call(reading->connection, SQL_page_claimed);
    pawli_bind_u64(&call, reading->query->after);
    pawli_bind_i64(&call, limit_of(reading));
    while (pawli_call_row(&call)) {
        struct task_row row;
        if ((reading->page->more = seen++ == reading->query->limit))
            break;
        reading->page->next = raw_number(&call, 1);
        if (!pawli_read_row(&call, ROW_CLAIMED, &row, reading->arena) || !pawli_in_set(&set, row.queue, &at) ||
            !set.scopes[at].data)
            continue;
        struct claim_item *item = pawli_add_item(reading, (void **)&reading->page->claims, sizeof *item);
        if (!item)
            return SQLITE_NOMEM;
        *item = (struct claim_item){.committer = row.committer,
                                    .consumer = row.consumer,
                                    .scope = set.scopes[at],
                                    .lane = set.rows[at].lane,
                                    .claimed = row.claimed,
                                    .updated = row.updated,
                                    .is_lost = pawli_is_lost(reading, &living, &row)};
    }
    return pawli_call_end(&call);
}
