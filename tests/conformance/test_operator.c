/* SPDX-License-Identifier: MIT */
/* What operators do: moves of messages with stored answers, policies, targets, holds. */
#include "conformance.h"

static pawl_moved moved(void)
{
    return (pawl_moved){PAWL_MOVED};
}

static pawl_uuid make_dead(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .dedupe = "K")).id;
    assert_int_equal(claim_and(w, PAWL_VERDICT_DEAD), PAWL_RESULT_DEAD);
    return id;
}

static uint64_t operations(struct world *w)
{
    pawl_store *ops;
    pawl_records *records;
    assert_ok(pawl_store_scope(w->store, "pawl.operator", &ops, &err));
    assert_ok(pawl_records_list(ops, &(pawl_records_query){PAWL_RECORDS_QUERY, .limit = 1000}, &records, &err));
    uint64_t count = pawl_records_count(records);
    pawl_records_free(records);
    pawl_store_close(ops);
    return count;
}

static void a_cancel_retires(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_moved result = moved();
    assert_ok(pawl_message_cancel(w->store, &id, BECAUSE(1), &result, &err));
    assert_string_equal(result.before, "pending");
    assert_string_equal(result.after, "cancelled");
    assert_false(result.was_replayed);
    pawl_messages *messages = get(w, id);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    assert_string_equal(view->state, "cancelled");
    assert_string_equal(view->ended_reason, "test");
    assert_string_equal(view->ended_by, "ops");
    assert_int_equal(view->ended_at_ms, now_ms(w));
    pawl_messages_free(messages);
    claim_none(w, CLAIM());
    verify(w);
}

static void a_move_sees_a_lost_claim_as_lost(struct world *w)
{
    LAW(O1, O2);
    pawl_moved result = moved();
    pawl_uuid first = add(w, MESSAGE("1", .key = "a")).id, second = add(w, MESSAGE("2", .key = "a")).id;
    struct held held = claim_one(w, CLAIM(.lease_ms = 1000, .consumer = "worker-7"));
    pawli_sim_advance_ms(w->env, 400);
    assert_status(pawl_message_cancel(w->store, &first, BECAUSE(1), &result, &err), PAWL_EREFUSED);
    assert_non_null(strstr(err.text, "worker-7"));
    assert_non_null(strstr(err.text, " 600 ms"));
    pawli_sim_advance_ms(w->env, 600);
    assert_status(pawl_message_purge(w->store, &first, BECAUSE(2), &result, &err), PAWL_EREFUSED);
    assert_non_null(strstr(err.text, "pending"));
    assert_state(w, first, "claimed"); /* a refusal writes nothing */
    assert_ok(pawl_message_cancel(w->store, &first, BECAUSE(3), &result, &err));
    assert_string_equal(result.before, "pending");
    assert_string_equal(result.after, "cancelled");
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_LOST);
    assert_id(claim_one(w, CLAIM(.lease_ms = 10)).id, second);
    pawli_sim_advance_ms(w->env, 10);
    assert_ok(pawl_message_requeue(w->store, &second, BECAUSE(4), &result, &err));
    assert_id(claim_one(w, CLAIM()).id, result.successor);
    verify(w);
}

static void a_move_has_a_stored_answer(struct world *w)
{
    pawl_uuid id = make_dead(w);
    pawl_moved first = moved(), again = moved(), other = moved();
    assert_ok(pawl_message_requeue(w->store, &id, BECAUSE(1), &first, &err));
    assert_ok(pawl_message_requeue(w->store, &id, BECAUSE(1), &again, &err));
    assert_true(again.was_replayed);
    assert_id(again.successor, first.successor);
    assert_string_equal(again.before, "dead");
    assert_string_equal(again.after, "cancelled");
    assert_int_equal(stats(w).pending, 1);
    assert_status(pawl_message_requeue(w->store, &id, BECAUSE(2), &other, &err), PAWL_EREFUSED);
    assert_status(pawl_message_cancel(w->store, &id, BECAUSE(1), &other, &err), PAWL_ECONFLICT);
    assert_int_equal(operations(w), 1);
    verify(w);
}

static void moves_need_a_reason(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_moved result = moved();
    pawl_operation blank = {PAWL_OPERATION, .reason = " "}, none = {PAWL_OPERATION};
    assert_status(pawl_message_cancel(w->store, &id, &blank, &result, &err), PAWL_EINVAL);
    assert_status(pawl_message_cancel(w->store, &id, &none, &result, &err), PAWL_EINVAL);
    assert_state(w, id, "pending");
    assert_int_equal(operations(w), 0);
}

static void a_successor_is_the_same_message_anew(struct world *w)
{
    pawl_header header = {"x-a", "1"};
    pawl_message given = *MESSAGE("{\"n\":1}", .dedupe = "K", .key = "k", .sender = "s", .priority = 2,
                                  .headers = &header, .header_count = 1);
    pawl_uuid id = add(w, &given).id;
    claim_and(w, PAWL_VERDICT_DEAD);
    pawl_moved result = moved();
    assert_ok(pawl_message_requeue(w->store, &id, BECAUSE(1), &result, &err));
    pawl_messages *old = get(w, id), *new = get(w, result.successor);
    const pawl_message_view *o = pawl_messages_get(old, 0), *n = pawl_messages_get(new, 0);
    assert_id(o->superseded_by, result.successor);
    assert_string_equal(o->state, "cancelled");
    assert_string_equal(n->state, "pending");
    assert_bytes(n->data, n->data_size, "{\"n\":1}");
    assert_string_equal(n->key, "k");
    assert_string_equal(n->sender, "s");
    assert_int_equal(n->priority, 2);
    assert_int_equal(n->header_count, 1);
    assert_memory_equal(n->fingerprint, o->fingerprint, 32);
    assert_null(n->dedupe);
    assert_int_equal(n->attempts, 0);
    pawl_messages_free(old);
    pawl_messages_free(new);
    pawl_enqueued again = add(w, &given); /* the key is bound through the chain */
    assert_true(again.was_replayed);
    assert_id(again.id, result.successor);
    assert_string_equal(again.state, "pending");
    claim_and(w, PAWL_VERDICT_DELIVERED);
    assert_string_equal(add(w, &given).state, "delivered");
    verify(w);
}

static const pawl_message_view *view_of(pawl_messages *messages)
{
    return pawl_messages_get(messages, 0);
}

/* The same id again: a receiver that has it drops it. */
static void a_retry_is_the_same_message_again(struct world *w)
{
    set_lane(w, "max_attempts", "2");
    set_lane(w, "age_limit_ms", "1000");
    pawl_uuid id = add(w, MESSAGE("1", .dedupe = "K")).id;
    for (int i = 0; i < 2; i++) {
        struct held held = claim_one(w, CLAIM());
        settle(w, SETTLE(held, RETRY, .has_retry_in = 1, .error = "no"));
    }
    assert_state(w, id, "dead");
    pawli_sim_advance_ms(w->env, 900);
    pawl_moved result = moved(), again = moved();
    assert_ok(pawl_message_retry(w->store, &id, BECAUSE(1), &result, &err));
    assert_string_equal(result.before, "dead");
    assert_string_equal(result.after, "pending");
    assert_true(uuid_is_nil(&result.successor));
    assert_ok(pawl_message_retry(w->store, &id, BECAUSE(1), &again, &err));
    assert_true(again.was_replayed);
    assert_status(pawl_message_retry(w->store, &id, BECAUSE(2), &again, &err), PAWL_EREFUSED);
    assert_id(add(w, MESSAGE("1", .dedupe = "K")).id, id);

    pawli_sim_advance_ms(w->env, 900); /* its age is counted from the retry */
    assert_int_equal(sweep(w).expired, 0);
    pawl_messages *messages = get(w, id);
    assert_int_equal(view_of(messages)->attempts, 0);
    assert_int_equal(view_of(messages)->retries, 1);
    assert_int_equal(view_of(messages)->cap, 2);
    assert_string_equal(view_of(messages)->error_text, "no");
    assert_null(view_of(messages)->ended_reason);
    pawl_messages_free(messages);

    struct held held = claim_one(w, CLAIM());
    assert_id(held.id, id);
    assert_int_equal(held.attempts, 1);
    settle(w, SETTLE(held, DELIVERED));
    messages = get(w, id);
    assert_int_equal(pawl_messages_attempt_count(messages), 3);
    assert_int_equal(pawl_messages_attempt(messages, 2)->number, 1);
    assert_int_equal(pawl_messages_attempt(messages, 2)->ordinal, 3);
    pawl_messages_free(messages);
    assert_status(pawl_message_retry(w->store, &id, BECAUSE(3), &again, &err), PAWL_EREFUSED);
    verify(w);
}

static void a_retried_one_ages_anew(struct world *w)
{
    set_lane(w, "age_limit_ms", "1000");
    pawl_uuid id = make_dead(w), timed = add(w, MESSAGE("2", .expires_in_ms = 500)).id;
    claim_and(w, PAWL_VERDICT_DEAD);
    pawl_moved result = moved();
    pawli_sim_advance_ms(w->env, 800);
    assert_status(pawl_message_retry(w->store, &timed, BECAUSE(1), &result, &err), PAWL_EREFUSED);
    assert_ok(pawl_message_retry(w->store, &id, BECAUSE(2), &result, &err));
    pawli_sim_advance_ms(w->env, 999);
    assert_int_equal(sweep(w).expired, 0);
    pawli_sim_advance_ms(w->env, 1);
    assert_int_equal(sweep(w).expired, 1);
    verify(w);
}

/* Under skip others went on meanwhile: what is older than they goes before those that still wait. */
static void a_retried_one_takes_its_old_place_in_line(struct world *w)
{
    pawl_uuid first = add(w, MESSAGE("1", .key = "k")).id;
    claim_and(w, PAWL_VERDICT_DEAD);
    add(w, MESSAGE("2", .key = "k"));
    add(w, MESSAGE("3", .key = "k"));
    pawl_moved result = moved();
    assert_ok(pawl_message_retry(w->store, &first, BECAUSE(1), &result, &err));
    claim_and(w, PAWL_VERDICT_DELIVERED); /* 2 held the key */
    assert_id(claim_one(w, CLAIM()).id, first);
    claim_none(w, CLAIM());
    verify(w);
}

static void an_exhausted_one_is_retried(struct world *w)
{
    set_lane(w, "max_attempts", "1");
    set_lane(w, "exhausted", "hold");
    pawl_uuid id = add(w, MESSAGE("1", .key = "k")).id;
    pawl_moved result = moved();
    assert_status(pawl_message_retry(w->store, &id, BECAUSE(1), &result, &err), PAWL_EREFUSED);
    claim_and(w, PAWL_VERDICT_RETRY);
    claim_none(w, CLAIM());
    assert_ok(pawl_message_retry(w->store, &id, BECAUSE(2), &result, &err));
    assert_string_equal(result.before, "pending");
    assert_id(claim_one(w, CLAIM()).id, id);
    verify(w);
}

static void a_delivered_one_is_sent_again_as_a_copy(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .dedupe = "K")).id;
    claim_and(w, PAWL_VERDICT_DELIVERED);
    pawl_moved result = moved(), second = moved();
    assert_status(pawl_message_requeue(w->store, &id, BECAUSE(1), &result, &err), PAWL_EREFUSED);
    assert_ok(pawl_message_resend(w->store, &id, BECAUSE(2), &result, &err));
    assert_string_equal(result.before, "delivered");
    assert_string_equal(result.after, "delivered");
    pawl_messages *old = get(w, id), *copy = get(w, result.successor);
    assert_true(uuid_is_nil(&view_of(old)->superseded_by));
    assert_id(view_of(copy)->resent_of, id);
    assert_string_equal(view_of(copy)->state, "pending");
    pawl_messages_free(old);
    pawl_messages_free(copy);
    assert_id(add(w, MESSAGE("1", .dedupe = "K")).id, id); /* the key stays with the delivered one */
    claim_and(w, PAWL_VERDICT_DEAD);
    assert_ok(pawl_message_requeue(w->store, &result.successor, BECAUSE(3), &second, &err));
    copy = get(w, second.successor);
    assert_id(view_of(copy)->resent_of, result.successor); /* the direct predecessor */
    pawl_messages_free(copy);
    verify(w);
}

/* ---- moves by filter ---- */

static pawl_moves_done done(void)
{
    return (pawl_moves_done){PAWL_MOVES_DONE};
}

#define WHICH(...)               (&(pawl_messages_query){PAWL_MESSAGES_QUERY, __VA_ARGS__})
#define MOVES(what, which_, ...) (&(pawl_moves){PAWL_MOVES, .kind = PAWL_MOVE_##what, .which = (which_), __VA_ARGS__})

static void assert_done(const pawl_moves_done *got, uint64_t matched, uint64_t moved_, uint64_t refused)
{
    assert_int_equal(got->matched, matched);
    assert_int_equal(got->moved, moved_);
    assert_int_equal(got->refused, refused);
}

/* So many dead ones, three to a key, in the order of their payloads. */
static void make_many_dead(struct world *w, int count)
{
    static char texts[3000][8], keys[1000][8];
    for (int i = 0; i < count; i++) {
        snprintf(texts[i], sizeof texts[i], "%d", i);
        snprintf(keys[i / 3], sizeof keys[i / 3], "k%d", i / 3);
        add(w, MESSAGE(texts[i], .key = keys[i / 3]));
    }
    for (int left = count; left > 0;) {
        pawl_messages *claimed = claim(w, CLAIM(.limit = 1000));
        for (size_t i = 0; i < pawl_messages_count(claimed); i++, left--) {
            const pawl_message_view *view = pawl_messages_get(claimed, i);
            struct held held = {.id = view->id, .token = view->token};
            settle(w, SETTLE(held, DEAD, .error = "HTTP 500"));
        }
        pawl_messages_free(claimed);
    }
    assert_int_equal(stats(w).dead, count);
}

static void a_filter_moves_what_it_finds(struct world *w)
{
    make_many_dead(w, 30);
    add(w, MESSAGE("x", .key = NULL));
    pawl_moves_done got = done();
    assert_ok(pawl_messages_move(w->store, MOVES(RETRY, WHICH(.state = "dead"), .dry_run = 1), BECAUSE(1), &got, &err));
    assert_done(&got, 30, 0, 0);
    assert_int_equal(operations(w), 0);
    assert_ok(pawl_messages_move(w->store, MOVES(RETRY, WHICH(.lane = LANE), .dry_run = 1), BECAUSE(1), &got, &err));
    assert_done(&got, 31, 0, 1);
    assert_ok(pawl_messages_move(w->store, MOVES(RETRY, WHICH(.lane = LANE)), BECAUSE(1), &got, &err));
    assert_done(&got, 31, 30, 1);
    assert_id(got.request_id, make_id(1));
    assert_int_equal(operations(w), 1);
    assert_ok(pawl_messages_move(w->store, MOVES(RETRY, WHICH(.lane = LANE)), BECAUSE(1), &got, &err));
    assert_done(&got, 31, 30, 1);
    assert_true(got.was_replayed);
    assert_status(pawl_messages_move(w->store, MOVES(RETRY, WHICH(.state = "dead")), BECAUSE(1), &got, &err),
                  PAWL_ECONFLICT);
    assert_status(pawl_messages_move(w->store, MOVES(RETRY, WHICH(.limit = 5)), BECAUSE(2), &got, &err), PAWL_EINVAL);
    verify(w);
}

/* The limit is of those that are moved: for what is refused on the way others are looked for, and a dry run says how many. */
static void a_dry_run_counts_what_a_real_one_would_find_within_its_limit(struct world *w)
{
    static const uint64_t limits[] = {1, 2, 3, 4, 7, 100, 0};
    static const bool refused[] = {true, false, false, true, false, false, false, true, false, false};
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        struct world fresh;
        pawl_moves_done dry = done(), real = done();
        open_world(&fresh, w->kind, i + 1);
        for (size_t j = 0; j < COUNT_OF(refused); j++) {
            add(&fresh, MESSAGE("x", .key = NULL));
            claim_and(&fresh, refused[j] ? PAWL_VERDICT_DELIVERED : PAWL_VERDICT_DEAD);
        }
        assert_ok(pawl_messages_move(fresh.store, MOVES(RETRY, WHICH(.lane = LANE), .dry_run = 1, .limit = limits[i]),
                                     BECAUSE(1), &dry, &err));
        assert_ok(pawl_messages_move(fresh.store, MOVES(RETRY, WHICH(.lane = LANE), .limit = limits[i]), BECAUSE(1),
                                     &real, &err));
        assert_done(&dry, real.matched, 0, real.refused);
        assert_int_equal(real.moved, limits[i] && limits[i] < 7 ? limits[i] : 7);
        close_world(&fresh);
    }
}

/* One key's steps go out again in the order in which they were made. */
static void a_filter_keeps_the_order(struct world *w)
{
    make_many_dead(w, 9);
    pawl_moves_done got = done();
    assert_ok(pawl_messages_move(w->store, MOVES(REQUEUE, WHICH(.state = "dead")), BECAUSE(1), &got, &err));
    assert_done(&got, 9, 9, 0);
    for (int round = 0; round < 3; round++) {
        pawl_messages *claimed = claim(w, CLAIM(.limit = 9));
        assert_int_equal(pawl_messages_count(claimed), 3);
        for (int key = 0; key < 3; key++) {
            const pawl_message_view *view = pawl_messages_get(claimed, (size_t)key);
            struct held held = {.id = view->id, .token = view->token};
            char expected[8];
            snprintf(expected, sizeof expected, "%d", key * 3 + round);
            assert_bytes(view->data, view->data_size, expected);
            settle(w, SETTLE(held, DELIVERED));
        }
        pawl_messages_free(claimed);
    }
    assert_int_equal(stats(w).delivered, 9);
    verify(w);
}

static int stop_after_a_part(void *data, const pawl_moves_done *so_far)
{
    *(pawl_moves_done *)data = *so_far;
    return 1;
}

/* Each part is a commit with a record; whoever repeats the operation goes on behind what was made. */
static void a_move_goes_on_where_it_stopped(struct world *w)
{
    make_many_dead(w, 2100);
    pawl_moves_done got = done(), seen;
    assert_ok(
        pawl_messages_move(w->store, MOVES(REQUEUE, WHICH(.state = "dead"), .limit = 100), BECAUSE(1), &got, &err));
    assert_done(&got, 100, 100, 0);
    assert_ok(
        pawl_messages_move(w->store, MOVES(REQUEUE, WHICH(.state = "dead"), .limit = 100), BECAUSE(1), &got, &err));
    assert_done(&got, 100, 100, 0);
    assert_int_equal(stats(w).dead, 2000);
    assert_int_equal(operations(w), 1);
    assert_ok(pawl_messages_move(w->store,
                                 MOVES(REQUEUE, WHICH(.state = "dead"), .progress = stop_after_a_part, .data = &seen),
                                 BECAUSE(2), &got, &err));
    assert_done(&got, 1000, 1000, 0);
    assert_done(&seen, 1000, 1000, 0);
    assert_int_equal(stats(w).dead, 1000);
    assert_ok(pawl_messages_move(w->store, MOVES(REQUEUE, WHICH(.state = "dead")), BECAUSE(2), &got, &err));
    assert_done(&got, 2000, 2000, 0);
    assert_false(got.was_replayed);
    assert_int_equal(operations(w), 3);
    assert_int_equal(stats(w).dead, 0);
    assert_int_equal(stats(w).pending, 2100);
    verify(w);
}

/* What it makes itself is not found again. */
static void a_move_ends_at_what_there_was(struct world *w)
{
    for (int i = 0; i < 5; i++)
        add(w, MESSAGE("1", .key = NULL));
    pawl_moves_done got = done();
    assert_ok(pawl_messages_move(w->store, MOVES(REQUEUE, WHICH(.state = "pending")), BECAUSE(1), &got, &err));
    assert_done(&got, 5, 5, 0);
    assert_int_equal(stats(w).pending, 5);
    assert_ok(pawl_messages_move(w->store, MOVES(CANCEL, WHICH(.state = "pending")), BECAUSE(2), &got, &err));
    assert_ok(pawl_messages_move(w->store, MOVES(PURGE, WHICH(.state = "cancelled", .until_ms = now_ms(w))), BECAUSE(3),
                                 &got, &err));
    assert_done(&got, 0, 0, 0); /* until: before, not at */
    pawli_sim_advance_ms(w->env, 1);
    assert_ok(pawl_messages_move(w->store, MOVES(PURGE, WHICH(.state = "cancelled", .until_ms = now_ms(w))), BECAUSE(4),
                                 &got, &err));
    assert_done(&got, 10, 10, 0);
    verify(w);
}

static void an_uncertain_one_is_resolved(struct world *w)
{
    static const struct {
        int outcome;
        const char *after;
    } outcomes[] = {
        {PAWL_VERDICT_DELIVERED, "delivered"}, {PAWL_VERDICT_RETRY, "pending"}, {PAWL_VERDICT_DEAD, "dead"}};
    pawl_moved result = moved();
    set_lane(w, "unknown", "hold");
    for (unsigned i = 0; i < COUNT_OF(outcomes); i++) {
        pawl_uuid id = add(w, MESSAGE("1", .priority = 1)).id;
        assert_status(pawl_message_resolve(w->store, &id, outcomes[i].outcome, BECAUSE(10 + i), &result, &err),
                      PAWL_EREFUSED);
        assert_int_equal(claim_and(w, PAWL_VERDICT_UNCERTAIN), PAWL_RESULT_UNCERTAIN);
        assert_state(w, id, "uncertain");
        assert_ok(pawl_message_resolve(w->store, &id, outcomes[i].outcome, BECAUSE(20 + i), &result, &err));
        assert_string_equal(result.before, "uncertain");
        assert_string_equal(result.after, outcomes[i].after);
        assert_state(w, id, outcomes[i].after);
        if (i == 1)
            claim_and(w, PAWL_VERDICT_DELIVERED);
    }
    pawl_uuid last = add(w, MESSAGE("1", .max_attempts = 1)).id;
    claim_and(w, PAWL_VERDICT_UNCERTAIN);
    assert_ok(pawl_message_resolve(w->store, &last, PAWL_VERDICT_RETRY, BECAUSE(30), &result, &err));
    assert_string_equal(result.after, "dead"); /* it did not happen, and there is no attempt left */
    assert_status(pawl_message_resolve(w->store, &last, PAWL_VERDICT_RELEASED, BECAUSE(31), &result, &err),
                  PAWL_EINVAL);
    verify(w);
}

static void a_purge_leaves_the_key(struct world *w)
{
    pawl_uuid id = make_dead(w);
    pawl_moved result = moved();
    assert_ok(pawl_message_purge(w->store, &id, BECAUSE(1), &result, &err));
    pawl_messages *messages;
    assert_status(pawl_message_get(w->store, &id, &messages, &err), PAWL_ENOTFOUND);
    pawl_enqueued again = add(w, MESSAGE("1", .dedupe = "K"));
    assert_true(again.was_replayed);
    assert_string_equal(again.state, "dead");
    assert_int_equal(stats(w).dead, 0);
    pawl_uuid pending = add(w, MESSAGE("2", .key = NULL)).id;
    assert_status(pawl_message_purge(w->store, &pending, BECAUSE(2), &result, &err), PAWL_EREFUSED);
    assert_status(pawl_message_purge(w->store, &id, BECAUSE(3), &result, &err), PAWL_ENOTFOUND);
    assert_ok(pawl_message_purge(w->store, &id, BECAUSE(1), &result, &err));
    assert_true(result.was_replayed);
    verify(w);
}

/* ---- policies and targets ---- */

static const char *policy_of(struct world *w, char text[256])
{
    pawl_settings *lanes;
    assert_ok(pawl_lanes_list(w->store, &lanes, &err));
    assert_int_equal(pawl_settings_count(lanes), 1);
    assert_string_equal(pawl_settings_lane(lanes, 0)->name, LANE);
    snprintf(text, 256, "%s", pawl_settings_lane(lanes, 0)->policy);
    pawl_settings_free(lanes);
    return text;
}

static void lanes_have_policies(struct world *w)
{
    char text[256];
    set_lane(w, "max_attempts", "3");
    set_lane(w, "backoff_shape", "fixed");
    assert_string_equal(policy_of(w, text), "{\"max_attempts\":3,\"backoff_shape\":\"fixed\"}");
    set_lane(w, "max_attempts", "");
    assert_string_equal(policy_of(w, text), "{\"backoff_shape\":\"fixed\"}");
    pawl_setting bad[] = {{"none", "1"}, {"max_attempts", "0"}, {"backoff_shape", "round"}, {"lease_ms", "1x"}};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_status(pawl_lane_set(w->store, LANE, &bad[i], 1, BECAUSE(1), &err), PAWL_EINVAL);
    pawl_setting both = {"backoff_max_ms", "1"}; /* less than what a first delay is */
    assert_status(pawl_lane_set(w->store, LANE, &both, 1, BECAUSE(1), &err), PAWL_EINVAL);
    assert_string_equal(policy_of(w, text), "{\"backoff_shape\":\"fixed\"}");
}

static void a_policy_decides_when_a_decision_is_made(struct world *w)
{
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    struct held held = claim_one(w, CLAIM());
    set_lane(w, "backoff_ms", "7000");
    set_lane(w, "backoff_shape", "fixed");
    set_lane(w, "jitter_percent", "0");
    settle(w, SETTLE(held, RETRY));
    pawl_messages *messages = get(w, id);
    assert_int_equal(pawl_messages_get(messages, 0)->available_at_ms, now_ms(w) + 7000);
    pawl_messages_free(messages);

    pawl_setting setting = {"backoff_ms", "9000"}; /* a target's exception beats its lane */
    assert_ok(pawl_target_add(w->store, TARGET, NULL, NULL, &setting, 1, BECAUSE(1), &err));
    pawli_sim_advance_ms(w->env, 7000);
    held = claim_one(w, CLAIM());
    settle(w, SETTLE(held, RETRY));
    messages = get(w, id);
    assert_int_equal(pawl_messages_get(messages, 0)->available_at_ms, now_ms(w) + 9000);
    pawl_messages_free(messages);
}

static void targets_are_set_replaced_and_removed(struct world *w)
{
    pawl_setting two[] = {{"timeout_ms", "5"}, {"concurrency", "2"}};
    pawl_settings *targets;
    assert_ok(pawl_target_add(w->store, "b", "https://b.example/in", "/etc/secret", two, 2, BECAUSE(1), &err));
    assert_ok(pawl_target_add(w->store, "a", "callback:f", NULL, NULL, 0, BECAUSE(2), &err));
    assert_ok(pawl_targets_list(w->store, &targets, &err));
    assert_int_equal(pawl_settings_count(targets), 2);
    assert_string_equal(pawl_settings_target(targets, 0)->name, "a");
    const pawl_target_view *b = pawl_settings_target(targets, 1);
    assert_string_equal(b->url, "https://b.example/in");
    assert_string_equal(b->secret_file, "/etc/secret");
    assert_string_equal(b->policy, "{\"timeout_ms\":5,\"concurrency\":2}");
    pawl_settings_free(targets);

    uint64_t count = operations(w);
    assert_ok(pawl_target_add(w->store, "b", "https://b.example/in", "/etc/secret", two, 2, BECAUSE(7), &err));
    assert_int_equal(operations(w), count); /* it is so already */
    assert_status(pawl_target_add(w->store, "b", "https://b.example/in", NULL, two, 2, BECAUSE(8), &err),
                  PAWL_ECONFLICT);
    assert_status(pawl_target_add(w->store, "b", "https://b.example/", "/etc/secret", two, 2, BECAUSE(8), &err),
                  PAWL_ECONFLICT);
    assert_status(pawl_target_add(w->store, "b", "https://b.example/in", "/etc/secret", two, 1, BECAUSE(8), &err),
                  PAWL_ECONFLICT);
    assert_status(pawl_target_set(w->store, "nobody", "http://c.example/", NULL, NULL, 0, BECAUSE(8), &err),
                  PAWL_ENOTFOUND);
    assert_ok(pawl_target_set(w->store, "b", "http://c.example/", NULL, &two[1], 1, BECAUSE(9), &err));
    assert_ok(pawl_targets_list(w->store, &targets, &err));
    b = pawl_settings_target(targets, 1);
    assert_string_equal(b->url, "http://c.example/");
    assert_string_equal(b->secret_file, "/etc/secret"); /* what is not named stays */
    assert_string_equal(b->policy, "{\"timeout_ms\":5,\"concurrency\":2}");
    pawl_settings_free(targets);
    assert_ok(pawl_target_set(w->store, "b", NULL, "", &(pawl_setting){"timeout_ms", ""}, 1, BECAUSE(3), &err));
    assert_ok(pawl_target_remove(w->store, "a", BECAUSE(4), &err));
    assert_ok(pawl_target_remove(w->store, "a", BECAUSE(4), &err)); /* the stored answer */
    assert_status(pawl_target_remove(w->store, "a", BECAUSE(5), &err), PAWL_ENOTFOUND);
    assert_status(pawl_target_add(w->store, "c", "gopher://x", NULL, NULL, 0, BECAUSE(6), &err), PAWL_EINVAL);
    assert_ok(pawl_targets_list(w->store, &targets, &err));
    assert_int_equal(pawl_settings_count(targets), 1);
    b = pawl_settings_target(targets, 0);
    assert_string_equal(b->url, "http://c.example/");
    assert_null(b->secret_file);
    assert_string_equal(b->policy, "{\"concurrency\":2}");
    pawl_settings_free(targets);
    verify(w);
}

static const char *headers_of_target(struct world *w)
{
    static char text[256];
    pawl_settings *targets;
    assert_ok(pawl_targets_list(w->store, &targets, &err));
    const char *headers = pawl_settings_target(targets, 0)->headers;
    snprintf(text, sizeof text, "%s", headers ? headers : "none");
    pawl_settings_free(targets);
    return text;
}

static void a_target_has_headers(struct world *w)
{
    const pawl_setting two[] = {{"header:x-b", "2"}, {"header:x-a", "a \"1\""}}, same[] = {two[1], two[0]};
    const pawl_setting other = {"header:x-a", "3"},
                       changes[] = {{"header:x-b", ""}, {"header:x-c", "4"}, {"timeout_ms", "9"}};
    assert_ok(pawl_target_add(w->store, "t", "http://a.example/", NULL, two, 2, BECAUSE(1), &err));
    assert_string_equal(headers_of_target(w), "{\"x-a\":\"a \\\"1\\\"\",\"x-b\":\"2\"}");
    assert_ok(pawl_target_add(w->store, "t", "http://a.example/", NULL, same, 2, BECAUSE(2), &err));
    assert_status(pawl_target_add(w->store, "t", "http://a.example/", NULL, &other, 1, BECAUSE(3), &err),
                  PAWL_ECONFLICT);
    assert_status(pawl_target_add(w->store, "t", "http://a.example/", NULL, NULL, 0, BECAUSE(4), &err), PAWL_ECONFLICT);
    assert_ok(pawl_target_set(w->store, "t", NULL, NULL, changes, 3, BECAUSE(5), &err));
    assert_string_equal(headers_of_target(w), "{\"x-a\":\"a \\\"1\\\"\",\"x-c\":\"4\"}");
    static const char *const bad[] = {"header:",           "header:X-A",      "header:a b",
                                      "header:webhook-id", "header:pawl-key", "header"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_status(pawl_target_set(w->store, "t", NULL, NULL, &(pawl_setting){bad[i], "1"}, 1, BECAUSE(6), &err),
                      PAWL_EINVAL);
    assert_status(pawl_target_set(w->store, "none", NULL, NULL, &other, 1, BECAUSE(7), &err), PAWL_ENOTFOUND);
    assert_status(pawl_lane_set(w->store, "l", &other, 1, BECAUSE(8), &err), PAWL_EINVAL);
    const pawl_setting gone[] = {{"header:x-a", ""}, {"header:x-c", NULL}};
    assert_ok(pawl_target_set(w->store, "t", NULL, NULL, gone, 2, BECAUSE(9), &err));
    assert_string_equal(headers_of_target(w), "none");
    verify(w);
}

static size_t holds_of(struct world *w, const char *code)
{
    pawl_settings *holds;
    size_t count = 0;
    assert_ok(pawl_holds_list(w->store, &holds, &err));
    for (size_t i = 0; i < pawl_settings_count(holds); i++)
        count += strcmp(pawl_settings_hold(holds, i)->code, code) == 0;
    pawl_settings_free(holds);
    return count;
}

/* What a worker holds because nobody can send there goes on once somebody can. */
static void another_url_releases_what_the_old_one_held(struct world *w)
{
    const pawl_subject there = {PAWL_SUBJECT, .target = TARGET}, other = {PAWL_SUBJECT, .target = "other"};
    pawl_setting setting = {"timeout_ms", "5"};
    assert_ok(pawl_target_add(w->store, TARGET, "http://a.example/", NULL, NULL, 0, BECAUSE(1), &err));
    assert_ok(pawl_hold_set(w->store, &there, "malformed", 0, BECAUSE(2), &err));
    assert_ok(pawl_hold_set(w->store, &there, "gone", 0, BECAUSE(3), &err));
    assert_ok(pawl_hold_set(w->store, &other, "malformed", 0, BECAUSE(4), &err));
    add(w, MESSAGE("1", .key = NULL));
    assert_ok(pawl_target_add(w->store, TARGET, "http://a.example/", NULL, NULL, 0, BECAUSE(5), &err)); /* the same */
    assert_ok(pawl_target_add(w->store, TARGET, NULL, NULL, &setting, 1, BECAUSE(6), &err));            /* its policy */
    assert_int_equal(holds_of(w, "malformed"), 2);
    assert_ok(pawl_target_set(w->store, TARGET, "http://b.example/", NULL, NULL, 0, BECAUSE(7), &err));
    assert_int_equal(holds_of(w, "malformed"), 1);
    assert_int_equal(holds_of(w, "gone"), 1); /* that is not for the URL to say */
    claim_none(w, CLAIM());
    assert_ok(pawl_hold_release(w->store, &there, "gone", BECAUSE(8), &err));
    claim_one(w, CLAIM());
    verify(w);
}

/* ---- holds ---- */

static void a_hold_stops_its_subject(struct world *w)
{
    const pawl_subject subjects[] = {{PAWL_SUBJECT},
                                     {PAWL_SUBJECT, .lane = LANE},
                                     {PAWL_SUBJECT, .target = TARGET},
                                     {PAWL_SUBJECT, .lane = LANE, .target = TARGET}};
    static const char *const kinds_of[] = {"store", "lane", "target", "queue"};
    pawl_message elsewhere = *MESSAGE("1", .key = NULL);
    elsewhere.lane = elsewhere.target = "other";
    for (unsigned i = 0; i < COUNT_OF(subjects); i++) {
        add(w, MESSAGE("1", .key = NULL));
        add(w, &elsewhere);
        assert_ok(pawl_hold_set(w->store, &subjects[i], "paused", 0, BECAUSE(10 + i), &err));
        claim_none(w, CLAIM());
        pawl_claim_options other = *CLAIM(.limit = 1);
        other.lane = other.target = "other";
        pawl_messages *messages = claim(w, &other);
        assert_int_equal(pawl_messages_count(messages), i > 0); /* what holds a queue holds no other */
        pawl_messages_free(messages);

        pawl_settings *holds;
        assert_ok(pawl_holds_list(w->store, &holds, &err));
        assert_int_equal(pawl_settings_count(holds), 1);
        const pawl_hold_view *hold = pawl_settings_hold(holds, 0);
        assert_string_equal(hold->kind, kinds_of[i]);
        assert_string_equal(hold->code, "paused");
        assert_string_equal(hold->reason, "test");
        assert_string_equal(hold->by, "ops");
        assert_int_equal(hold->since_ms, now_ms(w));
        assert_int_equal(hold->until_ms, 0);
        assert_int_equal(hold->lane != NULL, subjects[i].lane != NULL);
        assert_int_equal(hold->target != NULL, subjects[i].target != NULL);
        pawl_settings_free(holds);

        assert_ok(pawl_hold_release(w->store, &subjects[i], NULL, BECAUSE(20 + i), &err));
        assert_status(pawl_hold_release(w->store, &subjects[i], NULL, BECAUSE(30 + i), &err), PAWL_ENOTFOUND);
        claim_and(w, PAWL_VERDICT_DELIVERED);
    }
    verify(w);
}

static void a_hold_ends_by_itself(struct world *w)
{
    pawl_subject lane = {PAWL_SUBJECT, .lane = LANE};
    add(w, MESSAGE("1", .key = NULL));
    assert_ok(pawl_hold_set(w->store, &lane, "limited", now_ms(w) + 100, BECAUSE(1), &err));
    pawli_sim_advance_ms(w->env, 99);
    claim_none(w, CLAIM());
    pawli_sim_advance_ms(w->env, 1);
    claim_one(w, CLAIM());
}

static void one_hold_of_each_code(struct world *w)
{
    pawl_subject lane = {PAWL_SUBJECT, .lane = LANE};
    pawl_settings *holds;
    add(w, MESSAGE("1", .key = NULL));
    assert_ok(pawl_hold_set(w->store, &lane, "paused", 0, BECAUSE(1), &err));
    pawli_sim_advance_ms(w->env, 1);
    assert_ok(pawl_hold_set(w->store, &lane, "limited", 0, BECAUSE(2), &err));
    pawli_sim_advance_ms(w->env, 1);
    assert_ok(pawl_hold_set(w->store, &lane, "paused", now_ms(w) + 9, BECAUSE(3), &err)); /* in its place */
    assert_ok(pawl_holds_list(w->store, &holds, &err));
    assert_int_equal(pawl_settings_count(holds), 2);
    assert_string_equal(pawl_settings_hold(holds, 0)->code, "paused"); /* the latest first */
    assert_int_equal(pawl_settings_hold(holds, 0)->until_ms, now_ms(w) + 9);
    assert_string_equal(pawl_settings_hold(holds, 1)->code, "limited");
    pawl_settings_free(holds);
    assert_ok(pawl_hold_release(w->store, &lane, "paused", BECAUSE(4), &err));
    claim_none(w, CLAIM());
    assert_ok(pawl_hold_release(w->store, &lane, "limited", BECAUSE(5), &err));
    claim_one(w, CLAIM());
}

static void a_message_apart_is_listed_with_the_holds(struct world *w)
{
    set_lane(w, "unknown", "hold");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    claim_and(w, PAWL_VERDICT_UNCERTAIN);
    pawl_settings *holds;
    assert_ok(pawl_holds_list(w->store, &holds, &err));
    assert_int_equal(pawl_settings_count(holds), 1);
    assert_string_equal(pawl_settings_hold(holds, 0)->kind, "message");
    assert_string_equal(pawl_settings_hold(holds, 0)->code, "uncertain");
    assert_id(pawl_settings_hold(holds, 0)->message, id);
    pawl_settings_free(holds);
}

/* More than a page of others of its state came after it. */
static void a_message_apart_is_listed_however_many_wait(struct world *w)
{
    static pawl_message others[LIMIT_LIST + 1];
    static pawl_enqueued results[LIMIT_LIST + 1];
    set_lane(w, "max_attempts", "1");
    set_lane(w, "exhausted", "hold");
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    claim_and(w, PAWL_VERDICT_RETRY);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        others[i] = *MESSAGE("1", .key = NULL);
    for (size_t i = 0; i < COUNT_OF(others); i += 1000) {
        size_t left = COUNT_OF(others) - i;
        assert_ok(pawl_enqueue(w->store, &others[i], left < 1000 ? left : 1000, &results[i], &err));
    }
    pawl_settings *holds;
    assert_ok(pawl_holds_list(w->store, &holds, &err));
    assert_int_equal(pawl_settings_count(holds), 1);
    assert_id(pawl_settings_hold(holds, 0)->message, id);
    pawl_settings_free(holds);
}

static void operations_are_recorded(struct world *w)
{
    pawl_subject all = {PAWL_SUBJECT};
    set_lane(w, "max_attempts", "3");
    assert_ok(pawl_hold_set(w->store, &all, "paused", 0, BECAUSE(1), &err));
    assert_ok(pawl_hold_release(w->store, &all, "paused", BECAUSE(2), &err));
    assert_int_equal(operations(w), 3);
    pawl_store *ops;
    pawl_records *records;
    pawl_uuid id = make_id(1);
    assert_ok(pawl_store_scope(w->store, "pawl.operator", &ops, &err));
    assert_ok(pawl_record_get(ops, &id, 0, &records, &err));
    const pawl_record *r = pawl_records_get(records, 0);
    assert_string_equal(r->type, "pawl.hold.set");
    assert_non_null(strstr(r->data, "\"ops\""));
    assert_non_null(strstr(r->data, "\"test\""));
    pawl_records_free(records);
    pawl_store_close(ops);
    verify(w);
}

static void only_a_restored_store_is_adopted(struct world *w)
{
    assert_status(pawl_store_adopt(w->store, BECAUSE(1), &err), PAWL_EREFUSED);
    assert_int_equal(operations(w), 0);
}

static void why_it_does_not_move(struct world *w)
{
    pawl_why *why;
    pawl_subject lane = {PAWL_SUBJECT, .lane = LANE};
    add(w, MESSAGE("1", .key = "a"));
    pawl_uuid id = add(w, MESSAGE("1", .key = "a")).id;
    assert_ok(pawl_hold_set(w->store, &lane, "paused", 0, BECAUSE(1), &err));
    assert_ok(pawl_why_message(w->store, &id, &why, &err));
    bool held = false, behind = false;
    for (size_t i = 0; i < pawl_why_count(why); i++) {
        held |= strcmp(pawl_why_get(why, i)->code, "held") == 0;
        behind |= strcmp(pawl_why_get(why, i)->code, "behind") == 0;
    }
    assert_true(held);
    assert_true(behind);
    pawl_why_free(why);
}

static pawl_why *why_of(struct world *w, pawl_uuid id)
{
    pawl_why *why;
    assert_ok(pawl_why_message(w->store, &id, &why, &err));
    return why;
}

static void why_follows_the_chain_of_successors(struct world *w)
{
    pawl_uuid id = make_dead(w);
    pawl_moved second = moved(), third = moved();
    assert_ok(pawl_message_requeue(w->store, &id, BECAUSE(1), &second, &err));
    assert_ok(pawl_message_requeue(w->store, &second.successor, BECAUSE(2), &third, &err));
    pawl_hold_set(w->store, &(pawl_subject){PAWL_SUBJECT, .lane = LANE}, "paused", 0, BECAUSE(3), &err);
    pawl_why *why = why_of(w, id);
    char ids[2][PAWL_UUID_TEXT_SIZE];
    pawl_uuid_format(&second.successor, ids[0]);
    pawl_uuid_format(&third.successor, ids[1]);
    assert_int_equal(pawl_why_count(why), 3);
    assert_string_equal(pawl_why_get(why, 0)->code, "ended");
    for (size_t i = 0; i < 2; i++) {
        const pawl_reason *reason = pawl_why_get(why, i + 1);
        assert_string_equal(reason->code, "superseded");
        assert_non_null(strstr(reason->text, ids[i]));
        assert_non_null(strstr(reason->text, i == 0 ? "is cancelled" : "is pending: the lane"));
    }
    assert_string_equal(pawl_why_get(why, 2)->by, "ops");
    pawl_why_free(why);
}

static void why_says_what_a_head_waits_for_and_how_many_are_before(struct world *w)
{
    pawl_uuid head = add(w, MESSAGE("1", .key = "k")).id, last;
    for (int i = 0; i < 3; i++)
        last = add(w, MESSAGE("2", .key = "k")).id;
    struct held held = claim_one(w, CLAIM());
    settle(w, SETTLE(held, RETRY, .has_retry_in = 1, .retry_in_ms = 60000, .error = "HTTP 503"));
    char id[PAWL_UUID_TEXT_SIZE];
    pawl_why *why = why_of(w, last);
    const pawl_reason *behind = pawl_why_get(why, 0);
    assert_string_equal(behind->code, "behind");
    assert_non_null(strstr(behind->text, pawl_uuid_format(&head, id)));
    assert_non_null(strstr(behind->text, "HTTP 503"));
    assert_non_null(strstr(behind->text, "3 of its key before this one"));
    pawl_why_free(why);
    add(w, MESSAGE("3", .key = "other")); /* of another key: none of its business */
    why = why_of(w, last);
    assert_non_null(strstr(pawl_why_get(why, 0)->text, "3 of its key before this one"));
    pawl_why_free(why);
}

static void ages_and_counts_are_of_what_waits(struct world *w)
{
    int64_t start = now_ms(w);
    add(w, MESSAGE("1", .key = NULL, .priority = 9));
    pawli_sim_advance_ms(w->env, 1000);
    add(w, MESSAGE("2", .key = NULL, .priority = 1));
    add(w, MESSAGE("3", .key = NULL, .delay_ms = 700));
    add(w, MESSAGE("4", .key = NULL, .priority = 2, .delay_ms = 500));
    pawl_queue_stats got = stats(w);
    assert_int_equal(got.pending, 4);
    assert_int_equal(got.due, 2);
    assert_int_equal(got.oldest_due_at_ms, start);
    assert_int_equal(got.next_due_at_ms, start + 1500);
    assert_int_equal(got.held, 0);
    set_lane(w, "unknown", "hold");
    struct held held = claim_one(w, CLAIM());
    settle(w, SETTLE(held, UNCERTAIN));
    pawli_sim_advance_ms(w->env, 700);
    got = stats(w);
    assert_int_equal(got.due, 3);
    assert_int_equal(got.next_due_at_ms, 0);
    assert_int_equal(got.held, 1);
}

static const struct conformance_case cases[] = {
    CASE(a_cancel_retires),
    CASE(a_move_sees_a_lost_claim_as_lost),
    CASE(a_move_has_a_stored_answer),
    CASE(moves_need_a_reason),
    CASE(a_successor_is_the_same_message_anew),
    CASE(a_retry_is_the_same_message_again),
    CASE(a_retried_one_ages_anew),
    CASE(a_retried_one_takes_its_old_place_in_line),
    CASE(an_exhausted_one_is_retried),
    CASE(a_delivered_one_is_sent_again_as_a_copy),
    CASE(a_filter_moves_what_it_finds),
    CASE(a_dry_run_counts_what_a_real_one_would_find_within_its_limit),
    CASE(a_filter_keeps_the_order),
    CASE(a_move_goes_on_where_it_stopped),
    CASE(a_move_ends_at_what_there_was),
    CASE(an_uncertain_one_is_resolved),
    CASE(a_purge_leaves_the_key),
    CASE(lanes_have_policies),
    CASE(a_policy_decides_when_a_decision_is_made),
    CASE(targets_are_set_replaced_and_removed),
    CASE(a_target_has_headers),
    CASE(another_url_releases_what_the_old_one_held),
    CASE(a_hold_stops_its_subject),
    CASE(a_hold_ends_by_itself),
    CASE(one_hold_of_each_code),
    CASE(a_message_apart_is_listed_with_the_holds),
    CASE(a_message_apart_is_listed_however_many_wait),
    CASE(operations_are_recorded),
    CASE(only_a_restored_store_is_adopted),
    CASE(why_it_does_not_move),
    CASE(why_follows_the_chain_of_successors),
    CASE(why_says_what_a_head_waits_for_and_how_many_are_before),
    CASE(ages_and_counts_are_of_what_waits),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
