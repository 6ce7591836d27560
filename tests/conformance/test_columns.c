/* SPDX-License-Identifier: MIT */
/* The tables of columns: what they say is what the schema and the statements have; what is set comes back; what cannot be is
 * refused, column by column. */
#include "conformance.h"
#include "store/sqlite/sqlite.h"

static const struct kind file_store = {.name = "columns", .url = "sqlite:%s/store.db", .is_durable = true};

#define FOR_EACH_COLUMN(form, column)                                                                                  \
    for (const struct column *column = (form)->columns; column < (form)->columns + (form)->column_count; column++)

/* Columns that a store keeps for itself: no row has them. */
static bool is_below(const char *table, const char *name)
{
    static const char *const below[][2] = {{"store", "one"}, {"store", "version"}, {"record", "position"}};
    for (size_t i = 0; i < COUNT_OF(below); i++)
        if (strcmp(below[i][0], table) == 0 && strcmp(below[i][1], name) == 0)
            return true;
    return false;
}

static const struct column *column_named(const struct row_form *form, const char *name)
{
    FOR_EACH_COLUMN(form, column)
    if (strcmp(column->name, name) == 0)
        return column;
    return NULL;
}

static void the_schema_has_the_columns_of_the_tables(void **state)
{
    struct world w;
    sqlite3 *db;
    (void)state;
    open_world(&w, &file_store, 1);
    assert_int_equal(sqlite3_open_v2(w.file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (enum row_kind kind = 0; kind < ROW_KIND_COUNT; kind++) {
        const struct row_form *form = &pawli_rows[kind];
        char sql[128];
        size_t found = 0;
        sqlite3_stmt *statement;
        snprintf(sql, sizeof sql, "SELECT name FROM pragma_table_info('%s')", form->name);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
        while (sqlite3_step(statement) == SQLITE_ROW) {
            const char *name = (const char *)sqlite3_column_text(statement, 0);
            if (is_below(form->name, name))
                continue;
            if (!column_named(form, name))
                fail_msg("table %s has a column %s that its rows do not have", form->name, name);
            found++;
        }
        assert_int_equal(found, form->column_count);
        sqlite3_finalize(statement);
    }
    sqlite3_close(db);
    close_world(&w);
}

static void check_names(sqlite3 *db, enum sql sql, enum row_kind kind)
{
    const struct row_form *form = &pawli_rows[kind];
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, pawli_sql[sql].text[0], -1, &statement, NULL), SQLITE_OK);
    for (size_t at = 0; at < form->column_count; at++) {
        const char *name = sqlite3_column_name(statement, (int)at);
        if (!name || strcmp(name, form->columns[at].name) != 0)
            fail_msg("column %zu of %s is %s, not %s", at + 1, pawli_sql[sql].name, name ? name : "missing",
                     form->columns[at].name);
    }
    sqlite3_finalize(statement);
}

/* Further statements that read whole rows. */
static const struct {
    enum sql sql;
    enum row_kind row;
} others[] = {
    {SQL_get_scope_by_id, ROW_SCOPE},    {SQL_get_record, ROW_RECORD},     {SQL_list_records_up, ROW_RECORD},
    {SQL_list_records_down, ROW_RECORD}, {SQL_get_queue_by_id, ROW_QUEUE}, {SQL_find_holds, ROW_HOLD},
    {SQL_find_followers, ROW_BLOCKED},   {SQL_find_due, ROW_READY},        {SQL_get_ready_first, ROW_READY},
    {SQL_get_blocked_at, ROW_BLOCKED},   {SQL_page_claimed, ROW_CLAIMED},
};

/* A statement that reads rows names all of their columns first, in their order; one that writes has a parameter for each. */
static void statements_name_the_columns_in_their_order(void **state)
{
    struct world w;
    sqlite3 *db;
    size_t read = 0, written = 0;
    (void)state;
    open_world(&w, &file_store, 1);
    assert_int_equal(sqlite3_open_v2(w.file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (enum row_kind kind = 0; kind < ROW_KIND_COUNT; kind++) {
        const struct row_sql *sql = &pawli_row_sql[kind];
        const enum sql reads[] = {sql->get, sql->all}, writes[] = {sql->put, sql->add[COUNT_OF(sql->add) - 1]};
        for (size_t i = 0; i < COUNT_OF(reads); i++)
            if (reads[i] != SQL_COUNT) {
                check_names(db, reads[i], kind);
                read++;
            }
        for (size_t i = 0; i < COUNT_OF(writes); i++)
            if (writes[i] != SQL_COUNT) {
                assert_int_equal(pawli_sql[writes[i]].params, pawli_rows[kind].column_count);
                written++;
            }
    }
    for (size_t i = 0; i < COUNT_OF(others); i++)
        check_names(db, others[i].sql, others[i].row);
    assert_true(read >= ROW_KIND_COUNT && written >= ROW_KIND_COUNT);
    sqlite3_close(db);
    close_world(&w);
}

/* ---- values ---- */

static void a_key_stands_where_its_table_says(void **state)
{
    (void)state;
    for (enum row_kind kind = 0; kind < ROW_KIND_COUNT; kind++) {
        size_t end = 0;
        for (size_t i = 0; i < pawli_rows[kind].column_count; i++)
            if (pawli_rows[kind].columns[i].is_key)
                end = i + 1;
        assert_int_equal(pawli_rows[kind].key_end, end);
    }
}

/* A field as a value and back is the field; and what lies outside its range is refused and leaves it zero. */
static void a_number_comes_back_or_is_refused(void **state)
{
    (void)state;
    for (enum row_kind kind = 0; kind < ROW_KIND_COUNT; kind++)
        FOR_EACH_COLUMN(&pawli_rows[kind], column)
        {
            union any_row row = {.record = {0}};
            struct arena arena = {0};
            const struct column_trait *trait = &pawli_column_traits[column->kind];
            const int64_t inside[] = {column->min, column->max, column->min / 2 + column->max / 2};
            for (size_t i = 0; trait->width && i < COUNT_OF(inside); i++) {
                struct value value = {.type = VALUE_NUMBER, .number = inside[i]};
                bool is_null = trait->has_null && value.number == trait->null;
                assert_int_equal(pawli_column_set(column, &row, &value, &arena), !is_null);
                if (!is_null)
                    assert_int_equal(pawli_column_get(column, &row, &arena).number, value.number);
            }
            for (int side = 0; trait->width && side < 2; side++) {
                struct value value = {.type = VALUE_NUMBER, .number = side ? column->max : column->min};
                if (value.number == (side ? INT64_MAX : INT64_MIN))
                    continue;
                value.number += side ? 1 : -1;
                row = (union any_row){.record = {0}};
                assert_false(pawli_column_set(column, &row, &value, &arena));
            }
            if (trait->width && !trait->has_null)
                assert_false(pawli_column_set(column, &row, &(struct value){.type = VALUE_NULL}, &arena));
            if (column->kind != COLUMN_SUM && trait->width)
                assert_false(
                    pawli_column_set(column, &row, &(struct value){.type = VALUE_TEXT, .bytes = TEXT("1")}, &arena));
            pawli_arena_done(&arena);
        }
}

static void what_must_be_there_is_missed(void **state)
{
    (void)state;
    for (enum row_kind kind = 0; kind < ROW_KIND_COUNT; kind++)
        FOR_EACH_COLUMN(&pawli_rows[kind], column)
        {
            union any_row row = {.record = {0}};
            struct arena arena = {0};
            if (column->is_needed)
                assert_false(pawli_column_set(column, &row, &(struct value){.type = VALUE_NULL}, &arena));
            struct value blob = {.type = VALUE_BLOB, .bytes = TEXT("\0")};
            if (column->kind == COLUMN_TEXT || column->kind == COLUMN_WORD || column->kind == COLUMN_JSON)
                assert_false(pawli_column_set(column, &row, &blob, &arena));
            pawli_arena_done(&arena);
        }
}

static const struct column *column_of(enum row_kind kind, const char *name)
{
    FOR_EACH_COLUMN(&pawli_rows[kind], column)
    if (strcmp(column->name, name) == 0)
        return column;
    return NULL;
}

static void an_object_comes_back_as_it_was_or_is_refused(void **state)
{
    (void)state;
    static const struct {
        enum row_kind kind;
        const char *column, *json;
        bool is_good;
    } rows[] = {
        {ROW_READY, "failure", "{\"class\":\"transient\",\"at\":-5,\"text\":\"no \\\"route\\\"\"}", true},
        {ROW_READY, "failure", "{\"class\":\"unknown\",\"at\":5}", true},
        {ROW_READY, "failure", "{\"class\":\"none\",\"at\":5}", false},
        {ROW_READY, "failure", "{\"class\":\"transient\"}", false},
        {ROW_READY, "failure", "{\"at\":5}", false},
        {ROW_READY, "failure", "{\"class\":\"transient\",\"at\":5,\"more\":1}", false},
        {ROW_READY, "failure", "{\"class\":\"transient\",\"at\":5,\"text\":null}", false},
        {ROW_READY, "failure", "[]", false},
        {ROW_READY, "retried", "{\"times\":1,\"at\":7,\"attempts\":0}", true},
        {ROW_READY, "retried", "{\"times\":0,\"at\":7,\"attempts\":0}", false},
        {ROW_READY, "retried", "{\"times\":1,\"at\":0,\"attempts\":0}", false},
        {ROW_READY, "retried", "{\"times\":1,\"at\":7,\"attempts\":2147483648}", false},
        {ROW_READY, "retried", "{\"times\":1,\"at\":7}", false},
        {ROW_READY, "looked", "{\"times\":3,\"before\":3}", true},
        {ROW_READY, "looked", "{\"times\":0,\"before\":0,\"token\":9223372036854775806}", true},
        {ROW_READY, "looked", "{\"times\":0,\"before\":0}", false},
        {ROW_READY, "looked", "{\"times\":3,\"before\":4}", false},
        {ROW_READY, "looked", "{\"times\":\"3\",\"before\":0}", false},
        {ROW_ENDED, "answer", "{\"status\":200,\"durability\":\"stored\",\"text\":\"fine\"}", true},
        {ROW_ENDED, "answer", "{\"durability\":\"replicated\"}", true},
        {ROW_ENDED, "answer", "{\"status\":200,\"durability\":\"somehow\"}", false},
        {ROW_ENDED, "answer", "{\"status\":-1}", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct task_row row = {.number = 1};
        struct arena arena = {0};
        struct value value = {.type = VALUE_TEXT, .bytes = text_of(rows[i].json)};
        const struct column *column = column_of(rows[i].kind, rows[i].column);
        if (pawli_column_set(column, &row, &value, &arena) != rows[i].is_good)
            fail_msg("%s", rows[i].json);
        struct value again = rows[i].is_good ? pawli_column_get(column, &row, &arena) : value;
        assert_true(again.type == VALUE_TEXT && text_equal(again.bytes, value.bytes));
        pawli_arena_done(&arena);
    }
}

static void what_a_place_does_not_keep_is_gone(void **state)
{
    (void)state;
    struct task_row row = {.number = 1,
                           .queue = 2,
                           .place = PLACE_READY,
                           .priority = 5,
                           .token = 77,
                           .hold = TEXT("x"),
                           .ended_reason = TEXT("y"),
                           .until = {9},
                           .key = TEXT("k"),
                           .order = 3,
                           .holds_key = true};
    struct task_row kept;
    pawli_row_keep(ROW_READY, &row, &kept);
    assert_int_equal(kept.number, 1);
    assert_int_equal(kept.place, PLACE_READY);
    assert_true(kept.holds_key && kept.order == 3);
    assert_int_equal(kept.token, 0);
    assert_null(kept.hold.data);
    assert_null(kept.ended_reason.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schema_has_the_columns_of_the_tables),
        cmocka_unit_test(statements_name_the_columns_in_their_order),
        cmocka_unit_test(a_key_stands_where_its_table_says),
        cmocka_unit_test(a_number_comes_back_or_is_refused),
        cmocka_unit_test(what_must_be_there_is_missed),
        cmocka_unit_test(an_object_comes_back_as_it_was_or_is_refused),
        cmocka_unit_test(what_a_place_does_not_keep_is_gone),
    };
    return cmocka_run_group_tests_name("columns", tests, NULL, NULL);
}
