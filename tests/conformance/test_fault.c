/* SPDX-License-Identifier: MIT */
/* Stores that fail: whatever call fails, before or after its effect, a unit is written whole or not at all, the caller is
 * told the truth, and the same request id finds out what happened. Shows the fault filter at work, too. */
#include "order.h"

static void a167_a_commit_whose_reply_was_lost(struct world *w)
{
    struct store *filter = put_filter(w->store);
    struct held held = prepare_order(w);
    struct fault lost = {FAULT_SAVE, 1, 1, FAULT_AFTER, STORE_UNKNOWN};
    pawl_receipt *receipt = NULL;
    pawli_fault_set(filter, &lost);
    assert_status(place_order(w, &held, &receipt), PAWL_EUNCERTAIN);
    assert_int_equal(pawl_status_next(PAWL_EUNCERTAIN), PAWL_NEXT_LOOKUP);
    assert_null(receipt);
    assert_int_equal(pawli_fault_hits(filter), 1);
    pawli_fault_set(filter, NULL);
    assert_true(is_order_written(w));
    place_order_again(w, &held, true);
}

static void a167_a_commit_that_never_was(struct world *w)
{
    struct store *filter = put_filter(w->store);
    struct held held = prepare_order(w);
    struct fault lost = {FAULT_SAVE, 1, 1, FAULT_BEFORE, STORE_UNKNOWN};
    pawli_fault_set(filter, &lost);
    assert_status(place_order(w, &held, NULL), PAWL_EUNCERTAIN);
    pawli_fault_set(filter, NULL);
    assert_false(is_order_written(w));
    place_order_again(w, &held, false);
}

static void a_failure_is_told_as_what_it_is(struct world *w)
{
    static const struct {
        enum store_result result;
        int status;
    } told[] = {{STORE_BUSY, PAWL_EBUSY},       {STORE_UNAVAILABLE, PAWL_EUNAVAIL}, {STORE_FULL, PAWL_EREFUSED},
                {STORE_NO_MEMORY, PAWL_ENOMEM}, {STORE_CORRUPT, PAWL_ECORRUPT},     {STORE_POISONED, PAWL_EIO}};
    struct store *filter = put_filter(w->store);
    struct held held = prepare_order(w);
    for (size_t i = 0; i < COUNT_OF(told); i++)
        for (enum fault_call call = FAULT_BEGIN; call <= FAULT_SAVE; call++) {
            if (call == FAULT_JOIN)
                continue;
            struct fault fault = {call, 1, 1, FAULT_BEFORE, told[i].result};
            pawli_fault_set(filter, &fault);
            assert_status(place_order(w, &held, NULL), told[i].status);
            assert_int_equal(err.status, told[i].status);
            assert_int_equal(pawli_fault_hits(filter), 1);
            pawli_fault_set(filter, NULL);
            assert_false(is_order_written(w));
        }
    place_order_again(w, &held, false);
}

static void a_race_is_decided_afresh(struct world *w)
{
    struct store *filter = put_filter(w->store);
    struct held held = prepare_order(w);
    struct fault race = {FAULT_SAVE, 1, 3, FAULT_BEFORE, STORE_RACE};
    pawli_fault_set(filter, &race);
    pawl_receipt *receipt;
    assert_ok(place_order(w, &held, &receipt));
    assert_false(pawl_receipt_was_replayed(receipt));
    pawl_receipt_free(receipt);
    assert_int_equal(pawli_fault_calls(filter, FAULT_LOAD), 4);
    assert_int_equal(pawli_fault_calls(filter, FAULT_SAVE), 4);
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 1, 0, FAULT_BEFORE, STORE_RACE});
    assert_status(try_add(w, MESSAGE("1", .dedupe = "D")), PAWL_EBUSY); /* races have an end */
    pawli_fault_set(filter, NULL);
    assert_false(add(w, MESSAGE("1", .dedupe = "D")).was_replayed);
    verify(w);
}

/* Every call that a piece of work makes, failed in turn. */
static void whichever_call_fails(struct world *w, enum fault_when when, enum store_result result)
{
    bool more = true;
    for (uint64_t nth = 1; more; nth++) {
        struct world fresh;
        open_world(&fresh, w->kind, nth);
        struct store *filter = put_filter(fresh.store);
        struct held held = prepare_order(&fresh);
        struct fault fault = {FAULT_ANY, nth, 1, when, result};
        pawli_fault_set(filter, &fault);
        pawl_receipt *receipt = NULL;
        int status = place_order(&fresh, &held, &receipt);
        more = pawli_fault_hits(filter) > 0;
        assert_int_equal(status, more ? pawli_store_status(result) : PAWL_OK);
        assert_int_equal(receipt != NULL, !more);
        pawl_receipt_free(receipt);
        pawli_fault_set(filter, NULL);
        bool written = is_order_written(&fresh);
        assert_true(more || written);
        place_order_again(&fresh, &held, written);
        close_world(&fresh);
        assert_true(nth < 10);
    }
}

static void every_call_fails_before_its_effect(struct world *w)
{
    whichever_call_fails(w, FAULT_BEFORE, STORE_UNAVAILABLE);
}

static void every_call_fails_after_its_effect(struct world *w)
{
    whichever_call_fails(w, FAULT_AFTER, STORE_UNKNOWN);
}

static void readers_fail_too(struct world *w)
{
    struct store *filter = put_filter(w->store);
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    for (enum fault_call call = FAULT_READER; call <= FAULT_READ; call++)
        for (enum fault_when when = FAULT_BEFORE; when <= FAULT_AFTER; when++) {
            struct fault fault = {call, 1, 1, when, STORE_UNAVAILABLE};
            pawl_messages *messages = NULL;
            pawli_fault_set(filter, &fault);
            assert_status(pawl_message_get(w->store, &id, &messages, &err), PAWL_EUNAVAIL);
            assert_null(messages);
            assert_state(w, id, "pending"); /* the next call is not failed */
        }
    /* The second read of a call that makes two: what the first one found is not leaked. */
    pawl_messages *messages = NULL;
    pawli_fault_set(filter, &(struct fault){FAULT_READ, 2, 1, FAULT_BEFORE, STORE_CORRUPT});
    assert_status(pawl_message_get(w->store, &id, &messages, &err), PAWL_ECORRUPT);
    pawli_fault_set(filter, NULL);
    verify(w);
}

static void a_fault_begins_at_n_and_lasts(struct world *w)
{
    struct store *filter = put_filter(w->store);
    pawli_fault_set(filter, &(struct fault){FAULT_BEGIN, 2, 2, FAULT_BEFORE, STORE_BUSY});
    static const int expected[] = {PAWL_OK, PAWL_EBUSY, PAWL_EBUSY, PAWL_OK};
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_status(try_add(w, MESSAGE("1", .key = NULL)), expected[i]);
    assert_int_equal(pawli_fault_hits(filter), 2);
    assert_int_equal(pawli_fault_calls(filter, FAULT_BEGIN), 4);
    pawli_fault_set(filter, &(struct fault){FAULT_ANY, 1, 0, FAULT_BEFORE, STORE_POISONED});
    for (int i = 0; i < 5; i++)
        assert_status(try_add(w, MESSAGE("1", .key = NULL)), PAWL_EIO);
    pawli_fault_set(filter, NULL);
    assert_int_equal(stats(w).pending, 2);
    assert_memory_equal(pawli_store_name(filter), w->kind->url, strcspn(w->kind->url, ":"));
}

static const struct conformance_case cases[] = {
    CASE(a167_a_commit_whose_reply_was_lost),
    CASE(a167_a_commit_that_never_was),
    CASE(a_failure_is_told_as_what_it_is),
    CASE(a_race_is_decided_afresh),
    CASE(every_call_fails_before_its_effect),
    CASE(every_call_fails_after_its_effect),
    CASE(readers_fail_too),
    CASE(a_fault_begins_at_n_and_lasts),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
