/* SPDX-License-Identifier: MIT */
/* A dedupe key again: what the lane's `accept` says of each state of the message that it is bound to. */
#include "conformance.h"

static const char *const rules[] = {"return", "bind", "rebind", "refuse"};

enum outcome { STORED, ANEW, CONFLICT };

/* ---- what a key is bound to ---- */

struct cell {
    struct world *w; /* a scope of its own */
    pawl_uuid id;    /* of the message that has the key now, or had it when it was purged */
    const char *state, *remote_id;
    bool is_kept;
};

static const pawl_operation because = {PAWL_OPERATION, .reason = "test", .actor = "ops"};

static void settle_it(struct cell *cell, int verdict)
{
    struct held held = claim_one(cell->w, CLAIM());
    settle(cell->w, &(pawl_settlement){PAWL_SETTLEMENT, .id = held.id, .token = held.token, .verdict = verdict,
                                       .remote_id = "R-1"});
    cell->remote_id = "R-1";
}

static void stay(struct cell *cell)
{
    (void)cell;
}

static void take(struct cell *cell)
{
    claim_one(cell->w, CLAIM());
}

static void submit(struct cell *cell)
{
    settle_it(cell, PAWL_VERDICT_SUBMITTED);
}

static void doubt(struct cell *cell)
{
    settle_it(cell, PAWL_VERDICT_UNCERTAIN);
}

static void deliver(struct cell *cell)
{
    settle_it(cell, PAWL_VERDICT_DELIVERED);
}

static void give_up(struct cell *cell)
{
    settle_it(cell, PAWL_VERDICT_DEAD);
}

static void cancel(struct cell *cell)
{
    assert_ok(pawl_message_cancel(cell->w->store, &cell->id, &because, NULL, &err));
}

static void purge(struct cell *cell)
{
    assert_ok(pawl_message_purge(cell->w->store, &cell->id, &because, NULL, &err));
    cell->is_kept = false;
    cell->remote_id = NULL;
}

static void purge_delivered(struct cell *cell)
{
    deliver(cell);
    purge(cell);
}

static void purge_dead(struct cell *cell)
{
    give_up(cell);
    purge(cell);
}

static void purge_cancelled(struct cell *cell)
{
    cancel(cell);
    purge(cell);
}

static pawl_uuid requeue(struct cell *cell)
{
    pawl_moved moved = {PAWL_MOVED};
    pawl_uuid old = cell->id;
    assert_ok(pawl_message_requeue(cell->w->store, &old, &because, &moved, &err));
    cell->id = moved.successor;
    cell->remote_id = NULL;
    return old;
}

static void requeue_and_give_up(struct cell *cell)
{
    requeue(cell);
    give_up(cell);
}

static void requeue_and_deliver(struct cell *cell)
{
    requeue(cell);
    deliver(cell);
}

/* What was sent is gone; what is left says only that it was retired. */
static void forget_the_successor(struct cell *cell)
{
    pawl_uuid old = requeue(cell);
    purge_delivered(cell);
    cell->id = old;
    cell->is_kept = true;
}

static void forget_both(struct cell *cell)
{
    forget_the_successor(cell);
    purge(cell);
}

static void give_up_again(struct cell *cell)
{
    give_up(cell);
    set_lane(cell->w, "accept", "rebind");
    cell->id = add(cell->w, MESSAGE("1", .dedupe = "K")).id;
    give_up(cell);
}

static const struct way {
    void (*go)(struct cell *cell);
    const char *state;
    bool is_known; /* what became of it */
} ways[] = {
    {stay, "pending", true},
    {take, "claimed", true},
    {submit, "awaiting", true},
    {doubt, "uncertain", true},
    {deliver, "delivered", true},
    {give_up, "dead", true},
    {cancel, "cancelled", true},
    {purge_delivered, "delivered", true},
    {purge_dead, "dead", true},
    {purge_cancelled, "cancelled", false},
    {requeue_and_give_up, "dead", true},
    {requeue_and_deliver, "delivered", true},
    {forget_the_successor, "cancelled", false},
    {forget_both, "cancelled", false},
    {give_up_again, "dead", true},
};

/* A scope of its own, with the message and its key in it. */
static void open_cell(struct cell *cell, struct world *scoped, struct world *w, const struct way *way)
{
    static char name[16];
    static unsigned count;
    snprintf(name, sizeof name, "cell-%u", count++);
    *scoped = *w;
    assert_ok(pawl_store_scope(w->store, name, &scoped->store, &err));
    set_lane(scoped, "unknown", "hold");
    *cell = (struct cell){.w = scoped, .state = way->state, .is_kept = true};
    cell->id = add(scoped, MESSAGE("1", .dedupe = "K")).id;
    way->go(cell);
}

/* ---- what is said of it ---- */

/* The slow oracle: the design, in so many words. */
static enum outcome expected(const char *rule, const struct way *way, bool match)
{
    bool is_unfinished = strcmp(way->state, "delivered") != 0 && strcmp(way->state, "dead") != 0 &&
                         strcmp(way->state, "cancelled") != 0;
    bool is_given_up = !is_unfinished && strcmp(way->state, "delivered") != 0;
    if (strcmp(rule, "refuse") == 0) /* nothing while one is under way; then it is a new message */
        return is_unfinished ? CONFLICT : ANEW;
    if (is_given_up && strcmp(rule, "bind") == 0)
        return CONFLICT;
    if (is_given_up && way->is_known && strcmp(rule, "rebind") == 0)
        return ANEW;
    return match ? STORED : CONFLICT; /* as ever */
}

/* The first 16 hex digits of the fingerprint of such a message. */
static void fingerprint_of(struct world *w, const char *payload, char out[17])
{
    pawl_messages *messages = get(w, add(w, MESSAGE(payload, .dedupe = NULL)).id);
    const pawl_message_view *view = pawl_messages_get(messages, 0);
    for (int i = 0; i < 8; i++)
        snprintf(out + 2 * i, 3, "%02x", view->fingerprint[i]);
    pawl_messages_free(messages);
}

static void assert_told(const struct cell *cell, const char *payload)
{
    char reason[48], given[17], stored[17];
    fingerprint_of(cell->w, payload, given);
    fingerprint_of(cell->w, "1", stored);
    snprintf(reason, sizeof reason, "%s_fingerprint_%s", cell->state, strcmp(payload, "1") ? "mismatch" : "match");
    assert_string_equal(err.reason, reason);
    assert_string_equal(err.fingerprint, given);
    assert_string_equal(err.stored_fingerprint, stored);
    assert_string_equal(err.remote_id, cell->remote_id ? cell->remote_id : "");
}

static void assert_successor(const struct cell *cell, pawl_uuid successor)
{
    if (!cell->is_kept)
        return;
    pawl_messages *messages = get(cell->w, cell->id);
    assert_string_equal(pawl_messages_get(messages, 0)->state, cell->state);
    assert_id(pawl_messages_get(messages, 0)->superseded_by, successor);
    pawl_messages_free(messages);
}

static uint64_t all_of(struct world *w)
{
    pawl_queue_stats s = stats(w);
    return s.pending + s.claimed + s.awaiting + s.uncertain + s.delivered + s.dead + s.cancelled;
}

/* Adds it again under the rule, and holds what comes of it against what must. */
static void assert_outcome(const struct cell *cell, const char *rule, const char *payload, enum outcome outcome)
{
    struct world *w = cell->w;
    uint64_t before = all_of(w);
    pawl_enqueued result;
    set_lane(w, "accept", rule);
    pawl_messages *messages = cell->is_kept ? get(w, cell->id) : NULL;
    pawl_uuid successor = messages ? pawl_messages_get(messages, 0)->superseded_by : (pawl_uuid){0};
    pawl_messages_free(messages);
    int status = pawl_enqueue(w->store, MESSAGE(payload, .dedupe = "K"), 1, &result, &err);
    assert_int_equal(result.status, status);
    assert_int_equal(all_of(w), before + (outcome == ANEW));
    if (outcome == ANEW) {
        assert_ok(status);
        assert_false(result.was_replayed);
        assert_string_equal(result.state, "pending");
        assert_successor(cell, uuid_is_nil(&successor) ? result.id : successor);
        set_lane(w, "accept", "return"); /* the key is the new one's */
        pawl_enqueued again = add(w, MESSAGE(payload, .dedupe = "K"));
        assert_id(again.id, result.id);
        assert_true(again.was_replayed);
        return;
    }
    assert_id(result.id, cell->id);
    assert_string_equal(result.state, cell->state);
    assert_successor(cell, successor);
    assert_int_equal(result.was_replayed, outcome == STORED);
    assert_status(status, outcome == STORED ? PAWL_OK : PAWL_ECONFLICT);
    if (outcome == CONFLICT)
        assert_told(cell, payload);
}

static void each_rule_each_state_each_content(struct world *w)
{
    for (size_t r = 0; r < COUNT_OF(rules); r++)
        for (size_t i = 0; i < COUNT_OF(ways); i++)
            for (int match = 0; match < 2; match++) {
                struct world scoped;
                struct cell cell;
                open_cell(&cell, &scoped, w, &ways[i]);
                print_message("# %s, %s (%zu), %s\n", rules[r], ways[i].state, i, match ? "the same" : "other content");
                assert_outcome(&cell, rules[r], match ? "1" : "2", expected(rules[r], &ways[i], match));
                pawl_store_close(scoped.store);
            }
    verify(w);
}

/* ---- the cases of the list, in their own words ---- */

static void assert_cell(struct world *w, void (*go)(struct cell *cell), const char *state, const char *payload,
                        enum outcome outcome, const char *reason)
{
    struct world scoped;
    struct cell cell;
    open_cell(&cell, &scoped, w, &(struct way){go, state, true});
    assert_outcome(&cell, "bind", payload, outcome);
    if (reason)
        assert_string_equal(err.reason, reason);
    pawl_store_close(scoped.store);
}

static void a90_the_first_is_pending_and_has_its_key(struct world *w)
{
    set_lane(w, "accept", "bind");
    pawl_enqueued added = add(w, MESSAGE("1", .dedupe = "K"));
    assert_string_equal(added.state, "pending");
    assert_false(added.was_replayed);
    pawl_messages *messages = get(w, added.id);
    assert_string_equal(pawl_messages_get(messages, 0)->dedupe, "K");
    assert_string_equal(pawl_messages_get(messages, 0)->state, "pending");
    pawl_messages_free(messages);
    assert_int_equal(all_of(w), 1);
}

static void a91_without_a_key_each_is_one_of_its_own(struct world *w)
{
    set_lane(w, "accept", "bind");
    pawl_enqueued one = add(w, MESSAGE("1", .dedupe = NULL)), two = add(w, MESSAGE("1", .dedupe = NULL));
    assert_memory_not_equal(&one.id, &two.id, sizeof one.id);
    assert_int_equal(all_of(w), 2);
}

static void a92_pending_and_the_same(struct world *w)
{
    assert_cell(w, stay, "pending", "1", STORED, NULL);
}

static void a93_pending_and_another(struct world *w)
{
    assert_cell(w, stay, "pending", "2", CONFLICT, "pending_fingerprint_mismatch");
    assert_int_equal(strlen(err.fingerprint), 16);
}

static void a94_another_destination(struct world *w)
{
    pawl_message message = *MESSAGE("1", .dedupe = "K");
    set_lane(w, "accept", "bind");
    add(w, &message);
    message.sender = "another session";
    assert_status(try_add(w, &message), PAWL_ECONFLICT);
    message.sender = NULL;
    message.target = "another"; /* a key belongs to its queue */
    assert_false(add(w, &message).was_replayed);
}

static void a95_another_priority(struct world *w)
{
    set_lane(w, "accept", "bind");
    add(w, MESSAGE("1", .dedupe = "K", .priority = 5));
    assert_status(try_add(w, MESSAGE("1", .dedupe = "K", .priority = 1)), PAWL_ECONFLICT);
    assert_string_equal(err.reason, "pending_fingerprint_mismatch");
}

static void a96_metadata_in_another_order(struct world *w)
{
    pawl_header one[] = {{"x-a", "1"}, {"x-b", "2"}}, two[] = {{"x-b", "2"}, {"x-a", "1"}};
    set_lane(w, "accept", "bind");
    add(w, MESSAGE("1", .dedupe = "K", .headers = one, .header_count = 2));
    assert_true(add(w, MESSAGE("1", .dedupe = "K", .headers = two, .header_count = 2)).was_replayed);
}

static void a97_claimed_and_the_same(struct world *w)
{
    assert_cell(w, take, "claimed", "1", STORED, NULL);
}

static void a98_claimed_and_another(struct world *w)
{
    assert_cell(w, take, "claimed", "2", CONFLICT, "claimed_fingerprint_mismatch");
}

static void a99_delivered_and_the_same(struct world *w)
{
    set_lane(w, "accept", "bind");
    pawl_uuid id = add(w, MESSAGE("1", .dedupe = "K")).id;
    struct held held = claim_one(w, CLAIM());
    settle(w, SETTLE(held, DELIVERED, .remote_id = "broker-7"));
    pawl_enqueued again = add(w, MESSAGE("1", .dedupe = "K"));
    assert_id(again.id, id);
    assert_string_equal(again.state, "delivered");
    pawl_messages *messages = get(w, again.id);
    assert_string_equal(pawl_messages_get(messages, 0)->remote_id, "broker-7");
    pawl_messages_free(messages);
}

static void a100_delivered_and_another(struct world *w)
{
    assert_cell(w, deliver, "delivered", "2", CONFLICT, "delivered_fingerprint_mismatch");
    assert_string_equal(err.remote_id, "R-1");
}

static void a101_dead_and_the_same(struct world *w)
{
    assert_cell(w, give_up, "dead", "1", CONFLICT, "dead_fingerprint_match");
}

static void a102_dead_and_another(struct world *w)
{
    assert_cell(w, give_up, "dead", "2", CONFLICT, "dead_fingerprint_mismatch");
}

static void a103_cancelled_and_the_same(struct world *w)
{
    assert_cell(w, cancel, "cancelled", "1", CONFLICT, "cancelled_fingerprint_match");
}

static void a104_cancelled_and_another(struct world *w)
{
    assert_cell(w, cancel, "cancelled", "2", CONFLICT, "cancelled_fingerprint_mismatch");
}

static void a106_what_was_refused_binds_nothing(struct world *w)
{
    static char large[1024 * 1024 + 2];
    memset(large, 'x', sizeof large - 1);
    set_lane(w, "accept", "bind");
    assert_status(try_add(w, MESSAGE(large, .dedupe = "K")), PAWL_ELIMIT);
    assert_status(try_add(w, MESSAGE("{", .dedupe = "K", .content_type = "application/json")), PAWL_EINVAL);
    assert_int_equal(all_of(w), 0);
    assert_false(add(w, MESSAGE("1", .dedupe = "K")).was_replayed);
}

static void a107_keys_are_not_trimmed(struct world *w)
{
    set_lane(w, "accept", "bind");
    pawl_uuid id = add(w, MESSAGE("1", .dedupe = "K")).id, spaced = add(w, MESSAGE("1", .dedupe = " K")).id;
    assert_memory_not_equal(&id, &spaced, sizeof id);
    assert_status(try_add(w, MESSAGE("1", .dedupe = " ")), PAWL_EINVAL);
    assert_status(try_add(w, MESSAGE("1", .dedupe = "K", .request_id = make_id(1))), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "dedupe and request_id"));
}

/* Where it goes is asked when it is sent, never when it is accepted. */
static void a109_its_target_is_gone(struct world *w)
{
    set_lane(w, "accept", "bind");
    assert_ok(pawl_target_add(w->store, TARGET, "http://127.0.0.1:1/", NULL, NULL, 0, BECAUSE(1), &err));
    pawl_uuid id = add(w, MESSAGE("1", .dedupe = "K")).id;
    assert_ok(pawl_target_remove(w->store, TARGET, BECAUSE(2), &err));
    pawl_enqueued again = add(w, MESSAGE("1", .dedupe = "K"));
    assert_id(again.id, id);
    assert_true(again.was_replayed);
    assert_string_equal(again.state, "pending");
    assert_status(try_add(w, MESSAGE("2", .dedupe = "K")), PAWL_ECONFLICT);
    assert_string_equal(err.reason, "pending_fingerprint_mismatch");
    claim_and(w, PAWL_VERDICT_DELIVERED);
    assert_string_equal(add(w, MESSAGE("1", .dedupe = "K")).state, "delivered");
}

/* ---- laws around it ---- */

/* Both were sent else: only who has the key may be moved on. */
static void who_lost_its_key_is_not_sent_again(struct world *w)
{
    set_lane(w, "accept", "rebind");
    pawl_uuid old = add(w, MESSAGE("1", .dedupe = "K")).id;
    claim_and(w, PAWL_VERDICT_DEAD);
    pawl_uuid new = add(w, MESSAGE("2", .dedupe = "K")).id;
    pawl_moved moved = {PAWL_MOVED};
    char text[PAWL_UUID_TEXT_SIZE];
    assert_status(pawl_message_retry(w->store, &old, BECAUSE(1), &moved, &err), PAWL_EREFUSED);
    assert_non_null(strstr(err.text, pawl_uuid_format(&new, text)));
    assert_status(pawl_message_requeue(w->store, &old, BECAUSE(2), &moved, &err), PAWL_EREFUSED);
    pawl_moves_done done = {PAWL_MOVES_DONE};
    pawl_moves moves = {PAWL_MOVES, .kind = PAWL_MOVE_RETRY,
                        .which = &(pawl_messages_query){PAWL_MESSAGES_QUERY, .state = "dead"}};
    assert_ok(pawl_messages_move(w->store, &moves, BECAUSE(3), &done, &err));
    assert_int_equal(done.matched, 1);
    assert_int_equal(done.refused, 1);
    assert_ok(pawl_message_cancel(w->store, &old, BECAUSE(4), &moved, &err));
    verify(w);
    pawl_messages *messages = get(w, old);
    assert_string_equal(pawl_messages_get(messages, 0)->state, "cancelled");
    assert_id(pawl_messages_get(messages, 0)->superseded_by, new);
    pawl_messages_free(messages);
}

/* The old one takes the key neither with it nor back, in whatever order they go. */
static void a_key_is_kept_by_who_has_it(struct world *w)
{
    set_lane(w, "accept", "rebind");
    set_lane(w, "dedupe_keep_ms", "5000");
    pawl_uuid old = add(w, MESSAGE("1", .dedupe = "K")).id;
    claim_and(w, PAWL_VERDICT_DEAD);
    pawl_uuid new = add(w, MESSAGE("2", .dedupe = "K")).id;
    assert_ok(pawl_message_purge(w->store, &old, &because, NULL, &err));
    pawli_sim_advance_ms(w->env, 6000);
    assert_int_equal(sweep(w).forgotten, 0);
    assert_id(add(w, MESSAGE("2", .dedupe = "K")).id, new);
    verify(w);

    claim_and(w, PAWL_VERDICT_DEAD);
    pawl_uuid last = add(w, MESSAGE("3", .dedupe = "K")).id;
    claim_and(w, PAWL_VERDICT_DELIVERED);
    assert_ok(pawl_message_purge(w->store, &last, &because, NULL, &err));
    pawl_enqueued again = add(w, MESSAGE("3", .dedupe = "K"));
    assert_id(again.id, last);
    assert_string_equal(again.state, "delivered");
    verify(w); /* that the one before last, which is kept, has no key is as it should be */
    pawli_sim_advance_ms(w->env, 5000);
    assert_int_equal(sweep(w).forgotten, 1);
    assert_false(add(w, MESSAGE("4", .dedupe = "K")).was_replayed);
    verify(w);
}

/* One commit: of two that come together one is made, the other is judged by it. */
static void twice_in_one_call_is_once(struct world *w)
{
    static const struct {
        const char *rule;
        int second;
    } rows[] = {{"rebind", PAWL_OK}, {"refuse", PAWL_ECONFLICT}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char key[] = {(char)('A' + i), '\0'};
        set_lane(w, "accept", rows[i].rule);
        pawl_uuid old = add(w, MESSAGE("1", .dedupe = key)).id;
        claim_and(w, PAWL_VERDICT_DEAD);
        pawl_message two[] = {*MESSAGE("2", .dedupe = key), *MESSAGE("2", .dedupe = key)};
        pawl_enqueued results[2];
        assert_status(pawl_enqueue(w->store, two, 2, results, &err), rows[i].second);
        assert_false(results[0].was_replayed);
        assert_int_equal(results[1].status, rows[i].second);
        assert_id(results[1].id, results[0].id);
        assert_memory_not_equal(&old, &results[0].id, sizeof old);
        claim_and(w, PAWL_VERDICT_DEAD);
    }
    verify(w);
}

/* A request id answers what was answered, whatever the lane says of keys. */
static void request_ids_answer_as_ever(struct world *w)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        pawl_message message = *MESSAGE("1", .request_id = make_id((unsigned)i));
        set_lane(w, "accept", rules[i]);
        pawl_uuid id = add(w, &message).id;
        assert_id(add(w, &message).id, id);
        claim_and(w, PAWL_VERDICT_DEAD);
        pawl_enqueued again = add(w, &message);
        assert_id(again.id, id);
        assert_string_equal(again.state, "dead");
        message.data = "2";
        assert_status(try_add(w, &message), PAWL_ECONFLICT);
        assert_string_equal(err.reason, "dead_fingerprint_mismatch");
    }
}

/* A transition is judged alike, and a conflict of one of its messages refuses all of it; its own id says as much. */
static void transitions_are_told_as_much(struct world *w)
{
    pawl_message message = *MESSAGE("1", .dedupe = "K");
    set_lane(w, "accept", "bind");
    add(w, &message);
    claim_and(w, PAWL_VERDICT_DEAD);
    for (int i = 0; i < 2; i++) {
        pawl_transition *t = pawl_transition_new(
            w->store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "T", .request_id = make_id(1)});
        pawl_transition_command(t, i ? "two" : "one", 3);
        pawl_transition_message(t, &message);
        if (i == 0) {
            assert_status(pawl_transition_commit(t, NULL, &err), PAWL_ECONFLICT);
            assert_string_equal(err.reason, "dead_fingerprint_match");
            set_lane(w, "accept", "rebind");
        }
        assert_status(pawl_transition_commit(t, NULL, &err), i ? PAWL_ECONFLICT : PAWL_OK);
        pawl_transition_free(t);
    }
    assert_string_equal(err.reason, "recorded_fingerprint_mismatch");
    assert_int_equal(strlen(err.fingerprint), 16);
    assert_string_not_equal(err.fingerprint, err.stored_fingerprint);
    assert_non_null(strstr(err.text, err.fingerprint));
    assert_non_null(strstr(err.text, err.stored_fingerprint));
    assert_string_equal(err.remote_id, "");
    assert_int_equal(stats(w).pending, 1);
    verify(w);
}

/* ---- keys that were forgotten ---- */

/* Delivered, purged at once; its key is kept for so long. */
static void end_and_purge(struct world *w, const char *keep_ms)
{
    set_lane(w, "dedupe_keep_ms", keep_ms);
    pawl_uuid id = add(w, MESSAGE("1", .dedupe = "K")).id;
    claim_and(w, PAWL_VERDICT_DELIVERED);
    assert_ok(pawl_message_purge(w->store, &id, &because, NULL, &err));
}

static void assert_late(struct world *w, const char *payload, unsigned late)
{
    assert_false(add(w, MESSAGE(payload, .dedupe = "K")).was_replayed);
    assert_int_equal(stats(w).after_expiry, late);
    verify(w);
}

static void a20_a_repetition_that_comes_too_late_is_counted(struct world *w)
{
    end_and_purge(w, "5000");
    pawli_sim_advance_ms(w->env, 5000);
    assert_int_equal(sweep(w).forgotten, 1);
    assert_int_equal(sweep(w).forgotten, 0); /* once */
    pawli_sim_advance_ms(w->env, 4999);
    sweep(w);
    assert_late(w, "1", 1);
    assert_true(add(w, MESSAGE("1", .dedupe = "K")).was_replayed); /* which has the key now */
    assert_int_equal(stats(w).after_expiry, 1);
    claim_and(w, PAWL_VERDICT_DELIVERED);
}

static void a20_so_is_one_before_the_sweep(struct world *w)
{
    end_and_purge(w, "5000");
    pawli_sim_advance_ms(w->env, 5000);
    assert_late(w, "1", 1);
}

static void a20_other_content_is_no_repetition(struct world *w)
{
    end_and_purge(w, "5000");
    pawli_sim_advance_ms(w->env, 5000);
    assert_int_equal(sweep(w).forgotten, 1);
    assert_late(w, "2", 0);
}

/* As long again as it was kept, a day at most: then nothing is left by which it could be known. */
static void a20_what_is_forgotten_altogether_counts_as_new(struct world *w)
{
    static const struct {
        const char *keep_ms;
        int64_t keep, remembered;
    } rows[] = {{"0", 0, 0}, {"5000", 5000, 5000}, {"864000000", 864000000, 86400000}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        end_and_purge(w, rows[i].keep_ms);
        pawli_sim_advance_ms(w->env, rows[i].keep);
        assert_int_equal(sweep(w).forgotten, 1);
        pawli_sim_advance_ms(w->env, rows[i].remembered);
        assert_int_equal(sweep(w).forgotten, 0);
        assert_late(w, "1", 0);
        claim_and(w, PAWL_VERDICT_DELIVERED);
        pawl_uuid id = add(w, MESSAGE("1", .dedupe = "K")).id;
        assert_ok(pawl_message_purge(w->store, &id, &because, NULL, &err));
        pawli_sim_advance_ms(w->env, INT64_C(2) * 864000000);
        sweep(w);
        pawli_sim_advance_ms(w->env, 86400000);
        sweep(w);
    }
}

/* More of them than one commit takes. */
static void a_sweep_takes_away_all_that_it_finds(struct world *w)
{
    enum { MANY = 1200 };
    set_lane(w, "dedupe_keep_ms", "1000");
    set_lane(w, "keep_ms", "1000");
    for (int i = 0; i < MANY; i++) {
        char key[16];
        snprintf(key, sizeof key, "K%d", i);
        add(w, MESSAGE("1", .dedupe = key));
    }
    pawl_messages *claimed = claim(w, CLAIM(.limit = MANY));
    for (size_t i = 0; i < MANY; i++) {
        const pawl_message_view *view = pawl_messages_get(claimed, i);
        settle(w, &(pawl_settlement){PAWL_SETTLEMENT, .id = view->id, .token = view->token,
                                     .verdict = PAWL_VERDICT_DELIVERED});
    }
    pawl_messages_free(claimed);
    pawli_sim_advance_ms(w->env, 1000);
    pawl_swept swept = sweep(w);
    assert_int_equal(swept.purged, MANY);
    assert_int_equal(swept.forgotten, MANY);
    pawli_sim_advance_ms(w->env, 1000);
    sweep(w);
    struct page page;
    assert_ok(pawli_store_query(w->store->opened->store, &(struct query){.kind = QUERY_OLD_BOUNDS, .limit = 10}, &page,
                                &err));
    assert_int_equal(page.count, 0);
    pawli_page_done(&page);
    assert_late(w, "1", 0);
}

/* What another error leaves is not another conflict's. */
static void an_error_says_nothing_of_the_one_before(struct world *w)
{
    add(w, MESSAGE("1", .dedupe = "K"));
    assert_status(try_add(w, MESSAGE("2", .dedupe = "K")), PAWL_ECONFLICT);
    assert_string_not_equal(err.reason, "");
    assert_status(try_add(w, MESSAGE("2", .dedupe = " ")), PAWL_EINVAL);
    assert_string_equal(err.reason, "");
    assert_string_equal(err.fingerprint, "");
    assert_string_equal(err.stored_fingerprint, "");
}

static const struct conformance_case cases[] = {
    CASE(each_rule_each_state_each_content),
    CASE(a90_the_first_is_pending_and_has_its_key),
    CASE(a91_without_a_key_each_is_one_of_its_own),
    CASE(a92_pending_and_the_same),
    CASE(a93_pending_and_another),
    CASE(a94_another_destination),
    CASE(a95_another_priority),
    CASE(a96_metadata_in_another_order),
    CASE(a97_claimed_and_the_same),
    CASE(a98_claimed_and_another),
    CASE(a99_delivered_and_the_same),
    CASE(a100_delivered_and_another),
    CASE(a101_dead_and_the_same),
    CASE(a102_dead_and_another),
    CASE(a103_cancelled_and_the_same),
    CASE(a104_cancelled_and_another),
    CASE(a106_what_was_refused_binds_nothing),
    CASE(a107_keys_are_not_trimmed),
    CASE(a109_its_target_is_gone),
    CASE(who_lost_its_key_is_not_sent_again),
    CASE(a_key_is_kept_by_who_has_it),
    CASE(twice_in_one_call_is_once),
    CASE(request_ids_answer_as_ever),
    CASE(transitions_are_told_as_much),
    CASE(a20_a_repetition_that_comes_too_late_is_counted),
    CASE(a20_so_is_one_before_the_sweep),
    CASE(a20_other_content_is_no_repetition),
    CASE(a20_what_is_forgotten_altogether_counts_as_new),
    CASE(a_sweep_takes_away_all_that_it_finds),
    CASE(an_error_says_nothing_of_the_one_before),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
