/* SPDX-License-Identifier: MIT */
/* Processes on one file: what one leaves behind when it dies. */
#include <sqlite3.h>

#include "conformance.h"

static const struct kind file_store = {"sqlite", "sqlite:%s/store.db", true};

static void run_sql(struct world *w, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(w->url + strlen("sqlite:"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* For a moment every slot has a name, so that a new process can only take the slot of the dead one. */
static void what_a_dead_one_held_is_free_whoever_has_its_slot(void **state)
{
    (void)state;
    LAW(O1, O4);
    struct world w, other;
    open_world(&w, &file_store, 1);
    other = w;
    struct store *dead = w.store->opened->store;
    pawl_uuid id = add(&w, MESSAGE("1", .key = NULL)).id;
    claim_one(&w, CLAIM(.lease_ms = 3600000, .ends_with_process = 1));
    pawli_sim_free_slots(w.env);
    run_sql(&w, "WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 4095)"
                "INSERT INTO committer (id, slot) SELECT 1000000 + i, i FROM n");
    assert_ok(pawli_open_in(w.env, w.url, NULL, &other.store, &err));
    run_sql(&w, "DELETE FROM committer WHERE id >= 1000000");
    struct store *living = other.store->opened->store;
    assert_int_equal(living->ops->slot(living), dead->ops->slot(dead));

    add(&other, MESSAGE("2", .priority = 9, .delay_ms = 5000)); /* its first batch, and no claim */
    int64_t began = now_ms(&other);
    struct held held = claim_one(&other, CLAIM(.wait_ms = 1000));
    assert_id(held.id, id);
    assert_int_equal(held.attempts, 2);
    assert_int_equal(now_ms(&other), began);
    verify(&other);
    pawl_store_close(other.store);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_dead_one_held_is_free_whoever_has_its_slot),
    };
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
