/* SPDX-License-Identifier: MIT */
/* What every room speaks of: states and their moves, policies and delays, validation, fingerprints, traces, decisions. */
#include "unit.h"

#include "base/codec.h"
#include "base/json.h"
#include "model/check.h"
#include "model/decide.h"
#include "model/fingerprint.h"
#include "model/limits.h"
#include "model/policy.h"
#include "model/trace.h"
#include "model/url.h"

/* ---- states ---- */

#define NONE STATE_COUNT

/* The table of the manual, written a second time and the other way round: a row a state, a column an event. */
static const enum state moves[STATE_COUNT][EVENT_COUNT] = {
#define ROW(claim, expire, deliver, submit, retry, exhaust, exhaust_hold, refuse, defer, release, resend, give_up,     \
            suspect, poison, renew, cancel, step, stop)                                                                \
    {                                                                                                                  \
        [EVENT_CLAIM] = (claim), [EVENT_EXPIRE] = (expire), [EVENT_DELIVER] = (deliver), [EVENT_SUBMIT] = (submit),    \
        [EVENT_RETRY] = (retry), [EVENT_EXHAUST] = (exhaust), [EVENT_EXHAUST_HOLD] = (exhaust_hold),                   \
        [EVENT_REFUSE] = (refuse), [EVENT_DEFER] = (defer), [EVENT_RELEASE] = (release), [EVENT_RESEND] = (resend),    \
        [EVENT_GIVE_UP] = (give_up), [EVENT_SUSPECT] = (suspect), [EVENT_POISON] = (poison), [EVENT_RENEW] = (renew),  \
        [EVENT_CANCEL] = (cancel), [EVENT_STEP] = (step), [EVENT_STOP] = (stop)                                        \
    }
    [STATE_PENDING] = ROW(STATE_CLAIMED, STATE_DEAD, NONE, NONE, NONE, STATE_DEAD, STATE_PENDING, NONE, NONE, NONE,
                          NONE, NONE, NONE, NONE, STATE_PENDING, STATE_CANCELLED, NONE, STATE_DEAD),
    [STATE_CLAIMED] = ROW(NONE, NONE, STATE_DELIVERED, STATE_AWAITING, STATE_PENDING, STATE_DEAD, STATE_PENDING,
                          STATE_DEAD, STATE_PENDING, STATE_PENDING, STATE_PENDING, STATE_DEAD, STATE_UNCERTAIN,
                          STATE_PENDING, NONE, NONE, STATE_PENDING, STATE_DEAD),
    [STATE_AWAITING] = ROW(NONE, NONE, STATE_DELIVERED, NONE, NONE, NONE, NONE, STATE_DEAD, NONE, NONE, NONE, NONE,
                           STATE_UNCERTAIN, NONE, NONE, NONE, NONE, NONE),
    [STATE_UNCERTAIN] = ROW(NONE, NONE, STATE_DELIVERED, NONE, STATE_PENDING, STATE_DEAD, NONE, STATE_DEAD, NONE, NONE,
                            STATE_PENDING, STATE_DEAD, NONE, STATE_PENDING, NONE, STATE_CANCELLED, NONE, NONE),
    [STATE_DELIVERED] = ROW(NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
                            NONE, NONE, NONE),
    [STATE_DEAD] = ROW(NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
                       STATE_PENDING, STATE_CANCELLED, NONE, NONE),
    [STATE_CANCELLED] = ROW(NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
                            NONE, NONE, NONE),
#undef ROW
};

static void every_event_in_every_state_moves_where_the_table_says_or_nowhere(void **state)
{
    (void)state;
    LAW(O1);
    for (enum state from = 0; from < STATE_COUNT; from++)
        for (enum task_event event = 0; event < EVENT_COUNT; event++) {
            enum state to = NONE;
            bool moved = pawli_state_next(from, event, &to);
            if (moved != (moves[from][event] != NONE) || to != moves[from][event])
                fail_msg("%s --%s--> %s", pawli_state_text(from), pawli_event_text(event),
                         to == NONE ? "nowhere" : pawli_state_text(to));
        }
}

static unsigned exits(enum state from)
{
    unsigned count = 0;
    enum state to;
    for (enum task_event event = 0; event < EVENT_COUNT; event++)
        count += pawli_state_next(from, event, &to);
    return count;
}

static void a_final_state_has_no_exit_and_an_ended_one_only_an_operators(void **state)
{
    (void)state;
    LAW(O1);
    enum state to;
    for (enum state from = 0; from < STATE_COUNT; from++)
        switch (pawli_state_kind(from)) {
        case STATE_KIND_FINAL:
            assert_int_equal(exits(from), 0);
            break;
        case STATE_KIND_ENDED:
            assert_int_equal(exits(from), 2);
            assert_true(pawli_state_next(from, EVENT_CANCEL, &to));
            assert_true(pawli_state_next(from, EVENT_RENEW, &to));
            break;
        case STATE_KIND_OPEN:
            assert_true(exits(from) > 1);
            break;
        }
}

static void every_state_is_reached_from_pending_and_every_open_one_can_end(void **state)
{
    (void)state;
    bool reached[STATE_COUNT] = {[STATE_PENDING] = true}, ends[STATE_COUNT] = {0};
    enum state to;
    for (enum state s = 0; s < STATE_COUNT; s++)
        ends[s] = pawli_state_kind(s) != STATE_KIND_OPEN;
    for (unsigned round = 0; round < STATE_COUNT; round++)
        for (enum state from = 0; from < STATE_COUNT; from++)
            for (enum task_event event = 0; event < EVENT_COUNT; event++)
                if (pawli_state_next(from, event, &to)) {
                    reached[to] |= reached[from];
                    ends[from] |= ends[to];
                }
    for (enum state s = 0; s < STATE_COUNT; s++) {
        assert_true(reached[s]);
        assert_true(ends[s]);
    }
}

static void an_uncertain_message_is_never_claimed(void **state)
{
    (void)state;
    LAW(O4);
    enum state to;
    for (enum state from = 0; from < STATE_COUNT; from++)
        assert_int_equal(pawli_state_next(from, EVENT_CLAIM, &to), from == STATE_PENDING);
}

static void a_claimed_message_is_never_cancelled_under_its_worker(void **state)
{
    (void)state;
    LAW(O2);
    enum state to;
    assert_false(pawli_state_next(STATE_CLAIMED, EVENT_CANCEL, &to));
    assert_false(pawli_state_next(STATE_AWAITING, EVENT_CANCEL, &to));
}

static void states_are_written_and_read_by_their_names(void **state)
{
    (void)state;
    static const char *const names[STATE_COUNT] = {"pending",   "claimed", "awaiting", "uncertain",
                                                   "delivered", "dead",    "cancelled"};
    for (enum state s = 0; s < STATE_COUNT; s++) {
        enum state read = NONE;
        assert_string_equal(pawli_state_text(s), names[s]);
        assert_true(pawli_state_parse(text_of(names[s]), &read));
        assert_int_equal(read, s);
        assert_true(strlen(pawli_state_meaning(s)) > 5);
    }
    enum state untouched = NONE;
    static const char *const unknown[] = {"", "Pending", "pending ", "pend", "leased", "ready"};
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        assert_false(pawli_state_parse(text_of(unknown[i]), &untouched));
    assert_false(pawli_state_parse((struct text){0}, &untouched));
    assert_int_equal(untouched, NONE);
    for (enum task_event a = 0; a < EVENT_COUNT; a++)
        for (enum task_event b = 0; b < a; b++)
            assert_string_not_equal(pawli_event_text(a), pawli_event_text(b));
}

static void a_task_shows_its_state_by_its_phase_and_place(void **state)
{
    (void)state;
    static const struct {
        enum phase phase;
        enum place place;
        enum state state;
    } rows[] = {
        {PHASE_SEND, PLACE_READY, STATE_PENDING},      {PHASE_SEND, PLACE_BLOCKED, STATE_PENDING},
        {PHASE_SEND, PLACE_HELD, STATE_PENDING},       {PHASE_SEND, PLACE_CLAIMED, STATE_CLAIMED},
        {PHASE_POLL, PLACE_READY, STATE_AWAITING},     {PHASE_POLL, PLACE_CLAIMED, STATE_AWAITING},
        {PHASE_POLL, PLACE_HELD, STATE_AWAITING},      {PHASE_PROBE, PLACE_READY, STATE_UNCERTAIN},
        {PHASE_PROBE, PLACE_CLAIMED, STATE_UNCERTAIN}, {PHASE_PROBE, PLACE_HELD, STATE_UNCERTAIN},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(pawli_state_of(rows[i].phase, rows[i].place), rows[i].state);
    struct task_row task = {.place = PLACE_ENDED, .phase = PHASE_POLL, .ended = STATE_DEAD};
    assert_int_equal(task_state(&task), STATE_DEAD);
    task.place = PLACE_HELD;
    assert_int_equal(task_state(&task), STATE_AWAITING);
    assert_int_equal(pawli_phase_of(STATE_PENDING), PHASE_SEND);
    assert_int_equal(pawli_phase_of(STATE_AWAITING), PHASE_POLL);
    assert_int_equal(pawli_phase_of(STATE_UNCERTAIN), PHASE_PROBE);
}

/* ---- policies ---- */

static struct policy policy_of(const char *settings)
{
    struct policy policy = pawli_policy_default(POLICY_OF_MESSAGES);
    pawl_error err;
    while (*settings) {
        size_t key = strcspn(settings, "="), value = strcspn(settings + key + 1, " ");
        assert_ok(
            pawli_policy_set(&policy, (struct text){settings, key}, (struct text){settings + key + 1, value}, &err));
        settings += key + 1 + value;
        settings += strspn(settings, " ");
    }
    return policy;
}

/* As the manual gives them: key, default, least and greatest value. */
static const struct {
    const char *key, *value;
    int64_t number, min, max;
} numbers[] = {
    {"max_attempts", "40", 40, 1, 1000000},
    {"backoff_ms", "1000", 1000, 0, 31536000000},
    {"backoff_max_ms", "3600000", 3600000, 0, 31536000000},
    {"backoff_offset", "0", 0, 0, 62},
    {"jitter_percent", "20", 20, 0, 100},
    {"lease_ms", "30000", 30000, 1, 86400000},
    {"timeout_ms", "15000", 15000, 1, 86400000},
    {"age_limit_ms", "604800000", 604800000, 1, 3153600000000},
    {"key_concurrency", "1", 1, 1, 1000},
    {"concurrency", "32", 32, 1, 10000},
    {"keep_ms", "0", 0, 0, 3153600000000},
    {"dedupe_keep_ms", "2592000000", 2592000000, 0, 3153600000000},
    {"retry_after_max_ms", "86400000", 86400000, 0, 31536000000},
    {"keep_delivered_ms", "", POLICY_NONE, 0, 3153600000000},
    {"keep_dead_ms", "", POLICY_NONE, 0, 3153600000000},
    {"crash_limit", "5", 5, 1, 1000000},
    {"probe_backoff_ms", "1000", 1000, 0, 31536000000},
    {"probe_limit_ms", "86400000", 86400000, 1, 31536000000},
    {"poll_deadline_ms", "86400000", 86400000, 1, 31536000000},
    {"gone_ms", "600000", 600000, 0, 31536000000},
    {"burst", "", POLICY_NONE, 1, 1000000},
    {"lane_concurrency", "", POLICY_NONE, 1, 1000000},
    {"breaker_open_ms", "30000", 30000, 1, 86400000},
    {"breaker_disable", "10", 10, 1, 1000000},
    {"slow_start_ms", "30000", 30000, 0, 86400000},
    {"retry_budget_percent", "20", 20, 0, 1000000},
    {"max_rejections", "10", 10, 1, 1000000},
    {"may_start_again", "0", 0, 0, 1},
};

static const struct {
    const char *key;
    const char *words[5]; /* the default first; NULL ends them */
} words[] = {
    {"backoff_shape", {"exponential", "quadratic", "fixed"}},
    {"unknown", {"resend", "hold", NULL}},
    {"exhausted", {"dead", "hold", NULL}},
    {"key_dead", {"skip", "block", NULL}},
    {"key_release", {"ended", "submitted", NULL}},
    {"unreachable", {"retry", "defer", NULL}},
    {"accept", {"return", "bind", "rebind", "refuse", NULL}},
};
#define OTHERS 4 /* http_permanent, http_retry, rate, breaker: a_value_is_kept_as_it_is_meant */
static_assert(COUNT_OF(numbers) + COUNT_OF(words) + OTHERS == POLICY_COUNT, "a new key needs a row here");

static enum policy_key key_of(const char *name)
{
    for (enum policy_key key = 0; key < POLICY_COUNT; key++)
        if (strcmp(pawli_policy_key_text(key), name) == 0)
            return key;
    fail_msg("no key %s", name);
    return POLICY_COUNT;
}

static void every_key_has_its_default_and_takes_its_range(void **state)
{
    (void)state;
    struct policy defaults = pawli_policy_default(POLICY_OF_MESSAGES);
    pawl_error err;
    assert_int_equal(defaults.set, 0); /* a default is not set: a lane's value must beat it */
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        enum policy_key key = key_of(numbers[i].key);
        assert_true(policy_get(&defaults, key) == numbers[i].number);
        assert_true(strlen(pawli_policy_key_meaning(key)) > 5);
        const int64_t tried[] = {numbers[i].min - 1, numbers[i].min, numbers[i].max, numbers[i].max + 1};
        for (size_t t = 0; t < COUNT_OF(tried); t++) {
            struct policy policy = {0};
            char value[24], bounds[64];
            bool is_good = t == 1 || t == 2;
            snprintf(value, sizeof value, "%lld", (long long)tried[t]);
            int status = pawli_policy_set(&policy, text_of(numbers[i].key), text_of(value), &err);
            assert_int_equal(status, is_good ? PAWL_OK : PAWL_EINVAL);
            assert_true(policy.set == (is_good ? UINT64_C(1) << key : 0));
            if (is_good) {
                assert_true(policy.values[key] == tried[t]);
            } else { /* the message names the field and what was given, the hint its limits */
                snprintf(bounds, sizeof bounds, "%lld to %lld", (long long)numbers[i].min, (long long)numbers[i].max);
                assert_non_null(strstr(err.text, numbers[i].key));
                assert_non_null(strstr(err.text, value));
                assert_non_null(strstr(err.hint, bounds));
            }
        }
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        enum policy_key key = key_of(words[i].key);
        assert_int_equal(policy_get(&defaults, key), 0);
        struct policy policy = {0};
        for (int w = 0; words[i].words[w]; w++) {
            assert_ok(pawli_policy_set(&policy, text_of(words[i].key), text_of(words[i].words[w]), &err));
            assert_int_equal(policy.values[key], w);
        }
        assert_status(pawli_policy_set(&policy, text_of(words[i].key), TEXT("maybe"), &err), PAWL_EINVAL);
        assert_non_null(strstr(err.text, words[i].key));
        assert_non_null(strstr(err.hint, words[i].words[0]));
        assert_non_null(strstr(err.hint, words[i].words[1]));
    }
}

static void a_value_is_kept_as_it_is_meant(void **state)
{
    (void)state;
    pawl_error err;
    static const struct {
        const char *key, *given, *kept; /* NULL: refused */
    } rows[] = {{"http_permanent", "404", "404"},
                {"http_retry", "404", "404"},
                {"http_permanent", "422,404,404", "404,422"},
                {"http_permanent", "400,451,500,510", "400,451,500,510"},
                {"http_permanent", "none", "none"},
                {"http_permanent", "399", NULL},
                {"http_permanent", "452", NULL},
                {"http_permanent", "499", NULL},
                {"http_permanent", "511", NULL},
                {"http_permanent", "200", NULL},
                {"http_permanent", "404,", NULL},
                {"http_permanent", ",404", NULL},
                {"http_permanent", "404, 422", NULL},
                {"http_permanent", "x", NULL},
                {"http_permanent", "404,none", NULL},
                {"rate", "100/1s", "100/1s"},
                {"rate", "100/1000ms", "100/1s"},
                {"rate", "5/90s", "5/90s"},
                {"rate", "5/60s", "5/1m"},
                {"rate", "1/24h", "1/1d"},
                {"rate", "1/1ms", "1/1ms"},
                {"rate", "none", "none"},
                {"rate", "0/1s", NULL},
                {"rate", "-1/1s", NULL},
                {"rate", "1000001/1s", NULL},
                {"rate", "1/0s", NULL},
                {"rate", "1/-1s", NULL},
                {"rate", "1/2d", NULL},
                {"rate", "1/99999999999999999d", NULL},
                {"rate", "1/1", NULL},
                {"rate", "1/s", NULL},
                {"rate", "100", NULL},
                {"rate", "/1s", NULL},
                {"rate", "1/1s/1s", NULL},
                {"breaker", "50%/20", "50%/20"},
                {"breaker", "100%/1000000", "100%/1000000"},
                {"breaker", "off", "off"},
                {"breaker", "0%/20", NULL},
                {"breaker", "101%/20", NULL},
                {"breaker", "50%/0", NULL},
                {"breaker", "50/20", NULL},
                {"breaker", "%/20", NULL},
                {"breaker", "50%", NULL}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct policy policy = {0}, again;
        struct arena arena = {0};
        char json[128];
        int status = pawli_policy_set(&policy, text_of(rows[i].key), text_of(rows[i].given), &err);
        assert_int_equal(status, rows[i].kept ? PAWL_OK : PAWL_EINVAL);
        if (!rows[i].kept) {
            assert_true(err.hint[0] != '\0');
            continue;
        }
        struct text stored = pawli_policy_json(&policy, &arena);
        snprintf(json, sizeof json, "{\"%s\":\"%s\"}", rows[i].key, rows[i].kept);
        assert_true(text_is(stored, json));
        assert_ok(pawli_policy_parse(stored, &again, &err));
        assert_memory_equal(&again, &policy, sizeof policy);
        pawli_arena_done(&arena);
    }
    struct policy policy = pawli_policy_default(POLICY_OF_MESSAGES);
    assert_int_equal(pawli_policy_rate(&policy, POLICY_RATE).count, 0);
    assert_int_equal(pawli_policy_portion(&policy, POLICY_BREAKER).percent, 0);
    assert_ok(pawli_policy_set(&policy, TEXT("rate"), TEXT("7/2m"), &err));
    assert_ok(pawli_policy_set(&policy, TEXT("breaker"), TEXT("30%/9"), &err));
    assert_int_equal(pawli_policy_rate(&policy, POLICY_RATE).count, 7);
    assert_int_equal(pawli_policy_rate(&policy, POLICY_RATE).period_ms, 120000);
    assert_int_equal(pawli_policy_portion(&policy, POLICY_BREAKER).percent, 30);
    assert_int_equal(pawli_policy_portion(&policy, POLICY_BREAKER).least, 9);
}

static void some_statuses_are_final(void **state)
{
    (void)state;
    struct policy defaults = pawli_policy_default(POLICY_OF_MESSAGES);
    size_t final = 0;
    for (int code = 0; code < 1000; code++)
        final += pawli_policy_is_permanent(&defaults, code);
    assert_int_equal(final, 10);
}

static void what_is_no_value_of_a_policy_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
    } rows[] = {{"max_attempts", "1.5"},
                {"max_attempts", "x"},
                {"max_attempts", " 5"},
                {"max_attempts", "5 "},
                {"max_attempts", "+5"},
                {"max_attempts", "5e1"},
                {"max_attempts", "0x5"},
                {"backoff_shape", "exp"},
                {"backoff_shape", "Exponential"},
                {"unknown", "0"},
                {"unknown", "resend|hold"},
                {"max_attempts", "99999999999999999999"},
                {"max_attempt", "5"},
                {"", "5"},
                {"MAX_ATTEMPTS", "5"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct policy policy = {0};
        pawl_error err;
        assert_status(pawli_policy_set(&policy, text_of(rows[i].key), text_of(rows[i].value), &err), PAWL_EINVAL);
        assert_int_equal(policy.set, 0);
        assert_true(err.hint[0] != '\0');
    }
}

static void a_target_beats_its_lane_which_beats_the_default(void **state)
{
    (void)state;
    struct policy lane = {0}, target = {0};
    pawl_error err;
    assert_ok(pawli_policy_set(&lane, TEXT("max_attempts"), TEXT("5"), &err));
    assert_ok(pawli_policy_set(&lane, TEXT("unknown"), TEXT("hold"), &err));
    assert_ok(pawli_policy_set(&target, TEXT("max_attempts"), TEXT("7"), &err));
    assert_ok(pawli_policy_set(&target, TEXT("unknown"), TEXT("resend"), &err)); /* the default, but set */
    struct policy both = pawli_policy_effective(POLICY_OF_MESSAGES, &lane, &target),
                  only_lane = pawli_policy_effective(POLICY_OF_MESSAGES, &lane, NULL),
                  neither = pawli_policy_effective(POLICY_OF_MESSAGES, NULL, NULL);
    assert_int_equal(policy_get(&both, POLICY_MAX_ATTEMPTS), 7);
    assert_int_equal(policy_get(&both, POLICY_UNKNOWN), UNKNOWN_RESEND);
    assert_int_equal(policy_get(&both, POLICY_LEASE_MS), 30000);
    assert_int_equal(policy_get(&only_lane, POLICY_MAX_ATTEMPTS), 5);
    assert_int_equal(policy_get(&only_lane, POLICY_UNKNOWN), UNKNOWN_HOLD);
    assert_int_equal(policy_get(&neither, POLICY_MAX_ATTEMPTS), 40);
    assert_ok(pawli_policy_set(&target, TEXT("max_attempts"), TEXT(""), &err)); /* unset again */
    both = pawli_policy_effective(POLICY_OF_MESSAGES, &lane, &target);
    assert_int_equal(policy_get(&both, POLICY_MAX_ATTEMPTS), 5);
}

static void a_policy_is_stored_as_json_and_read_back(void **state)
{
    (void)state;
    struct arena arena = {0};
    pawl_error err;
    struct policy policy = {0}, read;
    assert_true(text_is(pawli_policy_json(&policy, &arena), "{}"));
    assert_ok(pawli_policy_set(&policy, TEXT("unknown"), TEXT("hold"), &err));
    assert_ok(pawli_policy_set(&policy, TEXT("max_attempts"), TEXT("3"), &err));
    assert_ok(pawli_policy_set(&policy, TEXT("keep_ms"), TEXT("3153600000000"), &err));
    struct text json = pawli_policy_json(&policy, &arena);
    assert_true(text_is(json, "{\"max_attempts\":3,\"unknown\":\"hold\",\"keep_ms\":3153600000000}"));
    assert_ok(pawli_policy_parse(json, &read, &err));
    assert_memory_equal(&read, &policy, sizeof read);
    static const char *const damaged[] = {"",
                                          "[]",
                                          "1",
                                          "{\"max_attempts\":0}",
                                          "{\"no_such_key\":1}",
                                          "{\"unknown\":1}",
                                          "{\"max_attempts\":{}}",
                                          "{\"max_attempts\":5",
                                          "{\"unknown\":\"never\"}"};
    for (size_t i = 0; i < COUNT_OF(damaged); i++) {
        read = policy;
        assert_status(pawli_policy_parse(text_of(damaged[i]), &read, &err), PAWL_ECORRUPT);
        assert_memory_equal(&read, &policy, sizeof read);
    }
    pawli_arena_done(&arena);
}

static void a_cap_of_the_delay_below_its_base_is_refused(void **state)
{
    (void)state;
    pawl_error err;
    struct policy policy = policy_of("backoff_ms=500 backoff_max_ms=499");
    assert_status(pawli_policy_check(&policy, &err), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "backoff_max_ms 499"));
    assert_non_null(strstr(err.text, "backoff_ms 500"));
    policy = policy_of("backoff_ms=500 backoff_max_ms=500");
    assert_ok(pawli_policy_check(&policy, &err));
    policy = pawli_policy_default(POLICY_OF_MESSAGES);
    assert_ok(pawli_policy_check(&policy, &err));
}

/* ---- delays ---- */

/* The curves of programs that pawl takes the place of, in milliseconds after attempt 1, 2, … */
static const struct {
    const char *policy;
    int64_t delays[8];
} curves[] = {
    {"", {1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000}},
    {"backoff_ms=500 backoff_offset=1", {1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000}},
    {"backoff_ms=500 backoff_offset=0", {500, 1000, 2000, 4000, 8000, 16000, 32000, 64000}},
    {"backoff_shape=quadratic backoff_max_ms=31536000000", {1000, 4000, 9000, 16000, 25000, 36000, 49000, 64000}},
    {"backoff_shape=quadratic backoff_ms=100 backoff_max_ms=1000", {100, 400, 900, 1000, 1000, 1000, 1000, 1000}},
    {"backoff_shape=fixed backoff_ms=250", {250, 250, 250, 250, 250, 250, 250, 250}},
    {"backoff_ms=5 backoff_max_ms=20", {5, 10, 20, 20, 20, 20, 20, 20}},
    {"backoff_ms=0", {0, 0, 0, 0, 0, 0, 0, 0}},
    {"backoff_ms=0 backoff_shape=quadratic", {0, 0, 0, 0, 0, 0, 0, 0}},
    {"backoff_offset=62", {3600000, 3600000, 3600000, 3600000, 3600000, 3600000, 3600000, 3600000}},
    {"backoff_ms=7 backoff_max_ms=7", {7, 7, 7, 7, 7, 7, 7, 7}},
};

static void delays_follow_their_curve(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        struct policy policy = policy_of(curves[i].policy);
        for (uint64_t attempt = 1; attempt <= 8; attempt++)
            if (pawli_backoff_ms(&policy, attempt) != curves[i].delays[attempt - 1])
                fail_msg("{%s}: after attempt %llu a delay of %lld ms", curves[i].policy, (unsigned long long)attempt,
                         (long long)pawli_backoff_ms(&policy, attempt));
    }
}

static void a_delay_after_very_many_attempts_is_the_greatest_and_never_wraps(void **state)
{
    (void)state;
    static const uint64_t attempts[] = {30,         62,
                                        63,         64,
                                        65,         128,
                                        65535,      65536,
                                        65537,      1u << 31,
                                        UINT32_MAX, (uint64_t)UINT32_MAX + 1,
                                        INT64_MAX,  UINT64_MAX - 1,
                                        UINT64_MAX};
    static const char *const shapes[] = {"", "backoff_offset=62", "backoff_shape=quadratic backoff_max_ms=900000",
                                         "backoff_ms=31536000000 backoff_max_ms=31536000000",
                                         "backoff_shape=quadratic backoff_ms=31536000000 backoff_max_ms=31536000000"};
    for (size_t s = 0; s < COUNT_OF(shapes); s++) {
        struct policy policy = policy_of(shapes[s]);
        for (size_t i = 0; i < COUNT_OF(attempts); i++)
            assert_true(pawli_backoff_ms(&policy, attempts[i]) == policy_get(&policy, POLICY_BACKOFF_MAX_MS));
    }
    struct policy policy = pawli_policy_default(POLICY_OF_MESSAGES);
    assert_int_equal(pawli_backoff_ms(&policy, 0), 1000);
}

static void a_delay_never_shrinks_with_attempts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        struct policy policy = policy_of(curves[i].policy);
        int64_t last = 0;
        for (uint64_t attempt = 1; attempt < 300; attempt++) {
            int64_t delay = pawli_backoff_ms(&policy, attempt);
            assert_true(delay >= last);
            assert_true(delay <= policy_get(&policy, POLICY_BACKOFF_MAX_MS));
            last = delay;
        }
    }
}

static void jitter_only_shortens_and_no_further_than_its_band(void **state)
{
    (void)state;
    struct random random = random_begin("jitter");
    static const int percents[] = {0, 1, 20, 50, 99, 100};
    for (size_t p = 0; p < COUNT_OF(percents); p++)
        for (size_t i = 0; i < COUNT_OF(curves); i++) {
            struct policy policy = policy_of(curves[i].policy);
            policy.values[POLICY_JITTER_PERCENT] = percents[p];
            for (uint64_t attempt = 1; attempt <= 8; attempt++) {
                int64_t delay = curves[i].delays[attempt - 1], band = delay * percents[p] / 100;
                bool below_half = false, above_half = false;
                for (int draw = 0; draw < 200; draw++) {
                    int64_t got = pawli_backoff_jittered_ms(&policy, attempt, random_next(&random));
                    assert_true(got >= delay - band && got <= delay);
                    below_half |= got < delay - band / 2;
                    above_half |= got > delay - band / 2;
                }
                if (band >= 10) { /* 2^-200: it uses its whole band */
                    assert_true(below_half);
                    assert_true(above_half);
                }
                assert_true(pawli_backoff_jittered_ms(&policy, attempt, 0) == delay);
                assert_true(pawli_backoff_jittered_ms(&policy, attempt, (uint64_t)band) == delay - band);
            }
        }
}

static void what_a_receiver_asked_for_is_only_lengthened(void **state)
{
    (void)state;
    struct random random = random_begin("asked");
    static const int percents[] = {0, 20, 100};
    static const int64_t asked[] = {0, 1, 1000, 30000, 3600000, 86400000, INT64_MAX - 1};
    for (size_t p = 0; p < COUNT_OF(percents); p++)
        for (size_t i = 0; i < COUNT_OF(asked); i++) {
            struct policy policy = pawli_policy_default(POLICY_OF_MESSAGES);
            policy.values[POLICY_JITTER_PERCENT] = percents[p];
            int64_t max = policy_get(&policy, POLICY_BACKOFF_MAX_MS);
            int64_t band = (asked[i] < max ? asked[i] : max) * percents[p] / 100;
            bool differs = false;
            for (int draw = 0; draw < 200; draw++) {
                int64_t got = pawli_asked_jittered_ms(&policy, asked[i], random_next(&random));
                assert_true(got >= asked[i] && (asked[i] > INT64_MAX - band || got <= asked[i] + band));
                differs |= got != asked[i];
            }
            assert_true(differs == (band > 0)); /* 2^-200, or worse where the band is small */
        }
}

/* ---- validation ---- */

static char long_text[LIMIT_BODY + 2];

static struct text of_size(size_t size)
{
    memset(long_text, 'x', sizeof long_text);
    return (struct text){long_text, size};
}

/* A refusal has its status, names the field, and the limit where there is one; an error of before is not its own. */
static void assert_refused(int status, int expected, const pawl_error *err, const char *field, const char *limit)
{
    assert_int_equal(status, expected);
    assert_int_equal(err->status, expected);
    if (!strstr(err->text, field))
        fail_msg("\"%s\" does not name %s", err->text, field);
    if (limit && !strstr(err->text, limit) && !strstr(err->hint, limit))
        fail_msg("\"%s\" (%s) does not name %s", err->text, err->hint, limit);
}

#define assert_refuses(call, expected, field, limit)                                                                   \
    do {                                                                                                               \
        pawl_error err = {0};                                                                                          \
        assert_refused((call), (expected), &err, (field), (limit));                                                    \
    } while (0)

#define assert_accepts(call)                                                                                           \
    do {                                                                                                               \
        pawl_error err = {0};                                                                                          \
        assert_ok(call);                                                                                               \
        assert_int_equal(err.status, 0);                                                                               \
    } while (0)

static void names_are_of_a_few_characters_and_have_a_limit(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        char name[] = {'a', (char)c, 'b'};
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                     c == '_' || c == '-';
        pawl_error err;
        assert_int_equal(pawli_check_name("lane", (struct text){name, 3}, &err), plain ? PAWL_OK : PAWL_EINVAL);
        assert_int_equal(pawli_check_topic("topic", (struct text){name, 3}, &err),
                         plain || c == '/' ? PAWL_OK : PAWL_EINVAL);
    }
    assert_accepts(pawli_check_name("lane", of_size(1), &err));
    assert_accepts(pawli_check_name("lane", of_size(128), &err));
    assert_refuses(pawli_check_name("lane", of_size(129), &err), PAWL_EINVAL, "lane is 129 bytes", "128");
    assert_refuses(pawli_check_topic("topic", of_size(129), &err), PAWL_EINVAL, "topic is 129 bytes", "128");
    static const struct text blank[] = {{0}, {"", 0}, {" ", 1}, {"\t\r\n ", 4}};
    for (size_t i = 0; i < COUNT_OF(blank); i++) {
        assert_refuses(pawli_check_name("target", blank[i], &err), PAWL_EINVAL, "target is missing or blank", NULL);
        assert_refuses(pawli_check_topic("topic", blank[i], &err), PAWL_EINVAL, "topic is missing or blank", NULL);
    }
    assert_refuses(pawli_check_name("scope", TEXT(" a"), &err), PAWL_EINVAL, "scope \" a\"", "A-Z"); /* not trimmed */
    assert_refuses(pawli_check_name("type", TEXT("gr\xc3\xbcn"), &err), PAWL_EINVAL, "type", "A-Z");
}

static void names_of_pawl_itself_are_reserved(void **state)
{
    (void)state;
    assert_refuses(pawli_check_name("lane", TEXT("pawl.x"), &err), PAWL_EINVAL, "lane \"pawl.x\" is reserved", NULL);
    assert_refuses(pawli_check_name("lane", TEXT("pawl."), &err), PAWL_EINVAL, "reserved", NULL);
    assert_refuses(pawli_check_topic("topic", TEXT("pawl.a/b"), &err), PAWL_EINVAL, "topic \"pawl.a/b\"", NULL);
    assert_accepts(pawli_check_name("lane", TEXT("pawl"), &err));
    assert_accepts(pawli_check_name("lane", TEXT("pawls.x"), &err));
    assert_accepts(pawli_check_name("lane", TEXT("Pawl.x"), &err));
    assert_accepts(pawli_check_name_or_reserved("scope", TEXT("pawl.operator"), &err));
    assert_refuses(pawli_check_name_or_reserved("scope", TEXT("pawl/x"), &err), PAWL_EINVAL, "scope", NULL);
}

static void keys_are_text_without_control_characters_and_have_a_limit(void **state)
{
    (void)state;
    assert_accepts(pawli_check_key("dedupe", (struct text){0}, &err)); /* absent */
    assert_accepts(pawli_check_key("dedupe", TEXT(" order 7 \xe2\x82\xac / \"x\" "), &err));
    assert_accepts(pawli_check_key("dedupe", of_size(256), &err));
    assert_refuses(pawli_check_key("dedupe", of_size(257), &err), PAWL_EINVAL, "dedupe is 257 bytes", "256");
    static const struct text blank[] = {{"", 0}, {" ", 1}, {"   ", 3}, {" \t ", 3}, {"\xc2\xa0\xe3\x80\x80", 5}};
    for (size_t i = 0; i < COUNT_OF(blank); i++)
        assert_refuses(pawli_check_key("key", blank[i], &err), PAWL_EINVAL, "key is blank", NULL);
    for (unsigned c = 0; c < 0x80; c++) {
        char key[] = {'a', (char)c, 'b'};
        pawl_error err;
        assert_int_equal(pawli_check_key("key", (struct text){key, 3}, &err),
                         c < 0x20 || c == 0x7F ? PAWL_EINVAL : PAWL_OK);
    }
    for (unsigned c = 0x80; c < 0xC0; c++) { /* the C1 controls end at U+009F */
        char key[] = {'a', (char)0xC2, (char)c};
        pawl_error err;
        assert_int_equal(pawli_check_key("key", (struct text){key, 3}, &err), c < 0xA0 ? PAWL_EINVAL : PAWL_OK);
    }
    assert_refuses(pawli_check_key("ref", TEXT("a\nb"), &err), PAWL_EINVAL, "ref has a control character", NULL);
    assert_refuses(pawli_check_key("ref", TEXT("\xff"), &err), PAWL_EINVAL, "ref is not UTF-8", NULL);
    assert_refuses(pawli_check_key("sender", TEXT("\xed\xa0\x80"), &err), PAWL_EINVAL, "sender is not UTF-8", NULL);
}

static void texts_have_the_limit_they_are_given(void **state)
{
    (void)state;
    assert_accepts(pawli_check_text("remote_id", (struct text){0}, 10, &err));
    assert_accepts(pawli_check_text("remote_id", TEXT(""), 10, &err));
    assert_accepts(pawli_check_text("remote_id", of_size(10), 10, &err));
    assert_accepts(pawli_check_text("remote_id", TEXT("a\n\xc3\xa9"), 10, &err));
    assert_refuses(pawli_check_text("remote_id", of_size(11), 10, &err), PAWL_EINVAL, "remote_id is 11 bytes", "10");
    assert_refuses(pawli_check_text("remote_id", TEXT("a\0b"), 10, &err), PAWL_EINVAL, "remote_id is not UTF-8", NULL);
    assert_refuses(pawli_check_text("remote_id", TEXT("\xc3"), 10, &err), PAWL_EINVAL, "remote_id is not UTF-8", NULL);
}

static void bodies_are_any_bytes_up_to_a_mebibyte(void **state)
{
    (void)state;
    assert_accepts(pawli_check_body("data", (struct text){0}, &err));
    assert_accepts(pawli_check_body("data", TEXT("\0\xff"), &err));
    assert_accepts(pawli_check_body("data", of_size(1048576), &err));
    assert_refuses(pawli_check_body("data", of_size(1048577), &err), PAWL_ELIMIT, "data is 1048577 bytes", "1048576");
}

static void a_content_type_is_printable_ascii(void **state)
{
    (void)state;
    assert_accepts(pawli_check_content_type((struct text){0}, &err));
    assert_accepts(pawli_check_content_type(TEXT("text/plain; charset=utf-8"), &err));
    assert_accepts(pawli_check_content_type(of_size(127), &err));
    static const struct text malformed[] = {{"", 0}, {" ", 1}, {"a\n", 2}, {"a\0", 2}, {"\x7f", 1}, {"t\xc3\xa9xt", 5}};
    for (size_t i = 0; i < COUNT_OF(malformed); i++)
        assert_refuses(pawli_check_content_type(malformed[i], &err), PAWL_EINVAL, "content_type", "127");
    assert_refuses(pawli_check_content_type(of_size(128), &err), PAWL_EINVAL, "content_type", "127");
}

static void the_content_type_of_a_body_is_what_it_parses_as(void **state)
{
    (void)state;
    static const char *const json[] = {"{}", " [1] ", "1", "\"x\"", "null"};
    static const char *const other[] = {"", "x", "{", "{\"a\":1,\"a\":1}", "\xff", "{}{}", "<a/>"};
    for (size_t i = 0; i < COUNT_OF(json); i++)
        assert_true(text_is(pawli_content_type_of(text_of(json[i])), "application/json"));
    for (size_t i = 0; i < COUNT_OF(other); i++)
        assert_true(text_is(pawli_content_type_of(text_of(other[i])), "application/octet-stream"));
    fail_allocation(1);
    assert_null(pawli_content_type_of(TEXT("{\"a\":1}")).data); /* without memory nobody knows */
}

static void headers_are_lower_case_tokens_with_printable_values(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        char name[] = {'x', (char)c, 'y'}, value[] = {'v', (char)c, 'w'};
        bool token = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     (c && c < 0x80 && strchr("!#$%&'*+-.^_`|~", (int)c));
        bool printable = (c >= 0x20 && c < 0x7F) || c == '\t';
        pawl_error err;
        assert_int_equal(pawli_check_header((struct text){name, 3}, TEXT("v"), &err), token ? PAWL_OK : PAWL_EINVAL);
        assert_int_equal(pawli_check_header(TEXT("x-a"), (struct text){value, 3}, &err),
                         printable ? PAWL_OK : PAWL_EINVAL);
    }
    assert_accepts(pawli_check_header(TEXT("x"), TEXT(""), &err));
    assert_accepts(pawli_check_header(TEXT("x"), TEXT("gr\xc3\xbc\xc3\x9f"), &err));
    assert_accepts(pawli_check_header(TEXT("authorization"), of_size(4096 - 13), &err));
    assert_refuses(pawli_check_header(TEXT("authorization"), of_size(4096 - 12), &err), PAWL_ELIMIT, "authorization",
                   "4096");
    assert_refuses(pawli_check_header(TEXT(""), TEXT("v"), &err), PAWL_EINVAL, "headers", NULL);
    assert_refuses(pawli_check_header(TEXT("X-Id"), TEXT("v"), &err), PAWL_EINVAL, "X-Id", "lower case");
    assert_refuses(pawli_check_header(TEXT("x-a"), TEXT("a\r\nb: c"), &err), PAWL_EINVAL, "x-a", NULL);
    assert_refuses(pawli_check_header(TEXT("x-a"), TEXT("\xff"), &err), PAWL_EINVAL, "x-a", NULL);
}

static void a_message_may_not_speak_in_the_name_of_its_sink(void **state)
{
    (void)state;
    static const char *const own[] = {"host",
                                      "content-length",
                                      "content-type",
                                      "transfer-encoding",
                                      "connection",
                                      "keep-alive",
                                      "upgrade",
                                      "te",
                                      "trailer",
                                      "expect",
                                      "webhook-id",
                                      "webhook-timestamp",
                                      "webhook-signature"};
    for (size_t i = 0; i < COUNT_OF(own); i++)
        assert_refuses(pawli_check_header(text_of(own[i]), TEXT("v"), &err), PAWL_EINVAL, own[i], NULL);
    assert_accepts(pawli_check_header(TEXT("webhook-idx"), TEXT("v"), &err));
    assert_accepts(pawli_check_header(TEXT("content-encoding"), TEXT("gzip"), &err));
}

static void numbers_outside_their_range_are_refused(void **state)
{
    (void)state;
    assert_accepts(pawli_check_range("limit", 1, 1, 9, &err));
    assert_accepts(pawli_check_range("limit", 9, 1, 9, &err));
    assert_refuses(pawli_check_range("limit", 0, 1, 9, &err), PAWL_EINVAL, "limit is 0", "1 to 9");
    assert_refuses(pawli_check_range("limit", 10, 1, 9, &err), PAWL_EINVAL, "limit is 10", "1 to 9");
    assert_refuses(pawli_check_range("priority", INT64_MIN, 0, 9, &err), PAWL_EINVAL, "priority", "0 to 9");
}

static void a_reason_is_needed_and_has_a_limit(void **state)
{
    (void)state;
    assert_accepts(pawli_check_reason(TEXT("said so by telephone"), &err));
    assert_accepts(pawli_check_reason(of_size(1024), &err));
    assert_refuses(pawli_check_reason(of_size(1025), &err), PAWL_EINVAL, "reason is 1025 bytes", "1024");
    assert_refuses(pawli_check_reason((struct text){0}, &err), PAWL_EINVAL, "reason is missing", NULL);
    assert_refuses(pawli_check_reason(TEXT(" \n "), &err), PAWL_EINVAL, "reason is missing or blank", NULL);
    assert_refuses(pawli_check_reason(TEXT("\xff"), &err), PAWL_EINVAL, "reason", NULL);
}

/* ---- fingerprints: vectors of docs/format.md, made by tests/format/format.py ---- */

static void assert_digest(struct digest digest, const char *hex)
{
    char text[2 * DIGEST_SIZE + 1];
    pawli_hex(digest.bytes, DIGEST_SIZE, text);
    assert_string_equal(text, hex);
}

static struct digest command_fingerprint(struct hasher *hasher, struct text type, struct text ref, struct text content,
                                         struct text command)
{
    struct digest hash = pawli_sha256(hasher, command);
    return pawli_transition_fingerprint(hasher, type, ref, content, &hash);
}

static void the_fingerprint_of_a_transition_is_the_published_one(void **state)
{
    (void)state;
    struct hasher hasher;
    pawli_hasher_init(&hasher);
    assert_digest(
        command_fingerprint(&hasher, TEXT("PlaceOrder"), TEXT("order-1"), TEXT("application/json"), TEXT("{\"n\": 1}")),
        "c08f410d3fccac055e5213fd5e2187d368455d45c5b65b55383a7ddf0ea323a0");
    assert_digest(
        command_fingerprint(&hasher, TEXT("Tick"), (struct text){0}, TEXT("application/octet-stream"), TEXT("")),
        "90bd766f3ccf4955aae3064ff58962966af41e2c5d8a066a77d39f2c90cff5b9");
    pawli_hasher_done(&hasher);
}

static void the_fingerprint_of_a_transition_depends_on_what_identifies_it(void **state)
{
    (void)state;
    LAW(J1);
    static const struct text lists[][4] = {
        {TEXT("T"), TEXT("r"), TEXT("c"), TEXT("d")},  {TEXT("U"), TEXT("r"), TEXT("c"), TEXT("d")},
        {TEXT("T"), TEXT("s"), TEXT("c"), TEXT("d")},  {TEXT("T"), {0}, TEXT("c"), TEXT("d")},
        {TEXT("T"), TEXT("r"), TEXT("e"), TEXT("d")},  {TEXT("T"), TEXT("r"), TEXT("c"), TEXT("")},
        {TEXT("T"), TEXT("r"), TEXT("c"), TEXT("d ")}, {TEXT("Tr"), {0}, TEXT("c"), TEXT("d")},
        {TEXT("T"), TEXT("c"), TEXT("r"), TEXT("d")},
    };
    struct hasher hasher;
    struct digest digests[COUNT_OF(lists)];
    pawli_hasher_init(&hasher);
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        digests[i] = command_fingerprint(&hasher, lists[i][0], lists[i][1], lists[i][2], lists[i][3]);
        for (size_t j = 0; j < i; j++)
            assert_false(digest_equal(&digests[i], &digests[j]));
    }
    pawli_hasher_done(&hasher);
}

static struct message_row whole_message(void)
{
    return (struct message_row){
        .sender = TEXT("shop"),
        .key = TEXT("order-1"),
        .priority = 3,
        .content_type = TEXT("application/json"),
        .payload = TEXT("{\"a\":1}"),
        .headers = TEXT("{\"x-a\":\"1\",\"x-b\":\"\\u0022q\\u0022 \xe2\x82\xac\"}"),
        .deadline = {1700000000000},
    };
}

static void the_fingerprint_of_a_message_is_the_published_one(void **state)
{
    (void)state;
    struct hasher hasher;
    pawli_hasher_init(&hasher);
    struct message_row message = whole_message();
    assert_digest(pawli_message_fingerprint(&hasher, TEXT("mail"), TEXT("smtp"), &message),
                  "057129db892f0222948d02807132a923df643a79679ba5d77b019ebef7f6d2eb");
    struct message_row bare = {
        .priority = 5, .content_type = TEXT("application/octet-stream"), .payload = TEXT(""), .deadline = WALL_NEVER};
    assert_digest(pawli_message_fingerprint(&hasher, TEXT("mail"), TEXT("smtp"), &bare),
                  "a1ed553145a5d877cdf4531267b14dcdc1cdd1128769fe1ee698b9a5694c6d16");
    assert_false(hasher.failed);
    pawli_hasher_done(&hasher);
}

static void the_fingerprint_of_a_message_depends_on_what_identifies_it_and_on_nothing_else(void **state)
{
    (void)state;
    struct hasher hasher;
    pawli_hasher_init(&hasher);
    struct message_row rows[12];
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        rows[i] = whole_message();
    rows[1].sender = (struct text){0};
    rows[2].key = TEXT("order-2");
    rows[3].priority = 4;
    rows[4].content_type = TEXT("text/plain");
    rows[5].payload = TEXT("{\"a\":2}");
    rows[6].headers = (struct text){0};
    rows[7].headers = TEXT("{\"x-a\":\"1\",\"x-b\":\"2\"}");
    rows[8].deadline = WALL_NEVER;
    rows[9].deadline.ms++;
    rows[10].sender = TEXT("");
    rows[11].headers = TEXT("{\"x-a\":\"1\"}");
    struct digest digests[COUNT_OF(rows)];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        digests[i] = pawli_message_fingerprint(&hasher, TEXT("l"), TEXT("t"), &rows[i]);
        for (size_t j = 0; j < i; j++)
            if (digest_equal(&digests[i], &digests[j]))
                fail_msg("rows %zu and %zu", j, i);
    }
    struct digest swapped = pawli_message_fingerprint(&hasher, TEXT("t"), TEXT("l"), &rows[0]);
    assert_false(digest_equal(&swapped, &digests[0]));
    struct message_row same = whole_message(); /* what a retry may say anew, and what commit gives */
    same.available.ms = 5;
    same.expires.ms = 6;
    same.max_attempts = 7;
    same.created.ms = 8;
    same.number = 9;
    same.dedupe = TEXT("d");
    same.headers = TEXT("{\"x-a\":\"1\",\"x-b\":\"\\\"q\\\" \xe2\x82\xac\"}"); /* as it means */
    struct digest again = pawli_message_fingerprint(&hasher, TEXT("l"), TEXT("t"), &same);
    assert_true(digest_equal(&again, &digests[0]));
    pawli_hasher_done(&hasher);
}

static void a_fingerprint_without_memory_is_marked_as_none(void **state)
{
    (void)state;
    struct hasher hasher;
    pawli_hasher_init(&hasher);
    struct message_row message = whole_message();
    pawli_message_fingerprint(&hasher, TEXT("l"), TEXT("t"), &message); /* libcrypto has allocated what it keeps */
    assert_false(hasher.failed);
    fail_allocation(1); /* the decoded header */
    pawli_message_fingerprint(&hasher, TEXT("l"), TEXT("t"), &message);
    fail_allocation(0);
    assert_true(hasher.failed);
    pawli_hasher_done(&hasher);
}

/* ---- the chain ---- */

struct chained { /* a record with everything */
    struct record_row row;
    struct event events[3];
    struct record_message messages[2];
    struct record_body body;
};

static void chained_init(struct chained *chained, struct hasher *hasher)
{
    *chained = (struct chained){0};
    struct record_row *row = &chained->row;
    pawl_error err;
    assert_ok(pawl_uuid_parse("018f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8f", &row->request_id, &err));
    row->type = TEXT("PlaceOrder");
    row->ref = TEXT("order-1");
    row->received = (struct wall_time){1700000000001};
    row->pre = TEXT("\x01\x02");
    row->post = TEXT("\x03");
    row->duration_us = 250;
    row->effects = TEXT("{\"settled\":[{\"id\":\"x\"}]}");
    row->messages = (struct text){(const char *)chained->messages, sizeof chained->messages};
    row->fingerprint = command_fingerprint(hasher, row->type, row->ref, TEXT("application/json"), TEXT("{\"n\": 1}"));
    chained->body = (struct record_body){.row = row,
                                         .command = pawli_sha256(hasher, TEXT("{\"n\": 1}")),
                                         .response = pawli_sha256(hasher, TEXT("ok")),
                                         .has_response = true,
                                         .event_count = 3};
    for (size_t i = 0; i < 2; i++) {
        chained->messages[i].fingerprint = pawli_sha256(hasher, i == 0 ? TEXT("first") : TEXT("second"));
        put_be64(chained->messages[i].nonce, NONCE_NONE);
    }
    for (size_t i = 0; i < 3; i++)
        chained->events[i] = (struct event){.topic = TEXT("orders/new"),
                                            .type = TEXT("Placed"),
                                            .content_type = TEXT("application/json"),
                                            .keep = (enum keep)i,
                                            .hash = pawli_sha256(hasher, TEXT("{}"))};
    chained->events[1].key = TEXT("order-1");
    chained->events[2].has_stream_seq = true;
    chained->events[2].stream_seq = 77;
}

static struct digest body_of(struct chained *chained, struct hasher *hasher)
{
    pawli_record_body_begin(hasher, &chained->body);
    for (size_t i = 0; i < chained->body.event_count; i++)
        pawli_record_body_event(hasher, &chained->events[i]);
    return pawli_record_body_end(hasher, &chained->body);
}

static void the_digests_of_a_record_are_the_published_ones(void **state)
{
    (void)state;
    LAW(J3);
    struct hasher hasher;
    struct chained chained;
    pawli_hasher_init(&hasher);
    chained_init(&chained, &hasher);
    struct digest body = body_of(&chained, &hasher), previous = {0};
    assert_digest(body, "a778c14e9eeb68f5639602b7d894fdd1d717a31047c3ea0c88948dd08d0f3343");
    static const struct {
        uint64_t epoch, nonce; /* of the second message */
        const char *digest;
    } records[] = {{1, NONCE_NONE, "0762e4fd6f618a09d2ddbe92cf8f91bc2f3ee373c8c98472123162c998d03713"},
                   {2, NONCE_NONE, "4abd8ec4fee1c75a34eb8d4a70365822df2ea60bbc6144683281f1d4d2fc204a"},
                   {2, 77, "090cda804adc6fa62a6a5db950a12ce19118e77832d5a2f35851bad7107c2a79"}};
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        chained.row.seq = i + 1;
        chained.row.epoch = records[i].epoch;
        chained.row.committed = (struct wall_time){1700000000002 + (int64_t)i};
        put_be64(chained.messages[1].nonce, records[i].nonce);
        previous = pawli_record_digest(&hasher, TEXT("default"), &chained.row, &previous, &body);
        assert_digest(previous, records[i].digest);
    }
    pawli_hasher_done(&hasher);
}

static void the_digest_of_a_body_depends_on_every_part(void **state)
{
    (void)state;
    LAW(J3);
    struct hasher hasher;
    pawli_hasher_init(&hasher);
    enum { PARTS = 24 };
    struct digest digests[PARTS];
    for (int part = 0; part < PARTS; part++) {
        struct chained c;
        chained_init(&c, &hasher);
        switch (part) {
        case 1:
            c.row.request_id.bytes[15] ^= 1;
            break;
        case 2:
            c.row.fingerprint.bytes[31] ^= 1;
            break;
        case 3:
            c.row.type = TEXT("PlaceOrders");
            break;
        case 4:
            c.row.ref = (struct text){0};
            break;
        case 5:
            c.row.received.ms++;
            break;
        case 6:
            c.body.command.bytes[0] ^= 1;
            break;
        case 7:
            c.body.response.bytes[0] ^= 1;
            break;
        case 8:
            c.body.has_response = false;
            break;
        case 9:
            c.row.pre = TEXT("\x01");
            break;
        case 10:
            c.row.post = (struct text){0};
            break;
        case 11:
            c.row.duration_us = 0;
            break;
        case 12:
            c.row.effects = (struct text){0};
            break;
        case 13:
            c.messages[1].fingerprint.bytes[0] ^= 1;
            break;
        case 14:
            c.row.messages.size /= 2;
            break;
        case 15:
            c.body.event_count = 2;
            break;
        case 16:
            c.events[0].topic = TEXT("orders");
            break;
        case 17:
            c.events[0].type = TEXT("Place");
            break;
        case 18:
            c.events[0].key = TEXT("k");
            break;
        case 19:
            c.events[0].content_type = TEXT("text/plain");
            break;
        case 20:
            c.events[0].keep = KEEP_NONE;
            break;
        case 21:
            c.events[0].hash.bytes[0] ^= 1;
            break;
        case 22:
            c.events[2].has_stream_seq = false;
            break;
        case 23:
            c.events[2].stream_seq = 78;
            break;
        }
        digests[part] = body_of(&c, &hasher);
        for (int other = 0; other < part; other++)
            if (digest_equal(&digests[part], &digests[other]))
                fail_msg("parts %d and %d", other, part);
    }
    pawli_hasher_done(&hasher);
}

static void the_digest_of_a_record_depends_on_its_place_in_the_chain(void **state)
{
    (void)state;
    LAW(J3);
    struct hasher hasher;
    pawli_hasher_init(&hasher);
    enum { PLACES = 12 };
    struct digest digests[PLACES];
    for (int place = 0; place < PLACES; place++) {
        struct record_message messages[2] = {{.nonce = {0, 0, 0, 0, 0, 0, 0, 1}}, {.nonce = {0, 0, 0, 0, 0, 0, 0, 2}}};
        struct record_row row = {.epoch = place == 2 ? 2 : 1,
                                 .seq = place == 3 ? 2 : 1,
                                 .committed = {place == 6 ? 1700000000001 : 1700000000000},
                                 .messages = {(const char *)messages, sizeof messages}};
        struct digest none = {0}, body = pawli_sha256(&hasher, TEXT("b"));
        if (place >= 7) /* nonces: each of their bytes, none, one less, the other way round */
            messages[1].nonce[place == 7 ? 0 : 7] ^= place == 9 ? 0 : 1;
        if (place == 9)
            memset(messages[1].nonce, 0xff, sizeof messages[1].nonce);
        if (place == 10)
            row.messages.size /= 2, messages[0].nonce[7] = 9;
        if (place == 11)
            messages[0].nonce[7] = 2, messages[1].nonce[7] = 1;
        digests[place] = pawli_record_digest(&hasher, place == 1 ? TEXT("t") : TEXT("s"), &row,
                                             place == 4 ? &body : &none, place == 5 ? &none : &body);
        for (int other = 0; other < place; other++)
            assert_false(digest_equal(&digests[place], &digests[other]));
    }
    pawli_hasher_done(&hasher);
}

/* ---- traces ---- */

static void assert_texts(struct text got, struct text expected)
{
    if (!text_equal(got, expected))
        fail_msg("%.*s instead of %.*s", TEXT_ARG(got), TEXT_ARG(expected));
}

static void events_survive_their_trace_byte_for_byte(void **state)
{
    (void)state;
    char deep[JSON_DEPTH_MAX * 2];
    memset(deep, '[', JSON_DEPTH_MAX);
    memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    const struct text json = TEXT("application/json"), bytes = TEXT("application/octet-stream");
    struct digest hash = {{1, 2, 3}};
    const struct event given[] = {
        {.topic = TEXT("a/b"), .type = TEXT("T"), .content_type = json, .data = TEXT("{\"n\": 1.50 , \"n2\":1e5}")},
        {.topic = TEXT("a"), .type = TEXT("T"), .content_type = json, .data = TEXT(" \n[1 ]\t ")},
        {.topic = TEXT("a"), .type = TEXT("T"), .content_type = json, .data = {deep, sizeof deep}},
        {.topic = TEXT("a"), .type = TEXT("T"), .content_type = json, .data = TEXT("{\"keep\":\"none\"} ")},
        {.topic = TEXT("a"), .type = TEXT("T"), .content_type = bytes, .data = TEXT("\0\xff{")},
        {.topic = TEXT("a"), .type = TEXT("T"), .content_type = bytes, .data = TEXT("")},
        {.topic = TEXT("a"), .type = TEXT("T"), .content_type = TEXT("text/plain; q=\"1\""), .data = TEXT("1")},
        {.topic = TEXT("a"),
         .type = TEXT("T"),
         .content_type = json,
         .data = TEXT("\"]}\\\"\""),
         .key = TEXT("k \"\\ \xe2\x82\xac"),
         .has_stream_seq = true,
         .stream_seq = UINT64_MAX},
        {.topic = TEXT("a"), .type = TEXT("T"), .content_type = json, .keep = KEEP_REFERENCE, .hash = hash},
        {.topic = TEXT("a"),
         .type = TEXT("T"),
         .content_type = bytes,
         .keep = KEEP_NONE,
         .hash = hash,
         .has_stream_seq = true},
    };
    struct buffer buffer;
    struct arena arena = {0};
    buffer_init(&buffer, 1 << 16);
    pawli_trace_open(&buffer);
    for (size_t i = 0; i < COUNT_OF(given); i++)
        pawli_trace_event(&buffer, &arena, &given[i], (uint32_t)i);
    pawli_trace_close(&buffer);
    assert_false(buffer.failed);
    struct trace_walk walk;
    struct event got;
    assert_true(pawli_trace_begin(&walk, buffer_text(&buffer)));
    for (size_t i = 0; i < COUNT_OF(given); i++) {
        assert_int_equal(pawli_trace_next(&walk, &arena, &got), TRACE_EVENT);
        assert_texts(got.topic, given[i].topic);
        assert_texts(got.type, given[i].type);
        assert_texts(got.key, given[i].key);
        assert_texts(got.content_type, given[i].content_type);
        assert_texts(got.data, given[i].data);
        assert_int_equal(got.keep, given[i].keep);
        assert_int_equal(got.has_stream_seq, given[i].has_stream_seq);
        assert_true(got.stream_seq == given[i].stream_seq);
        if (given[i].keep != KEEP_FULL)
            assert_true(digest_equal(&got.hash, &hash));
    }
    assert_int_equal(pawli_trace_next(&walk, &arena, &got), TRACE_END);
    pawli_buffer_done(&buffer);
    pawli_arena_done(&arena);
}

static void a_damaged_trace_is_bad_and_an_absent_one_empty(void **state)
{
    (void)state;
    struct trace_walk walk;
    struct event event;
    struct arena arena = {0};
    assert_true(pawli_trace_begin(&walk, (struct text){0}));
    assert_int_equal(pawli_trace_next(&walk, &arena, &event), TRACE_END);
    static const char *const no_array[] = {"", "{}", "[", "[}", " []", "[] ", "[{]"};
    for (size_t i = 0; i < COUNT_OF(no_array); i++)
        assert_false(pawli_trace_begin(&walk, text_of(no_array[i])));
    static const char *const no_event[] = {"[1]",
                                           "[{}]",
                                           "[[]]",
                                           "[[\"a\"]]",
                                           "[[\"a\",\"b\"]]",
                                           "[[\"a\",\"b\",\"c\"]]",
                                           "[[1,\"b\",null,2]]",
                                           "[[\"a\",null,null,2]]",
                                           "[[\"a\",\"b\",1,2]]",
                                           "[[\"a\",\"b\",null ,2]]",
                                           "[[\"a\",\"b\",null,1,2]]",
                                           "[[\"a\",\"b\",null,{},1,2]]",
                                           "[[\"a\",\"b\",null,{\"what\":1},2]]",
                                           "[[\"a\",\"b\",null,{\"stream_seq\":-1},2]]",
                                           "[[\"a\",\"b\",null,{\"keep\":\"some\"},2]]",
                                           "[[\"a\",\"b\",null,{\"keep\":\"none\"},\"00\"]]",
                                           "[[\"a\",\"b\",null,{\"content_type\":1},\"\"]]",
                                           "[[\"a\",\"b\",null,{\"content_type\":\"t/p\"},2]]",
                                           "[[\"a\",\"b\",null,{\"content_type\":\"t/p\"},\"A\"]]"};
    for (size_t i = 0; i < COUNT_OF(no_event); i++) {
        assert_true(pawli_trace_begin(&walk, text_of(no_event[i])));
        if (pawli_trace_next(&walk, &arena, &event) != TRACE_BAD)
            fail_msg("%s was read", no_event[i]);
    }
    pawli_arena_done(&arena);
}

static void hashes_of_bodies_that_are_gone_are_found_by_their_kind(void **state)
{
    (void)state;
    char hashes[2 * (1 + DIGEST_SIZE)];
    struct digest digest;
    memset(hashes, 'C', 1 + DIGEST_SIZE); /* also within: kinds stand only at the front */
    memset(hashes + 1 + DIGEST_SIZE, 'x', 1 + DIGEST_SIZE);
    hashes[1 + DIGEST_SIZE] = 'R';
    const struct text whole = {hashes, sizeof hashes};
    assert_true(pawli_stored_hash(whole, 'C', &digest));
    assert_int_equal(digest.bytes[0], 'C');
    assert_true(pawli_stored_hash(whole, 'R', &digest));
    assert_int_equal(digest.bytes[0], 'x');
    assert_false(pawli_stored_hash(whole, 'x', &digest));
    assert_false(pawli_stored_hash((struct text){hashes, DIGEST_SIZE}, 'C', &digest));
    assert_false(pawli_stored_hash((struct text){0}, 'C', &digest));
}

/* ---- decisions ---- */

/* Verdict, whether the attempt was the last, policy: the state that follows and what the caller is told. */
static const struct {
    enum verdict verdict;
    bool at_cap;
    const char *policy;
    enum state state;
    enum settle_result result;
} decisions[] = {
    {VERDICT_DELIVERED, false, "", STATE_DELIVERED, SETTLED_DELIVERED},
    {VERDICT_DELIVERED, true, "", STATE_DELIVERED, SETTLED_DELIVERED},
    {VERDICT_RETRY, false, "", STATE_PENDING, SETTLED_REQUEUED},
    {VERDICT_RETRY, true, "", STATE_DEAD, SETTLED_DEAD},
    {VERDICT_RETRY, true, "exhausted=hold", STATE_PENDING, SETTLED_REQUEUED},
    {VERDICT_RETRY, false, "unknown=hold", STATE_PENDING, SETTLED_REQUEUED},
    {VERDICT_RETRY, true, "unknown=hold", STATE_DEAD, SETTLED_DEAD},
    {VERDICT_DEAD, false, "", STATE_DEAD, SETTLED_DEAD},
    {VERDICT_DEAD, false, "exhausted=hold", STATE_DEAD, SETTLED_DEAD},
    {VERDICT_DEAD, true, "exhausted=hold", STATE_DEAD, SETTLED_DEAD},
    {VERDICT_UNCERTAIN, false, "", STATE_PENDING, SETTLED_REQUEUED},
    {VERDICT_UNCERTAIN, true, "", STATE_DEAD, SETTLED_DEAD},
    {VERDICT_UNCERTAIN, true, "exhausted=hold", STATE_DEAD, SETTLED_DEAD},
    {VERDICT_UNCERTAIN, false, "unknown=hold", STATE_UNCERTAIN, SETTLED_UNCERTAIN},
    {VERDICT_UNCERTAIN, true, "unknown=hold", STATE_UNCERTAIN, SETTLED_UNCERTAIN},
    {VERDICT_DEFERRED, false, "", STATE_PENDING, SETTLED_DEFERRED},
    {VERDICT_DEFERRED, true, "", STATE_PENDING, SETTLED_DEFERRED},
    {VERDICT_RELEASED, false, "", STATE_PENDING, SETTLED_RELEASED},
    {VERDICT_RELEASED, true, "unknown=hold exhausted=hold", STATE_PENDING, SETTLED_RELEASED},
    {VERDICT_SUBMITTED, false, "", STATE_AWAITING, SETTLED_AWAITING},
    {VERDICT_SUBMITTED, true, "", STATE_AWAITING, SETTLED_AWAITING},
};

static void a_verdict_on_a_claimed_message_moves_it_by_cap_and_policy(void **state)
{
    (void)state;
    LAW(O3, O4);
    for (size_t i = 0; i < COUNT_OF(decisions); i++) {
        struct policy policy = policy_of(decisions[i].policy);
        for (uint32_t cap = 1; cap < 5; cap++) {
            uint32_t attempts = decisions[i].at_cap ? cap : cap - 1;
            enum task_event event = pawli_event_of(decisions[i].verdict,
                                                   &(struct trial){.attempts = attempts, .cap = cap}, &policy);
            enum state to = NONE;
            assert_true(pawli_state_next(STATE_CLAIMED, event, &to));
            if (to != decisions[i].state || pawli_result_of(event) != decisions[i].result)
                fail_msg("%s at %u of %u {%s}: %s, %s", pawli_verdict_text(decisions[i].verdict), attempts, cap,
                         decisions[i].policy, pawli_state_text(to), pawli_settle_result_text(pawli_result_of(event)));
        }
    }
}

/* An attempt past the cap (it was lowered meanwhile) counts as the last. */
static void attempts_past_a_cap_that_was_lowered_are_at_it(void **state)
{
    (void)state;
    struct policy policy = pawli_policy_default(POLICY_OF_MESSAGES);
    const struct trial trial = {.attempts = 9, .cap = 3};
    assert_int_equal(pawli_event_of(VERDICT_RETRY, &trial, &policy), EVENT_EXHAUST);
    assert_int_equal(pawli_event_of(VERDICT_UNCERTAIN, &trial, &policy), EVENT_GIVE_UP);
}

static void a_lost_claim_is_an_unknown_outcome_and_never_a_failure(void **state)
{
    (void)state;
    LAW(O4);
    struct policy resend = pawli_policy_default(POLICY_OF_MESSAGES), hold = policy_of("unknown=hold");
    for (uint32_t attempts = 1; attempts < 6; attempts++) {
        const struct trial trial = {.attempts = attempts, .cap = 3};
        enum task_event what_policy_says = attempts < 3 ? EVENT_RESEND : EVENT_GIVE_UP;
        assert_int_equal(pawli_event_of_unknown(&trial, &resend), what_policy_says);
        assert_int_equal(pawli_event_of_unknown(&trial, &hold), EVENT_SUSPECT);
        assert_int_equal(pawli_event_of(VERDICT_UNCERTAIN, &trial, &resend), what_policy_says);
        /* Whoever can be asked is asked first, under either policy; then it is what the policy says. */
        const struct trial asked = {.attempts = attempts, .cap = 3, .can_ask = true};
        assert_int_equal(pawli_event_of_unknown(&asked, &resend), EVENT_SUSPECT);
        assert_int_equal(pawli_event_of_unknown(&asked, &hold), EVENT_SUSPECT);
        assert_int_equal(pawli_event_of_unasked(&asked, &resend), what_policy_says);
        assert_int_equal(pawli_event_of_unasked(&asked, &hold), EVENT_COUNT);
        assert_int_equal(pawli_event_of_nothing(&asked, &resend), attempts < 3 ? EVENT_RETRY : EVENT_EXHAUST);
    }
}

static void a_message_under_which_workers_die_is_set_aside_before_its_cap(void **state)
{
    (void)state;
    LAW(O3, O4);
    struct policy policy = policy_of("crash_limit=2"), hold = policy_of("crash_limit=2 unknown=hold");
    for (uint32_t crashes = 0; crashes < 4; crashes++) {
        const struct trial trial = {.attempts = 2, .crashes = crashes, .cap = 3};
        const struct trial last = {.attempts = 3, .crashes = crashes, .cap = 3};
        assert_int_equal(pawli_event_of_unknown(&trial, &policy), crashes < 2 ? EVENT_RESEND : EVENT_POISON);
        assert_int_equal(pawli_event_of_nothing(&trial, &policy), crashes < 2 ? EVENT_RETRY : EVENT_POISON);
        assert_int_equal(pawli_event_of_unknown(&last, &policy), EVENT_GIVE_UP);
        assert_int_equal(pawli_event_of_unknown(&trial, &hold), EVENT_SUSPECT);
        assert_int_equal(pawli_event_of(VERDICT_RETRY, &trial, &policy), EVENT_RETRY); /* nobody died */
    }
}

static void each_end_has_its_time_to_be_kept(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        int64_t delivered, dead, cancelled;
    } rows[] = {{"", 0, 0, 0},
                {"keep_ms=5", 5, 5, 5},
                {"keep_ms=5 keep_delivered_ms=1", 1, 5, 5},
                {"keep_ms=5 keep_dead_ms=0", 5, 0, 5},
                {"keep_delivered_ms=1 keep_dead_ms=9", 1, 9, 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct policy policy = policy_of(rows[i].policy);
        assert_int_equal(pawli_policy_keep_ms(&policy, STATE_DELIVERED), rows[i].delivered);
        assert_int_equal(pawli_policy_keep_ms(&policy, STATE_DEAD), rows[i].dead);
        assert_int_equal(pawli_policy_keep_ms(&policy, STATE_CANCELLED), rows[i].cancelled);
    }
}

static void verdicts_are_written_and_read_by_their_names(void **state)
{
    (void)state;
    static const char *const names[VERDICT_COUNT] = {"delivered", "retry",    "dead",      "uncertain",
                                                     "deferred",  "released", "submitted", "extend"};
    for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++) {
        enum verdict read = VERDICT_COUNT;
        assert_string_equal(pawli_verdict_text(verdict), names[verdict]);
        assert_true(pawli_verdict_parse(text_of(names[verdict]), &read));
        assert_int_equal(read, verdict);
    }
    enum verdict read;
    assert_false(pawli_verdict_parse(TEXT("ack"), &read));
    assert_false(pawli_verdict_parse((struct text){0}, &read));
    for (enum settle_result a = 0; a < SETTLED_COUNT; a++)
        for (enum settle_result b = 0; b < a; b++)
            assert_string_not_equal(pawli_settle_result_text(a), pawli_settle_result_text(b));
    for (enum error_class class = 0; class < ERROR_CLASS_COUNT; class ++) {
        enum error_class parsed = ERROR_CLASS_COUNT;
        assert_true(pawli_error_class_parse(text_of(pawli_error_class_text(class)), &parsed));
        assert_int_equal(parsed, class);
    }
}

static void a_message_s_own_cap_and_expiry_beat_the_policy(void **state)
{
    (void)state;
    const struct clock clock = {0};
    const struct paused no_pause = {0};
    struct policy policy = policy_of("max_attempts=9 age_limit_ms=1000");
    const struct wall_time never = {0}, later = {5500}, earlier = {4000};
    struct message_row message = {.expires = WALL_NEVER, .created = {5000}};
    assert_int_equal(pawli_cap_of(&message.body, &policy), 9);
    assert_true(pawli_expiry_of(&clock, &message.body, never, &policy, &no_pause).ms == 6000);
    assert_true(pawli_expiry_of(&clock, &message.body, later, &policy, &no_pause).ms ==
                6500); /* counted anew by an operator */
    assert_true(pawli_expiry_of(&clock, &message.body, earlier, &policy, &no_pause).ms == 6000);
    message.available = (struct wall_time){5500}; /* a date of its own: it is not old before */
    assert_true(pawli_expiry_of(&clock, &message.body, never, &policy, &no_pause).ms == 6500);
    message.available = (struct wall_time){4500};
    assert_true(pawli_expiry_of(&clock, &message.body, never, &policy, &no_pause).ms == 6000);
    message.max_attempts = 2;
    message.expires = (struct wall_time){5001};
    assert_int_equal(pawli_cap_of(&message.body, &policy), 2);
    assert_true(pawli_expiry_of(&clock, &message.body, never, &policy, &no_pause).ms == 5001);
    message.expires = WALL_NEVER;
    message.created = (struct wall_time){INT64_MAX - 5};
    assert_true(pawli_expiry_of(&clock, &message.body, never, &policy, &no_pause).ms ==
                INT64_MAX - 1); /* rather than in the past */
}

/* When one that was made at 5000, and may be 1000 old, is too old at 20000, after holds that are over or last. */
static int64_t expiry_after(size_t count, const struct hold_row *holds)
{
    const struct clock clock = {.wall = {20000}};
    struct policy policy = policy_of("age_limit_ms=1000");
    struct message_row message = {.expires = WALL_NEVER, .created = {5000}};
    struct paused paused = {0};
    for (size_t i = 0; i < count; i++)
        pawli_paused_add(&paused, &holds[i], clock.wall);
    return pawli_expiry_of(&clock, &message.body, (struct wall_time){0}, &policy, &paused).ms;
}

static void an_age_does_not_count_what_was_held(void **state)
{
    (void)state;
    const struct {
        size_t count;
        struct hold_row holds[3];
        int64_t expiry;
    } cases[] = {
        {1, {{HOLD_LANE, .since = {5400}, .until = {9400}}}, 10000},
        {1, {{HOLD_LANE, .since = {9400}, .until = {9400}, .before_ms = 4000}}, 10000}, /* the same, released */
        {1, {{HOLD_LANE, .since = {2000}, .until = {5400}}}, 6400},                     /* it came meanwhile */
        {1, {{HOLD_LANE, .since = {2000}, .until = {4000}}}, 6000},                     /* it came later */
        {1, {{HOLD_LANE, .since = {5400}, .until = WALL_NEVER}}, 20600},
        {1, {{HOLD_LANE, .since = {9000}, .until = {9600}, .before_ms = 400}}, 7000},
        {2, {{HOLD_LANE, .since = {5400}, .until = {6400}}, {HOLD_STORE, .since = {8000}, .until = {9000}}}, 8000},
        {2, {{HOLD_LANE, .since = {2000}, .until = {4000}}, {HOLD_STORE, .since = {8000}, .until = {9000}}}, 7000},
        {2, /* both for long: no more than passed */
         {{HOLD_LANE, .since = {5000}, .until = {20000}}, {HOLD_QUEUE, .since = {5000}, .until = {20000}}},
         21000},
        {1, {{HOLD_LANE, .since = {9000}, .until = {8000}}}, 6000},   /* the clock went back meanwhile */
        {1, {{HOLD_LANE, .since = {30000}, .until = {40000}}}, 6000}, /* and here, to before it began */
        {1, {{HOLD_LANE, .since = {9000}, .until = {9001}, .before_ms = INT64_MAX}}, 10001},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_true(expiry_after(cases[i].count, cases[i].holds) == cases[i].expiry);
}

static void a_hold_that_was_released_does_not_hold_when_the_clock_goes_back(void **state)
{
    (void)state;
    const struct hold_row on = {.since = {5000}, .until = {7000}}, released = {.since = {7000}, .until = {7000}};
    const struct wall_time before = {6999}, then = {7000};
    assert_true(hold_is_on(&on, before));
    assert_false(hold_is_on(&on, then));
    assert_false(hold_is_on(&released, before));
    struct paused paused = {0};
    pawli_paused_add(&paused, &released, before);
    assert_true(pawli_paused_until(&paused).ms <= before.ms);
    pawli_paused_add(&paused, &on, before);
    assert_true(pawli_paused_until(&paused).ms == 7000);
}

/* ---- a clock that is set ---- */

#define HOUR 3600000LL
#define DAY  (24 * HOUR)
#define T0   1700000000000LL

/* A machine whose wall clock is `ahead_ms` of the true time; a store that commits. */
struct machine {
    struct store_row store;
    int64_t time, ahead_ms, boot_ms;
    pawl_uuid boot;
};

static void commit_on(struct machine *m)
{
    m->store.clock = pawli_clock_at(&m->store, &m->boot, (struct wall_time){m->time + m->ahead_ms},
                                    (struct boot_time){m->boot_ms * 1000000});
    m->store.boot_id = m->boot;
}

static struct machine machine(void)
{
    struct machine m = {.time = T0, .boot_ms = 5000, .boot = {{1}}};
    m.store.boot_id = m.boot;
    commit_on(&m);
    return m;
}

static void pass(struct machine *m, int64_t ms)
{
    m->time += ms;
    m->boot_ms += ms;
    commit_on(m);
}

static void set_clock(struct machine *m, int64_t ahead_ms)
{
    m->ahead_ms = ahead_ms;
    commit_on(m);
}

static void reboot(struct machine *m, int64_t off_ms, int64_t ahead_ms)
{
    m->boot.bytes[0]++;
    m->time += off_ms;
    m->boot_ms = 3000;
    set_clock(m, ahead_ms);
}

static int64_t wall_of(const struct machine *m)
{
    return m->time + m->ahead_ms;
}

static bool is_over(const struct machine *m, int64_t start, int64_t length_ms)
{
    return pawli_end_of(&m->store.clock, (struct wall_time){start}, length_ms).ms <= wall_of(m);
}

static void a_clock_that_runs_ends_what_is_over_to_the_millisecond(void **state)
{
    (void)state;
    struct machine m = machine();
    int64_t start = wall_of(&m);
    pass(&m, DAY - 1);
    assert_false(is_over(&m, start, DAY));
    pass(&m, 1);
    assert_true(is_over(&m, start, DAY));
    pass(&m, 400 * DAY); /* and nobody commits for long */
    assert_true(is_over(&m, start, 401 * DAY));
    set_clock(&m, 900); /* what NTP does */
    assert_true(is_over(&m, start, 401 * DAY));
}

static void a_clock_that_is_set_by_a_second_has_not_jumped_either_way(void **state)
{
    (void)state;
    for (int64_t sign = -1; sign <= 1; sign += 2) {
        struct machine near = machine(), far = machine();
        set_clock(&near, sign * 1000);
        assert_int_equal(near.store.clock.steady.ms, T0);
        set_clock(&far, sign * 1001);
        assert_int_equal(far.store.clock.steady.ms, T0 + sign * 1001);
    }
}

static void a_jump_of_the_clock_makes_nothing_older(void **state)
{
    (void)state;
    LAW(C1);
    const int64_t jumps[] = {1500, HOUR, 8 * DAY, 30 * 365 * DAY, -8 * DAY, -30 * 365 * DAY};
    for (size_t i = 0; i < COUNT_OF(jumps); i++)
        for (size_t j = 0; j < COUNT_OF(jumps); j++) {
            struct machine m = machine();
            int64_t starts[5], truth[5];
            pass(&m, HOUR);
            starts[0] = wall_of(&m), truth[0] = m.time;
            pass(&m, HOUR);
            set_clock(&m, jumps[i]);
            starts[1] = wall_of(&m), truth[1] = m.time;
            pass(&m, 2000);
            starts[2] = wall_of(&m), truth[2] = m.time;
            set_clock(&m, jumps[i] + jumps[j]);
            starts[3] = wall_of(&m), truth[3] = m.time;
            pass(&m, 2000);
            set_clock(&m, 0);
            starts[4] = wall_of(&m), truth[4] = m.time;
            const int64_t waits[] = {0, 5 * HOUR, 10 * DAY};
            for (size_t k = 0; k < COUNT_OF(waits); k++) {
                pass(&m, waits[k]);
                for (size_t n = 0; n < COUNT_OF(starts); n++)
                    assert_false(is_over(&m, starts[n], m.time - truth[n] + 1));
            }
        }
}

static void what_is_over_ends_once_the_clock_is_steady(void **state)
{
    (void)state;
    struct machine m = machine();
    int64_t start = wall_of(&m);
    pass(&m, DAY);
    set_clock(&m, 30 * DAY);
    set_clock(&m, 0); /* two seconds in a wrong year */
    assert_false(is_over(&m, start, DAY));
    pass(&m, HOUR - 1);
    assert_false(is_over(&m, start, DAY));
    pass(&m, 1);
    assert_true(is_over(&m, start, DAY)); /* nothing is left of it */
    set_clock(&m, 2 * DAY);
    int64_t jumped = wall_of(&m);
    pass(&m, 7 * DAY);
    assert_true(is_over(&m, start, 7 * DAY)); /* at the latest its age begins at the jump */
    assert_true(is_over(&m, jumped, 7 * DAY));
}

static void a_boot_lets_the_clock_be_set_for_an_hour(void **state)
{
    (void)state;
    LAW(C1);
    struct machine m = machine();
    int64_t start = wall_of(&m);
    reboot(&m, 8 * DAY, 0);
    assert_false(is_over(&m, start, DAY));
    assert_true(is_over(&m, start, 0));
    pass(&m, HOUR);
    assert_true(is_over(&m, start, 8 * DAY)); /* it was off: that counts */
    reboot(&m, 1000, -m.time + 60000);        /* 1970 */
    int64_t early = wall_of(&m);
    pass(&m, 2000);
    set_clock(&m, 0);
    pass(&m, HOUR);
    assert_false(is_over(&m, early, DAY));
    pass(&m, DAY);
    assert_true(is_over(&m, early, DAY));
    reboot(&m, 1000, -m.time + 60000);
    early = wall_of(&m);
    pass(&m, HOUR);
    reboot(&m, 1000, 0); /* it was never set, and is right from the start */
    pass(&m, HOUR);
    assert_false(is_over(&m, early, DAY));
}

static void a_clock_of_any_value_is_reckoned_with(void **state)
{
    (void)state;
    static const int64_t values[] = {INT64_MIN, -1, 0, 1, T0, INT64_MAX - 1, INT64_MAX};
    const size_t n = COUNT_OF(values);
    for (size_t i = 0; i < n * n * n * n; i++) {
        struct store_row store = {.clock = {.wall = {values[i % n]},
                                            .steady = {values[i / n % n]},
                                            .floor = {values[i / n / n % n]},
                                            .leapt_ms = i % 3 ? INT64_MAX : 0}};
        for (size_t j = 0; j < n; j++) {
            pawl_uuid boot = {{j % 2}};
            struct clock clock = pawli_clock_at(&store, &boot, (struct wall_time){values[i / n / n / n]},
                                                (struct boot_time){j < 2 ? 0 : values[j]});
            assert_true(clock.leapt_ms >= 0);
            pawli_end_of(&clock, (struct wall_time){values[j]}, INT64_MAX);
        }
    }
}

/* What a store finds by its order of time is all that may be over, whatever clocks and holds did. */
static void nothing_that_is_too_old_is_young(void **state)
{
    (void)state;
    struct policy policy = policy_of("age_limit_ms=1000");
    uint64_t dice = 1;
    for (int i = 0; i < 20000; i++) {
        int64_t draws[16];
        for (size_t j = 0; j < COUNT_OF(draws); j++)
            draws[j] = (int64_t)((dice = dice * 6364136223846793005u + 1442695040888963407u) >> 33) % 9000;
        struct clock clock = {.wall = {draws[0]},
                              .steady = {draws[1]},
                              .steady_boot = {0},
                              .floor = {draws[2]},
                              .boot = {draws[3] % 2 ? INT64_C(1) << 50 : 0},
                              .leapt_ms = draws[4] % 3 ? 0 : draws[5]};
        struct paused paused = {0};
        for (int j = 0; j < draws[6] % 4; j++) {
            struct hold_row hold = {
                .kind = j, .since = {draws[7 + j] % 5000}, .until = {draws[10 + j]}, .before_ms = draws[13 + j]};
            pawli_paused_add(&paused, &hold, clock.wall);
        }
        int64_t young = pawli_oldest_start(&clock, 1000, &paused).ms;
        bool is_held = pawli_paused_until(&paused).ms > clock.wall.ms;
        for (int64_t start = 0; start < 9000; start += 97) {
            struct message_row message = {.created = {start}, .available = {start}, .expires = WALL_NEVER};
            int64_t end = pawli_expiry_of(&clock, &message.body, (struct wall_time){0}, &policy, &paused).ms;
            assert_true(is_held || end > clock.wall.ms || start <= young);
            assert_true(start > young || start + 1000 <= clock.wall.ms);
        }
    }
}

static void only_a_date_that_nobody_asked_for_is_false(void **state)
{
    (void)state;
    const struct clock clock = {.wall = {5000}};
    const struct {
        int64_t created, available, updated;
        bool is_first, is_false;
    } cases[] = {{9000, 9000, 9000, true, true},   {9000, 9500, 9000, true, false}, {9000, 9500, 9000, false, true},
                 {4000, 4000, 5000, false, false}, {4000, 4000, 5001, false, true}, {4000, 9000, 4000, true, false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct message_row message = {.created = {cases[i].created}, .available = {cases[i].available}};
        struct task_row task = {.since = {cases[i].is_first ? INT64_MAX : 0}, .updated = {cases[i].updated}};
        assert_int_equal(pawli_is_misdated(&clock, &message.body, &task), cases[i].is_false);
    }
}

static void a_url_that_nobody_could_send_to_is_refused(void **state)
{
    (void)state;
    static const char *const good[] = {"http://a",
                                       "https://hooks.example.com/in",
                                       "http://hooks.example.com.:8080/a/b?c=d#e",
                                       "http://127.0.0.1:7295/",
                                       "http://[::1]/",
                                       "http://[2001:db8::1]:65535?a",
                                       "https://a_b-c.example/%20%C3%BC?x=%25",
                                       "https://example.com/\xc3\xbc?q=\xe2\x82\xac",
                                       "http://example.com/a@b:c",
                                       "exec:/usr/bin/true",
                                       "exec:/a b",
                                       "file:/var/log/out.jsonl",
                                       "nats://broker/orders",
                                       "nats://pawl@broker.example:4223/orders.new.a-b_c/d?core=1",
                                       "nats://[::1]:4222/o",
                                       "amqp://broker/%2F/shop/new%20order",
                                       "amqp://pawl%40a@127.0.0.1:5673/shop//orders",
                                       "amqp://broker/%2f/fanout/",
                                       "callback:deliver"};
    static const char *const bad[] = {"",
                                      "example.com",
                                      "ftp://example.com/",
                                      "HTTP://example.com/",
                                      "http:/example.com",
                                      "http://",
                                      "https:///in",
                                      "http://:80/",
                                      "http://?a",
                                      "http://hooks.example.com:80:80/",
                                      "http://hooks.example.com:99999/in",
                                      "http://hooks.example.com:0/",
                                      "http://hooks.example.com:/",
                                      "http://hooks.example.com:+80/",
                                      "http://hooks.example.com:-80/",
                                      "http://hooks.example.com:80x/",
                                      "http://hooks example.com/in",
                                      "http://hooks.example.com/a b",
                                      "http://hooks.example.com/a\nb",
                                      "http://hooks.example.com/\x7f",
                                      "http://user:secret@hooks.example.com/in",
                                      "http://user@hooks.example.com/in",
                                      "http://[::1/in",
                                      "http://[::1]x/in",
                                      "http://[::1]]/in",
                                      "http://[]/",
                                      "http://[1.2.3.4]/",
                                      "http://[fe80::1%25eth0]/",
                                      "http://a..b/",
                                      "http://.a/",
                                      "http://a\\b/",
                                      "http://a,b/",
                                      "http://%61/",
                                      "http://\xc3\xbc-buch.example/",
                                      "http://hooks.example.com/%zz in",
                                      "http://hooks.example.com/%",
                                      "http://hooks.example.com/%2",
                                      "http://hooks.example.com/%2g",
                                      "exec:true",
                                      "exec:/",
                                      "exec:/bin/",
                                      "exec:/bin/..",
                                      "file:out",
                                      "file:/var/.",
                                      "nats://broker",
                                      "nats://broker/",
                                      "nats:/broker/orders",
                                      "nats:///orders",
                                      "nats://@broker/orders",
                                      "nats://user:secret@broker/orders",
                                      "nats://broker:0/orders",
                                      "nats://broker/orders.*",
                                      "nats://broker/orders.>",
                                      "nats://broker/.orders",
                                      "nats://broker/orders..new",
                                      "nats://broker/orders.",
                                      "nats://broker/a b",
                                      "nats://broker/a%20b",
                                      "nats://broker/orders?core=2",
                                      "nats://broker/orders?",
                                      "nats://broker/orders#a",
                                      "amqp://broker",
                                      "amqp://broker/%2F",
                                      "amqp://broker/%2F/orders",
                                      "amqp://broker///orders",
                                      "amqp://broker/%2F//",
                                      "amqp://broker/%2F/a/b/c",
                                      "amqp://broker/%2F/a/b?c",
                                      "amqp://broker/%2F/a/b#c",
                                      "amqp://broker/%2F/a/%0a",
                                      "amqp://broker/%2F/a/%7F",
                                      "amqp://user:secret@broker/%2F/a/b",
                                      "amqps://broker/%2F/a/b",
                                      "callback:",
                                      "callback:a b",
                                      "callback:pawl.x"};
    pawl_error err;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (pawli_check_url("url", good[i], &err) != PAWL_OK)
            fail_msg("%s: %s", good[i], err.text);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (pawli_check_url("url", bad[i], &err) != PAWL_EINVAL)
            fail_msg("%s", bad[i]);
        assert_non_null(strstr(err.text, "url"));
    }
    char label[100] = "http://", host[300] = "http://";
    memset(label + 7, 'a', 64);
    for (size_t i = 0; i < 127; i++)
        memcpy(host + 7 + 2 * i, "a.", 2);
    assert_status(pawli_check_url("url", label, &err), PAWL_EINVAL);
    assert_status(pawli_check_url("url", host, &err), PAWL_EINVAL);
    char route[300] = "amqp://broker/%2F//";
    memset(route + 19, 'r', 256);
    assert_status(pawli_check_url("url", route, &err), PAWL_EINVAL);
    route[19 + 255] = '\0';
    assert_ok(pawli_check_url("url", route, &err));
    label[7 + 63] = host[7 + 253] = '\0';
    assert_ok(pawli_check_url("url", label, &err));
    assert_ok(pawli_check_url("url", host, &err));
}

static void assert_part_is(struct text part, const char *expected)
{
    assert_int_equal(part.size, strlen(expected));
    assert_memory_equal(part.data, expected, part.size);
}

static void the_url_of_a_broker_is_taken_apart(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct broker_url url;
    assert_null(pawli_broker_url_read("amqp://pawl%40a@broker:99/%2F/shop%2F1/new%20order", &url));
    assert_part_is(pawli_url_decode(&arena, url.user), "pawl@a");
    assert_part_is(url.host, "broker");
    assert_int_equal(url.port, 99);
    assert_part_is(pawli_url_decode(&arena, url.vhost), "/");
    assert_part_is(pawli_url_decode(&arena, url.exchange), "shop/1");
    assert_part_is(pawli_url_decode(&arena, url.route), "new order");
    assert_part_is(url.place, "amqp://pawl%40a@broker:99/%2F/shop%2F1/");
    assert_null(pawli_broker_url_read("nats://[::1]/orders.new?core=1", &url));
    assert_null(url.user.data);
    assert_part_is(url.host, "[::1]");
    assert_int_equal(url.port, 4222);
    assert_part_is(url.subject, "orders.new");
    assert_true(url.is_core);
    assert_part_is(url.place, "nats://[::1]");
    assert_null(pawli_broker_url_read("nats://b/orders.new", &url));
    assert_false(url.is_core);
    pawli_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_in_every_state_moves_where_the_table_says_or_nowhere),
        cmocka_unit_test(a_final_state_has_no_exit_and_an_ended_one_only_an_operators),
        cmocka_unit_test(every_state_is_reached_from_pending_and_every_open_one_can_end),
        cmocka_unit_test(an_uncertain_message_is_never_claimed),
        cmocka_unit_test(a_claimed_message_is_never_cancelled_under_its_worker),
        cmocka_unit_test(states_are_written_and_read_by_their_names),
        cmocka_unit_test(a_task_shows_its_state_by_its_phase_and_place),
        cmocka_unit_test(every_key_has_its_default_and_takes_its_range),
        cmocka_unit_test(a_value_is_kept_as_it_is_meant),
        cmocka_unit_test(some_statuses_are_final),
        cmocka_unit_test(what_is_no_value_of_a_policy_is_refused),
        cmocka_unit_test(a_target_beats_its_lane_which_beats_the_default),
        cmocka_unit_test(a_policy_is_stored_as_json_and_read_back),
        cmocka_unit_test(a_cap_of_the_delay_below_its_base_is_refused),
        cmocka_unit_test(delays_follow_their_curve),
        cmocka_unit_test(a_delay_after_very_many_attempts_is_the_greatest_and_never_wraps),
        cmocka_unit_test(a_delay_never_shrinks_with_attempts),
        cmocka_unit_test(jitter_only_shortens_and_no_further_than_its_band),
        cmocka_unit_test(what_a_receiver_asked_for_is_only_lengthened),
        cmocka_unit_test(a_url_that_nobody_could_send_to_is_refused),
        cmocka_unit_test(the_url_of_a_broker_is_taken_apart),
        cmocka_unit_test(names_are_of_a_few_characters_and_have_a_limit),
        cmocka_unit_test(names_of_pawl_itself_are_reserved),
        cmocka_unit_test(keys_are_text_without_control_characters_and_have_a_limit),
        cmocka_unit_test(texts_have_the_limit_they_are_given),
        cmocka_unit_test(bodies_are_any_bytes_up_to_a_mebibyte),
        cmocka_unit_test(a_content_type_is_printable_ascii),
        cmocka_unit_test(the_content_type_of_a_body_is_what_it_parses_as),
        cmocka_unit_test(headers_are_lower_case_tokens_with_printable_values),
        cmocka_unit_test(a_message_may_not_speak_in_the_name_of_its_sink),
        cmocka_unit_test(numbers_outside_their_range_are_refused),
        cmocka_unit_test(a_reason_is_needed_and_has_a_limit),
        cmocka_unit_test(the_fingerprint_of_a_transition_is_the_published_one),
        cmocka_unit_test(the_fingerprint_of_a_transition_depends_on_what_identifies_it),
        cmocka_unit_test(the_fingerprint_of_a_message_is_the_published_one),
        cmocka_unit_test(the_fingerprint_of_a_message_depends_on_what_identifies_it_and_on_nothing_else),
        cmocka_unit_test(a_fingerprint_without_memory_is_marked_as_none),
        cmocka_unit_test(the_digests_of_a_record_are_the_published_ones),
        cmocka_unit_test(the_digest_of_a_body_depends_on_every_part),
        cmocka_unit_test(the_digest_of_a_record_depends_on_its_place_in_the_chain),
        cmocka_unit_test(events_survive_their_trace_byte_for_byte),
        cmocka_unit_test(a_damaged_trace_is_bad_and_an_absent_one_empty),
        cmocka_unit_test(hashes_of_bodies_that_are_gone_are_found_by_their_kind),
        cmocka_unit_test(a_verdict_on_a_claimed_message_moves_it_by_cap_and_policy),
        cmocka_unit_test(attempts_past_a_cap_that_was_lowered_are_at_it),
        cmocka_unit_test(a_lost_claim_is_an_unknown_outcome_and_never_a_failure),
        cmocka_unit_test(a_message_under_which_workers_die_is_set_aside_before_its_cap),
        cmocka_unit_test(each_end_has_its_time_to_be_kept),
        cmocka_unit_test(verdicts_are_written_and_read_by_their_names),
        cmocka_unit_test(a_message_s_own_cap_and_expiry_beat_the_policy),
        cmocka_unit_test(an_age_does_not_count_what_was_held),
        cmocka_unit_test(a_hold_that_was_released_does_not_hold_when_the_clock_goes_back),
        cmocka_unit_test(a_clock_that_runs_ends_what_is_over_to_the_millisecond),
        cmocka_unit_test(a_clock_that_is_set_by_a_second_has_not_jumped_either_way),
        cmocka_unit_test(a_jump_of_the_clock_makes_nothing_older),
        cmocka_unit_test(what_is_over_ends_once_the_clock_is_steady),
        cmocka_unit_test(a_boot_lets_the_clock_be_set_for_an_hour),
        cmocka_unit_test(a_clock_of_any_value_is_reckoned_with),
        cmocka_unit_test(only_a_date_that_nobody_asked_for_is_false),
        cmocka_unit_test(nothing_that_is_too_old_is_young),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
