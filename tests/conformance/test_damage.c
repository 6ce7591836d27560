/* SPDX-License-Identifier: MIT */
/* Rows that no version of pawl wrote: each is refused by name and stands in nobody's way. */
#include <sqlite3.h>

#include "commit/hold.h"
#include "commit/settle.h"
#include "conformance.h"

static const struct kind file_store = {"sqlite", "sqlite:%s/store.db", true, false};

static int damage_some(struct world *w, const char *sql)
{
    sqlite3 *db;
    char *text = NULL;
    assert_int_equal(sqlite3_open(w->file, &db), SQLITE_OK);
    if (sqlite3_exec(db, "PRAGMA ignore_check_constraints = ON", NULL, NULL, &text) != SQLITE_OK ||
        sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
    int changed = sqlite3_changes(db);
    assert_true(changed > 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return changed;
}

static void damage(struct world *w, const char *sql)
{
    assert_int_equal(damage_some(w, sql), 1);
}

static int verified(struct world *w)
{
    pawl_verification *found = NULL;
    int status = pawl_verify(w->store, NULL, NULL, NULL, &found, &err);
    pawl_verification_free(found);
    return status;
}

/* Of two messages one is damaged; the other is where it was, and moves on. `shown`: as what it is seen; NULL: not at all. */
static void expect_damage(int verdict, const char *sql, const char *shown)
{
    struct world w;
    pawl_messages *messages;
    open_world(&w, &file_store, 1);
    pawl_uuid bad = add(&w, MESSAGE("1", .priority = 1)).id, good = add(&w, MESSAGE("2", .key = NULL)).id;
    if (verdict >= 0)
        claim_and(&w, verdict);
    assert_ok(verified(&w));
    damage(&w, sql);
    if (shown) {
        assert_state(&w, bad, shown);
    } else {
        assert_status(pawl_message_get(w.store, &bad, &messages, &err), PAWL_ECORRUPT);
        assert_non_null(strstr(err.hint, "verify"));
    }
    assert_state(&w, good, "pending");
    assert_status(verified(&w), PAWL_ECORRUPT);
    sweep(&w);
    assert_ok(pawl_messages_list(w.store, &(pawl_messages_query){PAWL_MESSAGES_QUERY}, &messages, &err));
    assert_int_equal(pawl_messages_count(messages), 2);
    assert_string_equal(pawl_messages_get(messages, 0)->state, "pending");
    assert_id(pawl_messages_get(messages, 1)->id, bad);
    assert_string_equal(pawl_messages_get(messages, 1)->state, shown ? shown : "damaged");
    pawl_messages_free(messages);
    assert_id(claim_one(&w, CLAIM()).id, good);
    close_world(&w);
}

static void a6_a_row_in_no_known_state_is_damage(void **state)
{
    (void)state;
    expect_damage(PAWL_VERDICT_DEAD, "UPDATE ended SET state = 'lost'", NULL);
    expect_damage(PAWL_VERDICT_DELIVERED, "UPDATE ended SET state = 'pending'", NULL);
    expect_damage(PAWL_VERDICT_DEAD, "UPDATE ended SET failure = '{\"class\":\"odd\",\"at\":1,\"text\":\"\"}'", NULL);
    expect_damage(-1, "UPDATE ready SET phase = 9 WHERE priority = 1", "missing");
}

/* A cell that changed is found where no digest looks; put back, the store is well again. */
static void a_changed_cell_is_found_in_every_table(void **state)
{
    static const char *const changes[] = {"ready SET attempts = 7",
                                          "ready SET due = due + 1",
                                          "ready SET queue = 0",
                                          "ready SET number = -1",
                                          "claimed SET phase = 2",
                                          "claimed SET token = token + 1",
                                          "claimed SET token = 0",
                                          "claimed SET failure = '[]'",
                                          "claimed SET lease = -5",
                                          "claimed SET committer = 999",
                                          "message SET headers = '9' WHERE number & 0xffffff = 1",
                                          "message SET dedupe = 'x' WHERE dedupe = 'd'",
                                          "message SET expires = 5 WHERE number & 0xffffff = 1",
                                          "message SET payload = x'00' WHERE number & 0xffffff = 1",
                                          "message SET number = 999999999 WHERE number & 0xffffff = 1",
                                          "bound SET key = 'x'",
                                          "bound SET until = 1",
                                          "line SET depth = 9",
                                          "line SET head = 1",
                                          "line SET beside = 1",
                                          "ready SET holds_key = 2 WHERE holds_key = 1",
                                          "blocked SET position = 77",
                                          "blocked SET crashes = 1",
                                          "lane SET policy = '{\"lease_ms\":1001}'",
                                          "lane SET policy = ' {}'",
                                          "queue SET pending = 9 WHERE id = 1",
                                          "queue SET lane = 'other' WHERE id = 1",
                                          "queue SET kind = 'workflow' WHERE id = 1",
                                          "scope SET name = 'defaulu' WHERE name = 'default'",
                                          "scope SET last_number = 0",
                                          "store SET last_token = -1",
                                          "store SET lease = 0, boot = 99",
                                          "record SET messages = x'00'",
                                          "record SET duration_us = -1",
                                          "committer SET slot = slot + 1"};
    struct world w;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        char sql[200];
        pawl_messages *messages;
        pawl_records *records;
        pawl_swept swept = {PAWL_SWEPT};
        open_world(&w, &file_store, 1);
        const pawl_setting setting = {"lease_ms", "1000"};
        assert_ok(pawl_lane_set(w.store, LANE, &setting, 1, NULL, &err));
        add(&w, MESSAGE("1", .priority = 1));
        claim_one(&w, CLAIM());
        pawl_uuid plain = add(&w, MESSAGE("2", .dedupe = "d")).id;
        add(&w, MESSAGE("3", .key = "k"));
        add(&w, MESSAGE("4", .key = "k"));
        assert_ok(verified(&w));
        snprintf(sql, sizeof sql, "UPDATE OR IGNORE %s", changes[i]);
        damage_some(&w, sql);
        pawl_verification *found = NULL;
        int status = pawl_verify(w.store, NULL, NULL, NULL, &found, &err);
        pawl_verification_free(found);
        if (status != PAWL_ECORRUPT)
            fail_msg("not found: %s", changes[i]);
        /* Whatever it is, nobody falls over it. */
        pawl_why *why = NULL;
        if (pawl_why_message(w.store, &plain, &why, &err) == PAWL_OK)
            pawl_why_free(why);
        if (pawl_messages_list(w.store, &(pawl_messages_query){PAWL_MESSAGES_QUERY}, &messages, &err) == PAWL_OK)
            pawl_messages_free(messages);
        if (pawl_records_list(w.store, &(pawl_records_query){PAWL_RECORDS_QUERY}, &records, &err) == PAWL_OK)
            pawl_records_free(records);
        pawl_sweep(w.store, &swept, &err);
        if (pawl_claim(w.store, CLAIM(), &messages, &err) == PAWL_OK)
            pawl_messages_free(messages);
        pawl_enqueued result;
        pawl_enqueue(w.store, MESSAGE("5", .dedupe = "d"), 1, &result, &err);
        pawl_message_cancel(w.store, &plain, &(pawl_operation){PAWL_OPERATION, .reason = "r"}, NULL, &err);
        close_world(&w);
    }
}

/* What a row says that cannot be read stops whoever needs that row, and nobody else. */
static void assert_named(struct world *w, pawl_uuid id, const char *what)
{
    pawl_why *why;
    pawl_verification *found = NULL;
    assert_ok(pawl_why_message(w->store, &id, &why, &err));
    assert_string_equal(pawl_why_state(why), "damaged");
    assert_string_equal(pawl_why_get(why, 0)->code, "damaged");
    pawl_why_free(why);
    assert_status(pawl_verify(w->store, NULL, NULL, NULL, &found, &err), PAWL_ECORRUPT);
    if (!strstr(err.text, what))
        fail_msg("%s", err.text);
    pawl_verification_free(found);
}

static void a_claim_that_cannot_be_read_stops_nobody_else(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, &file_store, 1);
    pawl_uuid bad = add(&w, MESSAGE("1", .priority = 1)).id, lost = add(&w, MESSAGE("2", .priority = 1)).id;
    pawl_uuid next = add(&w, MESSAGE("3", .key = NULL)).id;
    pawl_uuid other = add(&w, &(pawl_message){PAWL_MESSAGE, .lane = "sms", .target = "b"}).id;
    assert_id(claim_one(&w, CLAIM(.lease_ms = 1000)).id, bad);
    assert_id(claim_one(&w, CLAIM(.lease_ms = 1000)).id, lost);
    damage(&w, "UPDATE claimed SET token = 0 WHERE number = (SELECT min(number) FROM claimed)");
    assert_named(&w, bad, "the task of a message cannot be read");
    assert_id(claim_one(&w, &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "sms", .target = "b"}).id, other);
    assert_id(claim_one(&w, CLAIM(.lease_ms = 1000)).id, next);
    pawli_sim_advance_ms(w.env, 2000);
    sweep(&w); /* takes back all but that which cannot be read */
    assert_state(&w, lost, "pending");
    assert_state(&w, next, "pending");
    assert_named(&w, bad, "the task of a message cannot be read");
    assert_status(pawl_message_cancel(w.store, &bad, BECAUSE(1), NULL, &err), PAWL_ECORRUPT);
    close_world(&w);
}

static void a_policy_that_cannot_be_read_stops_its_lane_only(void **state)
{
    static const pawl_setting setting = {"lease_ms", "1000"};
    const pawl_claim_options elsewhere = {PAWL_CLAIM_OPTIONS, .lane = "sms", .target = TARGET};
    struct world w;
    pawl_messages *messages;
    (void)state;
    open_world(&w, &file_store, 1);
    assert_ok(pawl_lane_set(w.store, LANE, &setting, 1, NULL, &err));
    pawl_uuid stopped = add(&w, MESSAGE("1", .key = NULL)).id;
    pawl_uuid other = add(&w, &(pawl_message){PAWL_MESSAGE, .lane = "sms", .target = TARGET}).id;
    damage(&w, "UPDATE lane SET policy = '{\"lease_ms\":1001}'");
    assert_status(pawl_claim(w.store, CLAIM(.limit = 1), &messages, &err), PAWL_ECORRUPT);
    sweep(&w);
    assert_id(claim_one(&w, &elsewhere).id, other);
    assert_state(&w, stopped, "pending");
    pawl_why *why;
    bool named = false;
    assert_ok(pawl_why_message(w.store, &stopped, &why, &err));
    for (size_t i = 0; i < pawl_why_count(why); i++)
        named |= strcmp(pawl_why_get(why, i)->code, "damaged") == 0;
    assert_true(named);
    pawl_why_free(why);
    assert_status(verified(&w), PAWL_ECORRUPT);
    assert_ok(pawl_lane_set(w.store, LANE, &setting, 1, NULL, &err)); /* set anew, it is well again */
    assert_ok(verified(&w));
    assert_id(claim_one(&w, CLAIM()).id, stopped);
    close_world(&w);
}

static void append(struct world *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = "t"};
        pawl_transition *t = pawl_transition_new(w->store, &options);
        pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = "o", .type = "e", .data = "{}", .data_size = 2});
        assert_ok(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
    }
}

static void a_record_that_cannot_be_read_is_an_item_of_its_own(void **state)
{
    static const char *const changes[] = {
        "type = ''",       "events = '[9'",    "events = '[[\"o\",\"e\",null,{}, 7]]'",
        "command = x'00'", "messages = x'00'", "effects = '9'"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct world w;
        char sql[120];
        pawl_records *records;
        pawl_events *events;
        open_world(&w, &file_store, 1);
        append(&w, 5);
        snprintf(sql, sizeof sql, "UPDATE record SET %s WHERE seq = 3", changes[i]);
        damage(&w, sql);
        assert_ok(pawl_records_list(w.store, &(pawl_records_query){PAWL_RECORDS_QUERY}, &records, &err));
        assert_ok(pawl_events_read(w.store, &(pawl_events_query){PAWL_EVENTS_QUERY}, &events, &err));
        assert_int_equal(pawl_records_count(records), 5);
        assert_int_equal(pawl_events_count(events), 5);
        for (size_t j = 0; j < 5; j++) {
            assert_int_equal(pawl_records_get(records, j)->seq, j + 1);
            assert_int_equal(pawl_records_get(records, j)->error != NULL, j == 2);
            assert_int_equal(pawl_events_get(events, j)->seq, j + 1);
            assert_int_equal(pawl_events_get(events, j)->error != NULL, j == 2);
        }
        assert_int_equal(pawl_events_next(events).seq, 5);
        pawl_records_free(records);
        pawl_events_free(events);
        assert_status(pawl_record_get(w.store, NULL, 3, &records, &err), PAWL_ECORRUPT);
        assert_status(verified(&w), PAWL_ECORRUPT);
        append(&w, 1);
        close_world(&w);
    }
}

/* Wherever it is changed, and by one byte only: the chain itself tells, not the sum of the row alone. */
/* One of three, with a page that has room for one: what is behind it is found as if it were not there. */
static void what_cannot_be_read_ends_no_list(void **state)
{
    static const struct {
        enum query_kind kind;
        const char *sql;
    } lists[] = {{QUERY_SCOPES, "UPDATE scope SET name = '' WHERE id = 2"},
                 {QUERY_QUEUES, "UPDATE queue SET pending = -1 WHERE id = 2"},
                 {QUERY_CLAIMS, "UPDATE claimed SET attempts = -1 WHERE number & 0xff = 2"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct world w;
        struct query query = {.kind = lists[i].kind, .limit = 1};
        static const char *const names[] = {"a", "b", "c"};
        unsigned pages = 0;
        open_world(&w, &file_store, 1);
        for (size_t j = 0; j < 3; j++) {
            pawl_store *other;
            pawl_message message = {PAWL_MESSAGE, .lane = names[j], .target = TARGET, .data = "1", .data_size = 1};
            pawl_enqueued enqueued;
            add(&w, &message);
            pawl_messages_free(
                claim(&w, &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = names[j], .target = TARGET, .limit = 1}));
            assert_ok(pawl_store_scope(w.store, names[j], &other, &err));
            assert_ok(pawl_enqueue(other, &message, 1, &enqueued, &err));
            pawl_store_close(other);
        }
        damage(&w, lists[i].sql);
        struct page whole = {0};
        struct query all = {.kind = lists[i].kind, .limit = 100};
        assert_ok(pawli_store_query(w.store->opened->store, &all, &whole, &err));
        for (bool more = true; more; pages++) {
            struct page page = {0};
            assert_ok(pawli_store_query(w.store->opened->store, &query, &page, &err));
            assert_int_equal(page.count, 1);
            more = page.more;
            query.after = page.next;
            pawli_arena_done(&page.arena);
        }
        assert_true(pages >= 2);
        assert_int_equal(pages, whole.count);
        pawli_arena_done(&whole.arena);
        close_world(&w);
    }
}

static void a_changed_byte_of_effects_or_messages_breaks_the_chain(void **state)
{
    static const char *const changes[] = {
        "effects = '{ ' || substr(effects, 2)",
        "effects = replace(effects, 'delivered', 'delivereD')",
        "effects = substr(effects, 1, length(effects) - 1) || ' }'",
        "effects = NULL",
        "messages = CAST(substr(messages, 1, 16) || x'00' || substr(messages, 18) AS BLOB)",
        "messages = CAST(substr(messages, 1, 48) || x'00' || substr(messages, 50) AS BLOB)", /* the nonces: first … */
        "messages = CAST(substr(messages, 1, 111) || x'7f' AS BLOB)",                        /* … and last byte */
        "messages = substr(messages, 1, 56)",
    };
    (void)state;
    LAW(J3);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct world w;
        char sql[160];
        open_world(&w, &file_store, 1);
        add(&w, MESSAGE("1"));
        struct held held = claim_one(&w, CLAIM(.limit = 1));
        pawl_transition *t = pawl_transition_new(w.store,
                                                 &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "t"});
        pawl_transition_settle(t, SETTLE(held, DELIVERED));
        pawl_transition_message(t, MESSAGE("2"));
        pawl_transition_message(t, MESSAGE("3"));
        assert_ok(pawl_transition_commit(t, NULL, &err));
        pawl_transition_free(t);
        assert_ok(verified(&w));
        snprintf(sql, sizeof sql, "UPDATE record SET %s", changes[i]);
        damage(&w, sql);
        assert_status(verified(&w), PAWL_ECORRUPT);
        if (!strstr(err.text, "its digest does not follow"))
            fail_msg("%s: %s", changes[i], err.text);
        close_world(&w);
    }
}

static void a_hold_aside_refuses_nothing(void **state)
{
    (void)state;
    for (int is_aside = 0; is_aside < 2; is_aside++) {
        struct world w;
        struct drafting drafting;
        struct hold_change hold = {.kind = HOLD_TARGET,
                                   .target = TEXT(TARGET),
                                   .code = TEXT("gone"),
                                   .until = WALL_NEVER,
                                   .is_aside = is_aside};
        open_world(&w, &file_store, 1);
        add(&w, MESSAGE("1"));
        struct held held = claim_one(&w, CLAIM(.limit = 1));
        damage(&w, "UPDATE scope SET sum = sum + 1 WHERE name = 'default'");
        pawli_drafting_init(&drafting, w.store);
        assert_ok(pawli_draft_settle(&drafting, SETTLE(held, DELIVERED), 1, &err));
        pawli_unit_add(&drafting.unit, &hold.effect, &pawli_effect_hold);
        assert_int_equal(pawli_draft_commit(&drafting, NULL, &err), is_aside ? PAWL_OK : PAWL_ECORRUPT);
        assert_int_equal(hold.count, 0);
        pawli_drafting_done(&drafting);
        close_world(&w);
    }
}

static void a_table_that_is_gone_is_damage(void **state)
{
    struct world w;
    pawl_store *again;
    pawl_stats *counted;
    sqlite3 *db;
    (void)state;
    open_world(&w, &file_store, 1);
    add(&w, MESSAGE("1", .key = NULL));
    assert_int_equal(sqlite3_open(w.file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE queue", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_status(pawl_stats_read(w.store, NULL, NULL, &counted, &err), PAWL_ECORRUPT);
    assert_status(verified(&w), PAWL_ECORRUPT);
    assert_status(try_add(&w, MESSAGE("2", .key = NULL)), PAWL_ECORRUPT);
    assert_status(pawli_open_in(w.env, w.url, NULL, &again, &err), PAWL_ECORRUPT);
    assert_true(err.hint[0] != '\0');
    close_world(&w);
}

/* Of a chain of five any one may be missing, the last ones too. */
static void a_record_that_is_missing_is_named_wherever_it_stood(void **state)
{
    (void)state;
    LAW(J3);
    for (unsigned seq = 1; seq <= 5; seq++) {
        struct world w;
        char sql[64];
        open_world(&w, &file_store, seq);
        append(&w, 5);
        assert_ok(verified(&w));
        snprintf(sql, sizeof sql, "DELETE FROM record WHERE seq = %u", seq);
        damage(&w, sql);
        assert_status(verified(&w), PAWL_ECORRUPT);
        assert_non_null(strstr(err.text, "missing"));
        close_world(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a6_a_row_in_no_known_state_is_damage),
                                       cmocka_unit_test(a_changed_cell_is_found_in_every_table),
                                       cmocka_unit_test(a_claim_that_cannot_be_read_stops_nobody_else),
                                       cmocka_unit_test(a_policy_that_cannot_be_read_stops_its_lane_only),
                                       cmocka_unit_test(a_record_that_cannot_be_read_is_an_item_of_its_own),
                                       cmocka_unit_test(what_cannot_be_read_ends_no_list),
                                       cmocka_unit_test(a_changed_byte_of_effects_or_messages_breaks_the_chain),
                                       cmocka_unit_test(a_hold_aside_refuses_nothing),
                                       cmocka_unit_test(a_table_that_is_gone_is_damage),
                                       cmocka_unit_test(a_record_that_is_missing_is_named_wherever_it_stood)};
    return cmocka_run_group_tests_name("damage", tests, NULL, NULL);
}
