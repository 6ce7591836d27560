/* SPDX-License-Identifier: MIT */
/* Subscriptions: from where they stand each event comes, in order, once it is there; and they go forward only. */
#include "conformance.h"

#include "pawl/subscription.h"

static int subscribe(struct world *w, const pawl_subscription_options *options)
{
    return pawl_subscription_add(w->store, options, &err);
}
#define ADD(w, ...) subscribe((w), &(pawl_subscription_options){PAWL_SUBSCRIPTION_OPTIONS, __VA_ARGS__})

static void commit(pawl_store *store, const char *const *events)
{
    pawl_transition *t = pawl_transition_new(store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Move"});
    for (; *events; events += 2)
        pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = events[0], .type = "E", .key = events[1],
                                               .data = "{\"a\":1}", .data_size = 7});
    pawl_error error;
    if (pawl_transition_commit(t, NULL, &error) < 0)
        fail_msg("%s", error.text);
    pawl_transition_free(t);
}
#define COMMIT(w, ...) commit((w)->store, (const char *const[]){__VA_ARGS__, NULL})

static int ack(struct world *w, const char *name, uint64_t seq, uint32_t index)
{
    return pawl_subscription_ack(w->store, name, &(pawl_cursor){seq, index}, &err);
}

/* "1.0 2.1 " */
static void assert_reads(struct world *w, const char *name, const char *expected)
{
    char found[400] = "";
    pawl_events *events;
    assert_ok(pawl_subscription_read(w->store, name, NULL, 100, &events, &err));
    for (size_t i = 0; i < pawl_events_count(events); i++) {
        const pawl_event_view *event = pawl_events_get(events, i);
        size_t size = strlen(found);
        snprintf(found + size, sizeof found - size, "%llu.%u ", (unsigned long long)event->seq, event->index);
    }
    pawl_events_free(events);
    assert_string_equal(found, expected);
}

static void assert_stands(struct world *w, const char *name, uint64_t seq, uint32_t index, uint64_t behind)
{
    pawl_subscriptions *list;
    assert_ok(pawl_subscriptions_list(w->store, name, &list, &err));
    assert_int_equal(pawl_subscriptions_count(list), 1);
    const pawl_subscription_view *view = pawl_subscriptions_get(list, 0);
    assert_int_equal(view->position.seq, seq);
    assert_int_equal(view->position.index, index);
    assert_int_equal(view->behind, behind);
    pawl_subscriptions_free(list);
}

static void some_events(struct world *w)
{
    COMMIT(w, "t", "a1", "u", "b");
    COMMIT(w, "t", "a2", "t", "b1");
    COMMIT(w, "u", NULL);
    COMMIT(w, "t", "a3");
}

static void a185_reading_does_not_move_and_ack_goes_forward(struct world *w)
{
    some_events(w);
    assert_ok(ADD(w, .name = "all"));
    assert_ok(ADD(w, .name = "t", .topic = "t"));
    assert_ok(ADD(w, .name = "a", .key_prefix = "a"));
    assert_reads(w, "all", "1.0 1.1 2.0 2.1 3.0 4.0 ");
    assert_reads(w, "all", "1.0 1.1 2.0 2.1 3.0 4.0 ");
    assert_reads(w, "t", "1.0 2.0 2.1 4.0 ");
    assert_reads(w, "a", "1.0 2.0 4.0 ");
    assert_stands(w, "all", 0, 0, 6);
    assert_ok(ack(w, "all", 1, 0));
    assert_reads(w, "all", "1.1 2.0 2.1 3.0 4.0 ");
    assert_ok(ack(w, "all", 1, 0)); /* the same is done */
    assert_ok(ack(w, "all", 2, 1)); /* the last of its record is the whole of it */
    assert_ok(ack(w, "all", 2, PAWL_WHOLE_RECORD));
    assert_ok(ack(w, "all", 2, 1));
    assert_stands(w, "all", 2, 1, 2);
    assert_status(ack(w, "all", 2, 0), PAWL_EREFUSED);
    assert_status(ack(w, "all", 1, PAWL_WHOLE_RECORD), PAWL_EREFUSED);
    assert_status(ack(w, "all", 2, 2), PAWL_EREFUSED); /* no such event */
    assert_status(ack(w, "all", 5, 0), PAWL_EREFUSED); /* no such record */
    assert_status(ack(w, "all", 5, PAWL_WHOLE_RECORD), PAWL_EREFUSED);
    assert_status(ack(w, "none", 1, 0), PAWL_ENOTFOUND);
    assert_ok(ack(w, "all", 4, 0));
    assert_reads(w, "all", "");
    COMMIT(w, "t", "c");
    assert_reads(w, "all", "5.0 ");
    verify(w);
}

static void where_one_begins(struct world *w)
{
    assert_ok(ADD(w, .name = "early", .from = PAWL_FROM_NOW)); /* before there is anything */
    assert_status(ADD(w, .name = "x", .from = PAWL_FROM_RECORD, .seq = 2), PAWL_EREFUSED);
    some_events(w);
    assert_ok(ADD(w, .name = "now", .from = PAWL_FROM_NOW));
    assert_ok(ADD(w, .name = "three", .from = PAWL_FROM_RECORD, .seq = 3));
    assert_ok(ADD(w, .name = "next", .from = PAWL_FROM_RECORD, .seq = 5));
    assert_status(ADD(w, .name = "x", .from = PAWL_FROM_RECORD, .seq = 6), PAWL_EREFUSED);
    assert_status(ADD(w, .name = "x", .from = PAWL_FROM_RECORD), PAWL_EINVAL);
    assert_status(ADD(w, .name = "x", .from = 3), PAWL_EINVAL);
    assert_reads(w, "early", "1.0 1.1 2.0 2.1 3.0 4.0 ");
    assert_reads(w, "now", "");
    assert_reads(w, "three", "3.0 4.0 ");
    COMMIT(w, "t", "c");
    assert_reads(w, "now", "5.0 ");
    assert_reads(w, "next", "5.0 ");
    verify(w);
}

static void one_is_added_once(struct world *w)
{
    some_events(w);
    assert_ok(ADD(w, .name = "s", .topic = "t"));
    assert_ok(ack(w, "s", 2, 0));
    assert_ok(ADD(w, .name = "s", .topic = "t")); /* is there: it stays where it stands */
    assert_stands(w, "s", 2, 0, 2);
    assert_status(ADD(w, .name = "s", .topic = "u"), PAWL_ECONFLICT);
    assert_status(ADD(w, .name = "s", .topic = "t", .key_prefix = "a"), PAWL_ECONFLICT);
    assert_status(ADD(w, .name = "s", .topic = "t", .lane = "l", .target = "t"), PAWL_ECONFLICT);
    assert_status(ADD(w, .name = "x", .lane = "l"), PAWL_EINVAL);
    assert_status(ADD(w, .name = "x y"), PAWL_EINVAL);
    assert_ok(pawl_subscription_remove(w->store, "s", &err));
    assert_status(pawl_subscription_remove(w->store, "s", &err), PAWL_ENOTFOUND);
    pawl_events *events;
    assert_status(pawl_subscription_read(w->store, "s", NULL, 0, &events, &err), PAWL_ENOTFOUND);
    verify(w);
}

/* ---- relayed ---- */

static uint64_t relay(struct world *w, const char *name, uint32_t limit)
{
    uint64_t relayed = 0;
    assert_ok(pawl_subscription_relay(w->store, name, limit, &relayed, &err));
    return relayed;
}

static pawl_uuid claim_event(struct world *w, const char *body, const char *key)
{
    pawl_messages *claimed;
    assert_ok(pawl_claim(w->store,
                         &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = LANE, .target = TARGET, .limit = 1},
                         &claimed, &err));
    assert_int_equal(pawl_messages_count(claimed), 1);
    const pawl_message_view *view = pawl_messages_get(claimed, 0);
    pawl_uuid id = view->id;
    if (body && (view->data_size != strlen(body) || memcmp(view->data, body, view->data_size) != 0))
        fail_msg("%.*s", (int)view->data_size, (const char *)view->data);
    if (key)
        assert_string_equal(view->key, key);
    else
        assert_null(view->key);
    const pawl_settlement settlement = {PAWL_SETTLEMENT, .id = id, .token = view->token,
                                        .verdict = PAWL_VERDICT_DELIVERED};
    pawl_settled settled;
    assert_ok(pawl_settle(w->store, &settlement, 1, &settled, &err));
    pawl_messages_free(claimed);
    return id;
}

static void an_event_becomes_one_message(struct world *w)
{
    some_events(w);
    assert_ok(ADD(w, .name = "r", .topic = "t", .lane = LANE, .target = TARGET));
    assert_int_equal(relay(w, "r", 3), 3);
    assert_stands(w, "r", 3, 0, 1);                  /* what is none of its own it passed */
    assert_status(ack(w, "r", 4, 0), PAWL_EREFUSED); /* workers move it */
    assert_int_equal(relay(w, "r", 100), 1);
    assert_int_equal(relay(w, "r", 100), 0);
    assert_stands(w, "r", 4, 0, 0);
    pawl_uuid first = claim_event(
        w,
        "{\"seq\":1,\"index\":0,\"topic\":\"t\",\"type\":\"E\",\"key\":\"a1\",\"keep\":\"full\","
        "\"content_type\":\"application/json\",\"data\":{\"a\":1}}",
        "a1");
    claim_event(w, NULL, "a2");
    /* The same, told again by one that was added anew: these messages, in whatever state they are. */
    assert_ok(pawl_subscription_remove(w->store, "r", &err));
    assert_ok(ADD(w, .name = "r", .topic = "t", .lane = LANE, .target = TARGET));
    assert_int_equal(relay(w, "r", 100), 4);
    claim_event(w, NULL, "b1");
    claim_event(w, NULL, "a3");
    claim_none(w, CLAIM(.limit = 10));
    pawl_messages *messages;
    assert_ok(pawl_message_get(w->store, &first, &messages, &err));
    assert_string_equal(pawl_messages_get(messages, 0)->state, "delivered");
    pawl_messages_free(messages);
    assert_ok(ADD(w, .name = "hand"));
    assert_status(pawl_subscription_relay(w->store, "hand", 1, NULL, &err), PAWL_EREFUSED);
    assert_status(pawl_subscription_relay(w->store, "none", 1, NULL, &err), PAWL_ENOTFOUND);
    verify(w);
}

/* What its target does not take stays in the journal: there is no row for it. */
static void a_queue_that_is_full_waits(struct world *w)
{
    const char *events[2 * 400 + 1] = {NULL};
    for (size_t i = 0; i < 400; i++) {
        events[2 * i] = "t";
        events[2 * i + 1] = "k";
    }
    for (int i = 0; i < 3; i++)
        commit(w->store, events);
    assert_ok(ADD(w, .name = "r", .lane = LANE, .target = TARGET));
    uint64_t all = 0;
    for (uint64_t some; (some = relay(w, "r", 1000)) > 0;)
        all += some;
    assert_int_equal(all, 1000);
    assert_stands(w, "r", 3, 199, 200);
    claim_event(w, NULL, "k");
    assert_int_equal(relay(w, "r", 1000), 1);
    verify(w);
}

/* One whose body is as large as a body may be does not fit with what is said about it. */
static void an_event_that_is_too_large_is_told_by_reference(struct world *w)
{
    static char body[1024 * 1024];
    memset(body, '1', sizeof body);
    pawl_transition *t = pawl_transition_new(w->store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "Move"});
    for (int i = 0; i < 8; i++)
        pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = "t", .type = "E", .data = body,
                                               .data_size = sizeof body - (i ? 1000 : 0)});
    assert_ok(pawl_transition_commit(t, NULL, &err));
    pawl_transition_free(t);
    assert_ok(ADD(w, .name = "r", .lane = LANE, .target = TARGET));
    assert_in_range(relay(w, "r", 100), 1, 7); /* not all in one commit */
    while (relay(w, "r", 100) > 0)
        ;
    assert_stands(w, "r", 1, 7, 0);
    claim_event(w,
                "{\"seq\":1,\"index\":0,\"topic\":\"t\",\"type\":\"E\",\"keep\":\"reference\","
                "\"content_type\":\"application/json\"}",
                NULL);
    verify(w);
}

static const struct conformance_case cases[] = {
    CASE(a185_reading_does_not_move_and_ack_goes_forward),
    CASE(where_one_begins),
    CASE(one_is_added_once),
    CASE(an_event_becomes_one_message),
    CASE(a_queue_that_is_full_waits),
    CASE(an_event_that_is_too_large_is_told_by_reference),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
