/* SPDX-License-Identifier: MIT */
/* What verify is told of rows that are set apart: every row of every table read once, and every pair of tables that must
 * agree. The chains of records are verified above the door; nothing here decides anything. */
#include "store/sqlite/sqlite.h"

/* Readers of all kinds, as one type. */
#define READER(kind, type)                                                                                             \
    static bool read_##kind(struct call *call, struct arena *arena)                                                    \
    {                                                                                                                  \
        struct type row;                                                                                               \
        return pawli_read_##kind(call, &row, arena);                                                                   \
    }
READER(scope, scope_row)
READER(queue, queue_row)
READER(lane, lane_row)
READER(target, target_row)
READER(hold, hold_row)
READER(line, line_row)
READER(bound, bound_row)
READER(message, message_row)
READER(ready, task_row)
READER(blocked, task_row)
READER(claimed, task_row)
READER(held, task_row)
READER(ended, task_row)
READER(attempt, attempt_row)
READER(worker, worker_row)
#undef READER

static bool read_committer(struct call *call, struct arena *arena)
{
    struct committer_row row;
    (void)arena;
    return pawli_read_committer(call, &row);
}

static const struct table {
    const char *name;
    enum sql all;
    bool (*read)(struct call *call, struct arena *arena);
    bool limited;     /* the statement takes a limit */
    int scope, queue; /* in which column whose it is stands; -1: in none */
} tables[] = {
    {"scope", SQL_all_scopes, read_scope, false, -1, -1},
    {"queue", SQL_all_queues, read_queue, false, 1, -1},
    {"committer", SQL_list_committers, read_committer, false, -1, -1},
    {"worker", SQL_list_workers, read_worker, false, -1, -1},
    {"lane", SQL_all_lanes, read_lane, false, 0, -1},
    {"target", SQL_all_targets, read_target, false, 0, -1},
    {"hold", SQL_list_holds, read_hold, true, 1, -1},
    {"line", SQL_all_lines, read_line, false, -1, 0},
    {"bound", SQL_all_bounds, read_bound, false, -1, 0},
    {"message", SQL_all_messages, read_message, false, -1, 2},
    {"ready", SQL_all_ready, read_ready, false, -1, 0},
    {"blocked", SQL_all_blocked, read_blocked, false, -1, 0},
    {"claimed", SQL_list_claimed, read_claimed, false, -1, 0},
    {"held", SQL_all_held, read_held, false, -1, 0},
    {"ended", SQL_all_ended, read_ended, false, -1, 0},
    {"attempt", SQL_all_attempts, read_attempt, false, -1, -1},
};

static const struct agreement {
    enum sql sql;
    const char *what;
} agreements[] = {
    {SQL_stray_queues, "a queue of a scope that does not exist"},
    {SQL_stray_records, "a record of a scope that does not exist"},
    {SQL_stray_messages, "a message of a queue that does not exist"},
    {SQL_stray_lanes, "a lane of a scope that does not exist"},
    {SQL_stray_targets, "a target of a scope that does not exist"},
    {SQL_stray_holds, "a hold of a scope that does not exist"},
    {SQL_stray_ready, "a ready task differs from its message"},
    {SQL_stray_blocked, "a blocked task differs from its message"},
    {SQL_stray_claimed, "a claimed task differs from its message or its claim from the store"},
    {SQL_stray_held, "a held task differs from its message"},
    {SQL_stray_ended, "an ended task differs from its message"},
    {SQL_stray_attempts, "an attempt of a message that does not exist"},
    {SQL_wrong_lines, "the line of an ordering key differs from its messages"},
    {SQL_wrong_heads, "a message holds its ordering key, and the line says otherwise"},
    {SQL_wrong_blocked, "a message waits in a line that does not exist"},
    {SQL_wrong_bounds, "a message and what its dedupe key or request id is bound to differ"},
    {SQL_wrong_leases, "a claim ends before its queue looks for lost ones"},
    {SQL_stray_bounds, "a dedupe key or request id is bound to no message"},
    {SQL_wrong_committers, "a committer whose number or slot cannot be"},
    {SQL_stray_workers, "a worker of a committer that cannot be"},
    {SQL_wrong_counters, "the store's counters are behind what they count"},
};

static uint64_t number_at(const struct call *call, int column)
{
    int64_t number = column < 0 ? 0 : sqlite3_column_int64(call->statement, column);
    return number < 0 ? 0 : (uint64_t)number;
}

static const char *text_at(const struct call *call, int column)
{
    const char *text = (const char *)sqlite3_column_text(call->statement, column);
    return text ? text : "NULL";
}

int pawli_find_damage(struct connection *connection, struct arena *arena,
                      int (*found)(void *data, uint64_t scope, uint64_t queue, struct text what), void *data)
{
    struct arena scratch = {0};
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < COUNT_OF(tables); i++) {
        const struct table *table = &tables[i];
        struct call call = pawli_call(connection, table->all);
        if (table->limited)
            pawli_bind_i64(&call, INT64_MAX);
        while (code == SQLITE_OK && pawli_call_row(&call)) {
            bool good = table->read(&call, &scratch);
            if (pawli_arena_failed(&scratch))
                code = SQLITE_NOMEM;
            else if (!good)
                code = found(data, number_at(&call, table->scope), number_at(&call, table->queue),
                             pawli_arena_format(arena, "a row of table %s cannot be read: %s %s, %s %s", table->name,
                                                sqlite3_column_name(call.statement, 0), text_at(&call, 0),
                                                sqlite3_column_name(call.statement, 1), text_at(&call, 1)));
            pawli_arena_reset(&scratch);
        }
        int ended = pawli_call_end(&call);
        code = code == SQLITE_OK ? ended : code;
    }
    pawli_arena_done(&scratch);
    for (size_t i = 0; code == SQLITE_OK && i < COUNT_OF(agreements); i++) {
        struct call call = pawli_call(connection, agreements[i].sql);
        while (code == SQLITE_OK && pawli_call_row(&call))
            code = found(data, 0, number_at(&call, 1),
                         pawli_arena_format(arena, "%s: %s", agreements[i].what, text_at(&call, 2)));
        int ended = pawli_call_end(&call);
        code = code == SQLITE_OK ? ended : code;
    }
    return code;
}
