/* SPDX-License-Identifier: MIT */
/* Schedules that fire: each slot once, whoever looks and however late, over a change of summer time in both directions. */
#include "driving.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

#define ADD(w, ...) pawl_schedule_add((w)->store, &(pawl_schedule){PAWL_SCHEDULE, .name = "s", __VA_ARGS__}, NULL, &err)
#define MAIL        .lane = LANE, .target = TARGET, .data = "1", .data_size = 1

static uint64_t fire(pawl_store *store)
{
    uint64_t fired = 0;
    assert_ok(pawl_schedules_fire(store, &fired, NULL, &err));
    return fired;
}

static int64_t next_of(const struct world *w)
{
    int64_t next = 0;
    assert_ok(pawl_schedules_fire(w->store, NULL, &next, &err));
    return next;
}

static uint64_t fired_so_far(const struct world *w)
{
    pawl_schedules *schedules;
    assert_ok(pawl_schedules_list(w->store, "s", &schedules, &err));
    uint64_t fired = pawl_schedules_get(schedules, 0)->fired;
    pawl_schedules_free(schedules);
    return fired;
}

static void assert_workflow_of(const struct world *w, int64_t slot, bool is_there)
{
    char id[48];
    pawl_workflows *workflows = NULL;
    snprintf(id, sizeof id, "s.%lld", (long long)slot);
    int status = pawl_workflow_get(w->store, "k", id, &workflows, &err);
    assert_int_equal(status, is_there ? PAWL_OK : PAWL_ENOTFOUND);
    pawl_workflows_free(workflows);
}

/* ---- once ---- */

static void each_slot_fires_once(struct world *w)
{
    assert_ok(ADD(w, .every_ms = MINUTE, MAIL));
    assert_int_equal(fire(w->store), 0); /* its first slot is ahead */
    assert_int_equal(next_of(w), now_ms(w) + MINUTE);
    for (int i = 1; i <= 3; i++) {
        pawli_sim_advance_ms(w->env, MINUTE);
        assert_int_equal(fire(w->store), 1);
        assert_int_equal(fire(w->store), 0);
        assert_int_equal(stats(w).pending, i);
    }
    assert_int_equal(fired_so_far(w), 3);
    verify_all(w);
}

static void whoever_looks_one_fires(struct world *w)
{
    pawl_store *other;
    assert_ok(pawl_store_scope(w->store, "default", &other, &err));
    assert_ok(ADD(w, .every_ms = MINUTE, MAIL));
    for (int i = 1; i <= 4; i++) {
        pawli_sim_advance_ms(w->env, MINUTE);
        assert_int_equal(fire(i % 2 ? other : w->store), 1);
        assert_int_equal(fire(i % 2 ? w->store : other), 0);
        assert_int_equal(stats(w).pending, i);
    }
    pawl_store_close(other);
    verify_all(w);
}

static void a_slot_starts_a_workflow_of_its_own(struct world *w)
{
    assert_ok(ADD(w, .every_ms = MINUTE, .kind = "k", .data = "7", .data_size = 1));
    pawli_sim_advance_ms(w->env, MINUTE);
    int64_t slot = now_ms(w);
    assert_int_equal(fire(w->store), 1);
    assert_workflow_of(w, slot, true);
    assert_workflow_of(w, slot + MINUTE, false);
    struct claim claim = TAKE(w);
    assert_ok(STEP(w, claim, DONE));
    assert_int_equal(fire(w->store), 0); /* nor when it ended */
    verify_all(w);
}

/* What the slot's key was given to by somebody else stands for it. */
static void a_key_that_is_taken_stands_for_the_slot(struct world *w)
{
    char key[48];
    assert_ok(ADD(w, .every_ms = MINUTE, MAIL));
    snprintf(key, sizeof key, "s.%lld", (long long)(now_ms(w) + MINUTE));
    add(w, MESSAGE("another", .dedupe = key));
    pawli_sim_advance_ms(w->env, MINUTE);
    fire(w->store);
    assert_int_equal(stats(w).pending, 1);
    pawli_sim_advance_ms(w->env, MINUTE);
    assert_int_equal(fire(w->store), 1); /* and it goes on */
    assert_int_equal(stats(w).pending, 2);
    verify_all(w);
}

/* ---- late ---- */

static uint64_t fired_after_an_hour(struct world *w, int32_t missed, uint32_t catch_up)
{
    assert_ok(ADD(w, .every_ms = 10 * MINUTE, MAIL, .missed = missed, .catch_up = catch_up));
    pawli_sim_advance_ms(w->env, HOUR + 5 * MINUTE);
    uint64_t fired = fire(w->store);
    assert_int_equal(fire(w->store), 0);
    assert_int_equal(stats(w).pending, fired);
    assert_int_equal(next_of(w), now_ms(w) + 5 * MINUTE);
    verify_all(w);
    return fired;
}

static void of_what_was_missed_the_last_fires(struct world *w)
{
    assert_int_equal(fired_after_an_hour(w, PAWL_MISSED_ONE, 0), 1);
}

static void of_what_was_missed_all_fire(struct world *w)
{
    assert_int_equal(fired_after_an_hour(w, PAWL_MISSED_ALL, 0), 6);
}

static void of_what_was_missed_no_more_than_the_cap_fire(struct world *w)
{
    assert_int_equal(fired_after_an_hour(w, PAWL_MISSED_ALL, 4), 4);
}

static void what_was_missed_is_passed_over(struct world *w)
{
    assert_int_equal(fired_after_an_hour(w, PAWL_MISSED_NONE, 0), 0);
}

static void nothing_fires_while_it_is_paused(struct world *w)
{
    assert_ok(ADD(w, .every_ms = MINUTE, MAIL, .missed = PAWL_MISSED_ALL));
    assert_ok(pawl_schedule_pause(w->store, "s", BECAUSE(1), &err));
    pawli_sim_advance_ms(w->env, HOUR);
    assert_int_equal(fire(w->store), 0);
    assert_ok(pawl_schedule_resume(w->store, "s", BECAUSE(2), &err));
    assert_int_equal(fire(w->store), 0); /* what its slots were meanwhile is passed over */
    pawli_sim_advance_ms(w->env, MINUTE);
    assert_int_equal(fire(w->store), 1);
    verify_all(w);
}

static void a_clock_that_was_set_back_fires_nothing_again(struct world *w)
{
    assert_ok(ADD(w, .every_ms = MINUTE, MAIL));
    pawli_sim_advance_ms(w->env, 5 * MINUTE);
    fire(w->store);
    pawli_sim_set_wall_ms(w->env, now_ms(w) - 3 * MINUTE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fire(w->store), 0);
        pawli_sim_advance_ms(w->env, MINUTE);
    }
    pawli_sim_advance_ms(w->env, MINUTE);
    assert_int_equal(fire(w->store), 1);
    verify_all(w);
}

static void a_slot_is_later_by_its_jitter_always_the_same(struct world *w)
{
    assert_ok(ADD(w, .every_ms = HOUR, MAIL, .jitter_ms = 10 * MINUTE));
    int64_t slot = now_ms(w) + HOUR, next = next_of(w);
    assert_in_range(next, slot, slot + 10 * MINUTE);
    pawli_sim_advance_ms(w->env, next - 1 - now_ms(w));
    assert_int_equal(fire(w->store), 0);
    assert_int_equal(next_of(w), next);
    pawli_sim_advance_ms(w->env, 1);
    assert_int_equal(fire(w->store), 1);
    verify_all(w);
}

/* ---- summer time: 2027 in Berlin, where it begins on March 28 at 01:00 UTC, and ends on October 31 ---- */

#define MARCH_28   INT64_C(1806192000000) /* 00:00 UTC */
#define OCTOBER_31 INT64_C(1824940800000)

/* Hour by hour through the day, as a worker that looks each hour. */
static void assert_slots_of_day(struct world *w, int64_t day, const char *cron, const int *hours, size_t count)
{
    pawli_sim_set_wall_ms(w->env, day - MINUTE);
    assert_ok(ADD(w, .cron = cron, .zone = "Europe/Berlin", .kind = "k"));
    uint64_t fired = 0;
    for (int i = 0; i < 24 * 2; i++) {
        pawli_sim_advance_ms(w->env, i ? 30 * MINUTE : MINUTE);
        fired += fire(w->store);
    }
    assert_int_equal(fired, count);
    for (size_t i = 0; i < count; i++)
        assert_workflow_of(w, day + hours[i] * HOUR / 2, true);
    verify_all(w);
}

/* 02:30 is left out: it fires when the clocks come to 03:00, which is 01:00 UTC. */
static void an_hour_that_is_left_out_fires_once(struct world *w)
{
    static const int halves[] = {2};
    assert_slots_of_day(w, MARCH_28, "30 2 * * *", halves, 1);
}

/* 02:30 comes twice, at 00:30 and 01:30 UTC: the first counts. */
static void an_hour_that_comes_twice_fires_once(struct world *w)
{
    static const int halves[] = {1};
    assert_slots_of_day(w, OCTOBER_31, "30 2 * * *", halves, 1);
}

/* By every hour that passes: 24 from midnight to midnight of UTC, whatever the clocks show. */
static void an_hour_with_a_star_goes_by_what_passes(struct world *w)
{
    static int halves[24];
    for (int i = 0; i < 24; i++)
        halves[i] = 2 * i;
    assert_slots_of_day(w, OCTOBER_31, "0 * * * *", halves, 24);
}

static const struct conformance_case cases[] = {
    CASE(each_slot_fires_once),
    CASE(whoever_looks_one_fires),
    CASE(a_slot_starts_a_workflow_of_its_own),
    CASE(a_key_that_is_taken_stands_for_the_slot),
    CASE(of_what_was_missed_the_last_fires),
    CASE(of_what_was_missed_all_fire),
    CASE(of_what_was_missed_no_more_than_the_cap_fire),
    CASE(what_was_missed_is_passed_over),
    CASE(nothing_fires_while_it_is_paused),
    CASE(a_clock_that_was_set_back_fires_nothing_again),
    CASE(a_slot_is_later_by_its_jitter_always_the_same),
    CASE(an_hour_that_is_left_out_fires_once),
    CASE(an_hour_that_comes_twice_fires_once),
    CASE(an_hour_with_a_star_goes_by_what_passes),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
