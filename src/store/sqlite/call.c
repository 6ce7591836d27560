/* SPDX-License-Identifier: MIT */
/* Statements: bound, run, and read, value by value; and rows, by their columns (model/columns.h). */
#include "store/sqlite/sqlite.h"

static void finalize(struct statement *statement)
{
    sqlite3_finalize(statement->handle);
    pawli_free(statement->is_bound);
    *statement = (struct statement){0};
}

void pawli_connection_finalize(struct connection *connection)
{
    for (size_t i = 0; i < SQL_COUNT; i++)
        finalize(&connection->statements[i]);
}

static int prepare(struct connection *connection, enum sql sql)
{
    struct statement *statement = &connection->statements[sql];
    int params = pawli_sql[sql].params;
    statement->is_bound = pawli_alloc(((size_t)params + 1) * sizeof *statement->is_bound);
    if (!statement->is_bound)
        return SQLITE_NOMEM;
    int code = sqlite3_prepare_v3(connection->db, pawli_sql[sql].text[connection->names], -1, SQLITE_PREPARE_PERSISTENT,
                                  &statement->handle, NULL);
    PAWL_ASSERT(code != SQLITE_OK || sqlite3_bind_parameter_count(statement->handle) == params);
    if (code != SQLITE_OK)
        finalize(statement);
    return code;
}

struct call pawli_call(struct connection *connection, enum sql sql)
{
    const struct statement *statement = &connection->statements[sql];
    struct call call = {.connection = connection, .next = 1};
    if (!statement->handle)
        call.code = prepare(connection, sql);
    call.statement = statement->handle;
    call.is_bound = statement->is_bound;
    return call;
}

/* ---- sums: what was bound, in the order of binding, must be what is read in the order of the columns ---- */

/* Each column is hashed by itself, with its place in the row, so that none waits for the one before. */
static inline uint64_t place_of(uint64_t column, enum value_type type)
{
    return (column * 4 + type) * 0xd6e8feb86659fd93u;
}

static inline uint64_t hash_value(uint64_t column, const struct value *value)
{
    uint64_t place = place_of(column, value->type);
    return value->type == VALUE_NULL     ? place
           : value->type == VALUE_NUMBER ? pawli_hash_number(place, (uint64_t)value->number)
                                         : pawli_hash_bytes(place, value->bytes.data, value->bytes.size);
}

static inline int64_t sum_of(uint64_t sum)
{
    return (int32_t)(uint32_t)(sum ^ sum >> 32);
}

/* ---- binding ---- */

static inline int put_null(struct call *call, int at)
{
    if (!call->is_bound[at])
        return SQLITE_OK;
    call->is_bound[at] = false;
    return sqlite3_bind_null(call->statement, at);
}

static inline int put_number(struct call *call, int at, int64_t number)
{
    call->is_bound[at] = true;
    return sqlite3_bind_int64(call->statement, at, number);
}

static int put_value(struct call *call, int at, const struct value *value)
{
    const struct text bytes = value->bytes;
    if (value->type == VALUE_NULL)
        return put_null(call, at);
    call->is_bound[at] = true;
    if (value->type == VALUE_NUMBER)
        return sqlite3_bind_int64(call->statement, at, value->number);
    if (value->type == VALUE_TEXT)
        return sqlite3_bind_text64(call->statement, at, bytes.data, bytes.size, SQLITE_STATIC, SQLITE_UTF8);
    return bytes.size ? sqlite3_bind_blob64(call->statement, at, bytes.data, bytes.size, SQLITE_STATIC)
                      : sqlite3_bind_zeroblob(call->statement, at, 0);
}

/* Nothing, once something failed. */
static void bind_value(struct call *call, const struct value *value)
{
    if (call->code == SQLITE_OK)
        call->code = put_value(call, call->next++, value);
}

void pawli_bind_i64(struct call *call, int64_t number)
{
    bind_value(call, &(struct value){.type = VALUE_NUMBER, .number = number});
}

void pawli_bind_u64(struct call *call, uint64_t number)
{
    PAWL_ASSERT(number <= INT64_MAX);
    pawli_bind_i64(call, (int64_t)number);
}

void pawli_bind_text(struct call *call, struct text text)
{
    bind_value(call, &(struct value){.type = text.data ? VALUE_TEXT : VALUE_NULL, .bytes = text});
}

void pawli_bind_blob(struct call *call, const void *data, size_t size)
{
    bind_value(call, &(struct value){.type = VALUE_BLOB, .bytes = {data, size}});
}

void pawli_bind_wall(struct call *call, struct wall_time time)
{
    bind_value(call, &(struct value){.type = time.ms == INT64_MAX ? VALUE_NULL : VALUE_NUMBER, .number = time.ms});
}

/* Adds to the sum. Numbers and what is absent, which most columns are, take no detour. */
static inline int bind_column(struct call *call, int at, const struct column *column, uint64_t index, const void *row,
                              struct arena *arena, uint64_t *sum)
{
    const struct column_trait *trait = &pawli_column_traits[column->kind];
    const void *field = (const char *)row + column->offset;
    if (trait->width) {
        int64_t number = number_in(field, trait->width);
        if (!trait->has_null || number != trait->null) {
            *sum += pawli_hash_number(place_of(index, VALUE_NUMBER), (uint64_t)number);
            return put_number(call, at, number);
        }
    } else if (!trait->is_text || ((const struct text *)field)->data) {
        struct value value = pawli_column_get(column, row, arena);
        *sum += hash_value(index, &value);
        return put_value(call, at, &value);
    }
    *sum += place_of(index, VALUE_NULL);
    return put_null(call, at);
}

void pawli_bind_row(struct call *call, enum row_kind kind, const void *row, struct arena *arena)
{
    const struct row_form *form = &pawli_rows[kind];
    const struct column *column = form->columns;
    uint64_t sum = 0;
    int code = call->code, at = call->next;
    for (size_t i = 0; code == SQLITE_OK && i < form->column_count; i++, column++, at++)
        code = column->kind == COLUMN_SUM ? put_number(call, at, sum_of(sum))
                                          : bind_column(call, at, column, i, row, arena, &sum);
    call->code = code;
    call->next = at;
}

void pawli_bind_key(struct call *call, enum row_kind kind, const void *row)
{
    for (const struct column *column = NULL; (column = pawli_next_key(kind, column));) {
        struct value value = pawli_column_get(column, row, NULL);
        bind_value(call, &value);
    }
}

/* ---- running ---- */

bool pawli_call_row(struct call *call)
{
    if (call->code != SQLITE_OK)
        return false;
    int code = sqlite3_step(call->statement);
    call->next = 0;
    call->bad = false;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        call->code = code;
    return code == SQLITE_ROW;
}

int pawli_call_end(struct call *call)
{
    if (call->statement)
        sqlite3_reset(call->statement); /* repeats the error of the step, which call->code already has */
    return call->code;
}

int pawli_call_run(struct call *call)
{
    bool row = pawli_call_row(call);
    PAWL_ASSERT(!row);
    return pawli_call_end(call);
}

/* ---- reading ---- */

static struct value value_of(struct call *call, sqlite3_value *found, int type, struct arena *arena)
{
    if (type == SQLITE_INTEGER)
        return (struct value){.type = VALUE_NUMBER, .number = sqlite3_value_int64(found)};
    if (type != SQLITE_TEXT && type != SQLITE_BLOB) {
        call->bad |= type != SQLITE_NULL;
        return (struct value){.type = VALUE_NULL};
    }
    const char *data = sqlite3_value_blob(found); /* the bytes, whether text or blob */
    size_t size = (size_t)sqlite3_value_bytes(found);
    if (!data && size > 0) {
        call->bad = true;
        if (arena)
            arena->failed = true;
    }
    return (struct value){.type = type == SQLITE_TEXT ? VALUE_TEXT : VALUE_BLOB,
                          .bytes = {data ? data : "", data ? size : 0}};
}

/* Adds to the sum. Nobody else uses its connection meanwhile, so that what SQLite calls an unprotected value is as good as
 * any. */
static inline bool read_column(struct call *call, const struct column *column, uint64_t index, void *row,
                               struct arena *arena, uint64_t *sum)
{
    const struct column_trait *trait = &pawli_column_traits[column->kind];
    sqlite3_value *found = sqlite3_column_value(call->statement, (int)index);
    int type = sqlite3_value_type(found);
    if (type == SQLITE_NULL && trait->is_zero && !column->is_needed) {
        *sum += place_of(index, VALUE_NULL);
        return true;
    }
    if (type == SQLITE_INTEGER && trait->width) {
        int64_t number = sqlite3_value_int64(found);
        *sum += pawli_hash_number(place_of(index, VALUE_NUMBER), (uint64_t)number);
        return set_number_in(column, trait, (char *)row + column->offset, number);
    }
    struct value value = value_of(call, found, type, arena);
    *sum += hash_value(index, &value);
    return pawli_column_set(column, row, &value, arena);
}

bool pawli_read_row(struct call *call, enum row_kind kind, void *row, struct arena *arena)
{
    const struct row_form *form = &pawli_rows[kind];
    uint64_t sum = 0;
    bool good = true;
    memset(row, 0, form->size);
    call->bad = call->differs = false;
    for (size_t i = 0; i < form->column_count; i++)
        if (form->columns[i].kind != COLUMN_SUM)
            good &= read_column(call, &form->columns[i], i, row, arena, &sum);
        else
            call->differs = sqlite3_column_type(call->statement, (int)i) != SQLITE_INTEGER ||
                            sqlite3_column_int64(call->statement, (int)i) != sum_of(sum);
    if (form->complete)
        good &= form->complete(row);
    call->bad |= !good;
    return !call->bad && !call->differs;
}

static struct value next_value(struct call *call, struct arena *arena)
{
    sqlite3_value *found = sqlite3_column_value(call->statement, call->next++);
    return value_of(call, found, sqlite3_value_type(found), arena);
}

int64_t pawli_column_between(struct call *call, int64_t min, int64_t max)
{
    struct value value = next_value(call, NULL);
    bool good = value.type == VALUE_NUMBER && value.number >= min && value.number <= max;
    call->bad |= !good;
    return good ? value.number : min;
}

struct wall_time pawli_column_wall_or_never(struct call *call)
{
    struct value value = next_value(call, NULL);
    call->bad |= value.type != VALUE_NULL && value.type != VALUE_NUMBER;
    return value.type == VALUE_NUMBER ? (struct wall_time){value.number} : WALL_NEVER;
}

void pawli_read_field(struct call *call, enum row_kind kind, const char *name, void *row, struct arena *arena)
{
    const struct column *column = pawli_rows[kind].columns;
    while (strcmp(column->name, name) != 0)
        column++;
    struct value value = next_value(call, arena);
    call->bad |= !pawli_column_set(column, row, &value, arena);
}
