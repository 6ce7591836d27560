/* SPDX-License-Identifier: MIT */
/* Workers in a simulated world, on every store: what is tried when, what is said again, what nobody else may have. Time
 * passes where a case says so, and while a function runs that takes its time. */
#include "working.h"

/* ---- what is stored before it goes on ---- */

/* Signs, stores, submits: in one attempt something happens between the last two. What is submitted is what was signed first. */
static void sign_and_submit(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    char fresh[16];
    snprintf(fresh, sizeof fresh, "signed %zu", work->count);
    if (work->count == 1) {
        assert_null(message->progress);
        assert_ok(pawl_progress(work->w->store, &message->id, message->token, fresh, strlen(fresh), &err));
        outcome->verdict = PAWL_VERDICT_UNCERTAIN; /* nobody knows whether it was submitted */
        return;
    }
    assert_bytes(message->progress, message->progress_size, "signed 1");
    assert_int_equal(pawl_progress(work->w->store, &message->id, message->token + 1, fresh, 1, &err), PAWL_EFENCED);
}

static void what_was_signed_is_submitted_again(struct world *w)
{
    LAW(O4);
    struct work work;
    begin(&work, w, NULL, 0);
    work.deliver = sign_and_submit;
    pawl_uuid id = add(w, MESSAGE("1")).id;
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "delivered");
    assert_int_equal(work.count, 2);
    end(&work, worker);
}

/* ---- when it is tried again ---- */

static void fail_for_now(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)work, (void)message;
    outcome->verdict = PAWL_VERDICT_RETRY;
    snprintf(outcome->error, sizeof outcome->error, "not yet");
}

/* What other outboxes do is a policy here, to the millisecond. */
static const struct preset {
    pawl_setting settings[8];
    size_t count;
    int64_t delays[8]; /* between one attempt and the next */
    size_t delay_count;
} presets[] = {
    {{{"backoff_ms", "5"}, {"backoff_max_ms", "20"}, {"jitter_percent", "0"}, {"max_attempts", "5"}},
     4,
     {5, 10, 20, 20},
     4},
    {{{"max_attempts", "5"}, {"jitter_percent", "0"}, {"lease_ms", "30000"}}, 3, {1000, 2000, 4000, 8000}, 4},
    {{{"max_attempts", "8"},
      {"backoff_ms", "500"},
      {"backoff_max_ms", "30000"},
      {"backoff_offset", "1"},
      {"jitter_percent", "0"}},
     5,
     {1000, 2000, 4000, 8000, 16000, 30000, 30000},
     7},
    {{{"max_attempts", "4"},
      {"backoff_shape", "quadratic"},
      {"backoff_max_ms", "31536000000"},
      {"jitter_percent", "0"}},
     4,
     {1000, 4000, 9000},
     3},
};

static void run_preset(struct work *work, const struct preset *preset)
{
    struct world *w = work->w;
    begin(work, w, preset->settings, preset->count);
    work->deliver = fail_for_now;
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(work, "me");
    work_until(work, id, "dead");
    assert_int_equal(work->count, preset->delay_count + 1);
    for (size_t i = 0; i < preset->delay_count; i++) {
        assert_int_equal(work->calls[i + 1].at_ms - work->calls[i].at_ms, preset->delays[i]);
        assert_int_equal(work->calls[i + 1].attempt, i + 2);
    }
    end(work, worker);
}

static void a65_a66_the_curves_of_other_outboxes_are_policies(struct world *w)
{
    LAW(O3);
    for (size_t i = 0; i < COUNT_OF(presets); i++) {
        struct world fresh;
        struct work work = {.w = &fresh};
        open_world(&fresh, w->kind, i + 1);
        run_preset(&work, &presets[i]);
        close_world(&fresh);
    }
}

static void a68_jitter_comes_early_and_never_late(struct world *w)
{
    static const pawl_setting settings[] = {
        {"max_attempts", "50"}, {"backoff_shape", "fixed"}, {"backoff_ms", "1000"}, {"jitter_percent", "20"}};
    struct work work;
    bool is_early = false;
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = fail_for_now;
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "dead");
    assert_int_equal(work.count, 50);
    for (size_t i = 1; i < work.count; i++) {
        int64_t delay = work.calls[i].at_ms - work.calls[i - 1].at_ms;
        assert_in_range(delay, 800, 1000);
        is_early |= delay < 1000;
    }
    assert_true(is_early);
    end(&work, worker);
}

static void refuse_for_ever(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)work;
    outcome->verdict = PAWL_VERDICT_DEAD;
    snprintf(outcome->error, sizeof outcome->error, "%s is no lane of mine", message->lane);
}

static void a69_what_its_function_refuses_is_not_tried_again(struct world *w)
{
    struct work work;
    begin(&work, w, NULL, 0);
    work.deliver = refuse_for_ever;
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "dead");
    pawli_sim_advance_ms(w->env, 3600000);
    end(&work, worker);
    assert_int_equal(work.count, 1);
    pawl_messages *messages = get(w, id);
    assert_string_equal(pawl_messages_get(messages, 0)->error_class, "permanent");
    assert_string_equal(pawl_messages_get(messages, 0)->error_text, LANE " is no lane of mine");
    pawl_messages_free(messages);
}

/* ---- workers that die ---- */

static void a61_what_a_dead_worker_held_is_delivered_by_the_next(struct world *w)
{
    LAW(O1, O4);
    struct work work;
    begin(&work, w, NULL, 0);
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    struct held held = claim_one(w, CLAIM(.lease_ms = 5000, .consumer = "dead"));
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "delivered");
    assert_int_equal(work.count, 1);
    assert_true(work.calls[0].at_ms >= held.lease_until);
    assert_int_equal(work.calls[0].attempt, 2);
    assert_int_equal(settle(w, SETTLE(held, DELIVERED)), PAWL_RESULT_LOST);
    end(&work, worker);
}

static void fail_once(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    if (message->attempts == 1)
        fail_for_now(work, message, outcome);
}

static void a_retry_does_not_wait_for_the_date_of_a_clock_that_was_set_back(struct world *w)
{
    LAW(C1);
    struct work work;
    begin(&work, w, NULL, 0);
    work.deliver = fail_once;
    pawl_uuid id = add(w, MESSAGE("{}", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    work_on(&work);
    assert_int_equal(work.count, 1);
    pawli_sim_set_wall_ms(w->env, now_ms(w) - 86400000);
    int64_t began = w->env->ops->boot_now(w->env).ns;
    work_until(&work, id, "delivered");
    assert_true(w->env->ops->boot_now(w->env).ns - began < 5000000000); /* one look, one sweep, one backoff */
    end(&work, worker);
}

/* Journals what it does under the id of the message, so that what was done is recognised. */
static void do_once(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    pawl_receipt *receipt;
    pawl_transition_options options = {PAWL_TRANSITION_OPTIONS, .type = "Charged",
                                       .request_id = pawl_request_id_from(&message->id, sizeof message->id)};
    pawl_transition *t = pawl_transition_new(work->w->store, &options);
    pawl_transition_command(t, message->data, message->data_size);
    pawl_transition_message(t, &(pawl_message){PAWL_MESSAGE, .lane = "receipts", .target = "paper"});
    assert_ok(pawl_transition_commit(t, &receipt, &err));
    pawl_transition_free(t);
    snprintf(outcome->remote_id, sizeof outcome->remote_id, "%s",
             pawl_receipt_was_replayed(receipt) ? "replayed" : "new");
    pawl_receipt_free(receipt);
}

static void a71_an_effect_without_its_settlement_is_recognised(struct world *w)
{
    LAW(J1);
    struct work work;
    pawl_outcome ignored = {.struct_size = sizeof ignored};
    begin(&work, w, NULL, 0);
    work.deliver = do_once;
    pawl_uuid id = add(w, MESSAGE("{}", .key = NULL)).id;
    pawl_messages *messages = claim(w, CLAIM(.limit = 1, .lease_ms = 1000));
    do_once(&work, pawl_messages_get(messages, 0), &ignored); /* and dies */
    assert_string_equal(ignored.remote_id, "new");
    pawl_messages_free(messages);
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "delivered");
    messages = get(w, id);
    assert_string_equal(pawl_messages_get(messages, 0)->remote_id, "replayed");
    pawl_messages_free(messages);
    pawl_records *records;
    assert_ok(pawl_records_list(w->store, &(pawl_records_query){PAWL_RECORDS_QUERY}, &records, &err));
    assert_int_equal(pawl_records_count(records), 1);
    pawl_records_free(records);
    end(&work, worker);
}

/* ---- leases are renewed ---- */

/* Six tenths of a lease, in which everybody else goes on. */
static void take_long(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    (void)message, (void)outcome;
    for (int i = 0; i < 6; i++) {
        int64_t next_ms;
        pawli_sim_advance_ms(work->w->env, 100);
        for (int j = 0; j < 3; j++)
            assert_ok(pawl_store_step(work->w->store, 0, &next_ms, &err));
        claim_none(work->w, CLAIM(.consumer = "thief"));
    }
}

static void a40_a76_a_batch_longer_than_its_lease_is_nobody_else_s(struct world *w)
{
    LAW(O2);
    static const pawl_setting settings[] = {{"lease_ms", "1000"}, {"timeout_ms", "60000"}};
    struct work work;
    pawl_uuid ids[3];
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = take_long;
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        ids[i] = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me"), *other = start(&work, "other");
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        work_until(&work, ids[i], "delivered");
    assert_int_equal(work.count, COUNT_OF(ids));
    assert_true(work.calls[2].at_ms - work.calls[0].at_ms >= 1200); /* the last one waited for more than a lease */
    assert_int_equal(counted(worker).delivered + counted(other).delivered, COUNT_OF(ids));
    assert_int_equal(counted(worker).lost + counted(other).lost, 0);
    work_on(&work);
    pawl_worker_free(other);
    end(&work, worker);
}

/* Others are claimed at times of their own while the first call runs; then nothing happens but that time passes. */
static void take_a_second(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    int64_t next_ms;
    (void)message, (void)outcome;
    if (work->count > 1)
        return;
    for (int ms = 0; ms < 1400; ms++) {
        if (ms < 400 && ms % 40 == 0)
            add(work->w, MESSAGE("1", .key = NULL));
        if (ms == 400)
            pawli_fault_set(work->filter, NULL); /* from here calls are counted */
        pawli_sim_advance_ms(work->w->env, 1);
        for (int j = 0; j < 3; j++)
            assert_ok(pawl_store_step(work->w->store, 0, &next_ms, &err));
    }
    claim_none(work->w, CLAIM(.consumer = "thief"));
    assert_in_range(pawli_fault_calls(work->filter, FAULT_SAVE), 2, 10);
}

static void a_short_lease_costs_few_commits(struct world *w)
{
    static const pawl_setting settings[] = {{"lease_ms", "1"}, {"timeout_ms", "60000"}, {"concurrency", "32"}};
    struct work work;
    begin(&work, w, settings, COUNT_OF(settings));
    work.deliver = take_a_second;
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    work_until(&work, id, "delivered");
    work_on(&work);
    assert_int_equal(work.count, 11);
    assert_int_equal(counted(worker).lost, 0);
    end(&work, worker);
}

/* A worker that looks only now and then knows when a claim of somebody else ends. */
static void a_claim_that_ended_does_not_wait_for_the_poll(struct world *w)
{
    struct work work;
    begin(&work, w, NULL, 0);
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    struct held held = claim_one(w, CLAIM(.lease_ms = 3000, .consumer = "slow"));
    int64_t claimed = now_ms(w);
    (void)held;
    pawl_worker *worker = start_polling(&work, "me", 20000);
    work_until(&work, id, "delivered");
    assert_in_range(work.calls[0].at_ms - claimed, 3000, 3100);
    end(&work, worker);
}

/* ---- stores that fail ---- */

/* Every call until a message is delivered, failed in turn. */
static void whichever_call_fails(struct world *w, enum fault_when when, enum store_result result)
{
    bool more = true;
    unsigned told = 0;
    for (uint64_t nth = 1; more; nth++) {
        struct world fresh;
        struct work work;
        open_world(&fresh, w->kind, nth);
        begin(&work, &fresh, NULL, 0);
        pawl_uuid id = add(&fresh, MESSAGE("1", .key = NULL)).id;
        struct fault fault = {FAULT_ANY, nth, 1, when, result};
        pawl_worker *worker = start(&work, "me");
        pawli_fault_set(work.filter, &fault);
        work_until(&work, id, "delivered");
        more = pawli_fault_hits(work.filter) > 0;
        assert_int_equal(work.count, 1);
        told += work.told_failures;
        end(&work, worker);
        close_world(&fresh);
        assert_true(nth < 100);
    }
    assert_true(told >= 2); /* a claim and a settlement at least */
}

static void a75_a_call_that_does_nothing_is_survived(struct world *w)
{
    whichever_call_fails(w, FAULT_BEFORE, STORE_UNAVAILABLE);
}

static void a75_a_commit_whose_reply_is_lost_is_survived(struct world *w)
{
    LAW(O4, F1);
    whichever_call_fails(w, FAULT_AFTER, STORE_UNKNOWN);
}

/* The commit that follows the last call is that of the settlements. */
static void fail_the_settlement(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    static const struct fault once = {FAULT_SAVE, 1, 1, FAULT_BEFORE, STORE_UNAVAILABLE};
    (void)outcome;
    if (message->attempts == 1)
        pawli_fault_set(work->filter, &once);
}

static void a82_a_settlement_that_failed_is_said_again(struct world *w)
{
    struct work work;
    pawl_uuid ids[3];
    begin(&work, w, NULL, 0);
    work.deliver = fail_the_settlement;
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        ids[i] = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        work_until(&work, ids[i], "delivered");
    assert_int_equal(pawli_fault_hits(work.filter), 1);
    assert_true(work.told_failures > 0);
    assert_int_equal(work.count, COUNT_OF(ids)); /* none of them was sent again */
    end(&work, worker);
}

static void fail_all_settlements(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    static const struct fault always = {FAULT_SAVE, 1, 0, FAULT_BEFORE, STORE_UNAVAILABLE};
    (void)message;
    pawli_fault_set(work->filter, &always);
    outcome->verdict = PAWL_VERDICT_DEAD;
    snprintf(outcome->error, sizeof outcome->error, "no such customer");
}

static void a52_a_refusal_is_kept_until_it_can_be_stored(struct world *w)
{
    LAW(O1);
    static const pawl_setting settings[] = {{"lease_ms", "1000"}};
    struct work work;
    begin(&work, w, settings, 1);
    work.deliver = fail_all_settlements;
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    for (int i = 0; i < 15; i++) { /* its lease ends in between */
        work_on(&work);
        pawli_sim_advance_ms(w->env, 100);
    }
    assert_state(w, id, "claimed");
    assert_true(work.told_failures > 0);
    pawli_fault_set(work.filter, NULL);
    work_until(&work, id, "dead");
    assert_int_equal(work.count, 1);
    pawl_messages *messages = get(w, id);
    assert_string_equal(pawl_messages_get(messages, 0)->error_class, "permanent");
    assert_string_equal(pawl_messages_get(messages, 0)->error_text, "no such customer");
    pawl_messages_free(messages);
    end(&work, worker);
}

/* ---- wake-ups, and stopping ---- */

static void a79_a_hundred_wakes_make_few_passes(struct world *w)
{
    static const pawl_setting settings[] = {{"concurrency", "1000"}};
    struct work work;
    begin(&work, w, settings, 1);
    pawl_worker *worker = start(&work, "me");
    work_on(&work);
    for (int i = 0; i < 100; i++)
        add(w, MESSAGE("1", .key = NULL));
    pawli_fault_set(work.filter, NULL);
    work_on(&work);
    assert_int_equal(work.count, 100);
    assert_in_range(pawli_fault_calls(work.filter, FAULT_SAVE), 2,
                    16); /* two claims, and what became of each threadful */
    end(&work, worker);
}

/* What a hold kept back is sent when the hold goes, not when somebody looks next. */
static void what_is_held_no_longer_is_sent_at_once(struct world *w)
{
    static const pawl_subject lane = {PAWL_SUBJECT, .lane = LANE};
    struct work work;
    begin(&work, w, NULL, 0);
    assert_ok(pawl_hold_set(w->store, &lane, "paused", 0, BECAUSE(2), &err));
    pawl_uuid id = add(w, MESSAGE("1", .key = NULL)).id;
    pawl_worker *worker = start(&work, "me");
    for (int i = 0; i < 5; i++) { /* until it looks only now and then */
        work_on(&work);
        pawli_sim_advance_ms(w->env, 5000);
    }
    work_on(&work);
    assert_int_equal(work.count, 0);
    int64_t began = now_ms(w);
    assert_ok(pawl_hold_release(w->store, &lane, NULL, BECAUSE(3), &err));
    work_on(&work);
    assert_state(w, id, "delivered");
    assert_int_equal(now_ms(w), began);
    end(&work, worker);
}

static void add_to(struct world *w, const char *lane, const char *target)
{
    pawl_message message = *MESSAGE("1", .key = NULL);
    message.lane = lane;
    message.target = target;
    add(w, &message);
}

/* Wherever it comes between what a worker asks, reads and learns: what is said of a queue is newer than what was read of it
 * before. Nothing waits for the next look. */
static void whenever_it_comes_it_is_sent_at_once(struct world *w)
{
    for (int round = 0; round < 96; round++) {
        struct world fresh;
        struct work work;
        int64_t next_ms;
        open_world(&fresh, w->kind, 1);
        begin(&work, &fresh, NULL, 0);
        pawl_worker *worker = start_polling(&work, "me", 3600000);
        if (round % 3 == 1)
            add(&fresh, MESSAGE("0", .key = NULL)); /* its queue is known, or just being forgotten */
        else if (round % 3 == 2)
            add(&fresh, MESSAGE("0", .key = NULL, .delay_ms = 3600000)); /* its queue has something, but later */
        if (round / 3 % 2) { /* another queue is what they are looked at for */
            work_on(&work);
            add_to(&fresh, "other", TARGET);
        }
        for (int i = 0; i < round / 12; i++)
            turn(&work);
        if (round / 6 % 2) /* what was asked is not read yet */
            assert_ok(pawl_store_step(fresh.store, 0, &next_ms, &err));
        int64_t began = now_ms(&fresh);
        pawl_uuid id = add(&fresh, MESSAGE("1", .key = NULL)).id;
        work_on(&work);
        if (!is_in(&work, id, "delivered"))
            fail_msg("in round %d it is not sent", round);
        assert_int_equal(now_ms(&fresh), began);
        end(&work, worker);
        close_world(&fresh);
    }
}

#define MANY 300

/* Beside many queues that something waits in, one message costs what it is. */
static void news_are_read_alone(struct world *w)
{
    struct page page;
    struct query news = {.kind = QUERY_QUEUES, .wants_due = true, .wants_news = true, .limit = UINT32_MAX};
    struct store *store = w->store->opened->store;
    char lane[20];
    assert_ok(pawl_target_add(w->store, TARGET, "callback:deliver", NULL, NULL, 0, BECAUSE(1), &err));
    for (int i = 0; i < MANY; i++) {
        snprintf(lane, sizeof lane, "lane%d", i);
        add_to(w, lane, TARGET);
    }
    assert_ok(pawli_store_query(store, &news, &page, &err));
    assert_int_equal(page.count, MANY);
    news.after = page.next;
    pawli_page_done(&page);
    assert_ok(pawli_store_query(store, &news, &page, &err));
    assert_int_equal(page.count, 0);
    assert_int_equal(page.next, news.after);
    pawli_page_done(&page);
    add_to(w, "lane7", TARGET);
    add_to(w, "lane9", TARGET);
    add_to(w, "lane7", TARGET);
    add_to(w, "lane8", "nowhere"); /* nobody can claim from it */
    assert_ok(pawli_store_query(store, &news, &page, &err));
    assert_int_equal(page.count, 2);
    for (size_t i = 0; i < page.count; i++)
        assert_true(text_is(page.queues[i].row.lane, "lane7") || text_is(page.queues[i].row.lane, "lane9"));
    assert_int_equal(page.next, news.after + 4);
    pawli_page_done(&page);
}

static pawl_worker *making_room;

/* While the first one is under way its target is given room for a second, which is claimed then. */
static void make_room(struct work *work, const pawl_message_view *message, pawl_outcome *outcome)
{
    static const pawl_setting two = {"concurrency", "2"};
    (void)message;
    outcome->verdict = PAWL_VERDICT_DELIVERED;
    if (work->count > 1)
        return;
    assert_ok(pawl_target_set(work->w->store, TARGET, NULL, NULL, &two, 1, BECAUSE(2), &err));
    pawli_sim_advance_ms(work->w->env, 1000); /* until it looks again */
    assert_int_equal(counted(making_room).claimed, 1);
    work_on(work);
    assert_int_equal(counted(making_room).claimed, 2);
}

static void who_waits_for_room_gets_it_when_a_policy_gives_it(struct world *w)
{
    static const pawl_setting one = {"concurrency", "1"};
    struct work work;
    begin(&work, w, &one, 1);
    work.deliver = make_room;
    add_to(w, "first", TARGET);
    add_to(w, "second", TARGET);
    making_room = start(&work, "me");
    work_on(&work);
    assert_int_equal(work.count, 2);
    end(&work, making_room);
}

static void a80_whenever_it_is_stopped_nothing_stays_claimed(struct world *w)
{
    LAW(O3);
    bool was_released = false, was_delivered = false;
    for (int turns = 0; !was_delivered; turns++) {
        struct world fresh;
        struct work work;
        open_world(&fresh, w->kind, 1);
        begin(&work, &fresh, NULL, 0);
        pawl_uuid id = add(&fresh, MESSAGE("1", .key = NULL)).id;
        pawl_worker *worker = start(&work, "me");
        for (int i = 0; i < turns; i++)
            turn(&work);
        pawl_worker_stop(worker, 3600000);
        pawl_messages *messages = get(&fresh, id);
        const pawl_message_view *view = pawl_messages_get(messages, 0);
        was_delivered = strcmp(view->state, "delivered") == 0;
        if (!was_delivered) {
            assert_string_equal(view->state, "pending");
            assert_int_equal(view->attempts, 0);
            assert_int_equal(work.count, 0);
            was_released |= counted(worker).claimed == 1;
        }
        pawl_messages_free(messages);
        pawl_worker_free(worker);
        verify(&fresh);
        close_world(&fresh);
        assert_true(turns < 50);
    }
    assert_true(was_released); /* claimed as it was stopped, and given back without an attempt */
}

static const struct conformance_case cases[] = {
    CASE(what_was_signed_is_submitted_again),
    CASE(a65_a66_the_curves_of_other_outboxes_are_policies),
    CASE(a68_jitter_comes_early_and_never_late),
    CASE(a69_what_its_function_refuses_is_not_tried_again),
    CASE(a_retry_does_not_wait_for_the_date_of_a_clock_that_was_set_back),
    CASE(a61_what_a_dead_worker_held_is_delivered_by_the_next),
    CASE(a71_an_effect_without_its_settlement_is_recognised),
    CASE(a40_a76_a_batch_longer_than_its_lease_is_nobody_else_s),
    CASE(a_short_lease_costs_few_commits),
    CASE(a_claim_that_ended_does_not_wait_for_the_poll),
    CASE(a75_a_call_that_does_nothing_is_survived),
    CASE(a75_a_commit_whose_reply_is_lost_is_survived),
    CASE(a82_a_settlement_that_failed_is_said_again),
    CASE(a52_a_refusal_is_kept_until_it_can_be_stored),
    CASE(a79_a_hundred_wakes_make_few_passes),
    CASE(what_is_held_no_longer_is_sent_at_once),
    CASE(whenever_it_comes_it_is_sent_at_once),
    CASE(news_are_read_alone),
    CASE(who_waits_for_room_gets_it_when_a_policy_gives_it),
    CASE(a80_whenever_it_is_stopped_nothing_stays_claimed),
};

int main(void)
{
    return run_on_every_store(cases, COUNT_OF(cases));
}
