/* SPDX-License-Identifier: MIT */
/* Many threads want one lock: one at a time has it, each in the end, and each later one has a greater fence (A219). */
#include "crowd.h"

enum { CONTENDERS = 10, TURNS = 20 };

struct ring {
    pawl_store *store;
    atomic_uint won, inside;
    uint64_t fence; /* of whoever was inside last */
};

static const pawl_lock_options at_once = {PAWL_LOCK_OPTIONS, .name = "ring"},
                               patient = {PAWL_LOCK_OPTIONS, .name = "ring", .wait_ms = 3600000, .lease_ms = 3600000};

static void try_it(void *data, unsigned contender)
{
    struct ring *ring = data;
    pawl_lock lock = {PAWL_LOCK};
    (void)contender;
    int status = pawl_lock_acquire(ring->store, &at_once, &lock, NULL);
    MUST(status == PAWL_OK || status == PAWL_EBUSY);
    atomic_fetch_add(&ring->won, status == PAWL_OK);
}

static void of_ten_contenders_one_wins(void **state)
{
    (void)state;
    LAW(A219);
    struct place place;
    struct crowd crowd = {.count = 0};
    place_open(&place);
    struct ring ring = {.store = place.store};
    crowd_add(&crowd, CONTENDERS, try_it, &ring);
    crowd_run(&crowd);
    assert_int_equal(ring.won, 1);
    must_verify(place.store);
    place_close(&place);
}

static void write_under(pawl_store *store, uint64_t token)
{
    pawl_transition *t = pawl_transition_new(store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Turn"});
    pawl_transition_lock(t, "ring", token);
    MUST_OK(pawl_transition_commit(t, NULL, &err));
    pawl_transition_free(t);
}

static void take_turns(void *data, unsigned contender)
{
    struct ring *ring = data;
    (void)contender;
    for (unsigned i = 0; i < TURNS; i++) {
        pawl_lock lock = {PAWL_LOCK};
        MUST_OK(pawl_lock_acquire(ring->store, &patient, &lock, &err));
        MUST(atomic_fetch_add(&ring->inside, 1) == 0);
        MUST(lock.fence > ring->fence);
        ring->fence = lock.fence;
        write_under(ring->store, lock.token);
        MUST(atomic_fetch_sub(&ring->inside, 1) == 1);
        MUST_OK(pawl_lock_release(ring->store, "ring", lock.token, &err));
    }
}

static void all_who_wait_have_it_one_after_the_other(void **state)
{
    (void)state;
    LAW(A219);
    struct place place;
    struct crowd crowd = {.count = 0};
    pawl_records *records;
    place_open(&place);
    struct ring ring = {.store = place.store};
    crowd_add(&crowd, CONTENDERS, take_turns, &ring);
    crowd_run(&crowd);
    MUST_OK(pawl_records_list(place.store, &(pawl_records_query){PAWL_RECORDS_QUERY, .limit = 1000}, &records, &err));
    assert_int_equal(pawl_records_count(records), CONTENDERS * TURNS);
    pawl_records_free(records);
    must_verify(place.store);
    place_close(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_ten_contenders_one_wins),
        cmocka_unit_test(all_who_wait_have_it_one_after_the_other),
    };
    return cmocka_run_group_tests_name("locking", tests, NULL, NULL);
}
