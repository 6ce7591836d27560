/* SPDX-License-Identifier: MIT */
/* Functions of the program: what they say, and what is said for them when they do not return. */
#include <stdatomic.h>

#include "harness.h"

#include <pthread.h>

#include "sink/callback/callback.h"

#define LONG_MS  60000
#define SHORT_MS 150

static void give(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    const pawl_outcome *given = data;
    assert_non_null(message->data);
    assert_int_equal(outcome->verdict, PAWL_VERDICT_DELIVERED); /* what holds unless the function says otherwise */
    assert_int_equal(outcome->retry_in_ms, -1);
    if (given)
        *outcome = *given;
}

/* A gate that functions wait behind. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open;
    int waiting;
    atomic_int called;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0};

static void wait_at_gate(void *data, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)data, (void)message;
    pthread_mutex_lock(&gate.lock);
    gate.waiting++;
    gate.called++;
    while (!gate.is_open)
        pthread_cond_wait(&gate.changed, &gate.lock);
    gate.waiting--;
    pthread_mutex_unlock(&gate.lock);
    outcome->verdict = PAWL_VERDICT_DEAD; /* too late to be heard */
}

static void set_gate(bool is_open)
{
    pthread_mutex_lock(&gate.lock);
    gate.is_open = is_open;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static struct callback slow = {.function = wait_at_gate, .name = "slow"};
static struct callback quick = {.next = &slow, .function = give, .name = "quick"};

static struct outgoing *call(struct harness *harness, const char *url, const pawl_outcome *given)
{
    struct outgoing *outgoing = outgoing_new("{}");
    quick.data = (void *)(uintptr_t)given;
    harness_send(harness, outgoing, url, LONG_MS);
    harness_wait(harness, outgoing);
    return outgoing;
}

static void open_harness(struct harness *harness)
{
    *harness = (struct harness){.callbacks = &quick};
    harness_start(harness, &pawli_sink_callback);
}

static void what_a_function_says_is_the_answer(void **state)
{
    (void)state;
    static const struct {
        pawl_outcome given;
        enum verdict verdict;
        const char *error, *remote_id;
    } rows[] = {
        {{.verdict = PAWL_VERDICT_DELIVERED, .retry_in_ms = -1}, VERDICT_DELIVERED, NULL, NULL},
        {{.verdict = PAWL_VERDICT_DELIVERED, .remote_id = "r1", .retry_in_ms = -1}, VERDICT_DELIVERED, NULL, "r1"},
        {{.verdict = PAWL_VERDICT_RETRY, .error = "later", .retry_in_ms = 7000}, VERDICT_RETRY, "later", NULL},
        {{.verdict = PAWL_VERDICT_DEAD, .error = "no such account", .retry_in_ms = -1},
         VERDICT_DEAD,
         "no such account",
         NULL},
        {{.verdict = PAWL_VERDICT_UNCERTAIN, .error = "?", .retry_in_ms = -1}, VERDICT_UNCERTAIN, "?", NULL},
        {{.verdict = PAWL_VERDICT_DEFERRED, .error = "closed", .retry_in_ms = 5}, VERDICT_DEFERRED, "closed", NULL},
        {{.verdict = PAWL_VERDICT_RELEASED, .retry_in_ms = -1}, VERDICT_RELEASED, "", NULL},
        {{.verdict = PAWL_VERDICT_SUBMITTED, .remote_id = "r2", .retry_in_ms = 9}, VERDICT_SUBMITTED, NULL, "r2"},
    };
    struct harness harness;
    open_harness(&harness);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outgoing *outgoing = call(&harness, "callback:quick", &rows[i].given);
        assert_int_equal(outgoing->send.verdict, rows[i].verdict);
        assert_int_equal(outgoing->send.retry_in_ms, rows[i].given.retry_in_ms);
        if (rows[i].error)
            assert_string_equal(outgoing->send.error.data, rows[i].error);
        if (rows[i].remote_id)
            assert_string_equal(outgoing->send.remote_id.data, rows[i].remote_id);
        else
            assert_null(outgoing->send.remote_id.data);
        outgoing_free(outgoing);
    }
    harness_stop(&harness);
}

static void an_answer_that_there_is_not_is_no_answer(void **state)
{
    LAW(O4);
    (void)state;
    static const int32_t verdicts[] = {-1, PAWL_VERDICT_EXTEND, PAWL_VERDICT_COUNT, INT32_MAX};
    struct harness harness;
    open_harness(&harness);
    for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
        pawl_outcome given = {.verdict = verdicts[i], .retry_in_ms = -1};
        struct outgoing *outgoing = call(&harness, "callback:quick", &given);
        assert_int_equal(outgoing->send.verdict, VERDICT_UNCERTAIN); /* it ran, and nobody knows what it did */
        outgoing_free(outgoing);
    }
    harness_stop(&harness);
}

static void a_name_that_is_not_registered_costs_no_attempt(void **state)
{
    (void)state;
    static const char *const urls[] = {"callback:unknown", "callback:", "callback:quic", "callback:quick2"};
    struct harness harness;
    open_harness(&harness);
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct outgoing *outgoing = call(&harness, urls[i], NULL);
        assert_int_equal(outgoing->send.verdict, VERDICT_DEFERRED);
        outgoing_free(outgoing);
    }
    harness_stop(&harness);
}

/* However many calls to however many targets hang, one that nobody has heard of yet gets its own. */
static void A81_targets_that_hang_leave_threads_for_the_others(void **state)
{
    LAW(O3);
    (void)state;
    static const char *const targets[] = {"a", "b", "c"};
    struct harness harness;
    struct outgoing *outgoing[120], *known;
    open_harness(&harness);
    set_gate(false);
    gate.called = 0;
    for (size_t i = 0; i < COUNT_OF(outgoing); i++) {
        outgoing[i] = outgoing_new("{}");
        outgoing[i]->message.target = targets[i % COUNT_OF(targets)];
        harness_send(&harness, outgoing[i], "callback:slow", SHORT_MS);
    }
    for (int i = 0; i < 10; i++) {
        known = outgoing_new("{}");
        known->message.target = "other";
        harness_send(&harness, known, "callback:quick", 20 * SHORT_MS);
        harness_wait(&harness, known);
        assert_int_equal(known->send.verdict, VERDICT_DELIVERED);
        outgoing_free(known);
    }
    for (size_t i = 0; i < COUNT_OF(outgoing); i++) {
        harness_wait(&harness, outgoing[i]);
        assert_int_equal(
            outgoing[i]->send.verdict == VERDICT_UNCERTAIN || outgoing[i]->send.verdict == VERDICT_RELEASED, true);
    }
    assert_true(gate.called < POOL_HANGING);
    set_gate(true);
    harness_stop(&harness);
    for (size_t i = 0; i < COUNT_OF(outgoing); i++)
        outgoing_free(outgoing[i]);
}

static void A81_a_function_that_does_not_return_stops_no_other(void **state)
{
    LAW(O4);
    (void)state;
    struct harness harness;
    open_harness(&harness);
    set_gate(false);
    struct outgoing *stuck = outgoing_new("{}");
    harness_send(&harness, stuck, "callback:slow", SHORT_MS);
    for (int i = 0; i < 10; i++) {
        struct outgoing *outgoing = outgoing_new("{}");
        outgoing->message.target = "other";
        harness_send(&harness, outgoing, "callback:quick", LONG_MS);
        harness_wait(&harness, outgoing);
        assert_int_equal(outgoing->send.verdict, VERDICT_DELIVERED);
        outgoing_free(outgoing);
    }
    harness_wait(&harness, stuck);
    assert_int_equal(stuck->send.verdict, VERDICT_UNCERTAIN);
    /* Its message must outlive the call; what it says in the end is dropped. */
    assert_false(harness.sink->ops->is_idle(harness.sink));
    assert_int_equal(stuck->holds, 1);
    set_gate(true);
    harness_stop(&harness);
    assert_int_equal(stuck->holds, 0);
    assert_int_equal(stuck->send.verdict, VERDICT_UNCERTAIN);
    outgoing_free(stuck);
}

static void a_call_that_never_began_costs_no_attempt(void **state)
{
    LAW(O3);
    LAW(O4);
    (void)state;
    struct harness harness;
    struct outgoing *outgoing[200];
    int counts[VERDICT_COUNT] = {0};
    open_harness(&harness);
    set_gate(false);
    gate.called = 0;
    for (size_t i = 0; i < COUNT_OF(outgoing); i++) {
        outgoing[i] = outgoing_new("{}");
        harness_send(&harness, outgoing[i], "callback:slow", SHORT_MS);
    }
    for (size_t i = 0; i < COUNT_OF(outgoing); i++) {
        harness_wait(&harness, outgoing[i]);
        counts[outgoing[i]->send.verdict]++;
    }
    set_gate(true);
    harness_stop(&harness);
    assert_true(counts[VERDICT_RELEASED] > 0); /* there are not so many threads */
    assert_int_equal(counts[VERDICT_UNCERTAIN], gate.called);
    assert_int_equal(counts[VERDICT_RELEASED] + gate.called, COUNT_OF(outgoing));
    for (size_t i = 0; i < COUNT_OF(outgoing); i++)
        outgoing_free(outgoing[i]);
}

static void what_a_function_says_is_fit_to_be_kept(void **state)
{
    (void)state;
    pawl_outcome given = {.verdict = PAWL_VERDICT_RETRY,
                          .error = "a\xff"
                                   "b",
                          .remote_id = "r\xfe",
                          .retry_in_ms = -1};
    struct harness harness;
    open_harness(&harness);
    struct outgoing *outgoing = call(&harness, "callback:quick", &given);
    assert_string_equal(outgoing->send.error.data, "a?b");
    assert_string_equal(outgoing->send.remote_id.data, "r?");
    outgoing_free(outgoing);
    harness_stop(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_function_says_is_the_answer),
        cmocka_unit_test(an_answer_that_there_is_not_is_no_answer),
        cmocka_unit_test(a_name_that_is_not_registered_costs_no_attempt),
        cmocka_unit_test(A81_a_function_that_does_not_return_stops_no_other),
        cmocka_unit_test(A81_targets_that_hang_leave_threads_for_the_others),
        cmocka_unit_test(a_call_that_never_began_costs_no_attempt),
        cmocka_unit_test(what_a_function_says_is_fit_to_be_kept),
    };
    return cmocka_run_group_tests_name("callback", tests, NULL, NULL);
}
