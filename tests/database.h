/* SPDX-License-Identifier: MIT */
/* A database as another program has it: statements that must work, and a number that one gives. */
#ifndef TESTS_DATABASE_H
#define TESTS_DATABASE_H

#include <sqlite3.h>

#include "support.h"

static inline void run_sql(sqlite3 *db, const char *sql)
{
    char *text = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
}

static inline int64_t ask_sql(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

#endif
