/* SPDX-License-Identifier: MIT */
/* Many threads, on two openings of one store, fire one schedule: each slot is one message, and each firing is counted once. */
#include "crowd.h"

enum { SERVERS = 6, SLOTS = 300 };

struct clockwork {
    pawl_store *stores[2];
    atomic_ulong fired;
};

/* A slot each millisecond: whoever looks finds some that nobody fired. */
static void serve(void *data, unsigned number)
{
    struct clockwork *clockwork = data;
    while (atomic_load(&clockwork->fired) < SLOTS) {
        uint64_t fired = 0;
        MUST_OK(pawl_schedules_fire(clockwork->stores[number % 2], &fired, NULL, &err));
        atomic_fetch_add(&clockwork->fired, fired);
    }
}

static void each_slot_fires_once_however_many_fire(void **state)
{
    (void)state;
    struct place place;
    struct clockwork clockwork = {.fired = 0};
    struct crowd crowd = {.count = 0};
    place_open(&place);
    clockwork.stores[0] = place.store;
    MUST_OK(pawl_store_open(place.url, NULL, &clockwork.stores[1], &err));
    MUST_OK(pawl_schedule_add(place.store,
                              &(pawl_schedule){PAWL_SCHEDULE, .name = "s", .every_ms = 1, .missed = PAWL_MISSED_ALL,
                                               .catch_up = 10000, .lane = "l", .target = "t"},
                              NULL, &err));
    crowd_add(&crowd, SERVERS, serve, &clockwork);
    crowd_run(&crowd);

    pawl_schedules *schedules = NULL;
    pawl_stats *stats = NULL;
    MUST_OK(pawl_schedules_list(place.store, "s", &schedules, &err));
    MUST_OK(pawl_stats_read(place.store, "l", "t", &stats, &err));
    assert_int_equal(pawl_schedules_get(schedules, 0)->fired, clockwork.fired);
    assert_int_equal(pawl_stats_get(stats, 0)->pending, clockwork.fired);
    pawl_schedules_free(schedules);
    pawl_stats_free(stats);
    must_verify(place.store);
    pawl_store_close(clockwork.stores[1]);
    place_close(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_slot_fires_once_however_many_fire)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("firing", tests, NULL, NULL);
}
