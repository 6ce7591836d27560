/* SPDX-License-Identifier: MIT */
#include "order.h"

static pawl_uuid settled_message;

int place_order(struct world *w, const struct held *held, pawl_receipt **ret_receipt)
{
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = "order", .request_id = make_id(1)};
    pawl_transition *t = pawl_transition_new(w->store, &options);
    pawl_transition_command(t, "{}", 2);
    pawl_transition_response(t, "yes", 3);
    pawl_transition_event(t,
                          &(pawl_event){PAWL_EVENT, .topic = "orders", .type = "placed", .data = "1", .data_size = 1});
    pawl_transition_message(t, MESSAGE("new", .dedupe = "N", .key = "k"));
    pawl_transition_settle(t, SETTLE(*held, DELIVERED));
    pawl_transition_post(t, &(pawl_post){PAWL_POST, .account = "a", .asset = "USD", .delta = "-1.5"});
    pawl_transition_post(t, &(pawl_post){PAWL_POST, .account = "b", .asset = "USD", .delta = "1.5"});
    pawl_transition_balanced(t);
    pawl_transition_fill(t, &(pawl_fill){PAWL_FILL, .trade_id = "t", .market = "m", .buyer = "a", .seller = "b",
                                         .price = "2", .size = "1"});
    pawl_transition_projection(
        t, &(pawl_projection){PAWL_PROJECTION, .name = "p", .key = "k", .data = "1", .data_size = 1});
    pawl_transition_counter(t, "c", 7);
    int status = pawl_transition_commit(t, ret_receipt, &err);
    pawl_transition_free(t);
    return status;
}

struct held prepare_order(struct world *w)
{
    add(w, MESSAGE("old", .key = "k"));
    add(w, MESSAGE("next", .key = "k"));
    struct held held = claim_one(w, CLAIM());
    settled_message = held.id;
    return held;
}

/* How many of each kind the ledger has. */
static void assert_ledger(struct world *w, bool is_written)
{
    static const size_t counts[] = {[PAWL_ASSETS] = 1, [PAWL_BALANCES] = 2,    [PAWL_ENTRIES] = 2,
                                    [PAWL_FILLS] = 1,  [PAWL_PROJECTIONS] = 1, [PAWL_COUNTERS] = 1};
    pawl_ledger_checked checked = {PAWL_LEDGER_CHECKED};
    for (int32_t kind = 0; kind < (int32_t)COUNT_OF(counts); kind++) {
        pawl_ledger *ledger;
        const pawl_ledger_query query = {PAWL_LEDGER_QUERY, .kind = kind,
                                         .name = kind == PAWL_PROJECTIONS ? "p" : NULL};
        assert_ok(pawl_ledger_list(w->store, &query, &ledger, &err));
        assert_int_equal(pawl_ledger_count(ledger), is_written ? counts[kind] : 0);
        pawl_ledger_free(ledger);
    }
    assert_ok(pawl_ledger_check(w->store, &checked, &err));
    assert_true(checked.ok);
}

bool is_order_written(struct world *w)
{
    pawl_uuid id = make_id(1);
    int exists = pawl_record_exists(w->store, &id, &err);
    assert_true(exists >= 0);
    assert_state(w, settled_message, exists ? "delivered" : "claimed");
    pawl_queue_stats counts = stats(w);
    assert_int_equal(counts.pending, exists ? 2 : 1);
    assert_int_equal(counts.delivered, exists ? 1 : 0);
    assert_ledger(w, exists);
    verify(w);
    return exists;
}

void place_order_again(struct world *w, const struct held *held, bool was_written)
{
    pawl_receipt *receipt;
    assert_ok(place_order(w, held, &receipt));
    assert_int_equal(pawl_receipt_was_replayed(receipt) != 0, was_written);
    assert_int_equal(pawl_receipt_seq(receipt), 1);
    size_t size;
    const void *response = pawl_receipt_response(receipt, &size);
    assert_bytes(response, size, "yes");
    assert_int_equal(pawl_receipt_message_count(receipt), 1);
    assert_state(w, pawl_receipt_message(receipt, 0), "pending");
    pawl_receipt_free(receipt);
    assert_true(is_order_written(w));
}
