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

/* ---- what is pending ---- */

#define TIMEOUT_MS 30000 /* of a call, and of a wait for others, where nobody says so */
#define BUSY_MS    5000

/* Every call that a piece of work makes is pending three times in turn: time passes, and nothing else is different. */
static void what_is_pending_is_asked_again(struct world *w)
{
    bool more = true;
    uint64_t nth;
    for (nth = 1; more; nth++) {
        struct world fresh;
        open_world(&fresh, w->kind, nth);
        struct store *filter = put_filter(fresh.store);
        struct held held = prepare_order(&fresh);
        int64_t began = now_ms(&fresh);
        pawli_fault_set(filter, &(struct fault){FAULT_ANY, nth, 3, FAULT_BEFORE, STORE_PENDING});
        pawl_receipt *receipt;
        assert_ok(place_order(&fresh, &held, &receipt));
        assert_false(pawl_receipt_was_replayed(receipt));
        pawl_receipt_free(receipt);
        more = pawli_fault_hits(filter) > 0;
        assert_int_equal(pawli_fault_hits(filter), more ? 3 : 0);
        assert_int_equal(now_ms(&fresh) - began, more ? 3 * FAULT_PENDING_MS : 0);
        pawli_fault_set(filter, NULL);
        assert_true(is_order_written(&fresh));
        close_world(&fresh);
        assert_true(nth < 10);
    }
    assert_int_equal(nth, 5); /* begin, load, save, and none */
}

static void readers_wait_for_what_is_pending(struct world *w)
{
    struct store *filter = put_filter(w->store);
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    for (enum fault_call call = FAULT_READER; call <= FAULT_READ; call++) {
        pawl_messages *messages = NULL;
        int64_t began = now_ms(w);
        pawli_fault_set(filter, &(struct fault){call, 1, 2, FAULT_BEFORE, STORE_PENDING});
        assert_ok(pawl_message_get(w->store, &id, &messages, &err));
        pawl_messages_free(messages);
        assert_int_equal(now_ms(w) - began, 2 * FAULT_PENDING_MS);
        began = now_ms(w);
        pawli_fault_set(filter, &(struct fault){call, 1, 0, FAULT_BEFORE, STORE_PENDING});
        assert_status(pawl_message_get(w->store, &id, &messages, &err), PAWL_EBUSY);
        assert_int_equal(now_ms(w) - began, BUSY_MS);
    }
    pawli_fault_set(filter, NULL);
    verify(w);
}

static void a_commit_that_stays_pending_ends_with_its_deadline(struct world *w)
{
    static const struct {
        enum fault_call call;
        int status;
        int64_t after_ms;
    } cases[] = {{FAULT_BEGIN, PAWL_EBUSY, BUSY_MS},
                 {FAULT_LOAD, PAWL_EBUSY, TIMEOUT_MS},
                 {FAULT_SAVE, PAWL_EUNCERTAIN, TIMEOUT_MS}};
    struct store *filter = put_filter(w->store);
    struct held held = prepare_order(w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t began = now_ms(w);
        pawli_fault_set(filter, &(struct fault){cases[i].call, 1, 0, FAULT_BEFORE, STORE_PENDING});
        assert_status(place_order(w, &held, NULL), cases[i].status);
        assert_int_equal(now_ms(w) - began, cases[i].after_ms);
        assert_int_equal(pawli_fault_calls(filter, FAULT_RESOLVE), cases[i].call == FAULT_SAVE);
        pawli_fault_set(filter, NULL);
        pawl_uuid id = make_id(1);
        assert_int_equal(pawl_record_exists(w->store, &id, &err), 0);
    }
    verify(w);
}

/* ---- what became of a lost commit ---- */

static const struct fault reply_lost = {FAULT_SAVE, 1, 1, FAULT_AFTER, STORE_UNKNOWN};
static const struct fault commit_lost = {FAULT_SAVE, 1, 1, FAULT_BEFORE, STORE_UNKNOWN};

static void place_fresh(struct world *w, const struct held *held)
{
    pawl_receipt *receipt;
    assert_ok(place_order(w, held, &receipt));
    assert_false(pawl_receipt_was_replayed(receipt));
    assert_int_equal(pawl_receipt_seq(receipt), 1);
    pawl_receipt_free(receipt);
}

/* Asked until it answers: at once, when it was pending, and when it was out of reach. */
static void a_commit_that_is_found_counts(struct world *w)
{
    static const struct {
        struct fault also;
        int64_t after_ms;
        unsigned asked;
    } cases[] = {{{FAULT_RESOLVE, 100, 1, FAULT_BEFORE, STORE_PENDING}, 0, 1},
                 {{FAULT_RESOLVE, 1, 3, FAULT_BEFORE, STORE_PENDING}, 3 * FAULT_PENDING_MS, 4},
                 {{FAULT_RESOLVE, 1, 3, FAULT_BEFORE, STORE_UNAVAILABLE}, 300, 4},
                 {{FAULT_RESOLVE, 1, 3, FAULT_AFTER, STORE_BUSY}, 300, 4}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world fresh;
        open_world(&fresh, w->kind, i + 1);
        struct store *filter = put_filter(fresh.store);
        struct held held = prepare_order(&fresh);
        int64_t began = now_ms(&fresh);
        pawli_fault_set(filter, &reply_lost);
        pawli_fault_also(filter, &cases[i].also);
        pawli_fault_outcome(filter, FAULT_COMMITTED);
        place_fresh(&fresh, &held);
        assert_int_equal(now_ms(&fresh) - began, cases[i].after_ms);
        assert_int_equal(pawli_fault_calls(filter, FAULT_SAVE), 1);
        assert_int_equal(pawli_fault_calls(filter, FAULT_RESOLVE), cases[i].asked);
        pawli_fault_set(filter, NULL);
        assert_true(is_order_written(&fresh));
        place_order_again(&fresh, &held, true);
        close_world(&fresh);
    }
}

static void a_commit_that_never_was_is_made_anew(struct world *w)
{
    struct store *filter = put_filter(w->store);
    struct held held = prepare_order(w);
    pawli_fault_set(filter, &commit_lost);
    pawli_fault_outcome(filter, FAULT_NOT_COMMITTED);
    place_fresh(w, &held);
    assert_int_equal(pawli_fault_calls(filter, FAULT_BEGIN), 2); /* the connection is another one */
    assert_int_equal(pawli_fault_calls(filter, FAULT_LOAD), 2);
    assert_int_equal(pawli_fault_calls(filter, FAULT_SAVE), 2);
    pawli_fault_set(filter, NULL);
    place_order_again(w, &held, true);
}

static void a_commit_that_cannot_be_made_anew_is_told_as_what_it_is(struct world *w)
{
    struct store *filter = put_filter(w->store);
    struct held held = prepare_order(w);
    pawli_fault_set(filter, &commit_lost);
    pawli_fault_also(filter, &(struct fault){FAULT_BEGIN, 2, 1, FAULT_BEFORE, STORE_UNAVAILABLE});
    pawli_fault_outcome(filter, FAULT_NOT_COMMITTED);
    assert_status(place_order(w, &held, NULL), PAWL_EUNAVAIL);
    assert_int_equal(err.status, PAWL_EUNAVAIL);
    pawli_fault_set(filter, &(struct fault){FAULT_SAVE, 1, 0, FAULT_BEFORE, STORE_UNKNOWN});
    pawli_fault_outcome(filter, FAULT_NOT_COMMITTED);
    assert_status(place_order(w, &held, NULL), PAWL_EBUSY); /* that has an end */
    pawli_fault_set(filter, NULL);
    assert_false(is_order_written(w));
    place_order_again(w, &held, false);
}

static void what_nobody_can_tell_is_unknown_at_the_deadline(struct world *w)
{
    struct store *filter = put_filter(w->store);
    struct held held = prepare_order(w);
    int64_t began = now_ms(w);
    pawli_fault_set(filter, &reply_lost);
    pawli_fault_also(filter, &(struct fault){FAULT_RESOLVE, 1, 0, FAULT_BEFORE, STORE_UNAVAILABLE});
    pawli_fault_outcome(filter, FAULT_COMMITTED);
    assert_status(place_order(w, &held, NULL), PAWL_EUNCERTAIN);
    assert_int_equal(err.status, PAWL_EUNCERTAIN);
    assert_int_equal(now_ms(w) - began, TIMEOUT_MS);
    pawli_fault_set(filter, NULL);
    assert_true(is_order_written(w));
    place_order_again(w, &held, true);
}

static void what_only_a_new_opening_knows_is_asked_once(struct world *w)
{
    struct store *filter = put_filter(w->store);
    struct held held = prepare_order(w);
    int64_t began = now_ms(w);
    pawli_fault_set(filter, &reply_lost);
    assert_status(place_order(w, &held, NULL), PAWL_EUNCERTAIN);
    assert_int_equal(pawli_fault_calls(filter, FAULT_RESOLVE), 1);
    assert_int_equal(now_ms(w), began);
    pawli_fault_set(filter, NULL);
    place_order_again(w, &held, true);
}

/* ---- filters ---- */

static struct {
    struct store store;
    bool does_commit, is_lost;
} losing;

static enum store_result lose(struct store *store, struct txn *txn, const struct view *view, bool syncs,
                              pawl_error *error)
{
    enum store_result result = STORE_OK;
    if (!losing.is_lost || losing.does_commit)
        result = pawli_below_save(store->below, txn, view, syncs, error);
    if (result == STORE_OK && losing.is_lost)
        result = pawli_store_fail(error, STORE_UNKNOWN);
    losing.is_lost = false;
    return result;
}

/* A filter that has one function: resolve goes to the store itself, which looks for the marker, where it can. */
static void the_store_below_a_filter_says_what_became_of_a_commit(struct world *w)
{
    static const struct store_ops loses = {.save = lose};
    bool knows = !pawli_store_can(w->store->opened->store, STORE_IS_DURABLE);
    for (int does_commit = 0; does_commit <= 1; does_commit++) {
        struct world fresh;
        open_world(&fresh, w->kind, 1);
        struct held held = prepare_order(&fresh);
        pawli_filter_init(&losing.store, &loses, fresh.store->opened->store);
        stand_on(fresh.store, &losing.store);
        losing.does_commit = does_commit;
        losing.is_lost = true;
        if (knows)
            place_fresh(&fresh, &held);
        else
            assert_status(place_order(&fresh, &held, NULL), PAWL_EUNCERTAIN);
        assert_int_equal(is_order_written(&fresh), knows || does_commit);
        place_order_again(&fresh, &held, knows || does_commit);
        close_world(&fresh);
    }
}

/* Two filters that leave out everything: nobody can tell them from the store. */
static void a_filter_passes_on_what_it_leaves_out(struct world *w)
{
    static const struct store_ops none;
    static struct store filters[2];
    struct store *store = w->store->opened->store;
    const char *name = pawli_store_name(store);
    bool joins = pawli_store_can(store, STORE_CAN_JOIN);
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        pawli_filter_init(&filters[i], &none, store);
        stand_on(w->store, store = &filters[i]);
    }
    assert_ptr_equal(pawli_store_name(store), name);
    assert_int_equal(pawli_store_can(store, STORE_CAN_JOIN), joins);
    struct held held = prepare_order(w);
    place_fresh(w, &held);
    assert_true(is_order_written(w));
    assert_ok(pawl_store_step(w->store, 0, NULL, &err));
    claim_one(w, CLAIM(.wait_ms = 10));
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
    CASE(what_is_pending_is_asked_again),
    CASE(readers_wait_for_what_is_pending),
    CASE(a_commit_that_stays_pending_ends_with_its_deadline),
    CASE(a_commit_that_is_found_counts),
    CASE(a_commit_that_never_was_is_made_anew),
    CASE(a_commit_that_cannot_be_made_anew_is_told_as_what_it_is),
    CASE(what_nobody_can_tell_is_unknown_at_the_deadline),
    CASE(what_only_a_new_opening_knows_is_asked_once),
    CASE(the_store_below_a_filter_says_what_became_of_a_commit),
    CASE(a_filter_passes_on_what_it_leaves_out),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
