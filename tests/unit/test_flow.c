/* SPDX-License-Identifier: MIT */
/* Rates, breakers and turns, on rows alone. */
#include "model/flow.h"

#include "support.h"

#define SECOND INT64_C(1000000000)

static struct boot_time at_ms(int64_t ms)
{
    return (struct boot_time){SECOND + ms * 1000000};
}

static struct policy policy_with(const char *const settings[][2], size_t count)
{
    struct policy policy = pawli_policy_default(POLICY_OF_MESSAGES);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pawli_policy_set(&policy, text_of(settings[i][0]), text_of(settings[i][1]), NULL), PAWL_OK);
    return policy;
}

/* Whenever whoever comes: in no time are there more than the burst and what the rate gives. */
static void no_stretch_of_time_has_more_than_rate_and_burst(void **state)
{
    (void)state;
    static const struct {
        struct rate rate;
        int64_t burst;
    } rows[] = {{{100, 1000}, 10}, {{1, 1000}, 1}, {{3, 7}, 5}, {{1000, 60000}, 200}};
    uint64_t random = 7;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct flow_row flow = {0};
        int64_t took_at[4000];
        size_t took = 0;
        for (int64_t ms = 0; took < 3000 && ms < 4000000; ms += (int64_t)(random >> 33) % 40) {
            random = random * 6364136223846793005 + 1442695040888963407;
            struct passing passing = pawli_flow_rate(&flow, &rows[i].rate, rows[i].burst, at_ms(ms));
            uint64_t count = passing.count < 50 ? passing.count : 50;
            assert_true(passing.count <= (uint64_t)rows[i].burst);
            if (passing.count == 0) /* and it says when: not earlier, and then one passes */
                assert_true(passing.next.ns > at_ms(ms).ns &&
                            pawli_flow_rate(&flow, &rows[i].rate, rows[i].burst, passing.next).count >= 1);
            pawli_flow_rate_took(&flow, &rows[i].rate, at_ms(ms), count);
            for (uint64_t j = 0; j < count && took < COUNT_OF(took_at); j++)
                took_at[took++] = ms;
        }
        assert_true(took >= 100);
        for (size_t from = 0; from < took; from += 17)
            for (size_t to = from; to < took; to += 13)
                assert_true((int64_t)(to - from) <=
                            rows[i].burst +
                                (took_at[to] - took_at[from]) * rows[i].rate.count / rows[i].rate.period_ms + 1);
    }
}

static void what_is_given_back_passes_again(void **state)
{
    (void)state;
    const struct rate rate = {2, 1000};
    struct flow_row flow = {0};
    pawli_flow_rate_took(&flow, &rate, at_ms(0), 2);
    assert_int_equal(pawli_flow_rate(&flow, &rate, POLICY_NONE, at_ms(0)).count, 0);
    pawli_flow_rate_gave_back(&flow, &rate);
    assert_int_equal(pawli_flow_rate(&flow, &rate, POLICY_NONE, at_ms(0)).count, 1);
    for (int i = 0; i < 5; i++)
        pawli_flow_rate_gave_back(&flow, &rate);
    assert_int_equal(pawli_flow_rate(&flow, &rate, POLICY_NONE, at_ms(0)).count, 2); /* never more than all */
    pawli_flow_wake(&flow, 9);
    assert_int_equal(flow.rate_next.ns, 0);
}

static bool end_call(struct flow_row *flow, const struct policy *policy, bool failed, int64_t ms)
{
    return pawli_flow_ended_call(flow, policy, failed, (struct wall_time){ms}, (struct wall_time){ms}, at_ms(ms));
}

static void enough_failures_of_enough_calls_open_a_breaker(void **state)
{
    (void)state;
    struct policy policy = policy_with((const char *const[][2]){{"breaker", "50%/10"}}, 1);
    struct flow_row flow = {0};
    for (int i = 0; i < 9; i++)
        assert_false(end_call(&flow, &policy, true, i)); /* not enough calls to judge by */
    assert_true(end_call(&flow, &policy, true, 9));
    assert_int_equal(flow.breaker, BREAKER_OPEN);
    assert_int_equal(flow.until.ms, 9 + 30000);
    struct flow_row half = {0};
    for (int i = 0; i < 10000; i++)
        assert_false(end_call(&half, &policy, i % 5 == 0, i));
    assert_true(half.calls < 20);
    struct policy off = pawli_policy_default(POLICY_OF_MESSAGES);
    struct flow_row never = {0};
    for (int i = 0; i < 1000; i++)
        assert_false(end_call(&never, &off, true, i));
}

static void a_trial_decides(void **state)
{
    (void)state;
    struct policy policy = policy_with((const char *const[][2]){{"breaker", "50%/2"}, {"breaker_disable", "3"}}, 2);
    struct flow_row flow = {0};
    end_call(&flow, &policy, true, 0);
    assert_true(end_call(&flow, &policy, true, 0));
    assert_false(end_call(&flow, &policy, true, 100)); /* begun before it opened: says nothing */
    assert_int_equal(flow.opened, 1);
    assert_int_equal(pawli_flow_breaker(&flow, &policy, 0, at_ms(30000)).count, 1);
    assert_int_equal(pawli_flow_breaker(&flow, &policy, 1, at_ms(30000)).count, 0);
    int64_t ms = 30000;
    for (unsigned opened = 2; opened <= 4; opened++) {
        assert_true(end_call(&flow, &policy, true, ms));
        assert_int_equal(flow.opened, opened);
        assert_true((flow.until.ms == INT64_MAX) == (opened == 4)); /* the third time again: a person looks */
        ms += 30000;
    }
    assert_false(end_call(&flow, &policy, false, ms));
    assert_int_equal(flow.breaker, BREAKER_HEALING);
}

/* One, then more and more, up to all. */
static void what_heals_is_not_overrun(void **state)
{
    (void)state;
    struct policy policy = policy_with(
        (const char *const[][2]){{"breaker", "50%/2"}, {"concurrency", "31"}, {"slow_start_ms", "30000"}}, 3);
    struct flow_row flow = {.breaker = BREAKER_OPEN, .normal = 10000}; /* ten a second */
    end_call(&flow, &policy, false, 0);
    assert_int_equal(pawli_flow_breaker(&flow, &policy, 0, at_ms(0)).count, 1);
    assert_int_equal(pawli_flow_breaker(&flow, &policy, 1, at_ms(999)).count, 0);
    uint64_t in_minute[4] = {0};
    for (int64_t ms = 0; ms < 4 * 60000; ms += 10) {
        struct passing passing = pawli_flow_breaker(&flow, &policy, 0, at_ms(ms));
        uint64_t most = 1 + (uint64_t)(ms < 30000 ? ms / 1000 : 1000);
        assert_true(passing.count <= most);
        pawli_flow_breaker_took(&flow, at_ms(ms), passing.count);
        in_minute[ms / 60000] += passing.count;
    }
    assert_in_range(in_minute[0], 1100, 1203); /* twice what is normal */
    assert_in_range(in_minute[1], 2300, 2410);
    assert_in_range(in_minute[2], 4500, 4820);
    for (int64_t ms = 0; ms < FLOW_HEALING_MS; ms += 1000)
        assert_false(end_call(&flow, &policy, false, ms));
    end_call(&flow, &policy, false, FLOW_HEALING_MS);
    assert_int_equal(flow.breaker, BREAKER_CLOSED);
    assert_int_equal(flow.opened, 0);
}

static void what_is_normal_is_learned_while_all_is_well(void **state)
{
    (void)state;
    struct policy policy = policy_with((const char *const[][2]){{"breaker", "50%/20"}}, 1);
    struct flow_row flow = {0};
    for (int64_t ms = 0; ms < 120000; ms += 50) /* twenty a second */
        end_call(&flow, &policy, false, ms);
    assert_in_range(flow.normal, 19500, 20500);
}

/* However many fail at once: of their retries a share comes in a time. */
static void retries_have_their_turns(void **state)
{
    (void)state;
    struct policy policy = policy_with((const char *const[][2]){{"retry_budget_percent", "20"}}, 1);
    struct flow_row flow = {.normal = 100000}; /* a hundred a second */
    int64_t last = 0;
    for (int i = 1; i <= 200; i++)
        last = pawli_flow_retry_ms(&flow, &policy, at_ms(0));
    assert_int_equal(last, 10000); /* twenty a second */
    struct flow_row slow = {.normal = 100};
    for (int i = 1; i <= 5; i++)
        last = pawli_flow_retry_ms(&slow, &policy, at_ms(0));
    assert_int_equal(last, 5000); /* one a second at least */
    struct flow_row unknown = {0};
    assert_int_equal(pawli_flow_retry_ms(&unknown, &policy, at_ms(0)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_stretch_of_time_has_more_than_rate_and_burst),
        cmocka_unit_test(what_is_given_back_passes_again),
        cmocka_unit_test(enough_failures_of_enough_calls_open_a_breaker),
        cmocka_unit_test(a_trial_decides),
        cmocka_unit_test(what_heals_is_not_overrun),
        cmocka_unit_test(what_is_normal_is_learned_while_all_is_well),
        cmocka_unit_test(retries_have_their_turns),
    };
    return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
