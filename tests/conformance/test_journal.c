/* SPDX-License-Identifier: MIT */
/* Transitions and what the journal keeps of them: records, events, answers, all or nothing. */
#include "conformance.h"

/* A transition of type "order"; command NULL: none. */
static pawl_transition *begin(struct world *w, unsigned id, const char *command)
{
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = "order", .request_id = make_id(id)};
    pawl_transition *t = pawl_transition_new(w->store, &options);
    assert_non_null(t);
    if (command)
        pawl_transition_command(t, command, strlen(command));
    return t;
}

static int commit(pawl_transition *t, pawl_receipt **ret_receipt)
{
    int status = pawl_transition_commit(t, ret_receipt, &err);
    pawl_transition_free(t);
    return status;
}

static void emit(pawl_transition *t, const char *topic, const char *key, const char *data, int32_t keep)
{
    pawl_transition_event(t, &(pawl_event){PAWL_EVENT, .topic = topic, .type = "t", .key = key, .data = data,
                                           .data_size = strlen(data), .keep = keep});
}

static uint64_t append(struct world *w, unsigned id, const char *command)
{
    pawl_receipt *receipt;
    assert_ok(commit(begin(w, id, command), &receipt));
    uint64_t seq = pawl_receipt_seq(receipt);
    pawl_receipt_free(receipt);
    return seq;
}

static pawl_records *record(struct world *w, unsigned id)
{
    pawl_records *records;
    pawl_uuid request_id = make_id(id);
    assert_ok(pawl_record_get(w->store, &request_id, 0, &records, &err));
    assert_int_equal(pawl_records_count(records), 1);
    return records;
}

static void a158_a_record_is_what_was_given(struct world *w)
{
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS,
                                       .type = "order",
                                       .request_id = make_id(1),
                                       .ref = "order-7",
                                       .received_at_ms = now_ms(w) - 5,
                                       .duration_us = 42,
                                       .state_pre = "\0\1",
                                       .state_pre_size = 2,
                                       .state_post = "\2",
                                       .state_post_size = 1};
    pawl_transition *t = pawl_transition_new(w->store, &options);
    pawl_transition_command(t, "{\"buy\" : 1.50}", 14);
    pawl_transition_response(t, "ok", 2);
    emit(t, "orders", "k1", "{\"n\":1}", PAWL_KEEP_FULL);
    emit(t, "audit", NULL, "raw \xff", PAWL_KEEP_FULL);
    pawl_transition_message(t, MESSAGE("m", .key = NULL));
    pawl_receipt *receipt;
    assert_ok(commit(t, &receipt));
    assert_int_equal(pawl_receipt_seq(receipt), 1);
    assert_false(pawl_receipt_was_replayed(receipt));
    assert_string_equal(pawl_receipt_scope(receipt), "default");
    assert_int_equal(pawl_receipt_message_count(receipt), 1);
    pawl_uuid message = pawl_receipt_message(receipt, 0);

    pawl_records *records = record(w, 1);
    const pawl_record *r = pawl_records_get(records, 0);
    assert_int_equal(r->seq, 1);
    assert_string_equal(r->type, "order");
    assert_string_equal(r->ref, "order-7");
    assert_string_equal(r->content_type, "application/json");
    assert_bytes(r->data, r->data_size, "{\"buy\" : 1.50}");
    assert_bytes(r->response, r->response_size, "ok");
    assert_string_equal(r->response_type, "application/octet-stream");
    assert_int_equal(r->state_pre_size, 2);
    assert_memory_equal(r->state_pre, "\0\1", 2);
    assert_int_equal(r->state_post_size, 1);
    assert_int_equal(r->duration_us, 42);
    assert_int_equal(r->received_at_ms, now_ms(w) - 5);
    assert_int_equal(r->committed_at_ms, now_ms(w));
    assert_int_equal(r->epoch, 1);
    assert_memory_equal(r->digest, pawl_receipt_digest(receipt), 32);
    assert_int_equal(r->message_count, 1);
    assert_id(r->messages[0], message);
    assert_int_equal(r->event_count, 2);
    assert_string_equal(r->events[0].topic, "orders");
    assert_string_equal(r->events[0].key, "k1");
    assert_bytes(r->events[0].data, r->events[0].data_size, "{\"n\":1}");
    assert_int_equal(r->events[1].index, 1);
    assert_null(r->events[1].key);
    assert_bytes(r->events[1].data, r->events[1].data_size, "raw \xff");
    pawl_records_free(records);
    pawl_receipt_free(receipt);
    assert_state(w, message, "pending");
    verify(w);
}

static void a159_the_same_id_again_is_the_stored_answer(struct world *w)
{
    pawl_receipt *first, *again;
    pawl_transition *t = begin(w, 1, "{}");
    pawl_transition_response(t, "1", 1);
    pawl_transition_message(t, MESSAGE("m", .key = NULL));
    emit(t, "orders", NULL, "1", PAWL_KEEP_FULL);
    assert_ok(commit(t, &first));

    t = begin(w, 1, "{}"); /* another response, event and message: the stored ones hold */
    pawl_transition_response(t, "2", 1);
    pawl_transition_message(t, MESSAGE("n", .key = NULL));
    pawl_transition_message(t, MESSAGE("o", .key = NULL));
    assert_ok(commit(t, &again));
    assert_true(pawl_receipt_was_replayed(again));
    assert_int_equal(pawl_receipt_seq(again), pawl_receipt_seq(first));
    assert_memory_equal(pawl_receipt_digest(again), pawl_receipt_digest(first), 32);
    size_t size;
    const void *response = pawl_receipt_response(again, &size);
    assert_bytes(response, size, "1");
    assert_int_equal(pawl_receipt_message_count(again), 1);
    assert_id(pawl_receipt_message(again, 0), pawl_receipt_message(first, 0));
    pawl_receipt_free(first);
    pawl_receipt_free(again);
    assert_int_equal(count_records(w), 1);
    assert_int_equal(stats(w).pending, 1);
    verify(w);
}

static void a162_other_content_is_a_conflict(struct world *w)
{
    append(w, 1, "{\"a\":1}");
    assert_status(commit(begin(w, 1, "{\"a\":2}"), NULL), PAWL_ECONFLICT);
    assert_non_null(strstr(err.text, "fingerprint"));
    assert_status(commit(begin(w, 1, NULL), NULL), PAWL_ECONFLICT);
    pawl_records *records = record(w, 1);
    assert_bytes(pawl_records_get(records, 0)->data, 7, "{\"a\":1}");
    pawl_records_free(records);
    assert_int_equal(append(w, 2, "{}"), 2); /* a refusal leaves no gap */
}

static void a166_a_refused_part_refuses_the_whole(struct world *w)
{
    add(w, MESSAGE("1", .dedupe = "K"));
    pawl_transition *t = begin(w, 1, "{}");
    emit(t, "orders", NULL, "1", PAWL_KEEP_FULL);
    pawl_transition_message(t, MESSAGE("ok", .dedupe = "J"));
    pawl_transition_message(t, MESSAGE("2", .dedupe = "K"));
    assert_status(commit(t, NULL), PAWL_ECONFLICT);
    pawl_uuid id = make_id(1);
    assert_int_equal(pawl_record_exists(w->store, &id, &err), 0);
    assert_int_equal(stats(w).pending, 1);
    assert_false(add(w, MESSAGE("other", .dedupe = "J")).was_replayed); /* J was not bound */
    assert_int_equal(append(w, 1, "{}"), 1);                            /* neither was the request id */
    verify(w);
}

static void a_transition_settles_what_it_consumed(struct world *w)
{
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM(.lease_ms = 10)), stale = held;
    pawli_sim_advance_ms(w->env, 10);
    held = claim_one(w, CLAIM(.consumer = "worker-7", .lease_ms = 1000));
    pawl_transition *t = begin(w, 1, "{}");
    pawl_transition_settle(t, SETTLE(stale, DELIVERED));
    assert_status(commit(t, NULL), PAWL_EFENCED);
    assert_non_null(strstr(err.hint, "worker-7")); /* who has it, and how long */
    assert_non_null(strstr(err.hint, " 1000 ms"));
    assert_int_equal(count_records(w), 0);
    assert_state(w, held.id, "claimed");

    t = begin(w, 1, "{}");
    pawl_transition_settle(t, SETTLE(held, DELIVERED));
    assert_ok(commit(t, NULL));
    assert_state(w, held.id, "delivered");
    assert_ok(commit(begin(w, 1, "{}"), NULL)); /* again: the stored answer, though the claim is gone */
    verify(w);
}

static void a169_what_an_event_keeps(struct world *w)
{
    pawl_transition *t = begin(w, 1, "{}");
    emit(t, "a", NULL, "1", PAWL_KEEP_NONE);
    emit(t, "a", "k", "2", PAWL_KEEP_REFERENCE);
    emit(t, "a", NULL, "3", PAWL_KEEP_FULL);
    assert_ok(commit(t, NULL));
    pawl_events *events;
    assert_ok(pawl_events_read(w->store, &(pawl_events_query){PAWL_EVENTS_QUERY}, &events, &err));
    assert_int_equal(pawl_events_count(events), 2);
    const pawl_event_view *reference = pawl_events_get(events, 0), *full = pawl_events_get(events, 1);
    assert_int_equal(reference->index, 1); /* never numbered anew */
    assert_null(reference->data);
    assert_string_equal(reference->key, "k");
    assert_int_equal(full->index, 2);
    assert_bytes(full->data, full->data_size, "3");
    pawl_events_free(events);
    verify(w);
}

static void an_event_is_kept_in_one_of_three_ways(struct world *w)
{
    static const int32_t bad[] = {-1, 3, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        pawl_transition *t = begin(w, 1, "{}");
        emit(t, "a", NULL, "1", PAWL_KEEP_FULL);
        emit(t, "a", NULL, "2", bad[i]);
        assert_status(commit(t, NULL), PAWL_EINVAL);
        assert_non_null(strstr(err.text, "keep"));
    }
    assert_int_equal(count_records(w), 0);
}

static void a171_records_by_id_by_seq_and_whether(struct world *w)
{
    append(w, 1, "{}");
    pawl_uuid one = make_id(1), two = make_id(2);
    assert_int_equal(pawl_record_exists(w->store, &one, &err), 1);
    assert_int_equal(pawl_record_exists(w->store, &two, &err), 0);
    pawl_records *records;
    assert_status(pawl_record_get(w->store, &two, 0, &records, &err), PAWL_ENOTFOUND);
    assert_status(pawl_record_get(w->store, NULL, 2, &records, &err), PAWL_ENOTFOUND);
    assert_ok(pawl_record_get(w->store, NULL, 1, &records, &err));
    const pawl_record *r = pawl_records_get(records, 0);
    assert_id(r->request_id, one);
    assert_null(r->state_pre);
    assert_null(r->response);
    assert_null(r->ref);
    assert_int_equal(r->event_count, 0);
    pawl_records_free(records);

    pawl_store *other;
    assert_ok(pawl_store_scope(w->store, "other", &other, &err));
    assert_int_equal(pawl_record_exists(other, &one, &err), 0);
    pawl_store_close(other);
}

static void expect_records(struct world *w, pawl_records_query query, const uint64_t *seqs, size_t count, bool more)
{
    pawl_records *records;
    query.struct_size = sizeof query;
    assert_ok(pawl_records_list(w->store, &query, &records, &err));
    assert_int_equal(pawl_records_count(records), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pawl_records_get(records, i)->seq, seqs[i]);
    assert_int_equal(pawl_records_has_more(records) != 0, more);
    pawl_records_free(records);
}

/* How many events each told, and the types of the first five: with the records, in one page. */
static void a172_the_latest_with_their_events(struct world *w)
{
    char types[16], expected[16];
    for (unsigned i = 1; i <= 12; i++) {
        pawl_transition *t = begin(w, i, "{}");
        for (unsigned j = 0; j < i % 9; j++)
            pawl_transition_event(
                t, &(pawl_event){PAWL_EVENT, .topic = "t", .type = (const char *[]){"a", "b", "c"}[j % 3]});
        assert_ok(commit(t, NULL));
    }
    pawl_records *records;
    assert_ok(pawl_records_list(w->store, &(pawl_records_query){PAWL_RECORDS_QUERY, .newest_first = 1, .limit = 10},
                                &records, &err));
    assert_int_equal(pawl_records_count(records), 10);
    for (size_t i = 0; i < 10; i++) {
        const pawl_record *record = pawl_records_get(records, i);
        size_t count = record->event_count < 5 ? record->event_count : 5;
        assert_int_equal(record->seq, 12 - i);
        assert_int_equal(record->event_count, record->seq % 9);
        for (size_t j = 0; j < count; j++)
            types[j] = *pawl_record_event(record, j)->type;
        types[count] = '\0';
        snprintf(expected, sizeof expected, "%.*s", (int)count, "abcab");
        assert_string_equal(types, expected);
    }
    pawl_records_free(records);
}

static void a173_recent_records(struct world *w)
{
    for (unsigned i = 1; i <= 4; i++) {
        append(w, i, "{}");
        pawli_sim_advance_ms(w->env, 10);
    }
    int64_t third = now_ms(w) - 20;
    expect_records(w, (pawl_records_query){.newest_first = 1, .since_ms = third}, (uint64_t[]){4, 3}, 2, false);
    expect_records(w, (pawl_records_query){.newest_first = 1, .since_ms = third + 1}, (uint64_t[]){4}, 1, false);
    expect_records(w, (pawl_records_query){.newest_first = 1, .since_ms = INT64_MAX}, NULL, 0, false);
    expect_records(w, (pawl_records_query){.newest_first = 1, .since_ms = INT64_MIN}, (uint64_t[]){4, 3, 2, 1}, 4,
                   false);
}

static void records_are_paged_both_ways(struct world *w)
{
    for (unsigned i = 1; i <= 5; i++)
        append(w, i, "{}");
    expect_records(w, (pawl_records_query){.limit = 2}, (uint64_t[]){1, 2}, 2, true);
    expect_records(w, (pawl_records_query){.limit = 3, .after_seq = 2}, (uint64_t[]){3, 4, 5}, 3, false);
    expect_records(w, (pawl_records_query){.after_seq = 5}, NULL, 0, false);
    expect_records(w, (pawl_records_query){.limit = 2, .newest_first = 1}, (uint64_t[]){5, 4}, 2, true);
    expect_records(w, (pawl_records_query){.before_seq = 3, .newest_first = 1}, (uint64_t[]){2, 1}, 2, false);
}

static void a176_out_of_range_is_refused(struct world *w)
{
    pawl_records *records;
    pawl_events *events;
    assert_status(
        pawl_records_list(w->store, &(pawl_records_query){PAWL_RECORDS_QUERY, .limit = 10001}, &records, &err),
        PAWL_EINVAL);
    assert_status(
        pawl_records_list(w->store, &(pawl_records_query){PAWL_RECORDS_QUERY, .after_seq = UINT64_MAX}, &records, &err),
        PAWL_EINVAL);
    assert_status(
        pawl_events_read(w->store, &(pawl_events_query){PAWL_EVENTS_QUERY, .limit = UINT32_MAX}, &events, &err),
        PAWL_EINVAL);
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = "order", .received_at_ms = INT64_MAX};
    assert_status(commit(pawl_transition_new(w->store, &options), NULL), PAWL_EINVAL);
    options = (pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "pawl.order"};
    assert_status(commit(pawl_transition_new(w->store, &options), NULL), PAWL_EINVAL);
    assert_int_equal(count_records(w), 0);
}

static void a183_the_expected_seq(struct world *w)
{
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = "order", .expect_seq = 2};
    assert_status(commit(pawl_transition_new(w->store, &options), NULL), PAWL_ECONFLICT);
    assert_int_equal(count_records(w), 0);
    append(w, 1, "{}");
    assert_ok(commit(pawl_transition_new(w->store, &options), NULL));
    assert_status(commit(pawl_transition_new(w->store, &options), NULL), PAWL_ECONFLICT);
    assert_int_equal(count_records(w), 2);
}

static pawl_cursor expect_events(struct world *w, pawl_events_query query, const char *expected)
{
    pawl_events *events;
    char seen[64] = "";
    query.struct_size = sizeof query;
    assert_ok(pawl_events_read(w->store, &query, &events, &err));
    for (size_t i = 0; i < pawl_events_count(events); i++)
        strncat(seen, pawl_events_get(events, i)->data, pawl_events_get(events, i)->data_size);
    assert_string_equal(seen, expected);
    pawl_cursor next = pawl_events_next(events);
    pawl_events_free(events);
    return next;
}

static void a184_events_behind_a_cursor(struct world *w)
{
    pawl_cursor all = {0, PAWL_WHOLE_RECORD};
    for (unsigned i = 0; i < 3; i++) {
        char digits[3][2] = {{(char)('1' + 3 * i)}, {(char)('2' + 3 * i)}, {(char)('3' + 3 * i)}};
        pawl_transition *t = begin(w, i + 1, "{}");
        emit(t, "a/x", "odd", digits[0], PAWL_KEEP_FULL);
        emit(t, "b", "odd", digits[1], PAWL_KEEP_FULL);
        emit(t, "a/x", "even", digits[2], PAWL_KEEP_FULL);
        assert_ok(commit(t, NULL));
    }
    expect_events(w, (pawl_events_query){.after = all}, "123456789");
    expect_events(w, (pawl_events_query){.after = all, .topic = "a/x"}, "134679");
    expect_events(w, (pawl_events_query){.after = all, .topic = "a/x", .key = "odd"}, "147");
    expect_events(w, (pawl_events_query){.after = all, .topic = "a"}, "");
    expect_events(w, (pawl_events_query){.after = {1, 1}}, "3456789");
    expect_events(w, (pawl_events_query){.after = {1, PAWL_WHOLE_RECORD}}, "456789");
    pawl_cursor at = all;
    at = expect_events(w, (pawl_events_query){.after = at, .limit = 2}, "12");
    at = expect_events(w, (pawl_events_query){.after = at, .limit = 2}, "34");
    at = expect_events(w, (pawl_events_query){.after = at, .limit = 5}, "56789");
    at = expect_events(w, (pawl_events_query){.after = at}, "");
    append(w, 9, "{}");
    at = expect_events(w, (pawl_events_query){.after = at}, "");
    assert_int_equal(at.seq, 4);
    pawl_events *events;
    assert_status(pawl_events_read(w->store, &(pawl_events_query){PAWL_EVENTS_QUERY, .after = {5, 0}}, &events, &err),
                  PAWL_EINVAL);
}

static void events_are_read_over_many_records(struct world *w)
{
    pawl_cursor at = {0, PAWL_WHOLE_RECORD};
    for (unsigned i = 1; i <= 450; i++) {
        pawl_transition *t = begin(w, i, "{}");
        emit(t, i % 100 == 0 ? "rare" : "often", NULL, "x", PAWL_KEEP_FULL);
        assert_ok(commit(t, NULL));
    }
    at = expect_events(w, (pawl_events_query){.after = at, .topic = "rare", .limit = 3}, "xxx");
    assert_true(at.seq >= 300 && at.seq < 400);
    at = expect_events(w, (pawl_events_query){.after = at, .topic = "rare"}, "x");
    assert_int_equal(at.seq, 450);
}

static void scopes_have_journals_of_their_own(struct world *w)
{
    pawl_store *other;
    assert_ok(pawl_store_scope(w->store, "other", &other, &err));
    append(w, 1, "{}");
    struct world theirs = *w;
    theirs.store = other;
    assert_int_equal(append(&theirs, 1, "[]"), 1); /* the same id, other content, another scope */
    assert_int_equal(append(&theirs, 2, "[]"), 2);
    assert_int_equal(count_records(w), 1);
    assert_int_equal(count_records(&theirs), 2);
    pawl_store_close(other);
    verify(w);
}

static void a188_a_store_has_one_life(struct world *w)
{
    pawl_store_info info = {PAWL_STORE_INFO}, again = info, others = info;
    assert_ok(pawl_store_get_info(w->store, &info, &err));
    append(w, 1, "{}");
    assert_ok(pawl_store_get_info(w->store, &again, &err));
    assert_id(info.life, again.life);
    assert_int_equal(info.epoch, 1);
    assert_int_equal(again.commits, info.commits + 1);
    assert_true(info.was_created);
    assert_false(info.is_restored);
    struct world other;
    open_world(&other, w->kind, w->seed + 1);
    assert_ok(pawl_store_get_info(other.store, &others, &err));
    assert_memory_not_equal(&info.life, &others.life, sizeof info.life);
    close_world(&other);
}

static void a178_a_store_says_whether_it_is_durable(struct world *w)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    assert_ok(pawl_store_get_info(w->store, &info, &err));
    assert_int_equal(info.is_durable, w->kind->is_durable);
    struct {
        size_t struct_size; /* as an older program knows it */
        pawl_uuid life;
        uint64_t untouched;
    } old = {offsetof(pawl_store_info, epoch), {{0}}, 7};
    assert_ok(pawl_store_get_info(w->store, (pawl_store_info *)&old, &err));
    assert_id(old.life, info.life);
    assert_int_equal(old.untouched, 7);
}

static int retry(struct world *w, pawl_transition_options options)
{
    options.struct_size = sizeof options;
    options.request_id = make_id(1);
    pawl_transition *t = pawl_transition_new(w->store, &options);
    pawl_transition_command(t, "{}", 2);
    return commit(t, NULL);
}

static void a182_what_a_retry_may_say_anew(struct world *w)
{
    pawl_transition_options first = {.type = "order", .ref = "r", .received_at_ms = 1, .duration_us = 1}, again = first;
    assert_ok(retry(w, first));
    again.received_at_ms = again.duration_us = 2;
    again.state_pre = again.state_post = "x";
    again.state_pre_size = again.state_post_size = 1;
    assert_ok(retry(w, again));
    again = first;
    again.ref = "other";
    assert_status(retry(w, again), PAWL_ECONFLICT);
    again = first;
    again.type = "cancel";
    assert_status(retry(w, again), PAWL_ECONFLICT);
    again = first;
    again.content_type = "text/plain";
    assert_status(retry(w, again), PAWL_ECONFLICT);
    assert_int_equal(count_records(w), 1);
    pawl_records *records = record(w, 1);
    assert_int_equal(pawl_records_get(records, 0)->duration_us, 1);
    assert_null(pawl_records_get(records, 0)->state_pre);
    pawl_records_free(records);
}

static void waiting_for_a_record(struct world *w)
{
    assert_int_equal(pawl_journal_wait(w->store, 0, 100, &err), 0);
    append(w, 1, "{}");
    assert_int_equal(pawl_journal_wait(w->store, 0, 100, &err), 1);
    int64_t before = now_ms(w);
    assert_int_equal(pawl_journal_wait(w->store, 1, 100, &err), 0);
    assert_int_equal(now_ms(w), before + 100);
}

static void append_event(struct world *w, unsigned id, const char *data)
{
    pawl_transition *t = begin(w, id, "{}");
    emit(t, "a", NULL, data, PAWL_KEEP_FULL);
    assert_ok(commit(t, NULL));
}

static void append_here(void *data)
{
    append_event(data, 2, "here");
}

static void append_elsewhere(void *data)
{
    struct world *w = data;
    struct world other = *w;
    assert_ok(pawli_open_in(w->env, w->url, NULL, &other.store, &err));
    append_event(&other, 3, "elsewhere");
    pawl_store_close(other.store);
}

static void expect_moment(struct world *w, uint64_t after, int64_t ms, void (*act)(void *data), const char *data)
{
    int64_t began = now_ms(w);
    pawli_sim_meanwhile(w->env, ms, act, w);
    assert_int_equal(pawl_journal_wait(w->store, after, 1000, &err), 1);
    assert_int_equal(now_ms(w), began + ms);
    expect_events(w, (pawl_events_query){PAWL_EVENTS_QUERY, .after = {after, PAWL_WHOLE_RECORD}}, data);
}

/* By another one of this opening, and by another opening, which is another process for pawl. */
static void a_record_is_read_at_the_moment_at_which_it_was_committed(struct world *w)
{
    append(w, 1, "{}");
    expect_moment(w, 1, 300, append_here, "here");
    if (w->kind->is_durable)
        expect_moment(w, 2, 70, append_elsewhere, "elsewhere");
    verify(w);
}

static void enqueue_one(void *data)
{
    struct world *w = data;
    add(w, MESSAGE("1", .key = NULL));
}

/* Who follows looks when he comes and when his time is up: what is no record does not make him look between. */
static void other_commits_wake_nobody_who_follows_the_journal(struct world *w)
{
    struct store *filter = put_filter(w->store);
    int64_t began = now_ms(w);
    append(w, 1, "{}");
    pawli_fault_set(filter, NULL);
    pawli_sim_meanwhile(w->env, 300, enqueue_one, w);
    assert_int_equal(pawl_journal_wait(w->store, 1, 1000, &err), 0);
    assert_int_equal(now_ms(w), began + 1000);
    assert_int_equal(pawli_fault_calls(filter, FAULT_READER), 2);
    verify(w);
}

/* ---- one look is one moment ---- */

static void write_some(void *data, uint64_t checked)
{
    struct world *w = data;
    pawl_transition *t = pawl_transition_new(w->store,
                                             &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "t"});
    (void)checked;
    assert_ok(pawl_transition_commit(t, NULL, &err));
    pawl_transition_free(t);
    add(w, MESSAGE("1", .key = NULL));
    claim_and(w, PAWL_VERDICT_DELIVERED); /* one that was looked at before */
}

/* Over many pages, and somebody writes between them. */
static void a_store_that_is_written_meanwhile_verifies(struct world *w)
{
    LAW(J3);
    pawl_message messages[1000];
    pawl_enqueued results[1000];
    pawl_verification *found;
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        messages[i] = *MESSAGE("1", .key = NULL);
    for (int i = 0; i < 2; i++)
        assert_ok(pawl_enqueue(w->store, messages, COUNT_OF(messages), results, &err));
    write_some(w, 0);
    /* In memory a reader keeps writers out. */
    assert_ok(pawl_verify(w->store, NULL, w->kind->is_durable ? write_some : NULL, w, &found, &err));
    for (size_t i = 0; i < pawl_verification_count(found); i++)
        assert_true(pawl_verification_get(found, i)->is_ok);
    pawl_verification_free(found);
    verify(w);
}

#define EACH 100

/* Records and messages in some more scopes. */
static void fill_scopes(struct world *w, int from, int to)
{
    pawl_message messages[EACH];
    pawl_enqueued results[EACH];
    char name[20];
    for (size_t i = 0; i < EACH; i++)
        messages[i] = *MESSAGE("1", .key = NULL);
    for (int i = from; i < to; i++) {
        pawl_store *scope;
        snprintf(name, sizeof name, "scope%d", i);
        assert_ok(pawl_store_scope(w->store, name, &scope, &err));
        assert_ok(pawl_enqueue(scope, messages, EACH, results, &err));
        pawl_store_close(scope);
    }
}

static uint64_t reads_of_verify(struct world *w, struct store *filter)
{
    pawli_fault_set(filter, NULL);
    verify(w);
    return pawli_fault_calls(filter, FAULT_READ);
}

/* Four times the scopes, with all that is in them, are four times the pages that are read at the most. */
static void verify_reads_what_there_is_once(struct world *w)
{
    struct store *filter = put_filter(w->store);
    fill_scopes(w, 0, 10);
    uint64_t few = reads_of_verify(w, filter);
    fill_scopes(w, 10, 40);
    uint64_t many = reads_of_verify(w, filter);
    assert_true(few >= 10);
    assert_in_range(many, few, 4 * few);
}

static const struct conformance_case cases[] = {
    CASE(verify_reads_what_there_is_once),
    CASE(a158_a_record_is_what_was_given),
    CASE(a159_the_same_id_again_is_the_stored_answer),
    CASE(a162_other_content_is_a_conflict),
    CASE(a166_a_refused_part_refuses_the_whole),
    CASE(a_transition_settles_what_it_consumed),
    CASE(a169_what_an_event_keeps),
    CASE(an_event_is_kept_in_one_of_three_ways),
    CASE(a171_records_by_id_by_seq_and_whether),
    CASE(a172_the_latest_with_their_events),
    CASE(a173_recent_records),
    CASE(records_are_paged_both_ways),
    CASE(a176_out_of_range_is_refused),
    CASE(a183_the_expected_seq),
    CASE(a184_events_behind_a_cursor),
    CASE(events_are_read_over_many_records),
    CASE(scopes_have_journals_of_their_own),
    CASE(a188_a_store_has_one_life),
    CASE(a178_a_store_says_whether_it_is_durable),
    CASE(a182_what_a_retry_may_say_anew),
    CASE(waiting_for_a_record),
    CASE(a_record_is_read_at_the_moment_at_which_it_was_committed),
    CASE(other_commits_wake_nobody_who_follows_the_journal),
    CASE(a_store_that_is_written_meanwhile_verifies),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
