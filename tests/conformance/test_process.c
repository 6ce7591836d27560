/* SPDX-License-Identifier: MIT */
/* Processes on one file: what one leaves behind when it dies. */
#include "store/sqlite/sqlite.h"

#include "conformance.h"

static const struct kind file_store = {"sqlite", "sqlite:%s/store.db", true, false};

enum { FIRST_NAME = 1000000 };

/* A committer's row for every slot, or none of them again. */
static void name_all_slots(struct world *w, bool yes)
{
    struct connection connection = {0};
    assert_int_equal(sqlite3_open(w->file, &connection.db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(connection.db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (uint64_t slot = 0; slot < GATE_SLOTS; slot++) {
        const struct committer_row row = {.id = FIRST_NAME + slot, .slot = slot};
        struct call call = pawli_call(&connection, yes ? SQL_put_committer : SQL_remove_committer);
        if (yes)
            pawli_bind_row(&call, ROW_COMMITTER, &row, NULL);
        else
            pawli_bind_key(&call, ROW_COMMITTER, &row);
        assert_int_equal(pawli_call_run(&call), SQLITE_OK);
    }
    assert_int_equal(sqlite3_exec(connection.db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    pawli_connection_finalize(&connection);
    assert_int_equal(sqlite3_close(connection.db), SQLITE_OK);
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
    name_all_slots(&w, true);
    assert_ok(pawli_open_in(w.env, w.url, NULL, &other.store, &err));
    name_all_slots(&w, false);
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

/* What it signed is what the next one submits, and the dead one can store nothing any more. */
static void what_a_dead_one_stored_is_given_to_the_next(void **state)
{
    (void)state;
    LAW(O1, O4);
    static const char signed_bytes[] = "signed\0once";
    struct world w, other;
    open_world(&w, &file_store, 1);
    other = w;
    pawl_uuid id = add(&w, MESSAGE("1")).id;
    struct held held = claim_one(&w, CLAIM(.lease_ms = 3600000, .ends_with_process = 1));
    assert_ok(pawl_progress(w.store, &id, held.token, "draft", 5, &err));
    assert_ok(pawl_progress(w.store, &id, held.token, signed_bytes, sizeof signed_bytes, &err));
    pawli_sim_free_slots(w.env); /* it dies before it submits */
    assert_ok(pawli_open_in(w.env, w.url, NULL, &other.store, &err));
    pawl_messages *messages = claim(&other, CLAIM(.limit = 1));
    assert_int_equal(pawl_messages_count(messages), 1);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_int_equal(view->progress_size, sizeof signed_bytes);
    assert_memory_equal(view->progress, signed_bytes, sizeof signed_bytes);
    assert_int_equal(pawl_progress(w.store, &id, held.token, "late", 4, &err), PAWL_EFENCED);
    pawl_messages_free(messages);
    verify(&other);
    pawl_store_close(other.store);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_dead_one_held_is_free_whoever_has_its_slot),
        cmocka_unit_test(what_a_dead_one_stored_is_given_to_the_next),
    };
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
