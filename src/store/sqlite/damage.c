/* SPDX-License-Identifier: MIT */
/* What verify is told of rows that are set apart: every row of every table read once, every index, and every pair of tables
 * that must agree. The chains of records are verified above the door; nothing here decides anything. */
#include "store/sqlite/sqlite.h"

static const struct agreement {
    enum sql sql;
    const char *what;
} agreements[] = {
    {SQL_stray_queues, "a queue of a scope that does not exist"},
    {SQL_stray_records, "a record of a scope that does not exist"},
    {SQL_stray_messages, "a message of a queue that does not exist, or of another scope"},
    {SQL_stray_lanes, "a lane of a scope that does not exist"},
    {SQL_stray_targets, "a target of a scope that does not exist"},
    {SQL_stray_senders, "a sender's route of a scope that does not exist"},
    {SQL_stray_holds, "a hold of a scope that does not exist"},
    {SQL_stray_ready, "a ready task differs from its message"},
    {SQL_stray_blocked, "a blocked task differs from its message"},
    {SQL_stray_claimed, "a claimed task differs from its message or its claim from the store"},
    {SQL_stray_held, "a held task differs from its message"},
    {SQL_stray_ended, "an ended task differs from its message"},
    {SQL_stray_attempts, "an attempt of a message that does not exist"},
    {SQL_wrong_lines, "the line of an ordering key differs from its messages"},
    {SQL_wrong_heads, "a message holds its ordering key, and the line says otherwise"},
    {SQL_wrong_beside, "so many hold an ordering key beside its head, and the line says otherwise"},
    {SQL_wrong_blocked, "a message waits in a line that does not exist"},
    {SQL_wrong_bounds, "a message and what its dedupe key or request id is bound to differ"},
    {SQL_wrong_leases, "a claim ends before its queue looks for lost ones"},
    {SQL_stray_bounds, "a dedupe key or request id is bound to no message"},
    {SQL_wrong_committers, "a committer whose number or slot cannot be"},
    {SQL_stray_workers, "a worker of a committer that cannot be"},
    {SQL_stray_workflows, "a workflow of a queue that does not exist, or of another scope or kind"},
    {SQL_unbound_workflows, "a workflow that its id does not lead to"},
    {SQL_stray_kinds, "a kind of a scope that does not exist"},
    {SQL_stray_schedules, "a schedule of a scope that does not exist"},
    {SQL_stray_steps, "a step of a workflow that did not make it"},
    {SQL_stray_signals, "a signal of a workflow that was not sent it"},
    {SQL_wrong_pending, "a workflow has another number of signals that nobody took"},
    {SQL_wrong_holds, "a workflow holds another number of resources than it says"},
    {SQL_stray_holders, "a resource is held by a workflow that does not run"},
    {SQL_wrong_resources, "a resource and its history differ"},
    {SQL_wrong_types, "the types that need a fill are not as many as the scope says"},
    {SQL_wrong_snapshots, "a snapshot without all of its bytes, or of another record"},
    {SQL_wrong_subscriptions, "a subscription stands behind the last record"},
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

/* Whose a row is, where one of its columns is a number of that name; however bad the others are. */
static uint64_t owner_at(const struct call *call, const struct row_form *form, const char *name)
{
    for (size_t i = 0; i < form->column_count; i++)
        if (form->columns[i].kind == COLUMN_U64 && strcmp(form->columns[i].name, name) == 0)
            return number_at(call, (int)i);
    return 0;
}

struct finding {
    struct connection *connection;
    struct arena *arena, scratch;
    int (*found)(void *data, uint64_t scope, uint64_t queue, struct text what);
    void *data;
};

static int find_bad_rows(struct finding *finding, enum row_kind kind)
{
    const struct row_form *form = &pawli_rows[kind];
    int code = SQLITE_OK;
    struct call call = pawli_call(finding->connection, pawli_row_sql[kind].all);
    while (code == SQLITE_OK && pawli_call_row(&call)) {
        union any_row row;
        bool good = pawli_read_row(&call, kind, &row, &finding->scratch);
        if (pawli_arena_failed(&finding->scratch))
            code = SQLITE_NOMEM;
        else if (!good)
            code = finding->found(finding->data, owner_at(&call, form, "scope"), owner_at(&call, form, "queue"),
                                  pawli_arena_format(finding->arena, "a row of table %s cannot be read: %s %s, %s %s",
                                                     form->name, form->columns[0].name, text_at(&call, 0),
                                                     form->columns[1].name, text_at(&call, 1)));
        pawli_arena_reset(&finding->scratch);
    }
    int ended = pawli_call_end(&call);
    return code == SQLITE_OK ? ended : code;
}

/* Of all that SQLite's check says, what nothing else here sees. */
static int find_bad_indexes(struct finding *finding, enum row_kind kind)
{
    const char *into = finding->connection->names == NAMES_INTO ? "pawl_" : "";
    struct text table = pawli_arena_format(&finding->scratch, "%s%s", into, pawli_rows[kind].name);
    int code = table.data ? SQLITE_OK : SQLITE_NOMEM;
    struct call call = pawli_call(finding->connection, SQL_check_table);
    pawli_bind_text(&call, table);
    while (code == SQLITE_OK && pawli_call_row(&call))
        if (strstr(text_at(&call, 0), "error code=")) /* a page that could not be read, which it tells as damage */
            code = SQLITE_IOERR;
        else if (strstr(text_at(&call, 0), " index ") || strstr(text_at(&call, 0), "btreeInitPage"))
            code = finding->found(finding->data, 0, 0,
                                  pawli_arena_format(finding->arena, "an index of table %s: %s", pawli_rows[kind].name,
                                                     text_at(&call, 0)));
    int ended = pawli_call_end(&call);
    pawli_arena_reset(&finding->scratch);
    return code == SQLITE_OK ? ended : code;
}

static int find_disagreement(struct finding *finding, const struct agreement *agreement)
{
    int code = SQLITE_OK;
    struct call call = pawli_call(finding->connection, agreement->sql);
    while (code == SQLITE_OK && pawli_call_row(&call))
        code = finding->found(finding->data, 0, number_at(&call, 1),
                              pawli_arena_format(finding->arena, "%s: %s", agreement->what, text_at(&call, 2)));
    int ended = pawli_call_end(&call);
    return code == SQLITE_OK ? ended : code;
}

int pawli_find_damage(struct connection *connection, struct arena *arena,
                      int (*found)(void *data, uint64_t scope, uint64_t queue, struct text what), void *data)
{
    struct finding finding = {.connection = connection, .arena = arena, .found = found, .data = data};
    int code = SQLITE_OK;
    for (enum row_kind kind = 0; code == SQLITE_OK && kind < ROW_KIND_COUNT; kind++)
        if (pawli_row_sql[kind].all != SQL_COUNT) {
            code = find_bad_rows(&finding, kind);
            code = code == SQLITE_OK ? find_bad_indexes(&finding, kind) : code;
        }
    pawli_arena_done(&finding.scratch);
    for (size_t i = 0; code == SQLITE_OK && i < COUNT_OF(agreements); i++)
        code = find_disagreement(&finding, &agreements[i]);
    return code;
}
