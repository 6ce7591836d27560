/* SPDX-License-Identifier: MIT */
/* Presets: that a lane which has one does what the other outbox did. */
#include "conformance.h"

static int set_all(struct world *w, const pawl_setting *settings, size_t count)
{
    return pawl_lane_set(w->store, LANE, settings, count,
                         &(pawl_operation){PAWL_OPERATION, .reason = "test", .actor = "ops"}, &err);
}

/* Fails the message as often as it may; each time it is due again to the millisecond. How long that took. */
static int64_t use_up(struct world *w, const int64_t *delays_ms, size_t count, uint32_t cap)
{
    pawl_uuid id = add(w, MESSAGE("1", .dedupe = NULL)).id;
    int64_t sum = 0;
    for (uint32_t n = 1; n <= cap; n++) {
        struct held held = claim_one(w, CLAIM());
        assert_id(held.id, id);
        assert_int_equal(held.attempts, n);
        assert_int_equal(held.lease_until, now_ms(w) + 30000);
        assert_int_equal(settle(w, SETTLE(held, RETRY, .error = "no")),
                         n < cap ? PAWL_RESULT_REQUEUED : PAWL_RESULT_DEAD);
        if (n == cap)
            break;
        int64_t delay_ms = delays_ms[n <= count ? n - 1 : count - 1];
        pawli_sim_advance_ms(w->env, delay_ms - 1);
        claim_none(w, CLAIM());
        pawli_sim_advance_ms(w->env, 1);
        sum += delay_ms;
    }
    pawl_messages *messages = get(w, id);
    assert_string_equal(pawl_messages_get(messages, 0)->ended_reason, "max_attempts");
    assert_string_equal(pawl_messages_get(messages, 0)->error_text, "no");
    assert_int_equal(pawl_messages_get(messages, 0)->attempts, cap);
    pawl_messages_free(messages);
    return sum;
}

static void a65_s4_gives_up_after_five(struct world *w)
{
    static const int64_t delays_ms[] = {1000, 2000, 4000, 8000};
    set_lane(w, "preset", "s4");
    assert_int_equal(use_up(w, delays_ms, COUNT_OF(delays_ms), 5), 15000);
    set_lane(w, "max_attempts", "8"); /* and where its cap of delays is */
    static const int64_t longer_ms[] = {1000, 2000, 4000, 8000, 16000, 30000};
    use_up(w, longer_ms, COUNT_OF(longer_ms), 8);
}

static void a66_a113_s5_gives_up_after_25(struct world *w)
{
    static const int64_t delays_ms[] = {1000, 2000, 4000, 8000, 16000, 30000};
    set_lane(w, "preset", "s5");
    assert_int_equal(use_up(w, delays_ms, COUNT_OF(delays_ms), 25), 601000);
}

static void a119_s5_ends_what_is_a_day_old(struct world *w)
{
    set_lane(w, "preset", "s5");
    pawl_uuid id = add(w, MESSAGE("1", .dedupe = NULL)).id;
    pawli_sim_advance_ms(w->env, 86400000 - 1);
    pawl_uuid fresh = add(w, MESSAGE("2", .dedupe = NULL)).id;
    assert_int_equal(sweep(w).expired, 0);
    pawli_sim_advance_ms(w->env, 1);
    assert_int_equal(sweep(w).expired, 1);
    assert_state(w, id, "dead");
    assert_state(w, fresh, "pending");
}

static void s4_knows_no_age(struct world *w)
{
    set_lane(w, "preset", "s4");
    pawl_uuid id = add(w, MESSAGE("1", .dedupe = NULL)).id;
    pawli_sim_advance_ms(w->env, INT64_C(10) * 365 * 86400000);
    assert_int_equal(sweep(w).expired, 0);
    assert_state(w, id, "pending");
}

/* The keys of one live as long as their messages, those of the other for ever. */
static void how_long_and_how_keys_are_bound(struct world *w)
{
    static const struct {
        const char *preset;
        int while_there, once_purged;
    } rows[] = {{"s4", PAWL_OK, PAWL_OK}, {"s5", PAWL_ECONFLICT, PAWL_ECONFLICT}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const pawl_message *message = MESSAGE("1", .dedupe = rows[i].preset);
        set_lane(w, "preset", rows[i].preset);
        pawl_uuid id = add(w, message).id;
        claim_and(w, PAWL_VERDICT_DEAD);
        pawl_enqueued again;
        assert_status(pawl_enqueue(w->store, message, 1, &again, &err), rows[i].while_there);
        assert_id(again.id, id);
        assert_ok(pawl_message_purge(w->store, &id, BECAUSE((unsigned)i), NULL, &err));
        pawli_sim_advance_ms(w->env, INT64_C(10) * 365 * 86400000);
        sweep(w);
        assert_status(pawl_enqueue(w->store, message, 1, &again, &err), rows[i].once_purged);
        assert_int_equal(memcmp(&again.id, &id, sizeof id) == 0, rows[i].once_purged == PAWL_ECONFLICT);
        if (i == 0)
            claim_and(w, PAWL_VERDICT_DEAD);
    }
    verify(w);
}

static void assert_policy(struct world *w, const char *has, const char *has_not)
{
    pawl_settings *settings;
    assert_ok(pawl_lanes_list(w->store, &settings, &err));
    assert_int_equal(pawl_settings_count(settings), 1);
    const char *policy = pawl_settings_lane(settings, 0)->policy;
    if (!strstr(policy, has) || strstr(policy, has_not))
        fail_msg("%s", policy);
    pawl_settings_free(settings);
}

static void what_stands_behind_a_preset_beats_it(struct world *w)
{
    const pawl_setting behind[] = {{"preset", "s5"}, {"max_attempts", "3"}, {"gone_ms", ""}},
                       before[] = {{"max_attempts", "3"}, {"gone_ms", ""}, {"preset", "s5"}},
                       both[] = {{"preset", "s5"}, {"preset", "s4"}};
    assert_ok(set_all(w, behind, COUNT_OF(behind)));
    assert_policy(w, "\"max_attempts\":3,", "gone_ms");
    assert_ok(set_all(w, before, COUNT_OF(before)));
    assert_policy(w, "\"max_attempts\":25,", "preset");
    assert_policy(w, "\"gone_ms\":600000", "preset");
    assert_ok(set_all(w, both, COUNT_OF(both)));
    assert_policy(w, "\"max_attempts\":5,", "preset");
    assert_policy(w, "\"timeout_ms\":15000", "\"accept\":\"bind\""); /* of the first what the second says nothing of */
}

static void a_preset_that_there_is_not_is_refused(struct world *w)
{
    static const char *const bad[] = {"s6", "", "S4", "s4 "};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const pawl_setting settings[] = {{"max_attempts", "7"}, {"preset", bad[i]}};
        assert_status(set_all(w, settings, COUNT_OF(settings)), PAWL_EINVAL);
        assert_non_null(strstr(err.text, "preset"));
    }
    pawl_settings *settings;
    assert_ok(pawl_lanes_list(w->store, &settings, &err));
    assert_int_equal(pawl_settings_count(settings), 0);
    pawl_settings_free(settings);
}

static const struct conformance_case cases[] = {
    CASE(a65_s4_gives_up_after_five),
    CASE(a66_a113_s5_gives_up_after_25),
    CASE(a119_s5_ends_what_is_a_day_old),
    CASE(s4_knows_no_age),
    CASE(how_long_and_how_keys_are_bound),
    CASE(what_stands_behind_a_preset_beats_it),
    CASE(a_preset_that_there_is_not_is_refused),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
