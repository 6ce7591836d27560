/* SPDX-License-Identifier: MIT */
/* How SQLite runs the statements: what is right on a hundred rows and takes for ever on a million shows in its plan. */
#include "unit.h"

#include <sqlite3.h>
#include <stdio.h>

#include "sql.h"
#include "store/sqlite/migrations.h"

static sqlite3 *open_schema(enum names names)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    for (int i = 0; i < pawli_migration_count; i++)
        for (const struct schema_object *made = pawli_migrations[i].objects[names]; made->name; made++)
            assert_int_equal(sqlite3_exec(db, made->sql, NULL, NULL, NULL), SQLITE_OK);
    return db;
}

#define STEPS_MAX 64

struct step {
    int id, parent;
    char what[200];
};

static size_t plan_of(sqlite3 *db, const char *sql, struct step *steps)
{
    sqlite3_stmt *plan;
    size_t count = 0;
    char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
    if (sqlite3_prepare_v2(db, explain, -1, &plan, NULL) != SQLITE_OK)
        fail_msg("%s\n%s", sqlite3_errmsg(db), sql);
    while (sqlite3_step(plan) == SQLITE_ROW) {
        assert_true(count < STEPS_MAX);
        struct step *step = &steps[count++];
        step->id = sqlite3_column_int(plan, 0);
        step->parent = sqlite3_column_int(plan, 1);
        snprintf(step->what, sizeof step->what, "%s", (const char *)sqlite3_column_text(plan, 3));
    }
    sqlite3_finalize(plan);
    sqlite3_free(explain);
    return count;
}

static bool begins(const struct step *step, const char *with)
{
    return strncmp(step->what, with, strlen(with)) == 0;
}

/* Below a subquery that is run for each row, or inside the loop of another scan. */
static bool is_run_often(const struct step *steps, size_t count, const struct step *scan)
{
    for (size_t i = 0; i < count && &steps[i] != scan; i++)
        if (steps[i].parent == scan->parent && begins(&steps[i], "SCAN "))
            return true;
    for (int parent = scan->parent; parent != 0;) {
        size_t at = 0;
        while (at < count && steps[at].id != parent)
            at++;
        if (at == count)
            return false;
        if (begins(&steps[at], "CORRELATED"))
            return true;
        parent = steps[at].parent;
    }
    return false;
}

/* The first scan that is; NULL: there is none. */
static const char *nested_scan(sqlite3 *db, const char *sql, struct step *steps)
{
    size_t count = plan_of(db, sql, steps);
    for (size_t i = 0; i < count; i++)
        if (begins(&steps[i], "SCAN ") && is_run_often(steps, count, &steps[i]))
            return steps[i].what;
    return NULL;
}

static void no_statement_scans_a_table_for_each_row_of_another(void **state)
{
    (void)state;
    struct step steps[STEPS_MAX];
    for (enum names names = NAMES_OWN; names <= NAMES_INTO; names++) {
        sqlite3 *db = open_schema(names);
        for (enum sql i = 0; i < SQL_COUNT; i++) {
            const char *scan = nested_scan(db, pawli_sql[i].text[names], steps);
            if (scan)
                fail_msg("%s: %s, once for each row", pawli_sql[i].name, scan);
        }
        sqlite3_close(db);
    }
}

static void a_nested_scan_is_seen(void **state)
{
    (void)state;
    static const char *const slow[] = {
        "SELECT 1 FROM bound WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.dedupe = bound.key)",
        "SELECT 1 FROM message JOIN ended ON ended.state <> message.dedupe",
    };
    struct step steps[STEPS_MAX];
    sqlite3 *db = open_schema(NAMES_OWN);
    for (size_t i = 0; i < COUNT_OF(slow); i++)
        assert_non_null(nested_scan(db, slow[i], steps));
    assert_null(nested_scan(db, "SELECT 1 FROM ended JOIN message ON message.number = ended.number", steps));
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_statement_scans_a_table_for_each_row_of_another),
        cmocka_unit_test(a_nested_scan_is_seen),
    };
    return cmocka_run_group_tests_name("sql", tests, NULL, NULL);
}
