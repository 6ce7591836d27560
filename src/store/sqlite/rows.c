/* SPDX-License-Identifier: MIT */
/* Rows, found. One that cannot be read, or is not what it was found by, is BAD_ROW: its finder sets it apart. */
#include "store/sqlite/sqlite.h"

int pawli_get_store(struct connection *connection, struct store_row *row)
{
    struct call call = pawli_call(connection, SQL_get_store);
    bool found = pawli_call_row(&call);
    if (call.code == SQLITE_OK && (!found || !pawli_read_row(&call, ROW_STORE, row, NULL)))
        call.code = BAD_ROW;
    return pawli_call_end(&call);
}

/* The row that a call finds must have the key that it was looked for by. */
static int found_by_key(struct call *call, enum row_kind kind, void *row, bool *found, struct arena *arena)
{
    union any_row asked;
    memcpy(&asked, row, pawli_rows[kind].size);
    *found = pawli_call_row(call);
    if (*found && (!pawli_read_row(call, kind, row, arena) || pawli_row_compare(kind, row, &asked, SIZE_MAX) != 0)) {
        memcpy(row, &asked, pawli_rows[kind].size);
        call->code = BAD_ROW;
    }
    return pawli_call_end(call);
}

int pawli_get_fact(struct connection *connection, enum row_kind kind, void *row, bool *found, struct arena *arena)
{
    struct call call = pawli_call(connection, pawli_row_sql[kind].get);
    pawli_bind_key(&call, kind, row);
    return found_by_key(&call, kind, row, found, arena);
}

int pawli_get_by_id(struct connection *connection, enum row_kind kind, uint64_t id, void *row, bool *found,
                    struct arena *arena)
{
    struct call call = pawli_call(connection, kind == ROW_SCOPE ? SQL_get_scope_by_id : SQL_get_queue_by_id);
    pawli_bind_u64(&call, id);
    *found = pawli_call_row(&call);
    uint64_t *own = kind == ROW_SCOPE ? &((struct scope_row *)row)->id : &((struct queue_row *)row)->id;
    if (*found && (!pawli_read_row(&call, kind, row, arena) || *own != id)) {
        memset(row, 0, pawli_rows[kind].size);
        *own = id;
        call.code = BAD_ROW;
    }
    return pawli_call_end(&call);
}

/* Where the task of a body that is there for the first time is, and nowhere else. */
static int find_by_body(struct connection *connection, const struct task_body *body, struct task_row *row, bool *found,
                        struct arena *arena)
{
    struct call call = pawli_call(connection, SQL_get_ready_first);
    pawli_bind_u64(&call, body->queue);
    pawli_bind_i64(&call, body->priority);
    pawli_bind_wall(&call, body->available);
    pawli_bind_u64(&call, body->number);
    int code = found_by_key(&call, ROW_READY, row, found, arena);
    if (code != SQLITE_OK || *found || !body->key.data)
        return code;
    call = pawli_call(connection, SQL_get_blocked_at);
    pawli_bind_u64(&call, body->queue);
    pawli_bind_text(&call, body->key);
    pawli_bind_u64(&call, body->number);
    pawli_bind_u64(&call, body->number);
    return found_by_key(&call, ROW_BLOCKED, row, found, arena);
}

int pawli_find_task(struct connection *connection, enum task_kind kind, uint64_t number, const struct task_body *body,
                    struct task_row *row, bool *found, struct arena *arena)
{
    static const enum row_kind likely[] = {ROW_CLAIMED, ROW_ENDED, ROW_HELD, ROW_READY, ROW_BLOCKED};
    union any_row own = {.body = {.number = number}};
    int code = SQLITE_OK;
    *found = false;
    *row = (struct task_row){.number = number};
    for (size_t i = 0; code == SQLITE_OK && !*found && i < COUNT_OF(likely); i++)
        code = pawli_get_fact(connection, likely[i], row, found, arena);
    if (code != SQLITE_OK)
        return code;
    /* The rest is found by what its body says: when it is due for the first time, and its place in its line. */
    if (!*found && !body) {
        bool exists;
        code = pawli_get_fact(connection, pawli_task_kinds[kind].body, &own, &exists, arena);
        if (code != SQLITE_OK || !exists)
            return code;
        body = &own.body;
    }
    if (!*found)
        code = find_by_body(connection, body, row, found, arena);
    if (code == SQLITE_OK && *found && body && row->queue != body->queue)
        code = BAD_ROW;
    return code;
}
