/* SPDX-License-Identifier: MIT */
/* Adding messages: what is refused, what is bound, what is counted. */
#include "conformance.h"

static void assert_refused(struct world *w, const pawl_message *message, int status, const char *field)
{
    uint64_t before = stats(w).pending;
    assert_status(try_add(w, message), status);
    assert_non_null(strstr(err.text, field));
    assert_int_equal(stats(w).pending, before);
}

static void a1_blank_lane_is_refused(struct world *w)
{
    pawl_message message = *MESSAGE("{}", .key = NULL);
    message.lane = " ";
    assert_refused(w, &message, PAWL_EINVAL, "lane");
    pawl_stats *page;
    assert_ok(pawl_stats_read(w->store, NULL, NULL, &page, &err));
    assert_int_equal(pawl_stats_count(page), 0);
    pawl_stats_free(page);
}

static void a2_blank_fields_are_named(struct world *w)
{
    pawl_message message = *MESSAGE("{}", .key = NULL);
    message.target = "\t";
    assert_refused(w, &message, PAWL_EINVAL, "target");
    assert_refused(w, MESSAGE("{}", .dedupe = " "), PAWL_EINVAL, "dedupe");
    assert_refused(w, MESSAGE("{}", .key = ""), PAWL_EINVAL, "key");
    assert_refused(w, MESSAGE("{}", .priority = 10), PAWL_EINVAL, "priority");
    assert_refused(w, MESSAGE("{}", .delay_ms = -1), PAWL_EINVAL, "delay_ms");
    add(w, MESSAGE("{}", .dedupe = NULL));
    assert_int_equal(stats(w).pending, 1);
}

static void a3_one_attempt_is_enough(struct world *w)
{
    pawl_enqueued added = add(w, MESSAGE("{}", .max_attempts = 1));
    pawl_messages *messages = get(w, added.id);
    assert_int_equal(pawl_messages_get(messages, 0)->max_attempts, 1);
    pawl_messages_free(messages);
}

static void a4_a_new_message_as_it_is_stored(struct world *w)
{
    int64_t now = now_ms(w);
    pawl_enqueued added = add(w, MESSAGE("{\"to\":1}", .key = NULL));
    assert_string_equal(added.state, "pending");
    assert_false(added.was_replayed);
    pawl_messages *messages = get(w, added.id);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_string_equal(view->scope, "default");
    assert_string_equal(view->lane, LANE);
    assert_string_equal(view->target, TARGET);
    assert_string_equal(view->state, "pending");
    assert_bytes(view->data, view->data_size, "{\"to\":1}");
    assert_string_equal(view->content_type, "application/json");
    assert_int_equal(view->priority, 5);
    assert_int_equal(view->attempts + view->deferrals + view->crashes, 0);
    assert_int_equal(view->created_at_ms, now);
    assert_int_equal(view->updated_at_ms, now);
    assert_int_equal(view->available_at_ms, now);
    assert_int_equal(view->lease_until_ms, 0);
    assert_int_equal(view->ended_at_ms, 0);
    assert_null(view->claimed_by);
    assert_null(view->error_class);
    assert_null(view->key);
    assert_null(view->dedupe);
    assert_null(view->hold);
    assert_int_equal(pawl_messages_attempt_count(messages), 0);
    pawl_messages_free(messages);
    verify(w);
}

static void all_that_was_given_comes_back(struct world *w)
{
    pawl_header headers[] = {{"x-b", "2"}, {"x-a", "\xc3\xa9"}};
    char payload[] = {'\0', 'x', (char)0xff};
    int64_t later = now_ms(w) + 5000;
    pawl_message message = {PAWL_MESSAGE,
                            .lane = LANE,
                            .target = TARGET,
                            .data = payload,
                            .data_size = sizeof payload,
                            .key = "k",
                            .dedupe = "d",
                            .sender = "s",
                            .headers = headers,
                            .header_count = 2,
                            .priority = 9,
                            .max_attempts = 3,
                            .available_at_ms = later,
                            .expires_in_ms = 7000,
                            .deadline_ms = later + 1};
    pawl_messages *messages = get(w, add(w, &message).id);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_int_equal(view->data_size, sizeof payload);
    assert_memory_equal(view->data, payload, sizeof payload);
    assert_string_equal(view->content_type, "application/octet-stream");
    assert_string_equal(view->key, "k");
    assert_string_equal(view->dedupe, "d");
    assert_string_equal(view->sender, "s");
    assert_int_equal(view->header_count, 2);
    assert_string_equal(view->headers[0].name, "x-a");
    assert_string_equal(view->headers[0].value, "\xc3\xa9");
    assert_int_equal(view->priority, 9);
    assert_int_equal(view->max_attempts, 3);
    assert_int_equal(view->available_at_ms, later);
    assert_int_equal(view->expires_at_ms, now_ms(w) + 7000);
    assert_int_equal(view->deadline_ms, later + 1);
    pawl_messages_free(messages);
    verify(w);
}

static void an_empty_payload_is_a_payload(struct world *w)
{
    pawl_messages *messages = get(w, add(w, MESSAGE("", .content_type = "text/plain")).id);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_non_null(view->data);
    assert_int_equal(view->data_size, 0);
    assert_string_equal(view->content_type, "text/plain");
    pawl_messages_free(messages);
}

static void a7_same_key_and_content_is_the_stored_one(struct world *w)
{
    pawl_enqueued first = add(w, MESSAGE("1", .dedupe = "K")), again = add(w, MESSAGE("1", .dedupe = "K"));
    assert_id(first.id, again.id);
    assert_false(first.was_replayed);
    assert_true(again.was_replayed);
    assert_string_equal(again.state, "pending");
    assert_int_equal(stats(w).pending, 1);
}

static void a8_other_content_is_a_conflict(struct world *w)
{
    pawl_enqueued first = add(w, MESSAGE("1", .dedupe = "K"));
    assert_status(try_add(w, MESSAGE("2", .dedupe = "K")), PAWL_ECONFLICT);
    pawl_messages *messages = get(w, first.id);
    assert_bytes(pawl_messages_get(messages, 0)->data, 1, "1");
    pawl_messages_free(messages);
    assert_int_equal(stats(w).pending, 1);
}

static void a9_keys_belong_to_their_queue(struct world *w)
{
    pawl_message message = *MESSAGE("1", .dedupe = "K");
    pawl_uuid ids[3] = {add(w, &message).id};
    message.lane = "other";
    ids[1] = add(w, &message).id;
    message.lane = LANE;
    message.target = "other";
    message.data = "2";
    ids[2] = add(w, &message).id;
    assert_memory_not_equal(&ids[0], &ids[1], sizeof ids[0]);
    assert_memory_not_equal(&ids[0], &ids[2], sizeof ids[0]);
}

static void a13_a_bound_message_shows_where_it_is(struct world *w)
{
    add(w, MESSAGE("1", .dedupe = "delivered"));
    assert_int_equal(claim_and(w, PAWL_VERDICT_DELIVERED), PAWL_RESULT_DELIVERED);
    add(w, MESSAGE("1", .dedupe = "dead"));
    assert_int_equal(claim_and(w, PAWL_VERDICT_DEAD), PAWL_RESULT_DEAD);
    assert_string_equal(add(w, MESSAGE("1", .dedupe = "delivered")).state, "delivered");
    assert_string_equal(add(w, MESSAGE("1", .dedupe = "dead")).state, "dead");
    assert_status(try_add(w, MESSAGE("2", .dedupe = "dead")), PAWL_ECONFLICT);
    assert_int_equal(stats(w).pending, 0);
    verify(w);
}

/* What is behind the shorter name in its JSON is no part of it. */
static void headers_whose_names_begin_alike_are_read_back(struct world *w)
{
    pawl_header headers[] = {{"x-a!", "2"}, {"x-a", "1"}, {"x-a-b", "3"}};
    pawl_messages *page = get(w, add(w, MESSAGE("[1]", .headers = headers, .header_count = COUNT_OF(headers))).id);
    const pawl_message_view *view = pawl_messages_get(page, 0);
    assert_int_equal(view->header_count, 3);
    assert_string_equal(view->headers[0].name, "x-a");
    assert_string_equal(view->headers[1].name, "x-a!");
    assert_string_equal(view->headers[2].name, "x-a-b");
    pawl_messages_free(page);
}

static void a17_fingerprints_ignore_the_order_of_headers(struct world *w)
{
    pawl_header one[] = {{"x-a", "1"}, {"x-b", "2"}}, two[] = {{"x-b", "2"}, {"x-a", "1"}};
    add(w, MESSAGE("[1,2]", .dedupe = "K", .headers = one, .header_count = 2));
    assert_true(add(w, MESSAGE("[1,2]", .dedupe = "K", .headers = two, .header_count = 2)).was_replayed);
    assert_status(try_add(w, MESSAGE("[2,1]", .dedupe = "K", .headers = two, .header_count = 2)), PAWL_ECONFLICT);
    two[0].value = "3";
    assert_status(try_add(w, MESSAGE("[1,2]", .dedupe = "K", .headers = two, .header_count = 2)), PAWL_ECONFLICT);
}

static void a18_fields_do_not_run_into_each_other(struct world *w)
{
    add(w, MESSAGE("1", .dedupe = "K", .sender = "ab", .key = "c"));
    assert_status(try_add(w, MESSAGE("1", .dedupe = "K", .sender = "a", .key = "bc")), PAWL_ECONFLICT);
}

static void what_a_fingerprint_leaves_out(struct world *w)
{
    add(w, MESSAGE("1", .dedupe = "K"));
    assert_true(add(w, MESSAGE("1", .dedupe = "K", .delay_ms = 5, .max_attempts = 2, .expires_in_ms = 9)).was_replayed);
    assert_status(try_add(w, MESSAGE("1", .dedupe = "K", .priority = 1)), PAWL_ECONFLICT);
    assert_status(try_add(w, MESSAGE("1", .dedupe = "K", .deadline_ms = 5)), PAWL_ECONFLICT);
}

static void a20_a_key_outlives_its_purged_message(struct world *w)
{
    set_lane(w, "keep_ms", "1000");
    set_lane(w, "dedupe_keep_ms", "5000");
    pawl_enqueued first = add(w, MESSAGE("1", .dedupe = "K"));
    claim_and(w, PAWL_VERDICT_DELIVERED);
    pawli_sim_advance_ms(w->env, 1000);
    assert_int_equal(sweep(w).purged, 1);
    pawl_messages *messages;
    assert_status(pawl_message_get(w->store, &first.id, &messages, &err), PAWL_ENOTFOUND);
    pawl_enqueued again = add(w, MESSAGE("1", .dedupe = "K"));
    assert_true(again.was_replayed);
    assert_string_equal(again.state, "delivered");
    assert_id(again.id, first.id);
    assert_status(try_add(w, MESSAGE("2", .dedupe = "K")), PAWL_ECONFLICT);

    pawli_sim_advance_ms(w->env, 3999);
    assert_int_equal(sweep(w).forgotten, 0);
    pawli_sim_advance_ms(w->env, 1);
    assert_int_equal(sweep(w).forgotten, 1);
    assert_false(add(w, MESSAGE("2", .dedupe = "K")).was_replayed);
    verify(w);
}

static void a_request_id_binds_like_a_key(struct world *w)
{
    pawl_enqueued first = add(w, MESSAGE("1", .request_id = make_id(1)));
    pawl_enqueued again = add(w, MESSAGE("1", .request_id = make_id(1)));
    assert_id(first.id, again.id);
    assert_true(again.was_replayed);
    assert_status(try_add(w, MESSAGE("2", .request_id = make_id(1))), PAWL_ECONFLICT);
    assert_false(add(w, MESSAGE("1", .request_id = make_id(2))).was_replayed);
}

static void a_conflict_refuses_its_message_only(struct world *w)
{
    add(w, MESSAGE("1", .dedupe = "K"));
    pawl_message three[] = {*MESSAGE("a", .dedupe = "A"), *MESSAGE("2", .dedupe = "K"), *MESSAGE("b", .dedupe = "B")};
    pawl_enqueued results[3];
    assert_status(pawl_enqueue(w->store, three, 3, results, &err), PAWL_ECONFLICT);
    assert_int_equal(results[0].status, PAWL_OK);
    assert_int_equal(results[1].status, PAWL_ECONFLICT);
    assert_int_equal(results[2].status, PAWL_OK);
    assert_int_equal(stats(w).pending, 3);
    verify(w);
}

static void twice_in_one_call_is_once(struct world *w)
{
    pawl_message two[] = {*MESSAGE("a", .dedupe = "A"), *MESSAGE("a", .dedupe = "A")};
    pawl_enqueued results[2];
    assert_ok(pawl_enqueue(w->store, two, 2, results, &err));
    assert_id(results[0].id, results[1].id);
    assert_false(results[0].was_replayed);
    assert_true(results[1].was_replayed);
    assert_int_equal(stats(w).pending, 1);
}

static void limits_are_named(struct world *w)
{
    size_t size = 1024 * 1024;
    char *payload = calloc(1, size + 1);
    pawl_message message = *MESSAGE("", .key = NULL);
    message.data = payload;
    message.data_size = size + 1;
    assert_refused(w, &message, PAWL_ELIMIT, "1048577");
    message.data_size = size;
    pawl_messages *messages = get(w, add(w, &message).id);
    assert_int_equal(pawl_messages_get(messages, 0)->data_size, size);
    pawl_messages_free(messages);
    free(payload);
    pawl_enqueued result;
    assert_status(pawl_enqueue(w->store, &message, 0, &result, &err), PAWL_EINVAL);
    assert_status(pawl_enqueue(w->store, &message, 4097, &result, &err), PAWL_ELIMIT);
}

static void a34_times_saturate(struct world *w)
{
    add(w, MESSAGE("1", .delay_ms = INT64_MAX - 1));
    claim_none(w, CLAIM());
    assert_int_equal(stats(w).pending, 1);
    verify(w);
}

/* ---- scopes ---- */

static pawl_store *scope_of(struct world *w, const char *scope)
{
    pawl_store *store;
    assert_ok(pawl_store_scope(w->store, scope, &store, &err));
    return store;
}

static void a84_scopes_share_no_keys(struct world *w)
{
    pawl_store *other = scope_of(w, "other");
    pawl_enqueued mine = add(w, MESSAGE("1", .dedupe = "K")), theirs;
    assert_ok(pawl_enqueue(other, MESSAGE("2", .dedupe = "K"), 1, &theirs, &err));
    assert_false(theirs.was_replayed);
    pawl_messages *messages;
    assert_status(pawl_message_get(other, &mine.id, &messages, &err), PAWL_ENOTFOUND);
    assert_status(pawl_message_get(w->store, &theirs.id, &messages, &err), PAWL_ENOTFOUND);
    pawl_store_close(other);
}

static void a85_a_claim_takes_its_scope_s_only(struct world *w)
{
    pawl_store *other = scope_of(w, "other");
    add(w, MESSAGE("1", .key = "k"));
    pawl_messages *messages;
    assert_ok(pawl_claim(other, CLAIM(.limit = 10), &messages, &err));
    assert_int_equal(pawl_messages_count(messages), 0);
    pawl_messages_free(messages);
    messages = claim(w, CLAIM(.limit = 10));
    assert_int_equal(pawl_messages_count(messages), 1);
    assert_string_equal(pawl_messages_get(messages, 0)->lane, LANE);
    assert_string_equal(pawl_messages_get(messages, 0)->key, "k");
    pawl_messages_free(messages);
    pawl_store_close(other);
}

static void a86_another_scope_cannot_settle(struct world *w)
{
    pawl_store *other = scope_of(w, "other");
    add(w, MESSAGE("1", .key = NULL));
    struct held held = claim_one(w, CLAIM());
    pawl_settled settled;
    assert_ok(pawl_settle(other, SETTLE(held, DELIVERED), 1, &settled, &err));
    assert_int_equal(settled.result, PAWL_RESULT_LOST);
    assert_null(settled.state);
    assert_state(w, held.id, "claimed");
    pawl_moved moved = {PAWL_MOVED};
    assert_status(pawl_message_cancel(other, &held.id, BECAUSE(1), &moved, &err), PAWL_ENOTFOUND);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_DELIVERED);
    pawl_store_close(other);
    verify(w);
}

static void a89_scopes_have_names(struct world *w)
{
    char long_name[130];
    memset(long_name, 'x', sizeof long_name);
    long_name[129] = '\0';
    pawl_store *other;
    const char *bad[] = {"", " ", "a b", "a\n", long_name};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_status(pawl_store_scope(w->store, bad[i], &other, &err), PAWL_EINVAL);
    long_name[128] = '\0';
    other = scope_of(w, long_name);
    assert_string_equal(pawl_store_scope_name(other), long_name);
    pawl_store_close(other);
}

/* Names that would be the same, were they only written one after the other. */
static void a89_names_do_not_run_into_each_other(struct world *w)
{
    static const struct {
        const char *scope, *lane, *target, *dedupe;
    } names[] = {{"a", "b.c", "d", "K"},   {"a.b", "c", "d", "K"}, {"a", "b", "c.d", "K"}, {"a", "b", "c", "d.K"},
                 {"a", "b.c.d", "K", "K"}, {"ab", "c", "d", "K"},  {"a", "bc", "d", "K"},  {"a", "b", "cd", "K"}};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        pawl_store *store = scope_of(w, names[i].scope);
        char payload[2] = {(char)('0' + i)};
        pawl_message message = *MESSAGE(payload, .dedupe = names[i].dedupe);
        message.lane = names[i].lane;
        message.target = names[i].target;
        pawl_enqueued enqueued;
        assert_ok(pawl_enqueue(store, &message, 1, &enqueued, &err));
        assert_false(enqueued.was_replayed);
        pawl_store_close(store);
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        pawl_store *store = scope_of(w, names[i].scope);
        pawl_claim_options options = {PAWL_CLAIM_OPTIONS, .lane = names[i].lane, .target = names[i].target, .limit = 9};
        pawl_messages *messages;
        assert_ok(pawl_claim(store, &options, &messages, &err));
        assert_int_equal(pawl_messages_count(messages), 1);
        assert_int_equal(*(const char *)pawl_messages_get(messages, 0)->data, '0' + i);
        pawl_messages_free(messages);
        pawl_store_close(store);
    }
    verify(w);
}

/* ---- listing ---- */

static void expect_list(struct world *w, pawl_messages_query query, const pawl_uuid *ids, const int *expected,
                        size_t count)
{
    pawl_messages *messages;
    query.struct_size = sizeof query;
    assert_ok(pawl_messages_list(w->store, &query, &messages, &err));
    assert_int_equal(pawl_messages_count(messages), count);
    for (size_t i = 0; i < count; i++)
        assert_id(pawl_messages_get(messages, i)->id, ids[expected[i]]);
    pawl_messages_free(messages);
}

static void listing_is_newest_first_and_paged(struct world *w)
{
    pawl_uuid ids[5];
    for (int i = 0; i < 5; i++)
        ids[i] = add(w, MESSAGE("1", .key = i % 2 ? "odd" : "even")).id;
    expect_list(w, (pawl_messages_query){0}, ids, (int[]){4, 3, 2, 1, 0}, 5);
    expect_list(w, (pawl_messages_query){.limit = 2}, ids, (int[]){4, 3}, 2);
    expect_list(w, (pawl_messages_query){.limit = 2, .before = ids[3]}, ids, (int[]){2, 1}, 2);
    expect_list(w, (pawl_messages_query){.limit = 2, .before = ids[1]}, ids, (int[]){0}, 1);
    expect_list(w, (pawl_messages_query){.key = "odd"}, ids, (int[]){3, 1}, 2);
    expect_list(w, (pawl_messages_query){.lane = "none"}, ids, NULL, 0);
    expect_list(w, (pawl_messages_query){.state = "pending", .limit = 3}, ids, (int[]){4, 3, 2}, 3);
    claim_and(w, PAWL_VERDICT_DELIVERED);
    claim_one(w, CLAIM());
    expect_list(w, (pawl_messages_query){.state = "delivered"}, ids, (int[]){0}, 1);
    expect_list(w, (pawl_messages_query){.state = "claimed"}, ids, (int[]){1}, 1);
    expect_list(w, (pawl_messages_query){.state = "pending", .before = ids[4]}, ids, (int[]){3, 2}, 2);
    expect_list(w, (pawl_messages_query){.state = "dead"}, ids, NULL, 0);
    expect_list(w, (pawl_messages_query){.state = "awaiting"}, ids, NULL, 0);
    expect_list(w, (pawl_messages_query){.state = "uncertain"}, ids, NULL, 0);
}

static void a88_a_page_says_whether_it_was_cut(struct world *w)
{
    pawl_messages *messages;
    pawl_messages_query query = {PAWL_MESSAGES_QUERY, .limit = 3};
    for (int i = 0; i < 3; i++)
        add(w, MESSAGE("1", .key = NULL));
    assert_ok(pawl_messages_list(w->store, &query, &messages, &err));
    assert_false(pawl_messages_has_more(messages));
    pawl_messages_free(messages);
    add(w, MESSAGE("1", .key = NULL));
    assert_ok(pawl_messages_list(w->store, &query, &messages, &err));
    assert_true(pawl_messages_has_more(messages));
    pawl_messages_free(messages);
    query.limit = 10001;
    assert_status(pawl_messages_list(w->store, &query, &messages, &err), PAWL_EINVAL);
    query = (pawl_messages_query){PAWL_MESSAGES_QUERY, .state = "lost"};
    assert_status(pawl_messages_list(w->store, &query, &messages, &err), PAWL_EINVAL);
}

static void counts_are_by_queue(struct world *w)
{
    pawl_message message = *MESSAGE("1", .key = NULL);
    add(w, &message);
    message.lane = "sms";
    add(w, &message);
    add(w, &message);
    pawl_stats *page;
    assert_ok(pawl_stats_read(w->store, "sms", NULL, &page, &err));
    assert_int_equal(pawl_stats_count(page), 1);
    assert_int_equal(pawl_stats_get(page, 0)->pending, 2);
    pawl_stats_free(page);
    assert_ok(pawl_stats_read(w->store, NULL, TARGET, &page, &err));
    assert_int_equal(pawl_stats_count(page), 2);
    assert_string_equal(pawl_stats_get(page, 0)->lane, LANE);
    pawl_stats_free(page);
}

/* ---- who is who ---- */

static uint64_t number_of_id(pawl_uuid id)
{
    uint64_t number = 0, tail;
    assert_true(pawli_message_id_split(&id, &number, &tail));
    return number;
}

static struct world in_scope(struct world *w, const char *scope)
{
    struct world other = *w;
    assert_ok(pawl_store_scope(w->store, scope, &other.store, &err));
    return other;
}

/* A scope counts its own messages, in the order of commits, whatever others do. */
static void numbers_are_given_by_scope(struct world *w)
{
    struct world a = in_scope(w, "a"), b = in_scope(w, "b");
    assert_int_equal(number_of_id(add(&a, MESSAGE("1", .key = NULL)).id), 1);
    assert_int_equal(number_of_id(add(&b, MESSAGE("1", .key = NULL)).id), 1);
    assert_int_equal(number_of_id(add(&b, MESSAGE("2", .key = NULL)).id), 2);
    assert_int_equal(number_of_id(add(&a, MESSAGE("2", .key = NULL)).id), 2);
    verify(w);
    pawl_store_close(a.store);
    pawl_store_close(b.store);
}

/* The same number elsewhere is another message: it is not seen, not claimed, not settled. */
static void an_id_means_nothing_in_another_scope(struct world *w)
{
    struct world a = in_scope(w, "a"), b = in_scope(w, "b");
    pawl_uuid id = add(&a, MESSAGE("1", .key = NULL)).id;
    add(&b, MESSAGE("1", .key = NULL));
    pawl_messages *messages;
    assert_status(pawl_message_get(b.store, &id, &messages, &err), PAWL_ENOTFOUND);
    claim_none(&b, CLAIM(.id = id));
    struct held held = claim_one(&a, CLAIM(.id = id));
    assert_int_equal(settle(&b, SETTLE(held, DELIVERED)), PAWL_RESULT_LOST);
    assert_state(&a, id, "claimed");
    assert_int_equal(settle(&a, SETTLE(held, DELIVERED)), PAWL_RESULT_DELIVERED);
    verify(w);
    pawl_store_close(a.store);
    pawl_store_close(b.store);
}

/* Paging goes on from an id of its own scope. */
static void a_list_has_the_messages_of_its_scope(struct world *w)
{
    struct world a = in_scope(w, "a"), b = in_scope(w, "b");
    pawl_uuid ids[6];
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        ids[i] = add(i % 2 ? &a : &b, MESSAGE("1", .key = NULL)).id;
    pawl_messages *messages;
    pawl_messages_query query = {PAWL_MESSAGES_QUERY, .before = ids[5], .limit = 10};
    assert_ok(pawl_messages_list(a.store, &query, &messages, &err));
    assert_int_equal(pawl_messages_count(messages), 2);
    assert_id(pawl_messages_get(messages, 0)->id, ids[3]);
    assert_id(pawl_messages_get(messages, 1)->id, ids[1]);
    pawl_messages_free(messages);
    query = (pawl_messages_query){PAWL_MESSAGES_QUERY, .after = ids[2], .state = "pending", .limit = 10};
    assert_ok(pawl_messages_list(b.store, &query, &messages, &err));
    assert_int_equal(pawl_messages_count(messages), 1);
    assert_id(pawl_messages_get(messages, 0)->id, ids[4]);
    pawl_messages_free(messages);
    pawl_store_close(a.store);
    pawl_store_close(b.store);
}

static const struct conformance_case cases[] = {
    CASE(numbers_are_given_by_scope),
    CASE(an_id_means_nothing_in_another_scope),
    CASE(a_list_has_the_messages_of_its_scope),
    CASE(a1_blank_lane_is_refused),
    CASE(a2_blank_fields_are_named),
    CASE(a3_one_attempt_is_enough),
    CASE(a4_a_new_message_as_it_is_stored),
    CASE(all_that_was_given_comes_back),
    CASE(an_empty_payload_is_a_payload),
    CASE(a7_same_key_and_content_is_the_stored_one),
    CASE(a8_other_content_is_a_conflict),
    CASE(a9_keys_belong_to_their_queue),
    CASE(a13_a_bound_message_shows_where_it_is),
    CASE(headers_whose_names_begin_alike_are_read_back),
    CASE(a17_fingerprints_ignore_the_order_of_headers),
    CASE(a18_fields_do_not_run_into_each_other),
    CASE(what_a_fingerprint_leaves_out),
    CASE(a20_a_key_outlives_its_purged_message),
    CASE(a_request_id_binds_like_a_key),
    CASE(a_conflict_refuses_its_message_only),
    CASE(twice_in_one_call_is_once),
    CASE(limits_are_named),
    CASE(a34_times_saturate),
    CASE(a84_scopes_share_no_keys),
    CASE(a85_a_claim_takes_its_scope_s_only),
    CASE(a86_another_scope_cannot_settle),
    CASE(a89_scopes_have_names),
    CASE(a89_names_do_not_run_into_each_other),
    CASE(listing_is_newest_first_and_paged),
    CASE(a88_a_page_says_whether_it_was_cut),
    CASE(counts_are_by_queue),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
