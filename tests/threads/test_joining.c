/* SPDX-License-Identifier: MIT */
/* Connections of the program beside the store's own callers: everybody gets a turn, nobody is told that the store is
 * busy. */

#include "crowd.h"
#include "database.h"

#define LANE   "work"
#define TARGET "somebody"

static pawl_message work(void)
{
    return (pawl_message){PAWL_MESSAGE, .lane = LANE, .target = TARGET, .data = "1", .data_size = 1};
}

/* ---- a program's connection ---- */

struct program {
    sqlite3 *db;
    pawl_join *join;
};

static void program_open(struct program *p, const struct place *place)
{
    MUST(sqlite3_open(place->url + strlen("sqlite:"), &p->db) == SQLITE_OK);
    MUST_OK(pawl_join_attach(place->store, p->db, &p->join, &err));
}

static void program_close(struct program *p)
{
    pawl_join_detach(p->join);
    MUST(sqlite3_close(p->db) == SQLITE_OK);
}

static void join_work(const struct program *p, const char *end)
{
    pawl_message message = work();
    pawl_enqueued result;
    run_sql(p->db, "BEGIN IMMEDIATE; INSERT INTO stock VALUES ('one')");
    MUST_OK(pawl_join_enqueue(p->join, &message, 1, &result, &err));
    run_sql(p->db, end);
}

static void open_shop(struct place *place)
{
    struct program p;
    place_open(place);
    program_open(&p, place);
    run_sql(p.db, "CREATE TABLE stock (item TEXT)");
    program_close(&p);
}

static uint64_t count_pending(pawl_store *store)
{
    pawl_stats *stats;
    uint64_t count = 0;
    MUST_OK(pawl_stats_read(store, LANE, TARGET, &stats, &err));
    for (size_t i = 0; i < pawl_stats_count(stats); i++)
        count += pawl_stats_get(stats, i)->pending;
    pawl_stats_free(stats);
    return count;
}

/* ---- turns ---- */

#define JOINERS 3
#define CALLERS 2
#define EACH    100
#define SHARE   10 /* of the one for each turn of the other, at most; fair is about one */

struct shop {
    struct place place;
    _Atomic unsigned callers_left;
    _Atomic uint64_t joined, called;
};

static void join_until_all_called(void *data, unsigned number)
{
    struct shop *shop = data;
    struct program p;
    (void)number;
    program_open(&p, &shop->place);
    while (atomic_load(&shop->callers_left) > 0) {
        join_work(&p, "COMMIT");
        atomic_fetch_add(&shop->joined, 1);
    }
    program_close(&p);
}

static void call(void *data, unsigned number)
{
    struct shop *shop = data;
    (void)number;
    for (unsigned i = 0; i < EACH; i++) {
        pawl_message message = work();
        MUST_OK(pawl_enqueue(shop->place.store, &message, 1, NULL, &err));
        atomic_fetch_add(&shop->called, 1);
    }
    atomic_fetch_sub(&shop->callers_left, 1);
}

static void joined_ones_and_callers_take_turns(void **state)
{
    LAW(J2);
    struct shop shop = {.callers_left = CALLERS};
    struct crowd crowd = {0};
    (void)state;
    open_shop(&shop.place);
    crowd_add(&crowd, JOINERS, join_until_all_called, &shop);
    crowd_add(&crowd, CALLERS, call, &shop);
    crowd_run(&crowd);
    print_message("# %llu joined beside %llu calls\n", (unsigned long long)shop.joined,
                  (unsigned long long)shop.called);
    assert_true(shop.called == CALLERS * EACH);
    assert_true(shop.joined <= SHARE * shop.called);
    assert_int_equal(count_pending(shop.place.store), shop.joined + shop.called);
    must_verify(shop.place.store);
    place_close(&shop.place);
}

static void join_many(void *data, unsigned number)
{
    struct shop *shop = data;
    struct program p;
    program_open(&p, &shop->place);
    for (unsigned i = 0; i < EACH; i++)
        join_work(&p, (i + number) % 4 ? "COMMIT" : "ROLLBACK");
    program_close(&p);
}

/* Nothing but each other: SQLite's own handler gives up, or lets them lie in wait for seconds. */
static void joined_ones_wait_for_each_other(void **state)
{
    struct shop shop = {.joined = 0};
    struct crowd crowd = {0};
    (void)state;
    open_shop(&shop.place);
    crowd_add(&crowd, 4, join_many, &shop);
    crowd_run(&crowd);
    assert_int_equal(count_pending(shop.place.store), 4 * EACH * 3 / 4);
    must_verify(shop.place.store);
    place_close(&shop.place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_ones_and_callers_take_turns),
        cmocka_unit_test(joined_ones_wait_for_each_other),
    };
    return cmocka_run_group_tests_name("joining", tests, NULL, NULL);
}
