/* SPDX-License-Identifier: MIT */
/* Schedules: beside a slow second way that lists every slot and goes through the rules one by one, with clocks that go on, stand,
 * go back, and are years late. */
#include "model/schedule.h"

#include "unit.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define BEGIN  INT64_C(1790000000000)

static pawl_error err;

static struct wall_time at(int64_t ms)
{
    return (struct wall_time){ms};
}

/* ---- the slow way ---- */

#define SLOW_MAX 20000

struct slow {
    size_t count;
    int64_t fired[SLOW_MAX];
    int64_t last_slot, next;
};

static int64_t slow_slot(const struct schedule *schedule, int64_t after)
{
    if (schedule->cron)
        return pawli_cron_next(schedule->cron, schedule->zone, at(after)).ms;
    int64_t slot = schedule->added.ms + schedule->every_ms;
    while (slot <= after)
        slot += schedule->every_ms;
    return slot;
}

static int64_t slow_due(const struct schedule *schedule, int64_t slot)
{
    unsigned char bytes[512];
    size_t size = schedule->name.size;
    memcpy(bytes, schedule->name.data, size);
    for (int i = 56; i >= 0; i -= 8)
        bytes[size++] = (unsigned char)(slot >> i);
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++) {
        hash ^= bytes[i];
        hash *= 1099511628211u;
    }
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccd;
    hash ^= hash >> 33;
    hash *= 0xc4ceb9fe1a85ec53;
    hash ^= hash >> 33;
    int64_t limit = schedule->jitter_ms, until_next = slow_slot(schedule, slot) - slot;
    return slot + (int64_t)(hash % (uint64_t)((limit < until_next ? limit : until_next - 1) + 1));
}

/* All that there was room for, and all others. */
static void decide_slowly(const struct schedule *schedule, int64_t last_slot, int64_t now, struct slow *slow)
{
    static int64_t missed[SLOW_MAX];
    size_t missed_count = 0;
    int64_t done = last_slot > schedule->added.ms ? last_slot : schedule->added.ms, unmissed = -1;
    *slow = (struct slow){.last_slot = done};
    int64_t slot = slow_slot(schedule, done);
    for (; slot <= now; slot = slow_slot(schedule, slot)) {
        int64_t due = slow_due(schedule, slot);
        if (due > now)
            break;
        if (now - due > 60000 || slow_slot(schedule, slot) <= now)
            missed[missed_count++] = slot;
        else
            unmissed = slot;
        slow->last_slot = slot;
        assert_true(missed_count < SLOW_MAX);
    }
    slow->next = slot == INT64_MAX ? slot : slow_due(schedule, slot);
    size_t most = schedule->missed == MISSED_ONE ? 1 : schedule->missed == MISSED_ALL ? schedule->catch_up : 0;
    for (size_t i = most < missed_count ? missed_count - most : 0; i < missed_count; i++)
        slow->fired[slow->count++] = missed[i];
    if (unmissed >= 0)
        slow->fired[slow->count++] = unmissed;
}

/* ---- laws ---- */

static struct schedule random_schedule(struct random *random, struct cron *cron)
{
    static const char *const specs[] = {"* * * * *",  "*/7 * * * *",          "0 * * * *", "30 2 * * *", "0 0 1,15 * *",
                                        "0 0 29 2 *", "*/20 8-18 * * mon-fri"};
    static const char *const names[] = {"", "a", "reports", "nightly.close-2"};
    static const int64_t everys[] = {1, 7, 999, SECOND, 17 * SECOND, MINUTE, 61 * SECOND, HOUR, DAY, 40 * DAY};
    static const int64_t jitters[] = {0, 0, 1, 500, 30 * SECOND, 10 * MINUTE, 3 * DAY};
    struct schedule schedule = {
        .name = text_of(names[random_below(random, COUNT_OF(names))]),
        .zone = &pawli_zone_utc,
        .added = {BEGIN + (int64_t)random_below(random, DAY)},
        .missed = (enum schedule_missed)random_below(random, MISSED_COUNT),
        .catch_up = random_percent(random, 50) ? SCHEDULE_CATCH_UP : (uint32_t)random_below(random, 6),
        .jitter_ms = jitters[random_below(random, COUNT_OF(jitters))],
    };
    const char *spec = specs[random_below(random, COUNT_OF(specs))];
    assert_ok(pawli_cron_parse(text_of(spec), cron, &err));
    if (random_percent(random, 50))
        schedule.cron = cron;
    else
        schedule.every_ms = everys[random_below(random, COUNT_OF(everys))];
    return schedule;
}

/* Of the time from one slot to the next, about. */
static int64_t pace_of(const struct schedule *schedule)
{
    struct wall_time slot = at(slow_slot(schedule, schedule->added.ms));
    return slow_slot(schedule, slot.ms) - slot.ms;
}

static int64_t random_step(struct random *random, int64_t pace)
{
    switch (random_below(random, 10)) {
    case 0: /* back */
        return -(int64_t)random_below(random, (uint64_t)(5 * pace));
    case 1:
        return 0;
    case 2: /* long down */
        return (int64_t)random_below(random, (uint64_t)(400 * pace));
    case 3:
        return (int64_t)random_below(random, (uint64_t)(2000 * pace < 2 * MINUTE ? 2000 * pace : 2 * MINUTE));
    default:
        return (int64_t)random_below(random, (uint64_t)(pace + pace / 2 + 1));
    }
}

static void decisions_are_those_of_the_slow_way(void **state)
{
    (void)state;
    static struct slow slow;
    struct random random = random_begin("decisions");
    for (int i = 0; i < 600; i++) {
        struct cron cron;
        struct schedule schedule = random_schedule(&random, &cron);
        int64_t now = schedule.added.ms, last_slot = now, pace = pace_of(&schedule), fired_last = INT64_MIN;
        for (int j = 0; j < 25; j++) {
            struct wall_time slots[128];
            size_t room = random_percent(&random, 50) ? COUNT_OF(slots) : 1 + random_below(&random, 8), fired = 0;
            now += random_step(&random, pace);
            decide_slowly(&schedule, last_slot, now, &slow);
            struct schedule_decision decision;
            do { /* what there was no room for comes at once */
                decision = pawli_schedule_decide(&schedule, at(last_slot), at(now), slots, room);
                assert_true(decision.count <= room && decision.last_slot.ms >= last_slot);
                for (size_t k = 0; k < decision.count; k++, fired++) {
                    assert_true(fired < slow.count);
                    assert_int_equal(slots[k].ms, slow.fired[fired]);
                    assert_true(slots[k].ms > fired_last && slots[k].ms <= now);
                    fired_last = slots[k].ms;
                }
                last_slot = decision.last_slot.ms;
                assert_true(fired < slow.count || decision.next.ms != now);
            } while (decision.next.ms == now);
            assert_int_equal(fired, slow.count);
            assert_int_equal(last_slot, slow.last_slot);
            assert_int_equal(decision.next.ms, slow.next);
            assert_true(decision.next.ms > now);
        }
    }
}

/* Whoever comes when he is told to, and no later, misses none; each fires once, at its time. */
static void who_comes_in_time_misses_nothing(void **state)
{
    (void)state;
    struct random random = random_begin("in time");
    for (int i = 0; i < 400; i++) {
        struct cron cron;
        struct schedule schedule = random_schedule(&random, &cron);
        struct wall_time slots[4], now = schedule.added, last_slot = now, expected = now;
        for (int j = 0; j < 60; j++) {
            struct schedule_decision decision = pawli_schedule_decide(&schedule, last_slot, now, slots, 4);
            assert_int_equal(decision.count, j > 0);
            if (j > 0) {
                expected.ms = slow_slot(&schedule, expected.ms);
                assert_int_equal(slots[0].ms, expected.ms);
                assert_int_equal(pawli_schedule_due(&schedule, slots[0]).ms, now.ms);
            }
            last_slot = decision.last_slot;
            now = decision.next;
            if (now.ms - last_slot.ms > 300 * DAY)
                break;
            bool is_early = random_percent(&random, 50) && now.ms - 1 > last_slot.ms;
            if (is_early) { /* who comes before it is sent away, and told the same */
                struct schedule_decision early = pawli_schedule_decide(&schedule, last_slot, at(now.ms - 1), slots, 4);
                assert_true(early.count == 0 && early.last_slot.ms == last_slot.ms && early.next.ms == now.ms);
            }
        }
    }
}

/* The clock goes back an hour, and comes again. */
static void a_clock_that_goes_back_fires_nothing_again(void **state)
{
    (void)state;
    const struct schedule schedule = {.every_ms = MINUTE, .added = {BEGIN}};
    struct wall_time slots[4], last_slot = at(BEGIN);
    struct schedule_decision decision;
    for (int64_t ms = MINUTE; ms <= 100 * MINUTE; ms += MINUTE) {
        decision = pawli_schedule_decide(&schedule, last_slot, at(BEGIN + ms), slots, 4);
        assert_int_equal(decision.count, 1);
        last_slot = decision.last_slot;
    }
    for (int64_t ms = 40 * MINUTE; ms <= 100 * MINUTE; ms += MINUTE / 2) {
        decision = pawli_schedule_decide(&schedule, last_slot, at(BEGIN + ms), slots, 4);
        assert_true(decision.count == 0 && decision.last_slot.ms == last_slot.ms);
        assert_int_equal(decision.next.ms, BEGIN + 101 * MINUTE);
    }
    decision = pawli_schedule_decide(&schedule, last_slot, at(BEGIN + 101 * MINUTE), slots, 4);
    assert_true(decision.count == 1 && slots[0].ms == BEGIN + 101 * MINUTE);
}

static void what_is_missed_goes_by_the_policy(void **state)
{
    (void)state;
    static const struct {
        enum schedule_missed missed;
        uint32_t catch_up;
        int64_t down_ms; /* from the first slot on, of one every hour */
        size_t count;
        int64_t first, last_slot; /* hours */
    } rows[] = {
        {MISSED_ONE, 100, 60 * SECOND, 1, 1, 1}, /* not late yet */
        {MISSED_NONE, 100, 60 * SECOND, 1, 1, 1},
        {MISSED_NONE, 100, 60 * SECOND + 1, 0, 0, 1},
        {MISSED_ONE, 100, 60 * SECOND + 1, 1, 1, 1},
        {MISSED_ONE, 100, 9 * HOUR, 2, 9, 10}, /* the last of the missed, and one that is not */
        {MISSED_ONE, 100, 9 * HOUR + 2 * MINUTE, 1, 10, 10},
        {MISSED_ALL, 100, 9 * HOUR + 2 * MINUTE, 10, 1, 10},
        {MISSED_ALL, 3, 9 * HOUR + 2 * MINUTE, 3, 8, 10},
        {MISSED_ALL, 3, 9 * HOUR, 4, 7, 10},
        {MISSED_ALL, 0, 9 * HOUR, 1, 10, 10},
        {MISSED_NONE, 100, 9 * HOUR, 1, 10, 10},
        {MISSED_NONE, 100, 9 * HOUR + 2 * MINUTE, 0, 0, 10},
        {MISSED_ALL, 100, 20000 * HOUR, 101, 19901, 20001},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct schedule schedule = {
            .every_ms = HOUR, .added = {BEGIN}, .missed = rows[i].missed, .catch_up = rows[i].catch_up};
        struct wall_time slots[128], now = at(BEGIN + HOUR + rows[i].down_ms);
        struct schedule_decision decision = pawli_schedule_decide(&schedule, at(BEGIN), now, slots, COUNT_OF(slots));
        assert_int_equal(decision.count, rows[i].count);
        for (size_t j = 0; j < rows[i].count; j++)
            assert_int_equal(slots[j].ms, BEGIN + (rows[i].first + (int64_t)j) * HOUR);
        assert_int_equal(decision.last_slot.ms, BEGIN + rows[i].last_slot * HOUR);
        assert_int_equal(decision.next.ms, BEGIN + (rows[i].last_slot + 1) * HOUR);
    }
}

/* As a stranger would reckon it. */
static void the_jitter_is_what_the_header_says(void **state)
{
    (void)state;
    const struct schedule schedule = {.name = TEXT("reports"), .every_ms = DAY, .added = {0}, .jitter_ms = 600000};
    const struct schedule other = {.name = TEXT("report2"), .every_ms = DAY, .added = {0}, .jitter_ms = 600000};
    assert_int_equal(pawli_schedule_due(&schedule, at(1790035200000)).ms, 1790035200000 + 359110);
    assert_int_equal(pawli_schedule_due(&other, at(1790035200000)).ms, 1790035200000 + 267587);
    unsigned in[10] = {0};
    for (int64_t day = 1; day <= 10000; day++) {
        int64_t delay = pawli_schedule_due(&schedule, at(day * DAY)).ms - day * DAY;
        assert_in_range(delay, 0, 600000);
        in[delay < 600000 ? delay / 60000 : 9]++;
    }
    for (size_t i = 0; i < COUNT_OF(in); i++)
        assert_in_range(in[i], 850, 1150);
}

/* However many slots passed by: years of milliseconds, centuries of minutes. */
static void years_of_downtime_are_a_moment(void **state)
{
    (void)state;
    struct cron cron;
    struct wall_time slots[200];
    assert_ok(pawli_cron_parse(TEXT("* * * * *"), &cron, &err));
    struct schedule schedule = {.every_ms = 1,
                                .added = {BEGIN},
                                .missed = MISSED_ALL,
                                .catch_up = 150,
                                .zone = &pawli_zone_utc,
                                .jitter_ms = 5};
    struct wall_time far = at(ZONE_MAX_S * 1000 - 12345);
    for (int i = 0; i < 2; i++, schedule.cron = &cron)
        for (int j = 0; j < 200; j++) {
            struct schedule_decision decision = pawli_schedule_decide(&schedule, at(BEGIN), far, slots,
                                                                      COUNT_OF(slots));
            assert_in_range(decision.count, 150, 151);
            assert_true(slots[0].ms > far.ms - 160 * MINUTE && decision.next.ms > far.ms);
        }
}

static void no_time_is_too_far(void **state)
{
    (void)state;
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, BEGIN, INT64_MAX - 1, INT64_MAX};
    static const int64_t everys[] = {1, 1000, INT64_MAX};
    struct cron cron;
    struct wall_time slots[5];
    assert_ok(pawli_cron_parse(TEXT("0 0 29 2 */7"), &cron, &err));
    for (size_t i = 0; i < COUNT_OF(times) * COUNT_OF(times) * COUNT_OF(times) * 4 * 3 * MISSED_COUNT; i++) {
        size_t rest = i;
        struct schedule schedule = {.zone = &pawli_zone_utc, .catch_up = 3, .name = TEXT("far")};
        schedule.missed = rest % MISSED_COUNT, rest /= MISSED_COUNT;
        schedule.jitter_ms = (const int64_t[]){0, 1000, INT64_MAX}[rest % 3], rest /= 3;
        schedule.every_ms = rest % 4 < 3 ? everys[rest % 4] : 0;
        schedule.cron = rest % 4 < 3 ? NULL : &cron, rest /= 4;
        struct wall_time last_slot = at(times[rest % 7]), now = at(times[rest / 7 % 7]);
        schedule.added = at(times[rest / 49 % 7]);
        struct schedule_decision decision = pawli_schedule_decide(&schedule, last_slot, now, slots, 5);
        assert_true(decision.last_slot.ms >= last_slot.ms && decision.last_slot.ms >= schedule.added.ms);
        assert_true(decision.count <= 4 && (decision.next.ms > now.ms || now.ms == INT64_MAX));
        for (size_t j = 0; j < decision.count; j++)
            assert_true(slots[j].ms > last_slot.ms && slots[j].ms > schedule.added.ms && slots[j].ms <= now.ms &&
                        slots[j].ms != INT64_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_are_those_of_the_slow_way),
        cmocka_unit_test(who_comes_in_time_misses_nothing),
        cmocka_unit_test(a_clock_that_goes_back_fires_nothing_again),
        cmocka_unit_test(what_is_missed_goes_by_the_policy),
        cmocka_unit_test(the_jitter_is_what_the_header_says),
        cmocka_unit_test(years_of_downtime_are_a_moment),
        cmocka_unit_test(no_time_is_too_far),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
