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

bool is_order_written(struct world *w)
{
    pawl_uuid id = make_id(1);
    int exists = pawl_record_exists(w->store, &id, &err);
    assert_true(exists >= 0);
    assert_state(w, settled_message, exists ? "delivered" : "claimed");
    pawl_queue_stats counts = stats(w);
    assert_int_equal(counts.pending, exists ? 2 : 1);
    assert_int_equal(counts.delivered, exists ? 1 : 0);
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
