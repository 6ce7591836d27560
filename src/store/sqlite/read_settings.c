/* SPDX-License-Identifier: MIT */
/* Read: lanes, targets and holds. */
#include "store/sqlite/read.h"

/* ---- lanes, targets, holds ---- */

static int read_policies(struct reading *reading, bool targets)
{
    uint64_t scope;
    int code = pawli_scope_id(reading, reading->query->scope, &scope);
    if (code != SQLITE_OK || scope == 0)
        return code;
    struct call call = pawli_call(reading->connection, targets ? SQL_list_targets : SQL_list_lanes);
    pawli_bind_u64(&call, scope);
    pawli_bind_text(&call, TEXT(""));
    pawli_bind_i64(&call, limit_of(reading));
    while (pawli_call_row(&call)) {
        if ((reading->page->more = is_full(reading)))
            break;
        struct target_row *target = NULL;
        struct lane_row *lane = NULL;
        if (targets)
            target = pawli_add_item(reading, (void **)&reading->page->targets, sizeof *target);
        else
            lane = pawli_add_item(reading, (void **)&reading->page->lanes, sizeof *lane);
        if (!target && !lane)
            return SQLITE_NOMEM;
        if (targets)
            target->is_damaged = !pawli_read_row(&call, ROW_TARGET, target, reading->arena);
        else
            lane->is_damaged = !pawli_read_row(&call, ROW_LANE, lane, reading->arena);
    }
    return pawli_call_end(&call);
}

int pawli_query_lanes(struct reading *reading)
{
    return read_policies(reading, false);
}

int pawli_query_targets(struct reading *reading)
{
    return read_policies(reading, true);
}

int pawli_query_holds(struct reading *reading)
{
    uint64_t scope = 0;
    int code = reading->query->scope.data ? pawli_scope_id(reading, reading->query->scope, &scope) : SQLITE_OK;
    if (code != SQLITE_OK)
        return code;
    struct call call = pawli_call(reading->connection, SQL_list_holds);
    while (pawli_call_row(&call)) {
        struct hold_item item = {0};
        if (!pawli_read_row(&call, ROW_HOLD, &item.row, reading->arena))
            pawli_hold_unreadable(&item.row);
        bool is_of_other = reading->query->scope.data && item.row.kind != HOLD_STORE && item.row.scope != scope;
        if (is_of_other || !hold_is_on(&item.row, reading->page->wall))
            continue;
        if ((reading->page->more = is_full(reading)))
            break;
        struct hold_item *kept = pawli_add_item(reading, (void **)&reading->page->holds, sizeof *kept);
        if (!kept)
            return SQLITE_NOMEM;
        *kept = item;
    }
    code = pawli_call_end(&call);
    for (size_t i = 0; code == SQLITE_OK && i < reading->page->count; i++)
        code = pawli_scope_name(reading, reading->page->holds[i].row.scope, &reading->page->holds[i].scope);
    return code;
}
